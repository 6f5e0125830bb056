package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

// terminal shows events, one line each: in colour to a person, plainly to a
// pipe, or as JSON.
type terminal struct {
	mu     sync.Mutex // guards w, so that lines of different requests never mix
	w      io.Writer
	json   bool
	colour bool
	person bool // w is a terminal that a person looks at
	// explain is the command that explains a request, but for its id.
	explain string
}

func newTerminal(w io.Writer, asJSON bool) *terminal {
	person := isTerminal(w)
	return &terminal{
		w:      w,
		json:   asJSON,
		person: person,
		colour: person && !asJSON && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// harmless gives a text, which may be JSON, with what acts on a terminal escaped as JSON
// does. Lines and tabs stay.
func harmless(s string) string {
	var b strings.Builder
	from := 0
	s = strings.ToValidUTF8(s, "\uFFFD") // a byte of none may be a C1 control character
	for i, r := range s {
		if r != '\n' && r != '\t' && tty.Acts(r) {
			fmt.Fprintf(&b, `%s\u%04x`, s[from:i], r)
			from = i + utf8.RuneLen(r)
		}
	}
	return b.String() + s[from:]
}

// columns sets the tables that commands print: what is parted by tabs stands in columns,
// three spaces apart, once it is flushed.
func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 3, ' ', 0) }

// SGR sequences (ECMA-48, section 8.3.117).
const (
	plain  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (t *terminal) paint(colour, s string) string {
	if !t.colour || s == "" {
		return s
	}
	return colour + s + plain
}

// observe shows one event. It is called from many goroutines.
func (t *terminal) observe(e doorwright.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		line, err := json.Marshal(e)
		if err == nil {
			fmt.Fprintf(t.w, "%s\n", harmless(string(line)))
		}
		return
	}
	if e.Kind == doorwright.KindFunction && (e.Line == "START" || e.Line == "END" || e.Line == "REPORT") {
		return // three lines beside each request; `doorwright logs` has them
	}
	fmt.Fprintln(t.w, t.line(e))
}

func (t *terminal) line(e doorwright.Event) string {
	clock := t.paint(dim, e.Time.Local().Format("15:04:05")) + " "
	switch e.Kind {
	case doorwright.KindRequest:
		return clock + t.paintRequest(e) + t.explained(e)
	case doorwright.KindFunction:
		return clock + t.paint(dim, "  "+e.Source+"  ") + e.Text
	case doorwright.KindPool, doorwright.KindService, doorwright.KindTenant:
		return clock + t.paint(cyan, e.Text) + t.explained(e)
	case doorwright.KindCode:
		if t.person && e.Secret != "" {
			return clock + e.Text + ": " + t.paint(bold, e.Secret)
		}
		return clock + e.Text + " is in " + e.Mailbox
	case doorwright.KindWarning:
		return clock + t.paint(yellow, "warning: ") + e.Text
	case doorwright.KindError:
		return clock + t.paint(red, "error: ") + e.Text
	default:
		return clock + e.Text
	}
}

// paintRequest colours the status of a request line by its class.
func (t *terminal) paintRequest(e doorwright.Event) string {
	status, rest, _ := strings.Cut(e.Text, " ")
	colour := green
	switch {
	case e.Request == nil:
	case e.Request.Status >= 500:
		colour = red
	case e.Request.Status >= 400:
		colour = yellow
	}
	return t.paint(colour, status) + " " + rest
}

// explained gives a line with the command that says more of a request that was refused.
func (t *terminal) explained(e doorwright.Event) string {
	if t.explain == "" || !e.Refused && (e.Request == nil || !e.Request.Refused) {
		return ""
	}
	return "\n         " + t.paint(dim, t.explain+" "+e.RequestID)
}

// deployed prints what `start` has brought up, in the form of SST's console: the outputs,
// where that is which no output names, and where the AWS CLI finds the stage. env is the
// command that points it there.
func (t *terminal) deployed(a *doorwright.App, env string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		return // the event of KindReady says it
	}
	fmt.Fprintf(t.w, "\nStack %s\n  Status: %s\n", t.paint(bold, a.Stack()), t.paint(green, "deployed"))
	outputs := a.Outputs()
	if len(outputs) > 0 {
		fmt.Fprintln(t.w, "  Outputs:")
	}
	for _, o := range outputs {
		fmt.Fprintf(t.w, "    %s: %s\n", o.Name, o.Value)
	}
	addresses := slices.DeleteFunc(a.Addresses(), func(at doorwright.Output) bool {
		return slices.ContainsFunc(outputs, func(o doorwright.Output) bool { return strings.TrimSuffix(o.Value, "/") == at.Value })
	})
	if len(addresses) > 0 {
		fmt.Fprintln(t.w, "  Addresses:")
	}
	for _, at := range addresses {
		fmt.Fprintf(t.w, "    %s: %s\n", at.Name, at.Value)
	}
	fmt.Fprintf(t.w, "\n  AWS: %s\n  %s\n\n", t.paint(cyan, a.Environment().Endpoint), t.paint(dim, "`"+env+"` points the AWS CLI and SDKs at it"))
}

// console prints the link that opens the console once. Programs ask for one by
// `doorwright console`.
func (t *terminal) console(link string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		return
	}
	fmt.Fprintf(t.w, "  Console: %s\n  %s\n\n", t.paint(cyan, link), t.paint(dim, "good once, within an hour; `doorwright console` prints another"))
}
