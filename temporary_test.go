package doorwright_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestTemporaryStates: passwords are kept weakly in states that are thrown away, and in
// no other; neither kind opens as the other.
func TestTemporaryStates(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorwright.yaml"), `
name: kept
tenants:
  Auth0:
    users: [{email: ann@example.com, password: "Passw0rd!Passw0rd"}]
    applications: {web: {type: spa, callbacks: ["http://localhost:3000"]}}
`)
	states := map[bool]string{true: t.TempDir(), false: t.TempDir()}
	listen := func(temporary bool, state string) error {
		a, err := doorwright.New(doorwright.Config{Dir: dir, State: state, AnyPort: true, Temporary: temporary})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Listen(t.Context()); err != nil {
			return err
		}
		ended, end := context.WithCancel(t.Context())
		end()
		return a.Run(ended)
	}
	for temporary, iterations := range map[bool]int{true: 600, false: 600_000} {
		for range 2 { // when it is begun, and when it is opened again
			if err := listen(temporary, states[temporary]); err != nil {
				t.Fatal(err)
			}
		}
		if got := passwordIterations(t, states[temporary]); got != iterations {
			t.Errorf("a state that is temporary: %t keeps passwords with %d iterations, not %d", temporary, got, iterations)
		}
		if err := listen(!temporary, states[temporary]); err == nil || !strings.Contains(err.Error(), "the state in "+states[temporary]) {
			t.Errorf("a state that is temporary: %t opens as the other kind: %v", temporary, err)
		}
	}
}

func passwordIterations(t *testing.T, state string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(state, "state.db"))+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT min(iterations) FROM (SELECT iterations FROM auth0_user UNION ALL SELECT iterations FROM auth0_declared)").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
