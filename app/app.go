// Package app is the declaration, doorwright.yaml: its types, how it is read, and what
// is wrong with it.
//
// Load reads the file of a directory and returns the App of one stage, or an ErrorList
// with every problem of every stage, each with its place, the line it is in and the
// fix. What the package understands and cannot enforce yet it refuses, so that nothing
// declared is ever silently left out.
//
// It owns the vocabulary, the YAML, references (${...}) and secrets, the stages, the
// lookup of function sources, and the JSON Schema. It does not know how any of it is
// run, and it opens nothing but the declaration, the .env files beside it and the
// directories its functions are in.
package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FileName is the name of a declaration.
const FileName = "doorwright.yaml"

// DefaultStage is the stage that is loaded when none is asked for.
const DefaultStage = "dev"

// ProtectedStage is the stage that is protected unless it says otherwise.
const ProtectedStage = "prod"

// CheckStage tells whether a stage can have a name: for who looks for what a stage
// has left, without its declaration.
func CheckStage(name string) error {
	if g := grammarOf("stage name"); !g.matches(name) {
		return fmt.Errorf("%q is not a stage name: %s", name, g.hint(name))
	}
	return nil
}

// maxStages bounds the stages of a file, each of which is checked whole.
const maxStages = 32

// Options say which App of a declaration is wanted.
type Options struct {
	// Stage is the stage to load; "" is DefaultStage. The file's stages: need not have
	// it: then the stage is the rest of the file as it stands.
	Stage string
	// Env looks up the variables that ${env:NAME} refers to, as os.LookupEnv does. Nil
	// is an empty environment: the process's own is never read behind the caller's
	// back.
	Env func(name string) (string, bool)
	// SecretsByReference leaves the values of secrets unread, which need not exist then:
	// for who only says where they will be. App.Secret has none.
	SecretsByReference bool
}

// Load reads dir's doorwright.yaml. The error is an ErrorList, and the App is nil with
// it.
func Load(dir string, opts Options) (*App, error) {
	if dir == "" {
		dir = "."
	}
	file := filepath.Join(dir, FileName)
	data, err := readBounded(file, maxSource)
	if err == nil {
		return Parse(file, data, opts)
	}
	if !errors.Is(err, fs.ErrNotExist) && !isFile(dir) {
		return nil, fileError(file, err, "", "reading the declaration: %s", cause(err))
	}
	return nil, fileError(file, err, missingHint(dir), "there is no declaration")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// missingHint says where a declaration is that was looked for in dir.
func missingHint(dir string) string {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no directory %s", dir)
	}
	if isFile(dir) {
		return fmt.Sprintf("give the directory, not the file: %s", filepath.Dir(dir))
	}
	for _, name := range []string{"doorwright.yml", "Doorwright.yaml", "doorwright.json", "doorwright.toml"} {
		if isFile(filepath.Join(dir, name)) {
			return fmt.Sprintf("there is a %s: rename it to %s", name, FileName)
		}
	}
	for up, i := filepath.Join(dir, ".."), 0; i < 8; up, i = filepath.Join(up, ".."), i+1 {
		if isFile(filepath.Join(up, FileName)) {
			return fmt.Sprintf("there is one in %s", up)
		}
	}
	return "create one, or give the directory that has it"
}

// Parse is Load for a declaration in memory. file is its path: it is in messages, and
// functions and .env files are looked for beside it.
func Parse(file string, data []byte, opts Options) (*App, error) {
	stage := opts.Stage
	if stage == "" {
		stage = DefaultStage
	}
	if g := grammarOf("stage name"); !g.matches(stage) {
		return nil, fileError(file, nil, g.hint(stage), "%q is not a stage name", stage)
	}
	if len(data) > maxSource {
		return nil, fileError(file, errTooLarge, "", "the file has %d bytes; a declaration has at most %d", len(data), maxSource)
	}
	src, p := newSource(file, data)
	if err := p.err(); err != nil {
		return nil, err
	}
	root := readYAML(src, p)
	switch {
	case root.kind == unknown:
		return nil, p.err()
	case root.kind == null && strings.TrimSpace(root.text) == "":
		return nil, fileError(file, nil, "start with name: and apis:", "the file is empty")
	case root.kind != dict:
		p.add(root.span, "start with name: and apis:", "a declaration must be a mapping, not %s", root.kind)
		return nil, p.err()
	}
	return newLoader(src, p, root, opts).load(stage)
}

// A loader makes the App of each stage of a file.
type loader struct {
	src      *source
	p        *problems
	base     *node
	stages   []entry
	ends     []span // where each of stages ends
	handlers *handlers
	env      func(string) (string, bool)
	noSecret bool // Options.SecretsByReference
	dir      string
}

func newLoader(src *source, p *problems, root *node, opts Options) *loader {
	l := &loader{src: src, p: p, base: root, env: opts.Env, noSecret: opts.SecretsByReference, dir: filepath.Dir(src.file)}
	if l.env == nil {
		l.env = func(string) (string, bool) { return "", false }
	}
	l.handlers = newHandlers(l.dir)
	for i, e := range root.entries {
		if e.key.text == "stages" {
			end := span{line: len(src.lines) + 1}
			if i+1 < len(root.entries) {
				end = root.entries[i+1].key.span
			}
			l.base = root.without("stages")
			l.readStages(e, end)
		}
	}
	return l
}

// readStages checks the form of stages: and keeps the stages that can be merged.
func (l *loader) readStages(stages entry, end span) {
	n := stages.value
	if n.kind != dict {
		if n.kind != unknown {
			l.p.add(stages.key.span, "write stages: {prod: {...}}", "stages must be a mapping, not %s", n.kind)
		}
		return
	}
	g := grammarOf("stage name")
	for i, e := range n.entries {
		name := e.key.text
		switch {
		case i >= maxStages:
			l.p.add(e.key.span, "", "a declaration can have at most %d stages, not %d", maxStages, len(n.entries))
			return
		case !g.matches(name):
			l.p.add(e.key.span, g.hint(name), "%q is not a stage name", name)
			continue
		case e.value.kind == unknown:
			continue
		case e.value.kind != dict:
			l.p.add(e.key.span, "write {} for a stage without overrides", "the stage %s must be a mapping, not %s", name, e.value.kind)
			continue
		}
		// What an app is called may not depend on the stage: the stack is STAGE-NAME.
		for _, key := range []string{"stages", "name"} {
			if inner, ok := e.value.get(key); ok {
				l.p.add(inner.key.span, "delete it", "a stage cannot override %s", key)
				e.value = e.value.without(key)
			}
		}
		next := end
		if i+1 < len(n.entries) {
			next = n.entries[i+1].key.span
		}
		l.stages, l.ends = append(l.stages, e), append(l.ends, next)
	}
}

// load returns the App of stage, after every stage was checked.
func (l *loader) load(stage string) (*App, error) {
	over := &node{kind: dict}
	for _, s := range l.stages {
		if s.key.text == stage {
			over = s.value
		}
	}
	app := l.app(stage, over, l.p, true)
	for i, s := range l.stages {
		if s.key.text != stage {
			l.other(s, l.ends[i])
		}
		app.state.stages = append(app.state.stages, s.key.text)
	}
	if err := l.p.err(); err != nil {
		return nil, err
	}
	return app, nil
}

// StageNames gives the stages that the declaration names; any other may be started, too.
func (a *App) StageNames() []string { return slices.Clone(a.state.stages) }

// other checks a stage that was not asked for. What is wrong outside its own lines
// carries its name: the place alone would not tell.
func (l *loader) other(s entry, end span) {
	p := newProblems(l.src)
	l.app(s.key.text, s.value, p, false)
	for _, e := range p.list {
		at := span{line: e.Line, column: e.Column}
		key := e.Pos.String() + "\x00" + e.Message
		if !l.p.seen[key] && (at.before(s.key.span) || !at.before(end)) {
			e.Message = fmt.Sprintf("%s (in the stage %s)", e.Message, s.key.text)
		}
		l.p.put(e)
	}
}

// app reads one stage. Only the chosen stage's environment and secrets are looked up:
// those of others need not exist here.
func (l *loader) app(stage string, over *node, p *problems, chosen bool) *App {
	w := newWalker(p)
	a := &App{Stage: stage, Dir: l.dir, File: l.src.file}
	w.root(merge(l.base, over), a)
	if a.Protected == nil {
		a.Protected = new(stage == ProtectedStage)
	}
	c := &checker{walker: w, app: a, handlers: l.handlers, known: map[RefKind]map[string]string{RefStage: {"": stage}}}
	if chosen {
		c.bind(l.env)
		if !l.noSecret {
			c.bindSecrets()
		}
	}
	c.check()
	a.state = state{
		places: w.places, src: l.src, known: c.known, secrets: c.secrets,
	}
	if len(p.list) == 0 {
		a.state.resolve(a, l.handlers)
	}
	return a
}
