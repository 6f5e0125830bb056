package apigw

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A ReplyREST is a function's reply to a REST API. Unlike a Reply its body is
// not decoded yet: whether it is, depends on what the client accepts.
type ReplyREST struct {
	StatusCode int
	// Headers are the header lines, those of multiValueHeaders first. Names and
	// values are as the function gave them: they are not checked.
	Headers         []Pair
	Body            []byte
	IsBase64Encoded bool
}

// ParseReplyREST reads a reply to a REST API: an object with no other keys than
// statusCode, headers, multiValueHeaders, body and isBase64Encoded, each of
// which may be missing. Observed: unknown keys are an error, a missing
// statusCode is 200, one that is a string of digits counts, and headers may be
// null.
func ParseReplyREST(reply []byte) (ReplyREST, error) {
	const doing = "reading the reply as a proxy response"
	if !json.Valid(reply) {
		return ReplyREST{}, fmt.Errorf("%s: it is not JSON", doing)
	}
	text := skipSpace(reply)
	if text[0] != '{' {
		return ReplyREST{}, fmt.Errorf("%s: it is %s, not an object", doing, kind(text))
	}
	p := restParser{out: ReplyREST{StatusCode: http.StatusOK}}
	if err := members(text, p.member); err != nil {
		return ReplyREST{}, fmt.Errorf("%s: %w", doing, err)
	}
	p.out.Headers = p.headers()
	return p.out, nil
}

type restParser struct {
	out           ReplyREST
	single, multi []Pair
}

func (p *restParser) member(name string, value []byte) (err error) {
	switch name {
	case "statusCode":
		p.out.StatusCode, err = restStatus(value)
	case "headers":
		err = p.readHeaders(value)
	case "multiValueHeaders":
		err = p.readMultiHeaders(value)
	case "body":
		if isNull(value) {
			return nil
		}
		if !isString(value) {
			return notString("body", value)
		}
		p.out.Body = decodeString(value)
	case "isBase64Encoded":
		if isNull(value) {
			return nil
		}
		p.out.IsBase64Encoded, err = boolValue("isBase64Encoded", value)
	default:
		err = fmt.Errorf("it has the unknown key %.100q", name)
	}
	return err
}

// restStatus reads a statusCode: a number, or a string of digits.
func restStatus(value []byte) (int, error) {
	text := value
	if isString(value) {
		text = decodeString(value)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || text[0] == '+' || text[0] == '-' {
		return 0, fmt.Errorf("statusCode is %.20s, not an integer", value)
	}
	if n < minStatus || n > maxStatus {
		return 0, fmt.Errorf("statusCode is %d, not a status from %d to %d", n, minStatus, maxStatus)
	}
	return n, nil
}

// restHeader reads the value of one header. A boolean is its text, which was
// observed; a number too, which is reported to be taken.
func restHeader(section, name string, value []byte) (string, error) {
	switch value[0] {
	case '"':
		return string(decodeString(value)), nil
	case '{', '[', 'n':
		return "", notString(headerField(section, name), value)
	}
	return string(value), nil
}

func (p *restParser) readHeaders(value []byte) error {
	if isNull(value) {
		return nil
	}
	if value[0] != '{' {
		return fmt.Errorf("headers is %s, not an object", kind(value))
	}
	return members(value, func(name string, v []byte) error {
		text, err := restHeader("headers", name, v)
		if err == nil {
			p.single = append(p.single, Pair{name, text})
		}
		return err
	})
}

func (p *restParser) readMultiHeaders(value []byte) error {
	if isNull(value) {
		return nil
	}
	if value[0] != '{' {
		return fmt.Errorf("multiValueHeaders is %s, not an object", kind(value))
	}
	return members(value, func(name string, list []byte) error {
		if list[0] != '[' {
			return fmt.Errorf("%s is %s, not an array", headerField("multiValueHeaders", name), kind(list))
		}
		return elements(list, func(v []byte) error {
			text, err := restHeader("multiValueHeaders", name, v)
			if err == nil {
				p.multi = append(p.multi, Pair{name, text})
			}
			return err
		})
	})
}

// headers puts the header lines together. A name that is in both sections is
// sent with all its values, those of multiValueHeaders first, and spelled as
// there. Observed.
func (p *restParser) headers() []Pair {
	out := p.multi
	hasType := false
	for _, m := range p.multi {
		hasType = hasType || strings.EqualFold(m.Name, "Content-Type")
	}
	for _, s := range p.single {
		hasType = hasType || strings.EqualFold(s.Name, "Content-Type")
		for _, m := range p.multi {
			if strings.EqualFold(m.Name, s.Name) {
				s.Name = m.Name
				break
			}
		}
		out = append(out, s)
	}
	if !hasType {
		out = append(out, Pair{"Content-Type", contentTypeJSON})
	}
	return out
}

// DecodedBody gives the bytes that Body is the base64 of.
func (r ReplyREST) DecodedBody() ([]byte, error) {
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(r.Body)))
	n, err := base64.StdEncoding.Decode(decoded, r.Body)
	if err != nil {
		return nil, err
	}
	return decoded[:n], nil
}
