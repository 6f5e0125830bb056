package sigv4_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

func ExampleVerifier() {
	secrets := map[string]string{"AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	verifier := &sigv4.Verifier{
		Service: "execute-api",
		Region:  "us-east-1",
		Lookup: func(_ context.Context, accessKeyID, sessionToken string) (string, error) {
			secret, ok := secrets[accessKeyID]
			if !ok || sessionToken != "" {
				return "", sigv4.ErrUnknownKey
			}
			return secret, nil
		},
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost:3100/private", nil)
	sigv4.Sign(r, nil, sigv4.Credentials{
		AccessKeyID:     "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	}, "execute-api", "us-east-1", time.Now())

	id, err := verifier.Verify(r, nil)
	fmt.Println(id.AccessKeyID, err)

	r.RequestURI = "/admin"
	_, err = verifier.Verify(r, nil)
	var refusal *sigv4.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Reason, "->", refusal.Reason.Code())
	}
	// Output:
	// AKIAIOSFODNN7EXAMPLE <nil>
	// signature mismatch -> InvalidSignatureException
}

func ExampleSign() {
	r, err := http.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(r, nil, sigv4.Credentials{
		AccessKeyID:     "AKIDEXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	}, "iam", "us-east-1", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	fmt.Println(r.Header.Get("Authorization"))
	// Output:
	// AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7
}
