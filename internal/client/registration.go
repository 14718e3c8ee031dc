package client

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// The bounds of a client record.
const (
	maxNameBytes    = 200
	maxURIs         = 50
	maxURIBytes     = 2000
	maxListEntries  = 100
	maxLifetime     = 10 * 365 * 24 * time.Hour
	maxContactBytes = 254
)

// New is what a client is registered with. What is left at its zero value gets
// the safe default that the field's comment names.
type New struct {
	Name                   string
	ApplicationType        oauth.ApplicationType      // web
	AuthenticationMethod   oauth.AuthenticationMethod // client_secret_basic
	RedirectURIs           []string
	GrantTypes             []oauth.GrantType // authorization_code
	Scopes                 oauth.ScopeSet
	Resources              []string
	ProtectedResources     []string
	PKCE                   PKCE                 // required
	Consent                ConsentPolicy        // remember
	AccessTokenFormat      AccessTokenFormat    // at+jwt
	RefreshTokenRotation   RefreshTokenRotation // rotate for public clients, static for confidential ones
	IDTokenAlgorithm       jose.Algorithm       // RS256
	AccessTokenLifetime    time.Duration
	RefreshTokenLifetime   time.Duration
	ClientURI              string
	LogoURI                string
	PolicyURI              string
	TermsOfServiceURI      string
	Contacts               []string
	PostLogoutRedirectURIs []string
	RequireAuthTime        bool
	DefaultMaxAge          *time.Duration
}

func (n New) withDefaults() New {
	setDefault(&n.ApplicationType, oauth.Web)
	setDefault(&n.AuthenticationMethod, oauth.ClientSecretBasic)
	setDefault(&n.PKCE, PKCERequired)
	setDefault(&n.Consent, ConsentRemember)
	setDefault(&n.AccessTokenFormat, FormatJWT)
	setDefault(&n.IDTokenAlgorithm, jose.RS256)
	if n.AuthenticationMethod == oauth.AuthenticationMethodNone {
		setDefault(&n.RefreshTokenRotation, Rotate)
	}
	setDefault(&n.RefreshTokenRotation, Static)
	if len(n.GrantTypes) == 0 {
		n.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode}
	}
	return n
}

func setDefault[T ~string](target *T, value T) {
	if *target == "" {
		*target = value
	}
}

// validate returns a refusal that names every wrong field, or nil.
func (n New) validate() error {
	refusal := fault.New(fault.Invalid, "client.invalid")
	refuse := func(field, key string) { refusal = refusal.WithField(field, key) }

	if name := strings.TrimSpace(n.Name); name == "" || len(n.Name) > maxNameBytes || strings.ContainsFunc(n.Name, isControl) {
		refuse("client_name", "client.name_invalid")
	}
	if n.ApplicationType != oauth.Web && n.ApplicationType != oauth.Native {
		refuse("application_type", "client.unknown_value")
	}
	if !slices.Contains(AuthenticationMethods(), n.AuthenticationMethod) {
		refuse("token_endpoint_auth_method", "client.unknown_value")
	}
	if !n.IDTokenAlgorithm.IsSupported() {
		refuse("id_token_signed_response_alg", "client.unknown_value")
	}
	if !slices.Contains([]ConsentPolicy{ConsentRemember, ConsentAlways, ConsentSkip}, n.Consent) {
		refuse("consent", "client.unknown_value")
	}
	if n.AccessTokenFormat != FormatJWT && n.AccessTokenFormat != FormatOpaque {
		refuse("access_token_format", "client.unknown_value")
	}
	for field, lifetime := range map[string]time.Duration{
		"access_token_lifetime": n.AccessTokenLifetime, "refresh_token_lifetime": n.RefreshTokenLifetime,
	} {
		if lifetime < 0 || lifetime > maxLifetime || lifetime%time.Second != 0 {
			refuse(field, "client.lifetime_invalid")
		}
	}
	n.validateGrants(refuse)
	n.validateURIs(refuse)
	n.validateLists(refuse)
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

// AuthenticationMethods returns the methods that a client may register.
func AuthenticationMethods() []oauth.AuthenticationMethod {
	return []oauth.AuthenticationMethod{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.AuthenticationMethodNone}
}

func (n New) validateGrants(refuse func(field, key string)) {
	public := n.AuthenticationMethod == oauth.AuthenticationMethodNone
	for _, grant := range n.GrantTypes {
		if !slices.Contains([]oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials}, grant) {
			refuse("grant_types", "client.unknown_value")
		}
		if grant == oauth.ClientCredentials && public {
			refuse("grant_types", "client.public_without_credentials") // RFC 6749 section 4.4
		}
	}
	if slices.Contains(n.GrantTypes, oauth.RefreshToken) && !slices.Contains(n.GrantTypes, oauth.AuthorizationCode) {
		refuse("grant_types", "client.refresh_without_code")
	}
	switch n.PKCE {
	case PKCERequired:
	case PKCEOrNonce, PKCEOptional:
		if public {
			refuse("pkce", "client.public_needs_pkce") // OAuth 2.1 section 4.1.1
		}
	case pkceUnspecified:
		refuse("pkce", "client.unknown_value")
	default:
		refuse("pkce", "client.unknown_value")
	}
	switch n.RefreshTokenRotation {
	case Rotate:
	case Static:
		if public {
			refuse("refresh_token_rotation", "client.public_needs_rotation") // OAuth 2.1 section 4.3.1
		}
	default:
		refuse("refresh_token_rotation", "client.unknown_value")
	}
}

func (n New) validateURIs(refuse func(field, key string)) {
	if slices.Contains(n.GrantTypes, oauth.AuthorizationCode) && len(n.RedirectURIs) == 0 {
		refuse("redirect_uris", "client.redirect_uri_missing")
	}
	for field, uris := range map[string][]string{
		"redirect_uris": n.RedirectURIs, "post_logout_redirect_uris": n.PostLogoutRedirectURIs,
	} {
		if len(uris) > maxURIs {
			refuse(field, "client.too_many")
		}
		for _, uri := range uris {
			if oauth.ValidateRedirectURI(uri, n.ApplicationType) != nil {
				refuse(field, "client.redirect_uri_invalid")
			}
		}
	}
	for field, uri := range map[string]string{
		"client_uri": n.ClientURI, "logo_uri": n.LogoURI, "policy_uri": n.PolicyURI, "tos_uri": n.TermsOfServiceURI,
	} {
		if uri != "" && !isWebPage(uri) {
			refuse(field, "client.uri_invalid")
		}
	}
}

func (n New) validateLists(refuse func(field, key string)) {
	if len(n.Scopes) > maxListEntries {
		refuse("scope", "client.too_many")
	}
	for _, name := range n.Scopes {
		if !oauth.ValidScopeName(name) {
			refuse("scope", "client.scope_invalid")
		}
	}
	for field, indicators := range map[string][]string{"resources": n.Resources, "protected_resources": n.ProtectedResources} {
		if len(indicators) > oauth.MaxResources {
			refuse(field, "client.too_many")
		} else if _, err := oauth.ParseResources(indicators); err != nil {
			refuse(field, "client.uri_invalid")
		}
	}
	if len(n.ProtectedResources) > 0 && n.AuthenticationMethod == oauth.AuthenticationMethodNone {
		refuse("protected_resources", "client.public_without_credentials") // introspection needs credentials (RFC 7662 section 2.1)
	}
	if len(n.Contacts) > maxListEntries {
		refuse("contacts", "client.too_many")
	}
	for _, contact := range n.Contacts {
		if contact == "" || len(contact) > maxContactBytes || strings.ContainsFunc(contact, isControl) {
			refuse("contacts", "client.contact_invalid")
		}
	}
	if n.DefaultMaxAge != nil && (*n.DefaultMaxAge < 0 || *n.DefaultMaxAge > maxLifetime) {
		refuse("default_max_age", "client.lifetime_invalid")
	}
}

// isWebPage tells whether uri may be shown to a person as a link: an absolute
// https URL, or http on the machine itself.
func isWebPage(uri string) bool {
	if len(uri) > maxURIBytes || strings.ContainsFunc(uri, isControl) {
		return false
	}
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Host == "" || parsed.User != nil {
		return false
	}
	return parsed.Scheme == "https" || oauth.IsLoopbackRedirectURI(uri)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029' }
