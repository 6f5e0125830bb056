package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

func newOutputs() *cobra.Command {
	var stage, name string
	var asJSON, deployed bool
	cmd := &cobra.Command{
		Use:   "outputs [DIR]",
		Short: "Print the outputs of the running or last stage",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := readOutputs(dirArg(args), stage, deployed)
			if err != nil {
				return err
			}
			return printOutputs(cmd.OutOrStdout(), cmd.ErrOrStderr(), outputs, name, asJSON)
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().StringVar(&name, "name", "", "print the value of this output alone")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&deployed, "deployed", false, "the outputs of the stage on AWS, as deploy has left them here")
	return cmd
}

func readOutputs(dir, stage string, deployed bool) ([]doorwright.Output, error) {
	if !deployed {
		return doorwright.ReadOutputs(dir, stage)
	}
	d, found, err := doorwright.ReadDeployed(dir, stage)
	if err == nil && !found {
		err = fmt.Errorf("stage %s was not deployed from here: `doorwright deploy --stage %s` does (what another machine has written down is not believed)", stage, stage)
	}
	return d.List(), err
}

func printOutputs(w, stderr io.Writer, outputs []doorwright.Output, name string, asJSON bool) error {
	if name != "" {
		for _, o := range outputs {
			if o.Name == name {
				_, err := fmt.Fprintln(w, o.Value)
				return err
			}
		}
		return fmt.Errorf("there is no output %q; run `doorwright outputs` to see them", name)
	}
	if asJSON {
		object := map[string]string{}
		for _, o := range outputs {
			object[o.Name] = o.Value
		}
		return printJSON(w, object)
	}
	if len(outputs) == 0 {
		fmt.Fprintln(stderr, "the declaration has no outputs; it may have, say, outputs: {Url: \"${apis.NAME.url}\"}")
	}
	for _, o := range outputs {
		if _, err := fmt.Fprintf(w, "%s: %s\n", o.Name, o.Value); err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, harmless(b.String()))
	return err
}

// stageWords lead a command to a stage, if it is not the one of this folder. What stands
// before the folder is a flag, or nothing where the command takes it as an argument.
func stageWords(flag, dir, stage string) string {
	words := ""
	if dir != "." {
		words += " " + flag + tty.ShellWord(dir)
	}
	if stage != doorwright.DefaultStage {
		words += " --stage " + tty.ShellWord(stage)
	}
	return words
}

// envCommand is the command that points a shell at a stage.
func envCommand(dir, stage string) string {
	return `eval "$(doorwright env` + stageWords("", dir, stage) + `)"`
}

func newEnv() *cobra.Command {
	var stage, shell string
	var asJSON bool
	var q doorwright.CallQuery
	cmd := &cobra.Command{
		Use:   "env [DIR]",
		Short: "Print the variables that point the AWS CLI and SDKs at the stage",
		Long: "Env prints shell commands. Use it as\n\n  eval \"$(doorwright env)\"\n\n" +
			"The keys are the stage's root keys; with --role or --identity-pool they are a session of the\n" +
			"running stage's, which lives for an hour.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := doorwright.ReadEnvironment(dirArg(args), stage)
			if err != nil {
				return err
			}
			if t := q.Token; q.IdentityPool == "" && (t.User != "" || t.Pool != "" || t.Client != "" || t.Tenant != "" || t.Application != "") {
				return errors.New("a user has AWS keys of an identity pool: say which with --identity-pool")
			}
			variables, unset := env.Variables(), []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"}
			if q.Role != "" || q.IdentityPool != "" {
				call, err := doorwright.ReadKeys(cmd.Context(), dirArg(args), stage, q)
				if err != nil {
					return err
				}
				env.AccessKeyID, env.SecretAccessKey = call.Keys.AccessKeyID, call.Keys.SecretAccessKey
				variables, unset = append(env.Variables(), doorwright.Variable{Name: "AWS_SESSION_TOKEN", Value: call.Keys.SessionToken}), unset[1:]
			}
			if asJSON {
				object := map[string]string{}
				for _, v := range variables {
					object[v.Name] = v.Value
				}
				return printJSON(cmd.OutOrStdout(), object)
			}
			return printEnv(cmd.OutOrStdout(), variables, unset, shell)
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().StringVar(&shell, "shell", defaultShell(), "the shell to print for: sh, which is bash and zsh too, fish, powershell or cmd")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().StringVar(&q.Role, "role", "", "keys of this role (`NAME`), as doorwright routes names who may call")
	cmd.Flags().StringVar(&q.IdentityPool, "identity-pool", "", "keys of this identity pool: of --user, or of a guest")
	cmd.Flags().StringVar(&q.Token.User, "user", "", "the user who is signed in to the identity pool")
	cmd.Flags().StringVar(&q.Token.Pool, "pool", "", "the user's pool, if there are several")
	cmd.Flags().StringVar(&q.Token.Client, "client", "", "the client of the user's pool that the user signs in to")
	cmd.Flags().StringVar(&q.Token.Tenant, "tenant", "", "the user's tenant")
	cmd.Flags().StringVar(&q.Token.Application, "application", "", "the tenant's application that the user signs in to")
	return cmd
}

// defaultShell goes by the user's login shell, as direnv and others do.
func defaultShell() string {
	switch filepath.Base(os.Getenv("SHELL")) {
	case "fish":
		return "fish"
	case ".": // unset, as on Windows
		if os.PathSeparator == '\\' {
			return "powershell"
		}
	}
	return "sh"
}

// printEnv writes one command a variable. What would lead a client past the
// stage's own keys is unset.
func printEnv(w io.Writer, variables []doorwright.Variable, unsetting []string, shell string) error {
	var set, unset string
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	switch shell {
	case "sh", "bash", "zsh", "dash", "ksh":
		set, unset = "export %s=%s\n", "unset %s\n"
	case "fish":
		set, unset = "set -gx %s %s;\n", "set -e %s;\n"
		quote = func(s string) string {
			return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
		}
	case "powershell", "pwsh":
		set, unset = "$env:%s = %s\n", "Remove-Item Env:%s -ErrorAction SilentlyContinue\n"
		quote = func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	case "cmd":
		set, unset = "set \"%s=%s\"\n", "set %s=\n"
		quote = func(s string) string { return s } // no value holds a quote or a per cent sign
	default:
		return fmt.Errorf("there is no shell %q; use sh, fish, powershell or cmd", shell)
	}
	for _, v := range variables {
		if _, err := fmt.Fprintf(w, set, v.Name, quote(v.Value)); err != nil {
			return err
		}
	}
	for _, name := range unsetting {
		if _, err := fmt.Fprintf(w, unset, name); err != nil {
			return err
		}
	}
	return nil
}
