package cognito_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"
)

// srpClient is the client's side of SRP as amazon-cognito-identity-js has it,
// written from its published description and not from the server's code:
// numbers travel and are hashed as hexadecimal text.
type srpClient struct {
	n, g, k *big.Int
	a, A    *big.Int
}

func newSRPClient(a string) *srpClient {
	c := &srpClient{n: fromHex(groupPrime), g: big.NewInt(2), a: fromHex(a)}
	c.k = fromHex(hashHex(padHex(c.n) + padHex(c.g)))
	c.A = new(big.Int).Exp(c.g, c.a, c.n)
	return c
}

func fromHex(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("not hexadecimal: " + s)
	}
	return n
}

// padHex gives an even number of digits, the first below 8.
func padHex(n *big.Int) string {
	s := n.Text(16)
	if len(s)%2 == 1 {
		return "0" + s
	}
	if strings.ContainsRune("89abcdef", rune(s[0])) {
		return "00" + s
	}
	return s
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func hashHex(s string) string { sum := sha256.Sum256(unhex(s)); return hex.EncodeToString(sum[:]) }

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}

// key gives the key shared with a server of public number B.
func (c *srpClient) key(pool, user, password, saltHex, bHex string) []byte {
	B := fromHex(bHex)
	u := fromHex(hashHex(padHex(c.A) + padHex(B)))
	inner := sha256.Sum256([]byte(pool + user + ":" + password))
	x := fromHex(hashHex(padHex(fromHex(saltHex)) + hex.EncodeToString(inner[:])))
	base := new(big.Int).Sub(B, new(big.Int).Mul(c.k, new(big.Int).Exp(c.g, x, c.n)))
	exponent := new(big.Int).Add(c.a, new(big.Int).Mul(u, x))
	s := new(big.Int).Exp(base.Mod(base, c.n), exponent, c.n)
	prk := mac(unhex(padHex(u)), unhex(padHex(s)))
	return mac(prk, append([]byte("Caldera Derived Key"), 1))[:16]
}

func srpSignature(key []byte, pool, user string, block []byte, timestamp string) string {
	return base64.StdEncoding.EncodeToString(mac(key, []byte(pool+user+string(block)+timestamp)))
}

const (
	vectorA = "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef"
	vectorB = "fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321"
)

// startSRP sends the first step and gives the challenge's parameters.
func (w *world) startSRP(c *srpClient, client, name string) obj {
	w.t.Helper()
	out := w.do("InitiateAuth", w.srpStart(c, client, name))
	if _, ok := out["Session"]; ok || out["ChallengeName"] != "PASSWORD_VERIFIER" {
		w.t.Errorf("the first step's answer: %v", out)
	}
	return out["ChallengeParameters"].(obj)
}

func (w *world) srpStart(c *srpClient, client, name string) obj {
	return obj{"ClientId": w.client(client), "AuthFlow": "USER_SRP_AUTH", "AuthParameters": obj{"USERNAME": name, "SRP_A": c.A.Text(16)}}
}

// srpAnswer gives the second step for a challenge.
func (w *world) srpAnswer(c *srpClient, client string, challenge obj, password string) obj {
	w.t.Helper()
	_, pool, _ := strings.Cut(w.pool(), "_")
	return with(w.srpProof(c, pool, challenge, password), obj{"ClientId": w.client(client)})
}

// srpProof gives the second step for a challenge of a pool, named without its
// region, but for the client.
func (w *world) srpProof(c *srpClient, pool string, challenge obj, password string) obj {
	w.t.Helper()
	user := challenge["USER_ID_FOR_SRP"].(string)
	block, err := base64.StdEncoding.DecodeString(challenge["SECRET_BLOCK"].(string))
	if err != nil {
		w.t.Fatal(err)
	}
	at := w.clock().UTC().Format("Mon Jan 2 15:04:05 UTC 2006")
	key := c.key(pool, user, password, challenge["SALT"].(string), challenge["SRP_B"].(string))
	return obj{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": obj{
		"USERNAME": user, "PASSWORD_CLAIM_SECRET_BLOCK": challenge["SECRET_BLOCK"], "TIMESTAMP": at,
		"PASSWORD_CLAIM_SIGNATURE": srpSignature(key, pool, user, block, at),
	}}
}

// answering gives an answer with other responses.
func answering(in obj, responses obj) obj {
	return with(in, obj{"ChallengeResponses": with(in["ChallengeResponses"].(obj), responses)})
}

// The published vector, whose key amazon-cognito-identity-js gives too.
func TestSRPClientVector(t *testing.T) {
	c := newSRPClient(vectorA)
	salt := "a244c038c0fd9192b9b5538344ce41ab"
	if got := hashHex(padHex(c.A)); got != "41d92969c65939845115cfdf0f875a233cd4eb951c2f352218a4c3a7a978c008" {
		t.Errorf("SHA-256(PAD(A)) = %s", got)
	}
	v := new(big.Int).Exp(c.g, fromHex("1b318b8d0758525689736cc3cf967bf193f97effe8bfc5309b674e4d48584ad1"), c.n)
	B := new(big.Int).Exp(c.g, fromHex(vectorB), c.n)
	B.Add(B, v.Mul(v, c.k)).Mod(B, c.n)
	key := c.key("TESTPOOL1", "alice", "Passw0rd!", salt, B.Text(16))
	if got := hex.EncodeToString(key); got != "b0a0445ffb8485674d61119bc764c91e" {
		t.Errorf("key %s", got)
	}
	if got := srpSignature(key, "TESTPOOL1", "alice", []byte("secret-block-bytes"), "Mon Jan 5 09:08:07 UTC 2026"); got != "4s/IVB2XVkP2fIu8GyLt0EmIQQHnVfsq2PRGF87sUpA=" {
		t.Errorf("signature %s", got)
	}
}

// The vector's numbers through the wire: the pool, the user's salt, and both
// private numbers are the vector's.
func TestSRPVectorOnTheWire(t *testing.T) {
	w := newWorld(t)
	pool := emailPool()
	pool.UsernameAttributes = nil
	w.cfg.Pools = append(w.cfg.Pools, pool)
	w.exec("INSERT INTO cognito_pool (id, name, region, secret, created) VALUES ('us-east-1_TESTPOOL1', 'UserPool', 'us-east-1', x'00', 0)")
	w.restart()
	w.do("AdminCreateUser", with(w.user("alice"), obj{"MessageAction": "SUPPRESS"}))
	w.do("AdminSetUserPassword", with(w.user("alice"), obj{"Password": goodPassword, "Permanent": true}))
	c := newSRPClient(vectorA)
	v := new(big.Int).Exp(c.g, fromHex("1b318b8d0758525689736cc3cf967bf193f97effe8bfc5309b674e4d48584ad1"), c.n)
	w.exec("UPDATE cognito_user SET salt = x'a244c038c0fd9192b9b5538344ce41ab', verifier = ?", v.FillBytes(make([]byte, 384)))
	w.svc.SetSRPPrivate(unhex(vectorB))
	challenge := w.startSRP(c, "plain", "alice")
	if challenge["SALT"] != "a244c038c0fd9192b9b5538344ce41ab" || challenge["USERNAME"] != "alice" || challenge["USER_ID_FOR_SRP"] != "alice" || len(challenge) != 5 {
		t.Errorf("challenge %v", challenge)
	}
	if got := hashHex(padHex(fromHex(challenge["SRP_B"].(string)))); got != "97c1900dd8ed3b6f53eed20360f96a02a1298369717b7f8f0a069454119a6789" {
		t.Errorf("SHA-256(PAD(B)) = %s", got)
	}
	w.tokensOf(w.do("RespondToAuthChallenge", w.srpAnswer(c, "plain", challenge, goodPassword)))
}

func TestSRPSignIn(t *testing.T) {
	w := newWorld(t, emailPool())
	sub := w.confirmed("a@example.com")
	// Many, so that numbers with leading zeros and set top bits are among them.
	for i := range 24 {
		c := newSRPClient(strings.Repeat(hashHex("0"+string(rune('a'+i%6))), 1+i%3))
		challenge := w.startSRP(c, "plain", "a@example.com")
		if challenge["USER_ID_FOR_SRP"] != sub || challenge["USERNAME"] != sub {
			t.Fatalf("challenge %v", challenge)
		}
		out := w.do("RespondToAuthChallenge", w.srpAnswer(c, "plain", challenge, goodPassword))
		if p, ok := out["ChallengeParameters"].(obj); !ok || len(p) != 0 || out["ChallengeName"] != nil {
			t.Errorf("answer %v", out)
		}
		w.do("GetUser", obj{"AccessToken": w.tokensOf(out).access})
	}
	c := newSRPClient(vectorA)
	admin := obj{"UserPoolId": w.pool()}
	challenge := w.do("AdminInitiateAuth", with(w.srpStart(c, "plain", "a@example.com"), admin))["ChallengeParameters"].(obj)
	answer := answering(w.srpAnswer(c, "plain", challenge, goodPassword), obj{"USERNAME": "A@example.com"}) // the name that was typed
	w.tokensOf(w.do("AdminRespondToAuthChallenge", with(answer, admin)))
}

func TestSRPRefusals(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	w.confirmed("b@example.com")
	c := newSRPClient(vectorA)
	start := w.srpStart(c, "plain", "a@example.com")
	step1 := func(params obj) obj { return with(start, obj{"AuthParameters": params}) }
	const bad = "SRP_A is not valid."
	for name, tt := range map[string]struct {
		in            obj
		code, message string
	}{
		"no A":      {step1(obj{"USERNAME": "a@example.com"}), "InvalidParameterException", "Missing required parameter SRP_A"},
		"no name":   {step1(obj{"SRP_A": "2"}), "InvalidParameterException", "Missing required parameter USERNAME"},
		"A = 0":     {step1(obj{"USERNAME": "a@example.com", "SRP_A": "0"}), "InvalidParameterException", bad},
		"A = 00":    {step1(obj{"USERNAME": "a@example.com", "SRP_A": strings.Repeat("0", 700)}), "InvalidParameterException", bad},
		"A = N":     {step1(obj{"USERNAME": "a@example.com", "SRP_A": groupPrime}), "InvalidParameterException", bad},
		"A = 2N":    {step1(obj{"USERNAME": "a@example.com", "SRP_A": new(big.Int).Lsh(c.n, 1).Text(16)}), "InvalidParameterException", bad},
		"A = N + 1": {step1(obj{"USERNAME": "a@example.com", "SRP_A": new(big.Int).Add(c.n, big.NewInt(1)).Text(16)}), "InvalidParameterException", bad},
		"A < 0":     {step1(obj{"USERNAME": "a@example.com", "SRP_A": "-2"}), "InvalidParameterException", bad},
		"words":     {step1(obj{"USERNAME": "a@example.com", "SRP_A": "xyz"}), "InvalidParameterException", bad},
		"long A":    {step1(obj{"USERNAME": "a@example.com", "SRP_A": strings.Repeat("1", 100_000)}), "InvalidParameterException", bad},
		"no user":   {step1(obj{"USERNAME": "no@example.com", "SRP_A": "2"}), "UserNotFoundException", "User does not exist."},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused("InitiateAuth", tt.in, tt.code, tt.message)
		})
	}
	challenge := func() obj { return w.startSRP(c, "plain", "a@example.com") }
	good := w.srpAnswer(c, "plain", challenge(), goodPassword)
	other := w.startSRP(c, "plain", "b@example.com")
	clock := func(d time.Duration, form string) string { return w.clock().Add(d).UTC().Format(form) }
	const form = "Mon Jan 2 15:04:05 UTC 2006"
	const session = "Invalid session for the user."
	block := good["ChallengeResponses"].(obj)["PASSWORD_CLAIM_SECRET_BLOCK"].(string)
	flipped := "A" + block[1:]
	if block[0] == 'A' {
		flipped = "B" + block[1:]
	}
	for name, tt := range map[string]struct {
		in            obj
		code, message string
	}{
		"wrong password":     {w.srpAnswer(c, "plain", challenge(), "Wr0ngPass!"), "NotAuthorizedException", wrongPassword},
		"no signature":       {answering(good, obj{"PASSWORD_CLAIM_SIGNATURE": ""}), "InvalidParameterException", "Missing required parameter PASSWORD_CLAIM_SIGNATURE"},
		"no block":           {answering(good, obj{"PASSWORD_CLAIM_SECRET_BLOCK": ""}), "InvalidParameterException", "Missing required parameter PASSWORD_CLAIM_SECRET_BLOCK"},
		"garbage block":      {answering(good, obj{"PASSWORD_CLAIM_SECRET_BLOCK": "!"}), "NotAuthorizedException", session},
		"short block":        {answering(good, obj{"PASSWORD_CLAIM_SECRET_BLOCK": "AAAA"}), "NotAuthorizedException", session},
		"changed block":      {answering(good, obj{"PASSWORD_CLAIM_SECRET_BLOCK": flipped}), "NotAuthorizedException", session},
		"another's block":    {answering(good, obj{"PASSWORD_CLAIM_SECRET_BLOCK": other["SECRET_BLOCK"]}), "NotAuthorizedException", session},
		"another's name":     {answering(good, obj{"USERNAME": "b@example.com"}), "NotAuthorizedException", session},
		"nobody's name":      {answering(good, obj{"USERNAME": "no@example.com"}), "NotAuthorizedException", session},
		"another client":     {with(good, obj{"ClientId": w.client("web")}), "NotAuthorizedException", session},
		"old timestamp":      {answering(good, obj{"TIMESTAMP": clock(-301*time.Second, form)}), "NotAuthorizedException", wrongPassword},
		"timestamp to come":  {answering(good, obj{"TIMESTAMP": clock(301*time.Second, form)}), "NotAuthorizedException", wrongPassword},
		"ISO timestamp":      {answering(good, obj{"TIMESTAMP": clock(0, time.RFC3339)}), "InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."},
		"timestamp with 0":   {answering(good, obj{"TIMESTAMP": "Thu Nov 05 10:00:00 UTC 2026"}), "InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."},
		"timestamp weekday":  {answering(good, obj{"TIMESTAMP": "Mon Nov 20 10:00:00 UTC 2026"}), "InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."},
		"another zone":       {answering(good, obj{"TIMESTAMP": "Fri Nov 20 10:00:00 CET 2026"}), "InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."},
		"challenge of model": {with(good, obj{"ChallengeName": "DEVICE_PASSWORD_VERIFIER"}), "UnsupportedOperationException", "DEVICE_PASSWORD_VERIFIER is a challenge of Amazon Cognito that Doorwright does not emulate."},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.refused("RespondToAuthChallenge", tt.in, tt.code, tt.message)
		})
	}
	w.t = t
	w.do("RespondToAuthChallenge", good) // nothing of this has used it up
	signedOther := w.srpAnswer(c, "plain", challenge(), goodPassword)
	w.refused("RespondToAuthChallenge", answering(signedOther, obj{"PASSWORD_CLAIM_SIGNATURE": "not base64"}), "NotAuthorizedException", wrongPassword)
	late := w.srpAnswer(c, "plain", challenge(), goodPassword)
	w.advance(3 * time.Minute)
	w.refused("RespondToAuthChallenge", late, "NotAuthorizedException", "Invalid session for the user, session is expired.")
}

// A block is good for one answer, right or wrong, one at a time or at once,
// also after a restart.
func TestSecretBlockReplay(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	c := newSRPClient(vectorA)
	const used = "Invalid session for the user, session can only be used once."
	good := w.srpAnswer(c, "plain", w.startSRP(c, "plain", "a@example.com"), goodPassword)
	w.do("RespondToAuthChallenge", good)
	w.refused("RespondToAuthChallenge", good, "NotAuthorizedException", used)
	w.restart()
	w.refused("RespondToAuthChallenge", good, "NotAuthorizedException", used)
	challenge := w.startSRP(c, "plain", "a@example.com")
	w.refused("RespondToAuthChallenge", w.srpAnswer(c, "plain", challenge, "Wr0ngPass!"), "NotAuthorizedException", wrongPassword)
	w.refused("RespondToAuthChallenge", w.srpAnswer(c, "plain", challenge, goodPassword), "NotAuthorizedException", used)
	race := w.srpAnswer(c, "plain", w.startSRP(c, "plain", "a@example.com"), goodPassword)
	oneWins(t, w.atOnce(8, "RespondToAuthChallenge", func(int) obj { return race }), "session can only be used once.")
}

// A password that is changed between the steps is the one that counts.
func TestSRPAcrossPasswordChange(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	c := newSRPClient(vectorA)
	challenge := w.startSRP(c, "plain", "a@example.com")
	w.do("AdminSetUserPassword", with(w.user("a@example.com"), obj{"Password": "N3wPassw0rd!", "Permanent": true}))
	w.refused("RespondToAuthChallenge", w.srpAnswer(c, "plain", challenge, goodPassword), "NotAuthorizedException", wrongPassword)
}

// To a client that hides existence a name without a user looks like one with a
// user whose password is never right: in the form of the challenge, which is
// the same each time, in the refusals, and in the lock.
func TestSRPHidesExistence(t *testing.T) {
	pool := emailPool()
	pool.Clients[1].ExplicitAuthFlows = append(pool.Clients[1].ExplicitAuthFlows, "ALLOW_USER_SRP_AUTH")
	w := newWorld(t, pool)
	w.confirmed("a@example.com")
	c := newSRPClient(vectorA)
	real, fake, again := w.startSRP(c, "hiding", "a@example.com"), w.startSRP(c, "hiding", "z@example.com"), w.startSRP(c, "hiding", "Z@example.com")
	if fake["SALT"] != again["SALT"] || fake["USER_ID_FOR_SRP"] != again["USER_ID_FOR_SRP"] || fake["SRP_B"] == again["SRP_B"] {
		t.Errorf("two answers for one name: %v and %v", fake, again)
	}
	if !uuidForm.MatchString(fake["USER_ID_FOR_SRP"].(string)) || fake["USERNAME"] != fake["USER_ID_FOR_SRP"] || len(fake) != len(real) {
		t.Errorf("made-up challenge %v", fake)
	}
	if len(fake["SECRET_BLOCK"].(string)) != len(real["SECRET_BLOCK"].(string)) {
		t.Error("the blocks differ in length")
	}
	if other := w.startSRP(c, "hiding", "y@example.com"); other["SALT"] == fake["SALT"] || other["USER_ID_FOR_SRP"] == fake["USER_ID_FOR_SRP"] {
		t.Error("two names have one salt or id")
	}
	for _, name := range []string{"a@example.com", "z@example.com"} {
		in := w.srpAnswer(c, "hiding", w.startSRP(c, "hiding", name), "Wr0ngPass!")
		w.refused("RespondToAuthChallenge", in, "NotAuthorizedException", wrongPassword)
		w.refused("RespondToAuthChallenge", in, "NotAuthorizedException", "Invalid session for the user, session can only be used once.")
		w.refused("RespondToAuthChallenge", answering(w.srpAnswer(c, "hiding", w.startSRP(c, "hiding", name), "x"), obj{"USERNAME": "q@example.com"}),
			"NotAuthorizedException", "Invalid session for the user.")
		for range 4 {
			w.refused("RespondToAuthChallenge", w.srpAnswer(c, "hiding", w.startSRP(c, "hiding", name), "Wr0ngPass!"), "NotAuthorizedException", wrongPassword)
		}
		w.refused("RespondToAuthChallenge", w.srpAnswer(c, "hiding", w.startSRP(c, "hiding", name), goodPassword), "NotAuthorizedException", locked)
		// The lock is that of plain sign-in.
		w.refused("InitiateAuth", with(w.passwordAuth(name, goodPassword), obj{"ClientId": w.client("hiding")}), "NotAuthorizedException", locked)
	}
}

// A sign-in that fails takes the same computations whether there is a user or
// not, and whatever the user's state is: its time does not tell. Counted are
// those over numbers of 3072 bits, which all others vanish beside.
func TestSameWorkForNobody(t *testing.T) {
	pool := emailPool()
	pool.Clients[1].ExplicitAuthFlows = append(pool.Clients[1].ExplicitAuthFlows, "ALLOW_USER_SRP_AUTH", "ALLOW_USER_AUTH")
	w := newWorld(t, pool)
	w.confirmed("a@example.com")
	w.signUp("unconfirmed@example.com")
	w.confirmed("disabled@example.com")
	w.do("AdminDisableUser", w.user("disabled@example.com"))
	c := newSRPClient(vectorA)
	hiding := obj{"ClientId": w.client("hiding")}
	ways := map[string]func(name string){
		"password": func(name string) {
			w.refused("InitiateAuth", with(w.passwordAuth(name, "Wr0ngPass!"), hiding), "NotAuthorizedException", wrongPassword)
		},
		"SRP": func(name string) {
			w.refused("RespondToAuthChallenge", w.srpAnswer(c, "hiding", w.startSRP(c, "hiding", name), "Wr0ngPass!"), "NotAuthorizedException", wrongPassword)
		},
		"choice of a password": func(name string) {
			w.refused("InitiateAuth", w.userAuth("hiding", name, "PASSWORD", obj{"PASSWORD": "Wr0ngPass!"}), "NotAuthorizedException", wrongPassword)
		},
		"choice of SRP": func(name string) {
			out := w.do("InitiateAuth", w.userAuth("hiding", name, "PASSWORD_SRP", obj{"SRP_A": c.A.Text(16)}))
			answer := with(w.srpAnswer(c, "hiding", out["ChallengeParameters"].(obj), "Wr0ngPass!"), obj{"Session": out["Session"]})
			w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", wrongPassword)
		},
	}
	var work []string
	w.svc.CountSRP(func(what string) { w.mu.Lock(); defer w.mu.Unlock(); work = append(work, what) })
	for way, signIn := range ways {
		var first string
		for _, name := range []string{"a@example.com", "nobody@example.com", "unconfirmed@example.com", "disabled@example.com"} {
			work = nil
			signIn(name)
			took := strings.Join(work, ", ")
			if first == "" {
				first = took
			}
			if took == "" || took != first {
				t.Errorf("%s of %s takes %q, of a user %q", way, name, took, first)
			}
		}
	}
}

// The user's state is told in the second step, to who knows the password.
func TestSRPStates(t *testing.T) {
	w := newWorld(t, emailPool())
	c := newSRPClient(vectorA)
	answer := func(name, password string) obj {
		return w.srpAnswer(c, "plain", w.startSRP(c, "plain", name), password)
	}
	state := func(name, code, message string) {
		t.Helper()
		w.refused("RespondToAuthChallenge", answer(name, goodPassword), code, message)
		w.refused("RespondToAuthChallenge", answer(name, "Wr0ngPass!"), "NotAuthorizedException", wrongPassword)
	}
	w.signUp("a@example.com")
	state("a@example.com", "UserNotConfirmedException", "User is not confirmed.")
	w.do("AdminConfirmSignUp", w.user("a@example.com"))
	w.do("AdminUpdateUserAttributes", with(w.user("a@example.com"), obj{"UserAttributes": attrs("email_verified", "true")}))
	w.do("AdminDisableUser", w.user("a@example.com"))
	state("a@example.com", "NotAuthorizedException", "User is disabled.")
	w.do("AdminEnableUser", w.user("a@example.com"))
	w.do("AdminResetUserPassword", w.user("a@example.com"))
	state("a@example.com", "PasswordResetRequiredException", "Password reset required for the user")
	w.do("AdminCreateUser", with(w.user("n@example.com"), obj{"TemporaryPassword": goodPassword, "MessageAction": "SUPPRESS"}))
	out := w.do("RespondToAuthChallenge", answer("n@example.com", goodPassword))
	if out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || out["Session"] == nil {
		t.Fatalf("a temporary password gave %v", out)
	}
	next := w.newPassword(out["Session"].(string), "n@example.com")
	w.tokensOf(w.do("RespondToAuthChallenge", with(next, obj{"ClientId": w.client("plain")})))
}

func TestSRPSecretHash(t *testing.T) {
	pool := emailPool()
	pool.Clients[2].ExplicitAuthFlows = nil
	w := newWorld(t, pool)
	sub := w.confirmed("a@example.com")
	cl := w.svc.Pool("UserPool").Client("secret")
	hash := func(name string) obj {
		return obj{"SECRET_HASH": base64.StdEncoding.EncodeToString(mac([]byte(cl.Secret()), []byte(name+cl.ID())))}
	}
	c := newSRPClient(vectorA)
	start := w.srpStart(c, "secret", "a@example.com")
	w.refused("InitiateAuth", start, "NotAuthorizedException", "Client "+cl.ID()+" is configured with secret but SECRET_HASH was not received")
	hashed := func(name string) obj {
		return with(start, obj{"AuthParameters": with(start["AuthParameters"].(obj), hash(name))})
	}
	w.refused("InitiateAuth", hashed("b@example.com"), "NotAuthorizedException", "Unable to verify secret hash for client "+cl.ID())
	challenge := w.do("InitiateAuth", hashed("a@example.com"))["ChallengeParameters"].(obj)
	answer := w.srpAnswer(c, "secret", challenge, goodPassword)
	w.refused("RespondToAuthChallenge", answer, "NotAuthorizedException", "Client "+cl.ID()+" is configured with secret but SECRET_HASH was not received")
	w.refused("RespondToAuthChallenge", answering(answer, hash("b")), "NotAuthorizedException", "Unable to verify secret hash for client "+cl.ID())
	w.tokensOf(w.do("RespondToAuthChallenge", answering(answer, hash(sub))))
}

// exec changes the state behind the service's back.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	err := w.stage.DB().Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(statement, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
