package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/wire/policy"
)

// What authorizers return: the document of the developer guide
// (api-gateway-lambda-authorizer-output), that of aws-lambda-go's events, whose
// lists are always arrays, and that of AWS's blueprints with a condition.
func TestParse(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       policy.Document
	}{
		{"developer guide", `{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"arn:aws:execute-api:r:a:api/stage/GET/x"}]}`,
			policy.Document{Version: "2012-10-17", Statements: []policy.Statement{{Effect: "Deny", Action: []string{"execute-api:Invoke"}, Resource: []string{"arn:aws:execute-api:r:a:api/stage/GET/x"}}}}},
		{"lists, one statement", ` {"Id":"i","Statement":{"Sid":"s","Effect":"Allow","NotAction":["a:b","c:d"],"NotResource":[]}}` + "\n",
			policy.Document{ID: "i", Statements: []policy.Statement{{SID: "s", Effect: "Allow", NotAction: []string{"a:b", "c:d"}, NotResource: []string{}}}}},
		{"conditions", `{"Statement":[{"Condition":{"Bool":{"a:b":true},"NumericLessThan":{"c:d":[1,"2.50"],"e:f":1e3}}}]}`,
			policy.Document{Statements: []policy.Statement{{Condition: []policy.Condition{
				{Operator: "Bool", Key: "a:b", Values: []string{"true"}},
				{Operator: "NumericLessThan", Key: "c:d", Values: []string{"1", "2.50"}},
				{Operator: "NumericLessThan", Key: "e:f", Values: []string{"1e3"}},
			}}}}},
		{"no statements", `{"Statement":[]}`, policy.Document{Statements: []policy.Statement{}}},
	} {
		got, err := policy.Parse([]byte(row.text))
		if err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}

// "*" and {"AWS": "*"} are the same principal.
func TestParseResource(t *testing.T) {
	for text, want := range map[string][]policy.Principal{
		`"*"`:                                   {{Type: "AWS", ID: "*"}},
		`{"AWS":"*"}`:                           {{Type: "AWS", ID: "*"}},
		`{"AWS":["*","1"],"Service":"a.b.com"}`: {{Type: "AWS", ID: "*"}, {Type: "AWS", ID: "1"}, {Type: "Service", ID: "a.b.com"}},
		`{}`:                                    {},
		`"arn:x"`:                               nil,
		`null`:                                  nil,
		`["*"]`:                                 nil,
		`{"AWS":null}`:                          nil,
		`{"AWS":"*","AWS":"1"}`:                 nil,
	} {
		doc, err := policy.ParseResource([]byte(`{"Statement":[{"Principal":` + text + `}]}`))
		switch {
		case want == nil:
			if err == nil || !reflect.DeepEqual(doc, policy.Document{}) {
				t.Errorf("%s: %+v", text, doc)
			}
		case err != nil || !reflect.DeepEqual(doc.Statements[0].Principal, want):
			t.Errorf("%s: %+v, %v", text, doc, err)
		}
	}
	doc, err := policy.ParseResource([]byte(`{"Statement":[{"NotPrincipal":{"AWS":"1"}}]}`))
	if err != nil || doc.Statements[0].Principal != nil || !reflect.DeepEqual(doc.Statements[0].NotPrincipal, []policy.Principal{{Type: "AWS", ID: "1"}}) {
		t.Errorf("%+v, %v", doc, err)
	}
	if doc, err := policy.Parse([]byte(`{"Statement":[{"NotPrincipal":"*"}]}`)); err == nil {
		t.Errorf("%+v", doc)
	}
}

// Nothing of a document is skipped.
func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "not JSON",
		`{"Statement":[`:                       "not JSON",
		`{"Statement":[]}{}`:                   "not JSON",
		"{\"Statement\":[],\"Id\":\"\xff\"}":   "not UTF-8",
		`[]`:                                   "the document is an array",
		`null`:                                 "the document is null",
		`{}`:                                   "no Statement",
		`{"statement":[]}`:                     `unknown element "statement"`,
		`{"Statement":null}`:                   "Statement is null",
		`{"Statement":[[]]}`:                   "statement 1 is an array",
		`{"Statement":[],"Statement":[]}`:      `the document has "Statement" twice`,
		`{"Statement":[],"\u0053tatement":[]}`: `the document has "Statement" twice`,
		`{"Statement":[{"Effect":"Allow","Effect":"Deny"}]}`:                            `statement 1 has "Effect" twice`,
		`{"Version":"","Statement":[]}`:                                                 "Version is empty",
		`{"Version":2012,"Statement":[]}`:                                               "Version is a number",
		`{"Statement":[{"Principal":"*"}]}`:                                             `unknown element "Principal"`,
		`{"Statement":[{"effect":"Allow"}]}`:                                            `unknown element "effect"`,
		`{"Statement":[{"Action":null}]}`:                                               "Action holds null",
		`{"Statement":[{"Resource":["a",["b"]]}]}`:                                      "Resource holds an array",
		`{"Statement":[{"Condition":[]}]}`:                                              "Condition is an array",
		`{"Statement":[{"Condition":{"Bool":{}}}]}`:                                     `Condition "Bool" has no key`,
		`{"Statement":[{"Condition":{"Bool":{"a:b":null}}}]}`:                           "a condition's value is null",
		`{"Statement":[{"Condition":{"Bool":{"a:b":{}}}}]}`:                             "a condition's value is an object",
		`{"Statement":[{"Condition":{"Bool":{"a:b":"1","a:b":"2"}}}]}`:                  `has "a:b" twice`,
		`{"Statement":[{"Condition":{"Bool":{"a:b":1},"Bool":{}}}]}`:                    `Condition has "Bool" twice`,
		`{"Statement":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`: "not JSON", // too deep
		`{"Id":"` + strings.Repeat("x", policy.MaxSize) + `","Statement":[]}`:           "bytes, 65536 at most",
	} {
		got, err := policy.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(got, policy.Document{}) {
			t.Errorf("%.80s: %+v, %v; want %q", text, got, err, want)
		}
	}
}
