package cognito

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// Service plays the user pools of one stage. It is an http.Handler.
//
// What is served is in served; all other fields are written by New and Open,
// before the first request, and only read afterwards.
type Service struct {
	cfg    Config
	opened bool
	served atomic.Pointer[directory]
	// domains is held while a domain is made or deleted, before changing.
	domains sync.Mutex
	// providers talks to identity providers.
	providers *oidc.Providers
	// changing is held while a pool or a client is made, changed or deleted.
	changing sync.Mutex
	// listSecret keys the HMAC of tokens that page through the list of pools.
	listSecret []byte
	// srpPrivate makes b of SRP; tests replace it with a vector's.
	srpPrivate func() []byte
	// srpVerifier and srpKey are what looking at a password costs; tests count
	// them.
	srpVerifier func(poolName, username, password string, salt []byte) []byte
	srpKey      func(b *srpBlock, verifier []byte) []byte
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
	if cfg.GenerateKey == nil {
		cfg.GenerateKey = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }
	}
	s := &Service{
		providers:      oidc.NewProviders(cfg.Now),
		cfg:            cfg,
		listSecret:     make([]byte, 32),
		srpPrivate:     randomPrivate,
		srpVerifier:    srpVerifier,
		srpKey:         (*srpBlock).key,
		triggerTimeout: cmp.Or(cfg.TriggerTimeout, triggerTimeout),
	}
	rand.Read(s.listSecret)
	return s, nil
}

// Open reads the ids and secrets of the declared pools and clients, makes and
// keeps those that are new, and reads what requests added beside them. It must
// return before the first request, and makes no signing keys: they are made
// when first needed, or by Run.
func (s *Service) Open(ctx context.Context) error {
	d := &directory{}
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		d, err = s.openDirectory(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	s.served.Store(d)
	if err := s.openDomains(ctx); err != nil {
		return err
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
	for _, p := range s.served.Load().pools {
		if _, err := p.signingKeys(ctx); err != nil && ctx.Err() == nil {
			s.logFault("making signing keys", p.cfg.Name, err)
		}
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	defer s.providers.Close()
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

// sweep deletes sessions and grants a day after their end: in that day they still
// tell "expired" from "never heard of". Attempts go as soon as they no longer
// count, since a stranger can make as many as there are names. Codes are replaced
// by new ones and go with their user.
func (s *Service) sweep(ctx context.Context) error {
	now := s.cfg.Now()
	dayAgo, forgotten := now.Add(-24*time.Hour).UnixMilli(), now.Add(-forgetfulness).UnixMilli()
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, old := range []struct {
			statement string
			before    int64
		}{
			{"DELETE FROM cognito_session WHERE expires < ?", dayAgo},
			{"DELETE FROM cognito_grant WHERE expires < ?", dayAgo},
			{"DELETE FROM cognito_attempt WHERE until < ?", forgotten},
			{"DELETE FROM cognito_used WHERE expires < ?", dayAgo},
			{"DELETE FROM cognito_custom WHERE expires < ?", dayAgo},
			{"DELETE FROM cognito_step WHERE expires < ?", dayAgo},
		} {
			if _, err := tx.ExecContext(ctx, old.statement, old.before); err != nil {
				return err
			}
		}
		return oidc.Sweep(ctx, tx, now)
	})
	if err != nil {
		return fmt.Errorf("sweeping user pools: %w", err)
	}
	return nil
}
