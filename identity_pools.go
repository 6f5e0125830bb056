package doorwright

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/verify"
)

// openIdentityPools opens the declared identity pools. User pools, tenants and the
// account are open by then.
func (a *App) openIdentityPools(ctx context.Context) error {
	signedBy := a.signedBy(serviceCognitoIdentity)
	cfg := identity.Config{
		Region: a.decl.Region, AccountID: aws.AccountID, DB: a.state.DB(), Account: a.account, Now: a.cfg.Now,
		Provider: a.provider, Log: a.identityEvent,
		Authenticate: func(r *http.Request, body []byte) (iam.Principal, error) {
			p, err := signedBy(r, body)
			if err != nil {
				return iam.Principal{}, signatureError(err)
			}
			return p, nil
		},
	}
	a.federated = map[string]identity.Provider{}
	for name, decl := range a.decl.IdentityPools.All() {
		pool, err := a.identityPool(name, decl)
		if err != nil {
			return fmt.Errorf("%s: %w", a.decl.Pos("identityPools."+name), err)
		}
		cfg.Pools = append(cfg.Pools, pool)
	}
	var err error
	if a.identities, err = identity.New(cfg); err != nil {
		return err
	}
	return a.identities.Open(ctx)
}

// issuerProvider is how identity pools name an issuer: without its scheme, and without the
// slash that Auth0's end in.
func issuerProvider(issuer string) string {
	_, name, _ := strings.Cut(issuer, "://")
	return strings.TrimSuffix(name, "/")
}

// userPoolProvider is how identity pools name a user pool, as on AWS.
func (a *App) userPoolProvider(id string) string {
	return "cognito-idp." + a.decl.Region + ".amazonaws.com/" + id
}

// provider finds a user pool of this stage, or an issuer that the declaration
// names, by its name as a provider.
func (a *App) provider(name string) (identity.Provider, bool) {
	id, ok := strings.CutPrefix(name, a.userPoolProvider(""))
	if !ok {
		p, ok := a.federated[name]
		return p, ok
	}
	pool := a.pools.PoolOfID(id)
	if pool == nil {
		return identity.Provider{}, false
	}
	return identity.Provider{Name: name, Issuer: pool.Issuer(), Keys: pool, Active: pool.Active}, true
}

// identityPool says a declared identity pool in Cognito's words.
func (a *App) identityPool(name string, decl *app.IdentityPool) (identity.PoolConfig, error) {
	cfg := identity.PoolConfig{
		ID: a.identityPoolIDs[name], Name: name, AllowGuests: decl.AllowUnauthenticatedIdentities, AllowClassicFlow: decl.AllowClassicFlow,
		DeveloperProvider: decl.DeveloperProviderName, OpenIDConnect: map[string][]string{},
		Authenticated: roleARN(a.identityRole(name, authenticated)),
		RoleMappings:  map[string]identity.RoleMapping{}, PrincipalTags: map[string]map[string]string{},
	}
	if decl.AllowUnauthenticatedIdentities {
		cfg.Unauthenticated = roleARN(a.identityRole(name, unauthenticated))
	}
	// By the name that the declaration has for a provider: what it is called on the
	// wire, and the keys of its role mappings.
	providers, mappings := map[string]string{}, map[string][]string{}
	for _, u := range decl.UserPools {
		pool := a.pools.Pool(u.UserPool)
		provider := a.userPoolProvider(pool.ID())
		providers[u.UserPool] = provider
		for _, client := range u.Clients {
			id := pool.ClientID(client)
			cfg.UserPools = append(cfg.UserPools, identity.UserPoolClient{Provider: provider, ClientID: id, ServerSideTokenCheck: decl.ServerSideTokenCheck})
			mappings[u.UserPool] = append(mappings[u.UserPool], provider+":"+id)
		}
	}
	for federation, f := range decl.Federation.All() {
		provider, client, err := a.federation(f)
		if err != nil {
			return identity.PoolConfig{}, err
		}
		cfg.OpenIDConnect[provider] = append(cfg.OpenIDConnect[provider], client)
		providers[federation], mappings[federation] = provider, []string{provider}
	}
	if dev := decl.DeveloperProviderName; dev != "" {
		providers[dev], mappings[dev] = dev, []string{dev}
	}
	for provider, m := range decl.RoleMappings.All() {
		for _, key := range mappings[provider] {
			if _, twice := cfg.RoleMappings[key]; twice {
				return identity.PoolConfig{}, fmt.Errorf("the role mapping for %s is about an issuer that another one is about already", provider)
			}
			cfg.RoleMappings[key] = a.roleMapping(name, provider, m)
		}
	}
	for provider, claims := range decl.PrincipalTags.All() {
		tags := map[string]string{}
		for tag, claim := range claims.All() {
			tags[tag] = claim
		}
		if cfg.PrincipalTags[providers[provider]] != nil {
			return identity.PoolConfig{}, fmt.Errorf("the principal tags of %s are about an issuer that others are about already", provider)
		}
		cfg.PrincipalTags[providers[provider]] = tags
	}
	return cfg, nil
}

// ruleMatches says the declaration's words for how rules compare in Cognito's.
var ruleMatches = map[string]string{"equals": "Equals", "contains": "Contains", "startsWith": "StartsWith", "notEqual": "NotEqual"}

func (a *App) roleMapping(pool, provider string, m *app.RoleMapping) identity.RoleMapping {
	mapping := identity.RoleMapping{ElseAuthenticated: m.AmbiguousRoleResolution == "authenticatedRole"}
	for i, r := range m.Rules {
		role := a.ruleRole(pool, provider, i)
		switch userPool, group, named := strings.Cut(r.Role, "."); {
		case named:
			role = a.groupRole(userPool, group)
		case r.Role == authenticated:
			role = a.identityRole(pool, authenticated)
		}
		mapping.Rules = append(mapping.Rules, identity.RoleRule{Claim: r.Claim, Match: ruleMatches[r.MatchType], Value: r.Value, Role: roleARN(role)})
	}
	return mapping
}

// federation finds the provider and the client of a declared federation, and has
// a.provider know them.
func (a *App) federation(f *app.Federation) (name, client string, err error) {
	issuer, client := "", f.ClientID
	switch {
	case f.Tenant != "":
		decl, _ := a.decl.Tenants.Get(f.Tenant)
		if tenant := a.tenants.Tenant(f.Tenant); tenant != nil {
			issuer, client = tenant.Issuer(), tenant.ClientID(f.Application)
		} else {
			application, _ := decl.Applications.Get(f.Application)
			issuer, client = "https://"+decl.Domain+"/", application.ClientID
		}
	case f.Domain != "":
		issuer = "https://" + f.Domain + "/" // Auth0's issuers end so, letter by letter
	default:
		if issuer, err = a.decl.Resolve(f.Issuer, a.attribute); err != nil {
			return "", "", err
		}
	}
	if client == "" {
		return "", "", errors.New("the client of a federation is empty")
	}
	name = issuerProvider(issuer)
	provider, known := a.federated[name]
	switch {
	case !known:
		keys, err := a.issuerKeys(issuer)
		if err != nil {
			return "", "", err
		}
		provider = identity.Provider{Name: name, Issuer: issuer, Keys: keys}
	case provider.Issuer != issuer:
		return "", "", fmt.Errorf("the issuers %s and %s are one provider to IAM", provider.Issuer, issuer)
	}
	if !slices.Contains(provider.ClientIDs, client) {
		provider.ClientIDs = append(provider.ClientIDs, client)
	}
	a.federated[name] = provider
	return name, client, nil
}

// openIDKeys are the keys of OpenID tokens of identity pools, which open after
// STS.
type openIDKeys struct{ a *App }

func (k openIDKeys) Key(ctx context.Context, h verify.Header) (crypto.PublicKey, error) {
	return k.a.identities.OpenIDKeys().Key(ctx, h)
}

// identityProvider is identity pools as STS knows them.
func (a *App) identityProvider() iam.WebIdentityProvider {
	return iam.WebIdentityProvider{
		Principal: "cognito-identity.amazonaws.com", Issuer: identity.OpenIDIssuer, Algorithms: []verify.Algorithm{verify.RS512}, Keys: openIDKeys{a},
	}
}

// identityEvent tells of a call of identity pools and what was decided.
func (a *App) identityEvent(e identity.Event) {
	kind := KindService
	if e.Fault() {
		kind = KindError
	}
	o := operation{
		Outcome: e.Outcome, service: serviceCognitoIdentity, resource: e.Pool, decisions: e.Decisions, tell: a.loginsOf(e), size: sizeOfLogins(e),
	}
	a.operated(o)
	a.observe(a.denied(Event{Time: e.Time, Kind: kind, Source: serviceCognitoIdentity, RequestID: e.RequestID, Text: e.String()}, o))
}
