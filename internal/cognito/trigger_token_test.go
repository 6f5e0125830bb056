package cognito_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tokenPool has a function before tokens, of a version.
func tokenPool(t *testing.T, version string) *world {
	t.Helper()
	p := triggered("PreTokenGeneration")
	p.Triggers.PreTokenGenerationVersion = version
	w := newWorld(t, p)
	w.existing("amelie@example.com")
	return w
}

// answering makes the function before tokens answer with this response, whole.
func (w *world) answering(version, response string) {
	w.replying("PreTokenGeneration", fmt.Sprintf(
		`{"version":%q,"triggerSource":"x","region":"x","userPoolId":"x","userName":"x","callerContext":{},"request":{},"response":%s}`, version, response))
}

func claimsOf(t *testing.T, token string) obj {
	t.Helper()
	_, claims := decoded(t, token)
	return claims
}

func TestPreTokenV1(t *testing.T) {
	w := tokenPool(t, "")
	seen := on(w, "PreTokenGeneration", func(e *preTokenV1) error {
		d := &e.Response.ClaimsOverrideDetails
		d.ClaimsToAddOrOverride = words("tenant", "blue", "email_verified", "false", "sub", "forged", "iss", "forged", "both", "x", "cognito:groups", "admins")
		d.ClaimsToSuppress = []string{"email", "both", "aud"}
		d.GroupOverrideDetails.GroupsToOverride = []string{"editors"}
		d.GroupOverrideDetails.IAMRolesToOverride = []string{"arn:aws:iam::000000000000:role/editor"}
		d.GroupOverrideDetails.PreferredRole = new("arn:aws:iam::000000000000:role/editor")
		return nil
	})
	signedIn := w.signIn("amelie@example.com", goodPassword)
	if got := w.reason(); got != "the trigger PreTokenGeneration cannot change aud of the ID token, cognito:groups of the ID token, iss of the ID token, sub of the ID token; ignored" {
		t.Errorf("the log says %q", got)
	}
	e := (*seen)[0]
	if e.Version != "1" || e.TriggerSource != "TokenGeneration_Authentication" || e.Request.UserAttributes["cognito:user_status"] != "CONFIRMED" {
		t.Errorf("got %+v", e)
	}
	id, access := claimsOf(t, signedIn.id), claimsOf(t, signedIn.access)
	sub := w.attributesOf("amelie@example.com")["sub"]
	for name, want := range (obj{
		"tenant": "blue", "email_verified": false, "sub": sub, "iss": "http://localhost:4566/" + w.pool(), "aud": w.client("web"),
		"email": nil, "both": nil, "cognito:groups": []any{"editors"},
		"cognito:roles": []any{"arn:aws:iam::000000000000:role/editor"}, "cognito:preferred_role": "arn:aws:iam::000000000000:role/editor",
	}) {
		if !reflect.DeepEqual(id[name], want) {
			t.Errorf("the ID token has %s %v, want %v", name, id[name], want)
		}
	}
	// The access token gets the groups and nothing else.
	if !reflect.DeepEqual(access["cognito:groups"], []any{"editors"}) || access["tenant"] != nil || access["cognito:roles"] != nil || access["scope"] != "aws.cognito.signin.user.admin" {
		t.Errorf("the access token has %v", access)
	}
	w.do("GetUser", obj{"AccessToken": signedIn.access})
}

// TestPreTokenV1TakesStrings: "still not supporting arrays in custom claims ...
// Unrecognizable lambda output" was observed.
func TestPreTokenV1TakesStrings(t *testing.T) {
	w := tokenPool(t, "V1_0")
	w.answering("1", `{"claimsOverrideDetails":{"claimsToAddOrOverride":{"tenants":["a","b"]}}}`)
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), "InvalidLambdaResponseException", "Unrecognizable lambda output")
}

func TestPreTokenV2(t *testing.T) {
	for _, version := range []string{"V2_0", "V3_0"} {
		t.Run(version, func(t *testing.T) {
			w := tokenPool(t, version)
			seen := on(w, "PreTokenGeneration", func(e *preTokenV2) error {
				d := &e.Response.ClaimsAndScopeOverrideDetails
				d.IDTokenGeneration.ClaimsToAddOrOverride = obj{"plan": obj{"seats": 3, "names": []string{"a"}}, "email_verified": []int{1}}
				d.IDTokenGeneration.ClaimsToSuppress = []string{"email"}
				d.AccessTokenGeneration.ClaimsToAddOrOverride = obj{
					"aud": w.client("web"), "client_id": "forged", "username": "forged", "scope": "forged", "exp": 1, "level": 1.5, "tags": []any{"a", 1, true},
				}
				d.AccessTokenGeneration.ScopesToAdd = []string{"notes/read", "notes/write"}
				d.AccessTokenGeneration.ScopesToSuppress = []string{"aws.cognito.signin.user.admin", "notes/write"}
				return nil
			})
			signedIn := w.signIn("amelie@example.com", goodPassword)
			e := (*seen)[0]
			if e.Version != version[1:2] || !slices.Equal(e.Request.Scopes, []string{"aws.cognito.signin.user.admin"}) {
				t.Errorf("got %+v", e)
			}
			id, access := claimsOf(t, signedIn.id), claimsOf(t, signedIn.access)
			if !reflect.DeepEqual(id["plan"], obj{"seats": 3.0, "names": []any{"a"}}) || id["email"] != nil || id["email_verified"] != true {
				t.Errorf("the ID token has %v", id)
			}
			for name, want := range (obj{
				"aud": w.client("web"), "client_id": w.client("web"), "username": id["cognito:username"], "scope": "notes/read",
				"level": 1.5, "tags": []any{"a", 1.0, true}, "exp": float64(w.clock().Unix() + 3600),
			}) {
				if !reflect.DeepEqual(access[name], want) {
					t.Errorf("the access token has %s %v, want %v", name, access[name], want)
				}
			}
			w.refused("GetUser", obj{"AccessToken": signedIn.access}, "NotAuthorizedException", "Access Token does not have required scopes")
		})
	}
}

// TestAudienceIsTheClients: another client's id would be a token for that one.
func TestAudienceIsTheClients(t *testing.T) {
	w := tokenPool(t, "V2_0")
	w.answering("2", `{"claimsAndScopeOverrideDetails":{"accessTokenGeneration":{"claimsToAddOrOverride":{"aud":"`+w.client("hiding")+`"}}}}`)
	if access := claimsOf(t, w.signIn("amelie@example.com", goodPassword).access); access["aud"] != nil {
		t.Errorf("aud is %v", access["aud"])
	}
	if !strings.Contains(w.reason(), "aud of the access token") {
		t.Errorf("the log says %q", w.reason())
	}
}

// TestGroupsAreSuppressed: "If you provide an empty or null object in the
// response, then the groups are suppressed."
func TestGroupsAreSuppressed(t *testing.T) {
	w := tokenPool(t, "V1_0")
	for details, want := range map[string]string{
		`{}`:                                                    "[mine]",
		`{"claimsToAddOrOverride":{"a":"b"}}`:                   "[mine]",
		`{"groupOverrideDetails":null}`:                         "<nil>",
		`{"groupOverrideDetails": null }`:                       "<nil>",
		`{"groupOverrideDetails":{}}`:                           "<nil>",
		`{"groupOverrideDetails":{"groupsToOverride":["a"]}}`:   "[a]",
		`{"groupOverrideDetails":{"groupsToOverride":[]}}`:      "<nil>",
		`{"groupOverrideDetails":{"iamRolesToOverride":["a"]}}`: "<nil>",
		`null`: "[mine]",
	} {
		got, err := w.svc.Pool("UserPool").Client("web").GroupsAfter(fmt.Sprintf(`{"version":"1","triggerSource":"x","region":"x","userPoolId":"x",`+
			`"userName":"x","callerContext":{},"request":{},"response":{"claimsOverrideDetails":%s}}`, details))
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", details, got, err)
		}
	}
	w.answering("1", `{"claimsOverrideDetails":{"groupOverrideDetails":{"groupsToOverride":["a"]}}}`)
	signedIn := w.signIn("amelie@example.com", goodPassword)
	for _, token := range []string{signedIn.id, signedIn.access} {
		if got := fmt.Sprint(claimsOf(t, token)["cognito:groups"]); got != "[a]" {
			t.Errorf("groups %s", got)
		}
	}
}

func TestPreTokenIsBounded(t *testing.T) {
	var many []string
	for i := range 5001 {
		many = append(many, fmt.Sprintf(`"c%d":""`, i))
	}
	for name, details := range map[string]string{
		"5,001 claims":      `{"idTokenGeneration":{"claimsToAddOrOverride":{` + strings.Join(many, ",") + `}}}`,
		"a megabyte":        `{"accessTokenGeneration":{"claimsToAddOrOverride":{"a":"` + strings.Repeat("x", 1<<20) + `"}}}`,
		"a scope of two":    `{"accessTokenGeneration":{"scopesToAdd":["a aws.cognito.signin.user.admin"]}}`,
		"an empty scope":    `{"accessTokenGeneration":{"scopesToAdd":[""]}}`,
		"a scope that is 1": `{"accessTokenGeneration":{"scopesToAdd":[1]}}`,
		"claims as a list":  `{"idTokenGeneration":{"claimsToAddOrOverride":["a"]}}`,
		"details as a text": `"x"`,
	} {
		t.Run(name, func(t *testing.T) {
			w := tokenPool(t, "V2_0")
			w.answering("2", `{"claimsAndScopeOverrideDetails":`+details+`}`)
			w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), "InvalidLambdaResponseException", "Unrecognizable lambda output")
		})
	}
}

func TestPreTokenSources(t *testing.T) {
	w := tokenPool(t, "V1_0")
	seen := on(w, "PreTokenGeneration", yes[preTokenV1])
	last := func(want string, metadata map[string]string) {
		t.Helper()
		if e := (*seen)[len(*seen)-1]; e.TriggerSource != "TokenGeneration_"+want || !reflect.DeepEqual(e.Request.ClientMetadata, metadata) {
			t.Errorf("got %+v, want %s %v", e, want, metadata)
		}
	}
	signedIn := w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("amelie@example.com", goodPassword), obj{"ClientMetadata": obj{"k": "v"}})))
	last("Authentication", nil)
	for _, flow := range []string{"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"} {
		w.do("InitiateAuth", obj{"ClientId": w.client("web"), "AuthFlow": flow, "AuthParameters": obj{"REFRESH_TOKEN": signedIn.refresh}})
		last("RefreshTokens", nil)
	}
	w.do("AdminSetUserPassword", with(w.user("amelie@example.com"), obj{"Password": "T3mporary!"}))
	challenge := w.do("InitiateAuth", w.passwordAuth("amelie@example.com", "T3mporary!"))
	if len(*seen) != 3 {
		t.Errorf("%d calls", len(*seen))
	}
	w.do("RespondToAuthChallenge", obj{"ClientId": w.client("web"), "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"],
		"ClientMetadata": obj{"k": "v"}, "ChallengeResponses": obj{"USERNAME": "amelie@example.com", "NEW_PASSWORD": goodPassword}})
	last("NewPasswordChallenge", words("k", "v"))
}

// TestTokensShowWhatTriggersDid: a function that updates the user finds it in
// the tokens.
func TestTokensShowWhatTriggersDid(t *testing.T) {
	for _, name := range []string{"PostAuthentication", "PreTokenGeneration"} {
		w := newWorld(t, triggered(name))
		w.existing("amelie@example.com")
		w.function(name, func(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
			err := w.svc.Call(ctx, "AdminUpdateUserAttributes", with(w.user("amelie@example.com"), obj{"UserAttributes": attrs("nickname", name)}), nil)
			if err != nil {
				t.Error(err)
			}
			return event, "", nil
		})
		if got := claimsOf(t, w.signIn("amelie@example.com", goodPassword).id)["nickname"]; got != name {
			t.Errorf("%s: nickname %v", name, got)
		}
	}
}

// TestEmbeddedSignInRunsTriggers: tokens for a program that embeds the stage
// are those of a sign-in.
func TestEmbeddedSignInRunsTriggers(t *testing.T) {
	p := triggered("PreAuthentication", "PostAuthentication", "PreTokenGeneration")
	w := newWorld(t, p)
	w.existing("amelie@example.com")
	var order []string
	for _, name := range []string{"PreAuthentication", "PostAuthentication", "PreTokenGeneration"} {
		w.function(name, func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
			order = append(order, name)
			return event, "", nil
		})
	}
	if _, err := w.svc.Pool("UserPool").Client("web").SignIn(t.Context(), "amelie@example.com"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{"PreAuthentication", "PostAuthentication", "PreTokenGeneration"}) {
		t.Errorf("got %v", order)
	}
}

// TestProtectedClaims: "You can't modify the following claims", nor in the
// access token those that say whose it is.
func TestProtectedClaims(t *testing.T) {
	both := strings.Fields(`acr amr at_hash auth_time azp cognito:username exp iat identities iss jti nbf nonce origin_jti sub token_use aud
		cognito:groups cognito:roles cognito:preferred_role`)
	access := append(strings.Fields("client_id event_id device_key username version scope"), both...)
	w := tokenPool(t, "V2_0")
	w.answering("2", `{"claimsAndScopeOverrideDetails":{}}`)
	before := w.signIn("amelie@example.com", goodPassword)
	suppress := false
	on(w, "PreTokenGeneration", func(e *preTokenV2) error {
		d := &e.Response.ClaimsAndScopeOverrideDetails
		d.GroupOverrideDetails.GroupsToOverride = []string{"editors"}
		if suppress {
			d.IDTokenGeneration.ClaimsToSuppress = both[:17] // groups may be suppressed
			d.AccessTokenGeneration.ClaimsToSuppress = access[:23]
			return nil
		}
		d.IDTokenGeneration.ClaimsToAddOrOverride, d.AccessTokenGeneration.ClaimsToAddOrOverride = obj{}, obj{}
		for _, name := range both {
			d.IDTokenGeneration.ClaimsToAddOrOverride[name] = "forged"
		}
		for _, name := range access {
			d.AccessTokenGeneration.ClaimsToAddOrOverride[name] = "forged"
		}
		return nil
	})
	for _, suppress = range []bool{false, true} {
		after := w.signIn("amelie@example.com", goodPassword)
		for token, pair := range map[string][2]obj{
			"ID": {claimsOf(t, before.id), claimsOf(t, after.id)}, "access": {claimsOf(t, before.access), claimsOf(t, after.access)},
		} {
			for name, value := range pair[1] {
				if value == "forged" {
					t.Errorf("%s of the %s token was forged", name, token)
				}
			}
			for name := range pair[0] {
				if pair[1][name] == nil {
					t.Errorf("%s of the %s token was suppressed", name, token)
				}
			}
		}
	}
}

// TestGroupsReachTheFunction: it is told the user's groups, and can take them.
func TestGroupsReachTheFunction(t *testing.T) {
	w := tokenPool(t, "V1_0")
	w.do("CreateGroup", obj{"UserPoolId": w.pool(), "GroupName": "riders"})
	w.do("AdminAddUserToGroup", with(w.user("amelie@example.com"), obj{"GroupName": "riders"}))
	seen := on(w, "PreTokenGeneration", func(e *preTokenV1) error {
		e.Response.ClaimsOverrideDetails.GroupOverrideDetails.GroupsToOverride = nil
		return nil
	})
	signedIn := w.signIn("amelie@example.com", goodPassword)
	if got := (*seen)[0].Request.GroupConfiguration.GroupsToOverride; !slices.Equal(got, []string{"riders"}) {
		t.Errorf("the event has the groups %v", got)
	}
	if claimsOf(t, signedIn.id)["cognito:groups"] != nil || claimsOf(t, signedIn.access)["cognito:groups"] != nil {
		t.Error("the tokens have groups")
	}
	w.answering("1", `{"claimsOverrideDetails":{"claimsToSuppress":["email"]}}`)
	if got := fmt.Sprint(claimsOf(t, w.signIn("amelie@example.com", goodPassword).access)["cognito:groups"]); got != "[riders]" {
		t.Errorf("groups that are left out become %s", got)
	}
}
