package cloudformation

// The properties of AWS::ApiGateway resources, which are of REST APIs.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html

import "encoding/json"

type restAPI struct {
	APIKeySourceType      string                `json:"ApiKeySourceType"`
	BinaryMediaTypes      []string              `json:"BinaryMediaTypes,omitempty"`
	EndpointConfiguration endpointConfiguration `json:"EndpointConfiguration"`
	Name                  string                `json:"Name"`
	Policy                json.RawMessage       `json:"Policy,omitempty"`
}

type endpointConfiguration struct {
	Types []string `json:"Types"`
}

type restResource struct {
	ParentID  Value  `json:"ParentId"`
	PathPart  string `json:"PathPart"`
	RestAPIID Value  `json:"RestApiId"`
}

type restMethod struct {
	APIKeyRequired      bool             `json:"ApiKeyRequired"`
	AuthorizationScopes []string         `json:"AuthorizationScopes,omitempty"`
	AuthorizationType   string           `json:"AuthorizationType"`
	AuthorizerID        Value            `json:"AuthorizerId,omitzero"`
	HTTPMethod          string           `json:"HttpMethod"`
	Integration         restIntegration  `json:"Integration"`
	MethodResponses     []methodResponse `json:"MethodResponses,omitempty"`
	RequestParameters   map[string]bool  `json:"RequestParameters,omitempty"`
	RequestValidatorID  Value            `json:"RequestValidatorId,omitzero"`
	ResourceID          Value            `json:"ResourceId"`
	RestAPIID           Value            `json:"RestApiId"`
}

type restIntegration struct {
	ContentHandling       string                `json:"ContentHandling,omitempty"`
	IntegrationHTTPMethod string                `json:"IntegrationHttpMethod,omitempty"`
	IntegrationResponses  []integrationResponse `json:"IntegrationResponses,omitempty"`
	RequestTemplates      map[string]string     `json:"RequestTemplates,omitempty"`
	TimeoutInMillis       int64                 `json:"TimeoutInMillis,omitempty"`
	Type                  string                `json:"Type"`
	URI                   Value                 `json:"Uri,omitzero"`
}

type integrationResponse struct {
	ResponseParameters map[string]string `json:"ResponseParameters,omitempty"`
	ResponseTemplates  map[string]string `json:"ResponseTemplates,omitempty"`
	StatusCode         string            `json:"StatusCode"`
}

type methodResponse struct {
	ResponseParameters map[string]bool `json:"ResponseParameters,omitempty"`
	StatusCode         string          `json:"StatusCode"`
}

type restAuthorizer struct {
	AuthorizerResultTTLInSeconds *int    `json:"AuthorizerResultTtlInSeconds,omitempty"`
	AuthorizerURI                Value   `json:"AuthorizerUri,omitzero"`
	IdentitySource               string  `json:"IdentitySource,omitempty"`
	IdentityValidationExpression Value   `json:"IdentityValidationExpression,omitzero"`
	Name                         string  `json:"Name"`
	ProviderARNs                 []Value `json:"ProviderARNs,omitempty"`
	RestAPIID                    Value   `json:"RestApiId"`
	Type                         string  `json:"Type"`
}

type requestValidator struct {
	RestAPIID                 Value `json:"RestApiId"`
	ValidateRequestBody       bool  `json:"ValidateRequestBody"`
	ValidateRequestParameters bool  `json:"ValidateRequestParameters"`
}

type gatewayResponse struct {
	ResponseParameters map[string]string `json:"ResponseParameters,omitempty"`
	ResponseTemplates  map[string]string `json:"ResponseTemplates,omitempty"`
	ResponseType       string            `json:"ResponseType"`
	RestAPIID          Value             `json:"RestApiId"`
	StatusCode         string            `json:"StatusCode,omitempty"`
}

type restDeployment struct {
	RestAPIID Value `json:"RestApiId"`
}

type restStage struct {
	AccessLogSetting *AccessLogSettings `json:"AccessLogSetting,omitempty"`
	DeploymentID     Value              `json:"DeploymentId"`
	MethodSettings   []methodSetting    `json:"MethodSettings,omitempty"`
	RestAPIID        Value              `json:"RestApiId"`
	StageName        string             `json:"StageName"`
	Variables        map[string]Value   `json:"Variables,omitempty"`
}

type methodSetting struct {
	HTTPMethod           string `json:"HttpMethod"`
	ResourcePath         string `json:"ResourcePath"`
	ThrottlingBurstLimit int    `json:"ThrottlingBurstLimit"`
	ThrottlingRateLimit  int    `json:"ThrottlingRateLimit"`
}

type apiKey struct {
	Enabled bool  `json:"Enabled"`
	Value   Value `json:"Value,omitzero"`
}

type usagePlan struct {
	APIStages []usagePlanStage  `json:"ApiStages"`
	Quota     *quotaSettings    `json:"Quota,omitempty"`
	Throttle  *throttleSettings `json:"Throttle,omitempty"`
}

type usagePlanStage struct {
	APIID    Value                       `json:"ApiId"`
	Stage    Value                       `json:"Stage"`
	Throttle map[string]throttleSettings `json:"Throttle,omitempty"`
}

type throttleSettings struct {
	BurstLimit int `json:"BurstLimit"`
	RateLimit  int `json:"RateLimit"`
}

type quotaSettings struct {
	Limit  int    `json:"Limit"`
	Period string `json:"Period"`
}

type usagePlanKey struct {
	KeyID       Value  `json:"KeyId"`
	KeyType     string `json:"KeyType"`
	UsagePlanID Value  `json:"UsagePlanId"`
}
