package oidc

import (
	"crypto/hmac"
	"embed"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Cookies are not told apart by port: every server on localhost gets those of
// all others. So their names carry the tenant, their values mean nothing to
// another, and nothing is believed because of a cookie that another could have
// set.

// Cookie gives the value of one of the engine's cookies, or "".
func (e *Engine) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(e.cookieName(name))
	if err != nil || len(c.Value) > 256 {
		return ""
	}
	return c.Value
}

// SetCookie sets one of the engine's cookies; life 0 lets it end with the
// browser, a negative one deletes it.
func (e *Engine) SetCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	// Lax: it comes along when an application sends the browser here, and not with
	// a form of another site. None is possible on https alone.
	sameSite := http.SameSiteLaxMode
	if name == e.CrossSite && e.Secure() {
		sameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, &http.Cookie{
		Name: e.cookieName(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: e.Secure(), SameSite: sameSite,
	})
}

// cookieName binds a cookie's name to the tenant and, on https, to the host
// (https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix).
func (e *Engine) cookieName(name string) string {
	name += "-" + e.Tenant
	if e.Secure() {
		return "__Host-" + name
	}
	return name
}

// IsCookie says whether a cookie's name is one of an engine's, whose browser
// sessions are in the cookie session, and of whose tenants tenant knows the form.
func IsCookie(name, session string, tenant func(string) bool) bool {
	name = strings.TrimPrefix(name, "__Host-")
	for _, own := range [...]string{session, formCookie} {
		if rest, ok := strings.CutPrefix(name, own); ok && strings.HasPrefix(rest, "-") && tenant(rest[1:]) {
			return true
		}
	}
	return false
}

// formCookie is the cookie that forms are bound to.
const formCookie = "XSRF-TOKEN"

// Browser gives the random value that this browser's forms and flights are
// bound to, and sets it if the browser has none.
func (e *Engine) Browser(w http.ResponseWriter, r *http.Request) string {
	if value := e.Cookie(r, formCookie); len(value) == 32 {
		return value
	}
	return e.NewBrowser(w)
}

// NewBrowser gives a browser another such value, as after EndForms in the same answer.
func (e *Engine) NewBrowser(w http.ResponseWriter) string {
	value := Random(24)
	e.SetCookie(w, formCookie, value, 0)
	return value
}

// EndForms makes the forms that a browser has worth nothing, as after a
// sign-in.
func (e *Engine) EndForms(w http.ResponseWriter) { e.SetCookie(w, formCookie, "", -1) }

// BrowserOf gives the value that Browser gave this browser, or "".
func (e *Engine) BrowserOf(r *http.Request) string { return e.Cookie(r, formCookie) }

// FormToken gives what a form carries to prove that it came from here.
func (e *Engine) FormToken(browser string) string {
	return base64.RawURLEncoding.EncodeToString(e.mac("form", browser))
}

// CheckForm refuses a form that another site could have sent. The token alone
// would not do: another server on localhost can set our cookie, and fetch a
// form for its own. The Origin, which a page cannot choose, tells them apart.
// A client without one is no browser, and nobody's victim.
func (e *Engine) CheckForm(r *http.Request, token string) error {
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) > 1, len(origins) == 1 && origins[0] != e.Origin:
		return refuse(InvalidRequest, "the form is from another origin: "+strings.Join(origins, ", "))
	case len(origins) == 0 && r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "same-origin":
		return refuse(InvalidRequest, "the form is from another site")
	}
	browser := e.Cookie(r, formCookie)
	if browser == "" || !hmac.Equal([]byte(token), []byte(e.FormToken(browser))) {
		return refuse(InvalidRequest, "the form's _csrf is not this browser's")
	}
	return nil
}

// Protect sets the headers of a page with a form. It runs no script, loads
// nothing from elsewhere (the pages' icon is an empty data: URL, so that browsers ask for
// none and have nothing to complain of), is in no frame, is kept nowhere, and tells no other
// site its address. The form goes here, and on to target, where the answer
// redirects: Chromium holds form-action against redirects too. ("no-referrer"
// would make the form's own Origin null.)
func (e *Engine) Protect(h http.Header, target string) {
	action := "'self'"
	if source := formTarget(target); source != "" {
		action += " " + source
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action "+action+
		"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// sourceHost is what of a host can stand in a content security policy.
var sourceHost = regexp.MustCompile(`^([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?$`)

// formTarget gives a URI as a source of a content security policy: its origin,
// or its scheme for an application's own.
func formTarget(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return ""
	}
	if (u.Scheme == "http" || u.Scheme == "https") && sourceHost.MatchString(u.Host) {
		return u.Scheme + "://" + u.Host
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return ""
	}
	return u.Scheme + ":"
}

//go:embed pages.css
var styleSheet embed.FS

// Style serves the style sheet of the pages on which people sign in.
func Style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, styleSheet, "pages.css")
}
