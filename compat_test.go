package doorwright_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestCompat holds COMPAT.md against the tables that the rooms dispatch by and
// the assumptions that stand beside their code.
func TestCompat(t *testing.T) {
	want := compat()
	if *update {
		if err := os.WriteFile("COMPAT.md", []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("COMPAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("COMPAT.md is not what the operation tables say; run `go test . -run TestCompat -update`")
	}
}

func compat() string {
	var b strings.Builder
	b.WriteString(`# Compatibility

What is emulated, what is refused, and every choice made where AWS's behaviour is not documented. This page is generated from the tables that the
program dispatches by: ` + "`go test . -run TestCompat -update`" + ` writes it.

## Declaration

HTTP APIs with the authorizers ` + "`jwt`, `user_pool`, `lambda` and `none`" + `; REST APIs with ` + "`user_pool`, `lambda` and `none`" + `; functions in Go, JavaScript, TypeScript and Python; ` + "`url:`" + ` targets; user pools, their clients, attributes, groups, resource servers and triggers;
Auth0 tenants with their applications, APIs, roles and users; outputs; stages. IAM authorizers, identity pools, buckets and tables are refused with file, line and reason: nothing is started.

`)
	writeOperations(&b, "Cognito user pools (`cognito-idp`)", "with an error of AWS's form", cognito.Operations())
	writeOperations(&b, "Auth0 Management API (`/api/v2` of a tenant)", "with 501 in Auth0's form", auth0.ManagementOperations())
	b.WriteString("## Assumptions\n\nWhere AWS's behaviour is neither documented nor recorded, the strict reading is taken. A recorded exchange that settles one of these is welcome.\n\n")
	assumptions := slices.Concat(gateway.Assumptions, authorizer.Assumptions, apigw.Assumptions, cognito.Assumptions, cognito.DomainAssumptions, auth0.Assumptions, auth0.ManagementAssumptions, lambda.Assumptions)
	slices.SortStableFunc(assumptions, func(x, y aws.Assumption) int { return strings.Compare(x.Area, y.Area) })
	area := ""
	for _, a := range assumptions {
		if a.Area != area {
			area = a.Area
			fmt.Fprintf(&b, "### %s\n\n", area)
		}
		fmt.Fprintf(&b, "- **%s** %s *Why:* %s\n", cell(a.Question), cell(a.Choice), cell(a.Why))
		if next := slices.IndexFunc(assumptions, func(x aws.Assumption) bool { return x == a }) + 1; next == len(assumptions) || assumptions[next].Area != area {
			b.WriteByte('\n')
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// writeOperations prints the emulated operations as a table and the refused
// ones as a list.
func writeOperations(b *strings.Builder, service, how string, operations []aws.Operation) {
	var refused []string
	b.WriteString("## " + service + "\n\n| operation | who may call | note |\n|---|---|---|\n")
	for _, o := range operations {
		if o.Status == "emulated" {
			fmt.Fprintf(b, "| %s | %s | %s |\n", o.Name, o.Auth, cell(o.Note))
		} else {
			refused = append(refused, o.Name)
		}
	}
	fmt.Fprintf(b, "\nRefused %s, and one line on the terminal (%d): %s.\n\n", how, len(refused), strings.Join(refused, ", "))
}

// cell keeps a text on one line of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
