package apigw_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

const (
	textPlain = "text/plain; charset=utf-8"
	appJSON   = "application/json"
)

// body gives a reply of status 200 with a body and a content type.
func reply(contentType, body string) apigw.Reply {
	return apigw.Reply{StatusCode: 200, Headers: []apigw.Pair{{Name: "Content-Type", Value: contentType}}, Body: []byte(body)}
}

// What a reply in payload format 2.0 means. Most rows were recorded on AWS.
func TestParseReplyV2(t *testing.T) {
	for _, row := range []struct {
		name, in string
		want     apigw.Reply
	}{
		{"object without statusCode is the body, byte for byte", ` { "a" : 1 , "b":"<&>" }` + "\n", reply(appJSON, ` { "a" : 1 , "b":"<&>" }`+"\n")},
		{"StatusCode is not statusCode", `{"StatusCode":201}`, reply(appJSON, `{"StatusCode":201}`)},
		{"an object without statusCode may hold anything", `{"headers":1,"body":{}}`, reply(appJSON, `{"headers":1,"body":{}}`)},
		{"array", `[1, 2]`, reply(appJSON, `[1, 2]`)},
		{"number", `42`, reply(appJSON, `42`)},
		{"boolean", `true`, reply(appJSON, `true`)},
		{"null", `null`, reply(appJSON, `null`)},
		{"string", `"Hello"`, reply(appJSON, `Hello`)},
		{"string with escapes", `"a\"b\u00e9\n"`, reply(appJSON, "a\"bé\n")},
		{"empty string", `""`, reply(appJSON, ``)},
		{"truncated object", `{"statusCode": 200, "body": "x`, reply(appJSON, `{"statusCode": 200, "body": "x`)},
		{"bare text", `Hello`, reply(appJSON, `Hello`)},
		{"nothing", ``, reply(appJSON, ``)},
		{"statusCode alone", `{"statusCode":200}`, reply(textPlain, ``)},
		{"statusCode and body", `{"statusCode":200,"body":"Hello stranger!"}`, reply(textPlain, `Hello stranger!`)},
		{"content type of its own", `{"statusCode":200,"headers":{"cOnTent-tYpe":"text/html"},"body":"x"}`,
			apigw.Reply{StatusCode: 200, Headers: []apigw.Pair{{Name: "cOnTent-tYpe", Value: "text/html"}}, Body: []byte("x")}},
		{"base64", `{"statusCode":200,"isBase64Encoded":true,"body":"AP8="}`, reply(textPlain, "\x00\xff")},
		{"cookies", `{"statusCode":200,"cookies":["a=1","b=2; Path=/"],"headers":{"Set-Cookie":"c=3"}}`,
			apigw.Reply{StatusCode: 200, Cookies: []string{"a=1", "b=2; Path=/"},
				Headers: []apigw.Pair{{Name: "Set-Cookie", Value: "c=3"}, {Name: "Content-Type", Value: textPlain}}, Body: []byte{}}},
		{"as aws-lambda-go's type marshals", `{"statusCode":200,"headers":null,"multiValueHeaders":null,"body":"x","cookies":null}`, reply(textPlain, "x")},
		{"unknown keys", `{"statusCode":200,"body":"x","extra":[{"a":"}"}]}`, reply(textPlain, "x")},
		{"multiValueHeaders are of the other format", `{"statusCode":200,"multiValueHeaders":{"a":["b"]}}`, reply(textPlain, "")},
		{"edges of the range", `{"statusCode":599}`, apigw.Reply{StatusCode: 599, Headers: []apigw.Pair{{Name: "Content-Type", Value: textPlain}}, Body: []byte{}}},
	} {
		got, err := apigw.ParseReplyV2([]byte(row.in))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		assertReply(t, row.name, got, row.want)
	}
}

func assertReply(t *testing.T, name string, got, want apigw.Reply) {
	t.Helper()
	if string(got.Body) != string(want.Body) {
		t.Errorf("%s: body %q, want %q", name, got.Body, want.Body)
	}
	got.Body, want.Body = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", name, got, want)
	}
}

func TestParseReplyV2Refuses(t *testing.T) {
	for _, in := range []string{
		`{"statusCode":0}`, `{"statusCode":200.5}`, `{"statusCode":2e2}`, `{"statusCode":"200"}`, `{"statusCode":null}`,
		`{"statusCode":true}`, `{"statusCode":[200]}`, `{"statusCode":-1}`, `{"statusCode":99}`, `{"statusCode":101}`,
		`{"statusCode":199}`, `{"statusCode":600}`, `{"statusCode":99999999999999999999}`,
		`{"statusCode":200,"body":{}}`, `{"statusCode":200,"body":1}`,
		`{"body":[],"statusCode":200}`,
		`{"statusCode":200,"headers":[]}`, `{"statusCode":200,"headers":{"a":1}}`, `{"statusCode":200,"headers":{"a":null}}`,
		`{"statusCode":200,"cookies":"a=1"}`, `{"statusCode":200,"cookies":[1]}`,
		`{"statusCode":200,"isBase64Encoded":"true"}`, `{"statusCode":200,"isBase64Encoded":true,"body":"%"}`,
	} {
		if got, err := apigw.ParseReplyV2([]byte(in)); err == nil || !reflect.DeepEqual(got, apigw.Reply{}) {
			t.Errorf("%s: %+v, %v; want an error and no reply", in, got, err)
		}
	}
}

func TestParseReplyV1(t *testing.T) {
	for _, row := range []struct {
		name, in string
		want     apigw.Reply
	}{
		{"statusCode alone", `{"statusCode":200}`, reply(textPlain, "")},
		{"as aws-lambda-go's type marshals", `{"statusCode":200,"headers":null,"multiValueHeaders":null,"body":""}`, reply(textPlain, "")},
		{"single headers before multi", `{"statusCode":200,"multiValueHeaders":{"x-a":["2","3"]},"headers":{"X-A":"1"},"body":"b"}`,
			apigw.Reply{StatusCode: 200, Headers: []apigw.Pair{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "x-a", Value: "3"}, {Name: "Content-Type", Value: textPlain}}, Body: []byte("b")}},
		{"content type among multi", `{"statusCode":200,"multiValueHeaders":{"content-type":["a/b"]}}`,
			apigw.Reply{StatusCode: 200, Headers: []apigw.Pair{{Name: "content-type", Value: "a/b"}}, Body: []byte{}}},
		{"base64", `{"statusCode":200,"isBase64Encoded":true,"body":"AP8="}`, reply(textPlain, "\x00\xff")},
	} {
		got, err := apigw.ParseReplyV1([]byte(row.in))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		assertReply(t, row.name, got, row.want)
	}
}

func TestParseReplyV1Refuses(t *testing.T) {
	for _, in := range []string{
		``, `{`, `"Hello"`, `Hello`, `[]`, `1`, `null`, `{}`, `{"headers":{}}`, `{"body":"x"}`,
		`{"statusCode":0}`, `{"statusCode":"201"}`, `{"statusCode":200,"cookies":[]}`, `{"statusCode":200,"extra":1}`,
		`{"statusCode":200,"multiValueHeaders":{"a":"b"}}`, `{"statusCode":200,"multiValueHeaders":[]}`,
		`{"statusCode":200,"multiValueHeaders":{"a":[1]}}`, `{"statusCode":200,"headers":{"a":true}}`,
	} {
		if got, err := apigw.ParseReplyV1([]byte(in)); err == nil || !reflect.DeepEqual(got, apigw.Reply{}) {
			t.Errorf("%s: %+v, %v; want an error and no reply", in, got, err)
		}
	}
}

func TestReplyErrorsNameTheField(t *testing.T) {
	_, err := apigw.ParseReplyV2([]byte(`{"statusCode":200,"headers":{"X-Count":5}}`))
	if want := `headers["X-Count"] is a number, not a string`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func FuzzResponse(f *testing.F) {
	for _, s := range []string{`{"statusCode":200,"headers":{"a":"b\u0041"},"cookies":["c"],"body":"d"}`, `"x\ud800"`, `{"a":[{"b":"\\\""}],"statusCode":204}`,
		`[[[[]]]]`, `{"":{}}`, " \n{}\t", `{"statusCode":200,"multiValueHeaders":{"a":["b","c"]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for version, parse := range []func([]byte) (apigw.Reply, error){apigw.ParseReplyV1, apigw.ParseReplyV2} {
			got, err := parse(in)
			if err != nil {
				if !reflect.DeepEqual(got, apigw.Reply{}) {
					t.Errorf("%q: %+v beside an error", in, got)
				}
				continue
			}
			if got.StatusCode < 200 || got.StatusCode > 599 {
				t.Errorf("%q: status %d", in, got.StatusCode)
			}
			if version == 1 && !json.Valid(in) && string(got.Body) != string(in) {
				t.Errorf("%q: body %q", in, got.Body)
			}
			// encoding/json is the judge of a body that is a string.
			var object map[string]json.RawMessage
			if json.Unmarshal(in, &object) != nil || object["statusCode"] == nil || string(object["isBase64Encoded"]) == "true" {
				continue
			}
			var body string
			if json.Unmarshal(object["body"], &body) == nil && strings.ToValidUTF8(string(got.Body), "\uFFFD") != strings.ToValidUTF8(body, "\uFFFD") && strings.Count(string(in), `"body"`) == 1 {
				t.Errorf("%q: body %q, want %q", in, got.Body, body)
			}
		}
	})
}

func BenchmarkParseReplyV2(b *testing.B) {
	in := []byte(`{"statusCode":200,"headers":{"content-type":"application/json","cache-control":"no-store"},"body":"{\"message\":\"Hello\"}"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := apigw.ParseReplyV2(in); err != nil {
			b.Fatal(err)
		}
	}
}
