package iam_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify"
)

const pool = "us-east-1:11111111-2222-3333-4444-555555555555"

// trust is a trust policy.
func trust(principal, action, condition string) string {
	return document(`{"Effect":"Allow","Principal":` + principal + `,"Action":` + action + `,"Condition":` + condition + `}`)
}

var (
	federated = `{"Federated":"cognito-identity.amazonaws.com"}`
	ofPool    = `{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`
)

// issuer signs tokens as an identity pool does.
var issuer = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func jwt(t testing.TB, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]any{"kid": "us-east-1-7", "typ": "JWS", "alg": "RS512"}) + "." + part(claims)
	sum := sha512.Sum512([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, issuer(), crypto.SHA512, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// poolToken is an identity pool's token with some claims changed; nil takes one out.
func poolToken(t testing.TB, change map[string]any) string {
	claims := map[string]any{
		"iss": "https://cognito-identity.amazonaws.com", "sub": "us-east-1:me", "aud": pool, "amr": []string{"authenticated", "localhost:4000/x"},
		"iat": start.Unix(), "exp": start.Add(10 * time.Minute).Unix(),
	}
	for name, value := range change {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return jwt(t, claims)
}

// stsStage is a stage with STS, whose roles may be assumed.
func stsStage(t testing.TB, change func(*iam.Config)) (*stage, *iam.STS, *[]iam.Event) {
	t.Helper()
	s := newStage(t, func(cfg *iam.Config) {
		for name, text := range map[string]string{
			"pool-authenticated": trust(federated, `"sts:AssumeRoleWithWebIdentity"`, ofPool),
			"pool-tagged":        trust(federated, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, ofPool),
			"trusts-role":        trust(aws1(roleARN), `"sts:AssumeRole"`, `{}`),
			"trusts-account":     trust(aws1(account), `"sts:AssumeRole"`, `{}`),
			"trusts-tags":        trust(aws1(roleARN), `["sts:AssumeRole","sts:TagSession"]`, `{"StringEquals":{"aws:RequestTag/Team":"blue"}}`),
			"trusts-external":    trust(aws1(roleARN), `"sts:AssumeRole"`, `{"StringEquals":{"sts:ExternalId":"secret-42"}}`),
			"denies":             document(`{"Effect":"Allow","Principal":"*","Action":"sts:*"}`, `{"Effect":"Deny","Principal":`+aws1(sessionARN)+`,"Action":"*"}`),
		} {
			cfg.Roles = append(cfg.Roles, iam.RoleConfig{Name: name, Trust: parsePolicy(t, text)})
		}
		if change != nil {
			change(cfg)
		}
	})
	events := &[]iam.Event{}
	service, err := iam.NewSTS(iam.STSConfig{Account: s.Account, Log: func(e iam.Event) { *events = append(*events, e) }, Providers: []iam.WebIdentityProvider{{
		Principal: "cognito-identity.amazonaws.com", Issuer: "https://cognito-identity.amazonaws.com", Algorithms: []verify.Algorithm{verify.RS512},
		Keys: staticKeys{},
	}, {
		Principal: "arn:aws:iam::000000000000:oidc-provider/tenant.example.com", Issuer: "https://tenant.example.com", Audiences: []string{"client"},
		Algorithms: []verify.Algorithm{verify.RS512}, Keys: staticKeys{},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return s, service, events
}

type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request to STS, signed by keys unless they are nil.
func (s *stage) call(t testing.TB, h http.Handler, keys *sigv4.Credentials, parameters ...string) answer {
	t.Helper()
	form := url.Values{"Version": {"2011-06-15"}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	body := form.Encode()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:4566/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if keys != nil {
		sigv4.Sign(r, []byte(body), *keys, "sts", "us-east-1", s.now)
	}
	return serve(t, h, r)
}

func serve(t testing.TB, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{w.Code, w.Result().Header, string(b)}
}

// refusal wants an error's exact bytes.
func (a answer) refusal(t testing.TB, what string, status int, code, message string) {
	t.Helper()
	want := `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>` + code + `</Code>
    <Message>` + message + `</Message>
  </Error>
  <RequestId>ID</RequestId>
</ErrorResponse>
`
	got := strings.ReplaceAll(uuid.ReplaceAllString(a.body, "ID"), "&#39;", "'")
	if a.status != status || got != want || a.header.Get("Content-Type") != "text/xml" {
		t.Errorf("%s: %d %s\nwant %d %s", what, a.status, got, status, want)
	}
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// blank takes out of an answer what is random.
func (a answer) blank() string {
	text := uuid.ReplaceAllString(a.body, "ID")
	for pattern, to := range map[string]string{`ASIA[A-Z2-7]{16}`: "ASIA", `AROA[A-Z2-7]{17}`: "AROA", `(<SecretAccessKey>)[^<]{40}<`: "$1<", `(<SessionToken>)[^<]*<`: "$1<"} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, to)
	}
	return text
}

// keysOf reads the credentials of an answer.
func (a answer) keysOf(t testing.TB) sigv4.Credentials {
	t.Helper()
	field := func(name string) string {
		m := regexp.MustCompile("<" + name + ">([^<]*)</").FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("no %s in %d %s", name, a.status, a.body)
		}
		return m[1]
	}
	return sigv4.Credentials{AccessKeyID: field("AccessKeyId"), SecretAccessKey: strings.ReplaceAll(field("SecretAccessKey"), "&#43;", "+"), SessionToken: field("SessionToken")}
}

func TestGetCallerIdentity(t *testing.T) {
	s, sts, events := stsStage(t, func(cfg *iam.Config) {
		cfg.Roles[0].Policies = []policy.Document{parsePolicy(t, document(statement("Deny", "*", "*")))}
	})
	want := func(arn, id string) string {
		return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>` + arn + `</Arn>
    <UserId>` + id + `</UserId>
    <Account>000000000000</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>ID</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`
	}
	a := s.call(t, sts, &rootKeys, "Action", "GetCallerIdentity")
	if a.status != 200 || a.blank() != want("arn:aws:iam::000000000000:root", account) || a.header.Get("Date") != start.Format(http.TimeFormat) || a.header.Get("Content-Type") != "text/xml" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	keys := s.assume(t, iam.AssumeRequest{}).Credentials
	if a = s.call(t, sts, &keys, "Action", "GetCallerIdentity"); a.status != 200 || a.blank() != want(sessionARN, "AROA:me") {
		t.Errorf("%d %s", a.status, a.body) // "even if an explicit deny"
	}
	if e := (*events)[1]; e.Operation != "GetCallerIdentity" || e.Caller != sessionARN || e.Code != "" || strings.Contains(e.String(), keys.SessionToken) {
		t.Errorf("%+v", e)
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	sigv4.Sign(r, nil, keys, "sts", "us-east-1", s.now)
	if a = serve(t, sts, r); a.status != 200 || a.blank() != want(sessionARN, "AROA:me") {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
}

// TestPresignedCallerIdentity: what SDKs presign for STS says no X-Amz-Expires, and is
// good for as long as a signed header.
func TestPresignedCallerIdentity(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	keys := s.assume(t, iam.AssumeRequest{}).Credentials
	query := func(keys sigv4.Credentials) string {
		q := "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + keys.AccessKeyID +
			"%2F20261121%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261121T140211Z&X-Amz-Security-Token=" + url.QueryEscape(keys.SessionToken) + "&X-Amz-SignedHeaders=host"
		mac := func(key []byte, text string) []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(text))
			return h.Sum(nil)
		}
		hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
		key := []byte("AWS4" + keys.SecretAccessKey)
		for _, part := range []string{"20261121", "us-east-1", "sts", "aws4_request"} {
			key = mac(key, part)
		}
		canonical := "GET\n/\n" + q + "\nhost:localhost:4566\n\nhost\n" + hash("")
		return q + fmt.Sprintf("&X-Amz-Signature=%x", mac(key, "AWS4-HMAC-SHA256\n20261121T140211Z\n20261121/us-east-1/sts/aws4_request\n"+hash(canonical)))
	}
	get := func(query string) answer {
		return serve(t, sts, httptest.NewRequest(http.MethodGet, "http://localhost:4566/?"+query, nil))
	}
	good := query(keys)
	if a := get(good); a.status != 200 || !strings.Contains(a.body, "<Arn>"+sessionARN+"</Arn>") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := get(strings.Replace(good, "GetCallerIdentity", "GetSessionToken", 1)); a.status != 403 || !strings.Contains(a.body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another operation: %d %s", a.status, a.body)
	}
	swapped := keys
	swapped.SessionToken = s.assume(t, iam.AssumeRequest{}).SessionToken
	get(query(swapped)).refusal(t, "another's token", 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	s.now = start.Add(5*time.Minute + time.Second)
	if a := get(good); a.status != 403 || !strings.Contains(a.body, "<Message>Signature expired: 20261121T140211Z is now earlier than 20261121T140212Z") {
		t.Errorf("late: %d %s", a.status, a.body)
	}
}

// TestSTSRefusesSignatures: codes and statuses of the query protocol.
func TestSTSRefusesSignatures(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	keys := s.assume(t, iam.AssumeRequest{}).Credentials
	other := s.assume(t, iam.AssumeRequest{}).Credentials
	identity := func(keys *sigv4.Credentials) answer { return s.call(t, sts, keys, "Action", "GetCallerIdentity") }
	const unknown = "The security token included in the request is invalid."

	identity(nil).refusal(t, "unsigned", 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	swapped := keys
	swapped.SessionToken = other.SessionToken
	identity(&swapped).refusal(t, "another's token", 403, "InvalidClientTokenId", unknown)
	swapped = keys
	swapped.SecretAccessKey = other.SecretAccessKey
	if a := identity(&swapped); a.status != 403 || !strings.Contains(a.body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another's secret: %d %s", a.status, a.body)
	}
	tokenless := keys
	tokenless.SessionToken = ""
	identity(&tokenless).refusal(t, "no token", 403, "InvalidClientTokenId", unknown)
	tampered := keys
	tampered.SessionToken = "B" + keys.SessionToken[1:]
	identity(&tampered).refusal(t, "tampered", 403, "InvalidClientTokenId", unknown)
	_, elsewhere, _ := stsStage(t, func(cfg *iam.Config) { cfg.Keys = [][]byte{[]byte("another stage's key of 32 bytes!")} })
	s.call(t, elsewhere, &keys, "Action", "GetCallerIdentity").refusal(t, "another stage", 403, "InvalidClientTokenId", unknown)

	s.now = start.Add(time.Hour)
	identity(&keys).refusal(t, "expired", 403, "ExpiredToken", "The security token included in the request is expired")
	s.now = start

	r := httptest.NewRequest(http.MethodGet, "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	if a := serve(t, sts, r); a.status != 400 || !strings.Contains(a.body, "<Code>IncompleteSignature</Code>") {
		t.Errorf("malformed: %d %s", a.status, a.body)
	}
	r = httptest.NewRequest(http.MethodGet, "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	sigv4.Sign(r, nil, rootKeys, "sts", "us-east-1", s.now.Add(-6*time.Minute))
	serve(t, sts, r).refusal(t, "late", 403, "SignatureDoesNotMatch", "Signature expired: 20261121T135611Z is now earlier than 20261121T135711Z (20261121T140211Z - 5 min.)")
	r = httptest.NewRequest(http.MethodGet, "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	sigv4.Sign(r, nil, rootKeys, "s3", "us-east-1", s.now)
	if a := serve(t, sts, r); a.status != 403 || !strings.Contains(a.body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another service's scope: %d %s", a.status, a.body)
	}
}

func TestAssumeRole(t *testing.T) {
	s, sts, events := stsStage(t, func(cfg *iam.Config) {
		cfg.Roles[1].Policies = []policy.Document{parsePolicy(t, document(statement("Allow", "sts:AssumeRole", "arn:aws:iam::000000000000:role/*")))}
	})
	plain := s.assume(t, iam.AssumeRequest{}).Credentials                               // no policies
	entitled := s.assume(t, iam.AssumeRequest{Role: "dev-app-other"}).Credentials       // may assume by its own policy
	elsewhere := s.assume(t, iam.AssumeRequest{Session: "somebody-else"}).Credentials   // of dev-app-fn
	arn := func(role string) string { return "arn:aws:iam::000000000000:role/" + role } // of this account
	assume := func(keys *sigv4.Credentials, role string, more ...string) answer {
		return s.call(t, sts, keys, append([]string{"Action", "AssumeRole", "RoleArn", role, "RoleSessionName", "next"}, more...)...)
	}
	a := assume(&plain, arn("trusts-role"), "DurationSeconds", "900")
	want := `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROA:next</AssumedRoleId>
      <Arn>arn:aws:sts::000000000000:assumed-role/trusts-role/next</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIA</AccessKeyId>
      <SecretAccessKey></SecretAccessKey>
      <SessionToken></SessionToken>
      <Expiration>2026-11-21T14:17:11Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>ID</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
`
	if a.status != 200 || a.blank() != want {
		t.Errorf("%d %s\nwant %s", a.status, a.blank(), want)
	}
	next := a.keysOf(t)
	if who := s.call(t, sts, &next, "Action", "GetCallerIdentity"); who.status != 200 || !strings.Contains(who.body, ":assumed-role/trusts-role/next</Arn>") {
		t.Errorf("%d %s", who.status, who.body)
	}

	denied := func(who, action, role, end string) string {
		return "User: " + who + " is not authorized to perform: " + action + " on resource: " + role + end
	}
	otherARN := "arn:aws:sts::000000000000:assumed-role/dev-app-other/me"
	const deny = 403
	for _, row := range []struct {
		what    string
		keys    sigv4.Credentials
		role    string
		more    []string
		status  int // 200, or of a refusal
		code    string
		message string
	}{
		{"trusted by name", elsewhere, arn("trusts-role"), nil, 200, "", ""},
		{"not trusted", entitled, arn("trusts-role"), nil, deny, "AccessDenied", denied(otherARN, "sts:AssumeRole", arn("trusts-role"), "")},
		{"no such role", plain, arn("nobody-has-it"), nil, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("nobody-has-it"), "")},
		{"another account's role", plain, "arn:aws:iam::111122223333:role/trusts-role", nil, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", "arn:aws:iam::111122223333:role/trusts-role", "")},
		{"a role without trust", entitled, arn("dev-app-fn"), nil, deny, "AccessDenied", denied(otherARN, "sts:AssumeRole", arn("dev-app-fn"), "")},
		{"the account is trusted, and the caller may", entitled, arn("trusts-account"), nil, 200, "", ""},
		{"the account is trusted, and the caller may not", plain, arn("trusts-account"), nil, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("trusts-account"), "")},
		{"denied by the trust policy", plain, arn("denies"), nil, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("denies"), "")},
		{"another than the denied", elsewhere, arn("denies"), nil, 200, "", ""},
		{"root", rootKeys, arn("trusts-role"), nil, deny, "AccessDenied", "Roles may not be assumed by root accounts."},
		{"tags that are trusted", plain, arn("trusts-tags"), []string{"Tags.member.1.Key", "Team", "Tags.member.1.Value", "blue"}, 200, "", ""},
		{"other tags", plain, arn("trusts-tags"), []string{"Tags.member.1.Key", "Team", "Tags.member.1.Value", "red"}, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("trusts-tags"), "")},
		{"tags without sts:TagSession", plain, arn("trusts-role"), []string{"Tags.member.1.Key", "Team", "Tags.member.1.Value", "blue"}, deny, "AccessDenied", denied(sessionARN, "sts:TagSession", arn("trusts-role"), "")},
		{"the confused deputy's external id", plain, arn("trusts-external"), []string{"ExternalId", "another-1"}, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("trusts-external"), "")},
		{"no external id", plain, arn("trusts-external"), nil, deny, "AccessDenied", denied(sessionARN, "sts:AssumeRole", arn("trusts-external"), "")},
		{"the external id", plain, arn("trusts-external"), []string{"ExternalId", "secret-42"}, 200, "", ""},

		{"too short", plain, arn("trusts-role"), []string{"DurationSeconds", "899"}, 400, "ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"too long for anybody", plain, arn("trusts-role"), []string{"DurationSeconds", "43201"}, 400, "ValidationError", "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		{"too long for the role", plain, arn("trusts-role"), []string{"DurationSeconds", "3601"}, 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"a session's name", plain, arn("trusts-role"), []string{"RoleSessionName", "a/b"}, 400, "ValidationError", `1 validation error detected: Value 'a/b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"a short name", plain, arn("trusts-role"), []string{"RoleSessionName", "a"}, 400, "ValidationError", "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{"no ARN", plain, "arn:aws:sts::000000000000:role/x", nil, 400, "ValidationError", "arn:aws:sts::000000000000:role/x is invalid"},
		{"no policy", plain, arn("trusts-role"), []string{"Policy", "{"}, 400, "MalformedPolicyDocument", "The policy is not in the valid JSON format."},
		{"managed policies", plain, arn("trusts-role"), []string{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}, 400, "ValidationError", "PolicyArns is a parameter of AWS STS that Doorwright does not emulate."},
		{"MFA", plain, arn("trusts-role"), []string{"SerialNumber", "arn:aws:iam::0:mfa/x"}, 400, "ValidationError", "SerialNumber is a parameter of AWS STS that Doorwright does not emulate."},
	} {
		a := assume(&row.keys, row.role, row.more...)
		if row.status == 200 {
			if a.status != 200 {
				t.Errorf("%s: %d %s", row.what, a.status, a.body)
			}
			continue
		}
		a.refusal(t, row.what, row.status, row.code, row.message)
	}
	for _, e := range *events {
		if strings.Contains(e.String(), plain.SessionToken) || e.Code == "AccessDenied" && e.Reason == "" && !strings.Contains(e.Message, "root") {
			t.Errorf("%s", e)
		}
	}
}

// TestSessionPolicyIntersects: a session's policy can only take away, and its tags
// are its principal's.
func TestSessionPolicyIntersects(t *testing.T) {
	s, sts, _ := stsStage(t, func(cfg *iam.Config) {
		for i := range cfg.Roles {
			if cfg.Roles[i].Name == "trusts-tags" {
				cfg.Roles[i].Policies = []policy.Document{parsePolicy(t, document(statement("Allow", "s3:GetObject", "arn:aws:s3:::notes/${aws:PrincipalTag/Team}/*")))}
			}
		}
	})
	keys := s.assume(t, iam.AssumeRequest{}).Credentials
	a := s.call(t, sts, &keys, "Action", "AssumeRole", "RoleArn", "arn:aws:iam::000000000000:role/trusts-tags", "RoleSessionName", "next",
		"Tags.member.1.Key", "Team", "Tags.member.1.Value", "blue", "Policy", document(statement("Allow", "*", "arn:aws:s3:::*/public*")))
	if a.status != 200 || !regexp.MustCompile(`<PackedPolicySize>\d+</PackedPolicySize>`).MatchString(a.body) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	next := a.keysOf(t)
	p, err := s.Principal(next.AccessKeyID, next.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for object, want := range map[string]string{
		"blue/public": "", "blue/private": "because no session policy allows the s3:GetObject action", "red/public": "because no identity-based policy allows the s3:GetObject action",
	} {
		d := s.Decide(p, iam.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::notes/" + object}, nil)
		if d.Allowed != (want == "") || !d.Allowed && !strings.HasSuffix(d.Message(), want) {
			t.Errorf("%s: %+v %s", object, d, d.Message())
		}
	}
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	s, sts, events := stsStage(t, nil)
	assume := func(role, token string, more ...string) answer {
		return s.call(t, sts, nil, append([]string{"Action", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::000000000000:role/" + role,
			"RoleSessionName", "CognitoIdentityCredentials", "WebIdentityToken", token}, more...)...)
	}
	a := assume("pool-authenticated", poolToken(t, nil))
	want := `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>us-east-1:me</SubjectFromWebIdentityToken>
    <Audience>` + pool + `</Audience>
    <AssumedRoleUser>
      <AssumedRoleId>AROA:CognitoIdentityCredentials</AssumedRoleId>
      <Arn>arn:aws:sts::000000000000:assumed-role/pool-authenticated/CognitoIdentityCredentials</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIA</AccessKeyId>
      <SecretAccessKey></SecretAccessKey>
      <SessionToken></SessionToken>
      <Expiration>2026-11-21T15:02:11Z</Expiration>
    </Credentials>
    <Provider>cognito-identity.amazonaws.com</Provider>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata>
    <RequestId>ID</RequestId>
  </ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
`
	if a.status != 200 || a.blank() != want {
		t.Fatalf("%d %s\nwant %s", a.status, a.blank(), want)
	}
	keys := a.keysOf(t)
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil || p.Session.Identity == nil || fmt.Sprint(*p.Session.Identity) != "{us-east-1:me "+pool+" [authenticated localhost:4000/x]}" || p.Session.Provider != "cognito-identity.amazonaws.com" {
		t.Errorf("%+v %v", p, err)
	}
	tags := map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"team": []string{"blue"}}}}
	if a = assume("pool-tagged", poolToken(t, tags)); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	keys = a.keysOf(t)
	if p, err = s.Principal(keys.AccessKeyID, keys.SessionToken); err != nil || fmt.Sprint(p.Session.Tags) != "map[team:blue]" {
		t.Errorf("%+v %v", p, err)
	}

	const denied, invalid = "Not authorized to perform sts:AssumeRoleWithWebIdentity", "The web identity token that was passed could not be validated."
	good := poolToken(t, nil)
	assume("pool-authenticated", good, "DurationSeconds", "7200").refusal(t, "longer than the role", 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	assume("dev-app-fn", good, "DurationSeconds", "7200").refusal(t, "longer than the role that does not trust it", 403, "AccessDenied", denied)
	for _, row := range []struct {
		what, role, token string
		status            int
		code, message     string
	}{
		{"another pool's identity", "pool-authenticated", poolToken(t, map[string]any{"aud": "us-east-1:another"}), 403, "AccessDenied", denied},
		{"a guest", "pool-authenticated", poolToken(t, map[string]any{"amr": []string{"unauthenticated"}}), 403, "AccessDenied", denied},
		{"no amr", "pool-authenticated", poolToken(t, map[string]any{"amr": nil}), 403, "AccessDenied", denied},
		{"tags without sts:TagSession", "pool-authenticated", poolToken(t, tags), 403, "AccessDenied", denied},
		{"another provider", "pool-authenticated", poolToken(t, map[string]any{"iss": "https://tenant.example.com", "aud": "client"}), 403, "AccessDenied", denied},
		{"a function's role", "dev-app-fn", good, 403, "AccessDenied", denied},
		{"a role that trusts roles", "trusts-role", good, 403, "AccessDenied", denied},
		{"a role that trusts everybody in the account", "denies", good, 403, "AccessDenied", denied},
		{"no such role", "nobody-has-it", good, 403, "AccessDenied", denied},
		{"another issuer", "pool-authenticated", poolToken(t, map[string]any{"iss": "https://evil.example.com"}), 400, "InvalidIdentityToken", invalid},
		{"another audience of a provider", "pool-authenticated", poolToken(t, map[string]any{"iss": "https://tenant.example.com", "aud": "other"}), 400, "InvalidIdentityToken", "Incorrect token audience"},
		{"expired", "pool-authenticated", poolToken(t, map[string]any{"exp": start.Unix() - 60, "iat": start.Unix() - 600}), 400, "ExpiredTokenException",
			fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", start.Unix(), start.Unix()-60)},
		{"two audiences", "pool-authenticated", poolToken(t, map[string]any{"aud": []string{pool, "x"}}), 400, "InvalidIdentityToken", invalid},
		{"no subject", "pool-authenticated", poolToken(t, map[string]any{"sub": nil}), 400, "InvalidIdentityToken", invalid},
		{"forged", "pool-authenticated", good[:len(good)-10] + "AAAAAAAAAA", 400, "InvalidIdentityToken", invalid},
		{"no token", "pool-authenticated", "abcd", 400, "InvalidIdentityToken", invalid},
		{"huge", "pool-authenticated", strings.Repeat("a", 20001), 400, "ValidationError", "1 validation error detected: Value '***' at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000"},
		{"transitive tags", "pool-tagged", poolToken(t, map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{}, "transitive_tag_keys": []string{"x"}}}), 400, "InvalidIdentityToken", invalid},
	} {
		assume(row.role, row.token).refusal(t, row.what, row.status, row.code, row.message)
	}
	for _, e := range *events {
		if strings.Contains(e.String(), good) || strings.Contains(e.String(), good[len(good)-40:]) {
			t.Errorf("the log has a token: %s", e)
		}
	}
}

func TestGetSessionToken(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	a := s.call(t, sts, &rootKeys, "Action", "GetSessionToken", "DurationSeconds", "129600")
	if a.status != 200 || !strings.Contains(a.body, "<Expiration>2026-11-21T15:02:11Z</Expiration>") {
		t.Fatalf("%d %s", a.status, a.body) // an hour for account owners
	}
	keys := a.keysOf(t)
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil || !p.Root || p.Session != nil || p.ARN != "arn:aws:iam::000000000000:root" || p.AccessKeyID != keys.AccessKeyID {
		t.Errorf("%+v %v", p, err)
	}
	abroad := newStage(t, func(cfg *iam.Config) { cfg.AccountID = "111122223333" })
	refused(t, abroad, "another account's root, of the same master key", keys.AccessKeyID, keys.SessionToken, sigv4.ErrUnknownKey)
	s.call(t, sts, &keys, "Action", "GetSessionToken").refusal(t, "root's session", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	role := s.assume(t, iam.AssumeRequest{}).Credentials
	s.call(t, sts, &role, "Action", "GetSessionToken").refusal(t, "a role's session", 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	s.now = start.Add(time.Hour)
	s.call(t, sts, &keys, "Action", "GetCallerIdentity").refusal(t, "expired", 403, "ExpiredToken", "The security token included in the request is expired")
}

func TestGetAccessKeyInfo(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	role := s.assume(t, iam.AssumeRequest{}).Credentials
	if a := s.call(t, sts, &rootKeys, "Action", "GetAccessKeyInfo", "AccessKeyId", role.AccessKeyID); a.status != 200 || !strings.Contains(a.body, "<Account>000000000000</Account>") {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.call(t, sts, &role, "Action", "GetAccessKeyInfo", "AccessKeyId", role.AccessKeyID).refusal(t, "a role without a permission", 403, "AccessDenied",
		"User: "+sessionARN+" is not authorized to perform: sts:GetAccessKeyInfo on resource: * because no identity-based policy allows the sts:GetAccessKeyInfo action")
}

// TestSTSRequests: what is no request of STS, or none that is emulated.
func TestSTSRequests(t *testing.T) {
	s, sts, _ := stsStage(t, nil)
	s.call(t, sts, &rootKeys, "Action", "GetFederationToken").refusal(t, "not emulated", 400, "UnsupportedOperation", "GetFederationToken is an operation of AWS STS that Doorwright does not emulate.")
	s.call(t, sts, &rootKeys, "Action", "Nothing").refusal(t, "unknown", 400, "InvalidAction", "Could not find operation Nothing for version 2011-06-15")
	s.call(t, sts, &rootKeys, "Action", "GetCallerIdentity", "Version", "2010").refusal(t, "version", 400, "InvalidAction", "Could not find operation GetCallerIdentity for version 2010")
	s.call(t, sts, &rootKeys).refusal(t, "no action", 400, "MissingAction", "The request is missing an action or a required parameter.")
	s.call(t, sts, nil, "Action", "Nothing").refusal(t, "unknown and unsigned", 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	r := httptest.NewRequest(http.MethodPost, "http://localhost:4566/", strings.NewReader("Action=GetCallerIdentity&Action=AssumeRole"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	serve(t, sts, r).refusal(t, "twice", 404, "MalformedQueryString", "The query string contains a syntax error.")
	r = httptest.NewRequest(http.MethodOptions, "http://localhost:4566/", nil)
	r.Header.Set("Access-Control-Request-Headers", "amz-sdk-request,content-type")
	if a := serve(t, sts, r); a.status != 200 || a.header.Get("Access-Control-Allow-Headers") != "amz-sdk-request,content-type" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
}

// staticKeys is the one key of issuer.
type staticKeys struct{}

func (staticKeys) Key(_ context.Context, h verify.Header) (crypto.PublicKey, error) {
	if h.KeyID != "us-east-1-7" {
		return nil, &verify.Error{Reason: verify.UnknownKey}
	}
	return issuer().Public(), nil
}
