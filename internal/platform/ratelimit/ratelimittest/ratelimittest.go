package ratelimittest

import (
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
)

// start has a fraction of a second, to expose a store that truncates it.
var start = time.Date(2026, time.March, 29, 0, 59, 59, 123456000, time.UTC)

// FreshKey returns a key that no other test has used.
func FreshKey() ratelimit.Key { return ratelimit.KeyOf("test", rand.Text()) }

// OpenRedis returns a store on the Redis server of the tests, closed when the test ends.
func OpenRedis(t testing.TB) *ratelimit.Redis {
	t.Helper()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		if engines := os.Getenv("TEST_ENGINES"); engines != "" && !strings.Contains(engines, "postgres") {
			t.Skip("a quick run without servers")
		}
		t.Fatal("TEST_REDIS_URL is not set: run the tests through make, or set TEST_ENGINES=sqlite for a partial run")
	}
	store, err := ratelimit.OpenRedis(ratelimit.RedisOptions{URL: secret.FromString(url), AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close Redis: %v", err)
		}
	})
	if err := store.Ping(t.Context()); err != nil {
		t.Fatalf("reach the Redis server of the tests: %v", err)
	}
	return store
}

// Contract checks the requirements on every store.
func Contract(t *testing.T, store ratelimit.Store) {
	t.Run("a burst, then one each interval", func(t *testing.T) { burst(t, store) })
	t.Run("a race for a burst", func(t *testing.T) { race(t, store) })
	t.Run("a race of first, refused and reset attempts", func(t *testing.T) { raceWithReset(t, store) })
	t.Run("reset", func(t *testing.T) { reset(t, store) })
	t.Run("a clock that is behind", func(t *testing.T) { behind(t, store) })
	t.Run("the pure function", func(t *testing.T) { model(t, store) })
	t.Run("bounds", func(t *testing.T) { bounds(t, store) })
}

func reserve(t testing.TB, store ratelimit.Store, key ratelimit.Key, rate ratelimit.Rate, now time.Time) ratelimit.Decision {
	t.Helper()
	decision, err := store.Reserve(t.Context(), key, rate, now)
	if err != nil {
		t.Fatalf("reserve: %v", err)
	}
	return decision
}

func burst(t *testing.T, store ratelimit.Store) {
	key, rate := FreshKey(), ratelimit.Rate{Burst: 3, Interval: 10 * time.Second}
	allowed := ratelimit.Decision{Allowed: true}
	for _, step := range []struct {
		after time.Duration
		want  ratelimit.Decision
	}{
		{0, allowed},
		{0, allowed},
		{0, allowed},
		{0, ratelimit.Decision{RetryAfter: 10 * time.Second}},
		{0, ratelimit.Decision{RetryAfter: 10 * time.Second}}, // a refused attempt costs nothing
		{4 * time.Second, ratelimit.Decision{RetryAfter: 6 * time.Second}},
		{10*time.Second - time.Microsecond, ratelimit.Decision{RetryAfter: time.Microsecond}},
		{10 * time.Second, allowed},
		{10 * time.Second, ratelimit.Decision{RetryAfter: 10 * time.Second}},
		{20 * time.Second, allowed},
		{time.Hour, allowed},
		{time.Hour, allowed},
		{time.Hour, allowed},
		{time.Hour, ratelimit.Decision{RetryAfter: 10 * time.Second}},
	} {
		if got := reserve(t, store, key, rate, start.Add(step.after)); got != step.want {
			t.Errorf("after %s: %+v, want %+v", step.after, got, step.want)
		}
	}
	if got := reserve(t, store, FreshKey(), rate, start); !got.Allowed {
		t.Error("another subject is refused")
	}
}

func race(t *testing.T, store ratelimit.Store) {
	const racers, burst = 32, 10
	key, rate := FreshKey(), ratelimit.Rate{Burst: burst, Interval: time.Hour}
	// The second round starts with an existing row, full again.
	for round, now := range []time.Time{start, start.Add(burst * time.Hour)} {
		var allowed atomic.Int32
		begin := make(chan struct{})
		var running sync.WaitGroup
		for range racers {
			running.Go(func() {
				<-begin
				decision, err := store.Reserve(t.Context(), key, rate, now)
				if err != nil {
					t.Error(err)
				}
				if decision.Allowed {
					allowed.Add(1)
				} else if decision.RetryAfter != time.Hour {
					t.Errorf("refused for %s", decision.RetryAfter)
				}
			})
		}
		close(begin)
		running.Wait()
		if allowed.Load() != burst {
			t.Errorf("round %d: %d of %d racers were allowed, want %d", round, allowed.Load(), racers, burst)
		}
	}
}

func raceWithReset(t *testing.T, store ratelimit.Store) {
	key, rate := FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Hour}
	var allowed, resets atomic.Int32
	var running sync.WaitGroup
	for i := range 32 {
		running.Go(func() {
			if i%8 == 0 {
				resets.Add(1)
				if err := store.Reset(t.Context(), key); err != nil {
					t.Error(err)
				}
				return
			}
			decision, err := store.Reserve(t.Context(), key, rate, start)
			if err != nil {
				t.Error(err)
			}
			if decision.Allowed {
				allowed.Add(1)
			} else if decision.RetryAfter <= 0 {
				t.Errorf("refused with %s to wait", decision.RetryAfter)
			}
		})
	}
	running.Wait()
	if got := allowed.Load(); got < 1 || got > resets.Load()+1 {
		t.Errorf("%d attempts were allowed with %d resets", got, resets.Load())
	}
}

func reset(t *testing.T, store ratelimit.Store) {
	key, other, rate := FreshKey(), FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Hour}
	if err := store.Reset(t.Context(), key); err != nil {
		t.Errorf("reset of nothing: %v", err)
	}
	reserve(t, store, key, rate, start)
	reserve(t, store, other, rate, start)
	if err := store.Reset(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got := reserve(t, store, key, rate, start); !got.Allowed {
		t.Error("refused after a reset")
	}
	if got := reserve(t, store, other, rate, start); got.Allowed {
		t.Error("the reset went to another subject, too")
	}
}

// behind has one node whose clock is late, so that an attempt that has expired for
// the other node is still recent for it.
func behind(t *testing.T, store ratelimit.Store) {
	key, rate := FreshKey(), ratelimit.Rate{Burst: 1, Interval: time.Minute}
	reserve(t, store, key, rate, start)
	reserve(t, store, FreshKey(), rate, start.Add(time.Minute)) // a store may tidy up now
	if got := reserve(t, store, key, rate, start.Add(time.Minute-ratelimit.ClockSkew/2)); got.RetryAfter != ratelimit.ClockSkew/2 {
		t.Errorf("%+v, want to wait for %s", got, ratelimit.ClockSkew/2)
	}
}

// model compares the store with the pure function, fed with its own last answer.
func model(t *testing.T, store ratelimit.Store) {
	rapid.Check(t, func(t *rapid.T) {
		rate := ratelimit.Rate{
			Burst:    rapid.IntRange(1, 5).Draw(t, "burst"),
			Interval: time.Duration(rapid.Int64Range(1e6, 5e6).Draw(t, "interval in microseconds")) * time.Microsecond,
		}
		keys := []ratelimit.Key{FreshKey(), FreshKey()}
		arrivals := make([]time.Time, len(keys))
		latest := start
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			// Backwards at times, as clocks of several nodes are not the same.
			step := rapid.Int64Range(-ratelimit.ClockSkew.Microseconds(), 3_000_000).Draw(t, "step in microseconds")
			now := latest.Add(time.Duration(step) * time.Microsecond)
			if now.After(latest) {
				latest = now
			}
			which := rapid.IntRange(0, len(keys)-1).Draw(t, "subject")
			if rapid.IntRange(0, 9).Draw(t, "action") == 0 {
				if err := store.Reset(t.Context(), keys[which]); err != nil {
					t.Fatal(err)
				}
				arrivals[which] = time.Time{}
				continue
			}
			next, retryAfter := rate.Reserve(arrivals[which], now)
			arrivals[which] = next
			got, err := store.Reserve(t.Context(), keys[which], rate, now)
			if err != nil {
				t.Fatal(err)
			}
			if want := (ratelimit.Decision{Allowed: retryAfter == 0, RetryAfter: retryAfter}); got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
	})
}

func bounds(t *testing.T, store ratelimit.Store) {
	widest := ratelimit.Rate{Burst: 1, Interval: ratelimit.MaxPeriod}
	key := FreshKey()
	if got := reserve(t, store, key, widest, start); !got.Allowed {
		t.Error("the longest interval allows nothing")
	}
	if got := reserve(t, store, key, widest, start.Add(time.Microsecond)); got.RetryAfter != ratelimit.MaxPeriod-time.Microsecond {
		t.Errorf("the longest interval: wait for %s", got.RetryAfter)
	}
	finest := ratelimit.Rate{Burst: 1, Interval: time.Microsecond}
	key = FreshKey()
	reserve(t, store, key, finest, start)
	if got := reserve(t, store, key, finest, start); got.RetryAfter != time.Microsecond {
		t.Errorf("the shortest interval: %+v", got)
	}
	if got := reserve(t, store, key, finest, start.Add(time.Microsecond)); !got.Allowed {
		t.Errorf("after the shortest interval: %+v", got)
	}
	if got, err := store.Reserve(t.Context(), FreshKey(), ratelimit.Rate{}, start); got.Allowed {
		t.Errorf("the empty rate allows: %+v, %v", got, err)
	}
}
