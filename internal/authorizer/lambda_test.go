package authorizer_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// says is a function that answers one text.
type says string

func (s says) Invoke(context.Context, string, []byte) ([]byte, string, error) {
	return []byte(s), "", nil
}

const methodARN = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/dev/GET/items/1"

// decide asks an authorizer function that answers reply of GET /items/1.
func decide(t testing.TB, format authorizer.Format, simple bool, reply string) authorizer.Decision {
	t.Helper()
	l, err := authorizer.NewLambda(authorizer.LambdaConfig{Name: "z", Function: "z", Invoker: says(reply), Format: format, SimpleResponses: simple})
	if err != nil {
		t.Fatal(err)
	}
	return l.Decide(&authorizer.Question{
		HTTP: httptest.NewRequest("GET", "/items/1", nil), ARN: methodARN, SourceIP: "127.0.0.1",
		Event: func([]string) []byte { return []byte(`{}`) },
	})
}

// The replies that Go authorizers write with aws-lambda-go are read as they are
// marshalled, with what it leaves empty.
func TestRepliesOfLambdaGo(t *testing.T) {
	policy := func(effect, resource string) events.APIGatewayCustomAuthorizerPolicy {
		return events.APIGatewayCustomAuthorizerPolicy{Version: "2012-10-17", Statement: []events.IAMPolicyStatement{
			{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{resource}},
		}}
	}
	for name, row := range map[string]struct {
		format authorizer.Format
		simple bool
		reply  any
		want   bool
		status int
	}{
		"REST":          {authorizer.FormatRequest, false, events.APIGatewayCustomAuthorizerResponse{PrincipalID: "me", PolicyDocument: policy("Allow", methodARN), Context: map[string]any{"a": "b", "n": 1.5}, UsageIdentifierKey: "key"}, true, 0},
		"REST, a Deny":  {authorizer.FormatRequest, false, events.APIGatewayCustomAuthorizerResponse{PrincipalID: "me", PolicyDocument: policy("Deny", "*")}, false, 403},
		"REST, nothing": {authorizer.FormatRequest, false, events.APIGatewayCustomAuthorizerResponse{}, false, 500},
		"simple":        {authorizer.FormatV2, true, events.APIGatewayV2CustomAuthorizerSimpleResponse{IsAuthorized: true, Context: map[string]any{"a": []string{"b"}}}, true, 0},
		"simple, no":    {authorizer.FormatV2, true, events.APIGatewayV2CustomAuthorizerSimpleResponse{}, false, 403},
		"2.0":           {authorizer.FormatV2, false, events.APIGatewayV2CustomAuthorizerIAMPolicyResponse{PrincipalID: "me", PolicyDocument: policy("Allow", "*")}, true, 0},
		"2.0, another":  {authorizer.FormatV2, false, events.APIGatewayV2CustomAuthorizerIAMPolicyResponse{PrincipalID: "me", PolicyDocument: policy("Allow", methodARN+"0")}, false, 403},
	} {
		text, err := json.Marshal(row.reply)
		if err != nil {
			t.Fatal(err)
		}
		if d := decide(t, row.format, row.simple, string(text)); d.Allow != row.want || d.Status != row.status {
			t.Errorf("%s: %s: %+v", name, text, d)
		}
	}
}

// Whatever a function answers: no panic, nobody is let in by less than a statement
// that allows and nobody past one that denies, as a reader sees it who knows no more
// of policies than encoding/json and regular expressions.
func FuzzReply(f *testing.F) {
	for _, statements := range []string{
		`{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}`,
		`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["EXECUTE-API:*"],"Resource":["arn:*/GET/items/?"]}`,
		`{"Effect":"Deny","NotAction":"s3:Get","NotResource":["arn:x"]},{"Effect":"Allow","Action":"*","Resource":"*"}`,
		`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.1"}}}`,
	} {
		f.Add(`{"principalId":"me","policyDocument":{"Version":"2012-10-17","Statement":[` + statements + `]},"context":{"a":1}}`)
	}
	f.Add(`{"isAuthorized":true}`)
	f.Fuzz(func(t *testing.T, reply string) {
		for _, format := range []authorizer.Format{authorizer.FormatRequest, authorizer.FormatV1, authorizer.FormatV2} {
			d := decide(t, format, false, reply)
			if d.Allow != (d.Status == 0) || d.Allow != (d.Caller != nil) || len(d.Reasons) == 0 {
				t.Errorf("%s: %+v", reply, d)
			}
			if allows, denies := naively(reply); d.Allow && (!allows || denies) {
				t.Errorf("%s lets in; a statement allows: %v, denies: %v", reply, allows, denies)
			}
		}
		if d := decide(t, authorizer.FormatV2, true, reply); d.Allow {
			var r map[string]any
			if err := json.Unmarshal([]byte(reply), &r); err != nil || r["isAuthorized"] != true {
				t.Errorf("%s lets in", reply)
			}
		}
	})
}

// naively says whether a statement allows GET /items/1, whatever its conditions, and
// whether one without a condition denies it.
func naively(reply string) (allows, denies bool) {
	var r struct {
		PolicyDocument struct{ Statement json.RawMessage } `json:"policyDocument"`
	}
	if json.Unmarshal([]byte(reply), &r) != nil {
		return false, false
	}
	var statements []map[string]any
	if json.Unmarshal(r.PolicyDocument.Statement, &statements) != nil {
		var one map[string]any
		if json.Unmarshal(r.PolicyDocument.Statement, &one) != nil {
			return false, false
		}
		statements = append(statements, one)
	}
	for _, s := range statements {
		matches := func(element, flags, subject string) bool {
			list, is := s[element], true
			if not, ok := s["Not"+element]; ok {
				list, is = not, false
			}
			all, ok := list.([]any)
			if !ok {
				all = []any{list}
			}
			for _, v := range all {
				text, _ := v.(string)
				if strings.Contains(text, "${") || len(text) > 1000 {
					return true // not for a naive reader: counted as either
				}
				pattern := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
				if regexp.MustCompile(`(?s` + flags + `)^` + pattern + `$`).MatchString(subject) {
					return is
				}
			}
			return !is
		}
		condition, _ := s["Condition"].(map[string]any)
		b, _ := json.Marshal(s)
		hit := matches("Action", "i", "execute-api:Invoke") && matches("Resource", "", methodARN)
		allows = allows || hit && s["Effect"] == "Allow"
		denies = denies || hit && s["Effect"] == "Deny" && len(condition) == 0 && !strings.Contains(string(b), "${")
	}
	return allows, denies
}
