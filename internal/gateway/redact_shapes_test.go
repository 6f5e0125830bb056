package gateway_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/gateway"
)

// TestRedactShapes has secrets as clients, frameworks and loggers write them, by
// themselves, as a body, and as JSON in a string of JSON. What is beside a secret stays.
func TestRedactShapes(t *testing.T) {
	for name, text := range map[string]string{
		"PHP's and Rails' nested form":            "user[name]=SEEN1&user[password]=S3CR3T&x=SEEN",
		"a list in a form":                        "a=SEEN1&token[]=S3CR3T&token[0]=S3CR3T&x=SEEN",
		"a form as curl --data sends it":          "a=SEEN1&password=p,S3CR3T;S3CR3T)S3CR3T]S3CR3T}S3CR3T|S3CR3T<S3CR3T>S3CR3T&x=SEEN",
		"a form with a quote":                     "a=SEEN1&password=it's-S3CR3T&x=SEEN",
		"Slack's form: JSON, percent-encoded":     "payload=%7B%22type%22%3A%22SEEN1%22%2C%22token%22%3A%22S3CR3T%22%2C%22x%22%3A%22y%22%7D&x=SEEN",
		"a URL in a query, percent-encoded":       "next=https%3A%2F%2FSEEN1%2Fcb%3Fcode%3DS3CR3T%26state%3DS3CR3T&x=SEEN",
		"a name that is badly percent-encoded":    "a=SEEN1&%zzpass%77ord=S3CR3T&x=SEEN",
		"an escape at a name's end":               `{"a":"SEEN1","passwor\u0064":"S3CR3T","x":"SEEN"}`,
		"a name that is all escapes":              `{"a":"SEEN1","\u0070\u0061\u0073\u0073\u0077\u006f\u0072\u0064":"S3CR3T","x":"SEEN"}`,
		"JSON with a tab":                         "{\"a\":\"SEEN1\",\"password\":\t\"S3CR3T\",\"x\":\"SEEN\"}",
		"JSON with a line break":                  "{\"a\":\"SEEN1\",\"password\":\r\n  \"S3CR3T\",\"x\":\"SEEN\"}",
		"JSON with a space before":                "{\"a\":\"SEEN1\",\"password\"\t:\n\t\"S3CR3T\",\"x\":\"SEEN\"}",
		"Okta's user":                             `{"profile":{"login":"SEEN1"},"credentials":{"password":{"value":"S3CR3T"}},"x":"SEEN"}`,
		"an old and a new password":               `{"a":"SEEN1","password":{"old":"S3CR3T","new":"S3CR3T","more":{"n":["S3CR3T"]},"at":12345},"x":"SEEN"}`,
		"tokens that are objects":                 `{"a":"SEEN1","tokens":[{"scopes":["read"],"value":"S3CR3T"},{"value":"S3CR3T"}],"x":"SEEN"}`,
		"lists in lists":                          `{"a":"SEEN1","cookies":[["b","c"],"S3CR3T"],"x":"SEEN"}`,
		"Python's bytes":                          `{'a': 'SEEN1', 'password': b'S3CR3T', 'x': 'SEEN'}`,
		"Go's struct":                             `{Name:SEEN1 Password:p,S3CR3T)S3CR3T X:SEEN}`,
		"XML with attributes":                     `<user><name>SEEN1</name><password xsi:type="xsd:string">S3CR3T</password><x>SEEN</x></user>`,
		"XML that begins with a secret":           `<pwd type="text">S3CR3T</pwd><x>SEEN</x><y>SEEN1</y>`,
		"a URL without a scheme":                  "//app:S3CR3T@SEEN1/ SEEN",
		"XML with CDATA":                          `<user><name>SEEN1</name><password><![CDATA[S3CR3T]]></password><x>SEEN</x></user>`,
		"XML with CDATA and a bracket":            `<user><name>SEEN1</name><token kind="a"><![CDATA[<S3CR3T>]]></token><x>SEEN</x></user>`,
		"the password of a URL":                   "SEEN1 postgres://app:S3CR3T@db.example:5432/app SEEN",
		"the password of a URL with a colon":      "SEEN1 redis://:S3CR3T:S3CR3T@cache.example SEEN",
		"a private key":                           "SEEN1 -----BEGIN RSA PRIVATE KEY-----\nS3CR3T\nS3CR3T==\n-----END RSA PRIVATE KEY-----\nSEEN",
		"a private key in JSON":                   `{"a":"SEEN1","pem":"-----BEGIN PRIVATE KEY-----\nS3CR3T\n-----END PRIVATE KEY-----\n","x":"SEEN"}`,
		"a service account":                       `{"a":"SEEN1","private_key_id":"S3CR3T","private_key":"-----BEGIN PRIVATE KEY-----\nS3CR3T\n-----END PRIVATE KEY-----\n","x":"SEEN"}`,
		"a map of JavaScript, Ruby or PHP":        `Map(2) { 'a' => 'SEEN1', 'password' => 'S3CR3T', x => 'SEEN' }`,
		"a quote in an element":                   `<user><name>SEEN1</name><password>p"S3CR3T\S3CR3T'S3CR3T</password><x>SEEN</x></user>`,
		"a backslash in a form":                   `a=SEEN1&password=p\S3CR3T\xS3CR3T&x=SEEN`,
		"values with a type in between":           `{"a":"SEEN1","fields":[{"name":"password","type":"text","value":"S3CR3T"}],"x":"SEEN"}`,
		"a URL in a URL in a query":               "next=https%3A%2F%2FSEEN1%2F%3Fto%3Dhttps%253A%252F%252Fx%253Ftoken%253DS3CR3T%2526code%253DS3CR3T&x=SEEN",
		"Auth0's ticket":                          `{"a":"SEEN1","ticket":"https://t.example/lo/reset?ticket=S3CR3T#","x":"SEEN"}`,
		"Cognito's sign-in":                       `{"ClientId":"SEEN1","AuthParameters":{"USERNAME":"ann","PASSWORD":"S3CR3T","SECRET_HASH":"S3CR3T"},"x":"SEEN"}`,
		"SRP":                                     `{"ChallengeName":"SEEN1","ChallengeResponses":{"PASSWORD_CLAIM_SIGNATURE":"S3CR3T","PASSWORD_CLAIM_SECRET_BLOCK":"S3CR3T"},"x":"SEEN"}`,
		"a presigned URL":                         "GET https://SEEN1/?X-Amz-Credential=S3CR3T%2F2026&X-Amz-Signature=S3CR3T&X-Amz-Security-Token=S3CR3T&x=SEEN",
		"keys of a role":                          "a=SEEN1\nAWS_SECRET_ACCESS_KEY=S3CR3T/S3+CR=\nAWS_SESSION_TOKEN=S3CR3T\nx=SEEN",
		"a cookie that is set":                    `{"a":"SEEN1","headers":{"Set-Cookie":"sid=S3CR3T; Path=/"},"multiValueHeaders":{"set-cookie":["a=S3CR3T"]},"x":"SEEN"}`,
		"a name that is said twice":               `{"a":"SEEN1","password":"S3CR3T","password":"S3CR3T","x":"SEEN"}`,
		"a multipart form without quotes":         "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nSEEN1\r\n--B\r\nContent-Disposition: form-data; name=password\r\n\r\nS3CR3T\r\n--B\r\nContent-Disposition: form-data; name=x\r\n\r\nSEEN\r\n--B--",
		"a multipart form with the name after it": "--B\r\nContent-Disposition: form-data; filename=SEEN1; name=\"password\"\r\nContent-Type: text/plain\r\n\r\nS3CR3T\r\n--B\r\nContent-Disposition: form-data; name=x\r\n\r\nSEEN\r\n--B--",
		"a multipart form with line feeds":        "--B\nContent-Disposition: form-data; name=a\n\nSEEN1\n--B\nContent-Disposition: form-data; name=\"password\"\n\nS3CR3T\n--B\nContent-Disposition: form-data; name=x\n\nSEEN\n--B--",
	} {
		t.Run(name, func(t *testing.T) {
			forms := []string{text}
			for range 2 {
				nested, err := json.Marshal(map[string]string{"before": "BEFORE", "body": forms[len(forms)-1], "path": "AFTER"})
				if err != nil {
					t.Fatal(err)
				}
				forms = append(forms, string(nested))
			}
			for depth, form := range forms {
				got := string(gateway.Redact([]byte(form)))
				if strings.Contains(got, "S3CR3T") {
					t.Errorf("%d deep, %s\nleaves %s", depth, form, got)
				}
				for _, seen := range []string{"SEEN1", "SEEN", "BEFORE", "AFTER"} {
					if strings.Count(got, seen) < min(1, strings.Count(form, seen)) || seen == "SEEN" && !strings.Contains(strings.ReplaceAll(got, "SEEN1", ""), seen) {
						t.Errorf("%d deep, %s\nloses %s: %s", depth, form, seen, got)
					}
				}
			}
		})
	}
}

// TestRedactOfAnything has texts made of what the redactor looks at, whole and cut: none
// makes it panic, go on without end, or say what it was told is secret.
func TestRedactOfAnything(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := rand.New(rand.NewPCG(seed, 2))
	parts := []string{
		"password", "token", "name", "value", "x", "b", "u0026", "u003c", "u003e", "n", "t", "25", "3D", "3a", "22", "5C", "7B", "2c", "eyJ", "Bearer", "jwt", "body", "![CDATA[", "]]",
		"-----BEGIN ", "PRIVATE KEY-----", "-----END", "://", "//", `\/\/`, `"isBase64Encoded":true`, `\`, `\\`, `"`, "'", ":", "=", ">", "<", "</", "@", "%", "&", "[", "]", "{", "}", ",", ";", " ", "\t", "\r\n", "\n\n", "é", "\x80", "123",
	}
	for range 50_000 {
		var b strings.Builder
		for range g.IntN(30) {
			b.WriteString(parts[g.IntN(len(parts))])
		}
		text := b.String()
		b.Reset()
		b.WriteString(text[:g.IntN(len(text)+1)] + "kn0wnS3CR3T" + text)
		if got := string(gateway.RedactNamed([]byte(b.String()), []string{"x-door"}, "kn0wnS3CR3T")); strings.Contains(got, "S3CR3T") {
			t.Fatalf("seed %d: %q gives %q", seed, b.String(), got)
		}
		gateway.WithoutTokens(b.String())
	}
}
