package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hosted starts an app with hosted pages for the application at a site, and
// gives it with what a script needs. The browser and Node trust it by the
// commands that `doorwright trust` prints.
func hosted(t *testing.T) (*process, map[string]string) {
	t.Helper()
	need(t, "certutil")
	t.Setenv("DOORWRIGHT_CA_DIR", filepath.Join(t.TempDir(), "ca"))
	dir, origin := site(t)
	p := clients(t, "hosted", "ORIGIN", origin)
	home := t.TempDir()
	trust := exec.Command("sh", "-c", trustCommand(t, "Chromium on Linux"))
	trust.Env = append(os.Environ(), "HOME="+home)
	if out, err := trust.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%v\n%s", trust.Args, err, out)
	}
	return p, map[string]string{"Site": dir, "Origin": origin, "Home": home, "Trust": trustCommand(t, "Node")}
}

// trustCommand gives the command by which a program trusts the authority.
func trustCommand(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(binary, "trust", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var trust struct {
		Commands []struct {
			For []struct{ Program, Trust string }
		}
	}
	if err := json.Unmarshal(out, &trust); err != nil {
		t.Fatal(err)
	}
	for _, group := range trust.Commands {
		for _, c := range group.For {
			if c.Program == program {
				return c.Trust
			}
		}
	}
	t.Fatalf("doorwright trust has no command for %s", program)
	return ""
}

// TestHostedPagesByOIDCClient is a web app with oidc-client-ts.
func TestHostedPagesByOIDCClient(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := hosted(t)
	p.browse(browser, js, "oidc.mjs", stage)
}

// TestHostedPagesByAmplify is a web app with Amplify v6 that signs in by the
// hosted pages.
func TestHostedPagesByAmplify(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p, stage := hosted(t)
	p.browse(browser, js, "redirect.mjs", stage)
}

// TestCurlTrustsByCommand asks a pool's domain with the command that `doorwright
// trust` prints for curl, and without what it adds.
func TestCurlTrustsByCommand(t *testing.T) {
	need(t, "curl")
	t.Setenv("DOORWRIGHT_CA_DIR", filepath.Join(t.TempDir(), "ca"))
	_, origin := site(t)
	p := clients(t, "hosted", "ORIGIN", origin)
	url := p.outputs()["Hosted"] + "/assets/hosted.css"
	command := strings.Replace(trustCommand(t, "curl"), "https://localhost:PORT/", url, 1)
	if got := p.shell(command + " -sS -o /dev/null -w '%{http_code}'"); got != "200" {
		t.Errorf("$ %s\n%s", command, got)
	}
	if out, err := exec.Command("curl", "-sS", url).CombinedOutput(); err == nil {
		t.Errorf("curl asks %s without being told of the authority: %s", url, out)
	}
	p.waitFor("a client does not trust its certificate: see `doorwright trust`")
}
