package integration

import (
	"os/exec"
	"testing"
)

// TestIdentityPoolByAmplify is a web app with Amplify v6 in a browser: a guest's
// session, and that of who signs in, from an origin that is not the endpoint's.
func TestIdentityPoolByAmplify(t *testing.T) {
	t.Parallel()
	browser, js := chromium(t), scripts(t)
	p := clients(t, "clients")
	out := p.outputs()
	const user = "rider@example.com"
	p.newUser(t.Context(), out["UserPoolId"], out["WebClientId"], user)
	p.browse(browser, js, "identity.mjs", map[string]string{"User": user})
}

// TestIdentityPoolByBoto3 does with boto3 what a backend does: pools, guests, logins of
// its own, and the errors by their classes.
func TestIdentityPoolByBoto3(t *testing.T) {
	t.Parallel()
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3") // names what is missing; there is no such program
	}
	p := clients(t, "clients")
	c := exec.Command(python, "-c", `
import boto3, sys
from botocore import UNSIGNED
from botocore.config import Config
admin = boto3.client("cognito-identity")
client = boto3.client("cognito-identity", config=Config(signature_version=UNSIGNED))
pool = admin.create_identity_pool(IdentityPoolName="made", AllowUnauthenticatedIdentities=True, AllowClassicFlow=True, DeveloperProviderName="login.app")["IdentityPoolId"]
guest = client.get_id(IdentityPoolId=pool)["IdentityId"]
try:
    client.get_credentials_for_identity(IdentityId=guest)
    sys.exit("credentials without a role")
except client.exceptions.InvalidIdentityPoolConfigurationException:
    pass
admin.set_identity_pool_roles(IdentityPoolId=pool, Roles={"authenticated": "arn:aws:iam::000000000000:role/missing"})
mine = admin.get_open_id_token_for_developer_identity(IdentityPoolId=pool, Logins={"login.app": "me"})
assert admin.lookup_developer_identity(IdentityPoolId=pool, DeveloperUserIdentifier="me")["IdentityId"] == mine["IdentityId"]
try:
    client.get_id(IdentityPoolId=pool, Logins={"cognito-identity.amazonaws.com": mine["Token"]})
    sys.exit("a Cognito token in GetId")
except client.exceptions.NotAuthorizedException as e:
    assert e.response["Error"]["Message"] == "Invalid login token. Can't pass in a Cognito token.", e
listed = admin.list_identities(IdentityPoolId=pool, MaxResults=60)["Identities"]
assert {i["IdentityId"] for i in listed} == {guest, mine["IdentityId"]} and all(i["CreationDate"].year > 2000 for i in listed), listed
given = client.get_credentials_for_identity(IdentityId=client.get_id(IdentityPoolId=sys.argv[1])["IdentityId"])["Credentials"]
me = boto3.client("sts", aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretKey"], aws_session_token=given["SessionToken"]).get_caller_identity()
assert me["Arn"].endswith("-Auth-unauthenticated/CognitoIdentityCredentials"), me
admin.delete_identity_pool(IdentityPoolId=pool)
try:
    admin.describe_identity_pool(IdentityPoolId=pool)
    sys.exit("a deleted pool is described")
except admin.exceptions.ResourceNotFoundException:
    pass
`, p.outputs()["IdentityPoolId"])
	c.Env = p.env()
	if b, err := c.CombinedOutput(); err != nil {
		t.Errorf("boto3: %v\n%s", err, b)
	}
}
