package authorizer

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/verify"
)

// Declared gives the path of something in the declaration of the API at a path, or
// of the API's own if that is empty.
func Declared(api string, keys ...string) string {
	path := strings.Join(keys, ".")
	if api == "" {
		return path
	}
	return api + "." + path
}

// declared gives the path of one of the authorizer's keys.
func (j *JWT) declared(key string) string {
	return Declared(j.config.Declared, "authorizers", j.config.Name, key)
}

// again says how to get another token.
func (j *JWT) again(what string) string {
	return "get " + what + " from " + shortText(j.config.Issuer)
}

// send is the change that sends a token as it should be.
func (s source) send() *Change {
	if s.header != "" {
		return &Change{InHeader, s.header, "Bearer TOKEN"}
	}
	return &Change{InQuery, s.query, "TOKEN"}
}

// absentReason explains a request without a token where it is looked for.
func (j *JWT) absentReason(r *http.Request) Reason {
	reason := j.absent
	switch {
	case r.URL.RawQuery == "" && r.Header["Authorization"] == nil:
	case j.source.header != "" && r.URL.Query().Has("access_token"):
		reason.Hint += ": in the query it does not count"
	case j.source.query != "" && r.Header.Get("Authorization") != "":
		reason.Hint += ": the Authorization header does not count here"
	case j.source.query != "":
		for name := range r.URL.Query() {
			if strings.EqualFold(name, j.source.query) {
				reason.Hint += ": the case of a parameter's name counts"
				break
			}
		}
	}
	return reason
}

// severalReason explains a token that is there more than once.
func (j *JWT) severalReason(count int) Reason {
	return Reason{
		Code: CodeSeveralTokens, Text: fmt.Sprintf("%s is there %d times", j.source, count), Hint: "send it once",
		Facts: []Fact{{Name: j.source.String(), Want: "once", Got: strconv.Itoa(count) + " times"}}, Change: j.source.send(),
	}
}

// bearerReason explains a prefix that is spelled otherwise, or there twice.
func (j *JWT) bearerReason(value string) Reason {
	scheme, _, _ := strings.Cut(value, " ")
	got := ShortQuote(scheme + " ")
	if strings.HasPrefix(value, "Bearer ") {
		got = "it twice"
	}
	return Reason{
		Code: CodeBearerInToken, Text: `the token begins with "bearer "`, Hint: `write "Bearer ", with a capital letter, once`,
		Facts: []Fact{{Name: "scheme", Want: `"Bearer ", once`, Got: got}}, Change: j.source.send(),
	}
}

// tokenReason explains what verify has refused: what was compared, in its order, and
// the smallest change that would have done.
func (j *JWT) tokenReason(e *verify.Error, value string, scopes []string) Reason {
	r := Reason{Code: string(e.Reason), Text: e.Message(), Facts: j.passed(e)}
	fact := func(name, want, got string) { r.Facts = append(r.Facts, Fact{Name: name, Want: want, Got: got}) }
	login := func(name, value string) { r.Change = &Change{AtLogin, name, value} }
	switch e.Reason {
	case verify.WrongSegments, verify.Malformed, verify.HeaderNotAllowed, verify.BadClaims:
		j.formReason(e, value, &r)
	case verify.AlgorithmNotAllowed:
		fact("alg", joinAlgorithms(j.config.Algorithms), quoted(e.Got))
		r.Hint = "let the issuer sign with " + joinAlgorithms(j.config.Algorithms)
		if len(e.Got) == 1 && strings.HasPrefix(e.Got[0], "HS") {
			r.Hint += ": of " + ShortQuote(e.Got[0]) + " every verifier would have the secret"
		} else if len(e.Got) == 1 && strings.EqualFold(e.Got[0], "none") {
			r.Hint = j.again("a signed token")
		}
		login("alg", string(j.config.Algorithms[0]))
	case verify.KeyIDMissing:
		fact("kid", "the id of one of the issuer's keys", "none")
		r.Hint = j.again("a token") + ": its tokens name their key"
		login("token", "")
	case verify.UnknownKey:
		fact("kid", "the id of one of the issuer's keys", ShortQuote(e.KeyID))
		other := "issuer or tenant"
		if j.config.Kind == "user_pool" {
			other = "user pool"
		}
		r.Hint = j.again("a token") + ": this one is signed by another " + other + ", or by a key that is gone"
		login("issuer", j.config.Issuer)
	case verify.KeyNotForAlgorithm:
		fact("alg", "what the key "+ShortQuote(e.KeyID)+" is for", quoted(e.Got))
		r.Hint = j.again("a token") + ": this one names a key that is for something else"
		login("token", "")
	case verify.BadSignature:
		fact("signature", "made by the key "+ShortQuote(e.KeyID)+" over this very token", "another")
		r.Hint = j.again("a token") + ": this one was changed, or somebody else has signed it"
		login("token", "")
	case verify.DiscoveryUnavailable, verify.KeysUnavailable:
		j.unavailableReason(e, &r)
	case verify.MissingClaim:
		j.missingReason(e, &r)
	case verify.WrongIssuer:
		j.issuerReason(e, &r)
	case verify.WrongAudience:
		fact(e.Claim, oneOf(j.config.Audience), quoted(e.Got))
		j.audienceReason(e, &r)
	default:
		j.timeReason(e, &r)
	}
	if c := r.Change; c != nil && c.Where == AtLogin && j.config.Login != nil {
		if command := j.config.Login(scopes); command != "" {
			r.Hint += "; " + command + " prints one"
		}
	}
	return r
}

// passed are the comparisons that came before the one that decided.
func (j *JWT) passed(e *verify.Error) []Fact {
	var facts []Fact
	match := func(name, want string) { facts = append(facts, Fact{Name: name, Want: want, Got: want, Match: true}) }
	claim := e.Claim
	if e.Reason == verify.MissingClaim && claim == "client_id" {
		claim = "aud"
	}
	switch e.Reason {
	case verify.BadClaims, verify.MissingClaim, verify.WrongIssuer, verify.WrongAudience, verify.Expired, verify.NotYetValid, verify.IssuedInTheFuture:
		match("signature", "made by a key of the issuer")
	default:
		return nil
	}
	if e.Reason == verify.BadClaims || claim == "iss" {
		return facts
	}
	match("iss", shortText(j.config.Issuer))
	if claim == "aud" || claim == "client_id" {
		return facts
	}
	match("aud", oneOf(j.config.Audience))
	return facts
}

// formReason explains what is no token of the right form.
func (j *JWT) formReason(e *verify.Error, value string, r *Reason) {
	login := &Change{AtLogin, "token", ""}
	r.Facts = append(r.Facts, Fact{Name: "form", Want: "a signed JWT: header.payload.signature", Got: e.Detail})
	switch {
	case strings.Contains(e.Detail, "encrypted"):
		r.Hint = fmt.Sprintf("this one is encrypted, as Auth0's access tokens are where no audience was asked for: ask for the audience %s", oneOf(j.config.Audience))
		r.Change = &Change{AtLogin, "audience", j.config.Audience[0]}
	case e.Reason == verify.WrongSegments && instead(value) != "":
		r.Facts[len(r.Facts)-1].Got, r.Hint = instead(value), "there is "+instead(value)+": send "+j.source.example()
		r.Change = j.source.send()
	case e.Reason == verify.WrongSegments:
		r.Hint = "send a signed JWT in compact form: " + strings.Replace(j.source.example(), "TOKEN", "header.payload.signature", 1)
		r.Change = j.source.send()
	case e.Reason == verify.BadClaims && e.Claim != "":
		r.Facts[len(r.Facts)-1] = Fact{Name: e.Claim, Want: "a claim of its type (RFC 7519)", Got: "one that " + e.Detail}
		r.Hint = j.again("a token whose "+e.Claim+" is of its type") + " (RFC 7519, section 4.1)"
		r.Change = &Change{AtLogin, e.Claim, ""}
	case e.Reason == verify.HeaderNotAllowed:
		r.Facts[len(r.Facts)-1] = Fact{Name: "header parameter " + shortText(e.Claim), Want: "none", Got: "one"}
		r.Hint, r.Change = j.again("a token")+" without "+shortText(e.Claim)+" in its header", login
	case strings.Contains(e.Detail, "signature"):
		r.Hint, r.Change = j.again("a signed token")+", and send it whole", login
	default:
		r.Hint, r.Change = j.again("a token")+", and send it as it is", login
	}
}

// instead says what a client that has no token, or another way to sign in, is known to
// send in its place; nothing if it is none of that. Nothing of the value is shown but
// a scheme.
func instead(value string) string {
	scheme, token, found := strings.Cut(value, " ")
	switch {
	case value == "Bearer":
		return "nothing behind Bearer"
	case scheme == "Bearer" || !found:
		if !found {
			token = value
		}
		switch token {
		case "undefined", "null", "None", "nil", "[object Object]", "${TOKEN}", "$TOKEN", "TOKEN":
			return "the word " + token + " in the token's place, of a client that has none"
		}
	case len(scheme) <= 16 && !strings.Contains(scheme, "."):
		return "the scheme " + ShortQuote(scheme) + " in the place of Bearer"
	}
	return ""
}

func (j *JWT) issuerReason(e *verify.Error, r *Reason) {
	r.Facts = append(r.Facts, Fact{Name: "iss", Want: shortText(j.config.Issuer), Got: quoted(e.Got)})
	slash := len(e.Got) == 1 && strings.TrimSuffix(e.Got[0], "/") == strings.TrimSuffix(j.config.Issuer, "/")
	if slash && j.config.Kind != "user_pool" {
		lacks := "lacks its slash at the end"
		if strings.HasSuffix(j.config.Issuer, "/") {
			lacks = "has a slash at the end that the token has not"
		}
		r.Hint = "the issuer " + lacks + ": set " + j.declared("issuer") + ": " + shortText(e.Got[0])
		r.Change = &Change{InDeclaration, j.declared("issuer"), shortText(e.Got[0])}
		return
	}
	r.Hint = j.again("a token")
	r.Change = &Change{AtLogin, "issuer", j.config.Issuer}
}

func (j *JWT) audienceReason(e *verify.Error, r *Reason) {
	r.Change = &Change{AtLogin, "audience", j.config.Audience[0]}
	add := ""
	if len(e.Got) > 0 {
		add = ", or add " + ShortQuote(e.Got[0]) + " to " + j.declared("audience")
	}
	r.Hint = "ask for the audience " + oneOf(j.config.Audience) + " at login" + add
	if j.config.Kind == "user_pool" {
		add = ""
		if len(e.Got) > 0 {
			add = ", or add this one to " + j.declared("clients")
		}
		r.Hint = "sign in through the app client " + oneOf(j.config.Audience) + add
	}
}

// missingReason explains a claim that a token has to have.
func (j *JWT) missingReason(e *verify.Error, r *Reason) {
	switch e.Claim {
	case "aud", "client_id":
		r.Facts = append(r.Facts, Fact{Name: "aud", Want: oneOf(j.config.Audience), Got: "none, and no client_id"})
		j.audienceReason(e, r)
	case "iss":
		r.Facts = append(r.Facts, Fact{Name: "iss", Want: shortText(j.config.Issuer), Got: "none"})
		r.Hint, r.Change = j.again("a token"), &Change{AtLogin, "issuer", j.config.Issuer}
	default:
		r.Facts = append(r.Facts, Fact{Name: e.Claim, Want: "a moment that is to come", Got: "none"})
		r.Hint = j.again("a token that has "+e.Claim) + ": one without an end is not taken"
		r.Change = &Change{AtLogin, e.Claim, ""}
	}
}

// maxWait is for how long one is told to wait; what is longer is no matter of clocks.
const maxWait = time.Hour

// timeReason explains what the clock decided.
func (j *JWT) timeReason(e *verify.Error, r *Reason) {
	r.Facts = append(r.Facts, Fact{Name: e.Claim, Got: moment(e.At), Want: "later than " + moment(e.Now)})
	if e.Reason == verify.Expired {
		r.Hint = j.again("a new token")
		r.Change = &Change{AtLogin, "token", ""}
		return
	}
	ahead := e.At.Sub(e.Now)
	if s := ahead.Truncate(time.Second); s < ahead && ahead <= maxWait {
		ahead = s + time.Second
	}
	r.Facts[len(r.Facts)-1].Want = "no later than " + moment(e.Now)
	if ahead > maxWait {
		r.Hint = j.again("another token") + ": this one is for " + moment(e.At)
		r.Change = &Change{AtLogin, "token", ""}
		return
	}
	r.Hint = "wait " + ahead.String() + ": the issuer's clock is ahead of this one by that, or this one is behind"
	r.Change = &Change{InClock, "wait", ahead.String()}
}

// unavailableReason explains an issuer that cannot be asked.
func (j *JWT) unavailableReason(e *verify.Error, r *Reason) {
	name := "the keys"
	if e.Reason == verify.DiscoveryUnavailable {
		name = "the discovery document"
	}
	if e.Reason == verify.DiscoveryUnavailable && len(e.Got) == 1 {
		j.otherIssuerReason(e.Got[0], r)
		return
	}
	r.Facts = append(r.Facts, Fact{Name: name, Want: "an answer of " + shortText(j.config.Issuer), Got: "none"})
	r.Hint = "is " + shortText(j.config.Issuer) + " up, and reachable from here? " + name + " could not be had; it is asked again by and by"
	r.Change = &Change{AtIssuer, strings.TrimPrefix(name, "the "), j.config.Issuer}
}

// otherIssuerReason explains a discovery document that calls its issuer otherwise than the
// declaration does, which is most often by a slash at the end: that of Auth0's has one.
func (j *JWT) otherIssuerReason(got string, r *Reason) {
	r.Facts = append(r.Facts, Fact{Name: "the discovery document's issuer", Want: shortText(j.config.Issuer), Got: ShortQuote(got)})
	r.Change = &Change{InDeclaration, j.declared("issuer"), shortText(got)}
	change := "set " + j.declared("issuer") + ": " + shortText(got)
	switch {
	case got == j.config.Issuer+"/":
		r.Hint = "the issuer lacks its slash at the end: " + change
	case got+"/" == j.config.Issuer:
		r.Hint = "the issuer has a slash at the end that it calls itself without: " + change
	default:
		r.Hint = "an issuer is written as it calls itself, which its tokens do too: " + change + ", if that is whom you trust"
	}
}

// scopeReason explains that a token has none of a route's scopes.
func scopeReason(wanted []string, claims verify.Claims) Reason {
	name := "scope"
	if _, ok := claims.Get("scp"); ok {
		name = "scp"
	}
	text, got := "token has no scope, and the route wants "+oneOf(wanted), "none"
	if v, ok := claims.Get(name); ok {
		got = ShortQuote(printed(v))
		text = fmt.Sprintf("%s %s holds none of %s", name, got, list(wanted))
		if len(wanted) == 1 {
			text = fmt.Sprintf("%s %s does not hold %s", name, got, wanted[0])
		}
	}
	hint := "request the scope " + wanted[0] + " at login"
	have := tokenScopes(claims)
	near := func(scope string) bool {
		for _, w := range wanted {
			if strings.EqualFold(scope, w) || strings.HasSuffix(scope, "/"+w) || strings.HasSuffix(w, "/"+scope) {
				return true
			}
		}
		return false
	}
	if use, _ := claims.String("token_use"); use == "id" {
		hint = "send the access token, not the ID token, with the scope " + wanted[0]
	}
	for i, scope := range have {
		if i < maxScopesRead && near(scope) {
			hint += ": scopes are compared whole, and " + ShortQuote(scope) + " is another"
			break
		}
	}
	return Reason{
		Code: CodeInsufficientScope, Text: text, Hint: hint,
		Facts: []Fact{
			{Name: "token", Want: "verified", Got: "verified", Match: true},
			{Name: name, Want: oneOf(wanted), Got: got},
		},
		Change: &Change{AtLogin, "scope", wanted[0]},
	}
}

// maxScopesRead bounds how many of a token's scopes are looked at for advice.
const maxScopesRead = 64

// useReason explains an ID token for an access token, or the other way round.
func useReason(use, want string, scopes []string) Reason {
	r := Reason{
		Code: CodeTokenUse, Text: "token_use is " + ShortQuote(use) + `, not "` + want + `"`,
		Facts: []Fact{
			{Name: "token", Want: "verified", Got: "verified", Match: true},
			{Name: "token_use", Want: want, Got: ShortQuote(use)},
		},
		Hint: "send the ID token, or give the route scopes", Change: &Change{AtLogin, "token_use", want},
	}
	if want == "access" {
		r.Hint = "send the access token: the route asks for "
		if len(scopes) == 1 {
			r.Hint += "the scope " + scopes[0]
		} else {
			r.Hint += "one of the scopes " + list(scopes)
		}
	}
	return r
}

// quoted shows what a token said, quoted and shortened.
func quoted(values []string) string {
	const most = 5
	shown := make([]string, 0, most+1)
	for i, v := range values {
		if i == most {
			shown = append(shown, fmt.Sprintf("%d more", len(values)-most))
			break
		}
		shown = append(shown, ShortQuote(v))
	}
	return strings.Join(shown, ", ")
}

// oneOf shows words of the configuration as a choice.
func oneOf(words []string) string {
	if len(words) == 1 {
		return shortText(words[0])
	}
	return "one of " + list(words)
}

// moment shows a time to the second.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// shortText bounds a text of the configuration, or one that is known to be of the
// same letters, and leaves it readable.
func shortText(s string) string {
	const most = 200
	if u, err := url.Parse(s); err != nil || u.User != nil || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ShortQuote(s)
	}
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
