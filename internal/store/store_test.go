package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/store/storetest"
)

// notes is a room's first migration.
var notes = store.Migration{Room: "notes", Version: 1, SQL: `
	CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;`}

// open opens a stage and closes it with the test.
func open(t *testing.T, dir string, opts store.Options) *store.Stage {
	t.Helper()
	s, err := store.Open(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func closeStage(t *testing.T, s *store.Stage) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// hint gives the fix that an error carries.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func needModes(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
}

func TestEverythingIsPrivate(t *testing.T) {
	needModes(t)
	app := t.TempDir()
	s := open(t, store.Path(app, "dev"), store.Options{Migrations: []store.Migration{notes}})
	if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: "hello"}); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteFile("outputs.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := s.Remember(t.Context(), "a", "b"); err != nil { // Makes the -wal and -shm files.
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(filepath.Join(app, store.FolderName), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700 | fs.ModeDir
		}
		if got := mode(t, path); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 9 { // Two folders and the mailbox; .gitignore, lock, outputs.json, a message, state.db, -wal, -shm.
		t.Errorf("saw %d files and folders", seen)
	}
	ignore, err := os.ReadFile(filepath.Join(app, store.FolderName, ".gitignore"))
	if err != nil || string(ignore) != "*\n" {
		t.Errorf(".gitignore holds %q, %v", ignore, err)
	}
}

func TestOpenTightensAnOpenFolder(t *testing.T) {
	needModes(t)
	dir := store.Path(t.TempDir(), "dev")
	closeStage(t, open(t, dir, store.Options{}))
	for _, name := range []string{"..", ".", "mailbox"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"state.db", "lock"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, store.Options{})
	for name, want := range map[string]fs.FileMode{
		"..": 0o700, ".": 0o700, "mailbox": 0o700, "state.db": 0o600, "lock": 0o600,
	} {
		if got := mode(t, filepath.Join(dir, name)).Perm(); got != want {
			t.Errorf("%s has mode %v after Open, want %v", name, got, want)
		}
	}
}

// A folder outside .doorwright, such as a test's, ignores itself.
func TestFolderElsewhereIgnoresItself(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open(t, dir, store.Options{})
	if ignore, err := os.ReadFile(filepath.Join(dir, ".gitignore")); err != nil || string(ignore) != "*\n" {
		t.Errorf(".gitignore holds %q, %v", ignore, err)
	}
}

// A cloned repository may bring links in place of what we expect.
func TestOpenRefusesLinks(t *testing.T) {
	needModes(t)
	for _, name := range []string{".doorwright", ".doorwright/dev", ".doorwright/dev/state.db", ".doorwright/dev/lock", ".doorwright/dev/mailbox"} {
		t.Run(name, func(t *testing.T) {
			app, target := t.TempDir(), t.TempDir()
			if err := os.Chmod(target, 0o755); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(app, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), store.Path(app, "dev"), store.Options{})
			if err == nil {
				s.Close()
				t.Fatal("Open followed the link")
			}
			if !strings.Contains(err.Error(), link+" is not a") || !strings.Contains(hint(err), "move "+link+" away") && !strings.Contains(hint(err), link) {
				t.Errorf("Open: %v; hint: %s", err, hint(err))
			}
			if got := mode(t, target).Perm(); got != 0o755 {
				t.Errorf("the link's target has mode %v after Open", got)
			}
			if left, _ := os.ReadDir(target); len(left) != 0 {
				t.Errorf("Open wrote %v through the link", left)
			}
		})
	}
}

func TestOptionsAreCheckedTogether(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	_, err := store.Open(t.Context(), dir, store.Options{
		Durability:   "SOMETIMES",
		MailboxLimit: -1,
		Migrations: []store.Migration{
			notes,
			{Room: "notes", Version: 3, SQL: "SELECT 1"},
			{Room: "", Version: 1, SQL: "SELECT 1"},
			{Room: "store", Version: 1, SQL: "SELECT 1"},
			{Room: "empty", Version: 1},
		},
	})
	if err == nil {
		t.Fatal("Open took bad options")
	}
	for _, want := range []string{
		`unknown Durability "SOMETIMES"`,
		`MailboxLimit -1 is negative`,
		`migration notes 3: the version after 1 is 2`,
		`migration of room ""`,
		`migration of room "store"`,
		`migration empty 1 has no SQL`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Open touched the disk before it knew its options")
	}
}

func TestOpenNeedsTheAppsFolder(t *testing.T) {
	dir := store.Path(filepath.Join(t.TempDir(), "missing"), "dev")
	if s, err := store.Open(t.Context(), dir, store.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, %v; want fs.ErrNotExist", s, err)
	}
}

func TestSettings(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	s := open(t, dir, store.Options{})
	if v, ok, err := s.Recall(t.Context(), "port/Api"); v != "" || ok || err != nil {
		t.Errorf("Recall before Remember = %q, %t, %v", v, ok, err)
	}
	for _, v := range []string{"3100", "3101", ""} {
		if err := s.Remember(t.Context(), "port/Api", v); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := s.Recall(t.Context(), "port/Api"); got != v || !ok || err != nil {
			t.Errorf("Recall = %q, %t, %v; want %q", got, ok, err, v)
		}
	}
	if err := s.Remember(t.Context(), "big", strings.Repeat("x", 64<<10+1)); err == nil {
		t.Error("Remember took a value over its bound")
	}
	if err := s.Remember(t.Context(), "kept", "yes"); err != nil {
		t.Fatal(err)
	}
	closeStage(t, s)
	s = open(t, dir, store.Options{})
	if v, ok, err := s.Recall(t.Context(), "kept"); v != "yes" || !ok || err != nil {
		t.Errorf("Recall after reopening = %q, %t, %v", v, ok, err)
	}
}

func TestWriteFile(t *testing.T) {
	s := storetest.Open(t)
	path := filepath.Join(s.Dir(), "outputs.json")
	for _, content := range []string{"a much longer first content", "short"} {
		if err := s.WriteFile("outputs.json", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("outputs.json holds %q, %v; want %q", got, err, content)
		}
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "/etc/x", "lock", "mailbox", ".gitignore", "state.db", "state.db-wal", ".new-x"} {
		if err := s.WriteFile(name, nil); err == nil {
			t.Errorf("WriteFile(%q) succeeded", name)
		}
	}
}

// What a process that died was writing does not stay.
func TestOpenSweepsUnfinishedFiles(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	closeStage(t, open(t, dir, store.Options{}))
	left := []string{filepath.Join(dir, ".new-A"), filepath.Join(dir, "mailbox", ".new-B")}
	for _, path := range left {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, store.Options{})
	for _, path := range left {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

func TestClosedStage(t *testing.T) {
	s := storetest.Open(t, notes)
	closeStage(t, s)
	ran := func(*sql.Tx) error { t.Error("a transaction ran after Close"); return nil }
	for what, err := range map[string]error{
		"Read":     s.DB().Read(t.Context(), ran),
		"Write":    s.DB().Write(t.Context(), ran),
		"Remember": s.Remember(t.Context(), "a", "b"),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCloseWaitsForTransactions(t *testing.T) {
	s := storetest.Open(t, notes)
	inside, let := make(chan struct{}), make(chan struct{})
	var wrote error
	var wg sync.WaitGroup
	wg.Go(func() {
		wrote = s.DB().Write(t.Context(), func(tx *sql.Tx) error {
			close(inside)
			<-let
			_, err := tx.Exec(`INSERT INTO notes (text) VALUES ('late')`)
			return err
		})
	})
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for { // Until Close has begun.
		if _, _, err := s.Recall(t.Context(), "probe"); errors.Is(err, store.ErrClosed) {
			break
		}
		runtime.Gosched()
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned %v while a transaction ran", err)
	default:
	}
	close(let)
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	wg.Wait()
	if wrote != nil {
		t.Errorf("the transaction that ran when Close was called: %v", wrote)
	}
}

func TestNoGoroutineOutlivesClose(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := store.Open(t.Context(), store.Path(t.TempDir(), "dev"), store.Options{Migrations: []store.Migration{notes}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := s.Remember(t.Context(), "a", "b"); err != nil {
				t.Error(err)
			}
			if _, _, err := s.Recall(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	closeStage(t, s)
	// database/sql's own goroutines end soon after they are told to.
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after Close:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}
