package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FolderName is the folder beside the declaration in which every stage has its
// own folder.
const FolderName = ".doorwright"

// Path gives the folder of an app's stage: DIR/.doorwright/STAGE. It touches
// nothing.
func Path(appDir, stage string) string {
	return filepath.Join(appDir, FolderName, stage)
}

// Names of what a stage's folder holds. Callers of [Stage.WriteFile] cannot
// use them.
const (
	databaseName = "state.db"
	lockName     = "lock"
	mailboxName  = "mailbox"
	ignoreName   = ".gitignore"
)

// Durability says what a commit waits for.
type Durability string

const (
	// DurabilityNormal hands a commit to the operating system. It survives the
	// death of the process; a power cut may lose the last commits. It is the
	// default, because a stage is a development environment.
	DurabilityNormal Durability = "NORMAL"
	// DurabilityFull waits for the disk at each commit.
	DurabilityFull Durability = "FULL"
)

// Options are the settings of [Open]. The zero value is usable.
type Options struct {
	// Migrations are the rooms' migrations, each room's from version 1 on
	// without a gap. Their order is the order in which they are applied.
	Migrations []Migration
	// Durability says what a commit waits for. The default is DurabilityNormal.
	Durability Durability
	// Command is what another process is told of the holder of the stage. The
	// default is this process's command line.
	Command string
	// MailboxLimit is how many messages the mailbox keeps. The default is 1000.
	MailboxLimit int
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Begin is what [Empty] gave: a new stage begins with it in the place of an
	// empty file. The default is none.
	Begin []byte
}

// validate names every bad option at once and gives the options with their
// defaults.
func (o Options) validate() (Options, error) {
	var bad []error
	switch o.Durability {
	case "":
		o.Durability = DurabilityNormal
	case DurabilityNormal, DurabilityFull:
	default:
		bad = append(bad, fmt.Errorf("unknown Durability %q", o.Durability))
	}
	switch {
	case o.MailboxLimit < 0:
		bad = append(bad, fmt.Errorf("MailboxLimit %d is negative", o.MailboxLimit))
	case o.MailboxLimit == 0:
		o.MailboxLimit = 1000
	}
	if err := checkMigrations(o.Migrations); err != nil {
		bad = append(bad, err)
	}
	if o.Command == "" {
		o.Command = strings.Join(append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...), " ")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, errors.Join(bad...)
}

// Stage is the open state of one stage. Its methods may be called from any
// goroutine.
type Stage struct {
	dir     string
	lock    *lock
	db      *DB
	mailbox *Mailbox
	close   func() error // does its work once
}

// Open opens the stage's folder, creating it if need be, and takes its lock. It
// brings the database up to the given migrations.
//
// The folder's parent must exist, or the folder's grandparent if the parent is
// called .doorwright (see [Path]).
//
// Open fails with a *[HeldError] if another process, or another Stage of this
// process, holds the folder, and with an *[Error] that carries the fix for what
// a user can mend: a damaged database, one written by a newer doorwright, a
// folder that cannot be written, a full disk.
func Open(ctx context.Context, dir string, opts Options) (*Stage, error) {
	opts, err := opts.validate()
	if err != nil {
		return nil, fmt.Errorf("opening stage state %s: %w", dir, err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening stage state %s: %w", dir, err)
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("opening stage state %s: %w", dir, explain(dir, err))
	}
	l, err := takeLock(dir, holder{PID: os.Getpid(), Command: opts.Command, Since: opts.Now()})
	if err != nil {
		return nil, fmt.Errorf("opening stage state %s: %w", dir, explain(dir, err))
	}
	s := &Stage{dir: dir, lock: l}
	s.close = sync.OnceValue(s.closeAll)
	if err := s.open(ctx, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("opening stage state %s: %w", dir, explain(dir, err)), s.Close())
	}
	return s, nil
}

// open opens what the lock protects.
func (s *Stage) open(ctx context.Context, opts Options) error {
	if err := sweep(s.dir); err != nil {
		return err
	}
	var err error
	if s.mailbox, err = openMailbox(filepath.Join(s.dir, mailboxName), opts.MailboxLimit, opts.Now); err != nil {
		return err
	}
	if err := checkMark(s.dir); err != nil {
		return err
	}
	if err := beginWith(s.dir, opts.Begin); err != nil {
		return fmt.Errorf("beginning the database: %w", err)
	}
	if s.db, err = openDB(ctx, filepath.Join(s.dir, databaseName), opts.Durability); err != nil {
		return err
	}
	if err := migrate(ctx, s.db, append(ownMigrations(), opts.Migrations...), opts.Now); err != nil {
		return err
	}
	return markOpen(s.dir)
}

// DB gives the database.
func (s *Stage) DB() *DB { return s.db }

// Dir gives the folder's absolute path.
func (s *Stage) Dir() string { return s.dir }

// Mailbox gives the mailbox.
func (s *Stage) Mailbox() *Mailbox { return s.mailbox }

// Close waits for the transactions that run, closes the database and gives the
// lock back. Transactions begun afterwards fail with [ErrClosed]. Close may be
// called more than once; it must not be called from within a transaction.
func (s *Stage) Close() error { return s.close() }

func (s *Stage) closeAll() error {
	var err error
	if s.db != nil {
		err = s.db.close()
	}
	// The lock goes last: whoever takes it finds a closed database.
	return errors.Join(err, s.lock.release())
}
