package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An APIKey opens routes that require one, through a usage plan. A key says who
// is counted, not who may call.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
type APIKey struct {
	// Name is the key's name in the declaration; ID is identity.apiKeyId.
	Name, ID string
	// Value is the secret, 20 to 128 visible characters.
	Value string
}

// A UsagePlan says how often the holders of its keys may call.
type UsagePlan struct {
	Name string
	// Keys are names of API keys. A key is in one plan only.
	Keys []string
	// Throttle bounds each key over all routes. Nil is no bound.
	Throttle *Throttle
	// Routes bound each key on a route, by route key, in the place of Throttle.
	Routes map[string]Throttle
	// Quota bounds the requests of each key in a period. Nil is no bound.
	Quota *Quota
}

// A Throttle is a token bucket.
type Throttle struct {
	// RateLimit is how many tokens come in a second, BurstLimit how many there
	// are at most. A rate of zero lets nothing pass once the burst is spent.
	RateLimit, BurstLimit int
}

// A Quota is a number of requests in a period of the calendar, in UTC.
type Quota struct {
	Limit  int
	Period string // "DAY", "WEEK", "MONTH"
}

// Sources of API keys.
const (
	KeyFromHeader     = "HEADER"     // x-api-key
	KeyFromAuthorizer = "AUTHORIZER" // usageIdentifierKey of the authorizer's reply
)

// usage is the compiled form of keys and plans. What it counts lives as long as
// the gateway.
type usage struct {
	source string
	keys   []*apiKey
}

type apiKey struct {
	APIKey
	sum    [sha256.Size]byte
	plan   *UsagePlan
	bucket *bucket            // nil without a throttle
	routes map[string]*bucket // by route key
	quota  *counter           // nil without a quota
}

// compileUsage checks keys and plans.
func compileUsage(c *Config) (u *usage, err error) {
	var mistakes []error
	note := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	u = &usage{source: c.REST.APIKeySource}
	if u.source == "" {
		u.source = KeyFromHeader
	}
	if u.source != KeyFromHeader && u.source != KeyFromAuthorizer {
		note("apiKeySource %q is neither %s nor %s", u.source, KeyFromHeader, KeyFromAuthorizer)
	}
	byName := map[string]*apiKey{}
	for _, k := range c.REST.APIKeys {
		key := &apiKey{APIKey: k, sum: sha256.Sum256([]byte(k.Value))}
		if len(k.Value) < 20 || len(k.Value) > 128 || !validValue(k.Value) {
			note("API key %s: its value does not have 20 to 128 characters that a header can hold", k.Name)
		}
		for _, other := range u.keys {
			if other.sum == key.sum || other.Name == k.Name {
				note("API keys %s and %s are the same", other.Name, k.Name)
			}
		}
		byName[k.Name] = key
		u.keys = append(u.keys, key)
	}
	for i := range c.REST.UsagePlans {
		plan := &c.REST.UsagePlans[i]
		if err := plan.check(c.Routes); err != nil {
			note("usage plan %s: %w", plan.Name, err)
		}
		for _, name := range plan.Keys {
			key := byName[name]
			switch {
			case key == nil:
				note("usage plan %s: there is no API key %s", plan.Name, name)
			case key.plan != nil:
				note("usage plan %s: the API key %s is in the plan %s already", plan.Name, name, key.plan.Name)
			default:
				key.join(plan)
			}
		}
	}
	return u, errors.Join(mistakes...)
}

func (p *UsagePlan) check(routes []Route) error {
	var mistakes []error
	if err := p.Throttle.check(); err != nil {
		mistakes = append(mistakes, err)
	}
	for key, t := range p.Routes {
		if err := t.check(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: %w", key, err))
		}
		if !slices.ContainsFunc(routes, func(r Route) bool { return r.Key == key }) {
			mistakes = append(mistakes, fmt.Errorf("there is no route %q", key))
		}
	}
	if q := p.Quota; q != nil && (q.Limit < 1 || q.Period != "DAY" && q.Period != "WEEK" && q.Period != "MONTH") {
		mistakes = append(mistakes, fmt.Errorf("quota %d a %q is not 1 or more a DAY, WEEK or MONTH", q.Limit, q.Period))
	}
	return errors.Join(mistakes...)
}

func (t *Throttle) check() error {
	if t != nil && (t.RateLimit < 0 || t.BurstLimit < 0) {
		return fmt.Errorf("throttle of %d with a burst of %d is negative", t.RateLimit, t.BurstLimit)
	}
	return nil
}

// join puts a key into its plan, with buckets and a counter of its own.
func (k *apiKey) join(p *UsagePlan) {
	k.plan, k.bucket, k.routes = p, newBucket(p.Throttle), map[string]*bucket{}
	for key, t := range p.Routes {
		k.routes[key] = newBucket(&t)
	}
	if p.Quota != nil {
		k.quota = &counter{quota: *p.Quota}
	}
}

// find gives the key with a value, or nil. It takes as long for any value: sums
// are compared, each of them, and none gives away where it differs.
func (u *usage) find(value string) (found *apiKey) {
	sum := sha256.Sum256([]byte(value))
	for _, k := range u.keys {
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found = k
		}
	}
	return found
}

// A bucket is a token bucket. It begins full.
type bucket struct {
	limit  Throttle
	mu     sync.Mutex
	tokens float64   // guarded by mu
	at     time.Time // when tokens was right; guarded by mu
}

func newBucket(t *Throttle) *bucket {
	if t == nil {
		return nil
	}
	return &bucket{limit: *t, tokens: float64(t.BurstLimit)}
}

// take takes a token, if there is one; dry only looks. No bucket lets everything pass.
func (b *bucket) take(now time.Time, dry bool) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch passed := now.Sub(b.at); {
	case b.at.IsZero():
		b.at = now
	case passed > 0: // a clock that was set back brings no time twice
		b.tokens = min(b.tokens+passed.Seconds()*float64(b.limit.RateLimit), float64(b.limit.BurstLimit))
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	if !dry {
		b.tokens--
	}
	return true
}

// A counter counts the requests of a period.
type counter struct {
	quota Quota
	mu    sync.Mutex
	from  time.Time // when the period began; guarded by mu
	used  int       // guarded by mu
}

// take counts a request, if there is room for it; dry only looks. No counter has
// room always.
func (c *counter) take(now time.Time, dry bool) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if from := c.quota.begin(now); from.After(c.from) {
		c.from, c.used = from, 0
	}
	if c.used >= c.quota.Limit {
		return false
	}
	if !dry {
		c.used++
	}
	return true
}

// begin gives when the period of a moment began. A week begins on Sunday.
func (q Quota) begin(now time.Time) time.Time {
	year, month, day := now.UTC().Date()
	switch q.Period {
	case "WEEK":
		day -= int(now.UTC().Weekday())
	case "MONTH":
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// The causes of refusals, for the log.
var (
	errNoAPIKey        = errors.New("no API key: the header x-api-key is not there")
	errNoIdentifierKey = errors.New("the authorizer's reply has no usageIdentifierKey")
	errSeveralKeys     = errors.New("the header x-api-key is there more than once")
	errUnknownAPIKey   = errors.New("there is no such API key")
)

// admit asks for the API key where the route requires one, then for the limits:
// of the key on this route or over all of them, of the key's quota, of the
// route. It answers a request that it does not admit.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
func (x *exchange) admit() bool {
	now := x.entry.Time
	x.reach(AtAPIKey)
	if x.match.apiKeyRequired {
		key, err := x.apiKey()
		if err != nil {
			x.fail(invalidAPIKey, err)
			return false
		}
		x.rest.key = key
		if t := x.entry.Trace; t != nil {
			t.APIKey, t.UsagePlan = key.Name, key.plan.Name
		}
		x.reach(AtLimits)
		limit, ok := key.routes[x.match.key]
		if !ok {
			limit = key.bucket
		}
		if !limit.take(now, x.dry) {
			x.fail(throttled, x.throttledReason(limit, key))
			return false
		}
		if !key.quota.take(now, x.dry) {
			x.fail(quotaExceeded, x.quotaReason(key))
			return false
		}
	}
	x.reach(AtLimits)
	if !x.match.throttle.take(now, x.dry) {
		x.fail(throttled, x.throttledReason(x.match.throttle, nil))
		return false
	}
	return true
}

// apiKey gives the key that the request brings, in a plan.
func (x *exchange) apiKey() (*apiKey, error) {
	u := x.g.rest.usage
	value := x.rest.decision.UsageIdentifierKey
	if u.source == KeyFromHeader {
		values := x.r.Header[http.CanonicalHeaderKey(apiKeyHeader)]
		switch {
		case len(values) == 0 || values[0] == "":
			return nil, x.apiKeyReason(errNoAPIKey, nil, "")
		case len(values) > 1:
			return nil, x.apiKeyReason(errSeveralKeys, nil, "")
		}
		value = values[0]
	} else if value == "" {
		return nil, x.apiKeyReason(errNoIdentifierKey, nil, "")
	}
	key := u.find(value)
	switch {
	case key == nil:
		return nil, x.apiKeyReason(errUnknownAPIKey, nil, value)
	case key.plan == nil:
		return nil, x.apiKeyReason(fmt.Errorf("the API key %s is in no usage plan", key.Name), key, "")
	}
	return key, nil
}
