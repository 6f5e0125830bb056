package table

import (
	"encoding/base64"
	"strings"
)

// keyText gives the value of a partition key as policies see it: a text as it is, a
// number in its one canonical form, and bytes in base64.
func keyText(v any, want string) (string, error) {
	value, ok := v.(map[string]any)
	if !ok || len(value) != 1 {
		return "", mismatch()
	}
	text, ok := value[want].(string)
	if !ok || text == "" {
		return "", mismatch()
	}
	switch want {
	case "N":
		return canonicalNumber(text)
	case "B":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", mismatch()
		}
		return base64.StdEncoding.EncodeToString(b), nil
	}
	return text, nil
}

func mismatch() error { return invalid("The provided key element does not match the schema") }

// canonicalNumber writes a decimal number as DynamoDB gives it back: without a plus,
// an exponent or zeros that say nothing. Two ways to write a key name one item, and a
// policy must see them as one.
func canonicalNumber(text string) (string, error) {
	bad := invalid("The parameter cannot be converted to a numeric value: %s", quote(text))
	if len(text) > 256 {
		return "", bad
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var ok bool
		if exponent, ok = smallInt(text[i+1:]); !ok {
			return "", bad
		}
		mantissa = text[:i]
	}
	sign := ""
	if mantissa != "" && (mantissa[0] == '-' || mantissa[0] == '+') {
		if mantissa[0] == '-' {
			sign = "-"
		}
		mantissa = mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", bad
	}
	point := len(whole) + exponent // where the point stands among the digits
	trimmed := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(trimmed)
	digits = strings.TrimRight(trimmed, "0")
	switch {
	case digits == "":
		return "0", nil
	case len(digits) > 38 || point > 126 || point < -129: // DynamoDB's precision and range
		return "", bad
	case point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + digits, nil
	case point >= len(digits):
		return sign + digits + strings.Repeat("0", point-len(digits)), nil
	}
	return sign + digits[:point] + "." + digits[point:], nil
}

// smallInt reads an exponent of at most four digits.
func smallInt(text string) (n int, ok bool) {
	negative := false
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative, text = text[0] == '-', text[1:]
	}
	if text == "" || len(text) > 4 {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int(text[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
