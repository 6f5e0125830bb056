package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/store"
)

// tinyDisk gives an app whose state is on a disk of its own.
func tinyDisk(t *testing.T, size string) (dir, disk string) {
	t.Helper()
	dir = poolApp(t)
	disk = filepath.Join(dir, store.FolderName)
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "mode=700,size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted: %v; it takes root", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, disk
}

// fill leaves about room bytes on a disk, in whole pages, and gives the file
// that takes the rest.
func fill(t *testing.T, disk string, room int) (filler string) {
	t.Helper()
	filler = filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, size := make([]byte, 4096), 0
	for {
		n, err := f.Write(page)
		size += n
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(int64(max(0, size-room))); err != nil {
		t.Fatal(err)
	}
	return filler
}

// TestDiskFullWhileRunning fills the disk under a running program: what cannot
// be kept is refused and told of in one line, the rest works, and so does
// everything once there is room again.
func TestDiskFullWhileRunning(t *testing.T) {
	dir, disk := tinyDisk(t, "4m")
	p := startProgram(t, dir).ready(t)
	var filler string
	refusedWhile(t, dir, p, trouble{
		begin:   func() { filler = fill(t, disk, 0) },
		end:     func() error { return os.Remove(filler) },
		problem: "cannot grow", fix: "the disk is full: make room on it and try again",
	})
}

// TestFileSizeLimit does the same by the limit of the size of files that a
// process may write, as `ulimit -f` sets it. It takes no root.
func TestFileSizeLimit(t *testing.T) {
	dir := poolApp(t)
	p := startProgram(t, dir).ready(t)
	var before unix.Rlimit
	refusedWhile(t, dir, p, trouble{
		begin: func() {
			if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
				t.Fatal(err)
			}
			if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: before.Max}, nil); err != nil {
				t.Fatal(err)
			}
		},
		end:     func() error { return unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil) },
		problem: "cannot be read or written", fix: "look at the disk and at your user's quota and limit of file sizes, then try again",
	})
}

// trouble is a time in which nothing can be written.
type trouble struct {
	begin        func()
	end          func() error
	problem, fix string
}

// refusedWhile takes a running program through a trouble, and starts it again
// afterwards.
func refusedWhile(t *testing.T, dir string, p *program, x trouble) {
	t.Helper()
	c, stage := newCaller(t, dir), store.Path(dir, doorwright.DefaultStage)
	useStage(t, dir, "rider@example.com")
	must := func(got *answer, err error) *answer {
		t.Helper()
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%v, %v\n%s", got, err, p.out)
		}
		return got
	}
	tokens := must(c.signIn("rider@example.com", "Passw0rd!")).result.AuthenticationResult

	x.begin()
	kept, refused, last := signUpUntilRefused(t, c)
	if want := `500 {"__type":"InternalErrorException","message":"Internal error"}`; last.String() != want {
		t.Fatalf("a sign-up was answered %s, want %s", last, want)
	}
	must(c.get(c.api+"/private", tokens.IdToken))
	must(c.call("GetUser", map[string]any{"AccessToken": tokens.AccessToken}))
	must(c.refresh(tokens.RefreshToken))
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	must(c.signUp(refused, "Passw0rd!")) // it was not kept by half
	must(c.signIn("rider@example.com", "Passw0rd!"))

	p.says(t, "SignUp Users "+refused+": ok")
	line := regexp.MustCompile(`(?m)^.*SignUp Users `+regexp.QuoteMeta(refused)+`: InternalErrorException.*$`).FindAllString(p.out.String(), -1)
	if len(line) != 1 || !strings.Contains(line[0], "error: ") || !strings.Contains(line[0], "("+stage+" "+x.problem+": ") || !strings.HasSuffix(line[0], "): "+x.fix) {
		t.Errorf("the terminal says of the refused sign-up:\n%s\nin:\n%s", strings.Join(line, "\n"), p.out)
	}
	if text := p.out.String(); strings.Contains(text, "goroutine ") {
		t.Errorf("there is a stack trace:\n%s", text)
	}
	p.stop(t)

	p = startProgram(t, dir).ready(t)
	for _, name := range append(kept, refused) {
		must(c.call("AdminGetUser", map[string]any{"Username": name}))
	}
	must(c.refresh(tokens.RefreshToken))
	p.stop(t)
}

// signUpUntilRefused signs users up until one is refused that cannot be kept,
// and gives those that were, and the one that was not. In between may be some
// who are kept and whose code is not: they are told so, as by Cognito.
func signUpUntilRefused(t *testing.T, c *caller) (kept []string, refused string, last *answer) {
	t.Helper()
	for i := range 2000 {
		name := fmt.Sprintf("user%d@example.com", i)
		got, err := c.signUp(name, "Passw0rd!")
		switch {
		case err != nil:
			t.Fatal(err)
		case got.is("", ""), got.is("CodeDeliveryFailureException", "The message could not be delivered."):
			kept = append(kept, name)
		default:
			return kept, name, got
		}
	}
	t.Fatal("every sign-up was kept")
	return nil, "", nil
}

// TestDiskFullWhileStarting starts the program with less and less room. It
// says what to do, or it runs; nothing that it has known is lost.
func TestDiskFullWhileStarting(t *testing.T) {
	const step = 8 << 10
	for _, used := range []bool{false, true} {
		t.Run(map[bool]string{false: "first", true: "later"}[used], func(t *testing.T) {
			dir, disk := tinyDisk(t, "2m")
			var seen stageIdentity
			if used {
				p := startProgram(t, dir).ready(t)
				useStage(t, dir, "rider@example.com")
				p.kill() // so that its log is there
				seen = readIdentity(t, dir)
			}
			failures := 0
			for room := 0; ; room += step {
				filler := fill(t, disk, room)
				p := startProgram(t, dir)
				runs := p.out.wait("Status: deployed") && p.worksOrEnds(t, dir)
				if !runs {
					failures++
					p.failed(t, store.Path(dir, doorwright.DefaultStage)+" cannot grow", "the disk is full: make room on it and try again")
				}
				if err := os.Remove(filler); err != nil || t.Failed() {
					t.Fatalf("with room for %d bytes: %v", room, err)
				}
				if runs {
					p.stop(t)
					break
				}
			}
			if failures == 0 {
				t.Error("it started on a full disk")
			}
			p := startProgram(t, dir).ready(t)
			readIdentity(t, dir).expect(t, seen)
			useStage(t, dir, "another@example.com")
			if got, err := newCaller(t, dir).signIn("rider@example.com", "Passw0rd!"); used && (err != nil || got.status != http.StatusOK) {
				t.Errorf("who signed up before signs in: %v, %v", got, err)
			}
			p.stop(t)
			t.Logf("%d starts had too little room", failures)
		})
	}
}

// worksOrEnds says that a program that has started gives its signing keys, or
// tells why not. It is false if it ended instead, having found no room for the
// last of its files.
func (p *program) worksOrEnds(t *testing.T, dir string) bool {
	t.Helper()
	c := newCaller(t, dir)
	for answers := 0; answers < 2; { // the first may be of one that is about to end
		got, err := c.get(c.env.Endpoint+"/"+c.pool+"/.well-known/jwks.json", "")
		if err == nil {
			answers++
			if got.status != http.StatusOK {
				p.says(t, "the disk is full: make room on it and try again")
			}
			continue
		}
		answers = 0
		select {
		case <-p.ended:
			return false
		default: // it is about to
		}
	}
	return true
}

// TestReadOnlyDisk starts the program on a disk that was mounted read-only.
func TestReadOnlyDisk(t *testing.T) {
	dir, disk := tinyDisk(t, "4m")
	startProgram(t, dir).ready(t).stop(t)
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	startProgram(t, dir).fails(t, disk, "cannot be written", "read-only file system", "give your user write permission on the folder and all files in it")
}

// TestReadOnlyFolder starts the program as a user who may not write.
func TestReadOnlyFolder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it takes root to start the program as another user")
	}
	for _, used := range []bool{false, true} {
		t.Run(map[bool]string{false: "first", true: "later"}[used], func(t *testing.T) {
			dir := poolApp(t)
			if used {
				startProgram(t, dir).ready(t).stop(t)
			}
			for _, folder := range []string{filepath.Dir(dir), dir} { // so that the declaration can be read
				if err := os.Chmod(folder, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			p := startProgram(t, dir, func(cmd *exec.Cmd) {
				cmd.Path = "/proc/self/exe" // whose folder is root's
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			})
			p.fails(t, filepath.Join(dir, store.FolderName), "cannot be written", "give your user write permission on the folder and all files in it")
		})
	}
}
