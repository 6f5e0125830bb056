package doorwright

import (
	"errors"

	"golang.org/x/sys/windows"
)

// portBusy says whether another program holds the port, or may alone hold it.
// Windows reports Winsock's own numbers, which syscall.EADDRINUSE is not.
func portBusy(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
