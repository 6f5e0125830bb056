package examples_test

import (
	"path/filepath"
	"testing"

	"github.com/doorwright/doorwright/doorwrighttest"
)

// TestWhoMayCall holds the authorization matrix of each example.
func TestWhoMayCall(t *testing.T) {
	for _, c := range []struct{ example, needs string }{
		{"quickstart", ""}, {"api-auth-auth0", "node"}, {"api-auth-jwt-cognito-user-pool", "node"}, {"unicorns", "python3"}, {"notes", "modules"},
	} {
		t.Run(c.example, func(t *testing.T) {
			switch c.needs {
			case "modules":
				needsModules(t, c.example)
			case "":
			default:
				needs(t, c.needs)
			}
			app := doorwrighttest.Start(t, c.example, doorwrighttest.Options{Quiet: true})
			doorwrighttest.Matrix(t, app, filepath.Join("testdata", "who-may-call", c.example+".txt"))
		})
	}
}
