package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The client and the upstream of the gateway's rows speak just enough HTTP: as
// they share the processors with what is measured, whatever they take makes the
// two sides look more alike than they are.

// upstream answers every GET on a loopback port, until it is closed.
type upstream struct {
	ln net.Listener
	wg sync.WaitGroup
}

func newUpstream() (*upstream, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{ln: ln}
	u.wg.Go(u.accept) // ends with the listener
	return u, nil
}

func (u *upstream) url() string { return "http://" + u.ln.Addr().String() }

// close ends the listener. The connections end with their clients.
func (u *upstream) close() {
	u.ln.Close()
	u.wg.Wait()
}

func (u *upstream) accept() {
	for {
		conn, err := u.ln.Accept()
		if err != nil {
			return
		}
		u.wg.Go(func() { serveGET(conn) }) // ends with the connection
	}
}

const upstreamAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"message\":\"Hello\"}"

func serveGET(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := io.WriteString(conn, upstreamAnswer); err != nil {
			return
		}
	}
}

// client is one connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

var contentLength = []byte("Content-Length: ")

// do sends a request and reads the answer, which must be a 200 with a length.
func (c *client) do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length, status := -1, ""
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if status == "" {
			status = string(line)
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if len(status) < 12 || status[9:12] != "200" || length < 0 {
		return fmt.Errorf("the answer is %q, with length %d", status, length)
	}
	_, err := c.in.Discard(length)
	return err
}

// load is requests over some connections that stay open.
type load struct {
	clients  []*client
	requests [][]byte
	sent     atomic.Int64
}

func newLoad(address string, connections int, requests [][]byte) (*load, error) {
	l := &load{requests: requests}
	for range connections {
		c, err := dial(address)
		if err != nil {
			l.close()
			return nil, err
		}
		l.clients = append(l.clients, c)
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.clients {
		c.conn.Close()
	}
}

// all sends each request once.
func (l *load) all() error {
	for i, r := range l.requests {
		if err := l.clients[i%len(l.clients)].do(r); err != nil {
			return err
		}
	}
	return nil
}

// run sends requests on all connections for a time and gives how many were
// answered in a second.
func (l *load) run(ctx context.Context, d time.Duration) (float64, error) {
	var wg sync.WaitGroup
	errs := make([]error, len(l.clients))
	var answered atomic.Int64
	start := time.Now()
	for n, c := range l.clients {
		wg.Go(func() { // ends after d
			at := int(l.sent.Load()) + n*7919
			for time.Since(start) < d && ctx.Err() == nil {
				if errs[n] = c.do(l.requests[at%len(l.requests)]); errs[n] != nil {
					return
				}
				answered.Add(1)
				at += 7919 // a prime: every token comes up, in no order that a cache would like
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	l.sent.Add(answered.Load())
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(answered.Load()) / took.Seconds(), ctx.Err()
}
