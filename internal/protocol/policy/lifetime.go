package policy

import "time"

// Lifetime is how long something that is used repeatedly lives: until it was
// not used for Idle, and at most for Absolute.
type Lifetime struct {
	Idle     time.Duration // 0: only the absolute limit
	Absolute time.Duration
}

// Start returns both expiries of something that starts at now.
func (l Lifetime) Start(now time.Time) (idleExpiry, absoluteExpiry time.Time) {
	absoluteExpiry = now.Add(l.Absolute)
	return RefreshExpiry(now, l.Idle, absoluteExpiry), absoluteExpiry
}

// RefreshExpiry returns when something that was used at now expires if it is not
// used again: idle later, but never after absoluteExpiry. An idle of 0 or less
// means that only absoluteExpiry counts. A zero absoluteExpiry is in the past.
func RefreshExpiry(now time.Time, idle time.Duration, absoluteExpiry time.Time) time.Time {
	if next := now.Add(idle); idle > 0 && next.Before(absoluteExpiry) {
		return next
	}
	return absoluteExpiry
}

// IsExpired reports whether now is at or after expiry.
func IsExpired(expiry, now time.Time) bool { return !now.Before(expiry) }
