package invitation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/user"
)

// Lifetime is how long an invitation can be used.
const Lifetime = 72 * time.Hour

const path = "/invitation"

// errLink is the one answer for a token that is unknown, used, expired or replaced.
var errLink = fault.New(fault.NotFound, "invitation.link_invalid")

// Users keeps users and their tickets.
type Users interface {
	Invite(ctx context.Context, userID uuid.UUID, lifetime time.Duration) (secret.Redacted, error)
	FindTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted) (user.Verified, error)
	PreparePassword(ctx context.Context, known user.User, password secret.Redacted) (user.PreparedPassword, error)
	UseTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted, prepared user.PreparedPassword) (user.Verified, error)
}

// Transactions runs the work of several services in one transaction.
type Transactions interface {
	Tx(ctx context.Context, work func(ctx context.Context) error) error
}

// Auditor keeps the log of what happened. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Deps is what the service needs; all of it is required.
type Deps struct {
	Issuer       string
	Clock        clock.Clock
	Users        Users
	Transactions Transactions
	Audit        Auditor
}

// Service makes invitations, and takes them.
type Service struct{ deps Deps }

// New returns the service.
func New(deps Deps) *Service { return &Service{deps} }

// Invitation is what somebody is invited by.
type Invitation struct {
	URL       secret.Redacted
	ExpiresAt time.Time
}

// Invite makes an invitation, in the transaction of ctx if there is one. Earlier ones of
// the same user end. The error is a fault of kind NotFound, or Conflict for a disabled user.
func (s *Service) Invite(ctx context.Context, userID uuid.UUID) (Invitation, error) {
	ticket, err := s.deps.Users.Invite(ctx, userID, Lifetime)
	if err != nil {
		return Invitation{}, err
	}
	return Invitation{
		URL:       secret.FromString(s.deps.Issuer + path + "/" + ticket.Reveal()),
		ExpiresAt: s.deps.Clock.Now().Add(Lifetime),
	}, nil
}

// Find returns whom a token invites. The error is a fault of kind NotFound if it can't be used.
func (s *Service) Find(ctx context.Context, token secret.Redacted) (user.User, error) {
	verified, err := s.deps.Users.FindTicket(ctx, user.ForInvitation, token)
	if fault.KindOf(err) == fault.NotFound {
		err = errLink
	}
	return verified.User, err
}

// Accept uses an invitation up and sets the password. The error is a fault: NotFound if
// the token can't be used; Invalid, naming the field, in which case it can be used again;
// Unavailable when too many passwords are being hashed.
func (s *Service) Accept(ctx context.Context, token, password secret.Redacted) (user.User, error) {
	known, err := s.Find(ctx, token) // hashing is work that strangers shouldn't be able to ask for
	if err != nil {
		return user.User{}, err
	}
	prepared, err := s.deps.Users.PreparePassword(ctx, known, password)
	if err != nil {
		return user.User{}, err
	}
	err = s.deps.Transactions.Tx(ctx, func(ctx context.Context) error {
		accepted, err := s.deps.Users.UseTicket(ctx, user.ForInvitation, token, prepared)
		if fault.KindOf(err) == fault.NotFound {
			return errLink
		}
		if err != nil {
			return err
		}
		known = accepted.User
		return s.deps.Audit.Record(ctx, audit.Event{
			Action: audit.InvitationUse, Actor: audit.Actor{Kind: audit.User, ID: known.Subject(), Name: known.Username},
			Target: audit.Target{Kind: "user", ID: known.Subject(), Name: known.Username},
		})
	})
	if errors.Is(err, errLink) {
		return user.User{}, s.overtaken(ctx, known)
	}
	if err != nil {
		return user.User{}, fmt.Errorf("accept an invitation: %w", err)
	}
	return known, nil
}

// logWithin bounds the writing of an event.
const logWithin = 10 * time.Second

// overtaken logs an invitation that was good when the password was typed, and not any more when it was
// hashed. It returns the refusal, or why it could not be logged.
func (s *Service) overtaken(ctx context.Context, known user.User) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.InvitationUse, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: known.Subject(), Name: known.Username},
		Details: audit.Details{Reason: "account_changed"},
	}); err != nil {
		return err
	}
	return errLink
}
