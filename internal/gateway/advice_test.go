package gateway_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/sigv4"
	"github.com/doorwright/doorwright/verify/verifytest"
)

var update = flag.Bool("update", false, "write the explanations of testdata/advice anew")

// A book holds what the rows of one table of refusals are explained by, word for word:
// testdata/advice/TABLE.txt. A row without an explanation fails, and so does an
// explanation without a row.
type book struct {
	path       string
	want, told map[string]string
	order      []string
}

func openBook(t *testing.T, table string) *book {
	t.Helper()
	b := &book{path: filepath.Join("testdata", "advice", table+".txt"), want: map[string]string{}, told: map[string]string{}}
	text, err := os.ReadFile(b.path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for _, entry := range strings.Split(string(text), "\n\n") {
		if name, rest, ok := strings.Cut(strings.Trim(entry, "\n"), "\n"); ok {
			b.want[name] = rest
		}
	}
	t.Cleanup(func() { b.close(t) })
	return b
}

func (b *book) tell(t *testing.T, name, told string) {
	t.Helper()
	if b == nil {
		return
	}
	told = strings.Trim(told, "\n")
	if before, ok := b.told[name]; ok {
		if before != told {
			t.Errorf("%s is explained in two ways:\n%s\n%s", name, before, told)
		}
		return
	}
	b.told[name] = told
	b.order = append(b.order, name)
	if want, ok := b.want[name]; !*update && !ok {
		t.Errorf("the row has no explanation in %s; it is told:\n%s", b.path, told)
	} else if !*update && want != told {
		t.Errorf("told:\n%s\nwant:\n%s", told, want)
	}
}

func (b *book) close(t *testing.T) {
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") || t.Failed() && !*update {
		return // not all rows have run
	}
	for name := range b.want {
		if _, ok := b.told[name]; !ok && !*update {
			t.Errorf("%s explains %q, and there is no such row", b.path, name)
		}
	}
	if !*update {
		return
	}
	var text strings.Builder
	for _, name := range b.order {
		fmt.Fprintf(&text, "%s\n%s\n\n", name, b.told[name])
	}
	if err := os.MkdirAll(filepath.Dir(b.path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path, []byte(strings.TrimSuffix(text.String(), "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A plot is a request and all that decides on it, in a form to which a Change can be
// made: what the caller sends, how it signs, what its tokens have, what functions
// answer, and the declaration.
type plot struct {
	method, target, body string
	header               []string
	raw                  string // sent in the place of all these, if it is set
	signing              *signing
	keys                 sigv4.Credentials // of who may

	honest  func(verifytest.Claims) string // gives a token of the issuer
	scheme  string                         // before it, where there is one: "Bearer "
	inQuery string                         // the parameter that it is sent in, if it is not in the header
	claims  verifytest.Claims              // that an honest token has
	issuer  string                         // whose tokens those are
	mend    func()                         // has the issuer answer again
	mended  func()                         // has the signer sign what it sends
	value   map[string]string              // what a caller sends as VALUE, by name
	key     string                         // the value of an API key in a plan
	declare map[string]func(p *plot, value string)

	config gateway.Config
	jwt    map[string]authorizer.JWTConfig // of HTTP APIs
	pools  map[string]authorizer.JWTConfig // of REST APIs
	guards map[string]authorizer.LambdaConfig
	guard  *guard
	fakes  map[string]gateway.Authorizer
	roles  map[string][]string // statements; the account's, if it has IAM routes
	says   string              // the route's function; empty is 200
	fails  string              // the functionError that goes with it
	breaks error

	allowed func(answer) bool // nil is 200
	ahead   atomic.Int64
	names   map[string]string // of addresses that differ each time
	w       *world
}

func (p *plot) now() time.Time { return now.Add(time.Duration(p.ahead.Load())) }

// world builds what decides, unless it is there.
func (p *plot) world(t *testing.T) *world {
	t.Helper()
	if p.w != nil {
		return p.w
	}
	c := p.config
	c.Now, c.Authorizers = p.now, map[string]gateway.Authorizer{}
	maps.Copy(c.Authorizers, p.fakes)
	for name, j := range p.jwt {
		j.Name = name
		a, err := authorizer.NewJWT(p.timed(j))
		if err != nil {
			t.Fatal(err)
		}
		c.Authorizers[name] = a
	}
	for name, j := range p.pools {
		j.Name = name
		a, err := authorizer.NewUserPool(p.timed(j))
		if err != nil {
			t.Fatal(err)
		}
		c.Authorizers[name] = a
	}
	for name, l := range p.guards {
		l.Now = p.now
		c.Authorizers[name] = newGuard(t, p.guard, l)
	}
	if p.roles != nil {
		z, err := authorizer.NewIAM(accountOf(t, now, 's', p.roles), "us-east-1", p.now)
		if err != nil {
			t.Fatal(err)
		}
		c.Authorizers["iam"] = z
	}
	if p.says != "" || p.breaks != nil {
		c.Invoker = fixedReply{p.says, p.fails, p.breaks}
	}
	p.w = serve(t, c)
	return p.w
}

func (p *plot) timed(j authorizer.JWTConfig) authorizer.JWTConfig {
	j.Now = p.now
	if j.Kind == "" {
		j.Kind = "jwt"
	}
	if j.Audience == nil {
		j.Audience = []string{verifytest.Audience}
	}
	return j
}

func (p *plot) send(t *testing.T) (answer, gateway.Entry) {
	t.Helper()
	w := p.world(t)
	var a answer
	switch {
	case p.raw != "":
		a = w.raw(t, p.method, p.raw)
	case p.signing != nil:
		a = p.signing.send(t, w)
	default:
		a = w.send(t, p.method, p.target, p.body, p.header...)
	}
	return a, w.journal.last(t)
}

// followed is explained for the long lists, whose rows are not told word for word.
func (p *plot) followed(t *testing.T) {
	t.Helper()
	p.explained(t, nil, "")
}

// explained sends the request, which is refused; compares the explanation with the
// book's; makes the change that it names; and sends it again, until it passes. Who
// has two things wrong is told of one after the other: of each once.
func (p *plot) explained(t *testing.T, b *book, name string) {
	t.Helper()
	var told strings.Builder
	said := map[string]bool{}
	for range 4 {
		a, e := p.send(t)
		if p.passed(a, e) {
			if told.Len() == 0 {
				t.Errorf("it is not refused: %s", e)
			}
			b.tell(t, name, told.String())
			return
		}
		r := decidingReason(e)
		if r == nil || r.Change == nil {
			t.Fatalf("%d is not explained: %s, %+v", a.status, e, e.Reasons)
		}
		checkReason(t, r, p.secrets()...)
		text := p.tellReason(e.Status, r)
		if said[text] {
			t.Fatalf("its advice was followed, and it is still refused:\n%s\n%s", text, e)
		}
		said[text] = true
		told.WriteString(text)
		p.apply(t, r.Change)
		if t.Failed() {
			return
		}
	}
	t.Errorf("its advice was followed four times, and it is still refused:\n%s", &told)
}

func (p *plot) passed(a answer, e gateway.Entry) bool {
	if p.allowed != nil {
		return p.allowed(a)
	}
	return a.status == 200 && e.Refusal == nil
}

// decidingReason gives the reason for which a request was refused.
func decidingReason(e gateway.Entry) *authorizer.Reason {
	if e.Refusal != nil {
		return e.Refusal
	}
	if !e.Allowed && len(e.Reasons) > 0 {
		return &e.Reasons[0]
	}
	return nil
}

var varyingKey = regexp.MustCompile(`ASIA[A-Z0-9]{12,}`)

// tellReason writes a reason as the book has it. Every reason is of one line, bounded,
// printable, and shows no token.
func (p *plot) tellReason(status int, r *authorizer.Reason) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s: %s\n", status, r.Code, r.Text)
	for _, f := range r.Facts {
		sign := "x"
		if f.Match {
			sign = "="
		}
		fmt.Fprintf(&b, "  %s %s: %s; wanted %s\n", sign, f.Name, f.Got, f.Want)
	}
	fmt.Fprintf(&b, "  hint: %s\n  change: %s %s -> %s\n", r.Hint, r.Change.Where, r.Change.Name, r.Change.Value)
	text := b.String()
	for from, to := range p.names {
		text = strings.ReplaceAll(text, from, to)
	}
	host := p.w.server.Listener.Addr().String()
	text = strings.ReplaceAll(text, host, "HOST")
	text = strings.ReplaceAll(text, host[strings.LastIndexByte(host, ':'):], ":PORT")
	return varyingKey.ReplaceAllString(text, "ASIA")
}

// secrets are what no reason shows.
func (p *plot) secrets() []string {
	list := []string{keyOne, keyTwo, keyOutside, p.keys.SecretAccessKey, p.keys.SessionToken}
	if p.signing != nil {
		list = append(list, p.signing.keys.SecretAccessKey, p.signing.keys.SessionToken)
	}
	return list
}

// checkReason holds for every reason.
func checkReason(t *testing.T, r *authorizer.Reason, secrets ...string) {
	t.Helper()
	texts := []string{r.Code, r.Text, r.Hint}
	for _, f := range r.Facts {
		texts = append(texts, f.Name, f.Want, f.Got)
	}
	if r.Change != nil {
		texts = append(texts, r.Change.Name, r.Change.Value)
	}
	if len(r.Facts) == 0 {
		t.Errorf("%s has no facts", r.Code)
	}
	for _, text := range texts {
		if len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%.80q... has %d bytes, or control characters", text, len(text))
		}
		for _, s := range append(secrets, "eyJ") {
			if s != "" && strings.Contains(text, s) {
				t.Errorf("%q shows %q", text, s)
			}
		}
	}
}

// apply makes a change.
func (p *plot) apply(t *testing.T, c *authorizer.Change) {
	t.Helper()
	switch c.Where {
	case authorizer.InHeader:
		p.setHeader(c.Name, c.Value)
	case authorizer.InQuery:
		path, query, _ := strings.Cut(p.target, "?")
		v, _ := url.ParseQuery(query)
		v.Set(c.Name, p.placed(c.Name, c.Value))
		p.target = path + "?" + v.Encode()
	case authorizer.InRequest:
		p.applyToRequest(t, c)
	case authorizer.AtSigning:
		p.applyToSigning(t, c)
	case authorizer.AtLogin:
		p.applyAtLogin(t, c)
	case authorizer.AtIssuer:
		if c.Value != p.issuer || c.Name != "keys" && c.Name != "discovery document" {
			t.Errorf("%+v is not of %s", c, p.issuer)
		}
		p.mend()
		p.ahead.Add(int64(time.Minute))
	case authorizer.InDeclaration:
		p.applyToDeclaration(t, c)
	case authorizer.InRole:
		p.roles = maps.Clone(p.roles)
		p.roles[c.Name] = amended(t, p.roles[c.Name], c.Value)
		p.w = nil
	case authorizer.InPolicy:
		p.applyToPolicy(t, c)
	case authorizer.InFunction:
		p.applyToFunction(t, c)
	case authorizer.InClock:
		d, err := time.ParseDuration(c.Value)
		if err != nil || c.Name != "wait" || d <= 0 {
			t.Errorf("%+v: %v", c, err)
		}
		p.ahead.Add(int64(d))
	default:
		t.Errorf("nobody can change %q", c.Where)
	}
}

// placed puts what the caller has in the place of a word in capitals.
func (p *plot) placed(name, value string) string {
	switch {
	case strings.HasSuffix(value, "TOKEN"):
		return strings.Replace(value, "TOKEN", p.honest(p.claims), 1)
	case value == "VALUE" && p.value[name] != "":
		return p.value[name]
	case value == "KEY":
		return p.key
	}
	return value
}

func (p *plot) setHeader(name, value string) {
	if p.signing != nil && value == "" {
		p.signing.change = nil // it is what has set the header
		return
	}
	p.header = slices.DeleteFunc(slices.Clone(p.header), func(h string) bool {
		n, _, _ := strings.Cut(h, ":")
		return strings.EqualFold(n, name)
	})
	if value != "" {
		p.header = append(p.header, name+": "+p.placed(name, value))
	}
}

func (p *plot) applyToRequest(t *testing.T, c *authorizer.Change) {
	t.Helper()
	_, query, hasQuery := strings.Cut(p.target, "?")
	switch {
	case c.Name == "method":
		if p.method = c.Value; slices.ContainsFunc(p.header, func(h string) bool { return strings.HasPrefix(h, "X-HTTP-Method-Override") }) {
			p.setHeader("X-HTTP-Method-Override", c.Value)
		}
	case c.Name == "path" && strings.HasSuffix(c.Value, "bytes shorter"):
		n, _ := strconv.Atoi(strings.Fields(c.Value)[0])
		p.target = p.target[:len(p.target)-n]
	case c.Name == "path":
		if p.target = c.Value; hasQuery {
			p.target += "?" + query
		}
	case c.Name == "query" && c.Value == "%7C for |":
		p.target = strings.ReplaceAll(p.target, "|", "%7C")
	case c.Name == "headers":
		p.header = slices.DeleteFunc(slices.Clone(p.header), func(h string) bool { return len(h) > 1000 })
		p.target, _, _ = strings.Cut(p.target, "?")
	case c.Name == "body":
		p.raw, p.body = "", "x"
	default:
		t.Errorf("nobody knows how to apply %+v", c)
	}
}

func (p *plot) applyToSigning(t *testing.T, c *authorizer.Change) {
	t.Helper()
	s := p.signing
	switch c.Name {
	case "request", "algorithm", "method", "path", "query", "host", "body":
		if s.change, s.header, s.keys = nil, nil, p.keys; p.mended != nil {
			p.mended()
		}
	case "credentials":
		s.keys = p.keys
	case "region":
		s.region = c.Value
	case "service":
		s.service = c.Value
	case "date":
		at, err := time.Parse("20060102T150405Z", c.Value)
		if err != nil {
			t.Error(err)
		}
		s.at = at
	case "headers":
		r := s.request(t, p.world(t))
		s.header, s.change = map[string][]string{}, nil
		for name, values := range r.Header {
			if strings.EqualFold(name, c.Value) {
				s.header[name] = values
			}
		}
	default:
		t.Errorf("nobody knows how to apply %+v", c)
	}
}

// applyAtLogin gets another token and sends it where the one before was.
func (p *plot) applyAtLogin(t *testing.T, c *authorizer.Change) {
	t.Helper()
	p.claims = maps.Clone(p.claims)
	if p.claims == nil {
		p.claims = verifytest.Claims{}
	}
	switch c.Name {
	case "token", "exp", "nbf", "iat":
	case "issuer":
		if c.Value != p.issuer {
			t.Errorf("it advises a token of %s, which is not the issuer %s", c.Value, p.issuer)
		}
	case "alg":
		if c.Value != "RS256" {
			t.Errorf("it advises %s", c.Value)
		}
	case "audience":
		if p.claims["aud"] = c.Value; p.claims["client_id"] != nil {
			p.claims["aud"], p.claims["client_id"] = verifytest.Absent, c.Value
		}
	default:
		if p.claims[c.Name] = c.Value; c.Value == "" {
			delete(p.claims, c.Name) // as the issuer makes it
		}
		if aud, ok := p.claims["aud"].(string); ok && c.Name == "token_use" && c.Value == "access" {
			p.claims["client_id"], p.claims["aud"] = aud, verifytest.Absent
		}
	}
	if p.inQuery != "" {
		p.apply(t, &authorizer.Change{Where: authorizer.InQuery, Name: p.inQuery, Value: "TOKEN"})
		return
	}
	p.setHeader("Authorization", p.scheme+p.honest(p.claims))
}

func (p *plot) applyToDeclaration(t *testing.T, c *authorizer.Change) {
	t.Helper()
	name, ok := strings.CutPrefix(c.Name, "apis.Api.")
	if !ok {
		t.Errorf("%q is not a path of the API's", c.Name)
	}
	p.w = nil
	if name == "routes" {
		function := "added"
		p.config.Routes = append(slices.Clone(p.config.Routes), gateway.Route{Key: c.Value, Authorizer: gateway.None, Function: function})
		return
	}
	change := p.declare[name]
	if change == nil {
		t.Fatalf("nobody knows how to apply %+v", c)
	}
	change(p, c.Value)
}

// amended adds a statement, or takes one out: "without statement 2 (Sid)".
func amended(t *testing.T, statements []string, value string) []string {
	t.Helper()
	if rest, ok := strings.CutPrefix(value, "without statement "); ok {
		number, _, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(statements) {
			t.Fatalf("there is no %q of %d", value, len(statements))
		}
		return slices.Delete(slices.Clone(statements), n-1, n)
	}
	if !json.Valid([]byte(value)) {
		t.Fatalf("%q is no statement", value)
	}
	return append(slices.Clone(statements), value)
}

func (p *plot) applyToPolicy(t *testing.T, c *authorizer.Change) {
	t.Helper()
	if c.Name != "apis.Api.resourcePolicy" {
		t.Errorf("%q is no policy here", c.Name)
	}
	var doc struct{ Statement []json.RawMessage }
	if err := json.Unmarshal(p.config.REST.ResourcePolicy, &doc); err != nil {
		t.Fatal(err)
	}
	var statements []string
	for _, s := range doc.Statement {
		statements = append(statements, string(s))
	}
	rest := *p.config.REST
	rest.ResourcePolicy = policyOf(amended(t, statements, c.Value)...)
	p.config.REST, p.w = &rest, nil
}

func (p *plot) applyToFunction(t *testing.T, c *authorizer.Change) {
	t.Helper()
	switch {
	case p.guard != nil && c.Name == "guard":
		p.guard.says(c.Value)
		p.w = nil // what is kept is forgotten: the function's code has changed
	case p.fakes[c.Name] != nil && c.Value == "usageIdentifierKey":
		p.fakes[c.Name] = decides{authorizer.Decision{Allow: true, UsageIdentifierKey: p.key}}
		p.w = nil
	case p.fakes[c.Name] != nil:
		p.fakes[c.Name] = decides{authorizer.Decision{Allow: true}}
		p.w = nil
	case p.says != "" || p.breaks != nil:
		p.says, p.fails, p.breaks, p.w = c.Value, "", nil, nil
	default:
		t.Errorf("nobody knows how to apply %+v", c)
	}
}
