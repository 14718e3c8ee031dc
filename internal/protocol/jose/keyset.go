package jose

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

// The bounds of a foreign JWK Set.
const (
	MaxKeySetBytes = 64 << 10
	MaxKeys        = 64
	maxKeyIDBytes  = 255
)

var (
	// ErrInvalidKeySet is wrapped by every error of [ParseKeySet].
	ErrInvalidKeySet = errors.New("invalid JWK Set")
	// ErrUnknownKey is returned for a token whose key is not in a set, and for a set
	// without a key to encrypt to. A newer version of the set may have it.
	ErrUnknownKey = errors.New("no such key in the JWK Set")
)

// KeySet holds the public keys of another party, who signs tokens for this server or
// receives encrypted ones (RFC 7517 section 5). The zero value has none.
type KeySet struct{ keys []publishedKey }

// publishedKey is one key of a set with the use that its owner declares.
type publishedKey struct {
	keyID     string
	algorithm string // the only one; empty means any that fits
	public    crypto.PublicKey
	verifies  bool
	encrypts  bool
	dedicated bool // to one of the two
}

// ParseKeySet reads a JWK Set. Unsupported keys are left out, as RFC 7517
// section 5 says; so are keys that are too small or too large. The whole set is
// refused if it isn't a JWK Set, if it has a member twice, and if it has a private or a
// symmetric key: a published secret is compromised.
func ParseKeySet(text []byte) (KeySet, error) {
	if len(text) > MaxKeySetBytes {
		return KeySet{}, fmt.Errorf("%w: too long", ErrInvalidKeySet)
	}
	if _, err := objectMembers(text); err != nil {
		return KeySet{}, fmt.Errorf("%w: %w", ErrInvalidKeySet, err)
	}
	members := map[string]json.RawMessage{}
	var entries []map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return KeySet{}, fmt.Errorf("%w: %w", ErrInvalidKeySet, errNotObject)
	}
	if err := json.Unmarshal(members["keys"], &entries); err != nil || entries == nil {
		return KeySet{}, fmt.Errorf("%w: keys is not a list of objects", ErrInvalidKeySet)
	}
	if len(entries) > MaxKeys {
		return KeySet{}, fmt.Errorf("%w: more than %d keys", ErrInvalidKeySet, MaxKeys)
	}
	var set KeySet
	for _, entry := range entries {
		if entry == nil || isSecret(entry) {
			return KeySet{}, fmt.Errorf("%w: a key is not public", ErrInvalidKeySet)
		}
		if key, ok := parsePublished(entry); ok {
			set.keys = append(set.keys, key)
		}
	}
	return set, nil
}

// CanVerify reports whether the set has a key for one of the algorithms.
func (s KeySet) CanVerify(algorithms ...Algorithm) bool {
	return slices.ContainsFunc(algorithms, func(algorithm Algorithm) bool {
		return slices.ContainsFunc(s.keys, func(key publishedKey) bool { return key.fits(algorithm) })
	})
}

// CanEncrypt reports whether the set has a key for the algorithm.
func (s KeySet) CanEncrypt(algorithm KeyAlgorithm) bool {
	_, ok := s.recipient(algorithm)
	return ok
}

// Expectation is what a token of another party must satisfy.
type Expectation struct {
	// Algorithms are those that are allowed; with none, every token is refused.
	Algorithms []Algorithm
	// Types are the allowed values of "typ", compared as in [Verify]; "" among
	// them allows a missing one.
	Types []string
}

// Verify checks the signature of a token in compact serialisation with the key of
// the set that its kid names, and returns its payload. A token without kid is accepted if
// exactly one key could have signed it. It is as strict about the token as [Verify],
// and checks no claim. Errors wrap [ErrInvalidToken], and also [ErrUnknownKey] if a
// newer version of the set could change the result.
func (s KeySet) Verify(token string, expected Expectation) ([]byte, error) {
	parsed, err := readHeader(token)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(expected.Types, func(typ string) bool { return sameType(parsed.Type, typ) }) {
		return nil, fmt.Errorf("%w: typ is not an expected one", ErrInvalidToken)
	}
	if !parsed.Algorithm.IsSupported() || !slices.Contains(expected.Algorithms, parsed.Algorithm) {
		return nil, fmt.Errorf("%w: alg is not allowed here", ErrInvalidToken)
	}
	var candidates []publishedKey
	for _, key := range s.keys {
		if key.fits(parsed.Algorithm) && (parsed.KeyID == "" || parsed.KeyID == key.keyID) {
			candidates = append(candidates, key)
		}
	}
	switch len(candidates) {
	case 1:
	case 0:
		return nil, fmt.Errorf("%w: %w", ErrInvalidToken, ErrUnknownKey)
	default:
		return nil, fmt.Errorf("%w: several keys could have signed it", ErrInvalidToken)
	}
	payload, err := verifySignature(token, parsed.Algorithm, candidates[0].public)
	if err != nil && parsed.KeyID == "" { // its owner may have a new key by now, and no kid would reveal that
		return nil, fmt.Errorf("%w: %w", err, ErrUnknownKey)
	}
	return payload, err
}

// TypeOfContent is the type of the content of an encrypted token.
type TypeOfContent string

// The contents.
const (
	ContentJWT    TypeOfContent = "JWT" // a signed token: RFC 7519 section 5.2 requires cty
	ContentClaims TypeOfContent = ""
)

// Encrypt encrypts content to the key of the set that fits the algorithm, as a JWE in
// compact serialisation (RFC 7516 section 7.1). A key that is only for encryption is
// preferred to one for any use. The error wraps [ErrUnknownKey] if there is none.
func (s KeySet) Encrypt(algorithm KeyAlgorithm, encryption ContentEncryption, content []byte, kind TypeOfContent) (string, error) {
	if !algorithm.IsSupported() || !encryption.IsSupported() {
		return "", fmt.Errorf("encrypt a token: %w: %q with %q", ErrUnsupported, algorithm, encryption)
	}
	key, ok := s.recipient(algorithm)
	if !ok {
		return "", fmt.Errorf("encrypt a token with %s: %w", algorithm, ErrUnknownKey)
	}
	options := (&gojose.EncrypterOptions{}).WithType(TypeJWT)
	if kind != ContentClaims {
		options = options.WithContentType(gojose.ContentType(kind))
	}
	encrypter, err := gojose.NewEncrypter(gojose.ContentEncryption(encryption), gojose.Recipient{
		Algorithm: gojose.KeyAlgorithm(algorithm), Key: key.public, KeyID: key.keyID,
	}, options)
	if err != nil {
		return "", fmt.Errorf("prepare to encrypt a token: %w", err)
	}
	encrypted, err := encrypter.Encrypt(content)
	if err != nil {
		return "", fmt.Errorf("encrypt a token: %w", err)
	}
	return encrypted.CompactSerialize()
}

func (s KeySet) recipient(algorithm KeyAlgorithm) (publishedKey, bool) {
	chosen, ok := publishedKey{}, false
	for _, key := range s.keys {
		if key.takes(algorithm) && (!ok || key.dedicated && !chosen.dedicated) {
			chosen, ok = key, true
		}
	}
	return chosen, ok
}

// fits reports whether the key can make signatures of the algorithm.
func (k publishedKey) fits(algorithm Algorithm) bool {
	return k.verifies && (k.algorithm == "" || k.algorithm == string(algorithm)) && checkKey(algorithm, k.public) == nil
}

// takes reports whether the algorithm can encrypt to the key.
func (k publishedKey) takes(algorithm KeyAlgorithm) bool {
	if !k.encrypts || k.algorithm != "" && k.algorithm != string(algorithm) {
		return false
	}
	switch algorithm {
	case RSAOAEP, RSAOAEP256:
		return checkKey(RS256, k.public) == nil
	case ECDHES, ECDHESA128KW, ECDHESA256KW:
		return checkKey(ES256, k.public) == nil
	default:
		return false
	}
}
