package console

import (
	"net/http"
)

// A page is something that the console answers.
type page struct {
	// pattern is http.ServeMux's: "GET /requests/{id}".
	pattern string
	// nav is its name in the navigation, and path where that leads; "" for none.
	nav, path string
	// group parts the navigation.
	group string
	// have says whether the console has what the page needs; nil is always.
	have func(*Config) bool
	// template is the file in templates/, without .html; of a form, of the page that
	// shows it again.
	template string
	// show gives the title and what the template shows; do changes something. One of
	// them is set.
	show func(*Console, *http.Request) (title string, data any, err error)
	do   func(*Console, *http.Request) (done, error)
}

// done says what follows a form.
type done struct {
	to   string // where the browser goes next
	text string // what is said there; of an error, it is the error
	// again is set for a form that was refused: what the page's template shows, with
	// what was typed and why, under title. Nobody is sent anywhere then.
	again any
	title string
}

// The groups of the navigation, in their order.
const (
	groupTraffic = "Traffic"
	groupPeople  = "People"
	groupTools   = "Tools"
)

// allPages are all pages, in the order of the navigation. It is never changed.
var allPages = []page{
	{pattern: "GET /{$}", nav: "Overview", path: "/", group: groupTraffic, template: "routes", show: (*Console).showRoutes},
	{pattern: "GET /requests", nav: "Requests", path: "/requests", group: groupTraffic, template: "requests", show: (*Console).showRequests},
	{pattern: "GET /requests/{id}", path: "/requests", template: "request", have: func(c *Config) bool { return c.Story != nil }, show: (*Console).showRequest},
	{pattern: "GET /activity", nav: "Activity", path: "/activity", group: groupTraffic, template: "activity", show: (*Console).showActivity},
	{pattern: "GET /functions", nav: "Functions", path: "/functions", group: groupTraffic, have: hasFunctions, template: "functions", show: (*Console).showFunctions},
	{pattern: "GET /functions/{name}", have: hasFunctions, template: "function", show: (*Console).showFunction},
	{pattern: "POST /functions/{name}/invoke", have: hasFunctions, do: (*Console).doInvoke},

	{pattern: "GET /users", nav: "Users", path: "/users", group: groupPeople, have: hasPeople, template: "users", show: (*Console).showPlaces},
	{pattern: "GET /users/{kind}/{place}", have: hasPeople, template: "users", show: (*Console).showUsers},
	{pattern: "GET /users/{kind}/{place}/new", have: hasPeople, template: "user-new", show: (*Console).showNewUser},
	{pattern: "POST /users/{kind}/{place}/new", have: hasPeople, template: "user-new", do: (*Console).doNewUser},
	{pattern: "GET /users/{kind}/{place}/groups", have: hasPeople, template: "groups", show: (*Console).showGroups},
	{pattern: "POST /users/{kind}/{place}/groups", have: hasPeople, template: "groups", do: (*Console).doGroup},
	{pattern: "GET /users/{kind}/{place}/user", have: hasPeople, template: "user", show: (*Console).showUser},
	{pattern: "POST /users/{kind}/{place}/user", have: hasPeople, template: "user", do: (*Console).doUser},
	{pattern: "GET /users/{kind}/{place}/delete", have: hasPeople, template: "user-delete", show: (*Console).showDeleteUser},
	{pattern: "POST /users/{kind}/{place}/delete", have: hasPeople, template: "user-delete", do: (*Console).doDeleteUser},

	{pattern: "GET /mailbox", nav: "Mailbox", path: "/mailbox", group: groupPeople, have: hasMailbox, template: "mailbox", show: (*Console).showMailbox},
	{pattern: "POST /mailbox", have: hasMailbox, template: "mailbox", do: (*Console).doMail},
	{pattern: "GET /identities", nav: "Identity pools", path: "/identities", group: groupPeople, have: hasIdentities, template: "identities", show: (*Console).showIdentities},
	{pattern: "GET /identities/{pool}", have: hasIdentities, template: "identities", show: (*Console).showIdentities},
	{pattern: "POST /identities/{pool}", have: hasIdentities, template: "identities", do: (*Console).doIdentity},

	{pattern: "GET /token", nav: "Token inspector", path: "/token", group: groupTools, have: hasInspector, template: "token", show: (*Console).showToken},
	{pattern: "POST /token", have: hasInspector, template: "token", show: (*Console).showToken},
	{pattern: "GET /matrix", nav: "Matrix", path: "/matrix", group: groupTools, have: hasMatrix, template: "matrix", show: (*Console).showMatrix},
	{pattern: "POST /matrix", have: hasMatrix, do: (*Console).doMatrix},
	{pattern: "GET /matrix/{made}/{row}/{column}", have: hasMatrix, template: "request", show: (*Console).showCell},

	{pattern: "POST /theme", do: (*Console).doTheme},
	{pattern: "POST /leave", do: (*Console).doLeave},
}

// doTheme turns the page light or dark, for the session.
func (c *Console) doTheme(r *http.Request) (done, error) {
	theme := r.PostFormValue("theme")
	if theme != "light" && theme != "dark" && theme != "" {
		return done{}, invalid("There is no such theme.")
	}
	c.cfg.Keys.setTheme(visitorOf(r).session, theme)
	return done{to: ownPath(r.PostFormValue("to"))}, nil
}

// doLeave ends the session.
func (c *Console) doLeave(r *http.Request) (done, error) {
	c.cfg.Keys.end(visitorOf(r).session)
	return done{to: "/"}, nil
}
