package oidc

import (
	"encoding/json"
	"errors"
	"time"

	"authly/internal/protocol/jose"
)

// Hint is the content of an ID token of this server that a client sends back as
// id_token_hint (OpenID Connect Core 1.0 section 3.1.2.1). Its expiry is ignored: a
// hint names a user and proves nothing.
type Hint struct {
	Subject   string
	ClientID  string // the audience
	SessionID string // sid; "" if the token has none
	IssuedAt  time.Time
}

var errNoHint = errors.New("not an ID token of this server")

// ParseHint reads the payload of a JWT whose signature and type were verified. It
// refuses anything but an ID token that this issuer issued to one client. A signed UserInfo
// response has the same issuer, audience and subject; unlike an ID token it has no auth_time.
func ParseHint(payload []byte, issuer string) (Hint, error) {
	var claims struct {
		Issuer    string          `json:"iss"`
		Subject   string          `json:"sub"`
		Audience  json.RawMessage `json:"aud"`
		SessionID string          `json:"sid"`
		AuthTime  int64           `json:"auth_time"`
		IssuedAt  int64           `json:"iat"`
	}
	if err := jose.UnmarshalClaims(payload, &claims); err != nil {
		return Hint{}, err
	}
	var clientID string
	if err := json.Unmarshal(claims.Audience, &clientID); err != nil {
		return Hint{}, errNoHint
	}
	if claims.Issuer != issuer || clientID == "" || claims.AuthTime == 0 || ValidateSubject(claims.Subject) != nil {
		return Hint{}, errNoHint
	}
	return Hint{Subject: claims.Subject, ClientID: clientID, SessionID: claims.SessionID, IssuedAt: time.Unix(claims.IssuedAt, 0)}, nil
}
