package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// What becomes of a resource.
const (
	Add     = "add"
	Modify  = "change"
	Replace = "replace" // made anew, with another physical id; the old one is deleted
	Delete  = "remove"
	Keep    = "keep" // taken from the stack, but it stays
)

// Plan is what would change.
type Plan struct {
	// New is set for a stack that is not there yet.
	New     bool     `json:"new,omitempty"`
	Changes []Change `json:"changes"`
	// Notes are what happens beside.
	Notes []string `json:"notes,omitempty"`
}

// Change is what would become of one resource.
type Change struct {
	Action     string `json:"action"`
	ID         string `json:"id"`
	Type       string `json:"type"`
	PhysicalID string `json:"physicalId,omitempty"`
	Position   string `json:"position,omitempty"`
	// Properties are the names of those that change.
	Properties []string `json:"properties,omitempty"`
	// Maybe is set where AWS knows only on the way whether it replaces, and for what a
	// removal that failed has left already.
	Maybe bool `json:"maybe,omitempty"`
}

// holdsData are the types that lose what people put into them.
var holdsData = []string{userPoolType, identityPoolType, tableType, "AWS::S3::Bucket"}

// HoldsData says whether the resource loses data if it goes.
func (c Change) HoldsData() bool { return slices.Contains(holdsData, c.Type) }

// template is what we read of one.
type template struct {
	Parameters map[string]struct{} `json:"Parameters"`
	Resources  map[string]struct {
		Type       string          `json:"Type"`
		Properties json.RawMessage `json:"Properties"`
	} `json:"Resources"`
}

// newPlan is the plan of a stack that is not there: everything is added.
func newPlan(t template, positions map[string]string) Plan {
	p := Plan{New: true}
	for id, r := range t.Resources {
		p.Changes = append(p.Changes, Change{Action: Add, ID: id, Type: r.Type, Position: positions[id]})
	}
	p.sort()
	return p
}

func (p *Plan) sort() {
	order := []string{Add, Modify, Replace, Delete, Keep}
	slices.SortFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Action), slices.Index(order, b.Action)), cmp.Compare(a.ID, b.ID))
	})
}

// changeSet is one that AWS has made.
type changeSet struct {
	id, stackID string
	plan        Plan
	empty       bool
}

// createChangeSet asks AWS what the template would change, and waits for the answer.
func (s *Stack) createChangeSet(ctx context.Context, d Deployment, kind types.ChangeSetType, url string) (changeSet, error) {
	doing := "asking AWS what would change in stack " + s.name
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String(s.name), ChangeSetName: s.token("deploy"), ClientToken: s.token("deploy"), ChangeSetType: kind,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam},
		Tags:         []types.Tag{{Key: aws.String(tagApp), Value: &s.cfg.App}, {Key: aws.String(tagStage), Value: &s.cfg.Stage}},
	}
	if url != "" {
		in.TemplateURL = &url
	} else {
		in.TemplateBody = aws.String(string(d.Template))
	}
	if d.BucketParameter != "" {
		in.Parameters = []types.Parameter{{ParameterKey: &d.BucketParameter, ParameterValue: aws.String(s.target.bucketName())}}
	}
	var made *cloudformation.CreateChangeSetOutput
	if err := s.call(ctx, doing, func() (err error) {
		made, err = s.cfn.CreateChangeSet(ctx, in)
		return err
	}); code(err) == "ValidationError" && nothingChanges(err.Error()) {
		return changeSet{empty: true}, nil // said at once, as UpdateStack says it
	} else if err != nil {
		return changeSet{}, err
	}
	set := changeSet{id: aws.ToString(made.Id), stackID: aws.ToString(made.StackId)}
	err := s.readChangeSet(ctx, doing, d, &set)
	if err != nil || set.empty {
		return set, errors.Join(err, s.dropChangeSet(ctx, set, kind))
	}
	return set, nil
}

// readChangeSet waits until the change set is made and reads all of it.
func (s *Stack) readChangeSet(ctx context.Context, doing string, d Deployment, set *changeSet) error {
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: &set.id}
	for end := s.cfg.Now().Add(maxWait); ; {
		var out *cloudformation.DescribeChangeSetOutput
		if err := s.call(ctx, doing, func() (err error) {
			out, err = s.cfn.DescribeChangeSet(ctx, in)
			return err
		}); err != nil {
			return err
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			for _, c := range out.Changes {
				if r := c.ResourceChange; r != nil {
					set.plan.Changes = append(set.plan.Changes, change(r, d.Positions))
				}
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				set.plan.sort()
				return nil
			}
			continue
		case types.ChangeSetStatusFailed:
			if nothingChanges(aws.ToString(out.StatusReason)) {
				set.empty = true
				return nil
			}
			return &Error{Doing: doing, Fix: "nothing was changed", Err: errors.New(trace(plain(aws.ToString(out.StatusReason)), d.Positions))}
		}
		if s.cfg.Now().After(end) {
			return &Error{Doing: doing, Fix: againFix, Err: fmt.Errorf("the change set is %s after %s", out.Status, maxWait)}
		}
		if err := s.cfg.Sleep(ctx, pollEvery/2); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
}

// nothingChanges knows AWS's two ways to say that a stack is as the template wants it,
// which are a failure by their status.
func nothingChanges(reason string) bool {
	return strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed")
}

// trace puts the places of the resources that a text of AWS names behind it.
func trace(text string, positions map[string]string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if at := positions[w]; at != "" {
			text += "\n  " + at + ": " + w
		}
	}
	return text
}

func change(r *types.ResourceChange, positions map[string]string) Change {
	c := Change{
		ID: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType), PhysicalID: aws.ToString(r.PhysicalResourceId),
		Position: positions[aws.ToString(r.LogicalResourceId)],
	}
	switch r.Action {
	case types.ChangeActionAdd:
		c.Action = Add
	case types.ChangeActionRemove:
		c.Action = Delete
		if r.PolicyAction == types.PolicyActionRetain {
			c.Action = Keep
		}
	case types.ChangeActionModify:
		c.Action = Modify
		if r.Replacement == types.ReplacementTrue || r.Replacement == types.ReplacementConditional {
			c.Action, c.Maybe = Replace, r.Replacement == types.ReplacementConditional
		}
	default: // Import, Dynamic, and what AWS may add
		c.Action, c.Maybe = Replace, true
	}
	for _, d := range r.Details {
		if d.Target == nil {
			continue
		}
		name := aws.ToString(d.Target.Name)
		if name == "" {
			name = string(d.Target.Attribute)
		}
		c.Properties = append(c.Properties, name)
	}
	slices.Sort(c.Properties)
	c.Properties = slices.Compact(c.Properties)
	return c
}

// refuseLoss refuses a plan that would lose data which nobody gave up by its name.
func refuseLoss(p Plan, allowed []string) error {
	var b strings.Builder
	var names []string
	for _, c := range p.Changes {
		if !c.HoldsData() || c.Action != Replace && c.Action != Delete || slices.Contains(allowed, c.ID) {
			continue
		}
		what := "would be deleted"
		switch {
		case c.Maybe:
			what = "may be replaced by an empty one"
		case c.Action == Replace:
			what = "would be replaced by an empty one"
		}
		if len(c.Properties) > 0 {
			what += ", because of " + strings.Join(c.Properties, ", ")
		}
		b.WriteString("\n  ")
		if c.Position != "" {
			b.WriteString(c.Position + ": ")
		}
		fmt.Fprintf(&b, "%s (%s, %s) %s", c.ID, c.Type, c.PhysicalID, what)
		names = append(names, "--allow-replace "+c.ID)
	}
	if len(names) == 0 {
		return nil
	}
	return &Error{
		Doing: "looking at what would change", Err: errors.New("what is in these would be lost:" + b.String()),
		Fix: "nothing was changed; take the change back, or give the data up with " + strings.Join(names, " "),
	}
}

// dropChangeSet deletes a change set that is not wanted, and with it the empty stack
// that one of type CREATE has made for itself. It does so after an interrupt, too.
func (s *Stack) dropChangeSet(ctx context.Context, set changeSet, kind types.ChangeSetType) error {
	const long = 20 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), long)
	defer cancel()
	err := s.call(ctx, "deleting the change set", func() error {
		_, err := s.cfn.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &set.id})
		return err
	})
	if err != nil || kind != types.ChangeSetTypeCreate {
		return err
	}
	stack, err := s.describe(ctx, set.stackID)
	if err != nil || stack == nil || stack.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	return s.call(ctx, "deleting the empty stack", func() error {
		_, err := s.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &set.stackID, ClientRequestToken: s.token("remove")})
		return err
	})
}

func parseTemplate(b []byte) (template, error) {
	var t template
	if err := json.Unmarshal(b, &t); err != nil {
		return template{}, fmt.Errorf("reading the template: %w", err)
	}
	if len(t.Resources) == 0 {
		return template{}, errors.New("reading the template: it has no resources")
	}
	return t, nil
}
