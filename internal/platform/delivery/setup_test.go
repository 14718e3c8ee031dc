package delivery_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
	"authly/internal/platform/delivery"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// letters is a kind that only these tests have: the package depends on no feature's names.
func letters() delivery.Kind {
	return delivery.Kind{Name: "letter", Table: "letters", Target: "reader", Reference: "letter", Targets: "readers", Address: "url"}
}

const schema = `CREATE TABLE readers (id UUID PRIMARY KEY, url TEXT);
	CREATE TABLE letters (reader UUID NOT NULL REFERENCES readers (id) ON DELETE CASCADE, letter UUID NOT NULL, attempts BIGINT NOT NULL,
		created_at TIMESTAMPTZ NOT NULL, next_attempt_at TIMESTAMPTZ NOT NULL, last_attempt_at TIMESTAMPTZ, last_status BIGINT, last_problem TEXT,
		finished_at TIMESTAMPTZ, outcome TEXT, PRIMARY KEY (letter, reader))`

// world is a queue and those who get what is in it.
type world struct {
	t        *testing.T
	database *db.DB
	clock    *clock.Fake
	queue    *delivery.Queue
}

func newWorld(t *testing.T, database *db.DB) *world {
	t.Helper()
	w := &world{t: t, database: database, clock: clock.NewFake(start)}
	for statement := range strings.SplitSeq(schema, ";") {
		w.exec(statement)
	}
	w.queue = delivery.NewQueue(database, w.clock, letters())
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(statement string, arguments ...any) {
	w.t.Helper()
	_, err := w.database.Write(w.t.Context()).Exec(w.t.Context(), statement, arguments...)
	w.must(err)
}

// reader adds a target; an empty address is none.
func (w *world) reader(address string) uuid.UUID {
	w.t.Helper()
	reader := uuid.New()
	w.exec(`INSERT INTO readers (id, url) VALUES ($1, NULLIF($2, ''))`, reader, address)
	return reader
}

// send enqueues a letter to each of the readers.
func (w *world) send(readers ...uuid.UUID) {
	w.t.Helper()
	for _, reader := range readers {
		w.exec(`INSERT INTO letters (reader, letter, attempts, created_at, next_attempt_at) VALUES ($1, $2, 0, $3, $3)`, reader, uuid.New(), w.clock.Now())
	}
}

func (w *world) deliver(sender delivery.Sender) error {
	return w.queue.Deliver(w.t.Context(), sender, slog.New(slog.DiscardHandler))
}

// logOf returns the deliveries of a target.
func (w *world) logOf(target uuid.UUID) []delivery.Delivery {
	w.t.Helper()
	deliveries, err := w.queue.Deliveries(w.t.Context(), target)
	w.must(err)
	return deliveries
}

// only returns the one delivery of a target.
func (w *world) only(target uuid.UUID) delivery.Delivery {
	w.t.Helper()
	deliveries := w.logOf(target)
	if len(deliveries) != 1 {
		w.t.Fatalf("%d deliveries, want 1", len(deliveries))
	}
	return deliveries[0]
}

// sender is a function as one.
type sender func(ctx context.Context, due delivery.Delivery) (delivery.Result, error)

func (s sender) Attempt(ctx context.Context, due delivery.Delivery) (delivery.Result, error) {
	return s(ctx, due)
}

// post delivers everything, and counts.
type post struct {
	mu       sync.Mutex
	received map[uuid.UUID]map[uuid.UUID]int // by reader and letter
}

func (p *post) Attempt(_ context.Context, due delivery.Delivery) (delivery.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.received == nil {
		p.received = map[uuid.UUID]map[uuid.UUID]int{}
	}
	if p.received[due.Target] == nil {
		p.received[due.Target] = map[uuid.UUID]int{}
	}
	p.received[due.Target][due.Reference]++
	return delivery.Result{Outcome: delivery.Delivered, Status: 200}, nil
}
