package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// PassedOver is a route that a request did not go to, and why.
type PassedOver struct{ Route, Why string }

// maxPassedOver is how many routes are told of.
const maxPassedOver = 5

// PassedOver gives the routes that were the closest to the request beside the one that
// it went to, the closest first. It goes by what the entry tells of the path.
func (e *Entry) PassedOver() []PassedOver {
	path, _, _ := strings.Cut(e.Path, "?")
	if e.Trace == nil || e.Trace.At < AtRoute || !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "...") {
		return nil
	}
	t := e.Trace.g.table
	if rest := e.Trace.g.rest; rest != nil {
		var err error
		if path, _, err = cutStage(e.Trace.g.config.Stage, path); err != nil {
			return nil
		}
	}
	segments, _ := appendSegments(nil, path)
	if t.stage != "" && len(segments) > 0 {
		segments = segments[1:]
	}
	type rival struct {
		PassedOver
		rank int // the higher, the closer
	}
	var rivals []rival
	for _, s := range t.shapes() {
		same, why := s.compare(segments)
		for _, r := range s.byMethod {
			switch {
			case r.key == e.RouteKey || r.preflight:
			case why == "" && (r.method == e.Method || r.method == "ANY"):
				rivals = append(rivals, rival{PassedOver{r.key, "matches too, and is less specific"}, 1 << 20})
			case why == "":
				rivals = append(rivals, rival{PassedOver{r.key, fmt.Sprintf("is for the method %s, not %s", r.method, e.Method)}, 1 << 10})
			case same > 0 || e.RouteKey == "":
				rivals = append(rivals, rival{PassedOver{r.key, why}, same})
			}
		}
	}
	if f := t.fallback; f != nil && f.key != e.RouteKey {
		rivals = append(rivals, rival{PassedOver{f.key, "is for what no other route matches"}, 1 << 9})
	}
	slices.SortStableFunc(rivals, func(a, b rival) int { return cmp.Compare(b.rank, a.rank) })
	var list []PassedOver
	for _, r := range rivals[:min(len(rivals), maxPassedOver)] {
		list = append(list, r.PassedOver)
	}
	return list
}

// shapes are all of the table.
func (t *table) shapes() (all []*shape) {
	for _, s := range t.full {
		all = append(all, s...)
	}
	return append(all, t.greedy...)
}

// compare says how many segments of a path are the shape's from the left, and what the
// first difference is; none if the whole path is of the shape.
func (s *shape) compare(segments []string) (same int, why string) {
	for i, want := range s.segments {
		switch {
		case i == len(segments):
			return same, fmt.Sprintf("has %s, the path %d", counted(len(s.segments)), len(segments))
		case segments[i] == "":
			return same, fmt.Sprintf("segment %d of the path is empty", i+1)
		case want != "" && want != segments[i]:
			return same, fmt.Sprintf("segment %d is %q, not %s", i+1, want, authorizer.ShortQuote(segments[i]))
		}
		same++
	}
	n := len(s.segments)
	switch {
	case s.greedy && (len(segments) == n || len(segments) == n+1 && segments[n] == ""):
		return same, "needs one segment more"
	case !s.greedy && len(segments) > n:
		return same, fmt.Sprintf("has %s, the path %d", counted(n), len(segments))
	}
	return same, ""
}

func counted(n int) string {
	if n == 1 {
		return "1 segment"
	}
	return fmt.Sprintf("%d segments", n)
}
