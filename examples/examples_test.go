package examples_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/doorwrighttest"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
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
	needs(t, "node")
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

// TestWalkThroughLambdaAuthorizer runs the Account API, as the walk-through writes
// it in JavaScript and in Go, against an issuer of this test: what its readers type
// and what they are to see.
func TestWalkThroughLambdaAuthorizer(t *testing.T) {
	issuer := verifytest.NewIssuer(verify.RS256)
	defer issuer.Close()
	t.Setenv("TOKEN_ISSUER", issuer.URL())
	t.Setenv("JWKS_URI", issuer.JWKSURL())
	const audience = "https://api.danillouz.dev/account"
	token := func(c verifytest.Claims) string {
		c["sub"] = "FHgLVARPk8oXjsP5utP8wYAnZePPAkw1@clients"
		if c["aud"] == nil {
			c["aud"] = audience
		}
		return issuer.Token(c)
	}
	for _, example := range []string{"account-api", "account-api-go"} {
		t.Run(example, func(t *testing.T) {
			if example == "account-api" {
				needsModules(t, example)
			}
			app := doorwrighttest.Start(t, example)
			if url := app.Output(t, "ApiEndpoint"); !strings.HasSuffix(url, "/dev") {
				t.Errorf("the API's URL %s is without its stage", url)
			}
			good := token(verifytest.Claims{"scope": "openid get:profile"})
			for _, c := range []struct{ name, token, want string }{
				{"the test token", good, `200 {"name":"Daniël"}`},
				{"no token", "", `401 {"message":"Unauthorized"}`},
				{"without the scope", token(verifytest.Claims{}), `403 {"message":"Error: Forbidden","info":"scope \"get:profile\" is required"}`},
				{"of another scope", token(verifytest.Claims{"scope": "get:profiles"}), `403 {"message":"Error: Forbidden","info":"scope \"get:profile\" is required"}`},
				{"a forged one", forge(good), `401 {"message":"Unauthorized"}`},
				{"for another API", token(verifytest.Claims{"aud": "https://other.example"}), `401 {"message":"Unauthorized"}`},
				{"of another issuer", token(verifytest.Claims{"iss": "https://other.example/"}), `401 {"message":"Unauthorized"}`},
				{"an expired one", token(verifytest.Claims{"exp": 1}), `401 {"message":"Unauthorized"}`},
				{"what is no token", "a b", `401 {"message":"Unauthorized"}`},
				{"the test token again", good, `200 {"name":"Daniël"}`},
			} {
				got := app.Get(t, "Account", "/profile", c.token)
				if got.String() != c.want {
					t.Errorf("%s is answered %s; want %s", c.name, got, c.want)
				}
				if cors := got.Header.Get("Access-Control-Allow-Origin"); got.Status == 401 && cors != "*" {
					t.Errorf("%s: the gateway's own answer has the CORS header %q", c.name, cors)
				}
			}
			doorwrighttest.Matrix(t, app, filepath.Join("testdata", "who-may-call", "account-api.txt"), doorwrighttest.MatrixOptions{Callers: []doorwrighttest.Caller{
				bearer("reader", "has the scope get:profile", good), bearer("other", "has another scope", token(verifytest.Claims{"scope": "get:profiles"})),
			}})
			for _, e := range app.Events() {
				if strings.Contains(e.Text, good) {
					t.Errorf("the token is shown: %s", e.Text)
				}
			}
		})
	}
}

// bearer is a caller with a token.
func bearer(name, about, token string) doorwrighttest.Caller {
	return doorwrighttest.Caller{Name: name, About: about, Send: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }}
}

// needs skips a test without a program that has to be there for it.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		skip(t, program+" is not on the PATH")
	}
}

// needsModules skips the test of an example whose packages have to be installed.
func needsModules(t *testing.T, example string) {
	t.Helper()
	needs(t, "node")
	if _, err := os.Stat(filepath.Join(example, "node_modules")); err != nil {
		skip(t, "the modules of "+example+" are not installed: run npm ci in examples/"+example)
	}
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}
