package console

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
)

const (
	openPath   = "/open/"
	assetsPath = "/assets/"
	// maxForm bounds what a form brings.
	maxForm = 1 << 20
	// csrfField is the name of each form's token.
	csrfField = "csrf"
)

type visitorKey struct{}

// visitorOf gives the session that ServeHTTP has found.
func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// ServeHTTP serves a page to who has opened the console. Anybody else learns how
// it is opened, and nothing of the stage.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			c.cfg.Log(fmt.Sprintf("internal error: %v\n%s", p, debug.Stack()))
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		}
	}()
	protect(w.Header())
	switch {
	case strings.HasPrefix(r.URL.Path, assetsPath):
		serveAsset(w, r)
		return
	case strings.HasPrefix(r.URL.Path, openPath):
		c.open(w, r)
		return
	}
	v, ok := c.visitor(r)
	if !ok {
		c.closed(w, http.StatusForbidden, "")
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
	if err := c.check(w, r, v); err != nil {
		c.fail(w, r, err)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// protect sets the headers of every answer: it runs no script and shows no style
// but ours, loads nothing from elsewhere, is in no frame and in nobody's group of
// windows, is kept nowhere, and tells no other site its address. ("no-referrer"
// would make the Origin of its own forms null.)
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// check refuses what another page had the browser send, with our cookie.
func (c *Console) check(w http.ResponseWriter, r *http.Request, v visitor) error {
	site := r.Header.Get("Sec-Fetch-Site")
	own := site == "same-origin" || site == "none" // none: the person did
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		// A link elsewhere may lead here, into a window of its own.
		led := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if site != "" && !own && !led {
			return forbidden("Another page asked for this.")
		}
		return nil
	case http.MethodPost:
	default:
		return &pageError{status: http.StatusMethodNotAllowed, text: "The console is read and sent forms, nothing else."}
	}
	// A page cannot choose these. One of them every browser sends with a form.
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) > 1, len(origins) == 1 && origins[0] != origin(r), site != "" && site != "same-origin", len(origins) == 0 && site == "":
		return forbidden("The form was not sent by a page of this console.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return &pageError{status: http.StatusRequestEntityTooLarge, text: "The form is too large."}
		}
		return &pageError{status: http.StatusBadRequest, text: "The form cannot be read."}
	}
	tokens := r.PostForm[csrfField]
	if len(tokens) != 1 || subtle.ConstantTimeCompare([]byte(tokens[0]), []byte(v.csrf)) != 1 {
		return forbidden("The form is not of this session. Go back, reload the page, and send it again.")
	}
	return nil
}

// open takes a link. Its secret leaves the address at once, by a redirect. What
// reads links ahead of a person (HEAD, a prefetch, an image, a frame) does not use
// it up.
func (c *Console) open(w http.ResponseWriter, r *http.Request) {
	ahead := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Moz")
	dest := r.Header.Get("Sec-Fetch-Dest")
	if r.Method != http.MethodGet || ahead != "" || dest != "" && dest != "document" {
		c.closed(w, http.StatusForbidden, "A link is opened by a browser, in a window of its own.")
		return
	}
	value, ok := c.cfg.Keys.open(strings.TrimPrefix(r.URL.Path, openPath), c.cfg.Stack, origin(r))
	if !ok {
		if _, opened := c.visitor(r); opened { // the same link once more, in the same browser
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		c.closed(w, http.StatusForbidden, "This link does not open the console: it was used before, it is too old, or the start that printed it has ended.")
		return
	}
	c.setCookie(w, value)
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// Led here by another page, such as a terminal in the browser: a redirect is
		// part of what that page began, and has no strict cookie. What ours begins has.
		c.onward(w)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
