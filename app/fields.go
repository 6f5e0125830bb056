package app

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A shape is what the tags of a type of declaration.go say. The walker and the schema
// both work from it, so they cannot disagree about a rule that is in a tag.
//
// Tags of the blank field:
//
//	noun           the type in messages
//	later          keys that are understood and refused: planned, not yet enforced
//	shorthand      the field a bare text stands for; "true" for the value true
//	discriminator  the field whose value says which fields apply
type shape struct {
	typ           reflect.Type
	noun          string
	later         []string
	shorthand     string
	discriminator string
	fields        []*field
}

// A field is one key of a mapping.
//
//	yaml       the key
//	required   has to be there (with for: when that variant is chosen)
//	default    the value when it is absent
//	inherits   like default, but filled in only after an API's defaults were applied
//	for        the value of the discriminator that this field belongs to
//	oneof      exactly one of the fields so tagged has to be there
//	enum       the values allowed, each item's for a list
//	later      values that are understood and refused
//	grammar    the form of a text, each item's for a list; keys: of a mapping's keys
//	min, max, step            of a number or a duration
//	minItems, maxItems, unique  of a list (maxItems: of a mapping too)
//	single     an item that stands alone is a list of one
//	nonEmpty   the text cannot be ""
//	variables  policy variables, ${...} of IAM, may stand in the text
//	refs       what an Expr is, in messages and for the references allowed in it
type field struct {
	name               string
	owner, goName      string // the Go type and field, whose comment describes it
	index              []int
	typ                reflect.Type
	required           bool
	fallback           string // default or inherits
	hasDefault         bool
	variant            string
	oneof              bool
	enum, later        []string
	grammar, keys      *grammar
	min, max, step     string
	minItems, maxItems int
	unique, single     bool
	nonEmpty           bool
	variables          bool
	refs               string
}

func shapeOf(t reflect.Type) *shape {
	s := &shape{typ: t}
	s.read(t, nil)
	return s
}

// shapes are those of App and of all types in it. Tags do not change, so they are read
// once: who tests an app declares it many times.
var shapes = sync.OnceValue(func() map[reflect.Type]*shape {
	all := map[reflect.Type]*shape{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		if m, ok := reflect.New(t).Interface().(mapping); ok {
			visit(m.elem())
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(t.Elem())
		case reflect.Struct:
			if all[t] == nil {
				all[t] = shapeOf(t)
				for _, f := range all[t].fields {
					visit(f.typ)
				}
			}
		}
	}
	visit(appType)
	return all
})

func (s *shape) read(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		if f.Anonymous { // only FunctionSettings; its blank field says nothing about s
			s.read(f.Type, at)
			continue
		}
		if f.Name == "_" {
			if len(index) == 0 {
				s.noun = f.Tag.Get("noun")
				s.later = strings.Fields(f.Tag.Get("later"))
				s.shorthand = f.Tag.Get("shorthand")
				s.discriminator = f.Tag.Get("discriminator")
			}
			continue
		}
		if name := f.Tag.Get("yaml"); name != "" && name != "-" {
			s.fields = append(s.fields, fieldOf(t, f, name, at))
		}
	}
}

func fieldOf(owner reflect.Type, f reflect.StructField, name string, index []int) *field {
	tag := f.Tag
	number := func(key string) int {
		n, _ := strconv.Atoi(tag.Get(key))
		return n
	}
	fallback, hasDefault := tag.Lookup("default")
	if !hasDefault {
		fallback = tag.Get("inherits")
	}
	return &field{
		name: name, index: index, typ: f.Type, owner: owner.Name(), goName: f.Name,
		required: tag.Get("required") == "true",
		fallback: fallback, hasDefault: hasDefault,
		variant: tag.Get("for"), oneof: tag.Get("oneof") == "true",
		enum: strings.Fields(tag.Get("enum")), later: strings.Fields(tag.Get("later")),
		grammar: grammarOf(tag.Get("grammar")), keys: grammarOf(tag.Get("keys")),
		min: tag.Get("min"), max: tag.Get("max"), step: tag.Get("step"),
		minItems: number("minItems"), maxItems: number("maxItems"),
		unique: tag.Get("unique") == "true", single: tag.Get("single") == "true",
		nonEmpty: tag.Get("nonEmpty") == "true",
		refs:     tag.Get("refs"), variables: tag.Get("variables") == "true",
	}
}

// keys lists the keys that can be written.
func (s *shape) keys() []string {
	var names []string
	for _, f := range s.fields {
		names = append(names, f.name)
	}
	return names
}

func (s *shape) field(name string) *field {
	for _, f := range s.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	exprType     = reflect.TypeFor[Expr]()
	mappingType  = reflect.TypeFor[mapping]()
)

// A form is how a Go type of the declaration is written in YAML.
type form int

const (
	formBool form = iota
	formInt
	formText
	formDuration
	formExpr
	formList
	formMap
	formStruct
	formObject
)

func formOf(t reflect.Type) form {
	switch {
	case t == durationType:
		return formDuration
	case t == exprType:
		return formExpr
	case t == objectType:
		return formObject
	case t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(mappingType):
		return formMap
	case t.Kind() == reflect.Struct:
		return formStruct
	case t.Kind() == reflect.Slice:
		return formList
	case t.Kind() == reflect.Bool:
		return formBool
	case t.Kind() == reflect.Int:
		return formInt
	case t.Kind() == reflect.String:
		return formText
	}
	panic("app: no YAML form for " + t.String()) // a type in declaration.go the walker cannot read
}
