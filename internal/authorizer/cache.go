package authorizer

import (
	lru "container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// maxCached bounds the replies that a cache holds, in bytes; an entry without a
// reply still counts entrySize. AWS documents no bound.
const (
	maxCached = 8 << 20
	entrySize = 512
)

// A cacheKey stands for the values of the identity sources: a hash, so that the
// cache keeps no token, of the values each with its length in front, so that
// ("a", "bc") is not ("ab", "c"). Each authorizer of each stage of each API has
// a cache of its own, so that keys are never compared across them.
type cacheKey [sha256.Size]byte

func keyOf(values []string) (k cacheKey) {
	h := sha256.New()
	var length [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(length[:], uint64(len(v)))
		h.Write(length[:])
		h.Write([]byte(v))
	}
	h.Sum(k[:0])
	return k
}

// A cache remembers the verdicts of an authorizer function, and asks for each
// only once however many requests wait for it.
type cache struct {
	mu      sync.Mutex
	entries map[cacheKey]*lru.Element // guarded by mu, as all below
	used    *lru.List                 // of *cached, the last used in front
	size    int
	flights map[cacheKey]*flight
}

type cached struct {
	key     cacheKey
	verdict *verdict
	expires time.Time
}

// A flight is a verdict that is being asked for.
type flight struct {
	done    chan struct{} // closed when the rest is set
	verdict *verdict
	failed  Decision // if verdict is nil
}

func newCache() *cache {
	c := &cache{used: lru.New()}
	c.flush()
	return c
}

// flush forgets everything. What is being asked for is answered to those who
// wait for it, and not kept.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries, c.flights, c.size = map[cacheKey]*lru.Element{}, map[cacheKey]*flight{}, 0
	c.used.Init()
}

var errNoAnswer = errors.New("the authorizer was not asked to the end")

// get gives the verdict for a key, from the cache or by ask, whose verdict it
// keeps for ttl from when it came. A failure is not kept. fresh says that it was
// asked for by or for this request.
func (c *cache) get(ctx context.Context, key cacheKey, ttl time.Duration, now func() time.Time, ask func() (*verdict, Decision)) (v *verdict, failed Decision, fresh bool) {
	c.mu.Lock()
	if e := c.entries[key]; e != nil {
		if entry := e.Value.(*cached); now().Before(entry.expires) {
			c.used.MoveToFront(e)
			c.mu.Unlock()
			return entry.verdict, Decision{}, false
		}
		c.remove(e)
	}
	if f := c.flights[key]; f != nil {
		c.mu.Unlock()
		select {
		case <-f.done:
			return f.verdict, f.failed, true
		case <-ctx.Done():
			return nil, broken(CodeAuthorizerFailed, "waiting for the authorizer: "+context.Cause(ctx).Error(), ""), true
		}
	}
	f := &flight{done: make(chan struct{}), failed: broken(CodeAuthorizerFailed, errNoAnswer.Error(), "")}
	c.flights[key] = f
	c.mu.Unlock()

	defer func() { // also if ask panics
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.flights[key] == f { // else the cache was flushed
			delete(c.flights, key)
			if f.verdict != nil {
				c.put(&cached{key, f.verdict, now().Add(ttl)})
			}
		}
		close(f.done)
	}()
	f.verdict, f.failed = ask()
	return f.verdict, f.failed, true
}

// peek is get that changes nothing: what it has to ask for is neither kept nor given to
// those who wait.
func (c *cache) peek(_ context.Context, key cacheKey, _ time.Duration, now func() time.Time, ask func() (*verdict, Decision)) (v *verdict, failed Decision, fresh bool) {
	c.mu.Lock()
	if e := c.entries[key]; e != nil {
		if entry := e.Value.(*cached); now().Before(entry.expires) {
			c.mu.Unlock()
			return entry.verdict, Decision{}, false
		}
	}
	c.mu.Unlock()
	v, failed = ask()
	return v, failed, true
}

// put keeps an entry, and lets go of those that were not used the longest. The
// caller holds mu.
func (c *cache) put(entry *cached) {
	c.entries[entry.key] = c.used.PushFront(entry)
	c.size += entrySize + entry.verdict.size
	for c.size > maxCached {
		c.remove(c.used.Back())
	}
}

// remove lets go of an entry. The caller holds mu.
func (c *cache) remove(e *lru.Element) {
	entry := c.used.Remove(e).(*cached)
	delete(c.entries, entry.key)
	c.size -= entrySize + entry.verdict.size
}
