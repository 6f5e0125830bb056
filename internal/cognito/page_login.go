package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"

	"github.com/doorwright/doorwright/internal/oidc"
)

// pageSignIn is a sign-in that goes on at the hosted pages. It runs through the
// code of the API's; where that would give tokens it gives what the browser is
// sent on with.
type pageSignIn struct {
	domain *domain
	auth   *authorization

	// first says that it made the user: there is no sign-in before it that a
	// function would be asked after.
	first bool

	// Filled in by complete.
	grant  *grant
	user   *user
	code   string // "" for the implicit flow
	cookie string
}

// complete ends a sign-in, of which every challenge is answered: the function
// after it has its say, the grant becomes one of the request's scopes, and the
// browser is signed in.
func (s *pageSignIn) complete(ctx context.Context, cl *Client, done *signedIn) (*authOutput, error) {
	d := s.domain
	s.grant, s.user = done.grant, done.user
	if err := s.afterSignIn(ctx, cl); err != nil {
		return nil, cl.undo(ctx, s.grant, err)
	}
	err := d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if s.code, err = d.grantTo(ctx, tx, s.auth, s.grant, s.grant.authTime); err != nil {
			return err
		}
		s.cookie, err = d.engine.NewSession(ctx, tx, oidc.Session{Subject: s.user.sub, AuthTime: s.grant.authTime})
		return err
	})
	if err != nil {
		return nil, cl.undo(ctx, s.grant, err)
	}
	return &authOutput{ChallengeParameters: map[string]string{}}, nil
}

func (s *pageSignIn) afterSignIn(ctx context.Context, cl *Client) (err error) {
	if s.first || !cl.pool.has(triggerPostAuthentication) {
		return nil
	}
	if err := cl.postAuthentication(ctx, s.user); err != nil {
		return err
	}
	s.user, err = cl.stillSignedIn(ctx, s.grant)
	return err
}

// showLogin asks who it is.
func (d *domain) showLogin(w http.ResponseWriter, r *http.Request, c *call) {
	a := d.opened(w, r, c)
	if a == nil {
		return
	}
	p := d.loginPage(a)
	p.Username = a.params.Get("login_hint")
	d.show(w, r, c, a, p)
}

func (d *domain) loginPage(a *authorization) *hostedPage {
	p := d.newPage("login", "Sign in", "to continue to "+a.client.cfg.Name, a)
	for _, name := range a.client.cfg.SupportedIdentityProviders {
		if name != providerCognito {
			p.Providers = append(p.Providers, pageProvider{name, a.withProvider(name)})
		}
	}
	return p
}

// login checks a name and a password.
func (d *domain) login(w http.ResponseWriter, r *http.Request, c *call) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	p := d.loginPage(a)
	p.Username = form.Get("username")
	d.signIn(w, r, c, a, p, form.Get("password"))
}

// signIn signs the user of a page in by a password.
func (d *domain) signIn(w http.ResponseWriter, r *http.Request, c *call, a *authorization, p *hostedPage, password string) {
	c.event.User = p.Username
	d.step(w, r, c, a, p, func(ctx context.Context) (*authOutput, error) {
		out, err := d.pool.svc.signInWithPassword(ctx, a.client, map[string]string{
			"USERNAME": p.Username, "PASSWORD": password, "SECRET_HASH": a.client.hash(p.Username),
		})
		if isCode(err, codeUserNotConfirmed) {
			var failed error
			if p.onward, failed = d.unconfirmed(ctx, a.client, p.Username, password); failed != nil {
				return nil, failed
			}
		}
		return out, err
	})
}

// step runs one step of a sign-in and shows what comes of it: the application,
// the page of a challenge, or the page that was answered, with the refusal.
func (d *domain) step(w http.ResponseWriter, r *http.Request, c *call, a *authorization, p *hostedPage, run func(context.Context) (*authOutput, error)) {
	c.page = &pageSignIn{domain: d, auth: a}
	out, err := run(r.Context())
	switch {
	case isCode(err, codeUserNotConfirmed):
		c.failed(err)
		next := d.confirmPage(a, p.Username, "Enter the code that you were sent when you signed up.")
		next.flow = p.onward
		d.show(w, r, c, a, next)
	case isCode(err, codePasswordReset):
		c.failed(err)
		next := d.resetPage(a, p.Username, "Enter the code that you were sent, and choose a new password.")
		next.Error = textResetRequired
		d.show(w, r, c, a, next)
	case err != nil:
		d.reject(w, r, c, a, p, err)
	case out.ChallengeName != "":
		d.challenge(w, r, c, a, p.Username, out)
	default:
		d.finish(w, r, c)
	}
}

// finish lets the browser in and sends it on. The session is a new one, and so
// are the forms': what the browser had before is worth nothing.
func (d *domain) finish(w http.ResponseWriter, r *http.Request, c *call) {
	s := c.page
	c.event.User = s.user.username
	d.engine.SetCookie(w, sessionCookie, s.cookie, hostedSessionLife)
	d.engine.EndForms(w)
	d.answer(w, r, c, s.auth, s.grant, s.user, s.code, nil)
}

// passwordsDiffer is the one refusal of the pages' own.
func passwordsDiffer() error {
	return invalid("The passwords do not match.")
}

// undo ends the grant of a sign-in that came to nothing, and gives why.
func (cl *Client) undo(ctx context.Context, g *grant, why error) error {
	err := cl.pool.svc.cfg.DB.Write(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE cognito_grant SET revoked = 1 WHERE event = ?", g.event)
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a refused sign-in: %w", err)
	}
	return why
}
