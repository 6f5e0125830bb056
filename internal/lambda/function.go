package lambda

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/build"
)

// settleGrace is how long an instance that has answered is expected to ask for
// its next event. A process asks within a fraction of a millisecond; one that
// does not is still at work, and an event that waits gets another instance.
const settleGrace = 20 * time.Millisecond

// function is a declared function: its code, its instances, and the
// invocations that wait for one.
type function struct {
	Function
	runtime *Runtime
	arn     string

	mu sync.Mutex
	// All that follows is guarded by mu.

	// code is what new invocations run, nil until a first build succeeded.
	code *generation
	// newest is the number of the last generation that was made.
	newest int
	// buildErr is why the last build failed, nil if it did not.
	buildErr error
	// instances are those that have not ended.
	instances map[*instance]bool
	// idle are those that wait for an event. The last to come is the first to
	// go, so that those not needed grow old.
	idle []*instance
	// queue holds the invocations that wait, oldest first.
	queue []*invocation
	// stopped is set as Run ends: nothing is started any more.
	stopped bool
}

// generation is one build of a function's code.
type generation struct {
	number   int
	artifact build.Artifact
	// savedAt is when the change was seen that it was built for.
	savedAt time.Time
	// served is set once an instance of it was ready. Guarded by function.mu.
	served bool
}

// invocation is one event on its way.
type invocation struct {
	id    string
	event []byte
	// answer receives once, and has room for it if the caller has gone.
	answer chan answer
	// begun and deadline are set as an instance takes the event; guarded by
	// function.mu until then, not changed after.
	begun, deadline time.Time
}

// answer is the end of an invocation.
type answer struct {
	reply         []byte
	functionError string
	// err is set if there is no answer.
	err error
	// status and errorType are what the REPORT line says of a failure.
	status, errorType string
}

func newInvocation(id string, event []byte) *invocation {
	return &invocation{id: id, event: event, answer: make(chan answer, 1)}
}

func newFunction(r *Runtime, f Function) *function {
	return &function{
		Function: f, runtime: r, instances: map[*instance]bool{},
		arn: aws.ARN{Service: "lambda", Region: r.config.Region, AccountID: r.config.AccountID, Resource: "function:" + f.Name}.String(),
	}
}

// submit gives an invocation to an idle instance, or has it wait for one that
// is expected, or starts one, or throttles it.
func (f *function) submit(inv *invocation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.stopped:
		return errService(errStopped)
	case f.code == nil && f.buildErr != nil:
		return errService(f.buildErr)
	case f.code == nil:
		return errService(errNotBuilt)
	}
	for len(f.idle) > 0 {
		i := f.idle[len(f.idle)-1]
		if i.stale() {
			f.remove(i)
			i.kill()
			continue
		}
		f.idle = f.idle[:len(f.idle)-1]
		f.assign(i, inv)
		return nil
	}
	if len(f.queue) < f.expected(settleGrace) {
		f.queue = append(f.queue, inv)
		// If what is expected does not come, pump finds another way.
		time.AfterFunc(settleGrace, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.pump()
		})
		return nil
	}
	if f.running() < f.MaxConcurrency {
		f.queue = append(f.queue, inv)
		f.start(f.code)
		return nil
	}
	if len(f.queue) < f.expected(f.Timeout) || f.Inspect != nil && len(f.queue) < maxInspectQueue {
		f.queue = append(f.queue, inv)
		return nil
	}
	return errThrottled()
}

// abandon drops an invocation that has not begun.
func (f *function) abandon(inv *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = slices.DeleteFunc(f.queue, func(q *invocation) bool { return q == inv })
}

// expected counts the instances that will soon ask for an event: those that
// start, and those that have answered no longer than grace ago. The caller holds
// mu.
func (f *function) expected(grace time.Duration) int {
	n := 0
	for i := range f.instances {
		if i.code == f.code && (i.state == starting || i.state == settling && time.Since(i.settledAt) < grace) {
			n++
		}
	}
	return n
}

// running counts the instances of the code that is served. Those of older code
// finish what they have begun beside them. The caller holds mu.
func (f *function) running() int {
	n := 0
	for i := range f.instances {
		if i.code == f.code {
			n++
		}
	}
	return n
}

// pump sees to it that every waiting invocation has an instance to expect, or
// throttles it. The caller holds mu.
func (f *function) pump() {
	for !f.stopped && len(f.queue) > f.expected(settleGrace) {
		if f.running() < f.MaxConcurrency {
			f.start(f.code)
			continue
		}
		// An instance that has answered is at work on no invocation, so it
		// throttles none, however long it takes to ask for the next.
		if len(f.queue) <= f.expected(f.Timeout) || f.Inspect != nil {
			return
		}
		last := len(f.queue) - 1
		inv := f.queue[last]
		f.queue = f.queue[:last]
		inv.answer <- answer{err: errThrottled()}
	}
}

// start starts an instance. The caller holds mu and has seen that f has not
// stopped.
func (f *function) start(code *generation) *instance {
	i := newInstance(f, code)
	f.instances[i] = true
	f.runtime.host.wg.Go(i.run)
	return i
}

// assign gives an event to an instance that waits for one. The caller holds mu.
func (f *function) assign(i *instance, inv *invocation) {
	inv.begun = time.Now()
	inv.deadline = inv.begun.Add(f.Timeout)
	i.timer = time.AfterFunc(f.Timeout, func() { f.timeout(i, inv) })
	i.state, i.current, i.last = busy, inv, inv
	i.work <- inv
}

// ready is an instance asking for an event. It says false if the instance may
// not ask or is not needed any more.
func (f *function) ready(i *instance) bool {
	var happened []Event
	defer func() { f.runtime.tell(happened...) }() // After the lock is released.
	f.mu.Lock()
	defer f.mu.Unlock()
	isNew := i.state == starting
	if isNew {
		i.initTook = time.Since(i.startedAt)
		i.initTimer.Stop()
		close(i.up)
		i.state, i.settledAt = settling, time.Now() // it is up, whatever becomes of it below
		i.code.served = true
	} else if i.state != settling {
		return false
	}
	if i.timer != nil {
		i.timer.Stop()
	}
	if i.code.number > f.code.number {
		happened = append(happened, f.promote(i.code))
	}
	// What has just started gets its event: keys that are stale from the first are
	// no reason to start for ever.
	if i.code != f.code || f.stopped || !isNew && i.stale() {
		f.remove(i)
		i.kill()
		f.pump()
		return false
	}
	if len(f.queue) > 0 {
		inv := f.queue[0]
		f.queue = f.queue[1:]
		f.assign(i, inv)
		return true
	}
	i.state, i.idleSince = idle, time.Now()
	f.idle = append(f.idle, i)
	return true
}

// promote makes newer code the one that is served. Instances of the older one
// end now if they are idle, or when they have answered. The caller holds mu.
func (f *function) promote(code *generation) Event {
	f.code = code
	for _, i := range slices.Clone(f.idle) {
		f.remove(i)
		i.kill()
	}
	f.pump()
	return Event{
		Kind: Reloaded, Functions: []string{f.Name}, Elapsed: time.Since(code.savedAt),
		Text: fmt.Sprintf("reloaded %s in %s", f.Name, round(time.Since(code.savedAt))),
	}
}

// gone is an instance whose request for an event broke off. A runtime does not
// do that; whatever it is in the middle of, it gets no event.
func (f *function) gone(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.remove(i) {
		i.kill()
		f.pump()
	}
}

// remove takes an instance out of the pool. It says false if that was done
// before. The caller holds mu.
func (f *function) remove(i *instance) bool {
	if i.state == ended {
		return false
	}
	if i.state == starting {
		close(i.up)
	}
	i.state = ended
	i.initTimer.Stop()
	if i.timer != nil {
		i.timer.Stop()
	}
	delete(f.instances, i)
	f.idle = slices.DeleteFunc(f.idle, func(o *instance) bool { return o == i })
	return true
}

// holds says whether an instance is at work on the invocation with an id.
func (f *function) holds(i *instance, id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return i.current != nil && i.current.id == id
}

// complete takes an invocation from an instance that has answered it. It gives
// nil if it is not the instance's any more.
func (f *function) complete(i *instance, id string) *invocation {
	f.mu.Lock()
	defer f.mu.Unlock()
	inv := i.current
	if inv == nil || inv.id != id {
		return nil
	}
	i.current = nil
	i.state, i.settledAt = settling, time.Now()
	return inv
}

// timeout ends an invocation that took too long, and its instance. On AWS an
// invocation lasts until the runtime asks for the next event, so an instance
// that has answered in time and not asked since is ended too.
func (f *function) timeout(i *instance, inv *invocation) {
	f.mu.Lock()
	if i.last != inv || i.current == nil && i.state != settling {
		f.mu.Unlock()
		return
	}
	f.runtime.host.wg.Add(1) // The instance counts until it is killed.
	defer f.runtime.host.wg.Done()
	answered := i.current == nil
	i.current = nil
	f.remove(i)
	i.kill()
	f.pump()
	f.mu.Unlock()
	if answered {
		return
	}
	i.drain()
	i.log.print(Platform, time.Now().UTC().Format("2006-01-02T15:04:05.000Z")+" "+inv.id+" "+timeoutText(f.Timeout))
	i.finish(inv, timeoutError(inv.id, f.Timeout))
}

// ended is the end of an instance's process: err is as os/exec gives it. What
// the instance was at work on, or was started for, is answered. A second call
// changes nothing.
func (f *function) ended(i *instance, err error) {
	f.mu.Lock()
	inv, wasStarting, stopped := i.current, i.state == starting, f.stopped
	expectedEnd := !f.remove(i)
	i.current = nil
	if wasStarting && !expectedEnd {
		f.mu.Unlock()
		f.initFailed(i, i.initError(err))
		return
	}
	f.pump()
	f.mu.Unlock()
	switch {
	case inv == nil:
	case stopped:
		inv.answer <- answer{err: errService(errStopped)}
	default:
		i.log.print(Platform, "RequestId: "+inv.id+" Error: "+exitText(err))
		i.finish(inv, exitError(inv.id, err))
	}
}

// initFailed is an instance that did not come to ask for an event. On AWS the
// invocation that it was started for is answered with the error of the init.
func (f *function) initFailed(i *instance, fail initError) {
	f.mu.Lock()
	stopped := f.stopped
	f.mu.Unlock()
	if stopped {
		return // we killed it, and nobody is waiting any more
	}
	i.log.print(Platform, "INIT_REPORT "+fail.text)
	var happened []Event
	defer func() { f.runtime.tell(happened...) }() // After the lock is released.
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	if i.code.number > f.code.number || i.code == f.code && !i.code.served {
		happened = append(happened, initFailedEvent(f, i, fail))
	}
	if i.code == f.code && len(f.queue) > 0 {
		inv := f.queue[0]
		f.queue = f.queue[1:]
		inv.answer <- fail.answer(inv.id)
	}
	f.pump()
}

// stop ends all instances and starts no more. Invocations that wait, and those
// that are cut short, get an error.
func (f *function) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	for _, inv := range f.queue {
		inv.answer <- answer{err: errService(errStopped)}
	}
	f.queue = nil
	for i := range f.instances {
		i.kill()
	}
}

// reap ends the instances that have been idle for too long.
func (f *function) reap(before time.Time) {
	if f.Inspect != nil {
		return // a debugger has its breakpoints in the process
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range slices.Clone(f.idle) {
		if i.idleSince.Before(before) {
			f.remove(i)
			i.kill()
		}
	}
}
