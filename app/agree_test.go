package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/doorwright/doorwright/app"
)

// inBoth are the messages of rules that are in tags, which the schema has too.
var inBoth = regexp.MustCompile(`must be (text|a list|a mapping|a whole number|true|a duration|from \d+ to \d+)|^unknown key|is not one of|is not (an?|the) |has no value|can have at most|must have at least|is empty$|is reserved$| twice$|is not supported by`)

// needs are the rules a stage can satisfy or break in another place.
var needs = regexp.MustCompile(` needs | is for |can have only one of`)

// TestSchemaAgreesOnMutations changes each value of a whole declaration in several ways,
// one at a time, and asks the walker and the schema. What the schema rejects the walker
// has to reject, and what the walker rejects by a rule in a tag the schema has to.
func TestSchemaAgreesOnMutations(t *testing.T) {
	s := schema(t)
	file := filepath.Join("testdata", "good", "everything.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, stages := range []bool{true, false} {
		var root map[string]any
		if err := yaml.Unmarshal(data, &root); err != nil {
			t.Fatal(err)
		}
		part := root
		if stages {
			part = root["stages"].(map[string]any)
		} else {
			delete(root, "stages")
		}
		mutate(part, func() {
			cases++
			text, err := json.Marshal(root) // JSON is YAML
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			bySchema := s.Validate(value)
			_, byWalker := app.Parse(file, text, app.Options{Env: environment})
			if bySchema != nil && byWalker == nil {
				t.Errorf("the schema rejects what the walker accepts:\n%s\n%v", text, bySchema)
			}
			var list app.ErrorList
			if bySchema != nil || !errors.As(byWalker, &list) {
				return
			}
			for _, e := range list {
				if inBoth.MatchString(e.Message) || !stages && needs.MatchString(e.Message) {
					t.Errorf("the schema accepts what the walker rejects: %s", e)
				}
			}
		})
	}
	if cases < 1000 {
		t.Errorf("only %d cases", cases)
	}
}

// mutate calls try after each change to what is in value, and undoes the change.
func mutate(value any, try func()) {
	replacements := []any{nil, true, 42, "", "some text", []any{"x", "x"}, map[string]any{"x": "y"}}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			old := v[key]
			for _, r := range replacements {
				v[key] = r
				try()
			}
			delete(v, key)
			try()
			v["x-"+key] = old
			try()
			delete(v, "x-"+key)
			v[key] = old
			mutate(old, try)
		}
	case []any:
		for i, old := range v {
			for _, r := range replacements {
				v[i] = r
				try()
			}
			v[i] = old
			mutate(old, try)
		}
	}
}
