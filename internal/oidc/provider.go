package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// Bounds of what a provider elsewhere is asked and answers.
const (
	providerTimeout = 5 * time.Second
	maxAnswer       = 256 << 10
	maxProviders    = 100
	// maxAsking bounds the requests that are out at once: a page can send as many
	// browsers on their way as it likes, and each makes us ask.
	maxAsking = 16
)

var errBusy = errors.New("too many requests to identity providers are under way")

// Provider is an OpenID Connect provider elsewhere that signs users in.
type Provider struct {
	// Issuer is its issuer: https, or http on this machine. Nothing is asked
	// but what is below it and what its discovery document names.
	Issuer string
	// ClientID and ClientSecret are ours there.
	ClientID, ClientSecret string
	// Scopes are what it is asked for; openid is one of them.
	Scopes []string
}

// Providers talks to the providers of a stage. It keeps the keys of those that
// were used. Its zero value is none: see NewProviders.
type Providers struct {
	client *http.Client
	now    func() time.Time
	asking chan struct{} // holds one of each request that is out

	mu   sync.Mutex
	keys map[string]*verify.Remote // by issuer; guarded by mu
}

// NewProviders starts nothing; Close ends fetches that are under way.
func NewProviders(now func() time.Time) *Providers {
	return &Providers{
		now: now, keys: map[string]*verify.Remote{}, asking: make(chan struct{}, maxAsking),
		client: &http.Client{
			Timeout: providerTimeout,
			// A redirect would let whoever has an open redirector there choose who
			// is asked.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}
}

// Close ends what is under way.
func (p *Providers) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.keys {
		r.Close()
	}
	p.keys = map[string]*verify.Remote{}
}

// metadata is what is needed of a discovery document.
type metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserInfoEndpoint      string `json:"userinfo_endpoint"`
}

// discover reads a provider's discovery document (OpenID Connect Discovery 1.0
// section 4), whose issuer must be the provider's to the letter.
func (p *Providers) discover(ctx context.Context, of *Provider) (*metadata, error) {
	if err := checkEndpoint(of.Issuer, of.Issuer); err != nil {
		return nil, fmt.Errorf("the issuer: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(of.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	var m metadata
	if err := p.ask(r, &m); err != nil {
		return nil, fmt.Errorf("reading the discovery document of %s: %w", of.Issuer, err)
	}
	if m.Issuer != of.Issuer {
		return nil, fmt.Errorf("the discovery document of %s is of %.200q", of.Issuer, m.Issuer)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "userinfo_endpoint": m.UserInfoEndpoint,
	} {
		if endpoint == "" && name == "userinfo_endpoint" {
			continue
		}
		if err := checkEndpoint(of.Issuer, endpoint); err != nil {
			return nil, fmt.Errorf("the discovery document of %s: %s: %w", of.Issuer, name, err)
		}
	}
	return &m, nil
}

// checkEndpoint refuses an address that an issuer may not name: only https, and
// this machine only for an issuer that is on it.
func checkEndpoint(issuer, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%.200q is not an absolute URL", address)
	}
	home, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	switch {
	case isLoopback(u.Hostname()) && !isLoopback(home.Hostname()):
		return fmt.Errorf("%.200q is on this machine, and the issuer is not", address)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%.200q is neither https nor on this machine", address)
}

// isLoopback says whether a host is this machine, in whichever spelling. The
// unspecified address leads here too.
func isLoopback(host string) bool {
	host, _, _ = strings.Cut(strings.ToLower(host), "%")
	host = strings.TrimSuffix(host, ".")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// AuthorizationURL gives where a browser goes to sign in there.
func (p *Providers) AuthorizationURL(ctx context.Context, of *Provider, redirectURI string, d *Departure) (string, error) {
	m, err := p.discover(ctx, of)
	if err != nil {
		return "", err
	}
	return Respond(m.AuthorizationEndpoint, false, url.Values{
		"response_type": {"code"}, "client_id": {of.ClientID}, "redirect_uri": {redirectURI}, "scope": {strings.Join(of.Scopes, " ")},
		"state": {d.State}, "nonce": {d.Nonce}, "code_challenge": {d.Challenge}, "code_challenge_method": {"S256"},
	}), nil
}

// Identity is who a provider says has signed in: a verified ID token's claims,
// and those of its userinfo endpoint.
type Identity struct {
	Subject string
	Claims  map[string]any
}

// Identify redeems the code with which a browser came back, and says who it is.
func (p *Providers) Identify(ctx context.Context, of *Provider, redirectURI, code string, f *Flight) (*Identity, error) {
	m, err := p.discover(ctx, of)
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {f.Verifier},
		"client_id": {of.ClientID}, "client_secret": {of.ClientSecret},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var tokens struct {
		IDToken     string `json:"id_token"`
		AccessToken string `json:"access_token"`
	}
	if err := p.ask(r, &tokens); err != nil {
		return nil, fmt.Errorf("redeeming a code at %s: %w", of.Issuer, err)
	}
	id, err := p.identity(ctx, of, tokens.IDToken, f.Nonce)
	if err != nil {
		return nil, fmt.Errorf("the ID token of %s: %w", of.Issuer, err)
	}
	if m.UserInfoEndpoint != "" && tokens.AccessToken != "" {
		if err := p.userInfo(ctx, m.UserInfoEndpoint, tokens.AccessToken, id); err != nil {
			return nil, fmt.Errorf("asking %s for the user: %w", of.Issuer, err)
		}
	}
	return id, nil
}

// identity verifies an ID token (OpenID Connect Core 1.0 section 3.1.3.7).
func (p *Providers) identity(ctx context.Context, of *Provider, raw, nonce string) (*Identity, error) {
	keys, err := p.keysOf(of.Issuer)
	if err != nil {
		return nil, err
	}
	v, err := verify.New(verify.Config{
		Issuer: of.Issuer, Audience: []string{of.ClientID}, Keys: keys, Now: p.now, CacheSize: -1, Leeway: time.Minute,
		Algorithms: []verify.Algorithm{verify.RS256, verify.RS384, verify.RS512, verify.PS256, verify.ES256, verify.ES384},
	})
	if err != nil {
		return nil, err
	}
	token, err := v.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	claim := func(name string) string {
		s, _ := token.Claims.String(name)
		return s
	}
	audience, _ := token.Claims.Strings("aud")
	switch {
	case claim("sub") == "" || len(claim("sub")) > 255:
		return nil, errors.New("it has no sub of 1 to 255 characters")
	case subtle.ConstantTimeCompare([]byte(claim("nonce")), []byte(nonce)) != 1:
		return nil, errors.New("its nonce is not that of this sign-in")
	case len(audience) > 1 && claim("azp") != of.ClientID, claim("azp") != "" && claim("azp") != of.ClientID:
		return nil, errors.New("it was made for another party (azp)")
	}
	id := &Identity{Subject: claim("sub"), Claims: map[string]any{}}
	for name, value := range token.Claims.All() {
		id.Claims[name] = value
	}
	return id, nil
}

// userInfo adds what the userinfo endpoint says of the same user: "The sub
// Claim in the UserInfo Response MUST be verified to exactly match" (section
// 5.3.2). What the ID token says is signed, and stays.
func (p *Providers) userInfo(ctx context.Context, endpoint, access string, id *Identity) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+access)
	var claims map[string]any
	if err := p.ask(r, &claims); err != nil {
		return err
	}
	if claims["sub"] != id.Subject {
		return errors.New("its sub is another user's")
	}
	for name, value := range claims {
		if _, signed := id.Claims[name]; !signed {
			id.Claims[name] = value
		}
	}
	return nil
}

// keysOf gives the keys of an issuer, which are fetched when they are needed.
func (p *Providers) keysOf(issuer string) (verify.KeySet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.keys[issuer]; r != nil {
		return r, nil
	}
	if len(p.keys) >= maxProviders {
		return nil, fmt.Errorf("more than %d issuers in one run", maxProviders)
	}
	r, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer, Now: p.now})
	if err == nil {
		p.keys[issuer] = r
	}
	return r, err
}

// ask sends a request and reads its answer, a JSON object of bounded size.
func (p *Providers) ask(r *http.Request, answer any) error {
	ctx, cancel := context.WithTimeoutCause(r.Context(), providerTimeout, errBusy)
	defer cancel()
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r = r.WithContext(ctx)
	r.Header.Set("Accept", "application/json")
	res, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d", res.StatusCode) // what it says may hold a secret of ours
	case len(body) > maxAnswer:
		return fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return json.Unmarshal(body, answer)
}

// Check refuses a provider that could not be asked.
func (of *Provider) Check() error {
	if err := checkEndpoint(of.Issuer, of.Issuer); err != nil {
		return err
	}
	if u, _ := url.Parse(of.Issuer); u.RawQuery != "" {
		return fmt.Errorf("%.200q has a query", of.Issuer)
	}
	if !slices.Contains(of.Scopes, "openid") {
		return errors.New("the scopes do not have openid")
	}
	return nil
}
