package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const federated = `name: rides
region: us-east-1
userPools:
  Riders: {signInAliases: [email], clients: {web: {}}, domain: rides-%STAGE%}
identityPools:
  Everybody: {federation: {staff: {domain: staff.eu.auth0.com, clientId: staff-web}}}
apis:
  Api:
    authorizers: {riders: {type: user_pool, userPool: Riders}}
    defaults: {authorizer: riders}
    routes:
      GET /rides: {function: {handler: list.handler, environment: {KEY: "${secret:KEY}"}}}
outputs: {Pool: "${userPools.Riders.id}"}
`

// refused runs a command against moto that fails, and gives what it says.
func (a *account) refused(args ...string) string {
	a.t.Helper()
	c := exec.Command(binary, args...)
	c.Env = a.env
	out, err := c.CombinedOutput()
	if err == nil {
		a.t.Fatalf("doorwright %s gives no error:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

// TestDeployChecksByMoto: what deploy asks IAM, Cognito and Secrets Manager is read from
// another's answers; the commands that it says to run are taken by the AWS CLI and by the
// account, and are enough.
func TestDeployChecksByMoto(t *testing.T) {
	m, dir := startMoto(t).account(t, "111122223329", "us-east-1"), t.TempDir()
	declare := func(text string) {
		t.Helper()
		edit(t, filepath.Join(dir, "doorwright.yaml"), text)
	}
	wants := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("it printed\n%s\nwithout %q", out, text)
			}
		}
	}
	edit(t, filepath.Join(dir, "list.js"), "export const handler = async () => [];\n")
	secret := filepath.Join(dir, ".value")
	if err := os.WriteFile(secret, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	// said finds the command that a message has, with a file for PATH.
	said := func(out, begin string) string {
		t.Helper()
		_, after, found := strings.Cut(out, "  aws "+begin)
		if !found {
			t.Fatalf("it printed\n%s\nwithout the command %s", out, begin)
		}
		command, _, _ := strings.Cut(begin+after, "\n")
		command, _, _ = strings.Cut(command, "   (PATH")
		return strings.Replace(command, "PATH", secret, 1)
	}
	dev, test := strings.ReplaceAll(federated, "%STAGE%", "dev"), strings.ReplaceAll(federated, "%STAGE%", "test")

	declare(dev)
	out := m.refused("deploy", dir, "--stage", "dev", "--yes")
	wants(out, "doorwright.yaml:12:74: the secret dev-rides/KEY is not in Secrets Manager")
	m.aws(said(out, "secretsmanager create-secret"))
	m.doorwright("deploy", dir, "--stage", "dev", "--yes")
	wants(m.doorwright("deploy", dir, "--stage", "dev", "--yes"), "no changes")

	// A new value is another version, which changes the function.
	edit(t, secret, "second")
	m.aws("secretsmanager put-secret-value --secret-id dev-rides/KEY --secret-string file://" + secret)
	wants(m.doorwright("deploy", dir, "--stage", "dev", "--plan"), "~ change Function")

	// Another stage of the same issuer, with the domain of the first.
	declare(dev)
	edit(t, secret, "another")
	out = m.refused("deploy", dir, "--stage", "test", "--yes")
	wants(out, "doorwright.yaml:6:28: the account trusts staff.eu.auth0.com already", "the domain rides-dev is that of the user pool")
	m.aws(said(out, "secretsmanager create-secret"))
	_, arn, _ := strings.Cut(out, "providerArn: ")
	arn, _, _ = strings.Cut(arn, "\n")
	named := test + "stages: {test: {identityPools: {Everybody: {federation: {staff: {providerArn: \"" + arn + "\", clientId: staff-test}}}}}}\n"
	declare(named)
	out = m.refused("deploy", dir, "--stage", "test", "--yes")
	wants(out, arn+" takes no tokens for the client staff-test: it has staff-web")
	m.aws(said(out, "iam add-client-id-to-open-id-connect-provider") + " --generate-cli-skeleton output") // moto has no such operation
	declare(strings.Replace(named, "staff-test", "staff-web", 1))
	m.doorwright("deploy", dir, "--stage", "test", "--yes")
	if got := m.aws("iam list-open-id-connect-providers --query OpenIDConnectProviderList[].Arn"); len(got) != 1 || got[0] != arn {
		t.Errorf("the providers are %q, want %s", got, arn)
	}

	// What never changes of a pool.
	declare(strings.Replace(dev, "signInAliases: [email]", "signInAliases: [phone]", 1))
	wants(m.refused("deploy", dir, "--stage", "dev", "--plan"), "doorwright.yaml:4:12: UsernameAttributes of UserPoolRiders", "is email, and is declared to be phone_number")

	// The stage that has not made the provider leaves it.
	m.doorwright("remove", dir, "--stage", "test", "--aws", "--yes", "--delete-data")
	if got := m.aws("iam list-open-id-connect-providers --query OpenIDConnectProviderList[].Arn"); len(got) != 1 {
		t.Errorf("without the second stage the providers are %q", got)
	}
}
