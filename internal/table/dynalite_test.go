package table_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/table"
)

// standIn is found by Node as dynalite, and answers with the port that it listens on.
const standIn = `module.exports = () => require("http").createServer((request, response) => response.end(String(request.socket.localPort)));`

// TestDynaliteSecret runs an engine in the place of dynalite, found from a relative
// folder: it answers us, and nobody who comes to its port without the secret.
func TestDynaliteSecret(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is not on the PATH")
		}
		t.Skip("node is not on the PATH")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join("node_modules", "dynalite", "index.js")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(standIn), 0o600); err != nil {
		t.Fatal(err)
	}
	d := table.NewDynalite(table.DynaliteConfig{Dir: ".", Data: filepath.Join(dir, "data"), Region: "us-east-1", AccountID: "000000000000", Log: func(line string) { t.Log(line) }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ends with %v", err)
		}
	}()
	resp, err := d.Do(t.Context(), "ListTables", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("we are answered %s %s, %v", resp.Status, port, err)
	}
	for what, secret := range map[string]string{"nothing": "", "a wrong secret": strings.Repeat("a", 40)} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+string(port)+"/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
		if secret != "" {
			r.Header.Set("X-Doorwright-Secret", secret)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("who has %s is answered %s", what, resp.Status)
		}
	}
}
