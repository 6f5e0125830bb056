package table

import (
	"cmp"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
)

// An Event is a request that was answered.
type Event struct {
	aws.Outcome
	// Table is the declared name of the table, or the table's own; with several, the
	// first.
	Table string
	// Status is the answer's.
	Status int
	// Touched is what the request touches, as it was read: of very many the first ones.
	Touched []Touched
	// Decisions are what the policies said of each action, table and index.
	Decisions []*iam.Evidence
}

// Touched is one action on one table or index.
type Touched struct {
	Action, Table, Index string // Action without dynamodb:
	// Keys are the partition keys of the items that it names, and Attributes what of
	// them it names.
	Keys, Attributes []string
}

// The bounds of what is told of one request.
const (
	maxTouched       = 16
	maxTouchedValues = 16
	maxTouchedBytes  = 4 << 10
)

// touch notes what a request touches. Values that are long are left out.
func (e *Event) touch(s *Service, a *access) {
	if len(e.Touched) == maxTouched {
		return
	}
	room := maxTouchedBytes
	few := func(values []string) []string {
		values = values[:min(len(values), maxTouchedValues)]
		for i, v := range values {
			if room -= len(v); room < 0 {
				return values[:i]
			}
		}
		return values
	}
	t := Touched{Action: a.action, Index: a.index, Keys: few(a.leading), Attributes: few(a.attributes)}
	if a.table != "" {
		t.Table = s.nameOf(a.table)
	}
	e.Touched = append(e.Touched, t)
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
