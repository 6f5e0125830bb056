package doorwright

import "time"

// SetDrain makes the drain short enough for a test to outlast it.
func (a *App) SetDrain(d time.Duration) { a.drain = d }

// DescriptorLimit is how many descriptors the process may have: Go raises the
// soft limit to the hard one as it starts.
func DescriptorLimit() int { return descriptorLimit() }
