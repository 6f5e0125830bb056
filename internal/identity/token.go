package identity

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/verify"
)

const (
	// openIDProvider is the provider as which identity pools issue tokens.
	openIDProvider = "cognito-identity.amazonaws.com"
	// OpenIDIssuer is "iss" in them. It is AWS's own: roles trust it by that name.
	OpenIDIssuer = "https://" + openIDProvider
	// KeysPath is where the public keys are served, below the endpoint as below
	// OpenIDIssuer on AWS.
	KeysPath = "/.well-known/jwks_uri"

	keyBits = 2048
)

// openIDClaims are the claims of an OpenID token.
type openIDClaims struct {
	Subject  string     `json:"sub"`
	Audience string     `json:"aud"`
	AMR      []string   `json:"amr"`
	Tags     *tokenTags `json:"https://aws.amazon.com/tags,omitempty"`
	Issuer   string     `json:"iss"`
	PoolARN  string     `json:"https://cognito-identity.amazonaws.com/identity-pool-arn"`
	Expires  int64      `json:"exp"`
	IssuedAt int64      `json:"iat"`
}

// tokenTags is the claim of session tags
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
type tokenTags struct {
	PrincipalTags map[string][]string `json:"principal_tags"`
}

// signingKey signs OpenID tokens. It is immutable.
type signingKey struct {
	private *rsa.PrivateKey
	kid     string
	header  string // the encoded JWS header, the same for every token
}

// lazyKey holds the key once it was read or made.
type lazyKey struct {
	loaded atomic.Pointer[signingKey]
	mu     sync.Mutex // held while it is read or made, so that it is done once
}

// signingKey gives the kept key, or a new one that is kept before it is used.
func (s *Service) signingKey(ctx context.Context) (*signingKey, error) {
	if k := s.keys.loaded.Load(); k != nil {
		return k, nil
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if k := s.keys.loaded.Load(); k != nil {
		return k, nil
	}
	k, err := s.keptKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the signing key of identity pools: %w", err)
	}
	s.keys.loaded.Store(k)
	return k, nil
}

func (s *Service) keptKey(ctx context.Context) (*signingKey, error) {
	var pkcs8 []byte
	err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT pkcs8 FROM identity_key WHERE region = ?", s.cfg.Region).Scan(&pkcs8)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		private, err := s.generateKey()
		if err != nil {
			return nil, err
		}
		if pkcs8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
			return nil, err
		}
		err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO identity_key (region, pkcs8, created) VALUES (?, ?, ?)", s.cfg.Region, pkcs8, s.cfg.Now().UnixMilli())
			return err
		})
		if err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not an RSA key", parsed)
	}
	// Key ids are of the form us-east-1-7: the region, and a number that is this
	// key's, so that no cache takes another stage's for it.
	sum := sha512.Sum512(private.N.Bytes())
	k := &signingKey{private: private, kid: s.cfg.Region + "-" + strconv.FormatUint(uint64(binary.BigEndian.Uint32(sum[:])), 10)}
	header, err := json.Marshal(struct {
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
		Algorithm string `json:"alg"`
	}{k.kid, "JWS", string(verify.RS512)})
	if err != nil {
		return nil, err
	}
	k.header = base64.RawURLEncoding.EncodeToString(header)
	return k, nil
}

// sign gives the compact JWS (RFC 7515 section 3.1) of the claims. It is by hand
// because a token's header is then Cognito's byte for byte.
func (k *signingKey) sign(claims *openIDClaims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	input := k.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha512.Sum512([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA512, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// openIDToken gives an OpenID token of an identity.
func (s *Service) openIDToken(ctx context.Context, a *admitted, valid time.Duration) (string, error) {
	tags, err := a.sessionTags()
	if err != nil {
		return "", err
	}
	k, err := s.signingKey(ctx)
	if err != nil {
		return "", err
	}
	now := s.cfg.Now()
	claims := &openIDClaims{
		Subject: a.id, Audience: a.pool.id, AMR: a.proofs(), Issuer: OpenIDIssuer, PoolARN: s.poolARN(a.pool.id),
		Expires: now.Add(valid).Unix(), IssuedAt: now.Unix(),
	}
	if len(tags) > 0 {
		claims.Tags = &tokenTags{map[string][]string{}}
		for tag, value := range tags {
			claims.Tags.PrincipalTags[tag] = []string{value}
		}
	}
	return k.sign(claims)
}

// verifyToken verifies an OpenID token of a pool.
func (s *Service) verifyToken(ctx context.Context, p *pool, raw string) (*openIDClaims, error) {
	v, err := verify.New(verify.Config{
		Issuer: OpenIDIssuer, Audience: []string{p.id}, Algorithms: []verify.Algorithm{verify.RS512}, Keys: openIDKeys{s}, CacheSize: -1, Now: s.cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	token, err := v.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	claims := &openIDClaims{}
	// What this stage signed is of one form, with one value of each tag.
	if err := json.Unmarshal(token.Claims.Raw(), claims); err != nil {
		return nil, fmt.Errorf("reading an OpenID token: %w", err)
	}
	return claims, nil
}

// OpenIDKeys gives the key that signs OpenID tokens, with RS512, to those who
// verify them in this process: STS.
func (s *Service) OpenIDKeys() verify.KeySet { return openIDKeys{s} }

// openIDKeys is the verify.KeySet of the tokens that this stage signs.
type openIDKeys struct{ s *Service }

func (o openIDKeys) Key(ctx context.Context, h verify.Header) (crypto.PublicKey, error) {
	k, err := o.s.signingKey(ctx)
	if err != nil {
		return nil, err
	}
	if h.KeyID != k.kid || h.Algorithm != verify.RS512 {
		return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
	}
	return &k.private.PublicKey, nil
}

// developerLogins verifies a token of GetOpenIdTokenForDeveloperIdentity and gives
// the logins that a backend vouched for with it, and its tags. They have to be
// linked to the identity still.
func (s *Service) developerLogins(ctx context.Context, p *pool, id, raw string) ([]login, map[string]string, error) {
	t, err := s.verifyToken(ctx, p, raw)
	if err != nil {
		return nil, nil, s.tokenRefused(openIDProvider, err)
	}
	var logins []login
	prefix := p.settings.DeveloperProviderName + ":" + p.id + ":"
	for _, proof := range t.AMR {
		if user, ok := strings.CutPrefix(proof, prefix); ok && p.settings.DeveloperProviderName != "" {
			logins = append(logins, login{provider: p.settings.DeveloperProviderName, subject: user, developer: true, proof: proof, mappings: []string{p.settings.DeveloperProviderName}})
		}
	}
	if len(logins) == 0 {
		return nil, nil, notAuthorized(textNotSupported, "the token is not of GetOpenIdTokenForDeveloperIdentity")
	}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		r, err := survivor(ctx, tx, t.Subject)
		if err != nil {
			return err
		}
		owners, err := (&linking{tx: tx}).owners(ctx, p.id, logins)
		if err != nil {
			return err
		}
		if r == nil || r.id != id || slices.ContainsFunc(owners, func(owner string) bool { return owner != id }) {
			return notAuthorized(textNoMatch, "the token is of identity "+t.Subject)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	tags := map[string]string{}
	if t.Tags != nil {
		for tag, values := range t.Tags.PrincipalTags {
			tags[tag] = values[0]
		}
	}
	return logins, tags, nil
}

// serveKeys answers GET of the public keys. Anybody may read them, from any
// origin.
func (s *Service) serveKeys(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	plain := func(status int) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(http.StatusText(status) + "\n"))
	}
	h.Set("Access-Control-Allow-Origin", "*")
	switch {
	case r.URL.Path != KeysPath:
		plain(http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		plain(http.StatusMethodNotAllowed)
		return
	}
	k, err := s.signingKey(r.Context())
	if err != nil {
		s.log(Event{Outcome: aws.Outcome{Operation: "jwks_uri", Code: codeInternalError, Reason: err.Error()}})
		plain(http.StatusInternalServerError)
		return
	}
	encode := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	type jwk struct {
		Type      string `json:"kty"`
		Algorithm string `json:"alg"`
		Use       string `json:"use"`
		KeyID     string `json:"kid"`
		Modulus   string `json:"n"`
		Exponent  string `json:"e"`
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=3600")
	// The only error left is that the client went away.
	_ = json.NewEncoder(w).Encode(map[string][]jwk{"keys": {{
		"RSA", string(verify.RS512), "sig", k.kid, encode(k.private.N), encode(big.NewInt(int64(k.private.E))),
	}}})
}
