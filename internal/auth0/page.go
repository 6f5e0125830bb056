package auth0

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"sync"
)

//go:embed universal/pages.html
var files embed.FS

// templates escape every value for the place that it stands in.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "universal/pages.html"))
})

// page is what a page of universal login shows. The names of its fields are those
// of Auth0's own, which people's tests fill in.
type page struct {
	Kind, Title, Lead string
	Notice, Error     string
	State             string
	Query             template.URL // of the request, as it came
	FormToken         string
	Username          string
	Policy            string // of passwords, for one that it does not allow
	Ticket            string
	Scopes            []string
	SignUp            bool   // the login page leads to the sign-up
	Reset             string // the path of the reset request that the login page leads to
	Footer            string

	target string // where the form's answer may lead
	popup  bool   // the application's page opened it, and waits for its message
	status int
}

// show writes a page with a form. a is nil for one that is not of a sign-in.
func (t *Tenant) show(w http.ResponseWriter, r *http.Request, c *call, a *authorization, p *page) {
	p.FormToken = t.engine.FormToken(t.engine.Browser(w, r))
	if a != nil {
		p.target = a.redirectURI
		p.popup = a.mode == "web_message"
	}
	t.write(w, c, p)
}

func (t *Tenant) write(w http.ResponseWriter, c *call, p *page) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, "page", p); err != nil {
		c.failed(err)
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	t.engine.Protect(h, p.target)
	if p.popup {
		h.Del("Cross-Origin-Opener-Policy")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.status)
	_, _ = w.Write(b.Bytes()) // the client went away
}

// showError tells a person of a request that leads to no application.
func (t *Tenant) showError(w http.ResponseWriter, c *call, f *failure) {
	t.write(w, c, &page{
		Kind: "error", Title: "Oops!, something went wrong", Error: f.description, status: max(f.status, http.StatusBadRequest),
		Footer: "A local tenant of Doorwright. The terminal says more.",
	})
}

// scripted is a page whose script hands an answer over.
type scripted struct {
	Kind, Nonce, Origin string
	Action              template.URL // one of the application's callbacks
	Response            map[string]string
}

// submitScript is the script of the page with a form, which works without it too.
const submitScript = "document.forms[0].submit();"

// postResponse hands an answer to the application by a page: by a form (OAuth 2.0
// Form Post Response Mode), or by a message to the window that has the page in a
// frame or opened it. The message goes to the application's origin alone, and no
// other page may have this one in a frame.
func (t *Tenant) postResponse(w http.ResponseWriter, c *call, a *authorization, answer url.Values) {
	nonce := make([]byte, 16)
	rand.Read(nonce)
	p := scripted{
		Kind: a.mode, Nonce: base64.StdEncoding.EncodeToString(nonce), Origin: originOf(a.redirectURI),
		Action: template.URL(a.redirectURI), Response: map[string]string{},
	}
	for name := range answer {
		p.Response[name] = answer.Get(name)
	}
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, a.mode, p); err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	h := w.Header()
	t.engine.Protect(h, a.redirectURI)
	h.Del("Cross-Origin-Opener-Policy") // the page that opened it is another origin's
	policy := "default-src 'none'; base-uri 'none'; "
	if a.mode == "web_message" {
		h.Del("X-Frame-Options")
		policy += "script-src 'nonce-" + p.Nonce + "'; form-action 'none'; frame-ancestors " + p.Origin
		h.Set("Referrer-Policy", "no-referrer")
	} else {
		// The script is always the same one. The form goes on to wherever the
		// application sends it, so no form-action; and its Origin is told, as
		// applications may look at that.
		sum := sha256.Sum256([]byte(submitScript))
		policy += "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'"
		h.Set("Referrer-Policy", "origin")
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b.Bytes()) // the client went away
}
