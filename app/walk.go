package app

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// unsupported ends the messages about what is understood and not yet enforced. Such a
// declaration is refused whole: an authorizer that is skipped is an open route.
const unsupported = "is not supported by this version; nothing was started"

// A place is where one key or item of the declaration is.
type place struct {
	key, value span
}

// A walker fills the types of declaration.go from nodes and reports all that does not
// fit. It knows the rules in their tags; what concerns several fields is in check.go.
type walker struct {
	p      *problems
	places map[string]place // by path: apis.Api.routes.GET /private
	opaque map[string]bool  // paths whose value was reported as a whole
	exprs  []*placedExpr
}

// A placedExpr is an Expr that was read, for the check of its references.
type placedExpr struct {
	Expr
	is string // the refs tag
}

func newWalker(p *problems) *walker {
	return &walker{
		p: p, places: make(map[string]place), opaque: make(map[string]bool),
	}
}

// value reads n into v, which is of the type of f or of one of its parts. at is the key
// or item it belongs to, what its name in messages.
func (w *walker) value(n *node, v reflect.Value, f *field, path, what string, at span) {
	w.places[path] = place{key: at, value: n.span}
	if n.kind == unknown {
		w.opaque[path] = true
		w.absent(v)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		if p, ok := v.Interface().(interface{ setPath(string) }); ok {
			p.setPath(path)
		}
		v = v.Elem()
	}
	form := formOf(v.Type())
	if n.kind == null {
		w.opaque[path] = true
		hint := "give it a value, or delete it"
		if form == formMap || form == formStruct || form == formObject {
			hint = "write {} for an empty mapping, or delete it"
			w.absent(v)
		}
		w.p.add(at, hint, "%s has no value", what)
		return
	}
	switch form {
	case formStruct:
		w.structure(n, v, path, what, at)
	case formMap:
		w.mapping(n, v, f, path, what)
	case formObject:
		w.object(n, v, path, what)
	case formList:
		w.list(n, v, f, path, what)
	case formBool:
		w.boolean(n, v, what)
	case formInt:
		w.integer(n, v, f, what)
	case formDuration:
		w.duration(n, v, f, what)
	case formExpr:
		w.expr(n, v, f, what)
	default:
		w.text(n, v, f, what)
	}
}

// wrong reports a value of the wrong kind.
func (w *walker) wrong(n *node, hint, what, wants string) {
	is := n.kind.String()
	switch {
	case n.kind == boolean:
		is = n.text
	case n.kind == text && len(n.text) <= 40:
		is = fmt.Sprintf("the text %q", n.text)
	case n.kind == integer || n.kind == float:
		is = "the number " + n.text
	}
	w.p.add(n.span, hint, "%s must be %s, not %s", what, wants, is)
}

func (w *walker) structure(n *node, v reflect.Value, path, what string, at span) {
	s := shapes()[v.Type()]
	if n.kind != dict {
		if s.shorthand == "" {
			w.absent(v)
			w.wrong(n, "", what, "a mapping")
			return
		}
		w.short(n, v, s, path, what, at)
		return
	}
	planned := w.planned(n, s)
	variant := ""
	if s.discriminator != "" {
		if e, ok := n.get(s.discriminator); ok && slices.Contains(s.field(s.discriminator).enum, e.value.text) {
			variant = e.value.text
		}
	}
	for _, e := range n.entries {
		f := s.field(e.key.text)
		below := join(path, e.key.text)
		switch {
		case planned && (f == nil || s.discriminator != "" && f.name != s.discriminator):
			// what belongs to something unsupported is not looked at
		case f == nil:
			w.unknownKey(e, s)
		case f.variant != "" && variant != "" && f.variant != variant:
			w.p.add(e.key.span, fmt.Sprintf("delete it, or write %s: %s", s.discriminator, f.variant),
				"%s is for %s %s, not for %s", f.name, s.discriminator, f.variant, variant)
		default:
			w.value(e.value, v.FieldByIndex(f.index), f, below, f.name, e.key.span)
		}
	}
	if n.partial {
		w.opaque[path+".*"] = true
	}
	w.missing(n, v, s, variant, planned, at)
}

// planned reports whether a value of n asks for what is not supported, such as type:
// lambda; other keys of n are then not complained about.
func (w *walker) planned(n *node, s *shape) bool {
	for _, f := range s.fields {
		if e, ok := n.get(f.name); ok && len(f.enum) > 0 && len(f.later) > 0 && e.value.kind == text && slices.Contains(f.later, e.value.text) {
			return true
		}
	}
	return false
}

// short reads the shorthand of a type: a route that is only a handler, cors: true.
func (w *walker) short(n *node, v reflect.Value, s *shape, path, what string, at span) {
	if s.shorthand == "true" {
		if n.kind != boolean || n.text != "true" {
			hint := ""
			if n.kind == boolean {
				hint = "delete the line to have none"
			} else if n.kind == text && nearest(n.text, []string{"yes", "on", "true"}) != "" {
				hint = "write true, without quotes"
			}
			w.wrong(n, hint, what, "true or a mapping")
			return
		}
		v.Addr().Interface().(interface{ setTrue() }).setTrue()
		return
	}
	if n.kind != text {
		w.absent(v)
		w.wrong(n, "", what, "text or a mapping")
		return
	}
	w.absent(v)
	f := s.field(s.shorthand)
	w.value(n, v.FieldByIndex(f.index), f, join(path, f.name), f.name, n.span)
	w.places[path] = place{key: at, value: n.span}
}

func (w *walker) unknownKey(e entry, s *shape) {
	key := e.key.text
	if slices.Contains(s.later, key) {
		w.p.add(e.key.span, "delete it, or use a version that enforces it", "the key %s of %s %s", key, s.noun, unsupported)
		return
	}
	known := s.keys()
	if s.typ == appType {
		known = append(known, "stages")
	}
	hint := didYouMean(key, known)
	if hint == "" {
		hint = "the keys are " + strings.Join(known, ", ")
	}
	w.p.add(e.key.span, hint, "unknown key %q in %s", key, s.noun)
}

// missing fills in defaults and reports the required keys that are not there.
func (w *walker) missing(n *node, v reflect.Value, s *shape, variant string, planned bool, at span) {
	var choices []string
	for _, f := range s.fields {
		e, present := n.get(f.name)
		if f.oneof {
			if present && len(choices) > 0 && choices[0] == "" {
				w.p.add(e.key.span, "keep one of them", "%s can have only one of %s", s.noun, oneofNames(s))
			}
			if present {
				choices = []string{""}
			} else if len(choices) == 0 || choices[0] != "" {
				choices = append(choices, f.name)
			}
		}
		if present {
			continue
		}
		w.absentField(v, f)
		if f.required && !n.partial && !planned && (f.variant == "" || f.variant == variant) {
			hint := fmt.Sprintf("add %s: to it", f.name)
			if s.typ == appType {
				hint = fmt.Sprintf("add %s: at the top", f.name)
			}
			w.p.add(at, hint, "%s needs %s", orNoun(s, variant), f.name)
		}
	}
	if len(choices) > 0 && choices[0] != "" && !n.partial {
		w.p.add(at, fmt.Sprintf("add %s", oneofNames(s)), "%s needs %s", s.noun, oneofNames(s))
	}
}

func orNoun(s *shape, variant string) string {
	if variant != "" {
		return fmt.Sprintf("%s of %s %s", s.noun, s.discriminator, variant)
	}
	return s.noun
}

func oneofNames(s *shape) string {
	var names []string
	for _, f := range s.fields {
		if f.oneof {
			names = append(names, f.name)
		}
	}
	return oneOf(names)
}

// absent sets v to what it is when the declaration does not have it.
func (w *walker) absent(v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if formOf(v.Type()) != formStruct {
		return
	}
	for _, f := range shapes()[v.Type()].fields {
		w.absentField(v, f)
	}
}

func (w *walker) absentField(v reflect.Value, f *field) {
	to := v.FieldByIndex(f.index)
	if !f.hasDefault {
		if to.Kind() == reflect.Struct && formOf(f.typ) == formStruct {
			w.absent(to)
		}
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(f.typ.Elem()))
		to = to.Elem()
	}
	switch formOf(to.Type()) {
	case formBool:
		to.SetBool(f.fallback == "true")
	case formInt:
		n, _ := strconv.Atoi(f.fallback)
		to.SetInt(int64(n))
	case formDuration:
		d, _ := parseDuration(f.fallback)
		to.SetInt(int64(d))
	case formList:
		to.Set(reflect.ValueOf(strings.Fields(f.fallback)))
	default:
		to.SetString(f.fallback)
	}
}

func (w *walker) mapping(n *node, v reflect.Value, f *field, path, what string) {
	if n.kind != dict {
		w.opaque[path] = true
		w.wrong(n, "", what, "a mapping")
		return
	}
	m := v.Addr().Interface().(mapping)
	for i, e := range n.entries {
		if f.maxItems > 0 && i == f.maxItems {
			w.p.add(e.key.span, "delete some; the limit is AWS's", "%s can have at most %d entries, not %d", what, f.maxItems, len(n.entries))
		}
		switch {
		case slices.Contains(f.keys.reserved, e.key.text):
			w.p.add(e.key.span, f.keys.hint(e.key.text), "the name %q is reserved", e.key.text)
		case !f.keys.matches(e.key.text):
			w.p.add(e.key.span, f.keys.hint(e.key.text), "%q is not %s", e.key.text, article(f.keys.name))
		}
		elem := reflect.New(m.elem()).Elem()
		w.value(e.value, elem, f, join(path, e.key.text), strconv.Quote(e.key.text), e.key.span)
		m.putValue(e.key.text, elem)
	}
	if n.partial {
		w.opaque[path+".*"] = true
	}
}

// itemOf starts the name of an item in messages about its kind.
const itemOf = "an item of "

func (w *walker) list(n *node, v reflect.Value, f *field, path, what string) {
	items := n.items
	if n.kind != list {
		alone := n.kind == text || v.Type().Elem().Kind() == reflect.Pointer && (n.kind == dict || n.kind == boolean)
		if !f.single || !alone {
			hint := ""
			switch {
			case n.kind != text || n.text == "":
			case strings.ContainsAny(n.text, `[]{},:#&*!|>'"%@`+"`\n"):
				hint = fmt.Sprintf("write [%q]", n.text)
			default:
				hint = fmt.Sprintf("write [%s]", n.text)
			}
			w.wrong(n, hint, what, "a list")
			return
		}
		items = []*node{n}
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		if f.maxItems > 0 && i == f.maxItems {
			hint := "delete some; the limit is AWS's"
			if f.maxItems == 1 {
				hint = "keep one"
			}
			w.p.add(item.span, hint, "%s can have at most %s, not %d", what, plural(f.maxItems, "item"), len(items))
		}
		w.value(item, v.Index(i), f, fmt.Sprintf("%s[%d]", path, i), itemOf+what, item.span)
		if f.unique && item.kind == text {
			if seen[item.text] {
				w.p.add(item.span, "delete it", "%q is in %s twice", item.text, what)
			}
			seen[item.text] = true
		}
	}
	if len(items) < f.minItems {
		w.p.add(n.span, "", "%s must have at least %s", what, plural(f.minItems, "item"))
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
