package doorwright_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/doorwright/doorwright"
)

// The authorizers of blueprintNode and blueprintPython take events apart and answer
// as AWS's public blueprints do (github.com/awslabs/aws-apigateway-lambda-authorizer-blueprints):
// the ARN split by colons and slashes, a callback, an error that is a bare string,
// one statement for all resources without a condition and one for each with one,
// and in Python the statement without resources that remains.
const blueprintNode = `"use strict"
exports.handler = function (event, context, callback) {
  const arn = (event.methodArn || event.routeArn).split(":")
  const [api, stage] = arn[5].split("/")
  const token = event.authorizationToken || event.identitySource[0]
  const of = (verb, path) => "arn:aws:execute-api:" + arn[3] + ":" + arn[4] + ":" + api + "/" + stage + "/" + verb + "/" + path
  const statement = (effect, resources, condition) => {
    const s = { Action: "execute-api:Invoke", Effect: effect, Resource: resources }
    if (condition) s.Condition = condition
    return s
  }
  const here = { IpAddress: { "aws:SourceIp": ["127.0.0.1/32", "::1/128"] } }
  const statements = {
    "deny all": [statement("Deny", [of("*", "*")])],
    "allow all": [statement("Allow", [of("*", "*")])],
    "allow some": [statement("Allow", [of("GET", "users/username"), of("GET", "pets/*")])],
    "deny some": [statement("Allow", [of("*", "*")]), statement("Deny", [of("GET", "users/username")])],
    "here": [statement("Allow", [of("GET", "users/*")], here)],
    "elsewhere": [statement("Allow", [of("GET", "users/*")], { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } })],
    "not here": [statement("Deny", [of("GET", "users/*")], here), statement("Allow", [of("*", "*")])],
    "object": [statement("Allow", [of("*", "*")])],
  }[token]
  if (!statements) return callback("Unauthorized", null)
  const reply = { principalId: "user|a1b2c3d4", policyDocument: { Version: "2012-10-17", Statement: statements } }
  reply.context = { key: "value", number: 1, bool: true }
  if (token === "object") reply.context.obj = { foo: "bar" }
  callback(null, reply)
}
exports.echo = async (event) => ({ statusCode: 200, body: JSON.stringify(event.requestContext.authorizer) })
`

const blueprintPython = `from __future__ import print_function


def lambda_handler(event, context):
    print("Method ARN: " + event['methodArn'])
    tmp = event['methodArn'].split(':')
    api, stage = tmp[5].split('/')[:2]
    token = event['authorizationToken']

    def of(verb, path):
        return 'arn:aws:execute-api:' + tmp[3] + ':' + tmp[4] + ':' + api + '/' + stage + '/' + verb + '/' + path

    def statements(effect, methods):
        plain = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': []}
        found = []
        for arn, condition in methods:
            if condition:
                found.append({'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': [arn], 'Condition': condition})
            else:
                plain['Resource'].append(arn)
        if methods:
            found.append(plain)
        return found

    here = {'IpAddress': {'aws:SourceIp': ['127.0.0.1/32', '::1/128']}}
    everything = (of('*', '*'), [])
    allow, deny = {
        'deny all': ([], [everything]),
        'allow all': ([everything], []),
        'allow some': ([(of('GET', 'users/username'), []), (of('GET', 'pets/*'), [])], []),
        'deny some': ([everything], [(of('GET', 'users/username'), [])]),
        'here': ([(of('GET', 'users/*'), here)], []),
        'elsewhere': ([(of('GET', 'users/*'), {'IpAddress': {'aws:SourceIp': '203.0.113.0/24'}})], []),
        'not here': ([everything], [(of('GET', 'users/*'), here)]),
        'object': ([everything], []),
    }.get(token, ([], []))
    if not allow and not deny:
        raise Exception('Unauthorized')
    reply = {'principalId': 'user|a1b2c3d4', 'policyDocument': {'Version': '2012-10-17', 'Statement': []}}
    reply['policyDocument']['Statement'].extend(statements('Allow', allow))
    reply['policyDocument']['Statement'].extend(statements('Deny', deny))
    reply['context'] = {'key': 'value', 'number': 1, 'bool': True}
    if token == 'object':
        reply['context']['obj'] = {'foo': 'bar'}
    return reply
`

// TestBlueprints runs authorizers as AWS publishes them, in REST APIs and in both
// formats of HTTP APIs, on the runtimes themselves.
func TestBlueprints(t *testing.T) {
	for _, program := range []string{"node", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
				t.Fatalf("%s is required and is not on the PATH", program)
			}
			t.Skipf("%s is not on the PATH", program)
		}
	}
	dir := declare(t, `name: app
apis:
  Node:
    protocol: rest
    authorizers: {z: {type: lambda, kind: token, function: node.handler}}
    defaults: {authorizer: z}
    routes: {"GET /users/{name}": node.echo, "POST /users/{name}": node.echo}
  Python:
    protocol: rest
    authorizers: {z: {type: lambda, kind: token, function: api-gateway-authorizer-python.lambda_handler}}
    defaults: {authorizer: z}
    routes: {"GET /users/{name}": node.echo, "POST /users/{name}": node.echo}
  One:
    authorizers: {z: {type: lambda, function: node.handler, payloadFormatVersion: "1.0"}}
    defaults: {authorizer: z}
    routes: {"GET /users/{name}": node.echo, "POST /users/{name}": node.echo}
  Two:
    authorizers: {z: {type: lambda, function: node.handler}}
    defaults: {authorizer: z}
    routes: {"GET /users/{name}": node.echo, "POST /users/{name}": node.echo}
outputs: {Node: "${apis.Node.url}", Python: "${apis.Python.url}", One: "${apis.One.url}", Two: "${apis.Two.url}"}
`)
	for name, text := range map[string]string{"node.js": blueprintNode, "api-gateway-authorizer-python.py": blueprintPython} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	const (
		implicitly = `{"Message":"User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"}`
		explicitly = `{"Message":"User is not authorized to access this resource with an explicit deny in an identity-based policy"}`
	)
	for _, row := range []struct {
		token, method string
		rest, http    int
		body          string // of the REST APIs
	}{
		{"deny all", "GET", 403, 403, explicitly},
		{"allow all", "GET", 200, 200, ""},
		{"allow all", "POST", 200, 200, ""},
		{"allow some", "GET", 200, 200, ""},
		{"allow some", "POST", 403, 403, implicitly},
		{"deny some", "GET", 403, 403, explicitly},
		{"deny some", "POST", 200, 200, ""},
		{"here", "GET", 200, 200, ""},
		{"here", "POST", 403, 403, implicitly},
		{"elsewhere", "GET", 403, 403, implicitly},
		{"not here", "GET", 403, 403, explicitly},
		{"not here", "POST", 200, 200, ""},
		{"unknown", "GET", 401, 401, `{"message":"Unauthorized"}`},
		{"object", "GET", 500, 200, `{"message":null}`},
	} {
		for _, api := range []string{"Node", "Python", "One", "Two"} {
			request := get(t, r.output(api)+"/users/username")
			request.Method = row.method
			request.Header.Set("Authorization", row.token)
			status, body := ask(t, request)
			rest := api == "Node" || api == "Python"
			want := row.http
			switch {
			case rest:
				want = row.rest
			case api == "One" && row.token == "object":
				want = 500
			}
			if status != want || rest && row.body != "" && body != row.body {
				t.Errorf("%s, %s %s: %d %s, want %d %s\n%s", api, row.token, row.method, status, body, want, row.body, r.text(doorwright.KindFunction))
			}
			if status != 200 || row.token == "object" {
				continue
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s, %s: %v", api, body, err)
			}
			if api == "Two" || api == "One" {
				if inner, ok := got["lambda"].(map[string]any); ok {
					got = inner
				}
				if got["key"] != "value" || got["number"] != 1.0 || got["bool"] != true {
					t.Errorf("%s: %s", api, body)
				}
			} else if got["principalId"] != "user|a1b2c3d4" || got["key"] != "value" || got["number"] != "1" || got["bool"] != "true" {
				t.Errorf("%s: %s", api, body)
			}
		}
	}
}
