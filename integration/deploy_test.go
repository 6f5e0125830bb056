package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what boto3 reads of what was deployed")

// A change is one of one of an app's files.
type change struct{ file, old, new string }

// deployments are the examples, and those of the template's tests, which between them
// use every key of the declaration.
var deployments = []struct {
	name, region string
	// make gives the app's folder; an example's if nil.
	make func(t *testing.T) string
	// there is what the AWS CLI makes in the account before, as the user would.
	there []string
	// first is what is changed before the first deploy: stages with a tenant name it.
	first []change
	// then is changed after it.
	then []change
	// data says that there is something that a removal keeps.
	data bool
}{
	{
		name: "quickstart", region: "us-east-1", data: true,
		then: []change{{"doorwright.yaml", "GET /public", "GET /open"}, {"functions/private/main.go", `"Hello "`, `"Good day "`}},
	},
	{
		name: "api-auth-jwt-cognito-user-pool", region: "us-east-1", data: true,
		then: []change{{"doorwright.yaml", "[userPassword]", "[userPassword, userSrp]"}},
	},
	{
		name: "account-api", region: "eu-central-1", make: func(t *testing.T) string { return withPackages(t, project(t, "account-api"), "account-api") },
		then: []change{{"doorwright.yaml", "    routes:\n", "    routes:\n      PUT /profile: {function: account/src/handler.getProfile, authorizer: auth0}\n"}},
	},
	{
		name: "account-api-go", region: "eu-central-1", make: goModule,
		then: []change{{"doorwright.yaml", "GET /profile:", "GET /me:"}, {"doorwright.yaml", `DEFAULT_5XX: {headers: {Access-Control-Allow-Origin: "'*'"}}`, ""}},
	},
	{
		name: "unicorns", region: "eu-west-1", first: []change{{"doorwright.yaml", "stages: {prod:", "stages: {test:"}},
		then: []change{{"doorwright.yaml", `GET /unicorn: {function: src/get_unicorn.lambda_handler, scopes: ["read:unicorn"]}`, `GET /unicorn: {function: src/get_unicorn.lambda_handler, scopes: ["list:unicorns"]}`}},
	},
	{
		name: "api-auth-auth0", region: "us-east-1", first: []change{{"doorwright.yaml", "  prod:", "  test:"}},
		then: []change{{"doorwright.yaml", "      GET /public: {function: src/public.main, authorizer: none}\n", ""}},
	},
	{
		name: "notes", region: "us-east-1", data: true, make: func(t *testing.T) string { return withPackages(t, project(t, "notes"), "") },
		then: []change{{"doorwright.yaml", `"dynamodb:GetItem", "dynamodb:PutItem", `, `"dynamodb:GetItem", `}, {"src/listNotes.js", "userId = :user", "userId = :me"}},
	},
	{
		name: "http", region: "eu-west-1", make: func(t *testing.T) string { return templateTest(t, "http") },
		there: []string{"secretsmanager create-secret --name test-http/STRIPE_KEY --secret-string sk_example"},
		then:  []change{{"doorwright.yaml", "scopes: [write]", "scopes: [write, more]"}, {"doorwright.yaml", "authorizer: simple, scopes: []", "authorizer: policy, scopes: []"}},
	},
	{
		name: "pools", region: "eu-west-1", data: true, make: func(t *testing.T) string { return templateTest(t, "pools") },
		there: []string{
			"secretsmanager create-secret --name test-pools/CORP_SECRET --secret-string corp-example",
			"iam create-open-id-connect-provider --url https://theirs.example/tenants/1 --client-id-list us",
		},
		first: []change{{"doorwright.yaml", "arn:aws:iam::123456789012:", "arn:aws:iam::ACCOUNT:"}},
		then: []change{
			{"doorwright.yaml", "precedence: 9", "precedence: 8"}, {"doorwright.yaml", "value: admin", "value: owner"},
			{"doorwright.yaml", "{username: sub}", "{username: email}"}, {"doorwright.yaml", "oauthScopes: [fleet/admin]", "oauthScopes: [https://rides.example/book]"},
		},
	},
	{
		name: "rest", region: "eu-west-1", data: true, make: func(t *testing.T) string { return templateTest(t, "rest") },
		there: []string{
			"secretsmanager create-secret --name test-rest/PARTNER_KEY --secret-string 0123456789abcdefghij",
			"apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=arn:aws:iam::ACCOUNT:role/apigateway-logs",
		},
		then: []change{{"doorwright.yaml", "scopes: [aws.cognito.signin.user.admin]", "scopes: [shop/write]"}, {"doorwright.yaml", "GET /own: {function: b, authorizer: iam}", "GET /own: {function: b, authorizer: token}"}, {"doorwright.yaml", "rateLimit: 5,", "rateLimit: 4,"}},
	},
}

// TestDeployToMoto deploys each app by the program, reads back by boto3 and the AWS CLI
// what there is then, deploys it again, with a change, and removes it. What is read is
// kept in testdata/moto/golden and reviewed where it changes: of each app all that was
// made, what a change has changed, and what a removal leaves.
//
// Of identity pools' roles and principal tags moto has nothing: testdata/moto/server.py
// records what it is told of them, so that these lines say what was sent, and no more.
func TestDeployToMoto(t *testing.T) {
	m := startMoto(t)
	t.Run("apps", func(t *testing.T) {
		for i, d := range deployments {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				a := m.account(t, fmt.Sprintf("%012d", 111122223330+i), d.region)
				a.env = append(a.env, "TOKEN_ISSUER=https://tenant.eu.auth0.com/", "JWKS_URI=https://tenant.eu.auth0.com/.well-known/jwks.json")
				a.stage, a.stack, a.golden = "test", "test-"+d.name, filepath.Join("testdata", "moto", "golden", d.name+".txt")
				if d.make == nil {
					d.make = func(t *testing.T) string { return project(t, d.name) }
				}
				a.dir = d.make(t)
				a.change(d.first)
				for _, command := range d.there {
					command = strings.ReplaceAll(command, "ACCOUNT", a.id)
					a.aws(command)
				}
				got := a.lifecycle(d.then, d.data)
				if *update {
					if err := os.WriteFile(a.golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if want := read(t, a.golden); got != want {
					t.Errorf("what is read of %s is not %s (go test -run TestDeployToMoto -update, and look at the difference):\n%s",
						d.name, a.golden, strings.Join(difference(strings.Split(want, "\n"), strings.Split(got, "\n")), "\n"))
				}
			})
		}
	})
}

// lifecycle deploys, changes and removes an app, and gives what is read on the way.
func (a *account) lifecycle(then []change, data bool) string {
	a.t.Helper()
	nothing := a.left()
	out := a.deploy("Status: deployed")
	if target := fmt.Sprintf("Stack %s in account %s, region %s", a.stack, a.id, a.region); !strings.Contains(out, target) {
		a.t.Errorf("deploy printed\n%s\nwithout %q", out, target)
	}
	text, want := a.template()
	ids, deployed := a.read(text)
	if !slices.Equal(ids, want) {
		a.t.Errorf("the stack's resources are\n%q, the template's\n%q", ids, want)
	}
	golden := section("deployed", deployed)

	if out := a.doorwright("deploy", a.dir, "--stage", a.stage, "--plan"); planOf(out) != nil || !strings.Contains(out, "no changes: stack "+a.stack) {
		a.t.Errorf("--plan of no changes printed\n%s", out)
	}
	if out := a.deploy("Status: no changes"); planOf(out) != nil {
		a.t.Errorf("the second deploy printed\n%s", out)
	}
	if _, again := a.read(text); !slices.Equal(again, deployed) {
		a.t.Errorf("a deploy of no changes has changed\n%s", strings.Join(difference(deployed, again), "\n"))
	}

	a.change(then)
	out = a.doorwright("deploy", a.dir, "--stage", a.stage, "--plan")
	plan := planOf(out)
	if _, planned := a.read(text); !slices.Equal(planned, deployed) || !strings.Contains(out, "nothing was changed (--plan)") {
		a.t.Errorf("--plan has changed\n%s\nand printed\n%s", strings.Join(difference(deployed, planned), "\n"), out)
	}
	if did := planOf(a.deploy("Status: deployed")); !slices.Equal(did, plan) {
		a.t.Errorf("the plan was\n%q, and done was\n%q", plan, did)
	}
	text, want = a.template()
	ids, changed := a.read(text)
	if !slices.Equal(ids, want) {
		a.t.Errorf("after a change the stack's resources are\n%q, the template's\n%q", ids, want)
	}
	golden += section("plan of the change", plan) + section("changed", difference(deployed, changed))

	if out := a.doorwright("remove", a.dir, "--stage", a.stage, "--yes"); !strings.Contains(out, "Removed stack "+a.stack) {
		a.t.Errorf("remove printed\n%s", out)
	}
	kept := a.left()
	golden += section("left by a removal", difference(nothing, kept))
	if data {
		a.deploy("Status: deployed")
		a.fillBuckets()
		a.doorwright("remove", a.dir, "--stage", a.stage, "--yes", "--delete-data")
		if left := a.left(); !slices.Equal(left, kept) {
			a.t.Errorf("a removal with --delete-data leaves\n%s", strings.Join(difference(kept, left), "\n"))
		}
	}
	if out := a.doorwright("remove", a.dir, "--stage", a.stage, "--yes", "--aws"); !strings.Contains(out, "nothing to remove") {
		a.t.Errorf("the second removal printed\n%s", out)
	}
	return golden
}

func (a *account) deploy(want string) string {
	a.t.Helper()
	out := a.doorwright("deploy", a.dir, "--stage", a.stage, "--yes")
	if !strings.Contains(out, want) {
		a.t.Fatalf("deploy printed\n%s\nwithout %q", out, want)
	}
	return out
}

// left gives what is in the account when the stack is not.
func (a *account) left() []string {
	a.t.Helper()
	_, lines := a.read("")
	return lines
}

// fillBuckets puts an object into each bucket of the stack.
func (a *account) fillBuckets() {
	a.t.Helper()
	for _, bucket := range a.aws("cloudformation list-stack-resources --stack-name " + a.stack + " --query StackResourceSummaries[?ResourceType=='AWS::S3::Bucket'].PhysicalResourceId") {
		a.aws("s3api put-object --bucket " + bucket + " --key private/some/note.txt --body " + filepath.Join(a.dir, "doorwright.yaml"))
	}
}

// change edits the app's files; each old text must be there. ACCOUNT is the account.
func (a *account) change(changes []change) {
	a.t.Helper()
	for _, c := range changes {
		file := filepath.Join(a.dir, filepath.FromSlash(c.file))
		text := read(a.t, file)
		if !strings.Contains(text, c.old) {
			a.t.Fatalf("%s has no %q", file, c.old)
		}
		edit(a.t, file, strings.ReplaceAll(text, c.old, strings.ReplaceAll(c.new, "ACCOUNT", a.id)))
	}
}

var planned = regexp.MustCompile(`(?m)^  [+~±-] (?:add|change|replace|remove) \S+ \([\w:]+\)`)

// planOf gives the lines of a plan: what is done, and with what.
func planOf(out string) []string { return planned.FindAllString(out, -1) }

func section(title string, lines []string) string {
	return "== " + title + "\n" + strings.Join(lines, "\n") + "\n"
}

// withPackages gives an app the packages of npm that it imports: those of the clients,
// or, of an example with a name, its own.
func withPackages(t *testing.T, dir, example string) string {
	t.Helper()
	need(t, "node")
	if example == "" {
		if err := os.Symlink(filepath.Join(packages(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	install := exec.CommandContext(t.Context(), need(t, "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm ci in %s: %v\n%s", example, err, out)
	}
	return dir
}

// goModule gives account-api-go as a user has it: a module of its own, which requires
// this one.
func goModule(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "account-api-go")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "examples", "account-api-go"))); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(read(t, filepath.Join(root, "go.mod")), "module github.com/doorwright/doorwright\n", "module example.com/account\n", 1)
	mod += "\nrequire github.com/doorwright/doorwright v0.0.0\n\nreplace github.com/doorwright/doorwright => " + root + "\n"
	edit(t, filepath.Join(dir, "go.mod"), mod)
	edit(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
	return dir
}

// templateTest gives a copy of a declaration of the template's tests. Its handlers do nothing.
func templateTest(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "internal", "cloudformation", "testdata", name))); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		edit(t, filepath.Join(dir, "go.mod"), "module example.com/"+name+"\n\ngo 1.26\n")
	}
	return dir
}
