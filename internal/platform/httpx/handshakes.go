package httpx

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"authly/internal/platform/clock"
)

// handshakeInterval is how long one line stands for all TLS handshakes that fail.
const handshakeInterval = time.Minute

// serverErrors is told what package net/http logs by itself: a line for each Write. A failed TLS
// handshake is a warning, at most once a minute, as anybody can cause it; the next says how many were left
// out. Everything else is for debugging.
type serverErrors struct {
	logger *slog.Logger
	clock  clock.Clock

	mu      sync.Mutex
	next    time.Time
	omitted int
}

// Write takes a line.
func (e *serverErrors) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if !bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		e.logger.Debug(text)
		return len(line), nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	if now.Before(e.next) {
		e.omitted++
		return len(line), nil
	}
	e.logger.LogAttrs(context.Background(), slog.LevelWarn, "TLS handshake failed", slog.String("error", text[:min(len(text), maxAttached)]), slog.Int("omitted", e.omitted))
	e.next, e.omitted = now.Add(handshakeInterval), 0
	return len(line), nil
}
