package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWalkThroughAuth0RBAC is the walk-through "Secure your API Gateway APIs with
// Auth0" in a browser: the example's web app is started as its declaration says, and
// roles are switched by its script.
func TestWalkThroughAuth0RBAC(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	need(t, "python3")
	folder, origin := project(t, "unicorns"), freeOrigin(t)
	declaration := filepath.Join(folder, "doorwright.yaml")
	b, err := os.ReadFile(declaration)
	if err != nil {
		t.Fatal(err)
	}
	// Port 3000 may be somebody's. Nothing else is changed.
	edit(t, declaration, strings.ReplaceAll(string(b), "http://localhost:3000", origin))
	p := start(t, folder)
	path := filepath.Dir(binary) + string(os.PathListSeparator) + os.Getenv("PATH")
	serveWeb(t, folder, "PATH="+path, "PORT="+origin[strings.LastIndex(origin, ":")+1:])

	p.script(js, "unicorns.mjs", map[string]string{"Chromium": browser, "Origin": origin, "Project": folder, "Path": path})
	for _, line := range []string{
		"asked for and not among the user's permissions: list:unicorns",
		"403 GET /unicorns",
		"GET /v2/logout Auth0 spa: ok",
	} {
		p.waitFor(line)
	}
}

// serveWeb types what the example says of its web app.
func serveWeb(t *testing.T, folder string, env ...string) {
	t.Helper()
	shell := func(line string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), "sh", "-c", "exec "+line)
		// npm hands an interrupt on to its shell, and bash is then the script itself.
		c.Dir, c.Env = folder, append(append(os.Environ(), "npm_config_script_shell=bash"), env...)
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
		c.WaitDelay = 3 * time.Second
		return c
	}
	if out, err := shell("npm install --no-audit --no-fund").CombinedOutput(); err != nil {
		missing(t, "npm install: %v\n%s", err, out)
	}
	web := shell("npm run web")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	web.Stdout, web.Stderr = w, w
	err = web.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var printed []byte
	t.Cleanup(func() { // the context has ended
		_ = web.Wait()
		r.Close()
	})
	_ = r.SetReadDeadline(time.Now().Add(time.Minute))
	for buffer := make([]byte, 4096); !strings.Contains(string(printed), "The app is at"); {
		n, err := r.Read(buffer)
		if err != nil {
			t.Fatalf("npm run web: %v\n%s", err, printed)
		}
		printed = append(printed, buffer[:n]...)
	}
}
