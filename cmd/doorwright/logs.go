package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newLogs() *cobra.Command {
	var dir, stage, access string
	var q doorwright.LogQuery
	var since time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "logs [FUNCTION]",
		Short: "Print what the functions of the running or last stage have logged",
		Long: "Logs prints the lines of all functions, or of FUNCTION, a handler as the declaration has it:\n" +
			"time, handler, the invocation's request id, and the text. The last 4 to 8 MB are kept.\n\n" +
			"  doorwright logs functions/private --since 10m\n" +
			"  doorwright logs --request JCJJxhz4PHcEJgQ=\n\n" +
			"With --access the lines are those of an API that has an accessLog, as they are.\n\n" +
			"--request takes an invocation's id or, while the stage runs, the apigw-requestid or\n" +
			"x-amzn-RequestId of an answer.",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return proposed(functionNames(dir, stage))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				q.Function = args[0]
			}
			if access != "" {
				if len(args) > 0 || since != 0 || q.RequestID != "" || asJSON {
					return errors.New("--access goes with --follow alone: its lines are in the form that the declaration gives them")
				}
				return doorwright.ReadAccessLog(cmd.Context(), dir, stage, access, q.Follow, func(line string) error {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
					return err
				})
			}
			if since < 0 {
				return fmt.Errorf("--since is how long ago, such as 10m, and not %v", since)
			}
			if since > 0 {
				q.Since = time.Now().Add(-since)
			}
			if err := isFunction(dir, stage, q.Function); err != nil {
				return err
			}
			return doorwright.ReadLogs(cmd.Context(), dir, stage, q, func(l doorwright.LogLine) error {
				if asJSON {
					text, err := json.Marshal(l)
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", harmless(string(text)))
					return err
				}
				id := l.RequestID
				if id == "" {
					id = "-"
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s  %s\n", l.Time.Local().Format("2006-01-02 15:04:05.000"), l.Function, id, l.Text)
				return err
			})
		},
	}
	stageFlag(cmd, &stage)
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".", "the folder of the declaration")
	flags.BoolVarP(&q.Follow, "follow", "f", false, "go on with what is written from now on")
	flags.DurationVar(&since, "since", 0, "what is not older than this, such as 10m")
	flags.StringVar(&q.RequestID, "request", "", "the lines of this request")
	flags.StringVar(&access, "access", "", "the access log of this API")
	flags.BoolVar(&asJSON, "json", false, "print each line as a line of JSON")
	return cmd
}

// functionNames are the handlers of a declaration.
func functionNames(dir, stage string) []string {
	decl, err := doorwright.Check(dir, stage)
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range decl.Functions() {
		names = append(names, f.Handler)
	}
	return names
}

// isFunction refuses a handler that the declaration does not have, of which there would be
// no line and no word.
func isFunction(dir, stage, handler string) error {
	names := functionNames(dir, stage)
	if handler == "" || len(names) == 0 || slices.Contains(names, handler) {
		return nil
	}
	return fmt.Errorf("the declaration has no function %q: it has %s", handler, strings.Join(slices.Compact(names), ", "))
}
