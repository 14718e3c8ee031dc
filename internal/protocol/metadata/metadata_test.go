package metadata_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/protocol/jose"
	"authly/internal/protocol/metadata"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/oidc"
)

var update = flag.Bool("update", false, "write the golden files anew")

func least() metadata.Capabilities {
	return metadata.Capabilities{
		Issuer:                     "https://id.example/tenant",
		AuthorizationEndpoint:      "https://id.example/tenant/oauth/authorize",
		TokenEndpoint:              "https://id.example/tenant/oauth/token",
		JWKSURI:                    "https://id.example/tenant/.well-known/jwks.json",
		ResponseTypes:              []oauth.ResponseType{oauth.ResponseTypeCode},
		ResponseModes:              []oauth.ResponseMode{oauth.ResponseModeQuery},
		GrantTypes:                 []oauth.GrantType{oauth.AuthorizationCode},
		TokenAuthenticationMethods: []oauth.AuthenticationMethod{oauth.AuthenticationMethodNone},
		IDTokenSigningAlgorithms:   []jose.Algorithm{jose.RS256},
	}
}

func full() metadata.Capabilities {
	c := least()
	c.UserInfoEndpoint = c.Issuer + "/oidc/userinfo"
	c.RevocationEndpoint = c.Issuer + "/oauth/revoke"
	c.IntrospectionEndpoint = c.Issuer + "/oauth/introspect"
	c.EndSessionEndpoint = c.Issuer + "/logout"
	c.GrantTypes = []oauth.GrantType{oauth.AuthorizationCode, oauth.RefreshToken, oauth.ClientCredentials}
	c.TokenAuthenticationMethods = []oauth.AuthenticationMethod{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.AuthenticationMethodNone}
	c.RevocationAuthenticationMethods = c.TokenAuthenticationMethods
	c.IntrospectionAuthenticationMethods = c.TokenAuthenticationMethods[:2]
	c.Scopes = []string{"openid", "offline_access", "email"}
	c.Claims = oidc.ClaimNames(c.Scopes)
	c.IDTokenSigningAlgorithms = jose.Algorithms()
	c.PromptValues = oidc.Prompts()
	c.AuthenticationContextClasses = []string{"urn:example:acr"}
	c.UILocales = []string{"en"}
	c.RegistrationEndpoint, c.CheckSessionIframe = c.Issuer+"/oauth/register", c.Issuer+"/oidc/session"
	c.TokenAuthenticationMethods = append(c.TokenAuthenticationMethods, oauth.PrivateKeyJWT)
	c.AssertionAlgorithms, c.SubjectTypes, c.DisplayValues = jose.Algorithms(), []string{"public", "pairwise"}, []string{"page", "popup"}
	c.ResponseModes = oauth.ResponseModes()
	c.UserInfoSigningAlgorithms, c.AuthorizationSigningAlgorithms = jose.Algorithms(), jose.Algorithms()
	c.EncryptionAlgorithms, c.ContentEncryptions = jose.KeyAlgorithms(), jose.ContentEncryptions()
	c.ClaimsParameter, c.RequestParameter, c.RequestURIParameter = true, true, true
	c.RequestObjectSigningAlgorithms, c.BackChannelLogout, c.FrontChannelLogout = jose.Algorithms(), true, true
	c.ServiceDocumentation, c.PolicyURI, c.TermsOfServiceURI = "https://docs.example", "https://docs.example/policy", "https://docs.example/terms"
	return c
}

func TestDocumentGolden(t *testing.T) {
	for name, capabilities := range map[string]metadata.Capabilities{"least": least(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			document, err := metadata.Document(capabilities)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				if again, err := metadata.Document(capabilities); err != nil || string(again) != string(document) {
					t.Fatal("equal capabilities give different documents")
				}
			}
			got, err := json.MarshalIndent(json.RawMessage(document), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a missing member would mean otherwise (RFC 8414 section 2, OpenID Connect
// Discovery 1.0 section 3), and what must never be there.
func TestDocumentStatesDefaults(t *testing.T) {
	document, err := metadata.Document(least())
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(document, &members); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
		"response_types_supported":                       []any{"code"},
		"response_modes_supported":                       []any{"query"},
		"grant_types_supported":                          []any{"authorization_code"},
		"code_challenge_methods_supported":               []any{"S256"},
		"token_endpoint_auth_methods_supported":          []any{"none"},
		"subject_types_supported":                        []any{"public"},
	} {
		if diff := cmp.Diff(want, members[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, value := range members {
		if list, ok := value.([]any); ok && len(list) == 0 || value == nil || value == "" {
			t.Errorf("%s is empty", name)
		}
	}
	for _, name := range []string{"end_session_endpoint", "introspection_endpoint", "acr_values_supported", "ui_locales_supported", "registration_endpoint"} {
		if _, found := members[name]; found {
			t.Errorf("%s is promised", name)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	for name, change := range map[string]func(*metadata.Capabilities){
		"no issuer":                        func(c *metadata.Capabilities) { c.Issuer = "" },
		"issuer with a slash":              func(c *metadata.Capabilities) { c.Issuer += "/" },
		"no authorization endpoint":        func(c *metadata.Capabilities) { c.AuthorizationEndpoint = "" },
		"no token endpoint":                func(c *metadata.Capabilities) { c.TokenEndpoint = "" },
		"no JWKS":                          func(c *metadata.Capabilities) { c.JWKSURI = "" },
		"endpoint on another host":         func(c *metadata.Capabilities) { c.TokenEndpoint = "https://evil.example/token" },
		"endpoint outside the issuer path": func(c *metadata.Capabilities) { c.UserInfoEndpoint = "https://id.example/userinfo" },
		"endpoint that only begins alike":  func(c *metadata.Capabilities) { c.UserInfoEndpoint = "https://id.example/tenant2/userinfo" },
		"no response types":                func(c *metadata.Capabilities) { c.ResponseTypes = nil },
		"no response modes":                func(c *metadata.Capabilities) { c.ResponseModes = nil },
		"no grant types":                   func(c *metadata.Capabilities) { c.GrantTypes = nil },
		"no authentication methods":        func(c *metadata.Capabilities) { c.TokenAuthenticationMethods = nil },
		"no algorithms":                    func(c *metadata.Capabilities) { c.IDTokenSigningAlgorithms = nil },
		"revocation without methods":       func(c *metadata.Capabilities) { c.RevocationAuthenticationMethods = nil },
		"introspection without methods":    func(c *metadata.Capabilities) { c.IntrospectionAuthenticationMethods = nil },
		"assertions without algorithms":    func(c *metadata.Capabilities) { c.AssertionAlgorithms = nil },
		"request objects without them":     func(c *metadata.Capabilities) { c.RequestObjectSigningAlgorithms = nil },
		"half of what encryption needs":    func(c *metadata.Capabilities) { c.ContentEncryptions = nil },
		"logout messages without a logout": func(c *metadata.Capabilities) { c.EndSessionEndpoint = "" },
		"methods without an endpoint":      func(c *metadata.Capabilities) { c.IntrospectionEndpoint = "" },
	} {
		t.Run(name, func(t *testing.T) {
			capabilities := full()
			change(&capabilities)
			if document, err := metadata.Document(capabilities); !errors.Is(err, metadata.ErrIncomplete) || document != nil {
				t.Errorf("got %s, %v", document, err)
			}
		})
	}
}

func TestValidateIssuer(t *testing.T) {
	longest := "https://id.example/" + strings.Repeat("x", metadata.MaxIssuerBytes-len("https://id.example/"))
	for _, issuer := range []string{
		"https://id.example", "https://id.example:8443", "https://id.example/t1", "https://id.example/a/b-c_d~e.f", "https://192.0.2.1", "https://[2001:db8::1]",
		"http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080/t1", "https://localhost", "http://localhost:443", "https://id.example:80", longest,
	} {
		if err := metadata.ValidateIssuer(issuer); err != nil {
			t.Errorf("ValidateIssuer(%q) = %v", issuer, err)
		}
		if err := metadata.ValidateHTTPSIssuer(issuer); (err == nil) != strings.HasPrefix(issuer, "https:") {
			t.Errorf("ValidateHTTPSIssuer(%q) = %v", issuer, err)
		}
	}
	for _, issuer := range []string{
		"", "id.example", "ftp://id.example", "http://id.example", "http://127.0.0.2", "http://localhost.example", "https://", "https://id.example/",
		"https://id.example/t1/", "https://id.example?", "https://id.example?x=1", "https://id.example/t?x", "https://id.example#", "https://id.example/#x",
		"https://user@id.example", "https://ID.example", "HTTPS://id.example", "https://id.example:443", "http://localhost:80", "https://id.example:",
		"https://id.example:0", "https://id.example:65536", "https://id.example//", "https://id.example//t", "https://id.example/a//b", "https://id.example/./a",
		"https://id.example/a/..", "https://id.example/%74", "https://id.example/a;b", "https://id.example/{id}", "https://id.example/a b", "https://id.exämple",
		"https://id.example/.well-known", "https://id.example/.well-known/x", "https://id.example./", "https://id.example.", "https://*.example", " https://id.example",
		"https://id.example\n", `https://id.example\a`, longest + "x",
	} {
		if err := metadata.ValidateIssuer(issuer); !errors.Is(err, metadata.ErrInvalidIssuer) {
			t.Errorf("ValidateIssuer(%q) = %v", issuer, err)
		}
		if err := metadata.ValidateHTTPSIssuer(issuer); !errors.Is(err, metadata.ErrInvalidIssuer) {
			t.Errorf("ValidateHTTPSIssuer(%q) = %v", issuer, err)
		}
	}
	for issuer, want := range map[string]string{
		"https://id.example#":   "invalid issuer: it must not have a fragment",
		"https://id.example/":   "invalid issuer: it must not end with a slash",
		"https://id.example/t?": "invalid issuer: it must not have a query",
	} {
		if err := metadata.ValidateIssuer(issuer); err == nil || err.Error() != want {
			t.Errorf("ValidateIssuer(%q) = %v, want %q", issuer, err, want)
		}
	}
}

func TestIsLoopbackIssuer(t *testing.T) {
	for issuer, want := range map[string]bool{
		"http://localhost:8080": true, "https://127.0.0.1": true, "http://[::1]/t": true, "https://id.example": false, "": false, "http://localhost.example": false,
	} {
		if got := metadata.IsLoopbackIssuer(issuer); got != want {
			t.Errorf("IsLoopbackIssuer(%q) = %v", issuer, got)
		}
	}
}

// DI-01: every form in which clients look for the document.
func TestWellKnownPaths(t *testing.T) {
	for issuer, want := range map[string][]string{
		"https://id.example": {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"https://id.example:8443/t1": {
			"/.well-known/openid-configuration/t1", "/.well-known/oauth-authorization-server/t1",
			"/t1/.well-known/openid-configuration", "/t1/.well-known/oauth-authorization-server",
		},
		"https://id.example/a/b": {
			"/.well-known/openid-configuration/a/b", "/.well-known/oauth-authorization-server/a/b",
			"/a/b/.well-known/openid-configuration", "/a/b/.well-known/oauth-authorization-server",
		},
	} {
		if got := metadata.WellKnownPaths(issuer); !slices.Equal(got, want) {
			t.Errorf("%s: %q", issuer, got)
		}
	}
	for issuer, want := range map[string]string{"https://id.example": "", "https://id.example/t1": "/t1", "nonsense": ""} {
		if got := metadata.IssuerPath(issuer); got != want {
			t.Errorf("IssuerPath(%q) = %q", issuer, got)
		}
	}
}
