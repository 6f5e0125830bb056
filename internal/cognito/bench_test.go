package cognito_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// BenchmarkInitiateAuth has its limit beside it: the cryptography that every
// password sign-in must do.
func BenchmarkInitiateAuth(b *testing.B) {
	b.Run("sign-in", func(b *testing.B) {
		w := newWorld(b, emailPool())
		w.confirmed("a@example.com")
		in := w.passwordAuth("a@example.com", goodPassword)
		w.signIn("a@example.com", goodPassword)
		for b.Loop() {
			if err := w.svc.Call(context.Background(), "InitiateAuth", in, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("limit", func(b *testing.B) {
		key := spareKeys()[0]
		salt := make([]byte, 16)
		rand.Read(salt)
		digest := sha256.Sum256(salt)
		for b.Loop() {
			cognito.SRPVerifier("TESTPOOL1", "alice", "Passw0rd!", salt)
			for range 2 {
				if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
