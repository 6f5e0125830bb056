package bucket

import (
	"io/fs"
	"os"
)

// FailFiles has the room's files fail at a step: create, write, sync or close.
// "" has them work again.
func FailFiles(s *Service, at string, cause error) {
	work := newShelf(s.cfg.Dir).create
	s.shelf.create = func(path string) (file, error) {
		if at == "create" {
			return nil, &fs.PathError{Op: "open", Path: path, Err: cause}
		}
		f, err := work(path)
		if err != nil || at == "" {
			return f, err
		}
		return failing{f.(*os.File), at, cause}, nil
	}
}

type failing struct {
	*os.File
	at    string
	cause error
}

func (f failing) Write(p []byte) (int, error) {
	if f.at == "write" {
		f.File.Write(p[:len(p)/2])
		return len(p) / 2, f.cause
	}
	return f.File.Write(p)
}

func (f failing) Sync() error {
	if f.at == "sync" {
		return f.cause
	}
	return f.File.Sync()
}

func (f failing) Close() error {
	err := f.File.Close()
	if f.at == "close" {
		return f.cause
	}
	return err
}
