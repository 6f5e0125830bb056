package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// TargetService is the part of X-Amz-Target before the dot, by which requests
// for identity pools are told from those for other services on the same origin.
const TargetService = "AWSCognitoIdentityService"

// call is one operation under way.
type call struct {
	op *operation
	// event is what the log will say. Handlers fill in the pool and the identity
	// as soon as they know them.
	event Event
}

// ServeHTTP answers operations at / and the public keys of OpenID tokens at
// KeysPath.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// SDKs correct their clock by this header, so it must be the clock that
	// signatures are judged by.
	w.Header().Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	if r.URL.Path != "/" {
		s.serveKeys(w, r)
		return
	}
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
		return nil, awsjson.Unknown("identity pools have no operation of this name")
	}
	c.op = op
	body, err := awsjson.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	var caller iam.Principal
	if op.auth == signed {
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
	if op.auth == signed {
		if err := s.authorize(r, c, caller, members); err != nil {
			return nil, err
		}
	}
	return s.run(r.Context(), c, members)
}

// Call runs an operation as root without HTTP: for a program that embeds the stage.
// In is what the request's members are made of by encoding/json, with AWS's member
// names; out, which may be nil, is filled from the result. A refusal is an *aws.Error.
// What it looks at is no line of the log.
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
	if !strings.HasPrefix(operation, "List") && !strings.HasPrefix(operation, "GetIdentityPool") && !strings.HasPrefix(operation, "Describe") {
		s.finish(c, nil)
	}
	return awsjson.Unmarshalled(operation, result, out)
}

func (s *Service) callAsRoot(ctx context.Context, c *call, in any) (any, error) {
	op, ok := operations[c.event.Operation]
	if !ok {
		return nil, awsjson.Unknown("identity pools have no operation of this name")
	}
	c.op = op
	members, err := awsjson.Marshalled(in)
	if err != nil {
		return nil, err
	}
	return s.run(ctx, c, members)
}

// authorize asks the account whether the caller may
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitoidentity.html).
func (s *Service) authorize(r *http.Request, c *call, caller iam.Principal, members awsjson.Object) error {
	resource := "*"
	if id, ok := members["IdentityPoolId"].(string); ok && c.op.onPool {
		resource = s.poolARN(id)
	} else if arn, ok := members["ResourceArn"].(string); ok && c.op.onARN {
		resource = arn
	}
	decision := s.cfg.Account.Decide(caller, iam.Request{
		Action: "cognito-identity:" + c.op.name, Resource: resource, Context: iam.OfHTTP(r),
	}, nil)
	c.event.Decisions = iam.Keep(c.event.Decisions, decision)
	if !decision.Allowed {
		return refuse(codeAccessDenied, decision.Message(), "")
	}
	return nil
}

func (s *Service) run(ctx context.Context, c *call, members awsjson.Object) (any, error) {
	if !s.opened {
		return nil, errors.New("the service is not open yet")
	}
	result, err := c.op.serve(s, ctx, c, members)
	if err != nil || c.op.noOutput {
		return nil, err
	}
	return result, nil
}

// finish writes the call's log line.
func (s *Service) finish(c *call, refusal *aws.Error) {
	if refusal != nil {
		c.event.Code, c.event.Message = refusal.Code, refusal.Message
		if refusal.Err != nil {
			c.event.Reason, c.event.Cause = refusal.Err.Error(), refusal.Err
		}
	}
	s.log(c.event)
}
