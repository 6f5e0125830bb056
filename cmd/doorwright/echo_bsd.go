//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import "golang.org/x/sys/unix"

// How a terminal's settings are read and written (tty(4)).
const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
