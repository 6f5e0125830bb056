// Package console is what `doorwright start` shows in a browser: the routes and
// who may call them, the requests as they arrive, and why each was decided as it
// was.
//
// It owns its pages and who may see them. It owns no data: what a page shows
// comes through the fields of Config, which the root fills, and a page whose
// fields are nil is not there. New starts nothing, and no goroutine outlives the
// request that it works for.
//
// # Adding a page
//
// A page is a file (routes.go) and a template of the same name
// (templates/routes.html), and an entry in the table of pages.go:
//
//   - the file has a method show… of Console that takes the request and gives the
//     page's title and what its template shows. An error made by notFound or
//     invalid becomes an error page with that text; any other becomes 500, and its
//     cause is told to Config.Log.
//   - the template defines "main", and uses what layout.html and parts.html define.
//     Its dot is a frame: .Data is what the method gave, .CSRF goes into each form
//     by {{template "csrf" .}}.
//   - a form posts to an entry with do in place of show. Its method changes
//     something and says where to go next and what to say there; ServeHTTP has
//     checked session, origin and token before it is called. One that must answer
//     with a page, as what was posted must not stay, has show and a POST pattern. A
//     form that was refused shows its page again: done.again.
//   - what is live is a list with data-live="/events?topic=…", into which
//     assets/console.js puts the fragments that stream.go renders by the template
//     of the topic. What is secret is not in the feed: mailbox.go reads it when an
//     event says that there is something. Everything else must work without JavaScript.
//
// There is no style and no script but in assets/: the content security policy
// allows none. Templates are parsed when the first page is asked for, so that a
// stage whose console nobody opens does not pay for it.
package console
