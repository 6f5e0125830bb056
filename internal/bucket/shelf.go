package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// shelf keeps bytes in files that are written once, named by random ids. Which
// of them are anything is for the database to say.
//
// A file is not deleted for as long as somebody reads who may have seen a row
// that refers to it: who reads enters first, and what is discarded waits for
// all those who were inside then.
type shelf struct {
	dir string
	// create makes a file; tests replace it with one on a disk that fails.
	create func(path string) (file, error)

	mu sync.Mutex
	// Guarded by mu.
	next    uint64
	inside  map[uint64]struct{} // readers, by when they entered
	discard []discarded         // oldest first
}

// file is what is written: *os.File but in tests.
type file interface {
	io.WriteCloser
	Sync() error
}

// discarded is a file to delete once all have left who entered before.
type discarded struct {
	at   uint64
	blob string
}

func newShelf(dir string) *shelf {
	return &shelf{dir: dir, inside: map[uint64]struct{}{}, create: func(path string) (file, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}}
}

// path gives the path of a blob, whose id is ours: 32 hexadecimal digits.
func (s *shelf) path(blob string) string { return filepath.Join(s.dir, blob[:2], blob) }

// open makes the folder and deletes the files that nothing refers to: those of
// writes that a crash cut off, and of deletions that it came before.
func (s *shelf) open(known map[string]struct{}) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !folder.IsDir() {
			continue // not ours; a link is not followed
		}
		files, err := os.ReadDir(filepath.Join(s.dir, folder.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			if _, ok := known[f.Name()]; ok || !isBlob(f.Name()) {
				continue
			}
			if err := removeFile(filepath.Join(s.dir, folder.Name(), f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func isBlob(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == 16
}

// write keeps what from gives and names it. When it returns, the bytes are on
// the disk; after an error nothing is left of them.
func (s *shelf) write(ctx context.Context, from io.Reader) (blob string, size int64, err error) {
	var id [16]byte
	rand.Read(id[:])
	blob = hex.EncodeToString(id[:])
	path := s.path(blob)
	f, err := s.create(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", 0, fmt.Errorf("writing an object's file: %w", err)
		}
		f, err = s.create(path)
	}
	if err != nil {
		return "", 0, fmt.Errorf("writing an object's file: %w", err)
	}
	size, err = io.CopyBuffer(onlyWriter{f}, contextReader{ctx, from}, make([]byte, 128<<10))
	if err == nil {
		if err = f.Sync(); err != nil {
			err = fmt.Errorf("writing an object's file: %w", err)
		}
	}
	if e := f.Close(); err == nil && e != nil {
		err = fmt.Errorf("writing an object's file: %w", e)
	}
	if err != nil {
		return "", 0, errors.Join(err, removeFile(path))
	}
	return blob, size, nil
}

// onlyWriter hides ReadFrom, which would read past the buffer, and says whose
// an error of writing is.
type onlyWriter struct{ w io.Writer }

func (o onlyWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = fmt.Errorf("writing an object's file: %w", err)
	}
	return n, err
}

// contextReader ends with ctx.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// enter notes a reader, before it looks for rows. leave must be called once.
func (s *shelf) enter() (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.next
	s.next++
	s.inside[at] = struct{}{}
	return func() { s.leave(at) }
}

func (s *shelf) leave(at uint64) {
	s.mu.Lock()
	delete(s.inside, at)
	gone := s.ripe()
	s.mu.Unlock()
	s.remove(gone)
}

// drop deletes files that no row refers to any more, as soon as nobody reads
// them.
func (s *shelf) drop(blobs ...string) {
	if len(blobs) == 0 {
		return
	}
	s.mu.Lock()
	for _, b := range blobs {
		s.discard = append(s.discard, discarded{s.next, b})
	}
	s.next++
	gone := s.ripe()
	s.mu.Unlock()
	s.remove(gone)
}

// ripe takes from discard what nobody can be reading. The caller holds mu.
func (s *shelf) ripe() (gone []discarded) {
	oldest := s.next
	for at := range s.inside {
		oldest = min(oldest, at)
	}
	n := 0
	for n < len(s.discard) && s.discard[n].at <= oldest {
		n++
	}
	gone = s.discard[:n:n]
	s.discard = s.discard[n:]
	return gone
}

// remove deletes files. One that cannot be deleted now is deleted by the next
// Open.
func (s *shelf) remove(gone []discarded) {
	for _, d := range gone {
		_ = removeFile(s.path(d.blob))
	}
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// reader reads length bytes of segments from offset on. It has one file open at
// a time. The caller has entered.
func (s *shelf) reader(segments []segment, offset, length int64) *segmentReader {
	return &segmentReader{shelf: s, segments: segments, offset: offset, left: length}
}

// segmentReader reads the bytes of segments, one after another.
type segmentReader struct {
	shelf    *shelf
	segments []segment
	offset   int64 // to skip, in the segments that are left
	left     int64
	f        *os.File
	inFile   int64 // left of f
}

func (r *segmentReader) Read(p []byte) (int, error) {
	for r.left > 0 && r.inFile == 0 {
		if err := r.advance(); err != nil {
			return 0, err
		}
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left, r.inFile)]
	n, err := r.f.Read(p)
	r.left -= int64(n)
	r.inFile -= int64(n)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("reading an object's file: %s is shorter than it was: %w", r.f.Name(), io.ErrUnexpectedEOF)
	}
	return n, err
}

// advance opens the next segment's file where there is something to read.
func (r *segmentReader) advance() error {
	if err := r.Close(); err != nil {
		return err
	}
	if len(r.segments) == 0 {
		return fmt.Errorf("reading an object: %w", io.ErrUnexpectedEOF)
	}
	next := r.segments[0]
	r.segments = r.segments[1:]
	if r.offset >= next.size {
		r.offset -= next.size
		return nil
	}
	f, err := os.Open(r.shelf.path(next.blob))
	if err != nil {
		return fmt.Errorf("reading an object's file: %w", err)
	}
	r.f = f
	if _, err := f.Seek(r.offset, io.SeekStart); err != nil {
		return fmt.Errorf("reading an object's file: %w", err)
	}
	r.inFile, r.offset = next.size-r.offset, 0
	return nil
}

// Close closes the file that is open.
func (r *segmentReader) Close() error {
	if r.f == nil {
		return nil
	}
	f := r.f
	r.f, r.inFile = nil, 0
	return f.Close()
}
