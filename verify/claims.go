package verify

import (
	"encoding/json"
	"iter"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// A Header is the part of a token's header that decisions may be made by.
type Header struct {
	Algorithm Algorithm // "alg"
	KeyID     string    // "kid"
	Type      string    // "typ", or empty
}

// A Token is a verified token. It is immutable and may be shared; the zero value
// is no token.
type Token struct {
	Header Header
	Claims Claims
	// Cached says that the same token has been verified before, and its times
	// alone were judged again.
	Cached bool
}

// Claims are the claims of a verified token. They are immutable and may be
// shared by any number of goroutines: what the methods give is either immutable
// itself or a copy. The zero value has no claims.
type Claims struct{ set *claimSet }

// A claimSet is a verified payload. Nothing in it changes after parseClaims.
type claimSet struct {
	text    string
	members object
	// The times that are judged again whenever a token comes from the cache.
	expires, notBefore, issuedAt numericDate
}

// Get gives a claim with the type that JSON gave it: string, json.Number, bool,
// nil, []any or map[string]any. An array or a map is the caller's own copy.
func (c Claims) Get(name string) (any, bool) {
	value, ok := c.get(name)
	return export(value), ok
}

func (c Claims) get(name string) (any, bool) {
	if c.set == nil {
		return nil, false
	}
	return c.set.members.get(name)
}

// String gives a claim that is a string.
func (c Claims) String(name string) (string, bool) {
	value, _ := c.get(name)
	s, ok := value.(string)
	return s, ok
}

// Strings gives a claim that is a string or an array of strings, as "aud" may be
// either. It splits nothing: a "scope" is one string (RFC 8693 section 4.2).
func (c Claims) Strings(name string) ([]string, bool) {
	value, ok := c.get(name)
	if !ok {
		return nil, false
	}
	return stringList(value)
}

// Bool gives a claim that is a boolean.
func (c Claims) Bool(name string) (value, ok bool) {
	v, _ := c.get(name)
	value, ok = v.(bool)
	return value, ok
}

// Time gives a claim that is a NumericDate (RFC 7519 section 2): seconds since
// 1970, perhaps with a fraction, from 1970 to 9999. What is finer than a
// nanosecond is cut off.
func (c Claims) Time(name string) (time.Time, bool) {
	value, _ := c.get(name)
	number, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	date, ok := parseNumericDate(string(number))
	if !ok {
		return time.Time{}, false
	}
	return date.time(), true
}

// All gives the claims in the order of the token, with the types of Get.
func (c Claims) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if c.set == nil {
			return
		}
		for _, m := range c.set.members {
			if !yield(m.name, export(m.value)) {
				return
			}
		}
	}
}

// Raw gives a copy of the payload's bytes, which are a JSON object.
func (c Claims) Raw() []byte {
	if c.set == nil {
		return nil
	}
	return []byte(c.set.text)
}

// export copies what a caller could change.
func export(value any) any {
	switch value := value.(type) {
	case object:
		m := make(map[string]any, len(value))
		for _, member := range value {
			m[member.name] = export(member.value)
		}
		return m
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = export(value[i])
		}
		return list
	}
	return value
}

// stringList reads a string or an array of strings, as a new list.
func stringList(value any) ([]string, bool) {
	switch value := value.(type) {
	case string:
		return []string{value}, true
	case []any:
		list := make([]string, len(value))
		for i := range value {
			s, ok := value[i].(string)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		return list, true
	}
	return nil, false
}

// parseClaims reads a payload (RFC 7519 section 4) and checks the types of the
// registered claims, the absent ones aside. It judges no value.
func parseClaims(payload []byte) (*claimSet, *Error) {
	set := &claimSet{text: string(payload)}
	var err error
	if set.members, err = parseObject(set.text); err != nil {
		return nil, &Error{Reason: BadClaims, Detail: err.Error()}
	}
	for i := range set.members {
		name, value := set.members[i].name, set.members[i].value
		var date *numericDate
		switch name {
		case "iss", "sub", "jti":
			if _, ok := value.(string); !ok {
				return nil, badClaim(name, "is not a string")
			}
			continue
		case "exp":
			date = &set.expires
		case "nbf":
			date = &set.notBefore
		case "iat":
			date = &set.issuedAt
		default:
			continue // "aud" has its own check, since it may be skipped
		}
		number, ok := value.(json.Number)
		if !ok {
			return nil, badClaim(name, "is not a number")
		}
		if *date, ok = parseNumericDate(string(number)); !ok {
			return nil, badClaim(name, "is not a date from 1970 to 9999")
		}
	}
	return set, nil
}

func badClaim(name, detail string) *Error {
	return &Error{Reason: BadClaims, Claim: name, Detail: detail}
}

// A numericDate is a moment as precisely as a token gave it.
type numericDate struct {
	seconds int64
	nanos   int32
	// inexact says that there were digits below the nanosecond, which were cut
	// off: the true moment is a little later.
	inexact bool
	present bool
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

func (d numericDate) time() time.Time { return time.Unix(d.seconds, int64(d.nanos)) }

// ceil is the first nanosecond that is not before the date: what nbf and iat are
// compared by, as time is what exp is compared by. Both ways of rounding shorten
// a token's life.
func (d numericDate) ceil() time.Time {
	t := d.time()
	if d.inexact {
		t = t.Add(1)
	}
	return t
}

// maxDateText bounds the text of a date that is not a plain integer.
const maxDateText = 64

// parseNumericDate reads the text of a JSON number as a NumericDate. It never
// goes through a float64, which has no 1e400 and rounds. Dates before 1970 are
// refused: no token was issued then.
func parseNumericDate(text string) (numericDate, bool) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return numericDate{seconds: seconds, present: true}, 0 <= seconds && seconds <= maxSeconds
	}
	exponent := strings.IndexAny(text, "eE")
	if len(text) > maxDateText || exponent >= 0 && len(text)-exponent > len("e+999") {
		return numericDate{}, false // before it gets expensive
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok || exact.Sign() < 0 || exact.Cmp(big.NewRat(maxSeconds, 1)) > 0 {
		return numericDate{}, false
	}
	exact.Mul(exact, big.NewRat(int64(time.Second), 1))
	nanos, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	seconds, nanos := nanos.QuoRem(nanos, big.NewInt(int64(time.Second)), new(big.Int))
	return numericDate{
		seconds: seconds.Int64(),
		nanos:   int32(nanos.Int64()),
		inexact: rest.Sign() != 0,
		present: true,
	}, true
}
