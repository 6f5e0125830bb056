package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Pos is a place in a file. Line and Column count from 1, Column in characters;
// a Line of 0 is the file as a whole.
type Pos struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String returns file:line:column, or the file alone.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// An Error is one problem of a declaration.
type Error struct {
	Pos
	// Message says what is wrong, in one line.
	Message string `json:"message"`
	// Hint says how to put it right: a did-you-mean, or the fix. It may be empty.
	Hint string `json:"hint,omitempty"`
	// Snippet is the source line with a caret line below it. It is empty where the
	// problem is not in the declaration's text, and always for .env files, which
	// hold secrets.
	Snippet string `json:"snippet,omitempty"`
	// Warning says that the declaration is valid all the same: see App.Lint.
	Warning bool `json:"warning,omitempty"`
	// Err is the cause, if the system reported one.
	Err error `json:"-"`
}

// Error returns the position, the message, the snippet and the hint.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", e.Pos)
	if e.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(e.Message)
	if e.Snippet != "" {
		b.WriteString("\n" + e.Snippet)
	}
	if e.Hint != "" {
		b.WriteString("\n" + strings.Repeat(" ", gutter) + "= " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// An ErrorList is every problem of a declaration, in the order of the file. It is
// what Load and Parse return as their error; errors.As finds it. encoding/json
// prints it as a list of objects with file, line, column, message, hint and
// snippet.
type ErrorList []*Error

// Error returns the problems one after the other, each as Error.Error has it.
func (l ErrorList) Error() string {
	texts := make([]string, len(l))
	for i, e := range l {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap returns the problems.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// maxErrors bounds a report. Nobody reads further, and a file of a megabyte can be
// wrong in each of its characters.
const maxErrors = 100

// A problems collects the errors of one file. It drops what was already said, which
// is how the stages of one file are checked one by one and reported once.
type problems struct {
	src  *source
	list ErrorList
	seen map[string]bool
}

func newProblems(src *source) *problems {
	return &problems{src: src, seen: make(map[string]bool)}
}

// add reports a problem at s. hint may be empty.
func (p *problems) add(s span, hint, format string, args ...any) {
	if len(p.list) > maxErrors {
		return // a snippet takes as long as its line
	}
	p.put(&Error{
		Pos:     p.src.pos(s),
		Message: fmt.Sprintf(format, args...),
		Hint:    hint,
		Snippet: p.src.snippet(s),
	})
}

func (p *problems) put(e *Error) {
	// Messages may quote the file. One line, and nothing a terminal obeys.
	e.Message, e.Hint = printable(e.Message), printable(e.Hint)
	key := e.Pos.String() + "\x00" + e.Message
	if p.seen[key] {
		return
	}
	p.seen[key] = true
	if len(p.list) <= maxErrors {
		p.list = append(p.list, e)
	}
}

// err returns the problems in the order of the file, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	list := slices.Clone(p.list)
	own := func(e *Error) bool { return e.File == p.src.file }
	slices.SortStableFunc(list, func(a, b *Error) int {
		if own(a) != own(b) { // the declaration first, then what it refers to
			if own(a) {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(list) > maxErrors {
		list = append(list[:maxErrors], &Error{
			Pos:     Pos{File: p.src.file},
			Message: fmt.Sprintf("more than %d problems; the first %d are shown", maxErrors, maxErrors),
		})
	}
	return list
}

// fileError is the error for a file that could not be read at all.
func fileError(file string, cause error, hint, format string, args ...any) error {
	return ErrorList{{
		Pos:     Pos{File: file},
		Message: printable(fmt.Sprintf(format, args...)),
		Hint:    printable(hint),
		Err:     cause,
	}}
}
