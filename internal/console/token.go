package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/explain"
)

// Limits of what the token inspector reads and shows.
const (
	tokenPath     = "/token"
	maxToken      = 16 << 10 // verify.MaxTokenBytes: no authorizer looks at a longer one
	maxClaimShown = 2000
	maxClaims     = 200
)

// An Inspection is what the stage makes of a token.
type Inspection struct {
	// Issuer says who has issued it, such as "user pool Users"; "" if nobody here knows.
	Issuer string
	// Known are the issuers that this stage knows.
	Known []string
	// Verified says that the issuer has signed it and that it is good now. Refusal says
	// why not.
	Verified bool
	Refusal  string
	// Opens says what becomes of the token at each route.
	Opens []Opened
}

// Opened is a route, and what a request to it with the token would come to.
type Opened struct {
	API, Route string
	// Explanation is nil where no request reaches the route.
	Explanation *explain.Explanation
}

// tokenPage is the page of the token inspector. It never holds the token.
type tokenPage struct {
	Asked bool
	// Removed says what stood before the token, and Wrong why it is no signed JWT.
	Removed, Wrong string
	Header, Claims []claim
	Inspection
	Routes map[string]Route // by API and key
}

// Of finds the declared route, for its badge.
func (p tokenPage) Of(o Opened) Route { return p.Routes[o.API+" "+o.Route] }

// Count gives how many routes with a guard there are, how many of those let the token
// in, and how many have none.
func (p tokenPage) Count() (n struct{ Guarded, Open, Free int }) {
	for _, o := range p.Opens {
		switch {
		case p.Of(o).Type == "none":
			n.Free++
			continue
		case o.Explanation != nil && o.Explanation.Allowed:
			n.Open++
		}
		n.Guarded++
	}
	return n
}

// claim is one member of a token's header or payload, and what it means.
type claim struct {
	Name, Value string
	// Means is one line, and Source where that is said.
	Means        string
	Source, Link string
	Bad          bool // the clock, or the standard, says no
}

func hasInspector(cfg *Config) bool { return cfg.Inspect != nil }

// showToken is the form of the inspector, and for what it has sent the answer. The
// answer is a page of its own, with no redirect, so that the token is kept nowhere.
func (c *Console) showToken(r *http.Request) (string, any, error) {
	const title = "Token inspector"
	if r.Method != http.MethodPost {
		return title, tokenPage{}, nil
	}
	p := tokenPage{Asked: true, Routes: c.routesByName()}
	token, issuer, err := p.read(r.PostFormValue("token"), c.cfg.Now())
	if err != nil {
		p.Wrong = err.Error()
		return title, p, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), invokeTimeout)
	defer cancel()
	if p.Inspection, err = c.cfg.Inspect(ctx, token, issuer); err != nil {
		if ctx.Err() != nil {
			return "", nil, &pageError{http.StatusGatewayTimeout, "The authorizers' functions took longer than " + invokeTimeout.String() + "."}
		}
		return "", nil, fmt.Errorf("inspecting a token: %w", err)
	}
	return title, p, nil
}

func (c *Console) routesByName() map[string]Route {
	routes := map[string]Route{}
	if c.cfg.Routes != nil {
		for _, route := range c.cfg.Routes() {
			routes[route.API+" "+route.Key] = route
		}
	}
	return routes
}

// read takes a pasted text apart. Its error says why there is nothing to ask the routes
// with; what is no signed JWT, but may be sent, leaves Wrong and no issuer. It verifies
// nothing.
func (p *tokenPage) read(text string, now time.Time) (token, issuer string, err error) {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{"authorization:", "bearer "} {
		if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			p.Removed += strings.TrimSpace(text[:len(prefix)]) + " "
			text = strings.TrimSpace(text[len(prefix):])
		}
	}
	p.Removed = strings.TrimSpace(p.Removed)
	switch {
	case text == "":
		return "", "", invalid("Nothing was pasted.")
	case len(text) > maxToken:
		return "", "", invalid(fmt.Sprintf("This is %d bytes long. No authorizer looks at a token of more than %d.", len(text), maxToken))
	case strings.HasPrefix(text, "{"):
		return "", "", invalid("This is JSON, as an answer of a token endpoint is: paste the value of access_token or id_token alone, without its quotes.")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", "", invalid("This has spaces, line breaks or letters that no token has: paste one token, whole and alone.")
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 && len(parts) != 5 {
		p.Wrong = fmt.Sprintf("This is no JWT: it has %s in place of three, header.payload.signature. To an authorizer it is an opaque text, which a function may know.", counted(len(parts), "part"))
		return text, "", nil
	}
	if p.Header, err = members(parts[0], func(name string, value any) claim { return headerParameter(name, value) }); err != nil {
		p.Header, p.Wrong = nil, "This is no JWT: its header "+err.Error()+"."
		return text, "", nil
	}
	if len(parts) == 5 {
		p.Wrong = "This is an encrypted token (JWE, RFC 7516): only who it is for can read it. Auth0 gives such access tokens where no audience is asked for at login, for its /userinfo alone."
		return text, "", nil
	}
	if p.Claims, err = members(parts[1], func(name string, value any) claim { return explained(name, value, now) }); err != nil {
		p.Claims, p.Wrong = nil, "This is no JWT: its payload "+err.Error()+"."
		if i := p.header("cty"); strings.EqualFold(strings.Trim(i, `"`), "JWT") {
			p.Wrong = "This is a token inside a token (cty JWT, RFC 7519, section 5.2). No authorizer takes one: send the inner token."
		}
		return text, "", nil
	}
	if alg := strings.Trim(p.header("alg"), `"`); strings.EqualFold(alg, "none") || parts[2] == "" {
		p.Wrong = "This token is not signed (" + map[bool]string{true: "its algorithm is none", false: "its signature is empty"}[strings.EqualFold(alg, "none")] + "): anybody can write one, and no authorizer of API Gateway takes it."
	}
	for _, m := range p.Claims {
		if m.Name == "iss" && json.Unmarshal([]byte(m.Value), &issuer) != nil {
			issuer = ""
		}
	}
	return text, issuer, nil
}

// header gives a parameter of the header, as JSON.
func (p *tokenPage) header(name string) string {
	i := slices.IndexFunc(p.Header, func(m claim) bool { return m.Name == name })
	if i < 0 {
		return ""
	}
	return p.Header[i].Value
}

// members reads the JSON object of one part of a token, in its order. Its error goes on
// after "its payload".
func members(part string, explain func(string, any) claim) ([]claim, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errors.New("is not base64url without padding (RFC 7515, section 2)")
	}
	d := json.NewDecoder(bytes.NewReader(decoded))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	var list []claim
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errors.New("is not a JSON object")
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, errors.New("is not a JSON object, or one that is nested too deep")
		}
		key, _ := name.(string)
		if slices.ContainsFunc(list, func(m claim) bool { return m.Name == key }) {
			return nil, fmt.Errorf("has %.100q twice (RFC 7519, section 4)", key)
		}
		if len(list) == maxClaims {
			return nil, fmt.Errorf("has more than %d members, which are not shown", maxClaims)
		}
		var value any
		v := json.NewDecoder(bytes.NewReader(raw))
		v.UseNumber()
		if v.Decode(&value) != nil {
			return nil, errors.New("is not a JSON object")
		}
		m := explain(key, value)
		m.Name, m.Value = shortened(key, 200), shortened(compacted(raw), maxClaimShown)
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("is not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("has more than a JSON object in it")
	}
	return list, nil
}

// compacted gives a value on one line: pretty, what is nested deep would grow with the
// square of its depth.
func compacted(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
