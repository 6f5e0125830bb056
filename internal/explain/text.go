package explain

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Text gives the explanation as `doorwright explain` prints it: a verdict, the steps,
// and what would let the request in. It has no control character but the ends of its
// lines, whatever was sent.
func (e *Explanation) Text() string {
	var t text
	switch {
	case e.DryRun:
		t.line("%s %s  not sent", e.Method, e.Path)
	default:
		t.line("%s %s  %s  %s  in %s", e.Method, e.Path, e.RequestID, e.Time.Local().Format(time.TimeOnly), e.Duration.Round(10*time.Microsecond))
	}
	t.line("%s", e.Verdict)
	t.b.WriteByte('\n')
	for _, s := range e.Steps {
		t.step(&s)
	}
	if e.Function != nil {
		t.invocation("  ", e.Function)
	}
	for i, a := range e.Advice {
		if i == 0 {
			t.line("\nTo get in:")
		}
		t.line("  %s", a.Text)
	}
	return t.b.String()
}

// text is lines under way.
type text struct{ b strings.Builder }

// line writes a line; what is in its arguments stays in it. A line break at the
// beginning is an empty line before.
func (t *text) line(format string, args ...any) {
	if rest, ok := strings.CutPrefix(format, "\n"); ok {
		t.b.WriteByte('\n')
		format = rest
	}
	line := strings.ReplaceAll(fmt.Sprintf(format, args...), "\t", "  ")
	t.b.WriteString(strings.TrimRight(printable(line), " "))
	t.b.WriteByte('\n')
}

func (t *text) step(s *Step) {
	name := s.Name
	if s.Kind == KindRoute && s.Outcome != Noted || s.Kind == KindResponse { // the text has it
		name = ""
	}
	first, more, _ := strings.Cut(s.Text, "\n")
	if name != "" && first != "" {
		name += ": "
	}
	took := ""
	if s.Duration >= time.Millisecond {
		took = fmt.Sprintf(" (%s)", s.Duration.Round(100*time.Microsecond))
	}
	t.line("  %-11s %-16s %s%s%s", s.Outcome, s.Kind, name, first, took)
	for line := range strings.SplitSeq(more, "\n") {
		if line != "" {
			t.line("      %s", line)
		}
	}
	for _, f := range s.Facts {
		t.line("      %s", say(f))
	}
	for _, c := range s.Statements {
		mark := "does not match"
		switch {
		case c.Deciding:
			mark = "decides"
		case c.Matched:
			mark = "matches"
		}
		t.line("      %s, %s, %s: %s", c.In(), c.Effect, mark, c.Why)
	}
	if s.Function != nil {
		t.invocation("      ", s.Function)
	}
}

func (t *text) invocation(indent string, i *Invocation) {
	t.line("%sinvocation %s of %s", indent, i.RequestID, i.Function)
	for _, part := range [...]struct{ name, text string }{{"event", i.Event}, {"reply", i.Reply}, {"error", i.Error}} {
		if part.text != "" {
			t.line("%s  %s %s", indent, part.name, part.text)
		}
	}
	for _, l := range i.Log {
		t.line("%s  log   %s", indent, l)
	}
}

// printable gives a text in which nothing acts on a terminal: control characters, and
// those that turn the direction of what is around them, are escaped as Go does.
func printable(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] <= '~'
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, r != ' ' && !strconv.IsPrint(r), unicode.Is(unicode.Bidi_Control, r):
			q := strconv.QuoteToASCII(s[i : i+n])
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
