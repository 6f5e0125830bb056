package app

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

func (c *checker) userPool(path string, pool *UserPool) {
	if pool == nil || c.opaque[path] {
		return
	}
	c.aliases(path, pool)
	c.mfa(path, pool)
	c.firstFactors(path, pool)
	for name, client := range pool.Clients.All() {
		if client != nil {
			c.client(join(path+".clients", name), client)
		}
	}
	for name, group := range pool.Groups.All() {
		if group != nil && len(group.Description) > maxGroupDescription {
			c.at(join(path+".groups", name)+".description", "shorten it", "description can have at most %d characters, not %d", maxGroupDescription, len(group.Description))
		}
	}
	for key, f := range pool.Triggers.functions() {
		at := join(path+".triggers", key)
		c.function(at, at, &API{}, f)
	}
}

// maxGroupDescription is CreateGroup's limit of Description.
const maxGroupDescription = 2048

// functions gives the functions of the triggers that are declared, by key, in
// the type's order.
func (t *Triggers) functions() iter.Seq2[string, *Function] {
	return func(yield func(string, *Function) bool) {
		all := []struct {
			key string
			f   *Function
		}{
			{"preSignUp", t.PreSignUp}, {"postConfirmation", t.PostConfirmation},
			{"preAuthentication", t.PreAuthentication}, {"postAuthentication", t.PostAuthentication},
			{preTokenGeneration, t.PreTokenGeneration.function()}, {"customMessage", t.CustomMessage},
			{"userMigration", t.UserMigration}, {"defineAuthChallenge", t.DefineAuthChallenge},
			{"createAuthChallenge", t.CreateAuthChallenge}, {"verifyAuthChallengeResponse", t.VerifyAuthChallengeResponse},
		}
		for _, one := range all {
			if one.f != nil && !yield(one.key, one.f) {
				return
			}
		}
	}
}

const preTokenGeneration = "preTokenGeneration"

func (f *PreTokenFunction) function() *Function {
	if f == nil {
		return nil
	}
	return &Function{Handler: f.Handler, FunctionSettings: f.FunctionSettings}
}

// aliases checks the combination of sign-in aliases. UsernameAttributes and
// AliasAttributes exclude each other (Cognito developer guide,
// user-pool-settings-attributes): with username among the aliases the others are
// AliasAttributes, without it email and phone are UsernameAttributes.
func (c *checker) aliases(path string, pool *UserPool) {
	aliases := pool.SignInAliases
	if slices.Contains(aliases, "preferredUsername") && !slices.Contains(aliases, "username") {
		c.at(path+".signInAliases", "add username to the list", "preferredUsername is an alias of a user name, so it needs username")
	}
	if pool.AutoVerify == nil {
		for _, alias := range aliases {
			if alias == "email" || alias == "phone" {
				pool.AutoVerify = append(pool.AutoVerify, alias)
			}
		}
	}
}

// mfa checks that a second factor that may be asked for is one that users can have.
func (c *checker) mfa(path string, pool *UserPool) {
	switch some := len(pool.EnabledMfas) > 0; {
	case pool.MFA == "off" && some:
		c.at(path+".enabledMfas", "add mfa: optional, or mfa: on", "enabledMfas has no effect while mfa is off")
	case pool.MFA != "off" && pool.MFA != "" && !some:
		c.at(path+".mfa", "add enabledMfas: [softwareToken]", "mfa: %s asks for a second factor, and there are no enabledMfas", pool.MFA)
	}
}

// firstFactors checks the first factors as Cognito does: "Only PASSWORD and WEB_AUTHN
// (if configured) can be enabled as an auth factor if MFA is enabled".
func (c *checker) firstFactors(path string, pool *UserPool) {
	at, factors := path+".allowedFirstAuthFactors", pool.AllowedFirstAuthFactors
	switch {
	case !slices.Contains(factors, "password"):
		c.at(at, "add password to the list", "allowedFirstAuthFactors has to have password")
	case len(factors) > 1 && pool.MFA == "on":
		c.at(at, "write mfa: optional, or allowedFirstAuthFactors: [password]", "codes cannot be a first factor while mfa is on")
	}
}

// client checks that no token outlives the refresh token it comes with, as Cognito does.
func (c *checker) client(path string, client *UserPoolClient) {
	for _, v := range []struct {
		key   string
		value time.Duration
	}{{"accessTokenValidity", client.AccessTokenValidity}, {"idTokenValidity", client.IDTokenValidity}} {
		if client.RefreshTokenValidity > 0 && v.value > client.RefreshTokenValidity {
			at := path + "." + v.key
			if _, ok := c.places[at]; !ok {
				at = path + ".refreshTokenValidity" // the other one is a default
			}
			c.at(at, fmt.Sprintf("make %s at most %s, or refreshTokenValidity longer", v.key, formatDuration(client.RefreshTokenValidity)),
				"%s (%s) cannot be longer than refreshTokenValidity (%s)", v.key, formatDuration(v.value), formatDuration(client.RefreshTokenValidity))
		}
	}
}
