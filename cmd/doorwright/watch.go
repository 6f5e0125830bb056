package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/doorwright/doorwright/app"
)

// settle is how long a file must be left alone before it is read: editors
// write a file in several steps.
const settle = 100 * time.Millisecond

// watchDeclaration calls changed each time that the declaration in dir, or a
// file of secrets beside it, was saved. It returns when ctx ends.
func watchDeclaration(ctx context.Context, dir string, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	defer watcher.Close()
	// The folder, not the file: editors replace files by renaming.
	if err := watcher.Add(dir); err != nil {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	timer := time.NewTimer(0)
	<-timer.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-watcher.Events:
			name := filepath.Base(e.Name)
			if e.Op != fsnotify.Chmod && (name == app.FileName || name == ".env" || strings.HasPrefix(name, ".env.")) {
				timer.Reset(settle)
			}
		case err := <-watcher.Errors:
			return fmt.Errorf("watching %s: %w", dir, err)
		case <-timer.C:
			changed()
		}
	}
}
