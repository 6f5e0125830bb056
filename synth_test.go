package doorwright_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestSynthTellsDeploy what the template does not say of itself: whether the stage is
// protected, what it reads of Secrets Manager, and which lines its resources are of.
func TestSynthTellsDeploy(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"doorwright.yaml": "name: x\nuserPools: {P: {signInAliases: [email], clients: {web: {}}}}\napis: {A: {routes: {GET /: {function: {handler: a.handler, environment: {KEY: '${secret:KEY}'}}}}}}\nstages: {live: {protected: true}}\n",
		"a.js":            "export const handler = async () => [];\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for stage, protected := range map[string]bool{"prod": true, "live": true, "dev": false} {
		s, err := doorwright.Synth(t.Context(), doorwright.SynthConfig{Dir: dir, Stage: stage})
		if err != nil {
			t.Fatal(err)
		}
		if s.Protected != protected {
			t.Errorf("stage %s: protected is %t", stage, s.Protected)
		}
		at := filepath.Join(dir, "doorwright.yaml")
		if len(s.Secrets) != 1 || s.Secrets[0] != (doorwright.SynthSecret{Name: stage + "-x/KEY", Position: at + ":3:80"}) {
			t.Errorf("the secrets are %v", s.Secrets)
		}
		if s.Positions["UserPoolP"] != at+":2:13" || s.Positions["UserPoolP.UsernameAttributes"] != at+":2:17" {
			t.Errorf("the positions are %v", s.Positions)
		}
	}
}
