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

// call is one operation under way. It is an awsjson.Call.
type call struct {
	svc *Service
	op  *operation
	// caller is who signed; nobody, who may do nothing, for an operation that carries its
	// own proof.
	caller Principal
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
	if r.URL.Path != "/" {
		aws.SetDate(w, s.cfg.Now())
		s.serveWellKnown(w, r)
		return
	}
	c := &call{svc: s}
	s.protocol().Serve(w, r, c, &c.event.Outcome)
}

// Call runs an operation as root without HTTP: for a program that embeds the
// stage. In is what the request's members are made of by encoding/json, with
// AWS's member names; out, which may be nil, is filled from the result. A
// refusal is an *aws.Error.
func (s *Service) Call(ctx context.Context, operation string, in, out any) error {
	c := &call{svc: s, caller: Principal{Root: true}}
	return s.protocol().Do(ctx, operation, in, out, c, &c.event.Outcome)
}

func (s *Service) protocol() awsjson.Service {
	return awsjson.Service{Target: TargetService, Now: s.cfg.Now}
}

// Find takes up an operation.
func (c *call) Find(name string) (bool, error) {
	op, ok := operations[name]
	if !ok {
		return false, awsjson.Unknown("user pools have no operation of this name")
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
	if c.op.auth == signed && !c.caller.Root {
		if err := c.authorize(members); err != nil {
			return nil, err
		}
	}
	if c.op.serve == nil {
		return nil, refuse(codeUnsupportedOperation,
			fmt.Sprintf("%s is an operation of Amazon Cognito that Doorwright does not emulate.", c.op.name),
			"not emulated; see COMPAT.md")
	}
	result, err := c.op.serve(c.svc, withCall(ctx, c, members), c, members)
	if err != nil {
		return nil, c.svc.gone(c, err)
	}
	if c.op.noOutput {
		return nil, nil
	}
	return result, nil
}

// tagOperations name what they are about by its ARN, and accountOperations are about no
// pool. Every other operation has the pool in UserPoolId. What is beside the member that
// counts says nothing: who may do everything with one pool could name it there.
var (
	tagOperations     = []string{"TagResource", "UntagResource", "ListTagsForResource"}
	accountOperations = []string{"CreateUserPool", "ListUserPools", "DescribeUserPoolDomain"}
)

// authorize asks IAM whether a caller may run an operation
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html).
func (c *call) authorize(members awsjson.Object) error {
	operation, resource := c.op.name, "*"
	if slices.Contains(tagOperations, operation) {
		if arn, ok := members["ResourceArn"].(string); ok {
			resource = arn
		}
	} else if id, ok := members["UserPoolId"].(string); ok && !slices.Contains(accountOperations, operation) {
		resource = c.svc.poolARN(id)
	}
	if c.caller.Authorize == nil {
		return errors.New("there is nobody to ask about permissions")
	}
	d, err := c.caller.Authorize("cognito-idp:"+operation, resource)
	c.event.Decisions = iam.Keep(c.event.Decisions, d)
	if err == nil {
		return nil
	}
	return &aws.Error{Code: codeAccessDenied, Message: err.Error(), Status: http.StatusBadRequest, Err: errors.Unwrap(err)}
}

// Tell writes the call's log line. Who administers the stage by hand looks often: that is
// no line of the log.
func (c *call) Tell(refusal *aws.Error) {
	if refusal != nil {
		c.event.Fix = fixOf(refusal.Err)
	}
	if refusal == nil && c.event.Request == nil && isLook(c.op.name) {
		return
	}
	c.svc.log(c.event)
}

// fixOf gives what an error says about its fix, or "".
func fixOf(err error) string {
	var mendable interface{ Hint() string }
	if errors.As(err, &mendable) {
		return mendable.Hint()
	}
	return ""
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
