package identity_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/verify/verifytest"
)

func role(name string) string { return "arn:aws:iam::000000000000:role/dev-app-" + name }

// TestRoleSelection holds the rules of
// https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html.
func TestRoleSelection(t *testing.T) {
	w := newWorld(t)
	pool := w.must("root", "CreateIdentityPool", obj{
		"IdentityPoolName": "roles", "AllowUnauthenticatedIdentities": true,
		"CognitoIdentityProviders":  []obj{{"ProviderName": userPool, "ClientId": client}},
		"OpenIdConnectProviderARNs": []string{"arn:aws:iam::000000000000:oidc-provider/" + tenant},
	}).text("IdentityPoolId")
	rules := func(ambiguous string, rules ...[4]string) obj {
		list := []obj{}
		for _, r := range rules {
			list = append(list, obj{"Claim": r[0], "MatchType": r[1], "Value": r[2], "RoleARN": role(r[3])})
		}
		return obj{"Type": "Rules", "AmbiguousRoleResolution": ambiguous, "RulesConfiguration": obj{"Rules": list}}
	}
	token := func(ambiguous string) obj { return obj{"Type": "Token", "AmbiguousRoleResolution": ambiguous} }
	const denied, broken = "denied", "broken"
	for name, c := range map[string]struct {
		mapping obj
		claims  verifytest.Claims
		custom  string
		want    string
	}{
		"no mapping":                          {nil, nil, "", "authenticated"},
		"no mapping, its role asked for":      {nil, nil, "authenticated", "authenticated"},
		"no mapping, another asked for":       {nil, nil, "admin", denied},
		"no mapping, in cognito:roles":        {nil, verifytest.Claims{"cognito:roles": []string{role("admin")}}, "admin", denied},
		"token: preferred":                    {token("Deny"), verifytest.Claims{"cognito:roles": []string{role("a"), role("b")}, "cognito:preferred_role": role("b")}, "", "b"},
		"token: one role":                     {token("Deny"), verifytest.Claims{"cognito:roles": []string{role("a")}}, "", "a"},
		"token: two roles":                    {token("Deny"), verifytest.Claims{"cognito:roles": []string{role("a"), role("b")}}, "", denied},
		"token: two roles, else":              {token("AuthenticatedRole"), verifytest.Claims{"cognito:roles": []string{role("a"), role("b")}}, "", "authenticated"},
		"token: two roles, one asked for":     {token("Deny"), verifytest.Claims{"cognito:roles": []string{role("a"), role("b")}}, "a", "a"},
		"token: asked for, preferred another": {token("Deny"), verifytest.Claims{"cognito:roles": []string{role("a"), role("b")}, "cognito:preferred_role": role("b")}, "a", "a"},
		"token: asked for, not in roles":      {token("AuthenticatedRole"), verifytest.Claims{"cognito:roles": []string{role("a")}}, "admin", denied},
		"token: asked for its role anyway":    {token("AuthenticatedRole"), verifytest.Claims{"cognito:roles": []string{role("a")}}, "authenticated", denied},
		"token: no roles":                     {token("Deny"), nil, "", denied},
		"token: no roles, else":               {token("AuthenticatedRole"), nil, "", "authenticated"},
		"rules: equals":                       {rules("Deny", [4]string{"dept", "Equals", "eng", "eng"}), verifytest.Claims{"dept": "eng"}, "", "eng"},
		"rules: equals, not":                  {rules("Deny", [4]string{"dept", "Equals", "eng", "eng"}), verifytest.Claims{"dept": "engineering"}, "", denied},
		"rules: first match":                  {rules("Deny", [4]string{"dept", "StartsWith", "e", "first"}, [4]string{"dept", "Equals", "eng", "second"}), verifytest.Claims{"dept": "eng"}, "", "first"},
		"rules: contains":                     {rules("Deny", [4]string{"dept", "Contains", "gine", "eng"}), verifytest.Claims{"dept": "engineering"}, "", "eng"},
		"rules: contains, of a list":          {rules("Deny", [4]string{"cognito:groups", "Contains", "admins", "admin"}), verifytest.Claims{"cognito:groups": []string{"users", "admins"}}, "", "admin"},
		"rules: contains, no part of one":     {rules("Deny", [4]string{"cognito:groups", "Contains", "admin", "admin"}), verifytest.Claims{"cognito:groups": []string{"nonadmins"}}, "", denied},
		"rules: not equal":                    {rules("Deny", [4]string{"dept", "NotEqual", "eng", "others"}), verifytest.Claims{"dept": "sales"}, "", "others"},
		"rules: not equal, no such claim":     {rules("Deny", [4]string{"dept", "NotEqual", "eng", "others"}), nil, "", denied},
		"rules: none, else":                   {rules("AuthenticatedRole", [4]string{"dept", "Equals", "eng", "eng"}), nil, "", "authenticated"},
		"rules: the role asked for":           {rules("Deny", [4]string{"dept", "Equals", "eng", "eng"}), verifytest.Claims{"dept": "eng"}, "eng", "eng"},
		"rules: another asked for":            {rules("Deny", [4]string{"dept", "Equals", "eng", "eng"}, [4]string{"dept", "Equals", "eng", "admin"}), verifytest.Claims{"dept": "eng"}, "admin", denied},
		"rules: a number":                     {rules("Deny", [4]string{"level", "Equals", "3", "eng"}), verifytest.Claims{"level": 3}, "", "eng"},
		"rules: a role that is not there":     {rules("Deny", [4]string{"dept", "Equals", "eng", "../x"}), verifytest.Claims{"dept": "eng"}, "", "../x"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			in := obj{"IdentityPoolId": pool, "Roles": obj{"authenticated": role("authenticated")}}
			if c.mapping != nil {
				in["RoleMappings"] = obj{userPool + ":" + client: c.mapping}
			}
			w.must("root", "SetIdentityPoolRoles", in)
			login := w.token(userPool, "rider", c.claims)
			id := w.id(pool, userPool, login)
			before := len(w.assumed)
			ask := obj{"IdentityId": id, "Logins": obj{userPool: login}}
			if c.custom != "" {
				ask["CustomRoleArn"] = role(c.custom)
			}
			got := w.do("", "GetCredentialsForIdentity", ask)
			if c.want == denied {
				if want := `{"__type":"NotAuthorizedException","message":"Access to Identity '` + id + `' is forbidden."}`; got.raw != want || len(w.assumed) != before {
					t.Errorf("answered %s, with %v", got.raw, w.assumed[before:])
				}
				return
			}
			if got.status != 200 || w.last().Role != "dev-app-"+c.want {
				t.Errorf("%s as %q, not %q (%s)", got.refusal(), w.last().Role, c.want, w.reason())
			}
		})
	}
	w.t = t

	// Two logins, with different roles.
	w.must("root", "SetIdentityPoolRoles", obj{"IdentityPoolId": pool, "Roles": obj{"authenticated": role("authenticated")}, "RoleMappings": obj{
		userPool + ":" + client:                             rules("Deny", [4]string{"sub", "Equals", "rider", "a"}),
		"arn:aws:iam::000000000000:oidc-provider/" + tenant: rules("Deny", [4]string{"sub", "StartsWith", "auth0|", "b"}),
	}})
	one, two := w.token(userPool, "rider"), w.token(tenant, "auth0|1")
	id := w.id(pool, userPool, one, tenant, two)
	if got := w.credentials(id, userPool, one, tenant, two).refusal(); got != "NotAuthorizedException: Access to Identity '"+id+"' is forbidden." {
		t.Errorf("two logins with two roles: %q", got)
	}
	if w.credentials(id, tenant, two); w.last().Role != "dev-app-b" {
		t.Errorf("by the tenant's rules the role is %s", w.last().Role)
	}
}

// TestNoRole holds what is said where a pool has no role, or the account none that
// lets the identity in.
func TestNoRole(t *testing.T) {
	w := newWorld(t)
	const want = `{"__type":"InvalidIdentityPoolConfigurationException","message":"Invalid identity pool configuration. Check assigned IAM roles for this pool."}`
	pool := w.must("root", "CreateIdentityPool", obj{"IdentityPoolName": "none", "AllowUnauthenticatedIdentities": true}).text("IdentityPoolId")
	guest := w.id(pool)
	if got := w.credentials(guest).raw; got != want {
		t.Errorf("without a role: %s", got)
	}
	w.must("root", "SetIdentityPoolRoles", obj{"IdentityPoolId": pool, "Roles": obj{"unauthenticated": "arn:aws:iam::000000000000:role/stranger"}})
	if got := w.credentials(guest).raw; got != want {
		t.Errorf("with a role that is not there: %s", got)
	}
	if got := w.reason(); got != "there is no role stranger" {
		t.Errorf("the log says %q", got)
	}
}

// TestSetRoles holds what a role and a mapping have to be, and that what is
// declared stays.
func TestSetRoles(t *testing.T) {
	w := newWorld(t)
	pool := w.must("root", "CreateIdentityPool", obj{
		"IdentityPoolName": "roles", "AllowUnauthenticatedIdentities": true, "CognitoIdentityProviders": []obj{{"ProviderName": userPool, "ClientId": client}},
		"OpenIdConnectProviderARNs": []string{"arn:aws:iam::000000000000:oidc-provider/" + tenant},
	}).text("IdentityPoolId")
	roles := obj{"authenticated": role("a")}
	key := userPool + ":" + client
	rule := obj{"Claim": "a", "MatchType": "Equals", "Value": "b", "RoleARN": role("a")}
	many := []obj{}
	for range 26 {
		many = append(many, rule)
	}
	for name, c := range map[string]struct {
		in   obj
		want string
	}{
		"declared": {obj{"IdentityPoolId": poolID, "Roles": roles}, "InvalidParameterException: identityPools.Auth is declared in doorwright.yaml; change it there."},
		"another kind": {obj{"IdentityPoolId": pool, "Roles": obj{"admin": role("a")}},
			"InvalidParameterException: 1 validation error detected: Value at 'roles' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: (un)?authenticated]"},
		"another account": {obj{"IdentityPoolId": pool, "Roles": obj{"authenticated": "arn:aws:iam::111122223333:role/a"}}, "InvalidParameterException: arn:aws:iam::111122223333:role/a is not a role of account 000000000000."},
		"no provider of the pool": {obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{secondPool + ":" + client: obj{"Type": "Token", "AmbiguousRoleResolution": "Deny"}}},
			"InvalidParameterException: RoleMappings: " + secondPool + ":" + client + " is not a provider of this identity pool."},
		"token of a tenant": {obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{tenant: obj{"Type": "Token", "AmbiguousRoleResolution": "Deny"}}},
			"InvalidParameterException: RoleMappings: localhost:4000: Token is for user pools, by cognito-idp.REGION.amazonaws.com/POOLID:CLIENTID."},
		"not said what else":  {obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{key: obj{"Type": "Token"}}}, "InvalidParameterException: RoleMappings: " + key + ": AmbiguousRoleResolution is required."},
		"rules without rules": {obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{key: obj{"Type": "Rules", "AmbiguousRoleResolution": "Deny"}}}, "InvalidParameterException: RoleMappings: " + key + ": RulesConfiguration goes with the type Rules, and with no other."},
		"26 rules": {obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{key: obj{"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": obj{"Rules": many}}}},
			"LimitExceededException: A provider can have 25 rules."},
	} {
		if got := w.do("root", "SetIdentityPoolRoles", c.in).refusal(); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
	in := obj{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": obj{key: obj{"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": obj{"Rules": []any{rule}}}}}
	if got := w.must("root", "SetIdentityPoolRoles", in); got.raw != "" {
		t.Errorf("SetIdentityPoolRoles answered %q", got.raw)
	}
	w.reopen()
	if got := w.must("root", "GetIdentityPoolRoles", obj{"IdentityPoolId": pool}); !strings.Contains(got.raw, `"RoleMappings":{"`+key+`":{"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[{"Claim":"a"`) {
		t.Errorf("GetIdentityPoolRoles answered %s", got.raw)
	}
	if got := w.must("root", "GetIdentityPoolRoles", obj{"IdentityPoolId": poolID}).body["Roles"]; !reflect.DeepEqual(got, obj{"authenticated": authenticated, "unauthenticated": guests}) {
		t.Errorf("the declared roles are %v", got)
	}
}
