package cognito_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

type migrateUser = events.CognitoEventUserPoolsMigrateUser

func migrating(t *testing.T, handle func(*migrateUser) error) (*world, *[]migrateUser) {
	t.Helper()
	w := newWorld(t, triggered("UserMigration", "PreAuthentication"))
	on(w, "PreAuthentication", yes[preAuthentication])
	return w, on(w, "UserMigration", handle)
}

func TestUserMigrationAtSignIn(t *testing.T) {
	w, seen := migrating(t, func(e *migrateUser) error {
		if e.CognitoEventUserPoolsMigrateUserRequest.Password != "old" && e.CognitoEventUserPoolsMigrateUserRequest.Password != "weakpw" {
			return errors.New("Bad password")
		}
		e.UserAttributes = words("email", e.UserName, "email_verified", "true", "name", "Amelie")
		e.FinalUserStatus, e.MessageAction = "CONFIRMED", "SUPPRESS"
		return nil
	})
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "Wr0ng-password"), "UserLambdaValidationException", "UserMigration failed with error Bad password.")
	if w.users() != 0 {
		t.Error("there is a user")
	}
	// The policy is not enforced: "it will still be accepted to allow user
	// migration to continue".
	first := w.tokensOf(w.do("InitiateAuth", with(w.passwordAuth("amelie@example.com", "weakpw"), obj{"ClientMetadata": obj{"k": "v"}})))
	e := (*seen)[1]
	if e.TriggerSource != "UserMigration_Authentication" || e.UserName != "amelie@example.com" || e.CallerContext.ClientID != w.client("web") ||
		!maps.Equal(e.ValidationData, words("k", "v")) || e.ClientMetadata != nil {
		t.Errorf("got %+v", e)
	}
	if claims := claimsOf(t, first.id); claims["name"] != "Amelie" || claims["email_verified"] != true {
		t.Errorf("got %v", claims)
	}
	w.signIn("amelie@example.com", "weakpw")
	if len(*seen) != 2 || len(w.codes) != 0 {
		t.Errorf("%d calls, %d messages", len(*seen), len(w.codes))
	}
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "Wr0ng-password"), "NotAuthorizedException", "Incorrect username or password.")
}

func TestUserMigrationStatus(t *testing.T) {
	for status, want := range map[string][2]string{
		"":               {},
		"CONFIRMED":      {},
		"RESET_REQUIRED": {"PasswordResetRequiredException", "Password reset required for the user"},
		"UNCONFIRMED":    {"InvalidLambdaResponseException", "Unrecognizable lambda output"},
	} {
		w, _ := migrating(t, func(e *migrateUser) error {
			e.UserAttributes = words("email", e.UserName, "email_verified", "true")
			e.FinalUserStatus = status
			return nil
		})
		if want == ([2]string{}) {
			w.signIn("amelie@example.com", "0ld-password")
			continue
		}
		w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "0ld-password"), want[0], want[1])
	}
}

// TestUserMigrationCannotCreate: what the function gives is held to the schema.
func TestUserMigrationCannotCreate(t *testing.T) {
	for name, attributes := range map[string]map[string]string{
		"unknown attribute": words("role", "admin"),
		"sub":               words("sub", "forged"),
		"another address":   words("email", "other@example.com"),
		"a long value":      words("name", strings.Repeat("x", 2049)),
		"no address":        words("phone_number_verified", "true"),
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := migrating(t, func(e *migrateUser) error { e.UserAttributes = attributes; return nil })
			w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "0ld-password"),
				"UserNotFoundException", "Exception migrating user in app client "+w.client("web"))
			if w.users() != 0 {
				t.Error("there is a user")
			}
		})
	}
	w, _ := migrating(t, yes[migrateUser])
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", "0ld-password"), "InvalidLambdaResponseException", "Unrecognizable lambda output")
}

// TestUserMigrationHides: to a client that hides existence a migration that
// fails is a wrong password, and a reset that pretends.
func TestUserMigrationHides(t *testing.T) {
	w, seen := migrating(t, func(*migrateUser) error { return errors.New("no such user") })
	for range 5 {
		w.refused("InitiateAuth", with(w.passwordAuth("nobody@example.com", "0ld-password"), obj{"ClientId": w.client("hiding")}),
			"NotAuthorizedException", "Incorrect username or password.")
	}
	if got := w.reason(); got != "trigger UserMigration_Authentication, function UserMigration: it threw: no such user; no such user" {
		t.Errorf("the log says %q", got)
	}
	// The lock holds for the function too.
	w.refused("InitiateAuth", with(w.passwordAuth("nobody@example.com", "0ld-password"), obj{"ClientId": w.client("hiding")}),
		"NotAuthorizedException", "Password attempts exceeded")
	if len(*seen) != 5 {
		t.Errorf("%d calls", len(*seen))
	}
	out := w.do("ForgotPassword", obj{"ClientId": w.client("hiding"), "Username": "nobody@example.com"})
	if out["CodeDeliveryDetails"] == nil || len(w.codes) != 0 {
		t.Errorf("got %v and %d codes", out, len(w.codes))
	}
}

// TestUserMigrationIsLocked: the lock also holds where refusals are told.
func TestUserMigrationIsLocked(t *testing.T) {
	w, seen := migrating(t, func(*migrateUser) error { return errors.New("no") })
	for range 5 {
		w.refused("InitiateAuth", w.passwordAuth("nobody@example.com", "0ld-password"), "UserLambdaValidationException", "UserMigration failed with error no.")
	}
	w.refused("InitiateAuth", w.passwordAuth("nobody@example.com", "0ld-password"), "NotAuthorizedException", "Password attempts exceeded")
	if len(*seen) != 5 {
		t.Errorf("%d calls", len(*seen))
	}
}

func TestUserMigrationAtForgotPassword(t *testing.T) {
	w, seen := migrating(t, func(e *migrateUser) error {
		e.UserAttributes = words("email", e.UserName, "email_verified", "true")
		return nil
	})
	w.do("ForgotPassword", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "ClientMetadata": obj{"k": "v"}})
	e := (*seen)[0]
	if e.TriggerSource != "UserMigration_ForgotPassword" || e.CognitoEventUserPoolsMigrateUserRequest.Password != "" || !maps.Equal(e.ClientMetadata, words("k", "v")) || e.ValidationData != nil {
		t.Errorf("got %+v", e)
	}
	if got := w.statusOf("amelie@example.com"); got != "RESET_REQUIRED" {
		t.Errorf("the status is %s", got)
	}
	// Nobody knows a password of the user yet.
	w.refused("InitiateAuth", w.passwordAuth("amelie@example.com", goodPassword), "NotAuthorizedException", "Incorrect username or password.")
	w.do("ConfirmForgotPassword", obj{"ClientId": w.client("web"), "Username": "amelie@example.com", "ConfirmationCode": w.code(), "Password": goodPassword})
	w.signIn("amelie@example.com", goodPassword)
}

// TestUserMigrationMovesAlias: an alias moves by forceAliasCreation alone.
func TestUserMigrationMovesAlias(t *testing.T) {
	for force, want := range map[bool]string{true: "amelie", false: ""} {
		p := aliasPool()
		p.Triggers.UserMigration = "UserMigration"
		w := newWorld(t, p)
		w.do("AdminCreateUser", with(w.user("bertram"), obj{"UserAttributes": attrs("email", "both@example.com", "email_verified", "true"), "MessageAction": "SUPPRESS"}))
		on(w, "UserMigration", func(e *migrateUser) error {
			e.UserAttributes = words("username", "amelie", "email", "both@example.com", "email_verified", "true")
			e.ForceAliasCreation = force
			return nil
		})
		if want == "" {
			w.refused("InitiateAuth", w.passwordAuth("old-name", "0ld-password"), "UserNotFoundException", "Exception migrating user in app client "+w.client("web"))
			continue
		}
		w.signIn("old-name", "0ld-password")
		if got := w.do("AdminGetUser", w.user("both@example.com"))["Username"]; got != want {
			t.Errorf("the alias is %v's", got)
		}
	}
}

// TestUserMigrationsRace: of two at once one creates the user and both sign in.
func TestUserMigrationsRace(t *testing.T) {
	p := triggered("UserMigration")
	w := newWorld(t, p)
	meet := make(chan struct{})
	w.function("UserMigration", func(ctx context.Context, _ string, event []byte) ([]byte, string, error) {
		select { // both functions run before either answers
		case meet <- struct{}{}:
		case <-meet:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
		return []byte(strings.Replace(string(event), `"userAttributes":null`, `"userAttributes":{"email_verified":"true","email":"amelie@example.com"}`, 1)), "", nil
	})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if a := w.send("InitiateAuth", w.passwordAuth("amelie@example.com", "0ld-password")); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	group.Wait()
	if w.users() != 1 {
		t.Errorf("%d users", w.users())
	}
}
