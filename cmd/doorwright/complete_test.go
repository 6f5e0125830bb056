package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompletionsAreNoCommands completes with names that others have chosen: who has
// signed up, as any page in a browser may do, and who has written a declaration. bash puts
// what is proposed onto the command line as it is, and the next Enter runs it.
func TestCompletionsAreNoCommands(t *testing.T) {
	bad := []string{"$(touch${IFS}pwned)", "`touch pwned`", "a;touch pwned", "a|sh", "a&b", "a>b", "a<b", "a b", "a\tb", "a'b", `a"b`, `a\b`, "a*", "a?", "[a]", "~a", "#a", "!a", "-a", "--yes", "a\u202eb", "a\u00a0b", "a(b", "a)b", "{a,b}", "a\x1b[2Jb", "a\nb", "a\x01b"}
	good := []string{"ann@example.com", "bea", "Élodie", "c.d-e_f+g", "山田"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var users, groups []map[string]any
		for _, name := range append(bad, good...) {
			users, groups = append(users, map[string]any{"Name": name, "name": name}), append(groups, map[string]any{"Name": name, "name": name})
		}
		text, err := json.Marshal(map[string]any{"Page": map[string]any{"Users": users}, "Groups": groups})
		if err != nil {
			t.Error(err)
		}
		if r.Header.Get("X-Amz-Target") == "Doorwright.Hello" {
			text = []byte("{}")
		}
		w.Header().Set("X-Doorwright-Proof", prove(r, text))
		_, _ = w.Write(text) // the client went away
	}))
	defer server.Close()
	dir := t.TempDir()
	for _, stage := range []string{"dev", "old"} {
		if err := os.MkdirAll(filepath.Join(dir, ".doorwright", stage), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := strings.Cut(server.URL, "127.0.0.1:")
	environment := fmt.Sprintf(`{"endpoint":"http://localhost:%s","region":"us-east-1","accessKeyId":"AKIA1","secretAccessKey":"s"}`, port)
	declaration := "name: x\napis: {Api: {routes: {\"GET /good/{id}/{proxy+}\": {function: good.handler, authorizer: none}"
	files := map[string]string{"good": "", ".doorwright/dev/environment.json": environment}
	for i, name := range []string{"$(touch pwned)", "a;touch pwned", "`touch pwned`", "a b"} {
		files[name] = ""
		declaration += fmt.Sprintf(", \"GET /%d\": {function: %q, authorizer: none}", i, name+".handler")
	}
	declaration += `, "GET /signed": {function: good.handler, authorizer: iam}}}}` + `
identityPools: {Auth: {permissions: {authenticated: [Api]}}}
stages: {prod: {}}
`
	files["doorwright.yaml"], files[".doorwright/old/environment.json"] = declaration, environment
	for name, text := range files {
		if text == "" {
			name, text = name+".js", "export const handler = async () => 1\n"
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bash, bashErr := exec.LookPath("bash")
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"users", "delete"}, good},
		{[]string{"users", "show"}, good},
		{[]string{"users", "create", "x", "--group"}, good},
		{[]string{"logs"}, []string{"good.handler"}},
		{[]string{"call", "GET"}, []string{"/good/{id}/{proxy+}", "/0", "/1", "/2", "/3", "/signed"}},
		{[]string{"start", "--inspect"}, []string{"good.handler"}},
		{[]string{"call", "/x", "--user"}, good},
		{[]string{"token", "--user"}, good},
		{[]string{"call", "/x", "--role"}, []string{"Auth.authenticated"}},
		{[]string{"logs", "--stage"}, []string{"dev", "old", "prod"}},
		{[]string{"users", "list", "--stage"}, []string{"dev", "old", "prod"}},
		{[]string{"call", "/x", "--header"}, nil},
		{[]string{"logs", "--request"}, nil},
	} {
		var out, errs bytes.Buffer
		args := append(append([]string{"__complete"}, tt.args...), "--dir", dir, "")
		if tt.args[0] == "start" {
			args = []string{"__complete", "start", dir, "--inspect", ""}
		} else if last := tt.args[len(tt.args)-1]; strings.HasPrefix(last, "--") {
			args = append(append([]string{"__complete"}, tt.args[:len(tt.args)-1]...), "--dir", dir, last, "")
		}
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
			t.Fatalf("%s: %d %s", args, code, errs.String())
		}
		list, _, _ := strings.Cut(out.String(), ":4")
		if got, want := strings.TrimSpace(list), strings.Join(tt.want, "\n"); got != want {
			t.Errorf("%s gives %q, want %q", tt.args, got, want)
		}
		if bashErr != nil {
			continue
		}
		// What bash makes of the proposals as a command's words, as Enter has it do.
		if len(tt.want) == 0 {
			continue
		}
		command := exec.CommandContext(t.Context(), bash, "-c", "printf '%s\n' "+strings.ReplaceAll(strings.TrimSpace(list), "\n", " "))
		command.Dir = t.TempDir()
		words, err := command.CombinedOutput()
		if err != nil || string(words) != strings.Join(tt.want, "\n")+"\n" {
			t.Errorf("%s: bash makes %q of the proposals, %v", tt.args, words, err)
		}
		if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
			t.Errorf("%s: a proposal has run: %v %v", tt.args, left, err)
		}
	}
}
