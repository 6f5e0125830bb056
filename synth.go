package doorwright

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/build"
	"github.com/doorwright/doorwright/internal/cloudformation"
	"github.com/doorwright/doorwright/internal/store"
)

// SynthConfig says which stage of which app is compiled for AWS.
type SynthConfig struct {
	// Dir is the folder of doorwright.yaml; "." if empty.
	Dir string
	// Stage is the stage; DefaultStage if empty.
	Stage string
	// Progress is told of each handler before it is packaged. Nobody is told if nil.
	Progress func(handler string)
}

// Synthesis is a stage compiled for AWS.
type Synthesis struct {
	// App, Stage and Region are the declaration's.
	App, Stage, Region string
	// Template is a CloudFormation template, in JSON. It holds no secret.
	Template []byte
	// Artifacts are the files that have to be in the bucket which the template's
	// parameter ArtifactsBucket names.
	Artifacts []Artifact
	// Positions are the places in the declaration of the template's resources, by
	// logical id, and of properties with lines of their own, by ID.PROPERTY.
	Positions map[string]string
	// Protected says whether the stage and its data are kept from mistakes.
	Protected bool
	// Secrets are those that have to be in Secrets Manager.
	Secrets []SynthSecret
	// Providers are the OIDC providers that the account has to have (providerArn).
	Providers []SynthProvider
}

// SynthSecret is a secret that a template reads, by its name in Secrets Manager.
type SynthSecret struct{ Name, Position string }

// SynthProvider is an OIDC provider that a template trusts and does not make: its
// issuer's URL and the clients whose tokens have to be good, as far as known.
type SynthProvider struct {
	ARN, URL string
	Clients  []string
	Position string
}

// ArtifactsBucket is the template's parameter for the bucket with the artifacts.
const ArtifactsBucket = cloudformation.ArtifactsBucket

// Artifact is a file of a stack, by its key in the artifacts bucket.
type Artifact struct {
	Key, Path string
	Size      int64
}

// Synth compiles a stage for AWS. It needs no credentials and no value of a secret, and
// opens no connection, but for those of the Go tool, which may fetch modules. The same
// declaration and the same sources give the same bytes. What cannot run on AWS is
// refused by an app.ErrorList.
func Synth(ctx context.Context, cfg SynthConfig) (*Synthesis, error) {
	decl, template, artifacts, err := synthesize(ctx, cfg)
	if err != nil {
		return nil, err
	}
	text, err := template.JSON()
	if err != nil {
		return nil, err
	}
	s := &Synthesis{
		App: decl.Name, Stage: decl.Stage, Region: decl.Region, Template: text,
		Positions: map[string]string{}, Protected: *decl.Protected,
	}
	for id, r := range template.Resources {
		s.Positions[id] = r.Pos.String()
		for property, at := range r.Lines {
			s.Positions[id+"."+property] = at.String()
		}
	}
	for _, a := range artifacts {
		s.Artifacts = append(s.Artifacts, Artifact(a))
	}
	for _, secret := range template.Secrets {
		s.Secrets = append(s.Secrets, SynthSecret{secret.Name, secret.Pos.String()})
	}
	for _, p := range template.Providers {
		s.Providers = append(s.Providers, SynthProvider{p.ARN, p.URL, p.Clients, p.Pos.String()})
	}
	return s, nil
}

// architecture is that of deployed functions.
const architecture = build.ARM64

func synthesize(ctx context.Context, cfg SynthConfig) (*app.App, *cloudformation.Template, []cloudformation.Artifact, error) {
	if cfg.Stage == "" {
		cfg.Stage = DefaultStage
	}
	if err := app.CheckStage(cfg.Stage); err != nil {
		return nil, nil, nil, err
	}
	decl, err := app.Load(cfg.Dir, app.Options{Stage: cfg.Stage, Env: os.LookupEnv, SecretsByReference: true})
	if err != nil {
		return nil, nil, nil, err
	}
	builder, err := newPackager(decl, cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	template, artifacts, err := cloudformation.Synth(decl, cloudformation.Options{Architecture: architecture, Build: func(handlers []string) ([]build.Package, error) {
		packages, err := builder.Package(ctx, architecture, handlers...)
		return packages, explainPackaging(decl.Dir, err)
	}})
	if err != nil {
		return nil, nil, nil, err
	}
	return decl, template, artifacts, nil
}

// newPackager makes the builder of a stage's packages. They are kept beside the local
// stages, in a folder that can be none: a stage's name begins with a letter.
func newPackager(decl *app.App, cfg SynthConfig) (*build.Builder, error) {
	dir, err := filepath.Abs(decl.Dir)
	if err != nil {
		return nil, err
	}
	cache, err := store.Folder(dir, ".packages", cfg.Stage)
	if err != nil {
		return nil, fmt.Errorf("making a folder for packages: %w", err)
	}
	return build.New(build.Config{Dir: dir, Cache: cache, Progress: func(s build.Step) {
		for _, h := range s.Handlers {
			if cfg.Progress != nil {
				cfg.Progress(h)
			}
		}
	}})
}

// explainPackaging says all that the compilers said, each with its place and its line.
func explainPackaging(dir string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	var texts []string
	for _, e := range joined.Unwrap() {
		var failed *build.Error
		if !errors.As(e, &failed) {
			texts = append(texts, e.Error())
			continue
		}
		texts = append(texts, "packaging "+failed.Handler+":")
		for _, d := range failed.Diagnostics {
			texts = append(texts, d.Relative(dir).Detail())
		}
	}
	return errors.New(strings.Join(texts, "\n"))
}
