package ratelimit

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// DefaultMemoryEntries is a bound for [NewMemory] that takes about 20 MiB when full.
const DefaultMemoryEntries = 100_000

// Memory keeps attempts in this process: they end with it and are not shared with other
// processes.
//
// It holds a bounded number of subjects. Expired ones are dropped first. If there are
// none, the subject that would expire first is dropped: the one with the fewest
// attempts in its period. Refusing new subjects instead would let an attacker with many
// addresses lock all users out; dropping the oldest would let one flush the
// account under attack. This way a throttled subject stays the longest.
type Memory struct {
	mu       sync.Mutex
	capacity int
	entries  map[Key]*entry
	byExpiry expiryHeap
}

type entry struct {
	key     Key
	arrival time.Time // theoretical; from then on the entry has expired for every node
	index   int
}

// NewMemory returns a store for at most capacity subjects.
func NewMemory(capacity int) (*Memory, error) {
	if capacity < 1 {
		return nil, errors.New("make a rate limit store: the capacity must be 1 or more")
	}
	return &Memory{capacity: capacity, entries: map[Key]*entry{}}, nil
}

// Reserve implements [Store].
func (m *Memory) Reserve(_ context.Context, key Key, rate Rate, now time.Time) (Decision, error) {
	now = now.Truncate(time.Microsecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	var arrival time.Time
	if e != nil {
		arrival = e.arrival
	}
	next, retryAfter := rate.Reserve(arrival, now)
	if retryAfter > 0 {
		return Decision{RetryAfter: retryAfter}, nil
	}
	if e != nil {
		e.arrival = next
		heap.Fix(&m.byExpiry, e.index)
		return Decision{Allowed: true}, nil
	}
	m.makeRoom(now)
	e = &entry{key: key, arrival: next}
	m.entries[key] = e
	heap.Push(&m.byExpiry, e)
	return Decision{Allowed: true}, nil
}

// makeRoom drops expired entries, a few at a time so that no attempt pays for
// thousands of others, and one more if there is still no room.
func (m *Memory) makeRoom(now time.Time) {
	const atOnce = 4
	for range atOnce {
		if len(m.byExpiry) == 0 || m.byExpiry[0].arrival.After(now.Add(-ClockSkew)) {
			break
		}
		m.remove(m.byExpiry[0])
	}
	if len(m.entries) >= m.capacity {
		m.remove(m.byExpiry[0])
	}
}

func (m *Memory) remove(e *entry) {
	heap.Remove(&m.byExpiry, e.index)
	delete(m.entries, e.key)
}

// Reset implements [Store].
func (m *Memory) Reset(_ context.Context, key Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil {
		m.remove(e)
	}
	return nil
}

// Len returns how many subjects are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// expiryHeap has the entry that expires first on top.
type expiryHeap []*entry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].arrival.Before(h[j].arrival) }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements [heap.Interface].
func (h *expiryHeap) Push(item any) {
	e := item.(*entry) //nolint:errcheck,forcetypeassert // pushed by Reserve only
	e.index = len(*h)
	*h = append(*h, e)
}

// Pop implements [heap.Interface].
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return item
}
