package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"easel"
)

const masterKeySize = 32

// ParseMasterKey decodes a master key: 64 hex digits.
func ParseMasterKey(s string) ([]byte, error) {
	key, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(key) != masterKeySize {
		return nil, easel.E(easel.Invalid, "master key", "a master key is %d hex digits", 2*masterKeySize)
	}
	return key, nil
}

// LoadMasterKey reads the master key from path, and makes one with mode 0600
// when there is no file. A file that others could read is refused: Invalid
// "master key".
func LoadMasterKey(path string) ([]byte, error) {
	key, err := readMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := writeMasterKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	return readMasterKey(path) // another process may have been first: its key counts
}

func readMasterKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, easel.E(easel.Invalid, "master key", "%s has mode %04o: others could read every secret; make it 0600", path, info.Mode().Perm())
	}
	text := make([]byte, 256)
	n, err := f.Read(text)
	if err != nil {
		return nil, easel.E(easel.Invalid, "master key", "%s cannot be read; restore it from the backup", path).Because(err)
	}
	// Who made it may have been killed before its entry was synced, and from now on secrets depend on it.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("keep the master key: %w", err)
	}
	return ParseMasterKey(string(text[:n]))
}

// writeMasterKey makes the file under another name first: nobody may read half
// a key, and linking, unlike renaming, never replaces one.
func writeMasterKey(path string) error {
	key := make([]byte, masterKeySize)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".master.key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// errWrongMasterKey is the cause when a sealed value does not open.
var errWrongMasterKey = errors.New("a stored secret does not open: the master key is not the one this database was made with")

// seal encrypts secret with AES-256-GCM. name, which need not be secret, is
// bound to it: a sealed value does not open under another name.
func (s *Service) seal(name, secret string) ([]byte, error) {
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(secret), []byte(name)), nil
}

func (s *Service) open(name string, sealed []byte) (string, error) {
	aead, err := s.aead()
	if err != nil {
		return "", err
	}
	secret, err := aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return "", errWrongMasterKey
	}
	return string(secret), nil
}

// Seal encrypts a secret of another service with the master key, bound to
// name; Open decrypts it under the same name.
func (s *Service) Seal(name, secret string) ([]byte, error) { return s.seal(name, secret) }

// Open returns what Seal sealed under name.
func (s *Service) Open(name string, sealed []byte) (string, error) { return s.open(name, sealed) }

// aead prepends a random nonce to what it seals.
func (s *Service) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.o.MasterKey)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
