package authorizer

import (
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify"
)

// A Decision is what an authorizer found. The zero value refuses.
type Decision struct {
	// Allow says that the request may go on.
	Allow bool
	// Status is the status of the refusal: 401, 403, or 500 if the authorizer
	// itself is broken. Zero on Allow.
	Status int
	// Challenge is the value of www-authenticate that goes with the refusal,
	// or empty for none. It holds nothing that came from the request.
	Challenge string
	// Reasons say why, the deciding one first. They are for the terminal and
	// the logs, and are never sent to the client.
	Reasons []Reason
	// Claims are the claims of the verified token; none unless Allow.
	Claims verify.Claims
	// Lacking are the claims of a token that was verified, and refused for its scopes or
	// its use. They are for who asks why, and open nothing.
	Lacking verify.Claims
	// Caller is what an authorizer function has said of who calls; nil unless
	// such a one has allowed.
	Caller *apigw.Caller
	// Signer is who has signed the request; nil unless the IAM authorizer has
	// allowed.
	Signer *apigw.Signer
	// Signature says what is wrong with a request's signature, and Denied what the
	// policies say of who has signed it; each nil unless the IAM authorizer has
	// refused for it.
	Signature *sigv4.Error
	Denied    *iam.Decision
	// UsageIdentifierKey is the API key that an authorizer function has named.
	UsageIdentifierKey string
	// Latency is how long the function took; zero if its answer was cached.
	Latency time.Duration
	// Cached says that what decided was known already: a token that has been
	// verified before, or a function's answer that is kept.
	Cached bool
	// Granted is what the policies say of who has signed the request; nil unless the
	// IAM authorizer has allowed.
	Granted *iam.Decision
	// Policy is what an authorizer function has answered, if that is a policy and the
	// question wants to know.
	Policy *iam.Policy
	// ExplicitDeny says of a 403 that a statement of a policy denies.
	ExplicitDeny bool
	// Message is the text of a refusal in whose place REST APIs would say
	// Unauthorized or Forbidden. It is a constant, or empty.
	Message string
	pool    bool // the claims are those of a REST API's user pool authorizer
	// Scopes are all scopes of the token if the route asks for scopes, else
	// nil, as the event shows them.
	Scopes []string
}

// The codes of the reasons that are not verify's.
const (
	CodeTokenAbsent       = "TokenAbsent"       // the identity source is not in the request
	CodeSeveralTokens     = "SeveralTokens"     // the identity source is there more than once
	CodeBearerInToken     = "BearerInToken"     // a second or differently spelled "Bearer "
	CodeInsufficientScope = "InsufficientScope" // the token has none of the route's scopes
	CodeVerified          = "Verified"          // the token is good

	CodeTokenUse = "TokenUse" // an access token for an ID token, or the other way round

	CodeIdentityAbsent     = "IdentityAbsent"     // an identity source of an authorizer function is not in the request
	CodeSeveralValues      = "SeveralValues"      // one is there more than once
	CodeIdentityMismatch   = "IdentityMismatch"   // it does not match identityValidationExpression
	CodeUnauthorized       = "Unauthorized"       // the function has failed with "Unauthorized"
	CodeAuthorizerFailed   = "AuthorizerFailed"   // it has failed otherwise
	CodeMalformedResponse  = "MalformedResponse"  // its answer is not one
	CodeNotAuthorized      = "NotAuthorized"      // isAuthorized is false
	CodeExplicitDeny       = "ExplicitDeny"       // a statement of its policy denies
	CodeImplicitDeny       = "ImplicitDeny"       // no statement of its policy allows
	CodeFunctionAuthorized = "FunctionAuthorized" // it has let the caller in

	CodeUnsigned         = "Unsigned"         // the request has no signature
	CodeSignatureRefused = "SignatureRefused" // it has one that is not good
)

// refuse gives a refusal.
func refuse(status int, challenge string, r Reason) Decision {
	return Decision{Status: status, Challenge: challenge, Reasons: []Reason{r}}
}

// unauthorized is a 401 with the challenge that names an invalid token.
func unauthorized(scopes []string, description string, r Reason) Decision {
	return refuse(http.StatusUnauthorized, challenge(scopes, "invalid_token", description), r)
}
