// Package stack takes a CloudFormation template to AWS, as one stack, and takes the
// stack away again.
//
// It owns the artifacts bucket of an account and region, change sets and what a person
// is shown of them, what every state of a stack means for the next step, and the waits.
// It knows the template as bytes, and nothing of the declaration that it was made from
// but the place of each resource, so that a failure can name it.
//
// Nothing is kept on this machine: AWS knows the state, rolls back by itself, and goes
// on when this program ends. So the next run of the same command is always the way on.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	local "github.com/doorwright/doorwright/internal/aws"
)

// Config says which stack, and by whose keys.
type Config struct {
	// App and Stage are the stack's: its name is STAGE-APP, and it is tagged with both,
	// because STAGE-APP alone does not tell where the stage ends.
	App, Stage string
	// AWS is what [Load] gives: region, credentials, endpoint.
	AWS aws.Config
	// Local are the stages of this machine. Their keys and endpoints are refused.
	Local []Local
	// Observe is told what goes on. Nil is nobody.
	Observe func(Event)
	// Now is the clock, and Sleep waits by it until the context ends. Nil is the real one.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Local is what tells a local stage from AWS.
type Local struct{ Endpoint, AccessKeyID string }

// Load reads the configuration of AWS's SDKs in their standard order: environment,
// shared files, SSO, the machine's role. region and profile come first if they are set.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
func Load(ctx context.Context, region, profile string) (aws.Config, error) {
	// The SDK's own words, such as a warning of the machine's role where there is none,
	// would stand on standard error beside the error that says it, and in the middle of --json.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, &Error{Doing: "reading the configuration of AWS", Fix: "look at ~/.aws/config, AWS_PROFILE and --profile", Err: err}
	}
	return c, nil
}

// Stack is one stack of an account and region, there or not.
type Stack struct {
	cfg    Config
	name   string
	cfn    *cloudformation.Client
	s3     *s3.Client
	sts    *sts.Client
	http   aws.HTTPClient // of the services that ask speaks to
	target Target         // of Identify
}

// Target is where a stack goes, and as whom.
type Target struct {
	Stack     string `json:"stack"`
	Account   string `json:"account"`
	Region    string `json:"region"`
	Caller    string `json:"caller"` // its ARN
	partition string
}

// stackName is what CreateStack allows.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// New validates the configuration and calls nobody.
func New(cfg Config) (*Stack, error) {
	s := &Stack{cfg: cfg, name: cfg.Stage + "-" + cfg.App}
	if cfg.App == "" || cfg.Stage == "" || !stackName.MatchString(s.name) {
		return nil, fmt.Errorf("stack: %q is not the name of a stack", s.name)
	}
	if cfg.AWS.Region == "" {
		return nil, &Error{Doing: "finding the region", Fix: "write region: in the declaration, or say --region", Err: errors.New("none is set")}
	}
	if s.cfg.Now == nil {
		s.cfg.Now = time.Now
	}
	if s.cfg.Sleep == nil {
		s.cfg.Sleep = sleep
	}
	if s.cfg.Observe == nil {
		s.cfg.Observe = func(Event) {}
	}
	// What is tried again, and when, is decided in one place: see call.
	once := func() aws.Retryer { return aws.NopRetryer{} }
	s.cfg.AWS.Retryer = once
	s.cfn = cloudformation.NewFromConfig(s.cfg.AWS)
	s.s3 = s3.NewFromConfig(s.cfg.AWS, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // an endpoint's own host has no buckets below it
	})
	s.sts = sts.NewFromConfig(s.cfg.AWS)
	if s.http = s.cfg.AWS.HTTPClient; s.http == nil {
		s.http = awshttp.NewBuildableClient()
	}
	return s, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Identify asks AWS whose the credentials are. It refuses those of a local stage, the
// ones on this machine before anything is sent.
func (s *Stack) Identify(ctx context.Context) (Target, error) {
	const doing = "finding out whose the credentials are"
	if s.cfg.AWS.Credentials == nil {
		return Target{}, &Error{Doing: doing, Fix: signInFix, Err: errors.New("there are none")}
	}
	keys, err := s.cfg.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return Target{}, s.explain(doing, err)
	}
	for _, l := range s.cfg.Local {
		if keys.AccessKeyID == l.AccessKeyID || s.sentTo(l.Endpoint) {
			return Target{}, localError(doing)
		}
	}
	var id *sts.GetCallerIdentityOutput
	err = s.call(ctx, doing, func() (err error) {
		id, err = s.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	if err != nil {
		return Target{}, err
	}
	arn := strings.SplitN(aws.ToString(id.Arn), ":", 6)
	if len(arn) != 6 || arn[0] != "arn" || !account.MatchString(aws.ToString(id.Account)) {
		return Target{}, &Error{Doing: doing, Err: fmt.Errorf("the answer %.200q of account %.20q is not AWS's", aws.ToString(id.Arn), aws.ToString(id.Account))}
	}
	if aws.ToString(id.Account) == local.AccountID {
		return Target{}, localError(doing)
	}
	s.target = Target{Stack: s.name, Account: *id.Account, Region: s.cfg.AWS.Region, Caller: *id.Arn, partition: arn[1]}
	s.cfg.Observe(Event{Kind: KindTarget, Target: &s.target})
	return s.target, nil
}

var account = regexp.MustCompile(`^[0-9]{12}$`)

// sentTo says whether calls would go to a local stage's endpoint: by the
// configuration, or by a variable of one service.
func (s *Stack) sentTo(endpoint string) bool {
	if endpoint == "" {
		return false
	}
	given := []*string{s.cfg.AWS.BaseEndpoint, s.cfn.Options().BaseEndpoint, s.s3.Options().BaseEndpoint, s.sts.Options().BaseEndpoint}
	for _, svc := range []service{iamService, cognitoService, secretsService} {
		given = append(given, aws.String(s.endpoint(svc)))
	}
	return slices.ContainsFunc(given, func(g *string) bool { return sameEndpoint(aws.ToString(g), endpoint) })
}

// sameEndpoint compares two addresses of this machine, of which loopback has several
// names.
func sameEndpoint(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	if errX != nil || errY != nil || a == "" || b == "" {
		return false
	}
	host := func(u *url.URL) string {
		switch h := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."); {
		case h == "localhost", strings.HasSuffix(h, ".localhost"), h == "::1", strings.HasPrefix(h, "127."):
			return "localhost"
		default:
			return h
		}
	}
	return host(x) == host(y) && x.Port() == y.Port()
}

func localError(doing string) error {
	return &Error{
		Doing: doing,
		Fix:   "this shell points at a local stage, as `doorwright env` does: unset AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use another shell",
		Err:   errors.New("the credentials or the endpoint are a local stage's, not AWS's"),
	}
}

// The kinds of events.
const (
	KindTarget   = "target"   // where it goes, before anything changes
	KindProgress = "progress" // what begins now
	KindWaiting  = "waiting"  // for somebody else's change of the stack
	KindUpload   = "upload"   // how far an upload is
	KindDrift    = "drift"    // what was changed outside of the stack
	KindPlan     = "plan"     // what would change, before it does
	KindResource = "resource" // a resource's new state
	KindWarning  = "warning"
)

// Event is something that goes on.
type Event struct {
	Kind   string  `json:"kind"`
	Text   string  `json:"text,omitempty"`
	Target *Target `json:"target,omitempty"`
	// Key, Done and Total are of an upload.
	Key   string `json:"key,omitempty"`
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
	// Drift is what was changed outside of the stack.
	Drift []Drift `json:"drift,omitempty"`
	// Plan is what would change.
	Plan *Plan `json:"plan,omitempty"`
	// Resource is a resource's new state.
	Resource *ResourceEvent `json:"resource,omitempty"`
}

// ResourceEvent is one event of a stack.
type ResourceEvent struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	Position string    `json:"position,omitempty"`
	Time     time.Time `json:"time"`
}

// Failed says whether the resource failed by itself, and not because another did.
func (r ResourceEvent) Failed() bool {
	return strings.HasSuffix(r.Status, "_FAILED") && !strings.Contains(strings.ToLower(r.Reason), "cancelled")
}

func (s *Stack) progress(format string, args ...any) {
	s.cfg.Observe(Event{Kind: KindProgress, Text: fmt.Sprintf(format, args...)})
}

func (s *Stack) warn(format string, args ...any) {
	s.cfg.Observe(Event{Kind: KindWarning, Text: fmt.Sprintf(format, args...)})
}
