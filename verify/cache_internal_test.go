package verify

import "testing"

// TestCacheComparesTokens: two tokens of one hash are two tokens. No such pair
// can be made from outside, so that the test gives the hash.
func TestCacheComparesTokens(t *testing.T) {
	cache := newTokenCache(64)
	one := Token{Header: Header{KeyID: "one"}}
	cache.put(7, "one", 1, one)
	if hit := cache.get(7, "two", 1); hit != nil {
		t.Errorf("a token gives another: %v", *hit)
	}
	if hit := cache.get(7, "one", 1); hit == nil || *hit != one {
		t.Errorf("got %v", hit)
	}
	// They live side by side, and each once.
	for range 2 * ways {
		cache.put(7, "two", 1, Token{Header: Header{KeyID: "two"}})
	}
	if hit := cache.get(7, "one", 1); hit == nil || *hit != one {
		t.Errorf("got %v", hit)
	}
}

func TestCacheSizes(t *testing.T) {
	for _, size := range []int{1, ways, ways + 1, 1000, 4096, maxCacheSize} {
		cache := newTokenCache(size)
		if n := len(cache.sets) * ways; n < size || n >= 2*max(size, ways) || uint64(len(cache.sets)-1) != cache.mask {
			t.Errorf("a cache of %d has %d places", size, n)
		}
	}
}
