package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// A Change is what differs between two matrices, in words: who gained or lost what.
type Change struct {
	// API and Route are empty where a caller came or went.
	API, Route string
	// Caller is empty where a route came or went, or has another authorizer.
	Caller string
	// From and To are outcomes; one is empty where a route or a caller came or went.
	From, To string
	// Why says what decided now.
	Why string

	text string
}

// String says the change in a line.
func (c Change) String() string {
	if c.Why == "" || c.To == Allowed {
		return c.text
	}
	return c.text + ": " + c.Why
}

// Diff says what changed from one matrix to another: first the routes that both have,
// then those that came and went, then the callers.
func Diff(from, to *Matrix) []Change {
	var all []Change
	for _, now := range to.Rows {
		if i := slices.IndexFunc(from.Rows, func(r Row) bool { return r.name() == now.name() }); i >= 0 {
			all = append(all, changesOf(from, from.Rows[i], to, now)...)
		}
	}
	each := func(rows, others []Row, columns []Column, say func(Row, string) Change) {
		for _, r := range rows {
			if slices.ContainsFunc(others, func(o Row) bool { return o.name() == r.name() }) {
				continue
			}
			all = append(all, say(r, allowedTo(columns, r)))
		}
	}
	each(to.Rows, from.Rows, to.Columns, func(r Row, who string) Change {
		return Change{API: r.API, Route: r.Route, To: r.Authorizer, text: fmt.Sprintf("+ %s is a new route (%s), open to %s", r.name(), r.Authorizer, who)}
	})
	each(from.Rows, to.Rows, from.Columns, func(r Row, who string) Change {
		return Change{API: r.API, Route: r.Route, From: r.Authorizer, text: fmt.Sprintf("- %s is gone; it was open to %s", r.name(), who)}
	})
	for _, c := range to.Columns {
		if !hasColumn(from, c.Name) {
			all = append(all, Change{Caller: c.Name, To: c.Name, text: fmt.Sprintf("+ %s is a new caller, who may call %s", c.Name, callableBy(to, c.Name))})
		}
	}
	for _, c := range from.Columns {
		if !hasColumn(to, c.Name) {
			all = append(all, Change{Caller: c.Name, From: c.Name, text: fmt.Sprintf("- %s is gone, who might call %s", c.Name, callableBy(from, c.Name))})
		}
	}
	return all
}

func hasColumn(m *Matrix, name string) bool {
	return slices.ContainsFunc(m.Columns, func(c Column) bool { return c.Name == name })
}

// changesOf compares a route that both matrices have, for the callers that both have.
func changesOf(from *Matrix, was Row, to *Matrix, now Row) []Change {
	var all []Change
	if was.Authorizer != now.Authorizer {
		all = append(all, Change{
			API: now.API, Route: now.Route, From: was.Authorizer, To: now.Authorizer,
			text: fmt.Sprintf("~ %s is guarded by %s, no longer by %s", now.name(), now.Authorizer, was.Authorizer),
		})
	}
	for i, c := range to.Columns {
		j := slices.IndexFunc(from.Columns, func(o Column) bool { return o.Name == c.Name })
		if j < 0 || was.Cells[j].Outcome == now.Cells[i].Outcome {
			continue
		}
		change := Change{API: now.API, Route: now.Route, Caller: c.Name, From: was.Cells[j].Outcome, To: now.Cells[i].Outcome, Why: now.Cells[i].Why}
		switch {
		case change.To == Allowed:
			change.text = fmt.Sprintf("+ %s gained %s (was %s)", c.Name, now.name(), change.From)
		case change.From == Allowed:
			change.text = fmt.Sprintf("- %s lost %s (now %s)", c.Name, now.name(), change.To)
		default:
			change.text = fmt.Sprintf("~ %s is refused %s with %s, no longer with %s", c.Name, now.name(), change.To, change.From)
		}
		all = append(all, change)
	}
	return all
}

// allowedTo lists the callers of a route.
func allowedTo(columns []Column, r Row) string {
	var names []string
	for i, c := range columns {
		if r.Cells[i].Outcome == Allowed {
			names = append(names, c.Name)
		}
	}
	return listed(names)
}

// callableBy lists the routes of a caller.
func callableBy(m *Matrix, column string) string {
	var names []string
	for _, r := range m.Rows {
		if c, _ := m.Of(r.API, r.Route, column); c.Outcome == Allowed {
			names = append(names, r.name())
		}
	}
	return listed(names)
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none of them"
	}
	return strings.Join(names, ", ")
}
