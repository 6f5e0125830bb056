package iam

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A pattern is a text with wildcards and policy variables.
type pattern []element

// An element of a pattern is a character, a wildcard or a variable.
type element struct {
	kind     elementKind
	given    bool // a character of a variable's value, which is never syntax
	char     rune
	variable *variable
}

type elementKind uint8

const (
	char     elementKind = iota
	anyRun               // *
	anyOne               // ?
	replaced             // ${key}
)

// A variable is ${key} or ${key, 'default'}.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
type variable struct {
	key        string // in lower case
	fallback   string
	hasDefault bool
}

// compilePattern reads a pattern. Without variables, ${ is text like any other.
func compilePattern(text string, variables bool) (pattern, error) {
	p := make(pattern, 0, len(text))
	for i := 0; i < len(text); {
		if variables && strings.HasPrefix(text[i:], "${") {
			body, _, ok := strings.Cut(text[i+2:], "}")
			if !ok {
				return nil, errors.New("a variable has no end")
			}
			e, err := compileVariable(body)
			if err != nil {
				return nil, err
			}
			p = append(p, e)
			i += len("${") + len(body) + len("}")
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch r {
		case '*':
			p = append(p, element{kind: anyRun})
		case '?':
			p = append(p, element{kind: anyOne})
		default:
			p = append(p, element{char: r})
		}
		i += size
	}
	return p, nil
}

// compileVariable reads what is between ${ and }. ${*}, ${?} and ${$} are these
// characters themselves.
func compileVariable(body string) (element, error) {
	switch body {
	case "*", "?", "$":
		return element{char: rune(body[0])}, nil
	}
	key, fallback, hasDefault := strings.Cut(body, ",")
	v := &variable{key: strings.ToLower(strings.TrimSpace(key)), hasDefault: hasDefault}
	if !validKey(v.key) {
		return element{}, errors.New("a variable is ${key} or ${key, 'default'}")
	}
	if hasDefault {
		quoted := strings.TrimSpace(fallback)
		if len(quoted) < 2 || quoted[0] != '\'' || quoted[len(quoted)-1] != '\'' {
			return element{}, errors.New("the default of a variable is in single quotes")
		}
		v.fallback = quoted[1 : len(quoted)-1]
	}
	return element{kind: replaced, variable: v}, nil
}

// validKey accepts the name of a condition key, such as "aws:sourceip" or
// "cognito-identity.amazonaws.com:sub".
func validKey(s string) bool {
	prefix, name, ok := strings.Cut(s, ":")
	if !ok || prefix == "" || name == "" || len(s) > 256 {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("{}$*?'\"", r) {
			return false
		}
	}
	return true
}

// expand puts the values of variables in, whose own wildcards mean nothing. It
// is false if a variable has no value: the pattern then matches nothing.
func (p pattern) expand(r *Request) (pattern, bool) {
	first := 0
	for first < len(p) && p[first].kind != replaced {
		first++
	}
	if first == len(p) {
		return p, true
	}
	out := append(make(pattern, 0, len(p)+32), p[:first]...)
	for _, e := range p[first:] {
		if e.kind != replaced {
			out = append(out, e)
			continue
		}
		value := e.variable.fallback
		// A key with several values is not one that a variable can stand for.
		if values, ok := r.values(e.variable.key); ok && len(values) == 1 {
			value = values[0]
		} else if !e.variable.hasDefault {
			return nil, false
		}
		for _, c := range value {
			out = append(out, element{char: c, given: true})
		}
	}
	return out, true
}

// maxShown bounds the patterns that are shown of a statement.
const maxShown = 3

// text gives a pattern that was expanded as it is written.
func (p pattern) text() string {
	var b strings.Builder
	for _, e := range p {
		switch e.kind {
		case anyRun:
			b.WriteByte('*')
		case anyOne:
			b.WriteByte('?')
		default:
			b.WriteRune(e.char)
		}
	}
	return b.String()
}

// texts gives patterns for people, with the values of variables. One whose variable has
// none is left out: it matches nothing.
func texts(patterns []pattern, r *Request) (list []string) {
	for _, p := range patterns {
		expanded, ok := p.expand(r)
		if !ok {
			continue
		}
		if len(list) == maxShown {
			return append(list, "…")
		}
		list = append(list, shortenTo(expanded.text(), maxWhy))
	}
	return list
}

// anyMatches says whether one of the patterns matches s, and whether each of them
// could be expanded. One that cannot "will not match any resource", whatever the
// others do
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value).
func anyMatches(patterns []pattern, r *Request, s string) (matched, whole bool) {
	subject := []rune(s)
	whole = true
	for _, p := range patterns {
		expanded, ok := p.expand(r)
		matched, whole = matched || ok && expanded.match(subject), whole && ok
	}
	return matched, whole
}

// match says whether the pattern, which has no variables, matches all of s. It
// takes at most len(p)*len(s) steps: of several stars only the last one reached
// is tried again.
func (p pattern) match(s []rune) bool {
	i, j := 0, 0
	star, mark := -1, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i].kind == anyRun:
			star, mark = i, j
			i++
		case i < len(p) && (p[i].kind == anyOne || p[i].kind == char && p[i].char == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i].kind == anyRun {
		i++
	}
	return i == len(p)
}

// fold gives the pattern with its characters in lower case.
func (p pattern) fold() pattern {
	out := make(pattern, len(p))
	for i, e := range p {
		e.char = unicode.ToLower(e.char)
		out[i] = e
	}
	return out
}

// literal gives the pattern with its wildcards as characters.
func (p pattern) literal() pattern {
	out := make(pattern, len(p))
	for i, e := range p {
		switch e.kind {
		case anyRun:
			e = element{char: '*'}
		case anyOne:
			e = element{char: '?'}
		}
		out[i] = e
	}
	return out
}
