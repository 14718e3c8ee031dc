package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// Algorithm is a JWS signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
type Algorithm string

// The algorithms. EdDSA always means Ed25519.
const (
	RS256 Algorithm = "RS256"
	ES256 Algorithm = "ES256"
	PS256 Algorithm = "PS256"
	EdDSA Algorithm = "EdDSA"
)

// The sizes of RSA keys, in bits. The minimum is that of RFC 7518; the maximum bounds
// the work that a foreign key can cause. New keys have 3,072, which is about as strong as
// a P-256 or an AES-128 key (NIST SP 800-57 part 1 section 5.6.1.1).
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	DefaultRSABits = 3072
)

// ErrUnsupported is returned for an unsupported algorithm, or a key that doesn't fit its algorithm.
var ErrUnsupported = errors.New("unsupported key or algorithm")

// Algorithms returns all algorithms, the default first.
func Algorithms() []Algorithm { return []Algorithm{RS256, ES256, PS256, EdDSA} }

// IsSupported reports whether a is one of [Algorithms].
func (a Algorithm) IsSupported() bool { return slices.Contains(Algorithms(), a) }

// LeftHalfHash returns the base64url of the left half of text's hash, by the hash
// function of the algorithm: the form of at_hash and c_hash (OpenID Connect Core 1.0
// section 3.1.3.6). For Ed25519 that is SHA-512, which the signature itself uses. It
// returns "" for an unsupported algorithm.
func (a Algorithm) LeftHalfHash(text string) string {
	switch a {
	case RS256, ES256, PS256:
		sum := sha256.Sum256([]byte(text))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	case EdDSA:
		sum := sha512.Sum512([]byte(text))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	default:
		return ""
	}
}

// GenerateKey generates a private key for an algorithm: RSA of [DefaultRSABits], P-256 or
// Ed25519. The error is ErrUnsupported for any other algorithm.
func GenerateKey(algorithm Algorithm) (crypto.Signer, error) {
	return Generator(DefaultRSABits)(algorithm)
}

// Generator returns a [GenerateKey] with RSA keys of another size, in bits. The
// generator's error is ErrUnsupported for a size that is not allowed here.
func Generator(rsaBits int) func(Algorithm) (crypto.Signer, error) {
	return func(algorithm Algorithm) (crypto.Signer, error) { return generateKey(algorithm, rsaBits) }
}

func generateKey(algorithm Algorithm, rsaBits int) (crypto.Signer, error) {
	switch algorithm {
	case RS256, PS256:
		if rsaBits < minRSABits || rsaBits > maxRSABits {
			return nil, fmt.Errorf("generate an RSA key of %d bits: %w", rsaBits, ErrUnsupported)
		}
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return nil, fmt.Errorf("generate a key for %q: %w", algorithm, ErrUnsupported)
	}
}

// checkKey returns an error unless a public key fits an algorithm.
func checkKey(algorithm Algorithm, public crypto.PublicKey) error {
	fits := false
	switch key := public.(type) {
	case *rsa.PublicKey:
		fits = (algorithm == RS256 || algorithm == PS256) && key != nil && key.N != nil &&
			key.N.BitLen() >= minRSABits && key.N.BitLen() <= maxRSABits
	case *ecdsa.PublicKey:
		fits = algorithm == ES256 && key != nil && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		fits = algorithm == EdDSA && len(key) == ed25519.PublicKeySize
	}
	if !fits {
		return fmt.Errorf("%w: %T for %q", ErrUnsupported, public, algorithm)
	}
	return nil
}
