package cognito

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/verify"
)

// Service plays the user pools of one stage. It is an http.Handler.
//
// All fields are written by New and Open, before the first request, and only
// read afterwards.
type Service struct {
	cfg     Config
	pools   []*Pool // in the declaration's order
	byID    map[string]*Pool
	clients map[string]*Client
	opened  bool
	// generateKey makes a signing key; tests replace it, for it is slow.
	generateKey func() (*rsa.PrivateKey, error)
	// srpPrivate makes b of SRP; tests replace it with a vector's.
	srpPrivate func() []byte
	// triggerTimeout is the constant of that name, but in tests.
	triggerTimeout time.Duration
}

// New validates the configuration and gives a Service that has done nothing
// yet. Every problem is in the error.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configuring user pools: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{
		cfg:            cfg,
		generateKey:    func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) },
		srpPrivate:     randomPrivate,
		triggerTimeout: triggerTimeout,
	}, nil
}

// Open reads the ids and secrets of the declared pools and clients, and makes
// and keeps those that are new. It must return before the first request, and
// makes no signing keys: they are made when first needed, or by Run.
func (s *Service) Open(ctx context.Context) error {
	var pools []*Pool
	err := s.write(ctx, func(tx *sql.Tx) error {
		pools = nil
		for i := range s.cfg.Pools {
			p, err := s.openPool(ctx, tx, &s.cfg.Pools[i])
			if err != nil {
				return fmt.Errorf("opening user pool %q: %w", s.cfg.Pools[i].Name, err)
			}
			pools = append(pools, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.pools, s.byID, s.clients = pools, map[string]*Pool{}, map[string]*Client{}
	for _, p := range pools {
		s.byID[p.id] = p
		for _, c := range p.clients {
			s.clients[c.id] = c
		}
		if err := p.prepareVerifier(); err != nil {
			return fmt.Errorf("opening user pool %q: %w", p.cfg.Name, err)
		}
	}
	s.opened = true
	return s.sweep(ctx)
}

// sweepEvery is how often what has ended is deleted from the store.
const sweepEvery = 10 * time.Minute

// Run makes the signing keys that are missing, so that the first sign-in need
// not wait for them, and then deletes what has ended from time to time. It
// returns nil when ctx ends. What fails, as on a full disk, is told of and
// tried again: keys when they are needed, the rest in its time.
func (s *Service) Run(ctx context.Context) error {
	for _, p := range s.pools {
		if _, err := p.signingKeys(ctx); err != nil && ctx.Err() == nil {
			s.logFault("making signing keys", p.cfg.Name, err)
		}
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
				s.logFault("sweeping", "", err)
			}
		}
	}
}

// sweep deletes attempts, sessions and grants a day after their end. Codes are
// replaced by new ones and go with their user.
//
// In that day they still tell "expired" from "never heard of".
func (s *Service) sweep(ctx context.Context) error {
	before := s.cfg.Now().Add(-24 * time.Hour).UnixMilli()
	err := s.write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"DELETE FROM cognito_session WHERE expires < ?",
			"DELETE FROM cognito_grant WHERE expires < ?",
			"DELETE FROM cognito_attempt WHERE until < ?",
			"DELETE FROM cognito_used WHERE expires < ?",
			"DELETE FROM cognito_custom WHERE expires < ?",
			"DELETE FROM cognito_step WHERE expires < ?",
		} {
			if _, err := tx.ExecContext(ctx, statement, before); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweeping user pools: %w", err)
	}
	return nil
}

// Pool gives the pool of a declared name, or nil. It may be called after Open.
func (s *Service) Pool(name string) *Pool {
	for _, p := range s.pools {
		if p.cfg.Name == name {
			return p
		}
	}
	return nil
}

// Pool is a user pool that is served. It is a verify.KeySet of the keys that
// sign its ID and access tokens.
type Pool struct {
	svc      *Service
	cfg      *PoolConfig
	policy   PasswordPolicy
	id       string
	secret   []byte // keys the HMAC of codes, fake salts and paging tokens
	created  time.Time
	clients  []*Client // in the declaration's order
	verifier *verify.Verifier
	keys     lazyKeys
}

// Client is an app client of a pool.
type Client struct {
	cfg     *ClientConfig
	pool    *Pool
	id      string
	secret  string // "" for a public client
	created time.Time
}

// ID gives the pool's id, such as us-east-1_AbC123xyz.
func (p *Pool) ID() string { return p.id }

// Name gives the declared name.
func (p *Pool) Name() string { return p.cfg.Name }

// ARN gives the pool's ARN.
func (p *Pool) ARN() string { return p.svc.poolARN(p.id) }

// Issuer gives what "iss" is in the pool's tokens.
func (p *Pool) Issuer() string { return p.svc.cfg.IssuerBase + "/" + p.id }

// JWKSURL gives where the pool's public keys are served.
func (p *Pool) JWKSURL() string { return p.Issuer() + jwksPath }

// Client gives the client of a declared name, or nil.
func (p *Pool) Client(name string) *Client {
	for _, c := range p.clients {
		if c.cfg.Name == name {
			return c
		}
	}
	return nil
}

// ClientID gives the id of the client of a declared name, or "".
func (p *Pool) ClientID(name string) string {
	if c := p.Client(name); c != nil {
		return c.id
	}
	return ""
}

// ClientIDs gives the ids of all clients, in the declaration's order.
func (p *Pool) ClientIDs() []string {
	ids := make([]string, len(p.clients))
	for i, c := range p.clients {
		ids[i] = c.id
	}
	return ids
}

// ID gives the client's id.
func (c *Client) ID() string { return c.id }

// Name gives the declared name.
func (c *Client) Name() string { return c.cfg.Name }

// Secret gives the client's secret, or "" for a public client.
func (c *Client) Secret() string { return c.secret }

func (s *Service) poolARN(id string) string {
	return aws.ARN{
		Service: "cognito-idp", Region: s.cfg.Region, AccountID: s.cfg.AccountID, Resource: "userpool/" + id,
	}.String()
}

// srpName is what SRP hashes as the pool's name: the id after the underscore.
func (p *Pool) srpName() string {
	_, name, _ := strings.Cut(p.id, "_")
	return name
}

// fold gives the form in which names are compared.
func (p *Pool) fold(name string) string {
	if p.cfg.CaseSensitive {
		return name
	}
	return strings.ToLower(name)
}

// mac gives HMAC-SHA256 of the parts, each with its length before it so that
// no two lists of parts are one message.
func (p *Pool) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, p.secret)
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Alphabets of ids: nine letters and digits for a pool, 26 lower-case ones for
// a client, about 51 for a secret.
const (
	alnumLower = "0123456789abcdefghijklmnopqrstuvwxyz"
	alnum      = alnumLower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

	poolIDLength       = 9
	clientIDLength     = 26
	clientSecretLength = 51
)

// openPool reads or makes the rows of a declared pool and its clients.
func (s *Service) openPool(ctx context.Context, tx *sql.Tx, cfg *PoolConfig) (*Pool, error) {
	p := &Pool{svc: s, cfg: cfg, policy: defaultPolicy}
	if cfg.PasswordPolicy != nil {
		p.policy = *cfg.PasswordPolicy
		if p.policy.TemporaryPasswordValidityDays == 0 {
			p.policy.TemporaryPasswordValidityDays = defaultPolicy.TemporaryPasswordValidityDays
		}
	}
	var created int64
	err := tx.QueryRowContext(ctx, "SELECT id, secret, created FROM cognito_pool WHERE name = ? AND region = ?",
		cfg.Name, s.cfg.Region).Scan(&p.id, &p.secret, &created)
	if errors.Is(err, sql.ErrNoRows) {
		p.id = s.cfg.Region + "_" + randomText(alnum, poolIDLength)
		p.secret = make([]byte, 32)
		rand.Read(p.secret)
		created = s.cfg.Now().UnixMilli()
		_, err = tx.ExecContext(ctx, "INSERT INTO cognito_pool (id, name, region, secret, created) VALUES (?, ?, ?, ?, ?)",
			p.id, cfg.Name, s.cfg.Region, p.secret, created)
	}
	if err != nil {
		return nil, err
	}
	p.created = time.UnixMilli(created)
	if err := p.openGroups(ctx, tx); err != nil {
		return nil, err
	}
	for i := range cfg.Clients {
		c, err := p.openClient(ctx, tx, &cfg.Clients[i])
		if err != nil {
			return nil, fmt.Errorf("opening client %q: %w", cfg.Clients[i].Name, err)
		}
		p.clients = append(p.clients, c)
	}
	return p, nil
}

// openClient reads or makes a client's row. Every client has a secret in its
// row, so that switching GenerateSecret off and on again keeps it.
func (p *Pool) openClient(ctx context.Context, tx *sql.Tx, cfg *ClientConfig) (*Client, error) {
	c := &Client{cfg: cfg, pool: p}
	var created int64
	err := tx.QueryRowContext(ctx, "SELECT id, secret, created FROM cognito_client WHERE pool = ? AND name = ?",
		p.id, cfg.Name).Scan(&c.id, &c.secret, &created)
	if errors.Is(err, sql.ErrNoRows) {
		c.id, c.secret = randomText(alnumLower, clientIDLength), randomText(alnumLower, clientSecretLength)
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

// randomText gives n characters of an alphabet of at most 256, each equally
// likely.
func randomText(alphabet string, n int) string {
	limit := 256 - 256%len(alphabet) // bytes from here on would favour the first characters
	text := make([]byte, 0, n)
	var b [64]byte
	for {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) >= limit {
				continue
			}
			if text = append(text, alphabet[int(c)%len(alphabet)]); len(text) == n {
				return string(text)
			}
		}
	}
}

// write runs fn in a transaction of the store. A refusal that fn wraps in keep
// is returned although the transaction commits; any other error undoes it.
func (s *Service) write(ctx context.Context, fn func(*sql.Tx) error) error {
	var refusal error
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		refusal = nil // the store may run fn again
		err := fn(tx)
		var kept *keptError
		if errors.As(err, &kept) {
			refusal = kept.refusal
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return refusal
}
