package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// The types of tokens, the values of the "typ" header. First those that this server signs.
const (
	TypeJWT         = "JWT"        // ID tokens (OpenID Connect names no type for them)
	TypeAccessToken = "at+jwt"     // RFC 9068 section 2.1
	TypeLogoutToken = "logout+jwt" //nolint:gosec // no secret: OpenID Connect Back-Channel Logout 1.0 section 2.4

	// What clients sign.
	TypeClientAuthentication = "client-authentication+jwt"
	TypeRequestObject        = "oauth-authz-req+jwt" // RFC 9101 section 10.8
)

// Signer signs with one key. It is prepared once, safe for concurrent use, and
// holds the private key: don't print it.
type Signer struct {
	key      gojose.SigningKey
	public   VerificationKey
	prepared map[string]gojose.Signer // by type; never written after NewSigner
}

// NewSigner prepares a key for signing. Keys in memory are used directly; any
// other crypto.Signer, such as one in a hardware module, through its Sign method.
func NewSigner(key SigningKey) (*Signer, error) {
	if key.Signer == nil || key.KeyID == "" {
		return nil, fmt.Errorf("prepare signer %q: %w: key or key ID missing", key.KeyID, ErrUnsupported)
	}
	if err := checkKey(key.Algorithm, key.Signer.Public()); err != nil {
		return nil, fmt.Errorf("prepare signer %q: %w", key.KeyID, err)
	}
	var material any
	switch private := key.Signer.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		material = private
	default:
		material = cryptosigner.Opaque(private)
	}
	signer := &Signer{
		key:      gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(key.Algorithm), Key: material},
		public:   key.Verification(),
		prepared: map[string]gojose.Signer{},
	}
	for _, typ := range []string{TypeJWT, TypeAccessToken} {
		prepared, err := signer.prepare(typ)
		if err != nil {
			return nil, err
		}
		signer.prepared[typ] = prepared
	}
	return signer, nil
}

// Verification returns the public half of the key.
func (s *Signer) Verification() VerificationKey { return s.public }

// Algorithm returns the key's algorithm.
func (s *Signer) Algorithm() Algorithm { return s.public.Algorithm }

// KeyID returns the key's kid.
func (s *Signer) KeyID() string { return s.public.KeyID }

// Format prints key ID and algorithm, whatever the verb.
func (s *Signer) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "signer %s (%s)", s.public.KeyID, s.public.Algorithm)
}

// Sign returns the claims as a JWS in compact serialisation, with alg, kid and typ
// in its header (RFC 7515 section 7.1). claims is encoded as JSON.
func (s *Signer) Sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	signer, ok := s.prepared[typ]
	if !ok {
		if signer, err = s.prepare(typ); err != nil {
			return "", err
		}
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign with key %q: %w", s.public.KeyID, err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("serialise token: %w", err)
	}
	return token, nil
}

func (s *Signer) prepare(typ string) (gojose.Signer, error) {
	options := (&gojose.SignerOptions{}).WithHeader("kid", s.public.KeyID)
	if typ != "" {
		options = options.WithType(gojose.ContentType(typ))
	}
	prepared, err := gojose.NewSigner(s.key, options)
	if err != nil {
		return nil, fmt.Errorf("prepare signer %q: %w", s.public.KeyID, err)
	}
	return prepared, nil
}

// Sign signs once; a caller that signs often should keep a [Signer].
func Sign(key SigningKey, typ string, claims any) (string, error) {
	signer, err := NewSigner(key)
	if err != nil {
		return "", err
	}
	return signer.Sign(typ, claims)
}
