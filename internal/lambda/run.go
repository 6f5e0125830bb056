package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/build"
)

// maxWarm bounds how many functions have an instance started before they are
// asked for one: an interpreter takes some 40 MB.
const maxWarm = 16

// Build builds all functions for the first time, and tells Events of it.
//
// Its error joins an *[build.Error] for each handler that could not be built.
// It need not be the end: such a function answers Invoke with a
// ServiceException until a saved change mends it.
func (r *Runtime) Build(ctx context.Context) error {
	return r.rebuild(ctx, r.code.handlers(), time.Now())
}

// Run serves invocations of what Build has built, watches the source and
// reloads, until ctx ends. It returns when every process, goroutine, listener and temporary folder that
// belonged to a function is gone. It runs once.
func (r *Runtime) Run(ctx context.Context) error {
	if !r.ran.CompareAndSwap(false, true) {
		return errors.New("lambda: Run was called twice")
	}
	defer close(r.stopped)
	h, err := newHost(r.config.Cache)
	if err != nil {
		return fmt.Errorf("preparing to run functions: %w", err)
	}
	var spawner sync.WaitGroup
	spawner.Go(h.spawner)
	r.host = h
	close(r.started)

	h.wg.Go(func() { r.warm(ctx) })
	h.wg.Go(func() { r.reap(ctx) })
	if !r.config.NoWatch {
		h.wg.Go(func() { r.watch(ctx) })
	}
	<-ctx.Done()
	for _, name := range r.names {
		r.functions[name].stop()
	}
	h.wg.Wait()
	close(h.spawn)
	spawner.Wait()
	if err := os.RemoveAll(h.tmp); err != nil {
		return fmt.Errorf("removing temporary folders: %w", err)
	}
	return nil
}

// warm starts an instance of each function, a few at a time, so that a first
// request does not wait for it.
func (r *Runtime) warm(ctx context.Context) {
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, name := range r.names[:min(len(r.names), maxWarm)] {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		up := r.functions[name].warm()
		if up == nil {
			<-slots
			continue
		}
		r.host.wg.Go(func() {
			<-up
			<-slots
		})
	}
}

// reap ends instances that have been idle for too long.
func (r *Runtime) reap(ctx context.Context) {
	tick := time.NewTicker(max(r.config.IdleTimeout/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, name := range r.names {
				r.functions[name].reap(now.Add(-r.config.IdleTimeout))
			}
		}
	}
}

// tell gives events to the listener.
func (r *Runtime) tell(events ...Event) {
	for _, e := range events {
		e.Time = time.Now()
		r.config.Events(e)
	}
}

// progress tells of a group of handlers that begins to build.
func (r *Runtime) progress(s build.Step) {
	var names []string
	for _, h := range s.Handlers {
		names = append(names, r.code.functionsOf(h)...)
	}
	kind := map[build.Runtime]string{build.Go: "Go", build.Node: "JavaScript", build.Python: "Python"}[s.Runtime]
	text := fmt.Sprintf("building %d %s %s", len(names), kind, plural(len(names), "function"))
	if s.First && s.Runtime == build.Go {
		text += " (the first build may take a minute)"
	}
	r.tell(Event{Kind: Building, Functions: names, Text: text})
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// round makes a duration fit to read.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// initFailedEvent tells of code that did not start.
func initFailedEvent(f *function, i *instance, fail initError) Event {
	text := f.Name + " did not start"
	if i.code != f.code {
		text += "; the code before it goes on serving"
	}
	a := fail.answer("")
	shape := describe(a.reply)
	if shape.ErrorMessage != "" {
		text += ": " + shape.ErrorMessage
	}
	return Event{
		Kind: InitFailed, Functions: []string{f.Name}, Text: text,
		Diagnostics: shape.diagnostics(), Elapsed: time.Since(i.startedAt),
		Err: fmt.Errorf("starting %s: %s: %s", f.Name, a.errorType, shape.ErrorMessage),
	}
}

// buildFailedEvent tells of a handler that could not be built.
func buildFailedEvent(handler string, names []string, serving bool, r build.Result) Event {
	e := Event{Kind: BuildFailed, Functions: names, Elapsed: r.Elapsed, Err: r.Err, Text: "building " + handler + " failed"}
	var failure *build.Error
	if errors.As(r.Err, &failure) {
		e.Diagnostics = failure.Diagnostics
	}
	if serving {
		e.Text += "; the code before it goes on serving"
	}
	return e
}

// builtEvent tells of handlers that were built.
func builtEvent(names []string, took time.Duration) Event {
	return Event{
		Kind: Built, Functions: names, Elapsed: took,
		Text: fmt.Sprintf("built %s in %s", strings.Join(names, ", "), round(took)),
	}
}
