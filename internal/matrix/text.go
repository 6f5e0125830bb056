package matrix

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The headings of the columns before the callers.
const (
	headRoute      = "route"
	headAuthorizer = "authorizer"
)

// maxText bounds a text that is parsed.
const maxText = 8 << 20

// gap is between two columns. No name has two spaces in it.
const gap = "  "

// Text gives the matrix as it is kept in a file: who the callers are, and a line for
// each route. It is the same for the same matrix, and Parse reads it.
func (m *Matrix) Text() string {
	var b strings.Builder
	for _, line := range comment(m.Columns) {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	b.WriteByte('\n')
	lines := [][]string{{headRoute, headAuthorizer}}
	for _, c := range m.Columns {
		lines[0] = append(lines[0], c.Name)
	}
	for _, r := range m.Rows {
		line := []string{r.name(), r.Authorizer}
		for _, c := range r.Cells {
			line = append(line, c.Outcome)
		}
		lines = append(lines, line)
	}
	for _, line := range aligned(lines) {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func comment(columns []Column) []string {
	lines := []string{
		"Who may call what. A number is the status of the gateway's refusal; what is allowed",
		"goes on to the route's function, which may still refuse it.", "",
	}
	var legend [][]string
	for _, c := range columns {
		legend = append(legend, []string{c.Name, c.About})
	}
	return append(lines, aligned(legend)...)
}

// aligned gives lines whose cells are below one another.
func aligned(lines [][]string) []string {
	var widths []int
	for _, line := range lines {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var all []string
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			b.WriteString(cell)
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + gap)
			}
		}
		all = append(all, strings.TrimRight(b.String(), " "))
	}
	return all
}

// Parse reads what Text has written: the outcomes, without their reasons.
func Parse(text string) (*Matrix, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("reading a matrix: it has %d bytes, %d at most", len(text), maxText)
	}
	m := &Matrix{}
	headed := false
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := cellsOf(line)
		switch {
		case !headed && len(cells) >= 2 && cells[0] == headRoute && cells[1] == headAuthorizer:
			headed = true
			for _, name := range cells[2:] {
				m.Columns = append(m.Columns, Column{Name: name})
			}
		case !headed:
			return nil, fmt.Errorf("reading a matrix: line %d is before the line of %s and %s", i+1, headRoute, headAuthorizer)
		case len(cells) != len(m.Columns)+2:
			return nil, fmt.Errorf("reading a matrix: line %d has %d columns, not %d: two spaces part them", i+1, len(cells), len(m.Columns)+2)
		default:
			r := Row{Authorizer: cells[1]}
			r.API, r.Route, _ = strings.Cut(cells[0], " ")
			for _, outcome := range cells[2:] {
				r.Cells = append(r.Cells, Cell{Outcome: outcome})
			}
			m.Rows = append(m.Rows, r)
		}
	}
	if !headed {
		return nil, errors.New("reading a matrix: it has no line of " + headRoute + " and " + headAuthorizer)
	}
	return m, nil
}

// cellsOf parts a line where there are two spaces or more.
func cellsOf(line string) []string {
	var cells []string
	for cell := range strings.SplitSeq(line, gap) {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}
