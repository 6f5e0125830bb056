package apigw_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

var at = time.Date(2020, 3, 12, 19, 3, 58, 390e6, time.UTC)

func sampleV2() apigw.EventV2 {
	return apigw.EventV2{
		RouteKey:              "GET /my/{proxy+}",
		RawPath:               "/my/path",
		RawQueryString:        "parameter1=value1&parameter1=value2",
		Cookies:               []string{"cookie1=a", "cookie2=b"},
		Headers:               []apigw.Pair{{Name: "Content-Length", Value: "3"}, {Name: "x-a", Value: "1,2"}},
		QueryStringParameters: []apigw.Pair{{Name: "parameter1", Value: "value1,value2"}},
		PathParameters:        []apigw.Pair{{Name: "proxy", Value: "path"}},
		StageVariables:        []apigw.Pair{{Name: "v", Value: "w"}},
		RequestContext: apigw.ContextV2{
			AccountID: "123456789012", APIID: "api-id",
			Authorizer: &apigw.JWT{Claims: []apigw.Pair{{Name: "sub", Value: "u"}}, Scopes: []string{"a", "b"}},
			DomainName: "id.example.com", DomainPrefix: "id",
			Method: "GET", Path: "/my/path", Protocol: "HTTP/1.1", SourceIP: "192.0.2.1", UserAgent: "agent",
			RequestID: "JKJaXmPLvHcESHA=", Stage: "$default", Time: at,
		},
		Body:            []byte("<&>"),
		IsBase64Encoded: false,
	}
}

// The text of a whole event: the keys and the order of AWS's sample, and no
// HTML escapes.
func TestEventV2Text(t *testing.T) {
	e := sampleV2()
	want := `{"version":"2.0","routeKey":"GET /my/{proxy+}","rawPath":"/my/path",` +
		`"rawQueryString":"parameter1=value1&parameter1=value2","cookies":["cookie1=a","cookie2=b"],` +
		`"headers":{"content-length":"3","x-a":"1,2"},"queryStringParameters":{"parameter1":"value1,value2"},` +
		`"requestContext":{"accountId":"123456789012","apiId":"api-id",` +
		`"authorizer":{"jwt":{"claims":{"sub":"u"},"scopes":["a","b"]}},` +
		`"domainName":"id.example.com","domainPrefix":"id",` +
		`"http":{"method":"GET","path":"/my/path","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"agent"},` +
		`"requestId":"JKJaXmPLvHcESHA=","routeKey":"GET /my/{proxy+}","stage":"$default",` +
		`"time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1584039838390},` +
		`"pathParameters":{"proxy":"path"},"stageVariables":{"v":"w"},"body":"<&>","isBase64Encoded":false}`
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Sections that are empty are left out, and never null: a type guard of the
// kind that powertools has refuses null.
func TestEventV2LeavesOutWhatIsEmpty(t *testing.T) {
	e := apigw.EventV2{RouteKey: "$default", RawPath: "/", RequestContext: apigw.ContextV2{Time: at}}
	var top map[string]json.RawMessage
	decode(t, e.AppendJSON(nil), &top)
	want := []string{"headers", "isBase64Encoded", "rawPath", "rawQueryString", "requestContext", "routeKey", "version"}
	if got := slices.Sorted(maps.Keys(top)); !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	if bytes.Contains(e.AppendJSON(nil), []byte("null")) || bytes.Contains(top["requestContext"], []byte("authorizer")) {
		t.Errorf("%s", e.AppendJSON(nil))
	}
}

func TestEventV2ScopesAreNullWithoutRouteScopes(t *testing.T) {
	e := sampleV2()
	e.RequestContext.Authorizer.Scopes = nil
	if got := string(e.AppendJSON(nil)); !strings.Contains(got, `"claims":{"sub":"u"},"scopes":null}`) {
		t.Error(got)
	}
}

// The text of a whole event of format 1.0: AWS's sample of the developer guide,
// explicit nulls and all.
func TestEventV1Text(t *testing.T) {
	e := apigw.EventV1{
		Resource: "/my/path", Path: "/my/path", HTTPMethod: "GET",
		Headers:                         []apigw.Pair{{Name: "Header1", Value: "value2"}},
		MultiValueHeaders:               []apigw.List{{Name: "Header1", Values: []string{"value1", "value2"}}},
		QueryStringParameters:           []apigw.Pair{{Name: "parameter1", Value: "value2"}},
		MultiValueQueryStringParameters: []apigw.List{{Name: "parameter1", Values: []string{"value1", "value2"}}},
		RequestContext: apigw.ContextV1{
			AccountID: "123456789012", APIID: "id", DomainName: "id.example.com", DomainPrefix: "id",
			HTTPMethod: "GET", SourceIP: "192.0.2.1", UserAgent: "", Path: "/my/path", Protocol: "HTTP/1.1",
			RequestID: "id=", ResourceID: "GET /my/path", Stage: "$default", Time: at,
		},
		Body: []byte{0xff}, IsBase64Encoded: true,
	}
	want := `{"version":"1.0","resource":"/my/path","path":"/my/path","httpMethod":"GET",` +
		`"headers":{"Header1":"value2"},"multiValueHeaders":{"Header1":["value1","value2"]},` +
		`"queryStringParameters":{"parameter1":"value2"},"multiValueQueryStringParameters":{"parameter1":["value1","value2"]},` +
		`"requestContext":{"accountId":"123456789012","apiId":"id","authorizer":{"claims":null,"scopes":null},` +
		`"domainName":"id.example.com","domainPrefix":"id","extendedRequestId":"id=","httpMethod":"GET",` +
		`"identity":{"accessKey":null,"accountId":null,"caller":null,"cognitoAuthenticationProvider":null,` +
		`"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,` +
		`"sourceIp":"192.0.2.1","user":null,"userAgent":"","userArn":null},` +
		`"path":"/my/path","protocol":"HTTP/1.1","requestId":"id=","requestTime":"12/Mar/2020:19:03:58 +0000",` +
		`"requestTimeEpoch":1584039838390,"resourceId":"GET /my/path","resourcePath":"/my/path","stage":"$default"},` +
		`"pathParameters":null,"stageVariables":null,"body":"/w==","isBase64Encoded":true}`
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e = apigw.EventV1{RequestContext: apigw.ContextV1{Time: at}}
	for _, part := range []string{`"queryStringParameters":null,"multiValueQueryStringParameters":null,`, `"body":null,"isBase64Encoded":false`} {
		if got := string(e.AppendJSON(nil)); !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
}

// Whatever we write, the types that Go handlers use read, and they have a
// place for all of it.
func TestEventV2IntoHandlersTypes(t *testing.T) {
	e := sampleV2()
	text := e.AppendJSON(nil)
	var event events.APIGatewayV2HTTPRequest
	decode(t, text, &event)
	again, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var before, after any
	decode(t, text, &before)
	decode(t, again, &after)
	assertHolds(t, "$", after, before)
	if event.RequestContext.Authorizer.JWT.Claims["sub"] != "u" || event.Body != "<&>" {
		t.Errorf("%+v", event)
	}
}

func TestEventV1IntoHandlersTypes(t *testing.T) {
	e := apigw.EventV1{
		Resource: "/a/{p}", Path: "/a/b", HTTPMethod: "POST",
		Headers:           []apigw.Pair{{Name: "Host", Value: "h"}},
		MultiValueHeaders: []apigw.List{{Name: "Host", Values: []string{"h"}}},
		PathParameters:    []apigw.Pair{{Name: "p", Value: "b"}},
		RequestContext: apigw.ContextV1{
			Authorizer: &apigw.JWT{Claims: []apigw.Pair{{Name: "sub", Value: "u"}}, Scopes: []string{"s"}},
			RequestID:  "r", Time: at,
		},
		Body: []byte("b"),
	}
	// The type is that of REST APIs and lacks these two members.
	text := strings.Replace(string(e.AppendJSON(nil)), `"version":"1.0",`, "", 1)
	text = strings.Replace(text, `"principalOrgId":null,`, "", 1)
	var event events.APIGatewayProxyRequest
	decode(t, []byte(text), &event)
	again, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var before, after any
	decode(t, []byte(text), &before)
	decode(t, again, &after)
	assertHolds(t, "$", after, before)
}

// The fixtures of aws-lambda-go, through our encoder and back.
func TestEventV2Fixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/apigw-v2-request-*.json")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, got events.APIGatewayV2HTTPRequest
			decode(t, text, &want)
			e := fromHandlersType(want)
			decode(t, e.AppendJSON(nil), &got)
			// What our gateway has not, or writes by another rule: client
			// certificates, header names in lower case, the time as text.
			want.RequestContext.Authentication = events.APIGatewayV2HTTPRequestContextAuthentication{}
			want.RequestContext.Time = got.RequestContext.Time
			lower := map[string]string{}
			for k, v := range want.Headers {
				lower[strings.ToLower(k)] = v
			}
			want.Headers = lower
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func fromHandlersType(r events.APIGatewayV2HTTPRequest) apigw.EventV2 {
	c := r.RequestContext
	e := apigw.EventV2{
		RouteKey: r.RouteKey, RawPath: r.RawPath, RawQueryString: r.RawQueryString, Cookies: r.Cookies,
		Headers: pairs(r.Headers), QueryStringParameters: pairs(r.QueryStringParameters),
		PathParameters: pairs(r.PathParameters), StageVariables: pairs(r.StageVariables),
		RequestContext: apigw.ContextV2{
			AccountID: c.AccountID, APIID: c.APIID, DomainName: c.DomainName, DomainPrefix: c.DomainPrefix,
			Method: c.HTTP.Method, Path: c.HTTP.Path, Protocol: c.HTTP.Protocol,
			SourceIP: c.HTTP.SourceIP, UserAgent: c.HTTP.UserAgent,
			RequestID: c.RequestID, Stage: c.Stage, Time: time.UnixMilli(c.TimeEpoch),
		},
		Body: []byte(r.Body), IsBase64Encoded: r.IsBase64Encoded,
	}
	if c.Authorizer != nil {
		e.RequestContext.Authorizer = &apigw.JWT{Claims: pairs(c.Authorizer.JWT.Claims), Scopes: c.Authorizer.JWT.Scopes}
	}
	return e
}

func pairs(m map[string]string) (out []apigw.Pair) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, apigw.Pair{Name: k, Value: m[k]})
	}
	return out
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
}

// assertHolds checks that everything in part, but for nulls and false and
// empty strings, which the types leave out, is in whole.
func assertHolds(t *testing.T, at string, whole, part any) {
	t.Helper()
	switch part := part.(type) {
	case map[string]any:
		m, _ := whole.(map[string]any)
		for k, v := range part {
			if v != nil && v != "" && v != false {
				assertHolds(t, at+"."+k, m[k], v)
			}
		}
	case []any:
		list, _ := whole.([]any)
		if len(list) != len(part) {
			t.Errorf("%s: %v, want %v", at, whole, part)
			return
		}
		for i := range part {
			assertHolds(t, at, list[i], part[i])
		}
	default:
		if whole != part {
			t.Errorf("%s: %v, want %v", at, whole, part)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("GET /x", "k", "v", []byte("body"), false)
	f.Add("\x00\u2028<>&", "\xff\xc0\"\\", "é\x7f\t\r\n\b", []byte{0xff, 0}, true)
	f.Fuzz(func(t *testing.T, text, name, value string, body []byte, b64 bool) {
		one := []apigw.Pair{{Name: name, Value: value}}
		v2 := apigw.EventV2{
			RouteKey: text, RawPath: text, RawQueryString: value, Cookies: []string{value}, Headers: one,
			QueryStringParameters: one, PathParameters: one, StageVariables: one,
			RequestContext: apigw.ContextV2{Authorizer: &apigw.JWT{Claims: one}, UserAgent: text, Time: at},
			Body:           body, IsBase64Encoded: b64,
		}
		var got events.APIGatewayV2HTTPRequest
		decode(t, v2.AppendJSON(nil), &got)
		// encoding/json is the judge of what is left of bytes that are not UTF-8.
		if want := throughJSON(t, text); got.RawPath != want || got.RequestContext.HTTP.UserAgent != want {
			t.Errorf("%q became %q, want %q", text, got.RawPath, want)
		}
		if want := throughJSON(t, value); got.PathParameters[throughJSON(t, name)] != want || got.Cookies[0] != want {
			t.Errorf("%q became %q, want %q", value, got.PathParameters, want)
		}
		v1 := apigw.EventV1{
			Resource: text, Headers: one, MultiValueHeaders: []apigw.List{{Name: name, Values: []string{value, text}}},
			MultiValueQueryStringParameters: []apigw.List{{Name: name, Values: []string{value}}},
			RequestContext:                  apigw.ContextV1{Time: at}, Body: body, IsBase64Encoded: b64,
		}
		if out := v1.AppendJSON(nil); !json.Valid(out) {
			t.Errorf("not JSON: %s", out)
		}
	})
}

func throughJSON(t *testing.T, s string) (out string) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, text, &out)
	return out
}

func BenchmarkEventV2(b *testing.B) {
	e := sampleV2()
	b.ReportAllocs()
	for b.Loop() {
		e.AppendJSON(nil)
	}
}
