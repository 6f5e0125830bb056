package doorwright

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/tty"
	"github.com/doorwright/doorwright/verify"
)

// signInScope is the only scope of an access token that a user pool's API gives.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
const signInScope = "aws.cognito.signin.user.admin"

// A lack is a token that was verified and has none of the scopes that a route wants.
type lack struct {
	a      *App
	wanted []string
	// Of the token:
	issuer, subject, application string
	audience, permissions        []string
	use                          string
}

// adviseToken says how a token that lacks a route's scope would have got one. Whether
// asking for it is enough, or the user has no role that holds it, its issuer knows; of one
// that does not run here nothing is known, and nothing advised.
func (a *App) adviseToken(ctx context.Context, api string, e *gateway.Entry) []explain.Advice {
	if e.Allowed || e.Trace == nil || len(e.Reasons) == 0 {
		return nil
	}
	of := &lack{a: a}
	switch code := e.Reasons[0].Code; {
	case code == string(verify.WrongAudience):
		return a.adviseAudience(api, e)
	case code == authorizer.CodeInsufficientScope:
	case code == authorizer.CodeTokenUse && e.Reasons[0].Change.Value == "access":
	default:
		return nil
	}
	of.wanted = a.routeScopes(api, e.RouteKey)
	c := e.Trace.Claims
	of.issuer, _ = c.String("iss")
	of.subject, _ = c.String("sub")
	of.audience, _ = c.Strings("aud")
	of.permissions, _ = c.Strings("permissions")
	of.use, _ = c.String("token_use")
	if of.application, _ = c.String("azp"); of.application == "" {
		of.application, _ = c.String("client_id")
	}
	if len(of.wanted) == 0 {
		return nil
	}
	for name, decl := range a.decl.Tenants.All() {
		if tenant := a.tenants.Tenant(name); tenant != nil && tenant.Issuer() == of.issuer {
			return of.ofTenant(ctx, name, decl, tenant)
		}
	}
	for name, decl := range a.decl.UserPools.All() {
		if pool := a.pools.Pool(name); pool != nil && pool.Issuer() == of.issuer {
			return of.ofPool(name, decl, pool)
		}
	}
	return nil
}

// routeScopes gives the scopes that a route asks for.
func (a *App) routeScopes(api, key string) []string {
	for _, r := range a.decl.Routes() {
		if r.API == api && r.Key == key {
			return r.Scopes
		}
	}
	return nil
}

// adviseAudience advises on a token for an application of a tenant, in the place of one for
// its API: an ID token, which an API is not to take, whatever its authorizer says.
// https://auth0.com/docs/secure/tokens/id-tokens
func (a *App) adviseAudience(api string, e *gateway.Entry) []explain.Advice {
	got := ""
	for _, f := range e.Reasons[0].Facts {
		if f.Name == "aud" && !f.Match {
			got = f.Got
		}
	}
	c := e.Reasons[0].Change
	if of, ok := a.decl.APIs.Get(api); !ok || got == "" || c == nil {
		return nil
	} else if decl, ok := of.Authorizers.Get(e.Authorizer); !ok || decl.Type != "jwt" {
		return nil
	} else if issuer, err := a.decl.Resolve(decl.Issuer, a.attribute); err != nil {
		return nil
	} else if login := a.loginOfTenant(issuer, []string{c.Value}); login != nil {
		for name, tenant := range a.decl.Tenants.All() {
			local := a.tenants.Tenant(name)
			if local == nil || local.Issuer() != issuer {
				continue
			}
			for application := range tenant.Applications.All() {
				if got == strconv.Quote(local.ClientID(application)) {
					return []explain.Advice{{
						Text: "send the access token, not the ID token, which is for the application " + application + " alone: ask for the audience " +
							c.Value + " at login; " + login(a.routeScopes(api, e.RouteKey)) + " prints one",
						Change: c,
					}}
				}
			}
		}
	}
	return nil
}

// tokenCommand gives the command that prints a token with one of some scopes for the
// authorizer of a request, or "".
func (a *App) tokenCommand(api string, e *gateway.Entry, scopes []string) string {
	of, ok := a.decl.APIs.Get(api)
	if !ok {
		return ""
	}
	decl, ok := of.Authorizers.Get(e.Authorizer)
	if !ok {
		return ""
	}
	var login func([]string) string
	switch decl.Type {
	case "user_pool":
		login = a.loginOfPool(decl, of.Protocol == app.ProtocolREST)
	case "jwt":
		issuer, err := a.decl.Resolve(decl.Issuer, a.attribute)
		if err != nil {
			return ""
		}
		var audience []string
		for _, expr := range decl.Audience {
			if one, err := a.decl.Resolve(expr, a.attribute); err == nil {
				audience = append(audience, one)
			}
		}
		login = a.loginOfTenant(issuer, audience)
	}
	if login == nil {
		return ""
	}
	return login(scopes)
}

// ofTenant finds the scope that is the nearest: one that needs no more than to be asked
// for, before one that a role gives, before any other.
func (l *lack) ofTenant(ctx context.Context, name string, decl *app.Tenant, tenant *auth0.Tenant) []explain.Advice {
	var best explain.Advice
	far := 100
	for _, scope := range l.wanted {
		for _, audience := range l.audience {
			s, err := tenant.Standing(ctx, l.subject, l.application, audience, scope)
			if err != nil || s.API == "" {
				continue
			}
			if advice, d := l.ofStanding(name, decl, audience, scope, &s); d < far {
				best, far = advice, d
			}
		}
	}
	if best.Text == "" {
		return nil
	}
	return []explain.Advice{best}
}

// ofStanding advises on one scope, and says how far the token is from it.
func (l *lack) ofStanding(tenant string, decl *app.Tenant, audience, scope string, s *auth0.Standing) (explain.Advice, int) {
	path, api := "tenants."+tenant, ""
	for declared, d := range decl.APIs.All() {
		if d.Identifier == audience {
			api = declared
		}
	}
	user, application := aws.Printable(s.User), aws.Printable(s.Application)
	login := &authorizer.Change{Where: authorizer.AtLogin, Name: "scope", Value: scope}
	of := "the API " + aws.Printable(audience)
	if api != "" {
		of = path + ".apis." + api
	}
	switch {
	case !s.Known:
		a := explain.Advice{Text: of + " has no permission " + scope + ", so that no token gets it: add it to its permissions"}
		if api != "" {
			a.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: of + ".permissions", Value: quotedYAML(scope)}
		}
		return a, 4
	case !s.Granted && s.Application != "":
		a := explain.Advice{Text: "grant " + scope + " of " + of + " to the application " + application + ", and get a new token"}
		if s.Declared && api != "" {
			grants := path + ".applications." + s.Application + ".grants." + api
			a.Text = "grant " + scope + " to the application " + application + ": add it to " + grants + ", and get a new token"
			a.Change = &authorizer.Change{Where: authorizer.InDeclaration, Name: grants, Value: quotedYAML(scope)}
		}
		return a, 2
	case s.Machine:
		return explain.Advice{Text: "get a new token: the grant of the application " + application + " has " + scope + " now", Change: login}, 1
	case s.User == "":
		return explain.Advice{Text: "sign in again: the user of the token is none of " + path + " any more", Change: &authorizer.Change{Where: authorizer.AtLogin, Name: "token"}}, 5
	case !s.RBAC:
		return explain.Advice{Text: "request the scope " + scope + " at login: " + of + " has no rbac, and gives it to every user", Change: login}, 1
	case s.Held:
		by := user + " holds it directly"
		if len(s.Roles) > 0 {
			by = "the role " + aws.Printable(s.Roles[0]) + " of " + user + " holds it"
		}
		if slices.Contains(l.permissions, scope) {
			by += "; the claim permissions has it, and API Gateway reads scope alone"
		}
		return explain.Advice{Text: "request the scope " + scope + " at login: " + by, Change: login}, 0
	case len(s.Givers) > 0:
		return l.a.giveRole(tenant, user, scope, s.Givers), 2
	}
	if api == "" {
		api = "API"
	}
	return explain.Advice{
		Text: "give " + user + " the permission " + scope + ", which no role holds, and sign in again: doorwright users roles " +
			tty.ShellWord(user) + " --grant " + tty.ShellWord(api+":"+scope) + l.a.whichTenant(tenant) + ", or in the console",
		Change: &authorizer.Change{Where: authorizer.OfUser, Name: user, Value: "permission " + api + ":" + scope},
	}, 3
}

// giveRole advises to give a user the role that holds least beside what is wanted.
func (a *App) giveRole(tenant, user, scope string, roles []string) explain.Advice {
	role := aws.Printable(roles[0])
	which := role + ", which holds " + scope
	if len(roles) > 1 {
		which = role + ", which holds " + scope + " as " + aws.Printable(strings.Join(roles[1:], ", ")) + " does"
	}
	return explain.Advice{
		Text: "give " + user + " the role " + which + ", and sign in again: doorwright users roles " +
			tty.ShellWord(user) + " --add " + tty.ShellWord(role) + a.whichTenant(tenant) + ", or in the console",
		Change: &authorizer.Change{Where: authorizer.OfUser, Name: user, Value: "role " + role},
	}
}

// whichTenant gives the flag of `doorwright users` that names a tenant, where it has to.
func (a *App) whichTenant(name string) string {
	if len(a.Directories()) == 1 {
		return ""
	}
	return " --tenant " + name
}

// ofPool advises on scopes of a user pool.
func (l *lack) ofPool(name string, decl *app.UserPool, pool *cognito.Pool) []explain.Advice {
	path := "userPools." + name
	scope := l.wanted[0]
	if l.use == "id" {
		if slices.Contains(l.wanted, signInScope) {
			return loginScope("send the access token, not the ID token: every sign-in gives it the scope "+signInScope, signInScope)
		}
	}
	client := ""
	for _, c := range decl.Clients.Keys() {
		if id := pool.ClientID(c); id == l.application || l.use == "id" && slices.Contains(l.audience, id) {
			client = c
		}
	}
	if client == "" {
		return nil
	}
	at := path + ".clients." + client
	if able := pool.Client(client).UserScopes(); len(able) > 0 {
		for _, s := range l.wanted {
			if slices.Contains(able, s) {
				return loginScope("request the scope "+s+" where users sign in at the domain of "+path+
					", and send the access token: "+at+" may ask for it; a sign-in by the API gives "+signInScope+" alone", s)
			}
		}
	}
	if machine, able := pool.Client(client).MachineScopes(); able {
		for _, s := range l.wanted {
			if slices.Contains(machine, s) {
				return loginScope("request the scope "+s+" at the token endpoint: "+at+" may ask for it", s)
			}
		}
	}
	of, _ := decl.Clients.Get(client)
	return l.declareScope(path, at, scope, decl, of)
}

// declareScope advises on what the declaration lacks, for a client to ask for a scope.
func (l *lack) declareScope(path, at, scope string, pool *app.UserPool, client *app.UserPoolClient) []explain.Advice {
	var lines []authorizer.Change
	add := func(name, value string) {
		lines = append(lines, authorizer.Change{Where: authorizer.InDeclaration, Name: name, Value: value})
	}
	if pool.Domain == "" {
		add(path+".domain", l.a.domainPrefix())
	}
	if server := missingScope(pool, scope); server != nil {
		add(path+".resourceServers."+server[0], server[1])
	}
	where, scopes := "at the token endpoint", quotedYAML(scope)
	if !slices.Contains(client.OAuthFlows, "clientCredentials") {
		where = "where users sign in at the domain"
		if client.OAuthFlows == nil {
			add(at+".oauthFlows", "[code]")
			add(at+".callbackUrls", `["http://localhost:3000/"]`)
		}
	}
	if client.OAuthScopes == nil {
		scopes = "[" + scopes + "]"
	}
	add(at+".oauthScopes", scopes)
	if len(lines) == 1 {
		return []explain.Advice{{
			Text: "add " + scope + " to " + at + ".oauthScopes, and request it " + where + ": the client may not ask for it", Change: &lines[0],
		}}
	}
	var list []explain.Advice
	for i := range lines {
		c := &lines[i]
		text := "and " + c.Name + ": " + c.Value
		switch {
		case i == 0:
			text = "for " + at + " to ask for " + scope + ", declare " + c.Name + ": " + c.Value
		case i == len(lines)-1:
			text += "; then request the scope " + where
			if !strings.HasSuffix(where, "endpoint") {
				text += ": a sign-in by the API gives " + signInScope + " alone"
			}
		}
		list = append(list, explain.Advice{Text: text, Change: c})
	}
	return list
}

// missingScope gives the key below resourceServers, and its value, that declares a scope
// which the pool does not have; nil if it has it.
func missingScope(pool *app.UserPool, scope string) []string {
	cut := strings.LastIndexByte(scope, '/')
	if cut < 0 {
		return nil // one of OpenID Connect's
	}
	identifier, name := scope[:cut], scope[cut+1:]
	for server, d := range pool.ResourceServers.All() {
		switch _, has := d.Scopes.Get(name); {
		case d.Identifier == identifier && has:
			return nil
		case d.Identifier == identifier:
			return []string{server + ".scopes." + name, quotedYAML(name)}
		}
	}
	return []string{"NAME", "{identifier: " + quotedYAML(identifier) + ", scopes: {" + quotedYAML(name) + ": " + quotedYAML(name) + "}}"}
}

// domainPrefix gives a prefix for a pool's domain: the app's name, where that may be one.
func (a *App) domainPrefix() string {
	if len(app.ReservedWords(a.decl.Name)) > 0 {
		return "users"
	}
	for _, pool := range a.decl.UserPools.All() {
		if pool.Domain == a.decl.Name {
			return "users"
		}
	}
	return a.decl.Name
}

func loginScope(text, scope string) []explain.Advice {
	return []explain.Advice{{Text: text, Change: &authorizer.Change{Where: authorizer.AtLogin, Name: "scope", Value: scope}}}
}

// quotedYAML writes a scope as YAML: it may have a colon.
func quotedYAML(s string) string { return `"` + s + `"` }

// signInTo gives the flags of `doorwright token` that say whose token is wanted, and whether
// that is a user's: an application's own has all scopes that it was granted.
func signInTo(tenant *app.Tenant) (flags string, users bool) {
	var able []string
	for name, d := range tenant.Applications.All() {
		if d.Type != auth0.TypeNonInteractive {
			able = append(able, name)
		}
	}
	switch {
	case len(able) == 0 && tenant.Applications.Len() > 0:
		return " --application " + tenant.Applications.Keys()[0], false
	case len(able) > 1:
		return " --user USER --application " + able[0], true
	}
	return " --user USER", true
}

// loginOfPool gives the command that prints a token of a user pool for a route. It signs
// in by the API, and has no scope that a domain gives.
func (a *App) loginOfPool(decl *app.Authorizer, rest bool) func([]string) string {
	command := "doorwright token --user USER"
	if a.decl.Tenants.Len() > 0 || a.decl.UserPools.Len() > 1 {
		command = "doorwright token --pool " + decl.UserPool + " --user USER"
	}
	if pool, ok := a.decl.UserPools.Get(decl.UserPool); ok && pool.Clients.Len() > 1 {
		clients := pool.Clients.Keys()
		if decl.Clients != nil {
			clients = decl.Clients
		}
		command += " --client " + clients[0]
	}
	return func(scopes []string) string {
		switch {
		case len(scopes) > 0 && !slices.Contains(scopes, signInScope):
			return ""
		case rest && len(scopes) == 0:
			return command + " --id-token"
		}
		return command
	}
}

// loginOfTenant gives the command that prints a token of a tenant for a route; nil if the
// issuer is no tenant of this stage, or its audiences are none of its APIs.
func (a *App) loginOfTenant(issuer string, audience []string) func([]string) string {
	for name, decl := range a.decl.Tenants.All() {
		if tenant := a.tenants.Tenant(name); tenant == nil || tenant.Issuer() != issuer {
			continue
		}
		var apis []string
		for api, d := range decl.APIs.All() {
			if slices.Contains(audience, d.Identifier) {
				apis = append(apis, api)
			}
		}
		if len(apis) == 0 {
			return nil
		}
		flag, users := signInTo(decl)
		return func(scopes []string) string {
			api, scope := apis[0], ""
			if len(scopes) > 0 {
				scope = scopes[0]
			}
			for _, name := range apis { // the one that has such a scope
				d, _ := decl.APIs.Get(name)
				if i := slices.IndexFunc(scopes, func(s string) bool { return slices.Contains(d.Permissions, s) }); i >= 0 {
					api, scope = name, scopes[i]
					break
				}
			}
			command := "doorwright token" + flag + " --api " + api
			if a.decl.Tenants.Len() > 1 {
				command += " --tenant " + name
			}
			if scope == "" || !users {
				return command
			}
			return command + ` --scope "openid ` + scope + `"`
		}
	}
	return nil
}
