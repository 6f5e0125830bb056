package awsjson_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// fakeCall is a service with three operations, which notes what it is asked.
type fakeCall struct {
	outcome aws.Outcome
	forged  error
	asked   []string
	told    *aws.Outcome
}

func (c *fakeCall) Find(name string) (bool, error) {
	c.asked = append(c.asked, "Find")
	if name != "Signed" && name != "Open" && name != "Broken" {
		return false, awsjson.Unknown("none")
	}
	return name == "Signed", nil
}

func (c *fakeCall) Authenticate(*http.Request, []byte) error {
	c.asked = append(c.asked, "Authenticate")
	return c.forged
}

func (c *fakeCall) Run(_ context.Context, members awsjson.Object) (any, error) {
	c.asked = append(c.asked, "Run")
	if c.outcome.Operation == "Broken" {
		return func() {}, nil // what no codec encodes
	}
	return members["A"], nil
}

func (c *fakeCall) Tell(refusal *aws.Error) {
	c.asked = append(c.asked, "Tell")
	told := c.outcome
	c.told = &told
	if (refusal == nil) != (told.Code == "") {
		panic("the refusal and the outcome are not the same")
	}
}

// TestServe holds the order of what is asked, what the client gets, and what the log is
// told: whoever has not signed learns nothing of what its body is, and the log is told
// before the client.
func TestServe(t *testing.T) {
	for _, tt := range []struct {
		name, operation, body string
		forged                error
		asked                 string
		status                int
		answer, code          string
	}{
		{"a signed operation", "Signed", `{"A":"b"}`, nil, "Find Authenticate Run Tell", 200, `"b"`, ""},
		{"an operation without a signature", "Open", `{"A":"b"}`, nil, "Find Run Tell", 200, `"b"`, ""},
		{"no output", "Open", `{}`, nil, "Find Run Tell", 200, "", ""},
		{"a forged request that is no JSON", "Signed", `{`, &aws.Error{Code: "InvalidSignatureException", Message: "no", Status: 400},
			"Find Authenticate Tell", 400, `{"__type":"InvalidSignatureException","message":"no"}`, "InvalidSignatureException"},
		{"a verifier that fails", "Signed", `{}`, errors.New("private"),
			"Find Authenticate Tell", 500, `{"__type":"InternalErrorException","message":"Internal error"}`, "InternalErrorException"},
		{"no JSON", "Signed", `{`, nil, "Find Authenticate Tell", 400, `{"__type":"SerializationException","message":"Request body is not valid JSON"}`, "SerializationException"},
		{"no such operation", "Other", `{}`, nil, "Find Tell", 400, `{"__type":"UnknownOperationException","message":""}`, "UnknownOperationException"},
		{"too much", "Signed", strings.Repeat(" ", awsjson.MaxBody+1), nil, "Find Tell", 413,
			`{"__type":"RequestEntityTooLargeException","message":"Request body is larger than 1048576 bytes"}`, "RequestEntityTooLargeException"},
		{"a result that cannot be told", "Broken", `{}`, nil, "Find Run Tell", 500, `{"__type":"InternalErrorException","message":"Internal error"}`, "InternalErrorException"},
	} {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s := awsjson.Service{Target: "Service", Now: func() time.Time { now = now.Add(time.Second); return now }}
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", awsjson.ContentType)
		r.Header.Set("X-Amz-Target", "Service."+tt.operation)
		w := httptest.NewRecorder()
		c := &fakeCall{forged: tt.forged}
		s.Serve(w, r, c, &c.outcome)
		if got := strings.Join(c.asked, " "); got != tt.asked {
			t.Errorf("%s: asked %s, want %s", tt.name, got, tt.asked)
		}
		if w.Code != tt.status || w.Body.String() != tt.answer || w.Header().Get("Date") != "Fri, 02 Jan 2026 03:04:06 GMT" {
			t.Errorf("%s: %d %s %v", tt.name, w.Code, w.Body, w.Header())
		}
		o := c.told
		if o == nil || o.Code != tt.code || o.Operation != tt.operation || o.Request != r || o.Duration != time.Second ||
			!reflect.DeepEqual(raw(w.Header(), "x-amzn-RequestId"), []string{o.RequestID}) {
			t.Errorf("%s: the log is told %+v", tt.name, o)
		}
		if tt.forged != nil && tt.status == 500 && !errors.Is(o.Cause, tt.forged) {
			t.Errorf("%s: the log lost the cause: %v", tt.name, o.Cause)
		}
	}
}

// TestServePreflight: a browser's question is no operation.
func TestServePreflight(t *testing.T) {
	c := &fakeCall{}
	w := httptest.NewRecorder()
	awsjson.Service{Target: "Service", Now: time.Now}.Serve(w, httptest.NewRequest("OPTIONS", "/", nil), c, &c.outcome)
	if w.Code != 200 || len(c.asked) != 0 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Date") == "" {
		t.Errorf("%d %v, asked %v", w.Code, w.Header(), c.asked)
	}
}

// TestDo: without the wire nobody is authenticated, and the result is out's.
func TestDo(t *testing.T) {
	s := awsjson.Service{Target: "Service", Now: time.Now}
	c, out := &fakeCall{}, ""
	if err := s.Do(context.Background(), "Signed", map[string]string{"A": "b"}, &out, c, &c.outcome); err != nil || out != "b" {
		t.Errorf("%q, %v", out, err)
	}
	if got := strings.Join(c.asked, " "); got != "Find Run Tell" || c.told.Request != nil || c.told.RequestID == "" {
		t.Errorf("asked %s, told %+v", got, c.told)
	}
	c, out = &fakeCall{}, ""
	err := s.Do(context.Background(), "Other", nil, &out, c, &c.outcome)
	var refusal *aws.Error
	if !errors.As(err, &refusal) || refusal.Code != "UnknownOperationException" || out != "" || c.told == nil || c.told.Code != refusal.Code {
		t.Errorf("%q, %v, told %+v", out, err, c.told)
	}
}
