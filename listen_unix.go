//go:build !windows

package doorwright

import (
	"errors"
	"syscall"
)

// portBusy says whether another program holds the port, or may alone hold it.
func portBusy(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}
