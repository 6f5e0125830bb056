package doorwright_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/bucket"
	"github.com/doorwright/doorwright/internal/cloudformation"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/table"
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

HTTP APIs with the authorizers ` + "`jwt`, `user_pool`, `lambda`, `iam` and `none`" + `; REST APIs with ` + "`user_pool`, `lambda`, `iam` and `none`" + `; functions in Go, JavaScript, TypeScript and Python; ` + "`url:`" + ` targets; user pools, their clients, attributes, groups, resource servers and triggers;
Auth0 tenants with their applications, APIs, roles and users; outputs; stages; identity pools; S3 buckets with CORS rules; DynamoDB tables, whose items an engine keeps (dynalite, or a server that ` + "`engine`" + ` names); permissions of functions, groups and identities.

## Permissions

A function has keys of a role of its own, a user those of a role of the identity pool or of a group, and each role allows its ` + "`permissions`" + ` and nothing else. A resource
that is named whole may be used for what is in it, and no more than this; a statement (` + "`actions`, `resources`, `condition`, `effect`" + `) says it otherwise.

| resource | what may be done | by |
|---|---|---|
`)
	for _, g := range app.Grants() {
		part, by := "NAME", "functions, users"
		for i, p := range g.Paths {
			if p != "" && i > 0 {
				part += ", NAME/" + p
			} else if p != "" {
				part = "NAME/" + p
			}
		}
		if g.FunctionsOnly {
			by = "functions"
		}
		fmt.Fprintf(&b, "| %s: %s | %s | %s |\n", g.Kind, part, strings.Join(g.Actions, ", "), by)
	}
	b.WriteString(`
Statements are about ` + "`execute-api`, `dynamodb`, `s3`, `cognito-idp`, `cognito-identity` and `sts`" + `; others are refused, as is a condition key that no request here has: below ForAllValues it would
always hold. Tables and buckets are called STACK-NAME-SUFFIX as CloudFormation calls them; the suffix is the same in every run of a stage, and another one than on AWS.

`)
	writeOperations(&b, "Cognito user pools", "cognito-idp", cognito.Operations())
	writeOperations(&b, "Cognito identity pools", "cognito-identity", identity.Operations())
	writeOperations(&b, "Security Token Service", "sts", iam.Operations())
	writeOperations(&b, "S3", "s3", bucket.Operations())
	writeOperations(&b, "DynamoDB", "dynamodb", table.Operations())
	writeOperations(&b, "Auth0 Management API of a tenant", "/api/v2", auth0.ManagementOperations())
	b.WriteString("## Assumptions\n\nWhere AWS's behaviour is neither documented nor recorded, the strict reading is taken. A recorded exchange that settles one of these is welcome.\n\n")
	assumptions := slices.Concat(gateway.Assumptions, authorizer.Assumptions, apigw.Assumptions, cloudformation.Assumptions, cloudformation.DeployAssumptions, cognito.Assumptions, cognito.DomainAssumptions, auth0.Assumptions, auth0.ManagementAssumptions, bucket.Assumptions, identity.Assumptions, iam.Assumptions, lambda.Assumptions, table.Assumptions)
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
func writeOperations(b *strings.Builder, title, service string, operations []aws.Operation) {
	var refused []string
	fmt.Fprintf(b, "## %s (`%s`)\n\n| operation | who may call | note |\n|---|---|---|\n", title, service)
	for _, o := range operations {
		if o.Status == "emulated" {
			fmt.Fprintf(b, "| %s | %s | %s |\n", o.Name, o.Auth, cell(o.Note))
		} else {
			refused = append(refused, o.Name)
		}
	}
	if len(refused) == 0 {
		b.WriteString("\nThese are all of the service's model.\n\n")
		return
	}
	how := "with an error of AWS's form"
	if service == "/api/v2" {
		how = "with 501 in Auth0's form"
	}
	fmt.Fprintf(b, "\nRefused %s, and one line on the terminal (%d): %s.\n\n", how, len(refused), strings.Join(refused, ", "))
}

// cell keeps a text on one line of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
