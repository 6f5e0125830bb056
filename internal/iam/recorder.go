package iam

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/wire/policy"
)

// Origin says where a policy was written.
type Origin struct {
	// Name is what people call it, such as identityPools.Auth.permissions.authenticated.
	Name string
	// Statements are where its statements were written, in their order; fewer if that is
	// not known.
	Statements []Written
}

// Written is where the declaration says a statement: Path is such as
// identityPools.Auth.permissions.authenticated[1], and Position doorwright.yaml:21.
type Written struct{ Path, Position string }

// From gives the policy with a word of where it was written.
func (p *Policy) From(o Origin) *Policy {
	with := *p
	with.origin = o
	return &with
}

// keysOf lists the condition keys that statements ask a request for.
func keysOf(statements []statement) []string {
	var keys []string
	note := func(key string) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	variables := func(text string) {
		for { // of texts that were compiled: each variable has its end
			_, rest, ok := strings.Cut(text, "${")
			if !ok {
				return
			}
			name, after, _ := strings.Cut(rest, "}")
			key, _, _ := strings.Cut(name, ",")
			note(strings.ToLower(strings.TrimSpace(key)))
			text = after
		}
	}
	for i := range statements {
		s := statements[i].from
		for _, list := range [...][]string{s.Resource, s.NotResource} {
			for _, text := range list {
				variables(text)
			}
		}
		for _, c := range s.Condition {
			note(strings.ToLower(c.Key))
			for _, text := range c.Values {
				variables(text)
			}
		}
	}
	return keys
}

// The bounds of what is kept of one decision. Statements that matched are kept beyond
// theirs, up to twice as many.
const (
	maxConsidered = 64
	maxConditions = 16
	maxValues     = 8
	maxValue      = 160
	maxWhy        = 480
	maxBytes      = 48 << 10 // of statements; beyond it conditions are left out
)

// A recorder notes what an evaluation looks at. A nil one notes nothing, and the
// evaluation then looks at no more than it has to.
type recorder struct {
	by     Source
	policy int // among those of its kind
	list   []Considered
	places []considered
	left   int // statements that were not kept
	size   int // bytes of those that were
}

// considered is where the statement of an entry is.
type considered struct {
	by Source
	at place
}

// notes are what is found of one statement.
type notes struct {
	by               *Policy
	index            int
	reaches          bool
	action, resource bool
	about            []string // what it is about, where that is all that did not match
	conditions       []Condition
	more             bool // there were more conditions than are kept
}

// turn says whose statements come.
func (rec *recorder) turn(by Source, i int) {
	if rec != nil {
		rec.by, rec.policy = by, i
	}
}

func (rec *recorder) begin(p *Policy, i int, to reach) *notes {
	if rec == nil {
		return nil
	}
	return &notes{by: p, index: i, reaches: to != nobody}
}

// compare notes a condition and what the request has for it.
func (n *notes) compare(s *statement, i int, r *Request, held bool) {
	if n == nil {
		return
	}
	if len(n.conditions) == maxConditions {
		n.more = true
		if held {
			return
		}
		n.conditions = n.conditions[:maxConditions-1] // one that fails tells more
	}
	from := &s.from.Condition[i]
	c := Condition{Operator: from.Operator, Key: from.Key, Match: held}
	for _, v := range from.Values[:min(len(from.Values), maxValues)] {
		c.Want = append(c.Want, shorten(written(v, r, s.variables && !s.conditions[i].null)))
	}
	if values, ok := r.values(s.conditions[i].key); ok {
		c.Got = make([]string, 0, min(len(values), maxValues))
		for _, v := range values[:min(len(values), maxValues)] {
			c.Got = append(c.Got, shorten(shown(s.conditions[i].key, v)))
		}
	}
	n.conditions = append(n.conditions, c)
}

// shown leaves out of a value what may be a secret: the query of a page that a browser
// comes from may hold a code.
func shown(key, value string) string {
	if key == "aws:referer" {
		value, _, _ = strings.Cut(value, "?")
		value, _, _ = strings.Cut(value, "#")
	}
	return value
}

// written gives a value of a policy with its variables replaced; one that has no value
// stays as it is.
func written(text string, r *Request, variables bool) string {
	if !variables || !strings.Contains(text, "${") {
		return text
	}
	p, err := compilePattern(text, true)
	if err != nil {
		return text
	}
	expanded, ok := p.expand(r)
	if !ok {
		return text
	}
	return expanded.text()
}

// shorten bounds a value.
func shorten(s string) string { return shortenTo(s, maxValue) }

// withoutTokens leaves out of a text what has the form of a JWT: a path, a user agent and
// a tag may hold anything.
func withoutTokens(s string) string {
	const begin, shortest = "eyJ", 20
	i := strings.Index(s, begin)
	if i < 0 || len(s)-i <= shortest {
		return s
	}
	end := i
	for end < len(s) && (s[end] == '-' || s[end] == '.' || s[end] == '_' || '0' <= s[end] && s[end] <= '9' || 'a' <= s[end]|0x20 && s[end]|0x20 <= 'z') {
		end++
	}
	if end-i <= shortest {
		return s[:end] + withoutTokens(s[end:])
	}
	return s[:i] + "***" + withoutTokens(s[end:])
}

// shortenTo bounds a text and leaves out tokens, and what is no character of a line.
func shortenTo(s string, most int) string {
	const dots = "…"
	s = withoutTokens(s)
	if len(s) > most {
		cut := most - len(dots)
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + dots
	}
	if strconv.CanBackquote(s) && !strings.Contains(s, "\t") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// end keeps a statement.
func (rec *recorder) end(n *notes, matched bool) {
	if rec == nil {
		return
	}
	if len(rec.list) >= maxConsidered && (!matched || len(rec.list) >= 2*maxConsidered) {
		rec.left++
		return
	}
	s := &n.by.statements[n.index]
	c := Considered{
		Source: rec.by, Policy: n.by.name(rec.by, rec.policy), Statement: n.by.nameOf(n.index),
		Effect: s.from.Effect, Matched: matched, Why: shortenTo(n.why(s.from), maxWhy), Conditions: n.conditions, About: n.about,
	}
	if n.index < len(n.by.origin.Statements) {
		w := n.by.origin.Statements[n.index]
		c.Path, c.Position = w.Path, w.Position
	}
	if size := c.size(); rec.size+size > maxBytes && !(matched && s.deny) {
		c.Conditions = nil
	}
	rec.size += c.size()
	rec.list = append(rec.list, c)
	rec.places = append(rec.places, considered{rec.by, place{rec.policy, n.index + 1}})
}

// name is what people call the policy.
func (p *Policy) name(by Source, i int) string {
	if p.origin.Name != "" {
		return p.origin.Name
	}
	if by == "" {
		return "policy"
	}
	return string(by) + " " + strconv.Itoa(i+1)
}

// why says what matched or did not.
func (n *notes) why(s *policy.Statement) string {
	switch {
	case !n.reaches:
		return "it is for other principals"
	case !n.action && s.NotAction != nil:
		return "its NotAction leaves the action out"
	case !n.action:
		return "it is about other actions"
	case !n.resource && s.NotResource != nil:
		return "its NotResource leaves the resource out"
	case !n.resource:
		return "it is about " + list(n.about, " and ")
	}
	for _, c := range n.conditions {
		if !c.Match {
			return c.String()
		}
	}
	if n.more {
		return "all conditions hold"
	}
	var held []string
	for _, c := range n.conditions {
		held = append(held, c.String())
	}
	if held == nil {
		return "action and resource match"
	}
	return strings.Join(held[:min(len(held), 3)], "; ")
}

// String says what the condition asks for and what the request has, such as
//
//	dynamodb:LeadingKeys has to be "a", and the item's key is "b"
func (c Condition) String() string {
	want := c.Key + " " + c.Wants()
	has := "the request has no such key"
	if c.Got != nil {
		has = nounOf(c.Key) + " is " + list(c.Got, " and ")
	}
	if c.Match {
		return want + ": " + has
	}
	return want + ", and " + has
}

// base is the operator without what it says of sets and of a key that is not there.
func (c Condition) base() string {
	name := strings.TrimSuffix(c.Operator, "IfExists")
	if _, base, set := strings.Cut(name, ":"); set {
		return base
	}
	return name
}

// Positive says whether a request meets the condition by having one of its values.
func (c Condition) Positive() bool {
	switch c.base() {
	case "StringEquals", "StringEqualsIgnoreCase", "NumericEquals", "DateEquals", "Bool", "BinaryEquals", "StringLike", "ArnLike", "ArnEquals":
		return true
	}
	return false
}

// Wants says in words what the operator wants of the key.
func (c Condition) Wants() string {
	name, ifExists := strings.CutSuffix(c.Operator, "IfExists")
	base := c.base()
	want := list(c.Want, " or ")
	switch base {
	case "StringEquals", "StringEqualsIgnoreCase", "NumericEquals", "DateEquals", "Bool", "BinaryEquals":
		want = "has to be " + want
	case "StringLike", "ArnLike", "ArnEquals":
		want = "has to be like " + want
	case "StringNotEquals", "StringNotEqualsIgnoreCase", "NumericNotEquals", "DateNotEquals":
		want = "must not be " + want
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		want = "must not be like " + want
	case "IpAddress":
		want = "has to be in " + want
	case "NotIpAddress":
		want = "must not be in " + want
	case "Null":
		if len(c.Want) > 0 && strings.EqualFold(c.Want[0], "true") {
			return "must not be there"
		}
		return "has to be there"
	default:
		want = "has to meet " + base + " " + want
	}
	switch {
	case strings.HasPrefix(name, "ForAllValues:") && len(c.Got) > 1:
		want = "of each value " + want
	case strings.HasPrefix(name, "ForAnyValue:") && len(c.Got) > 1:
		want = "of one value " + want
	}
	if ifExists {
		want += " if it is there"
	}
	return want
}

// nounOf says what the values of a condition key are of, in words.
func nounOf(key string) string {
	switch strings.ToLower(key) {
	case "dynamodb:leadingkeys":
		return "the item's key"
	case "dynamodb:attributes":
		return "what it touches"
	case "s3:prefix":
		return "the prefix asked for"
	case "aws:sourceip":
		return "the caller's address"
	}
	return "it"
}

// list says values in words; none is nothing.
func list(values []string, and string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = strconv.Quote(v)
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, and)
}
