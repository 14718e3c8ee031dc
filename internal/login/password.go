package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// ticketLifetime is how long a user may take to choose a new password.
const ticketLifetime = 10 * time.Minute

// errNoTicket is the common error for a ticket that is unknown, used or expired.
var errNoTicket = fault.New(fault.NotFound, "login.ticket_unknown")

// Choice is the new password of a user who has to choose one.
type Choice struct {
	// Attempt describes the browser for the session; its Identifier is empty.
	Attempt  Attempt
	Ticket   secret.Redacted
	Password secret.Redacted
}

// Holder returns the user of a ticket.
func (s *Service) Holder(ctx context.Context, ticket secret.Redacted) (user.User, error) {
	verified, err := s.deps.Users.FindTicket(ctx, user.ForChange, ticket)
	if fault.KindOf(err) == fault.NotFound {
		err = errNoTicket
	}
	return verified.User, err
}

// ChoosePassword consumes a ticket, sets the password and starts a session. The error is
// a fault of kind NotFound if the ticket is not valid; Invalid with the field
// "password", after which the ticket can be used again; or as that of SignIn.
func (s *Service) ChoosePassword(ctx context.Context, choice Choice) (SignedIn, error) {
	if err := s.reserveAddress(ctx, choice.Attempt.Address); err != nil {
		return SignedIn{}, err
	}
	u, err := s.Holder(ctx, choice.Ticket)
	if err != nil {
		return SignedIn{}, err
	}
	prepared, err := s.deps.Users.PrepareOtherPassword(ctx, u, choice.Password)
	if err != nil {
		return SignedIn{}, err
	}
	var signedIn SignedIn
	err = s.deps.Transactions.Tx(ctx, func(ctx context.Context) error {
		verified, err := s.deps.Users.UseTicket(ctx, user.ForChange, choice.Ticket, prepared)
		if fault.KindOf(err) == fault.NotFound {
			return errNoTicket
		}
		if err != nil {
			return err
		}
		changed := verified.User
		if err := s.deps.Audit.Record(ctx, audit.Event{
			Action: audit.PasswordChange, Actor: audit.Actor{Kind: audit.User, ID: changed.Subject(), Name: changed.Username},
			Target: audit.Target{Kind: "user", ID: changed.Subject(), Name: changed.Username}, Details: audit.Details{Reason: "required"},
		}); err != nil {
			return err
		}
		signedIn, err = s.begin(ctx, choice.Attempt, verified)
		return err
	})
	if errors.Is(err, errNoTicket) {
		return SignedIn{}, s.recordStale(ctx, u)
	}
	if err != nil {
		return SignedIn{}, fmt.Errorf("choose a password: %w", err)
	}
	return signedIn, nil
}

// recordStale logs a ticket that became invalid while the new password was hashed. It
// returns the refusal, or the error of logging it.
func (s *Service) recordStale(ctx context.Context, u user.User) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.PasswordChange, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: u.Subject(), Name: u.Username},
		Details: audit.Details{Reason: reasonChanged},
	}); err != nil {
		return err
	}
	return errNoTicket
}
