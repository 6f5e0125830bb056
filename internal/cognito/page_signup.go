package cognito

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"fmt"
	"net/http"
	"slices"

	"github.com/doorwright/doorwright/internal/oidc"
)

// showSignUp asks for what a new user is to have.
func (d *domain) showSignUp(w http.ResponseWriter, r *http.Request, c *call) {
	a := d.opened(w, r, c)
	if a == nil {
		return
	}
	if d.pool.cfg.AdminCreateUserOnly {
		d.reject(w, r, c, a, d.loginPage(a), notAuthorized(textNoSignUp, ""))
		return
	}
	d.show(w, r, c, a, d.signUpPage(a, oidc.Params{}))
}

func (d *domain) signUpPage(a *authorization, form oidc.Params) *hostedPage {
	p := d.newPage("signup", "Sign up", "for "+a.client.cfg.Name, a)
	p.Username = form.Get("username")
	p.Fields = d.attributeFields(d.signUpFields(), form)
	return p
}

// signUpFields gives the attributes that a sign-up asks for: those that are
// required, and those that a code will go to; not what is the username.
func (d *domain) signUpFields() []string {
	p := d.pool
	var names []string
	for _, e := range p.schema {
		wanted := e.required || slices.Contains(p.cfg.AutoVerifiedAttributes, e.name)
		if e.name == "sub" || !wanted || slices.Contains(p.cfg.UsernameAttributes, e.name) {
			continue
		}
		if len(p.cfg.UsernameAttributes) > 0 && !e.required {
			continue // the username is where the code goes
		}
		names = append(names, e.name)
	}
	return names
}

// signUp registers a user, and signs in one who needs no confirmation.
func (d *domain) signUp(w http.ResponseWriter, r *http.Request, c *call) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	name, password := form.Get("username"), form.Get("password")
	p := d.signUpPage(a, form)
	if password != form.Get("confirmPassword") {
		d.reject(w, r, c, a, p, passwordsDiffer())
		return
	}
	in := map[string]any{
		"ClientId": a.client.id, "Username": name, "Password": password, "UserAttributes": answeredFields(d.signUpFields(), form),
	}
	d.withHash(in, a.client, name)
	done, err := operate(r.Context(), d, c, "SignUp", (*Service).signUp, in)
	if err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	if done.UserConfirmed {
		next := d.loginPage(a)
		next.Username = name
		d.signIn(w, r, c, a, next, password)
		return
	}
	lead := "An administrator has to confirm the account before you can sign in."
	if details := done.CodeDeliveryDetails; details != nil {
		lead = sentTo(details)
	}
	next := d.confirmPage(a, name, lead)
	if next.flow, err = d.signedUp(r.Context(), name, done.UserSub); err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	d.show(w, r, c, a, next)
}

// signedUp gives the flow of a browser in which somebody has just chosen a
// password: with the code as well it will be signed in.
func (d *domain) signedUp(ctx context.Context, name, sub string) (*pageFlow, error) {
	f := d.confirmFlow(name, sub)
	err := d.pool.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err := d.pool.userOf(ctx, tx, sub)
		if u != nil {
			f.Mark = d.pool.passwordMark(u)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading who signed up: %w", err)
	}
	return f, nil
}

// unconfirmed gives the same flow to a browser in which a user who lacks the
// code alone has just given the password, and nil if it is not so. It looks at
// the password once more: of the one that signed in nobody knows that it is
// still the one whose mark is read here.
func (d *domain) unconfirmed(ctx context.Context, cl *Client, name, password string) (*pageFlow, error) {
	u, err := cl.identify(ctx, name, cl.hash(name))
	if err != nil || u == nil || u.status != statusUnconfirmed || !d.pool.passwordMatches(u, name, password) {
		return nil, err
	}
	f := d.confirmFlow(name, u.sub)
	f.Mark = d.pool.passwordMark(u)
	return f, nil
}

func (d *domain) confirmFlow(name, sub string) *pageFlow {
	return &pageFlow{Challenge: stepSignUp, Username: name, Sub: sub, Expires: d.pool.svc.cfg.Now().Add(signUpCodeLife).UnixMilli()}
}

// confirming is posted for a form with the code of a sign-up, or for one that
// asks for it: with the flow of the sign-up or of the password, if it was in
// this browser.
func (d *domain) confirming(w http.ResponseWriter, r *http.Request, c *call) (a *authorization, form oidc.Params, p *hostedPage) {
	if a, form = d.posted(w, r, c); a == nil {
		return nil, oidc.Params{}, nil
	}
	p = d.confirmPage(a, form.Get("username"), "Enter the code that you were sent when you signed up.")
	text := form.Get("flow")
	if text == "" {
		return a, form, p
	}
	f, err := d.openFlow(r, a, text)
	if err == nil && (f.Challenge != stepSignUp || f.Username != p.Username) {
		err = bad(oidc.InvalidRequest, "the form's flow is no sign-up of the user")
	}
	if err != nil {
		d.stale(w, c, err)
		return nil, oidc.Params{}, nil
	}
	p.flow = f
	return a, form, p
}

// withHash adds the hash that the API wants of a client with a secret.
func (d *domain) withHash(in map[string]any, cl *Client, name string) {
	if hash := cl.hash(name); hash != "" {
		in["SecretHash"] = hash
	}
}

// sentTo says where a code went, masked as the API says it.
func sentTo(details *codeDeliveryDetails) string {
	how := "by e-mail"
	if details.DeliveryMedium == "SMS" {
		how = "as a text message"
	}
	return "We have sent a code " + how + " to " + details.Destination + ". Enter it here."
}

// showConfirm asks for the code of a sign-up.
func (d *domain) showConfirm(w http.ResponseWriter, r *http.Request, c *call) {
	if a := d.opened(w, r, c); a != nil {
		d.show(w, r, c, a, d.confirmPage(a, "", "Enter the code that you were sent when you signed up."))
	}
}

func (d *domain) confirmPage(a *authorization, username, lead string) *hostedPage {
	p := d.newPage("confirm", "Confirm your account", lead, a)
	p.Username = username
	return p
}

// confirm confirms a user by the code of the sign-up.
func (d *domain) confirm(w http.ResponseWriter, r *http.Request, c *call) {
	a, form, p := d.confirming(w, r, c)
	if a == nil {
		return
	}
	name := p.Username
	in := map[string]any{"ClientId": a.client.id, "Username": name, "ConfirmationCode": form.Get("code")}
	d.withHash(in, a.client, name)
	if _, err := operate(r.Context(), d, c, "ConfirmSignUp", (*Service).confirmSignUp, in); err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	next := d.loginPage(a)
	next.Username, next.Notice = name, "Your account is confirmed. Sign in."
	if f := p.flow; f != nil && d.pool.svc.cfg.Now().UnixMilli() < f.Expires {
		d.step(w, r, c, a, next, func(ctx context.Context) (*authOutput, error) { return d.afterSignUp(ctx, a.client, f) })
		return
	}
	d.show(w, r, c, a, next)
}

// afterSignUp signs in who chose or gave a password in this browser and has
// confirmed the sign-up just now. The password must still be that one.
func (d *domain) afterSignUp(ctx context.Context, cl *Client, f *pageFlow) (*authOutput, error) {
	found, err := cl.identify(ctx, f.Username, cl.hash(f.Username))
	if err != nil {
		return nil, err
	}
	if err := cl.preAuthentication(ctx, found, f.Username); err != nil {
		return nil, err
	}
	var done signedIn
	err = d.pool.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		done = signedIn{}
		u, err := d.pool.userOf(ctx, tx, f.Sub)
		switch {
		case err != nil:
			return err
		case u == nil || found == nil || found.sub != u.sub || !hmac.Equal(d.pool.passwordMark(u), f.Mark):
			return notAuthorized(textInvalidSession, "the user or the password is not the one that the browser gave")
		}
		if err := stateAllows(u); err != nil {
			return err
		}
		return cl.secondFactor(ctx, tx, u, nil, &done)
	})
	if err != nil {
		return nil, err
	}
	return done.output(ctx, cl)
}

// resendCode sends a new code for a sign-up.
func (d *domain) resendCode(w http.ResponseWriter, r *http.Request, c *call) {
	a, _, p := d.confirming(w, r, c)
	if a == nil {
		return
	}
	out, err := d.sendCode(r.Context(), c, a, "ResendConfirmationCode", (*Service).resendConfirmationCode, p.Username)
	if err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	p.Lead = sentTo(out)
	d.show(w, r, c, a, p)
}

// sendsCode is an operation that sends a code.
type sendsCode func(*Service, context.Context, *call, *codeRequest) (*codeDelivery, error)

// sendCode runs such an operation.
func (d *domain) sendCode(ctx context.Context, c *call, a *authorization, operation string, serve sendsCode, name string) (*codeDeliveryDetails, error) {
	in := map[string]any{"ClientId": a.client.id, "Username": name}
	d.withHash(in, a.client, name)
	out, err := operate(ctx, d, c, operation, serve, in)
	if err != nil {
		return nil, err
	}
	return out.CodeDeliveryDetails, nil
}

// showForgotPassword asks whose password it is.
func (d *domain) showForgotPassword(w http.ResponseWriter, r *http.Request, c *call) {
	if a := d.opened(w, r, c); a != nil {
		p := d.forgotPage(a)
		p.Username = a.params.Get("login_hint")
		d.show(w, r, c, a, p)
	}
}

func (d *domain) forgotPage(a *authorization) *hostedPage {
	return d.newPage("forgotPassword", "Forgot your password?", "We send a code to your verified address, with which you set a new one.", a)
}

// forgotPassword sends the code of a password reset.
func (d *domain) forgotPassword(w http.ResponseWriter, r *http.Request, c *call) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	p := d.forgotPage(a)
	p.Username = form.Get("username")
	details, err := d.sendCode(r.Context(), c, a, "ForgotPassword", (*Service).forgotPassword, p.Username)
	if err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	d.show(w, r, c, a, d.resetPage(a, p.Username, sentTo(details)))
}

// showResetPassword asks for the code of a password reset.
func (d *domain) showResetPassword(w http.ResponseWriter, r *http.Request, c *call) {
	if a := d.opened(w, r, c); a != nil {
		d.show(w, r, c, a, d.resetPage(a, "", "Enter the code that you were sent, and choose a new password."))
	}
}

func (d *domain) resetPage(a *authorization, username, lead string) *hostedPage {
	p := d.newPage("resetPassword", "Set a new password", lead, a)
	p.Username, p.PasswordLabel = username, "New password"
	return p
}

// resetPassword sets a new password by a code.
func (d *domain) resetPassword(w http.ResponseWriter, r *http.Request, c *call) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	name, password := form.Get("username"), form.Get("password")
	p := d.resetPage(a, name, "Enter the code that you were sent, and choose a new password.")
	if password != form.Get("confirmPassword") {
		d.reject(w, r, c, a, p, passwordsDiffer())
		return
	}
	in := map[string]any{"ClientId": a.client.id, "Username": name, "ConfirmationCode": form.Get("code"), "Password": password}
	d.withHash(in, a.client, name)
	if _, err := operate(r.Context(), d, c, "ConfirmForgotPassword", (*Service).confirmForgotPassword, in); err != nil {
		d.reject(w, r, c, a, p, err)
		return
	}
	next := d.loginPage(a)
	next.Username, next.Notice = name, "Your password was changed. Sign in."
	d.show(w, r, c, a, next)
}
