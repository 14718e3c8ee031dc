package httpx_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

// lockedBuffer is a log that a server's goroutines may write to.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// announcing is a log that says when something was written.
type announcing struct {
	lockedBuffer
	written chan struct{}
}

// Write takes a line.
func (a *announcing) Write(line []byte) (int, error) {
	defer func() { a.written <- struct{}{} }()
	return a.lockedBuffer.Write(line)
}

// running is a server on a free loopback port.
type running struct {
	address string
	stop    context.CancelFunc
	result  chan error
}

func run(t *testing.T, options httpx.ServerOptions) *running {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Clock == nil {
		options.Clock = clock.System()
	}
	server, err := httpx.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{listener.Addr().String(), cancel, make(chan error, 1)}
	go func() { r.result <- server.Run(ctx, listener) }()
	t.Cleanup(cancel)
	return r
}

// waitUntilClosed returns when nothing accepts connections at the address any more.
func (r *running) waitUntilClosed(t *testing.T) {
	t.Helper()
	for deadline := clock.System().Now().Add(5 * time.Second); clock.System().Now().Before(deadline); {
		connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", r.address)
		if err != nil {
			return
		}
		_ = connection.Close()
	}
	t.Fatal("the server still accepts connections")
}

func TestGracefulShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := run(t, httpx.ServerOptions{Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		close(entered)
		<-release
		if err := request.Context().Err(); err != nil {
			t.Errorf("the request in flight was cancelled: %v", err)
		}
		_, _ = io.WriteString(w, "finished")
	})})
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + r.address)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-entered
	r.stop()
	r.waitUntilClosed(t)
	select {
	case err := <-r.result:
		t.Fatalf("stopped with a request in flight: %v", err)
	default:
	}
	close(release)
	if got := <-answered; got != "finished" {
		t.Errorf("got %q", got)
	}
	if err := <-r.result; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestShutdownDoesNotWaitForever(t *testing.T) {
	entered := make(chan struct{})
	r := run(t, httpx.ServerOptions{
		ShutdownTimeout: 50 * time.Millisecond,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
			close(entered)
			<-request.Context().Done()
		}),
	})
	go func() {
		response, err := http.Get("http://" + r.address)
		if err == nil {
			_ = response.Body.Close()
		}
	}()
	<-entered
	r.stop()
	if err := <-r.result; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run: %v", err)
	}
}

func TestServeFailureIsReported(t *testing.T) {
	server, err := httpx.NewServer(httpx.ServerOptions{Handler: http.NotFoundHandler(), Logger: slog.New(slog.DiscardHandler), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := server.Run(t.Context(), listener); err == nil {
		t.Error("no error")
	}
}

// pair is a throw-away key pair in files.
type pair struct{ certificate, key string }

// write makes a new key pair for a name and puts it into the files, dated at.
func (p pair) write(t *testing.T, name string, at time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: clock.System().Now().Add(-time.Hour), NotAfter: clock.System().Now().Add(time.Hour),
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	marshalled, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, p.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}), at)
	p.put(t, p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: marshalled}), at)
}

func (pair) put(t *testing.T, file string, content []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func newPair(t *testing.T) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
}

// handshake connects without looking at who answers.
func handshake(t *testing.T, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	config.InsecureSkipVerify = true
	dialer := tls.Dialer{Config: config}
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = connection.Close() }()
	return connection.(*tls.Conn).ConnectionState(), nil //nolint:forcetypeassert // as documented
}

// served returns the name in the certificate that a new connection is shown.
func served(t *testing.T, address string) string {
	t.Helper()
	state, err := handshake(t, address, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].Subject.CommonName
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	files, at, log := newPair(t), clock.NewFake(t0), &lockedBuffer{}
	files.write(t, "first.example", t0)
	r := run(t, httpx.ServerOptions{
		Handler: http.HandlerFunc(ok), Clock: at, Logger: slog.New(slog.NewTextHandler(log, nil)),
		CertificateFile: files.certificate, KeyFile: files.key,
	})
	expect := func(step, name string) {
		t.Helper()
		if got := served(t, r.address); got != name {
			t.Errorf("%s: %s, want %s", step, got, name)
		}
	}
	expect("at start", "first.example")

	files.write(t, "second.example", t0.Add(time.Hour))
	at.Advance(999 * time.Millisecond)
	expect("within the second", "first.example")
	at.Advance(time.Millisecond)
	expect("after the second", "second.example")

	files.put(t, files.certificate, []byte("half a fi"), t0.Add(2*time.Hour))
	for range 3 {
		at.Advance(time.Minute)
		expect("broken", "second.example")
	}
	if said := strings.Count(log.String(), "not reloaded"); said != 1 {
		t.Errorf("the broken pair was logged %d times:\n%s", said, log.String())
	}

	if err := os.Remove(files.certificate); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		at.Advance(time.Minute)
		expect("gone", "second.example")
	}
	if said := strings.Count(log.String(), "not reloaded"); said != 2 {
		t.Errorf("the missing file was logged %d times:\n%s", said-1, log.String())
	}

	files.write(t, "third.example", t0.Add(3*time.Hour))
	at.Advance(time.Minute)
	expect("repaired", "third.example")
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("the key is in the log")
	}
}

func TestTLSVersionsAndSuites(t *testing.T) {
	files := newPair(t)
	files.write(t, "id.example", t0)
	r := run(t, httpx.ServerOptions{Handler: http.HandlerFunc(ok), CertificateFile: files.certificate, KeyFile: files.key})
	dial := func(config *tls.Config) (tls.ConnectionState, error) {
		return handshake(t, r.address, config)
	}
	if state, err := dial(&tls.Config{NextProtos: []string{"h2"}}); err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "h2" {
		t.Errorf("TLS 1.3 with HTTP/2: %v %v", state.NegotiatedProtocol, err)
	}
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384} {
		if state, err := dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}); err != nil || state.CipherSuite != suite {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
	}
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256} {
		if _, err := dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}); err == nil {
			t.Errorf("%s was accepted", tls.CipherSuiteName(suite))
		}
	}
	if _, err := dial(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

// Handshakes that fail are in the log, and a flood of them is one line.
func TestFailedHandshakesAreLogged(t *testing.T) {
	files := newPair(t)
	files.write(t, "id.example", t0)
	log := &announcing{written: make(chan struct{}, 100)}
	r := run(t, httpx.ServerOptions{Handler: http.HandlerFunc(ok), Logger: slog.New(slog.NewJSONHandler(log, nil)), CertificateFile: files.certificate, KeyFile: files.key})
	for range 20 {
		if _, err := handshake(t, r.address, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
			t.Fatal("TLS 1.1 was accepted")
		}
	}
	<-log.written
	if text := log.String(); strings.Count(text, "TLS handshake failed") != 1 || !strings.Contains(text, `"level":"WARN"`) || !strings.Contains(text, "127.0.0.1") {
		t.Errorf("the log says %s", text)
	}
}

func TestWrongTLSFilesStopTheStart(t *testing.T) {
	files, other := newPair(t), newPair(t)
	files.write(t, "a.example", t0)
	other.write(t, "b.example", t0)
	for name, options := range map[string]httpx.ServerOptions{
		"only a certificate": {CertificateFile: files.certificate},
		"only a key":         {KeyFile: files.key},
		"missing":            {CertificateFile: files.certificate + "x", KeyFile: files.key},
		"of another pair":    {CertificateFile: files.certificate, KeyFile: other.key},
		"swapped":            {CertificateFile: files.key, KeyFile: files.certificate},
	} {
		options.Clock, options.Logger = clock.System(), slog.New(slog.DiscardHandler)
		if _, err := httpx.NewServer(options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHeadersAreBounded(t *testing.T) {
	r := run(t, httpx.ServerOptions{Handler: http.HandlerFunc(ok)})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Large", strings.Repeat("x", 80<<10))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // the connection was cut: as good
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}
