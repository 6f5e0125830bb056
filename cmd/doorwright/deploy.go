package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// awsFlags say which account and region.
type awsFlags struct{ region, profile string }

func (f *awsFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.region, "region", "", "the region, in place of the declaration's")
	cmd.Flags().StringVar(&f.profile, "profile", "", "the profile of ~/.aws/config, in place of AWS_PROFILE")
}

// deployFlags are the flags of `deploy`.
type deployFlags struct {
	stage            string
	aws              awsFlags
	plan             bool
	allowReplace     []string
	continueRollback bool
	checkDrift       bool
	allowDrift       bool
	yes, asJSON      bool
}

func newDeploy() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy [DIR]",
		Short: "Ship a stage to AWS: show what would change, ask, and do it",
		Long: "Deploy compiles a stage as `synth` does and makes the CloudFormation stack STAGE-NAME of it.\n" +
			"It shows the account and region, then what would change, and asks. The credentials are\n" +
			"found as by every SDK of AWS: environment, profiles, SSO, the machine's role.\n\n" +
			"When it was interrupted, or something failed, run it again: it goes on from whatever\n" +
			"state the stack is in.\n\n" +
			"Before anything changes it looks for what AWS would fail at: secrets that are not in\n" +
			"Secrets Manager, an OIDC provider that the account has already, user pools whose sign-in\n" +
			"would change, domains that are taken.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return deploy(cmd, dirArg(args), f) },
	}
	stageFlag(cmd, &f.stage)
	f.aws.add(cmd)
	cmd.Flags().BoolVar(&f.plan, "plan", false, "show what would change, and change nothing")
	cmd.Flags().StringSliceVar(&f.allowReplace, "allow-replace", nil, "let the user pool, table or bucket of this logical id lose what is in it; may be repeated")
	cmd.Flags().BoolVar(&f.continueRollback, "continue-rollback", false, "first finish a roll-back that has failed")
	cmd.Flags().BoolVar(&f.checkDrift, "check-drift", false, "first look for what was changed outside of the stack, and stop if there is any")
	cmd.Flags().BoolVar(&f.allowDrift, "allow-drift", false, "look for it, show it, and go on")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print each event, and at last the result, as a line of JSON; needs --yes or --plan")
	return cmd
}

func deploy(cmd *cobra.Command, dir string, f deployFlags) error {
	show := newProgress(cmd, f.asJSON)
	s, err := doorwright.Synth(cmd.Context(), doorwright.SynthConfig{
		Dir: dir, Stage: f.stage,
		Progress: func(handler string) {
			show.observe(stack.Event{Kind: stack.KindProgress, Text: "packaging " + handler})
		},
	})
	if err != nil {
		return err
	}
	if f.aws.region == "" {
		f.aws.region = s.Region
	}
	target, err := openStack(cmd.Context(), dir, s.App, s.Stage, f.aws, show.observe)
	if err != nil {
		return err
	}
	d := stack.Deployment{
		Template: s.Template, BucketParameter: doorwright.ArtifactsBucket, Positions: s.Positions, Protected: s.Protected,
		PlanOnly: f.plan, AllowReplace: f.allowReplace, ContinueRollback: f.continueRollback,
		CheckDrift: f.checkDrift || f.allowDrift, AllowDrift: f.allowDrift,
		Confirm: func(stack.Plan) error { return confirm(cmd, "Deploy this?", f.yes, f.asJSON) },
	}
	for _, a := range s.Artifacts {
		d.Artifacts = append(d.Artifacts, stack.Artifact(a))
	}
	for _, secret := range s.Secrets {
		d.Secrets = append(d.Secrets, stack.Secret(secret))
	}
	for _, p := range s.Providers {
		d.Providers = append(d.Providers, stack.Provider(p))
	}
	result, err := target.Deploy(cmd.Context(), d)
	if err != nil {
		return err
	}
	if !f.plan {
		if err := doorwright.WriteDeployed(dir, s.Stage, deployedOf(result)); err != nil {
			return err
		}
	}
	return show.deployed(result, f.plan)
}

func deployedOf(r stack.Result) doorwright.Deployed {
	d := doorwright.Deployed{Account: r.Target.Account, Region: r.Target.Region, Stack: r.Target.Stack, Outputs: map[string]string{}}
	for _, o := range r.Outputs {
		d.Outputs[o.Name] = o.Value
	}
	return d
}

// openStack reads the configuration of AWS, and what to keep away from it: the keys of
// the stages on this machine.
func openStack(ctx context.Context, dir, name, stage string, f awsFlags, observe func(stack.Event)) (*stack.Stack, error) {
	locals, err := localStages(dir)
	if err != nil {
		return nil, err
	}
	cfg, err := stack.Load(ctx, f.region, f.profile)
	if err != nil {
		return nil, err
	}
	return stack.New(stack.Config{App: name, Stage: stage, AWS: cfg, Local: locals, Observe: observe})
}

// localStages gives the keys and endpoints of the app's stages on this machine.
// Another app's have the local account, which AWS's side refuses.
func localStages(dir string) ([]stack.Local, error) {
	entries, err := os.ReadDir(filepath.Join(dir, ".doorwright"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for local stages: %w", err)
	}
	var locals []stack.Local
	for _, e := range entries {
		if app.CheckStage(e.Name()) != nil || !e.IsDir() {
			continue
		}
		if env, err := doorwright.ReadEnvironment(dir, e.Name()); err == nil { // one that never ran has no keys
			locals = append(locals, stack.Local{Endpoint: env.Endpoint, AccessKeyID: env.AccessKeyID})
		}
	}
	return locals, nil
}

// progress shows what a deploy or a removal does: to a person, or as JSON.
type progress struct {
	mu   sync.Mutex // guards w
	term *terminal  // its colours
	w    io.Writer
	json bool
	sent map[string]bool // keys of what was sent; a body may be read twice, once for its checksum
}

func newProgress(cmd *cobra.Command, asJSON bool) *progress {
	return &progress{term: newTerminal(cmd.OutOrStdout(), asJSON), w: cmd.OutOrStdout(), json: asJSON, sent: map[string]bool{}}
}

func (p *progress) observe(e stack.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json {
		if line, err := json.Marshal(e); err == nil {
			fmt.Fprintf(p.w, "%s\n", harmless(string(line)))
		}
		return
	}
	switch e.Kind {
	case stack.KindTarget:
		fmt.Fprintf(p.w, "Stack %s in account %s, region %s, as %s\n", p.term.paint(bold, e.Target.Stack), p.term.paint(bold, e.Target.Account), p.term.paint(bold, e.Target.Region), shown(e.Target.Caller))
	case stack.KindPlan:
		p.plan(*e.Plan)
	case stack.KindDrift:
		p.drift(e.Drift)
	case stack.KindUpload:
		switch {
		case e.Text != "":
			fmt.Fprintf(p.w, "  %s %s\n", e.Key, e.Text)
		case !p.sent[e.Key] && (e.Done == e.Total || p.term.person):
			p.sent[e.Key] = e.Done == e.Total
			fmt.Fprintf(p.w, "  %s %s of %s\n", e.Key, size(e.Done), size(e.Total))
		}
	case stack.KindResource:
		p.resource(*e.Resource)
	case stack.KindWarning:
		fmt.Fprintln(p.w, p.term.paint(yellow, "warning: ")+harmless(e.Text))
	default:
		fmt.Fprintln(p.w, harmless(e.Text))
	}
}

// drift shows what was changed outside of the stack.
func (p *progress) drift(list []stack.Drift) {
	or := func(value string) string {
		if value == "" {
			return "nothing"
		}
		return value
	}
	fmt.Fprintln(p.w, "Changed outside of the stack since the last deploy:")
	for _, d := range list {
		sign := p.term.paint(yellow, "~ changed")
		if d.Deleted {
			sign = p.term.paint(red, "- deleted")
		}
		line := fmt.Sprintf("  %s %s (%s) %s", sign, shown(d.ID), shown(d.Type), shown(d.PhysicalID))
		if d.Position != "" {
			line += "  " + p.term.paint(dim, d.Position)
		}
		fmt.Fprintln(p.w, line)
		for _, diff := range d.Differences {
			fmt.Fprintf(p.w, "      %s: was %s, is %s\n", shown(diff.Path), shown(or(diff.Expected)), shown(or(diff.Actual)))
		}
	}
}

// shown gives a text that others have chosen, such as the name of a session, as a part of
// a line.
func shown(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(harmless(s))
}

// plan shows what would change, one line a resource.
func (p *progress) plan(plan stack.Plan) {
	signs := map[string]string{
		stack.Add: p.term.paint(green, "+ add"), stack.Modify: p.term.paint(yellow, "~ change"), stack.Replace: p.term.paint(red, "± replace"),
		stack.Delete: p.term.paint(red, "- remove"), stack.Keep: "  keep",
	}
	counts := map[string]int{}
	for _, c := range plan.Changes {
		counts[c.Action]++
		line := fmt.Sprintf("  %s %s (%s)", signs[c.Action], shown(c.ID), shown(c.Type))
		if c.PhysicalID != "" && c.Action != stack.Modify {
			line += " " + shown(c.PhysicalID)
		}
		if len(c.Properties) > 0 {
			line += ": " + shown(strings.Join(c.Properties, ", "))
		}
		if c.Maybe && c.Action == stack.Replace {
			line += " (perhaps)"
		}
		if c.Position != "" {
			line += "  " + p.term.paint(dim, c.Position)
		}
		fmt.Fprintln(p.w, line)
	}
	for _, n := range plan.Notes {
		fmt.Fprintln(p.w, harmless(n))
	}
	fmt.Fprintf(p.w, "%d added, %d changed, %d replaced, %d removed, %d kept\n", counts[stack.Add], counts[stack.Modify], counts[stack.Replace], counts[stack.Delete], counts[stack.Keep])
}

// resource shows a resource's new state. What begins is left out where nobody looks.
func (p *progress) resource(r stack.ResourceEvent) {
	if strings.HasSuffix(r.Status, "_IN_PROGRESS") && !p.term.person {
		return
	}
	colour := dim
	switch {
	case strings.HasSuffix(r.Status, "_FAILED"):
		colour = red
	case strings.HasSuffix(r.Status, "_COMPLETE"):
		colour = green
	}
	line := fmt.Sprintf("%s %s %s (%s)", p.term.paint(dim, r.Time.Local().Format("15:04:05")), p.term.paint(colour, shown(r.Status)), shown(r.ID), shown(r.Type))
	if r.Reason != "" {
		line += ": " + harmless(r.Reason)
	}
	if r.Failed() && r.Position != "" {
		line += "  " + r.Position
	}
	fmt.Fprintln(p.w, line)
}

// deployed prints the end of a deploy.
func (p *progress) deployed(r stack.Result, planned bool) error {
	if p.json {
		line, err := json.Marshal(map[string]any{"kind": "result", "result": r})
		if err == nil {
			_, err = fmt.Fprintf(p.w, "%s\n", harmless(string(line)))
		}
		return err
	}
	if planned {
		fmt.Fprintln(p.w, "nothing was changed (--plan)")
		return nil
	}
	status := "deployed"
	if !r.Changed {
		status = "no changes"
	}
	fmt.Fprintf(p.w, "\nStack %s\n  Status: %s\n", p.term.paint(bold, r.Target.Stack), p.term.paint(green, status))
	if len(r.Outputs) > 0 {
		fmt.Fprintln(p.w, "  Outputs:")
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(p.w, "    %s: %s\n", shown(o.Name), shown(o.Value))
	}
	return nil
}

// removed prints the end of a removal.
func (p *progress) removed(r stack.Removed, planned bool) error {
	switch {
	case p.json:
		line, err := json.Marshal(map[string]any{"kind": "result", "result": r})
		if err == nil {
			_, err = fmt.Fprintf(p.w, "%s\n", harmless(string(line)))
		}
		return err
	case planned:
		fmt.Fprintln(p.w, "nothing was removed (--plan)")
	case r.Removed:
		fmt.Fprintf(p.w, "\nRemoved stack %s\n", p.term.paint(bold, r.Target.Stack))
		for _, c := range r.Plan.Changes {
			if c.Action == stack.Keep {
				fmt.Fprintf(p.w, "  kept: %s (%s)\n", shown(c.PhysicalID), shown(c.Type))
			}
		}
	}
	return nil
}
