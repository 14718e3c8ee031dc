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

// Memory keeps attempts in this process: they are gone when it ends, and other
// processes don't know of them.
//
// It holds a bounded number of subjects. What has expired goes first. If all are
// alive, the one goes that would have expired first, which is the one with the fewest
// attempts in its period. Refusing newcomers instead would let anyone with many
// addresses lock everybody out; dropping the oldest would let them wash away the
// account under attack. This way a subject that is being throttled stays the longest.
type Memory struct {
	mu       sync.Mutex
	capacity int
	entries  map[Key]*entry
	byExpiry expiryHeap
}

type entry struct {
	key     Key
	arrival time.Time // theoretical; from then on, by everybody's clock, the entry says nothing
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
	known := m.entries[key]
	var arrival time.Time
	if known != nil {
		arrival = known.arrival
	}
	next, retryAfter := rate.Reserve(arrival, now)
	if retryAfter > 0 {
		return Decision{RetryAfter: retryAfter}, nil
	}
	if known != nil {
		known.arrival = next
		heap.Fix(&m.byExpiry, known.index)
		return Decision{Allowed: true}, nil
	}
	m.makeRoom(now)
	made := &entry{key: key, arrival: next}
	m.entries[key] = made
	heap.Push(&m.byExpiry, made)
	return Decision{Allowed: true}, nil
}

// makeRoom drops what has expired, a few at a time so that no attempt pays for
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

func (m *Memory) remove(gone *entry) {
	heap.Remove(&m.byExpiry, gone.index)
	delete(m.entries, gone.key)
}

// Reset implements [Store].
func (m *Memory) Reset(_ context.Context, key Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.entries[key]; known != nil {
		m.remove(known)
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
func (h *expiryHeap) Push(added any) {
	made := added.(*entry) //nolint:errcheck,forcetypeassert // pushed by Reserve only
	made.index = len(*h)
	*h = append(*h, made)
}

// Pop implements [heap.Interface].
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	gone := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return gone
}
