package policy

import (
	"math"
	"time"
)

// Rate allows Burst attempts at once, and one more each Interval. It is the generic
// cell rate algorithm: the only state between attempts is one time, the
// theoretical arrival, which is when the allowance will be full again.
type Rate struct {
	Burst    int           // 1 or more
	Interval time.Duration // more than 0
}

// refusedForever is the retry time of a rate that was never set.
const refusedForever = time.Hour

// Reserve takes one attempt at now. theoreticalArrival is what the previous call
// for the same subject returned as next, or the zero time if there was none. If
// retryAfter is 0, the attempt is allowed and next has to be stored; otherwise it is
// refused, next equals theoreticalArrival, and an attempt retryAfter later would be
// allowed. A rate without a positive Burst and Interval allows nothing.
func (r Rate) Reserve(theoreticalArrival, now time.Time) (next time.Time, retryAfter time.Duration) {
	if r.Burst < 1 || r.Interval <= 0 {
		return theoreticalArrival, refusedForever
	}
	start := theoreticalArrival
	if start.Before(now) {
		start = now
	}
	if wait := start.Sub(now) - r.tolerance(); wait > 0 {
		return theoreticalArrival, wait
	}
	return start.Add(r.Interval), 0
}

// Period returns how long after its last attempt a subject can be forgotten.
func (r Rate) Period() time.Duration {
	if tolerance := r.tolerance(); tolerance <= math.MaxInt64-r.Interval {
		return tolerance + r.Interval
	}
	return math.MaxInt64
}

// tolerance is how far the theoretical arrival may lie in the future: Burst-1 intervals.
func (r Rate) tolerance() time.Duration {
	if r.Burst < 1 || r.Interval <= 0 {
		return 0
	}
	if int64(r.Burst-1) > math.MaxInt64/int64(r.Interval) {
		return math.MaxInt64
	}
	return time.Duration(r.Burst-1) * r.Interval
}
