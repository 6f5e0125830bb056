package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newStart() *cobra.Command {
	var stage, inspect string
	var asJSON, inspectWait bool
	cmd := &cobra.Command{
		Use:   "start [DIR] [-- CMD...]",
		Short: "Run everything locally, live",
		Long: "Start runs the declaration in DIR: it builds the functions, serves the APIs and the AWS\n" +
			"endpoint on loopback, rebuilds what you save, and logs each request with its decision.\n\n" +
			"With CMD it runs CMD when all is ready, with the environment that `doorwright env` prints\n" +
			"and each output as DOORWRIGHT_NAME, and exits with CMD's code.\n\n" +
			"With --inspect FUNCTION, a handler as the declaration has it, a debugger reaches the function\n" +
			"on loopback: Node.js's inspector, Delve (dlv in PATH) or debugpy. The function has symbols\n" +
			"and one instance, and neither it nor what calls it has a time-out; the terminal says how to\n" +
			"attach. Anybody on this machine who may connect to the port can run code as the function.",
		Args: func(cmd *cobra.Command, args []string) error {
			dirs, _ := splitCommand(cmd, args)
			return cobra.MaximumNArgs(1)(cmd, dirs)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, command := splitCommand(cmd, args)
			term := newTerminal(cmd.OutOrStdout(), asJSON)
			term.explain = explainCommand(dirArg(dirs), stage)
			return start(cmd, term, doorwright.Config{
				Dir: dirArg(dirs), Stage: stage, Inspect: inspect, InspectWait: inspectWait, AuthorityDir: os.Getenv(authorityDirVariable), Observe: term.observe,
				Console: doorwright.NewConsole(),
			}, command)
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each event as a line of JSON")
	cmd.Flags().StringVar(&inspect, "inspect", "", "let a debugger reach this function, without time-outs")
	cmd.Flags().BoolVar(&inspectWait, "inspect-wait", false, "run nothing of the inspected function until a debugger has attached")
	_ = cmd.RegisterFlagCompletionFunc("inspect", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return proposed(functionNames(dirArg(args), stage))
	})
	return cmd
}

// commandGrace is how long CMD may take to end after an interrupt.
const commandGrace = 10 * time.Second

// splitCommand parts DIR from the command that follows "--".
func splitCommand(cmd *cobra.Command, args []string) (dirs, command []string) {
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		return args[:dash], args[dash:]
	}
	return args, nil
}

func stageFlag(cmd *cobra.Command, stage *string) {
	cmd.Flags().StringVar(stage, "stage", doorwright.DefaultStage, "the stage")
}

// start runs the app until the context ends or, with a command, until that
// ends. Without one it starts again whenever a declaration without mistakes was
// saved.
func start(cmd *cobra.Command, term *terminal, cfg doorwright.Config, command []string) error {
	for {
		again, err := startOnce(cmd, term, cfg, command)
		if err != nil || !again {
			return err
		}
		cfg.Observe(doorwright.Event{Time: time.Now(), Kind: doorwright.KindProgress, Text: "the declaration was saved: starting again"})
	}
}

// startOnce runs the app once. It says whether it ended because the
// declaration was saved.
func startOnce(cmd *cobra.Command, term *terminal, cfg doorwright.Config, command []string) (again bool, err error) {
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	a, err := doorwright.New(cfg)
	if err != nil {
		return false, err
	}
	if err := a.Listen(ctx); err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }() // ends when ctx does; its end is awaited below
	select {
	case err := <-ended:
		return false, runError(err)
	case <-a.Ready():
	}
	term.deployed(a, envCommand(cfg.Dir, cfg.Stage))
	if len(command) == 0 { // a log of somebody's build is no place for a link
		link, _ := a.ConsoleLink()
		term.console(link)
	}
	var beside sync.WaitGroup // all of it ends with ctx
	beside.Go(func() { warnOfOldCLI(ctx, cfg.Observe) })
	if len(command) > 0 {
		err = runCommand(ctx, cmd, a, command)
		stop()
	} else {
		beside.Go(func() {
			if watchForMistakes(ctx, cfg, func() { again = true; stop() }) != nil {
				cfg.Observe(doorwright.Event{Time: time.Now(), Kind: doorwright.KindWarning, Text: "changes of the declaration are not noticed: start again after them"})
			}
		})
	}
	err = errors.Join(err, runError(<-ended))
	stop()
	beside.Wait()
	return again && cmd.Context().Err() == nil, err
}

// watchForMistakes calls restart once a declaration without mistakes was
// saved. One with mistakes is told of, and what was started goes on.
func watchForMistakes(ctx context.Context, cfg doorwright.Config, restart func()) error {
	return watchDeclaration(ctx, cfg.Dir, func() {
		if _, err := doorwright.Check(cfg.Dir, cfg.Stage); err != nil {
			cfg.Observe(doorwright.Event{
				Time: time.Now(), Kind: doorwright.KindError,
				Text: "the declaration was saved with mistakes; what was started goes on\n" + err.Error(),
			})
			return
		}
		restart()
	})
}

// runError marks an error of the running app as a fault that is not the
// user's, unless it carries a fix; ending by a signal is none.
func runError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	if mendable := (interface{ Hint() string })(nil); errors.As(err, &mendable) {
		return err
	}
	return &exitError{code: 2, err: err}
}

// runCommand runs the user's command beside the app and gives its exit code.
func runCommand(ctx context.Context, cmd *cobra.Command, a *doorwright.App, command []string) error {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	c.Env = commandEnv(os.Environ(), a)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = commandGrace
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, ctx.Err() != nil: // it was we who were told to end
		return nil
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return &exitError{code: exit.ExitCode()}
	default:
		return fmt.Errorf("running %s: %w", strings.Join(command, " "), err)
	}
}

// commandEnv is the caller's environment, pointed at the running stage.
func commandEnv(environ []string, a *doorwright.App) []string {
	env := make([]string, 0, len(environ)+16)
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if name != "AWS_SESSION_TOKEN" && name != "AWS_PROFILE" {
			env = append(env, e)
		}
	}
	for _, v := range a.Environment().Variables() {
		env = append(env, v.Name+"="+v.Value)
	}
	for _, o := range a.Outputs() {
		env = append(env, "DOORWRIGHT_"+o.Name+"="+o.Value)
	}
	return env
}
