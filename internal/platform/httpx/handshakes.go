package httpx

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// handshakeInterval is how often failed TLS handshakes are logged, at most.
const handshakeInterval = time.Minute

// serverErrors handles what package net/http logs itself. A failed TLS handshake is a warning, at
// most once a minute because any client can cause it; the next line says how many were left out. Everything
// else is logged for debugging.
type serverErrors struct {
	logger *slog.Logger
	clock  clock.Clock

	mu      sync.Mutex
	next    time.Time
	omitted int
}

// Handle logs a line of net/http.
func (e *serverErrors) Handle(ctx context.Context, record slog.Record) error {
	text := strings.TrimSpace(record.Message)
	if !strings.HasPrefix(text, "http: TLS handshake error") {
		e.logger.DebugContext(ctx, text)
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	if now.Before(e.next) {
		e.omitted++
		return nil
	}
	e.logger.LogAttrs(ctx, slog.LevelWarn, "TLS handshake failed", slog.String("error", text[:min(len(text), maxAttached)]), slog.Int("omitted", e.omitted))
	e.next, e.omitted = now.Add(handshakeInterval), 0
	return nil
}

// Enabled reports true: every line is handled.
func (*serverErrors) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs returns the handler as it is: package log has no attributes.
func (e *serverErrors) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup returns the handler as it is: package log has no groups.
func (e *serverErrors) WithGroup(string) slog.Handler { return e }
