package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// hintedError is an error with its fix.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Hint() string  { return e.hint }
func (e *hintedError) Unwrap() error { return e.error }

// passwordFlag is the way of scripts to say a password. There is no flag that takes one
// as its value: other users of the machine see the arguments of a program while it
// runs, and a shell keeps them in its history.
func passwordFlag(cmd *cobra.Command, stdin *bool) {
	cmd.Flags().BoolVar(stdin, "password-stdin", false, "read the password from standard input: its first line")
}

// readPassword asks for a new password, twice, without showing it; or reads it from
// standard input.
func readPassword(cmd *cobra.Command, stdin bool) (string, error) {
	if stdin {
		password, err := readSecret(cmd)
		if err == nil && password == "" {
			err = errors.New("standard input has no password")
		}
		return password, err
	}
	f, isFile := cmd.InOrStdin().(*os.File)
	var restore func()
	if isFile {
		restore, isFile = withoutEcho(f)
	}
	if !isFile {
		return "", &hintedError{errors.New("nobody is there to type a password"), "pipe it: printf %s \"$PASSWORD\" | doorwright " + cmd.CommandPath()[len(cmd.Root().Name())+1:] + " --password-stdin …"}
	}
	defer restore()
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Again: "} {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		var err error
		typed[i], err = readSecret(cmd)
		fmt.Fprintln(cmd.ErrOrStderr())
		if err != nil {
			return "", err
		}
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords are not the same: nothing was changed")
	}
	return typed[0], nil
}

// maxSecret bounds what is read as a password or a token.
const maxSecret = 64 << 10

// readSecret reads a line of standard input byte by byte, so that what follows is there
// for the next. Spaces are part of a password; the line's end is not. An interrupt ends
// the wait, and with it soon the program.
func readSecret(cmd *cobra.Command) (string, error) {
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // ends with the line, or with the process
		var l line
		for b := make([]byte, 1); len(l.text) < maxSecret; {
			n, err := cmd.InOrStdin().Read(b)
			if n == 1 && b[0] == '\n' {
				break
			}
			if l.text = append(l.text, b[:n]...); err != nil {
				if len(l.text) == 0 {
					l.err = err
				}
				break
			}
		}
		if n := len(l.text); n > 0 && l.text[n-1] == '\r' {
			l.text = l.text[:n-1]
		}
		read <- l
	}()
	select {
	case <-cmd.Context().Done():
		return "", errDeclined
	case l := <-read:
		if l.err != nil {
			return "", fmt.Errorf("reading standard input: %w", l.err)
		}
		return string(l.text), nil
	}
}
