package session

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// Session is a browser in which a user is signed in.
type Session struct {
	ID              uuid.UUID
	UserID          uuid.UUID
	Methods         []string  // how the user was recognized (RFC 8176)
	AuthenticatedAt time.Time // the last time
	CreatedAt       time.Time
	LastSeenAt      time.Time // to the minute
	IdleExpiresAt   time.Time
	ExpiresAt       time.Time
}

// Person is the proof that somebody was recognized. What was proven may no longer hold when a session
// begins, as the proof took time to check.
type Person interface {
	// Admit returns whose session may begin if the proof still counts, and keeps it so until the
	// transaction of ctx ends: whoever ends the user's sessions meanwhile waits, and finds the new one.
	Admit(ctx context.Context) (uuid.UUID, error)
}

// New is what a session is started with.
type New struct {
	Person  Person
	Methods []string // RFC 8176
	// Replaces is the token that the browser had before; it may be zero or
	// worthless. It stops working.
	Replaces  secret.Redacted
	UserAgent string // shortened
	Address   string
}

// The bounds of what is kept about a browser.
const (
	maxUserAgentBytes = 400
	maxAddressBytes   = 64
)

// described returns a text from outside as it can be stored and shown on one line.
func described(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), limit)], ""))
	return text
}
