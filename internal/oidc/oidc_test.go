package oidc_test

import (
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/oidc"
)

// TestPKCE has the example of RFC 7636 appendix B, and what must not pass for it.
func TestPKCE(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	c, err := oidc.ParseChallenge(challenge, "S256")
	if err != nil || !c.Verify(verifier) {
		t.Fatalf("the RFC's example: %v", err)
	}
	for _, wrong := range []string{"", challenge, verifier + "A", verifier[1:], strings.ToLower(verifier), verifier + "=", strings.Repeat("a", 129), " " + verifier} {
		if c.Verify(wrong) {
			t.Errorf("%q is taken for the verifier", wrong)
		}
	}
	for _, bad := range [][2]string{
		{challenge, ""}, {challenge, "plain"}, {verifier, "plain"}, {challenge, "s256"}, {"", "S256"}, {challenge + "=", "S256"}, {"x", "S256"},
		{challenge[:42] + "N", "S256"}, {strings.ReplaceAll(challenge, "-", "+"), "S256"},
	} {
		if c, err := oidc.ParseChallenge(bad[0], bad[1]); err == nil || c != "" {
			t.Errorf("challenge %q of method %q is accepted", bad[0], bad[1])
		}
	}
	none, err := oidc.ParseChallenge("", "")
	if err != nil || !none.Verify("") || none.Verify(verifier) {
		t.Errorf("without a challenge only no verifier is right (%v)", err)
	}
}

// TestClientCredentials has the forms of RFC 6749 section 2.3.1.
func TestClientCredentials(t *testing.T) {
	read := func(header string, form url.Values) (oidc.Credentials, error) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		p, err := oidc.Form(httptest.NewRecorder(), r)
		if err != nil {
			t.Fatal(err)
		}
		return oidc.ClientCredentials(r, p)
	}
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, c := range []struct {
		header string
		form   url.Values
		secret string
		proved bool
	}{
		{"", url.Values{"client_id": {"id"}}, "", true},
		{"", url.Values{"client_id": {"id"}}, "s", false},
		{"", url.Values{"client_id": {"id"}, "client_secret": {"s"}}, "s", true},
		{"", url.Values{"client_id": {"id"}, "client_secret": {"s"}}, "", false},
		{basic("id:s"), nil, "s", true},
		{basic("id:s"), url.Values{"client_id": {"id"}}, "s", true},
		{basic("id:a%2Bb"), nil, "a+b", true},
		{basic("id:a+b"), nil, "a+b", true}, // as many clients send it
		{basic("id:"), nil, "", true},
		{basic("id:s"), nil, "", false},
	} {
		got, err := read(c.header, c.form)
		if err != nil || got.ID != "id" || got.Prove(c.secret) != c.proved {
			t.Errorf("%s %v for secret %q: %v, %v", c.header, c.form, c.secret, got, err)
		}
	}
	for _, c := range []struct {
		header string
		form   url.Values
	}{
		{"Bearer x", nil}, {"Basic !", nil}, {basic("nocolon"), nil}, {basic("id:s"), url.Values{"client_id": {"other"}}}, {basic("id:s"), url.Values{"client_secret": {"s"}}},
	} {
		if got, err := read(c.header, c.form); err == nil || got.Prove("s") || got.Prove("") {
			t.Errorf("%s %v is accepted", c.header, c.form)
		}
	}
}

func TestRespond(t *testing.T) {
	for uri, want := range map[string]string{
		"https://a.example/cb": "https://a.example/cb?code=1", "https://a.example/cb?x=1": "https://a.example/cb?x=1&code=1", "myapp://cb": "myapp://cb?code=1",
	} {
		if got := oidc.Respond(uri, false, url.Values{"code": {"1"}}); got != want {
			t.Errorf("%s: %s", uri, got)
		}
	}
}
