package verify

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// MaxTokenBytes is the longest token that is looked at. API Gateway takes at
// most 10,240 bytes of headers together (API Gateway developer guide, limits),
// so that a longer one never reaches an authorizer on AWS.
const MaxTokenBytes = 16 << 10

// A compact is a token in JWS Compact Serialization, taken apart but not decoded
// and in no way verified.
type compact struct {
	header, payload, signature string // still encoded
}

// split takes a token apart (RFC 7515 section 3.1).
func split(raw string) (compact, *Error) {
	if len(raw) > MaxTokenBytes {
		return compact{}, malformed("", fmt.Sprintf("is %d bytes long, more than %d", len(raw), MaxTokenBytes))
	}
	if n := strings.Count(raw, ".") + 1; n != 3 {
		return compact{}, wrongSegments(n)
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	c := compact{raw[:first], raw[first+1 : last], raw[last+1:]}
	if c.header == "" {
		return compact{}, malformed("", "has an empty header")
	}
	if c.signature == "" {
		return compact{}, malformed("", "has an empty signature")
	}
	return c, nil
}

// A scratch holds the buffers of one verification.
type scratch struct {
	input   [MaxTokenBytes]byte
	decoded [MaxTokenBytes]byte
}

// decode gives what is signed, the payload and the signature. All three are parts
// of the scratch.
func (s *scratch) decode(raw string, c compact) (input, payload, signature []byte, e *Error) {
	token := s.input[:copy(s.input[:], raw)]
	input = token[:len(token)-len(c.signature)-1]
	var ok bool
	if payload, ok = decodeInto(s.decoded[:], input[len(c.header)+1:]); !ok {
		return nil, nil, nil, malformed("", "has a payload that is not unpadded base64url")
	}
	if signature, ok = decodeInto(s.decoded[len(payload):], token[len(input)+1:]); !ok {
		return nil, nil, nil, malformed("", "has a signature that is not unpadded base64url")
	}
	return input, payload, signature, nil
}

func wrongSegments(n int) *Error {
	e := &Error{Reason: WrongSegments, Detail: fmt.Sprintf("has %d segments, not 3", n)}
	switch n {
	case 1:
		e.Detail = "has 1 segment, not 3"
	case 5:
		e.Detail += " (encrypted tokens are not accepted)"
	}
	return e
}

func malformed(param, detail string) *Error {
	return &Error{Reason: Malformed, Claim: param, Detail: detail}
}

// decodeInto decodes base64url without padding into dst (RFC 7515 section 2),
// strictly: one text for each value, so that a token has one spelling.
// Strict refuses trailing bits that are not zero; line breaks, which
// encoding/base64 skips, are refused here.
func decodeInto(dst, src []byte) ([]byte, bool) {
	encoding := base64.RawURLEncoding.Strict()
	n, err := encoding.Decode(dst, src)
	if err != nil || len(src)%4 == 1 || n != encoding.DecodedLen(len(src)) {
		// A skipped line break makes the result shorter than the text's length
		// says, for every length that base64 can have.
		return nil, false
	}
	return dst[:n:n], true
}

// decodeString is decodeInto for the members of a header or a key.
func decodeString(s string) ([]byte, bool) {
	return decodeInto(make([]byte, base64.RawURLEncoding.DecodedLen(len(s))), []byte(s))
}

// parseHeader reads an encoded header and refuses what is never done here.
// It does not look at whether the algorithm is allowed.
//
// The parameters jwk, jku, x5u, x5c and x5t are neither read nor refused: keys
// come from the key set and from nowhere else. Issuers do send them (x5t is in
// Microsoft's tokens) and API Gateway ignores them too.
func parseHeader(segment string) (Header, *Error) {
	decoded, ok := decodeString(segment)
	if !ok {
		return Header{}, malformed("", "has a header that is not unpadded base64url")
	}
	o, err := parseObject(string(decoded))
	if err != nil {
		return Header{}, malformed("", "has a header that "+err.Error())
	}
	for _, refused := range [...]struct{ param, why string }{
		// "crit" lists extensions that must be understood (RFC 7515 section
		// 4.1.11). None is, so that any list, even an empty one, is refused.
		{"crit", "no extension is understood"},
		{"b64", "the payload must be encoded"},       // RFC 7797
		{"zip", "encrypted tokens are not accepted"}, // RFC 7516 section 4.1.3
		{"enc", "encrypted tokens are not accepted"}, // RFC 7516 section 4.1.2
	} {
		if _, ok := o.get(refused.param); ok {
			return Header{}, &Error{Reason: HeaderNotAllowed, Claim: refused.param, Detail: refused.why}
		}
	}
	var h Header
	var alg string
	for _, param := range [...]struct {
		name string
		to   *string
	}{{"alg", &alg}, {"kid", &h.KeyID}, {"typ", &h.Type}} {
		value, ok := o.get(param.name)
		if !ok {
			continue
		}
		if *param.to, ok = value.(string); !ok {
			return Header{}, malformed(param.name, fmt.Sprintf("has a header parameter %q that is not a string", param.name))
		}
	}
	if alg == "" {
		return Header{}, malformed("alg", `has no header parameter "alg"`)
	}
	h.Algorithm = Algorithm(alg)
	if e := checkContentType(o); e != nil {
		return Header{}, e
	}
	return h, nil
}

// checkContentType refuses a token inside a token: "cty" must be "JWT" then
// (RFC 7519 section 5.2), in any case and with or without "application/" before
// it, as media types go.
func checkContentType(o object) *Error {
	value, ok := o.get("cty")
	if !ok {
		return nil
	}
	cty, ok := value.(string)
	if !ok {
		return malformed("cty", `has a header parameter "cty" that is not a string`)
	}
	const application = "application/"
	if len(cty) >= len(application) && strings.EqualFold(cty[:len(application)], application) {
		cty = cty[len(application):]
	}
	if strings.EqualFold(cty, "JWT") {
		return &Error{Reason: HeaderNotAllowed, Claim: "cty", Detail: "nested tokens are not accepted"}
	}
	return nil
}
