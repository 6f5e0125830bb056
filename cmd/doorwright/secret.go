package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newSecret() *cobra.Command {
	var dir, stage string
	cmd := &cobra.Command{
		Use:   "secret REF",
		Short: "Print a secret that the running or last stage made or holds",
		Long: "Secret prints the bare value of a secret of the running or last stage, which outputs do\n" +
			"not show: of a tenant's application, of a user pool's client, or of an API key.\n\n" +
			"  doorwright secret tenants.Auth0.applications.web.clientSecret\n" +
			"  doorwright secret userPools.Users.clients.server.secret\n" +
			"  doorwright secret apis.Api.apiKeys.partner.value",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := doorwright.ReadSecret(cmd.Context(), dir, stage, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), value)
			return err
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().StringVar(&dir, "dir", ".", "the folder of the declaration")
	return cmd
}
