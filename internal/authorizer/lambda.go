package authorizer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A Format is what an authorizer function gets and gives.
type Format string

// The formats: those of HTTP APIs, and the two kinds of REST APIs.
const (
	FormatV2      Format = "2.0"
	FormatV1      Format = "1.0"
	FormatToken   Format = "TOKEN"
	FormatRequest Format = "REQUEST"
)

func (f Format) rest() bool { return f == FormatToken || f == FormatRequest }

// An Invoker runs functions.
type Invoker interface {
	// Invoke runs a function on an event and gives its reply. functionError is
	// not empty if the function has failed; the reply then holds the error's
	// JSON. err is set only for errors of the service.
	Invoke(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error)
}

// A LambdaConfig says which function decides, and by what of a request.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
type LambdaConfig struct {
	// Name is the authorizer's name in the declaration. Required.
	Name string
	// Function is the name that Invoke gets. Required.
	Function string
	// Format is the event's. Required.
	Format Format
	// SimpleResponses says that the function answers with isAuthorized; only in
	// format 2.0.
	SimpleResponses bool
	// IdentitySources are what has to be in a request, and what a cached answer
	// is found by.
	IdentitySources []string
	// ValidationExpression is a regular expression that the whole token has to
	// match; only of the kind TOKEN. Empty means none.
	ValidationExpression string
	// TTL is how long an answer is kept: whole seconds up to an hour. Zero keeps
	// none.
	TTL time.Duration
	// Invoker runs the function. Required.
	Invoker Invoker
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Inspected says that a person stops the function in a debugger: it is waited for.
	Inspected bool
}

// MaxTTL is the longest time for which an answer is kept (CreateAuthorizer,
// AuthorizerResultTtlInSeconds).
const MaxTTL = time.Hour

// authorizerTimeout is the quota "Lambda authorizer timeout: 10,000 milliseconds"
// of HTTP APIs. For REST APIs none is documented; theirs is the integration's.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	authorizerTimeout     = 10 * time.Second
	restAuthorizerTimeout = 29 * time.Second
)

// maxReply bounds an answer that is looked at and kept. AWS's bound is not
// documented beyond that of a Resource.
const maxReply = 64 << 10

// maxResource: "the Resource ARN, as shown in the policy statement output by the
// authorizer, is currently limited to 512 characters long"
// (api-gateway-lambda-authorizer-output).
const maxResource = 512

// A Lambda is an authorizer that is a function. It is safe for concurrent use.
type Lambda struct {
	config     LambdaConfig
	identities []identity
	expression *regexp.Regexp // nil for none
	cache      *cache         // nil if nothing is kept
	timeout    time.Duration
}

// NewLambda checks the configuration. Its error names every mistake.
func NewLambda(c LambdaConfig) (*Lambda, error) {
	var mistakes []error
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	l := &Lambda{timeout: authorizerTimeout}
	if c.Name == "" || c.Function == "" || c.Invoker == nil {
		note("Name, Function and Invoker are required")
	}
	switch c.Format {
	case FormatV2, FormatV1:
	case FormatToken, FormatRequest:
		l.timeout = restAuthorizerTimeout
	default:
		note("format %q is not 2.0, 1.0, TOKEN or REQUEST", c.Format)
	}
	if c.Inspected {
		l.timeout = 24 * time.Hour
	}
	if c.SimpleResponses && c.Format != FormatV2 {
		note("simple responses need format 2.0")
	}
	for _, text := range c.IdentitySources {
		i, err := parseIdentity(text, c.Format)
		if err != nil {
			note("%w", err)
		}
		l.identities = append(l.identities, i)
	}
	if c.Format == FormatToken && (len(l.identities) != 1 || l.identities[0].header == "") {
		note("the identity source of a TOKEN authorizer is one header")
	}
	if c.ValidationExpression != "" {
		if c.Format != FormatToken {
			note("a validation expression is for TOKEN authorizers")
		}
		expression, err := CompileExpression(c.ValidationExpression)
		if err != nil {
			note("%w", err)
		}
		l.expression = expression
	}
	switch {
	case c.TTL < 0 || c.TTL > MaxTTL || c.TTL%time.Second != 0:
		note("TTL %s is not whole seconds up to %s", c.TTL, MaxTTL)
	case c.TTL > 0 && len(c.IdentitySources) == 0:
		note("a cache needs an identity source to find answers by")
	case c.TTL > 0:
		l.cache = newCache()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("configuring authorizer %q: %w", c.Name, errors.Join(mistakes...))
	}
	l.config = c
	return l, nil
}

// CompileExpression compiles an identityValidationExpression. That the whole
// token has to match, as Java's String.matches has it, is assumed; an expression
// with anchors of its own means the same either way.
func CompileExpression(text string) (*regexp.Regexp, error) {
	expression, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		return nil, fmt.Errorf("compiling the validation expression %q: %w", text, err)
	}
	return expression, nil
}

// Function gives the function's name.
func (l *Lambda) Function() string { return l.config.Function }

// Format gives the format of the event.
func (l *Lambda) Format() Format { return l.config.Format }

// QueryParameters gives the query parameters that identify a caller, so that
// logs can leave them out.
func (l *Lambda) QueryParameters() (names []string) {
	for _, i := range l.identities {
		if i.query != "" {
			names = append(names, i.query)
		}
	}
	return names
}

// SecretHeaders gives the headers that identify a caller, so that what is told of a
// request can leave them out.
func (l *Lambda) SecretHeaders() (names []string) {
	for _, i := range l.identities {
		names = append(names, i.source.secretHeaders()...)
	}
	return names
}

// Flush forgets the answers that are kept: the function's code has changed.
func (l *Lambda) Flush() {
	if l.cache != nil {
		l.cache.flush()
	}
}

// A Question is one request, as its gateway shows it.
type Question struct {
	HTTP *http.Request
	// ARN is that of the method and path asked for, which policies name.
	ARN string
	// ShownARN is what people are told of it: "*" is in the place of what is secret.
	ShownARN string
	// Shown gives what people are told of a text that has the path in it, or a path that
	// was signed in its place; nil if there is nothing secret in it.
	Shown func(string) string
	// Readings are ARNs that others might read out of the same path. None of them
	// is allowed by itself, and a Deny of one denies the request.
	Readings []string
	// Event gives the event of the function, in the authorizer's format, with the
	// values of the identity sources.
	Event func(identity []string) []byte
	// Variable gives one of ContextVariables.
	Variable func(name string) string
	// StageVariables are the stage's.
	StageVariables []apigw.Pair
	// ResourcePolicy is what the API's own policy says of the request, which has
	// not denied it: iam.Allow lets in whom the function's policy is silent about.
	// The zero value is an API without one.
	ResourcePolicy iam.Verdict
	// Declared is where the declaration has the API, such as "apis.Api": advice
	// begins with it. Empty means that advice names keys of the API's own.
	Declared string
	// Dry is a question about a request that nobody has sent: the function's answer to
	// it is not kept, for a later request would get it.
	Dry bool
	// SourceIP and Time are for policies' conditions.
	SourceIP string
	Time     time.Time
	// Invocation is told of the function's invocation, if it is invoked for this
	// question. Nil means that nobody wants to know.
	Invocation *Invocation
}

// A verdict is what the function has answered. It is evaluated for each request
// anew, so that an Allow for one route never opens another that its policy does
// not cover.
type verdict struct {
	caller   apigw.Caller
	usageKey string
	simple   bool
	allowed  bool        // if simple
	policy   *iam.Policy // if not
	size     int
	latency  time.Duration
}

// Authorize refuses: a function cannot decide on less than a Question.
func (l *Lambda) Authorize(*http.Request, []string) Decision {
	return broken(CodeAuthorizerFailed, "the authorizer was not asked as a function", "")
}

// Decide decides whether the request may go on.
func (l *Lambda) Decide(q *Question) Decision {
	values, refused := l.identify(q)
	if refused != nil {
		return *refused
	}
	ask := func() (*verdict, Decision) { return l.ask(q, values) }
	if l.cache == nil {
		v, failed := ask()
		if v == nil {
			return failed
		}
		return q.told(l.judge(v, q, true), v)
	}
	get := l.cache.get
	if q.Dry {
		get = l.cache.peek
	}
	v, failed, fresh := get(q.HTTP.Context(), keyOf(values), l.config.TTL, l.config.Now, ask)
	if v == nil {
		return failed
	}
	d := l.judge(v, q, fresh)
	d.Cached = !fresh
	return q.told(d, v)
}

// identify reads the identity sources. A request without one is refused, and
// the function is not asked: "If a request doesn't include a specified identity
// source, API Gateway doesn't invoke the Lambda function, and the client
// receives a 401 error." Of the kind REQUEST this holds only with caching: "if
// caching is disabled, identity sources may be left out"
// (configure-api-gateway-lambda-authorization).
func (l *Lambda) identify(q *Question) (values []string, refused *Decision) {
	values = make([]string, 0, len(l.identities))
	for _, i := range l.identities {
		value, count := i.read(q)
		switch {
		case count > 1:
			d := refuse(http.StatusUnauthorized, "", severalValuesReason(i, count))
			return nil, &d
		case value == "" && l.config.Format == FormatRequest && l.cache == nil:
		case value == "":
			d := refuse(http.StatusUnauthorized, "", l.absentReason(q, i))
			return nil, &d
		}
		values = append(values, value)
	}
	if l.expression != nil && !l.expression.MatchString(values[0]) {
		d := refuse(http.StatusUnauthorized, "", l.mismatchReason(q, values[0]))
		return nil, &d
	}
	return values, nil
}

// broken is the 500 of an authorizer that is itself at fault.
func broken(code, text, hint string) Decision {
	return refuse(statusBroken, "", Reason{Code: code, Text: text, Hint: hint})
}

// ask invokes the function and reads its answer. It goes on if the client goes
// away: others may wait for the same answer.
func (l *Lambda) ask(q *Question, values []string) (*verdict, Decision) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.HTTP.Context()), l.timeout)
	defer cancel()
	event := q.Event(values)
	if q.Invocation != nil {
		q.Invocation.ID, q.Invocation.Event = aws.NewRequestID(), event
		ctx = aws.WithRequestID(ctx, q.Invocation.ID)
	}
	began := time.Now() // a duration is the machine's own
	reply, functionError, err := l.config.Invoker.Invoke(ctx, l.config.Function, event)
	q.Invocation.end(began, reply, functionError, err)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, refuse(statusBroken, "", l.brokenReason(q, CodeAuthorizerFailed, fmt.Sprintf("the authorizer timed out after %s", l.timeout),
			"one within "+l.timeout.String(), "let it answer within "+l.timeout.String()+": its log says what it waited for"))
	case err != nil:
		return nil, refuse(statusBroken, "", l.brokenReason(q, CodeAuthorizerFailed, "invoking the authorizer: "+err.Error(),
			l.wanted(), "see that the function "+ShortQuote(l.config.Function)+" is there, builds and may be invoked"))
	case functionError != "":
		return nil, l.failed(q, reply)
	}
	v, err := l.read(reply)
	if err != nil {
		return nil, refuse(statusBroken, "", l.malformedReason(q, err, reply))
	}
	v.latency = time.Since(began)
	return v, Decision{}
}

// failed decides on a function that has failed: "To make API Gateway respond
// with 401, the function has to fail with exactly 'Unauthorized'"
// (apigateway-use-lambda-authorizer). Documented for REST APIs, and taken to
// hold for HTTP APIs.
func (l *Lambda) failed(q *Question, reply []byte) Decision {
	var e struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}
	if err := json.Unmarshal(reply, &e); err == nil && e.ErrorMessage == "Unauthorized" {
		return refuse(http.StatusUnauthorized, "", l.unauthorizedReason(q))
	}
	message := ShortQuote(e.ErrorType + ": " + e.ErrorMessage)
	if strings.Contains(e.ErrorMessage, "eyJ") { // what every JWT begins with
		message = "with a message that is not shown, as it holds a token"
	}
	return refuse(statusBroken, "", l.brokenReason(q, CodeAuthorizerFailed, "the authorizer failed: "+message, l.wanted(),
		`its log says why; to refuse a caller it has to fail with "Unauthorized", to the letter: that alone is a 401`))
}

func (l *Lambda) responseHint() string {
	if l.config.SimpleResponses {
		return `return {"isAuthorized": …, "context": {…}}, or turn enableSimpleResponses off`
	}
	if l.config.Format == FormatV2 {
		return `return {"principalId": …, "policyDocument": {…}, "context": {…}}, or turn enableSimpleResponses on`
	}
	return `return {"principalId": …, "policyDocument": {…}, "context": {…}}`
}

// read reads an answer and compiles its policy.
func (l *Lambda) read(reply []byte) (*verdict, error) {
	if len(reply) > maxReply {
		return nil, fmt.Errorf("the authorizer's response has %d bytes, %d at most", len(reply), maxReply)
	}
	v := &verdict{simple: l.config.SimpleResponses, size: len(reply)}
	if v.simple {
		r, err := apigw.ParseSimpleReply(reply)
		if err != nil {
			return nil, err
		}
		v.caller, v.allowed = r.Caller, r.IsAuthorized
		return v, nil
	}
	r, err := apigw.ParsePolicyReply(reply, l.config.Format != FormatV2)
	if err != nil {
		return nil, err
	}
	doc, err := policy.Parse(r.PolicyDocument)
	if err != nil {
		return nil, fmt.Errorf("reading policyDocument: %w", err)
	}
	for i, s := range doc.Statements {
		for _, list := range [...][]string{s.Resource, s.NotResource} {
			for _, resource := range list {
				if len(resource) > maxResource {
					return nil, fmt.Errorf("reading policyDocument: a resource of statement %d has %d characters, %d at most", i+1, len(resource), maxResource)
				}
			}
		}
	}
	if v.policy, err = iam.Compile(doc); err != nil {
		return nil, fmt.Errorf("reading policyDocument: %w", err)
	}
	v.caller, v.usageKey = r.Caller, r.UsageIdentifierKey
	return v, nil
}

// judge decides on one request by what the function has answered.
func (l *Lambda) judge(v *verdict, q *Question, fresh bool) Decision {
	source := ""
	if !fresh {
		source = " (cached)"
	}
	if v.simple && !v.allowed {
		return refuse(http.StatusForbidden, "", l.notAuthorizedReason(q, source))
	}
	if !v.simple {
		switch verdict := q.Evaluate(v.policy); {
		case verdict == iam.Allow:
		case verdict == iam.ExplicitDeny:
			d := refuse(http.StatusForbidden, "", l.deniedReason(q, v.policy, source))
			d.ExplicitDeny = true
			return d
		case q.ResourcePolicy == iam.Allow:
			// Either is enough: an authorizer counts as an identity of the API's own
			// account (apigateway-authorization-flow, table A).
			source += " as the API's resource policy does; the authorizer's own policy does not cover this request"
		default:
			return refuse(http.StatusForbidden, "", l.uncoveredReason(q, v.policy, source))
		}
	}
	d := Decision{
		Allow: true, Caller: &v.caller, UsageIdentifierKey: v.usageKey,
		Reasons: []Reason{{Code: CodeFunctionAuthorized, Text: "the authorizer lets the caller in" + source}},
	}
	if fresh {
		d.Latency = v.latency
	}
	return d
}

// Evaluate asks a policy. Whether the path in an ARN is as it was sent or decoded
// is not documented, so that a Deny counts for either.
func (q *Question) Evaluate(p *iam.Policy) iam.Verdict {
	verdict := p.Evaluate(&iam.Request{Action: InvokeAction, Resource: q.ARN, Context: q.conditionKey})
	for _, arn := range q.Readings {
		if p.Evaluate(&iam.Request{Action: InvokeAction, Resource: arn, Context: q.conditionKey}) == iam.ExplicitDeny {
			return iam.ExplicitDeny
		}
	}
	return verdict
}

// Denying names the statement by which Evaluate has found an ExplicitDeny.
func (q *Question) Denying(p *iam.Policy) string {
	name := p.Denying(&iam.Request{Action: InvokeAction, Resource: q.ARN, Context: q.conditionKey})
	for i := 0; name == "" && i < len(q.Readings); i++ {
		name = p.Denying(&iam.Request{Action: InvokeAction, Resource: q.Readings[i], Context: q.conditionKey})
	}
	return name
}

// conditionKey gives the condition keys of a request that is not signed.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-aws-condition-keys.html
func (q *Question) conditionKey(key string) ([]string, bool) {
	value := ""
	switch key {
	case "aws:currenttime":
		value = q.Time.UTC().Format(time.RFC3339)
	case "aws:epochtime":
		value = strconv.FormatInt(q.Time.Unix(), 10)
	case "aws:sourceip":
		value = q.SourceIP
	case "aws:useragent":
		value = q.HTTP.UserAgent()
	case "aws:referer":
		value = q.HTTP.Referer()
	case "aws:securetransport":
		// On AWS an API is reached by https alone, and a policy has to decide here
		// as it does there.
		value = "true"
	}
	return []string{value}, value != ""
}
