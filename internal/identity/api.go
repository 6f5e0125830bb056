package identity

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// TargetService is the part of X-Amz-Target before the dot, by which requests
// for identity pools are told from those for other services on the same origin.
const TargetService = "AWSCognitoIdentityService"

// call is one operation under way. It is an awsjson.Call.
type call struct {
	svc *Service
	op  *operation
	// caller is who signed, and ours says that it is the program itself, which nobody
	// asks for its permissions.
	caller iam.Principal
	ours   bool
	// event is what the log will say. Handlers fill in the pool and the identity
	// as soon as they know them.
	event Event
}

// ServeHTTP answers operations at / and the public keys of OpenID tokens at
// KeysPath.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		aws.SetDate(w, s.cfg.Now())
		s.serveKeys(w, r)
		return
	}
	c := &call{svc: s}
	s.protocol().Serve(w, r, c, &c.event.Outcome)
}

// Call runs an operation as root without HTTP: for a program that embeds the stage.
// In is what the request's members are made of by encoding/json, with AWS's member
// names; out, which may be nil, is filled from the result. A refusal is an *aws.Error.
func (s *Service) Call(ctx context.Context, operation string, in, out any) error {
	c := &call{svc: s, ours: true}
	return s.protocol().Do(ctx, operation, in, out, c, &c.event.Outcome)
}

func (s *Service) protocol() awsjson.Service {
	return awsjson.Service{Target: TargetService, Now: s.cfg.Now}
}

// Find takes up an operation.
func (c *call) Find(name string) (bool, error) {
	op, ok := operations[name]
	if !ok {
		return false, awsjson.Unknown("identity pools have no operation of this name")
	}
	c.op = op
	return op.auth == signed, nil
}

// Authenticate says who signed.
func (c *call) Authenticate(r *http.Request, body []byte) (err error) {
	c.caller, err = c.svc.cfg.Authenticate(r, body)
	c.event.Caller = c.caller.ARN
	return err
}

// Run runs the operation for a caller whose signature, if the operation needs one, was
// verified.
func (c *call) Run(ctx context.Context, members awsjson.Object) (any, error) {
	if !c.svc.opened {
		return nil, errors.New("the service is not open yet")
	}
	if c.op.auth == signed && !c.ours {
		if err := c.authorize(members); err != nil {
			return nil, err
		}
	}
	result, err := c.op.serve(c.svc, ctx, c, members)
	if err != nil || c.op.noOutput {
		return nil, err
	}
	return result, nil
}

// authorize asks the account whether the caller may
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitoidentity.html).
func (c *call) authorize(members awsjson.Object) error {
	resource := "*"
	if id, ok := members["IdentityPoolId"].(string); ok && c.op.onPool {
		resource = c.svc.poolARN(id)
	} else if arn, ok := members["ResourceArn"].(string); ok && c.op.onARN {
		resource = arn
	}
	decision := c.svc.cfg.Account.Decide(c.caller, iam.Request{
		Action: "cognito-identity:" + c.op.name, Resource: resource, Context: iam.OfHTTP(c.event.Request),
	}, nil)
	c.event.Decisions = iam.Keep(c.event.Decisions, decision)
	if !decision.Allowed {
		return refuse(codeAccessDenied, decision.Message(), "")
	}
	return nil
}

// Tell writes the call's log line. What the program itself looks at is none.
func (c *call) Tell(refusal *aws.Error) {
	if refusal == nil && c.ours && isLook(c.op.name) {
		return
	}
	c.svc.log(c.event)
}

// isLook says whether an operation changes nothing and gives nobody anything.
func isLook(operation string) bool {
	for _, prefix := range []string{"List", "GetIdentityPool", "Describe"} {
		if strings.HasPrefix(operation, prefix) {
			return true
		}
	}
	return false
}
