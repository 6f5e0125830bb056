package auth0

import (
	"context"
	"database/sql"
	"errors"
	"net/http"

	"github.com/doorwright/doorwright/internal/oidc"
)

const resetRequestPath = "/u/reset-password/request/" + connectionName

// textResetSent is Auth0's answer to who wants to reset a password, whether there is
// such a user or not.
const textResetSent = "We've just sent you an email to reset your password."

// sendReset mails a link to reset the password of an address, if there is such a
// user. Nobody else is told whether there is.
func (t *Tenant) sendReset(ctx context.Context, c *call, email string) error {
	if !t.mails.begin(email, t.svc.cfg.Now()) {
		c.note("no mail was sent: more than %d were asked for in %s", maxMails, mailBlock)
		return nil
	}
	var u *user
	var ticket string
	err := t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if u, err = t.userByEmail(ctx, tx, email); err != nil || u == nil {
			return err
		}
		ticket, err = t.newTicket(ctx, tx, u, ticketReset, resetLife)
		return err
	})
	if err != nil {
		return err
	}
	if u == nil {
		c.note("no mail was sent: the tenant has no such user")
		return nil
	}
	c.event.User = u.Email
	return t.mail(ctx, u, ticketReset, ticket)
}

// changePassword mails a link for an application's own form
// (https://auth0.com/docs/api/authentication/change-password/change-password).
func (t *Tenant) changePassword(w http.ResponseWriter, r *http.Request, c *call) {
	if !t.fromAllowed(w, r, c, nil) {
		return
	}
	form, err := oidc.FormOrJSON(w, r)
	var email string
	if err == nil {
		_, err = t.databaseClient(w, r, c, form)
		var f *failure
		if errors.As(err, &f) && f.code == "invalid_signup" { // the words of the other endpoint
			err = fail(http.StatusBadRequest, oidc.InvalidRequest, "client_id or connection is missing or unknown", "%s", f.reason)
		}
	}
	if err == nil {
		if email = readEmail(form.Get("email")); email == "" {
			err = fail(http.StatusBadRequest, oidc.InvalidRequest, "email is required", "it is missing or not an address")
		}
	}
	if err == nil {
		err = t.sendReset(r.Context(), c, email)
	}
	if err != nil {
		writeFailure(w, c.failed(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(textResetSent)) // the client went away
}

func (t *Tenant) resetRequestPage(state string) *page {
	return &page{
		Kind: "reset-request", Title: "Forgot Your Password?", Lead: "Enter your email address and we will send you instructions to reset your password.",
		State: state, status: http.StatusOK, Footer: footer,
	}
}

// showResetRequest asks for the address to which the link goes.
func (t *Tenant) showResetRequest(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	if a, state := t.continued(w, r, c, "login"); a != nil {
		p := t.resetRequestPage(state)
		p.Username = a.params.Get("login_hint")
		t.show(w, r, c, a, p)
	}
}

func (t *Tenant) postResetRequest(w http.ResponseWriter, r *http.Request, c *call) {
	a, state, form := t.posted(w, r, c, "login")
	if a == nil {
		return
	}
	p := t.resetRequestPage(state)
	p.Username = form.Get("email")
	email := readEmail(p.Username)
	var err error
	if email == "" {
		err = fail(http.StatusBadRequest, oidc.InvalidRequest, textNoEmail, "")
	} else {
		err = t.sendReset(r.Context(), c, email)
	}
	if err != nil {
		f := c.failed(err)
		p.Error, p.status = f.description, f.status
	} else {
		p.Kind, p.Title = "sent", "Check Your Email"
		p.Lead = "Please check the email address " + email + " for instructions to reset your password."
	}
	t.show(w, r, c, a, p)
}

func resetPage(ticket string) *page {
	return &page{
		Kind: "reset", Title: "Change Your Password", Lead: "Enter a new password below to change your password.", Ticket: ticket, status: http.StatusOK, Footer: footer,
	}
}

// showReset asks who has a ticket for the new password. It does not use the ticket:
// mail readers look at links before people do.
func (t *Tenant) showReset(w http.ResponseWriter, r *http.Request, c *call) {
	if t.engine.Elsewhere(w, r) {
		return
	}
	params, err := oidc.Query(r)
	if err != nil {
		t.showError(w, c, c.failed(err))
		return
	}
	ctx := r.Context()
	var u *user
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = t.holder(ctx, tx, params.Get("ticket"), ticketReset)
		return err
	})
	switch {
	case err != nil:
		t.showError(w, c, c.failed(err))
	case u == nil:
		t.showBadTicket(w, c)
	default:
		t.show(w, r, c, nil, resetPage(params.Get("ticket")))
	}
}

// postReset sets the new password, and ends all that the old one began. It signs
// nobody in.
func (t *Tenant) postReset(w http.ResponseWriter, r *http.Request, c *call) {
	form, err := oidc.Form(w, r)
	if err == nil {
		err = t.engine.CheckForm(r, form.Get("_csrf"))
	}
	var params oidc.Params
	if err == nil {
		params, err = oidc.Query(r)
	}
	if err != nil {
		t.showStaleForm(w, c, err)
		return
	}
	ticket, password := params.Get("ticket"), form.Get("password-reset")
	p := resetPage(ticket)
	var weak *weakPassword
	switch {
	case password != form.Get("re-enter-password"):
		p.Error = "The passwords don't match."
	case errors.As(checkStrength(password), &weak):
		p.Error, p.Policy = "Password is too weak.", weak.Policy
	}
	if p.Error != "" {
		c.failed(fail(http.StatusBadRequest, "invalid_password", p.Error, ""))
		p.status = http.StatusBadRequest
		t.show(w, r, c, nil, p)
		return
	}
	u, err := t.reset(r.Context(), ticket, password)
	switch {
	case err != nil:
		t.showError(w, c, c.failed(err))
	case u == nil:
		t.showBadTicket(w, c)
	default:
		c.event.User = u.Email
		t.engine.EndForms(w)
		t.write(w, c, &page{Kind: "done", Title: "Password Changed!", Lead: "Your password has been changed successfully.", status: http.StatusOK, Footer: footer})
	}
}

// reset uses a ticket. It gives nil for one that is not good, before any work is
// done for the password.
func (t *Tenant) reset(ctx context.Context, ticket, password string) (u *user, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = t.holder(ctx, tx, ticket, ticketReset)
		return err
	})
	if err != nil || u == nil {
		return nil, err
	}
	hash, err := t.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if u, err = t.useTicket(ctx, tx, ticket, ticketReset); err != nil || u == nil {
			return err
		}
		return t.setPassword(ctx, tx, u, hash)
	})
	return u, err
}
