package cognito

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// A Specimen is a token that shows what an authorizer says of tokens of its kind: it is
// signed by the pool as others are, for a user who is not there. Nothing is kept of it,
// no trigger runs, and the pool's own operations refuse it, for its sign-in never was.
type Specimen struct {
	// ID asks for an ID token in place of an access token.
	ID bool
	// Machine asks for the client's own access token, as by client_credentials.
	Machine bool
	// Groups are the groups of the user.
	Groups []string
	// Scopes are those of the access token; none are those of an API sign-in.
	Scopes []string
	// Issued is when it was issued; now if zero.
	Issued time.Time
}

// Specimen signs a token that stands for others of its kind.
func (cl *Client) Specimen(ctx context.Context, s Specimen) (string, error) {
	cl = cl.latest()
	keys, err := cl.pool.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	if s.Issued.IsZero() {
		s.Issued = cl.pool.svc.cfg.Now()
	}
	g := &grant{event: aws.NewRequestID(), originJTI: aws.NewRequestID(), client: cl.id, authTime: s.Issued, scope: strings.Join(s.Scopes, " ")}
	if s.Machine {
		return keys.access.sign(accessClaims{
			Subject: cl.id, Issuer: cl.pool.Issuer(), ClientID: cl.id, TokenUse: "access", Scope: g.scope, AuthTime: s.Issued.Unix(),
			Expires: s.Issued.Add(cl.accessValidity()).Unix(), IssuedAt: s.Issued.Unix(), Version: 2, JTI: aws.NewRequestID(),
		})
	}
	u := &user{sub: aws.NewRequestID()}
	u.username = u.sub
	u.attributes = map[string]string{"sub": u.sub}
	groups, err := cl.pool.membershipsIn(ctx, s.Groups)
	if err != nil {
		return "", err
	}
	if s.ID {
		return keys.id.sign(cl.idClaims(g, u, groups, s.Issued))
	}
	claims := accessClaims{
		Subject: u.sub, Issuer: cl.pool.Issuer(), ClientID: cl.id, OriginJTI: g.originJTI, EventID: g.event, TokenUse: "access",
		Scope: strings.Join(g.scopes(), " "), AuthTime: s.Issued.Unix(), Expires: s.Issued.Add(cl.accessValidity()).Unix(),
		IssuedAt: s.Issued.Unix(), JTI: aws.NewRequestID(), Username: u.username, Groups: groups.names,
	}
	if g.hosted() {
		claims.Version = 2
	}
	return keys.access.sign(claims)
}

// MachineScopes gives the scopes that the client may have for itself, and whether it
// may have tokens of its own at all.
func (cl *Client) MachineScopes() ([]string, bool) {
	cl = cl.latest()
	scopes := slices.DeleteFunc(slices.Clone(cl.cfg.AllowedOAuthScopes), isBuiltIn)
	able := cl.pool.domain != nil && cl.secret != "" && slices.Contains(cl.cfg.AllowedOAuthFlows, "client_credentials") && len(scopes) > 0
	return scopes, able
}

// UserScopes gives the scopes that the client may ask for when users sign in at the
// pool's domain.
func (cl *Client) UserScopes() []string {
	cl = cl.latest()
	flows := cl.cfg.AllowedOAuthFlows
	if cl.pool.domain == nil || !slices.Contains(flows, "code") && !slices.Contains(flows, "implicit") {
		return nil
	}
	return slices.Clone(cl.cfg.AllowedOAuthScopes)
}
