package cloudformation

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
)

// userPools adds the user pools and what belongs to them.
func (s *synth) userPools() {
	domains := map[string]string{}
	for name, pool := range s.app.UserPools.All() {
		at := "userPools." + name
		s.checkUserPool(at, pool)
		if other := domains[pool.Domain]; pool.Domain != "" && other != "" {
			s.refuse(s.app.Pos(at+".domain"), "give each pool a prefix of its own", "the domain %s is already that of userPools.%s", pool.Domain, other)
		}
		domains[pool.Domain] = name
		s.addData(userPoolID(name), Resource{Type: "AWS::Cognito::UserPool", Pos: s.app.Pos(at), Properties: s.userPoolProperties(name, pool), Lines: s.userPoolLines(at, pool)})
		s.userPoolTriggers(name)
		for key, server := range pool.ResourceServers.All() {
			s.add(resourceServerID(name, key), Resource{
				Pos: s.app.Pos(at + ".resourceServers." + key), Type: "AWS::Cognito::UserPoolResourceServer", Properties: resourceServerProperties(name, key, server),
			})
		}
		for key, provider := range pool.IdentityProviders.All() {
			s.add(identityProviderID(name, key), Resource{
				Pos: s.app.Pos(at + ".identityProviders." + key), Type: "AWS::Cognito::UserPoolIdentityProvider", Properties: s.identityProviderProperties(name, key, provider),
			})
		}
		for key, client := range pool.Clients.All() {
			s.add(userPoolClientID(name, key), Resource{
				Pos: s.app.Pos(at + ".clients." + key), Type: "AWS::Cognito::UserPoolClient", DependsOn: clientNeeds(name, pool, client), Properties: clientProperties(name, key, client),
			})
		}
		for key, group := range pool.Groups.All() {
			s.userPoolGroup(name, key, group)
		}
		if pool.Domain != "" {
			s.refusePartition(s.app.Pos(at+".domain"), "a user pool's domain")
			s.add(logicalID("UserPoolDomain", name), Resource{
				Pos: s.app.Pos(at + ".domain"), Type: "AWS::Cognito::UserPoolDomain", Properties: userPoolDomain{Domain: pool.Domain, UserPoolID: Ref(userPoolID(name))},
			})
		}
	}
}

func resourceServerID(pool, name string) string   { return logicalID("ResourceServer", pool, name) }
func identityProviderID(pool, name string) string { return logicalID("IdentityProvider", pool, name) }
func groupRoleID(pool, group string) string       { return logicalID("GroupRole", pool, group) }

// checkUserPool refuses what Cognito gives only to pools with settings that the
// declaration does not have.
func (s *synth) checkUserPool(at string, pool *app.UserPool) {
	// "To use email MFA, your user pool must have [...] EmailSendingAccount DEVELOPER"
	// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-sms-email-message.html
	if i := slices.Index(pool.EnabledMfas, "email"); i >= 0 {
		s.refuse(s.app.Pos(at+".enabledMfas["+strconv.Itoa(i)+"]"), "use softwareToken or sms on AWS", "e-mail as a second factor takes a pool that sends by Amazon SES, which cannot be declared yet")
	}
}

// userPoolProperties says a declared user pool in CloudFormation's words.
func (s *synth) userPoolProperties(name string, pool *app.UserPool) userPool {
	policy := pool.PasswordPolicy
	p := userPool{
		AdminCreateUserConfig:  adminCreateUserConfig{!pool.SelfSignUp},
		AutoVerifiedAttributes: pool.AutoVerifiedAttributes(),
		DeletionProtection:     "INACTIVE",
		EnabledMfas:            pool.MFAFactors(),
		LambdaConfig:           s.lambdaConfig(name),
		MfaConfiguration:       strings.ToUpper(pool.MFA),
		Policies: userPoolPolicies{
			PasswordPolicy: passwordPolicy{
				MinimumLength: policy.MinimumLength, RequireLowercase: policy.RequireLowercase, RequireNumbers: policy.RequireNumbers,
				RequireSymbols: policy.RequireSymbols, RequireUppercase: policy.RequireUppercase, TemporaryPasswordValidityDays: policy.TemporaryPasswordValidityDays,
			},
			SignInPolicy: signInPolicy{pool.FirstAuthFactors()},
		},
		UsernameConfiguration: usernameConfiguration{pool.SignInCaseSensitive},
		// The one that pools have locally: in LITE there are neither access tokens that a
		// trigger changes nor sign-in by codes.
		UserPoolTier: "ESSENTIALS",
	}
	if s.protected() {
		p.DeletionProtection = "ACTIVE"
	}
	p.AliasAttributes, p.UsernameAttributes = pool.Aliases()
	for _, required := range pool.RequiredAttributes {
		p.Schema = append(p.Schema, schemaAttribute{Name: required, Required: true, Mutable: new(true)})
	}
	for custom, a := range pool.CustomAttributes.All() {
		p.Schema = append(p.Schema, customAttribute(custom, a))
	}
	if sendsSMS(pool) {
		p.SmsConfiguration = s.smsConfiguration(name)
	}
	return p
}

// userPoolLines gives the places of what AWS does not change of a pool that is there.
func (s *synth) userPoolLines(at string, pool *app.UserPool) map[string]app.Pos {
	lines := map[string]app.Pos{
		"UsernameAttributes": s.app.Pos(at + ".signInAliases"), "AliasAttributes": s.app.Pos(at + ".signInAliases"),
		"UsernameConfiguration.CaseSensitive": s.app.Pos(at + ".signInCaseSensitive"), "Schema.Required": s.app.Pos(at + ".requiredAttributes"),
	}
	for name := range pool.CustomAttributes.All() {
		lines["Schema.custom:"+name] = s.app.Pos(at + ".customAttributes." + name)
	}
	return lines
}

// customAttribute gives an attribute by its name without custom:, as the API takes it.
func customAttribute(name string, a *app.CustomAttribute) schemaAttribute {
	to := schemaAttribute{Name: name, AttributeDataType: a.Type, Mutable: new(a.Mutable == nil || *a.Mutable)}
	text := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	if a.MinLength != nil || a.MaxLength != nil {
		to.StringAttributeConstraints = &stringConstraints{MaxLength: text(a.MaxLength), MinLength: text(a.MinLength)}
	}
	if a.Min != nil || a.Max != nil {
		to.NumberAttributeConstraints = &numberConstraints{MaxValue: text(a.Max), MinValue: text(a.Min)}
	}
	return to
}

// sendsSMS says whether Cognito has to send messages to telephones.
func sendsSMS(pool *app.UserPool) bool {
	return slices.Contains(pool.AutoVerify, "phone") || slices.Contains(pool.EnabledMfas, "sms") || slices.Contains(pool.AllowedFirstAuthFactors, "smsOtp")
}

// smsConfiguration lets Cognito send text messages by a role, which it proves to ask for
// on behalf of this pool by an external id.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-sms-settings.html
func (s *synth) smsConfiguration(pool string) *smsConfiguration {
	externalID := s.stack() + "-" + pool
	role := logicalID("SmsRole", pool)
	s.add(role, Resource{
		Type: "AWS::IAM::Role", Pos: s.app.Pos("userPools." + pool),
		Properties: Role{
			AssumeRolePolicyDocument: PolicyDocument{Version: policyVersion, Statement: []Statement{{
				Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: map[string]any{"Service": "cognito-idp.amazonaws.com"},
				Condition: map[string]map[string]any{"StringEquals": {"sts:ExternalId": externalID}},
			}}},
			Description: "Lets the user pool " + pool + " send text messages",
			Policies: []InlinePolicy{{PolicyName: "sms", PolicyDocument: PolicyDocument{Version: policyVersion, Statement: []Statement{{
				Effect: "Allow", Action: []string{"sns:Publish"}, Resource: []Value{Text("*")}, // telephones have no ARN
			}}}}},
		},
	})
	return &smsConfiguration{ExternalID: externalID, SnsCallerArn: GetAtt(role, "Arn")}
}

// lambdaConfig names the functions of a pool's triggers; nil if there are none.
func (s *synth) lambdaConfig(pool string) *lambdaConfig {
	c := lambdaConfig{}
	to := map[string]*Value{
		"preSignUp": &c.PreSignUp, "postConfirmation": &c.PostConfirmation, "preAuthentication": &c.PreAuthentication,
		"postAuthentication": &c.PostAuthentication, "customMessage": &c.CustomMessage, "userMigration": &c.UserMigration,
		"defineAuthChallenge": &c.DefineAuthChallenge, "createAuthChallenge": &c.CreateAuthChallenge,
		"verifyAuthChallengeResponse": &c.VerifyAuthChallengeResponse,
	}
	some := false
	for _, t := range s.app.Triggers() {
		if t.UserPool != pool {
			continue
		}
		some = true
		arn := GetAtt(s.functionID(t.Function), "Arn")
		if field := to[t.Trigger]; field != nil {
			*field = arn
		} else {
			c.PreTokenGenerationConfig = &preTokenGenerationConfig{LambdaArn: arn, LambdaVersion: t.Version}
		}
	}
	if !some {
		return nil
	}
	return &c
}

// userPoolTriggers lets the pool, and no other, invoke the functions of its triggers:
// each by one permission, in however many triggers it is.
func (s *synth) userPoolTriggers(pool string) {
	for _, t := range s.app.Triggers() {
		id := logicalID("Permission", s.short(t.Function), pool, "triggers")
		if _, done := s.template.Resources[id]; done || t.UserPool != pool {
			continue
		}
		s.add(id, Resource{Type: "AWS::Lambda::Permission", Pos: t.Pos, Properties: Permission{
			Action: "lambda:InvokeFunction", FunctionName: GetAtt(s.functionID(t.Function), "Arn"),
			Principal: "cognito-idp.amazonaws.com", SourceArn: GetAtt(userPoolID(pool), "Arn"),
		}})
	}
}

func resourceServerProperties(pool, name string, server *app.ResourceServer) userPoolResourceServer {
	p := userPoolResourceServer{Identifier: server.Identifier, Name: name, UserPoolID: Ref(userPoolID(pool))}
	for scope, description := range server.Scopes.All() {
		p.Scopes = append(p.Scopes, resourceServerScope{ScopeDescription: description, ScopeName: scope})
	}
	return p
}

func (s *synth) identityProviderProperties(pool, name string, provider *app.IdentityProvider) userPoolIdentityProvider {
	issuer := s.value(provider.Issuer)
	s.issuer(provider.Issuer, issuer)
	p := userPoolIdentityProvider{
		IdpIdentifiers: provider.Identifiers, ProviderName: name, ProviderType: strings.ToUpper(provider.Type), UserPoolID: Ref(userPoolID(pool)),
		ProviderDetails: map[string]Value{
			"attributes_request_method": Text("GET"),
			"authorize_scopes":          Text(strings.Join(provider.Scopes, " ")),
			"client_id":                 s.value(provider.ClientID),
			"client_secret":             s.value(provider.ClientSecret),
			"oidc_issuer":               issuer,
		},
	}
	for attribute, claim := range provider.AttributeMapping.All() {
		if p.AttributeMapping == nil {
			p.AttributeMapping = map[string]string{}
		}
		p.AttributeMapping[attribute] = claim
	}
	return p
}

// clientNeeds gives what Cognito looks for as it makes a client, and the client names
// without referring to it: scopes of resource servers and identity providers.
func clientNeeds(pool string, decl *app.UserPool, client *app.UserPoolClient) []string {
	var ids []string
	for name, server := range decl.ResourceServers.All() {
		if slices.ContainsFunc(client.OAuthScopes, func(scope string) bool { return strings.HasPrefix(scope, server.Identifier+"/") }) {
			ids = append(ids, resourceServerID(pool, name))
		}
	}
	for _, name := range client.IdentityProviders {
		if _, declared := decl.IdentityProviders.Get(name); declared {
			ids = append(ids, identityProviderID(pool, name))
		}
	}
	slices.Sort(ids)
	return ids
}

func clientProperties(pool, name string, c *app.UserPoolClient) userPoolClient {
	p := userPoolClient{
		AllowedOAuthFlows:               c.AllowedOAuthFlows(),
		AllowedOAuthFlowsUserPoolClient: len(c.OAuthFlows) > 0,
		AllowedOAuthScopes:              c.OAuthScopes,
		AuthSessionValidity:             int(c.AuthSessionValidity / time.Minute),
		CallbackURLs:                    c.CallbackURLs,
		ClientName:                      name,
		DefaultRedirectURI:              c.DefaultRedirectURI,
		EnableTokenRevocation:           c.EnableTokenRevocation == nil || *c.EnableTokenRevocation,
		ExplicitAuthFlows:               c.ExplicitAuthFlows(),
		GenerateSecret:                  c.GenerateSecret,
		LogoutURLs:                      c.LogoutURLs,
		PreventUserExistenceErrors:      "LEGACY",
		ReadAttributes:                  c.ReadAttributes,
		SupportedIdentityProviders:      c.IdentityProviders,
		UserPoolID:                      Ref(userPoolID(pool)),
		WriteAttributes:                 c.WriteAttributes,
	}
	if c.PreventUserExistenceErrors {
		p.PreventUserExistenceErrors = "ENABLED"
	}
	p.AccessTokenValidity, p.TokenValidityUnits.AccessToken = validity(c.AccessTokenValidity)
	p.IDTokenValidity, p.TokenValidityUnits.IDToken = validity(c.IDTokenValidity)
	p.RefreshTokenValidity, p.TokenValidityUnits.RefreshToken = validity(c.RefreshTokenValidity)
	if r := c.RefreshTokenRotation; r != nil {
		p.RefreshTokenRotation = &refreshTokenRotation{Feature: "ENABLED", RetryGracePeriodSeconds: int(r.RetryGracePeriod / time.Second)}
	}
	return p
}

// validity says a duration in the largest unit of which it is a whole number.
func validity(d time.Duration) (n int, unit string) {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d%u.length == 0 {
			return int(d / u.length), u.name
		}
	}
	return int(d / time.Second), "seconds"
}

// userPoolGroup adds a group, and its role if it has permissions.
func (s *synth) userPoolGroup(pool, name string, g *app.UserPoolGroup) {
	at := s.app.Pos("userPools." + pool + ".groups." + name)
	p := userPoolGroup{Description: g.Description, GroupName: name, Precedence: g.Precedence, UserPoolID: Ref(userPoolID(pool))}
	switch {
	case g.Permissions != nil:
		id := groupRoleID(pool, name)
		s.identityRole(id, g.Permissions, authenticated, s.app.IdentityPoolsOf(pool, name), at)
		p.RoleArn = GetAtt(id, "Arn")
	case g.RoleArn != "":
		s.refuseLocalAccount(at, g.RoleArn)
		p.RoleArn = Text(g.RoleArn)
	}
	s.add(logicalID("UserPoolGroup", pool, name), Resource{Type: "AWS::Cognito::UserPoolGroup", Pos: at, Properties: p})
}
