package stack_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

func difference(path, expected, actual string) string {
	kind := "NOT_EQUAL"
	if actual == "" {
		kind = "REMOVE"
	}
	return fmt.Sprintf("<member><PropertyPath>%s</PropertyPath><ExpectedValue>%s</ExpectedValue><ActualValue>%s</ActualValue><DifferenceType>%s</DifferenceType></member>", path, esc(expected), esc(actual), kind)
}

// drifted is a fake whose stack somebody has changed by hand.
func drifted(t *testing.T) *fake {
	t.Helper()
	f := withSecret(t)
	deploy(t, f, wide(t))
	f.driftPolls = 3
	f.drifts = map[string]string{
		"Function": difference("/Timeout", "3", "900") + difference("/Environment/Variables/KEY", "hunter2", "hunter3") + difference("/Description", strings.Repeat("x", 300), ""),
		"ZDomain":  "",
	}
	return f
}

// TestDrift is shown with the lines of the declaration, without secrets, and nothing is
// written over that nobody has allowed.
func TestDrift(t *testing.T) {
	f := drifted(t)
	d := changed(wide(t), `"Fn::Sub": "x-`, `"Fn::Sub": "y-`)
	d.CheckDrift = true
	d.Confirm = func(stack.Plan) error { t.Error("asked"); return nil }
	refused(t, f, d, "looking for drift of stack prod-notes: the stack has drifted: 2 of its resources were changed outside of it", "--allow-drift")
	equal(t, "change sets", f.counts["cloudformation.CreateChangeSet"], 1)

	f.driftPolls = 1
	s, l := open(t, f)
	_, err := s.Deploy(t.Context(), d)
	if !errors.Is(err, stack.ErrDrift) {
		t.Errorf("the error is %v", err)
	}
	var told []stack.Drift
	for _, e := range l.events {
		if e.Kind == stack.KindDrift {
			told = e.Drift
		}
	}
	want := "[{Function AWS::Lambda::Function prod-notes-function false [{/Timeout 3 900} {/Environment/Variables/KEY (not shown) (not shown)} {/Description " + strings.Repeat("x", 200) + "… }] doorwright.yaml:8:5}" +
		" {ZDomain AWS::Cognito::UserPoolDomain prod-notes-zdomain true [] doorwright.yaml:25:5}]"
	equal(t, "what is told", fmt.Sprint(told), want)

	d.AllowDrift, d.Confirm = true, nil
	r := deploy(t, f, d)
	equal(t, "allowed, it deploys", r.Changed, true)
	equal(t, "what the result tells", fmt.Sprint(r.Drift), want)
	f.drifts = nil
	d.AllowDrift = false
	equal(t, "without drift nothing changes", deploy(t, f, d).Changed, false)
	d.CheckDrift = false
	n := f.counts["cloudformation.DetectStackDrift"]
	deploy(t, f, d)
	equal(t, "looks that nobody asked for", f.counts["cloudformation.DetectStackDrift"]-n, 0)
}

// TestDriftOfNothing: a stack that is not there has none, nor has one that never was good.
func TestDriftOfNothing(t *testing.T) {
	f := withSecret(t)
	d := wide(t)
	d.CheckDrift = true
	f.refuses["Function"] = "no"
	fails(t, f, d, "ROLLBACK_COMPLETE")
	f.refuses = map[string]string{}
	deploy(t, f, d)
	equal(t, "detections", f.counts["cloudformation.DetectStackDrift"], 0)
}

// TestDriftIsWaitedFor, that of another's detection too, and not for ever; what AWS could
// not compare is not taken for the same.
func TestDriftIsWaitedFor(t *testing.T) {
	f := drifted(t)
	f.drifts, f.driftBusy = nil, 5
	d := wide(t)
	d.CheckDrift = true
	start := f.now
	deploy(t, f, d)
	if waited := f.now.Sub(start); waited < 8*3*time.Second {
		t.Errorf("it waited %s", waited)
	}
	f.driftPolls = 1 << 20
	start = f.now
	refused(t, f, d, "looking for drift of stack prod-notes: AWS has not ended that after 30m0s")
	if waited := f.now.Sub(start); waited > 2*31*time.Minute {
		t.Errorf("it waited %s", waited)
	}
	f.driftBusy = 1 << 20
	refused(t, f, d, "AWS has not ended that after 30m0s")
	f.driftBusy, f.driftPolls, f.driftEnd = 0, 0, "DETECTION_FAILED"
	refused(t, f, d, "AWS could not compare all of it: Failed to detect drift on resource [Api]", "without --check-drift the deploy does not look")
}
