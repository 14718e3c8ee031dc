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
	Methods         []string  // how the user was authenticated (RFC 8176)
	AuthenticatedAt time.Time // the last time
	CreatedAt       time.Time
	LastSeenAt      time.Time // to the minute
	IdleExpiresAt   time.Time
	ExpiresAt       time.Time
}

// Person is the proof that a user was authenticated. It may no longer hold when a session
// begins, because checking it took time.
type Person interface {
	// Admit returns the user whose session may begin if the proof still counts, and keeps it so until the
	// transaction of ctx ends: another transaction that ends the user's sessions waits, and finds the new one.
	Admit(ctx context.Context) (uuid.UUID, error)
}

// New is a session to start.
type New struct {
	Person  Person
	Methods []string // RFC 8176
	// Replaces is the browser's previous token; it may be zero or
	// invalid. It stops working.
	Replaces  secret.Redacted
	UserAgent string // shortened
	Address   string
}

// The bounds of what is recorded about a browser.
const (
	maxUserAgentBytes = 400
	maxAddressBytes   = 64
)

// printable returns a foreign text in a form that can be stored and shown on one line.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), limit)], ""))
	return text
}
