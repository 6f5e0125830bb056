package lambda

import "time"

// SetInitTimeout replaces the ten seconds that an init may take.
func (r *Runtime) SetInitTimeout(d time.Duration) { r.initTimeout = d }
