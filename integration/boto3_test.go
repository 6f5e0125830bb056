package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// TestWalkThroughByBoto3 signs a user up and in through boto3.
func TestWalkThroughByBoto3(t *testing.T) {
	t.Parallel()
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3") // names what is missing; there is no such program
	}
	p := start(t, project(t, "quickstart"))
	out := p.outputs()
	script := `
import boto3, sys
from botocore.exceptions import ClientError
client, pool = sys.argv[1], sys.argv[2]
idp = boto3.client("cognito-idp")
user = "boto3@example.com"
up = idp.sign_up(ClientId=client, Username=user, Password="Passw0rd!")
assert up["UserConfirmed"] is False, up
try:
    idp.sign_up(ClientId=client, Username="BOTO3@example.com", Password="Passw0rd!")
    sys.exit("the same address in capitals signed up twice")
except idp.exceptions.UsernameExistsException:
    pass
idp.admin_confirm_sign_up(UserPoolId=pool, Username=user)
try:
    idp.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": user, "PASSWORD": "Wrong1!pass"})
    sys.exit("a wrong password signed in")
except idp.exceptions.NotAuthorizedException as e:
    assert e.response["Error"]["Message"] == "Incorrect username or password.", e
auth = idp.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": user, "PASSWORD": "Passw0rd!"})
token = auth["AuthenticationResult"]["AccessToken"]
me = idp.get_user(AccessToken=token)
assert me["Username"] == up["UserSub"], me
users = list(idp.get_paginator("list_users").paginate(UserPoolId=pool))
assert [u["Username"] for page in users for u in page["Users"]] == [up["UserSub"]], users
created = idp.admin_create_user(UserPoolId=pool, Username="new@example.com", TemporaryPassword="Temp0rary!", MessageAction="SUPPRESS")["User"]
assert created["UserStatus"] == "FORCE_CHANGE_PASSWORD", created
first = idp.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "new@example.com", "PASSWORD": "Temp0rary!"})
assert first["ChallengeName"] == "NEW_PASSWORD_REQUIRED", first
done = idp.respond_to_auth_challenge(ClientId=client, ChallengeName="NEW_PASSWORD_REQUIRED", Session=first["Session"],
    ChallengeResponses={"USERNAME": first["ChallengeParameters"]["USER_ID_FOR_SRP"], "NEW_PASSWORD": "Perman3nt!"})
print(done["AuthenticationResult"]["IdToken"])
`
	c := exec.Command(python, "-c", script, out["UserPoolClientId"], out["UserPoolId"])
	c.Env = p.env()
	printed, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if got := get(t, out["ApiEndpoint"]+"/private", strings.TrimSpace(string(printed))); got.status != 200 || got.body != "Hello new@example.com!" {
		t.Errorf("GET /private answers %d %s", got.status, got.body)
	}
}
