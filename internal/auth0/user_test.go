package auth0_test

import (
	"bytes"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signsIn says whether an address and a password sign in.
func (w *world) signsIn(user, password string) bool {
	w.t.Helper()
	return w.browser().signIn(w.query(), user, password).status == 302
}

// claims gives what a new token of ann's for unicorns says.
func (w *world) claims() map[string]any {
	w.t.Helper()
	tokens, err := w.tenant.UserToken(w.t.Context(), "spa", "ann@example.com", unicorns, "openid r w d")
	must(w.t, err)
	return part(w.t, tokens.Access, 1)
}

// TestDeclarationAndChanges holds when the declaration is applied to users, roles
// and APIs: when they are made, and when their entry was changed. Else what was
// changed since stays.
func TestDeclarationAndChanges(t *testing.T) {
	ctx := t.Context()
	db := openDB(t, t.TempDir())
	cfg := func(changes ...func(*auth0.TenantConfig)) auth0.TenantConfig { return tenantConfig(changes...) }
	w := newWorldIn(t, db, cfg())
	ann, err := w.tenant.FindUser(ctx, "ann@example.com")
	must(t, err)
	must(t, w.tenant.ChangePassword(ctx, "ann@example.com", "Chosen-1"))
	must(t, w.tenant.SetRoles(ctx, "ann@example.com"))
	must(t, w.tenant.ChangeUser(ctx, "ann@example.com", func(u *auth0.User) { u.AppMetadata = map[string]any{"plan": "pro"} }))
	must(t, w.tenant.ChangeUser(ctx, "made@example.com", func(*auth0.User) {}))
	must(t, w.tenant.ChangePassword(ctx, "made@example.com", "Made-1"))
	must(t, w.tenant.SetRolePermissions(ctx, "made", unicorns, "d"))
	must(t, w.tenant.SaveAPI(ctx, auth0.APIConfig{Name: "Made", Identifier: "https://made.example", Permissions: []string{"x"}}))

	w = newWorldIn(t, db, cfg()) // the same declaration
	if w.signsIn("ann@example.com", password) || !w.signsIn("ann@example.com", "Chosen-1") || !w.signsIn("made@example.com", "Made-1") {
		t.Error("a new run undoes a change of a password")
	}
	if c := w.claims(); c["scope"] != "openid w" {
		t.Errorf("a new run undoes a change of roles: %v", c["scope"])
	}
	again, err := w.tenant.FindUser(ctx, "ann@example.com")
	must(t, err)
	if again.ID() != ann.ID() || again.AppMetadata["plan"] != "pro" || again.Logins() != 1 {
		t.Errorf("ann is %v", again)
	}
	must(t, w.tenant.SetRoles(ctx, "ann@example.com", "made"))
	if c := w.claims(); c["scope"] != "openid w d" {
		t.Errorf("a role made by a request gives %v", c["scope"])
	}
	if _, err := w.tenant.UserToken(ctx, "spa", "ann@example.com", "https://made.example", "x"); err != nil {
		t.Errorf("an API made by a request: %v", err)
	}

	// Another user's entry, and an API's, are changed: ann's stays.
	w = newWorldIn(t, db, cfg(func(c *auth0.TenantConfig) { c.Users[1].Name, c.APIs[1].RBAC = "Bob", true }))
	if !w.signsIn("ann@example.com", "Chosen-1") || w.claims()["scope"] != "openid w d" {
		t.Error("a change of another's entry undoes ann's")
	}
	if tokens, err := w.tenant.UserToken(ctx, "spa", "ann@example.com", "https://open.example", "r"); err != nil || part(t, tokens.Access, 1)["scope"] != nil {
		t.Errorf("the API's change is not applied: %v", err)
	}

	// Ann's own is changed: all of it is applied, and her id stays. The role's too.
	for name, change := range map[string]func(*auth0.TenantConfig){
		"the password": func(c *auth0.TenantConfig) { c.Users[0].Password = "Passw0rd!2" },
		"the name":     func(c *auth0.TenantConfig) { c.Users[0].Name = "Ann" },
	} {
		w = newWorldIn(t, db, cfg())
		must(t, w.tenant.ChangePassword(ctx, "ann@example.com", "Chosen-1"))
		must(t, w.tenant.SetRoles(ctx, "ann@example.com"))
		changed := cfg(change)
		w = newWorldIn(t, db, changed)
		again, err := w.tenant.FindUser(ctx, "ann@example.com")
		must(t, err)
		if w.signsIn("ann@example.com", "Chosen-1") || !w.signsIn("ann@example.com", changed.Users[0].Password) || w.claims()["scope"] != "openid r w" || again.ID() != ann.ID() || len(again.AppMetadata) > 0 {
			t.Errorf("a change of %s does not apply the entry", name)
		}
	}
	must(t, w.tenant.SetRolePermissions(ctx, "reader", unicorns))
	w = newWorldIn(t, db, cfg(func(c *auth0.TenantConfig) { c.Roles["reader"] = auth0.Permissions{unicorns: {"r", "d"}} }))
	if c := w.claims(); c["scope"] != "openid r w d" {
		t.Errorf("a change of the role's entry gives %v", c["scope"])
	}

	// A moved address is one and the same user; who is deleted comes back.
	must(t, w.tenant.ChangeUser(ctx, "bob@example.com", func(u *auth0.User) { u.Email = "moved@example.com" }))
	must(t, w.tenant.DeleteUser(ctx, "ann@example.com"))
	newWorldIn(t, db, cfg())
	w = newWorldIn(t, db, cfg())
	if !w.signsIn("moved@example.com", "Other1!") || w.signsIn("bob@example.com", "Other1!") || !w.signsIn("ann@example.com", password) {
		t.Error("a moved user, or a deleted one")
	}
	must(t, w.tenant.ChangeUser(ctx, "bob@example.com", func(*auth0.User) {})) // somebody took it
	w = newWorldIn(t, db, cfg(func(c *auth0.TenantConfig) { c.Users[1].Name = "Bob" }))
	if w.signsIn("moved@example.com", "Other1!") || !w.signsIn("bob@example.com", "Other1!") {
		t.Error("the entry of a moved user was changed, and is not applied")
	}
	if back, err := w.tenant.FindUser(ctx, "ann@example.com"); err != nil || back.ID() == ann.ID() {
		t.Errorf("who was deleted comes back as the same: %v", err)
	}
	// Who, and what, is no longer declared is gone; what requests made is not.
	w = newWorldIn(t, db, cfg(func(c *auth0.TenantConfig) {
		c.Users, c.Roles, c.APIs = nil, nil, c.APIs[:1]
	}))
	if w.signsIn("ann@example.com", password) || w.signsIn("bob@example.com", "Other1!") || !w.signsIn("made@example.com", "Made-1") {
		t.Error("who is no longer declared is still there, or who is not declared is gone")
	}
	if a := w.browser().get("/authorize?" + w.query("audience", "https://open.example")); !strings.Contains(a.header.Get("Location"), "Service+not+found") && !strings.Contains(a.header.Get("Location"), "Service%20not%20found") {
		t.Errorf("an API that is no longer declared: %s", a.header.Get("Location"))
	}
}

// TestRoleTakenAway: what a user may do is read at each token, also a refreshed one.
func TestRoleTakenAway(t *testing.T) {
	w := newWorld(t, tenantConfig())
	first := w.tokens("audience", unicorns, "scope", "openid r w offline_access")
	if first["scope"] != "openid r w offline_access" {
		t.Fatalf("the scope is %v", first["scope"])
	}
	must(t, w.tenant.SetRoles(t.Context(), "bob@example.com", "reader"))
	must(t, w.tenant.SetRoles(t.Context(), "ann@example.com"))
	second := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}}).json(t)
	if claims := part(t, second["access_token"], 1); second["scope"] != "openid w offline_access" || claims["scope"] != second["scope"] || len(claims["permissions"].([]any)) != 1 {
		t.Errorf("refreshed: %v %v", second["scope"], claims)
	}
	must(t, w.tenant.SetRoles(t.Context(), "ann@example.com", "reader"))
	must(t, w.tenant.SetRolePermissions(t.Context(), "reader", unicorns, "d"))
	if got := w.tokens("audience", unicorns, "scope", "r w d"); got["scope"] != "w d" {
		t.Errorf("after the role's change: %v", got["scope"])
	}
}

// TestBlockedUser: who is blocked has no way in, and none that was open before.
func TestBlockedUser(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, tenantConfig())
	b := w.browser()
	v := w.landed(b.signIn(w.query("scope", "openid offline_access"), "ann@example.com", password))
	tokens := w.token("spa", redemption(v.Get("code"))).json(t)
	code := w.landed(b.get("/authorize?" + w.query())).Get("code")
	must(t, w.tenant.ChangeUser(ctx, "ann@example.com", func(u *auth0.User) { u.Blocked = true }))
	if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); a.status != 403 || strings.TrimSpace(a.body) != `{"error":"unauthorized","error_description":"user is blocked"}` {
		t.Errorf("a refresh: %d %s", a.status, a.body)
	}
	if a := w.token("spa", redemption(code)); a.status != 403 {
		t.Errorf("a code from before: %d %s", a.status, a.body)
	}
	if a := b.get("/authorize?" + w.query("prompt", "none")); w.landed(a).Get("error") != "login_required" {
		t.Errorf("a session from before: %s", a.header.Get("Location"))
	}
	if v := w.landed(w.browser().signIn(w.query(), "ann@example.com", password)); v.Get("error") != "unauthorized" || v.Get("error_description") != "user is blocked" || v.Get("code") != "" {
		t.Errorf("a sign-in: %v", v)
	}
	if a := w.browser().signIn(w.query(), "ann@example.com", "wrong"); a.status != 400 || strings.Contains(a.body, "blocked") {
		t.Errorf("a wrong password of a blocked user: %d", a.status)
	}
	if _, err := w.tenant.UserToken(ctx, "spa", "ann@example.com", "", "openid"); err == nil {
		t.Error("a token without a password for a blocked user")
	}
	must(t, w.tenant.ChangeUser(ctx, "ann@example.com", func(u *auth0.User) { u.Blocked = false }))
	if a := w.token("spa", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}); !isCode(a, "Unknown or invalid refresh token.") {
		t.Errorf("a refresh token from before the block: %d %s", a.status, a.body)
	}
	if a := b.get("/authorize?" + w.query("prompt", "none")); w.landed(a).Get("error") != "login_required" {
		t.Errorf("a session from before the block: %s", a.header.Get("Location"))
	}
	if !w.signsIn("ann@example.com", password) {
		t.Error("who is unblocked cannot sign in")
	}
	// A new password ends what the old one began.
	b = w.browser()
	w.landed(b.signIn(w.query(), "ann@example.com", password))
	must(t, w.tenant.ChangePassword(ctx, "ann@example.com", "Another-1"))
	if a := b.get("/authorize?" + w.query("prompt", "none")); w.landed(a).Get("error") != "login_required" {
		t.Errorf("a session of the old password: %s", a.header.Get("Location"))
	}
}

// TestPasswordsAreKeptHashed: the state holds no password and no quick way to
// guess one, and unknown users are as much work as others.
func TestPasswordsAreKeptHashed(t *testing.T) {
	dir := t.TempDir()
	db := openDB(t, dir)
	w := newWorldIn(t, db, tenantConfig())
	n := w.tenant.CountDerivations()
	w.signsIn("ann@example.com", password)
	known := n.Load()
	w.signsIn("nobody@example.com", password)
	if known != 1 || n.Load() != 2 {
		t.Errorf("%d derivations for a user, %d for nobody", known, n.Load()-known)
	}
	must(t, db.Read(t.Context(), func(tx *sql.Tx) error {
		var iterations, length int
		must(t, tx.QueryRow("SELECT iterations, length(hash) FROM auth0_user WHERE email = 'ann@example.com'").Scan(&iterations, &length))
		if iterations != 1000 || length != 32 {
			t.Errorf("the row has %d iterations and %d bytes", iterations, length)
		}
		return nil
	}))
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err == nil && bytes.Contains(b, []byte(password)) {
			t.Errorf("%s holds the password", f.Name())
		}
	}
}

// TestGuessesAtOnce: many guesses sent at once are no more than as many one after
// another.
func TestGuessesAtOnce(t *testing.T) {
	w := newWorld(t, tenantConfig())
	var looked atomic.Int64
	type form struct {
		b        *browser
		location string
		fields   url.Values
	}
	var forms []form
	for range 30 {
		b := w.browser()
		location := b.get("/authorize?" + w.query()).header.Get("Location")
		v := fields(b.get(location).body)
		v.Set("username", "ann@example.com")
		v.Set("password", "wrong")
		forms = append(forms, form{b, location, v})
	}
	var group sync.WaitGroup
	for _, f := range forms {
		group.Go(func() {
			if f.b.post(f.location, f.fields, "Origin", w.origin).status == 400 {
				looked.Add(1)
			}
		})
	}
	group.Wait()
	if looked.Load() != 10 {
		t.Errorf("%d guesses were looked at", looked.Load())
	}
}

// TestUsersOfTheFirstVersion: the state of the first version, which kept users' ids
// alone, goes on with the same ids.
func TestUsersOfTheFirstVersion(t *testing.T) {
	dir := t.TempDir()
	old, err := store.Open(t.Context(), dir, store.Options{Migrations: slices.Concat(oidc.Migrations(), auth0.Migrations()[:1])})
	must(t, err)
	must(t, old.DB().Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO auth0_user (tenant, email, id, updated) VALUES ('Auth0', 'ann@example.com', 'auth0|0123456789abcdef01234567', 1)")
		return err
	}))
	must(t, old.Close())
	w := newWorldIn(t, openDB(t, dir), tenantConfig())
	ann, err := w.tenant.FindUser(t.Context(), "ann@example.com")
	must(t, err)
	if ann.ID() != "auth0|0123456789abcdef01234567" || !w.signsIn("ann@example.com", password) {
		t.Errorf("ann is %v", ann)
	}
}
