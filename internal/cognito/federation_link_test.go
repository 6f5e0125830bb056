package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cognito"
)

func corp(subject string) obj {
	return obj{"ProviderName": "Corp", "ProviderAttributeName": "Cognito_Subject", "ProviderAttributeValue": subject}
}

func local(name string) obj {
	return obj{"ProviderName": "Cognito", "ProviderAttributeValue": name}
}

func (w *world) link(destination, source obj) obj {
	return obj{"UserPoolId": w.pool(), "DestinationUser": destination, "SourceUser": source}
}

// byCorp signs a browser in by the provider, and gives where it goes.
func (b *browser) byCorp(e *elsewhere, subject string) answer {
	b.t.Helper()
	out := b.fly(b.w.requestQuery("identity_provider", "Corp"))
	e.says(e.user(subject, out.Get("nonce")))
	return b.back("state", out.Get("state"), "code", "c")
}

// A linked identity signs in as the user of the pool, as the pool knows it,
// until the link ends.
func TestLinkedIdentity(t *testing.T) {
	w, e := federatedWorld(t)
	sub := w.confirmed("rider@example.com")
	w.do("AdminLinkProviderForUser", w.link(local("rider@example.com"), corp("u-1")))
	if got := w.statusOf("rider@example.com"); got != "CONFIRMED" {
		t.Errorf("the status is %s", got)
	}
	w.restart()
	b := w.browser()
	tokens := w.tokensFor(w.exchange(b.code(b.byCorp(e, "u-1"))))
	id := payload(t, tokens["id_token"])
	if id["sub"] != sub || id["email"] != "rider@example.com" || id["given_name"] != nil {
		t.Errorf("the token is %v", id)
	}
	identity := id["identities"].([]any)[0].(obj)
	if identity["userId"] != "u-1" || identity["providerName"] != "Corp" || identity["providerType"] != "OIDC" || identity["primary"] != "false" {
		t.Errorf("identities are %v", identity)
	}
	w.signIn("rider@example.com", goodPassword) // by the password as before
	// Nobody knows how the browser was signed in: a client that takes the pool's
	// own users alone asks again.
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery("client_id", w.client("other")))); at.Path != "/login" {
		t.Errorf("a client without the provider: %s", at)
	}
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery("identity_provider", "COGNITO"))); at.Path != "/login" {
		t.Errorf("a request for COGNITO: %s", at)
	}
	b.code(b.get("/oauth2/authorize?" + w.requestQuery()))

	w.do("AdminDisableProviderForUser", obj{"UserPoolId": w.pool(), "User": corp("u-1")})
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("after the link ended: %s", at)
	}
	if a := w.userInfo(tokens["access_token"].(string)); a.status != 401 {
		t.Errorf("after the link ended the access token has status %d", a.status)
	}
	if _, ok := w.attributesOf("rider@example.com")["identities"]; ok {
		t.Error("the identity is still shown")
	}
	w.signIn("rider@example.com", goodPassword)
	fresh := w.browser()
	again := payload(t, w.tokensFor(w.exchange(fresh.code(fresh.byCorp(e, "u-1"))))["id_token"])
	if again["sub"] == sub || again["cognito:username"] != "Corp_u-1" {
		t.Errorf("after the link ended the identity is %v", again)
	}
}

// A user who signed up by a provider has no other way in: to be kept from it is
// to be disabled, with every sign-in that there is.
func TestDisabledAtTheProvider(t *testing.T) {
	w, e := federatedWorld(t)
	b := w.browser()
	tokens := w.tokensFor(w.exchange(b.code(b.byCorp(e, "u-1"))))
	other := w.browser()
	other.code(other.byCorp(e, "u-2"))
	disable := obj{"UserPoolId": w.pool(), "User": corp("u-1")}
	w.do("AdminDisableProviderForUser", disable)
	w.restart()
	if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
		t.Errorf("the browser's session: %s", at)
	}
	if a := w.userInfo(tokens["access_token"].(string)); a.status != 401 {
		t.Errorf("the access token has status %d", a.status)
	}
	w.refused("InitiateAuth", w.refresh("web", tokens["refresh_token"].(string)), "NotAuthorizedException", "User is disabled.")
	fresh := w.browser()
	if to := fresh.location(fresh.byCorp(e, "u-1")); to.Query().Get("code") != "" || to.Query().Get("error_description") != "User is disabled." {
		t.Errorf("a new sign-in goes to %s", to)
	}
	other.code(other.get("/oauth2/authorize?" + w.requestQuery())) // another user of the provider
	w.do("AdminDisableProviderForUser", disable)                   // is done already
	w.do("AdminEnableUser", w.user("Corp_u-1"))
	if a := w.userInfo(tokens["access_token"].(string)); a.status != 401 {
		t.Errorf("of the enabled user the old access token has status %d", a.status)
	}
	w.refused("InitiateAuth", w.refresh("web", tokens["refresh_token"].(string)), "NotAuthorizedException", "Refresh Token has been revoked")
	again := payload(t, w.tokensFor(w.exchange(fresh.code(fresh.byCorp(e, "u-1"))))["id_token"])
	if again["sub"] != payload(t, tokens["id_token"])["sub"] {
		t.Errorf("the enabled user is %v", again)
	}

	// Of several ways in it does not take them all.
	const several = "A user who signed up by the provider and has other ways to sign in cannot be disabled by AdminDisableProviderForUser in Doorwright; use AdminDisableUser."
	w.do("AdminLinkProviderForUser", w.link(corp("u-1"), corp("u-1b")))
	w.refused("AdminDisableProviderForUser", disable, "UnsupportedOperationException", several)
	w.do("AdminSetUserPassword", obj{"UserPoolId": w.pool(), "Username": "Corp_u-2", "Password": goodPassword, "Permanent": true})
	w.refused("AdminDisableProviderForUser", obj{"UserPoolId": w.pool(), "User": corp("u-2")}, "UnsupportedOperationException", several)
}

// A user whose state allows no sign-in is not let in by a provider either.
func TestLinkedUsersState(t *testing.T) {
	w, e := federatedWorld(t)
	w.signUp("new@example.com")
	w.confirmed("off@example.com")
	w.confirmed("reset@example.com")
	for i, name := range []string{"new@example.com", "off@example.com", "reset@example.com"} {
		w.do("AdminLinkProviderForUser", w.link(local(name), corp(fmt.Sprint("u-", i))))
	}
	w.do("AdminDisableUser", w.user("off@example.com"))
	w.do("AdminResetUserPassword", w.user("reset@example.com"))
	for i, want := range []string{"User is not confirmed.", "User is disabled.", "Password reset required for the user"} {
		b := w.browser()
		to := b.location(b.byCorp(e, fmt.Sprint("u-", i)))
		if to.Query().Get("code") != "" || to.Query().Get("error_description") != want {
			t.Errorf("the browser goes to %s, want %q", to, want)
		}
		if at := b.location(b.get("/oauth2/authorize?" + w.requestQuery())); at.Path != "/login" {
			t.Errorf("the browser is signed in: %s", at)
		}
	}
}

func TestLinksAreRefused(t *testing.T) {
	w, e := federatedWorld(t, func(p *cognito.PoolConfig) {
		p.Schema = []cognito.SchemaAttribute{{Name: "custom:badge", Immutable: true}}
	})
	w.confirmed("rider@example.com")
	w.confirmed("other@example.com")
	w.do("SignUp", obj{"ClientId": w.client("web"), "Username": "fixed@example.com", "Password": goodPassword, "UserAttributes": attrs("custom:badge", "7")})
	b := w.browser()
	b.code(b.byCorp(e, "signed-up"))
	w.do("AdminLinkProviderForUser", w.link(local("rider@example.com"), corp("u-1")))
	const merging = "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link"
	for _, tt := range []struct {
		in            obj
		code, message string
	}{
		{w.link(local("rider@example.com"), corp("u-1")), "InvalidParameterException", "SourceUser is already linked to DestinationUser"},
		{w.link(local("other@example.com"), corp("u-1")), "InvalidParameterException", merging},
		{w.link(local("other@example.com"), corp("signed-up")), "InvalidParameterException", merging},
		{w.link(local("nobody@example.com"), corp("u-2")), "UserNotFoundException", "User does not exist."},
		{w.link(corp("nobody"), corp("u-2")), "UserNotFoundException", "User does not exist."},
		{w.link(with(local("rider@example.com"), obj{"ProviderName": "None"}), corp("u-2")), "ResourceNotFoundException", "Identity provider None does not exist."},
		{w.link(local("rider@example.com"), with(corp("u-2"), obj{"ProviderName": "None"})), "ResourceNotFoundException", "Identity provider None does not exist."},
		{w.link(local("rider@example.com"), local("other@example.com")), "InvalidParameterException", "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, only as a DestinationUser"},
		{w.link(local("rider@example.com"), with(corp("u-2"), obj{"ProviderAttributeName": "email"})), "UnsupportedOperationException", "ProviderAttributeName other than Cognito_Subject is a feature of Amazon Cognito that Doorwright does not emulate."},
		{w.link(local("rider@example.com"), corp("")), "InvalidParameterException", "1 validation error detected: Value null at 'providerAttributeValue' failed to satisfy constraint: Member must not be null"},
		{w.link(local("rider@example.com"), corp(strings.Repeat("x", 2049))), "InvalidParameterException", "The ProviderAttributeValue is too long for a subject."},
		{w.link(local("fixed@example.com"), corp("u-2")), "InvalidParameterException", "The DestinationUser has the immutable attribute custom:badge."},
		{obj{"UserPoolId": "us-east-1_nosuch", "DestinationUser": local("x"), "SourceUser": corp("x")}, "ResourceNotFoundException", "User pool us-east-1_nosuch does not exist."},
		{obj{"UserPoolId": w.pool(), "SourceUser": corp("x")}, "InvalidParameterException", "1 validation error detected: Value null at 'destinationUser' failed to satisfy constraint: Member must not be null"},
	} {
		w.refused("AdminLinkProviderForUser", tt.in, tt.code, tt.message)
	}
	for n := 2; n <= 5; n++ {
		w.do("AdminLinkProviderForUser", w.link(local("rider@example.com"), corp(fmt.Sprint("u-", n))))
	}
	w.refused("AdminLinkProviderForUser", w.link(local("rider@example.com"), corp("u-6")), "LimitExceededException", "A user can have 5 linked identities.")
	for _, tt := range []struct {
		user          obj
		code, message string
	}{
		{corp("u-6"), "UserNotFoundException", "User does not exist."},
		{with(corp("u-1"), obj{"ProviderName": "None"}), "ResourceNotFoundException", "Identity provider None does not exist."},
		{with(local("rider@example.com"), obj{"ProviderAttributeName": "Cognito_Subject"}), "UnsupportedOperationException", "A user of the pool itself cannot be disabled by AdminDisableProviderForUser in Doorwright; use AdminDisableUser."},
	} {
		w.refused("AdminDisableProviderForUser", obj{"UserPoolId": w.pool(), "User": tt.user}, tt.code, tt.message)
	}
	// Nobody links himself.
	access := w.signIn("rider@example.com", goodPassword).access
	if a := w.send("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("identities", "[]")}); a.status != 400 {
		t.Errorf("a user writes its identities: %d %s", a.status, a.body)
	}
}
