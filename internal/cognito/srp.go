package cognito

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"math/big"
	"sync"
)

// groupPrime is the 3072-bit MODP group (RFC 3526 section 4, group 15), which
// Cognito's SRP uses with generator 2.
const groupPrime = "" +
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05" +
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB" +
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718" +
	"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33" +
	"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
	"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864" +
	"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2" +
	"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"

const (
	saltSize     = 16
	verifierSize = 384 // of a number below the 3072-bit prime
)

// group gives the prime, parsed once.
var group = sync.OnceValue(func() *big.Int {
	n, _ := new(big.Int).SetString(groupPrime, 16)
	return n
})

// srpPad gives n as Cognito hashes numbers: the shortest two's complement form
// of a positive number, as Java's BigInteger.toByteArray gives it.
func srpPad(n []byte) []byte {
	n = new(big.Int).SetBytes(n).Bytes()
	if len(n) == 0 || n[0]&0x80 != 0 {
		return append([]byte{0}, n...)
	}
	return n
}

// srpVerifier gives v = 2^x mod N, as a number of fixed size, for
// x = H(PAD(salt) | H(poolName | username | ":" | password)).
//
// poolName is the pool id after the underscore. The username is a part of x:
// renaming a user would break the password.
func srpVerifier(poolName, username, password string, salt []byte) []byte {
	inner := sha256.Sum256([]byte(poolName + username + ":" + password))
	outer := sha256.Sum256(append(srpPad(salt), inner[:]...))
	x := new(big.Int).SetBytes(outer[:])
	v := new(big.Int).Exp(big.NewInt(2), x, group())
	return v.FillBytes(make([]byte, verifierSize))
}

// newPassword gives a fresh salt and the verifier of a password.
func newPassword(poolName, username, password string) (salt, verifier []byte) {
	salt = make([]byte, saltSize)
	rand.Read(salt)
	return salt, srpVerifier(poolName, username, password, salt)
}

// passwordMatches says whether the password is the user's. For no user it
// takes the same time and says no, so that the answer's time does not tell
// which users exist. The comparison is constant-time; math/big's
// exponentiation is not, but what it works on is a salted hash.
func (p *Pool) passwordMatches(u *user, name, password string) bool {
	if u == nil || len(u.verifier) != verifierSize {
		u = &user{username: name, salt: p.mac("salt", name)[:saltSize], verifier: make([]byte, verifierSize)}
	}
	got := p.svc.srpVerifier(p.srpName(), u.username, password, u.salt)
	return subtle.ConstantTimeCompare(got, u.verifier) == 1
}
