package lambda

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/build"
)

// state is where an instance is in its life.
type state int

const (
	starting state = iota // until the process first asks for an event
	idle                  // it waits for one
	busy                  // it is at work on one
	settling              // it has answered and not yet asked for the next
	ended                 // it takes no more; its process is ending
)

// instance is one process of a function with its own Runtime API.
type instance struct {
	f    *function
	code *generation
	// stream is the instance's log stream, which also tells instances apart.
	stream string
	// secret is what the Runtime API knows the instance's process by.
	secret    string
	startedAt time.Time
	log       *logger
	// work passes the event from assign to the request that waits for it. It
	// has room for one, and assign is only called for an instance that waits.
	work chan *invocation
	// up is closed once the process has asked for an event, or will not.
	up chan struct{}
	// over is closed as the process is killed: requests that wait end.
	over chan struct{}

	// Guarded by function.mu.
	state   state
	current *invocation
	// last is the invocation that timer is for: current, until it is answered
	// and for as long as the process does not ask for the next.
	last      *invocation
	timer     *time.Timer
	initTook  time.Duration
	settledAt time.Time
	idleSince time.Time
	initTimer *time.Timer
	// keysStale is Credentials.Stale of the process's keys, or nil.
	keysStale func() bool

	// reported is set once a REPORT line has told of the init, and memory is
	// what was measured last. They belong to whoever finishes an invocation,
	// which one at a time does.
	reported   bool
	memory     int
	measuredAt time.Time

	mu sync.Mutex
	// Guarded by mu.

	// process is set while the process runs.
	process *process
	// killed is set by kill, which may come before the process does.
	killed bool
	// initFailure is what the process posted to init/error.
	initFailure *answer
	// timedOut is set if the init took too long.
	timedOut bool

	// stdout and stderr are set before the process starts.
	stdout, stderr *output
}

func newInstance(f *function, code *generation) *instance {
	var id [16]byte
	rand.Read(id[:])
	now, secret := time.Now(), rand.Text()
	i := &instance{
		f: f, code: code, startedAt: now, secret: secret,
		stream: now.UTC().Format("2006/01/02/") + "[$LATEST]" + hex.EncodeToString(id[:]),
		log:    &logger{function: f.Name, secret: secret, sink: f.runtime.config.Log},
		work:   make(chan *invocation, 1), up: make(chan struct{}), over: make(chan struct{}),
	}
	limit := f.runtime.initTimeout
	if f.Inspect != nil {
		limit = InspectTimeout
	}
	i.initTimer = time.AfterFunc(limit, func() {
		i.mu.Lock()
		i.timedOut = true
		i.mu.Unlock()
		i.kill()
	})
	return i
}

// hold notes the keys that the process is about to get.
func (i *instance) hold(keys Credentials) {
	i.f.mu.Lock()
	defer i.f.mu.Unlock()
	i.keysStale = keys.Stale
}

// stale says that the process's keys will end soon. The caller holds f.mu.
func (i *instance) stale() bool { return i.keysStale != nil && i.keysStale() }

// run starts the process and stays until it and all that it started have ended
// and nothing of it is left.
func (i *instance) run() {
	err := i.live()
	i.kill()
	i.f.ended(i, err) // If the process never started.
}

// live is run without its end. It gives how the process ended, as os/exec does,
// or why it did not start.
func (i *instance) live() error {
	tmp, err := os.MkdirTemp(i.f.runtime.host.tmp, "instance-")
	if err != nil {
		return fmt.Errorf("creating the instance's temporary folder: %w", err)
	}
	defer removeAll(tmp)
	if i.stdout, err = newOutput(i.log, Stdout); err != nil {
		return err
	}
	defer i.stdout.close()
	if i.stderr, err = newOutput(i.log, Stderr); err != nil {
		return err
	}
	defer i.stderr.close()
	api, err := listen(i)
	if err != nil {
		return err
	}
	defer api.close()
	cmd, err := i.command()
	if err != nil {
		return err
	}
	if cmd.Env, err = i.environment(api.address(), tmp); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = i.stdout.child, i.stderr.child

	p, err := i.f.runtime.host.start(cmd, api.address())
	if err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	if i.f.Inspect != nil {
		i.f.runtime.tell(i.inspecting(cmd))
	}
	i.stdout.child.Close()
	i.stderr.child.Close()
	var readers sync.WaitGroup
	readers.Go(i.stdout.read)
	readers.Go(i.stderr.read)
	i.mu.Lock()
	i.process = p
	killed := i.killed
	i.mu.Unlock()
	if killed {
		p.kill()
	}
	err = p.wait()
	i.mu.Lock()
	i.process = nil
	i.mu.Unlock()
	// All that could write has ended, unless the system does not let us see a
	// process that detached itself. It is not waited for.
	i.stdout.end()
	i.stderr.end()
	readers.Wait()
	i.kill() // Requests that wait end.
	i.f.ended(i, err)
	return err
}

// command is what runs the code.
func (i *instance) command() (*exec.Cmd, error) {
	a := i.code.artifact
	if i.f.Inspect != nil {
		return i.inspected()
	}
	var cmd *exec.Cmd
	switch boot := i.f.runtime.host.boot; a.Runtime {
	case build.Node:
		cmd = exec.Command(a.Tool, "--enable-source-maps", boot.node, a.Path, a.Export, a.Module)
	case build.Python:
		cmd = exec.Command(a.Tool, boot.python, a.Module, a.Export)
	default:
		cmd = exec.Command(a.Path)
	}
	cmd.Dir = a.Root
	return cmd, nil
}

// kill ends the process and all that it started, without waiting for the end.
// An instance that is idle, or was answered for, is not asked first: AWS sends
// a function without extensions no signal either.
func (i *instance) kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.killed {
		i.killed = true
		close(i.over)
	}
	if i.process != nil {
		i.process.kill()
	}
}

// drain writes out what the process has printed so far, so that it stands
// before the lines that end the invocation.
func (i *instance) drain() {
	i.stdout.drain()
	i.stderr.drain()
}

// finish writes the lines that end an invocation and gives its caller the
// answer.
func (i *instance) finish(inv *invocation, a answer) {
	took := time.Since(inv.begun)
	var init time.Duration
	if !i.reported {
		i.reported, init = true, i.initTook
	}
	i.measure()
	i.log.print(End, "END RequestId: "+inv.id)
	i.log.print(Report, reportText(inv.id, took, init, i.f.MemorySize, i.memory, a.status, a.errorType))
	i.log.request.Store(nil)
	inv.answer <- a
}

// measure asks the system for the most memory that the process has used, at
// most once a second: it costs a tenth of an invocation.
func (i *instance) measure() {
	if now := time.Now(); now.Sub(i.measuredAt) > time.Second {
		i.measuredAt = now
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.process != nil {
			i.memory = max(i.memory, i.process.peakMemory())
		}
	}
}

// initError is an init that failed.
type initError struct {
	// text says so in the log.
	text string
	// err is the cause.
	err error
	// after is how long it was waited for, if it took too long.
	after time.Duration
	// reported is what the process posted, if it did.
	reported *answer
}

// answer is what the invocation gets that the instance was started for.
func (e initError) answer(id string) answer {
	if e.reported != nil {
		return e.reported.withRequestID(id)
	}
	kind := typeExit
	if _, started := e.err.(*exec.ExitError); e.err != nil && !started {
		kind = typeEntrypoint
	}
	if e.err == errInitTimeout {
		return timeoutError(id, e.after)
	}
	return platformError{kind, "RequestId: " + id + " Error: " + exitText(e.err)}.answer()
}

// initError says why the process ended before it asked for an event.
func (i *instance) initError(err error) initError {
	i.mu.Lock()
	defer i.mu.Unlock()
	ms := fmt.Sprintf("Init Duration: %.2f ms\tPhase: init\tStatus: ", milliseconds(time.Since(i.startedAt)))
	switch {
	case i.initFailure != nil:
		return initError{text: ms + "error\tError Type: " + i.initFailure.errorType, err: err, reported: i.initFailure}
	case i.timedOut:
		return initError{text: ms + "timeout", err: errInitTimeout, after: i.f.runtime.initTimeout}
	}
	return initError{text: ms + "error\tError Type: " + typeExit + "\t" + exitText(err), err: err}
}

// removeAll removes an instance's temporary folder. Windows may still hold a
// file of a process that has just ended.
func removeAll(dir string) {
	for range 5 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
