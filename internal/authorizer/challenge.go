package authorizer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doorwright/doorwright/verify"
)

// challengeAbsent is www-authenticate for a request without a token. Observed.
const challengeAbsent = "Bearer"

// challenge gives www-authenticate for a token that does not do. Its grammar
// is AWS's, not RFC 6750's: parameters are separated by spaces, and scope is
// always there, with the scopes that the route asks for. Its parts come from
// the configuration and from constants, never from the token.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html
func challenge(scopes []string, code, description string) string {
	return `Bearer scope="` + strings.Join(scopes, " ") + `" error="` + code + `" error_description="` + description + `"`
}

// The descriptions that no verify.Reason stands for.
const (
	descriptionBearerInToken = "tokenstring should not contain 'bearer '" // observed in 2019
	descriptionScope         = "insufficient scope"                       // assumed
)

// describe gives error_description for a reason. Texts marked "observed" were
// seen on the real service, "documented" stands in the developer guide, and
// the others are assumed: they are in Assumptions.
func describe(reason verify.Reason) string {
	switch reason {
	case verify.WrongSegments:
		return "token contains an invalid number of segments" // observed
	case verify.WrongAudience:
		return "the token does not have a valid audience" // documented
	case verify.Expired:
		return "the token has expired" // observed in 2020
	case verify.DiscoveryUnavailable:
		return "OIDC discovery endpoint communication error" // observed
	case verify.KeysUnavailable:
		return "JWKS communication error" // observed
	case verify.WrongIssuer:
		return "the token does not have a valid issuer"
	case verify.NotYetValid:
		return "the token is not valid yet"
	case verify.IssuedInTheFuture:
		return "the token was used before it was issued"
	case verify.BadSignature:
		return "crypto/rsa: verification error"
	case verify.AlgorithmNotAllowed:
		return "signing method is invalid"
	case verify.KeyNotForAlgorithm:
		return "key is of invalid type"
	case verify.KeyIDMissing, verify.UnknownKey:
		return "the token does not have a valid key id"
	case verify.MissingClaim, verify.BadClaims:
		return "the token does not have valid claims"
	}
	return "token is malformed"
}

// refuseToken is the 401 for a token that verify has refused.
func (j *JWT) refuseToken(scopes []string, err error) Decision {
	var e *verify.Error
	if !errors.As(err, &e) {
		return unauthorized(scopes, describe(verify.Malformed), Reason{Code: string(verify.Malformed), Text: "verifying the token: " + err.Error()})
	}
	reason := e.Reason
	if reason == verify.MissingClaim {
		// A token without an audience has no valid audience, and so on.
		switch e.Claim {
		case "aud", "client_id":
			reason = verify.WrongAudience
		case "iss":
			reason = verify.WrongIssuer
		}
	}
	return unauthorized(scopes, describe(reason), Reason{Code: string(e.Reason), Text: e.Message(), Hint: j.hint(e)})
}

// hint gives the smallest change that would flip the refusal of a token.
func (j *JWT) hint(e *verify.Error) string {
	switch e.Reason {
	case verify.Expired:
		return "get a new token"
	case verify.NotYetValid, verify.IssuedInTheFuture:
		return "wait, or set the issuer's clock right"
	case verify.WrongAudience:
		if j.config.Kind == "user_pool" {
			return fmt.Sprintf("sign in through one of the app clients %s, or add this one to authorizer %s", list(j.config.Audience), j.config.Name)
		}
		return fmt.Sprintf("get a token for %s, or add its %s to authorizer %s", list(j.config.Audience), e.Claim, j.config.Name)
	case verify.WrongIssuer:
		if len(e.Got) == 1 && strings.TrimSuffix(e.Got[0], "/") == strings.TrimSuffix(j.config.Issuer, "/") {
			return fmt.Sprintf("the two differ only in the slash at the end: issuers are compared byte for byte, so write the token's in authorizer %s", j.config.Name)
		}
		return fmt.Sprintf("get a token from %s", j.config.Issuer)
	case verify.MissingClaim:
		return fmt.Sprintf("get a token that has %s", e.Claim)
	case verify.UnknownKey:
		other := "issuer or tenant"
		if j.config.Kind == "user_pool" {
			other = "user pool"
		}
		return fmt.Sprintf("get a token from %s: this one is signed by another %s, or by a key that is gone", j.config.Issuer, other)
	case verify.AlgorithmNotAllowed:
		return fmt.Sprintf("let the issuer sign with %s", joinAlgorithms(j.config.Algorithms))
	case verify.WrongSegments:
		if strings.Contains(e.Detail, "encrypted") {
			return fmt.Sprintf("this one is encrypted, as Auth0's access tokens are where no audience was asked for: ask for the audience %s", list(j.config.Audience))
		}
		return "send a signed JWT in compact form: header.payload.signature"
	case verify.DiscoveryUnavailable, verify.KeysUnavailable:
		return fmt.Sprintf("is %s up, and reachable from here?", j.config.Issuer)
	}
	return ""
}

// insufficientScope explains a 403.
func insufficientScope(wanted []string, claims verify.Claims) Reason {
	name := "scope"
	if _, ok := claims.Get("scp"); ok {
		name = "scp"
	}
	have := "token has no scope, and the route wants one of " + list(wanted)
	if v, ok := claims.Get(name); ok {
		have = fmt.Sprintf("%s %s holds none of %s", name, shortQuote(printed(v)), list(wanted))
	}
	hint := fmt.Sprintf("get a token with the scope %s", wanted[0])
	if use, _ := claims.String("token_use"); use == "id" {
		hint = fmt.Sprintf("send the access token, not the ID token, with the scope %s", wanted[0])
	}
	return Reason{Code: CodeInsufficientScope, Text: have, Hint: hint}
}

// list shows words of the configuration, such as "[read:unicorn]".
func list(words []string) string {
	const most = 5
	if len(words) <= most {
		return "[" + strings.Join(words, " ") + "]"
	}
	return fmt.Sprintf("[%s and %d more]", strings.Join(words[:most], " "), len(words)-most)
}

// shortQuote makes a text of the token harmless for a terminal.
func shortQuote(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}

func joinAlgorithms(algorithms []verify.Algorithm) string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return strings.Join(names, " or ")
}
