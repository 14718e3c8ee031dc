package client

import (
	"slices"

	"authly/internal/protocol/oauth"
)

// SecurityProfile bundles what specifications disagree on. It decides the members
// that were not set one by one when a client is registered.
type SecurityProfile string

// The security profiles.
const (
	// ProfileOAuth21 holds clients to OAuth 2.1.
	ProfileOAuth21 SecurityProfile = "oauth21"
	// ProfileOpenIDLegacy is for confidential OpenID Connect clients that were written
	// before PKCE: they need no code challenge, and their assertions may name the
	// token endpoint. It is what the certification of OpenID providers asks for.
	ProfileOpenIDLegacy SecurityProfile = "oidc-legacy"
)

// IsKnown tells whether p is one of [SecurityProfiles].
func (p SecurityProfile) IsKnown() bool { return slices.Contains(SecurityProfiles(), p) }

// withProfile fills in the members that the profile decides.
func (m Metadata) withProfile() Metadata {
	setDefault(&m.SecurityProfile, ProfileOAuth21)
	if m.SecurityProfile == ProfileOpenIDLegacy {
		setDefault(&m.AssertionAudience, AudienceIssuerOrEndpoint)
		if !m.IsPublic() {
			setDefault(&m.PKCE, PKCEOptional)
		}
	}
	setDefault(&m.AssertionAudience, AudienceIssuer)
	setDefault(&m.PKCE, PKCERequired)
	if m.IsPublic() {
		setDefault(&m.RefreshTokenRotation, Rotate)
	}
	setDefault(&m.RefreshTokenRotation, Static)
	if len(m.ResponseModes) == 0 {
		m.ResponseModes = oauth.ResponseModes()
	}
	return m
}
