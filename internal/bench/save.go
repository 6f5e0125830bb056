package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// language is one in which handlers are written.
type language struct {
	row, tool, route, handler, file string
	// text gives a source that answers with n.
	text  func(n int) string
	bound time.Duration
	// bare does once what no way around leads: the compiler, or the start of
	// the interpreter.
	bare     func(ctx context.Context, dir, source string) *exec.Cmd
	bareWhat string
}

const goHandler = `package main

import (
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func() (map[string]any, error) {
		return map[string]any{"statusCode": 200, "body": strconv.Itoa(%d)}, nil
	})
}
`

// languages are all there are.
func languages() []language {
	script := func(tool string) func(context.Context, string, string) *exec.Cmd {
		return func(ctx context.Context, _, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, tool, nothing(tool)...)
		}
	}
	return []language{
		{row: "save-go", tool: "go", route: "/go", handler: "functions/live", file: "functions/live/main.go", bound: 700 * time.Millisecond,
			text: func(n int) string { return fmt.Sprintf(goHandler, n) },
			bare: func(ctx context.Context, dir, source string) *exec.Cmd {
				cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-buildvcs=false", "-o", filepath.Join(dir, "bare"+exe), "./"+filepath.ToSlash(filepath.Dir(source)))
				cmd.Dir = dir
				return cmd
			}, bareWhat: "go build of such a change alone"},
		{row: "save-ts", tool: "node", route: "/ts", handler: "ts.handler", file: "ts.ts", bound: 200 * time.Millisecond,
			text: func(n int) string {
				return fmt.Sprintf("export const handler = async (): Promise<{ statusCode: number; body: string }> => ({ statusCode: 200, body: \"%d\" });\n", n)
			}, bare: script("node"), bareWhat: "the start of node alone"},
		{row: "save-js", tool: "node", route: "/js", handler: "js.handler", file: "js.mjs", bound: 200 * time.Millisecond,
			text: func(n int) string {
				return fmt.Sprintf("export const handler = async () => ({ statusCode: 200, body: \"%d\" });\n", n)
			}, bare: script("node"), bareWhat: "the start of node alone"},
		{row: "save-py", tool: "python3", route: "/py", handler: "py.handler", file: "py.py", bound: 200 * time.Millisecond,
			text: func(n int) string {
				return fmt.Sprintf("def handler(event, context):\n    return {\"statusCode\": 200, \"body\": \"%d\"}\n", n)
			}, bare: script("python3"), bareWhat: "the start of python3 in PATH alone"},
	}
}

// nothing are the arguments with which an interpreter does nothing.
func nothing(tool string) []string {
	if tool == "node" {
		return []string{"-e", "0"}
	}
	return []string{"-c", "0"}
}

// measureSave saves a handler and asks the running program until the new code
// answers.
func measureSave(ctx context.Context, b *bench) ([]result, error) {
	dir, err := b.project(ctx, "save")
	if err != nil {
		return nil, err
	}
	var results []result
	var here []language
	routes := ""
	for _, l := range languages() {
		if _, err := exec.LookPath(l.tool); err != nil {
			results = append(results, skipped(l.row, l.what(), l.tool+" is not installed"))
			continue
		}
		here = append(here, l)
		routes += fmt.Sprintf("      GET %s: {function: %s, authorizer: none}\n", l.route, l.handler)
		if err := save(dir, l.file, l.text(0)); err != nil {
			return nil, err
		}
	}
	declaration := "name: save\nregion: us-east-1\napis:\n  Api:\n    routes:\n" + routes + "outputs: {ApiEndpoint: \"${apis.Api.url}\"}\n"
	if err := save(dir, "doorwright.yaml", declaration); err != nil {
		return nil, err
	}
	other, err := b.project(ctx, "save-bare") // what the bare compiler compiles
	if err != nil {
		return nil, err
	}
	s, err := b.start(ctx, dir)
	if err != nil {
		return nil, err
	}
	url, err := s.output("ApiEndpoint")
	for _, l := range here {
		if err != nil {
			break
		}
		var r result
		r, err = l.measure(ctx, b, url, dir, other)
		results = append(results, r)
	}
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	return results, err
}

func (l language) what() string { return "a save to the first new answer, " + l.file }

// measure gives a language's row.
func (l language) measure(ctx context.Context, b *bench, url, dir, other string) (result, error) {
	if err := answers(ctx, url+l.route, "0"); err != nil {
		return result{}, err
	}
	n, bare := 0, 0
	ours := func() (float64, error) {
		n++
		began := time.Now()
		if err := save(dir, l.file, l.text(n)); err != nil {
			return 0, err
		}
		err := answers(ctx, url+l.route, fmt.Sprint(n))
		return float64(time.Since(began)), err
	}
	limit := func() (float64, error) {
		bare++
		if err := save(other, l.file, l.text(1000+bare)); err != nil { // never built before
			return 0, err
		}
		began := time.Now()
		out, err := l.bare(ctx, other, l.file).CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("%s: %w\n%s", l.bareWhat, err, out)
		}
		return float64(time.Since(began)), nil
	}
	m, err := alternate(b.pick(15, 1), ours, limit)
	if err != nil {
		return result{}, err
	}
	r := bounded(l.row, l.what(), "ns", m.Measured, float64(l.bound))
	r.Note = fmt.Sprintf("%s takes %s: the whole is %.1f times that", l.bareWhat, format(m.Limit, "ns"), m.Ratio)
	return r, nil
}

// save writes a file, and the folder before it.
func save(dir, name, text string) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// answers asks until the answer is the wanted one. It rests between two
// questions, so that they do not take the processor from the compiler.
func answers(ctx context.Context, url, want string) error {
	const patience, rest = 60 * time.Second, 2 * time.Millisecond
	last := ""
	for began := time.Now(); time.Since(began) < patience; time.Sleep(rest) {
		request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		if last = strings.TrimSpace(string(body)); last == want {
			return nil
		}
	}
	return fmt.Errorf("%s answers %q, not %q", url, last, want)
}
