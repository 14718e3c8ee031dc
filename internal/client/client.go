package client

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// State tells whether a client may be used.
type State string

// The states of a client.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// RegisteredBy says who wrote a client's record.
type RegisteredBy string

// Who can register a client.
const (
	ByAdministrator RegisteredBy = "administrator"
	ByClient        RegisteredBy = "client" // dynamic registration (RFC 7591): nobody has looked at it
)

// Client is a registered client.
type Client struct {
	ID       uuid.UUID
	ClientID string
	// BuiltIn is set for the clients of this server's own; see [Service.EnsureBuiltIn].
	BuiltIn bool
	Metadata
	State State
	// Epoch is raised whenever the client is disabled or enabled. What was issued to it
	// counts only while this is the number that it was issued under.
	Epoch int64
	// Settled is what an administrator has set of a client that registered itself.
	Settled   Settled
	CreatedAt time.Time
	UpdatedAt time.Time

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
func (m Metadata) IsPublic() bool { return m.AuthenticationMethod == oauth.AuthenticationMethodNone }

// hasSecret tells whether the client proves itself with a shared secret.
func (m Metadata) hasSecret() bool {
	return m.AuthenticationMethod == oauth.ClientSecretBasic || m.AuthenticationMethod == oauth.ClientSecretPost
}

// MayUse tells whether the client was registered for a grant type.
func (m Metadata) MayUse(grant oauth.GrantType) bool {
	for _, known := range m.GrantTypes {
		if known == grant {
			return true
		}
	}
	return false
}

// MayReceive tells whether the client takes authorization responses in a mode.
func (m Metadata) MayReceive(mode oauth.ResponseMode) bool {
	for _, known := range m.ResponseModes {
		if known == mode {
			return true
		}
	}
	return false
}

// HasRedirectURI tells whether uri is one of the client's (OAuth 2.1 section 2.3.1).
func (m Metadata) HasRedirectURI(uri string) bool { return oauth.MatchRedirectURI(m.RedirectURIs, uri) }

// HasPostLogoutRedirectURI tells whether uri is one that the client registered
// for after a logout (OpenID Connect RP-Initiated Logout 1.0 section 3.1). Compared like redirect URIs.
func (m Metadata) HasPostLogoutRedirectURI(uri string) bool {
	return oauth.MatchRedirectURI(m.PostLogoutRedirectURIs, uri)
}

// HasRequestURI tells whether the client registered uri as the address of a
// request object (OpenID Connect Core 1.0 section 6.2): that very text.
func (m Metadata) HasRequestURI(uri string) bool {
	for _, known := range m.RequestURIs {
		if known == uri {
			return true
		}
	}
	return false
}

// NeedsChallenge tells whether an authorization request without a code
// challenge must be refused; nonce tells whether it is an OpenID Connect request with a nonce.
func (m Metadata) NeedsChallenge(nonce Nonce) bool {
	if m.IsPublic() {
		return true
	}
	switch m.PKCE {
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

// SkipsConsent tells whether nobody is asked about the client. One that nobody has
// looked at can't have that, whatever its record says.
func (m Metadata) SkipsConsent() bool {
	return m.Consent == ConsentSkip && m.RegisteredBy != ByClient
}

// MayAdminister tells whether the client may administer this server on its own behalf.
func (c Client) MayAdminister() bool {
	return c.Administrator && c.IsActive() && !c.IsPublic() && c.RegisteredBy == ByAdministrator
}

// MayHaveScopes returns the scopes that the client may ask for. offline_access is not among them while it gets no
// refresh tokens (OpenID Connect Core 1.0 section 11): a person would allow what can't happen.
func (m Metadata) MayHaveScopes() oauth.ScopeSet {
	if m.MayUse(oauth.RefreshToken) {
		return m.Scopes
	}
	return m.Scopes.Without(oauth.ScopeSet{oauth.ScopeOfflineAccess})
}

// RotatesRefreshTokens tells whether a refresh token is replaced when used. For
// public clients it always is, whatever the record says.
func (m Metadata) RotatesRefreshTokens() bool {
	return m.IsPublic() || m.RefreshTokenRotation != Static
}

// Resource returns the client's spelling of a resource that it may ask tokens
// for; a resource server knows itself by that one.
func (m Metadata) Resource(requested string) (string, bool) {
	return oauth.FindResource(m.Resources, requested)
}

// Protected returns those of the audiences whose resource server the client is, as they are spelled in audience.
func (m Metadata) Protected(audience []string) []string {
	var protected []string
	for _, meant := range audience {
		if slices.ContainsFunc(m.ProtectedResources, func(own string) bool { return oauth.SameResource(own, meant) }) {
			protected = append(protected, meant)
		}
	}
	return protected
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
