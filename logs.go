package doorwright

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/lambda"
	"github.com/doorwright/doorwright/internal/store"
)

// Lines of functions are kept in the stage's folder, a line of JSON each, in two files
// at most: when the first is full it takes the place of the second.
const (
	functionLogFile = "functions.log"
	oldLog          = ".1"
	maxFunctionLog  = 4 << 20
	// maxLogLine bounds one line of the file: a line of a function, as JSON.
	maxLogLine = 2 << 20
)

// LogLine is one line that a function, or Lambda about it, wrote.
type LogLine struct {
	Time time.Time `json:"time"`
	// Function is the handler as the declaration has it.
	Function string `json:"function"`
	// RequestID is the invocation's; "" of a line outside of one.
	RequestID string `json:"requestId,omitempty"`
	// Kind is stdout, stderr, or one of Lambda's: START, END, REPORT, platform.
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// lineLog keeps lines, of functions or of an API's requests.
type lineLog struct {
	path string // of the file; the one before has oldLog behind it
	what string // for messages

	mu sync.Mutex
	// Guarded by mu. file is nil before the first line, and after an error, which
	// broken is set for: lines are then not kept.
	file   *os.File
	size   int64
	broken bool
}

func newFunctionLog(dir string) *lineLog {
	return &lineLog{path: filepath.Join(dir, functionLogFile), what: "the log of functions"}
}

// add keeps a line of a function.
func (l *lineLog) add(line LogLine) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return l.keep(b)
}

// keep keeps a line, whose memory is its own from then on. The error is of the first one
// that cannot be kept.
func (l *lineLog) keep(b []byte) (err error) {
	b = append(b, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return nil
	}
	if err = l.write(b); err != nil {
		l.broken = true
		return fmt.Errorf("keeping %s: %w", l.what, err)
	}
	return nil
}

// write is add with mu held.
func (l *lineLog) write(b []byte) error {
	if l.file != nil && l.size+int64(len(b)) > maxFunctionLog {
		if err := l.file.Close(); err != nil {
			return err
		}
		l.file = nil
		if err := os.Rename(l.path, l.path+oldLog); err != nil {
			return err
		}
	}
	if l.file == nil {
		if err := isLogFile(l.path); err != nil {
			return err
		}
		f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		l.file, l.size = f, info.Size()
	}
	n, err := l.file.Write(b)
	l.size += int64(n)
	return err
}

func (l *lineLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true // what comes later is not kept
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// keepLine keeps a line of a function.
func (a *App) keepLine(l lambda.Line) {
	err := a.lines.add(LogLine{Time: l.Time.UTC(), Function: a.handlerOf[l.Function], RequestID: l.RequestID, Kind: string(l.Kind), Text: printable(l.Text)})
	if err != nil {
		a.observe(Event{Kind: KindWarning, Source: a.Stack(), Text: err.Error() + "; `doorwright logs` will miss lines"})
	}
}

// LogQuery says which lines of functions are wanted.
type LogQuery struct {
	// Function is a handler as the declaration has it, with or without its export; all
	// if empty.
	Function string
	// RequestID is an invocation's, or that of the request to an API that led to it,
	// which a running stage tells.
	RequestID string
	// Since leaves out what is older.
	Since time.Time
	// Follow goes on with what is written from now on, until the context ends.
	Follow bool
}

// ReadLogs gives each line of the functions of the running or last stage of the app in
// dir, the oldest first.
func ReadLogs(ctx context.Context, dir, stage string, q LogQuery, each func(LogLine) error) error {
	if err := app.CheckStage(stage); err != nil {
		return err
	}
	folder, err := stageFolder(dir, stage)
	if err != nil {
		return err
	}
	var ids []string
	if q.RequestID != "" {
		ids = invocationsOf(ctx, dir, stage, q.RequestID)
	}
	wanted := func(l LogLine) error {
		handler, _, _ := strings.Cut(l.Function, ".")
		switch {
		case q.Function != "" && q.Function != l.Function && q.Function != handler,
			ids != nil && !slices.Contains(ids, l.RequestID),
			l.Time.Before(q.Since):
			return nil
		}
		l.Function, l.RequestID, l.Kind, l.Text = printable(l.Function), printable(l.RequestID), printable(l.Kind), printable(l.Text)
		return each(l)
	}
	return readLines(ctx, filepath.Join(folder, functionLogFile), q.Follow, func(line []byte) error {
		var l LogLine
		if json.Unmarshal(line, &l) != nil {
			return nil
		}
		return wanted(l)
	})
}

// stageFolder gives the folder of a stage that has run.
func stageFolder(dir, stage string) (string, error) {
	folder := store.Path(dir, stage)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return "", neverRun(dir, stage)
	}
	return folder, nil
}

// invocationsOf gives the ids of the invocations that a request led to, and its own.
func invocationsOf(ctx context.Context, dir, stage, id string) []string {
	ids := []string{id}
	x, err := ReadExplanation(ctx, dir, stage, id)
	if err != nil {
		return ids // the stage does not run, or does not know the request any more
	}
	if x.Function != nil && x.Function.RequestID != "" {
		ids = append(ids, x.Function.RequestID)
	}
	for _, s := range x.Steps {
		if s.Function != nil && s.Function.RequestID != "" {
			ids = append(ids, s.Function.RequestID)
		}
	}
	return ids
}

// isLogFile refuses a log that is no file: a link may come with a cloned repository, and
// lead to a file of the user's.
func isLogFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: move it away", path)
	}
	return nil
}

// openLog opens a file of lines; nil is one that there is not yet.
func openLog(path string) (*os.File, error) {
	if err := isLogFile(path); err != nil {
		return nil, fmt.Errorf("reading a log: %w", err)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a log: %w", err)
	}
	return f, nil
}

func closeLog(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// readLog reads the whole lines that there are from where the file stands, and gives how
// many bytes they have. A line that a killed process has not ended is passed over.
func readLog(f *os.File, each func([]byte) error) (n int64, err error) {
	if f == nil {
		return 0, nil
	}
	r := bufio.NewReaderSize(f, 64<<10)
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLogLine {
			return n, errors.New("reading a log: a line is too long: delete " + f.Name())
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("reading a log: %w", err)
		}
		n += int64(len(line))
		if err := each(bytes.TrimSpace(line)); err != nil {
			return n, err
		}
		line = line[:0]
	}
}

// followEvery is how often a log that is followed is looked at.
const followEvery = 200 * time.Millisecond

// readLines gives the lines of a log, those of the file before it first, and to follow it
// what is added, also to files that take its place.
func readLines(ctx context.Context, path string, follow bool, each func([]byte) error) error {
	r := &logReader{path: path, each: each}
	defer func() { _ = closeLog(r.file) }() // it was read alone
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		again, err := r.read()
		switch {
		case err != nil:
			return err
		case again:
			continue
		case !follow:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// A logReader reads a log of two files, of which the first takes the place of the second
// whenever it is full.
type logReader struct {
	path string
	each func([]byte) error
	file *os.File // was read up to at; nil if there is none yet
	at   int64
	last os.FileInfo // of the file that was read to its end; nil before
}

// read reads what there is, and says whether another file has taken the place of what was
// read.
func (r *logReader) read() (again bool, err error) {
	if r.file == nil {
		before, err := r.open()
		if err != nil {
			return false, err
		}
		if before != nil {
			_, err = readLog(before, r.each)
			if err = errors.Join(err, r.ended(before)); err != nil {
				return false, err
			}
		}
	}
	if r.file == nil {
		return false, nil
	}
	if _, err := r.file.Seek(r.at, io.SeekStart); err != nil {
		return false, fmt.Errorf("reading a log: %w", err)
	}
	// Which file has the name is asked first: what is written to the old one after it
	// was read is not missed.
	replaced := isReplaced(r.file, r.path)
	n, err := readLog(r.file, r.each)
	if r.at += n; err != nil || !replaced {
		return false, err
	}
	file := r.file
	r.file = nil
	return true, r.ended(file)
}

// open opens the file, and gives the one before it unless that was read. Files may change
// places at any time, once or more often: what is open is not missed.
func (r *logReader) open() (before *os.File, err error) {
	const most = 100 // they do so once in megabytes
	for range most {
		if r.file, err = openLog(r.path); err != nil {
			return nil, err
		}
		r.at = 0
		if before, err = openLog(r.path + oldLog); err != nil || before == nil {
			return nil, err
		}
		info, err := before.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reading a log: %w", err), before.Close())
		}
		if r.file == nil || isReplaced(r.file, r.path+oldLog) { // the usual: they are two files
			if r.last != nil && os.SameFile(info, r.last) {
				return nil, before.Close()
			}
			return before, nil
		}
		if err := errors.Join(before.Close(), r.file.Close()); err != nil {
			return nil, err
		}
		r.file = nil
	}
	return nil, fmt.Errorf("reading a log: %s and %s are one file: move them away", r.path, r.path+oldLog)
}

// ended closes a file that was read to its end.
func (r *logReader) ended(f *os.File) (err error) {
	if r.last, err = f.Stat(); err != nil {
		return errors.Join(fmt.Errorf("reading a log: %w", err), f.Close())
	}
	return f.Close()
}

// isReplaced says whether another file has an open file's name, or none.
func isReplaced(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(path)
	return err != nil && errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(open, named)
}
