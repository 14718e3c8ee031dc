package metadata

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

// ErrIncomplete is wrapped by the errors of [Document].
var ErrIncomplete = errors.New("incomplete capabilities")

// Capabilities describe what a server can do, as the sum of its mounted parts. Endpoints
// are absolute URLs; "" means not mounted. An empty list is left out of
// the document unless its comment says that it is required.
type Capabilities struct {
	Issuer string // required

	AuthorizationEndpoint string // required
	TokenEndpoint         string // required
	JWKSURI               string // required
	UserInfoEndpoint      string
	RevocationEndpoint    string
	IntrospectionEndpoint string
	EndSessionEndpoint    string
	RegistrationEndpoint  string
	CheckSessionIframe    string

	ResponseTypes []oauth.ResponseType // required
	ResponseModes []oauth.ResponseMode // required: missing would mean query and fragment
	GrantTypes    []oauth.GrantType    // required: missing would mean code and implicit

	TokenAuthenticationMethods         []oauth.AuthenticationMethod // required: missing would mean client_secret_basic
	RevocationAuthenticationMethods    []oauth.AuthenticationMethod // required with its endpoint
	IntrospectionAuthenticationMethods []oauth.AuthenticationMethod // required with its endpoint
	// AssertionAlgorithms sign client assertions at all of these endpoints; required
	// with private_key_jwt (RFC 8414 section 2).
	AssertionAlgorithms []jose.Algorithm

	Scopes                   []string
	Claims                   []string
	SubjectTypes             []string         // "public" if empty
	IDTokenSigningAlgorithms []jose.Algorithm // required
	PromptValues             []oidc.Prompt
	DisplayValues            []string

	UserInfoSigningAlgorithms      []jose.Algorithm
	AuthorizationSigningAlgorithms []jose.Algorithm    // of JARM
	EncryptionAlgorithms           []jose.KeyAlgorithm // of ID tokens and UserInfo responses
	ContentEncryptions             []jose.ContentEncryption

	ClaimsParameter  bool
	RequestParameter bool
	// RequestURIParameter accepts only addresses that the client has registered.
	RequestURIParameter            bool
	RequestObjectSigningAlgorithms []jose.Algorithm // required with either parameter

	// BackChannelLogout and FrontChannelLogout always come with the session's identifier.
	BackChannelLogout  bool
	FrontChannelLogout bool

	AuthenticationContextClasses []string // acr values
	UILocales                    []string // BCP 47
	ServiceDocumentation         string   // URL
	PolicyURI                    string   // URL
	TermsOfServiceURI            string   // URL
}

// document has the members in the order in which they are written.
type document struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	UserInfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	RevocationEndpoint    string `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	EndSessionEndpoint    string `json:"end_session_endpoint,omitempty"`
	RegistrationEndpoint  string `json:"registration_endpoint,omitempty"`
	CheckSessionIframe    string `json:"check_session_iframe,omitempty"`

	ResponseTypes        []oauth.ResponseType `json:"response_types_supported"`
	ResponseModes        []oauth.ResponseMode `json:"response_modes_supported"`
	GrantTypes           []oauth.GrantType    `json:"grant_types_supported"`
	CodeChallengeMethods []string             `json:"code_challenge_methods_supported"`

	TokenAuthenticationMethods         []oauth.AuthenticationMethod `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthenticationMethods    []oauth.AuthenticationMethod `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	IntrospectionAuthenticationMethods []oauth.AuthenticationMethod `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	TokenAssertionAlgorithms           []jose.Algorithm             `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAssertionAlgorithms      []jose.Algorithm             `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionAssertionAlgorithms   []jose.Algorithm             `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`

	Scopes                   []string         `json:"scopes_supported,omitempty"`
	Claims                   []string         `json:"claims_supported,omitempty"`
	ClaimTypes               []string         `json:"claim_types_supported"`
	SubjectTypes             []string         `json:"subject_types_supported"`
	IDTokenSigningAlgorithms []jose.Algorithm `json:"id_token_signing_alg_values_supported"`
	PromptValues             []oidc.Prompt    `json:"prompt_values_supported,omitempty"`
	DisplayValues            []string         `json:"display_values_supported,omitempty"`
	ACRValues                []string         `json:"acr_values_supported,omitempty"`
	UILocales                []string         `json:"ui_locales_supported,omitempty"`

	UserInfoSigningAlgorithms      []jose.Algorithm         `json:"userinfo_signing_alg_values_supported,omitempty"`
	AuthorizationSigningAlgorithms []jose.Algorithm         `json:"authorization_signing_alg_values_supported,omitempty"`
	IDTokenEncryptionAlgorithms    []jose.KeyAlgorithm      `json:"id_token_encryption_alg_values_supported,omitempty"`
	IDTokenContentEncryptions      []jose.ContentEncryption `json:"id_token_encryption_enc_values_supported,omitempty"`
	UserInfoEncryptionAlgorithms   []jose.KeyAlgorithm      `json:"userinfo_encryption_alg_values_supported,omitempty"`
	UserInfoContentEncryptions     []jose.ContentEncryption `json:"userinfo_encryption_enc_values_supported,omitempty"`

	ClaimsParameter                bool             `json:"claims_parameter_supported"`
	RequestParameter               bool             `json:"request_parameter_supported"`
	RequestURIParameter            bool             `json:"request_uri_parameter_supported"` // missing would mean true
	RequireRequestURIRegistration  bool             `json:"require_request_uri_registration,omitempty"`
	RequestObjectSigningAlgorithms []jose.Algorithm `json:"request_object_signing_alg_values_supported,omitempty"`
	ResponseIssuer                 bool             `json:"authorization_response_iss_parameter_supported"`

	BackChannelLogout         bool `json:"backchannel_logout_supported,omitempty"`
	BackChannelLogoutSession  bool `json:"backchannel_logout_session_supported,omitempty"`
	FrontChannelLogout        bool `json:"frontchannel_logout_supported,omitempty"`
	FrontChannelLogoutSession bool `json:"frontchannel_logout_session_supported,omitempty"`

	ServiceDocumentation string `json:"service_documentation,omitempty"`
	PolicyURI            string `json:"op_policy_uri,omitempty"`
	TermsOfServiceURI    string `json:"op_tos_uri,omitempty"`
}

// Document returns the JSON document for the capabilities. Equal capabilities give
// equal bytes. It fails if something required is missing or an endpoint is not
// below the issuer.
func Document(c Capabilities) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return json.Marshal(c.document())
}

func (c Capabilities) document() document {
	written := document{
		Issuer:                c.Issuer,
		AuthorizationEndpoint: c.AuthorizationEndpoint,
		TokenEndpoint:         c.TokenEndpoint,
		JWKSURI:               c.JWKSURI,
		UserInfoEndpoint:      c.UserInfoEndpoint,
		RevocationEndpoint:    c.RevocationEndpoint,
		IntrospectionEndpoint: c.IntrospectionEndpoint,
		EndSessionEndpoint:    c.EndSessionEndpoint,
		RegistrationEndpoint:  c.RegistrationEndpoint,
		CheckSessionIframe:    c.CheckSessionIframe,

		ResponseTypes:        c.ResponseTypes,
		ResponseModes:        c.ResponseModes,
		GrantTypes:           c.GrantTypes,
		CodeChallengeMethods: []string{oauth.CodeChallengeMethodS256},

		TokenAuthenticationMethods:         c.TokenAuthenticationMethods,
		RevocationAuthenticationMethods:    c.RevocationAuthenticationMethods,
		IntrospectionAuthenticationMethods: c.IntrospectionAuthenticationMethods,
		TokenAssertionAlgorithms:           c.AssertionAlgorithms,

		Scopes:                   c.Scopes,
		Claims:                   c.Claims,
		ClaimTypes:               []string{"normal"},
		SubjectTypes:             c.SubjectTypes,
		IDTokenSigningAlgorithms: c.IDTokenSigningAlgorithms,
		PromptValues:             c.PromptValues,
		DisplayValues:            c.DisplayValues,
		ACRValues:                c.AuthenticationContextClasses,
		UILocales:                c.UILocales,

		UserInfoSigningAlgorithms:      c.UserInfoSigningAlgorithms,
		AuthorizationSigningAlgorithms: c.AuthorizationSigningAlgorithms,
		IDTokenEncryptionAlgorithms:    c.EncryptionAlgorithms,
		IDTokenContentEncryptions:      c.ContentEncryptions,
		UserInfoEncryptionAlgorithms:   c.EncryptionAlgorithms,
		UserInfoContentEncryptions:     c.ContentEncryptions,

		ClaimsParameter:                c.ClaimsParameter,
		RequestParameter:               c.RequestParameter,
		RequestURIParameter:            c.RequestURIParameter,
		RequireRequestURIRegistration:  c.RequestURIParameter,
		RequestObjectSigningAlgorithms: c.RequestObjectSigningAlgorithms,
		ResponseIssuer:                 true,

		BackChannelLogout:         c.BackChannelLogout,
		BackChannelLogoutSession:  c.BackChannelLogout,
		FrontChannelLogout:        c.FrontChannelLogout,
		FrontChannelLogoutSession: c.FrontChannelLogout,

		ServiceDocumentation: c.ServiceDocumentation,
		PolicyURI:            c.PolicyURI,
		TermsOfServiceURI:    c.TermsOfServiceURI,
	}
	if c.RevocationEndpoint != "" {
		written.RevocationAssertionAlgorithms = c.AssertionAlgorithms
	}
	if c.IntrospectionEndpoint != "" {
		written.IntrospectionAssertionAlgorithms = c.AssertionAlgorithms
	}
	if len(written.SubjectTypes) == 0 {
		written.SubjectTypes = []string{"public"}
	}
	return written
}

// validate returns every problem at once.
func (c Capabilities) validate() error {
	if err := ValidateIssuer(c.Issuer); err != nil {
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	var problems []error
	for _, endpoint := range []struct {
		name, url string
		required  bool
	}{
		{"authorization_endpoint", c.AuthorizationEndpoint, true},
		{"token_endpoint", c.TokenEndpoint, true},
		{"jwks_uri", c.JWKSURI, true},
		{"userinfo_endpoint", c.UserInfoEndpoint, false},
		{"revocation_endpoint", c.RevocationEndpoint, false},
		{"introspection_endpoint", c.IntrospectionEndpoint, false},
		{"end_session_endpoint", c.EndSessionEndpoint, false},
		{"registration_endpoint", c.RegistrationEndpoint, false},
		{"check_session_iframe", c.CheckSessionIframe, false},
	} {
		if (endpoint.url != "" || endpoint.required) && !strings.HasPrefix(endpoint.url, c.Issuer+"/") {
			problems = append(problems, fmt.Errorf("%w: %s is not below the issuer", ErrIncomplete, endpoint.name))
		}
	}
	for _, list := range []struct {
		name      string
		isMissing bool
	}{
		{"response_types_supported", len(c.ResponseTypes) == 0},
		{"response_modes_supported", len(c.ResponseModes) == 0},
		{"grant_types_supported", len(c.GrantTypes) == 0},
		{"token_endpoint_auth_methods_supported", len(c.TokenAuthenticationMethods) == 0},
		{"id_token_signing_alg_values_supported", len(c.IDTokenSigningAlgorithms) == 0},
		{"revocation_endpoint_auth_methods_supported", (c.RevocationEndpoint == "") != (len(c.RevocationAuthenticationMethods) == 0)},
		{"introspection_endpoint_auth_methods_supported", (c.IntrospectionEndpoint == "") != (len(c.IntrospectionAuthenticationMethods) == 0)},
		{
			"token_endpoint_auth_signing_alg_values_supported",
			slices.Contains(c.TokenAuthenticationMethods, oauth.PrivateKeyJWT) == (len(c.AssertionAlgorithms) == 0),
		},
		{
			"request_object_signing_alg_values_supported",
			(c.RequestParameter || c.RequestURIParameter) == (len(c.RequestObjectSigningAlgorithms) == 0),
		},
		{"the two lists of encryption", (len(c.EncryptionAlgorithms) == 0) != (len(c.ContentEncryptions) == 0)},
		{"end_session_endpoint", (c.BackChannelLogout || c.FrontChannelLogout || c.CheckSessionIframe != "") && c.EndSessionEndpoint == ""},
	} {
		if list.isMissing {
			problems = append(problems, fmt.Errorf("%w: %s and what it belongs to", ErrIncomplete, list.name))
		}
	}
	return errors.Join(problems...)
}
