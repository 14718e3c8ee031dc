package client

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

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

// AssertionAudience says what a client's assertion may name as its audience.
type AssertionAudience string

// The audiences of assertions.
const (
	// AudienceIssuer takes the issuer alone, as RFC 7523 was amended against
	// assertions that one server passes on to another.
	AudienceIssuer AssertionAudience = "issuer"
	// AudienceIssuerOrEndpoint takes the token endpoint's URL too, as older clients
	// send it (OpenID Connect Core 1.0 section 9).
	AudienceIssuerOrEndpoint AssertionAudience = "issuer_or_endpoint"
)

// SubjectType says whether clients can recognize a user among them (OpenID
// Connect Core 1.0 section 8).
type SubjectType string

// The subject types.
const (
	SubjectPublic   SubjectType = "public"
	SubjectPairwise SubjectType = "pairwise" // another subject for each sector
)

// Encryption is how something is encrypted to a client's key; both parts are
// empty when it isn't (OpenID Connect Registration 1.0 section 2).
type Encryption struct {
	Algorithm jose.KeyAlgorithm
	Content   jose.ContentEncryption
}

// Metadata is what a client is registered with. What is left at its zero value gets the default that the field's comment
// names, or that of the security profile.
//
// Each field with a JSON name is a member, and this is its one definition: see [Member] for what follows from it and for
// the meaning of the tags.
type Metadata struct {
	RegisteredBy RegisteredBy `json:"-"` // administrator
	// RegisteredOpenly is set for a client that registered itself without an initial access token.
	RegisteredOpenly bool `json:"-"`

	Name string `json:"client_name" by:"client" doc:"The name that people see."`
	// ManagedBy names the file that the record follows, "" for none.
	ManagedBy       string                `json:"managed_by,omitempty" column:"not null" doc:"The file that the client follows; see authly apply."`
	ApplicationType oauth.ApplicationType `json:"application_type" doc:"web or native."`                                              // web
	SecurityProfile SecurityProfile       `json:"security_profile" doc:"oauth21 or oidc-legacy; decides what is not set one by one."` // oauth21
	// Administrator lets the client administer this server on its own behalf, with
	// the scopes that it was given for that.
	Administrator bool `json:"administrator" doc:"Whether the client may administer this server on its own behalf."`

	AuthenticationMethod oauth.AuthenticationMethod `json:"token_endpoint_auth_method" doc:"client_secret_basic, client_secret_post, private_key_jwt or none (a public client)."` // client_secret_basic
	// AuthenticationAlgorithm is the only one for assertions; empty means any.
	AuthenticationAlgorithm jose.Algorithm    `json:"token_endpoint_auth_signing_alg,omitempty" by:"client" doc:"The only algorithm for assertions."`
	AssertionAudience       AssertionAudience `json:"assertion_audience" doc:"issuer or issuer_or_endpoint."` // by profile
	// JWKS or JWKSURI has the client's public keys; never both.
	JWKS    json.RawMessage `json:"jwks,omitempty" by:"client" doc:"The public keys as a JWK set."`
	JWKSURI string          `json:"jwks_uri,omitempty" by:"client" doc:"Where the public keys are."`

	RedirectURIs  []string             `json:"redirect_uris" by:"client" doc:"The redirect URIs, compared exactly."`
	GrantTypes    []oauth.GrantType    `json:"grant_types" doc:"authorization_code, refresh_token, client_credentials."` // authorization_code
	ResponseTypes []oauth.ResponseType `json:"response_types" doc:"code."`                                               // as the grant types need
	ResponseModes []oauth.ResponseMode `json:"response_modes" doc:"How authorization responses may travel."`             // by profile
	Scopes        oauth.ScopeSet       `json:"scopes" doc:"The scopes that the client may ask for."`
	// Resources are the resource indicators of RFC 8707.
	Resources []string `json:"resources" doc:"The resource indicators that it may ask tokens for (RFC 8707)."`
	// ProtectedResources are those for which it may introspect tokens.
	ProtectedResources []string      `json:"protected_resources" doc:"The resource indicators that it is the resource server of."`
	PKCE               PKCE          `json:"pkce" doc:"required, nonce_or_pkce or optional."` // by profile
	Consent            ConsentPolicy `json:"consent" doc:"remember, always or skip."`         // remember

	AccessTokenFormat    AccessTokenFormat    `json:"access_token_format" doc:"at+jwt or opaque."`    // at+jwt
	RefreshTokenRotation RefreshTokenRotation `json:"refresh_token_rotation" doc:"rotate or static."` // rotate for public clients, static for confidential ones
	AccessTokenLifetime  Seconds              `json:"access_token_lifetime" doc:"How long access tokens count, in seconds; 0 is the server's own."`
	RefreshTokenLifetime Seconds              `json:"refresh_token_lifetime" doc:"How long an authorization can be refreshed, in seconds; 0 is the server's own."`

	IDTokenAlgorithm           jose.Algorithm         `json:"id_token_signed_response_alg" by:"client" doc:"Signs ID tokens."` // the server's own default
	IDTokenEncryptionAlgorithm jose.KeyAlgorithm      `json:"id_token_encrypted_response_alg,omitempty" by:"client" doc:"Encrypts the key of ID tokens."`
	IDTokenEncryptionContent   jose.ContentEncryption `json:"id_token_encrypted_response_enc,omitempty" by:"client" doc:"Encrypts ID tokens."`
	// UserInfoAlgorithm signs UserInfo responses; empty means that they are JSON.
	UserInfoAlgorithm           jose.Algorithm         `json:"userinfo_signed_response_alg,omitempty" by:"client" doc:"Signs UserInfo responses."`
	UserInfoEncryptionAlgorithm jose.KeyAlgorithm      `json:"userinfo_encrypted_response_alg,omitempty" by:"client" doc:"Encrypts the key of UserInfo responses."`
	UserInfoEncryptionContent   jose.ContentEncryption `json:"userinfo_encrypted_response_enc,omitempty" by:"client" doc:"Encrypts UserInfo responses."`
	ResponseAlgorithm           jose.Algorithm         `json:"authorization_signed_response_alg" by:"client" doc:"Signs authorization responses in the modes of JARM."` // RS256

	// RequestObjectAlgorithm is the only one for request objects; empty means any.
	RequestObjectAlgorithm     jose.Algorithm `json:"request_object_signing_alg,omitempty" by:"client" doc:"The only algorithm for request objects."`
	RequireSignedRequestObject bool           `json:"require_signed_request_object" by:"client" doc:"Whether authorization requests have to be signed."`
	RequestURIs                []string       `json:"request_uris" by:"client" doc:"Where request objects may be."`

	SubjectType         SubjectType `json:"subject_type" by:"client" doc:"public or pairwise."` // public
	SectorIdentifierURI string      `json:"sector_identifier_uri,omitempty" by:"client" doc:"Whose host is the sector of pairwise subjects."`
	RequireAuthTime     bool        `json:"require_auth_time" by:"client" doc:"Whether ID tokens always have auth_time."`
	DefaultACRValues    []string    `json:"default_acr_values" by:"client" doc:"The context classes that are asked for when a request names none."`
	InitiateLoginURI    string      `json:"initiate_login_uri,omitempty" by:"client" doc:"Where others can begin a sign-in."`

	ClientURI         string   `json:"client_uri,omitempty" by:"client" doc:"The home page."`
	LogoURI           string   `json:"logo_uri,omitempty" by:"client" doc:"The logo."`
	PolicyURI         string   `json:"policy_uri,omitempty" by:"client" doc:"The privacy policy."`
	TermsOfServiceURI string   `json:"tos_uri,omitempty" by:"client" doc:"The terms of service."`
	Contacts          []string `json:"contacts" by:"client" doc:"Whom to ask about the client."`
	SoftwareID        string   `json:"software_id,omitempty" by:"client" doc:"The identifier of the software."`
	SoftwareVersion   string   `json:"software_version,omitempty" by:"client" doc:"The version of the software."`

	PostLogoutRedirectURIs            []string `json:"post_logout_redirect_uris" by:"client" doc:"Where to go after a logout."`
	BackChannelLogoutURI              string   `json:"backchannel_logout_uri,omitempty" by:"client" doc:"Where logout tokens go."`
	BackChannelLogoutSessionRequired  bool     `json:"backchannel_logout_session_required" by:"client" doc:"Whether they need a session identifier."`
	FrontChannelLogoutURI             string   `json:"frontchannel_logout_uri,omitempty" by:"client" doc:"What is loaded in a frame at a logout."`
	FrontChannelLogoutSessionRequired bool     `json:"frontchannel_logout_session_required" by:"client" doc:"Whether it needs a session identifier."`

	// DefaultMaxAge is nil when the client registered none.
	DefaultMaxAge *Seconds `json:"default_max_age,omitempty" by:"client" doc:"How long ago a sign-in may be if a request does not say max_age, in seconds; null for none."`
}

// IDTokenEncryption returns how ID tokens are encrypted to the client; zero if they aren't.
func (m Metadata) IDTokenEncryption() Encryption {
	return Encryption{m.IDTokenEncryptionAlgorithm, m.IDTokenEncryptionContent}
}

// UserInfoEncryption returns how UserInfo responses are encrypted to the client; zero if they aren't.
func (m Metadata) UserInfoEncryption() Encryption {
	return Encryption{m.UserInfoEncryptionAlgorithm, m.UserInfoEncryptionContent}
}

// Sector returns the sector identifier, in which a user's pairwise subject is the
// same for all clients: the host of the sector identifier URI, else the one host of
// all redirect URIs (OpenID Connect Core 1.0 section 8.1). It is "" when there is no single one.
//
// Only an https host is one: whatever stands in the place of the host in the address of
// a native application (com.example.app://shop.example) belongs to nobody, and neither
// does the user's own machine. A client could pick its neighbours there, and know their users.
func (m Metadata) Sector() string {
	if parsed, err := url.Parse(m.SectorIdentifierURI); err == nil && parsed.Host != "" {
		return strings.ToLower(parsed.Hostname())
	}
	sector := ""
	for _, uri := range m.RedirectURIs {
		host := hostOf(uri)
		if host == "" || sector != "" && sector != host {
			return ""
		}
		sector = host
	}
	return sector
}

// PairwiseSector returns the sector of a client that knows users by pairwise
// subjects, and "" for any other. A client without a sector, which can't be registered,
// is one by itself.
func (c Client) PairwiseSector() string {
	if c.SubjectType != SubjectPairwise {
		return ""
	}
	if sector := c.Sector(); sector != "" {
		return sector
	}
	return "client " + c.ClientID // no host has a space
}

// hostOf returns the host of an https URL, "" for any other and for this machine.
func hostOf(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "https" || oauth.IsLoopbackRedirectURI("http://"+parsed.Host) {
		return ""
	}
	return strings.ToLower(parsed.Hostname())
}

// withDefaults fills in what was left out.
func (s *Service) withDefaults(m Metadata) Metadata {
	setDefault(&m.RegisteredBy, ByAdministrator)
	setDefault(&m.ApplicationType, oauth.Web)
	setDefault(&m.AuthenticationMethod, oauth.ClientSecretBasic)
	m = m.withProfile()
	setDefault(&m.Consent, ConsentRemember)
	setDefault(&m.AccessTokenFormat, FormatJWT)
	setDefault(&m.IDTokenAlgorithm, s.idTokenAlgorithm)
	setDefault(&m.ResponseAlgorithm, jose.RS256)
	setDefault(&m.SubjectType, SubjectPublic)
	const content = jose.A128CBCHS256 // OpenID Connect Registration 1.0 section 2
	if m.IDTokenEncryptionAlgorithm != "" {
		setDefault(&m.IDTokenEncryptionContent, content)
	}
	if m.UserInfoEncryptionAlgorithm != "" {
		setDefault(&m.UserInfoEncryptionContent, content)
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode}
	}
	if len(m.ResponseTypes) == 0 && slices.Contains(m.GrantTypes, oauth.AuthorizationCode) {
		m.ResponseTypes = []oauth.ResponseType{oauth.ResponseTypeCode}
	}
	return m
}

func setDefault[T ~string](target *T, value T) {
	if *target == "" {
		*target = value
	}
}
