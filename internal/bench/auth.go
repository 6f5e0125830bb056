package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// object is a JSON object.
type object = map[string]any

// measureInitiateAuth sets a password sign-in, with its state on disk, beside
// the cryptography that it cannot do without.
func measureInitiateAuth(ctx context.Context, b *bench) ([]result, error) {
	pool, err := newUserPool(ctx, b, "auth")
	if err != nil {
		return nil, err
	}
	defer pool.close()
	if err := pool.create(ctx, "alice"); err != nil {
		return nil, err
	}
	limit, err := bareSignIn()
	if err != nil {
		return nil, err
	}
	signIn := func() error { return pool.signIn(ctx, "alice") }
	calls := b.pick(10, 2)
	r, err := alternate(b.pick(101, 3), rate(each(calls, signIn)), rate(each(calls, limit)))
	if err != nil {
		return nil, err
	}
	count, err := allocations(20, signIn)
	if err != nil {
		return nil, err
	}
	r.Row, r.What, r.Unit, r.Allocations = "initiate-auth", "sign-ins with a password, of two RS256 signatures and one SRP verification", "/s", fmt.Sprintf("%.0f", count)
	return []result{r.atLeast(0.8)}, nil
}

// rate turns a time in ns into calls in a second.
func rate(s side) side {
	return func() (float64, error) {
		v, err := s()
		return 1e9 / v, err
	}
}

// bareSignIn is the limit: one modular exponentiation to check the password,
// with an exponent of 256 bits and a modulus of 3072, and a signature for each
// of the two tokens.
func bareSignIn() (func() error, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	// The time goes by the sizes alone, so any odd modulus will do.
	modulus := new(big.Int).Lsh(big.NewInt(1), 3072)
	modulus.Sub(modulus, big.NewInt(1_103_717))
	return func() error {
		digest := sha256.Sum256([]byte("alice:password"))
		new(big.Int).Exp(big.NewInt(2), new(big.Int).SetBytes(digest[:]), modulus)
		for range 2 {
			if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
