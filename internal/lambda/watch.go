package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/doorwright/doorwright/internal/build"
)

// An editor saves in several steps (truncate and write; write beside, rename),
// and a formatter follows it. A build begins when no further change was seen for
// quiet, or after patience if they do not end.
const (
	quiet    = 25 * time.Millisecond
	patience = 250 * time.Millisecond
)

// watch rebuilds what is saved, until ctx ends.
func (r *Runtime) watch(ctx context.Context) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		r.tell(Event{Kind: Warned, Text: "the source cannot be watched: nothing is reloaded", Err: fmt.Errorf("starting to watch: %w", err)})
		return
	}
	defer fs.Close()
	w := watcher{fs: fs}
	for {
		added, err := w.follow(r.code.dirs())
		if err != nil {
			r.tell(Event{Kind: Warned, Text: "part of the source cannot be watched", Err: err})
		}
		var handlers []string
		if added { // A file there may have been saved before it was watched.
			handlers = r.code.affected(build.Inputs.Changed)
		}
		savedAt := time.Now()
		if len(handlers) == 0 {
			if handlers, savedAt = w.next(ctx, r.code); handlers == nil {
				return
			}
		}
		if err := r.rebuild(ctx, handlers, savedAt); err != nil && ctx.Err() != nil {
			return
		}
	}
}

// watcher watches folders: a file that an editor replaces would be lost to a
// watch of its own.
type watcher struct{ fs *fsnotify.Watcher }

// follow watches exactly these folders, or where one does not exist the nearest
// that does. It says whether there are new ones among them.
func (w *watcher) follow(dirs []string) (added bool, err error) {
	want := map[string]bool{}
	for _, dir := range dirs {
		for {
			if fi, err := os.Stat(dir); err == nil && fi.IsDir() || dir == filepath.Dir(dir) {
				break
			}
			dir = filepath.Dir(dir)
		}
		want[dir] = true
	}
	// A folder that was removed and made again has lost its watch.
	current := map[string]bool{}
	for _, dir := range w.fs.WatchList() {
		current[dir] = true
	}
	var errs []error
	for dir := range want {
		if current[dir] {
			continue
		}
		if addErr := w.fs.Add(dir); addErr != nil {
			errs = append(errs, fmt.Errorf("watching %s: %w", dir, addErr))
			continue
		}
		added = true
	}
	for dir := range current {
		if !want[dir] {
			w.fs.Remove(dir) // It may be gone already.
		}
	}
	return added, errors.Join(errs...)
}

// next waits for changes and gives the handlers that they affect and when the
// first was seen. There are no handlers once ctx ends.
func (w *watcher) next(ctx context.Context, code *sources) ([]string, time.Time) {
	changed := map[string]bool{}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var first time.Time
	note := func(handlers []string) {
		for _, h := range handlers {
			changed[h] = true
		}
		if len(handlers) > 0 {
			if first.IsZero() {
				first = time.Now()
			}
			timer.Reset(min(quiet, patience-time.Since(first)))
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil, time.Time{}
		case e := <-w.fs.Events:
			note(code.affected(func(in build.Inputs) bool { return affects(e, in) }))
		case <-w.fs.Errors:
			// Events were lost: any file may have changed.
			note(code.handlers())
		case <-timer.C:
			var handlers []string
			for _, h := range code.handlers() {
				if changed[h] {
					handlers = append(handlers, h)
				}
			}
			return handlers, first
		}
	}
}

// affects says whether an event can change a build: a file that takes part in
// it, or a folder on the way to one that comes or goes.
func affects(e fsnotify.Event, in build.Inputs) bool {
	if e.Op == fsnotify.Chmod {
		return false // Indexers and backups do that.
	}
	if in.Match(e.Name) {
		return true
	}
	if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Remove) && !e.Has(fsnotify.Rename) {
		return false
	}
	prefix := e.Name + string(filepath.Separator)
	for _, dir := range in.Dirs() {
		if dir == e.Name || strings.HasPrefix(dir, prefix) {
			return true
		}
	}
	return false
}
