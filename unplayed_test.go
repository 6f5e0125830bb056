package doorwright_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorwright/doorwright"
)

// TestWhatIsNotRunIsRefused: what is understood and not run stops the start, with its
// place. Beside it nothing is opened.
func TestWhatIsNotRunIsRefused(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"an identity pool": {"identityPools: {Auth: {}}\n", ":2:17: identity pools are not run"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"doorwright.yaml": "name: app\n" + row.text, "f.mjs": "export const handler = async () => ({})\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			a, err := doorwright.New(doorwright.Config{Dir: dir, AnyPort: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "nothing was started") {
				t.Errorf("Listen: %v, want %q", err, row.want)
			}
			if _, err := os.Stat(filepath.Join(dir, ".doorwright")); !os.IsNotExist(err) {
				t.Errorf("a state was opened: %v", err)
			}
		})
	}
}
