package bucket_test

import "testing"

func TestPutAndGet(t *testing.T) {
	w := newWorld(t)
	put := w.do("PUT", "/"+uploads+"/notes/a%20b.txt", "hello", "Content-Type", "text/plain", "X-Amz-Meta-Color", "Blue", "Cache-Control", "no-store")
	want(t, "put", put, 200, "")
	if got := put.header.Get("Etag"); got != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("Etag: %s", got)
	}
	got := w.do("GET", "/"+uploads+"/notes/a%20b.txt", "")
	want(t, "get", got, 200, "")
	if got.body != "hello" {
		t.Errorf("body %q", got.body)
	}
	for name, value := range map[string]string{"Content-Type": "text/plain", "X-Amz-Meta-Color": "Blue", "Cache-Control": "no-store", "Etag": `"5d41402abc4b2a76b9719d911017c592"`, "Accept-Ranges": "bytes", "Content-Length": "5", "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"} {
		if got := got.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}
