package bucket_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/sigv4"
)

// ids are what differs from answer to answer.
var ids = regexp.MustCompile(`<RequestId>[0-9A-Z]{16}</RequestId><HostId>[A-Za-z0-9+/]{75}=</HostId>`)

// wantError holds a response against S3's bytes but for the ids, which the
// headers repeat.
func wantError(t *testing.T, what string, r response, status int, elements string) {
	t.Helper()
	body := ids.ReplaceAllString(r.body, "IDS")
	if wanted := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>" + elements + "IDS</Error>"; r.status != status || body != wanted {
		t.Errorf("%s: %d\n%s\nwant %d\n%s", what, r.status, body, status, wanted)
	}
	if r.header.Get("X-Amz-Request-Id") != r.element("RequestId") || r.header.Get("X-Amz-Id-2") != r.element("HostId") || r.header.Get("Content-Type") != "application/xml" {
		t.Errorf("%s: headers %v", what, r.header)
	}
}

const role = "arn:aws:sts::" + accountID + ":assumed-role/user/alice"

func denied(action, resource string) string {
	return "<Code>AccessDenied</Code><Message>User: " + role + " is not authorized to perform: " + action + " on resource: &quot;" + resource + "&quot; because no identity-based policy allows the " + action + " action</Message>"
}

// allow is a policy of one statement.
func allow(actions, resources, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":[%s]%s}]}`, actions, resources, condition)
}

const arn = "arn:aws:s3:::" + uploads

// TestWhoMay asks for each operation with one policy that allows nothing, and
// with one that allows just what the operation needs.
func TestWhoMay(t *testing.T) {
	key := "/" + uploads + "/k"
	for _, c := range []struct {
		method, path, body, action, resource string
		header                               map[string]string
		status                               int
	}{
		{"GET", "/", "", "s3:ListAllMyBuckets", "arn:aws:s3:::*", nil, 200},
		{"HEAD", "/" + uploads, "", "s3:ListBucket", arn, nil, 200},
		{"GET", "/" + uploads, "", "s3:ListBucket", arn, nil, 200},
		{"GET", "/" + uploads + "?list-type=2", "", "s3:ListBucket", arn, nil, 200},
		{"GET", "/" + uploads + "?location", "", "s3:GetBucketLocation", arn, nil, 200},
		{"GET", "/" + uploads + "?cors", "", "s3:GetBucketCORS", arn, nil, 200},
		{"GET", "/" + uploads + "?versioning", "", "s3:GetBucketVersioning", arn, nil, 200},
		{"GET", "/" + uploads + "?uploads", "", "s3:ListBucketMultipartUploads", arn, nil, 200},
		{"GET", key, "", "s3:GetObject", arn + "/k", nil, 200},
		{"HEAD", key, "", "s3:GetObject", arn + "/k", nil, 200},
		{"GET", key + "?tagging", "", "s3:GetObjectTagging", arn + "/k", nil, 200},
		{"PUT", key + "?tagging", "<Tagging><TagSet></TagSet></Tagging>", "s3:PutObjectTagging", arn + "/k", nil, 200},
		{"DELETE", key + "?tagging", "", "s3:DeleteObjectTagging", arn + "/k", nil, 204},
		{"PUT", key, "x", "s3:PutObject", arn + "/k", nil, 200},
		{"POST", key + "?uploads", "", "s3:PutObject", arn + "/k", nil, 200},
		{"PUT", key + "?partNumber=1&uploadId=u", "x", "s3:PutObject", arn + "/k", nil, 404},
		{"POST", key + "?uploadId=u", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>", "s3:PutObject", arn + "/k", nil, 404},
		{"DELETE", key + "?uploadId=u", "", "s3:AbortMultipartUpload", arn + "/k", nil, 404},
		{"GET", key + "?uploadId=u", "", "s3:ListMultipartUploadParts", arn + "/k", nil, 404},
		{"DELETE", key, "", "s3:DeleteObject", arn + "/k", nil, 204},
		{"PUT", key, "", "s3:PutObject", arn + "/k", map[string]string{"X-Amz-Copy-Source": uploads + "/k"}, 403}, // of the source: below
		{"GET", "/" + uploads + "?acl", "", "s3:GetBucketAcl", arn, nil, 501},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			w := newWorld(t, allow(`"s3:NoSuchAction"`, `"*"`, ""))
			want(t, "put by root", w.do("PUT", key, "hello"), 200, "")
			user := w.user()
			r := w.send(request{method: c.method, path: c.path, body: c.body, header: c.header, as: &user})
			if c.method == "HEAD" {
				if r.status != 403 || r.body != "" {
					t.Errorf("HEAD: %d %q", r.status, r.body)
				}
			} else {
				wantError(t, "without the action", r, 403, denied(c.action, c.resource))
			}
			if r := w.send(request{method: c.method, path: c.path, body: c.body, header: c.header}); r.status != 403 || c.method != "HEAD" && r.element("Message") != "Access Denied" {
				t.Errorf("without a signature: %d %s", r.status, r.body)
			}
			w = newWorld(t, allow(`"`+c.action+`"`, `"`+c.resource+`"`, ""))
			want(t, "put by root", w.do("PUT", key, "hello"), 200, "")
			user = w.user()
			if r := w.send(request{method: c.method, path: c.path, body: c.body, header: c.header, as: &user}); r.status != c.status {
				t.Errorf("with the action: %d %s", r.status, r.body)
			}
		})
	}
}

// TestMissingIsForThoseWhoMayList: a 404 tells that there is no such object.
func TestMissingIsForThoseWhoMayList(t *testing.T) {
	w := newWorld(t, allow(`"s3:GetObject","s3:GetObjectTagging"`, `"`+arn+`/*"`, ""))
	user := w.user()
	wantError(t, "who may not list", w.send(request{method: "GET", path: "/" + uploads + "/none", as: &user}), 403, denied("s3:ListBucket", arn))
	wantError(t, "its tags", w.send(request{method: "GET", path: "/" + uploads + "/none?tagging", as: &user}), 403, denied("s3:ListBucket", arn))
	if r := w.send(request{method: "HEAD", path: "/" + uploads + "/none", as: &user}); r.status != 403 {
		t.Errorf("HEAD: %d", r.status)
	}
	wantError(t, "root", w.do("GET", "/"+uploads+"/none", ""), 404, "<Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>none</Key>")
	wantError(t, "no bucket", w.do("GET", "/none/none", ""), 404, "<Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>none</BucketName>")
}

// TestKeysAreDecodedBeforeTheARN: identity ids have colons, which SDKs escape.
func TestKeysAreDecodedBeforeTheARN(t *testing.T) {
	w := newWorld(t, allow(`"s3:PutObject","s3:GetObject"`, `"`+arn+`/private/eu-central-1:1111/*"`, ""))
	user := w.user()
	for _, path := range []string{"private/eu-central-1%3A1111/a", "private/eu-central-1:1111/a", "privat%65/eu%2Dcentral-1%3a1111/a"} {
		want(t, path, w.send(request{method: "PUT", path: "/" + uploads + "/" + path, body: "x", as: &user}), 200, "")
	}
	for _, path := range []string{"private/eu-central-1%3A2222/a", "private/eu-central-1:1111/../eu-central-1:2222/a/..", "/private/eu-central-1:1111/a", "private/eu-central-1:1111"} {
		r := w.send(request{method: "PUT", path: "/" + uploads + "/" + path, body: "x", as: &user})
		if strings.HasPrefix(path, "private/eu-central-1:1111/") { // dots are text: it is below the prefix, and nowhere else
			want(t, path, r, 200, "")
			continue
		}
		want(t, path, r, 403, "AccessDenied")
	}
	if r := w.do("GET", "/"+uploads+"/private/eu-central-1:2222/a", ""); r.status != 404 {
		t.Errorf("dot segments led elsewhere: %d", r.status)
	}
}

// TestConditionKeys: a list is allowed below a prefix alone.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t,
		allow(`"s3:ListBucket"`, `"`+arn+`"`, `{"StringLike":{"s3:prefix":"mine/*"},"NumericLessThanEquals":{"s3:max-keys":"10"}}`),
		allow(`"s3:PutObject"`, `"`+arn+`/*"`, `{"StringEquals":{"s3:x-amz-storage-class":"STANDARD_IA"}}`),
		allow(`"s3:GetObject"`, `"`+arn+`/*"`, `{"StringEquals":{"s3:ExistingObjectTag/public":"yes"}}`),
		allow(`"s3:DeleteObject"`, `"`+arn+`/*"`, `{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`))
	user := w.user()
	as := func(method, path string, header map[string]string) response {
		return w.send(request{method: method, path: "/" + uploads + path, header: header, as: &user})
	}
	want(t, "prefix", as("GET", "?list-type=2&prefix=mine/x&max-keys=5", nil), 200, "")
	want(t, "escaped", as("GET", "?list-type=2&prefix=mine%2Fx&max-keys=5", nil), 200, "")
	for _, q := range []string{"?list-type=2&max-keys=5", "?list-type=2&prefix=yours/&max-keys=5", "?list-type=2&prefix=mine/", "?list-type=2&prefix=mine/&max-keys=11", "?prefix=&max-keys=5"} {
		want(t, q, as("GET", q, nil), 403, "AccessDenied")
	}
	want(t, "class", as("PUT", "/a", map[string]string{"X-Amz-Storage-Class": "STANDARD_IA"}), 200, "")
	want(t, "no class", as("PUT", "/a", nil), 403, "AccessDenied")
	w.do("PUT", "/"+uploads+"/tagged", "x", "X-Amz-Tagging", "public=yes")
	want(t, "tagged", as("GET", "/tagged", nil), 200, "")
	want(t, "not tagged", as("GET", "/a", nil), 403, "AccessDenied")
	want(t, "header form", as("DELETE", "/a", nil), 403, "AccessDenied")
	want(t, "presigned", w.presigned("DELETE", "/"+uploads+"/a", "", user, time.Minute), 204, "")
}

// TestConditionKeysAreWhatIsUsed: a condition is about what the request will do, not
// about a header beside it that the operation does not read.
func TestConditionKeysAreWhatIsUsed(t *testing.T) {
	everything := allow(`"s3:*"`, `"`+arn+`","`+arn+`/*"`, "")
	notPublic := strings.Replace(allow(`"s3:PutObject","s3:PutObjectTagging"`, `"`+arn+`/*"`, `{"StringEquals":{"s3:RequestObjectTag/public":"yes"}}`), "Allow", "Deny", 1)
	w := newWorld(t, everything, notPublic)
	user := w.user()
	as := func(method, path, body string, header ...string) response {
		h := map[string]string{}
		for pair := range slices.Chunk(header, 2) {
			h[pair[0]] = pair[1]
		}
		return w.send(request{method: method, path: "/" + uploads + path, body: body, header: h, as: &user})
	}
	tagging := func(value string) string {
		return "<Tagging><TagSet><Tag><Key>public</Key><Value>" + value + "</Value></Tag></TagSet></Tagging>"
	}
	want(t, "put", as("PUT", "/a", "x"), 200, "")
	want(t, "other tags", as("PUT", "/a?tagging", tagging("no")), 200, "")
	want(t, "tags", as("PUT", "/a?tagging", tagging("yes")), 403, "AccessDenied")
	want(t, "tags with others in a header", as("PUT", "/a?tagging", tagging("yes"), "X-Amz-Tagging", "public=no"), 403, "AccessDenied")
	want(t, "put with tags", as("PUT", "/a", "x", "X-Amz-Tagging", "public=yes"), 403, "AccessDenied")

	w.do("PUT", "/"+uploads+"/shown", "x", "X-Amz-Tagging", "public=yes")
	source := []string{"X-Amz-Copy-Source", "/" + uploads + "/shown"}
	want(t, "copied tags", as("PUT", "/b", "", source...), 403, "AccessDenied")
	want(t, "copied tags with others in a header", as("PUT", "/b", "", append(source, "X-Amz-Tagging", "public=no")...), 403, "AccessDenied")
	want(t, "replaced tags", as("PUT", "/b", "", append(source, "X-Amz-Tagging", "public=no", "X-Amz-Tagging-Directive", "REPLACE")...), 200, "")

	w = newWorld(t, allow(`"s3:PutObject"`, `"`+arn+`/*"`, `{"StringEquals":{"s3:x-amz-storage-class":"STANDARD_IA"}}`))
	user = w.user()
	r := w.build(request{method: "PUT", path: "/" + uploads + "/a"})
	r.Header["X-Amz-Storage-Class"] = []string{"STANDARD", "STANDARD_IA"}
	sigv4.Signer{Service: "s3", Region: region, Path: sigv4.KeepPath, S3: true}.Sign(r, nil, user, w.clock())
	want(t, "two classes", w.roundTrip(r), 403, "AccessDenied")
}

// presigned sends a request by a presigned query.
func (w *world) presigned(method, path, body string, as sigv4.Credentials, lifetime time.Duration) response {
	w.t.Helper()
	return w.send(request{method: method, path: w.presignedURL(method, path, as, lifetime), body: body})
}

// TestCopyNeedsBoth: the source is read with the caller's own permissions.
func TestCopyNeedsBoth(t *testing.T) {
	source := map[string]string{"X-Amz-Copy-Source": "/" + plain + "/secret%2Fa"}
	for name, c := range map[string]struct {
		policies []string
		status   int
		denied   string
	}{
		"target alone": {[]string{allow(`"s3:PutObject"`, `"`+arn+`/*"`, "")}, 403, denied("s3:GetObject", "arn:aws:s3:::"+plain+"/secret/a")},
		"source alone": {[]string{allow(`"s3:GetObject"`, `"arn:aws:s3:::`+plain+`/*"`, "")}, 403, denied("s3:PutObject", arn+"/copy")},
		"but tags":     {[]string{allow(`"s3:PutObject","s3:GetObject"`, `"*"`, "")}, 403, denied("s3:GetObjectTagging", "arn:aws:s3:::"+plain+"/secret/a")},
		"all":          {[]string{allow(`"s3:PutObject","s3:GetObject","s3:GetObjectTagging","s3:PutObjectTagging"`, `"*"`, "")}, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.policies...)
			want(t, "put", w.do("PUT", "/"+plain+"/secret/a", "s", "X-Amz-Tagging", "a=b"), 200, "")
			user := w.user()
			r := w.send(request{method: "PUT", path: "/" + uploads + "/copy", header: source, as: &user})
			if c.denied != "" {
				wantError(t, "copy", r, c.status, c.denied)
			} else {
				want(t, "copy", r, c.status, "")
			}
		})
	}
}

// TestDeleteObjectsDecidesForEach: some of a list may be deleted.
func TestDeleteObjectsDecidesForEach(t *testing.T) {
	w := newWorld(t, allow(`"s3:DeleteObject"`, `"`+arn+`/mine/*"`, ""))
	for _, key := range []string{"mine/a", "yours/a"} {
		want(t, "put", w.do("PUT", "/"+uploads+"/"+key, "x"), 200, "")
	}
	user := w.user()
	body := "<Delete><Object><Key>mine/a</Key></Object><Object><Key>yours/a</Key></Object><Object><Key>mine/none</Key></Object></Delete>"
	r := w.send(request{method: "POST", path: "/" + uploads + "?delete", body: body, as: &user, header: map[string]string{"Content-Md5": md5Of(body)}})
	wanted := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>mine/a</Key></Deleted><Error><Key>yours/a</Key>` +
		denied("s3:DeleteObject", arn+"/yours/a") + `</Error><Deleted><Key>mine/none</Key></Deleted></DeleteResult>`
	if r.status != 200 || r.body != wanted {
		t.Errorf("%d %s\nwant %s", r.status, r.body, wanted)
	}
	want(t, "what stays", w.do("GET", "/"+uploads+"/yours/a", ""), 200, "")
	want(t, "what goes", w.do("GET", "/"+uploads+"/mine/a", ""), 404, "NoSuchKey")
	want(t, "without a digest", w.send(request{method: "POST", path: "/" + uploads + "?delete", body: body, as: &user}), 400, "InvalidRequest")
	want(t, "with another's", w.send(request{method: "POST", path: "/" + uploads + "?delete", body: body, as: &user, header: map[string]string{"Content-Md5": md5Of("x")}}), 400, "BadDigest")
}

// TestCredentials: bytes of the refusals of bad credentials.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	path := "/" + uploads + "/k"
	send := func(as sigv4.Credentials) response { return w.send(request{method: "GET", path: path, as: &as}) }
	unknown := w.root
	unknown.AccessKeyID = "AKIABBBBBBBBBBBBBBBB"
	wantError(t, "unknown key", send(unknown), 403, "<Code>InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not exist in our records.</Message><AWSAccessKeyId>AKIABBBBBBBBBBBBBBBB</AWSAccessKeyId>")

	user := w.user()
	tampered := user
	tampered.SessionToken = strings.Repeat("A", len(user.SessionToken))
	wantError(t, "tampered token", send(tampered), 400, "<Code>InvalidToken</Code><Message>The provided token is malformed or otherwise invalid.</Message><Token-0>"+tampered.SessionToken+"</Token-0>")
	bare := user
	bare.SessionToken = ""
	want(t, "a session without its token", send(bare), 403, "InvalidAccessKeyId")
	w.advance(2 * time.Hour)
	wantError(t, "expired token", send(user), 400, "<Code>ExpiredToken</Code><Message>The provided token has expired.</Message><Token-0>"+user.SessionToken+"</Token-0>")

	r := w.build(request{method: "GET", path: path, as: &w.root})
	w.advance(16 * time.Minute)
	wantError(t, "old", w.roundTrip(r), 403, "<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message>"+
		"<RequestTime>20260301T140000Z</RequestTime><ServerTime>2026-03-01T14:16:00Z</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>")

	r = w.build(request{method: "GET", path: path, as: &w.root})
	r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64))
	got := w.roundTrip(r)
	if got.status != 403 || got.code() != "SignatureDoesNotMatch" || !strings.HasPrefix(got.element("StringToSign"), "AWS4-HMAC-SHA256\n20260301T141600Z\n20260301/"+region+"/s3/aws4_request\n") ||
		!strings.HasPrefix(got.element("StringToSignBytes"), "41 57 53 34") || !strings.HasPrefix(got.element("CanonicalRequest"), "GET\n"+path+"\n\n") ||
		got.element("AWSAccessKeyId") != w.root.AccessKeyID || len(got.element("SignatureProvided")) != 64 ||
		got.element("Message") != "The request signature we calculated does not match the signature you provided. Check your key and signing method." {
		t.Errorf("another signature: %d %s", got.status, got.body)
	}

	r = w.build(request{method: "GET", path: path})
	sigv4.Signer{Service: "s3", Region: "us-east-2", S3: true}.Sign(r, nil, w.root, w.clock())
	wantError(t, "another region", w.roundTrip(r), 400, "<Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-2' is wrong; expecting '"+region+"'</Message><Region>"+region+"</Region>")

	r = w.build(request{method: "GET", path: path, header: map[string]string{"Authorization": "AWS AKIAAAAAAAAAAAAAAAAA:c2lnbmF0dXJl", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}})
	wantError(t, "version 2", w.roundTrip(r), 400, "<Code>InvalidRequest</Code><Message>The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.</Message>")
	want(t, "version 2, presigned", w.send(request{method: "GET", path: path + "?AWSAccessKeyId=AKIAAAAAAAAAAAAAAAAA&Signature=c2ln&Expires=1900000000"}), 400, "InvalidRequest")

	r = w.build(request{method: "GET", path: path, as: &w.root})
	r.Header.Set("X-Amz-Extra", "1")
	wantError(t, "a header that is not signed", w.roundTrip(r), 403, "<Code>AccessDenied</Code><Message>There were headers present in the request which were not signed</Message><HeadersNotSigned>x-amz-extra</HeadersNotSigned>")
}

// TestPresigned: a link is what it was made for, for as long as it was made.
func TestPresigned(t *testing.T) {
	w := newWorld(t, allow(`"s3:PutObject","s3:GetObject"`, `"`+arn+`/mine/*"`, ""))
	user := w.user()
	path := "/" + uploads + "/mine/a%20%3A.txt"
	want(t, "put", w.presigned("PUT", path, "hello", user, time.Minute), 200, "")
	if r := w.presigned("GET", path, "", user, time.Minute); r.status != 200 || r.body != "hello" {
		t.Errorf("get: %d %s", r.status, r.body)
	}
	want(t, "another's", w.presigned("GET", "/"+uploads+"/yours", "", user, time.Minute), 403, "AccessDenied")
	signed := w.presignedURL("GET", path+"?response-content-disposition=attachment%3B%20filename%3D%22x.txt%22&response-content-type=text%2Fx", user, time.Minute)
	r := w.send(request{method: "GET", path: signed})
	if r.status != 200 || r.header.Get("Content-Disposition") != `attachment; filename="x.txt"` || r.header.Get("Content-Type") != "text/x" {
		t.Errorf("overrides: %d %v", r.status, r.header)
	}
	want(t, "another method", w.send(request{method: "PUT", path: signed, body: "x"}), 403, "SignatureDoesNotMatch")
	want(t, "another override", w.send(request{method: "GET", path: strings.Replace(signed, "text%2Fx", "text%2Fhtml", 1)}), 403, "SignatureDoesNotMatch")
	want(t, "one more parameter", w.send(request{method: "GET", path: signed + "&response-expires=x"}), 403, "SignatureDoesNotMatch")
	w.advance(61 * time.Second)
	wantError(t, "expired", w.send(request{method: "GET", path: signed}), 403, "<Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>60</X-Amz-Expires><Expires>2026-03-01T12:01:00Z</Expires><ServerTime>2026-03-01T12:01:01Z</ServerTime>")
	// Headers that an SDK has moved into the query count as headers.
	q := url.Values{"x-amz-meta-color": {"red"}, "x-amz-acl": {"public-read"}}.Encode()
	want(t, "an ACL in the query", w.send(request{method: "PUT", path: w.presignedURL("PUT", path+"?"+q, user, time.Minute), body: "x"}), 400, "AccessControlListNotSupported")
	want(t, "a checksum in the query", w.presigned("PUT", path+"?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32", "x", user, time.Minute), 200, "")
	want(t, "metadata in the query", w.send(request{method: "PUT", path: w.presignedURL("PUT", path+"?x-amz-meta-color=red", user, time.Minute), body: "x"}), 200, "")
	if got := w.do("HEAD", path, "").header.Get("X-Amz-Meta-Color"); got != "red" {
		t.Errorf("metadata from the query: %q", got)
	}
}

func (w *world) presignedURL(method, path string, as sigv4.Credentials, lifetime time.Duration) string {
	w.t.Helper()
	r := w.build(request{method: method, path: path})
	u, err := sigv4.Signer{Service: "s3", Region: region, S3: true}.Presign(r, nil, as, w.clock(), lifetime)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.RequestURI()
}

// TestAnonymousOverrides: who has not signed cannot choose headers, nor learn
// anything else.
func TestAnonymousOverrides(t *testing.T) {
	w := newWorld(t)
	w.do("PUT", "/"+uploads+"/k", "x")
	for _, path := range []string{"/" + uploads + "/k?response-content-type=text/html", "/" + uploads + "/none", "/" + uploads, "/"} {
		wantError(t, path, w.send(request{method: "GET", path: path}), 403, "<Code>AccessDenied</Code><Message>Access Denied</Message>")
	}
}

// TestBucketsComeFromTheDeclaration names the file to whoever may.
func TestBucketsComeFromTheDeclaration(t *testing.T) {
	w := newWorld(t)
	for _, q := range []struct{ method, path string }{{"PUT", "/new-bucket"}, {"DELETE", "/" + uploads}} {
		r := w.do(q.method, q.path, "")
		if want(t, q.method, r, 403, "AccessDenied"); !strings.Contains(r.element("Message"), "doorwright.yaml") {
			t.Errorf("%s: %s", q.method, r.body)
		}
	}
	if r := w.do("GET", "/", ""); strings.Contains(r.body, "new-bucket") || !strings.Contains(r.body, "<Name>"+uploads+"</Name>") {
		t.Errorf("buckets: %s", r.body)
	}
}

// TestNotPlayed: an operation of S3's that is not run is refused, and told of.
func TestNotPlayed(t *testing.T) {
	w := newWorld(t)
	for _, q := range []struct{ method, path string }{{"GET", "/" + uploads + "?policy"}, {"PUT", "/" + uploads + "?policy"}, {"GET", "/" + uploads + "/k?acl"}, {"PUT", "/" + uploads + "/k?retention"}, {"GET", "/" + uploads + "?versions"}, {"POST", "/" + uploads + "/k?restore"}} {
		want(t, q.method+q.path, w.do(q.method, q.path, ""), http.StatusNotImplemented, "NotImplemented")
		if !w.last().NotEmulated {
			t.Errorf("%s %s: the log does not say so", q.method, q.path)
		}
	}
	want(t, "no method", w.do("PATCH", "/"+uploads+"/k", ""), 405, "MethodNotAllowed")
	want(t, "two operations", w.do("GET", "/"+uploads+"/k?acl&tagging", ""), 400, "InvalidArgument")
	for name, h := range map[string][2]string{
		"encryption by a key": {"X-Amz-Server-Side-Encryption", "aws:kms"}, "by the client's": {"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"},
		"an archive": {"X-Amz-Storage-Class", "GLACIER"},
	} {
		want(t, name, w.do("PUT", "/"+uploads+"/k", "x", h[0], h[1]), 501, "NotImplemented")
	}
	for name, c := range map[string]struct{ header, value, code string }{
		"a public ACL": {"X-Amz-Acl", "public-read", "AccessControlListNotSupported"}, "a grant": {"X-Amz-Grant-Read", "id=x", "AccessControlListNotSupported"},
		"object lock": {"X-Amz-Object-Lock-Mode", "COMPLIANCE", "InvalidRequest"}, "another checksum": {"X-Amz-Checksum-Xxhash64", "AAAAAAAAAAA=", "InvalidRequest"},
	} {
		want(t, name, w.do("PUT", "/"+uploads+"/k", "x", c.header, c.value), 400, c.code)
	}
	want(t, "nothing was written", w.do("GET", "/"+uploads+"/k", ""), 404, "NoSuchKey")
}
