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

// Lifetime is how long an invitation is valid.
const Lifetime = 72 * time.Hour

const path = "/invitation"

// errLink is the common error for a token that is unknown, used, expired or replaced.
var errLink = fault.New(fault.NotFound, "invitation.link_invalid")

// Users manages users and their tickets.
type Users interface {
	Invite(ctx context.Context, userID uuid.UUID, lifetime time.Duration) (secret.Redacted, error)
	FindTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted) (user.Verified, error)
	PreparePassword(ctx context.Context, u user.User, password secret.Redacted) (user.PreparedPassword, error)
	UseTicket(ctx context.Context, purpose user.Purpose, ticket secret.Redacted, prepared user.PreparedPassword) (user.Verified, error)
}

// Transactions runs the work of several services in one transaction.
type Transactions interface {
	Tx(ctx context.Context, work func(ctx context.Context) error) error
}

// Auditor records events. It joins the transaction of ctx.
type Auditor interface {
	Record(ctx context.Context, event audit.Event) error
}

// Deps are the dependencies of the service; all are required.
type Deps struct {
	Issuer       string
	Clock        clock.Clock
	Users        Users
	Transactions Transactions
	Audit        Auditor
}

// Service creates and accepts invitations.
type Service struct{ deps Deps }

// New returns the service.
func New(deps Deps) *Service { return &Service{deps} }

// Invitation is the link of an invitation.
type Invitation struct {
	URL       secret.Redacted
	ExpiresAt time.Time
}

// Invite creates an invitation, in the transaction of ctx if there is one. Earlier ones of
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

// Find returns the invited user of a token. The error is a fault of kind NotFound if it is not valid.
func (s *Service) Find(ctx context.Context, token secret.Redacted) (user.User, error) {
	verified, err := s.deps.Users.FindTicket(ctx, user.ForInvitation, token)
	if fault.KindOf(err) == fault.NotFound {
		err = errLink
	}
	return verified.User, err
}

// Accept consumes an invitation and sets the password. The error is a fault: NotFound if
// the token is not valid; Invalid, naming the field, after which it can be used again;
// Unavailable if the password pool is full.
func (s *Service) Accept(ctx context.Context, token, password secret.Redacted) (user.User, error) {
	u, err := s.Find(ctx, token) // first, so that only invited users can cause the work of hashing
	if err != nil {
		return user.User{}, err
	}
	prepared, err := s.deps.Users.PreparePassword(ctx, u, password)
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
		u = accepted.User
		return s.deps.Audit.Record(ctx, audit.Event{
			Action: audit.InvitationUse, Actor: audit.Actor{Kind: audit.User, ID: u.Subject(), Name: u.Username},
			Target: audit.Target{Kind: "user", ID: u.Subject(), Name: u.Username},
		})
	})
	if errors.Is(err, errLink) {
		return user.User{}, s.recordStale(ctx, u)
	}
	if err != nil {
		return user.User{}, fmt.Errorf("accept an invitation: %w", err)
	}
	return u, nil
}

// logWithin bounds the time to write an event.
const logWithin = 10 * time.Second

// recordStale logs an invitation that became invalid while the password was
// hashed. It returns the refusal, or the error of logging it.
func (s *Service) recordStale(ctx context.Context, u user.User) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logWithin)
	defer cancel()
	if err := s.deps.Audit.Record(ctx, audit.Event{
		Action: audit.InvitationUse, Outcome: audit.Failure, Target: audit.Target{Kind: "user", ID: u.Subject(), Name: u.Username},
		Details: audit.Details{Reason: "account_changed"},
	}); err != nil {
		return err
	}
	return errLink
}
