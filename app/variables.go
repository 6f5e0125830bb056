package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// policyKeys are the condition keys that requests here have, by service: "" those of
// all. Any other would never be there, and below ForAllValues, or negated, what is
// never there always holds. Keys that end in / are of tags.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
var policyKeys = map[string][]string{
	"": {
		"aws:CurrentTime", "aws:EpochTime", "aws:FederatedProvider", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalTag/",
		"aws:PrincipalType", "aws:Referer", "aws:RequestedRegion", "aws:SecureTransport", "aws:SourceIp", "aws:TokenIssueTime", "aws:UserAgent", "aws:userid",
	},
	"cognito-identity.amazonaws.com": {"cognito-identity.amazonaws.com:amr", "cognito-identity.amazonaws.com:aud", "cognito-identity.amazonaws.com:sub"},
	"dynamodb":                       {"dynamodb:Attributes", "dynamodb:LeadingKeys", "dynamodb:ReturnValues", "dynamodb:Select"},
	"s3":                             {"s3:delimiter", "s3:max-keys", "s3:prefix"},
}

// singleValued are the keys that can be policy variables: those with one value, of who
// calls and of the call.
func singleValued() []string {
	var keys []string
	for _, k := range append(slices.Clone(policyKeys[""]), policyKeys["cognito-identity.amazonaws.com"]...) {
		if !strings.HasSuffix(k, ":amr") {
			keys = append(keys, k)
		}
	}
	return keys
}

// knownKey says whether key is among known, in which case does not count.
func knownKey(key string, known []string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(known, func(k string) bool {
		k = strings.ToLower(k)
		return key == k || strings.HasSuffix(k, "/") && strings.HasPrefix(key, k) && len(key) > len(k)
	})
}

// keyHint is the hint for a key that is not among known.
func keyHint(key string, known []string) string {
	if hint := didYouMean(key, known); hint != "" {
		return hint
	}
	for _, k := range known {
		if _, name, _ := strings.Cut(k, ":"); strings.EqualFold(name, key) {
			return fmt.Sprintf("did you mean %q?", k)
		}
	}
	names := slices.Clone(known)
	for i, k := range names {
		if strings.HasSuffix(k, "/") {
			names[i] += "TAG"
		}
	}
	return "the keys are " + strings.Join(names, ", ")
}

// variableDefault ends ${key, 'default'}.
var variableDefault = regexp.MustCompile(`^\s*'[^']*'$`)

// policyVariables reports what in n is neither a policy variable nor text. A variable
// stays as it is: it is replaced for each request.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (w *walker) policyVariables(n *node) bool {
	ok := true
	places := w.references(n)
	for rest := n.text; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return ok
		}
		here := places[0]
		places = places[1:]
		body, next, closed := strings.Cut(after, "}")
		if !closed {
			w.p.add(here, "add the closing }, or write ${$}{ for a literal ${", "a ${ is not closed")
			return false
		}
		here.width = len([]rune(body)) + 3
		if hint := variableHint(body); hint != "" {
			w.p.add(here, hint, "${%s} names no policy variable", body)
			ok = false
		}
		rest = next
	}
}

// variableHint says how to put right what is no policy variable; "" if it is one.
func variableHint(body string) string {
	if body == "*" || body == "?" || body == "$" {
		return ""
	}
	key, fallback, hasDefault := strings.Cut(body, ",")
	known := singleValued()
	if _, err := parseRef(body); err == nil {
		if name := strings.Split(body, "."); len(name) > 1 {
			return fmt.Sprintf("references of the declaration do not go into policies: write the resource's name, %s", name[1])
		}
		return "references of the declaration do not go into policies: write the value itself"
	}
	switch {
	case hasDefault && !variableDefault.MatchString(fallback):
		return fmt.Sprintf("a default stands in single quotes: ${%s, 'default'}", key)
	case !knownKey(key, known):
		return keyHint(key, known)
	}
	return ""
}
