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

// ticketLifetime is how long somebody may take to think of a new password.
const ticketLifetime = 10 * time.Minute

// errNoTicket is the one answer for a ticket that is unknown, used or expired.
var errNoTicket = fault.New(fault.NotFound, "login.ticket_unknown")

// Choice is a new password of somebody who has to choose one.
type Choice struct {
	// Attempt is what a session is started with; nobody is named in it.
	Attempt  Attempt
	Ticket   secret.Redacted
	Password secret.Redacted
}

// Holder returns whose new password a ticket is for.
func (s *Service) Holder(ctx context.Context, ticket secret.Redacted) (user.User, error) {
	verified, err := s.deps.Users.FindTicket(ctx, user.ForChange, ticket)
	if fault.KindOf(err) == fault.NotFound {
		err = errNoTicket
	}
	return verified.User, err
}

// ChoosePassword uses a ticket up, sets the password and starts a session. The error is
// a fault of kind NotFound when the ticket can't be used; Invalid with the field
// "password", in which case it can be used again; or as that of SignIn.
func (s *Service) ChoosePassword(ctx context.Context, choice Choice) (SignedIn, error) {
	if err := s.reserveAddress(ctx, choice.Attempt.Address); err != nil {
		return SignedIn{}, err
	}
	known, err := s.Holder(ctx, choice.Ticket)
	if err != nil {
		return SignedIn{}, err
	}
	prepared, err := s.deps.Users.PrepareOtherPassword(ctx, known, choice.Password)
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
		return SignedIn{}, s.overtaken(ctx, known)
	}
	if err != nil {
		return SignedIn{}, fmt.Errorf("choose a password: %w", err)
	}
	return signedIn, nil
}

// overtaken logs a ticket that was good when the password was typed, and not any more when it was hashed. It
// returns the refusal, or why it could not be logged.
func (s *Service) overtaken(ctx context.Context, known user.User) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.PasswordChange, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: known.Subject(), Name: known.Username},
		Details: audit.Details{Reason: reasonChanged},
	}); err != nil {
		return err
	}
	return errNoTicket
}
