package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/clock"
	"authly/internal/platform/jobs"
)

// runFor runs jobs for a while of a bubble's time and returns what was logged. The
// jobs get the time since the start.
func runFor(t *testing.T, duration time.Duration, made func(elapsed func() time.Duration) []jobs.Job) string {
	t.Helper()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		begun := clock.System().Now()
		elapsed := func() time.Duration { return clock.System().Now().Sub(begun) }
		runner, err := jobs.NewRunner(slog.New(slog.NewTextHandler(&log, nil)), clock.System(), made(elapsed)...)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			runner.Run(ctx)
			close(ended)
		}()
		<-time.After(duration)
		synctest.Wait()
		cancel()
		<-ended
	})
	return log.String()
}

func TestJobsKeepToTheirTimes(t *testing.T) {
	var quick, slow []time.Duration
	log := runFor(t, 10*time.Minute+time.Second, func(elapsed func() time.Duration) []jobs.Job {
		return []jobs.Job{
			{Name: "quick", Every: 3 * time.Minute, Run: func(context.Context) error {
				quick = append(quick, elapsed())
				<-time.After(20 * time.Second) // does not move the next one
				return nil
			}},
			{Name: "slow", Every: time.Minute, Run: func(context.Context) error {
				slow = append(slow, elapsed())
				<-time.After(150 * time.Second)
				return nil
			}},
		}
	})
	if diff := cmp.Diff([]time.Duration{0, 3 * time.Minute, 6 * time.Minute, 9 * time.Minute}, quick); diff != "" {
		t.Errorf("quick job (-want +got):\n%s", diff)
	}
	// Never two at once, and one run for all the times that were missed.
	if diff := cmp.Diff([]time.Duration{0, 150 * time.Second, 300 * time.Second, 450 * time.Second, 600 * time.Second}, slow); diff != "" {
		t.Errorf("slow job (-want +got):\n%s", diff)
	}
	if log != "" {
		t.Errorf("logged without need:\n%s", log)
	}
}

func TestJobsGoOnAfterFailures(t *testing.T) {
	var failing, panicking, healthy int
	log := runFor(t, 2*time.Minute+time.Second, func(func() time.Duration) []jobs.Job {
		return []jobs.Job{
			{Name: "failing", Every: time.Minute, Run: func(context.Context) error {
				failing++
				return errors.New("disk full")
			}},
			{Name: "panicking", Every: time.Minute, Run: func(context.Context) error {
				panicking++
				panic("no such key")
			}},
			{Name: "healthy", Every: time.Minute, Run: func(context.Context) error {
				healthy++
				return nil
			}},
		}
	})
	if failing != 3 || panicking != 3 || healthy != 3 {
		t.Errorf("ran %d, %d and %d times, want 3 each", failing, panicking, healthy)
	}
	for want, count := range map[string]int{
		`job=failing error="disk full"`:                   3,
		`job=panicking error="panic: no such key" stack=`: 3,
		"jobs_test.go": 3,
		"job=healthy":  0,
	} {
		if got := strings.Count(log, want); got < count || (count == 0 && got > 0) {
			t.Errorf("%q is logged %d times, want %d:\n%s", want, got, count, log)
		}
	}
}

func TestJobsWake(t *testing.T) {
	var ran []time.Duration
	runFor(t, 25*time.Minute, func(elapsed func() time.Duration) []jobs.Job {
		wake := make(chan struct{}, 1)
		return []jobs.Job{
			{Name: "woken", Every: 10 * time.Minute, Wake: wake, Run: func(context.Context) error {
				ran = append(ran, elapsed())
				return nil
			}},
			{Name: "waking", Every: 7 * time.Minute, Run: func(context.Context) error {
				if elapsed() > 0 {
					wake <- struct{}{}
				}
				return nil
			}},
		}
	})
	want := []time.Duration{0, 7 * time.Minute, 10 * time.Minute, 14 * time.Minute, 20 * time.Minute, 21 * time.Minute}
	if diff := cmp.Diff(want, ran); diff != "" {
		t.Errorf("woken job (-want +got):\n%s", diff)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	var ended time.Duration
	log := runFor(t, time.Minute, func(elapsed func() time.Duration) []jobs.Job {
		return []jobs.Job{
			{Name: "long", Every: time.Hour, Run: func(ctx context.Context) error {
				<-ctx.Done()
				<-time.After(time.Second) // tidies up, and Run waits for it
				ended = elapsed()
				return ctx.Err()
			}},
			{Name: "idle", Every: time.Hour, Run: func(context.Context) error { return nil }},
		}
	})
	if ended != time.Minute+time.Second {
		t.Errorf("the job ended at %s", ended)
	}
	if log != "" {
		t.Errorf("a shutdown is logged as a failure:\n%s", log)
	}
}

func TestNothingRunsWithoutAContext(t *testing.T) {
	runner, err := jobs.NewRunner(slog.New(slog.DiscardHandler), clock.System(), jobs.Job{Name: "job", Every: time.Hour, Run: func(context.Context) error {
		t.Error("ran after the end")
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runner.Run(ctx)
}

func TestNewRunnerRefuses(t *testing.T) {
	work := func(context.Context) error { return nil }
	for name, list := range map[string][]jobs.Job{
		"no name":    {{Name: "", Every: time.Minute, Run: work}},
		"no time":    {{Name: "a", Every: 0, Run: work}},
		"time back":  {{Name: "a", Every: -time.Minute, Run: work}},
		"no work":    {{Name: "a", Every: time.Minute, Run: nil}},
		"name twice": {{Name: "a", Every: time.Minute, Run: work}, {Name: "a", Every: time.Hour, Run: work}},
	} {
		if _, err := jobs.NewRunner(slog.New(slog.DiscardHandler), clock.System(), list...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Somebody may ask for a job before its time, and sees what came of it.
func TestAskedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran []time.Duration
		var fail atomic.Bool
		begun := clock.System().Now()
		elapsed := func() time.Duration { return clock.System().Now().Sub(begun) }
		runner, err := jobs.NewRunner(slog.New(slog.DiscardHandler), clock.System(), jobs.Job{Name: "asked", Every: time.Hour, Run: func(context.Context) error {
			ran = append(ran, elapsed())
			<-time.After(time.Minute)
			if fail.Load() {
				return errors.New("disk full")
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if runner.Ask("asked") {
			t.Error("a runner that doesn't run was asked")
		}
		if got, want := runner.States()[0], (jobs.State{Name: "asked", Every: time.Hour}); got != want {
			t.Errorf("before: %+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			runner.Run(ctx)
			close(ended)
		}()
		<-time.After(10 * time.Minute)
		if runner.Ask("nothing") || !runner.Ask("asked") {
			t.Error("asked for the wrong job")
		}
		synctest.Wait()
		if got := runner.States()[0]; !got.Running || got.StartedAt.Sub(begun) != 10*time.Minute || got.EndedAt.Sub(begun) != time.Minute || got.Failed {
			t.Errorf("at work: %+v", got)
		}
		fail.Store(true)
		for range 3 { // while it works: once more, and not three times
			runner.Ask("asked")
		}
		<-time.After(10 * time.Minute)
		if got := runner.States()[0]; got.Running || got.EndedAt.Sub(begun) != 12*time.Minute || !got.Failed {
			t.Errorf("afterwards: %+v", got)
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Minute, 11 * time.Minute}, ran); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		cancel()
		<-ended
		if runner.Ask("asked") {
			t.Error("a runner that has ended was asked")
		}
	})
}
