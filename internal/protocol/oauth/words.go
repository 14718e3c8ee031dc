package oauth

import "slices"

// GrantType is a value of the "grant_type" parameter.
type GrantType string

// The grant types (RFC 6749 sections 4.1.3, 6 and 4.4.2).
const (
	AuthorizationCode GrantType = "authorization_code"
	RefreshToken      GrantType = "refresh_token"
	ClientCredentials GrantType = "client_credentials"
)

// ResponseType is a value of the "response_type" parameter.
type ResponseType string

// ResponseTypeCode is the only response type of OAuth 2.1 (section 4.1.1).
const ResponseTypeCode ResponseType = "code"

// ResponseMode is how an authorization response travels.
type ResponseMode string

// The response modes for a response without tokens.
const (
	ResponseModeQuery    ResponseMode = "query"     // in the query of the redirect URI
	ResponseModeFormPost ResponseMode = "form_post" // OAuth 2.0 Form Post Response Mode

	// In one signed JWT (JWT Secured Authorization Response Mode, section 2.3).
	ResponseModeJWT         ResponseMode = "jwt" // query.jwt for the response type code
	ResponseModeQueryJWT    ResponseMode = "query.jwt"
	ResponseModeFormPostJWT ResponseMode = "form_post.jwt"
)

// ResponseModes returns all response modes, the default first.
func ResponseModes() []ResponseMode {
	return []ResponseMode{ResponseModeQuery, ResponseModeFormPost, ResponseModeJWT, ResponseModeQueryJWT, ResponseModeFormPostJWT}
}

// IsSupported reports whether m is one of [ResponseModes].
func (m ResponseMode) IsSupported() bool { return slices.Contains(ResponseModes(), m) }

// AuthenticationMethod is how a client authenticates at the token endpoint.
type AuthenticationMethod string

// The client authentication methods (RFC 7591 section 2).
const (
	ClientSecretBasic        AuthenticationMethod = "client_secret_basic"
	ClientSecretPost         AuthenticationMethod = "client_secret_post"
	PrivateKeyJWT            AuthenticationMethod = "private_key_jwt" // RFC 7523 section 2.2
	AuthenticationMethodNone AuthenticationMethod = "none"
)

// ApplicationType is where a client runs, which decides which redirect URIs it
// may have (OpenID Connect Registration 1.0 section 2).
type ApplicationType string

// The application types.
const (
	Web    ApplicationType = "web"
	Native ApplicationType = "native"
)

// CodeChallengeMethodS256 is the one PKCE method that is accepted (RFC 7636 section 4.2).
const CodeChallengeMethodS256 = "S256"
