package cognito

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// migrationRequest is what the function is told that may bring a user who is
// not in the pool
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-migrate-user.html).
// Password is the one of a sign-in: the function judges it.
type migrationRequest struct {
	Password       string            `json:"password,omitempty"`
	ValidationData map[string]string `json:"validationData"`
	ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
}

type migrationResponse struct {
	UserAttributes         map[string]string `json:"userAttributes"`
	FinalUserStatus        *string           `json:"finalUserStatus"`
	MessageAction          *string           `json:"messageAction"`
	DesiredDeliveryMediums []string          `json:"desiredDeliveryMediums"`
	ForceAliasCreation     *bool             `json:"forceAliasCreation"`
	EnableSMSMFA           *bool             `json:"enableSMSMFA,omitempty"`
}

// The sources of a migration.
const (
	migrateSignIn = "Authentication"
	migrateForgot = "ForgotPassword"
)

// migrate asks the pool's function for a user of a name that is nobody's, and
// creates the user that it gives. It gives nil where there is no function.
//
// The function is a second place to guess passwords at: the lock after failed
// sign-ins holds for it too, and what it refuses is counted. To a client that
// hides existence its refusal is no user, which everything after treats as a
// wrong password.
func (cl *Client) migrate(ctx context.Context, source, name, password string) (*user, error) {
	p := cl.pool
	if !p.has(triggerUserMigration) {
		return nil, nil
	}
	stranger := p.stranger(name)
	if source == migrateSignIn {
		if err := p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error { return p.checkLock(ctx, tx, stranger, kindSignIn) }); err != nil {
			return nil, err
		}
	}
	u, err := cl.runMigration(ctx, source, name, password)
	if err == nil || ctx.Err() != nil {
		return u, err
	}
	if cl.hides() {
		if refusal := awsjson.Refusal(err); refusal.Err != nil {
			callOf(ctx).note(refusal.Err.Error())
		}
		return nil, nil
	}
	if source == migrateSignIn {
		counted := p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
			return p.failed(ctx, tx, stranger, kindSignIn, notAuthorized(textWrongPassword, "the migration was refused"))
		})
		if awsjson.Refusal(counted).Code == codeInternalError {
			return nil, counted
		}
	}
	return nil, err
}

func (cl *Client) runMigration(ctx context.Context, source, name, password string) (*user, error) {
	p, c := cl.pool, callOf(ctx)
	request := migrationRequest{Password: password, ClientMetadata: c.laterMetadata()}
	if source == migrateSignIn {
		request.ValidationData = c.metadata()
	}
	var response migrationResponse
	m := moment{trigger: triggerUserMigration, source: "UserMigration_" + source, client: cl.id, user: name}
	if err := p.run(ctx, m, request, &response); err != nil {
		return nil, err
	}
	status, reason := response.status(source)
	if reason != "" {
		return nil, p.badLambda(m, "%s", reason)
	}
	enableSMS := response.EnableSMSMFA != nil && *response.EnableSMSMFA
	if enableSMS && !p.takes(factorSMS) {
		return nil, p.badLambda(m, "enableSMSMFA, and the pool does not take %s", factorSMS)
	}
	if enableSMS && (response.UserAttributes["phone_number"] == "" || response.UserAttributes["phone_number_verified"] != "true") {
		return nil, p.badLambda(m, "enableSMSMFA without a phone_number that is verified")
	}
	u, err := p.migrated(ctx, name, password, status, &response)
	var coded, taken = awsjson.Refusal(err), (*nameTakenError)(nil)
	switch {
	case err == nil:
		return u, nil
	case errors.As(err, &taken):
		// Of two migrations at once one creates the user. Its transaction may not
		// have ended yet; one that is asked for now begins after it.
		err := p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
			var err error
			u, err = p.userNamed(ctx, tx, name)
			return err
		})
		if u != nil || err != nil {
			return u, err
		}
		coded = refuse("", "", taken.Error())
	case coded.Code == codeInternalError || coded.Code == codeUserLambda:
		return nil, err
	}
	if coded.Message == "" && coded.Err != nil {
		coded.Message = coded.Err.Error()
	}
	return nil, refuse(codeUserNotFound, "Exception migrating user in app client "+cl.id,
		fmt.Sprintf("trigger %s: the user that it gave cannot be created: %s", m.source, coded.Message))
}

// status gives the status of the user: "CONFIRMED, or not set, to auto-confirm
// your users and allow them to sign-in with their previous passwords"; or why
// the response cannot be used. Who has forgotten the password sets a new one.
func (r *migrationResponse) status(source string) (status, reason string) {
	switch {
	case len(r.UserAttributes) == 0:
		return "", "it gave no userAttributes"
	case r.MessageAction != nil && !slices.Contains([]string{"", "SUPPRESS", "RESEND"}, *r.MessageAction):
		return "", fmt.Sprintf("messageAction %q is not SUPPRESS", *r.MessageAction)
	}
	status = statusConfirmed
	if r.FinalUserStatus != nil && *r.FinalUserStatus != "" {
		status = *r.FinalUserStatus
	}
	if status != statusConfirmed && status != statusResetRequired {
		return "", fmt.Sprintf("finalUserStatus %q is not CONFIRMED or RESET_REQUIRED", status)
	}
	if source == migrateForgot {
		status = statusResetRequired
	}
	return status, ""
}

// migrated creates the user that the function gave. Of a user who signs in the
// password is kept whatever the policy says of it: "The password strength
// policy ... will not be enforced during migration".
func (p *Pool) migrated(ctx context.Context, name, password, status string, r *migrationResponse) (*user, error) {
	given := maps.Clone(r.UserAttributes)
	if username := given["username"]; username != "" && len(p.cfg.UsernameAttributes) == 0 {
		name = username
	}
	delete(given, "username")
	var list []attribute
	for _, name := range slices.Sorted(maps.Keys(given)) {
		list = append(list, attribute{name, given[name]})
	}
	if err := check[adminCreateUserInput](map[string]any{"UserPoolId": p.id, "Username": name, "UserAttributes": wireList(list)}); err != nil {
		return nil, err
	}
	attributes, err := p.checkAttributes(list)
	if err != nil {
		return nil, err
	}
	u, err := p.newUser(name, attributes, status)
	if err != nil {
		return nil, err
	}
	if err := checkVerifiable(u.attributes); err != nil {
		return nil, err
	}
	if _, err := p.preSignUp(ctx, "AdminCreateUser", u); err != nil {
		return nil, err
	}
	u.salt, u.verifier = []byte{}, []byte{} // nobody's password
	if password != "" {
		u.salt, u.verifier = newPassword(p.srpName(), u.username, password)
	}
	force := r.ForceAliasCreation != nil && *r.ForceAliasCreation
	return u, p.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		if err := p.saveUser(ctx, tx, u, force); err != nil || r.EnableSMSMFA == nil || !*r.EnableSMSMFA {
			return err
		}
		return p.saveMFA(ctx, tx, u.sub, &mfa{enabled: []string{factorSMS}})
	})
}

// wireList gives attributes as a request has them, to be checked like those of
// a request.
func wireList(list []attribute) []any {
	var items []any
	for _, a := range list {
		items = append(items, map[string]any{"Name": a.Name, "Value": a.Value})
	}
	return items
}
