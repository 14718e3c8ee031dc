package jose

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// MaxTokenBytes bounds a token that is verified.
const MaxTokenBytes = 16 << 10

// ErrInvalidToken is wrapped by every error about the token. The one other error
// of [Verify] is [ErrUnsupported], for an invalid list of keys.
var ErrInvalidToken = errors.New("invalid token")

type header struct {
	Algorithm Algorithm
	KeyID     string
	Type      string
}

// Verify checks the signature of a token in compact serialisation and returns its
// payload. The kid must name one of keys, alg must be that key's and, if algorithms
// are given, one of them. typ is compared without case and without a leading
// "application/" (RFC 7515 section 4.1.9); an empty typ means that the header must have
// none. Keys in the token's header (jku, jwk, x5u, x5c) are never used, and
// critical extensions (RFC 7515 section 4.1.11) are refused because none is supported.
// No claim is checked.
func Verify(token string, keys []VerificationKey, typ string, algorithms ...Algorithm) ([]byte, error) {
	parsed, err := readHeader(token)
	if err != nil {
		return nil, err
	}
	if !sameType(parsed.Type, typ) {
		return nil, fmt.Errorf("%w: typ is not the expected one", ErrInvalidToken)
	}
	index := slices.IndexFunc(keys, func(key VerificationKey) bool {
		return key.KeyID == parsed.KeyID && key.Algorithm == parsed.Algorithm
	})
	if parsed.KeyID == "" || index < 0 {
		return nil, fmt.Errorf("%w: no key with this kid and alg", ErrInvalidToken)
	}
	key := keys[index]
	if len(algorithms) > 0 && !slices.Contains(algorithms, key.Algorithm) {
		return nil, fmt.Errorf("%w: alg is not allowed here", ErrInvalidToken)
	}
	if err := checkKey(key.Algorithm, key.Public); err != nil {
		return nil, fmt.Errorf("verify with key %q: %w", key.KeyID, err)
	}
	return verifySignature(token, key.Algorithm, key.Public)
}

// verifySignature verifies a token whose header was read, with a key that fits the algorithm.
func verifySignature(token string, algorithm Algorithm, public crypto.PublicKey) ([]byte, error) {
	signed, err := gojose.ParseSignedCompact(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return nil, fmt.Errorf("%w: malformed", ErrInvalidToken)
	}
	payload, err := signed.Verify(public)
	if err != nil {
		return nil, fmt.Errorf("%w: signature does not match", ErrInvalidToken)
	}
	return payload, nil
}

// UnmarshalUnverified decodes the claims of a token without verifying its signature.
// Use it only to find the key that has to verify the token.
func UnmarshalUnverified(token string, destination any) error {
	if _, err := readHeader(token); err != nil {
		return err
	}
	payload, err := decodeSegment(strings.Split(token, ".")[1])
	if err != nil {
		return fmt.Errorf("%w: payload: not canonical base64url", ErrInvalidToken)
	}
	return UnmarshalClaims(payload, destination)
}

// readHeader checks the form of a token before any cryptography and reads its header.
func readHeader(token string) (header, error) {
	if len(token) > MaxTokenBytes {
		return header{}, fmt.Errorf("%w: too long", ErrInvalidToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return header{}, fmt.Errorf("%w: not a JWS in compact serialisation", ErrInvalidToken)
	}
	var decoded []byte
	for i, part := range slices.Backward(parts) { // backward: the header comes out last
		var err error
		if decoded, err = decodeSegment(part); err != nil {
			return header{}, fmt.Errorf("%w: part %d: not canonical base64url", ErrInvalidToken, i+1)
		}
	}
	members, err := objectMembers(decoded)
	if err != nil {
		return header{}, fmt.Errorf("%w: header: %w", ErrInvalidToken, err)
	}
	for _, refused := range []string{"crit", "b64", "zip", "enc"} {
		if slices.Contains(members, refused) {
			return header{}, fmt.Errorf("%w: header has %s", ErrInvalidToken, refused)
		}
	}
	// Into a map, not a struct: Go's decoder would take ALG for alg.
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal(decoded, &values); err != nil {
		return header{}, fmt.Errorf("%w: header: %w", ErrInvalidToken, errNotObject)
	}
	var parsed header
	if err := errors.Join(
		unmarshalMember(values["alg"], &parsed.Algorithm),
		unmarshalMember(values["kid"], &parsed.KeyID),
		unmarshalMember(values["typ"], &parsed.Type),
	); err != nil {
		return header{}, fmt.Errorf("%w: header: a member has the wrong type", ErrInvalidToken)
	}
	return parsed, nil
}

func unmarshalMember(raw json.RawMessage, destination any) error {
	if raw == nil {
		return nil
	}
	return json.Unmarshal(raw, destination)
}

// decodeSegment decodes base64url without padding, strictly: Go's decoder
// would skip line breaks.
func decodeSegment(segment string) ([]byte, error) {
	if segment == "" || strings.ContainsAny(segment, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return base64.RawURLEncoding.Strict().DecodeString(segment)
}

func sameType(got, want string) bool {
	const prefix = "application/"
	got, want = strings.ToLower(got), strings.ToLower(want)
	return strings.TrimPrefix(got, prefix) == strings.TrimPrefix(want, prefix)
}
