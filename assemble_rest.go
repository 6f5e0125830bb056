package doorwright

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/gateway"
)

// restConfig says a declared REST API in the gateway's words.
func (a *App) restConfig(s *servedAPI) *gateway.REST {
	api := s.decl
	rest := &gateway.REST{
		GatewayResponses: map[string]gateway.GatewayResponse{},
		BinaryMediaTypes: api.BinaryMediaTypes,
		APIKeySource:     strings.ToUpper(api.APIKeySource),
		Throttle:         throttle(api.Throttle),
	}
	if api.ResourcePolicy != nil {
		rest.ResourcePolicy = api.ResourcePolicy.JSON()
	}
	for kind, r := range api.GatewayResponses.All() {
		rest.GatewayResponses[kind] = gateway.GatewayResponse{
			StatusCode: r.StatusCode, Headers: maps.Collect(r.Headers.All()), Templates: maps.Collect(r.Templates.All()),
		}
	}
	for name := range api.APIKeys.All() {
		rest.APIKeys = append(rest.APIKeys, gateway.APIKey{Name: name, ID: a.apiKeyID(s.name, name), Value: s.keys[name]})
	}
	for name, plan := range api.UsagePlans.All() {
		p := gateway.UsagePlan{Name: name, Keys: plan.APIKeys, Throttle: throttle(plan.Throttle), Routes: map[string]gateway.Throttle{}}
		for key, t := range plan.Routes.All() {
			p.Routes[key] = *throttle(t)
		}
		if plan.Quota != nil {
			p.Quota = &gateway.Quota{Limit: plan.Quota.Limit, Period: strings.ToUpper(plan.Quota.Period)}
		}
		rest.UsagePlans = append(rest.UsagePlans, p)
	}
	return rest
}

func throttle(t *app.Throttle) *gateway.Throttle {
	if t == nil {
		return nil
	}
	return &gateway.Throttle{RateLimit: t.RateLimit, BurstLimit: t.BurstLimit}
}

// openAPIKeys finds the values of API keys: the declaration's secrets, or what the
// stage has made once and remembers.
func (a *App) openAPIKeys(ctx context.Context) error {
	for _, s := range a.apis {
		s.keys = map[string]string{}
		for name, key := range s.decl.APIKeys.All() {
			value, err := a.apiKeyValue(ctx, s.name, name, key)
			if err != nil {
				return fmt.Errorf("%s: %w", a.decl.Pos("apis."+s.name+".apiKeys."+name), err)
			}
			s.keys[name] = value
		}
	}
	return nil
}

func (a *App) apiKeyValue(ctx context.Context, api, name string, key *app.APIKey) (string, error) {
	if !key.Value.IsZero() {
		return a.decl.Resolve(key.Value, a.attribute)
	}
	at := apiKeySetting(api, name)
	value, ok, err := a.state.Recall(ctx, at)
	if err != nil || ok {
		return value, err
	}
	value = newAPIKey()
	return value, a.state.Remember(ctx, at, value)
}

// apiKeySetting is where a stage remembers the value of a key that it made.
func apiKeySetting(api, name string) string { return "apiKey." + api + "." + name }

// newAPIKey gives a key in the form that API Gateway makes: 40 letters and
// digits. These have 200 random bits.
func newAPIKey() string { return strings.ToLower(rand.Text() + rand.Text())[:40] }

// apiKeyID gives a key's id, ten letters and digits, the same in every run.
func (a *App) apiKeyID(api, name string) string { return apiID(a.Stack(), api+"\x00"+name) }

// apiKeyAttribute gives an attribute of a declared API key.
func (a *App) apiKeyAttribute(ref app.Ref) (string, bool) {
	i := slices.IndexFunc(a.apis, func(s *servedAPI) bool { return s.name == ref.Name })
	if i < 0 {
		return "", false
	}
	if ref.Attribute == "id" {
		return a.apiKeyID(ref.Name, ref.Client), true
	}
	value, ok := a.apis[i].keys[ref.Client]
	return value, ok
}
