package authorizer

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/sigv4"
)

const signingTime = "20060102T150405Z"

// SignatureReason explains a signature for a service in a region that is not good. The
// canonical request, with the session token in it, is in no reason.
func SignatureReason(r *http.Request, e *sigv4.Error, service, region string) Reason {
	return signatureReason(r, e, service, region, nil)
}

// signatureReason is SignatureReason where shown gives what people are told of a path; nil
// for all of it.
func signatureReason(r *http.Request, e *sigv4.Error, service, region string, shown func(string) string) Reason {
	if shown == nil {
		shown = func(path string) string { return path }
	}
	reason := Reason{Code: CodeSignatureRefused, Text: string(e.Reason) + ": " + shorten(strings.TrimSpace(e.Message))}
	fact := func(name, want, got string, match bool) {
		reason.Facts = append(reason.Facts, Fact{name, want, got, match})
	}
	sign := func(name, value string) { reason.Change = &Change{AtSigning, name, value} }
	how := "with Signature Version 4 for the service " + service + " and the region " + region
	switch e.Reason {
	case sigv4.MissingAuthentication:
		reason.Code, reason.Text = CodeUnsigned, "the request is not signed"
		fact("signature", "one, in the Authorization header or in the query", "none", false)
		reason.Hint = "sign it " + how
		sign("request", "")
	case sigv4.TwoForms:
		fact("signature", "one, in the Authorization header or in the query", "both", false)
		reason.Hint = "the link is signed already: send no Authorization header with it"
		reason.Change = &Change{InHeader, "Authorization", ""}
	case sigv4.Unsupported:
		fact("algorithm", "AWS4-HMAC-SHA256", "another", false)
		reason.Hint = "sign " + how + ", with AWS4-HMAC-SHA256"
		sign("algorithm", "AWS4-HMAC-SHA256")
	case sigv4.Expired, sigv4.NotYetCurrent:
		clockReason(e, &reason)
	case sigv4.UnsignedHeader:
		name := unsignedHeader(e)
		fact("SignedHeaders", name, "all but this one", false)
		reason.Hint = "sign the header " + name + " too, or do not send it"
		sign("headers", name)
	case sigv4.WrongScope:
		signingScopeReason(e, service, region, &reason)
	case sigv4.UnknownKey, sigv4.ExpiredToken:
		credentialsReason(r, e, &reason)
	case sigv4.SignatureMismatch:
		mismatchReason(r, e, region+"/"+service, shown, &reason)
	default: // it cannot be read
		got := "what cannot be read"
		reason.Hint = "sign it anew " + how
		if scheme, _, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && !strings.HasPrefix(scheme, "AWS4-") {
			got = "the scheme " + ShortQuote(scheme)
			reason.Hint = "this route takes signed requests, and no " + ShortQuote(scheme) + " token: sign it " + how
		}
		fact("Authorization", "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...", got, false)
		sign("request", "")
	}
	return reason
}

// clockReason explains a signature of another time: whether it was made long ago, or
// by a clock that is wrong, nobody can tell from here.
func clockReason(e *sigv4.Error, r *Reason) {
	r.Change = &Change{AtSigning, "date", e.ServerTime.UTC().Format(signingTime)}
	off := e.SignedAt.Sub(e.ServerTime).Round(time.Second)
	f := Fact{Name: "X-Amz-Date", Want: "within five minutes of " + moment(e.ServerTime), Got: moment(e.SignedAt)}
	switch {
	case !e.Expires.IsZero():
		f.Name, f.Want, f.Got = "X-Amz-Expires", "later than "+moment(e.ServerTime), moment(e.Expires)
		r.Hint = fmt.Sprintf("make a new link: this one ended %s ago; X-Amz-Expires says how long one lasts", e.ServerTime.Sub(e.Expires).Round(time.Second))
	case off < 0:
		r.Hint = fmt.Sprintf("sign it anew: it was signed %s ago, and has to come within 5m0s; if it was signed just now, the clock of who signs is %s behind", -off, -off)
	default:
		r.Hint = fmt.Sprintf("sign it anew: the clock of who signs is %s ahead, and may be 5m0s off", off)
	}
	r.Facts = append(r.Facts, f)
}

// signingScopeReason explains a scope by its parts.
func signingScopeReason(e *sigv4.Error, service, region string, r *Reason) {
	date := e.Scope.Date
	if _, got, ok := strings.Cut(e.Message, "version of date from HTTP: '"); ok {
		if _, got, ok = strings.Cut(got, "' != '"); ok && len(got) >= 8 {
			date = got[:8]
		}
	}
	var wrong []string
	value := ""
	for _, part := range [...]struct{ name, want, got string }{
		{"date", date, e.Scope.Date}, {"region", region, e.Scope.Region},
		{"service", service, e.Scope.Service}, {"terminator", "aws4_request", e.Scope.Terminator},
	} {
		ok := part.want == part.got
		r.Facts = append(r.Facts, Fact{"scope's " + part.name, part.want, ShortQuote(part.got), ok})
		if !ok {
			wrong, value = append(wrong, part.name+" "+part.want), part.want
		}
	}
	r.Hint = "sign for the " + strings.Join(wrong, " and the ") + ", not for the scope " + ShortQuote(e.Scope.String())
	r.Change = &Change{AtSigning, "scope", date + "/" + region + "/" + service + "/aws4_request"}
	if len(wrong) == 1 {
		name, _, _ := strings.Cut(wrong[0], " ")
		r.Change = &Change{AtSigning, name, value}
	}
}

// credentialsReason explains keys that are not known, or whose session has ended.
func credentialsReason(r *http.Request, e *sigv4.Error, reason *Reason) {
	id, token := claimed(r)
	reason.Change = &Change{AtSigning, "credentials", ""}
	f := Fact{Name: "access key " + ShortQuote(id), Want: "one of this stage, with the session token that goes with it", Got: "another, without a session token"}
	if token {
		f.Got = "another, or another session token"
	}
	switch {
	case e.Reason == sigv4.ExpiredToken:
		f.Want, f.Got = "a session that goes on", "one that has ended"
		reason.Hint = "get new credentials: the session of these has ended"
	case strings.HasPrefix(id, "ASIA") && !token:
		reason.Hint = "send the session token too, as X-Amz-Security-Token: a key that begins with ASIA is good with it only"
	default:
		reason.Hint = "get new credentials, of this stage, and send their session token too"
	}
	reason.Facts = append(reason.Facts, f)
}

// mismatchReason explains a signature of another request, or by another secret: by the
// part that differs, if it can be found out.
func mismatchReason(r *http.Request, e *sigv4.Error, want string, shown func(string) string, reason *Reason) {
	id, _ := claimed(r)
	scope := e.Scope.Region + "/" + e.Scope.Service
	reason.Facts = append(reason.Facts,
		Fact{"scope", want, scope, true},
		Fact{"access key " + ShortQuote(id), "one of this stage", "one of this stage", true},
	)
	reason.Change = &Change{AtSigning, "request", ""}
	if s := slipOf(r, e, shown); s != nil {
		reason.Facts = append(reason.Facts, Fact{s.part, "what was signed: " + s.signed, s.sent, false})
		reason.Change.Name = strings.ToLower(strings.TrimSuffix(s.part, " header"))
		reason.Hint = "the signature is good for " + s.signed + ", but not for the " + s.part + " that was sent: " + s.advice
		return
	}
	path, query := shown(r.URL.EscapedPath()), "no query"
	if r.URL.RawQuery != "" {
		query = "a query"
	}
	method, _, _ := strings.Cut(e.CanonicalRequest, "\n")
	body := e.CanonicalRequest[strings.LastIndexByte(e.CanonicalRequest, '\n')+1:]
	reason.Facts = append(reason.Facts,
		Fact{"canonical request", "what was signed", "of " + ShortQuote(method) + ", " + ShortQuote(path) + ", " + query + ", the host " + ShortQuote(r.Host), false},
		Fact{"body's SHA-256", "what was signed", ShortQuote(body), false},
		Fact{"signature", "of this request, by the key's secret", "another", false},
	)
	reason.Hint = "the secret is not this key's, or what was signed is not what was sent: the path, the query or the body; sign what is sent, with the key's own secret"
}

// claimed gives the access key that a request names, and whether a session token
// came with it.
func claimed(r *http.Request) (id string, token bool) {
	query := r.URL.Query()
	if auth, err := sigv4.ParseAuthorization(r.Header.Get("Authorization")); err == nil {
		return auth.AccessKeyID, r.Header.Get("X-Amz-Security-Token") != ""
	}
	id, _, _ = strings.Cut(query.Get("X-Amz-Credential"), "/")
	return id, query.Get("X-Amz-Security-Token") != ""
}

// unsignedHeader gives the name of a header that is not signed, as the message has
// it.
func unsignedHeader(e *sigv4.Error) string {
	parts := strings.SplitN(e.Message, "'", 3)
	return strings.ToLower(strings.Trim(ShortQuote(cmp.Or(slices.Concat(parts, []string{"", ""})[1], "host")), `"`))
}

// deniedSigner explains what the policies say of who has signed.
func deniedSigner(q *Question, p *iam.Principal, d *iam.Decision) Reason {
	where, name := InRole, roleOf(p.ARN)
	if d.By == iam.ByResource {
		where, name = InPolicy, Declared(q.Declared, "resourcePolicy")
	}
	r := Reason{
		Code: CodeImplicitDeny, Text: shortText(p.ARN) + ": " + d.Explanation(),
		Facts: []Fact{
			{"signature", "of a key of this stage", "of a key of this stage", true},
			{"Action", "what a statement allows", InvokeAction, false},
			{"Resource", "what a statement allows", ShortQuote(q.ShownARN), false},
		},
		Hint:   "allow " + InvokeAction + " on " + ShownResource(q.ShownARN) + " in the permissions of " + shortText(name),
		Change: &Change{where, name, Statement("", q.ShownARN)},
	}
	if d.Explicit {
		r.Code = CodeExplicitDeny
		r.Facts[1].Want, r.Facts[1].Match = "nothing that a statement denies", false
		r.Facts[2].Want = "nothing that a statement denies"
		r.Hint = "a Deny counts before every Allow: narrow " + d.Statement + " of " + shortText(name) + ", or take it out"
		r.Change.Value = "without " + d.Statement
	}
	return r
}

// roleOf gives the role of a session's ARN, or the ARN.
func roleOf(arn string) string {
	if _, session, ok := strings.Cut(arn, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(session, "/")
		return role
	}
	if _, err := url.Parse(arn); err != nil || len(arn) > 200 {
		return ShortQuote(arn)
	}
	return arn
}
