package cognito_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

// The vector was computed with amazon-cognito-identity-js and gives the same
// key there.
func TestSRPVector(t *testing.T) {
	salt, _ := hex.DecodeString("a244c038c0fd9192b9b5538344ce41ab")
	v := cognito.SRPVerifier("TESTPOOL1", "alice", "Passw0rd!", salt)
	if len(v) != 384 {
		t.Errorf("the verifier has %d bytes", len(v))
	}
	sum := sha256.Sum256(cognito.SRPPad(v))
	if got, want := hex.EncodeToString(sum[:]), "6c245a576a2075833dd0d2574557a57e488d5bd7966398bef8c3ab9f77048457"; got != want {
		t.Errorf("SHA-256(PAD(v)) = %s, want %s", got, want)
	}
}

// A client's proof of the vector must come out from the verifier that is kept,
// so that SRP sign-in will work for users whose password was set today.
func TestVerifierServesSRP(t *testing.T) {
	number := func(s string) *big.Int { n, _ := new(big.Int).SetString(s, 16); return n }
	repeat := func(s string) string {
		r := ""
		for range 16 {
			r += s
		}
		return r
	}
	salt, _ := hex.DecodeString("a244c038c0fd9192b9b5538344ce41ab")
	v := new(big.Int).SetBytes(cognito.SRPVerifier("TESTPOOL1", "alice", "Passw0rd!", salt))
	// k is a published constant of the group, so N is right if B is.
	k := number("538282c4354742d7cbbde2359fcf67f9f5b3a6b08791e5011b43b8a5b66d9ee6")
	n := number(groupPrime)
	b := number(repeat("fedcba0987654321"))
	B := new(big.Int).Mul(k, v)
	B.Add(B, new(big.Int).Exp(big.NewInt(2), b, n)).Mod(B, n)
	sum := sha256.Sum256(cognito.SRPPad(B.Bytes()))
	if got, want := hex.EncodeToString(sum[:]), "97c1900dd8ed3b6f53eed20360f96a02a1298369717b7f8f0a069454119a6789"; got != want {
		t.Errorf("SHA-256(PAD(B)) = %s, want %s", got, want)
	}
}

// groupPrime is 2^3072 - 2^3008 - 1 + 2^64 * (floor(2^2942 pi) + 1690314),
// copied from RFC 3526 section 4.
const groupPrime = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"

func TestSRPPad(t *testing.T) {
	for in, want := range map[string]string{"": "00", "00": "00", "7f": "7f", "80": "0080", "0001": "01", "00ff01": "00ff01"} {
		b, _ := hex.DecodeString(in)
		if got := hex.EncodeToString(cognito.SRPPad(b)); got != want {
			t.Errorf("PAD(%s) = %s, want %s", in, got, want)
		}
	}
}

// The vector is AWS's documented formula, computed with OpenSSL.
func TestSecretHashVector(t *testing.T) {
	if got, want := cognito.SecretHash("mysecret", "alice", "client123"), "AYTa4U3dSK66QnnGsLZQ7kR4haLHutwpRDfHpNH2JC8="; got != want {
		t.Errorf("SECRET_HASH = %s, want %s", got, want)
	}
}
