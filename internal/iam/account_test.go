package iam_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
)

const account = "000000000000"

var (
	start    = time.Date(2026, 11, 21, 14, 2, 11, 0, time.UTC)
	rootKeys = sigv4.Credentials{AccessKeyID: "AKIAROOT", SecretAccessKey: "secret of root"}
)

// A stage is an account with a clock.
type stage struct {
	*iam.Account
	now time.Time
	cfg iam.Config
}

func newStage(t testing.TB, change func(*iam.Config)) *stage {
	t.Helper()
	s := &stage{now: start}
	s.cfg = iam.Config{
		AccountID: account, Region: "us-east-1", Root: rootKeys, Keys: [][]byte{bytes.Repeat([]byte{1}, 32)},
		Roles: []iam.RoleConfig{{Name: "dev-app-fn"}, {Name: "dev-app-other"}},
		Now:   func() time.Time { return s.now },
	}
	if change != nil {
		change(&s.cfg)
	}
	var err error
	if s.Account, err = iam.New(s.cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) assume(t testing.TB, r iam.AssumeRequest) iam.Credentials {
	t.Helper()
	if r.Role == "" {
		r.Role = "dev-app-fn"
	}
	if r.Session == "" {
		r.Session = "me"
	}
	c, err := s.Assume(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parsePolicy(t testing.TB, text string) policy.Document {
	t.Helper()
	doc, err := policy.ParseResource([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestSession: what credentials say is what their session says, also after a
// restart, and their forms are those of AWS.
func TestSession(t *testing.T) {
	s := newStage(t, nil)
	request := iam.AssumeRequest{
		Session: "CognitoIdentityCredentials", Duration: 2 * time.Hour, Provider: "cognito-identity.amazonaws.com",
		Identity: &iam.CognitoIdentity{ID: "us-east-1:1", Pool: "us-east-1:2", AMR: []string{"authenticated", "a/b"}},
		Tags:     map[string]string{"Department": "é x"}, Policies: []string{document(statement("Allow", "*", "*"))},
	}
	c := s.assume(t, request)
	if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(c.AccessKeyID) || !regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`).MatchString(c.SecretAccessKey) ||
		!regexp.MustCompile(`^[A-Za-z0-9/+]+=*$`).MatchString(c.SessionToken) || len(c.SessionToken) > 1200 {
		t.Errorf("%+v", c)
	}
	if !c.Expiration.Equal(start.Add(2*time.Hour)) || c.PackedPolicySize < 1 || c.PackedPolicySize > 100 ||
		c.AssumedRole.ARN != "arn:aws:sts::000000000000:assumed-role/dev-app-fn/CognitoIdentityCredentials" ||
		!regexp.MustCompile(`^AROA[A-Z2-7]{17}:CognitoIdentityCredentials$`).MatchString(c.AssumedRole.ID) || c.AssumedRole.ID[4:12] != c.AccessKeyID[4:12] {
		t.Errorf("%+v", c)
	}
	restarted := newStage(t, nil)
	secret, err := restarted.SecretOf(t.Context(), c.AccessKeyID, c.SessionToken)
	if err != nil || secret != c.SecretAccessKey {
		t.Fatal(secret, err)
	}
	p, err := restarted.Principal(c.AccessKeyID, c.SessionToken)
	if err != nil || p.Root || p.ARN != c.AssumedRole.ARN || p.UserID != c.AssumedRole.ID || p.AccountID != account || p.AccessKeyID != c.AccessKeyID {
		t.Fatalf("%+v %v", p, err)
	}
	x := p.Session
	if x.Role != "dev-app-fn" || x.RoleID+":"+x.Name != c.AssumedRole.ID || x.Name != request.Session || !x.Issued.Equal(start) || !x.Expires.Equal(c.Expiration) ||
		x.Provider != request.Provider || fmt.Sprint(*x.Identity) != fmt.Sprint(*request.Identity) || fmt.Sprint(x.Tags) != fmt.Sprint(request.Tags) || len(x.Policies) != 1 {
		t.Errorf("%+v", x)
	}
	if d := s.assume(t, request); d.AccessKeyID == c.AccessKeyID || d.SecretAccessKey == c.SecretAccessKey || d.SessionToken == c.SessionToken || d.AssumedRole != c.AssumedRole {
		t.Errorf("two sessions share something: %+v %+v", c, d)
	}
}

// The account that an access key's id names: of a key that was published, and of
// those that are made here.
func TestAccountOf(t *testing.T) {
	if got, ok := iam.AccountOf("ASIARK7LBOHXAAAAAAAA"); !ok || got != "092297851374" {
		t.Errorf("%s %v", got, ok)
	}
	for _, want := range []string{account, "999999999999", "123456789012"} {
		root, err := iam.NewRootKeys(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := iam.AccountOf(root.AccessKeyID); !ok || got != want || len(root.SecretAccessKey) != 40 {
			t.Errorf("%+v: %s %v", root, got, ok)
		}
	}
	for _, id := range []string{"", "ASIA", "AROARK7LBOHXAAAAAAAA", "ASIARK7LBOHXAAAAAAA1", "ASIARK7LBOHXAAAAAAAAA"} {
		if got, ok := iam.AccountOf(id); ok || got != "" {
			t.Errorf("%q: %s", id, got)
		}
	}
}

// refused wants no secret and no principal for keys.
func refused(t *testing.T, s *stage, what, accessKeyID, token string, want error) {
	t.Helper()
	secret, err := s.SecretOf(t.Context(), accessKeyID, token)
	if !errors.Is(err, want) || secret != "" {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	p, err := s.Principal(accessKeyID, token)
	if !errors.Is(err, want) || p.ARN != "" || p.Root || p.Session != nil {
		t.Errorf("%s: %+v, %v", what, p, err)
	}
}

// TestForgedSessions: what is not a token of this stage, of this access key, whole
// and in time is nobody's.
func TestForgedSessions(t *testing.T) {
	s := newStage(t, nil)
	c, d := s.assume(t, iam.AssumeRequest{}), s.assume(t, iam.AssumeRequest{})
	unknown := sigv4.ErrUnknownKey

	refused(t, s, "another's token", c.AccessKeyID, d.SessionToken, unknown)
	refused(t, s, "no token", c.AccessKeyID, "", unknown)
	refused(t, s, "root's key with a token", rootKeys.AccessKeyID, c.SessionToken, unknown)
	refused(t, s, "nobody's key", "AKIANOBODY", "", unknown)
	refused(t, s, "no key", "", "", unknown)
	refused(t, s, "huge", c.AccessKeyID, strings.Repeat("A", 1<<20), unknown)
	refused(t, s, "line break", c.AccessKeyID, c.SessionToken[:40]+"\n"+c.SessionToken[40:], unknown)
	refused(t, s, "space", c.AccessKeyID, c.SessionToken+" ", unknown)

	b, err := base64.StdEncoding.DecodeString(c.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			forged := bytes.Clone(b)
			forged[i] ^= 1 << bit
			refused(t, s, fmt.Sprintf("byte %d, bit %d", i, bit), c.AccessKeyID, base64.StdEncoding.EncodeToString(forged), unknown)
		}
	}
	for i := range c.SessionToken {
		forged := []byte(c.SessionToken)
		for _, x := range []byte("AB+/=-_") {
			if forged[i] = x; x != c.SessionToken[i] {
				refused(t, s, fmt.Sprintf("character %d", i), c.AccessKeyID, string(forged), unknown)
			}
		}
		refused(t, s, "a part", c.AccessKeyID, c.SessionToken[:i], unknown)
	}
	padded := 0
	for i := range 12 { // one token has one spelling, also where bits are left over
		c := s.assume(t, iam.AssumeRequest{Session: aws.RandomText("abcdefgh", 4+i)})
		text := strings.TrimRight(c.SessionToken, "=")
		if len(text) == len(c.SessionToken) {
			continue
		}
		padded++
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		last := strings.IndexByte(alphabet, text[len(text)-1]) ^ 1
		refused(t, s, "another spelling", c.AccessKeyID, text[:len(text)-1]+alphabet[last:last+1]+c.SessionToken[len(text):], unknown)
	}
	if padded == 0 {
		t.Error("no token has bits left over")
	}
	for i := range c.AccessKeyID {
		forged := []byte(c.AccessKeyID)
		forged[i] ^= 1
		refused(t, s, "another key", string(forged), c.SessionToken, unknown)
	}

	other := newStage(t, func(cfg *iam.Config) { cfg.Keys = [][]byte{bytes.Repeat([]byte{2}, 32)} })
	refused(t, other, "another stage", c.AccessKeyID, c.SessionToken, unknown)
	abroad := newStage(t, func(cfg *iam.Config) { cfg.AccountID = "111122223333" })
	refused(t, abroad, "another account", c.AccessKeyID, c.SessionToken, unknown)
	gone := newStage(t, func(cfg *iam.Config) { cfg.Roles = cfg.Roles[1:] })
	refused(t, gone, "a role that is gone", c.AccessKeyID, c.SessionToken, unknown)

	s.now = start.Add(time.Hour - time.Second)
	if secret, err := s.SecretOf(t.Context(), c.AccessKeyID, c.SessionToken); err != nil || secret != c.SecretAccessKey {
		t.Errorf("in its last second: %v", err)
	}
	s.now = start.Add(time.Hour)
	refused(t, s, "expired", c.AccessKeyID, c.SessionToken, sigv4.ErrExpiredToken)
	refused(t, s, "expired, and another's", c.AccessKeyID, d.SessionToken, unknown)
}

// TestMasterKeysRotate: tokens of the key before are still good, and new ones are of
// the first.
func TestMasterKeysRotate(t *testing.T) {
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	before := newStage(t, nil)
	old := before.assume(t, iam.AssumeRequest{})
	rotated := newStage(t, func(cfg *iam.Config) { cfg.Keys = [][]byte{second, first} })
	if secret, err := rotated.SecretOf(t.Context(), old.AccessKeyID, old.SessionToken); err != nil || secret != old.SecretAccessKey {
		t.Errorf("a session of the key before: %v", err)
	}
	fresh := rotated.assume(t, iam.AssumeRequest{})
	refused(t, before, "of a key that is not there yet", fresh.AccessKeyID, fresh.SessionToken, sigv4.ErrUnknownKey)
}

func TestAssumeRefuses(t *testing.T) {
	s := newStage(t, nil)
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprintf("key%d", i)] = aws.RandomText("0123456789abcdef", 100)
	}
	for _, row := range []struct {
		want string
		r    iam.AssumeRequest
	}{
		{"there is none", iam.AssumeRequest{Role: "nobody", Session: "me"}},
		{"no name of a session", iam.AssumeRequest{Role: "dev-app-fn", Session: "m"}},
		{"no name of a session", iam.AssumeRequest{Role: "dev-app-fn", Session: "me/you"}},
		{"MalformedPolicyDocument", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Policies: []string{"{}"}}},
		{"MalformedPolicyDocument", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Policies: []string{document(`{"Effect":"Allow"}`)}}},
		{"InvalidParameterValue", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Tags: map[string]string{"a": "1", "A": "2"}}},
		{"InvalidParameterValue", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Tags: map[string]string{"": "1"}}},
		{"InvalidParameterValue", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Tags: map[string]string{"a": "${*}"}}},
		{"InvalidParameterValue", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Tags: map[string]string{"aws:x": "1"}}},
		{"PackedPolicyTooLarge", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Tags: many}},
		{"too much to say", iam.AssumeRequest{Role: "dev-app-fn", Session: "me", Provider: strings.Repeat(aws.RandomText("0123456789abcdef", 5000), 20)}},
	} {
		c, err := s.Assume(row.r)
		if err == nil || !strings.Contains(err.Error(), row.want) || c.SessionToken != "" {
			t.Errorf("%v, want %s", err, row.want)
		}
	}
	for want, change := range map[string]func(*iam.Config){
		"no master key":      func(cfg *iam.Config) { cfg.Keys = nil },
		"has 32 bytes":       func(cfg *iam.Config) { cfg.Keys = [][]byte{[]byte("short")} },
		"not 12 digits":      func(cfg *iam.Config) { cfg.AccountID = "1" },
		"root keys":          func(cfg *iam.Config) { cfg.Root.AccessKeyID = "" },
		"it is there twice":  func(cfg *iam.Config) { cfg.Roles[1].Name = cfg.Roles[0].Name },
		"a role's name":      func(cfg *iam.Config) { cfg.Roles[0].Name = "a/b" },
		"MaxSessionDuration": func(cfg *iam.Config) { cfg.Roles[0].MaxSessionDuration = time.Minute },
		"has a Resource": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, document(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}`))
		},
		"trusts every identity pool": func(cfg *iam.Config) { cfg.Roles[0].Trust = parsePolicy(t, trust(federated, `"sts:*"`, `{}`)) },
		"add the condition StringEquals": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, trust(federated, `"sts:*"`, `{"StringNotEquals":{"cognito-identity.amazonaws.com:aud":"x"}}`))
		},
		"no NotPrincipal": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, document(`{"Effect":"Allow","NotPrincipal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole"}`))
		},
		"without wildcards": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, trust(aws1("arn:aws:iam::000000000000:role/*"), `"sts:*"`, `{}`))
		},
		"the name of one provider": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, trust(`{"Federated":"*"}`, `"sts:*"`, `{}`))
		},
		"the types are": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, trust(`{"CanonicalUser":"x"}`, `"sts:*"`, `{}`))
		},
		"neither Principal nor": func(cfg *iam.Config) {
			cfg.Roles[0].Trust = parsePolicy(t, document(`{"Effect":"Allow","Action":"sts:AssumeRole"}`))
		},
	} {
		cfg := newStage(t, nil).cfg
		change(&cfg)
		if a, err := iam.New(cfg); err == nil || a != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
