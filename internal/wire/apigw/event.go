package apigw

import "time"

// A Pair is one member of a JSON object whose values are strings. Objects are
// kept as slices, which cost a request less than maps and keep their order.
type Pair struct{ Name, Value string }

// A List is one member of a JSON object whose values are arrays of strings.
type List struct {
	Name   string
	Values []string
}

// A JWT is what a JWT authorizer adds to the request context.
type JWT struct {
	Claims []Pair
	// Scopes is null in the event if it is nil.
	Scopes []string
}

func (j *JWT) appendMembers(b []byte) []byte {
	b = append(b, `"claims":`...)
	b = appendObject(b, j.Claims)
	b = append(b, `,"scopes":`...)
	if j.Scopes == nil {
		return append(b, "null"...)
	}
	return appendArray(b, j.Scopes)
}

// commonLog is the form of times in events, that of the Common Log Format.
const commonLog = "02/Jan/2006:15:04:05 -0700"

// FormatTime gives a time in the form of an event's requestTime.
func FormatTime(t time.Time) string { return t.UTC().Format(commonLog) }

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(appendName(b, name), '"')
	b = t.UTC().AppendFormat(b, commonLog)
	return append(b, '"')
}

// sizeHint is room for the constant parts and a few headers of an event, and
// for the body.
func sizeHint(body []byte) int { return 2048 + len(body)/3*4 }
