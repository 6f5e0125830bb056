package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A RefKind is what a reference refers to.
type RefKind string

// The kinds of references. An attribute is the last word of a reference to a resource.
const (
	// RefStage is ${stage}, the stage's name.
	RefStage RefKind = "stage"
	// RefEnv is ${env:NAME}, a variable of the environment the declaration is loaded in.
	// Its value shows in templates.
	RefEnv RefKind = "env"
	// RefSecret is ${secret:NAME}, the secret of this name in the file .env or
	// .env.STAGE beside the declaration, and on AWS in Secrets Manager, as
	// STAGE-APP/NAME. Its value shows nowhere but in the environment of functions; it
	// may also be that of an API key.
	RefSecret RefKind = "secret"
	// RefAPI is ${apis.NAME.url}, where the API is called, without a slash at the end.
	RefAPI RefKind = "apis"
	// RefAPIKey is ${apis.NAME.apiKeys.KEY.ATTRIBUTE}: id or value.
	RefAPIKey RefKind = "apis.apiKeys"
	// RefUserPool is ${userPools.NAME.ATTRIBUTE}: id, arn, issuer, providerName, and of
	// a pool with a domain the domain, without a scheme, and its url.
	RefUserPool RefKind = "userPools"
	// RefUserPoolClient is ${userPools.NAME.clients.CLIENT.ATTRIBUTE}: id or secret.
	RefUserPoolClient RefKind = "userPools.clients"
	// RefTenant is ${tenants.NAME.ATTRIBUTE}: issuer, which ends in a slash; domain,
	// without a scheme; url, without a slash at the end.
	RefTenant RefKind = "tenants"
	// RefTenantApplication is ${tenants.NAME.applications.APPLICATION.ATTRIBUTE}: clientId
	// or clientSecret.
	RefTenantApplication RefKind = "tenants.applications"
	// RefIdentityPool is ${identityPools.NAME.ATTRIBUTE}: id or arn.
	RefIdentityPool RefKind = "identityPools"
	// RefTable is ${tables.NAME.ATTRIBUTE}: name or arn.
	RefTable RefKind = "tables"
	// RefBucket is ${buckets.NAME.ATTRIBUTE}: name or arn.
	RefBucket RefKind = "buckets"
)

// A Ref is one ${...} of an Expr.
type Ref struct {
	Kind RefKind
	// Name is the name of the variable, the secret or the resource.
	Name string
	// Client is the name of the client of a RefUserPoolClient, of the key of a
	// RefAPIKey, or of the application of a RefTenantApplication.
	Client string
	// Attribute is the attribute of the resource, such as url.
	Attribute string
	// Pos is where the reference starts.
	Pos Pos

	text string // between the braces
	span span
}

// String returns the reference as the declaration has it, ${...}.
func (r Ref) String() string { return "${" + r.text + "}" }

// An Expr is a text that may hold references. The zero Expr is the empty text.
type Expr struct {
	text  string
	parts []part
	span  span
}

// A part of an Expr is a literal or a reference.
type part struct {
	literal string
	ref     *Ref
}

// String returns the text as the declaration has it, its references unresolved.
func (e Expr) String() string { return e.text }

// IsZero reports whether the text is empty.
func (e Expr) IsZero() bool { return e.text == "" }

// Refs returns the references in order.
func (e Expr) Refs() []Ref {
	var refs []Ref
	for _, p := range e.parts {
		if p.ref != nil {
			refs = append(refs, *p.ref)
		}
	}
	return refs
}

// Resolve returns the text with every reference replaced by what lookup has for it. It
// fails with lookup's first error. App.Resolve knows the stage, the environment and
// the secrets and asks only for the rest.
func (e Expr) Resolve(lookup func(Ref) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range e.parts {
		if p.ref == nil {
			b.WriteString(p.literal)
			continue
		}
		value, err := lookup(*p.ref)
		if err != nil {
			return "", fmt.Errorf("app: resolving %s (%s): %w", p.ref, p.ref.Pos, err)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// parseExpr splits the text of n into literals and references and reports references
// that are not well-formed: then it returns false, and the references that are. Whether
// they refer to something is the checker's.
func (w *walker) parseExpr(n *node) (Expr, bool) {
	e := Expr{text: n.text, span: n.span}
	var literal strings.Builder
	ok := true
	places := w.references(n)
	for rest := n.text; rest != ""; {
		at := strings.Index(rest, "${")
		if at < 0 {
			literal.WriteString(rest)
			break
		}
		here := places[0]
		places = places[1:]
		if at > 0 && rest[at-1] == '$' { // $${ is ${
			literal.WriteString(rest[:at-1] + "${")
			rest = rest[at+2:]
			continue
		}
		literal.WriteString(rest[:at])
		body, after, closed := strings.Cut(rest[at+2:], "}")
		if !closed {
			w.p.add(here, "add the closing }, or write $${ for a literal ${", "a ${ is not closed")
			return e, false
		}
		if strings.Contains(body, "${") {
			w.p.add(here, "refer to one value", "references cannot be nested")
			return e, false
		}
		here.width = len([]rune(body)) + 3
		ref, err := parseRef(body)
		if err != nil {
			w.p.add(here, err.hint, "%s", err.message)
			ok, rest = false, after
			continue
		}
		ref.text, ref.span, ref.Pos = body, here, w.p.src.pos(here)
		if literal.Len() > 0 {
			e.parts = append(e.parts, part{literal: literal.String()})
			literal.Reset()
		}
		e.parts = append(e.parts, part{ref: &ref})
		rest = after
	}
	if literal.Len() > 0 {
		e.parts = append(e.parts, part{literal: literal.String()})
	}
	return e, ok
}

// references finds where in the source each "${" of n is. Escapes in double quotes can
// write one differently; then it is where the text starts.
func (w *walker) references(n *node) []span {
	places := make([]span, strings.Count(n.text, "${"))
	for i := range places {
		places[i] = n.span
	}
	i, from := 0, max(0, n.span.column-1)
	for line := n.span.line; i < len(places) && line <= len(w.p.src.lines) && line < n.span.line+100; line++ {
		rest := w.p.src.runes(line)
		rest = rest[min(from, len(rest)):]
		for at := 0; at+1 < len(rest) && i < len(places); at++ {
			if rest[at] == '$' && rest[at+1] == '{' {
				places[i] = span{line: line, column: from + at + 1, width: 2}
				i++
				at++
			}
		}
		from = 0
	}
	return places
}

// A refError is why a reference is not well-formed.
type refError struct{ message, hint string }

var variableName = late(`^[A-Za-z_][A-Za-z0-9_]{0,255}$`)

const refForms = "${stage}, ${env:NAME}, ${secret:NAME}, ${apis.NAME.url}, ${tenants.NAME.issuer}, ${userPools.NAME.id}, ${userPools.NAME.clients.NAME.id}, ${identityPools.NAME.id}, ${tables.NAME.name} or ${buckets.NAME.name}"

// parseRef reads what is between the braces.
func parseRef(body string) (Ref, *refError) {
	if trimmed := strings.TrimSpace(body); trimmed != body || trimmed == "" {
		if trimmed == "" {
			return Ref{}, &refError{"an empty reference", "write " + refForms}
		}
		return Ref{}, &refError{fmt.Sprintf("${%s} has spaces in it", body), fmt.Sprintf("write ${%s}", trimmed)}
	}
	if body == "stage" {
		return Ref{Kind: RefStage}, nil
	}
	if prefix, name, ok := strings.Cut(body, ":"); ok {
		kind := RefKind(prefix)
		if kind != RefEnv && kind != RefSecret {
			hint := didYouMean(prefix, []string{"env", "secret"})
			if hint == "" {
				hint = "write " + refForms + ", or $${ for a literal ${"
			}
			return Ref{}, &refError{fmt.Sprintf("${%s} refers to nothing known", body), hint}
		}
		if !variableName.MatchString(name) {
			return Ref{}, &refError{fmt.Sprintf("${%s}: %q cannot be the name of a variable", body, name), "a variable name is letters, digits and _, not starting with a digit"}
		}
		return Ref{Kind: kind, Name: name}, nil
	}
	return parseAttribute(body)
}

// attributes are what resources have.
var attributes = map[RefKind][]string{
	RefAPI:            {"url"},
	RefUserPool:       {"id", "arn", "issuer", "providerName", "domain", "url"},
	RefAPIKey:         {"id", "value"},
	RefUserPoolClient: {"id", "secret"},

	RefTenant:            {"issuer", "domain", "url"},
	RefTenantApplication: {"clientId", "clientSecret"},

	RefIdentityPool: {"id", "arn"},
	RefTable:        {"name", "arn"},
	RefBucket:       {"name", "arn"},
}

// resources are the first words of references to resources.
var resources = []string{"apis", "userPools", "tenants", "identityPools", "tables", "buckets"}

// parseAttribute reads a reference to a resource.
func parseAttribute(body string) (Ref, *refError) {
	words := strings.Split(body, ".")
	r := Ref{Kind: RefKind(words[0])}
	switch {
	case !slices.Contains(resources, words[0]):
		hint := didYouMean(words[0], append([]string{"stage"}, resources...))
		if variableName.MatchString(body) && hint == "" {
			hint = fmt.Sprintf("write ${env:%s} for an environment variable, ${secret:%s} for a secret, or $${ for a literal ${", body, body)
		} else if hint == "" {
			hint = "write " + refForms + ", or $${ for a literal ${"
		}
		return Ref{}, &refError{fmt.Sprintf("${%s} refers to nothing known", body), hint}
	case words[0] == "userPools" && len(words) > 3 && words[2] == "clients":
		r.Kind, r.Name, r.Client, words = RefUserPoolClient, words[1], words[3], words[4:]
	case words[0] == "tenants" && len(words) > 3 && words[2] == "applications":
		r.Kind, r.Name, r.Client, words = RefTenantApplication, words[1], words[3], words[4:]
	case words[0] == "apis" && len(words) > 3 && words[2] == "apiKeys":
		r.Kind, r.Name, r.Client, words = RefAPIKey, words[1], words[3], words[4:]
	case len(words) > 1:
		r.Name, words = words[1], words[2:]
	default:
		words = nil
	}
	known := attributes[r.Kind]
	if len(words) == 1 && r.Name != "" {
		r.Attribute = words[0]
		for _, k := range known {
			if k == r.Attribute {
				return r, nil
			}
		}
		hint := didYouMean(r.Attribute, known)
		if hint == "" {
			hint = "the attributes are " + strings.Join(known, ", ")
		}
		return Ref{}, &refError{fmt.Sprintf("${%s}: no attribute %q", body, r.Attribute), hint}
	}
	form := map[RefKind]string{RefIdentityPool: "${identityPools.NAME.id}", RefTable: "${tables.NAME.name}", RefBucket: "${buckets.NAME.name}", RefTenant: "${tenants.NAME.issuer}", RefTenantApplication: "${tenants.NAME.applications.NAME.clientId}", RefAPI: "${apis.NAME.url}", RefAPIKey: "${apis.NAME.apiKeys.NAME.value}", RefUserPool: "${userPools.NAME.id}", RefUserPoolClient: "${userPools.NAME.clients.NAME.id}"}[r.Kind]
	return Ref{}, &refError{fmt.Sprintf("${%s} does not name an attribute", body), "write " + form}
}

var errUnbound = errors.New("its value is not known yet")
