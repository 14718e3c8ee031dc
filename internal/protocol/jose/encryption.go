package jose

import "slices"

// KeyAlgorithm is how the content key of an encrypted token is conveyed to its
// recipient (RFC 7518 section 4.1).
type KeyAlgorithm string

// The key algorithms, all for public keys. RSA1_5 and "dir" are not among them.
const (
	RSAOAEP      KeyAlgorithm = "RSA-OAEP"
	RSAOAEP256   KeyAlgorithm = "RSA-OAEP-256"
	ECDHES       KeyAlgorithm = "ECDH-ES"
	ECDHESA128KW KeyAlgorithm = "ECDH-ES+A128KW"
	ECDHESA256KW KeyAlgorithm = "ECDH-ES+A256KW"
)

// KeyAlgorithms returns all key algorithms.
func KeyAlgorithms() []KeyAlgorithm {
	return []KeyAlgorithm{RSAOAEP, RSAOAEP256, ECDHES, ECDHESA128KW, ECDHESA256KW}
}

// StrongKeyAlgorithms returns the key algorithms that are not weak.
func StrongKeyAlgorithms() []KeyAlgorithm {
	return slices.DeleteFunc(KeyAlgorithms(), KeyAlgorithm.IsWeak)
}

// IsWeak reports whether a is built on SHA-1: RSA-OAEP is, with the default parameters of
// RFC 8017 appendix A.2.1 (RFC 7518 section 4.3). No attack on it is published, but SHA-1 is no longer
// approved for new uses, and RSA-OAEP-256 works with the same keys.
func (a KeyAlgorithm) IsWeak() bool { return a == RSAOAEP }

// IsSupported reports whether a is one of [KeyAlgorithms].
func (a KeyAlgorithm) IsSupported() bool { return slices.Contains(KeyAlgorithms(), a) }

// ContentEncryption is how the content of a token is encrypted (RFC 7518 section 5.1).
type ContentEncryption string

// The content encryptions.
const (
	A128CBCHS256 ContentEncryption = "A128CBC-HS256"
	A256CBCHS512 ContentEncryption = "A256CBC-HS512"
	A128GCM      ContentEncryption = "A128GCM"
	A256GCM      ContentEncryption = "A256GCM"
)

// ContentEncryptions returns all content encryptions, the default first.
func ContentEncryptions() []ContentEncryption {
	return []ContentEncryption{A128CBCHS256, A256CBCHS512, A128GCM, A256GCM}
}

// IsSupported reports whether e is one of [ContentEncryptions].
func (e ContentEncryption) IsSupported() bool { return slices.Contains(ContentEncryptions(), e) }
