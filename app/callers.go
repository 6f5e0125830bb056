package app

import (
	"fmt"
	"slices"
	"strings"
)

// Callers names who may call a route with the authorizer iam, by the permissions of this
// file, beside the stage's root: "Auth.authenticated" of an identity pool,
// "Auth.rules.Users[0]" of a rule, "Users.groups.admins" of a group, and the names of
// functions. What conditions ask for is not looked at.
func (a *App) Callers(r ResolvedRoute) []string {
	if r.Authorizer != AuthorizerIAM {
		return nil
	}
	var who []string
	may := func(name string, permissions []*Permission) {
		if a.mayCall(r, permissions) {
			who = append(who, name)
		}
	}
	for name, pool := range a.IdentityPools.All() {
		may(name+".authenticated", pool.Permissions.Authenticated)
		if pool.AllowUnauthenticatedIdentities {
			may(name+".unauthenticated", pool.Permissions.Unauthenticated)
		}
		for provider, m := range pool.RoleMappings.All() {
			for i, rule := range m.Rules {
				may(fmt.Sprintf("%s.rules.%s[%d]", name, provider, i), rule.Permissions)
			}
		}
	}
	for name, pool := range a.UserPools.All() {
		for group, g := range pool.Groups.All() {
			may(name+".groups."+group, g.Permissions)
		}
	}
	for _, f := range a.Functions() {
		may(f.Name, f.Permissions)
	}
	return who
}

// mayCall says whether a statement allows the route, and none denies all of it.
func (a *App) mayCall(r ResolvedRoute, permissions []*Permission) bool {
	allowed := false
	for _, s := range a.Statements(permissions) {
		if !slices.ContainsFunc(s.Actions, func(action string) bool { return covers(action, "execute-api:Invoke") }) ||
			!slices.ContainsFunc(s.Targets, func(t Target) bool { return t.coversRoute(r, s.Effect == "Allow") }) {
			continue
		}
		switch {
		case s.Effect == "Allow":
			allowed = true
		case s.Condition.Len() == 0:
			return false
		}
	}
	return allowed
}

// coversRoute says whether a target is about all requests of a route or, if some will
// do, about some.
func (t Target) coversRoute(r ResolvedRoute, some bool) bool {
	if t.Kind != RefAPI {
		return t.ARN == "*" || strings.HasPrefix(t.ARN, "arn:aws:execute-api:")
	}
	if t.Name != r.API {
		return false
	}
	method, path, _ := strings.Cut(r.Key, " /")
	if t.Path == "" || t.Path == "*" || some && r.Key == "$default" {
		return true
	}
	of, at, _ := strings.Cut(t.Path, "/")
	every := pathVariable.ReplaceAllString(path, "*")
	if method == "ANY" && !some {
		return of == "*" && wild(at, every)
	}
	return (method == "ANY" || wild(of, method)) && (wild(at, every) || some && wild(every, at))
}

// wild says whether a pattern with * and ?, of which * is any text, matches.
func wild(pattern, text string) bool {
	i, star, from := 0, -1, 0
	for j := 0; j < len(text); {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i, j = i+1, j+1
		case star >= 0: // the last * takes one character more
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
