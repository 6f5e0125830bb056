package doorwright_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

// explained gives the explanation of an answer by the id in its head, holds that a
// refusal names the deciding statement if there is one, and that no secret is in it.
func explained(t *testing.T, r *running, res *http.Response, secrets ...string) *explain.Explanation {
	t.Helper()
	id := ""
	for _, name := range []string{"x-amzn-RequestId", "x-amz-request-id", "apigw-requestid", "x-auth0-requestid", "x-amz-cognito-request-id"} {
		if id == "" {
			id = res.Header.Get(name)
		}
	}
	x, ok := r.Explain(id)
	if id == "" || !ok {
		t.Fatalf("the request %q has no explanation: %v", id, res.Header)
	}
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(text), secret) || strings.Contains(x.Text(), secret) {
			t.Errorf("a secret is in the explanation: %s\n%s", secret, text)
		}
	}
	if regexp.MustCompile(`[\x00-\x09\x0b-\x1f]`).MatchString(x.Text()) {
		t.Errorf("a control character is in %q", x.Text())
	}
	if x.Verdict == "" || len(x.Steps) == 0 {
		t.Errorf("nothing is told: %s", text)
	}
	return x
}

// change finds the first change of a kind that is advised.
func change(t *testing.T, x *explain.Explanation, where authorizer.Where) authorizer.Change {
	t.Helper()
	for _, a := range x.Advice {
		if a.Change != nil && a.Change.Where == where {
			return *a.Change
		}
	}
	t.Fatalf("there is no advice about the %s:\n%s", where, x.Text())
	return authorizer.Change{}
}

var index = regexp.MustCompile(`^(.*)\[(\d+)\]$`)

// declareAlso makes a change that was advised to the declaration of dir.
func declareAlso(t *testing.T, dir string, c authorizer.Change) {
	t.Helper()
	file := filepath.Join(dir, "doorwright.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(c.Value), &value); err != nil {
		t.Fatalf("%q: %v", c.Value, err)
	}
	keys := strings.Split(c.Name, ".")
	at := doc
	for _, key := range keys[:len(keys)-1] {
		next, ok := at[key].(map[string]any)
		if text, isText := at[key].(string); isText { // a handler or a URL alone
			next, ok = map[string]any{"function": text}, true
		}
		if !ok {
			next = map[string]any{}
		}
		at[key] = next
		at = next
	}
	last := keys[len(keys)-1]
	switch m := index.FindStringSubmatch(last); {
	case m != nil && c.Value == "":
		i, _ := strconv.Atoi(m[2])
		list := at[m[1]].([]any)
		at[m[1]] = append(list[:i:i], list[i+1:]...)
	default:
		if list, ok := at[last].([]any); ok {
			at[last] = append(list, value)
		} else if strings.HasSuffix(last, "ermissions") || last == "authenticated" || last == "unauthenticated" {
			at[last] = []any{value}
		} else {
			at[last] = value
		}
	}
	if text, err = yaml.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// again starts the app anew, as its declaration now is.
func again(t *testing.T, r *running, dir string) *running {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	return run(t, doorwright.Config{Dir: dir, AnyPort: true})
}

// notesApp is the walk-through's declaration, with its own permissions, an upstream in
// the place of its functions, and an engine that has every item.
func notesApp(t *testing.T) (dir string) {
	t.Helper()
	text, err := os.ReadFile("examples/notes/doorwright.yaml")
	if err != nil {
		t.Fatal(err)
	}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
		case "DescribeTable":
			http.Error(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`, http.StatusBadRequest)
		default:
			w.Write([]byte(`{}`))
		}
	}))
	t.Cleanup(engine.Close)
	whole := string(text)
	from, to := strings.Index(whole, "    triggers:"), strings.Index(whole, "identityPools:")
	whole = whole[:from] + whole[to:]
	whole = strings.Replace(whole, "  Notes:\n", fmt.Sprintf("  Notes:\n    engine: %q\n", engine.URL), 1)
	from, to = strings.Index(whole, "      function: {environment"), strings.Index(whole, "outputs:")
	whole = whole[:from] + fmt.Sprintf("    routes:\n      GET /notes: {url: %q, authorizer: iam}\n      GET /closed: {url: %q}\n", hello(t).URL, hello(t).URL) + whole[to:]
	return declare(t, whole)
}

// notesKeys gives a user's identity and its credentials.
func notesKeys(t *testing.T, r *running) (id string, keys sigv4.Credentials, token string) {
	t.Helper()
	tokens, err := r.Token(t.Context(), doorwright.TokenRequest{User: "rider@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	provider := "cognito-idp." + r.Environment().Region + ".amazonaws.com/" + r.output("UserPoolId")
	id, keys = identityKeys(t, r, r.output("IdentityPoolId"), map[string]any{provider: tokens.ID})
	return id, keys, tokens.ID
}

func getItem(t *testing.T, r *running, keys sigv4.Credentials, user string) *http.Response {
	t.Helper()
	body := `{"TableName":"` + r.output("TableName") + `","Key":{"userId":{"S":"` + user + `"},"noteId":{"S":"1"}}}`
	req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
	sigv4.Sign(req, []byte(body), keys, "dynamodb", r.Environment().Region, time.Now())
	res, _ := do(t, req)
	return res
}

func putObject(t *testing.T, r *running, keys sigv4.Credentials, key string, tamper bool) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, r.Environment().Endpoint+"/"+r.output("BucketName")+"/"+key, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	sigv4.Signer{Service: "s3", Region: r.Environment().Region, S3: true}.Sign(req, []byte("x"), keys, time.Now())
	if tamper {
		req.Header.Set("Authorization", req.Header.Get("Authorization")[:len(req.Header.Get("Authorization"))-4]+"0000")
	}
	res, _ := do(t, req)
	return res
}

// deciding gives the statements of a step that refused.
func deciding(t *testing.T, x *explain.Explanation, action string) (explain.Step, *iam.Considered) {
	t.Helper()
	for _, s := range x.Steps {
		if s.Kind == explain.KindPermissions && s.Name == action {
			for i := range s.Statements {
				if s.Statements[i].Deciding {
					return s, &s.Statements[i]
				}
			}
			return s, nil
		}
	}
	t.Fatalf("no step is about %s:\n%s", action, x.Text())
	return explain.Step{}, nil
}

// TestExplainTables: who asks for another's item reads which statement it is, what it
// wants of the key, and where it stands; with the key that is advised the item comes.
func TestExplainTables(t *testing.T) {
	dir := notesApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	id, keys, token := notesKeys(t, r)
	secrets := []string{keys.SecretAccessKey, keys.SessionToken, token}
	res := getItem(t, r, keys, "us-east-1:another")
	if res.StatusCode != 400 {
		t.Fatal(res.Status)
	}
	x := explained(t, r, res, secrets...)
	text, err := os.ReadFile(filepath.Join(dir, "doorwright.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Count(string(text)[:strings.Index(string(text), `- actions: ["dynamodb:GetItem"`)], "\n") + 1
	want := fmt.Sprintf(`AccessDeniedException: statement 2 of identityPools.Auth.permissions.authenticated (doorwright.yaml:%d) does not allow dynamodb:GetItem `+
		`because dynamodb:LeadingKeys has to be %q, and the item's key is "us-east-1:another"`, line, id)
	if x.Verdict != want {
		t.Errorf("%s, want\n%s", x.Verdict, want)
	}
	step, decided := deciding(t, x, "dynamodb:GetItem")
	if decided != nil || len(step.Statements) != 3 || step.Outcome != explain.Refused {
		t.Errorf("%+v", step)
	}
	if c := step.Statements[1].Conditions; len(c) != 1 || c[0].Match || c[0].Want[0] != id || c[0].Got[0] != "us-east-1:another" {
		t.Errorf("%+v", c)
	}
	if i := slices.IndexFunc(x.Steps, func(s explain.Step) bool { return s.Name == "dynamodb:GetItem" && s.Outcome == explain.Noted }); i < 0 ||
		x.Steps[i].Text != `Notes, the items of "us-east-1:another", the attributes "noteId", "userId"` {
		t.Error(x.Text())
	}
	c := change(t, x, authorizer.InRequest)
	if c.Name != "dynamodb:LeadingKeys" {
		t.Errorf("%+v", c)
	}
	res = getItem(t, r, keys, c.Value)
	if res.StatusCode != 200 {
		t.Fatalf("with the key that was advised: %s", res.Status)
	}
	x = explained(t, r, res, secrets...)
	if _, decided := deciding(t, x, "dynamodb:GetItem"); !x.Allowed || decided == nil || decided.Statement != "statement 2" || decided.Path != "identityPools.Auth.permissions.authenticated[1]" {
		t.Errorf("%+v", x)
	}
}

// TestExplainBuckets: no statement allows it, and the line that is advised does; what
// was signed otherwise is told of without what was signed.
func TestExplainBuckets(t *testing.T) {
	dir := notesApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	id, keys, token := notesKeys(t, r)
	secrets := []string{keys.SecretAccessKey, keys.SessionToken, token}
	res := putObject(t, r, keys, "public/x", false)
	if res.StatusCode != 403 {
		t.Fatal(res.Status)
	}
	x := explained(t, r, res, secrets...)
	if want := "AccessDenied: no statement of the identity-based policy allows s3:PutObject on arn:aws:s3:::" + r.output("BucketName") + "/public/x"; x.Verdict != want {
		t.Errorf("%s, want %s", x.Verdict, want)
	}
	c := change(t, x, authorizer.InDeclaration)
	if want := (authorizer.Change{Where: authorizer.InDeclaration, Name: "identityPools.Auth.permissions.authenticated", Value: `{actions: ["s3:PutObject"], resources: ["Uploads/public/x"]}`}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if !strings.Contains(x.Text(), "add to identityPools.Auth.permissions.authenticated: "+c.Value) {
		t.Error(x.Text())
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	if res = putObject(t, r, keys, "public/x", false); res.StatusCode != 200 {
		t.Fatalf("with the line that was advised: %s", res.Status)
	}
	if x = explained(t, r, res, secrets...); !x.Allowed {
		t.Error(x.Text())
	}

	named := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl" // a token in the place of a name
	if x = explained(t, r, putObject(t, r, keys, "other/"+named+"/a", false), named, named[:20], named[len(named)-8:]); !strings.Contains(x.Text(), "/other/***/a") {
		t.Error(x.Text())
	}
	r.mu.Lock()
	for _, e := range r.events {
		if strings.Contains(e.Text, named[:20]) || strings.Contains(e.Text, named[len(named)-8:]) {
			t.Errorf("the terminal is told %s", e.Text)
		}
	}
	r.mu.Unlock()

	res = putObject(t, r, keys, "public/a%2Ab%24%3F", false) // which a pattern would read otherwise
	c = change(t, explained(t, r, res, secrets...), authorizer.InDeclaration)
	if want := `{actions: ["s3:PutObject"], resources: ["Uploads/public/a${*}b${$}${?}"]}`; c.Value != want {
		t.Errorf("%+v, want %s", c, want)
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	if res = putObject(t, r, keys, "public/a%2Ab%24%3F", false); res.StatusCode != 200 {
		t.Fatalf("with the line that was advised: %s", res.Status)
	}
	res, _ = do(t, get(t, r.Environment().Endpoint+"/"+r.output("BucketName")+"/public/x"))
	if x = explained(t, r, res); x.Verdict != "AccessDenied: the request is not signed" || change(t, x, authorizer.AtSigning).Name != "request" {
		t.Error(x.Text())
	}
	res = putObject(t, r, keys, "private/"+id+"/x", true)
	if res.StatusCode != 403 {
		t.Fatal(res.Status)
	}
	x = explained(t, r, res, secrets...)
	if s := x.Steps[0]; s.Kind != explain.KindSignature || s.Outcome != explain.Refused || len(s.Facts) == 0 || !strings.HasPrefix(x.Verdict, "SignatureDoesNotMatch: ") {
		t.Errorf("%s", x.Text())
	}
	if c := change(t, x, authorizer.AtSigning); c.Name != "request" {
		t.Errorf("%+v", c)
	}
	if res = putObject(t, r, keys, "private/"+id+"/x", false); res.StatusCode != 200 {
		t.Fatalf("signed as was advised: %s", res.Status)
	}
	link := get(t, r.Environment().Endpoint+"/"+r.output("BucketName")+"/private/"+id+"/x")
	signed, err := sigv4.Signer{Service: "s3", Region: r.Environment().Region, S3: true}.Presign(link, nil, keys, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	res, _ = do(t, get(t, signed.String()))
	if x = explained(t, r, res, append(secrets, signed.Query().Get("X-Amz-Signature"))...); !x.Allowed || !strings.HasPrefix(x.Steps[0].Text, "a presigned link, signed by arn:aws:sts::000000000000:assumed-role/dev-notes-Auth-authenticated/") {
		t.Error(x.Text())
	}
}

// TestExplainDenies: a Deny is named with its line, and deleting it lets the request in.
func TestExplainDenies(t *testing.T) {
	dir := declare(t, `name: app
userPools: {Users: {signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}}
buckets: {Uploads: {}}
identityPools:
  Auth:
    userPools: [Users]
    permissions:
      authenticated:
        - {actions: ["s3:*"], resources: ["Uploads/*"]}
        - {effect: Deny, actions: ["s3:PutObject"], resources: ["Uploads/public/*"], condition: {Bool: {"aws:SecureTransport": "true"}}}
outputs: {BucketName: "${buckets.Uploads.name}", IdentityPoolId: "${identityPools.Auth.id}", UserPoolId: "${userPools.Users.id}"}
`)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	_, keys, _ := notesKeys(t, r)
	x := explained(t, r, putObject(t, r, keys, "public/x", false), keys.SecretAccessKey, keys.SessionToken)
	if want := `AccessDenied: statement 2 of identityPools.Auth.permissions.authenticated (doorwright.yaml:10) denies s3:PutObject because aws:SecureTransport has to be "true": it is "true"`; x.Verdict != want {
		t.Errorf("%s, want %s", x.Verdict, want)
	}
	if _, decided := deciding(t, x, "s3:PutObject"); decided == nil || decided.Effect != "Deny" || decided.Position != "doorwright.yaml:10" {
		t.Errorf("%+v", decided)
	}
	c := change(t, x, authorizer.InDeclaration)
	if c.Name != "identityPools.Auth.permissions.authenticated[1]" || c.Value != "" {
		t.Errorf("%+v", c)
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	if res := putObject(t, r, keys, "public/x", false); res.StatusCode != 200 {
		t.Fatalf("without the statement: %s", res.Status)
	}
}

// TestExplainIdentityPools: a login of a pool that is not declared there, and a role that
// no group gives.
func TestExplainIdentityPools(t *testing.T) {
	dir := declare(t, `name: app
userPools:
  Users: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
  Strangers: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
identityPools:
  Auth:
    userPools: [Users]
    roleMappings: {Users: {type: token}}
outputs: {Id: "${identityPools.Auth.id}", Users: "${userPools.Users.providerName}", Strangers: "${userPools.Strangers.providerName}"}
`)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	login := func(pool string) (map[string]any, string) {
		tokens, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: pool, User: "rider@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{r.output(pool): tokens.ID}, tokens.ID
	}
	call := func(operation string, in map[string]any) (*http.Response, map[string]any) {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
		res, text := do(t, req)
		out := map[string]any{}
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return res, out
	}
	logins, token := login("Strangers")
	res, _ := call("GetId", map[string]any{"IdentityPoolId": r.output("Id"), "Logins": logins})
	x := explained(t, r, res, token)
	if want := "NotAuthorizedException: the pool takes no logins of Strangers"; x.Verdict != want {
		t.Errorf("%s, want %s", x.Verdict, want)
	}
	c := change(t, x, authorizer.InDeclaration)
	if want := (authorizer.Change{Where: authorizer.InDeclaration, Name: "identityPools.Auth.userPools", Value: "Strangers"}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	logins, _ = login("Strangers")
	if res, out := call("GetId", map[string]any{"IdentityPoolId": r.output("Id"), "Logins": logins}); res.StatusCode != 200 {
		t.Fatalf("with the pool that was advised: %s %v", res.Status, out)
	}

	logins, token = login("Users")
	_, out := call("GetId", map[string]any{"IdentityPoolId": r.output("Id"), "Logins": logins})
	res, _ = call("GetCredentialsForIdentity", map[string]any{"IdentityId": out["IdentityId"], "Logins": logins})
	x = explained(t, r, res, token)
	if want := "NotAuthorizedException: the role mapping has no role for it, and denies then"; x.Verdict != want {
		t.Errorf("%s, want %s", x.Verdict, want)
	}
	if i := slices.IndexFunc(x.Steps, func(s explain.Step) bool { return s.Kind == explain.KindRole }); i < 0 || x.Steps[i].Outcome != explain.Refused ||
		x.Steps[i].Text != "no role was chosen, by the groups in the token" || len(x.Steps[i].Facts) != 2 || x.Steps[i].Facts[1].Got != "nothing" {
		t.Errorf("%s", x.Text())
	}
	c = change(t, x, authorizer.InDeclaration)
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	logins, token = login("Users")
	res, out = call("GetCredentialsForIdentity", map[string]any{"IdentityId": out["IdentityId"], "Logins": logins})
	if res.StatusCode != 200 {
		t.Fatalf("with %+v: %s %v", c, res.Status, out)
	}
	secret, _ := out["Credentials"].(map[string]any)["SecretKey"].(string)
	x = explained(t, r, res, token, secret)
	_, trusted := deciding(t, x, "sts:AssumeRoleWithWebIdentity")
	if !x.Allowed || trusted == nil || trusted.Policy != "the trust policy of role dev-app-Auth-authenticated" {
		t.Errorf("%s", x.Text())
	}
}

// TestExplainUserPools: a function's role may not list users until the line that is
// advised says so.
func TestExplainUserPools(t *testing.T) {
	dir := functionApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	list := func(path string) *http.Response {
		t.Helper()
		keys := functionKeys(t, r, path)
		body := `{"UserPoolId":"` + r.output("Pool") + `"}`
		req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.ListUsers")
		sigv4.Sign(req, []byte(body), keys, "cognito-idp", r.Environment().Region, time.Now())
		res, _ := do(t, req)
		return res
	}
	x := explained(t, r, list("/env"))
	if !strings.HasPrefix(x.Verdict, "AccessDeniedException: no statement of the identity-based policy allows cognito-idp:ListUsers on arn:aws:cognito-idp:") {
		t.Error(x.Verdict)
	}
	c := change(t, x, authorizer.InDeclaration)
	if want := (authorizer.Change{Where: authorizer.InDeclaration, Name: "apis.Api.routes.GET /{proxy+}.permissions", Value: `{actions: ["cognito-idp:ListUsers"], resources: ["Users"]}`}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	res := list("/env")
	if res.StatusCode != 200 {
		t.Fatalf("with the line that was advised: %s", res.Status)
	}
	x = explained(t, r, res)
	if _, decided := deciding(t, x, "cognito-idp:ListUsers"); decided == nil || !strings.HasPrefix(decided.Path, "apis.Api.routes.GET /") {
		t.Errorf("%s", x.Text())
	}
}

// functionKeys gives the keys that a function has.
func functionKeys(t *testing.T, r *running, path string) (keys sigv4.Credentials) {
	t.Helper()
	status, body := ask(t, get(t, r.output("Url")+path))
	var env []string
	if err := json.Unmarshal([]byte(body), &env); err != nil {
		t.Fatalf("%d %s", status, body)
	}
	for _, e := range env {
		key, value, _ := strings.Cut(e, "=")
		switch key {
		case "AWS_ACCESS_KEY_ID":
			keys.AccessKeyID = value
		case "AWS_SECRET_ACCESS_KEY":
			keys.SecretAccessKey = value
		case "AWS_SESSION_TOKEN":
			keys.SessionToken = value
		}
	}
	return keys
}

// TestExplainSignedRoutes: an API's route with IAM authorization, by the API's own id.
func TestExplainSignedRoutes(t *testing.T) {
	dir := notesApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	_, keys, token := notesKeys(t, r)
	// The walk-through's users may call the whole API: one of them shall not.
	declareAlso(t, dir, authorizer.Change{Name: "identityPools.Auth.permissions.authenticated[0]"})
	r = again(t, r, dir)
	ask := func() *http.Response {
		t.Helper()
		req := get(t, strings.TrimSuffix(r.output("ApiEndpoint"), "/")+"/notes")
		sigv4.Sign(req, nil, keys, "execute-api", r.Environment().Region, time.Now())
		res, _ := do(t, req)
		return res
	}
	res := ask()
	if res.StatusCode != 403 {
		t.Fatal(res.Status)
	}
	x := explained(t, r, res, keys.SecretAccessKey, keys.SessionToken, token)
	c := change(t, x, authorizer.InDeclaration)
	if want := (authorizer.Change{Where: authorizer.InDeclaration, Name: "identityPools.Auth.permissions.authenticated", Value: `{actions: ["execute-api:Invoke"], resources: ["Api/GET/notes"]}`}); c != want {
		t.Errorf("%+v, want %+v\n%s", c, want, x.Text())
	}
	if line := r.text(doorwright.KindRequest); !strings.Contains(line, "(add to identityPools.Auth.permissions.authenticated: "+c.Value+")") {
		t.Errorf("the terminal says %s", line)
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	if res = ask(); res.StatusCode != 200 {
		t.Fatalf("with the line that was advised: %s", res.Status)
	}
	declareAlso(t, dir, authorizer.Change{Name: "identityPools.Auth.permissions.authenticated", Value: `{effect: Deny, actions: ["execute-api:*"], resources: [Api]}`})
	r = again(t, r, dir)
	x = explained(t, r, ask(), keys.SecretAccessKey, keys.SessionToken, token)
	if c = change(t, x, authorizer.InDeclaration); c.Name != "identityPools.Auth.permissions.authenticated[3]" || c.Value != "" {
		t.Errorf("%+v\n%s", c, x.Text())
	}
	declareAlso(t, dir, c)
	r = again(t, r, dir)
	if res = ask(); res.StatusCode != 200 {
		t.Fatalf("without the Deny: %s", res.Status)
	}
}

// TestExplainServicesInOneLine: what denies an operation of a service, and what would allow
// it, is in the terminal's line too, which says that there is an explanation. Of a bucket
// the caller may ask for another part.
func TestExplainServicesInOneLine(t *testing.T) {
	r := run(t, doorwright.Config{Dir: notesApp(t), AnyPort: true})
	id, keys, token := notesKeys(t, r)
	line := func(x *explain.Explanation) {
		t.Helper()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range r.events {
			if e.RequestID == x.RequestID && e.Kind == doorwright.KindService {
				if !e.Refused || len(x.Advice) == 0 || !strings.Contains(e.Text, "("+x.Advice[0].Text+")") {
					t.Errorf("refused %t: %s\n%s", e.Refused, e.Text, x.Text())
				}
				return
			}
		}
		t.Errorf("the terminal says nothing of %s", x.RequestID)
	}
	x := explained(t, r, getItem(t, r, keys, "somebody"), keys.SecretAccessKey, keys.SessionToken, token)
	if !strings.Contains(x.Advice[0].Text, "(doorwright.yaml:") || !strings.Contains(x.Advice[0].Text, id) {
		t.Error(x.Text())
	}
	line(x)
	line(explained(t, r, putObject(t, r, keys, "private/"+id+"/f", true), keys.SecretAccessKey, keys.SessionToken, token))
	x = explained(t, r, putObject(t, r, keys, "private/somebody/f", false), keys.SecretAccessKey, keys.SessionToken, token)
	line(x)
	c := change(t, x, authorizer.InRequest)
	key, ok := strings.CutPrefix(c.Value, "arn:aws:s3:::"+r.output("BucketName")+"/")
	if !ok || c.Name != "resource" || !strings.Contains(x.Text(), "is about: Uploads/private/"+id+"/*") {
		t.Fatalf("%+v\n%s", c, x.Text())
	}
	if res := putObject(t, r, keys, strings.Replace(key, "*", "f", 1), false); res.StatusCode != 200 {
		t.Errorf("what was advised to ask for: %s", res.Status)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := r.events[len(r.events)-1]; last.Refused {
		t.Errorf("what was let in is told of as refused: %+v", last)
	}
}

// TestExplainNamesTheCommand: who sends no token, or signs nothing, is told what makes it.
func TestExplainNamesTheCommand(t *testing.T) {
	r := run(t, doorwright.Config{Dir: notesApp(t), AnyPort: true})
	for _, header := range []http.Header{{}, {"Authorization": {"Bearer abc"}}, nil} {
		req := get(t, strings.TrimSuffix(r.output("ApiEndpoint"), "/")+"/notes")
		if req.Header = header; header == nil { // signed, by keys of somewhere else
			req.Header = http.Header{}
			sigv4.Sign(req, nil, sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}, "execute-api", "us-east-1", time.Now())
		}
		res, _ := do(t, req)
		if x := explained(t, r, res); res.StatusCode != 403 || !strings.HasSuffix(x.Text(), "\n  (doorwright call GET /notes --user USER signs it)\n") {
			t.Error(x.Text())
		}
	}
	several := run(t, doorwright.Config{AnyPort: true, Dir: declare(t, `name: app
userPools: {Users: {clients: {web: {}}}}
tenants: {Auth0: {applications: {web: {type: regular_web, callbacks: ["http://localhost:5678"]}}}}
identityPools:
  Guests: {allowUnauthenticatedIdentities: true}
  Auth: {userPools: [Users], federation: {Auth0: {tenant: Auth0, application: web}}}
  Other: {userPools: [Users]}
apis:
  Api: {routes: {GET /open: {url: "http://localhost:1", authorizer: none}}}
  Signed: {stageName: v1, routes: {"DELETE /its/{id}": {url: "http://localhost:1", authorizer: iam}}}
outputs: {Url: "${apis.Signed.url}"}
`)})
	req := get(t, several.output("Url")+"/its/1?a=b")
	req.Method = "DELETE"
	res, _ := do(t, req)
	if x := explained(t, several, res); res.StatusCode != 403 ||
		!strings.HasSuffix(x.Text(), `  (doorwright call DELETE '/its/1?a=b' --user USER --api Signed --identity-pool Auth --pool Users signs it)`+"\n") {
		t.Error(x.Text())
	}
	app := run(t, doorwright.Config{AnyPort: true, Dir: upstreamApp(t, hello(t).URL, "")})
	res, _ = do(t, get(t, app.output("Url")+"/private"))
	if x := explained(t, app, res); res.StatusCode != 401 || !strings.HasSuffix(x.Text(), "\n  send Authorization: Bearer TOKEN\n  (doorwright token --user USER prints one)\n") {
		t.Error(x.Text())
	}
	for token, advice := range map[string]string{
		"abc": "send a signed JWT in compact form: Authorization: Bearer header.payload.signature", "null": `send Authorization: Bearer TOKEN`,
	} {
		req := get(t, app.output("Url")+"/private")
		req.Header.Set("Authorization", "Bearer "+token)
		res, _ = do(t, req)
		if x := explained(t, app, res); res.StatusCode != 401 || !strings.HasSuffix(x.Text(), advice+"\n  (doorwright token --user USER prints one)\n") {
			t.Error(x.Text())
		}
	}
}

// TestExplainTenants: what a token lacks is said of the request that it was made for.
func TestExplainTenants(t *testing.T) {
	dir := declare(t, `name: app
tenants:
  Auth0:
    apis: {Unicorns: {identifier: "https://unicorns.example", rbac: true, permissions: ["list:unicorn", "read:unicorn"]}}
    applications: {web: {type: native, callbacks: ["http://localhost:3000/cb"], grantTypes: [password, authorization_code]}}
    users: [{email: ann@example.com, password: "Passw0rd!", permissions: {Unicorns: ["list:unicorn"]}}]
outputs: {Url: "${tenants.Auth0.url}", Id: "${tenants.Auth0.applications.web.clientId}"}
`)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	token := func(password, scope string) (*http.Response, string) {
		t.Helper()
		form := url.Values{"grant_type": {"password"}, "client_id": {r.output("Id")}, "username": {"ann@example.com"}, "password": {password}, "audience": {"https://unicorns.example"}, "scope": {scope}}
		req, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(r.output("Url"), "/")+"/oauth/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return do(t, req)
	}
	res, body := token("Passw0rd!", "openid read:unicorn")
	if res.StatusCode != 200 {
		t.Fatalf("%s %s", res.Status, body)
	}
	x := explained(t, r, res, "Passw0rd!", "eyJ")
	c := change(t, x, authorizer.AtLogin)
	if want := (authorizer.Change{Where: authorizer.AtLogin, Name: "scope", Value: "list:unicorn"}); c != want || !strings.Contains(x.Text(), "request scope list:unicorn at login: the user holds it") {
		t.Errorf("%+v\n%s", c, x.Text())
	}
	if !strings.Contains(x.Text(), `the permission "read:unicorn" of tenants.Auth0.apis.Unicorns`) {
		t.Error(x.Text())
	}
	if res, body = token("Passw0rd!", "openid "+c.Value); res.StatusCode != 200 || !strings.Contains(body, "list:unicorn") {
		t.Errorf("%s %s", res.Status, body)
	}
	res, _ = token("Wrong-Passw0rd", "openid")
	if x = explained(t, r, res, "Wrong-Passw0rd"); x.Allowed || !strings.HasPrefix(x.Verdict, "invalid_grant: ") {
		t.Error(x.Text())
	}
}

// TestExplainSTS: a role that does not trust the caller.
func TestExplainSTS(t *testing.T) {
	r := run(t, doorwright.Config{Dir: notesApp(t), AnyPort: true})
	_, keys, token := notesKeys(t, r)
	body := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::000000000000:role/dev-notes-Auth-authenticated"}, "RoleSessionName": {"again"}}.Encode()
	req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(req, []byte(body), keys, "sts", r.Environment().Region, time.Now())
	res, _ := do(t, req)
	x := explained(t, r, res, keys.SecretAccessKey, keys.SessionToken, token)
	step, decided := deciding(t, x, "sts:AssumeRole")
	if res.StatusCode != 403 || decided != nil || len(step.Statements) == 0 || step.Statements[0].Policy != "the trust policy of role dev-notes-Auth-authenticated" || step.Statements[0].Why == "" {
		t.Errorf("%d %s", res.StatusCode, x.Text())
	}
}

// TestExplanationsAreBounded: whatever a request has in it, what is told of it stays
// small, and its lines hold no control character.
func TestExplanationsAreBounded(t *testing.T) {
	r := run(t, doorwright.Config{Dir: notesApp(t), AnyPort: true})
	_, keys, token := notesKeys(t, r)
	var requests []string
	for i := range 90 {
		requests = append(requests, fmt.Sprintf(`{"Get":{"TableName":%q,"Key":{"userId":{"S":"%d\u001b[2J%s"},"noteId":{"S":"1"}}}}`, r.output("TableName"), i, strings.Repeat("x", 1500)))
	}
	attributes := map[string]any{"userId": map[string]any{"S": "a"}, "noteId": map[string]any{"S": "1"}}
	for i := range 500 {
		attributes[fmt.Sprint(i, strings.Repeat("\u202e", 200))] = map[string]any{"S": "SECRET"}
	}
	put, err := json.Marshal(map[string]any{"TableName": r.output("TableName"), "Item": attributes})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ target, body string }{
		{"DynamoDB_20120810.TransactGetItems", `{"TransactItems":[` + strings.Join(requests, ",") + `]}`},
		{"DynamoDB_20120810.PutItem", string(put)},
		{"AWSCognitoIdentityService.GetId", `{"IdentityPoolId":"` + r.output("IdentityPoolId") + `","Logins":{"` + strings.Repeat("\\u001b.", 100) + `":"` + token + `"}}`},
		{"AWSCognitoIdentityProviderService.InitiateAuth", `{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"` + r.output("UserPoolClientId") + `","AuthParameters":{"USERNAME":"` + strings.Repeat("n", 128) + `","PASSWORD":"SECRET"}}`},
	} {
		req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", c.target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		if strings.HasPrefix(c.target, "Dynamo") {
			by := keys
			if strings.HasSuffix(c.target, "TransactGetItems") { // so that all of it is decided on
				by = sigv4.Credentials{AccessKeyID: r.Environment().AccessKeyID, SecretAccessKey: r.Environment().SecretAccessKey}
			}
			sigv4.Sign(req, []byte(c.body), by, "dynamodb", r.Environment().Region, time.Now())
		}
		res, _ := do(t, req)
		x := explained(t, r, res, keys.SessionToken, token, "SECRET")
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if most := 48 << 10; len(text) > most || len(x.Text()) > most || len(x.Steps) > 2*16+3 {
			t.Errorf("%s: %d bytes are told in %d steps", c.target, len(text), len(x.Steps))
		}
		for _, s := range x.Steps {
			if len(s.Text) > 6<<10 {
				t.Errorf("%s: a step has %d bytes: %.500s", c.target, len(s.Text), s.Text)
			}
		}
		if strings.ContainsAny(x.Text(), "\x1b\u202e") {
			t.Errorf("%s: the text acts on a terminal: %q", c.target, x.Text())
		}
	}
}
