package doorwright

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/explain"
)

// consolePort is where the console is looked for: an origin of its own.
const consolePort = 4560

// A Console has an app show itself in a browser, by Config.Console. It holds what
// opens it, in memory: who has opened the console of a stage still has it open
// when an App of the same stage takes the place of another.
type Console struct{ keys *console.Keyring }

// NewConsole makes a Console that nobody has opened.
func NewConsole() *Console { return &Console{console.NewKeyring(nil)} }

// ConsoleLink makes a link that opens the console once, within an hour. It may be
// called after Listen; it is false for an app without a console.
func (a *App) ConsoleLink() (string, bool) {
	if a.console == nil {
		return "", false
	}
	return a.console.Link(), true
}

// ReadConsoleLink asks the running stage of the app in dir for such a link.
func ReadConsoleLink(ctx context.Context, dir, stage string) (string, error) {
	var answer struct{ Link string }
	if err := askStage(ctx, dir, stage, consoleTarget, struct{}{}, &answer); err != nil {
		return "", err
	}
	return answer.Link, nil
}

func (a *App) queriedConsole(context.Context, struct{}) (any, error) {
	link, ok := a.ConsoleLink()
	if !ok {
		return nil, errors.New("this stage runs without the console, as in a test")
	}
	return map[string]string{"Link": link}, nil
}

// openConsole binds the console's port and makes the console, where it is wanted.
func (a *App) openConsole(ctx context.Context) (err error) {
	if a.cfg.Console == nil {
		return nil
	}
	if a.consoleAt, err = a.bind(ctx, "the console", "console", consolePort, 0); err != nil {
		return err
	}
	a.console, err = console.New(console.Config{
		Stack:      a.Stack(),
		Region:     a.decl.Region,
		Port:       a.consoleAt.port,
		Keys:       a.cfg.Console.keys,
		Now:        a.cfg.Now,
		Feed:       a.feed,
		Routes:     a.consoleRoutes,
		Story:      a.Explain,
		Places:     a.consolePlaces,
		Mailbox:    console.Mailbox{Since: a.consoleMails, Confirm: a.confirmByMail, Remove: func(id string) error { return a.state.Mailbox().Remove(id) }},
		Functions:  console.Functions{List: a.consoleFunctions, Invocations: a.invocations, Invoke: a.functions.Invoke},
		Identities: console.Identities{Pools: a.consoleIdentityPools, List: a.consoleIdentities, Delete: a.deleteIdentity},
		Inspect:    a.inspectToken,
		Matrix:     a.consoleMatrix,
		Log:        func(text string) { a.observe(Event{Kind: KindError, Source: "console", Text: printableLines(text)}) },
	})
	return err
}

// consoleHandler is the console until stop ends: its streams have no end of their
// own, and would be waited for.
func (a *App) consoleHandler(stop context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.console.ServeHTTP(w, r.WithContext(console.WithStop(r.Context(), stop)))
	})
}

// consoleRoutes lists the declared routes for the console.
func (a *App) consoleRoutes() []console.Route {
	var routes []console.Route
	for _, r := range a.decl.Routes() {
		route := console.Route{
			API: r.API, Key: r.Key, Authorizer: r.Authorizer, Type: "none", Scopes: r.Scopes, APIKeyRequired: r.APIKeyRequired,
			Callers: a.decl.Callers(r), Who: a.decl.WhoMayCall(r), Target: a.handlerOf[r.Function], Place: r.Pos.String(),
		}
		if r.Function == "" {
			route.Target = r.URL.String()
		}
		if r.Authorizer == app.AuthorizerIAM {
			route.Type = app.AuthorizerIAM
		}
		if api, ok := a.decl.APIs.Get(r.API); ok {
			route.Protocol = api.Protocol
			if z, ok := api.Authorizers.Get(r.Authorizer); ok {
				route.Type = z.Type
			}
		}
		route.URL, _ = a.URL(r.API)
		routes = append(routes, route)
	}
	return routes
}

// consoleFunctions lists the declared functions, and what each is for.
func (a *App) consoleFunctions() []console.Function {
	uses := map[string][]string{}
	use := func(function, what string) { uses[function] = append(uses[function], what) }
	for _, r := range a.decl.Routes() {
		use(r.Function, r.Key)
	}
	for _, z := range a.decl.FunctionAuthorizers() {
		use(z.Function, "authorizer "+z.Name)
	}
	for _, t := range a.decl.Triggers() {
		use(t.Function, t.UserPool+" "+t.Trigger)
	}
	for _, t := range a.decl.Actions() {
		use(t.Function, t.Tenant+" postLogin")
	}
	var all []console.Function
	for _, f := range a.decl.Functions() {
		all = append(all, console.Function{
			Name: f.Name, Handler: f.Handler, Kind: string(f.Kind), Timeout: f.Timeout, MemorySize: f.MemorySize, Uses: uses[f.Name], Place: f.Pos.String(),
		})
	}
	return all
}

// invocations gives the last requests for which a function was invoked.
func (a *App) invocations(function string, n int) []*explain.Explanation {
	var list []*explain.Explanation
	for _, rec := range a.decisions.Invoked(function, n) {
		list = append(list, a.decisions.Explain(rec))
	}
	return list
}

// feedStart is greater than that of any feed before in this process.
func feedStart() uint64 { return uint64(time.Now().UnixMicro()) }
