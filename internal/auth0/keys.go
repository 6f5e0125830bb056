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
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// keyBits is the size of Auth0's signing keys.
const keyBits = 2048

// kept is what a tenant must have again in its next run: keys that change make
// every token and every cache of keys worthless.
type kept struct{ secret, pkcs8, cert []byte }

// readKept gives what is kept of a tenant, or nil for a new one.
func (t *Tenant) readKept(ctx context.Context) (*kept, error) {
	var k kept
	err := t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT secret, pkcs8, cert FROM auth0_tenant WHERE name = ?", t.cfg.Name).Scan(&k.secret, &k.pkcs8, &k.cert)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	return &k, nil
}

// makeKept makes a tenant's secret, its signing key and the certificate of the
// key. Nobody checks the certificate: it is there because Auth0's JWKS have one.
func (t *Tenant) makeKept() (*kept, error) {
	k := &kept{secret: make([]byte, 32)}
	rand.Read(k.secret)
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	if k.pkcs8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, err
	}
	serial := make([]byte, 9)
	rand.Read(serial)
	now := t.svc.cfg.Now()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: strings.TrimPrefix(strings.TrimPrefix(t.cfg.Origin, "http://"), "https://")},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(13, 8, 0), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if k.cert, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private); err != nil {
		return nil, fmt.Errorf("making the certificate of a signing key: %w", err)
	}
	return k, nil
}

// signingKey signs a tenant's tokens. It is immutable.
type signingKey struct {
	private *rsa.PrivateKey
	cert    []byte
	kid     string
}

func newSigningKey(k *kept) (*signingKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.pkcs8)
	if err != nil {
		return nil, fmt.Errorf("parsing the signing key: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the signing key is a %T, not an RSA key", parsed)
	}
	// Auth0's key ids are 21 opaque characters.
	sum := sha256.Sum256(k.cert)
	return &signingKey{private, k.cert, base64.RawURLEncoding.EncodeToString(sum[:])[:21]}, nil
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

// sign gives the compact JWS (RFC 7515 section 3.1) of claims.
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
	if h.KeyID != t.key.kid || h.Algorithm != verify.RS256 {
		return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
	}
	return &t.key.private.PublicKey, nil
}

// Generation lets verified tokens be cached: the key does not change while the
// process runs.
func (t *Tenant) Generation() uint64 { return 1 }
