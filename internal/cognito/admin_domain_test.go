package cognito_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// openDomains lets requests make domains: each gets a server of its own.
func (w *world) openDomains() map[string]*httptest.Server {
	servers := map[string]*httptest.Server{}
	w.cfg.OpenDomain = func(_ context.Context, pool string, h http.Handler) (string, error) {
		if old := servers[pool]; old != nil {
			old.Config.Handler = h
			return old.URL, nil
		}
		servers[pool] = httptest.NewServer(h)
		w.t.Cleanup(servers[pool].Close)
		return servers[pool].URL, nil
	}
	w.cfg.CloseDomain = func(pool string) { delete(servers, pool) }
	w.restart()
	return servers
}

// TestDomainOperations makes a domain, signs in there, also after a restart, and
// takes it away; a declared one is the declaration's.
func TestDomainOperations(t *testing.T) {
	declared := domainPool()
	declared.Name = "Declared"
	w := newWorld(t, domainPool(), declared)
	w.cfg.Pools[1].Domain, w.cfg.Pools[1].Origin = "declared", "http://localhost:4200"
	servers := w.openDomains()
	pool, other := w.pool(), w.svc.Pool("Declared").ID()
	in := obj{"Domain": "rides", "UserPoolId": pool}

	if out := w.do("DescribeUserPoolDomain", obj{"Domain": "rides"})["DomainDescription"].(obj); len(out) != 0 {
		t.Errorf("a domain of nobody: %v", out)
	}
	w.refused("CreateUserPoolDomain", obj{"Domain": "Rides", "UserPoolId": pool}, "InvalidParameterException",
		`1 validation error detected: Value 'Rides' at 'domain' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$`)
	w.refused("CreateUserPoolDomain", obj{"Domain": "declared", "UserPoolId": pool}, "InvalidParameterException", "Domain already associated with another user pool.")
	if a := w.send("CreateUserPoolDomain", with(in, obj{"ManagedLoginVersion": 2})); a.status != 400 {
		t.Errorf("managed login: %d %s", a.status, a.body)
	}
	if out := w.do("CreateUserPoolDomain", in); out["ManagedLoginVersion"] != 1.0 {
		t.Errorf("created: %v", out)
	}
	w.refused("CreateUserPoolDomain", obj{"Domain": "more", "UserPoolId": pool}, "InvalidParameterException", "User pool already has a domain configured.")
	if d := w.do("DescribeUserPoolDomain", obj{"Domain": "rides"})["DomainDescription"].(obj); d["UserPoolId"] != pool || d["Status"] != "ACTIVE" || d["Domain"] != "rides" {
		t.Errorf("described: %v", d)
	}
	if p := w.do("DescribeUserPool", obj{"UserPoolId": pool})["UserPool"].(obj); p["Domain"] != "rides" {
		t.Errorf("the pool's domain is %v", p["Domain"])
	}
	w.confirmed("rider@example.com")
	for range 2 {
		w.cfg.Pools[0].Origin = servers[pool].URL // where the helpers look
		b := w.browser()
		w.tokensFor(w.exchange(b.code(b.login(w.requestQuery(), "rider@example.com", goodPassword))))
		w.restart()
	}
	address := servers[pool].URL
	w.do("UpdateUserPoolDomain", in)
	w.refused("DeleteUserPoolDomain", obj{"Domain": "rides", "UserPoolId": other}, "InvalidParameterException", "No such domain or user pool exists.")
	w.do("DeleteUserPoolDomain", in)
	if a := w.ask("GET", address+"/login?"+w.requestQuery(), "", ""); a.status != 404 || len(servers) != 0 {
		t.Errorf("after its end the domain answers %d; %d servers are left", a.status, len(servers))
	}
	for _, operation := range []string{"UpdateUserPoolDomain", "DeleteUserPoolDomain"} {
		w.refused(operation, obj{"Domain": "declared", "UserPoolId": other}, "InvalidParameterException",
			"userPools.Declared.domain is declared in doorwright.yaml; change it there.")
	}
}
