package cloudformation_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/cloudformation"
)

// compiled gives the template of a declaration beside the handlers of declare.
func compiled(t *testing.T, text, stage string) *cloudformation.Template {
	t.Helper()
	template, _, err := synth(t, declare(t, text), stage)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// resources gives the logical ids of a type, sorted.
func resources(template *cloudformation.Template, typ string) []string {
	var ids []string
	for id, r := range template.Resources {
		if r.Type == typ {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// only gives the one resource of a type.
func only(t *testing.T, template *cloudformation.Template, typ string) (string, cloudformation.Resource) {
	t.Helper()
	ids := resources(template, typ)
	if len(ids) != 1 {
		t.Fatalf("there are %d of %s: %v", len(ids), typ, ids)
	}
	return ids[0], template.Resources[ids[0]]
}

// TestRESTDeployment: a deployment is a picture of the API. Whatever changes in it makes
// another one, and nothing else does; the old one is left for who goes back to it.
// https://github.com/serverless/serverless/issues/1761
func TestRESTDeployment(t *testing.T) {
	const base = `name: x
userPools: {Users: {clients: {web: {}, app: {}}}}
apis:
  Api:
    protocol: rest
    authorizers: {z: {type: lambda, kind: token, function: b, resultTtlInSeconds: 60}, users: {type: user_pool, userPool: Users}}
    gatewayResponses: {DEFAULT_4XX: {headers: {X-A: "'1'"}}}
    routes:
      GET /a/{id}: {function: a, authorizer: z, requestParameters: [method.request.querystring.q]}
      GET /b: {function: {handler: c, memorySize: 128}, authorizer: users}
`
	deployment := func(t *testing.T, text string) string {
		template := compiled(t, text, "dev")
		id, r := only(t, template, "AWS::ApiGateway::Deployment")
		if r.DeletionPolicy != "Retain" {
			t.Error("the deployment before is deleted")
		}
		for _, typ := range []string{"Method", "Authorizer", "GatewayResponse"} {
			for _, part := range resources(template, "AWS::ApiGateway::"+typ) {
				if !slices.Contains(r.DependsOn, part) {
					t.Errorf("the deployment does not wait for %s", part)
				}
			}
		}
		for _, stage := range properties(t, template, "AWS::ApiGateway::Stage") {
			if got := fmt.Sprint(stage["DeploymentId"]); got != "map[Ref:"+id+"]" {
				t.Errorf("the stage shows %s, not %s", got, id)
			}
		}
		return id
	}
	first := deployment(t, base)
	for _, change := range []struct{ name, old, new string }{
		{"a route more", "    routes:\n", "    routes:\n      GET /c: {function: a, authorizer: z}\n"},
		{"a route less", "      GET /b: {function: {handler: c, memorySize: 128}, authorizer: users}\n", ""},
		{"an authorizer's cache", "60", "0"},
		{"an open route", "authorizer: users}\n", "authorizer: none}\n"},
		{"a gateway response", "'1'", "'2'"},
		{"a parameter", "querystring.q", "querystring.p"},
		{"the function of a route", "function: a,", "function: c,"},
		{"media types", "    protocol: rest\n", "    protocol: rest\n    binaryMediaTypes: [image/png]\n"},
		{"the resource policy", "    protocol: rest\n", "    protocol: rest\n    resourcePolicy: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Principal: \"*\", Action: \"execute-api:Invoke\", Resource: \"execute-api:/*\"}]}\n"},
		{"cors", "    protocol: rest\n", "    protocol: rest\n    cors: true\n"},
	} {
		t.Run(change.name, func(t *testing.T) {
			if next := deployment(t, strings.Replace(base, change.old, change.new, 1)); next == first {
				t.Error("the deployment is still the one before")
			}
		})
	}
	if same := deployment(t, strings.Replace(base, "memorySize: 128", "memorySize: 256", 1)); same != first {
		t.Error("what is not of the API made another deployment")
	}
}

// TestProtected: nothing that holds data in prod is ever deleted with its stack, or by a
// change of it; and of other stages all is.
func TestProtected(t *testing.T) {
	declared, err := os.ReadFile("testdata/pools/doorwright.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := func(stage, more string) *cloudformation.Template {
		template, _, err := synth(t, declare(t, string(declared)+more), stage)
		if err != nil {
			t.Fatal(err)
		}
		return template
	}
	for _, c := range []struct {
		name     string
		template *cloudformation.Template
		keeps    bool
	}{
		{"prod", a("prod", ""), true},
		{"dev", a("dev", ""), false},
		{"a stage that says so", a("live", "stages: {live: {protected: true}, test: {}}\n"), true},
		{"one beside it", a("test", "stages: {live: {protected: true}, test: {}}\n"), false},
		{"all stages", a("test", "protected: true\n"), true},
		{"prod that says no", a("prod", "stages: {prod: {protected: false}}\n"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, typ := range []string{"AWS::Cognito::UserPool", "AWS::Cognito::IdentityPool", "AWS::DynamoDB::Table", "AWS::S3::Bucket"} {
				ids := resources(c.template, typ)
				if len(ids) == 0 {
					t.Errorf("there is no %s", typ)
				}
				for _, id := range ids {
					r := c.template.Resources[id]
					if keeps := r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain"; keeps != c.keeps {
						t.Errorf("%s: DeletionPolicy %q, UpdateReplacePolicy %q", id, r.DeletionPolicy, r.UpdateReplacePolicy)
					}
				}
			}
			for id, p := range properties(t, c.template, "AWS::Cognito::UserPool") {
				if (p["DeletionProtection"] == "ACTIVE") != c.keeps {
					t.Errorf("%s: DeletionProtection %v", id, p["DeletionProtection"])
				}
			}
			for id, p := range properties(t, c.template, "AWS::DynamoDB::Table") {
				if got := fmt.Sprint(p["DeletionProtectionEnabled"], p["PointInTimeRecoverySpecification"]); got != fmt.Sprintf("%t map[PointInTimeRecoveryEnabled:%[1]t]", c.keeps) {
					t.Errorf("%s: %s", id, got)
				}
			}
		})
	}
}

// TestTriggerMayManageItsPool: the rights of a trigger over its pool stand beside its
// role; a reference in its environment closes the circle, and is explained.
// https://github.com/aws/aws-cdk/issues/7016
func TestTriggerMayManageItsPool(t *testing.T) {
	const text = `name: x
userPools:
  Users:
    clients: {web: {}}
    triggers:
      postConfirmation: {handler: a, permissions: [Users]%s}
`
	template := compiled(t, fmt.Sprintf(text, ""), "dev")
	if ids := resources(template, "AWS::IAM::Policy"); len(ids) != 1 {
		t.Errorf("policies beside roles: %v", ids)
	}
	for _, ref := range []string{"${userPools.Users.id}", "${userPools.Users.clients.web.id}"} {
		_, _, err := synth(t, declare(t, fmt.Sprintf(text, `, environment: {POOL: "`+ref+`"}`)), "dev")
		var list app.ErrorList
		if !errors.As(err, &list) || len(list) != 1 || list[0].Line != 6 || !strings.Contains(list[0].Message, "UserPoolUsers") || !strings.Contains(list[0].Hint, "userPoolId") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	// The address of the pool's pages is no such reference.
	compiled(t, fmt.Sprintf(strings.Replace(text, "  Users:\n", "  Users:\n    domain: riders\n", 1), `, environment: {LOGIN: "${userPools.Users.url}"}`), "dev")
}

// TestPermissionsOfTriggers: each pool may invoke the functions of its triggers, no other
// does, and none has a second permission for a second trigger.
func TestPermissionsOfTriggers(t *testing.T) {
	template := compiled(t, "name: x\nuserPools:\n  A: {clients: {web: {}}, triggers: {preSignUp: a, postConfirmation: a, customMessage: b}}\n  B: {clients: {web: {}}, triggers: {preSignUp: a}}\n", "dev")
	var got []string
	for _, p := range properties(t, template, "AWS::Lambda::Permission") {
		got = append(got, fmt.Sprint(p["Principal"], p["Action"], p["FunctionName"], p["SourceArn"]))
	}
	slices.Sort(got)
	var want []string
	for _, pair := range [][2]string{{"FunctionAECBD9BE9", "UserPoolA"}, {"FunctionAECBD9BE9", "UserPoolB"}, {"FunctionB169F616F", "UserPoolA"}} {
		want = append(want, fmt.Sprintf("cognito-idp.amazonaws.comlambda:InvokeFunctionmap[Fn::GetAtt:[%s Arn]] map[Fn::GetAtt:[%s Arn]]", pair[0], pair[1]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestClientsWait: a client names scopes and providers, which Cognito has to know before.
func TestClientsWait(t *testing.T) {
	template, _, err := synth(t, "testdata/pools", "dev")
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range properties(t, template, "AWS::Cognito::UserPoolClient") {
		var want []string
		switch p["ClientName"] {
		case "web":
			want = append(resources(template, "AWS::Cognito::UserPoolIdentityProvider"), "ResourceServerRidersRides91FA3E43")
		case "machine":
			want = []string{"ResourceServerRidersFleet99B7C4F2"}
		}
		if got := template.Resources[id].DependsOn; !slices.Equal(got, want) {
			t.Errorf("%s depends on %v, not %v", p["ClientName"], got, want)
		}
	}
}

// TestOIDCProviders: one for each issuer and account, in the form that IAM and clients
// name it by, and none that was there before.
func TestOIDCProviders(t *testing.T) {
	for _, c := range []struct{ federation, url string }{
		{"domain: myorg.us.auth0.com", "https://myorg.us.auth0.com"},
		{"issuer: https://myorg.us.auth0.com/", "https://myorg.us.auth0.com"},
		{"issuer: https://id.example/tenants/1/", "https://id.example/tenants/1/"},
		{"issuer: https://id.example/tenants/1", "https://id.example/tenants/1"},
		{`domain: myorg.us.auth0.com, providerArn: "arn:aws:iam::123456789012:oidc-provider/myorg.us.auth0.com"`, ""},
	} {
		text := "name: x\nidentityPools:\n  A: {federation: {f: {clientId: one, " + c.federation + "}}}\n  B: {federation: {f: {clientId: two, " + c.federation + "}}}\n"
		template := compiled(t, text, "prod")
		providers := properties(t, template, "AWS::IAM::OIDCProvider")
		for id, p := range providers {
			if p["Url"] != c.url || fmt.Sprint(p["ClientIdList"]) != "[one two]" {
				t.Errorf("%s: %s has %v", c.federation, id, p)
			}
		}
		if (len(providers) == 1) != (c.url != "") {
			t.Errorf("%s: %d providers", c.federation, len(providers))
		}
		var named []string
		for _, p := range template.Providers {
			named = append(named, fmt.Sprint(p.ARN, " ", p.URL, " ", p.Clients, " ", p.Pos.Line))
		}
		if want := []string{"arn:aws:iam::123456789012:oidc-provider/myorg.us.auth0.com https://myorg.us.auth0.com [one] 3", "arn:aws:iam::123456789012:oidc-provider/myorg.us.auth0.com https://myorg.us.auth0.com [two] 4"}; len(providers) == 0 && !slices.Equal(named, want) || len(providers) > 0 && named != nil {
			t.Errorf("%s: what has to be there is %q", c.federation, named)
		}
		for id, p := range properties(t, template, "AWS::Cognito::IdentityPool") {
			arns, _ := json.Marshal(p["OpenIdConnectProviderARNs"])
			if want := `["arn:aws:iam::123456789012:oidc-provider/myorg.us.auth0.com"]`; len(providers) == 0 && string(arns) != want || len(providers) == 1 && !strings.Contains(string(arns), resources(template, "AWS::IAM::OIDCProvider")[0]) {
				t.Errorf("%s: %s trusts %s", c.federation, id, arns)
			}
		}
	}
}

// TestTrust: a role of an identity pool is for the identities of that pool alone, signed
// in or not as it says; that of a group that no pool gives is for nobody.
func TestTrust(t *testing.T) {
	template := compiled(t, `name: x
userPools: {Users: {clients: {web: {}}, groups: {given: {permissions: [T]}, lost: {permissions: [T]}}}}
identityPools:
  Auth:
    userPools: [Users]
    allowUnauthenticatedIdentities: true
    roleMappings: {Users: {type: rules, rules: [{claim: c, value: v, role: Users.given}, {claim: c, value: w, permissions: [T]}]}}
  Other: {userPools: [Users]}
tables: {T: {fields: {k: string}, primaryIndex: {partitionKey: k}}}
`, "dev")
	trust := map[string]string{}
	for id, p := range properties(t, template, "AWS::IAM::Role") {
		text, _ := json.Marshal(p["AssumeRolePolicyDocument"])
		trust[strings.TrimRight(id, "0123456789ABCDEF")] = string(text)
	}
	of := func(pool, whom string) string {
		return `{"Statement":[{"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"` + whom +
			`"},"StringEquals":{"cognito-identity.amazonaws.com:aud":[{"Ref":"` + pool + `"}]}},"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"}}],"Version":"2012-10-17"}`
	}
	for id, want := range map[string]string{
		"IdentityRoleAuthAuthenticated": of("IdentityPoolAuth", "authenticated"), "IdentityRoleAuthUnauthenticated": of("IdentityPoolAuth", "unauthenticated"),
		"IdentityRoleOtherAuthenticated": of("IdentityPoolOther", "authenticated"), "GroupRoleUsersGiven": of("IdentityPoolAuth", "authenticated"),
		"RuleRoleAuthUsers":  of("IdentityPoolAuth", "authenticated"),
		"GroupRoleUsersLost": `{"Statement":[{"Action":["sts:AssumeRole"],"Effect":"Deny","Principal":{"AWS":"*"}}],"Version":"2012-10-17"}`,
	} {
		if trust[id] != want {
			t.Errorf("%s trusts\n%s, not\n%s", id, trust[id], want)
		}
	}
	if len(trust) != 6 {
		t.Errorf("%d roles", len(trust))
	}
}

// TestServiceRefusals: what AWS would refuse half-way, or take and not enforce.
func TestServiceRefusals(t *testing.T) {
	for _, c := range []struct{ name, text, at, message, hint string }{
		{"a local tenant", "name: x\ntenants: {T: {applications: {web: {type: spa, callbacks: [\"http://localhost:3000\"]}}}}\nidentityPools: {A: {federation: {t: {tenant: T, application: web}}}}\n", ":2:11", "the tenant T has no domain", "domain:"},
		{"a local issuer", "name: x\nidentityPools: {A: {federation: {t: {issuer: \"http://localhost:4000/\", clientId: c}}}}\n", ":2:46", "the issuer localhost is on your machine", "below stages.prod"},
		{"a local identity provider", "name: x\nuserPools: {U: {domain: riders, identityProviders: {Corp: {type: oidc, issuer: \"http://localhost:4000\", clientId: c, clientSecret: \"${secret:S}\"}}}}\n", ":2:80", "the issuer localhost is on your machine", "below stages.prod"},
		{"e-mail as a second factor", "name: x\nuserPools: {U: {mfa: on, enabledMfas: [softwareToken, email]}}\n", ":2:55", "e-mail as a second factor", "softwareToken"},
		{"one domain for two pools", "name: x\nuserPools: {U: {domain: riders}, V: {domain: riders}}\n", ":2:", "the domain riders is already that of userPools.U", "of its own"},
		{"two names of a parameter", "name: x\napis: {Api: {protocol: rest, routes: {'GET /a/{id}': a, 'GET /a/{name}/b': a}}}\n", ":2:57", "below one path a REST API has one parameter", "one name"},
		{"a parameter beside a greedy one", "name: x\napis: {Api: {protocol: rest, routes: {'GET /a/{id}': a, 'ANY /a/{rest+}': a}}}\n", ":2:57", "below one path a REST API has one parameter", "protocol: http"},
		{"two names of an HTTP API's parameter", "name: x\napis: {Api: {routes: {'GET /a/{id}': a, 'PUT /a/{name}/b': a}}}\n", ":2:41", "below one path an HTTP API on AWS has one name", "one name"},
		{"clients of a REST authorizer with scopes", "name: x\nuserPools: {U: {clients: {web: {}, app: {}}}}\napis: {Api: {protocol: rest, authorizers: {u: {type: user_pool, userPool: U, clients: [web]}}, routes: {GET /: {function: a, authorizer: u, scopes: [s]}}}}\n", ":3:", "every client of a pool", "protocol: http"},
		{"the value of a key that AWS makes", "name: x\napis: {Api: {protocol: rest, apiKeys: {k: {}}, usagePlans: {p: {apiKeys: [k]}}, routes: {GET /: {function: a, authorizer: none, apiKeyRequired: true}}}}\noutputs: {Key: \"${apis.Api.apiKeys.k.value}\"}\n", ":3:", "does not tell the value of a key", "${secret:NAME}"},
		{"role mappings of many clients", "name: x\nuserPools: {U: {clients: {c0: {}, c1: {}, c2: {}, c3: {}, c4: {}, c5: {}, c6: {}, c7: {}, c8: {}, c9: {}, c10: {}}}}\nidentityPools: {A: {userPools: [U], roleMappings: {U: {type: token}}}}\n", ":3:37", "the role mappings are 11 on AWS", "userPools"},
		{"a tag of a long issuer", "name: x\nidentityPools: {A: {federation: {t: {issuer: \"https://issuer.example/a/path/that/is/so/long/that/cognito/has/no/room/for/it/as/the/name/of/a/provider/of/tags\", clientId: c}}, principalTags: {t: {a: b}}}}\n", ":2:", "longer than the 128 characters", "take it out"},
		{"a REST API without routes", "name: x\napis: {Api: {protocol: rest}}\n", ":2:8", "the REST API Api has no routes", "give it a route"},
		{"nothing", "name: x\n", ":1:1", "nothing that goes to AWS", "declare"},
		{"a tenant alone", "name: x\ntenants: {T: {domain: x.auth0.com}}\n", ":1:1", "nothing that goes to AWS", "declare"},
		{"an identity pool in China", "name: x\nregion: cn-north-1\nidentityPools: {A: {allowUnauthenticatedIdentities: true}}\n", ":3:17", "cannot go to cn-north-1", "another region"},
		{"a domain in GovCloud", "name: x\nregion: us-gov-west-1\nuserPools: {U: {domain: riders}}\n", ":3:17", "cannot go to us-gov-west-1", "another region"},
		{"the local account's role", "name: x\nuserPools: {U: {groups: {g: {roleArn: \"arn:aws:iam::000000000000:role/r\"}}}}\n", ":2:", "is of the account that stands for yours locally", "the ARN with your account"},
		{"the local account's provider", "name: x\nidentityPools: {A: {federation: {t: {domain: t.auth0.com, clientId: c, providerArn: \"arn:aws:iam::000000000000:oidc-provider/t.auth0.com\"}}}}\n", ":2:", "is of the account that stands for yours locally", "the ARN with your account"},
		{"a secret in a text", "name: x\nuserPools: {U: {groups: {g: {description: \"{{resolve:secretsmanager:prod-x/KEY:SecretString}}\"}}}}\n", ":2:", "CloudFormation would put another text", "${secret:NAME}"},
		{"a dynamic reference in a text", "name: x\nuserPools: {U: {groups: {g: {description: \"{{resolve:secretsmanager:k}}\"}}}}\n", ":2:", "CloudFormation would put another text", ""},
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

// TestClientsOfRESTAuthorizer: API Gateway takes the ID tokens of all clients of a pool
// unless their aud is looked at.
func TestClientsOfRESTAuthorizer(t *testing.T) {
	const text = "name: x\nuserPools: {U: {clients: {web: {}, app: {}, old: {}}}}\napis: {Api: {protocol: rest, authorizers: {u: {type: user_pool, userPool: U%s}}, defaults: {authorizer: u}, routes: {GET /: a}}}\n"
	for clients, want := range map[string]string{
		"": "<nil>", ", clients: [web, app, old]": "<nil>", ", clients: [web]": "map[Fn::Sub:^(${UserPoolClientUWeb",
		", clients: [web, app]": "map[Fn::Sub:^(${UserPoolClientUWeb",
	} {
		for _, p := range properties(t, compiled(t, fmt.Sprintf(text, clients), "dev"), "AWS::ApiGateway::Authorizer") {
			if got := fmt.Sprint(p["IdentityValidationExpression"]); !strings.HasPrefix(got, want) || want != "<nil>" && !strings.HasSuffix(got, "})$]") {
				t.Errorf("%q: the expression is %s", clients, got)
			}
		}
	}
}

// TestSameInAnotherFolder: the template depends on what is declared, not on where.
func TestSameInAnotherFolder(t *testing.T) {
	for _, name := range []string{"pools", "rest"} {
		from := filepath.Join("testdata", name)
		to := filepath.Join(t.TempDir(), "elsewhere")
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, "go.mod"), []byte("module example.com/x\n\ngo 1.26\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		var texts [][]byte
		for _, dir := range []string{from, to} {
			template, _, err := synth(t, dir, "dev")
			if err != nil {
				t.Fatal(err)
			}
			text, err := template.JSON()
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
		if !bytes.Equal(texts[0], texts[1]) {
			t.Errorf("the template of %s depends on its folder", name)
		}
	}
}

// TestBoundOfSecrets: a stack refers to values elsewhere at most 60 times, each place counts.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
func TestBoundOfSecrets(t *testing.T) {
	text := func(n int) string {
		var b strings.Builder
		b.WriteString("name: x\napis: {Api: {defaults: {function: {environment: {KA: \"${secret:KEY}\", KB: \"${secret:KEY}-${secret:OTHER}\"}}}, routes: {")
		for i := range n {
			fmt.Fprintf(&b, "GET /%d: {function: {handler: a, memorySize: %d}}, ", i, 128+i)
		}
		return b.String() + "}}}\n"
	}
	if n := len(resources(compiled(t, text(20), "dev"), "AWS::Lambda::Function")); n != 20 {
		t.Errorf("%d functions", n)
	}
	_, _, err := synth(t, declare(t, text(21)), "dev")
	if err == nil || !strings.Contains(err.Error(), "the app refers to secrets 63 times; a stack does so at most 60 times") {
		t.Errorf("got %v", err)
	}
}

// TestLongestNames: the longest app, stage and API have names that AWS takes.
func TestLongestNames(t *testing.T) {
	long := func(n int) string { return "a" + strings.Repeat("b", n-1) }
	stage := long(32)
	text := "name: " + long(63) + "\napis: {" + long(64) + ": {accessLog: $context.requestId, routes: {GET /: a}}, R" + long(63) + ": {protocol: rest, accessLog: $context.requestId, routes: {GET /: a}}}\n"
	template := compiled(t, text, stage)
	for _, c := range []struct {
		typ, property string
		most          int
	}{
		{"AWS::ApiGatewayV2::Api", "Name", 128}, {"AWS::ApiGateway::RestApi", "Name", 128}, {"AWS::ApiGateway::Stage", "StageName", 128},
		{"AWS::Lambda::Function", "FunctionName", 64}, {"AWS::Lambda::Function", "Description", 256}, {"AWS::Logs::LogGroup", "LogGroupName", 512}, {"AWS::IAM::Role", "Description", 1000},
	} {
		for id, p := range properties(t, template, c.typ) {
			if name := fmt.Sprint(p[c.property]); len(name) > c.most || len(id) > 255 {
				t.Errorf("%s of %s has %d characters: %s", c.property, id, len(name), name)
			}
		}
	}
	names := properties(t, compiled(t, strings.ReplaceAll(text, "R"+long(63), "R"+long(62)+"c"), stage), "AWS::ApiGateway::RestApi")
	for id, p := range properties(t, template, "AWS::ApiGateway::RestApi") {
		for other, q := range names {
			if p["Name"] == q["Name"] {
				t.Errorf("%s and %s are both %s", id, other, p["Name"])
			}
		}
	}
}

// TestBounds: a stack has at most 500 resources, and 500 are taken.
func TestBounds(t *testing.T) {
	text := func(n int) string {
		var b strings.Builder
		b.WriteString("name: x\nbuckets:\n")
		for i := range n {
			fmt.Fprintf(&b, "  B%d: {}\n", i)
		}
		return b.String()
	}
	if n := len(compiled(t, text(500), "dev").Resources); n != 500 {
		t.Errorf("%d resources", n)
	}
	_, _, err := synth(t, declare(t, text(501)), "dev")
	if err == nil || !strings.Contains(err.Error(), "the app has 501 resources; a stack has at most 500") {
		t.Errorf("got %v", err)
	}
	// A role's policies have 10240 characters.
	tables := func(n int) string {
		var names []string
		var b strings.Builder
		for i := range n {
			names = append(names, fmt.Sprintf("T%d", i))
			fmt.Fprintf(&b, "  T%d: {fields: {k: string}, primaryIndex: {partitionKey: k}}\n", i)
		}
		return "name: x\ntables:\n" + b.String() + "apis: {Api: {routes: {GET /: {function: a, permissions: [" + strings.Join(names, ", ") + "]}}}}\n"
	}
	compiled(t, tables(25), "dev")
	_, _, err = synth(t, declare(t, tables(50)), "dev")
	if err == nil || !strings.Contains(err.Error(), "IAM allows 10240 for a role") || !strings.Contains(err.Error(), "doorwright.yaml:53:") {
		t.Errorf("got %v", err)
	}
	// And a template a megabyte: each path answers preflights with all of the headers.
	large := func(paths int) error {
		var headers, routes strings.Builder
		for i := range 300 {
			fmt.Fprintf(&headers, "X-A-Header-Of-Thirty-Characters-%d, ", i)
		}
		for i := range paths {
			fmt.Fprintf(&routes, "GET /p%d: a, ", i)
		}
		_, err := compiled(t, "name: x\napis: {Api: {protocol: rest, cors: {allowOrigins: ['*'], allowHeaders: ["+headers.String()+"X-Last]}, routes: {"+routes.String()+"}}}\n", "dev").JSON()
		return err
	}
	if err := large(60); err != nil {
		t.Errorf("60 paths: %v", err)
	}
	if err := large(150); err == nil || !strings.Contains(err.Error(), "CloudFormation takes 1048576") {
		t.Errorf("150 paths: %v", err)
	}
}

// TestRESTGuards: each method is guarded as its route is declared, and none is there that
// nobody declared but the answers to preflights.
func TestRESTGuards(t *testing.T) {
	template, _, err := synth(t, "testdata/rest", "dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range resources(template, "AWS::ApiGateway::Stage") { // deploy names the line
		if at := template.Resources[id].Lines["AccessLogSetting"]; at.Line != 9 {
			t.Errorf("the access log of %s is at %s", id, at)
		}
	}
	tree := properties(t, template, "AWS::ApiGateway::Resource")
	var path func(id any) string
	path = func(id any) string {
		ref, ok := id.(map[string]any)["Ref"].(string)
		if !ok {
			return "" // the root
		}
		return path(tree[ref]["ParentId"]) + "/" + tree[ref]["PathPart"].(string)
	}
	authorizers := properties(t, template, "AWS::ApiGateway::Authorizer")
	got := map[string]string{}
	for _, m := range properties(t, template, "AWS::ApiGateway::Method") {
		guard := m["AuthorizationType"].(string)
		if z, ok := m["AuthorizerId"].(map[string]any); ok {
			a := authorizers[z["Ref"].(string)]
			guard += " " + a["Name"].(string) + " " + a["Type"].(string)
		}
		if m["ApiKeyRequired"] == true {
			guard += " key"
		}
		scopes, _ := m["AuthorizationScopes"].([]any)
		got[m["HttpMethod"].(string)+" "+cmp.Or(path(m["ResourceId"]), "/")] = fmt.Sprint(guard, scopes, " ", m["Integration"].(map[string]any)["Type"])
	}
	want := map[string]string{
		"GET /": "NONE[] AWS_PROXY", "GET /items": "COGNITO_USER_POOLS users COGNITO_USER_POOLS[] AWS_PROXY",
		"POST /items":     "COGNITO_USER_POOLS users COGNITO_USER_POOLS[aws.cognito.signin.user.admin] AWS_PROXY",
		"GET /items/{id}": "CUSTOM token TOKEN key[] AWS_PROXY", "ANY /items/{id}": "COGNITO_USER_POOLS web COGNITO_USER_POOLS[] AWS_PROXY",
		"GET /items/{id}/{photo+}": "CUSTOM request REQUEST[] AWS_PROXY", "OPTIONS /own": "NONE[] AWS_PROXY", "GET /own": "AWS_IAM[] AWS_PROXY",
		"OPTIONS /": "NONE[] MOCK", "OPTIONS /items": "NONE[] MOCK", "OPTIONS /items/{id}": "NONE[] MOCK", "OPTIONS /items/{id}/{photo+}": "NONE[] MOCK",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// TestFunctionKnowsItsAPI: an API is resources of its own and no document that names its
// functions, so that a function may be told the address of the API that calls it.
func TestFunctionKnowsItsAPI(t *testing.T) {
	for _, protocol := range []string{"http", "rest"} {
		template := compiled(t, "name: x\napis: {Api: {protocol: "+protocol+", routes: {GET /: {function: {handler: a, environment: {URL: '${apis.Api.url}'}}}}}}\n", "dev")
		_, f := only(t, template, "AWS::Lambda::Function")
		text, err := json.Marshal(f.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), ".execute-api.") {
			t.Errorf("%s: the function is %s", protocol, text)
		}
		for _, typ := range []string{"AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi"} {
			for id, p := range properties(t, template, typ) {
				if p["Body"] != nil || p["BodyS3Location"] != nil {
					t.Errorf("%s: %s is made of a document", protocol, id)
				}
			}
		}
	}
}

// TestNothingOfTheWholeAccount: a stack owns nothing of which an account has one, but for
// an OIDC provider that nobody has made: with the stack it would go from all others.
func TestNothingOfTheWholeAccount(t *testing.T) {
	for _, g := range golden {
		template, _, err := synth(t, g.dir, g.stage)
		if err != nil {
			t.Fatal(err)
		}
		for id, r := range template.Resources {
			if r.Type == "AWS::ApiGateway::Account" || r.Type == "AWS::Logs::ResourcePolicy" || r.Type == "AWS::SecretsManager::Secret" {
				t.Errorf("%s: %s is %s", g.name, id, r.Type)
			}
		}
	}
}
