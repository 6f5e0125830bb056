// Package build turns a handler's source into something that runs: a Go main
// package into a binary, a JavaScript or TypeScript file into one bundle, a
// Python file into itself.
//
// It owns finding the source that a handler names, building it, saying which
// files decided the result (so that a caller can watch exactly those), and
// turning what a compiler says into [Diagnostic] values. It keeps its results
// under names made from their contents: a result is never overwritten, so a
// process that runs from one is never disturbed.
//
// It runs nothing that it built, watches nothing, and starts no goroutine that
// outlives the call that started it.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/userdata"
)

// Config says where a [Builder] works.
type Config struct {
	// Dir is the folder that handlers are named from and the task root of what
	// is built: the folder of the declaration. Required.
	Dir string
	// Cache is a folder of the Builder's own. [Builder.Prune] removes what
	// it does not know there. Required.
	Cache string
	// Key knows what was built here: the cache is in the project's folder, and may have
	// come with a repository. If it is nil nothing of an earlier Builder is used.
	Key *userdata.Key
	// Env is the environment of the Go tool, and where node and python are
	// looked for (PATH, VIRTUAL_ENV): the developer's own. Nil means
	// os.Environ().
	Env []string
	// Symbols leaves in Go binaries what a debugger needs.
	Symbols bool
	// Progress, if set, is called as a group of handlers begins to build. It is
	// not told of handlers for which there is nothing to do.
	Progress func(Step)
}

// Step is the beginning of one group's build.
type Step struct {
	// Runtime is what the group is built for.
	Runtime Runtime
	// Handlers are the group's, as they were given.
	Handlers []string
	// First is true if the Builder has not built this group before, so that
	// the compiler's own cache may be cold.
	First bool
}

// Runtime is the kind of process that runs a handler.
type Runtime string

// The runtimes.
const (
	Go     Runtime = "go"
	Node   Runtime = "node"
	Python Runtime = "python"
)

// Artifact is a handler that can be run.
type Artifact struct {
	Runtime Runtime
	// Root is the task root: the process's working directory.
	Root string
	// Tool is the interpreter, empty for Go.
	Tool string
	// Path is the binary (Go), the bundle (Node) or the source (Python).
	Path string
	// Module is how the interpreter names the source: for Python the module
	// path from Root, for Node the source file.
	Module string
	// Export is the handler's name within the source, empty for Go.
	Export string
	// Hash identifies the contents: the same hash runs the same code.
	Hash string
}

// Result is the outcome of building one handler.
type Result struct {
	// Artifact is zero if Err is set.
	Artifact Artifact
	// Inputs is what decided the outcome. It is set for failures as well: a
	// change there may mend them.
	Inputs Inputs
	// Warnings are what the compiler said of code that it accepted.
	Warnings []Diagnostic
	// Elapsed is how long the handler's group took.
	Elapsed time.Duration
	// Err is an *[Error], or the context's error.
	Err error
}

// Builder builds the handlers of one folder.
type Builder struct {
	dir      string
	env      []string
	symbols  bool
	progress func(Step)
	cache    string
	store    store
	records  records

	// mu allows one Build at a time: it guards what follows, and the Go tool's
	// output folders.
	mu sync.Mutex
	// linked gives each Go package its place among packages whose binaries
	// have the same name, so that it is the same in every build and the Go
	// tool finds its last output there.
	linked map[string]int
	// ours holds the Go tool's outputs that were built here, or are gone.
	ours map[string]bool
	// built holds the runtimes that were built for before.
	built map[Runtime]bool
	// remembered is what is known of Go handlers' folders.
	remembered map[string]goMemory
	// cjs holds the JavaScript sources known to be CommonJS.
	cjs map[string]bool
	// pythons gives the interpreters that scripts in PATH choose.
	pythons map[string]string
	// nodeVersion is the version of the node found, "" before the first use.
	nodeVersion string
}

// New makes a Builder. It creates the cache folder and builds nothing.
func New(c Config) (*Builder, error) {
	if !filepath.IsAbs(c.Dir) || !filepath.IsAbs(c.Cache) {
		return nil, fmt.Errorf("build: Dir %q and Cache %q must both be absolute paths", c.Dir, c.Cache)
	}
	if err := os.MkdirAll(c.Cache, 0o700); err != nil {
		return nil, fmt.Errorf("creating the build cache: %w", err)
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if c.Key == nil {
		c.Key = userdata.PassingKey()
	}
	if c.Progress == nil {
		c.Progress = func(Step) {}
	}
	return &Builder{
		dir: filepath.Clean(c.Dir), env: c.Env, symbols: c.Symbols, progress: c.Progress,
		cache:   c.Cache,
		store:   store{dir: filepath.Join(c.Cache, "artifacts")},
		records: records{dir: filepath.Join(c.Cache, "records"), key: c.Key},
		linked:  map[string]int{}, ours: map[string]bool{}, built: map[Runtime]bool{}, cjs: map[string]bool{},
		remembered: map[string]goMemory{}, pythons: map[string]string{},
	}, nil
}

// Build builds handlers and gives a Result for each, in their order. Handlers
// that share a Go module are built by one call of the Go tool; handlers that
// share a source share its build. What an earlier Builder made of the same cache
// folder is used again if it was made with the same key, and nothing that decided it has changed.
func (b *Builder) Build(ctx context.Context, handlers ...string) []Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	results := make([]Result, len(handlers))
	sources := make([]source, len(handlers))
	groups := map[Runtime][]int{}
	for i, h := range handlers {
		s, inputs, err := resolve(b.dir, h)
		if err != nil {
			results[i] = Result{Inputs: inputs, Err: err}
			continue
		}
		sources[i] = s
		groups[s.runtime] = append(groups[s.runtime], i)
	}
	// The three compilers share nothing, so the slowest decides.
	var wg sync.WaitGroup
	for rt, build := range map[Runtime]func(context.Context, []source, func([]source)) []Result{
		Go: b.buildGo, Node: b.buildNode, Python: b.buildPython,
	} {
		indices := groups[rt]
		if len(indices) == 0 {
			continue
		}
		group := make([]source, len(indices))
		for n, i := range indices {
			group[n] = sources[i]
		}
		first := !b.built[rt]
		b.built[rt] = true
		wg.Go(func() {
			start := time.Now()
			begin := func(group []source) { b.progress(step(rt, group, first)) }
			for n, r := range build(ctx, group, begin) {
				r.Elapsed = time.Since(start)
				if r.Err != nil {
					r.Artifact = Artifact{}
				}
				results[indices[n]] = r
			}
		})
	}
	wg.Wait()
	for i := range results {
		if results[i].Inputs.stamps == nil {
			results[i].Inputs.stamps = results[i].Inputs.current()
		}
	}
	return results
}

// Prune removes from the cache all but the artifacts in use.
func (b *Builder) Prune(inUse ...Artifact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.store.prune(inUse)
	b.records.prune(inUse)
}

// step describes a group that is about to be built.
func step(rt Runtime, group []source, first bool) Step {
	s := Step{Runtime: rt, First: first}
	for _, src := range group {
		s.Handlers = append(s.Handlers, src.handler)
	}
	return s
}

// getenv looks a variable up in the developer's environment.
func (b *Builder) getenv(name string) string {
	for i := len(b.env) - 1; i >= 0; i-- {
		k, v, ok := strings.Cut(b.env[i], "=")
		if ok && (k == name || runtime.GOOS == "windows" && strings.EqualFold(k, name)) {
			return v
		}
	}
	return ""
}

// errNotFound says that a tool is in none of PATH's folders.
var errNotFound = errors.New("executable file not found in PATH")

// lookPath finds a tool in the developer's PATH. Unlike exec.LookPath it does
// not read this process's environment, and like it never finds one in the
// current folder.
func (b *Builder) lookPath(name string) (string, error) {
	exts := []string{""}
	if runtime.GOOS == "windows" {
		exts = []string{".exe", ".cmd", ".bat"}
	}
	for _, dir := range filepath.SplitList(b.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, ext := range exts {
			p := filepath.Join(dir, name+ext)
			if executable(p) {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("looking for %s: %w", name, errNotFound)
}

// executable says whether a file can be run.
func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && (runtime.GOOS == "windows" || fi.Mode()&0o111 != 0)
}
