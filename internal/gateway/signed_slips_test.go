package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// What is usually signed in the place of what is sent is found out, and named.
func TestSignatureSlipsAreNamed(t *testing.T) {
	explanations := openBook(t, "signed-slips")
	root := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}
	target := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Path, r.URL.RawPath, r.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
		}
	}
	for _, row := range []struct {
		name string
		sent string // where the request goes in the end
		signing
	}{
		{"the path without its stage", "/dev/a", signing{target: "/a", change: target("/dev/a")}},
		{"the root without its stage", "/dev", signing{target: "/", change: target("/dev")}},
		{"a slash more", "/dev/a", signing{target: "/dev/a/", change: target("/dev/a")}},
		{"a slash less", "/dev/a/", signing{target: "/dev/a", change: target("/dev/a/")}},
		{"no query", "/dev/a?b=1&c=2", signing{target: "/dev/a", change: target("/dev/a?b=1&c=2")}},
		{"a parameter less", "/dev/a?b=1&c=2", signing{target: "/dev/a?b=1", change: target("/dev/a?b=1&c=2")}},
		{"a parameter added to a link", "/dev/a", signing{target: "/dev/a", presign: time.Minute, change: func(r *http.Request) { r.URL.RawQuery += "&admin=1" }}},
		{"another method", "/dev/a", signing{method: "GET", target: "/dev/a", change: func(r *http.Request) { r.Method = "POST" }}},
		{"another host", "/dev/a", signing{target: "/dev/a", change: func(r *http.Request) { r.Host = "localhost:" + r.URL.Port() }}},
		{"a host without its port", "/dev/a", signing{target: "/dev/a", header: http.Header{}, change: nil}},
		{"no body", "/dev/a", signing{method: "POST", target: "/dev/a", change: func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("{}"))), 2
		}}},
		{"another secret, and all the rest right", "/dev/a", signing{target: "/dev/a"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := withIAM(t, baseREST(), newAccount(t, now, 's'), "ANY /a", "ANY /")
			p := &plot{config: c, roles: roleStatements(), keys: root}
			s := row.signing
			s.keys = root
			switch row.name {
			case "another secret, and all the rest right":
				s.keys.SecretAccessKey += "x"
			case "a host without its port":
				s.change = func(r *http.Request) {
					host := r.URL.Host
					r.Host, _, _ = strings.Cut(host, ":")
					r.Header.Del("Authorization")
					sigv4.Signer{Service: "execute-api", Region: "us-east-1"}.Sign(r, nil, root, now)
					r.Host = host
				}
			}
			p.signing = &s
			p.mended = func() { s.target = row.sent; s.change = nil }
			p.explained(t, explanations, row.name)
		})
	}
}
