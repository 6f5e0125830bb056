package oidc

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Bounds of what a request may bring.
const (
	maxForm      = 64 << 10
	maxParameter = 4096
)

// Params are a request's parameters, each of them once: "Request and response
// parameters MUST NOT be included more than once" (RFC 6749 section 3.1), lest
// two readers believe different ones.
type Params struct{ values url.Values }

// Query reads the parameters of a request's URL.
func Query(r *http.Request) (Params, error) {
	if strings.Contains(r.URL.RawQuery, ";") {
		return Params{}, refuse(InvalidRequest, "the query has a semicolon")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Params{}, refuse(InvalidRequest, "the query is malformed")
	}
	return newParams(values)
}

// Form reads the parameters of a request's body, which must be a form.
func Form(w http.ResponseWriter, r *http.Request) (Params, error) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return Params{}, refuse(InvalidRequest, "the content type is not application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return Params{}, refuse(InvalidRequest, "the form is malformed or too large")
	}
	return newParams(r.PostForm)
}

// FormOrJSON reads the parameters of a body that is a form or, for services that
// take it, a JSON object. Members that are not text are none of OAuth's and are
// left out.
func FormOrJSON(w http.ResponseWriter, r *http.Request) (Params, error) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return Form(w, r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return Params{}, refuse(InvalidRequest, "the body is too large")
	}
	values, err := jsonValues(body)
	if err != nil {
		return Params{}, refuse(InvalidRequest, "the body is not a JSON object: "+err.Error())
	}
	return newParams(values)
}

// jsonValues keeps each of the members of a name, so that a second one is seen.
func jsonValues(body []byte) (url.Values, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it does not start with {")
	}
	values := url.Values{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if text, ok := value.(string); ok {
			values.Add(name.(string), text)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return values, nil
}

func newParams(values url.Values) (Params, error) {
	for name, list := range values {
		if len(list) > 1 {
			return Params{}, refuse(InvalidRequest, "a parameter comes twice: "+name)
		}
		if len(list[0]) > maxParameter {
			return Params{}, refuse(InvalidRequest, "a parameter is too long: "+name)
		}
	}
	return Params{values}, nil
}

// Get gives a parameter, or "".
func (p Params) Get(name string) string { return p.values.Get(name) }

// All gives the names and values of the parameters.
func (p Params) All() url.Values { return p.values }

// Encode gives the parameters as a query without those that are named.
func (p Params) Encode(without ...string) string {
	rest := url.Values{}
	for name, list := range p.values {
		if !slices.Contains(without, name) {
			rest[name] = list
		}
	}
	return rest.Encode()
}

// Credentials are what a client says it is.
type Credentials struct {
	ID string
	// secrets are the readings of the secret: as it came and, from an
	// Authorization header, form-decoded, since not all clients encode it.
	secrets []string
}

// Prove says whether the secret is the client's. That of a public client is "",
// which proves nothing and must be all that it sends.
func (c Credentials) Prove(secret string) bool {
	proved := 0
	for _, s := range c.secrets {
		proved |= subtle.ConstantTimeCompare(Hash(s), Hash(secret))
	}
	return proved == 1
}

// ClientCredentials reads a client's credentials, from the Authorization header
// or from the form: "The client MUST NOT use more than one authentication
// method in each request" (RFC 6749 section 2.3).
func ClientCredentials(r *http.Request, form Params) (Credentials, error) {
	inForm := Credentials{ID: form.Get("client_id"), secrets: []string{form.Get("client_secret")}}
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return inForm, nil
	}
	user, password, ok := r.BasicAuth()
	if !ok || len(headers) > 1 {
		return Credentials{}, refuse(InvalidClient, "the Authorization header is not of the scheme Basic")
	}
	// Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
	id, err := url.QueryUnescape(user)
	if err != nil {
		return Credentials{}, refuse(InvalidClient, "the client's id is malformed")
	}
	secret, err := url.QueryUnescape(password)
	if err != nil {
		secret = password
	}
	switch {
	case inForm.ID != "" && inForm.ID != id:
		return Credentials{}, refuse(InvalidClient, "client_id is not that of the Authorization header")
	case inForm.secrets[0] != "":
		return Credentials{}, refuse(InvalidRequest, "the client authenticates in two ways")
	}
	return Credentials{ID: id, secrets: []string{password, secret}}, nil
}

// Scopes splits a scope parameter, each scope once.
func Scopes(text string) []string {
	var scopes []string
	for _, s := range strings.Fields(text) {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// Registered says whether a redirect URI is one of a client's, compared by
// simple string comparison (RFC 9700 section 2.1). A registered one with a
// fragment is none (RFC 6749 section 3.1.2).
func Registered(uris []string, given string) bool {
	return given != "" && !strings.Contains(given, "#") && slices.Contains(uris, given)
}

// Respond gives a redirect URI with the parameters of a response, in the query
// or, for tokens, in the fragment. A query of the URI's own is kept.
func Respond(uri string, fragment bool, parameters url.Values) string {
	switch {
	case fragment:
		return uri + "#" + parameters.Encode()
	case strings.Contains(uri, "?"):
		return strings.TrimRight(uri, "&") + "&" + parameters.Encode()
	}
	return uri + "?" + parameters.Encode()
}
