//go:build unix

package doorwright_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/doorwright/doorwright"
)

// nobody is the user of the overflow id, which owns nothing.
const nobody = 65534

// TestAnotherUserCannotReadTheState tries to as another user of the machine, who
// may read the declaration beside it. Only root can become another user.
func TestAnotherUserCannotReadTheState(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("there is no cat to try with")
	}
	dir := signUpApp(t, hello(t).URL)
	// A test's folder is in one of its own, which is private too.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	signUp(t, r, "a@example.com", "Passw0rd!")
	read := func(path string) (string, error) {
		cmd := exec.Command(cat, path)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if text, err := read(filepath.Join(dir, "doorwright.yaml")); err != nil || !strings.Contains(text, "name: app") {
		t.Skipf("another user cannot even read the declaration here, so that this shows nothing: %v %s", err, text)
	}
	tried := 0
	check := func() {
		t.Helper()
		err := filepath.WalkDir(filepath.Join(dir, ".doorwright"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && path != filepath.Join(dir, ".doorwright") {
				return err
			}
			tried++
			if text, err := read(path); err == nil || !strings.Contains(text, "Permission denied") {
				t.Errorf("another user reads %s: %.100q, %v", path, text, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	check()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	check()
	if tried < 12 {
		t.Errorf("only %d files were tried", tried)
	}
}
