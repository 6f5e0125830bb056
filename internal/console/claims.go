package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Where the meaning of claims is said.
const (
	rfc7515  = "https://www.rfc-editor.org/rfc/rfc7515#section-"
	rfc7519  = "https://www.rfc-editor.org/rfc/rfc7519#section-"
	rfc7800  = "https://www.rfc-editor.org/rfc/rfc7800#section-"
	rfc8693  = "https://www.rfc-editor.org/rfc/rfc8693#section-"
	oidcCore = "https://openid.net/specs/openid-connect-core-1_0.html#"

	awsJWT          = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html"
	awsIDToken      = "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html"
	awsAccess       = "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html"
	awsFlow         = "https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html"
	auth0Access     = "https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles"
	auth0RBAC       = "https://auth0.com/docs/get-started/apis/enable-role-based-access-control-for-apis"
	auth0Custom     = "https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims"
	auth0Orgs       = "https://auth0.com/docs/manage-users/organizations/using-tokens"
	oidcBackLogout  = "https://openid.net/specs/openid-connect-backchannel-1_0.html#BCSupport"
	standardClaims  = "StandardClaims"
	idTokenClaims   = "IDToken"
	hashOfTokens    = "CodeIDToken"
	hashOfCodes     = "HybridIDToken"
	wordsOfStandard = "OpenID Connect Core"
)

// meaning is what a claim means, and where that is said.
type meaning struct{ text, source, link string }

func ofJOSE(section, text string) meaning {
	return meaning{text, "RFC 7515, " + section, rfc7515 + section}
}
func ofJWT(section, text string) meaning {
	return meaning{text, "RFC 7519, " + section, rfc7519 + section}
}
func ofExchange(section, text string) meaning {
	return meaning{text, "RFC 8693, " + section, rfc8693 + section}
}
func ofOIDC(anchor, text string) meaning {
	return meaning{text, wordsOfStandard, oidcCore + anchor}
}

// headerParameter explains a parameter of the header.
func headerParameter(name string, value any) claim {
	var m meaning
	bad := false
	switch name {
	case "alg":
		m = ofJOSE("4.1.1", "How it is signed. API Gateway takes RS256, RS384 and RS512.")
		alg, _ := value.(string)
		if bad = alg != "RS256" && alg != "RS384" && alg != "RS512"; bad {
			m = meaning{"API Gateway takes RS256, RS384 and RS512, and not this.", "AWS: JWT authorizers", awsJWT}
		}
	case "kid":
		m = ofJOSE("4.1.4", "Which of the issuer's keys has signed it. The key itself comes from the issuer alone.")
	case "typ":
		m = ofJWT("5.1", "What sort of token it says it is. No authorizer decides by it.")
	case "cty":
		m = ofJWT("5.2", "What is in the payload; JWT is a token in a token, which no authorizer takes.")
	case "crit":
		m = ofJOSE("4.1.11", "Extensions that must be understood. None is, so the token is refused.")
		bad = true
	case "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256":
		m = ofJOSE("4.1", "Where to find a key, in the words of who sends the token: never looked at.")
	case "enc":
		m = meaning{"How the content is encrypted: this is a JWE.", "RFC 7516, 4.1.2", "https://www.rfc-editor.org/rfc/rfc7516#section-4.1.2"}
	default:
		return claim{Means: "Not one that authorizers know; it decides nothing."}
	}
	return claim{Means: m.text, Source: m.source, Link: m.link, Bad: bad}
}

// explained explains a claim. Dates are said by the clock.
func explained(name string, value any, now time.Time) claim {
	m, known := registered(name)
	if !known {
		m, known = ofIssuers(name, value)
	}
	if !known {
		return claim{Means: "Not a registered one: it means what its issuer says. Functions get it with the others."}
	}
	said := claim{Means: m.text, Source: m.source, Link: m.link}
	switch name {
	case "exp", "nbf", "iat", "auth_time", "updated_at":
		at, ok := date(value)
		switch {
		case ok:
			said.Means = inWords(name, at, now) + " " + m.text
		case name != "updated_at" && name != "auth_time":
			said.Means = "Not a date in seconds since 1970: the token is refused. " + m.text
		}
		said.Bad = !ok && name != "updated_at" && name != "auth_time" || ok && (name == "exp" && !at.After(now) || (name == "nbf" || name == "iat") && at.After(now))
	case "iss", "sub", "jti":
		if _, ok := value.(string); !ok {
			said.Means, said.Bad = "Not a string: the token is refused. "+m.text, true
		}
	}
	return said
}

// registered gives the meaning of the claims of RFCs and of OpenID Connect.
func registered(name string) (meaning, bool) {
	m, ok := map[string]meaning{
		"iss": ofJWT("4.1.1", "Who has issued it. An authorizer compares it byte by byte, a slash at the end included, and takes the keys of this issuer alone."),
		"sub": ofJWT("4.1.2", "Whom it is about: the user, or the application, by an id that stays."),
		"aud": ofJWT("4.1.3", "Whom it is for. One of them must be in the authorizer's audience."),
		"exp": ofJWT("4.1.4", "When it ends."),
		"nbf": ofJWT("4.1.5", "From when on it is good."),
		"iat": ofJWT("4.1.6", "When it was issued."),
		"jti": ofJWT("4.1.7", "The token's own id."),

		"azp":       ofOIDC(idTokenClaims, "The application that got the token. Authorizers of API Gateway do not look at it."),
		"nonce":     ofOIDC(idTokenClaims, "What the application sent with the login, to know that the token answers it."),
		"auth_time": ofOIDC(idTokenClaims, "When the user has signed in."),
		"acr":       ofOIDC(idTokenClaims, "How sure the sign-in was, by a name."),
		"amr":       ofOIDC(idTokenClaims, "How the user has signed in: pwd, otp, mfa and the like."),
		"at_hash":   ofOIDC(hashOfTokens, "Ties the ID token to the access token that came with it."),
		"c_hash":    ofOIDC(hashOfCodes, "Ties the ID token to the code that came with it."),
		"sid":       {"The session at the issuer that it is of.", "OpenID Connect Back-Channel Logout", oidcBackLogout},

		"email":                 ofOIDC(standardClaims, "The user's address. It says who somebody is if email_verified is true."),
		"email_verified":        ofOIDC(standardClaims, "Whether the address has been shown to be the user's."),
		"phone_number":          ofOIDC(standardClaims, "The user's number."),
		"phone_number_verified": ofOIDC(standardClaims, "Whether the number has been shown to be the user's."),
		"updated_at":            ofOIDC(standardClaims, "When the profile was changed last."),

		"scope":     ofExchange("4.2", "What it may be used for, in words with spaces between. A route with scopes asks for one of them."),
		"client_id": ofExchange("4.3", "The application that got it. Where there is no aud, an authorizer compares it with its audience."),
		"act":       ofExchange("4.1", "Who acts for the subject."),
		"cnf":       {"A key that its sender has to have. Authorizers of API Gateway do not ask for it.", "RFC 7800, 3.1", rfc7800 + "3.1"},
	}[name]
	if ok {
		return m, true
	}
	switch name {
	case "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "address":
		return ofOIDC(standardClaims, "Of the user's profile."), true
	}
	return meaning{}, false
}

// ofIssuers gives the meaning of the claims of Cognito, of Auth0 and of API Gateway.
func ofIssuers(name string, value any) (meaning, bool) {
	cognitoID := func(text string) meaning { return meaning{text, "AWS: ID tokens", awsIDToken} }
	cognitoAccess := func(text string) meaning { return meaning{text, "AWS: access tokens", awsAccess} }
	m, ok := map[string]meaning{
		"scp":                    {"Scopes, as a text or a list. Where it is there, API Gateway does not look at scope.", "AWS: JWT authorizers", awsJWT},
		"token_use":              cognitoAccess("Which token of a user pool it is: access or id."),
		"username":               cognitoAccess("The user's name in the user pool."),
		"cognito:username":       cognitoID("The user's name in the user pool."),
		"cognito:groups":         cognitoAccess("The user's groups. Authorizers do not ask for groups; functions and identity pools do."),
		"cognito:roles":          cognitoID("The IAM roles of the user's groups, for identity pools."),
		"cognito:preferred_role": cognitoID("The IAM role of the group of the highest precedence, which an identity pool gives."),
		"origin_jti":             cognitoAccess("Ties it to the refresh token of its sign-in: revoking that ends it for the user pool, not for API Gateway."),
		"event_id":               {"The sign-in, in the logs of the user pool.", "AWS: authentication", awsFlow},
		"device_key":             cognitoAccess("The user's remembered device."),
		"version":                cognitoAccess("2 in tokens of a user pool's hosted pages."),
		"identities":             cognitoID("The user's identities at other providers."),

		"permissions": {"All that the user's roles permit at the API. API Gateway asks for scopes, never for this.", "Auth0: RBAC for APIs", auth0RBAC},
		"gty":         {"The grant by which it was got.", "Auth0: access tokens", auth0Access},
		"org_id":      {"The organization that the user has signed in to.", "Auth0: organizations", auth0Orgs},
		"org_name":    {"The organization that the user has signed in to.", "Auth0: organizations", auth0Orgs},
	}[name]
	switch {
	case ok && name == "token_use" && value == "id":
		m = cognitoID("This is an ID token: it says who the user is. A REST API's routes without scopes take it; it has no scopes.")
	case ok && name == "token_use" && value == "access":
		m = cognitoAccess("This is an access token: it says what the user may do, by its scopes.")
	case ok:
	case strings.HasPrefix(name, "custom:"), strings.HasPrefix(name, "dev:custom:"):
		return cognitoID("A custom attribute of the user pool."), true
	case strings.HasPrefix(name, "cognito:"):
		return cognitoID("Of the user pool."), true
	case strings.HasPrefix(name, "https://"), strings.HasPrefix(name, "http://"):
		return meaning{"A custom claim, which an Action or a trigger has added.", "Auth0: custom claims", auth0Custom}, true
	default:
		return meaning{}, false
	}
	return m, true
}

// date reads a NumericDate as far as it is shown.
func date(value any) (time.Time, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	const year10000 = 253402300800
	if err != nil || f < 0 || f >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

// inWords says a date by the clock: "Ended 3 minutes ago, at 14:02:11."
func inWords(name string, at, now time.Time) string {
	shown := at.Local().Format(time.DateTime)
	if y, m, d := at.Local().Date(); now.Local().Year() == y && now.Local().Month() == m && now.Local().Day() == d {
		shown = at.Local().Format(time.TimeOnly)
	}
	past, future := "Was", "Will be"
	switch name {
	case "exp":
		past, future = "Expired", "Expires"
	case "nbf":
		past, future = "Good since", "Not good yet:"
	case "iat":
		past, future = "Issued", "Issued in the future, which is refused:"
	}
	if at.After(now) {
		return fmt.Sprintf("%s in %s, at %s.", future, span(at.Sub(now)), shown)
	}
	if name == "nbf" {
		return fmt.Sprintf("%s %s, %s ago.", past, shown, span(now.Sub(at)))
	}
	return fmt.Sprintf("%s %s ago, at %s.", past, span(now.Sub(at)), shown)
}

// span says a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Second:
		return "a second"
	case d < 2*time.Minute:
		return counted(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return counted(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return counted(int(d/time.Hour), "hour")
	}
	return counted(int(d/(24*time.Hour)), "day")
}
