package build

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Inputs are the files that decide a build's outcome. The zero value has none.
type Inputs struct {
	// files are absolute paths of files that were read or that were missed.
	files map[string]bool
	// dirs are folders in which a new file takes part if its name ends so; ""
	// stands for any name.
	dirs map[string][]string
	// wanted are paths that an import asked for and that do not exist: what
	// begins so may mend it.
	wanted map[string]bool
	// stamps are the files' as the build ended.
	stamps map[string]stamp
}

// addFile adds a file.
func (in *Inputs) addFile(path string) {
	if in.files == nil {
		in.files = map[string]bool{}
	}
	in.files[filepath.Clean(path)] = true
}

// folders, in place of a suffix, stands for names that a folder may have.
const folders = "/"

// addDir adds a folder whose files with one of the suffixes take part.
func (in *Inputs) addDir(path string, suffixes ...string) {
	if in.dirs == nil {
		in.dirs = map[string][]string{}
	}
	path = filepath.Clean(path)
	for _, s := range suffixes {
		if !slices.Contains(in.dirs[path], s) {
			in.dirs[path] = append(in.dirs[path], s)
		}
	}
}

// addWanted adds a path that should exist, perhaps with an extension.
func (in *Inputs) addWanted(path string) {
	if in.wanted == nil {
		in.wanted = map[string]bool{}
	}
	in.wanted[filepath.Clean(path)] = true
}

// Merge gives what either decides.
func (in Inputs) Merge(other Inputs) Inputs {
	var out Inputs
	for _, from := range []Inputs{in, other} {
		for f := range from.files {
			out.addFile(f)
		}
		for d, suffixes := range from.dirs {
			out.addDir(d, suffixes...)
		}
		for w := range from.wanted {
			out.addWanted(w)
		}
	}
	if in.stamps == nil && other.stamps == nil {
		return out // Not stamped yet, which is not the same as stamped without a file.
	}
	out.stamps = map[string]stamp{}
	maps.Copy(out.stamps, in.stamps)
	maps.Copy(out.stamps, other.stamps)
	return out
}

// Dirs gives the folders in which a change can matter, sorted: the ones to
// watch. Some may not exist.
func (in Inputs) Dirs() []string {
	set := map[string]bool{}
	for f := range in.files {
		set[filepath.Dir(f)] = true
	}
	for d := range in.dirs {
		set[d] = true
	}
	for w := range in.wanted {
		set[filepath.Dir(w)] = true
		set[w] = true // It may come to be a folder, and what matters lie within.
	}
	return slices.Sorted(maps.Keys(set))
}

// Files gives the files, sorted.
func (in Inputs) Files() []string { return slices.Sorted(maps.Keys(in.files)) }

// stamp is what tells one version of a file from another without reading it.
type stamp struct {
	size  int64
	mtime time.Time
}

// current gives the stamps of the files that take part now.
func (in Inputs) current() map[string]stamp {
	stamps := map[string]stamp{}
	for f := range in.files {
		if fi, err := os.Stat(f); err == nil && fi.Mode().IsRegular() {
			stamps[f] = stamp{fi.Size(), fi.ModTime()}
		}
	}
	for _, dir := range in.Dirs() {
		if in.dirs[dir] == nil && len(in.wanted) == 0 {
			continue // Only the files named above matter there.
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // It does not exist, or not any more.
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if !in.Match(path) {
				continue
			}
			if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() {
				stamps[path] = stamp{fi.Size(), fi.ModTime()}
			}
		}
	}
	return stamps
}

// Changed says whether a file that takes part has changed since the build, or
// come or gone: for the time before anyone watches.
func (in Inputs) Changed() bool { return !maps.Equal(in.stamps, in.current()) }

// Match says whether a change of the named file can change the outcome.
func (in Inputs) Match(path string) bool {
	path = filepath.Clean(path)
	if in.files[path] {
		return true
	}
	base := filepath.Base(path)
	for _, suffix := range in.dirs[filepath.Dir(path)] {
		if suffix == folders && filepath.Ext(base) == "" {
			return true
		}
		if strings.HasSuffix(base, suffix) && !strings.HasSuffix(base, "_test.go") && !editorFile(base) {
			return true
		}
	}
	for w := range in.wanted {
		if strings.HasPrefix(path, w) && !editorFile(base) {
			return true
		}
	}
	return false
}

// editorFile says whether an editor keeps such a file beside the one that it
// edits: Emacs' locks (.#a.go), swap files, backups.
func editorFile(base string) bool {
	return strings.HasPrefix(base, ".#") || strings.HasPrefix(base, "#") || strings.HasSuffix(base, "~") ||
		strings.HasSuffix(base, ".swp") || strings.HasSuffix(base, ".tmp")
}
