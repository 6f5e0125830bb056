package cognito

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// GroupConfig declares a group of a pool. What it says is the declaration's to
// change; who is a member is not.
type GroupConfig struct {
	// Name is 1 to 128 characters without spaces.
	Name string
	// Description is up to 2048 characters.
	Description string
	// RoleARN is the IAM role that members' tokens name; "" for none.
	RoleARN string
	// Precedence is 0 or more, and the lowest wins; nil comes after all numbers.
	Precedence *int
}

func (g *GroupConfig) validate(bad func(bool, string, ...any)) {
	name, description, role := shapes["GroupNameType"], shapes["DescriptionType"], shapes["ArnType"]
	bad(len(g.Name) > name.Most || !name.Matches(g.Name), "Groups: %q is not 1 to %d characters without spaces", g.Name, name.Most)
	bad(len(g.Description) > description.Most, "Groups: %q: the description is longer than %d", g.Name, description.Most)
	bad(g.RoleARN != "" && !role.Matches(g.RoleARN), "Groups: %q: RoleARN %q is not an ARN", g.Name, g.RoleARN)
	if g.Precedence != nil {
		bad(*g.Precedence < 0 || *g.Precedence > math.MaxInt32, "Groups: %q: Precedence is %d, not 0 to %d", g.Name, *g.Precedence, math.MaxInt32)
	}
}

// Limits of groups
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
const (
	maxGroups       = 10_000
	maxGroupsOfUser = 100
)

// Who a group's record is from. One that was declared and is no longer keeps
// its members and is served again when it is declared again.
const (
	groupAdded    = 0
	groupDeclared = 1
	groupDropped  = 2
)

// userGroup is a group's record.
type userGroup struct {
	name, description, role string
	precedence              *int
	owner                   int
	created, changed        time.Time
}

const groupColumns = "g.name, g.description, g.role, g.precedence, g.owner, g.created, g.modified"

func scanGroup(scan func(...any) error) (*userGroup, error) {
	var g userGroup
	var created, modified int64
	if err := scan(&g.name, &g.description, &g.role, &g.precedence, &g.owner, &created, &modified); err != nil {
		return nil, err
	}
	g.created, g.changed = time.UnixMilli(created), time.UnixMilli(modified)
	return &g, nil
}

// groupNamed gives the group of a name, or the refusal.
func (p *Pool) groupNamed(ctx context.Context, tx *sql.Tx, name string) (*userGroup, error) {
	g, err := scanGroup(tx.QueryRowContext(ctx, "SELECT "+groupColumns+" FROM cognito_group g WHERE g.pool = ? AND g.name = ? AND g.owner <> ?",
		p.id, name, groupDropped).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, refuse(codeResourceNotFound, "Group not found.", "no group "+name)
	case err != nil:
		return nil, fmt.Errorf("reading a group: %w", err)
	}
	return g, nil
}

// saveGroup writes a group's record, new or not. Its members stay.
func (p *Pool) saveGroup(ctx context.Context, tx *sql.Tx, g *userGroup) error {
	g.changed = p.svc.cfg.Now()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO cognito_group (pool, name, description, role, precedence, owner, created, modified) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (pool, name) DO UPDATE SET description = excluded.description, role = excluded.role,
		  precedence = excluded.precedence, owner = excluded.owner, modified = excluded.modified`,
		p.id, g.name, g.description, g.role, g.precedence, g.owner, g.created.UnixMilli(), g.changed.UnixMilli())
	if err != nil {
		return fmt.Errorf("saving group %s: %w", g.name, err)
	}
	return nil
}

// openGroups brings the records of declared groups up to the declaration.
func (p *Pool) openGroups(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE cognito_group SET owner = ? WHERE pool = ? AND owner = ?", groupDropped, p.id, groupDeclared)
	if err != nil {
		return fmt.Errorf("reading groups: %w", err)
	}
	for _, declared := range p.cfg.Groups {
		g := &userGroup{
			name: declared.Name, description: declared.Description, role: declared.RoleARN, precedence: declared.Precedence,
			owner: groupDeclared, created: p.svc.cfg.Now(),
		}
		if err := p.saveGroup(ctx, tx, g); err != nil {
			return err
		}
	}
	return nil
}

// own refuses to change what the declaration says.
func (g *userGroup) own() error {
	if g.owner == groupDeclared {
		return invalid("Group %s is declared in doorwright.yaml; change it there.", g.name)
	}
	return nil
}

func (g *userGroup) wire(p *Pool) groupType {
	return groupType{
		GroupName: g.name, UserPoolID: p.id, Description: g.description, RoleARN: g.role, Precedence: g.precedence,
		LastModifiedDate: awsjson.Time{Time: g.changed}, CreationDate: awsjson.Time{Time: g.created},
	}
}

func (s *Service) createGroup(ctx context.Context, c *call, in *createGroupInput) (*groupOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	g := &userGroup{
		name: in.GroupName, description: given(in.Description, ""), role: given(in.RoleARN, ""), precedence: in.Precedence, created: s.cfg.Now(),
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		var taken, count int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FILTER (WHERE name = ?), count(*) FROM cognito_group WHERE pool = ? AND owner <> ?",
			g.name, p.id, groupDropped).Scan(&taken, &count)
		switch {
		case err != nil:
			return fmt.Errorf("counting groups: %w", err)
		case taken > 0:
			return refuse(codeGroupExists, "A group with the name "+g.name+" already exists.", "")
		case count >= maxGroups:
			return refuse(codeLimitExceeded, fmt.Sprintf("A user pool can have %d groups.", maxGroups), "")
		}
		// A group of this name that was declared once, and its members, is another.
		if _, err := tx.ExecContext(ctx, "DELETE FROM cognito_group WHERE pool = ? AND name = ?", p.id, g.name); err != nil {
			return fmt.Errorf("deleting a group: %w", err)
		}
		return p.saveGroup(ctx, tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &groupOutput{g.wire(p)}, nil
}

func (s *Service) getGroup(ctx context.Context, c *call, in *groupInput) (*groupOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	var g *userGroup
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		g, err = p.groupNamed(ctx, tx, in.GroupName)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &groupOutput{g.wire(p)}, nil
}

// given gives a member's value, or what holds without it.
func given(value *string, otherwise string) string {
	if value == nil {
		return otherwise
	}
	return *value
}

// updateGroup sets what the request has; the rest stays.
func (s *Service) updateGroup(ctx context.Context, c *call, in *createGroupInput) (*groupOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	var g *userGroup
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if g, err = p.groupNamed(ctx, tx, in.GroupName); err != nil {
			return err
		}
		if err := g.own(); err != nil {
			return err
		}
		g.description, g.role = given(in.Description, g.description), given(in.RoleARN, g.role)
		if in.Precedence != nil {
			g.precedence = in.Precedence
		}
		return p.saveGroup(ctx, tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &groupOutput{g.wire(p)}, nil
}

// deleteGroup deletes a group; its members stay users.
func (s *Service) deleteGroup(ctx context.Context, c *call, in *groupInput) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		g, err := p.groupNamed(ctx, tx, in.GroupName)
		if err == nil {
			err = g.own()
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM cognito_group WHERE pool = ? AND name = ?", p.id, g.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// adminAddUserToGroup makes a user a member; a second time changes nothing.
func (s *Service) adminAddUserToGroup(ctx context.Context, c *call, in *memberInput) (*empty, error) {
	return s.changeMember(ctx, c, in, func(tx *sql.Tx, p *Pool, u *user, g *userGroup) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO cognito_member (pool, sub, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", p.id, u.sub, g.name)
		if err != nil {
			return fmt.Errorf("adding a member: %w", err)
		}
		var count int
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM cognito_member WHERE pool = ? AND sub = ?", p.id, u.sub).Scan(&count)
		if err == nil && count > maxGroupsOfUser {
			err = invalid("A user can be a member of %d groups.", maxGroupsOfUser)
		}
		return err
	})
}

// adminRemoveUserFromGroup ends a membership, if there is one.
func (s *Service) adminRemoveUserFromGroup(ctx context.Context, c *call, in *memberInput) (*empty, error) {
	return s.changeMember(ctx, c, in, func(tx *sql.Tx, p *Pool, u *user, g *userGroup) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM cognito_member WHERE pool = ? AND sub = ? AND name = ?", p.id, u.sub, g.name)
		return err
	})
}

func (s *Service) changeMember(ctx context.Context, c *call, in *memberInput, change func(*sql.Tx, *Pool, *user, *userGroup) error) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.userNamed(ctx, tx, in.Username)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "")
		}
		g, err := p.groupNamed(ctx, tx, in.GroupName)
		if err != nil {
			return err
		}
		return change(tx, p, u, g)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// listGroups gives a page of a pool's groups, by name.
func (s *Service) listGroups(ctx context.Context, c *call, in *listGroupsInput) (*listGroupsOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	return s.pageOfGroups(ctx, p, "groups", "cognito_group g WHERE g.pool = ?", []any{p.id}, in.Limit, in.NextToken)
}

// adminListGroupsForUser gives a page of the groups of a user, by name.
func (s *Service) adminListGroupsForUser(ctx context.Context, c *call, in *listGroupsForUserInput) (*listGroupsOutput, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	u, err := p.findExisting(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	return s.pageOfGroups(ctx, p, "groups of "+u.sub,
		"cognito_member m JOIN cognito_group g ON g.pool = m.pool AND g.name = m.name WHERE m.pool = ? AND m.sub = ?",
		[]any{p.id, u.sub}, in.Limit, in.NextToken)
}

// pageOfGroups lists the groups of a query. What names the list, for its
// paging tokens.
func (s *Service) pageOfGroups(ctx context.Context, p *Pool, what, from string, args []any, limit *int, token string) (*listGroupsOutput, error) {
	after, most, err := p.pageStart(what, limit, token)
	if err != nil {
		return nil, err
	}
	out := &listGroupsOutput{Groups: []groupType{}}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		list, err := queryGroups(ctx, tx, from+" AND g.owner <> ? AND g.name > ? ORDER BY g.name LIMIT ?", append(args, groupDropped, after, most+1)...)
		for i, g := range list {
			if i == most {
				out.NextToken = p.sealCursor(cursor{Key: list[i-1].name}, what)
				break
			}
			out.Groups = append(out.Groups, g.wire(p))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// pageStart gives the key after which a page begins and the most that it holds.
func (p *Pool) pageStart(what string, limit *int, token string) (after string, most int, err error) {
	most = maxPage
	if limit != nil && *limit > 0 {
		most = *limit
	}
	if token == "" {
		return "", most, nil
	}
	at, err := p.openCursor(token, what)
	return at.Key, most, err
}

func queryGroups(ctx context.Context, tx *sql.Tx, from string, args ...any) ([]*userGroup, error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+groupColumns+" FROM "+from, args...)
	if err != nil {
		return nil, fmt.Errorf("reading groups: %w", err)
	}
	defer rows.Close()
	var list []*userGroup
	for rows.Next() {
		g, err := scanGroup(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("reading groups: %w", err)
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

// listUsersInGroup gives a page of a group's members.
func (s *Service) listUsersInGroup(ctx context.Context, c *call, in *listUsersInGroupInput) (*listUsersInGroupOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	what := "members of " + in.GroupName
	after, most, err := p.pageStart(what, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listUsersInGroupOutput{Users: []userType{}}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		if _, err := p.groupNamed(ctx, tx, in.GroupName); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT "+userColumns+` FROM cognito_member m JOIN cognito_user u ON u.pool = m.pool AND u.sub = m.sub
			WHERE m.pool = ? AND m.name = ? AND m.sub > ? ORDER BY m.sub LIMIT ?`, p.id, in.GroupName, after, most+1)
		if err != nil {
			return fmt.Errorf("reading members: %w", err)
		}
		defer rows.Close()
		last := ""
		for rows.Next() {
			u, err := scanUser(rows.Scan)
			if err != nil {
				return err
			}
			if len(out.Users) == most {
				out.NextToken = p.sealCursor(cursor{Key: last}, what)
				break
			}
			last = u.sub
			out.Users = append(out.Users, u.wire(all))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// memberships are a user's groups as tokens have them.
type memberships struct {
	names, roles []string
	preferred    string // the role of the group that takes precedence
}

// membershipsOf gives the groups of a user, the one that takes precedence
// first. "If two groups with the same Precedence have ... different role ARNs,
// the cognito:preferred_role claim isn't set"
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html).
func (p *Pool) membershipsOf(ctx context.Context, u *user) (*memberships, error) {
	var list []*userGroup
	err := p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		list, err = queryGroups(ctx, tx,
			"cognito_member m JOIN cognito_group g ON g.pool = m.pool AND g.name = m.name WHERE m.pool = ? AND m.sub = ? AND g.owner <> ?",
			p.id, u.sub, groupDropped)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newMemberships(list), nil
}

// membershipsIn gives those of a user of these groups.
func (p *Pool) membershipsIn(ctx context.Context, names []string) (*memberships, error) {
	if len(names) == 0 {
		return &memberships{}, nil
	}
	var list []*userGroup
	err := p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		list, err = queryGroups(ctx, tx, "cognito_group g WHERE g.pool = ? AND g.owner <> ?", p.id, groupDropped)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newMemberships(slices.DeleteFunc(list, func(g *userGroup) bool { return !slices.Contains(names, g.name) })), nil
}

func newMemberships(list []*userGroup) *memberships {
	slices.SortFunc(list, func(a, b *userGroup) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.name, b.name))
	})
	m := &memberships{}
	for i, g := range list {
		m.names = append(m.names, g.name)
		if g.role != "" && !slices.Contains(m.roles, g.role) {
			m.roles = append(m.roles, g.role)
		}
		switch {
		case i == 0:
			m.preferred = g.role
		case g.rank() == list[0].rank() && g.role != m.preferred:
			m.preferred = ""
		}
	}
	return m
}

func (g *userGroup) rank() int {
	if g.precedence == nil {
		return math.MaxInt
	}
	return *g.precedence
}

// onID adds a user's groups to the claims of an ID token.
func (m *memberships) onID(claims map[string]any) {
	if len(m.names) > 0 {
		claims["cognito:groups"] = m.names
	}
	if len(m.roles) > 0 {
		claims["cognito:roles"] = m.roles
	}
	if m.preferred != "" {
		claims["cognito:preferred_role"] = m.preferred
	}
}

// configuration gives a user's groups as events of triggers have them.
func (m *memberships) configuration() groupConfiguration {
	c := groupConfiguration{GroupsToOverride: append([]string{}, m.names...), IAMRolesToOverride: append([]string{}, m.roles...)}
	if m.preferred != "" {
		c.PreferredRole = &m.preferred
	}
	return c
}
