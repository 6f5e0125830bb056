package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// withoutEcho lets a console not show what is typed, until restore is called. It is
// false of what is no console.
func withoutEcho(f *os.File) (restore func(), ok bool) {
	h := windows.Handle(f.Fd())
	var was uint32
	if windows.GetConsoleMode(h, &was) != nil {
		return nil, false
	}
	silent := was&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	if windows.SetConsoleMode(h, silent) != nil {
		return nil, false
	}
	return func() { _ = windows.SetConsoleMode(h, was) }, true
}
