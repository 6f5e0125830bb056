package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
)

// maxPools is how many pools an account can have
// (https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html).
const maxPools = 1000

func (s *Service) createPool(ctx context.Context, c *call, in *poolSettings) (*identityPool, error) {
	if err := s.checkSettings(in); err != nil {
		return nil, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if len(s.served.Load().pools) >= maxPools {
		return nil, refuse(codeLimitExceeded, fmt.Sprintf("An account can have %d identity pools.", maxPools), "")
	}
	p := &pool{id: s.newID(), created: s.cfg.Now(), added: additions{Settings: in, Tags: in.IdentityPoolTags}}
	in.IdentityPoolTags = nil
	text, err := json.Marshal(p.added)
	if err != nil {
		return nil, fmt.Errorf("encoding an identity pool: %w", err)
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO identity_pool (id, name, region, created, added) VALUES (?, ?, ?, ?, ?)",
			p.id, addedName(p.id), s.cfg.Region, p.created.UnixMilli(), string(text))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping an identity pool: %w", err)
	}
	s.configure(p)
	s.served.Store(s.served.Load().with(p))
	c.event.Pool = in.IdentityPoolName
	return p.wire(), nil
}

func (s *Service) describePool(_ context.Context, c *call, in *poolInput) (*identityPool, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	return p.wire(), nil
}

// updatePool replaces all settings: those that the request leaves out are gone.
func (s *Service) updatePool(ctx context.Context, c *call, in *identityPool) (*identityPool, error) {
	settings := in.settings()
	p, err := s.amend(ctx, c, in.IdentityPoolID, func(p *pool) error {
		if err := p.own(); err != nil {
			return err
		}
		if err := s.checkSettings(settings); err != nil {
			return err
		}
		// "You can't change the name of the developer provider once it is set."
		if name := p.settings.DeveloperProviderName; name != "" && settings.DeveloperProviderName != name {
			return invalid("The developer provider name of an identity pool cannot be changed.")
		}
		if settings.IdentityPoolTags != nil {
			p.added.Tags = settings.IdentityPoolTags
		}
		settings.IdentityPoolTags = nil
		p.added.Settings = settings
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.wire(), nil
}

// deletePool deletes a pool with its identities.
func (s *Service) deletePool(ctx context.Context, c *call, in *poolInput) (*empty, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	if err := p.own(); err != nil {
		return nil, err
	}
	// It is served no more before its rows go, so that no request makes an
	// identity in a pool that is half gone.
	s.served.Store(s.served.Load().without(p.id))
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM identity_pool WHERE id = ?", p.id)
		return err
	})
	if err != nil {
		s.served.Store(s.served.Load().with(p))
		return nil, fmt.Errorf("deleting an identity pool: %w", err)
	}
	return &empty{}, nil
}

func (s *Service) listPools(_ context.Context, _ *call, in *listPoolsInput) (*listPoolsOutput, error) {
	const list = "pools"
	after := ""
	if in.NextToken != "" {
		var err error
		if after, err = s.openCursor(list, in.NextToken); err != nil {
			return nil, err
		}
	}
	out := &listPoolsOutput{IdentityPools: []poolShort{}}
	for _, p := range s.served.Load().pools {
		if p.order() <= after {
			continue
		}
		if len(out.IdentityPools) == in.MaxResults {
			out.NextToken = s.sealCursor(list, after)
			break
		}
		after = p.order()
		out.IdentityPools = append(out.IdentityPools, poolShort{p.id, p.settings.IdentityPoolName})
	}
	return out, nil
}

// wire describes a pool.
func (p *pool) wire() *identityPool {
	s := p.settings
	return &identityPool{
		p.id, s.IdentityPoolName, s.AllowUnauthenticatedIdentities, s.AllowClassicFlow, s.SupportedLoginProviders, s.DeveloperProviderName,
		s.OpenIDConnectProviderARNs, s.CognitoIdentityProviders, s.SamlProviderARNs, p.added.Tags,
	}
}

// checkSettings refuses what could not be enforced.
func (s *Service) checkSettings(in *poolSettings) error {
	switch {
	case len(in.SupportedLoginProviders) > 0:
		return invalid("SupportedLoginProviders: public providers are not emulated; see COMPAT.md.")
	case len(in.SamlProviderARNs) > 0:
		return invalid("SamlProviderARNs: SAML providers are not emulated; see COMPAT.md.")
	}
	if err := checkTags(in.IdentityPoolTags); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, c := range in.CognitoIdentityProviders {
		provider, ok := s.cfg.Provider(c.ProviderName)
		if !ok || !provider.userPool() || provider.Name != c.ProviderName {
			return invalid("Invalid Cognito Identity Provider: %s is not a user pool of this stage.", c.ProviderName)
		}
		if c.ClientID == "" {
			return invalid("Invalid Cognito Identity Provider: ClientId is missing.")
		}
		if seen[c.ProviderName+":"+c.ClientID] {
			return invalid("Invalid Cognito Identity Provider: %s with client %s is there twice.", c.ProviderName, c.ClientID)
		}
		seen[c.ProviderName+":"+c.ClientID] = true
	}
	for _, arn := range in.OpenIDConnectProviderARNs {
		name, ok := s.providerOfARN(arn)
		if provider, known := s.cfg.Provider(name); !ok || !known || provider.userPool() || provider.Name != name {
			return invalid("Invalid OpenIdConnect Provider ARN: %s is not a provider that the declaration names.", arn)
		}
		if seen[arn] {
			return invalid("Invalid OpenIdConnect Provider ARN: %s is there twice.", arn)
		}
		seen[arn] = true
	}
	return nil
}

// providerARN is the ARN under which IAM knows an OpenID Connect provider.
func (s *Service) providerARN(name string) string {
	return aws.ARN{Service: "iam", AccountID: s.cfg.AccountID, Resource: "oidc-provider/" + name}.String()
}

func (s *Service) providerOfARN(arn string) (string, bool) {
	return strings.CutPrefix(arn, s.providerARN(""))
}

// supports says whether the users of a provider may sign in to a pool, and for
// which clients.
func (s *Service) supports(p *pool, provider *Provider) (clients []string, ok bool) {
	if !provider.userPool() && p.declared != nil {
		clients = p.declared.OpenIDConnect[provider.Name]
		return clients, len(clients) > 0
	}
	if !provider.userPool() {
		return provider.ClientIDs, len(provider.ClientIDs) > 0 && slices.Contains(p.settings.OpenIDConnectProviderARNs, s.providerARN(provider.Name))
	}
	for _, c := range p.settings.CognitoIdentityProviders {
		if c.ProviderName == provider.Name {
			clients = append(clients, c.ClientID)
		}
	}
	return clients, len(clients) > 0
}

// checked says whether a pool asks the server about the tokens of a user pool's
// client.
func (p *pool) checked(provider, client string) bool {
	return slices.ContainsFunc(p.settings.CognitoIdentityProviders, func(c userPoolClient) bool {
		return c.ProviderName == provider && c.ClientID == client && c.ServerSideTokenCheck
	})
}
