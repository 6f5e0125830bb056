package awsjson

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// Shape is a shape of a service's model: what a member's value must satisfy
// before the operation looks at it.
type Shape struct {
	// Least and Most bound a string's length in UTF-16 units, a number's value,
	// or how many items a list or a map has. A Most of 0 is no bound.
	Least, Most int
	// Values is the enumeration.
	Values []string
	// Sensitive keeps the value out of the message.
	Sensitive bool

	pattern string
	matches func() *regexp.Regexp // nil if the shape has no pattern
}

// Text is the shape of a string of so many characters that a pattern matches
// as a whole. The pattern is compiled when it is first asked: a model's take megabytes,
// and most programs send texts of a few shapes.
func Text(least, most int, pattern string) Shape {
	return Shape{Least: least, Most: most, pattern: pattern, matches: sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:` + pattern + `)$`)
	})}
}

// SecretText is Text of a value that messages do not show.
func SecretText(least, most int, pattern string) Shape {
	s := Text(least, most, pattern)
	s.Sensitive = true
	return s
}

// Matches says whether the shape's pattern, if it has one, matches.
func (s Shape) Matches(text string) bool { return s.matches == nil || s.matches().MatchString(text) }

// Holds says whether a text is of the shape.
func (s Shape) Holds(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= s.Least && (s.Most == 0 || n <= s.Most) && s.Matches(text)
}

// Violations validates members against the tags of a struct's fields, and gives
// the text that AWS's services refuse them with, or "". All violations are told
// at once, as AWS's services do.
//
// The tag shape names a shape of the model: for a list or a map that of its
// values. The tag keys names that of a map's keys, and items that of the list
// or map itself, which bounds how many there are. required:"true" asks for
// presence.
func Violations(shapes map[string]Shape, t reflect.Type, members Object) string {
	v := violations{shapes: shapes}
	v.structure("", t, members)
	switch len(v.texts) {
	case 0:
		return ""
	case 1:
		return "1 validation error detected: " + v.texts[0]
	}
	return fmt.Sprintf("%d validation errors detected: %s", len(v.texts), strings.Join(v.texts, "; "))
}

// maxViolations bounds the message.
const maxViolations = 10

type violations struct {
	shapes map[string]Shape
	texts  []string
}

func (v *violations) add(format string, args ...any) {
	if len(v.texts) < maxViolations {
		v.texts = append(v.texts, fmt.Sprintf(format, args...))
	}
}

func (v *violations) structure(path string, t reflect.Type, members map[string]any) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, ok := MemberName(field)
		if !ok {
			continue
		}
		at := path + strings.ToLower(name[:1]) + name[1:]
		s := v.shapes[field.Tag.Get("shape")]
		value := members[name]
		switch {
		case value != nil:
			v.items(at, v.shapes[field.Tag.Get("items")], value)
			v.keys(at, v.shapes[field.Tag.Get("keys")], value)
			v.value(at, field.Type, s, value)
		case field.Tag.Get("required") == "true" && s.Sensitive:
			v.add("Value at '%s' failed to satisfy constraint: Member must not be null", at)
		case field.Tag.Get("required") == "true":
			v.add("Value null at '%s' failed to satisfy constraint: Member must not be null", at)
		}
	}
}

// items judges how many items a list or a map has. It does not show them: they
// may be secrets.
func (v *violations) items(at string, s Shape, value any) {
	n := 0
	switch value := value.(type) {
	case []any:
		n = len(value)
	case map[string]any:
		n = len(value)
	default:
		return
	}
	if s.Most > 0 && n > s.Most {
		v.add("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", at, s.Most)
	}
	if n < s.Least {
		v.add("Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", at, s.Least)
	}
}

// keys judges the keys of a map.
func (v *violations) keys(at string, s Shape, value any) {
	members, ok := value.(map[string]any)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if limits := s.limits(key); len(limits) > 0 {
			v.add("Value at '%s' failed to satisfy constraint: Map keys must satisfy constraint: [%s]", at, strings.Join(limits, ", "))
			return
		}
	}
}

// limits gives a shape's constraints on a text, if the text breaks any.
func (s Shape) limits(text string) (all []string) {
	length := len(utf16.Encode([]rune(text)))
	if (s.Most == 0 || length <= s.Most) && length >= s.Least && s.Matches(text) {
		return nil
	}
	if s.Most > 0 {
		all = append(all, fmt.Sprintf("Member must have length less than or equal to %d", s.Most))
	}
	if s.Least > 0 {
		all = append(all, fmt.Sprintf("Member must have length greater than or equal to %d", s.Least))
	}
	if s.matches != nil {
		all = append(all, "Member must satisfy regular expression pattern: "+s.pattern)
	}
	return all
}

func (v *violations) value(at string, t reflect.Type, s Shape, value any) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value := value.(type) {
	case string:
		v.text(at, s, value)
	case json.Number:
		v.number(at, s, value)
	case []any:
		if t.Kind() != reflect.Slice {
			return // the decoder has refused it
		}
		for i, item := range value {
			v.value(at+"."+strconv.Itoa(i+1)+".member", t.Elem(), s, item)
		}
	case map[string]any:
		switch t.Kind() {
		case reflect.Struct:
			v.structure(at+".", t, value)
		case reflect.Map:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				v.mapValue(at, t.Elem(), s, key, value[key])
			}
		}
	}
}

// mapValue judges one value of a map. Of a text it tells the map's member only,
// as AWS's services do.
func (v *violations) mapValue(at string, t reflect.Type, s Shape, key string, value any) {
	text, ok := value.(string)
	if !ok {
		v.value(at+"."+key+".member", t, s, value)
		return
	}
	if limits := s.limits(text); len(limits) > 0 {
		v.add("Value at '%s' failed to satisfy constraint: Map value must satisfy constraint: [%s]", at, strings.Join(limits, ", "))
	}
}

func (v *violations) text(at string, s Shape, value string) {
	subject := "Value"
	if !s.Sensitive {
		subject = "Value '" + value + "'"
	}
	length := len(utf16.Encode([]rune(value)))
	if s.Most > 0 && length > s.Most {
		v.add("%s at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", subject, at, s.Most)
	}
	if length < s.Least {
		v.add("%s at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", subject, at, s.Least)
	}
	if !s.Matches(value) {
		v.add("%s at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", subject, at, s.pattern)
	}
	if s.Values != nil && !slices.Contains(s.Values, value) {
		v.add("%s at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", subject, at, strings.Join(s.Values, ", "))
	}
}

func (v *violations) number(at string, s Shape, value json.Number) {
	n, err := value.Int64()
	if err != nil {
		return // the decoder has refused it
	}
	if s.Most > 0 && n > int64(s.Most) {
		v.add("Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", n, at, s.Most)
	}
	if n < int64(s.Least) {
		v.add("Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", n, at, s.Least)
	}
}
