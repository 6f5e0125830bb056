package gateway_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/gateway"
)

const (
	bodyInternal    = `{"message":"Internal Server Error"}`
	bodyUnavailable = `{"message":"Service Unavailable"}`
	bodyTooLarge    = `{"message":"Request Entity Too Large"}`
	typeJSON        = "Content-Type: application/json"
	typeText        = "Content-Type: text/plain; charset=utf-8"
)

// What the client gets for what a function replies, byte for byte.
func TestReplies(t *testing.T) {
	for _, row := range []struct {
		name, version, reply string
		status               int
		body                 string
		header               []string
	}{
		{"object without statusCode", "2.0", `{ "a": "<&>" }`, 200, `{ "a": "<&>" }`, []string{typeJSON}},
		{"string", "2.0", `"He said \"hi\""`, 200, `He said "hi"`, []string{typeJSON}},
		{"empty string", "2.0", `""`, 200, "", []string{typeJSON, "Content-Length: 0"}},
		{"array", "2.0", `[1, 2]`, 200, `[1, 2]`, []string{typeJSON}},
		{"not JSON", "2.0", `<html>`, 200, `<html>`, []string{typeJSON}},
		{"null", "2.0", `null`, 200, `null`, []string{typeJSON}},
		{"statusCode", "2.0", `{"statusCode":418,"body":"<b>"}`, 418, `<b>`, []string{typeText}},
		{"header names are rewritten", "2.0", `{"statusCode":200,"headers":{"MyHeader":"a","x-oNE":"b","content-type":"a/b"},"body":"x"}`, 200, "x",
			[]string{"Myheader: a", "X-One: b", "Content-Type: a/b"}},
		{"cookies before set-cookie", "2.0", `{"statusCode":200,"cookies":["a=1","b=2"],"headers":{"set-cookie":"c=3"}}`, 200, "",
			[]string{typeText, "Set-Cookie: a=1", "Set-Cookie: b=2", "Set-Cookie: c=3", "Content-Length: 0"}},
		{"the gateway's own headers stay its own", "2.0", `{"statusCode":200,"headers":{"content-length":"999","Transfer-Encoding":"chunked","connection":"upgrade","upgrade":"h2c","keep-alive":"x","trailer":"x","apigw-requestid":"mine","date":"yesterday","Server":"s","www-authenticate":"Basic"},"body":"four"}`, 200, "four",
			[]string{typeText, "Server: s", "Www-Authenticate: Basic"}},
		{"base64", "2.0", `{"statusCode":200,"isBase64Encoded":true,"body":"PGI+"}`, 200, "<b>", []string{typeText}},
		{"204", "2.0", `{"statusCode":204,"body":"x"}`, 204, "", []string{typeText}},
		{"304", "2.0", `{"statusCode":304,"body":"x","headers":{"etag":"\"a\""}}`, 304, "", []string{`Etag: "a"`}},
		{"empty content type", "2.0", `{"statusCode":200,"headers":{"content-type":""},"body":"<html>"}`, 200, "<html>", []string{"Content-Type: "}},
		{"response splitting by a value", "2.0", `{"statusCode":200,"headers":{"x":"a\r\nSet-Cookie: b=c"}}`, 500, bodyInternal, []string{typeJSON}},
		{"response splitting by a name", "2.0", `{"statusCode":200,"headers":{"x: a\r\ny":"b"}}`, 500, bodyInternal, []string{typeJSON}},
		{"response splitting by a cookie", "2.0", `{"statusCode":200,"cookies":["a=b\nx: y"]}`, 500, bodyInternal, []string{typeJSON}},
		{"empty header name", "2.0", `{"statusCode":200,"headers":{"":"b"}}`, 500, bodyInternal, []string{typeJSON}},
		{"statusCode 0", "2.0", `{"statusCode":0}`, 500, bodyInternal, []string{typeJSON}},
		{"statusCode 200.5", "2.0", `{"statusCode":200.5}`, 500, bodyInternal, []string{typeJSON}},
		{"statusCode 100", "2.0", `{"statusCode":100}`, 500, bodyInternal, []string{typeJSON}},
		{"statusCode 600", "2.0", `{"statusCode":600}`, 500, bodyInternal, []string{typeJSON}},
		{"body is an object", "2.0", `{"statusCode":200,"body":{}}`, 500, bodyInternal, []string{typeJSON}},
		{"1.0: object", "1.0", `{"statusCode":200,"body":"x"}`, 200, "x", []string{typeText}},
		{"1.0: single before multi", "1.0", `{"statusCode":200,"multiValueHeaders":{"x-a":["2"]},"headers":{"X-A":"1"}}`, 200, "", []string{typeText, "X-A: 1", "X-A: 2", "Content-Length: 0"}},
		{"1.0: no statusCode", "1.0", `{"body":"x"}`, 500, bodyInternal, []string{typeJSON}},
		{"1.0: string", "1.0", `"x"`, 500, bodyInternal, []string{typeJSON}},
		{"1.0: not JSON", "1.0", `x`, 500, bodyInternal, []string{typeJSON}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := serve(t, base(gateway.Route{Key: "GET /", Authorizer: gateway.None, Function: "f", PayloadFormatVersion: row.version}))
			w.invoker.says(row.reply)
			a := w.do(t, "GET", "/")
			a.assert(t, row.status, row.body, row.header...)
			e := w.journal.last(t)
			if e.Status != row.status || e.RequestID != a.header.Get("Apigw-Requestid") || (row.status == 500) != (e.Err != nil) {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestHEADHasNoBody(t *testing.T) {
	w := serve(t, base(open("HEAD /")...))
	w.invoker.says(`{"statusCode":200,"body":"four"}`)
	w.do(t, "HEAD", "/").assert(t, 200, "", typeText, "Content-Length: 4")
}

// A reply is data: one that is a whole response must stay in the body.
func TestBodyIsNotInterpreted(t *testing.T) {
	w := serve(t, base(open("GET /")...))
	text := "HTTP/1.1 200 OK\\r\\n\\r\\nx"
	w.invoker.says(`{"statusCode":200,"body":"` + text + `"}`)
	w.do(t, "GET", "/").assert(t, 200, strings.ReplaceAll(text, `\r\n`, "\r\n"), typeText)
}
