package gateway

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/apigw"
	"github.com/doorwright/doorwright/verify"
)

// A Trace is what an Entry does not tell of how a request was decided. It is made
// if Config.Trace asks for it, or Config.AccessLog needs it. What it holds is bounded, and holds no token, signature,
// code, key or password. One that Config.Log is given is the request's own until Log
// returns, and the next request's then: CopyTo keeps it.
type Trace struct {
	// At is the last step that the request came to: the one that refused it, if
	// any did.
	At Step
	// Took says how long each step took. One that was not reached took nothing.
	Took [steps]time.Duration

	// Claims are those of the token that was verified, though it may lack what the
	// route asks for, and Scopes its scopes if
	// the route asks for any.
	Claims verify.Claims
	Scopes []string
	// Signer is who has signed the request; nil unless the IAM authorizer allowed.
	Signer *apigw.Signer
	// Cached says that the authorizer had the answer already: a token seen
	// before, or a function's answer that is kept.
	Cached bool

	// Authorizer is the invocation of an authorizer function, and Function that of
	// the route's, which a dry run does not have. The zero value is one that did not
	// take place.
	Authorizer, Function Invocation

	// APIKey and UsagePlan are the names of the key that was sent and of its plan.
	APIKey, UsagePlan string
	// Response is the type of the gateway response that a REST API has answered
	// with, such as UNAUTHORIZED, and Configured says that the API declares it.
	Response   string
	Configured bool
	// Signed is the canonical request that should have been signed, where another
	// was; without a session token.
	Signed string

	// Policies are those that were asked, in their order.
	Policies []Asked

	g     *Gateway
	route *endpoint     // nil if none matched
	size  int           // of what it refers to, but for the invocations
	began time.Time     // by the machine's clock
	last  time.Duration // when the step before ended, since then
}

// Asked is a policy, or all policies of who has signed, that decided on a request.
type Asked struct {
	// Name is whose it is: "resourcePolicy", "policy of the authorizer" or "policies of
	// the caller".
	Name     string
	policy   *iam.Policy
	question *authorizer.Question
	evidence *iam.Evidence
}

// Considered tells of the statements that were looked at.
func (a *Asked) Considered() []iam.Considered {
	if a.evidence != nil {
		return a.evidence.Considered()
	}
	return a.question.Consider(a.policy)
}

// Denied gives what the policies of who has signed said, if they refused; or nil.
func (t *Trace) Denied() *iam.Evidence {
	for i := range t.Policies {
		if e := t.Policies[i].evidence; e != nil && !e.Allowed {
			return e
		}
	}
	return nil
}

// An Invocation is what is told of the invocation of a function.
type Invocation struct {
	// ID is its own request id, which is on the function's log lines; empty if the
	// function was not invoked.
	ID, Function string
	// Event and Reply are the beginning of each, with what is secret left out. They are
	// in the exchange's texts, or where CopyTo has put them.
	Event, Reply []byte
	// EventSize and ReplySize are the sizes of the whole.
	EventSize, ReplySize int
	// Error says what kept the function from answering, or that it failed.
	Error    string
	Duration time.Duration
}

// raw is what is told of when the request is over, with its secrets: until then it is
// the exchange's.
type raw struct {
	authorizer authorizer.Invocation
	function   authorizer.Invocation
}

// A Step is one of the things that a request goes through.
type Step uint8

// The steps, in their order. Some are of REST APIs alone.
const (
	AtRequest    Step = iota // the size of its head
	AtStage                  // REST: the path begins with the stage
	AtRoute                  // method and path
	AtPreflight              // CORS
	AtPolicy                 // REST: the API's own policy
	AtAuthorizer             // the route's authorizer
	AtAPIKey                 // REST: an API key
	AtLimits                 // REST: throttles and quotas
	AtValidator              // REST: required parameters
	AtEvent                  // the body is read and the event made of it
	AtInvocation             // the function or the upstream is asked
	AtReply                  // what it gave is made the answer
	steps
)

// reach notes that a step is over and the next begun.
func (x *exchange) reach(s Step) {
	t := x.entry.Trace
	if t == nil {
		return
	}
	now := time.Since(t.began)
	t.Took[t.At] += now - t.last
	t.At, t.last = s, now
}

// decided keeps what the authorizer has found.
func (x *exchange) decided(d *authorizer.Decision) {
	t := x.entry.Trace
	if t == nil {
		return
	}
	t.Claims, t.Scopes, t.Signer, t.Cached = d.Claims, d.Scopes, d.Signer, d.Cached
	lacks := d.Lacking != (verify.Claims{})
	if lacks {
		t.Claims = d.Lacking
	}
	if lacks || d.Allow && d.Caller == nil && d.Signer == nil {
		t.size += 4 * x.headSize // the claims, which have come in it
	}
	decided := d.Granted
	if decided == nil {
		decided = d.Denied
	}
	if decided != nil {
		if e := decided.Evidence(); e != nil {
			e.Resource = x.withoutSegments(e.Resource, "*")
			t.Policies = append(t.Policies, Asked{Name: "policies of the caller", evidence: e})
			t.size += e.Size()
		}
	}
	if d.Policy != nil {
		x.asked("policy of the authorizer", d.Policy, x.question(""), x.raw.authorizer.PolicySize)
	}
	if d.Signature != nil {
		t.Signed = string(RedactNamed([]byte(d.Signature.CanonicalRequest), x.g.secretNames, x.secrets(nil)...))
	}
}

// invokes gives the context of the function's invocation, by which it has an id of ours.
func (x *exchange) invokes(ctx context.Context, event []byte) context.Context {
	t := x.entry.Trace
	if t == nil {
		return ctx
	}
	x.raw.function.Event = event
	if x.dry {
		return ctx
	}
	id := aws.NewRequestID()
	x.raw.function.ID = id
	return aws.WithRequestID(ctx, id)
}

// functionFailed begins the Error of an Invocation whose function has failed.
const functionFailed = "function error"

// invoked keeps what has become of the function's invocation.
func (x *exchange) invoked(reply []byte, functionError string, err error) {
	if x.entry.Trace == nil {
		return
	}
	f := &x.raw.function
	f.Reply = reply
	switch {
	case err != nil:
		f.Error = err.Error()
	case functionError != "":
		f.Error = functionFailed + " (" + functionError + ")"
	}
}

// tell ends a trace: what is kept of the request has no secret.
func (x *exchange) tell() {
	t := x.entry.Trace
	if t == nil {
		return
	}
	x.reach(t.At)
	t.route = x.match.endpoint
	x.entry.Method, x.entry.Path = ownMethod(x.entry.Method), strings.Clone(x.entry.Path)
	invoked := x.raw.authorizer.Event != nil || x.raw.function.Event != nil
	if !invoked && x.r.URL.RawQuery == "" {
		return
	}
	x.known = x.secrets(x.known[:0])
	if x.r.URL.RawQuery != "" {
		for _, s := range x.known { // under another name
			if len(s) >= shortestSecret {
				x.entry.Path = strings.ReplaceAll(x.entry.Path, s, redacted)
			}
		}
	}
	if x.raw.authorizer.Event != nil {
		x.told(&t.Authorizer, &x.raw.authorizer)
		if f, ok := x.match.authorizer.(interface{ Function() string }); ok {
			t.Authorizer.Function = f.Function()
		}
	}
	if x.raw.function.Event != nil {
		x.told(&t.Function, &x.raw.function)
		t.Function.Function = x.match.function
		t.Function.Duration = t.Took[AtInvocation]
	}
}

// told tells of an invocation without the secrets that are known.
func (x *exchange) told(v *Invocation, i *authorizer.Invocation) {
	v.ID, v.EventSize, v.ReplySize, v.Duration = i.ID, len(i.Event), len(i.Reply), i.Duration
	v.Event = x.withoutSecrets(i.Event)
	if i.Reply != nil {
		v.Reply = x.withoutSecrets(i.Reply)
	}
	if i.Error != "" {
		v.Error = string(RedactNamed([]byte(i.Error), x.g.secretNames, x.known...))
	}
}

// withoutSecrets puts what is told of a text into texts.
func (x *exchange) withoutSecrets(text []byte) []byte {
	from := len(x.texts)
	x.texts = AppendRedacted(x.texts, text, x.g.secretNames, x.known...)
	return x.texts[from:len(x.texts):len(x.texts)]
}

// Size says how many bytes a trace keeps beside its texts, or a few more.
func (t *Trace) Size() int {
	const own = 1 << 10
	return own + t.size + len(t.Signed) + len(t.Authorizer.Error) + len(t.Function.Error)
}

// TextSize says how many bytes of its texts CopyTo copies.
func (t *Trace) TextSize() int {
	return len(t.Authorizer.Event) + len(t.Authorizer.Reply) + len(t.Function.Event) + len(t.Function.Reply)
}

// CopyTo copies a trace with its texts, which are appended to the given ones.
func (t *Trace) CopyTo(to *Trace, texts []byte) []byte {
	*to = *t
	for _, i := range [...]*Invocation{&to.Authorizer, &to.Function} {
		for _, text := range [...]*[]byte{&i.Event, &i.Reply} {
			if *text != nil {
				from := len(texts)
				texts = append(texts, *text...)
				*text = texts[from:len(texts):len(texts)]
			}
		}
	}
	return texts
}

// shortestSecret is the fewest bytes that are looked for in other places: what is
// shorter is in any text.
const shortestSecret = 4

// hasTokensForm says whether a value is found wherever it is by what it begins with.
func hasTokensForm(v string) bool {
	if !strings.HasPrefix(v, "eyJ") || len(v) <= shortestToken {
		return false
	}
	all := uint32(inToken)
	for i := range len(v) {
		all &= classes[v[i]]
	}
	return all != 0
}

// alwaysSecret are the headers that hold secrets whether an authorizer reads them or not.
var alwaysSecret = [...]string{"Authorization", "X-Api-Key", "X-Amz-Security-Token"}

// secrets are the values of the request that are secret whatever they are called where
// they turn up again. They are appended to the given ones.
func (x *exchange) secrets(values []string) []string {
	h := x.received.Header
	for _, name := range alwaysSecret {
		for _, v := range h[name] {
			if _, after, ok := strings.Cut(v, " "); ok && name == "Authorization" && len(after) >= shortestSecret {
				v = after
			}
			if !hasTokensForm(v) {
				values = append(values, v)
			}
		}
	}
	for _, name := range x.g.secretHeaders {
		for _, v := range h[name] {
			if len(v) >= 8 && !hasTokensForm(v) {
				values = append(values, v)
			}
		}
	}
	for _, c := range x.received.Cookies() {
		if len(c.Value) >= 8 {
			values = append(values, c.Value)
		}
	}
	values = append(values, x.secretSegments()...)
	for query := x.r.URL.RawQuery; query != ""; {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, v, _ := strings.Cut(pair, "=")
		if len(v) < 8 || !secretParameter(name, x.g.secretQuery) {
			continue
		}
		values = append(values, v)
		if d, err := url.QueryUnescape(v); err == nil && d != v {
			values = append(values, d)
		}
	}
	return values
}

// SecretNames gives the headers and query parameters, in lower case, that hold secrets
// because authorizers read them, and whose names do not say so.
func (g *Gateway) SecretNames() []string { return g.secretNames }

// namesOfSecrets gives those names that have no word of secrets in them.
func namesOfSecrets(lists ...[]string) (names []string) {
	for _, list := range lists {
		for _, n := range list {
			if !secretName([]byte(n)) {
				names = append(names, strings.ToLower(n))
			}
		}
	}
	return names
}

// ownMethod gives a method that keeps no request line in memory.
func ownMethod(method string) string {
	for _, m := range methods {
		if m == method {
			return m
		}
	}
	return strings.Clone(method)
}

// asks gives where the authorizer function's invocation is told of, or nil.
func (x *exchange) asks() *authorizer.Invocation {
	if x.entry.Trace == nil {
		return nil
	}
	return &x.raw.authorizer
}

// asked keeps a policy of so many bytes that was asked about the request.
func (x *exchange) asked(name string, p *iam.Policy, q *authorizer.Question, size int) {
	t := x.entry.Trace
	if t == nil {
		return
	}
	q = q.Snapshot()
	q.ARN = RedactedPath(x.withoutSegments(q.ARN, "*"))
	for i, r := range q.Readings {
		q.Readings[i] = RedactedPath(x.withoutSegments(r, "*"))
	}
	for _, values := range q.HTTP.Header {
		values[0] = RedactedPath(x.withoutSegments(values[0], redacted))
	}
	t.Policies = append(t.Policies, Asked{Name: name, policy: p, question: q})
	t.size += size + 512 + len(q.ARN)*(1+len(q.Readings)) + len(q.HTTP.UserAgent()) + len(q.HTTP.Referer())
}
