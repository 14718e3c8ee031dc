package client

import (
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// PKCE says when a client must send a code challenge. One that is sent is
// always enforced.
type PKCE string

// The PKCE policies. Public clients can only have PKCERequired (OAuth 2.1 section 4.1.1).
const (
	PKCERequired    PKCE = "required"
	PKCEOrNonce     PKCE = "nonce_or_pkce" // or an OpenID Connect request with a nonce
	PKCEOptional    PKCE = "optional"
	pkceUnspecified PKCE = ""
)

// ConsentPolicy says when a person is asked.
type ConsentPolicy string

// The consent policies.
const (
	ConsentRemember ConsentPolicy = "remember" // once for each set of scopes
	ConsentAlways   ConsentPolicy = "always"
	ConsentSkip     ConsentPolicy = "skip" // first-party clients, set by an administrator only
)

// AccessTokenFormat is how an access token is made.
type AccessTokenFormat string

// The access token formats.
const (
	FormatJWT    AccessTokenFormat = "at+jwt" // RFC 9068
	FormatOpaque AccessTokenFormat = "opaque" // a handle; only introspection tells what it is for
)

// RefreshTokenRotation says whether a refresh token is replaced when it is used.
type RefreshTokenRotation string

// The rotation policies. Public clients can only have Rotate (OAuth 2.1 section 4.3.1).
const (
	Rotate RefreshTokenRotation = "rotate"
	Static RefreshTokenRotation = "static"
)

// State tells whether a client may be used.
type State string

// The states of a client.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// Client is a registered client.
type Client struct {
	ID                   uuid.UUID
	ClientID             string
	Name                 string
	ApplicationType      oauth.ApplicationType
	AuthenticationMethod oauth.AuthenticationMethod
	RedirectURIs         []string
	GrantTypes           []oauth.GrantType
	ResponseTypes        []oauth.ResponseType
	// Scopes are those that it may ask for.
	Scopes oauth.ScopeSet
	// Resources are the resource indicators that it may ask tokens for (RFC 8707).
	Resources []string
	// ProtectedResources are the resource indicators that it is the resource
	// server of: it may introspect tokens for them.
	ProtectedResources   []string
	PKCE                 PKCE
	Consent              ConsentPolicy
	AccessTokenFormat    AccessTokenFormat
	RefreshTokenRotation RefreshTokenRotation
	IDTokenAlgorithm     jose.Algorithm
	// Lifetimes of zero mean the server's own.
	AccessTokenLifetime    time.Duration
	RefreshTokenLifetime   time.Duration
	ClientURI              string
	LogoURI                string
	PolicyURI              string
	TermsOfServiceURI      string
	Contacts               []string
	PostLogoutRedirectURIs []string
	RequireAuthTime        bool
	// DefaultMaxAge is nil when the client registered none.
	DefaultMaxAge *time.Duration
	State         State
	CreatedAt     time.Time
	UpdatedAt     time.Time

	secrets []storedSecret
}

// storedSecret is one of the secrets that a client may use at the moment;
// there are two while one is being replaced.
type storedSecret struct {
	hash      secret.Digest
	expiresAt *time.Time
}

// IsActive tells whether the client may be used at all.
func (c Client) IsActive() bool { return c.State == Active }

// IsPublic tells whether the client has no credentials (RFC 6749 section 2.1).
func (c Client) IsPublic() bool { return c.AuthenticationMethod == oauth.AuthenticationMethodNone }

// MayUse tells whether the client was registered for a grant type.
func (c Client) MayUse(grant oauth.GrantType) bool {
	for _, known := range c.GrantTypes {
		if known == grant {
			return true
		}
	}
	return false
}

// HasRedirectURI tells whether uri is one of the client's (OAuth 2.1 section 2.3.1).
func (c Client) HasRedirectURI(uri string) bool { return oauth.MatchRedirectURI(c.RedirectURIs, uri) }

// NeedsChallenge tells whether an authorization request without a code
// challenge must be refused; nonce tells whether it is an OpenID Connect request with a nonce.
func (c Client) NeedsChallenge(nonce Nonce) bool {
	if c.IsPublic() {
		return true
	}
	switch c.PKCE {
	case PKCEOptional:
		return false
	case PKCEOrNonce:
		return nonce != NonceSent
	case PKCERequired, pkceUnspecified:
		return true
	default:
		return true
	}
}

// Nonce tells whether a request carries a nonce that its ID token will echo.
type Nonce string

// Whether a nonce was sent.
const (
	NonceSent   Nonce = "sent"
	NonceAbsent Nonce = "absent"
)

// RotatesRefreshTokens tells whether a refresh token is replaced when used. For
// public clients it always is, whatever the record says.
func (c Client) RotatesRefreshTokens() bool { return c.IsPublic() || c.RefreshTokenRotation != Static }

// Resource returns the client's spelling of a resource that it may ask tokens
// for; a resource server knows itself by that one.
func (c Client) Resource(requested string) (string, bool) {
	for _, known := range c.Resources {
		if oauth.SameResource(known, requested) {
			return known, true
		}
	}
	return "", false
}

// Protects tells whether the client is the resource server of one of the audiences.
func (c Client) Protects(audience []string) bool {
	for _, meant := range audience {
		for _, own := range c.ProtectedResources {
			if oauth.SameResource(own, meant) {
				return true
			}
		}
	}
	return false
}

// KnowsSecret tells, in constant time for each secret, whether given is one of
// the client's that has not expired.
func (c Client) KnowsSecret(given secret.Redacted, now time.Time) bool {
	digest, known := secret.Hash(given), false
	for _, stored := range c.secrets {
		alive := stored.expiresAt == nil || now.Before(*stored.expiresAt)
		if stored.hash.Equal(digest) && alive {
			known = true
		}
	}
	return known
}
