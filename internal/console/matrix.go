package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/doorwright/doorwright/internal/explain"
	"github.com/doorwright/doorwright/internal/matrix"
)

const (
	// shownChanges is how many events are told that may have changed the matrix.
	shownChanges = 20
	// maxMatrixBytes bounds the reasons that are kept of a matrix. Cells beyond it have
	// their outcome alone.
	maxMatrixBytes = 8 << 20
)

// madeMatrix is a matrix that was asked for. It is never changed.
type madeMatrix struct {
	*matrix.Matrix
	At   time.Time
	Took time.Duration
	seq  uint64 // of the newest event before it was made
	name string // of it among others, in the addresses of its cells
}

// matrixPage is the page of the matrix.
type matrixPage struct {
	Made    *madeMatrix // nil if there is none yet
	Rows    []matrixLine
	Text    string
	Allowed int
	Cells   int
	// Changed are events since then, which go on at Live.
	Changed []*Event
	Live    string
	Limit   int
}

// matrixLine is a row, with what the page says of it.
type matrixLine struct {
	Route Route
	Cells []matrixCell
}

// matrixCell is a cell, and where its reasons are; "" if they are not kept.
type matrixCell struct {
	matrix.Cell
	Link, Caller string
}

// Class is how a cell looks, and Mark says it without a colour.
func (c matrixCell) Class() string {
	switch status, err := strconv.Atoi(c.Outcome); {
	case c.Outcome == matrix.Allowed:
		return "passed"
	case err != nil:
		return "unasked"
	default:
		return outcome(status)
	}
}

// Mark is the sign of a cell.
func (c matrixCell) Mark() string {
	return map[string]string{"passed": "✓", "refused": "✕", "failed": "!"}[c.Class()]
}

func hasMatrix(cfg *Config) bool { return cfg.Matrix != nil }

func (c *Console) showMatrix(*http.Request) (string, any, error) {
	const title = "Who may call what"
	c.mu.Lock()
	made := c.matrix
	c.mu.Unlock()
	if made == nil {
		return title, matrixPage{}, nil
	}
	p := matrixPage{Made: made, Text: made.Text(), Limit: shownChanges}
	routes := c.routesByName()
	for i, row := range made.Rows {
		line := matrixLine{Route: routes[row.API+" "+row.Route]}
		for j, cell := range row.Cells {
			shown := matrixCell{Cell: cell, Caller: made.Columns[j].Name}
			if cell.Explanation != nil {
				shown.Link = fmt.Sprintf("/matrix/%s/%d/%d", made.name, i, j)
			}
			if p.Cells++; cell.Outcome == matrix.Allowed {
				p.Allowed++
			}
			line.Cells = append(line.Cells, shown)
		}
		p.Rows = append(p.Rows, line)
	}
	var seq uint64
	p.Changed, seq = c.cfg.Feed.Last(Activity, shownChanges, func(e *Event) bool { return e.Changes && e.Seq > made.seq })
	p.Live = "/events?" + url.Values{"topic": {string(Changes)}, "made": {made.name}, "after": {strconv.FormatUint(seq, 10)}}.Encode()
	return title, p, nil
}

// doMatrix makes the matrix. It is a form: it invokes functions that decide, which
// looking at a page, or going back to it, must not.
func (c *Console) doMatrix(r *http.Request) (done, error) {
	page := done{to: "/matrix"}
	if !c.making.TryLock() {
		return page, invalid("The matrix is being made already.")
	}
	defer c.making.Unlock()
	_, seq := c.cfg.Feed.Last(Activity, 0, anything)
	ctx, cancel := context.WithTimeout(r.Context(), invokeTimeout)
	defer cancel()
	start := time.Now()
	m, err := c.cfg.Matrix(ctx)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return page, invalid("The matrix took longer than " + invokeTimeout.String() + ": the authorizers' functions are too slow for it.")
	case err != nil:
		return page, fmt.Errorf("making the matrix: %w", err)
	}
	at := c.cfg.Now()
	made := &madeMatrix{Matrix: bounded(m), At: at, Took: time.Since(start), seq: seq, name: strconv.FormatInt(at.UnixNano(), 36)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.matrix = made
	return page, nil
}

// bounded leaves out reasons beyond maxMatrixBytes.
func bounded(m *matrix.Matrix) *matrix.Matrix {
	size := 0
	for i := range m.Rows {
		for j := range m.Rows[i].Cells {
			cell := &m.Rows[i].Cells[j]
			if cell.Explanation == nil {
				continue
			}
			if size += sizeOf(cell.Explanation); size > maxMatrixBytes {
				cell.Explanation = nil
			}
		}
	}
	return m
}

// sizeOf is about what an explanation holds.
func sizeOf(x *explain.Explanation) int {
	size := 1 << 10
	of := func(i *explain.Invocation) {
		if i != nil {
			size += len(i.Event) + len(i.Reply) + len(i.Error)
			for _, line := range i.Log {
				size += len(line)
			}
		}
	}
	of(x.Function)
	for _, s := range x.Steps {
		size += 256 + len(s.Text)
		of(s.Function)
		for _, f := range s.Facts {
			size += 64 + len(f.Want) + len(f.Got)
		}
		for _, s := range s.Statements {
			size += 256 + len(s.Why)
		}
	}
	return size
}

// showCell is the story of one cell.
func (c *Console) showCell(r *http.Request) (string, any, error) {
	c.mu.Lock()
	made := c.matrix
	c.mu.Unlock()
	row, err := strconv.Atoi(r.PathValue("row"))
	column, wrong := strconv.Atoi(r.PathValue("column"))
	switch {
	case made == nil || made.name != r.PathValue("made"):
		return "", nil, notFound("This matrix is not kept any more: only the last one is, until the stage starts again.")
	case err != nil, wrong != nil, row < 0, row >= len(made.Rows), column < 0, column >= len(made.Rows[row].Cells), made.Rows[row].Cells[column].Explanation == nil:
		return "", nil, notFound("The matrix has no such cell.")
	}
	s := c.story(made.Rows[row].Cells[column].Explanation)
	s.Back, s.BackTo, s.Caller = "/matrix", "Matrix", &made.Columns[column]
	return made.Columns[column].Name + ": " + made.Rows[row].Route, s, nil
}

// wantedChanges tells the events after which the matrix may be another.
func wantedChanges(url.Values) func(*Event) bool {
	return func(e *Event) bool { return e.Changes }
}

// outdated is what a page of a matrix is told that is not the last one: the declaration
// has been saved, or the matrix was made again.
func (c *Console) outdated(query url.Values, after uint64) *Event {
	c.mu.Lock()
	made := c.matrix
	c.mu.Unlock()
	text := ""
	switch {
	case made == nil:
		text = "The stage has started again since, as it does when the declaration is saved."
	case made.name != query.Get("made"):
		text = "The matrix was made again since."
	default:
		return nil
	}
	return &Event{Seq: after, Time: c.cfg.Now(), Topic: Activity, Kind: "progress", Text: text, Changes: true}
}
