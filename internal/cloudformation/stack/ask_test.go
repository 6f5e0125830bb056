package stack_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// recorder sends every request to the fake, whatever its address, and keeps where it
// was to go and for which region it was signed.
type recorder struct {
	to   *url.URL
	seen map[string]string // host -> scope
}

var scope = regexp.MustCompile(`Credential=[^/]+/\d{8}/([^,]+)/aws4_request`)

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	r.seen[req.URL.Scheme+"://"+req.URL.Host] = scope.FindStringSubmatch(req.Header.Get("Authorization"))[1]
	req.URL.Scheme, req.URL.Host = r.to.Scheme, r.to.Host
	return http.DefaultClient.Do(req)
}

// TestQuestionsGoTo the services' own addresses of each partition, and to those that the
// configuration of the SDKs names.
// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
// https://docs.aws.amazon.com/general/latest/gr/cognito_identity.html
// https://docs.aws.amazon.com/general/latest/gr/asm.html
func TestQuestionsGoTo(t *testing.T) {
	for _, c := range []struct {
		name, partition, region string
		env                     map[string]string
		want                    []string
	}{
		{"aws", "aws", "eu-west-1", nil, []string{"https://iam.amazonaws.com us-east-1/iam", "https://cognito-idp.eu-west-1.amazonaws.com eu-west-1/cognito-idp", "https://secretsmanager.eu-west-1.amazonaws.com eu-west-1/secretsmanager"}},
		{"China", "aws-cn", "cn-northwest-1", nil, []string{"https://iam.cn-north-1.amazonaws.com.cn cn-north-1/iam", "https://cognito-idp.cn-northwest-1.amazonaws.com.cn cn-northwest-1/cognito-idp"}},
		{"GovCloud", "aws-us-gov", "us-gov-east-1", nil, []string{"https://iam.us-gov.amazonaws.com us-gov-west-1/iam", "https://secretsmanager.us-gov-east-1.amazonaws.com us-gov-east-1/secretsmanager"}},
		{"FIPS", "aws", "us-east-2", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, []string{"https://iam-fips.amazonaws.com us-east-1/iam", "https://cognito-idp-fips.us-east-2.amazonaws.com us-east-2/cognito-idp", "https://secretsmanager-fips.us-east-2.amazonaws.com us-east-2/secretsmanager"}},
		{"one service", "aws", "eu-west-1", map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://secrets.example/"}, []string{"https://secrets.example eu-west-1/secretsmanager", "https://iam.amazonaws.com us-east-1/iam"}},
		{"all services", "aws", "eu-west-1", map[string]string{"AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_IAM": "https://iam.example"}, []string{"https://iam.example us-east-1/iam"}},
		{"ignored", "aws", "eu-west-1", map[string]string{"AWS_ENDPOINT_URL_IAM": "https://iam.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, []string{"https://iam.amazonaws.com us-east-1/iam"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := withSecret(t)
			f.caller = strings.Replace(f.caller, "arn:aws:", "arn:"+c.partition+":", 1)
			for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": ""} {
				t.Setenv(name, value)
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			cfg, err := f.config(), error(nil)
			if cfg.AWS, err = stack.Load(t.Context(), c.region, ""); err != nil {
				t.Fatal(err)
			}
			to, err := url.Parse(f.URL)
			if err != nil {
				t.Fatal(err)
			}
			r := &recorder{to: to, seen: map[string]string{}}
			cfg.AWS.HTTPClient = r
			s, err := stack.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			d := wide(t)
			d.PlanOnly = true
			// A pool's domain is refused elsewhere, after all has been asked.
			if _, err := s.Deploy(t.Context(), d); err != nil && (c.partition == "aws" || !strings.Contains(err.Error(), "cannot go to the partition")) {
				t.Fatal(err, hint(err))
			}
			for _, want := range c.want {
				host, scope, _ := strings.Cut(want, " ")
				if r.seen[host] != scope {
					t.Errorf("%s was asked with the scope %q, want %q; all: %s", host, r.seen[host], scope, fmt.Sprint(r.seen))
				}
			}
		})
	}
}

// TestLocalServiceIsRefused: a local stage's endpoint is known by which service it is
// configured for, too.
func TestLocalServiceIsRefused(t *testing.T) {
	f := newFake(t)
	t.Setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://127.0.0.1:4566")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_PROFILE", "")
	loaded, err := stack.Load(t.Context(), region, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg := f.config()
	cfg.AWS.ConfigSources = loaded.ConfigSources
	cfg.Local = []stack.Local{{Endpoint: "http://localhost:4566", AccessKeyID: "AKIAOTHER"}}
	s, err := stack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Deploy(t.Context(), deployment(t))
	wantError(t, err, "a local stage's, not AWS's")
	equal(t, "calls", len(f.calls), 0)
}

// TestWithoutCredentials: what finds none says so once, by the error. The SDK's own
// warnings of the machine's role would stand on standard error beside it.
func TestWithoutCredentials(t *testing.T) {
	metadata := httptest.NewServer(http.NotFoundHandler())
	defer metadata.Close()
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL, "AWS_EC2_METADATA_DISABLED": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		"AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	standard := os.Stderr
	os.Stderr = said
	defer func() { os.Stderr = standard }()
	cfg := newFake(t).config()
	if cfg.AWS, err = stack.Load(t.Context(), region, ""); err != nil {
		t.Fatal(err)
	}
	s, err := stack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Deploy(t.Context(), deployment(t))
	wantError(t, err, "finding out whose the credentials are")
	if text, err := os.ReadFile(said.Name()); err != nil || len(text) > 0 {
		t.Errorf("standard error: %q, %v", text, err)
	}
}

// TestAnswersAreBounded, and what is no answer of AWS's is an error that says so.
func TestAnswersAreBounded(t *testing.T) {
	for answer, want := range map[string]string{
		strings.Repeat("x", 5<<20): "the answer has more than 4194304 bytes",
		"<html>":                   "the answer is not Secrets Manager's",
	} {
		f := withSecret(t)
		cfg := f.config()
		cfg.AWS.HTTPClient = doer(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("X-Amz-Target") == "" {
				return http.DefaultClient.Do(req)
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
		})
		s, err := stack.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Deploy(t.Context(), wide(t))
		wantError(t, err, "looking for the secret prod-notes/KEY", want)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(req *http.Request) (*http.Response, error) { return d(req) }
