package doorwright_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/verify"
)

// TestStageNamesAgree holds the two ways to name a stage together: what cannot be
// started has no outputs to be read either, and for the same reason.
func TestStageNamesAgree(t *testing.T) {
	dir := upstreamApp(t, "http://localhost:1", "")
	for name, good := range map[string]bool{
		"dev": true, "a": true, "pr-7": true, strings.Repeat("a", 32): true,
		"7": false, "-a": false, "a-": false, "Dev": false, "a_b": false, "../dev": false, strings.Repeat("a", 33): false, "dev\n": false,
	} {
		_, checked := doorwright.Check(dir, name)
		_, read := doorwright.ReadOutputs(dir, name)
		for what, err := range map[string]error{"Check": checked, "ReadOutputs": read} {
			if refused := err != nil && strings.Contains(err.Error(), "is not a stage name"); refused == good {
				t.Errorf("%s of stage %q: %v", what, name, err)
			}
		}
	}
}

// TestWhatIsDeclaredCanBeServed gives random texts to the declaration and, if
// it accepts them, to the rooms: `check` must not let pass what `start` then
// refuses without a position.
func TestWhatIsDeclaredCanBeServed(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	accepted := 0
	for i := range 4000 {
		// One of them at a time is random: all four together would hardly ever do.
		key, origin, source, scope := "GET /a", "https://a.example", "$request.header.X", "read"
		switch i % 4 {
		case 0:
			key = "GET /" + pick(random, "a", "B9", ".", "..", "...", "~", "{x}", "{x+}", "{y}", "{y.z+}", "{-}", "/", ":", "_", "", "a-b", "é", "%41", "{", "}")
		case 1:
			origin = pick(random, "https://", "http://", "*", "a.example", "A.Example", ":80", ":0", "/", "[::1]", "localhost")
		case 2:
			source = "$request." + pick(random, "header.", "querystring.", "Authorization", "x", "Host", "_", "!", "~", "-", " ")
		case 3:
			scope = pick(random, "read", ":", "/", "'", `"`, `\`, "é", " ", "https://x")
		}
		text := fmt.Sprintf(`name: app
userPools: {Users: {clients: {web: {}}}}
apis:
  Api:
    cors: {allowOrigins: [%q]}
    authorizers: {users: {type: user_pool, userPool: Users, identitySource: %q}}
    routes:
      %q: {url: "http://localhost:1", authorizer: users, scopes: [%q]}
`, origin, source, key, scope)
		if _, err := app.Parse("doorwright.yaml", []byte(text), app.Options{}); err != nil {
			continue
		}
		accepted++
		keys, err := verify.NewStaticKeySet(nil)
		if err != nil {
			t.Fatal(err)
		}
		z, err := authorizer.NewJWT(authorizer.JWTConfig{
			Name: "users", Kind: "user_pool", Issuer: "http://localhost", Audience: []string{"c"}, Keys: keys, IdentitySource: source,
		})
		if err != nil {
			t.Errorf("the declaration accepts the identity source %q; the authorizer: %v", source, err)
			continue
		}
		_, err = gateway.New(gateway.Config{
			ID: "api", DomainName: "localhost:1", CORS: &gateway.CORS{AllowOrigins: []string{origin}},
			Authorizers: map[string]gateway.Authorizer{"users": z},
			Routes:      []gateway.Route{{Key: key, Authorizer: "users", Scopes: []string{scope}, URL: "http://localhost:1"}},
		})
		if err != nil {
			t.Errorf("the declaration accepts route %q, origin %q, scope %q; the gateway: %v", key, origin, scope, err)
		}
	}
	if accepted < 400 {
		t.Errorf("%d of 4000 were accepted: the test tests too little", accepted)
	}
}

// pick joins a few of the parts.
func pick(random *rand.Rand, parts ...string) string {
	var b strings.Builder
	for range 1 + random.IntN(3) {
		b.WriteString(parts[random.IntN(len(parts))])
	}
	return b.String()
}

// TestDeclaredFunctionAuthorizersCanBeMade does the same for the identity sources
// and expressions of authorizers that are functions.
func TestDeclaredFunctionAuthorizersCanBeMade(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.mjs"), []byte("export const handler = async () => ({})\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, 0
	for range 3000 {
		protocol := []string{"http", "rest"}[random.IntN(2)]
		kind := []string{"request", "token"}[random.IntN(2)]
		source := pick(random, "$", "") + pick(random, "method.", "request.", "header.", "querystring.", "context.", "stageVariables.", "method.request.header.") + pick(random, "X", "stage", "path", "identity.sourceIp", ".", "-")
		if random.IntN(3) == 0 {
			source = pick(random, "$request.header.X", "method.request.header.X", "$context.stage", "context.stage", "stageVariables.a")
		}
		expression := ""
		if kind == "token" {
			expression = ", identityValidationExpression: '" + pick(random, "^Bearer ", "[a-z]*", "(", ")", "$", "(?=a)", "[", `\p{L}`) + "'"
		}
		ttl := []int{0, 60, 3600}[random.IntN(3)]
		text := fmt.Sprintf("name: app\napis: {Api: {protocol: %s, authorizers: {z: {type: lambda, function: f.handler, kind: %s%s, identitySource: [%q], resultTtlInSeconds: %d}}, routes: {GET /a: {function: f.handler, authorizer: z}}}}\n",
			protocol, kind, expression, source, ttl)
		a, err := app.Parse(filepath.Join(dir, "doorwright.yaml"), []byte(text), app.Options{})
		if err != nil {
			refused++
			continue
		}
		accepted++
		api, _ := a.APIs.Get("Api")
		z, _ := api.Authorizers.Get("z")
		format := authorizer.FormatV2
		if protocol == "rest" {
			format = map[string]authorizer.Format{"request": authorizer.FormatRequest, "token": authorizer.FormatToken}[kind]
		}
		if _, err := authorizer.NewLambda(authorizer.LambdaConfig{
			Name: "z", Function: "f", Format: format, Invoker: noInvoker{}, IdentitySources: z.IdentitySource,
			ValidationExpression: z.IdentityValidationExpression, TTL: time.Duration(z.ResultTTLInSeconds) * time.Second,
		}); err != nil {
			t.Errorf("the declaration accepts\n%s\nthe authorizer: %v", text, err)
		}
	}
	if accepted < 150 || refused < 150 {
		t.Errorf("%d were accepted and %d refused: the test tests too little", accepted, refused)
	}
}

type noInvoker struct{}

func (noInvoker) Invoke(context.Context, string, []byte) ([]byte, string, error) { return nil, "", nil }

// TestDeclaredRedirectsCanBeServed does the same for the addresses of a client that
// browsers are sent to. The declaration's grammar is the stricter one.
func TestDeclaredRedirectsCanBeServed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	var accepted, refused int
	for range 4000 {
		schemes := []string{"https://", "http://", "http://localhost", "my.app://", "HTTP://", "https:", "app:", "JavaScript:", "javascript://", "file://", "//", ""}
		raw := schemes[random.IntN(len(schemes))] +
			pick(random, "localhost", "LOCALHOST", "a.example", "127.0.0.1", "u@", ":80", "[::1]", "") +
			[]string{"", "/", "/cb?a=b&c", "/%41*"}[random.IntN(4)]
		if random.IntN(4) == 0 {
			raw += pick(random, "#", "#f", "%zz", "{}", " ", "é", "\x00", "@", "\\", "[")
		}
		_, err := app.Parse("doorwright.yaml", []byte(fmt.Sprintf(`name: app
userPools: {Users: {domain: rides, clients: {web: {oauthFlows: [code], oauthScopes: [openid], callbackUrls: [%q]}}}}
`, raw)), app.Options{})
		_, served := cognito.New(cognito.Config{Pools: []cognito.PoolConfig{{Name: "Users", Clients: []cognito.ClientConfig{{
			Name: "web", AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthFlows: []string{"code"}, AllowedOAuthScopes: []string{"openid"}, CallbackURLs: []string{raw},
		}}}}})
		if served == nil {
			t.Fatal("a service without a store")
		}
		bad := strings.Contains(served.Error(), "web")
		switch {
		case err == nil && bad:
			t.Errorf("the declaration accepts %q; the user pool: %v", raw, served)
		case err == nil:
			accepted++
		default:
			refused++
		}
	}
	if accepted < 100 || refused < 100 {
		t.Errorf("%d were accepted and %d refused: the test tests too little", accepted, refused)
	}
}
