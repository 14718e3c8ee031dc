package session

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// sessionState returns the session_state of an authorization response (OpenID
// Connect Session Management 1.0 section 3.2): a hash that only this browser's frame can
// recompute, for this client at this origin, and the salt. It is "" for a redirect URI without an origin.
func sessionState(clientID, redirectURI, browserState, salt string) string {
	origin := oauth.Origin(redirectURI)
	if origin == "" {
		return ""
	}
	digest := sha256.Sum256([]byte(clientID + " " + origin + " " + browserState + " " + salt))
	return base64.RawURLEncoding.EncodeToString(digest[:]) + "." + salt
}

// saltLength is the length of the salt, in characters of base64url: 128 bits.
const saltLength = 22

func newSalt() string { return secret.New().Reveal()[:saltLength] }

// isBrowserState reports whether a cookie's value has the form of a state of ours.
func isBrowserState(value string) bool {
	const length = 43
	return len(value) == length && strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
