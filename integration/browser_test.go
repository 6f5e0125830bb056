package integration

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// chromium finds a browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	missing(t, "no Chromium is on the PATH")
	return ""
}

// site serves a page on localhost, at an origin that is not the stage's: any
// path shows it, and its script is what js/browser.mjs leaves in dir.
func site(t *testing.T) (dir, origin string) {
	t.Helper()
	dir = t.TempDir()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page.js" {
			http.ServeFile(w, r, filepath.Join(dir, "page.js"))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>A page</title><script src="/page.js"></script>`)
	}))
	t.Cleanup(server.Close)
	return dir, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// browse runs a script with a browser and a page for it.
func (p *process) browse(browser, js, script string, more map[string]string) {
	p.t.Helper()
	stage := map[string]string{"Chromium": browser}
	if more["Origin"] == "" {
		stage["Site"], stage["Origin"] = site(p.t)
	}
	maps.Copy(stage, more)
	p.script(js, script, stage)
}

// TestByAmplify is a web app with Amplify v6 in a browser: sign-up, sign-in by
// SRP, sessions, passwords and attributes, from an origin that is not the
// endpoint's.
func TestByAmplify(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := clients(t, "clients")
	invited, temporary := "invited@example.com", "Temp0rary!"
	if _, err := p.sdk(t.Context()).AdminCreateUser(t.Context(), &idp.AdminCreateUserInput{
		UserPoolId: aws.String(p.outputs()["UserPoolId"]), Username: &invited, TemporaryPassword: &temporary, MessageAction: types.MessageActionTypeSuppress,
	}); err != nil {
		t.Fatal(err)
	}
	p.browse(browser, js, "amplify.mjs", map[string]string{"Invited": invited, "TemporaryPassword": temporary})
}
