package app

import (
	"errors"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxTokens bounds the parser's work, which grows with the square of the tokens for
	// some inputs. A declaration of 300 routes, API Gateway's quota, has some 5,000.
	maxTokens = 1 << 15
	// maxRefused bounds anchors, tags and the like, on which it is slowest.
	maxRefused = 100
	// maxDepth bounds nesting, for the parser and the walker call themselves for each
	// level. The deepest key of a declaration is on level 9.
	maxDepth = 32
)

// A reader turns a source into nodes. Where the YAML is broken it goes on with what is
// not: see block.
type reader struct {
	src *source
	p   *problems
	// lines are the source's, with tabs in the indentation (reported) as spaces.
	lines []string
}

// readYAML returns the one document of src. Problems go to p; what could not be read is
// of kind unknown.
func readYAML(src *source, p *problems) *node {
	r := &reader{src: src, p: p}
	r.lines = r.indentation()
	end := len(r.lines)
	tokens := tokenize(strings.Join(r.lines, "\n"))
	if !r.bounded(tokens) {
		return &node{kind: unknown}
	}
	refused, second := r.refused(tokens)
	if refused > maxRefused {
		return &node{kind: unknown}
	}
	if second > 0 { // what follows is not this declaration's
		end = second - 1
	}
	n := r.block(0, end, 0)
	if n == nil {
		n = &node{kind: null, span: span{line: 1, column: 1}}
	}
	return n
}

var blockScalar = regexp.MustCompile(`(^|[:\-?]\s+|^\s*-\s+)[|>][-+0-9]*\s*(#.*)?$`)

// indentation reports the tabs in the indentation and returns the lines with a space
// for each, so that places stay what they are and the rest can be read. Text in block
// scalars (| and >) may have tabs after its own indentation.
func (r *reader) indentation() []string {
	lines := make([]string, len(r.src.lines))
	scalar := -1 // the indentation of the line whose block scalar we are in
	for i, line := range r.src.lines {
		lines[i] = line
		body := strings.TrimLeft(line, " \t")
		indent := len(line) - len(body)
		if body == "" {
			continue
		}
		if scalar >= 0 && len(line)-len(strings.TrimLeft(line, " ")) > scalar {
			continue
		}
		scalar = -1
		if blockScalar.MatchString(body) {
			scalar = indent
		}
		if tab := strings.IndexByte(line[:indent], '\t'); tab >= 0 && body[0] != '#' {
			r.p.add(span{line: i + 1, column: tab + 1}, "indent with spaces", "a tab in the indentation; YAML allows only spaces there")
			lines[i] = strings.ReplaceAll(line[:indent], "\t", " ") + body
		}
	}
	return lines
}

// bounded reports whether the tokens are few and flat enough to be parsed.
func (r *reader) bounded(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.p.add(tokenSpan(tokens[maxTokens]), "", "the file has more than %d YAML tokens", maxTokens)
		return false
	}
	var columns []int // of the blocks that are open
	flow, line := 0, 0
	for _, t := range tokens {
		opens := t.Position.Line != line || t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType
		line = t.Position.Line
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(0, flow-1)
		}
		if opens && flow == 0 {
			for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, t.Position.Column)
		}
		if len(columns)+flow > maxDepth {
			r.p.add(tokenSpan(t), "", "more than %d levels of nesting", maxDepth)
			return false
		}
	}
	return true
}

// refused reports the parts of YAML that a declaration does without, and returns how
// many there are and the line in which a second document starts. References between
// values are written ${...}, which tells what refers to what in the message, the
// template and the schema alike.
func (r *reader) refused(tokens token.Tokens) (count, second int) {
	content, directive := false, 0
	for _, t := range tokens {
		at := tokenSpan(t)
		switch t.Type {
		case token.AnchorType:
			r.p.add(at, "write the value where it is used; an API's defaults: and stages: avoid repetition", "anchors (&) are not supported")
		case token.AliasType:
			r.p.add(at, "write the value itself", "aliases (*) are not supported")
		case token.MergeKeyType:
			r.p.add(span{at.line, at.column, 2}, "write the keys themselves", "merge keys (<<) are not supported")
		case token.TagType:
			r.p.add(span{at.line, at.column, len(t.Value)}, "delete the tag", "tags (%s) are not supported", t.Value)
		case token.DirectiveType:
			r.p.add(at, "delete the line", "directives (%%) are not supported")
			directive = t.Position.Line
		case token.MappingKeyType:
			r.p.add(at, "write key: value", "keys marked by ? are not supported")
		case token.DocumentHeaderType:
			if content && second == 0 {
				r.p.add(span{at.line, at.column, 3}, "keep one declaration to a file", "a second document starts here")
				second = at.line
			}
		case token.CommentType, token.DocumentEndType:
			continue
		}
		content = content || t.Position.Line != directive
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType:
			count++
		}
	}
	return count, second
}

// block reads the lines from start up to end. If they are not YAML it reads them
// key by key, so that one slip hides no other; depth counts how often. What remains
// unreadable is reported and of kind unknown; nil is no content.
func (r *reader) block(start, end, depth int) *node {
	n, broken := r.parse(start, end)
	if broken == nil {
		return n
	}
	reported := len(r.p.list)
	n = r.pieces(start, end, depth)
	if len(r.p.list) == reported {
		r.p.put(broken)
	}
	return n
}

var keyLine = regexp.MustCompile(`^("[^"]*"|'[^']*'|[^\s#"'{}\[\],&*!|>%@-][^#"']*?)\s*:(\s+\S.*|\s*)$`)

// pieces splits a block that is no YAML into its keys and reads each by itself.
func (r *reader) pieces(start, end, depth int) *node {
	indent := -1
	for _, line := range r.lines[start:end] {
		body := strings.TrimLeft(line, " ")
		if body != "" && body[0] != '#' && (indent < 0 || len(line)-len(body) < indent) {
			indent = len(line) - len(body)
		}
	}
	var starts []int
	for i := start; i < end; i++ {
		line := r.lines[i]
		if len(line) > indent && line[:max(indent, 0)] == strings.Repeat(" ", max(indent, 0)) && keyLine.MatchString(line[max(indent, 0):]) {
			starts = append(starts, i)
		}
	}
	if len(starts) == 0 || depth > maxDepth {
		return &node{kind: unknown}
	}
	n := &node{kind: dict, span: span{line: starts[0] + 1, column: indent + 1}}
	for _, line := range r.lines[start:starts[0]] {
		if body := strings.TrimSpace(line); body != "" && body[0] != '#' && body != "---" {
			n.partial = true // what is before the first key belongs to none
		}
	}
	for i, from := range starts {
		to := end
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		r.piece(n, from, to, len(starts) == 1, depth)
	}
	return n
}

// piece reads the entry that starts in line from into n. only says that it is all there
// was to split, so that its value has to be taken apart instead.
func (r *reader) piece(n *node, from, to int, only bool, depth int) {
	m := keyLine.FindStringSubmatchIndex(strings.TrimLeft(r.lines[from], " "))
	indent := len(r.lines[from]) - len(strings.TrimLeft(r.lines[from], " "))
	rest := strings.TrimSpace(r.lines[from][indent+m[4]:])
	nested := rest == "" || rest[0] == '#'
	if !only {
		if part, broken := r.parse(from, to); broken == nil {
			if part != nil && part.kind == dict {
				n.entries = append(n.entries, part.entries...)
			} else {
				n.partial = true
			}
			return
		} else if !nested {
			r.p.put(broken)
		}
	}
	name := strings.Trim(r.lines[from][indent+m[2]:indent+m[3]], `"'`)
	key := &node{kind: text, text: name, span: span{from + 1, indent + 1, m[3] - m[2]}}
	value := &node{kind: unknown}
	if nested {
		value = r.block(from+1, to, depth+1)
		if value == nil {
			value = &node{kind: unknown}
		}
	}
	n.entries = append(n.entries, entry{key, value})
}

// parse reads the lines from start up to end as one YAML document.
func (r *reader) parse(start, end int) (n *node, broken *Error) {
	defer func() {
		// The parser is not ours and meets whatever people write: a panic in it is one
		// more way for a file to be unreadable.
		if v := recover(); v != nil {
			n, broken = nil, r.broken(span{line: start + 1, column: 1}, "this is not readable as YAML")
		}
	}()
	file, err := parser.Parse(tokenize(strings.Join(r.lines[start:end], "\n")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, message := span{line: start + 1, column: 1}, err.Error()
		var positioned yaml.Error
		if errors.As(err, &positioned) {
			message = positioned.GetMessage()
			if t := positioned.GetToken(); t != nil {
				at = tokenSpan(t)
				at.line += start
			}
		}
		return nil, r.broken(at, message)
	}
	c := converter{r: r, offset: start}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType || n != nil {
			continue
		}
		n = c.node(doc.Body, 0)
	}
	return n, nil
}

// What has to be in quotes inside { }, and is not.
var (
	bareReference = regexp.MustCompile(`[{,]\s*[^"'{},]*:\s*\$\{`)
	bareRouteKey  = regexp.MustCompile(`\{[^"'}]*(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /[^"']*\{`)
)

// broken puts the parser's complaint into the words and form of ours.
func (r *reader) broken(at span, message string) *Error {
	at.line = min(max(at.line, 1), len(r.src.lines))
	at.column, at.width = max(at.column, 1), max(at.width, 1)
	message, _, _ = strings.Cut(message, "\n")
	hint := ""
	for _, c := range complaints {
		if strings.Contains(message, c.is) {
			message, hint = c.means, c.hint
			break
		}
	}
	line := r.src.line(at.line)
	if bareReference.MatchString(line) || bareReference.MatchString(r.src.line(at.line-1)) {
		hint = `inside { } put a value with ${...} in quotes: "${...}"`
	} else if bareRouteKey.MatchString(line) {
		hint = `inside { } put a route key with {name} in quotes: "GET /items/{id}"`
	}
	return &Error{Pos: r.src.pos(at), Message: message, Hint: hint, Snippet: r.src.snippet(at)}
}

// complaints are the parser's messages that people meet, and what they mean.
var complaints = []struct{ is, means, hint string }{
	{"end character of double-quoted", `a text in double quotes is not closed`, `add the closing "`},
	{"end character of single-quoted", `a text in single quotes is not closed`, `add the closing '; inside the text write '' for '`},
	{"flow map content", `a { is not closed, or a key in it has no ": "`, `write {key: value}`},
	{"flow mapping end token", `a { is not closed`, `add the closing }`},
	{"sequence end token", `a [ is not closed`, `add the closing ]`},
	{"',' or '}' must be specified", `a { is not closed, or a comma is missing`, `add the closing } or the comma`},
	{"',' or ']' must be specified", `a [ is not closed, or a comma is missing`, `add the closing ] or the comma`},
	{"could not find '[' character", `a ] closes nothing`, `delete it, or put the text in quotes`},
	{"could not find '{' character", `a } closes nothing`, `delete it, or put the text in quotes`},
	{"mapping value is not allowed", `a second ": " in one line`, `put the value in quotes, or start a new line`},
	{"non-map value is specified", `a value without a key, or a key without ":"`, `write key: value, and indent alike what belongs together`},
	{"value is not allowed in this context", `this is indented unlike the lines it belongs to`, `indent alike what belongs together`},
	{"is a reserved character", `a text cannot start with @ or a backquote`, `put the text in quotes`},
	{"unexpected directive", `a text cannot start with %`, `put the text in quotes`},
	{"unknown escape character", `an escape (\) that YAML does not know`, `write \\ for a backslash, or use single quotes`},
	{"invalid key for this map", `this cannot be a key`, `put the key in quotes`},
	{"cannot start any token", `a tab where YAML allows only spaces`, `use spaces`},
}

func tokenSpan(t *token.Token) span {
	return span{line: t.Position.Line, column: max(1, t.Position.Column), width: 1}
}

// A converter makes nodes of the parser's tree.
type converter struct {
	r      *reader
	offset int // lines before the part that was parsed
}

func (c *converter) node(from ast.Node, depth int) *node {
	if from == nil || depth > 4*maxDepth {
		return &node{kind: unknown}
	}
	switch v := from.(type) {
	case *ast.AnchorNode:
		return c.node(v.Value, depth+1)
	case *ast.TagNode:
		return c.node(v.Value, depth+1)
	case *ast.MappingNode:
		return c.mapping(v.Values, c.span(v.Start, 1), v.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		return c.mapping([]*ast.MappingValueNode{v}, c.span(v.Start, 1), v.IsFlowStyle, depth)
	case *ast.SequenceNode:
		n := &node{kind: list, span: c.span(v.Start, 1)}
		for _, item := range v.Values {
			n.items = append(n.items, c.node(item, depth+1))
		}
		return n
	case *ast.LiteralNode:
		return &node{kind: text, text: v.Value.Value, span: c.span(v.Start, len(v.Start.Value))}
	case *ast.StringNode:
		quoted := v.Token.Type == token.DoubleQuoteType || v.Token.Type == token.SingleQuoteType
		n := &node{kind: text, text: v.Value, span: c.span(v.Token, len([]rune(v.Value)))}
		if quoted {
			n.span.width = c.quotedWidth(n.span)
		}
		return n
	}
	return c.scalar(from)
}

func (c *converter) scalar(from ast.Node) *node {
	n := &node{kind: unknown}
	switch from.(type) {
	case *ast.NullNode:
		n.kind = null
	case *ast.BoolNode:
		n.kind = boolean
	case *ast.IntegerNode:
		n.kind = integer
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		n.kind = float
	}
	if t := from.GetToken(); t != nil {
		n.text = t.Value
		n.span = c.span(t, len(t.Value))
		if t.Type == token.ImplicitNullType {
			n.text, n.span.width = "", 1
		}
	}
	return n
}

func (c *converter) mapping(values []*ast.MappingValueNode, at span, flow bool, depth int) *node {
	n := &node{kind: dict, span: at}
	seen := make(map[string]span, len(values))
	for _, v := range values {
		if v.Key.Type() == ast.MergeKeyType || v.Key.Type() == ast.MappingKeyType {
			n.partial = true // reported by refused
			continue
		}
		key := c.node(v.Key, depth+1)
		if key.kind == list || key.kind == dict || key.kind == null || key.kind == unknown {
			c.r.p.add(key.span, "write key: value", "a key has to be text")
			n.partial = true
			continue
		}
		key.kind = text
		if len(n.entries) == 0 && !flow {
			n.span = key.span
		}
		if first, ok := seen[key.text]; ok {
			c.r.p.add(key.span, "delete one of the two, or merge them", "the key %q is already in line %d", key.text, first.line)
			continue
		}
		seen[key.text] = key.span
		n.entries = append(n.entries, entry{key, c.node(v.Value, depth+1)})
	}
	return n
}

func (c *converter) span(t *token.Token, width int) span {
	if t == nil || t.Position == nil {
		return span{line: c.offset + 1, column: 1, width: 1}
	}
	return span{line: t.Position.Line + c.offset, column: max(1, t.Position.Column), width: max(1, width)}
}

// quotedWidth is how far the quoted text at s goes in its line.
func (c *converter) quotedWidth(s span) int {
	line := c.r.src.runes(s.line)
	if s.column > len(line) {
		return 1
	}
	quote := line[s.column-1]
	for i := s.column; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i - s.column + 2
		}
	}
	return len(line) - s.column + 1
}
