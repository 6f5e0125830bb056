package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// Bounds on what a caller can make us work on. AWS's own are lower: API Gateway
// takes 10,240 bytes of headers
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
const (
	maxAuthorization = 16 << 10
	maxSignedHeaders = 128
	maxAccessKeyID   = 128 // IAM's own bound on the id of an access key.
	maxCanonical     = 64 << 10
)

// Authorization is the Authorization header of a signed request.
type Authorization struct {
	// Algorithm is "AWS4-HMAC-SHA256"; nothing else is supported.
	Algorithm string
	// AccessKeyID is the id of the key that signed, as the caller says.
	AccessKeyID string
	// Scope is what the key is said to be good for.
	Scope Scope
	// SignedHeaders are the names of the headers that were signed, in lower
	// case and in order.
	SignedHeaders []string
	// Signature is the signature.
	Signature Signature
}

// String gives the header's value.
func (a Authorization) String() string {
	return a.Algorithm + " Credential=" + a.AccessKeyID + "/" + a.Scope.String() +
		", SignedHeaders=" + strings.Join(a.SignedHeaders, ";") +
		", Signature=" + a.Signature.String()
}

// ParseAuthorization reads the value of an Authorization header. Its errors are
// of type *[Error], with the Authorization zero. Nothing in it is true before
// the signature is verified; a server of several services can tell by the scope
// which one is meant.
func ParseAuthorization(header string) (Authorization, error) {
	p, err := splitAuthorization(header)
	if err == nil {
		err = p.requireAll(true)
	}
	if err != nil {
		return Authorization{}, err
	}
	names, err := p.names()
	if err != nil {
		return Authorization{}, err
	}
	return p.authorization(names)
}

// parameters are the parts of an Authorization header, or those that a
// presigned query has in its place, not yet read.
type parameters struct {
	header, algorithm                    string
	credential, signedHeaders, signature string
}

// splitAuthorization takes the header apart. Commas and spaces both separate,
// as they do at AWS: "Credential= x" is said to hold a part without an
// equal-sign.
func splitAuthorization(header string) (*parameters, error) {
	if len(header) > maxAuthorization {
		return nil, &Error{Reason: TooLarge, Message: fmt.Sprintf("Authorization header is longer than %d bytes.", maxAuthorization)}
	}
	parts := strings.FieldsFunc(header, func(r rune) bool { return r == ' ' || r == ',' })
	if len(parts) == 0 {
		return nil, missing()
	}
	p := &parameters{header: header, algorithm: parts[0]}
	if strings.Contains(p.algorithm, "=") {
		return nil, malformed("Authorization header must begin with the algorithm name, which cannot include an equal-sign")
	}
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, malformed("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '%s'.", hashed(header))
		}
		var field *string
		switch key {
		case "Credential":
			field = &p.credential
		case "SignedHeaders":
			field = &p.signedHeaders
		case "Signature":
			field = &p.signature
		default:
			return nil, malformed("Authorization header has an unknown parameter.")
		}
		if *field != "" {
			return nil, malformed("Authorization header has more than one '%s' parameter.", key)
		}
		*field = value
	}
	return p, nil
}

// requireAll names all parts that are missing at once, the date's header
// included.
func (p *parameters) requireAll(dated bool) error {
	var b strings.Builder
	for _, required := range []struct{ name, value string }{
		{"Credential", p.credential}, {"Signature", p.signature}, {"SignedHeaders", p.signedHeaders},
	} {
		if required.value == "" {
			fmt.Fprintf(&b, "Authorization header requires '%s' parameter. ", required.name)
		}
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if b.Len() == 0 {
		return nil
	}
	return malformed("%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s", &b, hashed(p.header))
}

// authorization reads the parts but for the names, which have been read.
func (p *parameters) authorization(names []string) (Authorization, error) {
	if p.algorithm != algorithm {
		// Signature Version 4A (AWS4-ECDSA-P256-SHA256) is among them.
		return Authorization{}, &Error{Reason: Unsupported, Message: fmt.Sprintf("Unsupported AWS 'algorithm': '%s' (only %s for now). ", p.algorithm, algorithm)}
	}
	a := Authorization{Algorithm: p.algorithm, SignedHeaders: names}
	part := strings.Split(p.credential, "/")
	if len(part) != 5 {
		return Authorization{}, malformed("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", p.credential)
	}
	a.AccessKeyID = part[0]
	a.Scope = Scope{Date: part[1], Region: part[2], Service: part[3], Terminator: part[4]}
	if a.AccessKeyID == "" || len(a.AccessKeyID) > maxAccessKeyID {
		return Authorization{}, malformed("Credential must begin with an access key id of 1 to %d characters.", maxAccessKeyID)
	}
	var err error
	if a.Signature, err = ParseSignature(p.signature); err != nil {
		return Authorization{}, &Error{Reason: Malformed, Message: "Signature must be 64 lower-case hexadecimal digits.", Err: err}
	}
	return a, nil
}

// names reads SignedHeaders.
func (p *parameters) names() ([]string, error) {
	if strings.Count(p.signedHeaders, ";") >= maxSignedHeaders {
		return nil, &Error{Reason: TooLarge, Message: fmt.Sprintf("SignedHeaders names more than %d headers.", maxSignedHeaders)}
	}
	names := strings.Split(p.signedHeaders, ";")
	for i, name := range names {
		if !isHeaderName(name) || i > 0 && name <= names[i-1] {
			return nil, malformed("SignedHeaders must be lower-case header names in order, each once, separated by semicolons.")
		}
	}
	return names, nil
}

// isHeaderName says whether s is a header's name (RFC 9110, section 5.1) in
// lower case.
func isHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func missing() error {
	return &Error{Reason: MissingAuthentication, Message: "Missing Authentication Token"}
}

func malformed(format string, args ...any) error {
	return &Error{Reason: Malformed, Message: fmt.Sprintf(format, args...)}
}

// hashed gives what AWS shows of a header that may hold a secret.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
