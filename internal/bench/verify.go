package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// idToken gives a token with the claims of an ID token of a Cognito user pool.
func idToken(issuer *verifytest.Issuer, n int) string {
	return issuer.Token(verifytest.Claims{
		"sub": fmt.Sprintf("aaaaaaaa-bbbb-cccc-dddd-%012d", n), "email_verified": true,
		"cognito:username": "jdoe", "origin_jti": "11111111-2222-3333-4444-555555555555",
		"event_id": "66666666-7777-8888-9999-000000000000", "token_use": "id",
		"auth_time": 1700000000, "jti": "77777777-8888-9999-aaaa-bbbbbbbbbbbb",
		"email": "jdoe@example.com", "cognito:groups": []string{"admin", "poweruser"},
	})
}

// bareRSA is the limit: crypto/rsa alone, its digest computed before.
func bareRSA(issuer *verifytest.Issuer, token string) (func() error, error) {
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(token[:dot]))
	key := issuer.PublicKey().(*rsa.PublicKey)
	return func() error { return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) }, nil
}

// measureVerify sets a verification beside the bare one of its signature: of a
// token that was never seen, and of one that was.
func measureVerify(ctx context.Context, b *bench) ([]result, error) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		return nil, err
	}
	token := idToken(issuer, 0)
	bare, err := bareRSA(issuer, token)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, c := range []struct {
		row, what string
		cache     int // as in verify.Config: -1 for none
		calls     int
		target    float64
	}{
		{"verify-miss", "verify a token never seen, of crypto/rsa alone (RS256, 2048 bits)", -1, 50, 1.15},
		{"verify-hit", "verify a token seen before, of the same", 0, 5000, 0.01},
	} {
		v, err := verify.New(verify.Config{
			Issuer: issuer.URL(), Audience: []string{verifytest.Audience},
			Algorithms: []verify.Algorithm{verify.RS256}, Keys: keys, CacheSize: c.cache,
		})
		if err != nil {
			return nil, err
		}
		check := func() error { _, err := v.Verify(ctx, token); return err }
		r, err := alternate(b.pick(301, 3), each(c.calls, check), each(50, bare))
		if err != nil {
			return nil, err
		}
		count, err := allocations(1000, check)
		if err != nil {
			return nil, err
		}
		r.Row, r.What, r.Unit, r.Allocations = c.row, c.what, "ns", fmt.Sprintf("%.0f", count)
		r = r.atMost(c.target)
		if c.row == "verify-hit" {
			r.Target += ", 0 allocations"
			r.Held = yesNo(r.Held == "yes" && count < 0.5)
		}
		results = append(results, r)
	}
	return results, nil
}
