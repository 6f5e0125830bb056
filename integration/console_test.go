package integration

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// link gives a link that opens the stage's console.
func (p *process) link() string {
	p.t.Helper()
	out, err := exec.Command(binary, "console", p.dir).Output()
	if err != nil {
		p.t.Fatalf("doorwright console: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestConsoleInBrowser watches a request be refused, and asks why. Every page is looked
// at by axe-core, on a desk and on a phone, light and dark.
func TestConsoleInBrowser(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p := start(t, project(t, "quickstart"))
	p.waitFor("good once")
	printed := regexp.MustCompile(`Console: (http://127\.0\.0\.1:\d+/open/\S+)`).FindStringSubmatch(p.text())
	if printed == nil {
		t.Fatal("start prints no link to the console")
	}
	p.browse(browser, js, "console.mjs", map[string]string{"Link": printed[1]})
}

// TestConsoleOfStrangers: a page without the link, a stranger's page in another tab, a
// forged Host, a cross-site form.
func TestConsoleOfStrangers(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p := start(t, project(t, "quickstart"))
	p.browse(browser, js, "console-strangers.mjs", map[string]string{
		"Link": p.link(), "Unused": p.link(), "NoScript": p.link(), "LinkAtLocalhost": strings.Replace(p.link(), "127.0.0.1", "localhost", 1),
	})
}
