package doorwright_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
)

// property is a part of the JSON Schema.
type property struct {
	Description string          `json:"description"`
	Type        any             `json:"type"`
	Enum        []any           `json:"enum"`
	Items       *property       `json:"items"`
	Default     json.RawMessage `json:"default"`
	Minimum     json.Number     `json:"minimum"`
	Maximum     json.Number     `json:"maximum"`
	Ref         string          `json:"$ref"`
	AnyOf       []property      `json:"anyOf"`
	OneOf       []property      `json:"oneOf"`
	Properties  ordered         `json:"properties"`
	Defs        ordered         `json:"$defs"`
	Required    []string        `json:"required"`

	AdditionalProperties json.RawMessage `json:"additionalProperties"`
}

// ordered are properties in the order in which the declaration's types have them.
type ordered struct {
	names []string
	of    map[string]property
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.of); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return err
		}
		o.names = append(o.names, name.(string))
	}
	return nil
}

// onAWS says what keys become on AWS whose description does not name it. "—" is
// nothing: the key is about this machine, or about a tenant, which is Auth0's.
var onAWS = map[string]string{
	"App.region":                                   "the stack's region",
	"App.tenants":                                  "— (`domain` names the real one)",
	"App.outputs":                                  "Outputs",
	"App.stages":                                   "a stack for each",
	"UserPool.signInAliases":                       "UsernameAttributes or AliasAttributes",
	"UserPoolGroup.permissions":                    "AWS::IAM::Role and AWS::IAM::Policy; RoleArn",
	"API.port":                                     "—",
	"API.defaults":                                 "what its routes have",
	"Authorizer.type":                              "AuthorizerType JWT or REQUEST; of a REST API Type TOKEN, REQUEST or COGNITO_USER_POOLS",
	"Authorizer.userPool":                          "JwtConfiguration.Issuer; of a REST API ProviderARNs",
	"Authorizer.clients":                           "JwtConfiguration.Audience",
	"Permission.resource":                          "statements of an AWS::IAM::Policy",
	"Function.handler":                             "Handler, Runtime and Code",
	"PreTokenFunction.handler":                     "Handler, Runtime and Code",
	"Route.function":                               "AWS::ApiGatewayV2::Integration IntegrationUri",
	"Route.permissions":                            "AWS::IAM::Policy of the function's role",
	"Route.url":                                    "AWS::ApiGatewayV2::Integration IntegrationUri, of type HTTP_PROXY",
	"Route.payloadFormatVersion":                   "AWS::ApiGatewayV2::Integration PayloadFormatVersion",
	"PolicyPrincipal.AWS":                          "Principal",
	"APIDefaults.authorizer":                       "what its routes have",
	"APIDefaults.function":                         "what its functions have",
	"IdentityPool.permissions":                     "AWS::IAM::Role and AWS::IAM::Policy",
	"Federation.tenant":                            "AWS::IAM::OIDCProvider Url",
	"Federation.domain":                            "AWS::IAM::OIDCProvider Url",
	"Federation.application":                       "AWS::IAM::OIDCProvider ClientIdList",
	"Federation.providerArn":                       "OpenIdConnectProviderARNs",
	"IdentityPermissions.authenticated":            "AWS::Cognito::IdentityPoolRoleAttachment Roles.authenticated",
	"IdentityPermissions.unauthenticated":          "AWS::Cognito::IdentityPoolRoleAttachment Roles.unauthenticated",
	"RoleRule.permissions":                         "AWS::IAM::Role and AWS::IAM::Policy; RoleARN",
	"Table.engine":                                 "—",
	"PasswordPolicy.minimumLength":                 "MinimumLength",
	"PasswordPolicy.requireUppercase":              "RequireUppercase",
	"PasswordPolicy.requireLowercase":              "RequireLowercase",
	"PasswordPolicy.requireNumbers":                "RequireNumbers",
	"PasswordPolicy.requireSymbols":                "RequireSymbols",
	"PasswordPolicy.temporaryPasswordValidityDays": "TemporaryPasswordValidityDays",
}

// auth0Types are about a tenant, of which nothing is deployed: the real one has what
// they say, or is told it by who runs it.
var auth0Types = []string{"Tenant", "Application", "TenantAPI", "TenantUser", "Actions"}

// TestDeclarationPage holds DECLARATION.md against the types: each key with what it
// takes, what it does and what it is on AWS. A key of which that is not said is a mistake,
// and so is a resource type that no template has.
func TestDeclarationPage(t *testing.T) {
	var root property
	if err := json.Unmarshal(app.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	page := &declarationPage{t: t, unused: maps.Clone(onAWS), templates: templateTypes(t)}
	page.WriteString(`# The declaration

Every key of ` + "`doorwright.yaml`" + `: what it takes, what it does on your machine, and the CloudFormation property that ` + "`synth`" + ` and ` + "`deploy`" + ` make of it on AWS; for keys of
tenants, what Auth0 calls it. "—" is nothing: the key is about this machine alone. This page is generated from the types that the file is read by: ` + "`go test . -run TestDeclarationPage -update`" + ` writes it.
[README.md](README.md) begins with a whole one, and [examples](examples) has more. Each mistake is found by ` + "`doorwright check`" + `, with its line and the fix; ` + "`doorwright schema`" + ` prints the same for editors, with the form of every text.

`)
	page.references()
	page.section("App", root)
	for _, name := range root.Defs.names {
		if !strings.HasSuffix(name, "Override") {
			page.section(name, root.Defs.of[name])
		}
	}
	for key := range page.unused {
		t.Errorf("onAWS has %s, which is no key, or says itself what it is on AWS", key)
	}
	want := strings.TrimRight(page.String(), "\n") + "\n"
	if *update {
		if err := os.WriteFile("DECLARATION.md", []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("DECLARATION.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("DECLARATION.md is not what the types say; run `go test . -run TestDeclarationPage -update`")
	}
}

type declarationPage struct {
	strings.Builder
	t         *testing.T
	unused    map[string]string
	templates map[string]bool
}

const unsupported = "Not supported by this version."

// references writes what texts may refer to, which is what the kinds of references say of
// themselves.
func (p *declarationPage) references() {
	p.WriteString("## References\n\nTexts may hold these. `$${` is `${` itself.\n\n| reference | what it is |\n|---|---|\n")
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("app", "expr.go"), nil, parser.ParseComments)
	if err != nil {
		p.t.Fatal(err)
	}
	kinds := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "Ref") {
			return true
		}
		kinds++
		m := referenceForm.FindStringSubmatch(strings.ReplaceAll(v.Doc.Text(), "\n", " "))
		if m == nil {
			p.t.Errorf("the comment of %s does not begin with the form of the reference", v.Names[0].Name)
			return true
		}
		fmt.Fprintf(p, "| `%s` | %s |\n", m[1], cell(strings.TrimSpace(m[2])))
		return true
	})
	if kinds == 0 {
		p.t.Error("app/expr.go has no kinds of references")
	}
	p.WriteByte('\n')
}

// referenceForm takes a comment such as "RefStage is ${stage}, the stage's name."
var referenceForm = regexp.MustCompile(`^\w+ is (\$\{[^}]+\})[,:]?\s*(.*)$`)

func (p *declarationPage) section(name string, d property) {
	var refused []string
	what, resource := cutProperty(d.Description)
	p.types(name, resource)
	for _, form := range d.AnyOf { // a short form, or the mapping
		if len(form.Properties.names) > 0 {
			d.Properties, d.Required = form.Properties, form.Required
		}
	}
	if len(d.Properties.names) == 0 {
		p.t.Errorf("%s has no keys", name)
	}
	fmt.Fprintf(p, "## %s\n\n%s%s\n\n| key | takes | what it does | on AWS |\n|---|---|---|---|\n", name, what, parenthesis(resource))
	for _, key := range d.Properties.names {
		v := d.Properties.of[key]
		if v.Description == unsupported {
			refused = append(refused, "`"+key+"`")
			continue
		}
		what, on := cutProperty(v.Description)
		said, listed := onAWS[name+"."+key]
		delete(p.unused, name+"."+key)
		switch {
		case listed && on != "":
			p.t.Errorf("%s.%s says itself what it is on AWS: %s", name, key, on)
		case listed:
			on = said
		case on == "" && slices.Contains(auth0Types, name):
			on = "—"
		case on == "":
			p.t.Errorf("nothing says what %s.%s is on AWS", name, key)
		}
		p.types(name+"."+key, on)
		if slices.Contains(d.Required, key) {
			key += "`, required`"
			key = strings.TrimSuffix(key, "`")
			fmt.Fprintf(p, "| `%s | %s | %s | %s |\n", key, takes(v), cell(what), cell(on))
			continue
		}
		fmt.Fprintf(p, "| `%s` | %s | %s | %s |\n", key, takes(v), cell(what), cell(on))
	}
	if len(refused) > 0 {
		fmt.Fprintf(p, "\nRefused, with its line, because nothing enforces it yet: %s.\n", strings.Join(refused, ", "))
	}
	p.WriteByte('\n')
}

var resourceType = regexp.MustCompile(`AWS::\w+::\w+`)

// types wants each type that is named to be in a template.
func (p *declarationPage) types(key, text string) {
	for _, kind := range resourceType.FindAllString(text, -1) {
		if !p.templates[kind] {
			p.t.Errorf("%s names %s, which no template has", key, kind)
		}
	}
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return " On AWS: " + text + "."
}

// cutProperty takes the name of the property on AWS, or at Auth0, out of a description: the
// last text in brackets that is one.
func cutProperty(description string) (rest, name string) {
	for i := len(description) - 1; i >= 0; i-- {
		if description[i] != '(' {
			continue
		}
		end := strings.IndexByte(description[i:], ')')
		inside := description[i+1 : i+end]
		if propertyName.MatchString(inside) {
			return strings.TrimSpace(description[:i]) + description[i+end+1:], inside
		}
	}
	return description, ""
}

// propertyName is how a comment names a property: CamelCase as CloudFormation has it,
// snake_case or a word as Auth0 has it.
var propertyName = regexp.MustCompile(`^(?:AWS::|[A-Z][A-Za-z]+|[a-z]+_[a-z_]+|callbacks|identifier|scopes|blocked|name|nickname|client grants|post-login|CreateStack)`)

// takes says in a few words what a key takes.
func takes(v property) string {
	var parts []string
	switch {
	case len(v.Enum) > 0:
		for _, e := range v.Enum {
			parts = append(parts, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(parts, ", ") + by(v)
	case v.Ref != "":
		return reference(v.Ref)
	case len(v.AnyOf)+len(v.OneOf) > 0:
		for _, o := range slices.Concat(v.AnyOf, v.OneOf) {
			if text := takes(property{Type: o.Type, Enum: o.Enum, Items: o.Items, Ref: o.Ref, AdditionalProperties: o.AdditionalProperties}); !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, " or ") + by(v)
	case v.Items != nil:
		return "a list of " + takes(*v.Items) + by(v)
	}
	kind := map[string]string{"string": "text", "boolean": "true or false", "integer": "a number", "number": "a number", "object": "a mapping", "array": "a list", "null": "nothing"}[fmt.Sprint(v.Type)]
	if fmt.Sprint(v.Type) == "object" {
		var values property
		if json.Unmarshal(v.AdditionalProperties, &values) == nil && (values.Ref != "" || values.Type != nil || values.AnyOf != nil || values.OneOf != nil) {
			kind = "by name: " + takes(values)
		}
	}
	if kind == "" {
		kind = "anything"
	}
	switch {
	case v.Minimum != "" && v.Maximum != "":
		kind += fmt.Sprintf(", %s to %s", v.Minimum, v.Maximum)
	case v.Minimum != "":
		kind += fmt.Sprintf(", at least %s", v.Minimum)
	}
	return kind + by(v)
}

// by gives the default.
func by(v property) string {
	if len(v.Default) == 0 {
		return ""
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, v.Default); err != nil {
		return "; by default " + err.Error() // it was read before
	}
	return "; by default `" + compact.String() + "`"
}

func reference(ref string) string {
	name := strings.TrimPrefix(ref, "#/$defs/")
	if name == "AppOverride" {
		return "any part of this file"
	}
	return "[" + name + "](#" + strings.ToLower(name) + ")"
}

// templateTypes are the resource types of the kept templates.
func templateTypes(t *testing.T) map[string]bool {
	t.Helper()
	types := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("internal", "cloudformation", "testdata", "golden", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no kept templates: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct{ Type string }
		}
		if err := json.Unmarshal(b, &template); err != nil {
			t.Fatal(err)
		}
		for _, r := range template.Resources {
			types[r.Type] = true
		}
	}
	return types
}
