package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
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
		runner, err := jobs.NewRunner(slog.New(slog.NewTextHandler(&log, nil)), made(elapsed)...)
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
			{"quick", 3 * time.Minute, func(context.Context) error {
				quick = append(quick, elapsed())
				<-time.After(20 * time.Second) // does not move the next one
				return nil
			}},
			{"slow", time.Minute, func(context.Context) error {
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
			{"failing", time.Minute, func(context.Context) error {
				failing++
				return errors.New("disk full")
			}},
			{"panicking", time.Minute, func(context.Context) error {
				panicking++
				panic("no such key")
			}},
			{"healthy", time.Minute, func(context.Context) error {
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

func TestRunEndsWithItsContext(t *testing.T) {
	var ended time.Duration
	log := runFor(t, time.Minute, func(elapsed func() time.Duration) []jobs.Job {
		return []jobs.Job{
			{"long", time.Hour, func(ctx context.Context) error {
				<-ctx.Done()
				<-time.After(time.Second) // tidies up, and Run waits for it
				ended = elapsed()
				return ctx.Err()
			}},
			{"idle", time.Hour, func(context.Context) error { return nil }},
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
	runner, err := jobs.NewRunner(slog.New(slog.DiscardHandler), jobs.Job{"job", time.Hour, func(context.Context) error {
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
		"no name":    {{"", time.Minute, work}},
		"no time":    {{"a", 0, work}},
		"time back":  {{"a", -time.Minute, work}},
		"no work":    {{"a", time.Minute, nil}},
		"name twice": {{"a", time.Minute, work}, {"a", time.Hour, work}},
	} {
		if _, err := jobs.NewRunner(slog.New(slog.DiscardHandler), list...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
