package cognito_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

// createPool makes a pool and gives its id.
func (w *world) createPool(in obj) string {
	w.t.Helper()
	return w.do("CreateUserPool", with(obj{"PoolName": "made"}, in))["UserPool"].(obj)["Id"].(string)
}

func (w *world) createClient(pool string, in obj) obj {
	w.t.Helper()
	return w.do("CreateUserPoolClient", with(obj{"UserPoolId": pool, "ClientName": "app"}, in))["UserPoolClient"].(obj)
}

var passwordFlows = []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}

// A pool that a request made has all that a declared one has, before and after
// a restart.
func TestPoolsAtRunTime(t *testing.T) {
	w := newWorld(t, emailPool())
	pool := w.createPool(obj{
		"UsernameAttributes": []string{"email"}, "AutoVerifiedAttributes": []string{"email"}, "UsernameConfiguration": obj{"CaseSensitive": false},
		"Schema":       []obj{{"Name": "email", "Required": true}, {"Name": "role", "AttributeDataType": "String"}},
		"UserPoolTags": obj{"team": "rides"},
	})
	client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	if !strings.HasPrefix(pool, "us-east-1_") || len(pool) != 19 || len(client) != 26 {
		t.Errorf("ids %s %s", pool, client)
	}
	w.do("SignUp", obj{"ClientId": client, "Username": "a@example.com", "Password": goodPassword, "UserAttributes": attrs("custom:role", "admin")})
	w.do("ConfirmSignUp", obj{"ClientId": client, "Username": "A@example.com", "ConfirmationCode": w.code()})
	signIn := obj{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": "a@example.com", "PASSWORD": goodPassword}}
	tk := w.tokensOf(w.do("InitiateAuth", signIn))
	_, claims := decoded(t, tk.id)
	if claims["iss"] != "http://localhost:4566/"+pool || claims["custom:role"] != "admin" || claims["aud"] != client {
		t.Errorf("claims %v", claims)
	}
	w.do("CreateGroup", obj{"UserPoolId": pool, "GroupName": "admins"})
	w.do("AdminAddUserToGroup", obj{"UserPoolId": pool, "GroupName": "admins", "Username": "a@example.com"})
	jwks := w.request("GET", "/"+pool+"/.well-known/jwks.json", "", "", "", "")
	if a := w.request("GET", "/"+pool+"/.well-known/openid-configuration", "", "", "", ""); a.status != 200 || jwks.status != 200 || !strings.Contains(a.body, pool) {
		t.Errorf("discovery: %d %s", a.status, a.body)
	}
	before := w.send("DescribeUserPool", obj{"UserPoolId": pool}).body
	w.restart()
	if after := w.send("DescribeUserPool", obj{"UserPoolId": pool}).body; after != before {
		t.Errorf("described otherwise after a restart:\n%s\n%s", before, after)
	}
	if after := w.request("GET", "/"+pool+"/.well-known/jwks.json", "", "", "", ""); after.body != jwks.body {
		t.Error("the keys changed")
	}
	w.do("GetUser", obj{"AccessToken": tk.access})
	w.do("InitiateAuth", obj{"ClientId": client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": obj{"REFRESH_TOKEN": tk.refresh}})
	_, claims = decoded(t, w.tokensOf(w.do("InitiateAuth", signIn)).access)
	if fmt.Sprint(claims["cognito:groups"]) != "[admins]" {
		t.Errorf("groups %v", claims["cognito:groups"])
	}
	// A name is nobody's own: several pools can have it, also a declared one's.
	for range 2 {
		w.advance(time.Millisecond)
		if other := w.createPool(obj{"PoolName": "UserPool"}); other == pool || w.svc.Pool("UserPool").ID() == other {
			t.Errorf("the pool %s is another's", other)
		}
	}
	for range 2 {
		if got := listed(w.do("ListUserPools", obj{"MaxResults": 60})["UserPools"], "Name"); got != "UserPool made UserPool UserPool" {
			t.Errorf("pools: %s", got)
		}
		w.restart()
	}
}

// The defaults are the API's own: case-sensitive names, and the policy of a
// request that says nothing of it.
func TestCreateUserPoolDefaults(t *testing.T) {
	w := newWorld(t)
	p := w.do("CreateUserPool", obj{"PoolName": "made"})["UserPool"].(obj)
	for member, want := range map[string]string{
		"DeletionProtection": "INACTIVE", "MfaConfiguration": "OFF", "UserPoolTier": "ESSENTIALS", "UsernameConfiguration": "<nil>",
		"Policies":              "map[PasswordPolicy:map[MinimumLength:8 RequireLowercase:true RequireNumbers:true RequireSymbols:true RequireUppercase:true TemporaryPasswordValidityDays:7] SignInPolicy:map[AllowedFirstAuthFactors:[PASSWORD]]]",
		"AdminCreateUserConfig": "map[AllowAdminCreateUserOnly:false UnusedAccountValidityDays:7]", "EmailConfiguration": "map[EmailSendingAccount:COGNITO_DEFAULT]",
		"Arn": "arn:aws:cognito-idp:us-east-1:000000000000:userpool/" + p["Id"].(string), "AccountRecoverySetting": "<nil>",
	} {
		if got := fmt.Sprint(p[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	pool := p["Id"].(string)
	for _, name := range []string{"Alice", "alice"} {
		w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": name})
	}
	c := w.createClient(pool, obj{"GenerateSecret": true})
	if len(c["ClientSecret"].(string)) != 51 || c["RefreshTokenValidity"] != 30.0 || c["EnableTokenRevocation"] != true || c["AuthSessionValidity"] != 3.0 {
		t.Errorf("client %v", c)
	}
	w.refused("SignUp", obj{"ClientId": c["ClientId"], "Username": "b", "Password": goodPassword}, "NotAuthorizedException",
		"Client "+c["ClientId"].(string)+" is configured with secret but SECRET_HASH was not received")
	own := w.createClient(pool, obj{"ClientSecret": "supplied+secret+of+its+own"})
	if own["ClientSecret"] != "supplied+secret+of+its+own" {
		t.Errorf("supplied secret: %v", own)
	}
	w.restart()
	for _, cl := range []obj{c, own} {
		if got := w.do("DescribeUserPoolClient", obj{"UserPoolId": pool, "ClientId": cl["ClientId"]})["UserPoolClient"].(obj); fmt.Sprint(got) != fmt.Sprint(cl) {
			t.Errorf("after a restart:\n%v\n%v", cl, got)
		}
	}
	if a := w.send("ListUserPoolClients", obj{"UserPoolId": pool}); strings.Contains(a.body, "ecret") {
		t.Errorf("a list shows a secret: %s", a.body)
	}
}

// UpdateUserPool and UpdateUserPoolClient replace: what a request leaves out
// is its default again, but for what was fixed at the beginning.
func TestUpdateReplaces(t *testing.T) {
	w := newWorld(t)
	pool := w.createPool(obj{
		"UsernameAttributes": []string{"email"}, "Schema": []obj{{"Name": "role", "AttributeDataType": "String"}}, "UsernameConfiguration": obj{"CaseSensitive": false},
		"AutoVerifiedAttributes": []string{"email"}, "DeletionProtection": "ACTIVE", "Policies": obj{"PasswordPolicy": obj{"MinimumLength": 20}},
		"AdminCreateUserConfig": obj{"AllowAdminCreateUserOnly": true},
	})
	if a := w.send("UpdateUserPool", obj{"UserPoolId": pool, "UserPoolTags": obj{"a": "b"}, "Schema": []obj{}, "UsernameAttributes": []string{"phone_number"}}); a.status != 200 || a.body != "{}" {
		t.Errorf("UpdateUserPool: %d %s", a.status, a.body)
	}
	p := w.do("DescribeUserPool", obj{"UserPoolId": pool})["UserPool"].(obj)
	if got := fmt.Sprintln(p["Name"], p["UsernameAttributes"], p["UsernameConfiguration"], p["AutoVerifiedAttributes"], p["DeletionProtection"], p["UserPoolTags"],
		p["Policies"].(obj)["PasswordPolicy"].(obj)["MinimumLength"], p["AdminCreateUserConfig"].(obj)["AllowAdminCreateUserOnly"]); got !=
		"made [email] map[CaseSensitive:false] <nil> INACTIVE map[a:b] 8 false\n" {
		t.Errorf("updated: %s", got)
	}
	if !strings.Contains(fmt.Sprint(p["SchemaAttributes"]), "custom:role") {
		t.Error("the schema went")
	}
	w.do("UpdateUserPool", obj{"UserPoolId": pool, "PoolName": "renamed", "Policies": obj{"PasswordPolicy": obj{"MinimumLength": 6}}})
	w.refused("UpdateUserPool", obj{}, "InvalidParameterException", "1 validation error detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be null")
	c := w.createClient(pool, obj{"GenerateSecret": true, "ExplicitAuthFlows": passwordFlows, "AccessTokenValidity": 5, "TokenValidityUnits": obj{"AccessToken": "minutes"}, "PreventUserExistenceErrors": "ENABLED"})
	id := c["ClientId"].(string)
	if c["AccessTokenValidity"] != 5.0 || c["TokenValidityUnits"].(obj)["AccessToken"] != "minutes" || c["PreventUserExistenceErrors"] != "ENABLED" {
		t.Errorf("client %v", c)
	}
	u := w.do("UpdateUserPoolClient", obj{"UserPoolId": pool, "ClientId": id, "EnableTokenRevocation": false})["UserPoolClient"].(obj)
	if u["ClientName"] != "app" || u["ClientSecret"] != c["ClientSecret"] || u["ExplicitAuthFlows"] != nil || u["AccessTokenValidity"] != nil || u["PreventUserExistenceErrors"] != nil || u["EnableTokenRevocation"] != false {
		t.Errorf("updated client %v", u)
	}
	w.refused("InitiateAuth", obj{"ClientId": id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": "a@example.com", "PASSWORD": "x", "SECRET_HASH": cognito.SecretHash(u["ClientSecret"].(string), "a@example.com", id)}},
		"InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client")
	// The new policy holds.
	w.do("AdminSetUserPassword", obj{"UserPoolId": pool, "Password": "simple", "Permanent": true,
		"Username": w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "a@example.com", "MessageAction": "SUPPRESS"})["User"].(obj)["Username"]})
}

func TestDeletePoolAndClient(t *testing.T) {
	w := newWorld(t, emailPool())
	pool := w.createPool(obj{"DeletionProtection": "ACTIVE"})
	client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	w.do("SignUp", obj{"ClientId": client, "Username": "alice", "Password": goodPassword})
	w.do("AdminConfirmSignUp", obj{"UserPoolId": pool, "Username": "alice"})
	signIn := obj{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": obj{"USERNAME": "alice", "PASSWORD": goodPassword}}
	tk := w.tokensOf(w.do("InitiateAuth", signIn))
	noClient := "User pool client " + client + " does not exist."
	if a := w.send("DeleteUserPoolClient", obj{"UserPoolId": pool, "ClientId": client}); a.status != 200 || a.body != "" {
		t.Errorf("DeleteUserPoolClient: %d %s", a.status, a.body)
	}
	w.refused("InitiateAuth", signIn, "ResourceNotFoundException", noClient)
	w.refused("DeleteUserPoolClient", obj{"UserPoolId": pool, "ClientId": client}, "ResourceNotFoundException", noClient)
	w.refused("GetUser", obj{"AccessToken": tk.access}, "NotAuthorizedException", "Invalid Access Token")
	w.refused("DeleteUserPool", obj{"UserPoolId": pool}, "InvalidParameterException",
		"The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")
	other := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	signIn["ClientId"] = other
	tk = w.tokensOf(w.do("InitiateAuth", signIn))
	w.do("UpdateUserPool", obj{"UserPoolId": pool})
	if a := w.send("DeleteUserPool", obj{"UserPoolId": pool}); a.status != 200 || a.body != "" {
		t.Errorf("DeleteUserPool: %d %s", a.status, a.body)
	}
	check := func() {
		t.Helper()
		w.refused("InitiateAuth", signIn, "ResourceNotFoundException", "User pool client "+other+" does not exist.")
		w.refused("GetUser", obj{"AccessToken": tk.access}, "NotAuthorizedException", "Invalid Access Token")
		for _, operation := range []string{"DescribeUserPool", "DeleteUserPool", "UpdateUserPool", "ListUserPoolClients"} {
			w.refused(operation, obj{"UserPoolId": pool}, "ResourceNotFoundException", "User pool "+pool+" does not exist.")
		}
		if a := w.request("GET", "/"+pool+"/.well-known/jwks.json", "", "", "", ""); a.status != 404 {
			t.Errorf("jwks.json: %d", a.status)
		}
	}
	check()
	w.restart()
	check()
}

// What the declaration says is changed there; what is added beside it stays
// over restarts, also when the declaration changes.
func TestDeclaredPoolsAreOwned(t *testing.T) {
	w := newWorld(t, emailPool())
	const owned = "userPools.UserPool is declared in doorwright.yaml; change it there."
	w.refused("UpdateUserPool", obj{"UserPoolId": w.pool()}, "InvalidParameterException", owned)
	w.refused("DeleteUserPool", obj{"UserPoolId": w.pool()}, "InvalidParameterException", owned)
	const ownedClient = "userPools.UserPool.clients.web is declared in doorwright.yaml; change it there."
	web := obj{"UserPoolId": w.pool(), "ClientId": w.client("web")}
	w.refused("UpdateUserPoolClient", web, "InvalidParameterException", ownedClient)
	w.refused("DeleteUserPoolClient", web, "InvalidParameterException", ownedClient)
	// An added client of a declared one's name is another.
	added := w.createClient(w.pool(), obj{"ClientName": "web", "ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	if w.client("web") == added || len(w.svc.Pool("UserPool").ClientIDs()) != 4 {
		t.Error("an added client is taken for a declared one")
	}
	w.confirmed("a@example.com")
	signIn := with(w.passwordAuth("a@example.com", goodPassword), obj{"ClientId": added})
	tk := w.tokensOf(w.do("InitiateAuth", signIn))
	w.cfg.Pools[0].Clients = append(w.cfg.Pools[0].Clients, cognito.ClientConfig{Name: "later"})
	w.restart()
	w.do("GetUser", obj{"AccessToken": tk.access})
	w.do("InitiateAuth", signIn)
	if got := listed(w.do("ListUserPoolClients", obj{"UserPoolId": w.pool()})["UserPoolClients"], "ClientName"); got != "web hiding secret plain later web" {
		t.Errorf("clients: %s", got)
	}
	// Page by page too, whatever is made and deleted between.
	first := w.do("ListUserPoolClients", obj{"UserPoolId": w.pool(), "MaxResults": 5})
	w.do("DeleteUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": added})
	w.createClient(w.pool(), obj{"ClientName": "new"})
	second := w.do("ListUserPoolClients", obj{"UserPoolId": w.pool(), "MaxResults": 5, "NextToken": first["NextToken"]})
	if got := listed(second["UserPoolClients"], "ClientName"); got != "new" {
		t.Errorf("second page: %s", got)
	}
	token := first["NextToken"].(string)
	for _, forged := range []string{token[:len(token)-2] + "AA", "x", "from-1", strings.Repeat("A", 40000)} {
		w.refused("ListUserPoolClients", obj{"UserPoolId": w.pool(), "NextToken": forged}, "InvalidParameterException", "Invalid pagination token given.")
		w.refused("ListUserPools", obj{"MaxResults": 1, "NextToken": forged}, "InvalidParameterException", "Invalid pagination token given.")
	}
}

// Settings that would do nothing are refused: nobody thinks that they hold.
func TestUnusableSettings(t *testing.T) {
	w := newWorld(t)
	function := "arn:aws:lambda:us-east-1:000000000000:function:watch"
	for _, tt := range []struct {
		in   obj
		want string
	}{
		{obj{"MfaConfiguration": "ON"}, "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"},
		{obj{"DeviceConfiguration": obj{"ChallengeRequiredOnNewDevice": true}}, "DeviceConfiguration is not emulated"},
		{obj{"UserPoolAddOns": obj{"AdvancedSecurityMode": "ENFORCED"}}, "AdvancedSecurityMode is not emulated"},
		{obj{"UserAttributeUpdateSettings": obj{"AttributesRequireVerificationBeforeUpdate": []string{"email"}}}, "UserAttributeUpdateSettings is not emulated"},
		{obj{"VerificationMessageTemplate": obj{"DefaultEmailOption": "CONFIRM_WITH_LINK"}}, "CONFIRM_WITH_LINK is not emulated"},
		{obj{"Policies": obj{"PasswordPolicy": obj{"PasswordHistorySize": 3}}}, "PasswordHistorySize is not emulated"},
		{obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": []string{"PASSWORD", "WEB_AUTHN"}}}}, "the first factor WEB_AUTHN is not emulated"},
		{obj{"LambdaConfig": obj{"CustomEmailSender": obj{"LambdaVersion": "V1_0", "LambdaArn": function}}}, "CustomEmailSender"},
		{obj{"LambdaConfig": obj{"PreSignUp": "arn:aws:lambda:eu-west-1:000000000000:function:watch"}}, "is not a function of this stage."},
		{obj{"LambdaConfig": obj{"PreSignUp": "arn:aws:s3:us-east-1:000000000000:function:watch"}}, "is not the ARN of a Lambda function."},
		{obj{"LambdaConfig": obj{"PreSignUp": "watch"}}, "'lambdaConfig.preSignUp' failed to satisfy constraint"},
		{obj{"UsernameAttributes": []string{"email"}, "AliasAttributes": []string{"email"}}, "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."},
		{obj{"Policies": obj{"PasswordPolicy": obj{"TemporaryPasswordValidityDays": 3}}, "AdminCreateUserConfig": obj{"UnusedAccountValidityDays": 3}}, "UnusedAccountValidityDays"},
		{obj{"Policies": obj{"PasswordPolicy": obj{"MinimumLength": 5}}}, "'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have value greater than or equal to 6"},
		{obj{"AdminCreateUserConfig": obj{"InviteMessageTemplate": obj{"EmailMessage": "Welcome!"}}}, "Invite messages must contain {username} and {####}."},
		{obj{"Schema": []obj{{"Name": "email", "AttributeDataType": "Number"}}}, "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"},
		{obj{"Schema": []obj{{"Name": "x", "AttributeDataType": "String"}, {"Name": "x", "AttributeDataType": "String"}}}, "declared twice"},
		{obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": []obj{{"Priority": 1, "Name": "admin_only"}, {"Priority": 2, "Name": "verified_email"}}}}, "admin_only"},
		{obj{"PoolName": "a/b"}, "'poolName' failed to satisfy constraint"},
		{obj{"UserPoolTags": obj{"aws:x": "y"}}, "reserved"},
	} {
		a := w.send("CreateUserPool", with(obj{"PoolName": "made"}, tt.in))
		if a.status != 400 || !strings.Contains(a.body, `"InvalidParameterException"`) || !strings.Contains(a.body, tt.want) {
			t.Errorf("%v: %d %s", tt.in, a.status, a.body)
		}
	}
	w.refused("CreateUserPool", obj{}, "InvalidParameterException", "1 validation error detected: Value null at 'poolName' failed to satisfy constraint: Member must not be null")
	if pools := w.do("ListUserPools", obj{"MaxResults": 60})["UserPools"].([]any); len(pools) != 0 {
		t.Errorf("refused requests made %v", pools)
	}
	pool := w.createPool(nil)
	for _, tt := range []struct {
		in         obj
		code, want string
	}{
		{obj{"AccessTokenValidity": 2, "TokenValidityUnits": obj{"AccessToken": "days"}}, "InvalidParameterException", "Invalid range for token validity."},
		{obj{"RefreshTokenValidity": 315360000}, "InvalidParameterException", "Invalid range for token validity."},
		{obj{"RefreshTokenValidity": 1, "TokenValidityUnits": obj{"RefreshToken": "hours"}, "AccessTokenValidity": 5}, "InvalidParameterException", "longer than RefreshTokenValidity"},
		{obj{"ReadAttributes": []string{"custom:none"}}, "InvalidParameterException", "Invalid read attributes specified while creating a client"},
		{obj{"WriteAttributes": []string{"email_verified"}}, "InvalidParameterException", "Invalid write attributes specified while creating a client"},
		{obj{"ExplicitAuthFlows": []string{"ALLOW_USER_SRP_AUTH", "USER_PASSWORD_AUTH"}}, "InvalidParameterException", "cannot be mixed"},
		{obj{"RefreshTokenRotation": obj{"Feature": "ENABLED"}, "ExplicitAuthFlows": []string{"ALLOW_REFRESH_TOKEN_AUTH"}}, "InvalidParameterException", "exclude each other"},
		{obj{"AllowedOAuthFlows": []string{"code"}}, "InvalidParameterException", "AllowedOAuthFlowsUserPoolClient"},
		{obj{"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"client_credentials"}, "AllowedOAuthScopes": []string{"x/y"}}, "InvalidOAuthFlowException", "does not have a client secret"},
		{obj{"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"code"}, "CallbackURLs": []string{"https://a.example/"}, "AllowedOAuthScopes": []string{"x/y"}}, "ScopeDoesNotExistException", "x/y"},
		{obj{"SupportedIdentityProviders": []string{"Google"}}, "InvalidParameterException", "The provider Google does not exist"},
		{obj{"CallbackURLs": []string{"http://a.example/"}}, "InvalidParameterException", "cannot use the HTTP protocol"},
		{obj{"ClientName": ""}, "InvalidParameterException", "'clientName' failed to satisfy constraint"},
	} {
		a := w.send("CreateUserPoolClient", with(obj{"UserPoolId": pool, "ClientName": "app"}, tt.in))
		if a.status != 400 || !strings.Contains(a.body, `"`+tt.code+`"`) || !strings.Contains(a.body, tt.want) {
			t.Errorf("%v: %d %s", tt.in, a.status, a.body)
		}
	}
}

// Settings that do something do it: triggers, messages, recovery.
func TestSettingsHold(t *testing.T) {
	w := newWorld(t)
	w.functions = map[string]cognito.Invoke{"confirm": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		var e obj
		err := json.Unmarshal(event, &e)
		e["response"].(obj)["autoConfirmUser"] = strings.HasPrefix(e["userName"].(string), "auto")
		reply, _ := json.Marshal(e)
		return reply, "", err
	}}
	pool := w.createPool(obj{
		"AutoVerifiedAttributes": []string{"email"}, "LambdaConfig": obj{"PreSignUp": "arn:aws:lambda:us-east-1:000000000000:function:confirm"},
		"EmailVerificationMessage": "Old {####}", "VerificationMessageTemplate": obj{"EmailMessage": "Use {####}, friend", "EmailSubject": "Hello"},
		"AdminCreateUserConfig":  obj{"InviteMessageTemplate": obj{"EmailMessage": "{username}: {####}"}},
		"AccountRecoverySetting": obj{"RecoveryMechanisms": []obj{{"Priority": 1, "Name": "admin_only"}}},
	})
	client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
	if out := w.do("SignUp", obj{"ClientId": client, "Username": "auto", "Password": goodPassword}); out["UserConfirmed"] != true {
		t.Errorf("the trigger did not run: %v", out)
	}
	last := func() string {
		t.Helper()
		messages, err := w.stage.Mailbox().List()
		if err != nil || len(messages) == 0 {
			t.Fatal("no message", err)
		}
		m := messages[0]
		for _, one := range messages {
			if one.At.After(m.At) {
				m = one
			}
		}
		return m.Subject + "|" + m.Body
	}
	w.do("SignUp", obj{"ClientId": client, "Username": "bob", "Password": goodPassword, "UserAttributes": attrs("email", "b@example.com")})
	if got := last(); got != "Hello|Use "+w.code()+", friend" {
		t.Errorf("message %q", got)
	}
	w.advance(1e9)
	w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "{####}", "TemporaryPassword": goodPassword, "DesiredDeliveryMediums": []string{"EMAIL"}, "UserAttributes": attrs("email", "c@example.com")})
	if got := last(); got != "Your temporary password|{####}: "+goodPassword {
		t.Errorf("invitation %q", got)
	}
	for _, name := range []string{"bob", "nobody"} {
		w.refused("ForgotPassword", obj{"ClientId": client, "Username": name}, "NotAuthorizedException", "Contact administrator to reset password.")
	}
	w.do("UpdateUserPool", obj{"UserPoolId": pool, "AccountRecoverySetting": obj{"RecoveryMechanisms": []obj{{"Priority": 2, "Name": "verified_phone_number"}, {"Priority": 1, "Name": "verified_email"}}}})
	w.do("AdminCreateUser", obj{"UserPoolId": pool, "Username": "dan", "MessageAction": "SUPPRESS",
		"UserAttributes": attrs("email", "d@example.com", "email_verified", "true", "phone_number", "+15550100", "phone_number_verified", "true")})
	w.do("AdminSetUserPassword", obj{"UserPoolId": pool, "Username": "dan", "Password": goodPassword, "Permanent": true})
	if d := w.do("ForgotPassword", obj{"ClientId": client, "Username": "dan"})["CodeDeliveryDetails"].(obj); d["DeliveryMedium"] != "EMAIL" {
		t.Errorf("recovery by %v", d)
	}
}

// A scope is a client's only as long as its resource server has it.
func TestScopesGoWithTheirServer(t *testing.T) {
	w := newWorld(t, emailPool())
	server := obj{"UserPoolId": w.pool(), "Identifier": "rides", "Name": "Rides"}
	w.do("CreateResourceServer", with(server, obj{"Scopes": []obj{{"ScopeName": "read", "ScopeDescription": "Read"}, {"ScopeName": "write", "ScopeDescription": "Write"}}}))
	id := w.createClient(w.pool(), obj{"GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"client_credentials"}, "AllowedOAuthScopes": []string{"rides/read", "rides/write"}})["ClientId"]
	w.do("UpdateResourceServer", with(server, obj{"Scopes": []obj{{"ScopeName": "read", "ScopeDescription": "Read"}}}))
	scopes := func() string {
		return fmt.Sprint(w.do("DescribeUserPoolClient", obj{"UserPoolId": w.pool(), "ClientId": id})["UserPoolClient"].(obj)["AllowedOAuthScopes"])
	}
	if got := scopes(); got != "[rides/read]" {
		t.Errorf("scopes %s", got)
	}
	w.do("DeleteResourceServer", server)
	w.restart()
	if got := scopes(); got != "<nil>" {
		t.Errorf("scopes %s", got)
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, emailPool())
	for _, pool := range []string{w.pool(), w.createPool(obj{"UserPoolTags": obj{"team": "rides"}})} {
		arn := "arn:aws:cognito-idp:us-east-1:000000000000:userpool/" + pool
		w.do("TagResource", obj{"ResourceArn": arn, "Tags": obj{"team": "notes", "cost": "", "gone": "x"}})
		if a := w.send("UntagResource", obj{"ResourceArn": arn, "TagKeys": []string{"gone", "never"}}); a.status != 200 || a.body != "{}" {
			t.Errorf("UntagResource: %d %s", a.status, a.body)
		}
		w.restart()
		if a := w.send("ListTagsForResource", obj{"ResourceArn": arn}); a.body != `{"Tags":{"cost":"","team":"notes"}}` {
			t.Errorf("tags: %s", a.body)
		}
		if got := fmt.Sprint(w.do("DescribeUserPool", obj{"UserPoolId": pool})["UserPool"].(obj)["UserPoolTags"]); got != "map[cost: team:notes]" {
			t.Errorf("UserPoolTags %s", got)
		}
		many := obj{}
		for i := range 49 {
			many[fmt.Sprint(i)] = "x"
		}
		w.refused("TagResource", obj{"ResourceArn": arn, "Tags": many}, "InvalidParameterException", "A user pool can have 50 tags.")
	}
	for _, arn := range []string{"arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_nowhere00", "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/" + w.pool(), "arn:aws:s3:us-east-1:000000000000:bucket"} {
		for operation, more := range map[string]obj{"TagResource": {"Tags": obj{"a": "b"}}, "UntagResource": {"TagKeys": []string{"a"}}, "ListTagsForResource": nil} {
			if a := w.send(operation, with(obj{"ResourceArn": arn}, more)); a.status != 400 || !strings.Contains(a.body, "ResourceNotFoundException") {
				t.Errorf("%s %s: %d %s", operation, arn, a.status, a.body)
			}
		}
	}
}

// Pools and clients come and go while others sign in: every answer is whole,
// and nobody waits for a pool that is not theirs.
func TestPoolsComeAndGo(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	done := make(chan struct{})
	var group, makers sync.WaitGroup
	fail := func(operation string, a answer) {
		if a.status != 200 {
			t.Errorf("%s: %d %s", operation, a.status, a.body)
		}
	}
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				fail("InitiateAuth", w.send("InitiateAuth", w.passwordAuth("a@example.com", goodPassword)))
				fail("ListUserPools", w.send("ListUserPools", obj{"MaxResults": 60}))
				fail("DescribeUserPool", w.send("DescribeUserPool", obj{"UserPoolId": w.pool()}))
			}
		})
	}
	var mu sync.Mutex
	ids := map[string]bool{}
	for i := range 3 {
		makers.Go(func() {
			for j := range 5 {
				pool := w.createPool(nil)
				client := w.createClient(pool, obj{"ExplicitAuthFlows": passwordFlows})["ClientId"].(string)
				w.do("SignUp", obj{"ClientId": client, "Username": "alice", "Password": goodPassword})
				w.do("AddCustomAttributes", obj{"UserPoolId": w.pool(), "CustomAttributes": []obj{{"Name": fmt.Sprint("n", i, "-", j), "AttributeDataType": "String"}}})
				if j%2 == 0 {
					fail("DeleteUserPool", w.send("DeleteUserPool", obj{"UserPoolId": pool}))
					continue
				}
				mu.Lock()
				ids[pool] = true
				mu.Unlock()
			}
		})
	}
	makers.Wait()
	close(done)
	group.Wait()
	check := func() {
		t.Helper()
		for _, p := range w.do("ListUserPools", obj{"MaxResults": 60})["UserPools"].([]any) {
			if id := p.(obj)["Id"].(string); id != w.pool() && !ids[id] {
				t.Errorf("the pool %s was deleted", id)
			}
		}
		for id := range ids {
			w.do("DescribeUserPool", obj{"UserPoolId": id})
		}
		if schema := w.do("DescribeUserPool", obj{"UserPoolId": w.pool()})["UserPool"].(obj)["SchemaAttributes"].([]any); len(schema) != 20+15 {
			t.Errorf("%d attributes: some were lost", len(schema))
		}
	}
	check()
	w.restart()
	check()
}

// What was made in one moment is paged through whole.
func TestPagesOfOneMoment(t *testing.T) {
	w := newWorld(t, emailPool())
	for range 10 {
		w.createPool(nil)
		w.createClient(w.pool(), nil)
	}
	for operation, list := range map[string]string{"ListUserPools": "UserPools", "ListUserPoolClients": "UserPoolClients"} {
		in, seen := obj{"UserPoolId": w.pool(), "MaxResults": 1}, map[string]bool{}
		for {
			out := w.do(operation, in)
			one := out[list].([]any)[0].(obj)
			seen[fmt.Sprint(one["Id"], one["ClientId"])] = true
			if out["NextToken"] == nil {
				break
			}
			in["NextToken"] = out["NextToken"]
		}
		if want := map[string]int{"ListUserPools": 11, "ListUserPoolClients": 14}[operation]; len(seen) != want {
			t.Errorf("%s shows %d of %d", operation, len(seen), want)
		}
	}
}

// A pool that is deleted while an operation of it is under way is one that
// does not exist.
func TestPoolIsDeletedMeanwhile(t *testing.T) {
	w := newWorld(t)
	pool := w.createPool(obj{"LambdaConfig": obj{"PreSignUp": "arn:aws:lambda:us-east-1:000000000000:function:delete"}})
	w.functions = map[string]cognito.Invoke{"delete": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		w.do("DeleteUserPool", obj{"UserPoolId": pool})
		return event, "", nil
	}}
	client := w.createClient(pool, nil)["ClientId"]
	w.refused("SignUp", obj{"ClientId": client, "Username": "alice", "Password": goodPassword}, "ResourceNotFoundException", "User pool "+pool+" does not exist.")
}
