package localca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	// caYears is how long the authority lasts. Trusting it is work for the user,
	// and its constraints do not weaken with time.
	caYears = 10
	// leafValidity is far below the 398 days that browsers accept of anybody
	// (CA/Browser Forum, Baseline Requirements 6.3.2) and the 825 of Apple's for
	// an authority that the user added (https://support.apple.com/103769).
	leafValidity = 30 * 24 * time.Hour
	// leafLeft is what a certificate that is shown has left at least.
	leafLeft = 10 * 24 * time.Hour
	// early is for clients whose clock is behind, as a virtual machine's may be.
	early = time.Hour
)

// dnsName is the one name that is always this machine (RFC 6761, section 6.3;
// what lies below it is too). The constraint permits both.
const dnsName = "localhost"

// loopbackRanges are the addresses of this machine alone: RFC 1122, section
// 3.2.1.3, and RFC 4291, section 2.5.3.
func loopbackRanges() []*net.IPNet {
	return []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
}

// authority makes a certificate authority: the certificate and the key.
func authority(now time.Time) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{"Doorwright"},
			// Told apart in lists by a few letters; nothing of the user is in it.
			CommonName: "Doorwright localhost CA " + rand.Text()[:6],
		},
		NotBefore: now.Add(-early), NotAfter: now.AddDate(caYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{dnsName},
		PermittedIPRanges:           loopbackRanges(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	return der, key, nil
}

// check refuses a certificate that is not an authority of ours: above all one
// without the constraints for which it may be trusted.
func check(c *x509.Certificate, key *ecdsa.PrivateKey, now time.Time) error {
	ranges := func(list []*net.IPNet) string { return fmt.Sprint(list) }
	switch {
	case !key.PublicKey.Equal(c.PublicKey):
		return errors.New("the certificate and the key do not belong together")
	case c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil:
		return errors.New("the certificate is not signed by the key")
	case !c.IsCA || !c.MaxPathLenZero || c.KeyUsage != x509.KeyUsageCertSign,
		!slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}):
		return errors.New("the certificate is not one of an authority that signs servers' certificates only")
	case !c.PermittedDNSDomainsCritical, !slices.Equal(c.PermittedDNSDomains, []string{dnsName}),
		ranges(c.PermittedIPRanges) != ranges(loopbackRanges()):
		return errors.New("the certificate is not constrained to localhost")
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate is good from %s on, and the clock shows %s", c.NotBefore.Format(time.DateTime), now.UTC().Format(time.DateTime))
	case now.Add(leafLeft).After(c.NotAfter):
		return fmt.Errorf("the certificate ends at %s", c.NotAfter.Format(time.DateTime))
	}
	return nil
}

// issue makes a certificate for localhost and the loopback addresses.
func (c *CA) issue(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: dnsName},
		DNSNames:    []string{dnsName},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   now.Add(-early), NotAfter: now.Add(leafValidity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(c.certificate.NotAfter) {
		template.NotAfter = c.certificate.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.certificate, key.Public(), c.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, nil
}

// Types of PEM blocks (RFC 7468, sections 5 and 10).
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// decode gives the one PEM block of a type that data is.
func decode(data []byte, blockType string) ([]byte, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != blockType || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("it is not one PEM block of type %s", blockType)
	}
	return block.Bytes, nil
}
