package awsjson

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Service is what every service of the protocol does around its operations, in the one
// order: the operation is found, the body read, who signed it authenticated; only then is
// the body looked at, and the operation run.
type Service struct {
	// Target is the part of X-Amz-Target before the dot.
	Target string
	// Now is the service's clock.
	Now func() time.Time
}

// Call is one operation under way, as its service keeps it.
type Call interface {
	// Find takes up the operation of a name, and says whether its requests are signed.
	// If there is none, the error is the refusal.
	Find(operation string) (signed bool, err error)
	// Authenticate verifies who signed the request, and is asked before its body is
	// looked at.
	Authenticate(r *http.Request, body []byte) error
	// Run runs the operation, if its caller may. Its result is nil for an operation
	// whose model has no output.
	Run(ctx context.Context, members Object) (any, error)
	// Tell tells the log of the outcome, which is noted; refusal is nil for a success.
	Tell(refusal *aws.Error)
}

// Serve answers a request with what its operation comes to, of which o, a part of the
// call, has the account.
func (s Service) Serve(w http.ResponseWriter, r *http.Request, c Call, o *aws.Outcome) {
	*o = aws.Begin(r, "?", s.Now())
	aws.SetDate(w, o.Time)
	if r.Method == http.MethodOptions {
		WritePreflight(w, r, o.RequestID)
		return
	}
	body, err := s.answer(w, r, c, o)
	refusal := s.end(err, o)
	c.Tell(refusal)
	// What fails from here on is that the client went away.
	if refusal != nil {
		_ = WriteError(w, o.RequestID, refusal)
		return
	}
	_ = WriteResult(w, o.RequestID, body)
}

// answer gives the body of the answer to a request.
func (s Service) answer(w http.ResponseWriter, r *http.Request, c Call, o *aws.Outcome) ([]byte, error) {
	name, err := Operation(w, r, s.Target)
	if err != nil {
		return nil, err
	}
	o.Operation = name
	signed, err := c.Find(name)
	if err != nil {
		return nil, err
	}
	body, err := ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	if signed {
		if err := c.Authenticate(r, body); err != nil {
			var coded *aws.Error
			if !errors.As(err, &coded) {
				err = fmt.Errorf("authenticating the request: %w", err)
			}
			return nil, err
		}
	}
	members, err := Parse(body)
	if err != nil {
		return nil, err
	}
	result, err := c.Run(r.Context(), members)
	if err != nil {
		return nil, err
	}
	return EncodeResult(result)
}

// end notes what a call came to, and gives the refusal, if it is one.
func (s Service) end(err error, o *aws.Outcome) *aws.Error {
	o.End(s.Now())
	if err == nil {
		return nil
	}
	refusal := Refusal(err)
	o.Refuse(refusal)
	return refusal
}

// Do runs an operation without the wire: nobody is authenticated, so that c must know by
// itself whose it is. In is what the members are made of by encoding/json, and out, which
// may be nil, is filled from the result. A refusal is an *aws.Error.
func (s Service) Do(ctx context.Context, operation string, in, out any, c Call, o *aws.Outcome) error {
	*o = aws.Begin(nil, operation, s.Now())
	result, err := run(ctx, operation, in, c)
	refusal := s.end(err, o)
	c.Tell(refusal)
	if refusal != nil {
		return refusal
	}
	return Unmarshalled(operation, result, out)
}

func run(ctx context.Context, operation string, in any, c Call) (any, error) {
	if _, err := c.Find(operation); err != nil {
		return nil, err
	}
	members, err := Marshalled(in)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, members)
}
