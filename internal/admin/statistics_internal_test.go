package admin

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/session"
	"authly/internal/token"
	"authly/internal/user"
)

// watched are the users, who are counted slowly, and whose counts are counted.
type watched struct {
	*user.Service
	clock  *clock.Fake
	takes  time.Duration
	counts atomic.Int64
	gate   chan struct{} // nil, or held back until it is closed
}

func (w *watched) Statistics(ctx context.Context) (user.Statistics, error) {
	w.counts.Add(1)
	if w.gate != nil {
		select {
		case <-w.gate:
		case <-ctx.Done():
			return user.Statistics{}, ctx.Err()
		}
	}
	w.clock.Advance(w.takes)
	return w.Service.Statistics(ctx)
}

func watch(t *testing.T) (*Dashboard, *watched) {
	t.Helper()
	database, now := dbtest.Open(t, db.SQLite), clock.NewFake(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
	people := &watched{Service: user.NewService(user.Deps{Database: database, Clock: now}), clock: now}
	return NewDashboard(Counts{
		Users: people, Clients: client.NewService(client.Deps{Database: database, Clock: now}), Sessions: session.NewService(session.Deps{Database: database, Clock: now}),
		Tokens: token.New(token.Deps{Database: database, Clock: now}), Events: audit.New(audit.Deps{Database: database, Clock: now}),
	}, now), people
}

func (d *Dashboard) isWoken() bool {
	select {
	case <-d.woken:
		return true
	default:
		return false
	}
}

// However many ask at once, one of them counts; whoever doesn't want to wait any more leaves.
func TestOneCountsForAll(t *testing.T) {
	t.Parallel()
	dashboard, people := watch(t)
	people.gate = make(chan struct{})
	impatient, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := dashboard.get(impatient)
		left <- err
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	before := people.counts.Load()
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if _, err := dashboard.get(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(people.gate)
	group.Wait()
	if got := people.counts.Load() - before; got != 1 {
		t.Errorf("counted %d times", got)
	}
}

// To count takes a small part of the time, however long it takes; and nobody gets a count that
// nobody keeps up.
func TestTimesOfCounting(t *testing.T) {
	t.Parallel()
	dashboard, people := watch(t)
	people.takes = 3 * time.Second
	ask := func() time.Time {
		t.Helper()
		counted, err := dashboard.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counted.CountedAt
	}
	refresh := func() {
		t.Helper()
		if err := dashboard.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	begun := people.clock.Now()
	refresh()
	people.clock.Set(begun.Add(59 * time.Second))
	refresh()
	if !ask().Equal(begun) || dashboard.isWoken() || people.counts.Load() != 1 {
		t.Errorf("counted %d times in 59 seconds", people.counts.Load())
	}
	people.clock.Set(begun.Add(time.Minute))
	if !ask().Equal(begun) || !dashboard.isWoken() {
		t.Error("nobody was woken after a minute")
	}
	refresh()
	if !ask().Equal(begun.Add(time.Minute)) || dashboard.isWoken() {
		t.Error("there is no second count")
	}
	people.clock.Advance(countedTooLongAgo)
	late := people.clock.Now()
	if !ask().Equal(late) {
		t.Error("a count that nobody keeps up was given")
	}
	people.clock.Set(begun) // the clock is set back
	if !ask().Equal(begun) {
		t.Error("a count from the future was given")
	}
}

// A clock that is set forward during a count makes it look long: the next one is not put off for ever.
func TestClockSetForwardWhileCounting(t *testing.T) {
	t.Parallel()
	dashboard, people := watch(t)
	people.takes = 11 * 24 * time.Hour
	if err := dashboard.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	people.takes = 0
	people.clock.Advance(countedAtLeast)
	if err := dashboard.Refresh(t.Context()); err != nil || people.counts.Load() != 2 {
		t.Errorf("counted %d times, error %v", people.counts.Load(), err)
	}
}
