package auth0

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// Scopes that let one see and change the secrets of applications.
const (
	scopeClientKeys       = "read:client_keys"
	scopeUpdateClientKeys = "update:client_keys"
)

// maxApplications bounds what requests can make.
const maxApplications = 1000

func clientOperations() []operation {
	const created, ok, gone = http.StatusCreated, http.StatusOK, http.StatusNoContent
	return []operation{
		{method: "GET", path: "/clients", scopes: []string{"read:clients", scopeClientKeys}, status: ok,
			query: slices.Concat(checkpoint, some, []string{"app_type", "is_global", "is_first_party"}), run: (*Tenant).listClients,
			note: "client_secret needs read:client_keys"},
		{method: "POST", path: "/clients", scopes: []string{"create:clients"}, status: created, run: (*Tenant).createClient,
			note: "URLs without wildcards; what a local tenant cannot enforce is refused"},
		{method: "GET", path: "/clients/{id}", scopes: []string{"read:clients", scopeClientKeys}, status: ok, query: some, run: (*Tenant).readClient},
		{method: "PATCH", path: "/clients/{id}", scopes: []string{"update:clients", scopeUpdateClientKeys}, status: ok, run: (*Tenant).updateClient,
			note: "not of a declared application"},
		{method: "DELETE", path: "/clients/{id}", scopes: []string{"delete:clients"}, status: gone, run: (*Tenant).deleteClient, note: "not a declared application"},
		{method: "POST", path: "/clients/{id}/rotate-secret", scopes: []string{scopeUpdateClientKeys}, status: ok, run: (*Tenant).rotateSecret,
			note: "not of a declared application"},
	}
}

// clientShape is what an application may be. What would be without effect here is
// unsupported, or has one value.
var clientShape = shape{
	kind: "object",
	members: map[string]shape{
		"name":                                {kind: "string", min: 1, max: 128},
		"description":                         {kind: "string", max: 140, nullable: true},
		"app_type":                            {kind: "string", enum: []string{TypeNative, TypeSPA, TypeRegularWeb, TypeNonInteractive}},
		"logo_uri":                            {kind: "string", max: 1024},
		"callbacks":                           list(shape{kind: "string", format: formatURL}, 100),
		"allowed_logout_urls":                 list(shape{kind: "string", format: formatURL}, 100),
		"web_origins":                         list(shape{kind: "string", format: formatOrigin}, 100),
		"allowed_origins":                     list(shape{kind: "string", format: formatOrigin}, 100),
		"grant_types":                         list(text, 20),
		"token_endpoint_auth_method":          {kind: "string", enum: []string{authNone, authPost, authBasic}, nullable: true},
		"client_metadata":                     {kind: "object", open: true},
		"oidc_conformant":                     flag,
		"is_first_party":                      {kind: "boolean", only: true},
		"sso_disabled":                        {kind: "boolean", only: false},
		"sso":                                 {kind: "boolean", only: false},
		"cross_origin_authentication":         {kind: "boolean", only: false},
		"cross_origin_auth":                   {kind: "boolean", only: false},
		"custom_login_page_on":                flag,
		"is_token_endpoint_ip_header_trusted": {kind: "boolean", only: false},
		"organization_usage":                  {kind: "string", only: "deny", nullable: true},
		"jwt_configuration": {kind: "object", members: map[string]shape{
			"alg": {kind: "string", only: "RS256"}, "lifetime_in_seconds": {kind: "integer", only: 36000}, "secret_encoded": {kind: "boolean", only: false},
		}, unsupported: []string{"scopes"}},
		"refresh_token": {kind: "object", nullable: true, required: []string{"rotation_type", "expiration_type"}, members: map[string]shape{
			"rotation_type":                {kind: "string", enum: []string{rotating, notRotating}},
			"expiration_type":              {kind: "string", enum: []string{"expiring", "non-expiring"}},
			"leeway":                       {kind: "integer", only: 0},
			"token_lifetime":               {kind: "integer", only: 2592000},
			"idle_token_lifetime":          {kind: "integer", min: 1},
			"infinite_token_lifetime":      flag,
			"infinite_idle_token_lifetime": flag,
		}, unsupported: []string{"policies"}},
	},
	unsupported: []string{
		"addons", "allowed_clients", "async_approval_notification_channels", "client_aliases", "client_authentication_methods", "client_secret", "compliance_level",
		"cross_origin_loc", "custom_login_page", "custom_login_page_preview", "default_organization", "encryption_key", "form_template", "initiate_login_uri",
		"mobile", "native_social_login", "oidc_backchannel_logout", "oidc_logout", "organization_discovery_methods", "organization_require_behavior",
		"require_proof_of_possession", "require_pushed_authorization_requests", "resource_server_identifier", "session_transfer", "signed_request_object",
		"skip_non_verifiable_callback_uri_confirmation_prompt", "token_exchange", "token_quota",
	},
}

// The ways in which an application proves who it is (token_endpoint_auth_method).
const (
	authNone  = "none"
	authPost  = "client_secret_post"
	authBasic = "client_secret_basic"
)

// What becomes of a refresh token with its use (rotation_type).
const (
	rotating    = "rotating"
	notRotating = "non-rotating"
)

// The formats of texts, by the names that Auth0's messages have for them.
const (
	formatURL    = "callback-url"
	formatOrigin = "origin-url"
	formatEmail  = "email"
)

// formats say whether a text is of a format. URLs are compared letter by letter,
// so one with a wildcard or a placeholder would match nothing.
var formats = map[string]func(string) bool{
	formatURL: func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && len(s) <= 2048 && u.IsAbs() && u.Fragment == "" && !strings.ContainsAny(s, "*{}\\ #") && u.Scheme != "javascript" && u.Scheme != "data" &&
			(u.Host != "" || u.Scheme != "http" && u.Scheme != "https")
	},
	formatOrigin: func(s string) bool { return len(s) <= 2048 && !strings.ContainsAny(s, "*{}") && originOf(s) == s },
	formatEmail:  func(s string) bool { return readEmail(s) == strings.ToLower(s) && s != "" },
}

// grantsOf are the grant types that an application of a type has if it names
// none.
func grantsOf(kind string) []string {
	if kinds, ok := defaultGrants[kind]; ok {
		return kinds
	}
	return []string{grantCode, grantImplicit, grantRefresh, grantMachine}
}

// settableGrants are the grant types that an application may be given.
func settableGrants() []string { return append(slices.Clone(grantsOf("")), grantPassword, grantRealm) }

// clientDefaults are what an application is that names nothing.
func clientDefaults(kind string) map[string]any {
	method := authPost
	if kind == TypeSPA || kind == TypeNative {
		method = authNone
	}
	settings := map[string]any{
		"is_first_party": true, "is_token_endpoint_ip_header_trusted": false, "oidc_conformant": false, "sso_disabled": false, "cross_origin_auth": false,
		"jwt_configuration": map[string]any{"alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": false}, "custom_login_page_on": true,
		"grant_types": grantsOf(kind), "refresh_token": refreshSettings(notRotating),
	}
	if kind != "" {
		settings["token_endpoint_auth_method"] = method
	}
	return settings
}

func refreshSettings(rotation string) map[string]any {
	settings := map[string]any{
		"rotation_type": rotation, "expiration_type": "non-expiring", "leeway": 0, "token_lifetime": 2592000, "infinite_token_lifetime": true,
		"infinite_idle_token_lifetime": true, "idle_token_lifetime": 1296000,
	}
	if rotation == rotating {
		settings["expiration_type"], settings["infinite_token_lifetime"], settings["infinite_idle_token_lifetime"] = "expiring", false, false
	}
	return settings
}

// settingsOf says a declared application in the words of the API.
func settingsOf(a ApplicationConfig) map[string]any {
	settings := clientDefaults(a.Type)
	settings["name"], settings["app_type"], settings["oidc_conformant"] = a.Name, a.Type, true
	settings["is_first_party"] = !a.ThirdParty
	for name, list := range map[string][]string{"callbacks": a.Callbacks, "allowed_logout_urls": a.LogoutURLs, "web_origins": a.WebOrigins} {
		if len(list) > 0 {
			settings[name] = list
		}
	}
	if a.GrantTypes != nil {
		settings["grant_types"] = a.GrantTypes
	}
	if a.RotateRefreshTokens {
		settings["refresh_token"] = refreshSettings(rotating)
	}
	return settings
}

// madeClient makes an application of what requests said of it.
func madeClient(id, secret string, number int64, settings map[string]any) *client {
	text := func(name string) string { s, _ := settings[name].(string); return s }
	refresh, _ := settings["refresh_token"].(map[string]any)
	c := &client{
		ApplicationConfig: ApplicationConfig{
			Name: text("name"), Type: text("app_type"), Callbacks: textsOf(settings["callbacks"]), LogoutURLs: textsOf(settings["allowed_logout_urls"]),
			WebOrigins: textsOf(settings["web_origins"]), GrantTypes: textsOf(settings["grant_types"]), RotateRefreshTokens: refresh["rotation_type"] == rotating,
		},
		id: id, secret: secret, number: number, made: settings,
	}
	c.originate(textsOf(settings["allowed_origins"]))
	return c
}

// authMethod is how the application proves who it is.
func (c *client) authMethod() string {
	if method, ok := c.made["token_endpoint_auth_method"].(string); ok {
		return method
	}
	if c.Type == TypeSPA || c.Type == TypeNative {
		return authNone
	}
	return authPost
}

func (c *client) place() int64 { return c.number }

// clientOrder is the order of an application's members on the wire.
var clientOrder = []string{
	"name", "description", "client_id", "client_secret", "app_type", "logo_uri", "is_first_party", "is_token_endpoint_ip_header_trusted", "oidc_conformant",
	"callbacks", "allowed_logout_urls", "web_origins", "allowed_origins", "jwt_configuration", "sso_disabled", "sso", "cross_origin_auth",
	"cross_origin_authentication", "token_endpoint_auth_method", "grant_types", "client_metadata", "custom_login_page_on", "refresh_token", "organization_usage",
}

// wire gives an application as callers may see it.
func (c *client) wire(t *Tenant, m *managed) ordered {
	settings := c.made
	if settings == nil {
		settings = settingsOf(c.ApplicationConfig)
	}
	o := ordered{{"tenant", t.cfg.Name}, {"global", false}}
	for _, name := range clientOrder {
		value, ok := settings[name]
		switch name {
		case "client_id":
			value, ok = c.id, true
		case "client_secret":
			value, ok = c.secret, c.secret != "" && m.holds(scopeClientKeys)
		}
		if ok && value != nil {
			o = o.with(name, value)
		}
	}
	return o
}

func (t *Tenant) listClients(m *managed) (any, error) {
	all := slices.Clone(t.directory.Load().clients)
	for name, matches := range map[string]func(*client, string) bool{
		"app_type":       func(c *client, kinds string) bool { return slices.Contains(strings.Split(kinds, ","), c.Type) },
		"is_global":      func(_ *client, is string) bool { return is == "false" },
		"is_first_party": func(c *client, is string) bool { return is == strconv.FormatBool(!c.ThirdParty) },
	} {
		if wanted := m.query.Get(name); wanted != "" {
			all = slices.DeleteFunc(all, func(c *client) bool { return !matches(c, wanted) })
		}
	}
	return listKept(t, m, "clients", all)
}

var errNoClient = notFound("The client does not exist", "inexistent_client")

func (t *Tenant) readClient(m *managed) (any, error) {
	fields, include, err := m.fields()
	if err != nil {
		return nil, err
	}
	c := t.clientOf(m.path("id"))
	if c == nil {
		return nil, errNoClient
	}
	return c.wire(t, m).only(fields, include), nil
}

func (t *Tenant) createClient(m *managed) (any, error) {
	wanted := clientShape
	wanted.required = []string{"name"}
	body, err := m.readBody(wanted)
	if err != nil {
		return nil, err
	}
	kind, _ := body["app_type"].(string)
	settings := clientDefaults(kind)
	if err := merge(settings, body); err != nil {
		return nil, err
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	if len(t.directory.Load().clients) >= maxApplications {
		return nil, apiFail(http.StatusForbidden, "too_many_entities", "A local tenant has %d applications at most.", maxApplications)
	}
	c := madeClient(aws.RandomText(alphanumeric, 32), oidc.Random(48), 0, settings)
	if c.authMethod() == authNone {
		c.secret = ""
	}
	err = t.change(m.ctx, func(tx *sql.Tx) error {
		raw, err := json.Marshal(settings)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(m.ctx, "INSERT INTO auth0_application (tenant, id, secret, settings) VALUES (?, ?, ?, ?)", t.cfg.Name, c.id, c.secret, string(raw))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping an application: %w", err)
	}
	return t.clientOf(c.id).wire(t, m), nil
}

// merge puts what a request said over what an application is, and refuses what
// contradicts itself.
func merge(settings, body map[string]any) error {
	maps.Copy(settings, body)
	maps.DeleteFunc(settings, func(_ string, value any) bool { return value == nil })
	if _, ok := settings["refresh_token"]; !ok {
		settings["refresh_token"] = refreshSettings(notRotating)
	}
	for i, kind := range textsOf(settings["grant_types"]) {
		if !slices.Contains(settableGrants(), kind) {
			if slices.Contains(otherGrants, kind) {
				return unsupported("grant_types[%d]: %s is not supported by a local tenant.", i, kind)
			}
			return invalidBody(&violation{"No enum match for: " + kind, fmt.Sprintf("grant_types[%d]", i)})
		}
	}
	// A public client has no secret to ask for a token of its own with
	// (RFC 6749 section 4.4).
	kind, _ := settings["app_type"].(string)
	method, named := settings["token_endpoint_auth_method"].(string)
	public := method == authNone || !named && (kind == TypeSPA || kind == TypeNative)
	if public && slices.Contains(textsOf(settings["grant_types"]), grantMachine) {
		return apiFail(http.StatusBadRequest, codeInvalidBody, "The grant type client_credentials is not available for a client whose token_endpoint_auth_method is none.")
	}
	for name := range asObject(settings["client_metadata"]) {
		if text, ok := asObject(settings["client_metadata"])[name].(string); !ok || len(text) > 255 || len(name) > 255 {
			return invalidBody(&violation{"Expected type string but found another", "client_metadata"})
		}
	}
	return nil
}

// ownClient gives an application that requests may change.
func (t *Tenant) ownClient(id string) (*client, error) {
	c := t.clientOf(id)
	switch {
	case c == nil:
		return nil, errNoClient
	case c.made == nil:
		return nil, t.declaredIn("applications.%s", c.Name)
	}
	return c, nil
}

func (t *Tenant) updateClient(m *managed) (any, error) {
	body, err := m.readBody(clientShape)
	if err != nil {
		return nil, err
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	c, err := t.ownClient(m.path("id"))
	if err != nil {
		return nil, err
	}
	settings := maps.Clone(c.made)
	if err := merge(settings, body); err != nil {
		return nil, err
	}
	secret := c.secret
	switch next := madeClient(c.id, c.secret, c.number, settings); {
	case next.public():
		secret = ""
	case secret == "":
		secret = oidc.Random(48)
	}
	return t.saveClient(m, c.id, secret, settings)
}

func (t *Tenant) saveClient(m *managed, id, secret string, settings map[string]any) (any, error) {
	err := t.change(m.ctx, func(tx *sql.Tx) error {
		raw, err := json.Marshal(settings)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(m.ctx, "UPDATE auth0_application SET secret = ?, settings = ? WHERE tenant = ? AND id = ?", secret, string(raw), t.cfg.Name, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping an application: %w", err)
	}
	return t.clientOf(id).wire(t, m), nil
}

// deleteClient deletes an application with its grants. Deleting one that there is
// not is a success.
func (t *Tenant) deleteClient(m *managed) (any, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	c, err := t.ownClient(m.path("id"))
	if errors.Is(err, errNoClient) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, t.change(m.ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"DELETE FROM auth0_application WHERE tenant = ? AND id = ?",
			"DELETE FROM auth0_client_grant WHERE tenant = ? AND client = ?",
			"DELETE FROM auth0_grant WHERE tenant = ? AND client = ?",
			"DELETE FROM auth0_consent WHERE tenant = ? AND client = ?",
		} {
			if _, err := tx.ExecContext(m.ctx, statement, t.cfg.Name, c.id); err != nil {
				return fmt.Errorf("deleting an application: %w", err)
			}
		}
		return nil
	})
}

func (t *Tenant) rotateSecret(m *managed) (any, error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	c, err := t.ownClient(m.path("id"))
	if err != nil {
		return nil, err
	}
	if c.public() {
		return nil, unsupported("The client has no secret: its token_endpoint_auth_method is none.")
	}
	return t.saveClient(m, c.id, oidc.Random(48), c.made)
}

// readApplications gives the applications that requests made.
func (t *Tenant) readApplications(ctx context.Context, tx *sql.Tx) ([]*client, error) {
	var all []*client
	for rows, err := range each(ctx, tx, "SELECT number, id, secret, settings FROM auth0_application WHERE tenant = ? ORDER BY number", t.cfg.Name) {
		var number int64
		var id, secret, raw string
		if err == nil {
			err = rows.Scan(&number, &id, &secret, &raw)
		}
		var settings any
		if err == nil {
			settings, err = decodeStrictly([]byte(raw))
		}
		if err != nil {
			return nil, fmt.Errorf("reading applications: %w", err)
		}
		all = append(all, madeClient(id, secret, number, asObject(settings)))
	}
	return all, nil
}
