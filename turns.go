package doorwright

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The account of what a crowd's visitors hold in memory, and the queue of the
// large bodies that wait for room in it.

// turn is a body's place in the queue.
type turn struct {
	v     *visitor
	n     int64
	given chan struct{} // closed as n is in the account
}

// hold takes n bytes into the account that are in memory already. Whoever has not
// taken its answer for too long makes room.
func (c *crowd) hold(v *visitor, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used, v.held = c.used+n, v.held+n
	c.makeRoom(c.held)
}

func (c *crowd) release(v *visitor, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used, v.held = c.used-n, v.held-n
	c.advance()
}

// advance gives turns for as long as there is room for the next. A small body
// does not overtake a large one, which would never have its turn. The caller
// holds mu.
func (c *crowd) advance() {
	for len(c.turns) > 0 {
		next := c.turns[0]
		if c.used+next.n > c.held {
			c.makeRoom(c.held - next.n)
			return
		}
		c.used, next.v.held = c.used+next.n, next.v.held+next.n
		c.turns = slices.Delete(c.turns, 0, 1)
		close(next.given)
	}
}

// leave gives up a place in the queue, unless the turn has come. It reports
// whether it did.
func (c *crowd) leave(t *turn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.turns, t)
	if i < 0 {
		return false
	}
	c.turns = slices.Delete(c.turns, i, i+1)
	c.advance() // t may have been what the others waited for
	return true
}

// makeRoom closes the slowest of those who hold something and are overdue, until
// the others hold no more than limit. The caller holds mu.
func (c *crowd) makeRoom(limit int64) {
	now := time.Now().UnixNano()
	going := int64(0)
	for c.used-going > limit {
		v := c.slowest(func(v *visitor) bool { return v.held > 0 && v.overdue(now) })
		if v == nil {
			return
		}
		going += v.held
		c.cut(v)
	}
}

// errCrowded is a body that did not get its turn.
var errCrowded = errors.New("too many large requests are being sent at once")

// admit waits until n more bytes may be held.
func (c *crowd) admit(ctx context.Context, v *visitor, n int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, errCrowded)
	defer cancel()
	t := &turn{v, n, make(chan struct{})}
	c.mu.Lock()
	c.turns = append(c.turns, t)
	c.advance()
	c.mu.Unlock()
	look := time.NewTicker(patience / 4) // for who has become overdue
	defer look.Stop()
	for {
		select {
		case <-t.given:
			return nil
		case <-look.C:
			c.mu.Lock()
			c.advance()
			c.mu.Unlock()
		case <-ctx.Done():
			if c.leave(t) {
				return context.Cause(ctx)
			}
			return nil
		}
	}
}

// watch notes when a request is whole, and has large bodies wait for their turn.
func (c *crowd) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := r.Context().Value(visitorKey{}).(*visitor)
		if r.ContentLength == 0 {
			v.asking.Store(0)
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		b := &arriving{ReadCloser: r.Body, ctx: ctx, cancel: cancel, v: v, size: r.ContentLength}
		if b.size < 0 || b.size > largestBody {
			b.size = largestBody
		}
		defer b.end()
		with := *r // net/http looks at the Body of its own request
		with.Body = b
		next.ServeHTTP(w, &with)
	})
}

// arriving is a request's body.
type arriving struct {
	io.ReadCloser
	ctx    context.Context // ends with the request
	cancel context.CancelFunc
	v      *visitor
	size   int64

	mu sync.Mutex
	// Guarded by mu: an upstream's transport may read on after the handler.
	brought  int  // since the last time that it counted as progress
	reserved bool // size is in the account
	over     bool // the handler has returned
}

func (b *arriving) Read(p []byte) (int, error) {
	if err := b.reserve(); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.brought += n
	switch {
	case b.over:
	case err != nil: // whole, or it never will be
		b.v.asking.Store(0)
	case b.brought > freeHeld: // on a busy machine an honest client is slow, too
		b.brought = 0
		b.v.asking.Store(time.Now().UnixNano())
	}
	return n, err
}

// reserve takes the body into the account before its first byte is read.
func (b *arriving) reserve() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserved || b.size <= freeHeld {
		return nil
	}
	if b.over {
		return http.ErrBodyReadAfterClose
	}
	b.v.asking.Store(0) // it is we who keep the client waiting
	err := b.v.crowd.admit(b.ctx, b.v, b.size)
	b.v.asking.Store(time.Now().UnixNano())
	b.reserved = err == nil
	return err
}

// end takes the body out of the account. What is left of it net/http reads, or
// gives up.
func (b *arriving) end() {
	b.cancel() // ends a wait for its turn, in which mu is held
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.v.asking.Store(time.Now().UnixNano())
	if b.reserved {
		b.reserved = false
		b.v.crowd.release(b.v, b.size)
	}
}
