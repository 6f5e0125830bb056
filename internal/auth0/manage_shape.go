package auth0

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxManaged bounds the bodies of the Management API; maxDepth how deep they nest.
const (
	maxManaged = 1 << 20
	maxDepth   = 16
)

// shape is what a value of a request must be. Its messages are those of the
// validator that Auth0 uses, as far as they have been seen: the descriptions that
// Auth0 adds in parentheses are left out.
type shape struct {
	kind string // string, boolean, integer, object or array; "" for any
	// members are those of an object; others are refused unless it is open. The
	// ones in unsupported exist at Auth0 and do nothing here.
	members     map[string]shape
	required    []string
	open        bool
	unsupported []string
	items       *shape   // of an array
	enum        []string // of a string
	min, max    int      // of lengths and numbers; max 0 is none
	format      string   // a name in formats
	nullable    bool
	// only is the one value that a local tenant can keep to.
	only any
}

var (
	flag = shape{kind: "boolean"}
	text = shape{kind: "string", max: 4096}
)

// violation is what is wrong with a value, and where.
type violation struct{ reason, at string }

func (v *violation) Error() string {
	if v.at == "" {
		return "'" + v.reason + "'."
	}
	return "'" + v.reason + "' on property " + v.at + "."
}

func invalidBody(v *violation) *apiError {
	return apiFail(http.StatusBadRequest, codeInvalidBody, "Payload validation error: %s", v.Error())
}

func invalidQuery(name, reason string, args ...any) *apiError {
	v := &violation{fmt.Sprintf(reason, args...), name}
	return apiFail(http.StatusBadRequest, codeInvalidQuery, "Query validation error: %s", v.Error())
}

// body reads the request's body and holds it against a shape.
func (m *managed) readBody(s shape) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(m.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, apiFail(http.StatusUnsupportedMediaType, "", "Unsupported Media Type")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(m.w, m.r.Body, maxManaged))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, apiFail(http.StatusRequestEntityTooLarge, "", "Payload content length greater than maximum allowed: %d", maxManaged)
	case err != nil:
		return nil, apiFail(http.StatusBadRequest, "", "Invalid request payload JSON format")
	}
	var value any
	if len(bytes.TrimSpace(raw)) > 0 {
		if value, err = decodeStrictly(raw); err != nil {
			refusal := apiFail(http.StatusBadRequest, "", "Invalid request payload JSON format")
			refusal.reason = err.Error()
			return nil, refusal
		}
	}
	if v, refusal := s.check("", value); refusal != nil {
		return nil, refusal
	} else if v != nil {
		return nil, invalidBody(v)
	}
	return value.(map[string]any), nil
}

// decodeStrictly decodes JSON that says each thing once: of two members of one
// name, one would be passed over.
func decodeStrictly(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	value, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return value, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := o[name.(string)]; twice {
				return nil, fmt.Errorf("the member %.100q is there twice", name)
			}
			if o[name.(string)], err = decodeValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// typeOf names the type of a decoded value as JSON Schema does.
func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// check gives what is wrong with a value, or refuses what is right at Auth0 and
// cannot be kept to here.
func (s shape) check(at string, value any) (*violation, *apiError) {
	found := typeOf(value)
	if found == "null" && s.nullable {
		return nil, nil
	}
	if s.kind != "" && found != s.kind {
		return &violation{fmt.Sprintf("Expected type %s but found type %s", s.kind, found), at}, nil
	}
	var v *violation
	switch value := value.(type) {
	case string:
		v = s.checkText(at, value)
	case json.Number:
		v = s.checkNumber(at, value)
	case []any:
		return s.checkList(at, value)
	case map[string]any:
		return s.checkObject(at, value)
	}
	if v == nil && s.only != nil && fmt.Sprint(value) != fmt.Sprint(s.only) {
		return nil, unsupported("%s: a local tenant supports %v alone.", at, s.only)
	}
	return v, nil
}

func (s shape) checkText(at, value string) *violation {
	n := utf8.RuneCountInString(value)
	switch {
	case n < s.min:
		return &violation{fmt.Sprintf("String is too short (%d chars), minimum %d", n, s.min), at}
	case s.max > 0 && n > s.max:
		return &violation{fmt.Sprintf("String is too long (%d chars), maximum %d", n, s.max), at}
	case s.enum != nil && !slices.Contains(s.enum, value):
		return &violation{"No enum match for: " + value, at}
	case s.format != "" && !formats[s.format](value):
		return &violation{"Object didn't pass validation for format " + s.format + ": " + value, at}
	}
	return nil
}

func (s shape) checkNumber(at string, value json.Number) *violation {
	n, err := value.Int64()
	switch {
	case err != nil:
		return nil
	case n < int64(s.min):
		return &violation{fmt.Sprintf("Value %d is less than minimum %d", n, s.min), at}
	case s.max > 0 && n > int64(s.max):
		return &violation{fmt.Sprintf("Value %d is greater than maximum %d", n, s.max), at}
	}
	return nil
}

func (s shape) checkList(at string, list []any) (*violation, *apiError) {
	switch {
	case len(list) < s.min:
		return &violation{fmt.Sprintf("Array is too short (%d), minimum %d", len(list), s.min), at}, nil
	case s.max > 0 && len(list) > s.max:
		return &violation{fmt.Sprintf("Array is too long (%d), maximum %d", len(list), s.max), at}, nil
	case s.items == nil:
		return nil, nil
	}
	for i, item := range list {
		if v, refusal := s.items.check(at+"["+strconv.Itoa(i)+"]", item); v != nil || refusal != nil {
			return v, refusal
		}
	}
	return nil, nil
}

func (s shape) checkObject(at string, o map[string]any) (*violation, *apiError) {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names) // so that of several mistakes always the same is told
	for _, name := range names {
		if _, known := s.members[name]; known || s.open {
			continue
		}
		if slices.Contains(s.unsupported, name) {
			return nil, unsupported("%s is not supported by a local tenant.", name)
		}
		return &violation{"Additional properties not allowed: " + name, at}, nil
	}
	for _, name := range s.required {
		if _, ok := o[name]; !ok {
			return &violation{"Missing required property: " + name, at}, nil
		}
	}
	for _, name := range names {
		member, known := s.members[name]
		if !known {
			continue
		}
		path := name
		if at != "" {
			path = at + "." + name
		}
		if v, refusal := member.check(path, o[name]); v != nil || refusal != nil {
			return v, refusal
		}
	}
	return nil, nil
}

func list(items shape, most int) shape { return shape{kind: "array", items: &items, max: most} }

func arrayOf(items shape, least, most int) shape {
	return shape{kind: "array", items: &items, min: least, max: most}
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// textsOf gives the texts of a list that was checked.
func textsOf(value any) []string {
	if texts, ok := value.([]string); ok {
		return texts
	}
	texts := []string{}
	items, _ := value.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// numberOf gives a whole number of a body.
func numberOf(value any) (int64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func asObject(value any) map[string]any { o, _ := value.(map[string]any); return o }

// and gives the shape with one member more.
func (s shape) and(name string, member shape) shape {
	members := maps.Clone(s.members)
	members[name] = member
	s.members = members
	return s
}
