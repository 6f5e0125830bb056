package aws

import "context"

type requestIDKey struct{}

// WithRequestID has the next call of a service that is made with the context go by this
// request id, so that who calls knows it: a function's log lines have it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDFrom gives the request id of WithRequestID, or a new one.
func RequestIDFrom(ctx context.Context) string {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		return id
	}
	return NewRequestID()
}
