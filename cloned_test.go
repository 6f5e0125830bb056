package doorwright_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestMain keeps the user's own key out of the tests.
func TestMain(m *testing.M) {
	data, err := os.MkdirTemp("", "doorwright-data-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("XDG_DATA_HOME", data)
	code := m.Run()
	os.RemoveAll(data)
	os.Exit(code)
}

// TestHostileCloneBuilds has a repository bring what an earlier start, or an earlier synth,
// is to have built: binaries with records of the same source that are whole. What runs, and
// what is shipped, is built of the source.
func TestHostileCloneBuilds(t *testing.T) {
	dir := functionApp(t)
	call := func() string {
		r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
		res, err := http.Get(r.output("Url") + "/print")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if got := call(); got != "printed" {
		t.Fatalf("the function answers %q", got)
	}
	files := func(pattern string) []string {
		found, err := filepath.Glob(filepath.Join(dir, ".doorwright", filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found
	}
	change := func(path string, to func([]byte) []byte) string {
		b, err := os.ReadFile(path)
		if err == nil {
			b = to(b)
			err = os.WriteFile(path, b, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:])
	}
	hostile := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("printed"), []byte("hostile")) }
	for _, output := range files("dev/functions/build/go/*/*") {
		change(output, hostile)
	}
	for _, binary := range files("dev/functions/build/artifacts/*/*") {
		old := filepath.Base(filepath.Dir(binary))
		now := change(binary, hostile)[:len(old)]
		if err := os.Rename(filepath.Dir(binary), filepath.Join(filepath.Dir(filepath.Dir(binary)), now)); err != nil {
			t.Fatal(err)
		}
		for _, record := range files("dev/functions/build/records/*-" + old) {
			change(record, func(b []byte) []byte {
				_, body, _ := bytes.Cut(b, []byte("\n"))
				body = bytes.ReplaceAll(body, []byte(old), []byte(now))
				sum := sha256.Sum256(body)
				return append([]byte(hex.EncodeToString(sum[:])+"\n"), body...)
			})
			if err := os.Rename(record, strings.Replace(record, old, now, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := call(); got != "printed" {
		t.Errorf("what the repository brought answers %q", got)
	}

	synth := func() *doorwright.Synthesis {
		s, err := doorwright.Synth(t.Context(), doorwright.SynthConfig{Dir: dir, Stage: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	synth()
	for _, zip := range files(".packages/prod/packages/*.zip") {
		change(zip, func([]byte) []byte { return []byte("hostile") })
	}
	for _, a := range synth().Artifacts {
		if sum := change(a.Path, bytes.Clone); sum+".zip" != a.Key {
			t.Errorf("%s has the hash %s", a.Key, sum)
		}
	}
}

// TestHostileCloneDeployed has a repository bring what `deploy` is to have written down: an
// address that looks like AWS's. No token is sent there.
func TestHostileCloneDeployed(t *testing.T) {
	declaration := "name: app\napis: {Api: {routes: {GET /: {url: \"http://127.0.0.1:9\", authorizer: none}}}}\noutputs: {Url: \"${apis.Api.url}\"}\n"
	const address = "https://attacker.execute-api.eu-west-1.amazonaws.com/prod"
	deployed := doorwright.Deployed{Account: "111122223333", Region: "eu-west-1", Stack: "prod-app", Outputs: map[string]string{"Url": address}}
	file := func(dir, stage string) string { return filepath.Join(dir, ".doorwright", stage+".deployed.json") }
	write := func(t *testing.T, dir, stage string) []byte {
		t.Helper()
		if err := doorwright.WriteDeployed(dir, stage, deployed); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file(dir, stage))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, bring := range map[string]func(t *testing.T, dir string) []byte{
		"without a seal": func(t *testing.T, dir string) []byte {
			b, err := json.Marshal(deployed)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		"of another machine": func(t *testing.T, dir string) []byte {
			ours := os.Getenv("XDG_DATA_HOME")
			t.Setenv("XDG_DATA_HOME", t.TempDir())
			b := write(t, dir, "prod")
			t.Setenv("XDG_DATA_HOME", ours)
			return b
		},
		"of another stage": func(t *testing.T, dir string) []byte { return write(t, dir, "dev") },
		"with another address": func(t *testing.T, dir string) []byte {
			return bytes.Replace(write(t, dir, "prod"), []byte("attacker"), []byte("attacked"), 1)
		},
		"with an empty seal": func(t *testing.T, dir string) []byte {
			return regexp.MustCompile(`"seal": "[^"]*"`).ReplaceAll(write(t, dir, "prod"), []byte(`"seal": ""`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := declare(t, declaration)
			text := bring(t, dir)
			if err := os.MkdirAll(filepath.Dir(file(dir, "prod")), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file(dir, "prod"), text, 0o666); err != nil {
				t.Fatal(err)
			}
			if got, found, err := doorwright.ReadDeployed(dir, "prod"); found || got.Outputs != nil || err != nil {
				t.Errorf("it is read: %v, %v, %v", got, found, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := doorwright.Parity(ctx, doorwright.ParityConfig{Dir: dir, Stage: "prod", Asking: func(_, url string) { t.Errorf("%s is asked", url); cancel() }})
			fix, ok := err.(interface{ Hint() string })
			if !ok || !strings.Contains(err.Error(), "nothing is known on this machine") || !strings.Contains(fix.Hint(), "--url API=URL") {
				t.Errorf("parity says %v", err)
			}
		})
	}
	dir := declare(t, declaration)
	write(t, dir, "prod")
	if got, found, err := doorwright.ReadDeployed(dir, "prod"); !found || got.Outputs["Url"] != address || err != nil {
		t.Errorf("what was written here is not read: %v, %v, %v", got, found, err)
	}
}
