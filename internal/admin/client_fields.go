package admin

import (
	"encoding/json"
	"reflect"
	"time"

	"authly/internal/client"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

// ClientFields are the members of a client that an administrator writes. Names are those
// of dynamic registration (RFC 7591), but for scopes and resources, which are lists.
type ClientFields struct {
	Name                              Patch[string]                      `json:"client_name" required:"false" doc:"The name that people see."`
	ManagedBy                         Patch[string]                      `json:"managed_by" required:"false" doc:"The file that the client follows; see authly apply."`
	ApplicationType                   Patch[oauth.ApplicationType]       `json:"application_type" required:"false" doc:"web or native."`
	SecurityProfile                   Patch[client.SecurityProfile]      `json:"security_profile" required:"false" doc:"oauth21 or oidc-legacy; decides what is not set one by one."`
	Administrator                     Patch[bool]                        `json:"administrator" required:"false" doc:"Whether the client may administer this server on its own behalf."`
	AuthenticationMethod              Patch[oauth.AuthenticationMethod]  `json:"token_endpoint_auth_method" required:"false" doc:"client_secret_basic, client_secret_post, private_key_jwt or none (a public client)."`
	AuthenticationAlgorithm           Patch[jose.Algorithm]              `json:"token_endpoint_auth_signing_alg" required:"false" doc:"The only algorithm for assertions."`
	AssertionAudience                 Patch[client.AssertionAudience]    `json:"assertion_audience" required:"false" doc:"issuer or issuer_or_endpoint."`
	JWKS                              Patch[json.RawMessage]             `json:"jwks" required:"false" doc:"The public keys as a JWK set."`
	JWKSURI                           Patch[string]                      `json:"jwks_uri" required:"false" doc:"Where the public keys are."`
	RedirectURIs                      Patch[[]string]                    `json:"redirect_uris" required:"false" doc:"The redirect URIs, compared exactly."`
	GrantTypes                        Patch[[]oauth.GrantType]           `json:"grant_types" required:"false" doc:"authorization_code, refresh_token, client_credentials."`
	ResponseTypes                     Patch[[]oauth.ResponseType]        `json:"response_types" required:"false" doc:"code."`
	ResponseModes                     Patch[[]oauth.ResponseMode]        `json:"response_modes" required:"false" doc:"How authorization responses may travel."`
	Scopes                            Patch[oauth.ScopeSet]              `json:"scopes" required:"false" doc:"The scopes that the client may ask for."`
	Resources                         Patch[[]string]                    `json:"resources" required:"false" doc:"The resource indicators that it may ask tokens for (RFC 8707)."`
	ProtectedResources                Patch[[]string]                    `json:"protected_resources" required:"false" doc:"The resource indicators that it is the resource server of."`
	PKCE                              Patch[client.PKCE]                 `json:"pkce" required:"false" doc:"required, nonce_or_pkce or optional."`
	Consent                           Patch[client.ConsentPolicy]        `json:"consent" required:"false" doc:"remember, always or skip."`
	AccessTokenFormat                 Patch[client.AccessTokenFormat]    `json:"access_token_format" required:"false" doc:"at+jwt or opaque."`
	RefreshTokenRotation              Patch[client.RefreshTokenRotation] `json:"refresh_token_rotation" required:"false" doc:"rotate or static."`
	AccessTokenLifetime               Patch[int64]                       `json:"access_token_lifetime" required:"false" doc:"How long access tokens count, in seconds; 0 is the server's own."`
	RefreshTokenLifetime              Patch[int64]                       `json:"refresh_token_lifetime" required:"false" doc:"How long an authorization can be refreshed, in seconds; 0 is the server's own."`
	IDTokenAlgorithm                  Patch[jose.Algorithm]              `json:"id_token_signed_response_alg" required:"false" doc:"Signs ID tokens."`
	IDTokenEncryptionAlgorithm        Patch[jose.KeyAlgorithm]           `json:"id_token_encrypted_response_alg" required:"false" doc:"Encrypts the key of ID tokens."`
	IDTokenEncryptionContent          Patch[jose.ContentEncryption]      `json:"id_token_encrypted_response_enc" required:"false" doc:"Encrypts ID tokens."`
	UserInfoAlgorithm                 Patch[jose.Algorithm]              `json:"userinfo_signed_response_alg" required:"false" doc:"Signs UserInfo responses."`
	UserInfoEncryptionAlgorithm       Patch[jose.KeyAlgorithm]           `json:"userinfo_encrypted_response_alg" required:"false" doc:"Encrypts the key of UserInfo responses."`
	UserInfoEncryptionContent         Patch[jose.ContentEncryption]      `json:"userinfo_encrypted_response_enc" required:"false" doc:"Encrypts UserInfo responses."`
	ResponseAlgorithm                 Patch[jose.Algorithm]              `json:"authorization_signed_response_alg" required:"false" doc:"Signs authorization responses in the modes of JARM."`
	RequestObjectAlgorithm            Patch[jose.Algorithm]              `json:"request_object_signing_alg" required:"false" doc:"The only algorithm for request objects."`
	RequireSignedRequestObject        Patch[bool]                        `json:"require_signed_request_object" required:"false" doc:"Whether authorization requests have to be signed."`
	RequestURIs                       Patch[[]string]                    `json:"request_uris" required:"false" doc:"Where request objects may be."`
	SubjectType                       Patch[client.SubjectType]          `json:"subject_type" required:"false" doc:"public or pairwise."`
	SectorIdentifierURI               Patch[string]                      `json:"sector_identifier_uri" required:"false" doc:"Whose host is the sector of pairwise subjects."`
	RequireAuthTime                   Patch[bool]                        `json:"require_auth_time" required:"false" doc:"Whether ID tokens always have auth_time."`
	DefaultACRValues                  Patch[[]string]                    `json:"default_acr_values" required:"false" doc:"The context classes that are asked for when a request names none."`
	InitiateLoginURI                  Patch[string]                      `json:"initiate_login_uri" required:"false" doc:"Where others can begin a sign-in."`
	ClientURI                         Patch[string]                      `json:"client_uri" required:"false" doc:"The home page."`
	LogoURI                           Patch[string]                      `json:"logo_uri" required:"false" doc:"The logo."`
	PolicyURI                         Patch[string]                      `json:"policy_uri" required:"false" doc:"The privacy policy."`
	TermsOfServiceURI                 Patch[string]                      `json:"tos_uri" required:"false" doc:"The terms of service."`
	Contacts                          Patch[[]string]                    `json:"contacts" required:"false" doc:"Whom to ask about the client."`
	SoftwareID                        Patch[string]                      `json:"software_id" required:"false" doc:"The identifier of the software."`
	SoftwareVersion                   Patch[string]                      `json:"software_version" required:"false" doc:"The version of the software."`
	PostLogoutRedirectURIs            Patch[[]string]                    `json:"post_logout_redirect_uris" required:"false" doc:"Where to go after a logout."`
	BackChannelLogoutURI              Patch[string]                      `json:"backchannel_logout_uri" required:"false" doc:"Where logout tokens go."`
	BackChannelLogoutSessionRequired  Patch[bool]                        `json:"backchannel_logout_session_required" required:"false" doc:"Whether they need a session identifier."`
	FrontChannelLogoutURI             Patch[string]                      `json:"frontchannel_logout_uri" required:"false" doc:"What is loaded in a frame at a logout."`
	FrontChannelLogoutSessionRequired Patch[bool]                        `json:"frontchannel_logout_session_required" required:"false" doc:"Whether it needs a session identifier."`
	DefaultMaxAge                     Patch[*int64]                      `json:"default_max_age" required:"false" doc:"How long ago a sign-in may be if a request does not say max_age, in seconds; null for none."`
}

// apply changes what was sent.
func (f ClientFields) apply(m *client.Metadata) {
	f.applyIdentity(m)
	f.applyProtocol(m)
	f.applyRest(m)
}

func (f ClientFields) applyIdentity(m *client.Metadata) {
	f.Name.into(&m.Name)
	f.ManagedBy.into(&m.ManagedBy)
	f.ApplicationType.into(&m.ApplicationType)
	f.SecurityProfile.into(&m.SecurityProfile)
	f.Administrator.into(&m.Administrator)
	f.AuthenticationMethod.into(&m.AuthenticationMethod)
	f.AuthenticationAlgorithm.into(&m.AuthenticationAlgorithm)
	f.AssertionAudience.into(&m.AssertionAudience)
	f.JWKS.into(&m.JWKS)
	f.JWKSURI.into(&m.JWKSURI)
	f.RedirectURIs.into(&m.RedirectURIs)
	f.GrantTypes.into(&m.GrantTypes)
	f.ResponseTypes.into(&m.ResponseTypes)
	f.ResponseModes.into(&m.ResponseModes)
	f.Scopes.into(&m.Scopes)
	f.Resources.into(&m.Resources)
	f.ProtectedResources.into(&m.ProtectedResources)
	f.PKCE.into(&m.PKCE)
	f.Consent.into(&m.Consent)
	f.AccessTokenFormat.into(&m.AccessTokenFormat)
	f.RefreshTokenRotation.into(&m.RefreshTokenRotation)
}

func (f ClientFields) applyProtocol(m *client.Metadata) {
	secondsInto(f.AccessTokenLifetime, &m.AccessTokenLifetime)
	secondsInto(f.RefreshTokenLifetime, &m.RefreshTokenLifetime)
	f.IDTokenAlgorithm.into(&m.IDTokenAlgorithm)
	f.IDTokenEncryptionAlgorithm.into(&m.IDTokenEncryption.Algorithm)
	f.IDTokenEncryptionContent.into(&m.IDTokenEncryption.Content)
	f.UserInfoAlgorithm.into(&m.UserInfoAlgorithm)
	f.UserInfoEncryptionAlgorithm.into(&m.UserInfoEncryption.Algorithm)
	f.UserInfoEncryptionContent.into(&m.UserInfoEncryption.Content)
	f.ResponseAlgorithm.into(&m.ResponseAlgorithm)
	f.RequestObjectAlgorithm.into(&m.RequestObjectAlgorithm)
	f.RequireSignedRequestObject.into(&m.RequireSignedRequestObject)
	f.RequestURIs.into(&m.RequestURIs)
	f.SubjectType.into(&m.SubjectType)
	f.SectorIdentifierURI.into(&m.SectorIdentifierURI)
	f.RequireAuthTime.into(&m.RequireAuthTime)
	f.DefaultACRValues.into(&m.DefaultACRValues)
	if f.DefaultMaxAge.Sent {
		m.DefaultMaxAge = nil
		if seconds := f.DefaultMaxAge.Value; seconds != nil {
			age := inSeconds(*seconds)
			m.DefaultMaxAge = &age
		}
	}
}

func (f ClientFields) applyRest(m *client.Metadata) {
	f.InitiateLoginURI.into(&m.InitiateLoginURI)
	f.ClientURI.into(&m.ClientURI)
	f.LogoURI.into(&m.LogoURI)
	f.PolicyURI.into(&m.PolicyURI)
	f.TermsOfServiceURI.into(&m.TermsOfServiceURI)
	f.Contacts.into(&m.Contacts)
	f.SoftwareID.into(&m.SoftwareID)
	f.SoftwareVersion.into(&m.SoftwareVersion)
	f.PostLogoutRedirectURIs.into(&m.PostLogoutRedirectURIs)
	f.BackChannelLogoutURI.into(&m.BackChannelLogoutURI)
	f.BackChannelLogoutSessionRequired.into(&m.BackChannelLogoutSessionRequired)
	f.FrontChannelLogoutURI.into(&m.FrontChannelLogoutURI)
	f.FrontChannelLogoutSessionRequired.into(&m.FrontChannelLogoutSessionRequired)
}

// named returns the names of the members that were sent.
func (f ClientFields) named() []string {
	var names []string
	fields := reflect.ValueOf(f)
	for i := range fields.NumField() {
		if fields.Field(i).FieldByName("Sent").Bool() {
			names = append(names, fields.Type().Field(i).Tag.Get("json"))
		}
	}
	return names
}

// outOfBounds is longer than any lifetime can be, in seconds.
const outOfBounds = int64(1) << 33

// inSeconds returns a duration that is as wrong as the number if that is too large.
func inSeconds(seconds int64) time.Duration {
	return time.Duration(max(-1, min(seconds, outOfBounds))) * time.Second
}

func secondsInto(sent Patch[int64], target *time.Duration) {
	if sent.Sent {
		*target = inSeconds(sent.Value)
	}
}
