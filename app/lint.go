package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Lint returns what is allowed and hardly ever meant, in the order of the file. Its
// errors have Warning set.
func (a *App) Lint() ErrorList {
	l := &linter{app: a, p: newProblems(a.state.src)}
	for name, api := range a.APIs.All() {
		l.api("apis."+name, name, api)
	}
	l.permissions()
	var list ErrorList
	if err, ok := l.p.err().(ErrorList); ok {
		list = err
	}
	for _, e := range list {
		e.Warning = true
	}
	return list
}

// A linter looks at an App that has no problem.
type linter struct {
	app *App
	p   *problems
}

func (l *linter) at(path, hint, format string, args ...any) {
	l.p.add(l.app.state.places[path].value, hint, format, args...)
}

func (l *linter) key(path, hint, format string, args ...any) {
	l.p.add(l.app.state.places[path].key, hint, format, args...)
}

func (l *linter) api(path, name string, api *API) {
	var routes []ResolvedRoute
	for _, r := range l.app.Routes() {
		if r.API == name {
			routes = append(routes, r)
		}
	}
	for z, authorizer := range api.Authorizers.All() {
		at := path + ".authorizers." + z
		l.expression(at, authorizer)
		l.auth0(path, at, authorizer, routes)
		l.keptPolicy(at, name, z, authorizer, routes)
	}
	l.denyingPolicy(path+".resourcePolicy", api, routes)
	l.cors(path+".cors", api.CORS)
	l.openRoutes(path+".routes.", routes)
}

// expression knows the range that is in so many examples: between Z and a there are
// six characters more. One of them, _, is in tokens, and stays.
func (l *linter) expression(path string, a *Authorizer) {
	if e := a.IdentityValidationExpression; strings.Contains(e, "A-z") {
		l.at(path+".identityValidationExpression", fmt.Sprintf("write '%s'", strings.NewReplacer("a-zA-z", "a-zA-Z_", "A-z", "A-Za-z_").Replace(e)),
			"A-z also means the characters [ \\ ] ^ _ ` that are between Z and a")
	}
}

// ownMethod finds a policy that names the method asked for and no other, in the
// languages whose handlers are source files.
var ownMethod = regexp.MustCompile(`(?i)resource["']?\s*[:=]\s*\[?\s*event(\.|\[["'])(methodArn|routeArn)(["']\])?\s*[,}\]\r\n]`)

// keptPolicy looks for an answer that is kept for several routes and covers one.
func (l *linter) keptPolicy(path, api, name string, a *Authorizer, routes []ResolvedRoute) {
	if a.Type != "lambda" || a.ResultTTLInSeconds == 0 || a.EnableSimpleResponses {
		return
	}
	guarded := 0
	for _, r := range routes {
		if r.Authorizer == name {
			guarded++
			if !fixedRoute.MatchString(r.Key) {
				guarded++ // it has several methods or paths by itself
			}
		}
	}
	if guarded < 2 || slices.Contains(a.IdentitySource, "$context.routeKey") {
		return
	}
	for _, z := range l.app.FunctionAuthorizers() {
		for _, f := range l.app.Functions() {
			if z.API != api || z.Name != name || f.Name != z.Function || f.Kind == FunctionGo {
				continue
			}
			if text, err := readBounded(f.Path, maxSource); err == nil && ownMethod.Match(text) {
				l.key(path, "let the policy name all methods of the stage, such as …/STAGE/*/*, or write resultTtlInSeconds: 0",
					"the policy of %s names only the method asked for, and is kept for %d seconds: it will refuse the same caller elsewhere", f.Handler, a.ResultTTLInSeconds)
			}
		}
	}
}

// fixedRoute is a route key of one method and one path.
var fixedRoute = regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /[^{]*$`)

// denyingPolicy looks for a policy that allows nothing, though it has to allow as
// well. Beside a Lambda authorizer it is enough that the authorizer allows
// (apigateway-authorization-flow, tables A and B).
func (l *linter) denyingPolicy(path string, api *API, routes []ResolvedRoute) {
	if api.ResourcePolicy == nil || slices.ContainsFunc(api.ResourcePolicy.Statement, func(s *PolicyStatement) bool { return s.Effect == "Allow" }) {
		return
	}
	for _, r := range routes {
		if a, _ := api.Authorizers.Get(r.Authorizer); a == nil || a.Type != "lambda" {
			l.key(path, `add a statement such as {Effect: Allow, Principal: "*", Action: execute-api:Invoke, Resource: execute-api:/*}`,
				"no statement has Effect: Allow: what no statement allows is denied, and so is every request of %q", r.Key)
			return
		}
	}
}

func (l *linter) cors(path string, c *CORS) {
	if c == nil || !c.AllowCredentials {
		return
	}
	for i, o := range c.AllowOrigins {
		if o == "https://*" || o == "http://*" {
			l.at(fmt.Sprintf("%s.allowOrigins[%d]", path, i), "name the origins", "with allowCredentials, any page that begins with %s may act as a signed-in user and read the answers", strings.TrimSuffix(o, "*"))
		}
	}
}

// openRoutes looks for open routes that are a way around guarded ones.
func (l *linter) openRoutes(path string, routes []ResolvedRoute) {
	for _, open := range routes {
		if open.Authorizer != "none" {
			continue
		}
		method, pattern, _ := strings.Cut(open.Key, " ")
		for _, guarded := range routes {
			other, at, _ := strings.Cut(guarded.Key, " ")
			if guarded.Authorizer == "none" || at == "" {
				continue
			}
			switch {
			case at == pattern && method != "ANY" && method != "GET" && method != "HEAD" && method != "OPTIONS":
				l.key(path+open.Key, "guard it too, unless that is what is meant", "%q is open, and %q beside it is guarded", open.Key, guarded.Key)
			case (method == "ANY" || method == "$default") && other != "ANY" && coversPath(pattern, at):
				l.key(path+open.Key, fmt.Sprintf("guard it too, or add \"ANY %s\" with an authorizer", at),
					"%q is open, and answers every method but %s of the path that %q guards", open.Key, other, guarded.Key)
			default:
				continue
			}
			break // one is enough
		}
	}
}

// coversPath says whether a route's path takes all that another one takes. The empty
// path is that of $default.
func coversPath(pattern, path string) bool {
	if prefix, _, greedy := strings.Cut(pattern, "{"); greedy && strings.HasSuffix(pattern, "+}") && !strings.Contains(pattern[len(prefix)+1:], "{") {
		return strings.HasPrefix(path, prefix) && len(path) > len(prefix)
	}
	return pattern == "" || pattern == path
}
