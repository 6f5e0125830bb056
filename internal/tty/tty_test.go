package tty_test

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/tty"
)

func TestActs(t *testing.T) {
	for _, r := range "\x00\x07\t\n\r\x1b\x7f\u0080\u009b\u061c\u200e\u202e\u2066" {
		if !tty.Acts(r) {
			t.Errorf("%U is taken to show itself alone", r)
		}
	}
	for _, r := range "a é\u200d👩漢~" {
		if tty.Acts(r) {
			t.Errorf("%U is taken to act on a terminal", r)
		}
	}
}

// TestShellWord asks the shells of this machine what they read.
func TestShellWord(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no POSIX shell of its own")
	}
	words := []string{
		"", "a", "read:notes", "a@example.com", "KEY=va,lue", "50%", "arn:aws:s3:::b/*", "it's", "'", `"$HOME"`, "`id`", "$(id)", "a b", "a\nb", "a\tb",
		"~", "~root", "{a,b}", "[a]", "a;b", "a&b", "a|b", "a>b", "#a", "!a", "!!", `\`, "é", "=ls", "==", "-n", "*", "?", "a\\'b", "(a)", "^a",
	}
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, tty.ShellWord(w))
	}
	asked := 0
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "ksh"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		asked++
		out, err := exec.Command(path, "-c", `printf '%s\0' `+strings.Join(quoted, " ")).Output()
		if want := strings.Join(words, "\x00") + "\x00"; err != nil || string(out) != want {
			t.Errorf("%s reads %q (%v), want %q", shell, out, err, want)
		}
	}
	if asked == 0 {
		t.Skip("there is no shell here")
	}
	if got := tty.ShellWord("=ls"); got != "'=ls'" { // for zsh, which is seldom where tests run
		t.Errorf("=ls is written %s", got)
	}
	for _, plain := range []string{"a", "read:notes", "KEY=va,lue", "http://localhost:3000/notes", "50%"} {
		if got := tty.ShellWord(plain); got != plain {
			t.Errorf("%s is quoted: %s", plain, got)
		}
	}
}
