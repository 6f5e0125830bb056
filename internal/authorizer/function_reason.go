package authorizer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/iam"
)

// InvokeAction is the action of calling an API.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
const InvokeAction = "execute-api:Invoke"

// ShownResource gives a resource for advice. One whose path is long, or has in it
// what a policy would read as a wildcard or a variable, is shown as all paths of
// its stage: what a request brings must not open more than itself by surprise, and
// this is plain to see.
func ShownResource(resource string) string {
	const most = 256
	head, path := resource, ""
	if strings.HasPrefix(resource, "execute-api:/") {
		// execute-api:/STAGE/METHOD/PATH
		if parts := strings.SplitN(resource, "/", 4); len(parts) == 4 {
			head, path = strings.Join(parts[:2], "/"), parts[3]
		}
	} else if parts := strings.SplitN(resource, "/", 4); len(parts) == 4 {
		// arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
		head, path = parts[0]+"/"+parts[1], parts[3]
	}
	if len(resource) > most || strings.ContainsAny(path, "*?${}") || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r > '~' }) || strings.Contains(path, "eyJ") {
		return head + "/*/*"
	}
	return resource
}

// Statement gives a statement, as JSON, that allows a principal a request; that of
// a role's own policies has none.
func Statement(principal, resource string) string {
	s := struct {
		Effect    string
		Principal string `json:",omitempty"`
		Action    string
		Resource  string
	}{"Allow", principal, InvokeAction, ShownResource(resource)}
	return marshal(s)
}

// marshal gives JSON with nothing escaped for HTML.
func marshal(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // strings always can be
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// allowing gives an answer of the function that lets a request in: for all of the
// stage if it is kept, as it then answers for all routes of the authorizer.
func (l *Lambda) allowing(resource string) string {
	if l.cache != nil {
		resource = stageResource(resource)
	}
	if l.config.SimpleResponses {
		return `{"isAuthorized":true}`
	}
	return `{"principalId":"user","policyDocument":{"Version":"2012-10-17","Statement":[` + Statement("", resource) + `]}}`
}

// answering is the change of the function's answer.
func (l *Lambda) answering(resource string) *Change {
	return &Change{InFunction, l.config.Function, l.allowing(resource)}
}

// letsIn says how the function lets a caller in.
func (l *Lambda) letsIn(q *Question) string {
	if l.config.SimpleResponses {
		return "who may call gets " + l.allowing("")
	}
	return "who may call gets a policy that allows " + InvokeAction + " on " + ShownResource(q.ShownARN)
}

// declared gives the path of one of the authorizer's keys.
func (l *Lambda) declared(q *Question, key string) string {
	return Declared(q.Declared, "authorizers", l.config.Name, key)
}

// absentReason explains an identity source that is not in a request.
func (l *Lambda) absentReason(q *Question, i identity) Reason {
	r := Reason{
		Code: CodeIdentityAbsent, Text: "no " + i.String(), Hint: i.hint(),
		Facts: []Fact{{Name: i.String(), Want: "a value", Got: "nothing"}},
	}
	switch {
	case i.stageVariable != "":
		path := Declared(q.Declared, "stageVariables", i.stageVariable)
		r.Hint = "set " + path
		r.Change = &Change{InDeclaration, path, "VALUE"}
	case i.variable == "identity.userAgent":
		r.Hint = "send the header User-Agent"
		r.Change = &Change{InHeader, "User-Agent", "VALUE"}
	case i.variable != "":
		r.Hint = "take $context." + i.variable + " out of " + l.declared(q, "identitySource") + ": this request has none"
		r.Change = &Change{InDeclaration, l.declared(q, "identitySource"), "without " + i.variable}
	default:
		r.Change = i.source.change()
	}
	if i.query != "" {
		for name := range q.HTTP.URL.Query() {
			if name != i.query && strings.EqualFold(name, i.query) {
				r.Hint += ": the case of a parameter's name counts"
				break
			}
		}
	}
	return r
}

// change sends a value, once.
func (s source) change() *Change {
	if s.header != "" {
		return &Change{InHeader, s.header, "VALUE"}
	}
	return &Change{InQuery, s.query, "VALUE"}
}

func severalValuesReason(i identity, count int) Reason {
	return Reason{
		Code: CodeSeveralValues, Text: fmt.Sprintf("%s is there %d times", i, count), Hint: "send it once",
		Facts: []Fact{{Name: i.String(), Want: "once", Got: strconv.Itoa(count) + " times"}}, Change: i.source.change(),
	}
}

// mismatchReason explains a token that does not match the expression. What it is
// is not shown but for its first word, which is a scheme and no secret.
func (l *Lambda) mismatchReason(q *Question, value string) Reason {
	i := l.identities[0]
	got := fmt.Sprintf("a value of %d characters", len(value))
	if scheme, _, ok := strings.Cut(value, " "); ok && len(scheme) <= 16 {
		got += " that begins with " + ShortQuote(scheme+" ")
	}
	expression := ShortQuote(l.config.ValidationExpression)
	return Reason{
		Code: CodeIdentityMismatch, Text: i.String() + " does not match identityValidationExpression " + expression,
		Facts:  []Fact{{Name: i.String(), Want: "what matches " + expression + " from end to end", Got: got}},
		Hint:   "send what matches it from end to end, or change " + l.declared(q, "identityValidationExpression"),
		Change: i.source.change(),
	}
}

// brokenReason explains an authorizer that is itself at fault.
func (l *Lambda) brokenReason(q *Question, code, text, want, hint string) Reason {
	return Reason{
		Code: code, Text: text, Hint: hint, Change: l.answering(q.ShownARN),
		Facts: []Fact{{Name: "the function's answer", Want: want, Got: "none that can be used"}},
	}
}

// wanted says in a word what the function has to answer.
func (l *Lambda) wanted() string {
	if l.config.SimpleResponses {
		return "isAuthorized"
	}
	return "a policy"
}

// malformedReason explains an answer that is none, and tells one of the other format
// from nonsense.
func (l *Lambda) malformedReason(q *Question, err error, reply []byte) Reason {
	r := l.brokenReason(q, CodeMalformedResponse, err.Error(), l.wanted(), l.responseHint())
	var keys map[string]json.RawMessage
	if len(reply) > maxReply || json.Unmarshal(reply, &keys) != nil {
		return r
	}
	if keys["statusCode"] != nil {
		r.Facts[0].Got = "a reply of a route's function"
		r.Hint = "an authorizer has no statusCode: " + r.Hint + `; to refuse a caller it fails with "Unauthorized"`
	}
	if l.config.Format != FormatV2 {
		return r
	}
	switch _, simple := keys["isAuthorized"]; {
	case l.config.SimpleResponses && !simple && keys["policyDocument"] != nil:
		r.Facts[0].Got = "a policy"
		r.Hint = "the function answers with a policy: set " + l.declared(q, "enableSimpleResponses") + ": false"
		r.Change = &Change{InDeclaration, l.declared(q, "enableSimpleResponses"), "false"}
	case !l.config.SimpleResponses && simple && keys["policyDocument"] == nil:
		r.Facts[0].Got = "isAuthorized"
		r.Hint = "the function answers with isAuthorized: set " + l.declared(q, "enableSimpleResponses") + ": true"
		r.Change = &Change{InDeclaration, l.declared(q, "enableSimpleResponses"), "true"}
	}
	return r
}

// unauthorizedReason explains a function that has refused by failing.
func (l *Lambda) unauthorizedReason(q *Question) Reason {
	return Reason{
		Code: CodeUnauthorized, Text: `the authorizer failed with "Unauthorized"`,
		Facts: []Fact{{Name: "the function's answer", Want: l.wanted(), Got: `the error "Unauthorized"`}},
		Hint:  "its log says why; " + l.letsIn(q), Change: l.answering(q.ShownARN),
	}
}

// notAuthorizedReason explains isAuthorized: false.
func (l *Lambda) notAuthorizedReason(q *Question, source string) Reason {
	return Reason{
		Code: CodeNotAuthorized, Text: "the authorizer answered isAuthorized: false" + source,
		Facts: []Fact{{Name: "isAuthorized", Want: "true", Got: "false" + source}},
		Hint:  "its log says why; " + l.letsIn(q), Change: l.answering(q.ShownARN),
	}
}

// deniedReason explains a statement that denies.
func (l *Lambda) deniedReason(q *Question, p *iam.Policy, source string) Reason {
	statement := q.Denying(p)
	return Reason{
		Code: CodeExplicitDeny, Text: statement + " of the authorizer's policy denies this request" + source,
		Facts: append([]Fact{
			{Name: "Action", Want: InvokeAction, Got: InvokeAction, Match: true},
			{Name: "Resource", Want: "nothing that a statement denies", Got: ShortQuote(q.ShownARN)},
		}, Conditions(q.Nearest(p))...),
		Hint:   "a Deny counts before every Allow: let the function's policy leave out " + statement + " for who may call",
		Change: l.answering(q.ShownARN),
	}
}

// uncoveredReason explains a policy that says nothing of a request.
func (l *Lambda) uncoveredReason(q *Question, p *iam.Policy, source string) Reason {
	near := q.Nearest(p)
	r := Reason{
		Code: CodeImplicitDeny, Text: "the authorizer's policy does not cover this request" + source,
		Facts: append([]Fact{
			{Name: "Action", Want: "what a statement allows", Got: InvokeAction, Match: near != nil},
			{Name: "Resource", Want: "what a statement allows", Got: ShortQuote(q.ShownARN), Match: near != nil},
		}, Conditions(near)...),
		Hint:   "let the function's policy allow " + InvokeAction + " on " + ShownResource(q.ShownARN) + Failing(near),
		Change: l.answering(q.ShownARN),
	}
	if source != "" {
		r.Hint = "an answer is kept for all routes of the authorizer: let its policy name them all, such as …/STAGE/*/*, or set " + l.declared(q, "resultTtlInSeconds") + ": 0"
	}
	return r
}

// stageResource gives the ARN of all of a stage.
func stageResource(arn string) string {
	if parts := strings.SplitN(arn, "/", 3); len(parts) == 3 {
		return parts[0] + "/" + parts[1] + "/*/*"
	}
	return arn
}

// statusBroken is the answer for an authorizer that is itself at fault.
const statusBroken = http.StatusInternalServerError

// Nearest finds the statement of a policy that says most of why it refuses: the one
// that denies, or one that would allow but for a condition; nil if there is none.
func (q *Question) Nearest(p *iam.Policy) *iam.Considered { return iam.Nearest(q.Consider(p), "") }

// Conditions are the conditions that a statement has compared.
func Conditions(c *iam.Considered) (facts []Fact) {
	if c == nil {
		return nil
	}
	for _, x := range c.Conditions {
		if len(facts) == maxConditions {
			break
		}
		got := "nothing"
		if len(x.Got) > 0 {
			got = quoted(x.Got)
		}
		facts = append(facts, Fact{Name: c.Statement + ", " + x.Operator + " " + x.Key, Want: quoted(x.Want), Got: got, Match: x.Match})
	}
	return facts
}

const maxConditions = 16

// Failing says of a statement that would allow why it does not.
func Failing(c *iam.Considered) string {
	if c == nil {
		return ""
	}
	for _, x := range c.Conditions {
		if !x.Match {
			got := "the request has none"
			if len(x.Got) > 0 {
				got = "it is " + quoted(x.Got)
			}
			return "; " + c.Statement + " would, but wants " + x.Operator + " " + x.Key + " " + quoted(x.Want) + ", and " + got
		}
	}
	return ""
}
