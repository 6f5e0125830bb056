package cognito

import (
	"context"
	"database/sql"
	"errors"
	"maps"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/store"
)

// signUp registers a user. It always tells that a name is taken, also for a
// client that hides existence.
func (s *Service) signUp(ctx context.Context, c *call, in *signUpInput) (*signUpOutput, error) {
	cl, err := s.client(c, in.ClientID, in.Username)
	if err != nil {
		return nil, err
	}
	if err := cl.checkSecretHash(in.SecretHash, in.Username); err != nil {
		return nil, err
	}
	p := cl.pool
	if p.cfg.AdminCreateUserOnly {
		return nil, notAuthorized(textNoSignUp, "")
	}
	u, err := p.signingUp(cl, in)
	if err != nil {
		return nil, err
	}
	if err := cl.checkNewPassword(in.Password, u); err != nil {
		return nil, err
	}
	moveAliases, err := p.preSignUp(ctx, "SignUp", u)
	if err != nil {
		return nil, err
	}
	if u.salt, u.verifier = []byte{}, []byte{}; in.Password != "" {
		u.salt, u.verifier = newPassword(p.srpName(), u.username, in.Password)
	}
	out := &signUpOutput{UserSub: u.sub, UserConfirmed: u.status == statusConfirmed}
	var m *message
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if err := p.saveUser(ctx, tx, u, moveAliases); err != nil {
			return usernameTaken(err, "User already exists")
		}
		attribute := p.signUpAttribute(u)
		if attribute == "" || u.status == statusConfirmed {
			return nil
		}
		if m, err = p.newCode(ctx, tx, u, purposeSignUp, attribute, signUpCodeLife); err != nil {
			return err
		}
		out.Session, err = cl.signUpSession(ctx, tx, u, stepSignUp)
		return err
	})
	if err != nil {
		return nil, err
	}
	if out.UserConfirmed {
		return out, p.postConfirmation(ctx, confirmedSignUp, u)
	}
	if m != nil {
		out.CodeDeliveryDetails = &m.details
	}
	return out, s.send(ctx, m)
}

// checkNewPassword holds a password to the policy. None is needed by who can
// sign in without: "You can only create a passwordless user when passwordless
// sign-in is available"
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SignUp.html).
func (cl *Client) checkNewPassword(password string, u *user) error {
	switch {
	case password != "":
		return cl.pool.policy.check(password, policyPrefix)
	case cl.allows("USER_AUTH") && cl.pool.passwordless(u.attributes):
		return nil
	}
	return invalid("1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
}

// signingUp gives the record of the user that a request signs up, without a
// password.
func (p *Pool) signingUp(cl *Client, in *signUpInput) (*user, error) {
	attributes, err := p.checkAttributes(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	if err := cl.checkWritable(attributes); err != nil {
		return nil, err
	}
	u, err := p.newUser(in.Username, attributes, statusUnconfirmed)
	if err != nil {
		return nil, err
	}
	for _, alias := range p.cfg.AliasAttributes {
		if alias == "preferred_username" && u.attributes[alias] != "" {
			return nil, invalid("Attributes did not conform to the schema: preferred_username: The attribute can be set once the user is confirmed\n")
		}
	}
	for _, name := range contactable {
		if u.attributes[name] != "" {
			u.attributes[name+"_verified"] = "false"
		}
	}
	return u, nil
}

// newUser gives the record of a new user of a name. Attributes become the
// record's.
func (p *Pool) newUser(name string, attributes map[string]string, status string) (*user, error) {
	maps.DeleteFunc(attributes, func(_, value string) bool { return value == "" })
	u := &user{sub: aws.NewRequestID(), status: status, enabled: true, attributes: attributes}
	var err error
	if u.username, err = p.namesOf(name, u.sub, attributes); err != nil {
		return nil, err
	}
	if err := p.checkRequired(attributes); err != nil {
		return nil, err
	}
	u.created = p.svc.cfg.Now()
	u.passwordSet = u.created
	return u, nil
}

// usernameTaken turns a taken name into the refusal of a sign-up.
func usernameTaken(err error, message string) error {
	var taken *nameTakenError
	if errors.As(err, &taken) {
		return refuse(codeUsernameExists, message, taken.Error())
	}
	return err
}

// aliasTaken turns a taken name into the refusal of a change.
func aliasTaken(err error) error {
	var taken *nameTakenError
	if errors.As(err, &taken) {
		return refuse(codeAliasExists, "An account with the "+taken.kind+" already exists.", taken.Error())
	}
	return err
}

// confirmSignUp confirms a user by the code that was sent. Of two at once one
// wins: the other finds the user confirmed.
func (s *Service) confirmSignUp(ctx context.Context, c *call, in *confirmSignUpInput) (*confirmSignUpOutput, error) {
	cl, found, err := s.clientAndUser(ctx, c, in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return nil, err
	}
	p := cl.pool
	out := &confirmSignUpOutput{}
	var u *user
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if found == nil || !found.enabled && cl.hides() {
			return cl.strangersCode(ctx, tx, in.Username, purposeSignUp, limitConfirmSignUp)
		}
		u, err = p.userOf(ctx, tx, found.sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUserForClient, "the user was deleted just now")
		case !u.enabled:
			return notAuthorized(textDisabled, "")
		case u.status != statusUnconfirmed:
			return notConfirmable(u)
		}
		attribute, err := p.useCode(ctx, tx, u, purposeSignUp, in.ConfirmationCode, limitConfirmSignUp)
		if err != nil {
			return err
		}
		u.status = statusConfirmed
		u.attributes[attribute+"_verified"] = "true"
		if err := p.saveUser(ctx, tx, u, in.ForceAliasCreation); err != nil || in.Session == "" {
			return aliasTaken(err)
		}
		out.Session, err = cl.confirmedSession(ctx, tx, u, in.Session)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, p.postConfirmation(ctx, confirmedSignUp, u)
}

// strangersCode refuses a code for a name that is nobody's, or, to a client that
// hides existence, a disabled user's.
func (cl *Client) strangersCode(ctx context.Context, tx *sql.Tx, name, kind string, limit int) error {
	if !cl.hides() {
		return refuse(codeUserNotFound, textNoUserForClient, "no such user")
	}
	if err := cl.pool.countAttempt(ctx, tx, cl.pool.stranger(name), kind, limit); err != nil {
		return err
	}
	return store.Keep(refuse(codeCodeMismatch, textCodeMismatch, "no such enabled user"))
}

func notConfirmable(u *user) error {
	return notAuthorized("User cannot be confirmed. Current status is "+u.status, "")
}

// resendConfirmationCode sends a new code; the one before is worth nothing.
func (s *Service) resendConfirmationCode(ctx context.Context, c *call, in *codeRequest) (*codeDelivery, error) {
	cl, found, err := s.clientAndUser(ctx, c, in.ClientID, in.Username, in.SecretHash)
	if err != nil {
		return nil, err
	}
	p := cl.pool
	hidden := cl.hides() && (found == nil || !found.enabled)
	var m *message
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		m = nil
		if hidden {
			return p.countAttempt(ctx, tx, p.stranger(in.Username), kindResend, limitResend)
		}
		var u *user
		if found != nil {
			if u, err = p.userOf(ctx, tx, found.sub); err != nil {
				return err
			}
		}
		switch {
		case u == nil:
			return refuse(codeUserNotFound, textNoUserForClient, "no such user")
		case !u.enabled:
			return notAuthorized(textDisabled, "")
		case u.status != statusUnconfirmed:
			return invalid("User is already confirmed.")
		}
		attribute := p.signUpAttribute(u)
		if attribute == "" {
			return invalid("Cannot resend codes. Auto verification not turned on.")
		}
		if err := p.countAttempt(ctx, tx, u.sub, kindResend, limitResend); err != nil {
			return err
		}
		m, err = p.newCode(ctx, tx, u, purposeSignUp, attribute, signUpCodeLife)
		return err
	})
	if err != nil {
		return nil, err
	}
	if hidden {
		c.event.Reason = "no such enabled user; the answer pretends"
		return &codeDelivery{p.fakeDetails(in.Username)}, nil
	}
	return &codeDelivery{&m.details}, s.send(ctx, m)
}

// adminConfirmSignUp confirms a user without a code. It verifies no address.
func (s *Service) adminConfirmSignUp(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	var pool *Pool
	var confirmed *user
	out, err := s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		if u.status != statusUnconfirmed {
			return notConfirmable(u)
		}
		u.status = statusConfirmed
		pool, confirmed = p, u
		return p.dropCode(ctx, tx, u, purposeSignUp)
	})
	if err != nil {
		return nil, err
	}
	return out, pool.postConfirmation(ctx, confirmedSignUp, confirmed)
}
