package policy_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"authly/internal/protocol/policy"
)

var t0 = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestRateReserve(t *testing.T) {
	rate := policy.Rate{Burst: 3, Interval: 10 * time.Second}
	var arrival time.Time
	for i, step := range []struct {
		at   time.Duration
		want time.Duration
	}{
		{0, 0},
		{0, 0},
		{0, 0}, // the burst
		{0, 10 * time.Second},
		{4 * time.Second, 6 * time.Second}, // a refusal costs nothing
		{9*time.Second + 999*time.Millisecond, time.Millisecond},
		{10 * time.Second, 0}, // one more
		{10 * time.Second, 10 * time.Second},
		{time.Hour, 0},
		{time.Hour, 0},
		{time.Hour, 0},
		{time.Hour, 10 * time.Second}, // full again, and no fuller
	} {
		next, retryAfter := rate.Reserve(arrival, t0.Add(step.at))
		if retryAfter != step.want {
			t.Fatalf("step %d: retry after %v, want %v", i, retryAfter, step.want)
		}
		if retryAfter > 0 && !next.Equal(arrival) {
			t.Fatalf("step %d: a refusal moved the arrival", i)
		}
		arrival = next
	}
}

func TestRateEdges(t *testing.T) {
	for _, rate := range []policy.Rate{{}, {Burst: 1}, {Interval: time.Second}, {Burst: -1, Interval: time.Second}, {Burst: 1, Interval: -1}} {
		if next, retryAfter := rate.Reserve(t0, t0); retryAfter <= 0 || !next.Equal(t0) {
			t.Errorf("%+v allows an attempt", rate)
		}
	}
	huge := policy.Rate{Burst: math.MaxInt, Interval: time.Hour}
	var arrival time.Time
	for range 100 {
		next, retryAfter := huge.Reserve(arrival, t0)
		if retryAfter != 0 {
			t.Fatalf("a huge burst refuses: %v", retryAfter)
		}
		arrival = next
	}
	if huge.Period() != math.MaxInt64 {
		t.Errorf("Period() = %v", huge.Period())
	}
	if got := (policy.Rate{Burst: 3, Interval: time.Second}).Period(); got != 3*time.Second {
		t.Errorf("Period() = %v", got)
	}
	// The clock may be put back; then the waiting grows and nothing breaks.
	one := policy.Rate{Burst: 1, Interval: time.Second}
	next, _ := one.Reserve(time.Time{}, t0)
	if _, retryAfter := one.Reserve(next, t0.Add(-time.Minute)); retryAfter != time.Minute+time.Second {
		t.Errorf("retry after %v", retryAfter)
	}
}

// The model: a bucket of Burst tokens, kept in nanoseconds of refilling, to which
// one token comes back each Interval.
func TestRateIsATokenBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(1, 10).Draw(t, "burst")
		interval := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "interval"))
		rate, full := policy.Rate{Burst: burst, Interval: interval}, time.Duration(burst)*interval
		now, arrival, level := t0, time.Time{}, full
		for range rapid.IntRange(1, 50).Draw(t, "attempts") {
			step := time.Duration(rapid.Int64Range(0, 2*int64(interval)).Draw(t, "step"))
			now, level = now.Add(step), min(full, level+step)
			next, retryAfter := rate.Reserve(arrival, now)
			if allowed := level >= interval; allowed != (retryAfter == 0) {
				t.Fatalf("level %v of %v: retry after %v", level, full, retryAfter)
			}
			if retryAfter == 0 {
				level -= interval
			} else {
				if retryAfter != interval-level {
					t.Fatalf("retry after %v, the bucket says %v", retryAfter, interval-level)
				}
				if _, early := rate.Reserve(arrival, now.Add(retryAfter-1)); early == 0 {
					t.Fatal("an attempt before retryAfter is allowed")
				}
				if _, later := rate.Reserve(arrival, now.Add(retryAfter)); later != 0 {
					t.Fatal("an attempt at retryAfter is refused")
				}
			}
			arrival = next
			if arrival.Sub(now) > rate.Period() {
				t.Fatalf("the arrival %v is later than the period", arrival.Sub(now))
			}
		}
	})
}

func TestRefreshExpiry(t *testing.T) {
	end := t0.Add(30 * time.Hour)
	for name, test := range map[string]struct {
		now      time.Time
		idle     time.Duration
		absolute time.Time
		want     time.Time
	}{
		"idle comes first":       {t0, time.Hour, end, t0.Add(time.Hour)},
		"the absolute end wins":  {end.Add(-time.Minute), time.Hour, end, end},
		"both at once":           {end.Add(-time.Hour), time.Hour, end, end},
		"no idle limit":          {t0, 0, end, end},
		"negative idle limit":    {t0, -time.Hour, end, end},
		"after the end":          {end.Add(time.Hour), time.Hour, end, end},
		"no absolute end: ended": {t0, time.Hour, time.Time{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy.RefreshExpiry(test.now, test.idle, test.absolute); !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLifetimeStart(t *testing.T) {
	idle, absolute := policy.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour}.Start(t0)
	if !idle.Equal(t0.Add(time.Hour)) || !absolute.Equal(t0.Add(24*time.Hour)) {
		t.Errorf("Start() = %v, %v", idle, absolute)
	}
	idle, absolute = policy.Lifetime{Idle: 48 * time.Hour, Absolute: 24 * time.Hour}.Start(t0)
	if !idle.Equal(absolute) {
		t.Errorf("Start() = %v, %v", idle, absolute)
	}
	if idle, _ := (policy.Lifetime{}).Start(t0); !policy.IsExpired(idle, t0) {
		t.Error("a lifetime that was never set lives")
	}
}

func TestIsExpired(t *testing.T) {
	for offset, want := range map[time.Duration]bool{-time.Microsecond: false, 0: true, time.Microsecond: true} {
		if got := policy.IsExpired(t0, t0.Add(offset)); got != want {
			t.Errorf("at %v: %v", offset, got)
		}
	}
}
