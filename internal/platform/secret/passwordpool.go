package secret

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"authly/internal/platform/fault"
)

// passwordPool bounds how many hashes are computed at once, in two ways.
//
// By memory, because each hash allocates megabytes. By
// processors, because a hash keeps one busy for tens of milliseconds: as
// many hashes as processors would starve the token endpoint
// during a storm of sign-ins. Half of them, and at least one, keep a
// machine with two responsive.
//
// A caller without a place waits in a queue that is bounded in length and in time: an
// answer after the browser has given up is wasted work.
type passwordPool struct {
	lanes     *semaphore.Weighted
	memory    *semaphore.Weighted
	laneLimit int64
	memoryKiB int64
	maxWait   time.Duration

	mu     sync.Mutex
	counts PasswordPoolCounts
}

// PasswordPoolCounts says how busy the pool is.
type PasswordPoolCounts struct {
	MaxRunning  int // hashes of the configured parameters at once
	MaxWaiting  int
	Running     int
	Waiting     int
	PeakRunning int    // the most that were ever computed at once
	Computed    uint64 // since the start
	Refused     uint64 // since the start: the queue was full or the wait too long
}

func newPasswordPool(parameters PasswordParameters, memoryKiB int64, processors, maxWaiting int, maxWait time.Duration) *passwordPool {
	lanes := max(1, int64(processors)/2, int64(parameters.Parallelism))
	return &passwordPool{
		lanes:     semaphore.NewWeighted(lanes),
		memory:    semaphore.NewWeighted(memoryKiB),
		laneLimit: lanes,
		memoryKiB: memoryKiB,
		maxWait:   maxWait,
		counts: PasswordPoolCounts{
			MaxRunning: int(min(lanes/int64(parameters.Parallelism), memoryKiB/int64(parameters.MemoryKiB))),
			MaxWaiting: maxWaiting,
		},
	}
}

// errPoolTooSmall is an error of the configuration, not a refusal: waiting won't help.
var errPoolTooSmall = errors.New("the stored hash needs more memory than the password pool has")

// run calls compute when there is room for a hash of the given parameters. It
// returns a [fault.Unavailable] error at once if the queue is full, the same after
// the longest wait, and the context's error if that ends first.
func (p *passwordPool) run(ctx context.Context, parameters PasswordParameters, compute func()) error {
	if int64(parameters.MemoryKiB) > p.memoryKiB {
		return fmt.Errorf("%w: %d KiB of %d KiB", errPoolTooSmall, parameters.MemoryKiB, p.memoryKiB)
	}
	// A hash of more lanes than the pool has runs alone: its parameters can't
	// be changed, and one at a time is bounded too.
	lanes, memory := min(int64(parameters.Parallelism), p.laneLimit), int64(parameters.MemoryKiB)
	if err := p.acquire(ctx, lanes, memory); err != nil {
		return err
	}
	p.mu.Lock()
	p.counts.Running++
	p.counts.PeakRunning = max(p.counts.PeakRunning, p.counts.Running)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.counts.Running--
		p.counts.Computed++
		p.mu.Unlock()
		p.memory.Release(memory)
		p.lanes.Release(lanes)
	}()
	compute()
	return nil
}

// acquire takes lanes, then memory. That order can't deadlock: a caller that holds
// memory is computing and needs nothing more.
func (p *passwordPool) acquire(ctx context.Context, lanes, memory int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.lanes.TryAcquire(lanes) {
		if p.memory.TryAcquire(memory) {
			return nil
		}
		p.lanes.Release(lanes)
	}
	if !p.enqueue() {
		return fault.New(fault.Unavailable, "password.busy").Because(errors.New("the queue for password hashing is full"))
	}
	defer p.dequeue()
	waiting, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	if p.lanes.Acquire(waiting, lanes) != nil {
		return p.gaveUp(ctx)
	}
	if p.memory.Acquire(waiting, memory) != nil {
		p.lanes.Release(lanes)
		return p.gaveUp(ctx)
	}
	return nil
}

func (p *passwordPool) enqueue() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts.Waiting >= p.counts.MaxWaiting {
		p.counts.Refused++
		return false
	}
	p.counts.Waiting++
	return true
}

func (p *passwordPool) dequeue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Waiting--
}

func (p *passwordPool) gaveUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Refused++
	return fault.New(fault.Unavailable, "password.busy").Because(fmt.Errorf("no place for password hashing within %s", p.maxWait))
}

func (p *passwordPool) snapshot() PasswordPoolCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}
