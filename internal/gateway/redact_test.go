package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

// TestRedact says what is left out of an event, a reply, an error and a line of a log.
func TestRedact(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	for in, want := range map[string]string{
		`{"authorization":"Bearer abc","accept":"*/*"}`:                                              `{"authorization":"***","accept":"*/*"}`,
		`{"X-Api-Key": "k\"ey", "a":1}`:                                                              `{"X-Api-Key": "***", "a":1}`,
		`{"multiValueHeaders":{"Cookie":["a=b","c=d"],"Host":["h"]}}`:                                `{"multiValueHeaders":{"Cookie":["***","***"],"Host":["h"]}}`,
		`{"cookies":["a=b; c"],"x":2}`:                                                               `{"cookies":["***"],"x":2}`,
		`{"body":"{\"password\":\"p\\\"w\\\\\",\"name\":\"n\"}"}`:                                    `{"body":"{\"password\":\"***\",\"name\":\"n\"}"}`,
		`{"body":"{\"a\":\"{\\\"secret\\\":\\\"s\\\",\\\"b\\\":1}\"}"}`:                              `{"body":"{\"a\":\"{\\\"secret\\\":\\\"***\\\",\\\"b\\\":1}\"}"}`,
		`{"body":"{\"p\u0061ssword\":\"pw\",\"n\":1}"}`:                                              `{"body":"{\"p\u0061ssword\":\"***\",\"n\":1}"}`,
		`{"body":"user=u&pass%77ord=pw&x=1"}`:                                                        `{"body":"user=u&pass%77ord=***&x=1"}`,
		`{"body":"cGFzc3dvcmQ9cHc=","isBase64Encoded":true}`:                                         `{"body":"***","isBase64Encoded":true}`,
		`{"rawQueryString":"code=123&id=7&sig=ab%20c"}`:                                              `{"rawQueryString":"code=***&id=7&sig=***"}`,
		`{"code":123456,"statusCode":200,"routeKey":"GET /x"}`:                                       `{"code":***,"statusCode":200,"routeKey":"GET /x"}`,
		`{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"a","nonce":"n"}}}}}`:               `{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"a","nonce":"***"}}}}}`,
		`{"cookies":null,"token":true,"key":7}`:                                                      `{"cookies":null,"token":true,"key":***}`,
		"token is " + jwt + " it was":                                                                "token is *** it was",
		"got Bearer abcdef.ghi now":                                                                  "got Bearer *** now",
		"Authorization: AWS4-HMAC-SHA256 Credential=A/b, Signature=c\nnext":                          "Authorization: ***\nnext",
		`{"body":"a\nAuthorization: Basic abc\nx-token: Bearer abc"}`:                                `{"body":"a\nAuthorization: ***\nx-token: ***"}`,
		"password=hunter2, user=me":                                                                  "password=***, user=me",
		"map[authorization:Bearer zzz accept:*/*]":                                                   "map[authorization:***]",
		"<user><password>pw</password><name>n</name></user>":                                         "<user><password>***</password><name>n</name></user>",
		`{"body":"\u003cpassword\u003epw\u003c/password\u003e"}`:                                     `{"body":"\u003cpassword\u003e***\u003c/password\u003e"}`,
		`{'clientSecret': 'abc', 'b': 1}`:                                                            `{'clientSecret': '***', 'b': 1}`,
		`{"Set-Cookie":"s=1`:                                                                         `{"Set-Cookie":"***`,
		"GET /a 200 12:30:45":                                                                        "GET /a 200 12:30:45",
		`{"queryStringParameters":{"isBase64Encoded":"false"},"body":"cGFz","isBase64Encoded":true}`: `{"queryStringParameters":{"isBase64Encoded":"false"},"body":"***","isBase64Encoded":true}`,
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\npw\r\n--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n--B--": "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n***\r\n--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n--B--",
		`{"body":"form-data; name=\"token\"\r\n\r\np\r\nw\r\n--B","n":1}`:                                                                           `{"body":"form-data; name=\"token\"\r\n\r\n***\r\n--B","n":1}`,
		`{"Name":"password","Value":"p w","n":1}`:                                                                                                   `{"Name":"password","Value":"***","n":1}`,
		`"{\"key\": \"secret\", \"value\": \"p\\\"w\"}"`:                                                                                            `"{\"key\": \"secret\", \"value\": \"***\"}"`,
		`{"name":"me","value":"x"}`:                                                                                                                 `{"name":"me","value":"x"}`,
		`{"a":"know1n"}`:                                                                                                                            `{"a":"***"}`,
		`{"a":1,"isBase64Encoded": true,"body":"cGFzc3dvcmQ9cHc="}`:                                                                                 `{"a":1,"isBase64Encoded": true,"body":"***"}`,
		`{"body":"cGFzc3dvcmQ9cHc","isBase64Encoded":false}`:                                                                                        `{"body":"cGFzc3dvcmQ9cHc","isBase64Encoded":false}`,
		`at x (/app/authorizer/src/auth0.js:52:11)\n token.py:7`:                                                                                    `at x (/app/authorizer/src/auth0.js:52:11)\n token.py:7`,
		"auth.js:1234567 auth.js:12ab token:123456 token.js=12 secret.txt:12":                                                                       "auth.js:*** auth.js:*** token:*** token.js=*** secret.txt:***",
	} {
		if got := string(gateway.Redact([]byte(in), "know1n")); got != want {
			t.Errorf("Redact(%s)\n got %s\nwant %s", in, got, want)
		}
	}
}

// TestRedactKnowsEachWord has each word that says a secret in a name, in every way that names
// are written.
func TestRedactKnowsEachWord(t *testing.T) {
	for _, word := range []string{
		"token", "ticket", "sig", "secret", "session", "state", "code", "credential", "cookie", "password", "passwd", "pwd", "passphrase",
		"key", "auth", "assertion", "jwt", "nonce", "otp", "x-door",
	} {
		for _, name := range []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:], "x_" + word, "a-" + word + "-b", "kn" + word + "9", strings.Repeat("n", 50) + word} {
			if word == "x-door" && len(name) > len(word) { // that name alone
				continue
			}
			for _, form := range []string{`{"%s":"H1DDEN"}`, `{"a":1, "%s" : "H1DDEN"}`, `{"body":"{\"%s\":\"H1DDEN\"}"}`, "a=1&%s=H1DDEN&b=2", "<%s>H1DDEN</a>", `\u003c%s\u003eH1DDEN\u003c`, "%s: H1DDEN", "'%s': 'H1DDEN'", `{"name":"%s","value":"H1DDEN"}`} {
				text := strings.Replace(form, "%s", name, 1)
				if got := string(gateway.RedactNamed([]byte(text), []string{"x-door"})); strings.Contains(got, "H1DDEN") || !strings.Contains(got, "***") {
					t.Errorf("of %s is told %s", text, got)
				}
			}
		}
	}
}

// TestRedactOfTagsAtTheBeginning has XML of which nothing is before the tag, as in a reply,
// and tags that have hardly a name, where a text ends in them too.
func TestRedactOfTagsAtTheBeginning(t *testing.T) {
	for text, want := range map[string]string{
		`<password a="b">H1DDEN</password>`:                         `<password a="b">***</password>`,
		`<pwd a="b">H1DDEN</pwd>`:                                   `<pwd a="b">***</pwd>`,
		`\u003cpwd a=\"b\"\u003eH1DDEN\u003c/pwd\u003e`:             `\u003cpwd a=\"b\"\u003e***\u003c/pwd\u003e`,
		`{"body":"<pwd a='b'>H1DDEN</pwd>"}`:                        `{"body":"<pwd a='b'>***</pwd>"}`,
		`x: <pwd>H1DDEN</pwd><otp at="1">H1DDEN</otp><a b="c">seen`: `x: <pwd>***</pwd><otp at="1">***</otp><a b="c">seen`,
		`<">`: `<">`, `">`: `">`, `'>`: `'>`, `<'>x`: `<'>x`, `pwd=x<">`: `pwd=***<">`,
	} {
		if got := string(gateway.Redact(bytes.Clone([]byte(text))[:len(text):len(text)])); got != want {
			t.Errorf("of %s is told %s, want %s", text, got, want)
		}
	}
}

// TestRedactGivesItsOwnMemory changes a text that has no secret after it was kept.
func TestRedactGivesItsOwnMemory(t *testing.T) {
	text := []byte(`{"plain":"text"}`)
	got := gateway.Redact(text)
	clear(text)
	if string(got) != `{"plain":"text"}` {
		t.Errorf("it has become %q", got)
	}
	for in, want := range map[string]string{"password=hunter2 ok": "password=*** ok", "a line": "a line", "x-door: hunter2": "x-door: ***", "": ""} {
		if got := string(gateway.AppendRedacted([]byte("before "), []byte(in), []string{"x-door"})); got != "before "+want {
			t.Errorf("AppendRedacted(%q) = %q, want %q behind what was there", in, got, want)
		}
	}
}

// TestRedactRandomJSON puts secrets under secret names at any depth, as JSON in strings
// of JSON, and looks for them.
func TestRedactRandomJSON(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := rand.New(rand.NewPCG(seed, 1))
	secrets := 0
	secret := func() string {
		secrets++
		return []string{"", `"`, `\`, `\"`, "'", " ", "\n", "]", "}", ",", ":", "é"}[g.IntN(12)] + fmt.Sprintf("S3CR3T%d", g.IntN(1e6)) + []string{"", `\`, `"`, "&", ";"}[g.IntN(5)]
	}
	var value func(depth int) any
	value = func(depth int) any {
		switch n := g.IntN(7); {
		case depth == 0 || n == 0:
			return []any{1, true, nil, "plain", "a:b", `q"uote`}[g.IntN(6)]
		case n <= 3:
			m := map[string]any{}
			for range 1 + g.IntN(3) {
				switch g.IntN(3) {
				case 0:
					m[[]string{"password", "accessToken", "X-Api-Key", "client_secret", "Cookie"}[g.IntN(5)]] = secret()
				case 1:
					m["authorization"] = []string{secret(), secret()}
				default:
					m[fmt.Sprintf("n%d", g.IntN(100))] = value(depth - 1)
				}
			}
			return m
		case n <= 5:
			text, err := json.Marshal(value(depth - 1))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		return []any{value(depth - 1), value(depth - 1)}
	}
	for range 3000 {
		text, err := json.Marshal(map[string]any{"v": value(5)})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(gateway.Redact(text)); strings.Contains(got, "S3CR3T") {
			t.Fatalf("seed %d: %s\nleaves %s", seed, text, got)
		}
	}
	if secrets == 0 {
		t.Fatal("no secrets were made")
	}
}

// TestRedactIsBounded cuts long texts, and not through a secret.
func TestRedactIsBounded(t *testing.T) {
	for pad := 16300; pad < 16400; pad++ {
		text := `{"a":"` + strings.Repeat("x ", pad/2) + `know1nSECRET","password":"SECRETSECRET"` + strings.Repeat(" ", 1<<20) + "}"
		got := gateway.Redact([]byte(text), "know1nSECRET")
		if len(got) > 17<<10 || cap(got) > 20<<10 || strings.Contains(string(got), "SECRET") || strings.Contains(string(got), "know1n") {
			t.Fatalf("pad %d: %d bytes, ends %q", pad, len(got), got[len(got)-60:])
		}
	}
}

// TestRedactKnowsEncodedBodies cuts an event whose body is encoded, as is said behind it.
func TestRedactKnowsEncodedBodies(t *testing.T) {
	body := base64.StdEncoding.EncodeToString([]byte("password=hunter2&" + strings.Repeat("x=1&", 8<<10)))
	for _, tail := range []string{`","isBase64Encoded":true}`, `", "isBase64Encoded": true}`} {
		if got := string(gateway.Redact([]byte(`{"rawPath":"/a","body":"` + body + tail))); strings.Contains(got, body[:20]) || !strings.Contains(got, "/a") {
			t.Errorf("of an encoded body is told %.200s", got)
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	event := []byte(`{"version":"2.0","routeKey":"GET /private","rawPath":"/private","rawQueryString":"","headers":{"accept":"*/*","authorization":"Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0.` +
		strings.Repeat("abcdefghij", 70) + `","content-length":"0","host":"localhost:3100","user-agent":"bench","x-amzn-trace-id":"Root=1-6920780f-0123456789abcdef01234567","x-forwarded-for":"127.0.0.1","x-forwarded-port":"3100","x-forwarded-proto":"http"},` +
		`"requestContext":{"accountId":"000000000000","apiId":"abcdefghij","authorizer":{"jwt":{"claims":{"aud":"x","email":"a@example.com","exp":"1763735111","iat":"1763731511","iss":"https://issuer","sub":"1234"},"scopes":null}},"domainName":"localhost:3100","domainPrefix":"localhost","http":{"method":"GET","path":"/private","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"bench"},"requestId":"JCJJxhz4PHcEJgQ=","routeKey":"GET /private","stage":"$default","time":"21/Nov/2026:14:05:11 +0000","timeEpoch":1763733911000},"isBase64Encoded":false}`)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	told := make([]byte, 0, len(event))
	for b.Loop() { // with the memory of the request before, and a key as requests bring it
		told = gateway.AppendRedacted(told[:0], event, nil, "an-api-key-0123456789")
	}
}
