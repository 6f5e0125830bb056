package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/cloudformation/stack"
	"github.com/doorwright/doorwright/sigv4"
)

// parityFlags are the flags of `parity`.
type parityFlags struct {
	stage, local, apiKey   string
	urls, tokens, profiles []string
	allMethods, showAsJSON bool
}

func newParity() *cobra.Command {
	var f parityFlags
	cmd := &cobra.Command{
		Use:   "parity [DIR]",
		Short: "Compare who may call what on AWS with the local stage",
		Long: "Parity sends the same requests to a deployed stage and to a local one, each route as each\n" +
			"caller, and prints where the answers differ: the status, the bodies of refusals, and the\n" +
			"headers www-authenticate, x-amzn-errortype and content-type. Exit code 1 says that some do.\n\n" +
			"Where the APIs are is what `deploy` has written down, or --url. The callers are those of\n" +
			"doorwrighttest.Matrix. Tokens of the local stage are made; those of the deployed one are\n" +
			"yours to give, by --token CALLER=@FILE, --token CALLER=- for standard input, or\n" +
			"DOORWRIGHT_TOKEN_CALLER in the environment, in capitals and with _ for what is no letter or\n" +
			"digit. Give a caller an ID token beside an access token, or tokens for several APIs, by\n" +
			"repeating it. Who sends a forged token, or none, needs none. What cannot be asked is listed,\n" +
			"and never counted as alike.\n\n" +
			"These are real requests, and what is allowed runs its function on both sides. Methods other\n" +
			"than GET, HEAD and OPTIONS are therefore sent only where the local stage refuses them, unless\n" +
			"--all-methods says otherwise.\n\n" +
			"The local stage is the running one; if it does not run it is started for that time, with a\n" +
			"state of its own.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return parity(cmd, dirArg(args), f) },
	}
	cmd.Flags().StringVar(&f.stage, "stage", "prod", "the deployed stage")
	cmd.Flags().StringVar(&f.local, "local", doorwright.DefaultStage, "the local stage")
	cmd.Flags().StringArrayVar(&f.urls, "url", nil, "API=URL: where an API is deployed; may be repeated")
	cmd.Flags().StringArrayVar(&f.tokens, "token", nil, "CALLER=@FILE: a caller's token of the deployed stage; may be repeated")
	cmd.Flags().StringArrayVar(&f.profiles, "profile", nil, "CALLER=PROFILE: the profile of ~/.aws/config with a caller's credentials; may be repeated")
	cmd.Flags().StringVar(&f.apiKey, "api-key", "", "an API key of the deployed stage, as @FILE or - for standard input; DOORWRIGHT_API_KEY if not given")
	cmd.Flags().BoolVar(&f.allMethods, "all-methods", false, "also send allowed requests that may change something")
	cmd.Flags().BoolVar(&f.showAsJSON, "json", false, "print the result as JSON")
	return cmd
}

func parity(cmd *cobra.Command, dir string, f parityFlags) error {
	cfg := doorwright.ParityConfig{
		Dir: dir, Stage: f.stage, Local: f.local, URLs: map[string]string{}, Tokens: map[string][]string{}, Env: os.LookupEnv,
		Keys: map[string]sigv4.Credentials{}, AllMethods: f.allMethods,
		Asking: func(api, url string) { fmt.Fprintf(cmd.ErrOrStderr(), "Asking %s at %s\n", api, url) },
	}
	read := &valueReader{stdin: cmd.InOrStdin()}
	err := errors.Join(
		eachPair("url", f.urls, func(api, url string) error { cfg.URLs[api] = url; return nil }),
		eachPair("token", f.tokens, func(caller, value string) error {
			token, err := read.value(value)
			cfg.Tokens[caller] = append(cfg.Tokens[caller], token)
			return err
		}),
		eachPair("profile", f.profiles, func(caller, profile string) (err error) {
			cfg.Keys[caller], err = profileKeys(cmd.Context(), profile)
			return err
		}),
	)
	if err != nil {
		return err
	}
	if f.apiKey == "" {
		cfg.APIKey = os.Getenv("DOORWRIGHT_API_KEY")
	} else if cfg.APIKey, err = read.value(f.apiKey); err != nil {
		return err
	}
	report, err := doorwright.Parity(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	if f.showAsJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = printParity(cmd.OutOrStdout(), newTerminal(cmd.OutOrStdout(), false), report)
	}
	switch {
	case err != nil:
		return err
	case len(report.Differences) > 0:
		return &exitError{code: 1}
	case report.Alike == 0:
		return errors.New("nothing could be asked, so nothing is known")
	}
	return nil
}

// eachPair reads NAME=VALUE flags.
func eachPair(flag string, pairs []string, do func(name, value string) error) error {
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || value == "" { // the value may be a secret
			return fmt.Errorf("--%s takes NAME=VALUE", flag)
		}
		if err := do(name, value); err != nil {
			return fmt.Errorf("--%s %s: %w", flag, name, err)
		}
	}
	return nil
}

// valueReader reads values that are on the command line, in files or, once, on standard
// input.
type valueReader struct {
	stdin io.Reader
	used  bool
}

func (v *valueReader) value(text string) (string, error) {
	from := v.stdin
	file, ok := strings.CutPrefix(text, "@")
	switch {
	case ok:
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		from = f
	case text != "-":
		return text, nil
	case v.used:
		return "", errors.New("standard input has been read for another")
	default:
		v.used = true
	}
	b, err := io.ReadAll(io.LimitReader(from, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("it has more than %d bytes", maxSecret)
	}
	return strings.TrimSpace(string(b)), nil
}

// profileKeys finds the credentials of a profile as every SDK of AWS does.
func profileKeys(ctx context.Context, profile string) (sigv4.Credentials, error) {
	cfg, err := stack.Load(ctx, "", profile)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("reading the credentials of profile %s: %w", profile, err)
	}
	return sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey, SessionToken: keys.SessionToken}, nil
}

// printParity prints what differs, callers with the same differences together, then what
// was not asked.
func printParity(w io.Writer, term *terminal, r *doorwright.ParityReport) error {
	var b strings.Builder
	differently := 0
	for _, g := range differences(r.Differences) {
		differently += len(g.callers)
		fmt.Fprintln(&b, term.paint(red, g.route)+" as "+strings.Join(g.callers, ", "))
		if g.why != "" {
			fmt.Fprintf(&b, "  the local stage decides: %s\n", g.why)
		}
		b.WriteString(g.text)
	}
	if len(r.NotAsked) > 0 {
		fmt.Fprintln(&b, term.paint(yellow, "Not asked"))
	}
	notAsked := 0
	for _, g := range r.NotAsked {
		notAsked += len(g.Callers)
		fmt.Fprintf(&b, "  %s %s as %s (%s)\n", g.API, g.Route, strings.Join(g.Callers, ", "), g.Why)
	}
	fmt.Fprintf(&b, "Stage %s on AWS and %s here: %d answered alike, %d differently, %d not asked\n", r.Stage, r.Local, r.Alike, differently, notAsked)
	_, err := io.WriteString(w, b.String())
	return err
}

// sameDifference are callers of a route who are all answered in the same two ways.
type sameDifference struct {
	route, why, text string
	callers          []string
}

// differences gathers them.
func differences(all []doorwright.ParityDifference) (groups []*sameDifference) {
	var each []*sameDifference // one for each caller
	for _, d := range all {
		route := d.API + " " + d.Route
		if n := len(each); n == 0 || each[n-1].route != route || each[n-1].callers[0] != d.Caller {
			each = append(each, &sameDifference{route: route, why: d.Why, callers: []string{d.Caller}})
		}
		each[len(each)-1].text += fmt.Sprintf("  %s: %s here, %s there\n", d.What, orNone(d.Local), orNone(d.Deployed))
	}
	for _, e := range each {
		at := slices.IndexFunc(groups, func(g *sameDifference) bool { return g.route == e.route && g.why == e.why && g.text == e.text })
		if at < 0 {
			groups = append(groups, e)
			continue
		}
		groups[at].callers = append(groups[at].callers, e.callers...)
	}
	return groups
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
