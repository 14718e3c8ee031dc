package admin

import (
	"encoding/json"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// Client is a client as administrators see it. It has no secret, and no hash of one.
type Client struct {
	ClientID                          string                      `json:"client_id"`
	State                             client.State                `json:"state" doc:"active or disabled."`
	BuiltIn                           bool                        `json:"built_in" doc:"Whether the client is this server's own; it can be disabled, and not be changed or deleted."`
	RegisteredBy                      client.RegisteredBy         `json:"registered_by" doc:"administrator, or client for one that registered itself."`
	RegisteredOpenly                  bool                        `json:"registered_openly" doc:"Whether the client registered itself without an initial access token."`
	SetByAdministrator                []string                    `json:"set_by_administrator,omitempty" doc:"Of a client that registered itself: what an administrator has set, which the client's own update leaves as it is."`
	CreatedAt                         time.Time                   `json:"created_at"`
	UpdatedAt                         time.Time                   `json:"updated_at"`
	Name                              string                      `json:"client_name" doc:"The name that people see."`
	ManagedBy                         string                      `json:"managed_by,omitempty" doc:"The file that the client follows."`
	ApplicationType                   oauth.ApplicationType       `json:"application_type" doc:"web or native."`
	SecurityProfile                   client.SecurityProfile      `json:"security_profile" doc:"oauth21 or oidc-legacy; decides what is not set one by one."`
	Administrator                     bool                        `json:"administrator" doc:"Whether the client may administer this server on its own behalf."`
	AuthenticationMethod              oauth.AuthenticationMethod  `json:"token_endpoint_auth_method" doc:"client_secret_basic, client_secret_post, private_key_jwt or none (a public client)."`
	AuthenticationAlgorithm           jose.Algorithm              `json:"token_endpoint_auth_signing_alg,omitempty" doc:"The only algorithm for assertions."`
	AssertionAudience                 client.AssertionAudience    `json:"assertion_audience" doc:"issuer or issuer_or_endpoint."`
	JWKS                              json.RawMessage             `json:"jwks,omitempty" doc:"The public keys as a JWK set."`
	JWKSURI                           string                      `json:"jwks_uri,omitempty" doc:"Where the public keys are."`
	RedirectURIs                      []string                    `json:"redirect_uris" doc:"The redirect URIs, compared exactly."`
	GrantTypes                        []oauth.GrantType           `json:"grant_types" doc:"authorization_code, refresh_token, client_credentials."`
	ResponseTypes                     []oauth.ResponseType        `json:"response_types" doc:"code."`
	ResponseModes                     []oauth.ResponseMode        `json:"response_modes" doc:"How authorization responses may travel."`
	Scopes                            oauth.ScopeSet              `json:"scopes" doc:"The scopes that the client may ask for."`
	Resources                         []string                    `json:"resources" doc:"The resource indicators that it may ask tokens for (RFC 8707)."`
	ProtectedResources                []string                    `json:"protected_resources" doc:"The resource indicators that it is the resource server of."`
	PKCE                              client.PKCE                 `json:"pkce" doc:"required, nonce_or_pkce or optional."`
	Consent                           client.ConsentPolicy        `json:"consent" doc:"remember, always or skip."`
	AccessTokenFormat                 client.AccessTokenFormat    `json:"access_token_format" doc:"at+jwt or opaque."`
	RefreshTokenRotation              client.RefreshTokenRotation `json:"refresh_token_rotation" doc:"rotate or static."`
	AccessTokenLifetime               int64                       `json:"access_token_lifetime" doc:"In seconds; 0 is the server's own."`
	RefreshTokenLifetime              int64                       `json:"refresh_token_lifetime" doc:"In seconds; 0 is the server's own."`
	IDTokenAlgorithm                  jose.Algorithm              `json:"id_token_signed_response_alg" doc:"Signs ID tokens."`
	IDTokenEncryptionAlgorithm        jose.KeyAlgorithm           `json:"id_token_encrypted_response_alg,omitempty" doc:"Encrypts the key of ID tokens."`
	IDTokenEncryptionContent          jose.ContentEncryption      `json:"id_token_encrypted_response_enc,omitempty" doc:"Encrypts ID tokens."`
	UserInfoAlgorithm                 jose.Algorithm              `json:"userinfo_signed_response_alg,omitempty" doc:"Signs UserInfo responses."`
	UserInfoEncryptionAlgorithm       jose.KeyAlgorithm           `json:"userinfo_encrypted_response_alg,omitempty" doc:"Encrypts the key of UserInfo responses."`
	UserInfoEncryptionContent         jose.ContentEncryption      `json:"userinfo_encrypted_response_enc,omitempty" doc:"Encrypts UserInfo responses."`
	ResponseAlgorithm                 jose.Algorithm              `json:"authorization_signed_response_alg" doc:"Signs authorization responses in the modes of JARM."`
	RequestObjectAlgorithm            jose.Algorithm              `json:"request_object_signing_alg,omitempty" doc:"The only algorithm for request objects."`
	RequireSignedRequestObject        bool                        `json:"require_signed_request_object" doc:"Whether authorization requests have to be signed."`
	RequestURIs                       []string                    `json:"request_uris" doc:"Where request objects may be."`
	SubjectType                       client.SubjectType          `json:"subject_type" doc:"public or pairwise."`
	SectorIdentifierURI               string                      `json:"sector_identifier_uri,omitempty" doc:"Whose host is the sector of pairwise subjects."`
	RequireAuthTime                   bool                        `json:"require_auth_time" doc:"Whether ID tokens always have auth_time."`
	DefaultACRValues                  []string                    `json:"default_acr_values" doc:"The context classes that are asked for when a request names none."`
	InitiateLoginURI                  string                      `json:"initiate_login_uri,omitempty" doc:"Where others can begin a sign-in."`
	ClientURI                         string                      `json:"client_uri,omitempty" doc:"The home page."`
	LogoURI                           string                      `json:"logo_uri,omitempty" doc:"The logo."`
	PolicyURI                         string                      `json:"policy_uri,omitempty" doc:"The privacy policy."`
	TermsOfServiceURI                 string                      `json:"tos_uri,omitempty" doc:"The terms of service."`
	Contacts                          []string                    `json:"contacts" doc:"Whom to ask about the client."`
	SoftwareID                        string                      `json:"software_id,omitempty" doc:"The identifier of the software."`
	SoftwareVersion                   string                      `json:"software_version,omitempty" doc:"The version of the software."`
	PostLogoutRedirectURIs            []string                    `json:"post_logout_redirect_uris" doc:"Where to go after a logout."`
	BackChannelLogoutURI              string                      `json:"backchannel_logout_uri,omitempty" doc:"Where logout tokens go."`
	BackChannelLogoutSessionRequired  bool                        `json:"backchannel_logout_session_required" doc:"Whether they need a session identifier."`
	FrontChannelLogoutURI             string                      `json:"frontchannel_logout_uri,omitempty" doc:"What is loaded in a frame at a logout."`
	FrontChannelLogoutSessionRequired bool                        `json:"frontchannel_logout_session_required" doc:"Whether it needs a session identifier."`
	DefaultMaxAge                     *int64                      `json:"default_max_age,omitempty" doc:"In seconds."`
}

// viewOf shows a client. Lists are never null.
func viewOf(c client.Client) Client {
	view := Client{
		ClientID: c.ClientID, State: c.State, BuiltIn: c.BuiltIn, RegisteredBy: c.RegisteredBy, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
		RegisteredOpenly: c.RegisteredOpenly, SetByAdministrator: c.Settled.Members(),
		Name:                              c.Name,
		ManagedBy:                         c.ManagedBy,
		ApplicationType:                   c.ApplicationType,
		SecurityProfile:                   c.SecurityProfile,
		Administrator:                     c.Administrator,
		AuthenticationMethod:              c.AuthenticationMethod,
		AuthenticationAlgorithm:           c.AuthenticationAlgorithm,
		AssertionAudience:                 c.AssertionAudience,
		JWKS:                              c.JWKS,
		JWKSURI:                           c.JWKSURI,
		RedirectURIs:                      listed(c.RedirectURIs),
		GrantTypes:                        listed(c.GrantTypes),
		ResponseTypes:                     listed(c.ResponseTypes),
		ResponseModes:                     listed(c.ResponseModes),
		Scopes:                            listed(c.Scopes),
		Resources:                         listed(c.Resources),
		ProtectedResources:                listed(c.ProtectedResources),
		PKCE:                              c.PKCE,
		Consent:                           c.Consent,
		AccessTokenFormat:                 c.AccessTokenFormat,
		RefreshTokenRotation:              c.RefreshTokenRotation,
		AccessTokenLifetime:               int64(c.AccessTokenLifetime / time.Second),
		RefreshTokenLifetime:              int64(c.RefreshTokenLifetime / time.Second),
		IDTokenAlgorithm:                  c.IDTokenAlgorithm,
		IDTokenEncryptionAlgorithm:        c.IDTokenEncryption.Algorithm,
		IDTokenEncryptionContent:          c.IDTokenEncryption.Content,
		UserInfoAlgorithm:                 c.UserInfoAlgorithm,
		UserInfoEncryptionAlgorithm:       c.UserInfoEncryption.Algorithm,
		UserInfoEncryptionContent:         c.UserInfoEncryption.Content,
		ResponseAlgorithm:                 c.ResponseAlgorithm,
		RequestObjectAlgorithm:            c.RequestObjectAlgorithm,
		RequireSignedRequestObject:        c.RequireSignedRequestObject,
		RequestURIs:                       listed(c.RequestURIs),
		SubjectType:                       c.SubjectType,
		SectorIdentifierURI:               c.SectorIdentifierURI,
		RequireAuthTime:                   c.RequireAuthTime,
		DefaultACRValues:                  listed(c.DefaultACRValues),
		InitiateLoginURI:                  c.InitiateLoginURI,
		ClientURI:                         c.ClientURI,
		LogoURI:                           c.LogoURI,
		PolicyURI:                         c.PolicyURI,
		TermsOfServiceURI:                 c.TermsOfServiceURI,
		Contacts:                          listed(c.Contacts),
		SoftwareID:                        c.SoftwareID,
		SoftwareVersion:                   c.SoftwareVersion,
		PostLogoutRedirectURIs:            listed(c.PostLogoutRedirectURIs),
		BackChannelLogoutURI:              c.BackChannelLogoutURI,
		BackChannelLogoutSessionRequired:  c.BackChannelLogoutSessionRequired,
		FrontChannelLogoutURI:             c.FrontChannelLogoutURI,
		FrontChannelLogoutSessionRequired: c.FrontChannelLogoutSessionRequired,
	}
	if c.DefaultMaxAge != nil {
		seconds := int64(*c.DefaultMaxAge / time.Second)
		view.DefaultMaxAge = &seconds
	}
	return view
}

func listed[L ~[]T, T any](list L) L {
	if list == nil {
		return L{}
	}
	return list
}
