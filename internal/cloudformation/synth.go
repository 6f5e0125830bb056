package cloudformation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/build"
)

// Options say what Synth needs beside the declaration.
type Options struct {
	// Build packages handlers, each of which is named once, for Linux on the
	// Architecture: a [build.Package] for each, in their order.
	Build func(handlers []string) ([]build.Package, error)
	// Architecture is that of the functions: arm64, or x86_64. "" is arm64.
	Architecture build.Architecture
}

// An Artifact is a file that has to be in the artifacts bucket before the stack is
// made.
type Artifact struct {
	// Key is its key, made of its content: what is there already need not be sent.
	Key string
	// Path is the file, and Size its length.
	Path string
	Size int64
}

// ArtifactsBucket is the template's parameter for the name of the bucket with the
// artifacts, which depends on the account.
const ArtifactsBucket = "ArtifactsBucket"

// Synth compiles a stage. It needs no credentials and opens no connection. What cannot
// run on AWS is refused: the error is an app.ErrorList with the place, the line and the
// fix of each, and then there is neither template nor artifacts.
//
// The app may have been loaded with its secrets by reference: their values are not
// asked for, and the template has none.
func Synth(a *app.App, o Options) (*Template, []Artifact, error) {
	if o.Architecture == "" {
		o.Architecture = build.ARM64
	}
	// First without the functions' code: what is wrong with the declaration is said
	// before anything is built.
	unbuilt := o
	unbuilt.Build = func(handlers []string) ([]build.Package, error) { return make([]build.Package, len(handlers)), nil }
	if _, err := compile(a, unbuilt); err != nil {
		return nil, nil, err
	}
	s, err := compile(a, o)
	if err != nil {
		return nil, nil, err
	}
	artifacts := slices.Collect(maps.Values(s.files))
	slices.SortFunc(artifacts, func(a, b Artifact) int { return cmp.Compare(a.Key, b.Key) })
	return s.template, artifacts, nil
}

func compile(a *app.App, o Options) (*synth, error) {
	s := &synth{
		app: a, opts: o, packages: map[string]build.Package{}, files: map[string]Artifact{},
		template: &Template{
			Description: fmt.Sprintf("%s, stage %s: made of %s by doorwright.", a.Name, a.Stage, app.FileName),
			Resources:   map[string]Resource{}, Outputs: map[string]Output{},
		},
	}
	for _, compile := range compilers() {
		compile(s)
	}
	return s, s.finish()
}

// compilers give the parts of a template, in the order in which their mistakes are
// found. Each adds its resources; what another adds it refers to by its id.
func compilers() []func(*synth) {
	return []func(*synth){
		(*synth).tenants, (*synth).functions, (*synth).userPools, (*synth).identityPools, (*synth).tables, (*synth).buckets,
		(*synth).httpAPIs, (*synth).restAPIs, (*synth).outputs,
	}
}

// synth is one compilation.
type synth struct {
	app      *app.App
	opts     Options
	template *Template
	packages map[string]build.Package // by handler
	files    map[string]Artifact      // by key
	problems app.ErrorList
	failed   error // not the declaration's fault
}

// add puts a resource into the template.
func (s *synth) add(id string, r Resource) {
	if other, taken := s.template.Resources[id]; taken {
		s.refuse(r.Pos, "give one of the two another name", "this and what is at %s would both be %s", other.Pos, id)
		return
	}
	slices.Sort(r.DependsOn)
	s.template.Resources[id] = r
}

// refuse says that what is at a place of the declaration cannot go to AWS. hint is the
// fix.
func (s *synth) refuse(at app.Pos, hint, format string, args ...any) {
	e := s.app.Problem(at, hint, format, args...)
	for _, known := range s.problems {
		if known.Pos == e.Pos && known.Message == e.Message {
			return
		}
	}
	s.problems = append(s.problems, e)
}

// outputs compiles the declaration's outputs.
func (s *synth) outputs() {
	for name, e := range s.app.Outputs.All() {
		s.template.Outputs[name] = Output{Value: s.value(e), Pos: s.app.Pos("outputs." + name)}
	}
}

// finish holds the whole against CloudFormation's bounds, and gives what was refused.
func (s *synth) finish() error {
	if s.failed != nil && len(s.problems) == 0 {
		return s.failed
	}
	if len(s.problems) == 0 { // what came from an expression has been refused at its place
		s.dynamicReferences()
	}
	if len(s.template.Resources) == 0 && len(s.problems) == 0 {
		s.refuse(s.app.Pos("name"), "declare an API, a user pool, a table or a bucket", "the app has nothing that goes to AWS, and a stack has at least one resource")
	}
	if n := len(s.template.Resources); n > maxResources {
		s.refuse(s.app.Pos("name"), "split the app in two", "the app has %d resources; a stack has at most %d", n, maxResources)
	}
	if n := s.countSecrets(); n > maxDynamicReferences {
		s.refuse(s.app.Pos("name"), "give fewer functions the secrets, or split the app in two", "the app refers to secrets %d times; a stack does so at most %d times", n, maxDynamicReferences)
	}
	if n := len(s.template.Outputs); n > maxOutputs {
		s.refuse(s.app.Pos("outputs"), "", "the app has %d outputs; a stack has at most %d", n, maxOutputs)
	}
	if len(s.problems) == 0 {
		if err := s.graph(); err != nil {
			return err
		}
	}
	if len(s.problems) == 0 {
		return lint(s.template)
	}
	slices.SortStableFunc(s.problems, func(a, b *app.Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return s.problems
}
