package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
)

// A KeySet finds the public key that a token's header names.
//
// Key gives a *rsa.PublicKey, an *ecdsa.PublicKey or an ed25519.PublicKey; the
// Verifier checks that it fits h.Algorithm. An error should be an *Error, with
// UnknownKey if no key has that id; any other error becomes a KeysUnavailable.
// Key is called by many goroutines at once and must obey ctx. The header is that
// of a token not verified yet: nothing in it may be trusted, and h.KeyID must
// never become a part of a path, an address or a query.
//
// A KeySet may also have a method
//
//	Generation() uint64
//
// whose result changes whenever the keys do. It makes the tokens that the set
// verified cacheable: those of an earlier generation are dropped. Zero means
// that nothing may come from the cache just now. A set without that method is
// asked, and the signature checked, for each token.
type KeySet interface {
	Key(ctx context.Context, h Header) (crypto.PublicKey, error)
}

// generational is the optional half of a KeySet.
type generational interface{ Generation() uint64 }

// A StaticKeySet is a KeySet that never changes. It may be used by many
// goroutines at once.
type StaticKeySet struct {
	keys map[string]verificationKey
	// refused says why keys that are in the document may not be used.
	refused map[string]error
}

// A verificationKey is a public key and what it may be used for.
type verificationKey struct {
	public crypto.PublicKey
	// algorithm is the key's own "alg", or empty.
	algorithm Algorithm
}

// NewStaticKeySet gives the set of these keys by their ids. It refuses a key that
// no token could be verified with.
func NewStaticKeySet(keys map[string]crypto.PublicKey) (*StaticKeySet, error) {
	s := &StaticKeySet{keys: make(map[string]verificationKey, len(keys))}
	for id, key := range keys {
		if id == "" {
			return nil, errors.New("verify: a key has an empty id")
		}
		if err := checkPublicKey(key); err != nil {
			return nil, fmt.Errorf("verify: checking key %s: %w", quote(id), err)
		}
		s.keys[id] = verificationKey{public: key}
	}
	return s, nil
}

// checkPublicKey is checkKey without an algorithm in mind, and more thorough: it
// is for the moment when a key is loaded.
func checkPublicKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(key); err != nil {
			return err
		}
		if hasROCA(key.N) {
			return errors.New("RSA key can be factored (ROCA, CVE-2017-15361)")
		}
		return nil
	case *ecdsa.PublicKey:
		for _, alg := range [...]Algorithm{ES256, ES384, ES512} {
			if checkKey(key, alg) == nil {
				_, err := key.Bytes() // fails for a point that is not on the curve
				return err
			}
		}
		return fmt.Errorf("%s is not a curve that JWS uses", curveName(key))
	case ed25519.PublicKey:
		return checkKey(key, EdDSA)
	}
	return fmt.Errorf("%T is not *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey", key)
}

// Key implements KeySet.
func (s *StaticKeySet) Key(_ context.Context, h Header) (crypto.PublicKey, error) {
	key, e := s.find(h)
	if e != nil {
		return nil, e
	}
	return key, nil
}

// find finds a key and holds it to its own "alg".
func (s *StaticKeySet) find(h Header) (crypto.PublicKey, *Error) {
	key, ok := s.keys[h.KeyID]
	if !ok {
		return nil, &Error{Reason: UnknownKey, Claim: "kid", KeyID: h.KeyID, Err: s.refused[h.KeyID]}
	}
	if key.algorithm != "" && key.algorithm != h.Algorithm {
		return nil, &Error{
			Reason: KeyNotForAlgorithm, Claim: "alg", KeyID: h.KeyID,
			Got: []string{string(h.Algorithm)}, Want: []string{string(key.algorithm)},
			Detail: "it is for " + string(key.algorithm),
		}
	}
	return key.public, nil
}

// Generation is always the same.
func (s *StaticKeySet) Generation() uint64 { return 1 }

// KeyIDs lists the ids of the keys that may verify tokens, in order.
func (s *StaticKeySet) KeyIDs() []string {
	ids := make([]string, 0, len(s.keys))
	for id := range s.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// equal says whether two sets decide alike on every token.
func (s *StaticKeySet) equal(other *StaticKeySet) bool {
	if len(s.keys) != len(other.keys) {
		return false
	}
	for id, key := range s.keys {
		o, ok := other.keys[id]
		// All three kinds of key have an Equal method (see crypto.PublicKey).
		public, comparable := key.public.(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !comparable || o.algorithm != key.algorithm || !public.Equal(o.public) {
			return false
		}
	}
	return true
}
