package stack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// deployed is a fake with the stack, and something in its bucket, in versions.
func deployed(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	d := deployment(t)
	d.Protected = true
	deploy(t, f, d)
	f.buckets["prod-notes-uploads"] = &fakeBucket{settings: map[string]string{}, objects: map[string]string{}, versions: []string{"a", "a2", "b", "c", "c2"}}
	return f
}

func remove(t *testing.T, f *fake, r stack.Removal) stack.Removed {
	t.Helper()
	s, _ := open(t, f)
	removed, err := s.Remove(t.Context(), r)
	if err != nil {
		t.Fatalf("Remove = %v (%s)", err, hint(err))
	}
	return removed
}

// TestRemoveKeepsData unless it is given up.
func TestRemoveKeepsData(t *testing.T) {
	f := deployed(t)
	s, _ := open(t, f)
	asked := stack.Removal{Confirm: func(stack.Plan) error { t.Error("asked"); return nil }}
	_, err := s.Remove(t.Context(), asked)
	wantError(t, err, "protected against that", "nothing was changed", "--unprotect")
	asked.PlanOnly = true
	if r, err := s.Remove(t.Context(), asked); err != nil || r.Removed || len(r.Plan.Changes) != 5 {
		t.Errorf("the plan is %+v, %v", r, err)
	}
	equal(t, "the stack", f.stacks[0].status, "CREATE_COMPLETE")
	equal(t, "the protection", f.stacks[0].protected, true)

	no := errors.New("no")
	if _, err := s.Remove(t.Context(), stack.Removal{Unprotect: true, Confirm: func(stack.Plan) error { return no }}); !errors.Is(err, no) || !f.stacks[0].protected {
		t.Errorf("declined, Remove = %v, protected: %t", err, f.stacks[0].protected)
	}
	r := remove(t, f, stack.Removal{Unprotect: true, Positions: map[string]string{"Notes": "doorwright.yaml:12:3"}})
	equal(t, "the plan", actions(r.Plan), []string{"remove Api", "remove Function", "keep Notes", "keep Uploads", "keep Users"})
	equal(t, "the place of one", r.Plan.Changes[2].Position, "doorwright.yaml:12:3")
	equal(t, "the stack", f.stacks[0].status, "DELETE_COMPLETE")
	equal(t, "what became of it", f.stacks[0].resources, map[string]string{"Api": "DELETE_COMPLETE", "Function": "DELETE_COMPLETE", "Notes": "DELETE_SKIPPED", "Uploads": "DELETE_SKIPPED", "Users": "DELETE_SKIPPED"})
	equal(t, "versions", len(f.buckets["prod-notes-uploads"].versions), 5)
	kept := parse(f.stacks[0].template).Resources["Notes"]
	if kept.Properties["DeletionProtectionEnabled"] != true || kept.DeletionPolicy != "Retain" || kept.Metadata == nil {
		t.Errorf("what is kept is %+v", kept)
	}
	if r := remove(t, f, stack.Removal{}); r.Removed || len(r.Plan.Changes) != 0 {
		t.Errorf("the second removal gives %+v", r)
	}
}

// TestRemoveDeletesData when told, and then all of it.
func TestRemoveDeletesData(t *testing.T) {
	f := deployed(t)
	r := remove(t, f, stack.Removal{Unprotect: true, DeleteData: true})
	if !r.Removed || f.stacks[0].status != "DELETE_COMPLETE" || f.buckets["prod-notes-uploads"] != nil {
		t.Errorf("the removal gives %+v; the stack is %s", r, f.stacks[0].status)
	}
	for id, status := range f.stacks[0].resources {
		equal(t, id, status, "DELETE_COMPLETE")
	}
	resources := parse(f.stacks[0].template).Resources
	if resources["Notes"].Properties["DeletionProtectionEnabled"] != false || resources["Users"].Properties["DeletionProtection"] != "INACTIVE" {
		t.Errorf("what goes is protected: %+v", resources)
	}
	if f.buckets[bucket] == nil {
		t.Error("the account's artifacts bucket is gone")
	}
}

// TestRemoveRetained takes away what the template would keep and holds no data.
func TestRemoveRetained(t *testing.T) {
	f := newFake(t)
	deploy(t, f, changed(deployment(t), `"Api": {"Type"`, `"Api": {"DeletionPolicy": "Retain", "Type"`))
	remove(t, f, stack.Removal{})
	equal(t, "the API", f.stacks[0].resources["Api"], "DELETE_COMPLETE")
}

// TestRemoveKeepsGroups: who is in a group is known nowhere but in the pool.
func TestRemoveKeepsGroups(t *testing.T) {
	f := newFake(t)
	d := changed(deployment(t), `"Uploads": {"Type": "AWS::S3::Bucket"}`, `"Admins": {"Type": "AWS::Cognito::UserPoolGroup", "Properties": {"UserPoolId": {"Ref": "Users"}}}`)
	deploy(t, f, d)
	r := remove(t, f, stack.Removal{})
	equal(t, "the plan", actions(r.Plan), []string{"remove Api", "remove Function", "keep Admins", "keep Notes", "keep Users"})
	equal(t, "the group", f.stacks[0].resources["Admins"], "DELETE_SKIPPED")
	deploy(t, f, d)
	remove(t, f, stack.Removal{DeleteData: true})
	equal(t, "the group, with --delete-data", f.stacks[1].resources["Admins"], "DELETE_COMPLETE")
	deploy(t, f, d)
	deploy(t, f, changed(d, `"Admins"`, `"Owners"`)) // a deploy does what the declaration says
}

// TestFailedCreateOfProtected: what a stage is to keep stays, also if its first deploy
// failed, and is told of.
func TestFailedCreateOfProtected(t *testing.T) {
	f := newFake(t)
	f.refuses["Notes"] = "no"
	fails(t, f, deployment(t), "the stack is ROLLBACK_COMPLETE")
	f.stacks[0].resources = map[string]string{"Users": "DELETE_SKIPPED", "Api": "DELETE_COMPLETE", "Notes": "CREATE_FAILED"}
	r := remove(t, f, stack.Removal{PlanOnly: true})
	equal(t, "the plan", actions(r.Plan), []string{"keep Users"})
	if notes := strings.Join(r.Plan.Notes, "\n"); !strings.Contains(notes, "has left the stack already") || strings.Contains(notes, "--delete-data") {
		t.Errorf("the notes are %s", notes)
	}
	d := deployment(t)
	d.PlanOnly = true
	if notes := fmt.Sprint(deploy(t, f, d).Plan.Notes); !strings.Contains(notes, "stays in the account, empty and outside of any stack: Users (prod-notes-users)") {
		t.Errorf("the notes are %s", notes)
	}
}

// TestRemoveFails tells of the line, and the next one finishes it.
func TestRemoveFails(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	f.deleteFails["Function"] = "Function is replicated"
	s, _ := open(t, f)
	_, err := s.Remove(t.Context(), stack.Removal{Positions: map[string]string{"Function": "doorwright.yaml:8:5"}})
	wantError(t, err, "the stack is DELETE_FAILED", "doorwright.yaml:8:5: Function (AWS::Lambda::Function) DELETE_FAILED: Function is replicated", "run the same command again")
	fails(t, f, deployment(t), "DELETE_FAILED", "doorwright remove")
	f.deleteFails = map[string]string{}
	remove(t, f, stack.Removal{})
	equal(t, "the table", f.stacks[0].resources["Notes"], "DELETE_SKIPPED")
	equal(t, "the stack", f.stacks[0].status, "DELETE_COMPLETE")
}

// TestRemoveStates: a stack that never was good goes at once, one in review too, one
// that could not go back is refused.
func TestRemoveStates(t *testing.T) {
	f := newFake(t)
	f.refuses["Notes"] = "no"
	fails(t, f, deployment(t), "ROLLBACK_COMPLETE")
	remove(t, f, stack.Removal{})
	equal(t, "the stack", f.stacks[0].status, "DELETE_COMPLETE")
	equal(t, "updates", f.counts["cloudformation.UpdateStack"], 0)

	// A removal that somebody began elsewhere, with a template that keeps nothing.
	f = newFake(t)
	deploy(t, f, deployment(t))
	f.stacks[0].status = "DELETE_FAILED"
	remove(t, f, stack.Removal{})
	equal(t, "the table", f.stacks[0].resources["Notes"], "DELETE_SKIPPED")
	equal(t, "the API", f.stacks[0].resources["Api"], "DELETE_COMPLETE")

	f = newFake(t)
	deploy(t, f, deployment(t))
	f.stacks[0].status = "UPDATE_ROLLBACK_FAILED"
	s, _ := open(t, f)
	_, err := s.Remove(t.Context(), stack.Removal{})
	wantError(t, err, "UPDATE_ROLLBACK_FAILED", "deploy --continue-rollback")

	f.stacks[0].status = "CREATE_COMPLETE"
	ctx, cancel := context.WithCancel(t.Context())
	f.onSleep = func(int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.counts["cloudformation.DeleteStack"] > 0 {
			cancel()
		}
	}
	_, err = s.Remove(ctx, stack.Removal{})
	wantError(t, err, "remove was interrupted", "AWS goes on without this program", "The next `doorwright remove` waits")
	if strings.Contains(hint(err), "cancel-update-stack") {
		t.Errorf("a deletion is no update: %s", hint(err))
	}
	f.onSleep = nil
	if r := remove(t, f, stack.Removal{}); r.Removed {
		t.Errorf("what has gone meanwhile is removed once more: %s", fmt.Sprint(r))
	}
}

// TestRemoveEmptiesNothingThatStays: a bucket that a removal before has left is not the
// stack's any more, and its objects stay even if the next one is told to delete data.
func TestRemoveEmptiesNothingThatStays(t *testing.T) {
	f := deployed(t)
	f.deleteFails["Function"] = "Function is replicated"
	s, _ := open(t, f)
	_, err := s.Remove(t.Context(), stack.Removal{Unprotect: true})
	wantError(t, err, "the stack is DELETE_FAILED")
	equal(t, "the bucket", f.stacks[0].resources["Uploads"], "DELETE_SKIPPED")
	f.deleteFails = map[string]string{}
	r := remove(t, f, stack.Removal{DeleteData: true})
	equal(t, "the plan", actions(r.Plan), []string{"remove Function", "keep Notes", "keep Uploads", "keep Users"})
	equal(t, "versions in the bucket that is kept", len(f.buckets["prod-notes-uploads"].versions), 5)
}

// TestRemoveWhatWasConfirmed: while somebody thinks about what would go, another deploys.
func TestRemoveWhatWasConfirmed(t *testing.T) {
	for name, change := range map[string]func(*fake){
		"a table comes": func(f *fake) {
			deploy(t, f, changed(deployment(t), `"Uploads":`, `"Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {}}, "Uploads":`))
		},
		"it is protected": func(f *fake) {
			d := deployment(t)
			d.Protected = true
			deploy(t, f, d)
		},
		"a deploy is under way": func(f *fake) { f.stacks[0].status = "UPDATE_IN_PROGRESS" },
		"another takes its place": func(f *fake) {
			remove(t, f, stack.Removal{})
			deploy(t, f, deployment(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, deleteData := range []bool{false, true} {
				f := newFake(t)
				deploy(t, f, deployment(t))
				s, _ := open(t, f)
				deletions, updates := 0, 0
				_, err := s.Remove(t.Context(), stack.Removal{DeleteData: deleteData, Confirm: func(stack.Plan) error {
					change(f)
					deletions, updates = f.counts["cloudformation.DeleteStack"], f.counts["cloudformation.UpdateStack"]
					return nil
				}})
				wantError(t, err, "was changed since", "nothing was removed", "run the same command again")
				equal(t, "deletions", f.counts["cloudformation.DeleteStack"], deletions)
				equal(t, "updates", f.counts["cloudformation.UpdateStack"], updates)
			}
		})
	}

	// A first deploy that was in review, and that somebody has executed meanwhile.
	f := newFake(t)
	deploy(t, f, deployment(t))
	f.stacks[0].status = "REVIEW_IN_PROGRESS"
	s, _ := open(t, f)
	_, err := s.Remove(t.Context(), stack.Removal{Confirm: func(stack.Plan) error { f.stacks[0].status = "CREATE_COMPLETE"; return nil }})
	wantError(t, err, "was changed since")
	equal(t, "the table", f.stacks[0].resources["Notes"], "CREATE_COMPLETE")
}
