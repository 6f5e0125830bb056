package doorwright

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/cognito"
	"github.com/doorwright/doorwright/internal/identity"
	"github.com/doorwright/doorwright/internal/table"
	"github.com/doorwright/doorwright/internal/wire/awsjson"
	"github.com/doorwright/doorwright/internal/wire/awsquery"
)

// The signing names of services that run, and what begins the X-Amz-Target of
// every operation on user pools.
const (
	serviceCognitoIDP      = "cognito-idp"
	serviceCognitoIdentity = "cognito-identity"
	serviceSTS             = "sts"
	serviceDynamoDB        = "dynamodb"
	cognitoTarget          = cognito.TargetService + "."
)

// An awsService is one that runs at the AWS endpoint.
type awsService struct {
	// name is its signing name, as credential scopes have it.
	name string
	// title is what people call it; "" for one of Doorwright's own.
	title string
	// target begins the X-Amz-Target of its operations, if it has one.
	target  string
	handler http.Handler
}

// services are those that run.
func (a *App) services() []awsService {
	all := []awsService{
		{name: serviceCognitoIDP, title: "Cognito user pools", target: cognitoTarget, handler: a.pools},
		{name: serviceCognitoIdentity, title: "Cognito identity pools", target: identity.TargetService + ".", handler: a.identities},
		{name: serviceSTS, title: "STS", handler: a.sts},
		{name: serviceS3, title: "S3", handler: a.buckets},
		{name: controlService, target: controlTarget, handler: http.HandlerFunc(a.serveControl)},
	}
	if a.tables != nil {
		all = append(all, awsService{name: serviceDynamoDB, title: "DynamoDB", target: table.Target + ".", handler: a.tables})
	}
	return all
}

// awsEndpoint is the one address at which clients find every AWS service that
// is played, as AWS_ENDPOINT_URL has it.
func (a *App) awsEndpoint() http.Handler {
	services := a.services()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.survive(w, r)
		name := a.serviceOf(r, services)
		for _, s := range services {
			if s.name == name {
				s.handler.ServeHTTP(w, r)
				return
			}
		}
		a.unknownService(w, r, name, services)
	})
}

// serviceOf says which service a request is for, by its signing name, or what it
// names that is none. What says so is the X-Amz-Target; without one what it was
// signed for; and of a request that nobody has signed, its form.
func (a *App) serviceOf(r *http.Request, services []awsService) string {
	if isBucketHost(r.Host) {
		return serviceS3 // and no other: an origin of its own
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		for _, s := range services {
			if s.target != "" && strings.HasPrefix(target, s.target) {
				return s.name
			}
		}
		return target
	}
	if service := signedFor(r); service != "" {
		return service
	}
	switch {
	case a.isForBuckets(r):
		return serviceS3
	case isForm(r) || r.URL.Path == "/" && r.URL.Query().Has("Action"):
		return serviceSTS // AssumeRoleWithWebIdentity, above all
	case r.URL.Path == identity.KeysPath:
		return serviceCognitoIdentity
	case r.URL.Path == "/" && r.Method == http.MethodPost:
		return ""
	}
	return serviceCognitoIDP // a pool's documents, and preflights, which all services answer alike
}

// signedFor gives the service of the credential's scope, in the header or in the
// query of a presigned request: KEY/DATE/REGION/SERVICE/aws4_request. Whether the
// signature is good the service itself asks.
func signedFor(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		_, credential, _ = strings.Cut(authorization, "Credential=")
		credential, _, _ = strings.Cut(credential, ",")
	}
	part := strings.Split(strings.TrimSpace(credential), "/")
	if len(part) != 5 {
		return ""
	}
	return part[3]
}

// isForm says whether a request is of the AWS query protocol.
func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/x-www-form-urlencoded" && r.URL.Path == "/"
}

// survive answers 500 for a service that panicked, tells of it, and lets the
// others go on. A service writes its answer last and whole, so none has begun.
func (a *App) survive(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { // an answer that had begun is cut off
		panic(p)
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
func (a *App) unknownService(w http.ResponseWriter, r *http.Request, name string, services []awsService) {
	what := "a request that does not say which service it is for"
	if name != "" {
		what = fmt.Sprintf("%.100q", name)
	}
	var running []string
	for _, s := range services {
		if s.title != "" {
			running = append(running, s.title+" ("+s.name+")")
		}
	}
	a.observe(Event{Kind: KindWarning, Source: "AWS endpoint", Text: what + " was refused: of the AWS services these run locally in this version: " + strings.Join(running, ", ")})
	if isForm(r) {
		_ = awsquery.WriteError(w, aws.NewRequestID(), "", &aws.Error{Code: "InvalidAction", Message: "The action or operation requested is invalid.", Status: http.StatusBadRequest})
		return
	}
	_ = awsjson.WriteError(w, aws.NewRequestID(), &aws.Error{
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
	want := portRequest{preferred: preferred + a.portShift}
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
