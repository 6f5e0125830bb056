package cognito

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"

	"github.com/doorwright/doorwright/verify"
)

// keyBits is the size of Cognito's signing keys.
const keyBits = 2048

// The uses of a pool's two keys. Cognito signs ID and access tokens with
// different keys
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html).
const (
	useID     = "id"
	useAccess = "access"
)

// signingKey signs one kind of a pool's tokens. It is immutable.
type signingKey struct {
	private *rsa.PrivateKey
	kid     string
	header  string // the encoded JWS header, the same for every token
}

// keyPair holds the keys of a pool.
type keyPair struct{ id, access *signingKey }

// lazyKeys holds a pool's keys once they were read or made.
type lazyKeys struct {
	loaded atomic.Pointer[keyPair]
	mu     sync.Mutex // held while they are read or made, so that it is done once
}

// signingKeys gives the pool's keys: kept ones, or new ones that are kept
// before they are used.
func (p *Pool) signingKeys(ctx context.Context) (*keyPair, error) {
	if keys := p.keys.loaded.Load(); keys != nil {
		return keys, nil
	}
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	if keys := p.keys.loaded.Load(); keys != nil {
		return keys, nil
	}
	keys, err := p.readKeys(ctx)
	if err == nil && keys == nil {
		keys, err = p.makeKeys(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the signing keys of user pool %q: %w", p.cfg.Name, err)
	}
	p.keys.loaded.Store(keys)
	return keys, nil
}

// readKeys gives the kept keys, or nil if there are none.
func (p *Pool) readKeys(ctx context.Context) (*keyPair, error) {
	found := map[string]*signingKey{}
	err := p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT use, pkcs8 FROM cognito_key WHERE pool = ?", p.id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var use string
			var pkcs8 []byte
			if err := rows.Scan(&use, &pkcs8); err != nil {
				return err
			}
			parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
			if err != nil {
				return fmt.Errorf("parsing the %s key: %w", use, err)
			}
			private, ok := parsed.(*rsa.PrivateKey)
			if !ok {
				return fmt.Errorf("the %s key is a %T, not an RSA key", use, parsed)
			}
			if found[use], err = newSigningKey(private); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	switch {
	case err != nil:
		return nil, err
	case found[useID] == nil || found[useAccess] == nil:
		return nil, nil
	}
	return &keyPair{found[useID], found[useAccess]}, nil
}

// makeKeys makes both keys at once and keeps them.
func (p *Pool) makeKeys(ctx context.Context) (*keyPair, error) {
	var made [2]*rsa.PrivateKey
	var failed [2]error
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() { made[i], failed[i] = p.svc.cfg.GenerateKey() })
	}
	group.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("making keys: %w", err)
	}
	err := p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for i, use := range []string{useID, useAccess} {
			pkcs8, err := x509.MarshalPKCS8PrivateKey(made[i])
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO cognito_key (pool, use, pkcs8, created) VALUES (?, ?, ?, ?)",
				p.id, use, pkcs8, p.svc.cfg.Now().UnixMilli())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keeping keys: %w", err)
	}
	keys := &keyPair{}
	if keys.id, err = newSigningKey(made[0]); err == nil {
		keys.access, err = newSigningKey(made[1])
	}
	return keys, err
}

func newSigningKey(private *rsa.PrivateKey) (*signingKey, error) {
	public, err := json.Marshal(map[string]string{
		"e": encodeInt(big.NewInt(int64(private.E))), "kty": "RSA", "n": encodeInt(private.N),
	})
	if err != nil {
		return nil, err
	}
	// The key's thumbprint (RFC 7638), in the 44 characters that Cognito's key
	// ids have: base64 of 32 bytes with its padding.
	sum := sha256.Sum256(public)
	kid := base64.StdEncoding.EncodeToString(sum[:])
	header, err := json.Marshal(struct {
		KeyID     string `json:"kid"`
		Algorithm string `json:"alg"`
	}{kid, string(verify.RS256)})
	if err != nil {
		return nil, err
	}
	return &signingKey{private, kid, base64.RawURLEncoding.EncodeToString(header)}, nil
}

func encodeInt(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

// sign gives the compact JWS (RFC 7515 section 3.1) of the claims. It is by
// hand because a token's header is then Cognito's byte for byte, and encoded
// once per key.
func (k *signingKey) sign(claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	input := k.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// Key gives the public key of the pool that the header names, so that a
// verifier in this process needs no request to the JWKS.
func (p *Pool) Key(ctx context.Context, h verify.Header) (crypto.PublicKey, error) {
	keys, err := p.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range []*signingKey{keys.id, keys.access} {
		if h.KeyID == k.kid && h.Algorithm == verify.RS256 {
			return &k.private.PublicKey, nil
		}
	}
	return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
}

// Generation lets verified tokens be cached from when the keys are known: they
// do not change while the process runs.
func (p *Pool) Generation() uint64 {
	if p.keys.loaded.Load() == nil {
		return 0
	}
	return 1
}

// accessKeys is the KeySet that knows a pool's access key only: an ID token is
// no access token, whatever it claims.
type accessKeys struct{ pool *Pool }

func (a accessKeys) Key(ctx context.Context, h verify.Header) (crypto.PublicKey, error) {
	keys, err := a.pool.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	if h.KeyID != keys.access.kid || h.Algorithm != verify.RS256 {
		return nil, &verify.Error{Reason: verify.UnknownKey, Claim: "kid", KeyID: h.KeyID}
	}
	return &keys.access.private.PublicKey, nil
}
