package identity_test

import (
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/identity"
)

// TestPools makes, changes and deletes a pool by requests.
func TestPools(t *testing.T) {
	w := newWorld(t)
	made := w.must("root", "CreateIdentityPool", obj{
		"IdentityPoolName": "my pool", "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": true, "DeveloperProviderName": developer,
		"CognitoIdentityProviders": []obj{{"ProviderName": userPool, "ClientId": client, "ServerSideTokenCheck": true}}, "IdentityPoolTags": obj{"team": "riders"},
	})
	id := made.text("IdentityPoolId")
	want := `{"IdentityPoolId":"` + id + `","IdentityPoolName":"my pool","AllowUnauthenticatedIdentities":true,"AllowClassicFlow":true,"DeveloperProviderName":"` + developer +
		`","CognitoIdentityProviders":[{"ProviderName":"` + userPool + `","ClientId":"` + client + `","ServerSideTokenCheck":true}],"IdentityPoolTags":{"team":"riders"}}`
	if made.raw != want {
		t.Errorf("CreateIdentityPool answered\n%s, not\n%s", made.raw, want)
	}
	guest := w.id(id)
	w.reopen()
	if got := w.must("root", "DescribeIdentityPool", obj{"IdentityPoolId": id}).raw; got != want {
		t.Errorf("after a restart DescribeIdentityPool answered\n%s", got)
	}
	// What an update leaves out is gone; tags stay.
	update := obj{"IdentityPoolId": id, "IdentityPoolName": "renamed", "AllowUnauthenticatedIdentities": false, "DeveloperProviderName": developer}
	want = `{"IdentityPoolId":"` + id + `","IdentityPoolName":"renamed","AllowUnauthenticatedIdentities":false,"DeveloperProviderName":"` + developer + `","IdentityPoolTags":{"team":"riders"}}`
	if got := w.must("root", "UpdateIdentityPool", update).raw; got != want {
		t.Errorf("UpdateIdentityPool answered\n%s", got)
	}
	update["DeveloperProviderName"] = "another"
	if got := w.do("root", "UpdateIdentityPool", update).refusal(); got != "InvalidParameterException: The developer provider name of an identity pool cannot be changed." {
		t.Error(got)
	}
	if got := w.must("root", "DeleteIdentityPool", obj{"IdentityPoolId": id}); got.raw != "" {
		t.Errorf("DeleteIdentityPool answered %q", got.raw)
	}
	if got := w.credentials(guest).refusal(); got != "ResourceNotFoundException: Identity '"+guest+"' not found." {
		t.Errorf("an identity of a deleted pool: %q", got)
	}
	if got := w.do("", "GetId", obj{"IdentityPoolId": id}).refusal(); got != "ResourceNotFoundException: IdentityPool '"+id+"' not found." {
		t.Errorf("a deleted pool: %q", got)
	}
	w.reopen()
	if got := len(w.must("root", "ListIdentityPools", obj{"MaxResults": 60}).body["IdentityPools"].([]any)); got != 2 {
		t.Errorf("%d pools are left", got)
	}
}

// TestPoolsRefused holds what cannot be enforced, and what the declaration owns.
func TestPoolsRefused(t *testing.T) {
	w := newWorld(t)
	create := func(more obj) obj {
		in := obj{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": false}
		for name, value := range more {
			in[name] = value
		}
		return in
	}
	const arn = "arn:aws:iam::000000000000:oidc-provider/"
	for name, c := range map[string]struct {
		more obj
		want string
	}{
		"public providers":       {obj{"SupportedLoginProviders": obj{"accounts.google.com": "x"}}, "SupportedLoginProviders: public providers are not emulated; see COMPAT.md."},
		"SAML":                   {obj{"SamlProviderARNs": []string{"arn:aws:iam::000000000000:saml-provider/x"}}, "SamlProviderARNs: SAML providers are not emulated; see COMPAT.md."},
		"a user pool elsewhere":  {obj{"CognitoIdentityProviders": []obj{{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_Nowhere01", "ClientId": client}}}, "Invalid Cognito Identity Provider: cognito-idp.us-east-1.amazonaws.com/us-east-1_Nowhere01 is not a user pool of this stage."},
		"a tenant as user pool":  {obj{"CognitoIdentityProviders": []obj{{"ProviderName": tenant, "ClientId": client}}}, "Invalid Cognito Identity Provider: localhost:4000 is not a user pool of this stage."},
		"no client":              {obj{"CognitoIdentityProviders": []obj{{"ProviderName": userPool}}}, "Invalid Cognito Identity Provider: ClientId is missing."},
		"an unknown issuer":      {obj{"OpenIdConnectProviderARNs": []string{arn + "evil.example"}}, "Invalid OpenIdConnect Provider ARN: " + arn + "evil.example is not a provider that the declaration names."},
		"a user pool as issuer":  {obj{"OpenIdConnectProviderARNs": []string{arn + userPool}}, "Invalid OpenIdConnect Provider ARN: " + arn + userPool + " is not a provider that the declaration names."},
		"another account's":      {obj{"OpenIdConnectProviderARNs": []string{"arn:aws:iam::111122223333:oidc-provider/" + tenant}}, "Invalid OpenIdConnect Provider ARN: arn:aws:iam::111122223333:oidc-provider/" + tenant + " is not a provider that the declaration names."},
		"twice":                  {obj{"CognitoIdentityProviders": []obj{{"ProviderName": userPool, "ClientId": client}, {"ProviderName": userPool, "ClientId": client}}}, "Invalid Cognito Identity Provider: " + userPool + " with client " + client + " is there twice."},
		"reserved tag":           {obj{"IdentityPoolTags": obj{"aws:x": "y"}}, "Tag keys that begin with aws: are reserved."},
		"a name of other things": {obj{"IdentityPoolName": "a/b"}, `1 validation error detected: Value 'a/b' at 'identityPoolName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w\s+=,.@-]+`},
	} {
		if got := w.do("root", "CreateIdentityPool", create(c.more)).refusal(); got != "InvalidParameterException: "+c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	const owned = "InvalidParameterException: identityPools.Auth is declared in doorwright.yaml; change it there."
	in := create(obj{"IdentityPoolId": poolID})
	for _, operation := range []string{"UpdateIdentityPool", "DeleteIdentityPool"} {
		if got := w.do("root", operation, in).refusal(); got != owned {
			t.Errorf("%s of a declared pool: %q", operation, got)
		}
	}
}

// TestListPools pages through pools and identities.
func TestListPools(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.advance(1e9)
		w.must("root", "CreateIdentityPool", obj{"IdentityPoolName": fmt.Sprint("p", i), "AllowUnauthenticatedIdentities": true})
	}
	var names []string
	in := obj{"MaxResults": 2}
	for pages := 0; ; pages++ {
		got := w.must("root", "ListIdentityPools", in)
		for _, p := range got.body["IdentityPools"].([]any) {
			names = append(names, p.(obj)["IdentityPoolName"].(string))
		}
		next := got.text("NextToken")
		if next == "" || pages > 5 {
			break
		}
		in["NextToken"] = next
	}
	if want := []string{"Auth", "Strict", "p0", "p1", "p2", "p3", "p4"}; !slices.Equal(names, want) {
		t.Errorf("the pools are %q", names)
	}
	seen := map[string]bool{}
	for range 5 {
		seen[w.id(poolID)] = true
	}
	in = obj{"IdentityPoolId": poolID, "MaxResults": 2}
	for pages := 0; pages < 5; pages++ {
		got := w.must("root", "ListIdentities", in)
		for _, p := range got.body["Identities"].([]any) {
			delete(seen, p.(obj)["IdentityId"].(string))
		}
		if in["NextToken"] = got.text("NextToken"); in["NextToken"] == "" {
			break
		}
	}
	if len(seen) > 0 {
		t.Errorf("not listed: %v", seen)
	}
	token := w.must("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 2}).text("NextToken")
	for _, bad := range []string{"x", token + "A", "A" + token[1:]} {
		if got := w.do("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 2, "NextToken": bad}).refusal(); got != "InvalidParameterException: Invalid NextToken." {
			t.Errorf("with token %q: %q", bad, got)
		}
	}
	if got := w.do("root", "ListIdentities", obj{"IdentityPoolId": otherPool, "MaxResults": 2, "NextToken": token}).refusal(); got != "InvalidParameterException: Invalid NextToken." {
		t.Errorf("the token of another list: %q", got)
	}
}

// TestDeleteIdentities holds that a deleted identity is gone with what was merged
// into it, and that its logins are new.
func TestDeleteIdentities(t *testing.T) {
	w := newWorld(t)
	rider := w.token(userPool, "rider")
	guest := w.id(poolID)
	id := w.id(poolID, userPool, rider)
	w.credentials(guest, userPool, rider) // merges
	if got := w.must("root", "DeleteIdentities", obj{"IdentityIdsToDelete": []string{id}}).raw; got != `{"UnprocessedIdentityIds":[]}` {
		t.Errorf("DeleteIdentities answered %s", got)
	}
	for _, gone := range []string{id, guest} {
		if got := w.credentials(gone, userPool, rider).refusal(); got != "ResourceNotFoundException: Identity '"+gone+"' not found." {
			t.Errorf("a deleted identity: %q", got)
		}
	}
	if w.id(poolID, userPool, rider) == id {
		t.Error("the login has the deleted identity still")
	}
}

// TestTags holds the tags of pools, of declared ones too.
func TestTags(t *testing.T) {
	w := newWorld(t)
	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + poolID
	w.must("root", "TagResource", obj{"ResourceArn": arn, "Tags": obj{"a": "1", "b": "2"}})
	w.must("root", "UntagResource", obj{"ResourceArn": arn, "TagKeys": []string{"a"}})
	w.reopen()
	if got := w.must("root", "ListTagsForResource", obj{"ResourceArn": arn}).body; !reflect.DeepEqual(got, obj{"Tags": obj{"b": "2"}}) {
		t.Errorf("the tags are %v", got)
	}
	other := strings.Replace(arn, "us-east-1:0", "eu-west-1:0", 1)
	if got := w.do("root", "ListTagsForResource", obj{"ResourceArn": other}).refusal(); got != "ResourceNotFoundException: Resource "+other+" does not exist." {
		t.Error(got)
	}
}

// TestOperationsAreTheModels holds the table against the model that botocore has,
// where it is installed.
func TestOperationsAreTheModels(t *testing.T) {
	out, err := exec.Command("python3", "-c", `
import botocore.session
m = botocore.session.get_session().get_service_model("cognito-identity")
print("\n".join(n + " " + ("unsigned" if m.operation_model(n).auth_type == "none" else "signed") for n in sorted(m.operation_names)))`).Output()
	if err != nil {
		t.Skip("botocore is not installed")
	}
	var rows []string
	for _, o := range identity.Operations() {
		rows = append(rows, o.Name+" "+o.Auth)
	}
	if got, want := strings.Join(rows, "\n"), strings.TrimSpace(string(out)); got != want {
		t.Errorf("the table has\n%s\nthe model\n%s", got, want)
	}
}
