package sigv4

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// DefaultWindow is how far a request's time may be from the server's: "the
// request must reach AWS within five minutes of the time stamp"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html). S3
// and some older services allow fifteen.
const DefaultWindow = 5 * time.Minute

// Verifier verifies signed requests to one service in one region. Its fields
// are not changed once it is in use; it may be used from many goroutines.
type Verifier struct {
	// Service is the service's signing name, such as "execute-api". Required.
	Service string
	// Region is the region, such as "us-east-1". Required.
	Region string
	// Lookup gives the secret of an access key. sessionToken is what the request
	// carries, "" if nothing; Lookup must refuse one that does not belong to the
	// key, and temporary credentials without theirs. It answers ErrUnknownKey or
	// ErrExpiredToken for credentials that are not accepted. Required.
	Lookup func(ctx context.Context, accessKeyID, sessionToken string) (secret string, err error)
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Window is how far a request's time may be from Now, both ways and
	// inclusive, in full minutes. The default is DefaultWindow.
	Window time.Duration
	// Path is how the path is canonicalised. The default is right for every
	// service but S3.
	Path PathRule
}

// Identity is who signed a request.
type Identity struct {
	// AccessKeyID is the id of the key that signed.
	AccessKeyID string
	// SessionToken is the session token that came with it, if any. Lookup has
	// accepted it.
	SessionToken string
	// Scope is what the signature is good for.
	Scope Scope
	// SignedAt is when the request was signed, as the signer's clock had it.
	SignedAt time.Time
	// SignedHeaders are the names of the headers that the signature covers.
	SignedHeaders []string
}

// Verify says who signed a request. body is the whole body, which the caller
// has read; the request's own Body is not touched. The path and the query that
// count are those on the wire (RequestURI).
//
// A request that is refused gives an *[Error] and no Identity. Any other error
// is the Verifier's own trouble: a missing field, or an error of Lookup.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	if v.Service == "" || v.Region == "" || v.Lookup == nil {
		return Identity{}, errors.New("sigv4: a Verifier needs Service, Region and Lookup")
	}
	auth, signedAt, err := v.read(r)
	if err != nil {
		return Identity{}, err
	}
	token := r.Header.Get(headerToken)
	secret, err := v.secret(r.Context(), auth, token)
	if err != nil {
		return Identity{}, err
	}
	canonical, err := canonicalRequest(r, auth.SignedHeaders, hexHash(body), v.Path)
	if err != nil {
		return Identity{}, err
	}
	toSign := stringToSign(signedAt, auth.Scope, canonical)
	if !signature(secret, auth.Scope, toSign).Equal(auth.Signature) {
		return Identity{}, &Error{
			Reason: SignatureMismatch,
			Message: "The request signature we calculated does not match the signature you provided. " +
				"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
			Scope:            auth.Scope,
			CanonicalRequest: canonical,
			StringToSign:     toSign,
		}
	}
	return Identity{
		AccessKeyID:   auth.AccessKeyID,
		SessionToken:  token,
		Scope:         auth.Scope,
		SignedAt:      signedAt,
		SignedHeaders: auth.SignedHeaders,
	}, nil
}

// read does every check that needs neither the secret nor the body.
func (v *Verifier) read(r *http.Request) (Authorization, time.Time, error) {
	fail := func(err error) (Authorization, time.Time, error) { return Authorization{}, time.Time{}, err }
	if err := checkForm(r); err != nil {
		return fail(err)
	}
	p, err := splitAuthorization(r.Header.Get(headerAuthorization))
	if err != nil {
		return fail(err)
	}
	date := cmp.Or(r.Header.Get(headerDate), r.Header.Get("Date"))
	if err := p.requireAll(date != ""); err != nil {
		return fail(err)
	}
	signedAt, err := parseDate(date, r.Header.Get(headerDate) == "")
	if err != nil {
		return fail(err)
	}
	if err := v.checkClock(signedAt); err != nil {
		return fail(err)
	}
	names, err := p.names()
	if err != nil {
		return fail(err)
	}
	if err := checkSigned(r, names); err != nil {
		return fail(err)
	}
	auth, err := p.authorization(names)
	if err != nil {
		return fail(err)
	}
	if err := v.checkScope(auth.Scope, signedAt); err != nil {
		return fail(err)
	}
	return auth, signedAt, nil
}

// checkForm tells the header form from the query form and from no signature,
// and refuses a header that says two things.
func checkForm(r *http.Request) error {
	_, query := target(r)
	presigned := strings.Contains(query, "X-Amz-Algorithm=")
	signed := r.Header.Get(headerAuthorization) != ""
	switch {
	case presigned && signed:
		return &Error{Reason: Malformed, Message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}
	case presigned:
		return &Error{Reason: Unsupported, Message: "A signature in the query is not supported; sign the Authorization header."}
	case !signed:
		return missing()
	}
	for _, name := range []string{headerAuthorization, headerDate, headerToken, headerContentHash, "Date"} {
		if len(r.Header.Values(name)) > 1 {
			return malformed("The request has more than one '%s' header.", name)
		}
	}
	return nil
}

// parseDate reads the time that was signed. X-Amz-Date has one form; Date may
// also have HTTP's.
func parseDate(s string, http1123 bool) (time.Time, error) {
	// Parse alone would take fractions of a second too.
	if t, err := time.Parse(iso8601, s); err == nil && t.Format(iso8601) == s {
		return t, nil
	}
	if http1123 {
		if t, err := http.ParseTime(s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, malformed("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", s)
}

// checkClock refuses a time outside the window. It counts in seconds, as the
// times in its messages do.
func (v *Verifier) checkClock(signedAt time.Time) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	window := v.Window
	if window == 0 {
		window = DefaultWindow
	}
	at := now().UTC().Truncate(time.Second)
	minutes := int(window / time.Minute)
	if earliest := at.Add(-window); signedAt.Before(earliest) {
		return &Error{Reason: Expired, Message: fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			signedAt.Format(iso8601), earliest.Format(iso8601), at.Format(iso8601), minutes)}
	}
	if latest := at.Add(window); signedAt.After(latest) {
		return &Error{Reason: NotYetCurrent, Message: fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			signedAt.Format(iso8601), latest.Format(iso8601), at.Format(iso8601), minutes)}
	}
	return nil
}

// checkSigned refuses a request with a header that must be signed and is not:
// "you must include the host header and any x-amz-* headers in the request"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func checkSigned(r *http.Request, signed []string) error {
	isSigned := func(name string) bool {
		_, found := slices.BinarySearch(signed, name)
		return found
	}
	if !isSigned("host") {
		return &Error{Reason: UnsignedHeader, Message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	var unsigned []string
	for name := range r.Header {
		lower := strings.ToLower(name)
		// X-Amzn-Trace-Id and its like are hops' own and do not match.
		if strings.HasPrefix(lower, "x-amz-") && lower != "x-amz-cf-id" && !isSigned(lower) {
			unsigned = append(unsigned, lower)
		}
	}
	if len(unsigned) > 0 {
		return &Error{Reason: UnsignedHeader, Message: fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", slices.Min(unsigned))}
	}
	return nil
}

// checkScope names all that is wrong with the scope at once.
func (v *Verifier) checkScope(scope Scope, signedAt time.Time) error {
	var wrong []string
	if scope.Region != v.Region {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", scope.Region))
	}
	if scope.Service != v.Service {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped to correct service: '%s'.", v.Service))
	}
	if scope.Terminator != terminator {
		wrong = append(wrong, fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, scope.Terminator))
	}
	if today := signedAt.Format(day); scope.Date != today {
		wrong = append(wrong, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			scope.Date, today, signedAt.Format(iso8601)))
	}
	if len(wrong) > 0 {
		return &Error{Reason: WrongScope, Scope: scope, Message: strings.Join(wrong, " ")}
	}
	return nil
}

// secret asks Lookup.
func (v *Verifier) secret(ctx context.Context, auth Authorization, token string) (string, error) {
	secret, err := v.Lookup(ctx, auth.AccessKeyID, token)
	switch {
	case err == nil && secret == "":
		// A Lookup over a map gives this for a key that is not in it; anybody
		// can sign with an empty secret.
		err = ErrUnknownKey
	case err == nil:
		return secret, nil
	}
	switch {
	case errors.Is(err, ErrUnknownKey):
		return "", &Error{Reason: UnknownKey, Message: "The security token included in the request is invalid.", Scope: auth.Scope, Err: err}
	case errors.Is(err, ErrExpiredToken):
		return "", &Error{Reason: ExpiredToken, Message: "The security token included in the request is expired", Scope: auth.Scope, Err: err}
	}
	return "", fmt.Errorf("sigv4: looking up access key %q: %w", auth.AccessKeyID, err)
}
