// Package matrix is the authorization matrix: who may call which route. It has the
// table, its text, which is kept in a file and read in review, and what differs
// between two of them. It decides nothing: whoever fills it asks the gateway.
package matrix

import (
	"slices"

	"github.com/doorwright/doorwright/internal/explain"
)

// Allowed is the outcome of a request that would go on to what the route leads to. Any
// other is the status of the refusal.
const Allowed = "allowed"

// Unreachable is the outcome of a route that no request reaches, because others are in
// front of it.
const Unreachable = "unreachable"

// NotAsked is the outcome where a caller has nothing to do with a route, such as one
// without an API key where none is asked for.
const NotAsked = "-"

// NoToken is the outcome where a caller has no token to send: the function that runs
// before tokens gives such a user none.
const NoToken = "no token"

// A Matrix has a row for each route and a column for each caller.
type Matrix struct {
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
}

// A Column is a caller.
type Column struct {
	// Name names the caller, such as role:unicorn-trainer. It has no two spaces in a row.
	Name string `json:"name"`
	// About says in words who that is.
	About string `json:"about,omitempty"`
	// Kind says what the caller sends.
	Kind Kind `json:"kind"`
}

// A Kind is what a caller sends.
type Kind string

// What callers send. Some send what the right caller of each route does, with one thing
// wrong.
const (
	Nothing     Kind = "nothing" // no credentials
	Forged      Kind = "forged"  // the right ones with a changed signature
	Expired     Kind = "expired" // the right ones of long ago
	NoAPIKey    Kind = "no-api-key"
	WrongAPIKey Kind = "wrong-api-key"
	Token       Kind = "token" // a token of its own
	Keys        Kind = "keys"  // AWS credentials of its own
	Own         Kind = "own"   // whatever a test sends
)

// A Row is a route.
type Row struct {
	API        string `json:"api"`
	Route      string `json:"route"`
	Authorizer string `json:"authorizer"`
	Cells      []Cell `json:"cells"` // one for each column
}

// name gives the row's name, which no other row has.
func (r Row) name() string { return r.API + " " + r.Route }

// A Cell is what a caller gets at a route.
type Cell struct {
	// Outcome is Allowed, the status of the refusal, or one of those above.
	Outcome string `json:"outcome"`
	// Why says what decided. It is not in the text, for it names keys and times.
	Why string `json:"why,omitempty"`
	// Explanation is the whole story.
	Explanation *explain.Explanation `json:"-"`
}

// Of gives what a caller gets at a route.
func (m *Matrix) Of(api, route, column string) (Cell, bool) {
	at := slices.IndexFunc(m.Columns, func(c Column) bool { return c.Name == column })
	for _, r := range m.Rows {
		if r.API == api && r.Route == route && at >= 0 && at < len(r.Cells) {
			return r.Cells[at], true
		}
	}
	return Cell{}, false
}

// Without gives the matrix without the rows and columns for which a function says so.
func (m *Matrix) Without(row func(api, route string) bool, column func(string) bool) *Matrix {
	left := &Matrix{}
	for _, c := range m.Columns {
		if !column(c.Name) {
			left.Columns = append(left.Columns, c)
		}
	}
	for _, r := range m.Rows {
		if row(r.API, r.Route) {
			continue
		}
		cells := r.Cells
		r.Cells = nil
		for i, c := range m.Columns {
			if !column(c.Name) {
				r.Cells = append(r.Cells, cells[i])
			}
		}
		left.Rows = append(left.Rows, r)
	}
	return left
}
