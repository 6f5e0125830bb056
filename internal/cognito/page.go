package cognito

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

//go:embed hosted/pages.html
var pageFiles embed.FS

// pageTemplates escape every value for the place that it stands in.
var pageTemplates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "hosted/pages.html"))
})

// hostedPage is what a hosted page shows. The names of its fields and forms are those
// of Cognito's own pages, which people's scripts fill in.
type hostedPage struct {
	Kind, Title, Lead string
	Notice, Error     string
	// Query is that of the request for a sign-in, which the pages pass on.
	Query     template.URL
	FormToken string

	Username, UsernameLabel, UsernameType string
	PasswordLabel, Policy                 string
	Fields                                []pageField
	// Flow is what the page carries of a sign-in under way, sealed.
	Flow              string
	Choices           []pageChoice
	SetUp             *pageToken
	AskEmail          bool
	Local, SelfSignUp bool
	Providers         []pageProvider
	Footer            string
	Look              *pageLook // nil for our own

	flow   *pageFlow // nil for none
	onward *pageFlow // of the page that asks for the code, if that is what follows
	status int
}

// pageField is an attribute that a form asks for.
type pageField struct{ Name, Label, Type, Value, Autocomplete string }

// pageProvider is a way to sign in elsewhere.
type pageProvider struct {
	Name  string
	Query template.URL
}

// newPage begins a page for a request.
func (d *domain) newPage(kind, title, lead string, a *authorization) *hostedPage {
	p := &hostedPage{
		Kind: kind, Title: title, Lead: lead, Query: template.URL(a.query()), PasswordLabel: "Password", status: http.StatusOK,
		Policy: d.pool.policy.describe(), Local: a.client.usesProvider(providerCognito), SelfSignUp: !d.pool.cfg.AdminCreateUserOnly,
		Footer: "A local user pool of Doorwright. Codes are in the terminal and the mailbox.",
	}
	p.UsernameLabel, p.UsernameType = d.pool.usernameField()
	p.Look = d.pageLook(a.client.id)
	return p
}

// usernameField says how a form asks for the name to sign in with.
func (p *Pool) usernameField() (label, kind string) {
	switch of := p.cfg.UsernameAttributes; {
	case slices.Equal(of, []string{"email"}):
		return "Email", "email"
	case slices.Equal(of, []string{"phone_number"}):
		return "Phone number", "tel"
	case len(of) > 0:
		return "Email or phone number", "text"
	}
	return "Username", "text"
}

// describe says the policy to who has to choose a password.
func (p *PasswordPolicy) describe() string {
	text := "At least " + strconv.Itoa(p.MinimumLength) + " characters"
	var with []string
	for _, rule := range []struct {
		required bool
		text     string
	}{
		{p.RequireLowercase, "a lower-case letter"}, {p.RequireUppercase, "an upper-case letter"},
		{p.RequireNumbers, "a number"}, {p.RequireSymbols, "a symbol"},
	} {
		if rule.required {
			with = append(with, rule.text)
		}
	}
	if n := len(with); n > 1 {
		text += ", with " + strings.Join(with[:n-1], ", ") + " and " + with[n-1]
	} else if n == 1 {
		text += ", with " + with[0]
	}
	return text + "."
}

// show writes a page for a request.
func (d *domain) show(w http.ResponseWriter, r *http.Request, c *call, a *authorization, p *hostedPage) {
	browser := d.engine.Browser(w, r)
	p.FormToken = d.engine.FormToken(browser)
	if p.flow != nil {
		var err error
		if p.Flow, err = d.sealFlow(browser, a, p.flow); err != nil {
			c.failed(err)
			plain(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
	}
	d.write(w, c, p, a.redirectURI)
}

func (d *domain) write(w http.ResponseWriter, c *call, p *hostedPage, target string) {
	var b bytes.Buffer
	if err := pageTemplates().ExecuteTemplate(&b, "page", p); err != nil {
		c.failed(fmt.Errorf("writing a page: %w", err))
		plain(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	h := w.Header()
	d.engine.Protect(h, target)
	if p.Look != nil && p.Look.Logo {
		h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "img-src data:", "img-src 'self' data:", 1))
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.status)
	_, _ = w.Write(b.Bytes()) // the client went away
}

// errorTexts says in words what may be in the query of the error page. Nothing
// else that is there is shown.
var errorTexts = map[string]string{
	pageRedirectMismatch:    "The address that the application gave is not one of its registered addresses (redirect_mismatch).",
	oidc.InvalidClient:      "There is no such application (invalid_client).",
	oidc.UnauthorizedClient: "The application may not sign users in here (unauthorized_client).",
	oidc.InvalidRequest:     "The application sent a request that is incomplete or malformed (invalid_request).",
	oidc.ServerError:        "Something went wrong here (server_error). The terminal says what.",
}

// showError tells a person of a request that leads to no application.
func (d *domain) showError(w http.ResponseWriter, r *http.Request, c *call) {
	code := r.URL.Query().Get("error")
	text, ok := errorTexts[code]
	if !ok {
		code, text = oidc.InvalidRequest, errorTexts[oidc.InvalidRequest]
	}
	c.event.Code = code
	d.write(w, c, &hostedPage{
		Kind: "error", Title: "An error was encountered with the requested page.", Error: text,
		Footer: "A local user pool of Doorwright. The terminal says more.", status: http.StatusBadRequest,
	}, "")
}

// opened reads the request for a sign-in that a page belongs to, or answers
// that there is none.
func (d *domain) opened(w http.ResponseWriter, r *http.Request, c *call) *authorization {
	if r.Method != http.MethodPost && d.engine.Elsewhere(w, r) {
		return nil
	}
	a, err := d.readAuthorization(r, c)
	if err != nil {
		d.sendError(w, r, c, err)
		return nil
	}
	return a
}

// posted is opened for a form, which must be from a page of ours in the same
// browser.
func (d *domain) posted(w http.ResponseWriter, r *http.Request, c *call) (*authorization, oidc.Params) {
	a := d.opened(w, r, c)
	if a == nil {
		return nil, oidc.Params{}
	}
	form, err := oidc.Form(w, r)
	if err == nil {
		err = d.engine.CheckForm(r, form.Get("_csrf"))
	}
	if err == nil && !a.client.usesProvider(providerCognito) {
		err = bad(oidc.InvalidRequest, "the client's identityProviders do not have COGNITO")
	}
	if err != nil {
		d.stale(w, c, err)
		return nil, oidc.Params{}
	}
	c.client = a.client
	return a, form
}

// stale refuses a form that is not one of this browser's pages, as it is now.
func (d *domain) stale(w http.ResponseWriter, c *call, err error) {
	c.refused(err)
	d.write(w, c, &hostedPage{
		Kind: "error", Title: "This form is no longer valid.", Lead: "Go back to the application and sign in from there.",
		Error: "It is of another browser or another sign-in, or from before you signed in.", Footer: "The terminal says more.", status: http.StatusForbidden,
	}, "")
}

// operate runs an operation of the API for a page: the same checks, triggers
// and limits. In is what the request's members are made of.
func operate[In, Out any](ctx context.Context, d *domain, c *call, name string, serve func(*Service, context.Context, *call, *In) (*Out, error), in map[string]any) (*Out, error) {
	members, err := awsjson.Marshalled(in)
	if err != nil {
		return nil, err
	}
	input, err := decode[In](members)
	if err != nil {
		return nil, err
	}
	c.op = &operation{name: name}
	return serve(d.pool.svc, withCall(ctx, c, members), c, input)
}

// hash gives the SECRET_HASH that the API wants of a client with a secret.
func (cl *Client) hash(name string) string {
	if cl.secret == "" {
		return ""
	}
	return cl.secretHash(name)
}

// reject shows a page again with the refusal, in Cognito's words.
func (d *domain) reject(w http.ResponseWriter, r *http.Request, c *call, a *authorization, p *hostedPage, err error) {
	refusal := c.failed(err)
	p.Error, p.status = refusal.Message, refusal.Status
	if refusal.Code == codeInternalError {
		p.Error = errorTexts[oidc.ServerError]
	}
	d.show(w, r, c, a, p)
}

// isCode says whether err is Cognito's error of a code.
func isCode(err error, code string) bool {
	var coded *aws.Error
	return errors.As(err, &coded) && coded.Code == code
}

// attributeFields asks for attributes, filled with what a form had of them.
func (d *domain) attributeFields(names []string, form oidc.Params) []pageField {
	var fields []pageField
	for _, name := range names {
		f := pageField{Name: name, Label: label(name), Type: "text", Autocomplete: "off"}
		if known, ok := fieldForms[name]; ok {
			f.Type, f.Autocomplete = known[0], known[1]
		}
		f.Value = form.Get("requiredAttributes[" + name + "]")
		fields = append(fields, f)
	}
	return fields
}

// fieldForms gives the input type and the autofill name of standard attributes
// (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill).
var fieldForms = map[string][2]string{
	"email": {"email", "email"}, "phone_number": {"tel", "tel"}, "name": {"text", "name"},
	"given_name": {"text", "given-name"}, "family_name": {"text", "family-name"}, "middle_name": {"text", "additional-name"},
	"nickname": {"text", "nickname"}, "birthdate": {"date", "bday"}, "website": {"url", "url"}, "picture": {"url", "photo"},
	"address": {"text", "street-address"}, "gender": {"text", "sex"}, "locale": {"text", "language"},
}

// label says an attribute's name as people do.
func label(name string) string {
	text := strings.ReplaceAll(strings.TrimPrefix(name, "custom:"), "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// answeredFields gives the attributes of a form, those of names alone.
func answeredFields(names []string, form oidc.Params) []attribute {
	var list []attribute
	for _, name := range names {
		if v := form.Get("requiredAttributes[" + name + "]"); v != "" {
			list = append(list, attribute{name, v})
		}
	}
	return list
}

// withProvider gives the query of a request that names a provider.
func (a *authorization) withProvider(name string) template.URL {
	values, _ := url.ParseQuery(a.params.Encode("identity_provider", "prompt"))
	values.Set("identity_provider", name)
	return template.URL(values.Encode())
}
