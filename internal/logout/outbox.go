package logout

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// TookPart notes that a client got a code in a session. It joins the transaction of ctx.
func (o *Outbox) TookPart(ctx context.Context, sessionID, clientRecord uuid.UUID) error {
	if err := o.store.insertParticipant(ctx, sessionID, clientRecord, o.clock.Now()); err != nil {
		return fmt.Errorf("note a client of a session: %w", err)
	}
	return nil
}

// sessionsAtOnce bounds the sessions in one statement.
const sessionsAtOnce = 256

// SessionsEnded notes that the clients of sessions of a user have to be told. It
// joins the transaction of ctx.
func (o *Outbox) SessionsEnded(ctx context.Context, userID uuid.UUID, sessions []uuid.UUID) error {
	now := o.clock.Now()
	for size := sessionsAtOnce; size > 0; size /= 2 { // powers of two, so that there are few distinct statements
		for len(sessions) >= size {
			if err := o.store.enqueue(ctx, userID, sessions[:size], now); err != nil {
				return fmt.Errorf("note the end of sessions: %w", err)
			}
			sessions = sessions[size:]
		}
	}
	return nil
}
