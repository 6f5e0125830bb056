package doorwright_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContributingNamesFlags: the go tool takes what follows a flag that it does not know
// for the test's own, a package too. A command that has such a flag names its packages
// before, and each of them has the flag.
func TestContributingNamesFlags(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(` -(load|soak|kills|million|model-steps|update|every-row)\b`)
	commands := 0
	for _, m := range regexp.MustCompile("`go test ([^`]*)`").FindAllStringSubmatch(string(text), -1) {
		flags := own.FindAllStringSubmatch(" "+m[1], -1)
		if flags == nil {
			continue
		}
		commands++
		packages, _, _ := strings.Cut(m[1], " -")
		if !strings.HasPrefix(packages, ".") || strings.Contains(packages, "...") {
			t.Errorf("%s: the packages do not stand first, each by its name", m[0])
			continue
		}
		for dir := range strings.FieldsSeq(packages) {
			var source strings.Builder
			files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
			for _, name := range files {
				part, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				source.Write(part)
			}
			for _, f := range flags {
				if !regexp.MustCompile(`flag\.\w+\("` + f[1] + `"`).MatchString(source.String()) {
					t.Errorf("%s: the tests of %s have no flag -%s", m[0], dir, f[1])
				}
			}
		}
	}
	if commands < 5 {
		t.Errorf("%d commands with flags of tests were found", commands)
	}
}
