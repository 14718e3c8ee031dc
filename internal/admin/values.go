package admin

import "time"

// listed returns a list that is not null in JSON.
func listed[L ~[]T, T any](list L) L {
	if list == nil {
		return L{}
	}
	return list
}

// outOfBounds is longer than any lifetime can be, in seconds.
const outOfBounds = int64(1) << 33

// inSeconds returns a duration that is as wrong as the number if that is too large.
func inSeconds(seconds int64) time.Duration {
	return time.Duration(max(-1, min(seconds, outOfBounds))) * time.Second
}
