package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
)

// Each warning stands where its cause is, and says what to write. Of the second
// declaration of a row nothing is to be said.
func TestLint(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"own.js":    "exports.handler = async (event) => ({principalId: 'a', policyDocument: {Version: '2012-10-17', Statement: [{Action: 'execute-api:Invoke', Effect: 'Allow', Resource: event.methodArn}]}})\n",
		"python.py": "def handler(event, context):\n    return {'policyDocument': {'Statement': [{'Resource': [event['methodArn']]}]}}\n",
		"wide.js":   "exports.handler = async (event) => ({Resource: event.methodArn.split('/').slice(0, 2).join('/') + '/*'})\nconst x = {Resource: '*'}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rest := func(authorizer, routes string) string {
		return "name: app\napis:\n  Api:\n    protocol: rest\n    authorizers:\n      z: " + authorizer + "\n    defaults: {authorizer: z}\n    routes:\n" + routes
	}
	http := func(api string) string { return "name: app\napis:\n  Api:\n" + api }
	pool := func(auth string) string {
		return "name: app\nuserPools:\n  Users: {clients: {web: {}}}\ntables: {Notes: {fields: {id: string}, primaryIndex: {partitionKey: id}}}\nbuckets: {Uploads: {}}\n" +
			"apis:\n  Api:\n    routes: {GET /a: {function: own.handler, authorizer: iam}}\nidentityPools:\n  Auth: {userPools: [Users], " + auth + "}\n"
	}
	authenticated := func(statement string) string {
		return strings.Replace(pool("AUTH"), "  Auth: {userPools: [Users], AUTH}\n", "  Auth: {permissions: {authenticated: ["+statement+"]},\n    userPools: [Users]}\n", 1)
	}
	tenant := func(issuer, audience, scope string) string {
		return "name: app\ntenants: {T: {apis: {A: {identifier: https://a.example, permissions: [\"read:a\"]}}}}\napis:\n  Api:\n" +
			"    authorizers: {z: {type: jwt, issuer: \"" + issuer + "\", audience: [\"" + audience + "\"]}}\n" +
			"    routes: {GET /a: {function: own.handler, authorizer: z, scopes: [\"" + scope + "\"]}}\n"
	}
	const (
		one   = "      GET /a: own.handler\n"
		two   = "      GET /a: own.handler\n      GET /b: own.handler\n"
		proxy = "      ANY /{proxy+}: own.handler\n"
		deny  = `{Effect: Deny, Principal: "*", Action: execute-api:Invoke, Resource: execute-api:/*}`
		// A Lambda authorizer allows by itself what the policy does not deny.
		denying = "name: app\napis:\n  Api:\n    protocol: rest\n    authorizers: {z: {type: lambda, function: own.handler, resultTtlInSeconds: 0}}\n    defaults: {authorizer: z}\n" +
			"    resourcePolicy: {Version: \"2012-10-17\", Statement: [" + deny + "]}\n    routes:\n"
		jwt = "    authorizers: {z: {type: jwt, issuer: \"https://i.example\", audience: [a]}}\n    defaults: {authorizer: z}\n    routes:\n"
	)
	for name, row := range map[string]struct{ bad, at, message, hint, good string }{
		"the walk-through's expression": {rest(`{type: lambda, kind: token, function: own.handler, resultTtlInSeconds: 0, identityValidationExpression: '^Bearer [-0-9a-zA-z\.]*$'}`, one),
			":6:", "A-z also means", `write '^Bearer [-0-9a-zA-Z_\.]*$'`,
			rest(`{type: lambda, kind: token, function: own.handler, resultTtlInSeconds: 0, identityValidationExpression: '^Bearer [-0-9a-zA-Z._]*$'}`, one)},
		"a kept policy of one method": {rest(`{type: lambda, function: own.handler}`, two), ":6:7: ", "kept for 300 seconds", "*/*",
			rest(`{type: lambda, function: own.handler, resultTtlInSeconds: 0}`, two)},
		"in Python": {rest(`{type: lambda, kind: token, function: {handler: python.handler}}`, proxy), ":6:7: ", "kept for 300 seconds", "resultTtlInSeconds: 0",
			rest(`{type: lambda, kind: token, function: wide.handler}`, proxy)},
		"one method alone": {rest(`{type: lambda, function: own.handler}`, proxy), ":6:7: ", "kept for", "",
			rest(`{type: lambda, function: own.handler}`, one)},
		"Auth0 without its slash": {http("    authorizers: {z: {type: jwt, issuer: \"https://t.eu.auth0.com\", audience: [a]}}\n    routes: {GET /a: {function: own.handler, authorizer: z}}\n"),
			":4:42: ", "ends in a slash", `write "https://t.eu.auth0.com/"`,
			http("    authorizers: {z: {type: jwt, issuer: \"https://t.eu.auth0.com/\", audience: [a]}}\n    routes: {GET /a: {function: own.handler, authorizer: z}}\n")},
		"a tenant's url as issuer": {tenant("${tenants.T.url}", "https://a.example", "read:a"), ":5:42: ", "ends in a slash", `write "${tenants.T.url}/"`,
			tenant("${tenants.T.issuer}", "https://a.example", "read:a")},
		"a tenant's domain as issuer": {tenant("https://${tenants.T.domain}", "https://a.example", "read:a"), ":5:42: ", "none of them would be accepted", `write "https://${tenants.T.domain}/"`,
			tenant("https://${tenants.T.domain}/", "https://a.example", "read:a")},
		"an audience of no API": {tenant("${tenants.T.issuer}", "https://b.example", "read:b"), ":5:76: ", `"https://b.example" is the identifier of no API of tenant T`, "[https://a.example]",
			tenant("${tenants.T.issuer}", "https://a.example", "openid")},
		"a scope that is no permission": {tenant("${tenants.T.issuer}", "https://a.example", "list:a"), ":6:14: ", `the scope "list:a" of "GET /a" is no permission of an API of tenant T: no token has it`, "[read:a]",
			strings.Replace(tenant("${tenants.T.issuer}", "https://a.example", "list:a"), "{apis:", "{domain: t.auth0.com, apis:", 1)},
		"any origin with credentials": {http("    cors: {allowOrigins: [\"https://*\"], allowCredentials: true}\n    routes: {GET /a: own.handler}\n"), ":4:27: ", "any page", "name the origins",
			http("    cors: {allowOrigins: [\"https://a.example\"], allowCredentials: true}\n    routes: {GET /a: own.handler}\n")},
		"an open POST beside a guarded GET": {http(jwt + "      GET /a: own.handler\n      POST /a: {function: own.handler, authorizer: none}\n"), ":8:7: ", `"POST /a" is open, and "GET /a" beside it is guarded`, "guard it too",
			http(jwt + "      POST /a: own.handler\n      GET /a: {function: own.handler, authorizer: none}\n      OPTIONS /a: {function: own.handler, authorizer: none}\n")},
		"an open proxy around a guarded POST": {http(jwt + "      POST /admin: own.handler\n      ANY /{proxy+}: {function: own.handler, authorizer: none}\n"), ":8:7: ", "answers every method but POST", `"ANY /admin"`,
			http(jwt + "      ANY /admin: own.handler\n      ANY /{proxy+}: {function: own.handler, authorizer: none}\n      OPTIONS /{proxy+}: {function: own.handler, authorizer: none}\n")},
		"a policy that allows nothing": {"name: app\napis:\n  Api:\n    protocol: rest\n    resourcePolicy: {Version: \"2012-10-17\", Statement: [" + deny + "]}\n    routes: {GET /a: own.handler}\n",
			":5:5: ", `is every request of "GET /a"`, "Effect: Allow",
			"name: app\napis:\n  Api:\n    protocol: rest\n    resourcePolicy: {Version: \"2012-10-17\", Statement: [" + deny + ", " + strings.Replace(deny, "Deny", "Allow", 1) + "]}\n    routes: {GET /a: own.handler}\n"},
		"a policy that allows nothing, and one open route": {denying + "      GET /a: own.handler\n      GET /b: {function: own.handler, authorizer: none}\n", ":7:5: ", `is every request of "GET /b"`, "Effect: Allow",
			denying + "      GET /a: own.handler\n"},
		"a Scan below LeadingKeys": {authenticated(`{actions: ["dynamodb:GetItem", "dynamodb:S*"], resources: [Notes], condition: {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [a]}}}`),
			":10:71: ", "a Scan has no dynamodb:LeadingKeys", "leave dynamodb:Scan out",
			authenticated(`{actions: ["dynamodb:GetItem", "dynamodb:Query"], resources: [Notes], condition: {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [a]}}}`)},
		"a table for anybody": {pool("allowUnauthenticatedIdentities: true, permissions: {unauthenticated: [Notes]}"), ":10:100: ", "anybody may use the table Notes", "dynamodb:LeadingKeys",
			pool(`allowUnauthenticatedIdentities: true, permissions: {unauthenticated: [Api, {actions: ["dynamodb:GetItem"], resources: [Notes], condition: {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [public]}}}, {actions: ["dynamodb:*"], resources: [Notes], effect: Deny}]}`)},
		"part of a table for anybody": {pool(`allowUnauthenticatedIdentities: true, permissions: {unauthenticated: [{actions: ["dynamodb:GetItem"], resources: [Notes]}]}`), ":10:100: ", "anybody may", "",
			pool(`allowUnauthenticatedIdentities: true, permissions: {unauthenticated: [{actions: ["s3:GetObject"], resources: [Uploads/public/*]}]}`)},
		"an object action on the bucket": {authenticated(`{actions: ["s3:GetObject"], resources: [Uploads]}`), ":10:51: ", "says nothing of s3:GetObject", "write Uploads/*",
			authenticated(`{actions: ["s3:GetObject"], resources: [Uploads/*]}`)},
		"a bucket action on objects": {authenticated(`{actions: ["s3:ListBucket"], resources: [Uploads/*]}`), ":10:51: ", "says nothing of s3:ListBucket", "write Uploads",
			authenticated(`{actions: ["s3:ListBucket", "s3:Get*"], resources: [Uploads, Uploads/*]}`)},
		"an action on another service's resource": {authenticated(`{actions: ["s3:GetObject", "dynamodb:GetItem"], resources: [Uploads/*]}`), ":10:67: ", "none of its resources is of dynamodb", "name a resource",
			authenticated(`{actions: ["s3:GetObject", "dynamodb:GetItem"], resources: [Uploads/*, Notes]}`)},
		"an action that is misspelt": {authenticated(`{actions: ["dynamodb:GetItems"], resources: [Notes]}`), ":10:51: ", "hardly an action", `did you mean "dynamodb:GetItem"?`,
			authenticated(`{actions: ["dynamodb:GetItem", "dynamodb:DescribeStream"], resources: [Notes]}`)},
		"every action": {authenticated(`{actions: ["*"], resources: ["*"]}`), ":10:51: ", "every action of every service", "name the actions",
			authenticated(`{actions: ["*"], resources: ["*"], effect: Deny}`)},
		"an identity pool for nobody": {strings.Replace(pool("permissions: {authenticated: [Api]}"), "userPools: [Users], ", "", 1), ":10:3: ", "nobody can get credentials", "add userPools:",
			strings.Replace(pool("developerProviderName: login.example"), "userPools: [Users], ", "", 1)},
		"a group's role that nobody gets": {strings.Replace(pool("permissions: {}"), "{web: {}}", "{web: {}}, groups: {g: {permissions: [Api]}}", 1), ":3:44: ", "nobody gets these permissions", "{Users: {type: token}}",
			strings.Replace(pool("roleMappings: {Users: {type: token}}"), "{web: {}}", "{web: {}}, groups: {g: {permissions: [Api]}, h: {permissions: []}}", 1)},
		"a group's role of elsewhere": {strings.Replace(pool("roleMappings: {Users: {type: token}}"), "{web: {}}", `{web: {}}, groups: {g: {roleArn: "arn:aws:iam::123456789012:role/r"}}`, 1), ":3:53: ", "no such role in a local stage", "permissions:",
			strings.Replace(pool("permissions: {}"), "{web: {}}", `{web: {}}, groups: {g: {roleArn: "arn:aws:iam::123456789012:role/r"}}`, 1)},
		"an open $default": {http(jwt + "      POST /admin: own.handler\n      $default: {function: own.handler, authorizer: none}\n"), ":8:7: ", "$default", "",
			http(jwt + "      POST /x/admin: own.handler\n      ANY /y/{proxy+}: {function: own.handler, authorizer: none}\n")},
	} {
		parse := func(text string) app.ErrorList {
			a, err := app.Parse(filepath.Join(dir, "doorwright.yaml"), []byte(text), app.Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return a.Lint()
		}
		list := parse(row.bad)
		if len(list) != 1 {
			t.Errorf("%s: %d warnings:\n%v", name, len(list), list)
			continue
		}
		if e := list[0]; !e.Warning || !strings.Contains(e.Error(), row.at) || !strings.Contains(e.Error(), "warning: ") || !strings.Contains(e.Message, row.message) || !strings.Contains(e.Hint, row.hint) {
			t.Errorf("%s:\n%v", name, e)
		}
		if list := parse(row.good); len(list) != 0 {
			t.Errorf("%s, mended:\n%v", name, list)
		}
	}
}
