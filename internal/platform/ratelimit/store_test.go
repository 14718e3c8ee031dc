package ratelimit_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/ratelimit/ratelimittest"
	"authly/internal/platform/secret"
)

var t0 = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func newMemory(t testing.TB, capacity int) *ratelimit.Memory {
	t.Helper()
	created, err := ratelimit.NewMemory(capacity)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func TestMemory(t *testing.T) {
	ratelimittest.Contract(t, newMemory(t, ratelimit.DefaultMemoryEntries))
}

func TestSQL(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		ratelimittest.Contract(t, ratelimit.NewSQL(database))
	})
}

func TestRedis(t *testing.T) { ratelimittest.Contract(t, ratelimittest.OpenRedis(t)) }

func TestFallbackIsAStore(t *testing.T) {
	ratelimittest.Contract(t, ratelimit.NewFallback(newMemory(t, 1000), newMemory(t, 1000), clock.NewFake(t0), slog.New(slog.DiscardHandler)))
}

func TestMemoryIsBounded(t *testing.T) {
	const capacity = 100
	store := newMemory(t, capacity)
	rate := ratelimit.Rate{Burst: 3, Interval: time.Minute}
	attacked := ratelimit.KeyOf("login", "attacked account")
	for range rate.Burst {
		if got, err := store.Reserve(t.Context(), attacked, rate, t0); err != nil || !got.Allowed {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	for range 50 * capacity {
		if got, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), rate, t0); err != nil || !got.Allowed {
			t.Fatalf("a newcomer: %+v, %v", got, err)
		}
		if store.Len() > capacity {
			t.Fatalf("%d entries, want at most %d", store.Len(), capacity)
		}
	}
	if got, _ := store.Reserve(t.Context(), attacked, rate, t0); got.Allowed {
		t.Error("many newcomers washed a throttled subject away")
	}
	for range capacity {
		if _, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), rate, t0.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), rate, t0.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), rate, t0.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if store.Len() > 40 {
		t.Errorf("%d entries are left although most have expired", store.Len())
	}
	if _, err := ratelimit.NewMemory(0); err == nil {
		t.Error("a store without room")
	}
}

func TestSQLSweep(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		store := ratelimit.NewSQL(database)
		rate := ratelimit.Rate{Burst: 2, Interval: time.Minute}
		once, twice := ratelimittest.FreshKey(), ratelimittest.FreshKey()
		for _, key := range []ratelimit.Key{once, twice, twice} {
			if _, err := store.Reserve(t.Context(), key, rate, t0); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			after time.Duration
			want  int64
		}{
			{time.Minute + ratelimit.ClockSkew - time.Microsecond, 0},
			{time.Minute + ratelimit.ClockSkew, 1},
			{time.Minute + ratelimit.ClockSkew, 0},
			{2*time.Minute + ratelimit.ClockSkew, 1},
		} {
			if got, err := store.Sweep(t.Context(), t0.Add(step.after)); err != nil || got != step.want {
				t.Errorf("after %s: %d rows, %v; want %d", step.after, got, err, step.want)
			}
		}
		many := insertRows(t, database, 2500)
		if got, err := store.Sweep(t.Context(), t0.Add(ratelimit.ClockSkew)); err != nil || got != many {
			t.Errorf("%d rows in several batches, %v; want %d", got, err, many)
		}
	})
}

func insertRows(t *testing.T, database *db.DB, count int) int64 {
	t.Helper()
	err := database.Tx(t.Context(), func(ctx context.Context) error {
		for range count {
			key := ratelimittest.FreshKey()
			if _, err := database.Write(ctx).Exec(ctx,
				`INSERT INTO rate_limits (key, theoretical_arrival_micros) VALUES ($1, $2)`, key[:], t0.UnixMicro()-1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return int64(count)
}

// TestSQLSweepKeepsRenewedRows has a sweep that lists an expired row as somebody
// is about to commit another attempt on it.
func TestSQLSweepKeepsRenewedRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		store := ratelimit.NewSQL(database)
		key, rate := ratelimittest.FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Hour}
		if _, err := store.Reserve(t.Context(), key, rate, t0); err != nil {
			t.Fatal(err)
		}
		later := t0.Add(2 * time.Hour)
		var sweeping sync.WaitGroup
		err := database.Tx(t.Context(), func(ctx context.Context) error {
			decision, err := store.Reserve(ctx, key, rate, later)
			if err != nil || !decision.Allowed {
				t.Errorf("%+v, %v", decision, err)
			}
			sweeping.Go(func() {
				if got, err := store.Sweep(t.Context(), later); err != nil || got != 0 {
					t.Errorf("swept %d rows, %v", got, err)
				}
			})
			awaitLock(t, database)
			return err
		})
		sweeping.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := store.Reserve(t.Context(), key, rate, later); err != nil || got.Allowed {
			t.Errorf("the sweep took a new attempt away: %+v, %v", got, err)
		}
	})
}

// awaitLock returns when a statement waits for a lock on PostgreSQL. On SQLite
// there is one writer, so that a sweep can't list anything before the commit.
func awaitLock(t *testing.T, database *db.DB) {
	t.Helper()
	if database.Engine() != db.PostgreSQL {
		return
	}
	for waiting := 0; waiting == 0; {
		err := database.Read(t.Context()).QueryRow(t.Context(), `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRedisTellsNoPassword(t *testing.T) {
	for _, url := range []string{"redis://:hunter2@host:port:1/x", "http://:hunter2@localhost", "redis://:hunter2@localhost/%zz", "hunter2"} {
		_, err := ratelimit.OpenRedis(ratelimit.RedisOptions{URL: secret.FromString(url)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestRedisOnAnotherMachine(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://localhost": "", "redis://:p@127.0.0.1:6380/1": "", "redis://[::1]:6379": "", "unix:///run/redis.sock": "", "redis://": "",
		"rediss://cache.example.com": "", "redis://cache.example.com": "cache.example.com", "redis://192.0.2.1:1": "192.0.2.1",
		"redis://[2001:db8::1]:1": "2001:db8::1", "redis://127.1": "127.1", "redis://localhost.example.com": "localhost.example.com",
		"rediss://cache.example.com?skip_verify=true": "cache.example.com", "rediss://localhost?skip_verify=true": "",
	} {
		got, err := ratelimit.UnverifiedHost(secret.FromString(url))
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", url, got, err, want)
		}
		opened, err := ratelimit.OpenRedis(ratelimit.RedisOptions{URL: secret.FromString(url)})
		if (err == nil) != (want == "") {
			t.Errorf("%s: opening gives %v", url, err)
		}
		if err == nil {
			_ = opened.Close()
		}
		if opened, err = ratelimit.OpenRedis(ratelimit.RedisOptions{URL: secret.FromString(url), AllowPlaintext: true}); err != nil {
			t.Errorf("%s: allowed, but %v", url, err)
		} else {
			_ = opened.Close()
		}
	}
}

// TestRedisWithItsOwnAuthority has a TLS server that no authority of the system knows.
func TestRedisWithItsOwnAuthority(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil) // for its certificate
	server.StartTLS()
	certificate, authorities := server.TLS.Certificates[0], x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	server.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = connection.Close() }()
				lines := bufio.NewScanner(connection)
				for lines.Scan() {
					if word := lines.Text(); strings.EqualFold(word, "PING") {
						_, _ = io.WriteString(connection, "+PONG\r\n")
					} else if strings.EqualFold(word, "HELLO") || strings.EqualFold(word, "SETINFO") {
						_, _ = io.WriteString(connection, "-ERR unknown command\r\n")
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	url := secret.FromString("rediss://" + listener.Addr().String())
	ping := func(roots *x509.CertPool) error {
		store, err := ratelimit.OpenRedis(ratelimit.RedisOptions{URL: url, Roots: roots})
		if err != nil {
			return err
		}
		defer func() { _ = store.Close() }()
		return store.Ping(t.Context())
	}
	if err := ping(authorities); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	if err := ping(nil); err == nil {
		t.Error("any certificate will do")
	}
}

// TestRedisThatDoesNotAnswer has a server that accepts connections and is silent.
func TestRedisThatDoesNotAnswer(t *testing.T) {
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			connection, err := silent.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				_, _ = io.Copy(io.Discard, connection)
				_ = connection.Close()
			})
		}
	})
	store, err := ratelimit.OpenRedis(ratelimit.RedisOptions{URL: secret.FromString("redis://" + silent.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = store.Close()
		_ = silent.Close()
		running.Wait()
	})
	begun := clock.System().Now()
	if _, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Second}, t0); err == nil {
		t.Error("an answer from nobody")
	}
	if waited := clock.System().Now().Sub(begun); waited > 3*time.Second {
		t.Errorf("waited for %s", waited)
	}
}

// brokenStore is an outside system that can be switched off.
type brokenStore struct {
	ratelimit.Store
	err   error
	calls int
}

func (s *brokenStore) Reserve(ctx context.Context, key ratelimit.Key, rate ratelimit.Rate, now time.Time) (ratelimit.Decision, error) {
	s.calls++
	if s.err != nil {
		return ratelimit.Decision{}, s.err
	}
	return s.Store.Reserve(ctx, key, rate, now)
}

func (s *brokenStore) Reset(ctx context.Context, key ratelimit.Key) error {
	s.calls++
	return errors.Join(s.err, s.Store.Reset(ctx, key))
}

func TestFallback(t *testing.T) {
	var log bytes.Buffer
	stands := clock.NewFake(t0)
	primary := &brokenStore{Store: newMemory(t, 100)}
	secondary := &brokenStore{Store: newMemory(t, 100)}
	store := ratelimit.NewFallback(primary, secondary, stands, slog.New(slog.NewTextHandler(&log, nil)))
	key, rate := ratelimittest.FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Hour}
	attempt := func(want bool) {
		t.Helper()
		got, err := store.Reserve(t.Context(), key, rate, stands.Now())
		if err != nil || got.Allowed != want {
			t.Errorf("%+v, %v; want allowed %t", got, err, want)
		}
	}
	attempt(true)
	attempt(false)
	if secondary.calls != 0 {
		t.Error("the secondary was asked while the primary worked")
	}

	primary.err = errors.New("connection refused")
	attempt(true) // the secondary knows of nothing
	for range 10 {
		attempt(false)
	}
	if primary.calls != 3 {
		t.Errorf("the broken primary was asked %d times", primary.calls-2)
	}
	stands.Advance(5 * time.Second)
	attempt(false)
	attempt(false)
	if primary.calls != 4 {
		t.Errorf("after five seconds the primary was asked %d times, want once more", primary.calls-3)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 1 {
		t.Errorf("%d warnings about one outage:\n%s", got, &log)
	}
	if err := store.Reset(t.Context(), key); err != nil {
		t.Errorf("reset in the outage: %v", err)
	}
	attempt(true)

	primary.err = nil
	stands.Advance(5 * time.Second)
	attempt(false) // the primary still knows its own
	if got := strings.Count(log.String(), "works again"); got != 1 {
		t.Errorf("%d reports of the end:\n%s", got, &log)
	}
	if err := store.Reset(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	attempt(true)

	primary.err, secondary.err = errors.New("gone"), errors.New("gone, too")
	if got, err := store.Reserve(t.Context(), key, rate, stands.Now()); err == nil || got.Allowed {
		t.Errorf("with both out of order: %+v, %v", got, err)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 2 {
		t.Errorf("%d warnings about two outages:\n%s", got, &log)
	}
}

func TestFallbackLeavesTheCallersOwnEnd(t *testing.T) {
	primary := &brokenStore{Store: newMemory(t, 100), err: context.Canceled}
	secondary := &brokenStore{Store: newMemory(t, 100)}
	store := ratelimit.NewFallback(primary, secondary, clock.NewFake(t0), slog.New(slog.DiscardHandler))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	rate := ratelimit.Rate{Burst: 1, Interval: time.Hour}
	if got, err := store.Reserve(cancelled, ratelimittest.FreshKey(), rate, t0); !errors.Is(err, context.Canceled) || got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
	primary.err = nil
	if _, err := store.Reserve(t.Context(), ratelimittest.FreshKey(), rate, t0); err != nil || primary.calls != 2 {
		t.Errorf("the primary was given up for a caller who left: %v", err)
	}
}
