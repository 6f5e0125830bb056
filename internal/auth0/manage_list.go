package auth0

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Bounds of a page of a list.
const (
	pageSize    = 50
	maxPageSize = 100
	maxPage     = 1 << 30
)

// window is the part of a list that is asked for.
type window struct {
	start, limit int
	totals       bool
	// With checkpoint, the list goes on behind the one that after tells.
	checkpoint bool
	after      string
}

// number reads a parameter that is a number.
func (m *managed) number(name string, otherwise, least, most int) (int, error) {
	given, ok := m.query[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(given[0])
	switch {
	case err != nil:
		return 0, invalidQuery(name, "Expected type integer but found type string")
	case n < least:
		return 0, invalidQuery(name, "Value %d is less than minimum %d", n, least)
	case n > most:
		return 0, invalidQuery(name, "Value %d is greater than maximum %d", n, most)
	}
	return n, nil
}

// choice reads a parameter that is true or false.
func (m *managed) choice(name string, otherwise bool) (bool, error) {
	switch given, ok := m.query[name]; {
	case !ok:
		return otherwise, nil
	case given[0] == "true":
		return true, nil
	case given[0] == "false":
		return false, nil
	}
	return false, invalidQuery(name, "Expected type boolean but found type string")
}

// window reads which part of a list is asked for. Only a list that is told with
// take goes on from a checkpoint.
func (m *managed) window(checkpoints bool) (window, error) {
	page, err := m.number("page", 0, 0, maxPage)
	if err != nil {
		return window{}, err
	}
	w := window{}
	if w.limit, err = m.number("per_page", pageSize, 0, maxPageSize); err != nil {
		return window{}, err
	}
	if w.totals, err = m.choice("include_totals", false); err != nil {
		return window{}, err
	}
	w.start = page * w.limit
	if !checkpoints || !m.query.Has("take") && !m.query.Has("from") {
		return w, nil
	}
	if w.limit, err = m.number("take", pageSize, 1, maxPageSize); err != nil {
		return window{}, err
	}
	w.checkpoint, w.start = true, 0
	if from := m.query.Get("from"); from != "" {
		after, err := base64.RawURLEncoding.DecodeString(from)
		if err != nil || len(after) == 0 || len(after) > 200 {
			return window{}, invalidQuery("from", "Object didn't pass validation for format checkpoint: %.100s", from)
		}
		w.after = string(after)
	}
	return w, nil
}

// next gives the checkpoint behind a row.
func next(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

// fields reads which members of its objects are asked for.
func (m *managed) fields() (map[string]bool, bool, error) {
	include, err := m.choice("include_fields", true)
	if err != nil {
		return nil, false, err
	}
	names := map[string]bool{}
	for _, name := range strings.Split(m.query.Get("fields"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names[name] = true
		}
	}
	return names, include, nil
}

// The orders of the members of a list with its totals: those that have been seen.
type order int

const (
	totalFirst order = iota // total, start, limit, the list
	totalLast               // the list, start, limit, total
	withLength              // start, limit, length, the list, total
)

// listed gives a page of a list as Auth0 does.
func (w window) listed(o order, entity string, page []ordered, total int) any {
	if page == nil {
		page = []ordered{}
	}
	if !w.totals {
		return page
	}
	of := ordered{{"start", w.start}, {"limit", w.limit}}
	switch o {
	case totalFirst:
		return append(ordered{{"total", total}}, append(of, field{entity, page})...)
	case withLength:
		return append(of, field{"length", len(page)}, field{entity, page}, field{"total", total})
	}
	return append(ordered{{entity, page}}, append(of, field{"total", total})...)
}

// going gives a page of a list that goes on from checkpoints; after is that of
// its last one, or "" if there is no more.
func (w window) going(entity string, page []ordered, after string) any {
	if page == nil {
		page = []ordered{}
	}
	answer := ordered{{entity, page}}
	if after != "" {
		answer = answer.with("next", next(after))
	}
	return answer
}

// placed is something in a list that is held in memory; place tells where in the
// list it is, and stays the same while others come and go.
type placed interface {
	place() int64
	wire(*Tenant, *managed) ordered
}

// listKept answers a list that is held in memory, in the order of its places.
func listKept[T placed](t *Tenant, m *managed, entity string, all []T) (any, error) {
	w, err := m.window(true)
	if err != nil {
		return nil, err
	}
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	rest := all
	if w.after != "" {
		after, err := strconv.ParseInt(w.after, 10, 64)
		if err != nil {
			return nil, invalidQuery("from", "Object didn't pass validation for format checkpoint: %s", m.query.Get("from"))
		}
		for len(rest) > 0 && rest[0].place() <= after {
			rest = rest[1:]
		}
	}
	rest = rest[min(w.start, len(rest)):]
	more := len(rest) > w.limit
	var page []ordered
	last := ""
	for _, one := range rest[:min(w.limit, len(rest))] {
		page = append(page, one.wire(t, m).only(fields, include))
		last = strconv.FormatInt(one.place(), 10)
	}
	if !w.checkpoint {
		return w.listed(totalFirst, entity, page, len(all)), nil
	}
	if !more {
		last = ""
	}
	return w.going(entity, page, last), nil
}
