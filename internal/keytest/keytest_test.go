package keytest_test

import (
	"crypto/rsa"
	"testing"

	"github.com/doorwright/doorwright/internal/keytest"
)

// TestRing: a test's keys are its own while it runs, and the next one's afterwards.
func TestRing(t *testing.T) {
	var ring keytest.Ring
	seen := map[*rsa.PrivateKey]bool{}
	for range 2 {
		t.Run("", func(t *testing.T) {
			a, b := ring.Take(t), ring.Take(t)
			if a == b || a.Equal(b) {
				t.Error("two keys of one test are the same")
			}
			seen[a], seen[b] = true, true
		})
	}
	if len(seen) != 2 {
		t.Errorf("two tests that follow one another have %d keys, want 2", len(seen))
	}
}
