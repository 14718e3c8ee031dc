package oauth

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

// ResponseTypeCode is the one response type that OAuth 2.1 leaves (section 4.1.1).
const ResponseTypeCode ResponseType = "code"

// ResponseMode is how an authorization response travels.
type ResponseMode string

// ResponseModeQuery puts the response into the query of the redirect URI.
const ResponseModeQuery ResponseMode = "query"

// AuthenticationMethod is how a client proves who it is at the token endpoint.
type AuthenticationMethod string

// The client authentication methods (RFC 7591 section 2).
const (
	ClientSecretBasic        AuthenticationMethod = "client_secret_basic"
	ClientSecretPost         AuthenticationMethod = "client_secret_post"
	AuthenticationMethodNone AuthenticationMethod = "none"
)

// ApplicationType says where a client runs, which decides what redirect URIs it
// may have (OpenID Connect Registration 1.0 section 2).
type ApplicationType string

// The application types.
const (
	Web    ApplicationType = "web"
	Native ApplicationType = "native"
)

// CodeChallengeMethodS256 is the one PKCE method that is accepted (RFC 7636 section 4.2).
const CodeChallengeMethodS256 = "S256"
