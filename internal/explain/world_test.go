package explain_test

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/verify"
	"github.com/doorwright/doorwright/verify/verifytest"
)

// world is a gateway whose decisions go to a ring, with an authorizer function and one
// for tokens; its function echoes the event.
type world struct {
	gateway *gateway.Gateway
	ring    *explain.Ring
	issuer  *verifytest.Issuer
	account *iam.Account
	fails   bool
	rest    bool // the function answers as one of a REST API does
}

func (w *world) Invoke(_ context.Context, function string, event []byte) ([]byte, string, error) {
	switch {
	case function == "guard" && strings.Contains(string(event), "let-me-in"):
		return fmt.Appendf(nil, `{"isAuthorized":true,"context":{"password":"C0NTEXT-SECRET","echo":%q}}`, event), "", nil
	case function == "guard":
		return []byte(`{"isAuthorized":false}`), "", nil
	case w.fails:
		text, err := json.Marshal(map[string]string{"errorType": "Error", "errorMessage": "cannot use " + string(event)})
		return text, "Unhandled", err
	}
	if w.rest {
		return []byte(`{"statusCode":200,"body":"hello"}`), "", nil
	}
	text, err := json.Marshal(map[string]any{
		"statusCode": 200, "body": string(event),
		"headers": map[string]string{"Set-Cookie": "session=REPLY-SECRET"}, "cookies": []string{"a=REPLY-SECRET"},
	})
	return text, "", err
}

func newWorld(t *testing.T, bytes int64) *world {
	t.Helper()
	w := &world{ring: explain.NewRing(1000, bytes), issuer: verifytest.NewIssuer(verify.RS256)}
	t.Cleanup(w.issuer.Close)
	guard, err := authorizer.NewLambda(authorizer.LambdaConfig{
		Name: "guard", Function: "guard", Format: authorizer.FormatV2, SimpleResponses: true,
		IdentitySources: []string{"$request.header.Authorization"}, Invoker: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := verify.NewStaticKeySet(map[string]crypto.PublicKey{w.issuer.KeyID(): w.issuer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := authorizer.NewJWT(authorizer.JWTConfig{Name: "jwt", Kind: "jwt", Issuer: w.issuer.URL(), Audience: []string{verifytest.Audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	w.gateway, err = gateway.New(gateway.Config{
		ID: "abcdefghij", DomainName: "localhost:3100", Invoker: w, Trace: true,
		Authorizers: map[string]gateway.Authorizer{"guard": guard, "jwt": jwt},
		Log:         func(e gateway.Entry) { w.ring.Add(explain.Record{Source: "Api", Entry: &e}) },
		Routes: []gateway.Route{
			{Key: "ANY /notes/{id}", Authorizer: "guard", Function: "notes"},
			{Key: "ANY /open/{id}", Authorizer: gateway.None, Function: "notes"},
			{Key: "ANY /private/{id}", Authorizer: "jwt", Function: "notes"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestNoSecretIsKept sends secrets in each place of a request, and has the function send
// them back, log them and fail with them.
func TestNoSecretIsKept(t *testing.T) {
	w := newWorld(t, 64<<20)
	jwt := w.issuer.Token(nil)
	opaque := "let-me-in-0PAQUE-SECRET"
	bodies := map[string]string{
		"application/json":                  `{"user":{"password":"B0DY-SECRET","access_token":"B0DY-SECRET","n":1},"keys":["B0DY-SECRET"],"jwt":"` + jwt + `"}`,
		"application/x-www-form-urlencoded": `user=u&password=B0DY-SECRET&client_secret=B0DY-SECRET&grant_type=password`,
		"text/plain":                        "password: B0DY-SECRET\ntoken=B0DY-SECRET\nAuthorization: Basic B0DYSECRETxyz\n" + jwt,
		"application/xml":                   "<u><password>B0DY-SECRET</password></u>",
		"application/octet-stream":          "password=B0DY-SECRET",
	}
	secrets := []string{"B0DY-SECRET", "B0DYSECRET", "QUERY-SECRET", "QUERY%2DSECRET", "C00KIE-SECRET", "KEY-SECRET", "0PAQUE-SECRET", "REPLY-SECRET", "C0NTEXT-SECRET", "SIGNATURE-SECRET", "SESSION-SECRET", jwt, jwt[len(jwt)-40:], jwt[:40]}
	for _, fails := range []bool{false, true} {
		w.fails = fails
		for kind, body := range bodies {
			for _, path := range []string{"/notes/", "/open/", "/private/", "/nowhere/"} {
				for _, auth := range []string{"Bearer " + opaque, "Bearer " + jwt, opaque, "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=SIGNATURE-SECRET", "Basic " + opaque, "Bearer " + jwt[:len(jwt)-3]} {
					target := path + jwt + "?password=QUERY-SECRET&code=QUERY%2DSECRET&x=" + jwt + "&X-Amz-Signature=SIGNATURE-SECRET&X-Amz-Security-Token=SESSION-SECRET&plain=QUERY-SECRET"
					r := httptest.NewRequest("POST", target, strings.NewReader(body))
					r.Header = http.Header{
						"Authorization": {auth}, "Content-Type": {kind}, "X-Api-Key": {"KEY-SECRET-12345"}, "X-Other": {"KEY-SECRET-12345 " + auth},
						"Cookie": {"sid=C00KIE-SECRET; other=C00KIE-SECRET"}, "X-Amz-Security-Token": {"SESSION-SECRET"}, "X-Echo": {"C00KIE-SECRET"},
					}
					w.gateway.ServeHTTP(httptest.NewRecorder(), r)
					rec := w.ring.Last(1)[0]
					for _, id := range []string{rec.Entry.Trace.Function.ID, rec.Entry.Trace.Authorizer.ID} {
						w.ring.Line(id, "received Authorization: "+auth)
						w.ring.Line(id, body)
						w.ring.Line(id, fmt.Sprintf("map[authorization:%s cookie:%s]", auth, r.Header.Get("Cookie")))
						w.ring.Line(id, fmt.Sprintf("%q", `{"password":"B0DY-SECRET"}`)+" "+jwt)
					}
					// A dry run tells no more.
					dry := explain.Of(explain.Record{Source: "Api", Entry: new(w.gateway.Explain(r))})
					for _, x := range []*explain.Explanation{w.ring.Explain(rec), dry} {
						text, err := json.Marshal(x)
						if err != nil {
							t.Fatal(err)
						}
						if x.Status != 0 && x.Status < 400 && !fails && x.Function == nil {
							t.Fatalf("%s: no function is told of: %s", target, text)
						}
						for _, s := range secrets {
							if strings.Contains(string(text), s) || strings.Contains(x.Text(), s) {
								t.Fatalf("%s %s %s fails=%t: %s is told:\n%s", path, kind, auth, fails, s, x.Text())
							}
						}
					}
				}
			}
		}
	}
	kept := 0
	search(t, reflect.ValueOf(w.ring), map[uintptr]bool{}, "ring", func(where, text string) {
		kept++
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s keeps %s: %.300q", where, s, text)
			}
		}
	})
	if kept < 1000 {
		t.Errorf("the ring has only %d texts", kept)
	}
}

// TestAdviceTellsNoToken misspells the path of a route whose parameter is a token: where
// to send the request instead is said without it.
func TestAdviceTellsNoToken(t *testing.T) {
	w := newWorld(t, 1<<20)
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	for _, target := range []string{"/note/" + token, "/notes/" + token + "/", "/notes//" + token, "/notes/" + token + ";a=b", "/notes/" + token + "?x=/" + token, "/NOTES/%65yJ" + token[3:]} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Origin", "https://"+token+".example")
		w.gateway.ServeHTTP(httptest.NewRecorder(), r)
		x := w.ring.Explain(w.ring.Last(1)[0])
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text)+x.Text(), token[20:]) {
			t.Errorf("%s: %s", target, text)
		}
	}
}

// search gives every text that a value refers to, but for what is the gateway's own.
func search(t *testing.T, v reflect.Value, seen map[uintptr]bool, where string, found func(where, text string)) {
	switch v.Kind() {
	case reflect.String:
		found(where, v.String())
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] || v.Type().String() == "*gateway.Gateway" || v.Type().String() == "*gateway.endpoint" {
			return
		}
		seen[v.Pointer()] = true
		search(t, v.Elem(), seen, where, found)
	case reflect.Interface:
		search(t, v.Elem(), seen, where, found)
	case reflect.Struct:
		for i := range v.NumField() {
			search(t, v.Field(i), seen, where+"."+v.Type().Field(i).Name, found)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			found(where, string(v.Slice(0, v.Cap()).Bytes())) // behind its end too
			return
		}
		for i := range v.Len() {
			search(t, v.Index(i), seen, where+"[]", found)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			search(t, it.Key(), seen, where+" key", found)
			search(t, it.Value(), seen, where+"[]", found)
		}
	}
}
