package main

import (
	"io"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

// printCommands prints the request as commands that a shell runs. No token and no key
// is in them: they are asked of the stage as the command runs.
func (c *callCommand) printCommands(w io.Writer, call doorwright.Call) error {
	var b strings.Builder
	if call.Keys != nil {
		b.WriteString(c.keysCommand(call) + "\n")
	}
	b.WriteString(c.curl(call) + "\n")
	if text := c.awsCommands(call); text != "" {
		b.WriteString("\n" + text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// curl gives the request as curl sends it.
func (c *callCommand) curl(call doorwright.Call) string {
	words := []string{"curl", "-i"}
	switch {
	case c.q.Method == http.MethodHead:
		words = append(words, "-I")
	case c.q.Method == http.MethodGet && c.data == "", c.q.Method == http.MethodPost && c.data != "":
	default:
		words = append(words, "-X", tty.ShellWord(c.q.Method))
	}
	if call.Keys != nil {
		words = append(words, "--aws-sigv4", tty.ShellWord("aws:amz:"+call.Region+":execute-api"), "--user", `"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`)
		if call.Keys.SessionToken != "" {
			words = append(words, "-H", `"x-amz-security-token: $AWS_SESSION_TOKEN"`)
		}
	}
	switch {
	case c.token != "":
		words = append(words, "-H", `"Authorization: Bearer $TOKEN"`)
	case call.Bearer != "":
		words = append(words, "-H", `"Authorization: Bearer $(`+c.tokenCommand(call)+`)"`)
	}
	if call.APIKeyRef != "" {
		words = append(words, "-H", `"x-api-key: $(doorwright secret`+c.where()+" "+tty.ShellWord(call.APIKeyRef)+`)"`)
	}
	for _, name := range sortedKeys(c.header) {
		for _, value := range c.header[name] {
			text := tty.ShellWord(strings.ToLower(name) + ": " + value)
			if secretHeader(name) {
				text = `"` + strings.ToLower(name) + `: $` + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + `"`
			}
			words = append(words, "-H", text)
		}
	}
	if c.data != "" {
		words = append(words, "--data-binary", tty.ShellWord(c.data))
	}
	return strings.Join(append(words, tty.ShellWord(call.URL)), " ")
}

// secretHeader says whether a header is one whose value a history should not keep.
func secretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "cookie", "x-api-key", "x-amz-security-token", "proxy-authorization":
		return true
	}
	return false
}

// tokenCommand is `doorwright token` for the same token.
func (c *callCommand) tokenCommand(call doorwright.Call) string {
	t := call.Token
	text := "doorwright token" + c.where() + flags("user", t.User, "pool", t.Pool, "client", t.Client, "tenant", t.Tenant,
		"application", t.Application, "api", t.API, "scope", t.Scope)
	if call.IDToken {
		text += " --id-token"
	}
	return text
}

// flags gives those, of pairs of a name and a value, that have one.
func flags(pairs ...string) string {
	text := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			text += " --" + pairs[i] + " " + tty.ShellWord(pairs[i+1])
		}
	}
	return text
}

// keysCommand sets the keys that sign the request.
func (c *callCommand) keysCommand(call doorwright.Call) string {
	text := "doorwright env" + stageWords("", c.dir, c.stage)
	if call.IdentityPool == "" {
		return `eval "$(` + text + flags("role", c.q.Role) + `)"`
	}
	t := call.Token
	if t.User == "" {
		t = doorwright.TokenQuery{} // a guest's
	}
	return `eval "$(` + text + flags("identity-pool", call.IdentityPool, "user", t.User, "pool", t.Pool, "client", t.Client,
		"tenant", t.Tenant, "application", t.Application) + `)"`
}

// awsCommands are those of the AWS CLI that give what the request is sent with: they
// work on AWS too, where the stage is deployed. The AWS CLI itself sends no requests to
// APIs.
func (c *callCommand) awsCommands(call doorwright.Call) string {
	switch {
	case call.Keys != nil && call.IdentityPoolID != "":
		logins := ""
		if call.Provider != "" {
			logins = " --logins " + tty.ShellWord(call.Provider) + `="$(` + c.tokenCommand(idToken(call)) + `)"`
		}
		return "# The AWS CLI has the same keys by\n" +
			"IDENTITY_ID=$(aws cognito-identity get-id --identity-pool-id " + tty.ShellWord(call.IdentityPoolID) + logins + " --query IdentityId --output text)\n" +
			`aws cognito-identity get-credentials-for-identity --identity-id "$IDENTITY_ID"` + logins + "\n"
	case call.Keys != nil:
		return "# The AWS CLI signs as the same caller:\naws sts get-caller-identity\n"
	case call.Bearer != "" && call.ClientID != "":
		kind := "AccessToken"
		if call.IDToken {
			kind = "IdToken"
		}
		return "# The AWS CLI, in the environment of `doorwright env`, has such a token by\n" +
			"aws cognito-idp initiate-auth --client-id " + tty.ShellWord(call.ClientID) + " --auth-flow USER_PASSWORD_AUTH --auth-parameters " +
			tty.ShellWord("USERNAME="+call.Token.User+",PASSWORD=") + `"$PASSWORD" --query AuthenticationResult.` + kind + " --output text\n"
	}
	return ""
}

func idToken(call doorwright.Call) doorwright.Call {
	call.IDToken = true
	return call
}
