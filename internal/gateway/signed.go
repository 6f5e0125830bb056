package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

// decideSigned asks the authorizer of signed requests. It reads the body first,
// up to the bound that the API has anyway, unless there is no signature at all.
func (x *exchange) decideSigned(s SignedAuthorizer) (authorizer.Decision, bool) {
	q := x.question("")
	if x.g.rest != nil && len(q.ARN) > maxMethodARN {
		return methodARNTooLong(q.ARN), true
	}
	q.HTTP = x.received
	var body []byte
	if mayBeSigned(x.received) {
		var ok bool
		if body, ok = x.takeBody(); !ok {
			return authorizer.Decision{}, false
		}
	}
	var policy *iam.Policy
	if x.g.rest != nil {
		policy = x.g.rest.policy
	}
	d := s.DecideSigned(q, body, policy)
	if d.Allow && x.match.upstream != nil && x.bodyRead {
		r := *x.r // the upstream gets what was verified
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.TransferEncoding = nil
		x.r = &r
	}
	return d, true
}

// mayBeSigned says whether a request could have a signature, so that who sends
// none need not be listened to. A parameter is what its name means, not how it is
// spelled: who is taken for unsigned is judged without a body.
func mayBeSigned(r *http.Request) bool {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	return r.Header.Get("Authorization") != "" || err != nil || strings.Contains(query, "Algorithm")
}

// signatureFailure gives the answer to a signature that is not good. The message
// of one that does not match says what should have been signed. Observed.
func signatureFailure(e *sigv4.Error) failure {
	f := failure{kind: "INVALID_SIGNATURE", status: http.StatusForbidden, code: e.Reason.Code(), message: quoteJSON(e.Explanation())}
	switch e.Reason {
	case sigv4.MissingAuthentication:
		return missingToken
	case sigv4.ExpiredToken:
		f.kind = "EXPIRED_TOKEN"
	case sigv4.WrongScope:
		// API Gateway does not name the region, and ends each sentence in a space.
		f.message = quoteJSON(strings.Replace(e.Message, "valid region, not '"+e.Scope.Region+"'.", "valid region.", 1) + " ")
	}
	return f
}

// failUnrouted answers for a path or method that no resource serves. API Gateway
// takes it for an AWS operation: a signature that is not good, or an Authorization
// that is none, is answered as such. Observed.
func (x *exchange) failUnrouted(cause error) {
	f, reason := missingToken, x.noRoute(cause)
	if mayBeSigned(x.received) {
		if e, ok := x.checkUnrouted(); !ok {
			return
		} else if e != nil {
			f, reason = signatureFailure(e), readAsSignature(reason, e)
		}
	}
	x.fail(f, reason)
}

// checkUnrouted says what is wrong with a signature. It has answered itself if the
// body cannot be read.
func (x *exchange) checkUnrouted() (*sigv4.Error, bool) {
	signed := x.g.rest.signed
	if signed == nil {
		return x.checkForm(), true
	}
	body, ok := x.takeBody()
	if !ok {
		return nil, false
	}
	e, err := signed.Check(x.received, body)
	if err != nil {
		x.entry.Reasons = []authorizer.Reason{{Code: authorizer.CodeAuthorizerFailed, Text: err.Error()}}
	}
	return e, true
}

// checkForm says what can be seen to be wrong with a signature without a key.
func (x *exchange) checkForm() *sigv4.Error {
	v := &sigv4.Verifier{
		Service: "execute-api", Region: x.g.config.Region, Now: x.g.config.Now,
		Lookup: func(context.Context, string, string) (string, error) { return "", errNoKeys },
	}
	_, err := v.Verify(x.received, nil)
	var e *sigv4.Error
	errors.As(err, &e)
	return e
}

var errNoKeys = errors.New("the API has no keys")

// readAsSignature adds to the reason for which no route matches why the answer speaks
// of a signature.
func readAsSignature(reason error, e *sigv4.Error) error {
	r := *reasonOf(reason)
	r.Text += "; what matches none is taken for an AWS operation, and the Authorization for its signature"
	r.Facts = append(r.Facts, authorizer.Fact{Name: "Authorization", Want: "a signature, or none at all", Got: string(e.Reason)})
	return &refused{r, reason}
}
