package auth0_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/auth0"
)

const inConnection = `"connection":"Username-Password-Authentication"`

// path is a user's path.
func userPath(id string) string { return "/users/" + url.PathEscape(id) }

func (m *manager) userID(email string) string {
	m.w.t.Helper()
	a := m.do("GET", "/users-by-email?email="+url.QueryEscape(email), "")
	var users []map[string]any
	if err := json.Unmarshal([]byte(a.body), &users); err != nil || len(users) != 1 {
		m.w.t.Fatalf("%s: %d %s", email, a.status, a.body)
	}
	return users[0]["user_id"].(string)
}

// roles gives the ids of the tenant's roles by name.
func (m *manager) roles() map[string]string {
	m.w.t.Helper()
	ids := map[string]string{}
	for _, r := range m.ok(200, "GET", "/roles?include_totals=true", "")["roles"].([]any) {
		r := r.(map[string]any)
		ids[r["name"].(string)] = r["id"].(string)
	}
	return ids
}

// TestManageUsers holds a user's life, in the shapes of Auth0's.
func TestManageUsers(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	a := m.do("POST", "/users", `{`+inConnection+`,"email":"Zoe@Example.com","password":"Passw0rd!","user_metadata":{"a":1},"app_metadata":{"plan":"free"},"user_id":"zoe"}`)
	want := `{"created_at":"2026-11-21T10:00:00.000Z","email":"zoe@example.com","email_verified":false,"identities":[{"connection":"Username-Password-Authentication",` +
		`"user_id":"zoe","provider":"auth0","isSocial":false}],"name":"zoe@example.com","nickname":"zoe",` +
		`"picture":"https://s.gravatar.com/avatar/76cec4168e20ad317a8afb3a81ae3fce?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fzo.png",` +
		`"updated_at":"2026-11-21T10:00:00.000Z","user_id":"auth0|zoe","user_metadata":{"a":1},"app_metadata":{"plan":"free"}}`
	if a.status != 201 || a.body != want {
		t.Errorf("%d %s\nwant %s", a.status, a.body, want)
	}
	if a := m.do("GET", "/users/auth0%7Czoe", ""); a.status != 200 || a.body != want {
		t.Errorf("read: %d %s", a.status, a.body)
	}
	if a := m.do("GET", "/users/auth0%7Czoe?fields=email,user_id&include_fields=true", ""); a.body != `{"email":"zoe@example.com","user_id":"auth0|zoe"}` {
		t.Errorf("fields: %s", a.body)
	}
	if id := m.ok(201, "POST", "/users", `{`+inConnection+`,"email":"yan@example.com","password":"Passw0rd!"}`)["user_id"].(string); !regexp.MustCompile(`^auth0\|[0-9a-f]{24}$`).MatchString(id) {
		t.Errorf("the id is %s", id)
	}
	w.advance(time.Minute)
	got := m.ok(200, "PATCH", "/users/auth0%7Czoe", `{"user_metadata":{"a":null,"b":{"c":2}},"app_metadata":{"n":true},"given_name":"Zoe","nickname":"zz"}`)
	if fmt.Sprintf("%v %v %v %v %v", got["user_metadata"], got["app_metadata"], got["given_name"], got["nickname"], got["updated_at"]) != "map[b:map[c:2]] map[n:true plan:free] Zoe zz 2026-11-21T10:01:00.000Z" {
		t.Errorf("patched: %v", got)
	}
	if got := m.ok(200, "PATCH", "/users/auth0%7Czoe", `{"given_name":null,"email_verified":true}`); got["given_name"] != nil || got["email_verified"] != true {
		t.Errorf("patched: %v", got)
	}
	if got := m.ok(200, "PATCH", "/users/auth0%7Czoe", `{"email":"zoe2@example.com"}`); got["email_verified"] != false || got["email"] != "zoe2@example.com" {
		t.Errorf("another address is verified: %v", got)
	}
	exists := `{"statusCode":409,"error":"Conflict","message":"The user already exists.","errorCode":"auth0_idp_error"}`
	m.refused("an address that is taken", "POST", "/users", `{`+inConnection+`,"email":"ANN@example.com","password":"Passw0rd!"}`, 409, exists)
	m.refused("an id that is taken", "POST", "/users", `{`+inConnection+`,"email":"q@example.com","password":"Passw0rd!","user_id":"zoe"}`, 409, exists)
	m.refused("another's address", "PATCH", "/users/auth0%7Czoe", `{"email":"ann@example.com"}`, 409, exists)
	bad := func(code, message string) string {
		if code != "" {
			code = `,"errorCode":"` + code + `"`
		}
		return `{"statusCode":400,"error":"Bad Request","message":"` + message + `"` + code + `}`
	}
	for body, want := range map[string]string{
		`{"email":"q@example.com","password":"Passw0rd!"}`:                                                                           bad("invalid_body", "Payload validation error: 'Missing required property: connection'."),
		`{"connection":"nope","email":"q@example.com","password":"Passw0rd!"}`:                                                       bad("inexistent_connection", "The connection does not exist."),
		`{` + inConnection + `,"password":"Passw0rd!"}`:                                                                              bad("invalid_body", "Payload validation error: 'Missing required property: email'."),
		`{` + inConnection + `,"email":"q@example.com"}`:                                                                             bad("invalid_body", "Payload validation error: 'Missing required property: password'."),
		`{` + inConnection + `,"email":"q@example.com","password":"weak"}`:                                                           bad("", "PasswordStrengthError: Password is too weak"),
		`{` + inConnection + `,"email":"q","password":"Passw0rd!"}`:                                                                  bad("invalid_body", "Payload validation error: 'Object didn't pass validation for format email: q' on property email."),
		`{` + inConnection + `,"email":"q@example.com","password":"a","roles":[]}`:                                                   bad("invalid_body", "Payload validation error: 'Additional properties not allowed: roles'."),
		`{` + inConnection + `,"email":"q@example.com","username":"q"}`:                                                              bad("operation_not_supported", "username is not supported by a local tenant."),
		`{` + inConnection + `,"email":"q@example.com","user_metadata":"x"}`:                                                         bad("invalid_body", "Payload validation error: 'Expected type object but found type string' on property user_metadata."),
		`{` + inConnection + `,"email":"q@e.com","password":"Passw0rd!","user_id":"a|b"}`:                                            bad("invalid_body", "Payload validation error: 'Object didn't pass validation for format user-id: a|b' on property user_id."),
		`{` + inConnection + `,"email":"q@e.com","password":"Passw0rd!","app_metadata":{"a":"` + strings.Repeat("x", 16<<10) + `"}}`: bad("invalid_body", "app_metadata has more than 16384 bytes."),
	} {
		m.refused(body[:min(80, len(body))], "POST", "/users", body, 400, want)
	}
	m.refused("an unknown user", "GET", "/users/auth0%7Cnobody", "", 404, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`)
	m.refused("a declared user", "DELETE", userPath(m.userID("ann@example.com")), "", 400,
		bad("operation_not_supported", "tenants.Auth0.users (ann@example.com) is declared in doorwright.yaml; change it there."))
	m.ok(204, "DELETE", "/users/auth0%7Czoe", "")
	m.ok(204, "DELETE", "/users/auth0%7Czoe", "")
	if a := m.do("GET", "/users-by-email?email=zoe2@example.com", ""); a.body != "[]" {
		t.Errorf("after the deletion: %s", a.body)
	}
}

// TestAppMetadataScope: who may change app_metadata changes nothing else.
func TestAppMetadataScope(t *testing.T) {
	w := newWorld(t, managedTenant(func(c *auth0.TenantConfig) {
		c.Applications = append(c.Applications, auth0.ApplicationConfig{Name: "planner", Type: auth0.TypeNonInteractive, Management: []string{"update:users_app_metadata"}})
	}))
	user := userPath(w.manager("manager").userID("bob@example.com"))
	planner := w.manager("planner")
	planner.ok(200, "PATCH", user, `{"app_metadata":{"plan":"paid"}}`)
	planner.refused("a block", "PATCH", user, `{"blocked":true,"app_metadata":{}}`, 403,
		`{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: update:users","errorCode":"insufficient_scope"}`)
}

// TestManagedPassword: another password ends what its user was signed in to, and
// so does a block.
func TestManagedPassword(t *testing.T) {
	for what, c := range map[string]struct{ body, password string }{
		"a new password": {`{"password":"An0ther!!",` + inConnection + `}`, "An0ther!!"},
		"a block":        {`{"blocked":true}`, ""},
	} {
		w := newWorld(t, managedTenant())
		m := w.manager("manager")
		b := w.browser()
		b.signIn(w.query(), "ann@example.com", password)
		if silent := b.get("/authorize?" + w.query("prompt", "none")); w.landed(silent).Get("code") == "" {
			t.Fatalf("%s: there was no session", what)
		}
		tokens := w.tokens("scope", "openid offline_access", "audience", unicorns)
		m.ok(200, "PATCH", userPath(m.userID("ann@example.com")), c.body)
		if silent := b.get("/authorize?" + w.query("prompt", "none")); w.landed(silent).Get("error") != "login_required" {
			t.Errorf("%s: the session goes on", what)
		}
		if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 {
			t.Errorf("%s: the refresh token is good: %d %s", what, a.status, a.body)
		}
		if a := w.browser().signIn(w.query(), "ann@example.com", password); strings.Contains(a.header.Get("Location"), "code=") {
			t.Errorf("%s: the old password is good", what)
		}
		if c.password != "" {
			if a := w.browser().signIn(w.query(), "ann@example.com", c.password); w.landed(a).Get("code") == "" {
				t.Errorf("%s: the new password is not good", what)
			}
		}
	}
}

// TestManageRoles holds a role's life and the shapes of permissions.
func TestManageRoles(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	role := m.ok(200, "POST", "/roles", `{"name":"writer","description":"Writes"}`)
	id := role["id"].(string)
	if !regexp.MustCompile(`^rol_[A-Za-z0-9]{16}$`).MatchString(id) {
		t.Errorf("the role: %v", role)
	}
	conflict := `{"statusCode":409,"error":"Conflict","message":"A role with the same name already exists.","errorCode":"resource_conflict"}`
	m.refused("a name that is taken", "POST", "/roles", `{"name":"writer"}`, 409, conflict)
	m.refused("another's name", "PATCH", "/roles/"+id, `{"name":"reader"}`, 409, conflict)
	one := `{"permissions":[{"resource_server_identifier":"` + unicorns + `","permission_name":"w"}]}`
	if a := m.do("POST", "/roles/"+id+"/permissions", one); a.status != 201 || a.body != "{}" {
		t.Errorf("a permission: %d %s", a.status, a.body)
	}
	want := `{"permissions":[{"permission_name":"w","description":"","resource_server_name":"Unicorns","resource_server_identifier":"` + unicorns + `"}],"start":0,"limit":50,"total":1}`
	if a := m.do("GET", "/roles/"+id+"/permissions?include_totals=true&per_page=50", ""); a.body != want {
		t.Errorf("the permissions: %s", a.body)
	}
	bob := m.userID("bob@example.com")
	if a := m.do("POST", userPath(bob)+"/roles", `{"roles":["`+id+`"]}`); a.status != 204 || a.body != "" {
		t.Errorf("assigned: %d %s", a.status, a.body)
	}
	if a := m.do("POST", userPath(bob)+"/permissions", one); a.status != 201 || a.body != "{}" {
		t.Errorf("a direct permission: %d %s", a.status, a.body)
	}
	want = `{"permissions":[{"permission_name":"w","description":"","resource_server_name":"Unicorns","resource_server_identifier":"` + unicorns + `","sources":[` +
		`{"source_id":"","source_name":"","source_type":"DIRECT"},{"source_id":"` + id + `","source_name":"writer","source_type":"ROLE"}]}],"start":0,"limit":50,"total":1}`
	if a := m.do("GET", userPath(bob)+"/permissions?include_totals=true", ""); a.body != want {
		t.Errorf("the user's permissions: %s\nwant %s", a.body, want)
	}
	if a := m.do("GET", userPath(bob)+"/roles?include_totals=true", ""); a.body != `{"roles":[{"id":"`+id+`","name":"writer","description":"Writes"}],"start":0,"limit":50,"total":1}` {
		t.Errorf("the user's roles: %s", a.body)
	}
	ann := m.userID("ann@example.com")
	if a := m.do("POST", "/roles/"+id+"/users", `{"users":["`+ann+`"]}`); a.status != 200 || a.body != "{}" {
		t.Errorf("assigned: %d %s", a.status, a.body)
	}
	members := m.ok(200, "GET", "/roles/"+id+"/users?include_totals=true", "")
	if list := members["users"].([]any); len(list) != 2 || len(list[0].(map[string]any)) != 4 || list[1].(map[string]any)["user_id"] != ann || members["total"] != 2.0 {
		t.Errorf("who has the role: %v", members)
	}
	first := m.ok(200, "GET", "/roles/"+id+"/users?take=1", "")
	second := m.ok(200, "GET", "/roles/"+id+"/users?take=1&from="+first["next"].(string), "")
	if second["next"] != nil || second["users"].([]any)[0].(map[string]any)["user_id"] != ann {
		t.Errorf("from checkpoint to checkpoint: %v %v", first, second)
	}
	reader := m.roles()["reader"]
	declared := `{"statusCode":400,"error":"Bad Request","message":"tenants.Auth0.roles.reader is declared in doorwright.yaml; change it there.","errorCode":"operation_not_supported"}`
	m.refused("a declared role", "PATCH", "/roles/"+reader, `{"name":"x"}`, 400, declared)
	m.refused("a declared role", "DELETE", "/roles/"+reader, "", 400, declared)
	m.refused("a declared role", "POST", "/roles/"+reader+"/permissions", one, 400, declared)
	m.refused("a declared role", "DELETE", "/roles/"+reader+"/permissions", one, 400, declared)
	none := `{"statusCode":404,"error":"Not Found","message":"The role does not exist."}`
	for _, c := range [][2]string{{"GET", "/roles/rol_x"}, {"GET", "/roles/rol_x/permissions"}, {"GET", "/roles/rol_x/users"}, {"DELETE", "/roles/rol_x"}} {
		m.refused(c[0]+c[1], c[0], c[1], "", 404, none)
	}
	m.refused("an unknown role of a user", "POST", userPath(bob)+"/roles", `{"roles":["rol_x"]}`, 404, none)
	m.refused("no role", "POST", userPath(bob)+"/roles", `{"roles":[]}`, 400,
		`{"statusCode":400,"error":"Bad Request","message":"Payload validation error: 'Array is too short (0), minimum 1' on property roles.","errorCode":"invalid_body"}`)
	m.refused("an unknown user of a role", "POST", "/roles/"+id+"/users", `{"users":["`+ann+`","auth0|x"]}`, 404,
		`{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`)
	m.refused("an unknown API", "POST", "/roles/"+id+"/permissions", `{"permissions":[{"resource_server_identifier":"x","permission_name":"r"}]}`, 404,
		`{"statusCode":404,"error":"Not Found","message":"The resource server does not exist: \"x\"","errorCode":"inexistent_resource_server"}`)
	m.refused("an unknown permission", "POST", "/roles/"+id+"/permissions", `{"permissions":[{"resource_server_identifier":"`+unicorns+`","permission_name":"x"}]}`, 400,
		`{"statusCode":400,"error":"Bad Request","message":"The following permissions are not defined for `+unicorns+`: x","errorCode":"invalid_body"}`)
	m.refused("a permission of the Management API", "POST", userPath(bob)+"/permissions", `{"permissions":[{"resource_server_identifier":"`+w.audience()+`","permission_name":"read:users"}]}`, 400,
		`{"statusCode":400,"error":"Bad Request","message":"The permissions of the Management API are given to applications by client grants alone.","errorCode":"operation_not_supported"}`)
	if a := m.do("DELETE", "/roles/"+id, "{}"); a.status != 200 || a.body != "{}" {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
	if a := m.do("GET", userPath(ann)+"/roles", ""); strings.Contains(a.body, id) {
		t.Errorf("after the deletion: %s", a.body)
	}
}

// TestUserSearch holds the searches that are supported against who they find, and
// refuses the others.
func TestUserSearch(t *testing.T) {
	w := newWorld(t, managedTenant(func(c *auth0.TenantConfig) { c.Users = nil }))
	m := w.manager("manager")
	for _, u := range []string{
		`"email":"ada@one.example","name":"Ada Lovelace","app_metadata":{"plan":"paid","tags":["a","b"],"deep":{"level":2}},"email_verified":true`,
		`"email":"bert@one.example","name":"Bert","app_metadata":{"plan":"free"},"user_metadata":{"dark":true}`,
		`"email":"cleo@two.example","given_name":"Cleo","blocked":true`,
		`"email":"o'dan@two.example","nickname":"100%_sure"`,
	} {
		m.ok(201, "POST", "/users", `{`+inConnection+`,"password":"Passw0rd!",`+u+`}`)
		w.advance(24 * time.Hour)
		m = w.manager("manager")
	}
	for q, want := range map[string]string{
		``: "abco", `email:"ada@one.example"`: "a", `email:ADA@one.example`: "a", `email:ad*`: "a", `email:*example`: "abco", `email.domain:"two.example"`: "co",
		`name:*LOVE*`: "a", `name:"ada lovelace"`: "a", `name:*two.example`: "co", `nickname:bert`: "b", `identities.connection:"Username-Password-Authentication"`: "abco",
		`app_metadata.plan:"paid"`: "a", `app_metadata.plan:Paid`: "", `app_metadata.tags:b`: "a", `app_metadata.deep.level:2`: "a", `app_metadata.deep:2`: "", `user_metadata.dark:true`: "b",
		`NOT app_metadata.plan:"paid"`: "bco", `-app_metadata.plan:"paid"`: "bco", `_exists_:app_metadata.plan`: "ab", `NOT _exists_:app_metadata`: "co", `_exists_:given_name`: "c",
		`email_verified:true`: "a", `blocked:true`: "c", `blocked:false`: "abo", `email:ad* OR email:be*`: "ab", `email:*one.example AND NOT blocked:true AND app_metadata.plan:free`: "b",
		`email.domain:one.example OR email.domain:two.example AND blocked:true`: "abc", `(email.domain:one.example OR email.domain:two.example) AND blocked:true`: "c",
		`created_at:[2026-11-22 TO 2026-11-23]`: "bc", `created_at:{2026-11-22 TO *}`: "co", `created_at:[2026-11-22 TO 2026-11-23}`: "b", `created_at:2026-11-21`: "a",
		`logins_count:[0 TO *]`: "abco", `logins_count:{0 TO *]`: "", `email:[a TO b}`: "a", `email:"o'dan@two.example"`: "o", `nickname:"100%_sure"`: "o", `nickname:100%*`: "o", `nickname:1*0*`: "!",
		`ada`: "!", `email:ada@one.example bert`: "?", `email:a?a`: "!", `email:*da`: "?", `password:x`: "!", `app_metadata.plan:p*`: "!", `email:(ada OR bert)`: "!", `email:"ada`: "?", `(email:ada`: "?",
		`email:ada)`: "?", `blocked:perhaps`: "?", `created_at:yesterday`: "?", `email:/ada/`: "!", `email:ada~`: "!", `email:ada^2`: "!", `app_metadata.[a TO b]:x`: "!", `user_metadata."x:1`: "!",
		`email:`: "!", `app_metadata.plan:[a TO b]`: "!", strings.Repeat("(", 40) + "email:a" + strings.Repeat(")", 40): "?", strings.Repeat("a", 1001): "?", strings.Repeat("NOT ", 60) + "email:a": "?",
	} {
		a := m.do("GET", "/users?include_totals=true&search_engine=v3&q="+url.QueryEscape(q), "")
		switch want {
		case "!", "?":
			code := map[string]string{"!": "operation_not_supported", "?": "invalid_query_string"}[want]
			if a.status != 400 || !strings.Contains(a.body, `"errorCode":"`+code+`"`) {
				t.Errorf("%.60s: %d %s; want %s", q, a.status, a.body, code)
			}
			continue
		}
		if a.status != 200 {
			t.Errorf("%s: %d %s", q, a.status, a.body)
			continue
		}
		got, found := a.json(t), ""
		for _, u := range got["users"].([]any) {
			found += u.(map[string]any)["email"].(string)[:1]
		}
		if found != want || got["total"] != float64(len(want)) || got["length"] != float64(len(want)) {
			t.Errorf("%s finds %s of %v, not %s", q, found, got["total"], want)
		}
	}
	for sort, want := range map[string]string{"email:-1": "ocba", "created_at:1": "abco", "name:1": "abco"} {
		if a := m.do("GET", "/users?fields=email&sort="+sort, ""); strings.Join(regexp.MustCompile(`"email":"(.)`).FindAllString(a.body, -1), "") != strings.Join(slices.Collect(func(yield func(string) bool) {
			for _, c := range want {
				yield(`"email":"` + string(c))
			}
		}), "") {
			t.Errorf("sort=%s: %s", sort, a.body)
		}
	}
	for query, want := range map[string]string{
		"sort=email":          `{"statusCode":400,"error":"Bad Request","message":"Query validation error: 'Object didn't pass validation for format sort: email' on property sort.","errorCode":"invalid_query_string"}`,
		"search_engine=v2":    `{"statusCode":400,"error":"Bad Request","message":"search_engine: a local tenant supports v3 alone.","errorCode":"operation_not_supported"}`,
		"page=20&per_page=50": `{"statusCode":400,"error":"Bad Request","message":"You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation","errorCode":"invalid_paging"}`,
		"primary_order=false": `{"statusCode":400,"error":"Bad Request","message":"Query validation error: 'Additional properties not allowed: primary_order'.","errorCode":"invalid_query_string"}`,
	} {
		m.refused(query, "GET", "/users?"+query, "", 400, want)
	}
	if a := m.do("GET", "/users?connection=Nope", ""); a.body != "[]" {
		t.Errorf("another connection: %s", a.body)
	}
}

// TestUserPages walks the users page by page while others come: each of those who
// were there is shown once.
func TestUserPages(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	for i := range 9 {
		m.ok(201, "POST", "/users", fmt.Sprintf(`{%s,"email":"u%d@example.com","password":"Passw0rd!"}`, inConnection, i))
	}
	var seen []string
	for page := range 20 {
		got := m.ok(200, "GET", fmt.Sprintf("/users?include_totals=true&per_page=4&page=%d", page), "")["users"].([]any)
		for _, u := range got {
			seen = append(seen, u.(map[string]any)["email"].(string))
		}
		m.ok(201, "POST", "/users", fmt.Sprintf(`{%s,"email":"later%d@example.com","password":"Passw0rd!"}`, inConnection, page))
		if len(got) < 4 {
			break
		}
	}
	for i := range 9 {
		if n := len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s != fmt.Sprintf("u%d@example.com", i) })); n != 1 {
			t.Errorf("u%d is shown %d times", i, n)
		}
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(seen))); len(sorted) != len(seen) {
		t.Errorf("somebody is shown twice: %v", seen)
	}
}

// TestManagementListsWalkAnIndex reads the plans of the lists of users: each page
// is a range of an index, in its order.
func TestManagementListsWalkAnIndex(t *testing.T) {
	w := newWorld(t, managedTenant())
	range_ := regexp.MustCompile(`^SEARCH [mu] USING (INDEX|COVERING INDEX|PRIMARY KEY)`)
	for _, q := range [][2]string{{"", ""}, {`email:"ann@example.com"`, ""}, {`user_id:"auth0|x"`, ""}, {"", "email:1"}, {"", "email:-1"}, {"members", ""}} {
		plan, err := w.tenant.UserPlan(t.Context(), q[0], q[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if !range_.MatchString(step) {
				t.Errorf("%v: %s", q, step)
			}
		}
		if strings.HasPrefix(q[0], "email") && !strings.Contains(plan[0], "email=?") || strings.HasPrefix(q[0], "user_id") && !strings.Contains(plan[0], "id=?") {
			t.Errorf("%v: %s", q, plan[0])
		}
	}
}

// rbac is what the Management API and the tokens should say after some changes.
type rbac struct {
	roles  map[string]map[string]bool // permissions by role
	users  map[string]map[string]bool // roles by user
	direct map[string]map[string]bool // permissions by user
}

func (r rbac) held(user string) []string {
	held := maps.Clone(r.direct[user])
	for role := range r.users[user] {
		maps.Copy(held, r.roles[role])
	}
	return slices.Sorted(maps.Keys(held))
}

// TestRandomRBAC changes roles, permissions and users at random by the API, and
// holds what it lists, and the tokens, against a model.
func TestRandomRBAC(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	model := rbac{map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]map[string]bool{}}
	emails, perms := map[string]string{}, []string{"r", "w", "d"}
	pick := func(of []string) string { return of[rng.IntN(len(of))] }
	permission := func(p string) string {
		return `{"permissions":[{"resource_server_identifier":"` + unicorns + `","permission_name":"` + p + `"}]}`
	}
	for i := range 300 {
		roles, users := slices.Sorted(maps.Keys(model.roles)), slices.Sorted(maps.Keys(model.users))
		kind := rng.IntN(10)
		switch {
		case len(roles) == 0 || kind == 0 && len(roles) < 6:
			id := m.ok(200, "POST", "/roles", fmt.Sprintf(`{"name":"role %d"}`, i))["id"].(string)
			model.roles[id] = map[string]bool{}
		case len(users) == 0 || kind == 1 && len(users) < 5:
			email := fmt.Sprintf("r%d@example.com", i)
			id := m.ok(201, "POST", "/users", `{`+inConnection+`,"email":"`+email+`","password":"Passw0rd!"}`)["user_id"].(string)
			model.users[id], model.direct[id], emails[id] = map[string]bool{}, map[string]bool{}, email
		case kind == 2 && rng.IntN(4) == 0:
			id := pick(roles)
			m.ok(200, "DELETE", "/roles/"+id, "")
			delete(model.roles, id)
			for _, of := range model.users {
				delete(of, id)
			}
		case kind == 3 && rng.IntN(4) == 0:
			id := pick(users)
			m.ok(204, "DELETE", userPath(id), "")
			delete(model.users, id)
			delete(model.direct, id)
		case kind <= 5:
			id, p := pick(roles), pick(perms)
			if rng.IntN(3) > 0 {
				m.ok(201, "POST", "/roles/"+id+"/permissions", permission(p))
				model.roles[id][p] = true
			} else {
				m.ok(204, "DELETE", "/roles/"+id+"/permissions", permission(p))
				delete(model.roles[id], p)
			}
		case kind <= 7:
			user, role := pick(users), pick(roles)
			switch rng.IntN(3) {
			case 0:
				m.ok(204, "POST", userPath(user)+"/roles", `{"roles":["`+role+`"]}`)
				model.users[user][role] = true
			case 1:
				m.ok(200, "POST", "/roles/"+role+"/users", `{"users":["`+user+`"]}`)
				model.users[user][role] = true
			default:
				m.ok(204, "DELETE", userPath(user)+"/roles", `{"roles":["`+role+`"]}`)
				delete(model.users[user], role)
			}
		default:
			user, p := pick(users), pick(perms)
			if rng.IntN(2) == 0 {
				m.ok(201, "POST", userPath(user)+"/permissions", permission(p))
				model.direct[user][p] = true
			} else {
				m.ok(204, "DELETE", userPath(user)+"/permissions", permission(p))
				delete(model.direct[user], p)
			}
		}
		w.agree(m, model, emails)
		if t.Failed() {
			t.Fatalf("after %d changes of seed %d", i, seed)
		}
	}
}

// agree holds one user, one role and one token against the model.
func (w *world) agree(m *manager, model rbac, emails map[string]string) {
	w.t.Helper()
	names := func(method, path, list, name string) []string {
		w.t.Helper()
		found := []string{}
		for _, one := range m.ok(200, method, path+"?include_totals=true&per_page=100", "")[list].([]any) {
			found = append(found, one.(map[string]any)[name].(string))
		}
		slices.Sort(found)
		return found
	}
	same := func(what string, got []string, want []string) {
		w.t.Helper()
		if !slices.Equal(got, want) {
			w.t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	for id := range model.roles { // any one of them
		same("the permissions of a role", names("GET", "/roles/"+id+"/permissions", "permissions", "permission_name"), slices.Sorted(maps.Keys(model.roles[id])))
		var have []string
		for user, of := range model.users {
			if of[id] {
				have = append(have, user)
			}
		}
		slices.Sort(have)
		same("who has a role", names("GET", "/roles/"+id+"/users", "users", "user_id"), have)
		break
	}
	for id := range model.users {
		same("the roles of a user", names("GET", userPath(id)+"/roles", "roles", "id"), slices.Sorted(maps.Keys(model.users[id])))
		held := model.held(id)
		same("the permissions of a user", names("GET", userPath(id)+"/permissions", "permissions", "permission_name"), held)
		tokens, err := w.tenant.UserToken(w.t.Context(), "spa", emails[id], unicorns, "openid r w")
		if err != nil {
			w.t.Fatal(err)
		}
		claims := part(w.t, tokens.Access, 1)
		claimed := []string{}
		for _, p := range claims["permissions"].([]any) {
			claimed = append(claimed, p.(string))
		}
		slices.Sort(claimed)
		same("the claim permissions", claimed, held)
		scope := []string{"openid"}
		for _, p := range []string{"r", "w"} {
			if slices.Contains(held, p) {
				scope = append(scope, p)
			}
		}
		same("the scope", strings.Fields(claims["scope"].(string)), scope)
		break
	}
}

// TestManagementConcurrently makes, changes and deletes from many sides at once:
// nothing is lost, and nobody gets an error of the server.
func TestManagementConcurrently(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	id := m.userID("bob@example.com")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			client := m.ok(201, "POST", "/clients", fmt.Sprintf(`{"name":"c%d","app_type":"non_interactive"}`, i))
			m.ok(201, "POST", "/resource-servers", fmt.Sprintf(`{"identifier":"https://%d.example","scopes":[{"value":"r"}]}`, i))
			m.ok(201, "POST", "/client-grants", fmt.Sprintf(`{"client_id":%q,"audience":"https://%d.example","scope":["r"]}`, client["client_id"], i))
			role := m.ok(200, "POST", "/roles", fmt.Sprintf(`{"name":"role %d"}`, i))["id"].(string)
			m.ok(204, "POST", userPath(id)+"/roles", `{"roles":["`+role+`"]}`)
			m.ok(200, "PATCH", userPath(id), fmt.Sprintf(`{"app_metadata":{"k%d":%d}}`, i, i))
			a := w.browser().post("/oauth/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {client["client_id"].(string)}, "client_secret": {client["client_secret"].(string)}, "audience": {fmt.Sprintf("https://%d.example", i)},
			})
			if a.status != 200 {
				t.Errorf("the token of c%d: %d %s", i, a.status, a.body)
			}
			if i%2 == 0 {
				m.ok(204, "DELETE", "/clients/"+client["client_id"].(string), "")
			}
			// The same for all: one makes it, the others hear that it is there.
			if a := m.do("POST", "/roles", `{"name":"one"}`); a.status != 200 && a.status != 409 {
				t.Errorf("the one role: %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if got := m.ok(200, "GET", userPath(id), ""); len(got["app_metadata"].(map[string]any)) != 8 {
		t.Errorf("app_metadata is %v", got["app_metadata"])
	}
	if got := m.ok(200, "GET", userPath(id)+"/roles?include_totals=true", ""); got["total"] != 8.0 {
		t.Errorf("the roles are %v", got)
	}
	made := 0
	for _, c := range m.ok(200, "GET", "/clients?include_totals=true", "")["clients"].([]any) {
		if regexp.MustCompile(`^c\d$`).MatchString(c.(map[string]any)["name"].(string)) {
			made++
		}
	}
	if made != 4 {
		t.Errorf("%d of the applications are left, not 4", made)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Fault() {
			t.Error(e)
		}
	}
}

// TestPermissionsThatWent: a permission that an API no longer has is nobody's, and
// one of its name later is another.
func TestPermissionsThatWent(t *testing.T) {
	w := newWorld(t, managedTenant())
	m := w.manager("manager")
	const fresh = "https://fresh.example"
	api := "/resource-servers/" + url.PathEscape(fresh)
	m.ok(201, "POST", "/resource-servers", `{"identifier":"`+fresh+`","enforce_policies":true,"scopes":[{"value":"r"}]}`)
	bob := userPath(m.userID("bob@example.com"))
	m.ok(201, "POST", bob+"/permissions", `{"permissions":[{"resource_server_identifier":"`+fresh+`","permission_name":"r"}]}`)
	scope := func() any {
		t.Helper()
		tokens, err := w.tenant.UserToken(t.Context(), "spa", "bob@example.com", fresh, "openid r")
		if err != nil {
			t.Fatal(err)
		}
		return part(t, tokens.Access, 1)["scope"]
	}
	if got := scope(); got != "openid r" {
		t.Errorf("with the permission: %v", got)
	}
	m.ok(200, "PATCH", api, `{"scopes":[]}`)
	m.ok(200, "PATCH", api, `{"scopes":[{"value":"r"}]}`)
	if got := scope(); got != "openid" {
		t.Errorf("with another permission of its name: %v", got)
	}
	m.ok(201, "POST", bob+"/permissions", `{"permissions":[{"resource_server_identifier":"`+fresh+`","permission_name":"r"}]}`)
	m.ok(204, "DELETE", api, "")
	m.ok(201, "POST", "/resource-servers", `{"identifier":"`+fresh+`","enforce_policies":true,"scopes":[{"value":"r"}]}`)
	if got := scope(); got != "openid" {
		t.Errorf("with another API of the identifier: %v", got)
	}
}
