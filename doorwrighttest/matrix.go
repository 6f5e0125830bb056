package doorwrighttest

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/matrix"
)

// A Caller is a caller of the matrix beside those of the declaration, such as one with a
// token of an issuer elsewhere.
type Caller struct {
	// Name is the caller's column, and About says in words who that is.
	Name, About string
	// Send adds to a request to a route what the caller sends.
	Send func(r *http.Request)
}

// MatrixOptions change what Matrix asks. The zero value is usable.
type MatrixOptions struct {
	// Callers are asked for beside those of the declaration.
	Callers []Caller
	// Without leaves out routes, as "GET /health" or "Api GET /health", and callers by
	// their names.
	Without []string
}

// updateVariable makes Matrix write its file.
const updateVariable = "DOORWRIGHT_UPDATE"

// Matrix holds who may call what against a file that is kept with the tests, so that a
// change of it shows in review:
//
//	route             authorizer  nobody   forged   expired  user     id-token
//	Api GET /private  users       401      401      401      allowed  allowed
//	Api GET /public   none        allowed  allowed  allowed  allowed  allowed
//
// The routes and callers are those of the declaration, and each outcome is the gateway's
// own: no function is invoked but those of authorizers, and those that change what is in
// tokens. Where the file says otherwise
// the test fails with who gained or lost what, and why.
//
// With DOORWRIGHT_UPDATE=1 in the environment, or with -update where the tests declare
// that flag, it writes the file. A file that is not there is never taken for an empty one.
func Matrix(t testing.TB, a *App, file string, options ...MatrixOptions) {
	t.Helper()
	if len(options) > 1 {
		t.Fatal("doorwrighttest: Matrix takes one MatrixOptions at most")
	}
	var o MatrixOptions
	if len(options) == 1 {
		o = options[0]
	}
	now, err := a.matrix(t, o)
	if err != nil {
		t.Fatalf("doorwrighttest: who may call what: %v", err)
	}
	if updating() {
		if err := writeMatrix(file, now); err != nil {
			t.Fatalf("doorwrighttest: writing who may call what: %v", err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("doorwrighttest: %s is not there: write it with %s=1 go test -run '^%s$', and read it", file, updateVariable, t.Name())
	}
	if err != nil {
		t.Fatalf("doorwrighttest: who may call what: %v", err)
	}
	kept, err := matrix.Parse(string(text))
	if err != nil {
		t.Fatalf("doorwrighttest: %s: %v", file, err)
	}
	var lines []string
	for _, change := range matrix.Diff(kept, now) {
		lines = append(lines, "  "+change.String())
	}
	if len(lines) > 0 {
		t.Errorf("doorwrighttest: who may call what is not as in %s:\n%s\nIf that is meant: %s=1 go test -run '^%s$'", file, strings.Join(lines, "\n"), updateVariable, t.Name())
	}
}

func (a *App) matrix(t testing.TB, o MatrixOptions) (*matrix.Matrix, error) {
	var callers []doorwright.MatrixCaller
	for _, c := range o.Callers {
		if c.Name == "" || strings.ContainsAny(c.Name, " \t\r\n") || c.Send == nil {
			return nil, fmt.Errorf("the caller %q needs a name without spaces, and something to send", c.Name)
		}
		callers = append(callers, doorwright.MatrixCaller{
			Name: c.Name, About: strings.Join(strings.Fields(c.About), " "), Send: func(_, _ string, r *http.Request) { c.Send(r) },
		})
	}
	m, err := a.app.Matrix(t.Context(), callers...)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	without := func(names ...string) bool {
		for _, name := range names {
			if slices.Contains(o.Without, name) {
				used[name] = true
				return true
			}
		}
		return false
	}
	m = m.Without(func(api, route string) bool { return without(route, api+" "+route) }, func(caller string) bool { return without(caller) })
	for _, name := range o.Without {
		if !used[name] {
			return nil, fmt.Errorf("there is no route or caller %q to leave out", name)
		}
	}
	return m, nil
}

// updating says whether files are to be written. A flag of its own would be in the way
// of the same flag of a test.
func updating() bool {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		return true
	}
	value := os.Getenv(updateVariable)
	return value != "" && value != "0"
}

func writeMatrix(file string, m *matrix.Matrix) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(m.Text()), 0o666)
}
