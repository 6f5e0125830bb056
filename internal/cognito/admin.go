package cognito

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// change changes the record of a user for an administrator, in one
// transaction. The user may be named by username, sub or alias.
func (s *Service) change(ctx context.Context, c *call, poolID, name string, change func(*sql.Tx, *Pool, *user) error) (*empty, error) {
	p, err := s.pool(c, poolID, name)
	if err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.userNamed(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "")
		}
		if err := change(tx, p, u); err != nil {
			return err
		}
		return aliasTaken(p.saveUser(ctx, tx, u, false))
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// adminCreateUser creates a user with a temporary password and tells the user
// by the mediums that were asked for.
func (s *Service) adminCreateUser(ctx context.Context, c *call, in *adminCreateUserInput) (*adminCreateUserOutput, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	if in.MessageAction == "RESEND" {
		return s.invite(ctx, c, p, in)
	}
	attributes, err := p.checkAttributes(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	u, err := p.newUser(in.Username, attributes, statusForceChange)
	if err != nil {
		return nil, err
	}
	if err := checkVerifiable(u.attributes); err != nil {
		return nil, err
	}
	withPassword := in.TemporaryPassword != "" || !p.passwordless(u.attributes)
	password := ""
	if withPassword {
		if password, err = p.temporaryPassword(in.TemporaryPassword); err != nil {
			return nil, err
		}
	}
	if _, err := p.preSignUp(ctx, "AdminCreateUser", u); err != nil {
		return nil, err
	}
	if withPassword {
		u.salt, u.verifier = newPassword(p.srpName(), u.username, password)
	} else {
		// There is no temporary password to change, nor to tell.
		u.status, u.salt, u.verifier = statusConfirmed, []byte{}, []byte{}
		in.MessageAction = "SUPPRESS"
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		return p.createTaken(p.saveUser(ctx, tx, u, in.ForceAliasCreation))
	})
	if err != nil {
		return nil, err
	}
	if in.MessageAction != "SUPPRESS" {
		if err := s.sendInvitation(ctx, c, p, u, in, password); err != nil {
			return nil, err
		}
	}
	return &adminCreateUserOutput{u.wire(all)}, nil
}

// createTaken tells a taken username from a taken alias, which
// ForceAliasCreation would move.
func (p *Pool) createTaken(err error) error {
	var taken *nameTakenError
	if errors.As(err, &taken) && slices.Contains(p.cfg.AliasAttributes, taken.kind) {
		return aliasTaken(err)
	}
	return usernameTaken(err, "User account already exists")
}

func (p *Pool) temporaryPassword(given string) (string, error) {
	if given == "" {
		return p.policy.generate(), nil
	}
	return given, p.policy.check(given, adminPolicyPrefix)
}

// invite gives a user that has not yet signed in a new temporary password, and
// sends it.
func (s *Service) invite(ctx context.Context, c *call, p *Pool, in *adminCreateUserInput) (*adminCreateUserOutput, error) {
	found, err := p.findExisting(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	password, err := p.temporaryPassword(in.TemporaryPassword)
	if err != nil {
		return nil, err
	}
	salt, verifier := newPassword(p.srpName(), found.username, password)
	var u *user
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if u, err = p.userOf(ctx, tx, found.sub); err != nil {
			return err
		}
		if u == nil {
			return refuse(codeUserNotFound, textNoUser, "the user was deleted just now")
		}
		if u.status != statusForceChange {
			return refuse(codeUnsupportedState, "Resend not possible. "+in.Username+" status is not FORCE_CHANGE_PASSWORD", "the status is "+u.status)
		}
		if err := p.setPassword(ctx, tx, u, salt, verifier); err != nil {
			return err
		}
		return p.saveUser(ctx, tx, u, false)
	})
	if err != nil {
		return nil, err
	}
	if err := s.sendInvitation(ctx, c, p, u, in, password); err != nil {
		return nil, err
	}
	return &adminCreateUserOutput{u.wire(all)}, nil
}

// sendInvitation sends the temporary password by the mediums that were asked
// for and that the user has; by SMS if none was asked for, as Cognito does.
func (s *Service) sendInvitation(ctx context.Context, c *call, p *Pool, u *user, in *adminCreateUserInput, password string) error {
	mediums := in.DesiredDeliveryMediums
	if len(mediums) == 0 {
		mediums = []string{"SMS"}
	}
	sent := false
	for _, attribute := range contactable {
		if !slices.Contains(mediums, mediumOf(attribute)) || u.attributes[attribute] == "" {
			continue
		}
		m := p.compose(u, "invitation", attribute, "Your temporary password",
			"Your username is "+in.Username+" and temporary password is "+password, password)
		m.use(p.cfg.Messages.Invitation, codePlaceholder, password, usernamePlaceholder, in.Username)
		if err := s.send(ctx, m); err != nil {
			return err
		}
		sent = true
	}
	if !sent {
		c.event.Reason = "no invitation was sent: the user has no address for DesiredDeliveryMediums, which is SMS unless stated"
	}
	return nil
}

func (s *Service) adminGetUser(ctx context.Context, c *call, in *adminUserInput) (*adminGetUserOutput, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	u, err := p.findExisting(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	shown, err := p.mfaSettingsOf(ctx, u.sub)
	if err != nil {
		return nil, err
	}
	return &adminGetUserOutput{
		Username: u.username, UserAttributes: u.wireAttributes(all),
		UserCreateDate: awsjson.Time{Time: u.created}, UserLastModifiedDate: awsjson.Time{Time: u.changed},
		Enabled: u.enabled, UserStatus: u.status, shownMFA: shown,
	}, nil
}

// adminDeleteUser deletes a user and everything that it has.
func (s *Service) adminDeleteUser(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, in.Username)
	if err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.userNamed(ctx, tx, in.Username)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "")
		}
		return p.eraseUser(ctx, tx, u.sub)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (s *Service) adminEnableUser(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	return s.change(ctx, c, in.UserPoolID, in.Username, func(_ *sql.Tx, _ *Pool, u *user) error {
		u.enabled = true
		return nil
	})
}

// adminDisableUser ends the user's tokens, also for the time after it is
// enabled again.
func (s *Service) adminDisableUser(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	return s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		u.enabled = false
		return p.revokeAll(ctx, tx, u)
	})
}

func (s *Service) adminUserGlobalSignOut(ctx context.Context, c *call, in *adminUserInput) (*empty, error) {
	return s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		return p.revokeAll(ctx, tx, u)
	})
}

// adminUpdateUserAttributes sets attributes, also whether addresses are
// verified.
func (s *Service) adminUpdateUserAttributes(ctx context.Context, c *call, in *adminUpdateUserAttributesInput) (*empty, error) {
	var sent []*message
	out, err := s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		values, err := p.checkAttributes(in.UserAttributes)
		if err != nil {
			return err
		}
		sent, err = p.update(ctx, tx, u, values)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range sent {
		if err := s.send(ctx, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) adminDeleteUserAttributes(ctx context.Context, c *call, in *adminDeleteUserAttributesInput) (*empty, error) {
	return s.change(ctx, c, in.UserPoolID, in.Username, func(tx *sql.Tx, p *Pool, u *user) error {
		values, err := p.removals(in.UserAttributeNames)
		if err != nil {
			return err
		}
		_, err = p.update(ctx, tx, u, values)
		return err
	})
}
