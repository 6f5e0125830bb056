package cognito

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// A Specimen is a token that shows what an authorizer says of tokens of its kind: it is
// signed by the pool as others are, for a user who is not there. Nothing is kept of it,
// and the pool's own operations refuse it, for its sign-in never was. The function before
// tokens runs, as it changes what is in them.
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

// ErrNoToken is that the function before tokens gives such a user none.
var ErrNoToken = errors.New("the trigger PreTokenGeneration gives no token")

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
		changes, err := cl.beforeMachineToken(ctx, s.Scopes, nil)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoToken, err)
		}
		claims, err := changes.onAccess(accessClaims{
			Subject: cl.id, Issuer: cl.pool.Issuer(), ClientID: cl.id, TokenUse: "access", Scope: g.scope, AuthTime: s.Issued.Unix(),
			Expires: s.Issued.Add(cl.accessValidity()).Unix(), IssuedAt: s.Issued.Unix(), Version: 2, JTI: aws.NewRequestID(),
		})
		if err != nil {
			return "", err
		}
		return keys.access.sign(claims)
	}
	u := cl.pool.nobody()
	groups, err := cl.pool.membershipsIn(ctx, s.Groups)
	if err != nil {
		return "", err
	}
	var changes *tokenChanges
	if cl.pool.has(triggerPreToken) {
		source := tokensSignedIn
		if g.hosted() {
			source = tokensHosted
		}
		if changes, err = cl.preTokenGeneration(ctx, source, g, u, groups); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoToken, err)
		}
	}
	if s.ID {
		return keys.id.sign(changes.onID(cl.idClaims(g, u, groups, s.Issued)))
	}
	claims := accessClaims{
		Subject: u.sub, Issuer: cl.pool.Issuer(), ClientID: cl.id, OriginJTI: g.originJTI, EventID: g.event, TokenUse: "access",
		Scope: strings.Join(g.scopes(), " "), AuthTime: s.Issued.Unix(), Expires: s.Issued.Add(cl.accessValidity()).Unix(),
		IssuedAt: s.Issued.Unix(), JTI: aws.NewRequestID(), Username: u.username, Groups: groups.names,
	}
	if g.hosted() {
		claims.Version = 2
	}
	changed, err := changes.onAccess(claims)
	if err != nil {
		return "", err
	}
	return keys.access.sign(changed)
}

// nobody is a user who is not there: confirmed, with an address if that is what users
// sign in with.
func (p *Pool) nobody() *user {
	u := &user{sub: aws.NewRequestID(), status: statusConfirmed}
	u.username = u.sub
	u.attributes = map[string]string{"sub": u.sub}
	for _, name := range slices.Concat(p.cfg.UsernameAttributes, p.cfg.AliasAttributes) {
		switch name {
		case "email":
			u.attributes[name], u.attributes[name+"_verified"] = "nobody@example.com", "true"
		case "phone_number":
			u.attributes[name], u.attributes[name+"_verified"] = "+12025550100", "true"
		}
	}
	return u
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
