package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/delivery"
	"authly/internal/platform/egress"
)

func TestRetries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		ok, final := delivery.Result{Outcome: delivery.Delivered, Status: 200}, delivery.Result{Outcome: delivery.Refused, Status: 400, Problem: delivery.WrongStatus}
		away, slow := delivery.Result{Problem: delivery.Unreachable}, delivery.Result{Problem: delivery.TimedOut}
		for _, test := range []struct {
			name    string
			results []delivery.Result // the last one stays
			want    delivery.Delivery
		}{
			{"at once", []delivery.Result{ok}, delivery.Delivery{Attempts: 1, Outcome: delivery.Delivered, LastStatus: 200}},
			{"a final answer", []delivery.Result{final, ok}, delivery.Delivery{Attempts: 1, Outcome: delivery.Refused, LastStatus: 400, LastProblem: delivery.WrongStatus}},
			{"the third time", []delivery.Result{away, slow, ok}, delivery.Delivery{Attempts: 3, Outcome: delivery.Delivered, LastStatus: 200}},
			{"the last time", []delivery.Result{away, away, away, away, ok}, delivery.Delivery{Attempts: 5, Outcome: delivery.Delivered, LastStatus: 200}},
			{"never", []delivery.Result{slow}, delivery.Delivery{Attempts: 5, Outcome: delivery.GivenUp, LastProblem: delivery.TimedOut}},
		} {
			t.Run(test.name, func(t *testing.T) {
				reader, attempts := w.reader("https://reader.example/"), 0
				w.send(reader)
				deliver := func() {
					t.Helper()
					w.must(w.deliver(sender(func(context.Context, delivery.Delivery) (delivery.Result, error) {
						attempts++
						return test.results[min(attempts, len(test.results))-1], nil
					})))
				}
				pauses := []time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute, 40 * time.Minute, 24 * time.Hour}
				for before, pause := range pauses {
					if pause > 0 {
						w.clock.Advance(pause - time.Second)
						deliver()
						if want := min(before, test.want.Attempts); attempts != want {
							t.Fatalf("%d attempts before the time of the next, want %d", attempts, want)
						}
						w.clock.Advance(time.Second)
					}
					deliver()
				}
				got := w.only(reader)
				finished := got.FinishedAt != nil
				got.Target, got.Reference, got.CreatedAt, got.NextAttemptAt, got.LastAttemptAt, got.FinishedAt = uuid.UUID{}, uuid.UUID{}, time.Time{}, time.Time{}, nil, nil
				if attempts != test.want.Attempts || got != test.want || !finished {
					t.Errorf("%d attempts, and the log says %+v", attempts, got)
				}
			})
		}
	})
}

// A claim without a result is taken over.
func TestCrashInTheMiddle(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		crash := func() {
			t.Helper()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			err := w.queue.Deliver(ctx, sender(func(context.Context, delivery.Delivery) (delivery.Result, error) {
				stop() // the node, while it waits for the answer
				return delivery.Result{Problem: delivery.Unreachable}, nil
			}), slog.New(slog.DiscardHandler))
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the node did not die: %v", err)
			}
		}
		reader, arrived := w.reader("https://reader.example/"), &post{}
		w.send(reader)
		crash()
		w.must(w.deliver(arrived))
		if len(arrived.received[reader]) != 0 {
			t.Error("another node made the same attempt at the same time")
		}
		w.clock.Advance(time.Minute)
		w.must(w.deliver(arrived))
		if log := w.only(reader); len(arrived.received[reader]) != 1 || log.Outcome != delivery.Delivered || log.Attempts != 2 {
			t.Errorf("after the claim expired: %+v", log)
		}

		unlucky := w.reader("https://unlucky.example/")
		w.send(unlucky)
		for range 5 {
			crash()
			w.clock.Advance(time.Minute)
		}
		w.must(w.deliver(arrived))
		w.must(w.queue.Sweep(t.Context()))
		if log := w.only(unlucky); len(arrived.received[unlucky]) != 0 || log.Outcome != delivery.GivenUp || log.LastProblem != delivery.Interrupted {
			t.Errorf("after five crashes: %+v", log)
		}
		w.clock.Advance(31 * 24 * time.Hour)
		w.must(w.queue.Sweep(t.Context()))
		if log := w.logOf(unlucky); len(log) != 0 {
			t.Errorf("the log is kept for ever: %v", log)
		}
	})
}

// An attempt that panics ends neither the process nor the others, and one that fails here is made again.
func TestDeliveryThatPanics(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		bad, broken, good, arrived := w.reader("https://bad.example/"), w.reader("https://broken.example/"), w.reader("https://good.example/"), &post{}
		failing := func(of uuid.UUID, fail func() error) sender {
			return func(ctx context.Context, due delivery.Delivery) (delivery.Result, error) {
				if due.Target == of {
					return delivery.Result{}, fail()
				}
				return arrived.Attempt(ctx, due)
			}
		}
		w.send(bad, good)
		if err := w.deliver(failing(bad, func() error { panic("a defect") })); err == nil || !strings.Contains(err.Error(), "panic: a defect") {
			t.Errorf("deliver: %v", err)
		}
		w.send(broken)
		if err := w.deliver(failing(broken, func() error { return errors.ErrUnsupported })); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("deliver: %v", err)
		}
		if got := w.only(good); got.Outcome != delivery.Delivered {
			t.Errorf("the other: %+v", got)
		}
		for _, each := range []uuid.UUID{bad, broken} {
			if got := w.only(each); got.Outcome != delivery.Pending {
				t.Errorf("the one that failed: %+v", got)
			}
		}
		w.clock.Advance(time.Minute) // until the claims expire
		w.must(w.deliver(arrived))
		for _, each := range []uuid.UUID{bad, broken} {
			if got := w.only(each); got.Outcome != delivery.Delivered {
				t.Errorf("at the next attempt: %+v", got)
			}
		}
	})
}

// However many nodes there are, each delivery is made once.
func TestNodesAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w, arrived := newWorld(t, database), &post{}
		var readers []uuid.UUID
		for i := range 5 {
			readers = append(readers, w.reader(fmt.Sprintf("https://reader.example/%d", i)))
		}
		const letters = 6
		for range letters {
			w.send(readers...)
		}
		var nodes sync.WaitGroup
		for range 32 {
			nodes.Go(func() {
				if err := w.deliver(arrived); err != nil {
					t.Errorf("deliver: %v", err)
				}
			})
		}
		nodes.Wait()
		for i, reader := range readers {
			log := w.logOf(reader)
			if len(arrived.received[reader]) != letters || len(log) != letters {
				t.Errorf("reader %d got %d letters, the log has %d, want %d", i, len(arrived.received[reader]), len(log), letters)
			}
			for letter, times := range arrived.received[reader] {
				if times != 1 {
					t.Errorf("reader %d got %v %d times", i, letter, times)
				}
			}
			for _, each := range log {
				if each.Outcome != delivery.Delivered || each.Attempts != 1 {
					t.Errorf("the log says %+v", each)
				}
			}
		}
	})
}

// A delivery that is deleted with its target during an attempt is no failure.
func TestTargetThatIsDeleted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		reader, attempts := w.reader("https://reader.example/"), 0
		w.send(reader)
		leaving := sender(func(context.Context, delivery.Delivery) (delivery.Result, error) {
			attempts++
			w.exec(`DELETE FROM readers WHERE id = $1`, reader)
			return delivery.Result{}, fmt.Errorf("find the reader: %w", delivery.ErrGone)
		})
		w.must(w.deliver(leaving))
		w.must(w.deliver(leaving))
		if log := w.logOf(reader); attempts != 1 || len(log) != 0 {
			t.Errorf("%d attempts, and the log says %v", attempts, log)
		}
	})
}

// The line of the log names the kind, and the target as the sender does.
func TestLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		w.send(w.reader(""))
		var log strings.Builder
		w.must(w.queue.Deliver(t.Context(), sender(func(context.Context, delivery.Delivery) (delivery.Result, error) {
			return delivery.Result{Outcome: delivery.Undeliverable, Problem: "moved", Target: slog.String("reader", "ada")}, nil
		}), slog.New(slog.NewTextHandler(&log, nil))))
		if want := `level=WARN msg=letter reader=ada outcome=undeliverable attempts=1 status=0 problem=moved`; !strings.Contains(log.String(), want) {
			t.Errorf("the log says %s", log.String())
		}
	})
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err     error
		outcome delivery.Outcome
		problem delivery.Problem
	}{
		{egress.ErrRefusedAddress, delivery.Undeliverable, delivery.AddressRefused},
		{egress.ErrTooLarge, delivery.Pending, delivery.AnswerTooLarge},
		{context.DeadlineExceeded, delivery.Pending, delivery.TimedOut},
		{errors.ErrUnsupported, delivery.Pending, delivery.Unreachable},
	} {
		if outcome, problem := delivery.Unanswered(fmt.Errorf("ask: %w", test.err)); outcome != test.outcome || problem != test.problem {
			t.Errorf("%v: %q, %q", test.err, outcome, problem)
		}
	}
}

func TestWake(t *testing.T) {
	t.Parallel()
	queue := delivery.NewQueue(nil, nil, letters())
	queue.Wake()
	queue.Wake()
	<-queue.Woken()
	select {
	case <-queue.Woken():
		t.Error("two signals for one look")
	default:
	}
}
