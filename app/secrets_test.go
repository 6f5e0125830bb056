package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
)

const withSecrets = `name: app
userPools: {Users: {clients: {server: {generateSecret: true}}}}
apis:
  Api:
    routes:
      GET /a:
        function:
          handler: f.handler
          environment: {KEY: "a-${secret:API_KEY}-b", STAGE: "${stage}", WHO: "${env:WHO}", CLIENT: "${userPools.Users.clients.server.secret}"}
`

func who(name string) (string, bool) { return "me", name == "WHO" }

func TestSecrets(t *testing.T) {
	dir := folder(t, map[string]string{
		app.FileName: withSecrets, "f.js": "",
		".env":      "API_KEY=of-all-stages\nUNUSED=x\n",
		".env.prod": "export API_KEY='of prod'\n",
	})
	attribute := func(r app.Ref) (string, error) {
		if r.Kind != app.RefUserPoolClient || r.Name != "Users" || r.Client != "server" || r.Attribute != "secret" {
			t.Errorf("asked for %+v", r)
		}
		return "client-secret", nil
	}
	for stage, want := range map[string]string{"dev": "a-of-all-stages-b", "prod": "a-of prod-b"} {
		a := load(t, dir, app.Options{Stage: stage, Env: who})
		env, err := a.Environment(a.Functions()[0], attribute)
		if err != nil || env["KEY"] != want || env["STAGE"] != stage || env["WHO"] != "me" || env["CLIENT"] != "client-secret" || len(env) != 4 {
			t.Errorf("%s: got %v, %v", stage, env, err)
		}
		secret, ok := a.Secret("API_KEY")
		if !ok || secret.Reveal() != strings.TrimSuffix(strings.TrimPrefix(want, "a-"), "-b") {
			t.Errorf("the secret is %q", secret.Reveal())
		}
		if _, ok := a.Secret("NONE"); ok {
			t.Error("there is a secret NONE")
		}
	}

	a := load(t, dir, app.Options{Env: who})
	failing := errors.New("no such client")
	env, err := a.Environment(a.Functions()[0], func(app.Ref) (string, error) { return "", failing })
	if env != nil || !errors.Is(err, failing) || !strings.Contains(err.Error(), ":9:") {
		t.Errorf("got %v, %v", env, err)
	}
	if env, err = a.Environment(a.Functions()[0], func(app.Ref) (string, error) { return strings.Repeat("x", 4096), nil }); env != nil || err == nil {
		t.Errorf("an environment of more than 4 KB: %v", err)
	}
	if env, err = a.Environment(a.Functions()[0], func(app.Ref) (string, error) { return "a\x00b", nil }); env != nil || err == nil {
		t.Errorf("an environment with a NUL: %v", err)
	}
}

// TestSecretsAreNotShown prints an App and its secret every way there is.
func TestSecretsAreNotShown(t *testing.T) {
	dir := folder(t, map[string]string{app.FileName: withSecrets, "f.js": "", ".env": "API_KEY=hunter2\n"})
	a := load(t, dir, app.Options{Env: who})
	secret, _ := a.Secret("API_KEY")
	encoded, err := json.Marshal(map[string]any{"secret": secret, "functions": a.Functions()})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret, "app", a)
	unexported := struct{ s app.Secret }{secret}
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%s %v %+v %#v %q %x", secret, secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", a, a, a), fmt.Sprintf("%v %+v %#v", *a, *a, *a), fmt.Sprintf("%v %+v %#v", unexported, unexported, unexported),
		fmt.Sprintf("%+v", a.Functions()), string(encoded), log.String(),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret shows in %s", text)
		}
	}
}

func TestDotenv(t *testing.T) {
	for name, test := range map[string]struct{ env, want, problem string }{
		"bare":              {env: "API_KEY=value", want: "value"},
		"blanks":            {env: "  API_KEY =  a b \t\n", want: "a b"},
		"comment":           {env: "# first\n\nAPI_KEY=a#b # c\n", want: "a#b"},
		"empty":             {env: "API_KEY=\n", want: ""},
		"empty and comment": {env: "API_KEY= # none\n", want: ""},
		"export":            {env: "export\tAPI_KEY=x\n", want: "x"},
		"named export":      {env: "export=1\nAPI_KEY=x\n", want: "x"},
		"CR LF and BOM":     {env: "\ufeffAPI_KEY=x\r\nB=y\r\n", want: "x"},
		"single quotes":     {env: `API_KEY='a \n "b" $C # d' # e`, want: `a \n "b" $C # d`},
		"double quotes":     {env: `API_KEY="a\n\t\"b\" \$C \\ \d # e"`, want: "a\n\t\"b\" $C \\ \\d # e"},
		"several lines":     {env: "API_KEY=\"one\ntwo\"\nB=3\n", want: "one\ntwo"},
		"nothing expanded":  {env: "A=1\nAPI_KEY=$A${A}\n", want: "$A${A}"},
		"equals signs":      {env: "API_KEY=a=b==\n", want: "a=b=="},
		"last wins":         {env: "API_KEY=a\nAPI_KEY=b\n", want: "b"},
		"no assignment":     {env: "API_KEY=x\nhunter2\n", problem: ".env:2:1: this line is not an assignment"},
		"bad name":          {env: "API_KEY=x\n hunter-2=y\n", problem: ".env:2:2: what is before the = cannot be the name of a variable"},
		"not closed":        {env: "API_KEY=\"hunter2\nB=hunter2\n", problem: ".env:1:9: the quoted value of API_KEY is not closed"},
		"rest":              {env: "API_KEY='x' hunter2\n", problem: ".env:1:1: something follows the quoted value of API_KEY"},
		"not UTF-8":         {env: "API_KEY=\xff\n", problem: ".env: the text is not UTF-8"},
		"too large":         {env: strings.Repeat("#", 256<<10+1), problem: ".env: reading the secrets: the file is too large: more than 262144 bytes"},
		"misspelt":          {env: "API_KYE=hunter2\n", problem: "doorwright.yaml:9:33: the secret API_KEY has no value"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{app.FileName: withSecrets, "f.js": "", ".env": test.env})
			a, err := app.Load(dir, app.Options{Env: who})
			if test.problem == "" {
				if err != nil {
					t.Fatal(err)
				}
				if s, _ := a.Secret("API_KEY"); s.Reveal() != test.want {
					t.Errorf("got %q, want %q", s.Reveal(), test.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "")+string(filepath.Separator)+test.problem) {
				t.Errorf("got %v, want %s", err, test.problem)
			}
			if err != nil && strings.Contains(err.Error(), "hunter") {
				t.Errorf("the message shows what the file holds: %v", err)
			}
		})
	}

	// A file nothing refers to is not read: it may be another tool's.
	dir := folder(t, map[string]string{app.FileName: "name: app\n", ".env": "not an assignment\n"})
	load(t, dir, app.Options{})
}

func TestExpr(t *testing.T) {
	a, err := app.Parse("doorwright.yaml", []byte(`name: app
apis: {Api: {}}
outputs:
  A: "x ${apis.Api.url}/$${stage} $5 $$ ${stage}"
`), app.Options{Stage: "test"})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := a.Outputs.Get("A")
	refs := e.Refs()
	if len(refs) != 2 || refs[0].Kind != app.RefAPI || refs[0].Name != "Api" || refs[0].Attribute != "url" || refs[1].Kind != app.RefStage ||
		refs[0].String() != "${apis.Api.url}" || refs[0].Pos.Column != 9 {
		t.Errorf("the references are %+v", refs)
	}
	got, err := a.Resolve(e, func(app.Ref) (string, error) { return "http://localhost:3100", nil })
	if want := "x http://localhost:3100/${stage} $5 $$ test"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestSecretsByReference: the values need not exist, and are not read.
func TestSecretsByReference(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("a/main.go", "package main\n\nfunc main() {}\n")
	write("doorwright.yaml", "name: x\napis: {A: {routes: {GET /: {function: {handler: a, environment: {KEY: \"x${secret:KEY}-${stage}\"}}}}}}\n")
	write(".env", "this is no assignment\n")
	if _, err := app.Load(dir, app.Options{}); err == nil {
		t.Fatal("a broken .env was taken")
	}
	a, err := app.Load(dir, app.Options{SecretsByReference: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Secret("KEY"); ok {
		t.Error("the App has the secret")
	}
	e, _ := a.Functions()[0].Environment.Get("KEY")
	pieces := a.Pieces(e)
	if len(pieces) != 4 || pieces[0].Text != "x" || pieces[1].Ref == nil || pieces[1].Ref.Name != "KEY" || pieces[2].Text != "-" || pieces[3].Text != "dev" || pieces[3].Ref != nil {
		t.Errorf("the pieces are %+v", pieces)
	}
	if at := a.PosOf(e); at.Line != 2 || at.Column != 71 {
		t.Errorf("it is at %s", at)
	}
}
