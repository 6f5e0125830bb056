package apigw

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// The encoders append, so that an event is one allocation. They do not escape
// <, > and &, as encoding/json does by default: AWS does not, and a function
// that compares or signs the text would see the difference.

const hex = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259, section 7). Bytes that
// are not UTF-8 become U+FFFD.
func appendString[S string | []byte](b []byte, s S) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\uFFFD"...)
			i++
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendMember appends `,"name":"value"`.
func appendMember(b []byte, name, value string) []byte {
	return appendString(appendName(b, name), value)
}

// appendName appends `,"name":`. The name needs no escape.
func appendName(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// appendInt appends `,"name":n`.
func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendBool appends `,"name":v`.
func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(appendName(b, name), v)
}

// appendNull appends `,"name":null` for each name.
func appendNull(b []byte, names ...string) []byte {
	for _, n := range names {
		b = append(appendName(b, n), "null"...)
	}
	return b
}

// appendObject appends an object of strings.
func appendObject(b []byte, pairs []Pair) []byte { return appendMembers(b, pairs, appendPair) }

// appendLowerObject appends an object of strings whose names, which are header
// names, are written in lower case.
func appendLowerObject(b []byte, pairs []Pair) []byte {
	return appendMembers(b, pairs, appendLowerPair)
}

// appendLists appends an object of arrays of strings.
func appendLists(b []byte, lists []List) []byte { return appendMembers(b, lists, appendList) }

// appendMembers appends an object, each of whose members member appends.
func appendMembers[T any](b []byte, members []T, member func([]byte, T) []byte) []byte {
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = member(b, m)
	}
	return append(b, '}')
}

func appendPair(b []byte, p Pair) []byte {
	return appendString(append(appendString(b, p.Name), ':'), p.Value)
}

func appendLowerPair(b []byte, p Pair) []byte {
	start := len(b)
	b = appendString(b, p.Name)
	for i := start; i < len(b); i++ {
		if c := b[i]; 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return appendString(append(b, ':'), p.Value)
}

func appendList(b []byte, l List) []byte {
	return appendArray(append(appendString(b, l.Name), ':'), l.Values)
}

// appendArray appends an array of strings.
func appendArray(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}

// appendBody appends the value of "body".
func appendBody(b, body []byte, asBase64 bool) []byte {
	if !asBase64 {
		return appendString(b, body)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, body)
	return append(b, '"')
}
