package doorwright

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/matrix"
)

// A MatrixCaller is a caller of the matrix beside those of the declaration.
type MatrixCaller struct {
	// Name names the caller, and About says in words who that is.
	Name, About string
	// Send adds to a request to a route what the caller sends, such as a header.
	Send func(api, route string, r *http.Request)
}

// Matrix says of each declared route what each caller gets there: nobody, a forged and
// an expired token, users without a role and of each role and group, applications,
// credentials of each role of identity pools, functions that may call. Nothing is invoked
// but the functions of authorizers, and those that change what is in tokens: triggers
// preTokenGeneration and post-login Actions. Nothing is kept: the tokens are signed for
// users who are not there. It may be called once everything answers.
func (a *App) Matrix(ctx context.Context, more ...MatrixCaller) (*matrix.Matrix, error) {
	p, err := a.matrixPlan(ctx, more...)
	if err != nil {
		return nil, err
	}
	return &p.Matrix, nil
}

// A matrixPlan is a matrix, and what has to be sent to ask the same of another
// deployment of the declaration.
type matrixPlan struct {
	matrix.Matrix
	// URLs are the base URLs of APIs.
	URLs      map[string]string `json:"urls"`
	Questions []matrix.Question `json:"questions"` // one for each row
	// Sent are the indexes in Credentials of what each cell's caller sends.
	Sent        [][]int              `json:"sent"`
	Credentials []matrix.Credentials `json:"credentials"`
}

// A matrixRow is a route with a concrete request.
type matrixRow struct {
	served     *servedAPI
	route      app.ResolvedRoute
	authorizer *app.Authorizer // nil for iam and none
	issuer     *matrixIssuer   // whose tokens the authorizer takes; nil if that is not known
	question   matrix.Question
	reachable  bool
}

func (r *matrixRow) signed() bool { return r.route.Authorizer == app.AuthorizerIAM }

// takesIDTokens says whether the route takes ID tokens in place of access tokens, as
// routes of REST APIs do that ask for no scope.
func (r *matrixRow) takesIDTokens() bool {
	return r.served.decl.Protocol == app.ProtocolREST && r.authorizer != nil && r.authorizer.Type == "user_pool" && len(r.route.Scopes) == 0
}

// matrixPlan asks the gateways.
func (a *App) matrixPlan(ctx context.Context, more ...MatrixCaller) (*matrixPlan, error) {
	rows, err := a.matrixRows(ctx)
	if err != nil {
		return nil, err
	}
	callers, err := a.matrixCallers(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("finding the callers of the matrix: %w", err)
	}
	for _, c := range more {
		callers = append(callers, matrixCaller{column: matrix.Column{Name: c.Name, About: c.About, Kind: matrix.Own}, send: c.Send})
	}
	p := &matrixPlan{URLs: map[string]string{}}
	for _, s := range a.apis {
		p.URLs[s.name] = s.url()
	}
	for _, c := range callers {
		if slices.ContainsFunc(p.Columns, func(o matrix.Column) bool { return o.Name == c.column.Name }) {
			return nil, fmt.Errorf("the matrix has two callers %q: give one another name", c.column.Name)
		}
		p.Columns = append(p.Columns, c.column)
	}
	index := map[matrix.Credentials]int{}
	for _, row := range rows {
		r := matrix.Row{API: row.served.name, Route: row.route.Key, Authorizer: row.route.Authorizer}
		sent := make([]int, 0, len(callers))
		for _, c := range callers {
			credentials, err := c.credentials(ctx, row)
			without := noToken(ctx, err)
			if err != nil && without == "" {
				return nil, fmt.Errorf("asking as %s for %s %s: %w", c.column.Name, r.API, r.Route, err)
			}
			at, known := index[credentials]
			if !known {
				at = len(p.Credentials)
				index[credentials] = at
				p.Credentials = append(p.Credentials, credentials)
			}
			sent = append(sent, at)
			cell := matrix.Cell{Outcome: matrix.NoToken, Why: without}
			if without == "" || row.authorizer == nil { // a route that asks for a token
				if cell, err = a.matrixCell(ctx, row, c, credentials); err != nil {
					return nil, err
				}
			}
			r.Cells = append(r.Cells, cell)
		}
		p.Rows, p.Questions, p.Sent = append(p.Rows, r), append(p.Questions, row.question), append(p.Sent, sent)
	}
	return p, nil
}

// matrixCell asks a gateway what a caller would get.
func (a *App) matrixCell(ctx context.Context, row *matrixRow, c matrixCaller, credentials matrix.Credentials) (matrix.Cell, error) {
	if err := ctx.Err(); err != nil {
		return matrix.Cell{}, err
	}
	if c.column.Kind == matrix.NoAPIKey || c.column.Kind == matrix.WrongAPIKey {
		if !row.route.APIKeyRequired {
			return matrix.Cell{Outcome: matrix.NotAsked}, nil
		}
	}
	if !row.reachable {
		return matrix.Cell{Outcome: matrix.Unreachable, Why: "other routes are in front of it"}, nil
	}
	r, err := row.question.Request(ctx, row.served.url(), credentials, a.cfg.Now())
	if err != nil {
		return matrix.Cell{}, err
	}
	if c.send != nil {
		c.send(row.served.name, row.route.Key, r)
	}
	e := dryRun(row.served, r)
	x := explain.Of(explain.Record{Source: row.served.name, Entry: &e})
	x.DryRun = true
	cell := matrix.Cell{Outcome: matrix.Allowed, Explanation: x}
	var why []string
	for _, reason := range e.Reasons {
		why = append(why, reason.Text)
	}
	if e.Err != nil {
		why = append(why, e.Err.Error())
	}
	cell.Why = printable(strings.Join(why, "; "))
	if e.Status != 0 {
		cell.Outcome = strconv.Itoa(e.Status)
	}
	return cell, nil
}

// dryRun decides on a request as if the API's listener had received it from this
// machine.
func dryRun(s *servedAPI, r *http.Request) gateway.Entry {
	r = r.Clone(r.Context())
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	r.URL.Scheme, r.URL.Host = "", ""
	return s.gateway.Explain(r)
}

// matrixRows makes a concrete request for each declared route.
func (a *App) matrixRows(ctx context.Context) ([]*matrixRow, error) {
	var rows []*matrixRow
	issuers := map[*app.Authorizer]*matrixIssuer{}
	for _, route := range a.decl.Routes() {
		row := &matrixRow{route: route}
		for _, s := range a.apis {
			if s.name == route.API {
				row.served = s
			}
		}
		if decl, ok := row.served.decl.Authorizers.Get(route.Authorizer); ok {
			row.authorizer = decl
			if _, known := issuers[decl]; !known {
				issuer, err := a.issuerOf(decl)
				if err != nil {
					return nil, err
				}
				issuers[decl] = issuer
			}
			row.issuer = issuers[decl]
		}
		for _, q := range questionsOf(row, a.decl.Region) {
			r, err := q.Request(ctx, row.served.url(), matrix.Credentials{}, a.cfg.Now())
			if err != nil {
				return nil, err
			}
			if row.question.Method == "" {
				row.question = q
			}
			if dryRun(row.served, r).RouteKey == route.Key {
				row.question, row.reachable = q, true
				break
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// What stands for any method, and for a path parameter: the first that the route gets.
// Another route may be in front of it.
var (
	anyMethod     = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions}
	pathParameter = []string{"1", "doorwright", "doorwright/1/2/3/4/5/6/7"}
)

// questionsOf gives requests of which a route is likely to get the first.
func questionsOf(row *matrixRow, region string) []matrix.Question {
	base := matrix.Question{
		Tokens: tokenPlaces(row.authorizer), Signed: row.signed(), Function: row.authorizer != nil && row.authorizer.Type == "lambda",
		APIKey: row.route.APIKeyRequired, Region: region, Header: map[string]string{},
	}
	var query []string
	for _, p := range row.route.RequestParameters {
		if name, ok := strings.CutPrefix(p, "method.request.header."); ok {
			base.Header[name] = "1"
		} else if name, ok := strings.CutPrefix(p, "method.request.querystring."); ok {
			query = append(query, name+"=1")
		}
	}
	base.Query = strings.Join(query, "&")
	method, path, _ := strings.Cut(row.route.Key, " ")
	if row.route.Key == "$default" {
		method, path = "ANY", "/{proxy+}"
	}
	methods := []string{method}
	if method == "ANY" {
		methods = anyMethod
	}
	var all []matrix.Question
	for _, value := range pathParameter {
		filled := fillPath(path, value)
		for _, m := range methods {
			q := base
			q.Method, q.Path = m, filled
			all = append(all, q)
		}
		if filled == path {
			break
		}
	}
	return all
}

// fillPath gives a path's parameters a value; only a greedy one has slashes.
func fillPath(path, value string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		switch {
		case strings.HasPrefix(s, "{") && strings.HasSuffix(s, "+}"):
			segments[i] = value
		case strings.HasPrefix(s, "{"):
			segments[i], _, _ = strings.Cut(value, "/")
		}
	}
	return strings.Join(segments, "/")
}

// tokenPlaces gives where an authorizer looks for a token.
func tokenPlaces(decl *app.Authorizer) []matrix.Place {
	var places []matrix.Place
	if decl != nil {
		for _, source := range decl.IdentitySource {
			_, source, _ = strings.Cut(source, "request.")
			if name, ok := strings.CutPrefix(source, "header."); ok {
				places = append(places, matrix.Place{Header: name})
			} else if name, ok := strings.CutPrefix(source, "querystring."); ok {
				places = append(places, matrix.Place{Query: name})
			}
		}
	}
	if len(places) == 0 {
		return []matrix.Place{matrix.Bearer}
	}
	return places
}
