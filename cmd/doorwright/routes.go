package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
)

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
	// WhoMayCall says in words who may.
	WhoMayCall []string `json:"whoMayCall"`
}

func newRoutes() *cobra.Command {
	var stage string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "routes [DIR]",
		Short: "List the routes: who guards what, and who may call",
		Long: "Routes lists each route with its target, its authorizer and who may call it by the\n" +
			"declaration: the roles, groups, clients and applications that hold a scope of the route, or\n" +
			"the permission to call it. What is changed while the stage runs is not in it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			decl, err := doorwright.Check(dirArg(args), stage)
			if err != nil {
				return err
			}
			rows := routeRows(decl)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			w := columns(cmd.OutOrStdout())
			fmt.Fprintln(w, "API\tROUTE\tTARGET\tAUTHORIZER\tSCOPES\tWHO MAY CALL")
			for _, r := range rows {
				guard := r.Authorizer
				if r.Type != "none" && r.Type != app.AuthorizerIAM {
					guard += " (" + r.Type + ")"
				}
				if r.APIKeyRequired {
					guard += ", API key"
				}
				scopes := strings.Join(r.Scopes, " ")
				if scopes == "" {
					scopes = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.API, r.Route, r.Target, guard, scopes, strings.Join(r.WhoMayCall, "; "))
			}
			return w.Flush()
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

// routeRows lists the declaration's routes in its order.
func routeRows(decl *app.App) []routeRow {
	rows := []routeRow{}
	for _, r := range decl.Routes() {
		row := routeRow{
			API: r.API, Route: r.Key, Authorizer: r.Authorizer, Type: "none", Scopes: r.Scopes, Target: r.URL.String(), APIKeyRequired: r.APIKeyRequired,
			Callers: decl.Callers(r), WhoMayCall: decl.WhoMayCall(r),
		}
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
