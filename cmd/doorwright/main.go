// Command doorwright runs a declared serverless API on your machine, with
// every authorizer really enforced.
//
// Exit codes: 0; 1 for what the user can mend, such as a mistake in the
// declaration; 2 for a fault of the program itself. `start -- CMD` exits with
// the code of CMD, and `call` with 22 for an answer of 400 and more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-ctx.Done()
		stop() // a second signal ends the program at once
	}()
	// What net/http logs past its owner quotes upstreams' answers, and may hold
	// their secrets. The owners tell of what went wrong themselves.
	log.SetOutput(io.Discard)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// exitError ends the program with a code of its own and, without a message,
// silently.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run is the whole program but for the process: signals and exit are main's.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "doorwright: internal error: %v\n%s\nThis is a fault of doorwright's; please report it with the lines above.\n", p, debug.Stack())
			code = 2
		}
	}()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			printError(stderr, exit.err)
		}
		return exit.code
	default:
		printError(stderr, err)
		return 1
	}
}

// printError says what went wrong and, on a line of its own, how to mend it.
// The mistakes of a declaration carry position and fix themselves.
func printError(w io.Writer, err error) {
	var list app.ErrorList
	if errors.As(err, &list) {
		fmt.Fprintln(w, harmless(list.Error()))
		return
	}
	fmt.Fprintln(w, "doorwright: "+harmless(err.Error()))
	var fix interface{ Hint() string }
	if errors.As(err, &fix) && fix.Hint() != "" {
		fmt.Fprintln(w, harmless(fix.Hint()))
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "doorwright",
		Short: "Run a serverless API locally, with every authorizer really enforced",
		Long: "Doorwright runs a serverless API from one declaration, doorwright.yaml: its routes,\n" +
			"who may call them, its user pools and its functions. Locally and live, with every\n" +
			"authorizer really enforced.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newInit(), newStart(), newConsole(), newOutputs(), newEnv(), newCheck(), newRoutes(), newSchema())
	root.AddCommand(newToken(), newUsers(), newCall(), newExplain(), newLogs(), newSecret())
	root.AddCommand(newSynth(), newDeploy(), newRemove(), newParity(), newTrust(), newVersion())
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &hintedError{err, "`" + cmd.CommandPath() + " --help` lists the flags"}
	})
	sayUsage(root)
	completeFlags(root)
	return root
}

// sayUsage has each command answer other arguments than it takes with those that it does.
func sayUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil {
				return nil
			}
			if cmd.HasSubCommands() {
				hint := "`" + cmd.CommandPath() + " --help` lists the commands"
				cmd.SuggestionsMinimumDistance = 2 // cobra's own, which it sets for the root alone
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					hint = "did you mean " + cmd.CommandPath() + " " + strings.Join(near, " or ") + "?"
				}
				return &hintedError{err, hint}
			}
			if strings.HasPrefix(err.Error(), "unknown command") { // what cobra.NoArgs says of an argument
				err = fmt.Errorf("%s takes no argument: %q", cmd.CommandPath(), args[0])
			}
			return &hintedError{err, "usage: " + cmd.UseLine()}
		}
	}
	for _, c := range cmd.Commands() {
		sayUsage(c)
	}
}

// dirArg gives the DIR argument that most commands take: the folder of the
// declaration, "." if there is none.
func dirArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
