package oidc

import "time"

// LogoutTokenLifetime is how long a logout token is valid: at most two minutes
// are recommended (OpenID Connect Back-Channel Logout 1.0 section 2.4).
const LogoutTokenLifetime = 2 * time.Minute

// logoutEvent is the one member of the events claim.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutToken is the content of a logout token.
type LogoutToken struct {
	ID        string // jti
	Issuer    string
	ClientID  string
	Subject   string // as in the client's ID tokens
	SessionID string
	IssuedAt  time.Time
}

// LogoutTokenClaims is the payload of a logout token (OpenID Connect Back-Channel
// Logout 1.0 section 2.4). It has no nonce, so that it is never taken for an ID token.
type LogoutTokenClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	Expiry    int64               `json:"exp"`
	ID        string              `json:"jti"`
	Events    map[string]struct{} `json:"events"`
	SessionID string              `json:"sid"`
}

// Claims returns the payload; times are in seconds since the epoch.
func (t LogoutToken) Claims() LogoutTokenClaims {
	return LogoutTokenClaims{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.ClientID, IssuedAt: t.IssuedAt.Unix(),
		Expiry: t.IssuedAt.Add(LogoutTokenLifetime).Unix(), ID: t.ID, Events: map[string]struct{}{logoutEvent: {}}, SessionID: t.SessionID,
	}
}
