package identity

import "crypto/rsa"

// SetKey has the service sign with a key that is made already: making one is slow.
func (s *Service) SetKey(key *rsa.PrivateKey) {
	s.generateKey = func() (*rsa.PrivateKey, error) { return key, nil }
}

// KeepLoginless has the service keep fewer identities without a login, and sweep each time.
func (s *Service) KeepLoginless(n int64) { s.maxLoginless, s.sweepEvery = n, 1 }
