package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Removal says how a stack is taken away.
type Removal struct {
	// DeleteData deletes user pools, identity pools, tables and buckets with what is in
	// them. Without it they stay in the account, outside of any stack.
	DeleteData bool
	// Unprotect turns the termination protection off.
	Unprotect bool
	// PlanOnly shows what would go, and changes nothing.
	PlanOnly bool
	// Positions are the places in the declaration of the resources, as far as known.
	Positions map[string]string
	// Confirm is asked before anything changes. Nil agrees.
	Confirm func(Plan) error
}

// Removed is what was taken away. Its plan's changes are what went and what was kept.
type Removed struct {
	Target  Target `json:"target"`
	Removed bool   `json:"removed"`
	Plan    Plan   `json:"plan"`
}

// Remove takes the stack away, from whatever state it is in. The artifacts bucket
// stays: it is the account's, and other stacks have theirs in it.
func (s *Stack) Remove(ctx context.Context, r Removal) (Removed, error) {
	if _, err := s.Identify(ctx); err != nil {
		return Removed{}, err
	}
	run := &removing{Stack: s, r: r}
	removed, err := run.all(ctx)
	if err != nil {
		return Removed{}, s.cutOff(err, run.executing, "remove")
	}
	return removed, nil
}

// removing is one Remove.
type removing struct {
	*Stack
	r         Removal
	executing bool
}

func (r *removing) all(ctx context.Context) (Removed, error) {
	stack, err := r.settled(ctx, r.r.Positions)
	if err != nil {
		return Removed{}, err
	}
	removed := Removed{Target: r.target, Plan: Plan{Changes: []Change{}}}
	if stack == nil {
		r.progress("there is no stack %s: there is nothing to remove", r.name)
		return removed, nil
	}
	text, err := r.templateOf(ctx, stack)
	if err != nil {
		return Removed{}, err
	}
	if removed.Plan, err = r.plan(ctx, stack); err != nil {
		return Removed{}, err
	}
	r.cfg.Observe(Event{Kind: KindPlan, Plan: &removed.Plan})
	if err := r.refuse(stack); err != nil || r.r.PlanOnly {
		return removed, err
	}
	if r.r.Confirm != nil {
		if err := r.r.Confirm(removed.Plan); err != nil {
			return Removed{}, err
		}
		if err := r.unchanged(ctx, stack, text); err != nil {
			return Removed{}, err
		}
	}
	r.executing = true
	if err := r.delete(ctx, stack, text, removed.Plan); err != nil {
		return Removed{}, err
	}
	removed.Removed = true
	return removed, nil
}

// unchanged refuses to remove another stack than the one that was agreed to: somebody
// else may have deployed while that was asked, and a table that came with it was in no plan.
func (r *removing) unchanged(ctx context.Context, stack *types.Stack, text []byte) error {
	now, err := r.find(ctx)
	if err != nil {
		return err
	}
	same := now != nil && aws.ToString(now.StackId) == aws.ToString(stack.StackId) && now.StackStatus == stack.StackStatus &&
		aws.ToTime(now.LastUpdatedTime).Equal(aws.ToTime(stack.LastUpdatedTime)) &&
		aws.ToBool(now.EnableTerminationProtection) == aws.ToBool(stack.EnableTerminationProtection)
	if same {
		current, err := r.templateOf(ctx, now)
		if err != nil {
			return err
		}
		same = bytes.Equal(current, text)
	}
	if same {
		return nil
	}
	return &Error{Doing: "removing stack " + r.name, Err: errors.New("it was changed since what would go was shown"), Fix: "nothing was removed; run the same command again and look at what it shows"}
}

// refuse says why a stack cannot be removed as it is.
func (r *removing) refuse(stack *types.Stack) error {
	doing := "removing stack " + r.name
	switch {
	case aws.ToBool(stack.EnableTerminationProtection) && !r.r.Unprotect && !r.r.PlanOnly:
		return &Error{Doing: doing, Err: errors.New("it is protected against that, as its stage says"), Fix: "nothing was changed; --unprotect takes the protection off"}
	case stack.StackStatus == types.StackStatusUpdateRollbackFailed && !r.r.PlanOnly:
		return &Error{
			Doing: doing, Err: errors.New("the stack is UPDATE_ROLLBACK_FAILED: what stays and what goes cannot be said to AWS in this state"),
			Fix: "nothing was changed; first finish the roll-back with `doorwright deploy --continue-rollback`",
		}
	}
	return nil
}

// plan says what goes and what stays.
func (r *removing) plan(ctx context.Context, stack *types.Stack) (Plan, error) {
	p := Plan{Changes: []Change{}}
	resources, err := r.resources(ctx, stack)
	if err != nil {
		return Plan{}, err
	}
	for _, res := range resources {
		c := Change{Action: Delete, ID: aws.ToString(res.LogicalResourceId), Type: aws.ToString(res.ResourceType), PhysicalID: aws.ToString(res.PhysicalResourceId)}
		c.Position = r.r.Positions[c.ID]
		switch {
		case res.ResourceStatus == types.ResourceStatusDeleteSkipped:
			c.Action = Keep
			c.Maybe = true // it was left already; AWS takes no word on it any more
		case keeps(c.Type) && !r.r.DeleteData && !neverGood(stack.StackStatus):
			c.Action = Keep
		}
		p.Changes = append(p.Changes, c)
	}
	p.sort()
	if neverGood(stack.StackStatus) {
		p.Notes = append(p.Notes, fmt.Sprintf("the first deploy of this stack failed (%s): nothing of it was ever in use", stack.StackStatus))
	}
	if slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action == Delete && c.Type == oidcProviderType }) {
		p.Notes = append(p.Notes, "stages that name an OIDC provider of this stack by providerArn lose it with the stack")
	}
	switch {
	case slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action == Keep && !c.Maybe }):
		p.Notes = append(p.Notes, "what is kept stays in the account, outside of any stack; the next deploy makes new ones. --delete-data deletes it")
	case slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action == Keep }):
		p.Notes = append(p.Notes, "what is kept has left the stack already, and stays in the account")
	}
	return p, nil
}

// keeps says whether a removal leaves resources of a type: what holds data, and the
// groups of user pools, for who is in them is known nowhere else.
func keeps(kind string) bool {
	return slices.Contains(holdsData, kind) || kind == "AWS::Cognito::UserPoolGroup"
}

// resources lists what a stack has.
func (s *Stack) resources(ctx context.Context, stack *types.Stack) ([]types.StackResourceSummary, error) {
	var list []types.StackResourceSummary
	in := &cloudformation.ListStackResourcesInput{StackName: stack.StackId}
	for {
		var out *cloudformation.ListStackResourcesOutput
		if err := s.call(ctx, "listing the resources of stack "+s.name, func() (err error) {
			out, err = s.cfn.ListStackResources(ctx, in)
			return err
		}); err != nil {
			return nil, err
		}
		for _, res := range out.StackResourceSummaries {
			if res.ResourceStatus != types.ResourceStatusDeleteComplete && aws.ToString(res.PhysicalResourceId) != "" { // else it was never made
				list = append(list, res)
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return list, nil
		}
	}
}

// templateOf gives the template that a stack was made of last, or nil.
func (s *Stack) templateOf(ctx context.Context, stack *types.Stack) ([]byte, error) {
	var out *cloudformation.GetTemplateOutput
	err := s.call(ctx, "reading the template of stack "+s.name, func() (err error) {
		out, err = s.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: stack.StackId, TemplateStage: types.TemplateStageOriginal})
		return err
	})
	if stack.StackStatus == types.StackStatusReviewInProgress || code(err) == "ValidationError" {
		return nil, nil // one that was never made has none
	}
	if err != nil {
		return nil, err
	}
	return []byte(aws.ToString(out.TemplateBody)), nil
}

// delete does what the plan says. Whether AWS keeps or deletes a resource is written
// in the stack's template, so that this is brought up first.
func (r *removing) delete(ctx context.Context, stack *types.Stack, text []byte, p Plan) error {
	if aws.ToBool(stack.EnableTerminationProtection) {
		if err := r.call(ctx, "taking the protection off stack "+r.name, func() error {
			_, err := r.cfn.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
				StackName: stack.StackId, EnableTerminationProtection: aws.Bool(false),
			})
			return err
		}); err != nil {
			return err
		}
	}
	var retain []string
	switch {
	case stack.StackStatus == types.StackStatusReviewInProgress, neverGood(stack.StackStatus):
		// What could be kept is what a failed first deploy left: it is in no use.
	case stack.StackStatus == types.StackStatusDeleteFailed:
		// Such a stack takes no update, but a list of what is to stay.
		for _, c := range p.Changes {
			if c.Action == Keep && !c.Maybe {
				retain = append(retain, c.ID)
			}
		}
	default:
		if err := r.settlePolicies(ctx, stack, text); err != nil {
			return err
		}
	}
	if r.r.DeleteData {
		for _, c := range p.Changes {
			if c.Type == "AWS::S3::Bucket" && c.Action == Delete { // one that was left is not the stack's any more
				if err := r.empty(ctx, c.PhysicalID); err != nil {
					return err
				}
			}
		}
	}
	r.progress("deleting stack %s", r.name)
	return r.deleteAndWait(ctx, stack, r.r.Positions, retain)
}

// settlePolicies brings the stack's template to say of each resource whether it
// stays, if it does not say so yet.
func (r *removing) settlePolicies(ctx context.Context, stack *types.Stack, text []byte) error {
	doing := "telling AWS what of stack " + r.name + " stays"
	want, changed, err := withPolicies(text, r.r.DeleteData)
	if err != nil || !changed {
		return err
	}
	r.progress("%s", doing)
	now, failed, err := r.rewrite(ctx, stack, rewriting{doing: doing, verb: "remove", template: want, positions: r.r.Positions})
	if err != nil {
		return err
	}
	if now == nil || now.StackStatus != types.StackStatusUpdateComplete {
		return r.failure(doing, now, failed, "nothing was deleted; mend what is said here and run the same command again")
	}
	return nil
}

// A rewriting is an update of a stack to a template that was made of its own one.
type rewriting struct {
	doing, verb string
	template    []byte
	positions   map[string]string
}

// rewrite updates a stack, with its parameters as they are, and follows it to the end:
// it gives the stack, and what has failed.
func (s *Stack) rewrite(ctx context.Context, stack *types.Stack, w rewriting) (*types.Stack, []ResourceEvent, error) {
	f, err := s.follow(ctx, stack)
	if err != nil {
		return nil, nil, err
	}
	f.positions = w.positions
	in := &cloudformation.UpdateStackInput{
		StackName: stack.StackId, ClientRequestToken: s.token(w.verb), Tags: stack.Tags,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam},
	}
	for _, p := range stack.Parameters {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: p.ParameterKey, UsePreviousValue: aws.Bool(true)})
	}
	if len(w.template) <= maxInline {
		in.TemplateBody = aws.String(string(w.template))
	} else {
		if err := s.ensureBucket(ctx); err != nil {
			return nil, nil, err
		}
		url, err := s.uploadTemplate(ctx, w.template)
		if err != nil {
			return nil, nil, err
		}
		in.TemplateURL = &url
	}
	if err := s.call(ctx, w.doing, func() error {
		_, err := s.cfn.UpdateStack(ctx, in)
		return err
	}); err != nil {
		return nil, nil, err
	}
	now, err := f.wait(ctx)
	return now, f.failed, err
}

// withPolicies gives the template with a DeletionPolicy of each resource that says
// what a removal does with it. What is kept keeps its own protection against
// deletion; what goes loses it.
//
// AWS takes a change of a DeletionPolicy only along with another one, of which
// metadata is the least.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
func withPolicies(text []byte, deleteData bool) (want []byte, changed bool, err error) {
	var t map[string]any
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, false, fmt.Errorf("reading the stack's template: %w", err)
	}
	resources, _ := t["Resources"].(map[string]any)
	for id, v := range resources {
		res, ok := v.(map[string]any)
		if !ok {
			return nil, false, fmt.Errorf("reading the stack's template: resource %s is no object", id)
		}
		kind, _ := res["Type"].(string)
		data := keeps(kind)
		policy := "Delete"
		if data && !deleteData {
			policy = "Retain"
		}
		has, _ := res["DeletionPolicy"].(string)
		if has == "" {
			has = "Delete"
		}
		unprotected := data && deleteData && unprotect(res)
		if has == policy && !unprotected {
			continue
		}
		res["DeletionPolicy"] = policy
		metadata, _ := res["Metadata"].(map[string]any)
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata["doorwright:removal"] = strings.ToLower(policy)
		res["Metadata"] = metadata
		changed = true
	}
	if !changed {
		return nil, false, nil
	}
	if want, err = json.Marshal(t); err != nil {
		return nil, false, fmt.Errorf("writing the stack's template: %w", err)
	}
	return want, true, nil
}

// unprotect takes a table's and a user pool's own protection off.
func unprotect(resource map[string]any) (changed bool) {
	properties, _ := resource["Properties"].(map[string]any)
	if on, _ := properties["DeletionProtectionEnabled"].(bool); on {
		properties["DeletionProtectionEnabled"] = false
		changed = true
	}
	if properties["DeletionProtection"] == "ACTIVE" {
		properties["DeletionProtection"] = "INACTIVE"
		changed = true
	}
	return changed
}

// empty deletes every object of a bucket, with every version and delete marker: S3
// deletes no other bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/empty-bucket.html
func (r *removing) empty(ctx context.Context, bucket string) error {
	doing := "emptying bucket " + bucket
	r.progress("%s", doing)
	owner := aws.String(r.target.Account)
	for {
		// What was listed is deleted, so the first page is always the next one.
		var page *s3.ListObjectVersionsOutput
		err := r.call(ctx, doing, func() (err error) {
			page, err = r.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, ExpectedBucketOwner: owner})
			return err
		})
		if code(err) == "NoSuchBucket" {
			return nil
		}
		if err != nil {
			return err
		}
		var ids []s3types.ObjectIdentifier
		for _, v := range page.Versions {
			ids = append(ids, s3types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			ids = append(ids, s3types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(ids) == 0 {
			return nil
		}
		var out *s3.DeleteObjectsOutput
		if err := r.call(ctx, doing, func() (err error) {
			out, err = r.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, ExpectedBucketOwner: owner, Delete: &s3types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
			return err
		}); err != nil {
			return err
		}
		if len(out.Errors) > 0 {
			e := out.Errors[0]
			return &Error{Doing: doing, Err: fmt.Errorf("%s: %s: %s", aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message)), Fix: "the stack was not deleted; mend that and run the same command again"}
		}
	}
}
