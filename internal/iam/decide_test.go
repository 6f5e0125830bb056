package iam_test

import (
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// The principals of the tables: ARNs and the statements that name them.
const (
	roleARN    = "arn:aws:iam::000000000000:role/dev-app-fn"
	sessionARN = "arn:aws:sts::000000000000:assumed-role/dev-app-fn/me"
	object     = "arn:aws:s3:::notes/a"
)

func about(effect, principal string) string {
	return `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::notes/*"}`
}

func aws1(id string) string { return `{"AWS":"` + id + `"}` }

func compileSigned(t testing.TB, text string) *iam.Policy {
	t.Helper()
	p, err := iam.CompileSigned(parsePolicy(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// caller is who asks in a table: a role with these policies, root, or nobody.
type caller struct{ who, identity, boundary, session string }

func (c caller) principal(t testing.TB) (*stage, iam.Principal) {
	t.Helper()
	s := newStage(t, func(cfg *iam.Config) {
		if c.identity != "" {
			cfg.Roles[0].Policies = []policy.Document{parsePolicy(t, document(c.identity))}
		}
		if c.boundary != "" {
			boundary := parsePolicy(t, document(c.boundary))
			cfg.Roles[0].Boundary = &boundary
		}
	})
	switch c.who {
	case "root":
		p, err := s.Principal(rootKeys.AccessKeyID, "")
		if err != nil {
			t.Fatal(err)
		}
		return s, p
	case "nobody":
		return s, iam.Principal{}
	}
	r := iam.AssumeRequest{}
	if c.session != "" {
		r.Policies = []string{document(c.session)}
	}
	keys := s.assume(t, r)
	p, err := s.Principal(keys.AccessKeyID, keys.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// TestEvaluationOrder is the order within one account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html),
// with the texts of troubleshoot_access-denied.
func TestEvaluationOrder(t *testing.T) {
	yes, no := statement("Allow", "s3:*", "*"), statement("Deny", "s3:GetObject", "*")
	other := statement("Allow", "s3:GetObject", "arn:aws:s3:::elsewhere/*")
	const missing = "because no %s allows the s3:GetObject action"
	noIdentity, noBoundary, noSession, noResource := strings.Replace(missing, "%s", "identity-based policy", 1), strings.Replace(missing, "%s", "permissions boundary", 1),
		strings.Replace(missing, "%s", "session policy", 1), strings.Replace(missing, "%s", "resource-based policy", 1)
	for _, row := range []struct {
		name     string
		caller   caller
		resource string
		want     string // the end of the message; "" is allowed
	}{
		{"nothing", caller{}, "", noIdentity},
		{"identity", caller{identity: yes}, "", ""},
		{"identity, of something else", caller{identity: other}, "", noIdentity},
		{"identity denies", caller{identity: yes + "," + no}, "", "with an explicit deny in an identity-based policy"},
		{"boundary alone", caller{boundary: yes}, "", noIdentity},
		{"identity and boundary", caller{identity: yes, boundary: yes}, "", ""},
		{"boundary is silent", caller{identity: yes, boundary: other}, "", noBoundary},
		{"boundary denies", caller{identity: yes, boundary: no}, "", "with an explicit deny in a permissions boundary"},
		{"session alone", caller{session: yes}, "", noIdentity},
		{"identity and session", caller{identity: yes, session: yes}, "", ""},
		{"session is silent", caller{identity: yes, session: other}, "", noSession},
		{"session denies", caller{identity: yes, session: no}, "", "with an explicit deny in a session policy"},
		{"boundary and session are silent", caller{identity: yes, boundary: other, session: other}, "", noBoundary},
		{"all allow", caller{identity: yes, boundary: yes, session: yes}, about("Allow", `"*"`), ""},

		{"resource is silent", caller{identity: yes}, about("Allow", aws1("arn:aws:iam::000000000000:role/dev-app-other")), ""},
		{"resource for the role", caller{}, about("Allow", aws1(roleARN)), ""},
		{"resource for everybody", caller{}, about("Allow", `"*"`), ""},
		{"resource for the session", caller{}, about("Allow", aws1(sessionARN)), ""},
		{"resource for another session", caller{}, about("Allow", aws1(sessionARN+"x")), noIdentity},
		{"resource for another role", caller{}, about("Allow", aws1("arn:aws:iam::000000000000:role/dev-app-other")), noIdentity},
		{"resource for the role of another account", caller{}, about("Allow", aws1("arn:aws:iam::111122223333:role/dev-app-fn")), noIdentity},
		{"resource for a service", caller{}, about("Allow", `{"Service":"s3.amazonaws.com"}`), noIdentity},
		{"resource for the account", caller{}, about("Allow", aws1("arn:aws:iam::000000000000:root")), noIdentity},
		{"resource for the account and identity", caller{identity: yes}, about("Allow", aws1(account)), ""},
		{"resource denies the account", caller{identity: yes}, about("Deny", aws1(account)), "with an explicit deny in a resource-based policy"},
		{"resource denies the role", caller{identity: yes}, about("Deny", aws1(roleARN)), "with an explicit deny in a resource-based policy"},
		{"resource denies the session", caller{identity: yes}, about("Deny", aws1(sessionARN)), "with an explicit deny in a resource-based policy"},
		{"resource denies everybody", caller{identity: yes}, about("Deny", `"*"`), "with an explicit deny in a resource-based policy"},
		{"resource denies another", caller{identity: yes}, about("Deny", aws1(sessionARN+"x")), ""},

		// An Allow for the session itself is limited by a Deny alone; one for the role
		// or everybody also by what boundary and session policies do not say.
		{"session named, boundary silent", caller{boundary: other}, about("Allow", aws1(sessionARN)), ""},
		{"session named, session policy silent", caller{session: other}, about("Allow", aws1(sessionARN)), ""},
		{"session named, identity denies", caller{identity: no}, about("Allow", aws1(sessionARN)), "with an explicit deny in an identity-based policy"},
		{"session named, boundary denies", caller{boundary: no}, about("Allow", aws1(sessionARN)), "with an explicit deny in a permissions boundary"},
		{"session and everybody named", caller{boundary: other}, about("Allow", `"*"`) + "," + about("Allow", aws1(sessionARN)), ""},
		{"role named, boundary silent", caller{boundary: other}, about("Allow", aws1(roleARN)), noBoundary},
		{"role named, session policy silent", caller{session: other}, about("Allow", aws1(roleARN)), noSession},
		{"everybody named, boundary silent", caller{boundary: other}, about("Allow", `"*"`), noBoundary},
		{"everybody named, session policy silent", caller{session: other}, about("Allow", `"*"`), noSession},

		{"root", caller{who: "root"}, "", ""},
		{"root, and a resource for another", caller{who: "root"}, about("Allow", aws1(roleARN)), ""},
		{"root is denied", caller{who: "root"}, about("Deny", `"*"`), "with an explicit deny in a resource-based policy"},
		{"root's account is denied", caller{who: "root"}, about("Deny", aws1(account)), "with an explicit deny in a resource-based policy"},
		{"the role is denied, not root", caller{who: "root"}, about("Deny", aws1(roleARN)), ""},

		{"nobody", caller{who: "nobody"}, "", noResource},
		{"nobody, everybody may", caller{who: "nobody"}, about("Allow", `{"AWS":"*"}`), ""},
		{"nobody, the account may", caller{who: "nobody"}, about("Allow", aws1(account)), noResource},
		{"nobody, denied", caller{who: "nobody"}, about("Allow", `"*"`) + "," + about("Deny", `"*"`), "with an explicit deny in a resource-based policy"},
		{"nobody, the account is denied", caller{who: "nobody"}, about("Allow", `"*"`) + "," + about("Deny", aws1(account)), ""},
	} {
		t.Run(row.name, func(t *testing.T) { checkDecision(t, row.caller, row.resource, row.want) })
	}
}

func checkDecision(t *testing.T, c caller, resource, want string) {
	t.Helper()
	s, p := c.principal(t)
	var byResource *iam.Policy
	if resource != "" {
		byResource = compileSigned(t, document(resource))
	}
	d := s.Decide(p, iam.Request{Action: "s3:GetObject", Resource: object}, byResource)
	who := map[string]string{"": sessionARN, "root": "arn:aws:iam::000000000000:root", "nobody": "anonymous"}[c.who]
	if want != "" {
		want = "User: " + who + " is not authorized to perform: s3:GetObject on resource: " + object + " " + want
	}
	switch {
	case d.Allowed != (want == ""), !d.Allowed && d.Message() != want, d.Explicit != strings.Contains(want, "explicit"):
		t.Errorf("%+v %s\nwant %q", d, d.Message(), want)
	case (d.Statement != "") != (d.Explicit || d.Allowed && c.who != "root"), d.Explanation() == "":
		t.Errorf("it does not say which statement decided: %+v", d)
	}
}

// NotPrincipal: "you must also specify the account ARN of the not-denied principal"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
func TestNotPrincipal(t *testing.T) {
	yes := statement("Allow", "s3:*", "*")
	not := func(effect string, ids ...string) string {
		return strings.Replace(about(effect, `{"AWS":["`+strings.Join(ids, `","`)+`"]}`), `"Principal"`, `"NotPrincipal"`, 1)
	}
	const denied, silent = "with an explicit deny in a resource-based policy", "because no identity-based policy allows the s3:GetObject action"
	for _, row := range []struct {
		name     string
		caller   caller
		resource string
		want     string
	}{
		{"all three", caller{identity: yes}, not("Deny", account, roleARN, sessionARN), ""},
		{"everybody", caller{identity: yes}, not("Deny", "*"), ""},
		{"no account", caller{identity: yes}, not("Deny", roleARN, sessionARN), denied},
		{"no role", caller{identity: yes}, not("Deny", account, sessionARN), denied},
		{"no session", caller{identity: yes}, not("Deny", account, roleARN), denied},
		{"another", caller{identity: yes}, not("Deny", "111122223333"), denied},
		{"root", caller{who: "root"}, not("Deny", account), ""},
		{"not root", caller{who: "root"}, not("Deny", "111122223333"), denied},
		{"nobody", caller{who: "nobody"}, not("Deny", account) + "," + about("Allow", `"*"`), denied},
		{"allow all but another", caller{}, not("Allow", "111122223333"), ""},
		{"allow all but the account", caller{}, not("Allow", account), silent},
		{"allow all but the role", caller{}, not("Allow", roleARN), silent},
		{"allow all but the session", caller{}, not("Allow", sessionARN), silent},
		{"allow all but everybody", caller{}, not("Allow", "*"), silent},
	} {
		t.Run(row.name, func(t *testing.T) { checkDecision(t, row.caller, row.resource, row.want) })
	}
}
