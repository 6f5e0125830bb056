package app

import "fmt"

// apiKeys checks the keys of a REST API.
func (c *checker) apiKeys(path string, api *API) {
	for name, key := range api.APIKeys.All() {
		at := join(path+".apiKeys", name)
		if key == nil || c.opaque[at] || key.Value.IsZero() {
			continue
		}
		// A key in the file is a key in everybody's copy of it.
		if refs := key.Value.Refs(); len(refs) != 1 || refs[0].Kind != RefSecret || refs[0].String() != key.Value.String() {
			c.at(at+".value", "write ${secret:NAME}, or leave the value out to have one made", "the value of an API key is a secret and has no place in the file")
			continue
		}
		if s, ok := c.secrets[key.Value.Refs()[0].Name]; ok && !isAPIKey(s.Reveal()) {
			c.at(at+".value", "give it 20 to 128 visible characters", "the secret %s cannot be an API key", key.Value.Refs()[0].Name)
		}
	}
}

// isAPIKey reports whether s can be the value of a key (CreateApiKey: 20 to 128
// characters) and stand in a header.
func isAPIKey(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) >= 20 && len(s) <= 128
}

// usagePlans checks that each key is in one plan, and that routes that require a key
// can be called.
func (c *checker) usagePlans(path string, api *API) {
	planOf := make(map[string]string)
	for name, plan := range api.UsagePlans.All() {
		at := join(path+".usagePlans", name)
		if plan == nil || c.opaque[at] {
			continue
		}
		for i, key := range plan.APIKeys {
			item := fmt.Sprintf("%s.apiKeys[%d]", at, i)
			_, known := api.APIKeys.Get(key)
			switch {
			case !known && key != "" && c.readable(path+".apiKeys"):
				c.at(item, c.nameHint(key, api.APIKeys.Keys(), path+".apiKeys"), "there is no %s.apiKeys.%s", path, key)
			case planOf[key] != "" && planOf[key] != name:
				c.at(item, "keep it in one of them", "the API key %s is already in the usage plan %s", key, planOf[key])
			}
			planOf[key] = name
		}
		for route := range plan.Routes.All() {
			if _, ok := api.Routes.Get(route); !ok && c.readable(path+".routes") {
				c.key(join(at+".routes", route), c.nameHint(route, api.Routes.Keys(), path+".routes"), "there is no route %q", route)
			}
		}
	}
	whole := c.readable(path+".usagePlans") && c.readable(path+".apiKeys") && c.readable(path)
	for name := range api.APIKeys.All() {
		if planOf[name] == "" && whole {
			c.key(join(path+".apiKeys", name), "name it in the apiKeys of a usage plan", "the API key %s is in no usage plan, so it opens nothing", name)
		}
	}
	for key, r := range api.Routes.All() {
		if r == nil || !r.APIKeyRequired || !whole {
			continue
		}
		at := join(path+".routes", key) + ".apiKeyRequired"
		if len(planOf) == 0 {
			c.key(at, "declare apiKeys and usagePlans", "%q requires an API key, and no usage plan has one: nobody could call it", key)
		}
		authorizer := first(r.Authorizer, api.Defaults.Authorizer)
		if api.APIKeySource == "authorizer" && (authorizer == "" || authorizer == "none") {
			c.key(at, "name an authorizer, or write apiKeySource: header", "the API key of %q would come from its authorizer, and it has none", key)
		}
	}
}

// keyReference checks a reference to an API key. What is secret stays so: a value that
// the declaration takes from a secret goes into functions alone.
func (c *checker) keyReference(e *placedExpr, r Ref) {
	if !c.refersTo(r, "apis", r.Name, c.app.APIs.Keys()) {
		return
	}
	api, _ := c.app.APIs.Get(r.Name)
	path := "apis." + r.Name + ".apiKeys"
	if api == nil || !c.readable("apis."+r.Name) || !c.refersTo(r, path, r.Client, api.APIKeys.Keys()) {
		return
	}
	key, _ := api.APIKeys.Get(r.Client)
	switch {
	case r.Attribute != "value" || key == nil || e.is == environmentVariable:
	case !key.Value.IsZero():
		c.p.add(r.span, secretHint(e, r), "%s is shown, so it cannot refer to a key that is a secret", e.is)
	case e.is != "an output":
		c.p.add(r.span, "write it in outputs or in a function's environment", "%s cannot refer to an API key", e.is)
	}
}
