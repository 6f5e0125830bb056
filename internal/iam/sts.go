package iam

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsquery"
	"github.com/doorwright/doorwright/sigv4"
)

// The signing name of STS, and what its requests and answers say of its version.
const (
	stsService   = "sts"
	stsVersion   = "2011-06-15"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// STS is AWS Security Token Service: the account's sessions by the query protocol.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
type STS struct {
	account    *Account
	verifier   *sigv4.Verifier
	identities webIdentities
	log        func(Event)
}

// STSConfig is what an STS is made of.
type STSConfig struct {
	Account *Account
	// Providers are those whose tokens AssumeRoleWithWebIdentity takes.
	Providers []WebIdentityProvider
	// Log is told of each call. Nil drops it.
	Log func(Event)
}

// Event is one call of STS, for the log.
type Event struct {
	aws.Outcome
	// Decisions are what the policies said.
	Decisions []*Evidence
}

// Fault says that it is Doorwright that failed.
func (e Event) Fault() bool { return e.Code == codeInternalFailure }

// String is one line for a terminal.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString("sts " + e.Operation)
	if e.Caller != "" {
		b.WriteString(" by " + e.Caller)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ": %s: %q", e.Code, e.Message)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %q", e.Reason)
	}
	return b.String()
}

const codeInternalFailure = "InternalFailure"

// NewSTS makes the service of an account.
func NewSTS(cfg STSConfig) (*STS, error) {
	if cfg.Account == nil {
		return nil, errors.New("making STS: there is no account")
	}
	a := cfg.Account
	s := &STS{account: a, log: cfg.Log, verifier: &sigv4.Verifier{Service: stsService, Region: a.cfg.Region, Lookup: a.SecretOf, Now: a.cfg.Now}}
	if s.log == nil {
		s.log = func(Event) {}
	}
	var err error
	if s.identities, err = newWebIdentities(cfg.Providers, a.cfg.Now); err != nil {
		return nil, fmt.Errorf("making STS: %w", err)
	}
	return s, nil
}

// ServeHTTP answers the operations of STS.
func (s *STS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := Event{Outcome: aws.Begin(r, "?", s.account.cfg.Now())}
	if r.Method == http.MethodOptions {
		awsquery.WritePreflight(w, r, e.RequestID)
		return
	}
	aws.SetDate(w, e.Time)
	result, err := s.answer(w, r, &e)
	e.End(s.account.cfg.Now())
	if err != nil {
		var refusal *aws.Error
		if !errors.As(err, &refusal) {
			refusal = &aws.Error{Code: codeInternalFailure, Message: "The request processing has failed because of an unknown error, exception or failure.", Status: http.StatusInternalServerError, Err: err}
		}
		e.Refuse(refusal)
		s.log(e)
		_ = awsquery.WriteError(w, e.RequestID, stsNamespace, refusal) // the client went away
		return
	}
	s.log(e)
	_ = awsquery.WriteResult(w, e.RequestID, stsNamespace, e.Operation, result)
}

// answer decodes, authenticates and dispatches a request.
func (s *STS) answer(w http.ResponseWriter, r *http.Request, e *Event) (any, error) {
	if (r.Method != http.MethodPost && r.Method != http.MethodGet) || r.URL.Path != "/" {
		return nil, &aws.Error{Code: "InvalidAction", Message: "The action or operation requested is invalid.", Status: http.StatusBadRequest}
	}
	body, err := awsquery.ReadBody(w, r)
	if err != nil {
		return nil, err
	}
	form, err := awsquery.Parse(r, body)
	if err != nil {
		return nil, err
	}
	name, _ := form.Get("Action")
	version, _ := form.Get("Version")
	op, known := stsOperations[name]
	if known {
		e.Operation = name
	}
	c := &stsCall{sts: s, form: form, request: r, event: e}
	if !op.unsigned {
		if c.caller, err = s.authenticate(r, body); err != nil {
			return nil, err
		}
		e.Caller = c.caller.ARN
	}
	switch {
	case name == "":
		return nil, &aws.Error{Code: "MissingAction", Message: "The request is missing an action or a required parameter.", Status: http.StatusBadRequest}
	case !known || version != stsVersion:
		return nil, &aws.Error{Code: "InvalidAction", Message: fmt.Sprintf("Could not find operation %.100s for version %.40s", name, orNothing(version)), Status: http.StatusBadRequest}
	case op.serve == nil:
		return nil, &aws.Error{
			Code: "UnsupportedOperation", Message: name + " is an operation of AWS STS that Doorwright does not emulate.", Status: http.StatusBadRequest,
			Err: errors.New("not emulated; see COMPAT.md"),
		}
	}
	return op.serve(c)
}

func orNothing(version string) string {
	if version == "" {
		return "NO_VERSION_SPECIFIED"
	}
	return version
}

// authenticate says who has signed, or refuses in the words of the query protocol.
func (s *STS) authenticate(r *http.Request, body []byte) (Principal, error) {
	id, err := s.verifier.Verify(r, body)
	if err == nil {
		return s.account.Principal(id.AccessKeyID, id.SessionToken)
	}
	var refused *sigv4.Error
	if !errors.As(err, &refused) {
		return Principal{}, fmt.Errorf("authenticating the request: %w", err)
	}
	e := &aws.Error{Message: refused.Message, Status: http.StatusForbidden, Err: err}
	switch refused.Reason.Code() {
	case sigv4.MissingAuthentication.Code():
		e.Code, e.Message = "MissingAuthenticationToken", "Request is missing Authentication Token"
	case sigv4.UnknownKey.Code():
		e.Code, e.Message = "InvalidClientTokenId", "The security token included in the request is invalid."
	case sigv4.ExpiredToken.Code():
		e.Code, e.Message = "ExpiredToken", "The security token included in the request is expired"
	case sigv4.Malformed.Code():
		e.Code, e.Status = "IncompleteSignature", http.StatusBadRequest
	default:
		e.Code = "SignatureDoesNotMatch"
	}
	return Principal{}, e
}
