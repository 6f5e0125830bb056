package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

func (r *ResourceServerConfig) wire(p *Pool) resourceServer {
	w := resourceServer{UserPoolID: p.id, Identifier: r.Identifier, Name: r.Name}
	for _, scope := range r.Scopes {
		w.Scopes = append(w.Scopes, resourceServerScope{scope.Name, scope.Description})
	}
	return w
}

func (in *resourceServer) config() ResourceServerConfig {
	r := ResourceServerConfig{Identifier: in.Identifier, Name: in.Name}
	for _, scope := range in.Scopes {
		r.Scopes = append(r.Scopes, ScopeConfig{scope.ScopeName, scope.ScopeDescription})
	}
	return r
}

// check refuses what the members' shapes do not.
func (in *resourceServer) check() error {
	if len(in.Scopes) > maxScopesOfServer {
		return invalid("1 validation error detected: Value at 'scopes' failed to satisfy constraint: Member must have length less than or equal to %d", maxScopesOfServer)
	}
	seen := map[string]bool{}
	for _, scope := range in.Scopes {
		if seen[scope.ScopeName] {
			return invalid("The scope %s occurs more than once.", scope.ScopeName)
		}
		seen[scope.ScopeName] = true
	}
	if slices.Contains(builtInScopes, in.Identifier) {
		return invalid("%s is a scope of every user pool.", in.Identifier)
	}
	return nil
}

// server gives the resource server of an identifier, or the refusal.
func (p *Pool) server(identifier string) (*ResourceServerConfig, error) {
	for i := range p.cfg.ResourceServers {
		if r := &p.cfg.ResourceServers[i]; r.Identifier == identifier {
			return r, nil
		}
	}
	return nil, refuse(codeResourceNotFound, "Resource server "+identifier+" does not exist.", "")
}

// addedServer gives the place of a resource server among what was added, or
// the refusal: it is not there, or the declaration's.
func (p *Pool) addedServer(identifier string) (int, error) {
	if p.declared != nil {
		for _, r := range p.declared.ResourceServers {
			if r.Identifier == identifier {
				return 0, invalid("userPools.%s.resourceServers.%s is declared in doorwright.yaml; change it there.", p.cfg.Name, r.Name)
			}
		}
	}
	if i := slices.IndexFunc(p.added.Servers, func(r resourceServer) bool { return r.Identifier == identifier }); i >= 0 {
		return i, nil
	}
	_, err := p.server(identifier)
	return 0, err
}

func (s *Service) createResourceServer(ctx context.Context, c *call, in *resourceServer) (*resourceServerOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	p, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		if _, err := p.server(in.Identifier); err == nil {
			return invalid("%s already exists in user pool %s.", in.Identifier, p.id)
		}
		if len(p.cfg.ResourceServers) >= maxServers {
			return refuse(codeLimitExceeded, fmt.Sprintf("A user pool can have %d resource servers.", maxServers), "")
		}
		p.added.Servers = append(slices.Clip(p.added.Servers), *in)
		return nil
	})
	return describedServer(p, in.Identifier, err)
}

// updateResourceServer replaces a resource server's name and scopes. Clients
// lose the scopes that are no longer there.
func (s *Service) updateResourceServer(ctx context.Context, c *call, in *resourceServer) (*resourceServerOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	p, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		i, err := p.addedServer(in.Identifier)
		if err != nil {
			return err
		}
		p.added.Servers = slices.Clone(p.added.Servers)
		p.added.Servers[i] = *in
		return nil
	})
	return describedServer(p, in.Identifier, err)
}

func describedServer(p *Pool, identifier string, err error) (*resourceServerOutput, error) {
	if err != nil {
		return nil, err
	}
	r, err := p.server(identifier)
	if err != nil {
		return nil, err
	}
	return &resourceServerOutput{r.wire(p)}, nil
}

func (s *Service) describeResourceServer(_ context.Context, c *call, in *resourceServerInput) (*resourceServerOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	return describedServer(p, in.Identifier, err)
}

func (s *Service) deleteResourceServer(ctx context.Context, c *call, in *resourceServerInput) (*empty, error) {
	_, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		i, err := p.addedServer(in.Identifier)
		if err != nil {
			return err
		}
		p.added.Servers = slices.Delete(slices.Clone(p.added.Servers), i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// listResourceServers gives a page of a pool's resource servers, by identifier.
func (s *Service) listResourceServers(_ context.Context, c *call, in *listResourceServersInput) (*listResourceServersOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	limit := shapes["ListResourceServersLimitType"].Most
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	all := slices.SortedFunc(slices.Values(p.cfg.ResourceServers), func(a, b ResourceServerConfig) int { return strings.Compare(a.Identifier, b.Identifier) })
	shown, next, err := page(p.mac, "resource servers", all, func(r ResourceServerConfig) string { return r.Identifier }, limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listResourceServersOutput{ResourceServers: []resourceServer{}, NextToken: next}
	for _, r := range shown {
		out.ResourceServers = append(out.ResourceServers, r.wire(p))
	}
	return out, nil
}
