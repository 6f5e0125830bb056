package doorwright

import (
	"errors"
	"math"

	"golang.org/x/sys/windows"
)

// portBusy says whether another program holds the port, or may alone hold it.
// Windows reports Winsock's own numbers, which syscall.EADDRINUSE is not.
func portBusy(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// descriptorLimit gives how many descriptors this process may have. Sockets
// here are handles, of which there are enough.
func descriptorLimit() int { return math.MaxInt32 }
