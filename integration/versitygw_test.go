package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
)

// versitygwVersion is the S3 gateway whose test client judges the room.
const versitygwVersion = "v1.8.0"

// versitygwGroups are the groups of its tests that are about objects and
// signatures, by how their names begin.
var versitygwGroups = regexp.MustCompile(`^(Authentication|PresignedAuth|HeadBucket|ListBuckets|GetBucketLocation|PutObject|HeadObject|GetObjectAttributes|GetObject|` +
	`ListObjects|ListObjectsV2|DeleteObject|DeleteObjects|CopyObject|PutObjectTagging|GetObjectTagging|DeleteObjectTagging|` +
	`CreateMultipartUpload|UploadPart|UploadPartCopy|ListParts|ListMultipartUploads|AbortMultipartUpload|CompleteMultipartUpload|` +
	`PostObject|UnsignedStreamingPayloadTrailer|SignedStreamingPayload|SignedStreamingPayloadTrailer)_`)

// TestVersitygw has the tests of another implementation of S3 judge the room:
// https://github.com/versity/versitygw. What is known not to pass is in
// testdata/versitygw-gaps.txt, each with its reason, and has to fail: a test
// that passes is taken from the list.
func TestVersitygw(t *testing.T) {
	program := versitygw(t)
	names := versitygwTests(t, program)
	gaps := versitygwGaps(t)
	var mu sync.Mutex
	results := map[string]string{}
	var wg sync.WaitGroup
	queue := make(chan string)
	for range 2 {
		wg.Go(func() {
			for name := range queue {
				problem := judge(t, program, name)
				mu.Lock()
				results[name] = problem
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		queue <- name
	}
	close(queue)
	wg.Wait()
	passed := 0
	for _, name := range names {
		reason, known := gaps[name]
		switch problem := results[name]; {
		case problem == "" && known:
			t.Errorf("%s passes: take it out of testdata/versitygw-gaps.txt (%s)", name, reason)
		case problem != "" && !known:
			t.Errorf("%s", problem)
		case problem == "":
			passed++
		}
		delete(gaps, name)
	}
	for name := range gaps {
		t.Errorf("testdata/versitygw-gaps.txt lists %s, of which there is no test", name)
	}
	t.Logf("%d of %d pass", passed, len(names))
}

// versitygw gives the program, which is built once and kept in the user's cache.
func versitygw(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "doorwright-integration", "versitygw-"+versitygwVersion)
	program := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	build := exec.CommandContext(t.Context(), "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+versitygwVersion)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	build.Dir = t.TempDir()
	if out, err := build.CombinedOutput(); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatalf("installing versitygw: %v\n%s", err, out)
		}
		t.Skipf("versitygw cannot be installed: %v", err)
	}
	return program
}

// versitygwTests gives the names of the tests in the groups.
func versitygwTests(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "test", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 0 && versitygwGroups.MatchString(fields[0]) {
			names = append(names, fields[0])
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 400 {
		t.Fatalf("only %d tests were found", len(names))
	}
	return names
}

// versitygwGaps reads the known gaps: NAME: reason.
func versitygwGaps(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/versitygw-gaps.txt")
	if err != nil {
		t.Fatal(err)
	}
	gaps := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok || gaps[name] != "" {
			t.Errorf("testdata/versitygw-gaps.txt: %q is no NAME: reason, or is there twice", line)
		}
		gaps[name] = reason
	}
	return gaps
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// judge runs one test against a room of its own and gives what it complains of.
func judge(t *testing.T, program, name string) string {
	url, keys := room(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "test", "--access", keys.AccessKeyID, "--secret", keys.SecretAccessKey, "--endpoint", url, name)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.Dir = filepath.Dir(program) // some tests run it by its name
	out, _ := cmd.CombinedOutput()  // what it prints counts
	text := colours.ReplaceAllString(string(bytes.TrimSpace(out)), "")
	if strings.Contains(text, "PASS") && !strings.Contains(text, "FAIL") {
		return ""
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "FAIL") {
			return strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("FAIL %s: %.500s", name, text)
}

// room serves buckets that requests may make, as the tests do.
func room(t *testing.T) (url string, keys sigv4.Credentials) {
	t.Helper()
	fatal := func(err error) {
		if err != nil {
			t.Error(err)
			panic(err)
		}
	}
	keys, err := iam.NewRootKeys("000000000000")
	fatal(err)
	account, err := iam.New(iam.Config{AccountID: "000000000000", Region: "us-east-1", Root: keys, Keys: [][]byte{make([]byte, 32)}})
	fatal(err)
	stage, err := store.Open(t.Context(), store.Path(t.TempDir(), "test"), store.Options{Migrations: bucket.Migrations()})
	fatal(err)
	s, err := bucket.New(bucket.Config{
		Region: "us-east-1", AccountID: "000000000000", DB: stage.DB(), Dir: filepath.Join(stage.Dir(), "objects"), Account: account, BucketsByRequest: true,
	})
	fatal(err)
	fatal(s.Open(t.Context()))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	server := &http.Server{Handler: s}
	go server.Serve(l) // ends by Close below
	t.Cleanup(func() {
		server.Close()
		stage.Close()
	})
	return "http://" + l.Addr().String(), keys
}
