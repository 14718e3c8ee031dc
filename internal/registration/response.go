package registration

import (
	"encoding/json"
	"net/url"
	"time"

	"authly/internal/client"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
)

// Registration is a client's record with what lets its owner change it.
type Registration struct {
	Client client.Client
	// Secret is zero if the client has none, or has seen it before: only its hash is kept.
	Secret secret.Redacted
	// Token is the registration access token (RFC 7592 section 3).
	Token secret.Redacted
	// URI is where the record is read and changed.
	URI string
}

// Path is where clients are registered, below the issuer.
const Path = "/oauth/register"

// recordURI returns the client configuration endpoint of a client.
func recordURI(issuer, clientID string) string {
	return issuer + Path + "/" + url.PathEscape(clientID)
}

// response is the client information response (RFC 7591 section 3.2.1, RFC 7592
// section 3): everything that is registered, as it is registered.
type response struct {
	ClientID              string `json:"client_id"`
	ClientSecret          string `json:"client_secret,omitempty"`
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	ClientIDIssuedAt      int64  `json:"client_id_issued_at"`
	RegistrationToken     string `json:"registration_access_token"`
	RegistrationURI       string `json:"registration_client_uri"`

	Name            string                `json:"client_name"`
	ApplicationType oauth.ApplicationType `json:"application_type"`
	RedirectURIs    []string              `json:"redirect_uris,omitempty"`
	GrantTypes      []oauth.GrantType     `json:"grant_types"`
	ResponseTypes   []oauth.ResponseType  `json:"response_types"`
	Scope           string                `json:"scope"`

	AuthenticationMethod    oauth.AuthenticationMethod `json:"token_endpoint_auth_method"`
	AuthenticationAlgorithm string                     `json:"token_endpoint_auth_signing_alg,omitempty"`
	JWKS                    json.RawMessage            `json:"jwks,omitempty"`
	JWKSURI                 string                     `json:"jwks_uri,omitempty"`

	ClientURI         string   `json:"client_uri,omitempty"`
	LogoURI           string   `json:"logo_uri,omitempty"`
	PolicyURI         string   `json:"policy_uri,omitempty"`
	TermsOfServiceURI string   `json:"tos_uri,omitempty"`
	Contacts          []string `json:"contacts,omitempty"`
	SoftwareID        string   `json:"software_id,omitempty"`
	SoftwareVersion   string   `json:"software_version,omitempty"`

	SubjectType         string   `json:"subject_type"`
	SectorIdentifierURI string   `json:"sector_identifier_uri,omitempty"`
	RequireAuthTime     bool     `json:"require_auth_time,omitempty"`
	DefaultMaxAge       *int64   `json:"default_max_age,omitempty"`
	DefaultACRValues    []string `json:"default_acr_values,omitempty"`
	InitiateLoginURI    string   `json:"initiate_login_uri,omitempty"`

	IDTokenAlgorithm           string   `json:"id_token_signed_response_alg"`
	IDTokenEncryption          string   `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenContentEncryption   string   `json:"id_token_encrypted_response_enc,omitempty"`
	UserInfoAlgorithm          string   `json:"userinfo_signed_response_alg,omitempty"`
	UserInfoEncryption         string   `json:"userinfo_encrypted_response_alg,omitempty"`
	UserInfoContentEncryption  string   `json:"userinfo_encrypted_response_enc,omitempty"`
	ResponseAlgorithm          string   `json:"authorization_signed_response_alg"`
	RequestObjectAlgorithm     string   `json:"request_object_signing_alg,omitempty"`
	RequireSignedRequestObject bool     `json:"require_signed_request_object,omitempty"`
	RequestURIs                []string `json:"request_uris,omitempty"`

	PostLogoutRedirectURIs            []string `json:"post_logout_redirect_uris,omitempty"`
	BackChannelLogoutURI              string   `json:"backchannel_logout_uri,omitempty"`
	BackChannelLogoutSessionRequired  bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontChannelLogoutURI             string   `json:"frontchannel_logout_uri,omitempty"`
	FrontChannelLogoutSessionRequired bool     `json:"frontchannel_logout_session_required,omitempty"`
}

func (r Registration) response() response {
	m := r.Client.Metadata
	made := response{
		ClientID: r.Client.ClientID, ClientSecret: r.Secret.Reveal(), ClientIDIssuedAt: r.Client.CreatedAt.Unix(),
		RegistrationToken: r.Token.Reveal(), RegistrationURI: r.URI,

		Name: m.Name, ApplicationType: m.ApplicationType, RedirectURIs: m.RedirectURIs, GrantTypes: m.GrantTypes,
		ResponseTypes: m.ResponseTypes, Scope: m.Scopes.String(),

		AuthenticationMethod: m.AuthenticationMethod, AuthenticationAlgorithm: string(m.AuthenticationAlgorithm), JWKS: m.JWKS, JWKSURI: m.JWKSURI,

		ClientURI: m.ClientURI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TermsOfServiceURI: m.TermsOfServiceURI, Contacts: m.Contacts,
		SoftwareID: m.SoftwareID, SoftwareVersion: m.SoftwareVersion,

		SubjectType: string(m.SubjectType), SectorIdentifierURI: m.SectorIdentifierURI, RequireAuthTime: m.RequireAuthTime,
		DefaultMaxAge: inSeconds(m.DefaultMaxAge), DefaultACRValues: m.DefaultACRValues, InitiateLoginURI: m.InitiateLoginURI,

		IDTokenAlgorithm: string(m.IDTokenAlgorithm), IDTokenEncryption: string(m.IDTokenEncryption.Algorithm),
		IDTokenContentEncryption: string(m.IDTokenEncryption.Content), UserInfoAlgorithm: string(m.UserInfoAlgorithm),
		UserInfoEncryption: string(m.UserInfoEncryption.Algorithm), UserInfoContentEncryption: string(m.UserInfoEncryption.Content),
		ResponseAlgorithm: string(m.ResponseAlgorithm), RequestObjectAlgorithm: string(m.RequestObjectAlgorithm),
		RequireSignedRequestObject: m.RequireSignedRequestObject, RequestURIs: m.RequestURIs,

		PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, BackChannelLogoutURI: m.BackChannelLogoutURI,
		BackChannelLogoutSessionRequired: m.BackChannelLogoutSessionRequired, FrontChannelLogoutURI: m.FrontChannelLogoutURI,
		FrontChannelLogoutSessionRequired: m.FrontChannelLogoutSessionRequired,
	}
	if !r.Secret.IsZero() {
		made.ClientSecretExpiresAt = new(int64)
	}
	if made.ResponseTypes == nil {
		made.ResponseTypes = []oauth.ResponseType{} // missing would mean code (RFC 7591 section 2)
	}
	return made
}

func inSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	seconds := int64(*d / time.Second)
	return &seconds
}
