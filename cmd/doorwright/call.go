package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

// callCommand is what `call` was asked for.
type callCommand struct {
	dir, stage string
	q          doorwright.CallQuery
	token      string // of --token
	data       string
	headers    []string
	presign    bool
	include    bool
	print      bool

	bearer string
	header http.Header
	body   []byte
}

// exitRefused is the exit code of an answer of 400 or more, as that of `curl --fail`.
const exitRefused = 22

func newCall() *cobra.Command {
	c := &callCommand{}
	cmd := &cobra.Command{
		Use:   "call [METHOD] PATH|URL",
		Short: "Send a request to the running stage, as a user, an application or a role",
		Long: "Call sends one request to an API of the running stage and prints the answer's body; with -i\n" +
			"its status and headers too, which else only the terminal is told, on standard error. Whose\n" +
			"token is good for the route is found by its authorizer; where that is iam, the user signs the\n" +
			"request with the AWS keys that an identity pool gives.\n\n" +
			"  doorwright call /private --user rider@example.com\n" +
			"  doorwright call POST /notes --role Users.groups.admins -d '{\"text\":\"hello\"}'\n" +
			"  doorwright call /notes --user rider@example.com --print\n\n" +
			"With --print it sends nothing, and prints the request as curl and the AWS CLI send it; tokens\n" +
			"and keys are commands and variables there, so that the line may be pasted and kept.\n\n" +
			"Exit codes: 0 for an answer below 400; 22 for one of 400 and more, as of curl --fail, after the\n" +
			"body is printed; 1 if there is no answer.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.paths,
		RunE:              c.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&c.dir, "dir", ".", "the folder of the declaration")
	stageFlag(cmd, &c.stage)
	flags.StringVar(&c.q.API, "api", "", "the API, if there are several")
	flags.StringVar(&c.q.Token.User, "user", "", "send a token of this user; with --identity-pool, --iam or at a route of IAM authorization sign with the user's keys")
	flags.StringVar(&c.q.Token.Pool, "pool", "", "the user pool of the user, if the route's authorizer does not tell")
	flags.StringVar(&c.q.Token.Client, "client", "", "the user pool's client")
	flags.StringVar(&c.q.Token.Tenant, "tenant", "", "the tenant of the user or the application")
	flags.StringVar(&c.q.Token.Application, "application", "", "the tenant's application: without --user the token is its own")
	flags.StringVar(&c.q.Token.API, "audience", "", "the tenant's API that the token is for")
	flags.StringVar(&c.q.Token.Scope, "scope", "", "what the application asks for; the route's scopes if not said")
	flags.BoolVar(&c.q.IDToken, "id-token", false, "send the ID token instead")
	flags.StringVar(&c.token, "token", "", "send this token; - reads it from standard input, where no history keeps it")
	flags.BoolVar(&c.q.Signed, "iam", false, "sign the request (Signature Version 4): say as whom with --user or one of the next three")
	flags.StringVar(&c.q.Role, "role", "", "sign as this role (`NAME`), as doorwright routes names who may call: a function, Users.groups.admins, Auth.authenticated")
	flags.StringVar(&c.q.IdentityPool, "identity-pool", "", "sign with keys of this identity pool, if there are several: of --user, or of a guest")
	flags.BoolVar(&c.q.Root, "root", false, "sign with the stage's root keys")
	flags.BoolVar(&c.presign, "presign", false, "put the signature into the URL, which is good for 15 minutes; alone or with --print it is printed")
	flags.StringVar(&c.q.APIKey, "api-key", "", "send the value of this declared API key in x-api-key")
	flags.StringVarP(&c.data, "data", "d", "", "the body, or @FILE; @- is standard input. The method is then POST, and the type JSON, unless said")
	flags.StringArrayVarP(&c.headers, "header", "H", nil, "a header, such as 'accept: text/plain'; may be repeated")
	flags.BoolVarP(&c.include, "include", "i", false, "print status and headers before the body")
	flags.BoolVar(&c.print, "print", false, "send nothing, and print the request as commands of curl and the AWS CLI")
	return cmd
}

func (c *callCommand) run(cmd *cobra.Command, args []string) error {
	if err := c.read(cmd, args); err != nil {
		return err
	}
	call, err := doorwright.ReadCall(cmd.Context(), c.dir, c.stage, c.q)
	if err != nil {
		return err
	}
	if c.presign && call.Keys == nil {
		return errors.New("a presigned URL is signed: say as whom, with --role, --identity-pool or --root; a user signs with --iam")
	}
	if c.print {
		return c.printCommands(cmd.OutOrStdout(), call)
	}
	return c.send(cmd, call)
}

// read takes method, path, headers, body and token from the arguments.
func (c *callCommand) read(cmd *cobra.Command, args []string) error {
	c.q.Method, c.q.Path = http.MethodGet, args[len(args)-1]
	if c.data != "" {
		c.q.Method = http.MethodPost
	}
	if len(args) == 2 {
		c.q.Method = strings.ToUpper(args[0])
	}
	c.header = http.Header{}
	for _, text := range c.headers {
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(name) != name || name == "" {
			return errors.New("-H is 'name: value'") // without it: it may be a secret
		}
		c.header.Add(name, strings.TrimSpace(value))
	}
	if c.data == "@-" && c.token == "-" {
		return errors.New("standard input is either the token or the body")
	}
	var err error
	if c.bearer = c.token; c.token == "-" {
		if c.bearer, err = readSecret(cmd); err != nil {
			return err
		}
		c.bearer = strings.TrimSpace(c.bearer)
	}
	if c.token != "" && (c.q.Token.User != "" || c.q.Token.Application != "" || c.q.Role != "" || c.q.IdentityPool != "" || c.q.Root) {
		return errors.New("a request is of one caller: --token goes with no --user, --application, --role, --identity-pool or --root")
	}
	c.body = []byte(c.data)
	if name, isFile := strings.CutPrefix(c.data, "@"); isFile {
		in := cmd.InOrStdin()
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return fmt.Errorf("reading the body: %w", err)
			}
			defer f.Close()
			in = f
		}
		if c.body, err = io.ReadAll(io.LimitReader(in, maxCallBody+1)); err != nil {
			return fmt.Errorf("reading the body: %w", err)
		}
	}
	if len(c.body) > maxCallBody {
		return fmt.Errorf("the body has more than %d bytes, which no API takes", maxCallBody)
	}
	if c.data != "" && c.header.Get("Content-Type") == "" {
		c.header.Set("Content-Type", "application/json")
	}
	return nil
}

// maxCallBody is what an API of API Gateway takes and gives: "Payload size: 10 MB".
const maxCallBody = 10 << 20

// request is what is sent.
func (c *callCommand) request(cmd *cobra.Command, call doorwright.Call) (*http.Request, error) {
	r, err := http.NewRequestWithContext(cmd.Context(), c.q.Method, call.URL, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	r.Header = c.header.Clone()
	if bearer := c.bearer + call.Bearer; bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if call.APIKey != "" {
		r.Header.Set("X-Api-Key", call.APIKey)
	}
	if call.Keys != nil { // before the header below: a presigned URL is for anybody's
		err = call.Sign(r, c.body, c.presign, time.Now())
	}
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "doorwright-call")
	}
	return r, err
}

// send sends the request, and prints the answer.
func (c *callCommand) send(cmd *cobra.Command, call doorwright.Call) error {
	r, err := c.request(cmd, call)
	if err != nil {
		return err
	}
	if c.presign {
		fmt.Fprintln(cmd.ErrOrStderr(), r.URL)
	}
	if call.Role != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "signed as role %s, by identity pool %s\n", call.Role, call.IdentityPool)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true}, // no proxy: it is this machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("calling %s: %w", call.API, err)
	}
	defer res.Body.Close()
	out := cmd.OutOrStdout()
	if c.include {
		fmt.Fprintf(out, "%s %s\n", res.Proto, quoted(res.Status))
		for _, name := range sortedKeys(res.Header) {
			for _, value := range res.Header[name] {
				fmt.Fprintf(out, "%s: %s\n", name, quoted(value))
			}
		}
		fmt.Fprintln(out)
	} else {
		fmt.Fprintln(cmd.ErrOrStderr(), quoted(res.Status))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxCallBody))
	if err == nil {
		err = printBody(out, body)
	}
	if err != nil {
		return fmt.Errorf("reading the answer of status %d: %w", res.StatusCode, err)
	}
	if res.StatusCode < 400 {
		return nil
	}
	c.explain(cmd, res.Header)
	return &exitError{code: exitRefused}
}

// printBody prints a body as it is; for a person's terminal without what acts on it,
// and with an end of its line.
func printBody(w io.Writer, body []byte) error {
	if isTerminal(w) {
		lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n"), "\n")
		for i, line := range lines {
			lines[i] = quoted(strings.ReplaceAll(line, "\t", "  "))
		}
		body = []byte(strings.Join(lines, "\n") + "\n")
	}
	_, err := w.Write(body)
	return err
}

// explain says in a line why a request was refused, and how to learn more. What the
// stage does not tell is left out: the answer was printed.
func (c *callCommand) explain(cmd *cobra.Command, h http.Header) {
	id := h.Get("Apigw-Requestid")
	if id == "" {
		id = h.Get("X-Amzn-Requestid")
	}
	if id == "" {
		return
	}
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, "\nrequest %s", quoted(id))
	if x, err := doorwright.ReadExplanation(cmd.Context(), c.dir, c.stage, id); err == nil && x.Verdict != "" {
		fmt.Fprintf(w, ": %s", quoted(x.Verdict))
	}
	fmt.Fprintf(w, "\n`doorwright explain%s %s` says more\n", c.where(), tty.ShellWord(quoted(id)))
}

// where are the flags that name the stage, if it is not the one of this folder.
func (c *callCommand) where() string { return stageWords("--dir ", c.dir, c.stage) }

func sortedKeys(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// paths completes the path of a route.
func (c *callCommand) paths(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	decl, err := doorwright.Check(c.dir, c.stage)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var paths []string
	for _, r := range decl.Routes() {
		method, path, ok := strings.Cut(r.Key, " ")
		if ok && (len(args) == 0 || method == "ANY" || strings.EqualFold(method, args[0])) && (c.q.API == "" || c.q.API == r.API) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return proposed(paths)
}
