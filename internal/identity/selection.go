package identity

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/verify"
)

// The keys of a pool's roles, which are also the first words of "amr".
const (
	roleAuthenticated = "authenticated"
	roleGuest         = "unauthenticated"
)

// selectRole picks the role of an identity
// (https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html).
// custom is the CustomRoleArn of the request, or "". Where two logins would have
// different roles, there is none.
func (a *admitted) selectRole(custom string) (string, error) {
	p := a.pool
	if a.guest() {
		a.choices = append(a.choices, Choice{By: ByPool, Custom: custom, Role: p.roles[roleGuest]})
		return a.only(p.roles[roleGuest], custom)
	}
	selected, mapped := "", false
	for i := range a.logins {
		m, ok := p.mappingOf(&a.logins[i])
		if !ok {
			continue
		}
		chosen := Choice{Provider: a.logins[i].provider, Custom: custom}
		role, err := a.mappedRole(m, a.logins[i].claims, custom, &chosen)
		chosen.Role = role
		a.choices = append(a.choices, chosen)
		if err != nil {
			return "", err
		}
		if mapped && role != selected {
			return "", forbidden(a.id, "its logins have different roles: "+selected+" and "+role)
		}
		selected, mapped = role, true
	}
	if !mapped {
		a.choices = append(a.choices, Choice{By: ByPool, Custom: custom, Role: p.roles[roleAuthenticated]})
		return a.only(p.roles[roleAuthenticated], custom)
	}
	return a.only(selected, "")
}

// only gives a role that nobody can choose.
func (a *admitted) only(role, custom string) (string, error) {
	switch {
	case role == "":
		return "", refuse(codeInvalidConfiguration, textConfiguration, "the pool has no role for this identity")
	case custom != "" && custom != role:
		return "", forbidden(a.id, "CustomRoleArn "+custom+" is not a role that it can choose")
	}
	return role, nil
}

// mappingOf gives the pool's role mapping for a login.
func (p *pool) mappingOf(l *login) (roleMapping, bool) {
	for _, key := range l.mappings {
		if m, ok := p.mappings[key]; ok {
			return m, true
		}
	}
	return roleMapping{}, false
}

func (a *admitted) mappedRole(m roleMapping, claims verify.Claims, custom string, chosen *Choice) (string, error) {
	role, err := "", error(nil)
	if m.Type == mappingToken {
		role, err = a.tokenRole(claims, custom, chosen)
	} else {
		role, err = a.ruleRole(m.RulesConfiguration, claims, custom, chosen)
	}
	switch {
	case err != nil || role != "":
		return role, err
	case m.AmbiguousRoleResolution != ambiguousAuthenticated:
		return "", forbidden(a.id, "the role mapping has no role for it, and denies then")
	case custom != "":
		return "", forbidden(a.id, "CustomRoleArn "+custom+" is not a role that it can choose")
	}
	return a.pool.roles[roleAuthenticated], nil
}

// tokenRole takes the role from the claims that the groups of a user pool's user
// give.
func (a *admitted) tokenRole(claims verify.Claims, custom string, chosen *Choice) (string, error) {
	roles, _ := claims.Strings("cognito:roles")
	chosen.By, chosen.Roles = ByToken, roles
	chosen.Preferred, _ = claims.String("cognito:preferred_role")
	if custom != "" {
		if !slices.Contains(roles, custom) {
			return "", forbidden(a.id, "CustomRoleArn "+custom+" is not in cognito:roles")
		}
		return custom, nil
	}
	if preferred, ok := claims.String("cognito:preferred_role"); ok && preferred != "" {
		return preferred, nil
	}
	if len(roles) == 1 {
		return roles[0], nil
	}
	return "", nil
}

// ruleRole gives the role of the first rule that matches.
func (a *admitted) ruleRole(rules *rulesConfiguration, claims verify.Claims, custom string, chosen *Choice) (string, error) {
	chosen.By = ByRules
	for _, r := range rules.Rules {
		matched := r.matches(claims)
		chosen.Rules = append(chosen.Rules, r.tried(claims, matched))
		if !matched {
			continue
		}
		if custom != "" && r.RoleARN != custom {
			return "", forbidden(a.id, "CustomRoleArn "+custom+" is not the role of the rule that matches")
		}
		return r.RoleARN, nil
	}
	return "", nil
}

// matches asks a rule about a token. A rule about a claim that is not there does
// not match, whatever it says.
func (r *mappingRule) matches(claims verify.Claims) bool {
	if value, ok := claimText(claims, r.Claim); ok {
		switch r.MatchType {
		case matchEquals:
			return value == r.Value
		case matchNotEqual:
			return value != r.Value
		case matchContains:
			return strings.Contains(value, r.Value)
		case matchStartsWith:
			return strings.HasPrefix(value, r.Value)
		}
		return false
	}
	list, ok := claims.Strings(r.Claim)
	return ok && r.MatchType == matchContains && slices.Contains(list, r.Value)
}

// tried is the rule as it was held against a token.
func (r *mappingRule) tried(claims verify.Claims, matched bool) Tried {
	t := Tried{Claim: r.Claim, Match: r.MatchType, Want: r.Value, Matched: matched, Role: r.RoleARN}
	if value, ok := claimText(claims, r.Claim); ok {
		t.Got = []string{value}
	} else if list, ok := claims.Strings(r.Claim); ok {
		t.Got = list
	}
	return t
}

// claimText gives a claim that is one value as text.
func claimText(claims verify.Claims, name string) (string, bool) {
	value, _ := claims.Get(name)
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	}
	return "", false
}
