package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
)

// names is a resolver that knows what a test tells it.
type names struct {
	known map[string][]string
	asked atomic.Int32
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.asked.Add(1)
	texts, known := n.known[host]
	if !known {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var found []netip.Addr
	for _, text := range texts {
		found = append(found, netip.MustParseAddr(text))
	}
	return found, nil
}

// party is a server of somebody else, on this machine.
func party(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *egress.Client) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server, egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed})
}

func TestAnswersAreReadWhole(t *testing.T) {
	t.Parallel()
	server, client := party(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || string(body) != "logout_token=x" || r.Header.Get("User-Agent") != "authly" || r.Header.Get("Cookie") != "" {
			t.Errorf("got %s %q %v", r.Method, body, r.Header)
		}
		http.SetCookie(w, &http.Cookie{Name: "tracking", Value: "1"})
		w.Header().Set("Content-Type", "Application/JSON; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"x"}`)
	})
	for range 2 { // the second time the cookie would come back
		got, err := client.Do(t.Context(), egress.Request{
			Method: http.MethodPost, URL: server.URL + "/logout?x=1#fragment", ContentType: "application/x-www-form-urlencoded", Body: []byte("logout_token=x"),
		})
		if err != nil || got.Status != http.StatusBadRequest || got.ContentType != "application/json" || string(got.Body) != `{"error":"x"}` {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// What is refused without asking anybody, when loopback is not allowed.
func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	resolver := &names{known: map[string][]string{}}
	client := egress.New(egress.Options{Resolver: resolver})
	for _, url := range []string{
		"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", "",
		"https://", "https:///path", "https://user@example.com/", "https://user:password@example.com/", "https:example.com",
		"https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "http://localhost:8080/",
		"https://127.0.0.1/", "https://127.1.2.3/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://[::]/",
		"https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
		"https://[fd00::1]/", "https://[fec0::1]/", "https://100.64.0.1/", "https://198.18.0.1/", "https://192.0.2.1/", "https://203.0.113.9/", "https://224.0.0.1/",
		"https://255.255.255.255/", "https://240.0.0.1/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/",
		"https://[2001:db8::1]/", "https://[::127.0.0.1]/", "https://[ff02::1]/", "https://[fd00:ec2::254]/",
		"https://example.com:22/", "https://example.com:25/", "https://example.com:0/", "https://example.com:80/", "https://example.com:65536/",
		"https://example.com/" + strings.Repeat("x", 2048),
	} {
		if err := client.ValidateURL(url); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%.60s is accepted at registration: %v", url, err)
		}
		if _, err := client.Do(t.Context(), egress.Request{URL: url}); !errors.Is(err, egress.ErrRefusedAddress) {
			t.Errorf("%.60s is asked: %v", url, err)
		}
	}
	if resolver.asked.Load() != 0 {
		t.Error("a refused URL was resolved")
	}
	for _, url := range []string{"https://example.com/", "https://example.com:443/x", "https://example.com:8443/x?y#z", "https://93.184.215.14/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"} {
		if err := client.ValidateURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Spellings of loopback that other parsers read as numbers are names here, and
// what they resolve to is checked like any other.
func TestNamesAreCheckedByTheirAddresses(t *testing.T) {
	t.Parallel()
	resolver := &names{known: map[string][]string{
		"rebind.example": {"127.0.0.1"}, "mixed.example": {"93.184.215.14", "10.0.0.1"}, "metadata.example": {"169.254.169.254"},
		"mapped.example": {"::ffff:192.168.0.1"}, "nat64.example": {"64:ff9b::a00:1"}, "sixtofour.example": {"2002:a00:1::"},
		"0x7f000001": {"127.0.0.1"}, "2130706433": {"127.0.0.1"}, "0177.0.0.1": {"127.0.0.1"}, "127.1": {"127.0.0.1"},
		"nothing.example": {}, "crowd.example": strings.Split(strings.TrimSuffix(strings.Repeat("93.184.215.14 ", 17), " "), " "),
	}}
	client := egress.New(egress.Options{Resolver: resolver})
	for host := range resolver.known {
		_, err := client.Do(t.Context(), egress.Request{URL: "https://" + host + "/secret-path"})
		if err == nil {
			t.Errorf("%s was asked", host)
			continue
		}
		refused := errors.Is(err, egress.ErrRefusedAddress)
		if host != "nothing.example" && host != "crowd.example" && !refused {
			t.Errorf("%s: %v", host, err)
		}
		if strings.Contains(err.Error(), "secret-path") {
			t.Errorf("the error tells the path: %v", err)
		}
	}
	if _, err := client.Do(t.Context(), egress.Request{URL: "https://unknown.example/"}); err == nil {
		t.Error("a name that nobody has")
	}
}

// DNS rebinding: the answer that was checked is the one that is used, whatever the
// next one would be.
func TestTheCheckedAddressIsTheOneThatIsAsked(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // for example.com
	resolver := &names{known: map[string][]string{"example.com": {"127.0.0.1"}}}
	client := egress.New(egress.Options{Roots: roots, Loopback: egress.LoopbackAllowed, Resolver: resolver})
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for want := int32(1); want <= 2; want++ {
		if _, err := client.Do(t.Context(), egress.Request{URL: "https://example.com:" + port + "/"}); err != nil {
			t.Fatal(err)
		}
		if got := resolver.asked.Load(); got != want {
			t.Errorf("resolved %d times for %d requests", got, want)
		}
	}
}

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	reached := atomic.Bool{}
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(inner.Close)
	var bomb bytes.Buffer
	packed := gzip.NewWriter(&bomb)
	_, _ = packed.Write(make([]byte, 10<<20))
	_ = packed.Close()
	server, client := party(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
		case "/endless":
			for range 1 << 14 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case "/announced":
			w.Header().Set("Content-Length", "10000000000")
			w.WriteHeader(http.StatusOK)
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		case "/headers":
			w.Header().Set("X-Filler", strings.Repeat("x", 64<<10))
		case "/silent":
			<-r.Context().Done()
		case "/slow":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				wait := time.NewTimer(20 * time.Millisecond)
				select {
				case <-wait.C:
				case <-r.Context().Done():
				}
			}
		}
	})
	t.Run("/redirect", func(t *testing.T) {
		ledger.Holds(t, "egress: redirects")
		got, err := client.Do(t.Context(), egress.Request{URL: server.URL + "/redirect"})
		if err != nil || got.Status != http.StatusTemporaryRedirect || reached.Load() {
			t.Errorf("redirect: %+v, %v, followed %t", got.Status, err, reached.Load())
		}
	})
	for path, test := range map[string]struct {
		rule string
		want error // nil for any
	}{
		"/endless": {"egress: endless answer", egress.ErrTooLarge}, "/announced": {"egress: ten gigabytes", egress.ErrTooLarge},
		"/bomb": {"egress: gzip bomb", nil}, "/headers": {"egress: huge headers", nil},
		"/silent": {"egress: silence", context.DeadlineExceeded}, "/slow": {"egress: slow loris", context.DeadlineExceeded},
	} {
		t.Run(path, func(t *testing.T) {
			ledger.Holds(t, test.rule)
			begun := clock.System().Now()
			_, err := client.Do(t.Context(), egress.Request{URL: server.URL + path, MaxBytes: 1 << 16, Timeout: 500 * time.Millisecond})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Error(err)
			}
			if took := clock.System().Now().Sub(begun); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestOnlyTrustedCertificates(t *testing.T) {
	t.Parallel()
	server, _ := party(t, func(http.ResponseWriter, *http.Request) {})
	client := egress.New(egress.Options{Loopback: egress.LoopbackAllowed})
	if _, err := client.Do(t.Context(), egress.Request{URL: server.URL}); err == nil {
		t.Error("a certificate that nobody vouches for")
	}
}
