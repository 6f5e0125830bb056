package apigw

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Replies are read with a scanner of their own, because encoding/json takes
// "StatusCode" for "statusCode", and because the order of headers counts. It
// runs over text that json.Valid has found good, so it checks nothing again.

// members calls f for each member of the object text, in order.
func members(object []byte, f func(name string, value []byte) error) error {
	rest := skipSpace(object)[1:] // {
	for {
		rest = skipSpace(rest)
		if rest[0] == '}' {
			return nil
		}
		n := valueLen(rest)
		name := decodeString(rest[:n])
		rest = skipSpace(skipSpace(rest[n:])[1:]) // :
		n = valueLen(rest)
		if err := f(string(name), rest[:n]); err != nil {
			return err
		}
		if rest = skipSpace(rest[n:]); rest[0] == ',' {
			rest = rest[1:]
		}
	}
}

// elements calls f for each element of the array text, in order.
func elements(array []byte, f func(value []byte) error) error {
	rest := skipSpace(array)[1:] // [
	for {
		rest = skipSpace(rest)
		if rest[0] == ']' {
			return nil
		}
		n := valueLen(rest)
		if err := f(rest[:n]); err != nil {
			return err
		}
		if rest = skipSpace(rest[n:]); rest[0] == ',' {
			rest = rest[1:]
		}
	}
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

// valueLen gives the length of the value that b begins with.
func valueLen(b []byte) int {
	switch b[0] {
	case '"':
		return stringLen(b)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += stringLen(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i, c := range b {
		switch c {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
	}
	return len(b)
}

func stringLen(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// decodeString gives the text of a JSON string. It may share the memory of b.
func decodeString(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b[1 : len(b)-1]
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return nil // not reached: the text is valid
	}
	return []byte(s)
}

func isNull(value []byte) bool { return string(value) == "null" }

// kind names the type of a value for an error.
func kind(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func isString(value []byte) bool { return value[0] == '"' }

func notString(field string, value []byte) error {
	return fmt.Errorf("%s is %s, not a string", field, kind(value))
}

func boolValue(field string, value []byte) (bool, error) {
	switch string(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is %s, not a boolean", field, kind(value))
}

func headerField(section, name string) string { return section + "[" + strconv.Quote(name) + "]" }
