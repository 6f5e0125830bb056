package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxLeeway is the largest Config.Leeway: RFC 7519 section 4.1.4 allows "some
// small leeway, usually no more than a few minutes".
const MaxLeeway = 5 * time.Minute

// DefaultCacheSize is how many verified tokens a Verifier remembers unless told
// otherwise. A token of Cognito costs about 4 KiB there.
const DefaultCacheSize = 16384

// A Config says which tokens to accept. New copies it.
type Config struct {
	// Issuer is what the claim "iss" must be, byte for byte: a trailing slash
	// more or less is another issuer. Required.
	Issuer string

	// Audience lists what the claim "aud" must have at least one of. Required,
	// unless InsecureSkipAudience is set.
	Audience []string

	// InsecureSkipAudience accepts tokens that the issuer made for anybody at
	// all. It is deadly wherever the issuer serves more than one application: a
	// token that a user gave to one of them opens all the others. Set it only if
	// the caller itself decides by "aud". Audience must be empty then.
	InsecureSkipAudience bool

	// ClientIDAudience compares the claim "client_id" with Audience if the token
	// has no "aud" at all, as the access tokens of Cognito have not. API Gateway
	// does so (API Gateway developer guide, http-api-jwt-authorizer).
	ClientIDAudience bool

	// Algorithms lists the values of "alg" to accept, exactly spelled. Required:
	// there is no default. API Gateway accepts the RSA family only.
	Algorithms []Algorithm

	// Keys finds the issuer's keys: a *Remote, a *StaticKeySet or your own.
	// Required.
	Keys KeySet

	// Leeway is how far the issuer's clock may be off, from zero, the default,
	// to MaxLeeway. It lengthens exp and brings forward nbf and iat.
	Leeway time.Duration

	// Now is the clock that exp, nbf and iat are judged by. Nil means time.Now.
	Now func() time.Time

	// CacheSize is how many verified tokens to remember, rounded up to a power
	// of two. Zero means DefaultCacheSize, a negative number none. The memory is
	// taken as tokens come.
	CacheSize int
}

// A Verifier verifies tokens. It may be used by many goroutines at once, starts
// none and needs no closing.
type Verifier struct {
	config  Config // its slices are the Verifier's own
	headers *headerCache
	tokens  *tokenCache  // nil if there is none
	keys    generational // Config.Keys, if tokens is not nil
	buffers *sync.Pool   // of *scratch
}

// New checks a configuration and gives its verifier. The error tells all that is
// wrong with it.
func New(config Config) (*Verifier, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.Audience = slices.Clone(config.Audience)
	config.Algorithms = slices.Clone(config.Algorithms)
	if config.Now == nil {
		config.Now = time.Now
	}
	v := &Verifier{
		config:  config,
		headers: newHeaderCache(),
		buffers: &sync.Pool{New: func() any { return new(scratch) }},
	}
	// A set that cannot say when its keys change would let a token outlive its
	// key: such a set gets no cache.
	if keys, ok := config.Keys.(generational); ok && config.CacheSize >= 0 {
		size := config.CacheSize
		if size == 0 {
			size = DefaultCacheSize
		}
		v.keys, v.tokens = keys, newTokenCache(size)
	}
	return v, nil
}

// check lists every mistake of a configuration.
func (c *Config) check() error {
	var wrong []error
	for _, row := range [...]struct {
		bad  bool
		text string
	}{
		{c.Issuer == "", "Issuer is empty"},
		{c.Keys == nil, "Keys is nil"},
		{len(c.Algorithms) == 0, "Algorithms is empty: name those that the issuer signs with, such as verify.RS256"},
		{len(c.Audience) == 0 && !c.InsecureSkipAudience, "Audience is empty: name who the tokens are for"},
		{len(c.Audience) > 0 && c.InsecureSkipAudience, "Audience and InsecureSkipAudience exclude each other"},
		{c.ClientIDAudience && c.InsecureSkipAudience, "ClientIDAudience and InsecureSkipAudience exclude each other"},
		{slices.Contains(c.Audience, ""), "Audience has an empty member"},
		{c.Leeway < 0 || c.Leeway > MaxLeeway, fmt.Sprintf("Leeway is %v, not 0 to %v", c.Leeway, MaxLeeway)},
		{c.CacheSize > maxCacheSize, fmt.Sprintf("CacheSize is %d, more than %d", c.CacheSize, maxCacheSize)},
	} {
		if row.bad {
			wrong = append(wrong, errors.New("verify: "+row.text))
		}
	}
	for _, alg := range c.Algorithms {
		if kind, _ := alg.scheme(); kind == unknownFamily {
			wrong = append(wrong, fmt.Errorf("verify: Algorithms has %s, which is not an algorithm with a public key", quote(string(alg))))
		}
	}
	return errors.Join(wrong...)
}

// Verify verifies a token in JWS Compact Serialization, without "Bearer " or
// anything else around it.
//
// It looks at the form and the header first, then finds the key, then checks the
// signature, and only then reads the claims, so that a forged token never learns
// that it is expired. Every error is an *Error, and the Token is zero then.
//
// A token that was verified before comes from a cache. Its times are judged
// again; its signature is not, until the keys change.
func (v *Verifier) Verify(ctx context.Context, raw string) (Token, error) {
	now := v.config.Now()
	var generation uint64
	var hash uint64
	if v.tokens != nil {
		generation = v.keys.Generation()
		hash = v.tokens.hash(raw)
		if hit := v.tokens.get(hash, raw, generation); hit != nil {
			if e := v.checkTimes(hit.Claims.set, now); e != nil {
				return Token{}, e
			}
			known := *hit
			known.Cached = true
			return known, nil
		}
	}
	token, e := v.verify(ctx, raw, now)
	if e != nil {
		return Token{}, e
	}
	if v.tokens != nil {
		// The generation is that of before the key was fetched: had the keys
		// changed since, the token would be dropped and not kept by mistake.
		v.tokens.put(hash, raw, generation, token)
	}
	return token, nil
}

// verify does the work of Verify without the cache of tokens.
func (v *Verifier) verify(ctx context.Context, raw string, now time.Time) (Token, *Error) {
	buf := v.buffers.Get().(*scratch)
	defer v.buffers.Put(buf)
	header, payload, e := v.authenticate(ctx, raw, buf)
	if e != nil {
		return Token{}, e
	}
	set, e := parseClaims(payload)
	if e == nil {
		e = v.checkClaims(set, now)
	}
	if e != nil {
		e.KeyID = header.KeyID
		return Token{}, e
	}
	return Token{Header: header, Claims: Claims{set}}, nil
}

// authenticate takes a token apart and checks its signature. The payload is a
// part of buf.
func (v *Verifier) authenticate(ctx context.Context, raw string, buf *scratch) (Header, []byte, *Error) {
	c, e := split(raw)
	if e != nil {
		return Header{}, nil, e
	}
	header, known := v.headers.get(c.header)
	if !known {
		if header, e = parseHeader(c.header); e != nil {
			return Header{}, nil, e
		}
	}
	if e := v.checkHeader(header); e != nil {
		return Header{}, nil, e
	}
	input, payload, signature, e := buf.decode(raw, c)
	if e != nil {
		return Header{}, nil, e
	}
	key, err := v.config.Keys.Key(ctx, header)
	if err != nil {
		return Header{}, nil, keyError(err, header)
	}
	if err := checkKey(key, header.Algorithm); err != nil {
		return Header{}, nil, &Error{Reason: KeyNotForAlgorithm, Claim: "alg", KeyID: header.KeyID, Got: []string{string(header.Algorithm)}, Err: err}
	}
	if !verifySignature(header.Algorithm, key, input, signature) {
		return Header{}, nil, &Error{Reason: BadSignature, KeyID: header.KeyID}
	}
	if !known {
		// Only headers of genuine tokens are remembered, so that forgeries cannot
		// push them out.
		v.headers.put(c.header, header)
	}
	return header, payload, nil
}

// maxKeyID bounds a key id, which goes to key sets and into maps. Cognito's are
// 44 bytes long.
const maxKeyID = 1024

// checkHeader judges a header before any key is looked for.
func (v *Verifier) checkHeader(h Header) *Error {
	if !slices.Contains(v.config.Algorithms, h.Algorithm) {
		want := make([]string, len(v.config.Algorithms))
		for i, alg := range v.config.Algorithms {
			want[i] = string(alg)
		}
		return &Error{Reason: AlgorithmNotAllowed, Claim: "alg", Got: []string{string(h.Algorithm)}, Want: want, KeyID: h.KeyID}
	}
	if h.KeyID == "" {
		// RFC 7515 section 4.1.4 makes it optional. API Gateway requires it, and
		// trying one key after the other is what it spares us.
		return &Error{Reason: KeyIDMissing, Claim: "kid"}
	}
	if len(h.KeyID) > maxKeyID {
		return malformed("kid", fmt.Sprintf("has a key id of %d bytes, more than %d", len(h.KeyID), maxKeyID))
	}
	return nil
}

// keyError makes an *Error of what a KeySet said.
func keyError(err error, h Header) *Error {
	var known *Error
	if errors.As(err, &known) {
		switch known.Reason {
		case UnknownKey, KeyNotForAlgorithm, DiscoveryUnavailable, KeysUnavailable:
			// A copy: several callers may have been given the same one.
			e := *known
			e.KeyID = h.KeyID
			if error(known) != err {
				e.Err = err
			}
			return &e
		}
	}
	return &Error{Reason: KeysUnavailable, KeyID: h.KeyID, Err: err}
}

// checkClaims judges the claims of a token whose signature is right: by whom,
// for whom, when.
func (v *Verifier) checkClaims(set *claimSet, now time.Time) *Error {
	issuer, ok := set.members.get("iss")
	if !ok {
		return &Error{Reason: MissingClaim, Claim: "iss"}
	}
	if issuer != v.config.Issuer {
		got := issuer.(string) // parseClaims has seen to it
		e := &Error{Reason: WrongIssuer, Claim: "iss", Got: []string{got}, Want: []string{v.config.Issuer}}
		if strings.TrimSuffix(got, "/") == strings.TrimSuffix(v.config.Issuer, "/") {
			e.Detail = "the trailing slash counts"
		}
		return e
	}
	if e := v.checkAudience(set); e != nil {
		return e
	}
	if !set.expires.present {
		return &Error{Reason: MissingClaim, Claim: "exp"}
	}
	return v.checkTimes(set, now)
}

// checkAudience wants one of the token's audiences to be one of ours.
func (v *Verifier) checkAudience(set *claimSet) *Error {
	name := "aud"
	value, ok := set.members.get(name)
	if !ok && v.config.ClientIDAudience {
		if value, ok = set.members.get("client_id"); ok {
			name = "client_id"
			if _, isString := value.(string); !isString {
				return badClaim(name, "is not a string")
			}
		}
	}
	if !ok {
		if v.config.InsecureSkipAudience {
			return nil
		}
		return &Error{Reason: MissingClaim, Claim: "aud", Want: slices.Clone(v.config.Audience)}
	}
	got, ok := stringList(value)
	if !ok {
		return badClaim(name, "is not a string or an array of strings")
	}
	if v.config.InsecureSkipAudience {
		return nil
	}
	for _, audience := range got {
		if slices.Contains(v.config.Audience, audience) {
			return nil
		}
	}
	return &Error{Reason: WrongAudience, Claim: name, Got: got, Want: slices.Clone(v.config.Audience)}
}

// checkTimes judges what the clock decides. Rounding and equality go against the
// token: at the moment of exp it is expired (RFC 7519 section 4.1.4).
func (v *Verifier) checkTimes(set *claimSet, now time.Time) *Error {
	if exp := set.expires.time(); !now.Before(exp.Add(v.config.Leeway)) {
		return &Error{Reason: Expired, Claim: "exp", At: exp, Now: now}
	}
	latest := now.Add(v.config.Leeway)
	if nbf := set.notBefore.ceil(); set.notBefore.present && nbf.After(latest) {
		return &Error{Reason: NotYetValid, Claim: "nbf", At: nbf, Now: now}
	}
	if iat := set.issuedAt.ceil(); set.issuedAt.present && iat.After(latest) {
		return &Error{Reason: IssuedInTheFuture, Claim: "iat", At: iat, Now: now}
	}
	return nil
}
