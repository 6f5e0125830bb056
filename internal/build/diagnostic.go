package build

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// Diagnostic is one thing that a compiler says about the source.
type Diagnostic struct {
	// File is an absolute path, empty if the message is about no file.
	File string
	// Line and Column count from 1, in bytes; 0 means unknown.
	Line, Column int
	// Message says what is wrong.
	Message string
	// Snippet is the source line.
	Snippet string
	// Hint says how to mend it, empty if the message says enough.
	Hint string
}

// At makes a Diagnostic about a place, with the source line that is there.
func At(file string, line, column int, message string) Diagnostic {
	return Diagnostic{File: file, Line: line, Column: column, Message: message, Snippet: snippet(file, line)}
}

// Relative gives the Diagnostic with File relative to dir if it lies within.
func (d Diagnostic) Relative(dir string) Diagnostic {
	if rel, err := filepath.Rel(dir, d.File); err == nil && filepath.IsLocal(rel) {
		d.File = rel
	}
	return d
}

// Position gives file:line:col, as far as they are known.
func (d Diagnostic) Position() string {
	switch {
	case d.File == "" || d.Line == 0:
		return d.File
	case d.Column == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// String gives one line, file:line:col: message.
func (d Diagnostic) String() string {
	if p := d.Position(); p != "" {
		return plain(p + ": " + d.Message)
	}
	return plain(d.Message)
}

// Detail gives the lines for a terminal: String, the source line with a caret
// under the column, and the hint.
func (d Diagnostic) Detail() string {
	var s strings.Builder
	s.WriteString(d.String())
	if d.Snippet != "" {
		number := fmt.Sprint(d.Line)
		fmt.Fprintf(&s, "\n  %s | %s", number, d.Snippet)
		if d.Column > 0 {
			fmt.Fprintf(&s, "\n  %*s | %s^", len(number), "", indent(d.Snippet, d.Column-1))
		}
	}
	if d.Hint != "" {
		s.WriteString("\n  hint: " + plain(d.Hint))
	}
	return s.String()
}

// indent gives white space as wide as the first n bytes of a line, keeping its
// tabs.
func indent(line string, n int) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:min(n, len(line))])
}

// Error is a build that failed because of its source or its tools.
type Error struct {
	// Handler is what was built, as it was given.
	Handler string
	// Diagnostics has at least one entry, the first being the likely cause.
	Diagnostics []Diagnostic
}

// Error gives the first diagnostic and says how many follow.
func (e *Error) Error() string {
	more := ""
	if n := len(e.Diagnostics) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("building %s: %s%s", e.Handler, e.Diagnostics[0], more)
}

// failed makes an Error of one Diagnostic.
func failed(handler string, d Diagnostic) *Error {
	return &Error{Handler: handler, Diagnostics: []Diagnostic{d}}
}

// maxSnippet bounds a source line that is shown; generated files have lines of
// megabytes.
const maxSnippet = 200

// snippet reads a line of a file, for a terminal. It gives "" for what cannot
// be shown.
func snippet(file string, line int) string {
	f, err := os.Open(file)
	if err != nil || line < 1 {
		return ""
	}
	defer f.Close()
	sc := bufio.NewScanner(io.LimitReader(f, 4<<20))
	for n := 1; sc.Scan(); n++ {
		if n == line {
			return clip(sc.Text())
		}
	}
	return ""
}

// clip makes a source line fit for a terminal: bounded and without control
// characters, which could otherwise command the terminal.
func clip(line string) string {
	if len(line) > maxSnippet {
		line = strings.ToValidUTF8(line[:maxSnippet], "")
	}
	return plain(strings.TrimRight(line, "\r\n"))
}

// plain takes control characters out of a text: compilers quote the source, and
// the source may be anybody's.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
