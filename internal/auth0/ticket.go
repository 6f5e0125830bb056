package auth0

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/store"
)

// What tickets are good for, and how long. Auth0's default is five days for both;
// here a mail arrives at once.
const (
	ticketReset  = "password reset"
	ticketVerify = "email verification"

	resetLife  = time.Hour
	verifyLife = 24 * time.Hour
)

// Bounds of mails: an address gets so many and then none for a time, lest somebody
// fill a mailbox that keeps the newest alone.
const (
	maxMails  = 10
	mailBlock = time.Hour
)

// newTicket gives a ticket of a user for a purpose, in place of an earlier one. It
// is for the address that the user has now.
func (t *Tenant) newTicket(ctx context.Context, tx *sql.Tx, u *user, purpose string, life time.Duration) (string, error) {
	ticket := oidc.Random(32)
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO auth0_ticket (tenant, user, purpose, hash, email, expires) VALUES (?, ?, ?, ?, ?, ?)",
		t.cfg.Name, u.id, purpose, oidc.Hash(ticket), u.Email, t.svc.cfg.Now().Add(life).UnixMilli())
	if err != nil {
		return "", fmt.Errorf("keeping a ticket: %w", err)
	}
	return ticket, nil
}

// ticketLink is where a ticket leads, as Auth0 writes it.
func (t *Tenant) ticketLink(purpose, ticket string) string {
	path := "/u/reset-password"
	if purpose == ticketVerify {
		path = "/u/email-verification"
	}
	return t.cfg.Origin + path + "?ticket=" + ticket + "#"
}

// holder gives the user of a ticket that is good for a purpose, or nil.
func (t *Tenant) holder(ctx context.Context, tx *sql.Tx, ticket, purpose string) (*user, error) {
	var id, email string
	var expires int64
	err := tx.QueryRowContext(ctx, "SELECT user, email, expires FROM auth0_ticket WHERE hash = ? AND tenant = ? AND purpose = ?",
		oidc.Hash(ticket), t.cfg.Name, purpose).Scan(&id, &email, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading a ticket: %w", err)
	case t.svc.cfg.Now().UnixMilli() >= expires:
		return nil, nil
	}
	u, err := t.userByID(ctx, tx, id)
	if err != nil || u == nil || u.Email != email {
		return nil, err
	}
	return u, nil
}

// useTicket is holder for the one use that a ticket is good for.
func (t *Tenant) useTicket(ctx context.Context, tx *sql.Tx, ticket, purpose string) (*user, error) {
	u, err := t.holder(ctx, tx, ticket, purpose)
	if err != nil || u == nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM auth0_ticket WHERE tenant = ? AND user = ? AND purpose = ?", t.cfg.Name, u.id, purpose); err != nil {
		return nil, fmt.Errorf("using a ticket: %w", err)
	}
	return u, nil
}

// MailSent tells of a mail that was put into the mailbox.
type MailSent struct {
	Tenant, To, Purpose string
	// Link is the secret in it.
	Link string
}

// mail puts a mail with a ticket's link into the mailbox, after the transaction
// that made the ticket.
func (t *Tenant) mail(ctx context.Context, u *user, purpose, ticket string) error {
	if t.svc.cfg.Mailbox == nil {
		return nil
	}
	link := t.ticketLink(purpose, ticket)
	m := store.Message{To: u.Email, Medium: "EMAIL", Code: link, Purpose: purpose, Tenant: t.cfg.Name, User: u.id, At: t.svc.cfg.Now()}
	switch purpose {
	case ticketReset:
		m.Subject = "Change your password"
		m.Body = "You have submitted a password change request.\n\nIf it was you, change your password here: " + link +
			"\n\nIf you did not make this request, ignore this mail."
	default:
		m.Subject = "Verify your email"
		m.Body = "Thank you for signing up with " + t.cfg.Name + ".\n\nVerify your email address here: " + link
	}
	if err := t.svc.cfg.Mailbox.Deliver(ctx, m); err != nil {
		return fmt.Errorf("putting a mail into the mailbox: %w", err)
	}
	if t.svc.cfg.MailSent != nil {
		t.svc.cfg.MailSent(MailSent{Tenant: t.cfg.Name, To: u.Email, Purpose: purpose, Link: link})
	}
	return nil
}

// verifyEmail is where the link of a new user's mail leads. A HEAD is from who looks
// at links before the person does.
func (t *Tenant) verifyEmail(w http.ResponseWriter, r *http.Request, c *call) {
	params, err := oidc.Query(r)
	if err != nil || r.Method == http.MethodHead {
		t.showBadTicket(w, c)
		return
	}
	ctx := r.Context()
	var u *user
	err = t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if u, err = t.useTicket(ctx, tx, params.Get("ticket"), ticketVerify); err != nil || u == nil {
			return err
		}
		u.EmailVerified = true
		return t.saveUser(ctx, tx, u)
	})
	switch {
	case err != nil:
		t.showError(w, c, c.failed(err))
	case u == nil:
		t.showBadTicket(w, c)
	default:
		c.event.User = u.Email
		t.write(w, c, &page{Kind: "done", Title: "Email Verified", Lead: "Your email address was successfully verified.", status: http.StatusOK, Footer: footer})
	}
}

func (t *Tenant) showBadTicket(w http.ResponseWriter, c *call) {
	t.showError(w, c, c.failed(fail(http.StatusBadRequest, oidc.InvalidRequest,
		"Your link may have expired, or it was used already. Ask for a new one from the application.", "the ticket is unknown, used, or has expired")))
}
