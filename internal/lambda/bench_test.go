package lambda_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/lambda"
)

// BenchmarkInvoke measures an invocation of a Go function that does nothing,
// beside a bare Runtime API: the same binary, and a net/http server that only
// passes the event and the answer. The bound is 1.5 times that. Wire is less than
// any server can do: one connection, spoken by hand.
func BenchmarkInvoke(b *testing.B) {
	b.Run("wire", benchmarkWire)
	b.Run("bare", benchmarkBare)
	b.Run("go", func(b *testing.B) { benchmarkInvoke(b, "misbehave") })
	b.Run("node", func(b *testing.B) { need(b, "node"); benchmarkInvoke(b, "js/esm.nothing") })
	b.Run("python", func(b *testing.B) { need(b, "python3"); benchmarkInvoke(b, "py/functions.nothing") })
}

func benchmarkInvoke(b *testing.B, handler string) {
	s := start(b, fixtures(b), func(c *lambda.Config) { c.Log = nil }, lambda.Function{Name: "f", Handler: handler})
	event := []byte(`{}`)
	s.r.Invoke(context.Background(), "f", event)
	measure(b, func() {
		if _, functionError, err := s.r.Invoke(context.Background(), "f", event); functionError != "" || err != nil {
			b.Fatal(functionError, err)
		}
	})
}

// measure reports the median beside the mean.
func measure(b *testing.B, do func()) {
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		do()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns/op")
}

// child starts the function that does nothing and gives the listener that it
// asks for events.
func child(b *testing.B) net.Listener {
	bin := filepath.Join(b.TempDir(), "f")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bin, "./testdata/misbehave").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(bin)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + ln.Addr().String(), "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		ln.Close()
	})
	return ln
}

// benchmarkBare is the least that a server with net/http does.
func benchmarkBare(b *testing.B) {
	ln := child(b)
	events, answers := make(chan string), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10))
			io.WriteString(w, event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		answers <- struct{}{}
		w.WriteHeader(http.StatusAccepted)
	})
	server := &http.Server{Handler: mux}
	go server.Serve(ln)
	defer server.Close()
	events <- "{}"
	<-answers
	measure(b, func() {
		events <- "{}"
		<-answers
	})
}

// benchmarkWire speaks just enough HTTP.
func benchmarkWire(b *testing.B) {
	ln := child(b)
	conn, err := ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	read := func() {
		req, err := http.ReadRequest(in)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, req.Body)
	}
	read()
	deadline := time.Now().Add(time.Hour).UnixMilli()
	measure(b, func() {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\nLambda-Runtime-Deadline-Ms: %d\r\nContent-Length: 2\r\n\r\n{}", deadline)
		read() // the answer
		io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		read() // the request for the next event
	})
}

// BenchmarkReload measures from a save to the first answer of the new code. The
// bounds are 0.7 s for Go and 0.2 s for the others.
func BenchmarkReload(b *testing.B) {
	for _, c := range []struct {
		name, tool, handler, file string
		text                      func(n int) string
		files                     map[string]string
	}{
		{"go", "go", "f", "f/main.go", func(n int) string {
			return fmt.Sprintf("package main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() {\n\tlambda.Start(func() (int, error) { return %d, nil })\n}\n", n)
		}, goModule(b, map[string]string{})},
		{"typescript", "node", "f.handler", "f.ts", func(n int) string { return fmt.Sprintf("export const handler = async (): Promise<number> => %d;", n) }, nil},
		{"python", "python3", "f.handler", "f.py", func(n int) string { return fmt.Sprintf("def handler(event, context):\n    return %d\n", n) }, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			need(b, c.tool)
			files := maps.Clone(c.files)
			if files == nil {
				files = map[string]string{}
			}
			files[c.file] = c.text(0)
			dir := project(b, files)
			s := start(b, dir, watched, lambda.Function{Name: "f", Handler: c.handler})
			s.answers("f", "0")
			n := 0
			measure(b, func() {
				n++
				save(b, filepath.Join(dir, c.file), c.text(n))
				s.answers("f", fmt.Sprint(n))
			})
		})
	}
}
