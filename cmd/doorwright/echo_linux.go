package main

import "golang.org/x/sys/unix"

// How a terminal's settings are read and written (tty_ioctl(2)).
const getTermios, setTermios = unix.TCGETS, unix.TCSETS
