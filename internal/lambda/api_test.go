package lambda_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/lambda"
)

// TestRuntimeAPI lets a child ask what no runtime asks. Statuses are those of
// "Using the Lambda runtime API for custom runtimes".
func TestRuntimeAPI(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "probe"})
	reply, functionError := s.invoke("f", `{}`)
	if functionError != "" {
		t.Fatalf("%q, %s", functionError, reply)
	}
	type exchange struct {
		What, Body string
		Status     int
	}
	got := map[string]exchange{}
	for _, e := range into[[]exchange](t, reply) {
		got[e.What] = e
	}
	const forbidden = `{"errorType":"Forbidden","errorMessage":"this listener answers its own function only"}`
	for _, want := range []exchange{
		{"unknown id", `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`, 400},
		{"unknown id, error", `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`, 400},
		{"next while at work", `{"errorType":"InvalidStateTransition","errorMessage":"Transition from Running to Ready is not allowed"}`, 403},
		{"origin", forbidden, 403},
		{"fetch metadata", forbidden, 403},
		{"host", forbidden, 403},
		{"localhost", forbidden, 403},
		{"method", "Method Not Allowed", 405},
		{"path", "404 page not found", 404},
	} {
		if got[want.What] != want {
			t.Errorf("got %+v, want %+v", got[want.What], want)
		}
	}
	h := into[http.Header](t, got["headers"].Body)
	deadline, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if left := time.Until(time.UnixMilli(deadline)); err != nil || left < 5*time.Second || left > 10*time.Second {
		t.Errorf("deadline %v, %v", left, err)
	}
	if trace := h.Get("Lambda-Runtime-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") || len(trace) != len("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1") {
		t.Errorf("trace %q", trace)
	}
	if arn := h.Get("Lambda-Runtime-Invoked-Function-Arn"); arn != "arn:aws:lambda:eu-west-1:000000000000:function:f" {
		t.Errorf("ARN %q", arn)
	}
	s.wait("the answers to the posts", func() bool {
		text := ""
		for _, l := range s.lines {
			text += l.Text + "\n"
		}
		return strings.Contains(text, `response: 202 {"status":"OK"}`) && strings.Contains(text, "again: 400")
	})
}
