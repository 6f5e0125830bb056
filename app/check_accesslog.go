package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// retentions are for how many days CloudWatch keeps logs.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// accessLog checks that a format is one that API Gateway takes, and has variables alone
// that have a value there.
func (c *checker) accessLog(path string, api *API) {
	l := api.AccessLog
	if l == nil || c.opaque[path] || l.Format == "" {
		return
	}
	if !slices.Contains(retentions, l.RetentionInDays) && l.RetentionInDays > 0 {
		c.at(path+".retentionInDays", "CloudWatch keeps logs for "+strings.Trim(fmt.Sprint(retentions), "[]")+" days", "retentionInDays: CloudWatch cannot keep logs for %d days", l.RetentionInDays)
	}
	at, rest := path+".format", api.Protocol == ProtocolREST
	if _, written := c.places[at]; !written {
		at = path // the format alone
	}
	if strings.ContainsAny(l.Format, "\r\n") {
		c.at(at, "write it in one line, or behind >- in several", "the format of an access log is a single line")
		return
	}
	for _, other := range []string{"$stageVariables.", "$method.request.", "$input."} {
		if strings.Contains(l.Format, other) {
			c.at(at, "write $context. and a name", "an access log knows no %s: only $context", strings.TrimSuffix(other, "."))
		}
	}
	log, unknown := apigw.ParseAccessLog(l.Format, rest)
	for _, name := range unknown {
		c.at(at, accessLogHint(name, rest), "%s is not known in the access log of %s", strings.TrimSuffix("$context."+name, "."), kindOf(rest))
	}
	if !log.Has("requestId") && !(rest && log.Has("extendedRequestId")) {
		c.at(at, "add $context.requestId to the format", "the format of an access log has $context.requestId in it")
	}
}

func kindOf(rest bool) string {
	if rest {
		return "a REST API"
	}
	return "an HTTP API"
}

func accessLogHint(name string, rest bool) string {
	known := apigw.AccessLogVariables(rest)
	switch {
	case apigw.SecretVariable(name) && rest:
		return "write $context.identity.apiKeyId: the key itself would be in the log"
	case name == "authorizer.claims":
		return "write $context.authorizer.claims.NAME, with the name of a claim"
	case strings.HasPrefix(name, "authorizer."):
		return "write $context.authorizer.NAME or $context.authorizer.claims.NAME, where NAME has letters, digits and _ alone"
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", "$context."+near)
	}
	page := "http-api-logging-variables"
	if rest {
		page = "api-gateway-variables-for-access-logging"
	}
	return "the variables are those of https://docs.aws.amazon.com/apigateway/latest/developerguide/" + page + ".html"
}
