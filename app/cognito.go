package app

import "strings"

// What is here says a declared user pool in Cognito's words, by the names of its API's
// members, for the stage that runs here and for the one that is deployed alike.

// AutoVerifiedAttributes gives what is verified at sign-up.
func (p *UserPool) AutoVerifiedAttributes() []string { return attributeNames(p.AutoVerify) }

// Aliases gives what users sign in with: beside a username, or in its place.
func (p *UserPool) Aliases() (aliasAttributes, usernameAttributes []string) {
	names := attributeNames(p.SignInAliases)
	for _, alias := range p.SignInAliases {
		if alias == "username" {
			return names, nil
		}
	}
	return nil, names
}

// FirstAuthFactors gives what USER_AUTH may begin with.
func (p *UserPool) FirstAuthFactors() []string {
	return inWords(p.AllowedFirstAuthFactors, map[string]string{"password": "PASSWORD", "emailOtp": "EMAIL_OTP", "smsOtp": "SMS_OTP"})
}

// MFAFactors gives the second factors.
func (p *UserPool) MFAFactors() []string {
	return inWords(p.EnabledMfas, map[string]string{"softwareToken": "SOFTWARE_TOKEN_MFA", "sms": "SMS_MFA", "email": "EMAIL_OTP"})
}

// AllowedOAuthFlows gives the grants of a client.
func (c *UserPoolClient) AllowedOAuthFlows() []string {
	return inWords(c.OAuthFlows, map[string]string{"code": "code", "implicit": "implicit", "clientCredentials": "client_credentials"})
}

// ExplicitAuthFlows gives the sign-in flows of a client, and the one that refreshes, which
// rotation excludes; nil for Cognito's default.
func (c *UserPoolClient) ExplicitAuthFlows() []string {
	flows := inWords(c.AuthFlows, map[string]string{
		"userPassword":      "ALLOW_USER_PASSWORD_AUTH",
		"adminUserPassword": "ALLOW_ADMIN_USER_PASSWORD_AUTH",
		"userSrp":           "ALLOW_USER_SRP_AUTH",
		"custom":            "ALLOW_CUSTOM_AUTH",
		"user":              "ALLOW_USER_AUTH",
	})
	switch {
	case c.RefreshTokenRotation == nil && flows != nil:
		return append(flows, "ALLOW_REFRESH_TOKEN_AUTH")
	case c.RefreshTokenRotation != nil && flows == nil: // the default but for refreshing
		return []string{"ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"}
	}
	return flows
}

// IdentityPoolsOf gives the identity pools that may give the role of a group: those that
// take a user's role from the tokens of the user pool, or name the group in a rule. The
// role trusts no other.
func (a *App) IdentityPoolsOf(userPool, group string) []string {
	var names []string
	for name, pool := range a.IdentityPools.All() {
		for provider, m := range pool.RoleMappings.All() {
			gives := provider == userPool && m.Type == "token"
			for _, r := range m.Rules {
				gives = gives || r.Role == userPool+"."+group
			}
			if gives {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// ReservedWords gives the words that a prefix of a user pool's domain may not have in it,
// and has.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
func ReservedWords(prefix string) []string {
	var words []string
	for _, word := range []string{"aws", "amazon", "cognito"} {
		if strings.Contains(prefix, word) {
			words = append(words, word)
		}
	}
	return words
}

// attributeNames gives the attributes that aliases stand for. A username is none.
func attributeNames(aliases []string) []string {
	var names []string
	for _, alias := range aliases {
		switch alias {
		case "email":
			names = append(names, "email")
		case "phone":
			names = append(names, "phone_number")
		case "preferredUsername":
			names = append(names, "preferred_username")
		}
	}
	return names
}

// inWords says the declaration's words in others.
func inWords(declared []string, of map[string]string) []string {
	var list []string
	for _, word := range declared {
		list = append(list, of[word])
	}
	return list
}
