package doorwright

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/table"
)

// crowd is the connections of one listener, and what keeps some of them from
// shutting the others out.
//
// Who can come: any process of this machine, of other users too, with as many
// connections as it may have descriptors; and a web page, with the few that a
// browser allows it. Both may send slowly, or stop halfway, or not take their
// answers. None of that can be told from an honest client that is slow (one in
// a debugger stands still too), so nothing is cut off for being slow, short of
// the server's time-outs, until it stands in the way of another:
//
//   - There are at most so many connections. One more takes the place of the one
//     that has kept us waiting the longest: for a request, for the rest of one,
//     or for taking the answer. A request that is at work is never given up.
//   - There are at most maxHeld bytes of large bodies. A request with one waits
//     for its turn before the first byte is read: who came first is first. While
//     it waits those who hold their place and are overdue lose it. So do those
//     who do not take large answers. Bodies of up to freeHeld bytes pass at all
//     times.
//
// Each listener has a crowd of its own: a flooded API leaves the AWS endpoint
// alone.
type crowd struct {
	limit int   // of connections
	held  int64 // of bytes
	// keepHeads has the visitors keep the heads of their requests. It is set
	// before the first one comes.
	keepHeads bool

	// served counts the connections that net/http serves, closed ones too until
	// their handlers have returned.
	served sync.WaitGroup

	mu sync.Mutex
	// Guarded by mu.
	visitors map[*visitor]struct{}
	used     int64   // the sum of held of all visitors
	turns    []*turn // of those who wait, in the order in which they came
}

const (
	// maxConnections is what a load test on the same machine does not reach.
	maxConnections = 4096
	// minConnections is left where the system allows hardly any descriptors.
	minConnections = 64
	// maxHeld allows a dozen bodies of API Gateway's 10 MB at once. Each costs
	// some four times its size on its way into a function's event.
	maxHeld = 128 << 20
	// freeHeld is what each connection may hold anyway.
	freeHeld = 64 << 10
	// patience is how long another may be made to wait for the next freeHeld
	// bytes: on loopback they take a fraction of a millisecond.
	patience = 2 * time.Second
	// largestBody is reserved for a body of unknown length, or of a greater one:
	// nothing behind the listeners holds more of one. Tables hold the most; buckets
	// take more, and hold it on disk.
	largestBody = table.MaxBody
)

// newCrowd makes a listener's crowd. All listeners together get a quarter of
// the descriptors that the process may have: a request may need another one
// for its upstream, and functions, their builds and the state need theirs.
func newCrowd(listeners int) *crowd {
	limit := min(maxConnections, descriptorLimit()/4/listeners)
	return &crowd{
		limit: max(limit, minConnections), held: maxHeld,
		visitors: map[*visitor]struct{}{},
	}
}

// visitor is one connection.
type visitor struct {
	net.Conn
	crowd *crowd
	// asking is since when it has owed us a request or the rest of one, taking
	// since when it has not taken what we send: Unix nanoseconds, or 0.
	asking, taking atomic.Int64
	// held is how much it holds in memory. Guarded by crowd.mu.
	held int64
	// head is the head of its request, if the crowd keeps heads.
	head head
}

// waitingSince gives since when the visitor has kept us waiting, or 0.
func (v *visitor) waitingSince() int64 { return cmp.Or(v.taking.Load(), v.asking.Load()) }

// overdue says whether the visitor has kept us waiting for longer than patience,
// or a quarter of it for taking an answer: that is in memory already, and all
// it takes is to read.
func (v *visitor) overdue(now int64) bool {
	asking, taking := v.asking.Load(), v.taking.Load()
	return taking != 0 && now-taking > int64(patience/4) || asking != 0 && now-asking > int64(patience)
}

// Write notes how long the client takes to accept what is sent, piece by piece,
// and holds large answers in the account.
func (v *visitor) Write(p []byte) (n int, err error) {
	defer v.taking.Store(0)
	if size := int64(len(p)); size > freeHeld {
		v.crowd.hold(v, size)
		defer v.crowd.release(v, size)
	}
	for {
		v.taking.Store(time.Now().UnixNano())
		piece := p[n:min(n+freeHeld, len(p))]
		done, err := v.Conn.Write(piece)
		if n += done; err != nil || n == len(p) {
			return n, err
		}
	}
}

// CloseWrite is what net/http looks for to end an answer before the request,
// as a 413 does, without a reset that could overtake it.
func (v *visitor) CloseWrite() error { return v.Conn.(*net.TCPConn).CloseWrite() }

// crowded is a listener whose connections are a crowd's.
type crowded struct {
	net.Listener
	crowd *crowd
}

// Accept gives the next connection that there is room for.
func (l crowded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if v := l.crowd.enter(c); v != nil {
			l.crowd.served.Add(1) // net/http serves it to its end, which changed is told of
			return v, nil
		}
		c.Close()
	}
}

// enter admits a connection, in the place of another if need be. It gives nil
// if all the others are at work.
func (c *crowd) enter(conn net.Conn) *visitor {
	v := &visitor{Conn: conn, crowd: c}
	v.asking.Store(time.Now().UnixNano())
	v.head.begin()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.visitors) >= c.limit {
		slowest := c.slowest(func(*visitor) bool { return true })
		if slowest == nil {
			return nil
		}
		c.cut(slowest)
	}
	c.visitors[v] = struct{}{}
	return v
}

// slowest gives the visitor that has kept us waiting the longest of those
// that are eligible, or nil. The caller holds mu.
func (c *crowd) slowest(eligible func(*visitor) bool) *visitor {
	var slowest *visitor
	var longest int64
	for v := range c.visitors {
		if since := v.waitingSince(); since != 0 && (slowest == nil || since < longest) && eligible(v) {
			slowest, longest = v, since
		}
	}
	return slowest
}

// cut closes a connection; what it holds is released as its handler returns.
// The caller holds mu.
func (c *crowd) cut(v *visitor) {
	delete(c.visitors, v)
	v.Conn.Close()
}

// changed is told by net/http of what becomes of a connection.
func (c *crowd) changed(conn net.Conn, state http.ConnState) {
	v := visitorOf(conn)
	switch state {
	case http.StateIdle:
		v.asking.Store(time.Now().UnixNano())
		v.head.begin()
	case http.StateClosed, http.StateHijacked:
		c.mu.Lock()
		delete(c.visitors, v)
		c.mu.Unlock()
		c.served.Done()
	}
}

// dismiss closes the connections that owe us a request or the rest of one, at
// the end, when all others are waited for.
func (c *crowd) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for v := range c.visitors {
		if v.asking.Load() != 0 {
			c.cut(v)
		}
	}
}

// size counts the connections.
func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.visitors)
}

type visitorKey struct{}

func withVisitor(ctx context.Context, conn net.Conn) context.Context {
	v := visitorOf(conn)
	ctx = context.WithValue(ctx, visitorKey{}, v)
	if v.crowd.keepHeads {
		ctx = gateway.WithHead(ctx, v)
	}
	return ctx
}

// visitorOf gives the connection that was accepted: of https, the one that TLS
// runs over.
func visitorOf(conn net.Conn) *visitor {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*visitor)
}
