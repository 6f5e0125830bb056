package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

// None is the authorizer of an open route. A route without an authorizer is a
// mistake: open is something that one says.
const None = "none"

// DefaultStage is the stage that adds nothing to the path.
const DefaultStage = "$default"

// An Authorizer decides whether a request may go on to a route that asks for
// these scopes. It must not read the body.
type Authorizer interface {
	Authorize(r *http.Request, scopes []string) authorizer.Decision
}

// A FunctionAuthorizer is an Authorizer that has to see more of a request than
// its header: its Decide is asked in the place of Authorize.
type FunctionAuthorizer interface {
	Authorizer
	// Format is the format of the events that a Question gives.
	Format() authorizer.Format
	// QueryParameters are those that logs leave out.
	QueryParameters() []string
	Decide(*authorizer.Question) authorizer.Decision
}

// A SignedAuthorizer is an Authorizer of signed requests, which has to see a
// request as it was received, and its body: its DecideSigned is asked in the
// place of Authorize.
type SignedAuthorizer interface {
	Authorizer
	// DecideSigned gets the API's own policy, or nil.
	DecideSigned(q *authorizer.Question, body []byte, policy *iam.Policy) authorizer.Decision
	// Check says what is wrong with a signature, or nothing.
	Check(r *http.Request, body []byte) (*sigv4.Error, error)
}

// An Invoker runs functions.
type Invoker interface {
	// Invoke runs a function on an event and gives its reply.
	//
	// functionError is empty, or "Unhandled" or "Handled" as in Lambda's
	// X-Amz-Function-Error; the reply then holds the error's JSON. err is set
	// only for errors of the service: an *aws.Error with status 429 when
	// throttled, the context's error when ctx ended, or another *aws.Error when
	// there is nothing to invoke. The end of ctx ends the wait for the reply.
	Invoke(ctx context.Context, function string, event []byte) (reply []byte, functionError string, err error)
}

// A Config is one stage of one HTTP or REST API.
type Config struct {
	// REST is what a REST API has that an HTTP API has not. Nil means an HTTP API.
	REST *REST
	// ID is the API's id, as in requestContext.apiId. Required.
	ID string
	// Declared is where the declaration has the API, such as "apis.Api": advice
	// begins with it. Empty means that advice names keys of the API's own.
	Declared string
	// AccountID is the account. Empty means aws.AccountID.
	AccountID string
	// Region is in the ARNs that policies name. Empty means us-east-1.
	Region string
	// Stage is the stage's name: "$default", which is also meant by empty, or
	// a name, which is then the first segment of every path. A REST API's is
	// a name always.
	Stage string
	// StageVariables are the stage variables of the event.
	StageVariables map[string]string
	// DomainName is requestContext.domainName, such as "localhost:3100". It is
	// never taken from a request. Required.
	DomainName string
	// Routes are the routes. At least one.
	Routes []Route
	// Authorizers are the authorizers that routes name.
	Authorizers map[string]Authorizer
	// CORS is nil if the API has no CORS configuration. On a REST API it stands
	// for OPTIONS methods that answer preflights, and for nothing else: its
	// functions write their own headers. See rest_cors.go.
	CORS *CORS
	// Invoker runs functions. Required if a route has one.
	Invoker Invoker
	// Foreign says of a cookie that it is no matter of the API's, and would not
	// come to it on AWS. Nil means that none is.
	Foreign func(cookie string) bool
	// Transport forwards to upstreams. Nil means NewTransport().
	Transport http.RoundTripper
	// Log is told of each request when it is answered, from the request's own
	// goroutine. Nil means nobody is.
	Log func(Entry)
	// Trace has each Entry come with its Trace.
	Trace bool
	// AccessLog has a line of each request written. Nil means that none is.
	AccessLog *AccessLog
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// A Route is one route and its integration: a function or a URL.
type Route struct {
	// Key is the route key: "GET /unicorns/{id}", "ANY /{proxy+}", "$default".
	// A REST API has no "$default".
	Key string
	// Authorizer is the name of one in Config.Authorizers, or None.
	Authorizer string
	// Scopes are the scopes of which a token must have at least one.
	Scopes []string
	// Function is the name that Invoke gets.
	Function string
	// URL is an HTTP upstream. See upstream.go for what becomes of the path.
	URL string
	// PayloadFormatVersion is "2.0", which is also meant by empty, or "1.0". A
	// REST API has one format and takes neither.
	PayloadFormatVersion string
	// Timeout is the integration's time-out, from 50 ms to 30 s, or to 29 s for
	// a REST API. Zero means the longest.
	Timeout time.Duration
	// Inspected says that a person stops the function in a debugger: the gateway waits.
	Inspected bool
	// RequestParameters are what a request to a REST API must have:
	// "method.request.header.NAME", "method.request.querystring.NAME".
	RequestParameters []string
	// APIKeyRequired asks a request to a REST API for an API key.
	APIKeyRequired bool
	// Throttle bounds the route of a REST API, in the place of REST.Throttle.
	Throttle *Throttle
}

// CORS is the CORS configuration of an API.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
type CORS struct {
	// AllowOrigins lists origins, or "*", "https://*", "http://*".
	AllowOrigins []string
	// AllowMethods, AllowHeaders and ExposeHeaders are sent as they are here.
	AllowMethods  []string
	AllowHeaders  []string
	ExposeHeaders []string
	// MaxAge is how long a preflight may be remembered, in whole seconds. Zero
	// means that nothing is said of it.
	MaxAge time.Duration
	// AllowCredentials lets requests carry cookies. Not together with the
	// origin "*".
	AllowCredentials bool
}
