//go:build unix && !aix && !solaris

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// withoutEcho lets a terminal not show what is typed, until restore is called. It is
// false of what is no terminal.
func withoutEcho(f *os.File) (restore func(), ok bool) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, false
	}
	silent := *was
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ICANON | unix.ISIG
	if unix.IoctlSetTermios(fd, setTermios, &silent) != nil {
		return nil, false
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, was) }, true
}
