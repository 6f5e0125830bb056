package awsquery_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsquery"
)

// requestID is as AWS writes it, and not as net/http would.
var requestID = "x-amzn-RequestId"

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/?Action=InTheQuery", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

func TestParse(t *testing.T) {
	const body = "Action=A%20b&Version=1&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.2.Key=x&Tags.member.4.Key=y&X-Amz-Signature=s"
	form, err := awsquery.Parse(post(body), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	action, _ := form.Get("Action")
	signature, signed := form.Get("X-Amz-Signature")
	tags := form.List("Tags")
	if action != "A b" || signed || signature != "" || len(tags) != 2 || !form.Has("Tags") || form.Has("Tag") || form.Has("Tags.member.3") {
		t.Errorf("%q %v %v", action, signed, tags)
	}
	if value, ok := tags[0].Get("Value"); !ok || value != "" {
		t.Error("an empty value is not there")
	}
	if _, ok := tags[1].Get("Value"); ok {
		t.Error("a value is there that is not")
	}
	if form, err = awsquery.Parse(post(""), nil); err != nil {
		t.Fatal(err)
	}
	if action, _ = form.Get("Action"); action != "InTheQuery" {
		t.Errorf("of a POST without a body the query counts: %q", action)
	}
	if form, err = awsquery.Parse(post("Action=A"), []byte("Action=A")); err != nil {
		t.Fatal(err)
	}
	if action, _ = form.Get("Action"); action != "A" {
		t.Errorf("of a POST the body counts: %q", action)
	}
	for name, body := range map[string]string{
		"twice": "A=1&A=2", "escape": "A=%zz", "semicolon": "A=1;B=2", "many": strings.Repeat("a=&", 1000),
	} {
		form, err := awsquery.Parse(post(body), []byte(body))
		var refused *aws.Error
		if !errors.As(err, &refused) || refused.Code != "MalformedQueryString" || refused.Status != 404 || form.Has("A") {
			t.Errorf("%s: %v", name, err)
		}
	}
	json := post("")
	json.Header.Set("Content-Type", "application/json")
	if _, err := awsquery.Parse(json, []byte("Action=A")); err == nil {
		t.Error("JSON is taken for a form")
	}
}

func TestReadBody(t *testing.T) {
	for size, ok := range map[int]bool{awsquery.MaxBody: true, awsquery.MaxBody + 1: false} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", size)))
		body, err := awsquery.ReadBody(httptest.NewRecorder(), r)
		if (err == nil) != ok || len(body) != map[bool]int{true: size}[ok] {
			t.Errorf("%d bytes: %d, %v", size, len(body), err)
		}
	}
}

func TestWrite(t *testing.T) {
	const hostile = "<&>\"'\x00]]> é"
	w := httptest.NewRecorder()
	if err := awsquery.WriteError(w, "id", "urn:x", &aws.Error{Code: "Code", Message: hostile}); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Error struct{ Type, Code, Message string }
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 400 || fmt.Sprint(out.Error) != "{Sender Code "+strings.ReplaceAll(hostile, "\x00", "\uFFFD")+"}" {
		t.Errorf("%d %+v %v", w.Code, out, err)
	}
	w = httptest.NewRecorder()
	if err := awsquery.WriteError(w, "id", "urn:x", &aws.Error{Code: "Code", Status: 500}); err != nil || !strings.Contains(w.Body.String(), "<Type>Receiver</Type>") || w.Code != 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	if err := awsquery.WriteResult(w, "id", "urn:x", "Do", struct{ A string }{"<b>"}); err != nil {
		t.Fatal(err)
	}
	const want = `<DoResponse xmlns="urn:x">
  <DoResult>
    <A>&lt;b&gt;</A>
  </DoResult>
  <ResponseMetadata>
    <RequestId>id</RequestId>
  </ResponseMetadata>
</DoResponse>
`
	if w.Body.String() != want || !slices.Equal(w.Header()[requestID], []string{"id"}) || w.Header().Get("Content-Type") != "text/xml" {
		t.Errorf("%s", w.Body)
	}
	w = httptest.NewRecorder()
	if err := awsquery.WriteResult(w, "id", "urn:x", "Do", func() {}); err == nil || w.Body.Len() > 0 {
		t.Errorf("what is no structure is written: %s", w.Body)
	}
}
