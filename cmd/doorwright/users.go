package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

// usersCommand is what the subcommands of users share.
type usersCommand struct {
	dir, stage, pool, tenant string
	asJSON                   bool
}

func newUsers() *cobra.Command {
	u := &usersCommand{}
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List and change the users of a running stage: of a user pool or a tenant",
		Long: "Users lists and changes the users of a user pool or a tenant of the running stage, by the\n" +
			"service's own operations: its rules hold, and triggers run.\n\n" +
			"  doorwright users list\n" +
			"  doorwright users create rider@example.com --group riders\n" +
			"  doorwright users groups rider@example.com --add trainers --remove riders\n\n" +
			"Passwords are asked for, or read with --password-stdin; no argument takes one, since other\n" +
			"users of the machine see the arguments of programs and a shell keeps them in its history.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&u.dir, "dir", ".", "the folder of the declaration")
	flags.StringVar(&u.stage, "stage", doorwright.DefaultStage, "the stage")
	flags.StringVar(&u.pool, "pool", "", "the user pool, if there are several places for users")
	flags.StringVar(&u.tenant, "tenant", "", "the tenant, in place of a user pool")
	flags.BoolVar(&u.asJSON, "json", false, "print JSON")
	cmd.AddCommand(u.newList(), u.newShow(), u.newCreate(), u.newDelete(), u.newSetPassword(),
		u.newChange("confirm", "Confirm a user who has signed up; of a tenant: the address is verified", "confirmed", doorwright.UserChange{Confirmed: true}),
		u.newChange("enable", "Let a user sign in again who was disabled, or blocked", "enabled", doorwright.UserChange{Enabled: new(true)}),
		u.newChange("disable", "Disable a user of a pool, or block one of a tenant: who is signed in is signed out", "disabled", doorwright.UserChange{Enabled: new(false)}),
		u.newGroups("groups"), u.newGroups("roles"), u.newSignIns(), u.newSignOut())
	return cmd
}

// ask asks the running stage.
func (u *usersCommand) ask(cmd *cobra.Command, q doorwright.UsersQuery) (doorwright.UsersAnswer, error) {
	q.Pool, q.Tenant = u.pool, u.tenant
	return doorwright.AskUsers(cmd.Context(), u.dir, u.stage, q)
}

// changed asks the stage to change a user, and says what came of it.
func (u *usersCommand) changed(cmd *cobra.Command, q doorwright.UsersQuery, text string) error {
	a, err := u.ask(cmd, q)
	switch {
	case err != nil:
		return err
	case !u.asJSON:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	case a.User == nil:
		return printJSON(cmd.OutOrStdout(), struct{}{})
	}
	return printJSON(cmd.OutOrStdout(), a.User)
}

// names completes a user's name from the running stage.
func (u *usersCommand) names(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ListUsers, Filter: doorwright.UserFilter{Text: word}})
	if err != nil || a.Page == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, user := range a.Page.Users {
		names = append(names, signInName(user))
	}
	return proposed(names)
}

// signInName is what a person calls a user.
func signInName(u doorwright.User) string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name
}

// groupNames completes the name of a group.
func (u *usersCommand) groupNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ListGroups})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, g := range a.Groups {
		names = append(names, g.Name)
	}
	return proposed(names)
}

func (u *usersCommand) newList() *cobra.Command {
	var f doorwright.UserFilter
	cmd := &cobra.Command{
		Use:   "list [FILTER]",
		Short: "List users: all, or those whose name or address begins with FILTER",
		Long: "List prints a page of the users. FILTER is what the username, the address or (in a tenant)\n" +
			"the name begins with, or a filter in the words of the service: ListUsers' Filter, such as\n" +
			"'status = \"Disabled\"', or Auth0's q, such as 'blocked:true'.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Text = strings.Join(args, "")
			a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ListUsers, Filter: f})
			if err != nil {
				return err
			}
			if u.asJSON {
				return printJSON(cmd.OutOrStdout(), a.Page)
			}
			w := columns(cmd.OutOrStdout())
			fmt.Fprintln(w, "USER\tSTATUS\tCREATED\tNAME")
			for _, user := range a.Page.Users {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", quoted(signInName(user)), status(user), user.Created.Local().Format(time.DateTime), quoted(user.Name))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if a.Page.Next != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "There are more: --page %s\n", a.Page.Next)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many are in a page, at most 60")
	cmd.Flags().StringVar(&f.Page, "page", "", "the page, as the one before has named it")
	return cmd
}

// status says in a word or two whether a user may sign in.
func status(u doorwright.User) string {
	if !u.Enabled {
		return u.Status + ", disabled"
	}
	return u.Status
}

// quoted lets a name that somebody chose not act on the terminal.
func quoted(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, tty.Acts) {
		return fmt.Sprintf("%+q", s)
	}
	return s
}

func (u *usersCommand) newShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show USER",
		Short:             "Show a user: attributes, status, groups or roles, second factors",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ShowUser, User: args[0]})
			if err != nil {
				return err
			}
			if u.asJSON {
				return printJSON(cmd.OutOrStdout(), a.User)
			}
			return printUser(cmd.OutOrStdout(), a)
		},
	}
}

func printUser(w io.Writer, a doorwright.UsersAnswer) error {
	user := a.User
	groups, verified := "Groups", ""
	if a.Tenant != "" {
		groups = "Roles"
	}
	if user.EmailVerified {
		verified = " (verified)"
	}
	tab := columns(w)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tab, "%s\t%s\n", name, quoted(value))
		}
	}
	line("Name", user.Name)
	if user.Email != "" {
		line("Address", user.Email+verified)
	}
	line("Status", status(*user))
	line(groups, strings.Join(user.Groups, ", "))
	line("Permissions", permissionText(user.Permissions))
	line("Second factors", strings.Join(user.MFA, ", "))
	line("Created", user.Created.Local().Format(time.DateTime))
	line("Changed", user.Changed.Local().Format(time.DateTime))
	if user.LastLogin != nil {
		line("Last login", user.LastLogin.Local().Format(time.DateTime))
	}
	for _, one := range user.Attributes {
		line("  "+quoted(one.Name), one.Value)
	}
	return tab.Flush()
}

// permissionText lists permissions as --grant takes them.
func permissionText(list []doorwright.Permission) string {
	var all []string
	for _, p := range list {
		text := p.API + ":" + p.Name
		if p.Direct {
			text += " (own)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func (u *usersCommand) newCreate() *cobra.Command {
	var n doorwright.NewUser
	var attributes []string
	var stdin bool
	cmd := &cobra.Command{
		Use:   "create USER",
		Short: "Create a confirmed user",
		Long: "Create makes a user who is confirmed, with a verified address, and asks for the password.\n" +
			"With --temporary the pool makes a temporary password and sends it (the stage's mailbox has\n" +
			"it), or takes that of --password-stdin: the user has to change it at the first sign-in.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Name = args[0]
			for _, text := range attributes {
				name, value, ok := strings.Cut(text, "=")
				if !ok {
					return fmt.Errorf("--attribute is name=value, not %q", text)
				}
				n.Attributes = append(n.Attributes, doorwright.Attribute{Name: name, Value: value})
			}
			if stdin || !n.Temporary {
				var err error
				if n.Password, err = readPassword(cmd, stdin); err != nil {
					return err
				}
			}
			return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.CreateUser, New: n}, "Created "+quoted(n.Name))
		},
	}
	passwordFlag(cmd, &stdin)
	flags := cmd.Flags()
	flags.BoolVar(&n.Temporary, "temporary", false, "the password is temporary, and without --password-stdin one that the pool makes and sends")
	flags.StringArrayVar(&attributes, "attribute", nil, "name=value, such as given_name=Ada; of a tenant's user also app_metadata={…}; may be repeated")
	flags.StringArrayVar(&n.Groups, "group", nil, "a group of the pool, or a role of the tenant; may be repeated")
	flags.StringArrayVar(&n.Groups, "role", nil, "the same as --group")
	_ = cmd.RegisterFlagCompletionFunc("group", u.groupNames)
	_ = cmd.RegisterFlagCompletionFunc("role", u.groupNames)
	return cmd
}

func (u *usersCommand) newDelete() *cobra.Command {
	return &cobra.Command{
		Use:               "delete USER",
		Short:             "Delete a user, with all tokens",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.DeleteUser, User: args[0]}, "Deleted "+quoted(args[0]))
		},
	}
}

func (u *usersCommand) newSetPassword() *cobra.Command {
	var c doorwright.UserChange
	var stdin bool
	cmd := &cobra.Command{
		Use:               "set-password USER",
		Short:             "Set a user's password",
		Long:              "Set-password asks for the new password. A user of a pool who was not confirmed is then.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if c.Password, err = readPassword(cmd, stdin); err != nil {
				return err
			}
			return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.ChangeUser, User: args[0], Change: c}, "Set the password of "+quoted(args[0]))
		},
	}
	passwordFlag(cmd, &stdin)
	cmd.Flags().BoolVar(&c.Temporary, "temporary", false, "the user has to change it at the next sign-in (of a pool)")
	return cmd
}

// newChange makes a command that changes one thing of a user.
func (u *usersCommand) newChange(name, short, done string, c doorwright.UserChange) *cobra.Command {
	return &cobra.Command{
		Use:               name + " USER",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.ChangeUser, User: args[0], Change: c}, quoted(args[0])+" is "+done)
		},
	}
}

// newGroups makes `users groups` and `users roles`: a pool has groups, a tenant roles,
// and either word will do.
func (u *usersCommand) newGroups(word string) *cobra.Command {
	var c doorwright.UserChange
	var grant, revoke []string
	cmd := &cobra.Command{
		Use:   word + " [USER]",
		Short: "List " + word + ", or show and change those of a user",
		Long: "Without USER it lists the groups of the pool, or the roles of the tenant with their\n" +
			"permissions. With USER it gives the user some, or takes some, and shows what the user then\n" +
			"has. It counts from the user's next token. --grant and --revoke are permissions of a\n" +
			"tenant's API beside those of the roles: API:PERMISSION, such as Unicorns:read:unicorn.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			changes := len(c.Join) + len(c.Leave) + len(grant) + len(revoke)
			switch {
			case len(args) == 0 && changes > 0:
				return errors.New("whose? Name the user: doorwright users " + word + " USER …")
			case len(args) == 0:
				return u.printGroups(cmd)
			}
			var err error
			if c.Grant, err = parsePermissions(grant); err != nil {
				return err
			}
			if c.Revoke, err = parsePermissions(revoke); err != nil {
				return err
			}
			a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ChangeUser, User: args[0], Change: c})
			if err != nil {
				return err
			}
			if u.asJSON {
				return printJSON(cmd.OutOrStdout(), a.User)
			}
			held := strings.Join(a.User.Groups, ", ")
			if held == "" {
				held = "none"
			}
			text := fmt.Sprintf("%s: %s", quoted(signInName(*a.User)), quoted(held))
			if len(a.User.Permissions) > 0 {
				text += "\nPermissions: " + quoted(permissionText(a.User.Permissions))
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&c.Join, "add", nil, "give the user this one; may be repeated")
	flags.StringArrayVar(&c.Leave, "remove", nil, "take this one from the user; may be repeated")
	flags.StringArrayVar(&grant, "grant", nil, "give the user API:PERMISSION of the tenant; may be repeated")
	flags.StringArrayVar(&revoke, "revoke", nil, "take API:PERMISSION from the user; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("add", u.groupNames)
	_ = cmd.RegisterFlagCompletionFunc("remove", u.groupNames)
	return cmd
}

func (u *usersCommand) printGroups(cmd *cobra.Command) error {
	a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ListGroups})
	if err != nil {
		return err
	}
	if u.asJSON {
		return printJSON(cmd.OutOrStdout(), a.Groups)
	}
	w := columns(cmd.OutOrStdout())
	for _, g := range a.Groups {
		gives := permissionText(g.Permissions)
		if gives == "" {
			gives = g.Role
		}
		fmt.Fprintln(w, strings.TrimRight(quoted(g.Name)+"\t"+quoted(gives), "\t"))
	}
	return w.Flush()
}

// parsePermissions reads API:PERMISSION. An identifier that is a URL has a colon too:
// such a one is named by what the declaration calls the API.
func parsePermissions(texts []string) ([]doorwright.Permission, error) {
	var list []doorwright.Permission
	for _, text := range texts {
		api, name, ok := strings.Cut(text, ":")
		if !ok || api == "" || name == "" {
			return nil, fmt.Errorf("a permission is API:PERMISSION, such as Unicorns:read:unicorn, and not %q", text)
		}
		list = append(list, doorwright.Permission{API: api, Name: name})
	}
	return list, nil
}

func (u *usersCommand) newSignIns() *cobra.Command {
	var end string
	cmd := &cobra.Command{
		Use:               "sign-ins USER",
		Short:             "List what a user is signed in to, or end one of it",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if end != "" {
				return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.EndSignIn, User: args[0], SignIn: end}, "Ended "+quoted(end))
			}
			a, err := u.ask(cmd, doorwright.UsersQuery{Do: doorwright.ListSignIns, User: args[0]})
			if err != nil {
				return err
			}
			if u.asJSON {
				return printJSON(cmd.OutOrStdout(), a.SignIns)
			}
			w := columns(cmd.OutOrStdout())
			fmt.Fprintln(w, "ID\tBY\tSINCE\tUNTIL")
			for _, s := range a.SignIns {
				by := s.Client
				if by == "" {
					by = "browser"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, quoted(by), s.Began.Local().Format(time.DateTime), s.Expires.Local().Format(time.DateTime))
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&end, "end", "", "the ID of the one to end")
	return cmd
}

func (u *usersCommand) newSignOut() *cobra.Command {
	return &cobra.Command{
		Use:   "sign-out USER",
		Short: "Sign a user out everywhere",
		Long: "Sign-out ends the user's sessions in browsers and revokes all tokens. An API that checks\n" +
			"tokens by their signature alone takes an access token until it expires, as on AWS.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: u.names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return u.changed(cmd, doorwright.UsersQuery{Do: doorwright.SignOutUser, User: args[0]}, quoted(args[0])+" is signed out")
		},
	}
}
