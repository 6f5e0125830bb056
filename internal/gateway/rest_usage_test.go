package gateway_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/authorizer"
	"github.com/doorwright/doorwright/internal/gateway"
	"github.com/doorwright/doorwright/internal/wire/apigw"
)

const (
	keyOne     = "one-0123456789abcdefghij"
	keyTwo     = "two-0123456789abcdefghij"
	keyOutside = "out-0123456789abcdefghij"

	bodyTooMany   = `{"message":"Too Many Requests"}`
	bodyLimit     = `{"message":"Limit Exceeded"}`
	errorKey      = "ForbiddenException"
	errorThrottle = "TooManyRequestsException"
	errorLimit    = "LimitExceededException"
)

// usageREST is an API with two keys in a plan and one in none, and a clock.
func usageREST(t *testing.T, plan gateway.UsagePlan, change func(*gateway.Config)) (*world, *atomic.Int64) {
	t.Helper()
	var ahead atomic.Int64 // nanoseconds after now
	c := usageConfig(plan, change)
	c.Now = func() time.Time { return now.Add(time.Duration(ahead.Load())) }
	return serve(t, c), &ahead
}

// usagePlot is a request to such an API as advice can change it.
func usagePlot(plan gateway.UsagePlan, change func(*gateway.Config)) *plot {
	c := usageConfig(plan, change)
	return &plot{
		method: "GET", target: "/dev/keyed", header: []string{"x-api-key: " + keyOne}, config: c, key: keyTwo, fakes: c.Authorizers,
		declare: map[string]func(*plot, string){
			"usagePlans.basic.apiKeys": func(p *plot, value string) {
				p.plan(func(u *gateway.UsagePlan) { u.Keys = append(slices.Clone(u.Keys), value) })
			},
			"usagePlans.basic.throttle.burstLimit": func(p *plot, value string) {
				p.plan(func(u *gateway.UsagePlan) { u.Throttle = &gateway.Throttle{BurstLimit: number(value)} })
			},
			"usagePlans.basic.routes.GET /keyed.burstLimit": func(p *plot, value string) {
				p.plan(func(u *gateway.UsagePlan) {
					u.Routes = map[string]gateway.Throttle{"GET /keyed": {BurstLimit: number(value)}}
				})
			},
			"routes.GET /keyed.throttle.burstLimit": func(p *plot, value string) {
				p.config.Routes = slices.Clone(p.config.Routes)
				p.config.Routes[0].Throttle = &gateway.Throttle{BurstLimit: number(value)}
			},
			"throttle.burstLimit": func(p *plot, value string) {
				rest := *p.config.REST
				rest.Throttle = &gateway.Throttle{BurstLimit: number(value)}
				p.config.REST = &rest
			},
		},
	}
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// plan changes the usage plan.
func (p *plot) plan(change func(*gateway.UsagePlan)) {
	rest := *p.config.REST
	rest.UsagePlans = slices.Clone(rest.UsagePlans)
	change(&rest.UsagePlans[0])
	p.config.REST = &rest
}

// Limits that are reached are explained, and whoever waits as long as they say, or
// raises them, passes.
func TestLimitsAreExplained(t *testing.T) {
	explanations := openBook(t, "rest-limits")
	for _, row := range []struct {
		name   string
		plan   gateway.UsagePlan
		change func(*gateway.Config)
	}{
		{"the rate of a key", gateway.UsagePlan{Throttle: &gateway.Throttle{RateLimit: 3, BurstLimit: 1}}, nil},
		{"a key's burst at rate 0", gateway.UsagePlan{Throttle: &gateway.Throttle{BurstLimit: 1}}, nil},
		{"no burst at all", gateway.UsagePlan{Throttle: &gateway.Throttle{RateLimit: 5}}, nil},
		{"a key's burst on a route", gateway.UsagePlan{Throttle: &gateway.Throttle{RateLimit: 5, BurstLimit: 5}, Routes: map[string]gateway.Throttle{"GET /keyed": {BurstLimit: 1}}}, nil},
		{"the quota of a day", gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1, Period: "DAY"}}, nil},
		{"the quota of a week", gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1, Period: "WEEK"}}, nil},
		{"the quota of a month", gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1, Period: "MONTH"}}, nil},
		{"the rate of a route", gateway.UsagePlan{}, func(c *gateway.Config) { c.Routes[0].Throttle = &gateway.Throttle{RateLimit: 2, BurstLimit: 1} }},
		{"a route's burst", gateway.UsagePlan{}, func(c *gateway.Config) { c.Routes[0].Throttle = &gateway.Throttle{BurstLimit: 1} }},
		{"the burst of every route", gateway.UsagePlan{}, func(c *gateway.Config) { c.REST.Throttle = &gateway.Throttle{BurstLimit: 1} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := usagePlot(row.plan, row.change)
			p.send(t) // takes what there is
			p.explained(t, explanations, row.name)
		})
	}
}

func usageConfig(plan gateway.UsagePlan, change func(*gateway.Config)) gateway.Config {
	c := baseREST(
		gateway.Route{Key: "GET /keyed", Authorizer: gateway.None, Function: "f", APIKeyRequired: true},
		gateway.Route{Key: "GET /other", Authorizer: gateway.None, Function: "f", APIKeyRequired: true},
		gateway.Route{Key: "GET /open", Authorizer: gateway.None, Function: "f"},
	)
	c.REST.APIKeys = []gateway.APIKey{{Name: "one", ID: "id1", Value: keyOne}, {Name: "two", ID: "id2", Value: keyTwo}, {Name: "outside", ID: "id3", Value: keyOutside}}
	plan.Name, plan.Keys = "basic", []string{"one", "two"}
	c.REST.UsagePlans = []gateway.UsagePlan{plan}
	if change != nil {
		change(&c)
	}
	return c
}

// Every way of not having an API key is one answer.
func TestAPIKeyDenyTable(t *testing.T) {
	w, _ := usageREST(t, gateway.UsagePlan{}, nil)
	explanations := openBook(t, "rest-keys")
	for _, tt := range []struct {
		name, path string
		header     []string
		line       string
	}{
		{"none", "/dev/keyed", nil, "no API key: the header x-api-key is not there"},
		{"an empty one", "/dev/keyed", []string{"x-api-key: "}, "no API key"},
		{"an unknown one", "/dev/keyed", []string{"x-api-key: " + strings.Repeat("x", 24)}, "there is no such API key"},
		{"the beginning of one", "/dev/keyed", []string{"x-api-key: " + keyOne[:20]}, "there is no such API key"},
		{"one and more", "/dev/keyed", []string{"x-api-key: " + keyOne + "x"}, "there is no such API key"},
		{"one in another case", "/dev/keyed", []string{"x-api-key: " + strings.ToUpper(keyOne)}, "there is no such API key"},
		{"an id in its place", "/dev/keyed", []string{"x-api-key: id1"}, "there is no such API key"},
		{"one in no plan", "/dev/keyed", []string{"x-api-key: " + keyOutside}, "the API key outside is in no usage plan"},
		{"two", "/dev/keyed", []string{"x-api-key: " + keyOne, "x-api-key: " + keyTwo}, "more than once"},
		{"one in the query", "/dev/keyed?x-api-key=" + keyOne, nil, "no API key"},
		{"one as a bearer token", "/dev/keyed", []string{"Authorization: Bearer " + keyOne}, "no API key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.do(t, "GET", tt.path, tt.header...).assertFailure(t, 403, errorKey, bodyForbidden)
			line := w.journal.last(t).String()
			if !strings.Contains(line, tt.line) {
				t.Errorf("line %q, want %q in it", line, tt.line)
			}
			for _, k := range []string{keyOne, keyTwo, keyOutside} {
				if strings.Contains(line, k) {
					t.Errorf("line %q has a key", line)
				}
			}
			p := usagePlot(gateway.UsagePlan{}, nil)
			p.target, p.header = tt.path, tt.header
			p.explained(t, explanations, tt.name)
		})
	}
	if n := w.invoker.calls.Load(); n != 0 {
		t.Errorf("invoked %d times", n)
	}
	w.do(t, "GET", "/dev/keyed", "X-API-Key: "+keyTwo)
	if e := w.invoker.lastREST(t); e.RequestContext.Identity.APIKey != keyTwo || e.RequestContext.Identity.APIKeyID != "id2" {
		t.Errorf("identity of the event %+v", e.RequestContext.Identity)
	}
	w.do(t, "GET", "/dev/open", "X-API-Key: "+keyTwo)
	if text := w.invoker.lastText(); strings.Contains(text, `"apiKey"`) {
		t.Errorf("a route without a key has one in its event: %s", text)
	}
}

// The bucket of a key: a burst, then the rate, for each key apart.
func TestUsagePlanThrottle(t *testing.T) {
	w, ahead := usageREST(t, gateway.UsagePlan{Throttle: &gateway.Throttle{RateLimit: 2, BurstLimit: 3}}, nil)
	ask := func(path, key string, want int) {
		t.Helper()
		a := w.do(t, "GET", path, "x-api-key: "+key)
		if want == 429 {
			a.assertFailure(t, 429, errorThrottle, bodyTooMany)
		} else if a.status != want {
			t.Errorf("%v, want %d", a, want)
		}
	}
	ask("/dev/keyed", keyOne, 200)
	ask("/dev/other", keyOne, 200)
	ask("/dev/keyed", keyOne, 200)
	ask("/dev/other", keyOne, 429)
	if line := w.journal.last(t).String(); !strings.Contains(line, "the API key one is over the rate of its usage plan basic") {
		t.Errorf("line %q", line)
	}
	ask("/dev/keyed", keyTwo, 200)
	ahead.Store(int64(499 * time.Millisecond))
	ask("/dev/keyed", keyOne, 429)
	ahead.Store(int64(500 * time.Millisecond))
	ask("/dev/keyed", keyOne, 200)
	ask("/dev/keyed", keyOne, 429)
	ahead.Store(int64(time.Hour)) // no more than a burst comes together
	for range 3 {
		ask("/dev/keyed", keyOne, 200)
	}
	ask("/dev/keyed", keyOne, 429)
	ahead.Store(0) // a clock that goes back brings nothing, nor does it twice
	ask("/dev/keyed", keyOne, 429)
	ahead.Store(int64(time.Hour))
	ask("/dev/keyed", keyOne, 429)
	if a := w.do(t, "GET", "/dev/open"); a.status != 200 {
		t.Errorf("a route without a key: %v", a)
	}
}

// A limit for a route stands in the place of the plan's own.
func TestUsagePlanRoutes(t *testing.T) {
	w, _ := usageREST(t, gateway.UsagePlan{
		Throttle: &gateway.Throttle{BurstLimit: 2},
		Routes:   map[string]gateway.Throttle{"GET /other": {BurstLimit: 1}},
	}, nil)
	var got []int
	for _, path := range []string{"/dev/other", "/dev/other", "/dev/keyed", "/dev/keyed", "/dev/keyed"} {
		got = append(got, w.do(t, "GET", path, "x-api-key: "+keyOne).status)
	}
	if want := [5]int{200, 429, 200, 200, 429}; [5]int(got) != want {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

// A quota counts to the end of its period in UTC.
func TestQuota(t *testing.T) {
	for _, tt := range []struct {
		period string
		before time.Time // the last moment of the period that now is in
	}{
		{"DAY", time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC)},
		{"WEEK", time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC)}, // a Saturday
		{"MONTH", time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)},
	} {
		w, ahead := usageREST(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 2, Period: tt.period}}, nil)
		ask := func(key string) answer { return w.do(t, "GET", "/dev/keyed", "x-api-key: "+key) }
		ask(keyOne)
		if a := ask(keyOne); a.status != 200 {
			t.Errorf("%s: the second: %v", tt.period, a)
		}
		ask(keyOne).assertFailure(t, 429, errorLimit, bodyLimit)
		if a := ask(keyTwo); a.status != 200 {
			t.Errorf("%s: the other key: %v", tt.period, a)
		}
		ahead.Store(int64(tt.before.Sub(now)))
		ask(keyOne).assertFailure(t, 429, errorLimit, bodyLimit)
		ahead.Store(int64(tt.before.Sub(now) + time.Second))
		if a := ask(keyOne); a.status != 200 {
			t.Errorf("%s: in the next period: %v", tt.period, a)
		}
		ahead.Store(0) // a clock that goes back does not begin a period
		ask(keyOne)
		ask(keyOne).assertFailure(t, 429, errorLimit, bodyLimit)
	}
}

// The limit of a route holds for everybody together.
func TestRouteThrottle(t *testing.T) {
	w, ahead := usageREST(t, gateway.UsagePlan{}, func(c *gateway.Config) {
		c.REST.Throttle = &gateway.Throttle{RateLimit: 1, BurstLimit: 1}
		c.Routes[0].Throttle = &gateway.Throttle{RateLimit: 1, BurstLimit: 2}
		c.REST.GatewayResponses = responses{"THROTTLED": {Headers: map[string]string{"Retry-After": "'1'"}}}
	})
	var got []int
	for range 2 {
		got = append(got, w.do(t, "GET", "/dev/open").status)
	}
	for _, key := range []string{keyOne, keyTwo, keyTwo} {
		got = append(got, w.do(t, "GET", "/dev/keyed", "x-api-key: "+key).status)
	}
	if want := [5]int{200, 429, 200, 200, 429}; [5]int(got) != want {
		t.Errorf("statuses %v, want %v", got, want)
	}
	w.do(t, "GET", "/dev/open").assertREST(t, 429, bodyTooMany, "Content-Type: application/json", "X-Amzn-Errortype: "+errorThrottle, "Retry-After: 1")
	ahead.Store(int64(time.Second))
	if a := w.do(t, "GET", "/dev/open"); a.status != 200 {
		t.Errorf("a second later: %v", a)
	}
}

// However many ask at once, a bucket and a quota give out what they have.
func TestLimitsUnderConcurrency(t *testing.T) {
	const burst, asked = 50, 200
	w, _ := usageREST(t, gateway.UsagePlan{Throttle: &gateway.Throttle{BurstLimit: burst}, Quota: &gateway.Quota{Limit: burst, Period: "DAY"}}, nil)
	var wait sync.WaitGroup
	for range asked {
		wait.Go(func() {
			r, err := http.NewRequest("GET", w.server.URL+"/dev/keyed", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("x-api-key", keyOne)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	wait.Wait()
	if n := w.invoker.calls.Load(); n != burst {
		t.Errorf("%d of %d requests passed, want %d", n, asked, burst)
	}
}

// A key that comes from the authorizer, and nothing else, counts.
func TestAPIKeyFromAuthorizer(t *testing.T) {
	explanations := openBook(t, "rest-keys-of-authorizers")
	for _, tt := range []struct {
		name, named string
		want        int
		line        string
	}{{"a key", keyOne, 200, ""}, {"none", "", 403, "no usageIdentifierKey"}, {"nonsense", "nonsense", 403, "no such API key"}, {"a key in no plan", keyOutside, 403, "in no usage plan"}} {
		change := func(c *gateway.Config) {
			c.REST.APIKeySource = gateway.KeyFromAuthorizer
			c.Authorizers = map[string]gateway.Authorizer{"guard": decides{authorizer.Decision{Allow: true, UsageIdentifierKey: tt.named}}}
			for i := range c.Routes {
				c.Routes[i].Authorizer = "guard"
			}
		}
		w, _ := usageREST(t, gateway.UsagePlan{}, change)
		if tt.want != 200 {
			usagePlot(gateway.UsagePlan{}, change).explained(t, explanations, tt.name)
		}
		a := w.do(t, "GET", "/dev/keyed", "x-api-key: "+keyTwo)
		if a.status != tt.want || !strings.Contains(w.journal.last(t).String(), tt.line) {
			t.Errorf("%q: %v (%s)", tt.named, a, w.journal.last(t))
		}
		if tt.want == 200 && w.invoker.lastREST(t).RequestContext.Identity.APIKeyID != "id1" {
			t.Errorf("event %s", w.invoker.lastText())
		}
	}
}

// What an authorizer function has said can stand in an answer.
func TestGatewayResponseOfCaller(t *testing.T) {
	w, _ := usageREST(t, gateway.UsagePlan{}, func(c *gateway.Config) {
		caller := &apigw.Caller{PrincipalID: "rider", Context: []apigw.Member{{Name: "plan", Value: []byte(`"g\"old"`)}, {Name: "n", Value: []byte(`12`)}}}
		c.Authorizers = map[string]gateway.Authorizer{"guard": decides{authorizer.Decision{Allow: true, Caller: caller}}}
		c.Routes[0].Authorizer = "guard"
		c.REST.GatewayResponses = responses{"INVALID_API_KEY": {Templates: map[string]string{"text/plain": "$context.authorizer.principalId $context.authorizer.plan $context.authorizer.n [$context.authorizer.none]"}}}
	})
	w.do(t, "GET", "/dev/keyed").assertREST(t, 403, `rider g"old 12 []`, "Content-Type: text/plain", "X-Amzn-Errortype: "+errorKey)
	w.do(t, "GET", "/dev/other").assertREST(t, 403, "   []", "Content-Type: text/plain", "X-Amzn-Errortype: "+errorKey)
}

// Keys come after the authorizer and before the validator.
func TestOrderOfREST(t *testing.T) {
	w, _ := usageREST(t, gateway.UsagePlan{}, func(c *gateway.Config) {
		c.Authorizers = map[string]gateway.Authorizer{"no": decides{authorizer.Decision{Status: 401}}}
		c.Routes[0].Authorizer = "no"
		c.Routes[1].RequestParameters = []string{"method.request.querystring.q"}
	})
	w.do(t, "GET", "/dev/keyed").assertFailure(t, 401, "UnauthorizedException", bodyUnauthorized)
	w.do(t, "GET", "/dev/other").assertFailure(t, 403, errorKey, bodyForbidden)
	w.do(t, "GET", "/dev/other", "x-api-key: "+keyOne).assertFailure(t, 400, "BadRequestException", `{"message":"Missing required request parameters: [q]"}`)
}

func TestUsageMistakes(t *testing.T) {
	c := baseREST(gateway.Route{Key: "GET /a", Authorizer: gateway.None, Function: "f", APIKeyRequired: true, Throttle: &gateway.Throttle{RateLimit: -1}})
	c.Invoker = &invoker{}
	c.REST.APIKeySource = gateway.KeyFromAuthorizer
	c.REST.APIKeys = []gateway.APIKey{{Name: "a", Value: keyOne}, {Name: "b", Value: keyOne}, {Name: "short", Value: "x"}, {Name: "line", Value: keyTwo + "\r\n"}}
	c.REST.UsagePlans = []gateway.UsagePlan{
		{Name: "p", Keys: []string{"a", "nobody"}, Throttle: &gateway.Throttle{BurstLimit: -1}, Routes: map[string]gateway.Throttle{"GET /b": {}}},
		{Name: "q", Keys: []string{"a"}, Quota: &gateway.Quota{Limit: 1, Period: "YEAR"}},
	}
	_, err := gateway.New(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"would come from its authorizer", "keys a and b are the same", "API key short", "API key line", "no API key nobody", "in the plan p already", `no route "GET /b"`, `"YEAR"`, "burst of -1", "throttle of -1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	for _, k := range []string{keyOne, keyTwo} {
		if strings.Contains(err.Error(), k) {
			t.Errorf("error %v has a key", err)
		}
	}
}
