package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Drift is a resource that was changed or deleted outside of its stack.
type Drift struct {
	ID          string       `json:"id"`
	Type        string       `json:"type"`
	PhysicalID  string       `json:"physicalId"`
	Deleted     bool         `json:"deleted,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	Position    string       `json:"position,omitempty"`
}

// Difference is one property that is not what the stack's template says.
type Difference struct {
	Path string `json:"path"`
	// Expected is what the last deploy made, and Actual what is there; "" is nothing.
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
}

const (
	// maxDrift bounds the wait for a detection. It takes AWS minutes for a large stack.
	maxDrift = 30 * time.Minute
	// maxShown bounds what is shown of a property.
	maxShown = 200
)

// ErrDrift is the cause when a stack has drifted and nobody has allowed that.
var ErrDrift = errors.New("the stack has drifted")

// checkDrift has AWS compare each resource with the stack's template. A change set
// knows nothing of what was changed by other hands: it compares templates, and what it
// changes it writes over.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
func (r *deploying) checkDrift(ctx context.Context, stack *types.Stack) error {
	if stack == nil || stack.StackStatus == types.StackStatusReviewInProgress || neverGood(stack.StackStatus) {
		r.progress("no drift: there is no stack %s yet", r.name)
		return nil
	}
	r.progress("comparing the resources of stack %s with what the last deploy made of them", r.name)
	if err := r.detectDrift(ctx, stack); err != nil {
		return err
	}
	drifted, err := r.readDrift(ctx, stack)
	if err != nil {
		return err
	}
	r.drift = drifted
	if len(drifted) == 0 {
		r.progress("no drift: stack %s is as the last deploy left it", r.name)
		return nil
	}
	r.cfg.Observe(Event{Kind: KindDrift, Drift: drifted})
	if !r.d.AllowDrift {
		return &Error{
			Doing: "looking for drift of stack " + r.name, Err: fmt.Errorf("%w: %d of its resources were changed outside of it", ErrDrift, len(drifted)),
			Fix: "nothing was changed; set them back or declare what was changed. With --allow-drift the deploy goes on, and writes over what its plan changes",
		}
	}
	return nil
}

// detectDrift begins a detection and waits for its end.
func (r *deploying) detectDrift(ctx context.Context, stack *types.Stack) error {
	doing := "looking for drift of stack " + r.name
	end := r.cfg.Now().Add(maxDrift)
	late := func() error {
		return &Error{Doing: doing, Err: fmt.Errorf("AWS has not ended that after %s", maxDrift), Fix: "nothing was changed; " + againFix}
	}
	var id *string
	for id == nil {
		err := r.call(ctx, doing, func() error {
			out, err := r.cfn.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: stack.StackId})
			if err == nil {
				id = aws.String(aws.ToString(out.StackDriftDetectionId))
			}
			return err
		})
		switch {
		case err == nil:
		case !strings.Contains(err.Error(), "already in progress"):
			return err
		case r.cfg.Now().After(end):
			return late()
		default: // somebody else's, which is of another moment
			if err := r.cfg.Sleep(ctx, pollEvery); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	for {
		var out *cloudformation.DescribeStackDriftDetectionStatusOutput
		if err := r.call(ctx, doing, func() (err error) {
			out, err = r.cfn.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: id})
			return err
		}); err != nil {
			return err
		}
		switch {
		case out.DetectionStatus == types.StackDriftDetectionStatusDetectionComplete:
			return nil
		case out.DetectionStatus == types.StackDriftDetectionStatusDetectionFailed:
			// What was compared is known, and what was not may have drifted.
			return &Error{Doing: doing, Err: errors.New("AWS could not compare all of it: " + trace(plain(aws.ToString(out.DetectionStatusReason)), r.d.Positions)), Fix: "nothing was changed; without --check-drift the deploy does not look"}
		case r.cfg.Now().After(end):
			return late()
		}
		if err := r.cfg.Sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
}

func (r *deploying) readDrift(ctx context.Context, stack *types.Stack) ([]Drift, error) {
	var list []Drift
	in := &cloudformation.DescribeStackResourceDriftsInput{
		StackName:                       stack.StackId,
		StackResourceDriftStatusFilters: []types.StackResourceDriftStatus{types.StackResourceDriftStatusModified, types.StackResourceDriftStatusDeleted},
	}
	for {
		var out *cloudformation.DescribeStackResourceDriftsOutput
		if err := r.call(ctx, "reading the drift of stack "+r.name, func() (err error) {
			out, err = r.cfn.DescribeStackResourceDrifts(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		for _, d := range out.StackResourceDrifts {
			id := aws.ToString(d.LogicalResourceId)
			drift := Drift{
				ID: id, Type: aws.ToString(d.ResourceType), PhysicalID: aws.ToString(d.PhysicalResourceId), Position: r.d.Positions[id],
				Deleted: d.StackResourceDriftStatus == types.StackResourceDriftStatusDeleted,
			}
			for _, p := range d.PropertyDifferences {
				path, expected, actual := plain(aws.ToString(p.PropertyPath)), aws.ToString(p.ExpectedValue), aws.ToString(p.ActualValue)
				if mayBeSecret(path) || strings.Contains(expected, "{{resolve:") {
					expected, actual = hidden(expected), hidden(actual)
				}
				drift.Differences = append(drift.Differences, Difference{Path: path, Expected: shown(expected), Actual: shown(actual)})
			}
			list = append(list, drift)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	slices.SortFunc(list, func(a, b Drift) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// mayBeSecret says of a property's path whether its value is shown to nobody: AWS
// resolves references before it compares, and who has changed something by hand may have
// put a secret in.
func mayBeSecret(path string) bool {
	path = strings.ToLower(path)
	for _, name := range []string{"/environment", "/providerdetails", "/value"} {
		if path == name || strings.HasPrefix(path, name+"/") {
			return true
		}
	}
	for _, word := range []string{"secret", "password", "token"} {
		if strings.Contains(path, word) && !strings.Contains(path, "tokenvalidity") {
			return true
		}
	}
	return false
}

func hidden(value string) string {
	if value == "" {
		return ""
	}
	return "(not shown)"
}

func shown(value string) string {
	value = plain(value)
	if r := []rune(value); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return value
}
