package app

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

func (c *checker) api(path string, api *API) {
	if api == nil || c.opaque[path] {
		return
	}
	for name, authorizer := range api.Authorizers.All() {
		if authorizer != nil && !c.opaque[join(path+".authorizers", name)] {
			c.authorizer(join(path+".authorizers", name), api, authorizer)
		}
	}
	c.cors(path+".cors", api.CORS)
	c.stageVariables(path+".stageVariables", api)
	c.accessLog(path+".accessLog", api)
	c.authorizerName(path, path+".defaults.authorizer", api, api.Defaults.Authorizer)
	if f := api.Defaults.Function; f != nil {
		c.grant(path+".defaults.function.permissions", f.Permissions, toFunction)
	}
	c.routeKeys(path+".routes", api)
	if api.Protocol == ProtocolREST {
		c.rest(path, api)
	} else {
		c.onlyREST(path, api)
	}
	for key, route := range api.Routes.All() {
		if at := join(path+".routes", key); route != nil && !c.opaque[at] {
			c.route(path, at, key, api, route)
		}
	}
}

func (c *checker) authorizer(path string, api *API, a *Authorizer) {
	c.identitySources(path, api, a)
	switch a.Type {
	case "jwt":
		if issuer, ok := c.literal(a.Issuer); ok && !a.Issuer.IsZero() {
			c.issuer(path+".issuer", issuer)
		}
		for i, audience := range a.Audience {
			if s, ok := c.literal(audience); ok && s == "" && len(audience.parts) > 0 {
				c.at(fmt.Sprintf("%s.audience[%d]", path, i), "give the variable a value", "an audience cannot be empty")
			}
		}
	case "user_pool":
		c.poolAuthorizer(path, a)
	case "lambda":
		c.functionAuthorizer(path, api, a)
	}
}

// issuer checks a JWT issuer. API Gateway reads its discovery document by https
// (developer guide, http-api-jwt-authorizer); on this machine http will do.
func (c *checker) issuer(path, issuer string) {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		hint := "write the issuer's https URL, as it is in its tokens' iss"
		if host, _, _ := strings.Cut(issuer, "/"); hostPattern.MatchString(host) {
			hint = fmt.Sprintf("write %q", "https://"+issuer)
		}
		c.at(path, hint, "an issuer must be an https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		c.at(path, "write the URL alone, as it is in the tokens' iss", "an issuer has no user, query or fragment (OpenID Connect Core, 1.2)")
	case strings.Contains(u.Path, "/.well-known/"):
		c.at(path, "write the URL without /.well-known/...", "an issuer is the URL below which its discovery document is, not that document's")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.at(path, "write https://", "an issuer must be https, unless it is on this machine")
	}
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (c *checker) poolAuthorizer(path string, a *Authorizer) {
	if a.UserPool == "" {
		return
	}
	named := a.Clients != nil
	a.Clients = c.poolClients(path, a.UserPool, a.Clients)
	// The default, all clients of the pool, has the bound of a list that is written.
	if n := len(a.Clients); !named && n > 50 {
		c.at(path+".userPool", "name the clients: in the authorizer", "userPools.%s has %d clients; an authorizer can have at most 50", a.UserPool, n)
	}
}

// poolClients checks the user pool of a path and those of its clients that are named
// there, and gives them: all of the pool's, if none are.
func (c *checker) poolClients(path, userPool string, named []string) []string {
	if !c.readable("userPools") {
		return named
	}
	pool, ok := c.app.UserPools.Get(userPool)
	if !ok {
		c.at(path+".userPool", c.nameHint(userPool, c.app.UserPools.Keys(), "userPools"), "there is no userPools.%s", userPool)
		return named
	}
	clients := join("userPools", userPool) + ".clients"
	if pool == nil || !c.readable("userPools."+userPool) || !c.readable(clients) {
		return named
	}
	for i, name := range named {
		if _, ok := pool.Clients.Get(name); !ok && name != "" {
			c.at(fmt.Sprintf("%s.clients[%d]", path, i), c.nameHint(name, pool.Clients.Keys(), clients), "there is no %s.%s", clients, name)
		}
	}
	if named != nil {
		return named
	}
	if pool.Clients.Len() == 0 {
		c.at(path+".userPool", fmt.Sprintf("add a client below %s:", clients), "userPools.%s has no client, so nobody could sign in", userPool)
	}
	return pool.Clients.Keys()
}

func (c *checker) cors(path string, cors *CORS) {
	if cors != nil && cors.AllowCredentials && slices.Contains(cors.AllowOrigins, "*") {
		c.at(path+".allowCredentials", "name the origins, or leave allowCredentials out", "allowCredentials cannot be combined with the origin *")
	}
}

// CreateStage StageVariables: "the values must match [A-Za-z0-9-._~:/?#&=,]+"; 512
// characters at most (API Gateway quotas).
var stageVariableValue = late(`^[A-Za-z0-9._~:/?#&=,-]{1,512}$`)

func (c *checker) stageVariables(path string, api *API) {
	for name, e := range api.StageVariables.All() {
		at := join(path, name)
		if s, ok := c.literal(e); ok && e.span.line > 0 && !stageVariableValue.MatchString(s) {
			c.at(at, "a stage variable's value is 1 to 512 letters, digits and -._~:/?#&=,", "stageVariables: the value of %s is not of that form", name)
		}
	}
}

// authorizerName reports whether name, if any, is none or an authorizer of the API.
func (c *checker) authorizerName(apiPath, path string, api *API, name string) bool {
	if name == "" || name == "none" || name == AuthorizerIAM || !c.readable(apiPath) || !c.readable(apiPath+".authorizers") {
		return name != ""
	}
	if _, ok := api.Authorizers.Get(name); ok {
		return true
	}
	known := append(api.Authorizers.Keys(), AuthorizerIAM, "none")
	hint := didYouMean(name, known)
	if hint == "" {
		hint = fmt.Sprintf("declare it below %s.authorizers, or write %s", apiPath, oneOf(known))
	}
	c.at(path, hint, "there is no authorizer %q", name)
	return false
}

var pathVariable = regexp.MustCompile(`\{[^}+]*(\+?)\}`)

// routeKeys reports routes that would answer the same requests: the same key but for the
// names of its variables.
func (c *checker) routeKeys(path string, api *API) {
	seen := make(map[string]string)
	for key := range api.Routes.All() {
		shape := pathVariable.ReplaceAllString(key, "{$1}")
		if first, ok := seen[shape]; ok {
			c.key(join(path, key), "keep one of them", "%q is the same route as %q in line %d", key, first, c.places[join(path, first)].key.line)
			continue
		}
		seen[shape] = key
		names := make(map[string]bool)
		for _, m := range pathVariable.FindAllString(key, -1) {
			name := strings.Trim(m, "{}+")
			if names[name] {
				c.key(join(path, key), "give each variable its own name", "%q has the variable %s twice", key, name)
			}
			names[name] = true
		}
	}
}

func (c *checker) route(apiPath, path, key string, api *API, r *Route) {
	known := c.authorizerName(apiPath, path+".authorizer", api, r.Authorizer)
	effective := r.Authorizer
	if effective == "" {
		effective = api.Defaults.Authorizer
	}
	_, refused := c.places[path+".authorizer"] // an authorizer that was reported
	_, refusedDefault := c.places[apiPath+".defaults.authorizer"]
	switch {
	case effective == "" && api.Authorizers.Len() > 0 && !refused && !refusedDefault && c.readable(apiPath) && c.readable(apiPath+".defaults"):
		c.key(path, "add authorizer: "+oneOf(append(api.Authorizers.Keys(), AuthorizerIAM, "none"))+" to the route or to the API's defaults",
			"%q names no authorizer, and the API has no default", key)
	case effective == "none" && len(r.Scopes) > 0:
		c.at(path+".scopes", "delete the scopes, or name an authorizer", "scopes are checked by an authorizer, and this route has none")
	case effective == "" && len(r.Scopes) > 0 && !refused && !refusedDefault && (known || r.Authorizer == ""):
		c.at(path+".scopes", "name an authorizer", "scopes are checked by an authorizer, and this route has none")
	}
	if a, ok := api.Authorizers.Get(effective); ok && a != nil {
		c.routeScopes(apiPath, path, api, r, a.Type)
	} else if effective == AuthorizerIAM {
		c.routeScopes(apiPath, path, api, r, effective)
	}
	c.grant(path+".permissions", r.Permissions, toFunction)
	if len(r.Permissions) > 0 && r.Function == nil && !c.opaque[path+".function"] {
		c.key(path+".permissions", "delete them", "permissions are of a function, and this route has none")
	}
	if !r.URL.IsZero() {
		c.urlRoute(path, r)
	}
	if r.Function != nil {
		c.function(path, path+".function", api, r.Function)
	}
}

func (c *checker) urlRoute(path string, r *Route) {
	if _, ok := c.places[path+".payloadFormatVersion"]; ok {
		c.key(path+".payloadFormatVersion", "delete it", "payloadFormatVersion is for functions; a url gets the request itself")
	}
	s, ok := c.literal(r.URL)
	if !ok {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		hint := "write http://host:port"
		if host, _, _ := strings.Cut(s, "/"); hostPattern.MatchString(host) || strings.HasPrefix(host, "localhost") {
			hint = fmt.Sprintf("write %q", "http://"+s)
		}
		c.at(path+".url", hint, "a url must be an http or https URL")
		return
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		c.at(path+".url", "write http://host:port, with a path if need be", "a route's url has no user, query or fragment")
	}
}

// function checks the function at path, whose user is at owner.
func (c *checker) function(owner, path string, api *API, f *Function) {
	at := path + ".handler"
	if _, ok := c.places[at]; ok && f.Handler != "" {
		if _, failed := c.handlers.resolve(f.Handler); failed != nil {
			c.at(at, failed.hint, "%s", failed.message)
		}
	}
	c.environment(owner, path, api, f)
	c.grant(path+".permissions", f.Permissions, toFunction)
}

// maxEnvironment: "The total size of all environment variables doesn't exceed 4 KB"
// (Lambda quotas). How AWS counts is not documented; strict reading: names and values
// together.
const maxEnvironment = 4096

// environment checks the size of what is known of a function's environment.
func (c *checker) environment(owner, path string, api *API, f *Function) {
	size := 0
	for name, e := range environmentOf(api, f).All() {
		size += len(name)
		for _, p := range e.parts {
			switch {
			case p.ref == nil:
				size += len(p.literal)
			case p.ref.Kind == RefSecret:
				size += len(c.secrets[p.ref.Name].Reveal())
			default:
				size += len(c.known[p.ref.Kind][p.ref.Name])
			}
		}
	}
	if size > maxEnvironment {
		at := path + ".environment"
		if _, ok := c.places[at]; !ok {
			at = owner
		}
		c.key(at, "keep large values elsewhere, such as in a file of the function", "the environment of this function takes %d bytes; Lambda allows %d", size, maxEnvironment)
	}
}
