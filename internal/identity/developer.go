package identity

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// developerTokenLife is how long a token that a backend asks for is good, unless
// it says how long.
const developerTokenLife = 15 * time.Minute

// developer gives the pool of a request about logins that a backend vouches for.
func (s *Service) developer(c *call, id, provider string) (*pool, error) {
	p, err := s.pool(c, id)
	if err != nil {
		return nil, err
	}
	if name := p.settings.DeveloperProviderName; name == "" || provider != name {
		return nil, refuse(codeInvalidParameter, textDeveloperProvider, fmt.Sprintf("it is %q", name))
	}
	return p, nil
}

// getDeveloperToken gives an OpenID token of the identity of a user whom a backend
// has authenticated itself. The user is linked to the identity that the request
// names, or else has one of its own, which is new the first time
// (https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetOpenIdTokenForDeveloperIdentity.html).
func (s *Service) getDeveloperToken(ctx context.Context, c *call, in *developerTokenInput) (*tokenOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	name := p.settings.DeveloperProviderName
	user, ok := in.Logins[name]
	if name == "" || !ok {
		return nil, refuse(codeInvalidParameter, textDeveloperProvider, fmt.Sprintf("it is %q", name))
	}
	if !shapes["DeveloperUserIdentifier"].Holds(user) {
		return nil, invalid("The developer user identifier has 1 to 1024 characters.")
	}
	public := cloned(in.Logins)
	delete(public, name)
	a := &admitted{pool: p, tags: in.PrincipalTags}
	if a.logins, err = s.verifyLogins(ctx, p, public); err != nil {
		return nil, err
	}
	own := login{provider: name, subject: user, developer: true, proof: name + ":" + p.id + ":" + user}
	a.logins = append([]login{own}, a.logins...)
	err = s.transact(ctx, func(t *linking) (err error) {
		a.id, err = s.developerIdentity(ctx, t, a, in.IdentityID)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.event.Identity, c.event.Reason = a.id, names(a.logins)
	valid := developerTokenLife
	if in.TokenDuration != nil {
		valid = time.Duration(*in.TokenDuration) * time.Second
	}
	token, err := s.openIDToken(ctx, a, valid)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{a.id, token}, nil
}

// developerIdentity gives the identity of a backend's user, whose login is the
// first one. The backend may link it to any identity of the pool; it has signed.
func (s *Service) developerIdentity(ctx context.Context, t *linking, a *admitted, id string) (string, error) {
	if id == "" {
		return s.identify(ctx, t, a.pool, a.logins)
	}
	r, err := survivor(ctx, t.tx, id)
	if err != nil {
		return "", err
	}
	if r == nil || r.pool != a.pool.id {
		return "", noIdentity(id)
	}
	owners, err := t.owners(ctx, a.pool.id, a.logins)
	if err != nil {
		return "", err
	}
	if owners[0] != "" && owners[0] != r.id {
		return "", refuse(codeDeveloperRegistered, "The developer user identifier is already registered with another identity.", "it is "+owners[0])
	}
	return r.id, t.gather(ctx, a.pool.id, r.id, a.logins, owners)
}

// lookupDeveloper gives the identity of a backend's user, or the users of an
// identity.
func (s *Service) lookupDeveloper(ctx context.Context, c *call, in *lookupInput) (*lookupOutput, error) {
	p, err := s.pool(c, in.IdentityPoolID)
	if err != nil {
		return nil, err
	}
	user, name := in.DeveloperUserIdentifier, p.settings.DeveloperProviderName
	if in.IdentityID == "" && user == "" {
		return nil, invalid("Please provide an identity ID or a developer user identifier.")
	}
	out := &lookupOutput{DeveloperUserIdentifierList: []string{}}
	limit := 60
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		r, err := lookup(ctx, tx, p.id, name, in.IdentityID, user)
		if err != nil {
			return err
		}
		out.IdentityID = r.id
		if user != "" && in.IdentityID != "" {
			out.DeveloperUserIdentifierList = []string{user}
			return nil
		}
		list, after := "developers "+r.id, ""
		if in.NextToken != "" {
			if after, err = s.openCursor(list, in.NextToken); err != nil {
				return err
			}
		}
		users, err := usersOf(ctx, tx, r.id, after, limit+1)
		if err != nil {
			return err
		}
		if len(users) > limit {
			users = users[:limit]
			out.NextToken = s.sealCursor(list, users[limit-1])
		}
		out.DeveloperUserIdentifierList = append(out.DeveloperUserIdentifierList, users...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.event.Identity = out.IdentityID
	return out, nil
}

// lookup finds an identity of a pool by its id, by a backend's user, or by both,
// which then have to agree.
func lookup(ctx context.Context, tx *sql.Tx, pool, provider, id, user string) (*row, error) {
	if user == "" {
		r, err := survivor(ctx, tx, id)
		if err == nil && (r == nil || r.pool != pool) {
			err = noIdentity(id)
		}
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	owners, err := (&linking{tx: tx}).owners(ctx, pool, []login{{provider: provider, subject: user}})
	switch {
	case err != nil:
		return nil, err
	case owners[0] == "":
		return nil, refuse(codeResourceNotFound, "Developer user identifier not found.", "")
	case id == "":
		return readRow(ctx, tx, owners[0])
	}
	r, err := survivor(ctx, tx, id)
	if err == nil && (r == nil || r.id != owners[0]) {
		err = refuse(codeResourceConflict, "The developer user identifier is registered with another identity.", "")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func usersOf(ctx context.Context, tx *sql.Tx, id, after string, limit int) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT subject FROM identity_login WHERE identity = ? AND developer = 1 AND subject > ? ORDER BY subject LIMIT ?", id, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the developer logins of an identity: %w", err)
	}
	defer rows.Close()
	var users []string
	for rows.Next() {
		var user string
		if err := rows.Scan(&user); err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	return users, rows.Err()
}

// mergeDevelopers merges the identities of two users of a backend: the source's
// logins become the destination's.
func (s *Service) mergeDevelopers(ctx context.Context, c *call, in *mergeInput) (*identityOutput, error) {
	p, err := s.developer(c, in.IdentityPoolID, in.DeveloperProviderName)
	if err != nil {
		return nil, err
	}
	err = s.transact(ctx, func(t *linking) error {
		owners, err := t.owners(ctx, p.id, []login{
			{provider: in.DeveloperProviderName, subject: in.SourceUserIdentifier},
			{provider: in.DeveloperProviderName, subject: in.DestinationUserIdentifier},
		})
		if err != nil {
			return err
		}
		if slices.Contains(owners, "") {
			return refuse(codeResourceNotFound, "Developer user identifier not found.", "")
		}
		from, into := owners[0], owners[1]
		c.event.Identity = into
		if from == into {
			return nil
		}
		if err := t.merge(ctx, from, into); err != nil {
			return err
		}
		return t.check(ctx, into)
	})
	if err != nil {
		return nil, err
	}
	return &identityOutput{c.event.Identity}, nil
}

// unlinkDeveloper takes a backend's user away from an identity. With its last
// login the identity becomes nobody's.
func (s *Service) unlinkDeveloper(ctx context.Context, c *call, in *unlinkDeveloperInput) (*empty, error) {
	p, err := s.developer(c, in.IdentityPoolID, in.DeveloperProviderName)
	if err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		r, err := lookup(ctx, tx, p.id, in.DeveloperProviderName, in.IdentityID, in.DeveloperUserIdentifier)
		if err != nil {
			return err
		}
		c.event.Identity = r.id
		if _, err := tx.ExecContext(ctx, "DELETE FROM identity_login WHERE pool = ? AND provider = ? AND subject = ?", p.id, in.DeveloperProviderName, in.DeveloperUserIdentifier); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE identity_identity SET modified = ? WHERE id = ?", s.cfg.Now().UnixMilli(), r.id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unlinking a developer login: %w", err)
	}
	return &empty{}, nil
}
