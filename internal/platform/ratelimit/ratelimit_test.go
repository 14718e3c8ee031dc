package ratelimit_test

import (
	"errors"
	"testing"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/ratelimit"
)

func TestLimiter(t *testing.T) {
	stands := clock.NewFake(t0)
	limiter, err := ratelimit.New(newMemory(t, 100), stands,
		ratelimit.Limit{Name: "login.account", Rate: ratelimit.Rate{Burst: 2, Interval: time.Minute}},
		ratelimit.Limit{Name: "login.address", Rate: ratelimit.Rate{Burst: 1, Interval: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	allow := func(name, subject string) ratelimit.Decision {
		t.Helper()
		decision, err := limiter.Allow(t.Context(), name, subject)
		if err != nil {
			t.Fatal(err)
		}
		return decision
	}
	allowed := ratelimit.Decision{Allowed: true}
	if got := allow("login.account", "alice"); got != allowed {
		t.Errorf("first: %+v", got)
	}
	if got := allow("login.account", "alice"); got != allowed {
		t.Errorf("second: %+v", got)
	}
	if got := allow("login.account", "alice"); got != (ratelimit.Decision{RetryAfter: time.Minute}) {
		t.Errorf("third: %+v", got)
	}
	if got := allow("login.account", "bob"); got != allowed {
		t.Errorf("somebody else: %+v", got)
	}
	if got := allow("login.address", "alice"); got != allowed {
		t.Errorf("another limit: %+v", got)
	}
	stands.Advance(time.Minute)
	if got := allow("login.account", "alice"); got != allowed {
		t.Errorf("a minute later: %+v", got)
	}
	if err := limiter.Reset(t.Context(), "login.account", "alice"); err != nil {
		t.Fatal(err)
	}
	allow("login.account", "alice")
	if got := allow("login.account", "alice"); got != allowed {
		t.Errorf("after a reset the burst is not there again: %+v", got)
	}

	if got, err := limiter.Allow(t.Context(), "login.acount", "alice"); err == nil || got.Allowed {
		t.Errorf("a limit that does not exist: %+v, %v", got, err)
	}
	if err := limiter.Reset(t.Context(), "login.acount", "alice"); err == nil {
		t.Error("reset of a limit that does not exist")
	}
}

func TestLimiterFailsClosed(t *testing.T) {
	cause := errors.New("disk full")
	limiter, err := ratelimit.New(&brokenStore{Store: newMemory(t, 1), err: cause}, clock.NewFake(t0),
		ratelimit.Limit{Name: "login", Rate: ratelimit.Rate{Burst: 1, Interval: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := limiter.Allow(t.Context(), "login", "alice"); !errors.Is(err, cause) || got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
	if err := limiter.Reset(t.Context(), "login", "alice"); !errors.Is(err, cause) {
		t.Errorf("reset: %v", err)
	}
}

func TestNewRefusesLimits(t *testing.T) {
	good := ratelimit.Rate{Burst: 1, Interval: time.Second}
	for name, limits := range map[string][]ratelimit.Limit{
		"no burst":                 {{"a", ratelimit.Rate{Interval: time.Second}}},
		"no interval":              {{"a", ratelimit.Rate{Burst: 1}}},
		"a negative interval":      {{"a", ratelimit.Rate{Burst: 1, Interval: -time.Second}}},
		"nanoseconds":              {{"a", ratelimit.Rate{Burst: 1, Interval: time.Microsecond + 1}}},
		"a period without end":     {{"a", ratelimit.Rate{Burst: 1 << 60, Interval: time.Hour}}},
		"a period over the bound":  {{"a", ratelimit.Rate{Burst: 367, Interval: 24 * time.Hour}}},
		"no name":                  {{"", good}},
		"the same name once again": {{"a", good}, {"a", good}},
	} {
		if _, err := ratelimit.New(newMemory(t, 1), clock.NewFake(t0), limits...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestKeyOf(t *testing.T) {
	key := ratelimit.KeyOf("login", "alice")
	for name, other := range map[string]ratelimit.Key{
		"subject":  ratelimit.KeyOf("login", "alicf"),
		"limit":    ratelimit.KeyOf("logim", "alice"),
		"boundary": ratelimit.KeyOf("logina", "lice"),
	} {
		if key == other {
			t.Errorf("another %s has the same key", name)
		}
	}
	if key != ratelimit.KeyOf("login", "alice") {
		t.Error("the same subject has two keys")
	}
}
