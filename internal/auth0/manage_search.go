package auth0

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Bounds of a search.
const (
	maxSearch = 1000 // characters
	maxTerms  = 50
	maxNested = 20
)

// userQuery is a search for users, in SQL over auth0_user u.
type userQuery struct {
	found string // "" for all
	args  []any
	order string // "" for that of their making
}

// where gives the condition and what it is about.
func (q userQuery) where(tenant string) (string, []any) {
	args := append([]any{tenant}, q.args...)
	if q.found == "" {
		return "u.tenant = ?", args
	}
	return "u.tenant = ? AND (" + q.found + ")", args
}

// list gives the query of a page; its last arguments are limit and offset.
func (q userQuery) list(where string) string {
	return "SELECT " + userColumnsOf + " FROM auth0_user u WHERE " + where + " ORDER BY " + or(q.order, "u.number") + " LIMIT ? OFFSET ?"
}

// searchError refuses a search.
func searchError(format string, args ...any) *apiError {
	return apiFail(http.StatusBadRequest, codeInvalidQuery, "Query validation error: "+format, args...)
}

// searchable are the fields that a search may name, in SQL. Those in folded are
// compared without regard to case
// (https://auth0.com/docs/manage-users/user-search/user-search-query-syntax).
var (
	searchable = map[string]string{
		"user_id": "u.id", "email": "u.email", "name": "iif(u.name = '', u.email, u.name)", "given_name": "u.given_name", "family_name": "u.family_name",
		"nickname": "iif(u.nickname = '', substr(u.email, 1, instr(u.email, '@') - 1), u.nickname)", "email.domain": "substr(u.email, instr(u.email, '@') + 1)",
		"identities.connection": "'" + connectionName + "'", "identities.provider": "'auth0'", "identities.user_id": "substr(u.id, instr(u.id, '|') + 1)",
		"last_ip": "u.last_ip",
	}
	folded   = []string{"email", "name", "given_name", "family_name", "nickname"}
	switches = map[string]string{"email_verified": "u.email_verified", "blocked": "u.blocked"}
	numbers  = map[string]string{"logins_count": "u.logins"}
	instants = map[string]string{"created_at": "u.created", "updated_at": "u.updated", "last_login": "u.last_login", "last_password_reset": "u.password_reset"}
)

// readUserQuery reads the search, the order and the connection of a request.
func readUserQuery(q, sort, connection string) (userQuery, error) {
	query := userQuery{}
	if len(q) > maxSearch {
		return query, searchError("q has more than %d characters.", maxSearch)
	}
	if strings.TrimSpace(q) != "" {
		p := &searchParser{rest: q}
		found, err := p.either(0)
		if err == nil && p.peek() != "" {
			err = searchError("%.100q is not expected in q.", p.rest)
		}
		if err != nil {
			return query, err
		}
		query.found, query.args = found, p.args
	}
	if connection != "" && connection != connectionName {
		query.found, query.args = "0", nil
	}
	if sort == "" {
		return query, nil
	}
	name, direction, _ := strings.Cut(sort, ":")
	column, ok := searchable[name]
	for _, others := range []map[string]string{switches, numbers, instants} {
		if !ok {
			column, ok = others[name]
		}
	}
	if !ok || direction != "1" && direction != "-1" {
		return query, invalidQuery("sort", "Object didn't pass validation for format sort: %.100s", sort)
	}
	if direction == "-1" {
		query.order = column + " DESC, u.number DESC"
	} else {
		query.order = column + ", u.number"
	}
	return query, nil
}

// searchParser reads the part of Lucene's syntax that is supported: terms of
// fields, with AND, OR, NOT and parentheses. What has another meaning there is
// refused, and never read as something else.
type searchParser struct {
	rest  string
	args  []any
	terms int
}

// peek gives the word that follows, or a parenthesis, or "".
func (p *searchParser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return ""
	}
	if strings.ContainsRune("()", rune(p.rest[0])) {
		return p.rest[:1]
	}
	if i := strings.IndexAny(p.rest, " \t\r\n()"); i >= 0 {
		return p.rest[:i]
	}
	return p.rest
}

func (p *searchParser) take(word string) bool {
	if p.peek() != word {
		return false
	}
	p.rest = p.rest[len(word):]
	return true
}

func (p *searchParser) either(depth int) (string, error) {
	return p.joined("OR", depth, func() (string, error) {
		return p.joined("AND", depth, func() (string, error) { return p.negated(depth) })
	})
}

func (p *searchParser) joined(by string, depth int, part func() (string, error)) (string, error) {
	if depth > maxNested {
		return "", searchError("q nests deeper than %d levels.", maxNested)
	}
	first, err := part()
	if err != nil {
		return "", err
	}
	parts := []string{first}
	for p.take(by) {
		next, err := part()
		if err != nil {
			return "", err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return "(" + strings.Join(parts, " "+by+" ") + ")", nil
}

func (p *searchParser) negated(depth int) (string, error) {
	if depth > maxNested {
		return "", searchError("q nests deeper than %d levels.", maxNested)
	}
	p.peek()
	minus := strings.HasPrefix(p.rest, "-")
	if minus {
		p.rest = p.rest[1:]
	}
	if minus || p.take("NOT") {
		of, err := p.negated(depth + 1)
		return "NOT " + of, err
	}
	if !p.take("(") {
		return p.term()
	}
	of, err := p.either(depth + 1)
	if err != nil {
		return "", err
	}
	if !p.take(")") {
		return "", searchError("a parenthesis in q is not closed.")
	}
	return "(" + of + ")", nil
}

// term reads field:value.
func (p *searchParser) term() (string, error) {
	if p.terms++; p.terms > maxTerms {
		return "", searchError("q has more than %d terms.", maxTerms)
	}
	i := strings.IndexAny(p.rest, ": \t\r\n()\"")
	if i <= 0 || p.rest[i] != ':' {
		return "", unsupported("q: a local tenant searches terms of the form field:value alone; there is none at %.100q.", p.rest)
	}
	name := p.rest[:i]
	p.rest = p.rest[i+1:]
	if p.rest == "" || strings.ContainsRune(" \t\r\n()", rune(p.rest[0])) {
		return "", unsupported("q: %s needs one value behind its colon.", aws.Printable(name))
	}
	if p.rest[0] == '[' || p.rest[0] == '{' {
		return p.ranged(name)
	}
	pattern, err := p.value()
	if err != nil {
		return "", err
	}
	return p.matching(name, pattern)
}

// pattern is a value that may have wildcards at its ends.
type pattern struct {
	text          string
	before, after bool // a wildcard stands there
	quoted        bool
}

func (p *searchParser) value() (pattern, error) {
	quoted := p.rest[0] == '"'
	if quoted {
		p.rest = p.rest[1:]
	}
	of := pattern{quoted: quoted}
	var text strings.Builder
	stars := []int{}
	i := 0
	for ; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == '\\' && i+1 < len(p.rest):
			i++
			text.WriteByte(p.rest[i])
			continue
		case quoted && c == '"':
			p.rest = p.rest[i+1:]
			if next := p.rest; next != "" && !strings.ContainsRune(" \t\r\n)", rune(next[0])) {
				return of, unsupported("q: %.100q behind a quoted value is not supported by a local tenant.", next)
			}
			of.text = text.String()
			return of, nil
		case quoted:
		case strings.IndexByte(" \t\r\n)", c) >= 0:
			goto done
		case c == '*':
			stars = append(stars, text.Len())
			if len(stars) > 2 {
				return of, unsupported("q: wildcards are supported at the ends of a value alone.")
			}
			continue
		case strings.IndexByte(`?~^("[]{}/!:`, c) >= 0:
			return of, unsupported("q: %q in a value is not supported by a local tenant; quote the value.", string(c))
		}
		text.WriteByte(c)
	}
done:
	if quoted {
		return of, searchError("a quotation in q is not closed.")
	}
	p.rest = p.rest[i:]
	of.text = text.String()
	for _, at := range stars {
		switch at {
		case 0:
			of.before = true
		case len(of.text):
			of.after = true
		default:
			return of, unsupported("q: wildcards are supported at the ends of a value alone.")
		}
	}
	if of.text == "" && len(stars) > 0 {
		return of, unsupported("q: a value of wildcards alone is not supported; write _exists_:field.")
	}
	if of.before && len([]rune(of.text)) < 3 {
		return of, searchError("a wildcard at the beginning of a value needs 3 characters.")
	}
	return of, nil
}

func (p *searchParser) arg(v any) string {
	p.args = append(p.args, v)
	return "?"
}

// matching says in SQL that a field has a value.
func (p *searchParser) matching(name string, v pattern) (string, error) {
	wild := v.before || v.after
	if name == "_exists_" && !wild {
		return p.exists(v.text)
	}
	if column, ok := searchable[name]; ok {
		text := v.text
		if slices.Contains(folded, name) {
			text = strings.ToLower(text)
			if name != "email" { // which is kept in small letters, and has an index
				column = "lower(" + column + ")"
			}
		}
		switch {
		case v.before && v.after, v.before && !v.quoted && v.after:
			return "instr(" + column + ", " + p.arg(text) + ") > 0", nil
		case v.before:
			return "substr(" + column + ", -length(" + p.arg(text) + ")) = " + p.arg(text), nil
		case v.after:
			return "substr(" + column + ", 1, length(" + p.arg(text) + ")) = " + p.arg(text), nil
		}
		return column + " = " + p.arg(text), nil
	}
	if wild {
		return "", unsupported("q: wildcards are not supported for %s.", aws.Printable(name))
	}
	if column, ok := switches[name]; ok {
		is, err := strconv.ParseBool(v.text)
		if err != nil || v.text != "true" && v.text != "false" {
			return "", searchError("%s is true or false.", name)
		}
		return column + " = " + p.arg(is), nil
	}
	if column, ok := numbers[name]; ok {
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err != nil {
			return "", searchError("%s is a number.", name)
		}
		return column + " = " + p.arg(n), nil
	}
	if column, ok := instants[name]; ok {
		from, to, err := spanOf(v.text)
		if err != nil {
			return "", searchError("%s is a date: %v.", name, err)
		}
		return "(" + column + " >= " + p.arg(from.UnixMilli()) + " AND " + column + " < " + p.arg(to.UnixMilli()) + ")", nil
	}
	column, path, err := metadataPath(name)
	if err != nil {
		return "", err
	}
	// A list has a value if it is one of its items; an object has none.
	return "(coalesce(json_type(" + column + ", " + p.arg(path) + "), 'object') <> 'object' AND EXISTS (SELECT 1 FROM json_each(" + column + ", " + p.arg(path) + ") j " +
		"WHERE CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN '' ELSE CAST(j.value AS TEXT) END = " + p.arg(v.text) + "))", nil
}

// exists says in SQL that a user has a field.
func (p *searchParser) exists(name string) (string, error) {
	switch {
	case slices.Contains([]string{"given_name", "family_name", "last_ip"}, name):
		return searchable[name] + " <> ''", nil
	case searchable[name] != "", name == "email_verified", name == "created_at", name == "updated_at":
		return "1", nil
	case name == "blocked":
		return "u.blocked", nil
	case name == "logins_count", name == "last_login":
		return "u.last_login <> 0", nil
	case name == "last_password_reset":
		return "u.password_reset <> 0", nil
	case name == "user_metadata", name == "app_metadata":
		return "u." + name + " <> '{}'", nil
	}
	column, path, err := metadataPath(name)
	if err != nil {
		return "", err
	}
	return "json_type(" + column + ", " + p.arg(path) + ") IS NOT NULL", nil
}

// metadataPath gives the column and the path of a field in the metadata.
func metadataPath(name string) (column, path string, err error) {
	of, keys, _ := strings.Cut(name, ".")
	if of != "user_metadata" && of != "app_metadata" || keys == "" {
		return "", "", unsupported("q: a local tenant does not search the field %s.", aws.Printable(name))
	}
	path = "$"
	for _, key := range strings.Split(keys, ".") {
		if key == "" || strings.ContainsAny(key, "\"\\*[]") {
			return "", "", unsupported("q: a local tenant does not search the field %s.", aws.Printable(name))
		}
		path += `."` + key + `"`
	}
	return "u." + of, path, nil
}

// ranged reads [a TO b], where a brace leaves its end out.
func (p *searchParser) ranged(name string) (string, error) {
	end := strings.IndexAny(p.rest, "]}")
	if end < 0 {
		return "", searchError("a range in q is not closed.")
	}
	words := strings.Fields(p.rest[1:end])
	lower, upper := ">=", "<="
	if p.rest[0] == '{' {
		lower = ">"
	}
	if p.rest[end] == '}' {
		upper = "<"
	}
	p.rest = p.rest[end+1:]
	if len(words) != 3 || words[1] != "TO" {
		return "", searchError("a range in q is [from TO to].")
	}
	bounds := []string{}
	for i, operator := range []string{lower, upper} {
		word := strings.Trim(words[2*i], `"`)
		if word == "*" {
			continue
		}
		bound, err := p.bound(name, word, operator)
		if err != nil {
			return "", err
		}
		bounds = append(bounds, bound)
	}
	if len(bounds) == 0 {
		return p.exists(name)
	}
	return "(" + strings.Join(bounds, " AND ") + ")", nil
}

func (p *searchParser) bound(name, word, operator string) (string, error) {
	if column, ok := numbers[name]; ok {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return "", searchError("%s is a number.", name)
		}
		return column + " " + operator + " " + p.arg(n), nil
	}
	if column, ok := instants[name]; ok {
		from, to, err := spanOf(word)
		if err != nil {
			return "", searchError("%s is a date: %v.", name, err)
		}
		// A day is all of its moments: up to it includes its last one, and after it begins behind.
		switch operator {
		case "<=":
			return column + " < " + p.arg(to.UnixMilli()) + " AND " + column + " <> 0", nil
		case ">":
			return column + " >= " + p.arg(to.UnixMilli()), nil
		}
		return column + " " + operator + " " + p.arg(from.UnixMilli()) + " AND " + column + " <> 0", nil
	}
	if column, ok := searchable[name]; ok && slices.Contains(folded, name) {
		return "lower(" + column + ") " + operator + " " + p.arg(strings.ToLower(word)), nil
	}
	return "", unsupported("q: ranges of %s are not supported by a local tenant.", aws.Printable(name))
}

// spanOf gives the moments that a date stands for: a day, or a millisecond.
func spanOf(text string) (from, to time.Time, err error) {
	if from, err = time.Parse("2006-01-02", text); err == nil {
		return from, from.AddDate(0, 0, 1), nil
	}
	if from, err = time.Parse(time.RFC3339, text); err != nil {
		return from, to, fmt.Errorf("%q is not one of RFC 3339", text)
	}
	return from, from.Add(time.Millisecond), nil
}

// containsFold says whether a text has another in it, in any case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
