package cognito

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// TargetService is the part of X-Amz-Target before the dot, by which requests
// for user pools are told from those for other services on the same origin.
const TargetService = "AWSCognitoIdentityProviderService"

// call is one operation under way.
type call struct {
	op *operation
	// event is what the log will say. Handlers fill in the pool and the user
	// as soon as they know them.
	event Event
	// members are the request's, and client the one that it came through, for
	// the events of triggers.
	members awsjson.Object
	client  *Client
	pool    *Pool
	// tokens says what the request makes tokens for, where the operation does
	// not; see tokenSource.
	tokens string
	// page is the sign-in on a hosted page that the call is, or nil.
	page *pageSignIn
}

// about notes which pool and user a call is about.
func (c *call) about(p *Pool, user string) {
	c.pool = p
	c.event.Pool, c.event.User = p.cfg.Name, user
}

// ServeHTTP answers operations at / and the documents of each pool under
// /POOLID/.well-known/.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// SDKs correct their clock by this header, so it must be the clock that
	// signatures are judged by.
	w.Header().Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	if r.URL.Path != "/" {
		s.serveWellKnown(w, r)
		return
	}
	s.serveOperation(w, r)
}

func (s *Service) serveOperation(w http.ResponseWriter, r *http.Request) {
	start := s.cfg.Now()
	id := aws.NewRequestID()
	if r.Method == http.MethodOptions {
		awsjson.WritePreflight(w, r, id)
		return
	}
	c := &call{event: Event{RequestID: id, Operation: "?", Request: r}}
	result, err := s.answer(w, r, c)
	c.event.Time = s.cfg.Now()
	c.event.Duration = c.event.Time.Sub(start)
	if err != nil {
		refusal := awsjson.Refusal(err)
		s.finish(c, refusal)
		_ = awsjson.WriteError(w, id, refusal) // the client went away
		return
	}
	s.finish(c, nil)
	if err := awsjson.WriteResult(w, id, result); err != nil && r.Context().Err() == nil {
		s.log(Event{RequestID: id, Operation: c.event.Operation, Code: codeInternalError, Reason: err.Error()})
	}
}

// answer gives the result of a request: nil for an empty body.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, c *call) (any, error) {
	name, err := awsjson.Operation(w, r, TargetService)
	if err != nil {
		return nil, err
	}
	c.event.Operation = name
	op, ok := operations[name]
	if !ok {
		return nil, awsjson.Unknown("user pools have no operation of this name")
	}
	c.op = op
	body, err := awsjson.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	root := Principal{Root: true}
	caller := root // of operations that carry their own proof
	if c.op.auth == signed {
		if caller, err = s.cfg.Authenticate(r, body); err != nil {
			var coded *aws.Error
			if !errors.As(err, &coded) {
				err = fmt.Errorf("authenticating the request: %w", err)
			}
			return nil, err
		}
		c.event.Caller = caller.ARN
	}
	members, err := awsjson.Parse(body)
	if err != nil {
		return nil, err
	}
	return s.dispatch(r.Context(), c, caller, members)
}

// dispatch runs an operation for a caller whose signature, if the operation
// needs one, was verified.
func (s *Service) dispatch(ctx context.Context, c *call, caller Principal, members awsjson.Object) (any, error) {
	if !s.opened {
		return nil, errors.New("the service is not open yet")
	}
	if c.op.auth == signed && !caller.Root {
		if err := s.authorize(c, caller, members); err != nil {
			return nil, err
		}
	}
	if c.op.serve == nil {
		return nil, refuse(codeUnsupportedOperation,
			fmt.Sprintf("%s is an operation of Amazon Cognito that Doorwright does not emulate.", c.op.name),
			"not emulated; see COMPAT.md")
	}
	result, err := c.op.serve(s, withCall(ctx, c, members), c, members)
	if err != nil {
		return nil, s.gone(c, err)
	}
	if c.op.noOutput {
		return nil, nil
	}
	return result, nil
}

// tagOperations name what they are about by its ARN. Every other operation has the pool
// in UserPoolId, or is about none; a ResourceArn beside it says nothing.
var tagOperations = []string{"TagResource", "UntagResource", "ListTagsForResource"}

// authorize asks IAM whether a caller may run an operation
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html).
func (s *Service) authorize(c *call, caller Principal, members awsjson.Object) error {
	operation, resource := c.op.name, "*"
	if slices.Contains(tagOperations, operation) {
		if arn, ok := members["ResourceArn"].(string); ok {
			resource = arn
		}
	} else if id, ok := members["UserPoolId"].(string); ok {
		resource = s.poolARN(id)
	}
	if caller.Authorize == nil {
		return errors.New("there is nobody to ask about permissions")
	}
	d, err := caller.Authorize("cognito-idp:"+operation, resource)
	c.event.Decisions = iam.Keep(c.event.Decisions, d)
	if err == nil {
		return nil
	}
	return &aws.Error{Code: codeAccessDenied, Message: err.Error(), Status: http.StatusBadRequest, Err: errors.Unwrap(err)}
}

// finish writes the call's log line.
func (s *Service) finish(c *call, refusal *aws.Error) {
	if refusal != nil {
		c.event.Code, c.event.Message = refusal.Code, refusal.Message
		if refusal.Err != nil {
			c.note(refusal.Err.Error())
			c.event.Cause = refusal.Err
			c.event.Fix = fixOf(refusal.Err)
		}
	}
	s.log(c.event)
}

// fixOf gives what an error says about its fix, or "".
func fixOf(err error) string {
	var mendable interface{ Hint() string }
	if errors.As(err, &mendable) {
		return mendable.Hint()
	}
	return ""
}

// Call runs an operation as root without HTTP: for a program that embeds the
// stage. In is what the request's members are made of by encoding/json, with
// AWS's member names; out, which may be nil, is filled from the result. A
// refusal is an *aws.Error.
func (s *Service) Call(ctx context.Context, operation string, in, out any) error {
	start := s.cfg.Now()
	c := &call{event: Event{RequestID: aws.NewRequestID(), Operation: operation}}
	result, err := s.callAsRoot(ctx, c, in)
	c.event.Time = s.cfg.Now()
	c.event.Duration = c.event.Time.Sub(start)
	if err != nil {
		refusal := awsjson.Refusal(err)
		s.finish(c, refusal)
		return refusal
	}
	if !isLook(operation) { // who administers the stage by hand looks often: that is no line of the log
		s.finish(c, nil)
	}
	return awsjson.Unmarshalled(operation, result, out)
}

// isLook says whether an operation changes nothing and gives nobody anything.
func isLook(operation string) bool {
	for _, prefix := range []string{"List", "AdminList", "AdminGet", "Describe"} {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}

func (s *Service) callAsRoot(ctx context.Context, c *call, in any) (any, error) {
	op, ok := operations[c.event.Operation]
	if !ok {
		return nil, awsjson.Unknown("user pools have no operation of this name")
	}
	c.op = op
	members, err := awsjson.Marshalled(in)
	if err != nil {
		return nil, err
	}
	return s.dispatch(ctx, c, Principal{Root: true}, members)
}
