package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
)

func newCheck() *cobra.Command {
	var stage string
	var asJSON, noLint bool
	cmd := &cobra.Command{
		Use:   "check [DIR]",
		Short: "Validate and lint the declaration: all mistakes at once, with positions",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			decl, err := doorwright.Check(dirArg(args), stage)
			var list app.ErrorList
			if err == nil && !noLint {
				list = decl.Lint()
			}
			if asJSON && (err == nil || errors.As(err, &list)) {
				if list == nil {
					list = app.ErrorList{}
				}
				if err := printJSON(cmd.OutOrStdout(), list); err != nil {
					return err
				}
				if len(list) > 0 {
					return &exitError{code: 1}
				}
				return nil
			}
			if err != nil {
				return err
			}
			if len(list) > 0 {
				return list
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no mistakes found\n", decl.File)
			return nil
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the mistakes as a JSON array")
	cmd.Flags().BoolVar(&noLint, "no-lint", false, "leave out the warnings: what is valid, and hardly ever meant")
	return cmd
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of doorwright.yaml",
		Long: "Schema prints the JSON Schema of doorwright.yaml, for editors. With the YAML language\n" +
			"server, save it and put on the first line of the declaration:\n\n" +
			"  # yaml-language-server: $schema=doorwright.schema.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(app.Schema())
			return err
		},
	}
}
