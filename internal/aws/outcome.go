package aws

import (
	"net/http"
	"time"
)

// Outcome is what a request to a service came to, for the log: what every service
// tells of it, whatever else it tells. It holds no password, code, session or token.
type Outcome struct {
	// Time is when the operation ended, Duration how long it took.
	Time     time.Time
	Duration time.Duration
	// RequestID is the id that the client got.
	RequestID string
	// Operation is the wire name.
	Operation string
	// Caller is the ARN of who signed; "" if nobody did.
	Caller string
	// Code and Message are the error that the client got; "" for a success.
	Code, Message string
	// Reason says why, in words that the client does not get, and Cause is the error
	// that it was refused for.
	Reason string
	Cause  error
	// Request is the request, for as long as the log is told of it; nil where there was
	// none.
	Request *http.Request
}

// Begin is the outcome of a request that begins now: of r, or of none if that is nil.
func Begin(r *http.Request, operation string, now time.Time) Outcome {
	return Outcome{RequestID: NewRequestID(), Operation: operation, Request: r, Time: now}
}

// End notes when what Begin began has ended.
func (o *Outcome) End(now time.Time) {
	o.Time, o.Duration = now, now.Sub(o.Time)
}

// Refuse notes what the client is refused with.
func (o *Outcome) Refuse(e *Error) {
	o.Code, o.Message = e.Code, e.Message
	if e.Err != nil {
		o.Note(e.Err.Error())
		o.Cause = e.Err
	}
}

// Note adds to what the log alone says.
func (o *Outcome) Note(text string) {
	if o.Reason != "" {
		text = o.Reason + "; " + text
	}
	o.Reason = text
}

// Verdict gives the beginning of a line for a terminal: the operation, what it is
// about, and its code.
func (o *Outcome) Verdict(about ...string) string {
	line := o.Operation
	for _, word := range about {
		if word != "" {
			line += " " + Printable(word)
		}
	}
	if o.Code == "" {
		return line + ": ok"
	}
	return line + ": " + o.Code
}

// Why gives the part of that line that says why, which may be "".
func (o *Outcome) Why() string {
	for _, text := range []string{o.Reason, o.Message} {
		if text != "" {
			return " (" + Printable(text) + ")"
		}
	}
	return ""
}

// SetDate says the time in an answer. SDKs correct their clock by it, so it must be of
// the clock that signatures are judged by.
func SetDate(w http.ResponseWriter, now time.Time) {
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
}
