package httpx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/httpx"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a router with its log, before routes are added.
type world struct {
	options httpx.Options
	router  *httpx.Router
	log     *bytes.Buffer
	clock   *clock.Fake
}

func newWorld(t *testing.T, change ...func(*httpx.Options)) *world {
	t.Helper()
	log := &bytes.Buffer{}
	w := &world{log: log, clock: clock.NewFake(t0)}
	w.options = httpx.Options{
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:  w.clock,
		Issuer: "https://id.example.com",
		ErrorPage: func(w http.ResponseWriter, _ *http.Request, status int) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<h1>" + http.StatusText(status) + "</h1>"))
		},
	}
	for _, c := range change {
		c(&w.options)
	}
	w.router = httpx.NewRouter(w.options)
	return w
}

// line returns the only log line.
func (w *world) line(t *testing.T) map[string]any {
	t.Helper()
	if lines := strings.Count(w.log.String(), "\n"); lines != 1 {
		t.Fatalf("got %d log lines, want 1:\n%s", lines, w.log)
	}
	var line map[string]any
	if err := json.Unmarshal(w.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func ok(w http.ResponseWriter, _ *http.Request) {
	httpx.WriteJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

// request makes one with headers given as "Name: value".
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
