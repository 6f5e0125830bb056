package verify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// TestMessages fixes what a terminal shows.
func TestMessages(t *testing.T) {
	now := time.Date(2026, 3, 4, 14, 5, 31, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d).Local() } // shown in the clock's zone
	for _, test := range []struct {
		e    verify.Error
		want string
	}{
		{verify.Error{Reason: verify.Expired, At: at(-200 * time.Second), Now: now}, "token expired 3m ago (exp 14:02:11)"},
		{verify.Error{Reason: verify.Expired, At: at(-time.Second), Now: now}, "token expired 1s ago (exp 14:05:30)"},
		{verify.Error{Reason: verify.Expired, At: at(0), Now: now}, "token expired just now (exp 14:05:31)"},
		{verify.Error{Reason: verify.Expired, At: at(-26 * time.Hour), Now: now}, "token expired 26h ago (exp 2026-03-03 12:05:31)"},
		{verify.Error{Reason: verify.Expired, At: at(-100 * time.Hour), Now: now}, "token expired 4d ago (exp 2026-02-28 10:05:31)"},
		{verify.Error{Reason: verify.NotYetValid, At: at(time.Hour), Now: now}, "token is not valid for another 1h (nbf 15:05:31)"},
		{verify.Error{Reason: verify.IssuedInTheFuture, At: at(90 * time.Second), Now: now}, "token was issued 1m in the future (iat 14:07:01)"},
		{verify.Error{Reason: verify.WrongIssuer, Got: []string{"a"}, Want: []string{"b"}}, `issuer is "a", not "b"`},
		{verify.Error{Reason: verify.WrongAudience, Claim: "aud", Got: []string{"a"}, Want: []string{"b", "c"}}, `aud is "a", not one of ["b" "c"]`},
		{verify.Error{Reason: verify.WrongAudience, Claim: "client_id", Got: []string{"a"}, Want: []string{"b"}}, `client_id is "a", not "b"`},
		{verify.Error{Reason: verify.WrongAudience, Claim: "aud", Got: []string{}, Want: []string{"b"}}, `aud is [], not "b"`},
		{verify.Error{Reason: verify.MissingClaim, Claim: "exp"}, `claim "exp" is missing`},
		{verify.Error{Reason: verify.BadClaims, Claim: "exp", Detail: "is not a number"}, `claim "exp" is not a number`},
		{verify.Error{Reason: verify.UnknownKey, KeyID: "k"}, `no key has the id "k"`},
		{verify.Error{Reason: verify.BadSignature, KeyID: "k"}, `signature does not match key "k"`},
		{verify.Error{Reason: verify.KeyIDMissing}, `header has no "kid"`},
		{verify.Error{Reason: verify.AlgorithmNotAllowed, Got: []string{"none"}, Want: []string{"RS256"}}, `algorithm is "none", not "RS256"`},
		{verify.Error{Reason: verify.HeaderNotAllowed, Claim: "crit", Detail: "no extension is understood"}, `header parameter "crit" is not accepted (no extension is understood)`},
		{verify.Error{Reason: verify.KeysUnavailable, Err: errors.New("status 500")}, "keys are unavailable: status 500"},
		{verify.Error{Reason: verify.DiscoveryUnavailable, Err: errors.New("status 500")}, "discovery document is unavailable: status 500"},
	} {
		if got := test.e.Message(); got != test.want {
			t.Errorf("message is\n\t%s, not\n\t%s", got, test.want)
		}
		if got := test.e.Error(); got != "verify: "+test.want {
			t.Errorf("error is %s", got)
		}
	}
}

// TestMessagesAreBounded: whatever a token holds, its message is short and can do
// no harm to a terminal.
func TestMessagesAreBounded(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v := newVerifier(t, issuer, nil)
	hostile := "\x1b[2J\u202e\u0000" + strings.Repeat("\u00e9", 4000)
	many := make([]string, 500)
	for i := range many {
		many[i] = hostile[:20]
	}
	for name, raw := range map[string]string{
		"alg": issuer.Sign(map[string]any{"alg": hostile}, nil),
		"kid": issuer.Sign(map[string]any{"kid": hostile[:500]}, nil),
		"iss": issuer.Token(verifytest.Claims{"iss": hostile}),
		"aud": issuer.Token(verifytest.Claims{"aud": hostile}),
		"all": issuer.Token(verifytest.Claims{"aud": many}),
		"dup": issuer.SignRaw([]byte(`{"`+hostile[8:]+`":1,"`+hostile[8:]+`":1}`), nil),
	} {
		message := refuseAny(t, v, raw).Error()
		if len(message) > 1200 {
			t.Errorf("%s: message has %d bytes", name, len(message))
		}
		if strings.ContainsAny(message, "\x1b\x00\u202e\n") {
			t.Errorf("%s: message is %q", name, message)
		}
	}
}

// TestErrorDetails: what a caller may build its own answer from.
func TestErrorDetails(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	now := time.Date(2026, 3, 4, 14, 5, 11, 0, time.UTC)
	issuer.Now = func() time.Time { return now }
	v := newVerifier(t, issuer, nil)
	exp := now.Add(-3 * time.Minute)
	if e := refuse(t, v, issuer.Token(verifytest.Claims{"exp": exp.Unix()}), verify.Expired); !e.At.Equal(exp) || !e.Now.Equal(now) || e.KeyID != issuer.KeyID() {
		t.Errorf("%+v", *e)
	}
	if e := refuse(t, v, issuer.Token(verifytest.Claims{"aud": []string{"x", "y"}}), verify.WrongAudience); len(e.Got) != 2 || e.Got[1] != "y" || e.Want[0] != verifytest.Audience {
		t.Errorf("%+v", *e)
	}
	if e := refuse(t, v, issuer.Sign(map[string]any{"kid": "x"}, nil), verify.UnknownKey); e.KeyID != "x" {
		t.Errorf("%+v", *e)
	}
	if e := refuse(t, v, issuer.Sign(map[string]any{"alg": "none"}, nil), verify.AlgorithmNotAllowed); e.Got[0] != "none" || len(e.Want) != 2 {
		t.Errorf("%+v", *e)
	}
}
