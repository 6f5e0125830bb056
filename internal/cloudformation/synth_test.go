package cloudformation_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/build"
	"github.com/doorwright/doorwright/internal/cloudformation"
)

var update = flag.Bool("update", false, "rewrite the golden templates")

// packages stands in for the builder: keys that depend on the handler alone.
func packages(handlers []string) ([]build.Package, error) {
	var all []build.Package
	for _, h := range handlers {
		sum := sha256.Sum256([]byte(h))
		p := build.Package{Runtime: "provided.al2023", Handler: "bootstrap", Key: hex.EncodeToString(sum[:]) + ".zip", Path: h, Size: 1}
		if ext := filepath.Ext(h); ext != "" {
			p.Runtime, p.Handler, p.SourceMaps = "nodejs22.x", h, true
			if strings.HasSuffix(ext, "_handler") {
				p.Runtime, p.SourceMaps = "python3.13", false
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// environment is what the declarations of these tests take from it.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"PLAIN_ISSUER": "https://issuer.local/",
		"TOKEN_ISSUER": "https://tenant.eu.auth0.com/", "JWKS_URI": "https://tenant.eu.auth0.com/.well-known/jwks.json",
	}[name]
	return value, ok
}

func synth(t *testing.T, dir, stage string) (*cloudformation.Template, []cloudformation.Artifact, error) {
	t.Helper()
	a, err := app.Load(dir, app.Options{Stage: stage, Env: environment, SecretsByReference: true})
	if err != nil {
		t.Fatal(err)
	}
	return cloudformation.Synth(a, cloudformation.Options{Build: packages})
}

// declare writes a declaration beside handlers a, b and c.
func declare(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"doorwright.yaml": text, "go.mod": "module example.com/x\n\ngo 1.26\n",
		"a/main.go": "package main\n\nfunc main() {}\n", "b/main.go": "package main\n\nfunc main() {}\n", "c/main.go": "package main\n\nfunc main() {}\n",
		"js/x.ts": "export const handler = async () => ({statusCode: 200});\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// golden holds the declarations whose templates are kept. Those of the examples are
// reviewed where they change: the file of a walk-through is what goes to AWS.
var golden = []struct{ name, dir, stage string }{
	{"quickstart", "../../examples/quickstart", "prod"},
	{"unicorns", "../../examples/unicorns", "prod"},
	{"http", "testdata/http", "prod"},
	{"pools", "testdata/pools", "prod"},
	{"rest", "testdata/rest", "dev"},
	{"notes", "../../examples/notes", "dev"},
	{"api-auth-auth0", "../../examples/api-auth-auth0", "prod"},
	{"account-api", "../../examples/account-api", "dev"},
	{"account-api-go", "../../examples/account-api-go", "dev"},
	{"api-auth-jwt-cognito-user-pool", "../../examples/api-auth-jwt-cognito-user-pool", "dev"},
}

func TestGolden(t *testing.T) {
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			template, _, err := synth(t, g.dir, g.stage)
			if err != nil {
				t.Fatal(err)
			}
			got, err := template.JSON()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "golden", g.name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the template of %s is not %s; go test ./internal/cloudformation -update, and look at the difference", g.name, file)
			}
			// The same again, from another load.
			template, _, err = synth(t, g.dir, g.stage)
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := template.JSON(); !bytes.Equal(again, got) {
				t.Error("a second compilation differs")
			}
		})
	}
}

// TestCfnLint holds the golden templates to AWS's own description of the resources.
// https://github.com/aws-cloudformation/cfn-lint
func TestCfnLint(t *testing.T) {
	tool, err := exec.LookPath("cfn-lint")
	if err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatalf("cfn-lint is required (DOORWRIGHT_REQUIRE=all): %v", err)
		}
		t.Skip("cfn-lint is not installed: python3 -m pip install cfn-lint")
	}
	args := []string{"--regions", "us-east-1", "eu-west-1", "--format", "parseable", "--"}
	for _, g := range golden {
		args = append(args, filepath.Join("testdata", "golden", g.name+".json"))
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// properties gives the properties of the resources of a type, by logical id, as they
// are in the JSON.
func properties(t *testing.T, template *cloudformation.Template, typ string) map[string]map[string]any {
	t.Helper()
	text, err := template.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]any{}
	for id, r := range doc.Resources {
		if r.Type == typ {
			found[id] = r.Properties
		}
	}
	return found
}

// TestSecretsByReference wants the place of a secret in the template, and its value
// nowhere, with the value at hand and without.
func TestSecretsByReference(t *testing.T) {
	dir := declare(t, `name: shop
apis:
  Api:
    routes:
      GET /: {function: {handler: a, environment: {KEY: "${secret:STRIPE_KEY}", URL: "x-${secret:STRIPE_KEY}"}}}
`)
	var without []byte
	for _, value := range []string{"", "hunter2-hunter2"} {
		if value != "" {
			if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("STRIPE_KEY="+value+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		template, _, err := synth(t, dir, "prod")
		if err != nil {
			t.Fatal(err)
		}
		text, err := template.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("hunter2")) {
			t.Fatal("the template holds a secret")
		}
		for _, want := range []string{`"{{resolve:secretsmanager:prod-shop/STRIPE_KEY:SecretString}}"`, `"x-{{resolve:secretsmanager:prod-shop/STRIPE_KEY:SecretString}}"`} {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("the template has no %s:\n%s", want, text)
			}
		}
		if without != nil && !bytes.Equal(text, without) {
			t.Error("the template depends on the secret's value")
		}
		without = text
		if got := template.Secrets; len(got) != 1 || got[0].Name != "prod-shop/STRIPE_KEY" || got[0].Pos.Line != 5 {
			t.Errorf("the secrets are %v", got)
		}
	}
}

// TestBuild: nothing is built for a declaration that cannot go to AWS, each handler is
// built once, and what cannot be built makes no template.
func TestBuild(t *testing.T) {
	load := func(text string) *app.App {
		a, err := app.Load(declare(t, text), app.Options{Stage: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var built []string
	count := func(handlers []string) ([]build.Package, error) {
		built = append(built, handlers...)
		return packages(handlers)
	}
	if _, _, err := cloudformation.Synth(load("name: x\napis: {A: {routes: {GET /: a, GET /b: {url: 'http://localhost'}}}}\n"), cloudformation.Options{Build: count}); err == nil || built != nil {
		t.Errorf("built %v, and %v", built, err)
	}
	good := load("name: x\napis: {A: {routes: {GET /: a, GET /b: {function: {handler: a, timeout: 9s}}, GET /c: b}}, B: {routes: {GET /: a}}}\n")
	template, artifacts, err := cloudformation.Synth(good, cloudformation.Options{Build: count})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(built, " ") != "a b" || len(artifacts) != 2 {
		t.Errorf("built %v, artifacts %v", built, artifacts)
	}
	// One permission for each function and API, whatever the number of routes.
	if got := len(properties(t, template, "AWS::Lambda::Permission")); got != 4 {
		t.Errorf("%d permissions", got)
	}
	broken := errors.New("it does not compile")
	template, artifacts, err = cloudformation.Synth(good, cloudformation.Options{Build: func([]string) ([]build.Package, error) { return nil, broken }})
	if !errors.Is(err, broken) || template != nil || artifacts != nil {
		t.Errorf("got %v", err)
	}
	template, _, err = cloudformation.Synth(good, cloudformation.Options{Build: func([]string) ([]build.Package, error) { return nil, nil }})
	if err == nil || template != nil {
		t.Error("a function without code has a template")
	}
	unnamed := func(handlers []string) ([]build.Package, error) {
		all, err := packages(handlers)
		for i := range all {
			all[i].Handler = "my functions/x.handler"
		}
		return all, err
	}
	if _, _, err := cloudformation.Synth(good, cloudformation.Options{Build: unnamed}); err == nil || !strings.Contains(err.Error(), "no white space") {
		t.Errorf("a handler with a blank: %v", err)
	}
}

// TestTooManyResources: what CloudFormation would refuse after the upload.
func TestTooManyResources(t *testing.T) {
	text := "name: x\napis:\n  A:\n    routes:\n"
	for i := range 250 {
		text += fmt.Sprintf("      GET /r%d: {url: 'https://example.com'}\n", i)
	}
	if _, _, err := synth(t, declare(t, text), "prod"); err == nil || !strings.Contains(err.Error(), ":1:1: the app has 502 resources; a stack has at most 500") {
		t.Errorf("got %v", err)
	}
}

// TestRefusals: what is on the developer's machine alone does not reach AWS, and the
// message has the line and the fix.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, text, at, message, hint string }{
		{"tenant", `name: x
tenants: {T: {applications: {web: {type: non_interactive}}}}
apis: {Api: {authorizers: {t: {type: jwt, issuer: "${tenants.T.issuer}", audience: [a]}}, defaults: {authorizer: t}, routes: {GET /: a}}}
`, ":2:11", "the tenant T has no domain in the stage prod", "stages: {prod: {tenants: {T: {domain: YOURS.us.auth0.com}}}}"},
		{"issuer", `name: x
apis: {Api: {authorizers: {t: {type: jwt, issuer: "http://localhost:4000/", audience: [a]}}, defaults: {authorizer: t}, routes: {GET /: a}}}
`, ":2:51", "the issuer localhost is on your machine", "below stages.prod"},
		{"https issuer here", `name: x
apis: {Api: {authorizers: {t: {type: jwt, issuer: "https://auth.localhost/", audience: [a]}}, defaults: {authorizer: t}, routes: {GET /: a}}}
`, ":2:51", "the issuer auth.localhost is on your machine", "below stages.prod"},
		{"url", `name: x
apis: {Api: {routes: {GET /: {url: "http://127.0.0.1:8080"}}}}
`, ":2:36", "the route GET / goes to 127.0.0.1, on your machine", "below stages.prod"},
		{"private url", `name: x
apis: {Api: {routes: {GET /: {url: "http://10.0.0.7/x"}}}}
`, ":2:36", "the route GET / goes to 10.0.0.7", "below stages.prod"},
		{"environment", `name: x
apis: {Api: {routes: {GET /: {function: {handler: a, environment: {BACK: "http://[::1]:99/x"}}}}}}
`, ":2:74", "the environment variable BACK is the address of ::1", "below stages.prod"},
		{"a reference of CloudFormation's own", `name: x
apis: {Api: {routes: {GET /: {function: {handler: a, environment: {KEY: "{{resolve:ssm:/key}}"}}}}}}
`, ":2:73", "CloudFormation would put another text", "${secret:NAME}"},
		{"a trigger that is told its pool", `name: x
userPools: {P: {clients: {web: {}}, triggers: {preSignUp: {handler: a, environment: {POOL: "${userPools.P.id}"}}}}}
apis: {Api: {authorizers: {p: {type: user_pool, userPool: P}}, defaults: {authorizer: p}, routes: {GET /: b}}}
`, ":2:", "CloudFormation cannot make these, each of which needs the next: UserPoolP (line 2) -> FunctionAECBD9BE9 (line 2) -> UserPoolP", "finds userPoolId and callerContext.clientId in its event"},
		{"issuer of the network", `name: x
apis: {Api: {authorizers: {t: {type: jwt, issuer: "${env:PLAIN_ISSUER}", audience: [a]}}, defaults: {authorizer: t}, routes: {GET /: a}}}
`, ":2:51", "the issuer issuer.local is on your machine", "below stages.prod"},
		{"the local account", `name: x
apis: {Api: {routes: {GET /: {function: a, permissions: [{actions: ["s3:GetObject"], resources: ["arn:aws:s3:eu-west-1:000000000000:x/*"]}]}}}}
`, ":2:", "arn:aws:s3:eu-west-1:000000000000:x/* is of the account that stands for yours locally", "the ARN with your account"},
		{"long environment", `name: x
apis: {Api: {routes: {GET /: {function: {handler: js/x.handler, environment: {LONG: "` + strings.Repeat("x", 4096-4) + `"}}}}}}
`, ":2:", "the environment of js/x.handler takes 4128 bytes or more; Lambda allows 4096", "a table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			template, artifacts, err := synth(t, declare(t, c.text), "prod")
			var list app.ErrorList
			if !errors.As(err, &list) || template != nil || artifacts != nil {
				t.Fatalf("got %v, want an ErrorList and no template", err)
			}
			e := list[0]
			if len(list) != 1 || !strings.Contains(e.Pos.String(), "doorwright.yaml"+c.at) || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) || e.Snippet == "" {
				t.Errorf("got\n%v", err)
			}
		})
	}
}

// TestLogicalIDs: a resource keeps its id whatever stands beside it and in each stage,
// and names that differ have ids that do.
func TestLogicalIDs(t *testing.T) {
	ids := func(text, stage string) (all map[string]bool, routes int) {
		template, _, err := synth(t, declare(t, text), stage)
		if err != nil {
			t.Fatal(err)
		}
		all = map[string]bool{}
		for id := range template.Resources {
			if strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || len(id) > 255 {
				t.Errorf("%q is no logical id", id)
			}
			all[id] = true
		}
		return all, len(properties(t, template, "AWS::ApiGatewayV2::Route"))
	}
	before, _ := ids("name: x\napis: {Api: {routes: {GET /a: a, GET /b: b}}}\n", "dev")
	after, routes := ids("name: x\napis: {api: {routes: {GET /a: b}}, Api: {routes: {'GET /{a}': c, 'GET /{a+}': c, GET /b: b, POST /a: a, GET /a: a}}}\n", "prod")
	for id := range before {
		if !after[id] {
			t.Errorf("%s is gone", id)
		}
	}
	if routes != 6 {
		t.Errorf("6 declared routes are %d", routes)
	}
}

// TestGoldenInvariants holds what is true of each template: it names no account and no
// partition, says nothing of this machine, and each function writes to its own log
// group alone, which is there before it and ends.
func TestGoldenInvariants(t *testing.T) {
	for _, g := range golden {
		template, artifacts, err := synth(t, g.dir, g.stage)
		if err != nil {
			t.Fatal(err)
		}
		text, err := template.JSON()
		if err != nil {
			t.Fatal(err)
		}
		// What the declaration itself says is its own affair.
		own, err := os.ReadFile(filepath.Join(g.dir, "doorwright.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, local := range []string{"arn:aws:", "000000000000", "localhost", "127.0.0.1", filepath.ToSlash(t.TempDir())} {
			if bytes.Contains(text, []byte(local)) && !bytes.Contains(own, []byte(local)) {
				t.Errorf("%s: the template says %s", g.name, local)
			}
		}
		var keys []string
		for _, a := range artifacts {
			keys = append(keys, a.Key)
		}
		groups, roles := properties(t, template, "AWS::Logs::LogGroup"), properties(t, template, "AWS::IAM::Role")
		for id, f := range properties(t, template, "AWS::Lambda::Function") {
			logs := f["LoggingConfig"].(map[string]any)["LogGroup"].(map[string]any)["Ref"].(string)
			if groups[logs]["LogGroupName"] != "/aws/lambda/"+f["FunctionName"].(string) || groups[logs]["RetentionInDays"] == nil {
				t.Errorf("%s: the log group of %s is %v", g.name, id, groups[logs])
			}
			role := roles[f["Role"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)]
			statements, err := json.Marshal(role["Policies"].([]any)[0].(map[string]any)["PolicyDocument"].(map[string]any)["Statement"])
			if err != nil {
				t.Fatal(err)
			}
			want := `[{"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":[{"Fn::GetAtt":["` + logs + `","Arn"]}]}]`
			if string(statements) != want || len(role["Policies"].([]any)) != 1 || role["ManagedPolicyArns"] != nil || role["RoleName"] != nil {
				t.Errorf("%s: the role of %s allows %s", g.name, id, statements)
			}
			if code := f["Code"].(map[string]any); !slices.Contains(keys, code["S3Key"].(string)) || code["S3Bucket"].(map[string]any)["Ref"] != cloudformation.ArtifactsBucket {
				t.Errorf("%s: the code of %s is at %v, which is no artifact", g.name, id, code)
			}
		}
	}
}

// TestGuards holds each route's guard in the template against the declaration's, which
// is what the local stage enforces.
func TestGuards(t *testing.T) {
	template, _, err := synth(t, "testdata/http", "prod")
	if err != nil {
		t.Fatal(err)
	}
	authorizers := properties(t, template, "AWS::ApiGatewayV2::Authorizer")
	got := map[string]string{}
	for _, r := range properties(t, template, "AWS::ApiGatewayV2::Route") {
		guard := r["AuthorizationType"].(string)
		if z, ok := r["AuthorizerId"].(map[string]any); ok {
			a := authorizers[z["Ref"].(string)]
			guard += " " + a["Name"].(string) + " " + a["AuthorizerType"].(string)
		}
		scopes, _ := r["AuthorizationScopes"].([]any)
		got[r["RouteKey"].(string)] = fmt.Sprint(guard, scopes)
	}
	for key, want := range map[string]string{
		"GET /a": "JWT auth0 JWT[read]", "POST /a": "JWT auth0 JWT[write]", "PUT /a": "CUSTOM simple REQUEST[]", "GET /b": "CUSTOM policy REQUEST[]",
		"GET /signed": "AWS_IAM[]", "ANY /store/{proxy+}": "NONE[]", "$default": "NONE[]", "GET /": "NONE[]",
	} {
		if got[key] != want {
			t.Errorf("%s: %s, want %s", key, got[key], want)
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("routes that nobody declared: %v", got)
	}
}
