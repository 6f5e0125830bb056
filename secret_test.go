package doorwright_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestSecretOfALastStage: a stage that does not run gives its secrets from its folder,
// also when somebody else answers at the port that it had.
func TestSecretOfALastStage(t *testing.T) {
	dir := declare(t, "name: app\nuserPools: {Users: {clients: {server: {generateSecret: true}}}}\n")
	r := runKept(t, doorwright.Config{Dir: dir})
	const ref = "userPools.Users.clients.server.secret"
	want, err := doorwright.ReadSecret(t.Context(), dir, "dev", ref)
	if err != nil || want == "" {
		t.Fatalf("of the running stage: %q, %v", want, err)
	}
	at := strings.TrimPrefix(r.Environment().Endpoint, "http://localhost")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1"+at)
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	other.Listener.Close()
	other.Listener = taken
	other.Start()
	defer other.Close()
	if got, err := doorwright.ReadSecret(t.Context(), dir, "dev", ref); err != nil || got != want {
		t.Errorf("of the last stage: %q, %v; want %q", got, err, want)
	}
}
