package doorwright_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/sigv4"
)

// The lines of SECURITY.md, each held by a test. Those of a single room are in
// the room; those that need the whole app are here.

// TestSecurityNamesItsTests keeps SECURITY.md true, and the table of CONTRIBUTING.md of
// what CloudFormation does: every line of the tables names a test, and every test that is
// named is there.
func TestSecurityNamesItsTests(t *testing.T) {
	contributing, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(contributing), "\n## What CloudFormation does to people\n")
	cloudformation, _, _ := strings.Cut(after, "\n## ")
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	holdTables(t, "SECURITY.md", string(text), 40)
	holdTables(t, "CONTRIBUTING.md", cloudformation, 30)
}

// holdTables wants at least so many tests named in the tables of a text, all of which are
// there, and each line to name one.
func holdTables(t *testing.T, file, text string, least int) {
	t.Helper()
	have := map[string]bool{}
	for file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				have[fn.Name.Name] = true
			}
		}
	}
	name := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	named := 0
	for _, n := range name.FindAllString(text, -1) {
		named++
		if !have[n] {
			t.Errorf("%s names %s, which is no test", file, n)
		}
	}
	if named < least {
		t.Errorf("%s names %d tests", file, named)
	}
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what ") || strings.HasPrefix(line, "| who ") {
			continue
		}
		if !name.MatchString(line) && !strings.Contains(line, "not defended") {
			t.Errorf("%s has a line without a test: %s", file, line)
		}
	}
}

// rawCall sends bytes to an address and reads one response. An address that
// cannot be reached gives nil.
func rawCall(t *testing.T, address, text string) *http.Response {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil
	}
	return rawAnswer(t, conn, text)
}

// rawCallTLS is rawCall of an origin that is served by https.
func rawCallTLS(t *testing.T, address, text string) *http.Response {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil
	}
	return rawAnswer(t, tls.Client(conn, &tls.Config{InsecureSkipVerify: true}), text)
}

func rawAnswer(t *testing.T, conn net.Conn, text string) *http.Response {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, text)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the response to %.200q: %v", text, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the response to %.200q: %v", text, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// TestForeignHostOnEveryListener is DNS rebinding, in all spellings of a host and
// on IPv4 and IPv6 of each listener. That of a function's Runtime API is held by
// TestRuntimeAPI.
func TestForeignHostOnEveryListener(t *testing.T) {
	upstream := hello(t).URL
	dir := declare(t, fmt.Sprintf(`name: app
userPools: {Users: {domain: rides, clients: {web: {oauthFlows: [code], oauthScopes: [openid], callbackUrls: ["http://localhost:3000/"]}}}}
tenants: {Auth0: {apis: {Api: {identifier: "https://api.example"}}}}
apis:
  Api: {cors: true, routes: {GET /open: {url: %q}}}
  Rest: {protocol: rest, cors: true, routes: {GET /open: {function: open.handler, requestParameters: [method.request.querystring.q]}}}
outputs: {Url: "${apis.Api.url}", Rest: "${apis.Rest.url}", Domain: "${userPools.Users.domain}", Pool: "${userPools.Users.id}", Tenant: "${tenants.Auth0.url}"}
`, upstream))
	if err := os.WriteFile(filepath.Join(dir, "open.mjs"), []byte("export const handler = async () => ({statusCode: 200, body: 'hello'})\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true, Console: doorwright.NewConsole()})
	link, _ := r.ConsoleLink()
	link, _, _ = strings.Cut(link, "/open/")
	api, endpoint, domain := port(r.output("Url")), port(r.Environment().Endpoint), port(r.output("Domain"))
	rest := port(strings.TrimSuffix(r.output("Rest"), "/dev"))
	for p, listener := range map[string]struct {
		target, other string
		status        int // under its own name: what a request without a parameter or a token gets
		rawCall       func(t *testing.T, address, text string) *http.Response
	}{
		api:      {"/open", endpoint, 200, rawCall},
		endpoint: {"/" + r.output("Pool") + "/.well-known/jwks.json", api, 200, rawCall},
		rest:     {"/dev/open", api, 400, rawCall},
		domain:   {"/oauth2/userInfo", endpoint, 400, rawCallTLS},

		port(r.output("Tenant")): {"/.well-known/jwks.json", api, 200, rawCall},
		port(link):               {"/assets/console.css", api, 200, rawCall},
	} {
		target, other, rawCall := listener.target, listener.other, listener.rawCall
		for _, address := range []string{"127.0.0.1:" + p, "[::1]:" + p} {
			for _, own := range []string{"localhost:" + p, "LOCALHOST:" + p, "127.0.0.1:" + p, "[::1]:" + p} {
				response := rawCall(t, address, "GET "+target+" HTTP/1.1\r\nHost: "+own+"\r\nConnection: close\r\n\r\n")
				if response == nil {
					t.Logf("%s cannot be reached here", address)
				} else if response.StatusCode != listener.status {
					t.Errorf("%s under its own name %s is answered %d", address, own, response.StatusCode)
				}
			}
			requests := map[string]string{
				"HTTP/1.0 without a host": "GET " + target + " HTTP/1.0\r\n\r\n",
				"absolute form":           "GET http://attacker.example" + target + " HTTP/1.1\r\nHost: localhost:" + p + "\r\nConnection: close\r\n\r\n",
				"X-Forwarded-Host":        "GET " + target + " HTTP/1.1\r\nHost: attacker.example\r\nX-Forwarded-Host: localhost:" + p + "\r\nForwarded: host=\"localhost:" + p + "\"\r\nConnection: close\r\n\r\n",
				"preflight":               "OPTIONS " + target + " HTTP/1.1\r\nHost: attacker.example\r\nOrigin: http://attacker.example\r\nAccess-Control-Request-Method: GET\r\nConnection: close\r\n\r\n",
			}
			for _, host := range []string{
				"", "attacker.example", "attacker.example:" + p, "localhost", "127.0.0.1", "[::1]", "localhost:" + other, "localhost.:" + p, "localhost.attacker.example:" + p, "x.localhost:" + p,
				"127.0.0.1.nip.io:" + p, "127.1:" + p, "2130706433:" + p, "0.0.0.0:" + p, "[::]:" + p, "[::ffff:127.0.0.1]:" + p, "[0:0:0:0:0:0:0:1]:" + p, "127.0.0.2:" + p, "localhost:0" + p, "localhost:" + p + "0",
			} {
				requests["Host: "+host] = "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
			}
			for name, text := range requests {
				response := rawCall(t, address, text)
				if response == nil {
					break
				}
				body, _ := io.ReadAll(response.Body)
				if response.StatusCode != http.StatusMisdirectedRequest || strings.Contains(string(body), "hello") || strings.Contains(string(body), "keys") || response.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s, %s: %d %v %s", address, name, response.StatusCode, response.Header, body)
				}
			}
			if response := rawCall(t, address, "GET "+target+" HTTP/1.1\r\nHost: localhost:"+p+"\r\nHost: attacker.example\r\nConnection: close\r\n\r\n"); response != nil && response.StatusCode != 400 {
				t.Errorf("%s with two hosts is answered %d", address, response.StatusCode)
			}
		}
	}
}

func port(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }

// idp calls an operation of user pools, with headers of a test's choice.
func idp(t *testing.T, r *running, operation string, in map[string]any, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	return idpRaw(t, r, operation, in, nil, header...)
}

// asRoot signs the call with the stage's root keys.
func asRoot(t *testing.T, r *running, operation string, in map[string]any) (int, map[string]any) {
	t.Helper()
	e := r.Environment()
	status, out, _ := idpRaw(t, r, operation, in, &sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey})
	return status, out
}

func idpRaw(t *testing.T, r *running, operation string, in map[string]any, keys *sigv4.Credentials, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Environment().Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if operation != "" {
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if keys != nil {
		sigv4.Sign(req, body, *keys, "cognito-idp", r.Environment().Region, time.Now())
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{}
	json.NewDecoder(resp.Body).Decode(&out) // an operation without output answers nothing
	return resp.StatusCode, out, resp.Header
}

// usersOf lists the pool's users, as root.
func usersOf(t *testing.T, r *running) int {
	t.Helper()
	status, out := asRoot(t, r, "ListUsers", map[string]any{"UserPoolId": r.output("Pool")})
	if status != 200 {
		t.Fatalf("ListUsers is answered %d %v", status, out)
	}
	return len(out["Users"].([]any))
}

// TestPagesCannotSign sends what a web page of another origin can: without a
// preflight a simple request, and with one, which AWS's endpoints grant to any
// origin, whatever it likes but a signature. No signed operation is performed, and
// there is no cookie to ride on. Operations that AWS leaves unsigned are open to
// pages, here as there.
func TestPagesCannotSign(t *testing.T) {
	r := run(t, doorwright.Config{Dir: signUpApp(t, hello(t).URL), AnyPort: true})
	create := map[string]any{"UserPoolId": r.output("Pool"), "Username": "evil@example.com", "TemporaryPassword": "Passw0rd!"}
	body, _ := json.Marshal(create)
	const target = "AWSCognitoIdentityProviderService.AdminCreateUser"
	page := func(query, contentType string, body []byte) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, r.Environment().Endpoint+"/"+query, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://attacker.example")
		req.Header.Set("Content-Type", contentType)
		// STS has the forms: "IncompleteSignature" and so on.
		refusal := regexp.MustCompile(`UnknownOperationException|<Code>(MalformedQueryString|MissingAuthenticationToken|IncompleteSignature)</Code>`)
		if status, text := ask(t, req); status < 400 || status > 404 || !refusal.MatchString(text) {
			t.Errorf("a page's POST of %s to %q is answered %d %s", contentType, query, status, text)
		}
	}
	for _, contentType := range []string{"text/plain", "text/plain;application/x-amz-json-1.1", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		page("", contentType, body)
		page("?X-Amz-Target="+target, contentType, body)
		page("?Action=AdminCreateUser&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=x", contentType, body)
		page("", contentType, []byte("X-Amz-Target="+target+"&"+string(body)))
		page("", contentType, []byte("--x\r\nX-Amz-Target: "+target+"\r\nContent-Type: application/x-amz-json-1.1\r\n\r\n"+string(body)+"\r\n--x--\r\n"))
	}
	keys := r.Environment().AccessKeyID
	today := time.Now().UTC().Format("20060102")
	for name, header := range map[string][]string{
		"no signature": {},
		"no secret":    {"Authorization", "AWS4-HMAC-SHA256 Credential=" + keys + "/" + today + "/us-east-1/cognito-idp/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64), "X-Amz-Date", today + "T000000Z"},
		"bearer":       {"Authorization", "Bearer x"},
		"basic":        {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(keys+":"))},
		"cookie":       {"Cookie", "session=1; aws=1"},
	} {
		status, out, h := idp(t, r, "AdminCreateUser", create, append(header, "Origin", "https://attacker.example", "Sec-Fetch-Site", "cross-site")...)
		if status != 400 || out["__type"] == nil {
			t.Errorf("a page with %s is answered %d %v", name, status, out)
		}
		if h.Get("Set-Cookie") != "" {
			t.Errorf("the endpoint sets a cookie: %s", h.Get("Set-Cookie"))
		}
	}
	// The default keys of other tools and documents open nothing.
	for _, c := range []sigv4.Credentials{{AccessKeyID: "test", SecretAccessKey: "test"}, {AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, {AccessKeyID: keys, SecretAccessKey: "test"}, {AccessKeyID: keys}} {
		if status, out, _ := idpRaw(t, r, "AdminCreateUser", create, &c); status != 400 {
			t.Errorf("the keys %+v are answered %d %v", c, status, out)
		}
	}
	if n := usersOf(t, r); n != 0 {
		t.Errorf("there are %d users", n)
	}
	status, out, h := idp(t, r, "SignUp", map[string]any{"ClientId": r.output("Client"), "Username": "a@example.com", "Password": "Passw0rd!"}, "Origin", "https://attacker.example")
	if status != 200 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("an unsigned operation from a page is answered %d %v %v", status, out, h)
	}
	if n := usersOf(t, r); n != 1 {
		t.Errorf("there are %d users", n)
	}
}

// signUpApp is upstreamApp with a pool in which users sign themselves up.
func signUpApp(t *testing.T, upstream string) string {
	t.Helper()
	return declare(t, fmt.Sprintf(`name: app
userPools:
  Users: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}, other: {authFlows: [userPassword]}}}
apis:
  Api:
    authorizers:
      users: {type: user_pool, userPool: Users, clients: [web]}
      query: {type: user_pool, userPool: Users, clients: [web], identitySource: [$request.querystring.id]}
    defaults: {authorizer: users}
    routes:
      GET /private: {url: %[1]q}
      GET /scoped: {url: %[1]q, scopes: [notes/read]}
      GET /query: {url: %[1]q, authorizer: query}
      GET /open: {url: %[1]q, authorizer: none}
outputs: {Url: "${apis.Api.url}", Pool: "${userPools.Users.id}", Client: "${userPools.Users.clients.web.id}", Issuer: "${userPools.Users.issuer}"}
`, upstream))
}

// TestAttacksOnUserPoolTokens holds the attacks that can be made without the
// pool's private key against a whole app. Those with one are TestAttackList.
func TestAttacksOnUserPoolTokens(t *testing.T) {
	var reached atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached.Add(1) }))
	defer upstream.Close()
	canary := listen(t)
	r := run(t, doorwright.Config{Dir: signUpApp(t, upstream.URL), AnyPort: true})
	another := run(t, doorwright.Config{Dir: signUpApp(t, upstream.URL), AnyPort: true})
	tokens, err := r.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com", Client: "web"})
	if err != nil {
		t.Fatal(err)
	}
	otherClient, err := r.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com", Client: "other"})
	if err != nil {
		t.Fatal(err)
	}
	otherPool, err := another.Token(t.Context(), doorwright.TokenRequest{User: "a@example.com", Client: "web"})
	if err != nil {
		t.Fatal(err)
	}
	private := func(path, token string) (int, string, http.Header) {
		req := get(t, r.output("Url")+path)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b), resp.Header
	}
	for _, good := range []string{tokens.ID, tokens.Access} {
		if status, body, _ := private("/private", good); status != 200 {
			t.Fatalf("a good token is answered %d %s", status, body)
		}
	}
	public, kid := poolKey(t, r, tokens.ID)
	part := strings.Split(tokens.ID, ".")
	attacker, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	forge := func(header map[string]any, payload string) string {
		text, _ := json.Marshal(header)
		input := enc(text) + "." + payload
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, attacker, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + enc(signature)
	}
	mac := func(secret []byte) string {
		input := enc([]byte(`{"alg":"HS256","kid":"`+kid+`"}`)) + "." + part[1]
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(input))
		return input + "." + enc(m.Sum(nil))
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	canaryURL := "http://" + canary.address
	jwk := map[string]any{"kty": "RSA", "kid": kid, "n": enc(attacker.N.Bytes()), "e": "AQAB"}
	attacks := map[string]string{
		"none":                        enc([]byte(`{"alg":"none","kid":"`+kid+`"}`)) + "." + part[1] + ".",
		"None with signature":         enc([]byte(`{"alg":"None","kid":"`+kid+`"}`)) + "." + part[1] + "." + part[2],
		"HMAC with PEM":               mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"HMAC with DER":               mac(der),
		"HMAC with modulus":           mac(public.N.Bytes()),
		"HMAC with nothing":           mac(nil),
		"another key":                 forge(map[string]any{"alg": "RS256", "kid": kid}, part[1]),
		"jwk":                         forge(map[string]any{"alg": "RS256", "kid": kid, "jwk": jwk}, part[1]),
		"jku":                         forge(map[string]any{"alg": "RS256", "kid": "mine", "jku": canaryURL}, part[1]),
		"x5u":                         forge(map[string]any{"alg": "RS256", "kid": "mine", "x5u": canaryURL, "x5c": []string{enc(der)}}, part[1]),
		"iss elsewhere":               forge(map[string]any{"alg": "RS256", "kid": kid}, enc([]byte(`{"iss":"`+canaryURL+`","aud":"`+r.output("Client")+`","exp":9999999999}`))),
		"crit":                        forge(map[string]any{"alg": "RS256", "kid": kid, "crit": []string{"b64"}, "b64": false}, part[1]),
		"no signature":                part[0] + "." + part[1] + ".",
		"half a signature":            part[0] + "." + part[1] + "." + part[2][:100],
		"signature of access":         part[0] + "." + part[1] + "." + strings.Split(tokens.Access, ".")[2],
		"two segments":                part[0] + "." + part[1],
		"refresh token":               tokens.Refresh,
		"another client's":            otherClient.ID,
		"another client's, by access": otherClient.Access,
		"another pool's":              otherPool.ID,
		"another pool's key":          otherPool.Access,
		"longer":                      tokens.ID + "A",
		"shorter":                     tokens.ID[:len(tokens.ID)-1],
	}
	before := reached.Load()
	for name, token := range attacks {
		status, body, header := private("/private", token)
		if status != 401 || body != `{"message":"Unauthorized"}` || header["Content-Type"] != nil || !strings.HasPrefix(header.Get("Www-Authenticate"), `Bearer scope="" error="invalid_token" error_description="`) {
			t.Errorf("%s is answered %d %s %v", name, status, body, header)
		}
	}
	for name, token := range map[string]string{"ID": tokens.ID, "access": tokens.Access} {
		status, body, header := private("/scoped", token)
		if want := `Bearer scope="notes/read" error="insufficient_scope" error_description="insufficient scope"`; status != 403 || body != `{"message":"Forbidden"}` || header.Get("Www-Authenticate") != want {
			t.Errorf("the %s token on a route with a scope is answered %d %s %v", name, status, body, header)
		}
	}
	if n := reached.Load() - before; n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	if n := canary.accepts.Load(); n != 0 {
		t.Errorf("%d connections went to an address that tokens name", n)
	}
}

// poolKey gives the public key that the pool publishes for a token.
func poolKey(t *testing.T, r *running, token string) (*rsa.PublicKey, string) {
	t.Helper()
	head, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	var set struct{ Keys []struct{ Kid, N string } }
	if err := json.Unmarshal(head, &h); err != nil {
		t.Fatal(err)
	}
	_, body := ask(t, get(t, r.output("Issuer")+"/.well-known/jwks.json"))
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if n, err := base64.RawURLEncoding.DecodeString(k.N); err == nil && k.Kid == h.Kid {
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, k.Kid
		}
	}
	t.Fatalf("the pool does not publish %s", h.Kid)
	return nil, ""
}

// A listener counts who comes and serves them by a function, if there is one.
type listener struct {
	address      string
	accepts      atomic.Int64
	open, widest atomic.Int64
}

func listen(t *testing.T, serve ...func(net.Conn)) *listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{address: ln.Addr().String()}
	var serving sync.WaitGroup
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	serving.Go(func() { // ends with the listener
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			l.accepts.Add(1)
			l.widest.Store(max(l.widest.Load(), l.open.Add(1)))
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			serving.Go(func() { // ends when the connection is closed, by the test's end at the latest
				defer l.open.Add(-1)
				defer conn.Close()
				for _, f := range serve {
					f(conn)
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return l
}

// TestStateIsPrivate looks at the mode of every folder and file of a stage that
// runs, has users and mail, and has built a function; and again when it has ended.
func TestStateIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := functionApp(t)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	signUp(t, r, "a@example.com", "Passw0rd!")
	if status, body := ask(t, get(t, r.output("Url")+"/env")); status != 200 {
		t.Fatalf("the function is answered %d %s", status, body)
	}
	check := func(when string) {
		t.Helper()
		files := 0
		err := filepath.WalkDir(filepath.Join(dir, ".doorwright"), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return nil // a file that a transaction has just removed
			}
			files++
			switch mode := info.Mode(); {
			case d.IsDir() && path == filepath.Join(dir, ".doorwright", "dev"), d.IsDir() && filepath.Dir(path) == filepath.Join(dir, ".doorwright", "dev"):
				if mode.Perm() != 0o700 {
					t.Errorf("%s: %s has the mode %v", when, path, mode)
				}
			case strings.HasPrefix(path, filepath.Join(dir, ".doorwright", "dev", "functions")):
				// Below a folder of 0700; programs are to be run, and some tools
				// choose a mode of their own.
			case d.IsDir() && mode.Perm() != 0o700, !d.IsDir() && mode.Perm() != 0o600:
				t.Errorf("%s: %s has the mode %v", when, path, mode)
			}
			return nil
		})
		if err != nil || files < 10 {
			t.Errorf("%s: saw %d files, %v", when, files, err)
		}
	}
	check("while it runs")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	check("after the run")
}

func signUp(t *testing.T, r *running, user, password string) {
	t.Helper()
	if status, out, _ := idp(t, r, "SignUp", map[string]any{"ClientId": r.output("Client"), "Username": user, "Password": password}); status != 200 {
		t.Fatalf("SignUp is answered %d %v", status, out)
	}
}

// function is a program that answers invocations by the path, without a library:
// what a hostile handler might.
const function = `package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"
	for {
		next, err := http.Get(base + "/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		var event struct{ RawPath string }
		json.NewDecoder(next.Body).Decode(&event)
		next.Body.Close()
		kind, reply := "response", any(nil)
		header := func(name, value string) any {
			return map[string]any{"statusCode": 200, "headers": map[string]string{name: value}, "body": "x"}
		}
		switch event.RawPath {
		case "/env", "/permitted":
			reply = os.Environ()
		case "/crlf":
			reply = header("X-A", "b\r\nSet-Cookie: injected=1\r\n\r\n<script>")
		case "/lf":
			reply = header("X-A", "b\nSet-Cookie: injected=1")
		case "/cr":
			reply = header("X-A", "b\rSet-Cookie: injected=1")
		case "/nul":
			reply = header("X-A", "b\x00Set-Cookie: injected=1")
		case "/name":
			reply = header("X-A: b\r\nSet-Cookie", "injected=1")
		case "/space":
			reply = header("Set-Cookie : injected=1; X", "b")
		case "/empty":
			reply = header("", "injected=1")
		case "/type":
			reply = header("Content-Type", "text/html\r\nSet-Cookie: injected=1")
		case "/cookie":
			reply = map[string]any{"statusCode": 200, "cookies": []string{"a=b\r\nX-Injected: injected"}}
		case "/framing":
			reply = map[string]any{"statusCode": 200, "headers": map[string]string{"Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "upgrade", "Upgrade": "x", "Trailer": "X-A", "Apigw-Requestid": "injected"}, "body": "whole"}
		case "/status":
			reply = map[string]any{"statusCode": 101, "headers": map[string]string{"Upgrade": "injected"}}
		case "/print":
			for _, w := range []io.Writer{os.Stdout, os.Stderr} {
				fmt.Fprint(w, "a\x1b[2J\x1b]0;owned\a\x1b[31mred\x1b[0m\b\b\r\u009b2J\u009d0;x\u009c\u202eb\x1bP+q\x1b\\\x00\x7f\n\x1b[201~\n")
			}
			reply = "printed"
		case "/error":
			kind, reply = "error", map[string]any{"errorMessage": "\x1b[2J\u009b2J\u202e\r\n200 GET /forged", "errorType": "\x1b]0;owned\a"}
		}
		text, err := json.Marshal(reply)
		if err != nil {
			log.Fatal(err)
		}
		if event.RawPath == "/raw" {
			text = []byte("\x1b[2J\u009b2J not JSON")
		}
		res, err := http.Post(base+"/invocation/"+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/"+kind, "application/json", bytes.NewReader(text))
		if err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
	}
}
`

// functionApp declares an app in which that function answers every path, and a
// user pool.
func functionApp(t *testing.T) string {
	t.Helper()
	dir := declare(t, `name: app
userPools:
  Users: {selfSignUp: true, signInAliases: [email], clients: {web: {authFlows: [userPassword]}}}
apis:
  Api:
    routes:
      GET /{proxy+}: {function: {handler: fn, timeout: 30s}, authorizer: none}
      GET /permitted: {function: {handler: fn, timeout: 30s}, authorizer: none, permissions: [{actions: ["cognito-idp:ListUsers"], resources: [Users]}]}
outputs: {Url: "${apis.Api.url}", Pool: "${userPools.Users.id}", Client: "${userPools.Users.clients.web.id}"}
`)
	for name, text := range map[string]string{"go.mod": "module example.com/hostile\n\ngo 1.26\n", "fn/main.go": function} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFunctionsDoNotSeeTheEnvironment starts an app from an environment full of
// secrets. A function of it has none of them; nor does it have the root keys.
func TestFunctionsDoNotSeeTheEnvironment(t *testing.T) {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"GITHUB_TOKEN", "NPM_TOKEN", "DATABASE_URL", "SSH_AUTH_SOCK", "LD_PRELOAD_CANARY", "HTTP_PROXY_CANARY", "NODE_OPTIONS", "PYTHONSTARTUP", "DOORWRIGHT_SECRET",
	} {
		t.Setenv(name, "canary-of-the-developer")
	}
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true})
	status, body := ask(t, get(t, r.output("Url")+"/env"))
	if status != 200 || !strings.Contains(body, "AWS_LAMBDA_FUNCTION_NAME=") {
		t.Fatalf("%d %s", status, body)
	}
	if strings.Contains(body, "canary-of-the-developer") {
		t.Errorf("the function sees the developer's environment: %s", body)
	}
	for name, secret := range map[string]string{"HOME": os.Getenv("HOME"), "the root keys": r.Environment().AccessKeyID, "the root's secret": r.Environment().SecretAccessKey} {
		if secret != "" && secret != "/" && strings.Contains(body, `"`+name+"="+secret+`"`) || strings.HasPrefix(name, "the root") && strings.Contains(body, secret) {
			t.Errorf("the function sees %s: %s", name, body)
		}
	}
	var env []string
	if err := json.Unmarshal([]byte(body), &env); err != nil {
		t.Fatal(err)
	}
	for _, e := range env {
		if name, value, _ := strings.Cut(e, "="); (name == "AWS_SHARED_CREDENTIALS_FILE" || name == "AWS_CONFIG_FILE") && value != os.DevNull {
			t.Errorf("%s", e)
		}
	}
	_, endpoint, _ := strings.Cut(r.Environment().Endpoint, "localhost:")
	for _, e := range []string{"AWS_ENDPOINT_URL=" + r.Environment().Endpoint, "AWS_ENDPOINT_URL_S3=http://127.0.0.1:" + endpoint} {
		if !slices.Contains(env, e) {
			t.Errorf("the function has no %s", e)
		}
	}
	keys := keysOf(env)
	// Its own keys say who it is, and allow nothing.
	status, out, _ := idpRaw(t, r, "ListUsers", map[string]any{"UserPoolId": r.output("Pool")}, &keys)
	if status != 400 || out["__type"] != "AccessDeniedException" {
		t.Errorf("a signed operation with a function's keys is answered %d %v", status, out)
	}
}

// keysOf gives the keys in the environment of a function.
func keysOf(env []string) sigv4.Credentials {
	keys := sigv4.Credentials{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case "AWS_ACCESS_KEY_ID":
			keys.AccessKeyID = value
		case "AWS_SECRET_ACCESS_KEY":
			keys.SecretAccessKey = value
		case "AWS_SESSION_TOKEN":
			keys.SessionToken = value
		}
	}
	return keys
}

// TestFunctionsMayWhatIsPermitted: a function's keys allow the statement that it has,
// for that pool, and not what is beside it. The other function of the same handler may
// nothing.
func TestFunctionsMayWhatIsPermitted(t *testing.T) {
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true})
	keys := map[string]sigv4.Credentials{}
	for _, path := range []string{"/env", "/permitted"} {
		var env []string
		status, body := ask(t, get(t, r.output("Url")+path))
		if err := json.Unmarshal([]byte(body), &env); status != 200 || err != nil {
			t.Fatalf("%s: %d %s (%v)", path, status, body, err)
		}
		keys[path] = keysOf(env)
	}
	for _, row := range []struct {
		path, operation string
		status          int
	}{{"/permitted", "ListUsers", 200}, {"/permitted", "ListGroups", 400}, {"/env", "ListUsers", 400}} {
		of := keys[row.path]
		status, out, _ := idpRaw(t, r, row.operation, map[string]any{"UserPoolId": r.output("Pool")}, &of)
		if status != row.status || (status == 400) != (out["__type"] == "AccessDeniedException") {
			t.Errorf("%s by the keys of %s is answered %d %v", row.operation, row.path, status, out)
		}
	}
	stolen := keys["/permitted"]
	stolen.SessionToken = keys["/env"].SessionToken
	if status, out, _ := idpRaw(t, r, "ListUsers", map[string]any{"UserPoolId": r.output("Pool")}, &stolen); status == 200 {
		t.Errorf("keys with the token of another function are answered %v", out)
	}
}

// TestFunctionsCannotSplitResponses reads the bytes that come of a reply with line
// breaks, and other framing, where a header should be.
func TestFunctionsCannotSplitResponses(t *testing.T) {
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true})
	address := "127.0.0.1:" + port(r.output("Url"))
	read := func(path string) string {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, address)
		b, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, path := range []string{"/crlf", "/lf", "/cr", "/nul", "/name", "/space", "/empty", "/type", "/cookie", "/status"} {
		got := read(path)
		if !strings.HasPrefix(got, "HTTP/1.1 500 ") || !strings.HasSuffix(got, "\r\n\r\n"+`{"message":"Internal Server Error"}`) || strings.Contains(strings.ToLower(got), "injected") || strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %q", path, got)
		}
	}
	got := read("/framing")
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	if body != "whole" || !strings.Contains(head, "\r\nContent-Length: 5\r\n") || strings.Contains(head, "Transfer-Encoding") || strings.Contains(head, "Upgrade") || strings.Contains(head, "Trailer") || strings.Contains(head, "injected") {
		t.Errorf("framing: %q", got)
	}
}

// obeyed finds in a text what a terminal would obey: all controls but tabs, the
// line breaks of a text of several lines, and colours.
func obeyed(text string) string {
	text = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(text, "")
	var found strings.Builder
	for _, c := range text {
		if c != '\t' && c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) {
			fmt.Fprintf(&found, "%+q", c)
		}
	}
	return found.String()
}

// harmless demands that no event so far has anything in it that a terminal obeys,
// and that no text from outside has begun a line of its own.
func (r *running) harmless(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		texts := []string{e.Text, e.Source, e.RequestID}
		if e.Request != nil {
			texts = append(append(texts, e.Request.Cause, e.Request.Method, e.Request.Path, e.Request.RouteKey), e.Request.Reasons...)
		}
		for _, text := range texts {
			if found := obeyed(text); found != "" {
				t.Errorf("the event %q has %s in it", text, found)
			}
			if e.Kind != doorwright.KindError && strings.Contains(text, "\n") {
				t.Errorf("the event %q has several lines", text)
			}
		}
	}
}

// TestNothingActsOnTheTerminal puts escape sequences where a client, a function
// and an upstream can: path, query, method, host, headers, user name, operation,
// output, error, status line.
func TestNothingActsOnTheTerminal(t *testing.T) {
	const escape = "\x1b[2J\x1b]0;owned\a\u009b2J\u202e"
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true})
	for _, path := range []string{"/print", "/error", "/raw", "/crlf", "/name", "/nul"} {
		ask(t, get(t, r.output("Url")+path))
	}
	for _, user := range []string{escape, "a" + escape + "@example.com", "a\r\n200 GET /forged@example.com", "a\u202e@example.com"} {
		idp(t, r, "SignUp", map[string]any{"ClientId": r.output("Client"), "Username": user, "Password": "Passw0rd!"})
		idp(t, r, "InitiateAuth", map[string]any{"ClientId": r.output("Client") + escape, "AuthFlow": "USER_PASSWORD_AUTH" + escape, "AuthParameters": map[string]string{"USERNAME": user, "PASSWORD": escape}})
		asRoot(t, r, "AdminCreateUser", map[string]any{"UserPoolId": r.output("Pool"), "Username": user})
	}
	endpoint := "127.0.0.1:" + port(r.Environment().Endpoint)
	rawCall(t, endpoint, "POST / HTTP/1.1\r\nHost: "+endpoint+"\r\nConnection: close\r\nX-Amz-Target: DynamoDB.\u009b2J\u202e\r\nContent-Length: 0\r\n\r\n")
	rawCall(t, endpoint, "POST / HTTP/1.1\r\nHost: "+endpoint+"\r\nConnection: close\r\nX-Amz-Target: AWSCognitoIdentityProviderService.\u009b2J\u202e\r\nContent-Length: 0\r\n\r\n")
	r.harmless(t)

	broken := listen(t, func(c net.Conn) {
		io.CopyN(io.Discard, c, 20)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n"+escape+"\r\n\r\n")
	})
	r = run(t, doorwright.Config{Dir: upstreamApp(t, "http://"+broken.address, ""), AnyPort: true})
	address := "127.0.0.1:" + port(r.output("Url"))
	for _, line := range []string{
		"GET /open", "GET /%1b%5b2J%c2%9b2J%e2%80%ae", "GET /\u009b2J\u202e", "GET /open?%1b[2J=%c2%9b&\u009b2J=\u202e", "GET /private?a=\u009b2J", "M-SEARCH /open", "GET /open?a=%0d%0a200%20GET%20/forged", strings.Repeat("M", 4000) + " /open",
	} {
		rawCall(t, address, line+" HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\nAuthorization: Bearer \u009b2J.\u202e.x\r\nUser-Agent: \u009b2J\r\n\r\n")
	}
	kid := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"` + "\u009b2J\u202e" + `\u001b[2J"}`))
	rawCall(t, address, "GET /private HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\nAuthorization: Bearer "+kid+".e30.AAAA\r\n\r\n")
	r.harmless(t)
	if got := r.text(doorwright.KindRequest); strings.Count(got, "\n") < 8 || strings.Contains(got, strings.Repeat("M", 100)) {
		t.Errorf("the requests are told as %.2000s", got)
	}
}

// TestSecretsStayOutOfEvents signs up, confirms, signs in, fails to, forgets,
// changes and refreshes; it sends tokens where they belong and where they do not.
// Of all that is secret nothing is in an event.
func TestSecretsStayOutOfEvents(t *testing.T) {
	r := run(t, doorwright.Config{Dir: signUpApp(t, hello(t).URL), AnyPort: true})
	secrets := exercise(t, r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var all strings.Builder
	for _, e := range r.events {
		code := e.Secret
		e.Secret = "" // is for a person's terminal, and says so
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n%+v\n", text, e)
		if e.Request != nil {
			fmt.Fprintf(&all, "%+v\n", *e.Request)
		}
		if code != "" {
			secrets["a code"] = code
		}
	}
	if len(r.events) < 20 {
		t.Errorf("only %d events", len(r.events))
	}
	leaks(t, all.String(), secrets)
}

// leaks demands that no secret is in a text, as it is, percent-encoded or in
// base64.
func leaks(t *testing.T, text string, secrets map[string]string) {
	t.Helper()
	for name, secret := range secrets {
		if len(secret) < 6 {
			t.Fatalf("the secret %s is %q", name, secret)
		}
		// The signature is the secret part of a token, and the end of it.
		pattern := regexp.QuoteMeta(secret)
		if len(secret) > 40 {
			pattern = regexp.QuoteMeta(secret[:24]) + "|" + regexp.QuoteMeta(secret[len(secret)-24:])
		} else if len(secret) == 6 {
			pattern = `\b` + pattern + `\b`
		}
		if at := regexp.MustCompile(pattern).FindStringIndex(text); at != nil {
			t.Errorf("%s is told: %s", name, text[max(0, at[0]-200):min(len(text), at[1]+20)])
		}
	}
}

// exercise uses an app as people do, and gives the secrets that were used.
func exercise(t *testing.T, r *running) map[string]string {
	t.Helper()
	e := r.Environment()
	secrets := map[string]string{
		"the root's secret": e.SecretAccessKey, "the password": "Pa55-first-" + rand.Text(), "a wrong password": "Wr0ng-" + rand.Text() + "a", "the new password": "Pa55-second-" + rand.Text(),
		"a password in a query": "Pa55-query-" + rand.Text(), "a temporary password": "Pa55-temporary-" + rand.Text(),
	}
	user, client := "a@example.com", r.output("Client")
	ok := func(status int, out map[string]any, _ http.Header) map[string]any {
		t.Helper()
		if status != 200 {
			t.Fatalf("%d %v", status, out)
		}
		return out
	}
	signIn := func(password string) (int, map[string]any, http.Header) {
		return idp(t, r, "InitiateAuth", map[string]any{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": user, "PASSWORD": password}})
	}
	ok(idp(t, r, "SignUp", map[string]any{"ClientId": client, "Username": user, "Password": secrets["the password"]}))
	code := mailed(t, r, 1)
	secrets["the code of the sign-up"] = code
	idp(t, r, "ConfirmSignUp", map[string]any{"ClientId": client, "Username": user, "ConfirmationCode": "wrong-" + rand.Text()})
	ok(idp(t, r, "ConfirmSignUp", map[string]any{"ClientId": client, "Username": user, "ConfirmationCode": code}))
	signIn(secrets["a wrong password"])
	tokens := ok(signIn(secrets["the password"]))["AuthenticationResult"].(map[string]any)
	text := func(name string) string { return tokens[name].(string) }
	for _, name := range []string{"IdToken", "AccessToken", "RefreshToken"} {
		secrets[name] = text(name)
	}
	ok(idp(t, r, "ChangePassword", map[string]any{"AccessToken": text("AccessToken"), "PreviousPassword": secrets["the password"], "ProposedPassword": secrets["the new password"]}))
	ok(idp(t, r, "GetUser", map[string]any{"AccessToken": text("AccessToken")}))
	idp(t, r, "GetUser", map[string]any{"AccessToken": text("AccessToken") + "x"})
	refreshed := ok(idp(t, r, "InitiateAuth", map[string]any{"ClientId": client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": map[string]string{"REFRESH_TOKEN": text("RefreshToken")}}))["AuthenticationResult"].(map[string]any)
	secrets["the refreshed ID token"] = refreshed["IdToken"].(string)
	idp(t, r, "InitiateAuth", map[string]any{"ClientId": client, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": map[string]string{"REFRESH_TOKEN": text("RefreshToken") + "x"}})
	ok(idp(t, r, "ForgotPassword", map[string]any{"ClientId": client, "Username": user}))
	secrets["the code of the reset"] = mailed(t, r, 2)
	idp(t, r, "ConfirmForgotPassword", map[string]any{"ClientId": client, "Username": user, "ConfirmationCode": secrets["the code of the reset"], "Password": "short"})
	if status, out := asRoot(t, r, "AdminCreateUser", map[string]any{"UserPoolId": r.output("Pool"), "Username": "b@example.com", "TemporaryPassword": secrets["a temporary password"]}); status != 200 {
		t.Fatalf("%d %v", status, out)
	}
	idp(t, r, "RevokeToken", map[string]any{"ClientId": client, "Token": text("RefreshToken")})
	idpRaw(t, r, "ListUsers", map[string]any{"UserPoolId": r.output("Pool")}, &sigv4.Credentials{AccessKeyID: e.AccessKeyID, SecretAccessKey: secrets["a wrong password"]})

	url, id := r.output("Url"), text("IdToken")
	for path, header := range map[string]string{
		"/private": id, "/private?x=1": "Bearer " + id, "/scoped": "Bearer " + text("AccessToken"), "/query?id=" + id: "", "/query?id=" + text("RefreshToken"): "", "/query?id=Bearer%20" + id[:len(id)-3]: "",
		"/open?" + id: "", "/open?a=" + id + "&b": "", "/open?a;b=" + id: "", "/open?%61=%65" + id[1:]: "", "/" + id: "", "/x/" + id + "/y": "", "/x;" + id: "", "/open?password=" + secrets["a password in a query"]: "",
		"/open?access_token=" + text("RefreshToken") + "&code=" + secrets["the code of the reset"] + "&X-Amz-Signature=" + secrets["a password in a query"]: "", "/private?y": "Basic " + base64.StdEncoding.EncodeToString([]byte("a:"+secrets["a wrong password"])),
		"/private?z": id + "x", "/private?q": secrets["a wrong password"],
	} {
		req := get(t, url+path)
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		ask(t, req)
	}
	return secrets
}

// mailed gives the n-th code that was sent. It is there when the operation that
// sent it has answered.
func mailed(t *testing.T, r *running, n int) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var codes []string
	for _, e := range r.events {
		if e.Kind == doorwright.KindCode {
			codes = append(codes, e.Secret)
		}
	}
	if len(codes) != n {
		t.Fatalf("there are %d codes, not %d", len(codes), n)
	}
	return codes[n-1]
}

// TestSecretsStayOutOfTheTerminal does so with the program itself, into a pipe, as
// a build machine keeps it: in lines and in JSON.
func TestSecretsStayOutOfTheTerminal(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build the program with")
	}
	program := filepath.Join(t.TempDir(), "doorwright.exe")
	if out, err := exec.Command(goTool, "build", "-o", program, "./cmd/doorwright").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	// It sends more than it says. net/http would log what is too much.
	const excess = "Pa55-of-an-upstream"
	upstream := listen(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"+excess)
	})
	for _, flags := range [][]string{nil, {"--json"}} {
		dir := signUpApp(t, "http://"+upstream.address)
		// The ports are the stage's own, so that they are known and free.
		r := runKept(t, doorwright.Config{Dir: dir})
		environment, outputs := r.Environment(), r.Outputs()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		var printed bytes.Buffer
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, program, append([]string{"start", dir}, flags...)...)
		ready, out := io.Pipe()
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&printed, out), io.MultiWriter(&printed, out)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { // ends with the program
			defer close(ended)
			cmd.Wait() // it was interrupted
			out.Close()
		}()
		lines := bufio.NewScanner(ready)
		for lines.Scan() && !strings.Contains(lines.Text(), "Status: deployed") && !strings.Contains(lines.Text(), `"kind":"ready"`) {
		}
		read := make(chan struct{})
		go func() { io.Copy(io.Discard, ready); close(read) }() // ends when the pipe is closed
		now, err := doorwright.ReadEnvironment(dir, "dev")
		if err != nil || now != environment {
			t.Fatalf("the program has another environment than the app before it: %v", err)
		}
		select {
		case <-ended:
			t.Fatalf("the program has ended:\n%s", printed.String())
		default:
		}
		codes := exerciseProgram(t, environment, outputs, dir)
		stop()
		<-ended
		<-read
		if n := strings.Count(printed.String(), "\n"); n < 12 {
			t.Fatalf("the program printed %d lines:\n%s", n, printed.String())
		}
		codes["what an upstream sends"] = excess
		leaks(t, printed.String(), codes)
		if found := obeyed(printed.String()); found != "" {
			t.Errorf("the program printed %s", found)
		}
	}
}

// exerciseProgram is exercise in short for a process elsewhere.
func exerciseProgram(t *testing.T, e doorwright.Environment, outputs []doorwright.Output, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, o := range outputs {
		out[o.Name] = o.Value
	}
	call := func(operation string, in map[string]any) map[string]any {
		t.Helper()
		body, _ := json.Marshal(in)
		req, err := http.NewRequest(http.MethodPost, e.Endpoint+"/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
		_, text := ask(t, req)
		answer := map[string]any{}
		json.Unmarshal([]byte(text), &answer)
		return answer
	}
	secrets := map[string]string{"the root's secret": e.SecretAccessKey, "the password": "Pa55-first-" + rand.Text(), "a wrong password": "Wr0ng-" + rand.Text() + "a"}
	call("SignUp", map[string]any{"ClientId": out["Client"], "Username": "a\u009b2J@example.com", "Password": secrets["the password"]})
	call("SignUp", map[string]any{"ClientId": out["Client"], "Username": "a@example.com", "Password": secrets["the password"]})
	files, err := filepath.Glob(filepath.Join(dir, ".doorwright", "dev", "mailbox", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the mailbox has %v, %v", files, err)
	}
	mail, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var message struct{ Code string }
	if err := json.Unmarshal(mail, &message); err != nil {
		t.Fatal(err)
	}
	secrets["the code"] = message.Code
	call("ConfirmSignUp", map[string]any{"ClientId": out["Client"], "Username": "a@example.com", "ConfirmationCode": message.Code})
	for _, password := range []string{secrets["a wrong password"], secrets["the password"]} {
		answer := call("InitiateAuth", map[string]any{"ClientId": out["Client"], "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": map[string]string{"USERNAME": "a@example.com", "PASSWORD": password}})
		if tokens, ok := answer["AuthenticationResult"].(map[string]any); ok {
			secrets["ID token"], secrets["refresh token"] = tokens["IdToken"].(string), tokens["RefreshToken"].(string)
		}
	}
	for _, path := range []string{"/private", "/query?id=" + secrets["ID token"], "/open?x=" + secrets["ID token"], "/open?%1b%5b2J=%c2%9b2J&token=" + secrets["refresh token"], "/query?id=" + secrets["ID token"] + "x"} {
		req := get(t, out["Url"]+path)
		req.Header.Set("Authorization", "Bearer "+secrets["ID token"])
		ask(t, req)
	}
	return secrets
}

// TestCookiesOfDomainsStay: what a browser has of the domains of user pools and of
// tenants, it sends to the API too, as all are localhost; upstreams and functions
// get only the cookies that would come to the API on AWS.
func TestCookiesOfDomainsStay(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Cookie")) }))
	t.Cleanup(upstream.Close)
	dir := declare(t, fmt.Sprintf(`name: app
userPools: {Users: {clients: {web: {}}}}
tenants: {Auth0: {apis: {Api: {identifier: "https://api.example"}}}}
apis:
  Api: {routes: {GET /url: {url: %q}, GET /function: f.handler}}
  Rest: {protocol: rest, routes: {GET /function: f.handler}}
outputs: {Api: "${apis.Api.url}", Rest: "${apis.Rest.url}", Pool: "${userPools.Users.id}"}
`, upstream.URL))
	if err := os.WriteFile(filepath.Join(dir, "f.mjs"), []byte("export const handler = async e => ({statusCode: 200, body: (e.cookies ?? [e.headers.Cookie]).join('; ')})\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	const kept = "mine=1; XSRF-TOKEN=2; XSRF-TOKEN-mine=3; cognito-session=4; cognito-us-east-1_short=5; auth0=6; auth0-auth0-=7; auth0-session=8; xcognito-us-east-1_AbCdEfGh1=9"
	cookies := kept + "; doorwright-console-4560-dev-app=secret"
	for _, tenant := range []string{r.output("Pool"), "eu-central-1_AbCdEfGh1", "auth0-Auth0", "auth0-OfAnotherStage"} {
		session := "cognito-"
		if strings.HasPrefix(tenant, "auth0-") {
			session = "auth0-"
		}
		for _, name := range []string{session, "XSRF-TOKEN-"} {
			cookies = name + tenant + "=secret; " + cookies + "; __Host-" + name + tenant + "=secret"
		}
	}
	for _, url := range []string{r.output("Api") + "/url", r.output("Api") + "/function", r.output("Rest") + "/function"} {
		request := get(t, url)
		request.Header.Set("Cookie", cookies)
		if status, body := ask(t, request); status != 200 || body != kept {
			t.Errorf("%s: %d %s", url, status, body)
		}
	}
}

// TestHostileUpstream: one that hangs, sends headers without end, lies about its
// length, speaks something else or never stops. Its callers get AWS's answer or a
// cut-off one, others are served meanwhile, and nothing of it stays.
func TestHostileUpstream(t *testing.T) {
	fine := hello(t)
	ok := "HTTP/1.1 200 OK\r\n"
	endless := func(head, part string) func(net.Conn) {
		return func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, head)
			for {
				if _, err := io.WriteString(c, strings.Repeat(part, 512)); err != nil {
					return
				}
			}
		}
	}
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, text)
		}
	}
	upstreams := []struct {
		name  string
		serve func(net.Conn)
		want  string // the whole answer: status and body; "cut" for one that is cut off
	}{
		{"hangs", func(c net.Conn) { io.Copy(io.Discard, c) }, `503 {"message":"Service Unavailable"}`},
		{"headers without end", endless(ok, "X-A: b\r\n"), `503 {"message":"Service Unavailable"}`},
		{"a header without end", endless(ok+"X-A: ", "bbbbbbbb"), `503 {"message":"Service Unavailable"}`},
		{"a status line without end", endless("HTTP/1.1 200 ", "OK"), `503 {"message":"Service Unavailable"}`},
		{"interim answers without end", endless("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), `503 {"message":"Service Unavailable"}`},
		{"a body without end", endless(ok+"\r\n", "bbbbbbbb"), "cut"},
		{"chunks without end", endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nb\r\n"), "cut"},
		{"a chunk's extension without end", endless(ok+"Transfer-Encoding: chunked\r\n\r\n1;", "x=y;"), "cut"},
		{"a shorter body than it says", say(ok + "Content-Length: 100\r\n\r\nhello"), "cut"},
		{"a longer body than it says", say(ok + "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"), "200 hello"},
		{"two lengths", say(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), `503 {"message":"Service Unavailable"}`},
		{"a negative length", say(ok + "Content-Length: -5\r\n\r\nhello"), `503 {"message":"Service Unavailable"}`},
		{"a length that is no number", say(ok + "Content-Length: 5 \x0b\r\n\r\nhello"), `503 {"message":"Service Unavailable"}`},
		{"a broken chunk", say(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), "cut"},
		{"nothing", func(net.Conn) {}, `503 {"message":"Service Unavailable"}`},
		{"another protocol", say("220 mail.example ESMTP\r\n"), `503 {"message":"Service Unavailable"}`},
		{"TLS", say("\x15\x03\x01\x00\x02\x02\x28"), `503 {"message":"Service Unavailable"}`},
		{"a folded header", say(ok + "X-A: b\r\n Set-Cookie: injected=1\r\nContent-Length: 5\r\n\r\nhello"), "200 hello"},
		{"a bare CR in a header", say(ok + "X-A: b\rSet-Cookie: injected=1\r\nContent-Length: 5\r\n\r\nhello"), "200 hello"},
		{"NUL in a header", say(ok + "X-A: b\x00injected\r\nContent-Length: 5\r\n\r\nhello"), "200 hello"},
		{"a space in a name", say(ok + "X A: injected\r\nContent-Length: 5\r\n\r\nhello"), "200 hello"},
		{"a switch of protocols", say("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"), `500 {"message":"Internal Server Error"}`},
		{"a status out of range", say("HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nhello"), `500 {"message":"Internal Server Error"}`},
	}
	var routes strings.Builder
	for i, u := range upstreams {
		fmt.Fprintf(&routes, "      GET /%d: {url: \"http://%s\", authorizer: none, timeout: 1s}\n", i, listen(t, u.serve).address)
	}
	dir := declare(t, fmt.Sprintf("name: app\napis:\n  Api:\n    routes:\n      GET /fine: {url: %q, authorizer: none}\n%soutputs: {Url: \"${apis.Api.url}\"}\n", fine.URL, routes.String()))
	before := goroutines()
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	var all sync.WaitGroup
	for i, u := range upstreams {
		all.Go(func() {
			for range 3 {
				conn, err := net.Dial("tcp", "127.0.0.1:"+port(r.output("Url")))
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(30 * time.Second))
				fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n", i, port(r.output("Url")))
				counted := &counter{r: conn}
				response, err := http.ReadResponse(bufio.NewReader(counted), nil)
				got := "cut"
				if err == nil {
					var body []byte
					if body, err = io.ReadAll(response.Body); err == nil {
						got = fmt.Sprintf("%d %s", response.StatusCode, body)
					}
				}
				// "X-A: b\rSet-Cookie: injected=1" may come as one value; what must
				// not come is a header that the upstream did not send as one.
				if u.want != got || response != nil && (response.Header.Get("Set-Cookie") != "" || strings.Contains(counted.head, "\nSet-Cookie") || strings.Contains(counted.head, "\rSet-Cookie") || strings.Contains(counted.head, "\x00")) {
					if !(u.want == "200 hello" && got == `503 {"message":"Service Unavailable"}`) { // refusing it all is as good
						t.Errorf("an upstream that sends %s: %.200q, want %q, after %.300q", u.name, got, u.want, counted.head)
					}
				}
				conn.Close()
				if status, body := ask(t, get(t, r.output("Url")+"/fine")); status != 200 || body != "hello" {
					t.Errorf("meanwhile another route is answered %d %s", status, body)
				}
			}
		})
	}
	all.Wait()
	r.harmless(t)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if left := leftOver(before); left != "" && !strings.Contains(left, "threat_test.go") {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// A counter remembers the head of what it read.
type counter struct {
	r    io.Reader
	head string
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if len(c.head) < 2048 {
		c.head += string(p[:min(n, 2048)])
	}
	return n, err
}

// TestHungIssuerIsBounded: two hundred callers at once bring tokens of an issuer
// that takes connections and says nothing. One connection is open to it, and when
// the callers have their 401 nothing is left.
func TestHungIssuerIsBounded(t *testing.T) {
	issuer := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	dir := declare(t, fmt.Sprintf(`name: app
apis:
  Api:
    authorizers: {jwt: {type: jwt, issuer: "http://%s", audience: [a]}}
    defaults: {authorizer: jwt}
    routes:
      GET /private: {url: %q}
outputs: {Url: "${apis.Api.url}"}
`, issuer.address, hello(t).URL))
	before := goroutines()
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			head := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","kid":"random-%d"}`, n))
			address := "127.0.0.1:" + port(r.output("Url"))
			response := rawCall(t, address, "GET /private HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\nAuthorization: Bearer "+head+".e30.AAAA\r\n\r\n")
			want := `Bearer scope="" error="invalid_token" error_description="OIDC discovery endpoint communication error"`
			if response == nil || response.StatusCode != 401 || response.Header.Get("Www-Authenticate") != want {
				t.Errorf("%v", response)
			}
		})
	}
	all.Wait()
	if n := issuer.widest.Load(); n != 1 {
		t.Errorf("%d connections to the issuer at one time", n)
	}
	if n := issuer.accepts.Load(); n > 3 {
		t.Errorf("%d connections to the issuer for 200 tokens", n)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if left := leftOver(before); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// TestHostileClone looks at a cloned repository that wants more than it may: links
// and paths out of it, a state folder that it brings, texts that terminals and
// shells obey. What only reads it (check, outputs, env) runs nothing and writes
// nothing. `start` runs its functions, and that is what it is for.
func TestHostileClone(t *testing.T) {
	outside := t.TempDir()
	for name, text := range map[string]string{"secret.js": "export const handler = 1", "main.go": "package main\nfunc main() {}\n", ".env": "TOKEN=canary-of-the-developer\nnot a line canary-of-the-developer\n"} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	app := func(route, rest string) string {
		return "name: app\napis:\n  Api:\n    routes:\n      GET /a: " + route + "\n" + rest
	}
	plain := app(`{url: "http://127.0.0.1:1", authorizer: none}`, "")
	t.Run("paths", func(t *testing.T) {
		for _, handler := range []string{"../" + filepath.Base(outside), "../../../../../../../../" + filepath.ToSlash(outside) + "/secret.handler", filepath.ToSlash(outside) + "/secret.handler", "link/secret.handler", "link", "file.handler", "~/x.handler", "/etc", `\\host\share\x.handler`, "$HOME/x.handler", "-toolexec=x"} {
			dir := declare(t, app(fmt.Sprintf("{function: %q, authorizer: none}", handler), ""))
			link(t, outside, filepath.Join(dir, "link"))
			link(t, filepath.Join(outside, "secret.js"), filepath.Join(dir, "file.js"))
			if _, err := doorwright.Check(dir, "dev"); err == nil {
				t.Errorf("the handler %q is taken", handler)
			} else if strings.Contains(err.Error(), "canary") || obeyed(err.Error()) != "" {
				t.Errorf("the handler %q is refused with %v", handler, err)
			}
			unchanged(t, dir, "doorwright.yaml", "file.js", "link")
		}
	})
	t.Run("reading runs nothing", func(t *testing.T) {
		dir := functionApp(t)
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.26\n\ntoolchain go9.99.9\n\nrequire attacker.example/x v1.0.0\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := doorwright.Check(dir, "dev"); err != nil {
			t.Error(err)
		}
		if _, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir}); err != nil {
			t.Error(err)
		}
		unchanged(t, dir, "doorwright.yaml", "fn", "go.mod")
	})
	t.Run("links in place of the state", func(t *testing.T) { // more of them in TestOpenRefusesLinks
		for _, name := range []string{".doorwright", ".doorwright/dev", ".doorwright/dev/mailbox", ".doorwright/dev/state.db", ".doorwright/dev/functions", ".doorwright/dev/functions/build", ".doorwright/dev/functions/runtime"} {
			dir := functionApp(t)
			victim := t.TempDir()
			os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
			link(t, victim, filepath.Join(dir, name))
			a, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir, AnyPort: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Listen(t.Context()); err == nil {
				t.Errorf("%s may be a link", name)
			}
			unchanged(t, victim)
		}
	})
	t.Run("links in place of packages and of what was deployed", func(t *testing.T) {
		for name, what := range map[string]string{
			".doorwright": "folder", ".doorwright/.packages": "folder", ".doorwright/.packages/prod": "folder", ".doorwright/.packages/prod/packages": "folder",
			".doorwright/.packages/.gitignore": "file", ".doorwright/.gitignore": "file",
			".doorwright/prod.deployed.json": "file", ".doorwright/prod.deployed.json.new": "file",
		} {
			dir := declare(t, app("{function: fn/index.handler, authorizer: none}", ""))
			os.Mkdir(filepath.Join(dir, "fn"), 0o777)
			os.WriteFile(filepath.Join(dir, "fn", "index.js"), []byte("export const handler = async () => 1\n"), 0o666)
			outside := t.TempDir()
			victim := filepath.Join(outside, ".bashrc")
			os.WriteFile(victim, []byte("canary"), 0o666)
			os.Chtimes(victim, time.Unix(1, 0), time.Unix(1, 0)) // as old as what is forgotten
			os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
			target := outside
			if what == "file" {
				target = victim
			}
			link(t, target, filepath.Join(dir, name))
			_, synth := doorwright.Synth(t.Context(), doorwright.SynthConfig{Dir: dir, Stage: "prod"})
			write := doorwright.WriteDeployed(dir, "prod", doorwright.Deployed{Outputs: map[string]string{"A": "b"}})
			if what == "folder" && synth == nil && write == nil {
				t.Errorf("%s may be a link", name)
			}
			if text, err := os.ReadFile(victim); err != nil || string(text) != "canary" {
				t.Errorf("by %s a file of the user's became %q, %v", name, text, err)
			}
			unchanged(t, outside, ".bashrc")
		}
	})
	t.Run("files without end", func(t *testing.T) {
		for _, name := range []string{"prod.deployed.json", "prod/outputs.json", "prod/environment.json"} {
			dir := declare(t, plain)
			at := filepath.Join(dir, ".doorwright", filepath.FromSlash(name))
			os.MkdirAll(filepath.Dir(at), 0o777)
			big, err := os.Create(at)
			if err == nil {
				err = errors.Join(big.Truncate(1<<40), big.Close()) // of holes alone
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _, deployed := doorwright.ReadDeployed(dir, "prod")
			_, outputs := doorwright.ReadOutputs(dir, "prod")
			_, environment := doorwright.ReadEnvironment(dir, "prod")
			if err := map[string]error{"prod.deployed.json": deployed, "prod/outputs.json": outputs, "prod/environment.json": environment}[name]; err == nil || !strings.Contains(err.Error(), "too large") {
				t.Errorf("%s of a terabyte gives %v", name, err)
			}
			if runtime.GOOS == "windows" {
				continue
			}
			os.Remove(at)
			link(t, "/dev/zero", at)
			_, _, deployed = doorwright.ReadDeployed(dir, "prod")
			_, outputs = doorwright.ReadOutputs(dir, "prod")
			_, environment = doorwright.ReadEnvironment(dir, "prod")
			if err := map[string]error{"prod.deployed.json": deployed, "prod/outputs.json": outputs, "prod/environment.json": environment}[name]; err == nil || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s, a link to a device, gives %v", name, err)
			}
		}
	})
	t.Run("an environment to evaluate", func(t *testing.T) {
		good := doorwright.Environment{Endpoint: "http://localhost:4566", Region: "us-east-1", AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
		read := func(e doorwright.Environment) error {
			dir := declare(t, plain)
			text, _ := json.Marshal(e)
			bring(t, dir, "environment.json", text)
			_, err := doorwright.ReadEnvironment(dir, "dev")
			return err
		}
		if err := read(good); err != nil {
			t.Fatal(err)
		}
		for _, endpoint := range []string{"", "https://attacker.example", "http://attacker.example:4566", "http://localhost.attacker.example:80", "http://localhost:4566@attacker.example", "http://localhost:4566/../", "http://localhost:99999", "http://localhost:", "http://localhost:80'; id; '", "http://localhost:%PATH%", "http://localhost:80\n", "HTTP://localhost:80"} {
			e := good
			e.Endpoint = endpoint
			if err := read(e); err == nil || obeyed(err.Error()) != "" {
				t.Errorf("the endpoint %q gives %v", endpoint, err)
			}
		}
		for _, bad := range []string{"'; id; '", "$(id)", "`id`", "%PATH%", "a&calc", "a\nexport X=y", "\x1b[2J", `"`, " ", "^"} {
			for _, e := range []doorwright.Environment{{good.Endpoint, bad, good.AccessKeyID, good.SecretAccessKey}, {good.Endpoint, good.Region, bad, good.SecretAccessKey}, {good.Endpoint, good.Region, good.AccessKeyID, bad}} {
				if err := read(e); err == nil || strings.Contains(err.Error(), bad+bad) || obeyed(err.Error()) != "" {
					t.Errorf("%+q gives %v", bad, err)
				}
			}
		}
	})
	t.Run("outputs that terminals obey", func(t *testing.T) {
		for _, bad := range []string{"\x1b[2J", "\u009b2J", "a\nStack forged", "a\rb", "\u202egnp.exe", "\x00"} {
			dir := declare(t, plain)
			text, _ := json.Marshal(map[string]string{"Url": bad})
			bring(t, dir, "outputs.json", text)
			if _, err := doorwright.ReadOutputs(dir, "dev"); err == nil || obeyed(err.Error()) != "" {
				t.Errorf("the output %+q gives %v", bad, err)
			}
			quoted, _ := json.Marshal(bad)
			dir = declare(t, plain+"outputs: {Url: "+strings.ReplaceAll(string(quoted), "\\u0000", "\\0")+"}\n")
			a, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir, AnyPort: true})
			if err == nil {
				err = a.Listen(t.Context())
			}
			if err == nil || obeyed(err.Error()) != "" {
				t.Errorf("the declared output %+q gives %v", bad, err)
			}
		}
	})
	t.Run("source that terminals obey", func(t *testing.T) {
		dir := functionApp(t)
		source := "package main\n\nfunc main() { var x int = \"\x1b[2J\x1b]0;owned\a\u009b2J\" } // \u009b2J\x1b[2J\n"
		if err := os.WriteFile(filepath.Join(dir, "fn", "main.go"), []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
		r := &running{t: t}
		a, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir, AnyPort: true, Observe: r.observe})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.Run(t.Context()); err == nil || obeyed(err.Error()) != "" {
			t.Errorf("%v", err)
		}
		if text := r.text(doorwright.KindError); !strings.Contains(text, "main.go:3:") {
			t.Errorf("the error is told as %q", text)
		}
		r.harmless(t)
	})
	t.Run("secrets elsewhere", func(t *testing.T) {
		dir := declare(t, app(`{function: {handler: fn, environment: {A: "${secret:TOKEN}", B: "${secret:OTHER}"}}, authorizer: none}`, ""))
		os.Mkdir(filepath.Join(dir, "fn"), 0o777)
		os.WriteFile(filepath.Join(dir, "fn", "main.go"), []byte("package main\nfunc main() {}\n"), 0o666)
		link(t, filepath.Join(outside, ".env"), filepath.Join(dir, ".env"))
		if _, err := doorwright.Check(dir, "dev"); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	})
	t.Run("issuers and upstreams", func(t *testing.T) {
		for _, issuer := range []string{"http://attacker.example", "file:///etc/passwd", "http://169.254.169.254", "https://user:password@attacker.example", "javascript:1"} {
			dir := declare(t, fmt.Sprintf("name: app\napis:\n  Api:\n    authorizers: {jwt: {type: jwt, issuer: %q, audience: [a]}}\n    routes:\n      GET /a: {url: \"http://127.0.0.1:1\", authorizer: jwt}\n", issuer))
			a, err := doorwright.New(doorwright.Config{Temporary: true, Dir: dir, AnyPort: true})
			if err == nil {
				err = a.Listen(t.Context())
			}
			if err == nil {
				t.Errorf("the issuer %q is taken", issuer)
			}
		}
	})
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		if runtime.GOOS == "windows" {
			t.Skipf("no symbolic links here: %v", err)
		}
		t.Fatal(err)
	}
}

// bring puts a file into the stage's folder, as a repository can.
func bring(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	stage := filepath.Join(dir, ".doorwright", "dev")
	if err := os.MkdirAll(stage, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stage, name), text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// unchanged demands that a folder holds these names and no others.
func unchanged(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %v, not %v", dir, got, names)
	}
}

// TestStolenState: who has the folder has the stage, its keys included; passwords,
// codes that were used and refresh tokens cannot be read from it. Another stage has
// nothing to fear.
func TestStolenState(t *testing.T) {
	dir := signUpApp(t, hello(t).URL)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	secrets := exercise(t, r)
	stolen := r.Environment()
	other := run(t, doorwright.Config{Dir: signUpApp(t, hello(t).URL), AnyPort: true})
	if stolen.AccessKeyID == other.Environment().AccessKeyID || stolen.SecretAccessKey == other.Environment().SecretAccessKey {
		t.Error("two stages have the same root keys")
	}
	keys := sigv4.Credentials{AccessKeyID: stolen.AccessKeyID, SecretAccessKey: stolen.SecretAccessKey}
	if status, out, _ := idpRaw(t, other, "ListUsers", map[string]any{"UserPoolId": other.output("Pool")}, &keys); status != 400 || out["__type"] != "UnrecognizedClientException" {
		t.Errorf("the root keys of one stage open another: %d %v", status, out)
	}
	req := get(t, other.output("Url")+"/private")
	req.Header.Set("Authorization", secrets["IdToken"])
	if status, _ := ask(t, req); status != 401 {
		t.Errorf("a token of one stage is answered %d by another", status)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	filepath.WalkDir(filepath.Join(dir, ".doorwright"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(path)) != "mailbox" {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			all.Write(text)
		}
		return err
	})
	if all.Len() < 10<<10 || !bytes.Contains(all.Bytes(), []byte(stolen.SecretAccessKey)) {
		t.Errorf("the state has %d bytes, and the root keys are not in it", all.Len())
	}
	for _, name := range []string{"the password", "the new password", "a temporary password", "a wrong password", "RefreshToken", "IdToken", "AccessToken"} {
		if secret := secrets[name]; bytes.Contains(all.Bytes(), []byte(secret[:min(len(secret), 40)])) && !strings.HasSuffix(name, "Token") || strings.HasSuffix(name, "Token") && bytes.Contains(all.Bytes(), []byte(secret[len(secret)-40:])) {
			t.Errorf("%s is in the state as it is", name)
		}
	}
}

// TestListenersAreOnLoopback dials every other address that the machine has, at
// every port of the app.
func TestListenersAreOnLoopback(t *testing.T) {
	r := run(t, doorwright.Config{Dir: functionApp(t), AnyPort: true, Console: doorwright.NewConsole()})
	link, _ := r.ConsoleLink()
	link, _, _ = strings.Cut(link, "/open/")
	ask(t, get(t, r.output("Url")+"/env")) // an instance's own listener is there now
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, a := range addresses {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		for _, url := range []string{r.output("Url"), r.Environment().Endpoint, link} {
			tried++
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port(url)), time.Second)
			if err == nil {
				conn.Close()
				t.Errorf("%s answers at %s", url, ip)
			}
		}
	}
	if listening, ok := ownListeners(t); ok {
		tried += len(listening)
		if len(listening) < 3 {
			t.Errorf("this process listens at %v; an API, the endpoint and a function's API are missing", listening)
		}
		for _, address := range listening {
			if !address.IsLoopback() {
				t.Errorf("this process listens at %s", address)
			}
		}
	}
	if tried == 0 {
		t.Skip("the machine has no address but loopback, and does not tell who listens where")
	}
}

// ownListeners gives the addresses at which this process listens, where Linux
// tells.
func ownListeners(t *testing.T) (list []net.IP, ok bool) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		return nil, false
	}
	ours := map[string]bool{}
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil {
			if inode, found := strings.CutPrefix(target, "socket:["); found {
				ours[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" || !ours[f[9]] { // 0A is LISTEN
				continue
			}
			hexIP, _, _ := strings.Cut(f[1], ":")
			var ip net.IP
			for i := 0; i+8 <= len(hexIP); i += 8 { // words in the machine's order
				var word [4]byte
				fmt.Sscanf(hexIP[i:i+8], "%02x%02x%02x%02x", &word[3], &word[2], &word[1], &word[0])
				ip = append(ip, word[:]...)
			}
			list = append(list, ip)
		}
	}
	return list, true
}
