package doorwright

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/iam"
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
	// has of it.
	IdentityPool string
	// Signed says that the request is to be signed, and must be of one of these.
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

	// The identity pool and the login there, by which ReadCall has the keys.
	IdentityPoolID string
	Logins         map[string]string
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
	if c.IdentityPoolID == "" {
		return c, c.Keys.check()
	}
	env, err := ReadEnvironment(dir, stage)
	if err != nil {
		return Call{}, err
	}
	if c.Keys, err = identityCredentials(ctx, env.Endpoint, c.IdentityPoolID, c.Logins); err != nil {
		return Call{}, err
	}
	return c, c.Keys.check()
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

// identityCredentials goes the way of an SDK to the keys of an identity pool.
// https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
func identityCredentials(ctx context.Context, endpoint, pool string, logins map[string]string) (*SessionKeys, error) {
	var id struct{ IdentityId string }
	if err := askIdentityPool(ctx, endpoint, "GetId", members{"IdentityPoolId": pool, "Logins": logins}, &id); err != nil {
		return nil, err
	}
	var out struct {
		Credentials struct {
			AccessKeyId, SecretKey, SessionToken string
			Expiration                           json.Number
		}
	}
	if err := askIdentityPool(ctx, endpoint, "GetCredentialsForIdentity", members{"IdentityId": id.IdentityId, "Logins": logins}, &out); err != nil {
		return nil, err
	}
	c := out.Credentials
	return &SessionKeys{c.AccessKeyId, c.SecretKey, c.SessionToken, seconds(c.Expiration)}, nil
}

// askIdentityPool sends an operation that needs no signature.
func askIdentityPool(ctx context.Context, endpoint, operation string, in members, out any) error {
	if len(in["Logins"].(map[string]string)) == 0 {
		delete(in, "Logins")
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := localClient().Do(r)
	if err != nil {
		return fmt.Errorf("asking the identity pool: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxControl))
	if err != nil {
		return fmt.Errorf("asking the identity pool: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var refused struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if json.Unmarshal(answer, &refused) != nil {
			return fmt.Errorf("asking the identity pool: %s answers %d", operation, res.StatusCode)
		}
		return fmt.Errorf("%s: %s: %s", operation, refused.Type, refused.Message)
	}
	return json.Unmarshal(answer, out)
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
	case q.Signed:
		err = fixable(errors.New("a signed request is somebody's"), "--role is one of "+joined(append(a.decl.Callers(route), "a function"))+"; or say --identity-pool, with --user for who is signed in, or --root")
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
	if id && q.Tenant != "" && !slices.Contains(strings.Fields(q.Scope), "openid") {
		q.Scope = strings.TrimSpace("openid " + q.Scope)
	}
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

// roleKeys gives keys of a declared role for an hour.
func (a *App) roleKeys(caller string) (*SessionKeys, error) {
	roles := a.callerRoles()
	i := slices.IndexFunc(roles, func(r callerRole) bool {
		return r.caller == caller || r.role == caller || a.handlerOf[r.role] == caller
	})
	if i < 0 {
		var names []string
		for _, r := range roles {
			names = append(names, r.caller)
		}
		return nil, fmt.Errorf("there is no role %q: the roles are %s", caller, joined(names))
	}
	given, err := a.account.Assume(iam.AssumeRequest{Role: roles[i].role, Session: "doorwright", Duration: time.Hour})
	if err != nil {
		return nil, err
	}
	return &SessionKeys{given.AccessKeyID, given.SecretAccessKey, given.SessionToken, given.Expiration}, nil
}

// callerRole is a role by what `routes` calls who has it.
type callerRole struct{ caller, role string }

func (a *App) callerRoles() []callerRole {
	var all []callerRole
	for name, pool := range a.decl.IdentityPools.All() {
		all = append(all, callerRole{name + "." + authenticated, a.identityRole(name, authenticated)})
		if pool.AllowUnauthenticatedIdentities {
			all = append(all, callerRole{name + "." + unauthenticated, a.identityRole(name, unauthenticated)})
		}
		for provider, m := range pool.RoleMappings.All() {
			for i, rule := range m.Rules {
				if rule.Role == "" {
					all = append(all, callerRole{fmt.Sprintf("%s.rules.%s[%d]", name, provider, i), a.ruleRole(name, provider, i)})
				}
			}
		}
	}
	for name, pool := range a.decl.UserPools.All() {
		for group, g := range pool.Groups.All() {
			if g.Permissions != nil {
				all = append(all, callerRole{name + ".groups." + group, a.groupRole(name, group)})
			}
		}
	}
	for _, f := range a.decl.Functions() {
		all = append(all, callerRole{f.Name, f.Name})
	}
	return all
}

// identityLogin finds the identity pool of a call, and the login of its user there.
func (a *App) identityLogin(ctx context.Context, q CallQuery, c *Call) error {
	name, err := oneOf("identity pool", q.IdentityPool, a.decl.IdentityPools.Keys())
	if err != nil {
		return err
	}
	decl, _ := a.decl.IdentityPools.Get(name)
	c.IdentityPoolID, c.Logins = a.identityPoolIDs[name], map[string]string{}
	if q.Token.User == "" {
		return nil
	}
	for _, u := range decl.UserPools {
		if (q.Token.Pool == "" || q.Token.Pool == u.UserPool) && q.Token.Tenant == "" && len(u.Clients) > 0 {
			c.Token.Pool, c.Token.Client = u.UserPool, u.Clients[0]
			token, err := a.bearer(ctx, c.Token, true)
			c.Logins[a.userPoolProvider(a.pools.Pool(u.UserPool).ID())] = token
			return err
		}
	}
	for _, f := range decl.Federation.All() {
		if f.Tenant != "" && a.tenants.Tenant(f.Tenant) != nil && (q.Token.Tenant == "" || q.Token.Tenant == f.Tenant) {
			c.Token.Tenant, c.Token.Application = f.Tenant, f.Application
			_, provider, _ := strings.Cut(strings.TrimSuffix(a.tenants.Tenant(f.Tenant).Issuer(), "/"), "://")
			c.Logins[provider], err = a.bearer(ctx, c.Token, true)
			return err
		}
	}
	return fmt.Errorf("identity pool %s takes no logins of a user pool or a tenant of this stage that would be %s's", name, q.Token.User)
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
