package iam

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/wire/policy"
	"github.com/doorwright/doorwright/sigv4"
)

// Account is a stage's AWS account: its root keys, its roles and the sessions of
// them. It does not change, and is safe for concurrent use.
type Account struct {
	cfg     Config
	masters []*master
	bits    [6]byte // of the account, in ids
	roles   map[string]*role
}

// Config is what an Account is made of.
type Config struct {
	AccountID, Region string
	// Root are the keys of the root user.
	Root sigv4.Credentials
	// Keys are the master keys of session tokens, of 32 bytes. The first one signs;
	// the others are of tokens that were given before it was there.
	Keys  [][]byte
	Roles []RoleConfig
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// RoleConfig is a role.
type RoleConfig struct {
	Name string
	// Trust says who may assume it. Without statements nobody does, but for the
	// rooms that call Assume.
	Trust policy.Document
	// Policies are the role's permissions.
	Policies []policy.Document
	// Origins say where the Policies were written, as far as that is known.
	Origins []Origin
	// Boundary is the permissions boundary; nil is none.
	Boundary *policy.Document
	// MaxSessionDuration is an hour if it is zero, and 12 hours at most.
	MaxSessionDuration time.Duration
}

type role struct {
	name, id    string
	trust       *Policy
	policies    []*Policy
	boundary    *Policy
	maxDuration time.Duration
}

// The bounds of a role's MaxSessionDuration, and the least duration of a session
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const (
	minDuration     = 15 * time.Minute
	defaultDuration = time.Hour
	maxDuration     = 12 * time.Hour
)

var roleName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=,.@-]{1,64}$`) })

// New checks the roles and starts nothing.
func New(cfg Config) (*Account, error) {
	a := &Account{cfg: cfg, roles: map[string]*role{}}
	if a.cfg.Now == nil {
		a.cfg.Now = time.Now
	}
	var err error
	if a.bits, err = accountBits(cfg.AccountID); err != nil {
		return nil, fmt.Errorf("making the account: %w", err)
	}
	if len(cfg.Keys) == 0 {
		return nil, errors.New("making the account: there is no master key")
	}
	if cfg.Root.AccessKeyID == "" || cfg.Root.SecretAccessKey == "" || cfg.Root.SessionToken != "" {
		return nil, errors.New("making the account: the root keys are an access key id and its secret")
	}
	for _, key := range cfg.Keys {
		m, err := newMaster(key)
		if err != nil {
			return nil, fmt.Errorf("making the account: %w", err)
		}
		a.masters = append(a.masters, m)
	}
	for _, c := range cfg.Roles {
		r, err := a.newRole(c)
		if err != nil {
			return nil, fmt.Errorf("making role %.80q: %w", c.Name, err)
		}
		if a.roles[c.Name] != nil {
			return nil, fmt.Errorf("making role %s: it is there twice", c.Name)
		}
		a.roles[c.Name] = r
	}
	return a, nil
}

func (a *Account) newRole(c RoleConfig) (*role, error) {
	if !roleName().MatchString(c.Name) {
		return nil, errors.New("a role's name is 1 to 64 letters, digits and _+=,.@-")
	}
	// A role keeps its id for as long as it keeps its name.
	sum := sha256.Sum256([]byte(a.cfg.AccountID + "/" + c.Name))
	r := &role{name: c.Name, id: uniqueID(prefixRole, a.bits, sum[:6], 17), maxDuration: c.MaxSessionDuration}
	if r.maxDuration == 0 {
		r.maxDuration = defaultDuration
	}
	if r.maxDuration < time.Hour || r.maxDuration > maxDuration {
		return nil, errors.New("its MaxSessionDuration is between 1 and 12 hours")
	}
	var err error
	if r.trust, err = compileTrust(c.Trust); err != nil {
		return nil, fmt.Errorf("who may assume it: %w", err)
	}
	r.trust = r.trust.From(Origin{Name: "the trust policy of role " + c.Name})
	for i, doc := range c.Policies {
		p, err := Compile(doc)
		if err != nil {
			return nil, fmt.Errorf("policy %d: %w", i+1, err)
		}
		origin := Origin{Name: fmt.Sprintf("policy %d of role %s", i+1, c.Name)}
		if i < len(c.Origins) {
			origin = c.Origins[i]
		}
		r.policies = append(r.policies, p.From(origin))
	}
	if c.Boundary != nil {
		if r.boundary, err = Compile(*c.Boundary); err != nil {
			return nil, fmt.Errorf("its boundary: %w", err)
		}
		r.boundary = r.boundary.From(Origin{Name: "the boundary of role " + c.Name})
	}
	return r, nil
}

// NewRootKeys gives new long-term keys: 40 characters of secret are 240 random
// bits.
func NewRootKeys(accountID string) (sigv4.Credentials, error) {
	bits, err := accountBits(accountID)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("making root keys: %w", err)
	}
	var secret [30]byte
	rand.Read(secret[:])
	return sigv4.Credentials{AccessKeyID: newAccessKeyID(prefixKey, bits), SecretAccessKey: base64.StdEncoding.EncodeToString(secret[:])}, nil
}

// RoleARN gives the ARN that a role of this name has.
func (a *Account) RoleARN(name string) string {
	return aws.ARN{Service: "iam", AccountID: a.cfg.AccountID, Resource: "role/" + name}.String()
}

// sessionARN gives the ARN of a session, in which a role's path is not.
func (a *Account) sessionARN(role, session string) string {
	return aws.ARN{Service: "sts", AccountID: a.cfg.AccountID, Resource: "assumed-role/" + role + "/" + session}.String()
}

// isRoot says whether these are the root keys.
func (a *Account) isRoot(accessKeyID, sessionToken string) bool {
	return subtle.ConstantTimeCompare([]byte(accessKeyID), []byte(a.cfg.Root.AccessKeyID)) == 1 && sessionToken == ""
}

// open reads a session token and judges it by the clock and by the roles that there
// are: a session ends with its role.
func (a *Account) open(accessKeyID, sessionToken string) (*claims, string, error) {
	c, secret, err := a.unseal(accessKeyID, sessionToken)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", sigv4.ErrUnknownKey, err)
	}
	if r := a.roles[c.Role]; c.Role != "" && (r == nil || r.id != c.RoleID) {
		return nil, "", fmt.Errorf("%w: there is no role %.80q any more", sigv4.ErrUnknownKey, c.Role)
	}
	if c.expired(a.cfg.Now()) {
		return nil, "", sigv4.ErrExpiredToken
	}
	return c, secret, nil
}

// SecretOf gives the secret of an access key, for [sigv4.Verifier]. It gives
// [sigv4.ErrUnknownKey] or [sigv4.ErrExpiredToken] for what is not accepted.
func (a *Account) SecretOf(_ context.Context, accessKeyID, sessionToken string) (string, error) {
	if a.isRoot(accessKeyID, sessionToken) {
		return a.cfg.Root.SecretAccessKey, nil
	}
	_, secret, err := a.open(accessKeyID, sessionToken)
	return secret, err
}

// Principal says who an access key belongs to. It is asked for a request whose
// signature was verified with SecretOf's answer, and gives the same errors.
func (a *Account) Principal(accessKeyID, sessionToken string) (Principal, error) {
	root := Principal{
		ARN:    aws.ARN{Service: "iam", AccountID: a.cfg.AccountID, Resource: "root"}.String(),
		UserID: a.cfg.AccountID, AccessKeyID: accessKeyID, AccountID: a.cfg.AccountID, Root: true,
	}
	if a.isRoot(accessKeyID, sessionToken) {
		return root, nil
	}
	c, _, err := a.open(accessKeyID, sessionToken)
	if err != nil {
		return Principal{}, err
	}
	if c.Role == "" {
		return root, nil
	}
	s := &Session{
		Role: c.Role, RoleID: c.RoleID, Name: c.Name, Issued: time.Unix(c.Issued, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(),
		Provider: c.Provider, Identity: c.Identity, Tags: c.Tags,
	}
	if s.Policies, err = sessionPolicies(c.Policies); err != nil {
		return Principal{}, fmt.Errorf("reading the session of role %s: %w", c.Role, err)
	}
	return Principal{ARN: a.sessionARN(c.Role, c.Name), UserID: c.RoleID + ":" + c.Name, AccessKeyID: accessKeyID, AccountID: a.cfg.AccountID, Session: s}, nil
}

// sessionPolicies compiles session policies.
func sessionPolicies(texts []string) ([]*Policy, error) {
	var policies []*Policy
	for _, text := range texts {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			return nil, err
		}
		p, err := Compile(doc)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	return policies, nil
}

// AssumeRequest asks for a session of a role.
type AssumeRequest struct {
	// Role is the role's name.
	Role string
	// Session is the session's name.
	Session string
	// Duration is an hour if it is zero, or less if that is the role's maximum.
	Duration time.Duration
	// Policies are the texts of session policies.
	Policies []string
	Tags     map[string]string
	// Provider and Identity are as in Session.
	Provider string
	Identity *CognitoIdentity
}

// Credentials are temporary credentials.
type Credentials struct {
	sigv4.Credentials
	Expiration time.Time
	// AssumedRole is the session that they are of.
	AssumedRole AssumedRole
	// PackedPolicySize is how much of the room for session policies and tags is
	// taken, in percent.
	PackedPolicySize int
	// Trusted is what of the role's trust policy has let a web identity in.
	Trusted []*Evidence
}

// AssumedRole names a session of a role.
type AssumedRole struct {
	ARN string
	// ID is AROA…:SESSION.
	ID string
}

var sessionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w+=,.@-]{2,64}$`) })

// Assume gives credentials of a role. It asks no trust policy: it is for the rooms
// that give functions and identities theirs. Its refusals are an *[aws.Error] in
// the words of STS.
func (a *Account) Assume(r AssumeRequest) (Credentials, error) {
	role := a.roles[r.Role]
	if role == nil {
		return Credentials{}, fmt.Errorf("assuming role %.80q: there is none of this name", r.Role)
	}
	if !sessionName().MatchString(r.Session) {
		return Credentials{}, fmt.Errorf("assuming role %s: %.80q is no name of a session", r.Role, r.Session)
	}
	duration := r.Duration
	if duration == 0 {
		duration = defaultDuration
	}
	if err := checkTags(r.Tags); err != nil {
		return Credentials{}, err
	}
	if _, err := sessionPolicies(r.Policies); err != nil {
		return Credentials{}, malformedPolicy(err)
	}
	packed, err := packedPolicySize(r.Policies, r.Tags)
	if err != nil {
		return Credentials{}, fmt.Errorf("assuming role %s: %w", r.Role, err)
	}
	if packed > 100 {
		return Credentials{}, packedTooLarge(packed)
	}
	c, err := a.issue(&claims{
		Role: role.name, RoleID: role.id, Name: r.Session, Provider: r.Provider, Identity: r.Identity, Tags: r.Tags, Policies: r.Policies,
	}, duration)
	if err != nil {
		return Credentials{}, fmt.Errorf("assuming role %s: %w", r.Role, err)
	}
	c.AssumedRole = AssumedRole{ARN: a.sessionARN(role.name, r.Session), ID: role.id + ":" + r.Session}
	c.PackedPolicySize = packed
	return c, nil
}

// issue makes credentials that say what c says.
func (a *Account) issue(c *claims, duration time.Duration) (Credentials, error) {
	now := a.cfg.Now().UTC().Truncate(time.Second)
	c.AccessKeyID = newAccessKeyID(prefixTemporary, a.bits)
	c.Issued, c.Expires = now.Unix(), now.Add(duration).Unix()
	token, secret, err := a.masters[0].seal(c, a.cfg.AccountID)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		Credentials: sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: secret, SessionToken: token},
		Expiration:  time.Unix(c.Expires, 0).UTC(),
	}, nil
}

// The bounds of session tags
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`) })

// checkTags holds session tags to what AWS takes.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return validation(fmt.Sprintf("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags))
	}
	seen := make([]string, 0, len(tags))
	for key, value := range tags {
		folded := strings.ToLower(key)
		switch {
		case key == "" || len([]rune(key)) > maxTagKey || !tagText().MatchString(key) || strings.HasPrefix(folded, "aws:"),
			len([]rune(value)) > maxTagValue || !tagText().MatchString(value):
			return &aws.Error{Code: "InvalidParameterValue", Message: "The session tag is not valid.", Status: http.StatusBadRequest}
		case slices.Contains(seen, folded):
			return &aws.Error{Code: "InvalidParameterValue", Message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.", Status: http.StatusBadRequest}
		}
		seen = append(seen, folded)
	}
	return nil
}

func validation(message string) *aws.Error {
	return &aws.Error{Code: "ValidationError", Message: message, Status: http.StatusBadRequest}
}

func malformedPolicy(err error) *aws.Error {
	return &aws.Error{Code: "MalformedPolicyDocument", Message: "The policy is not in the valid JSON format.", Status: http.StatusBadRequest, Err: err}
}

func packedTooLarge(percent int) *aws.Error {
	return &aws.Error{Code: "PackedPolicyTooLarge", Message: fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent), Status: http.StatusBadRequest}
}
