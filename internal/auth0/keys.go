package auth0

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// keyBits is the size of Auth0's signing keys.
const keyBits = 2048

// readSecret gives the secret that is kept of a tenant, or makes one and keeps it: a
// secret that changes ends every session and link.
func (t *Tenant) readSecret(ctx context.Context) (secret []byte, err error) {
	made := make([]byte, 32)
	rand.Read(made)
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO auth0_tenant (name, secret, pkcs8, cert) VALUES (?, ?, x'', x'')", t.cfg.Name, made)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT secret FROM auth0_tenant WHERE name = ?", t.cfg.Name).Scan(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tenant's secret: %w", err)
	}
	return secret, nil
}

// lazyKey holds a tenant's signing key once it was read or made: making one takes
// longer than all the rest of a start.
type lazyKey struct {
	loaded atomic.Pointer[signingKey]
	mu     sync.Mutex // held while it is read or made, so that it is done once
}

// signingKey gives the tenant's key: the kept one, for a key that changes makes every
// token and every cache of keys worthless, or a new one that is kept before it is used.
func (t *Tenant) signingKey() (*signingKey, error) {
	if key := t.key.loaded.Load(); key != nil {
		return key, nil
	}
	t.key.mu.Lock()
	defer t.key.mu.Unlock()
	if key := t.key.loaded.Load(); key != nil {
		return key, nil
	}
	// Not a request's: if who asked first goes away, the others still need it.
	ctx := context.Background()
	var pkcs8, cert []byte
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT pkcs8, cert FROM auth0_tenant WHERE name = ?", t.cfg.Name).Scan(&pkcs8, &cert)
	})
	if err == nil && len(pkcs8) == 0 {
		pkcs8, cert, err = t.makeKey(ctx)
	}
	var key *signingKey
	if err == nil {
		key, err = newSigningKey(pkcs8, cert)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the signing key of tenant %s: %w", t.cfg.Name, err)
	}
	t.key.loaded.Store(key)
	return key, nil
}

// makeKey makes the signing key and its certificate, and keeps them. Nobody checks the
// certificate: it is there because Auth0's JWKS have one.
func (t *Tenant) makeKey(ctx context.Context) (pkcs8, cert []byte, err error) {
	private, err := t.svc.cfg.GenerateKey()
	if err != nil {
		return nil, nil, fmt.Errorf("making it: %w", err)
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, nil, err
	}
	serial := make([]byte, 9)
	rand.Read(serial)
	now := t.svc.cfg.Now()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: strings.TrimPrefix(strings.TrimPrefix(t.cfg.Origin, "http://"), "https://")},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(13, 8, 0), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if cert, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private); err != nil {
		return nil, nil, fmt.Errorf("making its certificate: %w", err)
	}
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE auth0_tenant SET pkcs8 = ?, cert = ? WHERE name = ?", pkcs8, cert, t.cfg.Name)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("keeping it: %w", err)
	}
	return pkcs8, cert, nil
}

// signingKey signs a tenant's tokens. It is immutable.
type signingKey struct {
	private *rsa.PrivateKey
	cert    []byte
	kid     string
}

func newSigningKey(pkcs8, cert []byte) (*signingKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("parsing the signing key: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the signing key is a %T, not an RSA key", parsed)
	}
	// Auth0's key ids are 21 opaque characters.
	sum := sha256.Sum256(cert)
	return &signingKey{private, cert, base64.RawURLEncoding.EncodeToString(sum[:])[:21]}, nil
}

// jwk is a public key in the tenant's JWKS, with the members that Auth0's have.
type jwk struct {
	Type       string   `json:"kty"`
	Use        string   `json:"use"`
	Modulus    string   `json:"n"`
	Exponent   string   `json:"e"`
	KeyID      string   `json:"kid"`
	Thumbprint string   `json:"x5t"`
	Chain      []string `json:"x5c"`
	Algorithm  string   `json:"alg"`
}

func (k *signingKey) jwk() jwk {
	thumbprint := sha1.Sum(k.cert) // RFC 7517 section 4.8
	encode := base64.RawURLEncoding.EncodeToString
	return jwk{
		Type: "RSA", Use: "sig", Modulus: encode(k.private.N.Bytes()), Exponent: encode(big.NewInt(int64(k.private.E)).Bytes()),
		KeyID: k.kid, Thumbprint: encode(thumbprint[:]), Chain: []string{base64.StdEncoding.EncodeToString(k.cert)}, Algorithm: string(verify.RS256),
	}
}

// signed gives the compact JWS (RFC 7515 section 3.1) of claims by the tenant's key.
func (t *Tenant) signed(typ string, claims any) (string, error) {
	key, err := t.signingKey()
	if err != nil {
		return "", err
	}
	return key.sign(typ, claims)
}

func (k *signingKey) sign(typ string, claims any) (string, error) {
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid"`
	}{string(verify.RS256), typ, k.kid})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Key gives the public key that the header names, so that a verifier in this
// process needs no request to the JWKS.
func (t *Tenant) Key(_ context.Context, h verify.Header) (crypto.PublicKey, error) {
	key, err := t.signingKey()
	if err != nil {
		return nil, err
	}
	if h.KeyID != key.kid || h.Algorithm != verify.RS256 {
		return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
	}
	return &key.private.PublicKey, nil
}

// Generation lets verified tokens be cached from when the key is known: it does not
// change while the process runs.
func (t *Tenant) Generation() uint64 {
	if t.key.loaded.Load() == nil {
		return 0
	}
	return 1
}
