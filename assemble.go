package doorwright

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/userdata"
	"github.com/doorwright/doorwright/verify"
)

// openState takes the stage.
func (a *App) openState(ctx context.Context) error {
	opts := store.Options{Migrations: migrations(), Now: a.cfg.Now}
	if a.cfg.Temporary {
		var err error
		if opts.Begin, err = emptyState(); err != nil {
			return err
		}
	}
	state, err := store.Open(ctx, a.cfg.State, opts)
	if err != nil {
		return fmt.Errorf("opening stage %s: %w", a.cfg.Stage, err)
	}
	a.state = state
	return a.checkTemporary(ctx)
}

func portKey(listener string) string { return "port." + listener }

func (a *App) recallPort(ctx context.Context, listener string) (int, error) {
	text, ok, err := a.state.Recall(ctx, portKey(listener))
	if err != nil || !ok {
		return 0, err
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, nil // not ours to fail on: the port is chosen anew
	}
	return port, nil
}

func (a *App) rememberPort(ctx context.Context, listener string, port int) error {
	return a.state.Remember(ctx, portKey(listener), strconv.Itoa(port))
}

// openPools opens the declared user pools. Their issuer is the endpoint's
// address, which is fixed for as long as the process runs.
func (a *App) openPools(ctx context.Context) (err error) {
	cfg := cognito.Config{
		Region:       a.decl.Region,
		AccountID:    aws.AccountID,
		IssuerBase:   a.endpoint.url(),
		DB:           a.state.DB(),
		Mailbox:      a.state.Mailbox(),
		Authenticate: a.authenticate("cognito-idp"),
		Now:          a.cfg.Now,
		Log:          a.poolEvent,
		CodeSent:     a.codeEvent,
		Invoke:       a.invokeTrigger,
		GenerateKey:  a.generateKey,
		OpenDomain:   a.openDomain,
		CloseDomain:  a.closeDomain,
	}
	if slices.ContainsFunc(a.decl.Triggers(), func(t app.ResolvedTrigger) bool { return a.inspects(t.Function) }) {
		cfg.TriggerTimeout = lambda.InspectTimeout
	}
	for name, p := range a.decl.UserPools.All() {
		pool := poolConfig(name, p)
		pool.Triggers = a.triggers(name)
		for i := range pool.Groups {
			if g, _ := p.Groups.Get(pool.Groups[i].Name); g.Permissions != nil {
				pool.Groups[i].RoleARN = roleARN(a.groupRole(name, pool.Groups[i].Name))
			}
		}
		if pool.IdentityProviders, err = a.identityProviders(p); err != nil {
			return err
		}
		if l := a.domains[name]; l != nil {
			pool.Origin = l.url()
		}
		cfg.Pools = append(cfg.Pools, pool)
	}
	pools, err := cognito.New(cfg)
	if err != nil {
		return err
	}
	a.pools = pools
	return pools.Open(ctx)
}

// poolConfig says a declared user pool in Cognito's words.
func poolConfig(name string, p *app.UserPool) cognito.PoolConfig {
	policy := cognito.PasswordPolicy{
		MinimumLength:                 p.PasswordPolicy.MinimumLength,
		RequireUppercase:              p.PasswordPolicy.RequireUppercase,
		RequireLowercase:              p.PasswordPolicy.RequireLowercase,
		RequireNumbers:                p.PasswordPolicy.RequireNumbers,
		RequireSymbols:                p.PasswordPolicy.RequireSymbols,
		TemporaryPasswordValidityDays: p.PasswordPolicy.TemporaryPasswordValidityDays,
	}
	cfg := cognito.PoolConfig{
		Name:                   name,
		Domain:                 p.Domain,
		CaseSensitive:          p.SignInCaseSensitive,
		AdminCreateUserOnly:    !p.SelfSignUp,
		AutoVerifiedAttributes: p.AutoVerifiedAttributes(),
		PasswordPolicy:         &policy,
		MFA:                    strings.ToUpper(p.MFA),

		AllowedFirstAuthFactors: p.FirstAuthFactors(),
		EnabledMFAs:             p.MFAFactors(),
	}
	cfg.AliasAttributes, cfg.UsernameAttributes = p.Aliases()
	for _, name := range p.RequiredAttributes {
		cfg.Schema = append(cfg.Schema, cognito.SchemaAttribute{Name: name, Required: true})
	}
	for name, a := range p.CustomAttributes.All() {
		cfg.Schema = append(cfg.Schema, customAttribute(name, a))
	}
	for name, g := range p.Groups.All() {
		cfg.Groups = append(cfg.Groups, cognito.GroupConfig{
			Name: name, Description: g.Description, RoleARN: g.RoleArn, Precedence: g.Precedence,
		})
	}
	for name, r := range p.ResourceServers.All() {
		server := cognito.ResourceServerConfig{Name: name, Identifier: r.Identifier}
		for scope, description := range r.Scopes.All() {
			server.Scopes = append(server.Scopes, cognito.ScopeConfig{Name: scope, Description: description})
		}
		cfg.ResourceServers = append(cfg.ResourceServers, server)
	}
	for name, c := range p.Clients.All() {
		cfg.Clients = append(cfg.Clients, clientConfig(name, c))
	}
	return cfg
}

func customAttribute(name string, a *app.CustomAttribute) cognito.SchemaAttribute {
	bound := func(values ...*int) *int64 {
		for _, v := range values {
			if v != nil {
				return new(int64(*v))
			}
		}
		return nil
	}
	return cognito.SchemaAttribute{
		Name: "custom:" + name, Type: a.Type, Immutable: a.Mutable != nil && !*a.Mutable,
		Min: bound(a.MinLength, a.Min), Max: bound(a.MaxLength, a.Max),
	}
}

// triggers gives the functions that a pool runs.
func (a *App) triggers(pool string) cognito.Triggers {
	var t cognito.Triggers
	to := map[string]*string{
		"preSignUp": &t.PreSignUp, "postConfirmation": &t.PostConfirmation, "preAuthentication": &t.PreAuthentication,
		"postAuthentication": &t.PostAuthentication, "preTokenGeneration": &t.PreTokenGeneration, "customMessage": &t.CustomMessage,
		"userMigration": &t.UserMigration, "defineAuthChallenge": &t.DefineAuthChallenge,
		"createAuthChallenge": &t.CreateAuthChallenge, "verifyAuthChallengeResponse": &t.VerifyAuthChallengeResponse,
	}
	for _, declared := range a.decl.Triggers() {
		if declared.UserPool != pool {
			continue
		}
		*to[declared.Trigger] = declared.Function
		if declared.Version != "" {
			t.PreTokenGenerationVersion = declared.Version
		}
	}
	return t
}

// invokeTrigger runs a function for a user pool or a tenant. The functions are made
// after these, whose ids they are told of.
func (a *App) invokeTrigger(ctx context.Context, function string, event []byte) ([]byte, string, error) {
	return a.functions.Invoke(ctx, function, event)
}

func clientConfig(name string, c *app.UserPoolClient) cognito.ClientConfig {
	cfg := cognito.ClientConfig{
		Name:                       name,
		ExplicitAuthFlows:          c.ExplicitAuthFlows(),
		GenerateSecret:             c.GenerateSecret,
		PreventUserExistenceErrors: c.PreventUserExistenceErrors,
		AccessTokenValidity:        c.AccessTokenValidity,
		IDTokenValidity:            c.IDTokenValidity,
		RefreshTokenValidity:       c.RefreshTokenValidity,
		AuthSessionValidity:        c.AuthSessionValidity,
		DisableTokenRevocation:     c.EnableTokenRevocation != nil && !*c.EnableTokenRevocation,
		ReadAttributes:             c.ReadAttributes,
		WriteAttributes:            c.WriteAttributes,

		AllowedOAuthFlowsUserPoolClient: len(c.OAuthFlows) > 0,
		AllowedOAuthFlows:               c.AllowedOAuthFlows(),
		AllowedOAuthScopes:              c.OAuthScopes,
		CallbackURLs:                    c.CallbackURLs,
		DefaultRedirectURI:              c.DefaultRedirectURI,
		LogoutURLs:                      c.LogoutURLs,
		SupportedIdentityProviders:      c.IdentityProviders,
	}
	if r := c.RefreshTokenRotation; r != nil {
		cfg.Rotation = &cognito.Rotation{RetryGracePeriod: r.RetryGracePeriod}
	}
	return cfg
}

// bindAPIs binds a port for each API, so that every URL is known before
// anything refers to it.
func (a *App) bindAPIs(ctx context.Context) error {
	i := 0
	for name, decl := range a.decl.APIs.All() {
		l, err := a.bind(ctx, "API "+name, "apis."+name, apiPort+i, decl.Port)
		if err != nil {
			return err
		}
		a.apis = append(a.apis, &servedAPI{name: name, decl: decl, listener: l})
		i++
	}
	return nil
}

// newFunctions prepares the declared functions. They are built by Run.
func (a *App) newFunctions(context.Context) error {
	var err error
	if a.dir, err = filepath.Abs(a.decl.Dir); err != nil {
		return err
	}
	env, err := a.functionVariables()
	if err != nil {
		return err
	}
	cache, err := a.state.Folder("functions", "tmp") // a function may make links in its own
	if err != nil {
		return fmt.Errorf("making the folder of functions: %w", err)
	}
	a.lines = newFunctionLog(a.state.Dir())
	var key *userdata.Key // Nobody comes back to a temporary state.
	if !a.cfg.Temporary {
		key = userdata.NewKey(a.dir)
	}
	cfg := lambda.Config{
		Dir:         a.dir,
		Cache:       cache,
		Key:         key,
		Region:      a.decl.Region,
		AccountID:   aws.AccountID,
		Env:         env,
		Credentials: a.functionCredentials,
		Events:      a.functionEvent,
		Log:         a.functionLine,
	}
	inspect, err := a.inspected()
	if err != nil {
		return err
	}
	for _, f := range a.decl.Functions() {
		env, err := a.decl.Environment(f, a.attribute)
		if err != nil {
			return err
		}
		a.handlerOf[f.Name] = f.Handler
		cfg.Functions = append(cfg.Functions, lambda.Function{
			Name: f.Name, Handler: f.Handler, Timeout: f.Timeout, MemorySize: f.MemorySize,
			Environment: env, MaxConcurrency: f.Concurrency, Inspect: inspect[f.Name],
		})
	}
	a.functions, err = lambda.New(cfg)
	return err
}

// endpoints tells the AWS SDKs in functions where the services are. That of S3 is an
// address: before a name SDKs write the bucket's, and BUCKET.localhost is found by some
// machines alone; after an address the bucket is in the path. A URL that a function
// presigns is one of there, too.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (a *App) endpoints() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":    a.endpoint.url(),
		"AWS_ENDPOINT_URL_S3": fmt.Sprintf("http://127.0.0.1:%d", a.endpoint.port),
	}
}

// newGateways builds the data path of each API.
func (a *App) newGateways(context.Context) error {
	signed, err := authorizer.NewIAM(a.account, a.decl.Region, a.cfg.Now)
	if err != nil {
		return err
	}
	for _, s := range a.apis {
		cfg := gateway.Config{
			ID:             apiID(a.Stack(), s.name),
			Declared:       "apis." + s.name,
			Stage:          s.decl.StageName,
			StageVariables: map[string]string{},
			DomainName:     fmt.Sprintf("localhost:%d", s.listener.port),
			Region:         a.decl.Region,
			Authorizers:    map[string]gateway.Authorizer{app.AuthorizerIAM: signed},
			CORS:           corsConfig(s.decl.CORS),
			Invoker:        a.functions,
			Foreign: func(cookie string) bool {
				return cognito.IsCookie(cookie) || auth0.IsCookie(cookie) || console.IsCookie(cookie)
			},
			Now:   a.cfg.Now,
			Log:   func(e gateway.Entry) { a.requestEvent(s.name, e) },
			Trace: true,
		}
		if s.decl.Protocol == app.ProtocolREST {
			cfg.REST = a.restConfig(s)
		}
		cfg.AccessLog = a.accessLog(s)
		for name, expr := range s.decl.StageVariables.All() {
			value, err := a.decl.Resolve(expr, a.attribute)
			if err != nil {
				return err
			}
			cfg.StageVariables[name] = value
		}
		for name, decl := range s.decl.Authorizers.All() {
			z, err := a.newAuthorizer(s, name, decl)
			if err != nil {
				return fmt.Errorf("%s: %w", a.decl.Pos("apis."+s.name+".authorizers."+name), err)
			}
			cfg.Authorizers[name] = z
		}
		routes, err := a.routes(s)
		if err != nil {
			return err
		}
		cfg.Routes = routes
		if s.gateway, err = gateway.New(cfg); err != nil {
			return fmt.Errorf("%s: API %s: %w", a.decl.Pos("apis."+s.name), s.name, err)
		}
		a.decisions.Secret(s.gateway.SecretNames()...)
	}
	return nil
}

func (a *App) routes(s *servedAPI) ([]gateway.Route, error) {
	var routes []gateway.Route
	for _, r := range a.decl.Routes() {
		if r.API != s.name {
			continue
		}
		url, err := a.decl.Resolve(r.URL, a.attribute)
		if err != nil {
			return nil, err
		}
		routes = append(routes, gateway.Route{
			Key: r.Key, Authorizer: r.Authorizer, Scopes: r.Scopes, Function: r.Function, URL: url,
			PayloadFormatVersion: r.PayloadFormatVersion, Timeout: r.Timeout, RequestParameters: r.RequestParameters, Inspected: a.inspects(r.Function),
			APIKeyRequired: r.APIKeyRequired, Throttle: throttle(r.Throttle),
		})
	}
	return routes, nil
}

// newAuthorizer makes a declared authorizer. One of a user pool of this stage
// takes the pool's keys from memory; any other issuer's are fetched.
func (a *App) newAuthorizer(s *servedAPI, name string, decl *app.Authorizer) (gateway.Authorizer, error) {
	if decl.Type == "lambda" {
		return a.newFunctionAuthorizer(s, name, decl)
	}
	cfg := authorizer.JWTConfig{Name: name, Declared: "apis." + s.name, Kind: decl.Type, Now: a.cfg.Now, IdentitySource: decl.IdentitySource[0]}
	switch decl.Type {
	case "user_pool":
		pool := a.pools.Pool(decl.UserPool)
		cfg.Issuer, cfg.Keys = pool.Issuer(), pool
		cfg.Login = a.loginOfPool(decl, s.decl.Protocol == app.ProtocolREST)
		if cfg.Audience = pool.ClientIDs(); decl.Clients != nil {
			cfg.Audience = nil
			for _, c := range decl.Clients {
				cfg.Audience = append(cfg.Audience, pool.ClientID(c))
			}
		}
	case "jwt":
		issuer, err := a.decl.Resolve(decl.Issuer, a.attribute)
		if err != nil {
			return nil, err
		}
		for _, expr := range decl.Audience {
			audience, err := a.decl.Resolve(expr, a.attribute)
			if err != nil {
				return nil, err
			}
			cfg.Audience = append(cfg.Audience, audience)
		}
		cfg.Issuer, cfg.Login = issuer, a.loginOfTenant(issuer, cfg.Audience)
		if cfg.Keys, err = a.issuerKeys(issuer); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("authorizer %s: type %q cannot be enforced by this version", name, decl.Type)
	}
	if s.decl.Protocol == app.ProtocolREST {
		return authorizer.NewUserPool(cfg)
	}
	return authorizer.NewJWT(cfg)
}

// newFunctionAuthorizer makes an authorizer that is a function of this stage.
func (a *App) newFunctionAuthorizer(s *servedAPI, name string, decl *app.Authorizer) (gateway.Authorizer, error) {
	cfg := authorizer.LambdaConfig{
		Name: name, Format: authorizer.Format(decl.PayloadFormatVersion), SimpleResponses: decl.EnableSimpleResponses,
		IdentitySources: decl.IdentitySource, ValidationExpression: decl.IdentityValidationExpression,
		TTL: time.Duration(decl.ResultTTLInSeconds) * time.Second, Invoker: a.functions, Now: a.cfg.Now,
	}
	if s.decl.Protocol == app.ProtocolREST {
		cfg.Format = authorizer.FormatRequest
		if decl.Kind == "token" {
			cfg.Format = authorizer.FormatToken
		}
	}
	for _, f := range a.decl.FunctionAuthorizers() {
		if f.API == s.name && f.Name == name {
			cfg.Function = f.Function
		}
	}
	cfg.Inspected = a.inspects(cfg.Function)
	z, err := authorizer.NewLambda(cfg)
	if err != nil {
		return nil, err
	}
	a.guards = append(a.guards, z)
	return z, nil
}

// issuerKeys finds an issuer's keys: a pool's or a tenant's of this stage in memory, anybody
// else's at the issuer.
func (a *App) issuerKeys(issuer string) (verify.KeySet, error) {
	for name := range a.decl.UserPools.All() {
		if pool := a.pools.Pool(name); pool.Issuer() == issuer {
			return pool, nil
		}
	}
	for name := range a.origins {
		if tenant := a.tenants.Tenant(name); tenant.Issuer() == issuer {
			return tenant, nil
		}
	}
	client, err := a.issuerClient(issuer)
	if err != nil {
		return nil, err
	}
	remote, err := verify.NewRemote(verify.RemoteConfig{Issuer: issuer, HTTPClient: client, Now: a.cfg.Now})
	if err != nil {
		return nil, err
	}
	a.remotes = append(a.remotes, remote)
	a.elsewhere = append(a.elsewhere, knownIssuer{"the issuer elsewhere", issuer, remote})
	return remote, nil
}

func corsConfig(c *app.CORS) *gateway.CORS {
	if c == nil {
		return nil
	}
	return &gateway.CORS{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders,
		ExposeHeaders: c.ExposeHeaders, MaxAge: c.MaxAge, AllowCredentials: c.AllowCredentials,
	}
}

// writeStageFiles resolves the outputs and leaves them, and the environment,
// for the commands that read them without the running app.
func (a *App) writeStageFiles(context.Context) error {
	for name, expr := range a.decl.Outputs.All() {
		value, err := a.decl.Resolve(expr, a.attribute)
		if err != nil {
			return err
		}
		if err := checkOutput(name, value); err != nil {
			return fmt.Errorf("%s: %w", a.decl.Pos("outputs."+name), err)
		}
		a.outputs = append(a.outputs, Output{Name: name, Value: value})
	}
	a.environment = Environment{
		Endpoint:        a.endpoint.url(),
		Region:          a.decl.Region,
		AccessKeyID:     a.root.AccessKeyID,
		SecretAccessKey: a.root.SecretAccessKey,
	}
	outputs, err := encodeOutputs(a.outputs)
	if err != nil {
		return err
	}
	environment, err := json.MarshalIndent(a.environment, "", "  ")
	if err != nil {
		return err
	}
	if err := a.state.WriteFile(outputsFile, outputs); err != nil {
		return err
	}
	return a.state.WriteFile(environmentFile, environment)
}
