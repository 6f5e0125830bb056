package authorizer

import "time"

// An Invocation is one invocation of an authorizer function, for who wants to tell of
// it. It is the whole event and the whole reply, secrets included.
type Invocation struct {
	// ID is the invocation's own request id, which is on the function's log
	// lines; empty if the function was not invoked for this request.
	ID           string
	Event, Reply []byte
	// Error says what kept the function from answering, or that it failed.
	Error    string
	Duration time.Duration
}

// end notes what has become of an invocation. Nil is one that nobody wants to know of.
func (i *Invocation) end(began time.Time, reply []byte, functionError string, err error) {
	if i == nil {
		return
	}
	i.Reply, i.Duration = reply, time.Since(began)
	if err != nil {
		i.Error = err.Error()
	} else if functionError != "" {
		i.Error = "function error (" + functionError + ")"
	}
}
