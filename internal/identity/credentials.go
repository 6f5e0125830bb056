package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

const (
	// sessionName is the name of every session that an identity pool gives.
	sessionName = "CognitoIdentityCredentials"
	// credentialsLife is how long credentials of the enhanced flow are good.
	credentialsLife = time.Hour
	// tokenLife is how long a token of GetOpenIdToken is good.
	tokenLife = 10 * time.Minute
)

// getCredentials gives an identity temporary credentials of its role: the
// enhanced flow (https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html).
func (s *Service) getCredentials(ctx context.Context, c *call, in *getCredentialsInput) (*credentialsOutput, error) {
	a, err := s.admit(ctx, c, in.IdentityID, in.Logins, true)
	if err != nil {
		return nil, err
	}
	role, err := a.selectRole(in.CustomRoleARN)
	c.event.Choices, c.event.Logins = a.choices, providers(a.logins)
	if err != nil {
		return nil, err
	}
	c.event.Role = role
	tags, err := a.sessionTags()
	if err != nil {
		return nil, err
	}
	r := iam.WebIdentityRequest{
		Role: strings.TrimPrefix(role, s.rolePrefix()), Session: sessionName, Duration: credentialsLife,
		Identity: iam.WebIdentity{
			Provider: openIDProvider, Prefix: openIDProvider, Subject: a.id, Audience: a.pool.id, AMR: a.proofs(), Tags: tags,
		},
	}
	if a.guest() {
		r.Policies = []string{guestPolicy}
	}
	given, err := s.cfg.Account.AssumeWithWebIdentity(r)
	if err != nil {
		e := refuse(codeInvalidConfiguration, textConfiguration, "")
		e.Err = err
		var trust *iam.TrustError
		if errors.As(err, &trust) && trust.Evidence != nil {
			c.event.Decisions = append(c.event.Decisions, trust.Evidence)
		}
		return nil, e
	}
	c.event.Decisions = given.Trusted
	c.event.Reason = names(a.logins)
	if a.guest() {
		c.event.Reason = "a guest"
	}
	return &credentialsOutput{a.id, credentials{
		given.AccessKeyID, given.SecretAccessKey, given.SessionToken, awsjson.Time{Time: given.Expiration},
	}}, nil
}

// providers lists those of logins.
func providers(logins []login) []string {
	names := make([]string, len(logins))
	for i := range logins {
		names[i] = logins[i].provider
	}
	return names
}

// getToken gives an OpenID token, which an application takes to STS itself: the
// basic, or classic, flow.
func (s *Service) getToken(ctx context.Context, c *call, in *getTokenInput) (*tokenOutput, error) {
	a, err := s.admit(ctx, c, in.IdentityID, in.Logins, false)
	if err != nil {
		return nil, err
	}
	if allow := a.pool.settings.AllowClassicFlow; allow == nil || !*allow {
		return nil, invalid(textClassicFlow)
	}
	token, err := s.openIDToken(ctx, a, tokenLife)
	if err != nil {
		return nil, err
	}
	c.event.Reason = names(a.logins)
	return &tokenOutput{a.id, token}, nil
}
