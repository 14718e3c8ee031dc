package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"authly/internal/protocol/jose"
)

// MaxSubjectBytes bounds a subject identifier (OpenID Connect Core 1.0 section 2).
const MaxSubjectBytes = 255

// ErrInvalidSubject is returned for a subject that is not allowed in an ID token.
var ErrInvalidSubject = errors.New("a subject must have 1 to 255 ASCII characters")

// ValidateSubject checks a subject identifier: 1 to 255 printable ASCII characters.
func ValidateSubject(subject string) error {
	if subject == "" || len(subject) > MaxSubjectBytes {
		return ErrInvalidSubject
	}
	for i := range len(subject) {
		if subject[i] < 0x20 || subject[i] > 0x7e {
			return ErrInvalidSubject
		}
	}
	return nil
}

// IDToken is the content of an ID token (OpenID Connect Core 1.0 section 2). A zero
// value is left out of the token. Formatting one shows no token.
type IDToken struct {
	Issuer                     string
	Subject                    string
	ClientID                   string
	Nonce                      string    // as sent; "" if none was
	AuthenticationTime         time.Time // zero: auth_time is left out
	AuthenticationContextClass string
	AuthenticationMethods      []string // RFC 8176
	SessionID                  string
	// Requested are claims about the user that were requested individually (section 5.5).
	Requested   map[string]any
	AccessToken string         // issued with it: at_hash is its hash
	Algorithm   jose.Algorithm // that will sign the token; decides the hash
	IssuedAt    time.Time
	Lifetime    time.Duration
}

// IDTokenClaims is the payload of an ID token. It has protocol claims, and claims that were
// requested by name; the claims of a scope come from the UserInfo endpoint (section 5.4).
type IDTokenClaims struct {
	Issuer                     string   `json:"iss"`
	Subject                    string   `json:"sub"`
	Audience                   string   `json:"aud"`
	Expiry                     int64    `json:"exp"`
	IssuedAt                   int64    `json:"iat"`
	AuthenticationTime         int64    `json:"auth_time,omitempty"`
	Nonce                      string   `json:"nonce,omitempty"`
	AuthenticationContextClass string   `json:"acr,omitempty"`
	AuthenticationMethods      []string `json:"amr,omitempty"`
	AccessTokenHash            string   `json:"at_hash,omitempty"`
	SessionID                  string   `json:"sid,omitempty"`

	requested map[string]any
}

// MarshalJSON writes the protocol claims and then the requested ones. Of two with
// the same name only the first is written: no claim about a user replaces
// a protocol claim.
func (c IDTokenClaims) MarshalJSON() ([]byte, error) {
	type protocol IDTokenClaims
	encoded, err := json.Marshal(protocol(c))
	if err != nil || len(c.requested) == 0 {
		return encoded, err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(encoded, &members); err != nil {
		return nil, err
	}
	for name, value := range c.requested {
		if _, taken := members[name]; taken || isProtocolClaim(name) {
			continue
		}
		if members[name], err = json.Marshal(value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(members)
}

// isProtocolClaim reports whether a claim is about the token and not
// about the user, so that a request by name never adds it.
func isProtocolClaim(name string) bool {
	return slices.Contains(ProtocolClaims(), name) || slices.Contains([]string{"azp", "c_hash", "jti", "nbf", "typ", "cnf", "events"}, name)
}

// ProtocolClaims returns the names of the claims that an ID token can have besides
// those about the user.
func ProtocolClaims() []string {
	return []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
}

// Claims returns the payload. Times are in seconds since the epoch; at_hash uses
// the hash of the signature algorithm (section 3.1.3.6).
func (t IDToken) Claims() IDTokenClaims {
	claims := IDTokenClaims{
		Issuer:                     t.Issuer,
		Subject:                    t.Subject,
		Audience:                   t.ClientID,
		Expiry:                     t.IssuedAt.Add(t.Lifetime).Unix(),
		IssuedAt:                   t.IssuedAt.Unix(),
		Nonce:                      t.Nonce,
		AuthenticationContextClass: t.AuthenticationContextClass,
		AuthenticationMethods:      slices.Clone(t.AuthenticationMethods),
		SessionID:                  t.SessionID,
		requested:                  t.Requested,
	}
	if !t.AuthenticationTime.IsZero() {
		claims.AuthenticationTime = t.AuthenticationTime.Unix()
	}
	if t.AccessToken != "" {
		claims.AccessTokenHash = t.Algorithm.LeftHalfHash(t.AccessToken)
	}
	return claims
}

// Format prints the subject and the audience, whatever the verb.
func (t IDToken) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "ID token of "+t.Subject+" for "+t.ClientID)
}
