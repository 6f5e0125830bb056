package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doorwright/doorwright"
)

// TestMain lets the scripts run this test binary as the programs that they
// name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"doorwright": main,
		"get":        get,
		"stay":       stay,
		"upstream":   upstream,
		"until":      until,
		"answers":    answers,
		"ask":        ask,
		"inflight":   inflight,
		"turnedaway": turnedAway,
		"nobody":     nobody,
		"against":    against,
	})
}

func TestScripts(t *testing.T) {
	env := map[string]string{}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOROOT"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(out))
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir() // the user's, beside the scripts' projects
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			for name, value := range env {
				e.Setenv(name, value)
			}
			e.Setenv("NO_COLOR", "1")
			e.Setenv("XDG_DATA_HOME", data)
			e.Setenv("TMPDIR", e.WorkDir)
			return nil
		},
		// envfile NAME FILE sets a variable to what a file, or stdout, holds.
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"envfile": func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) != 2 {
				ts.Fatalf("usage: envfile NAME FILE")
			}
			ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
		}, "readme": readme(string(page))},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// readme is the command `readme COMMAND`: stdout is what the page shows for a command
// that begins so, but for ids and times.
func readme(page string) func(*testscript.TestScript, bool, []string) {
	varying := regexp.MustCompile(`[A-Za-z0-9_-]{15}=|\d\d:\d\d:\d\d|in [0-9.]+(µs|ms|s)`)
	return func(ts *testscript.TestScript, neg bool, args []string) {
		_, shown, found := strings.Cut(page, "\n$ "+strings.Join(args, " "))
		if neg || !found {
			ts.Fatalf("README.md has no command that begins %q", args)
		}
		_, shown, _ = strings.Cut(shown, "\n")
		shown, _, _ = strings.Cut(shown, "```")
		if got, want := varying.ReplaceAllString(ts.ReadFile("stdout"), "…"), varying.ReplaceAllString(shown, "…"); got != want {
			ts.Fatalf("README.md shows\n%s\nfor\n%s", want, got)
		}
	}
}

// get is the program `get VARIABLE PATH`: it asks the API whose address an
// environment variable holds and prints status and body.
func get() {
	resp, err := http.Get(os.Getenv(os.Args[1]) + os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d %s\n", resp.StatusCode, b)
}

// upstream is the program `upstream CMD...`: it runs CMD, with the address of a server
// in UPSTREAM that answers what it was asked.
func upstream() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintln(w, strings.Join(strings.Fields(r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Said")+" "+string(body)), " "))
	}))
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Env = append(os.Environ(), "UPSTREAM="+server.URL)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	server.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// stay is the program `stay FILE`: it makes FILE and waits for an interrupt.
func stay() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.WriteFile(os.Args[1], nil, 0o666); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-ctx.Done()
}

// until is the program `until FILE [TEXT]`: it waits until FILE is there, and
// holds TEXT.
func until() {
	eventually(strings.Join(os.Args[1:], " "), func() bool {
		b, err := os.ReadFile(os.Args[1])
		return err == nil && (len(os.Args) < 3 || strings.Contains(string(b), os.Args[2]))
	})
}

// answers is the program `answers DIR OUTPUT PATH STATUS`: it waits until the
// running app in DIR answers PATH below OUTPUT with STATUS.
func answers() {
	eventually(strings.Join(os.Args[1:], " "), func() bool {
		outputs, err := doorwright.ReadOutputs(os.Args[1], doorwright.DefaultStage)
		if err != nil {
			return false
		}
		for _, o := range outputs {
			if o.Name == os.Args[2] {
				resp, err := http.Get(o.Value + os.Args[3])
				if err != nil {
					return false
				}
				resp.Body.Close()
				return fmt.Sprint(resp.StatusCode) == os.Args[4]
			}
		}
		return false
	})
}

// ask is the program `ask DIR OUTPUT PATH [FILE]`: it asks the running app in DIR for
// PATH below OUTPUT, with the token in FILE, and prints the request's id, and its status
// to stderr.
func ask() {
	err := func() error {
		outputs, err := doorwright.ReadOutputs(os.Args[1], doorwright.DefaultStage)
		if err != nil {
			return err
		}
		for _, o := range outputs {
			if o.Name != os.Args[2] {
				continue
			}
			r, err := http.NewRequest("GET", o.Value+os.Args[3], nil)
			if err != nil {
				return err
			}
			if len(os.Args) > 4 {
				token, err := os.ReadFile(os.Args[4])
				if err != nil {
					return err
				}
				r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			resp.Body.Close()
			fmt.Println(resp.Header.Get("Apigw-Requestid"))
			fmt.Fprintln(os.Stderr, resp.StatusCode)
			return nil
		}
		return fmt.Errorf("there is no output %s", os.Args[2])
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// eventually polls another process; what it waits for is a condition.
func eventually(what string, holds func() bool) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, what, "never happened")
	os.Exit(1)
}

// against is the program `against DIR COMMAND...`: it runs COMMAND with the URL of the
// running stage of the app in DIR as that of a deployed API, and with tokens of a user
// there.
func against() {
	tokens, err := doorwright.ReadToken(context.Background(), os.Args[1], doorwright.DefaultStage, doorwright.TokenQuery{User: "ann"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c := exec.Command(os.Args[2], append(os.Args[3:], "--url", "Api="+os.Getenv("DOORWRIGHT_There"))...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(tokens.ID+"\n"), os.Stdout, os.Stderr
	c.Env = append(os.Environ(), "DOORWRIGHT_TOKEN_USER="+tokens.Access)
	if err := c.Run(); err != nil {
		os.Exit(c.ProcessState.ExitCode())
	}
}
