package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Limits of an account and a pool
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
const (
	maxPools   = 1000
	maxClients = 1000
)

// createUserPool makes a pool. Its keys are made when they are first needed.
func (s *Service) createUserPool(ctx context.Context, c *call, in *userPoolInput) (*describeUserPoolOutput, error) {
	c.event.Pool = in.PoolName
	if err := in.check(s, nil); err != nil {
		return nil, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if len(s.served.Load().pools) >= maxPools {
		return nil, refuse(codeLimitExceeded, fmt.Sprintf("An account can have %d user pools.", maxPools), "")
	}
	now := s.cfg.Now()
	settings := *in
	settings.UserPoolID, settings.UserPoolTags = "", nil
	p := &Pool{
		svc: s, id: s.newPoolID(), secret: newKey(), created: now, keys: &lazyKeys{},
		added: additions{Modified: now.UnixMilli(), Settings: &settings, Tags: in.UserPoolTags},
	}
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO cognito_pool (id, name, region, secret, created) VALUES (?, ?, ?, ?, ?)",
			p.id, addedName(p.id), s.cfg.Region, p.secret, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("keeping a user pool: %w", err)
		}
		if err := p.configure(); err != nil {
			return err
		}
		return p.saveAdditions(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	s.served.Store(s.served.Load().with(p))
	return &describeUserPoolOutput{p.wire(0)}, nil
}

// updateUserPool replaces the settings of a pool that a request made.
func (s *Service) updateUserPool(ctx context.Context, c *call, in *userPoolInput) (*empty, error) {
	if in.UserPoolID == "" {
		return nil, nullMember("userPoolId")
	}
	_, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		if err := p.own(); err != nil {
			return err
		}
		next := in.replaced(p.added.Settings)
		if !next.hasMFA() {
			p.added.MFA = nil
		}
		if err := next.check(s, p.added.MFA); err != nil {
			return err
		}
		if next.UserPoolTags != nil {
			p.added.Tags, next.UserPoolTags = next.UserPoolTags, nil
		}
		p.added.Settings = next
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// deleteUserPool deletes a pool that a request made, with its users and
// clients.
func (s *Service) deleteUserPool(ctx context.Context, c *call, in *describeUserPoolInput) (*empty, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	if err := p.own(); err != nil {
		return nil, err
	}
	if p.domain != nil {
		return nil, invalid("User pool cannot be deleted. It has a domain configured that should be deleted first.")
	}
	if p.added.Settings.DeletionProtection == "ACTIVE" {
		return nil, invalid("The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"DELETE FROM cognito_attempt WHERE pool = ?",
			"DELETE FROM cognito_pool WHERE id = ?", // and with it all that refers to it
		} {
			if _, err := tx.ExecContext(ctx, statement, p.id); err != nil {
				return fmt.Errorf("deleting a user pool: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.served.Store(s.served.Load().without(p.id))
	return &empty{}, nil
}

// createUserPoolClient makes a client of any pool, beside the declared ones.
func (s *Service) createUserPoolClient(ctx context.Context, c *call, in *userPoolClientInput) (*describeUserPoolClientOutput, error) {
	var cl *Client
	_, err := s.amend(ctx, c, in.UserPoolID, func(tx *sql.Tx, p *Pool) error {
		settings := in.replaced(in)
		settings.GenerateSecret = in.GenerateSecret || in.ClientSecret != ""
		if err := settings.check(p); err != nil {
			return err
		}
		if len(p.clients) >= maxClients {
			return refuse(codeLimitExceeded, fmt.Sprintf("A user pool can have %d clients.", maxClients), "")
		}
		now := s.cfg.Now()
		cl = &Client{
			pool: p, id: aws.RandomText(alnumLower, clientIDLength), secret: in.ClientSecret, created: now,
			added: &addedClient{Modified: now.UnixMilli(), Settings: settings},
		}
		if cl.secret == "" {
			cl.secret = aws.RandomText(alnumLower, clientSecretLength)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO cognito_client (id, pool, name, secret, created) VALUES (?, ?, ?, ?, ?)",
			cl.id, p.id, addedName(cl.id), cl.secret, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("keeping a client: %w", err)
		}
		p.clients = append(p.clients, cl)
		return cl.saveAddition(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return &describeUserPoolClientOutput{cl.wire()}, nil
}

// addedClientOf gives the client that a request made, or the refusal.
func (p *Pool) addedClientOf(id string) (*Client, error) {
	cl := p.clientOfID(id)
	switch {
	case cl == nil:
		return nil, noClient(id)
	case cl.added == nil:
		return nil, invalid("userPools.%s.clients.%s is declared in doorwright.yaml; change it there.", p.cfg.Name, cl.cfg.Name)
	}
	return cl, nil
}

// updateUserPoolClient replaces the settings of a client that a request made.
func (s *Service) updateUserPoolClient(ctx context.Context, c *call, in *userPoolClientInput) (*describeUserPoolClientOutput, error) {
	if in.ClientID == "" {
		return nil, nullMember("clientId")
	}
	var cl *Client
	_, err := s.amend(ctx, c, in.UserPoolID, func(tx *sql.Tx, p *Pool) error {
		var err error
		if cl, err = p.addedClientOf(in.ClientID); err != nil {
			return err
		}
		settings := in.replaced(cl.added.Settings)
		if err := settings.check(p); err != nil {
			return err
		}
		cl.added = &addedClient{Modified: s.cfg.Now().UnixMilli(), Settings: settings}
		return cl.saveAddition(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return &describeUserPoolClientOutput{cl.wire()}, nil
}

// deleteUserPoolClient deletes a client that a request made. The sign-ins that
// were made through it end.
func (s *Service) deleteUserPoolClient(ctx context.Context, c *call, in *describeUserPoolClientInput) (*empty, error) {
	_, err := s.amend(ctx, c, in.UserPoolID, func(tx *sql.Tx, p *Pool) error {
		cl, err := p.addedClientOf(in.ClientID)
		if err != nil {
			return err
		}
		p.clients = slices.DeleteFunc(p.clients, func(one *Client) bool { return one == cl })
		p.forgetLook(cl.id)
		for _, statement := range []string{
			"DELETE FROM cognito_session WHERE pool = ? AND client = ?",
			"DELETE FROM cognito_grant WHERE pool = ? AND client = ?",
			"DELETE FROM cognito_client WHERE pool = ? AND id = ?",
		} {
			if _, err := tx.ExecContext(ctx, statement, p.id, cl.id); err != nil {
				return fmt.Errorf("deleting a client: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (cl *Client) saveAddition(ctx context.Context, tx *sql.Tx) error {
	text, err := json.Marshal(cl.added)
	if err != nil {
		return fmt.Errorf("encoding a client: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE cognito_client SET added = ? WHERE id = ?", string(text), cl.id); err != nil {
		return fmt.Errorf("keeping a client: %w", err)
	}
	return nil
}

// configure works out what holds for a client that a request made. Scopes
// whose resource server went are no longer allowed.
func (cl *Client) configure() {
	if cl.added == nil {
		return
	}
	cfg := cl.added.Settings.config()
	known := scopesOf(cl.pool.cfg.ResourceServers)
	cfg.AllowedOAuthScopes = slices.DeleteFunc(slices.Clone(cfg.AllowedOAuthScopes), func(scope string) bool { return !slices.Contains(known, scope) })
	cl.cfg = &cfg
	if !cfg.GenerateSecret {
		cl.secret = ""
	}
}

// addedRow is a row of what a request made.
type addedRow struct {
	id      string
	secret  []byte
	created int64
	added   string
}

// readAdded gives the rows of a table that requests made, by age.
func readAdded(ctx context.Context, tx *sql.Tx, table, where string, args ...any) ([]addedRow, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, secret, created, added FROM "+table+" WHERE "+where+" AND name GLOB '/*' ORDER BY created, id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []addedRow
	for rows.Next() {
		var r addedRow
		if err := rows.Scan(&r.id, &r.secret, &r.created, &r.added); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// openAddedPools reads the pools that requests made.
func (s *Service) openAddedPools(ctx context.Context, tx *sql.Tx) ([]*Pool, error) {
	rows, err := readAdded(ctx, tx, "cognito_pool", "region = ?", s.cfg.Region)
	if err != nil {
		return nil, fmt.Errorf("reading user pools: %w", err)
	}
	var pools []*Pool
	for _, r := range rows {
		p := &Pool{svc: s, id: r.id, secret: r.secret, created: time.UnixMilli(r.created), keys: &lazyKeys{}}
		err := json.Unmarshal([]byte(r.added), &p.added)
		if err == nil && p.added.Settings == nil {
			err = errors.New("its settings are missing")
		}
		if err == nil {
			err = p.openAddedClients(ctx, tx)
		}
		if err == nil {
			err = p.configure()
		}
		if err != nil {
			return nil, fmt.Errorf("opening user pool %s: %w", r.id, err)
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// openAddedClients reads the clients of a pool that requests made.
func (p *Pool) openAddedClients(ctx context.Context, tx *sql.Tx) error {
	rows, err := readAdded(ctx, tx, "cognito_client", "pool = ?", p.id)
	if err != nil {
		return fmt.Errorf("reading clients: %w", err)
	}
	for _, r := range rows {
		cl := &Client{pool: p, id: r.id, secret: string(r.secret), created: time.UnixMilli(r.created), added: &addedClient{}}
		err := json.Unmarshal([]byte(r.added), cl.added)
		if err == nil && cl.added.Settings == nil {
			err = errors.New("its settings are missing")
		}
		if err != nil {
			return fmt.Errorf("reading client %s: %w", r.id, err)
		}
		p.clients = append(p.clients, cl)
	}
	return nil
}

// gone says that a request failed because its pool was deleted meanwhile.
func (s *Service) gone(c *call, err error) error {
	var coded *aws.Error
	if c.pool == nil || errors.As(err, &coded) || s.served.Load().byID[c.pool.id] != nil {
		return err
	}
	return noPool(c.pool.id)
}
