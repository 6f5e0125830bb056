package doorwright

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/console"
	"github.com/doorwright/doorwright/internal/matrix"
	"github.com/doorwright/doorwright/verify"
)

// inspectToken tells the console what the stage makes of a token: whether the issuer
// that it names has signed it, and what a request with it would come to at each route.
// Nothing of the token is kept, and keys are fetched from issuers alone that an
// authorizer names: an issuer that somebody has written into a token is not asked.
func (a *App) inspectToken(ctx context.Context, token, issuer string) (console.Inspection, error) {
	var in console.Inspection
	var err error
	if issuer != "" {
		if in, err = a.verifyToken(ctx, token, issuer); err != nil {
			return console.Inspection{}, err
		}
	}
	rows, err := a.matrixRows(ctx)
	if err != nil {
		return console.Inspection{}, err
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return console.Inspection{}, err
		}
		o := console.Opened{API: row.served.name, Route: row.route.Key}
		if row.reachable {
			r, err := row.question.Request(ctx, row.served.url(), matrix.Credentials{Token: token, APIKey: row.served.rightKey()}, a.cfg.Now())
			if err != nil {
				return console.Inspection{}, err
			}
			if o.Explanation, err = a.ExplainRequest(ctx, o.API, r); err != nil {
				return console.Inspection{}, err
			}
		}
		in.Opens = append(in.Opens, o)
	}
	return in, nil
}

// A knownIssuer is one whose tokens the stage can verify.
type knownIssuer struct {
	name, issuer string
	keys         verify.KeySet
}

// knownIssuers gives the stage's user pools and tenants, and the issuers elsewhere that
// authorizers name.
func (a *App) knownIssuers() []knownIssuer {
	var all []knownIssuer
	for name := range a.decl.UserPools.All() {
		pool := a.pools.Pool(name)
		all = append(all, knownIssuer{"user pool " + name, pool.Issuer(), pool})
	}
	for name := range a.decl.Tenants.All() {
		if tenant := a.tenants.Tenant(name); tenant != nil {
			all = append(all, knownIssuer{"tenant " + name, tenant.Issuer(), tenant})
		}
	}
	for _, k := range a.elsewhere {
		if !slices.ContainsFunc(all, func(o knownIssuer) bool { return o.issuer == k.issuer }) {
			all = append(all, k)
		}
	}
	return all
}

// verifyToken verifies a token for nobody in particular: whom it is for is a matter of
// each route.
func (a *App) verifyToken(ctx context.Context, token, issuer string) (console.Inspection, error) {
	var in console.Inspection
	known := a.knownIssuers()
	near := ""
	for _, k := range known {
		in.Known = append(in.Known, k.name+" ("+k.issuer+")")
		if k.issuer != issuer && strings.TrimSuffix(k.issuer, "/") == strings.TrimSuffix(issuer, "/") {
			near = k.name
		}
	}
	i := slices.IndexFunc(known, func(k knownIssuer) bool { return k.issuer == issuer })
	if i < 0 {
		in.Refusal = fmt.Sprintf("its issuer %.200q is none that this stage knows, so that there is no key to verify it with", issuer)
		if near != "" {
			in.Refusal = fmt.Sprintf("its issuer %.200q differs from that of %s by the slash at its end, and counts as another", issuer, near)
		}
		return in, nil
	}
	in.Issuer = known[i].name
	v, err := verify.New(verify.Config{
		Issuer: issuer, InsecureSkipAudience: true, Keys: known[i].keys, Now: a.cfg.Now, CacheSize: -1,
		Algorithms: []verify.Algorithm{verify.RS256, verify.RS384, verify.RS512}, // API Gateway's
	})
	if err != nil {
		return console.Inspection{}, err
	}
	_, err = v.Verify(ctx, token)
	var refusal *verify.Error
	switch {
	case err == nil:
		in.Verified = true
	case errors.As(err, &refusal):
		in.Refusal = printable(refusal.Message())
	default:
		return console.Inspection{}, err
	}
	return in, nil
}

// consoleMatrix makes the matrix for the console, whose pages call functions what the
// declaration calls them.
func (a *App) consoleMatrix(ctx context.Context) (*matrix.Matrix, error) {
	m, err := a.Matrix(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range m.Rows {
		for _, cell := range row.Cells {
			if cell.Explanation != nil {
				cell.Explanation.RequestID = "" // nobody has sent it
				a.named(cell.Explanation)
			}
		}
	}
	return m, nil
}

// deciders are the functions that the matrix invokes: authorizers, and those that change
// what is in tokens.
func (a *App) deciders() []string {
	var all []string
	for _, z := range a.guards {
		all = append(all, z.Function())
	}
	for _, t := range a.decl.Triggers() {
		if t.Trigger == "preTokenGeneration" {
			all = append(all, t.Function)
		}
	}
	for _, x := range a.decl.Actions() {
		all = append(all, x.Function)
	}
	return all
}

// changesCallers says whether others may be let in after an event than before: a role, a
// group or what it may do was changed, or a function that decides.
func (a *App) changesCallers(e Event) bool {
	operation, _, _ := strings.Cut(e.Text, ":")
	switch e.Kind {
	case KindPool:
		operation, _, _ = strings.Cut(operation, " ")
		return strings.HasSuffix(e.Text, ": ok") && slices.Contains([]string{
			"AdminAddUserToGroup", "AdminRemoveUserFromGroup", "CreateGroup", "UpdateGroup", "DeleteGroup", "CreateUserPoolClient", "UpdateUserPoolClient",
			"DeleteUserPoolClient", "CreateResourceServer", "UpdateResourceServer", "DeleteResourceServer",
		}, operation)
	case KindTenant:
		method, path, _ := strings.Cut(operation, " ")
		below, management := strings.CutPrefix(path, "/api/v2/")
		below, _, _ = strings.Cut(below, " ")
		switch kind, rest, _ := strings.Cut(below, "/"); {
		case !management || method == "GET" || !strings.Contains(e.Text, ": ok"):
			return false
		case kind == "users":
			return strings.HasSuffix(rest, "/roles") || strings.HasSuffix(rest, "/permissions")
		default:
			return slices.Contains([]string{"roles", "resource-servers", "client-grants", "clients"}, kind)
		}
	case KindProgress:
		for _, function := range a.deciders() {
			if e.Source != "" && strings.Contains(e.Source, a.handlerOf[function]) {
				return true
			}
		}
	}
	return false
}
