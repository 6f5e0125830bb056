// Package iam evaluates IAM policies: what the statements of a document say of
// one request.
//
// It owns actions, resources, wildcards, policy variables, and condition
// operators. What a document looks like is package wire/policy's; which
// policies count for a request, and what is answered to a caller who is
// refused, is the matter of whoever asks. What it does not know it refuses as it
// compiles: a policy of which a part is skipped would not say what was written.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/wire/policy"
)

// A Verdict is what a policy says of a request. The zero Verdict refuses.
type Verdict int

// The verdicts.
const (
	ImplicitDeny Verdict = iota // no statement allows it
	ExplicitDeny                // a statement denies it
	Allow                       // a statement allows it, and none denies it
)

// A Request is what is asked of a policy.
type Request struct {
	// Action is the action, such as "execute-api:Invoke".
	Action string
	// Resource is the ARN.
	Resource string
	// Context gives the values of a condition key, whose name it gets in lower
	// case, and whether the request has the key. Nil has none.
	Context func(key string) (values []string, ok bool)
}

func (r *Request) values(key string) ([]string, bool) {
	if r.Context == nil {
		return nil, false
	}
	return r.Context(key)
}

// A Policy is a compiled policy document. It does not change, and is safe for
// concurrent use.
type Policy struct {
	statements []statement
	keys       []string // the condition keys that it asks of a request, in lower case
	origin     Origin
}

type statement struct {
	from        *policy.Statement // as it was written
	variables   bool              // its texts may have policy variables
	sid         string
	deny        bool
	principals  *principals // nil in a policy of an identity
	actions     []pattern
	notActions  bool
	resources   []pattern
	notResource bool
	conditions  []condition
}

// UnsignedKeys are the condition keys of a request to an API that is not signed,
// in lower case.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-aws-condition-keys.html
var UnsignedKeys = [...]string{"aws:currenttime", "aws:epochtime", "aws:referer", "aws:securetransport", "aws:sourceip", "aws:useragent"}

// The versions of the policy language. Only the newer one has variables.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Compile checks a policy document of an identity.
func Compile(doc policy.Document) (*Policy, error) {
	return compile(doc, func(s *policy.Statement) error {
		if s.Principal != nil || s.NotPrincipal != nil {
			return errors.New("it has a Principal, and is of an identity")
		}
		return nil
	})
}

// CompileResource checks a policy document of a resource that is asked for by
// requests that nobody has signed. Whoever has sent one is nobody but "*". A
// statement for another principal, or that asks for what only a signed request
// has, could not be evaluated, and is refused.
func CompileResource(doc policy.Document) (*Policy, error) { return compile(doc, checkUnsigned) }

// CompileSigned checks a policy document of a resource whose callers sign, as
// those of a bucket or of a REST API with an IAM authorizer do. A caller without a
// signature is nobody but "*".
func CompileSigned(doc policy.Document) (*Policy, error) {
	return compile(doc, func(s *policy.Statement) error {
		for _, p := range slices.Concat(s.Principal, s.NotPrincipal) {
			if p.Type == "Federated" {
				return fmt.Errorf("its Principal %.40q, %.100q cannot be evaluated: name the role instead", p.Type, p.ID)
			}
		}
		return needPrincipal(s)
	})
}

// compileTrust checks the trust policy of a role, whose statements have no
// Resource: it is the role.
func compileTrust(doc policy.Document) (*Policy, error) {
	doc.Statements = slices.Clone(doc.Statements)
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.Resource != nil || s.NotResource != nil {
			return nil, fmt.Errorf("compiling the trust policy: statement %d has a Resource: it is the role itself", i+1)
		}
		s.Resource = []string{"*"}
	}
	return compile(doc, func(s *policy.Statement) error {
		if err := checkTrust(s); err != nil {
			return err
		}
		return needPrincipal(s)
	})
}

func needPrincipal(s *policy.Statement) error {
	if len(s.Principal) == 0 && len(s.NotPrincipal) == 0 {
		return errors.New("it has neither Principal nor NotPrincipal")
	}
	return nil
}

func checkUnsigned(s *policy.Statement) error {
	if s.NotPrincipal != nil {
		return errors.New(`its NotPrincipal cannot be evaluated: of a request that is not signed the Principal is "*"`)
	}
	if len(s.Principal) == 0 {
		return errors.New("it has no Principal")
	}
	for _, p := range s.Principal {
		if p != (policy.Principal{Type: "AWS", ID: "*"}) {
			return fmt.Errorf(`its Principal %.40q, %.100q cannot be evaluated: of a request that is not signed it is "*"`, p.Type, p.ID)
		}
	}
	for _, c := range s.Condition {
		if !slices.Contains(UnsignedKeys[:], strings.ToLower(c.Key)) {
			return fmt.Errorf("its Condition %.60q, %.60q: %w", c.Operator, c.Key,
				errors.New("a request that is not signed has no such key; the keys are aws:CurrentTime, aws:EpochTime, aws:Referer, aws:SecureTransport, aws:SourceIp, aws:UserAgent"))
		}
		for _, v := range c.Values {
			if strings.Contains(v, "${") {
				return fmt.Errorf("its Condition %.60q, %.60q: %w", c.Operator, c.Key, fmt.Errorf("value %.100q: %w", v, errVariable))
			}
		}
	}
	for _, list := range [...][]string{s.Resource, s.NotResource} {
		for _, r := range list {
			if strings.Contains(r, "${") {
				return fmt.Errorf("its Resource %.100q: %w", r, errVariable)
			}
		}
	}
	return nil
}

// A statement with a variable that has no value matches nothing: as a Deny it
// would be none.
var errVariable = errors.New("variables are not supported")

func compile(doc policy.Document, check func(*policy.Statement) error) (*Policy, error) {
	if doc.Version != "" && doc.Version != version2008 && doc.Version != version2012 {
		return nil, fmt.Errorf("compiling the policy: its Version %.40q is neither %q nor %q", doc.Version, version2012, version2008)
	}
	p := &Policy{statements: make([]statement, 0, len(doc.Statements))}
	for i := range doc.Statements {
		err := check(&doc.Statements[i])
		var s statement
		if err == nil {
			s, err = compileStatement(&doc.Statements[i], doc.Version == version2012)
		}
		if err != nil {
			return nil, fmt.Errorf("compiling the policy: statement %d: %w", i+1, err)
		}
		p.statements = append(p.statements, s)
	}
	p.keys = keysOf(p.statements)
	return p, nil
}

func compileStatement(from *policy.Statement, variables bool) (s statement, err error) {
	s.from, s.variables, s.sid = from, variables, from.SID
	switch from.Effect {
	case "Allow":
	case "Deny":
		s.deny = true
	default:
		return statement{}, fmt.Errorf("its Effect %.40q is neither Allow nor Deny", from.Effect)
	}
	if s.principals, err = compilePrincipals(from); err != nil {
		return statement{}, err
	}
	if s.actions, s.notActions, err = compileList("Action", from.Action, from.NotAction, compileAction); err != nil {
		return statement{}, err
	}
	resource := func(text string) (pattern, error) { return compileResource(text, variables) }
	if s.resources, s.notResource, err = compileList("Resource", from.Resource, from.NotResource, resource); err != nil {
		return statement{}, err
	}
	for _, c := range from.Condition {
		compiled, err := compileCondition(c, variables)
		if err != nil {
			return statement{}, fmt.Errorf("its Condition %.60q, %.60q: %w", c.Operator, c.Key, err)
		}
		s.conditions = append(s.conditions, compiled)
	}
	return s, nil
}

// compileList compiles an element of which there is a Not form. An empty list
// "does not affect the policy" (IAM Access Analyzer, policy checks); an empty
// list of a Not form would mean everything, and is refused.
func compileList(name string, list, not []string, one func(string) (pattern, error)) (patterns []pattern, negated bool, err error) {
	switch {
	case list != nil && not != nil:
		return nil, false, fmt.Errorf("it has both %s and Not%s", name, name)
	case not != nil && len(not) == 0:
		return nil, false, fmt.Errorf("its Not%s is empty", name)
	case not != nil:
		list, negated, name = not, true, "Not"+name
	case list == nil:
		return nil, false, fmt.Errorf("it has neither %s nor Not%s", name, name)
	}
	for _, text := range list {
		p, err := one(text)
		if err != nil {
			return nil, false, fmt.Errorf("%s %.100q: %w", name, text, err)
		}
		patterns = append(patterns, p)
	}
	return patterns, negated, nil
}

// compileAction compiles "service:Name", in which case does not count.
func compileAction(text string) (pattern, error) {
	service, name, ok := strings.Cut(text, ":")
	if text != "*" && (!ok || service == "" || name == "" || strings.ContainsAny(service, "*?")) {
		return nil, errors.New(`an action is service:Name, such as "execute-api:Invoke", or "*"`)
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c <= ' ' || c > '~' || c == '$' {
			return nil, errors.New("an action has no such character")
		}
	}
	return compilePattern(strings.ToLower(text), false)
}

// compileResource compiles an ARN with wildcards, or "*". A wildcard matches any
// character, also one that parts an ARN: what the user guide says of segments is
// not what is observed.
func compileResource(text string, variables bool) (pattern, error) {
	if text != "*" && !strings.HasPrefix(text, "arn:") {
		return nil, errors.New(`a resource is an ARN or "*"`)
	}
	return compilePattern(text, variables)
}

// Evaluate says what the policy says of a request: a statement that denies
// counts before all that allow. In the policy of a resource it is a request that
// nobody has signed.
func (p *Policy) Evaluate(r *Request) Verdict {
	return p.evaluate(r, &caller{}, nil).verdict
}

// Denying names the first statement that denies a request, for whoever looks for
// it in the policy: "statement 2 (NoAdmin)", counted from 1; "" if none does.
func (p *Policy) Denying(r *Request) string {
	found := p.evaluate(r, &caller{}, nil)
	if found.verdict != ExplicitDeny {
		return ""
	}
	return p.nameOf(found.statement)
}

// nameOf names a statement by its place, and by its Sid.
func (p *Policy) nameOf(i int) string {
	name := "statement " + strconv.Itoa(i+1)
	if sid := p.statements[i].sid; isSID(sid) {
		name += " (" + sid + ")"
	}
	return name
}

// isSID says whether a text is what a Sid can be (IAM user guide,
// reference_policies_elements_sid). What is not names nothing: a function may
// have made it of what a client sent.
func isSID(text string) bool {
	for i := range len(text) {
		if c := text[i] | 0x20; (c < 'a' || c > 'z') && (text[i] < '0' || text[i] > '9') {
			return false
		}
	}
	return text != "" && len(text) <= 100
}

// finding is what a policy says of a request and its caller.
type finding struct {
	verdict   Verdict
	statement int // that decided, unless the verdict is ImplicitDeny
	reach     reach
}

// evaluate finds the first statement that denies, or else of those that allow the
// one that names the caller most closely. With a recorder it looks at every
// statement, and finds the same.
func (p *Policy) evaluate(r *Request, who *caller, to *recorder) (found finding) {
	for i := range p.statements {
		s := &p.statements[i]
		reaches := s.principals.reach(who, s.deny)
		settled := found.verdict == ExplicitDeny || found.verdict == Allow && !s.deny && reaches <= found.reach
		if to == nil && (reaches == nobody || settled) {
			continue
		}
		said := to.begin(p, i, reaches)
		matched := s.matches(r, said) && reaches != nobody
		to.end(said, matched)
		switch {
		case !matched || settled:
		case s.deny && to == nil:
			return finding{ExplicitDeny, i, reaches}
		case s.deny:
			found = finding{ExplicitDeny, i, reaches}
		default:
			found = finding{Allow, i, reaches}
		}
	}
	return found
}

// matches says whether the statement is about the request. With notes to take it
// looks at all that it says.
func (s *statement) matches(r *Request, said *notes) bool {
	found, _ := anyMatches(s.actions, r, strings.ToLower(r.Action)) // actions have no variables
	matched := found != s.notActions
	if said == nil && !matched {
		return false
	}
	found, whole := anyMatches(s.resources, r, r.Resource)
	// A variable without a value matches no resource, and so is no exception from a
	// Deny. That of an Allow might be just this one.
	about := found != s.notResource && (!s.notResource || whole || s.deny)
	if said != nil {
		said.action, said.resource = matched, about
		if matched && !about && !s.notResource {
			said.about = texts(s.resources, r)
		}
	}
	if matched = matched && about; !matched {
		return false
	}
	for i := range s.conditions {
		held := s.conditions[i].holds(r)
		if said == nil && !held {
			return false
		}
		said.compare(s, i, r, held)
		matched = matched && held
	}
	return matched
}
