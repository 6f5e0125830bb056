package verifytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// TestAgainstGoJose reads an issuer's keys and verifies its tokens by another
// implementation than ours.
func TestAgainstGoJose(t *testing.T) {
	for _, alg := range []verify.Algorithm{verify.RS256, verify.RS384, verify.RS512, verify.PS256, verify.PS384, verify.PS512, verify.ES256, verify.ES384, verify.ES512, verify.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			issuer := verifytest.NewIssuer(alg)
			defer issuer.Close()
			var discovery struct {
				Issuer  string `json:"issuer"`
				JWKSURI string `json:"jwks_uri"`
			}
			get(t, http.DefaultClient, issuer.URL()+verifytest.DiscoveryPath, &discovery)
			if discovery.Issuer != issuer.URL() || discovery.JWKSURI != issuer.JWKSURL() {
				t.Errorf("discovery document is %+v", discovery)
			}
			var set jose.JSONWebKeySet
			get(t, http.DefaultClient, discovery.JWKSURI, &set)
			jws, err := jose.ParseSignedCompact(issuer.Token(nil), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			keys := set.Key(issuer.KeyID())
			if len(keys) != 1 || !keys[0].Valid() {
				t.Fatalf("keys are %v", keys)
			}
			if _, err := jws.Verify(keys[0]); err != nil {
				t.Error(err)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

func get(t *testing.T, client *http.Client, address string, to any) {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, to); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
}

func TestFaults(t *testing.T) {
	issuer := verifytest.NewIssuer(verify.ES256)
	defer issuer.Close()
	for name, client := range map[string]*http.Client{
		"socket":    {Transport: &http.Transport{DisableKeepAlives: true}},
		"transport": {Transport: issuer.Transport()},
	} {
		t.Run(name, func(t *testing.T) {
			before := issuer.Fetches(verifytest.JWKSPath)
			issuer.SetDown(true)
			if response, err := client.Get(issuer.JWKSURL()); err == nil {
				response.Body.Close()
				t.Error("an issuer that is down answered")
			}
			issuer.SetDown(false)
			issuer.SetDelay(time.Hour)
			hasty := *client
			hasty.Timeout = 10 * time.Millisecond
			if response, err := hasty.Get(issuer.JWKSURL()); err == nil {
				response.Body.Close()
				t.Error("a slow issuer answered at once")
			}
			issuer.SetDelay(0)
			issuer.Handle(verifytest.JWKSPath, http.NotFoundHandler())
			if response, err := client.Get(issuer.JWKSURL()); err != nil || response.StatusCode != http.StatusNotFound {
				t.Errorf("%v, %v", response, err)
			} else {
				response.Body.Close()
			}
			issuer.Handle(verifytest.JWKSPath, nil)
			var set jose.JSONWebKeySet
			get(t, client, issuer.JWKSURL(), &set)
			if len(set.Keys) != 1 {
				t.Errorf("%d keys", len(set.Keys))
			}
			if n := issuer.Fetches(verifytest.JWKSPath) - before; n != 4 {
				t.Errorf("%d fetches, not 4", n)
			}
		})
	}
}

func TestRotateAndRetire(t *testing.T) {
	issuer := verifytest.NewIssuer(verify.ES256)
	defer issuer.Close()
	first := issuer.KeyID()
	second := issuer.Rotate(verify.EdDSA)
	if first == second || issuer.KeyID() != second {
		t.Errorf("keys are %s and %s, %s signs", first, second, issuer.KeyID())
	}
	published := func() int {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(issuer.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		return len(set.Keys)
	}
	if n := published(); n != 2 {
		t.Errorf("%d keys, not 2", n)
	}
	issuer.Retire(first)
	if n := published(); n != 1 {
		t.Errorf("%d keys, not 1", n)
	}
	issuer.Retire(second)
	if n := published(); n != 0 || issuer.KeyID() != second {
		t.Errorf("%d keys, not 0; %s signs", n, issuer.KeyID())
	}
}
