package verify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Reason says why a token was refused. Reasons are the stable part of an
// Error: decide by them, and show the message.
type Reason string

// The reasons, about in the order in which Verify comes to them.
const (
	// WrongSegments: the token is not three segments joined by dots. An
	// encrypted token (JWE) has five.
	WrongSegments Reason = "WrongSegments"
	// Malformed: the token is too long, or a segment is not unpadded base64url,
	// or the header is not a JSON object with the members that RFC 7515 wants.
	Malformed Reason = "Malformed"
	// HeaderNotAllowed: the header asks for something that is never done here
	// (crit, b64, zip, encryption, a nested token).
	HeaderNotAllowed Reason = "HeaderNotAllowed"
	// AlgorithmNotAllowed: "alg" is not in Config.Algorithms, exactly spelled.
	AlgorithmNotAllowed Reason = "AlgorithmNotAllowed"
	// KeyIDMissing: the header has no "kid".
	KeyIDMissing Reason = "KeyIDMissing"
	// DiscoveryUnavailable: the issuer's discovery document could not be had,
	// and no key of an earlier fetch has that id.
	DiscoveryUnavailable Reason = "DiscoveryUnavailable"
	// KeysUnavailable: the keys could not be had, and no key of an earlier
	// fetch has that id. Also when the caller's context ended first.
	KeysUnavailable Reason = "KeysUnavailable"
	// UnknownKey: the keys are at hand and none that may verify has that id.
	UnknownKey Reason = "UnknownKey"
	// KeyNotForAlgorithm: the key of that id is for another algorithm.
	KeyNotForAlgorithm Reason = "KeyNotForAlgorithm"
	// BadSignature: the signature is wrong. Nothing below is ever told about
	// such a token.
	BadSignature Reason = "BadSignature"
	// BadClaims: the payload is not a JSON object, or a registered claim has
	// the wrong type.
	BadClaims Reason = "BadClaims"
	// MissingClaim: a required claim is absent.
	MissingClaim Reason = "MissingClaim"
	// WrongIssuer: "iss" is not Config.Issuer, byte for byte.
	WrongIssuer Reason = "WrongIssuer"
	// WrongAudience: no audience of the token is in Config.Audience.
	WrongAudience Reason = "WrongAudience"
	// Expired: "exp" is not later than now.
	Expired Reason = "Expired"
	// NotYetValid: "nbf" is later than now.
	NotYetValid Reason = "NotYetValid"
	// IssuedInTheFuture: "iat" is later than now.
	IssuedInTheFuture Reason = "IssuedInTheFuture"
)

// An Error is the refusal of a token. Every error of Verifier.Verify is one.
//
// Its fields hold what the token said, unbounded and unescaped; its message
// quotes and shortens it, and never holds the token or a part of its signature.
type Error struct {
	Reason Reason
	// Claim is the claim or the header parameter that decided, or empty.
	Claim string
	// Detail says what is wrong with it, for Malformed, BadClaims and the like.
	Detail string
	// KeyID is the token's "kid", once it is known.
	KeyID string
	// Got is what the token has: its issuer, its audiences, its algorithm. For
	// DiscoveryUnavailable it is the issuer of a document that is another's.
	Got []string
	// Want is what would have been accepted.
	Want []string
	// At is the value of exp, nbf or iat.
	At time.Time
	// Now is the moment that it was compared with.
	Now time.Time
	// Err is the cause, if there is one: a failed fetch, an ended context, or
	// why the key that has this id may not be used.
	Err error
}

// Error gives the message with the package's name before it.
func (e *Error) Error() string { return "verify: " + e.Message() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Message says why the token was refused in words for a terminal, such as
// "token expired 3m ago (exp 14:02:11)".
func (e *Error) Message() string {
	s := e.summary()
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) summary() string {
	switch e.Reason {
	case AlgorithmNotAllowed:
		return fmt.Sprintf("algorithm is %s, not %s", quoteAll(e.Got), oneOf(e.Want))
	case HeaderNotAllowed:
		return fmt.Sprintf("header parameter %q is not accepted", e.Claim) + detail(e.Detail)
	case KeyIDMissing:
		return `header has no "kid"`
	case DiscoveryUnavailable:
		return "discovery document is unavailable"
	case KeysUnavailable:
		return "keys are unavailable"
	case UnknownKey:
		return fmt.Sprintf("no key has the id %s", quote(e.KeyID))
	case KeyNotForAlgorithm:
		return fmt.Sprintf("key %s is not for the algorithm %s", quote(e.KeyID), quoteAll(e.Got)) + detail(e.Detail)
	case BadSignature:
		return fmt.Sprintf("signature does not match key %s", quote(e.KeyID))
	case MissingClaim:
		return fmt.Sprintf("claim %q is missing", e.Claim)
	case WrongIssuer:
		return fmt.Sprintf("issuer is %s, not %s", quoteAll(e.Got), quoteAll(e.Want)) + detail(e.Detail)
	case WrongAudience:
		return fmt.Sprintf("%s is %s, not %s", e.Claim, quoteAll(e.Got), oneOf(e.Want))
	case Expired:
		when := "just now"
		if d := e.Now.Sub(e.At); d >= time.Second {
			when = largestUnit(d) + " ago"
		}
		return fmt.Sprintf("token expired %s (exp %s)", when, clock(e.At, e.Now))
	case NotYetValid:
		return fmt.Sprintf("token is not valid for another %s (nbf %s)", largestUnit(e.At.Sub(e.Now)), clock(e.At, e.Now))
	case IssuedInTheFuture:
		return fmt.Sprintf("token was issued %s in the future (iat %s)", largestUnit(e.At.Sub(e.Now)), clock(e.At, e.Now))
	case BadClaims:
		if e.Claim != "" {
			return fmt.Sprintf("claim %q ", e.Claim) + e.Detail
		}
		return "payload " + e.Detail
	}
	return "token " + e.Detail
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// maxQuoted bounds how much of a string that somebody else chose gets into a
// message, and maxListed how many of them.
const (
	maxQuoted = 80
	maxListed = 5
)

// quote makes a foreign string harmless for a terminal and a log.
func quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "..."
}

func quoteAll(list []string) string {
	if len(list) == 1 {
		return quote(list[0])
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range list {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(list)-i)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(s))
	}
	b.WriteByte(']')
	return b.String()
}

func oneOf(list []string) string {
	if len(list) == 1 {
		return quote(list[0])
	}
	return "one of " + quoteAll(list)
}

// largestUnit cuts a duration down to its largest unit: "3m", "2h", "5d".
func largestUnit(d time.Duration) string {
	switch {
	case d < time.Second:
		return "1s"
	case d < time.Minute:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	case d < time.Hour:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d < 48*time.Hour:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	}
	return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
}

// clock shows a moment in the zone of now, with its date if that is another.
func clock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}
