package httpx

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/clock"
)

// However many handshakes fail, there is one line a minute, and the next has their number; the rest of what
// the server says is for debugging.
func TestHandshakesAreBounded(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	now := clock.NewFake(time.Unix(1_800_000_000, 0))
	told := slog.NewLogLogger(&serverErrors{logger: slog.New(slog.NewTextHandler(&log, nil)), clock: now}, slog.LevelDebug)
	say := func(text string) { told.Print(text + "\n") }
	for range 10_000 {
		say("http: TLS handshake error from 192.0.2.1:4711: EOF")
	}
	say("http: superfluous response.WriteHeader call")
	now.Advance(time.Minute)
	say("http: TLS handshake error from 192.0.2.1:4711: " + strings.Repeat("x", 5000))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "192.0.2.1:4711: EOF") || !strings.Contains(lines[1], "omitted=9999") || len(lines[1]) > 500 {
		t.Errorf("the log says %s", log.String())
	}
}
