package cognito

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// Triggers names the functions that a pool runs inside its operations; "" is
// none
// (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html).
type Triggers struct {
	PreSignUp, PostConfirmation                                           string
	PreAuthentication, PostAuthentication                                 string
	PreTokenGeneration                                                    string
	CustomMessage, UserMigration                                          string
	DefineAuthChallenge, CreateAuthChallenge, VerifyAuthChallengeResponse string
	// PreTokenGenerationVersion is the version of its events: V1_0, which "" is
	// too, V2_0 or V3_0.
	PreTokenGenerationVersion string
}

// Invoke runs a function with an event and gives its reply. functionError is
// "" or "Unhandled", as in Lambda's X-Amz-Function-Error: the reply is then the
// error's description. err is set only if there is no reply; an *aws.Error
// says why in Lambda's words.
type Invoke func(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error)

// trigger is a trigger's name as it is in Cognito's messages and in the
// LambdaConfig of a pool.
type trigger string

const (
	triggerPreSignUp          trigger = "PreSignUp"
	triggerPostConfirmation   trigger = "PostConfirmation"
	triggerPreAuthentication  trigger = "PreAuthentication"
	triggerPostAuthentication trigger = "PostAuthentication"
	triggerPreToken           trigger = "PreTokenGeneration"
	triggerCustomMessage      trigger = "CustomMessage"
	triggerUserMigration      trigger = "UserMigration"
	triggerDefine             trigger = "DefineAuthChallenge"
	triggerCreate             trigger = "CreateAuthChallenge"
	triggerVerify             trigger = "VerifyAuthChallengeResponse"
)

// all gives the functions by trigger.
func (t *Triggers) all() map[trigger]string {
	return map[trigger]string{
		triggerPreSignUp: t.PreSignUp, triggerPostConfirmation: t.PostConfirmation,
		triggerPreAuthentication: t.PreAuthentication, triggerPostAuthentication: t.PostAuthentication,
		triggerPreToken: t.PreTokenGeneration, triggerCustomMessage: t.CustomMessage, triggerUserMigration: t.UserMigration,
		triggerDefine: t.DefineAuthChallenge, triggerCreate: t.CreateAuthChallenge, triggerVerify: t.VerifyAuthChallengeResponse,
	}
}

func (t *Triggers) validate(invoke Invoke, bad func(bool, string, ...any)) {
	for name, function := range t.all() {
		bad(function != "" && invoke == nil, "trigger %s: Invoke is required", name)
	}
	switch t.PreTokenGenerationVersion {
	case "", tokenV1, tokenV2, tokenV3:
	default:
		bad(true, "PreTokenGenerationVersion %q is not V1_0, V2_0 or V3_0", t.PreTokenGenerationVersion)
	}
}

// has says whether the pool has a function for a trigger.
func (p *Pool) has(t trigger) bool { return p.cfg.Triggers.all()[t] != "" }

// The limits of a trigger. "When called, your Lambda function must respond
// within 5 seconds. If it does not, Amazon Cognito retries the call. After 3
// unsuccessful attempts, the function times out."
const (
	triggerTimeout = 5 * time.Second
	triggerTries   = 3
	// maxTriggerError bounds what an error thrown by a function adds to a
	// response.
	maxTriggerError = 1024
)

// clientNotApplicable is the client in events of operations that name none.
const clientNotApplicable = "CLIENT_ID_NOT_APPLICABLE"

// triggerEvent is what every trigger's function gets and gives back.
type triggerEvent struct {
	Version       string        `json:"version"`
	TriggerSource string        `json:"triggerSource"`
	Region        string        `json:"region"`
	UserPoolID    string        `json:"userPoolId"`
	UserName      string        `json:"userName"`
	CallerContext callerContext `json:"callerContext"`
	Request       any           `json:"request"`
	Response      any           `json:"response"`
}

type callerContext struct {
	AWSSDKVersion string `json:"awsSdkVersion"`
	ClientID      string `json:"clientId"`
}

// moment is one occasion of a trigger.
type moment struct {
	trigger trigger
	source  string
	// client is the client's id, "" for the one of the request.
	client string
	// user is the name of the user in the event.
	user string
	// version is the event's version; "" means 1.
	version string
}

// run invokes the function of a trigger with request and an empty response,
// and fills response, a pointer to a structure, from its answer. It must not
// be called within a transaction: the store has one writer, and a function may
// call the pool's operations and take seconds. What was decided before it must
// be looked at again after it.
func (p *Pool) run(ctx context.Context, m moment, request, response any) error {
	e := triggerEvent{
		Version: m.version, TriggerSource: m.source, Region: p.svc.cfg.Region, UserPoolID: p.id, UserName: m.user,
		// Which SDK called is not looked at; this is what AWS says of others
		// than its own.
		CallerContext: callerContext{"aws-sdk-unknown-unknown", m.client},
		Request:       request, Response: response,
	}
	if e.Version == "" {
		e.Version = "1"
	}
	if e.CallerContext.ClientID == "" {
		e.CallerContext.ClientID = callOf(ctx).clientID()
	}
	event, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding the event of %s: %w", m.source, err)
	}
	function := p.cfg.Triggers.all()[m.trigger]
	why := func(format string, args ...any) string {
		return fmt.Sprintf("trigger %s, function %s: ", m.source, function) + fmt.Sprintf(format, args...)
	}
	reply, functionError, err := p.svc.invoke(ctx, function, event)
	if err != nil {
		return unexpectedLambda(ctx, m.trigger, err, why)
	}
	if functionError != "" {
		thrown := errorMessage(reply)
		return refuse(codeUserLambda, fmt.Sprintf("%s failed with error %s.", m.trigger, thrown), why("it threw: %s", thrown))
	}
	if err := readReply(reply, response); err != nil {
		return refuse(codeInvalidLambda, textBadLambda, why("%v", err))
	}
	return nil
}

// invoke tries again when the function does not answer in time.
func (s *Service) invoke(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error) {
	for range triggerTries {
		attempt, cancel := context.WithTimeout(ctx, s.triggerTimeout)
		reply, functionError, err = s.cfg.Invoke(attempt, function, event)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return reply, functionError, err
}

// unexpectedLambda is the refusal for a function that could not be run. The
// text of the time-out was observed.
func unexpectedLambda(ctx context.Context, t trigger, err error, why func(string, ...any) string) error {
	var coded *aws.Error
	cause, reason := "ServiceException", why("%v", err)
	switch {
	case ctx.Err() != nil:
		reason = why("the caller went away: %v", err)
	case errors.Is(err, context.DeadlineExceeded):
		cause, reason = "Socket timeout while invoking Lambda function", why("no answer within %s, %d times", triggerTimeout, triggerTries)
	case errors.As(err, &coded):
		cause = coded.Code
	}
	return refuse(codeUnexpectedLambda, fmt.Sprintf("%s invocation failed due to error %s.", t, cause), reason)
}

// errorMessage gives the message of an error that a function threw, as one
// bounded text.
func errorMessage(reply []byte) string {
	var thrown struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(reply, &thrown) != nil {
		return ""
	}
	text := strings.ToValidUTF8(thrown.Message, "\uFFFD")
	if len(text) > maxTriggerError {
		text = text[:maxTriggerError]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// readReply reads the answer of a trigger's function into response. It must be
// the whole event: functions that returned less were seen to be refused.
func readReply(reply []byte, response any) error {
	event, err := awsjson.Parse(reply)
	if err != nil {
		return fmt.Errorf("it returned no JSON object; it must return its event: %w", errors.Unwrap(err))
	}
	for _, member := range []string{"version", "triggerSource", "region", "userPoolId", "userName", "callerContext", "request", "response"} {
		if event[member] == nil {
			return fmt.Errorf("it did not return the whole event: %q is missing", member)
		}
	}
	members, ok := event["response"].(map[string]any)
	if !ok {
		return errors.New(`it did not return its event: "response" is not an object`)
	}
	if err := awsjson.Object(members).Decode(response); err != nil {
		var coded *aws.Error
		if errors.As(err, &coded) {
			err = errors.New(coded.Message)
		}
		return fmt.Errorf("its response has a value of the wrong type: %w", err)
	}
	if r, ok := response.(interface{ readRaw(response []byte) }); ok {
		var raw struct {
			Response json.RawMessage `json:"response"`
		}
		if err := json.Unmarshal(reply, &raw); err != nil {
			return err
		}
		r.readRaw(raw.Response)
	}
	return nil
}

// What a trigger is told of the request that it runs in travels with the
// context: operations lie between the two that need not know of it.
type callKey struct{}

func withCall(ctx context.Context, c *call, members awsjson.Object) context.Context {
	c.members = members
	return context.WithValue(ctx, callKey{}, c)
}

// callOf gives the operation under way; for none, an empty one.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// operation gives the wire name of the operation, "" for none.
func (c *call) operation() string {
	if c.op == nil {
		return ""
	}
	return c.op.name
}

// clientID gives the id of the client that a request came through, for events.
func (c *call) clientID() string {
	if c.client != nil {
		return c.client.id
	}
	return clientNotApplicable
}

// metadata gives the request's ClientMetadata, whose types the operation has
// checked. What is not there is null in an event.
func (c *call) metadata() map[string]string {
	members, ok := c.members["ClientMetadata"].(map[string]any)
	if !ok {
		return nil
	}
	values := map[string]string{}
	for name, value := range members {
		values[name], _ = value.(string)
	}
	return values
}

// validation gives the request's ValidationData.
func (c *call) validation() map[string]string {
	list, ok := c.members["ValidationData"].([]any)
	if !ok {
		return nil
	}
	values := map[string]string{}
	for _, item := range list {
		if pair, ok := item.(map[string]any); ok {
			name, _ := pair["Name"].(string)
			values[name], _ = pair["Value"].(string)
		}
	}
	return values
}

// note adds to what the log says of the operation.
func (c *call) note(text string) { c.event.Note(text) }

// triggerAttributes gives what events say of a user that there is: the
// attributes as they are kept, and what Cognito adds. Nil gives none.
func (p *Pool) triggerAttributes(u *user) map[string]string {
	values := map[string]string{}
	if u == nil {
		return values
	}
	for name, value := range u.attributes {
		values[name] = value
	}
	values["sub"] = u.sub
	values["cognito:user_status"] = u.status
	for _, kind := range p.names(u) {
		if kind == "email" || kind == "phone_number" {
			values["cognito:"+kind+"_alias"] = u.attributes[kind]
		}
	}
	return values
}

// The codes with which a trigger's failure is told.
const (
	codeUserLambda       = "UserLambdaValidationException"
	codeInvalidLambda    = "InvalidLambdaResponseException"
	codeUnexpectedLambda = "UnexpectedLambdaException"

	textBadLambda = "Unrecognizable lambda output"
)

// badLambda refuses an answer whose values cannot be used.
func (p *Pool) badLambda(m moment, format string, args ...any) error {
	return refuse(codeInvalidLambda, textBadLambda,
		fmt.Sprintf("trigger %s, function %s: ", m.source, p.cfg.Triggers.all()[m.trigger])+fmt.Sprintf(format, args...))
}

// lambdaConfig is a pool's triggers as DescribeUserPool shows them.
type lambdaConfig struct {
	PreSignUp                   string                    `json:"PreSignUp,omitempty"`
	CustomMessage               string                    `json:"CustomMessage,omitempty"`
	PostConfirmation            string                    `json:"PostConfirmation,omitempty"`
	PreAuthentication           string                    `json:"PreAuthentication,omitempty"`
	PostAuthentication          string                    `json:"PostAuthentication,omitempty"`
	DefineAuthChallenge         string                    `json:"DefineAuthChallenge,omitempty"`
	CreateAuthChallenge         string                    `json:"CreateAuthChallenge,omitempty"`
	VerifyAuthChallengeResponse string                    `json:"VerifyAuthChallengeResponse,omitempty"`
	PreTokenGeneration          string                    `json:"PreTokenGeneration,omitempty"`
	UserMigration               string                    `json:"UserMigration,omitempty"`
	PreTokenGenerationConfig    *preTokenGenerationConfig `json:"PreTokenGenerationConfig,omitempty"`
}

type preTokenGenerationConfig struct {
	LambdaVersion string `json:"LambdaVersion" shape:"PreTokenVersionType" required:"true"`
	LambdaARN     string `json:"LambdaArn" shape:"ArnType" required:"true"`
}

func (p *Pool) lambdaConfig() lambdaConfig {
	arn := func(function string) string {
		if function == "" {
			return ""
		}
		return aws.ARN{
			Service: "lambda", Region: p.svc.cfg.Region, AccountID: p.svc.cfg.AccountID, Resource: "function:" + function,
		}.String()
	}
	t := &p.cfg.Triggers
	c := lambdaConfig{
		PreSignUp: arn(t.PreSignUp), CustomMessage: arn(t.CustomMessage), PostConfirmation: arn(t.PostConfirmation),
		PreAuthentication: arn(t.PreAuthentication), PostAuthentication: arn(t.PostAuthentication),
		DefineAuthChallenge: arn(t.DefineAuthChallenge), CreateAuthChallenge: arn(t.CreateAuthChallenge),
		VerifyAuthChallengeResponse: arn(t.VerifyAuthChallengeResponse),
		PreTokenGeneration:          arn(t.PreTokenGeneration), UserMigration: arn(t.UserMigration),
	}
	if t.PreTokenGeneration != "" {
		c.PreTokenGenerationConfig = &preTokenGenerationConfig{t.tokenVersion(), c.PreTokenGeneration}
	}
	return c
}
