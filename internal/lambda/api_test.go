package lambda_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
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

// stranger sends bytes to an instance's listener, as another user of the machine
// can, and gives what comes until the connection ends, without the date.
func stranger(t *testing.T, host, text string) string {
	conn, err := net.Dial("tcp4", host)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, text)
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("reading the answer to %.200q: %v, after %q", text, err, got)
	}
	return regexp.MustCompile("Date: .*\r\n").ReplaceAllString(string(got), "")
}

// TestStrangersAtTheRuntimeAPI is another user of the machine at the listener of
// a function's process, who knows all but the secret in its environment. Nobody
// can take an event, answer one, or end the instance without it.
func TestStrangersAtTheRuntimeAPI(t *testing.T) {
	s := start(t, fixtures(t), nil, lambda.Function{Name: "f", Handler: "misbehave", MaxConcurrency: 1})
	reply, _ := s.invoke("f", `{"do":"tell the address"}`)
	host, secret, _ := strings.Cut(into[string](t, reply), "/")
	if len(secret) < 26 { // of base32: 128 bits
		t.Fatalf("the secret is %q", secret)
	}
	s.wait("the function's line, without the secret", func() bool {
		told := false
		for _, l := range s.lines {
			if strings.Contains(l.Text, secret) {
				t.Fatalf("the log has the secret: %q", l.Text)
			}
			told = told || l.Text == "I ask at "+host+"/..."
		}
		return told
	})
	first, _ := s.invoke("f", `{}`) // its process

	const body = `{"errorType":"Forbidden","errorMessage":"this listener answers its own function only"}` + "\n"
	refusal := fmt.Sprintf("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)) + body
	roots := []string{
		"", "/", "/x", "/" + secret[1:], "/" + secret + "A", "/" + strings.Repeat("A", len(secret)), "/" + strings.ToLower(secret), "/x/" + secret, "/x/../" + secret, "/%2f" + secret,
	}
	refused := func(what, request string) {
		for _, root := range roots {
			text := strings.ReplaceAll(strings.ReplaceAll(request, "ROOT", root+"/2018-06-01/runtime"), "HOST", host)
			if got := stranger(t, host, text); got != refusal {
				t.Errorf("%s under %q is answered %q", what, root, got)
				return
			}
		}
	}
	poll := "GET ROOT/invocation/next HTTP/1.1\r\nHost: HOST\r\n\r\n"
	post := func(path, body string) string {
		return fmt.Sprintf("POST ROOT%s HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	refused("a poll", poll)
	refused("a poll with the secret elsewhere", "GET ROOT/invocation/next?"+secret+" HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer "+secret+"\r\n\r\n")
	refused("a failed init", post("/init/error", `{"errorType":"Stranger","errorMessage":"gone"}`))

	// While it is at work.
	gate := filepath.Join(t.TempDir(), "gate")
	starts := func() (ids []string) { // The caller holds s.mu.
		for _, l := range s.lines {
			if l.Kind == lambda.Start {
				ids = append(ids, l.RequestID)
			}
		}
		return ids
	}
	answered := make(chan string, 1)
	event, _ := json.Marshal(map[string]string{"do": "wait for file", "file": gate})
	go func() {
		reply, _ := s.invoke("f", string(event))
		answered <- reply
	}()
	var id string
	s.wait("the invocation to begin", func() bool {
		ids := starts()
		id = ids[len(ids)-1]
		return len(ids) == 3
	})
	refused("an answer", post("/invocation/"+id+"/response", `"forged"`))
	refused("a failure", post("/invocation/"+id+"/error", `{"errorType":"Stranger"}`))
	roots = roots[:1]
	refused("an answer that does not come", "POST ROOT/invocation/"+id+"/response HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\n")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if reply := <-answered; reply != `"seen"` {
		t.Errorf("the invocation is answered %s", reply)
	}

	// Whoever asks without pause hits each moment after an answer.
	stop := make(chan struct{})
	var strangers sync.WaitGroup
	for range 4 {
		strangers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				refused("a poll among many", poll)
			}
		})
	}
	for range 50 {
		if reply, functionError := s.invoke("f", `{}`); functionError != "" || reply != first {
			t.Errorf("the invocation is answered %q, %s; want process %s", functionError, reply, first)
			break
		}
	}
	close(stop)
	strangers.Wait()
}
