package cognito

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The versions of the event before tokens. V1_0 changes the ID token and the
// groups; V2_0 the access token too; V3_0 is V2_0, and is also for tokens of
// machines.
const (
	tokenV1 = "V1_0"
	tokenV2 = "V2_0"
	tokenV3 = "V3_0"
)

func (t *Triggers) tokenVersion() string {
	if t.PreTokenGenerationVersion == "" {
		return tokenV1
	}
	return t.PreTokenGenerationVersion
}

// What tokens are made for, to the function before them.
const (
	tokensSignedIn    = "Authentication"
	tokensNewPassword = "NewPasswordChallenge"
	tokensRefreshed   = "RefreshTokens"
	tokensHosted      = "HostedAuth"
	tokensMachine     = "ClientCredentials"
)

// tokenSource says what the operation under way makes tokens for.
func tokenSource(c *call) string {
	if c.tokens != "" {
		return c.tokens
	}
	member := func(name string) string {
		text, _ := c.members[name].(string)
		return text
	}
	switch c.operation() { // only what the operation itself looks at
	case "GetTokensFromRefreshToken":
		return tokensRefreshed
	case "InitiateAuth", "AdminInitiateAuth":
		if flow := member("AuthFlow"); flow == "REFRESH_TOKEN_AUTH" || flow == "REFRESH_TOKEN" {
			return tokensRefreshed
		}
	case "RespondToAuthChallenge", "AdminRespondToAuthChallenge":
		if member("ChallengeName") == challengeNewPassword {
			return tokensNewPassword
		}
	}
	return tokensSignedIn
}

// preTokenRequest is what the function before tokens is told
// (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html).
type preTokenRequest struct {
	UserAttributes     map[string]string  `json:"userAttributes"`
	GroupConfiguration groupConfiguration `json:"groupConfiguration"`
	ClientMetadata     map[string]string  `json:"clientMetadata,omitempty"`
	// Scopes are those of the access token; not in V1_0.
	Scopes []string `json:"scopes,omitempty"`
}

type groupConfiguration struct {
	GroupsToOverride   []string `json:"groupsToOverride"`
	IAMRolesToOverride []string `json:"iamRolesToOverride"`
	PreferredRole      *string  `json:"preferredRole"`
}

type preTokenResponseV1 struct {
	Details *struct {
		ClaimsToAddOrOverride map[string]string   `json:"claimsToAddOrOverride"`
		ClaimsToSuppress      []string            `json:"claimsToSuppress"`
		GroupOverrideDetails  *groupConfiguration `json:"groupOverrideDetails"`
	} `json:"claimsOverrideDetails"`
	groupsNull bool
}

type preTokenResponseV2 struct {
	Details *struct {
		IDTokenGeneration     *claimChanges       `json:"idTokenGeneration"`
		AccessTokenGeneration *accessChanges      `json:"accessTokenGeneration"`
		GroupOverrideDetails  *groupConfiguration `json:"groupOverrideDetails"`
	} `json:"claimsAndScopeOverrideDetails"`
	groupsNull bool
}

type claimChanges struct {
	ClaimsToAddOrOverride map[string]any `json:"claimsToAddOrOverride"`
	ClaimsToSuppress      []string       `json:"claimsToSuppress"`
}

type accessChanges struct {
	ClaimsToAddOrOverride map[string]any `json:"claimsToAddOrOverride"`
	ClaimsToSuppress      []string       `json:"claimsToSuppress"`
	ScopesToAdd           []string       `json:"scopesToAdd"`
	ScopesToSuppress      []string       `json:"scopesToSuppress"`
}

// readRaw finds groupOverrideDetails that are null: "If you provide an empty
// or null object in the response, then the groups are suppressed." Where they
// are left out the groups stay.
func (r *preTokenResponseV1) readRaw(response []byte) {
	r.groupsNull = isNull(response, "claimsOverrideDetails", "groupOverrideDetails")
}

func (r *preTokenResponseV2) readRaw(response []byte) {
	r.groupsNull = isNull(response, "claimsAndScopeOverrideDetails", "groupOverrideDetails")
}

// isNull says whether the member at a path is there and null.
func isNull(object []byte, path ...string) bool {
	for _, name := range path {
		var members map[string]json.RawMessage
		if json.Unmarshal(object, &members) != nil || members[name] == nil {
			return false
		}
		object = members[name]
	}
	return string(bytes.TrimSpace(object)) == "null"
}

// tokenChanges is what the function before tokens changes of them. Nil changes
// nothing.
type tokenChanges struct {
	client *Client
	// groups replace the user's; nil leaves them.
	groups *groupConfiguration
	id     claimChanges
	access accessChanges
}

// Bounds of what a function adds to tokens.
const (
	maxTokenClaims = 5000
	maxTokenBytes  = 64 << 10
)

// preTokenGeneration asks the function before tokens what to change.
func (cl *Client) preTokenGeneration(ctx context.Context, source string, g *grant, u *user, in *memberships) (*tokenChanges, error) {
	p := cl.pool
	version := p.cfg.Triggers.tokenVersion()
	request := preTokenRequest{
		UserAttributes: p.triggerAttributes(u), GroupConfiguration: in.configuration(), ClientMetadata: callOf(ctx).laterMetadata(),
	}
	m := moment{
		trigger: triggerPreToken, source: "TokenGeneration_" + source, client: cl.id, user: u.username, version: version[1:2],
	}
	changes := &tokenChanges{client: cl}
	if version == tokenV1 {
		var r preTokenResponseV1
		if err := p.run(ctx, m, request, &r); err != nil {
			return nil, err
		}
		changes.readV1(&r)
	} else {
		request.Scopes = g.scopes()
		var r preTokenResponseV2
		if err := p.run(ctx, m, request, &r); err != nil {
			return nil, err
		}
		changes.readV2(&r)
	}
	if reason := changes.check(); reason != "" {
		return nil, p.badLambda(m, "%s", reason)
	}
	if ignored := changes.dropProtected(); len(ignored) > 0 {
		callOf(ctx).note("the trigger PreTokenGeneration cannot change " + strings.Join(ignored, ", ") + "; ignored")
	}
	return changes, nil
}

// machineName is the userName in events before tokens of machines.
const machineName = "ClientCredentials"

// beforeMachineToken asks the function before tokens what to change of a
// client's own token. Only events of V3_0 are for these.
func (cl *Client) beforeMachineToken(ctx context.Context, scopes []string, metadata map[string]string) (*tokenChanges, error) {
	p := cl.pool
	if !p.has(triggerPreToken) || p.cfg.Triggers.tokenVersion() != tokenV3 {
		return nil, nil
	}
	m := moment{trigger: triggerPreToken, source: "TokenGeneration_" + tokensMachine, client: cl.id, user: machineName, version: tokenV3[1:2]}
	request := preTokenRequest{UserAttributes: map[string]string{}, Scopes: scopes, ClientMetadata: metadata}
	var r preTokenResponseV2
	if err := p.run(ctx, m, request, &r); err != nil {
		return nil, err
	}
	changes := &tokenChanges{client: cl}
	changes.readV2(&r)
	changes.groups = nil // a machine has none
	if reason := changes.check(); reason != "" {
		return nil, p.badLambda(m, "%s", reason)
	}
	if ignored := changes.dropProtected(); len(ignored) > 0 {
		callOf(ctx).note("the trigger PreTokenGeneration cannot change " + strings.Join(ignored, ", ") + "; ignored")
	}
	return changes, nil
}

func (t *tokenChanges) readV1(r *preTokenResponseV1) {
	d := r.Details
	if d == nil {
		return
	}
	t.id.ClaimsToSuppress = d.ClaimsToSuppress
	t.id.ClaimsToAddOrOverride = map[string]any{}
	for name, value := range d.ClaimsToAddOrOverride {
		t.id.ClaimsToAddOrOverride[name] = claimValue(name, value)
	}
	t.groups = groupsFrom(d.GroupOverrideDetails, r.groupsNull)
}

func (t *tokenChanges) readV2(r *preTokenResponseV2) {
	d := r.Details
	if d == nil {
		return
	}
	if d.IDTokenGeneration != nil {
		t.id = *d.IDTokenGeneration
	}
	if d.AccessTokenGeneration != nil {
		t.access = *d.AccessTokenGeneration
	}
	t.groups = groupsFrom(d.GroupOverrideDetails, r.groupsNull)
}

func groupsFrom(given *groupConfiguration, null bool) *groupConfiguration {
	if null {
		return &groupConfiguration{}
	}
	return given
}

// check says what makes the changes unusable, or "".
func (t *tokenChanges) check() string {
	n := len(t.id.ClaimsToAddOrOverride) + len(t.access.ClaimsToAddOrOverride) + len(t.access.ScopesToAdd)
	if n > maxTokenClaims {
		return fmt.Sprintf("it adds %d claims and scopes; the limit is %d", n, maxTokenClaims)
	}
	for _, added := range []any{t.id.ClaimsToAddOrOverride, t.access.ClaimsToAddOrOverride, t.access.ScopesToAdd, t.groups} {
		b, err := json.Marshal(added)
		if err != nil {
			return err.Error()
		}
		if len(b) > maxTokenBytes {
			return fmt.Sprintf("it adds %d bytes to a token; the limit is %d", len(b), maxTokenBytes)
		}
	}
	for _, scope := range t.access.ScopesToAdd {
		if !isScope(scope) {
			return fmt.Sprintf("%q is not a scope", scope)
		}
	}
	return ""
}

// isScope holds a scope to RFC 6749 section 3.3.
func isScope(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) < 0
}

// What the function cannot change: "You can't modify the following claims",
// and in the access token those that say whose it is. Groups have members of
// their own in its response, and so do scopes.
var (
	protectedClaims = strings.Fields(`acr amr aud at_hash auth_time azp cognito:username exp iat identities iss jti nbf
		nonce origin_jti sub token_use`)
	protectedAccess = append(strings.Fields("client_id event_id device_key username version scope"), protectedClaims...)
	groupClaims     = []string{"cognito:groups", "cognito:roles", "cognito:preferred_role"}
	// plainClaims take no objects and lists.
	plainClaims = []string{"phone_number_verified", "email_verified", "updated_at", "address"}
)

// dropProtected takes away what cannot be changed and names it.
func (t *tokenChanges) dropProtected() []string {
	var ignored []string
	drop := func(token string, add map[string]any, suppress []string, protected []string) []string {
		for name, value := range add {
			if token == "access" && name == "aud" && value == t.client.id {
				continue // "its value must match the app client ID of the current session"
			}
			complex := slices.Contains(plainClaims, name) && isComplex(value) && token == "ID" && t.isV2()
			if slices.Contains(protected, name) || slices.Contains(groupClaims, name) || complex {
				delete(add, name)
				ignored = append(ignored, name+" of the "+token+" token")
			}
		}
		return slices.DeleteFunc(suppress, func(name string) bool {
			if !slices.Contains(protected, name) {
				return false
			}
			ignored = append(ignored, name+" of the "+token+" token")
			return true
		})
	}
	t.id.ClaimsToSuppress = drop("ID", t.id.ClaimsToAddOrOverride, t.id.ClaimsToSuppress, protectedClaims)
	t.access.ClaimsToSuppress = drop("access", t.access.ClaimsToAddOrOverride, t.access.ClaimsToSuppress, protectedAccess)
	slices.Sort(ignored)
	return slices.Compact(ignored)
}

func (t *tokenChanges) isV2() bool { return t.client.pool.cfg.Triggers.tokenVersion() != tokenV1 }

func isComplex(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// onID gives an ID token's claims as they are to be signed. "If a value is
// both suppressed and replaced, it is suppressed."
func (t *tokenChanges) onID(claims map[string]any) map[string]any {
	if t == nil {
		return claims
	}
	if t.groups != nil {
		for _, name := range groupClaims {
			delete(claims, name)
		}
		if len(t.groups.GroupsToOverride) > 0 {
			claims["cognito:groups"] = t.groups.GroupsToOverride
		}
		if len(t.groups.IAMRolesToOverride) > 0 {
			claims["cognito:roles"] = t.groups.IAMRolesToOverride
		}
		if role := t.groups.PreferredRole; role != nil && *role != "" {
			claims["cognito:preferred_role"] = *role
		}
	}
	return t.id.apply(claims)
}

func (c *claimChanges) apply(claims map[string]any) map[string]any {
	for name, value := range c.ClaimsToAddOrOverride {
		claims[name] = value
	}
	for _, name := range c.ClaimsToSuppress {
		delete(claims, name)
	}
	return claims
}

// onAccess gives an access token's claims as they are to be signed.
func (t *tokenChanges) onAccess(given any) (any, error) {
	if t == nil {
		return given, nil
	}
	b, err := json.Marshal(given)
	if err != nil {
		return nil, fmt.Errorf("encoding claims: %w", err)
	}
	var claims map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&claims); err != nil {
		return nil, fmt.Errorf("encoding claims: %w", err)
	}
	if t.groups != nil {
		delete(claims, "cognito:groups")
		if len(t.groups.GroupsToOverride) > 0 {
			claims["cognito:groups"] = t.groups.GroupsToOverride
		}
	}
	if t.isV2() {
		scope, _ := claims["scope"].(string)
		scopes := strings.Fields(scope)
		for _, s := range t.access.ScopesToAdd {
			if !slices.Contains(scopes, s) {
				scopes = append(scopes, s)
			}
		}
		scopes = slices.DeleteFunc(scopes, func(s string) bool { return slices.Contains(t.access.ScopesToSuppress, s) })
		claims["scope"] = strings.Join(scopes, " ")
	}
	changes := claimChanges{t.access.ClaimsToAddOrOverride, t.access.ClaimsToSuppress}
	return changes.apply(claims), nil
}
