package oidc

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// held is a provider that does not answer.
type held struct{ asked atomic.Int32 }

func (h *held) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestProvidersAreAskedByFew: however many browsers are sent on their way at once,
// few requests go out for them, and nobody waits for longer than an answer may take.
func TestProvidersAreAskedByFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &held{}
		p := NewProviders(time.Now)
		p.client.Transport = provider
		began, refused := time.Now(), make(chan error, 1000)
		for range cap(refused) {
			go func() { // awaited below
				_, err := p.AuthorizationURL(t.Context(), &Provider{Issuer: "https://idp.example"}, "https://localhost", &Departure{})
				refused <- err
			}()
		}
		synctest.Wait()
		if n := provider.asked.Load(); n != maxAsking {
			t.Errorf("%d requests are out at once", n)
		}
		for range cap(refused) {
			if err := <-refused; !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errBusy) {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began); waited > providerTimeout {
			t.Errorf("they waited for %s", waited)
		}
	})
}

// TestEndpointsOfANetworkIssuer: an issuer on the network names no address on this
// machine, in any spelling, and nothing but https.
func TestEndpointsOfANetworkIssuer(t *testing.T) {
	for address, want := range map[string]bool{
		"https://idp.example/token": true, "https://other.example/token": true,
		"http://idp.example/token": false, "http://169.254.169.254/latest/meta-data": false,
		"https://localhost:4200/": false, "https://LOCALHOST:4200/": false, "https://localhost.:4200/": false, "https://a.LocalHost/": false,
		"https://127.0.0.1/": false, "https://127.1.2.3:1/": false, "https://[::1]/": false, "https://[::ffff:127.0.0.1]/": false,
		"https://0.0.0.0:4566/": false, "https://[::]/": false, "https://127.0.0.1./": false, "https://[::1%25lo]/": false,
		"https://:443/": false, "//idp.example": false, "ftp://idp.example/": false, "https://u@idp.example/": false, "https://idp.example/#f": false,
	} {
		if err := checkEndpoint("https://idp.example", address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	for address, want := range map[string]bool{
		"http://localhost:1/": true, "http://LOCALHOST:1/": true, "http://127.0.0.1:1/": true, "http://[::1]:1/": true, "https://idp.example/": true,
		"http://10.0.0.1/": false, "http://localhost.evil.example/": false,
	} {
		if err := checkEndpoint("http://localhost:9", address); (err == nil) != want {
			t.Errorf("for an issuer here %s: %v", address, err)
		}
	}
}
