package integration

import (
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// chromium finds a browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	missing(t, "no Chromium is on the PATH")
	return ""
}

// TestByAmplify is a web app with Amplify v6 in a browser: sign-up, sign-in by
// SRP, sessions, passwords and attributes, from an origin that is not the
// endpoint's.
func TestByAmplify(t *testing.T) {
	browser, js := chromium(t), scripts(t)
	p := clients(t)
	invited, temporary := "invited@example.com", "Temp0rary!"
	if _, err := p.sdk(t.Context()).AdminCreateUser(t.Context(), &idp.AdminCreateUserInput{
		UserPoolId: aws.String(p.outputs()["UserPoolId"]), Username: &invited, TemporaryPassword: &temporary, MessageAction: types.MessageActionTypeSuppress,
	}); err != nil {
		t.Fatal(err)
	}
	p.script(js, "amplify.mjs", map[string]string{"Chromium": browser, "Invited": invited, "TemporaryPassword": temporary})
}
