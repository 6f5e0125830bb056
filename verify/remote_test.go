package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// inBubble runs a test under a clock that jumps: the issuer is called without a
// network, and everything that waits does so in no time. The bubble ends only
// when all its goroutines have, so that each of these tests is also the proof
// that no fetch is left behind.
func inBubble(t *testing.T, alg verify.Algorithm, test func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier)) {
	t.Helper()
	issuer := newIssuer(t, alg)
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = bubbleRemote(t, issuer) })
		test(t, issuer, v)
	})
}

func bubbleRemote(t *testing.T, issuer *verifytest.Issuer) *verify.Remote {
	t.Helper()
	return newRemote(t, verify.RemoteConfig{Issuer: issuer.URL(), HTTPClient: &http.Client{Transport: issuer.Transport()}})
}

// fetches demands how often the issuer was asked for its keys.
func fetches(t *testing.T, issuer *verifytest.Issuer, want int) {
	t.Helper()
	if got := issuer.Fetches(verifytest.JWKSPath); got != want {
		t.Errorf("%d fetches of the keys, not %d", got, want)
	}
}

// took demands how long something took, by the bubble's clock.
func took(t *testing.T, want time.Duration, what func()) {
	t.Helper()
	start := time.Now()
	what()
	if got := time.Since(start); got != want {
		t.Errorf("took %v, not %v", got, want)
	}
}

func TestRemoteSingleFlight(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		issuer.SetDelay(time.Second)
		raw := issuer.Token(nil)
		var wg sync.WaitGroup
		var accepted atomic.Int32
		for range 100 {
			wg.Go(func() {
				if _, err := v.Verify(context.Background(), raw); err == nil {
					accepted.Add(1)
				}
			})
		}
		took(t, 2*time.Second, wg.Wait) // discovery, then the keys
		if n := accepted.Load(); n != 100 {
			t.Errorf("%d of 100 accepted", n)
		}
		fetches(t, issuer, 1)
		if n := issuer.Fetches(verifytest.DiscoveryPath); n != 1 {
			t.Errorf("%d fetches of the discovery document", n)
		}
	})
}

// TestRemoteWaiterContext: who started the fetch leaves, and it goes on for the
// others.
func TestRemoteWaiterContext(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		issuer.SetDelay(time.Second)
		raw := issuer.Token(nil)
		impatient, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		var err error
		took(t, 300*time.Millisecond, func() { _, err = v.Verify(impatient, raw) })
		var e *verify.Error
		if !errors.As(err, &e) || e.Reason != verify.KeysUnavailable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		took(t, 1700*time.Millisecond, func() { accept(t, v, raw) })
		fetches(t, issuer, 1)
	})
}

func TestRemoteTimeouts(t *testing.T) {
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for path, reason := range map[string]verify.Reason{
		verifytest.DiscoveryPath: verify.DiscoveryUnavailable,
		verifytest.JWKSPath:      verify.KeysUnavailable,
	} {
		t.Run(path, func(t *testing.T) {
			inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
				issuer.Handle(path, slow)
				took(t, 1500*time.Millisecond, func() {
					e := refuse(t, v, issuer.Token(nil), reason)
					if !strings.Contains(e.Message(), "gave no answer in 1.5s") {
						t.Error(e.Message())
					}
				})
				took(t, 0, func() { refuse(t, v, issuer.Token(nil), reason) }) // backing off
				issuer.Handle(path, nil)
				time.Sleep(time.Second)
				accept(t, v, issuer.Token(nil))
			})
		})
	}
}

func TestRemoteBackOff(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		issuer.SetDown(true)
		start := time.Now()
		var asked []time.Duration
		for n := 0; time.Since(start) < 3*time.Minute; time.Sleep(100 * time.Millisecond) {
			refuse(t, v, issuer.Token(nil), verify.DiscoveryUnavailable)
			if now := issuer.Fetches(verifytest.DiscoveryPath); now > n {
				n = now
				asked = append(asked, time.Since(start))
			}
		}
		if got, want := fmt.Sprint(asked), "[0s 1s 3s 7s 15s 31s 1m1s 1m31s 2m1s 2m31s]"; got != want {
			t.Errorf("asked at %s, not at %s", got, want)
		}
		issuer.SetDown(false)
		time.Sleep(time.Second)
		accept(t, v, issuer.Token(nil))
	})
}

// TestRemoteFlood: tokens with random key ids, and honest ones between them.
func TestRemoteFlood(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		accept(t, v, issuer.Token(nil))
		for n := range 6000 { // for a minute, a hundred times a second
			refuse(t, v, issuer.Sign(map[string]any{"kid": fmt.Sprintf("random-%d", n)}, []byte("{}")), verify.UnknownKey)
			if n%100 == 0 {
				took(t, 0, func() { accept(t, v, issuer.Token(nil)) })
			}
			time.Sleep(10 * time.Millisecond)
		}
		fetches(t, issuer, 1+6)
		refuse(t, v, issuer.Sign(map[string]any{"kid": "one more"}, []byte("{}")), verify.UnknownKey)
		// A key that really is new has to wait for the cool-down, and no longer.
		issuer.Rotate(verify.ES256)
		refuse(t, v, issuer.Token(nil), verify.UnknownKey)
		time.Sleep(10 * time.Second)
		accept(t, v, issuer.Token(nil))
		fetches(t, issuer, 1+7+1)
	})
}

// TestRemoteParallelFlood: a thousand random key ids at one moment.
func TestRemoteParallelFlood(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		issuer.SetDelay(100 * time.Millisecond)
		var wg sync.WaitGroup
		for n := range 1000 {
			wg.Go(func() {
				refuse(t, v, issuer.Sign(map[string]any{"kid": fmt.Sprintf("random-%d", n)}, []byte("{}")), verify.UnknownKey)
			})
		}
		wg.Wait()
		fetches(t, issuer, 1)
	})
}

func TestRemoteRotation(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		old := issuer.Token(nil)
		accept(t, v, old)
		accept(t, v, old)
		first := issuer.KeyID()
		for range 5 { // each new key is found at its first token
			issuer.Rotate(verify.ES256)
			accept(t, v, issuer.Token(nil))
		}
		fetches(t, issuer, 6)
		accept(t, v, old) // still published
		issuer.Retire(first)
		accept(t, v, old) // nobody has told us
		issuer.Rotate(verify.ES256)
		accept(t, v, issuer.Token(nil)) // this fetch does, and empties the cache
		refuse(t, v, old, verify.UnknownKey)
	})
}

// TestRemoteMaxAge: a key withdrawn by its issuer is trusted for two hours at
// most, even for tokens in the cache.
func TestRemoteMaxAge(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		withdrawn := issuer.KeyID()
		old := issuer.Token(verifytest.Claims{"exp": time.Now().Add(24 * time.Hour).Unix()})
		accept(t, v, old)
		accept(t, v, old)
		issuer.Rotate(verify.ES256)
		issuer.Retire(withdrawn)
		time.Sleep(2*time.Hour - 1)
		accept(t, v, old)
		fetches(t, issuer, 1)
		time.Sleep(1 * time.Nanosecond)
		refuse(t, v, old, verify.UnknownKey)
		fetches(t, issuer, 2)
	})
}

// TestRemoteRefreshKeepsGeneration: a fetch that brings the same keys drops nothing.
func TestRemoteRefreshKeepsGeneration(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	synctest.Test(t, func(t *testing.T) {
		remote := bubbleRemote(t, issuer)
		v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = remote })
		if g := remote.Generation(); g != 0 {
			t.Errorf("generation is %d before the first fetch", g)
		}
		accept(t, v, issuer.Token(nil))
		before := remote.Generation()
		time.Sleep(2 * time.Hour)
		if g := remote.Generation(); g != 0 {
			t.Errorf("generation is %d when the keys are due", g)
		}
		accept(t, v, issuer.Token(nil))
		fetches(t, issuer, 2)
		if g := remote.Generation(); g != before {
			t.Errorf("generation went from %d to %d", before, g)
		}
		issuer.Rotate(verify.ES256)
		accept(t, v, issuer.Token(nil))
		if g := remote.Generation(); g == before || g == 0 {
			t.Errorf("generation is still %d", g)
		}
	})
}

// TestRemoteStale: the issuer is gone for a day. Its keys go on working, nobody
// waits for it but the first, and it is not hammered.
func TestRemoteStale(t *testing.T) {
	for name, fault := range map[string]struct {
		set   func(*verifytest.Issuer)
		first time.Duration // what the first request past the keys' age waits
	}{
		"down": {func(i *verifytest.Issuer) { i.SetDown(true) }, 0},
		"slow": {func(i *verifytest.Issuer) { i.SetDelay(time.Minute) }, 1500 * time.Millisecond},
		"broken": {func(i *verifytest.Issuer) {
			i.Handle(verifytest.JWKSPath, http.NotFoundHandler())
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
				accept(t, v, issuer.Token(nil))
				fault.set(issuer)
				start := issuer.Fetches(verifytest.DiscoveryPath)
				time.Sleep(2 * time.Hour)
				took(t, fault.first, func() { accept(t, v, issuer.Token(nil)) })
				for range 24 * 60 {
					time.Sleep(time.Minute)
					took(t, 0, func() { accept(t, v, issuer.Token(nil)) })
				}
				if n := issuer.Fetches(verifytest.DiscoveryPath) - start; n > 24*60+1 {
					t.Errorf("asked %d times in a day of one token a minute", n)
				}
				// A key that nobody here has seen cannot be told from a random one.
				if e := refuseAny(t, v, issuer.Sign(map[string]any{"kid": "random"}, []byte("{}"))); e.Reason == verify.UnknownKey {
					t.Errorf("%s while the issuer cannot be asked", e.Reason)
				}
				issuer.SetDown(false)
				issuer.SetDelay(0)
				issuer.Handle(verifytest.JWKSPath, nil)
				issuer.Rotate(verify.ES256)
				time.Sleep(30 * time.Second)
				accept(t, v, issuer.Token(nil))
			})
		})
	}
}

func refuseAny(t *testing.T, v *verify.Verifier, raw string) *verify.Error {
	t.Helper()
	_, err := v.Verify(t.Context(), raw)
	var e *verify.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v", err)
	}
	return e
}

// TestRemoteStaleCache: while the keys are stale, hits stay hits.
func TestRemoteStaleCache(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	synctest.Test(t, func(t *testing.T) {
		remote := bubbleRemote(t, issuer)
		v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = remote })
		accept(t, v, issuer.Token(nil))
		before := remote.Generation()
		issuer.SetDelay(time.Hour)
		time.Sleep(2 * time.Hour)
		accept(t, v, issuer.Token(nil))
		zero := 0
		for range 600 {
			time.Sleep(time.Second)
			accept(t, v, issuer.Token(nil)) // starts an attempt when one is due
			switch remote.Generation() {
			case before:
			case 0:
				zero++
			default:
				t.Fatal("generation changed")
			}
		}
		if zero > 0 {
			t.Errorf("the cache was off in %d of 600 seconds", zero)
		}
	})
}

// TestRemoteFlapping: an issuer that is there every other time.
func TestRemoteFlapping(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		accept(t, v, issuer.Token(nil))
		for n := range 200 {
			issuer.SetDown(n%2 == 0)
			took(t, 0, func() { accept(t, v, issuer.Token(nil)) })
			time.Sleep(37 * time.Minute)
		}
	})
}

func TestRemoteClose(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	synctest.Test(t, func(t *testing.T) {
		remote := bubbleRemote(t, issuer)
		v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = remote })
		known := issuer.Token(nil)
		accept(t, v, known)
		issuer.SetDelay(time.Second)
		issuer.Rotate(verify.ES256)
		waiting := make(chan error, 1)
		go func() {
			_, err := v.Verify(context.Background(), issuer.Token(nil))
			waiting <- err
		}()
		synctest.Wait() // until it waits for the fetch
		took(t, 0, func() { remote.Close() })
		var e *verify.Error
		if err := <-waiting; !errors.As(err, &e) || e.Reason != verify.KeysUnavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("the waiting caller got %v", err)
		}
		fetches(t, issuer, 2)
		accept(t, v, known) // what it has, it keeps
		refuse(t, v, issuer.Token(nil), verify.KeysUnavailable)
		time.Sleep(24 * time.Hour)
		fetches(t, issuer, 2)
		if err := remote.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRemoteMovedKeys: the address of the keys changes, and discovery is asked
// again once the old one fails.
func TestRemoteMovedKeys(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		accept(t, v, issuer.Token(nil))
		issuer.Handle(verifytest.JWKSPath, http.NotFoundHandler())
		issuer.Handle("/moved", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(issuer.JWKS()) }))
		issuer.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"issuer": issuer.URL(), "jwks_uri": issuer.URL() + "/moved"})
		}))
		issuer.Rotate(verify.ES256)
		refuse(t, v, issuer.Token(nil), verify.KeysUnavailable)
		time.Sleep(time.Second)
		accept(t, v, issuer.Token(nil))
	})
}

// TestRemotePublishedMeanwhile: a key that is published while a fetch is under way
// that does not bring it.
func TestRemotePublishedMeanwhile(t *testing.T) {
	inBubble(t, verify.ES256, func(t *testing.T, issuer *verifytest.Issuer, v *verify.Verifier) {
		early := issuer.JWKS()
		first := issuer.Token(nil)
		issuer.Handle(verifytest.JWKSPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			w.Write(early)
		}))
		var wg sync.WaitGroup
		wg.Go(func() { accept(t, v, first) })
		synctest.Wait() // until that fetch is under way
		issuer.Rotate(verify.ES256)
		issuer.Handle(verifytest.JWKSPath, nil)
		took(t, time.Second, func() { accept(t, v, issuer.Token(nil)) })
		wg.Wait()
		fetches(t, issuer, 2)
	})
}

// TestRemoteLeavesNoGoroutine closes a Remote in the middle of a fetch from a real
// socket.
func TestRemoteLeavesNoGoroutine(t *testing.T) {
	issuer := newIssuer(t, verify.ES256)
	asked := make(chan struct{})
	issuer.Handle(verifytest.DiscoveryPath, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	remote := newRemote(t, verify.RemoteConfig{Issuer: issuer.URL(), DiscoveryTimeout: time.Hour})
	v := newVerifier(t, issuer, func(c *verify.Config) { c.Keys = remote })
	done := make(chan struct{})
	go func() {
		defer close(done)
		refuse(t, v, issuer.Token(nil), verify.DiscoveryUnavailable)
	}()
	<-asked
	remote.Close()
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("verify.(*Remote).run")) {
		t.Errorf("a fetch is left:\n%s", stacks)
	}
	<-done
}
