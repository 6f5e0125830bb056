package doorwright_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// A saved authorizer decides anew, whatever its old code has answered and was kept,
// and one that crashes lets nobody in.
func TestReloadedAuthorizerIsAskedAnew(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("DOORWRIGHT_REQUIRE") == "all" {
			t.Fatal("node is required and is not on the PATH")
		}
		t.Skip("node is not on the PATH")
	}
	dir := declare(t, fmt.Sprintf(`name: app
apis:
  Api:
    authorizers: {z: {type: lambda, function: guard.handler, enableSimpleResponses: true, resultTtlInSeconds: 3600}}
    routes: {GET /: {url: %q, authorizer: z}}
outputs: {Url: "${apis.Api.url}"}
`, hello(t).URL))
	save := func(body string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "guard.mjs"), []byte("export const handler = async (event) => { "+body+" }\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	save(`console.log("asked"); return {isAuthorized: event.identitySource[0] === "let me in"}`)
	r := run(t, doorwright.Config{Dir: dir, AnyPort: true})
	answer := func(token string) int {
		request := get(t, r.output("Url")+"/")
		request.Header.Set("Authorization", token)
		status, _ := ask(t, request)
		return status
	}
	for range 3 {
		if status := answer("let me in"); status != 200 {
			t.Fatalf("%d: %s", status, r.text(doorwright.KindRequest))
		}
	}
	if status := answer("other"); status != 403 {
		t.Errorf("another is answered %d", status)
	}
	if n := strings.Count(r.text(doorwright.KindFunction), "asked"); n != 2 {
		t.Errorf("the function was asked %d times for two identities", n)
	}
	until := func(what string, holds func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !holds(); {
			if time.Now().After(end) {
				t.Fatalf("never: %s\n%s", what, r.text(doorwright.KindProgress))
			}
		}
	}
	save(`return {isAuthorized: false}`)
	until("the new code answers", func() bool { return answer("let me in") == 403 })
	save(`process.exit(1)`)
	until("the code that crashes is asked", func() bool { return answer("let me in") == 500 })
	for range 2 {
		if status := answer("let me in"); status != 500 {
			t.Errorf("after a crash it is answered %d", status)
		}
	}
}
