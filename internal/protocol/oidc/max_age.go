package oidc

import (
	"strconv"
	"time"

	"authly/internal/protocol/oauth"
)

// MaxAge is a max_age parameter (OpenID Connect Core 1.0 section 3.1.2.1): how long ago a
// user may have signed in at most. The zero value means that it was not sent,
// which is not the same as zero seconds.
type MaxAge struct {
	seconds int64
	sent    bool
}

// maxAgeLimit keeps the seconds within the range of time.Duration; it is a century.
const maxAgeLimit = 100 * 365 * 24 * 60 * 60

// ParseMaxAge reads a max_age parameter: decimal digits, in seconds. The empty
// text means that it was not sent. More than a hundred years count as a hundred.
// Anything else is refused with invalid_request.
func ParseMaxAge(value string) (MaxAge, error) {
	if value == "" {
		return MaxAge{}, nil
	}
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' || i == 20 {
			return MaxAge{}, oauth.Refuse(oauth.InvalidRequest, "max_age must be a number of seconds")
		}
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds > maxAgeLimit { // only out of range is left as an error
		seconds = maxAgeLimit
	}
	return MaxAge{seconds: seconds, sent: true}, nil
}

// Sent reports whether the parameter was sent; then an ID token must have auth_time.
func (m MaxAge) Sent() bool { return m.sent }

// Duration returns the maximum age, and 0 if none was sent.
func (m MaxAge) Duration() time.Duration { return time.Duration(m.seconds) * time.Second }

// Exceeded reports whether a sign-in at authenticated is too old at now. A max_age of
// 0 is exceeded by every earlier sign-in, like prompt=login: the caller must
// not apply it to a sign-in that was made for this very request.
func (m MaxAge) Exceeded(authenticated, now time.Time) bool {
	return m.sent && (m.seconds == 0 || now.Sub(authenticated) > m.Duration())
}

// String returns the seconds, or "" if the parameter was not sent, as
// [ParseMaxAge] reads it.
func (m MaxAge) String() string {
	if !m.sent {
		return ""
	}
	return strconv.FormatInt(m.seconds, 10)
}
