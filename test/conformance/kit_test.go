package conformance_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/keys"
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

// newReceiver is an address for the kit itself, with a certificate for it.
func newReceiver(t *testing.T) conformance.Receiver {
	t.Helper()
	throwaway := httptest.NewTLSServer(nil)
	made := throwaway.TLS.Certificates[0]
	throwaway.Close()
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	files := conformance.Receiver{
		Listen: "127.0.0.1:0", CertificateFile: filepath.Join(directory, "receiver.crt"), KeyFile: filepath.Join(directory, "receiver.key"),
	}
	for file, block := range map[string]pem.Block{
		files.CertificateFile: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// settings switch on what the kit checks, and let the server reach the kit.
func settings(receiver conformance.Receiver) func(*config.Config) {
	return func(c *config.Config) {
		c.Registration.Mode, c.Registration.OpenBurst = "open", 5000
		c.Requests.RequestURI, c.Logout.SessionManagement = true, true
		c.Egress.AllowLoopback, c.Egress.AdditionalCAFile = true, receiver.CertificateFile
		c.Passwords.PoolMemoryMiB = 512
	}
}

// Every check passes against this server, or is skipped for a reason that is known.
func TestKit(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			receiver := newReceiver(t)
			secure, roots := overTLS(t, receiver)
			s := testx.NewServer(t, engine, testx.WithConfig(settings(receiver)), secure)
			checked := target(t, s)
			checked.Issuer, checked.Roots, checked.Receiver = s.Settings.Issuer, roots, receiver
			checked.RotateKeys = func(ctx context.Context) error {
				_, err := s.Keys().Rotate(ctx, keys.RotateOptions{Force: true})
				return err
			}
			slow := runSlow(t.Context(), checked)
			report, err := conformance.Run(t.Context(), checked, "")
			if err != nil {
				t.Fatal(err)
			}
			for i := range report.Results {
				if late, there := slow[report.Results[i].ID]; there {
					report.Results[i] = <-late
				}
			}
			for _, result := range report.Results {
				if result.Outcome != conformance.Passed {
					t.Errorf("%s: %s: %s", result.Outcome, result.ID, result.Detail)
				}
			}
			if len(report.Results) < 150 {
				t.Errorf("there are only %d checks", len(report.Results))
			}
			compareDocument(t, report)
			compareReadme(t, report)
			t.Log(report.Summary())
		})
	}
}

// runSlow makes the checks that wait while the others are made, each by itself.
func runSlow(ctx context.Context, target conformance.Target) map[string]<-chan conformance.Result {
	target.Slow, target.Receiver = true, conformance.Receiver{}
	running := map[string]<-chan conformance.Result{}
	for _, id := range []string{"oauth21-4.1.3-late-replay", "oauth21-4.3.1-reuse"} {
		made := make(chan conformance.Result, 1)
		running[id] = made
		go func() {
			report, err := conformance.Run(ctx, target, id)
			if err != nil || len(report.Results) != 1 {
				made <- conformance.Result{ID: id, Outcome: conformance.Failed, Detail: fmt.Sprintf("%d results: %v", len(report.Results), err)}
				return
			}
			made <- report.Results[0]
		}()
	}
	return running
}

// broken is a provider whose metadata is wrong in every way.
const broken = `{"issuer":"https://other.example","authorization_endpoint":7,"token_endpoint":"/token","jwks_uri":"",
	"response_types_supported":"code","subject_types_supported":[],"claims_parameter_supported":"true","scopes_supported":["email"],
	"id_token_signing_alg_values_supported":["none"],"code_challenge_methods_supported":["plain"],"urn:example:made-up":null}`

// The kit must be able to fail: of a provider that is wrong in everything, nothing
// that it looks at passes.
func TestKitFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, broken)
	}))
	t.Cleanup(server.Close)
	report, err := conformance.Run(t.Context(), conformance.Target{Issuer: server.URL}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		found, expected := result.Outcome == conformance.Failed, []string{
			"discovery-3-type-authorization_endpoint", "discovery-3-absolute-token_endpoint", "discovery-3-type-jwks_uri", "discovery-3-userinfo_endpoint",
			"discovery-3-type-response_types_supported", "discovery-3-type-subject_types_supported", "rfc7636-5-s256", "discovery-4.3-issuer",
			"discovery-4.2-response", "rfc8414-2-nothing-empty", "rfc8414-2-types", "rfc8414-2-endpoints", "discovery-3-request-uri", "discovery-3-grants",
			"discovery-3-recommended", "discovery-3-rs256", "rfc8725-3.2-none", "rfc7636-4.2-plain",
		}
		if slices.Contains(expected, result.ID) && !found {
			t.Errorf("%s: %s %s", result.ID, result.Outcome, result.Detail)
		}
		if result.Specification == "OpenID Connect Core 1.0" && result.Outcome == conformance.Passed {
			t.Errorf("%s passes without a client", result.ID)
		}
	}
	for name, write := range map[string]func(io.Writer) error{"table": report.WriteTable, "JSON": report.WriteJSON, "JUnit": report.WriteJUnit} {
		var shown strings.Builder
		if err := write(&shown); err != nil || !strings.Contains(shown.String(), "not certified") {
			t.Errorf("%s: %v\n%s", name, err, shown.String())
		}
	}
}
