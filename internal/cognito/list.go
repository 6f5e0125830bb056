package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxPage is the most that one page of a list holds.
const maxPage = 60

// listUsers gives a page of a pool's users. Each page is an index range that
// begins after the last user of the page before, so that its cost does not
// depend on how many users the pool has or how far the list has come.
func (s *Service) listUsers(ctx context.Context, c *call, in *listUsersInput) (*listUsersOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	readable, err := p.projection(in.AttributesToGet)
	if err != nil {
		return nil, err
	}
	f, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	var from cursor
	if in.PaginationToken != "" {
		if from, err = p.openCursor(in.PaginationToken, in.Filter); err != nil {
			return nil, err
		}
	}
	limit := maxPage
	if in.Limit != nil && *in.Limit > 0 {
		limit = *in.Limit
	}
	query, args := p.userQuery(f, from, limit+1)
	out := &listUsersOutput{Users: []userType{}}
	err = s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var last cursor
		for rows.Next() {
			var key string
			u, err := scanUser(func(into ...any) error { return rows.Scan(append(into, &key)...) })
			if err != nil {
				return err
			}
			if len(out.Users) == limit {
				out.PaginationToken = p.sealCursor(last, in.Filter)
				break
			}
			last = cursor{key, u.sub}
			out.Users = append(out.Users, u.wire(readable))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// projection gives which attributes a list shows: all, if none are named.
func (p *Pool) projection(names []string) (func(string) bool, error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if _, ok := p.schemaOf(name); !ok {
			return nil, invalid("Attributes did not conform to the schema: Type for attribute {%s} could not be determined", name)
		}
	}
	return func(name string) bool { return slices.Contains(names, name) }, nil
}

// filter is ListUsers' Filter: one attribute that equals a value or begins
// with it (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUsers.html).
type filter struct {
	name   string // "" for no filter
	prefix bool
	value  string
}

var filterForm = regexp.MustCompile(`^\s*([^\s"=^]+)\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*$`)

func parseFilter(text string) (filter, error) {
	if strings.TrimSpace(text) == "" {
		return filter{}, nil
	}
	m := filterForm.FindStringSubmatch(text)
	if m == nil {
		return filter{}, invalid("Error while parsing filter")
	}
	f := filter{m[1], m[2] == "^=", regexp.MustCompile(`\\(.)`).ReplaceAllString(m[3], "$1")}
	switch f.name {
	case "username", "sub", "cognito:user_status", "status":
		return f, nil
	}
	if !slices.Contains(searchable, f.name) {
		return filter{}, invalid("Invalid search attribute: %s", f.name)
	}
	return f, nil
}

// cursor is the last row of a page: the value that the list is ordered by, and
// the user.
type cursor struct {
	Key string `json:"k"`
	Sub string `json:"s"`
}

// userQuery gives the statement of a page, which walks one index: a filter for
// a value by sub, a filter for a prefix by value and sub. Its last column is
// the value.
func (p *Pool) userQuery(f filter, from cursor, limit int) (string, []any) {
	// INDEXED BY is there because SQLite, without statistics, takes the
	// primary key for as good as any index of the same length.
	table, key, sub, where := "cognito_user u", "u.sub", "u.sub", "u.pool = ?"
	args := []any{p.id}
	var value any = f.value
	switch f.name {
	case "", "sub":
	case "username":
		table, key = "cognito_user u INDEXED BY cognito_user_username", "u.username"
	case "cognito:user_status":
		table, key = "cognito_user u INDEXED BY cognito_user_status", "u.status"
		value = strings.ToUpper(f.value)
	case "status":
		table, key = "cognito_user u INDEXED BY cognito_user_enabled", "u.enabled"
		value = enabledValue(f.value)
	default:
		table = "cognito_search x JOIN cognito_user u ON u.pool = x.pool AND u.sub = x.sub"
		key, sub, where = "x.value", "x.sub", "x.pool = ? AND x.name = ?"
		args = append(args, f.name)
	}
	and := func(condition string, values ...any) {
		where += " AND " + condition
		args = append(args, values...)
	}
	order := sub
	switch {
	case f.name == "":
	case !f.prefix || f.name == "status":
		and(key+" = ?", value)
	default:
		order = key + ", " + sub
		if from.Sub == "" { // the cursor is past the beginning
			and(key+" >= ?", value)
		}
		if end := prefixEnd(value.(string)); end != "" {
			and(key+" < ?", end)
		}
	}
	switch {
	case from.Sub == "":
	case order == sub:
		and(sub+" > ?", from.Sub)
	default:
		and("("+key+", "+sub+") > (?, ?)", from.Key, from.Sub)
	}
	return "SELECT " + userColumns + ", " + key + " FROM " + table + " WHERE " + where +
		" ORDER BY " + order + " LIMIT ?", append(args, limit)
}

// enabledValue gives the column's value for a filter by status; no row has -1.
func enabledValue(status string) int {
	switch status {
	case "Enabled":
		return 1
	case "Disabled":
		return 0
	}
	return -1
}

// prefixEnd gives the least string after all that begin with prefix, or "" if
// there is none. SQLite compares the bytes of UTF-8, whose order is that of
// the characters.
func prefixEnd(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		if r == 0xd7ff {
			r = 0xdfff // skip the surrogates, which no string holds
		}
		if r < utf8.MaxRune {
			return prefix + string(r+1)
		}
	}
	return ""
}

// macFunc authenticates the parts of a message with a key.
type macFunc func(parts ...string) []byte

// sealCursor gives a paging token: a cursor with a MAC, which binds it to the
// key's owner and to what was listed.
func sealCursor(mac macFunc, at cursor, what string) string {
	text, _ := json.Marshal(at) // two strings always encode
	return base64.RawURLEncoding.EncodeToString(append(mac("page", what, string(text)), text...))
}

// maxCursor bounds a paging token. The longest key that is listed by is an
// attribute's value of 2048 characters, which JSON and base64 make longer.
const maxCursor = 1 << 15

func openCursor(mac macFunc, token, what string) (cursor, error) {
	refusal := invalid("Invalid pagination token given.")
	if len(token) > maxCursor {
		return cursor{}, refusal
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 32 || !hmac.Equal(b[:32], mac("page", what, string(b[32:]))) {
		return cursor{}, refusal
	}
	var at cursor
	if err := json.Unmarshal(b[32:], &at); err != nil {
		refusal.Err = fmt.Errorf("reading a pagination token: %w", err)
		return cursor{}, refusal
	}
	return at, nil
}

func (p *Pool) sealCursor(at cursor, what string) string { return sealCursor(p.mac, at, what) }

func (p *Pool) openCursor(token, what string) (cursor, error) { return openCursor(p.mac, token, what) }
