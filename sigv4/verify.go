package sigv4

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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

// S3Window is how far the time of a request to S3 may be from the server's: "a
// 15 minute skew" (RequestTimeTooSkewed,
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
const S3Window = 15 * time.Minute

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
	// inclusive, in full minutes. The default is DefaultWindow, or S3Window. A
	// presigned query may be as old as it says itself.
	Window time.Duration
	// Path is how the path is canonicalised. The default is right for every
	// service but S3.
	Path PathRule
	// S3 verifies requests as S3 does. The path is kept. What the signature
	// covers of the body is what X-Amz-Content-Sha256 says, which must be there:
	// its hash, nothing (UNSIGNED-PAYLOAD, as in every presigned query), or its
	// chunks, each with a signature of its own.
	S3 bool
}

// Identity is who signed a request.
type Identity struct {
	// AccessKeyID is the id of the key that signed.
	AccessKeyID string
	// SessionToken is the session token that came with it, if any. Lookup has
	// accepted it.
	SessionToken string
	// Form is where the request carries its signature.
	Form Form
	// Scope is what the signature is good for.
	Scope Scope
	// SignedAt is when the request was signed, as the signer's clock had it.
	SignedAt time.Time
	// SignedHeaders are the names of the headers that the signature covers. A
	// policy covers none.
	SignedHeaders []string
}

// Verify says who signed a request, in its Authorization header or in its query.
// body is the whole body, which the caller has read; the request's own Body is
// not touched. The path and the query that count are those on the wire
// (RequestURI).
//
// A request that is refused gives an *[Error] and no Identity. Any other error
// is the Verifier's own trouble: a missing field, or an error of Lookup.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	if v.S3 {
		id, stream, err := v.verifyStream(r, bytes.NewReader(body))
		if err == nil {
			_, err = io.Copy(io.Discard, stream)
		}
		if err != nil {
			return Identity{}, err
		}
		return id, nil
	}
	c, err := v.verify(r, func(*claim) (string, error) { return hexHash(body), nil })
	if err != nil {
		return Identity{}, err
	}
	return c.identity(), nil
}

// VerifyStream says who signed a request to S3, before its body has been read,
// and gives the body, which is verified while it is read: see [Body]. It needs
// the field S3. The errors are those of Verify.
func (v *Verifier) VerifyStream(r *http.Request) (Identity, *Body, error) {
	if !v.S3 {
		return Identity{}, nil, errors.New("sigv4: VerifyStream is for S3: other services sign the body's hash, without saying it")
	}
	return v.verifyStream(r, r.Body)
}

func (v *Verifier) verifyStream(r *http.Request, body io.Reader) (Identity, *Body, error) {
	var said payload
	c, err := v.verify(r, func(c *claim) (_ string, err error) {
		said, err = readPayload(r, c.form, c.contentHash)
		return said.text, err
	})
	if err != nil {
		return Identity{}, nil, err
	}
	return c.identity(), newBody(body, r.ContentLength, said, c), nil
}

// claim is what a request says of its signature, in whichever form.
type claim struct {
	Authorization
	form     Form
	token    string
	signedAt time.Time
	key      signingKey // that of the key's secret, once that is known

	contentHash string // of a presigned query
}

func (c *claim) identity() Identity {
	return Identity{
		AccessKeyID:   c.AccessKeyID,
		SessionToken:  c.token,
		Form:          c.form,
		Scope:         c.Scope,
		SignedAt:      c.signedAt,
		SignedHeaders: c.SignedHeaders,
	}
}

// verify verifies a request, in whose canonical request the body stands as
// payload says.
func (v *Verifier) verify(r *http.Request, payload func(*claim) (string, error)) (_ *claim, err error) {
	if v.Service == "" || v.Region == "" || v.Lookup == nil {
		return nil, errors.New("sigv4: a Verifier needs Service, Region and Lookup")
	}
	_, query := target(r)
	if len(query) > maxCanonical {
		return nil, tooLarge("request target")
	}
	form, parameters, err := v.form(r, query)
	defer func() {
		var e *Error
		if errors.As(err, &e) && e.Form == "" {
			e.Form = form
		}
	}()
	if err != nil {
		return nil, err
	}
	var c *claim
	if form == QueryForm {
		c, err = v.presignedClaim(r, parameters)
	} else {
		c, err = v.headerClaim(r)
	}
	if err != nil {
		return nil, err
	}
	c.form = form
	if err := v.unlock(r.Context(), c); err != nil {
		return nil, err
	}
	text, err := payload(c)
	if err != nil {
		return nil, err
	}
	rule := v.Path
	if v.S3 {
		rule = KeepPath
	}
	canonical, err := canonicalRequest(r, form, c.SignedHeaders, text, rule)
	if err != nil {
		return nil, err
	}
	if err := c.check(stringToSign(c.signedAt, c.Scope, canonical), canonical, c.Signature); err != nil {
		return nil, err
	}
	return c, nil
}

// unlock asks Lookup for the secret of the key that a request names.
func (v *Verifier) unlock(ctx context.Context, c *claim) error {
	secret, err := v.secret(ctx, c.Authorization, c.token)
	if err != nil {
		return err
	}
	c.key = newSigningKey(secret, c.Scope)
	return nil
}

// check refuses a signature that is not that of the string.
func (c *claim) check(toSign, canonical string, signature Signature) error {
	if c.key.sign(toSign).Equal(signature) {
		return nil
	}
	var signed func(string) bool
	if canonical != "" {
		signed = func(other string) bool { return c.key.sign(stringToSign(c.signedAt, c.Scope, other)).Equal(signature) }
	}
	return &Error{
		Reason: SignatureMismatch,
		signed: signed,
		Message: "The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
		Form:             c.form,
		Scope:            c.Scope,
		CanonicalRequest: canonical,
		StringToSign:     toSign,
	}
}

// form tells the header form from the query form and from no signature, and
// refuses a header that says two things.
func (v *Verifier) form(r *http.Request, query string) (Form, []parameter, error) {
	signed := r.Header.Get(headerAuthorization) != ""
	// A query that cannot be read is refused later, by its place in the
	// canonical request; nothing is presigned by it.
	all, unreadable := parseQuery(query)
	presigned := unreadable == nil && v.isPresigned(all)
	form := HeaderForm
	switch {
	case presigned && signed:
		return "", nil, &Error{Reason: TwoForms, Message: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."}
	case presigned:
		form = QueryForm
	case v.S3 && isVersion2(r, all):
		return "", nil, &Error{Reason: Unsupported, Message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."}
	case !signed:
		return "", nil, missing()
	}
	for _, name := range []string{headerAuthorization, headerDate, headerToken, headerContentHash, headerDecodedLength, headerTrailer, "Date"} {
		if len(r.Header.Values(name)) > 1 {
			return form, nil, malformed("The request has more than one '%s' header.", name)
		}
	}
	return form, all, nil
}

// isVersion2 says whether a request has a signature of the version before, which
// S3 takes in its oldest regions and the AWS CLI makes links with there
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html).
func isVersion2(r *http.Request, query []parameter) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(query, func(p parameter) bool { return p.name == name })
	}
	return strings.HasPrefix(r.Header.Get(headerAuthorization), "AWS ") || has("AWSAccessKeyId") && has("Signature")
}

// headerClaim does every check of the header form that needs neither the secret
// nor the body.
func (v *Verifier) headerClaim(r *http.Request) (*claim, error) {
	p, err := splitAuthorization(r.Header.Get(headerAuthorization))
	if err != nil {
		return nil, err
	}
	date := cmp.Or(r.Header.Get(headerDate), r.Header.Get("Date"))
	if err := p.requireAll(date != ""); err != nil {
		return nil, err
	}
	signedAt, err := parseDate(date, r.Header.Get(headerDate) == "")
	if err != nil {
		return nil, err
	}
	if err := v.checkClock(signedAt); err != nil {
		return nil, err
	}
	c := &claim{token: r.Header.Get(headerToken), signedAt: signedAt}
	return c, v.readClaim(r, c, p)
}

// presignedClaim does the same for the query form.
func (v *Verifier) presignedClaim(r *http.Request, all []parameter) (*claim, error) {
	q, err := v.readQuery(all)
	if err != nil {
		return nil, err
	}
	if err := q.requireAll(v.S3); err != nil {
		return nil, err
	}
	if r.Header.Get(headerToken) != "" {
		return nil, malformed("The request is presigned; '%s' goes into its query.", headerToken)
	}
	signedAt, err := parseDate(q.date, false)
	if err != nil {
		return nil, err
	}
	_, window := v.clock()
	lifetime, err := q.lifetime(window)
	if err != nil {
		return nil, err
	}
	if err := v.checkLifetime(signedAt, lifetime); err != nil {
		return nil, err
	}
	c := &claim{token: q.token, signedAt: signedAt, contentHash: q.contentHash}
	return c, v.readClaim(r, c, &q.parameters)
}

// readClaim reads what both forms say in the same words.
func (v *Verifier) readClaim(r *http.Request, c *claim, p *parameters) error {
	names, err := p.names()
	if err != nil {
		return err
	}
	if err := checkSigned(r, names); err != nil {
		return err
	}
	if c.Authorization, err = p.authorization(names); err != nil {
		return err
	}
	return v.checkScope(c.Scope, c.signedAt)
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

// clock gives the time, in seconds as the messages have it, and how far a
// request's may be from it.
func (v *Verifier) clock() (at time.Time, window time.Duration) {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	window = v.Window
	switch {
	case window == 0 && v.S3:
		window = S3Window
	case window == 0:
		window = DefaultWindow
	}
	return now().UTC().Truncate(time.Second), window
}

// checkClock refuses a time outside the window.
func (v *Verifier) checkClock(signedAt time.Time) error {
	at, window := v.clock()
	if earliest := at.Add(-window); signedAt.Before(earliest) {
		return &Error{Reason: Expired, SignedAt: signedAt, ServerTime: at, Message: fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			signedAt.Format(iso8601), earliest.Format(iso8601), at.Format(iso8601), int(window/time.Minute))}
	}
	return checkFuture(signedAt, at, window)
}

func checkFuture(signedAt, at time.Time, window time.Duration) error {
	if latest := at.Add(window); signedAt.After(latest) {
		return &Error{Reason: NotYetCurrent, SignedAt: signedAt, ServerTime: at, Message: fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			signedAt.Format(iso8601), latest.Format(iso8601), at.Format(iso8601), int(window/time.Minute))}
	}
	return nil
}

// checkLifetime refuses a presigned query that has ended, or that comes from
// beyond the window.
func (v *Verifier) checkLifetime(signedAt time.Time, lifetime time.Duration) error {
	at, window := v.clock()
	if ends := signedAt.Add(lifetime); ends.Before(at) {
		return &Error{Reason: Expired, SignedAt: signedAt, ServerTime: at, Expires: ends, Message: fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d sec.)",
			signedAt.Format(iso8601), at.Add(-lifetime).Format(iso8601), at.Format(iso8601), int(lifetime/time.Second))}
	}
	return checkFuture(signedAt, at, window)
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
