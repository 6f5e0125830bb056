package sigv4_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// s3Example is the verifier of the examples in S3's documentation.
func s3Example() *sigv4.Verifier {
	return &sigv4.Verifier{
		Service: "s3", Region: "us-east-1", S3: true, Lookup: lookupWith(""),
		Now: func() time.Time { return time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC) },
	}
}

// examplePresigned is the example of
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
const examplePresigned = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
	"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z" +
	"&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
	"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

// fromWire gives a request as a server has it.
func fromWire(method, host, target string, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = host
	return r
}

func TestPresignedExample(t *testing.T) {
	id, err := s3Example().Verify(fromWire("GET", "examplebucket.s3.amazonaws.com", examplePresigned, ""), nil)
	if err != nil || id.AccessKeyID != admin.AccessKeyID || id.Form != sigv4.QueryForm || !reflect.DeepEqual(id.SignedHeaders, []string{"host"}) {
		t.Errorf("Verify = %+v, %v", id, err)
	}
	r, err := http.NewRequest("GET", "https://examplebucket.s3.amazonaws.com/test.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := sigv4.Signer{Service: "s3", Region: "us-east-1", S3: true}
	u, err := signer.Presign(r, nil, admin, time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), 24*time.Hour)
	if err != nil || u.String() != "https://examplebucket.s3.amazonaws.com"+examplePresigned || r.URL.RawQuery != "" {
		t.Errorf("Presign = %v, %v; and the request's own query is %q", u, err, r.URL.RawQuery)
	}
	for _, expires := range []time.Duration{0, -time.Second, time.Millisecond, 1500 * time.Millisecond, sigv4.MaxExpires + time.Second} {
		if u, err := signer.Presign(r, nil, admin, noon, expires); err == nil || u != nil {
			t.Errorf("Presign for %v = %v, %v", expires, u, err)
		}
	}
}

// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
func TestS3HeaderExamples(t *testing.T) {
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct{ method, target, headers, hash, body, signature string }{
		{"GET", "/test.txt", "host;range;x-amz-content-sha256;x-amz-date", nothing, "", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"PUT", "/test$file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", "Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"GET", "/?lifecycle", "host;x-amz-content-sha256;x-amz-date", nothing, "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"GET", "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date", nothing, "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		r := fromWire(c.method, "examplebucket.s3.amazonaws.com", c.target, c.body)
		r.Header.Set("X-Amz-Date", "20130524T000000Z")
		r.Header.Set("X-Amz-Content-Sha256", c.hash)
		if strings.Contains(c.headers, "range") {
			r.Header.Set("Range", "bytes=0-9")
		}
		if strings.Contains(c.headers, "storage") {
			r.Header.Set("Date", "Fri, 24 May 2013 00:00:00 GMT")
			r.Header.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+c.headers+",Signature="+c.signature)
		if _, err := s3Example().Verify(r, []byte(c.body)); err != nil {
			t.Errorf("%s %s: %v", c.method, c.target, err)
		}
		id, err := s3Example().Verify(r, []byte(c.body+"x"))
		refused(t, id, err, sigv4.PayloadMismatch)
	}
}

// vanillaPresigned ends the string to sign of get-vanilla's query form, good for an hour.
const vanillaPresigned = "bb7705b4aa3cb8e8f5e1e0b3d4c0b64030797a313c8ceee43e33117cc43eadc5"

// The query variant of every vector.
func TestVectorsPresigned(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			r, body := parseRequest(t, v.request)
			path, query, _ := strings.Cut(r.RequestURI, "?")
			r.URL = &url.URL{Scheme: "http", Host: r.Host, Opaque: "//" + r.Host + path, RawQuery: query}
			c := sigv4.Credentials{
				AccessKeyID: v.context.Credentials.AccessKeyID, SecretAccessKey: v.context.Credentials.SecretAccessKey, SessionToken: v.context.Credentials.Token,
			}
			signer := sigv4.Signer{Service: v.context.Service, Region: v.context.Region, Path: v.rule()}
			u, err := signer.Presign(r, body, c, v.context.Timestamp, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			r.RequestURI = path + "?" + u.RawQuery
			verifier := v.verifier(c.SecretAccessKey)
			id, err := verifier.Verify(r, body)
			if err != nil || id.SessionToken != c.SessionToken || id.Form != sigv4.QueryForm {
				t.Fatalf("Verify = %+v, %v", id, err)
			}
			id, err = v.verifier("another").Verify(r, body)
			e := refused(t, id, err, sigv4.SignatureMismatch)
			if strings.Contains(e.CanonicalRequest, "X-Amz-Signature") || !strings.Contains(e.CanonicalRequest, "X-Amz-Expires=3600") ||
				strings.Contains(e.CanonicalRequest, "X-Amz-Security-Token=") != (c.SessionToken != "") {
				t.Errorf("canonical request:\n%s", e.CanonicalRequest)
			}
			if v.name == "get-vanilla" && !strings.HasSuffix(e.StringToSign, "\n"+vanillaPresigned) {
				t.Errorf("string to sign:\n%s", e.StringToSign)
			}
			id, err = verifier.Verify(r, append(body, 'x'))
			refused(t, id, err, sigv4.SignatureMismatch)
		})
	}
}

// changeQuery replaces a part of the query.
func changeQuery(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		if !strings.Contains(r.RequestURI, old) {
			panic(r.RequestURI + " lacks " + old)
		}
		r.RequestURI = strings.Replace(r.RequestURI, old, new, 1)
	}
}

func addQuery(more string) func(*http.Request) {
	return func(r *http.Request) { r.RequestURI += "&" + more }
}

func TestPresignedRefusals(t *testing.T) {
	presign := func(s3 bool) *http.Request {
		r := httptest.NewRequest("GET", "http://localhost:3100/orders?b=2&a=1", nil)
		r.Header.Set("X-Custom", "a")
		service := map[bool]string{true: "s3", false: "execute-api"}[s3]
		u, err := sigv4.Signer{Service: service, Region: "eu-west-1", S3: s3}.Presign(r, nil, admin, noon, 20*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = u.RequestURI()
		return r
	}
	must := "AWS query-string parameters must include "
	for _, c := range []struct {
		name    string
		s3      string // "only", "not", or ""
		change  func(*http.Request)
		reason  sigv4.Reason
		message string // exact, but for a final "…"
	}{
		{"two forms", "", set("Authorization", "Bearer abc"), sigv4.TwoForms, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{"all missing", "not", func(r *http.Request) { r.RequestURI = "/?X-Amz-Algorithm" }, sigv4.Malformed,
			must + "'X-Amz-Algorithm'. " + must + "'X-Amz-Credential'. " + must + "'X-Amz-Signature'. " + must + "'X-Amz-SignedHeaders'. " + must + "'X-Amz-Date'. " +
				"Re-examine the query-string parameters."},
		{"all missing", "only", func(r *http.Request) { r.RequestURI = "/?X-Amz-Algorithm" }, sigv4.Malformed,
			must + "'X-Amz-Algorithm'. " + must + "'X-Amz-Credential'. " + must + "'X-Amz-Signature'. " + must + "'X-Amz-SignedHeaders'. " + must + "'X-Amz-Date'. " +
				must + "'X-Amz-Expires'. Re-examine the query-string parameters."},
		{"no algorithm", "only", changeQuery("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), sigv4.Malformed, must + "'X-Amz-Algorithm'. Re-examine the query-string parameters."},
		{"no algorithm", "not", changeQuery("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), sigv4.MissingAuthentication, "Missing Authentication Token"},
		{"other algorithm", "", changeQuery("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), sigv4.Unsupported, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only…"},
		{"no expiry", "only", changeQuery("&X-Amz-Expires=1200", ""), sigv4.Malformed, must + "'X-Amz-Expires'. Re-examine the query-string parameters."},
		{"no expiry", "not", changeQuery("&X-Amz-Expires=1200", ""), sigv4.SignatureMismatch, "The request signature we…"},
		{"no number", "", changeQuery("Expires=1200", "Expires=1e3"), sigv4.Malformed, "X-Amz-Expires should be a number"},
		{"a sign", "", changeQuery("Expires=1200", "Expires=%2B1200"), sigv4.Malformed, "X-Amz-Expires should be a number"},
		{"negative", "", changeQuery("Expires=1200", "Expires=-1"), sigv4.Malformed, "X-Amz-Expires must be non-negative"},
		{"very negative", "", changeQuery("Expires=1200", "Expires=-99999999999999999999"), sigv4.Malformed, "X-Amz-Expires must be non-negative"},
		{"no time", "", changeQuery("Expires=1200", "Expires=0"), sigv4.Malformed, "X-Amz-Expires must be at least 1 second"},
		{"over a week", "", changeQuery("Expires=1200", "Expires=604801"), sigv4.Malformed, "X-Amz-Expires must be less than a week…"},
		{"over int64", "", changeQuery("Expires=1200", "Expires=99999999999999999999"), sigv4.Malformed, "X-Amz-Expires must be less than a week…"},
		{"a longer life", "", changeQuery("Expires=1200", "Expires=604800"), sigv4.SignatureMismatch, "The request signature we…"},
		{"twice", "", addQuery("X-Amz-Expires=1200"), sigv4.Malformed, "The query has more than one 'X-Amz-Expires' parameter."},
		{"twice in another case", "", addQuery("x-amz-expires=1200"), sigv4.Malformed, "The query has more than one 'x-amz-expires' parameter."},
		{"twice in escapes", "", addQuery("X%2DAmz-Expires=1200"), sigv4.Malformed, "The query has more than one 'X-Amz-Expires' parameter."},
		{"two signatures", "", addQuery("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"), sigv4.Malformed, "The query has more than one…"},
		{"another spelling", "", changeQuery("X-Amz-Date", "x-amz-date"), sigv4.Malformed, "The query has an unknown parameter 'x-amz-date'."},
		{"another spelling of names", "", changeQuery("X-Amz-SignedHeaders", "X-Amz-Signedheaders"), sigv4.Malformed, "The query has an unknown parameter…"},
		{"unknown", "not", addQuery("X-Amz-Acl=public-read"), sigv4.Malformed, "The query has an unknown parameter 'X-Amz-Acl'."},
		{"a header moved to the query", "only", addQuery("X-Amz-Acl=public-read"), sigv4.SignatureMismatch, "The request signature we…"},
		{"a token", "", addQuery("X-Amz-Security-Token=abc"), sigv4.UnknownKey, "The security token included in the request is invalid."},
		{"a token's header", "", set("X-Amz-Security-Token", "abc"), sigv4.Malformed, "The request is presigned; 'X-Amz-Security-Token' goes into its query."},
		{"an unsigned header", "", set("X-Amz-Acl", "public-read"), sigv4.UnsignedHeader, "'x-amz-acl' must be a 'SignedHeader' in the AWS Authorization."},
		{"a hash", "only", addQuery("X-Amz-Content-Sha256=abc"), sigv4.PayloadHashInvalid, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD…"},
		{"two hashes", "only", func(r *http.Request) {
			addQuery("X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")(r)
			changeQuery("%3Bx-custom", "%3Bx-amz-content-sha256%3Bx-custom")(r)
			r.Header.Set("X-Amz-Content-Sha256", sha(""))
		}, sigv4.PayloadHashInvalid, "The request has two values of x-amz-content-sha256."},
		{"chunks", "only", addQuery("X-Amz-Content-Sha256=STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), sigv4.Unsupported, "A presigned query cannot have a body in signed chunks."},
		{"no host", "", changeQuery("SignedHeaders=host%3Bx-custom", "SignedHeaders=x-custom"), sigv4.UnsignedHeader, "'Host' or…"},
		{"a signed header gone", "", func(r *http.Request) { r.Header.Del("X-Custom") }, sigv4.SignatureMismatch, "The request signature we…"},
		{"other region", "", changeQuery("eu-west-1", "us-east-1"), sigv4.WrongScope, "Credential should be scoped to a valid region, not 'us-east-1'."},
		{"a short credential", "", changeQuery("%2Faws4_request", ""), sigv4.Malformed, "Credential must have exactly 5…"},
		{"no date", "", changeQuery("X-Amz-Date=20261120T120000Z", "X-Amz-Date=20261120T120000.1Z"), sigv4.Malformed, "Date must be in ISO-8601…"},
		{"method", "", func(r *http.Request) { r.Method = "PUT" }, sigv4.SignatureMismatch, "The request signature we…"},
		{"long", "", addQuery(strings.Repeat("x", 64<<10)), sigv4.TooLarge, "The request target is longer…"},
	} {
		for _, s3 := range []bool{false, true} {
			if c.s3 == "only" && !s3 || c.s3 == "not" && s3 {
				continue
			}
			v := verifier()
			if s3 {
				v.Service, v.S3 = "s3", true
			}
			if _, err := v.Verify(presign(s3), nil); err != nil {
				t.Fatal(err)
			}
			r := presign(s3)
			c.change(r)
			id, err := v.Verify(r, nil)
			e := refused(t, id, err, c.reason)
			if want, open := strings.CutSuffix(c.message, "…"); e.Message != want && !(open && strings.HasPrefix(e.Message, want)) {
				t.Errorf("%s (S3 %t): the message is\n%q, want\n%q", c.name, s3, e.Message, c.message)
			}
			if (e.Form == sigv4.QueryForm) == (e.Reason == sigv4.TwoForms || e.Reason == sigv4.MissingAuthentication) && e.Reason != sigv4.TooLarge {
				t.Errorf("%s: the form is %q", c.name, e.Form)
			}
		}
	}
}

// The version before, of which the S3 documentation has these examples
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html), is
// refused by name.
func TestSignatureVersion2(t *testing.T) {
	header := fromWire("GET", "awsexamplebucket1.us-west-1.s3.amazonaws.com", "/photos/puppy.jpg", "")
	header.Header.Set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=")
	query := fromWire("GET", "awsexamplebucket1.us-west-1.s3.amazonaws.com",
		"/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620", "")
	for _, r := range []*http.Request{header, query} {
		id, err := s3Example().Verify(r, nil)
		refused(t, id, err, sigv4.Unsupported)
	}
}

// A presigned query is good from the window before its time to its end.
func TestPresignedClock(t *testing.T) {
	r := fromWire("GET", "examplebucket.s3.amazonaws.com", examplePresigned, "")
	begins := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now    time.Time
		reason sigv4.Reason
	}{
		{begins.Add(-15 * time.Minute), ""},
		{begins.Add(-15*time.Minute - time.Second), sigv4.NotYetCurrent},
		{begins.Add(24 * time.Hour), ""},
		{begins.Add(24*time.Hour + time.Second), sigv4.Expired},
	} {
		v := s3Example()
		v.Now = func() time.Time { return c.now }
		id, err := v.Verify(r, nil)
		if c.reason == "" {
			if err != nil {
				t.Errorf("at %v: %v", c.now, err)
			}
			continue
		}
		e := refused(t, id, err, c.reason)
		if !e.SignedAt.Equal(begins) || !e.ServerTime.Equal(c.now) || e.Expires.IsZero() != (c.reason != sigv4.Expired) {
			t.Errorf("at %v: %+v", c.now, e)
		}
	}
}

// S3's window is 15 minutes, and the times are given for its own message.
func TestS3Clock(t *testing.T) {
	for _, c := range []struct {
		off    time.Duration
		reason sigv4.Reason
	}{
		{15 * time.Minute, ""}, {-15 * time.Minute, ""},
		{15*time.Minute + time.Second, sigv4.Expired}, {-15*time.Minute - time.Second, sigv4.NotYetCurrent},
	} {
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		sigv4.Signer{Service: "s3", Region: "eu-west-1", S3: true}.Sign(r, nil, admin, noon)
		v := verifier()
		v.Service, v.S3, v.Now = "s3", true, func() time.Time { return noon.Add(c.off) }
		id, err := v.Verify(r, nil)
		if c.reason == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e := refused(t, id, err, c.reason); !e.SignedAt.Equal(noon) || !e.ServerTime.Equal(noon.Add(c.off)) || !e.Expires.IsZero() {
			t.Errorf("%+v", e)
		}
	}
}

func TestS3PayloadHash(t *testing.T) {
	for _, c := range []struct {
		name, hash string
		body       string
		reason     sigv4.Reason
	}{
		{"the hash", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}", ""},
		{"the hash of another body", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{ }", sigv4.PayloadMismatch},
		{"unsigned", "UNSIGNED-PAYLOAD", "anything", ""},
		{"missing", "", "{}", sigv4.PayloadHashMissing},
		{"upper case", "44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A", "{}", sigv4.PayloadHashInvalid},
		{"short", "44136fa3", "{}", sigv4.PayloadHashInvalid},
		{"lower-case marker", "unsigned-payload", "{}", sigv4.PayloadHashInvalid},
		{"another marker", "UNSIGNED-PAYLOAD-TRAILER", "{}", sigv4.PayloadHashInvalid},
		{"ECDSA", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "{}", sigv4.Unsupported},
		{"ECDSA with a trailer", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "{}", sigv4.Unsupported},
		{"chunks without a length", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "{}", sigv4.LengthMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("PUT", "http://localhost/b//./a%20b", strings.NewReader(c.body))
			if c.hash != "" {
				r.Header.Set("X-Amz-Content-Sha256", c.hash)
			}
			// As any signer of S3's form does, whatever the header says.
			signAs(r, c.hash, "s3", sigv4.KeepPath)
			v := verifier()
			v.Service, v.S3 = "s3", true
			id, err := v.Verify(r, []byte(c.body))
			if c.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, id, err, c.reason)
		})
	}
}

// Elsewhere the hash is always the body's: a marker does not lift it.
func TestUnsignedPayloadElsewhere(t *testing.T) {
	r := httptest.NewRequest("PUT", "http://localhost/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	signAs(r, "UNSIGNED-PAYLOAD", "execute-api", sigv4.NormalizePath)
	id, err := verifier().Verify(r, []byte("{}"))
	refused(t, id, err, sigv4.SignatureMismatch)
	if id, stream, err := verifier().VerifyStream(r); err == nil || stream != nil || !reflect.DeepEqual(id, sigv4.Identity{}) {
		t.Errorf("VerifyStream = %+v, %v, %v", id, stream, err)
	}
}
