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
