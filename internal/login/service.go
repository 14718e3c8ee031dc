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

// Attempt is one attempt to sign in.
type Attempt struct {
	Identifier string // a username or an e-mail address, as typed
	Password   secret.Redacted
	Address    netip.Addr
	UserAgent  string
	// Replaces is the browser's session token, if any.
	Replaces secret.Redacted
	// Interaction is the interaction of the form; nil for none.
	Interaction *uuid.UUID
}

// SignedIn is an attempt that succeeded.
type SignedIn struct {
	User    user.User
	Session session.Session
	Token   secret.Redacted // of the session, for the browser
	// Ticket is set for a user who has to choose a new password first: there is no session yet,
	// and [Service.ChoosePassword] is the only way to one.
	Ticket secret.Redacted
}

// SignIn checks an attempt and starts a session. The error is
// [user.ErrWrongCredentials]; a fault of kind Limited with the method RetryAfter() if
// there were too many attempts; Unavailable if the password pool is full;
// NotFound or Conflict if the interaction has ended; or an internal error.
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

// admit lets a user choose a new password, in the transaction of ctx. The event is a sign-in: another person may
// have been given the password.
func (s *Service) admit(ctx context.Context, verified user.Verified) (SignedIn, error) {
	u := verified.User
	ticket, err := s.deps.Users.IssueTicket(ctx, verified, ticketLifetime)
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: u, Ticket: ticket}, s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.SignIn, Actor: audit.Actor{Kind: audit.User, ID: u.Subject(), Name: u.Username},
		Target:  audit.Target{Kind: "user", ID: u.Subject(), Name: u.Username},
		Details: audit.Details{Methods: []string{oidc.MethodPassword}, Reason: "password_change_required"},
	})
}

// begin starts the session of an authenticated user, in the transaction of ctx.
func (s *Service) begin(ctx context.Context, attempt Attempt, verified user.Verified) (SignedIn, error) {
	u := verified.User
	signedIn, address := SignedIn{User: u}, ""
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
	if err := s.deps.Users.RecordSignIn(ctx, u.ID); err != nil {
		return SignedIn{}, err
	}
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.SignIn, Actor: audit.Actor{Kind: audit.User, ID: u.ID.String(), Name: u.Username},
		Target: audit.Target{Kind: "session", ID: signedIn.Session.ID.String()}, Details: audit.Details{Methods: signedIn.Session.Methods},
	}); err != nil {
		return SignedIn{}, err
	}
	if attempt.Interaction != nil {
		err = s.deps.Interactions.RecordSignIn(ctx, *attempt.Interaction, signedIn.Session.ID)
	}
	return signedIn, err
}

// logWithin bounds the time to write an event.
const logWithin = 10 * time.Second

// reasonChanged is the reason of events about proofs that were valid when they were verified, but not any more
// when they were used.
const reasonChanged = "account_changed"

// failed logs an attempt with a wrong password, or with the right one of a user who is disabled, whose password has
// expired, or whose account has changed during the check. The event names the account only if there is one: users
// type passwords into the wrong field. Attempts that were refused before
// are not logged, so that a flood of them writes nothing. It returns the refusal, or the
// error of logging it.
func (s *Service) failed(ctx context.Context, attempt Attempt, refusal error) error {
	// Detach from ctx: a client must not suppress the audit event by disconnecting.
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
	u, err := s.deps.Users.FindByIdentifier(ctx, attempt.Identifier)
	switch {
	case err == nil:
		event.Target = audit.Target{Kind: "user", ID: u.ID.String(), Name: u.Username}
	case fault.KindOf(err) != fault.NotFound:
		return err
	}
	if err := s.deps.Audit.Record(ctx, event); err != nil {
		return err
	}
	return refusal
}

// Choose continues an interaction as the user of a session. The error is a
// fault of kind NotFound if the interaction has ended.
func (s *Service) Choose(ctx context.Context, interaction uuid.UUID, current session.Session) error {
	return s.deps.Interactions.RecordChoice(ctx, interaction, current.ID)
}

// Who returns the user of a session.
func (s *Service) Who(ctx context.Context, current session.Session) (user.User, error) {
	return s.deps.Users.Find(ctx, current.UserID)
}
