package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"authly/internal/platform/ratelimit"
	"authly/internal/protocol/policy"
)

// Refusal is a request that was refused before it changed anything. Attackers can cause any
// number of them, so they are not all written; see [Log.RecordRefusal].
type Refusal struct {
	Event Event
	// Subject is the object of the refusal, such as the identifier of a registered client, "" for an unknown
	// one. It is not written.
	Subject string
	// Fill completes the event if it is written; it may be nil.
	Fill func(ctx context.Context, event *Event) error
}

// The bounds of written refusals, for each process.
const (
	// refusalInterval is how long one event stands for all of its kind, subject and address.
	refusalInterval = 10 * time.Minute
	// Of each kind this many are written at once, and then one in each interval, whatever their subjects
	// and addresses, so that an attacker with many addresses can't fill the log either.
	refusalBurst        = 100
	refusalKindInterval = 15 * time.Second
	// maxRefusalSubjects bounds the remembered subjects, in about 2 MiB.
	maxRefusalSubjects = 10_000
	// recordWithin bounds the writing of an event.
	recordWithin = 10 * time.Second
)

// refusals remembers which events were written, and counts those that were not. The counts are lost when the process ends.
type refusals struct {
	mu     sync.Mutex
	counts map[refusalKey]*refusalCount
	// arrivals are those of the rate of each kind; elsewhere counts those that are in no other count any more.
	arrivals  map[Action]time.Time
	elsewhere map[Action]int64
}

type refusalKey [sha256.Size]byte

type refusalCount struct {
	action  Action
	written time.Time // zero if none was
	omitted int64
}

func newRefusals() *refusals {
	return &refusals{counts: map[refusalKey]*refusalCount{}, arrivals: map[Action]time.Time{}, elsewhere: map[Action]int64{}}
}

// take reports whether to write an event, and how many before it were not written.
func (r *refusals) take(action Action, key refusalKey, now time.Time) (omitted int64, isWritten bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.counts[key]
	if count == nil {
		r.makeRoom(now)
		count = &refusalCount{action: action}
		r.counts[key] = count
	}
	if now.Before(count.written.Add(refusalInterval)) {
		count.omitted++
		return 0, false
	}
	next, wait := policy.Rate{Burst: refusalBurst, Interval: refusalKindInterval}.Reserve(r.arrivals[action], now)
	if wait > 0 {
		count.omitted++
		return 0, false
	}
	omitted = count.omitted + r.elsewhere[action]
	r.arrivals[action], count.written, count.omitted, r.elsewhere[action] = next, now, 0, 0
	return omitted, true
}

// makeRoom drops expired entries, and if there are none, arbitrary ones; their counts are added to one sum.
func (r *refusals) makeRoom(now time.Time) {
	if len(r.counts) < maxRefusalSubjects {
		return
	}
	maps.DeleteFunc(r.counts, func(_ refusalKey, count *refusalCount) bool {
		isOver := !now.Before(count.written.Add(refusalInterval))
		if isOver {
			r.elsewhere[count.action] += count.omitted
		}
		return isOver
	})
	for key, count := range r.counts { // many at once, so that a flood does not pay for this each time
		if len(r.counts) <= maxRefusalSubjects/2 {
			return
		}
		r.elsewhere[count.action] += count.omitted
		delete(r.counts, key)
	}
}

// restore undoes take for an event that could not be written.
func (r *refusals) restore(action Action, key refusalKey, omitted int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.elsewhere[action] += omitted + 1
	delete(r.counts, key)
}

// RecordRefusal writes an event of a refusal, unless there was one of the same action, reason, subject and address
// within ten minutes, or too many of its action altogether. The next written event says how many were left out.
// It must not be called in a transaction, which the refusal rolls back. The event is written even if
// the caller disconnects. RecordRefusal reports whether the event was written.
func (l *Log) RecordRefusal(ctx context.Context, refusal Refusal) (bool, error) {
	event := refusal.Event
	address, _ := netip.ParseAddr(l.origin(ctx).Address)
	key := refusalKey(ratelimit.KeyOf(string(event.Action)+" "+event.Details.Reason, ratelimit.AddressSubject(address)+" "+refusal.Subject))
	omitted, isWritten := l.refusals.take(event.Action, key, l.clock.Now())
	if !isWritten {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	event.Outcome, event.Details.Omitted = Failure, omitted
	var err error
	if refusal.Fill != nil {
		err = refusal.Fill(ctx, &event)
	}
	if err == nil {
		err = l.Record(ctx, event)
	}
	if err != nil {
		l.refusals.restore(event.Action, key, omitted)
		return false, fmt.Errorf("record what was refused: %w", err)
	}
	return true, nil
}
