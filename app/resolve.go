package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// state is what an App keeps beside what the file says.
type state struct {
	stages    []string // that the file names
	src       *source
	places    map[string]place
	known     map[RefKind]map[string]string
	secrets   map[string]Secret
	functions []ResolvedFunction
	routes    []ResolvedRoute
	guards    []ResolvedAuthorizer
	triggers  []ResolvedTrigger
	actions   []ResolvedAction
}

// A ResolvedFunction is a function with its API's defaults applied. Routes and triggers
// with the same handler and the same settings share one.
type ResolvedFunction struct {
	// Name is the function's name, STAGE-APP-HANDLER, of at most 64 characters as
	// Lambda has it. It stays the same as long as the handler is named so; of functions
	// that differ only in their settings, the later ones of the file have a hash of
	// their first route in it.
	Name string
	// Handler is the handler as the declaration has it.
	Handler string
	// Kind says what runs it.
	Kind FunctionKind
	// Path is the Go package's directory or the source file: absolute, with symbolic
	// links resolved.
	Path string
	// Export is the function in the source file, such as handler; "" for Go.
	Export string
	// Timeout, MemorySize, Environment and Concurrency are the settings in force.
	// Concurrency 0 is no limit of its own.
	Timeout     time.Duration
	MemorySize  int
	Environment Map[Expr]
	Concurrency int
	// Permissions are those of the API's defaults, of the function and of its route.
	// App.Statements says what they allow.
	Permissions []*Permission
	// Pos is where the handler is first named.
	Pos Pos
}

// A ResolvedRoute is a route with its API's defaults applied.
type ResolvedRoute struct {
	// API is the name of the API and Key the route key.
	API, Key string
	// Authorizer is the name of one of the API's authorizers, iam, or none.
	Authorizer string
	// Scopes are the scopes one of which a token needs; none if empty.
	Scopes []string
	// Function is the name of one of App.Functions; "" for a route to a URL.
	Function string
	// URL is the HTTP server of a route without a function.
	URL Expr
	// PayloadFormatVersion is 2.0 or 1.0; "" for a route to a URL and in a REST API.
	PayloadFormatVersion string
	// Timeout is how long the gateway waits for the answer.
	Timeout time.Duration
	// RequestParameters are what a request to a REST API must have.
	RequestParameters []string
	// APIKeyRequired and Throttle are those of a route of a REST API; Throttle is nil
	// without a bound.
	APIKeyRequired bool
	Throttle       *Throttle
	// Pos is where the route is.
	Pos Pos
}

// A ResolvedAuthorizer is an authorizer of type lambda.
type ResolvedAuthorizer struct {
	// API is the name of the API and Name the authorizer's.
	API, Name string
	// Function is the name of one of App.Functions.
	Function string
	// Pos is where the authorizer is.
	Pos Pos
}

// A ResolvedTrigger is a trigger of a user pool.
type ResolvedTrigger struct {
	// UserPool is the name of the pool and Trigger the key, such as preSignUp.
	UserPool, Trigger string
	// Function is the name of one of App.Functions.
	Function string
	// Version is the version of the event, such as V1_0; only for preTokenGeneration.
	Version string
	// Pos is where the trigger is.
	Pos Pos
}

// A ResolvedAction is an Action of a tenant.
type ResolvedAction struct {
	// Tenant is the name of the tenant and Action the key, such as postLogin.
	Tenant, Action string
	// Function is the name of one of App.Functions.
	Function string
	// Pos is where the Action is.
	Pos Pos
}

// The settings of a function that nobody sets: AWS::Lambda::Function's own defaults.
const (
	defaultTimeout    = 3 * time.Second
	defaultMemorySize = 128
)

// Functions returns the functions of all routes, then of all authorizers, then of all
// triggers and Actions, in the order of the file.
func (a *App) Functions() []ResolvedFunction {
	return append([]ResolvedFunction(nil), a.state.functions...)
}

// Routes returns the routes of all APIs in the order of the file.
func (a *App) Routes() []ResolvedRoute {
	return append([]ResolvedRoute(nil), a.state.routes...)
}

// FunctionAuthorizers returns the authorizers of type lambda in the order of the file.
func (a *App) FunctionAuthorizers() []ResolvedAuthorizer {
	return append([]ResolvedAuthorizer(nil), a.state.guards...)
}

// Triggers returns the triggers of all user pools in the order of the file.
func (a *App) Triggers() []ResolvedTrigger {
	return append([]ResolvedTrigger(nil), a.state.triggers...)
}

// Actions returns the Actions of all tenants that run here, in the order of the file.
func (a *App) Actions() []ResolvedAction {
	return append([]ResolvedAction(nil), a.state.actions...)
}

// Pos returns the place of a key or item, such as apis.Api.routes.GET /private or
// apis.Api.authorizers.jwt.audience[0]. Of a path the file does not have it returns the
// place of the nearest one above it.
func (a *App) Pos(path string) Pos {
	for path != "" && a.state.src != nil {
		if p, ok := a.state.places[path]; ok {
			return a.state.src.pos(p.key)
		}
		cut := strings.LastIndexAny(path, ".[")
		path = path[:max(cut, 0)]
	}
	return Pos{File: a.File}
}

// Secret returns the value of a secret the declaration refers to.
func (a *App) Secret(name string) (Secret, bool) {
	s, ok := a.state.secrets[name]
	return s, ok
}

// Resolve returns the text of e. The stage, the environment and the secrets are known;
// attribute is asked for those of resources: RefAPI, RefAPIKey, RefUserPool,
// RefUserPoolClient, RefTenant, RefTenantApplication, RefIdentityPool, RefTable and
// RefBucket.
func (a *App) Resolve(e Expr, attribute func(Ref) (string, error)) (string, error) {
	return e.Resolve(func(r Ref) (string, error) {
		switch r.Kind {
		case RefStage, RefEnv:
			if value, ok := a.state.known[r.Kind][r.Name]; ok {
				return value, nil
			}
			return "", errUnbound
		case RefSecret:
			if s, ok := a.state.secrets[r.Name]; ok {
				return s.Reveal(), nil
			}
			return "", errUnbound
		}
		return attribute(r)
	})
}

// A Piece is a part of an Expr: a reference to a secret or a resource, or a text.
type Piece struct {
	Text string
	Ref  *Ref
}

// Pieces returns the parts of e. Those that are known when the declaration is loaded,
// the stage and the environment, are texts.
func (a *App) Pieces(e Expr) []Piece {
	var pieces []Piece
	for _, p := range e.parts {
		if p.ref == nil {
			pieces = append(pieces, Piece{Text: p.literal})
		} else if value, ok := a.state.known[p.ref.Kind][p.ref.Name]; ok {
			pieces = append(pieces, Piece{Text: value})
		} else {
			pieces = append(pieces, Piece{Ref: new(*p.ref)})
		}
	}
	return pieces
}

// PosOf returns the place of e, or that of the declaration if it is not written there.
func (a *App) PosOf(e Expr) Pos {
	if a.state.src == nil || e.span.line == 0 {
		return Pos{File: a.File}
	}
	return a.state.src.pos(e.span)
}

// Problem returns an error about what is at a place of the declaration, for who finds
// more wrong with it than Load does: that it cannot be run somewhere. hint is the fix;
// it may be empty.
func (a *App) Problem(at Pos, hint, format string, args ...any) *Error {
	e := &Error{Pos: at, Message: printable(fmt.Sprintf(format, args...)), Hint: printable(hint)}
	if a.state.src != nil && at.Line > 0 {
		s := span{line: at.Line, column: at.Column, width: 1}
		for _, p := range a.state.places {
			for _, known := range []span{p.key, p.value} {
				if known.line == s.line && known.column == s.column {
					s.width = max(s.width, known.width)
				}
			}
		}
		e.Snippet = a.state.src.snippet(s)
	}
	return e
}

// Environment returns the variables of f, resolved as by Resolve. They may hold
// secrets: they are for the function's process and for nothing that is shown.
func (a *App) Environment(f ResolvedFunction, attribute func(Ref) (string, error)) (map[string]string, error) {
	env := make(map[string]string, f.Environment.Len())
	size := 0
	for name, e := range f.Environment.All() {
		value, err := a.Resolve(e, attribute)
		if err != nil {
			return nil, err
		}
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("app: resolving the environment of %s: %s holds a NUL character", f.Name, name)
		}
		env[name] = value
		size += len(name) + len(value)
	}
	if size > maxEnvironment {
		return nil, fmt.Errorf("app: resolving the environment of %s: it takes %d bytes; Lambda allows %d", f.Name, size, maxEnvironment)
	}
	return env, nil
}

// environmentOf is the API's default environment with the function's own over it.
func environmentOf(api *API, f *Function) Map[Expr] {
	var env Map[Expr]
	if api.Defaults.Function != nil {
		for name, e := range api.Defaults.Function.Environment.All() {
			env.put(name, e)
		}
	}
	for name, e := range f.Environment.All() {
		env.put(name, e)
	}
	return env
}

// resolve fills in functions, routes and triggers. The App is valid.
func (s *state) resolve(a *App, h *handlers) {
	byKey := make(map[string]string) // handler and settings -> name
	taken := make(map[string]bool)
	// add gives the name of the function at path; user tells it from others of
	// the same handler.
	add := func(f ResolvedFunction, user, path string) string {
		id := f.id()
		if byKey[id] == "" {
			f.Name = functionName(a.Stage, a.Name, f.Handler, user, taken)
			f.Pos = s.src.pos(s.places[path+".handler"].value)
			byKey[id], taken[f.Name] = f.Name, true
			s.functions = append(s.functions, f)
		}
		return byKey[id]
	}
	for apiName, api := range a.APIs.All() {
		for key, route := range api.Routes.All() {
			path := "apis." + apiName + ".routes." + key
			r := resolveRoute(api, route)
			r.API, r.Key, r.Pos = apiName, key, s.src.pos(s.places[path].key)
			if route.Function != nil {
				f := resolveFunction(api, route.Function, h)
				f.Permissions = joinPermissions(f.Permissions, route.Permissions)
				r.Function = add(f, apiName+" "+key, path+".function")
			}
			s.routes = append(s.routes, r)
		}
	}
	for apiName, api := range a.APIs.All() {
		for name, z := range api.Authorizers.All() {
			if z.Function == nil {
				continue
			}
			path := "apis." + apiName + ".authorizers." + name
			s.guards = append(s.guards, ResolvedAuthorizer{
				API: apiName, Name: name, Function: add(resolveFunction(api, z.Function, h), path, path+".function"),
				Pos: s.src.pos(s.places[path].key),
			})
		}
	}
	for poolName, pool := range a.UserPools.All() {
		for key, f := range pool.Triggers.functions() {
			path := "userPools." + poolName + ".triggers." + key
			t := ResolvedTrigger{
				UserPool: poolName, Trigger: key, Function: add(resolveFunction(&API{}, f, h), path, path),
				Pos: s.src.pos(s.places[path].key),
			}
			if key == preTokenGeneration {
				t.Version = pool.Triggers.PreTokenGeneration.Version
			}
			s.triggers = append(s.triggers, t)
		}
	}
	for name, tenant := range a.Tenants.All() {
		if f := tenant.Actions.PostLogin; f != nil && tenant.Domain == "" {
			path := "tenants." + name + ".actions.postLogin"
			s.actions = append(s.actions, ResolvedAction{
				Tenant: name, Action: "postLogin", Function: add(resolveFunction(&API{}, f, h), path, path), Pos: s.src.pos(s.places[path].key),
			})
		}
	}
}

func resolveRoute(api *API, route *Route) ResolvedRoute {
	r := ResolvedRoute{
		Authorizer: route.Authorizer, Scopes: route.Scopes, URL: route.URL, Timeout: first(route.Timeout, api.longestTimeout()),
		RequestParameters: route.RequestParameters, APIKeyRequired: route.APIKeyRequired, Throttle: first(route.Throttle, api.Throttle),
	}
	if r.Authorizer == "" {
		r.Authorizer = api.Defaults.Authorizer
	}
	if r.Authorizer == "" {
		r.Authorizer = "none"
	}
	if route.Scopes == nil && r.Authorizer != "none" {
		r.Scopes = api.Defaults.Scopes
	}
	if route.Function != nil && api.Protocol != ProtocolREST {
		r.PayloadFormatVersion = first(route.PayloadFormatVersion, api.Defaults.PayloadFormatVersion, "2.0")
	}
	return r
}

func resolveFunction(api *API, f *Function, h *handlers) ResolvedFunction {
	defaults := FunctionSettings{}
	if api.Defaults.Function != nil {
		defaults = *api.Defaults.Function
	}
	resolved := ResolvedFunction{
		Handler:     f.Handler,
		Timeout:     first(f.Timeout, defaults.Timeout, defaultTimeout),
		MemorySize:  first(f.MemorySize, defaults.MemorySize, defaultMemorySize),
		Environment: environmentOf(api, f),
		Concurrency: first(f.Concurrency, defaults.Concurrency),
		Permissions: joinPermissions(defaults.Permissions, f.Permissions),
	}
	if found, failed := h.resolve(f.Handler); failed == nil {
		resolved.Kind, resolved.Path, resolved.Export = found.kind, found.path, found.export
	}
	return resolved
}

// first returns the first value that is set.
func first[T comparable](values ...T) (zero T) {
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

// id is the same for functions that are the same.
func (f *ResolvedFunction) id() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %d %d %d", f.Path, f.Export, f.Timeout, f.MemorySize, f.Concurrency)
	env := make(map[string]string)
	for name, e := range f.Environment.All() {
		env[name] = e.String()
	}
	for _, name := range sortedKeys(env) {
		fmt.Fprintf(&b, " %q=%q", name, env[name])
	}
	for _, p := range f.Permissions {
		fmt.Fprintf(&b, " %s", p.id())
	}
	return b.String()
}

// maxFunctionName is the length of a function name (CreateFunction FunctionName).
const maxFunctionName = 64

var notInName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// functionName makes a name that is not taken. route tells apart functions of the same
// handler.
func functionName(stage, app, handler, route string, taken map[string]bool) string {
	prefix := stage + "-" + app + "-"
	plain := strings.Trim(notInName.ReplaceAllString(handler, "-"), "-")
	if name := prefix + plain; plain != "" && len(name) <= maxFunctionName && !taken[name] {
		return name
	}
	short := func(seed string) string {
		sum := sha256.Sum256([]byte(seed))
		hash := hex.EncodeToString(sum[:4])
		// The end of a handler tells more than its beginning.
		room := maxFunctionName - len(hash) - 1
		name := prefix
		if len(prefix) > room-8 {
			name = prefix[:room-8-1] + "-"
		}
		tail := plain[max(0, len(plain)-(room-len(name))):]
		return strings.TrimRight(name+strings.Trim(tail, "-"), "-") + "-" + hash
	}
	name := short(prefix + handler)
	if len(prefix+plain) <= maxFunctionName || taken[name] { // a second of that handler
		name = short(prefix + handler + "\x00" + route)
	}
	for i := 0; taken[name]; i++ {
		name = short(fmt.Sprintf("%s%s\x00%s\x00%d", prefix, handler, route, i))
	}
	return name
}
