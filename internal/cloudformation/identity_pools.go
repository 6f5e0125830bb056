package cloudformation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
)

// The two kinds of identities of an identity pool, which are also what the claim amr of
// their tokens begins with.
const (
	authenticated   = "authenticated"
	unauthenticated = "unauthenticated"
)

// identityPools adds the identity pools, their roles, and the issuers elsewhere that
// they trust.
func (s *synth) identityPools() {
	for name, pool := range s.app.IdentityPools.All() {
		s.refusePartition(s.app.Pos("identityPools."+name), "an identity pool")
		p := identityPool{
			AllowClassicFlow:               pool.AllowClassicFlow,
			AllowUnauthenticatedIdentities: pool.AllowUnauthenticatedIdentities,
			DeveloperProviderName:          pool.DeveloperProviderName,
		}
		for _, u := range pool.UserPools {
			for _, client := range u.Clients {
				p.CognitoIdentityProviders = append(p.CognitoIdentityProviders, cognitoIdentityProvider{
					ClientID: Ref(userPoolClientID(u.UserPool, client)), ProviderName: GetAtt(userPoolID(u.UserPool), "ProviderName"), ServerSideTokenCheck: pool.ServerSideTokenCheck,
				})
			}
		}
		for provider := range pool.Federation.All() {
			if arn := s.federatedARN(name, provider); !slices.Contains(listed(p.OpenIDConnectProviderARNs), arn.sub()) {
				p.OpenIDConnectProviderARNs = append(p.OpenIDConnectProviderARNs, arn)
			}
		}
		// The ids of its identities are in what users own: names of objects, keys of items.
		s.addData(identityPoolID(name), Resource{Type: "AWS::Cognito::IdentityPool", Pos: s.app.Pos("identityPools." + name), Properties: p})
		s.roleAttachment(name, pool)
		s.principalTags(name, pool)
	}
	s.oidcProviders()
}

// listed tells values apart.
func listed(values []Value) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, v.sub())
	}
	return texts
}

// The logical ids of the roles of an identity pool and of the rules of its role mappings,
// from 0.
func identityRoleID(pool, whom string) string { return logicalID("IdentityRole", pool, whom) }

func ruleRoleID(pool, provider string, rule int) string {
	return logicalID("RuleRole", pool, provider, fmt.Sprint(rule+1))
}

// roleAttachment adds the roles of an identity pool, and says who gets which.
func (s *synth) roleAttachment(name string, pool *app.IdentityPool) {
	at := "identityPools." + name
	a := identityPoolRoleAttachment{IdentityPoolID: Ref(identityPoolID(name)), Roles: map[string]Value{}}
	role := func(whom string, permissions []*app.Permission) {
		id := identityRoleID(name, whom)
		s.identityRole(id, permissions, whom, []string{name}, s.app.Pos(at+".permissions."+whom))
		a.Roles[whom] = GetAtt(id, "Arn")
	}
	role(authenticated, pool.Permissions.Authenticated)
	if pool.AllowUnauthenticatedIdentities {
		role(unauthenticated, pool.Permissions.Unauthenticated)
	}
	for provider, m := range pool.RoleMappings.All() {
		to := roleMapping{AmbiguousRoleResolution: "Deny", Type: "Token"}
		if m.AmbiguousRoleResolution == "authenticatedRole" {
			to.AmbiguousRoleResolution = "AuthenticatedRole"
		}
		if m.Type == "rules" {
			to.Type, to.RulesConfiguration = "Rules", &rulesConfiguration{s.mappingRules(name, provider, m.Rules)}
		}
		if a.RoleMappings == nil {
			a.RoleMappings = map[string]roleMapping{}
		}
		for key, of := range s.mappedProviders(name, pool, provider) {
			to.IdentityProvider = of
			a.RoleMappings[key] = to
		}
	}
	if n := len(a.RoleMappings); n > maxRoleMappings {
		s.refuse(s.app.Pos(at+".roleMappings"), "name the clients that need them, in userPools", "the role mappings are %d on AWS, where each client of a user pool has its own; an identity pool has at most %d", n, maxRoleMappings)
	}
	s.add(logicalID("IdentityPoolRoles", name), Resource{Type: "AWS::Cognito::IdentityPoolRoleAttachment", Pos: s.app.Pos(at), Properties: a})
}

// The bounds of SetIdentityPoolRoles RoleMappings, and of the names of providers there and
// in SetPrincipalTagAttributeMap.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_SetIdentityPoolRoles.html
const (
	maxRoleMappings = 10
	maxProviderName = 128
)

// namedProvider gives the ARN of the provider of a federation where it is a name, for
// which there is less room than for an ARN.
func (s *synth) namedProvider(pool, name, key string) Value {
	arn := "arn:aws:iam::" + strings.Repeat("0", 12) + ":oidc-provider/"
	i := s.federation(pool, name)
	if url, known := i.url.Literal(); known && len(arn)+len(strings.TrimPrefix(url, "https://")) > maxProviderName {
		s.refuse(s.app.Pos("identityPools."+pool+"."+key+"."+name), "take it out for this issuer",
			"the ARN of the provider of %s is longer than the %d characters that Cognito takes as its name", url, maxProviderName)
	}
	return s.federatedARN(pool, name)
}

// mappedProviders gives what AWS calls the providers that a role mapping is for: each
// client of a user pool is one. The keys are ours alone.
// https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_SetIdentityPoolRoles.html
func (s *synth) mappedProviders(name string, pool *app.IdentityPool, provider string) map[string]Value {
	for _, u := range pool.UserPools {
		if u.UserPool != provider {
			continue
		}
		of := map[string]Value{}
		for _, client := range u.Clients {
			of[logicalID("", provider, client)] = Join(GetAtt(userPoolID(provider), "ProviderName"), Text(":"), Ref(userPoolClientID(provider, client)))
		}
		return of
	}
	if _, ok := pool.Federation.Get(provider); ok {
		return map[string]Value{logicalID("", provider): s.namedProvider(name, provider, "roleMappings")}
	}
	return map[string]Value{logicalID("", provider): Text(pool.DeveloperProviderName)}
}

// mappingRules gives the rules of a mapping, and adds the roles that are theirs alone.
func (s *synth) mappingRules(pool, provider string, rules []*app.RoleRule) []mappingRule {
	var list []mappingRule
	for i, r := range rules {
		rule := mappingRule{
			Claim: r.Claim, Value: r.Value,
			MatchType: map[string]string{"equals": "Equals", "contains": "Contains", "startsWith": "StartsWith", "notEqual": "NotEqual"}[r.MatchType],
		}
		userPool, group, isGroup := strings.Cut(r.Role, ".")
		switch {
		case isGroup:
			rule.RoleARN = GetAtt(groupRoleID(userPool, group), "Arn")
		case r.Role != "":
			rule.RoleARN = GetAtt(identityRoleID(pool, r.Role), "Arn")
		default:
			id := ruleRoleID(pool, provider, i)
			s.identityRole(id, r.Permissions, authenticated, []string{pool}, s.app.Pos(fmt.Sprintf("identityPools.%s.roleMappings.%s.rules[%d]", pool, provider, i)))
			rule.RoleARN = GetAtt(id, "Arn")
		}
		list = append(list, rule)
	}
	return list
}

// identityRole adds a role for the identities of identity pools, signed in or not as whom
// says, and their sessions' tags. That of a group that no pool gives is nobody's.
// https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
func (s *synth) identityRole(id string, permissions []*app.Permission, whom string, pools []string, at app.Pos) {
	trust := Statement{Effect: "Deny", Action: []string{"sts:AssumeRole"}, Principal: map[string]any{"AWS": "*"}}
	if len(pools) > 0 {
		var ids []Value
		for _, pool := range pools {
			ids = append(ids, Ref(identityPoolID(pool)))
		}
		trust = Statement{
			Effect: "Allow", Action: []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"}, Principal: map[string]any{"Federated": "cognito-identity.amazonaws.com"},
			Condition: map[string]map[string]any{
				"StringEquals":           {"cognito-identity.amazonaws.com:aud": ids},
				"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": whom},
			},
		}
	}
	s.add(id, Resource{Type: "AWS::IAM::Role", Pos: at, Properties: Role{AssumeRolePolicyDocument: PolicyDocument{Version: policyVersion, Statement: []Statement{trust}}}})
	s.grant("Policy"+id, id, at, permissions)
}

// principalTags adds the tags of the sessions of each provider's users.
func (s *synth) principalTags(name string, pool *app.IdentityPool) {
	for provider, tags := range pool.PrincipalTags.All() {
		p := identityPoolPrincipalTag{IdentityPoolID: Ref(identityPoolID(name)), PrincipalTags: map[string]string{}}
		for tag, claim := range tags.All() {
			p.PrincipalTags[tag] = claim
		}
		switch _, federated := pool.Federation.Get(provider); {
		case federated:
			p.IdentityProviderName = s.namedProvider(name, provider, "principalTags")
		case provider == pool.DeveloperProviderName:
			p.IdentityProviderName = Text(provider)
		default:
			p.IdentityProviderName = GetAtt(userPoolID(provider), "ProviderName")
		}
		s.add(logicalID("PrincipalTag", name, provider), Resource{
			Pos: s.app.Pos("identityPools." + name + ".principalTags." + provider), Type: "AWS::Cognito::IdentityPoolPrincipalTag", Properties: p,
		})
	}
}

// An issuer is trusted by an AWS::IAM::OIDCProvider, of which an account has one for
// each URL.
type federatedIssuer struct {
	url     Value
	arn     string // of one that the account has already; "" is ours
	clients []Value
	pos     app.Pos
}

// federation gives a declared federation's issuer, with its one client.
func (s *synth) federation(pool, name string) federatedIssuer {
	p, _ := s.app.IdentityPools.Get(pool)
	f, _ := p.Federation.Get(name)
	i := federatedIssuer{pos: s.app.Pos("identityPools." + pool + ".federation." + name), arn: f.ProviderARN}
	switch {
	case f.Tenant != "":
		tenant, _ := s.app.Tenants.Get(f.Tenant)
		application, _ := tenant.Applications.Get(f.Application)
		// A local tenant has neither, and is refused as such.
		i.url, i.clients = Text("https://"+tenant.Domain), []Value{Text(application.ClientID)}
	case f.Domain != "":
		i.url, i.clients = Text("https://"+f.Domain), []Value{Text(f.ClientID)}
	default:
		i.url, i.clients = s.value(f.Issuer), []Value{Text(f.ClientID)}
		s.issuer(f.Issuer, i.url)
		// IAM names a provider by its URL without the scheme, and clients name it so in
		// Logins: one slash at the end makes another name of an issuer that is a host.
		if text, ok := i.url.Literal(); ok && strings.Count(text, "/") == 3 {
			i.url = Text(strings.TrimSuffix(text, "/"))
		}
	}
	return i
}

// oidcProviderID names the provider of an issuer.
func oidcProviderID(url Value) string { return logicalID("OidcProvider", url.sub()) }

// federatedARN gives the ARN of the provider that a federation trusts.
func (s *synth) federatedARN(pool, name string) Value {
	i := s.federation(pool, name)
	if i.arn != "" {
		s.refuseLocalAccount(i.pos, i.arn)
		return Text(i.arn)
	}
	return GetAtt(oidcProviderID(i.url), "Arn")
}

// oidcProviders adds a provider for each issuer that the account does not have already,
// for the clients of all identity pools.
func (s *synth) oidcProviders() {
	byID := map[string]*federatedIssuer{}
	var order []string
	for name, pool := range s.app.IdentityPools.All() {
		for key := range pool.Federation.All() {
			i := s.federation(name, key)
			id := oidcProviderID(i.url)
			if i.arn != "" {
				url, _ := i.url.Literal()
				s.template.Providers = append(s.template.Providers, Provider{ARN: i.arn, URL: url, Clients: literals(i.clients), Pos: s.app.Pos("identityPools." + name + ".federation." + key + ".providerArn")})
				continue
			}
			have := byID[id]
			if have == nil {
				byID[id], order = &i, append(order, id)
				continue
			}
			for _, client := range i.clients {
				if !slices.Contains(listed(have.clients), client.sub()) {
					have.clients = append(have.clients, client)
				}
			}
		}
	}
	for _, id := range order {
		i := byID[id]
		s.add(id, Resource{Type: "AWS::IAM::OIDCProvider", Pos: i.pos, Properties: oidcProvider{ClientIDList: i.clients, URL: i.url}})
	}
}

// literals gives what of values is known now.
func literals(values []Value) []string {
	var texts []string
	for _, v := range values {
		if text, ok := v.Literal(); ok {
			texts = append(texts, text)
		}
	}
	return texts
}
