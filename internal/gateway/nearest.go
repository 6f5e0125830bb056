package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// The bounds of the search for what a request may have meant. It is made for
// requests that no route matches, so that their sender could make it costly.
const (
	maxMissedSegments = 16
	maxMissedPath     = 256
	maxMisspelled     = 2 // letters that may be wrong, in all
)

// noRoute explains that no route matches, by the route that is nearest.
func (x *exchange) noRoute(cause error) error {
	method, t := x.r.Method, x.g.table
	escaped := x.r.URL.EscapedPath()
	if x.g.rest != nil {
		escaped = x.rest.path
	}
	r := authorizer.Reason{Code: CodeNoRoute, Text: cause.Error()}
	if !errors.Is(cause, errNoRoute) {
		r.Code = CodeAmbiguousPath
	}
	shown := loggedMethod(method) + " " + shownPath(x.r.URL.Path)
	r.Facts = []authorizer.Fact{{Name: "route", Want: "one of the API's routes", Got: shown}}
	if r.Code == CodeNoRoute && x.missedPreflight(&r) {
		return &refused{r, cause}
	}
	if len(escaped) <= maxMissedPath && strings.HasPrefix(escaped, "/") {
		segments, _ := appendSegments(nil, escaped)
		if r.Code == CodeNoRoute {
			if methods := t.methodsOf(segments); len(methods) > 0 {
				return &refused{x.otherMethod(r, methods), cause}
			}
		}
		if len(segments) <= maxMissedSegments {
			if near := t.nearest(method, segments); near != nil {
				return &refused{x.otherPath(r, method, t.find(method, near), near), cause}
			}
		}
	}
	if r.Code == CodeAmbiguousPath {
		to := "/"
		if strings.HasPrefix(escaped, "/") && len(escaped) <= maxMissedPath {
			segments, _ := appendSegments(nil, escaped)
			to += strings.Join(resolved(readToTheEnd(segments)), "/")
		}
		if x.g.rest != nil {
			to = strings.TrimSuffix("/"+x.g.config.Stage+to, "/")
		}
		r.Hint = "write the path in the one way that all read alike, " + shownPath(to) + ": without empty and dot segments, backslashes, parameters and a second encoding"
		r.Change = &authorizer.Change{Where: authorizer.InRequest, Name: "path", Value: shownPath(to)}
		return &refused{r, cause}
	}
	key := x.routeKeyFor(method)
	r.Hint = "add the route " + key + " to " + x.g.config.declared("routes")
	r.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: x.g.config.declared("routes"), Value: key}
	return &refused{r, cause}
}

// otherMethod is for a path that is served, by other methods.
func (x *exchange) otherMethod(r authorizer.Reason, methods []string) authorizer.Reason {
	r.Facts[0] = authorizer.Fact{Name: "method", Want: strings.Join(methods, " or "), Got: loggedMethod(x.r.Method)}
	r.Text += ": this path is served for " + strings.Join(methods, ", ")
	r.Hint = "ask by " + methods[0] + ", or add the route " + x.routeKeyFor(x.r.Method) + " to " + x.g.config.declared("routes")
	r.Change = &authorizer.Change{Where: authorizer.InRequest, Name: "method", Value: methods[0]}
	return r
}

// otherPath is for a path that is nearly one that is served.
func (x *exchange) otherPath(r authorizer.Reason, method string, e *endpoint, segments []string) authorizer.Reason {
	path := "/" + strings.Join(segments, "/")
	if x.g.rest != nil {
		path = strings.TrimSuffix("/"+x.g.config.Stage+path, "/")
	}
	to := shownPath(path)
	r.Facts[0].Want = e.key
	if r.Code == CodeNoRoute {
		r.Text += ": the nearest is " + e.key
	}
	what := differs(x.r.URL.Path, path)
	r.Hint = "ask for " + to + what
	if what == "" && r.Code == CodeNoRoute {
		meant, key := loggedMethod(method)+" "+to, x.routeKeyFor(method)
		if r.Hint = "did you mean " + meant + "?"; key != meant {
			r.Hint += " Or add the route " + key + " to " + x.g.config.declared("routes")
		}
	}
	if stage := x.g.table.stage; stage != "" && !strings.HasPrefix(x.r.URL.Path+"/", "/"+stage+"/") {
		r.Hint = "ask for " + to + ": the stage " + stage + " is the first segment, to the letter"
	}
	r.Change = &authorizer.Change{Where: authorizer.InRequest, Name: "path", Value: to}
	return r
}

// differs says what two paths differ in, where that is easily overlooked.
func differs(got, want string) string {
	switch {
	case strings.TrimRight(got, "/") == strings.TrimRight(want, "/"):
		return ": a slash at the end counts"
	case strings.EqualFold(got, want):
		return ": the case of letters counts"
	}
	return ""
}

// missedPreflight explains an OPTIONS request of a browser that nothing answers. A REST
// API's OPTIONS methods answer it whatever its headers are; cors of an HTTP API takes
// both of a preflight's.
func (x *exchange) missedPreflight(r *authorizer.Reason) bool {
	if x.r.Method != http.MethodOptions {
		return false
	}
	const asks = "Access-Control-Request-Method"
	origin, method := x.r.Header.Get("Origin"), x.r.Header.Get(asks)
	switch {
	case x.g.rest != nil && x.g.rest.cors != nil: // it is the path that is not there
		return false
	case x.g.cors != nil && origin != "" && method == "":
		x.notPreflight(r, asks, "a method", http.MethodGet)
		return true
	case x.g.cors != nil && origin == "" && method != "":
		x.notPreflight(r, "Origin", "an origin", x.g.config.CORS.example())
		return true
	case x.g.cors != nil || method == "" || origin == "" && x.g.rest == nil:
		return false
	}
	if origin = authorizer.ShortQuote(origin); origin == `""` {
		origin = "ORIGIN"
	}
	r.Text += ", and the API has no cors to answer preflights"
	r.Facts[0] = authorizer.Fact{Name: "cors", Want: "what answers a preflight", Got: "none"}
	cors := x.g.config.declared("cors")
	r.Hint = "set " + cors + ": {allowOrigins: [" + origin + "], allowMethods: [" + authorizer.ShortQuote(method) + "]"
	if headers := x.r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		var names []string
		for name := range strings.SplitSeq(headers, ",") {
			if names = append(names, authorizer.ShortQuote(strings.TrimSpace(name))); len(names) == maxHintedHeaders {
				break
			}
		}
		r.Hint += ", allowHeaders: [" + strings.Join(names, ", ") + "]"
	}
	r.Hint += "}"
	r.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: cors, Value: "true"}
	return true
}

// notPreflight explains an OPTIONS request that lacks one of the two headers of a
// preflight, so that cors does not answer it.
func (x *exchange) notPreflight(r *authorizer.Reason, header, want, value string) {
	r.Text = "an OPTIONS request without " + header + " is no preflight, and no route matches"
	r.Facts[0] = authorizer.Fact{Name: "header " + header, Want: want, Got: "none"}
	r.Hint = "send " + header + ": " + value + ", as browsers do"
	r.Change = &authorizer.Change{Where: authorizer.InHeader, Name: header, Value: value}
}

// maxHintedHeaders bounds how many of the headers that a preflight asks for are repeated.
const maxHintedHeaders = 8

// routeKeyFor gives the key of a route for what was asked for.
func (x *exchange) routeKeyFor(method string) string {
	path := x.r.URL.Path
	if x.g.rest != nil {
		path = x.rest.path
	} else if x.g.table.stage != "" {
		path = strings.TrimPrefix(path, "/"+x.g.table.stage)
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	e := endpoint{key: method + " " + path}
	if _, err := e.parseKey(); err != nil || len(path) > 64 || len(e.variables) > 0 || authorizer.HoldsToken(path) {
		return "ANY /{proxy+}"
	}
	return e.key
}

// methodsOf gives the methods for which a path is served.
func (t *table) methodsOf(segments []string) (served []string) {
	for _, m := range methods[1:] {
		if t.find(m, segments) != nil {
			served = append(served, m)
		}
	}
	slices.SortStableFunc(served, func(a, b string) int { return b2i(a != http.MethodGet) - b2i(b != http.MethodGet) })
	return served
}

// nearest gives the path of a route that a path nearly is, or nil.
func (t *table) nearest(method string, segments []string) []string {
	decoded := readToTheEnd(segments)
	plain := resolved(decoded)
	tries := [][]string{plain, resolved(slices.DeleteFunc(decoded, func(s string) bool { return s == ".." }))}
	if t.stage != "" {
		tries = append(tries, slices.Concat([]string{t.stage}, plain))
		if len(plain) > 0 {
			tries = append(tries, slices.Concat([]string{t.stage}, plain[1:]), plain[1:])
		}
	}
	for _, try := range tries {
		if t.clean(method, try) {
			return try
		}
	}
	for _, try := range tries {
		if t.stage != "" && (len(try) == 0 || try[0] != t.stage) {
			continue
		}
		if corrected := t.corrected(method, try); t.clean(method, corrected) {
			return corrected
		}
	}
	return nil
}

// readToTheEnd decodes segments as often as they are encoded.
func readToTheEnd(segments []string) []string {
	for level := range maxMissedSegments {
		next := readAgain(segments, level)
		if level > 0 && slices.Equal(next, segments) {
			break
		}
		segments = next
	}
	return slices.Clone(segments)
}

// resolved gives segments that every reader reads alike: without those that are
// empty, as that after a slash at the end is, without parameters and control
// characters, and with dot segments followed (RFC 3986, section 5.2.4).
func resolved(segments []string) []string {
	out := make([]string, 0, len(segments))
	for _, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == '%' || r == '\uFFFD' {
				return -1
			}
			return r
		}, s)
		switch s {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, s)
		}
	}
	return out
}

// clean says whether a path is served, and is the same to every reader.
func (t *table) clean(method string, segments []string) bool {
	if segments == nil || slices.ContainsFunc(segments, func(s string) bool { return !isPlain(s) }) {
		return false
	}
	return t.find(method, segments) != nil && t.unambiguous(method, segments) == nil
}

// corrected puts the literals of the nearest shape in the place of those that are
// nearly them. It gives nil if none is near.
func (t *table) corrected(method string, segments []string) []string {
	var ahead []string
	if t.stage != "" {
		ahead, segments = segments[:1], segments[1:]
	}
	var nearest *shape
	best := maxMisspelled + 1
	consider := func(s *shape, of []string) {
		if s.accept(method) == nil {
			return
		}
		if d := s.distance(of, best); d < best {
			nearest, best = s, d
		}
	}
	if n := len(segments); n < len(t.full) {
		for _, s := range t.full[n] {
			consider(s, segments)
		}
	}
	for _, s := range t.greedy {
		if n := len(s.segments); n < len(segments) {
			consider(s, segments[:n])
		}
	}
	if nearest == nil {
		return nil
	}
	out := slices.Concat(ahead, segments)
	for i, literal := range nearest.segments {
		if literal != "" {
			out[len(ahead)+i] = literal
		}
	}
	return out
}

// distance counts how many letters of the literals of a shape are wrong; letters of
// another case count for nothing. It stops at most.
func (s *shape) distance(segments []string, most int) (sum int) {
	for i, literal := range s.segments {
		if literal == "" || strings.EqualFold(literal, segments[i]) {
			continue
		}
		if sum += misspelled(literal, segments[i]); sum >= most || sum*2 >= len(literal) {
			return most
		}
	}
	return sum
}

// misspelled gives Levenshtein's distance of two words, or more than
// maxMisspelled where it is more than that.
func misspelled(a, b string) int {
	if d := len(a) - len(b); d > maxMisspelled || -d > maxMisspelled || len(a) > 64 {
		return maxMisspelled + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := min(row[j]+1, row[j-1]+1, diagonal+b2i(a[i-1] != b[j-1]))
			diagonal, row[j] = row[j], d
		}
	}
	return row[len(b)]
}

// noStageReason explains a path that misses the stage of a REST API.
func (x *exchange) noStageReason(cause error) error {
	stage := x.g.config.Stage
	r := authorizer.Reason{Code: CodeNoStage, Text: cause.Error()}
	sent, _, _ := strings.Cut(strings.TrimLeft(RedactedPath(x.r.URL.EscapedPath()), "/"), "/")
	first, rest, _ := strings.Cut(strings.TrimLeft(x.r.URL.Path, "/"), "/")
	r.Facts = []authorizer.Fact{{Name: "first segment of the path", Want: stage, Got: authorizer.ShortQuote(sent)}}
	tries := []string{strings.TrimLeft(x.r.URL.EscapedPath(), "/"), (&url.URL{Path: rest}).EscapedPath()}
	if strings.EqualFold(first, stage) {
		slices.Reverse(tries)
	}
	best := tries[0]
	for _, try := range tries {
		if m, err := x.g.table.match(x.r.Method, "/"+strings.TrimPrefix(try, "/"), nil); err == nil && m.endpoint != nil {
			best = try
			break
		}
	}
	to := "/" + stage
	if best != "" {
		to += "/" + best
	}
	if unescaped, err := url.PathUnescape(to); err == nil {
		to = shownPath(unescaped)
	}
	r.Hint = "ask for " + to + ": the stage is the first segment of the path, to the letter"
	r.Change = &authorizer.Change{Where: authorizer.InRequest, Name: "path", Value: to}
	return &refused{r, cause}
}
