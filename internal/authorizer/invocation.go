package authorizer

import "time"

// An Invocation is what is told of one invocation of a function for a request. Event
// and Reply are the beginning of each with what is secret left out, and are nobody
// else's memory.
type Invocation struct {
	// ID is the invocation's own request id, which is on the function's log
	// lines; empty if the function was not invoked for this request.
	ID       string
	Function string
	// Event and Reply are empty if nobody asked for them.
	Event, Reply []byte
	// EventSize and ReplySize are the sizes of the whole of them.
	EventSize, ReplySize int
	// Error says what kept the function from answering, or how it failed.
	Error    string
	Duration time.Duration
}
