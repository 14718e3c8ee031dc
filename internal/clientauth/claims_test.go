package clientauth_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/clientauth"
	"authly/internal/clientkeys"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/jwks"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
	"authly/internal/protocol/oauth"
)

const (
	issuer        = "https://id.example"
	tokenEndpoint = issuer + "/oauth/token"
)

// The claims of an assertion (RFC 7523 section 3, RFC 9101 section 10.8): each differs from a
// good one in one claim, and each is signed with the client's key.
func TestClaimsOfAnAssertion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		beyond, now := &manyFailures{}, clock.NewFake(noon)
		clients := client.NewService(client.Deps{Database: database, Clock: now, Keys: beyond, Issued: beyond})
		service := clientauth.New(clientauth.Deps{
			Database: database, Clients: clients, Keys: clientkeys.New(jwks.New(nil, now, nil)), Clock: now, Failures: beyond, Audit: audit.New(audit.Deps{Database: database, Clock: now}),
			Issuer: issuer, TokenEndpoint: tokenEndpoint,
		})
		signer, err := jose.GenerateKey(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		key := jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: signer}
		document, err := jose.JWKS([]jose.VerificationKey{key.Verification()})
		if err != nil {
			t.Fatal(err)
		}
		register := func(profile client.SecurityProfile) client.Client {
			made, err := clients.Register(t.Context(), client.Metadata{
				Name: "App", RedirectURIs: []string{"https://app.example/callback"}, AuthenticationMethod: oauth.PrivateKeyJWT, JWKS: document, SecurityProfile: profile,
			})
			if err != nil {
				t.Fatal(err)
			}
			return made.Client
		}
		strict, legacy := register(""), register(client.ProfileOpenIDLegacy)
		type changes map[string]any
		for _, test := range []struct {
			name    string
			known   client.Client
			changes changes // nil removes a claim
			path    string
			good    bool
		}{
			{"a good one", strict, nil, "/oauth/token", true},
			{"aud in a list of one", strict, changes{"aud": []string{issuer}}, "/oauth/token", true},
			{"another issuer", strict, changes{"iss": legacy.ClientID}, "/oauth/token", false},
			{"no issuer", strict, changes{"iss": nil}, "/oauth/token", false},
			{"another subject", strict, changes{"sub": legacy.ClientID}, "/oauth/token", false},
			{"no subject", strict, changes{"sub": nil}, "/oauth/token", false},
			{"another audience", strict, changes{"aud": "https://other.example"}, "/oauth/token", false},
			{"no audience", strict, changes{"aud": nil}, "/oauth/token", false},
			{"an audience beside this server", strict, changes{"aud": []string{issuer, "https://other.example"}}, "/oauth/token", false},
			{"the endpoint as the audience", strict, changes{"aud": tokenEndpoint}, "/oauth/token", false},
			{"older practice: the token endpoint", legacy, changes{"aud": tokenEndpoint}, "/oauth/introspect", true},
			{"older practice: the endpoint that is called", legacy, changes{"aud": issuer + "/oauth/introspect"}, "/oauth/introspect", true},
			{"older practice: an endpoint that is not called", legacy, changes{"aud": issuer + "/oauth/revoke"}, "/oauth/introspect", false},
			{"older practice: another server", legacy, changes{"aud": []string{"https://other.example"}}, "/oauth/introspect", false},
			{"a request object", strict, changes{"response_type": "code"}, "/oauth/token", false},
			{"a request object by its redirect_uri", strict, changes{"redirect_uri": "https://app.example/callback"}, "/oauth/token", false},
			{"no jti", strict, changes{"jti": nil}, "/oauth/token", false},
			{"no exp", strict, changes{"exp": nil}, "/oauth/token", false},
			{"expired", strict, changes{"exp": noon.Add(-time.Minute).Unix()}, "/oauth/token", false},
			{"an hour ahead", strict, changes{"exp": noon.Add(time.Hour).Unix()}, "/oauth/token", false},
			{"older practice: an hour ahead", legacy, changes{"exp": noon.Add(time.Hour).Unix()}, "/oauth/token", true},
			{"not yet", strict, changes{"nbf": noon.Add(2 * time.Minute).Unix()}, "/oauth/token", false},
			{"issued in the future", strict, changes{"iat": noon.Add(2 * time.Minute).Unix()}, "/oauth/token", false},
		} {
			claims := map[string]any{
				"iss": test.known.ClientID, "sub": test.known.ClientID, "aud": issuer, "jti": rand.Text(), "exp": noon.Add(time.Minute).Unix(), "iat": noon.Unix(),
			}
			maps.Copy(claims, test.changes)
			maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
			assertion, err := jose.Sign(key, "", claims)
			if err != nil {
				t.Fatal(err)
			}
			_, err = service.Authenticate(t.Context(), clientauth.Credentials{ClientID: test.known.ClientID, Assertion: secret.FromString(assertion), Path: test.path})
			if (err == nil) != test.good || err != nil && oauth.CodeOf(err) != oauth.InvalidClient {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	})
}

// RFC 7521 section 4.2: a client_id beside an assertion is that of the assertion.
func TestClientIDBesideAnAssertion(t *testing.T) {
	t.Parallel()
	signer, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := jose.Sign(jose.SigningKey{KeyID: "1", Algorithm: jose.ES256, Signer: signer}, "", map[string]any{"iss": "own", "sub": "own"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		clientID, assertionType, secret string
		want                            oauth.ErrorCode
	}{
		"none":                 {"", clientauth.AssertionType, "", ""},
		"the same":             {"own", clientauth.AssertionType, "", ""},
		"another":              {"other", clientauth.AssertionType, "", oauth.InvalidClient},
		"another type":         {"own", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "", oauth.InvalidClient},
		"no type":              {"own", "", "", oauth.InvalidClient},
		"a secret beside them": {"own", clientauth.AssertionType, "secret", oauth.InvalidRequest},
	} {
		form := url.Values{"client_assertion": {assertion}}
		for parameter, value := range map[string]string{"client_id": test.clientID, "client_assertion_type": test.assertionType, "client_secret": test.secret} {
			if value != "" {
				form.Set(parameter, value)
			}
		}
		params, err := oauth.ParseParams(form)
		if err != nil {
			t.Fatal(err)
		}
		found, err := clientauth.FromRequest(httptest.NewRequest(http.MethodPost, "/oauth/token", nil), params)
		if oauth.CodeOf(err) != test.want || err == nil && (found.ClientID != "own" || found.Path != "/oauth/token") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}
