package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

// maxBody is the quota of a request's payload, "10 MB", read as MiB, as
// Lambda's "6 MB" is; maxEvent is Lambda's.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	maxBody  = 10 << 20
	maxEvent = 6 << 20
)

// invoke runs the route's function and answers with its reply.
func (x *exchange) invoke(d authorizer.Decision) {
	x.reach(AtEvent)
	body, ok := x.takeBody()
	if !ok {
		return
	}
	event := x.buildEvent(d, body)
	if len(event) > maxEvent {
		x.refuse(tooLarge, tooLargeReason("body", "6 MB", errEventTooLarge))
		return
	}
	ctx, cancel := context.WithTimeout(x.invokes(x.r.Context(), event), x.match.timeout)
	defer cancel()
	if x.dry {
		return
	}
	x.reach(AtInvocation)
	reply, functionError, err := x.g.config.Invoker.Invoke(ctx, x.match.function, event)
	x.reach(AtReply)
	x.invoked(reply, functionError, err)
	if err != nil {
		x.refuseInvocation(ctx, err)
		return
	}
	if functionError != "" {
		x.refuse(internalError, x.failedFunction(functionError, reply))
		return
	}
	parse := apigw.ParseReplyV2
	if x.match.payloadV1 {
		parse = apigw.ParseReplyV1
	}
	answer, err := parse(reply)
	if err != nil {
		x.refuse(internalError, x.failedReply(err))
		return
	}
	x.reply(answer)
}

// refuseInvocation answers for an error of the service: 503 for a time-out and
// for throttling, 500 for the rest. Observed.
func (x *exchange) refuseInvocation(ctx context.Context, err error) {
	var coded *aws.Error
	switch {
	case x.r.Context().Err() != nil:
		x.refuse(serviceUnavailable, fmt.Errorf("the client went away: %w", err))
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		x.refuse(serviceUnavailable, x.failedTimeout())
	case errors.As(err, &coded) && coded.Status == http.StatusTooManyRequests:
		x.refuse(serviceUnavailable, x.failedThrottled(fmt.Errorf("the function is throttled: %w", err)))
	default:
		x.refuse(internalError, x.failedInvocation(err))
	}
}

// takeBody gives the whole body, and answers a request whose body is too large or
// cannot be read.
func (x *exchange) takeBody() ([]byte, bool) {
	if x.bodyRead {
		return x.body, true
	}
	most := maxEvent
	if x.match.endpoint != nil && x.match.upstream != nil {
		most = maxBody
	}
	body, err := x.readBody(most)
	isREST, tooMuch := x.g.rest != nil, errors.Is(err, errBodyTooLarge) || errors.Is(err, errEventTooLarge)
	switch {
	case err == nil:
		x.body, x.bodyRead, x.logged.received = body, true, int64(len(body))
		return body, true
	case isREST && tooMuch:
		x.fail(requestTooLarge, tooLargeReason("body", bodyLimit(err), err))
	case isREST:
		x.fail(badBody, unreadableBody(err))
	case tooMuch:
		x.refuse(tooLarge, tooLargeReason("body", bodyLimit(err), err))
	default:
		x.refuse(badRequest, unreadableBody(err))
	}
	return nil, false
}

// readBody reads the whole body: Lambda takes no streams. Of a body that is longer
// than what can be used nothing is kept; its end is looked for all the same, so
// that its sender sees the answer.
func (x *exchange) readBody(most int) ([]byte, error) {
	r := x.r
	if r.ContentLength > maxBody {
		return nil, errBodyTooLarge
	}
	if r.ContentLength == 0 || r.Body == nil {
		return nil, nil
	}
	// A length that the client has announced and not yet sent gets no more
	// than a little memory.
	size := 4 << 10
	if r.ContentLength > 0 {
		size = int(min(r.ContentLength, 64<<10))
	}
	body := make([]byte, 0, size+1) // one more, to see the end without growing
	limited := &io.LimitedReader{R: r.Body, N: maxBody + 1}
	for {
		n, err := limited.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if len(body) > most {
			return nil, discard(limited)
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// discard reads what is left of a body that is too large and says of which
// limit.
func discard(limited *io.LimitedReader) error {
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return err
	}
	if limited.N <= 0 {
		return errBodyTooLarge
	}
	return errEventTooLarge
}

// errorOf gives what a function has failed with, in a line: the error's type and message
// of what runtimes reply, without the trace, which is in the function's log.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (InvocationError)
func errorOf(reply []byte) string {
	var failed struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(reply, &failed) != nil || failed.ErrorMessage == "" {
		return excerpt(reply)
	}
	if failed.ErrorType == "" {
		return excerpt([]byte(failed.ErrorMessage))
	}
	return excerpt([]byte(failed.ErrorType + ": " + failed.ErrorMessage))
}

// excerpt shortens a function's error for the log.
func excerpt(reply []byte) string {
	const limit = 1024
	if len(reply) > limit {
		return string(reply[:limit]) + "..."
	}
	return string(reply)
}
