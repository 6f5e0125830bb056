package verify

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of a RemoteConfig. All but the cool-down are API Gateway's (API
// Gateway developer guide, limits; http-api-jwt-authorizer, where a public key
// may be cached for up to two hours). Whether it asks again for an unknown key id
// is not documented; we do, so that a rotation is seen at its first token.
const (
	DefaultDiscoveryTimeout = 1500 * time.Millisecond
	DefaultJWKSTimeout      = 1500 * time.Millisecond
	DefaultMaxBytes         = maxKeySetBytes
	DefaultMaxAge           = 2 * time.Hour
	DefaultCoolDown         = 10 * time.Second
)

// After a failed fetch the next one waits this long at first, then twice as long
// each time, up to the maximum.
const (
	minBackOff = time.Second
	maxBackOff = 30 * time.Second
)

// A RemoteConfig says where an issuer's keys are. Addresses must be https, or
// http on localhost or a loopback address.
type RemoteConfig struct {
	// Issuer is the issuer whose discovery document (OpenID Connect Discovery
	// 1.0 section 4) names the address of its keys. The document must be of
	// exactly this issuer. Set Issuer or JWKSURL, not both.
	Issuer string

	// JWKSURL is the address of the keys, for an issuer without discovery.
	JWKSURL string

	// HTTPClient makes the requests. Redirects are refused and cookies are not
	// kept, whatever it says. Nil means a client that keeps no connection open;
	// one that does, such as http.DefaultClient, leaves its goroutines.
	HTTPClient *http.Client

	// DiscoveryTimeout and JWKSTimeout bound the two requests, bodies included.
	// Zero means 1.5 s.
	DiscoveryTimeout, JWKSTimeout time.Duration

	// MaxBytes bounds the body of the keys. Zero means 150,000.
	MaxBytes int64

	// CoolDown is how long no unknown key id causes a fetch after one that was
	// made for such an id and did not bring it. Zero means 10 s.
	CoolDown time.Duration

	// MaxAge is the age at which keys are fetched anew. Zero means 2 h.
	MaxAge time.Duration

	// Now is the clock that CoolDown, MaxAge and the back-off are measured by;
	// it should be the Verifier's. Nil means time.Now. The two timeouts are of
	// the real clock.
	Now func() time.Time
}

// A Remote is the KeySet of an issuer that serves its keys over HTTP. It may be
// used by many goroutines at once.
//
// It fetches when it has to: for the first token, for a key id that it does not
// know, and when its keys are past MaxAge. At most one fetch is under way. All
// who need it wait for it, each as long as its own context allows, and none of
// these contexts ends it.
//
// Bad times are bounded. Random key ids cause one fetch per CoolDown. While an
// issuer cannot be had, it is asked again after 1 s, then 2 s, up to every 30 s,
// and the keys of the last good fetch stay in use, however old they are; only
// the first request past MaxAge waits for an attempt to renew them. Without
// such keys the answer is DiscoveryUnavailable or KeysUnavailable. Recovery
// needs no restart.
//
// A fetch is a goroutine of its own, owned by the Remote. It ends by itself
// after at most DiscoveryTimeout + JWKSTimeout; Close ends it at once.
type Remote struct {
	config RemoteConfig
	client *http.Client

	// current is read without the lock and replaced under it.
	current atomic.Pointer[fetchedKeys]

	mu        sync.Mutex
	flight    *flight   // the fetch under way, or nil
	coolUntil time.Time // until when unknown ids cause no fetch
	failures  int       // failed fetches since the last good one
	retryAt   time.Time // no fetch before, if failures > 0
	failure   *Error    // of the last fetch, if failures > 0

	// lifetime ends with Close.
	lifetime context.Context
	end      context.CancelFunc
	running  sync.WaitGroup // of the fetch; grows under mu while lifetime lasts

	// jwksURL and discovered are what discovery said, and when. They belong to
	// the fetch under way.
	jwksURL    string
	discovered time.Time
}

// fetchedKeys is an immutable snapshot.
type fetchedKeys struct {
	set        *StaticKeySet
	generation uint64
	due        time.Time // when to fetch again
}

// A flight is one fetch. Its error may be read once done is closed.
type flight struct {
	kid  string // the key id that it was made for
	done chan struct{}
	err  *Error
}

// NewRemote checks a configuration and gives its key set. It fetches nothing
// yet.
func NewRemote(config RemoteConfig) (*Remote, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.setDefaults()
	r := &Remote{config: config, client: newClient(config.HTTPClient)}
	r.lifetime, r.end = context.WithCancel(context.Background())
	return r, nil
}

// check lists every mistake of a configuration.
func (c *RemoteConfig) check() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("verify: "+format, args...)) }
	switch {
	case c.Issuer == "" && c.JWKSURL == "":
		add("Issuer and JWKSURL are both empty")
	case c.Issuer != "" && c.JWKSURL != "":
		add("Issuer and JWKSURL exclude each other")
	case c.Issuer != "":
		u, err := checkURL(c.Issuer, true)
		if err != nil {
			add("checking Issuer: %w", err)
		} else if u.RawQuery != "" || u.ForceQuery {
			add("Issuer has a query") // OpenID Connect Discovery 1.0 section 4.2
		}
	default:
		if _, err := checkURL(c.JWKSURL, true); err != nil {
			add("checking JWKSURL: %w", err)
		}
	}
	if c.DiscoveryTimeout < 0 || c.JWKSTimeout < 0 || c.MaxBytes < 0 || c.CoolDown < 0 || c.MaxAge < 0 {
		add("a duration or size is negative")
	}
	return errors.Join(wrong...)
}

func (c *RemoteConfig) setDefaults() {
	for _, d := range [...]struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.DiscoveryTimeout, DefaultDiscoveryTimeout},
		{&c.JWKSTimeout, DefaultJWKSTimeout},
		{&c.CoolDown, DefaultCoolDown},
		{&c.MaxAge, DefaultMaxAge},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// checkURL refuses what keys must not be fetched from: plain HTTP beyond this
// machine, where anybody on the way could put in a key of theirs, and parts that
// an address of keys has no use for.
func checkURL(text string, allowLoopback bool) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is not a URL") // the error of Parse holds the text unbounded
	}
	switch {
	case u.Host == "" || u.Hostname() == "":
		return nil, errors.New("it has no host")
	case u.User != nil:
		return nil, errors.New("it has a user")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("it has a fragment")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && allowLoopback && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("it is neither https nor http on localhost")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Key implements KeySet.
func (r *Remote) Key(ctx context.Context, h Header) (crypto.PublicKey, error) {
	if current := r.current.Load(); current != nil && r.config.Now().Before(current.due) {
		if key, e := current.set.find(h); e == nil {
			return key, nil
		}
	}
	for attempt := 1; ; attempt++ {
		key, f, e := r.decide(h)
		if f != nil {
			key, e = r.await(ctx, f, h)
			if e != nil && e.Reason == UnknownKey && f.kid != h.KeyID && attempt == 1 {
				// The fetch was somebody else's and may have begun before this key
				// was published: look once more, as far as the cool-down lets us.
				continue
			}
		}
		if e != nil {
			return nil, e
		}
		return key, nil
	}
}

// await waits for a fetch and looks at the keys then.
func (r *Remote) await(ctx context.Context, f *flight, h Header) (crypto.PublicKey, *Error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, &Error{Reason: KeysUnavailable, KeyID: h.KeyID, Err: fmt.Errorf("waiting for keys: %w", ctx.Err())}
	}
	key, e := r.find(h)
	if e != nil && e.Reason == UnknownKey && f.err != nil {
		return nil, f.err
	}
	return key, e
}

// find looks at the keys at hand.
func (r *Remote) find(h Header) (crypto.PublicKey, *Error) {
	current := r.current.Load()
	if current == nil {
		return nil, &Error{Reason: UnknownKey, KeyID: h.KeyID}
	}
	return current.set.find(h)
}

// decide answers at once, or gives the fetch to wait for, which it may have
// started.
func (r *Remote) decide(h Header) (crypto.PublicKey, *flight, *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	key, e := r.find(h)
	known := e == nil || e.Reason != UnknownKey
	current := r.current.Load()
	due := current == nil || !now.Before(current.due)
	switch {
	case known && !due:
		return key, nil, e
	case r.lifetime.Err() != nil:
		if known {
			return key, nil, e
		}
		return nil, nil, &Error{Reason: KeysUnavailable, KeyID: h.KeyID, Err: errors.New("key set is closed")}
	case r.flight != nil:
		// Wait for it.
	case r.failures > 0 && now.Before(r.retryAt):
		if known {
			return key, nil, e
		}
		return nil, nil, r.failure
	case !due && now.Before(r.coolUntil):
		return nil, nil, e
	default:
		r.flight = &flight{kid: h.KeyID, done: make(chan struct{})}
		f := r.flight
		r.running.Go(func() { r.run(f) })
		if known && r.failures > 0 {
			// Nobody has to come here before this attempt is over.
			r.postpone(now.Add(r.config.DiscoveryTimeout + r.config.JWKSTimeout))
		}
	}
	if known && r.failures > 0 {
		return key, nil, e // these keys are old, but renewing them failed before
	}
	return nil, r.flight, nil
}

// postpone keeps the keys at hand in use until a moment, if they would be due
// before it. r.mu is held.
func (r *Remote) postpone(until time.Time) {
	if current := r.current.Load(); current != nil && current.due.Before(until) {
		r.current.Store(&fetchedKeys{current.set, current.generation, until})
	}
}

// run is the goroutine of a fetch.
func (r *Remote) run(f *flight) {
	set, e := r.fetch(r.lifetime)

	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	if e != nil {
		f.err, r.failure = e, e
		r.retryAt = now.Add(backOff(r.failures))
		r.failures++
		r.postpone(r.retryAt)
	} else {
		r.failures, r.failure = 0, nil
		next := &fetchedKeys{set, 1, now.Add(r.config.MaxAge)}
		if current := r.current.Load(); current != nil {
			next.generation = current.generation
			if !set.equal(current.set) {
				next.generation++
			}
		}
		r.current.Store(next)
		if _, ok := set.keys[f.kid]; !ok {
			r.coolUntil = now.Add(r.config.CoolDown)
		}
	}
	r.flight = nil
	close(f.done)
}

// backOff gives the pause after so many failures before this one.
func backOff(failures int) time.Duration {
	pause := minBackOff
	for range failures {
		if pause *= 2; pause >= maxBackOff {
			return maxBackOff
		}
	}
	return pause
}

// Generation changes when a fetch brings other keys, and is zero while the keys
// are due to be fetched, so that even tokens in a cache lead to that fetch.
func (r *Remote) Generation() uint64 {
	current := r.current.Load()
	if current == nil || !r.config.Now().Before(current.due) {
		return 0
	}
	return current.generation
}

// Close ends a fetch that is under way and waits until its goroutine is gone. A
// closed Remote makes no more fetches; it goes on to answer for the keys it has.
func (r *Remote) Close() error {
	r.mu.Lock() // whoever was about to start a fetch has done so, and nobody else will
	r.end()
	r.mu.Unlock()
	r.running.Wait()
	return nil
}
