package doorwright

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/tty"
	"github.com/doorwright/doorwright/verify"
)

// What is kept of the last requests.
const (
	keptRequests = 1000
	keptBytes    = 16 << 20
)

// An Explanation is the story of one request: why it was let in or refused, and what
// would flip that.
type Explanation = explain.Explanation

// Explain says why a request was answered as it was, by its apigw-requestid or
// x-amzn-RequestId, or the beginning of it. It is false if the request is not kept.
func (a *App) Explain(requestID string) (*Explanation, bool) {
	rec, ok := a.decisions.Find(requestID)
	if !ok {
		return nil, false
	}
	x := a.named(a.decisions.Explain(rec))
	a.readvise(context.Background(), x, rec)
	return x, true
}

// readvise has an explanation advise what those who know now what would let in whom say,
// in the place of what could be said without them.
func (a *App) readvise(ctx context.Context, x *Explanation, rec explain.Record) {
	if rec.Entry == nil {
		return
	}
	if list := a.adviseRequest(ctx, rec.Source, rec.Entry); len(list) > 0 {
		x.Advice = list
	}
	if len(x.Advice) != 1 {
		return
	}
	if command := a.goodCommand(rec.Source, rec.Entry, x.Advice[0].Change); command != "" {
		x.Advice = append(x.Advice, explain.Advice{Text: "(" + command + ")"})
	}
}

// goodCommand gives the command that makes what a request is without: a token, one with
// the scope that is advised, or a signature.
func (a *App) goodCommand(api string, e *gateway.Entry, advised *authorizer.Change) string {
	if len(e.Reasons) != 1 || advised == nil {
		return ""
	}
	prints := func(scopes []string) string {
		if command := a.tokenCommand(api, e, scopes); command != "" {
			return command + " prints one"
		}
		return ""
	}
	switch r := &e.Reasons[0]; r.Code {
	case authorizer.CodeTokenAbsent:
		return prints(a.routeScopes(api, e.RouteKey))
	case string(verify.WrongSegments):
		if advised.Where != authorizer.AtLogin { // which names it
			return prints(a.routeScopes(api, e.RouteKey))
		}
	case authorizer.CodeInsufficientScope:
		if e.Trace == nil {
			return ""
		}
		if kind, _ := e.Trace.Claims.String("gty"); advised.Where == authorizer.AtLogin && kind == "" { // a user's
			return prints([]string{advised.Value})
		}
	case authorizer.CodeUnsigned, authorizer.CodeSignatureRefused:
		unsigned := r.Change != nil && r.Change.Name == "request" && !r.Facts[0].Match
		if stranger := r.Change != nil && r.Change.Name == "credentials"; !unsigned && !stranger {
			return ""
		}
		if command := a.signingCommand(api, e); command != "" {
			return command + " signs it"
		}
	}
	return ""
}

// signingCommand gives the command that sends a request signed by a user with keys of an
// identity pool, or "".
func (a *App) signingCommand(api string, e *gateway.Entry) string {
	pools := a.poolsTaking(TokenQuery{})
	if len(pools) == 0 {
		return ""
	}
	path := e.Path
	for _, s := range a.apis {
		if s.name == api && s.decl.StageName != gateway.DefaultStage {
			path = strings.TrimPrefix(path, "/"+s.decl.StageName)
		}
	}
	if strings.Contains(path, "*") || path == "" { // something was left out of it
		path = "PATH"
	}
	command := "doorwright call " + tty.ShellWord(e.Method) + " " + tty.ShellWord(path) + " --user USER"
	if len(a.apis) > 1 {
		command += " --api " + api
	}
	if len(pools) > 1 {
		command += " --identity-pool " + pools[0]
	}
	if logins := a.loginsOfPool(pools[0], TokenQuery{}); len(logins) > 1 {
		command += " " + logins[0].issuer()
	}
	return command
}

// named calls functions what the declaration calls them.
func (a *App) named(x *Explanation) *Explanation {
	functions := slices.Collect(maps.Keys(a.handlerOf))
	called := func(text string) string { return a.byHandler(text, functions) }
	function := func(i *explain.Invocation) {
		if i != nil {
			i.Function = called(i.Function)
		}
	}
	x.Verdict = called(x.Verdict)
	for i := range x.Steps {
		s := &x.Steps[i]
		s.Name, s.Text = called(s.Name), called(s.Text)
		function(s.Function)
	}
	for i := range x.Advice {
		x.Advice[i].Text = called(x.Advice[i].Text)
	}
	function(x.Function)
	a.inDeclaration(x)
	return x
}

// ExplainRequest says what would become of a request to an API, whose path is r's,
// with the stage if the API has one. Nothing is invoked but an authorizer function.
// It may be called once everything answers.
func (a *App) ExplainRequest(ctx context.Context, api string, r *http.Request) (*Explanation, error) {
	for _, s := range a.apis {
		if s.name != api {
			continue
		}
		e := s.gateway.Explain(s.received(r.WithContext(ctx)))
		rec := explain.Record{Source: api, Entry: &e}
		x := explain.Of(rec)
		x.DryRun, x.RequestID = true, ""
		a.named(x)
		a.readvise(ctx, x, rec)
		return x, nil
	}
	return nil, fmt.Errorf("there is no API %q", api)
}

// received fills in what a request has by having come to the API: an address, a host and
// a line.
func (s *servedAPI) received(r *http.Request) *http.Request {
	if r.RemoteAddr == "" {
		r.RemoteAddr = "127.0.0.1:0"
	}
	if r.Host == "" {
		r.Host = fmt.Sprintf("localhost:%d", s.listener.port)
	}
	if r.RequestURI == "" {
		r.RequestURI = r.URL.RequestURI()
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.listener.port}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
}

// decided keeps what decided on a request to an API.
func (a *App) decided(api string, e *gateway.Entry) {
	a.decisions.AddEntry(api, e)
}

// explainQuery asks a running stage why a request was answered as it was.
type explainQuery struct{ RequestID string }

// ReadExplanation asks the running stage of the app in dir why a request was answered
// as it was, by its id or the beginning of it.
func ReadExplanation(ctx context.Context, dir, stage, requestID string) (*Explanation, error) {
	var x Explanation
	if err := askStage(ctx, dir, stage, explainTarget, explainQuery{requestID}, &x); err != nil {
		return nil, err
	}
	return &x, nil
}

func (a *App) queriedExplanation(_ context.Context, q explainQuery) (any, error) {
	x, ok := a.Explain(q.RequestID)
	if !ok {
		return nil, a.notKept(q.RequestID)
	}
	return x, nil
}

// notKept says why there is no one request of an id.
func (a *App) notKept(requestID string) error {
	if n := a.decisions.Count(requestID); n > 1 {
		return fmt.Errorf("%d requests begin with %.100q: give more of the id", n, requestID)
	}
	kept, _ := a.decisions.Len()
	return fmt.Errorf("no request %.100q is kept: of %s since the start, at most %d; the id is the apigw-requestid or x-amzn-RequestId of the answer",
		requestID, plural(kept, "request"), keptRequests)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// A RequestQuery is a request that is not sent: see ReadDryRun.
type RequestQuery struct {
	// API may be empty if there is one.
	API    string
	Method string
	// Path is below the API's URL, with its query, or is a whole URL of an API.
	Path   string
	Header http.Header
	Body   []byte
}

// ReadDryRun asks the running stage of the app in dir what would become of a request.
// Nothing is invoked but an authorizer function.
func ReadDryRun(ctx context.Context, dir, stage string, q RequestQuery) (*Explanation, error) {
	var x Explanation
	if err := askStage(ctx, dir, stage, dryTarget, q, &x); err != nil {
		return nil, err
	}
	return &x, nil
}

func (a *App) queriedDryRun(ctx context.Context, q RequestQuery) (any, error) {
	s, path, err := a.apiOf(q)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, path, bytes.NewReader(q.Body))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if q.Header != nil {
		r.Header = q.Header
	}
	return a.ExplainRequest(ctx, s.name, r)
}

// apiOf finds the API of a request, and its URL there.
func (a *App) apiOf(q RequestQuery) (*servedAPI, string, error) {
	whole := strings.HasPrefix(q.Path, "http://") || strings.HasPrefix(q.Path, "https://")
	var names []string
	for _, s := range a.apis {
		names = append(names, s.name)
		below, of := strings.CutPrefix(q.Path, s.url())
		switch {
		case whole && of && (below == "" || strings.IndexByte("/?", below[0]) >= 0):
			return s, q.Path, nil
		case !whole && (q.API == s.name || q.API == "" && len(a.apis) == 1):
			return s, s.url() + "/" + strings.TrimPrefix(q.Path, "/"), nil
		}
	}
	switch {
	case whole:
		return nil, "", errors.New("the URL is not of an API of this stage")
	case q.API == "":
		return nil, "", fmt.Errorf("which API? --api is one of %s", strings.Join(names, ", "))
	}
	return nil, "", fmt.Errorf("there is no API %q: the APIs are %s", q.API, strings.Join(names, ", "))
}
