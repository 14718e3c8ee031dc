package client

import "authly/internal/protocol/oauth"

// The words that a record can have, each list with the default first. What is validated is
// validated by them, and what is described is described by them.

// AuthenticationMethods returns the methods that a client may register.
func AuthenticationMethods() []oauth.AuthenticationMethod {
	return []oauth.AuthenticationMethod{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.PrivateKeyJWT, oauth.AuthenticationMethodNone}
}

// ApplicationTypes returns the types that a client may register.
func ApplicationTypes() []oauth.ApplicationType {
	return []oauth.ApplicationType{oauth.Web, oauth.Native}
}

// GrantTypes returns the grants that a client may register.
func GrantTypes() []oauth.GrantType {
	return []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials}
}

// ResponseTypes returns the response types that a client may register.
func ResponseTypes() []oauth.ResponseType { return []oauth.ResponseType{oauth.ResponseTypeCode} }

// SecurityProfiles returns all profiles.
func SecurityProfiles() []SecurityProfile {
	return []SecurityProfile{ProfileOAuth21, ProfileOpenIDLegacy}
}

// PKCEPolicies returns all policies.
func PKCEPolicies() []PKCE { return []PKCE{PKCERequired, PKCEOrNonce, PKCEOptional} }

// ConsentPolicies returns all policies.
func ConsentPolicies() []ConsentPolicy {
	return []ConsentPolicy{ConsentRemember, ConsentAlways, ConsentSkip}
}

// AccessTokenFormats returns all formats.
func AccessTokenFormats() []AccessTokenFormat { return []AccessTokenFormat{FormatJWT, FormatOpaque} }

// RefreshTokenRotations returns all policies, of which the type of a client decides the default.
func RefreshTokenRotations() []RefreshTokenRotation { return []RefreshTokenRotation{Rotate, Static} }

// AssertionAudiences returns what assertions may have to name.
func AssertionAudiences() []AssertionAudience {
	return []AssertionAudience{AudienceIssuer, AudienceIssuerOrEndpoint}
}

// SubjectTypes returns all types.
func SubjectTypes() []SubjectType { return []SubjectType{SubjectPublic, SubjectPairwise} }
