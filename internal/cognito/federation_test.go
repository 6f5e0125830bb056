package cognito_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// elsewhere is an identity provider that a test makes misbehave.
type elsewhere struct {
	*verifytest.Issuer
	t *testing.T

	mu       sync.Mutex
	claims   verifytest.Claims // of the next ID token
	info     map[string]any    // of the userinfo endpoint; nil: there is none
	metadata map[string]any    // over the discovery document's
	asked    url.Values        // what the token endpoint was asked last
}

func newElsewhere(t *testing.T, w *world) *elsewhere {
	e := &elsewhere{Issuer: verifytest.NewIssuer(verify.RS256), t: t, claims: verifytest.Claims{}}
	t.Cleanup(e.Close)
	e.Now = w.clock
	answer := func(rw http.ResponseWriter, v any) {
		rw.Header().Set("Content-Type", "application/json")
		json.NewEncoder(rw).Encode(v)
	}
	e.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		document := map[string]any{
			"issuer": e.URL(), "jwks_uri": e.JWKSURL(), "authorization_endpoint": e.URL() + "/authorize?tenant=1", "token_endpoint": e.URL() + "/token",
		}
		if e.info != nil {
			document["userinfo_endpoint"] = e.URL() + "/userinfo"
		}
		maps.Copy(document, e.metadata)
		answer(rw, document)
	}))
	e.Handle("/token", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		r.ParseForm()
		e.asked = r.PostForm
		answer(rw, map[string]any{"id_token": e.Token(e.claims), "access_token": "at", "token_type": "Bearer"})
	}))
	e.Handle("/userinfo", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer at" {
			http.Error(rw, "who?", http.StatusUnauthorized)
			return
		}
		answer(rw, e.info)
	}))
	return e
}

func (e *elsewhere) says(claims verifytest.Claims) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.claims = claims
}

// federatedWorld is a world whose pool has the provider "Corp".
func federatedWorld(t *testing.T, changes ...func(*cognito.PoolConfig)) (*world, *elsewhere) {
	t.Helper()
	w := newDomainWorld(t, domainPool(changes...))
	e := newElsewhere(t, w)
	p := &w.cfg.Pools[0]
	p.IdentityProviders = []cognito.IdentityProviderConfig{{
		Name: "Corp", Issuer: e.URL(), ClientID: "ours", ClientSecret: "s3cret", Scopes: []string{"openid", "email"}, Identifiers: []string{"corp.example"},
		AttributeMapping: map[string]string{"email": "email", "email_verified": "email_verified", "given_name": "first"},
	}}
	p.Clients[0].SupportedIdentityProviders = []string{"COGNITO", "Corp"}
	w.restart()
	return w, e
}

// fly sends a browser to the provider, and gives what it takes along.
func (b *browser) fly(query string) url.Values {
	b.t.Helper()
	to := b.location(b.get("/oauth2/authorize?" + query))
	if to.Path != "/authorize" {
		b.t.Fatalf("not to the provider: %s", to)
	}
	return to.Query()
}

// back brings a browser back from the provider.
func (b *browser) back(pairs ...string) answer {
	b.t.Helper()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return b.get("/oauth2/idpresponse?" + q.Encode())
}

func (e *elsewhere) user(sub, nonce string) verifytest.Claims {
	return verifytest.Claims{"sub": sub, "aud": "ours", "nonce": nonce, "email": "ada@corp.example", "email_verified": true, "first": "Ada"}
}

// TestFederation signs a user in by a provider: the first time the user is made,
// later found again.
func TestFederation(t *testing.T) {
	w, e := federatedWorld(t)
	b := w.browser()
	b.shows(b.get("/login?"+w.requestQuery()), 200, "Continue with Corp")
	query := w.requestQuery("identity_provider", "Corp", "scope", "openid profile email")
	out := b.fly(query)
	for name, want := range map[string]string{
		"tenant": "1", "response_type": "code", "client_id": "ours", "redirect_uri": w.origin() + "/oauth2/idpresponse", "scope": "openid email", "code_challenge_method": "S256",
	} {
		if out.Get(name) != want {
			t.Errorf("the provider is asked with %s %q, not %q", name, out.Get(name), want)
		}
	}
	e.info = map[string]any{"sub": "u-1", "first": "Augusta", "email": "evil@corp.example"}
	claims := e.user("u-1", out.Get("nonce"))
	delete(claims, "first")
	e.says(claims)
	tokens := w.tokensFor(w.exchange(b.code(b.back("state", out.Get("state"), "code", "c1"))))
	if e.asked.Get("client_secret") != "s3cret" || e.asked.Get("code") != "c1" || len(e.asked.Get("code_verifier")) < 43 {
		t.Errorf("the token endpoint was asked %v", e.asked)
	}
	id := payload(t, tokens["id_token"])
	if id["cognito:username"] != "Corp_u-1" || id["email"] != "ada@corp.example" || id["email_verified"] != true || id["given_name"] != "Augusta" {
		t.Errorf("the ID token is %v", id)
	}
	if groups, _ := id["cognito:groups"].([]any); !slices.Equal(groups, []any{w.pool() + "_Corp"}) {
		t.Errorf("the groups are %v", id["cognito:groups"])
	}
	identity := id["identities"].([]any)[0].(obj)
	if identity["userId"] != "u-1" || identity["providerName"] != "Corp" || identity["providerType"] != "OIDC" || identity["primary"] != "true" {
		t.Errorf("identities are %v", identity)
	}
	if w.statusOf("Corp_u-1") != "EXTERNAL_PROVIDER" {
		t.Errorf("the status is %s", w.statusOf("Corp_u-1"))
	}
	// Signed in by the provider, the browser is let through for it alone.
	b.code(b.get("/oauth2/authorize?" + query))
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery("identity_provider", "COGNITO"))); at.Path != "/login" {
		t.Errorf("a request for COGNITO: %s", at)
	}
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery("client_id", w.client("other")))); at.Path != "/login" {
		t.Errorf("a client without the provider: %s", at)
	}
	// Another browser, later: the same user, with what the provider says now.
	again := w.browser()
	out = again.fly(w.requestQuery("idp_identifier", "corp.example"))
	claims = e.user("u-1", out.Get("nonce"))
	claims["email"] = "lovelace@corp.example"
	e.says(claims)
	later := payload(t, w.tokensFor(w.exchange(again.code(again.back("state", out.Get("state"), "code", "c2"))))["id_token"])
	if later["sub"] != id["sub"] || later["email"] != "lovelace@corp.example" {
		t.Errorf("later: %v", later)
	}
	// Nobody signs in to it by a password, or by its address.
	w.refused("InitiateAuth", w.passwordAuth("Corp_u-1", goodPassword), "NotAuthorizedException", "Incorrect username or password.")
	w.refused("InitiateAuth", w.passwordAuth("lovelace@corp.example", goodPassword), "UserNotFoundException", "User does not exist.")
	w.confirmed("lovelace@corp.example")
}

// TestFederationAttacks: a browser comes back with its own state, once, with an
// ID token that was made for this sign-in; nothing else lets it in.
func TestFederationAttacks(t *testing.T) {
	w, e := federatedWorld(t)
	query := w.requestQuery("identity_provider", "Corp")
	victim, attacker := w.browser(), w.browser()
	refused := func(what string, b *browser, a answer) {
		t.Helper()
		to := b.location(a)
		if to.Query().Get("code") != "" || to.Query().Get("error") == "" {
			t.Errorf("%s: the browser goes to %s", what, to)
		}
		if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
			t.Errorf("%s: the browser is signed in", what)
		}
	}
	page := func(what string, b *browser, a answer) {
		t.Helper()
		if to := b.location(a); to.Path != "/error" || to.Host != "" {
			t.Errorf("%s: the browser goes to %s", what, to)
		}
		refused(what, b, a)
	}
	// The attacker's own sign-in, ended in the victim's browser.
	mine := attacker.fly(query)
	e.says(e.user("attacker", mine.Get("nonce")))
	page("another browser's state", victim, victim.back("state", mine.Get("state"), "code", "c"))
	own := victim.fly(query)
	page("another browser's state, with a flight of its own", victim, victim.back("state", mine.Get("state"), "code", "c"))
	page("no state", victim, victim.back("code", "c"))
	page("a made-up state", victim, victim.back("state", strings.Repeat("x", 43), "code", "c"))
	// The attacker's code with the victim's state.
	refused("another sign-in's ID token", victim, victim.back("state", own.Get("state"), "code", "c"))
	page("a state that was used", victim, victim.back("state", own.Get("state"), "code", "c"))

	for what, change := range map[string]func(verifytest.Claims){
		"no nonce":         func(c verifytest.Claims) { c["nonce"] = verifytest.Absent },
		"wrong nonce":      func(c verifytest.Claims) { c["nonce"] = "x" },
		"another audience": func(c verifytest.Claims) { c["aud"] = "theirs" },
		"another party":    func(c verifytest.Claims) { c["aud"], c["azp"] = []string{"ours", "theirs"}, "theirs" },
		"several, no azp":  func(c verifytest.Claims) { c["aud"] = []string{"ours", "theirs"} },
		"another issuer":   func(c verifytest.Claims) { c["iss"] = "https://evil.example" },
		"expired":          func(c verifytest.Claims) { c["exp"] = w.clock().Add(-time.Hour).Unix() },
		"no sub":           func(c verifytest.Claims) { c["sub"] = verifytest.Absent },
		"empty sub":        func(c verifytest.Claims) { c["sub"] = "" },
		"huge sub":         func(c verifytest.Claims) { c["sub"] = strings.Repeat("s", 300) },
	} {
		out := victim.fly(query)
		claims := e.user("u-1", out.Get("nonce"))
		change(claims)
		e.says(claims)
		refused(what, victim, victim.back("state", out.Get("state"), "code", "c"))
	}
	out := victim.fly(query)
	e.says(e.user("u-1", out.Get("nonce")))
	refused("the answer of another issuer", victim, victim.back("state", out.Get("state"), "code", "c", "iss", "https://evil.example"))
	out = victim.fly(query)
	w.advance(16 * time.Minute)
	e.says(e.user("u-1", out.Get("nonce")))
	page("sixteen minutes later", victim, victim.back("state", out.Get("state"), "code", "c"))

	out = victim.fly(query)
	denied := victim.location(victim.back("state", out.Get("state"), "error", "access_denied", "error_description", "no <b>\r\nX: y"))
	if got := denied.Query(); got.Get("error") != "access_denied" || got.Get("error_description") != "no <b>X: y" || got.Get("state") != "s&t=1" {
		t.Errorf("the provider refused: %s", denied)
	}
	e.info = map[string]any{"sub": "somebody-else"}
	out = victim.fly(query)
	e.says(e.user("u-1", out.Get("nonce")))
	refused("userinfo of another user", victim, victim.back("state", out.Get("state"), "code", "c"))
	e.info = nil
	if users := w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any); len(users) != 0 {
		t.Errorf("users were made: %v", users)
	}
}

// TestFlightsAreBounded: anybody can begin a flight, and not as many as they like
// are kept. What is let go of is what began first.
func TestFlightsAreBounded(t *testing.T) {
	w, e := federatedWorld(t)
	query := w.requestQuery("identity_provider", "Corp")
	first := w.browser()
	early := first.fly(query)
	w.advance(time.Second)
	db := w.stage.DB()
	err := db.Write(t.Context(), func(tx *sql.Tx) error { // as a flood would
		_, err := tx.Exec(`
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
			INSERT INTO oidc_flight (hash, tenant, browser, provider, nonce, verifier, request, expires)
			SELECT CAST(i AS BLOB), f.tenant, f.browser, f.provider, f.nonce, f.verifier, f.request, f.expires + 1 FROM n, oidc_flight f`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	out := b.fly(query)
	var n int
	err = db.Read(t.Context(), func(tx *sql.Tx) error { return tx.QueryRow("SELECT count(*) FROM oidc_flight").Scan(&n) })
	if err != nil || n > 1000 {
		t.Errorf("%d flights are kept, %v", n, err)
	}
	e.says(e.user("u-1", early.Get("nonce")))
	if a := first.back("state", early.Get("state"), "code", "c"); a.status != 302 || !strings.HasPrefix(a.header.Get("Location"), "/error?") {
		t.Errorf("the first one: %d %s", a.status, a.header.Get("Location"))
	}
	e.says(e.user("u-1", out.Get("nonce")))
	b.code(b.back("state", out.Get("state"), "code", "c"))
}

// TestHostileProviders: a provider names no address that its issuer may not, and
// an answer that is wrong, slow to parse or huge lets nobody in.
func TestHostileProviders(t *testing.T) {
	w, e := federatedWorld(t)
	b := w.browser()
	query := w.requestQuery("identity_provider", "Corp")
	asked := e.URL()
	for what, document := range map[string]map[string]any{
		"another issuer":       {"issuer": "https://evil.example"},
		"no token endpoint":    {"token_endpoint": ""},
		"http elsewhere":       {"token_endpoint": "http://evil.example/token"},
		"a script":             {"authorization_endpoint": "javascript:alert(1)"},
		"a user in an address": {"authorization_endpoint": "http://user@localhost/authorize"},
		"the link":             {"token_endpoint": "http://169.254.169.254/latest/meta-data"},
		"no host":              {"token_endpoint": "http://:80/token"},
	} {
		e.metadata = document
		to := b.location(b.get("/oauth2/authorize?" + query))
		if to.Query().Get("error") != "server_error" || !strings.HasPrefix(to.String(), callback) {
			t.Errorf("%s: %s", what, to)
		}
	}
	e.metadata = nil
	for what, handler := range map[string]http.HandlerFunc{
		"a redirect": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, asked+"/elsewhere", http.StatusTemporaryRedirect)
		},
		"an error": func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, `{"error":"invalid_grant"}`, 400) },
		"no JSON":  func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("<html>")) },
		"no token": func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("{}")) },
		"huge": func(rw http.ResponseWriter, r *http.Request) {
			r.ParseForm() // the code is the nonce: all is well but the size
			json.NewEncoder(rw).Encode(map[string]any{"id_token": e.Token(e.user("u-1", r.PostForm.Get("code"))), "padding": strings.Repeat("x", 1<<20)})
		},
	} {
		e.Handle("/token", handler)
		out := b.fly(query)
		to := b.location(b.back("state", out.Get("state"), "code", out.Get("nonce")))
		if to.Query().Get("error") != "invalid_request" || to.Query().Get("code") != "" {
			t.Errorf("%s: %s", what, to)
		}
	}
	if e.Fetches("/elsewhere") != 0 {
		t.Error("a redirect was followed")
	}
}

// TestFederationTriggers runs the functions of a federated sign-in, the first
// and a later one, and has the first refuse.
func TestFederationTriggers(t *testing.T) {
	w, e := federatedWorld(t, func(p *cognito.PoolConfig) {
		p.Triggers = cognito.Triggers{PreSignUp: "f", PostConfirmation: "f", PreAuthentication: "f", PostAuthentication: "f", PreTokenGeneration: "f"}
	})
	var mu sync.Mutex
	var sources []string
	refuse, gone := true, false
	w.functions = map[string]cognito.Invoke{"f": func(_ context.Context, _ string, event []byte) ([]byte, string, error) {
		mu.Lock()
		defer mu.Unlock()
		var ev obj
		json.Unmarshal(event, &ev)
		sources = append(sources, ev["triggerSource"].(string))
		if refuse {
			return []byte(`{"errorMessage":"not you"}`), "Unhandled", nil
		}
		if gone && ev["triggerSource"] == "PreAuthentication_Authentication" {
			w.do("AdminDeleteUser", w.user("Corp_u-1"))
		}
		return event, "", nil
	}}
	b := w.browser()
	sign := func() *url.URL {
		out := b.fly(w.requestQuery("identity_provider", "Corp"))
		e.says(e.user("u-1", out.Get("nonce")))
		return b.location(b.back("state", out.Get("state"), "code", "c"))
	}
	if to := sign(); to.Query().Get("error") != "invalid_request" || to.Query().Get("error_description") != "PreSignUp failed with error not you." {
		t.Errorf("refused: %s", to)
	}
	refuse, sources = false, nil
	w.tokensFor(w.exchange(sign().Query().Get("code")))
	b = w.browser()
	w.tokensFor(w.exchange(sign().Query().Get("code")))
	want := []string{
		"PreSignUp_ExternalProvider", "PostConfirmation_ConfirmSignUp", "TokenGeneration_HostedAuth",
		"PreAuthentication_Authentication", "PostAuthentication_Authentication", "TokenGeneration_HostedAuth",
	}
	if !slices.Equal(sources, want) {
		t.Errorf("the triggers are %v, not %v", sources, want)
	}
	// Who is deleted while a function runs is not made again.
	gone, b = true, w.browser()
	if to := sign(); to.Query().Get("code") != "" || to.Query().Get("error") == "" {
		t.Errorf("deleted meanwhile: %s", to)
	}
	if users := w.do("ListUsers", obj{"UserPoolId": w.pool()})["Users"].([]any); len(users) != 0 {
		t.Errorf("users are left: %v", users)
	}
}

// TestFederatedRace: of many first sign-ins at once all are one user's.
func TestFederatedRace(t *testing.T) {
	w, e := federatedWorld(t)
	var group sync.WaitGroup
	codes := make([]string, 4)
	browsers := make([]*browser, len(codes))
	for i := range browsers {
		browsers[i] = w.browser()
	}
	// One nonce after the other: the provider's answers are one at a time.
	e.Handle("/token", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		json.NewEncoder(rw).Encode(map[string]any{"id_token": e.Token(e.user("u-1", r.PostForm.Get("code"))), "access_token": "at"})
	}))
	for i, b := range browsers {
		out := b.fly(w.requestQuery("identity_provider", "Corp"))
		group.Go(func() {
			if to, err := url.Parse(b.back("state", out.Get("state"), "code", out.Get("nonce")).header.Get("Location")); err == nil {
				codes[i] = to.Query().Get("code")
			}
		})
	}
	group.Wait()
	subs := map[any]bool{}
	for _, code := range codes {
		subs[payload(t, w.tokensFor(w.exchange(code))["id_token"])["sub"]] = true
	}
	if len(subs) != 1 {
		t.Errorf("%d users were made", len(subs))
	}
}

func TestIdentityProviderOperations(t *testing.T) {
	w, _ := federatedWorld(t)
	pool := w.pool()
	details := obj{"client_id": "c", "client_secret": "s", "oidc_issuer": "https://idp.example", "authorize_scopes": "openid email", "attributes_request_method": "GET"}
	in := obj{"UserPoolId": pool, "ProviderName": "Partner", "ProviderType": "OIDC", "ProviderDetails": details, "AttributeMapping": obj{"email": "email"}, "IdpIdentifiers": []string{"partner.example"}}
	made := w.do("CreateIdentityProvider", in)["IdentityProvider"].(obj)
	if made["ProviderName"] != "Partner" || made["ProviderDetails"].(obj)["attributes_url_add_attributes"] != "false" || made["AttributeMapping"].(obj)["username"] != "sub" {
		t.Errorf("created: %v", made)
	}
	w.refused("CreateIdentityProvider", in, "DuplicateProviderException", "A provider with the name Partner already exists in this user pool.")
	for _, bad := range []obj{
		with(in, obj{"ProviderName": "SAML1", "ProviderType": "SAML"}),
		with(in, obj{"ProviderName": "Other", "ProviderDetails": with(details, obj{"token_url": "https://idp.example/token"})}),
	} {
		if a := w.send("CreateIdentityProvider", bad); a.status != 400 || !strings.Contains(a.body, "UnsupportedOperationException") {
			t.Errorf("%v: %s", bad, a.body)
		}
	}
	for _, bad := range []obj{
		with(in, obj{"ProviderName": "COGNITO"}), with(in, obj{"ProviderName": "ab"}), with(in, obj{"ProviderName": "_abc"}),
		with(in, obj{"ProviderName": "Other", "ProviderDetails": with(details, obj{"oidc_issuer": "http://idp.example"})}),
		with(in, obj{"ProviderName": "Other", "ProviderDetails": with(details, obj{"oidc_issuer": "http://169.254.169.254"})}),
		with(in, obj{"ProviderName": "Other", "ProviderDetails": with(details, obj{"authorize_scopes": "email"})}),
		with(in, obj{"ProviderName": "Other", "AttributeMapping": obj{"custom:none": "x"}}),
	} {
		if a := w.send("CreateIdentityProvider", bad); a.status != 400 || !strings.Contains(a.body, "InvalidParameterException") {
			t.Errorf("%v: %s", bad, a.body)
		}
	}
	who := obj{"UserPoolId": pool, "ProviderName": "Partner"}
	w.do("UpdateIdentityProvider", with(who, obj{"ProviderDetails": with(details, obj{"client_id": "c2"})}))
	w.restart()
	if got := w.do("DescribeIdentityProvider", who)["IdentityProvider"].(obj); got["ProviderDetails"].(obj)["client_id"] != "c2" || got["AttributeMapping"].(obj)["email"] != "email" {
		t.Errorf("updated: %v", got)
	}
	if got := w.do("GetIdentityProviderByIdentifier", obj{"UserPoolId": pool, "IdpIdentifier": "partner.example"})["IdentityProvider"].(obj); got["ProviderName"] != "Partner" {
		t.Errorf("by identifier: %v", got)
	}
	list := w.do("ListIdentityProviders", obj{"UserPoolId": pool, "MaxResults": 1})
	rest := w.do("ListIdentityProviders", obj{"UserPoolId": pool, "NextToken": list["NextToken"]})
	if list["Providers"].([]any)[0].(obj)["ProviderName"] != "Corp" || rest["Providers"].([]any)[0].(obj)["ProviderName"] != "Partner" || has(rest, "NextToken") {
		t.Errorf("listed: %v, %v", list, rest)
	}
	w.refused("DeleteIdentityProvider", with(who, obj{"ProviderName": "Corp"}), "InvalidParameterException",
		"userPools.UserPool.identityProviders.Corp is declared in doorwright.yaml; change it there.")
	w.do("DeleteIdentityProvider", who)
	w.refused("DescribeIdentityProvider", who, "ResourceNotFoundException", "Identity provider Partner does not exist.")
}

// TestFederatedHaveNoPassword: who signs in elsewhere gets no password here by a
// code that goes to an address the provider vouches for; an administrator may set
// one.
func TestFederatedHaveNoPassword(t *testing.T) {
	w, e := federatedWorld(t)
	b := w.browser()
	out := b.fly(w.requestQuery("identity_provider", "Corp"))
	e.says(e.user("u-1", out.Get("nonce")))
	b.code(b.back("state", out.Get("state"), "code", "c"))
	const impossible = "User password cannot be reset in the current state."
	w.refused("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "Corp_u-1"}, "NotAuthorizedException", impossible)
	w.refused("AdminResetUserPassword", obj{"UserPoolId": w.pool(), "Username": "Corp_u-1"}, "NotAuthorizedException", impossible)
	if sent := w.codesFor("password reset"); len(sent) != 0 || w.statusOf("Corp_u-1") != "EXTERNAL_PROVIDER" {
		t.Errorf("codes %v, status %s", sent, w.statusOf("Corp_u-1"))
	}
	w.do("AdminSetUserPassword", obj{"UserPoolId": w.pool(), "Username": "Corp_u-1", "Password": goodPassword, "Permanent": true})
	w.do("InitiateAuth", w.passwordAuth("Corp_u-1", goodPassword))
}
