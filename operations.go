package doorwright

import (
	"cmp"
	"errors"
	"strings"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

// operation is what every room beside the APIs tells of a request.
type operation struct {
	aws.Outcome
	service, resource string
	form              sigv4.Form
	status            int    // 0 if the room does not say
	fix               string // what the user can do about it, if the room knows
	decisions         []*iam.Evidence
	tell              func(*explain.Explanation)
	size              int64 // of what tell keeps
}

// operated keeps why an operation was let in or refused. It is put into words when
// somebody asks.
func (a *App) operated(o operation) {
	if a.decisions == nil || o.RequestID == "" {
		return
	}
	told := gateway.RedactedPath(o.resource) // an object may be called anything
	s := &story{a: a, caller: o.Caller, form: o.form, code: o.Code, fix: o.fix, decisions: o.decisions, tell: o.tell}
	if o.Code != "" {
		s.said = gateway.WithoutTokens(cmp.Or(o.Reason, o.Message))
		s.login = a.loginOf(o.Cause)
		if s.signature = a.signatureOf(o); s.signature != nil {
			s.said = "" // which may repeat what was signed, a session token included
		}
	}
	size := o.size + int64(len(s.said)+len(o.resource)+len(o.Caller)) + 512
	for _, e := range o.decisions {
		size += int64(e.Size())
	}
	a.decisions.Add(explain.Record{Source: o.service, Operation: &explain.Operation{
		Time: o.Time, RequestID: o.RequestID, Name: o.Operation, Caller: o.Caller, Resource: printable(short(told)), Status: o.status, Allowed: o.Code == "", Duration: o.Duration,
		Tell: s.put, Size: size,
	}})
}

// short bounds what a request names.
func short(s string) string {
	const most = 1200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// A story is what is kept of an operation until it is put into words.
type story struct {
	a               *App
	caller          string
	form            sigv4.Form
	code, said, fix string
	signature       *authorizer.Reason
	login           *badLogin
	decisions       []*iam.Evidence
	tell            func(*explain.Explanation)
}

// put puts it into words: who signed, what the room found, what the policies said, and
// what it came to.
func (s *story) put(x *explain.Explanation) {
	refusal := ""
	switch {
	case s.signature != nil:
		x.Steps = append(x.Steps, explain.Step{Kind: explain.KindSignature, Outcome: explain.Refused, Text: s.signature.Text, Facts: s.signature.Facts})
		if s.signature.Hint != "" {
			x.Advice = append(x.Advice, explain.Advice{Text: s.signature.Hint, Change: s.signature.Change})
		}
		refusal = s.signature.Text
	case s.caller != "":
		text := "signed by " + s.caller
		switch s.form {
		case sigv4.QueryForm:
			text = "a presigned link, " + text
		case sigv4.PolicyForm:
			text = "a form with a policy, " + text
		}
		x.Steps = append(x.Steps, explain.Step{Kind: explain.KindSignature, Outcome: explain.Passed, Text: text})
	}
	if s.login != nil {
		refusal = s.login.put(x)
	}
	if s.tell != nil {
		s.tell(x)
	}
	for _, e := range s.decisions {
		all := e.Considered()
		step := explain.Step{Kind: explain.KindPermissions, Name: e.Action, Outcome: explain.Passed, Text: e.Verdict(), Statements: all}
		if !e.Allowed {
			step.Outcome, refusal = explain.Refused, step.Text
			x.Advice = append(x.Advice, s.a.advise(e, all)...)
		}
		x.Steps = append(x.Steps, step)
	}
	if s.code == "" {
		x.Verdict = x.Method + " was served"
		return
	}
	if refusal == "" {
		refusal = aws.Printable(s.said)
		x.Steps = append(x.Steps, explain.Step{Kind: explain.KindOperation, Name: x.Method, Outcome: explain.Refused, Text: cmp.Or(refusal, s.code)})
	}
	if s.fix != "" {
		x.Advice = append(x.Advice, explain.Advice{Text: s.fix})
	}
	x.Verdict = s.code
	if refusal != "" {
		x.Verdict += ": " + refusal
	}
}

// signatureOf explains a signature that is not good, without what was signed.
func (a *App) signatureOf(o operation) *authorizer.Reason {
	var refused *sigv4.Error
	if !errors.As(o.Cause, &refused) || o.Request == nil {
		return nil
	}
	switch refused.Reason {
	case sigv4.PayloadHashMissing, sigv4.PayloadHashInvalid, sigv4.LengthMissing, sigv4.PolicyExpired, sigv4.PolicyDenied, sigv4.PolicyMalformed:
		return nil // S3's own, of which its message says all
	}
	r := authorizer.SignatureReason(o.Request, refused, o.service, a.decl.Region)
	return &r
}
