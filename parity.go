package doorwright

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/matrix"
	"github.com/doorwright/doorwright/sigv4"
)

// ParityConfig says what Parity compares.
type ParityConfig struct {
	// Dir is the folder of the declaration, and Stage the deployed stage.
	Dir, Stage string
	// Local is the local stage that it is compared with; DefaultStage if empty. If it
	// does not run it is started for as long as it takes, with a state of its own.
	Local string
	// URLs are the base URLs of deployed APIs, in place of those of the outputs that
	// `deploy` has written down.
	URLs map[string]string
	// Tokens are tokens of the deployed side, by caller: one of each kind and for each
	// audience that the caller's requests have. Env looks up those that are not among
	// them, with spaces between; nil is an empty environment.
	Tokens map[string][]string
	Env    func(name string) (string, bool)
	// Keys are AWS credentials of the deployed side, by caller.
	Keys map[string]sigv4.Credentials
	// APIKey is an API key of the deployed side.
	APIKey string
	// AllMethods also sends to routes what may act there: by default others than GET,
	// HEAD and OPTIONS are sent only where the local stage refuses them.
	AllMethods bool
	// Asking is told where an API is deployed, before anything is sent there. Nobody is
	// if nil.
	Asking func(api, url string)
	// Observe is told of the local stage while it is started here. Nobody is if nil.
	Observe func(Event)
}

// ParityReport is what Parity has found.
type ParityReport struct {
	Stage string `json:"stage"`
	Local string `json:"local"`
	// Alike is how many requests were answered alike.
	Alike       int                `json:"alike"`
	Differences []ParityDifference `json:"differences"`
	// NotAsked are the requests that nothing is known of.
	NotAsked []ParityGap `json:"notAsked"`
}

// ParityDifference is a request that is answered in two ways.
type ParityDifference struct {
	API    string `json:"api"`
	Route  string `json:"route"`
	Caller string `json:"caller"`
	// What is "status", "body" or the name of a header, or "answer" where there is none.
	What     string `json:"what"`
	Local    string `json:"local"`
	Deployed string `json:"deployed"`
	// Why is what decided locally.
	Why string `json:"why,omitempty"`
}

// ParityGap are requests that were not sent, for the same reason.
type ParityGap struct {
	API     string   `json:"api"`
	Route   string   `json:"route"`
	Callers []string `json:"callers"`
	Why     string   `json:"why"`
}

// Bounds of Parity's requests. API Gateway gives up after 30 seconds.
const (
	parityTimeout = 40 * time.Second
	parityAtOnce  = 4
)

// Parity asks a deployed stage and a local one what each caller of the matrix gets at
// each route, by real requests, and compares the answers. A function of an allowed
// request runs, on both sides.
func Parity(ctx context.Context, cfg ParityConfig) (*ParityReport, error) {
	if cfg.Local == "" {
		cfg.Local = DefaultStage
	}
	if cfg.Env == nil {
		cfg.Env = func(string) (string, bool) { return "", false }
	}
	decl, err := Check(cfg.Dir, cfg.Local)
	if err != nil {
		return nil, err
	}
	local, remote := &http.Transport{}, http.DefaultTransport.(*http.Transport).Clone() // the local one is this machine, without a proxy
	defer local.CloseIdleConnections()
	defer remote.CloseIdleConnections()
	c := &comparison{cfg: cfg, local: &http.Client{Transport: local}, remote: &http.Client{Transport: remote}}
	for _, client := range []*http.Client{c.local, c.remote} {
		client.Timeout = parityTimeout
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	if err := c.findURLs(decl); err != nil {
		return nil, err
	}
	plan, stop, err := localMatrix(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.plan = plan
	report, err := c.run(ctx)
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return nil, err
	}
	return report, nil
}

// localMatrix asks the running local stage for its matrix, or starts it.
func localMatrix(ctx context.Context, cfg ParityConfig) (*matrixPlan, func() error, error) {
	_, found, err := ReadLocalState(cfg.Dir, cfg.Local)
	if err != nil {
		return nil, nil, err
	}
	if found {
		plan := &matrixPlan{}
		err := askStage(ctx, cfg.Dir, cfg.Local, matrixTarget, matrixQuery{}, plan)
		if err == nil {
			return plan, func() error { return nil }, nil
		}
		if stopped := (*notRunningError)(nil); !errors.As(err, &stopped) {
			return nil, nil, fmt.Errorf("asking the local stage who may call what: %w", err)
		}
	}
	return startedMatrix(ctx, cfg)
}

// startedMatrix starts a stage of which nothing is left.
func startedMatrix(ctx context.Context, cfg ParityConfig) (_ *matrixPlan, _ func() error, err error) {
	state, err := os.MkdirTemp("", "doorwright-parity-")
	if err != nil {
		return nil, nil, fmt.Errorf("starting the local stage: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	stop := func() error {
		cancel()
		return errors.Join(<-ended, os.RemoveAll(state))
	}
	a, err := New(Config{
		Dir: cfg.Dir, Stage: cfg.Local, State: filepath.Join(state, "state"), Temporary: true, AuthorityDir: filepath.Join(state, "ca"), AnyPort: true, Observe: cfg.Observe,
	})
	if err == nil {
		err = a.Listen(ctx)
	}
	if err != nil {
		ended <- nil
		return nil, nil, errors.Join(err, stop())
	}
	go func() { ended <- a.Run(ctx) }() // ends when ctx does; stop waits for it
	select {
	case err := <-ended:
		ended <- nil
		return nil, nil, errors.Join(err, ctx.Err(), stop())
	case <-a.Ready():
	}
	plan, err := a.matrixPlan(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return plan, stop, nil
}

// A matrixQuery asks a running stage for its matrix, with what its callers send: tokens
// and credentials, which are for the stage's root keys alone.
type matrixQuery struct{}

func (a *App) queriedMatrix(ctx context.Context, _ matrixQuery) (any, error) {
	return a.matrixPlan(ctx)
}

// A comparison is one run of Parity.
type comparison struct {
	cfg           ParityConfig
	plan          *matrixPlan
	local, remote *http.Client
	urls          map[string]string // of the deployed side
	region        string            // of the deployed side; "" is the declaration's
	tokens        map[string][]string
}

func (c *comparison) run(ctx context.Context) (*ParityReport, error) {
	if err := c.findTokens(); err != nil {
		return nil, err
	}
	type result struct {
		alike       int
		differences []ParityDifference
		gaps        []ParityGap
	}
	results := make([]result, len(c.plan.Rows))
	group, ctx := errgroup.WithContext(ctx) // its goroutines end with their requests
	group.SetLimit(parityAtOnce)
	for i := range c.plan.Rows {
		group.Go(func() error {
			r := &results[i]
			for j, column := range c.plan.Columns {
				differences, why, err := c.cell(ctx, i, j)
				switch {
				case errors.Is(err, errNotAsked):
				case err != nil:
					return err
				case why != "":
					r.gaps = addGap(r.gaps, c.plan.Rows[i], column.Name, why)
				case len(differences) > 0:
					r.differences = append(r.differences, differences...)
				default:
					r.alike++
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	report := &ParityReport{Stage: c.cfg.Stage, Local: c.cfg.Local, Differences: []ParityDifference{}, NotAsked: []ParityGap{}}
	for _, r := range results {
		report.Alike += r.alike
		report.Differences = append(report.Differences, r.differences...)
		report.NotAsked = append(report.NotAsked, r.gaps...)
	}
	return report, nil
}

func addGap(gaps []ParityGap, row matrix.Row, caller, why string) []ParityGap {
	for i := range gaps {
		if gaps[i].Why == why {
			gaps[i].Callers = append(gaps[i].Callers, caller)
			return gaps
		}
	}
	return append(gaps, ParityGap{API: row.API, Route: row.Route, Callers: []string{caller}, Why: why})
}

// A parityError is what the user can mend.
type parityError struct{ message, fix string }

func (e *parityError) Error() string { return e.message }
func (e *parityError) Hint() string  { return e.fix }

// urlOutputs gives for each API the first output that is its URL and nothing else.
func urlOutputs(decl *app.App) map[string]string {
	by := map[string]string{}
	for name, expr := range decl.Outputs.All() {
		pieces := decl.Pieces(expr)
		if len(pieces) == 1 && pieces[0].Ref != nil && pieces[0].Ref.Kind == app.RefAPI && pieces[0].Ref.Attribute == "url" && by[pieces[0].Ref.Name] == "" {
			by[pieces[0].Ref.Name] = name
		}
	}
	return by
}

// gatewayURL is what the URL of a deployed API is.
var gatewayURL = regexp.MustCompile(`^https://[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?(/[A-Za-z0-9$_-]*)?$`)

// findURLs finds where the APIs are deployed.
func (c *comparison) findURLs(decl *app.App) error {
	deployed, found, err := ReadDeployed(c.cfg.Dir, c.cfg.Stage)
	if err != nil {
		return err
	}
	c.urls, c.region = map[string]string{}, deployed.Region
	for api, output := range urlOutputs(decl) {
		address := deployed.Outputs[output]
		if _, given := c.cfg.URLs[api]; address == "" || given {
			continue
		}
		if !gatewayURL.MatchString(address) { // the file may have come with a repository, and tokens are sent there
			return &parityError{fmt.Sprintf("%.100q, which is written down as the URL of %s, is no address of API Gateway", address, api), "if it is yours, say --url " + api + "=URL"}
		}
		c.urls[api] = address
	}
	for api, address := range c.cfg.URLs {
		if _, ok := decl.APIs.Get(api); !ok {
			return &parityError{fmt.Sprintf("the declaration has no API %q", api), "--url takes API=URL"}
		}
		c.urls[api] = address
	}
	for _, api := range slices.Sorted(maps.Keys(c.urls)) {
		if c.urls[api], err = checkDeployedURL(c.urls[api]); err != nil {
			return fmt.Errorf("the URL of %s: %w", api, err)
		}
		if c.cfg.Asking != nil {
			c.cfg.Asking(api, c.urls[api])
		}
	}
	if len(c.urls) > 0 {
		return nil
	}
	if !found {
		return &parityError{fmt.Sprintf("nothing is known on this machine of stage %s on AWS", c.cfg.Stage), "deploy it from here with `doorwright deploy --stage " + c.cfg.Stage + "` (what another machine has written down is not believed), or say where it is: --url API=URL"}
	}
	return &parityError{"none of the stage's outputs is an API's URL", "declare one, such as ApiEndpoint: ${apis.Api.url}, or say --url API=URL"}
}

// checkDeployedURL takes https alone, for tokens are sent there; this machine may have http.
func checkDeployedURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", &parityError{fmt.Sprintf("%.100q is no base URL", address), "such as https://abc123.execute-api.eu-west-1.amazonaws.com/prod"}
	}
	loopback := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback) {
		return "", &parityError{fmt.Sprintf("%.100q is not https, and tokens are sent there", address), "give the https URL"}
	}
	return strings.TrimRight(address, "/"), nil
}

// tokenVariable is the variable of a caller's token: DOORWRIGHT_TOKEN_ and its name in
// capitals, with _ for what is no letter or digit.
func tokenVariable(caller string) string {
	return "DOORWRIGHT_TOKEN_" + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, caller)
}

// findTokens finds the tokens of callers that have their own.
func (c *comparison) findTokens() error {
	c.tokens = map[string][]string{}
	kinds := map[string]matrix.Kind{}
	var able []string
	for _, column := range c.plan.Columns {
		kinds[column.Name] = column.Kind
		if column.Kind != matrix.Token && column.Kind != matrix.Expired {
			continue
		}
		able = append(able, column.Name)
		tokens, given := c.cfg.Tokens[column.Name]
		if !given {
			text, _ := c.cfg.Env(tokenVariable(column.Name))
			tokens = strings.Fields(text)
		}
		for _, token := range tokens {
			token = strings.TrimPrefix(strings.TrimSpace(token), "Bearer ")
			if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return &parityError{"the token of " + column.Name + " is empty or has characters that no header can have", "give the token alone"}
			}
			c.tokens[column.Name] = append(c.tokens[column.Name], token)
		}
	}
	for name := range c.cfg.Tokens {
		if !slices.Contains(able, name) {
			return &parityError{fmt.Sprintf("there is no caller %.100q with a token", name), "those are " + strings.Join(able, ", ")}
		}
	}
	for name := range c.cfg.Keys {
		if kinds[name] != matrix.Keys {
			return &parityError{fmt.Sprintf("there is no caller %.100q with AWS credentials", name), "those begin with aws:"}
		}
	}
	return nil
}
