package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// Routes are selected as the developer guide says: a full match of path and
// method, where a variable counts as a full match; else a greedy match; else
// $default. A route key never matches part of the way, and nothing redirects.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
//
// A table is compiled once and never changes.
type table struct {
	stage    string     // the first segment of every path, or empty for $default
	full     [][]*shape // by number of segments; each by rank
	greedy   []*shape   // by rank
	fallback *endpoint  // $default
	ranked   []*shape   // of a REST API: all shapes, the most specific first
}

// A shape is a path without the names of its variables, and the routes that
// have it.
type shape struct {
	segments []string    // a literal, or empty for a variable
	literals int         // how many of them are literals
	greedy   bool        // one more variable follows, which takes all the rest
	byMethod []*endpoint // exact methods first, ANY last
}

// find gives the route of a path under one reading of it, or nil.
func (t *table) find(method string, segments []string) *endpoint {
	if t.ranked != nil {
		return t.findREST(method, segments)
	}
	if t.stage != "" {
		if len(segments) == 0 || segments[0] != t.stage {
			return nil
		}
		if segments = segments[1:]; len(segments) == 1 && segments[0] == "" {
			segments = nil // /dev/ is the root of the stage dev, as is /dev
		}
	}
	if n := len(segments); n < len(t.full) {
		for _, s := range t.full[n] {
			if e := s.accept(method); e != nil && s.matches(segments) {
				return e
			}
		}
	}
	for _, s := range t.greedy {
		if n := len(s.segments); n < len(segments) && (n+1 < len(segments) || segments[n] != "") {
			if e := s.accept(method); e != nil && s.matches(segments[:n]) {
				return e
			}
		}
	}
	return t.fallback
}

// accept gives the route for a method: its own before that of ANY.
func (s *shape) accept(method string) *endpoint {
	for _, e := range s.byMethod {
		if e.method == method || e.method == "ANY" {
			return e
		}
	}
	return nil
}

// matches says whether as many segments as the shape has are of that shape. A
// variable stands for at least one character.
func (s *shape) matches(segments []string) bool {
	for i, want := range s.segments {
		if got := segments[i]; got == "" || want != "" && want != got {
			return false
		}
	}
	return true
}

// variables appends the path variables of a path that matched.
func (t *table) variables(to []apigw.Pair, e *endpoint, segments []string) []apigw.Pair {
	if len(e.variables) == 0 {
		return to
	}
	if t.stage != "" {
		segments = segments[1:]
	}
	for _, v := range e.variables {
		value := segments[v.at]
		if v.greedy {
			// Its value has no slash at its end, though rawPath keeps one.
			value = strings.TrimSuffix(strings.Join(segments[v.at:], "/"), "/")
		}
		to = append(to, apigw.Pair{Name: v.name, Value: value})
	}
	return to
}

// A variable is one of a route's path variables.
type variable struct {
	name   string
	at     int // the segment, without the stage
	greedy bool
	secret bool // by its name
}

// compile checks the route keys and builds the table.
func compile(stage string, endpoints []*endpoint) (*table, []error) {
	t := &table{}
	if stage != DefaultStage {
		t.stage = stage
	}
	var mistakes []error
	for _, e := range endpoints {
		if err := t.add(e); err != nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: %w", e.key, err))
		}
	}
	for _, shapes := range append(t.full, t.greedy) {
		slices.SortStableFunc(shapes, compareRank)
		for _, s := range shapes {
			slices.SortStableFunc(s.byMethod, func(a, b *endpoint) int {
				return cmp.Compare(b2i(a.method == "ANY"), b2i(b.method == "ANY"))
			})
		}
	}
	return t, mistakes
}

// compareRank puts the shape that wins first: the one with more literals, then
// with more segments ahead of a greedy variable, then with its literals
// further left.
func compareRank(a, b *shape) int {
	if c := cmp.Compare(b.literals, a.literals); c != 0 {
		return c
	}
	if c := cmp.Compare(len(b.segments), len(a.segments)); c != 0 {
		return c
	}
	for i := range a.segments {
		if c := cmp.Compare(b2i(a.segments[i] == ""), b2i(b.segments[i] == "")); c != 0 {
			return c
		}
	}
	return 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *table) add(e *endpoint) error {
	if e.key == "$default" {
		if t.fallback != nil {
			return errors.New("it is there twice")
		}
		t.fallback = e
		return nil
	}
	s, err := e.parseKey()
	if err != nil {
		return err
	}
	shapes := &t.greedy
	if !s.greedy {
		for len(t.full) <= len(s.segments) {
			t.full = append(t.full, nil)
		}
		shapes = &t.full[len(s.segments)]
	}
	for _, have := range *shapes {
		if slices.Equal(have.segments, s.segments) {
			for _, other := range have.byMethod {
				if other.method == e.method {
					return fmt.Errorf("it matches the same requests as route %q", other.key)
				}
			}
			have.byMethod = append(have.byMethod, e)
			return nil
		}
	}
	s.byMethod = []*endpoint{e}
	*shapes = append(*shapes, s)
	return nil
}

// methods are what a route key may begin with.
var methods = [...]string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// parseKey reads "METHOD /path" into the endpoint and gives the path's shape.
func (e *endpoint) parseKey() (*shape, error) {
	method, path, ok := strings.Cut(e.key, " ")
	if !ok || !slices.Contains(methods[:], method) || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("a route key is $default, or METHOD /path with one of the methods %s", strings.Join(methods[:], ", "))
	}
	e.method, e.resource = method, path
	s := &shape{}
	if path == "/" {
		return s, nil
	}
	if strings.HasSuffix(path, "/") {
		return nil, errors.New("its path ends with a slash")
	}
	for i, text := range strings.Split(path[1:], "/") {
		if s.greedy {
			return nil, errors.New("a greedy variable must be the last segment")
		}
		name, isVariable, err := parseSegment(text)
		if err != nil {
			return nil, err
		}
		if !isVariable {
			s.segments = append(s.segments, text)
			s.literals++
			continue
		}
		name, s.greedy = strings.CutSuffix(name, "+")
		if slices.ContainsFunc(e.variables, func(v variable) bool { return v.name == name }) {
			return nil, fmt.Errorf("it has the variable %q twice", name)
		}
		e.variables = append(e.variables, variable{name, i, s.greedy, secretVariable(name)})
		if !s.greedy {
			s.segments = append(s.segments, "")
		}
	}
	return s, nil
}

// parseSegment tells a literal from a variable. A variable is a whole segment.
func parseSegment(text string) (name string, isVariable bool, err error) {
	name, open := strings.CutPrefix(text, "{")
	name, closed := strings.CutSuffix(name, "}")
	bare := strings.TrimSuffix(name, "+")
	switch {
	case open && closed && bare != "" && strings.Trim(bare, segmentBytes) == "":
		return name, true, nil
	case !open && !closed && text != "" && text != "." && text != ".." && strings.Trim(text, segmentBytes) == "":
		return "", false, nil
	}
	return "", false, fmt.Errorf("segment %q is neither letters, digits and any of .:_- nor {name} or {name+}", text)
}

// segmentBytes are what literals and names are made of.
const segmentBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-"

// A match is the route of a request.
type match struct {
	*endpoint
	segments []string // of the path, each decoded, with the stage
}

// match selects the route of a request.
//
// The path is split at its slashes, then each segment is decoded, as RFC 3986
// (section 2.4) wants it. What stands behind the gateway may read a path
// otherwise: decode it before splitting, or once more, merge slashes, ignore a
// slash at the end, take a backslash for a slash, or drop ";parameters". A
// path that such a reader would send to another route is refused: no request
// must reach by a second reading what its first reading did not authorize.
func (t *table) match(method, escaped string, segments []string) (match, error) {
	if !strings.HasPrefix(escaped, "/") {
		return match{}, errors.New("the path does not begin with a slash")
	}
	segments, plain := appendSegments(segments, escaped)
	if !plain {
		if err := t.unambiguous(method, segments); err != nil {
			return match{}, err
		}
	}
	e := t.find(method, segments)
	if e == nil {
		return match{}, errNoRoute
	}
	return match{e, segments}, nil
}

// appendSegments splits and decodes a path. It says whether the path is plain:
// whether every reading of it is the same.
func appendSegments(to []string, escaped string) (segments []string, plain bool) {
	plain = true
	rest := escaped[1:]
	if rest == "" {
		return to, true
	}
	for more := true; more; {
		var s string
		s, rest, more = strings.Cut(rest, "/")
		if strings.IndexByte(s, '%') >= 0 {
			if d, err := url.PathUnescape(s); err == nil {
				s = d
			}
		}
		plain = plain && isPlain(s)
		to = append(to, s)
	}
	return to, plain
}

// isPlain says whether a decoded segment reads the same everywhere.
func isPlain(segment string) bool {
	if segment == "" || segment[0] == '.' {
		return false
	}
	for i := 0; i < len(segment); i++ {
		switch c := segment[i]; c {
		case '/', '\\', ';', '?', '#', '%', 0x7f:
			return false
		default:
			if c < ' ' {
				return false
			}
		}
	}
	return true
}

// maxDecodings bounds how many layers of percent-encoding are looked into.
const maxDecodings = 4

// unambiguous reads a path in every way that a later reader might and gives an
// error unless all of them come to the route of the first.
func (t *table) unambiguous(method string, segments []string) error {
	want := t.find(method, segments)
	for level := 0; level <= maxDecodings; level++ {
		for way := range 4 {
			reading, err := readAs(segments, way)
			if err != nil {
				return err
			}
			if got := t.find(method, reading); got != want {
				return fmt.Errorf("the path is ambiguous: it is for %s, but for %s where it is read as %.200q",
					want.name(), got.name(), RedactedPath("/"+strings.Join(reading, "/")))
			}
		}
		next := readAgain(segments, level)
		if level > 0 && slices.Equal(next, segments) {
			return nil
		}
		segments = next
	}
	return fmt.Errorf("the path is percent-encoded more than %d times", maxDecodings)
}

// The ways to read segments; both may be combined.
const (
	withoutEmpty      = 1 // merge slashes, and ignore one at the end
	withoutParameters = 2 // drop ";parameters"
)

func readAs(segments []string, way int) ([]string, error) {
	out := make([]string, 0, len(segments))
	for _, s := range segments {
		if way&withoutParameters != 0 {
			s, _, _ = strings.Cut(s, ";")
		}
		if s == "." || s == ".." {
			return nil, errors.New("the path has a dot segment")
		}
		for i := 0; i < len(s); i++ {
			if s[i] < ' ' || s[i] == 0x7f {
				return nil, errors.New("the path has a control character")
			}
		}
		if s != "" || way&withoutEmpty == 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// readAgain splits decoded segments anew, so that what was an encoded slash
// separates. After level 0 it decodes them once more before.
func readAgain(segments []string, level int) []string {
	path := strings.Join(segments, "/")
	if level > 0 {
		path = decodeLeniently(path)
	}
	path = strings.ReplaceAll(path, `\`, "/")
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// decodeLeniently decodes what is percent-encoded in s and leaves other
// percent signs as they are.
func decodeLeniently(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if d, err := url.PathUnescape(s[i : i+3]); err == nil {
				b = append(b, d...)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
