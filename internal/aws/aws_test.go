package aws_test

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/aws"
)

func TestARNRoundTrip(t *testing.T) {
	for _, s := range []string{
		"arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_AbCdEfGhI",
		"arn:aws:lambda:us-east-1:000000000000:function:dev-notes-list",
		"arn:aws-us-gov:s3:::bucket/key",
	} {
		a, err := aws.ParseARN(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.String(); got != s {
			t.Errorf("ParseARN(%q).String() = %q", s, got)
		}
	}
}

func TestParseARNRefuses(t *testing.T) {
	for _, s := range []string{"", "arn:aws", "urn:aws:s3:::b", "arn::s3:::b", "arn:aws::::b", "arn:aws:s3:::"} {
		if a, err := aws.ParseARN(s); err == nil || a != (aws.ARN{}) {
			t.Errorf("ParseARN(%q) = %v, %v; want an error and no ARN", s, a, err)
		}
	}
}

func TestRequestIDIsUUIDv4(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := aws.NewRequestID(), aws.NewRequestID()
	if !form.MatchString(a) || a == b {
		t.Errorf("request ids %q and %q; want two different UUIDs of version 4", a, b)
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := error(&aws.Error{Code: "InternalErrorException", Message: "Internal error", Status: 500, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v lost its cause", err)
	}
}

// TestPrintable: what a caller chose stays as it is, unless it acts on a terminal or is
// long.
func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		" ada@example.com ":      "ada@example.com",
		"é 漢":                    "é 漢",
		"a\x1b[2J":               `"a\x1b[2J"`,
		"a\u202eb":               `"a\u202eb"`,
		"a\u200bb":               `"a\u200bb"`,
		"a\xffb":                 `"a\xffb"`,
		"a\ufffdb":               "\"a\ufffdb\"",
		"a\nb":                   `"a\nb"`,
		strings.Repeat("é", 401): strings.Repeat("é", 400) + "…",
	} {
		if got := aws.Printable(s); got != want {
			t.Errorf("%q is shown as %s, want %s", s, got, want)
		}
	}
}
