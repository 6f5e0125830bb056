package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
)

// TestKilledInMidPut kills the program while objects are written. Afterwards each
// is one that was sent, whole: the last that was acknowledged, or the one that
// was under way. What was half written is gone.
func TestKilledInMidPut(t *testing.T) {
	rnd := random(t)
	dir := t.TempDir()
	text := "name: app\nbuckets: {Uploads: {}}\napis: {Api: {routes: {GET /a: {url: \"http://localhost:1\"}}}}\noutputs: {Bucket: \"${buckets.Uploads.name}\"}\n"
	if err := os.WriteFile(filepath.Join(dir, "doorwright.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	const keys = 4
	type history struct{ acknowledged, doubt string }
	known := make([]history, keys)
	content := func(seed int) string { return strings.Repeat(fmt.Sprintf("%08d", seed), 40<<10) } // 320 KiB
	for round := range max(2, *killsFlag/2) + 1 {
		p := startProgram(t, dir).ready(t)
		outputs, err := doorwright.ReadOutputs(dir, doorwright.DefaultStage)
		if err != nil {
			t.Fatal(err)
		}
		c := &bucketCaller{t: t, env: newCaller(t, dir).env, name: outputs[0].Value}
		for i := range known {
			got := c.get(i)
			if got != known[i].acknowledged && got != known[i].doubt {
				t.Fatalf("object %d is neither what was acknowledged nor what was under way: %d bytes", i, len(got))
			}
			known[i] = history{got, got}
		}
		objects := filepath.Join(store.Path(dir, doorwright.DefaultStage), "objects")
		files := 0
		_ = filepath.WalkDir(objects, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files++
			}
			return err
		})
		there := 0
		for _, k := range known {
			if k.acknowledged != "" {
				there++
			}
		}
		if files != there {
			t.Fatalf("%d files for %d objects", files, there)
		}
		var wg sync.WaitGroup
		for i := range known {
			wg.Go(func() {
				for n := 0; ; n++ {
					body := content(round*1000 + n*10 + i)
					known[i].doubt = body
					if !c.put(i, body) {
						return
					}
					known[i].acknowledged = body
				}
			})
		}
		<-time.After(time.Duration(20+rnd.IntN(150)) * time.Millisecond) // which moment it is does not matter, only that it varies
		p.kill()
		wg.Wait()
	}
}

type bucketCaller struct {
	t    *testing.T
	env  doorwright.Environment
	name string
}

func (c *bucketCaller) do(method string, i int, body string) (*http.Response, error) {
	r, err := http.NewRequest(method, fmt.Sprintf("%s/%s/object%d", c.env.Endpoint, c.name, i), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	sigv4.Signer{Service: "s3", Region: c.env.Region, S3: true}.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: c.env.AccessKeyID, SecretAccessKey: c.env.SecretAccessKey}, time.Now())
	return http.DefaultClient.Do(r)
}

// put says whether an object was acknowledged.
func (c *bucketCaller) put(i int, body string) bool {
	res, err := c.do(http.MethodPut, i, body)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		c.t.Errorf("put: %d", res.StatusCode)
		return false
	}
	return true
}

// get gives an object, "" if there is none.
func (c *bucketCaller) get(i int) string {
	res, err := c.do(http.MethodGet, i, "")
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotFound {
		c.t.Fatalf("get: %d %v", res.StatusCode, err)
	}
	if res.StatusCode == http.StatusNotFound {
		return ""
	}
	return string(b)
}
