package conformance_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"authly/internal/config"
	"authly/internal/testx"
	"authly/test/conformance"
)

// overTLS lets a server speak TLS with the certificate of the receiver, and returns
// who trusts it.
func overTLS(t *testing.T, receiver conformance.Receiver) (testx.Option, *x509.CertPool) {
	t.Helper()
	certificate, err := os.ReadFile(receiver.CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return testx.WithConfig(func(c *config.Config) {
		c.Issuer = "https://" + c.Listen
		c.TLS = config.TLS{CertificateFile: receiver.CertificateFile, KeyFile: receiver.KeyFile}
	}), roots
}

// Weak TLS is noticed.
func TestKitNoticesWeakTLS(t *testing.T) {
	t.Parallel()
	for id, weak := range map[string]*tls.Config{
		"rfc9325-3.1.1-old":  {MinVersion: tls.VersionTLS10},
		"rfc9325-3.1.1-new":  {MaxVersion: tls.VersionTLS12},
		"rfc9325-4.2-suites": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			var issuer string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"issuer":%q}`, issuer)
			}))
			server.TLS, server.Config.ErrorLog = weak, slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.StartTLS()
			t.Cleanup(server.Close)
			issuer = server.URL
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			report, err := conformance.Run(t.Context(), conformance.Target{Issuer: issuer, Roots: roots}, id)
			if err != nil || len(report.Results) != 1 {
				t.Fatal(err)
			}
			if got := report.Results[0]; got.Outcome != conformance.Failed && got.Outcome != conformance.Warning {
				t.Errorf("it is %s: %s", got.Outcome, got.Detail)
			}
		})
	}
}
