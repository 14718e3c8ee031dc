package client

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

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

// Metadata is what a client is registered with. What is left at its zero value
// gets the default that the field's comment names, or that of the security profile.
type Metadata struct {
	Name         string
	RegisteredBy RegisteredBy // administrator
	// RegisteredOpenly is set for a client that registered itself without an initial access token.
	RegisteredOpenly bool
	// ManagedBy names the file that the record follows, "" for none.
	ManagedBy string
	// Administrator lets the client administer this server on its own behalf, with
	// the scopes that it was given for that.
	Administrator   bool
	SecurityProfile SecurityProfile       // oauth21
	ApplicationType oauth.ApplicationType // web

	AuthenticationMethod oauth.AuthenticationMethod // client_secret_basic
	// AuthenticationAlgorithm is the only one for assertions; empty means any.
	AuthenticationAlgorithm jose.Algorithm
	AssertionAudience       AssertionAudience // by profile
	// JWKS or JWKSURI has the client's public keys; never both.
	JWKS    json.RawMessage
	JWKSURI string

	RedirectURIs  []string
	GrantTypes    []oauth.GrantType    // authorization_code
	ResponseTypes []oauth.ResponseType // as the grant types need
	ResponseModes []oauth.ResponseMode // by profile
	// Scopes are those that it may ask for.
	Scopes oauth.ScopeSet
	// Resources are the resource indicators that it may ask tokens for (RFC 8707).
	Resources []string
	// ProtectedResources are the resource indicators that it is the resource
	// server of: it may introspect tokens for them.
	ProtectedResources []string
	PKCE               PKCE          // by profile
	Consent            ConsentPolicy // remember

	AccessTokenFormat    AccessTokenFormat    // at+jwt
	RefreshTokenRotation RefreshTokenRotation // rotate for public clients, static for confidential ones
	// Lifetimes of zero mean the server's own.
	AccessTokenLifetime  time.Duration
	RefreshTokenLifetime time.Duration

	IDTokenAlgorithm  jose.Algorithm // the server's own default
	IDTokenEncryption Encryption     // none
	// UserInfoAlgorithm signs UserInfo responses; empty means that they are JSON.
	UserInfoAlgorithm  jose.Algorithm
	UserInfoEncryption Encryption // none
	// ResponseAlgorithm signs authorization responses in the modes of JARM.
	ResponseAlgorithm jose.Algorithm // RS256

	// RequestObjectAlgorithm is the only one for request objects; empty means any.
	RequestObjectAlgorithm     jose.Algorithm
	RequireSignedRequestObject bool
	RequestURIs                []string

	SubjectType         SubjectType // public
	SectorIdentifierURI string
	RequireAuthTime     bool
	// DefaultMaxAge is nil when the client registered none.
	DefaultMaxAge    *time.Duration
	DefaultACRValues []string
	InitiateLoginURI string

	ClientURI         string
	LogoURI           string
	PolicyURI         string
	TermsOfServiceURI string
	Contacts          []string
	SoftwareID        string
	SoftwareVersion   string

	PostLogoutRedirectURIs            []string
	BackChannelLogoutURI              string
	BackChannelLogoutSessionRequired  bool
	FrontChannelLogoutURI             string
	FrontChannelLogoutSessionRequired bool
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
	for _, encryption := range []*Encryption{&m.IDTokenEncryption, &m.UserInfoEncryption} {
		if encryption.Algorithm != "" {
			setDefault(&encryption.Content, jose.A128CBCHS256) // OpenID Connect Registration 1.0 section 2
		}
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
