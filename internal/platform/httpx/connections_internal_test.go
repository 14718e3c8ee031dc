package httpx

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"authly/internal/platform/clock"
)

// A connection may be closed to make room at the moment when the header of a request has come:
// that request has no effect, as its client gets no answer.
func TestRequestsOfClosedConnectionsHaveNoEffect(t *testing.T) {
	t.Parallel()
	l := newBoundedListener(nil, ServerOptions{
		Connections: ConnectionLimits{Total: 1}, Clock: clock.NewFake(time.Unix(0, 0)), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	served := 0
	handler := l.handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	serve := func(c *boundedConnection) (aborted bool) {
		defer func() { aborted = recover() == http.ErrAbortHandler }() //nolint:errorlint // the value itself is the signal
		l.changed(c, http.StateActive)
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(l.context(t.Context(), c), http.MethodPost, "/", nil))
		return false
	}
	accept := func() (admitted, evicted *boundedConnection) {
		near, far := net.Pipe()
		t.Cleanup(func() { _, _ = near.Close(), far.Close() })
		return l.admit(near)
	}
	first, _ := accept()
	second, evicted := accept()
	if evicted != first {
		t.Fatal("the first connection didn't make room")
	}
	if !serve(first) || served != 0 {
		t.Error("a request was served whose connection is closed")
	}
	if serve(second) || served != 1 {
		t.Error("a request was not served")
	}
	if third, evicted := accept(); third != nil || evicted != nil {
		t.Error("there was room while a request was being served")
	}
	if l.open != 1 || l.waiting.Len() != 0 {
		t.Errorf("%d open, %d waiting", l.open, l.waiting.Len())
	}
}
