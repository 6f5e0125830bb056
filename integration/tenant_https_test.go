package integration

import (
	"path/filepath"
	"runtime"
	"testing"
)

// secure starts an app whose tenant is on https.
func secure(t *testing.T, replace ...string) *process {
	t.Helper()
	need(t, "node")
	need(t, "python3")
	t.Setenv("DOORWRIGHT_CA_DIR", filepath.Join(t.TempDir(), "ca"))
	return clients(t, "secure", replace...)
}

// TestTenantTrustedByFunctions has functions ask a tenant on https for its keys,
// each as its language does: none is told of the authority by its code.
func TestTenantTrustedByFunctions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Go goes by SSL_CERT_FILE on Linux alone")
	}
	p := secure(t)
	for path, want := range map[string]string{"/node": "RSA", "/python": "RSA and others", "/go": "RSA"} {
		if got := get(t, p.outputs()["ApiEndpoint"]+path, ""); got.status != 200 || got.body != want {
			t.Errorf("GET %s answers %d %s, not %s", path, got.status, got.body, want)
		}
	}
}
