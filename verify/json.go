package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects nest. Keycloak's claims go four
// deep, a JWK Set two.
const maxDepth = 16

// A member is one name and value of a JSON object.
type member struct {
	name  string
	value any // string, json.Number, bool, nil, []any or object
}

// An object is a JSON object in the order of its text. Objects here are small,
// and walking a short list beats a map.
type object []member

// get gives the value of a member.
func (o object) get(name string) (any, bool) {
	for i := range o {
		if o[i].name == name {
			return o[i].value, true
		}
	}
	return nil, false
}

// parseObject reads a text that is one JSON object and nothing else, by the
// letter of RFC 8259.
//
// It exists because encoding/json forgives what must not be forgiven in a
// security token: of two members with one name it takes the last (RFC 7515
// section 4 and RFC 7519 section 4 let a parser refuse them), it replaces
// invalid UTF-8 and lone surrogates, and it matches names of struct fields in
// any case.
func parseObject(text string) (object, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("is not valid UTF-8")
	}
	p := parser{text: text}
	p.space()
	if p.pos == len(text) || text[p.pos] != '{' {
		return nil, errors.New("is not a JSON object")
	}
	o, err := p.object(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(text) {
		return nil, p.wrong("data after the JSON object")
	}
	return o, nil
}

// A parser reads a JSON text. Strings without escapes are parts of the text
// and not copied.
type parser struct {
	text string
	pos  int
}

// wrong makes an error of what stands at the parser's position.
func (p *parser) wrong(what string) error {
	return fmt.Errorf("is not strict JSON: %s at offset %d", what, p.pos)
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips white space and gives the byte after it, or zero at the end. A
// NUL is nowhere allowed, so that zero needs no second result.
func (p *parser) next() byte {
	p.space()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// value reads a value that is depth levels down.
func (p *parser) value(depth int) (any, error) {
	switch c := p.next(); {
	case c == '"':
		return p.str()
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case c == 't':
		return true, p.literal("true")
	case c == 'f':
		return false, p.literal("false")
	case c == 'n':
		return nil, p.literal("null")
	}
	return nil, p.wrong("no value")
}

func (p *parser) literal(word string) error {
	if !strings.HasPrefix(p.text[p.pos:], word) {
		return p.wrong("no value")
	}
	p.pos += len(word)
	return nil
}

// object reads an object; the parser stands on its brace.
func (p *parser) object(depth int) (object, error) {
	if depth > maxDepth {
		return nil, p.wrong("too deep nesting")
	}
	p.pos++
	if p.next() == '}' {
		p.pos++
		return object{}, nil
	}
	var o object
	if depth == 1 {
		o = make(object, 0, 16) // the usual number of claims, in one allocation
	}
	var seen names
	for {
		if p.next() != '"' {
			return nil, p.wrong("no member name")
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		if !seen.add(o, name) {
			return nil, p.wrong("a second member " + quote(name))
		}
		if p.next() != ':' {
			return nil, p.wrong("no colon")
		}
		p.pos++
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name, value})
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return o, nil
		default:
			return nil, p.wrong("no comma or brace")
		}
	}
}

// names finds duplicates: by walking while there are few members, by a map
// when there are many, so that a hostile object costs no quadratic time.
type names map[string]struct{}

const manyNames = 32

func (n *names) add(o object, name string) bool {
	if len(o) < manyNames {
		_, dup := o.get(name)
		return !dup
	}
	if *n == nil {
		*n = make(names, 2*manyNames)
		for i := range o {
			(*n)[o[i].name] = struct{}{}
		}
	}
	before := len(*n)
	(*n)[name] = struct{}{}
	return len(*n) > before
}

// array reads an array; the parser stands on its bracket.
func (p *parser) array(depth int) ([]any, error) {
	if depth > maxDepth {
		return nil, p.wrong("too deep nesting")
	}
	p.pos++
	if p.next() == ']' {
		p.pos++
		return []any{}, nil
	}
	var list []any
	for {
		value, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return list, nil
		default:
			return nil, p.wrong("no comma or bracket")
		}
	}
}

// number reads a number and keeps its text: a float64 would round large
// integers and has no 1e400.
func (p *parser) number() (any, error) {
	start := p.pos
	if p.text[p.pos] == '-' {
		p.pos++
	}
	switch {
	case p.pos < len(p.text) && p.text[p.pos] == '0':
		p.pos++
	case !p.digits():
		return nil, p.wrong("no digit")
	}
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		if !p.digits() {
			return nil, p.wrong("no digit")
		}
	}
	if p.pos < len(p.text) && p.text[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		if !p.digits() {
			return nil, p.wrong("no digit")
		}
	}
	return json.Number(p.text[start:p.pos]), nil
}

// digits reads one digit or more.
func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

// str reads a string; the parser stands on its quotation mark.
func (p *parser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return p.text[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.wrong("a control character")
		}
		p.pos++
	}
	return "", p.wrong("no end of a string")
}

// escaped reads the rest of a string from its first escape on.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.text[start:p.pos])
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < ' ':
			return "", p.wrong("a control character")
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.wrong("no end of a string")
}

// escape reads one escape, or the two of a surrogate pair.
func (p *parser) escape() (rune, error) {
	p.pos++
	if p.pos == len(p.text) {
		return 0, p.wrong("no escape")
	}
	c := p.text[p.pos]
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, err := p.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if !strings.HasPrefix(p.text[p.pos:], `\u`) {
			return 0, p.wrong("half a surrogate pair")
		}
		p.pos += 2
		low, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, p.wrong("half a surrogate pair")
		}
		return r, nil
	}
	return 0, p.wrong("an unknown escape")
}

func (p *parser) hex4() (rune, error) {
	if len(p.text)-p.pos < 4 {
		return 0, p.wrong("a short escape")
	}
	// ParseUint would take a sign or underscores only with base 0.
	n, err := strconv.ParseUint(p.text[p.pos:p.pos+4], 16, 16)
	if err != nil {
		return 0, p.wrong("an unknown escape")
	}
	p.pos += 4
	return rune(n), nil
}
