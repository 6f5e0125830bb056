package verifytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"

	"github.com/doorwright/doorwright/verify"
)

// Encode encodes a segment of a token: base64url without padding.
func Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// generate makes a private key for an algorithm.
func generate(alg verify.Algorithm) crypto.Signer {
	var private crypto.Signer
	var err error
	switch alg {
	case verify.RS256, verify.RS384, verify.RS512, verify.PS256, verify.PS384, verify.PS512:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case verify.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case verify.ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case verify.ES512:
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case verify.EdDSA, verify.Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic(fmt.Sprintf("verifytest: no algorithm %q", alg))
	}
	if err != nil {
		panic(fmt.Sprintf("verifytest: generating a key: %v", err))
	}
	return private
}

// Sign signs as RFC 7518 section 3 says. It panics if the key is not one for the
// algorithm.
func Sign(alg verify.Algorithm, private crypto.Signer, input []byte) []byte {
	hash := map[verify.Algorithm]crypto.Hash{
		verify.RS256: crypto.SHA256, verify.RS384: crypto.SHA384, verify.RS512: crypto.SHA512,
		verify.PS256: crypto.SHA256, verify.PS384: crypto.SHA384, verify.PS512: crypto.SHA512,
		verify.ES256: crypto.SHA256, verify.ES384: crypto.SHA384, verify.ES512: crypto.SHA512,
	}[alg]
	digest := input
	if hash != 0 {
		h := hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	var signature []byte
	var err error
	switch alg {
	case verify.ES256, verify.ES384, verify.ES512:
		key := private.(*ecdsa.PrivateKey)
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, key, digest); err == nil {
			size := (key.Curve.Params().BitSize + 7) / 8
			signature = make([]byte, 2*size)
			r.FillBytes(signature[:size])
			s.FillBytes(signature[size:])
		}
	case verify.PS256, verify.PS384, verify.PS512:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		signature, err = private.Sign(rand.Reader, digest, options)
	default:
		signature, err = private.Sign(rand.Reader, digest, hash)
	}
	if err != nil {
		panic(fmt.Sprintf("verifytest: signing: %v", err))
	}
	return signature
}

// JWK gives a public key as the members of a JSON Web Key, with these members
// added, such as "kid".
func JWK(public crypto.PublicKey, members map[string]any) map[string]any {
	jwk := map[string]any{}
	switch public := public.(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"] = "RSA", Encode(public.N.Bytes())
		jwk["e"] = Encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(fmt.Sprintf("verifytest: encoding a point: %v", err))
		}
		half := len(point) / 2
		jwk["kty"], jwk["crv"] = "EC", public.Params().Name
		jwk["x"], jwk["y"] = Encode(point[1:1+half]), Encode(point[1+half:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", Encode(public)
	default:
		panic(fmt.Sprintf("verifytest: no JWK for %T", public))
	}
	maps.Copy(jwk, members)
	return jwk
}
