package logout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/jobs"
)

// The bounds of a pool.
const (
	atOnce      = 16 // attempts of a node
	atOnceOfOne = 2  // of these to one client, and to one host
	lookAhead   = 64 // deliveries that are looked up at once
	// lookAheadOfOne is how many of these are of one client.
	lookAheadOfOne = 16
)

// dueDelivery is a delivery that no node has claimed.
type dueDelivery struct {
	session, client uuid.UUID
	attempts        int
	host            string // "" for a client without an address, which is not asked
}

// pool is the attempts that are under way in one turn. Only its own turn uses it.
type pool struct {
	deliverer *Deliverer
	finished  chan finished
	running   int
	toClient  map[uuid.UUID]int
	toHost    map[string]int
	due       []dueDelivery // that were looked up and not claimed yet
	// quiet is set while nothing but what is in due was due at the last look.
	quiet bool
}

// finished is an attempt that has ended, in whichever way.
type finished struct {
	delivery dueDelivery
	err      error
}

// Deliver makes an attempt at each delivery that is due, until there is none. It goes on claiming while
// attempts are under way, so that a client that hangs delays no other. Several nodes may deliver at once. The error is the first one
// that is not the client's.
func (d *Deliverer) Deliver(ctx context.Context) error {
	p := &pool{deliverer: d, finished: make(chan finished, atOnce), toClient: map[uuid.UUID]int{}, toHost: map[string]int{}}
	failure := p.fill(ctx)
	stopped := failure != nil
	for p.running > 0 {
		select {
		case done := <-p.finished:
			p.forget(done.delivery)
			if failure == nil {
				failure = done.err
			}
		case <-d.woken(stopped):
			p.quiet, p.due = false, nil
		}
		if stopped {
			continue
		}
		if err := p.fill(ctx); err != nil {
			stopped = true // what is under way ends, and the next turn goes on
			if failure == nil {
				failure = err
			}
		}
	}
	if failure != nil {
		return fmt.Errorf("deliver logout tokens: %w", failure)
	}
	return nil
}

// woken is the signal that there is more to deliver. A turn that has stopped leaves it for the next one.
func (d *Deliverer) woken(stopped bool) <-chan struct{} {
	if stopped {
		return nil
	}
	return d.deps.Outbox.Woken()
}

// fill begins attempts until the pool is full or nothing is due that may begin.
func (p *pool) fill(ctx context.Context) error {
	for p.running < atOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, found := p.next()
		if !found {
			if p.quiet && len(p.due) > 0 {
				return nil
			}
			if found, err := p.look(ctx); err != nil || !found {
				return err
			}
			continue
		}
		now := p.deliverer.clock.Now()
		claimed, ok, err := p.deliverer.store.claim(ctx, next, now, now.Add(claimLifetime))
		if err != nil {
			return fmt.Errorf("claim a logout delivery: %w", err)
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
		return p.toClient[d.client] < atOnceOfOne && (d.host == "" || p.toHost[d.host] < atOnceOfOne)
	})
	if i < 0 {
		return dueDelivery{}, false
	}
	found := p.due[i]
	p.due = slices.Delete(p.due, i, i+1)
	return found, true
}

// look replaces due by what is due of clients and hosts that may be asked, and reports whether any of it may begin.
func (p *pool) look(ctx context.Context) (bool, error) {
	var clients []uuid.UUID
	for each, running := range p.toClient {
		if running >= atOnceOfOne {
			clients = append(clients, each)
		}
	}
	var hosts []string
	for each, running := range p.toHost {
		if running >= atOnceOfOne {
			hosts = append(hosts, each)
		}
	}
	found, err := p.deliverer.store.due(ctx, p.deliverer.clock.Now(), clients, hosts)
	if err != nil {
		return false, fmt.Errorf("look for logout deliveries: %w", err)
	}
	p.quiet = len(found) == 0
	if !p.quiet {
		p.due = found
	}
	return !p.quiet, nil
}

func (p *pool) begin(ctx context.Context, due dueDelivery, claimed Delivery) {
	p.running++
	p.toClient[due.client]++
	if due.host != "" {
		p.toHost[due.host]++
	}
	go func() {
		// Each on its own: one that panics takes neither the process nor the others along.
		p.finished <- finished{due, jobs.Guard(ctx, func(ctx context.Context) error { return p.deliverer.deliver(ctx, claimed) })}
	}()
}

func (p *pool) forget(due dueDelivery) {
	p.running--
	if p.toClient[due.client]--; p.toClient[due.client] == 0 {
		delete(p.toClient, due.client)
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
