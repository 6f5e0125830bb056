package authorizer

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/verify"
)

// EventClaims appends the claims as the event shows them: each as a string,
// which is what aws-lambda-go's events package wants. Observed:
//
//	string          as it is
//	integer         its digits, "1604085585"
//	boolean         "true", "false"
//	array           as Go prints it, "[admin poweruser]"
//	null            left out
//
// An object is shown as Go prints it, "map[roles:[admin]]", which goes with
// arrays; a number that is not an integer as Go prints a float64. Both are in
// Assumptions.
//
// A user pool's authorizer of a REST API shows them otherwise: see poolClaim.
func (d Decision) EventClaims(to []apigw.Pair) []apigw.Pair {
	if !d.pool {
		return appendClaims(to, d.Claims)
	}
	for name, value := range d.Claims.All() {
		if value != nil {
			to = append(to, apigw.Pair{Name: name, Value: poolClaim(name, value)})
		}
	}
	return to
}

func appendClaims(to []apigw.Pair, claims verify.Claims) []apigw.Pair {
	for name, value := range claims.All() {
		if value != nil {
			to = append(to, apigw.Pair{Name: name, Value: printed(value)})
		}
	}
	return to
}

// printed gives a JSON value in the style of Go's %v.
func printed(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return printedNumber(v)
	case bool:
		return strconv.FormatBool(v)
	}
	var b strings.Builder
	printTo(&b, value)
	return b.String()
}

func printTo(b *strings.Builder, value any) {
	switch v := value.(type) {
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(' ')
			}
			printTo(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteString("map[")
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(k)
			b.WriteByte(':')
			printTo(b, v[k])
		}
		b.WriteByte(']')
	case nil:
		b.WriteString("<nil>")
	default:
		b.WriteString(printed(v))
	}
}

// printedNumber gives an integer's digits, also if it is written 1.6e9: dates
// must never come as an exponent.
func printedNumber(n json.Number) string {
	s := n.String()
	if !strings.ContainsAny(s, ".eE") {
		return s
	}
	f, err := n.Float64()
	if err != nil {
		return s
	}
	const exact = 1 << 53
	if f == float64(int64(f)) && f > -exact && f < exact {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
