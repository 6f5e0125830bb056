package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newConsole() *cobra.Command {
	var stage string
	cmd := &cobra.Command{
		Use:   "console [DIR]",
		Short: "Print a link that opens the console of a running stage",
		Long: "Console prints a link that opens the console of the running stage in a browser: its routes,\n" +
			"its requests as they arrive, and why each was decided as it was. A link is good once, within\n" +
			"an hour. Who may read the stage's folder, and nobody else, can have one.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			link, err := doorwright.ReadConsoleLink(cmd.Context(), dirArg(args), stage)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), link)
			return err
		},
	}
	stageFlag(cmd, &stage)
	return cmd
}
