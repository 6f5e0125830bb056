// Package localca is a user's certificate authority for https on localhost. It
// owns a folder with one certificate and its key, and makes the certificates
// that listeners on loopback show.
//
// Whoever trusts it risks little: by critical name constraints (RFC 5280,
// section 4.2.1.10) what it signs is good for localhost and for loopback
// addresses only, and by its extended key usage for servers only. Nothing here
// has it trusted; that is the user's to do.
//
// It goes by the real clock, as those do who judge certificates.
package localca

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/userdata"
)

// Options are the settings of Open. The zero value is usable.
type Options struct {
	// Dir is the authority's folder; DefaultDir if empty.
	Dir string
	// Existing has Open make none: where there is no authority it fails with
	// fs.ErrNotExist.
	Existing bool
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// CA is a certificate authority.
type CA struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	made        bool
	now         func() time.Time
}

// DefaultDir is the folder of the user's authority on this machine.
func DefaultDir() (string, error) {
	dir, err := userdata.Dir("ca")
	if err != nil {
		return "", fmt.Errorf("finding the folder of the certificate authority: %w", err)
	}
	return dir, nil
}

// Open reads the authority, or makes it the first time. However many processes
// do so at once, there is one.
func Open(o Options) (*CA, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dir == "" {
		var err error
		if o.Dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the certificate authority: %w", err)
	}
	made := false
	if _, err := os.Lstat(dir); os.IsNotExist(err) && !o.Existing {
		if made, err = makeFolder(dir, o.Now()); err != nil {
			return nil, fmt.Errorf("making a certificate authority in %s: %w", dir, err)
		}
	}
	ca, err := read(dir, o.Now())
	if err != nil {
		return nil, fmt.Errorf("opening the certificate authority: %w", err)
	}
	ca.made, ca.now = made, o.Now
	return ca, nil
}

// File is the path of the certificate, in PEM.
func (c *CA) File() string { return filepath.Join(c.dir, certificateName) }

// PEM is the certificate.
func (c *CA) PEM() []byte { return encodeCertificate(c.certificate.Raw) }

// Name is the certificate's common name, as lists of authorities show it.
func (c *CA) Name() string { return c.certificate.Subject.CommonName }

// NotAfter is when the authority ends.
func (c *CA) NotAfter() time.Time { return c.certificate.NotAfter }

// Made says whether this Open made the authority: nobody can trust it yet.
func (c *CA) Made() bool { return c.made }

// Fingerprint is the SHA-256 of the certificate, as browsers and openssl show
// it.
func (c *CA) Fingerprint() string {
	sum := sha256.Sum256(c.certificate.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// ServerConfig is the TLS configuration of one origin on loopback. Its
// certificate is in memory only and is made anew in time.
func (c *CA) ServerConfig() *tls.Config {
	l := &leaf{ca: c}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.current() },
	}
}

// leaf is the certificate of an origin.
type leaf struct {
	ca *CA

	mu          sync.Mutex
	certificate *tls.Certificate // nil until it is asked for; guarded by mu
}

func (l *leaf) current() (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.ca.now()
	if l.certificate != nil && now.Before(l.certificate.Leaf.NotAfter.Add(-leafLeft)) && !now.Before(l.certificate.Leaf.NotBefore) {
		return l.certificate, nil
	}
	fresh, err := l.ca.issue(now)
	if err != nil {
		return nil, fmt.Errorf("making a certificate for localhost: %w", err)
	}
	l.certificate = fresh
	return fresh, nil
}

// Error is a problem with the folder that the user can mend.
type Error struct {
	// Path is the file or folder that it is about.
	Path string
	// Problem says what is wrong with it.
	Problem string
	// Fix says what to do.
	Fix string
	// Err is the cause, if there is one.
	Err error
}

// Error gives the problem and its cause. The fix is apart, in Hint.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s %s: %v", e.Path, e.Problem, e.Err)
	}
	return e.Path + " " + e.Problem
}

// Hint says what to do.
func (e *Error) Hint() string { return e.Fix }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
