package cognito

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// challengePasswordVerifier asks for the proof that the user knows the
// password, which is not sent
// (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html#amazon-cognito-user-pools-authentication-flow-methods-srp).
const challengePasswordVerifier = "PASSWORD_VERIFIER"

// srpTimestamp is the form of TIMESTAMP: UTC, English names, no leading zero
// in the day.
const srpTimestamp = "Mon Jan 2 15:04:05 UTC 2006"

// srpSkew is how far a client's TIMESTAMP may be from the clock, as for signed
// requests.
const srpSkew = 5 * time.Minute

// srpPrivateSize is the size of b: "at least 256 bits" (RFC 5054 section
// 2.5.4).
const srpPrivateSize = 32

// srpBlock is what the server must remember between the two steps of SRP. The
// plain flow has no session, so that SECRET_BLOCK carries all of it, sealed
// for one pool and one client.
//
// A block for no user has the form and the size of one for a user.
type srpBlock struct {
	// Sub is the user's, Known whether there is one: 0 or 1.
	Sub   string `json:"s"`
	Known int    `json:"k"`
	// Name is what the user was called in the first step, UserID what SRP
	// hashes as the user's name.
	Name   string `json:"n"`
	UserID string `json:"u"`
	// Private is b, A and B the two public numbers, each of its full size.
	Private []byte `json:"b"`
	A       []byte `json:"A"`
	B       []byte `json:"B"`
	// Expires is in milliseconds since the epoch.
	Expires int64 `json:"e"`
	// Session is the hash of the session that the answer must come with, in a
	// custom sign-in and in USER_AUTH; such a block is worth nothing outside of it.
	Session []byte `json:"t,omitempty"`
	// Choice says that the session is of USER_AUTH.
	Choice bool `json:"c,omitempty"`
}

// srpCipher gives the AEAD of a pool's secret blocks.
func (p *Pool) srpCipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(p.mac("srp block"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (cl *Client) blockData() []byte { return []byte(cl.pool.id + " " + cl.id) }

// sealBlock gives the SECRET_BLOCK of b.
func (cl *Client) sealBlock(b *srpBlock) (string, error) {
	plain, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	aead, err := cl.pool.srpCipher()
	if err != nil {
		return "", fmt.Errorf("sealing a secret block: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, cl.blockData())), nil
}

// openBlock gives what a SECRET_BLOCK says, and its bytes. One that this pool
// did not make for this client, and one that is too old, is a refusal.
func (cl *Client) openBlock(text string) (*srpBlock, []byte, error) {
	foreign := notAuthorized(textInvalidSession, "PASSWORD_CLAIM_SECRET_BLOCK was not made for this client, or was changed")
	sealed, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, nil, foreign
	}
	aead, err := cl.pool.srpCipher()
	if err != nil {
		return nil, nil, fmt.Errorf("opening a secret block: %w", err)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, nil, foreign
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], cl.blockData())
	if err != nil {
		return nil, nil, foreign
	}
	var b srpBlock
	if err := json.Unmarshal(plain, &b); err != nil {
		return nil, nil, fmt.Errorf("reading a secret block: %w", err)
	}
	if cl.pool.svc.cfg.Now().UnixMilli() >= b.Expires {
		return nil, nil, notAuthorized(textSessionExpired, "PASSWORD_CLAIM_SECRET_BLOCK has expired")
	}
	return &b, sealed, nil
}

// srpNumber is a number in hexadecimal of at most the prime's size, with one
// byte more for a sign.
var srpNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{1,770}$`) })

// readSRPA gives the client's public number. "The host MUST abort the
// authentication attempt if A % N is zero" (RFC 5054 section 2.5.4); numbers
// from N on are no client's.
func readSRPA(text string) (*big.Int, error) {
	if text == "" {
		return nil, missing("SRP_A")
	}
	bad := invalid("SRP_A is not valid.")
	if !srpNumber().MatchString(text) {
		bad.Err = errors.New("SRP_A is not a hexadecimal number of at most 3072 bits")
		return nil, bad
	}
	a, _ := new(big.Int).SetString(text, 16)
	if a.Sign() == 0 || a.Cmp(group()) >= 0 {
		bad.Err = errors.New("SRP_A is zero modulo N, or not below N")
		return nil, bad
	}
	return a, nil
}

// startSRP answers the first step of USER_SRP_AUTH: a challenge whatever the
// user's state is, and for a client that hides existence also for no user.
func (s *Service) startSRP(ctx context.Context, cl *Client, params map[string]string) (*authOutput, error) {
	name := params["USERNAME"]
	if name == "" {
		return nil, missing("USERNAME")
	}
	a, err := readSRPA(params["SRP_A"])
	if err != nil {
		return nil, err
	}
	found, err := cl.identify(ctx, name, params["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	if found == nil && !cl.hides() {
		return nil, refuse(codeUserNotFound, textNoUser, "no such user")
	}
	if err := cl.preAuthentication(ctx, found, name); err != nil {
		return nil, err
	}
	return cl.passwordVerifier(found, name, a, "", false)
}

// passwordVerifier gives the challenge for a client's public number. The
// answer must come with the session, if there is one; choice says that it is of
// USER_AUTH.
func (cl *Client) passwordVerifier(found *user, name string, a *big.Int, session string, choice bool) (*authOutput, error) {
	p := cl.pool
	who := p.srpUser(found, name)
	private, public := p.srpPublic(who.verifier)
	b := &srpBlock{
		Sub: who.sub, Name: name, UserID: who.username,
		Private: private, A: a.FillBytes(make([]byte, verifierSize)), B: public.FillBytes(make([]byte, verifierSize)),
		Expires: p.svc.cfg.Now().Add(cl.sessionValidity()).UnixMilli(),
	}
	if found != nil {
		b.Known = 1
	}
	if session != "" {
		b.Session, b.Choice = oidc.Hash(session), choice
	}
	sealed, err := cl.sealBlock(b)
	if err != nil {
		return nil, err
	}
	return &authOutput{
		ChallengeName: challengePasswordVerifier,
		Session:       session,
		ChallengeParameters: map[string]string{
			"SALT":            new(big.Int).SetBytes(who.salt).Text(16),
			"SECRET_BLOCK":    sealed,
			"SRP_B":           public.Text(16),
			"USERNAME":        who.username,
			"USER_ID_FOR_SRP": who.username,
		},
	}, nil
}

// srpUser gives whom SRP is about. For no user, or one without a password, it
// makes up a salt, a verifier that nobody's password has, and an id, always
// the same for one name: "Amazon Cognito returns the same salt and an internal
// user ID in universally unique identifier (UUID) format"
// (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html).
// Where usernames are not UUIDs the id is the name, as it is for a user.
func (p *Pool) srpUser(found *user, name string) *user {
	if found != nil && len(found.verifier) == verifierSize {
		return found
	}
	made := &user{sub: p.madeUpSub(name), username: name, salt: p.mac("srp salt", p.fold(name))[:saltSize]}
	for i := byte(0); len(made.verifier) < verifierSize; i++ {
		made.verifier = append(made.verifier, p.mac("srp verifier", p.fold(name), string(i))...)
	}
	made.verifier[0] &= 0x7f // below N
	if len(p.cfg.UsernameAttributes) > 0 {
		made.username = made.sub
	}
	if found != nil {
		made.sub, made.username = found.sub, found.username
	}
	return made
}

// madeUpSub gives a UUID for a name without a user.
func (p *Pool) madeUpSub(name string) string {
	b := p.mac("srp user", p.fold(name))[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// srpMultiplier gives k = H(PAD(N) | PAD(g)).
func srpMultiplier() *big.Int {
	h := sha256.New()
	h.Write(srpPad(group().Bytes()))
	h.Write(srpPad([]byte{2}))
	return new(big.Int).SetBytes(h.Sum(nil))
}

// srpPublic gives a fresh b and B = k*v + g^b mod N.
func (p *Pool) srpPublic(verifier []byte) (private []byte, public *big.Int) {
	for {
		private = p.svc.srpPrivate()
		public = new(big.Int).Exp(big.NewInt(2), new(big.Int).SetBytes(private), group())
		kv := new(big.Int).Mul(srpMultiplier(), new(big.Int).SetBytes(verifier))
		if public.Add(public, kv).Mod(public, group()).Sign() != 0 {
			return private, public
		}
	}
}

func randomPrivate() []byte {
	b := make([]byte, srpPrivateSize)
	rand.Read(b)
	return b
}

// signature gives what the client must have signed:
// HMAC(key, poolName | userId | SECRET_BLOCK | TIMESTAMP).
func (p *Pool) signature(b *srpBlock, verifier, block []byte, timestamp string) []byte {
	h := hmac.New(sha256.New, p.svc.srpKey(b, verifier))
	h.Write([]byte(p.srpName() + b.UserID))
	h.Write(block)
	h.Write([]byte(timestamp))
	return h.Sum(nil)
}

// key gives the shared key of S = (A * v^u)^b mod N, u = H(PAD(A) | PAD(B)):
// one block of HKDF (RFC 5869) with Cognito's label, cut to 16 bytes.
func (b *srpBlock) key(verifier []byte) []byte {
	digest := sha256.New()
	digest.Write(srpPad(b.A))
	digest.Write(srpPad(b.B))
	u := digest.Sum(nil)
	shared := new(big.Int).Exp(new(big.Int).SetBytes(verifier), new(big.Int).SetBytes(u), group())
	shared.Mul(shared, new(big.Int).SetBytes(b.A)).Mod(shared, group())
	shared.Exp(shared, new(big.Int).SetBytes(b.Private), group())
	extract := hmac.New(sha256.New, srpPad(u))
	extract.Write(srpPad(shared.Bytes()))
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write([]byte("Caldera Derived Key\x01"))
	return expand.Sum(nil)[:16]
}

// answerPasswordVerifier checks the second step of SRP. What it says of a
// wrong password it says of no user too. A block is used up by the first
// answer whose signature is looked at, right or wrong: each guess costs a step.
func (s *Service) answerPasswordVerifier(ctx context.Context, cl *Client, session string, answers map[string]string) (*authOutput, error) {
	for _, name := range []string{"USERNAME", "PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP"} {
		if answers[name] == "" {
			return nil, missing(name)
		}
	}
	if err := s.checkTimestamp(answers["TIMESTAMP"]); err != nil {
		return nil, err
	}
	name := answers["USERNAME"]
	named, err := cl.identify(ctx, name, answers["SECRET_HASH"])
	if err != nil {
		return nil, err
	}
	b, sealed, err := cl.openBlock(answers["PASSWORD_CLAIM_SECRET_BLOCK"])
	if err != nil {
		return nil, err
	}
	found, err := cl.blockUser(b, named, name)
	if err != nil {
		return nil, err
	}
	want := cl.pool.signature(b, cl.pool.srpUser(found, b.Name).verifier, sealed, answers["TIMESTAMP"])
	got, err := base64.StdEncoding.DecodeString(answers["PASSWORD_CLAIM_SIGNATURE"])
	matches := err == nil && hmac.Equal(got, want) && found != nil && len(found.verifier) == verifierSize
	if b.Choice {
		a := &stepAnswer{client: cl, session: session, challenge: challengePasswordVerifier, name: name, named: named, values: answers}
		return s.answerChosenSRP(ctx, a, b, sealed, found, matches)
	}
	if b.Session != nil {
		return s.answerCustomPassword(ctx, cl, session, b, sealed, found, matches)
	}
	return s.endPassword(ctx, cl, found, b.Name, matches, nil, func(tx *sql.Tx) error {
		return cl.pool.useOnce(ctx, tx, sealed, b.Expires)
	})
}

// blockUser gives the user that a block is for, or nil for one that was made
// up. The answer must name the same user.
func (cl *Client) blockUser(b *srpBlock, named *user, name string) (found *user, err error) {
	p := cl.pool
	swapped := notAuthorized(textInvalidSession, "PASSWORD_CLAIM_SECRET_BLOCK is another user's")
	if b.Known == 0 {
		if named != nil || p.fold(name) != p.fold(b.UserID) && p.fold(name) != p.fold(b.Name) {
			return nil, swapped
		}
		return nil, nil
	}
	if named == nil || named.sub != b.Sub {
		return nil, swapped
	}
	return named, nil
}

// checkTimestamp refuses a TIMESTAMP that is malformed or not of now.
func (s *Service) checkTimestamp(text string) error {
	at, err := time.Parse(srpTimestamp, text)
	if err != nil || at.Format(srpTimestamp) != text {
		return invalid("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
	}
	if off := s.cfg.Now().Sub(at).Abs(); off > srpSkew {
		return notAuthorized(textWrongPassword, fmt.Sprintf("TIMESTAMP is %s off", off.Round(time.Second)))
	}
	return nil
}

// useOnce marks a sealed text as used, or refuses it if it was. It is not kept
// with the user: for a name without a user the answer must be the same.
func (p *Pool) useOnce(ctx context.Context, tx *sql.Tx, sealed []byte, expires int64) error {
	result, err := tx.ExecContext(ctx, "INSERT INTO cognito_used (hash, expires) VALUES (?, ?) ON CONFLICT DO NOTHING", oidc.Hash(string(sealed)), expires)
	if err != nil {
		return fmt.Errorf("using up a secret block: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, notAuthorized(textSessionUsed, "PASSWORD_CLAIM_SECRET_BLOCK was answered before"))
	}
	return nil
}
