package keys

import (
	"time"

	"authly/internal/protocol/jose"
)

// schedule says when what happens to keys.
type schedule struct {
	rotationInterval time.Duration
	publishLead      time.Duration
	retainRetired    time.Duration
}

// promotion lets one key follow another.
type promotion struct{ from, to Key }

// slot is a place that a key is to be made for.
type slot struct {
	algorithm jose.Algorithm
	state     State
}

// find returns the one key of an algorithm in a state that there is one of.
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

// due returns the promotions whose time has come: the active key has signed for
// the rotation interval and the next one has been published for long enough.
func (s schedule) due(keys []Key, now time.Time) []promotion {
	var found []promotion
	for _, algorithm := range jose.Algorithms() {
		active, signs := find(keys, algorithm, Active)
		next, published := find(keys, algorithm, Next)
		if signs && published &&
			!now.Before(active.ActivatedAt.Add(s.rotationInterval)) && !now.Before(s.signsFrom(next)) {
			found = append(found, promotion{active, next})
		}
	}
	return found
}

// missing returns the places without a key: what signs first, because somebody
// may be waiting for it.
func missing(keys []Key, algorithms []jose.Algorithm, states ...State) []slot {
	var found []slot
	for _, state := range states {
		for _, algorithm := range algorithms {
			if _, taken := find(keys, algorithm, state); !taken {
				found = append(found, slot{algorithm, state})
			}
		}
	}
	return found
}
