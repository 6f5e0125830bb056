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
func (j *JWT) refuseToken(scopes []string, value string, err error) Decision {
	var e *verify.Error
	if !errors.As(err, &e) {
		return unauthorized(scopes, describe(verify.Malformed), j.tokenReason(&verify.Error{Reason: verify.Malformed, Detail: "cannot be verified", Err: err}, value, scopes))
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
	return unauthorized(scopes, describe(reason), j.tokenReason(e, value, scopes))
}

// list shows words of the configuration, such as "[read:unicorn]".
func list(words []string) string {
	const most = 5
	if len(words) <= most {
		return "[" + strings.Join(words, " ") + "]"
	}
	return fmt.Sprintf("[%s and %d more]", strings.Join(words[:most], " "), len(words)-most)
}

func joinAlgorithms(algorithms []verify.Algorithm) string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return strings.Join(names, " or ")
}
