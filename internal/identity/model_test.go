package identity_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var modelSteps = flag.Int("model-steps", 1500, "how many random operations TestModel does")

// model is what identities are, said a second time: as plain as can be.
type model struct {
	w *world
	// owner is the identity of each login, PROVIDER SUBJECT.
	owner map[string]string
	// guest says of each identity there is whether it never had a login, and parent
	// what it was merged into.
	guest  map[string]bool
	parent map[string]string
	// all are the identities that there ever were, by age.
	all []string
}

func (m *model) survivor(id string) string {
	if p := m.parent[id]; p != "" {
		return p
	}
	return id
}

func provider(login string) string { p, _, _ := strings.Cut(login, " "); return p }

// oldest gives the first made of the logins' identities.
func (m *model) oldest(logins []string) string {
	for _, id := range m.all {
		for _, l := range logins {
			if m.owner[l] == id {
				return id
			}
		}
	}
	return ""
}

// gather gives base all logins and the identities behind them, or nothing if that
// makes two of one provider.
func (m *model) gather(base string, logins []string) string {
	owner := maps.Clone(m.owner)
	merged := map[string]bool{}
	for _, l := range logins {
		if was := owner[l]; was != "" && was != base {
			merged[was] = true
		}
	}
	for l, id := range owner {
		if merged[id] {
			owner[l] = base
		}
	}
	for _, l := range logins {
		owner[l] = base
	}
	seen := map[string]bool{}
	for l, id := range owner {
		if p := provider(l); id == base && p != developer {
			if seen[p] {
				return "ResourceConflictException"
			}
			seen[p] = true
		}
	}
	m.owner = owner
	for id := range merged {
		m.merge(id, base)
	}
	m.guest[base] = false
	return ""
}

func (m *model) merge(from, into string) {
	for l, id := range m.owner {
		if id == from {
			m.owner[l] = into
		}
	}
	for id, p := range m.parent {
		if p == from {
			m.parent[id] = into
		}
	}
	m.parent[from], m.guest[from] = into, false
}

// join is what a request for an identity, with logins, comes to: a code, or the
// identity.
func (m *model) join(id string, logins []string) (code, got string) {
	if _, ok := m.guest[id]; !ok {
		return "ResourceNotFoundException", ""
	}
	id = m.survivor(id)
	if len(logins) == 0 {
		if !m.guest[id] {
			return "NotAuthorizedException", ""
		}
		return "", id
	}
	base := id
	if m.guest[id] {
		if o := m.oldest(logins); o != "" {
			base = o
		}
	} else if !slices.ContainsFunc(logins, func(l string) bool { return m.owner[l] == id }) {
		return "NotAuthorizedException", ""
	}
	if code := m.gather(base, logins); code != "" {
		return code, ""
	}
	if base != id {
		m.merge(id, base)
	}
	return "", base
}

// made takes in an identity that the service made.
func (m *model) made(id string, guest bool) {
	m.guest[id], m.all = guest, append(m.all, id)
}

// TestModel does random operations on identities and holds each answer, and at the
// end all that is kept, against the model.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	w := newWorld(t)
	m := &model{w: w, owner: map[string]string{}, guest: map[string]bool{}, parent: map[string]string{}}
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	codes := map[string]int{}
	for step := range *modelSteps {
		w.advance(time.Millisecond)
		if step%100 == 99 {
			m.w.advance(time.Minute) // and tokens end with the hour
		}
		var logins []string
		tokens := map[string]string{}
		for range random.IntN(3) {
			p := pick([]string{userPool, secondPool, tenant})
			if tokens[p] == "" {
				s := pick([]string{"ada", "bob", "cyd"})
				logins = append(logins, p+" "+s)
				tokens[p] = w.token(p, s)
			}
		}
		id := "us-east-1:99999999-2222-3333-4444-555555555555"
		if len(m.all) > 0 && random.IntN(10) > 0 {
			id = pick(m.all[max(0, len(m.all)-12):])
		}
		what, want, got := "", "", answer{}
		switch op := random.IntN(10); {
		case op < 3:
			what = fmt.Sprint("GetId ", logins)
			got = w.do("", "GetId", obj{"IdentityPoolId": poolID, "Logins": tokens})
			want = m.getID(logins, got.text("IdentityId"))
		case op < 6:
			what = fmt.Sprint("GetCredentialsForIdentity ", id, logins)
			got = w.do("", "GetCredentialsForIdentity", obj{"IdentityId": id, "Logins": tokens})
			code, own := m.join(id, logins)
			want = code + own
		case op == 6:
			remove := pick([]string{userPool, secondPool, tenant})
			what = fmt.Sprint("UnlinkIdentity ", id, logins, remove)
			got = w.do("", "UnlinkIdentity", obj{"IdentityId": id, "Logins": tokens, "LoginsToRemove": []string{remove}})
			if want = "NotAuthorizedException"; len(logins) > 0 {
				var own string
				if want, own = m.join(id, logins); want == "" {
					maps.DeleteFunc(m.owner, func(l, of string) bool { return of == own && provider(l) == remove })
				}
			}
		case op == 7 && random.IntN(3) == 0:
			what = "DeleteIdentities " + id
			got = w.do("root", "DeleteIdentities", obj{"IdentityIdsToDelete": []string{id}})
			m.delete(id)
		case op < 9:
			user := pick([]string{"ada", "bob", "cyd"})
			tokens[developer] = user
			logins = append([]string{developer + " " + user}, logins...)
			in := obj{"IdentityPoolId": poolID, "Logins": tokens}
			named := random.IntN(2) == 0
			if named {
				in["IdentityId"] = id
			}
			what = fmt.Sprint("GetOpenIdTokenForDeveloperIdentity ", in["IdentityId"], logins)
			got = w.do("root", "GetOpenIdTokenForDeveloperIdentity", in)
			if want = ""; named {
				want = m.developer(id, logins)
			} else {
				want = m.getID(logins, got.text("IdentityId"))
			}
		default:
			from, into := pick([]string{"ada", "bob", "cyd"}), pick([]string{"ada", "bob", "cyd"})
			what = fmt.Sprint("MergeDeveloperIdentities ", from, into)
			got = w.do("root", "MergeDeveloperIdentities", obj{"IdentityPoolId": poolID, "DeveloperProviderName": developer, "SourceUserIdentifier": from, "DestinationUserIdentifier": into})
			want = m.mergeDevelopers(developer+" "+from, developer+" "+into)
		}
		code, _, _ := strings.Cut(got.refusal(), ":")
		codes[code]++
		if have := code + got.text("IdentityId"); have != want {
			t.Fatalf("step %d, %s: %q, not %q (%s)", step, what, have, want, got.raw)
		}
	}
	for _, id := range m.all {
		d := w.do("root", "DescribeIdentity", obj{"IdentityId": id})
		if _, ok := m.guest[id]; !ok {
			if d.status == 200 {
				t.Errorf("%s was deleted and is there", id)
			}
			continue
		}
		names := map[string]bool{}
		for l, of := range m.owner {
			if of == id {
				names[provider(l)] = true
			}
		}
		var have []string
		list, _ := d.body["Logins"].([]any)
		for _, l := range list {
			have = append(have, l.(string))
		}
		if want := slices.Sorted(maps.Keys(names)); !slices.Equal(have, want) {
			t.Errorf("the logins of %s are %q, not %q", id, have, want)
		}
	}
	for _, code := range []string{"", "NotAuthorizedException", "ResourceConflictException", "ResourceNotFoundException", "DeveloperUserAlreadyRegisteredException"} {
		if codes[code] == 0 && *modelSteps >= 1000 {
			t.Errorf("nothing came to %q: the test tests too little (%v)", code, codes)
		}
	}
}

func (m *model) getID(logins []string, got string) string {
	if len(logins) == 0 {
		m.made(got, true)
		return got
	}
	base := m.oldest(logins)
	if base == "" {
		m.made(got, false)
		base = got
	}
	return m.gather(base, logins) + emptyUnless(m, base, logins)
}

// emptyUnless gives the identity if the logins are its own now.
func emptyUnless(m *model, id string, logins []string) string {
	for _, l := range logins {
		if m.owner[l] != id {
			return ""
		}
	}
	return id
}

func (m *model) developer(id string, logins []string) string {
	if _, ok := m.guest[id]; !ok {
		return "ResourceNotFoundException"
	}
	id = m.survivor(id)
	if of := m.owner[logins[0]]; of != "" && of != id {
		return "DeveloperUserAlreadyRegisteredException"
	}
	return m.gather(id, logins) + emptyUnless(m, id, logins)
}

func (m *model) mergeDevelopers(from, into string) string {
	a, b := m.owner[from], m.owner[into]
	if a == "" || b == "" {
		return "ResourceNotFoundException"
	}
	if a == b {
		return b
	}
	seen := map[string]bool{}
	for l, id := range m.owner {
		if p := provider(l); (id == a || id == b) && p != developer {
			if seen[p] {
				return "ResourceConflictException"
			}
			seen[p] = true
		}
	}
	m.merge(a, b)
	m.guest[b] = false
	return b
}

func (m *model) delete(id string) {
	for other, p := range m.parent {
		if p == id {
			delete(m.guest, other)
		}
	}
	maps.DeleteFunc(m.owner, func(_, of string) bool { return of == id })
	delete(m.guest, id)
}

// TestFirstSignInsAtOnce holds that two first sign-ins of one user give one
// identity, whatever they do first.
func TestFirstSignInsAtOnce(t *testing.T) {
	w := newWorld(t)
	for round := range 10 {
		user := w.token(userPool, fmt.Sprint("rider", round))
		other := w.token(tenant, fmt.Sprint("auth0|", round))
		guest := w.id(poolID)
		ids := make([]string, 12)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				switch i % 3 {
				case 0:
					ids[i] = w.do("", "GetId", obj{"IdentityPoolId": poolID, "Logins": obj{userPool: user}}).text("IdentityId")
				case 1:
					ids[i] = w.do("", "GetId", obj{"IdentityPoolId": poolID, "Logins": obj{userPool: user, tenant: other}}).text("IdentityId")
				default:
					ids[i] = w.do("", "GetCredentialsForIdentity", obj{"IdentityId": guest, "Logins": obj{tenant: other}}).text("IdentityId")
				}
			})
		}
		group.Wait()
		// Whatever was merged in between, they are one person's now.
		final := w.id(poolID, userPool, user)
		for i, id := range ids {
			login, token := userPool, user
			if i%3 == 2 {
				login, token = tenant, other
			}
			if id == "" {
				t.Errorf("round %d: request %d was refused", round, i)
			} else if got := w.credentials(id, login, token).text("IdentityId"); got != final {
				t.Errorf("round %d: request %d was given %s, which stands for %s and not for %s", round, i, id, got, final)
			}
		}
		list := w.must("root", "ListIdentities", obj{"IdentityPoolId": poolID, "MaxResults": 60, "HideDisabled": true}).body["Identities"].([]any)
		if len(list) != round+1 {
			t.Fatalf("round %d: %d identities", round, len(list))
		}
	}
}

// TestDeletedMeanwhile holds that a pool that is deleted while people sign in
// answers that it is gone, and leaves nothing behind.
func TestDeletedMeanwhile(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		pool := w.must("root", "CreateIdentityPool", obj{"IdentityPoolName": "short", "AllowUnauthenticatedIdentities": true, "CognitoIdentityProviders": []obj{{"ProviderName": userPool, "ClientId": client}}}).text("IdentityPoolId")
		token := w.token(userPool, "rider")
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				if i == 4 {
					w.do("root", "DeleteIdentityPool", obj{"IdentityPoolId": pool})
					return
				}
				if got := w.do("", "GetId", obj{"IdentityPoolId": pool, "Logins": obj{userPool: token}}).refusal(); got != "" && got != "ResourceNotFoundException: IdentityPool '"+pool+"' not found." {
					t.Error(got)
				}
			})
		}
		group.Wait()
	}
}
