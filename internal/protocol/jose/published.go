package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"slices"
)

const (
	coordinateBytes  = 32 // of P-256
	maxExponentBytes = 4
	minExponent      = 3
)

// secretMembers are the parameters of private and symmetric keys (RFC 7518 sections
// 6.2.2, 6.3.2 and 6.4, RFC 8037 section 2, RFC 9964 section 3).
func secretMembers() []string {
	return []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}
}

// isSecret reports whether a JWK has a member that must never be published.
func isSecret(entry map[string]json.RawMessage) bool {
	if kind, ok := text(entry, "kty"); ok && kind == "oct" {
		return true
	}
	return slices.ContainsFunc(secretMembers(), func(name string) bool { return entry[name] != nil })
}

// parsePublished reads one JWK; it returns false for a key to leave out.
// Certificates (x5c, x5u, x5t) are ignored.
func parsePublished(entry map[string]json.RawMessage) (publishedKey, bool) {
	key := publishedKey{public: parsePublic(entry), verifies: true, encrypts: true}
	if key.public == nil {
		return publishedKey{}, false
	}
	for name, destination := range map[string]*string{"kid": &key.keyID, "alg": &key.algorithm} {
		if entry[name] == nil {
			continue
		}
		var ok bool
		if *destination, ok = text(entry, name); !ok || *destination == "" {
			return publishedKey{}, false
		}
	}
	if len(key.keyID) > maxKeyIDBytes {
		return publishedKey{}, false
	}
	if entry["use"] != nil { // RFC 7517 section 4.2
		use, _ := text(entry, "use")
		key.verifies, key.encrypts = use == "sig", use == "enc"
	}
	if entry["key_ops"] != nil { // RFC 7517 section 4.3
		var operations []string
		if json.Unmarshal(entry["key_ops"], &operations) != nil {
			return publishedKey{}, false
		}
		key.verifies = key.verifies && slices.Contains(operations, "verify")
		key.encrypts = key.encrypts && slices.ContainsFunc(operations, func(operation string) bool {
			return slices.Contains([]string{"encrypt", "wrapKey", "deriveKey", "deriveBits"}, operation)
		})
	}
	key.dedicated = key.verifies != key.encrypts
	return key, key.verifies || key.encrypts
}

// parsePublic returns nil for an unsupported key.
func parsePublic(entry map[string]json.RawMessage) crypto.PublicKey {
	kind, _ := text(entry, "kty")
	curve, _ := text(entry, "crv")
	switch {
	case kind == "RSA":
		return parseRSA(octets(entry, "n"), octets(entry, "e"))
	case kind == "EC" && curve == "P-256":
		return parseP256(octets(entry, "x"), octets(entry, "y"))
	case kind == "OKP" && curve == "Ed25519": // RFC 8037 section 2
		if x := octets(entry, "x"); len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x)
		}
	}
	return nil
}

func parseRSA(modulus, exponent []byte) crypto.PublicKey {
	if len(exponent) == 0 || len(exponent) > maxExponentBytes || len(modulus) > maxRSABits/8+1 {
		return nil
	}
	e := new(big.Int).SetBytes(exponent).Int64()
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e)}
	if e < minExponent || e > 1<<31-1 || e%2 == 0 || key.N.Bit(0) == 0 || checkKey(RS256, key) != nil {
		return nil
	}
	return key
}

// parseP256 refuses a point that is not on the curve: key agreement
// with such a point leaks the private key bit by bit.
func parseP256(x, y []byte) crypto.PublicKey {
	if len(x) != coordinateBytes || len(y) != coordinateBytes {
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil
	}
	return key
}

func text(entry map[string]json.RawMessage, name string) (string, bool) {
	var value *string
	if json.Unmarshal(entry[name], &value) != nil || value == nil {
		return "", false
	}
	return *value, true
}

// octets returns nil if the member isn't canonical base64url.
func octets(entry map[string]json.RawMessage, name string) []byte {
	encoded, _ := text(entry, name)
	decoded, err := decodeSegment(encoded)
	if err != nil {
		return nil
	}
	return decoded
}
