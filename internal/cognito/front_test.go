package cognito_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
)

// unsignedInModel lists the operations without a signature in the service's
// model of 2016-04-18 (botocore 1.43.11), and the two that newer models add.
const unsignedInModel = `AssociateSoftwareToken ChangePassword CompleteWebAuthnRegistration ConfirmDevice ConfirmForgotPassword
	ConfirmSignUp DeleteUser DeleteUserAttributes DeleteWebAuthnCredential ForgetDevice ForgotPassword GetDevice
	GetTokensFromRefreshToken GetUser GetUserAttributeVerificationCode GetUserAuthFactors GlobalSignOut InitiateAuth ListDevices
	ListWebAuthnCredentials ResendConfirmationCode RespondToAuthChallenge RevokeToken SetUserMFAPreference SetUserSettings SignUp
	StartWebAuthnRegistration UpdateAuthEventFeedback UpdateDeviceStatus UpdateUserAttributes VerifySoftwareToken
	VerifyUserAttribute ListUserSessions RevokeUserSession`

func TestOperationsAreTheModels(t *testing.T) {
	unsigned := strings.Fields(unsignedInModel)
	rows := cognito.Operations()
	if len(rows) != 122+18 {
		t.Errorf("%d operations, want the 122 of botocore 1.43.11 and the 18 that came since", len(rows))
	}
	emulated, found := 0, 0
	for i, row := range rows {
		if i > 0 && rows[i-1].Name >= row.Name {
			t.Errorf("%s comes after %s", row.Name, rows[i-1].Name)
		}
		if row.Status == "emulated" {
			emulated++
		}
		isUnsigned := row.Auth != "signed"
		if isUnsigned {
			found++
		}
		if isUnsigned != slices.Contains(unsigned, row.Name) {
			t.Errorf("%s: who may call is %q", row.Name, row.Auth)
		}
		if want := "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_" + row.Name + ".html"; cognito.DocOf(row.Name) != want {
			t.Errorf("%s: %s", row.Name, cognito.DocOf(row.Name))
		}
	}
	if emulated != 80 || found != len(unsigned) {
		t.Errorf("%d emulated, %d unsigned", emulated, found)
	}
}

// ofNoPool are the operations that AWS decides on with "*": their model names no pool
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html).
var ofNoPool = map[string]bool{"CreateUserPool": true, "ListUserPools": true, "DescribeUserPoolDomain": true}

// Every signed operation, emulated or not, is refused without a signature and
// to anybody but root; no unsigned one asks for a signature.
func TestWhoMayCall(t *testing.T) {
	w := newWorld(t, emailPool())
	arn := "arn:aws:cognito-idp:us-east-1:000000000000:userpool/" + w.pool()
	body := `{"UserPoolId":"` + w.pool() + `","ResourceArn":"` + arn + `"}`
	unsupported := func(operation string, a answer) {
		t.Helper()
		w.checkRefusal(operation, a, 400, "UnsupportedOperationException", operation+" is an operation of Amazon Cognito that Doorwright does not emulate.")
		if got := w.events[len(w.events)-1].String(); got != operation+": UnsupportedOperationException (not emulated; see COMPAT.md)" {
			t.Errorf("log line %q", got)
		}
	}
	for _, row := range cognito.Operations() {
		call := func(authorization string) answer {
			return w.request("POST", "/", target+row.Name, authorization, "application/x-amz-json-1.1", body)
		}
		none, rider := call(""), call("rider")
		if row.Auth != "signed" {
			for _, a := range []answer{none, rider} {
				if a.status != 400 || strings.Contains(a.body, "AccessDenied") || strings.Contains(a.body, "MissingAuthentication") {
					t.Errorf("%s: %d %s", row.Name, a.status, a.body)
				}
			}
			if row.Status == "refused" {
				unsupported(row.Name, none)
			}
			continue
		}
		w.checkRefusal(row.Name, none, 403, "MissingAuthenticationTokenException", "Missing Authentication Token")
		action, arn := "cognito-idp:"+row.Name, arn
		if ofNoPool[row.Name] {
			arn = "*"
		}
		w.checkRefusal(row.Name, rider, 400, "AccessDeniedException",
			"User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: "+action+" on resource: "+arn+
				" because no identity-based policy allows the "+action+" action")
		if row.Status == "refused" {
			unsupported(row.Name, call("root"))
		}
	}
	a := w.request("POST", "/", target+"ListUserPools", "rider", "application/x-amz-json-1.1", `{"MaxResults":1}`)
	if !strings.Contains(a.body, "on resource: * because") {
		t.Errorf("ListUserPools: %s", a.body)
	}
}

// TestPermittedOperations: who may do an operation with one pool may do that one, with
// that pool.
func TestPermittedOperations(t *testing.T) {
	w := newWorld(t, emailPool(), cognito.PoolConfig{Name: "Other"})
	w.may = map[string]bool{"cognito-idp:ListUsers arn:aws:cognito-idp:us-east-1:000000000000:userpool/" + w.pool(): true}
	other := w.svc.Pool("Other").ID()
	for _, row := range []struct {
		operation, pool string
		status          int
	}{{"ListUsers", w.pool(), 200}, {"ListUsers", other, 400}, {"ListGroups", w.pool(), 400}, {"ListUsers", "", 400}} {
		a := w.request("POST", "/", target+row.operation, "rider", "application/x-amz-json-1.1", `{"UserPoolId":"`+row.pool+`"}`)
		if a.status != row.status || (a.status == 400) != strings.Contains(a.body, "is not authorized to perform: cognito-idp:"+row.operation) {
			t.Errorf("%s of %q: %d %s", row.operation, row.pool, a.status, a.body)
		}
	}
	// The other's pool, beside what names one that is permitted.
	arn := "arn:aws:cognito-idp:us-east-1:000000000000:userpool/"
	w.may["cognito-idp:ListTagsForResource "+arn+w.pool()] = true
	for operation, body := range map[string]string{
		"ListUsers":           `{"UserPoolId":"` + other + `","ResourceArn":"` + arn + w.pool() + `"}`,
		"ListTagsForResource": `{"UserPoolId":"` + w.pool() + `","ResourceArn":"` + arn + other + `"}`,
	} {
		action := "cognito-idp:" + operation
		w.checkRefusal(operation, w.request("POST", "/", target+operation, "rider", "application/x-amz-json-1.1", body), 400, "AccessDeniedException",
			"User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: "+action+" on resource: "+arn+other+
				" because no identity-based policy allows the "+action+" action")
	}
}

// TestPermissionsForOnePool: who may do everything with one pool may not make another, or
// see which there are, by naming it where the operation has no place for it.
func TestPermissionsForOnePool(t *testing.T) {
	w := newWorld(t, emailPool())
	w.may = map[string]bool{}
	for operation := range ofNoPool {
		w.may["cognito-idp:"+operation+" arn:aws:cognito-idp:us-east-1:000000000000:userpool/"+w.pool()] = true
	}
	for operation, members := range map[string]string{"CreateUserPool": `"PoolName":"Mine"`, "ListUserPools": `"MaxResults":1`, "DescribeUserPoolDomain": `"Domain":"x"`} {
		action := "cognito-idp:" + operation
		w.checkRefusal(operation, w.request("POST", "/", target+operation, "rider", "application/x-amz-json-1.1", `{"UserPoolId":"`+w.pool()+`",`+members+`}`), 400, "AccessDeniedException",
			"User: arn:aws:sts::000000000000:assumed-role/rider/s is not authorized to perform: "+action+" on resource: * because no identity-based policy allows the "+action+" action")
	}
}

// A stale or foreign signature on an unsigned operation is ignored.
func TestUnsignedIgnoresSignatures(t *testing.T) {
	w := newWorld(t, emailPool())
	body := `{"ClientId":"` + w.client("web") + `","Username":"a@example.com","Password":"Passw0rd!"}`
	if a := w.request("POST", "/", target+"SignUp", "AWS4-HMAC-SHA256 nonsense", "application/x-amz-json-1.1; charset=utf-8", body); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestFrontRefusals(t *testing.T) {
	w := newWorld(t, emailPool())
	const ct = "application/x-amz-json-1.1"
	for _, tt := range []struct {
		name, method, target, contentType, body string
		status                                  int
		code, message                           string
	}{
		{"unknown operation", "POST", target + "MakeCoffee", ct, "{}", 400, "UnknownOperationException", ""},
		{"another service", "POST", "DynamoDB_20120810.GetItem", ct, "{}", 400, "UnknownOperationException", ""},
		{"no target", "POST", "", ct, "{}", 400, "UnknownOperationException", ""},
		{"content type", "POST", target + "SignUp", "application/json", "{}", 400, "UnknownOperationException", ""},
		{"method", "GET", target + "SignUp", ct, "", 405, "UnknownOperationException", ""},
		{"no body", "POST", target + "SignUp", ct, "", 400, "SerializationException", "Request body is not valid JSON"},
		{"not JSON", "POST", target + "SignUp", ct, "{", 400, "SerializationException", "Request body is not valid JSON"},
		{"list", "POST", target + "SignUp", ct, "[]", 400, "SerializationException", "Start of list found where not expected"},
		{"duplicate", "POST", target + "SignUp", ct, `{"ClientId":"a","ClientId":"b"}`, 400, "SerializationException", "Request body is not valid JSON"},
		{"trailing", "POST", target + "SignUp", ct, `{} {}`, 400, "SerializationException", "Request body holds more than one JSON value"},
		{"type", "POST", target + "SignUp", ct, `{"ClientId":7}`, 400, "SerializationException", "NUMBER_VALUE can not be converted to a String"},
		{"too large", "POST", target + "SignUp", ct, `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "RequestEntityTooLargeException", "Request body is larger than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.checkRefusal(tt.name, w.request(tt.method, "/", tt.target, "", tt.contentType, tt.body), tt.status, tt.code, tt.message)
		})
	}
}

// What Amplify and amazon-cognito-identity-js send: null for absent, members
// that are not known here.
func TestLenientWhereClientsNeedIt(t *testing.T) {
	w := newWorld(t, emailPool())
	a := w.request("POST", "/", target+"SignUp", "", "application/x-amz-json-1.1",
		`{"ClientId":"`+w.client("web")+`","Username":"a@example.com","Password":"Passw0rd!","UserAttributes":[],"ValidationData":null,"SecretHash":null,"ClientMetadata":{},"NewIn2030":{"x":[1]}}`)
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestBrowsers(t *testing.T) {
	w := newWorld(t, emailPool())
	r, _ := http.NewRequest("OPTIONS", w.server.URL+"/", nil)
	r.Header.Set("Origin", "http://localhost:3000")
	r.Header.Set("Access-Control-Request-Method", "POST")
	r.Header.Set("Access-Control-Request-Headers", "content-type,x-amz-target,x-mine")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	const expose = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type,x-amz-target,x-mine",
		"Access-Control-Expose-Headers": expose, "Access-Control-Max-Age": "172800", "Content-Length": "0",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("preflight %s: %q, want %q", name, got, want)
		}
	}
	if res.StatusCode != 200 || !uuidForm.MatchString(res.Header.Get("x-amzn-RequestId")) {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
	for _, a := range []answer{w.send("ListUserPools", obj{"MaxResults": 1}), w.send("SignUp", obj{})} {
		if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Expose-Headers") != expose {
			t.Errorf("%d: %v", a.status, a.header)
		}
		if got := a.header.Get("Date"); got != w.clock().Format(http.TimeFormat) {
			t.Errorf("Date is %q", got)
		}
	}
}

// A caller cannot write headers by what it sends.
func TestMessagesCannotInjectHeaders(t *testing.T) {
	w := newWorld(t, emailPool())
	a := w.send("SignUp", obj{"ClientId": w.client("web"), "Username": "a@example.com", "Password": goodPassword,
		"UserAttributes": attrs("x\r\nSet-Cookie: a=b", "v")})
	if a.status != 400 || a.header.Get("Set-Cookie") != "" || strings.ContainsAny(a.header.Get("x-amzn-ErrorMessage"), "\r\n") {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestCallInProcess(t *testing.T) {
	w := newWorld(t, emailPool())
	ctx := context.Background()
	var created struct{ User struct{ Username string } }
	err := w.svc.Call(ctx, "AdminCreateUser", obj{"UserPoolId": w.pool(), "Username": "a@example.com", "MessageAction": "SUPPRESS"}, &created)
	if err != nil || !uuidForm.MatchString(created.User.Username) {
		t.Fatalf("%+v %v", created, err)
	}
	in := struct {
		UserPoolId, Username, Password string
		Permanent                      bool
	}{w.pool(), "a@example.com", goodPassword, true}
	if err := w.svc.Call(ctx, "AdminSetUserPassword", in, nil); err != nil {
		t.Fatal(err)
	}
	var out struct{ AuthenticationResult struct{ IdToken string } }
	if err := w.svc.Call(ctx, "InitiateAuth", w.passwordAuth("a@example.com", goodPassword), &out); err != nil || out.AuthenticationResult.IdToken == "" {
		t.Errorf("%+v %v", out, err)
	}
	var refusal *aws.Error
	if err := w.svc.Call(ctx, "AdminDeleteUser", w.user("nobody@example.com"), nil); !errors.As(err, &refusal) || refusal.Code != "UserNotFoundException" {
		t.Errorf("%v", err)
	}
	if err := w.svc.Call(ctx, "MakeCoffee", obj{}, nil); !errors.As(err, &refusal) || refusal.Code != "UnknownOperationException" {
		t.Errorf("%v", err)
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := cognito.New(cognito.Config{IssuerBase: "http://localhost:4566/", Pools: []cognito.PoolConfig{
		{Name: "a", UsernameAttributes: []string{"name"}, AliasAttributes: []string{"email"}, PasswordPolicy: &cognito.PasswordPolicy{MinimumLength: 5},
			Schema:  []cognito.SchemaAttribute{{Name: "role"}, {Name: "custom:x", Required: true}},
			Clients: []cognito.ClientConfig{{Name: "c", ExplicitAuthFlows: []string{"PASSWORD", "ALLOW_USER_SRP_AUTH"}, AccessTokenValidity: 1}, {Name: "c"}}},
		{Name: "a"},
	}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Region is required", "AccountID is required", "DB is required", "Mailbox is required", "Authenticate is required", "IssuerBase",
		`pool "a" is declared twice`, "exclude each other", `"name" is not one of email, phone_number`, "MinimumLength is 5",
		`"role" is neither`, `custom attributes cannot be required`, `client "c" is declared twice`, `"PASSWORD" is not one of`, "cannot be mixed",
		"AccessTokenValidity is 1ns, not 5m0s to 24h0m0s",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

// FuzzDispatch holds that no request makes the front fail: the answer is
// always JSON with a known status, or empty.
func FuzzDispatch(f *testing.F) {
	w := newWorld(f, emailPool())
	w.cfg.Log = nil
	w.confirmed("a@example.com")
	for _, row := range cognito.Operations() {
		f.Add(row.Name, `{}`)
	}
	f.Add("SignUp", `{"ClientId":"`+w.client("web")+`","Username":"b@example.com","Password":"Passw0rd!","UserAttributes":[{"Name":"name","Value":"\u0000"}]}`)
	f.Add("ListUsers", `{"UserPoolId":"`+w.pool()+`","Filter":"name ^= \"\\\\\"","Limit":1e3}`)
	f.Add("InitiateAuth", `{"ClientId":"`+w.client("web")+`","AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"a@example.com","PASSWORD":""}}`)
	f.Add("GetUser", `{"AccessToken":"e30.e30.e30"}`)
	f.Add("InitiateAuth", `{"AuthParameters":[[[[[[[]]]]]]]}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header["X-Amz-Target"] = []string{target + operation}
		r.Header.Set("Authorization", "root")
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		rec := httptest.NewRecorder()
		w.svc.ServeHTTP(rec, r)
		if rec.Code != 200 && rec.Code != 400 {
			t.Fatalf("%s %q: %d %s", operation, body, rec.Code, rec.Body)
		}
		if rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
			t.Fatalf("%s %q: %s is no JSON", operation, body, rec.Body)
		}
	})
}
