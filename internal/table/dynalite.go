package table

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

//go:embed dynalite.js
var dynaliteScript string

// A mendable error is one that the user can mend.
type mendable struct{ text, hint string }

func (e *mendable) Error() string { return e.text }

// Hint says how.
func (e *mendable) Hint() string { return e.hint }

// ErrNoDynalite says that there is nothing to keep items with.
var ErrNoDynalite error = &mendable{
	"nothing here keeps the items of tables: Node finds no dynalite",
	"Install it beside the declaration (npm install --save-dev dynalite), or name a server in the tables' engine, such as http://localhost:8000 for DynamoDB Local.",
}

var errClosed = errors.New("the tables are closed")

// DynaliteConfig says how dynalite runs.
type DynaliteConfig struct {
	// Dir is the folder of the declaration, from which Node looks for the package.
	Dir string
	// Data is where the items are kept.
	Data              string
	Region, AccountID string
	// Log is told what dynalite says, line by line, and why it ended; nobody if nil.
	Log func(line string)
}

// Dynalite runs dynalite, a DynamoDB in JavaScript (https://github.com/architect/dynalite),
// as a child process. It answers Do while Run runs.
type Dynalite struct {
	cfg DynaliteConfig

	mu     sync.Mutex
	engine *HTTPEngine   // guarded by mu; nil while none runs
	err    error         // guarded by mu; why none will run any more
	change chan struct{} // guarded by mu; closed with each change
}

// NewDynalite starts nothing.
func NewDynalite(cfg DynaliteConfig) *Dynalite {
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	return &Dynalite{cfg: cfg, change: make(chan struct{})}
}

// set tells those who wait in Do.
func (d *Dynalite) set(e *HTTPEngine, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.engine != nil {
		d.engine.close()
	}
	d.engine, d.err = e, err
	close(d.change)
	d.change = make(chan struct{})
}

// patience is how long a request waits for dynalite to begin.
const patience = 10 * time.Second

// Do sends an operation, once dynalite runs.
func (d *Dynalite) Do(ctx context.Context, operation string, body []byte) (*http.Response, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		d.mu.Lock()
		engine, err, change := d.engine, d.err, d.change
		d.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case engine != nil:
			return engine.Do(ctx, operation, body)
		}
		select {
		case <-change:
		case <-late.C:
			return nil, fmt.Errorf("asking dynalite: it has not started within %s", patience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pause is between the end of a dynalite that failed and the next.
const pause = time.Second

// Run runs dynalite until ctx ends, and again if it ends before. It returns nil when
// ctx ended and the process is gone, or ErrNoDynalite.
func (d *Dynalite) Run(ctx context.Context) (err error) {
	defer func() { d.set(nil, cmp.Or(err, errClosed)) }()
	for {
		err := d.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrNoDynalite) {
			return err
		}
		d.set(nil, nil)
		d.cfg.Log(fmt.Sprintf("dynalite ended and is started again: %v", err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// once runs one process to its end.
func (d *Dynalite) once(ctx context.Context) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return fmt.Errorf("%w (there is no node in PATH either)", ErrNoDynalite)
	}
	dir, err := filepath.Abs(d.cfg.Dir) // it runs in another folder
	if err != nil {
		return fmt.Errorf("finding the folder of the declaration: %w", err)
	}
	if err := os.MkdirAll(d.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the folder of the tables' items: %w", err)
	}
	secret := aws.RandomText("abcdefghijklmnopqrstuvwxyz0123456789", 40)
	cmd := exec.CommandContext(ctx, node, "-e", dynaliteScript, dir, d.cfg.Data)
	cmd.Dir = d.cfg.Data
	cmd.Env = environment(d.cfg.Region, d.cfg.AccountID)
	// Its input ends when this process does, however that ends, and dynalite with it.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = 5 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = &lineWriter{log: d.cfg.Log}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting dynalite: %w", err)
	}
	io.WriteString(stdin, secret+"\n") // A process that is gone says so by Wait.
	lines := bufio.NewScanner(stdout)
	missing := false
	for lines.Scan() {
		line := lines.Text()
		port, ok := strings.CutPrefix(line, "port ")
		if _, err := strconv.ParseUint(port, 10, 16); ok && err == nil {
			engine := newHTTPEngine("http://127.0.0.1:"+port+"/", d.cfg.Region)
			engine.header.Set("X-Doorwright-Secret", secret)
			d.set(engine, nil)
			continue
		}
		missing = missing || line == "missing"
	}
	err = cmd.Wait()
	if missing {
		return ErrNoDynalite
	}
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return err
}

// environment is what dynalite is told, and nothing of this process's.
func environment(region, account string) []string {
	env := []string{"AWS_REGION=" + region, "AWS_ACCOUNT_ID=" + account}
	for _, name := range []string{"PATH", "SystemRoot", "TEMP", "TMP", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// maxLine bounds a line of dynalite's errors in the log.
const maxLine = 4096

// lineWriter passes text on line by line.
type lineWriter struct {
	log  func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := strings.Cut(string(w.rest), "\n")
		if !ok && len(w.rest) < maxLine {
			return len(p), nil
		}
		w.log(line)
		w.rest = []byte(rest)
	}
}
