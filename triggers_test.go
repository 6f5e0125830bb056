package doorwright_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// triggersApp is the Auth construct's declaration of triggers, with two more.
var triggersApp = map[string]string{
	"doorwright.yaml": `name: app
userPools:
  Users:
    selfSignUp: true
    signInAliases: [email]
    clients: {web: {authFlows: [userPassword]}}
    triggers:
      preSignUp: src/preSignUp.main
      preAuthentication: src/preAuthentication.main
      postAuthentication: src/postAuthentication.main
      preTokenGeneration: {handler: src/preToken.main, version: V2_0, environment: {PLAN: "${stage}-plan"}}
outputs: {Client: "${userPools.Users.clients.web.id}"}
`,
	"src/preSignUp.js":          "export const main = async (event) => { event.response.autoConfirmUser = true; return event; };\n",
	"src/preAuthentication.mjs": "export const main = async (event) => { if (event.request.userAttributes.email.endsWith('@blocked.example')) throw new Error('Not from there'); return event; };\n",
	"src/postAuthentication.ts": "export const main = async (event: any) => { console.log('signed in: ' + event.request.userAttributes.email); return event; };\n",
	"src/preToken.js": "export const main = async (event) => { event.response = { claimsAndScopeOverrideDetails: { accessTokenGeneration: {" +
		" claimsToAddOrOverride: { plan: process.env.PLAN }, scopesToAdd: ['notes/read'] } } }; return event; };\n",
}

// TestTriggersEndToEnd signs users up and in through functions in Node.
func TestTriggersEndToEnd(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is required and is not on the PATH")
		}
		t.Skip("node is not on the PATH")
	}
	dir := t.TempDir()
	for name, text := range triggersApp {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, doorwright.Config{Dir: dir})
	for _, name := range []string{"amelie@example.com", "mallory@blocked.example"} {
		status, body := r.pool("SignUp", map[string]any{"ClientId": r.output("Client"), "Username": name, "Password": "Passw0rd!"})
		if status != 200 || !strings.Contains(body, `"UserConfirmed":true`) {
			t.Fatalf("SignUp: %d %s", status, body)
		}
	}
	signIn := func(name string) (int, string) {
		return r.pool("InitiateAuth", map[string]any{"ClientId": r.output("Client"), "AuthFlow": "USER_PASSWORD_AUTH",
			"AuthParameters": map[string]string{"USERNAME": name, "PASSWORD": "Passw0rd!"}})
	}

	status, body := signIn("mallory@blocked.example")
	if want := `{"__type":"UserLambdaValidationException","message":"PreAuthentication failed with error Not from there."}`; status != 400 || body != want {
		t.Errorf("got %d %s", status, body)
	}
	if want := "InitiateAuth Users mallory@blocked.example: UserLambdaValidationException " +
		"(trigger PreAuthentication_Authentication, function src/preAuthentication.main: it threw: Not from there)"; !strings.Contains(r.text(doorwright.KindPool), want) {
		t.Errorf("the terminal does not say %q:\n%s", want, r.text(doorwright.KindPool))
	}

	// So is who asks for a token with the stage's keys.
	_, err := doorwright.ReadToken(t.Context(), dir, "dev", doorwright.TokenQuery{User: "mallory@blocked.example"})
	var fix interface{ Hint() string }
	if want := "function src/preAuthentication.main: it threw: Not from there"; !errors.As(err, &fix) || !strings.Contains(fix.Hint(), want) {
		t.Errorf("no word of %q: %v", want, err)
	}

	if status, body = signIn("amelie@example.com"); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	var out struct {
		AuthenticationResult struct{ AccessToken string }
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(out.AuthenticationResult.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"plan":"dev-plan"`, `"scope":"aws.cognito.signin.user.admin notes/read"`} {
		if !strings.Contains(string(payload), want) {
			t.Errorf("the access token has %s, not %s", payload, want)
		}
	}
	if got := r.text(doorwright.KindFunction); !strings.Contains(got, "signed in: amelie@example.com") || strings.Contains(got, "signed in: mallory") {
		t.Errorf("postAuthentication logged:\n%s", got)
	}
}

// pool sends an operation that needs no signature.
func (r *running) pool(operation string, in any) (int, string) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint, strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}
