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
		b.WriteString(c.keysCommand() + "\n")
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
		words = append(words, "-X", shellQuote(c.q.Method))
	}
	if call.Keys != nil {
		words = append(words, "--aws-sigv4", shellQuote("aws:amz:"+call.Region+":execute-api"), "--user", `"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`)
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
		words = append(words, "-H", `"x-api-key: $(doorwright secret`+c.where()+" "+shellQuote(call.APIKeyRef)+`)"`)
	}
	for _, name := range sortedKeys(c.header) {
		for _, value := range c.header[name] {
			text := shellQuote(strings.ToLower(name) + ": " + value)
			if secretHeader(name) {
				text = `"` + strings.ToLower(name) + `: $` + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + `"`
			}
			words = append(words, "-H", text)
		}
	}
	if c.data != "" {
		words = append(words, "--data-binary", shellQuote(c.data))
	}
	return strings.Join(append(words, shellQuote(call.URL)), " ")
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
	text := "doorwright token" + c.where()
	for _, f := range []struct{ name, value string }{
		{"user", call.Token.User}, {"pool", call.Token.Pool}, {"client", call.Token.Client}, {"tenant", call.Token.Tenant},
		{"application", call.Token.Application}, {"api", call.Token.API}, {"scope", call.Token.Scope},
	} {
		if f.value != "" {
			text += " --" + f.name + " " + shellQuote(f.value)
		}
	}
	if call.IDToken {
		text += " --id-token"
	}
	return text
}

// keysCommand sets the keys that sign the request.
func (c *callCommand) keysCommand() string {
	text := "doorwright env" + strings.ReplaceAll(c.where(), " --dir ", " ")
	for _, f := range []struct{ name, value string }{
		{"role", c.q.Role}, {"identity-pool", c.q.IdentityPool}, {"user", c.q.Token.User}, {"pool", c.q.Token.Pool}, {"tenant", c.q.Token.Tenant},
	} {
		if f.value != "" {
			text += " --" + f.name + " " + shellQuote(f.value)
		}
	}
	return `eval "$(` + text + `)"`
}

// awsCommands are those of the AWS CLI that give what the request is sent with: they
// work on AWS too, where the stage is deployed. The AWS CLI itself sends no requests to
// APIs.
func (c *callCommand) awsCommands(call doorwright.Call) string {
	switch {
	case call.Keys != nil && call.IdentityPoolID != "":
		logins := ""
		for provider := range call.Logins {
			logins = " --logins " + shellQuote(provider) + `="$(` + c.tokenCommand(idToken(call)) + `)"`
		}
		return "# The AWS CLI has the same keys by\n" +
			"aws cognito-identity get-id --identity-pool-id " + shellQuote(call.IdentityPoolID) + logins + "\n" +
			`aws cognito-identity get-credentials-for-identity --identity-id "$IDENTITY_ID"` + logins + "\n"
	case call.Keys != nil:
		return "# The AWS CLI signs as the same caller:\naws sts get-caller-identity\n"
	case call.Bearer != "" && call.ClientID != "":
		kind := "AccessToken"
		if call.IDToken {
			kind = "IdToken"
		}
		return "# The AWS CLI has such a token by\n" +
			"aws cognito-idp initiate-auth --client-id " + shellQuote(call.ClientID) + " --auth-flow USER_PASSWORD_AUTH --auth-parameters " +
			shellQuote("USERNAME="+call.Token.User+",PASSWORD=") + `"$PASSWORD" --query AuthenticationResult.` + kind + " --output text\n"
	}
	return ""
}

func idToken(call doorwright.Call) doorwright.Call {
	call.IDToken = true
	return call
}

// shellQuote quotes a word for a POSIX shell, if it needs it.
func shellQuote(s string) string { return tty.ShellWord(s) }
