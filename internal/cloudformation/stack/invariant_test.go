package stack_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

var (
	lives    = flag.Int("lives", 40, "how many lives of a stack TestDataOutlivesItsStack tries")
	lifeSeed = flag.Uint64("life-seed", 0, "the seed of its first life; 0 is one by chance")
)

// life is a stack that is deployed, changed, broken and removed by chance.
type life struct {
	t         *testing.T
	f         *fake
	r         *rand.Rand
	protected bool
	log       []string
	did       map[string]int
}

// template is a declaration's at some time: each of what holds data is in it or not,
// changed or not, and kept as the stage is protected.
func (l *life) template() []byte {
	policy := ""
	if l.protected {
		policy = `"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", `
	}
	resources := []string{fmt.Sprintf(`"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "n%d"}}`, l.r.IntN(3))}
	for id, kind := range map[string]string{"Notes": "AWS::DynamoDB::Table", "Uploads": "AWS::S3::Bucket", "Users": "AWS::Cognito::UserPool"} {
		if l.r.IntN(4) > 0 {
			resources = append(resources, fmt.Sprintf(`%q: {"Type": %q, %s"Properties": {"DeletionProtectionEnabled": %t, "Changed": %d}}`, id, kind, policy, l.protected, l.r.IntN(2)))
		}
	}
	slices.Sort(resources)
	return []byte(`{"Resources": {` + strings.Join(resources, ", ") + `}}`)
}

// step does something that a person may do, with flags that give up no data.
func (l *life) step() {
	f := l.f
	f.mu.Lock()
	f.refuses, f.rollbackFails, f.deleteFails, f.replaces = map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, id := range []string{"Api", "Notes", "Uploads", "Users"} {
		switch l.r.IntN(12) {
		case 0:
			f.refuses[id] = "no"
		case 1:
			f.rollbackFails[id] = "no"
		case 2:
			f.deleteFails[id] = "no"
		case 3, 4:
			f.replaces[id] = "True"
		}
	}
	f.mu.Unlock()
	s, _ := open(l.t, f)
	if l.r.IntN(3) > 0 {
		d := stack.Deployment{Template: l.template(), Protected: l.protected, ContinueRollback: l.r.IntN(2) == 0, CheckDrift: l.r.IntN(4) == 0}
		_, err := s.Deploy(l.t.Context(), d)
		l.log = append(l.log, fmt.Sprintf("deploy %s: %v", d.Template, err))
		l.did["deploy "+outcome(err)]++
		return
	}
	before := l.state()
	unprotect := l.r.IntN(2) == 0
	_, err := s.Remove(l.t.Context(), stack.Removal{Unprotect: unprotect})
	l.log = append(l.log, fmt.Sprintf("remove, unprotect %t: %v", unprotect, err))
	l.did["remove "+outcome(err)]++
	if after := l.state(); strings.HasPrefix(before, "true ") && !unprotect && after != before {
		l.t.Errorf("a stack that is protected was\n%s\nand is\n%s", before, after)
	}
}

// outcome is a word for how something ended.
func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case strings.Contains(hint(err), "nothing was changed"):
		return "refused"
	}
	return "failed"
}

// state is what there is of the stack, beginning with its protection.
func (l *life) state() string {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	s := l.f.find("prod-notes")
	if s == nil {
		return "none"
	}
	resources, err := json.Marshal(s.resources)
	if err != nil {
		l.t.Fatal(err)
	}
	return fmt.Sprint(s.protected, " ", s.status, " ", string(resources))
}

// TestDataOutlivesItsStack: whatever is done to a stage, in whatever order, and whatever
// fails of it, no table, pool or bucket that was in use is gone which nobody has given up
// by --delete-data or --allow-replace; and what is protected is not removed.
// SST lost data to a stack that was to keep it: https://github.com/anomalyco/sst/issues/4159
func TestDataOutlivesItsStack(t *testing.T) {
	seed := *lifeSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	did := map[string]int{}
	for i := range uint64(*lives) {
		l := &life{t: t, f: newFake(t), r: rand.New(rand.NewPCG(seed+i, 0)), did: did}
		l.protected = l.r.IntN(2) == 0
		var used map[string]bool
		for range 10 {
			l.step()
			for object := range used {
				if !l.f.data[object] {
					t.Errorf("%s is gone", object)
				}
			}
			if used = maps.Clone(l.f.data); t.Failed() {
				t.Fatalf("go test -run TestDataOutlivesItsStack -life-seed %d\nprotected: %t\n%s", seed+i, l.protected, strings.Join(l.log, "\n"))
			}
		}
	}
	for _, what := range []string{"deploy done", "deploy refused", "deploy failed", "remove done", "remove refused", "remove failed"} {
		if did[what] < *lives/10 {
			t.Errorf("%s happened %d times in %d lives: too few to tell (seed %d)", what, did[what], *lives, seed)
		}
	}
}
