package registration

import (
	"net/url"
	"slices"
	"strings"

	"authly/internal/client"
	"authly/internal/protocol/oauth"
)

// RequestURIs says whether clients may keep request objects at addresses of their own.
type RequestURIs string

// The two answers. The zero value refuses.
const (
	RequestURIsRefused RequestURIs = "refused"
	RequestURIsAllowed RequestURIs = "allowed"
)

// metadata puts what the client says about itself over base, which has what it
// can't say: see [client.Member]. There is no other way into a record. What is
// absent is emptied, so that base may be a record that is replaced.
func (m *members) metadata(base client.Metadata, policy Policy, requestURIs RequestURIs) (client.Metadata, error) {
	made := base
	for member := range client.Members() {
		if member.ByClient {
			m.into(member.Name, member.Of(&made))
		}
	}
	made.Name = strings.TrimSpace(made.Name)
	m.pair("id_token_encrypted_response", made.IDTokenEncryption())
	m.pair("userinfo_encrypted_response", made.UserInfoEncryption())
	if requestURIs != RequestURIsAllowed {
		made.RequestURIs = nil // it is registered without them, which the answer shows
	}
	made.ApplicationType = m.applicationType(made.RedirectURIs)
	made.Scopes = m.scopes(policy)
	if err := m.refusal(); err != nil {
		return client.Metadata{}, err
	}
	if made.Name == "" {
		made.Name = nameOf(made.RedirectURIs)
	}
	if err := m.grants(&made, policy); err != nil {
		return client.Metadata{}, err
	}
	return made, m.authenticationMethod(&made, policy)
}

// pair refuses a content encryption alone (OpenID Connect Registration 1.0 section 2).
func (m *members) pair(name string, read client.Encryption) {
	if read.Algorithm == "" && read.Content != "" {
		m.refuse(name + "_enc")
	}
}

// applicationType is what the client says. One that says nothing is taken for a
// native application if it has an address that only one can have: the default of OpenID Connect
// Registration 1.0 section 2, "web", would refuse what many such clients send (DR-05).
func (m *members) applicationType(redirectURIs []string) oauth.ApplicationType {
	local := slices.ContainsFunc(redirectURIs, isLocal)
	if !m.has("application_type") {
		if local {
			return oauth.Native
		}
		return oauth.Web
	}
	said := oauth.ApplicationType(m.text("application_type"))
	switch {
	case said != oauth.Web && said != oauth.Native:
		m.refuse("application_type")
	case said == oauth.Web && local:
		m.refuse("redirect_uris")
	}
	return said
}

// isLocal tells whether a redirect URI leads to a program on the user's machine.
func isLocal(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	if scheme != "https" && scheme != "http" {
		return true
	}
	parsed, err := url.Parse(uri)
	if err != nil {
		return false
	}
	return parsed.Hostname() == "localhost" || oauth.IsLoopbackRedirectURI("http"+strings.TrimPrefix(uri, scheme))
}

// scopes returns what is registered: of what is asked for, that which the policy
// allows. A client that asks for nothing, or for nothing that there is, gets the
// default scopes: none would be of no use to it (RFC 7591 section 2).
func (m *members) scopes(policy Policy) oauth.ScopeSet {
	if !m.has("scope") {
		return policy.DefaultScopes
	}
	asked, err := oauth.ParseScope(m.text("scope"))
	if err != nil {
		m.refuse("scope")
		return nil
	}
	if allowed := asked.Intersect(policy.Scopes); len(allowed) > 0 {
		return allowed
	}
	return policy.DefaultScopes
}

// grants makes the two lists consistent (RFC 7591 section 2.1). Of what is asked
// for, that which there isn't is left out as long as something remains: the
// answer says what was registered.
func (m *members) grants(made *client.Metadata, policy Policy) error {
	asked := words[oauth.GrantType](m.texts("grant_types"))
	if len(asked) == 0 {
		asked = []oauth.GrantType{oauth.AuthorizationCode}
	}
	made.GrantTypes = nil
	for _, grant := range asked {
		if slices.Contains(policy.GrantTypes, grant) {
			made.GrantTypes = append(made.GrantTypes, grant)
		}
	}
	if len(made.GrantTypes) == 0 {
		return oauth.Refuse(oauth.InvalidClientMetadata, "grant_types has none that this client may use")
	}
	made.ResponseTypes = nil
	if types := m.texts("response_types"); len(types) > 0 {
		if !slices.Contains(types, string(oauth.ResponseTypeCode)) {
			return oauth.Refuse(oauth.InvalidClientMetadata, "response_types has none that this server supports: it supports code")
		}
		if !slices.Contains(made.GrantTypes, oauth.AuthorizationCode) {
			return oauth.Refuse(oauth.InvalidClientMetadata, "the response type code needs the grant type authorization_code")
		}
		made.ResponseTypes = []oauth.ResponseType{oauth.ResponseTypeCode}
	}
	return m.refusal()
}

// authenticationMethod takes what the client asks for, or refuses it: to register
// another method would give it credentials that it does not expect (DR-03). The default is
// what it has, for a new client client_secret_basic.
func (m *members) authenticationMethod(made *client.Metadata, policy Policy) error {
	if asked := oauth.AuthenticationMethod(m.text("token_endpoint_auth_method")); asked != "" {
		made.AuthenticationMethod = asked
	}
	if made.AuthenticationMethod == "" {
		made.AuthenticationMethod = oauth.ClientSecretBasic
		if !slices.Contains(policy.AuthenticationMethods, oauth.ClientSecretBasic) {
			made.AuthenticationMethod = policy.AuthenticationMethods[0]
		}
	}
	if err := m.refusal(); err != nil {
		return err
	}
	if !slices.Contains(policy.AuthenticationMethods, made.AuthenticationMethod) {
		return oauth.Refuse(oauth.InvalidClientMetadata, "this client may not use this token_endpoint_auth_method")
	}
	if made.IsPublic() { // it can only have the strict ones, which are their defaults (OAuth 2.1 sections 4.1.1 and 4.3.1)
		made.PKCE, made.RefreshTokenRotation = "", ""
	}
	return nil
}

// nameOf names a client that has not said its name by where it is.
func nameOf(redirectURIs []string) string {
	for _, uri := range redirectURIs {
		if host := oauth.RedirectHost(uri); host != "" && len(host) <= maxNameBytes {
			return host
		}
	}
	return "Unnamed application"
}
