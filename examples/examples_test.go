package examples_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/doorwrighttest"
)

// TestQuickstart runs the main job inside go test: an open route, a guarded
// one, and time.
func TestQuickstart(t *testing.T) {
	app := doorwrighttest.Start(t, "quickstart")
	rider := app.Token(t, doorwrighttest.User{Name: "rider@example.com"})

	for _, c := range []struct{ name, path, token, want string }{
		{"a stranger at the open door", "/public", "", "200 Hello stranger!"},
		{"a stranger at the guarded one", "/private", "", `401 {"message":"Unauthorized"}`},
		{"a user by ID token", "/private", rider.ID, "200 Hello rider@example.com!"},
		{"a forged signature", "/private", forge(rider.ID), `401 {"message":"Unauthorized"}`},
		{"a refresh token", "/private", rider.Refresh, `401 {"message":"Unauthorized"}`},
		{"a route that is not there", "/nowhere", rider.ID, `404 {"message":"Not Found"}`},
	} {
		if got := app.Get(t, "Api", c.path, c.token).String(); got != c.want {
			t.Errorf("%s is answered %s; want %s", c.name, got, c.want)
		}
	}

	app.Clock.Advance(61 * time.Minute)
	if got := app.Get(t, "Api", "/private", rider.ID); got.Status != 401 {
		t.Errorf("an hour later the user is answered %s", got)
	}
	if last := lastRequest(t, app); !strings.Contains(last, "401 GET /private  users: token expired 1m ago (exp ") {
		t.Errorf("the log says %q of the expired token", last)
	}
}

// TestWalkThroughUserPoolJWT runs the TypeScript example. The walk-through
// itself, typed with the AWS CLI, is in the integration module.
func TestWalkThroughUserPoolJWT(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is required and is not on the PATH")
		}
		t.Skip("node is not on the PATH")
	}
	app := doorwrighttest.Start(t, "api-auth-jwt-cognito-user-pool")
	admin := app.Token(t, doorwrighttest.User{Name: "admin@example.com"})
	for _, c := range []struct{ path, token, want string }{
		{"/public", "", "200 Hello stranger!"},
		{"/private", "", `401 {"message":"Unauthorized"}`},
		{"/private", admin.ID, "200 Hello user!"},
		{"/private", admin.Access, "200 Hello user!"}, // by client_id: no aud
	} {
		if got := app.Get(t, "Api", c.path, c.token).String(); got != c.want {
			t.Errorf("GET %s is answered %s; want %s", c.path, got, c.want)
		}
	}
}

// TestTokensDoNotCrossApps gives one app's token to another, with a pool and a
// client of the same names.
func TestTokensDoNotCrossApps(t *testing.T) {
	here, there := doorwrighttest.Start(t, "quickstart"), doorwrighttest.Start(t, "quickstart")
	user := doorwrighttest.User{Name: "rider@example.com"}
	token := here.Token(t, user).ID
	if got := here.Get(t, "Api", "/private", token); got.Status != 200 {
		t.Errorf("at home the token is answered %s", got)
	}
	if got := there.Get(t, "Api", "/private", token); got.Status != 401 {
		t.Errorf("abroad the token is answered %s", got)
	}
}

// forge changes five characters of a token's signature.
func forge(token string) string { return token[:len(token)-5] + "AAAAA" }

func lastRequest(t *testing.T, app *doorwrighttest.App) string {
	t.Helper()
	events := app.Events()
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == doorwright.KindRequest {
			return events[i].Text
		}
	}
	t.Fatal("no request was logged")
	return ""
}
