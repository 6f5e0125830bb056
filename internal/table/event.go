package table

import (
	"cmp"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
)

// An Event is a request that was answered.
type Event struct {
	Time      time.Time
	RequestID string
	Operation string
	// Table is the declared name of the table, or the table's own; with several, the
	// first.
	Table string
	// Status is the answer's, Code and Message the error's, and Reason what only the
	// log is told.
	Status                int
	Code, Message, Reason string
	Duration              time.Duration
	// Decisions are what the policies said of each action, table and index, and Cause is
	// the error that it was refused with.
	Decisions []*iam.Evidence
	Cause     error
	// Request is the request, for as long as the log is told of it.
	Request *http.Request
}

// String gives the event as one line. What came from a caller is in it as it came.
func (e Event) String() string {
	line := e.Operation
	if e.Table != "" {
		line += " " + e.Table
	}
	if e.Code == "" {
		return line + ": ok"
	}
	line += ": " + e.Code
	if reason := cmp.Or(e.Reason, e.Message); reason != "" {
		line += " (" + reason + ")"
	}
	return line
}
