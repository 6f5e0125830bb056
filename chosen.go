package doorwright

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/table"
	"github.com/doorwright/doorwright/verify"
)

// loginsOf tells which logins of an identity pool's request were good, and how the role
// was chosen; nil if there is nothing to tell.
func (a *App) loginsOf(e identity.Event) func(*explain.Explanation) {
	logins, choices := e.Logins, e.Choices
	if len(logins) == 0 && len(choices) == 0 {
		return nil
	}
	pool := e.Pool
	return func(x *explain.Explanation) {
		for _, provider := range logins {
			x.Steps = append(x.Steps, explain.Step{Kind: explain.KindLogin, Name: a.providerName(provider), Outcome: explain.Passed, Text: "the token of " + aws.Printable(provider) + " is good"})
		}
		for i := range choices {
			x.Steps = append(x.Steps, a.choiceStep(&choices[i]))
			if choices[i].Role == "" {
				x.Advice = append(x.Advice, a.adviseChoice(pool, &choices[i])...)
			}
		}
	}
}

// The bounds of what is told of one token's claims and rules.
const (
	toldValues = 16
	toldValue  = 160
)

// told quotes a value, of which it says the beginning.
func told(v string) string {
	if len(v) > toldValue {
		v = strings.ToValidUTF8(v[:toldValue], "") + "…"
	}
	return strconv.Quote(v)
}

// quotedValues says some of the values of a claim.
func quotedValues(values []string) string {
	var all []string
	for _, v := range values[:min(len(values), toldValues)] {
		all = append(all, told(v))
	}
	if len(values) > toldValues {
		all = append(all, "and more")
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// choiceStep says how a role was chosen.
func (a *App) choiceStep(c *identity.Choice) explain.Step {
	s := explain.Step{Kind: explain.KindRole, Name: a.providerName(c.Provider), Outcome: explain.Passed}
	role := c.Role[strings.LastIndexByte(c.Role, '/')+1:]
	switch {
	case role == "":
		s.Outcome, s.Text = explain.Refused, "no role was chosen"
	case a.granted[role] != "":
		s.Text = "the role is " + role + " (" + a.granted[role] + ")"
	default:
		s.Text = "the role is " + aws.Printable(role)
	}
	switch c.By {
	case identity.ByPool:
		s.Text += ", which the pool gives whom no mapping is about"
	case identity.ByToken:
		s.Facts = append(s.Facts,
			authorizer.Fact{Name: "cognito:preferred_role", Want: "a role", Got: quotedValues(some(c.Preferred)), Match: c.Preferred != ""},
			authorizer.Fact{Name: "cognito:roles", Want: "one role, or one that is preferred", Got: quotedValues(c.Roles), Match: len(c.Roles) == 1 || c.Preferred != ""})
		s.Text += ", by the groups in the token"
	case identity.ByRules:
		for i, r := range c.Rules {
			got := "no such claim"
			if r.Got != nil {
				got = quotedValues(r.Got)
			}
			s.Facts = append(s.Facts, authorizer.Fact{Name: "rule " + strconv.Itoa(i+1) + ": " + r.Claim, Want: r.Match + " " + told(r.Want), Got: got, Match: r.Matched})
		}
		s.Text += ", by the rules of the mapping"
	}
	if c.Custom != "" {
		s.Facts = append(s.Facts, authorizer.Fact{Name: "CustomRoleArn", Want: "a role that may be chosen", Got: told(c.Custom), Match: c.Role == c.Custom})
	}
	return s
}

func some(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// adviseChoice advises on a mapping that has no role for a token.
func (a *App) adviseChoice(pool string, c *identity.Choice) []explain.Advice {
	if c.Custom != "" {
		return []explain.Advice{{Text: "leave CustomRoleArn out, or name a role that the token or the rule has", Change: &authorizer.Change{Where: authorizer.InRequest, Name: "CustomRoleArn"}}}
	}
	path := "identityPools." + pool + ".roleMappings." + a.providerName(c.Provider)
	resolution := explain.Advice{
		Text:   "set " + path + ".ambiguousRoleResolution to authenticatedRole, so that whoever has no other role gets that of permissions.authenticated",
		Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: path + ".ambiguousRoleResolution", Value: "authenticatedRole"},
	}
	if c.By == identity.ByToken {
		return []explain.Advice{{Text: "put the user into one group that has permissions, and sign in again: cognito:roles of the token then names its role"}, resolution}
	}
	return []explain.Advice{{Text: "add a rule to " + path + ".rules that matches the token"}, resolution}
}

// providerName gives the declaration's name of a provider.
func (a *App) providerName(provider string) string {
	if id, ok := strings.CutPrefix(provider, a.userPoolProvider("")); ok && a.pools != nil {
		for name := range a.decl.UserPools.All() {
			if pool := a.pools.Pool(name); pool != nil && pool.ID() == id {
				return name
			}
		}
	}
	return aws.Printable(provider)
}

// sizeOfLogins is about how many bytes loginsOf keeps.
func sizeOfLogins(e identity.Event) int64 {
	size := 0
	for _, l := range e.Logins {
		size += len(l) + 16
	}
	for _, c := range e.Choices {
		size += 256
		for _, r := range c.Roles {
			size += len(r) + 16
		}
		for _, r := range c.Rules {
			size += 160
			for _, v := range r.Got {
				size += len(v) + 16
			}
		}
	}
	return int64(size)
}

// A badLogin is a login of an identity pool, or a token for STS, that is not good.
type badLogin struct {
	a     *App
	login *identity.LoginError // nil for a token that went to STS
	token *verify.Error        // nil if the token was not looked at
}

// loginOf finds it in the cause of a refusal.
func (a *App) loginOf(cause error) *badLogin {
	b := &badLogin{a: a}
	if !errors.As(cause, &b.login) {
		b.login = nil
	}
	if !errors.As(cause, &b.token) {
		b.token = nil
	}
	if b.login == nil && b.token == nil {
		return nil
	}
	return b
}

// put puts it into words and gives the refusal.
func (b *badLogin) put(x *explain.Explanation) string {
	s := explain.Step{Kind: explain.KindLogin, Outcome: explain.Refused}
	if b.token != nil {
		s.Text = b.token.Message()
		if len(b.token.Want) > 0 {
			s.Facts = append(s.Facts, authorizer.Fact{Name: b.token.Claim, Want: quotedValues(b.token.Want), Got: quotedValues(b.token.Got)})
		}
	}
	if l := b.login; l != nil {
		s.Name = b.a.providerName(l.Login)
		switch {
		case l.Provider == "":
			s.Text = "the pool takes no logins of " + s.Name
			b.adviseProvider(x)
		case l.Got != l.Issuer:
			s.Facts = append(s.Facts, authorizer.Fact{Name: "iss", Want: told(l.Issuer), Got: told(l.Got)})
			s.Text = "the token is of another issuer than the login's key says"
			x.Advice = append(x.Advice, explain.Advice{
				Text:   "send a token of " + l.Issuer + ", or name the token's own issuer as the login's key",
				Change: &authorizer.Change{Where: authorizer.AtLogin, Name: "issuer", Value: l.Issuer},
			})
		case s.Text == "":
			s.Text = aws.Printable(l.Error())
		}
	}
	b.adviseToken(x)
	x.Steps = append(x.Steps, s)
	return s.Text
}

// adviseProvider advises on a login of nobody whom the pool knows.
func (b *badLogin) adviseProvider(x *explain.Explanation) {
	name := b.a.providerName(b.login.Login)
	if _, ok := b.a.decl.UserPools.Get(name); ok && x.Path != "" {
		path := "identityPools." + x.Path + ".userPools"
		x.Advice = append(x.Advice, explain.Advice{
			Text: "add " + name + " to " + path, Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: name},
		})
		return
	}
	x.Advice = append(x.Advice, explain.Advice{Text: "declare the provider below the identity pool's userPools or federation; the login's key is cognito-idp.REGION.amazonaws.com/POOLID, or the issuer without https://"})
}

// adviseToken advises on a token that is not good.
func (b *badLogin) adviseToken(x *explain.Explanation) {
	if b.token == nil {
		return
	}
	change := func(text, name, value string) {
		x.Advice = append(x.Advice, explain.Advice{Text: text, Change: &authorizer.Change{Where: authorizer.AtLogin, Name: name, Value: value}})
	}
	switch b.token.Reason {
	case verify.Expired:
		change("sign in again: the token has expired", "token", "")
	case verify.WrongAudience:
		if len(b.token.Want) > 0 {
			change("sign in with a client of the identity pool: "+quotedValues(b.token.Want), "audience", b.token.Want[0])
		}
	case verify.DiscoveryUnavailable, verify.KeysUnavailable:
		x.Advice = append(x.Advice, explain.Advice{Text: "make the issuer reachable: its keys could not be fetched"})
	default:
		change("sign in again and send the ID token as it was issued", "token", "")
	}
}

// scopesOf tells what of the scopes that were asked for a tenant's token lacks, and what
// surprises; nil if there is nothing to tell.
func (a *App) scopesOf(e auth0.Event) func(*explain.Explanation) {
	notes, scopes := e.Notes, e.Scopes
	tenant, user := e.Tenant, e.User
	if len(notes) == 0 && scopes == nil {
		return nil
	}
	return func(x *explain.Explanation) {
		for _, n := range notes {
			x.Steps = append(x.Steps, explain.Step{Kind: explain.KindScopes, Outcome: explain.Noted, Text: aws.Printable(n)})
		}
		if scopes == nil {
			return
		}
		for _, s := range scopes.Unheld {
			x.Advice = append(x.Advice, explain.Advice{
				Text:   fmt.Sprintf("give %.100s the permission %.100q of tenants.%s.apis.%s, directly or by a role: the API has rbac", aws.Printable(user), s, tenant, scopes.API),
				Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: "tenants." + tenant + ".users", Value: "permissions: {" + scopes.API + ": [" + strconv.Quote(s) + "]}"},
			})
		}
		for _, s := range scopes.Unknown {
			path := "tenants." + tenant + ".apis." + scopes.API + ".permissions"
			x.Advice = append(x.Advice, explain.Advice{
				Text: fmt.Sprintf("add %.100q to %s", s, path), Change: &authorizer.Change{Where: authorizer.InDeclaration, Name: path, Value: strconv.Quote(s)},
			})
		}
		if len(scopes.Unasked) > 0 {
			all := strings.Join(scopes.Unasked, " ")
			x.Advice = append(x.Advice, explain.Advice{
				Text: "request scope " + all + " at login: the user holds it", Change: &authorizer.Change{Where: authorizer.AtLogin, Name: "scope", Value: all},
			})
		}
	}
}

// sizeOfScopes is about how many bytes scopesOf keeps.
func sizeOfScopes(e auth0.Event) int64 {
	size := 0
	for _, n := range e.Notes {
		size += len(n) + 16
	}
	if s := e.Scopes; s != nil {
		for _, list := range [...][]string{s.Unheld, s.Unknown, s.Unasked} {
			for _, v := range list {
				size += len(v) + 16
			}
		}
	}
	return int64(size)
}

// touchedBy tells what a request to tables touches; nil if it is nothing.
func touchedBy(touched []table.Touched) func(*explain.Explanation) {
	if len(touched) == 0 {
		return nil
	}
	return func(x *explain.Explanation) {
		for _, t := range touched {
			text := aws.Printable(cmp.Or(t.Table, "no table"))
			if t.Index != "" {
				text += ", its index " + aws.Printable(t.Index)
			}
			if len(t.Keys) > 0 {
				text += ", the items of " + quotedValues(t.Keys)
			}
			if len(t.Attributes) > 0 {
				text += ", the attributes " + quotedValues(t.Attributes)
			}
			x.Steps = append(x.Steps, explain.Step{Kind: explain.KindOperation, Name: "dynamodb:" + t.Action, Outcome: explain.Noted, Text: text})
		}
	}
}

// sizeOfTouched is about how many bytes touchedBy keeps.
func sizeOfTouched(touched []table.Touched) int64 {
	size := 0
	for _, t := range touched {
		size += 128 + len(t.Table) + len(t.Index)
		for _, list := range [...][]string{t.Keys, t.Attributes} {
			for _, v := range list {
				size += len(v) + 16
			}
		}
	}
	return int64(size)
}
