package client

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"authly/internal/platform/fault"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
)

// The bounds of a client record.
const (
	maxNameBytes     = 200
	maxURIs          = 50
	maxURIBytes      = 2000
	maxListEntries   = 100
	maxLifetime      = Seconds(10 * 365 * 24 * time.Hour / time.Second)
	maxContactBytes  = 254
	maxSoftwareBytes = 255
)

// refuser notes that a field is wrong, and why.
type refuser func(field, key string)

// validate returns a refusal that names every wrong field, or nil. asks reports whether this server
// would ask an address; weakEncryption allows weak key algorithms.
func (m Metadata) validate(asks func(uri string) bool, weakEncryption bool) error {
	refusal := fault.New(fault.Invalid, "client.invalid")
	refuse := func(field, key string) { refusal = refusal.WithField(field, key) }
	if name := strings.TrimSpace(m.Name); name == "" || len(m.Name) > maxNameBytes || strings.ContainsFunc(m.Name, isDisguise) {
		refuse("client_name", "client.name_invalid")
	}
	if m.ManagedBy != "" && !policy.ValidManager(m.ManagedBy) {
		refuse("managed_by", "client.manager_invalid")
	}
	m.validateWords(refuse)
	m.validateGrants(refuse)
	m.validatePolicy(refuse)
	m.validateAdministration(refuse)
	m.validateKeys(refuse)
	m.validateAlgorithms(refuse, weakEncryption)
	m.validateURIs(refuse)
	m.validateAsked(refuse, asks)
	m.validateSector(refuse)
	m.validateLists(refuse)
	m.validateLifetimes(refuse)
	if len(refusal.Fields) > 0 {
		return refusal
	}
	return nil
}

func (m Metadata) validateWords(refuse refuser) {
	for field, isKnown := range map[string]bool{
		"security_profile":           m.SecurityProfile.IsKnown(),
		"application_type":           slices.Contains(ApplicationTypes(), m.ApplicationType),
		"token_endpoint_auth_method": slices.Contains(AuthenticationMethods(), m.AuthenticationMethod),
		"assertion_audience":         slices.Contains(AssertionAudiences(), m.AssertionAudience),
		"consent":                    slices.Contains(ConsentPolicies(), m.Consent),
		"access_token_format":        slices.Contains(AccessTokenFormats(), m.AccessTokenFormat),
		"subject_type":               slices.Contains(SubjectTypes(), m.SubjectType),
		"pkce":                       slices.Contains(PKCEPolicies(), m.PKCE),
		"refresh_token_rotation":     slices.Contains(RefreshTokenRotations(), m.RefreshTokenRotation),
	} {
		if !isKnown {
			refuse(field, "client.unknown_value")
		}
	}
	for _, mode := range m.ResponseModes {
		if !mode.IsSupported() {
			refuse("response_modes", "client.unknown_value")
		}
	}
}

func (m Metadata) validateGrants(refuse refuser) {
	for _, grant := range m.GrantTypes {
		if !slices.Contains(GrantTypes(), grant) {
			refuse("grant_types", "client.unknown_value")
		}
		if grant == oauth.ClientCredentials && m.IsPublic() {
			refuse("grant_types", "client.public_without_credentials") // RFC 6749 section 4.4
		}
	}
	withCode := slices.Contains(m.GrantTypes, oauth.AuthorizationCode)
	if slices.Contains(m.GrantTypes, oauth.RefreshToken) && !withCode {
		refuse("grant_types", "client.refresh_without_code")
	}
	for _, responseType := range m.ResponseTypes {
		if !slices.Contains(ResponseTypes(), responseType) || !withCode {
			refuse("response_types", "client.unknown_value")
		}
	}
	if withCode && len(m.RedirectURIs) == 0 {
		refuse("redirect_uris", "client.redirect_uri_missing")
	}
}

// validatePolicy holds what a public client can't choose.
func (m Metadata) validatePolicy(refuse refuser) {
	if m.IsPublic() && (m.PKCE == PKCEOrNonce || m.PKCE == PKCEOptional) {
		refuse("pkce", "client.public_needs_pkce") // OAuth 2.1 section 4.1.1
	}
	if m.IsPublic() && m.RefreshTokenRotation == Static {
		refuse("refresh_token_rotation", "client.public_needs_rotation") // OAuth 2.1 section 4.3.1
	}
	if m.Consent == ConsentSkip && (m.RegisteredBy == ByClient || !m.MayUse(oauth.AuthorizationCode)) {
		refuse("consent", "client.consent_without_effect") // nobody is asked about it, or everyone is all the same
	}
	if len(m.ProtectedResources) > 0 && m.IsPublic() {
		refuse("protected_resources", "client.public_without_credentials") // introspection needs credentials (RFC 7662 section 2.1)
	}
}

// validateAdministration holds who can administer this server: a client with credentials
// that acts on its own behalf and that an administrator has looked at. One that registered
// itself can't have a scope of the administration on anybody's behalf.
func (m Metadata) validateAdministration(refuse refuser) {
	acts := !m.IsPublic() && slices.Contains(m.GrantTypes, oauth.ClientCredentials)
	if m.Administrator && (!acts || m.RegisteredBy != ByAdministrator) {
		refuse("administrator", "client.can_not_administer")
	}
	if m.RegisteredBy == ByClient && slices.ContainsFunc(m.Scopes, oauth.IsAdministrationScope) {
		refuse("scope", "client.can_not_administer")
	}
}

// validateKeys checks where the client's keys are, and that there are some
// wherever one is needed.
func (m Metadata) validateKeys(refuse refuser) {
	inline, remote := len(m.JWKS) > 0, m.JWKSURI != ""
	if inline && remote {
		refuse("jwks", "client.keys_twice") // OpenID Connect Registration 1.0 section 2
	}
	if inline {
		m.validateRegisteredKeys(refuse)
	}
	if remote && !isWebPage(m.JWKSURI) {
		refuse("jwks_uri", "client.uri_invalid")
	}
	if inline || remote {
		return
	}
	for field, needsKeys := range map[string]bool{
		"token_endpoint_auth_method":      m.AuthenticationMethod == oauth.PrivateKeyJWT,
		"id_token_encrypted_response_alg": m.IDTokenEncryptionAlgorithm != "",
		"userinfo_encrypted_response_alg": m.UserInfoEncryptionAlgorithm != "",
		"request_object_signing_alg":      m.RequestObjectAlgorithm != "",
		"require_signed_request_object":   m.RequireSignedRequestObject,
	} {
		if needsKeys {
			refuse(field, "client.keys_missing")
		}
	}
}

// validateRegisteredKeys checks the keys of the record, and that one of them is for
// what the client registered. Those at an address may change, and are looked at when needed.
func (m Metadata) validateRegisteredKeys(refuse refuser) {
	set, err := jose.ParseKeySet(m.JWKS)
	if err != nil {
		refuse("jwks", "client.keys_invalid")
		return
	}
	signing := jose.Algorithms()
	if m.AuthenticationAlgorithm != "" {
		signing = []jose.Algorithm{m.AuthenticationAlgorithm}
	}
	if m.AuthenticationMethod == oauth.PrivateKeyJWT && !set.CanVerify(signing...) {
		refuse("jwks", "client.keys_missing")
	}
	for _, encryption := range []Encryption{m.IDTokenEncryption(), m.UserInfoEncryption()} {
		if encryption.Algorithm != "" && !set.CanEncrypt(encryption.Algorithm) {
			refuse("jwks", "client.keys_missing")
		}
	}
}

func (m Metadata) validateAlgorithms(refuse refuser, weakEncryption bool) {
	for field, algorithm := range map[string]jose.Algorithm{
		"id_token_signed_response_alg": m.IDTokenAlgorithm, "authorization_signed_response_alg": m.ResponseAlgorithm,
	} {
		if !algorithm.IsSupported() {
			refuse(field, "client.unknown_value")
		}
	}
	for field, algorithm := range map[string]jose.Algorithm{
		"userinfo_signed_response_alg": m.UserInfoAlgorithm, "request_object_signing_alg": m.RequestObjectAlgorithm,
		"token_endpoint_auth_signing_alg": m.AuthenticationAlgorithm,
	} {
		if algorithm != "" && !algorithm.IsSupported() {
			refuse(field, "client.unknown_value")
		}
	}
	for field, encryption := range map[string]Encryption{
		"id_token_encrypted_response": m.IDTokenEncryption(), "userinfo_encrypted_response": m.UserInfoEncryption(),
	} {
		if encryption == (Encryption{}) {
			continue
		}
		if !encryption.Algorithm.IsSupported() {
			refuse(field+"_alg", "client.unknown_value")
		} else if encryption.Algorithm.IsWeak() && !weakEncryption {
			refuse(field+"_alg", "client.encryption_weak")
		}
		if !encryption.Content.IsSupported() {
			refuse(field+"_enc", "client.unknown_value")
		}
	}
}

func (m Metadata) validateURIs(refuse refuser) {
	for field, uris := range map[string][]string{
		"redirect_uris": m.RedirectURIs, "post_logout_redirect_uris": m.PostLogoutRedirectURIs,
	} {
		if len(uris) > maxURIs {
			refuse(field, "client.too_many")
		}
		for i, uri := range uris {
			if oauth.ValidateRedirectURI(uri, m.ApplicationType) != nil {
				refuse(fmt.Sprintf("%s[%d]", field, i), "client.redirect_uri_invalid")
			}
		}
	}
	for field, uri := range map[string]string{
		"client_uri": m.ClientURI, "logo_uri": m.LogoURI, "policy_uri": m.PolicyURI, "tos_uri": m.TermsOfServiceURI,
		"backchannel_logout_uri": m.BackChannelLogoutURI, "frontchannel_logout_uri": m.FrontChannelLogoutURI,
	} {
		if uri != "" && !isWebPage(uri) {
			refuse(field, "client.uri_invalid")
		}
	}
	if strings.Contains(m.BackChannelLogoutURI, "#") { // OpenID Connect Back-Channel Logout 1.0 section 2.2
		refuse("backchannel_logout_uri", "client.uri_invalid")
	}
	m.validateFrontChannel(refuse)
	if m.InitiateLoginURI != "" && (!isWebPage(m.InitiateLoginURI) || !strings.HasPrefix(m.InitiateLoginURI, "https://")) {
		refuse("initiate_login_uri", "client.uri_invalid") // OpenID Connect Registration 1.0 section 2
	}
	if len(m.RequestURIs) > maxURIs {
		refuse("request_uris", "client.too_many")
	}
	for i, uri := range m.RequestURIs {
		if !isWebPage(uri) {
			refuse(fmt.Sprintf("request_uris[%d]", i), "client.uri_invalid")
		}
	}
}

// validateAsked refuses the addresses that this server would never ask: what a client has there would
// be missed only when it is needed.
func (m Metadata) validateAsked(refuse refuser, asks func(uri string) bool) {
	for field, uri := range map[string]string{"jwks_uri": m.JWKSURI, "backchannel_logout_uri": m.BackChannelLogoutURI} {
		if uri != "" && !asks(uri) {
			refuse(field, "client.address_never_asked")
		}
	}
	for i, uri := range m.RequestURIs {
		if !asks(uri) {
			refuse(fmt.Sprintf("request_uris[%d]", i), "client.address_never_asked")
		}
	}
}

// validateFrontChannel holds OpenID Connect Front-Channel Logout 1.0 section 2: no
// fragment, and the scheme, host and port of a redirect URI, so that nobody has browsers load
// the pages of others. The query can't have the parameters that are added to it. An IPv6 address
// can't stand in a content security policy (CSP level 3 section 2.3.1), which has to allow the frame.
func (m Metadata) validateFrontChannel(refuse refuser) {
	if m.FrontChannelLogoutURI == "" {
		return
	}
	parsed, err := oauth.ParseHTTPURI(m.FrontChannelLogoutURI)
	if err != nil || strings.HasPrefix(parsed.Host, "[") {
		refuse("frontchannel_logout_uri", "client.uri_invalid")
		return
	}
	_, query, _ := strings.Cut(parsed.Rest, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err != nil || decoded == "iss" || decoded == "sid" {
			refuse("frontchannel_logout_uri", "client.uri_invalid")
		}
	}
	if !slices.ContainsFunc(m.RedirectURIs, func(registered string) bool { return oauth.Origin(registered) == parsed.Origin() }) {
		refuse("frontchannel_logout_uri", "client.not_at_the_origin_of_a_redirect_uri")
	}
}

// validateSector holds OpenID Connect Core 1.0 section 8.1: a pairwise subject
// needs one sector. Whether the document at the URI lists the redirect URIs is for
// whoever can fetch it.
func (m Metadata) validateSector(refuse refuser) {
	if m.SectorIdentifierURI != "" && (!isWebPage(m.SectorIdentifierURI) || !strings.HasPrefix(m.SectorIdentifierURI, "https://")) {
		refuse("sector_identifier_uri", "client.uri_invalid")
	}
	if m.SubjectType == SubjectPairwise && m.Sector() == "" {
		refuse("sector_identifier_uri", "client.sector_missing")
	}
}

func (m Metadata) validateLists(refuse refuser) {
	if len(m.Scopes) > maxListEntries {
		refuse("scope", "client.too_many")
	}
	for _, name := range m.Scopes {
		if !oauth.ValidScopeName(name) {
			refuse("scope", "client.scope_invalid")
		}
	}
	for field, indicators := range map[string][]string{"resources": m.Resources, "protected_resources": m.ProtectedResources} {
		if len(indicators) > oauth.MaxResources {
			refuse(field, "client.too_many")
		} else if _, err := oauth.ParseResources(indicators); err != nil {
			refuse(field, "client.uri_invalid")
		}
	}
	for field, texts := range map[string][]string{"contacts": m.Contacts, "default_acr_values": m.DefaultACRValues} {
		if len(texts) > maxListEntries {
			refuse(field, "client.too_many")
		}
		for _, text := range texts {
			if text == "" || len(text) > maxContactBytes || strings.ContainsFunc(text, isControl) {
				refuse(field, "client.text_invalid")
			}
		}
	}
	for field, text := range map[string]string{"software_id": m.SoftwareID, "software_version": m.SoftwareVersion} {
		if len(text) > maxSoftwareBytes || strings.ContainsFunc(text, isControl) {
			refuse(field, "client.text_invalid")
		}
	}
}

func (m Metadata) validateLifetimes(refuse refuser) {
	for field, lifetime := range map[string]Seconds{
		"access_token_lifetime": m.AccessTokenLifetime, "refresh_token_lifetime": m.RefreshTokenLifetime,
	} {
		if lifetime < 0 || lifetime > maxLifetime {
			refuse(field, "client.lifetime_invalid")
		}
	}
	if m.DefaultMaxAge != nil && (*m.DefaultMaxAge < 0 || *m.DefaultMaxAge > maxLifetime) {
		refuse("default_max_age", "client.lifetime_invalid")
	}
}

// isWebPage tells whether uri may be shown to a person as a link, or asked by
// this server: an absolute https URL, or http on the machine itself.
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

// isDisguise finds what can make a name look like another, or like none: control and
// format characters (the direction overrides, zero-width ones), and letters without
// any shape. The two joiners are parts of words in some scripts.
func isDisguise(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0', unicode.ReplacementChar:
		return true
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029' }
