//go:build !windows

package doorwright

import (
	"errors"
	"math"
	"syscall"
)

// portBusy says whether another program holds the port, or may alone hold it.
func portBusy(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}

// descriptorLimit gives how many descriptors this process may have. Go has
// raised it as far as the system lets it.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(l.Cur)
}
