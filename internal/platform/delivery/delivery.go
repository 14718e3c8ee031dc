package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/egress"
)

// Kind names what is delivered, and where its deliveries are; see the package comment.
type Kind struct {
	// Name is that of one delivery in the log: "logout token".
	Name string
	// Table has the deliveries, with the columns Target and Reference.
	Table, Target, Reference string
	// Targets has the targets that can be told now, by their id, with the URL of each in the column Address.
	Targets, Address string
}

// Sender makes the attempts of a kind.
type Sender interface {
	// Attempt makes one attempt. It takes less than a minute, after which another node may make the
	// next one. It is called by several goroutines at once. The error is one of this server, and
	// leaves the delivery to its next attempt; it wraps [ErrGone] if the delivery has been deleted.
	Attempt(ctx context.Context, delivery Delivery) (Result, error)
}

// ErrGone is returned for a delivery that has been deleted, as with its target.
var ErrGone = errors.New("the delivery has been deleted")

// Result is what came of an attempt.
type Result struct {
	Outcome Outcome // Pending if another attempt may succeed
	Status  int     // of HTTP; 0 if there was no answer
	Problem Problem
	Target  slog.Attr // names the target in the log
}

// Unanswered returns the outcome and the problem of an attempt that [egress.Client] failed with an error.
func Unanswered(err error) (Outcome, Problem) {
	var slow interface{ Timeout() bool }
	switch {
	case errors.Is(err, egress.ErrRefusedAddress):
		return Undeliverable, AddressRefused
	case errors.Is(err, egress.ErrTooLarge):
		return Pending, AnswerTooLarge
	case errors.As(err, &slow) && slow.Timeout():
		return Pending, TimedOut
	default:
		return Pending, Unreachable
	}
}

// Outcome is how a delivery ended.
type Outcome string

// The outcomes of deliveries.
const (
	Pending       Outcome = "" // not ended yet
	Delivered     Outcome = "delivered"
	Refused       Outcome = "refused"       // the target answered that another attempt is of no use
	Undeliverable Outcome = "undeliverable" // there is no address, or one that must not be asked
	GivenUp       Outcome = "given_up"      // after the last attempt
)

// Problem says why an attempt failed. A kind may have problems of its own.
type Problem string

// The problems that an attempt of any kind can have.
const (
	NoProblem      Problem = ""
	WrongStatus    Problem = "status"
	TimedOut       Problem = "timeout"
	Unreachable    Problem = "unreachable"
	AnswerTooLarge Problem = "answer_too_large"
	AddressRefused Problem = "address_refused"
	Interrupted    Problem = "interrupted" // the server was stopped during the last attempt
)

// Delivery is a row of the table of a kind.
type Delivery struct {
	Target        uuid.UUID
	Reference     uuid.UUID // to what is delivered
	Attempts      int       // the one that is being made included
	CreatedAt     time.Time
	NextAttemptAt time.Time
	LastAttemptAt *time.Time
	LastStatus    int // of HTTP; 0 if there was no answer
	LastProblem   Problem
	FinishedAt    *time.Time
	Outcome       Outcome
}
