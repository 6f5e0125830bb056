package sigv4_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	admin = sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
)

// lookupWith knows the admin's key, with the given session token.
func lookupWith(token string) func(context.Context, string, string) (string, error) {
	return func(_ context.Context, id, got string) (string, error) {
		if id != admin.AccessKeyID || got != token {
			return "", sigv4.ErrUnknownKey
		}
		return admin.SecretAccessKey, nil
	}
}

func verifier() *sigv4.Verifier {
	return &sigv4.Verifier{Service: "execute-api", Region: "eu-west-1", Lookup: lookupWith(""), Now: func() time.Time { return noon }}
}

// request gives a request as a server has it, signed at noon.
func request(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/orders?b=2&a=1", strings.NewReader(body))
	r.Host = "localhost:3100"
	r.Header.Set("Content-Type", "application/json")
	sigv4.Sign(r, []byte(body), admin, "execute-api", "eu-west-1", noon)
	return r
}

func TestVerify(t *testing.T) {
	id, err := verifier().Verify(request(`{"id":1}`), []byte(`{"id":1}`))
	want := sigv4.Identity{
		AccessKeyID:   admin.AccessKeyID,
		Form:          sigv4.HeaderForm,
		Scope:         sigv4.Scope{Date: "20261120", Region: "eu-west-1", Service: "execute-api", Terminator: "aws4_request"},
		SignedAt:      noon,
		SignedHeaders: []string{"content-length", "content-type", "host", "x-amz-date"},
	}
	if err != nil || !reflect.DeepEqual(id, want) {
		t.Errorf("Verify = %+v, %v; want %+v", id, err, want)
	}
}

// replace changes a part of the Authorization header.
func replace(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		h := r.Header.Get("Authorization")
		if !strings.Contains(h, old) {
			panic(h + " lacks " + old)
		}
		r.Header.Set("Authorization", strings.Replace(h, old, new, 1))
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func add(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func TestRefusals(t *testing.T) {
	const signed = "SignedHeaders=content-length;content-type;host;x-amz-date"
	for _, c := range []struct {
		name    string
		change  func(*http.Request)
		reason  sigv4.Reason
		code    string
		message string // exact, but for a final "…"
	}{
		{"no header", func(r *http.Request) { r.Header.Del("Authorization") },
			sigv4.MissingAuthentication, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"blank header", set("Authorization", "  "),
			sigv4.MissingAuthentication, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"presigned and signed", func(r *http.Request) { r.RequestURI += "&X-Amz-Algorithm=AWS4-HMAC-SHA256" },
			sigv4.TwoForms, "InvalidSignatureException", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},

		// The hash of "Bearer abc" and of "abc", by openssl dgst -sha256 -binary | base64.
		{"bearer token", set("Authorization", "Bearer abc"), sigv4.Malformed, "IncompleteSignatureException",
			"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."},
		{"no parameters, no date", func(r *http.Request) { r.Header.Set("Authorization", "abc"); r.Header.Del("X-Amz-Date") },
			sigv4.Malformed, "IncompleteSignatureException",
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
				"Authorization header requires 'SignedHeaders' parameter. " +
				"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
				"(Hashed with SHA-256 and encoded with Base64) Authorization=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="},
		{"parameter without value", replace(signed, "SignedHeaders"), sigv4.Malformed, "IncompleteSignatureException",
			"Invalid key=value pair…"},
		{"empty parameter", replace(signed, "SignedHeaders="), sigv4.Malformed, "IncompleteSignatureException",
			"Authorization header requires 'SignedHeaders' parameter. (Hashed…"},
		{"parameter twice", replace("Credential=", "Credential=a, Credential="), sigv4.Malformed, "IncompleteSignatureException",
			"Authorization header has more than one 'Credential' parameter."},
		{"unknown parameter", replace("Credential=", "Realm=a, Credential="), sigv4.Malformed, "IncompleteSignatureException",
			"Authorization header has an unknown parameter."},
		{"no algorithm", replace("AWS4-HMAC-SHA256 ", ""), sigv4.Malformed, "IncompleteSignatureException",
			"Authorization header must begin with the algorithm name, which cannot include an equal-sign"},
		{"other algorithm", replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), sigv4.Unsupported, "IncompleteSignatureException",
			"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "},
		{"short credential", replace("/execute-api", ""), sigv4.Malformed, "IncompleteSignatureException",
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAIOSFODNN7EXAMPLE/20261120/eu-west-1/aws4_request'"},
		{"no key", replace(admin.AccessKeyID, ""), sigv4.Malformed, "IncompleteSignatureException", "Credential must begin with…"},
		{"long key", replace(admin.AccessKeyID, strings.Repeat("A", 129)), sigv4.Malformed, "IncompleteSignatureException", "Credential must begin with…"},
		{"short signature", func(r *http.Request) {
			h := r.Header.Get("Authorization")
			r.Header.Set("Authorization", h[:len(h)-1])
		}, sigv4.Malformed, "IncompleteSignatureException", "Signature must be 64 lower-case hexadecimal digits."},
		{"upper-case signature", func(r *http.Request) {
			h, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", h+"Signature="+strings.ToUpper(s))
		}, sigv4.Malformed, "IncompleteSignatureException", "Signature must be 64 lower-case hexadecimal digits."},
		{"names out of order", replace("content-type;host", "host;content-type"), sigv4.Malformed, "IncompleteSignatureException", "SignedHeaders must be…"},
		{"name twice", replace("host;", "host;host;"), sigv4.Malformed, "IncompleteSignatureException", "SignedHeaders must be…"},
		{"upper-case name", replace("host;", "Host;"), sigv4.Malformed, "IncompleteSignatureException", "SignedHeaders must be…"},
		{"empty name", replace("host;", "host;;"), sigv4.Malformed, "IncompleteSignatureException", "SignedHeaders must be…"},
		{"two Authorization headers", add("Authorization", "Bearer abc"), sigv4.Malformed, "IncompleteSignatureException",
			"The request has more than one 'Authorization' header."},
		{"two dates", add("X-Amz-Date", "20261120T120000Z"), sigv4.Malformed, "IncompleteSignatureException",
			"The request has more than one 'X-Amz-Date' header."},
		{"not a date", set("X-Amz-Date", "201"), sigv4.Malformed, "IncompleteSignatureException",
			"Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"HTTP's date in X-Amz-Date", set("X-Amz-Date", noon.Format(http.TimeFormat)), sigv4.Malformed, "IncompleteSignatureException",
			"Date must be in ISO-8601…"},
		{"fraction of a second", set("X-Amz-Date", "20261120T120000.5Z"), sigv4.Malformed, "IncompleteSignatureException",
			"Date must be in ISO-8601…"},
		{"broken escape", func(r *http.Request) { r.RequestURI += "&c=%zz" }, sigv4.Malformed, "IncompleteSignatureException",
			"Illegal hex character in escape % pattern: %zz"},
		{"cut escape", func(r *http.Request) { r.RequestURI += "&c=%2" }, sigv4.Malformed, "IncompleteSignatureException",
			"Illegal hex character in escape % pattern: %2"},

		{"host not signed", replace("host;", ""), sigv4.UnsignedHeader, "InvalidSignatureException",
			"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"date not signed", replace(";x-amz-date", ""), sigv4.UnsignedHeader, "InvalidSignatureException",
			"'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."},
		{"target not signed", add("X-Amz-Target", "Service.Operation"), sigv4.UnsignedHeader, "InvalidSignatureException",
			"'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."},

		{"everything in the scope", replace("/20261120/eu-west-1/execute-api/aws4_request", "/20261119/us-east-1/s3/aws5_request"),
			sigv4.WrongScope, "InvalidSignatureException",
			"Credential should be scoped to a valid region, not 'us-east-1'. Credential should be scoped to correct service: 'execute-api'. " +
				"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. " +
				"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261119' != '20261120', from '20261120T120000Z'."},
		{"unknown key", replace(admin.AccessKeyID, "AKIAI44QH8DHBEXAMPLE"), sigv4.UnknownKey, "UnrecognizedClientException",
			"The security token included in the request is invalid."},
		{"signed header gone", func(r *http.Request) { r.Header.Del("Content-Type") }, sigv4.SignatureMismatch, "InvalidSignatureException",
			"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
		{"empty signed header gone", func(r *http.Request) {
			r.Header.Set("X-Empty", "")
			sigv4.Sign(r, []byte("{}"), admin, "execute-api", "eu-west-1", noon)
			r.Header.Del("X-Empty")
		}, sigv4.SignatureMismatch, "InvalidSignatureException", "The request signature…"},
		{"a query's signature in the query", func(r *http.Request) { r.RequestURI += "&X-Amz-Signature=" + sha("") }, sigv4.SignatureMismatch,
			"InvalidSignatureException", "The request signature…"},
		{"length unknown", func(r *http.Request) { r.ContentLength = -1 }, sigv4.SignatureMismatch, "InvalidSignatureException", "The request signature…"},

		{"long header", add("Authorization", ""), sigv4.Malformed, "IncompleteSignatureException", "The request has more than one…"},
		{"longer than the bound", replace("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 "+strings.Repeat(" ", 16<<10)), sigv4.TooLarge,
			"IncompleteSignatureException", "Authorization header is longer than 16384 bytes."},
		{"many names", replace("host;", "host;"+strings.Repeat("i;", 128)), sigv4.TooLarge, "IncompleteSignatureException",
			"SignedHeaders names more than 128 headers."},
		{"long target", func(r *http.Request) { r.RequestURI += strings.Repeat("x", 64<<10) }, sigv4.TooLarge,
			"IncompleteSignatureException", "The request target is longer than 65536 bytes."},
		{"large header", set("Content-Type", strings.Repeat("x", 64<<10)), sigv4.TooLarge,
			"IncompleteSignatureException", "The signed headers is longer…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("{}")
			c.change(r)
			id, err := verifier().Verify(r, []byte("{}"))
			e := refused(t, id, err, c.reason)
			if want, open := strings.CutSuffix(c.message, "…"); e.Message != want && !(open && strings.HasPrefix(e.Message, want)) {
				t.Errorf("the message is\n%q, want\n%q", e.Message, c.message)
			}
			if e.Reason.Code() != c.code {
				t.Errorf("the code is %s, want %s", e.Reason.Code(), c.code)
			}
			if (e.StringToSign != "") != (e.Reason == sigv4.SignatureMismatch) {
				t.Errorf("%s shows the string to sign %q", e.Reason, e.StringToSign)
			}
		})
	}
}

// The texts are API Gateway's, as published for signed, limit and now.
func TestClock(t *testing.T) {
	for _, c := range []struct {
		now     time.Time
		window  time.Duration
		reason  sigv4.Reason
		message string
	}{
		{noon, 0, "", ""},
		{noon.Add(5 * time.Minute), 0, "", ""},
		{noon.Add(5*time.Minute + 999*time.Millisecond), 0, "", ""}, // The messages know no fractions.
		{noon.Add(5*time.Minute + time.Second), 0, sigv4.Expired,
			"Signature expired: 20261120T120000Z is now earlier than 20261120T120001Z (20261120T120501Z - 5 min.)"},
		{noon.Add(-5 * time.Minute), 0, "", ""},
		{noon.Add(-5*time.Minute - time.Second), 0, sigv4.NotYetCurrent,
			"Signature not yet current: 20261120T120000Z is still later than 20261120T115959Z (20261120T115459Z + 5 min.)"},
		{noon.Add(15 * time.Minute), 15 * time.Minute, "", ""},
		{noon.Add(15*time.Minute + time.Second), 15 * time.Minute, sigv4.Expired,
			"Signature expired: 20261120T120000Z is now earlier than 20261120T120001Z (20261120T121501Z - 15 min.)"},
		{noon.In(time.FixedZone("", 9*3600)), 0, "", ""}, // The clock's zone does not matter.
	} {
		v := verifier()
		v.Now, v.Window = func() time.Time { return c.now }, c.window
		id, err := v.Verify(request("{}"), []byte("{}"))
		if c.reason == "" {
			if err != nil {
				t.Errorf("at %v: %v", c.now, err)
			}
			continue
		}
		if e := refused(t, id, err, c.reason); e.Message != c.message {
			t.Errorf("at %v: %q, want %q", c.now, e.Message, c.message)
		}
	}
}

// A request signed a minute before midnight is good a minute after.
func TestClockAcrossMidnight(t *testing.T) {
	midnight := time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	sigv4.Sign(r, nil, admin, "execute-api", "eu-west-1", midnight)
	v := verifier()
	v.Now = func() time.Time { return midnight.Add(2 * time.Minute) }
	if _, err := v.Verify(r, nil); err != nil {
		t.Error(err)
	}
}

// Some clients send Date alone, in ISO 8601 or as HTTP has it.
func TestDateHeader(t *testing.T) {
	for _, form := range []string{http.TimeFormat, "20060102T150405Z"} {
		r := request("{}")
		// What Sign did, with the date elsewhere: X-Amz-Date is in the
		// signature, so a mismatch shows what we made of Date.
		r.Header.Del("X-Amz-Date")
		r.Header.Set("Date", noon.Format(form))
		replace(";host;x-amz-date", ";date;host")(r)
		replace("content-length;content-type;date;host", "content-length;content-type;date;host")(r)
		id, err := verifier().Verify(r, []byte("{}"))
		e := refused(t, id, err, sigv4.SignatureMismatch)
		if !strings.HasPrefix(e.StringToSign, "AWS4-HMAC-SHA256\n20261120T120000Z\n20261120/") ||
			!strings.Contains(e.CanonicalRequest, "\ndate:"+noon.Format(form)+"\n") {
			t.Errorf("string to sign:\n%s\ncanonical request:\n%s", e.StringToSign, e.CanonicalRequest)
		}
	}
}

func TestExplanationIsAWSs(t *testing.T) {
	r := request("{}")
	r.Method = http.MethodPut
	_, err := verifier().Verify(r, []byte("{}"))
	var e *sigv4.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. " +
		"Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'PUT\n/orders\na=1&b=2\n" +
		"content-length:2\ncontent-type:application/json\nhost:localhost:3100\nx-amz-date:20261120T120000Z\n\ncontent-length;content-type;host;x-amz-date\n" +
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20261120T120000Z\n" +
		"20261120/eu-west-1/execute-api/aws4_request\n"
	if got := e.Explanation(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "'\n") {
		t.Errorf("Explanation:\n%q\nwant it to begin:\n%q", got, want)
	}
	if got := (&sigv4.Error{Message: "m"}).Explanation(); got != "m" {
		t.Errorf("Explanation without a canonical request = %q", got)
	}
}

func TestLookup(t *testing.T) {
	failed := errors.New("disk on fire")
	for _, c := range []struct {
		name   string
		secret string
		err    error
		reason sigv4.Reason
	}{
		{"unknown", "", fmt.Errorf("looking: %w", sigv4.ErrUnknownKey), sigv4.UnknownKey},
		{"a secret beside the error", admin.SecretAccessKey, sigv4.ErrUnknownKey, sigv4.UnknownKey},
		{"expired", "", fmt.Errorf("looking: %w", sigv4.ErrExpiredToken), sigv4.ExpiredToken},
		{"empty secret", "", nil, sigv4.UnknownKey},
		{"trouble", "", failed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := verifier()
			v.Lookup = func(context.Context, string, string) (string, error) { return c.secret, c.err }
			r := request("{}")
			if c.name == "empty secret" { // Signed with an empty secret, as anybody can.
				sigv4.Sign(r, []byte("{}"), sigv4.Credentials{AccessKeyID: "anybody"}, "execute-api", "eu-west-1", noon)
			}
			id, err := v.Verify(r, []byte("{}"))
			if c.reason != "" {
				refused(t, id, err, c.reason)
				return
			}
			var e *sigv4.Error
			if !errors.Is(err, failed) || errors.As(err, &e) || !reflect.DeepEqual(id, sigv4.Identity{}) {
				t.Errorf("Verify = %+v, %v; want Lookup's own error", id, err)
			}
		})
	}
}

func TestSessionTokenReachesLookup(t *testing.T) {
	c := admin
	c.SessionToken = "FwoGZXIvYXdzEXAMPLE=="
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	sigv4.Sign(r, nil, c, "execute-api", "eu-west-1", noon)
	id, err := verifier().Verify(r, nil) // Its Lookup knows the key without a token.
	refused(t, id, err, sigv4.UnknownKey)

	v := verifier()
	v.Lookup = lookupWith(c.SessionToken)
	if id, err := v.Verify(r, nil); err != nil || id.SessionToken != c.SessionToken {
		t.Errorf("Verify = %+v, %v", id, err)
	}
	sigv4.Sign(r, nil, admin, "execute-api", "eu-west-1", noon) // Signing again leaves no token behind.
	if _, err := verifier().Verify(r, nil); err != nil {
		t.Error(err)
	}
}

func TestUnfinishedVerifierRefusesAll(t *testing.T) {
	for _, v := range []*sigv4.Verifier{
		{}, {Service: "s", Region: "r"}, {Service: "s", Lookup: lookupWith("")}, {Region: "r", Lookup: lookupWith("")},
	} {
		if id, err := v.Verify(request("{}"), []byte("{}")); err == nil || !reflect.DeepEqual(id, sigv4.Identity{}) {
			t.Errorf("%+v verified %+v, %v", v, id, err)
		}
	}
}

// Over the wire, through Go's client and server, with what hops add.
func TestThroughServer(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ method, target, body string }{
		{http.MethodGet, "/", ""},
		{http.MethodPost, "/", "{}"},
		{http.MethodPost, "/empty", ""},
		{http.MethodGet, "/a%2Fb/%E1%88%B4/c%20d//e/../f/?x=%20%2B+&x=1&y&=z&%E1%88%B4=1;2", ""},
		{http.MethodDelete, "/~a/b:c@d!$&'()*+,;=", ""},
	} {
		v := verifier()
		v.Now = func() time.Time { return now }
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Header.Set("X-Amzn-Trace-Id", "Root=1-0-0")
			r.Header.Set("X-Amz-Cf-Id", "hop")
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
			if _, err := v.Verify(r, body); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
			}
		}))
		r, err := http.NewRequest(c.method, server.URL+c.target, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "before")
		r.Header.Add("X-Custom", " a   b ")
		r.Header.Add("X-Custom", "c")
		sigv4.Sign(r, []byte(c.body), admin, "execute-api", "eu-west-1", now)
		r.Header.Set("User-Agent", "after")
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		server.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %s", c.method, c.target, text)
		}
	}
}

func TestParseSignature(t *testing.T) {
	const text = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	a, err := sigv4.ParseSignature(text)
	if err != nil || a.String() != text {
		t.Fatalf("ParseSignature = %v, %v", a, err)
	}
	b, err := sigv4.ParseSignature("0" + text[1:])
	if err != nil || a.Equal(b) || !a.Equal(a) {
		t.Errorf("Equal says %t of itself, %t of another (%v)", a.Equal(a), a.Equal(b), err)
	}
	if reflect.TypeFor[sigv4.Signature]().Comparable() {
		t.Error("signatures can be compared with ==")
	}
	for _, s := range []string{"", text[1:], text + "0", strings.ToUpper(text), "g" + text[1:]} {
		if sig, err := sigv4.ParseSignature(s); err == nil || !sig.Equal(sigv4.Signature{}) {
			t.Errorf("ParseSignature(%q) = %v, %v", s, sig, err)
		}
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(request("{}").Header.Get("Authorization"))
	f.Add("Bearer abc")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host;x,Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
	f.Add("AWS4-HMAC-SHA256 Credential,  SignedHeaders= ,Signature==")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := sigv4.ParseAuthorization(header)
		if err != nil {
			var e *sigv4.Error
			if !errors.As(err, &e) || e.Message == "" || !reflect.DeepEqual(a, sigv4.Authorization{}) {
				t.Fatalf("ParseAuthorization(%q) = %+v, %v; want nothing and an *Error", header, a, err)
			}
			return
		}
		again, err := sigv4.ParseAuthorization(a.String())
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("%q reads as %+v, which reads as %+v, %v", header, a, again, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v, r, body := verifier(), request("{}"), []byte("{}")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body); err != nil {
			b.Fatal(err)
		}
	}
}

// nobody has a secret that nobody can know.
func nobody(context.Context, string, string) (string, error) { return rand.Text(), nil }
