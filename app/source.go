package app

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A span is a stretch of one line of the source: where a problem or a name is.
type span struct {
	line, column int // from 1, in characters
	width        int // in characters; less than 1 counts as 1
}

// before says whether s starts before t.
func (s span) before(t span) bool {
	return s.line < t.line || s.line == t.line && s.column < t.column
}

// A source is the text of one declaration.
type source struct {
	file  string
	lines []string
	// last is the line runes was last asked for: a file may be one long line, of which
	// each value wants its part. Only the goroutine that reads the file touches it.
	last      int
	lastRunes []rune
}

// maxSource bounds a declaration. One with 300 routes, API Gateway's quota for an
// API, takes some tens of kilobytes.
const maxSource = 1 << 20

// newSource checks that data can be read as YAML text at all and splits it into
// lines. The problems it reports end the reading.
func newSource(file string, data []byte) (*source, *problems) {
	text := strings.TrimPrefix(string(data), "\ufeff") // YAML 1.2, 5.2: a BOM may start the file
	text = strings.ReplaceAll(text, "\r\n", "\n")
	src := &source{file: file, lines: strings.Split(text, "\n")}
	p := newProblems(src)
	if len(data) > maxSource {
		p.put(&Error{
			Pos:     Pos{File: file},
			Message: fmt.Sprintf("the file has %d bytes; a declaration has at most %d", len(data), maxSource),
		})
		return src, p
	}
	for i, line := range src.lines {
		column := 0
		for at, r := range line {
			column++
			s := span{line: i + 1, column: column}
			switch {
			case r == utf8.RuneError && !strings.HasPrefix(line[at:], "\ufffd"):
				p.add(s, "save the file as UTF-8", "the text is not UTF-8")
			case r == '\ufeff':
				p.add(s, "delete the character", "a byte order mark may only start the file")
			case r == '\r':
				p.add(s, "end lines with LF or CR LF", "a carriage return (CR) without a line feed")
			case r != '\t' && unicode.IsControl(r):
				p.add(s, "delete the character", "the control character %U is not allowed in YAML", r)
			default:
				continue
			}
			break // one such problem a line tells enough
		}
	}
	return src, p
}

func (s *source) pos(at span) Pos {
	return Pos{File: s.file, Line: at.line, Column: at.column}
}

// line returns the text of a line, from 1, or nothing.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// runes returns the characters of a line, from 1.
func (s *source) runes(n int) []rune {
	if s.last != n {
		s.last, s.lastRunes = n, []rune(s.line(n))
	}
	return s.lastRunes
}

// gutter is the width of the line numbers in snippets, and of what stands below them.
const gutter = 5

// snippetWidth is the most characters of a line a snippet shows; of a longer line it
// shows the part around the problem.
const snippetWidth = 120

// snippet renders the line of at with carets below the stretch.
func (s *source) snippet(at span) string {
	if at.line < 1 || at.line > len(s.lines) {
		return ""
	}
	line := []rune(strings.TrimRight(s.line(at.line), " \t"))
	column := min(max(at.column, 1), len(line)+1) - 1
	end := min(column+max(at.width, 1), max(len(line), column+1))

	from, to, more := 0, len(line), ""
	if len(line) > snippetWidth {
		from = max(0, min(column-snippetWidth/2, len(line)-snippetWidth))
		to = min(len(line), from+snippetWidth)
		end = min(end, to+1)
	}
	if from > 0 {
		more = "…"
	}
	shown, carets := more, more
	if more != "" {
		carets = " "
	}
	for _, r := range line[from:to] {
		shown += string(visible(r))
	}
	for i := from; i < end; i++ {
		switch {
		case i < column && i < len(line) && line[i] == '\t':
			carets += "\t" // as wide as the one above it, whatever the terminal's stops
		case i < column && i < len(line):
			carets += strings.Repeat(" ", cells(line[i]))
		case i < len(line) && line[i] != '\t':
			carets += strings.Repeat("^", cells(line[i]))
		default:
			carets += "^"
		}
	}
	if to < len(line) {
		shown += "…"
	}
	return fmt.Sprintf("%*d | %s\n%*s | %s", gutter-1, at.line, shown, gutter-1, "", carets)
}

// visible replaces what a terminal would obey rather than show, so that a file from
// elsewhere cannot rewrite the report about it.
func visible(r rune) rune {
	if r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
		return '\ufffd'
	}
	return r
}

// printable is visible for a text that has to stay on one line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		return visible(r)
	}, text)
}

// cells is how many terminal cells a character takes: none for combining marks, two
// for the wide ranges of East Asian scripts and emoji (UAX #11), else one.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r < 0x1100:
		return 1
	case r <= 0x115f, // Hangul Jamo
		r >= 0x2e80 && r <= 0x303e, r >= 0x3041 && r <= 0xa4cf, // CJK
		r >= 0xa960 && r <= 0xa97f, r >= 0xac00 && r <= 0xd7a3, // Hangul
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, // compatibility forms
		r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, // full-width forms
		r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f680 && r <= 0x1faff, // emoji
		r >= 0x20000 && r <= 0x3fffd: // CJK extensions
		return 2
	}
	return 1
}
