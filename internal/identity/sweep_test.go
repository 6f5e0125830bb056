package identity_test

import (
	"fmt"
	"testing"
	"time"
)

// TestGuestsAreBounded makes guests, and identities that are merged or lose their logins,
// without end: the oldest of them are forgotten, and nobody's who has a login.
func TestGuestsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.svc.KeepLoginless(5)
	rider := w.id(poolID, userPool, w.token(userPool, "rider"))
	var guests []string
	for i := range 40 {
		w.advance(time.Second)
		guest := w.id(poolID)
		guests = append(guests, guest)
		switch i % 4 {
		case 1: // merged into who has signed in
			w.must("", "GetCredentialsForIdentity", obj{"IdentityId": guest, "Logins": pairs([]string{userPool, w.token(userPool, "rider")})})
		case 2: // a login that goes again
			login := pairs([]string{userPool, w.token(userPool, fmt.Sprint("passer-by-", i))})
			id := w.must("", "GetId", obj{"IdentityPoolId": poolID, "Logins": login}).text("IdentityId")
			w.must("", "UnlinkIdentity", obj{"IdentityId": id, "Logins": login, "LoginsToRemove": []string{userPool}})
		}
	}
	w.advance(time.Second)
	newest := w.id(poolID)
	listed := w.must("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 60})
	if all, _ := listed.body["Identities"].([]any); len(all) != 1+5+1 {
		t.Errorf("the pool keeps %d identities", len(all))
	}
	if got := w.id(poolID, userPool, w.token(userPool, "rider")); got != rider {
		t.Errorf("who has signed in is %s now, not %s", got, rider)
	}
	if got := w.credentials(newest).refusal(); got != "" {
		t.Errorf("the newest guest is refused: %s", got)
	}
	if got, want := w.credentials(guests[0]).refusal(), "ResourceNotFoundException: Identity '"+guests[0]+"' not found."; got != want {
		t.Errorf("the first guest: %q, want %q", got, want)
	}
}
