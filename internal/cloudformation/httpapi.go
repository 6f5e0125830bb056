package cloudformation

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
)

// API is AWS::ApiGatewayV2::Api.
type API struct {
	CorsConfiguration *CORS `json:",omitempty"`
	Name              string
	ProtocolType      string
}

// CORS is AWS::ApiGatewayV2::Api Cors.
type CORS struct {
	AllowCredentials bool     `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           *int     `json:",omitempty"`
}

// Authorizer is AWS::ApiGatewayV2::Authorizer.
type Authorizer struct {
	APIID                          Value  `json:"ApiId"`
	AuthorizerPayloadFormatVersion string `json:",omitempty"`
	AuthorizerResultTTLInSeconds   *int   `json:"AuthorizerResultTtlInSeconds,omitempty"`
	AuthorizerType                 string
	AuthorizerURI                  Value `json:"AuthorizerUri,omitzero"`
	EnableSimpleResponses          *bool `json:",omitempty"`
	IdentitySource                 []string
	JWTConfiguration               *JWTConfiguration `json:"JwtConfiguration,omitempty"`
	Name                           string
}

// JWTConfiguration is AWS::ApiGatewayV2::Authorizer JWTConfiguration.
type JWTConfiguration struct {
	Audience []Value
	Issuer   Value
}

// Integration is AWS::ApiGatewayV2::Integration.
type Integration struct {
	APIID                Value  `json:"ApiId"`
	IntegrationMethod    string `json:",omitempty"`
	IntegrationType      string
	IntegrationURI       Value `json:"IntegrationUri"`
	PayloadFormatVersion string
	RequestParameters    map[string]string `json:",omitempty"`
	TimeoutInMillis      int
}

// Route is AWS::ApiGatewayV2::Route.
type Route struct {
	APIID               Value    `json:"ApiId"`
	AuthorizationScopes []string `json:",omitempty"`
	AuthorizationType   string
	AuthorizerID        Value `json:"AuthorizerId,omitzero"`
	RouteKey            string
	Target              Value
}

// Stage is AWS::ApiGatewayV2::Stage.
type Stage struct {
	AccessLogSettings *AccessLogSettings `json:",omitempty"`
	APIID             Value              `json:"ApiId"`
	AutoDeploy        bool
	StageName         string
	StageVariables    map[string]Value `json:",omitempty"`
}

// AccessLogSettings is AWS::ApiGatewayV2::Stage AccessLogSettings, and the
// AccessLogSetting of AWS::ApiGateway::Stage.
type AccessLogSettings struct {
	DestinationARN Value `json:"DestinationArn"`
	Format         string
}

// accessLog adds the log group of an API's access log, if it has one. Its name begins as
// AWS asks of groups that its services write to: the policy that lets them has room for
// few others.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
func (s *synth) accessLog(name string, api *app.API) *AccessLogSettings {
	l := api.AccessLog
	if l == nil {
		return nil
	}
	id := logicalID("AccessLog", name)
	s.add(id, Resource{Type: "AWS::Logs::LogGroup", Pos: s.app.Pos("apis." + name + ".accessLog"), Properties: LogGroup{
		LogGroupName: "/aws/vendedlogs/" + s.stack() + "-" + name, RetentionInDays: l.RetentionInDays,
	}})
	// Not its Arn, which ends in :*.
	arn := Join(Text("arn:"), partition, Text(":logs:"), region, Text(":"), account, Text(":log-group:"), Ref(id))
	return &AccessLogSettings{DestinationARN: arn, Format: l.Format}
}

// httpAPIs compiles the declared HTTP APIs.
func (s *synth) httpAPIs() {
	for name, api := range s.app.APIs.All() {
		if api.Protocol == app.ProtocolREST {
			continue
		}
		at := s.app.Pos("apis." + name)
		id := apiID(name)
		s.add(id, Resource{Type: "AWS::ApiGatewayV2::Api", Pos: at, Properties: API{
			Name: s.apiName(name), ProtocolType: "HTTP", CorsConfiguration: cors(api.CORS),
		}})
		for z, decl := range api.Authorizers.All() {
			s.httpAuthorizer(name, z, decl)
		}
		s.httpRoutes(name, api)
		stage := Stage{APIID: Ref(id), AutoDeploy: true, StageName: api.StageName, AccessLogSettings: s.accessLog(name, api)}
		for variable, e := range api.StageVariables.All() {
			if stage.StageVariables == nil {
				stage.StageVariables = map[string]Value{}
			}
			stage.StageVariables[variable] = s.value(e)
		}
		s.add(apiStageID(name), Resource{Type: "AWS::ApiGatewayV2::Stage", Pos: at, Properties: stage})
	}
}

func cors(c *app.CORS) *CORS {
	if c == nil {
		return nil
	}
	to := &CORS{
		AllowCredentials: c.AllowCredentials, AllowHeaders: c.AllowHeaders, AllowMethods: c.AllowMethods,
		AllowOrigins: c.AllowOrigins, ExposeHeaders: c.ExposeHeaders,
	}
	if c.MaxAge > 0 {
		to.MaxAge = new(int(c.MaxAge / time.Second))
	}
	return to
}

// httpAuthorizer compiles an authorizer of an HTTP API. One of a user pool is one of
// JWTs, whose audience are the pool's clients.
func (s *synth) httpAuthorizer(api, name string, decl *app.Authorizer) {
	path := "apis." + api + ".authorizers." + name
	to := Authorizer{APIID: Ref(apiID(api)), AuthorizerType: "JWT", IdentitySource: decl.IdentitySource, Name: name}
	switch decl.Type {
	case "user_pool":
		to.JWTConfiguration = &JWTConfiguration{Issuer: GetAtt(userPoolID(decl.UserPool), "ProviderURL")}
		for _, client := range decl.Clients {
			to.JWTConfiguration.Audience = append(to.JWTConfiguration.Audience, Ref(userPoolClientID(decl.UserPool, client)))
		}
	case "jwt":
		to.JWTConfiguration = &JWTConfiguration{Issuer: s.value(decl.Issuer), Audience: s.values(decl.Audience)}
		s.issuer(decl.Issuer, to.JWTConfiguration.Issuer)
	case "lambda":
		function := s.authorizerFunction(api, name)
		to.AuthorizerType = "REQUEST"
		to.AuthorizerPayloadFormatVersion = decl.PayloadFormatVersion
		to.AuthorizerResultTTLInSeconds = new(decl.ResultTTLInSeconds)
		if len(decl.IdentitySource) == 0 {
			to.IdentitySource = []string{}
		}
		if decl.PayloadFormatVersion == "2.0" {
			to.EnableSimpleResponses = new(decl.EnableSimpleResponses)
		}
		to.AuthorizerURI = s.invocationURI(function)
		s.letInvoke(function, api, "authorizers", s.app.Pos(path), s.apiARN(api, Text("/authorizers/"), Ref(authorizerID(api, name))), name)
	default:
		s.refuse(s.app.Pos(path), "", "an authorizer of the type %q cannot go to AWS in this version", decl.Type)
		return
	}
	s.add(authorizerID(api, name), Resource{Type: "AWS::ApiGatewayV2::Authorizer", Pos: s.app.Pos(path), Properties: to})
}

// issuer refuses an issuer that AWS cannot ask for its keys. It does as soon as the
// authorizer is made, so that a stack with such a one fails half-way.
func (s *synth) issuer(e app.Expr, issuer Value) {
	text, ok := issuer.Literal()
	if !ok || text == "" {
		return // a user pool's, or refused already
	}
	hint := fmt.Sprintf("give the issuer of the stage %s below stages.%s", s.app.Stage, s.app.Stage)
	if host, local := localURL(text); local {
		s.refuse(s.app.PosOf(e), hint, "the issuer %s is on your machine, or its network: AWS cannot ask it for keys", host)
	} else if !strings.HasPrefix(text, "https://") {
		s.refuse(s.app.PosOf(e), hint, "AWS takes issuers by https alone")
	}
}

// authorizerFunction gives the name of an authorizer's function.
func (s *synth) authorizerFunction(api, name string) string {
	for _, f := range s.app.FunctionAuthorizers() {
		if f.API == api && f.Name == name {
			return f.Function
		}
	}
	return ""
}

// invocationURI gives the address by which API Gateway invokes a function.
func (s *synth) invocationURI(function string) Value {
	return Join(Text("arn:"), partition, Text(":apigateway:"), region, Text(":lambda:path/2015-03-31/functions/"),
		GetAtt(s.functionID(function), "Arn"), Text("/invocations"))
}

// letInvoke lets an API invoke a function, for one use of it: as the target of routes,
// all by one permission, since a function's policy has room for few; or as the
// authorizer of a name.
func (s *synth) letInvoke(function, api, use string, at app.Pos, source Value, names ...string) {
	id := logicalID("Permission", append([]string{s.short(function), api, use}, names...)...)
	if _, done := s.template.Resources[id]; done {
		return
	}
	s.add(id, Resource{Type: "AWS::Lambda::Permission", Pos: at, Properties: Permission{
		Action: "lambda:InvokeFunction", FunctionName: GetAtt(s.functionID(function), "Arn"),
		Principal: "apigateway.amazonaws.com", SourceArn: source,
	}})
}

// httpRoutes compiles the routes of an HTTP API and their integrations, which routes
// with the same target share.
func (s *synth) httpRoutes(name string, api *app.API) {
	var before []string
	for _, r := range s.app.Routes() {
		if r.API != name {
			continue
		}
		for _, other := range before {
			if aws.VariablesConflict(r.Key, other) {
				s.refuse(r.Pos, oneNameHint, "%q and %q: below one path an HTTP API on AWS has one name of a parameter", other, r.Key)
			}
		}
		before = append(before, r.Key)
		integration, ok := s.integration(r)
		if !ok {
			continue
		}
		route := Route{
			APIID: Ref(apiID(name)), RouteKey: r.Key, Target: Join(Text("integrations/"), Ref(integration)),
			AuthorizationType: "NONE", AuthorizationScopes: r.Scopes,
		}
		switch z, declared := api.Authorizers.Get(r.Authorizer); {
		case declared:
			route.AuthorizationType = "JWT"
			if z.Type == "lambda" {
				route.AuthorizationType = "CUSTOM"
			}
			route.AuthorizerID = Ref(authorizerID(name, r.Authorizer))
		case r.Authorizer == app.AuthorizerIAM:
			route.AuthorizationType = "AWS_IAM"
		case r.Authorizer != "none":
			// Never open by a mistake of ours.
			s.failed = fmt.Errorf("%s: compiling the route %s: there is no authorizer %q", r.Pos, r.Key, r.Authorizer)
			return
		}
		s.add(routeID(name, r.Key), Resource{Type: "AWS::ApiGatewayV2::Route", Pos: r.Pos, Properties: route})
	}
}

// integration compiles what answers a route and gives its id.
func (s *synth) integration(r app.ResolvedRoute) (string, bool) {
	to := Integration{APIID: Ref(apiID(r.API)), TimeoutInMillis: int(r.Timeout / time.Millisecond)}
	var id string
	if r.Function != "" {
		id = logicalID("Integration", r.API, s.short(r.Function), r.PayloadFormatVersion, r.Timeout.String())
		to.IntegrationType, to.PayloadFormatVersion = "AWS_PROXY", r.PayloadFormatVersion
		to.IntegrationURI = GetAtt(s.functionID(r.Function), "Arn")
		// Of any stage and route: what is between is the stage's name, method and path.
		s.letInvoke(r.Function, r.API, "routes", r.Pos, s.apiARN(r.API, Text("/*/*")))
	} else {
		var ok bool
		if to, ok = s.upstream(r, to); !ok {
			return "", false
		}
		id = logicalID("Integration", r.API, "url", r.Key)
	}
	if _, shared := s.template.Resources[id]; !shared {
		s.add(id, Resource{Type: "AWS::ApiGatewayV2::Integration", Pos: r.Pos, Properties: to})
	}
	return id, true
}

// upstream compiles a route's URL. Of one without a path the request's own is passed
// on, which takes a parameter mapping.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
func (s *synth) upstream(r app.ResolvedRoute, to Integration) (Integration, bool) {
	uri := s.value(r.URL)
	to.IntegrationType, to.PayloadFormatVersion, to.IntegrationURI = "HTTP_PROXY", "1.0", uri
	to.IntegrationMethod = "ANY"
	if method, _, ok := strings.Cut(r.Key, " "); ok {
		to.IntegrationMethod = method
	}
	var plain bool
	if text, ok := uri.Literal(); ok {
		if host, local := localURL(text); local {
			s.refuse(s.app.PosOf(r.URL), fmt.Sprintf("give the url of the stage %s below stages.%s", s.app.Stage, s.app.Stage),
				"the route %s goes to %s, on your machine or its network, where AWS cannot send requests", r.Key, host)
			return Integration{}, false
		}
		to.IntegrationURI = Text(strings.ReplaceAll(text, "+}", "}"))
		u, err := url.Parse(text)
		plain = err == nil && (u.Path == "" || u.Path == "/")
	} else if refs := r.URL.Refs(); len(refs) == 1 && refs[0].String() == r.URL.String() && refs[0].Kind == app.RefAPI {
		other, _ := s.app.APIs.Get(refs[0].Name)
		plain = other.StageName == defaultStage
	}
	if plain {
		to.RequestParameters = map[string]string{"overwrite:path": "$request.path"}
	}
	return to, true
}
