package doorwright

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

const granting = `name: notes
userPools:
  Users:
    clients: {web: {}}
    groups: {admins: {permissions: [Notes]}, others: {}, "a/b": {permissions: []}}
identityPools:
  Auth:
    userPools: [Users]
    allowUnauthenticatedIdentities: true
    permissions:
      authenticated:
        - Api
        - {actions: ["dynamodb:GetItem", "dynamodb:Query"], resources: [Notes], condition: {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${cognito-identity.amazonaws.com:sub}"]}}}
        - {actions: ["s3:GetObject", "s3:PutObject"], resources: ["Uploads/private/${cognito-identity.amazonaws.com:sub}/*"]}
        - {actions: ["execute-api:Invoke"], resources: [Api/DELETE/*], effect: Deny}
      unauthenticated: [{actions: ["execute-api:Invoke"], resources: [Rest/GET/public]}]
    roleMappings:
      Users: {type: rules, rules: [{claim: role, value: admin, role: Users.admins}, {claim: role, value: writer, permissions: [Uploads]}]}
tables: {Notes: {fields: {id: string}, primaryIndex: {partitionKey: id}}}
buckets: {Uploads: {}}
apis:
  Api:
    defaults: {function: {permissions: [Users]}}
    routes:
      GET /a: {function: a.handler, permissions: [Uploads]}
      GET /b: {function: {handler: b.handler, permissions: [Notes]}, permissions: [Auth, Rest]}
      GET /c: c.handler
  Rest: {protocol: rest, stageName: live, routes: {GET /public: c.handler}}
`

// opened opens the account of a declaration.
func opened(t *testing.T, declaration string) *App {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"doorwright.yaml": declaration}
	for _, name := range []string{"a", "b", "c"} {
		files[name+".mjs"] = "export const handler = async () => ({})\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(Config{Dir: dir, AnyPort: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	for _, step := range []func(context.Context) error{a.openState, a.openIdentityPoolIDs, a.bindEndpoint, a.bindDomains, a.openPools, a.openAccount} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestPermissionsAllowExactlyThat: the keys of functions, identities and groups allow
// what the declaration says they may, on the resources of this stage, and nothing else.
func TestPermissionsAllowExactlyThat(t *testing.T) {
	a := opened(t, granting)
	const me, other = "us-east-1:11111111-2222-3333-4444-555555555555", "us-east-1:99999999-2222-3333-4444-555555555555"
	table, bucket, pool := a.tableARN("Notes"), a.bucketARN("Uploads"), a.pools.Pool("Users").ARN()
	api, rest := a.apiARN("Api"), a.apiARN("Rest")
	identity := &iam.CognitoIdentity{ID: me, Pool: a.identityPoolIDs["Auth"], AMR: []string{"authenticated"}}
	as := func(role string, identity *iam.CognitoIdentity) iam.Principal {
		t.Helper()
		c, err := a.account.Assume(iam.AssumeRequest{Role: role, Session: "session", Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.account.Principal(c.AccessKeyID, c.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	functionOf := func(api, key string) string {
		routes := a.decl.Routes()
		return routes[slices.IndexFunc(routes, func(r app.ResolvedRoute) bool { return r.API == api && r.Key == key })].Function
	}
	mine, others := []string{me}, []string{me, other}
	type request struct {
		action, resource string
		leading          []string
		allowed          bool
	}
	for name, row := range map[string]struct {
		who      iam.Principal
		requests []request
	}{
		"a function with a bucket and the defaults' user pool": {as("dev-notes-a-handler", nil), []request{
			{"s3:GetObject", bucket + "/any/key", nil, true}, {"s3:PutObject", bucket + "/x", nil, true}, {"s3:DeleteObject", bucket + "/x", nil, true}, {"s3:ListBucket", bucket, nil, true},
			{"s3:GetObject", bucket + "2/x", nil, false}, {"s3:DeleteBucket", bucket, nil, false}, {"s3:PutBucketPolicy", bucket, nil, false}, {"s3:PutObjectAcl", bucket + "/x", nil, false},
			{"s3:ListBucket", bucket + "/x", nil, false}, {"dynamodb:GetItem", table, nil, false},
			{"cognito-idp:AdminGetUser", pool, nil, true}, {"cognito-idp:ListUsers", pool, nil, true}, {"cognito-idp:DeleteUserPool", pool, nil, false}, {"cognito-idp:AdminGetUser", pool + "x", nil, false},
		}},
		"a function with a table, an identity pool and an API": {as("dev-notes-b-handler", nil), []request{
			{"dynamodb:Scan", table, nil, true}, {"dynamodb:Query", table + "/index/any", nil, true}, {"dynamodb:BatchWriteItem", table, nil, true}, {"dynamodb:DeleteTable", table, nil, false},
			{"dynamodb:PutItem", table + "2", nil, false}, {"s3:GetObject", bucket + "/x", nil, false},
			{"cognito-identity:GetOpenIdTokenForDeveloperIdentity", a.identityPoolARN("Auth"), nil, true}, {"cognito-identity:DeleteIdentityPool", a.identityPoolARN("Auth"), nil, false},
			{"execute-api:Invoke", rest + "/live/GET/public", nil, true}, {"execute-api:Invoke", api + "/$default/GET/a", nil, false}, {"execute-api:ManageConnections", rest + "/live/GET/public", nil, false},
		}},
		"a function with the defaults alone": {as(functionOf("Api", "GET /c"), nil), []request{
			{"cognito-idp:AdminGetUser", pool, nil, true}, {"s3:GetObject", bucket + "/x", nil, false}, {"dynamodb:GetItem", table, nil, false},
		}},
		"a function without permissions": {as(functionOf("Rest", "GET /public"), nil), []request{
			{"cognito-idp:AdminGetUser", pool, nil, false}, {"s3:ListAllMyBuckets", "*", nil, false},
		}},
		"who is signed in": {as("dev-notes-Auth-authenticated", identity), []request{
			{"dynamodb:GetItem", table, mine, true}, {"dynamodb:GetItem", table, others, false}, {"dynamodb:Query", table, mine, true}, {"dynamodb:PutItem", table, mine, false}, {"dynamodb:Query", table + "/index/x", mine, false},
			{"s3:PutObject", bucket + "/private/" + me + "/a", nil, true}, {"s3:PutObject", bucket + "/private/" + other + "/a", nil, false}, {"s3:GetObject", bucket + "/private/" + me, nil, false}, {"s3:ListBucket", bucket, nil, false},
			{"execute-api:Invoke", api + "/$default/GET/a", nil, true}, {"execute-api:Invoke", api + "/$default/DELETE/a", nil, false}, {"execute-api:Invoke", rest + "/live/GET/public", nil, false},
		}},
		"who is not": {as("dev-notes-Auth-unauthenticated", identity), []request{
			{"execute-api:Invoke", rest + "/live/GET/public", nil, true}, {"execute-api:Invoke", rest + "/live/GET/public/x", nil, false}, {"execute-api:Invoke", rest + "/other/GET/public", nil, false},
			{"execute-api:Invoke", api + "/$default/GET/a", nil, false}, {"dynamodb:GetItem", table, mine, false},
		}},
		"a group":                  {as("dev-notes-Users-group-admins", identity), []request{{"dynamodb:Scan", table, nil, true}, {"s3:GetObject", bucket + "/x", nil, false}}},
		"a group that may nothing": {as(a.groupRole("Users", "a/b"), identity), []request{{"dynamodb:Scan", table, nil, false}}},
		"who a rule has found":     {as("dev-notes-Auth-Users-rule-2", identity), []request{{"s3:GetObject", bucket + "/x", nil, true}, {"dynamodb:Scan", table, nil, false}}},
	} {
		for _, r := range row.requests {
			d := a.account.Decide(row.who, iam.Request{Action: r.action, Resource: r.resource, Context: func(key string) ([]string, bool) {
				return r.leading, key == "dynamodb:leadingkeys" && r.leading != nil
			}}, nil)
			if d.Allowed != r.allowed {
				t.Errorf("%s: %s on %s (%v): allowed is %v: %s", name, r.action, r.resource, r.leading, d.Allowed, d.Explanation())
			}
		}
	}
}

// TestNamesOfResources: names are as CloudFormation makes them, in the forms that AWS
// takes, the same in each run, and others for another stage.
func TestNamesOfResources(t *testing.T) {
	forms := map[string]*regexp.Regexp{
		"table":  regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`),
		"bucket": regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`),
		"role":   regexp.MustCompile(`^[\w+=,.@-]{1,64}$`),
	}
	seen := map[string]string{}
	for _, stage := range []string{"dev", "prod", strings.Repeat("s", 32)} {
		for _, name := range []string{"a", "notes", strings.Repeat("n", 63), "a-" + strings.Repeat("b", 60) + "c"} {
			for _, resource := range []string{"N", "Notes", strings.Repeat("R", 64), strings.Repeat("R", 63) + "r"} {
				a := &App{cfg: Config{Stage: stage}, decl: &app.App{Name: name, Region: "us-east-1"}}
				for kind, got := range map[string]string{
					"table": a.tableName(resource), "bucket": a.bucketName(resource), "role": a.roleName(resource, "authenticated"),
				} {
					if !forms[kind].MatchString(got) || strings.Contains(got, "--") {
						t.Errorf("%s %s of %s-%s is called %q", kind, resource, stage, name, got)
					}
					of := strings.Join([]string{stage, name, resource, kind}, " ")
					if other, taken := seen[got]; taken && other != of {
						t.Errorf("%q is the name of %q and of %q", got, of, other)
					}
					seen[got] = of
				}
			}
		}
	}
	a := &App{cfg: Config{Stage: "dev"}, decl: &app.App{Name: "notes", Region: "us-east-1"}}
	if got := a.tableName("Notes"); !regexp.MustCompile(`^dev-notes-Notes-[0-9A-V]{12}$`).MatchString(got) || got != a.tableName("Notes") {
		t.Errorf("the table is called %q", got)
	}
	if got := a.bucketName("Uploads"); !strings.HasPrefix(got, "dev-notes-uploads-") {
		t.Errorf("the bucket is called %q", got)
	}
	if got := a.roleName("Auth", "authenticated"); got != "dev-notes-Auth-authenticated" {
		t.Errorf("the role is called %q", got)
	}
}

// TestDeclaredPermissionsCanBeEvaluated gives random statements to the declaration and,
// if it accepts them, to the account: `check` must not let pass what `start` refuses.
func TestDeclaredPermissionsCanBeEvaluated(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	pick := func(parts ...string) string {
		var b strings.Builder
		for range 1 + random.IntN(3) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		return b.String()
	}
	one := func(parts ...string) string { return parts[random.IntN(len(parts))] }
	accepted, refused := 0, 0
	for range 4000 {
		action, resource, operator, key, value := "s3:GetObject", "Uploads/*", "StringLike", "aws:SourceIp", "a"
		switch random.IntN(5) {
		case 0:
			action = one("s3:", "dynamodb:", "S3:", "", "*") + pick("Get", "*", "?", "$", "Item", ":", "-", " ")
		case 1:
			resource = one("Uploads/", "arn:aws:s3:::", "", "*") + pick("a", "*", "?", "${aws:userid}", "${", "}", "$", "${*}", "é", "'", "${aws:userid, 'x'}", "${aws:PrincipalTag/a b}", "${aws:PrincipalTag/a?}", "{")
		case 2:
			operator = one("", "ForAllValues:", "ForAnyValue:") + one("String", "Numeric", "Date", "Bool", "Null", "Arn", "IpAddress", "NotIpAddress", "BinaryEquals") + one("", "Equals", "Like", "NotLike", "LessThan", "IfExists")
		case 3:
			key = pick("aws:", "SourceIp", "s3:prefix", "aws:PrincipalTag/", "x", "dynamodb:LeadingKeys", ":", "?", "$", "é")
		case 4:
			value = pick("true", "1", "10.0.0.0/8", "2026-01-01", "arn:aws:s3:::x", "${aws:userid}", "${", "*", "${aws:userid,'a'}", "}", "aGk=")
			operator = one("StringEquals", "NumericEquals", "DateLessThan", "Bool", "ArnLike", "IpAddress", "BinaryEquals", "Null")
		}
		text := fmt.Sprintf("name: app\nbuckets: {Uploads: {}}\nidentityPools: {Auth: {permissions: {authenticated: [{actions: [%q], resources: [%q], condition: {%q: {%q: [%q]}}}]}}}\n", action, resource, operator, key, value)
		decl, err := app.Parse("doorwright.yaml", []byte(text), app.Options{})
		if err != nil {
			refused++
			continue
		}
		accepted++
		a := &App{cfg: Config{Stage: "dev"}, decl: decl, identityPoolIDs: map[string]string{"Auth": "us-east-1:x"}}
		roles, err := a.roles()
		if err == nil {
			_, err = iam.New(iam.Config{
				AccountID: aws.AccountID, Region: "us-east-1", Root: sigv4.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s"}, Keys: [][]byte{make([]byte, 32)}, Roles: roles,
			})
		}
		if err != nil {
			t.Errorf("the declaration accepts\n%s\nthe account: %v", text, err)
		}
	}
	if accepted < 400 || refused < 400 {
		t.Errorf("%d were accepted and %d refused: the test tests too little", accepted, refused)
	}
}
