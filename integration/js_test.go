package integration

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oldestNode is the first major version of Node that the SDK for JavaScript
// takes.
const oldestNode = 20

// missing skips the test for want of something, or fails it where all is
// required.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// scripts gives a folder with the scripts of js/ beside the packages that
// js/package-lock.json pins. The packages are fetched once into the user's
// cache, under the lock's digest, so that nothing is installed in the tree.
func scripts(t *testing.T) string {
	t.Helper()
	node := need(t, "node")
	out, err := exec.Command(node, "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		missing(t, "node is %s; the clients need %d", strings.TrimSpace(string(out)), oldestNode)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(packages(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("js")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// packages gives the folder of the installed packages.
func packages(t *testing.T) string {
	t.Helper()
	npm := need(t, "npm")
	lock, err := os.ReadFile(filepath.Join("js", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "doorwright-integration", fmt.Sprintf("js-%x", sha256.Sum256(lock))[:19])
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join("js", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = fresh
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm ci in integration/js: %v\n%s", err, out)
	}
	// Another process may have been faster; its packages are the same.
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

// clients starts an app that the JavaScript clients sign in to: one of
// testdata, with functions of its own if it has any, in whose declaration each of
// replace's words stands for another.
func clients(t *testing.T, app string, replace ...string) *process {
	t.Helper()
	dir := project(t, "quickstart")
	b, err := os.ReadFile(filepath.Join("testdata", app, "doorwright.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "doorwright.yaml"), strings.NewReplacer(replace...).Replace(string(b)))
	own := filepath.Join("testdata", app, "functions")
	if _, err := os.Stat(own); err == nil {
		if err := os.CopyFS(filepath.Join(dir, "functions"), os.DirFS(own)); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, dir)
}

// script runs one of the scripts against the stage, with the environment of
// `eval "$(doorwright env)"`, the outputs, and where the mailbox is. The
// script ends with an error when the client does not get what Cognito gives;
// what it prints is given.
func (p *process) script(dir, name string, more map[string]string) string {
	p.t.Helper()
	stage := map[string]string{
		"Endpoint": objectOf(p.t, "env", p.dir, "--json")["AWS_ENDPOINT_URL"],
		"Mailbox":  filepath.Join(p.dir, ".doorwright", "dev", "mailbox"),
	}
	for _, object := range []map[string]string{p.outputs(), more} {
		maps.Copy(stage, object)
	}
	argument, err := json.Marshal(stage)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", cmp.Or(more["Trust"], ":")+` && exec node "$@"`, "sh", filepath.Join(dir, name), string(argument))
	c.Env = p.env()
	c.Dir = dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		p.t.Fatalf("node js/%s: %v\n%s%s", name, err, stderr.String(), out)
	}
	return string(out)
}
