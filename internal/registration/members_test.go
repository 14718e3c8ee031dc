package registration

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/protocol/oauth"
)

// Whatever a request is, what comes out of it is within its policy, or a refusal
// that a client may read.
func FuzzRegistrationRequest(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `null`, ``, `{"redirect_uris":["https://app.example/callback"],"scope":"openid admin"}`,
		`{"redirect_uris":["com.example:/x"],"application_type":null,"grant_types":["implicit","authorization_code"]}`,
		`{"redirect_uris":[null],"contacts":"x","default_max_age":1e3}`, `{"jwks":{"keys":[]},"jwks_uri":"x","response_types":[]}`,
		`{"redirect_uris":["https://a/b"],"consent":"skip","security_profile":"oidc-legacy","registered_by":"administrator","client_id":"x"}`,
		`{"token_endpoint_auth_method":"none","grant_types":["client_credentials"],"userinfo_encrypted_response_enc":"A128GCM"}`,
	} {
		f.Add(seed)
	}
	policy := Policy{Scopes: oauth.ScopeSet{"openid", "email"}}.withDefaults()
	f.Fuzz(func(t *testing.T, document string) {
		read, err := parseMembers([]byte(document))
		if err == nil {
			var metadata client.Metadata
			if metadata, err = read.metadata(policy.base(), policy, RequestURIsRefused); err == nil {
				if metadata.RegisteredBy != client.ByClient || metadata.Consent != client.ConsentRemember || metadata.SecurityProfile != client.ProfileOAuth21 ||
					len(metadata.ProtectedResources)+len(metadata.Resources)+len(metadata.ResponseModes)+len(metadata.RequestURIs) > 0 ||
					metadata.PKCE != "" || metadata.AccessTokenFormat != "" || metadata.AccessTokenLifetime != 0 || metadata.AssertionAudience != "" {
					t.Fatalf("a request wrote what is not its own: %+v", metadata)
				}
				if !policy.Scopes.ContainsAll(metadata.Scopes) || len(metadata.Scopes) == 0 || !containsAll(policy.GrantTypes, metadata.GrantTypes) || metadata.Name == "" {
					t.Fatalf("beyond the policy: %+v", metadata)
				}
				return
			}
		}
		var refusal *oauth.Error
		if !errors.As(err, &refusal) || refusal.Code != oauth.InvalidClientMetadata && refusal.Code != oauth.InvalidRedirectURI {
			t.Fatalf("not a refusal for a client: %v", err)
		}
	})
}

// The answer has every member that a request can write, by the same name.
func TestWhatIsReadIsAnswered(t *testing.T) {
	t.Parallel()
	sent := map[string]any{
		"redirect_uris": []string{"https://app.example/callback"}, "post_logout_redirect_uris": []string{"https://app.example/bye"},
		"backchannel_logout_uri": "https://app.example/b", "backchannel_logout_session_required": true, "frontchannel_logout_uri": "https://app.example/f",
		"frontchannel_logout_session_required": true, "initiate_login_uri": "https://app.example/i", "client_name": "n", "client_uri": "https://app.example/u",
		"logo_uri": "https://app.example/l", "policy_uri": "https://app.example/p", "tos_uri": "https://app.example/t", "contacts": []string{"c"},
		"software_id": "s", "software_version": "v", "subject_type": "pairwise", "sector_identifier_uri": "https://app.example/s", "require_auth_time": true,
		"default_max_age": 0, "default_acr_values": []string{"1"}, "jwks": map[string]any{"keys": []any{}}, "jwks_uri": "https://app.example/k",
		"token_endpoint_auth_signing_alg": "ES256", "id_token_signed_response_alg": "ES256", "id_token_encrypted_response_alg": "RSA-OAEP",
		"id_token_encrypted_response_enc": "A256GCM", "userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "RSA-OAEP",
		"userinfo_encrypted_response_enc": "A256GCM", "authorization_signed_response_alg": "ES256", "request_object_signing_alg": "ES256",
		"require_signed_request_object": true, "request_uris": []string{"https://app.example/r"}, "application_type": "web", "scope": "email openid",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "client_secret_post",
	}
	for member := range client.Members() {
		if _, is := sent[member.Name]; member.ByClient && !is {
			t.Errorf("%s is not sent", member.Name)
		}
	}
	document, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	read, err := parseMembers(document)
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{}.withDefaults()
	metadata, err := read.metadata(policy.base(), policy, RequestURIsAllowed)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(Registration{Client: client.Client{Metadata: metadata}}.response())
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]any{}
	if err := json.Unmarshal(encoded, &answered); err != nil {
		t.Fatal(err)
	}
	for name, value := range sent {
		want, _ := json.Marshal(value)
		got, _ := json.Marshal(answered[name])
		if string(got) != string(want) {
			t.Errorf("%s is answered as %s, want %s", name, got, want)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy Policy
		wrong  string
	}{
		"nothing":                    {Policy{}, ""},
		"oidc-legacy":                {Policy{SecurityProfile: client.ProfileOpenIDLegacy, UnusedLifetime: 60}, ""},
		"profile that there isn't":   {Policy{SecurityProfile: "fapi9"}, "security_profile"},
		"scope that is none":         {Policy{Scopes: oauth.ScopeSet{"a b"}}, "scopes"},
		"default beyond the scopes":  {Policy{Scopes: oauth.ScopeSet{"openid"}, DefaultScopes: oauth.ScopeSet{"email"}}, "default_scopes"},
		"too many scopes":            {Policy{Scopes: oauth.ScopeSet(strings.Split(strings.Repeat("a ", 101)+"a", " "))}, "scopes"},
		"method that there isn't":    {Policy{AuthenticationMethods: []oauth.AuthenticationMethod{"client_secret_jwt"}}, "authentication_methods"},
		"grant that there isn't":     {Policy{GrantTypes: []oauth.GrantType{"password"}}, "grant_types"},
		"resource that is none":      {Policy{Resources: []string{"api"}}, "resources"},
		"consent may not be skipped": {Policy{Consent: client.ConsentSkip}, "consent"},
		"rotation that there isn't":  {Policy{RefreshTokenRotation: "sometimes"}, "refresh_token_rotation"},
		"one by one": {Policy{
			PKCE: client.PKCEOptional, AssertionAudience: client.AudienceIssuerOrEndpoint, ResponseModes: []oauth.ResponseMode{oauth.ResponseModeQuery},
			RefreshTokenRotation: client.Rotate, AccessTokenLifetime: 60, RefreshTokenLifetime: 60,
		}, ""},
		"challenge that there isn't":   {Policy{PKCE: "plain"}, "pkce"},
		"audience that there isn't":    {Policy{AssertionAudience: "anybody"}, "assertion_audience"},
		"mode that there isn't":        {Policy{ResponseModes: []oauth.ResponseMode{"fragment"}}, "response_modes"},
		"negative lifetime":            {Policy{AccessTokenLifetime: -1}, "access_token_lifetime"},
		"lifetime of centuries":        {Policy{RefreshTokenLifetime: 1 << 62}, "refresh_token_lifetime"},
		"negative unused lifetime":     {Policy{UnusedLifetime: -1}, "unused_lifetime"},
		"unused lifetime of a second":  {Policy{UnusedLifetime: 1}, "unused_lifetime"},
		"unused lifetime of centuries": {Policy{UnusedLifetime: 1 << 62}, "unused_lifetime"},
	} {
		err := test.policy.withDefaults().validate()
		var refusal *fault.Error
		if test.wrong == "" && err != nil || test.wrong != "" && (!errors.As(err, &refusal) || refusal.Fields[test.wrong] == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
