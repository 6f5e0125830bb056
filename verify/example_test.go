package verify_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// Verify the access tokens of an issuer that has a discovery document.
func Example() {
	issuer := verifytest.NewIssuer(verify.RS256) // stands for https://issuer.example
	defer issuer.Close()

	keys, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer.URL()})
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	verifier, err := verify.New(verify.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.example.com"},
		Algorithms: []verify.Algorithm{verify.RS256},
		Keys:       keys,
	})
	if err != nil {
		panic(err)
	}

	raw := issuer.Token(verifytest.Claims{"sub": "alice", "scope": "read:unicorn list:unicorns"})
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		panic(err)
	}
	subject, _ := token.Claims.String("sub")
	scope, _ := token.Claims.String("scope")
	fmt.Println(subject, "may", scope)
	// Output: alice may read:unicorn list:unicorns
}

// Keys that are at hand need no network.
func ExampleNewStaticKeySet() {
	issuer := verifytest.NewIssuer(verify.EdDSA)
	defer issuer.Close()

	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{issuer.KeyID(): issuer.PublicKey()})
	if err != nil {
		panic(err)
	}
	verifier, err := verify.New(verify.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.example.com"},
		Algorithms: []verify.Algorithm{verify.EdDSA},
		Keys:       keys,
	})
	if err != nil {
		panic(err)
	}
	token, err := verifier.Verify(context.Background(), issuer.Token(nil))
	fmt.Println(token.Header.Algorithm, token.Header.KeyID, err)
	// Output: EdDSA key-1 <nil>
}

// A JWK Set from a file.
func ExampleParseKeySet() {
	keys, err := verify.ParseKeySet([]byte(`{"keys": [
		{"kid": "2026-01", "kty": "OKP", "crv": "Ed25519", "use": "sig", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kid": "secret", "kty": "oct", "k": "c2VjcmV0"}
	]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(keys.KeyIDs())
	// Output: [2026-01]
}

// Every error of Verify has a reason to decide by and a message to show.
func ExampleError() {
	now := time.Date(2026, 3, 4, 14, 5, 31, 0, time.UTC)
	clock := func() time.Time { return now }
	issuer := verifytest.NewIssuer(verify.ES256)
	defer issuer.Close()
	issuer.Now = clock

	keys, err := verify.ParseKeySet(issuer.JWKS())
	if err != nil {
		panic(err)
	}
	verifier, err := verify.New(verify.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.example.com"},
		Algorithms: []verify.Algorithm{verify.ES256},
		Keys:       keys,
		Now:        clock,
	})
	if err != nil {
		panic(err)
	}
	raw := issuer.Token(verifytest.Claims{"exp": now.Add(-200 * time.Second).Unix()})
	_, err = verifier.Verify(context.Background(), raw)
	var refusal *verify.Error
	if errors.As(err, &refusal) && refusal.Reason == verify.Expired {
		fmt.Println("sign in again:", refusal.Message())
	}
	// Output: sign in again: token expired 3m ago (exp 14:02:11)
}

// The access tokens of an Amazon Cognito user pool name their app client in
// "client_id" and have no "aud".
func ExampleConfig_cognito() {
	pool := verifytest.NewIssuer(verify.RS256) // https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example
	defer pool.Close()

	keys, err := verify.NewRemote(verify.RemoteConfig{Issuer: pool.URL()})
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	verifier, err := verify.New(verify.Config{
		Issuer:           pool.URL(),
		Audience:         []string{"1example23456789"},
		ClientIDAudience: true,
		Algorithms:       []verify.Algorithm{verify.RS256},
		Keys:             keys,
	})
	if err != nil {
		panic(err)
	}
	access := pool.Token(verifytest.Claims{"aud": verifytest.Absent, "client_id": "1example23456789", "token_use": "access"})
	_, err = verifier.Verify(context.Background(), access)
	fmt.Println(err)
	// Output: <nil>
}
