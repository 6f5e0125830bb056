package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/store"
)

// TestRemove deletes all of a stage's folder, and nothing while it is held.
func TestRemove(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	if err := store.Remove(dir, "test", time.Now()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing = %v, want fs.ErrNotExist", err)
	}
	s := open(t, dir, store.Options{Migrations: []store.Migration{notes}})
	if err := s.WriteFile("outputs.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	var held *store.HeldError
	if err := store.Remove(dir, "test", time.Now()); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("Remove of a stage that is open = %v, want a *HeldError", err)
	}
	if size, err := store.Measure(dir); err != nil || size.Files < 3 || size.Bytes == 0 {
		t.Fatalf("after the refusal the folder has %+v, %v", size, err)
	}
	closeStage(t, s)
	if err := store.Remove(dir, "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	open(t, dir, store.Options{Migrations: []store.Migration{notes}}) // begins afresh
}

// TestRemoveAgain finishes what was interrupted: a folder whose database is
// half gone can still be removed, and one without a mark can be started.
func TestRemoveAgain(t *testing.T) {
	dir := store.Path(t.TempDir(), "dev")
	closeStage(t, open(t, dir, store.Options{}))
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), dir, store.Options{}); err == nil {
		t.Fatal("a folder that lost its database was opened")
	}
	if err := store.Remove(dir, "test", time.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestRemoveFollowsNoLinks keeps the deletion within the stage's own folder,
// whatever a cloned repository has put in its place.
func TestRemoveFollowsNoLinks(t *testing.T) {
	for _, name := range []string{"the stage", "the stages", "what is in it"} {
		t.Run(name, func(t *testing.T) {
			app, precious := t.TempDir(), t.TempDir()
			file := filepath.Join(precious, "dev", "file")
			if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("x"), 0o600)); err != nil {
				t.Fatal(err)
			}
			dir := store.Path(app, "dev")
			link, want := dir, false
			switch name {
			case "the stages":
				link = filepath.Dir(dir)
			case "what is in it":
				link, want = filepath.Join(dir, "objects"), true
			}
			if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
				t.Fatal(err)
			}
			target := precious
			if name == "the stage" {
				target = filepath.Dir(file)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Skip(err)
			}
			err := store.Remove(dir, "test", time.Now())
			if (err == nil) != want {
				t.Errorf("Remove = %v, success wanted: %v", err, want)
			}
			if !want && hint(err) == "" {
				t.Errorf("Remove = %v, without a fix", err)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("what the link leads to: %v", err)
			}
		})
	}
}
