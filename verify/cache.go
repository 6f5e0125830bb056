package verify

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
)

const (
	// maxCacheSize is the largest Config.CacheSize.
	maxCacheSize = 1 << 20
	// maxCachedBytes is the longest token that is remembered. Longer ones are
	// rare and would make the cache's worst case of memory many times larger.
	maxCachedBytes = 4 << 10
	// ways is how many tokens share one slot of the cache.
	ways = 8
)

// A tokenCache remembers verified tokens, and only those: a bounded table of
// slots of a few entries each, without a lock. An entry never changes, so that
// reading one is one atomic load; writers may race for a place, and the loser's
// token is verified once more.
//
// An entry is found by the whole token, its signature included. The hash is
// seeded per cache: nobody outside can aim at a slot, nor learn from timing how
// much of a token agrees with an entry, since the two are compared only if their
// 64-bit hashes are equal.
type tokenCache struct {
	seed maphash.Seed
	mask uint64
	sets [][ways]atomic.Pointer[cachedToken]
}

type cachedToken struct {
	hash       uint64
	raw        string
	generation uint64 // of the key set that verified it
	token      Token
	recent     atomic.Bool // used since the last sweep of its slot
}

func newTokenCache(size int) *tokenCache {
	n := (size + ways - 1) / ways
	sets := 1 << bits.Len(uint(n-1))
	return &tokenCache{
		seed: maphash.MakeSeed(),
		mask: uint64(sets - 1),
		sets: make([][ways]atomic.Pointer[cachedToken], sets),
	}
}

func (c *tokenCache) hash(raw string) uint64 {
	if len(raw) > maxCachedBytes {
		return 0 // neither got nor put; and hashing it would be wasted
	}
	return maphash.String(c.seed, raw)
}

// get gives a token that was verified by the key set's present generation, or
// nil. Its times have to be judged again.
func (c *tokenCache) get(hash uint64, raw string, generation uint64) *Token {
	if generation == 0 || len(raw) > maxCachedBytes {
		return nil
	}
	set := &c.sets[hash&c.mask]
	for i := range set {
		entry := set[i].Load()
		if entry == nil || entry.hash != hash || entry.raw != raw {
			continue
		}
		if entry.generation != generation {
			set[i].CompareAndSwap(entry, nil)
			return nil
		}
		if !entry.recent.Load() { // no write to a shared line for every hit
			entry.recent.Store(true)
		}
		return &entry.token
	}
	return nil
}

// put remembers a token.
func (c *tokenCache) put(hash uint64, raw string, generation uint64, token Token) {
	if generation == 0 || len(raw) > maxCachedBytes {
		return
	}
	// A clone, since raw may be a small part of a large request.
	entry := &cachedToken{hash: hash, raw: strings.Clone(raw), generation: generation, token: token}
	set := &c.sets[hash&c.mask]
	set[c.victim(set, hash, raw, generation)].Store(entry)
}

// victim gives the place for a new entry: that of the same token, or an empty
// one, or one of other keys, or one that was not used since the last sweep.
func (c *tokenCache) victim(set *[ways]atomic.Pointer[cachedToken], hash uint64, raw string, generation uint64) int {
	free := -1
	for i := range set {
		entry := set[i].Load()
		if entry == nil || entry.generation != generation {
			free = i
		} else if entry.hash == hash && entry.raw == raw {
			return i
		}
	}
	if free >= 0 {
		return free
	}
	// The second-chance algorithm, beginning at a place that the hash's unused
	// bits choose.
	start := int(hash >> 61)
	for i := range ways {
		at := (start + i) % ways
		if entry := set[at].Load(); entry != nil && !entry.recent.CompareAndSwap(true, false) {
			return at
		}
	}
	return start
}

const (
	// headerSlots is how many headers are remembered. An issuer has about one
	// for each key and type of token.
	headerSlots = 64
	// maxCachedHeader is the longest encoded header that is remembered.
	maxCachedHeader = 1 << 10
)

// A headerCache remembers the parsed headers of genuine tokens by their encoded
// text, so that the header that all tokens of a key share is parsed once.
type headerCache struct {
	seed  maphash.Seed
	slots [headerSlots]atomic.Pointer[cachedHeader]
}

type cachedHeader struct {
	segment string
	header  Header
}

func newHeaderCache() *headerCache { return &headerCache{seed: maphash.MakeSeed()} }

func (c *headerCache) slot(segment string) *atomic.Pointer[cachedHeader] {
	return &c.slots[maphash.String(c.seed, segment)%headerSlots]
}

func (c *headerCache) get(segment string) (Header, bool) {
	if len(segment) > maxCachedHeader {
		return Header{}, false
	}
	entry := c.slot(segment).Load()
	if entry == nil || entry.segment != segment {
		return Header{}, false
	}
	return entry.header, true
}

func (c *headerCache) put(segment string, header Header) {
	if len(segment) > maxCachedHeader {
		return
	}
	c.slot(segment).Store(&cachedHeader{segment: strings.Clone(segment), header: header})
}
