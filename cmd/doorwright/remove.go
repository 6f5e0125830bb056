package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

// removeFlags are the flags of `remove`.
type removeFlags struct {
	stage       string
	local       bool
	yes, asJSON bool
}

func newRemove() *cobra.Command {
	var f removeFlags
	cmd := &cobra.Command{
		Use:   "remove [DIR]",
		Short: "Remove a stage: what a local one has kept",
		Long: "Remove deletes what a local stage has kept: its users and keys, what is in its tables and\n" +
			"buckets, its outputs, logs and built functions. It refuses while the stage runs.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return removeLocal(cmd, dirArg(args), f)
		},
	}
	stageFlag(cmd, &f.stage)
	cmd.Flags().BoolVar(&f.local, "local", false, "remove the local stage's state")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print a JSON object; needs --yes")
	return cmd
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
