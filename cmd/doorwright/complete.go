package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

// completeFlags completes what the flags of commands take, with what the declaration and
// the running stage know: nobody is asked who is not on this machine. A shell proposes
// files for a value that nothing is known of, and they are proposed for those alone that
// are one.
func completeFlags(cmd *cobra.Command) {
	known := map[string]cobra.CompletionFunc{
		"stage": ofDir(func(dir string, _ *cobra.Command) []string { return doorwright.Stages(dir) }), "user": ofDir(usersOf), "role": ofDir(rolesOf),
		"dir": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	}
	known["local"] = known["stage"] // of parity; remove's takes no value
	for _, name := range []string{
		"access", "allow-replace", "api", "api-key", "application", "attribute", "audience", "client", "data", "end", "grant", "header", "identity-pool", "limit", "name", "page",
		"pool", "profile", "region", "request", "revoke", "scope", "shell", "since", "tenant", "token", "url",
	} {
		known[name] = cobra.NoFileCompletions
	}
	for name, complete := range known {
		if f := cmd.LocalFlags().Lookup(name); f != nil && f.Value.Type() != "bool" {
			_ = cmd.RegisterFlagCompletionFunc(name, complete) // not if it has a better one
		}
	}
	for _, c := range cmd.Commands() {
		completeFlags(c)
	}
}

// ofDir completes with names that are known of the folder of the declaration.
func ofDir(names func(dir string, cmd *cobra.Command) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		dir := value(cmd, "dir")
		if dir == "" {
			dir = dirArg(args)
		}
		return proposed(names(dir, cmd))
	}
}

// value gives what a flag was set to, or has by default; "" if there is no such flag.
func value(cmd *cobra.Command, flag string) string {
	if f := cmd.Flag(flag); f != nil {
		return f.Value.String()
	}
	return ""
}

// usersOf are users of the running stage, of the pool or tenant that was said.
func usersOf(dir string, cmd *cobra.Command) []string {
	a, err := doorwright.AskUsers(cmd.Context(), dir, value(cmd, "stage"), doorwright.UsersQuery{
		Do: doorwright.ListUsers, Pool: value(cmd, "pool"), Tenant: value(cmd, "tenant"),
	})
	if err != nil || a.Page == nil {
		return nil
	}
	var names []string
	for _, user := range a.Page.Users {
		names = append(names, signInName(user))
	}
	return names
}

// rolesOf are the roles that may call some route.
func rolesOf(dir string, cmd *cobra.Command) []string {
	decl, err := doorwright.Check(dir, value(cmd, "stage"))
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range decl.Routes() {
		names = append(names, decl.Callers(r)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// proposed completes an argument with names that others have chosen: who has signed up to
// a user pool, as any page in a browser may do, or who has written the declaration. bash
// puts a proposal onto the command line as it is, so that one which a shell would act on,
// or a command take for a flag, is none.
func proposed(names []string) ([]string, cobra.ShellCompDirective) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		acts := func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) && !strings.ContainsRune("_-+.:/@%={}", c)
		}
		return strings.ContainsFunc(name, acts) || name != "" && strings.IndexByte("-@=", name[0]) >= 0
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
