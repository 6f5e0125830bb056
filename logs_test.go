package doorwright_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// TestFunctionLogIsBounded writes more lines than are kept: two files of mode 0600 hold
// the newest, and one who follows the log has seen them all.
func TestFunctionLogIsBounded(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, ".doorwright", "dev")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	add, closed := doorwright.NewFunctionLog(folder)
	const lines, text = 300, 64 << 10
	line := func(i int) doorwright.LogLine {
		return doorwright.LogLine{Time: time.Unix(int64(i), 0).UTC(), Function: "f.handler", RequestID: fmt.Sprint(i % 2), Kind: "stdout", Text: fmt.Sprint(i, strings.Repeat("x", text))}
	}
	ctx, stop := context.WithCancel(t.Context())
	seen, ended := make(chan int, lines), make(chan error, 1)
	go func() {
		ended <- doorwright.ReadLogs(ctx, dir, "dev", doorwright.LogQuery{Follow: true}, func(l doorwright.LogLine) error {
			seen <- int(l.Time.Unix())
			return nil
		})
	}()
	for i := range lines {
		if err := add(line(i)); err != nil {
			t.Fatal(err)
		}
		if i%30 != 29 {
			continue
		}
		for n := i - 29; n <= i; n++ { // who follows goes on behind each rotation
			if got := <-seen; got != n {
				t.Fatalf("line %d is followed by %d", n-1, got)
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var size int64
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		size += info.Size()
		return nil
	})
	if err != nil || size > 8<<20 || size < 4<<20 {
		t.Errorf("the log has %d bytes %v", size, err)
	}
	read := func(q doorwright.LogQuery) (first, last, n int) {
		t.Helper()
		first = -1
		err := doorwright.ReadLogs(t.Context(), dir, "dev", q, func(l doorwright.LogLine) error {
			if first < 0 {
				first = int(l.Time.Unix())
			}
			last, n = int(l.Time.Unix()), n+1
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return first, last, n
	}
	if first, last, n := read(doorwright.LogQuery{}); last != lines-1 || n != last-first+1 || n < 60 {
		t.Errorf("%d lines from %d to %d are kept", n, first, last)
	}
	if first, _, n := read(doorwright.LogQuery{Since: time.Unix(290, 0)}); first != 290 || n != 10 {
		t.Errorf("since 290 there are %d lines from %d", n, first)
	}
	if first, _, n := read(doorwright.LogQuery{Since: time.Unix(290, 0), RequestID: "1", Function: "f"}); first != 291 || n != 5 {
		t.Errorf("request 1 has %d lines from %d", n, first)
	}
	if _, _, n := read(doorwright.LogQuery{Function: "g.handler"}); n != 0 {
		t.Errorf("another function has %d lines", n)
	}
	if err := closed(); err != nil {
		t.Error(err)
	}

	// Lines are appended to those of the run before; what a killed process has not
	// ended is passed over, and what acts on terminals is shown harmless.
	f, err := os.OpenFile(filepath.Join(folder, "functions.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, `{"text":"half`+"\n"+`{"time":"2026-01-01T00:00:00Z","function":"\u001b]0;f","text":"\u001b[2J"}`+"\n"+`{"text":"half`)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = doorwright.ReadLogs(t.Context(), dir, "dev", doorwright.LogQuery{Since: time.Unix(1000, 0)}, func(l doorwright.LogLine) error {
		fmt.Fprintf(&b, "%s: %s\n", l.Function, l.Text)
		return nil
	})
	if want := "\uFFFD]0;f: \uFFFD[2J\n"; err != nil || b.String() != want {
		t.Errorf("read %q %v, want %q", b.String(), err, want)
	}
}

// TestFunctionLogIsNoLink has a link in the log's place, as a cloned repository may bring:
// nothing is written where it leads, nothing read there, and no rename moves it.
func TestFunctionLogIsNoLink(t *testing.T) {
	for _, name := range []string{"functions.log", "functions.log.1"} {
		dir := t.TempDir()
		folder, victim := filepath.Join(dir, ".doorwright", "dev"), filepath.Join(dir, "victim")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		const text = `{"text":"of somebody else"}` + "\n"
		if err := os.WriteFile(victim, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		link(t, victim, filepath.Join(folder, name))
		add, closed := doorwright.NewFunctionLog(folder)
		err := add(doorwright.LogLine{Text: "mine"})
		if name == "functions.log" && (err == nil || !strings.Contains(err.Error(), "is not a file")) {
			t.Errorf("a line is kept by a link: %v", err)
		}
		if err := closed(); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(victim); err != nil || string(b) != text {
			t.Errorf("where %s leads is now %q %v", name, b, err)
		}
		err = doorwright.ReadLogs(t.Context(), dir, "dev", doorwright.LogQuery{}, func(l doorwright.LogLine) error {
			if l.Text != "mine" {
				t.Errorf("%s leads to %q", name, l.Text)
			}
			return nil
		})
		if err == nil {
			t.Errorf("%s may be a link", name)
		}
	}
}

// TestLogsWhileFilesChangePlaces reads and follows a log whose files change places in the
// middle of it, once and twice: each line is told, once, in its order.
func TestLogsWhileFilesChangePlaces(t *testing.T) {
	for _, tt := range []struct {
		name      string
		old, now  string // lines of the two files
		follow    bool
		meanwhile map[string]func(change func(string), add func(string)) // at a line
		want      string
	}{
		{"once, while the old one is read", "a", "b", false, map[string]func(func(string), func(string)){"a": func(change, _ func(string)) { change("c") }}, "abc"},
		{"once, while it is read", "a", "b", false, map[string]func(func(string), func(string)){"b": func(change, add func(string)) { add("c"); change("d") }}, "abc"},
		{"twice between two looks", "", "a", true, map[string]func(func(string), func(string)){"a": func(change, add func(string)) { add("b"); change("c"); change("d") }}, "abcd"},
		{"twice while the old one is read", "a", "b", true, map[string]func(func(string), func(string)){"a": func(change, _ func(string)) { change("c") }, "b": func(change, _ func(string)) { change("d") }}, "abcd"},
		{"again and again", "a", "b", true, map[string]func(func(string), func(string)){
			"b": func(change, _ func(string)) { change("c") }, "c": func(change, add func(string)) { add("d"); change("e"); change("f") }, "f": func(_, add func(string)) { add("g") },
		}, "abcdefg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			folder := filepath.Join(dir, ".doorwright", "dev")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "functions.log")
			write := func(path, lines string) {
				f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				for _, l := range lines {
					_, more := fmt.Fprintf(f, "{\"kind\":\"stdout\",\"text\":%q}\n", string(l))
					err = errors.Join(err, more)
				}
				if err = errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
			}
			if tt.old != "" {
				write(path+".1", tt.old)
			}
			write(path, tt.now)
			change := func(lines string) {
				if err := os.Rename(path, path+".1"); err != nil {
					t.Fatal(err)
				}
				write(path, lines)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			got := ""
			err := doorwright.ReadLogs(ctx, dir, "dev", doorwright.LogQuery{Follow: tt.follow}, func(l doorwright.LogLine) error {
				got += l.Text
				if do := tt.meanwhile[l.Text]; do != nil {
					do(change, func(lines string) { write(path, lines) })
				}
				if tt.follow && (len(got) >= len(tt.want) || !strings.HasPrefix(tt.want, got)) {
					cancel()
				}
				return nil
			})
			if err != nil || got != tt.want {
				t.Errorf("the lines are %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
