package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Modes of the folder and of every file in it.
const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// makeFolder makes the stage's folder with its .gitignore and tightens the
// mode of one that is already there.
func makeFolder(dir string) error {
	ignored := dir
	if parent := filepath.Dir(dir); filepath.Base(parent) == FolderName {
		if err := makePrivate(parent); err != nil {
			return err
		}
		ignored = parent
	}
	if err := makePrivate(dir); err != nil {
		return err
	}
	return ignore(ignored)
}

// Folder makes a private folder below appDir's [FolderName] that is no stage's, of one name
// or one in the other, and gives its path. A link in the place of one of them, or anywhere
// in it, is refused.
func Folder(appDir string, names ...string) (string, error) {
	path := filepath.Join(appDir, FolderName)
	err := makePrivate(path)
	if err == nil {
		err = ignore(path)
	}
	for _, name := range names {
		if err == nil {
			path = filepath.Join(path, name)
			err = makePrivate(path)
		}
	}
	if err == nil && len(names) > 0 {
		err = refuseLinks(path, "")
	}
	if err != nil {
		return "", explain(path, err)
	}
	return path, nil
}

// Folder makes a private folder in the stage's, and gives its path. A link in its place,
// or anywhere in it but below unread, is refused.
func (s *Stage) Folder(name, unread string) (string, error) {
	path := filepath.Join(s.dir, name)
	err := makePrivate(path)
	if err == nil {
		err = refuseLinks(path, filepath.Join(path, unread))
	}
	if err != nil {
		return "", explain(path, err)
	}
	return path, nil
}

// refuseLinks refuses a folder that has a symbolic link in it, but for what is below unread.
// What is written and forgotten there by its name would be a file of the user's elsewhere.
func refuseLinks(dir, unread string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("looking for links: %w", err)
		case e.Type()&fs.ModeSymlink != 0:
			return &Error{Path: path, Problem: "is a symbolic link", Fix: fmt.Sprintf("doorwright makes none there; move %s away", path)}
		case e.IsDir() && path == unread && path != dir:
			return fs.SkipDir
		}
		return nil
	})
}

// makePrivate makes one folder with mode 0700, or gives that mode to the one
// that is there. A symbolic link is refused: a cloned repository may bring one
// that points at another folder of the user's.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	if !info.IsDir() {
		return &Error{
			Path:    dir,
			Problem: "is not a folder",
			Fix:     fmt.Sprintf("a stage's state lives in a real folder, not a file or a symbolic link; move %s away", dir),
		}
	}
	return tighten(dir, info, folderMode)
}

// tighten takes from a file or folder the permissions that mode does not have.
func tighten(path string, info fs.FileInfo, mode fs.FileMode) error {
	// Windows has no such bits: Go reports them from the read-only attribute.
	if runtime.GOOS == "windows" || info.Mode().Perm() == mode {
		return nil
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("tightening permissions: %w", err)
	}
	return nil
}

// ignore keeps a folder out of the user's repository, whatever the user's own
// .gitignore says. One that is there is left alone.
func ignore(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ignoreName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", ignoreName, err)
	}
	_, err = f.WriteString("*\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", ignoreName, err)
	}
	return nil
}

// makeFile makes an empty file of mode 0600 if there is none, and gives that
// mode to the one that is there.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &Error{
			Path:    path,
			Problem: "is not a regular file",
			Fix:     fmt.Sprintf("move %s away", path),
		}
	}
	return tighten(path, info, fileMode)
}
