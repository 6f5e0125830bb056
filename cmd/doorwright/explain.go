package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

// tokenVariable is the environment's variable with the token of a dry run, which
// others on the machine cannot see as they see arguments.
const tokenVariable = "DOORWRIGHT_TOKEN"

// explanationJSON documents what --json prints. Fields are added to it, and never taken.
const explanationJSON = `With --json it is one object, whose fields stay as they are; a later version may add some:

  requestId time source method path route status allowed dryRun verdict durationNs
  steps     [kind name outcome text durationNs facts statements function]
            outcome is passed, refused, not reached or noted
    facts       [name want got match]
    statements  [source policy statement position path effect matched deciding why about
                conditions [operator key want got match]]
  advice    [text change {where name value}]
            where is header, query, request, signing, login, issuer, declaration, role,
            user, policy, function or clock
  function  {function requestId event reply error log durationNs}`

func newExplain() *cobra.Command {
	var dir, stage, token, data string
	var headers []string
	var asJSON bool
	var q doorwright.RequestQuery
	cmd := &cobra.Command{
		Use:   "explain REQUEST-ID | METHOD PATH",
		Short: "Say why a request was let in or refused, and the smallest change that flips it",
		Long: "Explain says why a running stage answered a request as it did. With one argument it is a\n" +
			"request that was sent, by the apigw-requestid or x-amzn-RequestId of its answer, or the\n" +
			"beginning of it:\n\n" +
			"  doorwright explain JCJJxhz4PHcEJgQ=\n\n" +
			"An id of AWS's that begins with a hyphen goes after two: explain -- -KIBjh2TvHcEJWw=\n" +
			"With two it is one that is not sent: it is decided by the same rules, and nothing is invoked\n" +
			"but an authorizer function. PATH is below the API's URL.\n\n" +
			"  doorwright explain GET /private --token \"$(doorwright token --user me@example.com)\"\n" +
			"  doorwright token --user me@example.com | doorwright explain GET /private --token -\n" +
			"  doorwright explain POST /notes --header 'X-Api-Key: KEY' --data '{}' --api Api\n\n" +
			"The token may also be in the environment, as " + tokenVariable + ". It is never printed.\n\n" +
			explanationJSON,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			args = whatToExplain(args)
			ask := func() (*doorwright.Explanation, error) {
				return doorwright.ReadExplanation(cmd.Context(), dir, stage, args[0])
			}
			if len(args) == 1 && (token != "" || len(headers) > 0 || q.API != "" || data != "") {
				return errors.New("a request that was sent is as it is: --token, --header, --data and --api are for METHOD PATH")
			}
			if len(args) == 2 {
				q.Method, q.Path, q.Body = strings.ToUpper(args[0]), args[1], []byte(data)
				var err error
				if q.Header, err = dryHeader(headers, token, cmd.InOrStdin()); err != nil {
					return err
				}
				ask = func() (*doorwright.Explanation, error) { return doorwright.ReadDryRun(cmd.Context(), dir, stage, q) }
			}
			x, err := ask()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), x)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), x.Text())
			return err
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; if that is an id, write -- before it: doorwright explain -- ID", err)
	})
	stageFlag(cmd, &stage)
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", ".", "the folder of the declaration")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.StringVar(&token, "token", "", "the bearer token, or - for the standard input")
	flags.StringArrayVar(&headers, "header", nil, "a header, as 'Name: value'; may be repeated")
	flags.StringVar(&data, "data", "", "the body")
	flags.StringVar(&q.API, "api", "", "the API, if there are several")
	return cmd
}

// whatToExplain reads the arguments as they are pasted: an id with the header's name before
// it is an id, and a path or a URL alone is asked for by GET.
func whatToExplain(args []string) []string {
	first, last := args[0], args[len(args)-1]
	if len(args) == 2 {
		if strings.HasSuffix(first, ":") {
			return []string{strings.TrimSpace(last)}
		}
		return args
	}
	if strings.HasPrefix(first, "/") || strings.Contains(first, "://") {
		return []string{http.MethodGet, first}
	}
	if _, id, ok := strings.Cut(first, ":"); ok {
		first = id
	}
	return []string{strings.TrimSpace(first)}
}

// explainCommand gives the command that explains a request of a stage, but for its id.
func explainCommand(dir, stage string) string {
	return "doorwright explain" + stageWords("--dir ", dir, stage)
}

// maxToken bounds a token on the standard input. API Gateway refuses heads of 10 KB.
const maxToken = 64 << 10

// dryHeader gives the header of a request that is not sent.
func dryHeader(headers []string, token string, stdin io.Reader) (http.Header, error) {
	h := http.Header{}
	for _, line := range headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errors.New("a --header is 'Name: value'") // without it: it may be a secret
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if token == "-" {
		text, err := io.ReadAll(io.LimitReader(stdin, maxToken+1))
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		if token = strings.TrimSpace(string(text)); token == "" || len(text) > maxToken {
			return nil, errors.New("the standard input has no token")
		}
	}
	if token == "" && h.Get("Authorization") == "" {
		token = os.Getenv(tokenVariable)
	}
	if token != "" {
		if h.Get("Authorization") != "" {
			return nil, errors.New("there are two tokens: --token, and --header Authorization")
		}
		h.Set("Authorization", "Bearer "+strings.TrimPrefix(token, "Bearer "))
	}
	return h, nil
}
