package auth0_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

// manager calls the Management API with the token of an application.
type manager struct {
	w     *world
	token string
}

// managedTenant is a tenant whose application manager has all scopes of the
// Management API, and whose application reader may see users alone.
func managedTenant(changes ...func(*auth0.TenantConfig)) auth0.TenantConfig {
	return tenantConfig(append([]func(*auth0.TenantConfig){func(c *auth0.TenantConfig) {
		c.Applications = append(c.Applications,
			auth0.ApplicationConfig{Name: "manager", Type: auth0.TypeNonInteractive, Management: auth0.ManagementScopes()},
			auth0.ApplicationConfig{Name: "reader", Type: auth0.TypeNonInteractive, Management: []string{"read:users"}})
	}}, changes...)...)
}

func (w *world) audience() string { return w.origin + "/api/v2/" }

func (w *world) manager(application string) *manager {
	w.t.Helper()
	token, err := w.tenant.MachineToken(application, w.audience())
	if err != nil {
		w.t.Fatal(err)
	}
	return &manager{w, token}
}

// do calls the API; a body that is not empty is JSON.
func (m *manager) do(method, path, body string) answer {
	m.w.t.Helper()
	r, err := http.NewRequest(method, m.w.origin+"/api/v2"+path, strings.NewReader(body))
	if err != nil {
		m.w.t.Fatal(err)
	}
	if m.token != "" {
		r.Header.Set("Authorization", "Bearer "+m.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return m.w.browser().do(r)
}

// ok calls the API and gives what it answers, which must be of a status.
func (m *manager) ok(status int, method, path, body string) map[string]any {
	m.w.t.Helper()
	a := m.do(method, path, body)
	if a.status != status {
		m.w.t.Fatalf("%s %s %s: %d %s; want %d", method, path, body, a.status, a.body, status)
	}
	if a.body == "" || strings.HasPrefix(a.body, "[") {
		return nil
	}
	return a.json(m.w.t)
}

func (m *manager) refused(what, method, path, body string, status int, want string) {
	m.w.t.Helper()
	a := m.do(method, path, body)
	if a.status != status || a.body != want {
		m.w.t.Errorf("%s: %d %s\nwant %d %s", what, a.status, a.body, status, want)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		m.w.t.Errorf("%s: Content-Type %q", what, kind)
	}
}

// TestManagementWhoCalls holds the answers to who may not call, byte by byte.
func TestManagementWhoCalls(t *testing.T) {
	db := openDB(t, t.TempDir())
	w, other := newWorldIn(t, db, managedTenant()), newWorldIn(t, openDB(t, t.TempDir()), managedTenant())
	m := w.manager("manager")
	signedByOther := other.manager("manager").token
	api, err := w.tenant.MachineToken("machine", unicorns)
	if err != nil {
		t.Fatal(err)
	}
	user := w.tokens("scope", "openid")
	web := w.tokens("scope", "openid read:users", "audience", unicorns)
	body := func(message string) string {
		return fmt.Sprintf(`{"statusCode":401,"error":"Unauthorized","message":"%s","attributes":{"error":"%[1]s"}}`, message)
	}
	malformed := `{"statusCode":400,"error":"Bad Request","message":"Bad HTTP authentication header format","errorCode":"Bearer"}`
	invalid := body("Invalid token")
	tampered := m.token[:len(m.token)-8] + "AAAAAAAA"
	for _, path := range []string{"/users", "/clients/x", "/nothing", "/logs"} {
		for what, c := range map[string]struct {
			token  string
			status int
			body   string
		}{
			"no token":                 {"", 401, body("Missing authentication")},
			"an opaque token":          {user["access_token"].(string), 400, malformed},
			"no JWT":                   {"insecure", 400, malformed},
			"the token of another API": {api, 401, body("Bad audience: " + unicorns)},
			"a user's token":           {web["access_token"].(string), 401, body("Bad audience: " + unicorns + "," + w.origin + "/userinfo")},
			"an ID token":              {user["id_token"].(string), 401, body("Bad audience: " + w.tenant.ClientID("spa"))},
			"another tenant's token":   {signedByOther, 401, invalid},
			"another signature":        {tampered, 401, invalid},
		} {
			(&manager{w, c.token}).refused(what+" at "+path, "GET", path, "", c.status, c.body)
		}
	}
	r, _ := http.NewRequest("GET", w.origin+"/api/v2/users", nil)
	r.Header["Authorization"] = []string{"Bearer " + m.token, "Bearer " + m.token}
	if a := w.browser().do(r); a.status != 401 || a.body != invalid {
		t.Errorf("two headers: %d %s", a.status, a.body)
	}
	w.reader(t)
	w.advance(24 * time.Hour)
	m.refused("an expired token", "GET", "/users", "", 401, body("Expired token received for JSON Web Token validation"))
	(&manager{w, tampered}).refused("a forged expired token", "GET", "/users", "", 401, invalid)
}

// reader holds the answers to a token without the scope.
func (w *world) reader(t *testing.T) {
	t.Helper()
	reader := w.manager("reader")
	reader.refused("a scope missing", "GET", "/clients", "", 403,
		`{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:clients,read:client_keys","errorCode":"insufficient_scope"}`)
	reader.refused("one of two scopes missing", "GET", "/users/auth0%7C1/roles", "", 403,
		`{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:users,read:roles","errorCode":"insufficient_scope"}`)
	for _, o := range auth0.ManagementOperations() {
		method, path, ok := strings.Cut(o.Name, " ")
		if !ok || o.Auth == "read:users" || o.Auth == "read:users or read:current_user" {
			continue
		}
		a := reader.do(method, strings.NewReplacer("/api/v2", "", "{id}", "x").Replace(path), "{}")
		if a.status != 403 || !strings.Contains(a.body, `"errorCode":"insufficient_scope"`) {
			t.Errorf("%s with read:users alone: %d %s", o.Name, a.status, a.body)
		}
	}
}

// TestManagementTokens: machines alone get tokens for the Management API, with the
// scopes that they were granted.
func TestManagementTokens(t *testing.T) {
	w := newWorld(t, managedTenant())
	token := part(t, w.manager("reader").token, 1)
	if token["aud"] != w.audience() || token["scope"] != "read:users" || token["gty"] != "client-credentials" || token["exp"].(float64)-token["iat"].(float64) != 86400 {
		t.Errorf("the token says %v", token)
	}
	if _, err := w.tenant.MachineToken("machine", w.audience()); err == nil || !strings.Contains(err.Error(), "You need to create a \"client-grant\"") {
		t.Errorf("an application without a grant: %v", err)
	}
	if _, err := w.tenant.UserToken(t.Context(), "spa", "ann@example.com", w.audience(), "read:users"); err == nil {
		t.Error("a user gets a token for the Management API")
	}
	location := w.browser().get("/authorize?" + w.query("audience", w.audience(), "scope", "openid read:current_user")).header.Get("Location")
	if answer, _ := url.Parse(location); answer.Query().Get("error") != "access_denied" || !strings.Contains(answer.Query().Get("error_description"), "Management API") {
		t.Errorf("a sign-in for the Management API leads to %s", location)
	}
	for what, change := range map[string]func(*auth0.TenantConfig){
		"has no scope \"read:everything\"": func(c *auth0.TenantConfig) { c.Applications[3].Management = []string{"read:everything"} },
		"has no secret":                    func(c *auth0.TenantConfig) { c.Applications[0].Management = []string{"read:users"} },
		"is the tenant's own":              func(c *auth0.TenantConfig) { c.APIs[0].Identifier = "http://localhost:4000/api/v2/" },
	} {
		cfg := tenantConfig(change)
		cfg.Origin = "http://localhost:4000"
		if _, err := auth0.New(auth0.Config{Tenants: []auth0.TenantConfig{cfg}, DB: openDB(t, t.TempDir())}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v; want %s", err, what)
		}
	}
}

// TestManagementInvalid holds the answers to requests that are not well formed.
func TestManagementInvalid(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	bad := func(code, message string) string {
		if code != "" {
			code = `,"errorCode":"` + code + `"`
		}
		return `{"statusCode":400,"error":"Bad Request","message":"` + message + `"` + code + `}`
	}
	payload := func(text string) string { return bad("invalid_body", "Payload validation error: "+text) }
	query := func(text string) string { return bad("invalid_query_string", "Query validation error: "+text) }
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/clients", `{}`, payload("'Missing required property: name'.")},
		{"POST", "/clients", `null`, payload("'Expected type object but found type null'.")},
		{"POST", "/clients", `[]`, payload("'Expected type object but found type array'.")},
		{"POST", "/clients", `{"name":7}`, payload("'Expected type string but found type integer' on property name.")},
		{"POST", "/clients", `{"name":""}`, payload("'String is too short (0 chars), minimum 1' on property name.")},
		{"POST", "/clients", `{"name":"a","colour":"red"}`, payload("'Additional properties not allowed: colour'.")},
		{"POST", "/clients", `{"name":"a","app_type":"web"}`, payload("'No enum match for: web' on property app_type.")},
		{"POST", "/clients", `{"name":"a","callbacks":["/there"]}`, payload("'Object didn't pass validation for format callback-url: /there' on property callbacks[0].")},
		{"POST", "/clients", `{"name":"a","callbacks":["https://*.example.com"]}`, payload("'Object didn't pass validation for format callback-url: https://*.example.com' on property callbacks[0].")},
		{"POST", "/clients", `{"name":"a","refresh_token":{"rotation_type":"rotating"}}`, payload("'Missing required property: expiration_type' on property refresh_token.")},
		{"POST", "/clients", `{"name":"a","jwt_configuration":{"alg":"HS256"}}`, bad("operation_not_supported", "jwt_configuration.alg: a local tenant supports RS256 alone.")},
		{"POST", "/clients", `{"name":"a","mobile":{}}`, bad("operation_not_supported", "mobile is not supported by a local tenant.")},
		{"POST", "/clients", `{"name":"a","grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}`, bad("operation_not_supported", "grant_types[0]: urn:ietf:params:oauth:grant-type:device_code is not supported by a local tenant.")},
		{"POST", "/clients", `{"name":"a","grant_types":["x"]}`, payload("'No enum match for: x' on property grant_types[0].")},
		{"POST", "/clients", `{"name":"a","name":"b"}`, bad("", "Invalid request payload JSON format")},
		{"POST", "/clients", `{"name":"a"}{}`, bad("", "Invalid request payload JSON format")},
		{"POST", "/clients", `{"name":"a"`, bad("", "Invalid request payload JSON format")},
		{"POST", "/clients", "{\"name\":\"\xff\"}", bad("", "Invalid request payload JSON format")},
		{"POST", "/clients", `{"name":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, bad("", "Invalid request payload JSON format")},
		{"POST", "/resource-servers", `{"identifier":"https://x","signing_alg":"HS256"}`, bad("operation_not_supported", "signing_alg: a local tenant supports RS256 alone.")},
		{"POST", "/resource-servers", `{"identifier":"https://x","token_lifetime":2592001}`, payload("'Value 2592001 is greater than maximum 2592000' on property token_lifetime.")},
		{"POST", "/resource-servers", `{"identifier":"https://x","scopes":[{"description":"a"}]}`, payload("'Missing required property: value' on property scopes[0].")},
		{"GET", "/clients?per_page=101", "", query("'Value 101 is greater than maximum 100' on property per_page.")},
		{"GET", "/clients?page=-1", "", query("'Value -1 is less than minimum 0' on property page.")},
		{"GET", "/clients?page=x", "", query("'Expected type integer but found type string' on property page.")},
		{"GET", "/clients?include_totals=1", "", query("'Expected type boolean but found type string' on property include_totals.")},
		{"GET", "/clients?q=x", "", query("'Additional properties not allowed: q'.")},
		{"GET", "/clients?page=0&page=1", "", query("'Expected type string but found type array' on property page.")},
		{"GET", "/client-grants?take=1&from=!", "", query("'Object didn't pass validation for format checkpoint: !' on property from.")},
	} {
		m.refused(c.method+" "+c.path+" "+c.body, c.method, c.path, c.body, 400, c.want)
	}
	m.refused("too much", "POST", "/clients", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`, 413,
		`{"statusCode":413,"error":"Request Entity Too Large","message":"Payload content length greater than maximum allowed: 1048576"}`)
	r, _ := http.NewRequest("POST", w.origin+"/api/v2/clients", strings.NewReader("name=a"))
	r.Header.Set("Authorization", "Bearer "+m.token)
	if a := w.browser().do(r); a.status != 415 || a.body != `{"statusCode":415,"error":"Unsupported Media Type","message":"Unsupported Media Type"}` {
		t.Errorf("a form: %d %s", a.status, a.body)
	}
	for path, want := range map[string]string{
		"/clients/x":          `{"statusCode":404,"error":"Not Found","message":"The client does not exist","errorCode":"inexistent_client"}`,
		"/resource-servers/x": `{"statusCode":404,"error":"Not Found","message":"The resource server does not exist","errorCode":"inexistent_resource_server"}`,
		"/client-grants/x":    `{"statusCode":404,"error":"Not Found","message":"The grant does not exist.","errorCode":"inexistent_client_grant"}`,
		"/connections/x":      `{"statusCode":404,"error":"Not Found","message":"The connection does not exist","errorCode":"inexistent_connection"}`,
		"/nothing":            `{"statusCode":404,"error":"Not Found","message":"Not Found"}`,
	} {
		m.refused(path, "GET", path, "", 404, want)
	}
	for _, path := range []string{"/logs", "/organizations", "/tickets/password-change", "/connections", "/actions/actions"} {
		if a := m.do("POST", path, "{}"); a.status != 501 || !strings.Contains(a.body, `"errorCode":"operation_not_supported"`) {
			t.Errorf("POST %s: %d %s", path, a.status, a.body)
		}
	}
}

// TestManagementDeclared: what doorwright.yaml says is changed there, and the
// refusal says where.
func TestManagementDeclared(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	grants := m.ok(200, "GET", "/client-grants?include_totals=true&client_id="+w.tenant.ClientID("machine"), "")["client_grants"].([]any)
	grant := grants[0].(map[string]any)["id"].(string)
	management := m.ok(200, "GET", "/client-grants?include_totals=true&client_id="+w.tenant.ClientID("manager"), "")["client_grants"].([]any)[0].(map[string]any)
	if management["audience"] != w.audience() {
		t.Errorf("the grant of the Management API: %v", management)
	}
	spa := "/clients/" + w.tenant.ClientID("spa")
	api := "/resource-servers/" + url.PathEscape(unicorns)
	for _, c := range []struct{ method, path, body, key string }{
		{"PATCH", spa, `{"name":"x"}`, "applications.spa"},
		{"DELETE", spa, "", "applications.spa"},
		{"POST", spa + "/rotate-secret", "null", "applications.spa"},
		{"PATCH", api, `{"name":"x"}`, "apis.Unicorns"},
		{"DELETE", api, "", "apis.Unicorns"},
		{"PATCH", "/client-grants/" + grant, `{"scope":[]}`, "applications.machine.grants.Unicorns"},
		{"DELETE", "/client-grants/" + grant, "", "applications.machine.grants.Unicorns"},
		{"DELETE", "/client-grants/" + management["id"].(string), "", "applications.manager.grants.management"},
	} {
		m.refused(c.method+" "+c.path, c.method, c.path, c.body, 400,
			`{"statusCode":400,"error":"Bad Request","message":"tenants.Auth0.`+c.key+` is declared in doorwright.yaml; change it there.","errorCode":"operation_not_supported"}`)
	}
	m.refused("the tenant's own API", "DELETE", "/resource-servers/"+url.PathEscape(w.audience()), "", 400,
		`{"statusCode":400,"error":"Bad Request","message":"The Management API is the tenant's own and cannot be changed.","errorCode":"operation_not_supported"}`)
	m.refused("an identifier that is taken", "POST", "/resource-servers", `{"identifier":"`+unicorns+`"}`, 409,
		`{"statusCode":409,"error":"Conflict","message":"A resource server with the same identifier already exists","errorCode":"resource_conflict"}`)
	m.refused("the tenant's own identifier", "POST", "/resource-servers", `{"identifier":"`+w.audience()+`"}`, 409,
		`{"statusCode":409,"error":"Conflict","message":"A resource server with the same identifier already exists","errorCode":"resource_conflict"}`)
	m.refused("a grant that is there", "POST", "/client-grants", `{"client_id":"`+w.tenant.ClientID("machine")+`","audience":"`+unicorns+`","scope":[]}`, 409,
		`{"statusCode":409,"error":"Conflict","message":"A resource with the same client_id and audience already exists.","errorCode":"resource_conflict"}`)
}

// TestApplicationsMadeAtRunTime: an application that a request makes signs users
// in, at an API that a request makes, and is there after a restart.
func TestApplicationsMadeAtRunTime(t *testing.T) {
	db := openDB(t, t.TempDir())
	w := newWorldIn(t, db, managedTenant())
	m := w.manager("manager")
	const fresh = "https://fresh.example/"
	api := m.ok(201, "POST", "/resource-servers", `{"name":"Fresh","identifier":"`+fresh+`","scopes":[{"value":"r","description":"Read"},{"value":"w"}],"token_lifetime":60}`)
	if api["signing_alg"] != "RS256" || api["token_dialect"] != "access_token" || api["enforce_policies"] != false || len(api["id"].(string)) != 24 {
		t.Errorf("the API: %v", api)
	}
	spa := m.ok(201, "POST", "/clients", `{"name":"Made","app_type":"spa","callbacks":["`+callback+`"],"web_origins":["http://localhost:3009"]}`)
	if spa["client_secret"] != nil || spa["token_endpoint_auth_method"] != "none" || len(spa["client_id"].(string)) != 32 {
		t.Errorf("the application: %v", spa)
	}
	id := spa["client_id"].(string)
	signIn := func() map[string]any {
		t.Helper()
		landed := w.landed(w.browser().signIn(w.query("client_id", id, "audience", fresh, "scope", "openid r x"), "ann@example.com", password))
		form := redemption(landed.Get("code"))
		form.Set("client_id", id)
		a := w.browser().post("/oauth/token", form, "Origin", "http://localhost:3009")
		if a.status != 200 {
			t.Fatalf("the made application's code: %d %s", a.status, a.body)
		}
		return a.json(t)
	}
	if tokens := signIn(); tokens["scope"] != "openid r" || tokens["expires_in"] != 60.0 {
		t.Errorf("tokens: %v", tokens)
	}
	// A machine: no grant, a grant, a larger one, a rotated secret, none again.
	machine := m.ok(201, "POST", "/clients", `{"name":"M","app_type":"non_interactive"}`)
	secret := machine["client_secret"].(string)
	ask := func(secret string) answer {
		return w.browser().post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {machine["client_id"].(string)}, "client_secret": {secret}, "audience": {fresh}})
	}
	if a := ask(secret); a.status != 403 || !strings.Contains(a.body, "client-grant") {
		t.Errorf("without a grant: %d %s", a.status, a.body)
	}
	grant := m.ok(201, "POST", "/client-grants", fmt.Sprintf(`{"client_id":%q,"audience":%q,"scope":["r"]}`, machine["client_id"], fresh))
	if !strings.HasPrefix(grant["id"].(string), "cgr_") || len(grant["id"].(string)) != 20 {
		t.Errorf("the grant: %v", grant)
	}
	if a := ask(secret); a.status != 200 || a.json(t)["scope"] != "r" {
		t.Errorf("with a grant: %d %s", a.status, a.body)
	}
	m.refused("a scope that the API does not have", "PATCH", "/client-grants/"+grant["id"].(string), `{"scope":["x"]}`, 400,
		`{"statusCode":400,"error":"Bad Request","message":"The following scopes are not valid for `+fresh+`: x","errorCode":"invalid_body"}`)
	m.ok(200, "PATCH", "/client-grants/"+grant["id"].(string), `{"scope":["w","r"]}`)
	if a := ask(secret); a.json(t)["scope"] != "w r" {
		t.Errorf("with a larger grant: %s", a.body)
	}
	rotated := m.ok(200, "POST", "/clients/"+machine["client_id"].(string)+"/rotate-secret", "null")["client_secret"].(string)
	if a := ask(secret); a.status != 401 || rotated == secret {
		t.Errorf("the old secret: %d %s", a.status, a.body)
	}
	// All of it is there after a restart.
	w = newWorldIn(t, db, managedTenant())
	m = w.manager("manager")
	if tokens := signIn(); tokens["scope"] != "openid r" {
		t.Errorf("after a restart: %v", tokens)
	}
	if a := ask(rotated); a.status != 200 || a.json(t)["scope"] != "w r" {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
	// A scope that is gone is granted to nobody, and does not come back by its name.
	m.ok(200, "PATCH", "/resource-servers/"+url.PathEscape(fresh), `{"scopes":[{"value":"r"}]}`)
	if a := ask(rotated); a.json(t)["scope"] != "r" {
		t.Errorf("after the scope went: %s", a.body)
	}
	m.ok(204, "DELETE", "/resource-servers/"+api["id"].(string), "")
	m.ok(204, "DELETE", "/resource-servers/"+api["id"].(string), "")
	if a := ask(rotated); a.status != 403 || !strings.Contains(a.body, "Service not found: "+fresh) {
		t.Errorf("after the API went: %d %s", a.status, a.body)
	}
	m.ok(204, "DELETE", "/clients/"+id, "")
	m.ok(204, "DELETE", "/clients/"+id, "")
	if a := w.browser().get("/authorize?" + w.query("client_id", id)); a.status != 403 || !strings.Contains(a.body, "Unknown client: "+id) {
		t.Errorf("after the application went: %d", a.status)
	}
}

// TestClientSecretsAreSeenByScope: who may read applications does not see their
// secrets.
func TestClientSecretsAreSeenByScope(t *testing.T) {
	w := newWorld(t, managedTenant(func(c *auth0.TenantConfig) {
		c.Applications = append(c.Applications, auth0.ApplicationConfig{Name: "lister", Type: auth0.TypeNonInteractive, Management: []string{"read:clients", "create:clients"}})
	}))
	lister, all := w.manager("lister"), w.manager("manager")
	if a := lister.do("GET", "/clients", ""); a.status != 200 || strings.Contains(a.body, "client_secret\"") {
		t.Errorf("read:clients alone: %d %s", a.status, a.body)
	}
	if made := lister.ok(201, "POST", "/clients", `{"name":"a"}`); made["client_secret"] != nil {
		t.Errorf("create:clients alone: %v", made)
	}
	if got := all.ok(200, "GET", "/clients/"+w.tenant.ClientID("web"), ""); got["client_secret"] != w.tenant.ClientSecret("web") {
		t.Errorf("read:client_keys: %v", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if strings.Contains(e.String(), w.tenant.ClientSecret("web")) || strings.Contains(e.String(), all.token) {
			t.Errorf("the log holds a secret: %s", e)
		}
	}
}

// TestManagementPages walks lists page by page while others add to them and take
// from them: what was there from the beginning to the end is shown once.
func TestManagementPages(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	var made []string
	for i := range 12 {
		made = append(made, m.ok(201, "POST", "/clients", fmt.Sprintf(`{"name":"c%d"}`, i))["client_id"].(string))
	}
	var seen []string
	for page := 0; ; page++ {
		got := m.ok(200, "GET", fmt.Sprintf("/clients?page=%d&per_page=5&include_totals=true&fields=client_id", page), "")
		list := got["clients"].([]any)
		if got["start"] != float64(page*5) || got["limit"] != 5.0 {
			t.Errorf("page %d: %v", page, got)
		}
		for _, c := range list {
			seen = append(seen, c.(map[string]any)["client_id"].(string))
		}
		m.ok(201, "POST", "/clients", `{"name":"meanwhile"}`)
		if len(list) < 5 || page > 10 {
			break
		}
	}
	for _, id := range made {
		if slices.Index(seen, id) < 0 || slices.Index(seen, id) != len(seen)-1-slices.Index(reversed(seen), id) {
			t.Errorf("%s is not shown once", id)
		}
	}
	if a := m.do("GET", "/clients?page=1000&include_totals=true", ""); a.status != 200 || !strings.Contains(a.body, `"clients":[]}`) {
		t.Errorf("past the end: %d %s", a.status, a.body)
	}
	if a := m.do("GET", "/clients?per_page=2&fields=name&include_fields=true", ""); a.body != `[{"name":"spa"},{"name":"other"}]` {
		t.Errorf("a bare list: %s", a.body)
	}
	// From checkpoint to checkpoint, deleting what was shown.
	var ids []string
	for i := range 7 {
		api := m.ok(201, "POST", "/resource-servers", fmt.Sprintf(`{"identifier":"https://%d.example"}`, i))["identifier"].(string)
		ids = append(ids, m.ok(201, "POST", "/client-grants", fmt.Sprintf(`{"client_id":%q,"audience":%q,"scope":[]}`, w.tenant.ClientID("web"), api))["id"].(string))
	}
	var walked []string
	from := ""
	for range 20 {
		got := m.ok(200, "GET", "/client-grants?take=3&include_totals=true&from="+from, "")
		for _, g := range got["client_grants"].([]any) {
			id := g.(map[string]any)["id"].(string)
			walked = append(walked, id)
			if slices.Contains(ids, id) {
				m.ok(204, "DELETE", "/client-grants/"+id, "")
			}
		}
		if got["next"] == nil {
			break
		}
		from = got["next"].(string)
	}
	for _, id := range ids {
		if !slices.Contains(walked, id) {
			t.Errorf("the walk does not show %s", id)
		}
	}
	if a := m.do("GET", "/clients?per_page=0&include_totals=true", ""); a.status != 200 || !strings.Contains(a.body, `"clients":[]`) {
		t.Errorf("pages of none: %d %s", a.status, a.body)
	}
}

func reversed(s []string) []string { s = slices.Clone(s); slices.Reverse(s); return s }
