package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/verify"
)

// login is somebody whom a provider vouches for. It was verified.
type login struct {
	// provider is the provider's name, subject who it is there.
	provider, subject string
	// developer says that a backend vouches for it.
	developer bool
	// client is whom the token was made for, and claims what it says.
	client string
	claims verify.Claims
	// proof is the login as it is said in "amr".
	proof string
	// mappings are the keys under which the pool may have a role mapping for it.
	mappings []string
}

// algorithms are those that OpenID Connect providers of IAM may sign with
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
var algorithms = []verify.Algorithm{verify.RS256, verify.RS384, verify.RS512, verify.ES256, verify.ES384, verify.ES512}

// verifyLogins verifies every token of a request: one that is not good refuses
// all of them. They come in the order of their providers' names.
func (s *Service) verifyLogins(ctx context.Context, p *pool, raw map[string]string) ([]login, error) {
	var logins []login
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		provider, clients, err := s.providerOf(p, key)
		if err != nil {
			return nil, ofLogin(err, LoginError{Login: key})
		}
		l, err := s.verifyLogin(ctx, p, provider, clients, raw[key])
		if err != nil {
			issuer, _ := peekIssuer(raw[key])
			return nil, ofLogin(err, LoginError{Login: key, Provider: provider.Name, Issuer: provider.Issuer, Clients: clients, Got: issuer})
		}
		logins = append(logins, *l)
	}
	slices.SortFunc(logins, func(a, b login) int { return strings.Compare(a.provider, b.provider) })
	for i := range logins[:max(0, len(logins)-1)] {
		if logins[i].provider == logins[i+1].provider {
			return nil, invalid("%s", textPublicProvider)
		}
	}
	return logins, nil
}

// providerOf finds the provider of a login's key, which names it as AWS does or
// by its issuer without the scheme: that is where Amplify takes the key from.
func (s *Service) providerOf(p *pool, key string) (*Provider, []string, error) {
	for _, name := range s.providerNames(p) {
		provider, ok := s.cfg.Provider(name)
		if !ok || key != provider.Name && strings.TrimSuffix(key, "/") != strings.TrimSuffix(withoutScheme(provider.Issuer), "/") {
			continue
		}
		if clients, ok := s.supports(p, &provider); ok {
			return &provider, clients, nil
		}
	}
	switch {
	case key == openIDProvider:
		return nil, nil, notAuthorized(textCognitoToken, "")
	case key == p.settings.DeveloperProviderName:
		return nil, nil, refuse(codeInvalidParameter, textPublicProvider, "logins of "+key+" are given by GetOpenIdTokenForDeveloperIdentity, which is signed")
	case !strings.ContainsAny(key, ".:"):
		return nil, nil, refuse(codeInvalidParameter, textPublicProvider, aws.Printable(key)+" is no provider")
	}
	return nil, nil, notAuthorized(textNotSupported, "the pool has no provider "+aws.Printable(key))
}

// providerNames lists the providers of a pool, each once.
func (s *Service) providerNames(p *pool) []string {
	var names []string
	for _, c := range p.settings.CognitoIdentityProviders {
		if !slices.Contains(names, c.ProviderName) {
			names = append(names, c.ProviderName)
		}
	}
	for _, arn := range p.settings.OpenIDConnectProviderARNs {
		if name, ok := s.providerOfARN(arn); ok {
			names = append(names, name)
		}
	}
	return names
}

func withoutScheme(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	return rest
}

// verifyLogin verifies an ID token.
func (s *Service) verifyLogin(ctx context.Context, p *pool, provider *Provider, clients []string, raw string) (*login, error) {
	// The issuer is looked at first, before the token is verified: what is said of
	// it tells nobody anything, and another provider's keys could say nothing else.
	issuer, ok := peekIssuer(raw)
	switch {
	case !ok:
		return nil, notAuthorized(textNoIDToken, "the token is no JWT")
	case issuer != provider.Issuer:
		return nil, notAuthorized(textWrongIssuer, fmt.Sprintf("issuer is %q, not %q", aws.Printable(issuer), provider.Issuer))
	}
	cfg := verify.Config{Issuer: provider.Issuer, Audience: clients, Algorithms: algorithms, Keys: provider.Keys, CacheSize: -1, Now: s.cfg.Now}
	if provider.userPool() {
		cfg.Algorithms = []verify.Algorithm{verify.RS256}
	}
	verifier, err := verify.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing to verify a token of %s: %w", provider.Name, err)
	}
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, s.tokenRefused(provider.Name, err)
	}
	claims := token.Claims
	l := &login{provider: provider.Name, claims: claims}
	l.subject, _ = claims.String("sub")
	if l.subject == "" {
		return nil, notAuthorized("Invalid login token. Missing a required claim: sub", "")
	}
	if l.client, err = audience(claims, clients); err != nil {
		return nil, err
	}
	if !provider.userPool() {
		l.proof = s.providerARN(provider.Name) + ":OIDC:" + l.subject
		l.mappings = []string{s.providerARN(provider.Name), provider.Name}
		return l, nil
	}
	if use, _ := claims.String("token_use"); use != "id" {
		return nil, notAuthorized(textNoIDToken, "token_use is "+aws.Printable(use)+", not id")
	}
	l.proof = provider.Name + ":CognitoSignIn:" + l.subject
	l.mappings = []string{provider.Name + ":" + l.client, provider.Name}
	if p.checked(provider.Name, l.client) {
		active, err := provider.Active(ctx, claims)
		if err != nil {
			return nil, fmt.Errorf("asking %s about a token: %w", provider.Name, err)
		}
		if !active {
			return nil, notAuthorized(textInactive, "the user signed out, was disabled or deleted (ServerSideTokenCheck)")
		}
	}
	return l, nil
}

// audience gives the client that a token is for. The verifier has seen that it is
// one of them; a token that names the party that may use it is for that one alone
// (OpenID Connect Core 1.0, section 3.1.3.7).
func audience(claims verify.Claims, clients []string) (string, error) {
	if value, ok := claims.Get("azp"); ok {
		azp, _ := value.(string)
		if !slices.Contains(clients, azp) {
			return "", notAuthorized(textNotSupported, `claim "azp" is `+aws.Printable(fmt.Sprint(value)))
		}
	}
	of, _ := claims.Strings("aud")
	i := slices.IndexFunc(of, func(one string) bool { return slices.Contains(clients, one) })
	if i < 0 {
		return "", errors.New("the verifier let a token pass that is for nobody here")
	}
	return of[i], nil
}

// peekIssuer reads the issuer of a token that is not verified yet.
func peekIssuer(raw string) (string, bool) {
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return "", false
	}
	var claims struct {
		Issuer *string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Issuer == nil {
		return "", false
	}
	return *claims.Issuer, true
}

// tokenRefused says in Cognito's words why a token is not good, and in ours in the
// log.
func (s *Service) tokenRefused(provider string, err error) error {
	var refused *verify.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("verifying a token of %s: %w", provider, err)
	}
	e := notAuthorized(textNoIDToken, "")
	e.Err = err
	switch refused.Reason {
	case verify.Expired:
		e.Message = fmt.Sprintf("Invalid login token. Token expired: %d >= %d", refused.Now.Unix(), refused.At.Unix())
	case verify.WrongIssuer:
		e.Message = textWrongIssuer
	case verify.MissingClaim:
		e.Message = "Invalid login token. Missing a required claim: " + refused.Claim
	case verify.WrongAudience:
		e.Message = textNotSupported
	case verify.BadSignature, verify.UnknownKey, verify.KeyNotForAlgorithm:
		e.Message = textNotVerified
	case verify.DiscoveryUnavailable, verify.KeysUnavailable:
		e.Code, e.Message = codeExternalService, "The keys of the provider "+provider+" are not available."
	}
	return e
}
