package cloudformation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
)

// restAPIs adds the REST APIs.
func (s *synth) restAPIs() {
	for name, api := range s.app.APIs.All() {
		if api.Protocol == app.ProtocolREST {
			r := &restCompiler{synth: s, name: name, api: api, path: "apis." + name}
			r.compile()
		}
	}
}

// A restCompiler adds one REST API.
type restCompiler struct {
	*synth
	name string
	api  *app.API
	path string
	// snapshot are the resources that a deployment is a picture of.
	snapshot []string
}

func (r *restCompiler) compile() {
	if r.api.Routes.Len() == 0 { // "The REST API doesn't contain any methods"
		r.refuse(r.app.Pos(r.path), "give it a route, or take it out", "the REST API %s has no routes, and API Gateway makes no deployment of such a one", r.name)
		return
	}
	p := restAPI{
		APIKeySourceType:      strings.ToUpper(r.api.APIKeySource),
		EndpointConfiguration: endpointConfiguration{[]string{"REGIONAL"}}, Name: r.apiName(r.name),
	}
	for _, media := range r.api.BinaryMediaTypes {
		// "Use ~1 instead of / in the media types, for example image~1png"
		p.BinaryMediaTypes = append(p.BinaryMediaTypes, strings.ReplaceAll(media, "/", "~1"))
	}
	if r.api.ResourcePolicy != nil {
		p.Policy = r.api.ResourcePolicy.JSON()
	}
	r.part(apiID(r.name), r.app.Pos(r.path), Resource{Type: "AWS::ApiGateway::RestApi", Properties: p})
	for name, z := range r.api.Authorizers.All() {
		r.authorizer(name, z)
	}
	r.methods()
	r.preflights()
	for kind, g := range r.responses() {
		r.part(logicalID("GatewayResponse", r.name, kind), r.app.Pos(r.path+".gatewayResponses."+kind), Resource{Type: "AWS::ApiGateway::GatewayResponse", Properties: g})
	}
	r.deploy()
	r.usagePlans()
}

// part adds a resource that a deployment is a picture of.
func (r *restCompiler) part(id string, at app.Pos, resource Resource) {
	resource.Pos = at
	r.add(id, resource)
	r.snapshot = append(r.snapshot, id)
}

func restMethodID(api, key string) string { return logicalID("Method", api, key) }

// methods adds the routes' methods, and lets the API invoke their functions.
func (r *restCompiler) methods() {
	validator := logicalID("RequestValidator", r.name)
	for _, route := range r.app.Routes() {
		if route.API != r.name {
			continue
		}
		method, path, _ := strings.Cut(route.Key, " ")
		m := restMethod{
			APIKeyRequired: route.APIKeyRequired, AuthorizationType: "NONE", HTTPMethod: method, RestAPIID: Ref(apiID(r.name)), ResourceID: r.resource(path, route.Pos),
			Integration: restIntegration{
				IntegrationHTTPMethod: "POST", TimeoutInMillis: int64(route.Timeout / time.Millisecond), Type: "AWS_PROXY", URI: r.invocationURI(route.Function),
			},
		}
		if z, ok := r.api.Authorizers.Get(route.Authorizer); ok {
			m.AuthorizationType, m.AuthorizerID, m.AuthorizationScopes = restAuthorizationType(z), Ref(authorizerID(r.name, route.Authorizer)), route.Scopes
		} else if route.Authorizer == app.AuthorizerIAM {
			m.AuthorizationType = "AWS_IAM"
		} else if route.Authorizer != "none" { // never open by a mistake of ours
			r.failed = fmt.Errorf("%s: compiling the route %s: there is no authorizer %q", route.Pos, route.Key, route.Authorizer)
			return
		}
		for _, parameter := range route.RequestParameters {
			if m.RequestParameters == nil {
				m.RequestParameters, m.RequestValidatorID = map[string]bool{}, Ref(validator)
			}
			m.RequestParameters[parameter] = true
		}
		if _, there := r.template.Resources[validator]; !there && m.RequestParameters != nil {
			r.part(validator, r.app.Pos(r.path), Resource{Type: "AWS::ApiGateway::RequestValidator", Properties: requestValidator{RestAPIID: Ref(apiID(r.name)), ValidateRequestParameters: true}})
		}
		r.part(restMethodID(r.name, route.Key), route.Pos, Resource{Type: "AWS::ApiGateway::Method", Properties: m})
		// Of any stage and route: what is between is the stage's name, method and path.
		r.letInvoke(route.Function, r.name, "routes", route.Pos, r.apiARN(r.name, Text("/*/*")))
	}
}

func restAuthorizationType(z *app.Authorizer) string {
	if z.Type == "user_pool" {
		return "COGNITO_USER_POOLS"
	}
	return "CUSTOM"
}

// resource gives the id of a path's resource, and adds it with those above it.
func (r *restCompiler) resource(path string, at app.Pos) Value {
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return GetAtt(apiID(r.name), "RootResourceId")
	}
	above, part := path[:strings.LastIndex(path, "/")], path[strings.LastIndex(path, "/")+1:]
	id := logicalID("Resource", r.name, path)
	if _, there := r.template.Resources[id]; there {
		return Ref(id)
	}
	parent := r.resource(above, at)
	if isVariable(part) {
		// "A sibling ({id}) of this resource already has a variable path part -- only one
		// unique variable path part is allowed", of which {proxy+} is one, too.
		// https://github.com/serverless-nextjs/serverless-next.js/issues/206
		for _, other := range r.snapshot {
			p, ok := r.template.Resources[other].Properties.(restResource)
			if ok && p.ParentID.sub() == parent.sub() && isVariable(p.PathPart) {
				r.refuse(at, siblingHint(part, p.PathPart), "%s and %s/%s: below one path a REST API has one parameter, of one name", path, above, p.PathPart)
			}
		}
	}
	r.part(id, at, Resource{Type: "AWS::ApiGateway::Resource", Properties: restResource{ParentID: parent, PathPart: part, RestAPIID: Ref(apiID(r.name))}})
	return Ref(id)
}

func siblingHint(part, other string) string {
	if isGreedy(part) != isGreedy(other) {
		return "write the one that ends in + alone and let its function tell the paths apart, or write protocol: http"
	}
	return oneNameHint
}

const oneNameHint = "give the parameter one name in all routes"

// isVariable says whether a segment is {name} or {name+}, and isGreedy whether it is the
// latter.
func isVariable(part string) bool { return strings.HasPrefix(part, "{") }
func isGreedy(part string) bool   { return strings.HasSuffix(part, "+}") }

// authorizer adds an authorizer, and lets it alone invoke its function.
func (r *restCompiler) authorizer(name string, z *app.Authorizer) {
	id, at := authorizerID(r.name, name), r.app.Pos(r.path+".authorizers."+name)
	p := restAuthorizer{Name: name, RestAPIID: Ref(apiID(r.name)), IdentitySource: strings.Join(z.IdentitySource, ",")}
	if z.Type == "user_pool" {
		p.Type, p.ProviderARNs = "COGNITO_USER_POOLS", []Value{GetAtt(userPoolID(z.UserPool), "Arn")}
		p.IdentityValidationExpression = r.clientsExpression(name, z)
		r.part(id, at, Resource{Type: "AWS::ApiGateway::Authorizer", Properties: p})
		return
	}
	p.Type, p.AuthorizerResultTTLInSeconds = strings.ToUpper(z.Kind), &z.ResultTTLInSeconds
	if z.IdentityValidationExpression != "" {
		p.IdentityValidationExpression = Text(z.IdentityValidationExpression)
	}
	function := r.authorizerFunction(r.name, name)
	p.AuthorizerURI = r.invocationURI(function)
	r.letInvoke(function, r.name, "authorizers", at, r.apiARN(r.name, Text("/authorizers/"), Ref(id)), name)
	r.part(id, at, Resource{Type: "AWS::ApiGateway::Authorizer", Properties: p})
}

// clientsExpression keeps out the tokens of clients that the authorizer does not name:
// API Gateway takes those of all clients of the pool, unless their aud does not match.
// Access tokens have no aud, so the expression would refuse all of them.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
func (r *restCompiler) clientsExpression(name string, z *app.Authorizer) Value {
	pool, _ := r.app.UserPools.Get(z.UserPool)
	if z.Clients == nil || len(z.Clients) == pool.Clients.Len() {
		return Value{}
	}
	for _, route := range r.app.Routes() {
		if route.API == r.name && route.Authorizer == name && len(route.Scopes) > 0 {
			r.refuse(r.app.Pos(r.path+".authorizers."+name+".clients"), "leave clients out, give the pool these clients alone, or write protocol: http",
				"%q asks for scopes, and a REST API on AWS takes the access tokens of every client of a pool", route.Key)
			return Value{}
		}
	}
	parts := []Value{Text("^(")}
	for i, client := range z.Clients {
		if i > 0 {
			parts = append(parts, Text("|"))
		}
		parts = append(parts, Ref(userPoolClientID(z.UserPool, client)))
	}
	return Join(append(parts, Text(")$"))...)
}

// deploy adds the stage, and the deployment that it shows: a picture of the API at the
// time it is made. So its id changes with whatever is in the picture, it is made last,
// and those before it are left alone, as AWS keeps them.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-deployment.html
func (r *restCompiler) deploy() {
	slices.Sort(r.snapshot)
	hash := sha256.New()
	for _, id := range r.snapshot {
		text, err := json.Marshal(r.template.Resources[id])
		if err != nil && r.failed == nil {
			r.failed = fmt.Errorf("writing %s: %w", id, err)
		}
		fmt.Fprintf(hash, "%s %s\n", id, text)
	}
	id := logicalID("Deployment", r.name) + strings.ToUpper(hex.EncodeToString(hash.Sum(nil)[:5]))
	needs := slices.DeleteFunc(slices.Clone(r.snapshot), func(id string) bool { return id == apiID(r.name) })
	r.add(id, Resource{
		Type: "AWS::ApiGateway::Deployment", Pos: r.app.Pos(r.path), DependsOn: needs, DeletionPolicy: retain, UpdateReplacePolicy: retain, Properties: restDeployment{Ref(apiID(r.name))},
	})
	stage := restStage{DeploymentID: Ref(id), MethodSettings: r.throttles(), RestAPIID: Ref(apiID(r.name)), StageName: r.api.StageName, AccessLogSetting: r.accessLog(r.name, r.api)}
	for name, e := range r.api.StageVariables.All() {
		if stage.Variables == nil {
			stage.Variables = map[string]Value{}
		}
		stage.Variables[name] = r.value(e)
	}
	r.add(apiStageID(r.name), Resource{
		Pos: r.app.Pos(r.path), Lines: map[string]app.Pos{"AccessLogSetting": r.app.Pos(r.path + ".accessLog")}, Type: "AWS::ApiGateway::Stage", Properties: stage,
	})
}

// throttles gives the bounds of the API and of routes.
func (r *restCompiler) throttles() []methodSetting {
	var settings []methodSetting
	if t := r.api.Throttle; t != nil {
		settings = append(settings, methodSetting{"*", "/*", t.BurstLimit, t.RateLimit})
	}
	for key, route := range r.api.Routes.All() {
		if route.Throttle == nil {
			continue
		}
		_, path, _ := strings.Cut(key, " ")
		if path != "/" {
			// "The path value /resource/subresource must be encoded as
			// /~1resource~1subresource. To specify the root path, use only a slash (/)."
			path = "/" + strings.ReplaceAll(path, "/", "~1")
		}
		for _, method := range r.methodsOf(key) {
			settings = append(settings, methodSetting{method, path, route.Throttle.BurstLimit, route.Throttle.RateLimit})
		}
	}
	return settings
}

// methodsOf gives the methods that a route is there for. A stage has no ANY: its methods
// are those seven that no other route of the path takes, nor the answer to preflights.
func (r *restCompiler) methodsOf(key string) []string {
	method, path, _ := strings.Cut(key, " ")
	if method != "ANY" {
		return []string{method}
	}
	return slices.DeleteFunc([]string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}, func(m string) bool {
		_, other := r.api.Routes.Get(m + " " + path)
		return other || m == "OPTIONS" && r.api.CORS != nil
	})
}

// usagePlans adds the API keys and who may use them how often.
func (r *restCompiler) usagePlans() {
	for name, key := range r.api.APIKeys.All() {
		p := apiKey{Enabled: true}
		if !key.Value.IsZero() {
			p.Value = r.value(key.Value)
		}
		r.add(apiKeyID(r.name, name), Resource{Pos: r.app.Pos(r.path + ".apiKeys." + name), Type: "AWS::ApiGateway::ApiKey", Properties: p})
	}
	for name, plan := range r.api.UsagePlans.All() {
		id, at := logicalID("UsagePlan", r.name, name), r.app.Pos(r.path+".usagePlans."+name)
		stage := usagePlanStage{APIID: Ref(apiID(r.name)), Stage: Ref(apiStageID(r.name))}
		for key, t := range plan.Routes.All() {
			_, path, _ := strings.Cut(key, " ")
			for _, method := range r.methodsOf(key) {
				if stage.Throttle == nil {
					stage.Throttle = map[string]throttleSettings{}
				}
				stage.Throttle[path+"/"+method] = throttleSettings{t.BurstLimit, t.RateLimit}
			}
		}
		p := usagePlan{APIStages: []usagePlanStage{stage}}
		if t := plan.Throttle; t != nil {
			p.Throttle = &throttleSettings{t.BurstLimit, t.RateLimit}
		}
		if q := plan.Quota; q != nil {
			p.Quota = &quotaSettings{q.Limit, strings.ToUpper(q.Period)}
		}
		r.add(id, Resource{Type: "AWS::ApiGateway::UsagePlan", Pos: at, Properties: p})
		for _, key := range plan.APIKeys {
			r.add(logicalID("UsagePlanKey", r.name, name, key), Resource{
				Pos: at, Type: "AWS::ApiGateway::UsagePlanKey", Properties: usagePlanKey{Ref(apiKeyID(r.name, key)), "API_KEY", Ref(id)},
			})
		}
	}
}
