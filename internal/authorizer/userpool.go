package authorizer

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// A UserPool is the COGNITO_USER_POOLS authorizer of a REST API. It is safe for
// concurrent use.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enable-cognito-user-pool.html
type UserPool struct{ tokens *JWT }

// NewUserPool checks the configuration, whose identity source is
// "method.request.header.NAME". Its error names every mistake.
func NewUserPool(c JWTConfig) (*UserPool, error) {
	i, err := parseIdentity(c.IdentitySource, FormatToken)
	if err != nil || i.header == "" {
		return nil, fmt.Errorf("configuring authorizer %q: identity source %q is not method.request.header.NAME", c.Name, c.IdentitySource)
	}
	c.Kind, c.IdentitySource = "user_pool", strings.TrimPrefix(c.IdentitySource, "method.")
	c.IdentitySource = "$" + c.IdentitySource
	tokens, err := NewJWT(c)
	if err != nil {
		return nil, err
	}
	return &UserPool{tokens}, nil
}

// SecretHeaders gives the header that holds the token.
func (p *UserPool) SecretHeaders() []string { return p.tokens.SecretHeaders() }

// messageExpired is the body's message for a token that has expired. Observed.
const messageExpired = "The incoming token has expired"

// Authorize decides whether the request may go on: without scopes by an ID token,
// with scopes by an access token that has one of them. "If you don't specify
// OAuth scopes, API Gateway treats the supplied token as an identity token"
// (apigateway-enable-cognito-user-pool).
func (p *UserPool) Authorize(r *http.Request, scopes []string) Decision {
	d := p.tokens.Authorize(r, nil)
	if !d.Allow {
		d.Challenge = ""
		if d.Reasons[0].Code == string(verify.Expired) {
			d.Message = messageExpired
		}
		return d
	}
	use, _ := d.Claims.String("token_use")
	switch {
	case len(scopes) == 0 && use != "id":
		return lacking(d.Claims, useReason(use, "id", nil))
	case len(scopes) > 0 && use != "access":
		return lacking(d.Claims, useReason(use, "access", scopes))
	case len(scopes) > 0 && !anyIn(scopes, tokenScopes(d.Claims)):
		return lacking(d.Claims, scopeReason(scopes, d.Claims))
	}
	d.pool = true
	return d
}

// lacking is the 401 for a token that was verified, and is not for the route.
func lacking(claims verify.Claims, r Reason) Decision {
	d := refuse(http.StatusUnauthorized, "", r)
	d.Lacking = claims
	return d
}

// poolClaim gives a claim as the event of a REST API shows it: as a string, exp
// and iat as Java prints dates.
func poolClaim(name string, value any) string {
	if name == "exp" || name == "iat" {
		// An integer: the token was verified.
		var seconds int64
		if _, err := fmt.Sscan(printed(value), &seconds); err == nil {
			return time.Unix(seconds, 0).UTC().Format("Mon Jan 02 15:04:05 MST 2006")
		}
	}
	if list, ok := value.([]any); ok {
		words := make([]string, len(list))
		for i, v := range list {
			words[i] = printed(v)
		}
		return strings.Join(words, ",")
	}
	return printed(value)
}
