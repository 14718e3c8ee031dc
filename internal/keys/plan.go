package keys

import (
	"time"

	"authly/internal/protocol/jose"
)

// schedule has the durations of a key's life.
type schedule struct {
	rotationInterval time.Duration
	publishLead      time.Duration
	retainRetired    time.Duration
}

// promotion replaces an active key by the next one.
type promotion struct{ from, to Key }

// slot is the algorithm and state of a key.
type slot struct {
	algorithm jose.Algorithm
	state     State
}

// find returns the key of an algorithm in a state that only one key can have.
func find(keys []Key, algorithm jose.Algorithm, state State) (Key, bool) {
	for _, key := range keys {
		if key.Algorithm == algorithm && key.State == state {
			return key, true
		}
	}
	return Key{}, false
}

// signsFrom returns the earliest time at which a published key may sign.
func (s schedule) signsFrom(next Key) time.Time { return next.CreatedAt.Add(s.publishLead) }

// publishedUntil returns when a retired key may be deleted.
func (s schedule) publishedUntil(retired Key) time.Time {
	return retired.RetiredAt.Add(s.retainRetired)
}

// due returns the promotions that are due: the active key has signed for
// the rotation interval and the next one has been published for long enough.
func (s schedule) due(keys []Key, now time.Time) []promotion {
	var promotions []promotion
	for _, algorithm := range jose.Algorithms() {
		active, signs := find(keys, algorithm, Active)
		next, published := find(keys, algorithm, Next)
		if signs && published &&
			!now.Before(active.ActivatedAt.Add(s.rotationInterval)) && !now.Before(s.signsFrom(next)) {
			promotions = append(promotions, promotion{active, next})
		}
	}
	return promotions
}

// missing returns the slots without a key: active ones first, because a request
// may be waiting for them.
func missing(keys []Key, algorithms []jose.Algorithm, states ...State) []slot {
	var slots []slot
	for _, state := range states {
		for _, algorithm := range algorithms {
			if _, taken := find(keys, algorithm, state); !taken {
				slots = append(slots, slot{algorithm, state})
			}
		}
	}
	return slots
}
