package httpx

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/id"
)

// Options configure the middleware and the muxes. Logger, Clock and Issuer
// are required.
type Options struct {
	Logger *slog.Logger
	Clock  clock.Clock

	// Issuer is the configured issuer. Everything is mounted under its path,
	// its scheme decides about HSTS, and its origin is that of our own forms.
	Issuer string

	// TrustedProxies are the networks whose forwarding header is trusted.
	TrustedProxies []netip.Prefix
	// ForwardedHeader is the header they set; X-Forwarded-For if empty.
	ForwardedHeader ForwardedHeader

	// RequireTLS refuses requests without TLS from other machines than the listed proxies,
	// except on routes that are [OverPlaintext]. Proxies terminate TLS for the clients behind them.
	RequireTLS bool

	// HSTSIncludeSubdomains extends HSTS to the names below the issuer's host (RFC 6797 section 6.1.2).
	HSTSIncludeSubdomains bool
	// CSPReportURI is where browsers report what the content security policy of a page has blocked;
	// nowhere if empty. It is an https URI without characters that end a directive.
	CSPReportURI string

	// ErrorPage answers a browser with a page for a status, such as 404 or 500.
	// Without it the answer is one line of text.
	ErrorPage func(w http.ResponseWriter, r *http.Request, status int)

	// RequestTimeout bounds the context of a request; 30 s if 0, unbounded if negative.
	RequestTimeout time.Duration
}

const defaultRequestTimeout = 30 * time.Second

// Chain wraps a handler in the middleware, outermost first: request identifier,
// client address and log line; recovery from a panic; headers of every answer;
// bounds of body and time.
func Chain(options Options, handler http.Handler) http.Handler {
	return options.observe(options.recover(options.limit(handler)))
}

// observe creates the request's state and writes its one log line. The content of the
// line is chosen only here: never the URL, a header or the body.
func (o Options) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := o.Clock.Now()
		st := &state{
			id:     id.New().String(),
			origin: originOf(r, o.TrustedProxies, o.ForwardedHeader),
		}
		ctx := context.WithValue(r.Context(), stateKey{}, st)
		recorded := &recorder{ResponseWriter: w}
		// Deferred, so that an aborted request is logged too. Durations come
		// from the injected clock: whole microseconds.
		defer func() { o.log(ctx, r.Method, st, recorded, o.Clock.Now().Sub(started)) }()
		recorded.Header().Set("X-Request-Id", st.id)
		next.ServeHTTP(recorded, r.WithContext(ctx))
	})
}

func (o Options) log(ctx context.Context, method string, s *state, recorded *recorder, took time.Duration) {
	route, attached, failure := s.snapshot()
	pattern, level := "(none)", slog.LevelInfo
	if route != nil {
		pattern = route.Path
		if route.quiet {
			level = slog.LevelDebug
		}
	}
	address := "unknown"
	if s.origin.address.IsValid() {
		address = s.origin.address.String()
	}
	attributes := []slog.Attr{
		slog.String("method", knownMethod(method)),
		slog.String("route", pattern),
		slog.Int("status", recorded.statusOrOK()),
		slog.Int64("bytes", recorded.bytes),
		slog.Duration("duration", took),
		slog.String("request_id", s.id),
		slog.String("client_address", address),
	}
	if !s.origin.address.IsValid() && s.origin.listed { // a proxy that has to be set up
		attributes = append(attributes, slog.String("proxy_address", s.origin.peer.String()))
	}
	attributes = append(attributes, attached...)
	if failure != nil {
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", failure.Error()))
	}
	if route != nil && route.quiet && recorded.statusOrOK() >= http.StatusInternalServerError && level < slog.LevelWarn {
		level = slog.LevelWarn
	}
	o.Logger.LogAttrs(context.WithoutCancel(ctx), level, "request", attributes...)
}

// knownMethod keeps an invented method, which can be long, out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// recover turns a panic into a 500 that shows only the request's identifier.
// If the answer has begun already, the connection is closed instead: a truncated answer
// must not look complete.
func (o Options) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the request carries the context
			caught := recover()
			if caught == nil {
				return
			}
			if caught == http.ErrAbortHandler { //nolint:errorlint // the value itself is the signal
				panic(caught)
			}
			Report(r.Context(), fmt.Errorf("panic: %v", caught))
			if s := stateOf(r.Context()); s != nil {
				s.setStack(debug.Stack())
			}
			if recorded, ok := w.(*recorder); ok && recorded.status != 0 {
				panic(http.ErrAbortHandler)
			}
			for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "ETag", "Location", "Set-Cookie"} {
				w.Header().Del(name)
			}
			o.writeStatus(w, r, http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

func (o Options) limit(next http.Handler) http.Handler {
	timeout := o.RequestTimeout
	if timeout == 0 {
		timeout = defaultRequestTimeout
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.setCommonHeaders(w.Header())
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, MaxBodyBytes)
		}
		if timeout > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), timeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// recorder records the status and size of the answer. Flushing and deadlines go through Unwrap
// (http.ResponseController).
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the first final status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what is written.
func (w *recorder) Write(content []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	written, err := w.ResponseWriter.Write(content)
	w.bytes += int64(written)
	return written, err
}

// Unwrap returns the writer inside.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) statusOrOK() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
