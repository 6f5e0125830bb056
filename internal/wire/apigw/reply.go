package apigw

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Reply is what a function's reply means to the client.
type Reply struct {
	StatusCode int
	// Headers are the header lines in the order of the reply. Names and values
	// are as the function gave them: they are not checked.
	Headers []Pair
	// Cookies are the values of set-cookie lines, which go before one that is
	// among Headers.
	Cookies []string
	Body    []byte
}

// Content types that a reply gets if it names none. Observed.
const (
	contentTypeText = "text/plain; charset=utf-8"
	contentTypeJSON = "application/json"
)

// The range of statuses that a reply may have. What API Gateway makes of a
// status outside of it is not documented but for 0, which is an error: strict
// reading. A status below 200 is not a final one (RFC 9110, section 15.2).
const (
	minStatus = 200
	maxStatus = 599
)

// ParseReplyV2 reads a reply in payload format 2.0.
//
// A reply that is an object with a statusCode says everything. Any other reply
// is a body: a JSON string stands for its text, and everything else, also what
// is no JSON at all, for its own bytes.
func ParseReplyV2(reply []byte) (Reply, error) {
	text := skipSpace(reply)
	inferred := Reply{StatusCode: http.StatusOK, Headers: []Pair{{"Content-Type", contentTypeJSON}}, Body: reply}
	if !json.Valid(reply) {
		return inferred, nil
	}
	switch text[0] {
	case '"':
		inferred.Body = decodeString(text[:stringLen(text)])
		return inferred, nil
	case '{':
	default:
		return inferred, nil
	}
	p := parser{body: []byte{}}
	if err := members(text, p.memberV2); err != nil {
		return Reply{}, fmt.Errorf("reading the reply in payload format 2.0: %w", err)
	}
	if !p.statusSeen {
		return inferred, nil
	}
	out, err := p.finish()
	if err != nil {
		return Reply{}, fmt.Errorf("reading the reply in payload format 2.0: %w", err)
	}
	return out, nil
}

// ParseReplyV1 reads a reply in payload format 1.0 of an HTTP API, which must
// be an object with a statusCode.
func ParseReplyV1(reply []byte) (Reply, error) {
	const doing = "reading the reply in payload format 1.0"
	text := skipSpace(reply)
	if !json.Valid(reply) {
		return Reply{}, fmt.Errorf("%s: it is not JSON", doing)
	}
	if text[0] != '{' {
		return Reply{}, fmt.Errorf("%s: it is %s, not an object", doing, kind(text))
	}
	p := parser{body: []byte{}}
	if err := members(text, p.memberV1); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", doing, err)
	}
	if !p.statusSeen {
		return Reply{}, fmt.Errorf("%s: it has no statusCode", doing)
	}
	out, err := p.finish()
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %w", doing, err)
	}
	return out, nil
}

// A parser collects the members of a reply. An error in one of them counts
// only if the reply turns out to have a statusCode: else it is a body, and may
// hold anything.
type parser struct {
	statusSeen     bool
	status         int
	headers, multi []Pair
	cookies        []string
	body           []byte
	base64         bool
	contentType    bool
	err            error // the first one
}

func (p *parser) memberV2(name string, value []byte) error {
	switch name {
	case "cookies":
		p.note(p.readCookies(value))
	case "multiValueHeaders":
		// It belongs to format 1.0. aws-lambda-go's APIGatewayV2HTTPResponse
		// always has it.
	default:
		p.note(p.member(name, value))
	}
	return nil
}

func (p *parser) memberV1(name string, value []byte) error {
	if name == "multiValueHeaders" {
		p.note(p.readMultiHeaders(value))
		return p.err
	}
	switch name {
	case "statusCode", "headers", "body", "isBase64Encoded":
	default:
		return fmt.Errorf("it has the unknown key %q", name)
	}
	p.note(p.member(name, value))
	return p.err
}

func (p *parser) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// member reads what the formats have in common. Null stands for absence:
// aws-lambda-go sends `"headers":null` for every reply without headers.
func (p *parser) member(name string, value []byte) (err error) {
	switch {
	case name == "statusCode":
		p.statusSeen = true
		p.status, err = statusCode(value)
	case isNull(value):
	case name == "headers":
		err = p.readHeaders(value)
	case name == "body":
		if !isString(value) {
			return notString("body", value)
		}
		p.body = decodeString(value)
	case name == "isBase64Encoded":
		p.base64, err = boolValue("isBase64Encoded", value)
	}
	return err
}

// finish puts the reply together.
func (p *parser) finish() (Reply, error) {
	if p.err != nil {
		return Reply{}, p.err
	}
	if p.base64 {
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(p.body)))
		n, err := base64.StdEncoding.Decode(decoded, p.body)
		if err != nil {
			return Reply{}, fmt.Errorf("decoding body, as isBase64Encoded says: %w", err)
		}
		p.body = decoded[:n]
	}
	headers := append(p.headers, p.multi...)
	if !p.contentType {
		headers = append(headers, Pair{"Content-Type", contentTypeText})
	}
	return Reply{StatusCode: p.status, Headers: headers, Cookies: p.cookies, Body: p.body}, nil
}

// statusCode reads a statusCode. A string of digits, which REST APIs take, is
// not known to be taken by HTTP APIs: strict reading.
func statusCode(value []byte) (int, error) {
	if k := kind(value); k != "a number" {
		return 0, fmt.Errorf("statusCode is %s, not an integer", k)
	}
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return 0, fmt.Errorf("statusCode is %.20s, not an integer", value)
	}
	if n < minStatus || n > maxStatus {
		return 0, fmt.Errorf("statusCode is %d, not a status from %d to %d", n, minStatus, maxStatus)
	}
	return n, nil
}

func (p *parser) header(to *[]Pair, name string, value []byte) {
	if strings.EqualFold(name, "Content-Type") {
		p.contentType = true
	}
	*to = append(*to, Pair{name, string(decodeString(value))})
}

// readHeaders reads headers. Values that are not strings are not documented
// for HTTP APIs: strict reading.
func (p *parser) readHeaders(value []byte) error {
	if value[0] != '{' {
		return fmt.Errorf("headers is %s, not an object", kind(value))
	}
	return members(value, func(name string, v []byte) error {
		if !isString(v) {
			return notString(headerField("headers", name), v)
		}
		p.header(&p.headers, name, v)
		return nil
	})
}

func (p *parser) readMultiHeaders(value []byte) error {
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
			if !isString(v) {
				return notString(headerField("multiValueHeaders", name), v)
			}
			p.header(&p.multi, name, v)
			return nil
		})
	})
}

func (p *parser) readCookies(value []byte) error {
	if isNull(value) {
		return nil
	}
	if value[0] != '[' {
		return fmt.Errorf("cookies is %s, not an array", kind(value))
	}
	return elements(value, func(v []byte) error {
		if !isString(v) {
			return notString("a value of cookies", v)
		}
		p.cookies = append(p.cookies, string(decodeString(v)))
		return nil
	})
}
