package main

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// usedStage gives an app whose stage has been used. If killed, the program was
// killed and has left its write-ahead log; otherwise it ended in good order.
func usedStage(t *testing.T, killed bool) (dir, stage string) {
	t.Helper()
	dir = poolApp(t)
	p := startProgram(t, dir).ready(t)
	useStage(t, dir, "rider@example.com")
	if killed {
		p.kill()
	} else {
		p.stop(t)
	}
	return dir, store.Path(dir, doorwright.DefaultStage)
}

// TestDamagedState starts the program on a state that something else has
// damaged. It names the folder and the fix, and changes nothing.
func TestDamagedState(t *testing.T) {
	const database, log = "state.db", "state.db-wal"
	rewrite := func(change func([]byte) []byte) func(string) error {
		return func(stage string) error {
			path := filepath.Join(stage, database)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(b), 0o600)
		}
	}
	used := map[bool]string{} // by killed
	for _, killed := range []bool{false, true} {
		used[killed], _ = usedStage(t, killed)
	}
	for _, c := range []struct {
		name   string
		killed bool
		damage func(stage string) error
	}{
		{"cut short", false, rewrite(func(b []byte) []byte { return b[:len(b)/2] })},
		{"cut within the first page", false, rewrite(func(b []byte) []byte { return b[:1000] })},
		{"empty", false, rewrite(func([]byte) []byte { return nil })},
		{"empty beside its log", true, rewrite(func([]byte) []byte { return nil })},
		{"garbled at the start", false, rewrite(func(b []byte) []byte { copy(b, "<html>"); return b })},
		{"garbled in the middle", false, rewrite(func(b []byte) []byte {
			copy(b[len(b)/2:], bytes.Repeat([]byte{0xa5}, 8192))
			return b
		})},
		{"another program's", false, rewrite(func([]byte) []byte { return bytes.Repeat([]byte("notes\n"), 4000) })},
		{"without its log", true, func(stage string) error { return os.Remove(filepath.Join(stage, log)) }},
		{"gone", false, func(stage string) error { return os.Remove(filepath.Join(stage, database)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			stage := store.Path(dir, doorwright.DefaultStage)
			if err := os.CopyFS(dir, os.DirFS(used[c.killed])); err != nil {
				t.Fatal(err)
			}
			if err := c.damage(stage); err != nil {
				t.Fatal(err)
			}
			before := contents(t, stage)
			for range 2 { // the second time is told the same
				startProgram(t, dir).fails(t, stage, "is damaged", "move "+stage+" away and start again")
			}
			if after := contents(t, stage); after != before {
				t.Errorf("the state was\n%s\nand is\n%s", before, after)
			}
			// The fix works.
			if err := os.Rename(stage, stage+"-damaged"); err != nil {
				t.Fatal(err)
			}
			startProgram(t, dir).ready(t)
		})
	}
}

// contents gives the database and its log as text that can be compared. The
// shared index of the log (-shm) is made anew at every start.
func contents(t *testing.T, stage string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"state.db", "state.db-wal"} {
		b, err := os.ReadFile(filepath.Join(stage, name))
		if err != nil || len(b) == 0 {
			continue // not there and empty are the same loss
		}
		all.WriteString(name + ": " + fmt.Sprintf("%x", sha256.Sum256(b)) + "\n")
	}
	return all.String()
}

// TestGarbledLog starts the program on a write-ahead log with garbage in it:
// what is whole up to there counts, as after a power cut.
func TestGarbledLog(t *testing.T) {
	dir, stage := usedStage(t, true)
	path := filepath.Join(stage, "state.db-wal")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, bytes.Repeat([]byte{0xa5}, 10000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, dir).ready(t)
	got, err := newCaller(t, dir).signIn("rider@example.com", "Passw0rd!")
	if err != nil || got.status != 200 {
		t.Errorf("a sign-in is answered %v, %v", got, err)
	}
	p.stop(t)
}

// TestNewerState starts the program on a state that a later release has
// migrated.
func TestNewerState(t *testing.T) {
	dir, stage := usedStage(t, false)
	s, err := store.Open(t.Context(), stage, store.Options{Migrations: slices.Concat(cognito.Migrations(), oidc.Migrations(), auth0.Migrations(), bucket.Migrations(), identity.Migrations())})
	if err != nil {
		t.Fatal(err)
	}
	err = s.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO store_migrations (room, version, at) SELECT 'cognito', max(version) + 1, '' FROM store_migrations WHERE room = 'cognito'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	startProgram(t, dir).fails(t, stage, "was written by a newer doorwright", "it holds [cognito version ", "update doorwright, or move "+stage+" away")
}

// TestStateIsNotAFolder starts the program where the stage's folder should be.
func TestStateIsNotAFolder(t *testing.T) {
	for name, put := range map[string]func(stage string) error{
		"a file":          func(stage string) error { return os.WriteFile(stage, nil, 0o600) },
		"a symbolic link": func(stage string) error { return os.Symlink(t.TempDir(), stage) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := poolApp(t)
			stage := store.Path(dir, doorwright.DefaultStage)
			if err := os.Mkdir(filepath.Dir(stage), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := put(stage); err != nil {
				t.Skip(err) // Windows lets only some users make symbolic links
			}
			startProgram(t, dir).fails(t, stage, "is not a folder", "move "+stage+" away")
		})
	}
}
