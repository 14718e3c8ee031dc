package jose

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"
)

// SigningKey is a private key with its kid and its one algorithm. Formatting or
// encoding it shows no key material.
type SigningKey struct {
	KeyID     string
	Algorithm Algorithm
	Signer    crypto.Signer `json:"-"`
}

// Format prints key ID and algorithm, whatever the verb.
func (k SigningKey) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "signing key %s (%s)", k.KeyID, k.Algorithm)
}

// Verification returns the public half.
func (k SigningKey) Verification() VerificationKey {
	return VerificationKey{KeyID: k.KeyID, Algorithm: k.Algorithm, Public: k.Signer.Public()}
}

// VerificationKey is a public key with its kid and its one algorithm.
type VerificationKey struct {
	KeyID     string
	Algorithm Algorithm
	Public    crypto.PublicKey
}

// PublicJWK returns the key as a JWK with kty, use, alg, kid and the public
// parameters (RFC 7517 section 4).
func PublicJWK(key VerificationKey) (json.RawMessage, error) {
	if err := checkKey(key.Algorithm, key.Public); err != nil {
		return nil, fmt.Errorf("encode JWK %q: %w", key.KeyID, err)
	}
	encoded, err := gojose.JSONWebKey{
		Key: key.Public, KeyID: key.KeyID, Algorithm: string(key.Algorithm), Use: "sig",
	}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode JWK %q: %w", key.KeyID, err)
	}
	return encoded, nil
}

// JWKS returns the JWK Set of the keys, in the order given (RFC 7517 section 5).
func JWKS(keys []VerificationKey) ([]byte, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: make([]json.RawMessage, 0, len(keys))}
	for _, key := range keys {
		encoded, err := PublicJWK(key)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, encoded)
	}
	return json.Marshal(set)
}

// KeyID returns the SHA-256 thumbprint of a public key, base64url (RFC 7638).
func KeyID(public crypto.PublicKey) (string, error) {
	thumbprint, err := (&gojose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("compute the thumbprint of a %T: %w", public, err)
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint), nil
}

// MarshalPrivateKey encodes a private key as PKCS #8 DER (RFC 5958).
func MarshalPrivateKey(signer crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return der, nil
}

// ParsePrivateKey reads a private key from PKCS #8 DER and refuses one that fits
// none of [Algorithms].
func ParsePrivateKey(der []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse private key: %w: %T", ErrUnsupported, parsed)
	}
	for _, algorithm := range Algorithms() {
		if checkKey(algorithm, signer.Public()) == nil {
			return signer, nil
		}
	}
	return nil, fmt.Errorf("parse private key: %w: %T", ErrUnsupported, parsed)
}

var _ fmt.Formatter = SigningKey{}
