package doorwright

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/localca"
)

// Authority is the certificate authority of this user on this machine, which
// signs the certificates of origins on localhost that are served by https, and
// can sign for nothing else. Nobody trusts it until the user has them do so.
type Authority struct {
	// Name is its common name, as lists of authorities show it.
	Name string
	// File is the path of its certificate, in PEM.
	File string
	// PEM is the certificate.
	PEM []byte
	// SHA256 is the certificate's fingerprint, as browsers show it.
	SHA256 string
	// NotAfter is when it ends.
	NotAfter time.Time
	// Made says that it was made by this call.
	Made bool
}

// OpenAuthority reads the authority in dir, or makes it the first time. If dir
// is empty it is the folder of the user's authority on this machine.
func OpenAuthority(dir string) (Authority, error) {
	ca, err := localca.Open(localca.Options{Dir: dir})
	if err != nil {
		return Authority{}, err
	}
	return authorityOf(ca), nil
}

func authorityOf(ca *localca.CA) Authority {
	return Authority{
		Name: ca.Name(), File: ca.File(), PEM: ca.PEM(), SHA256: ca.Fingerprint(), NotAfter: ca.NotAfter(), Made: ca.Made(),
	}
}

// Authority gives the authority of the app's origins that are served by https;
// false if there are none. It may be called after Listen.
func (a *App) Authority() (Authority, bool) {
	a.authority.mu.Lock()
	defer a.authority.mu.Unlock()
	if a.authority.ca == nil {
		return Authority{}, false
	}
	return authorityOf(a.authority.ca), true
}

// authority is the authority of an app's origins.
type authority struct {
	mu sync.Mutex
	ca *localca.CA // nil without an origin that is served by https; guarded by mu
}

// secure has an origin serve https, with certificates of the authority. It is
// opened, and made the first time, for the first origin.
func (a *App) secure(l *loopback) error {
	a.authority.mu.Lock()
	defer a.authority.mu.Unlock()
	if a.authority.ca == nil {
		ca, err := localca.Open(localca.Options{Dir: a.cfg.AuthorityDir})
		if err != nil {
			return fmt.Errorf("serving %s by https: %w", l.name, err)
		}
		if ca.Made() {
			a.observe(Event{Kind: KindProgress, Text: "a certificate authority for https on localhost was made, which no program trusts yet: see `doorwright trust`"})
		}
		a.authority.ca = ca
	}
	l.tls = a.authority.ca.ServerConfig()
	return nil
}

// issuerClient gives the client that fetches an issuer's keys; nil for the usual
// one. An issuer that is served by https on this machine is another stage's, whose
// certificate is of the user's authority.
func (a *App) issuerClient(issuer string) (*http.Client, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Hostname() != "localhost" {
		return nil, nil
	}
	ca, err := localca.Open(localca.Options{Dir: a.cfg.AuthorityDir, Existing: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("trusting the issuer %s: %w", issuer, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without one
	}
	roots.AppendCertsFromPEM(ca.PEM())
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}, nil
}

// The file of a stage's folder with the authorities that its functions trust.
const authoritiesFile = "authorities.pem"

// systemAuthorities are where systems keep the authorities that all programs
// trust, as crypto/x509 looks for them.
var systemAuthorities = [...]string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// functionVariables are what the stage gives to each function: where AWS is, and
// what has it trust the stage's origins that are served by https. Node adds a file to the
// authorities that it has. For OpenSSL, Python's requests and, on Linux, Go a file
// takes the place of those, so it holds the system's too: a function calls other
// servers as well.
func (a *App) functionVariables() (map[string]string, error) {
	variables := a.endpoints()
	ca, ok := a.Authority()
	if !ok {
		return variables, nil
	}
	var bundle []byte
	for _, file := range systemAuthorities {
		if b, err := os.ReadFile(file); err == nil {
			bundle = append(b, '\n')
			break
		}
	}
	if err := a.state.WriteFile(authoritiesFile, append(bundle, ca.PEM...)); err != nil {
		return nil, fmt.Errorf("writing the authorities that functions trust: %w", err)
	}
	path, err := filepath.Abs(filepath.Join(a.state.Dir(), authoritiesFile))
	if err != nil {
		return nil, err
	}
	variables["NODE_EXTRA_CA_CERTS"], variables["SSL_CERT_FILE"] = ca.File, path
	if bundle != nil { // else it would take certifi's authorities away
		variables["REQUESTS_CA_BUNDLE"] = path
	}
	return variables, nil
}

// handshake reads a line of net/http's log: whether it is about a TLS
// handshake that failed, and whether that is because the client does not trust
// our certificate. Browsers give up handshakes for many other reasons, of which
// there is nothing to tell.
func handshake(line string) (failed, distrust bool) {
	rest, failed := strings.CutPrefix(line, "http: TLS handshake error from ")
	if !failed {
		return false, false
	}
	// The alerts of RFC 8446, section 6.2, in the words of crypto/tls.
	for _, alert := range []tls.AlertError{42, 46, 48} { // bad_certificate, certificate_unknown, unknown_ca
		if strings.HasSuffix(rest, ": remote error: "+alert.Error()) {
			return true, true
		}
	}
	// Clients with OpenSSL send the alert of TLS 1.3 before they encrypt, which
	// fails as a record: bad_record_mac. On loopback nothing else damages one.
	return true, strings.HasSuffix(rest, ": local error: "+tls.AlertError(20).Error())
}
