package bucket

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// body is a request's body as the client meant it.
type body struct {
	from    io.Reader
	length  int64 // -1 if the request does not say
	stream  *sigv4.Body
	refused func(error) error
	ended   bool
}

// Read reads the body. What the signature covers of it is verified at the
// latest when io.EOF is given.
func (b *body) Read(p []byte) (int, error) {
	if b.from == nil {
		return 0, io.EOF
	}
	n, err := b.from.Read(p)
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		b.ended = true
	case err != nil:
		err = b.refused(err)
	}
	return n, err
}

// trailer gives a header that came behind the body.
func (b *body) trailer(name string) string {
	if b.stream == nil {
		return ""
	}
	return b.stream.Trailer().Get(name)
}

// maxIgnored bounds the body of an operation that has none.
const maxIgnored = 64 << 10

// settle reads what an operation has not: a signature covers the body of every
// request, also where it means nothing. It is called before the answer.
func (b *body) settle() error {
	if b.ended || b.from == nil {
		return nil
	}
	n, err := io.Copy(io.Discard, io.LimitReader(b, maxIgnored+1))
	if err == nil && n > maxIgnored {
		return refuse(codeMaxMessageLengthExceeded, "Your request was too big.")
	}
	return err
}

// verifier verifies signatures as S3 does.
func (s *Service) verifier() *sigv4.Verifier {
	return &sigv4.Verifier{Service: "s3", Region: s.cfg.Region, Lookup: s.cfg.Account.SecretOf, Now: s.cfg.Now, S3: true}
}

// authenticate finds out who has signed the request: nobody, if it carries no
// signature at all.
func (c *call) authenticate(ctx context.Context) error {
	if err := c.checkVersion2(); err != nil {
		return err
	}
	with := *c.r
	with.Body = io.NopCloser(c.pacedBody())
	id, stream, err := c.s.verifier().VerifyStream(&with)
	if err != nil {
		var e *sigv4.Error
		if errors.As(err, &e) && e.Reason == sigv4.MissingAuthentication {
			c.event.Cause = e
			return nil // nobody, who may do nothing; the body is not read
		}
		return c.onRequest(err)
	}
	if err := c.admitAs(id); err != nil {
		return err
	}
	c.body = body{from: stream, stream: stream, length: stream.Length(), refused: func(err error) error { c.event.Cause = err; return c.s.onBody(err, c.claimOf()) }}
	if id.Form == sigv4.QueryForm {
		return c.hoist()
	}
	return nil
}

// admitAs notes who has signed.
func (c *call) admitAs(id sigv4.Identity) error {
	p, err := c.s.cfg.Account.Principal(id.AccessKeyID, id.SessionToken)
	if err != nil {
		return fmt.Errorf("finding out whose access key %s is: %w", id.AccessKeyID, err)
	}
	c.caller = caller{Principal: p, form: id.Form, signedAt: id.SignedAt}
	c.event.Caller, c.event.Form = p.ARN, id.Form
	return nil
}

// checkVersion2 refuses Signature Version 2, which some SDKs still presign with
// for endpoints that are not AWS's. S3 says this in every region that is younger
// than 2014.
func (c *call) checkVersion2() error {
	if strings.HasPrefix(c.r.Header.Get("Authorization"), "AWS ") || c.query.has("AWSAccessKeyId") && c.query.has("Signature") {
		return refuse(codeInvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.").
			because(errors.New("signature version 2: in boto3, use Config(signature_version='s3v4')"))
	}
	return nil
}

// claimed is what a request says of its signature, as S3's errors repeat it.
type claimed struct {
	accessKeyID, signature, token, contentHash string
	expires                                    string
	signedAt                                   time.Time
}

// claimOf reads it from the request, verified or not.
func (c *call) claimOf() claimed {
	r := c.r
	var said claimed
	if credential := c.query.get("X-Amz-Credential"); credential != "" {
		said = claimed{signature: c.query.get("X-Amz-Signature"), token: c.query.get("X-Amz-Security-Token"), expires: c.query.get("X-Amz-Expires")}
		said.accessKeyID, _, _ = strings.Cut(credential, "/")
	} else {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		for field := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			switch name {
			case "Credential":
				said.accessKeyID, _, _ = strings.Cut(value, "/")
			case "Signature":
				said.signature = value
			}
		}
		said.token = r.Header.Get("X-Amz-Security-Token")
	}
	said.contentHash = r.Header.Get("X-Amz-Content-Sha256")
	for _, at := range []string{c.query.get("X-Amz-Date"), r.Header.Get("X-Amz-Date")} {
		if t, err := time.Parse(basicTime, at); err == nil {
			said.signedAt = t
		}
	}
	return said
}

// onSignature says a refusal of package sigv4 in S3's words.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (s *Service) onSignature(err error, said claimed) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Reason {
	case sigv4.UnknownKey:
		if said.token != "" {
			return refuse(codeInvalidToken, "The provided token is malformed or otherwise invalid.", "Token-0", said.token).because(e.Err)
		}
		return refuse(codeInvalidAccessKeyID, "The AWS Access Key Id you provided does not exist in our records.", "AWSAccessKeyId", said.accessKeyID)
	case sigv4.ExpiredToken:
		return refuse(codeExpiredToken, "The provided token has expired.", "Token-0", said.token)
	case sigv4.SignatureMismatch:
		return mismatch(e, said)
	case sigv4.Expired, sigv4.NotYetCurrent:
		return skewed(e, said)
	case sigv4.WrongScope:
		return s.wrongScope(e, said.signedAt)
	case sigv4.PayloadHashMissing:
		return refuse(codeMissingSecurityHeader, "Your request was missing a required header", "MissingHeaderName", "x-amz-content-sha256")
	case sigv4.PayloadHashInvalid:
		return invalidArgument(e.Message, "x-amz-content-sha256", said.contentHash)
	case sigv4.LengthMissing:
		return refuse(codeMissingContentLength, "You must provide the Content-Length HTTP header.")
	case sigv4.TwoForms:
		return invalidArgument("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified", "Authorization", "")
	case sigv4.Unsupported:
		return refuse(codeInvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.").because(e)
	case sigv4.PolicyExpired, sigv4.PolicyDenied:
		return refuse(codeAccessDenied, e.Message)
	case sigv4.PolicyMalformed:
		return refuse(codeInvalidPolicyDocument, e.Message)
	}
	return refuse(codeInvalidArgument, e.Message)
}

// onRequest is onSignature for a request, where it may be the request that
// cannot be read.
func (c *call) onRequest(err error) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	c.event.Cause = e
	switch e.Reason {
	case sigv4.UnsignedHeader:
		return refuse(codeAccessDenied, "There were headers present in the request which were not signed", "HeadersNotSigned", notSigned(c.r, c.query))
	case sigv4.Malformed, sigv4.Unsupported, sigv4.TooLarge:
		if e.Form == sigv4.QueryForm {
			return malformedQuery(c.query, e)
		}
		return malformedAuthorization(c.r.Header, e)
	}
	return c.s.onSignature(err, c.claimOf())
}

// mismatch shows the client what should have been signed, as S3 does.
func mismatch(e *sigv4.Error, said claimed) error {
	r := refuse(codeSignatureDoesNotMatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
		"AWSAccessKeyId", said.accessKeyID, "StringToSign", e.StringToSign, "SignatureProvided", said.signature, "StringToSignBytes", spaced(e.StringToSign))
	if e.CanonicalRequest != "" {
		r.details = append(r.details, detail{"CanonicalRequest", e.CanonicalRequest}, detail{"CanonicalRequestBytes", spaced(e.CanonicalRequest)})
	}
	return r
}

// spaced gives the bytes of a text in hexadecimal digits, as S3 has them.
func spaced(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString([]byte{s[i]}))
	}
	return b.String()
}

const (
	basicTime    = "20060102T150405Z"
	extendedTime = "2006-01-02T15:04:05Z"
)

func skewed(e *sigv4.Error, said claimed) error {
	if e.Form == sigv4.QueryForm && e.Reason == sigv4.Expired {
		return refuse(codeAccessDenied, "Request has expired",
			"X-Amz-Expires", said.expires, "Expires", e.Expires.UTC().Format(extendedTime), "ServerTime", e.ServerTime.UTC().Format(extendedTime))
	}
	if e.Form == sigv4.QueryForm {
		return refuse(codeAccessDenied, "Request is not yet valid")
	}
	return refuse(codeRequestTimeTooSkewed, "The difference between the request time and the current time is too large.",
		"RequestTime", e.SignedAt.UTC().Format(basicTime), "ServerTime", e.ServerTime.UTC().Format(extendedTime),
		"MaxAllowedSkewMilliseconds", strconv.FormatInt(sigv4.S3Window.Milliseconds(), 10))
}

// wrongScope names what is wrong with the scope. A client corrects its region
// by the element Region.
func (s *Service) wrongScope(e *sigv4.Error, signedAt time.Time) error {
	code, form := codeAuthHeaderMalformed, "The authorization header is malformed; %s"
	if e.Form != sigv4.HeaderForm {
		code, form = codeAuthQueryParameters, "Error parsing the X-Amz-Credential parameter; %s"
	}
	if e.Scope.Region != s.cfg.Region {
		r := refuse(code, fmt.Sprintf(form, "the region '"+e.Scope.Region+"' is wrong; expecting '"+s.cfg.Region+"'"), "Region", s.cfg.Region)
		r.header = http.Header{"X-Amz-Bucket-Region": {s.cfg.Region}}
		return r
	}
	if e.Scope.Service != "s3" {
		return refuse(code, fmt.Sprintf(form, `incorrect service "`+e.Scope.Service+`". This endpoint belongs to "s3".`))
	}
	if e.Scope.Terminator != "aws4_request" {
		return refuse(code, fmt.Sprintf(form, `incorrect terminal "`+e.Scope.Terminator+`". This endpoint uses "aws4_request".`))
	}
	if len(e.Scope.Date) != len("20060102") || strings.Trim(e.Scope.Date, "0123456789") != "" {
		return refuse(code, fmt.Sprintf(form, `incorrect date format "`+e.Scope.Date+`". This date in the credential must be in the format "yyyyMMdd".`))
	}
	return refuse(code, fmt.Sprintf(form, `Invalid credential date "`+e.Scope.Date+`". This date is not the same as X-Amz-Date: "`+signedAt.Format("20060102")+`".`))
}

// onBody says what is wrong with a body.
func (s *Service) onBody(err error, said claimed) error {
	var e *sigv4.Error
	var r *refusal
	switch {
	case errors.As(err, &r):
		return err
	case errors.As(err, &e) && e.Reason == sigv4.Incomplete && e.Err != nil:
		return refuse(codeIncompleteBody, "The request body terminated unexpectedly").because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), e != nil && e.Reason == sigv4.Incomplete:
		return refuse(codeIncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header").because(err)
	case e == nil:
		return refuse(codeRequestTimeout, "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.").because(err)
	}
	switch e.Reason {
	case sigv4.PayloadMismatch:
		return refuse(codeContentSHA256Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.", "ClientComputedContentSHA256", said.contentHash)
	case sigv4.SignatureMismatch:
		return mismatch(e, said)
	case sigv4.ChunkMalformed:
		if strings.Contains(e.Message, "trailer") {
			return refuse("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.").because(e)
		}
	case sigv4.TooLarge:
		return refuse("InvalidChunkSizeError", e.Message)
	}
	return refuse(codeIncompleteBody, "The request body terminated unexpectedly").because(e)
}

// readXML reads the request's document, whose bytes the client may have given a
// digest of.
func (c *call) readXML(root string, v any) error {
	b, err := io.ReadAll(io.LimitReader(&c.body, maxXML+1))
	if err != nil {
		return err
	}
	if len(b) > maxXML {
		return refuse(codeMaxMessageLengthExceeded, "Your request was too big.")
	}
	if err := checkDigests(c, b); err != nil {
		return err
	}
	return readXML(strings.NewReader(string(b)), root, v)
}
