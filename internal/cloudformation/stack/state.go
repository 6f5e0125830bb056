package stack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// The tags of a stack that say whose it is.
const (
	tagApp   = "doorwright:app"
	tagStage = "doorwright:stage"
)

const (
	pollEvery = 3 * time.Second
	// maxWait bounds the wait for one operation of CloudFormation. The slowest of ours,
	// a pool's own domain, takes it up to an hour.
	maxWait = 3 * time.Hour
	// beginsWithin is long after an operation is to be seen in the stack's state.
	beginsWithin = time.Minute
)

// describe gives the stack as it is now, or nil if there is none. id is its name or,
// for one that may be deleted, its ARN.
func (s *Stack) describe(ctx context.Context, id string) (*types.Stack, error) {
	var out *cloudformation.DescribeStacksOutput
	err := s.call(ctx, "looking for stack "+s.name, func() (err error) {
		out, err = s.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
		return err
	})
	switch {
	case code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist"):
		return nil, nil
	case err != nil:
		return nil, err
	case len(out.Stacks) != 1:
		return nil, fmt.Errorf("looking for stack %s: AWS gave %d", s.name, len(out.Stacks))
	}
	return &out.Stacks[0], nil
}

// find gives the stack, or nil if there is none or it was deleted. One that is not
// this app's is refused: its name is ours by chance.
func (s *Stack) find(ctx context.Context) (*types.Stack, error) {
	stack, err := s.describe(ctx, s.name)
	if err != nil || stack == nil || stack.StackStatus == types.StackStatusDeleteComplete {
		return nil, err
	}
	tags := map[string]string{}
	for _, t := range stack.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if tags[tagApp] != s.cfg.App || tags[tagStage] != s.cfg.Stage {
		return nil, &Error{
			Doing: "looking for stack " + s.name,
			Err:   fmt.Errorf("there is one that is not stage %s of app %s: its tags %s and %s are %q and %q", s.cfg.Stage, s.cfg.App, tagApp, tagStage, tags[tagApp], tags[tagStage]),
			Fix:   "give the app or the stage another name, or use another region or account; nothing was changed",
		}
	}
	return stack, nil
}

// settled gives the stack once nothing is under way. It says what it waits for.
func (s *Stack) settled(ctx context.Context, positions map[string]string) (*types.Stack, error) {
	stack, err := s.find(ctx)
	if err != nil || stack == nil || !inProgress(stack.StackStatus) {
		return stack, err
	}
	events, err := s.eventsOf(ctx, aws.ToString(stack.StackId), "")
	if err != nil {
		return nil, err
	}
	s.cfg.Observe(Event{Kind: KindWaiting, Text: fmt.Sprintf("stack %s is %s%s: waiting until that has ended", s.name, stack.StackStatus, who(events, s.cfg.Now()))})
	f := &follower{stack: s, id: aws.ToString(stack.StackId), positions: positions}
	if len(events) > 0 {
		f.seen = events[0].EventId
	}
	if _, err := f.wait(ctx); err != nil {
		return nil, err
	}
	return s.find(ctx)
}

func inProgress(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// token marks what this deploy asks for. It is in every event that follows, so that
// the next one can say whose it was.
func (s *Stack) token(verb string) *string {
	return aws.String(fmt.Sprintf("doorwright-%s-%s-%d", verb, callerName(s.target.Caller), s.cfg.Now().UnixNano()))
}

var (
	notOfToken = regexp.MustCompile(`[^a-zA-Z0-9]+`)
	ofToken    = regexp.MustCompile(`^doorwright-(deploy|remove|rollback)-([a-zA-Z0-9-]+)-[0-9]+$`)
)

// callerName gives what a person calls the owner of an ARN: a user, or a session of a
// role, which is mostly a user's name.
func callerName(arn string) string {
	name := notOfToken.ReplaceAllString(arn[strings.LastIndexAny(arn, "/:")+1:], "-")
	return strings.Trim(name[:min(len(name), 64)], "-")
}

// who says by whom and when the stack's operation was begun, as far as events tell.
// They are the newest first.
func who(events []types.StackEvent, now time.Time) string {
	for _, e := range events {
		if aws.ToString(e.PhysicalResourceId) != aws.ToString(e.StackId) || !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") {
			continue
		}
		by := ""
		if m := ofToken.FindStringSubmatch(aws.ToString(e.ClientRequestToken)); m != nil {
			by = " by doorwright " + m[1] + " of " + m[2]
		}
		at := aws.ToTime(e.Timestamp)
		return fmt.Sprintf("%s since %s (%s ago)", by, at.UTC().Format("15:04:05 UTC"), now.Sub(at).Round(time.Second))
	}
	return ""
}

// follower shows a stack's events as they come, until it is at rest.
type follower struct {
	stack     *Stack
	id        string // the stack's ARN
	positions map[string]string
	seen      *string // the newest event that was shown; nil shows all
	failed    []ResourceEvent
	// asked is when an operation was asked for whose beginning AWS may not show yet:
	// what is at rest then counts once its end was seen, or after a while. Zero
	// is an operation that was seen to run.
	asked time.Time
	ended bool // the stack's own event of an end was seen
}

// wait shows events until the stack is at rest, and gives it then.
func (f *follower) wait(ctx context.Context) (*types.Stack, error) {
	s := f.stack
	for end := s.cfg.Now().Add(maxWait); ; {
		// The state comes first: the events that are read afterwards are all of it.
		stack, err := s.describe(ctx, f.id)
		if err != nil {
			return nil, err
		}
		if err := f.show(ctx); err != nil {
			return nil, err
		}
		begun := f.asked.IsZero() || f.ended || s.cfg.Now().Sub(f.asked) > beginsWithin
		if stack == nil || !inProgress(stack.StackStatus) && begun {
			return stack, nil
		}
		if s.cfg.Now().After(end) {
			return nil, &Error{Doing: "waiting for stack " + s.name, Fix: againFix, Err: fmt.Errorf("it is %s after %s", stack.StackStatus, maxWait)}
		}
		if err := s.cfg.Sleep(ctx, pollEvery); err != nil {
			return nil, fmt.Errorf("waiting for stack %s: %w", s.name, err)
		}
	}
}

// show tells of the events since the last time, the oldest first.
func (f *follower) show(ctx context.Context) error {
	events, err := f.stack.eventsOf(ctx, f.id, aws.ToString(f.seen))
	if err != nil {
		return err
	}
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		f.seen = e.EventId
		r := ResourceEvent{
			ID: aws.ToString(e.LogicalResourceId), Type: aws.ToString(e.ResourceType), Status: string(e.ResourceStatus),
			Reason: plain(aws.ToString(e.ResourceStatusReason)), Position: f.positions[aws.ToString(e.LogicalResourceId)], Time: aws.ToTime(e.Timestamp),
		}
		own := aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
		f.ended = f.ended || own && !strings.HasSuffix(r.Status, "_IN_PROGRESS")
		if r.Failed() && !own {
			f.failed = append(f.failed, r)
		}
		f.stack.cfg.Observe(Event{Kind: KindResource, Resource: &r})
	}
	return nil
}

// maxEvents bounds what is read of a stack's history at once.
const maxEvents = 5000

// eventsOf gives the events since the one that was seen last, the newest first. AWS
// keeps those of a stack for 90 days.
func (s *Stack) eventsOf(ctx context.Context, id, seen string) ([]types.StackEvent, error) {
	return s.events(ctx, id, seen, maxEvents)
}

// newestEvent gives the id of the newest event, or nil, with one request: the history of
// a stack is long, and its readers are throttled together.
func (s *Stack) newestEvent(ctx context.Context, id string) (*string, error) {
	events, err := s.events(ctx, id, "", 1)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return events[0].EventId, nil
}

// events reads pages until it has most events.
func (s *Stack) events(ctx context.Context, id, seen string, most int) ([]types.StackEvent, error) {
	var events []types.StackEvent
	in := &cloudformation.DescribeStackEventsInput{StackName: &id}
	for len(events) < most {
		var out *cloudformation.DescribeStackEventsOutput
		err := s.call(ctx, "reading the events of stack "+s.name, func() (err error) {
			out, err = s.cfn.DescribeStackEvents(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, e := range out.StackEvents {
			if seen != "" && aws.ToString(e.EventId) == seen {
				return events, nil
			}
			events = append(events, e)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	return events, nil
}

// failure says which resources failed, and where they are declared.
func (s *Stack) failure(doing string, stack *types.Stack, failed []ResourceEvent, fix string) error {
	status := "gone"
	if stack != nil {
		status = string(stack.StackStatus)
		if len(failed) == 0 && aws.ToString(stack.StackStatusReason) != "" {
			status += " (" + plain(*stack.StackStatusReason) + ")"
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the stack is %s", status)
	for _, r := range failed {
		b.WriteString("\n  ")
		if r.Position != "" {
			b.WriteString(r.Position + ": ")
		}
		fmt.Fprintf(&b, "%s (%s) %s: %s", r.ID, r.Type, r.Status, r.Reason)
		if more := advice(r); more != "" {
			fix = more + "\n" + fix
		}
	}
	return &Error{Doing: doing, Fix: fix, Err: errors.New(b.String())}
}
