package userinfo_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/db/dbtest"
	"authly/internal/protocol/jose"
	"authly/internal/testx"
)

// OpenID Connect Core 1.0 section 5.3.2: a client that registered an algorithm
// gets a signed JWT with issuer and audience, and no nonce.
func TestSignedResponse(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			server := testx.NewServer(t, engine, testx.WithFakeClock(now))
			person := server.Person("ada")
			for _, algorithm := range jose.Algorithms() {
				cl := server.Confidential(callback, func(m *client.Metadata) { m.UserInfoAlgorithm = algorithm })
				tokens := server.Tokens(cl, person, url.Values{"scope": {"openid email"}, "nonce": {"n-0S6_WzA2Mj"}})
				answer := server.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
				if answer.Status != http.StatusOK || answer.Header.Get("Content-Type") != "application/jwt" || answer.Header.Get("Cache-Control") != "no-store" {
					t.Fatalf("%s: %d %v", algorithm, answer.Status, answer.Header)
				}
				payload, err := server.Keys().Verify(answer.Body, jose.TypeJWT, algorithm)
				if err != nil {
					t.Fatalf("%s: %v", algorithm, err)
				}
				var claims map[string]any
				if err := jose.UnmarshalClaims(payload, &claims); err != nil {
					t.Fatal(err)
				}
				if claims["iss"] != server.Issuer || claims["aud"] != cl.ClientID || claims["sub"] != person.Subject() ||
					claims["email"] != person.Email || claims["email_verified"] != true || claims["nonce"] != nil || claims["name"] != nil {
					t.Errorf("%s: %v", algorithm, claims)
				}
				// It must be of no use where an ID token or an access token is asked for.
				if refused := server.Get("/oidc/userinfo", testx.Bearer(answer.Body)); refused.Status != http.StatusUnauthorized {
					t.Errorf("%s: it counts as an access token", algorithm)
				}
			}
		})
	}
}

// OpenID Connect Core 1.0 section 8: one subject for a client, wherever it reads it.
func TestPairwiseSubjectIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			server := testx.NewServer(t, engine)
			person := server.Person("ada")
			pairwise := func(redirectURI string) testx.Client {
				return server.Confidential(redirectURI, func(m *client.Metadata) { m.SubjectType = client.SubjectPairwise })
			}
			cl, other := pairwise(callback), pairwise("https://other.example/callback")
			tokens := server.Tokens(cl, person)
			subject := subjectOf(t, server, tokens.Text("id_token"), jose.TypeJWT)
			if subject == person.Subject() || subject == "" {
				t.Fatalf("subject %q", subject)
			}
			info := server.Get("/oidc/userinfo", testx.Bearer(tokens.Text("access_token")))
			if info.Text("sub") != subject || strings.Contains(info.Body, person.Subject()) {
				t.Errorf("UserInfo: %s", info.Body)
			}
			if got := subjectOf(t, server, tokens.Text("access_token"), jose.TypeAccessToken); got != subject {
				t.Errorf("access token: %s", got)
			}
			for _, name := range []string{"access_token", "refresh_token"} {
				told := server.Introspect(cl, tokens.Text(name))
				if told.Text("sub") != subject || strings.Contains(told.Body, person.Subject()) || told.Text("username") != "" {
					t.Errorf("introspection of the %s: %s", name, told.Body)
				}
			}
			refreshed := server.Token(cl, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
			if got := subjectOf(t, server, refreshed.Text("id_token"), jose.TypeJWT); got != subject {
				t.Errorf("after a refresh: %s", got)
			}
			if got := subjectOf(t, server, server.Tokens(other, person).Text("id_token"), jose.TypeJWT); got == subject || got == person.Subject() {
				t.Errorf("another sector sees %s", got)
			}
		})
	}
}

func subjectOf(t *testing.T, server *testx.Server, token, typ string) string {
	t.Helper()
	payload, err := server.Keys().Verify(token, typ)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := jose.UnmarshalClaims(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Subject
}
