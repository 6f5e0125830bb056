package stack_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

const notes = `{
  "Parameters": {"ArtifactsBucket": {"Type": "String"}},
  "Resources": {
    "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "prod-notes", "ProtocolType": "HTTP"}},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": {"Ref": "ArtifactsBucket"}, "S3Key": "functions/1.zip"}}},
    "Notes": {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": "userId", "DeletionProtectionEnabled": true}},
    "Uploads": {"Type": "AWS::S3::Bucket"},
    "Users": {"Type": "AWS::Cognito::UserPool", "Properties": {"UsernameAttributes": ["email"], "DeletionProtection": "ACTIVE"}}
  },
  "Outputs": {"ApiEndpoint": {"Value": {"Ref": "Api"}}, "Region": {"Value": {"Ref": "AWS::Region"}}}
}`

// deployment is notes with one artifact.
func deployment(t *testing.T) stack.Deployment {
	t.Helper()
	path := filepath.Join(t.TempDir(), "1.zip")
	write(t, path, "the function's package")
	return stack.Deployment{
		Template: []byte(notes), BucketParameter: "ArtifactsBucket",
		Artifacts: []stack.Artifact{{Key: "functions/1.zip", Path: path, Size: 22}},
		Positions: map[string]string{"Api": "doorwright.yaml:4:3", "Function": "doorwright.yaml:8:5", "Notes": "doorwright.yaml:12:3", "Users": "doorwright.yaml:20:3"},
	}
}

func changed(d stack.Deployment, old, new string) stack.Deployment {
	d.Template = []byte(strings.ReplaceAll(string(d.Template), old, new))
	return d
}

// log is what a deploy has told of.
type log struct {
	mu     sync.Mutex
	events []stack.Event
}

func (l *log) observe(e stack.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *log) text() string {
	var b strings.Builder
	for _, e := range l.events {
		fmt.Fprintln(&b, e.Kind, e.Text, e.Key, e.Done)
		if e.Resource != nil {
			fmt.Fprintln(&b, e.Resource.ID, e.Resource.Status, e.Resource.Position)
		}
	}
	return b.String()
}

func open(t *testing.T, f *fake) (*stack.Stack, *log) {
	t.Helper()
	l, cfg := &log{}, f.config()
	cfg.Observe = l.observe
	s, err := stack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, l
}

func deploy(t *testing.T, f *fake, d stack.Deployment) stack.Result {
	t.Helper()
	s, _ := open(t, f)
	r, err := s.Deploy(t.Context(), d)
	if err != nil {
		t.Fatalf("Deploy = %v (%s)", err, hint(err))
	}
	return r
}

// fails deploys and wants an error with all of the texts, in it or in its fix.
func fails(t *testing.T, f *fake, d stack.Deployment, texts ...string) error {
	t.Helper()
	s, _ := open(t, f)
	r, err := s.Deploy(t.Context(), d)
	f.wait()
	wantError(t, err, texts...)
	if r.StackID != "" || r.Outputs != nil {
		t.Errorf("with an error comes the result %+v", r)
	}
	return err
}

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error()+"\n"+hint(err), text) {
			t.Errorf("the error says\n%v\n%s\nwant %q", err, hint(err), text)
		}
	}
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func actions(p stack.Plan) []string {
	list := []string{}
	for _, c := range p.Changes {
		list = append(list, c.Action+" "+c.ID)
	}
	return list
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// TestDeploy makes a stack, changes nothing, and changes one resource.
func TestDeploy(t *testing.T) {
	f := newFake(t)
	s, l := open(t, f)
	d := deployment(t)
	d.Protected = true
	d.Confirm = func(p stack.Plan) error {
		if len(f.buckets) > 0 || len(f.stacks) > 0 {
			t.Error("something was made before it was agreed to")
		}
		return nil
	}
	r, err := s.Deploy(t.Context(), d)
	if err != nil {
		t.Fatal(err, hint(err))
	}
	if !r.Changed || !r.Plan.New || !f.stacks[0].protected {
		t.Errorf("the result is %+v, protected: %t", r, f.stacks[0].protected)
	}
	equal(t, "the plan", actions(r.Plan), []string{"add Api", "add Function", "add Notes", "add Uploads", "add Users"})
	equal(t, "the outputs", r.Outputs, []stack.Output{{Name: "ApiEndpoint", Value: "ApiEndpoint-value"}, {Name: "Region", Value: "Region-value"}})
	equal(t, "the target", r.Target.Account+" "+r.Target.Region+" "+r.Target.Stack, accountID+" "+region+" prod-notes")
	equal(t, "the first event", l.events[0].Kind, stack.KindTarget)
	equal(t, "the parameter", f.stacks[0].params["ArtifactsBucket"], bucket)
	equal(t, "the artifact", f.buckets[bucket].objects["functions/1.zip"], "the function's package")
	for setting, text := range map[string]string{"encryption": "<SSEAlgorithm>AES256<", "publicAccessBlock": "<RestrictPublicBuckets>true<", "lifecycle": "<AbortIncompleteMultipartUpload>"} {
		if !strings.Contains(f.buckets[bucket].settings[setting], text) {
			t.Errorf("the bucket's %s is %q", setting, f.buckets[bucket].settings[setting])
		}
	}
	for _, want := range []string{"Notes CREATE_COMPLETE doorwright.yaml:12:3", "upload  functions/1.zip 22"} {
		if !strings.Contains(l.text(), want) {
			t.Errorf("the log lacks %q:\n%s", want, l.text())
		}
	}

	d.Confirm = func(stack.Plan) error { t.Error("asked for nothing"); return nil }
	puts := f.counts["s3.PUT object"]
	if r := deploy(t, f, d); r.Changed || len(r.Plan.Changes) > 0 || len(r.Outputs) != 2 {
		t.Errorf("the second deploy gives %+v", r)
	}
	equal(t, "objects sent again", f.counts["s3.PUT object"]-puts, 0)
	equal(t, "change sets left", len(f.sets), 0)

	d.Confirm = nil
	r = deploy(t, f, changed(d, `"Name": "prod-notes"`, `"Name": "other"`))
	equal(t, "the change", fmt.Sprintf("%+v", r.Plan.Changes), "[{Action:change ID:Api Type:AWS::ApiGatewayV2::Api PhysicalID:prod-notes-api Position:doorwright.yaml:4:3 Properties:[Name] Maybe:false}]")
}

// TestPlanOnly shows and changes nothing, for a new stack and one that is there.
func TestPlanOnly(t *testing.T) {
	f := newFake(t)
	d := deployment(t)
	d.PlanOnly, d.Confirm = true, func(stack.Plan) error { t.Error("asked"); return nil }
	equal(t, "of a new stack", len(deploy(t, f, d).Plan.Changes), 5)
	if len(f.stacks)+len(f.buckets) > 0 {
		t.Error("--plan has made something")
	}
	deploy(t, f, deployment(t))
	puts := f.counts["s3.PUT object"]
	r := deploy(t, f, changed(d, `"Name": "prod-notes"`, `"Name": "other"`))
	equal(t, "of one that is there", actions(r.Plan), []string{"change Api"})
	if r.Changed || f.counts["s3.PUT object"] != puts || len(f.sets) > 0 || f.counts["cloudformation.ExecuteChangeSet"] != 1 {
		t.Errorf("--plan has changed something: %v", f.calls)
	}
}

// TestDeclined leaves nothing behind of what was not agreed to.
func TestDeclined(t *testing.T) {
	f, no := newFake(t), errors.New("no")
	d := deployment(t)
	d.Confirm = func(stack.Plan) error { return no }
	s, _ := open(t, f)
	if _, err := s.Deploy(t.Context(), d); !errors.Is(err, no) || len(f.stacks)+len(f.buckets) > 0 {
		t.Errorf("Deploy = %v; %d stacks, %d buckets", err, len(f.stacks), len(f.buckets))
	}
	deploy(t, f, deployment(t))
	if _, err := s.Deploy(t.Context(), changed(d, `"prod-notes"`, `"other"`)); !errors.Is(err, no) || len(f.sets) > 0 {
		t.Errorf("Deploy = %v; %d change sets", err, len(f.sets))
	}
}

// TestDataIsNotLost refuses to replace or delete what holds data, unless it is named.
func TestDataIsNotLost(t *testing.T) {
	for name, c := range map[string]struct{ id, old, new, replacement, says string }{
		"a table replaced":    {"Notes", `"KeySchema": "userId"`, `"KeySchema": "id"`, "True", "doorwright.yaml:12:3: Notes (AWS::DynamoDB::Table, prod-notes-notes) would be replaced by an empty one, because of KeySchema"},
		"a pool, maybe":       {"Users", `"ACTIVE"`, `"INACTIVE"`, "Conditional", "doorwright.yaml:20:3: Users (AWS::Cognito::UserPool, prod-notes-users) may be replaced"},
		"a bucket taken away": {"Uploads", `"Uploads": {"Type": "AWS::S3::Bucket"},`, ``, "", "Uploads (AWS::S3::Bucket, prod-notes-uploads) would be deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			deploy(t, f, deployment(t))
			f.replaces[c.id] = c.replacement
			d := changed(deployment(t), c.old, c.new)
			d.Confirm = func(stack.Plan) error { t.Error("asked"); return nil }
			fails(t, f, d, c.says, "nothing was changed", "--allow-replace "+c.id)
			d.AllowReplace = []string{"Other"}
			fails(t, f, d, c.says)
			if f.counts["cloudformation.ExecuteChangeSet"] != 1 || len(f.sets) > 0 {
				t.Errorf("it was executed, or left: %v", f.calls)
			}
			d.AllowReplace, d.Confirm = []string{c.id}, nil
			if r := deploy(t, f, d); !r.Changed {
				t.Errorf("allowed, it gives %+v", r)
			}
		})
	}
	// What stays when it is taken from the stack is not lost, and what holds none may go.
	f := newFake(t)
	d := deployment(t)
	d = changed(d, `"Uploads": {"Type"`, `"Uploads": {"DeletionPolicy": "Retain", "Type"`)
	deploy(t, f, d)
	f.replaces["Api"] = "True"
	d = changed(changed(d, `"Uploads": {"DeletionPolicy": "Retain", "Type": "AWS::S3::Bucket"},`, ``), `"ProtocolType": "HTTP"`, `"ProtocolType": "WEBSOCKET"`)
	equal(t, "the plan", actions(deploy(t, f, d).Plan), []string{"replace Api", "keep Uploads"})
}

// TestLongHistory: what happened before is not read again, a page a request.
func TestLongHistory(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	for range 300 {
		f.event(f.stacks[0], "Api", "AWS::ApiGatewayV2::Api", "x", "UPDATE_COMPLETE", "")
	}
	before := f.counts["cloudformation.DescribeStackEvents"]
	deploy(t, f, changed(deployment(t), `"Name": "prod-notes"`, `"Name": "other"`))
	if n := f.counts["cloudformation.DescribeStackEvents"] - before; n > 20 {
		t.Errorf("events were asked for %d times", n)
	}
}

// TestFailedCreate traces a failure to its line, and the next deploy begins afresh.
func TestFailedCreate(t *testing.T) {
	f := newFake(t)
	f.refuses["Notes"] = "Table already exists: notes"
	err := fails(t, f, deployment(t), "the stack is ROLLBACK_COMPLETE", "doorwright.yaml:12:3: Notes (AWS::DynamoDB::Table) CREATE_FAILED: Table already exists: notes", "run the same command again")
	if strings.Contains(err.Error(), "cancelled") || strings.Contains(err.Error(), "Users") {
		t.Errorf("what failed because of it is told of: %v", err)
	}
	f.refuses = map[string]string{}
	d := deployment(t)
	d.PlanOnly = true
	if r := deploy(t, f, d); !strings.Contains(fmt.Sprint(r.Plan.Notes), "ROLLBACK_COMPLETE") {
		t.Errorf("the plan has the notes %q", r.Plan.Notes)
	}
	equal(t, "deletions by a plan", f.counts["cloudformation.DeleteStack"], 0)
	if r := deploy(t, f, deployment(t)); !r.Changed {
		t.Errorf("the next deploy gives %+v", r)
	}
	equal(t, "the first stack", f.stacks[0].status, "DELETE_COMPLETE")
}

// TestFailedUpdate goes back, and says so.
func TestFailedUpdate(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	f.refuses["Api"] = "Invalid name"
	d := changed(deployment(t), `"prod-notes"`, `"!"`)
	fails(t, f, d, "the stack is UPDATE_ROLLBACK_COMPLETE", "doorwright.yaml:4:3: Api (AWS::ApiGatewayV2::Api) UPDATE_FAILED: Invalid name", "again what it was before")
	f.refuses = map[string]string{}
	if r := deploy(t, f, d); !r.Changed {
		t.Errorf("the next deploy gives %+v", r)
	}
}

// TestFailedRollback says what is to be mended, and takes the roll-back up when told.
func TestFailedRollback(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	f.refuses["Api"], f.rollbackFails["Function"] = "Invalid name", "The role defined for the function cannot be assumed"
	d := changed(deployment(t), `"prod-notes"`, `"!"`)
	says := "doorwright.yaml:8:5: Function (AWS::Lambda::Function) UPDATE_FAILED: The role defined"
	fails(t, f, d, "UPDATE_ROLLBACK_FAILED", says, "--continue-rollback")
	err := fails(t, f, d, "UPDATE_ROLLBACK_FAILED", says, "--continue-rollback")
	if strings.Contains(err.Error(), "Invalid name") {
		t.Errorf("why it went back is told of as why it did not come back: %v", err)
	}
	d.ContinueRollback = true
	fails(t, f, d, "rolling stack prod-notes back", "Function (AWS::Lambda::Function)") // it is not mended yet
	f.refuses, f.rollbackFails = map[string]string{}, map[string]string{}
	if r := deploy(t, f, d); !r.Changed {
		t.Errorf("once mended, the deploy gives %+v", r)
	}
}

// TestReviewInProgress goes on with a stack that has only a change set.
func TestReviewInProgress(t *testing.T) {
	f := newFake(t)
	f.before = func(op string, n int) *fault {
		if op == "cloudformation.ExecuteChangeSet" && n == 1 {
			return &fault{403, "AccessDenied", "not authorized to perform: cloudformation:ExecuteChangeSet"}
		}
		return nil
	}
	fails(t, f, deployment(t), "cloudformation:ExecuteChangeSet", "permission")
	equal(t, "the stack", f.stacks[0].status, "REVIEW_IN_PROGRESS")
	if r := deploy(t, f, deployment(t)); !r.Changed || len(f.stacks) != 1 {
		t.Errorf("the next deploy gives %+v", r)
	}
}

// TestAnotherDeployIsWaitedFor says whose it is.
func TestAnotherDeployIsWaitedFor(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	other := f.stacks[0]
	f.mu.Lock()
	other.token = "doorwright-deploy-bob-1"
	f.run(other, string(changed(deployment(t), `"HTTP"`, `"X"`).Template), "UPDATE")
	f.step()
	f.now = f.now.Add(90 * time.Second)
	f.mu.Unlock()
	s, l := open(t, f)
	r, err := s.Deploy(t.Context(), deployment(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := "waiting stack prod-notes is UPDATE_IN_PROGRESS by doorwright deploy of bob since 13:"; !strings.Contains(l.text(), want) || !strings.Contains(l.text(), "(1m3") {
		t.Errorf("the log lacks %q:\n%s", want, l.text())
	}
	equal(t, "what was changed back", actions(r.Plan), []string{"change Api"})
}

// TestThrottling tries again, by the clock, and gives up with a fix.
func TestThrottling(t *testing.T) {
	f := newFake(t)
	f.before = func(op string, n int) *fault {
		if strings.HasPrefix(op, "cloudformation.") && n%4 != 0 {
			return &fault{400, "Throttling", "Rate exceeded"}
		}
		return nil
	}
	start := f.now
	if r := deploy(t, f, deployment(t)); !r.Changed {
		t.Errorf("the deploy gives %+v", r)
	}
	if f.now.Sub(start) < 10*time.Second {
		t.Errorf("it waited %s in all", f.now.Sub(start))
	}
	f.before = func(op string, _ int) *fault {
		if op == "cloudformation.CreateChangeSet" {
			return &fault{400, "Throttling", "Rate exceeded"}
		}
		return nil
	}
	before := f.counts["cloudformation.CreateChangeSet"]
	fails(t, f, deployment(t), "Throttling: Rate exceeded", "run the same command again")
	equal(t, "tries", f.counts["cloudformation.CreateChangeSet"]-before, 10)
}

// TestCredentialsExpire in the middle: AWS goes on, and the next run takes it up.
func TestCredentialsExpire(t *testing.T) {
	f := newFake(t)
	f.before = func(op string, n int) *fault {
		if op == "cloudformation.DescribeStackEvents" && n > 2 {
			return &fault{403, "ExpiredToken", "The security token included in the request is expired"}
		}
		return nil
	}
	err := fails(t, f, deployment(t), "the credentials have expired", "AWS goes on without this program", "The next `doorwright deploy` waits", "sign in")
	if !errors.Is(err, stack.ErrExpired) {
		t.Errorf("the error is %v", err)
	}
	f.before = nil
	if r := deploy(t, f, deployment(t)); r.Changed || len(r.Outputs) != 2 {
		t.Errorf("the next deploy gives %+v", r)
	}
	f.before = func(op string, _ int) *fault {
		if op == "cloudformation.CreateChangeSet" {
			return &fault{403, "ExpiredToken", "The security token included in the request is expired"}
		}
		return nil
	}
	fails(t, f, deployment(t), "nothing of the stack was changed", "sign in")
}

// TestInterrupted by Ctrl-C: before it begins nothing is left; afterwards AWS goes on.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		during string
		says   []string
		left   string
	}{
		{"cloudformation.DescribeChangeSet", []string{"deploy was interrupted", "nothing of the stack was changed"}, "DELETE_COMPLETE"},
		{"cloudformation.ExecuteChangeSet", []string{"deploy was interrupted", "AWS goes on without this program", "aws cloudformation cancel-update-stack --stack-name prod-notes --region eu-west-1"}, "REVIEW_IN_PROGRESS"},
	} {
		t.Run(c.during, func(t *testing.T) {
			f := newFake(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.onSleep = func(int) {
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.counts[c.during] > 0 {
					cancel()
				}
			}
			s, _ := open(t, f)
			_, err := s.Deploy(ctx, deployment(t))
			wantError(t, err, c.says...)
			if c.left == "DELETE_COMPLETE" {
				equal(t, "the stack", f.stacks[0].status, c.left)
				equal(t, "change sets", len(f.sets), 0)
			}
			f.onSleep = nil
			if r := deploy(t, f, deployment(t)); len(r.Outputs) != 2 {
				t.Errorf("the next deploy gives %+v", r)
			}
		})
	}
}

// TestUploadIsCutOff leaves nothing half, and goes on where it was.
func TestUploadIsCutOff(t *testing.T) {
	f := newFake(t)
	d := deployment(t)
	path := filepath.Join(t.TempDir(), "2.zip")
	write(t, path, strings.Repeat("x", 3<<20))
	d.Artifacts = append(d.Artifacts, stack.Artifact{Key: "functions/2.zip", Path: path, Size: 3 << 20})
	f.before = func(op string, n int) *fault {
		if op == "s3.PUT object" && n > 1 {
			return &fault{} // the connection is lost
		}
		return nil
	}
	fails(t, f, d, "sending functions/2.zip to the artifacts bucket", "network")
	equal(t, "tries", f.counts["s3.PUT object"], 11)
	equal(t, "objects", sortedKeys(f.buckets[bucket].objects), []string{"functions/1.zip"})
	equal(t, "stacks", len(f.stacks), 0)
	f.before = nil
	s, l := open(t, f)
	if _, err := s.Deploy(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if n := len(f.buckets[bucket].objects["functions/2.zip"]); n != 3<<20 {
		t.Errorf("the object has %d bytes", n)
	}
	for _, want := range []string{"upload is there already functions/1.zip 22", "upload  functions/2.zip 3145728"} {
		if !strings.Contains(l.text(), want) {
			t.Errorf("the log lacks %q:\n%s", want, l.text())
		}
	}
}

// TestArtifactsBucket is only ever our own, and finished if its making was cut off.
func TestArtifactsBucket(t *testing.T) {
	f := newFake(t)
	f.foreign[bucket] = "210987654321"
	fails(t, f, deployment(t), "it belongs to another account", "nothing was sent to it")
	equal(t, "what was sent", f.counts["s3.PUT object"]+len(f.stacks), 0)

	f = newFake(t)
	f.before = func(op string, n int) *fault {
		if op == "s3.PUT bucketpublicAccessBlock" && n == 1 {
			return &fault{403, "AccessDenied", "s3:PutBucketPublicAccessBlock"}
		}
		return nil
	}
	fails(t, f, deployment(t), "s3:PutBucketPublicAccessBlock")
	equal(t, "what was sent to a bucket that is not closed", f.counts["s3.PUT object"], 0)
	deploy(t, f, deployment(t))
	equal(t, "times it was made", f.counts["s3.PUT bucket"], 1)

	d := deployment(t)
	d.Artifacts[0].Key, d.Artifacts[0].Size = "functions/3.zip", 21
	fails(t, f, changed(d, "1.zip", "3.zip"), "it was changed meanwhile")
	f.buckets[bucket].objects["functions/3.zip"] = "something else"
	fails(t, f, changed(d, "1.zip", "3.zip"), "it has 14 bytes there and 21 here")
}

// TestLocalStageIsRefused before anything is sent, or by the account's number.
func TestLocalStageIsRefused(t *testing.T) {
	f := newFake(t)
	for _, l := range []stack.Local{{AccessKeyID: "AKIDEXAMPLE"}, {Endpoint: strings.Replace(f.URL, "127.0.0.1", "localhost", 1)}} {
		cfg := f.config()
		cfg.Local = []stack.Local{{Endpoint: "http://localhost:1", AccessKeyID: "AKIAOTHER"}, l}
		s, err := stack.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Deploy(t.Context(), deployment(t))
		wantError(t, err, "a local stage's, not AWS's", "unset AWS_ENDPOINT_URL")
		_, err = s.Remove(t.Context(), stack.Removal{})
		wantError(t, err, "a local stage's, not AWS's")
	}
	equal(t, "calls", len(f.calls), 0)
	f.account = "000000000000"
	fails(t, f, deployment(t), "a local stage's, not AWS's")
	equal(t, "calls", f.calls, []string{"sts.GetCallerIdentity"})
}

// TestForeignStack of the same name is left alone: stage a of app b-c and stage a-b of
// app c have one.
func TestForeignStack(t *testing.T) {
	f := newFake(t)
	deploy(t, f, deployment(t))
	f.stacks[0].tags["doorwright:app"] = "other"
	fails(t, f, deployment(t), "not stage prod of app notes", "nothing was changed")
	s, _ := open(t, f)
	_, err := s.Remove(t.Context(), stack.Removal{})
	wantError(t, err, "not stage prod of app notes")
}

// TestNothingChanges is no failure when it is said at once either.
func TestNothingChanges(t *testing.T) {
	f := newFake(t)
	d := deployment(t)
	deploy(t, f, d)
	f.before = func(op string, _ int) *fault {
		if op == "cloudformation.CreateChangeSet" {
			return &fault{400, "ValidationError", "No updates are to be performed."}
		}
		return nil
	}
	for _, d.PlanOnly = range []bool{true, false} {
		if r := deploy(t, f, d); r.Changed || len(r.Plan.Changes) > 0 {
			t.Errorf("a deploy of no changes gives %+v", r)
		}
	}
}

// TestChangeSetFails with a reason, which names the line.
func TestChangeSetFails(t *testing.T) {
	f := newFake(t)
	f.before = func(op string, n int) *fault {
		if op == "cloudformation.DescribeChangeSet" {
			for _, set := range f.sets {
				set.status, set.reason = "FAILED", "Template error: resource Notes does not support attribute type Arn"
			}
		}
		return nil
	}
	fails(t, f, deployment(t), "does not support attribute", "doorwright.yaml:12:3: Notes", "nothing was changed")
	equal(t, "the stack", f.stacks[0].status, "DELETE_COMPLETE")
}

// TestCredentials that are none, or wrong, say what to do.
func TestCredentials(t *testing.T) {
	f := newFake(t)
	cfg := f.config()
	cfg.AWS.Credentials = nil
	s, err := stack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Deploy(t.Context(), deployment(t))
	wantError(t, err, "there are none", "aws sso login")
	f.before = func(string, int) *fault {
		return &fault{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	fails(t, f, deployment(t), "InvalidClientTokenId: The security token", "AWS does not know the credentials")
	cfg.AWS.Region = ""
	_, err = stack.New(cfg)
	wantError(t, err, "finding the region", "--region")
	cfg = f.config()
	cfg.Stage = "1"
	if _, err := stack.New(cfg); err == nil {
		t.Error("a stack's name begins with a digit")
	}
	fails(t, f, stack.Deployment{Template: []byte("{}")}, "it has no resources")
}

// TestLargeTemplate: what a request cannot hold is read from the artifacts bucket, also by
// a plan and by a removal.
func TestLargeTemplate(t *testing.T) {
	f := newFake(t)
	d := changed(deployment(t), `"prod-notes"`, `"`+strings.Repeat("x", 60_000)+`"`)
	deploy(t, f, d)
	d = changed(d, `"HTTP"`, `"X"`)
	d.PlanOnly = true
	equal(t, "the plan", actions(deploy(t, f, d).Plan), []string{"change Api"})
	remove(t, f, stack.Removal{})
	equal(t, "the table", f.stacks[0].resources["Notes"], "DELETE_SKIPPED")
}
