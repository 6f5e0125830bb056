// Package storetest opens stages for tests.
package storetest

import (
	"testing"

	"github.com/doorwright/doorwright/internal/store"
)

// Open opens a fresh stage in a temporary folder. It is closed when the test
// ends.
func Open(t testing.TB, migrations ...store.Migration) *store.Stage {
	t.Helper()
	s, err := store.Open(t.Context(), store.Path(t.TempDir(), "test"), store.Options{Migrations: migrations})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stage: %v", err)
		}
	})
	return s
}
