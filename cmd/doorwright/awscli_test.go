package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOldCLI holds the versions since which AWS_ENDPOINT_URL is honoured.
func TestOldCLI(t *testing.T) {
	for version, old := range map[string]bool{
		"aws-cli/1.45.11 Python/3.11.7 Linux/6.18 botocore/1.43.11\n": false,
		"aws-cli/1.29.0 Python/3.9 Linux/5 botocore/1.31.0":           false,
		"aws-cli/1.28.9 Python/3.9 Linux/5 botocore/1.30.9":           true,
		"aws-cli/1.22.34 Python/3.10.6 Linux/5 botocore/1.23.34":      true,
		"aws-cli/2.13.0 Python/3.11.4 Linux/5 exe/x86_64.debian.12":   false,
		"aws-cli/2.9.19 Python/3.11.2 Linux/6 source/x86_64.debian":   true,
		"aws-cli/3.0.0 Python/4":                                      false,
		"something else":                                              false,
	} {
		if got := oldCLI(version); (got != "") != old {
			t.Errorf("oldCLI(%q) = %q; want a warning: %v", version, got, old)
		}
	}
}

// TestModulePins holds what `init` writes against our own go.sum.
func TestModulePins(t *testing.T) {
	sum, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"github.com/aws/aws-lambda-go " + lambdaGoVersion + " " + lambdaGoSum,
		"github.com/aws/aws-lambda-go " + lambdaGoVersion + "/go.mod " + lambdaGoModSum,
	} {
		if !strings.Contains(string(sum), line+"\n") {
			t.Errorf("init writes %q, which is not in our go.sum", line)
		}
	}
	version, err := exec.Command("go", "list", "-m", "-f", "{{.GoVersion}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(version)); got != goDirective {
		t.Errorf("init writes go %s; aws-lambda-go %s wants go %s", goDirective, lambdaGoVersion, got)
	}
}
