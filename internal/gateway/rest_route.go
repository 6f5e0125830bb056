package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A REST API's resources form a tree, and a request is for the most specific
// resource of its path: at each segment a literal before {name} before
// {name+}, in whatever order they were created. If that resource does not
// serve the method, the request falls through to a {name+} elsewhere that
// does. Observed: with POST /admin guarded and an open ANY /{proxy+}, an
// unsigned GET /admin was answered by the latter.

// compileResources checks the route keys of a REST API and builds its table,
// whose paths are without the stage.
func compileResources(endpoints []*endpoint) (*table, []error) {
	t, mistakes := compile(DefaultStage, endpoints)
	if t.fallback != nil {
		mistakes = append(mistakes, errors.New(`route "$default": a REST API has no $default; write "ANY /{proxy+}", and "ANY /" for the root`))
	}
	t.ranked = append(t.ranked, t.greedy...)
	for _, shapes := range t.full {
		t.ranked = append(t.ranked, shapes...)
	}
	slices.SortStableFunc(t.ranked, compareSpecific)
	return t, mistakes
}

// compareSpecific puts the more specific of two shapes first that match one path.
func compareSpecific(a, b *shape) int {
	for i := range max(len(a.segments), len(b.segments)) + 1 {
		if c := cmp.Compare(a.class(i), b.class(i)); c != 0 {
			return c
		}
	}
	return 0
}

// class ranks what a shape has at a segment: a literal, a variable, a greedy
// variable, nothing.
func (s *shape) class(i int) int {
	switch {
	case i < len(s.segments):
		return b2i(s.segments[i] == "")
	case i == len(s.segments) && s.greedy:
		return 2
	}
	return 3
}

// findREST gives the route of a path under one reading of it, or nil. A slash
// at the end counts for nothing; {name+} stands for at least one segment.
func (t *table) findREST(method string, segments []string) *endpoint {
	if !slices.Contains(methods[1:], method) {
		return nil // ANY is those seven
	}
	if n := len(segments); n > 0 && segments[n-1] == "" {
		segments = segments[:n-1]
	}
	var specific *shape
	for _, s := range t.ranked {
		if !s.covers(segments) {
			continue
		}
		if specific == nil || s.greedy {
			if e := s.accept(method); e != nil {
				return e
			}
		}
		if specific == nil {
			specific = s
		}
	}
	return nil
}

// covers says whether the whole path is of the shape.
func (s *shape) covers(segments []string) bool {
	n := len(s.segments)
	if s.greedy {
		return n < len(segments) && (n+1 < len(segments) || segments[n] != "") && s.matches(segments[:n])
	}
	return n == len(segments) && s.matches(segments)
}

// errNoStage is a path whose first segment is not the API's stage.
var errNoStage = errors.New("the path does not begin with the stage")

// cutStage takes the stage from a path, as it was sent. Slashes ahead of the
// stage and behind it are merged, which was observed. The stage is compared
// byte for byte: whether AWS decodes it is not known.
func cutStage(stage, escaped string) (inAPI, inContext string, err error) {
	inContext = "/" + strings.TrimLeft(escaped, "/")
	first, rest, _ := strings.Cut(inContext[1:], "/")
	if first != stage {
		return "", "", fmt.Errorf("%w %q", errNoStage, stage)
	}
	return "/" + strings.TrimLeft(rest, "/"), inContext, nil
}
