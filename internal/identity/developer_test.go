package identity_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorwright/doorwright/verify/verifytest"
)

// claimsOf reads a token with the published key, as anybody would, by another
// implementation.
func (w *world) claimsOf(token string) obj {
	w.t.Helper()
	res, err := http.Get(w.server.URL + "/.well-known/jwks_uri")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var set jose.JSONWebKeySet
	b, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(b, &set); err != nil {
		w.t.Fatalf("%s: %v", b, err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS512})
	if err != nil {
		w.t.Fatal(err)
	}
	header := jws.Signatures[0].Header
	if header.ExtraHeaders["typ"] != "JWS" || !strings.HasPrefix(header.KeyID, "us-east-1-") {
		w.t.Errorf("the header is %+v", header)
	}
	payload, err := jws.Verify(set.Key(header.KeyID)[0])
	if err != nil {
		w.t.Fatal(err)
	}
	claims := obj{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

// TestOpenIDToken holds the token of the classic flow, as AWS's was recorded.
func TestOpenIDToken(t *testing.T) {
	w := newWorld(t)
	w.must("root", "SetPrincipalTagAttributeMap", obj{"IdentityPoolId": poolID, "IdentityProviderName": userPool, "PrincipalTags": obj{"dept": "custom:dept"}})
	rider := w.token(userPool, "rider", verifytest.Claims{"custom:dept": "eng"})
	id := w.id(poolID, userPool, rider)
	got := w.must("", "GetOpenIdToken", obj{"IdentityId": id, "Logins": obj{userPool: rider}})
	at := float64(w.clock().Unix())
	want := obj{
		"sub": id, "aud": poolID, "iss": "https://cognito-identity.amazonaws.com", "iat": at, "exp": at + 600,
		"amr":                         []any{"authenticated", userPool, userPool + ":CognitoSignIn:rider"},
		"https://aws.amazon.com/tags": obj{"principal_tags": obj{"dept": []any{"eng"}}},
		"https://cognito-identity.amazonaws.com/identity-pool-arn": "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + poolID,
	}
	if claims := w.claimsOf(got.text("Token")); got.text("IdentityId") != id || !reflect.DeepEqual(claims, want) {
		t.Errorf("the claims are %v", claims)
	}
	guest := w.id(poolID)
	if claims := w.claimsOf(w.must("", "GetOpenIdToken", obj{"IdentityId": guest}).text("Token")); !reflect.DeepEqual(claims["amr"], []any{"unauthenticated"}) {
		t.Errorf("a guest's claims are %v", claims)
	}
	token := got.text("Token")
	w.reopen()
	w.claimsOf(token) // the key is kept

	id = w.id(otherPool, userPool, rider)
	if got := w.do("", "GetOpenIdToken", obj{"IdentityId": id, "Logins": obj{userPool: rider}}).raw; got != `{"__type":"InvalidParameterException","message":"Basic (classic) flow is not enabled, please use enhanced flow."}` {
		t.Errorf("without the classic flow: %s", got)
	}
}

func (w *world) developerToken(pool string, more obj) answer {
	w.t.Helper()
	in := obj{"IdentityPoolId": pool, "Logins": obj{developer: "rider"}}
	for name, value := range more {
		in[name] = value
	}
	return w.do("root", "GetOpenIdTokenForDeveloperIdentity", in)
}

// TestDeveloperIdentities walks from a backend's own user to credentials
// (https://docs.aws.amazon.com/cognito/latest/developerguide/developer-authenticated-identities.html).
func TestDeveloperIdentities(t *testing.T) {
	w := newWorld(t)
	got := w.developerToken(poolID, obj{"PrincipalTags": obj{"plan": "gold"}, "TokenDuration": 300})
	id, token := got.text("IdentityId"), got.text("Token")
	proof := developer + ":" + poolID + ":rider"
	claims := w.claimsOf(token)
	if claims["sub"] != id || claims["exp"].(float64)-claims["iat"].(float64) != 300 || !reflect.DeepEqual(claims["amr"], []any{"authenticated", developer, proof}) {
		t.Errorf("the claims are %v", claims)
	}
	if got := w.developerToken(poolID, nil); got.text("IdentityId") != id {
		t.Errorf("the same user has %s", got.raw)
	} else if c := w.claimsOf(got.text("Token")); c["exp"].(float64)-c["iat"].(float64) != 900 {
		t.Errorf("the token is good from %v to %v", c["iat"], c["exp"])
	}
	if got := w.credentials(id, "cognito-identity.amazonaws.com", token).refusal(); got != "" {
		t.Fatal(got)
	}
	if asked := w.last().Identity; !slices.Equal(asked.AMR, []string{"authenticated", developer, proof}) || asked.Tags["plan"] != "gold" || w.last().Role != "dev-app-Auth-authenticated" {
		t.Errorf("the account was asked for %+v", w.last())
	}
	other := w.developerToken(poolID, obj{"Logins": obj{developer: "other"}}).text("IdentityId")
	elsewhere := w.developerToken(otherPool, nil)
	classic := w.must("", "GetOpenIdToken", obj{"IdentityId": w.id(poolID)}).text("Token")
	for name, c := range map[string]struct {
		operation string
		in        obj
		want      string
	}{
		"in GetId":          {"GetId", obj{"IdentityPoolId": poolID, "Logins": obj{"cognito-identity.amazonaws.com": token}}, "NotAuthorizedException: Invalid login token. Can't pass in a Cognito token."},
		"in GetOpenIdToken": {"GetOpenIdToken", obj{"IdentityId": id, "Logins": obj{"cognito-identity.amazonaws.com": token}}, "NotAuthorizedException: Invalid login token. Can't pass in a Cognito token."},
		"for another":       {"GetCredentialsForIdentity", obj{"IdentityId": other, "Logins": obj{"cognito-identity.amazonaws.com": token}}, refusedMatch},
		"of another pool":   {"GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": obj{"cognito-identity.amazonaws.com": elsewhere.text("Token")}}, refusedProvider},
		"there, of here":    {"GetCredentialsForIdentity", obj{"IdentityId": elsewhere.text("IdentityId"), "Logins": obj{"cognito-identity.amazonaws.com": token}}, refusedProvider},
		"of a guest":        {"GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": obj{"cognito-identity.amazonaws.com": classic}}, refusedProvider},
		"beside another":    {"GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": obj{"cognito-identity.amazonaws.com": token, userPool: w.token(userPool, "x")}}, "InvalidParameterException: Please provide a valid public provider"},
		"signature changed": {"GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": obj{"cognito-identity.amazonaws.com": token[:len(token)-6] + "AAAAAA"}}, refusedSignature},
		"as a user pool's":  {"GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": obj{userPool: token}}, refusedIssuer},
	} {
		before := len(w.assumed)
		if got := w.do("", c.operation, c.in).refusal(); got != c.want || len(w.assumed) != before {
			t.Errorf("a developer's token %s: %q, not %q", name, got, c.want)
		}
	}
	w.must("root", "UnlinkDeveloperIdentity", obj{"IdentityId": id, "IdentityPoolId": poolID, "DeveloperProviderName": developer, "DeveloperUserIdentifier": "rider"})
	if got := w.credentials(id, "cognito-identity.amazonaws.com", token).refusal(); got != refusedMatch {
		t.Errorf("after the user was unlinked: %q", got)
	}
	w.advance(301 * time.Second)
	if got := w.credentials(id, "cognito-identity.amazonaws.com", token).refusal(); !strings.HasPrefix(got, "NotAuthorizedException: Invalid login token. Token expired: ") {
		t.Errorf("after five minutes: %q", got)
	}
}

// TestDeveloperLinks holds how a backend links, looks up, merges and unlinks.
func TestDeveloperLinks(t *testing.T) {
	w := newWorld(t)
	rider := w.token(userPool, "rider")
	id := w.id(poolID, userPool, rider)
	if got := w.developerToken(poolID, obj{"IdentityId": id}).text("IdentityId"); got != id {
		t.Fatalf("linking to an identity gave %s", got)
	}
	if got := w.developerToken(poolID, obj{"Logins": obj{developer: "rider", userPool: rider}}).text("IdentityId"); got != id {
		t.Errorf("with the other login: %s", got)
	}
	second := w.developerToken(poolID, obj{"Logins": obj{developer: "second"}}).text("IdentityId")
	guest := w.id(otherPool, userPool, rider)
	for name, c := range map[string]struct{ got, want string }{
		"registered with another": {w.developerToken(poolID, obj{"IdentityId": second}).refusal(), "DeveloperUserAlreadyRegisteredException: The developer user identifier is already registered with another identity."},
		"an identity elsewhere":   {w.developerToken(poolID, obj{"IdentityId": guest}).refusal(), "ResourceNotFoundException: Identity '" + guest + "' not found."},
		"no developer login":      {w.developerToken(poolID, obj{"Logins": obj{userPool: rider}}).refusal(), "InvalidParameterException: Please provide the developer provider name of this identity pool"},
		"a bad login beside":      {w.developerToken(poolID, obj{"Logins": obj{developer: "rider", userPool: w.token(secondPool, "x")}}).refusal(), refusedIssuer},
		"a day and a second":      {w.developerToken(poolID, obj{"TokenDuration": 86401}).refusal(), "InvalidParameterException: 1 validation error detected: Value '86401' at 'tokenDuration' failed to satisfy constraint: Member must have value less than or equal to 86400"},
		"a long user":             {w.developerToken(poolID, obj{"Logins": obj{developer: strings.Repeat("a", 1025)}}).refusal(), "InvalidParameterException: The developer user identifier has 1 to 1024 characters."},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, not %q", name, c.got, c.want)
		}
	}
	lookup := func(more obj) answer {
		in := obj{"IdentityPoolId": poolID}
		for name, value := range more {
			in[name] = value
		}
		return w.do("root", "LookupDeveloperIdentity", in)
	}
	if got := lookup(obj{"DeveloperUserIdentifier": "rider"}).raw; got != `{"IdentityId":"`+id+`","DeveloperUserIdentifierList":["rider"]}` {
		t.Errorf("looked up: %s", got)
	}
	for name, c := range map[string]struct{ got, want string }{
		"nobody":        {lookup(obj{"DeveloperUserIdentifier": "nobody"}).refusal(), "ResourceNotFoundException: Developer user identifier not found."},
		"neither":       {lookup(nil).refusal(), "InvalidParameterException: Please provide an identity ID or a developer user identifier."},
		"disagreeing":   {lookup(obj{"DeveloperUserIdentifier": "rider", "IdentityId": second}).refusal(), "ResourceConflictException: The developer user identifier is registered with another identity."},
		"of elsewhere":  {lookup(obj{"IdentityId": guest}).refusal(), "ResourceNotFoundException: Identity '" + guest + "' not found."},
		"both agreeing": {lookup(obj{"DeveloperUserIdentifier": "rider", "IdentityId": id}).refusal(), ""},
	} {
		if c.got != c.want {
			t.Errorf("looking up %s: %q, not %q", name, c.got, c.want)
		}
	}
	merge := func(from, into, provider string) answer {
		return w.do("root", "MergeDeveloperIdentities", obj{"IdentityPoolId": poolID, "DeveloperProviderName": provider, "SourceUserIdentifier": from, "DestinationUserIdentifier": into})
	}
	if got := merge("rider", "second", "another").refusal(); got != "InvalidParameterException: Please provide the developer provider name of this identity pool" {
		t.Error(got)
	}
	if got := merge("rider", "nobody", developer).refusal(); got != "ResourceNotFoundException: Developer user identifier not found." {
		t.Error(got)
	}
	if got := merge("rider", "second", developer).raw; got != `{"IdentityId":"`+second+`"}` {
		t.Errorf("merging: %s", got)
	}
	if got := lookup(obj{"IdentityId": id}).raw; got != `{"IdentityId":"`+second+`","DeveloperUserIdentifierList":["rider","second"]}` {
		t.Errorf("after merging: %s", got)
	}
	first := lookup(obj{"IdentityId": id, "MaxResults": 1})
	if got := lookup(obj{"IdentityId": id, "MaxResults": 1, "NextToken": first.text("NextToken")}).body["DeveloperUserIdentifierList"]; !reflect.DeepEqual(got, []any{"second"}) {
		t.Errorf("the second page is %v", got)
	}
	if got := w.credentials(id, userPool, rider).text("IdentityId"); got != second {
		t.Errorf("the source's login has %s", got)
	}
	// The source and the destination with logins of one provider stay two.
	third := w.developerToken(poolID, obj{"Logins": obj{developer: "third", userPool: w.token(userPool, "third")}}).text("IdentityId")
	if got := merge("third", "second", developer).refusal(); !strings.HasPrefix(got, "ResourceConflictException: ") {
		t.Errorf("merging two users of one provider: %q", got)
	}
	if got := w.id(poolID, userPool, w.token(userPool, "third")); got != third {
		t.Errorf("a merge that failed changed the identity to %s", got)
	}
}
