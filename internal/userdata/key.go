package userdata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	keyFolder = "key"
	keyName   = "doorwright-key"
	keyBytes  = 32
)

// A Key tells files in a project's folder that were written here from those that came
// with the repository: it is this user's on this machine, and nobody else can make its
// seals. Where there is none, and none can be made, what a Key has sealed itself is all
// that it knows.
type Key struct {
	project string

	mu     sync.Mutex // guards secret
	secret []byte     // nil until it is needed
}

// NewKey gives the user's key for the files of a project. Nothing is read before it is
// needed, and it is made when something is sealed for the first time.
func NewKey(project string) *Key { return &Key{project: project} }

// PassingKey gives a key that nobody has, and nobody will.
func PassingKey() *Key { return &Key{secret: newSecret()} }

func newSecret() []byte {
	secret := make([]byte, keyBytes)
	rand.Read(secret) // never fails
	return secret
}

// Seal gives the seal of data. What says what the data are, and for what: data that were
// sealed as something else are not taken for this.
func (k *Key) Seal(what string, data []byte) string { return seal(k.read(true), what, data) }

// Made says whether data have their seal.
func (k *Key) Made(what string, data []byte, given string) bool {
	secret := k.read(false)
	return secret != nil && hmac.Equal([]byte(given), []byte(seal(secret, what, data)))
}

// seal is an HMAC-SHA256 of the data behind a prefix that always has the same length.
func seal(secret []byte, what string, data []byte) string {
	name := sha256.Sum256([]byte(what))
	mac := hmac.New(sha256.New, secret)
	mac.Write(name[:])
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil))
}

// read gives the key; nil if there is none so far, unless something is to be sealed. That
// it cannot be had is no error: what it would save is done anew.
func (k *Key) read(sealing bool) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secret != nil {
		return k.secret
	}
	dir, err := Dir(keyFolder)
	if err == nil && !within(dir, k.project) {
		k.secret, err = readKey(dir)
		if errors.Is(err, fs.ErrNotExist) && sealing {
			if _, err := MakeFolder(dir, keyName, map[string][]byte{keyName: newSecret()}); err == nil {
				k.secret, _ = readKey(dir) // perhaps another process's
			}
		}
	}
	if k.secret == nil && sealing {
		k.secret = newSecret()
	}
	return k.secret
}

// readKey reads the key in a folder. One that others may read or write is none, and is
// not mended: they may have read it.
func readKey(dir string) ([]byte, error) {
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if err := Private(info, FolderMode); err != nil || !info.IsDir() {
		return nil, errors.Join(errors.New("it is no folder of one user"), err)
	}
	path := filepath.Join(dir, keyName)
	if info, err = os.Lstat(path); err != nil {
		return nil, errors.New("the folder has no key") // and can have none: it appears whole
	}
	if err := Private(info, FileMode); err != nil || !info.Mode().IsRegular() || info.Size() != keyBytes {
		return nil, errors.Join(errors.New("it is no key of one user"), err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New("the key cannot be read")
	}
	defer f.Close()
	secret := make([]byte, keyBytes)
	if _, err := io.ReadFull(f, secret); err != nil {
		return nil, errors.New("the key cannot be read")
	}
	return secret, nil
}

// within says whether the user's data are in the project, as where a home is a
// repository: then they may have come with it.
func within(dir, project string) bool {
	if project == "" {
		return false
	}
	if real, err := filepath.EvalSymlinks(project); err == nil {
		project = real
	}
	for at := dir; ; at = filepath.Dir(at) { // Of what does not exist yet, what is above.
		if real, err := filepath.EvalSymlinks(at); err == nil {
			rel, err := filepath.Rel(project, real)
			return err != nil || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
		}
		if at == filepath.Dir(at) {
			return true
		}
	}
}
