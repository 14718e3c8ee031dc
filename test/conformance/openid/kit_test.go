package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"authly/test/conformance"
)

// What the official suite is given passes our own kit too: over TLS, with clients
// that come without a code challenge, and with the initial access token.
func TestKitPassesWithWhatTheSuiteIsGiven(t *testing.T) {
	t.Parallel()
	made, _ := start(t)
	certificate, err := os.ReadFile(filepath.Join(made.directory, "op.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	given := func(known credentials) conformance.Client {
		return conformance.Client{
			ID: known.ID, Secret: known.Secret, RedirectURI: made.values.Base + "/callback",
			PostLogoutRedirectURI: made.values.Base + "/post_logout_redirect", WithoutPKCE: true,
		}
	}
	report, err := conformance.Run(t.Context(), conformance.Target{
		Issuer: made.values.Issuer, Roots: roots, User: conformance.User{Username: made.values.Username, Password: made.values.Password},
		Client: given(made.values.Client), Client2: given(made.values.Client2), PostClient: given(made.values.SecretPost),
		InitialAccessToken: made.values.InitialAccessToken,
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		if result.Outcome == conformance.Failed || result.Outcome == conformance.Warning {
			t.Errorf("%s: %s: %s", result.Outcome, result.ID, result.Detail)
		}
	}
	// Without a receiver, a public client, and a way to rotate keys.
	if skipped := report.Count(conformance.Skipped); skipped > 40 {
		t.Errorf("%d checks were skipped", skipped)
	}
	t.Log(report.Summary())
}
