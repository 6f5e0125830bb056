package cognito

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/oidc"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// IdentityProviderConfig declares an OpenID Connect provider that signs users
// in for a pool
// (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-idp.html).
type IdentityProviderConfig struct {
	// Name is what requests and usernames have of it: 3 to 32 characters.
	Name string
	// Issuer is its issuer: https, or http on this machine.
	Issuer string
	// ClientID and ClientSecret are the pool's there.
	ClientID, ClientSecret string
	// Scopes are what it is asked for; nil is openid.
	Scopes []string
	// AttributeMapping gives the claim that fills each attribute of the pool.
	AttributeMapping map[string]string
	// Identifiers are other names of it in requests (idp_identifier).
	Identifiers []string
}

// maxIdentityProviders is Cognito's limit for one pool
// (https://docs.aws.amazon.com/cognito/latest/developerguide/limits.html).
const maxIdentityProviders = 300

// providerOIDC is the one type of provider that is emulated.
const providerOIDC = "OIDC"

// providerName is AWS's form without what could not stand in a username:
// "[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+".
var providerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+$`) })

// takenProviders are names with a meaning of their own.
var takenProviders = []string{"COGNITO", "Cognito", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple"}

// party gives the provider as the engine knows it.
func (i *IdentityProviderConfig) party() *oidc.Provider {
	scopes := i.Scopes
	if scopes == nil {
		scopes = []string{"openid"}
	}
	return &oidc.Provider{Issuer: i.Issuer, ClientID: i.ClientID, ClientSecret: i.ClientSecret, Scopes: scopes}
}

// check refuses a provider that could not sign anybody in.
func (i *IdentityProviderConfig) check(p *PoolConfig) *aws.Error {
	n := len([]rune(i.Name))
	if n < 3 || n > 32 || !providerName().MatchString(i.Name) || slices.Contains(takenProviders, i.Name) {
		return invalid("Invalid provider name %s.", i.Name)
	}
	if i.ClientID == "" || i.ClientSecret == "" || i.Issuer == "" {
		return invalid("The provider details of %s need client_id, client_secret and oidc_issuer.", i.Name)
	}
	if err := i.party().Check(); err != nil {
		return invalid("Invalid provider details of %s: %v", i.Name, err)
	}
	schema := p.schema()
	for attribute := range i.AttributeMapping {
		known := slices.ContainsFunc(schema, func(e schemaEntry) bool { return e.name == attribute })
		if attribute != "username" && (!known || attribute == "sub") {
			return invalid("Attribute mapping of %s names an attribute that the user pool does not have: %s.", i.Name, attribute)
		}
	}
	if claim, ok := i.AttributeMapping["username"]; ok && claim != "sub" {
		return invalid("The username of an OIDC provider is its sub.")
	}
	return nil
}

func (p *PoolConfig) validateProviders(bad func(bool, string, ...any)) {
	seen := map[string]bool{}
	for i := range p.IdentityProviders {
		provider := &p.IdentityProviders[i]
		bad(seen[provider.Name], "identity provider %q is declared twice", provider.Name)
		seen[provider.Name] = true
		if err := provider.check(p); err != nil {
			bad(true, "identity provider %q: %s", provider.Name, err.Message)
		}
	}
}

// provider gives the pool's provider of a name, or nil.
func (p *Pool) provider(name string) *IdentityProviderConfig {
	for i := range p.cfg.IdentityProviders {
		if p.cfg.IdentityProviders[i].Name == name {
			return &p.cfg.IdentityProviders[i]
		}
	}
	return nil
}

// identityProviderInput is that of CreateIdentityProvider and
// UpdateIdentityProvider, and how an added provider is kept.
type identityProviderInput struct {
	UserPoolID       string            `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ProviderName     string            `json:"ProviderName" shape:"ProviderNameType" required:"true"`
	ProviderType     string            `json:"ProviderType" shape:"IdentityProviderTypeType"`
	ProviderDetails  map[string]string `json:"ProviderDetails"`
	AttributeMapping map[string]string `json:"AttributeMapping"`
	IDPIdentifiers   []string          `json:"IdpIdentifiers"`
	// Created and Modified are kept, and are in no request.
	Created  int64 `json:"created,omitempty"`
	Modified int64 `json:"modified,omitempty"`
}

type describeProviderInput struct {
	UserPoolID   string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	ProviderName string `json:"ProviderName" shape:"ProviderNameType" required:"true"`
}

type providerByIdentifierInput struct {
	UserPoolID    string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	IDPIdentifier string `json:"IdpIdentifier" required:"true"`
}

type listProvidersInput struct {
	UserPoolID string `json:"UserPoolId" shape:"UserPoolIdType" required:"true"`
	MaxResults *int   `json:"MaxResults" shape:"QueryLimit"`
	NextToken  string `json:"NextToken" shape:"PaginationToken"`
}

type listProvidersOutput struct {
	Providers []providerDescription `json:"Providers"`
	NextToken string                `json:"NextToken,omitempty"`
}

type providerDescription struct {
	ProviderName     string       `json:"ProviderName"`
	ProviderType     string       `json:"ProviderType"`
	LastModifiedDate awsjson.Time `json:"LastModifiedDate"`
	CreationDate     awsjson.Time `json:"CreationDate"`
}

type identityProviderType struct {
	UserPoolID       string            `json:"UserPoolId"`
	ProviderName     string            `json:"ProviderName"`
	ProviderType     string            `json:"ProviderType"`
	ProviderDetails  map[string]string `json:"ProviderDetails"`
	AttributeMapping map[string]string `json:"AttributeMapping"`
	IDPIdentifiers   []string          `json:"IdpIdentifiers"`
	LastModifiedDate awsjson.Time      `json:"LastModifiedDate"`
	CreationDate     awsjson.Time      `json:"CreationDate"`
}

type identityProviderOutput struct {
	IdentityProvider identityProviderType `json:"IdentityProvider"`
}

// config gives the provider that a request describes.
func (in *identityProviderInput) config() IdentityProviderConfig {
	d := in.ProviderDetails
	i := IdentityProviderConfig{
		Name: in.ProviderName, Issuer: d["oidc_issuer"], ClientID: d["client_id"], ClientSecret: d["client_secret"],
		AttributeMapping: in.AttributeMapping, Identifiers: in.IDPIdentifiers,
	}
	if scopes := strings.Fields(d["authorize_scopes"]); len(scopes) > 0 {
		i.Scopes = scopes
	}
	return i
}

// refusal says what of a request is not emulated, or nil. Endpoints that are
// given one by one would be asked without the issuer's word for them.
func (in *identityProviderInput) refusal() error {
	for _, key := range slices.Sorted(maps.Keys(in.ProviderDetails)) {
		switch key {
		case "client_id", "client_secret", "authorize_scopes", "oidc_issuer", "attributes_url_add_attributes":
		case "attributes_request_method":
			if in.ProviderDetails[key] != "GET" {
				return refuse(codeUnsupportedOperation, "attributes_request_method other than GET is a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
			}
		default:
			return refuse(codeUnsupportedOperation, key+" of an identity provider is a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
		}
	}
	if len(in.IDPIdentifiers) > 50 {
		return invalid("1 validation error detected: Value at 'idpIdentifiers' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	return nil
}

// wireProvider gives a provider as Describe shows it.
func (p *Pool) wireProvider(i *IdentityProviderConfig) identityProviderType {
	party := i.party()
	w := identityProviderType{
		UserPoolID: p.id, ProviderName: i.Name, ProviderType: providerOIDC, AttributeMapping: map[string]string{"username": "sub"},
		ProviderDetails: map[string]string{
			"client_id": i.ClientID, "client_secret": i.ClientSecret, "oidc_issuer": i.Issuer, "authorize_scopes": strings.Join(party.Scopes, " "),
			"attributes_request_method": "GET", "attributes_url_add_attributes": "false",
		},
		IDPIdentifiers: append([]string{}, i.Identifiers...), LastModifiedDate: awsjson.Time{Time: p.modified()}, CreationDate: awsjson.Time{Time: p.created},
	}
	maps.Copy(w.AttributeMapping, i.AttributeMapping)
	if at := p.addedProvider(i.Name); at >= 0 {
		kept := p.added.Providers[at]
		w.CreationDate, w.LastModifiedDate = awsjson.Time{Time: time.UnixMilli(kept.Created)}, awsjson.Time{Time: time.UnixMilli(kept.Modified)}
	}
	return w
}

// addedProvider gives the place of a provider among what was added, or -1.
func (p *Pool) addedProvider(name string) int {
	return slices.IndexFunc(p.added.Providers, func(in identityProviderInput) bool { return in.ProviderName == name })
}

// changeable gives the place of an added provider, or the refusal.
func (p *Pool) changeable(name string) (int, error) {
	at := p.addedProvider(name)
	switch {
	case at >= 0:
		return at, nil
	case p.provider(name) != nil:
		return 0, invalid("userPools.%s.identityProviders.%s is declared in doorwright.yaml; change it there.", p.cfg.Name, name)
	}
	return 0, noProvider(name)
}

func noProvider(name string) error {
	return refuse(codeResourceNotFound, "Identity provider "+name+" does not exist.", "")
}

func (s *Service) createIdentityProvider(ctx context.Context, c *call, in *identityProviderInput) (*identityProviderOutput, error) {
	switch in.ProviderType {
	case providerOIDC:
	case "":
		return nil, invalid("1 validation error detected: Value at 'providerType' failed to satisfy constraint: Member must not be null")
	default:
		return nil, refuse(codeUnsupportedOperation, "Identity providers of type "+in.ProviderType+" are a feature of Amazon Cognito that Doorwright does not emulate.", "not emulated; see COMPAT.md")
	}
	if err := in.refusal(); err != nil {
		return nil, err
	}
	p, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		switch {
		case p.provider(in.ProviderName) != nil:
			return refuse(codeDuplicateProvider, "A provider with the name "+in.ProviderName+" already exists in this user pool.", "")
		case len(p.cfg.IdentityProviders) >= maxIdentityProviders:
			return refuse(codeLimitExceeded, fmt.Sprintf("A user pool can have %d identity providers.", maxIdentityProviders), "")
		}
		provider := in.config()
		if err := provider.check(p.cfg); err != nil {
			return err
		}
		kept := *in
		kept.Created = s.cfg.Now().UnixMilli()
		kept.Modified = kept.Created
		p.added.Providers = append(slices.Clip(p.added.Providers), kept)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &identityProviderOutput{p.wireProvider(p.provider(in.ProviderName))}, nil
}

func (s *Service) updateIdentityProvider(ctx context.Context, c *call, in *identityProviderInput) (*identityProviderOutput, error) {
	if err := in.refusal(); err != nil {
		return nil, err
	}
	p, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		at, err := p.changeable(in.ProviderName)
		if err != nil {
			return err
		}
		p.added.Providers = slices.Clone(p.added.Providers)
		kept := &p.added.Providers[at]
		if in.ProviderDetails != nil {
			kept.ProviderDetails = in.ProviderDetails
		}
		if in.AttributeMapping != nil {
			kept.AttributeMapping = in.AttributeMapping
		}
		if in.IDPIdentifiers != nil {
			kept.IDPIdentifiers = in.IDPIdentifiers
		}
		kept.Modified = s.cfg.Now().UnixMilli()
		provider := kept.config()
		if err := provider.check(p.cfg); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &identityProviderOutput{p.wireProvider(p.provider(in.ProviderName))}, nil
}

func (s *Service) deleteIdentityProvider(ctx context.Context, c *call, in *describeProviderInput) (*empty, error) {
	_, err := s.amend(ctx, c, in.UserPoolID, func(_ *sql.Tx, p *Pool) error {
		at, err := p.changeable(in.ProviderName)
		if err != nil {
			return err
		}
		p.added.Providers = slices.Delete(slices.Clone(p.added.Providers), at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

func (s *Service) describeIdentityProvider(_ context.Context, c *call, in *describeProviderInput) (*identityProviderOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	i := p.provider(in.ProviderName)
	if i == nil {
		return nil, noProvider(in.ProviderName)
	}
	return &identityProviderOutput{p.wireProvider(i)}, nil
}

func (s *Service) getIdentityProviderByIdentifier(_ context.Context, c *call, in *providerByIdentifierInput) (*identityProviderOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	i := p.identified(in.IDPIdentifier)
	if i == nil {
		return nil, noProvider(in.IDPIdentifier)
	}
	return &identityProviderOutput{p.wireProvider(i)}, nil
}

// identified gives the provider of an identifier, or nil.
func (p *Pool) identified(identifier string) *IdentityProviderConfig {
	for i := range p.cfg.IdentityProviders {
		if slices.Contains(p.cfg.IdentityProviders[i].Identifiers, identifier) {
			return &p.cfg.IdentityProviders[i]
		}
	}
	return nil
}

func (s *Service) listIdentityProviders(_ context.Context, c *call, in *listProvidersInput) (*listProvidersOutput, error) {
	p, err := s.pool(c, in.UserPoolID, "")
	if err != nil {
		return nil, err
	}
	limit := shapes["QueryLimit"].Most
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	all := slices.SortedFunc(slices.Values(p.cfg.IdentityProviders), func(a, b IdentityProviderConfig) int { return strings.Compare(a.Name, b.Name) })
	shown, next, err := page(p.mac, "identity providers", all, func(i IdentityProviderConfig) string { return i.Name }, limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listProvidersOutput{Providers: []providerDescription{}, NextToken: next}
	for i := range shown {
		w := p.wireProvider(&shown[i])
		out.Providers = append(out.Providers, providerDescription{w.ProviderName, w.ProviderType, w.LastModifiedDate, w.CreationDate})
	}
	return out, nil
}
