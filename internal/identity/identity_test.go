package identity_test

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/verify/verifytest"
)

// TestFirstSignIn walks from a login to credentials
// (https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html).
func TestFirstSignIn(t *testing.T) {
	w := newWorld(t)
	token := w.token(userPool, "rider")
	got := w.must("", "GetId", obj{"IdentityPoolId": poolID, "AccountId": "000000000000", "Logins": obj{userPool: token}})
	id := got.text("IdentityId")
	if !regexp.MustCompile(`^us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-c[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("the identity is %q", id)
	}
	if want := `{"IdentityId":"` + id + `"}`; got.raw != want {
		t.Errorf("GetId answered %s, not %s", got.raw, want)
	}
	if got := got.header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
	creds := w.credentials(id, userPool, token)
	want := `{"IdentityId":"` + id + `","Credentials":{"AccessKeyId":"ASIAEXAMPLE","SecretKey":"secret","SessionToken":"session","Expiration":1795172400}}`
	if creds.raw != want {
		t.Errorf("GetCredentialsForIdentity answered\n%s, not\n%s", creds.raw, want)
	}
	asked := w.last()
	if asked.Role != "dev-app-Auth-authenticated" || asked.Session != "CognitoIdentityCredentials" || asked.Duration.Hours() != 1 || asked.Policies != nil {
		t.Errorf("the account was asked for %+v", asked)
	}
	amr := []string{"authenticated", userPool, userPool + ":CognitoSignIn:rider"}
	if asked.Identity.Subject != id || asked.Identity.Audience != poolID || asked.Identity.Provider != "cognito-identity.amazonaws.com" || !slices.Equal(asked.Identity.AMR, amr) {
		t.Errorf("the account was told %+v", asked.Identity)
	}
	if w.id(poolID, userPool, w.token(userPool, "rider")) != id {
		t.Error("a second sign-in has another identity")
	}
	if w.id(poolID, userPool, w.token(userPool, "other")) == id || w.id(poolID, secondPool, w.token(secondPool, "rider")) == id {
		t.Error("somebody else has the same identity")
	}
	if w.id(otherPool, userPool, w.token(userPool, "rider")) == id {
		t.Error("two pools share an identity")
	}
	w.reopen()
	if w.id(poolID, userPool, w.token(userPool, "rider")) != id {
		t.Error("after a restart it is another identity")
	}
}

// TestLoginKeys holds AWS's keys of Logins, and those that clients make of a local
// issuer: Amplify takes off the scheme.
func TestLoginKeys(t *testing.T) {
	w := newWorld(t)
	id := w.id(poolID, userPool, w.token(userPool, "rider"))
	if got := w.id(poolID, "localhost:4566/us-east-1_Users0001", w.token(userPool, "rider")); got != id {
		t.Errorf("by the issuer the identity is %s, not %s", got, id)
	}
	id = w.id(poolID, "localhost:4000", w.token(tenant, "auth0|1"))
	if got := w.id(poolID, "localhost:4000/", w.token(tenant, "auth0|1")); got != id {
		t.Errorf("with a final slash the identity is %s, not %s", got, id)
	}
	w.credentials(id, "localhost:4000/", w.token(tenant, "auth0|1"))
	want := []string{"authenticated", "localhost:4000", "arn:aws:iam::000000000000:oidc-provider/localhost:4000:OIDC:auth0|1"}
	if got := w.last().Identity.AMR; !slices.Equal(got, want) {
		t.Errorf("amr is %q", got)
	}
	both := obj{userPool: w.token(userPool, "rider"), "localhost:4566/us-east-1_Users0001": w.token(userPool, "other")}
	if got := w.do("", "GetId", obj{"IdentityPoolId": poolID, "Logins": both}).refusal(); got != "InvalidParameterException: Please provide a valid public provider" {
		t.Errorf("two users of one provider: %s", got)
	}
}

// TestGuests holds what guests get, and what they do not.
func TestGuests(t *testing.T) {
	w := newWorld(t)
	first := w.id(poolID)
	for _, in := range []obj{{"IdentityPoolId": poolID}, {"IdentityPoolId": poolID, "Logins": nil}} {
		if got := w.must("", "GetId", in).text("IdentityId"); got == first || got == "" {
			t.Errorf("a second guest is %q", got)
		}
	}
	if got := w.credentials(first).refusal(); got != "" {
		t.Error(got)
	}
	asked := w.last()
	if asked.Role != "dev-app-Auth-unauthenticated" || !slices.Equal(asked.Identity.AMR, []string{"unauthenticated"}) || len(asked.Policies) != 1 {
		t.Errorf("the account was asked for %+v", asked)
	}
	if !strings.Contains(asked.Policies[0], `"execute-api:*"`) || strings.Contains(asked.Policies[0], "sts:") || strings.Contains(asked.Policies[0], "iam:") {
		t.Errorf("the session policy is %s", asked.Policies[0])
	}
	const refused = "NotAuthorizedException: Unauthenticated access is not supported for this identity pool."
	if got := w.do("", "GetId", obj{"IdentityPoolId": otherPool, "Logins": obj{}}).refusal(); got != refused {
		t.Errorf("a guest of a pool without guests: %s", got)
	}
}

// TestGuestSignsIn holds that a guest's identity becomes that of the first login,
// and that a guest who had one before gets that again.
func TestGuestSignsIn(t *testing.T) {
	w := newWorld(t)
	guest := w.id(poolID)
	got := w.credentials(guest, userPool, w.token(userPool, "rider"))
	if got.text("IdentityId") != guest || w.last().Role != "dev-app-Auth-authenticated" {
		t.Errorf("a guest who signs in: %s as %s", got.raw, w.last().Role)
	}
	if w.id(poolID, userPool, w.token(userPool, "rider")) != guest {
		t.Error("the next sign-in has another identity")
	}
	if got := w.credentials(guest).refusal(); got != "NotAuthorizedException: Access to Identity '"+guest+"' is forbidden." {
		t.Errorf("the id alone gives credentials still: %q", got)
	}

	second := w.id(poolID)
	got = w.credentials(second, userPool, w.token(userPool, "rider"))
	if got.text("IdentityId") != guest {
		t.Errorf("who has an identity and signs in as another guest: %s, not %s", got.raw, guest)
	}
	if got := w.credentials(second).refusal(); got != "NotAuthorizedException: Access to Identity '"+second+"' is forbidden." {
		t.Errorf("the merged guest gives credentials still: %q", got)
	}
	if got := w.credentials(second, userPool, w.token(userPool, "rider")).text("IdentityId"); got != guest {
		t.Errorf("the merged guest's id stands for %s", got)
	}
}

// TestLinking holds what becomes of several logins
// (https://docs.aws.amazon.com/cognito/latest/developerguide/switching-identities.html).
func TestLinking(t *testing.T) {
	w := newWorld(t)
	a := w.id(poolID, userPool, w.token(userPool, "rider"))
	if got := w.credentials(a, userPool, w.token(userPool, "rider"), tenant, w.token(tenant, "auth0|1")); got.text("IdentityId") != a {
		t.Fatalf("linking: %s", got.raw)
	}
	want := []string{"authenticated", userPool, userPool + ":CognitoSignIn:rider", tenant, "arn:aws:iam::000000000000:oidc-provider/localhost:4000:OIDC:auth0|1"}
	if got := w.last().Identity.AMR; !slices.Equal(got, want) {
		t.Errorf("amr is %q", got)
	}
	if w.id(poolID, tenant, w.token(tenant, "auth0|1")) != a {
		t.Error("the linked login is not the identity's")
	}
	if got := w.must("root", "DescribeIdentity", obj{"IdentityId": a}).body["Logins"]; !reflect.DeepEqual(got, []any{userPool, tenant}) {
		t.Errorf("its logins are %v", got)
	}
	if got := w.credentials(a, userPool, w.token(userPool, "rider"), tenant, w.token(tenant, "auth0|2")).refusal(); !strings.HasPrefix(got, "ResourceConflictException: ") {
		t.Errorf("a second login of one provider: %q", got)
	}

	w.advance(1)
	b := w.id(poolID, secondPool, w.token(secondPool, "rider"))
	if got := w.credentials(a, userPool, w.token(userPool, "rider"), secondPool, w.token(secondPool, "rider")); got.text("IdentityId") != a {
		t.Fatalf("merging: %s", got.raw)
	}
	if w.id(poolID, secondPool, w.token(secondPool, "rider")) != a {
		t.Error("the merged identity's login is not the other's")
	}
	if got := w.credentials(b, secondPool, w.token(secondPool, "rider")).text("IdentityId"); got != a {
		t.Errorf("the merged identity stands for %s", got)
	}
	list := func(hide bool) int {
		return len(w.must("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 60, "HideDisabled": hide}).body["Identities"].([]any))
	}
	if list(false) != 2 || list(true) != 1 {
		t.Errorf("%d identities, %d without disabled ones", list(false), list(true))
	}
}

// TestUnlink holds that an unlinked login is new, and that an identity without
// logins is nobody's, no guest's again.
func TestUnlink(t *testing.T) {
	w := newWorld(t)
	rider, auth0 := w.token(userPool, "rider"), w.token(tenant, "auth0|1")
	id := w.id(poolID, userPool, rider, tenant, auth0)
	for _, c := range []struct {
		logins obj
		remove string
		want   string
	}{
		{obj{userPool: w.token(userPool, "other")}, tenant, "NotAuthorizedException: Logins don't match. Please include at least one valid login for this identity or identity pool."},
		{obj{}, tenant, "NotAuthorizedException: Access to Identity '" + id + "' is forbidden."},
		{obj{userPool: rider}, "accounts.google.com", "NotAuthorizedException: Token is not from a supported provider of this identity pool."},
	} {
		if got := w.do("", "UnlinkIdentity", obj{"IdentityId": id, "Logins": c.logins, "LoginsToRemove": []string{c.remove}}).refusal(); got != c.want {
			t.Errorf("unlinking with %v: %q, not %q", c.logins, got, c.want)
		}
	}
	if got := w.must("", "UnlinkIdentity", obj{"IdentityId": id, "Logins": obj{userPool: rider}, "LoginsToRemove": []string{"localhost:4000/"}}); got.raw != "" {
		t.Errorf("UnlinkIdentity answered %q", got.raw)
	}
	if w.id(poolID, tenant, auth0) == id {
		t.Error("the unlinked login is the identity's still")
	}
	w.must("", "UnlinkIdentity", obj{"IdentityId": id, "Logins": obj{userPool: rider}, "LoginsToRemove": []string{userPool}})
	if got := w.credentials(id).refusal(); got != "NotAuthorizedException: Access to Identity '"+id+"' is forbidden." {
		t.Errorf("an identity without logins, as a guest: %q", got)
	}
	if got := w.credentials(id, userPool, rider).refusal(); got != "NotAuthorizedException: Logins don't match. Please include at least one valid login for this identity or identity pool." {
		t.Errorf("an identity without logins, with a login: %q", got)
	}
}

// TestPrincipalTags holds the tags that claims become
// (https://docs.aws.amazon.com/cognito/latest/developerguide/attributes-for-access-control.html).
func TestPrincipalTags(t *testing.T) {
	w := newWorld(t)
	in := obj{"IdentityPoolId": poolID, "IdentityProviderName": userPool, "PrincipalTags": obj{"department": "custom:dept", "none": "custom:none", "age": "age"}}
	w.must("root", "SetPrincipalTagAttributeMap", in)
	claims := verifytest.Claims{"custom:dept": "eng", "age": 30}
	id := w.id(poolID, userPool, w.token(userPool, "rider"))
	w.credentials(id, userPool, w.token(userPool, "rider", claims))
	if got := w.last().Identity.Tags; !reflect.DeepEqual(got, map[string]string{"department": "eng", "age": "30"}) {
		t.Errorf("the tags are %v", got)
	}
	w.reopen()
	got := w.must("root", "GetPrincipalTagAttributeMap", obj{"IdentityPoolId": poolID, "IdentityProviderName": userPool})
	if want := (obj{"IdentityPoolId": poolID, "IdentityProviderName": userPool, "UseDefaults": false, "PrincipalTags": obj{"department": "custom:dept", "none": "custom:none", "age": "age"}}); !reflect.DeepEqual(got.body, want) {
		t.Errorf("the map is %v", got.body)
	}
	w.must("root", "SetPrincipalTagAttributeMap", obj{"IdentityPoolId": poolID, "IdentityProviderName": userPool, "UseDefaults": true})
	w.credentials(id, userPool, w.token(userPool, "rider", claims))
	if got := w.last().Identity.Tags; !reflect.DeepEqual(got, map[string]string{"username": "rider", "client": client}) {
		t.Errorf("the default tags are %v", got)
	}
	if got := w.do("root", "SetPrincipalTagAttributeMap", obj{"IdentityPoolId": poolID, "IdentityProviderName": strange}).refusal(); !strings.HasPrefix(got, "ResourceNotFoundException") {
		t.Errorf("a provider that the pool has not: %q", got)
	}
}

// TestPreflight holds what a browser is told, which AWS's services answer alike.
func TestPreflight(t *testing.T) {
	w := newWorld(t)
	r, _ := http.NewRequest("OPTIONS", w.server.URL, nil)
	r.Header.Set("Origin", "http://localhost:5173")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "cache-control,content-type,x-amz-target,x-amz-user-agent")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "172800",
		"Access-Control-Allow-Headers": "cache-control,content-type,x-amz-target,x-amz-user-agent",
	} {
		if got := res.Header.Get(name); res.StatusCode != 200 || got != want {
			t.Errorf("%d, %s is %q", res.StatusCode, name, got)
		}
	}
}

// TestMergedTwice holds that an identity that was merged into one that was merged
// itself stands for the last of them.
func TestMergedTwice(t *testing.T) {
	w := newWorld(t)
	rider, auth0 := w.token(userPool, "rider"), w.token(tenant, "auth0|1")
	last := w.id(poolID, tenant, auth0)
	w.advance(1e9)
	guest := w.id(poolID)
	middle := w.id(poolID, userPool, rider)
	w.credentials(guest, userPool, rider)               // the guest into the middle one
	w.credentials(last, userPool, rider, tenant, auth0) // and that into the last
	for _, id := range []string{guest, middle, last} {
		if got := w.credentials(id, tenant, auth0); got.text("IdentityId") != last {
			t.Errorf("%s stands for %s", id, got.raw)
		}
		if got := w.credentials(id).refusal(); got != "NotAuthorizedException: Access to Identity '"+id+"' is forbidden." {
			t.Errorf("%s without a login: %q", id, got)
		}
	}
}
