package sigv4_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/doorwright/doorwright/sigv4"
)

func hmacOf(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

const scopeOfTests = "20261120/eu-west-1/"

func keyOfTests(service string) []byte {
	return hmacOf(hmacOf(hmacOf(hmacOf([]byte("AWS4"+admin.SecretAccessKey), "20261120"), "eu-west-1"), service), "aws4_request")
}

// signAs signs a request at noon with any text in the place of the body's hash.
// Only what the verifier's own explanation says is taken from the package.
func signAs(r *http.Request, payload, service string, rule sigv4.PathRule) string {
	r.Header.Del("Authorization")
	sigv4.Signer{Service: service, Region: "eu-west-1", Path: rule}.Sign(r, nil, admin, noon)
	v := &sigv4.Verifier{Service: service, Region: "eu-west-1", Path: rule, Lookup: lookupWith(""), Now: verifier().Now}
	_, err := v.Verify(r, []byte("not the body"))
	var e *sigv4.Error
	if !errors.As(err, &e) {
		panic(err)
	}
	lines := strings.Split(e.CanonicalRequest, "\n")
	lines[len(lines)-1] = payload
	toSign := "AWS4-HMAC-SHA256\n20261120T120000Z\n" + scopeOfTests + service + "/aws4_request\n" + sha(strings.Join(lines, "\n"))
	signature := hex.EncodeToString(hmacOf(keyOfTests(service), toSign))
	before, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Authorization", before+"Signature="+signature)
	return signature
}

// chunkedBody signs chunks after a seed, as AWS's documentation says. trailer
// is nil for a body without; its lines are "name:value".
func chunkedBody(seed string, chunks []string, trailer []string) string {
	previous := seed
	link := func(algorithm, hashes string) string {
		previous = hex.EncodeToString(hmacOf(keyOfTests("s3"), algorithm+"\n20261120T120000Z\n"+scopeOfTests+"s3/aws4_request\n"+previous+"\n"+hashes))
		return previous
	}
	var b strings.Builder
	for _, c := range append(chunks, "") {
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s", len(c), link("AWS4-HMAC-SHA256-PAYLOAD", sha("")+"\n"+sha(c)), c)
		if c != "" {
			b.WriteString("\r\n")
		}
	}
	var lines string
	for _, line := range trailer {
		b.WriteString(line + "\r\n")
		lines += line + "\n"
	}
	if trailer != nil {
		b.WriteString("x-amz-trailer-signature:" + link("AWS4-HMAC-SHA256-TRAILER", sha(lines)) + "\r\n")
	}
	return b.String() + "\r\n"
}

// chunkedRequest gives a signed request with a body in chunks, and the body.
func chunkedRequest(marker string, chunks, trailer []string) (*http.Request, string) {
	data := strings.Join(chunks, "")
	r := httptest.NewRequest("PUT", "http://localhost/bucket/a%20b", nil)
	r.Header.Set("X-Amz-Content-Sha256", marker)
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(data)))
	r.Header.Set("Content-Encoding", "aws-chunked")
	var names []string
	for _, line := range trailer {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	if trailer != nil {
		r.Header.Set("X-Amz-Trailer", strings.Join(names, ","))
	}
	seed := signAs(r, marker, "s3", sigv4.KeepPath)
	if marker != unsignedTrailer {
		return r, chunkedBody(seed, chunks, trailer)
	}
	var b strings.Builder
	for _, c := range chunks {
		fmt.Fprintf(&b, "%X\r\n%s\r\n", len(c), c)
	}
	b.WriteString("0\r\n")
	for _, line := range trailer {
		b.WriteString(line + "\r\n")
	}
	return r, b.String() + "\r\n"
}

const (
	signedChunks    = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	signedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

func s3Verifier() *sigv4.Verifier {
	v := verifier()
	v.Service, v.S3 = "s3", true
	return v
}

// stream reads a request's body through VerifyStream.
func stream(v *sigv4.Verifier, r *http.Request, body io.Reader) (data string, trailer http.Header, err error) {
	r.Body = io.NopCloser(body)
	id, b, err := v.VerifyStream(r)
	if err != nil {
		if !reflect.DeepEqual(id, sigv4.Identity{}) || b != nil {
			return "", nil, fmt.Errorf("an error and %+v, %v", id, b)
		}
		return "", nil, err
	}
	read, err := io.ReadAll(b)
	return string(read), b.Trailer(), err
}

// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
// and https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html.
func TestChunkedExamples(t *testing.T) {
	for _, c := range []struct {
		marker, headers, seed string
		chunks                [3]string
		trailer               string
	}{
		{signedChunks, "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
			"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
			[3]string{
				"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
				"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
				"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
			}, "\r\n"},
		{signedTrailer, "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			[3]string{
				"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
				"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
				"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
			}, "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"},
	} {
		body := "10000;chunk-signature=" + c.chunks[0] + "\r\n" + strings.Repeat("a", 65536) + "\r\n400;chunk-signature=" + c.chunks[1] + "\r\n" +
			strings.Repeat("a", 1024) + "\r\n0;chunk-signature=" + c.chunks[2] + "\r\n" + c.trailer
		r := fromWire("PUT", "s3.amazonaws.com", "/examplebucket/chunkObject.txt", "")
		r.ContentLength = 66824
		for name, value := range map[string]string{
			"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "X-Amz-Content-Sha256": c.marker,
			"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "66560",
			"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + c.headers + ",Signature=" + c.seed,
		} {
			r.Header.Set(name, value)
		}
		if c.marker == signedTrailer {
			r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
		}
		if c.marker == signedChunks && len(body) != 66824 {
			t.Fatalf("the body is %d bytes long", len(body))
		}
		for _, reader := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
			data, trailer, err := stream(s3Example(), r, reader)
			if err != nil || data != strings.Repeat("a", 66560) {
				t.Errorf("%s: %d bytes, %v", c.marker, len(data), err)
			}
			if want := strings.Contains(c.trailer, "crc32c"); (trailer.Get("X-Amz-Checksum-Crc32c") == "sOO8/Q==") != want || len(trailer) > 1 {
				t.Errorf("%s: the trailer is %v", c.marker, trailer)
			}
		}
		// Both ends of a trailer that clients send.
		if c.marker == signedTrailer {
			for _, variant := range []string{body + "\r\n", strings.Replace(body, "==\r\n", "==\n\r\n", 1)} {
				if _, _, err := stream(s3Example(), r, strings.NewReader(variant)); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := s3Example().Verify(r, []byte(body)); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
}

func TestChunkedForms(t *testing.T) {
	for _, c := range []struct {
		marker  string
		chunks  []string
		trailer []string
	}{
		{signedChunks, []string{"hello, ", "world"}, nil},
		{signedChunks, nil, nil},
		{signedTrailer, []string{"hello"}, []string{"x-amz-checksum-crc32:NhCmhg=="}},
		{signedTrailer, []string{"hello"}, []string{}},
		{signedTrailer, nil, []string{"x-amz-checksum-crc32:AAAAAA==", "x-amz-meta-a:b"}},
		{unsignedTrailer, []string{"hello, world, hello", "world"}, []string{"x-amz-checksum-crc32:NhCmhg=="}},
		{unsignedTrailer, nil, []string{"x-amz-checksum-crc32:AAAAAA=="}},
		{unsignedTrailer, []string{"hello"}, nil},
	} {
		r, body := chunkedRequest(c.marker, c.chunks, c.trailer)
		for _, reader := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
			data, trailer, err := stream(s3Verifier(), r, reader)
			if err != nil || data != strings.Join(c.chunks, "") || len(trailer) != len(c.trailer) {
				t.Errorf("%s %q: %q, %v, %v", c.marker, c.chunks, data, trailer, err)
			}
		}
	}
}

func TestChunkedRefusals(t *testing.T) {
	subst := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				panic(s + " lacks " + old)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	more := func(s string) func(string) string { return func(b string) string { return b + s } }
	for _, c := range []struct {
		name   string
		marker string
		change func(string) string
		reason sigv4.Reason
		data   string // what has been given before the refusal
	}{
		{"data of the first chunk", signedChunks, subst("hello", "hellO"), sigv4.SignatureMismatch, ""},
		{"data of the second chunk", signedChunks, subst("world", "worlD"), sigv4.SignatureMismatch, "hello"},
		{"chunks exchanged", signedChunks, func(s string) string {
			half := (len(s) - len("0;chunk-signature=")*1 - 64 - 4) / 2
			return s[half:2*half] + s[:half] + s[2*half:]
		}, sigv4.SignatureMismatch, ""},
		{"a chunk left out", signedChunks, func(s string) string { return s[strings.Index(s, "hello\r\n")+7:] }, sigv4.SignatureMismatch, ""},
		{"no last chunk", signedChunks, func(s string) string { return s[:strings.Index(s, "\r\n0;")+2] }, sigv4.Incomplete, "helloworld"},
		{"cut in a chunk", signedChunks, func(s string) string { return s[:strings.Index(s, "world")+2] }, sigv4.Incomplete, "hello"},
		{"cut before the end", signedChunks, func(s string) string { return strings.TrimSuffix(s, "\r\n") }, sigv4.Incomplete, "helloworld"},
		{"nothing", signedChunks, func(string) string { return "" }, sigv4.Incomplete, ""},
		{"more", signedChunks, more("x"), sigv4.ChunkMalformed, "helloworld"},
		{"another chunk", signedChunks, more("0\r\n"), sigv4.ChunkMalformed, "helloworld"},
		{"no signature", signedChunks, func(s string) string { return "5" + s[strings.Index(s, "\r\n"):] }, sigv4.ChunkMalformed, ""},
		{"a short signature", signedChunks, func(s string) string {
			i := strings.Index(s, "\r\n")
			return s[:i-1] + s[i:]
		}, sigv4.ChunkMalformed, ""},
		{"another extension", signedChunks, subst(";chunk-signature", ";chunk-name"), sigv4.ChunkMalformed, ""},
		{"no size", signedChunks, subst("5;", ";"), sigv4.ChunkMalformed, ""},
		{"a sign", signedChunks, subst("5;", "+5;"), sigv4.ChunkMalformed, ""},
		{"a prefix", signedChunks, subst("5;", "0x5;"), sigv4.ChunkMalformed, ""},
		{"a zero in front", signedChunks, subst("5;", "05;"), sigv4.ChunkMalformed, ""},
		{"LF alone", signedChunks, subst("\r\n", "\n"), sigv4.ChunkMalformed, ""},
		{"other end of a chunk", signedChunks, subst("hello\r\n", "hello\n\n"), sigv4.ChunkMalformed, ""},
		{"larger than the whole", signedChunks, subst("5;", "f;"), sigv4.Incomplete, ""},
		{"over the bound", signedChunks, subst("5;", "fffffffffffffff;"), sigv4.TooLarge, ""},
		{"over int64", signedChunks, subst("5;", "ffffffffffffffff;"), sigv4.ChunkMalformed, ""},
		{"a long line", signedChunks, subst("5;", strings.Repeat("5", 5000)+";"), sigv4.TooLarge, ""},
		{"trailer's value", signedTrailer, subst("NhCmhg", "NhCmhG"), sigv4.SignatureMismatch, "helloworld"},
		{"trailer's name", signedTrailer, subst("\nx-amz-checksum-crc32", "\nx-amz-checksum-crc33"), sigv4.ChunkMalformed, "helloworld"},
		{"no trailer", signedTrailer, subst("x-amz-checksum-crc32:NhCmhg==\r\n", ""), sigv4.ChunkMalformed, "helloworld"},
		{"trailer twice", signedTrailer, subst("x-amz-checksum-crc32:NhCmhg==\r\n", "x-amz-checksum-crc32:NhCmhg==\r\nx-amz-checksum-crc32:NhCmhg==\r\n"), sigv4.ChunkMalformed, "helloworld"},
		{"trailer unsigned", signedTrailer, func(s string) string { return s[:strings.Index(s, "x-amz-trailer-signature")] + "\r\n" }, sigv4.ChunkMalformed, "helloworld"},
		{"long trailer", signedTrailer, subst("NhCmhg==", strings.Repeat("a", 5000)), sigv4.TooLarge, "helloworld"},
		{"trailer cut", signedTrailer, func(s string) string { return s[:strings.Index(s, "NhCmhg")] }, sigv4.Incomplete, "helloworld"},
		{"header in an unsigned trailer", unsignedTrailer, subst("x-amz-checksum-crc32:", "x-amz-acl:"), sigv4.ChunkMalformed, "helloworld"},
		{"trailer not named", unsignedTrailer, more("x-amz-acl:public\r\n\r\n"), sigv4.ChunkMalformed, "helloworld"},
		{"a signature in an unsigned body", unsignedTrailer, subst("5\r\n", "5;chunk-signature="+sha("")+"\r\n"), sigv4.ChunkMalformed, ""},
		{"unsigned, too much", unsignedTrailer, subst("world", "world!"), sigv4.ChunkMalformed, "helloworld"},
		{"unsigned, larger than the whole", unsignedTrailer, subst("5\r\n", "FFFF\r\n"), sigv4.Incomplete, ""},
		{"unsigned, cut", unsignedTrailer, func(s string) string { return s[:strings.Index(s, "world")+2] }, sigv4.Incomplete, "hellowo"},
		{"unsigned, too little", unsignedTrailer, func(s string) string { return strings.Replace(s, "5\r\nworld\r\n", "", 1) }, sigv4.Incomplete, "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var trailer []string
			if c.marker != signedChunks {
				trailer = []string{"x-amz-checksum-crc32:NhCmhg=="}
			}
			r, body := chunkedRequest(c.marker, []string{"hello", "world"}, trailer)
			data, after, err := stream(s3Verifier(), r, strings.NewReader(c.change(body)))
			e := refused(t, sigv4.Identity{}, err, c.reason)
			if data != c.data || after != nil {
				t.Errorf("%q and the trailer %v were given before %v", data, after, err)
			}
			if (e.StringToSign != "") != (c.reason == sigv4.SignatureMismatch) || e.CanonicalRequest != "" {
				t.Errorf("string to sign: %q", e.StringToSign)
			}
			if id, err := s3Verifier().Verify(r, []byte(c.change(body))); err == nil || !reflect.DeepEqual(id, sigv4.Identity{}) {
				t.Errorf("Verify = %+v, %v", id, err)
			}
		})
	}
}

func TestChunkedHeaders(t *testing.T) {
	for _, c := range []struct {
		name, header, value string
		marker              string
		reason              sigv4.Reason
	}{
		{"another length", "X-Amz-Decoded-Content-Length", "11", signedChunks, sigv4.Incomplete},
		{"a shorter length", "X-Amz-Decoded-Content-Length", "9", signedChunks, sigv4.Incomplete},
		{"no number", "X-Amz-Decoded-Content-Length", "ten", signedChunks, sigv4.LengthMissing},
		{"negative", "X-Amz-Decoded-Content-Length", "-1", signedChunks, sigv4.LengthMissing},
		{"trailer of a body without", "X-Amz-Trailer", "x-amz-checksum-crc32", signedChunks, sigv4.PayloadHashInvalid},
		{"no name", "X-Amz-Trailer", "x amz", signedTrailer, sigv4.ChunkMalformed},
		{"many names", "X-Amz-Trailer", "a,b,c,d,e,f,g,h,i", signedTrailer, sigv4.ChunkMalformed},
	} {
		r, _ := chunkedRequest(c.marker, []string{"hello", "world"}, nil)
		r.Header.Set(c.header, c.value)
		body := chunkedBody(signAs(r, c.marker, "s3", sigv4.KeepPath), []string{"hello", "world"}, nil)
		_, _, err := stream(s3Verifier(), r, strings.NewReader(body))
		refused(t, sigv4.Identity{}, err, c.reason)
	}
}

// Nine trailers are too many, before anything of the body is read; and of two,
// each is there.
func TestTrailers(t *testing.T) {
	r, _ := chunkedRequest(unsignedTrailer, nil, []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1", "h:1", "i:1"})
	r.Body = http.NoBody
	_, _, err := s3Verifier().VerifyStream(r)
	refused(t, sigv4.Identity{}, err, sigv4.ChunkMalformed)

	r, body := chunkedRequest(unsignedTrailer, nil, []string{"a:1", "b:1"})
	if _, trailer, err := stream(s3Verifier(), r, strings.NewReader(body)); err != nil || len(trailer) != 2 {
		t.Errorf("%v, %v", trailer, err)
	}
	_, _, err = stream(s3Verifier(), r, strings.NewReader(strings.Replace(body, "b:1", "A:2", 1)))
	refused(t, sigv4.Identity{}, err, sigv4.ChunkMalformed)
}

// A body is read as it comes: what a caller announces takes no memory, and a
// chunk is given before the next one has been sent.
func TestChunkedStreams(t *testing.T) {
	r, body := chunkedRequest(signedChunks, []string{"hello", "world"}, nil)
	second := strings.Index(body, "5;chunk-signature=") + strings.Index(body[1:], "5;chunk-signature=") + 1
	pr, pw := io.Pipe()
	r.Body = pr
	_, b, err := s3Verifier().VerifyStream(r)
	if err != nil || b.Length() != 10 {
		t.Fatal(b, err)
	}
	go io.WriteString(pw, body[:second])
	first := make([]byte, 5)
	if _, err := io.ReadFull(b, first); err != nil || string(first) != "hello" {
		t.Fatalf("%q, %v", first, err)
	}
	go func() {
		io.WriteString(pw, body[second:])
		pw.Close()
	}()
	rest, err := io.ReadAll(b)
	if err != nil || string(rest) != "world" {
		t.Errorf("%q, %v", rest, err)
	}

	// An error of the transport is not the caller's.
	failed := errors.New("reset")
	_, _, err = stream(s3Verifier(), r, io.MultiReader(strings.NewReader(body[:100]), iotest.ErrReader(failed)))
	var e *sigv4.Error
	if !errors.Is(err, failed) || errors.As(err, &e) {
		t.Errorf("err = %v", err)
	}
}

// A body signed by its hash is refused at its end, an unsigned one is not.
func TestStreamOfOneHash(t *testing.T) {
	for _, c := range []struct {
		hash   string
		reason sigv4.Reason
	}{{sha("hello"), ""}, {sha("hellO"), sigv4.PayloadMismatch}, {"UNSIGNED-PAYLOAD", ""}} {
		r := httptest.NewRequest("PUT", "http://localhost/", nil)
		r.ContentLength = 5
		r.Header.Set("X-Amz-Content-Sha256", c.hash)
		signAs(r, c.hash, "s3", sigv4.KeepPath)
		data, _, err := stream(s3Verifier(), r, strings.NewReader("hello"))
		if data != "hello" || (err == nil) != (c.reason == "") {
			t.Errorf("%q, %v", data, err)
		}
		if c.reason != "" {
			refused(t, sigv4.Identity{}, err, c.reason)
		}
	}
}

func FuzzChunked(f *testing.F) {
	for _, marker := range []string{signedChunks, signedTrailer, unsignedTrailer} {
		var trailer []string
		if marker != signedChunks {
			trailer = []string{"x-amz-checksum-crc32:NhCmhg=="}
		}
		_, body := chunkedRequest(marker, []string{"hello", "world"}, trailer)
		f.Add(marker, []byte(body))
	}
	f.Fuzz(func(t *testing.T, marker string, body []byte) {
		var trailer []string
		switch marker {
		case signedChunks:
		case signedTrailer, unsignedTrailer:
			trailer = []string{"x-amz-checksum-crc32:NhCmhg=="}
		default:
			return
		}
		r, _ := chunkedRequest(marker, []string{"hello", "world"}, trailer)
		data, _, err := stream(s3Verifier(), r, bytes.NewReader(body))
		var e *sigv4.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no *Error", err)
		}
		// Only what has been signed is ever given.
		if marker != unsignedTrailer && !strings.HasPrefix("helloworld", data) {
			t.Fatalf("%q was given", data)
		}
		if err == nil && len(data) != 10 {
			t.Fatalf("%q is not as long as the request said", data)
		}
	})
}
