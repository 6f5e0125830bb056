package app

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

var appType = reflect.TypeFor[App]()

// root reads a whole declaration into a.
func (w *walker) root(n *node, a *App) {
	w.structure(n, reflect.ValueOf(a).Elem(), "", "the declaration", span{line: n.span.line, column: n.span.column, width: 1})
}

// A checker reports what concerns more than one field of an App: names that refer to
// nothing, combinations AWS refuses, and what would leave a route open.
type checker struct {
	*walker
	app      *App
	handlers *handlers
	// known are the values of ${stage} and, of the chosen stage, of ${env:NAME}.
	known map[RefKind]map[string]string
	// secrets are those of the chosen stage; nil for others.
	secrets map[string]Secret
}

func (c *checker) check() {
	for _, e := range c.exprs {
		c.references(e)
	}
	for name, pool := range c.app.UserPools.All() {
		c.userPool(join("userPools", name), pool)
	}
	for name, pool := range c.app.IdentityPools.All() {
		c.identityPool(join("identityPools", name), pool)
	}
	for name, table := range c.app.Tables.All() {
		c.table(join("tables", name), table)
	}
	for name, bucket := range c.app.Buckets.All() {
		if bucket != nil {
			c.bucketCORS(join("buckets", name)+".cors", bucket)
		}
	}
	ports := make(map[int]string)
	for name, t := range c.app.Tenants.All() {
		path := join("tenants", name)
		c.tenant(path, t)
		if t == nil || t.Port == 0 {
			continue
		}
		if other, taken := ports[t.Port]; taken {
			c.at(join(path, "port"), "choose another port", "the port %d is already that of %s", t.Port, other)
		}
		ports[t.Port] = path
	}
	for name, api := range c.app.APIs.All() {
		path := join("apis", name)
		c.api(path, api)
		if other, taken := ports[api.Port]; taken && api.Port != 0 {
			c.at(join(path, "port"), "choose another port", "the port %d is already that of %s", api.Port, other)
		} else {
			ports[api.Port] = path
		}
	}
}

// at reports a problem with the value at path.
func (c *checker) at(path, hint, format string, args ...any) {
	c.p.add(c.places[path].value, hint, format, args...)
}

// key reports a problem with the key of path.
func (c *checker) key(path, hint, format string, args ...any) {
	c.p.add(c.places[path].key, hint, format, args...)
}

// readable reports whether all that is below path was understood, so that what is not
// found there is not there.
func (c *checker) readable(path string) bool {
	return !c.opaque[path] && !c.opaque[path+".*"] && !c.opaque[".*"]
}

// bind looks up the environment variables the stage refers to.
func (c *checker) bind(env func(string) (string, bool)) {
	values := make(map[string]string)
	for _, e := range c.exprs {
		for _, r := range e.Refs() {
			if r.Kind != RefEnv {
				continue
			}
			value, ok := env(r.Name)
			if !ok {
				c.p.add(r.span, fmt.Sprintf("set it for this command: %s=... doorwright start", r.Name), "the environment variable %s is not set", r.Name)
				continue
			}
			values[r.Name] = value
		}
	}
	c.known[RefEnv] = values
}

// bindSecrets looks up the secrets the stage refers to.
func (c *checker) bindSecrets() {
	for _, e := range c.exprs {
		for _, r := range e.Refs() {
			if r.Kind != RefSecret || !e.maySecret() {
				continue
			}
			if c.secrets == nil {
				c.secrets = readSecrets(c.app.Dir, c.app.Stage, c.p)
			}
			if _, ok := c.secrets[r.Name]; !ok {
				hint := fmt.Sprintf("add a line %s=... to %s, or to .env.%s for this stage alone", r.Name, filepath.ToSlash(filepath.Join(c.app.Dir, ".env")), c.app.Stage)
				if near := nearest(r.Name, sortedKeys(c.secrets)); near != "" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				c.p.add(r.span, hint, "the secret %s has no value", r.Name)
			}
		}
	}
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// literal returns the text of e if all its references are known now.
func (c *checker) literal(e Expr) (string, bool) {
	s, err := e.Resolve(func(r Ref) (string, error) {
		if value, ok := c.known[r.Kind][r.Name]; ok {
			return value, nil
		}
		return "", errUnbound
	})
	return s, err == nil
}

// The refs tags of the places that secrets may go to.
const (
	environmentVariable = "an environment variable"
	apiKey              = "an API key"
	providerSecret      = "an identity provider's client secret"
	userPassword        = "a user's password"
)

// tableEngine is the refs tag of what a table is kept by.
const tableEngine = "a table's engine"

// maySecret says whether a secret may go there.
func (e *placedExpr) maySecret() bool {
	return slices.Contains([]string{environmentVariable, apiKey, providerSecret, userPassword}, e.is)
}

// early says whether the value is needed before any resource has its own.
func (e *placedExpr) early() bool {
	return strings.HasPrefix(e.is, "an identity provider's ") || e.is == userPassword || e.is == tableEngine
}

// references checks that the references of e refer to something, and that secrets stay
// out of what is shown.
func (c *checker) references(e *placedExpr) {
	for _, r := range e.Refs() {
		if e.early() && r.Kind != RefStage && r.Kind != RefEnv && r.Kind != RefSecret {
			c.p.add(r.span, "write the value, ${env:NAME} or, for a clientSecret or password, ${secret:NAME}", "%s cannot refer to another resource", e.is)
			continue
		}
		switch r.Kind {
		case RefSecret:
			if !e.maySecret() {
				c.p.add(r.span, "secrets can go only into a function's environment, an API key's value, an identity provider's clientSecret and a user's password", "%s is shown, so it cannot refer to a secret", e.is)
			}
		case RefAPI:
			c.refersTo(r, "apis", r.Name, c.app.APIs.Keys())
		case RefAPIKey:
			c.keyReference(e, r)
		case RefUserPool:
			c.poolReference(r)
		case RefUserPoolClient:
			c.clientReference(e, r)
		case RefTenant, RefTenantApplication:
			c.tenantReference(e, r)
		case RefIdentityPool:
			c.refersTo(r, "identityPools", r.Name, c.app.IdentityPools.Keys())
		case RefTable:
			c.refersTo(r, "tables", r.Name, c.app.Tables.Keys())
		case RefBucket:
			c.refersTo(r, "buckets", r.Name, c.app.Buckets.Keys())
		}
	}
}

// poolReference checks a reference to a pool, which must have the domain that
// the attribute is of.
func (c *checker) poolReference(r Ref) {
	if !c.refersTo(r, "userPools", r.Name, c.app.UserPools.Keys()) {
		return
	}
	pool, _ := c.app.UserPools.Get(r.Name)
	path := "userPools." + r.Name
	if (r.Attribute == "domain" || r.Attribute == "url") && pool != nil && pool.Domain == "" && c.readable(path) && c.readable(path+".domain") {
		c.p.add(r.span, "add domain: PREFIX to the pool", "the user pool %s has no domain", r.Name)
	}
}

func (c *checker) clientReference(e *placedExpr, r Ref) {
	if !c.refersTo(r, "userPools", r.Name, c.app.UserPools.Keys()) {
		return
	}
	pool, _ := c.app.UserPools.Get(r.Name)
	path := "userPools." + r.Name + ".clients"
	if pool == nil || !c.readable("userPools."+r.Name) || !c.refersTo(r, path, r.Client, pool.Clients.Keys()) {
		return
	}
	client, _ := pool.Clients.Get(r.Client)
	switch {
	case r.Attribute != "secret" || client == nil:
	case e.is != environmentVariable:
		c.p.add(r.span, secretHint(e, r), "%s is shown, so it cannot refer to a client's secret", e.is)
	case !client.GenerateSecret && c.readable(path+"."+r.Client):
		c.p.add(r.span, "add generateSecret: true to the client", "the client %s has no secret", r.Client)
	}
}

// secretHint says what to do with a secret that cannot stand where it does.
func secretHint(e *placedExpr, r Ref) string {
	if e.is == "an output" {
		return fmt.Sprintf("delete it, and see `doorwright secret %s`", strings.Trim(r.String(), "${}"))
	}
	return "secrets can go only into a function's environment"
}

// refersTo reports whether name is among known, the keys of the mapping at path. If not,
// and the mapping could be read, that is a problem.
func (c *checker) refersTo(r Ref, path, name string, known []string) bool {
	if slices.Contains(known, name) {
		return true
	}
	if c.readable(path) {
		c.p.add(r.span, c.nameHint(name, known, path), "%s: there is no %s.%s", r, path, name)
	}
	return false
}

// nameHint is the hint for a name that is not among known, the keys at path.
func (c *checker) nameHint(name string, known []string, path string) string {
	if hint := didYouMean(name, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return fmt.Sprintf("there are no %s; declare %s below %s:", path, name, lastWord(path))
	}
	return "there are " + strings.Join(known[:min(len(known), 10)], ", ")
}

func lastWord(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
