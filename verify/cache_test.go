package verify_test

import (
	"context"
	"crypto"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// A countedSet counts how often it is asked, which is how often a token did not
// come from the cache.
type countedSet struct {
	key        crypto.PublicKey
	asked      atomic.Int64
	generation atomic.Uint64
}

func (s *countedSet) Key(context.Context, verify.Header) (crypto.PublicKey, error) {
	s.asked.Add(1)
	return s.key, nil
}

func (s *countedSet) Generation() uint64 { return s.generation.Load() }

// A timelessSet cannot tell when its keys change.
type timelessSet struct{ verify.KeySet }

func counted(t *testing.T, issuer *verifytest.Issuer, change func(*verify.Config)) (*verify.Verifier, *countedSet) {
	t.Helper()
	set := &countedSet{key: issuer.PublicKey()}
	set.generation.Store(1)
	v := newVerifier(t, issuer, func(c *verify.Config) {
		c.Keys = set
		if change != nil {
			change(c)
		}
	})
	return v, set
}

// asks demands how often the key set is asked during a function.
func (s *countedSet) asks(t *testing.T, want int64, what func()) {
	t.Helper()
	before := s.asked.Load()
	what()
	if got := s.asked.Load() - before; got != want {
		t.Errorf("key set was asked %d times, not %d", got, want)
	}
}

func TestCache(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	now := time.Now()
	issuer.Now = func() time.Time { return now }
	v, set := counted(t, issuer, nil)
	raw := issuer.Token(verifytest.Claims{"nbf": now.Unix() - 10})
	set.asks(t, 1, func() { accept(t, v, raw) })
	set.asks(t, 0, func() { accept(t, v, raw) })
	set.asks(t, 0, func() { accept(t, v, strings.Clone(raw)) })
	set.asks(t, 1, func() { refuse(t, v, raw[:len(raw)-8]+"AAAAAAAA", verify.BadSignature) })
	set.asks(t, 0, func() { accept(t, v, raw) })

	set.generation.Add(1)
	set.asks(t, 1, func() { accept(t, v, raw) })
	set.asks(t, 0, func() { accept(t, v, raw) })
	set.generation.Store(0)
	set.asks(t, 2, func() { accept(t, v, raw); accept(t, v, raw) })
	set.generation.Store(2)

	start := now
	now = start.Add(-time.Minute)
	set.asks(t, 0, func() { refuse(t, v, raw, verify.NotYetValid) })
	now = start.Add(5*time.Minute - time.Second)
	set.asks(t, 0, func() { accept(t, v, raw) })
	now = start.Add(5 * time.Minute)
	set.asks(t, 0, func() { refuse(t, v, raw, verify.Expired) })
}

func TestCacheOff(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	raw := issuer.Token(nil)
	v, set := counted(t, issuer, func(c *verify.Config) { c.CacheSize = -1 })
	set.asks(t, 2, func() { accept(t, v, raw); accept(t, v, raw) })
	v, set = counted(t, issuer, func(c *verify.Config) { c.Keys = timelessSet{c.Keys} })
	set.asks(t, 2, func() { accept(t, v, raw); accept(t, v, raw) })
	v, set = counted(t, issuer, nil)
	long := issuer.Token(verifytest.Claims{"pad": strings.Repeat("x", 4096)})
	set.asks(t, 2, func() { accept(t, v, long); accept(t, v, long) })
}

// TestCacheEviction fills a small cache many times over: it answers rightly, and
// what is used again and again stays.
func TestCacheEviction(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v, set := counted(t, issuer, func(c *verify.Config) { c.CacheSize = 8 })
	hot := issuer.Token(verifytest.Claims{"sub": "hot"})
	accept(t, v, hot)
	before := set.asked.Load()
	const n = 200
	for i := range n {
		sub := fmt.Sprintf("user-%d", i)
		if got, _ := accept(t, v, issuer.Token(verifytest.Claims{"sub": sub})).Claims.String("sub"); got != sub {
			t.Fatalf("sub is %q, not %q", got, sub)
		}
		if got, _ := accept(t, v, hot).Claims.String("sub"); got != "hot" {
			t.Fatalf("sub is %q, not hot", got)
		}
	}
	if again := set.asked.Load() - before - n; again > n/8 {
		t.Errorf("the hot token was verified %d times", again)
	}
}

// TestCacheIsBounded verifies more tokens than fit and looks at the heap.
func TestCacheIsBounded(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	v, _ := counted(t, issuer, func(c *verify.Config) { c.CacheSize = 64 })
	fill := func(n int) uint64 {
		for i := range n {
			accept(t, v, issuer.Token(verifytest.Claims{"n": i, "pad": strings.Repeat("x", 2000)}))
		}
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	full := fill(256)
	if later := fill(1024); later > full+1<<20 {
		t.Errorf("the heap grew from %d to %d", full, later)
	}
	runtime.KeepAlive(v)
}

func TestHitAllocatesNothing(t *testing.T) {
	issuer := newIssuer(t, verify.RS256)
	v := newVerifier(t, issuer, nil)
	raw := issuer.Token(nil)
	accept(t, v, raw)
	accept(t, v, raw)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		token, err := v.Verify(ctx, raw)
		if _, ok := token.Claims.String("sub"); err != nil || !ok {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestRotationWhileVerifying rotates and withdraws keys under many verifying
// goroutines. Every honest token is accepted, and that of a withdrawn key is
// refused once its two hours are over, cached or not.
func TestRotationWhileVerifying(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	remote := newRemote(t, verify.RemoteConfig{Issuer: issuer.URL(), Now: now})
	v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys, c.CacheSize, c.Now = remote, 64, now })
	token := func(n int) string {
		return issuer.Token(verifytest.Claims{"n": n, "exp": time.Now().Add(1000 * time.Hour).Unix()})
	}
	stop := make(chan struct{})
	var round sync.RWMutex // held for reading while a token is made and verified
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				round.RLock()
				raw := token(n % 10)
				for range 3 {
					if _, err := v.Verify(context.Background(), raw); err != nil {
						t.Errorf("honest token refused: %v", err)
					}
				}
				round.RUnlock()
			}
		})
	}
	// Waits until nobody has a token of an earlier key in hands.
	settle := func() {
		round.Lock()
		defer round.Unlock()
	}
	for range 10 {
		old, oldToken := issuer.KeyID(), token(-1)
		accept(t, v, oldToken)
		issuer.Rotate(verify.ES256)
		settle()
		issuer.Retire(old)
		offset.Add(int64(2 * time.Hour))
		settle()
		refuse(t, v, oldToken, verify.UnknownKey)
		offset.Add(int64(10 * time.Second)) // that refusal began a cool-down
	}
}
