package verify_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// The benchmarks come in pairs: what the package costs, and beside it the bare
// cryptography below which nothing can go. The targets are ratios: a miss at
// most 1.15 of BareRSA, a hit at most 0.01 of it and without an allocation.
// BenchmarkRatio prints them, its two sides measured in turns, so that it can be
// believed on a busy machine too.
//
//	go test -run '^$' -bench . ./verify

// cognitoClaims has the claims of an ID token of a Cognito user pool.
func cognitoClaims(n int) verifytest.Claims {
	return verifytest.Claims{
		"sub": fmt.Sprintf("aaaaaaaa-bbbb-cccc-dddd-%012d", n), "email_verified": true,
		"cognito:username": "jdoe", "origin_jti": "11111111-2222-3333-4444-555555555555",
		"event_id": "66666666-7777-8888-9999-000000000000", "token_use": "id",
		"auth_time": 1700000000, "jti": "77777777-8888-9999-aaaa-bbbbbbbbbbbb",
		"email": "jdoe@example.com", "cognito:groups": []string{"admin", "poweruser"},
	}
}

func benchVerifier(b *testing.B, issuer *verifytest.Issuer, cacheSize int) *verify.Verifier {
	b.Helper()
	remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer.URL()})
	if err != nil {
		b.Fatal(err)
	}
	v, err := verify.New(verify.Config{
		Issuer: issuer.URL(), Audience: []string{verifytest.Audience},
		Algorithms: []verify.Algorithm{verify.RS256}, Keys: remote, CacheSize: cacheSize,
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), issuer.Token(nil)); err != nil { // fetches the keys
		b.Fatal(err)
	}
	return v
}

// bareRSA gives the limit for one token: crypto/rsa alone, its digest already
// computed.
func bareRSA(b *testing.B, issuer *verifytest.Issuer, token string) func() {
	b.Helper()
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte(token[:dot]))
	key := issuer.PublicKey().(*rsa.PublicKey)
	return func() {
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
			b.Fatal("bad signature")
		}
	}
}

func BenchmarkBareRSA(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	bare := bareRSA(b, issuer, issuer.Token(cognitoClaims(0)))
	b.ReportAllocs()
	for b.Loop() {
		bare()
	}
}

// BenchmarkRatio measures Verify and the bare verification in turns and reports
// the one as a part of the other.
func BenchmarkRatio(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	token := issuer.Token(cognitoClaims(0))
	bare := bareRSA(b, issuer, token)
	for _, bench := range []struct {
		name      string
		cacheSize int
		batch     int // calls between two looks at the clock
	}{{"Miss", -1, 1}, {"Hit", 0, 100}} {
		b.Run(bench.name, func(b *testing.B) {
			v := benchVerifier(b, issuer, bench.cacheSize)
			var ours, limit time.Duration
			for b.Loop() {
				start := time.Now()
				for range bench.batch {
					if _, err := v.Verify(context.Background(), token); err != nil {
						b.Fatal(err)
					}
				}
				middle := time.Now()
				bare()
				ours += middle.Sub(start)
				limit += time.Since(middle)
			}
			b.ReportMetric(float64(ours)/float64(bench.batch)/float64(limit), "of-bare")
		})
	}
}

// BenchmarkVerifyMiss verifies distinct tokens that are in no cache.
func BenchmarkVerifyMiss(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	tokens := make([]string, 64)
	for n := range tokens {
		tokens[n] = issuer.Token(cognitoClaims(n))
	}
	for _, bench := range []struct {
		name      string
		cacheSize int
	}{{"NoCache", -1}, {"Evicting", 1}} {
		b.Run(bench.name, func(b *testing.B) {
			v := benchVerifier(b, issuer, bench.cacheSize)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := v.Verify(context.Background(), tokens[n%len(tokens)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkVerifyHit verifies tokens that were verified before.
func BenchmarkVerifyHit(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	for _, distinct := range []int{1, 1000} {
		b.Run(fmt.Sprintf("Tokens=%d", distinct), func(b *testing.B) {
			v := benchVerifier(b, issuer, 0)
			tokens := make([]string, distinct)
			for n := range tokens {
				tokens[n] = issuer.Token(cognitoClaims(n))
				if _, err := v.Verify(context.Background(), tokens[n]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := v.Verify(context.Background(), tokens[n%distinct]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkVerifyHitParallel is a hit from all processors at once.
func BenchmarkVerifyHitParallel(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	v := benchVerifier(b, issuer, 0)
	token := issuer.Token(cognitoClaims(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(context.Background(), token); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkVerifyForgery is what a forged token costs: the price of a flood.
func BenchmarkVerifyForgery(b *testing.B) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	v := benchVerifier(b, issuer, 0)
	token := issuer.Token(cognitoClaims(0))
	forged := token[:len(token)-20] + "AAAAAAAAAAAAAAAAAAAA"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), forged); err == nil {
			b.Fatal("forgery accepted")
		}
	}
}
