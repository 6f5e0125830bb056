package doorwright

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
)

// cognitoTarget begins the X-Amz-Target of every operation on user pools.
const cognitoTarget = "AWSCognitoIdentityProviderService."

// awsEndpoint is the one address at which clients find every AWS service that
// is played, as AWS_ENDPOINT_URL has it. The service is told by X-Amz-Target;
// a pool's discovery document and keys are below its issuer's path.
func (a *App) awsEndpoint() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.survive(w, r)
		target := r.Header.Get("X-Amz-Target")
		if r.Method == http.MethodPost && r.URL.Path == "/" && (target == tokenTarget || target == secretTarget) {
			a.serveControl(w, r, target)
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/" && !strings.HasPrefix(target, cognitoTarget) {
			a.unknownService(w, r, target)
			return
		}
		a.pools.ServeHTTP(w, r)
	})
}

// survive answers 500 for a service that panicked, tells of it, and lets the
// others go on. A service writes its answer last and whole, so none has begun.
func (a *App) survive(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	a.observe(Event{Kind: KindError, Source: "AWS endpoint", Text: internalError(
		fmt.Sprintf("%.100q: %v", r.Header.Get("X-Amz-Target")+r.URL.Path, p), string(debug.Stack()))})
	awsjson.WriteError(w, aws.NewRequestID(), &aws.Error{
		Code: "InternalErrorException", Message: "Internal error", Status: http.StatusInternalServerError,
	})
}

// surviving is survive around a handler.
func (a *App) surviving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.survive(w, r)
		h.ServeHTTP(w, r)
	})
}

// unknownService refuses an operation of a service that is not played, and
// says so on the terminal: a silent success would be a lie.
func (a *App) unknownService(w http.ResponseWriter, r *http.Request, target string) {
	what := "a request without X-Amz-Target, as S3 and STS get them"
	if target != "" {
		what = fmt.Sprintf("%.100q", target)
	}
	a.observe(Event{Kind: KindWarning, Source: "AWS endpoint", Text: what + " was refused: of the AWS services only Cognito user pools (cognito-idp) run locally in this version"})
	awsjson.WriteError(w, aws.NewRequestID(), &aws.Error{
		Code: "UnknownOperationException", Message: "", Status: http.StatusBadRequest,
	})
}

// bindEndpoint binds the AWS endpoint and the port that issuers carry.
func (a *App) bindEndpoint(ctx context.Context) (err error) {
	a.endpoint, err = a.bind(ctx, "the AWS endpoint", "endpoint", endpointPort, 0)
	return err
}

// bind listens on the port that the stage remembers under key, or on the
// preferred one or the next free; fixed is the port that the declaration
// names, or 0.
func (a *App) bind(ctx context.Context, name, key string, preferred, fixed int) (*loopback, error) {
	if a.cfg.AnyPort {
		return bind(ctx, name, portRequest{})
	}
	if fixed != 0 {
		return bind(ctx, name, portRequest{preferred: fixed, fixed: true})
	}
	remembered, err := a.recallPort(ctx, key)
	if err != nil {
		return nil, err
	}
	want := portRequest{preferred: preferred}
	if remembered != 0 {
		want.preferred = remembered
	}
	l, err := bind(ctx, name, want)
	if err != nil || l.port == remembered {
		return l, err
	}
	if remembered != 0 {
		a.observe(Event{Kind: KindWarning, Text: fmt.Sprintf("port %d, where %s was last, is in use; it is at %d from now on", remembered, name, l.port)})
	}
	if err := a.rememberPort(ctx, key, l.port); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}
