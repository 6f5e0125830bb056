package userdata_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/doorwright/doorwright/internal/userdata"
)

// home has the user's data in a folder of the test.
func home(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the folder is chosen by XDG_DATA_HOME")
	}
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	return dir
}

func TestSeal(t *testing.T) {
	data := home(t)
	k := userdata.NewKey(t.TempDir())
	if k.Made("a", []byte("data"), strings.Repeat("0", 64)) {
		t.Error("a seal is believed without a key")
	}
	if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
		t.Errorf("looking has left %v, %v", left, err)
	}
	seal := k.Seal("a", []byte("data"))
	if again := userdata.NewKey(t.TempDir()); !k.Made("a", []byte("data"), seal) || !again.Made("a", []byte("data"), seal) {
		t.Errorf("the seal %q is not known again", seal)
	}
	for name, made := range map[string]bool{
		"other data": k.Made("a", []byte("datb"), seal), "for something else": k.Made("b", []byte("data"), seal), "moved over": k.Made("ad", []byte("ata"), seal),
		"cut off": k.Made("a", []byte("data"), seal[:len(seal)-1]), "none": k.Made("a", []byte("data"), ""), "in capitals": k.Made("a", []byte("data"), strings.ToUpper(seal)),
		"a passing key": userdata.PassingKey().Made("a", []byte("data"), seal),
	} {
		if made {
			t.Errorf("%s: believed", name)
		}
	}
	path := filepath.Join(data, "doorwright", "key", "doorwright-key")
	for p, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", p, info, err)
		}
	}
	home(t)
	if other := userdata.NewKey(t.TempDir()); other.Made("a", []byte("data"), seal) || other.Seal("a", []byte("data")) == seal {
		t.Error("another machine's key makes the same seal")
	}
}

// TestNoKey has in the key's place what may not be one. Nothing is sealed by it, and
// nothing is put in its place.
func TestNoKey(t *testing.T) {
	for name, spoil := range map[string]func(folder, path string) error{
		"others may read it":         func(_, path string) error { return os.Chmod(path, 0o640) },
		"others may read the folder": func(folder, _ string) error { return os.Chmod(folder, 0o755) },
		"it is short":                func(_, path string) error { return os.Truncate(path, 31) },
		"it is long":                 func(_, path string) error { return os.Truncate(path, 33) },
		"it is empty":                func(_, path string) error { return os.Truncate(path, 0) },
		"it is gone":                 func(_, path string) error { return os.Remove(path) },
		"it is a link": func(_, path string) error {
			if err := os.Rename(path, path+"-elsewhere"); err != nil {
				return err
			}
			return os.Symlink(path+"-elsewhere", path)
		},
		"the folder is a link": func(folder, _ string) error {
			if err := os.Rename(folder, folder+"-elsewhere"); err != nil {
				return err
			}
			return os.Symlink(folder+"-elsewhere", folder)
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(home(t), "doorwright", "key")
			seal := userdata.NewKey("").Seal("a", nil)
			if seal == "" {
				t.Fatal("there is no key to spoil")
			}
			if err := spoil(folder, filepath.Join(folder, "doorwright-key")); err != nil {
				t.Fatal(err)
			}
			k := userdata.NewKey("")
			if k.Made("a", nil, seal) || k.Made("a", nil, "") {
				t.Error("it is used")
			}
			if own := k.Seal("a", nil); own == seal || !k.Made("a", nil, own) || userdata.NewKey("").Made("a", nil, own) {
				t.Error("what one key has sealed is known to another, or not to itself")
			}
		})
	}
	t.Run("it is in the project", func(t *testing.T) {
		data := home(t)
		seal := userdata.NewKey("").Seal("a", nil) // which came with it
		linked := filepath.Join(t.TempDir(), "linked")
		if err := os.Symlink(data, linked); err != nil {
			t.Fatal(err)
		}
		for _, project := range []string{data, linked, filepath.Dir(data)} {
			if k := userdata.NewKey(project); k.Made("a", nil, seal) || k.Seal("a", nil) == seal {
				t.Errorf("it is used for %s", project)
			}
		}
		if !userdata.NewKey(filepath.Join(data, "project")).Made("a", nil, seal) {
			t.Error("a project beside it has none")
		}
	})
}

// TestOneKey has many make it at once.
func TestOneKey(t *testing.T) {
	folder := filepath.Join(home(t), "doorwright")
	seals := make([]string, 20)
	var all sync.WaitGroup
	for i := range seals {
		all.Go(func() { seals[i] = userdata.NewKey("").Seal("a", nil) })
	}
	all.Wait()
	for _, s := range seals {
		if s == "" || s != seals[0] {
			t.Errorf("seals are %q", seals)
			break
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v", left, err)
	}
}
