package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"authly/internal/platform/clock"
)

// ShutdownTimeout is how long a stopping server waits for requests in progress.
const ShutdownTimeout = 15 * time.Second

// ServerOptions configure a server. Handler, Logger and Clock are required.
type ServerOptions struct {
	Handler http.Handler
	Logger  *slog.Logger
	Clock   clock.Clock

	// CertificateFile and KeyFile are PEM files. The server speaks TLS if both are
	// set.
	CertificateFile string
	KeyFile         string

	// Connections bound the open connections of each listener.
	Connections ConnectionLimits

	// ShutdownTimeout is used instead of the constant of that name, if not 0.
	ShutdownTimeout time.Duration
}

// Server serves one handler on listeners.
type Server struct {
	options     ServerOptions
	certificate *certificate // nil without TLS
}

// NewServer returns a server. With TLS the files are read at once, so that a
// bad one fails the start and not the first client.
func NewServer(options ServerOptions) (*Server, error) {
	if options.ShutdownTimeout == 0 {
		options.ShutdownTimeout = ShutdownTimeout
	}
	if (options.CertificateFile == "") != (options.KeyFile == "") {
		return nil, errors.New("TLS needs both a certificate file and a key file")
	}
	server := &Server{options: options}
	if options.CertificateFile != "" {
		loaded, err := newCertificate(options)
		if err != nil {
			return nil, err
		}
		server.certificate = loaded
	}
	return server, nil
}

// Run serves until ctx ends, then stops accepting, waits for requests in progress
// for at most the shutdown timeout, and returns nil. It returns an error if
// serving fails or if a request had to be cut off. It closes the listener.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	// Requests outlive ctx: they end by themselves, or when cancel is called below.
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	bounded := newBoundedListener(listener, s.options)
	server := &http.Server{
		Handler:           bounded.handler(s.options.Handler),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(&serverErrors{logger: s.options.Logger, clock: s.options.Clock}, slog.LevelDebug),
		ConnState:         bounded.changed,
		ConnContext:       bounded.context,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	served := make(chan error, 1)
	go func() {
		if s.certificate != nil {
			server.TLSConfig = s.certificate.config()
			served <- server.ServeTLS(bounded, "", "")
			return
		}
		served <- server.Serve(bounded)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), s.options.ShutdownTimeout)
	defer stop()
	err := server.Shutdown(stopping)
	if err != nil {
		cancel()
		_ = server.Close()
		err = fmt.Errorf("finish the requests in flight: %w", err)
	}
	return errors.Join(err, unlessClosed(<-served))
}

// unlessClosed drops the error of a server that was stopped.
func unlessClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// tlsConfig allows TLS 1.3, and the four TLS 1.2 suites that FAPI 2.0 and RFC
// 9325 allow: ephemeral keys and AES-GCM.
func tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
	}
}
