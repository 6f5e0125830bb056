package iam

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/awsquery"
)

// stsCall is one operation under way.
type stsCall struct {
	sts     *STS
	form    awsquery.Form
	request *http.Request
	caller  Principal
	event   *Event
}

// stsOperation is a row of the operations table.
type stsOperation struct {
	unsigned bool
	// serve runs it; nil for an operation that is refused.
	serve func(*stsCall) (any, error)
	note  string
}

const noteSTS = "PolicyArns, MFA, SourceIdentity, ProvidedContexts and TransitiveTagKeys are refused by name"

// stsOperations lists every operation of the service's model.
var stsOperations = map[string]stsOperation{
	"AssumeRole":                 {serve: (*stsCall).assumeRole, note: noteSTS},
	"AssumeRoleWithSAML":         {unsigned: true},
	"AssumeRoleWithWebIdentity":  {unsigned: true, serve: (*stsCall).assumeRoleWithWebIdentity, note: noteSTS},
	"AssumeRoot":                 {},
	"DecodeAuthorizationMessage": {},
	"GetAccessKeyInfo":           {serve: (*stsCall).getAccessKeyInfo},
	"GetCallerIdentity":          {serve: (*stsCall).getCallerIdentity, note: "needs no permission"},
	"GetDelegatedAccessToken":    {},
	"GetFederationToken":         {},
	"GetSessionToken":            {serve: (*stsCall).getSessionToken, note: "for root: one hour at most; MFA is refused by name"},
	"GetWebIdentityToken":        {},
}

// Operations are the rows of COMPAT.md.
func Operations() []aws.Operation {
	var rows []aws.Operation
	for name, op := range stsOperations {
		row := aws.Operation{Service: stsService, Name: name, Status: "refused", Auth: "signed", Note: op.note}
		if op.serve != nil {
			row.Status = "emulated"
		}
		if op.unsigned {
			row.Auth = "unsigned"
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(x, y aws.Operation) int { return strings.Compare(x.Name, y.Name) })
	return rows
}

// The shapes of results, as the service's model has them.
type (
	stsCredentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string `xml:"SecretAccessKey"`
		SessionToken    string `xml:"SessionToken"`
		Expiration      string `xml:"Expiration"`
	}
	stsAssumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		ARN           string `xml:"Arn"`
	}
	callerIdentity struct {
		ARN     string `xml:"Arn"`
		UserID  string `xml:"UserId"`
		Account string `xml:"Account"`
	}
	accessKeyInfo struct {
		Account string `xml:"Account"`
	}
	sessionToken struct {
		Credentials stsCredentials `xml:"Credentials"`
	}
	assumedRole struct {
		AssumedRoleUser  stsAssumedRoleUser `xml:"AssumedRoleUser"`
		Credentials      stsCredentials     `xml:"Credentials"`
		PackedPolicySize int                `xml:"PackedPolicySize,omitempty"`
	}
	assumedWebIdentity struct {
		SubjectFromWebIdentityToken string             `xml:"SubjectFromWebIdentityToken"`
		Audience                    string             `xml:"Audience"`
		AssumedRoleUser             stsAssumedRoleUser `xml:"AssumedRoleUser"`
		Credentials                 stsCredentials     `xml:"Credentials"`
		Provider                    string             `xml:"Provider"`
		PackedPolicySize            int                `xml:"PackedPolicySize,omitempty"`
	}
)

func onWire(c Credentials) stsCredentials {
	return stsCredentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC().Format(time.RFC3339)}
}

// getCallerIdentity needs no permission, and no Deny takes it away
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
func (c *stsCall) getCallerIdentity() (any, error) {
	return callerIdentity{ARN: c.caller.ARN, UserID: c.caller.UserID, Account: c.caller.AccountID}, nil
}

func (c *stsCall) getAccessKeyInfo() (any, error) {
	id, err := c.text("AccessKeyId", 16, 128, regexp.MustCompile(`^\w*$`), `[\w]*`)
	if err != nil {
		return nil, err
	}
	if d := c.decide("sts:GetAccessKeyInfo", "*", nil); !d.Allowed {
		return nil, accessDenied(d)
	}
	if c.sts.account.isRoot(id, "") { // whose keys may be older than the form
		return accessKeyInfo{c.sts.account.cfg.AccountID}, nil
	}
	account, ok := AccountOf(id)
	if !ok {
		return nil, validation("Access Key ID is not valid.")
	}
	return accessKeyInfo{account}, nil
}

// The durations of GetSessionToken: "the session for Amazon Web Services account
// owners defaults to one hour"
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).
const maxSessionToken = 36 * time.Hour

func (c *stsCall) getSessionToken() (any, error) {
	if err := c.refuseByName("SerialNumber", "TokenCode"); err != nil {
		return nil, err
	}
	duration, err := c.duration(time.Hour, maxSessionToken)
	if err != nil {
		return nil, err
	}
	if c.caller.Session != nil || strings.HasPrefix(c.caller.AccessKeyID, prefixTemporary) {
		return nil, &aws.Error{Code: "AccessDenied", Message: "Cannot call GetSessionToken with session credentials", Status: http.StatusForbidden}
	}
	credentials, err := c.sts.account.issue(&claims{}, min(duration, time.Hour))
	if err != nil {
		return nil, err
	}
	return sessionToken{onWire(credentials)}, nil
}

func (c *stsCall) assumeRole() (any, error) {
	r, arn, err := c.assumeRequest()
	if err != nil {
		return nil, err
	}
	if err := c.refuseByName("SerialNumber", "TokenCode", "SourceIdentity", "TransitiveTagKeys"); err != nil {
		return nil, err
	}
	if r.Tags, err = c.tags(); err != nil {
		return nil, err
	}
	externalID, hasExternalID := c.form.Get("ExternalId")
	if hasExternalID {
		if externalID, err = c.text("ExternalId", 2, 1224, regexp.MustCompile(`^[\w+=,.@:/-]*$`), `[\w+=,.@:\/-]*`); err != nil {
			return nil, err
		}
	}
	if c.caller.Root {
		return nil, &aws.Error{Code: "AccessDenied", Message: "Roles may not be assumed by root accounts.", Status: http.StatusForbidden}
	}
	keys := func(key string) ([]string, bool) {
		switch key {
		case "sts:externalid":
			return []string{externalID}, hasExternalID
		case "sts:rolesessionname":
			return []string{r.Session}, true
		}
		return requestTags(r.Tags, key)
	}
	if err := c.trusted(r, arn, keys); err != nil {
		return nil, err
	}
	// A caller that has assumed a role has no longer session of the next.
	if r.Duration > time.Hour {
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	credentials, err := c.sts.account.Assume(r)
	if err != nil {
		return nil, err
	}
	return assumedRole{stsAssumedRoleUser{credentials.AssumedRole.ID, credentials.AssumedRole.ARN}, onWire(credentials), credentials.PackedPolicySize}, nil
}

// trusted asks the role's trust policy and the caller's own. The trust policy has
// to say so itself: unlike other policies of resources it is never silent
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html).
func (c *stsCall) trusted(r AssumeRequest, arn string, keys func(string) ([]string, bool)) error {
	a := c.sts.account
	role := a.roles[r.Role]
	actions := []string{"sts:AssumeRole"}
	if len(r.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	for _, action := range actions {
		// What is refused reads alike, whether the role is there or not.
		refused := &aws.Error{Code: "AccessDenied", Message: "User: " + c.caller.ARN + " is not authorized to perform: " + action + " on resource: " + arn, Status: http.StatusForbidden}
		if role == nil {
			refused.Err = fmt.Errorf("there is no role of this ARN")
			return refused
		}
		request := Request{Action: action, Resource: arn, Context: c.keys(keys)}
		d := a.Decide(c.caller, request, role.trust)
		request.Context = a.contextOf(&c.caller, request.Context, a.cfg.Now())
		trusts := role.trust.evaluate(&request, c.caller.caller(), nil)
		c.event.Decisions = Keep(c.event.Decisions, d)
		if d.Allowed && trusts.verdict == Allow {
			continue
		}
		if d.Allowed { // by the caller's own policies, and the role does not say so
			c.event.Decisions = append(c.event.Decisions, evidenceOf(role.trust, request, c.caller.caller(), ByTrust, c.caller.ARN))
		}
		switch {
		case d.Explicit && d.By == ByResource:
			refused.Err = fmt.Errorf("%s of the trust policy denies it", d.Statement)
		case d.Explicit:
			refused.Message += " " + d.because()
			refused.Err = fmt.Errorf("%s", d.Explanation())
		case trusts.verdict != Allow:
			refused.Err = fmt.Errorf("the trust policy of role %s does not allow %s to the caller", role.name, action)
		default:
			refused.Err = fmt.Errorf("%s", d.Explanation())
		}
		return refused
	}
	if r.Duration > role.maxDuration {
		return errMaxDuration()
	}
	return nil
}

func errMaxDuration() error {
	return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
}

func (c *stsCall) assumeRoleWithWebIdentity() (any, error) {
	r, _, err := c.assumeRequest()
	if err != nil {
		return nil, err
	}
	if err := c.refuseByName("ProviderId"); err != nil { // it is for OAuth 2.0 tokens of old providers
		return nil, err
	}
	token, err := c.text("WebIdentityToken", 4, 20000, nil, "")
	if err != nil {
		return nil, err
	}
	identity, err := c.sts.identities.verify(c.request.Context(), token)
	if err != nil {
		return nil, err
	}
	credentials, err := c.sts.account.AssumeWithWebIdentity(WebIdentityRequest{
		Role: r.Role, Session: r.Session, Duration: r.Duration, Policies: r.Policies, Identity: identity,
	})
	if err != nil {
		var trust *TrustError
		if errors.As(err, &trust) && trust.Evidence != nil {
			c.event.Decisions = append(c.event.Decisions, trust.Evidence)
		}
		return nil, err
	}
	c.event.Decisions = credentials.Trusted
	return assumedWebIdentity{
		SubjectFromWebIdentityToken: identity.Subject, Audience: identity.Audience, Provider: identity.Provider,
		AssumedRoleUser: stsAssumedRoleUser{credentials.AssumedRole.ID, credentials.AssumedRole.ARN},
		Credentials:     onWire(credentials), PackedPolicySize: credentials.PackedPolicySize,
	}, nil
}

// decide asks the caller's policies.
func (c *stsCall) decide(action, resource string, own func(string) ([]string, bool)) Decision {
	d := c.sts.account.Decide(c.caller, Request{Action: action, Resource: resource, Context: c.keys(own)}, nil)
	c.event.Decisions = Keep(c.event.Decisions, d)
	return d
}

// keys are the condition keys of the request itself.
func (c *stsCall) keys(own func(string) ([]string, bool)) func(string) ([]string, bool) {
	request := OfHTTP(c.request)
	return func(key string) ([]string, bool) {
		if values, ok := request(key); ok {
			return values, true
		}
		if own == nil {
			return nil, false
		}
		return own(key)
	}
}

func accessDenied(d Decision) error {
	return &aws.Error{Code: "AccessDenied", Message: d.Message(), Status: http.StatusForbidden, Err: fmt.Errorf("%s", d.Explanation())}
}
