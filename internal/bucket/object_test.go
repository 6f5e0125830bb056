package bucket_test

import (
	"bytes"
	"encoding/base64"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"
	"time"
)

const key = "/" + uploads + "/notes/a%20b.txt"

func TestPutAndGet(t *testing.T) {
	w := newWorld(t)
	put := w.do("PUT", key, "hello", "Content-Type", "text/plain", "X-Amz-Meta-Color", "Blue", "Cache-Control", "no-store", "Content-Encoding", "aws-chunked,gzip", "Expires", "Thu, 01 Jan 2030 00:00:00 GMT")
	want(t, "put", put, 200, "")
	if got := put.header.Get("Etag"); got != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("Etag: %s", got)
	}
	for _, method := range []string{"GET", "HEAD"} {
		got := w.do(method, key, "")
		want(t, method, got, 200, "")
		if method == "GET" && got.body != "hello" || method == "HEAD" && got.body != "" {
			t.Errorf("%s: body %q", method, got.body)
		}
		for name, value := range map[string]string{
			"Content-Type": "text/plain", "X-Amz-Meta-Color": "Blue", "Cache-Control": "no-store", "Etag": `"5d41402abc4b2a76b9719d911017c592"`, "Accept-Ranges": "bytes", "Content-Length": "5",
			"Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT", "Content-Encoding": "gzip", "Expires": "Thu, 01 Jan 2030 00:00:00 GMT", "X-Amz-Checksum-Crc64nvme": "", "Set-Cookie": "",
		} {
			if got := got.header.Get(name); got != value {
				t.Errorf("%s %s: %q, want %q", method, name, got, value)
			}
		}
	}
	want(t, "delete", w.do("DELETE", key, ""), 204, "")
	want(t, "delete again", w.do("DELETE", key, ""), 204, "")
	want(t, "get", w.do("GET", key, ""), 404, "NoSuchKey")
	w.onDisk(0)
}

// TestRanges is RFC 9110, section 14.
func TestRanges(t *testing.T) {
	w := newWorld(t)
	w.do("PUT", key, "0123456789")
	w.do("PUT", "/"+uploads+"/empty", "")
	for _, c := range []struct {
		spec   string
		status int
		body   string
		span   string
	}{
		{"bytes=0-0", 206, "0", "bytes 0-0/10"}, {"bytes=2-4", 206, "234", "bytes 2-4/10"}, {"bytes=7-", 206, "789", "bytes 7-9/10"},
		{"bytes=-3", 206, "789", "bytes 7-9/10"}, {"bytes=-30", 206, "0123456789", "bytes 0-9/10"}, {"bytes=5-99999999999999999999", 206, "56789", "bytes 5-9/10"},
		{"bytes=10-", 416, "", "bytes */10"}, {"bytes=-0", 416, "", "bytes */10"}, {"bytes=99999999999999999999-", 416, "", "bytes */10"},
		{"bytes=4-2", 200, "0123456789", ""}, {"bytes=a-b", 200, "0123456789", ""}, {"bytes=0-1,3-4", 200, "0123456789", ""}, {"items=0-1", 200, "0123456789", ""}, {"bytes=+1-2", 200, "0123456789", ""}, {"bytes=-", 200, "0123456789", ""},
	} {
		r := w.do("GET", key, "", "Range", c.spec, "X-Amz-Checksum-Mode", "ENABLED")
		if r.status != c.status || r.header.Get("Content-Range") != c.span || c.status != 416 && r.body != c.body {
			t.Errorf("%s: %d %q %q", c.spec, r.status, r.header.Get("Content-Range"), r.body)
		}
		if sum := r.header.Get("X-Amz-Checksum-Crc64nvme"); (sum != "") != (c.status == 200) {
			t.Errorf("%s: a checksum of the whole goes with the whole alone: %q", c.spec, sum)
		}
	}
	wantError(t, "behind the end", w.do("GET", key, "", "Range", "bytes=10-"), 416,
		"<Code>InvalidRange</Code><Message>The requested range is not satisfiable</Message><RangeRequested>bytes=10-</RangeRequested><ActualObjectSize>10</ActualObjectSize>")
	want(t, "of nothing", w.do("GET", "/"+uploads+"/empty", "", "Range", "bytes=0-"), 416, "InvalidRange")
}

// TestConditions is RFC 9110, section 13.2.2, and S3's conditional writes.
func TestConditions(t *testing.T) {
	w := newWorld(t)
	etag := w.do("PUT", key, "hello").header.Get("Etag")
	past, now, future := "Sat, 28 Feb 2026 00:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", "Mon, 01 Mar 2027 00:00:00 GMT"
	for _, c := range []struct {
		status int
		header []string
	}{
		{200, []string{"If-Match", etag}}, {200, []string{"If-Match", `"x", ` + etag}}, {200, []string{"If-Match", "*"}}, {412, []string{"If-Match", `"x"`}},
		{304, []string{"If-None-Match", etag}}, {304, []string{"If-None-Match", "*"}}, {200, []string{"If-None-Match", `"x"`}},
		{304, []string{"If-Modified-Since", now}}, {200, []string{"If-Modified-Since", past}}, {200, []string{"If-Modified-Since", future}}, {200, []string{"If-Modified-Since", "soon"}},
		{412, []string{"If-Unmodified-Since", past}}, {200, []string{"If-Unmodified-Since", now}},
		{200, []string{"If-Match", etag, "If-Unmodified-Since", past}}, {200, []string{"If-None-Match", `"x"`, "If-Modified-Since", now}}, {304, []string{"If-None-Match", etag, "If-Modified-Since", past}},
	} {
		r := w.do("GET", key, "", c.header...)
		if r.status != c.status || c.status == 304 && (r.body != "" || r.header.Get("Etag") != etag) {
			t.Errorf("%v: %d %s", c.header, r.status, r.body)
		}
	}
	fresh := "/" + uploads + "/fresh"
	want(t, "none yet", w.do("PUT", fresh, "1", "If-None-Match", "*"), 200, "")
	wantError(t, "there is one", w.do("PUT", fresh, "2", "If-None-Match", "*"), 412,
		"<Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message><Condition>If-None-Match</Condition>")
	want(t, "another", w.do("PUT", fresh, "2", "If-Match", etag), 412, "PreconditionFailed")
	want(t, "none", w.do("PUT", "/"+uploads+"/none", "2", "If-Match", etag), 404, "NoSuchKey")
	want(t, "not played", w.do("PUT", fresh, "2", "If-None-Match", etag), 501, "NotImplemented")
	want(t, "delete another", w.do("DELETE", fresh, "", "If-Match", etag), 412, "PreconditionFailed")
	if r := w.do("GET", fresh, ""); r.body != "1" {
		t.Errorf("a refused write wrote %q", r.body)
	}
	w.onDisk(2)
}

// TestChecksums: what a client says of its bytes is held against them. The
// values of "123456789" are those of https://reveng.sourceforge.io/crc-catalogue/ and of sha1sum.
func TestChecksums(t *testing.T) {
	w := newWorld(t)
	for algorithm, sum := range map[string]string{
		"Crc32": "y/Q5Jg==", "Crc32c": "4waSgw==", "Crc64nvme": "rosUhgp5mIg=", "Sha1": "98O8HYCOBHMq32eZZczDTKeuNEE=", "Sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		name := "X-Amz-Checksum-" + algorithm
		r := w.do("PUT", key, "123456789", name, sum)
		if want(t, algorithm, r, 200, ""); r.header.Get(name) != sum || r.header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT" {
			t.Errorf("%s: %v", algorithm, r.header)
		}
		if r := w.do("HEAD", key, "", "X-Amz-Checksum-Mode", "ENABLED"); r.header.Get(name) != sum {
			t.Errorf("%s: HEAD has %v", algorithm, r.header)
		}
		want(t, algorithm+" of other bytes", w.do("PUT", key, "12345678X", name, sum), 400, "BadDigest")
		want(t, algorithm+" that is none", w.do("PUT", key, "123456789", name, "AAAA"), 400, "InvalidRequest")
	}
	if r := w.do("GET", key, ""); r.body != "123456789" {
		t.Errorf("refused bytes were kept: %q", r.body)
	}
	// Without one S3 computes CRC64NVME.
	if r := w.do("PUT", key, "123456789"); r.header.Get("X-Amz-Checksum-Crc64nvme") != "rosUhgp5mIg=" {
		t.Errorf("the default checksum: %v", r.header)
	}
	want(t, "md5", w.do("PUT", key, "123456789", "Content-Md5", md5Of("123456789")), 200, "")
	want(t, "another md5", w.do("PUT", key, "123456789", "Content-Md5", md5Of("x")), 400, "BadDigest")
	want(t, "no md5", w.do("PUT", key, "123456789", "Content-Md5", "x"), 400, "InvalidDigest")
	want(t, "two", w.do("PUT", key, "123456789", "X-Amz-Checksum-Crc32", "y/Q5Jg==", "X-Amz-Checksum-Crc32c", "4waSgw=="), 400, "InvalidRequest")
	w.onDisk(1)
}

// upload makes an object in parts and gives the answer of the last step.
func (w *world) upload(path string, parts []string, create, each []string, complete func(etags []string) string) response {
	w.t.Helper()
	id := w.do("POST", path+"?uploads", "", create...).element("UploadId")
	var etags []string
	for i, p := range parts {
		r := w.do("PUT", path+"?partNumber="+strconv.Itoa(i+1)+"&uploadId="+id, p, each...)
		want(w.t, "part", r, 200, "")
		etags = append(etags, r.header.Get("Etag"))
	}
	if complete == nil {
		complete = func(etags []string) string {
			var b strings.Builder
			for i, e := range etags {
				b.WriteString("<Part><PartNumber>" + strconv.Itoa(i+1) + "</PartNumber><ETag>" + e + "</ETag></Part>")
			}
			return b.String()
		}
	}
	return w.do("POST", path+"?uploadId="+id, "<CompleteMultipartUpload>"+complete(etags)+"</CompleteMultipartUpload>")
}

func TestMultipart(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("a", 5<<20)
	r := w.upload(key, []string{large, "tail"}, []string{"Content-Type", "text/x", "X-Amz-Meta-A", "b", "X-Amz-Tagging", "k=v"}, nil, nil)
	want(t, "complete", r, 200, "")
	if etag := r.element("ETag"); !strings.HasSuffix(etag, "-2&quot;") {
		t.Errorf("ETag %s", etag)
	}
	got := w.do("GET", key, "", "X-Amz-Checksum-Mode", "ENABLED")
	if got.body != large+"tail" || got.header.Get("Content-Type") != "text/x" || got.header.Get("X-Amz-Meta-A") != "b" || got.header.Get("X-Amz-Tagging-Count") != "1" {
		t.Errorf("the object: %d bytes, %v", len(got.body), got.header)
	}
	// The CRC of the whole is put together from those of the parts.
	whole := w.do("PUT", "/"+uploads+"/whole", large+"tail").header.Get("X-Amz-Checksum-Crc64nvme")
	if sum := got.header.Get("X-Amz-Checksum-Crc64nvme"); sum != whole || whole == "" {
		t.Errorf("CRC64NVME %s, want %s", sum, whole)
	}
	if r := w.do("GET", key+"?partNumber=2", ""); r.status != 206 || r.body != "tail" || r.header.Get("X-Amz-Mp-Parts-Count") != "2" || r.header.Get("Content-Range") != "bytes 5242880-5242883/5242884" {
		t.Errorf("part 2: %d %q %v", r.status, r.body, r.header)
	}
	if r := w.do("GET", key, "", "Range", "bytes=5242878-5242881"); r.status != 206 || r.body != "aata" {
		t.Errorf("over the edge: %d %q", r.status, r.body)
	}
	small := w.upload("/"+uploads+"/small", []string{"one", "two"}, nil, nil, nil)
	want(t, "small parts", small, 400, "EntityTooSmall")
	one := func(body string) func([]string) string { return func([]string) string { return body } }
	for name, c := range map[string]struct{ body, code string }{
		"order":   {"<Part><PartNumber>2</PartNumber><ETag>x</ETag></Part><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>", "InvalidPart"},
		"unknown": {"<Part><PartNumber>7</PartNumber><ETag>x</ETag></Part>", "InvalidPart"},
		"etag":    {"<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>", "InvalidPart"},
		"nothing": {"", "MalformedXML"},
		"doctype": {"<!DOCTYPE x>", "MalformedXML"},
	} {
		want(t, name, w.upload("/"+uploads+"/refused", []string{"x"}, nil, nil, one(c.body)), 400, c.code)
	}
	want(t, "nothing was made", w.do("GET", "/"+uploads+"/refused", ""), 404, "NoSuchKey")
	list := w.do("GET", "/"+uploads+"?uploads", "")
	if n := strings.Count(list.body, "<Upload>"); n != 6 {
		t.Errorf("%d uploads under way:\n%s", n, list.body)
	}
	for _, id := range strings.Split(list.body, "<UploadId>")[1:] {
		id, _, _ = strings.Cut(id, "<")
		name := "refused"
		if strings.Contains(list.body, "<Key>small</Key><UploadId>"+id) {
			name = "small"
		}
		want(t, "another key's upload", w.do("GET", "/"+uploads+"/other?uploadId="+id, ""), 404, "NoSuchUpload")
		want(t, "abort", w.do("DELETE", "/"+uploads+"/"+name+"?uploadId="+id, ""), 204, "")
		want(t, "abort again", w.do("DELETE", "/"+uploads+"/"+name+"?uploadId="+id, ""), 404, "NoSuchUpload")
	}
	w.onDisk(3) // two parts and a whole
}

// TestCompositeChecksums: the sum of the parts' sums, with their count.
func TestCompositeChecksums(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("b", 5<<20)
	sum := func(s string) []byte {
		n := crc32.ChecksumIEEE([]byte(s))
		return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	parts := []string{large, "tail"}
	list := func(etags []string) string {
		var b strings.Builder
		for i, e := range etags {
			b.WriteString("<Part><PartNumber>" + strconv.Itoa(i+1) + "</PartNumber><ETag>" + e + "</ETag><ChecksumCRC32>" + base64.StdEncoding.EncodeToString(sum(parts[i])) + "</ChecksumCRC32></Part>")
		}
		return b.String()
	}
	id := w.do("POST", key+"?uploads", "", "X-Amz-Checksum-Algorithm", "CRC32").element("UploadId")
	var etags []string
	for i, p := range parts {
		at := key + "?partNumber=" + strconv.Itoa(i+1) + "&uploadId=" + id
		want(t, "a part without its checksum", w.do("PUT", at, p), 400, "InvalidRequest")
		r := w.do("PUT", at, p, "X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(sum(p)))
		want(t, "part", r, 200, "")
		etags = append(etags, r.header.Get("Etag"))
	}
	all := base64.StdEncoding.EncodeToString(sum(string(bytes.Join([][]byte{sum(parts[0]), sum(parts[1])}, nil)))) + "-2"
	r := w.do("POST", key+"?uploadId="+id, "<CompleteMultipartUpload>"+list(etags)+"</CompleteMultipartUpload>")
	if want(t, "complete", r, 200, ""); r.element("ChecksumCRC32") != all || r.element("ChecksumType") != "COMPOSITE" {
		t.Errorf("want %s: %s", all, r.body)
	}
	again := w.do("POST", key+"?uploadId="+id, "<CompleteMultipartUpload>"+list(etags)+"</CompleteMultipartUpload>")
	if again.status != 200 || again.element("ETag") != r.element("ETag") {
		t.Errorf("completed again: %d %s", again.status, again.body)
	}
}

func TestCopy(t *testing.T) {
	w := newWorld(t)
	w.do("PUT", key, "hello", "Content-Type", "text/x", "X-Amz-Meta-A", "1", "X-Amz-Tagging", "k=v")
	w.advance(time.Hour)
	copied := func(to string, header ...string) response {
		return w.do("PUT", "/"+uploads+"/"+to, "", append([]string{"X-Amz-Copy-Source", uploads + "/notes/a%20b.txt"}, header...)...)
	}
	r := copied("copy")
	if want(t, "copy", r, 200, ""); r.element("ETag") != "&quot;5d41402abc4b2a76b9719d911017c592&quot;" || r.element("LastModified") != "2026-03-01T13:00:00.000Z" {
		t.Errorf("%s", r.body)
	}
	got := w.do("GET", "/"+uploads+"/copy", "")
	if got.body != "hello" || got.header.Get("Content-Type") != "text/x" || got.header.Get("X-Amz-Meta-A") != "1" || got.header.Get("X-Amz-Tagging-Count") != "1" {
		t.Errorf("the copy: %v", got.header)
	}
	want(t, "replace", copied("new", "X-Amz-Metadata-Directive", "REPLACE", "X-Amz-Meta-B", "2", "X-Amz-Tagging-Directive", "REPLACE"), 200, "")
	got = w.do("HEAD", "/"+uploads+"/new", "")
	if got.header.Get("X-Amz-Meta-A") != "" || got.header.Get("X-Amz-Meta-B") != "2" || got.header.Get("Content-Type") != "binary/octet-stream" || got.header.Get("X-Amz-Tagging-Count") != "" {
		t.Errorf("what was replaced: %v", got.header)
	}
	want(t, "to itself", w.do("PUT", key, "", "X-Amz-Copy-Source", uploads+"/notes/a%20b.txt"), 400, "InvalidRequest")
	want(t, "another etag", copied("no", "X-Amz-Copy-Source-If-Match", `"x"`), 412, "PreconditionFailed")
	want(t, "unchanged", copied("no", "X-Amz-Copy-Source-If-None-Match", `"5d41402abc4b2a76b9719d911017c592"`), 412, "PreconditionFailed")
	want(t, "no source", w.do("PUT", "/"+uploads+"/no", "", "X-Amz-Copy-Source", uploads+"/none"), 404, "NoSuchKey")
	want(t, "no key", w.do("PUT", "/"+uploads+"/no", "", "X-Amz-Copy-Source", uploads), 400, "InvalidArgument")
	want(t, "a bad directive", copied("no", "X-Amz-Metadata-Directive", "MERGE"), 400, "InvalidArgument")
}

// TestBounds: what is too long is refused before it is kept.
func TestBounds(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("k", 1024)
	want(t, "1024 bytes", w.do("PUT", "/"+uploads+"/"+long, "x"), 200, "")
	wantError(t, "1025 bytes", w.do("PUT", "/"+uploads+"/"+long+"k", "x"), 400, "<Code>KeyTooLongError</Code><Message>Your key is too long</Message><Size>1025</Size><MaxSizeAllowed>1024</MaxSizeAllowed>")
	want(t, "metadata", w.do("PUT", key, "x", "X-Amz-Meta-A", strings.Repeat("m", 2048)), 400, "MetadataTooLarge")
	want(t, "tags", w.do("PUT", key, "x", "X-Amz-Tagging", strings.Repeat("a=b&", 1)+"c=d&e=f&g=h&i=j&k=l&m=n&o=p&q=r&s=t&u=v"), 400, "BadRequest")
	want(t, "a part number", w.do("PUT", key+"?partNumber=10001&uploadId=x", "x"), 400, "InvalidArgument")
	want(t, "not UTF-8", w.do("PUT", "/"+uploads+"/%ff", "x"), 400, "InvalidURI")
	// Its length alone refuses it.
	res := w.rawPut(5<<30 + 1)
	if !strings.Contains(res, "EntityTooLarge") {
		t.Errorf("more than 5 GiB: %s", res)
	}
	want(t, "much XML", w.do("POST", "/"+uploads+"?delete", "<Delete>"+strings.Repeat(" ", 4<<20)+"</Delete>", "Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="), 400, "MaxMessageLengthExceeded")
	want(t, "a body that nobody reads", w.do("DELETE", key, strings.Repeat("x", 65<<10)), 400, "MaxMessageLengthExceeded")
	w.onDisk(1)
}

// TestObjectsAreNoPages: an object that a browser opens is not of the origin that
// the endpoint is, and cannot set its cookies.
func TestObjectsAreNoPages(t *testing.T) {
	w := newWorld(t)
	for contentType, sandboxed := range map[string]bool{"text/html": true, "image/svg+xml": true, "": true, "application/pdf": false} {
		w.do("PUT", key, "<script>alert(document.cookie)</script>", "Content-Type", contentType, "Set-Cookie", "a=b", "X-Amz-Meta-Set-Cookie", "a=b")
		r := w.do("GET", key, "")
		policy := r.header.Get("Content-Security-Policy")
		if strings.HasPrefix(policy, "sandbox") != sandboxed || strings.Contains(policy, "allow-same-origin") || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %v", contentType, r.header)
		}
	}
}
