package iam

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A condition is one key below one operator: all conditions of a statement have
// to hold, and of the values of one any.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type condition struct {
	key      string // in lower case
	negated  bool
	ifExists bool
	set      setMode
	null     bool // the operator Null
	wantNull bool
	tests    []test
}

// setMode is how a key with several values is looked at.
type setMode uint8

const (
	noSet setMode = iota
	forAllValues
	forAnyValue
)

// A test compares one value of the request with one of the policy. One with a
// variable that has no value matches nothing, so that an operator that is negated
// is met
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value).
type test func(r *Request, value string) bool

// An operator makes tests of values of the policy.
type operator struct {
	negated   bool
	variables bool // policy variables may stand in its values
	compile   func(value string, variables bool) (test, error)
}

// operatorOf finds an operator by its name, without prefix and suffix.
func operatorOf(name string) (operator, bool) {
	switch name {
	case "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike":
		o, ok := operatorOf("String" + strings.TrimPrefix(name, "StringNot"))
		o.negated = true
		return o, ok
	case "StringEquals":
		return operator{variables: true, compile: compileEquals}, true
	case "StringEqualsIgnoreCase":
		return operator{variables: true, compile: compileEqualsFold}, true
	case "StringLike":
		return operator{variables: true, compile: compileLike}, true
	case "ArnEquals", "ArnLike":
		return operator{variables: true, compile: compileARN}, true
	case "ArnNotEquals", "ArnNotLike":
		return operator{negated: true, variables: true, compile: compileARN}, true
	case "Bool":
		return operator{compile: compileBool}, true
	case "BinaryEquals":
		return operator{compile: compileBinary}, true
	case "IpAddress":
		return operator{compile: compileAddress}, true
	case "NotIpAddress":
		return operator{negated: true, compile: compileAddress}, true
	}
	if relation, ok := strings.CutPrefix(name, "Numeric"); ok {
		return ordered(relation, compileNumber)
	}
	if relation, ok := strings.CutPrefix(name, "Date"); ok {
		return ordered(relation, compileDate)
	}
	return operator{}, false
}

func compileCondition(from policy.Condition, variables bool) (condition, error) {
	c := condition{key: strings.ToLower(from.Key)}
	if !validKey(c.key) {
		return condition{}, errors.New("a condition key is such as aws:SourceIp")
	}
	if len(from.Values) == 0 {
		return condition{}, errors.New("it has no value")
	}
	name := from.Operator
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		name, c.set = rest, forAllValues
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		name, c.set = rest, forAnyValue
	}
	if name == "Null" && c.set == noSet {
		c.null = true
		return c.compileNull(from.Values)
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	o, ok := operatorOf(name)
	if !ok {
		return condition{}, errors.New("there is no such operator")
	}
	c.negated = o.negated
	for _, v := range from.Values {
		t, err := o.compile(v, o.variables && variables)
		if err != nil {
			return condition{}, fmt.Errorf("value %.100q: %w", v, err)
		}
		c.tests = append(c.tests, t)
	}
	return c, nil
}

// compileNull compiles Null, whose value says whether the key has to be absent.
// Two different values would always hold.
func (c condition) compileNull(values []string) (condition, error) {
	for i, v := range values {
		want, err := parseBool(v)
		if err != nil {
			return condition{}, err
		}
		if i > 0 && want != c.wantNull {
			return condition{}, errors.New("it has both true and false")
		}
		c.wantNull = want
	}
	return c, nil
}

// holds says whether the condition is met.
func (c *condition) holds(r *Request) bool {
	values, present := r.values(c.key)
	if c.null {
		return c.wantNull != present
	}
	if !present || len(values) == 0 {
		switch {
		case c.ifExists, c.set == forAllValues:
			return true
		case c.set == forAnyValue:
			return false
		}
		return c.negated
	}
	some, all := false, true
	for _, v := range values {
		met := c.meets(r, v)
		some, all = some || met, all && met
	}
	// A key with several values and no word about sets: one has to match, or, of
	// an operator that is negated, none.
	if c.set == forAllValues || c.set == noSet && c.negated {
		return all
	}
	return some
}

// meets says whether one value of the request meets the condition: one of the
// policy's values matches or, negated, none does.
func (c *condition) meets(r *Request, value string) bool {
	matched := slices.ContainsFunc(c.tests, func(t test) bool { return t(r, value) })
	return matched != c.negated
}

// patternTest compares with a pattern.
func patternTest(p pattern, match func(pattern, string) bool) test {
	return func(r *Request, value string) bool {
		expanded, ok := p.expand(r)
		return ok && match(expanded, value)
	}
}

func matchAll(p pattern, value string) bool {
	// Most values differ at once: a long one is not taken apart for that.
	if len(p) > 0 && p[0].kind == char {
		if first, size := utf8.DecodeRuneInString(value); size == 0 || first != p[0].char {
			return false
		}
	}
	return p.match([]rune(value))
}

func compileLike(value string, variables bool) (test, error) {
	p, err := compilePattern(value, variables)
	return patternTest(p, matchAll), err
}

func compileEquals(value string, variables bool) (test, error) {
	p, err := compilePattern(value, variables)
	return patternTest(p.literal(), matchAll), err
}

func compileEqualsFold(value string, variables bool) (test, error) {
	p, err := compilePattern(value, variables)
	return patternTest(p.literal(), func(p pattern, value string) bool {
		return p.fold().match([]rune(strings.Map(unicode.ToLower, value)))
	}), err
}

// compileARN compares the six parts of an ARN one by one. A colon that a variable
// brings parts nothing: it would move what follows into another part.
func compileARN(value string, variables bool) (test, error) {
	p, err := compilePattern(value, variables)
	if err == nil && value != "*" && strings.Count(value, ":") < 5 {
		err = errors.New("an ARN has six parts")
	}
	return patternTest(p, matchARN), err
}

func matchARN(p pattern, value string) bool {
	if len(p) == 1 && p[0].kind == anyRun {
		return strings.Count(value, ":") >= 5
	}
	for range 5 {
		part, rest, ok := strings.Cut(value, ":")
		end := 0
		for end < len(p) && (p[end].kind != char || p[end].char != ':' || p[end].given) {
			end++
		}
		if !ok || end == len(p) || !matchAll(p[:end], part) {
			return false
		}
		p, value = p[end+1:], rest
	}
	return matchAll(p, value)
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("it is neither true nor false")
}

func compileBool(value string, _ bool) (test, error) {
	want, err := parseBool(value)
	return func(_ *Request, value string) bool {
		got, err := parseBool(value)
		return err == nil && got == want
	}, err
}

func compileBinary(value string, _ bool) (test, error) {
	want, err := base64.StdEncoding.DecodeString(value)
	return func(_ *Request, value string) bool {
		got, err := base64.StdEncoding.DecodeString(value)
		return err == nil && string(got) == string(want)
	}, err
}

// compileAddress compiles an address or a range of them.
func compileAddress(value string, _ bool) (test, error) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		addr, err := netip.ParseAddr(value)
		if err != nil || addr.Zone() != "" {
			return nil, errors.New("it is neither an IP address nor a range such as 203.0.113.0/24")
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	prefix = prefix.Masked()
	return func(_ *Request, value string) bool {
		addr, err := netip.ParseAddr(value)
		return err == nil && prefix.Contains(addr.Unmap())
	}, nil
}

// relation is a comparison of numbers or dates: what the order of the request's
// value to the policy's has to be.
func relation(name string) (holds func(order int) bool, negated, ok bool) {
	switch name {
	case "Equals":
		return func(o int) bool { return o == 0 }, false, true
	case "NotEquals":
		return func(o int) bool { return o == 0 }, true, true
	case "LessThan":
		return func(o int) bool { return o < 0 }, false, true
	case "LessThanEquals":
		return func(o int) bool { return o <= 0 }, false, true
	case "GreaterThan":
		return func(o int) bool { return o > 0 }, false, true
	case "GreaterThanEquals":
		return func(o int) bool { return o >= 0 }, false, true
	}
	return nil, false, false
}

// ordered makes an operator of values that have an order.
func ordered(name string, compile func(value string) (compare func(value string) (order int, ok bool), err error)) (operator, bool) {
	holds, negated, ok := relation(name)
	return operator{negated: negated, compile: func(value string, _ bool) (test, error) {
		compare, err := compile(value)
		return func(_ *Request, value string) bool {
			order, ok := compare(value)
			return ok && holds(order)
		}, err
	}}, ok
}

// number is a number as it may be written. There is no exponent: a few bytes of
// one could ask for gigabytes.
var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?$`) })

func parseNumber(s string) (*big.Rat, bool) {
	if !number().MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func compileNumber(value string) (func(string) (int, bool), error) {
	want, ok := parseNumber(value)
	if !ok {
		return nil, errors.New("it is not a number")
	}
	return func(value string) (int, bool) {
		got, ok := parseNumber(value)
		if !ok {
			return 0, false
		}
		return got.Cmp(want), true
	}, nil
}

// dateForms are the forms of ISO 8601 that the W3C note on date and time has,
// which IAM refers to.
//
// https://www.w3.org/TR/NOTE-datetime
var dateForms = [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

// parseDate reads a date, or seconds since 1970.
func parseDate(s string) (time.Time, bool) {
	// Four digits are a year: no moment in 1970 is meant by them.
	if n, ok := parseNumber(s); ok && len(s) > 4 && n.IsInt() && n.Num().IsInt64() {
		return time.Unix(n.Num().Int64(), 0), true
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func compileDate(value string) (func(string) (int, bool), error) {
	want, ok := parseDate(value)
	if !ok {
		return nil, errors.New("it is neither a date such as 2026-11-21T14:02:11Z nor seconds since 1970")
	}
	return func(value string) (int, bool) {
		got, ok := parseDate(value)
		if !ok {
			return 0, false
		}
		return got.Compare(want), true
	}, nil
}
