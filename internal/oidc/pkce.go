package oidc

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Challenge is a PKCE code challenge of method S256 (RFC 7636); "" is none.
// The method plain does not protect against who reads the request, and is not
// known here.
type Challenge string

// ParseChallenge reads code_challenge and code_challenge_method. A challenge
// needs its method: without one RFC 7636 section 4.3 would make it plain.
func ParseChallenge(challenge, method string) (Challenge, error) {
	if challenge == "" && method == "" {
		return "", nil
	}
	if method != "S256" {
		return "", refuse(InvalidRequest, "code_challenge_method is not S256")
	}
	// The hash of a verifier is 43 characters (RFC 7636 section 4.2).
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(sum) != sha256.Size {
		return "", refuse(InvalidRequest, "code_challenge is not the base64url of a SHA-256")
	}
	return Challenge(challenge), nil
}

// Verify says whether a code verifier is the challenge's. Without a challenge
// only no verifier is right: a client that sends one asked with a challenge,
// and somebody took it out of its request (RFC 9700 section 2.1.1).
func (c Challenge) Verify(verifier string) bool {
	if c == "" {
		return verifier == ""
	}
	if !isVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(c), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) == 1
}

// isVerifier holds a code verifier to RFC 7636 section 4.1: 43 to 128
// unreserved characters.
func isVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// newVerifier gives a code verifier and its challenge, for a server elsewhere.
func newVerifier() (verifier, challenge string) {
	verifier = Random(48)
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}
