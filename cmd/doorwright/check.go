package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

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

// routeRow is one line of `routes`.
type routeRow struct {
	API        string   `json:"api"`
	Route      string   `json:"route"`
	Authorizer string   `json:"authorizer"`
	Type       string   `json:"type"`
	Scopes     []string `json:"scopes,omitempty"`
	Target     string   `json:"target"`
	// APIKeyRequired is set for the routes of a REST API that ask for a key.
	APIKeyRequired bool `json:"apiKeyRequired,omitempty"`
	// Callers are who has the permission to call a route with the authorizer iam.
	Callers []string `json:"callers,omitempty"`
}

func newRoutes() *cobra.Command {
	var stage string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "routes [DIR]",
		Short: "List the routes: who guards what",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			decl, err := doorwright.Check(dirArg(args), stage)
			if err != nil {
				return err
			}
			rows := routeRows(decl)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(w, "API\tROUTE\tAUTHORIZER\tSCOPES\tTARGET")
			for _, r := range rows {
				guard := r.Authorizer
				switch {
				case r.Type == app.AuthorizerIAM && len(r.Callers) == 0:
					guard += " (root alone)"
				case r.Type == app.AuthorizerIAM:
					guard += " (" + strings.Join(r.Callers, ", ") + ")"
				case r.Type != "none":
					guard += " (" + r.Type + ")"
				}
				if r.APIKeyRequired {
					guard += ", API key"
				}
				scopes := strings.Join(r.Scopes, " ")
				if scopes == "" {
					scopes = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.API, r.Route, guard, scopes, r.Target)
			}
			return w.Flush()
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
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

// routeRows lists the declaration's routes in its order.
func routeRows(decl *app.App) []routeRow {
	rows := []routeRow{}
	for _, r := range decl.Routes() {
		row := routeRow{API: r.API, Route: r.Key, Authorizer: r.Authorizer, Type: "none", Scopes: r.Scopes, Target: r.URL.String(), APIKeyRequired: r.APIKeyRequired, Callers: decl.Callers(r)}
		if r.Authorizer == app.AuthorizerIAM {
			row.Type = app.AuthorizerIAM
		}
		if api, ok := decl.APIs.Get(r.API); ok {
			if z, ok := api.Authorizers.Get(r.Authorizer); ok {
				row.Type = z.Type
			}
		}
		for _, f := range decl.Functions() {
			if f.Name == r.Function {
				row.Target = f.Handler
			}
		}
		rows = append(rows, row)
	}
	return rows
}
