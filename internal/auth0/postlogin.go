package auth0

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/oidc"
)

// Invoke runs a function with an event and gives its reply. functionError is "" or
// "Unhandled", as in Lambda's X-Amz-Function-Error: the reply is then the error's
// description. err is set only if there is no reply.
type Invoke func(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error)

// Bounds of an Action
// (https://auth0.com/docs/customize/actions/limitations).
const (
	actionTime     = 20 * time.Second
	maxReply       = 256 << 10
	maxCommands    = 200
	maxReason      = 1000
	maxClaims      = 100 << 10 // of custom claims, in one token
	maxMetadataAll = 64 << 10  // of each metadata, once an Action added to it
)

// outcome is what an Action had to say of a sign-in. It is kept with the grant: the
// tokens come later.
type outcome struct {
	Access map[string]any `json:"a,omitempty"`
	ID     map[string]any `json:"i,omitempty"`
	// Scopes are changes in their order: "+" or "-" and the scope.
	Scopes []string `json:"s,omitempty"`
}

// edit gives the scopes of a token after an Action's changes, which go over all that
// was decided before.
func (o *outcome) edit(scopes []string) []string {
	for _, change := range o.Scopes {
		scope := change[1:]
		switch there := slices.Contains(scopes, scope); {
		case change[0] == '+' && !there:
			scopes = append(scopes, scope)
		case change[0] == '-':
			scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == scope })
		}
	}
	return scopes
}

// signIn is a sign-in or a refresh that an Action is shown.
type signIn struct {
	user      *user
	client    *client
	api       *APIConfig
	scopes    []string // as requested
	protocol  string
	params    oidc.Params // of the authorization request
	request   *http.Request
	authTime  time.Time
	sessionID string
}

// The protocols of event.transaction.
const (
	protocolCode     = "oidc-basic-profile"
	protocolImplicit = "oidc-implicit-profile"
	protocolHybrid   = "oidc-hybrid-profile"
	protocolRefresh  = "oauth2-refresh-token"
	protocolPassword = "oauth2-password"
)

// postLogin runs the tenant's Action, outside of any transaction, and keeps what it
// says of the user. Whatever goes wrong, nobody is let in.
func (t *Tenant) postLogin(ctx context.Context, c *call, s signIn) (outcome, error) {
	if t.cfg.PostLogin == "" {
		return outcome{}, nil
	}
	u, roles, err := t.asItIs(ctx, s.user.id)
	if err != nil {
		return outcome{}, err
	}
	s.user = u
	a, err := t.act(ctx, c, s, roles)
	if err != nil {
		return outcome{}, err
	}
	if err := t.keepMetadata(ctx, u.id, a); err != nil {
		return outcome{}, err
	}
	if err := a.end(); err != nil {
		return outcome{}, err
	}
	return *a.o, nil
}

// act runs the tenant's Action, and keeps nothing.
func (t *Tenant) act(ctx context.Context, c *call, s signIn, roles []string) (*acting, error) {
	event, err := t.actionEvent(s, roles)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, actionTime)
	defer cancel()
	reply, functionError, err := t.svc.cfg.Invoke(ctx, t.cfg.PostLogin, event)
	switch {
	case err != nil:
		return nil, actionFailed("%v", err)
	case functionError != "":
		return nil, actionFailed("the function answered %s: %.300s", functionError, reply)
	case len(reply) > maxReply:
		return nil, actionFailed("its reply has more than %d bytes", maxReply)
	}
	var commands []map[string][]json.RawMessage
	if err := json.Unmarshal(reply, &commands); err != nil || len(commands) > maxCommands {
		return nil, actionFailed(`its reply is not a list of at most %d commands, such as [{"access.deny": ["why"]}]`, maxCommands)
	}
	a := &acting{c: c, api: s.api, o: &outcome{}}
	for _, command := range commands {
		for name, args := range command {
			if err := a.do(name, args); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

// actionFailed is the answer for an Action that did not end well. What went wrong is
// for the log.
func actionFailed(reason string, args ...any) error {
	return fail(http.StatusForbidden, oidc.AccessDenied, "The post-login Action failed.", "post-login: "+reason, args...)
}

// acting carries out the commands of an Action, one after another.
type acting struct {
	c                 *call
	api               *APIConfig
	o                 *outcome
	denied            *string
	userMeta, appMeta map[string]any
}

// end says why there are no tokens after all: the Action denied access, or said too much.
func (a *acting) end() error {
	if a.denied != nil {
		return fail(http.StatusForbidden, oidc.AccessDenied, *a.denied, "the Action denied access")
	}
	for _, claims := range []map[string]any{a.o.Access, a.o.ID} {
		if b, err := json.Marshal(claims); err != nil || len(b) > maxClaims {
			return actionFailed("its claims of a token have more than %d bytes", maxClaims)
		}
	}
	return nil
}

func (a *acting) do(name string, args []json.RawMessage) error {
	text := func(i int) string {
		var s string
		if i >= len(args) || json.Unmarshal(args[i], &s) != nil {
			return ""
		}
		return s
	}
	var value any
	if len(args) > 1 && json.Unmarshal(args[1], &value) != nil {
		return actionFailed("%s has a value that is no JSON", name)
	}
	put := func(to *map[string]any) {
		if *to == nil {
			*to = map[string]any{}
		}
		(*to)[text(0)] = value
	}
	if text(0) == "" && name != "access.deny" {
		return actionFailed("%s is without a name, or not part of this version", name)
	}
	switch name {
	case "accessToken.setCustomClaim":
		if why := customClaim(text(0)); why != "" {
			a.c.note("the access token does not get the claim %.100q: %s", text(0), why)
			return nil
		}
		put(&a.o.Access)
	case "idToken.setCustomClaim":
		if why := customClaim(text(0)); why != "" {
			a.c.note("the ID token does not get the claim %.100q: %s", text(0), why)
			return nil
		}
		put(&a.o.ID)
	case "accessToken.addScope", "accessToken.removeScope":
		if strings.ContainsAny(text(0), " \t\r\n\"\\") || len(text(0)) > maxReason {
			return actionFailed("%s: %.100q is no scope", name, text(0))
		}
		a.o.Scopes = append(a.o.Scopes, map[string]string{"accessToken.addScope": "+", "accessToken.removeScope": "-"}[name]+text(0))
	case "access.deny":
		reason := text(0)
		if len(args) > 1 && text(1) != "" { // the older form has a code before the reason
			reason = text(1)
		}
		reason = reason[:min(len(reason), maxReason)]
		a.denied = &reason
	case "user.setUserMetadata":
		put(&a.userMeta)
	case "user.setAppMetadata":
		put(&a.appMeta)
	default:
		return actionFailed("api.%.100s is not part of this version", name)
	}
	return nil
}

// reservedClaims are those that an Action cannot set: the documented list, and scope
// (https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims).
var reservedClaims = strings.Fields(`acr act active amr at_hash ath attest aud auth_time authorization_details azp c_hash client_id cnf cty dest
	entitlements events exp groups gty htm htu iat internalService iss jcard jku jti jwe jwk kid may_act mky nbf nonce object_id org_id org_name
	orig origid permissions roles rph s_hash scope sid sip_callid sip_cseq_num sip_date sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid
	vot vtm x5t#S256`)

// customClaim says why a name cannot be that of a custom claim, or "".
func customClaim(name string) string {
	if slices.Contains(reservedClaims, name) {
		return "the name is reserved"
	}
	if len(name) > maxProfile {
		return "the name is too long"
	}
	if strings.HasPrefix(strings.ToLower(name), "urn:auth0") {
		return "the namespace is Auth0's"
	}
	if u, err := url.Parse(name); err == nil && u.Host != "" {
		host := strings.ToLower(u.Hostname())
		for _, own := range []string{"auth0.com", "webtask.io", "webtask.run"} {
			if host == own || strings.HasSuffix(host, "."+own) {
				return "the namespace is Auth0's"
			}
		}
	}
	return ""
}

// claimScopes are the claims about a user that an ID token has by a scope alone, also
// where an Action adds one.
var claimScopes = map[string]string{
	"name": "profile", "family_name": "profile", "given_name": "profile", "middle_name": "profile", "nickname": "profile", "preferred_username": "profile",
	"profile": "profile", "picture": "profile", "website": "profile", "gender": "profile", "birthdate": "profile", "zoneinfo": "profile", "locale": "profile",
	"updated_at": "profile", "email": "email", "email_verified": "email", "address": "address", "phone_number": "phone", "phone_number_verified": "phone",
}

// addTo adds an Action's claims to those of an ID token, or of the userinfo endpoint,
// which stay as they are.
func (o *outcome) addTo(claims map[string]any, scopes []string) {
	for name, value := range o.ID {
		scope, standard := claimScopes[name]
		if _, there := claims[name]; !there && (!standard || slices.Contains(scopes, scope)) {
			claims[name] = value
		}
	}
}

// keepMetadata merges what an Action set into the user's metadata; null deletes.
func (t *Tenant) keepMetadata(ctx context.Context, id string, a *acting) error {
	if a.userMeta == nil && a.appMeta == nil {
		return nil
	}
	return t.svc.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := t.userByID(ctx, tx, id)
		if err != nil || u == nil {
			return err
		}
		for _, m := range []struct {
			to *map[string]any
			of map[string]any
		}{{&u.UserMetadata, a.userMeta}, {&u.AppMetadata, a.appMeta}} {
			if *m.to == nil {
				*m.to = map[string]any{}
			}
			for key, value := range m.of {
				if (*m.to)[key] = value; value == nil {
					delete(*m.to, key)
				}
			}
			if len(jsonOf(*m.to)) > maxMetadataAll {
				return actionFailed("the user's metadata would have more than %d bytes", maxMetadataAll)
			}
		}
		return t.saveUser(ctx, tx, u)
	})
}

// hiddenParams are the parameters of a request that no function is shown: who has
// them could go on in the browser's place.
var hiddenParams = []string{"state", "nonce", "code_challenge", "code_challenge_method", "id_token_hint", "client_secret", "password"}

// asItIs gives a user as it is now, with its roles: an earlier part of the sign-in may have
// changed it.
func (t *Tenant) asItIs(ctx context.Context, id string) (u *user, names []string, err error) {
	err = t.svc.cfg.DB.Read(ctx, func(tx *sql.Tx) (err error) {
		if u, err = t.userByID(ctx, tx, id); err != nil || u == nil {
			return err
		}
		roles, err := t.rolesOf(ctx, tx, u.id)
		for _, r := range roles {
			names = append(names, r.name)
		}
		return err
	})
	if err == nil && u == nil {
		err = actionFailed("the user was deleted just now")
	}
	if err != nil {
		return nil, nil, err
	}
	return u, names, nil
}

// actionEvent gives the event of a post-login Action, in Auth0's words
// (https://auth0.com/docs/customize/actions/explore-triggers/signup-and-login-triggers/login-trigger/post-login-event-object).
// It holds no password, token, code or secret.
func (t *Tenant) actionEvent(s signIn, roles []string) ([]byte, error) {
	u := s.user
	const iso = "2006-01-02T15:04:05.000Z"
	userID := strings.TrimPrefix(u.id, "auth0|")
	profile := map[string]any{
		"user_id": u.id, "email": u.Email, "email_verified": u.EmailVerified, "name": or(u.Name, u.Email), "nickname": or(u.Nickname, strings.SplitN(u.Email, "@", 2)[0]),
		"picture": or(u.Picture, picture(u.Email)), "created_at": u.created.UTC().Format(iso), "updated_at": u.updated.UTC().Format(iso),
		"user_metadata": emptied(u.UserMetadata), "app_metadata": emptied(u.AppMetadata),
		"identities": []any{map[string]any{"connection": connectionName, "provider": "auth0", "user_id": userID, "isSocial": false}},
	}
	for name, value := range map[string]string{"given_name": u.GivenName, "family_name": u.FamilyName} {
		if value != "" {
			profile[name] = value
		}
	}
	query := map[string]any{}
	for name, list := range s.params.All() {
		if !slices.Contains(hiddenParams, name) {
			query[name] = list[0]
		}
	}
	transaction := map[string]any{"protocol": s.protocol, "requested_scopes": append([]string{}, s.scopes...), "acr_values": []any{}, "ui_locales": []any{}}
	for _, name := range []string{"redirect_uri", "response_type", "response_mode", "prompt", "login_hint"} {
		if value := s.params.Get(name); value != "" {
			transaction[name] = value
		}
	}
	request := map[string]any{"query": query, "body": map[string]any{}, "geoip": map[string]any{}}
	if r := s.request; r != nil {
		request["ip"], request["method"], request["hostname"], request["user_agent"] = addressOf(r), r.Method, r.Host, r.UserAgent()
	}
	event := map[string]any{
		"user": profile, "client": map[string]any{"client_id": s.client.id, "name": s.client.Name, "metadata": map[string]any{}},
		"connection":    map[string]any{"name": connectionName, "strategy": "auth0", "metadata": map[string]any{}},
		"authorization": map[string]any{"roles": append([]string{}, roles...)}, "transaction": transaction, "request": request,
		"authentication": map[string]any{"methods": []any{map[string]any{"name": "pwd", "timestamp": s.authTime.UTC().Format(iso)}}},
		"stats":          map[string]any{"logins_count": u.logins}, "tenant": map[string]any{"id": t.cfg.Name}, "secrets": map[string]any{}, "configuration": map[string]any{},
	}
	if s.sessionID != "" {
		event["session"] = map[string]any{"id": s.sessionID}
	}
	if s.api != nil {
		event["resource_server"] = map[string]any{"identifier": s.api.Identifier}
	}
	b, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encoding the event of an Action: %w", err)
	}
	return b, nil
}

func emptied(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
