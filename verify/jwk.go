package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	// maxKeySetBytes bounds a JWK Set. It is API Gateway's quota (API Gateway
	// developer guide, limits).
	maxKeySetBytes = 150_000
	// maxKeys bounds the keys of a set. Issuers have two or three, the largest
	// ones some twenty.
	maxKeys = 128
)

// ParseKeySet reads a JSON Web Key Set (RFC 7517 section 5) of at most 150,000
// bytes and 128 keys.
//
// A key that may not verify is left out and does not spoil the others: a
// symmetric key ("oct"), one of an unknown type or curve, one for encryption
// ("use", "key_ops"), one without an id, an RSA key under 2048 bits. If two of
// the remaining keys have one id, neither is used: which of them signed would be
// a guess. Private members are not read. Whatever is not a JWK Set in strict
// JSON is an error.
func ParseKeySet(data []byte) (*StaticKeySet, error) {
	if len(data) > maxKeySetBytes {
		return nil, fmt.Errorf("verify: parsing JWK Set: it is %d bytes long, more than %d", len(data), maxKeySetBytes)
	}
	set, err := parseKeySet(data)
	if err != nil {
		return nil, fmt.Errorf("verify: parsing JWK Set: %w", err)
	}
	return set, nil
}

// parseKeySet is ParseKeySet for a text whose length its caller has bounded.
func parseKeySet(data []byte) (*StaticKeySet, error) {
	o, err := parseObject(string(data))
	if err != nil {
		return nil, fmt.Errorf("it %w", err)
	}
	member, _ := o.get("keys")
	list, ok := member.([]any)
	if !ok {
		return nil, errors.New(`it has no array "keys"`)
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("it has %d keys, more than %d", len(list), maxKeys)
	}
	set := &StaticKeySet{keys: map[string]verificationKey{}, refused: map[string]error{}}
	for i, item := range list {
		jwk, ok := item.(object)
		if !ok {
			return nil, fmt.Errorf("its key %d is not a JSON object", i)
		}
		set.add(jwk)
	}
	return set, nil
}

// errDuplicate is why neither of two keys with one id is used.
var errDuplicate = errors.New("several keys have this id")

// add takes a key into the set, or notes why it does not.
func (s *StaticKeySet) add(jwk object) {
	id, _ := jwk.get("kid")
	kid, _ := id.(string)
	if kid == "" || len(kid) > maxKeyID {
		return // no token can name it
	}
	key, err := parseKey(jwk)
	switch _, dup := s.keys[kid]; {
	case s.refused[kid] == errDuplicate:
	case err != nil && !dup:
		s.refused[kid] = fmt.Errorf("the key of this id is not usable: %w", err)
	case err != nil:
	case dup:
		delete(s.keys, kid)
		s.refused[kid] = errDuplicate
	default:
		s.keys[kid] = key
		delete(s.refused, kid)
	}
}

// parseKey reads one JSON Web Key (RFC 7517 section 4) that verifies signatures.
func parseKey(jwk object) (verificationKey, error) {
	if use, ok := jwk.get("use"); ok && use != "sig" {
		return verificationKey{}, errors.New(`its "use" is not "sig"`)
	}
	if ops, ok := jwk.get("key_ops"); ok {
		list, isArray := ops.([]any)
		if !isArray || !slices.Contains(list, any("verify")) {
			return verificationKey{}, errors.New(`its "key_ops" lack "verify"`)
		}
	}
	public, err := parsePublicKey(jwk)
	if err != nil {
		return verificationKey{}, err
	}
	if err := checkPublicKey(public); err != nil {
		return verificationKey{}, err
	}
	key := verificationKey{public: public}
	if alg, ok := jwk.get("alg"); ok {
		name, _ := alg.(string)
		key.algorithm = Algorithm(name)
		if err := checkKey(public, key.algorithm); err != nil {
			return verificationKey{}, fmt.Errorf(`its "alg" is %s: %w`, quote(name), err)
		}
	}
	return key, nil
}

func parsePublicKey(jwk object) (crypto.PublicKey, error) {
	kty, _ := jwk.get("kty")
	switch kty {
	case "RSA":
		return parseRSA(jwk)
	case "EC":
		return parseEC(jwk)
	case "OKP":
		return parseOKP(jwk)
	case "oct":
		return nil, errors.New("it is symmetric")
	}
	return nil, errors.New(`its "kty" is not RSA, EC or OKP`)
}

// parseRSA reads RFC 7518 section 6.3.1. A leading zero octet of the modulus is
// against that section and harmless, and some issuers have one: it is let pass.
func parseRSA(jwk object) (crypto.PublicKey, error) {
	n, err := octets(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := octets(jwk, "e")
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	// crypto/rsa wants an exponent of at most 31 bits.
	if exponent.BitLen() > 31 {
		return nil, fmt.Errorf("RSA exponent has %d bits, more than 31", exponent.BitLen())
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

// parseEC reads RFC 7518 section 6.2.1, where coordinates are as long as the
// curve's field, leading zeros included.
func parseEC(jwk object) (crypto.PublicKey, error) {
	crv, _ := jwk.get("crv")
	var curve elliptic.Curve
	switch crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, errors.New(`its "crv" is not P-256, P-384 or P-521`)
	}
	x, err := octets(jwk, "x")
	if err != nil {
		return nil, err
	}
	y, err := octets(jwk, "y")
	if err != nil {
		return nil, err
	}
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		return nil, fmt.Errorf("its coordinates are not %d bytes long", size)
	}
	// SEC 1 section 2.3.3: an uncompressed point is 4, x, y.
	point := slices.Concat([]byte{4}, x, y)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("reading its point: %w", err)
	}
	return key, nil
}

// parseOKP reads RFC 8037 section 2.
func parseOKP(jwk object) (crypto.PublicKey, error) {
	if crv, _ := jwk.get("crv"); crv != "Ed25519" {
		return nil, errors.New(`its "crv" is not Ed25519`)
	}
	x, err := octets(jwk, "x")
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("its x is not %d bytes long", ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x), nil
}

// octets reads a member of a key that is base64url text.
func octets(jwk object, name string) ([]byte, error) {
	value, _ := jwk.get(name)
	text, ok := value.(string)
	if !ok || text == "" {
		return nil, fmt.Errorf("it has no string %q", name)
	}
	decoded, ok := decodeString(text)
	if !ok {
		return nil, fmt.Errorf("its %q is not unpadded base64url", name)
	}
	return decoded, nil
}

// hasROCA recognises the moduli of a faulty library in smart cards and TPMs,
// whose private keys can be computed from them (CVE-2017-15361; Nemec and others,
// "The Return of Coppersmith's Attack", 2017). Their primes have the form
// k*M + (65537^a mod M) with M a product of small primes, so that modulo each of
// those the modulus is a power of 65537. Of sound moduli about one in 2^28 is
// like that for all primes up to 167.
func hasROCA(n *big.Int) bool {
	for _, p := range [...]int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
		73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		rest := new(big.Int).Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for power != rest {
			if power = power * 65537 % p; power == 1 {
				return false // round the whole group without meeting it
			}
		}
	}
	return true
}
