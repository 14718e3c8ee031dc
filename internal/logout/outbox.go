package logout

import (
	"context"
	"fmt"
	"time"

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

// Wake has deliveries begin at once, instead of at the next turn. It is called
// when what ended the sessions is committed.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // one signal is as good as two
	}
}

// Woken signals that there may be something to deliver.
func (o *Outbox) Woken() <-chan struct{} { return o.wake }

// Outcome is how a delivery ended.
type Outcome string

// The outcomes of deliveries.
const (
	Pending       Outcome = "" // it goes on
	Delivered     Outcome = "delivered"
	Refused       Outcome = "refused"       // the client said that it could not (section 2.8)
	Undeliverable Outcome = "undeliverable" // there is no address, or one that must not be asked
	GivenUp       Outcome = "given_up"      // after the last attempt
)

// Problem says why an attempt failed; what a client answered is not kept.
type Problem string

// The problems of an attempt.
const (
	NoProblem       Problem = ""
	WrongStatus     Problem = "status"
	TimedOut        Problem = "timeout"
	Unreachable     Problem = "unreachable"
	AnswerTooLarge  Problem = "answer_too_large"
	AddressRefused  Problem = "address_refused"
	NoAddress       Problem = "no_address"
	NotSigned       Problem = "not_signed"
	NotEncrypted    Problem = "not_encrypted"
	NeverHeardFrom  Problem = "interrupted" // the server was stopped during the last attempt
	maxLoggedAtOnce         = 100
)

// Delivery is one client that is told of the end of one session.
type Delivery struct {
	SessionID     uuid.UUID
	Client        uuid.UUID
	UserID        uuid.UUID
	Attempts      int
	CreatedAt     time.Time
	NextAttemptAt time.Time
	LastAttemptAt *time.Time
	LastStatus    int // of HTTP; 0 if there was no answer
	LastProblem   Problem
	FinishedAt    *time.Time
	Outcome       Outcome
}

// Deliveries returns the log of a client, the newest first, at most a hundred.
func (o *Outbox) Deliveries(ctx context.Context, clientRecord uuid.UUID) ([]Delivery, error) {
	found, err := o.store.deliveries(ctx, clientRecord, maxLoggedAtOnce)
	if err != nil {
		return nil, fmt.Errorf("list logout deliveries: %w", err)
	}
	return found, nil
}

// logRetention is how long the log is kept.
const logRetention = 30 * 24 * time.Hour

// Sweep closes deliveries whose last attempt was interrupted, and deletes old ones.
func (o *Outbox) Sweep(ctx context.Context) error {
	now := o.clock.Now()
	if err := o.store.closeInterrupted(ctx, maxAttempts, now); err != nil {
		return fmt.Errorf("close interrupted logout deliveries: %w", err)
	}
	if err := o.store.sweepDeliveries(ctx, now.Add(-logRetention)); err != nil {
		return fmt.Errorf("sweep logout deliveries: %w", err)
	}
	return nil
}
