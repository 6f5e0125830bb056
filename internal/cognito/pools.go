package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// listUserPools gives the declared pools, in the declaration's order.
func (s *Service) listUserPools(_ context.Context, _ *call, in *listUserPoolsInput) (*listUserPoolsOutput, error) {
	first, last, next, err := page(len(s.pools), in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listUserPoolsOutput{UserPools: []userPoolDescription{}, NextToken: next}
	for _, p := range s.pools[first:last] {
		at := awsjson.Time{Time: p.created}
		out.UserPools = append(out.UserPools, userPoolDescription{ID: p.id, Name: p.cfg.Name, LambdaConfig: p.lambdaConfig(), LastModifiedDate: at, CreationDate: at})
	}
	return out, nil
}

// listUserPoolClients gives a pool's declared clients, in the declaration's
// order.
func (s *Service) listUserPoolClients(_ context.Context, c *call, in *listUserPoolClientsInput) (*listUserPoolClientsOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	limit := maxPage
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	first, last, next, err := page(len(p.clients), limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listUserPoolClientsOutput{UserPoolClients: []userPoolClientDescription{}, NextToken: next}
	for _, cl := range p.clients[first:last] {
		out.UserPoolClients = append(out.UserPoolClients, userPoolClientDescription{ClientID: cl.id, UserPoolID: p.id, ClientName: cl.cfg.Name})
	}
	return out, nil
}

// page cuts a page out of a declared list of n. Its token is the place in the
// list: what is declared does not change while the process runs.
func page(n, limit int, token string) (first, last int, next string, err error) {
	if token != "" {
		first, err = strconv.Atoi(strings.TrimPrefix(token, "from-"))
		if err != nil || first < 1 || first >= n || token != "from-"+strconv.Itoa(first) {
			return 0, 0, "", invalid("Invalid pagination token given.")
		}
	}
	last = min(first+limit, n)
	if last < n {
		next = "from-" + strconv.Itoa(last)
	}
	return first, last, next, nil
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
	at := awsjson.Time{Time: p.created}
	return &describeUserPoolOutput{userPool{
		ID: p.id, Name: p.cfg.Name, Arn: p.ARN(), CreationDate: at, LastModifiedDate: at,
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
		VerificationMessageTemplate: verificationMessageTemplate{"CONFIRM_WITH_CODE"},
		MfaConfiguration:            p.mfaMode(),
		EstimatedNumberOfUsers:      users,
		EmailConfiguration:          emailConfiguration{"COGNITO_DEFAULT"},
		AdminCreateUserConfig: adminCreateUserConfig{
			AllowAdminCreateUserOnly: p.cfg.AdminCreateUserOnly, UnusedAccountValidityDays: p.policy.TemporaryPasswordValidityDays,
		},
		UsernameConfiguration: usernameConfiguration{p.cfg.CaseSensitive},
		UserPoolTier:          "ESSENTIALS",
	}}, nil
}

func (p *Pool) wireSchema() []schemaAttribute {
	var list []schemaAttribute
	bound := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, e := range p.schema() {
		a := schemaAttribute{Name: e.name, AttributeDataType: e.dataType, Mutable: e.mutable, Required: e.required}
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
	at := awsjson.Time{Time: cl.created}
	d := userPoolClient{
		UserPoolID: cl.pool.id, ClientName: cl.cfg.Name, ClientID: cl.id, ClientSecret: cl.secret,
		CreationDate: at, LastModifiedDate: at,
		RefreshTokenValidity:  30,
		ReadAttributes:        cl.cfg.ReadAttributes,
		WriteAttributes:       cl.cfg.WriteAttributes,
		ExplicitAuthFlows:     cl.cfg.ExplicitAuthFlows,
		EnableTokenRevocation: !cl.cfg.DisableTokenRevocation,
		AuthSessionValidity:   int(cl.sessionValidity() / time.Minute),
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
	return &describeUserPoolClientOutput{d}, nil
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
