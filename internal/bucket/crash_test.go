package bucket_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/doorwright/doorwright/internal/bucket"
)

// TestReadersSeeWholeObjects: whatever is written meanwhile, a reader gets the
// bytes of one write.
func TestReadersSeeWholeObjects(t *testing.T) {
	w := newWorld(t)
	object := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 300<<10+i) }
	want(t, "put", w.do("PUT", key, object(0)), 200, "")
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for range 2 {
		writers.Go(func() {
			for i := range 25 {
				switch {
				case i%5 == 4:
					w.do("DELETE", key, "")
				default:
					want(t, "put", w.do("PUT", key, object(i)), 200, "")
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				r := w.do("GET", key, "")
				if r.status == 404 {
					continue
				}
				if r.status != 200 || strings.Trim(r.body, r.body[:1]) != "" || r.header.Get("Etag") != `"`+hexMD5(r.body)+`"` {
					t.Errorf("%d: %d bytes, a mixture", r.status, len(r.body))
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	want(t, "put", w.do("PUT", key, "last"), 200, "")
	w.onDisk(1)
}

// TestCutOffBodies: a body that ends early leaves the old object and no file.
func TestCutOffBodies(t *testing.T) {
	w := newWorld(t)
	want(t, "put", w.do("PUT", "/"+uploads+"/raw", "old"), 200, "")
	if answer := w.rawPut(1 << 20); !strings.Contains(answer, "<Code>IncompleteBody</Code>") {
		t.Errorf("a body that is cut off: %s", answer)
	}
	if r := w.do("GET", "/"+uploads+"/raw", ""); r.body != "old" {
		t.Errorf("the object is %q", r.body)
	}
	w.onDisk(1)
}

// TestTamperedBodies: bytes that were not signed are refused at the end, and
// nothing of them stays.
func TestTamperedBodies(t *testing.T) {
	w := newWorld(t)
	want(t, "put", w.do("PUT", key, "old"), 200, "")
	r := w.build(request{method: "PUT", path: key, body: "new", as: &w.root})
	r.Body = io.NopCloser(strings.NewReader("NEW"))
	want(t, "another body", w.roundTrip(r), 400, "XAmzContentSHA256Mismatch")
	r = w.build(request{method: "DELETE", path: key, as: &w.root})
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
	want(t, "a body that was not signed", w.roundTrip(r), 400, "XAmzContentSHA256Mismatch")
	if r := w.do("GET", key, ""); r.body != "old" {
		t.Errorf("the object is %q", r.body)
	}
	w.onDisk(1)
}

// TestFailingDisk: the old object stays, the answer says nothing of the disk, and
// the log says what to do.
func TestFailingDisk(t *testing.T) {
	for name, cause := range map[string]error{"full": syscall.ENOSPC, "broken": syscall.EIO} {
		for _, at := range []string{"create", "write", "sync", "close"} {
			t.Run(name+" "+at, func(t *testing.T) {
				w := newWorld(t)
				w.cfg.Explain = w.stage.Explain
				w.open()
				want(t, "put", w.do("PUT", key, "old"), 200, "")
				bucket.FailFiles(w.service, at, cause)
				for _, q := range []response{w.do("PUT", key, "new"), w.do("PUT", "/"+uploads+"/copy", "", "X-Amz-Copy-Source", uploads+"/notes/a%20b.txt")} {
					wantError(t, "put", q, 500, "<Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message>")
					if e := w.last(); !strings.Contains(e.Reason, cause.Error()) && !strings.Contains(e.Reason, "cannot grow") || !e.Fault() {
						t.Errorf("the log says %q", e.Reason)
					}
				}
				bucket.FailFiles(w.service, "", nil)
				if r := w.do("GET", key, ""); r.body != "old" {
					t.Errorf("the object is %q", r.body)
				}
				w.onDisk(1)
			})
		}
	}
}

// TestOpenSweeps: what a crash leaves is gone after the next start, and what is
// anything stays. A file that is not ours is not touched.
func TestOpenSweeps(t *testing.T) {
	w := newWorld(t)
	want(t, "put", w.do("PUT", key, "kept"), 200, "")
	id := w.do("POST", "/"+uploads+"/parts?uploads", "").element("UploadId")
	part := w.do("PUT", "/"+uploads+"/parts?partNumber=1&uploadId="+id, "part")
	orphan := filepath.Join(w.cfg.Dir, "ab", "ab"+strings.Repeat("0", 30))
	foreign := filepath.Join(w.cfg.Dir, "ab", "notes.txt")
	if err := errors.Join(os.MkdirAll(filepath.Dir(orphan), 0o700), os.WriteFile(orphan, []byte("half"), 0o600), os.WriteFile(foreign, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.open()
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("what a crash left is there: %v", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is not ours: %v", err)
	}
	if r := w.do("GET", key, ""); r.body != "kept" {
		t.Errorf("the object is %q", r.body)
	}
	r := w.do("POST", "/"+uploads+"/parts?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+part.header.Get("Etag")+"</ETag></Part></CompleteMultipartUpload>")
	want(t, "an upload goes on after a restart", r, 200, "")
}

// TestObjectThatIsGone: a file that somebody deleted is a fault, and no empty
// object.
func TestObjectThatIsGone(t *testing.T) {
	w := newWorld(t)
	want(t, "put", w.do("PUT", key, "hello"), 200, "")
	for _, name := range w.files() {
		if err := os.Truncate(name, 2); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "half a file", w.do("GET", key, ""), 500, "InternalError")
	for _, name := range w.files() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "no file", w.do("GET", key, ""), 500, "InternalError")
}

// TestFilesArePrivate: nobody else reads objects.
func TestFilesArePrivate(t *testing.T) {
	w := newWorld(t)
	want(t, "put", w.do("PUT", "/"+uploads+"/..%2F..%2Fetc%2Fpasswd", "hello"), 200, "")
	files := w.files()
	if len(files) != 1 {
		t.Fatalf("%q", files)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if name := filepath.Base(files[0]); info.Mode().Perm()&0o077 != 0 || len(name) != 32 || strings.ContainsAny(name, "./") {
		t.Errorf("%s: %v", files[0], info.Mode())
	}
}

// FuzzRequest sends what it likes behind a good signature: no panic, and an
// answer of S3's form.
func FuzzRequest(f *testing.F) {
	w := newWorld(f)
	f.Add("POST", "?delete", "<Delete><Object><Key>a</Key></Object></Delete>", "bytes=0-1")
	f.Add("GET", "/k?partNumber=1", "", "bytes=-1")
	f.Add("PUT", "/k?tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>", "bytes=1-")
	f.Add("POST", "/k?uploadId=x", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", "")
	f.Add("GET", "?list-type=2&delimiter=/&prefix=a&start-after=b&continuation-token=MWI=", "", "")
	f.Fuzz(func(t *testing.T, method, rest, body, ranges string) {
		r, err := http.NewRequest(method, w.server.URL+"/"+uploads+rest, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(r.URL.Path, "/"+uploads) || strings.ContainsAny(ranges, "\r\n\x00") {
			t.Skip()
		}
		if strings.ContainsFunc(ranges, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Skip()
		}
		r.Header.Set("Range", ranges)
		r.Header.Set("Content-Md5", md5Of(body))
		w.sign(r, body)
		res, err := w.server.Client().Do(r)
		if err != nil {
			if e := (net.Error)(nil); errors.As(err, &e) && e.Timeout() || errors.Is(err, io.EOF) {
				t.Fatal(err) // a panic cuts the connection
			}
			t.Skip() // net/http does not send it
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode >= 500 && res.StatusCode != 501 {
			t.Fatalf("%d %s", res.StatusCode, b)
		}
		if res.StatusCode >= 400 && method != "HEAD" && !bytes.Contains(b, []byte("<Code>")) && res.Header.Get("Server") == "AmazonS3" {
			t.Fatalf("%d %q", res.StatusCode, b)
		}
	})
}
