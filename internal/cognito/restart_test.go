package cognito_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorwright/doorwright/internal/cognito"
)

func TestIDs(t *testing.T) {
	w := newWorld(t, emailPool(), aliasPool())
	pool := w.svc.Pool("UserPool")
	for text, form := range map[string]string{
		pool.ID():                      `^us-east-1_[0-9A-Za-z]{9}$`,
		pool.ClientID("web"):           `^[0-9a-z]{26}$`,
		pool.Client("secret").Secret(): `^[0-9a-z]{51}$`,
		pool.Client("web").Secret():    `^$`,
		pool.Issuer():                  `^http://localhost:4566/us-east-1_[0-9A-Za-z]{9}$`,
		pool.ARN():                     `^arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_[0-9A-Za-z]{9}$`,
	} {
		if !regexp.MustCompile(form).MatchString(text) {
			t.Errorf("%q is not %s", text, form)
		}
	}
	if w.svc.Pool("AliasPool").ID() == pool.ID() || w.svc.Pool("none") != nil || pool.Client("none") != nil || pool.ClientID("none") != "" {
		t.Error("ids are not by name")
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	w.signUp("b@example.com")
	code := w.code()
	tk := w.signIn("a@example.com", goodPassword)
	session := w.temporary("c@example.com")["Session"].(string)
	pool := w.svc.Pool("UserPool")
	id, client, secret := pool.ID(), pool.ClientID("web"), pool.Client("secret").Secret()
	jwks := w.request("GET", "/"+id+"/.well-known/jwks.json", "", "", "", "").body
	w.restart()
	pool = w.svc.Pool("UserPool")
	if pool.ID() != id || pool.ClientID("web") != client || pool.Client("secret").Secret() != secret {
		t.Error("ids changed")
	}
	if got := w.request("GET", "/"+id+"/.well-known/jwks.json", "", "", "", "").body; got != jwks {
		t.Errorf("keys changed:\n%s%s", jwks, got)
	}
	w.do("GetUser", obj{"AccessToken": tk.access})
	w.do("InitiateAuth", w.refresh("web", tk.refresh))
	w.do("ConfirmSignUp", obj{"ClientId": client, "Username": "b@example.com", "ConfirmationCode": code})
	w.do("RespondToAuthChallenge", w.newPassword(session, "c@example.com"))
	w.signIn("a@example.com", goodPassword)
}

// A lock is not got around by a restart.
func TestRestartKeepsLocks(t *testing.T) {
	w := newWorld(t, emailPool())
	w.confirmed("a@example.com")
	for range 5 {
		w.send("InitiateAuth", w.passwordAuth("a@example.com", "Wr0ngPass!"))
	}
	w.restart()
	w.refused("InitiateAuth", w.passwordAuth("a@example.com", goodPassword), "NotAuthorizedException", locked)
}

// What is no longer declared is not served and not forgotten.
func TestDeclarationComesAndGoes(t *testing.T) {
	w := newWorld(t, emailPool(), aliasPool())
	w.confirmed("a@example.com")
	token := w.signIn("a@example.com", goodPassword).access
	id, client := w.pool(), w.client("web")
	all := w.cfg.Pools
	w.cfg.Pools = all[1:]
	w.restart()
	w.refused("AdminGetUser", obj{"UserPoolId": id, "Username": "a@example.com"}, "ResourceNotFoundException", "User pool "+id+" does not exist.")
	w.refused("SignUp", obj{"ClientId": client, "Username": "x@example.com", "Password": goodPassword}, "ResourceNotFoundException", "User pool client "+client+" does not exist.")
	w.refused("GetUser", obj{"AccessToken": token}, "NotAuthorizedException", "Invalid Access Token")
	if a := w.request("GET", "/"+id+"/.well-known/jwks.json", "", "", "", ""); a.status != 404 {
		t.Errorf("JWKS: %d", a.status)
	}
	without := emailPool()
	without.Clients = without.Clients[1:]
	w.cfg.Pools = []cognito.PoolConfig{without}
	w.restart()
	w.refused("GetUser", obj{"AccessToken": token}, "NotAuthorizedException", "Invalid Access Token")
	w.cfg.Pools = all
	w.restart()
	w.do("GetUser", obj{"AccessToken": token})
	if w.pool() != id || w.client("web") != client {
		t.Error("ids changed")
	}
}

// Run makes the keys, sweeps, and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t, emailPool())
	w.temporary("a@example.com")
	w.advance(48 * time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.svc.Run(ctx) }()
	pool := w.svc.Pool("UserPool")
	for pool.Generation() == 0 {
		time.Sleep(time.Millisecond) // until the keys are there
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := w.svc.Sweep(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestRunEndsInBubble(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.svc.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// What Run cannot do now is told of and tried again: the pools go on.
func TestRunGoesOnAfterFailures(t *testing.T) {
	w := newWorld(t, emailPool())
	if err := w.stage.Close(); err != nil { // from here on everything fails
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
		defer cancel()
		if err := w.svc.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var told []string
	for _, e := range w.events {
		if !e.Fault() {
			t.Errorf("%v is not called a fault", e)
		}
		told = append(told, e.String())
	}
	want := []string{
		`making signing keys UserPool: InternalErrorException (preparing the signing keys of user pool "UserPool": the stage is closed)`,
		`sweeping: InternalErrorException (sweeping user pools: the stage is closed)`,
		`sweeping: InternalErrorException (sweeping user pools: the stage is closed)`,
	}
	if !slices.Equal(told, want) {
		t.Errorf("the log says\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}
