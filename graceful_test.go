package doorwright_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// TestDrainUnderLoad ends the app while many requests are in flight, with large
// answers, and others only half said: the first are answered whole, nobody new
// comes in, and the others do not hold up the end.
func TestDrainUnderLoad(t *testing.T) {
	const clients = 100
	var entered sync.WaitGroup
	entered.Add(clients)
	release := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered.Done()
		<-release
		w.Write(largeAnswer[:1<<20])
	}))
	defer upstream.Close()
	r := run(t, doorwright.Config{Dir: upstreamApp(t, upstream.URL, ""), AnyPort: true})
	api := r.output("Url")
	half, err := dial(api)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	io.WriteString(half, "GET /open HTTP/1.1\r\nHost: ")
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if err := exchange(http.DefaultClient, "GET", api+"/open", "", nil, 200, string(largeAnswer[:1<<20])); err != nil {
				t.Error(err)
			}
		})
	}
	entered.Wait()
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }() // awaited below
	if !eventually(func() bool { return refusesConnections(api) && refusesConnections(r.Environment().Endpoint) }) {
		t.Error("the listeners still take connections after the end was asked for")
	}
	select {
	case err := <-stopped:
		t.Errorf("Run ended (%v) with requests in flight", err)
	default:
	}
	close(release)
	all.Wait()
	http.DefaultClient.CloseIdleConnections()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := r.text(doorwright.KindWarning); strings.Contains(got, "cut off") {
		t.Errorf("the warnings are %q; half a request is not to be waited for", got)
	}
}

func refusesConnections(url string) bool {
	c, err := net.DialTimeout("tcp", strings.Replace(hostOf(url), "localhost", "127.0.0.1", 1), time.Second)
	if err == nil {
		c.Close()
	}
	return err != nil
}

// TestDrainIsCut has a request outlast the drain: it is cut off and told of, and
// Run still ends as it was told to, with nothing left.
func TestDrainIsCut(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
	}))
	defer upstream.Close()
	defer close(release)
	before := goroutines()
	r := run(t, doorwright.Config{Dir: upstreamApp(t, upstream.URL, ""), AnyPort: true},
		func(a *doorwright.App) { a.SetDrain(200 * time.Millisecond) })
	answered := make(chan error, 1)
	go func() { answered <- exchange(http.DefaultClient, "GET", r.output("Url")+"/open", "", nil, 200, "") }()
	<-entered
	if err := r.stop(); err != nil {
		t.Errorf("Run ends with %v", err)
	}
	if err := <-answered; err == nil || !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the request that was cut off ends with %v; want a broken connection", err)
	}
	want := "API Api: after 200ms 1 connections still had a request in flight and were cut off"
	if got := r.text(doorwright.KindWarning); !strings.Contains(got, want) {
		t.Errorf("the warnings are %q; want %q", got, want)
	}
	http.DefaultClient.CloseIdleConnections()
	if left := leftOver(before); strings.Contains(left, "doorwright.(*App)") || strings.Contains(left, "/internal/") {
		t.Errorf("goroutines are left after Run:\n%s", left)
	}
}

// TestDrainIsNotHeldUp ends the app under a crowd of slow clients of every
// kind: none of them holds up the end.
func TestDrainIsNotHeldUp(t *testing.T) {
	b := besiege(t)
	rest := make(chan struct{})
	var herds sync.WaitGroup
	for _, first := range []string{
		"", "GET /open HTTP/1.1\r\nX-A: ",
		"POST /work HTTP/1.1\r\nHost: " + hostOf(b.api) + "\r\nContent-Length: 1000\r\n\r\nx",
		"GET /open HTTP/1.1\r\nHost: " + hostOf(b.api) + "\r\n\r\n",
	} {
		var standing sync.WaitGroup
		standing.Add(1)
		herds.Go(func() { herd(b.api, 50, []byte(first), standing.Done, rest, nil) })
		standing.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // the drain's time-out is longer
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- b.stop() }() // awaited below
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("slow clients hold up the end")
		<-stopped
	}
	close(rest)
	herds.Wait()
}

// TestEndpointSurvivesAPanic has the clock, then the listener to events, panic
// once in the middle of an operation: that one is answered 500, the next as ever.
func TestEndpointSurvivesAPanic(t *testing.T) {
	var clock, listener atomic.Bool // whether the next call panics
	var events running
	r := run(t, doorwright.Config{
		Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true,
		Now: func() time.Time {
			if clock.CompareAndSwap(true, false) {
				panic("the clock is out of order")
			}
			return time.Now()
		},
		Observe: func(e doorwright.Event) {
			if e.Kind == doorwright.KindPool && listener.CompareAndSwap(true, false) {
				panic("the listener is out of order")
			}
			events.observe(e)
		},
	})
	tokens, err := r.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	call := func() (int, string) {
		status, out, err := operation(http.DefaultClient, r.Environment().Endpoint, "GetUser", map[string]string{"AccessToken": tokens.Access})
		if err != nil {
			t.Fatal(err)
		}
		return status, fmt.Sprint(out)
	}
	for name, breaks := range map[string]*atomic.Bool{"clock": &clock, "listener": &listener} {
		breaks.Store(true)
		if status, got := call(); status != 500 || got != "map[__type:InternalErrorException message:Internal error]" {
			t.Errorf("with a panic of the %s the operation is answered %d %s", name, status, got)
		}
		if status, got := call(); status != 200 {
			t.Errorf("after a panic of the %s the next operation is answered %d %s", name, status, got)
		}
		if got := events.text(doorwright.KindError); !strings.Contains(got, "the "+name+" is out of order") || !strings.Contains(got, "please report it") {
			t.Errorf("the errors are %q; want the panic of the %s", got, name)
		}
	}
	// The API, which shares the clock, goes on too.
	if status, body := ask(t, get(t, r.output("Url")+"/open")); status != 200 || body != "hello" {
		t.Errorf("the open route answers %d %s", status, body)
	}
}

// TestLargeRefusalIsSeen sends more than the endpoint takes: the answer ends
// before the request does, and must not be lost in a reset.
func TestLargeRefusalIsSeen(t *testing.T) {
	r := run(t, doorwright.Config{Dir: upstreamApp(t, hello(t).URL, ""), AnyPort: true})
	url := r.Environment().Endpoint
	c, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	const size = 3 << 20
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: AWSCognitoIdentityProviderService.GetUser\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n", hostOf(url), size)
	sent := make(chan struct{})
	go func() { // ends as the connection does
		defer close(sent)
		c.Write(append([]byte(head), zeros[:size]...))
	}()
	answer, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 413 ")) || !bytes.Contains(answer, []byte("RequestEntityTooLargeException")) {
		t.Errorf("is answered %.200q %v", answer, err)
	}
	c.Close()
	<-sent
}
