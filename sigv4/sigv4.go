package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"

	// iso8601 is the form of X-Amz-Date and of the time in the string to sign.
	iso8601 = "20060102T150405Z"
	// day is the form of the date in a scope.
	day = "20060102"
)

// Headers that the protocol gives a meaning.
const (
	headerAuthorization = "Authorization"
	headerDate          = "X-Amz-Date"
	headerToken         = "X-Amz-Security-Token"
	headerContentHash   = "X-Amz-Content-Sha256"
	headerDecodedLength = "X-Amz-Decoded-Content-Length"
	headerTrailer       = "X-Amz-Trailer"
)

// Form is where a request carries its signature. The values are those of the
// condition key s3:authType
// (https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html).
type Form string

const (
	// HeaderForm is the Authorization header.
	HeaderForm Form = "REST-HEADER"
	// QueryForm is a presigned query.
	QueryForm Form = "REST-QUERY-STRING"
	// PolicyForm is a browser's form with a policy.
	PolicyForm Form = "POST"
)

// Credentials are an access key, with the session token if they are temporary.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Scope is what a signing key is good for: one day, region and service.
type Scope struct {
	// Date is the day in UTC, as 20060102.
	Date string
	// Region is such as "us-east-1".
	Region string
	// Service is the service's signing name, such as "execute-api".
	Service string
	// Terminator ends the scope. It is "aws4_request".
	Terminator string
}

// String gives the scope as it stands in a credential and the string to sign.
func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + s.Terminator
}

// Signature is a signature's value. It cannot be compared with ==, which would
// tell by its time how much of a forged one is right; use Equal.
type Signature struct {
	_   [0]func()
	sum [sha256.Size]byte
}

// ParseSignature reads a signature: 64 lower-case hexadecimal digits.
func ParseSignature(s string) (Signature, error) {
	var sig Signature
	if len(s) != hex.EncodedLen(len(sig.sum)) || s != strings.ToLower(s) {
		return Signature{}, fmt.Errorf("sigv4: parsing a signature: want %d lower-case hexadecimal digits", hex.EncodedLen(len(sig.sum)))
	}
	if _, err := hex.Decode(sig.sum[:], []byte(s)); err != nil {
		return Signature{}, fmt.Errorf("sigv4: parsing a signature: %w", err)
	}
	return sig, nil
}

// Equal says in constant time whether two signatures are the same.
func (s Signature) Equal(other Signature) bool {
	return hmac.Equal(s.sum[:], other.sum[:])
}

// String gives the signature in lower-case hexadecimal digits.
func (s Signature) String() string { return hex.EncodeToString(s.sum[:]) }

// stringToSign gives what the signing key signs.
func stringToSign(at time.Time, scope Scope, canonicalRequest string) string {
	return algorithm + "\n" + at.Format(iso8601) + "\n" + scope.String() + "\n" + hexHash([]byte(canonicalRequest))
}

// signingKey is what a secret becomes for a scope. It signs a request, the
// chunks of its body, and a policy.
type signingKey []byte

func newSigningKey(secret string, scope Scope) signingKey {
	key := []byte("AWS4" + secret)
	for _, part := range []string{scope.Date, scope.Region, scope.Service, scope.Terminator} {
		key = mac(key, part)
	}
	return key
}

func (k signingKey) sign(stringToSign string) Signature {
	var sig Signature
	copy(sig.sum[:], mac(k, stringToSign))
	return sig
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
