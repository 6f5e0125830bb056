// Package verify verifies JSON Web Tokens that somebody else issued: their form,
// their signature, and by whom, for whom and when they were made.
//
//	keys, err := verify.NewRemote(verify.RemoteConfig{Issuer: "https://issuer.example"})
//	...
//	verifier, err := verify.New(verify.Config{
//		Issuer:     "https://issuer.example",
//		Audience:   []string{"https://api.example.com"},
//		Algorithms: []verify.Algorithm{verify.RS256},
//		Keys:       keys,
//	})
//	...
//	token, err := verifier.Verify(ctx, raw)
//
// It uses the standard library only, and that for the cryptography and for
// fetching keys: tokens and keys are read by a parser of its own, which is
// strict where encoding/json forgives.
//
// # What it owns
//
//   - the JWS Compact Serialization (RFC 7515), byte for byte: one token has one
//     spelling;
//   - signatures by RSA, RSA-PSS, ECDSA and Ed25519 (RFC 7518, 8037 and 9864);
//   - the registered claims iss, aud, exp, nbf and iat (RFC 7519 section 4.1),
//     and client_id in the place of aud for Amazon Cognito;
//   - JSON Web Key Sets (RFC 7517), and when to fetch them;
//   - a cache of tokens that were verified.
//
// # What it does not own
//
// It issues nothing and encrypts nothing. It does not take a token out of a
// request. It judges no scope, no group and no other claim: that is for the caller,
// who gets them all. It does not ask an issuer whether a token was revoked, and
// does not remember "jti": a token is good until it expires. It does not look at
// "typ", which is in Token.Header for a caller whose issuer makes tokens of
// several kinds for one audience (RFC 8725 section 3.11).
//
// # What it promises
//
// On error the Token is zero and the error is an *Error with a Reason. The checks
// go from cheap to costly and from public to private: form, header, key,
// signature, claims. Of a token whose signature is wrong, nothing else is ever
// said. Messages quote and shorten what a token says and never hold the token.
//
// What is unsafe cannot be asked for, or is named so: the algorithms have to be
// listed, and neither "none" nor HMAC can be; an audience has to be given, unless
// InsecureSkipAudience is set. An algorithm goes with one kind of key, and a key
// that names its algorithm with that one.
//
// Keys come from the KeySet and from nowhere else. The header parameters jwk, jku,
// x5u and x5c are ignored, as API Gateway ignores them; no address in a token is
// ever fetched. The key id is required, and is compared and nothing else. The
// parameters crit, b64, zip and enc, and a nested token ("cty": "JWT"), are
// refused.
//
// Every input has a bound: tokens of 16 KiB, JSON of 16 levels, dates up to the
// year 9999, key ids of 1 KiB, RSA keys of 2048 to 8192 bits, sets of 128 keys and
// 150,000 bytes, discovery documents of 64 KiB, 1.5 s for each request, no
// redirects, one fetch at a time.
//
// # Where the standards leave a choice
//
// The strict reading was taken. A token without exp, or without kid, is refused.
// So are a date before 1970, an array with anything but strings as aud, two
// members of one name anywhere, and a name of an algorithm in another case. There
// is no leeway for clocks unless it is configured: API Gateway documents none. A
// moment equal to exp is too late. Two keys of a set with one id are both refused,
// unless only one of them is for signatures. A discovery document has to name the
// issuer byte for byte, and an issuer on the network cannot send us to plain HTTP.
// Ed25519 and EdDSA are two names of one signature, and each is accepted only if
// it is listed itself. An RSA exponent of 65536 or less is refused (FIPS 186-5
// section A.1.1), and so are the keys that CVE-2017-15361 made factorable.
//
// In one thing the lenient reading was taken, and on purpose: while an issuer
// cannot be reached, the keys of the last good fetch stay in use, however old they
// are. Whoever can keep us from reaching the issuer can put off the end of a
// withdrawn key; refusing everybody would hand them an outage instead.
//
// # Speed
//
// Verifying costs hardly more than the bare cryptography, and a token seen before
// about a hundredth of it, without an allocation. A cached token is found by all
// its bytes; its times are judged again each time, and it is dropped when the keys
// change. The benchmarks show each cost beside its limit.
//
// # Goroutines
//
// A Verifier has none. A Remote has at most one, while it fetches; see there.
package verify
