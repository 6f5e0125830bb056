package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
)

// responsePath is where providers send browsers back to
// (https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html).
const responsePath = "/oauth2/idpresponse"

// maxMapped bounds a claim that becomes an attribute.
const maxMapped = 2048

// depart sends the browser to a provider. What it carries is good for this
// browser alone, once.
func (d *domain) depart(w http.ResponseWriter, r *http.Request, c *call, a *authorization, provider *IdentityProviderConfig) {
	ctx, browser := r.Context(), d.engine.Browser(w, r)
	var departure *oidc.Departure
	err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		departure, err = d.engine.Depart(ctx, tx, browser, provider.Name, a.query())
		return err
	})
	var to string
	if err == nil {
		to, err = d.pool.svc.providers.AuthorizationURL(ctx, provider.party(), d.engine.Origin+responsePath, departure)
	}
	if err != nil {
		d.sendError(w, r, c, &authorizationError{refusal: c.refused(fmt.Errorf("sending a browser to identity provider %s: %w", provider.Name, err)), to: a})
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// idpResponse takes a browser back from a provider: first its state, which says
// whose request goes on, then who the provider says it is.
func (d *domain) idpResponse(w http.ResponseWriter, r *http.Request, c *call) {
	if d.engine.Elsewhere(w, r) {
		return
	}
	params, err := oidc.Query(r)
	if err != nil {
		d.sendError(w, r, c, onPage(err, ""))
		return
	}
	a, flight, err := d.arrive(r, c, params)
	if err != nil {
		d.sendError(w, r, c, err)
		return
	}
	tell := func(err error) { d.sendError(w, r, c, &authorizationError{refusal: c.refused(err), to: a}) }
	provider := d.pool.provider(flight.Provider)
	switch {
	case provider == nil || !a.client.usesProvider(flight.Provider):
		tell(bad(oidc.InvalidRequest, "identity provider %s is not the client's any more", flight.Provider))
		return
	case params.Get("iss") != "" && params.Get("iss") != provider.Issuer: // RFC 9207
		tell(bad(oidc.InvalidRequest, "the answer says it is of another issuer"))
		return
	case params.Get("error") != "" || params.Get("code") == "":
		tell(providerRefusal(params))
		return
	}
	ctx := r.Context()
	identity, err := d.pool.svc.providers.Identify(ctx, provider.party(), d.engine.Origin+responsePath, params.Get("code"), flight)
	if err != nil {
		c.note("identity provider " + provider.Name)
		tell(&oidc.Error{Code: oidc.InvalidRequest, Description: "Bad response from the identity provider", Reason: err.Error()})
		return
	}
	c.page, c.client = &pageSignIn{domain: d, auth: a}, a.client
	if err := d.signInFederated(ctx, c, provider, identity); err != nil {
		tell(err)
		return
	}
	d.finish(w, r, c)
}

// arrive ends a browser's flight and reads the request that goes on.
func (d *domain) arrive(r *http.Request, c *call, params oidc.Params) (*authorization, *oidc.Flight, error) {
	ctx := r.Context()
	var flight *oidc.Flight
	var refused error
	err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		var err error
		flight, err = d.engine.Arrive(ctx, tx, d.engine.BrowserOf(r), params.Get("state"))
		var refusal *oidc.Error
		if errors.As(err, &refusal) { // what it used up is used up
			refused = onPage(err, "")
			return nil
		}
		return err
	})
	if err = errors.Join(err, refused); err != nil {
		return nil, nil, err
	}
	again := r.Clone(ctx)
	again.URL = &url.URL{Path: "/oauth2/authorize", RawQuery: flight.Request}
	a, err := d.readAuthorization(again, c)
	return a, flight, err
}

// providerRefusal passes on what a provider said instead of a code, in what of
// its words can be shown.
func providerRefusal(params oidc.Params) error {
	text := func(name string) string {
		s := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' || r == '"' || r == '\\' {
				return -1
			}
			return r
		}, params.Get(name))
		return s[:min(len(s), 300)]
	}
	refusal := &oidc.Error{Code: oidc.InvalidRequest, Description: text("error_description"), Reason: "the identity provider refused: " + text("error")}
	if params.Get("error") == oidc.AccessDenied {
		refusal.Code = oidc.AccessDenied
	}
	if refusal.Description == "" {
		refusal.Description = text("error")
	}
	return refusal
}

// signInFederated signs in who a provider says it is, and makes the user at the
// first time.
func (d *domain) signInFederated(ctx context.Context, c *call, provider *IdentityProviderConfig, id *oidc.Identity) error {
	p, cl := d.pool, c.page.auth.client
	attributes, err := p.mapped(provider, id)
	if err != nil {
		return err
	}
	u, err := p.federated(ctx, provider.Name, id.Subject)
	if err != nil {
		return err
	}
	first := u == nil
	if first {
		u, err = p.newFederated(ctx, provider, id.Subject, attributes)
	} else {
		c.event.User = u.username
		err = cl.preAuthentication(ctx, u, u.username)
	}
	if err != nil {
		return err
	}
	c.event.User = u.username
	var done signedIn
	err = p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		now, err := p.saveFederated(ctx, tx, u, provider.Name, id.Subject, attributes, first)
		if err != nil {
			return err
		}
		return cl.finishSignIn(ctx, tx, now, &done)
	})
	if err != nil {
		return usernameTaken(err, "User already exists")
	}
	// The function before the sign-up may have linked the identity to another.
	if first = first && done.user.sub == u.sub; first {
		// The user stays, whatever the function says of it.
		if err := p.postConfirmation(ctx, confirmedSignUp, done.user); err != nil {
			return cl.undo(ctx, done.grant, err)
		}
	}
	c.page.first = first
	_, err = c.page.complete(ctx, cl, &done)
	return err
}

// mapped gives the attributes that a provider's claims fill. What is not of the
// schema's form is left out, but for what the pool requires.
func (p *Pool) mapped(provider *IdentityProviderConfig, id *oidc.Identity) (map[string]string, error) {
	attributes := map[string]string{}
	for name, claim := range provider.AttributeMapping {
		text, ok := claimText(id.Claims[claim])
		if name == "username" || !ok || text == "" || len(text) > maxMapped {
			continue
		}
		if _, err := p.checkAttributes([]attribute{{name, text}}); err != nil {
			return nil, err
		}
		attributes[name] = text
	}
	if err := p.checkRequired(attributes); err != nil {
		return nil, err
	}
	return attributes, nil
}

// claimText gives a claim as an attribute's text.
func claimText(claim any) (string, bool) {
	switch v := claim.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case nil:
		return "", false
	}
	b, err := json.Marshal(claim)
	return string(b), err == nil
}

// federated gives the user whom a provider knows by a subject, or nil.
func (p *Pool) federated(ctx context.Context, provider, subject string) (u *user, err error) {
	err = p.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = p.federatedIn(ctx, tx, provider, subject)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("finding a federated user: %w", err)
	}
	return u, nil
}

func (p *Pool) federatedIn(ctx context.Context, tx *sql.Tx, provider, subject string) (*user, error) {
	return oneUser(tx.QueryRowContext(ctx, "SELECT "+userColumns+
		" FROM cognito_identity i JOIN cognito_user u ON u.pool = i.pool AND u.sub = i.sub WHERE i.pool = ? AND i.provider = ? AND i.subject = ?",
		p.id, provider, subject))
}

// newFederated gives the record of a user who comes from a provider for the
// first time, after the function before sign-ups had its say.
func (p *Pool) newFederated(ctx context.Context, provider *IdentityProviderConfig, subject string, attributes map[string]string) (*user, error) {
	now := p.svc.cfg.Now()
	u := &user{
		sub: aws.NewRequestID(), username: provider.Name + "_" + subject, status: statusExternal, enabled: true,
		created: now, passwordSet: now, attributes: attributes,
	}
	if len([]rune(u.username)) > shapes["UsernameType"].Most {
		return nil, invalid("The identity provider's sub is too long for a username.")
	}
	if _, err := p.preSignUp(ctx, "ExternalProvider", u); err != nil {
		return nil, err
	}
	u.status = statusExternal // who signs in elsewhere has nothing to confirm
	err := u.setIdentities([]identityEntry{{
		UserID: subject, ProviderName: provider.Name, ProviderType: providerOIDC, Primary: "true", DateCreated: strconv.FormatInt(now.UnixMilli(), 10),
	}})
	if err != nil {
		return nil, err
	}
	// Nobody knows the password of this verifier.
	u.salt, u.verifier = newPassword(p.srpName(), u.username, aws.RandomText(alnum, 48))
	return u, nil
}

// saveFederated keeps a user of a provider as it is at this sign-in: who is
// new, in the provider's group; of others the attributes that the provider
// fills. Of two first sign-ins at once one makes the user.
func (p *Pool) saveFederated(ctx context.Context, tx *sql.Tx, u *user, provider, subject string, attributes map[string]string, first bool) (*user, error) {
	now, err := p.federatedIn(ctx, tx, provider, subject)
	if err != nil {
		return nil, err
	}
	switch {
	case now == nil && !first:
		return nil, refuse(codeUserNotFound, textNoUser, "the user was deleted just now")
	case now == nil:
		if err := p.saveUser(ctx, tx, u, false); err != nil {
			return nil, err
		}
		if err := p.saveIdentity(ctx, tx, provider, subject, u.sub); err != nil {
			return nil, err
		}
		return u, p.joinProviderGroup(ctx, tx, u, provider)
	case !now.enabled:
		return nil, notAuthorized(textDisabled, "")
	}
	if now.status != statusExternal {
		// A user of the pool, to whom the identity was linked: the provider has no
		// say in what the pool knows of it.
		return now, stateAllows(now)
	}
	for name, value := range attributes {
		if e, ok := p.schemaOf(name); ok && e.mutable {
			now.attributes[name] = value
		}
	}
	return now, p.saveUser(ctx, tx, now, false)
}

func (p *Pool) saveIdentity(ctx context.Context, tx *sql.Tx, provider, subject, sub string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO cognito_identity (pool, provider, subject, sub) VALUES (?, ?, ?, ?)", p.id, provider, subject, sub)
	if err != nil {
		return fmt.Errorf("keeping an identity: %w", err)
	}
	return nil
}

// joinProviderGroup makes a user a member of the group of all users of a
// provider, which Cognito makes by itself.
func (p *Pool) joinProviderGroup(ctx context.Context, tx *sql.Tx, u *user, provider string) error {
	name := p.id + "_" + provider
	now := p.svc.cfg.Now().UnixMilli()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO cognito_group (pool, name, description, role, precedence, owner, created, modified) VALUES (?, ?, ?, '', NULL, 0, ?, ?)
		ON CONFLICT (pool, name) DO NOTHING`, p.id, name, "Autogenerated group for users who sign in using "+provider, now, now)
	if err == nil {
		_, err = tx.ExecContext(ctx, "INSERT INTO cognito_member (pool, sub, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", p.id, u.sub, name)
	}
	if err != nil {
		return fmt.Errorf("joining the group of a provider: %w", err)
	}
	return nil
}

// providersOf gives by what a user can have signed in: the pool's own with
// COGNITO, and by each identity that is linked.
func (u *user) providersOf() []string {
	var list []string
	if u.status != statusExternal {
		list = append(list, providerCognito)
	}
	for _, id := range u.identities() {
		if !slices.Contains(list, id.ProviderName) {
			list = append(list, id.ProviderName)
		}
	}
	return list
}

// wanted gives the provider that a request names, or nil for none or the pool.
func (d *domain) wanted(a *authorization) *IdentityProviderConfig {
	if a.provider == "" {
		if identifier := a.params.Get("idp_identifier"); identifier != "" {
			if i := d.pool.identified(identifier); i != nil && slices.Contains(a.client.cfg.SupportedIdentityProviders, i.Name) {
				return i
			}
		}
		return nil
	}
	return d.pool.provider(a.provider)
}
