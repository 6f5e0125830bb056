package stack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Error says what could not be done, and how to mend it.
type Error struct {
	Doing string // in the gerund
	Fix   string
	Err   error
}

func (e *Error) Error() string { return e.Doing + ": " + e.Err.Error() }

// Hint says what to do.
func (e *Error) Hint() string { return e.Fix }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrExpired is the cause when credentials ended before the work did.
var ErrExpired = errors.New("the credentials have expired")

const (
	signInFix = "sign in (`aws sso login`, `aws configure`), choose a profile with --profile or AWS_PROFILE, and run the same command again"
	againFix  = "run the same command again: it takes up what it finds"
)

// How a call is tried again: after 0.5 s, 1 s, 2 s … up to 20 s, a half of it by chance
// so that several callers part. It is ours because the SDK's own waits by the real
// clock, and gives up after three tries; CloudFormation throttles DescribeStackEvents of
// a whole account together.
const (
	maxTries   = 10
	firstDelay = 500 * time.Millisecond
	longDelay  = 20 * time.Second
)

// call does one request of AWS, again while it is throttled or the network fails.
// Whatever it repeats must be idempotent.
func (s *Stack) call(ctx context.Context, doing string, do func() error) error {
	retryable := retry.IsErrorRetryables(retry.DefaultRetryables)
	delay := firstDelay
	for try := 1; ; try++ {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
		}
		if expired(err) || try == maxTries || retryable.IsErrorRetryable(err) != aws.TrueTernary && code(err) != "ConditionalRequestConflict" {
			return s.explain(doing, err)
		}
		if try == 3 {
			s.warn("%s: %s; trying again", doing, short(err))
		}
		if err := s.cfg.Sleep(ctx, delay/2+rand.N(delay/2)); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		delay = min(2*delay, longDelay)
	}
}

// code gives AWS's error code, or "".
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// short gives what AWS said, without what the SDK adds of the request.
func short(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode() + ": " + plain(e.ErrorMessage())
	}
	return err.Error()
}

// expired says whether credentials were good once.
func expired(err error) bool {
	switch code(err) {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired":
		return true
	}
	// What the SDK says of an SSO session and of a profile's own credentials.
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "token has expired") || strings.Contains(text, "expired credentials") || strings.Contains(text, "session has expired")
}

// explain gives a failed call its fix. The text is AWS's, but for the SDK's words
// around it.
func (s *Stack) explain(doing string, err error) error {
	var api smithy.APIError
	switch {
	case expired(err):
		return &Error{Doing: doing, Fix: signInFix, Err: fmt.Errorf("%w (%s)", ErrExpired, short(err))}
	case !errors.As(err, &api):
		fix := "look at the network, AWS_ENDPOINT_URL, and the region " + s.cfg.AWS.Region
		if text := err.Error(); strings.Contains(text, "credentials") || strings.Contains(text, "get identity") {
			fix = signInFix
		}
		return &Error{Doing: doing, Fix: fix, Err: err}
	}
	e := &Error{Doing: doing, Err: said{api, err}}
	switch api.ErrorCode() {
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AuthFailure":
		e.Fix = "AWS does not know the credentials; " + signInFix
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden":
		e.Fix = "the caller needs the permission that AWS names here"
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown":
		e.Fix = "AWS has throttled this account for minutes; " + againFix
	}
	return e
}

// said is an error of AWS as a person reads it.
type said struct {
	smithy.APIError
	whole error
}

func (s said) Error() string { return s.ErrorCode() + ": " + plain(s.ErrorMessage()) }
func (s said) Unwrap() error { return s.whole }

// plain takes from a text of AWS what a terminal would obey. Such a text quotes what
// others wrote: a handler of a custom resource, an exception of a hook.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
