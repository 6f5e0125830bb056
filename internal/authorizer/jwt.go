package authorizer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// A JWTConfig says which tokens open a route.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
type JWTConfig struct {
	// Name is the authorizer's name in the declaration. Required.
	Name string
	// Declared is where the declaration has the API, such as "apis.Api": advice
	// begins with it. Empty means that advice names keys of the API's own.
	Declared string
	// Login gives the command that prints a token for a route with these scopes, such
	// as "doorwright token --user USER", or the empty string if none does. Nil means
	// that none ever does.
	Login func(scopes []string) string
	// Kind is "jwt" or "user_pool", as in the declaration. Required.
	Kind string
	// IdentitySource is "$request.header.NAME" or "$request.querystring.NAME".
	// Empty means "$request.header.Authorization".
	IdentitySource string
	// Issuer is what iss must be, byte for byte. Required.
	Issuer string
	// Audience lists what aud, or client_id if there is no aud, may be: the
	// audiences of an API, or the app clients of a user pool. One at least.
	Audience []string
	// Keys finds the issuer's keys. Required.
	Keys verify.KeySet
	// Algorithms are signature algorithms of RSA. Empty means RS256.
	Algorithms []verify.Algorithm
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// CacheSize is how many verified tokens to remember. Zero means
	// verify.DefaultCacheSize.
	CacheSize int
}

// maxAudiences is the quota of an authorizer's audiences.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxAudiences = 50

// A JWT is the JWT authorizer of an HTTP API, for an issuer of any kind. It is
// safe for concurrent use.
type JWT struct {
	config   JWTConfig
	source   source
	verifier *verify.Verifier
	absent   Reason // of a request without a token, which is the most frequent refusal
}

// NewJWT checks the configuration. Its error names every mistake.
func NewJWT(c JWTConfig) (*JWT, error) {
	var mistakes []error
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	if c.Name == "" {
		note("it has no name")
	}
	if c.Kind != "jwt" && c.Kind != "user_pool" {
		note("kind %q is neither jwt nor user_pool", c.Kind)
	}
	if c.IdentitySource == "" {
		c.IdentitySource = "$request.header.Authorization"
	}
	src, err := parseSource(c.IdentitySource)
	if err != nil {
		note("%w", err)
	}
	if len(c.Audience) > maxAudiences {
		note("it has %d audiences, %d at most", len(c.Audience), maxAudiences)
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []verify.Algorithm{verify.RS256}
	}
	for _, a := range c.Algorithms {
		// "Currently, only RSA-based algorithms are supported." (http-api-jwt-authorizer)
		// Whether that means RSASSA-PSS too is not documented; strict reading.
		if a != verify.RS256 && a != verify.RS384 && a != verify.RS512 {
			note("algorithm %q is not RS256, RS384 or RS512", a)
		}
	}
	c.Audience = slices.Clone(c.Audience)
	verifier, err := verify.New(verify.Config{
		Issuer:           c.Issuer,
		Audience:         c.Audience,
		ClientIDAudience: true,
		Algorithms:       c.Algorithms,
		Keys:             c.Keys,
		Now:              c.Now,
		CacheSize:        c.CacheSize,
	})
	if err != nil {
		note("%w", err)
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("configuring authorizer %q: %w", c.Name, errors.Join(mistakes...))
	}
	return &JWT{config: c, source: src, verifier: verifier, absent: Reason{
		Code: CodeTokenAbsent, Text: "no " + src.String(), Hint: "send " + src.example(),
		Facts: []Fact{{Name: src.String(), Want: "a token", Got: "nothing"}}, Change: src.send(),
	}}, nil
}

// QueryParameter gives the query parameter that holds the token, so that logs
// can leave it out; empty if it is in a header.
func (j *JWT) QueryParameter() string { return j.source.query }

// SecretHeaders gives the header that holds the token, so that what is told of a request
// can leave it out.
func (j *JWT) SecretHeaders() []string { return j.source.secretHeaders() }

// verified is the reason of every Allow; it is never changed.
var verified = []Reason{{Code: CodeVerified, Text: "token verified"}}

// Authorize decides whether the request may go on to a route that asks for
// these scopes.
//
// First the token is verified, then the scopes: a forged token learns nothing
// about scopes, and an expired one is a 401 whatever they are.
func (j *JWT) Authorize(r *http.Request, scopes []string) Decision {
	value, count := j.source.read(r)
	switch {
	case count > 1:
		return unauthorized(scopes, describe(verify.WrongSegments), j.severalReason(count))
	case value == "":
		return refuse(http.StatusUnauthorized, challengeAbsent, j.absentReason(r))
	}
	// "You can use the token alone or the token with the prefix Bearer." The
	// case of the prefix is not documented: strict reading.
	raw := strings.TrimPrefix(value, "Bearer ")
	if hasBearer(raw) && strings.Count(raw, ".") == 2 {
		return unauthorized(scopes, descriptionBearerInToken, j.bearerReason(value))
	}
	token, err := j.verifier.Verify(r.Context(), raw)
	if err != nil {
		return j.refuseToken(scopes, value, err)
	}
	d := Decision{Allow: true, Reasons: verified, Claims: token.Claims, Cached: token.Cached}
	if len(scopes) == 0 {
		return d
	}
	if d.Scopes = tokenScopes(token.Claims); !anyIn(scopes, d.Scopes) {
		d := refuse(http.StatusForbidden, challenge(scopes, "insufficient_scope", descriptionScope), scopeReason(scopes, token.Claims))
		d.Lacking = token.Claims
		return d
	}
	return d
}

func hasBearer(s string) bool {
	const prefix = "bearer "
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// tokenScopes gives the scopes of a token: scope is a string of words, scp is
// that or an array, and goes before scope. A claim of any other type has none.
func tokenScopes(claims verify.Claims) []string {
	scp, ok := claims.Get("scp")
	if !ok {
		scope, _ := claims.String("scope")
		return words(scope)
	}
	switch scp := scp.(type) {
	case string:
		return words(scp)
	case []any:
		list := make([]string, 0, len(scp))
		for _, v := range scp {
			if s, ok := v.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// words splits at spaces only, as RFC 6749 (section 3.3) says.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
}

func anyIn(wanted, list []string) bool {
	for _, w := range wanted {
		if slices.Contains(list, w) {
			return true
		}
	}
	return false
}
