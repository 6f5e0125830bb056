package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed templates assets
var files embed.FS

// templates are the parsed pages: each with the layout and the shared parts.
type templates struct{ page map[string]*template.Template }

// parseTemplates reads all templates. Values are escaped for where they stand.
func parseTemplates() (*templates, error) {
	base, err := template.New("").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the console's layout: %w", err)
	}
	entries, err := files.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	t := &templates{page: map[string]*template.Template{}}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		p, err := base.Clone()
		if err == nil {
			p, err = p.ParseFS(files, "templates/"+e.Name())
		}
		if err != nil {
			return nil, fmt.Errorf("parsing the console's page %s: %w", name, err)
		}
		t.page[name] = p
	}
	return t, nil
}

// frame is what every template sees.
type frame struct {
	Title   string
	Stack   string
	Groups  []navGroup // none for who has no session
	Current string     // the path of the page, with its query, to come back to
	CSRF    string
	Theme   string // "" goes by the system
	Flash   *flash
	Data    any
}

type navGroup struct {
	Name  string
	Items []navItem
}

type navItem struct {
	Name, Path string
	Here       bool
}

// navigation lists the pages for one of them.
func (c *Console) navigation(r *http.Request) []navGroup {
	var groups []navGroup
	for _, p := range c.pages {
		if p.nav == "" {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != p.group {
			groups = append(groups, navGroup{Name: p.group})
		}
		g := &groups[len(groups)-1]
		here := r.URL.Path == p.path || p.path != "/" && strings.HasPrefix(r.URL.Path, p.path+"/")
		g.Items = append(g.Items, navItem{p.nav, p.path, here})
	}
	return groups
}

// serve answers by a page of the table.
func (c *Console) serve(w http.ResponseWriter, r *http.Request, p *page) {
	if p.do != nil {
		c.act(w, r, p)
		return
	}
	title, data, err := p.show(c, r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.write(w, r, http.StatusOK, p.template, title, data)
}

// act runs a form and has the browser ask for a page: Post/Redirect/Get. What
// went wrong is said there, too.
func (c *Console) act(w http.ResponseWriter, r *http.Request, p *page) {
	d, err := p.do(c, r)
	if err == nil && d.again != nil {
		c.write(w, r, http.StatusUnprocessableEntity, p.template, d.title, d.again)
		return
	}
	say := &flash{Text: d.text}
	var told *pageError
	switch {
	case errors.As(err, &told) && d.to != "":
		say = &flash{Text: told.text, Bad: true}
	case err != nil:
		c.fail(w, r, err)
		return
	}
	if say.Text != "" {
		c.cfg.Keys.say(visitorOf(r).session, say)
	}
	http.Redirect(w, r, ownPath(d.to), http.StatusSeeOther)
}

// ownPath holds a path to this console: a form may say where to go on.
func ownPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// write renders a page whole before the first byte is sent.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, name, title string, data any) {
	v := visitorOf(r)
	f := frame{Title: title, Stack: c.cfg.Stack, Groups: c.navigation(r), Current: r.URL.RequestURI(), CSRF: v.csrf, Theme: v.theme, Data: data}
	switch {
	case r.URL.Path == tokenPath: // what else is in the address may be a token
		f.Current = tokenPath
	case r.Method != http.MethodGet && status != http.StatusUnprocessableEntity:
		f.Current = "/"
	}
	f.Flash = c.cfg.Keys.said(v.session)
	c.execute(w, status, name, f)
}

func (c *Console) execute(w http.ResponseWriter, status int, name string, f frame) {
	var b bytes.Buffer
	if err := c.render(&b, name, "layout", f); err != nil {
		c.cfg.Log("showing page " + name + ": " + err.Error())
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client went away
}

// render executes one of the templates of a page.
func (c *Console) render(b *bytes.Buffer, name, define string, data any) error {
	t, err := c.templates()
	if err != nil {
		return err
	}
	p := t.page[name]
	if p == nil {
		return fmt.Errorf("there is no template %s", name)
	}
	return p.ExecuteTemplate(b, define, data)
}

// A pageError is what a person is told in a page's place.
type pageError struct {
	status int
	text   string
}

func (e *pageError) Error() string { return e.text }

// notFound, invalid and forbidden make errors that are shown as they are.
func notFound(text string) error  { return &pageError{http.StatusNotFound, text} }
func invalid(text string) error   { return &pageError{http.StatusBadRequest, text} }
func forbidden(text string) error { return &pageError{http.StatusForbidden, text} }

// fail shows an error. What is not for a person to read goes to the log.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	var told *pageError
	if !errors.As(err, &told) {
		c.cfg.Log(fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
		told = &pageError{http.StatusInternalServerError, "This page could not be made. The terminal says why."}
	}
	c.write(w, r, told.status, "error", http.StatusText(told.status), told.text)
}

// closed tells who has no session how to get one, and nothing of the stage.
func (c *Console) closed(w http.ResponseWriter, status int, text string) {
	c.execute(w, status, "closed", frame{Title: "The console is closed", Data: text})
}

// onward leads to the first page, as a page of ours.
func (c *Console) onward(w http.ResponseWriter) {
	w.Header().Set("Refresh", "0; url=/")
	c.execute(w, http.StatusOK, "onward", frame{Title: "The console is open"})
}

// serveAsset serves the style sheet, the script and the icon. They say nothing of
// a stage, and the page that says how to open the console needs them.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	kind, ok := map[string]string{"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}[name]
	if !ok || r.URL.Path != assetsPath+name || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	b, err := files.ReadFile("assets/" + name)
	if err != nil {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

// functions are what templates may call.
var functions = template.FuncMap{
	"clock":    func(t time.Time) string { return t.Local().Format("15:04:05") },
	"moment":   func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 MST") },
	"day":      func(t time.Time) string { return t.Local().Format("2006-01-02") },
	"minute":   func(t time.Time) string { return t.Local().Format("2006-01-02 15:04") },
	"machine":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"took":     took,
	"pretty":   pretty,
	"says":     strings.Contains,
	"words":    func(name string) []string { return callerWords.FindAllString(name, -1) },
	"outcome":  outcome,
	"word":     word,
	"standing": standing,
	"codes":    func() []string { return []string{"400", "401", "403", "404", "429", "500", "503"} },
}

// callerWords are the parts of a caller's name, between which a line may end.
var callerWords = regexp.MustCompile(`[^.:]*[.:]+|[^.:]+`)

// maxNesting bounds what is laid out: each level of it costs every line in it two bytes.
const maxNesting = 64

// pretty lays out JSON; what is none, or is nested very deeply, is shown as it is.
func pretty(text string) string {
	depth := 0
	for i := range len(text) { // brackets within strings count: that is safe
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > maxNesting {
			return text
		}
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// took says a duration in the unit that a person compares.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return "<0.01 ms"
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64) + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
}

// outcome is the class of a status: how it looks.
func outcome(status int) string {
	switch {
	case status >= 500:
		return "failed"
	case status >= 400:
		return "refused"
	}
	return "passed"
}

// word says a status beside its number, so that its colour is not all there is.
func word(status int, refused bool) string {
	switch {
	case status >= 500:
		return "error"
	case status == http.StatusNotFound:
		return "not found"
	case status == http.StatusTooManyRequests:
		return "throttled"
	case status >= 400 && refused:
		return "refused"
	case status >= 400:
		return "answered"
	case status >= 300:
		return "redirect"
	}
	return "ok"
}

// standing is the class of a user's status: how it looks. A tenant's user signs in with an
// address that is not verified, too.
func standing(status string) string {
	switch status {
	case "CONFIRMED", "EXTERNAL_PROVIDER", "UNVERIFIED":
		return "passed"
	}
	return "refused"
}
