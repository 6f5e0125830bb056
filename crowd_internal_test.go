package doorwright

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowdOf serves with a crowd of so many connections until the test ends.
func crowdOf(t *testing.T, limit int, h http.HandlerFunc) (*crowd, *loopback) {
	t.Helper()
	l, err := bind(t.Context(), "the test", portRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(1)
	c.limit = limit
	stop, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(stop, l, c, server(l, c, h, log.New(io.Discard, "", 0)), time.Minute) }() // awaited below
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := c.size(); n != 0 || c.used != 0 {
			t.Errorf("%d connections and %d bytes are left in the account", n, c.used)
		}
	})
	return c, l
}

func (l *loopback) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", l.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// TestCrowdSparesWhoIsAtWork fills a listener with requests at work: one more is
// turned away, and none of them is. Once they wait, a newcomer takes the place of
// one.
func TestCrowdSparesWhoIsAtWork(t *testing.T) {
	const limit = 4
	var entered sync.WaitGroup
	entered.Add(limit)
	release := make(chan struct{})
	c, l := crowdOf(t, limit, func(w http.ResponseWriter, _ *http.Request) {
		entered.Done()
		<-release
		io.WriteString(w, "done")
	})
	request := fmt.Sprintf("GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", l.port)
	var working []net.Conn
	for range limit {
		conn := l.dial(t)
		io.WriteString(conn, request)
		working = append(working, conn)
	}
	entered.Wait()
	if b, err := io.ReadAll(l.dial(t)); len(b) > 0 || err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("one too many gets %q, %v", b, err)
	}
	close(release)
	for _, conn := range working {
		if _, err := fmt.Fscanf(conn, "HTTP/1.1 200 OK\r\n"); err != nil {
			t.Errorf("a request at work was given up: %v", err)
		}
	}
	for c.waiting() < limit { // until net/http has noted that they are idle
		time.Sleep(time.Millisecond)
	}
	newcomer := l.dial(t)
	entered.Add(1)
	io.WriteString(newcomer, request)
	if _, err := fmt.Fscanf(newcomer, "HTTP/1.1 200 OK\r\n"); err != nil {
		t.Errorf("the newcomer is not served: %v", err)
	}
	if n := c.size(); n > limit {
		t.Errorf("there are %d connections; the limit is %d", n, limit)
	}
}

// TestTurnsAreInOrder has bodies wait for one another: who came first is first,
// also if a later one would fit; who gives up makes way; and nobody waits for
// ever.
func TestTurnsAreInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(1)
		c.held = 10
		var mu sync.Mutex
		var told []string
		wait := func(name string, n int64) (v *visitor, giveUp context.CancelFunc) {
			v = &visitor{crowd: c}
			ctx, cancel := context.WithCancel(t.Context())
			go func() { // ends with its turn, or as it is given up
				err := c.admit(ctx, v, n)
				mu.Lock()
				defer mu.Unlock()
				told = append(told, fmt.Sprint(name, " ", err))
			}()
			synctest.Wait()
			return v, cancel
		}
		want := func(when string, names ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, names) {
				t.Errorf("%s: %q; want %q", when, told, names)
			}
			told = nil
		}
		first, _ := wait("first", 9)
		second, _ := wait("second", 6)
		_, giveUp := wait("third", 5)
		fourth, _ := wait("fourth", 1)
		want("before there is room", "first <nil>")
		c.release(first, 9)
		want("as the first ends", "second <nil>")
		giveUp()
		want("as the third gives up", "third context canceled", "fourth <nil>")
		last, _ := wait("last", 10)
		time.Sleep(readTimeout)
		want("at the end of its time", "last "+errCrowded.Error())
		c.release(second, 6)
		c.release(fourth, 1)
		want("when all have ended")
		if c.used != 0 || len(c.turns) != 0 || last.held != 0 {
			t.Errorf("%d bytes and %d turns are left", c.used, len(c.turns))
		}
	})
}

func (c *crowd) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for v := range c.visitors {
		if v.waitingSince() != 0 {
			n++
		}
	}
	return n
}
