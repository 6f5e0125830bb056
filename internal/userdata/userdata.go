// Package userdata is the folder of a user's own data on this machine: what belongs to
// no project and should go nowhere. It owns where that is, how a folder of secrets
// appears there, and the key by which Doorwright knows its own files again.
package userdata

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Modes of a folder of secrets and of every file in it.
const (
	FolderMode fs.FileMode = 0o700
	FileMode   fs.FileMode = 0o600
)

// Dir is the folder of that name in the user's data. Those are not the configuration,
// which many keep in a repository or carry from machine to machine.
func Dir(name string) (string, error) {
	const ours = "doorwright"
	switch runtime.GOOS {
	case "windows": // %LocalAppData%, which does not roam
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, ours, name), nil
	case "darwin", "ios": // ~/Library/Application Support
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, ours, name), nil
	}
	// https://specifications.freedesktop.org/basedir/latest/: a relative path is
	// to be ignored.
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, ours, name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share", ours, name), nil
}

// MakeFolder makes a folder of secrets with these files. It appears whole, by a rename
// that fails where there is one already, which has a file of the name key: who comes
// second takes that one, and says so by false.
func MakeFolder(dir, key string, files map[string][]byte) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), FolderMode); err != nil {
		return false, err
	}
	fresh := filepath.Join(filepath.Dir(dir), ".new-"+rand.Text())
	if err := os.Mkdir(fresh, FolderMode); err != nil {
		return false, err
	}
	defer func() {
		if e := os.RemoveAll(fresh); err == nil { // if it was not renamed
			err = e
		}
	}()
	for name, data := range files {
		if err := writeNew(filepath.Join(fresh, name), data); err != nil {
			return false, err
		}
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, e := os.Lstat(filepath.Join(dir, key)); e == nil {
			return false, nil // Another process was faster.
		}
		return false, err
	}
	return true, nil
}

// writeNew writes a file that waits for the disk: half a key is no key.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Private says what is wrong with a file or folder that anybody but its owner may read
// or write.
func Private(info fs.FileInfo, mode fs.FileMode) error {
	// Windows has no such bits; the folder is below the user's profile.
	if runtime.GOOS == "windows" || info.Mode().Perm()&^mode == 0 {
		return nil
	}
	return fmt.Errorf("has mode %04o, so that others may have taken the key", info.Mode().Perm())
}
