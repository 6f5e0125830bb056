package auth0

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// responseTypes are what a request for a sign-in wants to be answered with
// (OAuth 2.0 Multiple Response Type Encoding Practices). The order of the words
// means nothing.
type responseTypes struct{ code, token, idToken bool }

// parseResponseType reads response_type. Of one that is not known it still gives
// the words that are: an error goes where the answer would have gone.
func parseResponseType(text string) (kinds responseTypes, known bool) {
	known = true
	for word := range strings.SplitSeq(text, " ") {
		of := map[string]*bool{"code": &kinds.code, "token": &kinds.token, "id_token": &kinds.idToken}[word]
		if of == nil || *of {
			known = false
			continue
		}
		*of = true
	}
	return kinds, known
}

// front says whether tokens are in the answer itself.
func (k responseTypes) front() bool { return k.token || k.idToken }

// readMode reads response_mode: how the answer goes to the application. Tokens
// are never in a query, which servers log and browsers tell others (section 2.1
// of the same); a request that wants that hears so in the fragment.
func (a *authorization) readMode() *failure {
	otherwise := "query"
	if a.response.front() {
		otherwise = "fragment"
	}
	given := a.params.Get("response_mode")
	switch {
	case given == "":
		a.mode = otherwise
	case given == "query" && a.response.front():
		a.mode = otherwise
		return fail(0, oidc.InvalidRequest, "response_mode=query is not allowed for response_type="+a.params.Get("response_type"), "")
	case slices.Contains([]string{"query", "fragment", "form_post"}, given):
		a.mode = given
	case given == "web_message":
		if o := originOf(a.redirectURI); o == "" || !slices.Contains(a.client.WebOrigins, o) {
			return fail(http.StatusForbidden, oidc.InvalidRequest, "The origin of the application is not allowed.",
				"response_mode=web_message, and %.100q is none of the webOrigins of %s", o, a.client.Name)
		}
		a.mode = given
	default:
		a.mode = otherwise
		return fail(0, oidc.InvalidRequest, "Unsupported response mode: "+given, "")
	}
	return nil
}

// readResponseType holds response_type to what the application may ask for: codes
// and tokens in the answer itself are grant types of their own
// (https://auth0.com/docs/get-started/applications/application-grant-types).
func (a *authorization) readResponseType(known bool) *failure {
	text := a.params.Get("response_type")
	switch {
	case text == "":
		return fail(0, oidc.InvalidRequest, "Missing required parameter: response_type", "")
	case !known:
		return fail(0, oidc.UnsupportedResponse, "Unsupported response type: "+text, "")
	}
	if a.response.code && !a.client.allows(grantCode) {
		return notAllowed(0, grantCode, a.client)
	}
	if a.response.front() && !a.client.allows(grantImplicit) {
		return notAllowed(0, grantImplicit, a.client)
	}
	return nil
}

// readIDToken checks what an ID token in the answer itself needs: the nonce, by
// which the application knows that the token answers its own request (OpenID
// Connect Core 1.0 section 3.2.2.1).
func (a *authorization) readIDToken() *failure {
	switch {
	case !a.response.idToken:
	case a.params.Get("nonce") == "":
		return fail(0, oidc.InvalidRequest, "Missing required parameter: nonce", "response_type has id_token")
	case !slices.Contains(a.scopes, "openid"):
		return fail(0, oidc.InvalidRequest, "The scope openid is required for response_type="+a.params.Get("response_type"), "")
	}
	return nil
}

// frontLife is how long an access token is good that went through the browser
// (token_lifetime_for_web), if its API's do not end before.
const frontLife = 2 * time.Hour

// frontTokens adds to an answer the tokens that were asked for in it.
func (t *Tenant) frontTokens(c *call, a *authorization, g *grant, u *user, answer url.Values) error {
	// There is no refresh token in the answer, so offline_access is not given by it.
	scopes := slices.DeleteFunc(g.outcome.edit(t.granted(g.scope, a.api, u)), func(s string) bool { return s == "offline_access" })
	var access string
	if a.response.token {
		t.surprises(c, g.scope, a.api, u)
		life := frontLife
		if a.api != nil {
			life = min(life, a.api.TokenLifetime)
		} else if a.response.code {
			life = opaqueLife
		}
		var err error
		if access, err = t.access(a.client, g, u, a.api, scopes, "", life); err != nil {
			return err
		}
		answer.Set("access_token", access)
		answer.Set("token_type", "Bearer")
		answer.Set("expires_in", strconv.FormatInt(int64(life/time.Second), 10))
		answer.Set("scope", strings.Join(scopes, " "))
	}
	if !a.response.idToken {
		return nil
	}
	// The hashes bind what is beside the ID token to it (section 3.3.2.11).
	bound := map[string]string{}
	for name, value := range map[string]string{"at_hash": access, "c_hash": answer.Get("code")} {
		if value != "" {
			bound[name] = halfHash(value)
		}
	}
	id, err := t.idToken(g, u, a.client, idTokenOf{nonce: a.params.Get("nonce"), scopes: scopes, bound: bound})
	if err != nil {
		return err
	}
	answer.Set("id_token", id)
	return nil
}

// halfHash is the left half of a value's SHA-256, as ID tokens signed by RS256
// have it of what they bind.
func halfHash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}
