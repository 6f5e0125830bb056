// Package lambdaauth is a Lambda authorizer of API Gateway in a few lines: it
// verifies the caller's token by the keys of its issuer and answers with a
// policy, or with isAuthorized.
//
//	func main() {
//		auth, err := lambdaauth.New(lambdaauth.Config{
//			Issuer:   "https://example.eu.auth0.com/",
//			Audience: []string{"https://api.example.com"},
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		lambda.Start(auth.Token) // or Request, Simple, Policy
//	}
//
// Which handler is for which authorizer:
//
//	[Authorizer.Token]    a REST API's TOKEN authorizer
//	[Authorizer.Request]  a REST API's REQUEST authorizer, and an HTTP API's in payload format 1.0
//	[Authorizer.Simple]   an HTTP API's in format 2.0 with simple responses
//	[Authorizer.Policy]   an HTTP API's in format 2.0 without
//
// A token that does not do is refused with the one error that API Gateway answers
// by 401, "Unauthorized"; why is in the log, and never the token. A token without
// one of Config.Scopes is answered by a Deny, which is a 403. If it cannot be told,
// because the issuer is down, the handler fails with another error, and API
// Gateway answers 500: a client must not throw away a good token because of that.
//
// API Gateway keeps what an authorizer answers, and uses it for every method
// behind the same authorizer. A policy that names only the method asked for then
// refuses the same caller at the next one, which is why policies name all methods
// of the API's stage, unless Config.ExactResource is set. For the same reason the
// identity source has to be the header that the token is in.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
package lambdaauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// A Config says which tokens to accept and what to pass on of them.
type Config struct {
	// Issuer is what the claim iss must be, byte for byte: Auth0's ends in a
	// slash. Required.
	Issuer string
	// Audience lists what the claim aud must have at least one of. Required.
	Audience []string
	// ClientIDAudience compares client_id with Audience if a token has no aud, as
	// the access tokens of Cognito have not.
	ClientIDAudience bool
	// Algorithms are the signature algorithms to accept. Empty means RS256.
	Algorithms []verify.Algorithm
	// Keys finds the issuer's keys. Nil means that its discovery document says
	// where they are, or JWKSURL does.
	Keys verify.KeySet
	// JWKSURL is the address of the keys of an issuer without discovery, or whose
	// discovery is to be saved at a cold start.
	JWKSURL string
	// Header is the request header that Request, Simple and Policy take the token
	// from, which must be the identity source too. Empty means Authorization.
	Header string
	// Scopes are scopes of which a token must have at least one. Empty asks for
	// none. They are read from scope, or from scp.
	Scopes []string
	// Claims are the claims that go into the context, under their names, where the
	// token has them. Two go into it by themselves: the subject as "sub", as a
	// function in payload format 2.0 sees no principalId, and the scopes as "scope",
	// parted by spaces. Strings, numbers and booleans stay what they are; arrays and
	// objects, which a context cannot hold, become their JSON text.
	Claims []string
	// ExactResource lets policies name only the method and path asked for. Set
	// the authorizer's TTL to 0 with it, or what is kept for one method refuses
	// the next.
	ExactResource bool
	// Leeway is how far the issuer's clock may be off.
	Leeway time.Duration
	// Logger is told why a token is refused. Nil means slog.Default().
	Logger *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// An Authorizer has the handlers. It is safe for concurrent use. Make it once, not
// for each invocation: it remembers the issuer's keys, and tokens that it has
// verified.
type Authorizer struct {
	config   Config
	verifier *verify.Verifier
}

// reserved are names that API Gateway uses itself beside the context's.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
var reserved = [...]string{"claims", "principalId", "integrationLatency", "scope"}

// New checks a configuration and gives its authorizer. It fetches nothing yet.
func New(config Config) (*Authorizer, error) {
	if len(config.Algorithms) == 0 {
		config.Algorithms = []verify.Algorithm{verify.RS256}
	}
	if config.Header == "" {
		config.Header = "Authorization"
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	config.Scopes, config.Claims = slices.Clone(config.Scopes), slices.Clone(config.Claims)
	for _, name := range config.Claims {
		if slices.Contains(reserved[:], name) {
			return nil, fmt.Errorf("lambdaauth: a context cannot have the key %q: the name is taken", name)
		}
	}
	if config.Keys != nil && config.JWKSURL != "" {
		return nil, errors.New("lambdaauth: Keys and JWKSURL exclude each other")
	}
	if config.Keys == nil && config.Issuer != "" {
		from := verify.RemoteConfig{Issuer: config.Issuer, Now: config.Now}
		if config.JWKSURL != "" {
			from.Issuer, from.JWKSURL = "", config.JWKSURL
		}
		keys, err := verify.NewRemote(from)
		if err != nil {
			return nil, fmt.Errorf("lambdaauth: %w", err)
		}
		config.Keys = keys // its idle life costs nothing, and ends with the process
	}
	verifier, err := verify.New(verify.Config{
		Issuer: config.Issuer, Audience: config.Audience, ClientIDAudience: config.ClientIDAudience,
		Algorithms: config.Algorithms, Keys: config.Keys, Leeway: config.Leeway, Now: config.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("lambdaauth: %w", err)
	}
	return &Authorizer{config, verifier}, nil
}

// An unauthorized error is the one that API Gateway answers by 401. Its text is
// all that leaves the function; the cause is for errors.As.
type unauthorized struct{ cause error }

func (unauthorized) Error() string   { return "Unauthorized" }
func (e unauthorized) Unwrap() error { return e.cause }

// A caller is who a token is of.
type caller struct {
	principal string
	context   map[string]any
	allowed   bool // has one of the scopes
}

// errNoToken is the cause where there is nothing to verify.
var errNoToken = errors.New("lambdaauth: no token behind \"Bearer \"")

// authorize verifies what stands in a header.
func (a *Authorizer) authorize(ctx context.Context, value string) (caller, error) {
	raw, ok := strings.CutPrefix(value, "Bearer ")
	if !ok {
		return caller{}, a.refuse(ctx, "NoBearerToken", errNoToken)
	}
	token, err := a.verifier.Verify(ctx, raw)
	if err != nil {
		var refused *verify.Error
		if !errors.As(err, &refused) {
			return caller{}, fmt.Errorf("lambdaauth: verifying the token: %w", err)
		}
		if refused.Reason == verify.DiscoveryUnavailable || refused.Reason == verify.KeysUnavailable {
			a.config.Logger.ErrorContext(ctx, "token not verified", "reason", string(refused.Reason), "detail", refused.Message())
			return caller{}, fmt.Errorf("lambdaauth: %w", err)
		}
		return caller{}, a.refuse(ctx, string(refused.Reason), err)
	}
	subject, _ := token.Claims.String("sub")
	if subject == "" {
		return caller{}, a.refuse(ctx, string(verify.MissingClaim), &verify.Error{Reason: verify.MissingClaim, Claim: "sub"})
	}
	scopes := scopesOf(token.Claims)
	c := caller{principal: subject, context: a.context(token.Claims, scopes), allowed: len(a.config.Scopes) == 0}
	for _, s := range a.config.Scopes {
		c.allowed = c.allowed || slices.Contains(scopes, s)
	}
	if !c.allowed {
		a.config.Logger.InfoContext(ctx, "token refused", "reason", "InsufficientScope", "detail", fmt.Sprintf("token has none of the scopes %q", a.config.Scopes))
	}
	return c, nil
}

// refuse logs why, and gives the error that says nothing of it.
func (a *Authorizer) refuse(ctx context.Context, reason string, cause error) error {
	detail := cause.Error()
	var refused *verify.Error
	if errors.As(cause, &refused) {
		detail = refused.Message()
	}
	a.config.Logger.InfoContext(ctx, "token refused", "reason", reason, "detail", detail)
	return unauthorized{cause}
}

// context gives what is passed on of a token.
func (a *Authorizer) context(claims verify.Claims, scopes []string) map[string]any {
	to := map[string]any{}
	to["sub"], _ = claims.Get("sub")
	if len(scopes) > 0 {
		to["scope"] = strings.Join(scopes, " ")
	}
	for _, name := range a.config.Claims {
		value, ok := claims.Get(name)
		if !ok || value == nil {
			continue
		}
		switch value.(type) {
		case string, bool, json.Number:
			to[name] = value
		default:
			// Joined by spaces or commas, one member could pass for two.
			if text, err := json.Marshal(value); err == nil {
				to[name] = string(text)
			}
		}
	}
	return to
}

// scopesOf gives the scopes of a token: scp, which is an array or a string, or
// else scope, which is a string (RFC 8693, section 4.2). A member with a space in
// it would pass for two, and is none.
func scopesOf(claims verify.Claims) []string {
	value, ok := claims.Get("scp")
	if !ok {
		value, _ = claims.Get("scope")
	}
	switch value := value.(type) {
	case string:
		return strings.FieldsFunc(value, func(r rune) bool { return r == ' ' })
	case []any:
		var list []string
		for _, v := range value {
			if s, is := v.(string); is && ok && s != "" && !strings.Contains(s, " ") {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
