package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

func TestOneLogLineWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	w.router.Browser().HandleFunc("POST /login", func(rw http.ResponseWriter, r *http.Request) {
		httpx.Attach(r.Context(), slog.String("client_id", "client_abc"), slog.String("long", strings.Repeat("x", 10_000)))
		w.clock.Advance(1500 * time.Microsecond)
		rw.WriteHeader(http.StatusSeeOther)
	})
	got := do(w.router.Handler(), request("POST", "/login?code=s3cret-query", "password=s3cret-body",
		"Authorization: Basic s3cret-header", "Cookie: session=s3cret-cookie", "User-Agent: s3cret-agent", "Referer: https://s3cret-referer/"))
	line := w.line(t)
	if strings.Contains(w.log.String(), "s3cret") {
		t.Errorf("a secret in the log: %s", w.log)
	}
	for name, want := range map[string]any{
		"msg": "request", "level": "INFO", "method": "POST", "route": "/login", "status": 303.0, "duration": 1.5e6,
		"client_address": "192.0.2.1", "client_id": "client_abc", "request_id": got.Header().Get("X-Request-Id"),
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if len(line["long"].(string)) > 256 {
		t.Error("an attached text is not cut")
	}
}

func TestLogLineOfWhatIsNotThere(t *testing.T) {
	w, handler := mounted(t)
	do(handler, request("BREW", "/s3cret-path", ""))
	line := w.line(t)
	if line["route"] != "(none)" || line["method"] != "other" || strings.Contains(w.log.String(), "s3cret") {
		t.Errorf("%s", w.log)
	}
}

func TestQuietRoute(t *testing.T) {
	w, handler := mounted(t)
	do(handler, request("GET", "/healthz", ""))
	if line := w.line(t); line["level"] != "DEBUG" {
		t.Errorf("level %v", line["level"])
	}
}

func TestRequestIdentifierIsOurs(t *testing.T) {
	w := newWorld(t)
	var inside string
	w.router.API().HandleFunc("GET /x", func(_ http.ResponseWriter, r *http.Request) { inside = httpx.RequestID(r.Context()) })
	got := do(w.router.Handler(), request("GET", "/x", "", "X-Request-Id: theirs")).Header().Get("X-Request-Id")
	if got == "theirs" || got == "" || got != inside {
		t.Errorf("header %q, inside %q", got, inside)
	}
}

func TestPanic(t *testing.T) {
	w := newWorld(t)
	broken := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99999")
		w.Header().Set("Set-Cookie", "half=done")
		panic("boom in the handler")
	}
	w.router.API().HandleFunc("GET /api", broken)
	w.router.Browser().HandleFunc("GET /page", broken)
	handler := w.router.Handler()
	for path, contentType := range map[string]string{"/api": "application/json", "/page": "text/html; charset=utf-8"} {
		w.log.Reset()
		got := do(handler, request("GET", path, ""))
		if got.Code != 500 || got.Header().Get("Content-Type") != contentType || got.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
		if strings.Contains(got.Body.String(), "boom") {
			t.Errorf("%s: the panic is shown: %s", path, got.Body)
		}
		line := w.line(t)
		if line["level"] != "ERROR" || line["error"] != "panic: boom in the handler" || !strings.Contains(line["stack"].(string), "middleware_test") {
			t.Errorf("%s: %s", path, w.log)
		}
		if path == "/api" && !strings.Contains(got.Body.String(), line["request_id"].(string)) {
			t.Errorf("no request id in %s", got.Body)
		}
	}
}

func TestPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	w := newWorld(t)
	w.router.API().HandleFunc("GET /x", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{"))
		_ = http.NewResponseController(w).Flush()
		panic("late")
	})
	server := httptest.NewServer(w.router.Handler())
	asked, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(asked)
	if err == nil {
		defer func() { _ = response.Body.Close() }()
		_, err = io.ReadAll(response.Body)
	}
	if err == nil {
		t.Error("half an answer looked like a whole one")
	}
	server.Close() // waits for the handler, so that the line is written
	if line := w.line(t); line["error"] != "panic: late" {
		t.Errorf("%s", w.log)
	}
}

func TestFaultIsLoggedOnceWithItsChain(t *testing.T) {
	w := newWorld(t)
	w.router.API().HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {
		first := fmt.Errorf("store the token: %w", errors.New("disk full"))
		httpx.Report(r.Context(), first)
		httpx.WriteOAuthError(w, r, fmt.Errorf("answer: %w", first))
	})
	got := do(w.router.Handler(), request("GET", "/x", ""))
	if line := w.line(t); line["error"] != "store the token: disk full" || line["level"] != "ERROR" {
		t.Errorf("%s", w.log)
	}
	if strings.Contains(got.Body.String(), "disk") {
		t.Errorf("shown: %s", got.Body)
	}
}

func TestClientThatWentAwayIsNoFault(t *testing.T) {
	w := newWorld(t)
	w.router.API().HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {
		httpx.WriteOAuthError(w, r, fmt.Errorf("query: %w", r.Context().Err()))
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	do(w.router.Handler(), request("GET", "/x", "").WithContext(ctx))
	if line := w.line(t); line["level"] != "INFO" || line["client_gone"] != true {
		t.Errorf("%s", w.log)
	}
}

func TestBodyAndTimeAreBounded(t *testing.T) {
	w := newWorld(t, func(o *httpx.Options) { o.RequestTimeout = time.Minute })
	w.router.API().HandleFunc("POST /x", func(_ http.ResponseWriter, r *http.Request) {
		if _, bounded := r.Context().Deadline(); !bounded {
			t.Error("no deadline")
		}
		_, err := io.ReadAll(r.Body)
		if tooLarge := (*http.MaxBytesError)(nil); !errors.As(err, &tooLarge) {
			t.Errorf("reading 65 KiB: %v", err)
		}
	})
	do(w.router.Handler(), request("POST", "/x", strings.Repeat("x", 65<<10)))
}

func TestOutsideOfARequest(t *testing.T) {
	ctx := t.Context()
	httpx.Attach(ctx, slog.String("a", "b"))
	httpx.Report(ctx, errors.New("x"))
	if httpx.RequestID(ctx) != "" || httpx.ClientAddress(ctx).IsValid() {
		t.Error("something from nothing")
	}
}

func TestChainAlone(t *testing.T) {
	handler := httpx.Chain(httpx.Options{Logger: slog.New(slog.DiscardHandler), Clock: clock.System(), Issuer: "http://localhost:8080"}, http.HandlerFunc(ok))
	if got := do(handler, request("GET", "/", "")); got.Code != 200 || got.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
}
