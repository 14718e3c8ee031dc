package egress_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"

	"authly/internal/platform/egress"
)

// Loopback is all that the setting allows, and plain http goes nowhere else.
func TestLoopbackIsAllThatIsAllowed(t *testing.T) {
	t.Parallel()
	resolver := &names{known: map[string][]string{"inside.example": {"127.0.0.1"}, "both.example": {"127.0.0.1", "10.0.0.1"}, "a.localhost": {"10.0.0.1"}}}
	client := egress.New(egress.Options{Loopback: egress.LoopbackAllowed, Resolver: resolver})
	for _, url := range []string{
		"http://example.com/", "http://inside.example:8080/", "https://10.0.0.1/", "https://169.254.169.254/", "https://0.0.0.0/", "https://[::]/",
		"http://127.0.0.1:22/", "https://localhost:25/", "http://[::ffff:10.0.0.1]:8080/", "ftp://localhost/", "http://127.0.0.1.example.com:8080/",
		"https://both.example/", "http://a.localhost:8080/",
	} {
		if _, err := client.Do(t.Context(), egress.Request{URL: url}); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:8080/", "https://localhost:8443/", "http://127.1.2.3:8080/"} {
		if err := client.ValidateURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// turncoat answers with a public address first and with one of this machine from then on.
type turncoat struct{ asked atomic.Int32 }

func (r *turncoat) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.asked.Add(1) == 1 {
		return []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// DNS rebinding in one answer: a public address beside one of this machine.
func TestRebinding(t *testing.T) {
	t.Parallel()
	ledger.Holds(t, "egress: DNS rebinding, in one answer")
	reached := atomic.Bool{}
	inner := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(inner.Close)
	roots := x509.NewCertPool()
	roots.AddCert(inner.Certificate())
	client := egress.New(egress.Options{Roots: roots, Resolver: &turncoat{}})
	port := netip.MustParseAddrPort(inner.Listener.Addr().String()).Port()
	for range 3 {
		_, err := client.Do(t.Context(), egress.Request{URL: "https://example.com:" + strconv.Itoa(int(port)) + "/"})
		if !errors.Is(err, egress.ErrRefusedAddress) {
			t.Error(err)
		}
	}
	if reached.Load() {
		t.Error("the server on this machine was reached")
	}
}

// A proxy of the environment would be asked to resolve the name once more.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	ledger.Holds(t, "egress: no proxy of the environment")
	asked := atomic.Bool{}
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	client := egress.New(egress.Options{Resolver: &names{known: map[string][]string{"inside.example": {"10.0.0.1"}}}})
	if _, err := client.Do(t.Context(), egress.Request{URL: "https://inside.example/"}); !errors.Is(err, egress.ErrRefusedAddress) || asked.Load() {
		t.Errorf("%v, the proxy was asked: %t", err, asked.Load())
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed})
	if _, err := client.Do(t.Context(), egress.Request{URL: server.URL}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}
