// Command bench measures every speed that Doorwright promises, each beside its
// limit in the same run:
//
//	go run ./internal/bench              # a few minutes; BENCHMARKS.md holds such a run
//	go run ./internal/bench -quick       # some seconds: that it works, not how fast it is
//	go run ./internal/bench -row verify  # the rows whose names begin so
//
// A limit is the least work that any implementation would have to do, or the
// bound that was promised. The two sides take turns, and what counts is the
// median of their ratios: a machine that is busy with something else slows both.
//
// It gives no verdict by its exit code: a figure is read by a person. It owns no
// part of the product and nothing imports it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// run is the whole program but for the process. Its error is one of the
// measuring, not of what was measured.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "measure hardly at all: shows that every row can be measured")
	asJSON := flags.Bool("json", false, "print one JSON object a row")
	only := flags.String("row", "", "measure the rows whose names begin with this")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, *quick, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	var all []result
	for _, g := range groups() {
		if !g.selected(*only) {
			continue
		}
		fmt.Fprintf(stderr, "measuring %s\n", strings.Join(g.rows, ", "))
		results, err := g.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", strings.Join(g.rows, ", "), err)
		}
		for _, r := range results {
			if strings.HasPrefix(r.Row, *only) {
				all = append(all, r)
			}
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("no row's name begins with %q", *only)
	}
	if *asJSON {
		return printJSON(stdout, all)
	}
	return printTable(stdout, all)
}

// bench is what the rows share.
type bench struct {
	quick bool
	// root is the folder of this module, dir a temporary one.
	root, dir string
	stderr    io.Writer
	// program is the built binary, "" until programPath was called.
	program string
}

func newBench(ctx context.Context, quick bool, stderr io.Writer) (*bench, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/doorwright/doorwright").Output()
	if err != nil {
		return nil, fmt.Errorf("looking for the module: run this in a checkout of Doorwright: %w", err)
	}
	dir, err := os.MkdirTemp("", "doorwright-bench-")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	return &bench{quick: quick, root: strings.TrimSpace(string(out)), dir: dir, stderr: stderr}, nil
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// pick gives one number for a whole run and another for a quick one.
func (b *bench) pick(whole, quick int) int {
	if b.quick {
		return quick
	}
	return whole
}

// programPath builds the program, once.
func (b *bench) programPath(ctx context.Context) (string, error) {
	if b.program != "" {
		return b.program, nil
	}
	path := filepath.Join(b.dir, "doorwright"+exe)
	if err := b.build(ctx, path); err != nil {
		return "", err
	}
	b.program = path
	return path, nil
}

// build builds the program as a release is built, with more flags. A quick run
// builds it as the tests do, which leaves less to compile.
func (b *bench) build(ctx context.Context, path string, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build")
	if !b.quick {
		cmd.Args = append(cmd.Args, "-trimpath")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	cmd.Args = append(append(cmd.Args, flags...), "-o", path, "./cmd/doorwright")
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building doorwright: %w\n%s", err, out)
	}
	return nil
}

// group is rows that are measured together.
type group struct {
	rows    []string
	measure func(context.Context, *bench) ([]result, error)
}

func (g group) selected(prefix string) bool {
	for _, r := range g.rows {
		if strings.HasPrefix(r, prefix) {
			return true
		}
	}
	return false
}

// groups are all rows, in the order of the table.
func groups() []group {
	return []group{
		{[]string{"verify-miss", "verify-hit"}, measureVerify},
		{[]string{"gateway-hot-1", "gateway-hot-64", "gateway-10000-1", "gateway-10000-64"}, measureGateway},
		{[]string{"initiate-auth"}, measureInitiateAuth},
		{[]string{"users-list", "users-sign-in", "users-sign-up"}, measureUsers},
		{[]string{rowAuthorizerCold, rowAuthorizerCall, rowAuthorizerJWT}, measureAuthorizer},
		{[]string{"function-call", "function-http"}, measureFunction},
		{[]string{"trace-function", "trace-upstream"}, measureTrace},
		{[]string{"start-ready", "idle-rss"}, measureStart},
		{[]string{"binary", "binary-stripped"}, measureSize},
		{[]string{"save-go", "save-ts", "save-js", "save-py"}, measureSave},
		{[]string{"memory-forged", "memory-verified"}, measureMemory},
	}
}

func printJSON(w io.Writer, all []result) error {
	for _, r := range all {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

func printTable(w io.Writer, all []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\tmeasured\tlimit\tratio\ttarget\theld\tallocations\twhat")
	for _, r := range all {
		ratio := ""
		if r.Unit != "" {
			ratio = fmt.Sprintf("%.3g", r.Ratio)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Row, format(r.Measured, r.Unit), format(r.Limit, r.Unit), ratio, r.Target, r.Held, r.Allocations, r.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range all {
		if r.Note != "" {
			fmt.Fprintf(w, "%s: %s\n", r.Row, r.Note)
		}
	}
	return nil
}
