package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// SealingKeyLength is the length of a sealing key, in bytes.
const SealingKeyLength = 32

const (
	maxKeyFile = 4096
	// minDistinctBytes distinguishes a random key from a placeholder: 32 random bytes
	// practically never have fewer different values than this.
	minDistinctBytes = 8
)

var errSealingKey = fmt.Errorf("a sealing key is %d random bytes in base64, base64url or hexadecimal; `openssl rand -base64 %d` makes one",
	SealingKeyLength, SealingKeyLength)

// NewSealingKey returns a random sealing key in base64url.
func NewSealingKey() Redacted { return New() }

// ParseSealingKey reads a key of 32 bytes from hexadecimal, or from base64 or
// base64url with or without padding; surrounding white space is ignored. A
// key that is obviously not random, such as all zeros, is refused. The error does
// not contain the text.
func ParseSealingKey(encoded Redacted) ([SealingKeyLength]byte, error) {
	text := strings.TrimSpace(encoded.Reveal())
	var (
		key []byte
		err error
	)
	// The lengths can't be confused: 64 digits of hexadecimal, 43 or 44 characters of base64.
	if len(text) == hex.EncodedLen(SealingKeyLength) {
		key, err = hex.DecodeString(text)
	} else {
		unpadded := strings.TrimSuffix(text, "=")
		if strings.ContainsAny(unpadded, "\r\n") { // which the decoder would skip
			return [SealingKeyLength]byte{}, errSealingKey
		}
		alphabet := strings.NewReplacer("-", "+", "_", "/")
		key, err = base64.RawStdEncoding.Strict().DecodeString(alphabet.Replace(unpadded))
	}
	if err != nil || len(key) != SealingKeyLength {
		return [SealingKeyLength]byte{}, errSealingKey
	}
	distinct := map[byte]struct{}{}
	for _, value := range key {
		distinct[value] = struct{}{}
	}
	if len(distinct) < minDistinctBytes {
		return [SealingKeyLength]byte{}, errSealingKey
	}
	return [SealingKeyLength]byte(key), nil
}

// LoadOrCreateSealingKey returns the sealing key in the file at path. If there is none, it
// creates the directory, the file and the key. A reader of the file can read every sealed
// secret, so only the owner may: a file that others can read is refused. A file without a
// valid key is an error and never overwritten.
//
// It is safe to call from several processes at once: all get the same key.
func LoadOrCreateSealingKey(path string) (Redacted, error) {
	key, err := loadSealingKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createSealingKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Redacted{}, fmt.Errorf("create the sealing key: %w", err)
	}
	// Read it back in any case: the file decides, and another process may
	// have created it first.
	return loadSealingKey(path)
}

func loadSealingKey(path string) (Redacted, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return Redacted{}, fmt.Errorf("read the sealing key: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat() // of the open file, so that the check is on the file that is read
	if err != nil {
		return Redacted{}, fmt.Errorf("read the sealing key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Redacted{}, fmt.Errorf("read the sealing key: %s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return Redacted{}, fmt.Errorf("read the sealing key: others can use the file %s (mode %04o): run `chmod 600 %s`, and replace the key if it may have been read", path, mode, path)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return Redacted{}, fmt.Errorf("read the sealing key: %w", err)
	}
	key := FromString(string(bytes.TrimSpace(content)))
	if _, err := ParseSealingKey(key); err != nil {
		return Redacted{}, fmt.Errorf("read the sealing key in %s: %w", path, err)
	}
	return key, nil
}

// createSealingKey writes a new key to a temporary file beside path, created with O_EXCL,
// and links it to path when it is on the disk. A link fails if path exists, and
// unlike a file that is opened with O_EXCL and then written, it never exposes half a
// key, neither to another process nor after a crash.
func createSealingKey(path string) error {
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(directory, ".sealing-key-*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(NewSealingKey().Reveal() + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); err != nil {
		return err
	}
	return syncDirectory(directory)
}

// syncDirectory makes a new name survive a loss of power.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" { // directories can't be synced there
		return nil
	}
	directory, err := os.Open(path) //nolint:gosec // the parent of a file that the operator names
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
