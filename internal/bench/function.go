package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// recorder keeps the last event on its way to a function.
type recorder struct {
	gateway.Invoker
	mu    sync.Mutex
	event []byte // guarded by mu
}

func (r *recorder) Invoke(ctx context.Context, function string, event []byte) ([]byte, string, error) {
	r.mu.Lock()
	r.event = event
	r.mu.Unlock()
	return r.Invoker.Invoke(ctx, function, event)
}

// measureFunction sets a request through the gateway, with a JWT, to a Go
// function beside a bare round trip of the Runtime API: the same binary, which a
// net/http server gives the same event. Once as calls, and once with an HTTP
// client before either.
func measureFunction(ctx context.Context, b *bench) ([]result, error) {
	functions, dir, stop, err := startFunction(ctx, b, "function", nil)
	if err != nil {
		return nil, err
	}
	defer stop()
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	invoker := &recorder{Invoker: functions}
	g, err := guardedGateway(issuer, gateway.Route{Function: "private"}, invoker)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	token := idToken(issuer, 0)
	call := callGateway(g, token)
	if err := call(); err != nil {
		return nil, err
	}
	bin := filepath.Join(b.dir, "bare"+exe)
	build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", bin, "./functions/private")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building a function: %w\n%s", err, out)
	}
	return compareFunctions(ctx, b, g, call, token, bin, invoker.event)
}

// startFunction runs the function "private", a Go one, in a folder of that name, until stop is called, which waits
// for its end. Log may be nil.
func startFunction(ctx context.Context, b *bench, name string, log func(lambda.Line)) (functions *lambda.Runtime, dir string, stop func(), err error) {
	if dir, err = b.project(ctx, name); err != nil {
		return nil, "", nil, err
	}
	functions, err = lambda.New(lambda.Config{
		Dir: dir, Cache: filepath.Join(b.dir, name+"-cache"), Region: "us-east-1", NoWatch: true, Log: log,
		Functions: []lambda.Function{{Name: "private", Handler: "functions/private"}},
	})
	if err != nil {
		return nil, "", nil, err
	}
	if err := functions.Build(ctx); err != nil {
		return nil, "", nil, err
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- functions.Run(running) }() // ends by stop, which is awaited
	return functions, dir, func() { end(); <-ended }, nil
}

// callGateway makes a request without a network.
func callGateway(g http.Handler, token string) func() error {
	return func() error {
		r := httptest.NewRequest("GET", "/private", nil)
		r.Header = http.Header{"Authorization": {"Bearer " + token}, "User-Agent": {"bench"}, "Accept": {"*/*"}}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "Hello ") {
			return fmt.Errorf("the function's answer is %d %s", w.Code, w.Body)
		}
		return nil
	}
}

// compareFunctions gives the rows.
func compareFunctions(ctx context.Context, b *bench, g http.Handler, call func() error, token, bin string, event []byte) ([]result, error) {
	bare, err := newBareRuntime(ctx, bin, event)
	if err != nil {
		return nil, err
	}
	defer bare.close()
	wire, err := newWireRuntime(ctx, bin, event)
	if err != nil {
		return nil, err
	}
	defer wire.close()
	calls, rounds := b.pick(100, 5), b.pick(61, 3)
	direct, err := alternate(rounds, middle(calls, call), middle(calls, bare.call))
	if err != nil {
		return nil, err
	}
	byHand, err := alternate(rounds, middle(calls, call), middle(calls, wire.call))
	if err != nil {
		return nil, err
	}
	count, err := allocations(calls, call)
	if err != nil {
		return nil, err
	}
	direct.Row, direct.What, direct.Unit = "function-call", "p50 of a request through JWT to a Go function, of a bare Runtime API round trip", "ns"
	direct.Allocations = fmt.Sprintf("%.0f", count)
	direct.Note = fmt.Sprintf("of a round trip spoken by hand over one connection, which no server can beat: %.2f (%s)", byHand.Ratio, format(byHand.Limit, "ns"))

	ours, limit := httptest.NewServer(g), httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if bare.call() != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		io.WriteString(w, "Hello")
	}))
	defer ours.Close()
	defer limit.Close()
	request := fmt.Appendf(nil, "GET /private HTTP/1.1\r\nHost: localhost:3100\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer %s\r\n\r\n", token)
	var sides [2]side
	for i, s := range []*httptest.Server{ours, limit} {
		c, err := dial(s.Listener.Addr().String())
		if err != nil {
			return nil, err
		}
		defer c.conn.Close()
		sides[i] = middle(calls, func() error { return c.do(request) })
	}
	through, err := alternate(rounds, sides[0], sides[1])
	if err != nil {
		return nil, err
	}
	through.Row, through.What, through.Unit = "function-http", "the same with an HTTP client before either", "ns"
	return []result{direct.atMost(1.5), through.atMost(1.5)}, nil
}

// child is a function's process that asks ln for events.
type child struct {
	ln  net.Listener
	cmd *exec.Cmd
}

func startChild(ctx context.Context, bin string) (*child, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, bin)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + ln.Addr().String(), "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		ln.Close()
		return nil, err
	}
	return &child{ln, cmd}, nil
}

func (c *child) close() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.ln.Close()
}

// bareRuntime is the least Runtime API that net/http makes.
type bareRuntime struct {
	*child
	server  *http.Server
	event   []byte
	events  chan []byte
	answers chan struct{}
}

// callTimeout is when something has gone wrong.
const callTimeout = 10 * time.Second

func newBareRuntime(ctx context.Context, bin string, event []byte) (*bareRuntime, error) {
	c, err := startChild(ctx, bin)
	if err != nil {
		return nil, err
	}
	b := &bareRuntime{child: c, event: event, events: make(chan []byte), answers: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-b.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10))
			w.Write(event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		b.answers <- struct{}{}
		w.WriteHeader(http.StatusAccepted)
	})
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: callTimeout}
	go b.server.Serve(c.ln) // ends with close
	return b, nil
}

func (b *bareRuntime) call() error {
	timer := time.NewTimer(callTimeout)
	defer timer.Stop()
	select {
	case b.events <- b.event:
	case <-timer.C:
		return errors.New("the function asks for no event")
	}
	select {
	case <-b.answers:
		return nil
	case <-timer.C:
		return errors.New("the function does not answer")
	}
}

func (b *bareRuntime) close() {
	b.server.Close()
	b.child.close()
}

// wireRuntime speaks just enough HTTP, over the one connection.
type wireRuntime struct {
	*child
	conn  net.Conn
	in    *bufio.Reader
	event []byte // the answer to the request for an event, with its head
}

func newWireRuntime(ctx context.Context, bin string, event []byte) (*wireRuntime, error) {
	c, err := startChild(ctx, bin)
	if err != nil {
		return nil, err
	}
	w := &wireRuntime{child: c, event: fmt.Appendf(nil,
		"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\nLambda-Runtime-Deadline-Ms: %d\r\nContent-Length: %d\r\n\r\n%s",
		time.Now().Add(time.Hour).UnixMilli(), len(event), event)}
	if err := c.ln.(*net.TCPListener).SetDeadline(time.Now().Add(callTimeout)); err != nil {
		c.close()
		return nil, err
	}
	if w.conn, err = c.ln.Accept(); err != nil {
		c.close()
		return nil, fmt.Errorf("waiting for the function: %w", err)
	}
	w.in = bufio.NewReader(w.conn)
	return w, w.read() // the first request for an event
}

func (w *wireRuntime) read() error {
	if err := w.conn.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
		return err
	}
	r, err := http.ReadRequest(w.in)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

func (w *wireRuntime) call() error {
	if _, err := w.conn.Write(w.event); err != nil {
		return err
	}
	if err := w.read(); err != nil { // the answer
		return err
	}
	if _, err := io.WriteString(w.conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"); err != nil {
		return err
	}
	return w.read() // the request for the next event
}

func (w *wireRuntime) close() {
	w.conn.Close()
	w.child.close()
}
