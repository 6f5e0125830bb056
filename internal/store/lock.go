package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// errLocked is what tryLock reports when another holder has the lock.
var errLocked = errors.New("the lock is taken")

// maxHolder bounds what is read of the lock file.
const maxHolder = 4096

// holder is what the lock file says of its holder. It informs only: what
// counts is the operating system's lock on the file, which ends with the
// process that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// lock is the held lock of a stage's folder. Its file is deleted by Remove alone,
// while it is held. Whoever had opened it before that holds nothing: two
// processes could otherwise hold locks on two files of the same name.
type lock struct {
	file *os.File // nil once released
}

// takeLock takes the folder's lock, or fails with a *HeldError at once.
func takeLock(dir string, h holder) (*lock, error) {
	path := filepath.Join(dir, lockName)
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("taking the stage's lock: %w", err)
	}
	// The Go runtime opens files close-on-exec, so no child keeps the lock.
	f, err := os.OpenFile(path, os.O_RDWR, fileMode)
	if err != nil {
		return nil, fmt.Errorf("taking the stage's lock: %w", err)
	}
	err = tryLock(f)
	if err == nil {
		err = checkSame(f, path)
	}
	if err == nil {
		err = writeHolder(f, h)
	}
	if errors.Is(err, errLocked) {
		err = heldError(dir, f, h.Since)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("taking the stage's lock: %w", err)
	}
	return &lock{file: f}, nil
}

// checkSame refuses a lock on a file that was deleted before it was locked.
func checkSame(f *os.File, path string) error {
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(ours, named) {
		return &Error{Path: filepath.Dir(path), Problem: "was just removed", Fix: "start again"}
	}
	return err
}

// release gives the lock back by closing the file.
func (l *lock) release() error {
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Truncate(0), l.file.Close())
	l.file = nil
	if err != nil {
		return fmt.Errorf("releasing the stage's lock: %w", err)
	}
	return nil
}

func writeHolder(f *os.File, h holder) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if len(h.Command) > maxHolder/8 {
		h.Command = h.Command[:maxHolder/8]
	}
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(data, '\n'), 0)
	return err
}

// heldError names the holder. A file that cannot be read (its holder is just
// writing it) gives an error without a name.
func heldError(dir string, f *os.File, now time.Time) error {
	held := &HeldError{Dir: dir, now: now}
	var h holder
	data, err := io.ReadAll(io.LimitReader(f, maxHolder))
	if err == nil && json.Unmarshal(data, &h) == nil {
		held.PID, held.Command, held.Since = h.PID, h.Command, h.Since
	}
	return held
}
