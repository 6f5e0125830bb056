package auth0

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
)

// passwordIterations is OWASP's number for PBKDF2 with HMAC-SHA-256
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
const passwordIterations = 600_000

// passwordHash is what is kept of a password: PBKDF2 (RFC 8018 section 5.2), with
// its own salt and number of iterations, so that a later version can ask more.
// The zero value is that of nobody's password.
type passwordHash struct {
	salt       []byte
	iterations int
	hash       []byte
}

// hasher derives keys from passwords, few at a time: the work is meant to be
// slow, and who sends many guesses at once must not take the machine with them.
type hasher struct {
	iterations int
	turns      chan struct{}
}

func newHasher(iterations int) *hasher {
	return &hasher{iterations: iterations, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// hash gives what is kept of a password.
func (h *hasher) hash(ctx context.Context, password string) (passwordHash, error) {
	of := passwordHash{salt: make([]byte, 16), iterations: h.iterations}
	rand.Read(of.salt)
	var err error
	of.hash, err = h.derive(ctx, password, of)
	if err != nil {
		return passwordHash{}, err
	}
	return of, nil
}

// matches says whether a password is the one of which this was kept. The work is
// the same for who has none.
func (h *hasher) matches(ctx context.Context, of passwordHash, password string) (bool, error) {
	there := len(of.hash) > 0
	if !there {
		of = passwordHash{salt: make([]byte, 16), iterations: h.iterations}
	}
	derived, err := h.derive(ctx, password, of)
	if err != nil {
		return false, err
	}
	return hmac.Equal(derived, of.hash) && there, nil
}

func (h *hasher) derive(ctx context.Context, password string, of passwordHash) ([]byte, error) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to check a password: %w", context.Cause(ctx))
	}
	key, err := pbkdf2.Key(sha256.New, password, of.salt, of.iterations, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving a key from a password: %w", err)
	}
	return key, nil
}
