package localca

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Names of what the folder holds.
const (
	certificateName = "doorwright-ca.pem"
	keyName         = "doorwright-ca-key.pem"
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
	// maxFile is many times what a certificate takes.
	maxFile = 16 << 10
)

// makeFolder makes an authority. The folder appears whole, by a rename that
// fails where there is one already: who comes second takes that one, and says
// so by false.
func makeFolder(dir string, now time.Time) (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), folderMode); err != nil {
		return false, err
	}
	fresh := filepath.Join(filepath.Dir(dir), ".new-"+rand.Text())
	if err := os.Mkdir(fresh, folderMode); err != nil {
		return false, err
	}
	defer func() {
		if e := os.RemoveAll(fresh); err == nil { // if it was not renamed
			err = e
		}
	}()
	der, key, err := authority(now)
	if err != nil {
		return false, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return false, err
	}
	for name, data := range map[string][]byte{certificateName: encodeCertificate(der), keyName: keyPEM} {
		if err := writeNew(filepath.Join(fresh, name), data); err != nil {
			return false, err
		}
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, e := os.Lstat(filepath.Join(dir, keyName)); e == nil {
			return false, nil // Another process was faster.
		}
		return false, err
	}
	return true, nil
}

// writeNew writes a file that waits for the disk: half a key is no key, and
// trusting another one is work.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// read reads the authority in a folder. A folder or a key that others may read
// is refused, and not mended: they may have read it, and what they can sign a
// user of the machine trusts.
func read(dir string, now time.Time) (*CA, error) {
	anew := fmt.Sprintf("delete %s, have no program trust the old authority any more, and run `doorwright trust` for a new one", dir)
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &Error{Path: dir, Problem: "is not a folder", Fix: "move it away: a file or a symbolic link cannot hold the authority"}
	}
	if err := private(dir, info, folderMode, anew); err != nil {
		return nil, err
	}
	der, err := readBlock(filepath.Join(dir, certificateName), certificateBlock, anew)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, &Error{Path: filepath.Join(dir, certificateName), Problem: "is damaged", Fix: anew, Err: err}
	}
	der, err = readBlock(filepath.Join(dir, keyName), keyBlock, anew)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		// The parser's error may quote the key.
		return nil, &Error{Path: filepath.Join(dir, keyName), Problem: "is damaged", Fix: anew}
	}
	if err := check(certificate, key, now); err != nil {
		return nil, &Error{Path: dir, Problem: "cannot be used", Fix: anew, Err: err}
	}
	return &CA{dir: dir, certificate: certificate, key: key}, nil
}

// readBlock reads a file of the folder that is one PEM block.
func readBlock(path, blockType, fix string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, &Error{Path: path, Problem: "cannot be read", Fix: fix, Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Problem: "is not a regular file", Fix: fix}
	}
	if blockType == keyBlock {
		if err := private(path, info, fileMode, fix); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Path: path, Problem: "cannot be read", Fix: fix, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, &Error{Path: path, Problem: "cannot be read", Fix: fix, Err: err}
	}
	der, err := decode(data, blockType)
	if err != nil {
		return nil, &Error{Path: path, Problem: "is damaged", Fix: fix, Err: err}
	}
	return der, nil
}

// private refuses what anybody but its owner may read or write.
func private(path string, info fs.FileInfo, mode fs.FileMode, fix string) error {
	// Windows has no such bits; the folder is below the user's profile.
	if runtime.GOOS == "windows" || info.Mode().Perm()&^mode == 0 {
		return nil
	}
	return &Error{
		Path: path, Problem: fmt.Sprintf("has mode %04o, so that others may have taken the key", info.Mode().Perm()), Fix: fix,
	}
}
