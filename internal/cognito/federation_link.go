package cognito

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxLinked is how many identities can be linked to a user: "The maximum number
// of federated identities linked to a user is five"
// (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminLinkProviderForUser.html).
const maxLinked = 5

// subjectAttribute is what names the subject by which a provider knows a user.
const subjectAttribute = "Cognito_Subject"

type providerUser struct {
	ProviderName           string `json:"ProviderName" shape:"ProviderNameType"`
	ProviderAttributeName  string `json:"ProviderAttributeName" shape:"StringType"`
	ProviderAttributeValue string `json:"ProviderAttributeValue" shape:"StringType"`
}

type linkProviderInput struct {
	UserPoolID  string        `json:"UserPoolId" shape:"StringType" required:"true"`
	Destination *providerUser `json:"DestinationUser" required:"true"`
	Source      *providerUser `json:"SourceUser" required:"true"`
}

type disableProviderInput struct {
	UserPoolID string        `json:"UserPoolId" shape:"StringType" required:"true"`
	User       *providerUser `json:"User" required:"true"`
}

// identityEntry is an element of a user's attribute identities.
type identityEntry struct {
	UserID       string  `json:"userId"`
	ProviderName string  `json:"providerName"`
	ProviderType string  `json:"providerType"`
	Issuer       *string `json:"issuer"`
	Primary      string  `json:"primary"`
	DateCreated  string  `json:"dateCreated"`
}

func (u *user) identities() []identityEntry {
	var list []identityEntry
	if json.Unmarshal([]byte(u.attributes["identities"]), &list) != nil {
		return nil
	}
	return list
}

func (u *user) setIdentities(list []identityEntry) error {
	if len(list) == 0 {
		delete(u.attributes, "identities")
		return nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding the identities of a user: %w", err)
	}
	u.attributes["identities"] = string(text)
	return nil
}

// external refuses what names no user of an identity provider. A user is named
// by the subject alone: by any other claim, such as an address, whoever can
// have a provider say it would be that user.
func (id *providerUser) external(p *Pool) error {
	switch {
	case p.provider(id.ProviderName) == nil:
		return noProvider(id.ProviderName)
	case id.ProviderAttributeName != subjectAttribute:
		return refuse(codeUnsupportedOperation, "ProviderAttributeName other than "+subjectAttribute+" is a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
	case id.ProviderAttributeValue == "":
		return nullMember("providerAttributeValue")
	case len(id.ProviderAttributeValue) > maxMapped:
		return invalid("The ProviderAttributeValue is too long for a subject.")
	}
	return nil
}

// adminLinkProviderForUser lets a user of an identity provider who has not
// signed in yet sign in as a user of the pool.
func (s *Service) adminLinkProviderForUser(ctx context.Context, c *call, in *linkProviderInput) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	source := in.Source
	if source.ProviderName == "Cognito" {
		return nil, invalid("Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, only as a DestinationUser")
	}
	if err := source.external(p); err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.destination(ctx, tx, in.Destination)
		if err != nil {
			return err
		}
		c.event.User = u.username
		if err := p.linkable(ctx, tx, u, source); err != nil {
			return err
		}
		entry := identityEntry{
			UserID: source.ProviderAttributeValue, ProviderName: source.ProviderName, ProviderType: providerOIDC, Primary: "false",
			DateCreated: strconv.FormatInt(s.cfg.Now().UnixMilli(), 10),
		}
		if err := u.setIdentities(append(u.identities(), entry)); err != nil {
			return err
		}
		if err := p.saveIdentity(ctx, tx, source.ProviderName, source.ProviderAttributeValue, u.sub); err != nil {
			return err
		}
		return p.saveUser(ctx, tx, u, false)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// destination gives the user that an identity is linked to: by the username, or
// by the provider's subject.
func (p *Pool) destination(ctx context.Context, tx *sql.Tx, id *providerUser) (u *user, err error) {
	if id.ProviderName == "Cognito" {
		u, err = p.userNamed(ctx, tx, id.ProviderAttributeValue)
	} else if p.provider(id.ProviderName) == nil {
		return nil, noProvider(id.ProviderName)
	} else {
		u, err = p.federatedIn(ctx, tx, id.ProviderName, id.ProviderAttributeValue)
	}
	if err == nil && u == nil {
		err = refuse(codeUserNotFound, textNoUser, "the DestinationUser does not exist")
	}
	return u, err
}

// linkable refuses an identity that is somebody's already, and a user who can
// have no more.
func (p *Pool) linkable(ctx context.Context, tx *sql.Tx, u *user, source *providerUser) error {
	owner, err := p.federatedIn(ctx, tx, source.ProviderName, source.ProviderAttributeValue)
	switch {
	case err != nil:
		return fmt.Errorf("finding the user of an identity: %w", err)
	case owner != nil && owner.sub == u.sub:
		return invalid("SourceUser is already linked to DestinationUser")
	case owner != nil:
		return invalid("Merging is not currently supported, provide a SourceUser that has not been signed up in order to link")
	}
	for _, e := range p.schema {
		if strings.Contains(e.name, customPrefix) && !e.mutable && u.attributes[e.name] != "" {
			return invalid("The DestinationUser has the immutable attribute %s.", e.name)
		}
	}
	linked := 0
	for _, id := range u.identities() {
		if id.Primary != "true" {
			linked++
		}
	}
	if linked >= maxLinked {
		return refuse(codeLimitExceeded, fmt.Sprintf("A user can have %d linked identities.", maxLinked), "")
	}
	return nil
}

// adminDisableProviderForUser keeps an identity from signing in as a user: a
// linked one loses the link, and a user who has no other way in is disabled. Each
// ends the user's sign-ins: nobody knows which of them were made by it.
func (s *Service) adminDisableProviderForUser(ctx context.Context, c *call, in *disableProviderInput) (*empty, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	id := in.User
	if id.ProviderName == "Cognito" {
		return nil, notDisabled("A user of the pool itself")
	}
	if err := id.external(p); err != nil {
		return nil, err
	}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := p.federatedIn(ctx, tx, id.ProviderName, id.ProviderAttributeValue)
		if err != nil {
			return err
		}
		if u == nil {
			return refuse(codeUserNotFound, textNoUser, "the identity is nobody's")
		}
		c.event.User = u.username
		list := u.identities()
		at := slices.IndexFunc(list, func(e identityEntry) bool {
			return e.ProviderName == id.ProviderName && e.UserID == id.ProviderAttributeValue
		})
		switch {
		case at < 0, list[at].Primary == "true" && (len(list) > 1 || u.status != statusExternal):
			return notDisabled("A user who signed up by the provider and has other ways to sign in")
		case list[at].Primary == "true":
			// The identity stays: without it the next sign-in would make a new user.
			u.enabled = false
		default:
			if err := p.unlink(ctx, tx, u, list, at); err != nil {
				return err
			}
		}
		if err := p.revokeAll(ctx, tx, u); err != nil {
			return err
		}
		return p.saveUser(ctx, tx, u, false)
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// unlink ends the link of one of a user's identities.
func (p *Pool) unlink(ctx context.Context, tx *sql.Tx, u *user, list []identityEntry, at int) error {
	id := list[at]
	if err := u.setIdentities(slices.Delete(list, at, at+1)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM cognito_identity WHERE pool = ? AND provider = ? AND subject = ?", p.id, id.ProviderName, id.UserID)
	if err != nil {
		return fmt.Errorf("ending the link of an identity: %w", err)
	}
	return nil
}

func notDisabled(who string) error {
	return refuse(codeUnsupportedOperation, who+" cannot be disabled by AdminDisableProviderForUser in Doorwright; use AdminDisableUser.", "not emulated; see COMPAT.md")
}
