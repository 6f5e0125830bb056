package iam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A Principal is who calls. The zero Principal is a caller who has not signed:
// only the policy of a resource can let it in.
type Principal struct {
	// ARN is such as arn:aws:iam::ACCOUNT:root or
	// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
	ARN string
	// UserID is the account's number, or AROA…:SESSION.
	UserID                 string
	AccessKeyID, AccountID string
	// Root is the account's root user, to whom everything is allowed.
	Root bool
	// Session is the session of a role; nil for root.
	Session *Session
}

// A Session is what a caller has who has assumed a role.
type Session struct {
	// Role and RoleID are the role's name and its unique id.
	Role, RoleID string
	// Name is the session's name, which who assumed the role has chosen.
	Name            string
	Issued, Expires time.Time
	// Provider is who vouched for the caller, as aws:FederatedProvider has it:
	// "cognito-identity.amazonaws.com" or the ARN of an OpenID Connect provider. It
	// is empty if the caller had credentials of the account.
	Provider string
	// Identity is nil unless an identity pool gave the session.
	Identity *CognitoIdentity
	// Tags are the session's tags, of which no two keys differ by case alone.
	Tags map[string]string
	// Policies are the session policies, which can only take away. Nil is none.
	Policies []*Policy
}

// CognitoIdentity is the identity of an identity pool.
type CognitoIdentity struct {
	// ID and Pool are the ids of the identity and of its pool.
	ID   string `json:"i"`
	Pool string `json:"p"`
	// AMR says how the identity was proved, such as "authenticated" and the names
	// of providers.
	AMR []string `json:"a,omitempty"`
}

// cognitoProvider is the provider whose tokens identity pools issue.
const cognitoProvider = "cognito-identity.amazonaws.com"

// anonymous says that nobody has signed.
func (p *Principal) anonymous() bool { return !p.Root && p.Session == nil }

// values gives the condition keys that the principal brings to a request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// known says that the key is the principal's to give, so that no request can.
func (p *Principal) values(key string) (values []string, ok, known bool) {
	if tag, isTag := strings.CutPrefix(key, "aws:principaltag/"); isTag {
		values, ok = p.tag(tag)
		return values, ok, true
	}
	if name, isCognito := strings.CutPrefix(key, cognitoProvider+":"); isCognito {
		values, ok = p.cognito(name)
		return values, ok, true
	}
	one := func(value string) ([]string, bool, bool) { return []string{value}, value != "", true }
	switch key {
	case "aws:principaltype":
		return one(p.kind())
	case "aws:principalisawsservice", "aws:viaawsservice":
		return one("false")
	case "aws:principalarn":
		if p.Session != nil {
			return one(aws.ARN{Service: "iam", AccountID: p.AccountID, Resource: "role/" + p.Session.Role}.String())
		}
		return one(p.ARN)
	case "aws:principalaccount":
		return one(p.AccountID)
	case "aws:userid":
		if p.anonymous() {
			return one("anonymous")
		}
		return one(p.UserID)
	case "aws:federatedprovider", "aws:tokenissuetime", "aws:multifactorauthpresent":
		if p.Session == nil {
			return nil, false, true
		}
		switch key {
		case "aws:federatedprovider":
			return one(p.Session.Provider)
		case "aws:tokenissuetime":
			return one(p.Session.Issued.UTC().Format(time.RFC3339))
		}
		return one("false")
	case "aws:username", "aws:multifactorauthage", "aws:principalorgid", "aws:principalorgpaths", "aws:principalservicename",
		"aws:principalservicenameslist", "aws:sourceidentity", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast":
		return nil, false, true // nobody has these here
	}
	return nil, false, false
}

// kind is aws:PrincipalType.
func (p *Principal) kind() string {
	switch {
	case p.Root:
		return "Account"
	case p.Session != nil:
		return "AssumedRole"
	}
	return "Anonymous"
}

func (p *Principal) tag(key string) ([]string, bool) {
	if p.Session == nil {
		return nil, false
	}
	for name, value := range p.Session.Tags {
		if strings.ToLower(name) == key {
			return []string{value}, true
		}
	}
	return nil, false
}

func (p *Principal) cognito(name string) ([]string, bool) {
	if p.Session == nil || p.Session.Identity == nil {
		return nil, false
	}
	switch name {
	case "sub":
		return []string{p.Session.Identity.ID}, true
	case "aud":
		return []string{p.Session.Identity.Pool}, true
	case "amr":
		return p.Session.Identity.AMR, len(p.Session.Identity.AMR) > 0
	}
	return nil, false
}

// reach says how closely a statement names a caller: the closer, the fewer of the
// other policies an Allow needs beside it.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
type reach int

const (
	nobody    reach = iota
	toAccount       // the account: its own policies have to allow too
	toRole          // the role, or everybody
	asSession       // this very session
)

// A caller is a Principal as the Principal elements of policies name it.
type caller struct {
	account       string // the number
	role, session string // ARNs; empty for root
	provider      string // of a web identity, which has no account
}

func (p *Principal) caller() *caller {
	c := &caller{account: p.AccountID}
	if p.Session != nil {
		c.role = aws.ARN{Service: "iam", AccountID: p.AccountID, Resource: "role/" + p.Session.Role}.String()
		c.session = p.ARN
	}
	return c
}

// principals is the Principal or NotPrincipal element of a statement.
type principals struct {
	not       bool
	everybody bool
	accounts  []string
	arns      []string
	providers []string // Federated
}

// compilePrincipals compiles whom a statement is for; nil if it does not say so.
func compilePrincipals(from *policy.Statement) (*principals, error) {
	switch {
	case from.Principal != nil && from.NotPrincipal != nil:
		return nil, errors.New("it has both Principal and NotPrincipal")
	case from.Principal == nil && from.NotPrincipal == nil:
		return nil, nil
	}
	p := &principals{not: from.NotPrincipal != nil}
	for _, one := range slices.Concat(from.Principal, from.NotPrincipal) {
		if err := p.add(one); err != nil {
			return nil, fmt.Errorf("its Principal %.40q, %.100q %w", one.Type, one.ID, err)
		}
	}
	return p, nil
}

var errPrincipal = errors.New(`cannot be evaluated: it is "*", an account, or the ARN of a role, a session or a user, without wildcards`)

func (p *principals) add(one policy.Principal) error {
	switch one.Type {
	case "Service":
		// No service of AWS calls here, so that the statement is about nobody.
		if one.ID == "" || strings.ContainsAny(one.ID, "*?$ ") {
			return errors.New("cannot be evaluated: it is the name of one service")
		}
		return nil
	case "Federated":
		if one.ID == "" || strings.ContainsAny(one.ID, "*?$ ") {
			return errors.New("cannot be evaluated: it is the name of one provider, or its ARN")
		}
		p.providers = append(p.providers, one.ID)
		return nil
	case "AWS":
	default:
		return errors.New("cannot be evaluated: the types are AWS, Federated and Service")
	}
	if one.ID == "*" {
		p.everybody = true
		return nil
	}
	if isAccount(one.ID) {
		p.accounts = append(p.accounts, one.ID)
		return nil
	}
	arn, err := aws.ParseARN(one.ID)
	if err != nil || strings.ContainsAny(one.ID, "*?$ ") || arn.Partition != "aws" || arn.Region != "" || !isAccount(arn.AccountID) {
		return errPrincipal
	}
	kind, name, _ := strings.Cut(arn.Resource, "/")
	switch {
	case arn.Service == "iam" && arn.Resource == "root":
		p.accounts = append(p.accounts, arn.AccountID)
	case arn.Service == "iam" && (kind == "role" || kind == "user") && name != "",
		arn.Service == "sts" && (kind == "assumed-role" && strings.Count(name, "/") == 1 || kind == "federated-user" && name != ""):
		p.arns = append(p.arns, one.ID)
	default:
		return errPrincipal
	}
	return nil
}

func isAccount(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil && len(s) == 12 && s[0] != '+'
}

// reach says how closely the element names a caller. A nil one is of a policy that
// belongs to the caller.
//
// A Deny of all but some denies whoever of account, role and session is not among
// them: "you must also specify the account ARN of the not-denied principal"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
// An Allow of all but some is for nobody of whom any is among them.
func (p *principals) reach(who *caller, deny bool) reach {
	if p == nil {
		return toRole
	}
	closest, all := p.closest(who)
	switch {
	case !p.not:
		return closest
	case deny && !all, !deny && closest == nobody:
		return toRole
	}
	return nobody
}

// closest gives the closest name of a caller in the list, and whether each name
// that the caller has is there.
func (p *principals) closest(who *caller) (closest reach, all bool) {
	all = true
	see := func(name string, list []string, as reach) {
		switch {
		case name == "":
		case slices.Contains(list, name):
			closest = max(closest, as)
		default:
			all = false
		}
	}
	see(who.account, p.accounts, toAccount)
	see(who.role, p.arns, toRole)
	see(who.session, p.arns, asSession)
	see(who.provider, p.providers, toRole)
	if p.everybody && who.provider == "" {
		closest = max(closest, toRole)
	}
	if *who == (caller{}) || p.everybody {
		all = p.everybody
	}
	return closest, all
}
