package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authly/internal/app"
	"authly/internal/client"
	"authly/internal/config"
	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/testx"
)

// The administration at an address of its own is there and nowhere else, and nothing else is there.
func TestAdministrationAtAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/tenant"} {
		server := testx.NewServer(t, db.SQLite, testx.WithPath(path), testx.WithConfig(func(c *config.Config) {
			c.Admin.Listen = "127.0.0.1:0"
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
		}))
		robot := server.Confidential("https://robot.example/callback", func(m *client.Metadata) {
			m.Scopes, m.Resources, m.Administrator = oauth.ScopeSet{"admin:clients:read"}, []string{server.Issuer + "/api/v1/admin"}, true
		})
		token := testx.Bearer(server.Token(robot, url.Values{"grant_type": {"client_credentials"}, "resource": robot.Resources}).Text("access_token"))
		seen := 0
		for _, route := range server.Routes() {
			below := strings.TrimPrefix(route.Path, path)
			isAdministration := strings.HasPrefix(below, "/api/v1/")
			if isAdministration {
				seen++
			}
			address := strings.NewReplacer("{$}", "", "{", "", "}", "").Replace(route.Path)
			if status := server.Call(route.Method, strings.TrimSuffix(server.Administration, path)+address, nil).Status; (status != http.StatusNotFound) != isAdministration {
				t.Errorf("%s %s at the address of the administration: %d", route.Method, address, status)
			}
			if !isAdministration {
				continue
			}
			if answer := server.Call(route.Method, strings.TrimSuffix(server.Issuer, path)+address, nil); answer.Status != http.StatusNotFound {
				t.Errorf("%s %s at the address of the server: %d", route.Method, address, answer.Status)
			}
		}
		if seen < 10 {
			t.Errorf("%d routes of the administration", seen)
		}
		if answer := server.Get(server.Administration+"/api/v1/admin/clients", token); answer.Status != http.StatusOK {
			t.Errorf("with the right token: %d %s", answer.Status, answer.Body)
		}
		if answer := server.Get(server.Administration + "/api/v1/admin/clients"); answer.Status != http.StatusUnauthorized {
			t.Errorf("without a token: %d", answer.Status)
		}
		if answer := server.Get(server.Administration+"/api/v1/admin/clients", token, testx.Header("X-Forwarded-For", "127.0.0.1")); answer.Status != http.StatusForbidden {
			t.Errorf("through a proxy that nobody listed: %d", answer.Status)
		}
		described := server.Get(server.Administration + "/api/v1/openapi.json")
		if want := `"servers":[{"url":"` + path; !strings.Contains(described.Body, want) || strings.Contains(described.Body, `"servers":[{"url":"http`) {
			t.Errorf("it says that it is elsewhere: %.300s", described.Body)
		}
	}
}

// built returns a server that nobody serves yet.
func built(t *testing.T, log *strings.Builder, change func(*config.Config)) *app.App {
	t.Helper()
	settings := config.Default()
	settings.DataDirectory, settings.Listen, settings.Admin.Listen = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0"
	change(&settings)
	made, err := app.New(t.Context(), app.Options{Config: settings, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.Close(); err != nil {
			t.Error(err)
		}
	})
	return made
}

func accepts(t *testing.T, address string) bool {
	t.Helper()
	connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

func TestListenersEndTogether(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(app.Listeners, context.CancelFunc){
		"told to stop":             func(_ app.Listeners, stop context.CancelFunc) { stop() },
		"the administration fails": func(on app.Listeners, _ context.CancelFunc) { _ = on.Administration.Close() },
		"the main one fails":       func(on app.Listeners, _ context.CancelFunc) { _ = on.Main.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := built(t, new(strings.Builder), func(*config.Config) {})
			on, err := made.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- made.Serve(ctx, on) }()
			end(on, stop)
			select {
			case err = <-ended:
			case <-time.After(time.Minute):
				t.Fatal("it goes on")
			}
			if (err == nil) != (name == "told to stop") {
				t.Errorf("it ended with %v", err)
			}
			for _, listener := range []net.Listener{on.Main, on.Administration} {
				if accepts(t, listener.Addr().String()) {
					t.Errorf("%s still listens", listener.Addr())
				}
			}
		})
	}
}

func TestAddressOfTheAdministrationIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	made := built(t, new(strings.Builder), func(c *config.Config) { c.Admin.Listen = taken.Addr().String() })
	on, err := made.Listen(t.Context())
	if err == nil || on.Main != nil || !strings.Contains(err.Error(), "listen on "+taken.Addr().String()+" for the administration") {
		t.Errorf("it listens on %v, %v", on, err)
	}
	off := built(t, new(strings.Builder), func(c *config.Config) { c.Admin.Listen, c.Admin.Enabled = taken.Addr().String(), false })
	if on, err = off.Listen(t.Context()); err != nil || on.Administration != nil {
		t.Errorf("switched off, it listens on %v, %v", on, err)
	}
	if err := on.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheLogSaysWhoMayAdminister(t *testing.T) {
	t.Parallel()
	for network, told := range map[string]bool{"127.0.0.0/8": false, "::1/128": false, "10.0.0.0/8": true, "0.0.0.0/0": true, "::/0": true} {
		var log strings.Builder
		built(t, &log, func(c *config.Config) { c.Admin.Networks = []netip.Prefix{netip.MustParsePrefix(network)} })
		if strings.Contains(log.String(), "answers other machines") != told || told && !strings.Contains(log.String(), network) {
			t.Errorf("%s: the log says %s", network, log.String())
		}
	}
}

// With a certificate there is no plain http, at neither address.
func TestBothAddressesHaveTLS(t *testing.T) {
	t.Parallel()
	certificate, key, roots := selfSigned(t)
	made := built(t, new(strings.Builder), func(c *config.Config) {
		c.Issuer, c.TLS = "https://localhost", config.TLS{CertificateFile: certificate, KeyFile: key}
	})
	on, err := made.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- made.Serve(ctx, on) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	asking := &http.Client{Transport: transport, Timeout: time.Minute}
	for address, want := range map[string]int{
		"https://" + on.Main.Addr().String() + "/healthz": http.StatusOK, "http://" + on.Main.Addr().String() + "/healthz": http.StatusBadRequest,
		"https://" + on.Administration.Addr().String() + "/api/v1/openapi.json": http.StatusOK, "http://" + on.Administration.Addr().String() + "/api/v1/openapi.json": http.StatusBadRequest,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := asking.Do(request)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d", address, answer.StatusCode)
		}
	}
	transport.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func selfSigned(t *testing.T) (certificateFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	certificateFile, keyFile = filepath.Join(directory, "certificate.pem"), filepath.Join(directory, "key.pem")
	roots = x509.NewCertPool()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})
	roots.AppendCertsFromPEM(certificate)
	for name, content := range map[string][]byte{certificateFile: certificate, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificateFile, keyFile, roots
}

// TestPlaintext has a server under an https issuer that doesn't speak TLS itself, as behind a proxy.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	behindProxy := func(c *config.Config) {
		c.Issuer, c.TrustedProxies = "https://id.example.com/tenant", []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	}
	status := func(handler http.Handler, peer, address string, encrypted *tls.ConnectionState) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		r.RemoteAddr, r.TLS = peer, encrypted
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code == http.StatusMisdirectedRequest && (len(w.Result().Cookies()) > 0 || w.Header().Get("Strict-Transport-Security") == "") {
			t.Errorf("the refusal at %s has %v", address, w.Header())
		}
		return w.Code
	}
	refusing, allowing := built(t, new(strings.Builder), behindProxy), built(t, new(strings.Builder), func(c *config.Config) {
		behindProxy(c)
		c.Server.AllowPlaintext = true
	})
	for _, test := range []struct {
		name, peer string
		encrypted  *tls.ConnectionState
		want       int // of a document that is there
	}{
		{"the listed proxy", "10.0.0.1:4711", nil, http.StatusOK},
		{"this machine", "127.0.0.1:4711", nil, http.StatusOK},
		{"past the proxy", "10.0.0.2:4711", nil, http.StatusMisdirectedRequest},
		{"past the proxy over IPv6", "[2001:db8::1]:4711", nil, http.StatusMisdirectedRequest},
		{"a connection without an address", "@", nil, http.StatusMisdirectedRequest},
		{"past the proxy with TLS", "10.0.0.2:4711", new(tls.ConnectionState), http.StatusOK},
	} {
		for _, address := range []string{"/tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"} {
			if got := status(refusing.Handler(), test.peer, address, test.encrypted); got != test.want {
				t.Errorf("%s: %s: %d, want %d", test.name, address, got, test.want)
			}
		}
		for address, there := range map[string]int{"/tenant/nowhere": http.StatusNotFound, "/tenant/login": http.StatusOK, "/tenant/oauth/token": http.StatusMethodNotAllowed} {
			want := there
			if test.want != http.StatusOK {
				want = test.want
			}
			if got := status(refusing.Handler(), test.peer, address, test.encrypted); got != want {
				t.Errorf("%s: %s: %d, want %d", test.name, address, got, want)
			}
			if got := status(allowing.Handler(), test.peer, address, test.encrypted); got != there {
				t.Errorf("%s, allowed: %s: %d, want %d", test.name, address, got, there)
			}
		}
		want := http.StatusForbidden // from where the server can't be administered
		if test.want != http.StatusOK {
			want = test.want
		}
		if got := status(refusing.AdministrationHandler(), test.peer, "/tenant/api/v1/openapi.json", test.encrypted); got != want {
			t.Errorf("%s: the administration: %d, want %d", test.name, got, want)
		}
		for _, address := range []string{"/healthz", "/readyz", "/tenant/healthz", "/tenant/readyz"} {
			if got := status(refusing.Handler(), test.peer, address, test.encrypted); got != http.StatusOK {
				t.Errorf("%s: %s: %d", test.name, address, got)
			}
		}
	}
}
