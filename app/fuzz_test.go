package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorwright/doorwright/app"
)

// FuzzLoad: whatever the bytes, there is an App or a list of problems, never both or
// neither, no panic, and an answer in bounded time. Each problem has a place inside the
// text.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		files, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil || len(files) == 0 {
			f.Fatal("no seeds")
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, seed := range []string{"", "\x00", "a: &a [*a]", "? ? ? x", "- - - -", "a: |\n\t\n b", "!!binary x", "'", "\"\\u", "%", "a:\r\n b", "{{{{", "a: ${", "name: \"\\x24{stage}\""} {
		f.Add([]byte(seed))
	}
	env := func(name string) (string, bool) { return name, name != "NOT_SET" }
	f.Fuzz(func(t *testing.T, data []byte) {
		watchdog := time.AfterFunc(20*time.Second, func() { panic("reading takes more than 20 seconds") })
		a, err := app.Parse(filepath.Join("testdata", "good", "fuzz.yaml"), data, app.Options{Env: env})
		watchdog.Stop()
		if (a == nil) == (err == nil) {
			t.Fatalf("an App (%v) and an error (%v)", a != nil, err)
		}
		if err == nil {
			return
		}
		var list app.ErrorList
		if !errors.As(err, &list) || len(list) == 0 {
			t.Fatalf("the error is %T %v", err, err)
		}
		for _, e := range list {
			if e.Message == "" || e.File == "" || e.Line < 0 || e.Line > 0 && e.Column < 1 || e.Line > len(data)+1 {
				t.Errorf("a problem without text or place: %+v", e)
			}
		}
	})
}
