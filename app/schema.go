package app

import (
	"bytes"
	"embed"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// The comments of these files are the schema's descriptions.
//
//go:embed declaration*.go
var declarations embed.FS

// Schema returns the JSON Schema (draft 2020-12) of doorwright.yaml, for editors and for
// tools that write declarations. It holds what the types and tags of this package hold;
// what needs more than one place of the file, the files beside it or arithmetic on
// durations, only Load sees.
func Schema() []byte {
	g := &generator{docs: readDocs(declarations), made: make(map[string]bool)}
	app := g.object(appType, false)
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", FileName},
		{"description", "A serverless API and who may call it."},
	}
	for _, m := range app {
		if properties, ok := m.value.(object); ok && m.key == "properties" {
			stageName := grammarOf("stage name")
			properties = append(properties, member{"stages", object{
				{"description", "What is different in a stage, by stage: its mappings are merged over the rest of the file, its other values replace. Every stage is checked, whichever is started."},
				{"type", "object"},
				{"propertyNames", g.form(stageName)},
				{"maxProperties", maxStages},
				{"additionalProperties", g.reference(appType, true)},
			}})
			m.value = properties
		}
		root = append(root, m)
	}
	root = append(root, member{"$defs", g.defs})
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("app: " + err.Error()) // strings, numbers and booleans encode
	}
	return b.Bytes()
}

// An object is a JSON object in the order it is written.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// A generator makes a definition of each type. A type has a second one, for stages, in
// which nothing is required: the rest of the file may have it.
type generator struct {
	docs map[string]string
	defs object
	made map[string]bool
}

// reference returns a $ref to the definition of a struct type.
func (g *generator) reference(t reflect.Type, stage bool) object {
	name := t.Name()
	if stage {
		name += "Override"
	}
	if !g.made[name] {
		g.made[name] = true
		at := len(g.defs)
		g.defs = append(g.defs, member{key: name})
		g.defs[at].value = g.definition(t, stage)
	}
	return object{{"$ref", "#/$defs/" + name}}
}

func (g *generator) definition(t reflect.Type, stage bool) object {
	s := shapeOf(t)
	o := g.object(t, stage)
	description := member{"description", g.docs[t.Name()]}
	switch s.shorthand {
	case "":
		return append(object{description}, o...)
	case "true":
		return object{description, {"anyOf", []object{{{"const", true}}, o}}}
	}
	short := s.field(s.shorthand)
	if short.grammar == nil { // a text for its own text: a route's function's handler
		inner := shapeOf(short.typ.Elem())
		short = inner.field(inner.shorthand)
	}
	return object{description, {"anyOf", []object{append(object{{"type", "string"}}, g.form(short.grammar)...), o}}}
}

// object is the schema of a mapping with the fields of t.
func (g *generator) object(t reflect.Type, stage bool) object {
	s := shapeOf(t)
	properties := object{}
	var required []string
	var choices []object
	for _, f := range s.fields {
		if stage && t == appType && f.name == "name" {
			continue // a stage cannot rename the app
		}
		properties = append(properties, member{f.name, g.property(f, stage)})
		if f.required && f.variant == "" {
			required = append(required, f.name)
		}
		if f.oneof {
			choices = append(choices, object{{"required", []string{f.name}}})
		}
	}
	for _, key := range s.later {
		properties = append(properties, member{key, object{{"description", "Not supported by this version."}, {"not", object{}}}})
	}
	o := object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}
	if stage {
		return o
	}
	if len(required) > 0 {
		o = append(o, member{"required", required})
	}
	if len(choices) > 0 {
		o = append(o, member{"oneOf", choices})
	}
	if s.discriminator != "" {
		o = append(o, member{"allOf", variants(s)})
	}
	return o
}

// variants are the conditions on the fields that belong to one value of a discriminator.
func variants(s *shape) []object {
	var all []object
	for _, variant := range s.field(s.discriminator).enum {
		var required []string
		foreign := object{}
		for _, f := range s.fields {
			switch {
			case f.variant == variant && f.required:
				required = append(required, f.name)
			case f.variant != "" && f.variant != variant:
				foreign = append(foreign, member{f.name, false})
			}
		}
		then := object{{"properties", foreign}}
		if len(required) > 0 {
			then = append(object{{"required", required}}, then...)
		}
		all = append(all, object{
			{"if", object{{"properties", object{{s.discriminator, object{{"const", variant}}}}}, {"required", []string{s.discriminator}}}},
			{"then", then},
		})
	}
	return all
}

// property is the schema of the value of f.
func (g *generator) property(f *field, stage bool) object {
	o := object{}
	if doc := g.docs[f.owner+"."+f.goName]; doc != "" {
		o = append(o, member{"description", doc})
	}
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	o = append(o, g.value(t, f, stage)...)
	if f.fallback != "" {
		o = append(o, member{"default", defaultValue(t, f)})
	}
	return o
}

func defaultValue(t reflect.Type, f *field) any {
	switch formOf(t) {
	case formBool:
		return f.fallback == "true"
	case formInt:
		n, _ := strconv.Atoi(f.fallback)
		return n
	case formList:
		return strings.Fields(f.fallback)
	}
	return f.fallback
}

func (g *generator) value(t reflect.Type, f *field, stage bool) object {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch formOf(t) {
	case formBool:
		return object{{"type", "boolean"}}
	case formInt:
		low, _ := strconv.Atoi(f.min)
		high, _ := strconv.Atoi(f.max)
		return object{{"type", "integer"}, {"minimum", low}, {"maximum", high}}
	case formDuration:
		return object{{"type", "string"}, {"pattern", durationPattern.String()}}
	case formExpr:
		if f.nonEmpty {
			return object{{"type", "string"}, {"minLength", 1}}
		}
		return object{{"type", "string"}}
	case formObject:
		return object{{"type", "object"}}
	case formText:
		return g.text(f)
	case formList:
		return g.list(t, f, stage)
	case formMap:
		m := reflect.New(t).Interface().(mapping)
		o := object{{"type", "object"}, {"propertyNames", g.form(f.keys)}, {"additionalProperties", g.value(m.elem(), f, stage)}}
		if f.maxItems > 0 {
			o = append(o, member{"maxProperties", f.maxItems})
		}
		return o
	}
	return g.reference(t, stage)
}

func (g *generator) text(f *field) object {
	o := object{{"type", "string"}}
	if len(f.enum) > 0 {
		return append(o, member{"enum", f.enum})
	}
	o = append(o, g.form(f.grammar)...)
	switch {
	case len(f.later) > 0:
		o = append(o, member{"not", object{{"enum", f.later}}})
	case f.grammar.matches("${stage}") && !f.variables: // the form allows what looks like a reference
		o = append(o, member{"not", object{{"pattern", `\$\{`}}})
	}
	return o
}

// form is the schema of a grammar, but for its type.
func (g *generator) form(of *grammar) object {
	o := object{{"pattern", of.pattern.String()}}
	if len(of.reserved) > 0 {
		o = append(o, member{"not", object{{"enum", of.reserved}}})
	}
	return o
}

func (g *generator) list(t reflect.Type, f *field, stage bool) object {
	items := g.value(t.Elem(), f, stage)
	o := object{{"type", "array"}, {"items", items}}
	if f.minItems > 0 {
		o = append(o, member{"minItems", f.minItems})
	}
	if f.maxItems > 0 {
		o = append(o, member{"maxItems", f.maxItems})
	}
	if f.unique {
		o = append(o, member{"uniqueItems", true})
	}
	if f.single {
		return object{{"anyOf", []object{items, o}}}
	}
	return o
}

// readDocs returns the first paragraphs of the comments of Go files' types and fields,
// by Type and Type.Field. The name a field's comment starts with becomes its key.
func readDocs(files embed.FS) map[string]string {
	docs := make(map[string]string)
	names, _ := fs.Glob(files, "*.go")
	var all []ast.Decl
	for _, name := range names {
		source, _ := files.ReadFile(name)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		if err != nil {
			continue // it is a file this package was compiled from
		}
		all = append(all, file.Decls...)
	}
	for _, d := range all {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.TypeSpec)
			docs[spec.Name.Name] = paragraph(decl.Doc)
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range body.Fields.List {
				if len(f.Names) == 0 || f.Tag == nil {
					continue
				}
				name, tag := f.Names[0].Name, reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
				doc := paragraph(f.Doc)
				if rest, ok := strings.CutPrefix(doc, name+" "); ok {
					doc = tag.Get("yaml") + " " + rest
				}
				docs[spec.Name.Name+"."+name] = doc
			}
		}
	}
	return docs
}

var spaces = regexp.MustCompile(`\s+`)

func paragraph(doc *ast.CommentGroup) string {
	first, _, _ := strings.Cut(doc.Text(), "\n\n")
	return strings.TrimSpace(spaces.ReplaceAllString(first, " "))
}
