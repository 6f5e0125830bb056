package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// listUserPools gives a page of the pools: the declared ones in the
// declaration's order, then the others by age.
func (s *Service) listUserPools(_ context.Context, _ *call, in *listUserPoolsInput) (*listUserPoolsOutput, error) {
	pools := s.served.Load().pools
	shown, next, err := page(macOf(s.listSecret), "user pools", pools, (*Pool).order, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listUserPoolsOutput{UserPools: []userPoolDescription{}, NextToken: next}
	for _, p := range shown {
		out.UserPools = append(out.UserPools, userPoolDescription{
			ID: p.id, Name: p.cfg.Name, LambdaConfig: p.lambdaConfig(),
			LastModifiedDate: awsjson.Time{Time: p.modified()}, CreationDate: awsjson.Time{Time: p.created},
		})
	}
	return out, nil
}

// listUserPoolClients gives a page of a pool's clients: the declared ones in
// the declaration's order, then the others by age.
func (s *Service) listUserPoolClients(_ context.Context, c *call, in *listUserPoolClientsInput) (*listUserPoolClientsOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	limit := maxPage
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	shown, next, err := page(p.mac, "clients", p.clients, (*Client).order, limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listUserPoolClientsOutput{UserPoolClients: []userPoolClientDescription{}, NextToken: next}
	for _, cl := range shown {
		out.UserPoolClients = append(out.UserPoolClients, userPoolClientDescription{ClientID: cl.id, UserPoolID: p.id, ClientName: cl.cfg.Name})
	}
	return out, nil
}

// page cuts a page out of a list that is sorted by key. What names the list,
// for its tokens, which hold the last key and not a place: what is made or
// deleted between two pages moves nothing.
func page[T any](mac macFunc, what string, list []T, key func(T) string, limit int, token string) (shown []T, next string, err error) {
	if token != "" {
		after, err := openCursor(mac, token, what)
		if err != nil {
			return nil, "", err
		}
		for len(list) > 0 && key(list[0]) <= after.Key {
			list = list[1:]
		}
	}
	if len(list) <= limit {
		return list, "", nil
	}
	return list[:limit], sealCursor(mac, cursor{Key: key(list[limit-1])}, what), nil
}

// order is what pools are listed by.
func (p *Pool) order() string {
	if p.declared != nil {
		i := slices.IndexFunc(p.svc.cfg.Pools, func(c PoolConfig) bool { return c.Name == p.declared.Name })
		return fmt.Sprintf("0%06d", i)
	}
	return byAge(p.created, p.id)
}

// order is what clients are listed by.
func (c *Client) order() string {
	if c.added == nil {
		i := slices.IndexFunc(c.pool.declared.Clients, func(d ClientConfig) bool { return d.Name == c.cfg.Name })
		return fmt.Sprintf("0%06d", i)
	}
	return byAge(c.created, c.id)
}

// byAge comes after what is declared.
func byAge(created time.Time, id string) string {
	return fmt.Sprintf("1%020d%s", created.UnixMilli(), id)
}

// modified is when a pool last changed.
func (p *Pool) modified() time.Time {
	if p.added.Modified > p.created.UnixMilli() {
		return time.UnixMilli(p.added.Modified)
	}
	return p.created
}

func (s *Service) describeUserPool(ctx context.Context, c *call, in *describeUserPoolInput) (*describeUserPoolOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	var users int
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT count(*) FROM cognito_user WHERE pool = ?", p.id).Scan(&users)
	})
	if err != nil {
		return nil, fmt.Errorf("counting users: %w", err)
	}
	return &describeUserPoolOutput{p.wire(users)}, nil
}

// wire describes a pool of so many users.
func (p *Pool) wire(users int) userPool {
	w := userPool{
		Domain: p.domainPrefix(),
		ID:     p.id, Name: p.cfg.Name, Arn: p.ARN(),
		CreationDate: awsjson.Time{Time: p.created}, LastModifiedDate: awsjson.Time{Time: p.modified()},
		Policies: policies{
			PasswordPolicy: passwordPolicy(p.policy),
			SignInPolicy:   signInPolicy{p.firstAuthFactors()},
		},
		DeletionProtection:          "INACTIVE",
		LambdaConfig:                p.lambdaConfig(),
		SchemaAttributes:            p.wireSchema(),
		AutoVerifiedAttributes:      p.cfg.AutoVerifiedAttributes,
		AliasAttributes:             p.cfg.AliasAttributes,
		UsernameAttributes:          p.cfg.UsernameAttributes,
		VerificationMessageTemplate: verificationMessageTemplate{DefaultEmailOption: "CONFIRM_WITH_CODE"},
		MfaConfiguration:            p.mfaMode(),
		EstimatedNumberOfUsers:      users,
		EmailConfiguration:          emailConfiguration{EmailSendingAccount: "COGNITO_DEFAULT"},
		AdminCreateUserConfig: adminCreateUserConfig{
			AllowAdminCreateUserOnly: p.cfg.AdminCreateUserOnly, UnusedAccountValidityDays: p.policy.TemporaryPasswordValidityDays,
		},
		UsernameConfiguration: &usernameConfiguration{p.cfg.CaseSensitive},
		UserPoolTags:          p.added.Tags,
		UserPoolTier:          "ESSENTIALS",
	}
	if in := p.added.Settings; in != nil {
		in.describe(&w)
	}
	return w
}

// describe shows what a request said of a pool and nothing else knows.
func (in *userPoolInput) describe(w *userPool) {
	if in.DeletionProtection != "" {
		w.DeletionProtection = in.DeletionProtection
	}
	if in.UserPoolTier != "" {
		w.UserPoolTier = in.UserPoolTier
	}
	if in.EmailConfiguration != nil {
		w.EmailConfiguration = *in.EmailConfiguration
		if w.EmailConfiguration.EmailSendingAccount == "" {
			w.EmailConfiguration.EmailSendingAccount = "COGNITO_DEFAULT"
		}
	}
	if t := in.VerificationMessageTemplate; t != nil {
		w.VerificationMessageTemplate = *t
		w.VerificationMessageTemplate.DefaultEmailOption = "CONFIRM_WITH_CODE"
	}
	w.SmsVerificationMessage, w.EmailVerificationMessage = in.SmsVerificationMessage, in.EmailVerificationMessage
	w.EmailVerificationSubject, w.SmsAuthenticationMessage = in.EmailVerificationSubject, in.SmsAuthenticationMessage
	w.SmsConfiguration, w.AccountRecoverySetting, w.UsernameConfiguration = in.SmsConfiguration, in.AccountRecoverySetting, in.UsernameConfiguration
	if in.AdminCreateUserConfig != nil {
		w.AdminCreateUserConfig.InviteMessageTemplate = in.AdminCreateUserConfig.InviteMessageTemplate
	}
}

func (p *Pool) wireSchema() []schemaAttribute {
	var list []schemaAttribute
	bound := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, e := range p.schema {
		a := schemaAttribute{Name: e.name, AttributeDataType: e.dataType, Mutable: e.mutable, Required: e.required}
		a.DeveloperOnlyAttribute = strings.HasPrefix(e.name, developerPrefix)
		switch e.dataType {
		case typeString:
			a.StringAttributeConstraints = &stringConstraints{bound(e.least), bound(e.most)}
		case typeNumber:
			a.NumberAttributeConstraints = &numberConstraints{bound(e.least), bound(e.most)}
		}
		list = append(list, a)
	}
	return list
}

func (s *Service) describeUserPoolClient(_ context.Context, c *call, in *describeUserPoolClientInput) (*describeUserPoolClientOutput, error) {
	cl, err := s.clientOf(c, in.UserPoolID, in.ClientID, "")
	if err != nil {
		return nil, err
	}
	return &describeUserPoolClientOutput{cl.wire()}, nil
}

// wire describes a client, its secret too.
func (cl *Client) wire() userPoolClient {
	at := awsjson.Time{Time: cl.created}
	modified := at
	if cl.added != nil {
		modified.Time = time.UnixMilli(cl.added.Modified)
	}
	d := userPoolClient{
		UserPoolID: cl.pool.id, ClientName: cl.cfg.Name, ClientID: cl.id, ClientSecret: cl.secret,
		CreationDate: at, LastModifiedDate: modified,
		RefreshTokenValidity:  30,
		ReadAttributes:        cl.cfg.ReadAttributes,
		WriteAttributes:       cl.cfg.WriteAttributes,
		ExplicitAuthFlows:     cl.cfg.ExplicitAuthFlows,
		EnableTokenRevocation: !cl.cfg.DisableTokenRevocation,
		AuthSessionValidity:   int(cl.sessionValidity() / time.Minute),

		SupportedIdentityProviders:      cl.cfg.SupportedIdentityProviders,
		CallbackURLs:                    cl.cfg.CallbackURLs,
		LogoutURLs:                      cl.cfg.LogoutURLs,
		DefaultRedirectURI:              cl.cfg.DefaultRedirectURI,
		AllowedOAuthFlows:               cl.cfg.AllowedOAuthFlows,
		AllowedOAuthScopes:              cl.cfg.AllowedOAuthScopes,
		AllowedOAuthFlowsUserPoolClient: cl.cfg.AllowedOAuthFlowsUserPoolClient,
	}
	if cl.cfg.RefreshTokenValidity != 0 {
		d.RefreshTokenValidity, d.TokenValidityUnits.RefreshToken = inUnits(cl.cfg.RefreshTokenValidity)
	}
	if cl.cfg.AccessTokenValidity != 0 {
		d.AccessTokenValidity, d.TokenValidityUnits.AccessToken = inUnits(cl.cfg.AccessTokenValidity)
	}
	if cl.cfg.IDTokenValidity != 0 {
		d.IDTokenValidity, d.TokenValidityUnits.IDToken = inUnits(cl.cfg.IDTokenValidity)
	}
	if r := cl.cfg.Rotation; r != nil {
		d.RefreshTokenRotation = &tokenRotation{"ENABLED", int(r.RetryGracePeriod / time.Second)}
	}
	if cl.hides() {
		d.PreventUserExistenceErrors = "ENABLED"
	}
	return d
}

// inUnits gives a lifetime in the largest unit that holds it whole.
func inUnits(d time.Duration) (int, string) {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d%unit.size == 0 {
			return int(d / unit.size), unit.name
		}
	}
	return int(d / time.Second), "seconds"
}
