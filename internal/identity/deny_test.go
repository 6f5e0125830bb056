package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify/verifytest"
)

// The texts of refused logins, as clients report them.
const (
	refusedIssuer    = "NotAuthorizedException: Invalid login token. Issuer doesn't match providerName"
	refusedSignature = "NotAuthorizedException: Invalid login token. Couldn't verify signed token."
	refusedForm      = "NotAuthorizedException: Invalid login token. Not a valid OpenId Connect identity token."
	refusedClaim     = "NotAuthorizedException: Invalid login token. Missing a required claim: "
	refusedProvider  = "NotAuthorizedException: Token is not from a supported provider of this identity pool."
	refusedMatch     = "NotAuthorizedException: Logins don't match. Please include at least one valid login for this identity or identity pool."
)

// attacks are logins that nobody may have anything for, by what is wrong.
func (w *world) attacks() map[string]struct{ key, token, want string } {
	forged := func(header map[string]any, claims verifytest.Claims) string {
		all := verifytest.Claims{"iss": issuerOf(userPool), "sub": "rider", "aud": client, "token_use": "id", "exp": w.clock().Add(time.Hour).Unix(), "iat": w.clock().Unix()}
		for name, value := range claims {
			all[name] = value
		}
		payload, _ := json.Marshal(all)
		return issuers()["forger"].Sign(header, payload)
	}
	good := w.token(userPool, "rider")
	part := strings.Split(good, ".")
	now := w.clock().Unix()
	expired := func(at int64) string { return w.token(userPool, "rider", verifytest.Claims{"exp": at}) }
	refusedExpired := func(at int64) string {
		return fmt.Sprintf("NotAuthorizedException: Invalid login token. Token expired: %d >= %d", now, at)
	}
	return map[string]struct{ key, token, want string }{
		"expired":                      {userPool, expired(now - 922), refusedExpired(now - 922)},
		"expired just now":             {userPool, expired(now), refusedExpired(now)},
		"for another client":           {userPool, w.token(userPool, "rider", verifytest.Claims{"aud": "othersother0123456789abcdef"}), refusedProvider},
		"access token":                 {userPool, w.token(userPool, "rider", verifytest.Claims{"aud": verifytest.Absent, "client_id": client, "token_use": "access"}), refusedClaim + "aud"},
		"access token with aud":        {userPool, w.token(userPool, "rider", verifytest.Claims{"token_use": "access"}), refusedForm},
		"without token_use":            {userPool, w.token(userPool, "rider", verifytest.Claims{"token_use": verifytest.Absent}), refusedForm},
		"access token of a tenant":     {tenant, w.token(tenant, "auth0|1", verifytest.Claims{"aud": []string{"https://unicorns.example", "http://localhost:4000/userinfo"}, "azp": webApp}), refusedProvider},
		"for another party":            {tenant, w.token(tenant, "auth0|1", verifytest.Claims{"azp": "another"}), refusedProvider},
		"for a client of another pool": {tenant, w.token(tenant, "auth0|1", verifytest.Claims{"aud": otherApp}), refusedProvider},
		"of another pool":              {userPool, w.token(secondPool, "rider"), refusedIssuer},
		"of a pool not in the list":    {strange, w.token(strange, "rider"), refusedProvider},
		"its key, another pool":        {userPool, w.token(strange, "rider"), refusedIssuer},
		"of a tenant":                  {userPool, w.token(tenant, "auth0|1"), refusedIssuer},
		"under a tenant's key":         {tenant, w.token(userPool, "rider"), refusedIssuer},
		"signed by another pool":       {userPool, w.token(secondPool, "rider", verifytest.Claims{"iss": issuerOf(userPool)}), refusedSignature},
		"of another stage":             {userPool, forged(nil, nil), refusedSignature},
		"another key, our kid":         {userPool, forged(map[string]any{"kid": issuers()[userPool].KeyID()}, nil), refusedSignature},
		"without kid":                  {userPool, forged(map[string]any{"kid": verifytest.Absent}, nil), refusedForm},
		"alg none":                     {userPool, verifytest.Encode([]byte(`{"alg":"none","kid":"`+issuers()[userPool].KeyID()+`"}`)) + "." + part[1] + ".", refusedForm},
		"alg HS256":                    {userPool, forged(map[string]any{"alg": "HS256", "kid": issuers()[userPool].KeyID()}, nil), refusedForm},
		"signature cut off":            {userPool, part[0] + "." + part[1] + ".", refusedForm},
		"other claims":                 {userPool, part[0] + "." + verifytest.Encode([]byte(`{"iss":"`+issuerOf(userPool)+`","sub":"admin","aud":"`+client+`","token_use":"id","exp":4102444800}`)) + "." + part[2], refusedSignature},
		"no JWT":                       {userPool, "token", refusedForm},
		"another stage's issuer":       {userPool, w.token(userPool, "rider", verifytest.Claims{"iss": "http://localhost:4567/us-east-1_Users0001"}), refusedIssuer},
		"AWS's issuer":                 {userPool, w.token(userPool, "rider", verifytest.Claims{"iss": "https://" + userPool}), refusedIssuer},
		"not valid yet":                {userPool, w.token(userPool, "rider", verifytest.Claims{"nbf": now + 1}), refusedForm},
		"issued in the future":         {userPool, w.token(userPool, "rider", verifytest.Claims{"iat": now + 1}), refusedForm},
		"without exp":                  {userPool, w.token(userPool, "rider", verifytest.Claims{"exp": verifytest.Absent}), refusedClaim + "exp"},
		"without sub":                  {userPool, w.token(userPool, "rider", verifytest.Claims{"sub": verifytest.Absent}), refusedClaim + "sub"},
		"empty sub":                    {userPool, w.token(userPool, "rider", verifytest.Claims{"sub": ""}), refusedClaim + "sub"},
		"a tenant's, no final slash":   {tenant, w.token(tenant, "auth0|1", verifytest.Claims{"iss": "http://localhost:4000"}), refusedIssuer},
		"provider unknown":             {"accounts.google.com", good, refusedProvider},
		"no provider at all":           {"google", good, "InvalidParameterException: Please provide a valid public provider"},
		"developer login":              {developer, "rider", "InvalidParameterException: Please provide a valid public provider"},
		"empty":                        {userPool, "", "InvalidParameterException: 1 validation error detected: Value at 'logins' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 50000, Member must have length greater than or equal to 1]"},
		"too long":                     {userPool, strings.Repeat("a", 50001), "InvalidParameterException: 1 validation error detected: Value at 'logins' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 50000, Member must have length greater than or equal to 1]"},
		"nearly too long":              {userPool, part[0] + "." + verifytest.Encode([]byte(`{"iss":"`+issuerOf(userPool)+`","x":"`+strings.Repeat("a", 30000)+`"}`)) + "." + part[2], refusedForm},
		"a long key":                   {strings.Repeat("a", 129), good, "InvalidParameterException: 1 validation error detected: Value at 'logins' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]"},
	}
}

// TestDeniedLogins holds the bytes with which each login that is not good is
// refused, by every operation that takes one, and that nothing was made or given.
func TestDeniedLogins(t *testing.T) {
	w := newWorld(t)
	rider := w.id(poolID, userPool, w.token(userPool, "rider"))
	guest := w.id(poolID)
	for name, attack := range w.attacks() {
		t.Run(name, func(t *testing.T) {
			w.t = t
			logins := obj{attack.key: attack.token}
			for operation, in := range map[string]obj{
				"GetId":                     {"IdentityPoolId": poolID, "Logins": logins},
				"GetCredentialsForIdentity": {"IdentityId": rider, "Logins": logins},
				"GetOpenIdToken":            {"IdentityId": rider, "Logins": logins},
				"UnlinkIdentity":            {"IdentityId": rider, "Logins": logins, "LoginsToRemove": []string{userPool}},
			} {
				got := w.do("", operation, in)
				code, message, _ := strings.Cut(attack.want, ": ")
				want, _ := json.Marshal(message)
				if body := `{"__type":"` + code + `","message":` + strings.ReplaceAll(string(want), `\u003e`, ">") + `}`; got.status != 400 || got.raw != body {
					t.Errorf("%s: %d %s, not\n%s", operation, got.status, got.raw, body)
				}
				if h := got.header.Get("x-amzn-ErrorType"); h != code+":" {
					t.Errorf("%s: x-amzn-ErrorType is %q", operation, h)
				}
			}
			// A guest's id, which gives credentials alone, gives none with such a login,
			// nor does a good one beside it help.
			if got := w.credentials(guest, attack.key, attack.token).refusal(); got != attack.want {
				t.Errorf("a guest with the login: %q", got)
			}
			if attack.key != userPool {
				if got := w.credentials(rider, userPool, w.token(userPool, "rider"), attack.key, attack.token).refusal(); got != attack.want {
					t.Errorf("beside a good login: %q", got)
				}
			}
			if len(w.assumed) > 0 {
				t.Errorf("credentials were given: %+v", w.assumed)
			}
		})
	}
	w.t = t
	if n := len(w.must("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 60}).body["Identities"].([]any)); n != 2 {
		t.Errorf("there are %d identities, not 2", n)
	}
}

// TestDeniedIdentities holds that an identity is no handle that whoever has one
// may use.
func TestDeniedIdentities(t *testing.T) {
	w := newWorld(t)
	rider, other := w.token(userPool, "rider"), w.token(userPool, "other")
	id := w.id(poolID, userPool, rider)
	w.id(poolID, userPool, other)
	elsewhere := w.id(otherPool, userPool, rider)
	missing := "us-east-1:11111111-2222-3333-4444-555555555555"
	for name, c := range map[string]struct {
		id     string
		logins []string
		want   string
	}{
		"somebody's, without logins":     {id, nil, "NotAuthorizedException: Access to Identity '" + id + "' is forbidden."},
		"somebody's, with one's own":     {id, []string{userPool, other}, refusedMatch},
		"somebody's, with a new login":   {id, []string{tenant, w.token(tenant, "auth0|new")}, refusedMatch},
		"of another pool, no logins":     {elsewhere, nil, "NotAuthorizedException: Access to Identity '" + elsewhere + "' is forbidden."},
		"of another pool, another login": {elsewhere, []string{userPool, other}, refusedMatch},
		"none there is":                  {missing, []string{userPool, rider}, "ResourceNotFoundException: Identity '" + missing + "' not found."},
		"the pool's id":                  {poolID, []string{userPool, rider}, "ResourceNotFoundException: Identity '" + poolID + "' not found."},
		"no id": {"identity", nil, "InvalidParameterException: 1 validation error detected: Value 'identity' at 'identityId' failed to satisfy constraint: " +
			`Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+`},
	} {
		for _, operation := range []string{"GetCredentialsForIdentity", "GetOpenIdToken"} {
			in := obj{"IdentityId": c.id}
			if c.logins != nil {
				in["Logins"] = pairs(c.logins)
			}
			if got := w.do("", operation, in).refusal(); got != c.want {
				t.Errorf("%s: %s: %q, not %q", name, operation, got, c.want)
			}
		}
	}
	if len(w.assumed) > 0 {
		t.Errorf("credentials were given: %+v", w.assumed)
	}
	// A pool that takes no guests any more gives nothing to those that it had.
	pool := w.must("root", "CreateIdentityPool", obj{"IdentityPoolName": "open", "AllowUnauthenticatedIdentities": true}).text("IdentityPoolId")
	guest := w.id(pool)
	w.must("root", "UpdateIdentityPool", obj{"IdentityPoolId": pool, "IdentityPoolName": "open", "AllowUnauthenticatedIdentities": false})
	if got := w.credentials(guest).refusal(); got != "NotAuthorizedException: Unauthenticated access is not supported for this identity pool." {
		t.Errorf("a guest that the pool had: %q", got)
	}
}

// TestDeniedForms holds pools and accounts that are not there, and requests that
// are none.
func TestDeniedForms(t *testing.T) {
	w := newWorld(t)
	missing := "us-east-1:11111111-2222-3333-4444-555555555555"
	if got := w.do("", "GetId", obj{"IdentityPoolId": missing}).raw; got != `{"__type":"ResourceNotFoundException","message":"IdentityPool '`+missing+`' not found."}` {
		t.Error(got)
	}
	if got := w.do("", "GetId", obj{"IdentityPoolId": poolID, "AccountId": "111122223333"}).refusal(); got != "ResourceNotFoundException: IdentityPool '"+poolID+"' not found." {
		t.Errorf("another account: %q", got)
	}
	if got := w.do("", "GetId", obj{}).refusal(); got != "InvalidParameterException: 1 validation error detected: Value null at 'identityPoolId' failed to satisfy constraint: Member must not be null" {
		t.Error(got)
	}
	eleven := obj{}
	for i := range 11 {
		eleven[fmt.Sprint("p", i, ".example")] = "t"
	}
	if got := w.do("", "GetId", obj{"IdentityPoolId": poolID, "Logins": eleven}).refusal(); got != "InvalidParameterException: 1 validation error detected: Value at 'logins' failed to satisfy constraint: Member must have length less than or equal to 10" {
		t.Errorf("eleven logins: %q", got)
	}
	for _, c := range []struct{ target, contentType, body, want string }{
		{"AWSCognitoIdentityService.Nothing", "application/x-amz-json-1.1", `{}`, `{"__type":"UnknownOperationException","message":""}`},
		{"AWSCognitoIdentityService.GetId", "application/json", `{}`, `{"__type":"UnknownOperationException","message":""}`},
		{"AWSCognitoIdentityService.GetId", "application/x-amz-json-1.1", `{`, `{"__type":"SerializationException","message":"Request body is not valid JSON"}`},
		{"AWSCognitoIdentityService.GetId", "application/x-amz-json-1.1", `{"Logins":[]}`, `{"__type":"SerializationException","message":"Start of list found where not expected"}`},
		{"AWSCognitoIdentityService.GetId", "application/x-amz-json-1.1", strings.Repeat(" ", 1<<20+1), `{"__type":"RequestEntityTooLargeException","message":"Request body is larger than 1048576 bytes"}`},
	} {
		r, _ := http.NewRequest("POST", w.server.URL, bytes.NewReader([]byte(c.body)))
		r.Header.Set("X-Amz-Target", c.target)
		r.Header.Set("Content-Type", c.contentType)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(got) != c.want || res.StatusCode == 200 {
			t.Errorf("%s of %.20q: %d %s", c.target, c.body, res.StatusCode, got)
		}
	}
}

// signed are the operations that AWS asks a signature for: all but four of the
// model's.
var signed = []string{
	"CreateIdentityPool", "DeleteIdentities", "DeleteIdentityPool", "DescribeIdentity", "DescribeIdentityPool", "GetIdentityPoolRoles",
	"GetOpenIdTokenForDeveloperIdentity", "GetPrincipalTagAttributeMap", "ListIdentities", "ListIdentityPools", "ListTagsForResource",
	"LookupDeveloperIdentity", "MergeDeveloperIdentities", "SetIdentityPoolRoles", "SetPrincipalTagAttributeMap", "TagResource",
	"UnlinkDeveloperIdentity", "UntagResource", "UpdateIdentityPool",
}

// TestDeniedUnsigned holds that what an administrator or a backend does asks for a
// signature, and for a policy that allows it.
func TestDeniedUnsigned(t *testing.T) {
	w := newWorld(t)
	in := obj{"IdentityPoolId": poolID, "Logins": obj{developer: "rider"}}
	for _, operation := range signed {
		if got := w.do("", operation, in).raw; got != `{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}` {
			t.Errorf("%s unsigned: %s", operation, got)
		}
		want := "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: cognito-identity:" + operation + " on resource: "
		if got := w.do("rider", operation, in).refusal(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "because no identity-based policy allows the cognito-identity:"+operation+" action") {
			t.Errorf("%s by who may not: %s", operation, got)
		}
	}
	if got := w.do("rider", "DescribeIdentityPool", in).refusal(); !strings.Contains(got, " on resource: arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"+poolID+" because") {
		t.Error(got)
	}
}

// TestPermissionIsForThePoolOfTheOperation holds that a member that an operation does
// not have cannot name a pool in the place of the one that it is about.
func TestPermissionIsForThePoolOfTheOperation(t *testing.T) {
	w := newWorld(t)
	arn := func(id string) string {
		return "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + id
	}
	for operation, in := range map[string]obj{
		"TagResource":          {"IdentityPoolId": poolID, "ResourceArn": arn(otherPool), "Tags": obj{"a": "b"}},
		"UntagResource":        {"IdentityPoolId": poolID, "ResourceArn": arn(otherPool), "TagKeys": []string{"a"}},
		"ListTagsForResource":  {"IdentityPoolId": poolID, "ResourceArn": arn(otherPool)},
		"DescribeIdentityPool": {"IdentityPoolId": otherPool, "ResourceArn": arn(poolID)},
	} {
		want := "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: cognito-identity:" + operation +
			" on resource: " + arn(otherPool) + " because no identity-based policy allows the cognito-identity:" + operation + " action"
		if got := w.do("rider", operation, in).refusal(); got != want {
			t.Errorf("%s:\n%s, want\n%s", operation, got, want)
		}
	}
}

// TestServerSideTokenCheck holds that a pool that asks for it refuses tokens of
// users who have signed out or were deleted, and that one that does not lets them
// pass until they expire.
func TestServerSideTokenCheck(t *testing.T) {
	w := newWorld(t)
	checked, plain := w.token(secondPool, "rider"), w.token(userPool, "rider")
	id := w.id(poolID, secondPool, checked)
	w.id(poolID, userPool, plain)
	w.mu.Lock()
	w.ended["rider"] = true
	w.mu.Unlock()
	for operation, in := range map[string]obj{
		"GetId":                     {"IdentityPoolId": poolID, "Logins": obj{secondPool: checked}},
		"GetCredentialsForIdentity": {"IdentityId": id, "Logins": obj{secondPool: checked}},
	} {
		if got := w.do("", operation, in).raw; got != `{"__type":"NotAuthorizedException","message":"Token is inactive"}` {
			t.Errorf("%s: %s", operation, got)
		}
	}
	w.id(poolID, userPool, plain)
}

// TestProviderGone holds that the tokens of a user pool that was deleted are good
// for nothing.
func TestProviderGone(t *testing.T) {
	w := newWorld(t)
	token := w.token(userPool, "rider")
	id := w.id(poolID, userPool, token)
	w.mu.Lock()
	w.gone[userPool] = true
	w.mu.Unlock()
	if got := w.credentials(id, userPool, token).refusal(); got != refusedProvider {
		t.Error(got)
	}
}
