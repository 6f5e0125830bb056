package identity

import "github.com/doorwright/doorwright/internal/wire/awsjson"

// shapes are those of the service's model (2014-06-30), under the model's names.
var shapes = map[string]awsjson.Shape{
	"ARNString":                       {Least: 20, Most: 2048},
	"AccountId":                       awsjson.Text(1, 15, `\d+`),
	"AmbiguousRoleResolutionType":     {Values: []string{ambiguousAuthenticated, ambiguousDeny}},
	"ClaimName":                       awsjson.Text(1, 64, `[\p{L}\p{M}\p{S}\p{N}\p{P}]+`),
	"ClaimValue":                      {Least: 1, Most: 128},
	"CognitoIdentityProviderClientId": awsjson.Text(1, 128, `[\w_]+`),
	"CognitoIdentityProviderName":     awsjson.Text(1, 128, `[\w._:/-]+`),
	"DeveloperProviderName":           awsjson.Text(1, 128, `[\w._-]+`),
	"DeveloperUserIdentifier":         {Least: 1, Most: 1024},
	"IdentityId":                      awsjson.Text(1, 55, `[\w-]+:[0-9a-f-]+`),
	"IdentityIdList":                  {Least: 1, Most: 60},
	"IdentityPoolId":                  awsjson.Text(1, 55, `[\w-]+:[0-9a-f-]+`),
	"IdentityPoolName":                awsjson.Text(1, 128, `[\w\s+=,.@-]+`),
	"IdentityProviderId":              awsjson.Text(1, 128, `[\w.;_/-]+`),
	"IdentityProviderName":            {Least: 1, Most: 128},
	"IdentityProviderToken":           {Least: 1, Most: 50000, Sensitive: true},
	"LoginsMap":                       {Most: 10},
	"MappingRuleMatchType":            {Values: []string{matchEquals, matchContains, matchStartsWith, matchNotEqual}},
	"MappingRulesList":                {Least: 1, Most: 400},
	"PaginationKey":                   awsjson.Text(1, 65535, `[\S]+`),
	"PrincipalTagID":                  {Least: 1, Most: 128},
	"PrincipalTagValue":               {Least: 1, Most: 256},
	"PrincipalTags":                   {Most: 50},
	"QueryLimit":                      {Least: 1, Most: 60},
	"RoleMappingType":                 {Values: []string{mappingToken, mappingRules}},
	"RoleType":                        awsjson.Text(1, 128, `(un)?authenticated`),
	"RolesMap":                        {Most: 2},
	"TagKeysType":                     {Least: 1, Most: 128},
	"TagValueType":                    {Most: 256},
	"TokenDuration":                   {Least: 1, Most: 86400},
	// The model does not bound these lists; a pool that a request makes is kept.
	"ProviderList": {Most: 50},
}

type empty struct{}

type userPoolClient struct {
	ProviderName         string `json:"ProviderName,omitempty" shape:"CognitoIdentityProviderName"`
	ClientID             string `json:"ClientId,omitempty" shape:"CognitoIdentityProviderClientId"`
	ServerSideTokenCheck bool   `json:"ServerSideTokenCheck"`
}

// poolSettings are what a request says of a pool, and what is kept of it.
type poolSettings struct {
	IdentityPoolName               string            `json:"IdentityPoolName" shape:"IdentityPoolName" required:"true"`
	AllowUnauthenticatedIdentities bool              `json:"AllowUnauthenticatedIdentities" required:"true"`
	AllowClassicFlow               *bool             `json:"AllowClassicFlow,omitempty"`
	SupportedLoginProviders        map[string]string `json:"SupportedLoginProviders,omitempty" keys:"IdentityProviderName" shape:"IdentityProviderId" items:"LoginsMap"`
	DeveloperProviderName          string            `json:"DeveloperProviderName,omitempty" shape:"DeveloperProviderName"`
	OpenIDConnectProviderARNs      []string          `json:"OpenIdConnectProviderARNs,omitempty" shape:"ARNString" items:"ProviderList"`
	CognitoIdentityProviders       []userPoolClient  `json:"CognitoIdentityProviders,omitempty" items:"ProviderList"`
	SamlProviderARNs               []string          `json:"SamlProviderARNs,omitempty" shape:"ARNString" items:"ProviderList"`
	IdentityPoolTags               map[string]string `json:"IdentityPoolTags,omitempty" keys:"TagKeysType" shape:"TagValueType"`
}

// identityPool is poolSettings with the id; awsjson decodes no embedded structs.
type identityPool struct {
	IdentityPoolID                 string            `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	IdentityPoolName               string            `json:"IdentityPoolName" shape:"IdentityPoolName" required:"true"`
	AllowUnauthenticatedIdentities bool              `json:"AllowUnauthenticatedIdentities" required:"true"`
	AllowClassicFlow               *bool             `json:"AllowClassicFlow,omitempty"`
	SupportedLoginProviders        map[string]string `json:"SupportedLoginProviders,omitempty" keys:"IdentityProviderName" shape:"IdentityProviderId" items:"LoginsMap"`
	DeveloperProviderName          string            `json:"DeveloperProviderName,omitempty" shape:"DeveloperProviderName"`
	OpenIDConnectProviderARNs      []string          `json:"OpenIdConnectProviderARNs,omitempty" shape:"ARNString" items:"ProviderList"`
	CognitoIdentityProviders       []userPoolClient  `json:"CognitoIdentityProviders,omitempty" items:"ProviderList"`
	SamlProviderARNs               []string          `json:"SamlProviderARNs,omitempty" shape:"ARNString" items:"ProviderList"`
	IdentityPoolTags               map[string]string `json:"IdentityPoolTags,omitempty" keys:"TagKeysType" shape:"TagValueType"`
}

// settings gives what an UpdateIdentityPool says of the pool.
func (p *identityPool) settings() *poolSettings {
	return &poolSettings{
		p.IdentityPoolName, p.AllowUnauthenticatedIdentities, p.AllowClassicFlow, p.SupportedLoginProviders, p.DeveloperProviderName,
		p.OpenIDConnectProviderARNs, p.CognitoIdentityProviders, p.SamlProviderARNs, p.IdentityPoolTags,
	}
}

type poolInput struct {
	IdentityPoolID string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
}

type listPoolsInput struct {
	MaxResults int    `json:"MaxResults" shape:"QueryLimit" required:"true"`
	NextToken  string `json:"NextToken" shape:"PaginationKey"`
}

type poolShort struct {
	IdentityPoolID   string `json:"IdentityPoolId"`
	IdentityPoolName string `json:"IdentityPoolName"`
}

type listPoolsOutput struct {
	IdentityPools []poolShort `json:"IdentityPools"`
	NextToken     string      `json:"NextToken,omitempty"`
}

// The values of role mappings.
const (
	mappingToken = "Token"
	mappingRules = "Rules"

	ambiguousAuthenticated = "AuthenticatedRole"
	ambiguousDeny          = "Deny"

	matchEquals     = "Equals"
	matchContains   = "Contains"
	matchStartsWith = "StartsWith"
	matchNotEqual   = "NotEqual"
)

type mappingRule struct {
	Claim     string `json:"Claim" shape:"ClaimName" required:"true"`
	MatchType string `json:"MatchType" shape:"MappingRuleMatchType" required:"true"`
	Value     string `json:"Value" shape:"ClaimValue" required:"true"`
	RoleARN   string `json:"RoleARN" shape:"ARNString" required:"true"`
}

type rulesConfiguration struct {
	Rules []mappingRule `json:"Rules" items:"MappingRulesList" required:"true"`
}

type roleMapping struct {
	Type                    string              `json:"Type" shape:"RoleMappingType" required:"true"`
	AmbiguousRoleResolution string              `json:"AmbiguousRoleResolution,omitempty" shape:"AmbiguousRoleResolutionType"`
	RulesConfiguration      *rulesConfiguration `json:"RulesConfiguration,omitempty"`
}

type setRolesInput struct {
	IdentityPoolID string                 `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	Roles          map[string]string      `json:"Roles" keys:"RoleType" shape:"ARNString" items:"RolesMap" required:"true"`
	RoleMappings   map[string]roleMapping `json:"RoleMappings" keys:"IdentityProviderName" items:"LoginsMap"`
}

type rolesOutput struct {
	IdentityPoolID string                 `json:"IdentityPoolId"`
	Roles          map[string]string      `json:"Roles,omitempty"`
	RoleMappings   map[string]roleMapping `json:"RoleMappings,omitempty"`
}

type getIDInput struct {
	AccountID      string            `json:"AccountId" shape:"AccountId"`
	IdentityPoolID string            `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	Logins         map[string]string `json:"Logins" keys:"IdentityProviderName" shape:"IdentityProviderToken" items:"LoginsMap"`
}

type identityOutput struct {
	IdentityID string `json:"IdentityId"`
}

type getCredentialsInput struct {
	IdentityID    string            `json:"IdentityId" shape:"IdentityId" required:"true"`
	Logins        map[string]string `json:"Logins" keys:"IdentityProviderName" shape:"IdentityProviderToken" items:"LoginsMap"`
	CustomRoleARN string            `json:"CustomRoleArn" shape:"ARNString"`
}

type credentials struct {
	AccessKeyID  string       `json:"AccessKeyId"`
	SecretKey    string       `json:"SecretKey"`
	SessionToken string       `json:"SessionToken"`
	Expiration   awsjson.Time `json:"Expiration"`
}

type credentialsOutput struct {
	IdentityID  string      `json:"IdentityId"`
	Credentials credentials `json:"Credentials"`
}

type getTokenInput struct {
	IdentityID string            `json:"IdentityId" shape:"IdentityId" required:"true"`
	Logins     map[string]string `json:"Logins" keys:"IdentityProviderName" shape:"IdentityProviderToken" items:"LoginsMap"`
}

type tokenOutput struct {
	IdentityID string `json:"IdentityId"`
	Token      string `json:"Token"`
}

type identityInput struct {
	IdentityID string `json:"IdentityId" shape:"IdentityId" required:"true"`
}

type identityDescription struct {
	IdentityID       string       `json:"IdentityId"`
	Logins           []string     `json:"Logins,omitempty"`
	CreationDate     awsjson.Time `json:"CreationDate"`
	LastModifiedDate awsjson.Time `json:"LastModifiedDate"`
}

type listIdentitiesInput struct {
	IdentityPoolID string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	MaxResults     int    `json:"MaxResults" shape:"QueryLimit" required:"true"`
	NextToken      string `json:"NextToken" shape:"PaginationKey"`
	HideDisabled   bool   `json:"HideDisabled"`
}

type listIdentitiesOutput struct {
	IdentityPoolID string                `json:"IdentityPoolId"`
	Identities     []identityDescription `json:"Identities"`
	NextToken      string                `json:"NextToken,omitempty"`
}

type deleteIdentitiesInput struct {
	IdentityIDsToDelete []string `json:"IdentityIdsToDelete" shape:"IdentityId" items:"IdentityIdList" required:"true"`
}

type deleteIdentitiesOutput struct {
	UnprocessedIdentityIDs []empty `json:"UnprocessedIdentityIds"`
}

type unlinkInput struct {
	IdentityID     string            `json:"IdentityId" shape:"IdentityId" required:"true"`
	Logins         map[string]string `json:"Logins" keys:"IdentityProviderName" shape:"IdentityProviderToken" items:"LoginsMap" required:"true"`
	LoginsToRemove []string          `json:"LoginsToRemove" shape:"IdentityProviderName" items:"ProviderList" required:"true"`
}

type developerTokenInput struct {
	IdentityPoolID string            `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	IdentityID     string            `json:"IdentityId" shape:"IdentityId"`
	Logins         map[string]string `json:"Logins" keys:"IdentityProviderName" shape:"IdentityProviderToken" items:"LoginsMap" required:"true"`
	PrincipalTags  map[string]string `json:"PrincipalTags" keys:"PrincipalTagID" shape:"PrincipalTagValue" items:"PrincipalTags"`
	TokenDuration  *int64            `json:"TokenDuration" shape:"TokenDuration"`
}

type lookupInput struct {
	IdentityPoolID          string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	IdentityID              string `json:"IdentityId" shape:"IdentityId"`
	DeveloperUserIdentifier string `json:"DeveloperUserIdentifier" shape:"DeveloperUserIdentifier"`
	MaxResults              *int   `json:"MaxResults" shape:"QueryLimit"`
	NextToken               string `json:"NextToken" shape:"PaginationKey"`
}

type lookupOutput struct {
	IdentityID                  string   `json:"IdentityId"`
	DeveloperUserIdentifierList []string `json:"DeveloperUserIdentifierList"`
	NextToken                   string   `json:"NextToken,omitempty"`
}

type mergeInput struct {
	SourceUserIdentifier      string `json:"SourceUserIdentifier" shape:"DeveloperUserIdentifier" required:"true"`
	DestinationUserIdentifier string `json:"DestinationUserIdentifier" shape:"DeveloperUserIdentifier" required:"true"`
	DeveloperProviderName     string `json:"DeveloperProviderName" shape:"DeveloperProviderName" required:"true"`
	IdentityPoolID            string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
}

type unlinkDeveloperInput struct {
	IdentityID              string `json:"IdentityId" shape:"IdentityId" required:"true"`
	IdentityPoolID          string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	DeveloperProviderName   string `json:"DeveloperProviderName" shape:"DeveloperProviderName" required:"true"`
	DeveloperUserIdentifier string `json:"DeveloperUserIdentifier" shape:"DeveloperUserIdentifier" required:"true"`
}

type tagMapInput struct {
	IdentityPoolID       string            `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	IdentityProviderName string            `json:"IdentityProviderName" shape:"IdentityProviderName" required:"true"`
	UseDefaults          bool              `json:"UseDefaults"`
	PrincipalTags        map[string]string `json:"PrincipalTags" keys:"PrincipalTagID" shape:"PrincipalTagValue" items:"PrincipalTags"`
}

type getTagMapInput struct {
	IdentityPoolID       string `json:"IdentityPoolId" shape:"IdentityPoolId" required:"true"`
	IdentityProviderName string `json:"IdentityProviderName" shape:"IdentityProviderName" required:"true"`
}

type tagMapOutput struct {
	IdentityPoolID       string            `json:"IdentityPoolId"`
	IdentityProviderName string            `json:"IdentityProviderName"`
	UseDefaults          bool              `json:"UseDefaults"`
	PrincipalTags        map[string]string `json:"PrincipalTags,omitempty"`
}

type tagResourceInput struct {
	ResourceARN string            `json:"ResourceArn" shape:"ARNString" required:"true"`
	Tags        map[string]string `json:"Tags" keys:"TagKeysType" shape:"TagValueType" required:"true"`
}

type untagResourceInput struct {
	ResourceARN string   `json:"ResourceArn" shape:"ARNString" required:"true"`
	TagKeys     []string `json:"TagKeys" shape:"TagKeysType" required:"true"`
}

type listTagsInput struct {
	ResourceARN string `json:"ResourceArn" shape:"ARNString" required:"true"`
}

type listTagsOutput struct {
	Tags map[string]string `json:"Tags"`
}
