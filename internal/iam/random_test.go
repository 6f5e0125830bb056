package iam_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A second evaluator, which knows the user guide and nothing of package iam: it
// reads documents as maps, substitutes by text, and matches by regular expressions.

// naive is a request and its caller.
type naive struct {
	action, resource                string
	account, role, session          string
	root, anonymous                 bool
	keys                            map[string][]string // by lower-case name
	identity, boundary, sessionDocs []string
}

// glob matches with * and ?, part by part of a pattern; quoted text between \x00
// is literal.
func glob(pattern, text string, fold bool) bool {
	var b strings.Builder
	for i, part := range strings.Split(pattern, "\x00") {
		q := regexp.QuoteMeta(part)
		if i%2 == 0 {
			q = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(q)
		}
		b.WriteString(q)
	}
	flags := "(?s)"
	if fold {
		flags = "(?si)"
	}
	return regexp.MustCompile(flags + "^(?:" + b.String() + ")$").MatchString(text)
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// substitute puts values in, as literal text; ok is false if one has no value.
func (n *naive) substitute(text string) (out string, ok bool) {
	ok = true
	out = variable.ReplaceAllStringFunc(text, func(m string) string {
		name := m[2 : len(m)-1]
		if name == "*" || name == "?" || name == "$" {
			return "\x00" + name + "\x00"
		}
		name, fallback, hasDefault := strings.Cut(name, ",")
		if values := n.keys[strings.ToLower(strings.TrimSpace(name))]; len(values) == 1 {
			return "\x00" + values[0] + "\x00"
		}
		if hasDefault {
			return "\x00" + strings.Trim(strings.TrimSpace(fallback), "'") + "\x00"
		}
		ok = false
		return ""
	})
	return out, ok
}

// compare is one value of the policy against one of the request.
func (n *naive) compare(operator, want, got string) bool {
	positive := strings.Replace(operator, "Not", "", 1)
	if positive == "StringEquals" || positive == "StringEqualsIgnoreCase" || positive == "StringLike" || positive == "ArnLike" || positive == "ArnEquals" {
		pattern, ok := n.substitute(want)
		if !ok {
			return false
		}
		switch positive {
		case "StringEquals":
			return strings.ReplaceAll(pattern, "\x00", "") == got
		case "StringEqualsIgnoreCase":
			return strings.EqualFold(strings.ReplaceAll(pattern, "\x00", ""), got)
		case "StringLike":
			return glob(pattern, got, false)
		}
		patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(got, ":", 6)
		if len(parts) != 6 || len(patterns) != 6 {
			return false
		}
		for i := range parts {
			if !glob(patterns[i], parts[i], false) {
				return false
			}
		}
		return true
	}
	if kind, relation, ok := strings.Cut(positive, "Numeric"); ok && kind == "" {
		x, err := strconv.ParseFloat(got, 64)
		y, _ := strconv.ParseFloat(want, 64)
		return err == nil && map[string]bool{"Equals": x == y, "LessThan": x < y, "LessThanEquals": x <= y, "GreaterThan": x > y, "GreaterThanEquals": x >= y}[relation]
	}
	if kind, relation, ok := strings.Cut(positive, "Date"); ok && kind == "" {
		x, err := time.Parse(time.RFC3339, got)
		y, _ := time.Parse(time.RFC3339, want)
		return err == nil && map[string]bool{"Equals": x.Equal(y), "LessThan": x.Before(y), "LessThanEquals": !x.After(y), "GreaterThan": x.After(y), "GreaterThanEquals": !x.Before(y)}[relation]
	}
	if positive == "Bool" {
		return strings.EqualFold(want, got)
	}
	panic("unknown operator " + operator)
}

// holds is one key below one operator.
func (n *naive) holds(operator, key string, wants []string) bool {
	values, present := n.keys[strings.ToLower(key)]
	if operator == "Null" {
		return (wants[0] == "true") == !present
	}
	set, operator := cutSet(operator)
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	negated := strings.Contains(operator, "Not")
	if len(values) == 0 {
		return ifExists || set == "ForAllValues" || negated && set == ""
	}
	meets := func(value string) bool {
		return slices.ContainsFunc(wants, func(want string) bool { return n.compare(operator, want, value) }) != negated
	}
	all, some := true, false
	for _, v := range values {
		all, some = all && meets(v), some || meets(v)
	}
	if set == "ForAllValues" || set == "" && negated {
		return all
	}
	return some
}

func cutSet(operator string) (set, rest string) {
	if set, rest, ok := strings.Cut(operator, ":"); ok {
		return set, rest
	}
	return "", operator
}

func list(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	for _, x := range v.([]any) {
		out = append(out, x.(string))
	}
	return out
}

// named says how the caller is named by a list of principals: 0 not, 1 as the
// account, 2 as the role or anybody, 3 as the session; all says whether by each name.
func (n *naive) named(v any) (level int, all bool) {
	if v == "*" {
		return 2, true
	}
	ids := list(v.(map[string]any)["AWS"])
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name != "" && slices.Contains(ids, name) })
	}
	everybody := has("*")
	if n.anonymous {
		return map[bool]int{true: 2}[everybody], everybody
	}
	byAccount, byRole, bySession := has(n.account, "arn:aws:iam::"+n.account+":root"), has(n.role), has(n.session)
	switch {
	case bySession:
		level = 3
	case byRole || everybody:
		level = 2
	case byAccount:
		level = 1
	}
	return level, everybody || byAccount && (n.root || byRole && bySession)
}

// ask gives the verdict of some documents, and of Allow how closely it names.
func (n *naive) ask(texts []string) (denied bool, allowed int) {
	for _, text := range texts {
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			panic(err)
		}
		for _, x := range doc["Statement"].([]any) {
			s := x.(map[string]any)
			deny := s["Effect"] == "Deny"
			level := 2
			if v, ok := s["Principal"]; ok {
				level, _ = n.named(v)
			} else if v, ok := s["NotPrincipal"]; ok {
				some, all := n.named(v)
				level = 0
				if deny && !all || !deny && some == 0 {
					level = 2
				}
			}
			if level == 0 || !n.applies(s, deny) {
				continue
			}
			if deny {
				denied = true
			} else {
				allowed = max(allowed, level)
			}
		}
	}
	return denied, allowed
}

func (n *naive) applies(s map[string]any, deny bool) bool {
	matches := func(v any, text string, fold bool) (matched, whole bool) {
		whole = true
		for _, p := range list(v) {
			p, ok := n.substitute(p)
			whole = whole && ok
			matched = matched || ok && glob(p, text, fold)
		}
		return matched, whole
	}
	if v, ok := s["Action"]; ok {
		if m, _ := matches(v, n.action, true); !m {
			return false
		}
	} else if m, _ := matches(s["NotAction"], n.action, true); m {
		return false
	}
	if v, ok := s["Resource"]; ok {
		if m, _ := matches(v, n.resource, false); !m {
			return false
		}
	} else if m, whole := matches(s["NotResource"], n.resource, false); m || !whole && !deny {
		return false
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		for key, values := range keys.(map[string]any) {
			if !n.holds(operator, key, list(values)) {
				return false
			}
		}
	}
	return true
}

// decide is the order of the user guide, for one account.
func (n *naive) decide(resource []string) bool {
	denied, byResource := n.ask(resource)
	for _, docs := range [][]string{n.identity, n.boundary, n.sessionDocs} {
		d, _ := n.ask(docs)
		denied = denied || d
	}
	if denied {
		return false
	}
	if n.root || byResource == 3 {
		return true
	}
	if n.anonymous {
		return byResource == 2
	}
	_, byIdentity := n.ask(n.identity)
	if byIdentity == 0 && byResource < 2 {
		return false
	}
	for _, docs := range [][]string{n.boundary, n.sessionDocs} {
		if _, ok := n.ask(docs); docs != nil && ok == 0 {
			return false
		}
	}
	return true
}

// generator makes random policies of few words, so that they meet requests.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) some(of ...string) any {
	if g.IntN(3) > 0 {
		return g.pick(of...)
	}
	values := []string{}
	for range 1 + g.IntN(2) {
		values = append(values, g.pick(of...))
	}
	return values
}

func (g generator) condition() map[string]any {
	operator, key := "", ""
	var value any
	switch g.IntN(6) {
	case 0:
		operator = g.pick("Null")
		return map[string]any{operator: map[string]any{g.pick("s3:prefix", "aws:SourceIp", "aws:PrincipalTag/Team"): g.pick("true", "false")}}
	case 1:
		operator, key = g.pick("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericLessThanEquals", "NumericGreaterThan"), "s3:max-keys"
		value = g.some("5", "10", "15")
	case 2:
		operator, key = g.pick("DateLessThan", "DateGreaterThan", "DateEquals", "DateNotEquals"), g.pick("aws:CurrentTime", "aws:TokenIssueTime")
		value = g.some("2026-11-21T14:02:11Z", "2026-11-21T14:02:12Z", "2020-01-01T00:00:00Z")
	case 3:
		operator, key = g.pick("ArnLike", "ArnNotLike", "ArnEquals"), g.pick("aws:PrincipalArn", "AWS:principalarn", "aws:SourceArn")
		value = g.some(roleARN, "arn:*:iam::*:role/dev-app-*", "arn:aws:iam::${aws:PrincipalAccount}:role/*", "arn:aws:iam::"+account+":root", "arn:aws:sts::*:*")
	case 4:
		operator, key = "Bool", g.pick("aws:SecureTransport", "aws:MultiFactorAuthPresent", "aws:ViaAWSService")
		value = g.pick("true", "false")
	default:
		operator = g.pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
		key = g.pick("s3:prefix", "dynamodb:LeadingKeys", "aws:PrincipalTag/Team", "aws:userid", "aws:PrincipalType", "cognito-identity.amazonaws.com:amr", "cognito-identity.amazonaws.com:sub")
		value = g.some("blue", "BLUE", "${aws:PrincipalTag/Team}", "${aws:PrincipalTag/Evil}", "${cognito-identity.amazonaws.com:sub}", "${cognito-identity.amazonaws.com:sub}/*", "*", "auth*", "${*}", "AssumedRole", "${s3:prefix, 'blue'}")
	}
	if g.IntN(4) == 0 {
		operator += "IfExists"
	}
	if g.IntN(3) == 0 {
		operator = g.pick("ForAllValues:", "ForAnyValue:") + operator
	}
	return map[string]any{operator: map[string]any{key: value}}
}

func (g generator) document(ofResource bool) string {
	statements := []any{}
	for range 1 + g.IntN(3) {
		s := map[string]any{"Effect": g.pick("Allow", "Allow", "Deny")}
		s[g.pick("Action", "Action", "Action", "NotAction")] = g.some("s3:GetObject", "S3:get*", "s3:*", "*", "dynamodb:Query", "s3:?etObject")
		s[g.pick("Resource", "Resource", "Resource", "NotResource")] = g.some("*", "arn:aws:s3:::notes/*", "arn:aws:s3:::notes/${cognito-identity.amazonaws.com:sub}/*",
			"arn:aws:s3:::notes/${aws:PrincipalTag/Team}", "arn:aws:s3:::notes/${aws:PrincipalTag/Evil}", "arn:aws:s3:::*/b?ue", "arn:aws:s3:::notes/${*}")
		if ofResource {
			var who any = "*"
			if g.IntN(4) > 0 {
				ids := []string{}
				for range 1 + g.IntN(3) {
					ids = append(ids, g.pick(account, "arn:aws:iam::"+account+":root", roleARN, sessionARN, "arn:aws:iam::111122223333:root", "*"))
				}
				who = map[string]any{"AWS": ids}
			}
			s[g.pick("Principal", "Principal", "Principal", "NotPrincipal")] = who
		}
		if g.IntN(2) == 0 {
			conditions := g.condition()
			for operator, keys := range g.condition() { // if it is another, both have to hold
				if g.IntN(2) == 0 {
					conditions[operator] = keys
				}
			}
			s["Condition"] = conditions
		}
		statements = append(statements, s)
	}
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestDecideAgainstANaiveEvaluator: random policies of all kinds, callers and
// requests are decided as the second evaluator decides them.
func TestDecideAgainstANaiveEvaluator(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	allowed, rounds := 0, 2000
	if testing.Short() {
		rounds = 500
	}
	for i := range rounds {
		got, n, resource := g.round(t)
		want, what := n.decide(resource), fmt.Sprintf("%+v\nresource %s", n, resource)
		if got.Allowed != want {
			t.Fatalf("round %d of seed %d: %+v, want %t\n%s", i, seed, got, want, what)
		}
		if want {
			allowed++
		}
	}
	if allowed < rounds/20 || allowed > rounds*19/20 {
		t.Errorf("%d of %d are allowed: the policies do not meet the requests", allowed, rounds)
	}
}

// round decides one random request, and gives it to be decided otherwise. What the
// request had is gone when it returns.
func (g generator) round(t *testing.T) (got iam.Decision, n *naive, resource []string) {
	n = &naive{
		action: g.pick("s3:GetObject", "s3:PutObject", "dynamodb:Query"), account: account,
		resource: "arn:aws:s3:::notes/" + g.pick("blue", "us-east-1:me/x", "*", "a:b*", ""),
	}
	own := map[string][]string{"aws:securetransport": {g.pick("true", "false")}}
	for key, values := range map[string][][]string{
		"s3:prefix": {{"blue"}, {"us-east-1:me/"}, {"*"}, {""}}, "s3:max-keys": {{"10"}, {"x"}}, "dynamodb:leadingkeys": {{"blue"}, {"blue", "us-east-1:me"}, {}},
		"aws:sourceip": {{"203.0.113.9"}}, "aws:sourcearn": {{"arn:aws:iam::" + account + ":root"}, {"x"}}, "aws:principaltag/team": {{"forged"}}, "aws:userid": {{"forged"}},
	} {
		if g.IntN(2) == 0 {
			own[key] = values[g.IntN(len(values))]
		}
	}
	assume := iam.AssumeRequest{}
	identity, tags := g.IntN(2) == 0, g.IntN(2) == 0
	if identity {
		assume.Identity = &iam.CognitoIdentity{ID: "us-east-1:me", Pool: "us-east-1:pool", AMR: []string{"authenticated", "blue"}}
	}
	if tags {
		assume.Tags = map[string]string{"team": "blue", "Evil": "a:b"}
	}
	documents := func(most int) (texts []string) {
		for range g.IntN(most + 1) {
			texts = append(texts, g.document(false))
		}
		return texts
	}
	kind := g.IntN(6)
	if kind > 1 {
		n.identity, n.boundary, n.sessionDocs = documents(2), documents(1), documents(1)
		if g.IntN(2) == 0 {
			n.boundary = nil
		}
	}
	assume.Policies = n.sessionDocs
	s := newStage(t, func(cfg *iam.Config) {
		for _, text := range n.identity {
			cfg.Roles[0].Policies = append(cfg.Roles[0].Policies, parsePolicy(t, text))
		}
		if n.boundary != nil {
			boundary := parsePolicy(t, n.boundary[0])
			cfg.Roles[0].Boundary = &boundary
		}
	})
	var p iam.Principal
	var err error
	switch kind {
	case 0:
		n.anonymous, n.account = true, ""
	case 1:
		n.root = true
		p, err = s.Principal(rootKeys.AccessKeyID, "")
	default:
		keys := s.assume(t, assume)
		p, err = s.Principal(keys.AccessKeyID, keys.SessionToken)
		n.role, n.session = roleARN, sessionARN
	}
	if err != nil {
		t.Fatal(err)
	}
	n.context(own, p)
	var compiled *iam.Policy
	if g.IntN(2) == 0 {
		resource = []string{g.document(true)}
		compiled = compileSigned(t, resource[0])
	}
	got = s.Decide(p, iam.Request{Action: n.action, Resource: n.resource, Context: func(key string) ([]string, bool) { v, ok := own[key]; return v, ok }}, compiled)
	return got, n, resource
}

// context is the keys of a request, as reference_policies_condition-keys has them.
func (n *naive) context(own map[string][]string, p iam.Principal) {
	n.keys = map[string][]string{}
	for key, values := range own {
		n.keys[key] = values
	}
	for _, key := range []string{"aws:principaltag/team", "aws:userid"} {
		delete(n.keys, key) // the caller's to have, and nobody's to bring
	}
	n.keys["aws:currenttime"] = []string{"2026-11-21T14:02:11Z"}
	n.keys["aws:viaawsservice"] = []string{"false"}
	switch {
	case n.anonymous:
		n.keys["aws:principaltype"], n.keys["aws:userid"] = []string{"Anonymous"}, []string{"anonymous"}
		return
	case n.root:
		n.keys["aws:principaltype"], n.keys["aws:userid"], n.keys["aws:principalarn"] = []string{"Account"}, []string{account}, []string{"arn:aws:iam::" + account + ":root"}
	default:
		n.keys["aws:principaltype"], n.keys["aws:userid"], n.keys["aws:principalarn"] = []string{"AssumedRole"}, []string{p.Session.RoleID + ":me"}, []string{roleARN}
		n.keys["aws:tokenissuetime"], n.keys["aws:multifactorauthpresent"] = []string{"2026-11-21T14:02:11Z"}, []string{"false"}
		if p.Session.Tags != nil {
			n.keys["aws:principaltag/team"], n.keys["aws:principaltag/evil"] = []string{"blue"}, []string{"a:b"}
		}
		if p.Session.Identity != nil {
			n.keys["cognito-identity.amazonaws.com:sub"] = []string{"us-east-1:me"}
			n.keys["cognito-identity.amazonaws.com:amr"] = []string{"authenticated", "blue"}
		}
	}
	n.keys["aws:principalaccount"] = []string{account}
}

// FuzzInjection: whatever the value of a variable is, a policy says of it what it
// says of the same text written as itself: no wildcard, no variable, no new part of
// an ARN comes of it.
func FuzzInjection(f *testing.F) {
	for _, value := range []string{"*", "?", "a*", "${aws:userid}", "${*}", "x/../y", "a:b:c:d:e:f", `"},{"Effect":"Allow`, "\x00", "\xff*", "é*", "", "blue/*"} {
		f.Add(value, "blue")
		f.Add(value, value)
		f.Add(value, "a:b")
	}
	const prefix = "arn:aws:s3:::notes/"
	f.Fuzz(func(t *testing.T, value, asked string) {
		doc := func(element string) *iam.Policy {
			return compile(t, document(`{"Effect":"Allow","Action":"*",`+element+`}`))
		}
		context := func(key string) ([]string, bool) {
			switch key {
			case "test:value":
				return []string{value}, true
			case "test:asked":
				return []string{asked}, true
			case "test:arn":
				return []string{"arn:aws:" + asked + ":::x"}, true
			}
			return nil, false
		}
		utf := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		same := slices.Equal([]rune(value), []rune(asked))
		for _, row := range []struct {
			name     string
			policy   *iam.Policy
			resource string
			want     bool
		}{
			{"resource", doc(`"Resource":"` + prefix + `${test:value}"`), prefix + asked, same},
			{"resource below", doc(`"Resource":"` + prefix + `${test:value}/*"`), prefix + asked + "/x", strings.HasPrefix(string([]rune(asked))+"/x", string([]rune(value))+"/")},
			{"not resource", doc(`"NotResource":"` + prefix + `${test:value}"`), prefix + asked, !same},
			{"equals", doc(`"Resource":"*","Condition":{"StringEquals":{"test:asked":"${test:value}"}}`), "*", same},
			{"like", doc(`"Resource":"*","Condition":{"StringLike":{"test:asked":"${test:value}"}}`), "*", same},
			{"not like", doc(`"Resource":"*","Condition":{"StringNotLike":{"test:asked":"${test:value}"}}`), "*", !same},
			// The third part of an ARN has no colon, wherever that would come from.
			{"arn", doc(`"Resource":"*","Condition":{"ArnLike":{"test:arn":"arn:aws:${test:value}:::x"}}`), "*", same && !strings.Contains(asked, ":")},
		} {
			r := iam.Request{Action: "s3:GetObject", Resource: row.resource, Context: context}
			if got := row.policy.Evaluate(&r) == iam.Allow; got != row.want {
				t.Errorf("%s: value %q (%s), asked %q: %t", row.name, value, utf(value), asked, got)
			}
		}
	})
}

// FuzzTrust: whatever a document is, compiling it for signed callers or as the trust
// policy of a role does not panic, and a compiled one decides.
func FuzzTrust(f *testing.F) {
	f.Add(trust(federated, `"sts:*"`, ofPool))
	f.Add(document(about("Deny", aws1(sessionARN)), about("Allow", `"*"`)))
	f.Add(document(`{"Effect":"Deny","NotPrincipal":{"AWS":["` + account + `"]},"Action":"*","Resource":"*"}`))
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := policy.ParseResource([]byte(text))
		if err != nil {
			return
		}
		if a, err := iam.New(iam.Config{AccountID: account, Root: rootKeys, Keys: [][]byte{make([]byte, 32)}, Roles: []iam.RoleConfig{{Name: "r", Trust: doc}}}); err == nil {
			c, err := a.AssumeWithWebIdentity(iam.WebIdentityRequest{Role: "r", Session: "me", Identity: iam.WebIdentity{Provider: "cognito-identity.amazonaws.com", Prefix: "cognito-identity.amazonaws.com", Subject: "s", Audience: "another pool"}})
			if err == nil && !strings.Contains(text, "another pool") && !strings.Contains(text, `\u`) && !strings.Contains(text, "${") {
				t.Errorf("%s lets in an audience that it does not name: %+v", text, c.AssumedRole)
			}
		}
		p, err := iam.CompileSigned(doc)
		if err != nil {
			return
		}
		d := newStage(t, nil).Decide(iam.Principal{}, iam.Request{Action: "s3:GetObject", Resource: object, Context: keys}, p)
		if d.Allowed && !strings.Contains(text, "*") && !strings.Contains(text, `\u`) && !strings.Contains(text, "NotPrincipal") {
			t.Errorf("%s lets in whoever has not signed", text)
		}
	})
}
