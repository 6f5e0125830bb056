package cloudformation

// The properties of AWS::Cognito identity pool resources, and of the providers of IAM
// that they trust.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cognito-identitypool.html

type identityPool struct {
	AllowClassicFlow               bool                      `json:"AllowClassicFlow"`
	AllowUnauthenticatedIdentities bool                      `json:"AllowUnauthenticatedIdentities"`
	CognitoIdentityProviders       []cognitoIdentityProvider `json:"CognitoIdentityProviders,omitempty"`
	DeveloperProviderName          string                    `json:"DeveloperProviderName,omitempty"`
	OpenIDConnectProviderARNs      []Value                   `json:"OpenIdConnectProviderARNs,omitempty"`
}

type cognitoIdentityProvider struct {
	ClientID             Value `json:"ClientId"`
	ProviderName         Value `json:"ProviderName"`
	ServerSideTokenCheck bool  `json:"ServerSideTokenCheck"`
}

type identityPoolRoleAttachment struct {
	IdentityPoolID Value                  `json:"IdentityPoolId"`
	RoleMappings   map[string]roleMapping `json:"RoleMappings,omitempty"`
	Roles          map[string]Value       `json:"Roles"`
}

// A roleMapping has its provider beside it, as a key of a template is no function.
type roleMapping struct {
	AmbiguousRoleResolution string              `json:"AmbiguousRoleResolution"`
	IdentityProvider        Value               `json:"IdentityProvider"`
	RulesConfiguration      *rulesConfiguration `json:"RulesConfiguration,omitempty"`
	Type                    string              `json:"Type"`
}

type rulesConfiguration struct {
	Rules []mappingRule `json:"Rules"`
}

type mappingRule struct {
	Claim     string `json:"Claim"`
	MatchType string `json:"MatchType"`
	RoleARN   Value  `json:"RoleARN"`
	Value     string `json:"Value"`
}

type identityPoolPrincipalTag struct {
	IdentityPoolID       Value             `json:"IdentityPoolId"`
	IdentityProviderName Value             `json:"IdentityProviderName"`
	PrincipalTags        map[string]string `json:"PrincipalTags"`
	UseDefaults          bool              `json:"UseDefaults"`
}

// An oidcProvider has no thumbprints: IAM trusts the roots that browsers trust.
type oidcProvider struct {
	ClientIDList []Value `json:"ClientIdList"`
	URL          Value   `json:"Url"`
}
