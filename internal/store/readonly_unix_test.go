//go:build unix

package store_test

import (
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// A folder that cannot be written, as a user without rights sees it.
func TestReadOnlyFolder(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(app, dir string) error
	}{
		{"the app's folder", func(app, _ string) error { return os.Chmod(app, 0o555) }},
		{"the database", func(_, dir string) error { return os.Chmod(dir+"/state.db", 0o400) }},
		{"the stage's folder", func(_, dir string) error { return os.Chmod(dir, 0o555) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := t.TempDir()
			dir := store.Path(app, "dev")
			if c.name != "the app's folder" {
				closeStage(t, open(t, dir, store.Options{}))
			}
			if err := c.prepare(app, dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(app, 0o755) })
			cmd := child(t, "open", dir)
			switch {
			case os.Getuid() == 0 && runtime.GOOS != "linux":
				t.Skip("root may write anywhere")
			case os.Getuid() == 0:
				// Root may write anywhere: the child runs as nobody. What
				// belongs to root can then not even be looked into.
				cmd.Path = "/proc/self/exe"
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			case c.name != "the app's folder":
				t.Skip("the owner may tighten and loosen the folder again, so this does not stop Open")
			}
			out, err := io.ReadAll(start(t, cmd))
			if err != nil {
				t.Fatal(err)
			}
			if text := string(out); !strings.Contains(text, "cannot be written: ") || !strings.Contains(text, "hint: give your user write permission on the folder") {
				t.Errorf("the child says:\n%s", text)
			}
		})
	}
}
