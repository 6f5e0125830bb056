package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// endless makes a file of a terabyte, of holes alone.
func endless(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(f.Truncate(1<<40), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFilesWithoutEnd has files in the stage's folder that no memory holds.
func TestFilesWithoutEnd(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	opts := store.Options{Migrations: []store.Migration{notes}}
	s := open(t, dir, opts)
	if err := s.Mailbox().Deliver(t.Context(), store.Message{Body: "first"}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "mailbox", "*.json"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	endless(t, names[0])
	if all, err := s.Mailbox().List(); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a message of a terabyte: %v, %v", all, err)
	}
	closeStage(t, s)

	endless(t, filepath.Join(dir, "state.db-mark"))
	expectFix(t, dir, opts, "state.db-wal is gone", "move "+dir+" away and start again")
}

// TestLargestMessage has what the mailbox takes come out of it again.
func TestLargestMessage(t *testing.T) {
	s := open(t, store.Path(t.TempDir(), "dev"), store.Options{})
	taken := false
	for size := 128 << 10; size > 0 && !taken; size-- {
		m := store.Message{Body: strings.Repeat("a", size)}
		if taken = s.Mailbox().Deliver(t.Context(), m) == nil; !taken {
			continue
		}
		if all := list(t, s.Mailbox()); len(all) != 1 || all[0].Body != m.Body {
			t.Errorf("a message of %d bytes does not come out as it went in", size)
		}
	}
}
