package identity

import (
	"fmt"

	"github.com/doorwright/doorwright/internal/iam"
)

// A Specimen says whose credentials show what policies say of credentials of their
// kind: those of an identity that is not there. Nothing is kept of them.
type Specimen struct {
	// Pool is the id of the identity pool, and Role the name of the role.
	Pool, Role string
	// Guest is an identity that has not signed in.
	Guest bool
	// Provider is who the identity has signed in with, such as cognito-idp...
	Provider string
}

// Specimen gives credentials as GetCredentialsForIdentity does, once it has chosen the
// role: the role's trust policy decides.
func (s *Service) Specimen(of Specimen) (iam.Credentials, error) {
	r := iam.WebIdentityRequest{
		Role: of.Role, Session: sessionName, Duration: credentialsLife,
		Identity: iam.WebIdentity{
			Provider: openIDProvider, Prefix: openIDProvider, Subject: s.newID(), Audience: of.Pool, AMR: []string{roleAuthenticated},
		},
	}
	switch {
	case of.Guest:
		r.Identity.AMR, r.Policies = []string{roleGuest}, []string{guestPolicy}
	case of.Provider != "":
		r.Identity.AMR = append(r.Identity.AMR, of.Provider)
	}
	given, err := s.cfg.Account.AssumeWithWebIdentity(r)
	if err != nil {
		return iam.Credentials{}, fmt.Errorf("assuming the role %s: %w", of.Role, err)
	}
	return given, nil
}
