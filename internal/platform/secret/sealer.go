package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A sealed value is
//
//	version (1 byte) | key id (8 bytes) | nonce (12 bytes) | ciphertext and tag (16 bytes)
//
// under AES-256-GCM (NIST SP 800-38D) with a random nonce. With 96 random bits one
// key is good for 2^32 values (section 8.3), far more than the secrets of one server.
const (
	sealedVersion = 1
	keyIDLength   = 8
	headerLength  = 1 + keyIDLength

	// MaxSealedPlaintext bounds what is sealed, in bytes.
	MaxSealedPlaintext = 64 << 10
	maxPlaceField      = 255
)

// The reasons why a sealed value does not open.
var (
	// ErrUnknownSealingKey means that the value was sealed under a key that the
	// sealer doesn't have.
	ErrUnknownSealingKey = errors.New("sealed under a key that is not among the sealing keys")
	// ErrNotSealedHere means that the value was altered, is damaged, or was
	// sealed for another place.
	ErrNotSealedHere = errors.New("the sealed value was altered or belongs to another place")
)

// Place is where a sealed value is kept. It is authenticated with the value, so
// that a value copied to another row, column or table does not open there.
type Place struct {
	Table  string
	Column string
	Row    string // the primary key as text
}

// Sealer encrypts values for the database. It is safe for concurrent use.
type Sealer struct {
	current keyID
	ciphers map[keyID]cipher.AEAD
}

type keyID [keyIDLength]byte

// NewSealer returns a sealer that seals with the first key and opens with any of them,
// so that a key is replaced by putting the new one in front of it. The keys have the form
// that [ParseSealingKey] reads; an error never contains one.
func NewSealer(keys ...Redacted) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("make a sealer: no sealing key")
	}
	sealer := &Sealer{ciphers: make(map[keyID]cipher.AEAD, len(keys))}
	for i, encoded := range keys {
		key, err := ParseSealingKey(encoded)
		if err != nil {
			return nil, fmt.Errorf("read sealing key %d of %d: %w", i+1, len(keys), err)
		}
		id := idOf(key)
		if _, duplicate := sealer.ciphers[id]; duplicate {
			return nil, fmt.Errorf("sealing key %d of %d is there twice", i+1, len(keys))
		}
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return nil, fmt.Errorf("prepare sealing key %d: %w", i+1, err)
		}
		if sealer.ciphers[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("prepare sealing key %d: %w", i+1, err)
		}
		if i == 0 {
			sealer.current = id
		}
	}
	return sealer, nil
}

// idOf returns an identifier of a key that reveals nothing about it: the key has 256 bits, and
// the prefix keeps the hash apart from any other use of the key.
func idOf(key [SealingKeyLength]byte) keyID {
	hash := sha256.New()
	_, _ = hash.Write([]byte("authly sealing key id 1\x00"))
	_, _ = hash.Write(key[:])
	return keyID(hash.Sum(nil)[:keyIDLength])
}

// Seal encrypts plaintext for the place. Sealing the same twice gives different values.
func (s *Sealer) Seal(place Place, plaintext []byte) ([]byte, error) {
	bound, err := place.encode()
	if err != nil {
		return nil, fmt.Errorf("seal a value: %w", err)
	}
	if len(plaintext) > MaxSealedPlaintext {
		return nil, fmt.Errorf("seal a value of %s: %d bytes are more than %d", place, len(plaintext), MaxSealedPlaintext)
	}
	aead := s.ciphers[s.current]
	sealed := make([]byte, 0, headerLength+len(plaintext)+aead.Overhead())
	sealed = append(sealed, sealedVersion)
	sealed = append(sealed, s.current[:]...)
	return aead.Seal(sealed, nil, plaintext, bound), nil //nolint:gosec // the cipher makes the nonce itself
}

// Open decrypts a value that was sealed for the same place. The error is
// [ErrUnknownSealingKey] or [ErrNotSealedHere], and contains nothing of the value.
func (s *Sealer) Open(place Place, sealed []byte) ([]byte, error) {
	bound, err := place.encode()
	if err != nil {
		return nil, fmt.Errorf("open a sealed value: %w", err)
	}
	id, body, err := split(sealed)
	if err != nil {
		return nil, fmt.Errorf("open a sealed value of %s: %w", place, err)
	}
	aead, ok := s.ciphers[id]
	if !ok {
		return nil, fmt.Errorf("open a sealed value of %s: key %x: %w", place, id, ErrUnknownSealingKey)
	}
	plaintext, err := aead.Open(nil, nil, body, bound)
	if err != nil {
		return nil, fmt.Errorf("open a sealed value of %s: %w", place, ErrNotSealedHere)
	}
	return plaintext, nil
}

// IsCurrent reports whether a value is sealed under the first key. If not,
// it has to be resealed before its key is removed.
func (s *Sealer) IsCurrent(sealed []byte) bool {
	id, _, err := split(sealed)
	return err == nil && id == s.current
}

// Format keeps fmt from printing the ciphers and their round keys.
func (*Sealer) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, placeholder) }

func split(sealed []byte) (keyID, []byte, error) {
	if len(sealed) < headerLength || sealed[0] != sealedVersion {
		return keyID{}, nil, ErrNotSealedHere
	}
	return keyID(sealed[1:headerLength]), sealed[headerLength:], nil
}

// String names the place for an error text.
func (p Place) String() string { return p.Table + "." + p.Column + " of row " + p.Row }

// encode returns the additional authenticated data: the version and the three fields, each
// preceded by its length, so that no two places have the same encoding.
func (p Place) encode() ([]byte, error) {
	encoded := []byte{sealedVersion}
	for _, field := range []string{p.Table, p.Column, p.Row} {
		if field == "" || len(field) > maxPlaceField {
			return nil, fmt.Errorf("a place needs a table, a column and a row of 1 to %d bytes each", maxPlaceField)
		}
		encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(field))) //nolint:gosec // bounded above
		encoded = append(encoded, field...)
	}
	return encoded, nil
}
