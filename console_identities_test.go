package doorwright_test

import (
	"testing"

	"github.com/doorwright/doorwright"
)

// TestConsoleIdentities: who has an identity, by which logins, with which role, and how
// it is deleted.
func TestConsoleIdentities(t *testing.T) {
	r := run(t, doorwright.Config{Dir: declare(t, identityApp), AnyPort: true, Console: doorwright.NewConsole()})
	v := visit(t, r)
	status, page := v.read("/identities")
	v.hasAll("no identities", 200, status, page, "Nobody yet", r.output("Id"), "/identities/Other", "Guests get an identity, too.")
	rider, err := r.Token(t.Context(), doorwright.TokenRequest{Pool: "Users", Client: "web", User: "rider@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	login := map[string]any{r.output("Provider"): rider.ID}
	guest, _ := identityKeys(t, r, r.output("Id"), map[string]any{})
	known, _ := identityKeys(t, r, r.output("Id"), login)
	status, page = v.read("/identities/Auth")
	v.hasAll("the identities", 200, status, page, guest, "a guest", "unauthenticated", known, "user pool Users", "cognito:preferred_role of the token", "otherwise: authenticated", "Auth-authenticated")
	status, page = v.read("/identities/Other")
	v.hasAll("another pool", 200, status, page, "Nobody yet", "Guests are refused.", "!"+guest)
	status, page = v.fill("/identities/Other", "id", guest)
	v.hasAll("another pool's", 200, status, page, "no such identity")
	status, page = v.fill("/identities/Auth", "id", guest)
	v.hasAll("deletion", 200, status, page, "Deleted "+guest+".", known)
	if status, out := identityCall(t, r, "GetCredentialsForIdentity", map[string]any{"IdentityId": guest}, nil); status != 400 || out["__type"] != "ResourceNotFoundException" {
		t.Errorf("an identity that was deleted: %d %v", status, out)
	}
	if status, _ := v.read("/identities/Nobody"); status != 404 {
		t.Errorf("a pool that there is not: %d", status)
	}
}
