package doorwright

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Where the listeners are looked for. A preferred port that is busy moves to
// the next free one, which the stage remembers, so that issuers stay stable.
const (
	endpointPort = 4566
	apiPort      = 3100
	tenantPort   = 4000
	domainPort   = 4200
	portsTried   = 200
)

// Limits of every listener. API Gateway's own limits are stricter and are
// held by the gateway; these keep a stuck or hostile client from holding a
// connection, a goroutine and its buffers for ever. How many may do so at once
// is bounded in crowd.go.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 120 * time.Second // 30 s of integration time-out, and a slow reader
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 64 << 10
	drainTimeout      = 35 * time.Second // the longest integration time-out, and a little
)

// portRequest says which port a listener wants.
type portRequest struct {
	preferred int  // 0: any free port
	fixed     bool // busy is an error, because the declaration names the port
}

// loopback is one port on 127.0.0.1 and, where the machine has it, on ::1.
type loopback struct {
	name      string // for messages: "the AWS endpoint", "API Api"
	port      int
	listeners []net.Listener
	// other says which hosts it answers to beside its own names; nil for none.
	other func(host string) bool
	tls   *tls.Config // nil for an origin that is served by http
}

// url gives the address that issuers, outputs and clients use.
func (l *loopback) url() string {
	scheme := "http"
	if l.tls != nil {
		scheme = "https"
	}
	return scheme + "://localhost:" + strconv.Itoa(l.port)
}

func (l *loopback) close() {
	for _, ln := range l.listeners {
		ln.Close()
	}
}

// bind listens on loopback only: what runs here is a development stage, and
// nobody else on the network has any business with it.
func bind(ctx context.Context, name string, want portRequest) (*loopback, error) {
	tries := portsTried
	if want.fixed {
		tries = 1
	}
	var last error
	for i := range tries {
		port := want.preferred
		if port != 0 {
			port += i
		}
		if port > 65535 {
			break
		}
		l, err := bindPort(ctx, name, port)
		if err == nil {
			return l, nil
		}
		if !portBusy(err) {
			return nil, fmt.Errorf("listening for %s: %w", name, err)
		}
		last = err
	}
	if want.fixed {
		return nil, fmt.Errorf("listening for %s: port %d is in use by another program: stop that program, or change or remove `port` in the declaration: %w", name, want.preferred, last)
	}
	return nil, fmt.Errorf("listening for %s: no free port in %d ports from %d: %w", name, tries, want.preferred, last)
}

func bindPort(ctx context.Context, name string, port int) (*loopback, error) {
	var lc net.ListenConfig
	v4, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	l := &loopback{name: name, port: v4.Addr().(*net.TCPAddr).Port, listeners: []net.Listener{v4}}
	// "localhost" is ::1 for many clients. Where another program holds that
	// side, the port is busy for us as a whole: a client must never reach two
	// different programs by one name.
	v6, err := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(l.port)))
	switch {
	case err == nil:
		l.listeners = append(l.listeners, v6)
	case portBusy(err):
		v4.Close()
		return nil, err
	}
	return l, nil // no IPv6 here: IPv4 alone
}

// server gives the HTTP server of a listener. Every listener answers to its
// own loopback names only, so that a web page cannot reach it by a name that
// it has pointed at 127.0.0.1 (DNS rebinding).
func server(l *loopback, c *crowd, h http.Handler, errorLog *log.Logger) *http.Server {
	// A crowd goes by connections with one request at a time, which HTTP/2 does
	// not have.
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Server{
		Handler:           c.watch(ownHost(l, h)),
		Protocols:         http1,
		TLSConfig:         l.tls,
		ConnContext:       withVisitor,
		ConnState:         c.changed,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          errorLog,
		// "OPTIONS *" is a request like the others.
		DisableGeneralOptionsHandler: true,
	}
}

// ownHost refuses a Host that is not this listener's with 421 Misdirected
// Request (RFC 9110, section 15.5.20).
func ownHost(l *loopback, next http.Handler) http.Handler {
	p := strconv.Itoa(l.port)
	own := [...]string{"localhost:" + p, "127.0.0.1:" + p, "[::1]:" + p}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range own {
			if strings.EqualFold(r.Host, h) {
				next.ServeHTTP(w, r)
				return
			}
		}
		if _, port, err := net.SplitHostPort(r.Host); err == nil && port == p && l.other != nil && l.other(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "Misdirected Request: this listener answers to "+own[0]+" only.", http.StatusMisdirectedRequest)
	})
}

// serve runs srv on l until stop ends, then lets what is in flight finish, for
// at most drain. It returns when every connection is closed and its
// handler has returned.
func serve(stop context.Context, l *loopback, c *crowd, srv *http.Server, drain time.Duration) error {
	failed := make(chan error, len(l.listeners))
	for _, ln := range l.listeners {
		go func() { // ends by Shutdown or Close below
			if l.tls != nil {
				failed <- srv.ServeTLS(crowded{ln, c}, "", "")
				return
			}
			failed <- srv.Serve(crowded{ln, c})
		}()
	}
	var err error
	left := len(l.listeners)
	select {
	case <-stop.Done():
	case err = <-failed:
		left--
		if errors.Is(err, net.ErrClosed) { // by us, to free the port: stop ends next
			err = nil
			<-stop.Done()
			break
		}
		err = fmt.Errorf("serving %s on port %d: %w", l.name, l.port, err)
	}
	// A request of which we have but a part is waited for a little, not for as
	// long as its sender likes.
	dismissed := time.AfterFunc(patience, c.dismiss)
	defer dismissed.Stop()
	draining, cancel := context.WithTimeout(context.WithoutCancel(stop), drain)
	defer cancel()
	if e := srv.Shutdown(draining); e != nil {
		srv.ErrorLog.Printf("%s: after %s %d connections still had a request in flight and were cut off", l.name, drain, c.size())
		srv.Close()
	}
	for range left {
		<-failed
	}
	c.served.Wait()
	return err
}
