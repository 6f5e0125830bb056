package doorwright

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secured serves h by https until the test ends. It gives the origin, the TLS
// configuration of a client that trusts it, and what the user is told.
func secured(t *testing.T, h http.HandlerFunc) (*crowd, *loopback, *tls.Config, <-chan string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ca")
	said := make(chan string, 100)
	a := &App{cfg: Config{AuthorityDir: dir, Now: time.Now, Observe: func(e Event) { said <- e.Source + ": " + e.Text }}}
	l, err := bind(t.Context(), "the test", portRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.secure(l); err != nil {
		t.Fatal(err)
	}
	if text := <-said; !strings.Contains(text, "doorwright trust") {
		t.Errorf("of the new authority the user is told %q", text)
	}
	c := newCrowd(1)
	stop, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(stop, l, c, server(l, c, h, a.serverLog(l.name)), time.Minute) }() // awaited below
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := c.size(); n != 0 || c.used != 0 {
			t.Errorf("%d connections and %d bytes are left in the account", n, c.used)
		}
	})
	ca, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ca.Made {
		t.Error("opening the authority again makes another one")
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM)
	return c, l, &tls.Config{RootCAs: roots}, said
}

// TestOriginByHTTPS asks an origin that is served by https by each of its
// names, under a stranger's name, and by http.
func TestOriginByHTTPS(t *testing.T) {
	_, l, trusting, _ := secured(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %t %d", r.Proto, r.TLS != nil, n)
	})
	transport := &http.Transport{TLSClientConfig: trusting, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func(url, host, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if want := fmt.Sprintf("https://localhost:%d", l.port); l.url() != want {
		t.Errorf("its URL is %s; want %s", l.url(), want)
	}
	hosts := []string{"localhost", "127.0.0.1"}
	if len(l.listeners) > 1 {
		hosts = append(hosts, "[::1]")
	}
	large := strings.Repeat("x", 3*freeHeld)
	for _, host := range hosts {
		url := fmt.Sprintf("https://%s:%d/", host, l.port)
		if status, body := ask(url, "", large); status != 200 || body != fmt.Sprintf("HTTP/1.1 true %d", len(large)) {
			t.Errorf("%s answers %d %s", url, status, body)
		}
	}
	if status, _ := ask(l.url(), "rebound.example:"+fmt.Sprint(l.port), ""); status != http.StatusMisdirectedRequest {
		t.Errorf("a stranger's Host is answered %d", status)
	}
	if status, body := ask(strings.Replace(l.url(), "https", "http", 1), "", ""); status != 400 || !strings.Contains(body, "HTTPS") {
		t.Errorf("a request by http is answered %d %s", status, body)
	}
}

// TestDistrustIsToldOf has clients that were not told of the authority ask, and
// one that says nothing: of the former the user hears once.
func TestDistrustIsToldOf(t *testing.T) {
	_, l, trusting, said := secured(t, func(http.ResponseWriter, *http.Request) {})
	io.WriteString(l.dial(t), "nonsense\r\n\r\n")
	for range 3 {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			conn := tls.Client(l.dial(t), &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", MinVersion: version, MaxVersion: version})
			if err := conn.HandshakeContext(t.Context()); err == nil {
				t.Error("a client without the authority shakes hands")
			}
			io.Copy(io.Discard, conn.NetConn()) // until the server has heard of it
		}
	}
	if got, want := <-said, "the test: a client does not trust its certificate: see `doorwright trust`"; got != want {
		t.Errorf("the user is told %q; want %q", got, want)
	}
	conn := tls.Client(l.dial(t), &tls.Config{RootCAs: trusting.RootCAs, ServerName: "localhost"})
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case text := <-said:
		t.Errorf("the user is told also %q", text)
	default:
	}
}

// TestDistrustOfCurl has curl refuse the certificate, with each version of TLS.
func TestDistrustOfCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("curl is required and is not on the PATH")
		}
		t.Skip("curl is not on the PATH")
	}
	for _, version := range []string{"1.2", "1.3"} {
		_, l, _, said := secured(t, func(http.ResponseWriter, *http.Request) {})
		if out, err := exec.Command(curl, "-sS", "--tls-max", version, "--tlsv"+version, l.url()).CombinedOutput(); err == nil {
			t.Errorf("curl trusts the certificate: %s", out)
		}
		if text := <-said; !strings.Contains(text, "doorwright trust") {
			t.Errorf("with TLS %s the user is told %q", version, text)
		}
	}
}

// TestHandshakeHoldsNoPlace fills an origin of https with clients that never
// shake hands: whoever does is served.
func TestHandshakeHoldsNoPlace(t *testing.T) {
	c, l, trusting, _ := secured(t, func(http.ResponseWriter, *http.Request) {})
	c.mu.Lock()
	c.limit = 4
	c.mu.Unlock()
	for range 2 * c.limit {
		io.WriteString(l.dial(t), "\x16\x03\x01") // how a handshake begins
	}
	conn := tls.Client(l.dial(t), &tls.Config{RootCAs: trusting.RootCAs, ServerName: "localhost"})
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", l.port); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("who shakes hands is answered %v, %v", resp, err)
	}
	if n := c.size(); n > c.limit {
		t.Errorf("there are %d connections; the limit is %d", n, c.limit)
	}
}
