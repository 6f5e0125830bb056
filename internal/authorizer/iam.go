package authorizer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/sigv4"
)

// An Account knows who has which keys, and who may do what. It is an
// [iam.Account].
type Account interface {
	SecretOf(ctx context.Context, accessKeyID, sessionToken string) (string, error)
	Principal(accessKeyID, sessionToken string) (iam.Principal, error)
	Decide(p iam.Principal, r iam.Request, resource *iam.Policy) iam.Decision
}

// signingName is the service that requests to an API are signed for.
const signingName = "execute-api"

// An IAM is the authorizer AWS_IAM: it lets in who has signed a request with
// Signature Version 4, for this service and the API's region, and whom the
// policies allow to invoke. It is safe for concurrent use.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
type IAM struct {
	account  Account
	verifier *sigv4.Verifier
}

// NewIAM gives the authorizer of an account's APIs in a region. A nil clock is
// time.Now.
func NewIAM(account Account, region string, now func() time.Time) (*IAM, error) {
	if account == nil || region == "" {
		return nil, errors.New("configuring the authorizer iam: it needs an account and a region")
	}
	return &IAM{account, &sigv4.Verifier{Service: signingName, Region: region, Lookup: account.SecretOf, Now: now}}, nil
}

// Authorize is not asked: the signature covers the body, which DecideSigned gets.
func (a *IAM) Authorize(*http.Request, []string) Decision {
	return broken(CodeAuthorizerFailed, "the authorizer was not asked with the body", "")
}

// Check says what is wrong with a request's signature, or nothing. A trouble of
// its own is no verdict, and is an error.
func (a *IAM) Check(r *http.Request, body []byte) (*sigv4.Error, error) {
	_, err := a.verifier.Verify(r, body)
	var refused *sigv4.Error
	if errors.As(err, &refused) {
		return refused, nil
	}
	return nil, err
}

// DecideSigned decides whether the request may go on. q.HTTP is the request as it
// was received, body all of its body, and policy that of the API, or nil.
func (a *IAM) DecideSigned(q *Question, body []byte, policy *iam.Policy) Decision {
	id, err := a.verifier.Verify(q.HTTP, body)
	var refused *sigv4.Error
	switch {
	case errors.As(err, &refused):
		return a.refuse(q, refused)
	case err != nil:
		return broken(CodeAuthorizerFailed, err.Error(), "")
	}
	p, err := a.account.Principal(id.AccessKeyID, id.SessionToken)
	switch {
	case errors.Is(err, sigv4.ErrUnknownKey):
		return a.refuse(q, &sigv4.Error{Reason: sigv4.UnknownKey, Message: "The security token included in the request is invalid.", Err: err})
	case errors.Is(err, sigv4.ErrExpiredToken): // since its signature was verified
		return a.refuse(q, &sigv4.Error{Reason: sigv4.ExpiredToken, Message: "The security token included in the request is expired", Err: err})
	case err != nil:
		return broken(CodeAuthorizerFailed, err.Error(), "")
	}
	return a.decide(q, p, policy)
}

// decide asks the policies. What they deny of another reading of the path is
// denied; what they allow is allowed of the ARN alone.
func (a *IAM) decide(q *Question, p iam.Principal, policy *iam.Policy) Decision {
	d := a.account.Decide(p, iam.Request{Action: InvokeAction, Resource: q.ARN, Context: q.conditionKey}, policy)
	for _, arn := range q.Readings {
		if of := a.account.Decide(p, iam.Request{Action: InvokeAction, Resource: arn, Context: q.conditionKey}, policy); d.Allowed && of.Explicit {
			d = of
		}
	}
	if d.Allowed {
		return Decision{Allow: true, Granted: &d, Signer: signer(&p), Reasons: []Reason{{
			Code: CodeVerified, Text: "signed by " + shortText(p.ARN) + ": " + d.Explanation(),
		}}}
	}
	return Decision{Status: http.StatusForbidden, Denied: &d, Reasons: []Reason{deniedSigner(q, &p, &d)}}
}

// refuse gives the refusal of a signature. The reason tells what to do about it;
// the canonical request, with the session token in it, is in no log.
func (a *IAM) refuse(q *Question, e *sigv4.Error) Decision {
	reason := signatureReason(q.HTTP, e, signingName, a.verifier.Region, q.Shown)
	return Decision{Status: http.StatusForbidden, Signature: e, Reasons: []Reason{reason}}
}

// signer says who has signed as events show it.
func signer(p *iam.Principal) *apigw.Signer {
	s := &apigw.Signer{AccessKey: p.AccessKeyID, AccountID: p.AccountID, CallerID: p.UserID, UserARN: p.ARN}
	if p.Session != nil && p.Session.Identity != nil {
		i := p.Session.Identity
		s.Cognito = &apigw.CognitoIdentity{AMR: i.AMR, ID: i.ID, PoolID: i.Pool}
	}
	return s
}
