package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
	"authly/internal/platform/delivery"
)

// A target that hangs with many deliveries, and others of its host, delay no other: what is enqueued
// while they hang arrives. A target and a host have two attempts at once.
func TestHangingTargetDelaysNoOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := newWorld(t, database)
		slow := map[uuid.UUID]bool{}
		for _, address := range []string{"https://slow.example/one", "https://slow.example?x", "HTTPS://SLOW.example"} {
			slow[w.reader(address)] = true
		}
		homeless := w.reader("") // without a host: only its own bound counts
		slow[homeless] = true
		var (
			toHost, toHomeless, most, mostHomeless atomic.Int32
			hanging, release                       = make(chan struct{}, 256), make(chan struct{})
			heard                                  = make(chan uuid.UUID, 256)
		)
		let := sync.OnceFunc(func() { close(release) })
		t.Cleanup(let)
		attempt := sender(func(_ context.Context, due delivery.Delivery) (delivery.Result, error) {
			if !slow[due.Target] {
				heard <- due.Target
				return delivery.Result{Outcome: delivery.Delivered}, nil
			}
			running, highest := &toHost, &most
			if due.Target == homeless {
				running, highest = &toHomeless, &mostHomeless
			}
			now := running.Add(1)
			defer running.Add(-1)
			for seen := highest.Load(); now > seen && !highest.CompareAndSwap(seen, now); seen = highest.Load() {
			}
			hanging <- struct{}{}
			<-release
			return delivery.Result{Outcome: delivery.Delivered}, nil
		})
		for range 30 {
			for each := range slow {
				w.send(each)
			}
		}
		done := make(chan error, 1)
		go func() { done <- w.deliver(attempt) }()
		for range 4 {
			select {
			case <-hanging:
			case <-time.After(30 * time.Second):
				t.Fatal("not all of the targets that hang were tried")
			}
		}
		for i := range 40 { // more than there are attempts at once
			address := fmt.Sprintf("https://slow.example%s.test/", strings.Repeat("x", i)) // begins like the host that hangs
			reader := w.reader(address)
			w.send(reader)
			w.queue.Wake()
			select {
			case got := <-heard:
				if got != reader {
					t.Errorf("another target than %s was told", address)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("%s waits for the targets that hang", address)
			}
		}
		let()
		w.must(<-done)
		if most.Load() != 2 || mostHomeless.Load() != 2 {
			t.Errorf("%d attempts to one host at once and %d to one target, want 2", most.Load(), mostHomeless.Load())
		}
		for each := range slow {
			for _, log := range w.logOf(each) {
				if log.Outcome != delivery.Delivered || log.Attempts != 1 {
					t.Errorf("afterwards: %+v", log)
				}
			}
		}
	})
}
