package iam_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
)

// said is what the second evaluator says of one statement.
type said struct {
	effect  string
	matched bool
}

// statements evaluates each statement of all policies alone, in AWS's order.
func (n *naive) statements(resource []string) (all []said) {
	for _, docs := range [][]string{resource, n.identity, n.boundary, n.sessionDocs} {
		for _, text := range docs {
			var doc map[string]any
			if err := json.Unmarshal([]byte(text), &doc); err != nil {
				panic(err)
			}
			for _, x := range doc["Statement"].([]any) {
				one, err := json.Marshal(map[string]any{"Statement": []any{x}})
				if err != nil {
					panic(err)
				}
				denied, allowed := n.ask([]string{string(one)})
				all = append(all, said{x.(map[string]any)["Effect"].(string), denied || allowed > 0})
			}
		}
	}
	return all
}

// TestEvidenceAgreesWithTheDecision: of random policies of all kinds, each statement
// is told of as the second evaluator finds it, and the one that is said to have decided
// is the one that the decision names; also when the request is gone, and again.
func TestEvidenceAgreesWithTheDecision(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	rounds := 2000
	if testing.Short() {
		rounds = 300
	}
	for i := range rounds {
		d, n, resource := g.round(t)
		e := d.Evidence()
		list := e.Considered()
		if got, want := fmt.Sprint(e.Considered()), fmt.Sprint(list); got != want {
			t.Fatalf("round %d of seed %d: told again it is\n%s\nand was\n%s", i, seed, got, want)
		}
		var got []said
		deciding := ""
		for _, c := range list {
			got = append(got, said{c.Effect, c.Matched})
			if c.Deciding {
				deciding += fmt.Sprintf("%s %s %s %t;", c.Source, c.Effect, c.Statement, c.Matched)
			}
			if failed := strings.Contains(fmt.Sprint(c.Conditions), " false}"); c.Matched && failed {
				t.Fatalf("round %d of seed %d: %+v matched, and a condition did not hold", i, seed, c)
			}
		}
		want := ""
		if d.Statement != "" {
			name := d.Statement[strings.Index(d.Statement, "statement"):] // without the policy's number
			want = fmt.Sprintf("%s %s %s true;", d.By, map[bool]string{true: "Allow", false: "Deny"}[d.Allowed], name)
		}
		if deciding != want {
			t.Fatalf("round %d of seed %d: %q decided, want %q\n%+v", i, seed, deciding, want, n)
		}
		if want := n.statements(resource); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d of seed %d: the statements are %v, want %v\n%+v\n%+v\nresource %s", i, seed, got, want, list, n, resource)
		}
		if e.Allowed != d.Allowed || e.By != d.By || e.Verdict() == "" || e.Size() <= 0 {
			t.Fatalf("round %d of seed %d: the evidence %+v of %+v", i, seed, e, d)
		}
	}
}

const leading = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"},
	{"Effect":"Allow","Action":["dynamodb:GetItem"],"Resource":"arn:aws:dynamodb:us-east-1:000000000000:table/Notes",
	 "Condition":{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["${cognito-identity.amazonaws.com:sub}"]}}},
	{"Sid":"NoWrites","Effect":"Deny","Action":"dynamodb:Put*","Resource":"*","Condition":{"StringLike":{"dynamodb:LeadingKeys":"us-*"}}}]}`

// leadingStage has a role of the policy above and one of its identities.
func leadingStage(t *testing.T) (*stage, iam.Principal) {
	t.Helper()
	s := newStage(t, func(cfg *iam.Config) {
		cfg.Roles[0].Policies = append(cfg.Roles[0].Policies, parsePolicy(t, leading))
		cfg.Roles[0].Origins = []iam.Origin{{Name: "NotesRole", Statements: []iam.Written{{Position: "doorwright.yaml:20"}, {Position: "doorwright.yaml:21"}, {Position: "doorwright.yaml:24"}}}}
	})
	keys := s.assume(t, iam.AssumeRequest{Identity: &iam.CognitoIdentity{ID: "us-east-1:ab", Pool: "us-east-1:pool", AMR: []string{"authenticated"}}})
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func decideKeys(s *stage, p iam.Principal, action string, keys ...string) iam.Decision {
	return s.Decide(p, iam.Request{
		Action: action, Resource: "arn:aws:dynamodb:us-east-1:000000000000:table/Notes",
		Context: func(key string) ([]string, bool) { return keys, key == "dynamodb:leadingkeys" },
	}, nil)
}

// TestVerdicts: the line that a person reads.
func TestVerdicts(t *testing.T) {
	s, p := leadingStage(t)
	for _, row := range []struct {
		action string
		keys   []string
		want   string
	}{
		{"dynamodb:GetItem", []string{"us-east-1:cd"}, `statement 2 of NotesRole (doorwright.yaml:21) does not allow dynamodb:GetItem because dynamodb:LeadingKeys has to be "us-east-1:ab", and the item's key is "us-east-1:cd"`},
		{"dynamodb:GetItem", []string{"us-east-1:ab"}, `statement 2 of NotesRole (doorwright.yaml:21) allows dynamodb:GetItem`},
		{"dynamodb:PutItem", []string{"us-east-1:ab"}, `statement 3 (NoWrites) of NotesRole (doorwright.yaml:24) denies dynamodb:PutItem because dynamodb:LeadingKeys has to be like "us-*": the item's key is "us-east-1:ab"`},
		{"dynamodb:Scan", nil, `no statement of the identity-based policy allows dynamodb:Scan on arn:aws:dynamodb:us-east-1:000000000000:table/Notes`},
	} {
		if got := decideKeys(s, p, row.action, row.keys...).Evidence().Verdict(); got != row.want {
			t.Errorf("%s %s:\n%s, want\n%s", row.action, row.keys, got, row.want)
		}
	}
	root, err := s.Principal(rootKeys.AccessKeyID, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := decideKeys(s, root, "dynamodb:Scan").Evidence().Verdict(); got != "the root user is allowed all" {
		t.Error(got)
	}
}

// TestEvidenceIsBounded: of many statements, long values and many of them some are
// left out, and what decided is not among them.
func TestEvidenceIsBounded(t *testing.T) {
	var statements []string
	for range 400 {
		statements = append(statements, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"`+strings.Repeat("x", 500)+`"}}}`)
	}
	statements = append(statements, `{"Sid":"Last","Effect":"Deny","Action":"s3:*","Resource":"*"}`)
	doc := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	if len(doc) > 1<<20 {
		t.Fatal("too long")
	}
	s := newStage(t, func(cfg *iam.Config) {
		for part := range 5 { // a document has a bound of its own
			from, to := part*100, min(part*100+100, len(statements))
			cfg.Roles[0].Policies = append(cfg.Roles[0].Policies, parsePolicy(t, `{"Version":"2012-10-17","Statement":[`+strings.Join(statements[from:to], ",")+`]}`))
		}
	})
	keys := s.assume(t, iam.AssumeRequest{})
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	long := make([]string, 100)
	for i := range long {
		long[i] = strings.Repeat("é", 4000)
	}
	d := s.Decide(p, iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::notes/" + strings.Repeat("k", 5000), Context: func(key string) ([]string, bool) {
		return long, key == "s3:prefix"
	}}, nil)
	e := d.Evidence()
	list := e.Considered()
	last := list[len(list)-1]
	if len(list) > 130 || !strings.HasSuffix(last.Statement, "more statements") {
		t.Errorf("%d statements are told of, the last %+v", len(list), last)
	}
	if c := list[len(list)-2]; !c.Deciding || c.Statement != "statement 1 (Last)" {
		t.Errorf("the deciding statement is left out: %+v", c)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100<<10 || e.Size() > 100<<10 {
		t.Errorf("it takes %d bytes, and says %d", len(text), e.Size())
	}
	if len(e.Resource) > 2048 {
		t.Errorf("the resource has %d bytes", len(e.Resource))
	}
}

// TestEvidenceHasNoSecrets: what a browser's page had in its address is not kept.
func TestEvidenceHasNoSecrets(t *testing.T) {
	s := newStage(t, func(cfg *iam.Config) {
		cfg.Roles[0].Policies = append(cfg.Roles[0].Policies, parsePolicy(t,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"aws:Referer":"https://b.example/*"}}}]}`))
	})
	keys := s.assume(t, iam.AssumeRequest{})
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	e := s.Decide(p, iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::notes/a", Context: func(key string) ([]string, bool) {
		return []string{"https://a.example/callback?code=SECRET#SECRET"}, key == "aws:referer"
	}}, nil).Evidence()
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.SECRET"
	of := s.Decide(p, iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::notes/" + token + "/a", Context: func(string) ([]string, bool) {
		return []string{"https://a.example/" + token}, true
	}}, nil).Evidence()
	if got := fmt.Sprint(of.Verdict(), of.Resource, of.Considered()); strings.Contains(got, "SECRET") || of.Resource != "arn:aws:s3:::notes/***/a" {
		t.Error(got)
	}
	if got := e.Verdict(); strings.Contains(got, "SECRET") || !strings.Contains(got, `it is "https://a.example/callback"`) {
		t.Error(got)
	}
}
