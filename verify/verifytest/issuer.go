// Package verifytest is a token issuer for tests: an OpenID Connect discovery
// document and a JWK Set on a loopback listener, and tokens with any header and
// any claims, honest or hostile. It can rotate its keys, be slow, be gone, and
// answer anything at all.
//
// It is no authorization server: it has no users, no login and no endpoint that
// gives out tokens. Its private keys are new for each Issuer, unless the caller has
// some, and live in memory only.
package verifytest

import (
	"crypto"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// Audience is the audience of Issuer.Token.
const Audience = "https://api.example.com"

// The paths that an Issuer serves.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	JWKSPath      = "/.well-known/jwks.json"
)

// An Issuer is a throw-away issuer. Its methods may be called by many goroutines
// at once.
type Issuer struct {
	// Now is the clock that Token takes iat and exp from. Set it before use; nil
	// means time.Now.
	Now func() time.Time

	server *httptest.Server

	mu       sync.Mutex
	keys     []key // the last one signs
	down     bool
	delay    time.Duration
	handlers map[string]http.Handler // that take the place of ours, by path
	fetches  map[string]int          // by path
}

type key struct {
	id      string
	alg     verify.Algorithm
	private crypto.Signer
	retired bool // and not published
}

// NewIssuer starts an issuer that signs with an algorithm. The caller closes it.
// Like httptest.NewServer, it panics if it cannot listen.
func NewIssuer(alg verify.Algorithm) *Issuer { return NewIssuerWithKey(alg, generate(alg)) }

// NewIssuerWithKey is NewIssuer with a key that the caller has made, as many tests may
// share what takes long for RSA. It is the caller's that no two issuers have the same.
func NewIssuerWithKey(alg verify.Algorithm, private crypto.Signer) *Issuer {
	i := &Issuer{handlers: map[string]http.Handler{}, fetches: map[string]int{}}
	i.server = httptest.NewServer(i)
	i.RotateTo(alg, private)
	return i
}

// Close stops the issuer's listener.
func (i *Issuer) Close() { i.server.Close() }

// URL is the issuer's name and address, without a slash at its end.
func (i *Issuer) URL() string { return i.server.URL }

// JWKSURL is the address of its keys.
func (i *Issuer) JWKSURL() string { return i.server.URL + JWKSPath }

// Rotate makes a key that signs from now on, and gives its id. The earlier keys
// stay published, as good issuers do it, until they are retired.
func (i *Issuer) Rotate(alg verify.Algorithm) string { return i.RotateTo(alg, generate(alg)) }

// RotateTo is Rotate to a key that the caller has made.
func (i *Issuer) RotateTo(alg verify.Algorithm, private crypto.Signer) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	id := fmt.Sprintf("key-%d", len(i.keys)+1)
	i.keys = append(i.keys, key{id: id, alg: alg, private: private})
	return id
}

// Retire takes a key out of the JWK Set. The one that signs goes on signing, with
// a key that nobody can find.
func (i *Issuer) Retire(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.keys {
		if i.keys[n].id == id {
			i.keys[n].retired = true
		}
	}
}

// KeyID is the id of the key that signs.
func (i *Issuer) KeyID() string { return i.signer().id }

// PublicKey is the public key of the key that signs.
func (i *Issuer) PublicKey() crypto.PublicKey { return i.signer().private.Public() }

func (i *Issuer) signer() key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// SetDown makes the issuer hang up on every request, or stops it from doing so.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// SetDelay makes every answer wait, or its request's end if that comes first.
func (i *Issuer) SetDelay(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
}

// Handle answers a path by a handler of the test's own. Nil takes it back. The
// request is counted, and SetDown and SetDelay hold for it, all the same.
func (i *Issuer) Handle(path string, handler http.Handler) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if handler == nil {
		delete(i.handlers, path)
		return
	}
	i.handlers[path] = handler
}

// Fetches is how often a path was asked for, answered or not.
func (i *Issuer) Fetches(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches[path]
}

// ServeHTTP serves the discovery document and the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.fetches[r.URL.Path]++
	down, delay, handler := i.down, i.delay, i.handlers[r.URL.Path]
	i.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case handler != nil:
		handler.ServeHTTP(w, r)
	case r.URL.Path == DiscoveryPath:
		answer(w, map[string]any{"issuer": i.URL(), "jwks_uri": i.JWKSURL()})
	case r.URL.Path == JWKSPath:
		answer(w, json.RawMessage(i.JWKS()))
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(document)
}

// JWKS is the JWK Set that the issuer serves.
func (i *Issuer) JWKS() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	set := struct {
		Keys []map[string]any `json:"keys"`
	}{Keys: []map[string]any{}}
	for _, k := range i.keys {
		if k.retired {
			continue
		}
		set.Keys = append(set.Keys, JWK(k.private.Public(), map[string]any{"kid": k.id, "alg": k.alg, "use": "sig"}))
	}
	data, err := json.Marshal(set)
	if err != nil {
		panic(fmt.Sprintf("verifytest: marshalling JWK Set: %v", err))
	}
	return data
}

// Claims are the claims of a token, by name.
type Claims map[string]any

// Token gives a token that is valid for five minutes from now, with these claims
// added to, or in the place of, its own: iss, aud, sub, iat and exp. A claim that
// is Absent is left out.
func (i *Issuer) Token(claims Claims) string {
	now := time.Now
	if i.Now != nil {
		now = i.Now
	}
	at := now()
	all := Claims{
		"iss": i.URL(), "aud": Audience, "sub": "user-1",
		"iat": at.Unix(), "exp": at.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == Absent })
	payload, err := json.Marshal(all)
	if err != nil {
		panic(fmt.Sprintf("verifytest: marshalling claims: %v", err))
	}
	return i.Sign(nil, payload)
}

// Absent is the value of a claim or a header parameter that a token shall not
// have. It is not null, which is a value.
const Absent = absent("absent")

type absent string

// Sign signs a payload with the key that signs, under a header that these
// parameters are added to, or take the place of: alg, kid and typ. It does so
// whatever they say.
func (i *Issuer) Sign(header map[string]any, payload []byte) string {
	signer := i.signer()
	all := map[string]any{"alg": signer.alg, "kid": signer.id, "typ": "JWT"}
	maps.Copy(all, header)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == Absent })
	text, err := json.Marshal(all)
	if err != nil {
		panic(fmt.Sprintf("verifytest: marshalling header: %v", err))
	}
	return signRaw(signer, text, payload)
}

// SignRaw signs a header and a payload that are any bytes at all.
func (i *Issuer) SignRaw(header, payload []byte) string {
	return signRaw(i.signer(), header, payload)
}

func signRaw(signer key, header, payload []byte) string {
	input := Encode(header) + "." + Encode(payload)
	return input + "." + Encode(Sign(signer.alg, signer.private, []byte(input)))
}

// Signature signs a text with the key and the algorithm that sign.
func (i *Issuer) Signature(input string) []byte {
	signer := i.signer()
	return Sign(signer.alg, signer.private, []byte(input))
}

// Transport gives a RoundTripper that calls the issuer without a network, in the
// goroutine of the request: for tests in a testing/synctest bubble, where
// sockets are of no use.
func (i *Issuer) Transport() http.RoundTripper { return transport{i} }

type transport struct{ issuer *Issuer }

// RoundTrip answers by the issuer's handler.
func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			if caught != http.ErrAbortHandler {
				panic(caught)
			}
			response, err = nil, fmt.Errorf("verifytest: the issuer is down")
		}
	}()
	recorder := httptest.NewRecorder()
	t.issuer.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response = recorder.Result()
	response.Request = r
	return response, nil
}
