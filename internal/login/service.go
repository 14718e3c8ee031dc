package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oidc"
	"authly/internal/session"
	"authly/internal/user"
)

// Attempt is one try to sign in.
type Attempt struct {
	Identifier string // a username or an e-mail address, as typed
	Password   secret.Redacted
	Address    netip.Addr
	UserAgent  string
	// Replaces is the session token that the browser has, if any.
	Replaces secret.Redacted
	// Interaction is the one that the form belongs to; nil for none.
	Interaction *uuid.UUID
}

// SignedIn is an attempt that succeeded.
type SignedIn struct {
	User    user.User
	Session session.Session
	Token   secret.Redacted // of the session, for the browser
	// Ticket is set for whoever has to choose a new password first: there is no session yet,
	// and [Service.ChoosePassword] is the only way to one.
	Ticket secret.Redacted
}

// SignIn checks an attempt and starts a session. The error is
// [user.ErrWrongCredentials]; a fault of kind Limited with the method RetryAfter() when
// there were too many attempts; Unavailable when too many passwords are being checked;
// NotFound or Conflict when the interaction has ended; or a fault of our own.
func (s *Service) SignIn(ctx context.Context, attempt Attempt) (SignedIn, error) {
	account := accountSubject(attempt.Identifier)
	if err := s.reserveAddress(ctx, attempt.Address); err != nil {
		return SignedIn{}, err
	}
	if err := s.reserve(ctx, LimitAccount, account); err != nil {
		return SignedIn{}, s.throttled(ctx, attempt, LimitAccount, err)
	}
	holder, err := s.reserveForUser(ctx, attempt, account)
	if err != nil {
		return SignedIn{}, err
	}
	verified, err := s.deps.Users.VerifyPassword(ctx, attempt.Identifier, attempt.Password)
	if errors.Is(err, user.ErrWrongCredentials) {
		return SignedIn{}, s.failed(ctx, attempt, err)
	}
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.giveBack(ctx, account, holder); err != nil {
		return SignedIn{}, err
	}
	var signedIn SignedIn
	err = s.deps.Transactions.Tx(ctx, func(ctx context.Context) error {
		var err error
		if verified.User.RequirePasswordChange {
			signedIn, err = s.admit(ctx, verified)
		} else {
			signedIn, err = s.begin(ctx, attempt, verified)
		}
		return err
	})
	if errors.Is(err, user.ErrChanged) {
		return SignedIn{}, s.failed(ctx, attempt, err)
	}
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign a user in: %w", err)
	}
	return signedIn, nil
}

// admit lets somebody choose a new password, in the transaction of ctx. The log has it: what they
// signed in with may have been given to somebody else.
func (s *Service) admit(ctx context.Context, verified user.Verified) (SignedIn, error) {
	known := verified.User
	ticket, err := s.deps.Users.IssueTicket(ctx, verified, ticketLifetime)
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: known, Ticket: ticket}, s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.SignIn, Actor: audit.Actor{Kind: audit.User, ID: known.Subject(), Name: known.Username},
		Target:  audit.Target{Kind: "user", ID: known.Subject(), Name: known.Username},
		Details: audit.Details{Methods: []string{oidc.MethodPassword}, Reason: "password_change_required"},
	})
}

// begin starts the session of somebody who was recognized, in the transaction of ctx.
func (s *Service) begin(ctx context.Context, attempt Attempt, verified user.Verified) (SignedIn, error) {
	known := verified.User
	signedIn, address := SignedIn{User: known}, ""
	if attempt.Address.IsValid() {
		address = attempt.Address.String()
	}
	var err error
	signedIn.Session, signedIn.Token, err = s.deps.Sessions.Start(ctx, session.New{
		Person: verified, Methods: []string{oidc.MethodPassword}, Replaces: attempt.Replaces,
		UserAgent: attempt.UserAgent, Address: address,
	})
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.deps.Users.RecordSignIn(ctx, known.ID); err != nil {
		return SignedIn{}, err
	}
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.SignIn, Actor: audit.Actor{Kind: audit.User, ID: known.ID.String(), Name: known.Username},
		Target: audit.Target{Kind: "session", ID: signedIn.Session.ID.String()}, Details: audit.Details{Methods: signedIn.Session.Methods},
	}); err != nil {
		return SignedIn{}, err
	}
	if attempt.Interaction != nil {
		err = s.deps.Interactions.RecordSignIn(ctx, *attempt.Interaction, signedIn.Session.ID)
	}
	return signedIn, err
}

// logWithin bounds the writing of an event.
const logWithin = 10 * time.Second

// reasonChanged is the reason of events about proofs that were good when they were verified, and not any more
// when something was to begin with them.
const reasonChanged = "account_changed"

// failed logs an attempt that was let through and had the wrong password, or the right one of
// somebody who is disabled, one that has expired, or one whose account has changed while it was checked. Whose account was meant stands there only if there is such an
// account: people type passwords into the wrong field. Attempts that were refused before
// are not logged, so that a flood of them writes nothing. It returns the refusal, or why it
// could not be logged.
func (s *Service) failed(ctx context.Context, attempt Attempt, refusal error) error {
	// Whoever guesses can't keep it from the log by hanging up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	event := audit.Event{Action: audit.SignIn, Outcome: audit.Failure, Details: audit.Details{Reason: "wrong_credentials"}}
	switch {
	case errors.Is(refusal, user.ErrDisabled):
		event.Details.Reason = "user_disabled"
	case errors.Is(refusal, user.ErrExpired):
		event.Details.Reason = "password_expired"
	case errors.Is(refusal, user.ErrChanged):
		event.Details.Reason = reasonChanged
	case errors.Is(refusal, errUserLimited):
		event.Details.Reason = "too_many_attempts"
	}
	meant, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
	switch {
	case err == nil:
		event.Target = audit.Target{Kind: "user", ID: meant.ID.String(), Name: meant.Username}
	case fault.KindOf(err) != fault.NotFound:
		return err
	}
	if err := s.deps.Audit.Record(ctx, event); err != nil {
		return err
	}
	return refusal
}

// Choose goes on with an interaction as the user of a session. The error is a
// fault of kind NotFound when the interaction has ended.
func (s *Service) Choose(ctx context.Context, interaction uuid.UUID, current session.Session) error {
	return s.deps.Interactions.RecordChoice(ctx, interaction, current.ID)
}

// Who returns the user of a session.
func (s *Service) Who(ctx context.Context, current session.Session) (user.User, error) {
	return s.deps.Users.Find(ctx, current.UserID)
}
