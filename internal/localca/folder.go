package localca

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/doorwright/doorwright/internal/userdata"
)

// Names of what the folder holds.
const (
	certificateName = "doorwright-ca.pem"
	keyName         = "doorwright-ca-key.pem"
)

// maxFile is many times what a certificate takes.
const maxFile = 16 << 10

// makeFolder makes an authority, if no other process was faster.
func makeFolder(dir string, now time.Time) (made bool, err error) {
	der, key, err := authority(now)
	if err != nil {
		return false, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return false, err
	}
	return userdata.MakeFolder(dir, keyName, map[string][]byte{certificateName: encodeCertificate(der), keyName: keyPEM})
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
	if err := private(dir, info, userdata.FolderMode, anew); err != nil {
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
		if err := private(path, info, userdata.FileMode, fix); err != nil {
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
	if err := userdata.Private(info, mode); err != nil {
		return &Error{Path: path, Problem: err.Error(), Fix: fix}
	}
	return nil
}
