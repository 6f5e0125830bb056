package app

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

func (c *checker) userPool(path string, pool *UserPool) {
	if pool == nil || c.opaque[path] {
		return
	}
	c.aliases(path, pool)
	c.identityProviders(path, pool)
	for _, word := range ReservedWords(pool.Domain) {
		c.at(path+".domain", "choose another prefix", "AWS does not allow %q in a domain prefix", word)
	}
	c.mfa(path, pool)
	c.firstFactors(path, pool)
	for name, client := range pool.Clients.All() {
		if client != nil {
			c.client(join(path+".clients", name), client)
			c.attributes(path, join(path+".clients", name), pool, client)
			c.oauth(path, join(path+".clients", name), pool, client)
		}
	}
	for name, group := range pool.Groups.All() {
		if group != nil {
			c.group(join(path+".groups", name), group)
		}
		if group != nil && len(group.Description) > maxGroupDescription {
			c.at(join(path+".groups", name)+".description", "shorten it", "description can have at most %d characters, not %d", maxGroupDescription, len(group.Description))
		}
	}
	c.customAttributes(path, pool)
	c.resourceServers(path, pool)
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

// customAttributes checks that the bounds are of the attribute's type and leave room
// for a value.
func (c *checker) customAttributes(path string, pool *UserPool) {
	for name, a := range pool.CustomAttributes.All() {
		if a == nil {
			continue
		}
		at := join(path+".customAttributes", name)
		if strings.HasPrefix(name, "custom:") {
			c.key(at, fmt.Sprintf("write %s", strings.TrimPrefix(name, "custom:")), "custom: goes before the name by itself")
		}
		for _, bound := range []struct {
			key, of string
			value   *int
		}{{"minLength", "String", a.MinLength}, {"maxLength", "String", a.MaxLength}, {"min", "Number", a.Min}, {"max", "Number", a.Max}} {
			if bound.value != nil && a.Type != "" && a.Type != bound.of {
				c.at(at+"."+bound.key, "delete it", "%s bounds a %s, and this is a %s", bound.key, bound.of, a.Type)
			}
		}
		for _, pair := range []struct {
			least, most *int
			key         string
		}{{a.MinLength, a.MaxLength, "maxLength"}, {a.Min, a.Max, "max"}} {
			if pair.least != nil && pair.most != nil && *pair.least > *pair.most {
				c.at(at+"."+pair.key, "", "no value is at least %d and at most %d", *pair.least, *pair.most)
			}
		}
	}
}

// standardAttributes are those of every pool (Cognito developer guide,
// user-pool-settings-attributes).
var standardAttributes = strings.Fields(`sub name given_name family_name middle_name nickname preferred_username profile
	picture website email email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at`)

// attributes checks that what a client may read and write exists and can be written.
func (c *checker) attributes(poolPath, path string, pool *UserPool, client *UserPoolClient) {
	if !c.readable(poolPath) || !c.readable(poolPath+".customAttributes") {
		return
	}
	known := slices.Clone(standardAttributes)
	for _, name := range pool.CustomAttributes.Keys() {
		known = append(known, "custom:"+name)
	}
	for key, names := range map[string][]string{"readAttributes": client.ReadAttributes, "writeAttributes": client.WriteAttributes} {
		for i, name := range names {
			at := fmt.Sprintf("%s.%s[%d]", path, key, i)
			switch {
			case name == "":
			case !slices.Contains(known, name):
				hint := didYouMean(name, known)
				if hint == "" {
					hint = "declare it below customAttributes:, and write custom: before it here"
				}
				c.at(at, hint, "there is no attribute %q", name)
			case key == "writeAttributes" && (name == "sub" || strings.HasSuffix(name, "_verified")):
				c.at(at, "delete it", "no client can write %s", name)
			}
		}
	}
}
