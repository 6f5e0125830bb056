package iam_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

const api = "arn:aws:execute-api:us-east-1:000000000000:api/stage"

func compile(t testing.TB, text string) *iam.Policy {
	t.Helper()
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := iam.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func statement(effect, action, resource string) string {
	return fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q}`, effect, action, resource)
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// Actions and resources, by the developer guide
// (api-gateway-control-access-using-iam-policies-to-invoke-api) and the IAM user
// guide (reference_policies_elements_resource).
// TestDenying: the first statement that denies is named, by its Sid if it has one
// that is as IAM has them.
func TestDenying(t *testing.T) {
	const invoke = "execute-api:Invoke"
	allow := statement("Allow", invoke, "*")
	deny := func(sid, resource string) string {
		return strings.Replace(statement("Deny", invoke, resource), "{", `{"Sid":"`+sid+`",`, 1)
	}
	for _, row := range []struct{ policy, want string }{
		{document(), ""},
		{document(allow), ""},
		{document(deny("No", api+"/GET/b")), ""},
		{document(statement("Deny", invoke, "*")), "statement 1"},
		{document(allow, deny("NoAdmin", "*")), "statement 2 (NoAdmin)"},
		{document(deny("Elsewhere", api+"/GET/b"), deny("First1", "*"), allow, deny("Second", "*")), "statement 2 (First1)"},
		{document(deny(`\u001b[31m`, "*")), "statement 1"},
		{document(deny("allows (", "*")), "statement 1"},
		{document(deny("é", "*")), "statement 1"},
		{document(deny(strings.Repeat("x", 101), "*")), "statement 1"},
	} {
		r := iam.Request{Action: invoke, Resource: api + "/GET/a"}
		if got := compile(t, row.policy).Denying(&r); got != row.want {
			t.Errorf("%s: %q, want %q", row.policy, got, row.want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	const invoke = "execute-api:Invoke"
	allow := func(resource string) string { return document(statement("Allow", invoke, resource)) }
	for _, row := range []struct {
		name, policy, resource string
		want                   iam.Verdict
	}{
		{"nothing", document(), api + "/GET/a", iam.ImplicitDeny},
		{"exact", allow(api + "/GET/a"), api + "/GET/a", iam.Allow},
		{"another path", allow(api + "/GET/a"), api + "/GET/b", iam.ImplicitDeny},
		{"longer", allow(api + "/GET/a"), api + "/GET/ab", iam.ImplicitDeny},
		{"case of a path", allow(api + "/GET/a"), api + "/GET/A", iam.ImplicitDeny},
		{"another method", allow(api + "/GET/a"), api + "/POST/a", iam.ImplicitDeny},
		{"another API", allow("arn:aws:execute-api:us-east-1:000000000000:other/stage/*"), api + "/GET/a", iam.ImplicitDeny},
		{"star crosses slashes", allow(api + "/GET/*"), api + "/GET/a/b/c", iam.Allow},
		{"star is empty", allow(api + "/GET/*"), api + "/GET/", iam.Allow},
		{"star in the middle", allow(api + "/*/a"), api + "/GET/a", iam.Allow},
		{"stars", allow(api + "/*/a*b*c"), api + "/GET/axxbyybzzc", iam.Allow},
		{"stars miss", allow(api + "/*/a*b*c"), api + "/GET/axxbyybzz", iam.ImplicitDeny},
		{"question mark", allow(api + "/GET/a?c"), api + "/GET/abc", iam.Allow},
		{"question mark is one character", allow(api + "/GET/a?c"), api + "/GET/aéc", iam.Allow},
		{"question mark is not none", allow(api + "/GET/a?c"), api + "/GET/ac", iam.ImplicitDeny},
		{"all APIs", allow("arn:aws:execute-api:*:*:*"), api + "/GET/a", iam.Allow},
		{"everything", allow("*"), api + "/GET/a", iam.Allow},
		{"Deny first", document(statement("Deny", invoke, api+"/GET/a"), statement("Allow", invoke, "*")), api + "/GET/a", iam.ExplicitDeny},
		{"Deny last", document(statement("Allow", invoke, "*"), statement("Deny", invoke, api+"/GET/a")), api + "/GET/a", iam.ExplicitDeny},
		{"Deny elsewhere", document(statement("Allow", invoke, "*"), statement("Deny", invoke, api+"/GET/a")), api + "/GET/b", iam.Allow},
		{"any action", document(statement("Allow", "*", "*")), api + "/GET/a", iam.Allow},
		{"actions of the service", document(statement("Allow", "execute-api:*", "*")), api + "/GET/a", iam.Allow},
		{"case of an action", document(statement("Allow", "Execute-API:invoke", "*")), api + "/GET/a", iam.Allow},
		{"another action", document(statement("Allow", "execute-api:InvalidateCache", "*")), api + "/GET/a", iam.ImplicitDeny},
		{"another service", document(statement("Allow", "s3:*", "*")), api + "/GET/a", iam.ImplicitDeny},
		{"NotAction", document(`{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}`), api + "/GET/a", iam.Allow},
		{"NotAction, this one", document(`{"Effect":"Allow","NotAction":["s3:*","execute-api:I*"],"Resource":"*"}`), api + "/GET/a", iam.ImplicitDeny},
		{"NotResource", document(`{"Effect":"Allow","Action":"*","NotResource":"` + api + `/GET/b"}`), api + "/GET/a", iam.Allow},
		{"NotResource, this one", document(`{"Effect":"Allow","Action":"*","NotResource":"` + api + `/GET/a"}`), api + "/GET/a", iam.ImplicitDeny},
		// "the resource that includes a policy variable with no value will not match
		// any resource", of which a Deny of others beside it is none the weaker.
		{"Deny beside a variable without a value", document(statement("Allow", invoke, "*"), `{"Effect":"Deny","Action":"*","Resource":["`+api+`/GET/a","`+api+`/GET/${test:none}"]}`), api + "/GET/a", iam.ExplicitDeny},
		{"Deny after a variable without a value", document(statement("Allow", invoke, "*"), `{"Effect":"Deny","Action":"*","Resource":["`+api+`/GET/${test:none}","`+api+`/GET/a"]}`), api + "/GET/a", iam.ExplicitDeny},
		{"Deny of all but a variable without a value", document(statement("Allow", invoke, "*"), `{"Effect":"Deny","Action":"*","NotResource":"`+api+`/GET/${test:none}"}`), api + "/GET/a", iam.ExplicitDeny},
		{"Allow of all but a variable without a value", document(`{"Effect":"Allow","Action":"*","NotResource":"` + api + `/GET/${test:none}"}`), api + "/GET/a", iam.ImplicitDeny},
		{"Allow beside a variable without a value", document(`{"Effect":"Allow","Action":"*","Resource":["` + api + `/GET/${test:none}","` + api + `/GET/a"]}`), api + "/GET/a", iam.Allow},
		{"Deny NotResource", document(statement("Allow", "*", "*"), `{"Effect":"Deny","Action":"*","NotResource":"`+api+`/GET/a"}`), api + "/GET/b", iam.ExplicitDeny},
		{"empty lists", document(`{"Effect":"Allow","Action":[],"Resource":["*"]}`, `{"Effect":"Allow","Action":["*"],"Resource":[]}`), api + "/GET/a", iam.ImplicitDeny},
		{"variable", allow(api + "/GET/users/${cognito-identity.amazonaws.com:sub}"), api + "/GET/users/me", iam.Allow},
		{"variable, spelled otherwise", allow(api + "/GET/users/${Cognito-Identity.amazonaws.com:SUB}/*"), api + "/GET/users/me/a", iam.Allow},
		{"a variable's value is literal", allow(api + "/GET/${test:star}"), api + "/GET/a", iam.ImplicitDeny},
		{"and matches itself", allow(api + "/GET/${test:star}"), api + "/GET/*", iam.Allow},
		{"a variable without a value", allow(api + "/GET/a${test:none}"), api + "/GET/a", iam.ImplicitDeny},
		{"a variable with several values", allow(api + "/GET/${test:several}"), api + "/GET/a", iam.ImplicitDeny},
		{"default", allow(api + "/GET/${test:none, 'a'}"), api + "/GET/a", iam.Allow},
		{"characters", allow(api + "/GET/${*}${?}${$}"), api + "/GET/*?$", iam.Allow},
		{"characters are not wildcards", allow(api + "/GET/${*}"), api + "/GET/a", iam.ImplicitDeny},
		{"2008 has no variables", `{"Version":"2008-10-17","Statement":` + statement("Allow", invoke, api+"/GET/${test:star}") + `}`, api + "/GET/${test:star}", iam.Allow},
		{"nor has no version", `{"Statement":` + statement("Allow", invoke, api+"/GET/${test:star}") + `}`, api + "/GET/*", iam.ImplicitDeny},
	} {
		r := iam.Request{Action: invoke, Resource: row.resource, Context: keys}
		if got := compile(t, row.policy).Evaluate(&r); got != row.want {
			t.Errorf("%s: %v, want %v: %s", row.name, got, row.want, row.policy)
		}
	}
}

// keys is the context of the tests.
func keys(key string) ([]string, bool) {
	values, ok := map[string][]string{
		"cognito-identity.amazonaws.com:sub": {"me"}, "test:star": {"*"}, "test:several": {"a", "b"}, "test:empty": {},
		"aws:sourceip": {"203.0.113.9"}, "test:v6": {"2001:db8::1"}, "test:mapped": {"::ffff:10.1.2.3"},
		"aws:currenttime": {"2026-11-21T14:02:11Z"}, "aws:epochtime": {"1795269731"}, "aws:securetransport": {"true"},
		"test:n": {"9007199254740993"}, "test:text": {"Straße"}, "test:arn": {"arn:aws:iam::111122223333:role/a:b/c"}, "test:b": {"AQI="},
	}[key]
	return values, ok
}

// Operators, by the IAM user guide (reference_policies_elements_condition_operators,
// reference_policies_condition-single-vs-multi-valued-context-keys).
func TestConditions(t *testing.T) {
	for _, row := range []struct {
		condition string
		want      bool
	}{
		{`{}`, true},
		{`{"StringEquals":{"test:text":"Straße"}}`, true}, {`{"StringEquals":{"TEST:Text":["x","Straße"]}}`, true},
		{`{"StringEquals":{"test:text":"straße"}}`, false}, {`{"StringEquals":{"test:text":"*"}}`, false}, {`{"StringEquals":{"test:star":"*"}}`, true},
		{`{"StringEqualsIgnoreCase":{"test:text":"sTRAßE"}}`, true}, {`{"StringNotEqualsIgnoreCase":{"test:text":"sTRAßE"}}`, false},
		{`{"StringNotEquals":{"test:text":["x","y"]}}`, true}, {`{"StringNotEquals":{"test:text":["x","Straße"]}}`, false},
		{`{"StringLike":{"test:text":"S*ß?"}}`, true}, {`{"StringNotLike":{"test:text":"S*ß?"}}`, false}, {`{"StringLike":{"test:text":"S${*}"}}`, false},
		{`{"StringEquals":{"test:star":"${test:star}"}}`, true}, {`{"StringEquals":{"test:text":"${test:none}"}}`, false}, {`{"StringNotEquals":{"test:text":"${test:none}"}}`, true},
		// "Inverted condition operators like StringNotEquals or StringNotLike do match
		// against a null value" (reference_policies_variables).
		{`{"StringNotLike":{"test:text":["${test:none}","Straße"]}}`, false}, {`{"ArnNotLike":{"test:arn":"arn:aws:iam::${test:none}:*"}}`, true}, {`{"StringEquals":{"test:text":["${test:none}","Straße"]}}`, true},
		{`{"NumericEquals":{"test:n":9007199254740993}}`, true}, {`{"NumericEquals":{"test:n":"9007199254740992"}}`, false}, {`{"NumericNotEquals":{"test:n":"1"}}`, true},
		{`{"NumericLessThan":{"test:n":"9007199254740993.5"}}`, true}, {`{"NumericLessThan":{"test:n":"9007199254740993"}}`, false},
		{`{"NumericLessThanEquals":{"test:n":"9007199254740993"}}`, true}, {`{"NumericGreaterThan":{"test:n":"-1"}}`, true}, {`{"NumericGreaterThanEquals":{"test:n":"9007199254740994"}}`, false},
		{`{"NumericLessThan":{"test:text":"1"}}`, false}, {`{"NumericNotEquals":{"test:text":"1"}}`, true},
		{`{"DateLessThan":{"aws:CurrentTime":"2026-11-21T14:02:12Z"}}`, true}, {`{"DateLessThan":{"aws:CurrentTime":"2026-11-21T15:02:12+01:00"}}`, true}, {`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-22"}}`, false},
		{`{"DateEquals":{"aws:CurrentTime":"1795269731"}}`, true}, {`{"DateGreaterThanEquals":{"aws:EpochTime":"2026-11-21T14:02:11Z"}}`, true}, {`{"DateLessThanEquals":{"aws:EpochTime":1795269730}}`, false}, {`{"DateNotEquals":{"aws:CurrentTime":"2026"}}`, true},
		{`{"Bool":{"aws:SecureTransport":"true"}}`, true}, {`{"Bool":{"aws:SecureTransport":false}}`, false}, {`{"Bool":{"test:text":"true"}}`, false},
		{`{"BinaryEquals":{"test:b":"AQI="}}`, true}, {`{"BinaryEquals":{"test:b":"AQM="}}`, false},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true}, {`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.9"]}}`, true}, {`{"IpAddress":{"aws:SourceIp":"203.0.113.77/24"}}`, true},
		{`{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.9"]}}`, false}, {`{"IpAddress":{"test:v6":"2001:db8::/32"}}`, true}, {`{"IpAddress":{"test:mapped":"10.0.0.0/8"}}`, true}, {`{"IpAddress":{"test:text":"0.0.0.0/0"}}`, false},
		{`{"ArnLike":{"test:arn":"arn:*:iam::111122223333:role/*"}}`, true}, {`{"ArnEquals":{"test:arn":"arn:aws:iam::*:role/a:b/?"}}`, true}, {`{"ArnLike":{"test:arn":"arn:aws:*:role/a:b/c:d:e:f"}}`, false}, {`{"ArnLike":{"test:arn":"arn:*:a:b:c:b/c"}}`, false},
		{`{"ArnNotLike":{"test:arn":"arn:aws:iam::111122223333:role/*"}}`, false}, {`{"ArnNotEquals":{"test:arn":"arn:aws:s3:::x"}}`, true}, {`{"ArnLike":{"test:text":"*"}}`, false},
		{`{"Null":{"test:none":"true"}}`, true}, {`{"Null":{"test:none":false}}`, false}, {`{"Null":{"test:text":"false"}}`, true}, {`{"Null":{"test:text":"true"}}`, false},
		// A key that is not there.
		{`{"StringEquals":{"test:none":"x"}}`, false}, {`{"StringNotEquals":{"test:none":"x"}}`, true}, {`{"NumericNotEquals":{"test:none":"1"}}`, true}, {`{"NotIpAddress":{"test:none":"10.0.0.0/8"}}`, true},
		{`{"StringEqualsIfExists":{"test:none":"x"}}`, true}, {`{"StringEqualsIfExists":{"test:text":"x"}}`, false}, {`{"BoolIfExists":{"test:none":"true"}}`, true},
		// Sets.
		{`{"ForAnyValue:StringEquals":{"test:several":["b","c"]}}`, true}, {`{"ForAnyValue:StringEquals":{"test:several":"c"}}`, false}, {`{"ForAnyValue:StringEquals":{"test:none":"c"}}`, false}, {`{"ForAnyValue:StringEquals":{"test:empty":"c"}}`, false},
		{`{"ForAllValues:StringEquals":{"test:several":["a","b","c"]}}`, true}, {`{"ForAllValues:StringEquals":{"test:several":["a","c"]}}`, false}, {`{"ForAllValues:StringEquals":{"test:none":"c"}}`, true}, {`{"ForAllValues:StringLike":{"test:several":"?"}}`, true},
		{`{"ForAnyValue:StringNotEquals":{"test:several":"a"}}`, true}, {`{"ForAllValues:StringNotEquals":{"test:several":"a"}}`, false}, {`{"ForAllValues:StringNotEquals":{"test:several":"c"}}`, true}, {`{"ForAnyValue:StringNotEquals":{"test:none":"a"}}`, false},
		{`{"StringEquals":{"test:several":"b"}}`, true}, {`{"StringNotEquals":{"test:several":"b"}}`, false}, {`{"ForAnyValue:StringEqualsIfExists":{"test:none":"b"}}`, true},
		// All of them.
		{`{"StringEquals":{"test:text":"Straße","test:star":"x"}}`, false}, {`{"StringEquals":{"test:text":"Straße"},"Bool":{"aws:SecureTransport":"false"}}`, false},
	} {
		text := document(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + row.condition + `}`)
		r := iam.Request{Action: "execute-api:Invoke", Resource: api + "/GET/a", Context: keys}
		if got := compile(t, text).Evaluate(&r); (got == iam.Allow) != row.want {
			t.Errorf("%s: %v", row.condition, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	condition := func(c string) string {
		return document(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + c + `}}`)
	}
	for text, want := range map[string]string{
		`{"Version":"2012-10-18","Statement":[]}`:                                    "neither",
		document(statement("allow", "*", "*")):                                       "neither Allow nor Deny",
		document(`{"Effect":"Allow","Resource":"*"}`):                                "neither Action nor NotAction",
		document(`{"Effect":"Allow","Action":"*"}`):                                  "neither Resource nor NotResource",
		document(`{"Effect":"Allow","Action":"*","NotAction":"a:b","Resource":"*"}`): "both Action and NotAction",
		document(`{"Effect":"Allow","NotAction":[],"Resource":"*"}`):                 "NotAction is empty",
		document(`{"Effect":"Allow","Action":"*","NotResource":[]}`):                 "NotResource is empty",
		document(statement("Allow", "Invoke", "*")):                                  "an action is service:Name",
		document(statement("Allow", "*:Invoke", "*")):                                "an action is service:Name",
		document(statement("Allow", "execute-api:${a:b}", "*")):                      "no such character",
		document(statement("Allow", "*", "")):                                        "a resource is an ARN",
		document(statement("Allow", "*", "api/stage/GET/a")):                         "a resource is an ARN",
		document(statement("Allow", "*", "arn:${aws:userid")):                        "a variable has no end",
		document(statement("Allow", "*", "arn:${}")):                                 "a variable is",
		document(statement("Allow", "*", "arn:${a:b, c}")):                           "single quotes",
		condition(`"StringEqual":{"a:b":"c"}`):                                       "no such operator",
		condition(`"stringequals":{"a:b":"c"}`):                                      "no such operator",
		condition(`"StringNotNotEquals":{"a:b":"c"}`):                                "no such operator",
		condition(`"ForEveryValue:StringEquals":{"a:b":"c"}`):                        "no such operator",
		condition(`"NullIfExists":{"a:b":"true"}`):                                   "no such operator",
		condition(`"ForAllValues:Null":{"a:b":"true"}`):                              "no such operator",
		condition(`"NumericNotLessThan":{"a:b":"1"}`):                                "no such operator",
		condition(`"StringEquals":{"b":"c"}`):                                        "a condition key",
		condition(`"StringEquals":{"a:b":[]}`):                                       "no value",
		condition(`"Null":{"a:b":["true","false"]}`):                                 "both true and false",
		condition(`"Null":{"a:b":"yes"}`):                                            "neither true nor false",
		condition(`"Bool":{"a:b":"1"}`):                                              "neither true nor false",
		condition(`"NumericEquals":{"a:b":"1e99999999"}`):                            "not a number",
		condition(`"NumericEquals":{"a:b":"${a:b}"}`):                                "not a number",
		condition(`"DateEquals":{"a:b":"yesterday"}`):                                "neither a date",
		condition(`"IpAddress":{"a:b":"10.0.0.0/33"}`):                               "neither an IP address",
		condition(`"IpAddress":{"a:b":"fe80::1%eth0"}`):                              "neither an IP address",
		condition(`"BinaryEquals":{"a:b":"?"}`):                                      "illegal base64",
		condition(`"ArnLike":{"a:b":"arn:aws:iam"}`):                                 "six parts",
	} {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p, err := iam.Compile(doc); err == nil || p != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A statement of a resource's policy that is about somebody else than everybody, or
// asks for what is never there, is refused and not skipped.
func TestCompileResourceRefuses(t *testing.T) {
	with := func(principal, more string) string {
		return document(`{"Effect":"Deny",` + principal + `"Action":"*","Resource":"*"` + more + `}`)
	}
	const everybody = `"Principal":"*",`
	for text, want := range map[string]string{
		with(``, ``):                                   "no Principal",
		with(`"Principal":{},`, ``):                    "no Principal",
		with(`"Principal":{"AWS":[]},`, ``):            "no Principal",
		with(`"Principal":{"AWS":["*","arn:x"]},`, ``): `"arn:x" cannot be evaluated`,
		with(`"Principal":{"Service":"*"},`, ``):       `"Service", "*" cannot be evaluated`,
		with(everybody, `,"Condition":{"StringEquals":{"aws:PrincipalArn":"x"}}`):             "no such key",
		with(everybody, `,"Condition":{"Null":{"aws:SourceVpce":"true"}}`):                    "no such key",
		with(everybody, `,"Condition":{"StringEquals":{"aws:UserAgent":"${aws:Referer}"}}`):   "variables",
		document(`{"Effect":"Deny",` + everybody + `"Action":"*","Resource":"arn:${aws:x}"}`): "variables",
		document(`{"Effect":"Deny",` + everybody + `"Action":"*","NotResource":["${a:b}"]}`):  "variables",
	} {
		doc, err := policy.ParseResource([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p, err := iam.CompileResource(doc); err == nil || p != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	doc, err := policy.ParseResource([]byte(with(everybody, "")))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := iam.Compile(doc); err == nil || p != nil {
		t.Error("a policy with a Principal is taken for an identity's")
	}
}

func TestZeroVerdictRefuses(t *testing.T) {
	var v iam.Verdict
	if v == iam.Allow {
		t.Error("the zero Verdict allows")
	}
}

// Whatever a document is: no panic, and never Allow where another reading of the
// same statements, by regular expressions and in the order of the user guide, says
// Deny.
func FuzzPolicy(f *testing.F) {
	f.Add(document(statement("Allow", "execute-api:Invoke", api+"/*/a*?b"), statement("Deny", "*", api+"/GET/*")), "GET/axb")
	f.Add(document(`{"Effect":"Allow","NotAction":["s3:*"],"NotResource":"arn:x"}`), "")
	f.Add(document(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLikeIfExists":{"aws:SourceIp":["203.*","${test:star}"]}}}`), "x")
	f.Add(document(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Principal":{"AWS":["*","arn:x"]},"Action":"*","Resource":"*"}`), "a")
	f.Add(document(`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`), "a")
	f.Fuzz(func(t *testing.T, text, path string) {
		doc, err := policy.Parse([]byte(text))
		compile := iam.Compile
		if err != nil { // the policy of a resource, perhaps
			doc, err = policy.ParseResource([]byte(text))
			compile = iam.CompileResource
		}
		if err != nil {
			return
		}
		p, err := compile(doc)
		if err != nil {
			return
		}
		r := iam.Request{Action: "execute-api:Invoke", Resource: api + "/" + path, Context: keys}
		got := p.Evaluate(&r)
		want, known := byRegexp(doc, r)
		if known && got != want {
			t.Errorf("%s\n%s: %v, want %v", text, r.Resource, got, want)
		}
	})
}

// byRegexp evaluates documents that have neither variables nor conditions. Where a
// statement has a Principal it is about whoever has not signed.
func byRegexp(doc policy.Document, r iam.Request) (v iam.Verdict, known bool) {
	matches := func(list []string, flags, s string) bool {
		for _, pattern := range list {
			text := regexp.QuoteMeta(strings.ToValidUTF8(pattern, "\uFFFD"))
			text = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(text)
			if regexp.MustCompile(`(?s` + flags + `)^` + text + `$`).MatchString(strings.ToValidUTF8(s, "\uFFFD")) {
				return true
			}
		}
		return false
	}
	for _, s := range doc.Statements {
		b, _ := json.Marshal(s)
		if len(s.Condition) > 0 || strings.Contains(string(b), "${") || len(b) > 2000 {
			return 0, false
		}
		everybody := s.Principal == nil
		for _, p := range s.Principal {
			everybody = everybody || p.Type == "AWS" && p.ID == "*"
		}
		if !everybody {
			continue
		}
		action := s.Action != nil && matches(s.Action, "i", r.Action) || s.NotAction != nil && !matches(s.NotAction, "i", r.Action)
		resource := s.Resource != nil && matches(s.Resource, "", r.Resource) || s.NotResource != nil && !matches(s.NotResource, "", r.Resource)
		switch {
		case !action || !resource:
		case s.Effect == "Deny":
			return iam.ExplicitDeny, true
		default:
			v = iam.Allow
		}
	}
	return v, true
}
