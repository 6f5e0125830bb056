package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/build"
)

// sources is what is known of the handlers' source.
type sources struct {
	// order and functions do not change: the handlers as they are declared,
	// and the functions of each.
	order     []string
	functions map[string][]*function

	mu sync.Mutex
	// inputs decide each handler's build. Guarded by mu.
	inputs map[string]build.Inputs
}

func newSources() *sources {
	return &sources{functions: map[string][]*function{}, inputs: map[string]build.Inputs{}}
}

// add notes a function; only New does.
func (s *sources) add(f *function) {
	if s.functions[f.Handler] == nil {
		s.order = append(s.order, f.Handler)
	}
	s.functions[f.Handler] = append(s.functions[f.Handler], f)
}

func (s *sources) handlers() []string { return slices.Clone(s.order) }

// functionsOf gives the names of the functions that share a handler.
func (s *sources) functionsOf(handler string) []string {
	var names []string
	for _, f := range s.functions[handler] {
		names = append(names, f.Name)
	}
	return names
}

// affected gives the handlers that a predicate on their inputs holds for.
func (s *sources) affected(holds func(build.Inputs) bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var handlers []string
	for _, h := range s.order {
		if holds(s.inputs[h]) {
			handlers = append(handlers, h)
		}
	}
	return handlers
}

// dirs gives the folders to watch.
func (s *sources) dirs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := map[string]bool{}
	for _, in := range s.inputs {
		for _, d := range in.Dirs() {
			set[d] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// update notes what decided a build. After a failure what decided the one
// before still does: mending either side may mend the build.
func (s *sources) update(handler string, r build.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Err != nil {
		r.Inputs = s.inputs[handler].Merge(r.Inputs)
	}
	s.inputs[handler] = r.Inputs
}

// rebuild builds handlers and hands the results to their functions. savedAt is
// when the change was seen that made it necessary.
func (r *Runtime) rebuild(ctx context.Context, handlers []string, savedAt time.Time) error {
	results := r.builder.Build(ctx, handlers...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var errs []error
	var built []string
	var took time.Duration
	for n, handler := range handlers {
		result := results[n]
		r.code.update(handler, result)
		names := r.code.functionsOf(handler)
		if len(result.Warnings) > 0 {
			r.tell(Event{Kind: Warned, Functions: names, Text: handler + " was built with warnings", Diagnostics: result.Warnings})
		}
		if result.Err != nil {
			errs = append(errs, result.Err)
			serving := false
			for _, f := range r.code.functions[handler] {
				serving = f.failed(result.Err) || serving
			}
			r.tell(buildFailedEvent(handler, names, serving, result))
			continue
		}
		for _, f := range r.code.functions[handler] {
			if f.renew(result.Artifact, savedAt) {
				built, took = append(built, f.Name), max(took, result.Elapsed)
			}
		}
	}
	if len(built) > 0 {
		r.tell(builtEvent(built, took))
	}
	var inUse []build.Artifact
	for _, name := range r.names {
		inUse = append(inUse, r.functions[name].artifacts()...)
	}
	r.builder.Prune(inUse...)
	return errors.Join(errs...)
}

// failed notes that a function's source cannot be built. It says whether older
// code goes on serving.
func (f *function) failed(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buildErr = err
	return f.code != nil
}

// renew gives a function newer code. If an instance was ever ready, the new code
// serves once an instance of it is; else at once. It says whether the function
// had no code that was built.
func (f *function) renew(a build.Artifact, savedAt time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	recovered := f.code == nil || f.buildErr != nil
	f.buildErr = nil
	if f.stopped {
		return false
	}
	if f.code != nil && a == f.code.artifact {
		// Saved without a change, or changed back: whatever was on its way to
		// replace the code is out of date.
		if f.newest != f.code.number {
			f.newest++
			f.code.number = f.newest
		}
		return recovered
	}
	f.newest++
	code := &generation{number: f.newest, artifact: a, savedAt: savedAt}
	switch {
	case f.code == nil:
		f.code = code
		f.startIfRunning(code)
	case !f.code.served, f.Inspect != nil:
		// Code that never started is no code to go on with; and two processes cannot
		// be at one port for a debugger.
		f.code = code
		for i := range f.instances {
			f.remove(i)
			i.kill()
		}
		f.pump()
		f.startIfRunning(code)
	default:
		f.startIfRunning(code)
	}
	return recovered
}

// startIfRunning starts an instance unless Run has yet to begin, or one of the
// code is starting. The caller holds mu.
func (f *function) startIfRunning(code *generation) {
	select {
	case <-f.runtime.started:
	default:
		if f.code != code {
			f.code = code // Nothing serves yet, so nothing need go on serving.
		}
		return
	}
	for i := range f.instances {
		if i.code == code {
			return
		}
	}
	f.start(code)
}

// warm starts an instance if there is none. The channel is closed once it has
// started or failed to.
func (f *function) warm() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || f.code == nil || len(f.instances) > 0 {
		return nil
	}
	return f.start(f.code).up
}

// artifacts gives what a function's processes run or may run.
func (f *function) artifacts() []build.Artifact {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []build.Artifact
	if f.code != nil {
		all = append(all, f.code.artifact)
	}
	for i := range f.instances {
		all = append(all, i.code.artifact)
	}
	return all
}

// errorShape is the error that a runtime posts: Node.js has trace, Python
// stackTrace.
type errorShape struct {
	platformError
	Trace      []string        `json:"trace"`
	StackTrace json.RawMessage `json:"stackTrace"` // Go's is no list of strings.
}

// describe reads an error.
func describe(reply []byte) errorShape {
	var s errorShape
	json.Unmarshal(reply, &s) // What is not an error has no words.
	return s
}

var (
	// pythonPosition is how Python's runtime names the place of a syntax error,
	// and a traceback the place of a call.
	pythonPosition = regexp.MustCompile(`^\s*File "([^"]+)",? [Ll]ine (\d+)`)
	// nodePosition is how V8 names the place of a call.
	nodePosition = regexp.MustCompile(`^\s+at .*?(?:file://)?((?:[A-Za-z]:)?[/\\][^():]*):(\d+):(\d+)\)?$`)
)

// diagnostics gives the place where an init failed: the innermost call that is
// in the developer's own source.
func (s errorShape) diagnostics() []build.Diagnostic {
	message := s.ErrorType + ": " + s.ErrorMessage
	var calls []string
	if json.Unmarshal(s.StackTrace, &calls) == nil {
		for _, call := range slices.Backward(calls) {
			if m := pythonPosition.FindStringSubmatch(call); m != nil && own(m[1]) {
				line, _ := strconv.Atoi(m[2])
				return []build.Diagnostic{build.At(m[1], line, 0, message)}
			}
		}
	}
	for _, call := range s.Trace {
		if m := nodePosition.FindStringSubmatch(call); m != nil && own(m[1]) {
			line, _ := strconv.Atoi(m[2])
			column, _ := strconv.Atoi(m[3])
			return []build.Diagnostic{build.At(filepath.FromSlash(m[1]), line, column, message)}
		}
	}
	return nil
}

// own says whether a file is no package's.
func own(file string) bool {
	file = filepath.ToSlash(file)
	return !strings.Contains(file, "/node_modules/") && !strings.Contains(file, "/site-packages/")
}
