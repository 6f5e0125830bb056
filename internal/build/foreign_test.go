package build_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain keeps the user's key out of it.
func TestMain(m *testing.M) {
	data, err := os.MkdirTemp("", "doorwright-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("XDG_DATA_HOME", data)
	code := m.Run()
	os.RemoveAll(data)
	os.Exit(code)
}

// TestBuiltElsewhere has a cache that somebody else has filled, as a repository may bring
// it: with a record that is well-formed, of a binary that was made of another source.
// What runs is built of the source that is there.
func TestBuiltElsewhere(t *testing.T) {
	one := func(t *testing.T, cache, pattern string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(cache, filepath.FromSlash(pattern)))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found[0]
	}
	// stolen makes of a binary one that prints something else, with the same id.
	stolen := func(t *testing.T, path string) []byte {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte("honest-word"), []byte("stolen-word"))
		if err := os.WriteFile(path, b, 0o700); err != nil {
			t.Fatal(err)
		}
		return b
	}
	// record writes one of the stolen binary. reseal gives its first line.
	record := func(t *testing.T, cache string, reseal func(old string, body []byte) string) {
		t.Helper()
		path := one(t, cache, "records/*")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seal, body, _ := bytes.Cut(data, []byte("\n"))
		var fields map[string]json.RawMessage
		var hash string
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(fields["hash"], &hash); err != nil {
			t.Fatal(err)
		}
		binary := stolen(t, one(t, cache, "artifacts/*/f*"))
		sum := sha256.Sum256(binary)
		now := hex.EncodeToString(sum[:])[:len(hash)]
		body = bytes.Replace(body, []byte(hash), []byte(now), 1)
		if err := os.WriteFile(path, []byte(reseal(string(seal), body)+"\n"+string(body)), 0o600); err != nil {
			t.Fatal(err)
		}
		for from, to := range map[string]string{path: strings.Replace(path, hash, now, 1), filepath.Join(cache, "artifacts", hash): filepath.Join(cache, "artifacts", now)} {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name    string
		machine string // "" is the one that builds next
		bring   func(t *testing.T, cache string)
	}{
		{"a record with the seal of the one before", "", func(t *testing.T, cache string) {
			record(t, cache, func(old string, _ []byte) string { return old })
		}},
		{"a record with a hash", "", func(t *testing.T, cache string) {
			record(t, cache, func(_ string, body []byte) string { sum := sha256.Sum256(body); return hex.EncodeToString(sum[:]) })
		}},
		{"a record without a seal", "", func(t *testing.T, cache string) {
			record(t, cache, func(string, []byte) string { return "" })
		}},
		{"all of another's", "elsewhere", func(t *testing.T, cache string) { stolen(t, one(t, cache, "go/0/f*")) }},
		{"a record under another name", "", func(t *testing.T, cache string) {
			path := one(t, cache, "records/*")
			if err := os.Rename(path, path[:len(path)-4]+"0000"); err != nil {
				t.Fatal(err)
			}
		}},
		{"an output of the Go tool", "", func(t *testing.T, cache string) {
			stolen(t, one(t, cache, "go/0/f*"))
			if err := os.RemoveAll(filepath.Join(cache, "records")); err != nil {
				t.Fatal(err)
			}
		}},
		{"an output of the Go tool beside a record", "", func(t *testing.T, cache string) {
			stolen(t, one(t, cache, "go/0/f*"))
			if err := os.RemoveAll(filepath.Join(cache, "artifacts")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := project(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("honest-word")})
			cache, here := filepath.Join(dir, "cache"), t.TempDir()
			t.Setenv("XDG_DATA_HOME", filepath.Join(here, c.machine))
			restart(t, dir, cache, cleanGo(), "f")
			c.bring(t, cache)
			t.Setenv("XDG_DATA_HOME", here)
			compiled, results := restart(t, dir, cache, cleanGo(), "f")
			if got := output(t, results[0]); !compiled || got != "honest-word" {
				t.Errorf("compiled: %v, prints %q", compiled, got)
			}
			compiled, results = restart(t, dir, cache, cleanGo(), "f")
			if got := output(t, results[0]); compiled || got != "honest-word" {
				t.Errorf("the run after it compiled: %v, prints %q", compiled, got)
			}
		})
	}
}

// TestBuiltWithoutAKey builds where the user can have none, or has one that is not only
// theirs. It is built each time, and that is all.
func TestBuiltWithoutAKey(t *testing.T) {
	files := map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "f/main.go": says("f")}
	for name, deny := range map[string]func(t *testing.T, dir, data string) string{
		"no folder can be made": func(t *testing.T, dir, data string) string {
			if err := os.WriteFile(data, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return data
		},
		"it is in the project": func(_ *testing.T, dir, _ string) string { return filepath.Join(dir, "data") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := project(t, files)
			t.Setenv("XDG_DATA_HOME", deny(t, dir, filepath.Join(t.TempDir(), "data")))
			for range 2 {
				compiled, results := restart(t, dir, filepath.Join(dir, "cache"), cleanGo(), "f")
				if got := output(t, results[0]); !compiled || got != "f" {
					t.Errorf("compiled: %v, prints %q", compiled, got)
				}
			}
		})
	}
}
