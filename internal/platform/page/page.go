package page

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Position is a place in a list: that of the row with the identifier. At is the time
// of that row in lists ordered by a time, and zero in others.
type Position struct {
	At time.Time
	ID uuid.UUID
}

// IsZero reports whether there is no position: before the first page, or after the last one.
func (p Position) IsZero() bool { return p.ID == uuid.Nil }

// Of is a page of a list.
type Of[T any] struct {
	Items []T
	// Next is where the next page begins, zero if this is the last one. A page with
	// fewer items than the limit is not necessarily the last one.
	Next Position
}

// Batch is the result of changing some of very many rows in one transaction.
type Batch struct {
	Changed int
	// Next is the row to continue after, zero if there are no more.
	Next uuid.UUID
}

var errCursor = errors.New("this is no cursor")

const (
	idBytes   = 16
	timeBytes = 8
)

// Cursor returns a position as text for a query; "" for the zero position.
func (p Position) Cursor() string {
	if p.IsZero() {
		return ""
	}
	encoded := p.ID[:]
	if !p.At.IsZero() {
		encoded = binary.BigEndian.AppendUint64(encoded[:idBytes:idBytes], uint64(p.At.UnixMicro()))
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// Parse reads the text of [Position.Cursor].
func Parse(cursor string) (Position, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	switch {
	case err != nil || len(decoded) != 0 && len(decoded) != idBytes && len(decoded) != idBytes+timeBytes:
		return Position{}, errCursor
	case len(decoded) == 0:
		return Position{}, nil
	}
	position := Position{ID: uuid.UUID(decoded[:idBytes])}
	if len(decoded) > idBytes {
		position.At = time.UnixMicro(int64(binary.BigEndian.Uint64(decoded[idBytes:]))).UTC() //nolint:gosec // as it was made
	}
	if year := position.At.Year(); position.ID == uuid.Nil || year < 1 || year > 9999 { // no engine has to support others
		return Position{}, errCursor
	}
	return position, nil
}
