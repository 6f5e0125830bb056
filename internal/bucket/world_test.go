package bucket_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/store/storetest"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
)

const (
	accountID = "000000000000"
	region    = "eu-central-1"
	uploads   = "dev-notes-uploads-1a2b3c"
	plain     = "dev-notes-plain-1a2b3c" // a bucket without CORS rules
)

// world is a stage's buckets behind a server.
type world struct {
	t       testing.TB
	stage   *store.Stage
	account *iam.Account
	root    sigv4.Credentials
	server  *httptest.Server
	service *bucket.Service
	cfg     bucket.Config

	mu  sync.Mutex
	now time.Time
	log []bucket.Event
}

// newWorld starts the room. The policies are those of a role called "user".
func newWorld(t testing.TB, policies ...string) *world {
	t.Helper()
	w := &world{t: t, stage: storetest.Open(t, bucket.Migrations()...), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.root = sigv4.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: strings.Repeat("s", 40)}
	role := iam.RoleConfig{Name: "user"}
	for _, text := range policies {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		role.Policies = append(role.Policies, doc)
	}
	var err error
	w.account, err = iam.New(iam.Config{AccountID: accountID, Region: region, Root: w.root, Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Roles: []iam.RoleConfig{role}, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = bucket.Config{
		Region: region, AccountID: accountID, DB: w.stage.DB(), Dir: filepath.Join(w.stage.Dir(), "objects"), Account: w.account, Now: w.clock,
		Buckets: []bucket.BucketConfig{{Name: uploads, CORS: []bucket.CORSRule{
			{AllowedOrigins: []string{"https://*.example.com"}, AllowedMethods: []string{"PUT", "GET"}, AllowedHeaders: []string{"x-amz-*", "content-type"}, ExposedHeaders: []string{"ETag"}, MaxAgeSeconds: new(600)},
			{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}},
		}}, {Name: plain}},
		Log: func(e bucket.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.log = append(w.log, e)
		},
	}
	w.open()
	return w
}

// open opens the room, again after it was used: as a restart does.
func (w *world) open() {
	w.t.Helper()
	s, err := bucket.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.Open(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.service = s
	w.server = httptest.NewServer(s)
	w.server.Client().Transport.(*http.Transport).DisableCompression = true // bytes as they come
	w.t.Cleanup(w.server.Close)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// last gives what the room told of the last request.
func (w *world) last() bucket.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log[len(w.log)-1]
}

// user gives credentials of the role.
func (w *world) user() sigv4.Credentials {
	w.t.Helper()
	c, err := w.account.Assume(iam.AssumeRequest{Role: "user", Session: "alice"})
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Credentials
}

// request is what is sent; the zero values are left out.
type request struct {
	method, path string
	header       map[string]string
	body         string
	as           *sigv4.Credentials // nil: nobody signs
	host         string
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   string
}

// code gives the error code of a response, "" if it is none.
func (r response) code() string {
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	_ = xml.Unmarshal([]byte(r.body), &e)
	return e.Code
}

// element gives the text of the first element of a name.
func (r response) element(name string) string {
	_, rest, ok := strings.Cut(r.body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	if !ok {
		return ""
	}
	return text
}

// send sends a request and reads the response.
func (w *world) send(q request) response {
	w.t.Helper()
	return w.roundTrip(w.build(q))
}

func (w *world) roundTrip(r *http.Request) response {
	w.t.Helper()
	res, err := w.server.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response{res.StatusCode, res.Header, string(body)}
}

func (w *world) build(q request) *http.Request {
	w.t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), q.method, w.server.URL+q.path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	if q.host != "" {
		r.Host = q.host
	}
	if q.as != nil {
		sigv4.Signer{Service: "s3", Region: region, Path: sigv4.KeepPath, S3: true}.Sign(r, []byte(q.body), *q.as, w.clock())
	}
	return r
}

// do sends a request signed by the root.
func (w *world) do(method, path, body string, header ...string) response {
	w.t.Helper()
	h := map[string]string{}
	for pair := range slices.Chunk(header, 2) {
		h[pair[0]] = pair[1]
	}
	return w.send(request{method: method, path: path, body: body, header: h, as: &w.root})
}

func md5Of(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// sign signs a request as the root.
func (w *world) sign(r *http.Request, body string) {
	sigv4.Signer{Service: "s3", Region: region, S3: true}.Sign(r, []byte(body), w.root, w.clock())
}

// want holds a response against a status and, for an error, its code.
func want(t testing.TB, what string, r response, status int, code string) {
	t.Helper()
	if r.status != status || r.code() != code {
		t.Errorf("%s: %d %s, want %d %s\n%s", what, r.status, r.code(), status, code, r.body)
	}
}

// onDisk holds how many files there are against how many there should be.
func (w *world) onDisk(n int) {
	w.t.Helper()
	if got := len(w.files()); got != n {
		w.t.Errorf("%d files on disk, want %d", got, n)
	}
}

func (w *world) files() (names []string) {
	w.t.Helper()
	err := filepath.WalkDir(w.cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// rawPut sends the head of a PUT that says a length, and gives the answer.
func (w *world) rawPut(length int64) string {
	w.t.Helper()
	r := w.build(request{method: "PUT", path: "/" + uploads + "/raw", header: map[string]string{"Content-Length": strconv.FormatInt(length, 10)}})
	r.ContentLength = length
	r.Header.Set("X-Amz-Content-Sha256", sigv4.UnsignedPayload)
	sigv4.Signer{Service: "s3", Region: region, S3: true}.Sign(r, nil, w.root, w.clock())
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PUT /%s/raw HTTP/1.1\r\nHost: %s\r\n", uploads, r.URL.Host)
	r.Header.Write(conn)
	if r.Header.Get("Content-Length") == "" {
		fmt.Fprintf(conn, "Content-Length: %d\r\n", length)
	}
	fmt.Fprint(conn, "\r\nsome")
	if length < 5<<30 {
		conn.(*net.TCPConn).CloseWrite() // cut off
	}
	b, _ := io.ReadAll(conn)
	return string(b)
}
