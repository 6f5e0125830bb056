package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"time"
)

// SetSRPPrivate replaces b of SRP by a vector's.
func (s *Service) SetSRPPrivate(b []byte) { s.srpPrivate = func() []byte { return b } }

// CountSRP counts the computations that looking at a password takes, by what
// they are and over how large numbers.
func (s *Service) CountSRP(count func(what string)) {
	private, verifier, key := s.srpPrivate, s.srpVerifier, s.srpKey
	s.srpPrivate = func() []byte { count("B"); return private() }
	s.srpVerifier = func(poolName, username, password string, salt []byte) []byte {
		count(fmt.Sprintf("verifier with a salt of %d", len(salt)))
		return verifier(poolName, username, password, salt)
	}
	s.srpKey = func(b *srpBlock, v []byte) []byte {
		count(fmt.Sprintf("key of a verifier of %d", len(v)))
		return key(b, v)
	}
}

// GroupsAfter gives the groups that an ID token has after the function before
// tokens gave a response of V1_0, for a user of the group "mine".
func (cl *Client) GroupsAfter(reply string) (any, error) {
	var r preTokenResponseV1
	if err := readReply([]byte(reply), &r); err != nil {
		return nil, err
	}
	changes := &tokenChanges{client: cl}
	changes.readV1(&r)
	return changes.onID(map[string]any{"cognito:groups": []string{"mine"}})["cognito:groups"], nil
}

// SetTriggerTimeout replaces the time that a trigger's function has.
func (s *Service) SetTriggerTimeout(d time.Duration) { s.triggerTimeout = d }

// Sweep deletes what has ended.
func (s *Service) Sweep(ctx context.Context) error { return s.sweep(ctx) }

// For the published vectors.
var (
	SRPVerifier = srpVerifier
	SRPPad      = srpPad
	LockTime    = lockTime
	PrefixEnd   = prefixEnd
	TOTPCode    = totpCode
)

// DocOf gives an operation's documentation link.
func DocOf(name string) string { return operations[name].doc() }

// Plans gives SQLite's plans for the statements that list users.
func (s *Service) Plans(ctx context.Context, filters []string) (map[string]string, error) {
	plans := map[string]string{}
	p := s.served.Load().pools[0]
	for _, text := range filters {
		f, err := parseFilter(text)
		if err != nil {
			return nil, err
		}
		for _, from := range []cursor{{}, {"k", "s"}} {
			query, args := p.userQuery(f, from, 10)
			err := s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
				rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					var id, parent, unused int
					var detail string
					if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
						return err
					}
					plans[query] += detail + "; "
				}
				return rows.Err()
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return plans, nil
}

// ListPlan gives SQLite's plan of a page of ListUsers, after the user of the
// name and sub if there is one.
func (p *Pool) ListPlan(ctx context.Context, filter string, from [2]string) (plan []string, err error) {
	f, err := parseFilter(filter)
	if err != nil {
		return nil, err
	}
	query, args := p.userQuery(f, cursor{from[0], from[1]}, 10)
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				return err
			}
			plan = append(plan, step)
		}
		return rows.Err()
	})
	return plan, err
}

// ChallengePage gives what the hosted pages make of a challenge.
func (s *Service) ChallengePage(pool, challenge string) *httptest.ResponseRecorder {
	w, d := httptest.NewRecorder(), s.Pool(pool).domain
	d.challenge(w, httptest.NewRequest("POST", "/login", nil), &call{}, &authorization{client: d.pool.clients[0]}, "rider", &authOutput{ChallengeName: challenge})
	return w
}
