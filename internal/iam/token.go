package iam

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// A session token says all that there is to know of a session, sealed: whoever has
// the stage's master keys reads it, and nothing is kept.
//
//	base64( version ‖ master key's id ‖ nonce ‖ AES-256-GCM( deflate( JSON of claims ) ) )
//
// The access key's id is among the claims, and the secret is derived from it and the
// nonce, so that the three belong together.
const (
	tokenVersion = 1
	masterSize   = 32
	masterIDSize = 4
	nonceSize    = 12
	headSize     = 1 + masterIDSize + nonceSize

	// maxToken bounds a token's text. AWS names no bound and cookies and headers
	// have one; what is longer is no token of ours.
	maxToken = 4000
	// maxPacked bounds what session policies and tags take of a token. AWS has such
	// a bound, keeps it to itself, and tells the share that is taken.
	maxPacked = 1800
	// maxClaims bounds what a token is inflated to.
	maxClaims = 64 << 10
)

// claims are what a token says.
type claims struct {
	AccessKeyID string            `json:"k"`
	Role        string            `json:"r,omitempty"` // none: a session of root
	RoleID      string            `json:"i,omitempty"`
	Name        string            `json:"n,omitempty"`
	Issued      int64             `json:"a"`
	Expires     int64             `json:"e"`
	Provider    string            `json:"f,omitempty"`
	Identity    *CognitoIdentity  `json:"c,omitempty"`
	Tags        map[string]string `json:"t,omitempty"`
	Policies    []string          `json:"p,omitempty"`
}

// A master is a master key: what is derived from it seals tokens and makes secrets.
type master struct {
	id     [masterIDSize]byte
	aead   cipher.AEAD
	secret []byte
}

func newMaster(key []byte) (*master, error) {
	if len(key) != masterSize {
		return nil, fmt.Errorf("a master key has %d bytes, not %d", masterSize, len(key))
	}
	derive := func(info string, size int) []byte {
		b, err := hkdf.Key(sha256.New, key, nil, "doorwright iam "+info, size)
		if err != nil {
			panic(err) // for sizes over 255 hashes alone
		}
		return b
	}
	block, err := aes.NewCipher(derive("session token", masterSize))
	if err != nil {
		return nil, err
	}
	m := &master{secret: derive("secret access key", masterSize)}
	copy(m.id[:], derive("key id", masterIDSize))
	m.aead, err = cipher.NewGCM(block)
	return m, err
}

// secretOf derives the secret of a session's access key.
func (m *master) secretOf(accessKeyID string, nonce []byte) string {
	h := hmac.New(sha256.New, m.secret)
	h.Write([]byte(accessKeyID))
	h.Write(nonce)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))[:40]
}

var errTooLong = errors.New("the session has too much to say for a token")

// seal makes the token and the secret of a session.
func (m *master) seal(c *claims, account string) (token, secret string, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", "", err
	}
	if len(text) > maxClaims {
		return "", "", errTooLong
	}
	head := make([]byte, headSize)
	head[0] = tokenVersion
	copy(head[1:], m.id[:])
	nonce := head[1+masterIDSize:]
	rand.Read(nonce)
	sealed := m.aead.Seal(head, nonce, deflate(text), sealedWith(head, account))
	token = base64.StdEncoding.EncodeToString(sealed)
	if len(token) > maxToken {
		return "", "", errTooLong
	}
	return token, m.secretOf(c.AccessKeyID, nonce), nil
}

// sealedWith is what a token is authentic for beside its text.
func sealedWith(head []byte, account string) []byte {
	return append(bytes.Clone(head[:1+masterIDSize]), account...)
}

// errToken says that a text is no token of this stage, or not of this access key.
// It does not say which: nobody but who made it up wants to know.
var errToken = errors.New("not a session token of this stage and access key")

// unseal reads a token that belongs to an access key, and derives its secret. It
// does not look at the clock.
func (a *Account) unseal(accessKeyID, token string) (*claims, string, error) {
	if len(token) > maxToken {
		return nil, "", errToken
	}
	b, err := base64.StdEncoding.Strict().DecodeString(token)
	// The codec skips line breaks: one token has one spelling.
	if err != nil || len(b) <= headSize || base64.StdEncoding.EncodedLen(len(b)) != len(token) || b[0] != tokenVersion {
		return nil, "", errToken
	}
	head, nonce := b[:headSize], b[1+masterIDSize:headSize]
	for _, m := range a.masters {
		if !bytes.Equal(m.id[:], head[1:1+masterIDSize]) {
			continue
		}
		packed, err := m.aead.Open(nil, nonce, b[headSize:], sealedWith(head, a.cfg.AccountID))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxClaims))
		c := &claims{}
		if err != nil || json.Unmarshal(text, c) != nil ||
			subtle.ConstantTimeCompare([]byte(c.AccessKeyID), []byte(accessKeyID)) != 1 {
			return nil, "", errToken
		}
		return c, m.secretOf(c.AccessKeyID, nonce), nil
	}
	return nil, "", errToken
}

func (c *claims) expired(now time.Time) bool { return now.Unix() >= c.Expires }

func deflate(text []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // fails for another level alone
	w.Write(text)
	w.Close()
	return b.Bytes()
}

// packedPolicySize says in percent how much of the room for session policies and
// tags is taken, rounded up; 0 without any.
func packedPolicySize(policies []string, tags map[string]string) (int, error) {
	if len(policies) == 0 && len(tags) == 0 {
		return 0, nil
	}
	text, err := json.Marshal(claims{Policies: policies, Tags: tags})
	return (100*len(deflate(text)) + maxPacked - 1) / maxPacked, err
}

// The prefixes of unique ids
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes).
const (
	prefixKey       = "AKIA"
	prefixTemporary = "ASIA"
	prefixRole      = "AROA"
)

// accountBits is how an id begins after its prefix: a bit that is set, the 40 bits
// of the account's number, and 7 bits of rest.
func accountBits(account string) ([6]byte, error) {
	n, err := strconv.ParseUint(account, 10, 64)
	if err != nil || !isAccount(account) {
		return [6]byte{}, fmt.Errorf("account %.40q is not 12 digits", account)
	}
	var eight [8]byte
	binary.BigEndian.PutUint64(eight[:], 1<<47|n<<7)
	return [6]byte(eight[2:]), nil
}

// uniqueID gives an id of size characters after its prefix, of the account's bits
// and then of rest's.
func uniqueID(prefix string, account [6]byte, rest []byte, size int) string {
	b := append(account[:], rest[1:]...)
	b[5] |= rest[0] & 0x7f
	return prefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[:size]
}

// newAccessKeyID gives the id of a new access key.
func newAccessKeyID(prefix string, account [6]byte) string {
	var rest [5]byte
	rand.Read(rest[:])
	return uniqueID(prefix, account, rest[:], 16)
}

// AccountOf gives the account that an access key's id names.
func AccountOf(accessKeyID string) (string, bool) {
	if len(accessKeyID) != 20 || accessKeyID[:4] != prefixKey && accessKeyID[:4] != prefixTemporary {
		return "", false
	}
	b, err := base32.StdEncoding.DecodeString(accessKeyID[4:])
	if err != nil {
		return "", false
	}
	n := binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...)) & 0x7fffffffff80 >> 7
	return fmt.Sprintf("%012d", n), true
}
