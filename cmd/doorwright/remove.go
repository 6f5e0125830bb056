package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// removeFlags are the flags of `remove`.
type removeFlags struct {
	stage            string
	local, onAWS     bool
	aws              awsFlags
	plan, deleteData bool
	unprotect        bool
	yes, asJSON      bool
}

func newRemove() *cobra.Command {
	var f removeFlags
	cmd := &cobra.Command{
		Use:   "remove [DIR]",
		Short: "Remove a stage: what a local one has kept, or the stack on AWS",
		Long: "Remove deletes what a local stage has kept: its users and keys, what is in its tables and\n" +
			"buckets, its outputs, logs and built functions. It refuses while the stage runs.\n\n" +
			"A stage that was deployed from here, or that never ran here, is taken away from AWS: it\n" +
			"shows what goes and asks. User pools with their groups, identity pools, tables and buckets\n" +
			"stay in the account, unless --delete-data is said. Where a stage is both, say --local or --aws.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			local, err := f.isLocal(dirArg(args))
			switch {
			case err != nil:
				return err
			case local:
				return removeLocal(cmd, dirArg(args), f)
			}
			return removeStack(cmd, dirArg(args), f)
		},
	}
	stageFlag(cmd, &f.stage)
	f.aws.add(cmd)
	cmd.Flags().BoolVar(&f.local, "local", false, "remove the local stage's state")
	cmd.Flags().BoolVar(&f.onAWS, "aws", false, "remove the stack on AWS")
	cmd.Flags().BoolVar(&f.plan, "plan", false, "show what would go from AWS, and remove nothing")
	cmd.Flags().BoolVar(&f.deleteData, "delete-data", false, "on AWS, delete user and identity pools, tables and buckets too, with what is in them")
	cmd.Flags().BoolVar(&f.unprotect, "unprotect", false, "on AWS, take the protection off a stage that is protected against removal")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON, for AWS a line an event; needs --yes")
	return cmd
}

// isLocal says which of the two is meant. Where it could be both nothing is guessed.
func (f removeFlags) isLocal(dir string) (bool, error) {
	_, local, err := doorwright.ReadLocalState(dir, f.stage)
	if err != nil {
		return false, err
	}
	_, deployed, err := doorwright.ReadDeployed(dir, f.stage)
	forAWS := f.onAWS || f.plan || f.deleteData || f.unprotect || f.aws != awsFlags{}
	switch {
	case err != nil:
		return false, err
	case f.local && forAWS:
		return false, errors.New("--local is for the stage on this machine, and the other flags for that on AWS: say one of them")
	case f.local || forAWS:
		return f.local, nil
	case local && deployed:
		return false, fmt.Errorf("stage %s has run on this machine and is on AWS: say --local or --aws", f.stage)
	case local:
		return true, nil
	case deployed:
		return false, nil
	}
	// It never ran here. The default stage is hardly ever on AWS, and no question
	// there is worth one for credentials.
	return f.stage == doorwright.DefaultStage, nil
}

// removeStack takes a stage away from AWS. It reads the declaration for its name
// alone, so that one which could not be deployed any more can still be removed.
func removeStack(cmd *cobra.Command, dir string, f removeFlags) error {
	decl, err := app.Load(dir, app.Options{Stage: f.stage, Env: os.LookupEnv, SecretsByReference: true})
	if err != nil {
		return err
	}
	known, found, err := doorwright.ReadDeployed(dir, f.stage)
	if err != nil {
		return err
	}
	if f.aws.region == "" {
		if f.aws.region = decl.Region; found {
			f.aws.region = known.Region
		}
	}
	show := newProgress(cmd, f.asJSON)
	target, err := openStack(cmd.Context(), dir, decl.Name, decl.Stage, f.aws, show.observe)
	if err != nil {
		return err
	}
	removed, err := target.Remove(cmd.Context(), stack.Removal{
		DeleteData: f.deleteData, Unprotect: f.unprotect, PlanOnly: f.plan,
		Confirm: func(stack.Plan) error { return confirm(cmd, "Remove this?", f.yes, f.asJSON) },
	})
	if err != nil {
		return err
	}
	if !removed.Removed && found && (known.Account != removed.Target.Account || known.Region != removed.Target.Region) {
		return fmt.Errorf("stage %s was deployed to account %s, region %s, and this is account %s, region %s: choose a --profile or --region", f.stage, known.Account, known.Region, removed.Target.Account, removed.Target.Region)
	}
	if !f.plan {
		if err := doorwright.ForgetDeployed(dir, f.stage); err != nil {
			return err
		}
	}
	return show.removed(removed, f.plan)
}

// removeLocal shows what a local stage has kept and deletes it.
func removeLocal(cmd *cobra.Command, dir string, f removeFlags) error {
	state, found, err := doorwright.ReadLocalState(dir, f.stage)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if !found {
		if f.asJSON {
			return printJSON(out, map[string]any{"stage": f.stage, "removed": false})
		}
		fmt.Fprintf(out, "stage %s of the app in %s has kept nothing: there is nothing to remove\n", f.stage, dir)
		return nil
	}
	if !f.asJSON {
		fmt.Fprintf(out, "Stage %s, on this machine: %s (%d files, %s)\n"+
			"  its users and keys, what is in its tables and buckets, outputs, mail, logs and built functions\n", f.stage, state.Dir, state.Files, size(state.Bytes))
	}
	if err := confirm(cmd, "Delete all of it?", f.yes, f.asJSON); err != nil {
		return err
	}
	if err := doorwright.RemoveLocalState(dir, f.stage, "doorwright remove"); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(out, map[string]any{"stage": f.stage, "removed": true, "state": state})
	}
	fmt.Fprintf(out, "Removed stage %s\n", f.stage)
	return nil
}

// size shows a number of bytes to a person.
func size(n int64) string {
	const unit = 1000
	value, units := float64(n), strings.Fields("B kB MB GB TB")
	for len(units) > 1 && value >= unit {
		value, units = value/unit, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}
