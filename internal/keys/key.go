package keys

import (
	"cmp"
	"slices"
	"time"

	"authly/internal/protocol/jose"
)

// State is the state of a key.
type State string

// The states of a key, in the order of its life.
const (
	Next    State = "next"    // published, signs nothing yet
	Active  State = "active"  // signs
	Retired State = "retired" // signs nothing any more, still published
)

// Key describes a signing key without its material.
type Key struct {
	ID          string // RFC 7638 thumbprint; the "kid" of tokens and of the JWK Set
	Algorithm   jose.Algorithm
	State       State
	CreatedAt   time.Time
	ActivatedAt time.Time // zero for a key that never signed
	RetiredAt   time.Time // zero for a key that is not retired
}

// sortKeys orders keys as they are published: by algorithm, then active, next and
// retired, the youngest first. Some clients take the first key that fits.
func sortKeys(keys []Key) {
	order := jose.Algorithms()
	states := []State{Active, Next, Retired}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Algorithm), slices.Index(order, b.Algorithm)),
			cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
			b.CreatedAt.Compare(a.CreatedAt),
			cmp.Compare(a.ID, b.ID),
		)
	})
}

// sameKeys reports whether two sorted lists have the same keys in the same states.
func sameKeys(a, b []Key) bool {
	return slices.EqualFunc(a, b, func(a, b Key) bool { return a.ID == b.ID && a.State == b.State })
}
