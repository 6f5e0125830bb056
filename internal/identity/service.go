package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Service plays the identity pools of one stage. It is an http.Handler.
//
// What is served is in served, and made is counted; all other fields are written by New and Open,
// before the first request, and only read afterwards.
type Service struct {
	cfg    Config
	opened bool
	served atomic.Pointer[directory]
	// changing is held while a pool is made, changed or deleted.
	changing sync.Mutex
	keys     lazyKey
	// made counts identities since the start, by which sweep goes.
	made                     atomic.Int64
	maxLoginless, sweepEvery int64
	// listSecret keys the HMAC of tokens that page through lists.
	listSecret []byte
	// generateKey makes the signing key.
	generateKey func() (*rsa.PrivateKey, error)
}

// New validates the configuration and gives a Service that has done nothing yet.
// Every problem is in the error.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configuring identity pools: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{
		cfg: cfg, listSecret: make([]byte, 32), maxLoginless: maxLoginless, sweepEvery: sweepEvery,
		generateKey: func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) },
	}
	rand.Read(s.listSecret)
	return s, nil
}

// Open reads what is kept of the declared pools and the pools that requests made.
// It must return before the first request. The signing key is made when it is
// first needed.
func (s *Service) Open(ctx context.Context) error {
	var d *directory
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		d, err = s.openDirectory(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("opening identity pools: %w", err)
	}
	s.served.Store(d)
	s.opened = true
	return nil
}
