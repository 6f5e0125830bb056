package apigw

import (
	"regexp"
	"slices"
	"strings"
)

// An AccessLog is the format of a line of an API's access log: texts, with variables
// between them.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
type AccessLog []AccessLogPart

// An AccessLogPart is a text, or the name of a variable behind "$context.".
type AccessLogPart struct{ Text, Variable string }

// accessLogBoth are the variables of both kinds of API, beside those of authorizers.
// identity.apiKey, the key itself, is not among those of REST APIs: see SecretVariable.
var accessLogBoth = []string{
	"accountId", "apiId", "authorizer.error", "authorizer.principalId", "awsEndpointRequestId", "customDomain.basePathMatched", "domainName", "domainPrefix",
	"error.message", "error.messageString", "error.responseType", "extendedRequestId", "httpMethod",
	"identity.accountId", "identity.caller", "identity.cognitoAuthenticationProvider", "identity.cognitoAuthenticationType", "identity.cognitoIdentityId",
	"identity.cognitoIdentityPoolId", "identity.principalOrgId", "identity.clientCert.clientCertPem", "identity.clientCert.subjectDN",
	"identity.clientCert.issuerDN", "identity.clientCert.serialNumber", "identity.clientCert.validity.notBefore", "identity.clientCert.validity.notAfter",
	"identity.sourceIp", "identity.user", "identity.userAgent", "identity.userArn",
	"integration.error", "integration.integrationStatus", "integration.latency", "integration.requestId", "integration.status",
	"integrationLatency", "integrationStatus", "path", "protocol",
	"requestId", "requestTime", "requestTimeEpoch", "responseLatency", "responseLength", "stage", "status",
}

// accessLogHTTP and accessLogREST are those of one kind alone.
var (
	accessLogHTTP = []string{"awsEndpointRequestId2", "dataProcessed", "integrationErrorMessage", "routeKey"}
	accessLogREST = []string{
		"authenticate.error", "authenticate.latency", "authenticate.status", "authorize.error", "authorize.latency", "authorize.status",
		"authorizer.integrationLatency", "authorizer.integrationStatus", "authorizer.latency", "authorizer.requestId", "authorizer.status",
		"error.validationErrorString", "identity.apiKeyId", "resourceId", "resourcePath",
		"waf.error", "waf.latency", "waf.status", "wafResponseCode", "webaclArn", "xrayTraceId",
	}
)

// AccessLogVariables are the names that a format may have behind "$context.", beside
// authorizer.NAME and authorizer.claims.NAME.
func AccessLogVariables(rest bool) []string {
	if rest {
		return slices.Concat(accessLogBoth, accessLogREST)
	}
	return slices.Concat(accessLogBoth, accessLogHTTP)
}

// SecretVariable says of a variable that its value is a secret: the API key itself.
func SecretVariable(name string) bool { return name == "identity.apiKey" }

// accessLogVariable is what stands for a value in a format. Of what is behind
// authorizer. "the only special character supported is the underscore".
var (
	accessLogVariable   = regexp.MustCompile(`\$context\b(?:\.[A-Za-z0-9_]+)*`)
	accessLogAuthorizer = regexp.MustCompile(`^authorizer\.(claims\.)?[A-Za-z0-9_]+$`)
)

// ParseAccessLog reads a format. unknown are the variables that it has and that are
// none, in their order.
func ParseAccessLog(format string, rest bool) (log AccessLog, unknown []string) {
	known := AccessLogVariables(rest)
	at := 0
	for _, found := range accessLogVariable.FindAllStringIndex(format, -1) {
		if found[0] > at {
			log = append(log, AccessLogPart{Text: format[at:found[0]]})
		}
		name := strings.TrimPrefix(strings.TrimPrefix(format[found[0]:found[1]], "$context"), ".")
		rest := format[found[1]:]
		switch {
		case accessLogAuthorizer.MatchString(name) && (strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, ":")) && name != "authorizer.claims" && startsWord(rest[1:]):
			// Part of the name would be logged as it stands.
			unknown = append(unknown, name+rest[:1]+word(rest[1:]))
		case name == "authorizer.claims":
			unknown = append(unknown, name) // "Calling $context.authorizer.claims returns null"
		case !slices.Contains(known, name) && !accessLogAuthorizer.MatchString(name):
			unknown = append(unknown, name)
		}
		log, at = append(log, AccessLogPart{Variable: name}), found[1]
	}
	if at < len(format) {
		log = append(log, AccessLogPart{Text: format[at:]})
	}
	return log, unknown
}

// Has says whether a format has a variable.
func (l AccessLog) Has(variable string) bool {
	return slices.Contains(l, AccessLogPart{Variable: variable})
}

func word(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"))]
}

func startsWord(s string) bool { return word(s) != "" }
