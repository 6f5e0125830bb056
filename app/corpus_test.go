package app_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/doorwright/doorwright/app"
)

// goName is what a message has when it leaks how the walker is made.
var goName = regexp.MustCompile(`\b(app|reflect|time|ast|token)\.[A-Z]|\b(struct|int64|interface|nil)\b|%!`)

var update = flag.Bool("update", false, "rewrite the golden messages of testdata/bad")

// environment is what ${env:} sees in the corpus.
func environment(name string) (string, bool) {
	value, ok := map[string]string{"ISSUER": "https://issuer.example", "UPSTREAM": "http://127.0.0.1:9000", "EMPTY": ""}[name]
	return value, ok
}

func corpus(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/%s: no files (%v)", dir, err)
	}
	return files
}

func parseFile(t *testing.T, file string) ([]byte, *app.App, error) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Parse(file, data, app.Options{Env: environment})
	return data, a, err
}

// TestBadCorpus holds every message to the letter: the position, what is wrong, the
// line, the caret and the fix.
func TestBadCorpus(t *testing.T) {
	files := corpus(t, "bad")
	if len(files) < 60 {
		t.Errorf("testdata/bad has %d files, want at least 60", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, a, err := parseFile(t, file)
			if err == nil {
				t.Fatal("no error")
			}
			if a != nil {
				t.Error("an App with an error")
			}
			got := strings.ReplaceAll(err.Error(), filepath.FromSlash("testdata/bad/"), "testdata/bad/") + "\n"
			if name := goName.FindString(got); name != "" {
				t.Errorf("the message has %q:\n%s", name, got)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestGoodCorpus(t *testing.T) {
	for _, file := range corpus(t, "good") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			if _, a, err := parseFile(t, file); err != nil || a == nil {
				t.Errorf("%v", err)
			}
		})
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(app.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgrees feeds the corpus to the schema too. The first line of each bad file
// says what the schema makes of it:
//
//	# schema: rejects
//	# schema: accepts (why only the walker sees it)
//	# schema: unread (why it is no YAML value)
//
// so a rule that is lost on one side is found.
func TestSchemaAgrees(t *testing.T) {
	s := schema(t)
	verdict := func(t *testing.T, data []byte) error {
		t.Helper()
		var value any
		if err := yaml.Unmarshal(data, &value); err != nil {
			t.Fatalf("the file is no YAML value: %v", err)
		}
		return s.Validate(value)
	}
	for _, file := range corpus(t, "good") {
		data, _, _ := parseFile(t, file)
		if err := verdict(t, data); err != nil {
			t.Errorf("%s: the schema rejects it: %v", file, err)
		}
	}
	for _, file := range corpus(t, "bad") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, _, _ := parseFile(t, file)
			line, _, _ := strings.Cut(strings.TrimPrefix(string(data), "\ufeff"), "\n")
			expect, reason, _ := strings.Cut(strings.TrimPrefix(line, "# schema: "), " ")
			if expect != "rejects" && len(reason) < 3 {
				t.Fatalf("the first line %q gives no reason", line)
			}
			switch expect {
			case "rejects":
				if verdict(t, data) == nil {
					t.Error("the schema accepts it")
				}
			case "accepts":
				if err := verdict(t, data); err != nil {
					t.Errorf("the schema rejects it: %v", err)
				}
			case "unread":
			default:
				t.Fatalf("the first line is %q", line)
			}
		})
	}
}
