// Package lambda runs functions as AWS Lambda does, as plain child processes.
//
// It owns the Runtime API that a function's process speaks to ("Using the
// Lambda runtime API for custom runtimes"), with one loopback listener for each
// process; the processes, their environment and their end; the pool of warm
// instances of each function; and the rebuilding of a function whose source was
// saved. Anything that a process starts ends with it, and all of it ends with
// [Runtime.Run].
//
// It does not know what an event means, who may invoke a function, or what a
// role may do: rooms that invoke declare the one method of [Runtime] they need.
//
// Time here is the machine's own clock, with no hook to replace it: a deadline
// is compared by another process.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/build"
	"github.com/doorwright/doorwright/internal/userdata"
)

// Defaults of a [Function] and a [Config].
const (
	// DefaultTimeout is SST's. AWS's own is 3 s, which a first request that
	// opens connections easily exceeds.
	DefaultTimeout = 10 * time.Second
	// DefaultMemorySize is AWS's, in MB.
	DefaultMemorySize = 128
	// DefaultMaxConcurrency is AWS's limit for a new account.
	DefaultMaxConcurrency = 10
	// DefaultIdleTimeout is how long an instance waits before it is stopped.
	// AWS documents no figure.
	DefaultIdleTimeout = 5 * time.Minute
)

// Limits, as in "Lambda quotas".
const (
	maxTimeout     = 900 * time.Second
	maxConcurrency = 1000
	// maxPayload is the most that an event or an answer may have: "6 MB each
	// for request and response (synchronous)".
	maxPayload = 6 << 20
	// maxResponse is what the Runtime API accepts; AWS's own message about an
	// answer that is too large names this number.
	maxResponse = maxPayload + 100
	// initTimeout is "Init phase: ... limited to 10 seconds" (Understanding the
	// Lambda execution environment lifecycle).
	initTimeout = 10 * time.Second
	// maxEnvironment is "4 KB, for all environment variables".
	maxEnvironment = 4 << 10
)

// Function is one function.
type Function struct {
	// Name is the function's name on AWS: what Invoke is given, and
	// AWS_LAMBDA_FUNCTION_NAME. Letters, digits, hyphens and underscores, at
	// most 64.
	Name string
	// Handler names the source: a folder with a Go main package, or
	// path/file.export.
	Handler string
	// Timeout is how long one invocation may take; 0 means DefaultTimeout.
	Timeout time.Duration
	// MemorySize is in MB; 0 means DefaultMemorySize. The function is told of
	// it; it is not enforced.
	MemorySize int
	// Environment is the function's own.
	Environment map[string]string
	// Inspect has a debugger reach the function's process; nil is none.
	Inspect *Inspect
	// MaxConcurrency is how many invocations may run at once; beyond it they
	// are throttled. 0 means DefaultMaxConcurrency.
	MaxConcurrency int
}

// Credentials are temporary keys of a function's role.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	// Stale says that they will end soon: an instance that has them gets no more
	// events, and one with new keys takes its place. Nil is never.
	Stale func() bool
}

// Config says what a [Runtime] runs and how.
type Config struct {
	// Dir is the declaration's folder, absolute. Handlers are named from it, and
	// it is the working directory of their processes, as /var/task is on AWS:
	// a relative path in a handler means the same here and there.
	Dir string
	// Cache is an absolute path of a folder that no other process uses while
	// this one runs: builds, bootstraps, temporary folders.
	Cache string
	// Key knows what was built on this machine; without one nothing is used again.
	Key *userdata.Key
	// Region and AccountID appear in the functions' ARNs.
	Region, AccountID string
	// Functions are all there is.
	Functions []Function
	// Env is added to the environment of every function, such as
	// AWS_ENDPOINT_URL. A function's own Environment wins over it.
	Env map[string]string
	// Credentials gives a function's keys as an instance of it starts. Nil
	// means none. It must be safe for concurrent use.
	Credentials func(function string) (Credentials, error)
	// DeveloperEnv is the environment of compilers, and of nothing else. Nil
	// means os.Environ().
	DeveloperEnv []string
	// Log is given each log line. It is called from many goroutines and must
	// not block for long: the function waits. Nil drops the lines.
	Log func(Line)
	// Events is told of builds, reloads and their failures, likewise.
	Events func(Event)
	// IdleTimeout is how long an instance without work is kept; 0 means
	// DefaultIdleTimeout.
	IdleTimeout time.Duration
	// NoWatch leaves the source unwatched: nothing is reloaded.
	NoWatch bool
}

// Event is something that happened to functions' code.
type Event struct {
	Time time.Time
	Kind EventKind
	// Functions are those concerned.
	Functions []string
	// Text is one line for a terminal.
	Text string
	// Diagnostics says where the source is wrong.
	Diagnostics []build.Diagnostic
	// Elapsed is how long it took.
	Elapsed time.Duration
	// Err is the cause of a failure.
	Err error
}

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	Building    EventKind = "building"     // a group of functions begins to build
	Built       EventKind = "built"        // for the first time, or again after a failure
	BuildFailed EventKind = "build failed" // what was built before goes on serving
	Reloaded    EventKind = "reloaded"     // from here on the new code answers
	Inspecting  EventKind = "inspecting"   // a debugger can reach the function
	InitFailed  EventKind = "init failed"  // the new code did not start; the old goes on
	Warned      EventKind = "warned"       // the compiler, or the watcher, has something to say
)

// Runtime builds, runs and reloads functions.
type Runtime struct {
	config    Config
	builder   *build.Builder
	functions map[string]*function
	// names are the functions' names in the order of the Config.
	names []string
	// initTimeout is the constant of that name, but in tests.
	initTimeout time.Duration
	// code is what is known of the handlers' source.
	code *sources
	ran  atomic.Bool
	// started is closed once Run runs functions, stopped once it has stopped.
	started, stopped chan struct{}
	// host starts the processes; set by Run before started is closed.
	host *host
}

// functionName is AWS's pattern for a function's name.
var functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)

// variableName is AWS's pattern for the name of an environment variable.
var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// reserved are the environment variables that a function may not set ("Using
// Lambda environment variables", reserved environment variables).
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_MAX_CONCURRENCY", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// New makes a Runtime. It lists everything that is wrong with the Config, and
// starts nothing.
func New(c Config) (*Runtime, error) {
	if err := validate(c); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = func(Line) {}
	}
	if c.Events == nil {
		c.Events = func(Event) {}
	}
	if c.DeveloperEnv == nil {
		c.DeveloperEnv = os.Environ()
	}
	if c.AccountID == "" {
		c.AccountID = aws.AccountID
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	r := &Runtime{
		config: c, functions: map[string]*function{}, code: newSources(), initTimeout: initTimeout,
		started: make(chan struct{}), stopped: make(chan struct{}),
	}
	builder, err := build.New(build.Config{
		Dir: c.Dir, Cache: filepath.Join(c.Cache, "build"), Key: c.Key, Env: c.DeveloperEnv, Progress: r.progress,
		Symbols: slices.ContainsFunc(c.Functions, func(f Function) bool { return f.Inspect != nil }),
	})
	if err != nil {
		return nil, err
	}
	r.builder = builder
	for _, f := range c.Functions {
		if f.Timeout == 0 {
			f.Timeout = DefaultTimeout
		}
		if f.MemorySize == 0 {
			f.MemorySize = DefaultMemorySize
		}
		if f.MaxConcurrency == 0 {
			f.MaxConcurrency = DefaultMaxConcurrency
		}
		if f.Inspect != nil {
			f.Timeout, f.MaxConcurrency = InspectTimeout, 1
		}
		r.functions[f.Name] = newFunction(r, f)
		r.code.add(r.functions[f.Name])
		r.names = append(r.names, f.Name)
	}
	return r, nil
}

// validate gives all mistakes of a Config.
func validate(c Config) error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("lambda: "+format, args...))
	}
	if !filepath.IsAbs(c.Dir) {
		wrong("Dir %q is not an absolute path", c.Dir)
	}
	if !filepath.IsAbs(c.Cache) {
		wrong("Cache %q is not an absolute path", c.Cache)
	}
	if c.Region == "" {
		wrong("Region is missing")
	}
	if c.IdleTimeout < 0 {
		wrong("IdleTimeout %v is negative", c.IdleTimeout)
	}
	seen := map[string]bool{}
	for _, f := range c.Functions {
		if !functionName.MatchString(f.Name) {
			wrong("function name %q: want 1 to 64 letters, digits, hyphens and underscores", f.Name)
		}
		if seen[f.Name] {
			wrong("function %s is declared twice", f.Name)
		}
		seen[f.Name] = true
		if f.Handler == "" {
			wrong("function %s has no Handler", f.Name)
		}
		if f.Timeout < 0 || f.Timeout > maxTimeout || f.Timeout != 0 && f.Timeout < time.Second {
			wrong("function %s: Timeout %v is not between 1s and 900s", f.Name, f.Timeout)
		}
		if f.MemorySize != 0 && (f.MemorySize < 128 || f.MemorySize > 10240) {
			wrong("function %s: MemorySize %d is not between 128 and 10240 MB", f.Name, f.MemorySize)
		}
		if f.MaxConcurrency < 0 || f.MaxConcurrency > maxConcurrency {
			wrong("function %s: MaxConcurrency %d is not between 1 and %d", f.Name, f.MaxConcurrency, maxConcurrency)
		}
		size := 0
		for name, value := range f.Environment {
			size += len(name) + len(value)
			switch {
			case slices.Contains(reserved, name):
				wrong("function %s: the environment variable %s is reserved by Lambda", f.Name, name)
			case !variableName.MatchString(name):
				wrong("function %s: environment variable %q: Lambda wants a letter, then letters, digits and underscores", f.Name, name)
			case strings.ContainsRune(value, 0):
				wrong("function %s: the environment variable %s contains a NUL", f.Name, name)
			}
		}
		if size > maxEnvironment {
			wrong("function %s: its environment variables have %d bytes; Lambda allows 4 KB in all", f.Name, size)
		}
	}
	return errors.Join(errs...)
}

// Invoke runs a function with an event and gives its answer. It starts an
// instance if none is idle, up to the function's MaxConcurrency.
//
// functionError is "" or "Unhandled", as in Lambda's X-Amz-Function-Error: an
// exception, a timeout and a crash are answers too, and reply describes them.
// err is set only if there is no answer: an *[aws.Error] if the function is
// throttled or could not be built, or ctx's error.
//
// The invocation's request id is that of [aws.WithRequestID], if ctx has one.
//
// As on AWS, an invocation that has begun goes on when its caller has gone, to
// its end or its timeout; one that still waits for an instance does not begin.
func (r *Runtime) Invoke(ctx context.Context, name string, event []byte) (reply []byte, functionError string, err error) {
	f := r.functions[name]
	if f == nil {
		return nil, "", errNoFunction(name)
	}
	if len(event) > maxPayload {
		return nil, "", errEventTooLarge()
	}
	select {
	case <-r.started:
	default:
		select { // Run has yet to begin.
		case <-r.started:
		case <-r.stopped:
			return nil, "", errService(errStopped)
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	inv := newInvocation(aws.RequestIDFrom(ctx), event)
	if err := f.submit(inv); err != nil {
		return nil, "", err
	}
	select {
	case a := <-inv.answer:
		return a.reply, a.functionError, a.err
	case <-ctx.Done():
		f.abandon(inv)
		return nil, "", ctx.Err()
	}
}
