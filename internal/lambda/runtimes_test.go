package lambda_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/lambda"
)

// contextSeen is what the Node.js and Python fixtures tell of their context.
type contextSeen struct {
	Event     any    `json:"event"`
	Name      string `json:"name"`
	ARN       string `json:"arn"`
	ID        string `json:"id"`
	Remaining int    `json:"remaining"`
	Loaded    string `json:"loaded"`
	Beside    bool   `json:"beside"`
	Helper    string `json:"helper"`
	Argv      int    `json:"argv"`
}

// traced is an error of Node.js's shape and of Python's.
type traced struct {
	failure
	Trace      []string `json:"trace"`
	StackTrace []string `json:"stackTrace"`
}

func TestNode(t *testing.T) {
	need(t, "node")
	s := start(t, fixtures(t), nil,
		lambda.Function{Name: "esm", Handler: "js/esm.handler"},
		lambda.Function{Name: "common", Handler: "js/common.handler"},
		lambda.Function{Name: "typed", Handler: "js/typed.handler"},
		lambda.Function{Name: "typedFails", Handler: "js/typed.fails"},
		lambda.Function{Name: "fails", Handler: "js/esm.fails"},
		lambda.Function{Name: "rejects", Handler: "js/esm.rejects"},
		lambda.Function{Name: "callback", Handler: "js/esm.callback"},
		lambda.Function{Name: "callbackError", Handler: "js/esm.callbackError"},
		lambda.Function{Name: "unsettled", Handler: "js/esm.unsettled"},
		lambda.Function{Name: "nothing", Handler: "js/esm.nothing"},
		lambda.Function{Name: "nested", Handler: "js/esm.api.v1.handler"},
		lambda.Function{Name: "exits", Handler: "js/esm.exits"},
		lambda.Function{Name: "missing", Handler: "js/esm.missing"},
		lambda.Function{Name: "broken", Handler: "js/broken_init.handler"})

	t.Run("ES module", func(t *testing.T) {
		reply, functionError := s.invoke("esm", `{"n":1}`)
		got := into[contextSeen](t, reply)
		if functionError != "" || fmt.Sprint(got.Event) != "map[n:1]" || got.Loaded != "from json" || !got.Beside || got.Name != "esm" ||
			got.ARN != "arn:aws:lambda:eu-west-1:000000000000:function:esm" || got.Remaining < 5000 || got.Remaining > 10000 {
			t.Errorf("got %q, %+v", functionError, got)
		}
		s.checkFrame(got.ID, "hello from esm")
	})
	for _, c := range []struct{ function, event, reply string }{
		{"common", `{}`, `{"dirname":"js","filename":"common.js","computed":"function","undeclared":1}`},
		{"typed", `{"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"9dce"}}}}}`, `{"statusCode":200,"body":"Hello 9dce!"}`},
		{"callback", `{}`, `"called back"`},
		{"unsettled", `{}`, `null`},
		{"nothing", `{}`, `null`},
		{"nested", `{}`, `"nested"`},
	} {
		if reply, functionError := s.invoke(c.function, c.event); functionError != "" || reply != c.reply {
			t.Errorf("%s: %q, %s; want %s", c.function, functionError, reply, c.reply)
		}
	}
	for _, c := range []struct{ function, kind, message string }{
		{"fails", "TeapotError", "short and stout"},
		{"typedFails", "TypeError", "no name"},
		{"rejects", "Runtime.UnhandledPromiseRejection", "Error: nobody listens"},
		{"callbackError", "string", "no"},
		{"exits", "Runtime.ExitError", "RequestId: [0-9a-f-]+ Error: Runtime exited with error: exit status 3"},
		{"missing", "Runtime.HandlerNotFound", "js/esm.missing is undefined or not exported"},
		{"broken", "RangeError", "not today"},
	} {
		reply, functionError := s.invoke(c.function, `{"name":"name"}`)
		got := into[traced](t, reply)
		if functionError != "Unhandled" || got.ErrorType != c.kind || !regexp.MustCompile("^"+c.message+"$").MatchString(got.ErrorMessage) {
			t.Errorf("%s: %q, %s; want %s, %s", c.function, functionError, reply, c.kind, c.message)
		}
		if c.function == "typedFails" {
			// The trace names the source, not the bundle.
			source := filepath.Join(s.dir, "js", "typed.ts") + ":12:9"
			if len(got.Trace) < 2 || got.Trace[0] != "TypeError: no name" || !strings.Contains(got.Trace[1], source) {
				t.Errorf("trace %q does not name %s", got.Trace, source)
			}
		}
	}
}

func TestPython(t *testing.T) {
	need(t, "python3")
	s := start(t, fixtures(t), nil,
		lambda.Function{Name: "handler", Handler: "py/functions.handler"},
		lambda.Function{Name: "fails", Handler: "py/functions.fails"},
		lambda.Function{Name: "exits", Handler: "py/functions.exits"},
		lambda.Function{Name: "unmarshalable", Handler: "py/functions.unmarshalable"},
		lambda.Function{Name: "missing", Handler: "py/functions.missing"},
		lambda.Function{Name: "syntax", Handler: "py/bad_syntax.handler"},
		lambda.Function{Name: "import", Handler: "py/bad_import.handler"})

	reply, functionError := s.invoke("handler", `{"n":"ü"}`)
	got := into[contextSeen](t, reply)
	if functionError != "" || fmt.Sprint(got.Event) != "map[n:ü]" || got.Helper != "helped" || got.Name != "handler" || got.Argv != 1 ||
		got.ARN != "arn:aws:lambda:eu-west-1:000000000000:function:handler" || got.Remaining < 5000 || got.Remaining > 10000 {
		t.Errorf("got %q, %+v", functionError, got)
	}
	lines := s.linesOf(got.ID)
	if len(lines) != 5 || lines[1] != "hello from python" ||
		!regexp.MustCompile(`^\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t`+got.ID+`\tlogged$`).MatchString(lines[2]) {
		t.Errorf("lines %q", lines)
	}
	for _, c := range []struct{ function, kind, message, trace string }{
		{"fails", "TeapotError", "short and stout", `^  File ".*functions\.py", line 32, in fails\n    raise TeapotError\("short and stout"\)\n$`},
		{"exits", "Runtime.ExitError", `RequestId: [0-9a-f-]+ Error: Runtime exited with error: exit status 3`, ""},
		{"unmarshalable", "Runtime.MarshalError", `Unable to marshal response: Object of type set is not JSON serializable`, ""},
		{"missing", "Runtime.HandlerNotFound", `Handler 'missing' missing on module 'py/functions'`, ""},
		{"syntax", "Runtime.UserCodeSyntaxError", `Syntax error in module 'py/bad_syntax': '\(' was never closed \(bad_syntax\.py, line 2\)`, `^  File ".*bad_syntax\.py" Line 2\n {8}return \(\n$`},
		{"import", "Runtime.ImportModuleError", `Unable to import module 'py/bad_import': No module named 'no_such_module_anywhere'`, ""},
	} {
		reply, functionError := s.invoke(c.function, `{}`)
		got := into[traced](t, reply)
		if functionError != "Unhandled" || got.ErrorType != c.kind || !regexp.MustCompile("^"+c.message+"$").MatchString(got.ErrorMessage) {
			t.Errorf("%s: %q, %s; want %s, %s", c.function, functionError, reply, c.kind, c.message)
		}
		if c.trace != "" && (len(got.StackTrace) != 1 || !regexp.MustCompile(c.trace).MatchString(got.StackTrace[0])) {
			t.Errorf("%s: trace %q; want %s", c.function, got.StackTrace, c.trace)
		}
		if c.kind != "Runtime.ExitError" && len(got.RequestID) != 36 {
			t.Errorf("%s: request id %q", c.function, got.RequestID)
		}
	}
	// The syntax error is told with its place.
	s.wait("the syntax error to be told", func() bool {
		for _, e := range s.events {
			if e.Kind == lambda.InitFailed && e.Functions[0] == "syntax" {
				d := e.Diagnostics
				return len(d) == 1 && d[0].File == filepath.Join(s.dir, "py", "bad_syntax.py") && d[0].Line == 2
			}
		}
		return false
	})
}
