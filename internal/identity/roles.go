package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

// Limits of role mappings
// (https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html).
const maxRules = 25

// setRoles replaces the roles of a pool that a request made, and its mappings.
func (s *Service) setRoles(ctx context.Context, c *call, in *setRolesInput) (*empty, error) {
	_, err := s.amend(ctx, c, in.IdentityPoolID, func(p *pool) error {
		if err := p.own(); err != nil {
			return err
		}
		for _, role := range in.Roles {
			if err := s.checkRole(role); err != nil {
				return err
			}
		}
		mappings := map[string]roleMapping{}
		for _, key := range slices.Sorted(maps.Keys(in.RoleMappings)) {
			m := in.RoleMappings[key]
			if err := s.checkMapping(p, key, m); err != nil {
				return err
			}
			mappings[key] = m
		}
		p.added.Roles, p.added.Mappings = in.Roles, mappings
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (s *Service) getRoles(_ context.Context, c *call, in *poolInput) (*rolesOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	return &rolesOutput{p.id, p.roles, p.mappings}, nil
}

// rolePrefix begins the ARNs of the account's roles.
func (s *Service) rolePrefix() string {
	return aws.ARN{Service: "iam", AccountID: s.cfg.AccountID, Resource: "role/"}.String()
}

// checkRole refuses what is no ARN of a role of this account. Whether there is
// such a role is seen when its credentials are asked for.
func (s *Service) checkRole(arn string) error {
	if !strings.HasPrefix(arn, s.rolePrefix()) {
		return invalid("%s is not a role of account %s.", arn, s.cfg.AccountID)
	}
	return nil
}

// checkMapping refuses a role mapping that could not be enforced.
func (s *Service) checkMapping(p *pool, key string, m roleMapping) error {
	var known, tokens []string
	for _, name := range s.providerNames(p) {
		known = append(known, name, s.providerARN(name))
	}
	for _, c := range p.settings.CognitoIdentityProviders {
		tokens = append(tokens, c.ProviderName+":"+c.ClientID)
	}
	switch {
	case !slices.Contains(known, key) && !slices.Contains(tokens, key):
		return invalid("RoleMappings: %s is not a provider of this identity pool.", key)
	// Any other provider's administrator could write what roles its users have.
	case m.Type == mappingToken && !slices.Contains(tokens, key):
		return invalid("RoleMappings: %s: Token is for user pools, by cognito-idp.REGION.amazonaws.com/POOLID:CLIENTID.", key)
	case m.AmbiguousRoleResolution == "":
		return invalid("RoleMappings: %s: AmbiguousRoleResolution is required.", key)
	case (m.Type == mappingRules) != (m.RulesConfiguration != nil):
		return invalid("RoleMappings: %s: RulesConfiguration goes with the type Rules, and with no other.", key)
	}
	if m.RulesConfiguration == nil {
		return nil
	}
	if n := len(m.RulesConfiguration.Rules); n > maxRules {
		return refuse(codeLimitExceeded, fmt.Sprintf("A provider can have %d rules.", maxRules), "")
	}
	for _, r := range m.RulesConfiguration.Rules {
		if err := s.checkRole(r.RoleARN); err != nil {
			return err
		}
	}
	return nil
}
