package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
)

// The codes of the reasons for which the gateway refuses by itself, before the
// authorizer is asked or after it has let the request in.
const (
	CodeNoRoute           = "NoRoute"           // no route matches
	CodeAmbiguousPath     = "AmbiguousPath"     // a later reader may read another path
	CodeNoStage           = "NoStage"           // the path does not begin with the stage
	CodeBadQuery          = "BadQuery"          // the query has what API Gateway does not take
	CodePreflightGuarded  = "PreflightGuarded"  // a preflight met an authorizer
	CodeOriginNotAllowed  = "OriginNotAllowed"  // cors does not name the origin
	CodeMethodNotAllowed  = "MethodNotAllowed"  // cors does not name the method
	CodeHeadersNotAllowed = "HeadersNotAllowed" // cors does not name a header
	CodeMethodARNTooLong  = "MethodARNTooLong"  // the path makes the method's ARN too long
	CodeNoDecision        = "NoDecision"        // the authorizer neither allowed nor refused
	CodeNoAPIKey          = "NoAPIKey"          // the route requires an API key
	CodeUnknownAPIKey     = "UnknownAPIKey"     // there is no such key
	CodeNoUsagePlan       = "NoUsagePlan"       // the key is in none
	CodeThrottled         = "Throttled"         // a rate is exceeded
	CodeQuotaExceeded     = "QuotaExceeded"     // a quota is
	CodeMissingParameters = "MissingParameters" // the request validator wants more
	CodeTooLarge          = "TooLarge"          // the head, the body or the event is
	CodeBadBody           = "BadBody"           // the body cannot be read
	CodeIntegrationFailed = "IntegrationFailed" // what the route leads to has failed
)

// A refused is a cause with its reason: the error's text is the reason's.
type refused struct {
	authorizer.Reason
	err error // may be nil
}

func (r *refused) Error() string { return r.Text }
func (r *refused) Unwrap() error { return r.err }

// because gives a cause for which the gateway refuses.
func because(r authorizer.Reason) error { return &refused{Reason: r} }

// reasonOf gives the reason of a cause, or nil.
func reasonOf(cause error) *authorizer.Reason {
	var r *refused
	if errors.As(cause, &r) {
		return &r.Reason
	}
	return nil
}

// declared gives the path of something in the declaration of the API.
func (c *Config) declared(keys ...string) string {
	return authorizer.Declared(c.Declared, keys...)
}

// failedBehind explains what went wrong behind the gateway, which nobody who calls
// can change: what came instead of an answer, and what to do about it.
func (x *exchange) failedBehind(got, todo string, err error) error {
	r := authorizer.Reason{Code: CodeIntegrationFailed, Text: err.Error(), Hint: "the caller was let in; " + todo}
	if u := x.match.upstream; u != nil {
		name := u.scheme + "://" + u.host
		r.Facts = []authorizer.Fact{{Name: "answer of " + authorizer.ShortQuote(name), Want: "a status from 200 to 599", Got: got}}
		r.Change = &authorizer.Change{Where: authorizer.InFunction, Name: name, Value: "an answer"}
		return &refused{r, err}
	}
	r.Facts = []authorizer.Fact{{Name: "reply of the function", Want: usableReply, Got: got}}
	r.Change = &authorizer.Change{Where: authorizer.InFunction, Name: x.match.function, Value: usableReply}
	return &refused{r, err}
}

const usableReply = `{"statusCode":200,"body":""}`

// failedInvocation explains an error of the service that runs functions.
func (x *exchange) failedInvocation(err error) error {
	return x.failedBehind("none: it was not invoked", "see that the function is there, builds and may run", err)
}

func (x *exchange) failedThrottled(err error) error {
	return x.failedBehind("none: it was not invoked", "the function runs as often as its concurrency lets it: ask again, or raise that", err)
}

func (x *exchange) failedFunction(kind string, reply []byte) error {
	return x.failedBehind("an error", "the function has failed, and its log says why", fmt.Errorf("function error (%s): %s", kind, errorOf(reply)))
}

func (x *exchange) failedReply(err error) error {
	return x.failedBehind("one that is none", "let the function return such as "+usableReply, err)
}

func (x *exchange) failedTimeout() error {
	return x.failedBehind("none in time", "let it answer within "+x.match.timeout.String()+", or see what it waits for",
		fmt.Errorf("the integration timed out after %s", x.match.timeout))
}

// tooLargeReason explains a refusal for the size of something.
func tooLargeReason(name, limit string, err error) error {
	return &refused{authorizer.Reason{
		Code: CodeTooLarge, Text: err.Error(),
		Facts:  []authorizer.Fact{{Name: name, Want: "at most " + limit, Got: "more"}},
		Hint:   "send less: " + limit + " at most, or let the client put it into a bucket",
		Change: &authorizer.Change{Where: authorizer.InRequest, Name: name, Value: "at most " + limit},
	}, err}
}

// methodARNTooLong refuses a request whose path is too long for an authorizer.
func methodARNTooLong(arn string) authorizer.Decision {
	return authorizer.Decision{Status: http.StatusRequestURITooLong, Reasons: []authorizer.Reason{{
		Code: CodeMethodARNTooLong, Text: "the method's ARN, which has the path in it, is longer than 1,600 bytes",
		Facts:  []authorizer.Fact{{Name: "method ARN", Want: "at most 1600 bytes", Got: strconv.Itoa(len(arn)) + " bytes"}},
		Hint:   fmt.Sprintf("make the path %d bytes shorter, or send what is long in the body", len(arn)-maxMethodARN),
		Change: &authorizer.Change{Where: authorizer.InRequest, Name: "path", Value: fmt.Sprintf("%d bytes shorter", len(arn)-maxMethodARN)},
	}}}
}

// noDecision explains an authorizer that neither allows nor refuses.
func noDecision(name string) error {
	return because(authorizer.Reason{
		Code: CodeNoDecision, Text: fmt.Sprintf("authorizer %q gave no decision", name),
		Facts:  []authorizer.Fact{{Name: "decision", Want: "a status of 401 or 403, or a yes", Got: "neither"}},
		Hint:   "this is a fault of the authorizer " + name + ", not of the request",
		Change: &authorizer.Change{Where: authorizer.InFunction, Name: name, Value: "a decision"},
	})
}

// badQueryReason explains the one character that API Gateway does not take.
func badQueryReason() error {
	return because(authorizer.Reason{
		Code: CodeBadQuery, Text: "the query has a |, which must be percent-encoded (api-gateway-known-issues)",
		Facts:  []authorizer.Fact{{Name: "query", Want: "no |", Got: "a |"}},
		Hint:   "write %7C for |",
		Change: &authorizer.Change{Where: authorizer.InRequest, Name: "query", Value: "%7C for |"},
	})
}

// missingReason explains what a request validator wants. Its Change is the first
// of what is missing.
func missingReason(r required, names []string) error {
	reason := authorizer.Reason{Code: CodeMissingParameters, Text: "the request lacks " + strings.Join(names, ", ")}
	var send []string
	missing := map[string]bool{}
	for _, n := range names {
		missing[n] = true
	}
	note := func(where authorizer.Where, kind, name string) {
		f := authorizer.Fact{Name: kind + " " + name, Want: "a value", Match: !missing[name]}
		if f.Got = "none"; f.Match {
			f.Got = "one"
		}
		reason.Facts = append(reason.Facts, f)
		if f.Match {
			return
		}
		send = append(send, "the "+kind+" "+name)
		if reason.Change == nil {
			reason.Change = &authorizer.Change{Where: where, Name: name, Value: "VALUE"}
		}
	}
	for _, h := range r.headers {
		note(authorizer.InHeader, "header", h)
	}
	for _, q := range r.query {
		note(authorizer.InQuery, "query parameter", q)
	}
	reason.Hint = "send " + strings.Join(send, " and ") + ": the route's requestParameters ask for it"
	return because(reason)
}

// shownPath gives a path for people: escaped, short, and without what may be a
// token.
func shownPath(path string) string {
	path = RedactedPath((&url.URL{Path: path}).EscapedPath())
	const most = 120
	if len(path) > most {
		return path[:most] + "..."
	}
	return path
}

// bodyLimit says which limit a body is over.
func bodyLimit(err error) string {
	if errors.Is(err, errEventTooLarge) {
		return "6 MB"
	}
	return "10 MB"
}

// unreadableBody explains a body that does not come as its header says.
func unreadableBody(err error) error {
	return &refused{authorizer.Reason{
		Code: CodeBadBody, Text: "reading the request body: " + err.Error(),
		Facts:  []authorizer.Fact{{Name: "body", Want: "as long as Content-Length says, or in chunks", Got: "neither"}},
		Hint:   "send the whole body, with its Content-Length",
		Change: &authorizer.Change{Where: authorizer.InRequest, Name: "body", Value: "whole, with its Content-Length"},
	}, err}
}
