package app_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
)

// TestSchemaDescribes: every key an editor completes says what it is.
func TestSchemaDescribes(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(app.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", root["$schema"])
	}
	keys := 0
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok && v["additionalProperties"] == false {
				for key, p := range properties {
					keys++
					description, _ := p.(map[string]any)["description"].(string)
					if len(description) < 10 || strings.Contains(description, "\n") {
						t.Errorf("%s.%s is described as %q", path, key, description)
					}
				}
			}
			for key, below := range v {
				walk(path+"."+key, below)
			}
		case []any:
			for _, below := range v {
				walk(path, below)
			}
		}
	}
	walk("", root)
	if keys < 60 {
		t.Errorf("only %d keys", keys)
	}
	if !bytes.Equal(app.Schema(), app.Schema()) {
		t.Error("two schemas differ")
	}
	// A description names the key as the file has it.
	defs := root["$defs"].(map[string]any)
	pool := defs["UserPool"].(map[string]any)["properties"].(map[string]any)
	if d := pool["selfSignUp"].(map[string]any); !strings.HasPrefix(d["description"].(string), "selfSignUp lets ") || d["default"] != false {
		t.Errorf("selfSignUp is %v", d)
	}
}
