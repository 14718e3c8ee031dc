package conformance_test

import (
	"testing"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/testx"
	"authly/internal/user"
	"authly/test/conformance"
)

// target makes what the kit needs: clients of each kind, and a person with a value
// for every standard claim.
func target(t *testing.T, s *testx.Server) conformance.Target {
	t.Helper()
	verified, password := true, "correct horse "+secret.New().Reveal()[:16]
	s.Secret(password)
	_, err := s.Users.Create(t.Context(), user.New{
		Username: "connie", Email: "connie@people.example", EmailVerified: true, Password: secret.FromString(password),
		Claims: oidc.StandardClaims{
			Name: "Connie Test Formance", GivenName: "Connie", MiddleName: "Test", FamilyName: "Formance", Nickname: "Con",
			Profile: "https://example.com/connie", Picture: "https://example.com/connie.png", Website: "https://connie.example.com",
			Gender: "female", Birthdate: "1990-04-01", ZoneInfo: "Europe/Paris", Locale: "en-GB",
			Address: &oidc.Address{Country: "France"}, PhoneNumber: "+33199001234", PhoneNumberVerified: &verified,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const callback, goodbye = "https://app.example/callback", "https://app.example/goodbye"
	legacy := func(m *client.Metadata) {
		m.SecurityProfile, m.PostLogoutRedirectURIs = client.ProfileOpenIDLegacy, []string{goodbye}
	}
	of := func(known testx.Client) conformance.Client {
		return conformance.Client{
			ID: known.ClientID, Secret: known.Secret, RedirectURI: known.RedirectURIs[0], PostLogoutRedirectURI: goodbye,
			WithoutPKCE: known.PKCE == client.PKCEOptional,
		}
	}
	return conformance.Target{
		Issuer: s.Issuer, User: conformance.User{Username: "connie", Password: password},
		Client: of(s.Confidential(callback, legacy)), Client2: of(s.Confidential("https://second.example/callback", legacy)),
		PostClient: of(s.Confidential(callback, legacy)), Public: of(s.Public("http://127.0.0.1/callback", nil)), Registration: "open",
	}
}

// Every check passes against this server, or is skipped for a reason that is known.
func TestKit(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			s := testx.NewServer(t, engine, testx.WithConfig(func(c *config.Config) {
				c.Registration.Mode, c.Registration.OpenBurst = "open", 50
				c.Passwords.PoolMemoryMiB = 512
			}))
			report, err := conformance.Run(t.Context(), target(t, s), "")
			if err != nil {
				t.Fatal(err)
			}
			for _, result := range report.Results {
				if result.Outcome != conformance.Passed {
					t.Errorf("%s: %s: %s", result.Outcome, result.ID, result.Detail)
				}
			}
			if len(report.Results) < 150 {
				t.Errorf("there are only %d checks", len(report.Results))
			}
			t.Log(report.Summary())
		})
	}
}
