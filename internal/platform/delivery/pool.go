package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/jobs"
)

// The bounds of a pool.
const (
	atOnce      = 16 // attempts of a node
	atOnceOfOne = 2  // of these to one target, and to one host
	lookAhead   = 64 // deliveries that are looked up at once
	// lookAheadOfOne is how many of these are for one target.
	lookAheadOfOne = 16
)

// dueDelivery is a delivery that no node has claimed.
type dueDelivery struct {
	target, reference uuid.UUID
	attempts          int
	host              string // "" for a target without an address
}

// pool is the attempts that are running in one call of [Queue.Deliver]. Only the goroutine of that call changes it.
type pool struct {
	queue    *Queue
	sender   Sender
	logger   *slog.Logger
	finished chan finished
	running  int
	toTarget map[uuid.UUID]int
	toHost   map[string]int
	due      []dueDelivery // looked up and not claimed yet
	// exhausted is set while nothing but what is in due was due at the last look.
	exhausted bool
}

// finished is an attempt that has ended.
type finished struct {
	delivery dueDelivery
	err      error
}

// Deliver makes an attempt at each delivery that is due, until there is none. It goes on claiming while
// attempts are running, so that a target that hangs delays no other. Several nodes may deliver at once.
// The error is the first one of this server: a target that can't be told is none.
func (q *Queue) Deliver(ctx context.Context, sender Sender, logger *slog.Logger) error {
	p := &pool{queue: q, sender: sender, logger: logger, finished: make(chan finished, atOnce), toTarget: map[uuid.UUID]int{}, toHost: map[string]int{}}
	failure := p.fill(ctx)
	stopped := failure != nil
	for p.running > 0 {
		woken := q.Woken()
		if stopped {
			woken = nil // the signal is left to the next call
		}
		select {
		case done := <-p.finished:
			p.release(done.delivery)
			if failure == nil {
				failure = done.err
			}
		case <-woken:
			p.exhausted, p.due = false, nil
		}
		if stopped {
			continue
		}
		if err := p.fill(ctx); err != nil {
			stopped = true // what is running ends, and the next call goes on
			if failure == nil {
				failure = err
			}
		}
	}
	return failure
}

// fill begins attempts until the pool is full or nothing is due that may begin.
func (p *pool) fill(ctx context.Context) error {
	for p.running < atOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, found := p.next()
		if !found {
			if p.exhausted && len(p.due) > 0 {
				return nil
			}
			if found, err := p.look(ctx); err != nil || !found {
				return err
			}
			continue
		}
		now := p.queue.clock.Now()
		claimed, ok, err := p.queue.store.claim(ctx, next, now, now.Add(claimLifetime))
		if err != nil {
			return fmt.Errorf("claim a delivery: %w", err)
		}
		if ok { // otherwise another node was faster
			p.begin(ctx, next, claimed)
		}
	}
	return nil
}

// next takes the first delivery from due that may begin.
func (p *pool) next() (dueDelivery, bool) {
	i := slices.IndexFunc(p.due, func(d dueDelivery) bool {
		return p.toTarget[d.target] < atOnceOfOne && (d.host == "" || p.toHost[d.host] < atOnceOfOne)
	})
	if i < 0 {
		return dueDelivery{}, false
	}
	next := p.due[i]
	p.due = slices.Delete(p.due, i, i+1)
	return next, true
}

// look replaces due by what is due for targets and hosts that are not busy, and reports whether there is any.
func (p *pool) look(ctx context.Context) (bool, error) {
	due, err := p.queue.store.due(ctx, p.queue.clock.Now(), busy(p.toTarget), busy(p.toHost))
	if err != nil {
		return false, fmt.Errorf("look for deliveries: %w", err)
	}
	p.exhausted = len(due) == 0
	if !p.exhausted {
		p.due = due
	}
	return !p.exhausted, nil
}

// busy returns those that have as many attempts as they may have at once.
func busy[K comparable](running map[K]int) []K {
	var full []K
	for each, attempts := range running {
		if attempts >= atOnceOfOne {
			full = append(full, each)
		}
	}
	return full
}

func (p *pool) begin(ctx context.Context, due dueDelivery, claimed Delivery) {
	p.running++
	p.toTarget[due.target]++
	if due.host != "" {
		p.toHost[due.host]++
	}
	go func() {
		// Each in its own guard: an attempt that panics ends neither the process nor the others.
		p.finished <- finished{due, jobs.Guard(ctx, func(ctx context.Context) error { return p.attempt(ctx, claimed) })}
	}()
}

// attempt makes the attempt that was claimed, and records its result. It has a goroutine of its own.
func (p *pool) attempt(ctx context.Context, claimed Delivery) error {
	result, err := p.sender.Attempt(ctx, claimed)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() // the server is being stopped: whether it arrived is unknown
	}
	now := p.queue.clock.Now()
	claimed.Outcome, claimed.LastStatus, claimed.LastProblem = result.Outcome, result.Status, result.Problem
	if claimed.Outcome == Pending && claimed.Attempts >= maxAttempts {
		claimed.Outcome = GivenUp
	}
	if claimed.Outcome == Pending {
		claimed.NextAttemptAt = now.Add(pause(claimed.Attempts))
	} else {
		claimed.FinishedAt = &now
	}
	level := slog.LevelInfo
	if claimed.Outcome != Delivered {
		level = slog.LevelWarn
	}
	p.logger.LogAttrs(ctx, level, p.queue.store.kind.Name, result.Target, slog.String("outcome", string(claimed.Outcome)),
		slog.Int("attempts", claimed.Attempts), slog.Int("status", claimed.LastStatus), slog.String("problem", string(claimed.LastProblem)))
	// What was delivered is recorded even when the server is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return p.queue.store.record(ctx, claimed)
}

func (p *pool) release(due dueDelivery) {
	p.running--
	if p.toTarget[due.target]--; p.toTarget[due.target] == 0 {
		delete(p.toTarget, due.target)
	}
	if due.host == "" {
		return
	}
	if p.toHost[due.host]--; p.toHost[due.host] == 0 {
		delete(p.toHost, due.host)
	}
}

// hostOf returns the scheme, host and port of an address as they are written, in lower case. The store
// compares addresses in the same way; see [store.due].
func hostOf(address string) string {
	address = strings.ToLower(address)
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return ""
	}
	if end := strings.IndexAny(rest, hostEnds); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}

// hostEnds are the characters of which the first one ends the host of an address; its own end does so too.
const hostEnds = "/?"
