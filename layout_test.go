package doorwright_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/doorwright/doorwright"

// arrows says which of our packages each package may import, beside
// internal/aws, the shared words, which the rooms may all import. A package
// that is not listed has no place in the tree yet: give it one here and in
// ARCHITECTURE.md.
//
//	cmd -> doorwright -> rooms -> {verify, sigv4, wire, store, app, build} -> aws
var arrows = map[string][]string{
	// Not by the root, so that a test with doorwrighttest does not build AWS's SDK.
	"cmd/doorwright": {".", "app", "examples", "sigv4", "internal/cloudformation/stack", "internal/tty"},
	".": {
		"app", "verify", "sigv4", "internal/gateway", "internal/authorizer", "internal/explain", "internal/matrix",
		"internal/build", "internal/cloudformation", "internal/lambda", "internal/cognito", "internal/identity", "internal/auth0", "internal/bucket", "internal/table", "internal/oidc", "internal/iam", "internal/console", "internal/store", "internal/localca", "internal/userdata", "internal/wire/awsjson", "internal/wire/awsquery", "internal/wire/policy", "internal/aws", "internal/tty",
	},
	"doorwrighttest": {".", "internal/matrix"},
	"examples":       {},
	"lambdaauth":     {"verify"}, // public: what a user's authorizer imports

	// The rooms. They do not import one another, but for the pairs here.
	"internal/gateway":    {"internal/authorizer", "internal/iam", "verify", "sigv4", "internal/wire/apigw", "internal/wire/policy", "internal/aws"},
	"internal/cognito":    {"internal/oidc", "internal/iam", "verify", "sigv4", "internal/store", "internal/wire/awsjson", "internal/aws"},
	"internal/identity":   {"internal/iam", "verify", "internal/store", "internal/wire/awsjson", "internal/aws"},
	"internal/auth0":      {"internal/oidc", "verify", "internal/store", "internal/aws"},
	"internal/authorizer": {"internal/iam", "verify", "sigv4", "internal/wire/apigw", "internal/wire/policy", "internal/aws"},
	"internal/explain":    {"internal/gateway", "internal/authorizer", "internal/iam", "internal/aws"}, // puts decisions into words
	"internal/iam":        {"verify", "sigv4", "internal/wire/awsquery", "internal/wire/policy", "internal/aws"},
	"internal/table":      {"internal/iam", "sigv4", "internal/wire/awsjson", "internal/aws"},
	"internal/lambda":     {"internal/build", "internal/userdata", "internal/aws"},
	// What a browser is shown; the rooms' words come through the root.
	"internal/console": {"internal/explain", "internal/matrix", "internal/authorizer", "internal/iam", "app", "internal/aws", "internal/tty"},
	// Who may call what, as a table: the root fills it.
	"internal/matrix": {"internal/explain", "sigv4"},
	// What AWS is to run in the rooms' place.
	"internal/cloudformation":       {"app", "internal/build", "internal/wire/policy", "internal/aws"},
	"internal/bucket":               {"internal/iam", "sigv4", "internal/store", "internal/aws"},
	"internal/cloudformation/stack": {"internal/aws"},
	// The engine that rooms which play an authorization server share.
	"internal/oidc": {"verify", "internal/store", "internal/aws"},

	// A program for those who work on Doorwright; nothing imports it.
	"internal/bench": {
		"verify", "verify/verifytest", "internal/gateway", "internal/authorizer", "internal/explain", "internal/lambda",
		"internal/cognito", "internal/oidc", "internal/store", "internal/aws",
	},

	// What the rooms stand on.
	"app":                      {"internal/iam", "internal/wire/policy", "internal/wire/apigw"}, // a resource policy that cannot be evaluated, or a log's variable that is none, is a mistake in the file
	"verify":                   {},
	"verify/verifytest":        {"verify"},
	"sigv4":                    {},
	"internal/build":           {"internal/userdata"},
	"internal/localca":         {"internal/userdata"},
	"internal/userdata":        {},
	"internal/store":           {},
	"internal/store/storetest": {"internal/store"},
	"internal/keytest":         {},
	"internal/wire/apigw":      {"internal/aws"},
	"internal/wire/awsjson":    {"internal/aws"},
	"internal/wire/awsquery":   {"internal/aws"},
	"internal/wire/policy":     {},
	"internal/aws":             {},
	"internal/tty":             {},
}

// dependencies says which packages may import a module that is not ours. The
// data path and the public verifiers stay on the standard library.
var dependencies = map[string][]string{
	"github.com/goccy/go-yaml":        {"app"},
	"github.com/spf13/cobra":          {"cmd/doorwright"},
	"github.com/evanw/esbuild":        {"internal/build"},
	"github.com/fsnotify/fsnotify":    {"internal/lambda", "cmd/doorwright"},
	"github.com/go-jose/go-jose/v4":   {},
	"github.com/aws/aws-lambda-go":    {"examples/", "internal/lambda/testdata/", "lambdaauth"},
	"golang.org/x/sync":               {".", "internal/lambda"},
	"golang.org/x/sys":                {".", "cmd/doorwright", "internal/lambda", "internal/store", "internal/build"},
	"modernc.org/sqlite":              {"internal/store"},
	"github.com/aws/aws-sdk-go-v2":    {"internal/cloudformation/stack"},
	"github.com/aws/smithy-go":        {"internal/cloudformation/stack"},
	"github.com/rogpeppe/go-internal": {},
}

// TestArrowsPointDown reads every file that is not a test and holds its
// imports against the two tables.
func TestArrowsPointDown(t *testing.T) {
	seen := map[string]bool{}
	for file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		pkg := path.Dir(file)
		seen[pkg] = true
		for _, imp := range imports(t, file) {
			inside, ours := strings.CutPrefix(imp, module)
			switch {
			case ours:
				inside = strings.TrimPrefix(inside, "/")
				if inside == "" {
					inside = "."
				}
				if !slices.Contains(allowed(t, pkg), inside) {
					t.Errorf("%s imports %s: the arrow is not in layout_test.go", file, inside)
				}
			case strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				checkDependency(t, file, pkg, imp)
			}
		}
	}
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("layout_test.go lists %s, which holds no Go file", pkg)
		}
	}
}

// TestPackagesSayWhatTheyOwn wants a package comment in every package.
func TestPackagesSayWhatTheyOwn(t *testing.T) {
	documented := map[string]bool{}
	for file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg := path.Dir(file)
		documented[pkg] = documented[pkg] || f.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// TestFilesStaySmall holds the size over which a file is to be split by flow.
func TestFilesStaySmall(t *testing.T) {
	const limit = 600
	for file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue // A table of cases may be as long as the truth is.
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > limit {
			t.Errorf("%s has %d lines; split it by flow at %d", file, n, limit)
		}
	}
}

// allowed gives what pkg may import. A program of a fixture imports nothing of
// ours, one of an example what a user's may.
func allowed(t *testing.T, pkg string) []string {
	switch {
	case strings.HasPrefix(pkg, "examples/"):
		return []string{"lambdaauth"}
	case strings.Contains(pkg, "/testdata/"):
		return nil
	}
	list, ok := arrows[pkg]
	if !ok {
		t.Errorf("package %s has no place in layout_test.go", pkg)
	}
	return list
}

func checkDependency(t *testing.T, file, pkg, imp string) {
	t.Helper()
	for dep, users := range dependencies {
		if imp != dep && !strings.HasPrefix(imp, dep+"/") {
			continue
		}
		for _, u := range users {
			if pkg == u || strings.HasSuffix(u, "/") && strings.HasPrefix(pkg, u) {
				return
			}
		}
		t.Errorf("%s imports %s, which layout_test.go keeps to %v", file, imp, users)
		return
	}
	t.Errorf("%s imports %s, a dependency that layout_test.go does not list", file, imp)
}

// goFiles gives every Go file of this module, by its path with slashes.
func goFiles(t *testing.T) map[string]bool {
	t.Helper()
	files := map[string]bool{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if p != "." && (strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != "." {
				return filepath.SkipDir // another module, such as integration
			}
			return nil
		}
		if strings.HasSuffix(p, ".go") {
			files[filepath.ToSlash(p)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files: the test must run in the module's root")
	}
	return files
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
