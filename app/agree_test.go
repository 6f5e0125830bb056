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

// unevaluable are what package iam says of a statement.
var unevaluable = regexp.MustCompile(`cannot be evaluated: `)

// needs are the rules a stage can satisfy or break in another place.
var needs = regexp.MustCompile(` needs | is for |can have only one of`)

// TestSchemaAgreesOnMutations changes each value of each part of a whole declaration
// in several ways, one at a time, and asks the walker and the schema. What the schema
// rejects the walker has to reject, and what the walker rejects by a rule in a tag the
// schema has to. A part is asked about alone: what it has to do with others, which
// are not there then, the walker says before and after the change.
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
		of := func(declaration map[string]any) map[string]any { return declaration }
		part := root
		if stages {
			part = root["stages"].(map[string]any)["prod"].(map[string]any)
			of = func(stage map[string]any) map[string]any {
				return map[string]any{"name": root["name"], "stages": map[string]any{"prod": stage}}
			}
		} else {
			delete(root, "stages")
		}
		accepted := func(one map[string]any) bool { return validate(t, s, marshal(t, of(one))) == nil }
		for _, one := range parts(part, accepted) {
			declaration := of(one)
			before := messages(file, marshal(t, declaration))
			mutate(one, func() {
				cases++
				text := marshal(t, declaration)
				bySchema, byWalker := validate(t, s, text), messages(file, text)
				news := slices.DeleteFunc(slices.Clone(byWalker), func(m string) bool { return slices.Contains(before, m) })
				if bySchema != nil && len(news) == 0 {
					t.Errorf("the schema rejects what the walker accepts:\n%s\n%v", text, bySchema)
				}
				for _, m := range news {
					if bySchema == nil && !unevaluable.MatchString(m) && (inBoth.MatchString(m) || !stages && needs.MatchString(m)) {
						t.Errorf("the schema accepts what the walker rejects: %s\n%s", m, text)
					}
				}
			})
		}
	}
	if cases < 4000 {
		t.Errorf("only %d cases", cases)
	}
}

func marshal(t *testing.T, declaration map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(declaration) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// messages gives what the walker says of a declaration.
func messages(file string, text []byte) []string {
	var all []string
	var list app.ErrorList
	if _, err := app.Parse(file, text, app.Options{Env: environment}); errors.As(err, &list) {
		for _, e := range list {
			all = append(all, e.Message)
		}
	}
	return all
}

// parts parts a declaration: what it says itself, what each of its resources says itself,
// and each entry of a resource's mappings, such as a route. What is not accepted in parts,
// because it has to have several of them, stays whole.
func parts(declaration map[string]any, accepted func(map[string]any) bool) []map[string]any {
	all := []map[string]any{{}}
	part := func(value any, path ...string) map[string]any {
		for _, key := range slices.Backward(path) {
			value = map[string]any{key: value}
		}
		one := value.(map[string]any)
		if name, ok := declaration["name"]; ok {
			one["name"] = name
		}
		return one
	}
	for section, value := range declaration {
		of, ok := value.(map[string]any)
		if !ok || section == "outputs" {
			all[0][section] = value
			continue
		}
		for name, resource := range of {
			refused := func(one map[string]any) bool { return !accepted(one) }
			own := map[string]any{}
			var split []map[string]any
			for key, value := range resource.(map[string]any) {
				entries, ok := value.(map[string]any)
				if !ok {
					own[key] = value
					continue
				}
				var each []map[string]any
				for entry, value := range entries {
					each = append(each, part(map[string]any{entry: value}, section, name, key))
				}
				if slices.ContainsFunc(each, refused) {
					each = []map[string]any{part(value, section, name, key)}
				}
				split = append(split, each...)
			}
			split = append(split, part(own, section, name))
			if slices.ContainsFunc(split, refused) {
				split = []map[string]any{part(resource, section, name)}
			}
			all = append(all, split...)
		}
	}
	return all
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
