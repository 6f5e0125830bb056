package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
)

// The bounds of an RSA key. RFC 7518 sections 3.3 and 3.5 ask for 2048 bits at
// least; 8192 is where crypto/tls stops, since a verification's cost grows with
// the square of the length.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// errMismatch is what checkKey's errors for a key of another kind wrap.
var errMismatch = errors.New("key is of another kind")

// checkKey says why a key may not verify with an algorithm.
func checkKey(key crypto.PublicKey, alg Algorithm) error {
	kind, _ := alg.scheme()
	switch key := key.(type) {
	case *rsa.PublicKey:
		if kind != pkcs1v15 && kind != pss {
			return fmt.Errorf("%w: RSA", errMismatch)
		}
		return checkRSA(key)
	case *ecdsa.PublicKey:
		if kind != ecdsaP || key == nil || key.Curve != alg.curve() {
			return fmt.Errorf("%w: ECDSA with %s", errMismatch, curveName(key))
		}
		return nil
	case ed25519.PublicKey:
		if kind != eddsa {
			return fmt.Errorf("%w: Ed25519", errMismatch)
		}
		if len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("Ed25519 key has %d bytes, not %d", len(key), ed25519.PublicKeySize)
		}
		return nil
	}
	return fmt.Errorf("%w: %T", errMismatch, key)
}

// checkRSA refuses keys that are too short to be safe or too long to be cheap.
// It is called for every token and has to be cheap itself.
func checkRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return errors.New("RSA key is empty")
	}
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA modulus has %d bits, not %d to %d", bits, minRSABits, maxRSABits)
	}
	// FIPS 186-5 section A.1.1: odd, and more than 2^16. An exponent of 1 would
	// make every message its own signature.
	if key.E <= 1<<16 || key.E&1 == 0 {
		return fmt.Errorf("RSA exponent is %d, not an odd number above 65536", key.E)
	}
	return nil
}

// curve gives the curve that ECDSA algorithms are tied to (RFC 7518 section 3.4).
func (a Algorithm) curve() elliptic.Curve {
	switch a {
	case ES256:
		return elliptic.P256()
	case ES384:
		return elliptic.P384()
	case ES512:
		return elliptic.P521()
	}
	return nil
}

func curveName(key *ecdsa.PublicKey) string {
	if key == nil || key.Curve == nil {
		return "no curve"
	}
	return key.Curve.Params().Name
}

// verifySignature says whether signature is that of input. The key must have
// passed checkKey for this algorithm.
func verifySignature(alg Algorithm, key crypto.PublicKey, input, signature []byte) bool {
	kind, hash := alg.scheme()
	switch kind {
	case pkcs1v15:
		key, ok := key.(*rsa.PublicKey)
		if !ok {
			return false
		}
		var sum [sha512.Size]byte
		return rsa.VerifyPKCS1v15(key, hash, digest(hash, input, &sum), signature) == nil
	case pss:
		key, ok := key.(*rsa.PublicKey)
		if !ok {
			return false
		}
		var sum [sha512.Size]byte
		// RFC 7518 section 3.5: the salt is as long as the hash.
		return rsa.VerifyPSS(key, hash, digest(hash, input, &sum), signature,
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case ecdsaP:
		key, ok := key.(*ecdsa.PublicKey)
		if !ok {
			return false
		}
		// RFC 7518 section 3.4: r and s, each as long as the curve's order, and
		// not the ASN.1 of X.509. 521 bits are 66 bytes.
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		r := new(big.Int).SetBytes(signature[:size])
		s := new(big.Int).SetBytes(signature[size:])
		var sum [sha512.Size]byte
		return ecdsa.Verify(key, digest(hash, input, &sum), r, s)
	case eddsa:
		key, ok := key.(ed25519.PublicKey)
		return ok && ed25519.Verify(key, input, signature)
	}
	return false
}

// digest hashes into sum, and allocates nothing for SHA-256.
func digest(hash crypto.Hash, input []byte, sum *[sha512.Size]byte) []byte {
	switch hash {
	case crypto.SHA256:
		s := sha256.Sum256(input)
		return sum[:copy(sum[:], s[:])]
	case crypto.SHA384:
		s := sha512.Sum384(input)
		return sum[:copy(sum[:], s[:])]
	default:
		s := sha512.Sum512(input)
		return sum[:copy(sum[:], s[:])]
	}
}
