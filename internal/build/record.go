package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/userdata"
)

// A record says what a result was made from: kept beside the artifacts, it lets
// the next process use one without calling the Go tool, which takes a quarter of
// a second to find that it has nothing to do.
//
// A record is believed only if everything in it is seen again, by contents; in
// any doubt the handler is built. So there is none of a build that something
// decided which no probe sees (see doubtful), or during which a file changed.
//
// And it is believed only with the seal of the user's key: else it was not made here,
// and says what whoever wrote it would like to be run.
type record struct {
	// Settings are the flags and the environment that decided, as one hash.
	Settings string        `json:"settings"`
	Seen     []observation `json:"seen"`
	Inputs   savedInputs   `json:"inputs"`
	// Hash and Name are the artifact's, whose contents must still have the hash.
	Hash string `json:"hash"`
	Name string `json:"name"`
}

// recordForm is raised when what a record means, or how a handler is built,
// changes: older records are then not found.
const recordForm = "2"

// maxRecord bounds a record's file.
const maxRecord = 8 << 20

// savedInputs is Inputs in a form that can be kept.
type savedInputs struct {
	Files []string            `json:"files"`
	Dirs  map[string][]string `json:"dirs"`
}

func (in Inputs) save() savedInputs { return savedInputs{in.Files(), in.dirs} }

func (s savedInputs) inputs() Inputs {
	var in Inputs
	for _, f := range s.Files {
		in.addFile(f)
	}
	for d, suffixes := range s.Dirs {
		in.addDir(d, suffixes...)
	}
	return in
}

// probes gives where a record looked.
func (r *record) probes() []probe {
	probes := make([]probe, len(r.Seen))
	for i, o := range r.Seen {
		probes[i] = o.probe
	}
	return probes
}

// holds says whether all that decided a record is as it was.
func (r *record) holds(ctx context.Context, s *sight, settings string) bool {
	if r.Settings != settings {
		return false
	}
	seen, ok := s.at(ctx, r.probes())
	return ok && slices.Equal(seen, r.Seen)
}

// records keeps records in files named by the handler's folder and the
// artifact.
type records struct {
	dir string
	key *userdata.Key
}

// prefix begins the names of a handler's records.
func (records) prefix(dir string) string {
	sum := sha256.Sum256([]byte(recordForm + "\x00" + dir))
	return hex.EncodeToString(sum[:12])
}

// of gives the records of a handler's folder. There may be more than one: those
// of the code before the last save live as long as its artifact does.
func (rs records) of(dir string) []*record {
	names, _ := filepath.Glob(filepath.Join(escapeGlob(rs.dir), rs.prefix(dir)+"-*"))
	var list []*record
	for _, name := range names {
		if r := rs.read(name); r != nil {
			list = append(list, r)
		}
	}
	return list
}

// read reads a record that was made here and is whole: it begins with its seal, which
// is for the file's name too. It gives nil for any other file.
func (rs records) read(path string) *record {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil || len(data) > maxRecord {
		return nil
	}
	seal, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || !rs.key.Made(sealed(filepath.Base(path)), body, string(seal)) {
		return nil
	}
	r := new(record)
	if json.Unmarshal(body, r) != nil || r.Name != filepath.Base(r.Name) || len(r.Seen) == 0 {
		return nil
	}
	return r
}

// sealed is what a record's seal is for.
func sealed(name string) string { return "build record " + name }

// keep writes a record. One that cannot be written is a slower start, no more.
func (rs records) keep(dir string, r *record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keeping what decided a build: %w", err)
	}
	name := rs.prefix(dir) + "-" + r.Hash
	seal := rs.key.Seal(sealed(name), body)
	if err := os.MkdirAll(rs.dir, 0o700); err != nil {
		return fmt.Errorf("keeping what decided a build: %w", err)
	}
	tmp, err := os.CreateTemp(rs.dir, "new-*")
	if err != nil {
		return fmt.Errorf("keeping what decided a build: %w", err)
	}
	defer os.Remove(tmp.Name()) // Nothing is left there once it is renamed.
	_, err = tmp.WriteString(seal + "\n" + string(body))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(rs.dir, name))
	}
	if err != nil {
		return fmt.Errorf("keeping what decided a build: %w", err)
	}
	return nil
}

// prune removes the records of artifacts that are not in use.
func (rs records) prune(inUse []Artifact) {
	known := map[string]bool{}
	for _, a := range inUse {
		known[a.Hash] = true
	}
	entries, err := os.ReadDir(rs.dir)
	if err != nil {
		return // There are none yet.
	}
	for _, e := range entries {
		if _, hash, _ := strings.Cut(e.Name(), "-"); !known[hash] {
			os.Remove(filepath.Join(rs.dir, e.Name()))
		}
	}
}

// goMemory is what a Builder remembers of a handler's folder between builds.
type goMemory struct {
	// probes are where to look before the next build, nil if there was a doubt
	// that no probe would settle.
	probes []probe
}

// recall gives the artifact of an earlier build of a handler, if a new one
// would be the same.
func (b *Builder) recall(ctx context.Context, s source, now *sight, settings string) (Artifact, Inputs, bool) {
	if settings == "" {
		return Artifact{}, Inputs{}, false
	}
	for _, r := range b.records.of(s.path) {
		inputs := r.Inputs.inputs()
		inputs.stamps = inputs.current() // first: what is saved from here on is seen later
		if !r.holds(ctx, now, settings) {
			continue
		}
		if path, ok := b.store.has(r.Hash, r.Name); ok {
			b.remembered[s.path] = goMemory{probes: r.probes()}
			return Artifact{Runtime: Go, Root: s.root, Path: path, Hash: r.Hash}, inputs, true
		}
	}
	return Artifact{}, Inputs{}, false
}

// remember keeps what decided a build: what was seen before it began, if that
// is everything that is now known to decide, and is still so.
func (b *Builder) remember(ctx context.Context, s source, built goPackage, r Result, before *sight, settings string) {
	b.remembered[s.path] = goMemory{probes: built.probes}
	if r.Err != nil || settings == "" || built.probes == nil {
		return
	}
	seen, ok := newSight().at(ctx, built.probes)
	if !ok || !before.saw(seen) {
		return
	}
	// A failure to write it costs a build at the next start, and that will tell.
	_ = b.records.keep(s.path, &record{
		Settings: settings, Seen: seen, Inputs: r.Inputs.save(),
		Hash: r.Artifact.Hash, Name: filepath.Base(r.Artifact.Path),
	})
}

// saw says whether the same was seen before.
func (s *sight) saw(observations []observation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(observations, func(o observation) bool { return s.seen[o.probe] != o.Sum })
}

// sortedProbes gives a set in order.
func sortedProbes(set map[probe]bool) []probe {
	return slices.SortedFunc(maps.Keys(set), func(a, b probe) int {
		return strings.Compare(string(a.Look)+"\x00"+a.Path+"\x00"+a.Pattern, string(b.Look)+"\x00"+b.Path+"\x00"+b.Pattern)
	})
}
