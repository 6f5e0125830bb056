package doorwright_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/store"
)

// TestAccessLog: each request to an API is a line of a file in the stage's folder that
// only its user reads, without tokens, and a stage that starts again goes on with it.
func TestAccessLog(t *testing.T) {
	dir := upstreamApp(t, hello(t).URL, `accessLog: '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status","agent":"$context.identity.userAgent"}'`)
	var want []string
	for range 2 {
		r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
		for _, path := range []string{"/open", "/nowhere?token=eyJhbGciOiJIUzI1NiJ9.e30.x"} {
			u, _ := r.URL("Api")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("User-Agent", "with eyJhbGciOiJIUzI1NiJ9.e30.x")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			route := "GET /open"
			if resp.StatusCode == http.StatusNotFound {
				route = "-"
			}
			want = append(want, `{"id":"`+resp.Header.Get("Apigw-Requestid")+`","route":"`+route+`","status":"`+strings.Fields(resp.Status)[0]+`","agent":"`)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(store.Path(dir, doorwright.DefaultStage), "access-Api.log")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != len(want) || strings.Contains(string(text), "eyJ") {
		t.Fatalf("%d requests are logged as\n%s", len(want), text)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d is %s, want %s…", i+1, lines[i], want[i])
		}
	}
	var read []string
	err = doorwright.ReadAccessLog(t.Context(), dir, doorwright.DefaultStage, "Api", false, func(line string) error {
		read = append(read, line)
		return nil
	})
	if err != nil || !slices.Equal(read, lines) {
		t.Errorf("read as %q (%v)", read, err)
	}
	for api, want := range map[string]string{"Nothing": "the APIs are Api", "": "the APIs are Api"} {
		if err := doorwright.ReadAccessLog(t.Context(), dir, doorwright.DefaultStage, api, false, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the log of %q: %v", api, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the log has mode %v", info.Mode())
	}
}
