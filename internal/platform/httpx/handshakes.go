package httpx

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// handshakeInterval is how long one line stands for all TLS handshakes that fail.
const handshakeInterval = time.Minute

// serverErrors handles what package net/http logs by itself. A failed TLS handshake is a warning, at
// most once a minute, as anybody can cause it; the next says how many were left out. Everything else is
// for debugging.
type serverErrors struct {
	logger *slog.Logger
	clock  clock.Clock

	mu      sync.Mutex
	next    time.Time
	omitted int
}

// Handle takes a line.
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

// Enabled reports that every line is taken.
func (*serverErrors) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs returns the handler as it is: package log has no attributes.
func (e *serverErrors) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup returns the handler as it is: package log has no groups.
func (e *serverErrors) WithGroup(string) slog.Handler { return e }
