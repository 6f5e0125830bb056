package cloudformation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A REST API knows nothing of CORS. What cors stands for there is what the local gateway
// plays: OPTIONS methods whose mock integration answers a preflight, and a header on
// gateway responses.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html

// preflights adds an OPTIONS method to each resource without one.
func (r *restCompiler) preflights() {
	if r.api.CORS == nil {
		return
	}
	at := r.app.Pos(r.path + ".cors")
	done := map[string]bool{}
	for key := range r.api.Routes.All() {
		_, path, _ := strings.Cut(key, " ")
		options := "OPTIONS " + path
		if _, own := r.api.Routes.Get(options); own || done[path] {
			continue
		}
		done[path] = true
		r.part(restMethodID(r.name, options), at, Resource{Type: "AWS::ApiGateway::Method", Properties: r.preflight(r.resource(path, at))})
	}
}

// preflight answers with constants, but for the origin, which is the request's if it is
// another one of those allowed.
func (r *restCompiler) preflight(resource Value) restMethod {
	c := r.api.CORS
	headers := map[string]string{"Access-Control-Allow-Origin": c.AllowOrigins[0]}
	if c.AllowOrigins[0] != "*" {
		headers["Vary"] = "Origin"
	}
	if len(c.AllowHeaders) > 0 {
		headers["Access-Control-Allow-Headers"] = strings.Join(c.AllowHeaders, ",")
	}
	if len(c.AllowMethods) > 0 {
		headers["Access-Control-Allow-Methods"] = strings.Join(c.AllowMethods, ",")
	}
	if c.MaxAge > 0 {
		headers["Access-Control-Max-Age"] = strconv.Itoa(int(c.MaxAge / time.Second))
	}
	if c.AllowCredentials {
		headers["Access-Control-Allow-Credentials"] = "true"
	}
	reply, declared := integrationResponse{StatusCode: "204", ResponseParameters: map[string]string{}}, methodResponse{StatusCode: "204", ResponseParameters: map[string]bool{}}
	for name, value := range headers {
		reply.ResponseParameters["method.response.header."+name] = "'" + value + "'"
		declared.ResponseParameters["method.response.header."+name] = true
	}
	if len(c.AllowOrigins) > 1 && !slices.Contains(c.AllowOrigins, "*") {
		reply.ResponseTemplates = map[string]string{"application/json": originTemplate(c.AllowOrigins[1:])}
	}
	m := restMethod{
		AuthorizationType: "NONE", HTTPMethod: "OPTIONS", MethodResponses: []methodResponse{declared}, ResourceID: resource, RestAPIID: Ref(apiID(r.name)),
		Integration: restIntegration{
			IntegrationResponses: []integrationResponse{reply}, RequestTemplates: map[string]string{"application/json": `{"statusCode": 204}`}, Type: "MOCK",
		},
	}
	if len(r.api.BinaryMediaTypes) > 0 {
		m.Integration.ContentHandling = "CONVERT_TO_TEXT" // a mock cannot read its template in a binary body
	}
	return m
}

// originTemplate puts the request's origin into the answer if it is one of others.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
func originTemplate(others []string) string {
	var is []string
	for _, o := range others {
		if scheme, any := strings.CutSuffix(o, "*"); any {
			is = append(is, fmt.Sprintf(`$origin.startsWith("%s")`, scheme))
		} else {
			is = append(is, fmt.Sprintf(`$origin == "%s"`, o))
		}
	}
	return `#set($origin = $input.params().header.get("Origin"))` + "\n" +
		`#if(!$origin || $origin == "")#set($origin = $input.params().header.get("origin"))#end` + "\n" +
		`#if($origin && (` + strings.Join(is, " || ") + `))#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end` + "\n"
}

// responses gives the gateway responses by type: the declared ones, and with cors the
// header without which no script could read them in those that do not have it.
func (r *restCompiler) responses() map[string]gatewayResponse {
	const prefix = "gatewayresponse.header."
	all := map[string]gatewayResponse{}
	for kind, declared := range r.api.GatewayResponses.All() {
		g := gatewayResponse{ResponseTemplates: maps.Collect(declared.Templates.All())}
		if declared.StatusCode != 0 {
			g.StatusCode = strconv.Itoa(declared.StatusCode)
		}
		for name, value := range declared.Headers.All() {
			if g.ResponseParameters == nil {
				g.ResponseParameters = map[string]string{}
			}
			g.ResponseParameters[prefix+name] = value
		}
		all[kind] = g
	}
	for _, kind := range []string{"DEFAULT_4XX", "DEFAULT_5XX"} {
		if _, declared := all[kind]; !declared && r.api.CORS != nil {
			all[kind] = gatewayResponse{}
		}
	}
	for kind, g := range all {
		g.ResponseType, g.RestAPIID = kind, Ref(apiID(r.name))
		if c := r.api.CORS; c != nil {
			set := func(name, value string) {
				for have := range g.ResponseParameters {
					if strings.EqualFold(have, prefix+name) {
						return
					}
				}
				if g.ResponseParameters == nil {
					g.ResponseParameters = map[string]string{}
				}
				g.ResponseParameters[prefix+name] = "'" + value + "'"
			}
			set("Access-Control-Allow-Origin", c.AllowOrigins[0])
			if c.AllowCredentials {
				set("Access-Control-Allow-Credentials", "true")
			}
		}
		all[kind] = g
	}
	return all
}
