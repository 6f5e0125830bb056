package awsjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/aws"
)

// maxDepth bounds the nesting of a request. No modelled structure is deeper
// than ten.
const maxDepth = 32

// Object is a request's members: string, bool, json.Number, []any and
// map[string]any values. Members that were null are left out, for AWS's
// clients send null for absent.
type Object map[string]any

// Parse reads body, which must be one JSON object and nothing more, without
// duplicate members. Every failure is an *aws.Error, SerializationException.
//
// encoding/json's own decoding into structs is not used: it matches member
// names in any case and lets the last of two duplicates win, so that two
// readers of one body could see two different requests.
func Parse(body []byte) (Object, error) { return ParseNested(body, maxDepth) }

// ParseNested is Parse for a service whose requests are nested deeper: up to depth
// objects and lists.
func ParseNested(body []byte, depth int) (Object, error) {
	if !utf8.Valid(body) {
		return nil, serialization("Request body is not UTF-8", nil)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := parseValue(d, depth)
	if err != nil {
		return nil, serialization("Request body is not valid JSON", fmt.Errorf("parsing the request body: %w", err))
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, serialization(unexpected(v), nil)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, serialization("Request body holds more than one JSON value", err)
	}
	return object, nil
}

// parseValue reads a value in which depth more objects and lists may be nested.
func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == 0 {
		return nil, errors.New("nested too deep")
	}
	switch delim {
	case '{':
		return parseObject(d, depth-1)
	case '[':
		return parseList(d, depth-1)
	}
	return nil, fmt.Errorf("unexpected %q", delim)
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("a member's name is %v", t)
		}
		if seen[name] {
			return nil, fmt.Errorf("member %q occurs twice", name)
		}
		seen[name] = true
		v, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		if v != nil {
			object[name] = v
		}
	}
	_, err := d.Token() // the closing brace
	return object, err
}

func parseList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token() // the closing bracket
	return list, err
}

// Decode puts the members into the struct that v points to, by the names in
// its json tags, which match exactly. Members that it does not name are
// ignored, for newer clients send newer members. A value of another type than
// the field's is an *aws.Error, SerializationException, and leaves *v zero.
func (o Object) Decode(v any) error {
	target := reflect.ValueOf(v).Elem()
	if err := assignStruct(target, o); err != nil {
		target.SetZero()
		return err
	}
	return nil
}

// Marshalled gives the JSON of v as an Object, so that Go values can take the
// way that requests take.
func Marshalled(v any) (Object, error) {
	b, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a request: %w", err)
	}
	return Parse(b)
}

// Unmarshalled fills out, unless it is nil, from an operation's result by encoding/json:
// for one that is run without the wire, as Marshalled is.
func Unmarshalled(operation string, result, out any) error {
	if out == nil || result == nil {
		return nil
	}
	b, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encoding the result of %s: %w", operation, err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("decoding the result of %s: %w", operation, err)
	}
	return nil
}

func assignStruct(target reflect.Value, members map[string]any) error {
	t := target.Type()
	for i := range t.NumField() {
		name, ok := MemberName(t.Field(i))
		if !ok {
			continue
		}
		member, ok := members[name]
		if !ok || member == nil {
			continue
		}
		if err := assign(target.Field(i), member); err != nil {
			return err
		}
	}
	return nil
}

// MemberName gives the wire name of a struct's field; not ok for a field that
// has none.
func MemberName(f reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, f.IsExported() && name != "" && name != "-"
}

func assign(target reflect.Value, v any) error {
	if target.Type() == reflect.TypeFor[Time]() {
		return assignTime(target, v)
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return assign(target.Elem(), v)
	case reflect.Interface:
		target.Set(reflect.ValueOf(v))
		return nil
	case reflect.Struct:
		members, ok := v.(map[string]any)
		if !ok {
			return mismatch(v, "structure")
		}
		return assignStruct(target, members)
	case reflect.Map:
		return assignMap(target, v)
	case reflect.Slice:
		if target.Type().Elem().Kind() == reflect.Uint8 {
			return assignBlob(target, v)
		}
		return assignList(target, v)
	}
	return assignScalar(target, v)
}

func assignScalar(target reflect.Value, v any) error {
	switch target.Kind() {
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return mismatch(v, "String")
		}
		target.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return mismatch(v, "Boolean")
		}
		target.SetBool(b)
	case reflect.Int, reflect.Int64:
		number, ok := v.(json.Number)
		if !ok {
			return mismatch(v, "Integer")
		}
		n, err := strconv.ParseInt(number.String(), 10, target.Type().Bits())
		if err != nil {
			return mismatch(v, "Integer")
		}
		target.SetInt(n)
	default:
		return fmt.Errorf("decoding into a %s is not supported", target.Type())
	}
	return nil
}

func assignMap(target reflect.Value, v any) error {
	members, ok := v.(map[string]any)
	if !ok {
		return mismatch(v, "map")
	}
	t := target.Type()
	target.Set(reflect.MakeMapWithSize(t, len(members)))
	for name, member := range members {
		value := reflect.New(t.Elem()).Elem()
		if err := assign(value, member); err != nil {
			return err
		}
		target.SetMapIndex(reflect.ValueOf(name), value)
	}
	return nil
}

func assignList(target reflect.Value, v any) error {
	list, ok := v.([]any)
	if !ok {
		return mismatch(v, "list")
	}
	target.Set(reflect.MakeSlice(target.Type(), 0, len(list)))
	for _, item := range list {
		if item == nil {
			continue // a sparse list is not modelled anywhere here
		}
		value := reflect.New(target.Type().Elem()).Elem()
		if err := assign(value, item); err != nil {
			return err
		}
		target.Set(reflect.Append(target, value))
	}
	return nil
}

func assignBlob(target reflect.Value, v any) error {
	s, ok := v.(string)
	if !ok {
		return mismatch(v, "Blob")
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return serialization("Blob is not valid base64", err)
	}
	target.SetBytes(b)
	return nil
}

func assignTime(target reflect.Value, v any) error {
	number, ok := v.(json.Number)
	if !ok {
		return mismatch(v, "Timestamp")
	}
	seconds, err := number.Float64()
	if err != nil || math.Abs(seconds) > 1e12 {
		return mismatch(v, "Timestamp")
	}
	target.Set(reflect.ValueOf(Time{time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()}))
	return nil
}

// mismatch is the error for a value of the wrong type, in the words of AWS's
// service framework.
func mismatch(v any, want string) error {
	switch v.(type) {
	case map[string]any, []any:
		return serialization(unexpected(v), nil)
	}
	article := "a"
	if strings.ContainsRune("AEIOUaeiou", rune(want[0])) {
		article = "an"
	}
	return serialization(kind(v)+" can not be converted to "+article+" "+want, nil)
}

func unexpected(v any) string {
	switch v.(type) {
	case map[string]any:
		return "Start of structure or map found where not expected."
	case []any:
		return "Start of list found where not expected"
	}
	return "Unexpected " + kind(v)
}

func kind(v any) string {
	switch v := v.(type) {
	case string:
		return "STRING_VALUE"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "DECIMAL_VALUE"
		}
		return "NUMBER_VALUE"
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)) + "_VALUE"
	}
	return "NULL_VALUE"
}

func serialization(message string, cause error) error {
	return &aws.Error{Code: "SerializationException", Message: message, Status: http.StatusBadRequest, Err: cause}
}

// Time is a timestamp on the wire: a JSON number of seconds since the epoch,
// with milliseconds where there are any.
type Time struct{ time.Time }

// MarshalJSON gives the number.
func (t Time) MarshalJSON() ([]byte, error) {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(nil, ms/1000, 10), nil
	}
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', 3, 64), nil
}
