package verify

import "crypto"

// An Algorithm is the name of a signature algorithm, spelled as in the "alg"
// header parameter.
//
// There is no constant for "none" and none for the HMAC family, and New refuses
// any name that is not below: a verifier that accepts them cannot be written.
type Algorithm string

// The algorithms that a Verifier can be told to accept.
const (
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 using SHA-256, RFC 7518 section 3.3
	RS384 Algorithm = "RS384" // RSASSA-PKCS1-v1_5 using SHA-384
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 using SHA-512
	PS256 Algorithm = "PS256" // RSASSA-PSS using SHA-256 and MGF1 with SHA-256, RFC 7518 section 3.5
	PS384 Algorithm = "PS384" // RSASSA-PSS using SHA-384 and MGF1 with SHA-384
	PS512 Algorithm = "PS512" // RSASSA-PSS using SHA-512 and MGF1 with SHA-512
	ES256 Algorithm = "ES256" // ECDSA using P-256 and SHA-256, RFC 7518 section 3.4
	ES384 Algorithm = "ES384" // ECDSA using P-384 and SHA-384
	ES512 Algorithm = "ES512" // ECDSA using P-521 and SHA-512
	EdDSA Algorithm = "EdDSA" // Ed25519 under its older, polymorphic name, RFC 8037 section 3.1

	// Ed25519 is the same signature under the fully specified name of RFC 9864.
	// The two names are two algorithms here: each is accepted only if it is
	// itself in Config.Algorithms.
	Ed25519 Algorithm = "Ed25519"
)

// family says which kind of key and which scheme an algorithm uses.
type family int

const (
	unknownFamily family = iota
	pkcs1v15
	pss
	ecdsaP
	eddsa
)

// scheme gives what an algorithm's name stands for. The hash of Ed25519 is
// zero: it hashes by itself.
func (a Algorithm) scheme() (family, crypto.Hash) {
	switch a {
	case RS256:
		return pkcs1v15, crypto.SHA256
	case RS384:
		return pkcs1v15, crypto.SHA384
	case RS512:
		return pkcs1v15, crypto.SHA512
	case PS256:
		return pss, crypto.SHA256
	case PS384:
		return pss, crypto.SHA384
	case PS512:
		return pss, crypto.SHA512
	case ES256:
		return ecdsaP, crypto.SHA256
	case ES384:
		return ecdsaP, crypto.SHA384
	case ES512:
		return ecdsaP, crypto.SHA512
	case EdDSA, Ed25519:
		return eddsa, 0
	}
	return unknownFamily, 0
}
