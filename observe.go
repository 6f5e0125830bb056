package doorwright

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/auth0"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/tty"
)

// requestEvent tells of one request and its decision.
func (a *App) requestEvent(api string, e gateway.Entry) {
	r := &Request{
		API: api, Method: e.Method, Path: e.Path, RouteKey: e.RouteKey,
		Status: e.Status, Function: e.Function, Duration: e.Duration,
	}
	r.Refused = !e.Allowed || e.Refusal != nil || e.Status >= 500 && e.Err != nil
	for _, reason := range e.Reasons {
		r.Reasons = append(r.Reasons, reason.Text)
	}
	if e.Err != nil {
		r.Cause = printable(e.Err.Error())
	}
	text := e.String()
	hint := e.Hint()
	if list := a.adviseRequest(context.Background(), api, &e); len(list) > 0 {
		hint = printable(list[0].Text)
	}
	if hint != "" {
		text += " (" + hint + ")"
		r.Hint = hint
	}
	if e.Stack != "" {
		a.observe(Event{Time: e.Time, Kind: KindError, Source: api, RequestID: e.RequestID, Text: internalError(e.Err, e.Stack)})
	}
	a.decided(api, &e) // before anybody is told of it, and might ask
	a.observe(Event{Time: e.Time, Kind: KindRequest, Source: api, RequestID: e.RequestID, Text: text, Request: r})
}

// internalError says a panic in a way that can be reported.
func internalError(cause any, stack string) string {
	return fmt.Sprintf("internal error: %v\n%s\nThis is a fault of doorwright's; please report it with the lines above.", cause, stack)
}

// denied has an event of an operation that was refused for its signature, or that policies
// denied, say what would let it in, in the one line that the terminal has.
func (a *App) denied(e Event, o operation) Event {
	if o.Code == "" { // it may have gone on without what one of the policies denies
		return e
	}
	hint := ""
	if reason := a.signatureOf(o); reason != nil {
		e.Refused, hint = true, reason.Hint
	}
	for _, of := range o.decisions {
		if of.Allowed {
			continue
		}
		e.Refused = true
		if list := a.advise(of, of.Considered()); len(list) > 0 {
			hint = list[0].Text
		}
		break
	}
	if hint != "" {
		e.Text += " (" + printable(hint) + ")"
	}
	return e
}

// functionEvent tells of builds and reloads, compile errors with their place.
func (a *App) functionEvent(e lambda.Event) {
	kind := KindProgress
	switch e.Kind {
	case lambda.BuildFailed, lambda.InitFailed:
		kind = KindError
	case lambda.Warned:
		kind = KindWarning
	case lambda.Built, lambda.Reloaded:
		a.forgetAnswers(e.Functions)
	}
	lines := []string{a.byHandler(e.Text, e.Functions)}
	for _, d := range e.Diagnostics {
		lines = append(lines, d.Relative(a.dir).Detail())
	}
	a.observe(Event{Time: e.Time, Kind: kind, Source: a.byHandler(strings.Join(e.Functions, ", "), e.Functions), Text: printableLines(strings.Join(lines, "\n"))})
}

// forgetAnswers lets authorizers ask functions anew whose code has changed.
func (a *App) forgetAnswers(functions []string) {
	for _, z := range a.guards {
		if slices.Contains(functions, z.Function()) {
			z.Flush()
		}
	}
}

// byHandler says in a text what the declaration calls the functions.
func (a *App) byHandler(text string, functions []string) string {
	functions = slices.SortedFunc(slices.Values(functions), func(x, y string) int { return len(y) - len(x) })
	var pairs []string
	for _, f := range functions { // the longest first: one may begin as another does
		pairs = append(pairs, f, a.handlerOf[f])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// functionLine tells of one line that a function, or Lambda about it, wrote.
func (a *App) functionLine(l lambda.Line) {
	a.keepLine(l)
	a.decisions.Line(l.RequestID, l.Text)
	a.observe(Event{Time: l.Time, Kind: KindFunction, Source: a.handlerOf[l.Function], Line: string(l.Kind), RequestID: l.RequestID, Text: printable(l.Text)})
}

func (a *App) poolEvent(e cognito.Event) {
	kind := KindPool
	if e.Fault() {
		kind = KindError
	}
	text := a.byHandler(e.String(), slices.Collect(maps.Keys(a.handlerOf))) // a trigger's refusal names its function
	o := operation{Outcome: e.Outcome, service: serviceCognitoIDP, resource: e.Pool, fix: e.Fix, decisions: e.Decisions}
	a.operated(o)
	a.observe(a.denied(Event{Time: e.Time, Kind: kind, Source: printable(e.Pool), RequestID: e.RequestID, Text: text}, o))
}

// stsEvent tells of a call of STS.
func (a *App) stsEvent(e iam.Event) {
	kind := KindService
	if e.Fault() {
		kind = KindError
	}
	o := operation{Outcome: e.Outcome, service: serviceSTS, decisions: e.Decisions}
	a.operated(o)
	a.observe(a.denied(Event{Time: e.Time, Kind: kind, Source: "sts", RequestID: e.RequestID, Text: e.String()}, o))
}

func (a *App) tenantEvent(e auth0.Event) {
	kind := KindTenant
	if e.Fault() {
		kind = KindError
	}
	a.observe(Event{Time: e.Time, Kind: kind, Source: e.Tenant, RequestID: e.RequestID, Text: e.String()})
	a.operated(operation{
		Outcome: aws.Outcome{
			Time: e.Time, Duration: e.Duration, RequestID: e.RequestID, Operation: e.Operation, Code: e.Code, Message: e.Description, Reason: e.Reason, Request: e.Request,
		},
		service: e.Tenant, resource: e.Application, tell: a.scopesOf(e), size: sizeOfScopes(e),
	})
}

// codeEvent tells that a message was sent. The code itself is for the eyes of
// a person at a terminal; everybody else finds it in the mailbox.
func (a *App) codeEvent(c cognito.CodeSent) {
	a.observe(Event{
		Kind: KindCode, Source: printable(c.Pool), Secret: c.Code, Mailbox: a.state.Mailbox().Dir(),
		Text: fmt.Sprintf("%s: a message to %s (%s)", c.Purpose, printable(c.To), c.Medium),
	})
}

// mailEvent tells that a tenant sent a mail. The link in it is as secret as a code.
func (a *App) mailEvent(m auth0.MailSent) {
	a.observe(Event{
		Kind: KindCode, Source: printable(m.Tenant), Secret: m.Link, Mailbox: a.state.Mailbox().Dir(),
		Text: fmt.Sprintf("%s: a message to %s (EMAIL)", m.Purpose, printable(m.To)),
	})
}

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// printable lets a function colour its lines but not move the cursor, clear
// the screen or set the terminal's title.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := colourSequence(s[i:]); n > 0 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != '\t' && tty.Acts(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// colourSequence gives the length of a "select graphic rendition" sequence at
// the start of s (ECMA-48, section 8.3.117), or 0.
func colourSequence(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
