package cognito

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/store"
)

// directory is what is served. It is immutable: what changes a pool puts
// another directory in its place, so that one request sees one state, and
// requests wait for nobody.
type directory struct {
	pools   []*Pool // the declared ones in the declaration's order, then the others by age
	byID    map[string]*Pool
	clients map[string]*Client
}

// newDirectory makes the list, which becomes its own, the order in which it is
// paged through.
func newDirectory(pools []*Pool) *directory {
	slices.SortFunc(pools, func(a, b *Pool) int { return strings.Compare(a.order(), b.order()) })
	d := &directory{pools: pools, byID: map[string]*Pool{}, clients: map[string]*Client{}}
	for _, p := range pools {
		d.byID[p.id] = p
		for _, c := range p.clients {
			d.clients[c.id] = c
		}
	}
	return d
}

// with gives the directory with next in the place of the pool of its id, or
// behind all others.
func (d *directory) with(next *Pool) *directory {
	pools := slices.Clone(d.pools)
	if i := slices.IndexFunc(pools, func(p *Pool) bool { return p.id == next.id }); i >= 0 {
		pools[i] = next
	} else {
		pools = append(pools, next)
	}
	return newDirectory(pools)
}

// without gives the directory without a pool.
func (d *directory) without(id string) *directory {
	return newDirectory(slices.DeleteFunc(slices.Clone(d.pools), func(p *Pool) bool { return p.id == id }))
}

// additions are what requests gave a pool beside what is declared of it. They
// are kept as one document, in the words of the service's model.
type additions struct {
	// Modified is when they last changed, in milliseconds since the epoch.
	Modified int64 `json:"modified,omitempty"`
	// Settings are those of a pool that a request made.
	Settings   *userPoolInput         `json:"settings,omitempty"`
	Tags       map[string]string      `json:"tags,omitempty"`
	Attributes []schemaAttributeInput `json:"attributes,omitempty"`
	Servers    []resourceServer       `json:"servers,omitempty"`
	Domain     string                 `json:"domain,omitempty"`
	// Looks are those of the hosted pages, by client id or ALL.
	Looks map[string]*look `json:"looks,omitempty"`

	Providers []identityProviderInput `json:"providers,omitempty"`
	// MFA is what SetUserPoolMfaConfig said of a pool that a request made.
	MFA *poolMFA `json:"mfa,omitempty"`
}

// addedClient is a client that a request made.
type addedClient struct {
	Modified int64                `json:"modified"`
	Settings *userPoolClientInput `json:"settings"`
}

// addedName is the name in the rows of what requests made, of which several may
// have one name. No declared name begins with a slash.
func addedName(id string) string { return "/" + id }

// openDirectory reads and makes what the declaration names, and reads what
// requests made.
func (s *Service) openDirectory(ctx context.Context, tx *sql.Tx) (*directory, error) {
	var pools []*Pool
	for i := range s.cfg.Pools {
		p, err := s.openPool(ctx, tx, &s.cfg.Pools[i])
		if err != nil {
			return nil, fmt.Errorf("opening user pool %q: %w", s.cfg.Pools[i].Name, err)
		}
		pools = append(pools, p)
	}
	added, err := s.openAddedPools(ctx, tx)
	if err != nil {
		return nil, err
	}
	return newDirectory(append(pools, added...)), nil
}

// openPool reads or makes the rows of a declared pool and its clients.
func (s *Service) openPool(ctx context.Context, tx *sql.Tx, cfg *PoolConfig) (*Pool, error) {
	p := &Pool{svc: s, declared: cfg, keys: &lazyKeys{}}
	var created int64
	var added sql.NullString
	err := tx.QueryRowContext(ctx, "SELECT id, secret, created, added FROM cognito_pool WHERE name = ? AND region = ?",
		cfg.Name, s.cfg.Region).Scan(&p.id, &p.secret, &created, &added)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		p.id, p.secret, created = s.newPoolID(), newKey(), s.cfg.Now().UnixMilli()
		_, err = tx.ExecContext(ctx, "INSERT INTO cognito_pool (id, name, region, secret, created) VALUES (?, ?, ?, ?, ?)",
			p.id, cfg.Name, s.cfg.Region, p.secret, created)
	case err == nil && added.Valid:
		err = json.Unmarshal([]byte(added.String), &p.added)
	}
	if err != nil {
		return nil, err
	}
	p.created = time.UnixMilli(created)
	for i := range cfg.Clients {
		c, err := p.openClient(ctx, tx, &cfg.Clients[i])
		if err != nil {
			return nil, fmt.Errorf("opening client %q: %w", cfg.Clients[i].Name, err)
		}
		p.clients = append(p.clients, c)
	}
	if err := p.openAddedClients(ctx, tx); err != nil {
		return nil, err
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	return p, p.openGroups(ctx, tx)
}

func (s *Service) newPoolID() string { return s.cfg.Region + "_" + aws.RandomText(alnum, poolIDLength) }

func newKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// openClient reads or makes a declared client's row. Every client has a secret
// in its row, so that switching GenerateSecret off and on again keeps it.
func (p *Pool) openClient(ctx context.Context, tx *sql.Tx, cfg *ClientConfig) (*Client, error) {
	c := &Client{cfg: cfg, pool: p}
	var created int64
	err := tx.QueryRowContext(ctx, "SELECT id, secret, created FROM cognito_client WHERE pool = ? AND name = ?",
		p.id, cfg.Name).Scan(&c.id, &c.secret, &created)
	if errors.Is(err, sql.ErrNoRows) {
		c.id, c.secret = aws.RandomText(alnumLower, clientIDLength), aws.RandomText(alnumLower, clientSecretLength)
		created = p.svc.cfg.Now().UnixMilli()
		_, err = tx.ExecContext(ctx, "INSERT INTO cognito_client (id, pool, name, secret, created) VALUES (?, ?, ?, ?, ?)",
			c.id, p.id, cfg.Name, c.secret, created)
	}
	if err != nil {
		return nil, err
	}
	if !cfg.GenerateSecret {
		c.secret = ""
	}
	c.created = time.UnixMilli(created)
	return c, nil
}

// configure works out what holds for a pool: what is declared, or what the
// request that made it said, with what was added.
func (p *Pool) configure() error {
	var cfg PoolConfig
	if p.declared != nil {
		cfg = *p.declared
	} else {
		cfg = p.added.Settings.config(p.added.MFA)
	}
	p.cfg, p.policy = &cfg, defaultPolicy
	if cfg.PasswordPolicy != nil {
		p.policy = *cfg.PasswordPolicy
		if p.policy.TemporaryPasswordValidityDays == 0 {
			p.policy.TemporaryPasswordValidityDays = defaultPolicy.TemporaryPasswordValidityDays
		}
	}
	for _, a := range p.added.Attributes {
		attribute, refusal := a.custom()
		if refusal != nil {
			return fmt.Errorf("reading attribute %q of user pool %q: %w", a.Name, cfg.Name, refusal)
		}
		if !cfg.hasAttribute(attribute.Name) { // what was declared since is the declaration's
			cfg.Schema = append(slices.Clip(cfg.Schema), attribute)
		}
	}
	p.schema = cfg.schema()
	for i := range p.added.Providers {
		added := p.added.Providers[i].config()
		if !slices.ContainsFunc(cfg.IdentityProviders, func(have IdentityProviderConfig) bool { return have.Name == added.Name }) {
			cfg.IdentityProviders = append(slices.Clip(cfg.IdentityProviders), added)
		}
	}
	p.domain = nil
	switch {
	case cfg.Domain != "":
		p.domain = newDomain(p, cfg.Domain, cfg.Origin)
	case p.added.Domain != "" && p.origin != "":
		p.domain = newDomain(p, p.added.Domain, p.origin)
	}
	for _, r := range p.added.Servers {
		if !slices.ContainsFunc(cfg.ResourceServers, func(have ResourceServerConfig) bool { return have.Identifier == r.Identifier }) {
			cfg.ResourceServers = append(slices.Clip(cfg.ResourceServers), r.config())
		}
	}
	for _, c := range p.clients {
		c.configure()
	}
	slices.SortFunc(p.clients, func(a, b *Client) int { return strings.Compare(a.order(), b.order()) })
	return p.prepareVerifier()
}

// amend changes a pool: change works on a copy of it, and on the store. Once
// that is kept, requests that begin later see the copy.
func (s *Service) amend(ctx context.Context, c *call, id string, change func(*sql.Tx, *Pool) error) (*Pool, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, err := s.pool(c, id, "")
	if err != nil {
		return nil, err
	}
	var next *Pool
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		next = old.successor()
		if err := change(tx, next); err != nil {
			return err
		}
		next.added.Modified = s.cfg.Now().UnixMilli()
		if err := next.configure(); err != nil {
			return err
		}
		return next.saveAdditions(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	s.served.Store(s.served.Load().with(next))
	return next, nil
}

// successor gives a copy of a pool, with clients of its own, to be changed.
func (p *Pool) successor() *Pool {
	next := *p
	next.clients = make([]*Client, len(p.clients))
	for i, c := range p.clients {
		copied := *c
		copied.pool = &next
		next.clients[i] = &copied
	}
	return &next
}

func (p *Pool) saveAdditions(ctx context.Context, tx *sql.Tx) error {
	text, err := json.Marshal(p.added)
	if err != nil {
		return fmt.Errorf("encoding what was added to a user pool: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE cognito_pool SET added = ? WHERE id = ?", string(text), p.id); err != nil {
		return fmt.Errorf("keeping what was added to a user pool: %w", err)
	}
	return nil
}

// own refuses to change what the declaration says of a pool.
func (p *Pool) own() error {
	if p.declared != nil {
		return invalid("userPools.%s is declared in doorwright.yaml; change it there.", p.cfg.Name)
	}
	return nil
}

// KeptSecret gives the secret that a stage keeps of a declared pool's client, or ""
// if the client was never opened or has none.
func KeptSecret(ctx context.Context, db *store.DB, region, pool, client string) (secret string, err error) {
	err = db.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			SELECT c.secret FROM cognito_client c JOIN cognito_pool p ON p.id = c.pool
			WHERE p.region = ? AND p.name = ? AND c.name = ?`, region, pool, client).Scan(&secret)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading the secret of client %s: %w", client, err)
	}
	return secret, nil
}
