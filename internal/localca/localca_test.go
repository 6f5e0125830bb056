package localca_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/localca"
)

// open opens the authority in dir by a clock.
func open(t *testing.T, dir string, now time.Time) *localca.CA {
	t.Helper()
	ca, err := localca.Open(localca.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newDir(t *testing.T) string { return filepath.Join(t.TempDir(), "share", "doorwright", "ca") }

// shown gives the certificate that an origin shows.
func shown(t *testing.T, config *tls.Config) *x509.Certificate {
	t.Helper()
	c, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func roots(t *testing.T, ca *localca.CA) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca.PEM()) {
		t.Fatal("the authority's certificate is not PEM")
	}
	return pool
}

// TestOnlyLocalhost verifies chains as clients do: what the authority signs is
// good for this machine, and for nothing else even if it is signed.
func TestOnlyLocalhost(t *testing.T) {
	now := time.Now()
	ca := open(t, newDir(t), now)
	pool := roots(t, ca)
	leaf := shown(t, ca.ServerConfig())
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool, CurrentTime: now}); err != nil {
			t.Errorf("the certificate is not good for %s: %v", name, err)
		}
	}
	for _, name := range []string{"example.com", "127.0.0.2", "app.localhost"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool, CurrentTime: now}); err == nil {
			t.Errorf("the certificate is good for %s", name)
		}
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stolen := func(change func(*x509.Certificate)) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		change(template)
		der, err := ca.Sign(template, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good := stolen(func(c *x509.Certificate) { c.DNSNames = []string{"localhost"} })
	if _, err := good.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: pool}); err != nil {
		t.Fatalf("what the test signs is not good anyway: %v", err)
	}
	for what, c := range map[string]struct {
		name   string
		reason x509.InvalidReason
		change func(*x509.Certificate)
	}{
		"another name": {"example.com", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }},
		"a name beside localhost": {"localhost", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) {
			c.DNSNames = []string{"localhost", "example.com"}
		}},
		"every name":         {"example.com", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) { c.DNSNames = []string{"*.com"} }},
		"a name that begins": {"localhost.example.com", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) { c.DNSNames = []string{"localhost.example.com"} }},
		"an address":         {"192.0.2.1", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }},
		"an IPv6 address":    {"::2", x509.CANotAuthorizedForThisName, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("::2")} }},
	} {
		var invalid x509.CertificateInvalidError
		_, err := stolen(c.change).Verify(x509.VerifyOptions{DNSName: c.name, Roots: pool})
		if !errors.As(err, &invalid) || invalid.Reason != c.reason {
			t.Errorf("%s is answered %v", what, err)
		}
	}
	// Not for signing code or mail, and not for authorities below it.
	code := stolen(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} })
	if _, err := code.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}); err == nil {
		t.Error("a certificate that signs code is good")
	}
	below := stolen(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), DNSNames: []string{"localhost"},
	}, below, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	between := x509.NewCertPool()
	between.AddCert(below)
	if _, err := grandchild.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: pool, Intermediates: between}); err == nil {
		t.Error("an authority below ours is good")
	}
}

// TestConstraintsAreCritical reads what a client that does not know name
// constraints must refuse (RFC 5280, section 4.2.1.10).
func TestConstraintsAreCritical(t *testing.T) {
	now := time.Now()
	ca := open(t, newDir(t), now)
	block, _ := pem.Decode(ca.PEM())
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	critical := map[string]bool{}
	for _, e := range c.Extensions {
		critical[e.Id.String()] = e.Critical
	}
	if !critical["2.5.29.30"] || !critical["2.5.29.19"] { // nameConstraints, basicConstraints
		t.Errorf("the critical extensions are %v", critical)
	}
	if !c.MaxPathLenZero || c.NotAfter.Before(now.AddDate(9, 11, 0)) || c.NotAfter.After(now.AddDate(10, 0, 1)) {
		t.Errorf("path length 0: %t, until %s", c.MaxPathLenZero, c.NotAfter)
	}
	sum := sha256.Sum256(c.Raw)
	if got := strings.ToLower(strings.ReplaceAll(ca.Fingerprint(), ":", "")); got != fmt.Sprintf("%x", sum) {
		t.Errorf("the fingerprint is %s; the SHA-256 is %x", ca.Fingerprint(), sum)
	}
}

// TestCertificatesAreRenewed puts the clock forward: what is shown is good at
// any time, for no longer than browsers take, and not after the authority.
func TestCertificatesAreRenewed(t *testing.T) {
	now := time.Now()
	dir := newDir(t)
	ca, err := localca.Open(localca.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	pool, config := roots(t, ca), ca.ServerConfig()
	seen := map[string]bool{}
	for day := range 400 {
		leaf := shown(t, config)
		seen[leaf.SerialNumber.String()] = true
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: pool, CurrentTime: now.Add(24 * time.Hour)}); err != nil {
			t.Fatalf("on day %d the certificate shown is not good for a day: %v", day, err)
		}
		if lasts := leaf.NotAfter.Sub(leaf.NotBefore); lasts > 397*24*time.Hour {
			t.Fatalf("a certificate lasts %s", lasts)
		}
		now = now.Add(24 * time.Hour)
	}
	if len(seen) < 400/30 || len(seen) > 400/10 {
		t.Errorf("in 400 days %d certificates were made", len(seen))
	}
	now = ca.NotAfter().Add(-11 * 24 * time.Hour)
	if leaf := shown(t, config); leaf.NotAfter.After(ca.NotAfter()) {
		t.Errorf("a certificate ends %s, its authority %s", leaf.NotAfter, ca.NotAfter())
	}
	now = ca.NotAfter()
	wantProblem(t, dir, now, "cannot be used")
	wantProblem(t, dir, now.AddDate(-20, 0, 0), "cannot be used")
}

// TestAuthorityIsPrivate looks at the modes of what is made, and has them changed: a key
// that others may have read is not used.
func TestAuthorityIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits")
	}
	dir := newDir(t)
	ca := open(t, dir, time.Now())
	key := filepath.Join(dir, "doorwright-ca-key.pem")
	for path, want := range map[string]os.FileMode{filepath.Dir(dir): 0o700, dir: 0o700, key: 0o600, ca.File(): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o; want %04o", path, info.Mode().Perm(), want)
		}
	}
	for _, c := range []struct {
		path     string
		mode, ok os.FileMode
	}{{key, 0o640, 0o600}, {key, 0o604, 0o600}, {key, 0o620, 0o600}, {dir, 0o750, 0o700}, {dir, 0o777, 0o700}} {
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		wantProblem(t, dir, time.Now(), fmt.Sprintf("has mode %04o", c.mode))
		if err := os.Chmod(c.path, c.ok); err != nil {
			t.Fatal(err)
		}
	}
	if again := open(t, dir, time.Now()); again.Fingerprint() != ca.Fingerprint() || again.Made() || !ca.Made() {
		t.Error("opening it again gives another authority")
	}
}

// wantProblem wants Open to fail with a problem that says how to mend it.
func wantProblem(t *testing.T, dir string, now time.Time, problem string) {
	t.Helper()
	ca, err := localca.Open(localca.Options{Dir: dir, Now: func() time.Time { return now }})
	var known *localca.Error
	if !errors.As(err, &known) || known.Problem != problem && !strings.HasPrefix(known.Problem, problem) || known.Hint() == "" || ca != nil {
		t.Errorf("Open gives %v, %v; want %q with a fix", ca, err, problem)
	}
	if err != nil && strings.Contains(err.Error(), "-----") {
		t.Errorf("the error quotes the key: %v", err)
	}
}

// TestForeignAuthorities puts other certificates and damaged files in the
// place of ours.
func TestForeignAuthorities(t *testing.T) {
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	self := func(change func(*x509.Certificate)) []byte {
		_, four, _ := net.ParseCIDR("127.0.0.0/8")
		_, six, _ := net.ParseCIDR("::1/128")
		c := &x509.Certificate{
			NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
			PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"}, PermittedIPRanges: []*net.IPNet{four, six},
		}
		change(c)
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	with := func(certificate, key []byte) string {
		dir := newDir(t)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"doorwright-ca.pem": certificate, "doorwright-ca-key.pem": key} {
			if data == nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	good := self(func(*x509.Certificate) {})
	open(t, with(good, keyPEM), now) // so that it is the change that is refused
	for what, change := range map[string]func(*x509.Certificate){
		"unconstrained":     func(c *x509.Certificate) { c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil },
		"for any address":   func(c *x509.Certificate) { c.PermittedIPRanges = nil },
		"for another name":  func(c *x509.Certificate) { c.PermittedDNSDomains = append(c.PermittedDNSDomains, "example.com") },
		"not critically":    func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = false },
		"for any purpose":   func(c *x509.Certificate) { c.ExtKeyUsage = nil },
		"with others below": func(c *x509.Certificate) { c.MaxPathLenZero = false },
		"no authority":      func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = false, false },
	} {
		t.Run(what, func(t *testing.T) { wantProblem(t, with(self(change), keyPEM), now, "cannot be used") })
	}
	ours := open(t, newDir(t), now)
	wantProblem(t, with(ours.PEM(), keyPEM), now, "cannot be used")
	wantProblem(t, with(nil, keyPEM), now, "cannot be read")
	wantProblem(t, with(good, nil), now, "cannot be read")
	wantProblem(t, with(good[:len(good)/2], keyPEM), now, "is damaged")
	wantProblem(t, with(good, keyPEM[:len(keyPEM)/2]), now, "is damaged")
	wantProblem(t, with(append(good, good...), keyPEM), now, "is damaged")
	wantProblem(t, with(good, good), now, "is damaged")
	wantProblem(t, with([]byte(strings.Repeat("x", 1<<20)), keyPEM), now, "is damaged")

	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(ours.File()), link); err != nil {
		t.Skip(err) // Windows asks for a privilege
	}
	wantProblem(t, link, now, "is not a folder")
	dir := with(good, nil)
	if err := os.Symlink(filepath.Join(filepath.Dir(ours.File()), "doorwright-ca-key.pem"), filepath.Join(dir, "doorwright-ca-key.pem")); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, dir, now, "is not a regular file")
}

// racer names the variable by which the test's program is told to open an
// authority instead of testing.
const racer = "DOORWRIGHT_TEST_RACER"

func TestMain(m *testing.M) {
	dir, ok := os.LookupEnv(racer)
	if !ok {
		os.Exit(m.Run())
	}
	// All begin when their standard input ends.
	var b [1]byte
	os.Stdin.Read(b[:])
	ca, err := localca.Open(localca.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(ca.Fingerprint(), " ", ca.Made())
}

// TestOneAuthority has processes make the authority at once.
func TestOneAuthority(t *testing.T) {
	const processes = 12
	for range 3 {
		dir := newDir(t)
		gate, open, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		type result struct {
			out string
			err error
		}
		results := make(chan result, processes)
		var started sync.WaitGroup
		for range processes {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), racer+"="+dir)
			c.Stdin = gate
			var out strings.Builder
			c.Stdout, c.Stderr = &out, &out
			started.Add(1)
			go func() {
				err := c.Start()
				started.Done()
				if err == nil {
					err = c.Wait()
				}
				results <- result{out.String(), err}
			}()
		}
		started.Wait()
		gate.Close()
		open.Close()
		fingerprints, made := map[string]bool{}, 0
		for range processes {
			r := <-results
			if r.err != nil {
				t.Fatalf("%v: %s", r.err, r.out)
			}
			fingerprint, by, _ := strings.Cut(r.out, " ")
			fingerprints[fingerprint] = true
			if by == "true" {
				made++
			}
		}
		if len(fingerprints) != 1 || made != 1 {
			t.Errorf("%d processes have %d authorities, of which %d were made", processes, len(fingerprints), made)
		}
		left, err := os.ReadDir(filepath.Dir(dir))
		if err != nil || len(left) != 1 {
			t.Errorf("beside the authority there are %v (%v)", left, err)
		}
	}
}

// TestHandshake serves an origin and asks it with clients that trust the
// authority, and with one that does not.
func TestHandshake(t *testing.T) {
	ca := open(t, newDir(t), time.Now())
	ln, err := tls.Listen("tcp", "127.0.0.1:0", ca.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go srv.Serve(ln) // ends with Close
	defer srv.Close()
	url := fmt.Sprintf("https://localhost:%d/", ln.Addr().(*net.TCPAddr).Port)
	get := func(config *tls.Config) error {
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := get(&tls.Config{RootCAs: roots(t, ca)}); err != nil {
		t.Error(err)
	}
	var unknown x509.UnknownAuthorityError
	if err := get(nil); !errors.As(err, &unknown) {
		t.Errorf("a client that was not told of the authority ends with %v", err)
	}
	if err := get(&tls.Config{RootCAs: roots(t, ca), MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("curl is required and is not on the PATH")
		}
		t.Skip("curl is not on the PATH")
	}
	out, err := exec.Command(curl, "-sS", "--cacert", ca.File(), url).CombinedOutput()
	if err != nil || string(out) != "hello" {
		t.Errorf("curl --cacert: %v: %s", err, out)
	}
	if out, err := exec.Command(curl, "-sS", url).CombinedOutput(); err == nil {
		t.Errorf("curl trusts the authority without being told: %s", out)
	}
}
