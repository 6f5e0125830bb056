package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrClosed is the error of every call on a closed stage.
var ErrClosed = errors.New("the stage is closed")

// Error is a problem with the state that the user can mend.
type Error struct {
	// Path is the file or folder that it is about.
	Path string
	// Problem says what is wrong with it.
	Problem string
	// Fix says what to do.
	Fix string
	// Err is the cause, if there is one.
	Err error
}

// Error gives the problem and its cause. The fix is apart, in Hint.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s %s: %v", e.Path, e.Problem, e.Err)
	}
	return e.Path + " " + e.Problem
}

// Hint says what to do.
func (e *Error) Hint() string { return e.Fix }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// HeldError says that the stage is held: by another process, or by another
// Stage of this one.
type HeldError struct {
	// Dir is the stage's folder; its last element is the stage's name.
	Dir string
	// PID is the holder's process id, or 0 if the holder has not yet said who
	// it is.
	PID int
	// Command is the holder's command line.
	Command string
	// Since is when it took the stage.
	Since time.Time

	now time.Time // when we were refused
}

// Error says who holds the stage and since when, in local time.
func (e *HeldError) Error() string {
	stage := filepath.Base(e.Dir)
	if e.PID == 0 {
		return fmt.Sprintf("stage %s is held by another process", stage)
	}
	since := e.Since.Local()
	layout := "15:04"
	if e.now.Sub(e.Since) >= 24*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return fmt.Sprintf("stage %s is held by process %d (%s) since %s", stage, e.PID, e.Command, since.Format(layout))
}

// Hint says what to do.
func (e *HeldError) Hint() string {
	return "stop that process, or start another stage with --stage NAME"
}

// Explain gives an error of a file in the stage's folder the fix that an error
// of the store has, if there is one: for what others keep there.
func (s *Stage) Explain(err error) error { return explain(s.dir, err) }

// explain turns what the operating system and SQLite report of a state that
// the user can mend into an *Error. Everything else passes unchanged.
func explain(dir string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var code, extended int
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		extended = e.Code()
		code = extended & 0xff // The low byte is the primary result code.
	}
	switch {
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB:
		return damaged(dir, err)
	case code == sqlite3.SQLITE_FULL, extended == sqlite3.SQLITE_IOERR_SHMSIZE, errors.Is(err, syscall.ENOSPC):
		return &Error{Path: dir, Problem: "cannot grow", Fix: "the disk is full: make room on it and try again", Err: err}
	case code == sqlite3.SQLITE_IOERR, errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &Error{Path: dir, Problem: "cannot be read or written", Fix: "look at the disk and at your user's quota and limit of file sizes, then try again", Err: err}
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN, code == sqlite3.SQLITE_PERM,
		errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &Error{Path: dir, Problem: "cannot be written", Fix: "give your user write permission on the folder and all files in it", Err: err}
	case code == sqlite3.SQLITE_BUSY:
		return &Error{Path: dir, Problem: "is locked", Fix: "another program has " + databaseName + " open for writing: close it", Err: err}
	}
	return err
}

// damaged is the error of a database that cannot be trusted any more.
func damaged(dir string, err error) error {
	return &Error{
		Path:    dir,
		Problem: "is damaged",
		Fix:     fmt.Sprintf("move %s away and start again: the stage begins afresh from the declaration, without its users", dir),
		Err:     err,
	}
}
