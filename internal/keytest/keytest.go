// Package keytest gives tests RSA keys. To make one takes a tenth of a second, which was
// half of what the tests of a room did.
package keytest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
)

// Ring is the keys of a package's tests: a key that a test had is another's when that test
// has ended. The zero Ring has none yet.
type Ring struct {
	mu   sync.Mutex
	free []*rsa.PrivateKey
}

// Take gives a key of 2048 bits that nobody else has until the test ends.
func (r *Ring) Take(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := r.Maker(t)()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Maker gives Take as what makes the keys of a room, from any goroutine.
func (r *Ring) Maker(t testing.TB) func() (*rsa.PrivateKey, error) {
	var mu sync.Mutex
	var taken []*rsa.PrivateKey
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.free = append(r.free, taken...)
		taken = nil
	})
	return func() (*rsa.PrivateKey, error) {
		key, err := r.next()
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, key)
		}
		return key, err
	}
}

func (r *Ring) next() (*rsa.PrivateKey, error) {
	r.mu.Lock()
	if n := len(r.free); n > 0 {
		defer r.mu.Unlock()
		key := r.free[n-1]
		r.free = r.free[:n-1]
		return key, nil
	}
	r.mu.Unlock()
	return rsa.GenerateKey(rand.Reader, 2048)
}
