package cognito

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"
)

// The parameters of one-time passwords by time: RFC 6238 with HMAC-SHA-1, six
// digits and steps of 30 seconds, which every authenticator app assumes
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html).
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	// totpDrift is by how many steps the user's clock may be off: "We RECOMMEND
	// that at most one time step is allowed as the network delay" (RFC 6238
	// section 5.2), to either side.
	totpDrift = 1
	// totpSecretSize gives a SecretCode of 52 characters, the length of Cognito's.
	totpSecretSize = 32
)

// newTOTPSecret gives a fresh key of a software token.
func newTOTPSecret() []byte {
	secret := make([]byte, totpSecretSize)
	rand.Read(secret)
	return secret
}

// secretCode gives a key as apps take it.
func secretCode(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpCode gives the code of a time step: HOTP of the step's number (RFC 4226
// section 5.3).
func totpCode(secret []byte, step int64) string {
	h := hmac.New(sha1.New, secret)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// totpMatch gives the time step that a code is of, or false. The latest comes
// first: a code that is of two steps counts for the later one.
func totpMatch(secret []byte, code string, now time.Time) (step int64, ok bool) {
	current := now.Unix() / int64(totpStep/time.Second)
	for step := current + totpDrift; step >= current-totpDrift; step-- {
		if hmac.Equal([]byte(totpCode(secret, step)), []byte(code)) {
			return step, true
		}
	}
	return 0, false
}
