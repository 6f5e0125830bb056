package sigv4_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// A refused signature can be compared with another canonical request, and with
// nothing else: of a request that was refused for anything else it tells nothing.
func TestErrorSigned(t *testing.T) {
	now := time.Date(2026, 11, 21, 14, 5, 11, 0, time.UTC)
	keys := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
	verifier := sigv4.Verifier{
		Service: "execute-api", Region: "us-east-1", Now: func() time.Time { return now },
		Lookup: func(context.Context, string, string) (string, error) { return keys.SecretAccessKey, nil },
	}
	refused := func(path string, at time.Time, secret string) *sigv4.Error {
		r := httptest.NewRequest("GET", "http://api.example/signed", nil)
		signer := keys
		signer.SecretAccessKey = secret
		sigv4.Sign(r, nil, signer, "execute-api", "us-east-1", at)
		r.URL.Path, r.RequestURI = path, path
		_, err := verifier.Verify(r, nil)
		var e *sigv4.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s is not refused: %v", path, err)
		}
		return e
	}
	e := refused("/sent", now, "secret")
	right := strings.Replace(e.CanonicalRequest, "/sent", "/signed", 1)
	if !e.Signed(right) || e.Signed(e.CanonicalRequest) || e.Signed("") || e.Signed(right+"\n") {
		t.Error("Signed does not tell what was signed")
	}
	if other := refused("/sent", now, "another secret"); other.Signed(right) || other.Signed(other.CanonicalRequest) {
		t.Error("a signature by another secret is said to be good")
	}
	if old := refused("/sent", now.Add(-time.Hour), "secret"); old.Signed(right) {
		t.Error("it tells of a request that was refused for its time")
	}
}
