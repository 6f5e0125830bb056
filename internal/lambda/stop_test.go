package lambda_test

import (
	"testing"
	"time"

	"github.com/doorwright/doorwright/internal/lambda"
)

// TestStopWhileStarting ends Run at many moments of the start of its first
// instances: before a process runs, while it starts, and as it asks for its
// first event. The moment is what is varied here; nothing is waited for.
func TestStopWhileStarting(t *testing.T) {
	functions := []lambda.Function{{Name: "one", Handler: "echo"}, {Name: "two", Handler: "echo"}}
	for moment := range 40 {
		s := start(t, fixtures(t), nil, functions...)
		<-time.After(time.Duration(moment) * 500 * time.Microsecond)
		s.stop()
		for _, l := range s.lines {
			if l.Kind == lambda.Platform {
				t.Errorf("the log has %q of an instance that we stopped ourselves", l.Text)
			}
		}
	}
}
