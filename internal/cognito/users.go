package cognito

import (
	"context"
	"database/sql"
	"slices"
)

// getUser shows a user what its client may read.
func (s *Service) getUser(ctx context.Context, _ *call, b *bearer, _ *tokenInput) (*getUserOutput, error) {
	shown, err := b.pool.mfaSettingsOf(ctx, b.user.sub)
	if err != nil {
		return nil, err
	}
	return &getUserOutput{Username: b.user.username, UserAttributes: b.user.wireAttributes(b.client.readable), shownMFA: shown}, nil
}

// deleteUserSelf deletes the user whose token it is.
func (s *Service) deleteUserSelf(ctx context.Context, _ *call, b *bearer, _ *tokenInput) (*empty, error) {
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return b.pool.eraseUser(ctx, tx, b.user.sub) })
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// changeSelf changes the record of the user whose token it is.
func (s *Service) changeSelf(ctx context.Context, b *bearer, change func(*sql.Tx, *user) error) error {
	return s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := b.pool.userOf(ctx, tx, b.user.sub)
		switch {
		case err != nil:
			return err
		case u == nil:
			return refuse(codeUserNotFound, textNoUser, "the user was deleted just now")
		}
		if err := change(tx, u); err != nil {
			return err
		}
		return aliasTaken(b.pool.saveUser(ctx, tx, u, false))
	})
}

// updateUserAttributes sets attributes. An address that changes is to be
// verified again: where the pool verifies it, a code is sent.
func (s *Service) updateUserAttributes(ctx context.Context, _ *call, b *bearer, in *updateUserAttributesInput) (*updateUserAttributesOutput, error) {
	values, err := b.pool.checkAttributes(in.UserAttributes)
	if err != nil {
		return nil, err
	}
	if err := b.client.checkWritable(values); err != nil {
		return nil, err
	}
	var sent []*message
	err = s.changeSelf(ctx, b, func(tx *sql.Tx, u *user) error {
		var err error
		sent, err = b.pool.update(ctx, tx, u, values)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &updateUserAttributesOutput{CodeDeliveryDetailsList: []codeDeliveryDetails{}}
	for _, m := range sent {
		out.CodeDeliveryDetailsList = append(out.CodeDeliveryDetailsList, m.details)
		if err := s.send(ctx, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// update applies values to u and makes the codes for addresses that changed
// and that the pool verifies. Codes that are on their way to the old address
// end.
func (p *Pool) update(ctx context.Context, tx *sql.Tx, u *user, values map[string]string) ([]*message, error) {
	changed, err := p.apply(u, values)
	if err != nil {
		return nil, err
	}
	var sent []*message
	for _, name := range changed {
		if !slices.Contains(p.cfg.AutoVerifiedAttributes, name) || u.attributes[name+"_verified"] == "true" {
			if err := p.dropCode(ctx, tx, u, verifyPrefix+name); err != nil {
				return nil, err
			}
			continue
		}
		m, err := p.newCode(ctx, tx, u, verifyPrefix+name, name, verifyCodeLife)
		if err != nil {
			return nil, err
		}
		sent = append(sent, m)
	}
	return sent, nil
}

func (s *Service) deleteUserAttributes(ctx context.Context, _ *call, b *bearer, in *deleteUserAttributesInput) (*empty, error) {
	values, err := b.pool.removals(in.UserAttributeNames)
	if err != nil {
		return nil, err
	}
	if err := b.client.checkWritable(values); err != nil {
		return nil, err
	}
	err = s.changeSelf(ctx, b, func(tx *sql.Tx, u *user) error {
		_, err := b.pool.update(ctx, tx, u, values)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// removals gives the empty values that remove attributes.
func (p *Pool) removals(names []string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range names {
		if _, ok := p.schemaOf(name); !ok {
			return nil, invalid("Invalid user attributes: user.%s: Attribute does not exist in the schema.\n", name)
		}
		if name == "sub" {
			return nil, immutable(name)
		}
		values[name] = ""
	}
	return values, nil
}

// getUserAttributeVerificationCode sends a code to the address that is to be
// verified.
func (s *Service) getUserAttributeVerificationCode(ctx context.Context, _ *call, b *bearer, in *attributeCodeInput) (*codeDelivery, error) {
	if err := verifiable(in.AttributeName); err != nil {
		return nil, err
	}
	var m *message
	err := s.changeSelf(ctx, b, func(tx *sql.Tx, u *user) error {
		if u.attributes[in.AttributeName] == "" {
			return invalid("User does not have an attribute %s to verify.", in.AttributeName)
		}
		if err := b.pool.countAttempt(ctx, tx, u.sub, kindAttributeCode, limitAttributeCode); err != nil {
			return err
		}
		var err error
		m, err = b.pool.newCode(ctx, tx, u, verifyPrefix+in.AttributeName, in.AttributeName, verifyCodeLife)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &codeDelivery{&m.details}, s.send(ctx, m)
}

// verifyUserAttribute marks an address as verified by the code that went
// there. It becomes the user's alias if the pool has such aliases and nobody
// else has verified it.
func (s *Service) verifyUserAttribute(ctx context.Context, _ *call, b *bearer, in *verifyUserAttributeInput) (*empty, error) {
	if err := verifiable(in.AttributeName); err != nil {
		return nil, err
	}
	err := s.changeSelf(ctx, b, func(tx *sql.Tx, u *user) error {
		_, err := b.pool.useCode(ctx, tx, u, verifyPrefix+in.AttributeName, in.Code, limitVerifyAttribute)
		if err != nil {
			return err
		}
		u.attributes[in.AttributeName+"_verified"] = "true"
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func verifiable(name string) error {
	if !slices.Contains(contactable, name) {
		return invalid("Only email and phone_number can be verified, not %s.", name)
	}
	return nil
}
