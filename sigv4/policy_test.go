package sigv4_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html,
// whose lines end in CRLF.
const examplePolicy = `{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}`

func TestPolicyExample(t *testing.T) {
	fields := map[string][]string{
		"bucket": {"sigv4examplebucket"}, "key": {"user/user1/photo.jpg"}, "acl": {"public-read"},
		"success_action_redirect": {"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
		"Content-Type":            {"image/jpeg"}, "x-amz-meta-uuid": {"14365123651274"}, "x-amz-server-side-encryption": {"AES256"},
		"X-Amz-Credential": {"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"}, "X-Amz-Algorithm": {"AWS4-HMAC-SHA256"},
		"X-Amz-Date": {"20151229T000000Z"}, "x-amz-meta-tag": {""},
		"Policy":          {base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(examplePolicy, "\n", "\r\n")))},
		"X-Amz-Signature": {"8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
	}
	v := s3Example()
	v.Now = func() time.Time { return time.Date(2015, 12, 29, 12, 0, 0, 0, time.UTC) }
	id, policy, err := v.VerifyPolicy(t.Context(), fields)
	want := sigv4.Policy{Expiration: time.Date(2015, 12, 30, 12, 0, 0, 0, time.UTC), MaxLength: math.MaxInt64}
	if err != nil || policy != want || id.AccessKeyID != admin.AccessKeyID || id.Form != sigv4.PolicyForm || id.SignedHeaders != nil {
		t.Errorf("VerifyPolicy = %+v, %+v, %v", id, policy, err)
	}
}

// signedForm gives the fields of a form signed at noon, and whose policy is
// changed before it is signed.
func signedForm(change func(policy map[string]any)) map[string][]string {
	credential := admin.AccessKeyID + "/" + scopeOfTests + "s3/aws4_request"
	policy := map[string]any{
		"expiration": "2026-11-20T13:00:00Z",
		"conditions": []any{
			map[string]any{"bucket": "uploads"},
			[]any{"eq", "$key", "a/photo.jpg"},
			[]any{"starts-with", "$Content-Type", "image/"},
			[]any{"content-length-range", 1, 1024},
			map[string]any{"x-amz-credential": credential},
			map[string]any{"x-amz-algorithm": "AWS4-HMAC-SHA256"},
			map[string]any{"x-amz-date": "20261120T120000Z"},
		},
	}
	if change != nil {
		change(policy)
	}
	data, err := json.Marshal(policy)
	if err != nil {
		panic(err)
	}
	text := base64.StdEncoding.EncodeToString(data)
	return map[string][]string{
		"bucket": {"uploads"}, "key": {"a/photo.jpg"}, "Content-Type": {"image/jpeg"}, "policy": {text},
		"x-amz-credential": {credential}, "x-amz-algorithm": {"AWS4-HMAC-SHA256"}, "x-amz-date": {"20261120T120000Z"},
		"x-amz-signature": {hex.EncodeToString(hmacOf(keyOfTests("s3"), text))},
	}
}

// condition adds a condition, or replaces the one at i.
func condition(i int, c any) func(map[string]any) {
	return func(p map[string]any) {
		list := p["conditions"].([]any)
		if i < 0 {
			p["conditions"] = append(list, c)
			return
		}
		list[i] = c
	}
}

func field(name string, values ...string) func(map[string][]string) {
	return func(f map[string][]string) {
		if f[name] = values; len(values) == 0 {
			delete(f, name)
		}
	}
}

func TestPolicy(t *testing.T) {
	const failed = "Invalid according to Policy: Policy Condition failed: "
	for _, c := range []struct {
		name    string
		policy  func(map[string]any)
		form    func(map[string][]string)
		reason  sigv4.Reason
		message string // exact, but for a final "…"
	}{
		{"good", nil, nil, "", ""},
		{"names in any case", condition(1, []any{"eq", "$KEY", "a/photo.jpg"}), func(f map[string][]string) { f["Key"] = f["key"]; delete(f, "key") }, "", ""},
		{"fields that need no condition", nil, func(f map[string][]string) { f["x-ignore-me"], f["file"] = []string{"1"}, []string{"name"} }, "", ""},
		{"a list of types", nil, field("Content-Type", "image/jpg,image/png,image/gif"), "", ""},
		{"a mixed list of types", nil, field("Content-Type", "image/jpg,text/plain"), sigv4.PolicyDenied, failed + `["starts-with", "$Content-Type", "image/"]`},
		{"another type", nil, field("Content-Type", "text/html"), sigv4.PolicyDenied, failed + `["starts-with", "$Content-Type", "image/"]`},
		{"no type", condition(2, []any{"starts-with", "$Content-Type", ""}), field("Content-Type"), sigv4.PolicyDenied, failed + `["starts-with", "$Content-Type", ""]`},
		{"another key", nil, field("key", "b/photo.jpg"), sigv4.PolicyDenied, failed + `["eq", "$key", "a/photo.jpg"]`},
		{"a key that goes on", nil, field("key", "a/photo.jpg.exe"), sigv4.PolicyDenied, failed + `["eq", "$key", "a/photo.jpg"]`},
		{"another bucket", nil, field("bucket", "others"), sigv4.PolicyDenied, failed + `["eq", "$bucket", "uploads"]`},
		{"a field more", nil, field("ACL", "public-read"), sigv4.PolicyDenied, "Invalid according to Policy: Extra input fields: acl"},
		{"a token more", nil, field("x-amz-security-token", "abc"), sigv4.UnknownKey, "The security token included in the request is invalid."},
		{"no condition on the bucket", condition(0, map[string]any{"key": "a/photo.jpg"}), nil, sigv4.PolicyDenied, "Invalid according to Policy: Extra input fields: bucket"},
		{"no condition on the date", condition(6, map[string]any{"key": "a/photo.jpg"}), nil, sigv4.PolicyDenied, "Invalid according to Policy: Extra input fields: x-amz-date"},
		{"a condition without the dollar", condition(1, []any{"eq", "key", "a/photo.jpg"}), nil, sigv4.PolicyDenied, failed + `["eq", "key", "a/photo.jpg"]`},
		{"no range", condition(3, []any{"content-length-range", "ten", "20"}), nil, sigv4.PolicyDenied, failed + `["content-length-range", "ten", "20"]`},
		{"a negative range", condition(3, []any{"content-length-range", -1, 20}), nil, sigv4.PolicyDenied, failed + `["content-length-range", "-1", "20"]`},
		{"a range of strings", condition(3, []any{"content-length-range", "1", "1024"}), nil, "", ""},
		{"an open range", condition(3, []any{"content-length-range", 1}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Condition…"},

		{"expired", func(p map[string]any) { p["expiration"] = "2026-11-20T11:59:59Z" }, nil, sigv4.PolicyExpired, "Invalid according to Policy: Policy expired."},
		{"no expiration", func(p map[string]any) { delete(p, "expiration") }, nil, sigv4.PolicyMalformed, "Invalid Policy: Policy missing expiration."},
		{"null expiration", func(p map[string]any) { p["expiration"] = nil }, nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid 'expiration' value: ''"},
		{"another expiration", func(p map[string]any) { p["expiration"] = "tomorrow" }, nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid 'expiration' value: 'tomorrow'"},
		{"an offset", func(p map[string]any) { p["expiration"] = "2026-11-20T13:00:00+09:00" }, nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid 'expiration' value…"},
		{"no conditions", func(p map[string]any) { delete(p, "conditions") }, nil, sigv4.PolicyMalformed, "Invalid Policy: Policy missing conditions."},
		{"null conditions", func(p map[string]any) { p["conditions"] = nil }, nil, sigv4.PolicyMalformed, "Invalid Policy: Policy missing conditions."},
		{"empty conditions", func(p map[string]any) { p["conditions"] = []any{} }, nil, sigv4.PolicyDenied, "Invalid according to Policy: Extra input fields: bucket"},
		{"another key of the policy", func(p map[string]any) { p["Conditions"] = []any{} }, nil, sigv4.PolicyMalformed, "Invalid Policy: Unexpected: 'Conditions'."},
		{"an empty condition", condition(-1, map[string]any{}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."},
		{"two in one", condition(-1, map[string]any{"a": "b", "c": "d"}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must…"},
		{"a number", condition(-1, map[string]any{"Content-Length": 5}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Simple-Condition: value must be a string."},
		{"a number in a list", condition(-1, []any{"eq", "$key", 5}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Condition…"},
		{"another operator", condition(-1, []any{"ends-with", "$key", ".jpg"}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Condition: unknown operation 'ends-with'."},
		{"another operator's case", condition(1, []any{"EQ", "$key", "a/photo.jpg"}), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Condition…"},
		{"no condition", condition(-1, "eq"), nil, sigv4.PolicyMalformed, "Invalid Policy: Invalid Condition…"},

		{"no policy", nil, field("policy"), sigv4.Malformed, "Bucket POST must contain a field named 'policy'.  If it is specified, please check the order of the fields."},
		{"no algorithm", nil, field("x-amz-algorithm"), sigv4.Malformed, "Bucket POST must contain a field named 'X-Amz-Algorithm'.  If it is…"},
		{"no signature", nil, field("x-amz-signature"), sigv4.Malformed, "Bucket POST must contain a field named 'X-Amz-Signature'.  If it is…"},
		{"a field twice", nil, field("key", "a/photo.jpg", "b"), sigv4.Malformed, "The form has more than one field 'key'."},
		{"a field twice in two cases", nil, field("KEY", "b"), sigv4.Malformed, "The form has more than one field…"},
		{"another algorithm", nil, field("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256"), sigv4.Unsupported, "Unsupported AWS 'algorithm': 'AWS4-ECDSA…"},
		{"the policy cut", nil, func(f map[string][]string) { f["policy"][0] = f["policy"][0][:len(f["policy"][0])-2] }, sigv4.SignatureMismatch, "The request signature we…"},
		{"another signature", nil, field("x-amz-signature", sha("")), sigv4.SignatureMismatch, "The request signature we…"},
		{"another key's", nil, field("x-amz-credential", "AKIAI44QH8DHBEXAMPLE/20261120/eu-west-1/s3/aws4_request"), sigv4.UnknownKey, "The security token…"},
		{"another region", nil, field("x-amz-credential", admin.AccessKeyID+"/20261120/us-east-1/s3/aws4_request"), sigv4.WrongScope, "Credential should be scoped to a valid region…"},
		{"another date", nil, field("x-amz-date", "20261119T120000Z"), sigv4.WrongScope, "Date in Credential scope…"},
		{"a long policy", nil, field("policy", strings.Repeat("A", 20<<10+1)), sigv4.TooLarge, "The policy is longer than 20480 bytes."},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := signedForm(c.policy)
			if c.form != nil {
				c.form(form)
			}
			id, policy, err := s3Verifier().VerifyPolicy(t.Context(), form)
			if c.reason == "" {
				if err != nil || policy.MinLength != 1 || policy.MaxLength != 1024 {
					t.Errorf("VerifyPolicy = %+v, %v", policy, err)
				}
				return
			}
			e := refused(t, id, err, c.reason)
			if want, open := strings.CutSuffix(c.message, "…"); e.Message != want && !(open && strings.HasPrefix(e.Message, want)) {
				t.Errorf("the message is\n%q, want\n%q", e.Message, c.message)
			}
			if e.Form != sigv4.PolicyForm || policy != (sigv4.Policy{}) || (e.StringToSign != "") != (c.reason == sigv4.SignatureMismatch) {
				t.Errorf("the error is %+v, with %+v", e, policy)
			}
		})
	}
}

// A policy is good for seven days at most, whatever it says: so long is the
// signing key good.
func TestPolicyClock(t *testing.T) {
	form := signedForm(func(p map[string]any) { p["expiration"] = "2030-01-01T00:00:00Z" })
	for _, c := range []struct {
		off    time.Duration
		reason sigv4.Reason
	}{
		{-15 * time.Minute, ""}, {-15*time.Minute - time.Second, sigv4.NotYetCurrent},
		{7 * 24 * time.Hour, ""}, {7*24*time.Hour + time.Second, sigv4.Expired},
	} {
		v := s3Verifier()
		v.Now = func() time.Time { return noon.Add(c.off) }
		id, _, err := v.VerifyPolicy(t.Context(), maps.Clone(form))
		if c.reason != "" {
			refused(t, id, err, c.reason)
		} else if err != nil {
			t.Errorf("after %v: %v", c.off, err)
		}
	}
}

// Several ranges hold together.
func TestPolicyRanges(t *testing.T) {
	form := signedForm(condition(-1, []any{"content-length-range", 10, 2048}))
	if _, policy, err := s3Verifier().VerifyPolicy(t.Context(), form); err != nil || policy.MinLength != 10 || policy.MaxLength != 1024 {
		t.Errorf("VerifyPolicy = %+v, %v", policy, err)
	}
	var e *sigv4.Error
	if id, _, err := (&sigv4.Verifier{}).VerifyPolicy(t.Context(), form); err == nil || errors.As(err, &e) || !reflect.DeepEqual(id, sigv4.Identity{}) {
		t.Errorf("an empty Verifier says %+v, %v", id, err)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(examplePolicy, "\n", "\r\n")))
	f.Add([]byte(`{"expiration":"2026-11-20T13:00:00Z","conditions":[{"bucket":"uploads"},["starts-with","$key",""]]}`))
	f.Add([]byte(`{"expiration":"2026-11-20T13:00:00Z","conditions":[null,[],{},["content-length-range",1e3,"5"]]}`))
	f.Fuzz(func(t *testing.T, policy []byte) {
		form := signedForm(nil)
		text := base64.StdEncoding.EncodeToString(policy)
		form["policy"], form["x-amz-signature"] = []string{text}, []string{hex.EncodeToString(hmacOf(keyOfTests("s3"), text))}
		_, p, err := s3Verifier().VerifyPolicy(t.Context(), form)
		var e *sigv4.Error
		if err != nil && (!errors.As(err, &e) || p != (sigv4.Policy{})) {
			t.Fatalf("%+v, %v", p, err)
		}
		// What is let in has named each of the form's fields.
		if err == nil && !strings.Contains(strings.ToLower(string(policy)), "bucket") && !strings.Contains(string(policy), `\u`) {
			t.Fatalf("%s lets the form in", policy)
		}
	})
}
