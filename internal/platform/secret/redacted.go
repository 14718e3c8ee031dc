package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Redacted holds a secret text that can't be printed by accident: every
// formatting verb, JSON, text marshalling and slog give a placeholder.
// The zero value is the empty secret.
//
// The text is held behind a pointer because the methods below are not always
// called: fmt can't call them on an unexported field of another struct, nor for
// %p. It then prints what reflection finds, which is an address.
//
// Comparing two of them with == does not compile: it would compare
// addresses, and secrets must be compared with [Redacted.Equal].
type Redacted struct {
	_     [0]func()
	value *string
}

const placeholder = "[redacted]"

// New returns a random secret of 256 bits as 43 characters of base64url.
func New() Redacted {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: the runtime ends the program instead
	return FromString(base64.RawURLEncoding.EncodeToString(random[:]))
}

// FromString wraps a secret that came from outside.
func FromString(value string) Redacted {
	if value == "" {
		return Redacted{}
	}
	return Redacted{value: &value}
}

// Reveal returns the secret itself.
func (r Redacted) Reveal() string {
	if r.value == nil {
		return ""
	}
	return *r.value
}

// IsZero reports whether there is no secret.
func (r Redacted) IsZero() bool { return r.value == nil }

// Equal compares in a time that depends on the lengths only. Two empty secrets
// are equal, so a caller that checks a credential must call IsZero first.
func (r Redacted) Equal(other Redacted) bool {
	return subtle.ConstantTimeCompare([]byte(r.Reveal()), []byte(other.Reveal())) == 1
}

// String returns a placeholder.
func (Redacted) String() string { return placeholder }

// Format writes a placeholder, whatever the verb.
func (Redacted) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, placeholder) }

// LogValue returns a placeholder.
func (Redacted) LogValue() slog.Value { return slog.StringValue(placeholder) }

// MarshalText returns a placeholder.
func (Redacted) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// Digest is the SHA-256 of a secret. It is stored for secrets that this server generated
// with 256 bits, where a slow hash would add nothing.
type Digest [sha256.Size]byte

// Hash returns the digest of r.
func Hash(r Redacted) Digest { return sha256.Sum256([]byte(r.Reveal())) }

// Bytes returns the digest as a slice, for a database argument.
func (d Digest) Bytes() []byte { return d[:] }

// Equal compares in constant time.
func (d Digest) Equal(other Digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

// Derive returns a new secret of 256 bits derived from key, a purpose and
// a predecessor: the same three give the same secret, and without the key
// it can't be computed (HMAC-SHA256, RFC 2104).
func Derive(key Redacted, purpose string, predecessor Redacted) Redacted {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = mac.Write([]byte(purpose))
	_, _ = mac.Write([]byte{0})
	_, _ = mac.Write([]byte(predecessor.Reveal()))
	return FromString(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}
