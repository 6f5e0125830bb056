package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newToken() *cobra.Command {
	var dir, stage string
	var idToken bool
	var q doorwright.TokenQuery
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a real token of a running stage, for a user or an application",
		Long: "Token prints the bare access token that a user, or an application by itself, would get of\n" +
			"the running stage: of a tenant, or, where there is none or with --pool, of a user pool.\n\n" +
			"  doorwright token --user rider@example.com --api Unicorns --scope \"openid read:unicorn\"\n" +
			"  doorwright token --application test --api Unicorns\n" +
			"  doorwright token --application test --api management\n\n" +
			"A user pool's user who does not exist is made.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.IDToken = idToken
			tokens, err := doorwright.ReadToken(cmd.Context(), dir, stage, q)
			if err != nil {
				return err
			}
			token := tokens.Access
			if idToken {
				if token = tokens.ID; token == "" {
					return errors.New("there is no ID token: it is a user's: say --user")
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	stageFlag(cmd, &stage)
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".", "the folder of the declaration")
	flags.StringVar(&q.User, "user", "", "the user; without it the token is the application's own")
	flags.StringVar(&q.Tenant, "tenant", "", "the tenant, if there are several")
	flags.StringVar(&q.Application, "application", "", "the tenant's application, if there are several that would do")
	flags.StringVar(&q.API, "api", "", "the tenant's API that the token is for; without it a user's token is opaque")
	flags.StringVar(&q.Scope, "scope", "", "what is asked for at the tenant, with spaces between")
	flags.StringVar(&q.Pool, "pool", "", "the user pool, in place of a tenant")
	flags.StringVar(&q.Client, "client", "", "the user pool's client, if there are several")
	flags.BoolVar(&idToken, "id-token", false, "print the ID token instead")
	return cmd
}
