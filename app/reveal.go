package app

import (
	"fmt"
	"strings"
)

// A SecretError is why a text is not the name of a secret of the declaration.
type SecretError struct{ Message, Fix string }

// Error returns what is wrong.
func (e *SecretError) Error() string { return e.Message }

// Hint returns how to put it right.
func (e *SecretError) Hint() string { return e.Fix }

// SecretRef reads the name of a secret that a stage made or holds: that of a
// tenant's application, of a user pool's client, or an API key's value. It is
// written as in a reference, such as tenants.Auth0.applications.web.clientSecret.
func (a *App) SecretRef(text string) (Ref, error) {
	body := strings.TrimSuffix(strings.TrimPrefix(text, "${"), "}")
	r, bad := parseRef(body)
	if bad != nil {
		return Ref{}, &SecretError{bad.message, bad.hint}
	}
	err := &SecretError{
		Message: fmt.Sprintf("%s is no secret", body),
		Fix:     "write it below outputs and see `doorwright outputs`; secrets are such as tenants.NAME.applications.NAME.clientSecret, userPools.NAME.clients.NAME.secret and apis.NAME.apiKeys.NAME.value",
	}
	switch r.Kind {
	case RefSecret:
		err.Message, err.Fix = "a secret of .env is not the stage's", "read it there"
	case RefTenantApplication:
		err = a.applicationSecret(r, err)
	case RefUserPoolClient:
		err = a.clientSecret(r, err)
	case RefAPIKey:
		err = a.keyValue(r, err)
	}
	if err != nil {
		return Ref{}, err
	}
	r.text = body
	return r, nil
}

// undeclared says that there is no such name at a path.
func undeclared(path, name string, known []string) *SecretError {
	e := &SecretError{Message: fmt.Sprintf("there is no %s.%s", path, name), Fix: didYouMean(name, known)}
	if e.Fix == "" && len(known) > 0 {
		e.Fix = "there is " + strings.Join(known, ", ")
	}
	return e
}

func (a *App) applicationSecret(r Ref, open *SecretError) *SecretError {
	t, ok := a.Tenants.Get(r.Name)
	if !ok {
		return undeclared("tenants", r.Name, a.Tenants.Keys())
	}
	application, ok := t.Applications.Get(r.Client)
	switch {
	case !ok:
		return undeclared("tenants."+r.Name+".applications", r.Client, t.Applications.Keys())
	case r.Attribute != "clientSecret":
		return open
	case t.Domain != "":
		return &SecretError{fmt.Sprintf("the secrets of the tenant %s are not known here", t.Domain), "see the application's settings in Auth0's dashboard"}
	case application.Type == "spa" || application.Type == "native":
		return &SecretError{fmt.Sprintf("the application %s is %s and has no secret", r.Client, application.Type), "write type: regular_web or non_interactive"}
	}
	return nil
}

func (a *App) clientSecret(r Ref, open *SecretError) *SecretError {
	pool, ok := a.UserPools.Get(r.Name)
	if !ok {
		return undeclared("userPools", r.Name, a.UserPools.Keys())
	}
	client, ok := pool.Clients.Get(r.Client)
	switch {
	case !ok:
		return undeclared("userPools."+r.Name+".clients", r.Client, pool.Clients.Keys())
	case r.Attribute != "secret":
		return open
	case !client.GenerateSecret:
		return &SecretError{fmt.Sprintf("the client %s has no secret", r.Client), "add generateSecret: true to the client"}
	}
	return nil
}

func (a *App) keyValue(r Ref, open *SecretError) *SecretError {
	api, ok := a.APIs.Get(r.Name)
	if !ok {
		return undeclared("apis", r.Name, a.APIs.Keys())
	}
	if _, ok := api.APIKeys.Get(r.Client); !ok {
		return undeclared("apis."+r.Name+".apiKeys", r.Client, api.APIKeys.Keys())
	}
	if r.Attribute != "value" {
		return open
	}
	return nil
}
