package doorwright

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/sigv4"
)

// A CallQuery says which request is to be sent to an API of a running stage, and as
// whom. Without anybody the request carries nothing.
type CallQuery struct {
	// API may be empty if there is one. Path is below its URL, or is a URL of an API.
	API, Method, Path string
	// Token says whose token; what is empty there is found by the route's authorizer.
	// IDToken asks for the ID token where the authorizer does not tell.
	Token   TokenQuery
	IDToken bool
	// Role is a role of the declaration as `routes` names callers: a function,
	// Users.groups.admins, or Auth.authenticated. Root stands for the stage's root keys.
	Role string
	Root bool
	// IdentityPool asks for the credentials that Token's user, or without one a guest,
	// has of it. It may be empty for a user at a route that wants signed requests.
	IdentityPool string
	// Signed says that the request is to be signed, and must be of one of these or of a
	// user.
	Signed bool
	// APIKey is a declared API key.
	APIKey string
}

// A Call is a request that can be sent.
type Call struct {
	API, URL, Region string
	// Route is the key of the route, if one matches, and Guard its authorizer's type.
	Route, Guard string
	// Bearer is the token. Token and IDToken say how `doorwright token` gives it, and
	// ClientID which client of a user pool takes the user's password for it, if one does.
	Bearer   string
	Token    TokenQuery
	IDToken  bool
	ClientID string
	// Keys sign the request.
	Keys *SessionKeys
	// APIKey is the value for x-api-key, and APIKeyRef how `doorwright secret` gives it.
	APIKey, APIKeyRef string

	// The identity pool that gave the keys for Token's login, its id, what it calls who
	// vouched for the user, and the role that it chose. Provider is "" for a guest.
	IdentityPool, IdentityPoolID, Provider, Role string
}

// SessionKeys are keys of AWS; those of root have no SessionToken.
type SessionKeys struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expiration                                 time.Time
}

// ReadCall asks the running stage of the app in dir how a request is to be sent.
func ReadCall(ctx context.Context, dir, stage string, q CallQuery) (Call, error) {
	return readCall(ctx, dir, stage, callTarget, q)
}

// ReadKeys asks the running stage of the app in dir for the keys of a role, or of who is
// signed in to an identity pool: the answer's Keys.
func ReadKeys(ctx context.Context, dir, stage string, q CallQuery) (Call, error) {
	return readCall(ctx, dir, stage, keysTarget, q)
}

func readCall(ctx context.Context, dir, stage, target string, q CallQuery) (Call, error) {
	var c Call
	if err := askStage(ctx, dir, stage, target, q, &c); err != nil {
		return Call{}, err
	}
	if err := c.checkURL(); err != nil {
		return Call{}, err
	}
	if err := c.Keys.check(); err != nil {
		return Call{}, err
	}
	return c, nil
}

// checkURL holds what is called to this machine: who has the port of a stage that does
// not run any more is told no token by it.
func (c *Call) checkURL() error {
	if c.URL == "" {
		return nil // keys alone were asked for
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() != "localhost" || u.User != nil {
		return fmt.Errorf("the stage gave %.100q as the URL of its API, which is not on this machine: nothing is sent there", c.URL)
	}
	return nil
}

// check holds keys to what AWS's look like: a shell is about to evaluate them.
func (k *SessionKeys) check() error {
	if k == nil {
		return nil
	}
	if strings.Trim(k.AccessKeyID+k.SecretAccessKey+k.SessionToken, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_-") != "" {
		return errors.New("the stage gave keys that are none")
	}
	return nil
}

// queriedCall answers ReadCall.
func (a *App) queriedCall(ctx context.Context, q CallQuery) (any, error) {
	s, to, err := a.calledURL(q.API, q.Path)
	if err != nil {
		return nil, err
	}
	c := Call{API: s.name, URL: to.String(), Region: a.decl.Region, Token: q.Token, IDToken: q.IDToken}
	var route app.ResolvedRoute
	key := s.gateway.RouteOf(q.Method, to.EscapedPath())
	for _, r := range a.decl.Routes() {
		if r.API == s.name && r.Key == key {
			route, c.Route, c.Guard = r, key, r.Authorizer
		}
	}
	guard, declared := s.decl.Authorizers.Get(route.Authorizer)
	if declared {
		c.Guard = guard.Type
	}
	if q.APIKey != "" {
		name, err := oneOf("API key of API "+s.name, q.APIKey, s.decl.APIKeys.Keys())
		if err != nil {
			return nil, err
		}
		c.APIKey, c.APIKeyRef = s.keys[name], "apis."+s.name+".apiKeys."+name+".value"
	}
	switch bearer := q.Token.User != "" || q.Token.Application != ""; {
	case q.Role != "" || q.Root || q.IdentityPool != "":
		err = a.keysFor(ctx, q, &c)
	case bearer && (q.Signed || route.Authorizer == app.AuthorizerIAM && !q.IDToken):
		err = a.keysForRoute(ctx, q, route, &c)
	case q.Signed:
		err = fixable(errors.New("a signed request is somebody's"), "--role is one of "+joined(append(a.decl.Callers(route), "a function"))+"; or say --user for who is signed in to an identity pool, --identity-pool for a guest, or --root")
	case bearer:
		if declared {
			if err := a.tokenFor(s, guard, route, &c); err != nil {
				return nil, err
			}
		}
		c.ClientID = a.passwordClient(c.Token)
		c.Bearer, err = a.bearer(ctx, c.Token, c.IDToken)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// queriedKeys answers ReadKeys.
func (a *App) queriedKeys(ctx context.Context, q CallQuery) (any, error) {
	c := Call{Region: a.decl.Region, Token: q.Token}
	if err := a.keysFor(ctx, q, &c); err != nil {
		return nil, err
	}
	return c, nil
}

// keysFor finds the keys that a request is signed with, or the login that gives them.
func (a *App) keysFor(ctx context.Context, q CallQuery, c *Call) (err error) {
	user := q.Token.User != "" || q.Token.Application != ""
	switch {
	case q.Role != "" && q.Root, (q.Role != "" || q.Root) && (q.IdentityPool != "" || user):
		return errors.New("a request is of one caller: a user's, a role's, an identity pool's or root's")
	case q.Root:
		c.Keys = &SessionKeys{AccessKeyID: a.root.AccessKeyID, SecretAccessKey: a.root.SecretAccessKey}
	case q.Role != "":
		c.Keys, err = a.roleKeys(q.Role)
	default:
		err = a.identityLogin(ctx, q, c)
	}
	return err
}

// passwordClient gives the id of a token's client, if that takes passwords as they are.
func (a *App) passwordClient(q TokenQuery) string {
	pool, client, err := a.poolAndClient(q.Pool, q.Client)
	if err != nil || q.Tenant != "" || q.User == "" {
		return ""
	}
	decl, _ := a.decl.UserPools.Get(pool.Name())
	for name, d := range decl.Clients.All() {
		if pool.Client(name) == client && slices.Contains(d.AuthFlows, "userPassword") && !d.GenerateSecret {
			return pool.ClientID(name)
		}
	}
	return ""
}

// calledURL finds the API of a request, and its URL. A token must not go elsewhere.
func (a *App) calledURL(api, path string) (*servedAPI, *url.URL, error) {
	var names []string
	for _, s := range a.apis {
		names = append(names, s.name)
		whole := s.listener.url()
		if strings.Contains(path, "://") {
			if rest, ok := strings.CutPrefix(path, whole); ok && (rest == "" || strings.ContainsAny(rest[:1], "/?")) {
				u, err := url.Parse(path)
				return s, u, err
			}
			continue
		}
		if api == s.name || api == "" && len(a.apis) == 1 {
			u, err := url.Parse(s.url() + "/" + strings.TrimPrefix(path, "/"))
			if err != nil {
				return nil, nil, fmt.Errorf("reading the path: %w", err)
			}
			return s, u, nil
		}
	}
	switch {
	case strings.Contains(path, "://"):
		return nil, nil, fmt.Errorf("%.200q is not of an API of this stage, which alone is called: tokens and signatures go nowhere else", path)
	case api == "" && len(names) > 0:
		return nil, nil, fixable(errors.New("the declaration has more than one API"), "say which: --api "+joined(names))
	}
	return nil, nil, fmt.Errorf("the declaration has no API %q; it has %s", api, joined(names))
}

// tokenFor completes whose token is wanted by what the route's authorizer takes.
func (a *App) tokenFor(s *servedAPI, guard *app.Authorizer, route app.ResolvedRoute, c *Call) error {
	q := &c.Token
	if q.Pool != "" || q.Client != "" || q.Tenant != "" || q.API != "" {
		return nil
	}
	switch guard.Type {
	case "user_pool":
		q.Pool = guard.UserPool
		decl, _ := a.decl.UserPools.Get(q.Pool)
		if clients := slices.Concat(guard.Clients, decl.Clients.Keys()); len(clients) > 0 {
			q.Client = clients[0]
		}
		// A REST API's authorizer takes ID tokens, or with scopes access tokens.
		c.IDToken = c.IDToken || s.decl.Protocol == app.ProtocolREST && len(route.Scopes) == 0
	case "jwt":
		issuer, err := a.decl.Resolve(guard.Issuer, a.attribute)
		if err != nil {
			return err
		}
		for name, decl := range a.decl.UserPools.All() {
			if pool := a.pools.Pool(name); pool.Issuer() == issuer && decl.Clients.Len() > 0 {
				q.Pool, q.Client = name, decl.Clients.Keys()[0]
				for _, audience := range guard.Audience {
					id, err := a.decl.Resolve(audience, a.attribute)
					if err != nil {
						return err
					}
					for _, client := range decl.Clients.Keys() {
						if pool.ClientID(client) == id {
							q.Client = client
							return nil
						}
					}
				}
				return nil
			}
		}
		return a.tenantTokenFor(issuer, guard, route, q)
	}
	return nil
}

// tenantTokenFor is tokenFor an authorizer with a tenant's issuer: the token is for the
// API whose identifier is its audience, with the route's scopes.
func (a *App) tenantTokenFor(issuer string, guard *app.Authorizer, route app.ResolvedRoute, q *TokenQuery) error {
	for name, decl := range a.decl.Tenants.All() {
		tenant := a.tenants.Tenant(name)
		if tenant == nil || tenant.Issuer() != issuer {
			continue
		}
		q.Tenant = name
		for _, expr := range guard.Audience {
			audience, err := a.decl.Resolve(expr, a.attribute)
			if err != nil {
				return err
			}
			for api, d := range decl.APIs.All() {
				if d.Identifier == audience {
					q.API = api
				}
			}
		}
	}
	if q.Tenant != "" && q.Scope == "" && q.User != "" {
		q.Scope = strings.Join(route.Scopes, " ")
	}
	return nil
}

// bearer gives a token.
func (a *App) bearer(ctx context.Context, q TokenQuery, id bool) (string, error) {
	q.IDToken = id
	answer, err := a.queriedToken(ctx, q)
	if err != nil {
		return "", err
	}
	tokens := answer.(Tokens)
	if !id {
		return tokens.Access, nil
	}
	if tokens.ID == "" {
		return "", errors.New("there is no ID token: it is a user's, and of a tenant one with the scope openid")
	}
	return tokens.ID, nil
}

// Sign signs a request of a Call, or gives it a presigned URL.
func (c Call) Sign(r *http.Request, body []byte, presign bool, now time.Time) error {
	s := sigv4.Signer{Service: "execute-api", Region: c.Region}
	keys := sigv4.Credentials{AccessKeyID: c.Keys.AccessKeyID, SecretAccessKey: c.Keys.SecretAccessKey, SessionToken: c.Keys.SessionToken}
	if !presign {
		s.Sign(r, body, keys, now)
		return nil
	}
	u, err := s.Presign(r, body, keys, now, presignedLife)
	if err != nil {
		return fmt.Errorf("presigning the request: %w", err)
	}
	r.URL = u
	return nil
}

// presignedLife is how long a presigned URL is good: as long as the AWS CLI's for S3
// would be is too long for what a terminal shows.
const presignedLife = 15 * time.Minute
