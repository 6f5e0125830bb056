package cognito

import (
	"context"
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
	d.show(w, r, c, a, d.confirmPage(a, name, lead))
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
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	name := form.Get("username")
	in := map[string]any{"ClientId": a.client.id, "Username": name, "ConfirmationCode": form.Get("code")}
	d.withHash(in, a.client, name)
	if _, err := operate(r.Context(), d, c, "ConfirmSignUp", (*Service).confirmSignUp, in); err != nil {
		d.reject(w, r, c, a, d.confirmPage(a, name, "Enter the code that you were sent when you signed up."), err)
		return
	}
	next := d.loginPage(a)
	next.Username, next.Notice = name, "Your account is confirmed. Sign in."
	d.show(w, r, c, a, next)
}

// resendCode sends a new code for a sign-up.
func (d *domain) resendCode(w http.ResponseWriter, r *http.Request, c *call) {
	a, form := d.posted(w, r, c)
	if a == nil {
		return
	}
	name := form.Get("username")
	p := d.confirmPage(a, name, "Enter the code that you were sent.")
	out, err := d.sendCode(r.Context(), c, a, "ResendConfirmationCode", (*Service).resendConfirmationCode, name)
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
