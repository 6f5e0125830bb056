package iam

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorwright/doorwright/internal/aws"
)

// violation is how AWS's front end says that a member is not as the model wants.
func violation(value, member, constraint string) error {
	return validation(fmt.Sprintf("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// text reads a required string of the model.
func (c *stsCall) text(name string, least, most int, pattern *regexp.Regexp, shown string) (string, error) {
	value, ok := c.form.Get(name)
	member := strings.ToLower(name[:1]) + name[1:]
	quoted := "'" + value + "'"
	if len(quoted) > 300 || name == "WebIdentityToken" {
		quoted = "'***'" // not to repeat what is huge or a secret
	}
	switch {
	case !ok:
		return "", violation("null", member, "Member must not be null")
	case utf8.RuneCountInString(value) < least:
		return "", violation(quoted, member, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case utf8.RuneCountInString(value) > most:
		return "", violation(quoted, member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	case pattern != nil && !pattern.MatchString(value):
		return "", violation(quoted, member, "Member must satisfy regular expression pattern: "+shown)
	}
	return value, nil
}

var sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]*$`)

// assumeRequest reads what the operations that assume a role have in common, and the
// ARN as it was asked for. A role of another account, or one with a path, is none of
// ours: it gets a name that no role has.
func (c *stsCall) assumeRequest() (r AssumeRequest, arn string, err error) {
	if arn, err = c.text("RoleArn", 20, 2048, nil, ""); err != nil {
		return AssumeRequest{}, "", err
	}
	if r.Session, err = c.text("RoleSessionName", 2, 64, sessionNamePattern, `[\w+=,.@-]*`); err != nil {
		return AssumeRequest{}, "", err
	}
	if err = c.refuseByName("PolicyArns", "ProvidedContexts"); err != nil {
		return AssumeRequest{}, "", err
	}
	parsed, err := aws.ParseARN(arn)
	name, isRole := strings.CutPrefix(parsed.Resource, "role/")
	if err != nil || parsed.Service != "iam" || parsed.Region != "" || !isRole || !roleARN.MatchString(arn) {
		return AssumeRequest{}, "", validation(arn + " is invalid")
	}
	if arn == c.sts.account.RoleARN(name) {
		r.Role = name
	}
	if r.Duration, err = c.duration(defaultDuration, maxDuration); err != nil {
		return AssumeRequest{}, "", err
	}
	if _, ok := c.form.Get("Policy"); ok {
		text, err := c.text("Policy", 1, 2048, nil, "")
		if err != nil {
			return AssumeRequest{}, "", err
		}
		if _, err := sessionPolicies([]string{text}); err != nil {
			return AssumeRequest{}, "", malformedPolicy(err)
		}
		r.Policies = []string{text}
	}
	return r, arn, nil
}

// roleARN is what a role's ARN can be, which goes into messages.
var roleARN = regexp.MustCompile(`^[\w+=,.@:/-]+$`)

// duration reads DurationSeconds.
func (c *stsCall) duration(byDefault, most time.Duration) (time.Duration, error) {
	text, ok := c.form.Get("DurationSeconds")
	if !ok {
		return byDefault, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, &aws.Error{Code: "MalformedInput", Message: "Unable to parse DurationSeconds", Status: http.StatusBadRequest, Err: err}
	}
	d := time.Duration(n) * time.Second
	switch {
	case d < minDuration:
		return 0, violation("'"+text+"'", "durationSeconds", fmt.Sprintf("Member must have value greater than or equal to %d", int(minDuration.Seconds())))
	case d > most:
		return 0, violation("'"+text+"'", "durationSeconds", fmt.Sprintf("Member must have value less than or equal to %d", int(most.Seconds())))
	}
	return d, nil
}

// tags reads the session tags of AssumeRole.
func (c *stsCall) tags() (map[string]string, error) {
	tags := map[string]string{}
	list := c.form.List("Tags")
	if len(list) == 0 && c.form.Has("Tags") {
		return nil, validation("Tags are not numbered from 1")
	}
	for _, member := range list {
		key, _ := member.Get("Key")
		value, ok := member.Get("Value")
		if _, twice := tags[key]; twice || !ok {
			return nil, &aws.Error{Code: "InvalidParameterValue", Message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.", Status: http.StatusBadRequest}
		}
		tags[key] = value
	}
	if len(tags) == 0 {
		return nil, nil
	}
	return tags, checkTags(tags)
}

// refuseByName refuses parameters that would change what the session may do, and
// that are not emulated.
func (c *stsCall) refuseByName(names ...string) error {
	for _, name := range names {
		if c.form.Has(name) {
			return validation(name + " is a parameter of AWS STS that Doorwright does not emulate.")
		}
	}
	return nil
}
