package awsjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

type inner struct {
	Name string `json:"Name"`
}

type everything struct {
	Text    string            `json:"Text,omitempty"`
	Flag    bool              `json:"Flag,omitempty"`
	Count   int               `json:"Count,omitempty"`
	Maybe   *int              `json:"Maybe,omitempty"`
	List    []inner           `json:"List,omitempty"`
	Names   []string          `json:"Names,omitempty"`
	Map     map[string]string `json:"Map,omitempty"`
	Inner   *inner            `json:"Inner,omitempty"`
	Blob    []byte            `json:"Blob,omitempty"`
	At      *awsjson.Time     `json:"At,omitempty"`
	Free    any               `json:"Free,omitempty"`
	Ignored string            `json:"-"`
}

func TestRoundTrip(t *testing.T) {
	zero := 0
	for _, in := range []everything{
		{},
		{Text: "a<b>&\u2028é", Flag: true, Count: -7, Maybe: &zero, List: []inner{{"x"}, {"y"}}, Names: []string{"", "b"},
			Map: map[string]string{"": "v", "K": ""}, Inner: &inner{"in"}, Blob: []byte{0, 255},
			At: &awsjson.Time{Time: time.UnixMilli(1700574875825).UTC()}, Free: map[string]any{"a": []any{"b", true}}},
	} {
		body, err := awsjson.EncodeResult(in)
		if err != nil {
			t.Fatal(err)
		}
		members, err := awsjson.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		var out everything
		if err := members.Decode(&out); err != nil || !reflect.DeepEqual(in, out) {
			t.Errorf("%s:\n got %+v\nwant %+v (%v)", body, out, in, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for body, want := range map[string]everything{
		`{}`:                                     {},
		` {"Text":"a"} `:                         {Text: "a"},
		`{"Text":null,"List":null,"Maybe":null}`: {},
		`{"text":"not this name","TEXT":"nor this"}`: {},
		`{"Unknown":{"deep":[1,{"x":null}]}}`:        {},
		`{"List":[null,{"Name":"x"}]}`:               {List: []inner{{"x"}}},
		`{"Ignored":"x","-":"y"}`:                    {},
		`{"At":1.70057487582E9}`:                     {At: &awsjson.Time{Time: time.UnixMilli(1700574875820).UTC()}},
	} {
		members, err := awsjson.Parse([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		var got everything
		if err := members.Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", body, got, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for body, message := range map[string]string{
		``:                              "Request body is not valid JSON",
		`null`:                          "Unexpected NULL_VALUE",
		`"x"`:                           "Unexpected STRING_VALUE",
		`[]`:                            "Start of list found where not expected",
		`{`:                             "Request body is not valid JSON",
		`{"a" 1}`:                       "Request body is not valid JSON",
		`{"a":1,}`:                      "Request body is not valid JSON",
		`{"a":1 "b":2}`:                 "Request body is not valid JSON",
		`{"a":[1,]}`:                    "Request body is not valid JSON",
		`{"a":01}`:                      "Request body is not valid JSON",
		`{"Text":"a","Text":"a"}`:       "Request body is not valid JSON",
		`{"Text":null,"Text":"a"}`:      "Request body is not valid JSON",
		`{"x":{"a":1,"\u0061":2}}`:      "Request body is not valid JSON",
		`{}{}`:                          "Request body holds more than one JSON value",
		`{} x`:                          "Request body holds more than one JSON value",
		"{\"Text\":\"\xff\"}":           "Request body is not UTF-8",
		`{"Text":1}`:                    "NUMBER_VALUE can not be converted to a String",
		`{"Text":1.5}`:                  "DECIMAL_VALUE can not be converted to a String",
		`{"Text":true}`:                 "TRUE_VALUE can not be converted to a String",
		`{"Text":[]}`:                   "Start of list found where not expected",
		`{"Text":{}}`:                   "Start of structure or map found where not expected.",
		`{"Flag":"true"}`:               "STRING_VALUE can not be converted to a Boolean",
		`{"Count":"1"}`:                 "STRING_VALUE can not be converted to an Integer",
		`{"Count":1.5}`:                 "DECIMAL_VALUE can not be converted to an Integer",
		`{"Count":1e400}`:               "DECIMAL_VALUE can not be converted to an Integer",
		`{"Count":9223372036854775808}`: "NUMBER_VALUE can not be converted to an Integer",
		`{"List":{}}`:                   "Start of structure or map found where not expected.",
		`{"List":["x"]}`:                "STRING_VALUE can not be converted to a structure",
		`{"Map":[]}`:                    "Start of list found where not expected",
		`{"Map":{"a":1}}`:               "NUMBER_VALUE can not be converted to a String",
		`{"Blob":"*"}`:                  "Blob is not valid base64",
		`{"At":"2026-01-01T00:00:00Z"}`: "STRING_VALUE can not be converted to a Timestamp",
		`{"At":1e300}`:                  "DECIMAL_VALUE can not be converted to a Timestamp",
		`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "Request body is not valid JSON",
	} {
		members, err := awsjson.Parse([]byte(body))
		got := everything{Text: "before"}
		if err == nil {
			err = members.Decode(&got)
			if !reflect.DeepEqual(got, everything{}) {
				t.Errorf("%s: on error the value is %+v", body, got)
			}
		} else if members != nil {
			t.Errorf("%s: on error the members are %v", body, members)
		}
		var refusal *aws.Error
		if !errors.As(err, &refusal) || refusal.Code != "SerializationException" || refusal.Status != 400 || refusal.Message != message {
			t.Errorf("%s: %v, want %s", body, err, message)
		}
	}
}

func TestTarget(t *testing.T) {
	for value, want := range map[string]string{
		"AWSCognitoIdentityProviderService.SignUp": "AWSCognitoIdentityProviderService|SignUp|true",
		"DynamoDB_20120810.GetItem":                "DynamoDB_20120810|GetItem|true",
		"":                                         "||false", "SignUp": "||false", ".SignUp": "||false", "A.": "||false", "A.B.C": "||false",
		"A.B\x1b": "||false", "A." + strings.Repeat("B", 129): "||false",
	} {
		h := http.Header{"X-Amz-Target": {value}}
		service, operation, ok := awsjson.Target(h)
		if got := fmt.Sprintf("%s|%s|%v", service, operation, ok); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if _, _, ok := awsjson.Target(http.Header{"X-Amz-Target": {"A.B", "A.C"}}); ok {
		t.Error("two targets are one")
	}
}

func TestContentType(t *testing.T) {
	for value, want := range map[string]bool{
		"application/x-amz-json-1.1": true, "application/x-amz-json-1.1; charset=utf-8": true, "Application/X-Amz-JSON-1.1": true,
		"": false, "application/json": false, "application/x-amz-json-1.0": false, "application/x-amz-json-1.1;;": false,
	} {
		if got := awsjson.HasContentType(http.Header{"Content-Type": {value}}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// raw gives a header under the name that goes on the wire as it is.
func raw(h http.Header, name string) []string { return map[string][]string(h)[name] }

func TestWriteResult(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{{nil, ""}, {struct{}{}, "{}"}, {map[string]any{"a": "<&>"}, `{"a":"<&>"}`}} {
		body, err := awsjson.EncodeResult(tt.v)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := awsjson.WriteResult(w, "the-id", body); err != nil || w.Body.String() != tt.want || w.Code != 200 {
			t.Errorf("%v: %d %q %v", tt.v, w.Code, w.Body, err)
		}
		if h := w.Header(); !reflect.DeepEqual(raw(h, "x-amzn-RequestId"), []string{"the-id"}) || h.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("headers %v", h)
		}
	}
	if body, err := awsjson.EncodeResult(func() {}); err == nil || body != nil {
		t.Errorf("%v %q", err, body)
	}
}

func TestWriteError(t *testing.T) {
	w := httptest.NewRecorder()
	e := &aws.Error{Code: "UserNotFoundException", Message: "Üser <x>\r\nSet-Cookie: a=b\n", Err: errors.New("private")}
	if err := awsjson.WriteError(w, "id", e); err != nil {
		t.Fatal(err)
	}
	h := w.Header()
	if w.Code != 400 || w.Body.String() != `{"__type":"UserNotFoundException","message":"Üser <x>\r\nSet-Cookie: a=b\n"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := raw(h, "x-amzn-ErrorType"); !reflect.DeepEqual(got, []string{"UserNotFoundException:"}) {
		t.Errorf("type %q", got)
	}
	if got := raw(h, "x-amzn-ErrorMessage"); !reflect.DeepEqual(got, []string{"?ser <x>  Set-Cookie: a=b"}) {
		t.Errorf("message %q", got)
	}
	w = httptest.NewRecorder()
	if err := awsjson.WriteError(w, "id", &aws.Error{Code: "InternalErrorException", Status: 500}); err != nil || w.Code != 500 {
		t.Errorf("%d %v", w.Code, err)
	}
}

func TestTime(t *testing.T) {
	for ms, want := range map[int64]string{0: "0", 1700574875000: "1700574875", 1700574875825: "1700574875.825", 1700574875005: "1700574875.005", -1500: "-1.500"} {
		b, err := json.Marshal(awsjson.Time{Time: time.UnixMilli(ms)})
		if err != nil || string(b) != want {
			t.Errorf("%d: %s %v, want %s", ms, b, err, want)
		}
	}
}

func TestReadBodyIsBounded(t *testing.T) {
	for size, ok := range map[int]bool{awsjson.MaxBody: true, awsjson.MaxBody + 1: false} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", size)))
		r.Header.Set("Content-Type", awsjson.ContentType)
		body, err := awsjson.ReadBody(httptest.NewRecorder(), r)
		var refusal *aws.Error
		if ok != (err == nil) || ok != (len(body) == size) || !ok && (!errors.As(err, &refusal) || refusal.Status != 413) {
			t.Errorf("%d bytes: %d, %v", size, len(body), err)
		}
	}
}

// FuzzParse holds that what parses is what encoding/json reads, and that on
// error there is nothing.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"Text":"a","Count":1e3,"List":[{"Name":null}]}`, `{"a":{"b":[[]]}}`, `{"a":1,"a":2}`, `{"\ud800":1}`, "{\"a\":\"\x00\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := awsjson.Parse(body)
		if err != nil {
			if members != nil {
				t.Fatalf("members %v with %v", members, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is no JSON", body)
		}
		var v everything
		if err := members.Decode(&v); err != nil && !reflect.DeepEqual(v, everything{}) {
			t.Fatalf("%+v with %v", v, err)
		}
	})
}
