package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal gives both ends of one (pty(7)): what a person types into, and what
// the program reads.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// prompts is a standard error that shows how far the program has come.
type prompts struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *prompts) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *prompts) has(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.text.String(), text)
}

// TestPasswordIsNotShown types a password at a terminal: it is asked for twice, is not
// echoed, and the terminal echoes again afterwards.
func TestPasswordIsNotShown(t *testing.T) {
	for _, c := range []struct{ second, want string }{{"Passw0rd! ", "Passw0rd! "}, {"another", ""}} {
		person, program := pseudoTerminal(t)
		told := &prompts{}
		cmd := newUsers()
		cmd.SetIn(program)
		cmd.SetErr(told)
		cmd.SetContext(t.Context())
		type result struct {
			password string
			err      error
		}
		done := make(chan result, 1)
		go func() {
			password, err := readPassword(cmd, false)
			done <- result{password, err}
		}()
		echoes := func() bool {
			settings, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			return err != nil || settings.Lflag&unix.ECHO != 0
		}
		for i, line := range []string{"Passw0rd! ", c.second} {
			prompt := []string{"Password: ", "Again: "}[i]
			for deadline := time.Now().Add(time.Minute); !told.has(prompt); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("never asked with %q", prompt)
				}
			}
			if echoes() {
				t.Error("the terminal shows what is typed")
			}
			io.WriteString(person, line+"\n")
		}
		if got := <-done; got.password != c.want || (got.err != nil) != (c.want == "") {
			t.Errorf("typed %q and %q: %q %v", "Passw0rd! ", c.second, got.password, got.err)
		}
		if !echoes() {
			t.Error("the terminal does not show what is typed any more")
		}
	}
}
