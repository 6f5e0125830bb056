package sigv4

import (
	"errors"
	"strings"
	"time"
)

// Errors that a Verifier's Lookup gives for credentials that it does not
// accept. Any other error of Lookup is passed on: it is nobody's verdict.
var (
	// ErrUnknownKey says that there is no such access key, or that the session
	// token does not belong to it.
	ErrUnknownKey = errors.New("sigv4: unknown access key or session token")
	// ErrExpiredToken says that the session has ended.
	ErrExpiredToken = errors.New("sigv4: expired session token")
)

// Reason says which check a request failed.
type Reason string

// The reasons, in the order of the checks.
const (
	// MissingAuthentication: the request carries no signature.
	MissingAuthentication Reason = "missing authentication"
	// TwoForms: the request carries an Authorization header and a presigned query.
	TwoForms Reason = "two forms"
	// Unsupported: the request is signed with an algorithm, or in a form, that is
	// not supported.
	Unsupported Reason = "unsupported form"
	// TooLarge: what would have to be canonicalised is over the bounds.
	TooLarge Reason = "too large"
	// Malformed: the Authorization header, the presigned query or the date cannot
	// be read. Error.Form tells the first two apart.
	Malformed Reason = "malformed"
	// Expired: the request was signed too long ago, or its presigned query has
	// ended. For the first S3 has the name RequestTimeTooSkewed.
	Expired Reason = "expired"
	// NotYetCurrent: the request was signed in the future.
	NotYetCurrent Reason = "not yet current"
	// UnsignedHeader: a header that must be signed is not.
	UnsignedHeader Reason = "unsigned header"
	// WrongScope: the credential's scope names another region, service, date or
	// terminator.
	WrongScope Reason = "wrong scope"
	// UnknownKey: there is no such access key, or the session token is not its.
	UnknownKey Reason = "unknown key"
	// ExpiredToken: the session of the temporary credentials has ended.
	ExpiredToken Reason = "expired token"
	// PayloadHashMissing: S3 wants X-Amz-Content-Sha256.
	PayloadHashMissing Reason = "payload hash missing"
	// PayloadHashInvalid: X-Amz-Content-Sha256 is neither a hash nor a marker.
	PayloadHashInvalid Reason = "payload hash invalid"
	// LengthMissing: a body in chunks comes without X-Amz-Decoded-Content-Length.
	LengthMissing Reason = "decoded length missing"
	// SignatureMismatch: the signature is not that of this request, or of this
	// chunk, trailer or policy.
	SignatureMismatch Reason = "signature mismatch"
	// PayloadMismatch: the body's hash is not X-Amz-Content-Sha256.
	PayloadMismatch Reason = "payload mismatch"
	// ChunkMalformed: a body in chunks, or its trailer, cannot be read.
	ChunkMalformed Reason = "malformed chunk"
	// Incomplete: a body in chunks ends early, or is not as long as
	// X-Amz-Decoded-Content-Length says.
	Incomplete Reason = "incomplete body"
	// PolicyMalformed: the policy of a browser's form is no policy document.
	PolicyMalformed Reason = "malformed policy"
	// PolicyExpired: its expiration has passed.
	PolicyExpired Reason = "policy expired"
	// PolicyDenied: a condition of it does not hold, or none speaks of a field.
	PolicyDenied Reason = "policy denied"
)

// Code gives the name of the error that AWS's JSON services and API Gateway
// answer with. The query protocol has names and statuses of its own.
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html)
func (r Reason) Code() string {
	switch r {
	case MissingAuthentication:
		return "MissingAuthenticationTokenException"
	case Unsupported, TooLarge, Malformed, PayloadHashMissing, PayloadHashInvalid:
		return "IncompleteSignatureException"
	case UnknownKey:
		return "UnrecognizedClientException"
	case ExpiredToken:
		return "ExpiredTokenException"
	}
	return "InvalidSignatureException"
}

// Error says why a request was refused.
type Error struct {
	// Reason is the check that failed.
	Reason Reason
	// Message is what AWS tells the caller, where its text is known.
	Message string
	// Form is where the request carries its signature, once that is known.
	Form Form
	// SignedAt and ServerTime are the two clocks of a request that is Expired or
	// NotYetCurrent, and Expires is when a presigned query has ended.
	SignedAt, ServerTime, Expires time.Time
	// Scope is the scope that the request names, once it is known.
	Scope Scope
	// CanonicalRequest and StringToSign are what should have been signed. They
	// are set for a SignatureMismatch only; a chunk, a trailer and a policy have
	// no canonical request. They are the caller's own request, a session token
	// included: for the caller's eyes, not for a log.
	CanonicalRequest, StringToSign string
	// Err is the cause, if there is one.
	Err error

	signed func(canonicalRequest string) bool // nil unless CanonicalRequest is set
}

// Signed says whether the signature that was refused is good for another canonical
// request than that of the request: so one can find out which part of it the caller has
// signed otherwise. It is false of all that is no SignatureMismatch of a request.
func (e *Error) Signed(canonicalRequest string) bool {
	return e.signed != nil && e.signed(canonicalRequest)
}

// Error gives the reason and the message.
func (e *Error) Error() string {
	return "sigv4: " + string(e.Reason) + ": " + strings.TrimSpace(e.Message)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Explanation gives the message with what should have been signed, in the form
// in which AWS's services give it when they do.
func (e *Error) Explanation() string {
	if e.CanonicalRequest == "" {
		return e.Message
	}
	return e.Message +
		"\n\nThe Canonical String for this request should have been\n'" + e.CanonicalRequest +
		"'\n\nThe String-to-Sign should have been\n'" + e.StringToSign + "'\n"
}
