package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
)

// OpenDomain gives the domain of a pool that a request made an origin of its
// own, serves h there until CloseDomain, and says where that is: scheme, host
// and port. It gives a pool the same origin in every run, if it can.
type OpenDomain func(ctx context.Context, pool string, h http.Handler) (origin string, err error)

type domainInput struct {
	Domain              string              `json:"Domain" shape:"DomainType" required:"true"`
	UserPoolID          string              `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ManagedLoginVersion *int                `json:"ManagedLoginVersion"`
	CustomDomainConfig  *customDomainConfig `json:"CustomDomainConfig"`
}

type customDomainConfig struct {
	CertificateARN string `json:"CertificateArn" shape:"ArnType" required:"true"`
}

type domainOutput struct {
	ManagedLoginVersion int `json:"ManagedLoginVersion"`
}

type describeDomainInput struct {
	Domain string `json:"Domain" shape:"DomainType" required:"true"`
}

type describeDomainOutput struct {
	DomainDescription domainDescription `json:"DomainDescription"`
}

// domainDescription is empty for a domain that nobody has.
type domainDescription struct {
	UserPoolID          string `json:"UserPoolId,omitempty"`
	AWSAccountID        string `json:"AWSAccountId,omitempty"`
	Domain              string `json:"Domain,omitempty"`
	Version             string `json:"Version,omitempty"`
	Status              string `json:"Status,omitempty"`
	ManagedLoginVersion int    `json:"ManagedLoginVersion,omitempty"`
}

// loginVersion is that of the hosted pages, whose forms and addresses ours have;
// 2 is managed login.
const loginVersion = 1

// check refuses what a domain here cannot be.
func (in *domainInput) check() error {
	if in.CustomDomainConfig != nil {
		return refuse(codeUnsupportedOperation, "Custom domains are a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
	}
	if v := in.ManagedLoginVersion; v != nil && *v != loginVersion {
		return refuse(codeUnsupportedOperation, "Managed login (ManagedLoginVersion "+strconv.Itoa(*v)+") is a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
	}
	return nil
}

// ownsDomain refuses to change a domain that the declaration names.
func (p *Pool) ownsDomain() error {
	if p.declared != nil && p.declared.Domain != "" {
		return invalid("userPools.%s.domain is declared in doorwright.yaml; change it there.", p.declared.Name)
	}
	return nil
}

// withDomain gives the pool of a domain, or nil.
func (d *directory) withDomain(prefix string) *Pool {
	for _, p := range d.pools {
		if p.domain != nil && p.domain.prefix == prefix {
			return p
		}
	}
	return nil
}

// createUserPoolDomain gives a pool a domain, at an origin that is opened for
// it.
func (s *Service) createUserPoolDomain(ctx context.Context, c *call, in *domainInput) (*domainOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s.domains.Lock()
	defer s.domains.Unlock()
	p, err := s.pool(c, in.UserPoolID, "")
	switch {
	case err != nil:
		return nil, err
	case p.domain != nil:
		return nil, invalid("User pool already has a domain configured.")
	case s.served.Load().withDomain(in.Domain) != nil:
		return nil, invalid("Domain already associated with another user pool.")
	case s.cfg.OpenDomain == nil:
		return nil, refuse(codeUnsupportedOperation, "No origin can be opened for a domain here.", "OpenDomain is not configured")
	}
	origin, err := s.cfg.OpenDomain(ctx, p.id, s.domainMux(p.id))
	if err != nil {
		return nil, fmt.Errorf("opening an origin for domain %q: %w", in.Domain, err)
	}
	_, err = s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		p.added.Domain, p.origin = in.Domain, origin
		return nil
	})
	if err != nil {
		s.cfg.CloseDomain(p.id)
		return nil, err
	}
	c.note("its pages are at " + origin)
	return &domainOutput{loginVersion}, nil
}

func (s *Service) describeUserPoolDomain(_ context.Context, c *call, in *describeDomainInput) (*describeDomainOutput, error) {
	p := s.served.Load().withDomain(in.Domain)
	if p == nil {
		return &describeDomainOutput{}, nil
	}
	c.about(p, "")
	return &describeDomainOutput{domainDescription{
		UserPoolID: p.id, AWSAccountID: s.cfg.AccountID, Domain: in.Domain, Status: "ACTIVE", ManagedLoginVersion: loginVersion,
		Version: strconv.FormatInt(p.modified().UnixMilli(), 10),
	}}, nil
}

// domainOf gives the pool of a request, which must have its domain.
func (s *Service) domainOf(c *call, poolID, prefix string) (*Pool, error) {
	p, err := s.pool(c, poolID, "")
	if err != nil {
		return nil, err
	}
	if p.domain == nil || p.domain.prefix != prefix {
		return nil, invalid("No such domain or user pool exists.")
	}
	return p, nil
}

// updateUserPoolDomain changes nothing: what can be changed of a domain is its
// certificate and its version, of which there is one.
func (s *Service) updateUserPoolDomain(_ context.Context, c *call, in *domainInput) (*domainOutput, error) {
	p, err := s.domainOf(c, in.UserPoolID, in.Domain)
	if err == nil {
		err = p.ownsDomain()
	}
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return nil, err
	}
	return &domainOutput{loginVersion}, nil
}

func (s *Service) deleteUserPoolDomain(ctx context.Context, c *call, in *domainInput) (*empty, error) {
	s.domains.Lock()
	defer s.domains.Unlock()
	p, err := s.domainOf(c, in.UserPoolID, in.Domain)
	if err != nil {
		return nil, err
	}
	if err := p.ownsDomain(); err != nil {
		return nil, err
	}
	_, err = s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		p.added.Domain, p.origin = "", ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.cfg.CloseDomain(p.id)
	return &empty{}, nil
}

// openDomains opens the origins of domains that requests made.
func (s *Service) openDomains(ctx context.Context) error {
	for _, p := range s.served.Load().pools {
		if p.added.Domain == "" || p.domain != nil {
			continue
		}
		if s.cfg.OpenDomain == nil {
			return fmt.Errorf("user pool %s has a domain, and OpenDomain is not configured", p.id)
		}
		origin, err := s.cfg.OpenDomain(ctx, p.id, s.domainMux(p.id))
		if err != nil {
			return fmt.Errorf("opening an origin for domain %q: %w", p.added.Domain, err)
		}
		p.origin = origin
		if err := p.configure(); err != nil { // nobody has seen it yet
			return err
		}
	}
	return nil
}
