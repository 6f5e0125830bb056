package auth0

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// oidcScopes are the scopes that belong to no API.
var oidcScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// authz says whether tokens of a dialect have the claim permissions.
func authz(dialect string) bool { return strings.HasSuffix(dialect, "_authz") }

// permissions gives what a user may do at an API by roles and directly, in the
// API's order.
func (t *Tenant) permissions(api *APIConfig, u *user) []string {
	held := u.held[api.Identifier]
	all := []string{}
	for _, p := range api.Permissions {
		if slices.Contains(held, p) {
			all = append(all, p)
		}
	}
	return all
}

// granted gives the scopes of a user's token, in the order of the request: those
// of OpenID Connect, and of the API's those that it has and, with RBAC, the user
// too. The rest is dropped without a word
// (https://auth0.com/docs/get-started/apis/enable-role-based-access-control-for-apis).
func (t *Tenant) granted(requested []string, api *APIConfig, u *user) []string {
	var held []string
	if api != nil && api.RBAC {
		held = t.permissions(api, u)
	}
	scopes := []string{}
	for _, s := range requested {
		switch {
		case slices.Contains(oidcScopes, s):
		case api == nil, !slices.Contains(api.Permissions, s):
			continue
		case api.RBAC && !slices.Contains(held, s):
			continue
		}
		scopes = append(scopes, s)
	}
	return scopes
}

// surprises notes what people wonder about when a token lacks something.
func (t *Tenant) surprises(c *call, requested []string, api *APIConfig, u *user) {
	if api == nil {
		c.note("no audience was asked for, so the access token is opaque: it is good for /userinfo alone")
		return
	}
	held := t.permissions(api, u)
	var unheld, unknown, unasked []string
	for _, s := range requested {
		switch {
		case slices.Contains(oidcScopes, s):
		case !slices.Contains(api.Permissions, s):
			unknown = append(unknown, s)
		case api.RBAC && !slices.Contains(held, s):
			unheld = append(unheld, s)
		}
	}
	for _, p := range held {
		if !slices.Contains(requested, p) {
			unasked = append(unasked, p)
		}
	}
	c.event.Scopes = &Scopes{API: api.Name, RBAC: api.RBAC, Unheld: unheld, Unknown: unknown, Unasked: unasked}
	for _, s := range []struct {
		list []string
		text string
	}{
		{unheld, "asked for and not among the user's permissions: "},
		{unknown, "asked for and no permission of the API: "},
		{unasked, "held by the user and not asked for, so not in the token's scope: "},
	} {
		if len(s.list) > 0 {
			c.note("%s%s", s.text, strings.Join(s.list, " "))
		}
	}
}

// Bounds of guessing passwords: Auth0's brute-force protection blocks an
// identifier after 10 failures in a row, for 30 days.
const (
	maxGuesses = 10
	guessBlock = 30 * 24 * time.Hour
	maxGuessed = 10_000
)

// guesses counts failed sign-ins by identifier, of users whom there is not too, and
// other attempts that must stay few. It is memory alone: a restart is how a
// developer unblocks.
type guesses struct {
	most  int
	block time.Duration

	mu sync.Mutex
	by map[string]guessed // guarded by mu
}

type guessed struct {
	failures int
	until    time.Time
}

func newGuesses(most int, block time.Duration) *guesses {
	return &guesses{most: most, block: block, by: map[string]guessed{}}
}

// begin counts a guess before it is judged, so that many at once are no more than
// one after another, or says that the name is blocked. succeeded takes it back.
func (g *guesses) begin(name string, now time.Time) bool { return g.beginOf(name, now, g.most) }

// beginOf is begin with a bound of its own.
func (g *guesses) beginOf(name string, now time.Time, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	of := g.by[name]
	if of.failures >= most {
		if now.Before(of.until) {
			return false
		}
		of = guessed{}
	}
	if of.failures == 0 && len(g.by) >= maxGuessed {
		for other, o := range g.by { // any that is not blocked makes room
			if o.failures < g.most || !now.Before(o.until) {
				delete(g.by, other)
				break
			}
		}
		if len(g.by) >= maxGuessed {
			return true
		}
	}
	of.failures++
	of.until = now.Add(g.block)
	g.by[name] = of
	return true
}

func (g *guesses) succeeded(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.by, name)
}
