package doorwright

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/tty"
)

// bindTenants binds a port for each local tenant: a tenant is an origin, whose
// cookies and forms are no other tenant's.
func (a *App) bindTenants(ctx context.Context) error {
	a.origins = map[string]*loopback{}
	i := 0
	for name, decl := range a.decl.Tenants.All() {
		if decl.Domain != "" {
			continue // a real one, of which nothing runs here
		}
		l, err := a.bind(ctx, "tenant "+name, "tenants."+name, tenantPort+i, decl.Port)
		if err != nil {
			return err
		}
		a.origins[name] = l // before it can fail, so that it is closed
		if decl.HTTPS {
			if err := a.secure(l); err != nil {
				return err
			}
		}
		i++
	}
	return nil
}

// temporaryIterations is the work of passwords in a temporary state.
const temporaryIterations = 600

// openTenants opens the local tenants. The issuer of each is its origin, which is
// fixed for as long as the process runs.
func (a *App) openTenants(ctx context.Context) error {
	cfg := auth0.Config{DB: a.state.DB(), GenerateKey: a.generateKey, Mailbox: a.state.Mailbox(), MailSent: a.mailEvent, Invoke: a.invokeTrigger, Now: a.cfg.Now, Log: a.tenantEvent}
	if a.cfg.Temporary {
		cfg.PasswordIterations = temporaryIterations
	}
	for name, decl := range a.decl.Tenants.All() {
		if l := a.origins[name]; l != nil {
			tenant, err := a.tenantConfig(name, decl)
			if err != nil {
				return err
			}
			tenant.Origin = l.url()
			cfg.Tenants = append(cfg.Tenants, tenant)
		}
	}
	tenants, err := auth0.New(cfg)
	if err != nil {
		return err
	}
	a.tenants = tenants
	return tenants.Open(ctx)
}

// tenantConfig says a declared tenant in the room's words.
func (a *App) tenantConfig(name string, decl *app.Tenant) (auth0.TenantConfig, error) {
	cfg := auth0.TenantConfig{Name: name, SignUp: decl.SignUp, Roles: map[string]auth0.Permissions{}}
	identified := func(by app.Map[[]string]) auth0.Permissions {
		permissions := auth0.Permissions{}
		for api, list := range by.All() {
			if of, ok := decl.APIs.Get(api); ok {
				permissions[of.Identifier] = list
			}
		}
		return permissions
	}
	for api, d := range decl.APIs.All() {
		cfg.APIs = append(cfg.APIs, auth0.APIConfig{
			Name: api, Identifier: d.Identifier, RBAC: d.RBAC, Permissions: d.Permissions, Dialect: d.TokenDialect,
			AllowOfflineAccess: d.AllowOfflineAccess, TokenLifetime: d.TokenLifetime,
		})
	}
	for application, d := range decl.Applications.All() {
		management, _ := d.Grants.Get(managementAPI)
		cfg.Applications = append(cfg.Applications, auth0.ApplicationConfig{
			Name: application, Type: d.Type, Callbacks: d.Callbacks, LogoutURLs: d.LogoutURLs, WebOrigins: d.WebOrigins, GrantTypes: d.GrantTypes,
			ThirdParty: !d.FirstParty, Grants: identified(d.Grants), Management: management, RotateRefreshTokens: d.RefreshTokenRotation != nil && *d.RefreshTokenRotation,
		})
	}
	for _, action := range a.decl.Actions() {
		if action.Tenant == name {
			cfg.PostLogin = action.Function
		}
	}
	for role, permissions := range decl.Roles.All() {
		cfg.Roles[role] = identified(permissions)
	}
	for _, u := range decl.Users {
		password, err := a.decl.Resolve(u.Password, a.attribute)
		if err != nil {
			return auth0.TenantConfig{}, err
		}
		if password == "" {
			return auth0.TenantConfig{}, fmt.Errorf("%s: the password of %s is empty: give the variable or secret a value", a.decl.Pos("tenants."+name+".users"), u.Email)
		}
		cfg.Users = append(cfg.Users, auth0.UserConfig{
			Email: u.Email, Password: password, EmailVerified: u.EmailVerified, Name: u.Name, Nickname: u.Nickname,
			GivenName: u.GivenName, FamilyName: u.FamilyName, Roles: u.Roles, Permissions: identified(u.Permissions),
			UserMetadata: u.UserMetadata, AppMetadata: u.AppMetadata, Blocked: u.Blocked,
		})
	}
	return cfg, nil
}

// tenantAttribute gives an attribute of a tenant or of one of its applications.
func (a *App) tenantAttribute(ref app.Ref) (string, bool) {
	decl, ok := a.decl.Tenants.Get(ref.Name)
	if !ok {
		return "", false
	}
	url := "https://" + decl.Domain
	local := a.tenants.Tenant(ref.Name)
	if local != nil {
		url = a.origins[ref.Name].url()
	}
	switch {
	case ref.Kind == app.RefTenantApplication && local != nil:
		if ref.Attribute == "clientId" {
			return local.ClientID(ref.Client), true
		}
		return local.ClientSecret(ref.Client), true
	case ref.Kind == app.RefTenantApplication:
		application, _ := decl.Applications.Get(ref.Client)
		return application.ClientID, ref.Attribute == "clientId"
	case ref.Attribute == "issuer":
		return url + "/", true // Auth0's issuers end so, letter by letter
	case ref.Attribute == "domain":
		_, host, _ := strings.Cut(url, "://")
		return host, true
	}
	return url, true
}

// managementAPI is the name of a tenant's Management API among the grants of
// applications, and for who asks for a token.
const managementAPI = "management"

// TenantTokenRequest says whose token of a tenant is wanted: that of a user who
// signs in to an application, or, without User, the application's own.
type TenantTokenRequest struct {
	// Tenant, Application and API are declared names. Tenant and Application may be
	// empty where there is only one that will do; without API the access token of a
	// user is opaque. API management is the tenant's Management API, of which
	// applications alone get tokens.
	Tenant, Application, API string
	// User is the address of a declared user.
	User string
	// Scope is what the application asks for, such as "openid read:unicorn".
	Scope string
}

// TenantToken gives the tokens that somebody would get of a local tenant. It may
// be called while Run runs.
func (a *App) TenantToken(ctx context.Context, r TenantTokenRequest) (Tokens, error) {
	name, err := oneOf("tenant", r.Tenant, a.decl.Tenants.Keys())
	if err != nil {
		return Tokens{}, err
	}
	decl, _ := a.decl.Tenants.Get(name)
	tenant := a.tenants.Tenant(name)
	if tenant == nil {
		return Tokens{}, fmt.Errorf("the tenant %s of this stage is %s, which gives its tokens itself", name, decl.Domain)
	}
	var able []string
	for application, d := range decl.Applications.All() {
		if (d.Type == auth0.TypeNonInteractive) == (r.User == "") {
			able = append(able, application)
		}
	}
	if r.Application != "" {
		able = decl.Applications.Keys()
	}
	application, err := oneOf("application of tenant "+name, r.Application, able)
	if err != nil {
		return Tokens{}, err
	}
	audience := ""
	switch {
	case r.API == managementAPI && r.User == "":
		audience = tenant.Management()
	case r.API != "" || r.User == "":
		api, err := oneOf("API of tenant "+name, r.API, decl.APIs.Keys())
		if err != nil {
			return Tokens{}, err
		}
		of, _ := decl.APIs.Get(api)
		audience = of.Identifier
	}
	if r.User == "" {
		token, err := tenant.MachineToken(application, audience)
		return Tokens{Access: token}, err
	}
	tokens, err := tenant.UserToken(ctx, application, r.User, audience, r.Scope)
	switch {
	case errors.Is(err, auth0.ErrNoUser):
		return Tokens{}, fixable(err, "doorwright users create "+tty.ShellWord(r.User)+a.whichTenant(name)+" makes one")
	case err != nil:
		return Tokens{}, err
	}
	return Tokens(tokens), nil
}
