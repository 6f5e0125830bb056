package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// step is one command of the README's tour and what it prints there. "…"
// stands for what differs from run to run.
type step struct{ command, want string }

// tour reads the console blocks of the README.
func tour(t *testing.T) []step {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: strings.TrimSpace(command)})
			} else if len(steps) > 0 {
				steps[len(steps)-1].want += line
			}
		}
	}
	return steps
}

// matches holds printed against a text of the README.
func matches(want, printed string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), "…", ".*")
	return regexp.MustCompile("(?s)^" + pattern + "$").MatchString(strings.TrimSpace(strings.ReplaceAll(printed, "\r", "")))
}

// TestTour types the README's five minutes and compares what is printed.
func TestTour(t *testing.T) {
	need(t, "aws")
	need(t, "curl")
	dir := t.TempDir()
	path := "PATH=" + filepath.Dir(binary) + string(os.PathListSeparator) + os.Getenv("PATH")
	var p *process
	shell := "" // what was typed before that the next command needs: variables, the folder
	for _, s := range tour(t) {
		switch {
		case strings.HasPrefix(s.command, "go install"):
			continue // the binary under test stands in for it
		case strings.HasPrefix(s.command, "doorwright start"):
			p = start(t, filepath.Join(dir, "hello"))
			p.waitFor("UserPoolClientId")
			port := regexp.MustCompile(`localhost:\d+`)
			printed := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `).ReplaceAllString(p.text(), "")
			if !matches(port.ReplaceAllString(s.want, "localhost:…"), printed) {
				t.Errorf("$ %s\nprinted:\n%s\nthe README says:\n%s", s.command, printed, s.want)
			}
			continue
		case strings.HasPrefix(s.command, "cd "), strings.HasPrefix(s.command, "eval "), regexp.MustCompile(`^\w+=`).MatchString(s.command):
			shell += s.command + "\n"
			continue
		}
		ask := func() string {
			c := exec.Command("bash", "-c", "set -e\n"+shell+s.command)
			c.Dir, c.Env = dir, append(cleanEnv(), path, "SHELL=/bin/sh")
			out, err := c.CombinedOutput()
			if err != nil {
				return fmt.Sprintf("%s%v", out, err)
			}
			return string(out)
		}
		// The last command waits for a rebuild, as its comment says.
		printed := ask()
		for deadline := time.Now().Add(30 * time.Second); !matches(s.want, printed) && strings.Contains(s.command, "rebuilt") && time.Now().Before(deadline); {
			printed = ask()
		}
		if !matches(s.want, printed) {
			t.Fatalf("$ %s\nprinted:\n%s\nthe README says:\n%s", s.command, printed, s.want)
		}
	}
	checkTourLog(t, p)
}

// checkTourLog holds the text block that shows the first terminal.
func checkTourLog(t *testing.T, p *process) {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```text\n(.*?)```").FindStringSubmatch(string(b))
	if block == nil {
		t.Fatal("the README shows no terminal")
	}
	rest := p.text()
	for line := range strings.Lines(block[1]) {
		line = strings.TrimSpace(line)
		found := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")).FindStringIndex(rest)
		if found == nil {
			t.Fatalf("the terminal never showed, in its order, %q; it showed:\n%s", line, p.text())
		}
		rest = rest[found[1]:]
	}
}
