package lambda_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pythonHandler is a function whose answers and errors are hard on a client.
const pythonHandler = `import os

def handler(event, context):
    open(os.environ["SEEN"], "a").write(repr(event) + "\n")
    if event == "raise":
        raise type("X\r\nInjected: 1\r\n\u00e9", (Exception,), {})("no\r\n")
    if event == "snow":
        return "\u2603\udc80"
    return event
`

// event is an answer to a poll, in the bytes of a Runtime API.
func event(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nlambda-RUNTIME-aws-request-id:  8476a536-e9f4-11e8-9739-2dfe598c3fcd \r\n"+
		"Lambda-Runtime-Deadline-Ms: 1542409706888\r\nLambda-Runtime-Invoked-Function-Arn: arn:caf\xe9\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// TestPythonClient has the bootstrap's own HTTP client talk to a Runtime API that
// answers in every wrong way, and in odd right ones. A client that was cut off
// must end the process, and never take a part for the whole.
func TestPythonClient(t *testing.T) {
	need(t, "python3")
	bootstrap, err := filepath.Abs(filepath.Join("bootstrap", "python.py"))
	if err != nil {
		t.Fatal(err)
	}
	const accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n"
	const response, failure = "POST /secret/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", "POST /secret/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error"
	for _, c := range []struct {
		name    string
		answers []string // one for each request; then the connection ends
		seen    string   // events that reached the handler
		posts   []string // what was asked after the first poll, with bodies
	}{
		{"nothing", []string{""}, "", nil},
		{"half a status", []string{"HTTP/1.1"}, "", nil},
		{"half a header", []string{"HTTP/1.1 200 OK\r\nContent-Le"}, "", nil},
		{"no end of the headers", []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"}, "", nil},
		{"a part of the event", []string{strings.TrimSuffix(event("12345"), "45")}, "", nil},
		{"no event", []string{strings.TrimSuffix(event("12345"), "12345")}, "", nil},
		{"a refusal", []string{strings.Replace(event("12345"), "200 OK", "403 Forbidden", 1), accepted}, "", nil},
		{"no number for a status", []string{"HTTP/1.1 OK OK\r\nContent-Length: 2\r\n\r\n{}"}, "", nil},
		{"no number for a length", []string{"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"}, "", nil},
		{"an event in pieces", []string{event("12345"), accepted, ""}, "12345\n", []string{response + " 12345", "GET"}},
		{"two events", []string{event("1"), accepted, event("2"), accepted, ""}, "1\n2\n", []string{response + " 1", "GET", response + " 2", "GET"}},
		{"an error with line breaks in its type", []string{event(`"raise"`), accepted, ""}, "'raise'\n", []string{failure + " [X??Injected: 1???]", "GET"}},
		{"text beyond ASCII, and half a surrogate", []string{event(`"snow"`), accepted, ""}, "'snow'\n", []string{response + " \"\u2603\xed\xb2\x80\"", "GET"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f.py"), []byte(pythonHandler), 0o600); err != nil {
				t.Fatal(err)
			}
			ln, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			asked := make(chan []string, 1)
			go func() { asked <- answerPython(ln, c.answers) }() // ends with its answers, or the listener
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "python3", bootstrap, "f", "handler")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+ln.Addr().String()+"/secret", "LAMBDA_TASK_ROOT="+dir, "SEEN="+filepath.Join(dir, "seen"),
				"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_LAMBDA_LOG_GROUP_NAME=g", "AWS_LAMBDA_LOG_STREAM_NAME=s")
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("the process ends with %v", err)
			}
			ln.Close()
			got := <-asked
			seen, _ := os.ReadFile(filepath.Join(dir, "seen"))
			if string(seen) != c.seen {
				t.Errorf("the handler sees %q; want %q\n%s", seen, c.seen, &output)
			}
			const poll = "GET /secret/2018-06-01/runtime/invocation/next"
			want := []string{poll}
			for _, post := range c.posts {
				if post == "GET" {
					post = poll
				}
				want = append(want, post)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("asked %q; want %q\n%s", got, want, &output)
			}
		})
	}
}

// answerPython answers one request after another on one connection, in pieces,
// and gives what was asked. Requests must be HTTP that Go's server would accept.
func answerPython(ln net.Listener, answers []string) (asked []string) {
	conn, err := ln.Accept()
	if err != nil {
		return nil
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	for n := 0; ; n++ {
		r, err := http.ReadRequest(in)
		if err != nil {
			return asked
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Host != ln.Addr().String() || r.Header.Get("Injected") != "" {
			return append(asked, fmt.Sprint("a bad request: ", err, r.Header))
		}
		line := r.Method + " " + r.URL.Path
		switch {
		case strings.HasSuffix(line, "/error"):
			line += fmt.Sprintf(" %s", r.Header["Lambda-Runtime-Function-Error-Type"])
		case r.Method == "POST":
			line += " " + string(body)
		}
		asked = append(asked, line)
		for _, piece := range []string{answers[n][:len(answers[n])/2], answers[n][len(answers[n])/2:]} {
			io.WriteString(conn, piece)
		}
		if n == len(answers)-1 {
			return asked
		}
	}
}
