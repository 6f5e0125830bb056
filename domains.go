package doorwright

import (
	"context"
	"net/http"
	"sync"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/cognito"
)

// bindDomains binds a port for each user pool with a domain, so that its pages
// and endpoints have an origin of their own: cookies and forms of one pool are
// none of another's or of an API's.
func (a *App) bindDomains(ctx context.Context) error {
	a.domains = map[string]*loopback{}
	for name, decl := range a.decl.UserPools.All() {
		if decl.Domain == "" {
			continue
		}
		l, err := a.bindDomain(ctx, name)
		if err != nil {
			return err
		}
		a.domains[name] = l
	}
	return nil
}

// bindDomain binds a port for a domain, which is served by https as on AWS:
// clients that are given one, such as Amplify, put https:// before it.
func (a *App) bindDomain(ctx context.Context, pool string) (*loopback, error) {
	l, err := a.bind(ctx, "the domain of user pool "+pool, "userPools."+pool, domainPort+len(a.domains), 0)
	if err != nil {
		return nil, err
	}
	if err := a.secure(l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// addedDomains are the origins of domains that requests made. One that is there
// before Run is served by it, as the declared ones are; later ones are served
// from when they are made.
type addedDomains struct {
	mu    sync.Mutex
	byID  map[string]*addedDomain // guarded by mu
	serve func(*addedDomain)      // set by Run; guarded by mu
}

type addedDomain struct {
	listener *loopback
	handler  http.Handler
	stop     context.CancelFunc // set once it is served
}

// openDomain gives a pool's domain an origin, which is the same in each run.
func (a *App) openDomain(ctx context.Context, pool string, h http.Handler) (string, error) {
	l, err := a.bindDomain(ctx, pool)
	if err != nil {
		return "", err
	}
	d := &addedDomain{listener: l, handler: a.surviving(h)}
	a.added.mu.Lock()
	defer a.added.mu.Unlock()
	if a.added.byID == nil {
		a.added.byID = map[string]*addedDomain{}
	}
	a.added.byID[pool] = d
	if a.added.serve != nil {
		a.added.serve(d)
	}
	return l.url(), nil
}

// closeDomain ends the origin of a domain that was deleted. Its port is free at
// once, so that a domain that is made again has it again; what is in flight ends
// in its own time.
func (a *App) closeDomain(pool string) {
	a.added.mu.Lock()
	defer a.added.mu.Unlock()
	d := a.added.byID[pool]
	if d == nil {
		return
	}
	delete(a.added.byID, pool)
	d.listener.close() // first: only who closes a listener knows that its port is free
	if d.stop != nil {
		d.stop()
	}
}

// serveDomains has the added domains served, those that there are and those to
// come.
func (a *App) serveDomains(serve func(*addedDomain)) {
	a.added.mu.Lock()
	defer a.added.mu.Unlock()
	a.added.serve = serve
	for _, d := range a.added.byID {
		serve(d)
	}
}

// closeDomains gives back what openDomain took and nobody serves.
func (a *App) closeDomains() {
	a.added.mu.Lock()
	defer a.added.mu.Unlock()
	for _, d := range a.added.byID {
		d.listener.close()
	}
}

// identityProviders gives the providers of a declared pool, with their secrets.
func (a *App) identityProviders(p *app.UserPool) ([]cognito.IdentityProviderConfig, error) {
	var all []cognito.IdentityProviderConfig
	for name, decl := range p.IdentityProviders.All() {
		provider := cognito.IdentityProviderConfig{Name: name, Scopes: decl.Scopes, AttributeMapping: map[string]string{}, Identifiers: decl.Identifiers}
		for _, v := range []struct {
			expr  app.Expr
			value *string
		}{{decl.Issuer, &provider.Issuer}, {decl.ClientID, &provider.ClientID}, {decl.ClientSecret, &provider.ClientSecret}} {
			var err error
			if *v.value, err = a.decl.Resolve(v.expr, a.attribute); err != nil {
				return nil, err
			}
		}
		for attribute, claim := range decl.AttributeMapping.All() {
			provider.AttributeMapping[attribute] = claim
		}
		all = append(all, provider)
	}
	return all, nil
}
