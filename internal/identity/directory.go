package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// directory is what is served. It is immutable: what changes a pool puts another
// directory in its place, so that one request sees one state, and requests wait
// for nobody.
type directory struct {
	pools []*pool // by the order in which they are paged through
	byID  map[string]*pool
}

func newDirectory(pools []*pool) *directory {
	slices.SortFunc(pools, func(a, b *pool) int { return strings.Compare(a.order(), b.order()) })
	d := &directory{pools: pools, byID: map[string]*pool{}}
	for _, p := range pools {
		d.byID[p.id] = p
	}
	return d
}

// with gives the directory with next in the place of the pool of its id, or
// beside all others.
func (d *directory) with(next *pool) *directory {
	return newDirectory(append(d.others(next.id), next))
}

// without gives the directory without a pool.
func (d *directory) without(id string) *directory { return newDirectory(d.others(id)) }

func (d *directory) others(id string) []*pool {
	return slices.DeleteFunc(slices.Clone(d.pools), func(p *pool) bool { return p.id == id })
}

// pool is an identity pool as it was at one moment: it does not change, and its
// successor takes its place in the directory.
type pool struct {
	id      string
	created time.Time
	// declared is what the declaration says of it; nil for a pool that a request
	// made.
	declared *PoolConfig
	// added is what requests said of it.
	added additions
	// What holds: what is declared, or the request, with what was added.
	settings *poolSettings
	roles    map[string]string
	mappings map[string]roleMapping
	tagMaps  map[string]tagMap
}

// additions are what requests gave a pool. They are kept as one document, in the
// words of the service's model.
type additions struct {
	// Settings, Roles and Mappings are those of a pool that a request made.
	Settings *poolSettings          `json:"settings,omitempty"`
	Roles    map[string]string      `json:"roles,omitempty"`
	Mappings map[string]roleMapping `json:"mappings,omitempty"`
	// Tags are the pool's own, and Attributes its maps of principal tags by
	// provider.
	Tags       map[string]string `json:"tags,omitempty"`
	Attributes map[string]tagMap `json:"attributes,omitempty"`
}

// tagMap says which principal tags a provider's users have: by the tag, the
// claim that it is taken from.
type tagMap struct {
	UseDefaults bool              `json:"useDefaults,omitempty"`
	Claims      map[string]string `json:"claims,omitempty"`
}

// order is what pools are listed by: their age.
func (p *pool) order() string { return fmt.Sprintf("%020d %s", p.created.UnixMilli(), p.id) }

// addedName is the name in the rows of what requests made, of which several may
// have one name. No declared name begins with a slash.
func addedName(id string) string { return "/" + id }

// newID gives a new id of a pool or an identity: the region, and a UUID of 122
// random bits with the version nibble that recent ids have.
func (s *Service) newID() string {
	uuid := []byte(aws.NewRequestID())
	uuid[14] = 'c'
	return s.cfg.Region + ":" + string(uuid)
}

func (s *Service) poolARN(id string) string {
	return aws.ARN{Service: "cognito-identity", Region: s.cfg.Region, AccountID: s.cfg.AccountID, Resource: "identitypool/" + id}.String()
}

// openDirectory reads and makes what the declaration names, and reads what
// requests made.
func (s *Service) openDirectory(ctx context.Context, tx *sql.Tx) (*directory, error) {
	var pools []*pool
	for i := range s.cfg.Pools {
		p, err := s.openPool(ctx, tx, &s.cfg.Pools[i])
		if err != nil {
			return nil, fmt.Errorf("opening identity pool %q: %w", s.cfg.Pools[i].Name, err)
		}
		pools = append(pools, p)
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, created, added FROM identity_pool WHERE region = ? AND name LIKE '/%'", s.cfg.Region)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p := &pool{}
		if err := p.scan(rows.Scan); err != nil {
			return nil, err
		}
		if p.added.Settings == nil {
			return nil, fmt.Errorf("reading identity pool %s: it has no settings", p.id)
		}
		s.configure(p)
		pools = append(pools, p)
	}
	return newDirectory(pools), rows.Err()
}

// openPool reads or makes the row of a declared pool.
func (s *Service) openPool(ctx context.Context, tx *sql.Tx, cfg *PoolConfig) (*pool, error) {
	p := &pool{declared: cfg}
	err := p.scan(tx.QueryRowContext(ctx, "SELECT id, created, added FROM identity_pool WHERE id = ?", cfg.ID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		p.id, p.created = cfg.ID, s.cfg.Now()
		_, err = tx.ExecContext(ctx, "INSERT INTO identity_pool (id, name, region, created) VALUES (?, ?, ?, ?)",
			p.id, cfg.Name, s.cfg.Region, p.created.UnixMilli())
	}
	if err != nil {
		return nil, err
	}
	s.configure(p)
	return p, nil
}

func (p *pool) scan(scan func(...any) error) error {
	var created int64
	var added sql.NullString
	if err := scan(&p.id, &created, &added); err != nil {
		return err
	}
	p.created = time.UnixMilli(created)
	if !added.Valid {
		return nil
	}
	if err := json.Unmarshal([]byte(added.String), &p.added); err != nil {
		return fmt.Errorf("reading what was added to identity pool %s: %w", p.id, err)
	}
	return nil
}

// configure works out what holds for a pool.
func (s *Service) configure(p *pool) {
	p.settings, p.roles, p.mappings, p.tagMaps = p.added.Settings, p.added.Roles, p.added.Mappings, p.added.Attributes
	cfg := p.declared
	if cfg == nil {
		return
	}
	p.settings, p.roles = s.declaredSettings(cfg), map[string]string{}
	for kind, role := range map[string]string{roleAuthenticated: cfg.Authenticated, roleGuest: cfg.Unauthenticated} {
		if role != "" {
			p.roles[kind] = role
		}
	}
	p.mappings = map[string]roleMapping{}
	for key, m := range cfg.RoleMappings {
		p.mappings[key] = m.wire()
	}
	p.tagMaps = cloned(p.added.Attributes)
	for provider, claims := range cfg.PrincipalTags {
		p.tagMaps[provider] = tagMap{Claims: claims}
	}
}

func (s *Service) declaredSettings(cfg *PoolConfig) *poolSettings {
	settings := &poolSettings{
		IdentityPoolName: cfg.Name, AllowUnauthenticatedIdentities: cfg.AllowGuests, AllowClassicFlow: &cfg.AllowClassicFlow,
		DeveloperProviderName: cfg.DeveloperProvider,
	}
	for _, c := range cfg.UserPools {
		settings.CognitoIdentityProviders = append(settings.CognitoIdentityProviders, userPoolClient{c.Provider, c.ClientID, c.ServerSideTokenCheck})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.OpenIDConnect)) {
		settings.OpenIDConnectProviderARNs = append(settings.OpenIDConnectProviderARNs, s.providerARN(name))
	}
	return settings
}

// wire says a declared role mapping in the words of the service's model.
func (m *RoleMapping) wire() roleMapping {
	w := roleMapping{Type: mappingToken, AmbiguousRoleResolution: ambiguousDeny}
	if m.ElseAuthenticated {
		w.AmbiguousRoleResolution = ambiguousAuthenticated
	}
	if len(m.Rules) > 0 {
		w.Type, w.RulesConfiguration = mappingRules, &rulesConfiguration{}
	}
	for _, r := range m.Rules {
		w.RulesConfiguration.Rules = append(w.RulesConfiguration.Rules, mappingRule{r.Claim, r.Match, r.Value, r.Role})
	}
	return w
}

// pool gives a pool of an id, or the refusal, and notes it for the log.
func (s *Service) pool(c *call, id string) (*pool, error) {
	p := s.served.Load().byID[id]
	if p == nil {
		return nil, noPool(id)
	}
	c.event.Pool = p.settings.IdentityPoolName
	return p, nil
}

// amend changes a pool: change works on a copy of it. Once that is kept, requests
// that begin later see the copy.
func (s *Service) amend(ctx context.Context, c *call, id string, change func(*pool) error) (*pool, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, err := s.pool(c, id)
	if err != nil {
		return nil, err
	}
	next := *old
	next.added.Tags = cloned(old.added.Tags)
	next.added.Attributes = cloned(old.added.Attributes)
	if err := change(&next); err != nil {
		return nil, err
	}
	text, err := json.Marshal(next.added)
	if err != nil {
		return nil, fmt.Errorf("encoding what was added to an identity pool: %w", err)
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE identity_pool SET added = ? WHERE id = ?", string(text), id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keeping what was added to an identity pool: %w", err)
	}
	s.configure(&next)
	s.served.Store(s.served.Load().with(&next))
	return &next, nil
}

// cloned gives a copy that can be written to.
func cloned[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return maps.Clone(m)
}

// own refuses to change what the declaration says of a pool.
func (p *pool) own() error {
	if p.declared != nil {
		return invalid("identityPools.%s is declared in doorwright.yaml; change it there.", p.declared.Name)
	}
	return nil
}
