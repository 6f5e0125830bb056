package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// maxInline is the longest template that a request holds; a longer one is read from
// the artifacts bucket.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const maxInline = 51_200

// Deployment is what a stack is to become.
type Deployment struct {
	// Template is CloudFormation's, in JSON.
	Template []byte
	// Artifacts are what the template refers to in the artifacts bucket, whose name it
	// takes by the parameter BucketParameter, if it has that.
	Artifacts       []Artifact
	BucketParameter string
	// Positions are the places in the declaration of the resources, by logical id, and of
	// properties with lines of their own, by ID.PROPERTY.
	Positions map[string]string
	// Secrets are what the template reads of Secrets Manager.
	Secrets []Secret
	// Providers are the OIDC providers of the account that the template trusts and does
	// not make.
	Providers []Provider
	// Protected turns the stack's termination protection on.
	Protected bool
	// PlanOnly shows what would change, and changes nothing.
	PlanOnly bool
	// AllowReplace are the logical ids of what may lose its data.
	AllowReplace []string
	// CheckDrift looks for what was changed outside of the stack, and refuses to go on
	// with that unless AllowDrift is set.
	CheckDrift, AllowDrift bool
	// ContinueRollback takes a stack up whose roll-back has failed.
	ContinueRollback bool
	// Confirm is asked before anything changes. Nil agrees.
	Confirm func(Plan) error
}

// Output is an output of a stack.
type Output struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Result is what a stack has become.
type Result struct {
	Target  Target   `json:"target"`
	StackID string   `json:"stackId,omitempty"`
	Changed bool     `json:"changed"`
	Drift   []Drift  `json:"drift,omitempty"`
	Plan    Plan     `json:"plan"`
	Outputs []Output `json:"outputs"`
}

// Deploy makes the stack what the deployment says, from whatever state it is in, or
// says why not. On an error AWS has either changed nothing, or rolls back by itself,
// and the next Deploy goes on from there.
func (s *Stack) Deploy(ctx context.Context, d Deployment) (Result, error) {
	t, err := parseTemplate(d.Template)
	if err != nil {
		return Result{}, err
	}
	if _, asks := t.Parameters[d.BucketParameter]; !asks {
		d.BucketParameter = ""
	}
	if _, err := s.Identify(ctx); err != nil {
		return Result{}, err
	}
	run := &deploying{Stack: s, d: d, t: t}
	result, err := run.all(ctx)
	if err != nil {
		return Result{}, run.explain(err)
	}
	return result, nil
}

// deploying is one Deploy.
type deploying struct {
	*Stack
	d         Deployment
	t         template
	has       []byte // the template of the last deploy; nil for a new stack
	drift     []Drift
	executing bool // AWS goes on without us
}

func (r *deploying) all(ctx context.Context) (Result, error) {
	stack, err := r.settled(ctx, r.d.Positions)
	if err != nil {
		return Result{}, err
	}
	if err := r.refuseState(ctx, stack); err != nil {
		return Result{}, err
	}
	if err := r.check(ctx, stack); err != nil {
		return Result{}, err
	}
	var notes []string
	if stack, notes, err = r.usable(ctx, stack); err != nil {
		return Result{}, err
	}
	if r.d.CheckDrift {
		if err := r.checkDrift(ctx, stack); err != nil {
			return Result{}, err
		}
	}
	if stack == nil || stack.StackStatus == types.StackStatusReviewInProgress || neverGood(stack.StackStatus) {
		return r.create(ctx, stack, notes)
	}
	return r.update(ctx, stack, notes)
}

// neverGood are the states of a stack whose first deploy failed. It cannot be updated,
// and nothing but what that deploy left is in it.
func neverGood(status types.StackStatus) bool {
	switch status {
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed:
		return true
	}
	return false
}

// refuseState says why a stack cannot be deployed as it is.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
func (r *deploying) refuseState(ctx context.Context, stack *types.Stack) error {
	if stack == nil {
		return nil
	}
	doing := "deploying stack " + r.name
	switch status := stack.StackStatus; {
	case status == types.StackStatusDeleteFailed:
		return &Error{Doing: doing, Err: errors.New("the stack is DELETE_FAILED: it was being removed"), Fix: "finish that with `doorwright remove`, then deploy anew"}
	case status == types.StackStatusUpdateRollbackFailed && !r.d.ContinueRollback:
		failed, err := r.rollbackFailures(ctx, stack)
		if err != nil {
			return err
		}
		return r.failure(doing, stack, failed,
			"an update failed, and going back failed too: mend what is said here (in AWS, outside of the stack), then run the same command with --continue-rollback")
	case status == types.StackStatusUpdateRollbackFailed && r.d.PlanOnly:
		return &Error{Doing: doing, Err: errors.New("the stack is UPDATE_ROLLBACK_FAILED"), Fix: "without --plan, --continue-rollback takes it up"}
	}
	return nil
}

// usable brings the stack to a state from which it can be deployed.
func (r *deploying) usable(ctx context.Context, stack *types.Stack) (*types.Stack, []string, error) {
	switch {
	case stack == nil:
	case neverGood(stack.StackStatus):
		notes := []string{fmt.Sprintf("the first deploy of this stack failed (%s): what it left is deleted first", stack.StackStatus)}
		left, err := r.left(ctx, stack)
		if len(left) > 0 {
			notes = append(notes, "but for what the stage is to keep, which stays in the account, empty and outside of any stack: "+strings.Join(left, ", "))
		}
		return stack, notes, err
	case stack.StackStatus == types.StackStatusUpdateRollbackFailed:
		stack, err := r.continueRollback(ctx, stack)
		if err == nil {
			r.has, err = r.templateOf(ctx, stack) // that of the deploy before
		}
		return stack, nil, err
	}
	return stack, nil, nil
}

// left gives what a stack that never was good does not take with it.
func (r *deploying) left(ctx context.Context, stack *types.Stack) ([]string, error) {
	resources, err := r.resources(ctx, stack)
	var names []string
	for _, res := range resources {
		if res.ResourceStatus == types.ResourceStatusDeleteSkipped {
			names = append(names, aws.ToString(res.LogicalResourceId)+" ("+aws.ToString(res.PhysicalResourceId)+")")
		}
	}
	return names, err
}

// rollbackFailures gives what failed in the last operation.
func (r *deploying) rollbackFailures(ctx context.Context, stack *types.Stack) ([]ResourceEvent, error) {
	events, err := r.eventsOf(ctx, aws.ToString(stack.StackId), "")
	if err != nil {
		return nil, err
	}
	var failed []ResourceEvent
	for _, e := range events {
		own := aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
		if own && e.ResourceStatus == types.ResourceStatus(types.StackStatusUpdateRollbackInProgress) {
			break // before that is why it went back
		}
		id := aws.ToString(e.LogicalResourceId)
		ev := ResourceEvent{ID: id, Type: aws.ToString(e.ResourceType), Status: string(e.ResourceStatus), Reason: plain(aws.ToString(e.ResourceStatusReason)), Position: r.d.Positions[id], Time: aws.ToTime(e.Timestamp)}
		if !own && ev.Failed() {
			failed = append(failed, ev)
		}
	}
	return failed, nil
}

func (r *deploying) continueRollback(ctx context.Context, stack *types.Stack) (*types.Stack, error) {
	doing := "rolling stack " + r.name + " back"
	if err := r.confirm(Plan{Notes: []string{"the roll-back of the last update is taken up first (--continue-rollback)"}}); err != nil {
		return nil, err
	}
	r.progress("%s", doing)
	f, err := r.follow(ctx, stack)
	if err != nil {
		return nil, err
	}
	token := r.token("rollback")
	r.executing = true
	if err := r.call(ctx, doing, func() error {
		_, err := r.cfn.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: stack.StackId, ClientRequestToken: token})
		return err
	}); err != nil {
		return nil, err
	}
	now, err := f.wait(ctx)
	if err != nil {
		return nil, err
	}
	if now == nil || now.StackStatus != types.StackStatusUpdateRollbackComplete {
		return nil, r.failure(doing, now, f.failed, "mend what is said here, then run the same command again")
	}
	r.executing = false
	return now, nil
}

// follow begins to follow a stack from its newest event on.
func (s *Stack) follow(ctx context.Context, stack *types.Stack) (*follower, error) {
	seen, err := s.newestEvent(ctx, aws.ToString(stack.StackId))
	if err != nil {
		return nil, err
	}
	return &follower{stack: s, id: aws.ToString(stack.StackId), asked: s.cfg.Now(), seen: seen}, nil
}

func (r *deploying) confirm(p Plan) error {
	if r.d.Confirm == nil {
		return nil
	}
	return r.d.Confirm(p)
}

// create makes a stack. What is added needs no change set to be known, so that nothing
// is made before it was shown.
func (r *deploying) create(ctx context.Context, old *types.Stack, notes []string) (Result, error) {
	plan := newPlan(r.t, r.d.Positions)
	plan.Notes = notes
	r.cfg.Observe(Event{Kind: KindPlan, Plan: &plan})
	if r.d.PlanOnly {
		return Result{Target: r.target, Plan: plan, Outputs: []Output{}}, nil
	}
	if err := r.confirm(plan); err != nil {
		return Result{}, err
	}
	if old != nil && neverGood(old.StackStatus) {
		r.progress("deleting what the first deploy of stack %s left", r.name)
		r.executing = true
		if err := r.deleteAndWait(ctx, old, r.d.Positions, nil); err != nil {
			return Result{}, err
		}
		r.executing = false
	}
	url, err := r.send(ctx, true)
	if err != nil {
		return Result{}, err
	}
	set, err := r.createChangeSet(ctx, r.d, types.ChangeSetTypeCreate, url)
	if err != nil {
		return Result{}, err
	}
	set.plan.New, set.plan.Notes = true, notes
	return r.execute(ctx, set, types.ChangeSetTypeCreate, types.StackStatusCreateComplete)
}

// send makes the bucket ready, and gives the address of the template in it. A plan
// needs the bucket for a long template alone.
func (r *deploying) send(ctx context.Context, artifacts bool) (string, error) {
	if r.d.PlanOnly && len(r.d.Template) <= maxInline {
		return "", nil
	}
	if err := r.ensureBucket(ctx); err != nil {
		return "", err
	}
	if artifacts {
		if err := r.upload(ctx, r.d.Artifacts); err != nil {
			return "", err
		}
	}
	return r.uploadTemplate(ctx, r.d.Template)
}

// update changes a stack. What it shows is AWS's own comparison.
func (r *deploying) update(ctx context.Context, stack *types.Stack, notes []string) (Result, error) {
	url, err := r.send(ctx, false)
	if err != nil {
		return Result{}, err
	}
	gone, err := withoutRoutes(r.has, r.t)
	if err != nil {
		return Result{}, err
	}
	set, err := r.createChangeSet(ctx, r.d, types.ChangeSetTypeUpdate, url)
	if err != nil {
		return Result{}, err
	}
	set.plan.Notes = append(notes, gone.notes()...)
	if set.empty {
		r.progress("no changes: stack %s is as the declaration wants it", r.name)
		if !r.d.PlanOnly {
			if err := r.protect(ctx, stack); err != nil {
				return Result{}, err
			}
		}
		set.plan.Changes = []Change{}
		return r.result(stack, set.plan, false), nil
	}
	r.cfg.Observe(Event{Kind: KindPlan, Plan: &set.plan})
	err = refuseLoss(set.plan, r.d.AllowReplace)
	if err == nil && !r.d.PlanOnly {
		err = r.confirm(set.plan)
		if err == nil {
			err = r.upload(ctx, r.d.Artifacts)
		}
	}
	if err != nil || r.d.PlanOnly {
		if err := errors.Join(err, r.dropChangeSet(ctx, set, types.ChangeSetTypeUpdate)); err != nil {
			return Result{}, err
		}
		return r.result(stack, set.plan, false), nil
	}
	if gone != nil {
		if set, err = r.afterRoutes(ctx, stack, set, url, gone); err != nil {
			return Result{}, err
		}
	}
	return r.execute(ctx, set, types.ChangeSetTypeUpdate, types.StackStatusUpdateComplete)
}

// afterRoutes removes what has to go first, and asks AWS anew for the rest of the plan
// that was agreed to.
func (r *deploying) afterRoutes(ctx context.Context, stack *types.Stack, agreed changeSet, url string, gone *goneRoutes) (changeSet, error) {
	if err := r.dropChangeSet(ctx, agreed, types.ChangeSetTypeUpdate); err != nil {
		return changeSet{}, err
	}
	if err := r.dropRoutes(ctx, stack, gone); err != nil {
		return changeSet{}, err
	}
	set, err := r.createChangeSet(ctx, r.d, types.ChangeSetTypeUpdate, url)
	if err == nil && set.empty {
		err = &Error{Doing: "deploying stack " + r.name, Fix: againFix, Err: errors.New("somebody else has changed the stack meanwhile")}
	}
	if err != nil {
		return changeSet{}, err
	}
	// Nothing may be lost that was not in what was agreed to.
	if err := refuseLoss(set.plan, r.d.AllowReplace); err != nil {
		return changeSet{}, errors.Join(err, r.dropChangeSet(ctx, set, types.ChangeSetTypeUpdate))
	}
	set.plan = agreed.plan
	return set, nil
}

// execute lets AWS change the stack, and follows it to the end.
func (r *deploying) execute(ctx context.Context, set changeSet, kind types.ChangeSetType, want types.StackStatus) (Result, error) {
	doing := "deploying stack " + r.name
	f, err := r.follow(ctx, &types.Stack{StackId: &set.stackID})
	if err != nil {
		return Result{}, errors.Join(err, r.dropChangeSet(ctx, set, kind))
	}
	f.positions = r.d.Positions
	r.progress("%s", doing)
	token := r.token("deploy")
	if err := r.call(ctx, doing, func() error {
		r.executing = true // from here on nobody knows whether AWS has begun
		_, err := r.cfn.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &set.id, ClientRequestToken: token})
		return err
	}); err != nil {
		if code(err) == "InvalidChangeSetStatus" || code(err) == "InvalidChangeSetStatusException" {
			r.executing = false
			return Result{}, &Error{Doing: doing, Err: err, Fix: "somebody else has changed the stack meanwhile; " + againFix}
		}
		return Result{}, err
	}
	stack, err := f.wait(ctx)
	if err != nil {
		return Result{}, err
	}
	r.executing = false
	if stack == nil || stack.StackStatus != want {
		return Result{}, r.failure(doing, stack, f.failed, afterFailure(stack))
	}
	if err := r.protect(ctx, stack); err != nil {
		return Result{}, err
	}
	return r.result(stack, set.plan, true), nil
}

// afterFailure says where a stack is that did not become what it should.
func afterFailure(stack *types.Stack) string {
	switch {
	case stack == nil:
		return againFix
	case neverGood(stack.StackStatus):
		return "nothing of it is in use; mend what is said here and run the same command again: it deletes what is left first"
	case stack.StackStatus == types.StackStatusUpdateRollbackComplete:
		return "the stack is again what it was before; mend what is said here and run the same command again"
	case stack.StackStatus == types.StackStatusUpdateRollbackFailed:
		return "going back failed too: mend what is said here (in AWS, outside of the stack), then run the same command with --continue-rollback"
	}
	return againFix
}

// protect turns termination protection on. It is never turned off by a deploy.
func (r *deploying) protect(ctx context.Context, stack *types.Stack) error {
	if !r.d.Protected || aws.ToBool(stack.EnableTerminationProtection) {
		return nil
	}
	return r.call(ctx, "protecting stack "+r.name+" against removal", func() error {
		_, err := r.cfn.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: stack.StackId, EnableTerminationProtection: aws.Bool(true),
		})
		return err
	})
}

func (r *deploying) result(stack *types.Stack, plan Plan, changed bool) Result {
	result := Result{Target: r.target, StackID: aws.ToString(stack.StackId), Drift: r.drift, Plan: plan, Changed: changed, Outputs: []Output{}}
	for _, o := range stack.Outputs {
		result.Outputs = append(result.Outputs, Output{aws.ToString(o.OutputKey), plain(aws.ToString(o.OutputValue))})
	}
	slices.SortFunc(result.Outputs, func(a, b Output) int { return cmp.Compare(a.Name, b.Name) }) // AWS gives them in any order
	return result
}

// explain says of an end in the middle what goes on in AWS, and how to take it up.
func (r *deploying) explain(err error) error { return r.cutOff(err, r.executing, "deploy") }

// cutOff is for an interrupt and for credentials that expired: what has begun in AWS
// goes on there.
func (s *Stack) cutOff(err error, executing bool, verb string) error {
	interrupted := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if !interrupted && !errors.Is(err, ErrExpired) {
		return err
	}
	state := "nothing of the stack was changed; " + againFix
	if executing {
		state = fmt.Sprintf("AWS goes on without this program. The next `doorwright %s` waits until it has ended and then goes on; stack %s shows its state in the meantime", verb, s.name)
		if verb == "deploy" {
			state += fmt.Sprintf(".\nTo stop an update and go back: aws cloudformation cancel-update-stack --stack-name %s --region %s", s.name, s.target.Region)
		}
	}
	if interrupted {
		return &Error{Doing: verb + " was interrupted", Err: errors.New(firstLine(err)), Fix: state}
	}
	return &Error{Doing: firstOf(err), Err: ErrExpired, Fix: state + ".\nFirst " + signInFix}
}

func firstLine(err error) string { line, _, _ := strings.Cut(err.Error(), "\n"); return line }

// firstOf gives what was being done when credentials expired.
func firstOf(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Doing
	}
	return firstLine(err)
}

// deleteAndWait deletes a stack and follows it to the end. retain are logical ids to
// leave, which AWS takes of a stack whose deletion has failed.
func (s *Stack) deleteAndWait(ctx context.Context, stack *types.Stack, positions map[string]string, retain []string) error {
	doing := "deleting stack " + s.name
	f, err := s.follow(ctx, stack)
	if err != nil {
		return err
	}
	f.positions = positions
	token := s.token("remove")
	if err := s.call(ctx, doing, func() error {
		_, err := s.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack.StackId, ClientRequestToken: token, RetainResources: retain})
		return err
	}); err != nil {
		return err
	}
	now, err := f.wait(ctx)
	if err != nil {
		return err
	}
	if now != nil && now.StackStatus != types.StackStatusDeleteComplete {
		return s.failure(doing, now, f.failed, "mend what is said here and run the same command again")
	}
	return nil
}
