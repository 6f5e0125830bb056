package iam

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/verify"
)

// WebIdentity is somebody whose token was verified.
type WebIdentity struct {
	// Provider is how trust policies name who issued it, as a Federated principal:
	// "cognito-identity.amazonaws.com", or the ARN of an OpenID Connect provider.
	Provider string
	// Prefix begins the condition keys of its claims: the issuer without its scheme.
	Prefix            string
	Subject, Audience string
	// AMR is the claim of this name, if there is one.
	AMR []string
	// Tags are the session tags that the token asks for.
	Tags map[string]string
}

// WebIdentityRequest asks for a session of a role for somebody with a token.
type WebIdentityRequest struct {
	Role     string // its name
	Session  string // the session's name
	Duration time.Duration
	Policies []string
	Identity WebIdentity
}

// ErrNotTrusted is in the refusal of AssumeWithWebIdentity if the role's trust
// policy does not let the identity in, or there is no such role.
var ErrNotTrusted = errors.New("the role does not trust this identity")

// A TrustError says what of a role's trust policy has refused an identity. It is an
// ErrNotTrusted.
type TrustError struct {
	// Evidence is nil if there is no such role.
	Evidence *Evidence
	Err      error
}

// Error says which statement it was, or that none allows it.
func (e *TrustError) Error() string { return ErrNotTrusted.Error() + ": " + e.Err.Error() }

// Unwrap gives ErrNotTrusted, and the cause.
func (e *TrustError) Unwrap() []error { return []error{ErrNotTrusted, e.Err} }

// notTrusted is the one refusal for all that a trust policy refuses, so that nobody
// learns which roles there are.
func notTrusted(e *Evidence, err error) error {
	return &aws.Error{
		Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity", Status: http.StatusForbidden,
		Err: &TrustError{e, err},
	}
}

// AssumeWithWebIdentity gives credentials of a role to who has proved to be an
// identity, if the role's trust policy lets it. Tags ask for sts:TagSession too. Its
// refusals are an *[aws.Error] in the words of STS.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (a *Account) AssumeWithWebIdentity(r WebIdentityRequest) (Credentials, error) {
	role := a.roles[r.Role]
	if role == nil {
		return Credentials{}, notTrusted(nil, fmt.Errorf("there is no role %.80q", r.Role))
	}
	actions := []string{"sts:AssumeRoleWithWebIdentity"}
	if len(r.Identity.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	who := &caller{provider: r.Identity.Provider}
	var trusted []*Evidence
	for _, action := range actions {
		request := Request{Action: action, Resource: a.RoleARN(role.name), Context: a.contextOf(nil, r.values, a.cfg.Now())}
		e := evidenceOf(role.trust, request, who, ByTrust, r.Identity.Provider)
		switch f := role.trust.evaluate(&request, who, nil); f.verdict {
		case Allow:
			trusted = append(trusted, e)
		case ExplicitDeny:
			return Credentials{}, notTrusted(e, fmt.Errorf("%s of the trust policy of role %s denies %s", role.trust.nameOf(f.statement), role.name, action))
		default:
			return Credentials{}, notTrusted(e, fmt.Errorf("the trust policy of role %s does not allow %s to %.100q with audience %.100q", role.name, action, r.Identity.Provider, r.Identity.Audience))
		}
	}
	if r.Duration > role.maxDuration { // after the trust: a stranger learns of no role
		return Credentials{}, errMaxDuration()
	}
	assume := AssumeRequest{
		Role: role.name, Session: r.Session, Duration: r.Duration, Policies: r.Policies, Tags: r.Identity.Tags, Provider: r.Identity.Provider,
	}
	if r.Identity.Provider == cognitoProvider {
		assume.Identity = &CognitoIdentity{ID: r.Identity.Subject, Pool: r.Identity.Audience, AMR: r.Identity.AMR}
	}
	c, err := a.Assume(assume)
	if err != nil {
		return Credentials{}, err
	}
	c.Trusted = trusted
	return c, nil
}

// values are the condition keys of a trust policy
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html).
func (r *WebIdentityRequest) values(key string) ([]string, bool) {
	if name, ok := strings.CutPrefix(key, strings.ToLower(r.Identity.Prefix)+":"); ok && r.Identity.Prefix != "" {
		switch name {
		case "sub":
			return []string{r.Identity.Subject}, true
		case "aud":
			return []string{r.Identity.Audience}, true
		case "amr":
			return r.Identity.AMR, len(r.Identity.AMR) > 0
		}
		return nil, false
	}
	switch key {
	case "aws:federatedprovider":
		return []string{r.Identity.Provider}, true
	case "sts:rolesessionname":
		return []string{r.Session}, true
	}
	return requestTags(r.Identity.Tags, key)
}

// requestTags are the condition keys of tags that a request brings.
func requestTags(tags map[string]string, key string) ([]string, bool) {
	if key == "aws:tagkeys" {
		return slices.Sorted(maps.Keys(tags)), len(tags) > 0
	}
	if want, ok := strings.CutPrefix(key, "aws:requesttag/"); ok {
		for name, value := range tags {
			if strings.ToLower(name) == want {
				return []string{value}, true
			}
		}
	}
	return nil, false
}

// checkTrust refuses what IAM does not take in a trust policy, or what lets in more
// than anybody can mean: without a condition on the audience, the identities of
// every pool there is.
//
// https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html
func checkTrust(s *policy.Statement) error {
	if s.NotPrincipal != nil {
		return errors.New("a trust policy has no NotPrincipal")
	}
	if s.Effect != "Allow" || !slices.Contains(s.Principal, policy.Principal{Type: "Federated", ID: cognitoProvider}) {
		return nil
	}
	for _, c := range s.Condition {
		if strings.EqualFold(c.Key, cognitoProvider+":aud") && c.Operator == "StringEquals" {
			return nil
		}
	}
	return fmt.Errorf("it trusts every identity pool: add the condition StringEquals, %s:aud", cognitoProvider)
}

// A WebIdentityProvider is who issues tokens for which STS gives credentials.
type WebIdentityProvider struct {
	// Principal is WebIdentity.Provider.
	Principal string
	// Issuer is the tokens' iss.
	Issuer string
	// Audiences are the clients whose tokens count. An identity pool's provider has
	// none: which pool it is, the trust policies ask.
	Audiences  []string
	Algorithms []verify.Algorithm
	Keys       verify.KeySet
}

// verifierOf makes the provider's verifier.
func (p *WebIdentityProvider) verifierOf(now func() time.Time) (*verify.Verifier, error) {
	return verify.New(verify.Config{
		Issuer: p.Issuer, Audience: p.Audiences, InsecureSkipAudience: p.Principal == cognitoProvider, Algorithms: p.Algorithms, Keys: p.Keys, Now: now,
	})
}

// The claims of tags, which STS reads
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp).
const tagsClaim = "https://aws.amazon.com/tags"

// identityOf reads a verified token.
func (p *WebIdentityProvider) identityOf(token verify.Token) (WebIdentity, error) {
	_, prefix, _ := strings.Cut(p.Issuer, "://")
	id := WebIdentity{Provider: p.Principal, Prefix: prefix}
	id.Subject, _ = token.Claims.String("sub")
	if id.Subject == "" {
		return WebIdentity{}, invalidIdentityToken(errors.New("the token has no sub"))
	}
	audiences, ok := token.Claims.Strings("aud")
	if one, isText := token.Claims.String("aud"); isText {
		audiences, ok = []string{one}, true
	}
	if !ok || len(audiences) != 1 {
		return WebIdentity{}, invalidIdentityToken(errors.New("the token is not for one audience"))
	}
	id.Audience = audiences[0]
	id.AMR, _ = token.Claims.Strings("amr")
	var err error
	id.Tags, err = tagsOf(token.Claims)
	return id, err
}

// tagsOf reads the tags of a token. Of each key there is one value.
func tagsOf(claims verify.Claims) (map[string]string, error) {
	claim, ok := claims.Get(tagsClaim)
	if !ok {
		return nil, nil
	}
	object, ok := claim.(map[string]any)
	if !ok {
		return nil, invalidIdentityToken(fmt.Errorf("its claim %s is not an object", tagsClaim))
	}
	for name := range object {
		if name != "principal_tags" {
			return nil, invalidIdentityToken(fmt.Errorf("its claim %s has %.60q, which is not supported", tagsClaim, name))
		}
	}
	principal, ok := object["principal_tags"].(map[string]any)
	if !ok {
		return nil, invalidIdentityToken(fmt.Errorf("its claim %s has no principal_tags", tagsClaim))
	}
	tags := map[string]string{}
	for key, value := range principal {
		list, _ := value.([]any)
		if len(list) != 1 {
			return nil, invalidIdentityToken(fmt.Errorf("its tag %.60q has not one value", key))
		}
		if tags[key], ok = list[0].(string); !ok {
			return nil, invalidIdentityToken(fmt.Errorf("its tag %.60q is not a string", key))
		}
	}
	return tags, nil
}

func invalidIdentityToken(err error) *aws.Error {
	return &aws.Error{Code: "InvalidIdentityToken", Message: "The web identity token that was passed could not be validated.", Status: http.StatusBadRequest, Err: err}
}

// webIdentities verifies the tokens of some providers.
type webIdentities struct {
	providers []WebIdentityProvider
	verifiers []*verify.Verifier
}

func newWebIdentities(providers []WebIdentityProvider, now func() time.Time) (webIdentities, error) {
	w := webIdentities{providers: providers}
	for i := range providers {
		v, err := providers[i].verifierOf(now)
		if err != nil {
			return webIdentities{}, fmt.Errorf("web identities of %s: %w", providers[i].Issuer, err)
		}
		w.verifiers = append(w.verifiers, v)
	}
	return w, nil
}

// verify finds the provider whose token it is: the one whose verifier does not say
// that another issued it, which it says of a token with a good signature alone.
func (w webIdentities) verify(ctx context.Context, raw string) (WebIdentity, error) {
	var last error = errors.New("no provider is there")
	for i, v := range w.verifiers {
		token, err := v.Verify(ctx, raw)
		if err == nil {
			return w.providers[i].identityOf(token)
		}
		var refused *verify.Error
		if errors.As(err, &refused) {
			switch refused.Reason {
			case verify.Expired:
				return WebIdentity{}, &aws.Error{
					Code: "ExpiredTokenException", Message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", refused.Now.Unix(), refused.At.Unix()),
					Status: http.StatusBadRequest, Err: err,
				}
			case verify.WrongAudience:
				return WebIdentity{}, &aws.Error{Code: "InvalidIdentityToken", Message: "Incorrect token audience", Status: http.StatusBadRequest, Err: err}
			case verify.KeysUnavailable, verify.DiscoveryUnavailable:
				last = &aws.Error{Code: "IDPCommunicationError", Message: "Couldn't retrieve verification key from your identity provider", Status: http.StatusBadRequest, Err: err}
				continue
			}
		}
		var unavailable *aws.Error
		if !errors.As(last, &unavailable) {
			last = err
		}
	}
	var coded *aws.Error
	if errors.As(last, &coded) {
		return WebIdentity{}, coded
	}
	return WebIdentity{}, invalidIdentityToken(last)
}
