package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// vectorsFolder holds the header half of AWS's test suite for Signature Version
// 4 (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4).
const vectorsFolder = "../../shared/vectors/sigv4"

// vector is one case of the suite.
type vector struct {
	name    string
	context struct {
		Credentials struct {
			AccessKeyID     string `json:"access_key_id"`
			SecretAccessKey string `json:"secret_access_key"`
			Token           string `json:"token"`
		} `json:"credentials"`
		Normalize        bool      `json:"normalize"`
		Region           string    `json:"region"`
		Service          string    `json:"service"`
		SignBody         bool      `json:"sign_body"`
		Timestamp        time.Time `json:"timestamp"`
		OmitSessionToken bool      `json:"omit_session_token"`
	}
	request, signedRequest                    string
	canonicalRequest, stringToSign, signature string
}

func vectors(t *testing.T) []vector {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(vectorsFolder, "*", "context.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Skipf("AWS's test suite is not at %s", vectorsFolder)
	}
	var all []vector
	for _, f := range folders {
		dir := filepath.Dir(f)
		read := func(name string) string {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		v := vector{
			name:             filepath.Base(dir),
			request:          read("request.txt"),
			signedRequest:    read("header-signed-request.txt"),
			canonicalRequest: read("header-canonical-request.txt"),
			stringToSign:     read("header-string-to-sign.txt"),
			signature:        read("header-signature.txt"),
		}
		if err := json.Unmarshal([]byte(read("context.json")), &v.context); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) != 38 {
		t.Errorf("the suite has %d cases, want 38", len(all))
	}
	return all
}

// parseRequest reads a request as the suite writes it: also with a space or
// raw UTF-8 in its target, which Go's server does not take.
func parseRequest(t *testing.T, text string) (*http.Request, []byte) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	uri := strings.TrimSuffix(rest, " HTTP/1.1")
	r := &http.Request{Method: method, RequestURI: uri, URL: &url.URL{Path: "/"}, Header: http.Header{}}
	for i := 1; i < len(lines); i++ {
		line := lines[i]
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
			i++
			line += "\n" + lines[i]
		}
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "host":
			r.Host = value
		case "content-length":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = n
		default:
			r.Header.Add(name, value)
		}
	}
	return r, []byte(body)
}

func (v vector) rule() sigv4.PathRule {
	if v.context.Normalize {
		return sigv4.NormalizePath
	}
	return sigv4.KeepPath
}

func (v vector) verifier(secret string) *sigv4.Verifier {
	return &sigv4.Verifier{
		Service: v.context.Service,
		Region:  v.context.Region,
		Now:     func() time.Time { return v.context.Timestamp },
		Path:    v.rule(),
		Lookup: func(_ context.Context, id, token string) (string, error) {
			c := v.context.Credentials
			if id != c.AccessKeyID || token != c.Token {
				return "", sigv4.ErrUnknownKey
			}
			return secret, nil
		},
	}
}

// refused checks that a request was refused for the reason, with nothing else
// given away.
func refused(t *testing.T, id sigv4.Identity, err error, want ...sigv4.Reason) *sigv4.Error {
	t.Helper()
	var e *sigv4.Error
	if !errors.As(err, &e) || !reflect.DeepEqual(id, sigv4.Identity{}) {
		t.Fatalf("got %+v, %v; want no identity and an *Error", id, err)
	}
	for _, reason := range want {
		if e.Reason == reason {
			return e
		}
	}
	if len(want) > 0 {
		t.Errorf("refused for %q (%v), want %q", e.Reason, err, want)
	}
	return e
}

// tokenUnsigned is the case whose session token is added after signing. We
// require all x-amz-* headers to be signed.
const tokenUnsigned = "post-sts-header-after"

func TestVectorsVerify(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			r, body := parseRequest(t, v.signedRequest)
			id, err := v.verifier(v.context.Credentials.SecretAccessKey).Verify(r, body)
			if v.name == tokenUnsigned {
				refused(t, id, err, sigv4.UnsignedHeader)
				r.Header.Del("X-Amz-Security-Token")
				v.context.Credentials.Token = ""
				id, err = v.verifier(v.context.Credentials.SecretAccessKey).Verify(r, body)
			}
			if err != nil {
				t.Fatal(err)
			}
			if id.AccessKeyID != "AKIDEXAMPLE" || id.SessionToken != v.context.Credentials.Token || !id.SignedAt.Equal(v.context.Timestamp) ||
				id.Scope.String() != "20150830/us-east-1/service/aws4_request" {
				t.Errorf("Verify = %+v", id)
			}

			// With another secret nothing matches, and the intermediate strings show.
			id, err = v.verifier("another").Verify(r, body)
			e := refused(t, id, err, sigv4.SignatureMismatch)
			if e.CanonicalRequest != v.canonicalRequest {
				t.Errorf("canonical request:\n%s\nwant:\n%s", e.CanonicalRequest, v.canonicalRequest)
			}
			if e.StringToSign != v.stringToSign {
				t.Errorf("string to sign:\n%s\nwant:\n%s", e.StringToSign, v.stringToSign)
			}
		})
	}
}

func TestVectorsSign(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			r, body := parseRequest(t, v.request)
			c := sigv4.Credentials{
				AccessKeyID:     v.context.Credentials.AccessKeyID,
				SecretAccessKey: v.context.Credentials.SecretAccessKey,
				SessionToken:    v.context.Credentials.Token,
			}
			if v.context.OmitSessionToken {
				c.SessionToken = ""
			}
			signer := sigv4.Signer{Service: v.context.Service, Region: v.context.Region, Path: v.rule(), ContentHash: v.context.SignBody}
			signer.Sign(r, body, c, v.context.Timestamp)
			if v.context.OmitSessionToken {
				r.Header.Set("X-Amz-Security-Token", v.context.Credentials.Token)
			}
			want, _ := parseRequest(t, v.signedRequest)
			if !reflect.DeepEqual(r.Header, want.Header) {
				t.Errorf("signed headers:\n%v\nwant:\n%v", r.Header, want.Header)
			}
			if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+v.signature) {
				t.Errorf("Authorization: %s, want signature %s", got, v.signature)
			}
		})
	}
}

// The same requests as Go's server reads them, which folds lines and keeps Host
// and Content-Length elsewhere.
func TestVectorsThroughGosParser(t *testing.T) {
	parsed := 0
	for _, v := range vectors(t) {
		if v.name == tokenUnsigned {
			continue
		}
		head, body, _ := strings.Cut(v.signedRequest, "\n\n")
		wire := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			if !strings.Contains(v.name, "space") {
				t.Errorf("%s: %v", v.name, err)
			}
			continue // Go refuses a space in the request target.
		}
		parsed++
		if _, err := v.verifier(v.context.Credentials.SecretAccessKey).Verify(r, []byte(body)); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
	}
	if parsed != 35 {
		t.Errorf("Go parsed %d requests, want 35", parsed)
	}
}

// Each signed request with one byte changed is refused, wherever it is.
func TestMutationsAreRefused(t *testing.T) {
	tried := 0
	for _, v := range vectors(t) {
		if v.name == tokenUnsigned {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			verifier := v.verifier(v.context.Credentials.SecretAccessKey)
			try := func(what, before, after string, change func(r *http.Request, body *[]byte)) {
				t.Helper()
				r, body := parseRequest(t, v.signedRequest)
				change(r, &body)
				tried++
				if id, err := verifier.Verify(r, body); err == nil || !reflect.DeepEqual(id, sigv4.Identity{}) {
					t.Errorf("%s: %q instead of %q is accepted: %+v, %v", what, after, before, id, err)
				}
			}
			r, body := parseRequest(t, v.signedRequest)
			for _, m := range mutations(r.Method) {
				try("method", r.Method, m, func(r *http.Request, _ *[]byte) { r.Method = m })
			}
			for _, m := range mutations(r.RequestURI) {
				if !strings.HasPrefix(m, "/") || sameTarget(m, r.RequestURI, v.context.Normalize) {
					continue // Not a target; or one that means the same.
				}
				try("target", r.RequestURI, m, func(r *http.Request, _ *[]byte) { r.RequestURI = m })
			}
			for _, m := range mutations(r.Host) {
				try("host", r.Host, m, func(r *http.Request, _ *[]byte) { r.Host = m })
			}
			if r.ContentLength > 0 {
				try("content-length", "", "", func(r *http.Request, _ *[]byte) { r.ContentLength++ })
			}
			for name, values := range r.Header {
				for i := range values {
					for _, m := range mutations(values[i]) {
						if strings.Join(strings.Fields(m), " ") == strings.Join(strings.Fields(values[i]), " ") {
							continue
						}
						if name == "Authorization" && strings.Join(strings.FieldsFunc(m, separates), " ") == strings.Join(strings.FieldsFunc(values[i], separates), " ") {
							continue
						}
						try(name, values[i], m, func(r *http.Request, _ *[]byte) { r.Header[name][i] = m })
					}
				}
				try(name+" left out", "", "", func(r *http.Request, _ *[]byte) { r.Header.Del(name) })
				try(name+" twice", "", "", func(r *http.Request, _ *[]byte) { r.Header.Add(name, values[0]) })
			}
			for _, m := range append(mutations(string(body)), string(body)+"x") {
				try("body", string(body), m, func(_ *http.Request, b *[]byte) { *b = []byte(m) })
			}
			try("an x-amz header added", "", "", func(r *http.Request, _ *[]byte) { r.Header.Set("X-Amz-Target", "Admin") })
		})
	}
	t.Logf("%d mutations tried", tried)
}

// separates says whether a character only separates the parts of an
// Authorization header.
func separates(r rune) bool { return r == ' ' || r == ',' }

// sameTarget says by the standard library's rules whether two targets mean the
// same: they differ in the case of an escape, or in segments that normalisation
// removes.
func sameTarget(a, b string, normalize bool) bool {
	parse := func(target string) (string, url.Values) {
		p, query, _ := strings.Cut(target, "?")
		if normalize {
			slash := strings.HasSuffix(p, "/")
			if p = path.Clean(p); slash && p != "/" {
				p += "/"
			}
		} else if decoded, err := url.PathUnescape(p); err == nil {
			p = decoded // The path of S3 is encoded once, however it is spelled.
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			values = url.Values{"": {query}}
		}
		return p, values
	}
	pathA, queryA := parse(a)
	pathB, queryB := parse(b)
	return pathA == pathB && reflect.DeepEqual(queryA, queryB)
}

// mutations gives s with each byte changed: to another letter or digit, and to
// the other case.
func mutations(s string) []string {
	var all []string
	for i := range len(s) {
		for _, c := range []byte{'x', '1', s[i] ^ 0x20} {
			if c != s[i] {
				b := bytes.Clone([]byte(s))
				b[i] = c
				all = append(all, string(b))
			}
		}
	}
	return all
}
