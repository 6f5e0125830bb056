package auth0

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Lifetimes of what no API sets
// (https://auth0.com/docs/secure/tokens/token-lifetimes).
const (
	opaqueLife  = 24 * time.Hour
	idTokenLife = 10 * time.Hour
)

// accessClaims are those of an access token for an API, in Auth0's order. The
// dialects differ in the last ones
// (https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles).
type accessClaims struct {
	Issuer      string    `json:"iss"`
	Subject     string    `json:"sub"`
	Audience    any       `json:"aud"` // a text, or a list with the userinfo endpoint
	IssuedAt    int64     `json:"iat"`
	Expires     int64     `json:"exp"`
	Scope       string    `json:"scope,omitempty"`
	GrantType   string    `json:"gty,omitempty"`
	Party       string    `json:"azp,omitempty"`
	ID          string    `json:"jti,omitempty"`
	ClientID    string    `json:"client_id,omitempty"`
	Permissions *[]string `json:"permissions,omitempty"`

	custom map[string]any // of an Action; no name of the others'
}

// MarshalJSON writes the custom claims behind the others.
func (a accessClaims) MarshalJSON() ([]byte, error) {
	type plain accessClaims // without this method
	b, err := json.Marshal(plain(a))
	if err != nil || len(a.custom) == 0 {
		return b, err
	}
	more, err := json.Marshal(a.custom)
	if err != nil {
		return nil, err
	}
	return append(append(b[:len(b)-1], ','), more[1:]...), nil
}

// accessToken is what an access token for an API says.
type accessToken struct {
	api         *APIConfig
	client      *client
	subject     string
	scopes      []string
	permissions []string
	custom      map[string]any // claims of an Action
	grantType   string         // only those that Auth0 tells
	life        time.Duration
	issued      time.Time // now if zero
}

// sign gives the token.
func (t *Tenant) sign(a accessToken) (string, error) {
	now := a.issued
	if now.IsZero() {
		now = t.svc.cfg.Now()
	}
	claims := accessClaims{
		Issuer: t.issuer, Subject: a.subject, Audience: a.api.Identifier, IssuedAt: now.Unix(), Expires: now.Add(a.life).Unix(),
		Scope: strings.Join(a.scopes, " "), custom: a.custom,
	}
	if slices.Contains(a.scopes, "openid") {
		claims.Audience = []string{a.api.Identifier, t.userinfo()}
	}
	if authz(a.api.Dialect) {
		claims.Permissions = &a.permissions
	}
	if a.api.Dialect == DialectRFC9068 || a.api.Dialect == DialectRFC9068Authz {
		claims.ID, claims.ClientID = aws.NewRequestID(), a.client.id
		return t.signed("at+jwt", claims)
	}
	claims.GrantType, claims.Party = a.grantType, a.client.id
	return t.signed("JWT", claims)
}

// opaqueClaims are what an access token without an audience says to the userinfo
// endpoint, and to nobody else.
type opaqueClaims struct {
	Grant   string `json:"grant"`
	Subject string `json:"sub"`
	Scope   string `json:"scope"`
	Expires int64  `json:"exp"`
}

// opaqueHeader is the protected header of an opaque token: a JWE (RFC 7516) of
// direct encryption, as Auth0's are.
func (t *Tenant) opaqueHeader() string {
	header, err := json.Marshal(struct {
		Algorithm  string `json:"alg"`
		Encryption string `json:"enc"`
		Issuer     string `json:"iss"`
	}{"dir", "A256GCM", t.issuer})
	if err != nil {
		panic("auth0: " + err.Error()) // three texts encode
	}
	return base64.RawURLEncoding.EncodeToString(header)
}

func (t *Tenant) opaqueCipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(t.engine.Key("opaque"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal gives an opaque token.
func (t *Tenant) seal(claims opaqueClaims) (string, error) {
	aead, err := t.opaqueCipher()
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	header, nonce := t.opaqueHeader(), make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed := aead.Seal(nil, nonce, plain, []byte(header))
	cut := len(sealed) - aead.Overhead()
	encode := base64.RawURLEncoding.EncodeToString
	return header + ".." + encode(nonce) + "." + encode(sealed[:cut]) + "." + encode(sealed[cut:]), nil
}

// unseal gives what an opaque token of this tenant says, or false.
func (t *Tenant) unseal(token string) (opaqueClaims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 5 || parts[0] != t.opaqueHeader() || parts[1] != "" {
		return opaqueClaims{}, false
	}
	aead, err := t.opaqueCipher()
	if err != nil {
		return opaqueClaims{}, false
	}
	var raw [3][]byte
	for i, part := range parts[2:] {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return opaqueClaims{}, false
		}
	}
	if len(raw[0]) != aead.NonceSize() || len(raw[2]) != aead.Overhead() {
		return opaqueClaims{}, false
	}
	plain, err := aead.Open(nil, raw[0], append(raw[1], raw[2]...), []byte(parts[0]))
	var claims opaqueClaims
	if err != nil || json.Unmarshal(plain, &claims) != nil || t.svc.cfg.Now().Unix() >= claims.Expires {
		return opaqueClaims{}, false
	}
	return claims, true
}

// profile gives the claims about a user that scopes let an application see.
func (u *user) profile(scopes []string) map[string]any {
	claims := map[string]any{"sub": u.id}
	if slices.Contains(scopes, "profile") {
		claims["nickname"], claims["name"] = or(u.Nickname, strings.SplitN(u.Email, "@", 2)[0]), or(u.Name, u.Email)
		claims["picture"] = or(u.Picture, picture(u.Email))
		claims["updated_at"] = u.updated.UTC().Format("2006-01-02T15:04:05.000Z")
		for name, value := range map[string]string{"given_name": u.GivenName, "family_name": u.FamilyName} {
			if value != "" {
				claims[name] = value
			}
		}
	}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = u.Email, u.EmailVerified
	}
	return claims
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// picture is the address that Auth0 gives users without a picture.
func picture(email string) string {
	sum := md5.Sum([]byte(email)) // Gravatar's name for an address
	fallback := "https://cdn.auth0.com/avatars/" + email[:min(2, len(email))] + ".png"
	return fmt.Sprintf("https://s.gravatar.com/avatar/%s?s=480&r=pg&d=%s", hex.EncodeToString(sum[:]), url.QueryEscape(fallback))
}

// idTokenOf is what of an ID token is not the grant's.
type idTokenOf struct {
	nonce  string
	scopes []string
	bound  map[string]string // at_hash and c_hash
}

// idToken gives the ID token of a grant (OpenID Connect Core 1.0 section 2).
func (t *Tenant) idToken(g *grant, u *user, cl *client, of idTokenOf) (string, error) {
	now := t.svc.cfg.Now()
	claims := u.profile(of.scopes)
	for name, hash := range of.bound {
		claims[name] = hash
	}
	g.outcome.addTo(claims, of.scopes)
	claims["iss"], claims["aud"] = t.issuer, cl.id
	if g.sid != "" { // a password brings no session
		claims["sid"] = g.sid
	}
	claims["iat"], claims["exp"] = now.Unix(), now.Add(idTokenLife).Unix()
	if of.nonce != "" {
		claims["nonce"] = of.nonce
	}
	if g.tellTime {
		claims["auth_time"] = g.authTime.Unix()
	}
	return t.signed("JWT", claims)
}
