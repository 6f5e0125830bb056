package table

import (
	"fmt"
	"slices"
	"strings"
)

// maxExpression is the most characters of an expression
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html).
const maxExpression = 4096

// A token is a word of an expression: a name, a #placeholder, a :value, or one
// character that is none of these.
type token string

func (t token) name() bool {
	return t != "" && (t[0] == '#' || t[0] == '_' || t[0]|0x20 >= 'a' && t[0]|0x20 <= 'z')
}

func (t token) value() bool { return t != "" && t[0] == ':' }

// wordByte says whether a byte is part of a name.
func wordByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// tokens splits an expression of any kind.
func tokens(member, expression string) ([]token, error) {
	if len(expression) > maxExpression {
		return nil, invalid("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", member, len(expression))
	}
	var list []token
	for i := 0; i < len(expression); {
		c := expression[i]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			i++
			continue
		}
		end := i + 1
		if c == '#' || c == ':' || wordByte(c) {
			for end < len(expression) && wordByte(expression[end]) {
				end++
			}
		}
		if c >= 0x80 || (c == '#' || c == ':') && end == i+1 {
			return nil, invalid("Invalid %s: Syntax error; token: %q", member, expression[i:end])
		}
		list = append(list, token(expression[i:end]))
		i = end
	}
	return list, nil
}

// keywords are what expressions have beside names. They are read in any case, and are
// reserved words: no attribute is named by them.
var keywords = []string{"and", "or", "not", "between", "in"}

// clauses begin the parts of an UpdateExpression. Not all of them are reserved words
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html):
// an attribute can be called remove.
var clauses = []string{"set", "remove", "add", "delete"}

// functions are followed by their operands in brackets. They are read as written.
var functions = []string{"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size", "if_not_exists", "list_append"}

// attributes gives the places in an expression where an attribute of the item is
// named: of a.b[0] the a. What is no keyword, function or value for sure is an
// attribute: one too many can only close a door.
func attributes(list []token, member string) []int {
	var places []int
	keyword := -1 // the last place of one
	for i, t := range list {
		word := strings.ToLower(string(t))
		switch {
		case !t.name(), i > 0 && list[i-1] == ".": // within an attribute
		case i+1 < len(list) && list[i+1] == "(" && slices.Contains(functions, string(t)):
		case slices.Contains(keywords, word),
			member == "UpdateExpression" && slices.Contains(clauses, word) && (i == 0 || keyword != i-1 && !strings.Contains("=+-,(", string(list[i-1]))):
			keyword = i
		default:
			places = append(places, i)
		}
	}
	return places
}

// topLevel gives the attributes of the item that an expression names.
func topLevel(list []token, names map[string]string, member string) ([]string, error) {
	for i, t := range list {
		if i > 0 && list[i-1] == "." && t[0] == '#' {
			if _, err := resolved(t, names, member); err != nil {
				return nil, err
			}
		}
	}
	var found []string
	for _, i := range attributes(list, member) {
		name, err := resolved(list[i], names, member)
		if err != nil {
			return nil, err
		}
		found = append(found, name)
	}
	return found, nil
}

// resolved gives the name that a token stands for.
func resolved(t token, names map[string]string, member string) (string, error) {
	if t[0] != '#' {
		return string(t), nil
	}
	name, ok := names[string(t)]
	if !ok || name == "" {
		return "", invalid("Invalid %s: An expression attribute name used in the document path is not defined; attribute name: %s", member, t)
	}
	return name, nil
}

// equalTo gives the placeholder of the value that an attribute has to be equal to in a
// KeyConditionExpression. There has to be exactly one such condition, and it may not
// be below an OR or a NOT, which the expression does not know.
func equalTo(attribute string, list []token, names map[string]string) (string, error) {
	const member = "KeyConditionExpression"
	for _, t := range list {
		if upper := strings.ToUpper(string(t)); upper == "OR" || upper == "NOT" || upper == "IN" {
			return "", invalid("Invalid operator used in KeyConditionExpression: %s", upper)
		}
	}
	var value string
	for _, i := range attributes(list, member) {
		name, err := resolved(list[i], names, member)
		if err != nil {
			return "", err
		}
		if name != attribute {
			continue
		}
		// The condition stands by itself: begin, ( or AND; name = :value; end, ) or AND.
		if i+2 >= len(list) || list[i+1] != "=" || !list[i+2].value() ||
			i > 0 && list[i-1] != "(" && !strings.EqualFold(string(list[i-1]), "and") ||
			i+3 < len(list) && list[i+3] != ")" && !strings.EqualFold(string(list[i+3]), "and") {
			return "", invalid("Query key condition not supported")
		}
		if value != "" {
			return "", invalid("KeyConditionExpressions must only contain one condition per key")
		}
		value = string(list[i+2])
	}
	if value == "" {
		return "", invalid("Query condition missed key schema element: %s", attribute)
	}
	return value, nil
}

// quote cuts what a caller wrote for a message.
func quote(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return fmt.Sprintf("%q", s)
}
