package auth0_test

import (
	"database/sql"
	"sync"
	"testing"
)

// TestSigningKeyIsMadeAtFirstNeed holds that no start waits for a key, that all who
// ask at once get the same one, and that it is kept before anybody sees it.
func TestSigningKeyIsMadeAtFirstNeed(t *testing.T) {
	db := openDB(t, t.TempDir())
	kept := func() (size int) {
		t.Helper()
		if err := db.Read(t.Context(), func(tx *sql.Tx) error {
			return tx.QueryRow("SELECT length(pkcs8) FROM auth0_tenant").Scan(&size)
		}); err != nil {
			t.Fatal(err)
		}
		return size
	}
	w := newWorldIn(t, db, tenantConfig())
	if n := kept(); n != 0 {
		t.Errorf("a key of %d bytes is there at the start", n)
	}
	w = newWorldIn(t, db, tenantConfig()) // before there is one
	var bodies [8]string
	var group sync.WaitGroup
	for i := range bodies {
		group.Go(func() { bodies[i] = w.browser().get("/.well-known/jwks.json").body })
	}
	group.Wait()
	again := newWorldIn(t, db, tenantConfig()).browser().get("/.well-known/jwks.json").body
	for _, body := range bodies {
		if body != again || kept() == 0 {
			t.Fatalf("of one key there are\n%s\nand after a restart\n%s", body, again)
		}
	}
}
