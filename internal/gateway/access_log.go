package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// An AccessLog has a line of each request written, as API Gateway logs it.
type AccessLog struct {
	// Format is the line, with variables such as $context.requestId.
	Format string
	// Write gets each line, without its end, from the request's own goroutine. The
	// line's memory is the callee's.
	Write func(line []byte)
}

// accessLog is a compiled AccessLog.
type accessLog struct {
	parts apigw.AccessLog
	write func([]byte)
}

func compileAccessLog(c *Config) (*accessLog, error) {
	if c.AccessLog == nil {
		return nil, nil
	}
	parts, unknown := apigw.ParseAccessLog(c.AccessLog.Format, c.REST != nil)
	if len(unknown) > 0 {
		return nil, fmt.Errorf("the access log: there is no $context.%s", unknown[0])
	}
	if c.AccessLog.Write == nil {
		return nil, fmt.Errorf("the access log: Write is required")
	}
	return &accessLog{parts, c.AccessLog.Write}, nil
}

// logged is what a line tells beside the Entry and its Trace.
type logged struct {
	decision authorizer.Decision
	// own says that the gateway has answered by itself, and failure how.
	own     bool
	failure failure
	// sent and received are the bytes of the answer's and the request's body.
	sent, received int64
	upstream       int // the status that an upstream has answered with
}

// absent is the value of what a request does not have.
const absent = "-"

// logAccess writes the request's line. The entry is complete.
func (x *exchange) logAccess() {
	l := x.g.accessLog
	if l == nil || x.outsideOfStage() {
		return // no stage has answered, so that none logs
	}
	secrets := x.secrets(nil)
	line := make([]byte, 0, 512)
	for _, part := range l.parts {
		if part.Variable == "" {
			line = append(line, part.Text...)
			continue
		}
		line = appendLogged(line, x.loggedValue(part.Variable), secrets)
	}
	l.write(line)
}

// outsideOfStage says whether a request's path does not begin with the stage.
func (x *exchange) outsideOfStage() bool {
	stage := x.g.config.Stage
	if stage == DefaultStage {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(x.r.URL.EscapedPath(), "/"), "/")
	return first != stage
}

// maxLoggedValue bounds one value of a line.
const maxLoggedValue = 8 << 10

// appendLogged appends a value. What would end the line, or a text in JSON, is escaped
// as in JSON, and what is secret wherever it turns up is left out.
func appendLogged(b []byte, value string, secrets []string) []byte {
	if value == "" {
		return append(b, absent...)
	}
	for _, s := range secrets {
		if len(s) >= 8 { // a short one is in what it does not mean, such as an address
			value = strings.ReplaceAll(value, s, redacted)
		}
	}
	if authorizer.HoldsToken(value) {
		value = redacted
	}
	if len(value) > maxLoggedValue {
		value = value[:maxLoggedValue] + "..."
	}
	quoted := quoteJSON(value)
	return append(b, quoted[1:len(quoted)-1]...)
}

// loggedValue gives the value of a variable; "" is one that the request does not have.
func (x *exchange) loggedValue(name string) string {
	group, rest, _ := strings.Cut(name, ".")
	switch group {
	case "authorizer":
		return x.loggedAuthorizer(rest)
	case "error":
		return x.loggedError(rest)
	case "identity":
		return x.loggedIdentity(rest)
	case "integration":
		return x.loggedIntegration(rest)
	}
	switch name {
	case "awsEndpointRequestId":
		return x.loggedIntegration("requestId")
	case "integrationErrorMessage":
		return x.loggedIntegration("error")
	case "integrationLatency":
		return x.loggedIntegration("latency")
	case "integrationStatus":
		return x.loggedIntegration("integrationStatus")
	case "dataProcessed":
		return strconv.FormatInt(x.responseLength()+max(x.logged.received, x.r.ContentLength), 10)
	case "extendedRequestId":
		if x.g.rest != nil {
			return x.rest.extendedID
		}
		return x.entry.RequestID // "Equivalent to $context.requestId"
	case "httpMethod":
		return x.entry.Method
	case "path":
		path, _, _ := strings.Cut(x.entry.Path, "?")
		return path
	case "protocol":
		return "HTTP/1.1" // "even if a client sends a request that uses HTTP/2"
	case "resourceId":
		return x.resourceID()
	case "resourcePath":
		return x.resourcePath()
	case "responseLatency":
		return milliseconds(x.entry.Duration)
	case "responseLength":
		return strconv.FormatInt(x.responseLength(), 10)
	case "routeKey":
		if x.match.endpoint == nil {
			return ""
		}
		return x.match.key
	case "status":
		return strconv.Itoa(x.entry.Status)
	}
	return x.contextVariable(name) // those that identity sources have too; "" for what never has a value here
}

// responseLength gives how many bytes of a body were sent. To HEAD none are.
func (x *exchange) responseLength() int64 {
	if x.r.Method == http.MethodHead {
		return 0
	}
	return x.logged.sent
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// loggedAuthorizer gives authorizer.NAME: of the token's claims, of what a function has
// said, or of how it went.
func (x *exchange) loggedAuthorizer(name string) string {
	d, t := &x.logged.decision, x.entry.Trace
	if claim, ok := strings.CutPrefix(name, "claims."); ok {
		return pairValue(d.EventClaims(nil), claim)
	}
	asked := t.Took[AtAuthorizer] > 0 && x.match.endpoint != nil && x.match.authorizer != nil
	switch {
	case name == "error":
		return challengeError(d.Challenge)
	case x.g.rest == nil || !asked:
	case name == "latency":
		return milliseconds(t.Took[AtAuthorizer])
	case name == "status" && d.Allow:
		return "200"
	case name == "status":
		return strconv.Itoa(d.Status)
	case t.Authorizer.ID == "":
	case name == "integrationLatency":
		return milliseconds(t.Authorizer.Duration)
	case name == "integrationStatus" && t.Authorizer.ReplySize > 0:
		return "200"
	case name == "requestId":
		return t.Authorizer.ID
	}
	return d.Caller.Text(name)
}

// challengeError gives what a challenge says of a token, as it is logged:
// "invalid_token: the token has expired".
func challengeError(challenge string) string {
	code := challengeParameter(challenge, "error")
	if text := challengeParameter(challenge, "error_description"); text != "" {
		return code + ": " + text
	}
	return code
}

func challengeParameter(challenge, name string) string {
	_, rest, ok := strings.Cut(challenge, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// loggedError gives error.NAME, of an answer that the gateway has made by itself.
func (x *exchange) loggedError(name string) string {
	if !x.logged.own {
		return ""
	}
	f := x.logged.failure
	switch name {
	case "message":
		return f.text()
	case "messageString":
		return f.message
	case "responseType":
		return f.kind
	case "validationErrorString":
		return f.validation
	}
	return ""
}

// ownAnswer is the failure of an HTTP API's own answer. Only those types are known to be
// the same as a REST API's of which the cause is the same.
func ownAnswer(a refusal) failure {
	f := failure{status: int(a), message: strings.TrimSuffix(strings.TrimPrefix(a.body(), `{"message":`), "}")}
	switch a {
	case unauthorized:
		f.kind = "UNAUTHORIZED"
	case forbidden:
		f.kind = "ACCESS_DENIED"
	case tooLarge, headersTooLarge:
		f.kind = "REQUEST_TOO_LARGE"
	}
	return f
}

// loggedIdentity gives identity.NAME.
func (x *exchange) loggedIdentity(name string) string {
	switch name {
	case "sourceIp":
		return x.entry.SourceIP
	case "userAgent":
		return x.r.UserAgent()
	case "apiKeyId":
		if k := x.rest.key; k != nil {
			return k.ID
		}
		return ""
	}
	if s := x.logged.decision.Signer; s != nil {
		return s.Identity(name)
	}
	return ""
}

// loggedIntegration gives integration.NAME: what the function or the upstream did.
func (x *exchange) loggedIntegration(name string) string {
	t := x.entry.Trace
	if t.Took[AtInvocation] == 0 {
		return "" // it was not asked
	}
	if x.match.upstream == nil && name == "requestId" {
		return x.raw.function.ID
	}
	f := &x.raw.function
	answered := x.logged.upstream != 0 || x.match.upstream == nil && f.Reply != nil
	switch name {
	case "latency":
		return milliseconds(t.Took[AtInvocation])
	case "status":
		if x.logged.upstream != 0 {
			return strconv.Itoa(x.logged.upstream)
		}
		if !x.logged.own {
			return strconv.Itoa(x.entry.Status)
		}
	case "integrationStatus":
		if x.logged.upstream != 0 {
			return strconv.Itoa(x.logged.upstream)
		}
		if answered {
			return strconv.Itoa(http.StatusOK) // Lambda's own, whatever the function said
		}
	case "error":
		return x.integrationError(answered)
	}
	return ""
}

// integrationError says why the function's or the upstream's answer was none.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
func (x *exchange) integrationError(answered bool) string {
	f := &x.raw.function
	switch {
	case !x.logged.own:
		return ""
	case strings.HasPrefix(f.Error, functionFailed):
		return "The Lambda function returned the following error: " + strings.Trim(strings.TrimPrefix(f.Error, functionFailed), " ()") + ". Check your Lambda function code and try again."
	case answered:
		return "The response from the Lambda function doesn't match the format that API Gateway expects."
	}
	return x.logged.failure.text()
}
