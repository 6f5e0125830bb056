package doorwright

import (
	"context"
	"time"

	"github.com/doorwright/doorwright/internal/console"
)

// SetDrain makes the drain short enough for a test to outlast it.
func (a *App) SetDrain(d time.Duration) { a.drain = d }

// Call runs an operation on user pools as an administrator.
func (a *App) Call(ctx context.Context, operation string, in any) error {
	return a.pools.Call(ctx, operation, in, nil)
}

// DescriptorLimit is how many descriptors the process may have: Go raises the
// soft limit to the hard one as it starts.
func DescriptorLimit() int { return descriptorLimit() }

// NewFunctionLog gives what keeps the lines of functions in a folder.
func NewFunctionLog(dir string) (add func(LogLine) error, closed func() error) {
	l := &functionLog{dir: dir}
	return l.add, l.close
}

// Feed, NewFeed and FeedEvent are what the console shows of what happens.
type (
	Feed      = feed
	FeedEvent = console.Event
)

func NewFeed(seq uint64) *Feed  { return newFeed(seq) }
func (f *feed) Publish(e Event) { f.publish(e) }
