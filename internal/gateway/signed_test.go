package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
)

const stageAccount = "000000000000"

// newAccount gives an account with a few roles, at a time.
func newAccount(t *testing.T, at time.Time, secret byte) *iam.Account {
	t.Helper()
	return accountOf(t, at, secret, roleStatements())
}

// roleStatements gives the statements of the roles.
func roleStatements() map[string][]string {
	const api = "arn:aws:execute-api:us-east-1:000000000000:abcdefghij/*/"
	allow := func(resource string) string {
		return `{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"` + api + resource + `"}`
	}
	return map[string][]string{
		"reader": {allow("GET/a"), allow("POST/a")},
		"nobody": nil,
		"denied": {allow("*"), `{"Effect":"Deny","Action":"execute-api:*","Resource":"` + api + `GET/a"}`},
	}
}

func accountOf(t *testing.T, at time.Time, secret byte, statements map[string][]string) *iam.Account {
	t.Helper()
	var roles []iam.RoleConfig
	for name, list := range statements {
		r := iam.RoleConfig{Name: name}
		if len(list) > 0 {
			d, err := policy.Parse(policyOf(list...))
			if err != nil {
				t.Fatal(err)
			}
			r.Policies = []policy.Document{d}
		}
		roles = append(roles, r)
	}
	a, err := iam.New(iam.Config{
		AccountID: stageAccount, Region: "us-east-1", Now: func() time.Time { return at },
		Root:  sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "root" + string(secret)},
		Keys:  [][]byte{bytes.Repeat([]byte{secret}, 32)},
		Roles: roles,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func assume(t *testing.T, a *iam.Account, role string, identity *iam.CognitoIdentity) sigv4.Credentials {
	t.Helper()
	c, err := a.Assume(iam.AssumeRequest{Role: role, Session: "session", Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	return c.Credentials
}

// withIAM guards the routes of a configuration with an account's policies.
func withIAM(t *testing.T, c gateway.Config, a *iam.Account, keys ...string) gateway.Config {
	t.Helper()
	z, err := authorizer.NewIAM(a, "us-east-1", clock)
	if err != nil {
		t.Fatal(err)
	}
	c.Authorizers = map[string]gateway.Authorizer{"iam": z}
	for _, key := range keys {
		c.Routes = append(c.Routes, gateway.Route{Key: key, Authorizer: "iam", Function: key})
	}
	return c
}

// signing says how a request is signed.
type signing struct {
	method, target, body string
	keys                 sigv4.Credentials
	service, region      string
	at                   time.Time
	presign              time.Duration // zero signs the header
	header               http.Header   // signed too
	change               func(*http.Request)
}

// request signs a request to a world.
func (s signing) request(t *testing.T, w *world) *http.Request {
	t.Helper()
	if s.method == "" {
		s.method = "GET"
	}
	if s.service == "" {
		s.service = "execute-api"
	}
	if s.region == "" {
		s.region = "us-east-1"
	}
	if s.at.IsZero() {
		s.at = now
	}
	r, err := http.NewRequest(s.method, w.server.URL+s.target, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range s.header {
		r.Header[name] = values
	}
	signer := sigv4.Signer{Service: s.service, Region: s.region}
	switch {
	case s.keys.AccessKeyID == "":
	case s.presign > 0:
		r.ContentLength = 0 // is not signed in a link
		if r.URL, err = signer.Presign(r, []byte(s.body), s.keys, s.at, s.presign); err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(len(s.body))
	default:
		signer.Sign(r, []byte(s.body), s.keys, s.at)
	}
	if s.change != nil {
		s.change(r)
	}
	return r
}

func (s signing) send(t *testing.T, w *world) answer {
	t.Helper()
	resp, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(s.request(t, w))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// A signedRow is a request that an IAM route refuses, and what REST APIs answer:
// HTTP APIs answer Forbidden to all.
type signedRow struct {
	name, code string
	body       string // exact, but for a final "…"
	line       string
	signing
}

const (
	mismatch    = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	invalid403  = "InvalidSignatureException"
	unknown403  = "UnrecognizedClientException"
	badToken    = `{"message":"The security token included in the request is invalid."}`
	invokeOnA   = "is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:abcdefghij/"
	byNoPolicy  = " because no identity-based policy allows the execute-api:Invoke action"
	roleSession = "arn:aws:sts::000000000000:assumed-role/"
)

// signedRows is the deny table: signatures and keys that are not good, and policies
// that do not allow. stage is "dev", or empty for $default.
func signedRows(t *testing.T, a *iam.Account, stage string) []signedRow {
	t.Helper()
	path, inARN := "/a", "$default"
	if stage != "" {
		path, inARN = "/"+stage+"/a", stage
	}
	reader := assume(t, a, "reader", nil)
	with := func(change func(*sigv4.Credentials)) sigv4.Credentials {
		c := reader
		change(&c)
		return c
	}
	head := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	swap := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			v := strings.Replace(r.Header.Get("Authorization"), old, new, 1)
			if v == r.Header.Get("Authorization") {
				t.Fatalf("%s has no %s", v, old)
			}
			r.Header.Set("Authorization", v)
		}
	}
	message := func(text string) string {
		b, _ := json.Marshal(text)
		return `{"message":` + string(b) + `}`
	}
	open := `{"message":"` + mismatch + `\n\nThe Canonical String for this request should have been\n'…`
	expired := assume(t, newAccount(t, now.Add(-2*time.Hour), 's'), "reader", nil)
	// Another stage has other keys, and the same roles and API ids.
	foreign := assume(t, newAccount(t, now, 'f'), "reader", nil)
	foreignRoot := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "rootf"}
	return []signedRow{
		{"unsigned", errorMissingToken, bodyMissingToken, "iam: the request is not signed", signing{target: path}},
		{"a bearer token", "IncompleteSignatureException",
			`{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='."}`,
			"iam: malformed", signing{target: path, change: head("Authorization", "Bearer abc")}},
		{"one word", "IncompleteSignatureException",
			`{"message":"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. ` +
				`Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) Authorization=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}`,
			"iam: malformed", signing{target: path, change: head("Authorization", "abc")}},
		{"signed with ECDSA", "IncompleteSignatureException", message("Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "), "iam: unsupported form",
			signing{target: path, keys: reader, change: swap("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")}},
		{"two forms", invalid403, message("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."), "iam: two forms",
			signing{target: path, keys: reader, presign: time.Minute, change: head("Authorization", "Bearer abc")}},
		{"too old", invalid403, message("Signature expired: 20261121T140010Z is now earlier than 20261121T140011Z (20261121T140511Z - 5 min.)"), "iam: expired",
			signing{target: path, keys: reader, at: now.Add(-5*time.Minute - time.Second)}},
		{"too new", invalid403, message("Signature not yet current: 20261121T141012Z is still later than 20261121T141011Z (20261121T140511Z + 5 min.)"), "iam: not yet current",
			signing{target: path, keys: reader, at: now.Add(5*time.Minute + time.Second)}},
		{"an old link", invalid403, message("Signature expired: 20261121T140410Z is now earlier than 20261121T140411Z (20261121T140511Z - 60 sec.)"), "iam: expired",
			signing{target: path, keys: reader, presign: time.Minute, at: now.Add(-61 * time.Second)}},
		{"another region", invalid403, message("Credential should be scoped to a valid region. "), "iam: wrong scope",
			signing{target: path, keys: reader, region: "eu-west-1"}},
		{"another service", invalid403, message("Credential should be scoped to correct service: 'execute-api'. "), "iam: wrong scope",
			signing{target: path, keys: reader, service: "s3"}},
		{"another region's link", invalid403, message("Credential should be scoped to a valid region. "), "iam: wrong scope",
			signing{target: path, keys: reader, region: "eu-west-1", presign: time.Minute}},
		{"an unknown key", unknown403, badToken, "iam: unknown key", signing{target: path, keys: with(func(c *sigv4.Credentials) { c.AccessKeyID = "ASIAIOSFODNN7EXAMPLE" })}},
		{"no session token", unknown403, badToken, "iam: unknown key", signing{target: path, keys: with(func(c *sigv4.Credentials) { c.SessionToken = "" })}},
		{"a changed session token", unknown403, badToken, "iam: unknown key", signing{target: path, keys: with(func(c *sigv4.Credentials) {
			i := len(c.SessionToken) - 10
			c.SessionToken = c.SessionToken[:i] + flip(c.SessionToken[i:])
		})}},
		{"another stage's session", unknown403, badToken, "iam: unknown key", signing{target: path, keys: foreign}},
		{"another stage's root", invalid403, open, "iam: signature mismatch", signing{target: path, keys: foreignRoot}},
		{"an expired session", "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`, "iam: expired token", signing{target: path, keys: expired}},
		{"an expired session's link", "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`, "iam: expired token", signing{target: path, keys: expired, presign: time.Hour}},
		{"another secret", invalid403, open, "iam: signature mismatch", signing{target: path, keys: with(func(c *sigv4.Credentials) { c.SecretAccessKey += "x" })}},
		{"another body", invalid403, open, "iam: signature mismatch", signing{method: "POST", target: path, body: "{}", keys: reader,
			change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("[]")) }}},
		{"another query", invalid403, open, "iam: signature mismatch", signing{target: path, keys: reader, change: func(r *http.Request) { r.URL.RawQuery = "admin=1" }}},
		{"another method", invalid403, open, "iam: signature mismatch", signing{method: "POST", target: path, keys: reader, change: func(r *http.Request) { r.Method = "GET" }}},
		{"another path", invalid403, open, "iam: signature mismatch", signing{target: path + "b", keys: reader, change: func(r *http.Request) { r.URL.Path = path }}},
		{"another link", invalid403, open, "iam: signature mismatch", signing{target: path, keys: reader, presign: time.Minute, change: func(r *http.Request) { r.URL.RawQuery += "&admin=1" }}},
		{"the body left out", invalid403, open, "iam: signature mismatch", signing{method: "POST", target: path, body: "{}", keys: reader, header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}},
			change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("[]")) }}},
		{"a header that is not signed", invalid403, message("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."), "iam: unsigned header",
			signing{target: path, keys: reader, change: head("X-Amz-Target", "a.b")}},

		{"no policy", "AccessDeniedException", `{"Message":"User: ` + roleSession + `nobody/session ` + invokeOnA + inARN + `/GET/a` + byNoPolicy + `"}`,
			"no identity-based policy allows", signing{target: path, keys: assume(t, a, "nobody", nil)}},
		{"no policy for a link", "AccessDeniedException", `{"Message":"User: ` + roleSession + `nobody/session ` + invokeOnA + inARN + `/GET/a` + byNoPolicy + `"}`,
			"no identity-based policy allows", signing{target: path, keys: assume(t, a, "nobody", nil), presign: time.Minute}},
		{"a policy of another path", "AccessDeniedException", `{"Message":"User: ` + roleSession + `reader/session ` + invokeOnA + inARN + `/GET/ab` + byNoPolicy + `"}`,
			"no identity-based policy allows", signing{target: path + "b", keys: reader}},
		{"a policy that denies", "AccessDeniedException", `{"Message":"User: ` + roleSession + `denied/session ` + invokeOnA + inARN + `/GET/a with an explicit deny in an identity-based policy"}`,
			"statement 2 of the identity-based policy denies", signing{target: path, keys: assume(t, a, "denied", nil)}},
	}
}

func (row signedRow) assert(t *testing.T, w *world, a answer) {
	t.Helper()
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("the function was invoked %d times", n)
	}
	e := w.journal.last(t)
	if line := e.String(); !strings.Contains(line, row.line) || e.Allowed {
		t.Errorf("the line is %q, want %q in it", line, row.line)
	}
	text := fmt.Sprint(e)
	for _, secret := range []string{row.keys.SecretAccessKey, row.keys.SessionToken} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the log has a secret in it: %s", text)
		}
	}
}

// plot is the row as advice can change it.
func (row signedRow) plot(t *testing.T, a *iam.Account, c gateway.Config) *plot {
	s := row.signing
	return &plot{signing: &s, keys: assume(t, a, "reader", nil), config: c, roles: roleStatements()}
}

func TestSignedDenyTableHTTP(t *testing.T) {
	account := newAccount(t, now, 's')
	explanations := openBook(t, "signed-http")
	for _, version := range []string{"2.0", "1.0"} {
		for _, row := range signedRows(t, account, "") {
			t.Run(version+" "+row.name, func(t *testing.T) {
				c := withIAM(t, base(), account, "GET /a", "GET /ab", "POST /a")
				for i := range c.Routes {
					c.Routes[i].PayloadFormatVersion = version
				}
				w := serve(t, c)
				a := row.send(t, w)
				a.assert(t, 403, bodyForbidden, "Content-Type: application/json")
				row.assert(t, w, a)
				row.plot(t, account, c).explained(t, explanations, row.name)
			})
		}
	}
}

func TestSignedDenyTableREST(t *testing.T) {
	account := newAccount(t, now, 's')
	explanations := openBook(t, "signed-rest")
	for _, row := range signedRows(t, account, "dev") {
		t.Run(row.name, func(t *testing.T) {
			c := withIAM(t, baseREST(), account, "GET /a", "GET /ab", "POST /a")
			w := serve(t, c)
			a := row.send(t, w)
			want, begins := strings.CutSuffix(row.body, "…")
			if begins && strings.HasPrefix(a.body, want) && strings.HasSuffix(a.body, `'\n"}`) && json.Valid([]byte(a.body)) {
				want = a.body
			}
			a.assertFailure(t, 403, row.code, want)
			row.assert(t, w, a)
			row.plot(t, account, c).explained(t, explanations, row.name)
		})
	}
}

// The mismatch's text is that of the recorded answer, in JSON's escapes.
func TestSignedMismatchShowsWhatToSign(t *testing.T) {
	account := newAccount(t, now, 's')
	w := serve(t, withIAM(t, baseREST(), account, "GET /a"))
	a := signing{target: "/dev/a?x=%3C%C3%A9", keys: sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}}.send(t, w)
	var body struct{ Message string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatal(err)
	}
	want := mismatch + "\n\nThe Canonical String for this request should have been\n'GET\n/dev/a\nx=%3C%C3%A9\nhost:" + w.server.Listener.Addr().String() +
		"\nx-amz-date:20261121T140511Z\n\nhost;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\n" +
		"The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20261121T140511Z\n20261121/us-east-1/execute-api/aws4_request\n"
	if !strings.HasPrefix(body.Message, want) || !strings.HasSuffix(body.Message, "'\n") {
		t.Errorf("the message is %q, want %q", body.Message, want)
	}
}

// Where no route matches, a signature is judged all the same, and a good one is as
// good as none.
func TestSignedUnrouted(t *testing.T) {
	account := newAccount(t, now, 's')
	root := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}
	w := serve(t, withIAM(t, baseREST(), account, "GET /a"))
	signing{method: "POST", body: "{}", target: "/dev/no", keys: root}.send(t, w).assertFailure(t, 403, errorMissingToken, bodyMissingToken)
	signing{target: "/dev/no", keys: root, presign: time.Minute}.send(t, w).assertFailure(t, 403, errorMissingToken, bodyMissingToken)
	signing{target: "/dev/no"}.send(t, w).assertFailure(t, 403, errorMissingToken, bodyMissingToken)
	root.SecretAccessKey += "x"
	if a := (signing{target: "/dev/no", keys: root}).send(t, w); a.status != 403 || !strings.HasPrefix(a.body, `{"message":"`+mismatch+`\n`) ||
		a.header.Get("X-Amzn-Errortype") != invalid403 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	root.AccessKeyID = "AKIAI44QH8DHBEXAMPLE"
	signing{target: "/dev/no", keys: root}.send(t, w).assertFailure(t, 403, unknown403, badToken)
}

// What gateway responses change, by the types of signatures and denials.
func TestSignedGatewayResponses(t *testing.T) {
	account := newAccount(t, now, 's')
	template := map[string]string{"application/json": `{"type":"$context.error.responseType","message":$context.error.messageString}`}
	c := withIAM(t, baseREST(), account, "GET /a", "GET /ab", "POST /a")
	c.REST.GatewayResponses = map[string]gateway.GatewayResponse{
		"MISSING_AUTHENTICATION_TOKEN": {StatusCode: 401, Templates: template},
		"INVALID_SIGNATURE":            {StatusCode: 418, Templates: template},
		"EXPIRED_TOKEN":                {StatusCode: 419, Templates: template},
		"ACCESS_DENIED":                {StatusCode: 404, Templates: template},
	}
	w := serve(t, c)
	want := map[string]string{"unsigned": "401 MISSING_AUTHENTICATION_TOKEN", "too old": "418 INVALID_SIGNATURE", "a bearer token": "418 INVALID_SIGNATURE",
		"an expired session": "419 EXPIRED_TOKEN", "no policy": "404 ACCESS_DENIED"}
	for _, row := range signedRows(t, account, "dev") {
		if want[row.name] == "" {
			continue
		}
		a := row.send(t, w)
		var body struct{ Type, Message string }
		if err := json.Unmarshal([]byte(a.body), &body); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		if got := fmt.Sprint(a.status, " ", body.Type); got != want[row.name] || body.Message == "" {
			t.Errorf("%s: got %s %s, want %s", row.name, got, a.body, want[row.name])
		}
	}
}

var member = &iam.CognitoIdentity{
	ID: "us-east-1:11111111-2222-3333-4444-555555555555", Pool: "us-east-1:99999999-2222-3333-4444-555555555555",
	AMR: []string{"authenticated", "cognito-idp.us-east-1.amazonaws.com/us-east-1_a", "cognito-idp.us-east-1.amazonaws.com/us-east-1_a:CognitoSignIn:sub"},
}

// Who has signed, as each kind of event shows it.
func TestSignedEvents(t *testing.T) {
	account := newAccount(t, now, 's')
	root := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}
	keys := assume(t, account, "reader", member)
	p, err := account.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	http2 := serve(t, withIAM(t, base(), account, "GET /a", "POST /a"))
	for _, s := range []signing{
		{target: "/a", keys: keys}, {target: "/a?b=c", keys: keys, presign: time.Minute}, {method: "POST", target: "/a", keys: keys, body: `{"é":1}`, header: http.Header{"Content-Type": {"application/json"}}},
	} {
		a := s.send(t, http2)
		if a.status != 200 {
			t.Fatalf("%+v: %d %s", s, a.status, a.body)
		}
		e := http2.invoker.lastV2(t)
		want := &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
			AccessKey: keys.AccessKeyID, AccountID: stageAccount, CallerID: p.UserID, UserID: p.UserID, UserARN: roleSession + "reader/session", PrincipalOrgID: "aws:PrincipalOrgID",
			CognitoIdentity: events.APIGatewayV2HTTPRequestContextAuthorizerCognitoIdentity{AMR: member.AMR, IdentityID: member.ID, IdentityPoolID: member.Pool},
		}
		if got := e.RequestContext.Authorizer; got == nil || fmt.Sprint(got.IAM) != fmt.Sprint(want) || got.JWT != nil || got.Lambda != nil || e.Body != s.body {
			t.Errorf("authorizer is %+v with body %q, want %+v", got, e.Body, want)
		}
	}
	signing{target: "/a", keys: root}.send(t, http2)
	if text := http2.invoker.lastText(); !strings.Contains(text, `"authorizer":{"iam":{"accessKey":"AKIAIOSFODNN7EXAMPLE","accountId":"000000000000","callerId":"000000000000",`+
		`"cognitoIdentity":null,"principalOrgId":"aws:PrincipalOrgID","userArn":"arn:aws:iam::000000000000:root","userId":"000000000000"}}`) {
		t.Errorf("root's event is %s", text)
	}

	c := withIAM(t, base(), account, "GET /a")
	c.Routes[0].PayloadFormatVersion = "1.0"
	for kind, w := range map[string]*world{"1.0": serve(t, c), "REST": serve(t, withIAM(t, baseREST(), account, "GET /a"))} {
		target := map[string]string{"1.0": "/a", "REST": "/dev/a"}[kind]
		if a := (signing{target: target, keys: keys}).send(t, w); a.status != 200 && kind == "1.0" {
			t.Fatalf("%s: %d %s", kind, a.status, a.body)
		}
		var e events.APIGatewayProxyRequest
		if err := json.Unmarshal([]byte(w.invoker.lastText()), &e); err != nil {
			t.Fatal(err)
		}
		i := e.RequestContext.Identity
		if i.AccessKey != keys.AccessKeyID || i.AccountID != stageAccount || i.Caller != p.UserID || i.User != p.UserID || i.UserArn != roleSession+"reader/session" ||
			i.CognitoIdentityID != member.ID || i.CognitoIdentityPoolID != member.Pool || i.CognitoAuthenticationType != "authenticated" ||
			i.CognitoAuthenticationProvider != "cognito-idp.us-east-1.amazonaws.com/us-east-1_a,cognito-idp.us-east-1.amazonaws.com/us-east-1_a:CognitoSignIn:sub" {
			t.Errorf("%s: identity is %+v", kind, i)
		}
		if _, has := e.Headers["Authorization"]; kind == "REST" && (has || e.RequestContext.Authorizer != nil) {
			t.Errorf("the REST event has the signature, or an authorizer: %s", w.invoker.lastText())
		}
	}
}

// An upstream gets the body that was verified, up to the API's own bound.
func TestSignedUpstream(t *testing.T) {
	got := make(chan int, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- len(b)
	}))
	t.Cleanup(upstream.Close)
	account := newAccount(t, now, 's')
	root := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}
	c := withIAM(t, base(), account, "POST /a")
	c.Routes[0].Function, c.Routes[0].URL = "", upstream.URL
	w := serve(t, c)
	body := strings.Repeat("x", 7<<20) // more than an event holds
	if a := (signing{method: "POST", target: "/a", keys: root, body: body}).send(t, w); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if n := <-got; n != len(body) {
		t.Errorf("the upstream got %d bytes", n)
	}
	w.raw(t, "POST", "POST /a HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 x\r\nContent-Length: 10485761\r\n\r\n{").
		assert(t, 413, `{"message":"Request Entity Too Large"}`, "Content-Type: application/json")
}

// A browser's preflight carries no signature: CORS answers it before the guard,
// and a guard of all methods refuses it.
func TestSignedPreflight(t *testing.T) {
	account := newAccount(t, now, 's')
	ask := signing{method: "OPTIONS", target: "/a", header: http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"GET"}}}
	c := withIAM(t, base(), account, "GET /a")
	c.CORS = &gateway.CORS{AllowOrigins: []string{"https://app.example"}, AllowMethods: []string{"GET"}, AllowHeaders: []string{"authorization", "x-amz-date", "x-amz-security-token"}}
	if a := ask.send(t, serve(t, c)); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	c = withIAM(t, base(), account, "ANY /a")
	c.CORS = &gateway.CORS{AllowOrigins: []string{"https://app.example"}}
	if a := ask.send(t, serve(t, c)); a.status != 403 || a.body != bodyForbidden {
		t.Errorf("got %d %s", a.status, a.body)
	}
	c = withIAM(t, baseREST(), account, "GET /a")
	c.CORS = &gateway.CORS{AllowOrigins: []string{"https://app.example"}}
	ask.target = "/dev/a"
	w := serve(t, c)
	if a := ask.send(t, w); a.status != 204 && a.status != 200 {
		t.Errorf("REST: got %d %s", a.status, a.body)
	}
	if a := (signing{target: "/dev/a"}).send(t, w); a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("REST: got %d %v", a.status, a.header)
	}
}

// The override of the method is not what was signed; what is decided is.
func TestSignedMethodOverride(t *testing.T) {
	account := newAccount(t, now, 's')
	w := serve(t, withIAM(t, baseREST(), account, "GET /a", "DELETE /a"))
	reader := assume(t, account, "reader", nil)
	a := signing{target: "/dev/a", keys: reader, header: http.Header{"X-Http-Method-Override": {"DELETE"}}}.send(t, w)
	a.assertFailure(t, 403, "AccessDeniedException", `{"Message":"User: `+roleSession+`reader/session `+invokeOnA+`dev/DELETE/a`+byNoPolicy+`"}`)
	root := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}
	if a := (signing{target: "/dev/a", keys: root, header: http.Header{"X-Http-Method-Override": {"DELETE"}}}).send(t, w); a.body != "called DELETE /a" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// Table A of apigateway-authorization-flow, for IAM within one account, and
// policies that name who may.
func TestSignedResourcePolicies(t *testing.T) {
	account := newAccount(t, now, 's')
	for_ := func(principal, effect, resource string) string {
		return fmt.Sprintf(`{"Effect":%q,"Principal":{"AWS":%q},"Action":"execute-api:Invoke","Resource":%q}`, effect, principal, resource)
	}
	const (
		role    = "arn:aws:iam::000000000000:role/"
		silent  = byNoPolicy
		denying = " with an explicit deny in an identity-based policy"
	)
	for _, row := range []struct {
		role, policy string
		want         string // how the message ends; empty lets in
	}{
		{"reader", everybody("Allow", "execute-api:/*"), ""},
		{"reader", everybody("Allow", "execute-api:/dev/GET/other"), ""},
		{"nobody", everybody("Allow", "execute-api:/*"), ""},
		{"nobody", everybody("Allow", "execute-api:/dev/GET/other"), silent},
		{"nobody", for_(role+"nobody", "Allow", "execute-api:/*"), ""},
		{"nobody", for_(role+"reader", "Allow", "execute-api:/*"), silent},
		{"nobody", for_(roleSession+"nobody/session", "Allow", "execute-api:/*"), ""},
		{"nobody", for_(roleSession+"nobody/other", "Allow", "execute-api:/*"), silent},
		{"nobody", for_("arn:aws:iam::000000000000:root", "Allow", "execute-api:/*"), silent},
		{"nobody", for_("arn:aws:iam::111111111111:root", "Allow", "execute-api:/*"), silent},
		{"reader", everybody("Deny", "execute-api:/*"), " " + denyingPolicy},
		{"reader", for_(role+"reader", "Deny", "execute-api:/*"), " " + denyingPolicy},
		{"reader", for_(role+"nobody", "Deny", "execute-api:/*"), ""},
		{"denied", everybody("Allow", "execute-api:/*"), denying},
		{"root", everybody("Deny", "execute-api:/*"), " " + denyingPolicy},
		{"root", everybody("Allow", "execute-api:/dev/GET/other"), ""},
	} {
		t.Run(row.role+" "+row.policy, func(t *testing.T) {
			c := withIAM(t, baseREST(), account, "GET /a")
			c.Routes = append(c.Routes, open("GET /open")...)
			c.REST.ResourcePolicy = policyOf(row.policy)
			w := serve(t, c)
			keys, arn := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "roots"}, "arn:aws:iam::000000000000:root"
			if row.role != "root" {
				keys, arn = assume(t, account, row.role, nil), roleSession+row.role+"/session"
			}
			a := signing{target: "/dev/a", keys: keys}.send(t, w)
			if row.want == "" {
				if a.body != "called GET /a" {
					t.Errorf("got %d %s", a.status, a.body)
				}
			} else {
				a.assertFailure(t, 403, "AccessDeniedException", `{"Message":"User: `+arn+` `+invokeOnA+`dev/GET/a`+row.want+`"}`)
			}
			// Who has not signed is refused for that; on an open route the policy
			// decides, and a statement for a role is for nobody there.
			signing{target: "/dev/a"}.send(t, w).assertFailure(t, 403, errorMissingToken, bodyMissingToken)
			anonymous := signing{target: "/dev/open", keys: keys}.send(t, w)
			if allowed := strings.Contains(row.policy, `"Allow","Principal":"*"`) && strings.Contains(row.policy, "api:/*"); (anonymous.status == 200) != allowed {
				t.Errorf("the open route answers %d %s", anonymous.status, anonymous.body)
			}
		})
	}
	// Without a signed route nobody could be named.
	c := baseREST(open("GET /a")...)
	c.Invoker, c.REST.ResourcePolicy = &invoker{}, policyOf(for_(role+"reader", "Allow", "execute-api:/*"))
	if _, err := gateway.New(c); err == nil || !strings.Contains(err.Error(), "Principal") {
		t.Errorf("New says %v", err)
	}
}

// The path means what all readings of it mean: a Deny of one reading holds.
func TestSignedPathReadings(t *testing.T) {
	account := newAccount(t, now, 's')
	denied := assume(t, account, "denied", nil)
	for _, c := range []struct {
		config gateway.Config
		target string
	}{
		{withIAM(t, base(), account, "ANY /{proxy+}"), "/a/"},
		{withIAM(t, base(), account, "ANY /{proxy+}"), "/%61"},
		{withIAM(t, baseREST(), account, "ANY /{proxy+}"), "/dev/%61"},
		{withIAM(t, baseREST(), account, "ANY /{proxy+}"), "/dev/a/"},
	} {
		w := serve(t, c.config)
		if a := (signing{target: c.target, keys: denied}).send(t, w); a.status != 403 || w.invoker.calls.Load() != 0 {
			t.Errorf("%s: %d %s", c.target, a.status, a.body)
		}
		other := c.target[:strings.LastIndexByte(strings.TrimSuffix(c.target, "/"), '/')+1] + "b"
		if a := (signing{target: other, keys: denied}).send(t, w); w.invoker.calls.Load() != 1 {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
	}
}

// Who sends no signature need not be listened to: the answer comes before the body.
func TestUnsignedIsNotRead(t *testing.T) {
	w := serve(t, withIAM(t, base(), newAccount(t, now, 's'), "POST /a"))
	a := w.raw(t, "POST", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{")
	if a.status != 403 || a.body != bodyForbidden {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if e := w.journal.last(t); !slices.ContainsFunc(e.Reasons, func(r authorizer.Reason) bool {
		return r.Code == authorizer.CodeUnsigned && strings.Contains(r.Hint, "execute-api")
	}) {
		t.Errorf("the reasons are %+v", e.Reasons)
	}
}

// A link that was made without a body takes none, however its parameters are
// spelled: escapes do not hide from the gateway that there is a signature, and with
// it what the body has to be.
func TestSpelledOutLinkTakesNoBody(t *testing.T) {
	account := newAccount(t, now, 's')
	keys := assume(t, account, "reader", nil)
	for _, c := range []struct {
		config gateway.Config
		target string
	}{
		{withIAM(t, base(), account, "POST /a"), "/a"},
		{withIAM(t, baseREST(), account, "POST /a"), "/dev/a"},
	} {
		w := serve(t, c.config)
		for name, spelled := range map[string]string{"as it was": "X-Amz-Algorithm=", "a letter": "X-Amz-%41lgorithm=", "another": "X-Amz-Algorith%6d="} {
			link := signing{method: "POST", target: c.target, keys: keys, presign: time.Minute}
			link.change = func(r *http.Request) {
				r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Algorithm=", spelled, 1)
			}
			before := w.invoker.calls.Load()
			if a := link.send(t, w); w.invoker.calls.Load() != before+1 {
				t.Errorf("%s, %s without a body: %d %s", c.target, name, a.status, a.body)
			}
			change := link.change
			link.change = func(r *http.Request) {
				change(r)
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader("mine!")), 5
			}
			if a := link.send(t, w); a.status != 403 || w.invoker.calls.Load() != before+1 {
				t.Errorf("%s, %s with a body: %d %s", c.target, name, a.status, a.body)
			}
		}
	}
}
