package user

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
)

// Purpose is why a ticket lets a user choose a password.
type Purpose string

// The purposes.
const (
	ForChange     Purpose = "change"     // instead of one that an administrator gave them
	ForInvitation Purpose = "invitation" // the first password
)

var (
	errTicket   = fault.New(fault.NotFound, "user.ticket_unknown")
	errDisabled = fault.New(fault.Conflict, "user.disabled")
	// errChangedMeanwhile refuses a password that was prepared for credentials that have changed since.
	errChangedMeanwhile = fault.New(fault.Conflict, "user.changed_meanwhile").WithField("password", "password.changed_meanwhile")
)

// temporaryBytes gives a password of 26 letters and digits, which a user can type.
const temporaryBytes = 16

// TemporaryLifetime is how long a temporary password is valid.
const TemporaryLifetime = 72 * time.Hour

// NewTemporaryPassword returns a random password of 128 bits.
func NewTemporaryPassword() secret.Redacted {
	digest := secret.Hash(secret.New())
	letters := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(digest.Bytes()[:temporaryBytes]))
	return secret.FromString(strings.Join(slices.Collect(chunks(letters, 4)), "-"))
}

func chunks(text string, length int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			part := text[:min(length, len(text))]
			if text = text[len(part):]; !yield(part) {
				return
			}
		}
	}
}

// PreparedPassword is a password that was checked and hashed for one user. It
// can't be stored if the user's credentials have changed since.
type PreparedPassword struct {
	userID  uuid.UUID
	version int64
	hash    secret.Redacted
}

// PreparePassword checks and hashes a new password for a user. The error is a fault of
// kind Invalid with the field "password", or Unavailable. It must not be called in a transaction.
func (s *Service) PreparePassword(ctx context.Context, u User, password secret.Redacted) (PreparedPassword, error) {
	if reasons := s.rules.Check(password.Reveal(), s.contextWords(u)...); len(reasons) > 0 {
		return PreparedPassword{}, fault.New(fault.Invalid, "user.invalid").WithField("password", string(reasons[0]))
	}
	hash, err := s.hash(ctx, password)
	return PreparedPassword{u.ID, u.credentialVersion, hash}, err
}

// PrepareOtherPassword is PreparePassword, and refuses the user's present password.
func (s *Service) PrepareOtherPassword(ctx context.Context, u User, password secret.Redacted) (PreparedPassword, error) {
	same, err := s.matchesPassword(ctx, u, password)
	if err != nil {
		return PreparedPassword{}, err
	}
	if same {
		return PreparedPassword{}, fault.New(fault.Invalid, "user.invalid").WithField("password", "password.unchanged")
	}
	return s.PreparePassword(ctx, u, password)
}

// ResetPassword gives a user a temporary password, valid for [TemporaryLifetime]. An administrator knows it, so
// the user must choose another one before anything else. The user's sessions, tokens and tickets end. The error is
// as that of Disable, or Conflict with the field "password" if the user's credentials have changed since the password
// was prepared.
func (s *Service) ResetPassword(ctx context.Context, prepared PreparedPassword) error {
	return s.exceptLastAdministrator(ctx, prepared.userID, "reset a password", func(ctx context.Context) (bool, error) {
		now := s.clock.Now()
		changed, err := s.store.resetPassword(ctx, prepared, now, now.Add(TemporaryLifetime))
		if err == nil && !changed {
			return false, s.unlessChanged(ctx, prepared)
		}
		if err != nil {
			return false, err
		}
		return true, s.endAll(ctx, prepared.userID)
	})
}

// endAll ends everything that was started with the user's password.
func (s *Service) endAll(ctx context.Context, userID uuid.UUID) error {
	if err := s.store.deleteTickets(ctx, userID); err != nil {
		return err
	}
	return s.sessions.EndAllOf(ctx, userID)
}

// unlessChanged returns a Conflict if the user's credentials have changed since a password was prepared.
func (s *Service) unlessChanged(ctx context.Context, prepared PreparedPassword) error {
	u, err := s.Find(ctx, prepared.userID)
	if err == nil && u.credentialVersion != prepared.version {
		return errChangedMeanwhile
	}
	return err
}

// IssueTicket lets a verified user choose another password within lifetime. It
// joins the transaction of ctx. An earlier ticket ends. The error is [ErrChanged] if the proof no longer counts.
func (s *Service) IssueTicket(ctx context.Context, verified Verified, lifetime time.Duration) (secret.Redacted, error) {
	var ticket secret.Redacted
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		userID, err := verified.Admit(ctx)
		if err != nil {
			return err
		}
		ticket, err = s.storeTicket(ctx, userID, verified.User.credentialVersion, ForChange, lifetime)
		return err
	})
	return ticket, err
}

// Invite issues a ticket with which a user chooses the first password. It joins the transaction of ctx.
// An earlier one ends. The error is a fault of kind NotFound, or Conflict for a user who may not sign in.
func (s *Service) Invite(ctx context.Context, userID uuid.UUID, lifetime time.Duration) (secret.Redacted, error) {
	var ticket secret.Redacted
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		version, err := s.store.lockActive(ctx, userID)
		if errors.Is(err, errNoRecord) {
			if _, err := s.Find(ctx, userID); err != nil {
				return err
			}
			return errDisabled
		}
		if err != nil {
			return fmt.Errorf("lock a user: %w", err)
		}
		ticket, err = s.storeTicket(ctx, userID, version, ForInvitation, lifetime)
		return err
	})
	return ticket, err
}

func (s *Service) storeTicket(ctx context.Context, userID uuid.UUID, version int64, purpose Purpose, lifetime time.Duration) (secret.Redacted, error) {
	ticket, now := secret.New(), s.clock.Now()
	if err := s.store.replaceTicket(ctx, userID, version, purpose, secret.Hash(ticket), now, now.Add(lifetime)); err != nil {
		return secret.Redacted{}, fmt.Errorf("issue a ticket: %w", err)
	}
	return ticket, nil
}

// FindTicket returns the user of a ticket that is valid now. Otherwise the error is
// a fault of kind NotFound.
func (s *Service) FindTicket(ctx context.Context, purpose Purpose, ticket secret.Redacted) (Verified, error) {
	if ticket.IsZero() {
		return Verified{}, errTicket
	}
	u, err := s.store.holder(ctx, purpose, secret.Hash(ticket), s.clock.Now())
	if errors.Is(err, errNoRecord) {
		return Verified{}, errTicket
	}
	if err != nil {
		return Verified{}, fmt.Errorf("find a ticket: %w", err)
	}
	return Verified{u.withClaims(), s}, nil
}

// UseTicket consumes a ticket, once, and sets its user's password. Everything that the user had before
// ends. It returns the user with the new credentials, for a session in the same transaction. The error
// is a fault of kind NotFound if the ticket is not valid, or if the user's credentials have
// changed since the password was prepared.
func (s *Service) UseTicket(ctx context.Context, purpose Purpose, ticket secret.Redacted, prepared PreparedPassword) (Verified, error) {
	after := Verified{service: s}
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		changed, err := s.store.choosePassword(ctx, prepared, s.clock.Now())
		if err != nil {
			return err
		}
		if !changed {
			return errTicket // disabled, deleted, or with other credentials meanwhile
		}
		used, err := s.store.useTicket(ctx, purpose, secret.Hash(ticket), prepared, s.clock.Now())
		if err != nil {
			return err
		}
		if !used {
			return errTicket
		}
		if err := s.endAll(ctx, prepared.userID); err != nil {
			return err
		}
		after.User, err = s.Find(ctx, prepared.userID)
		return err
	})
	if err != nil {
		return Verified{}, fmt.Errorf("choose a password: %w", err)
	}
	return after, nil
}

// DeleteTickets deletes all users' tickets of a purpose, in the transaction of ctx if there is one, and returns how many.
func (s *Service) DeleteTickets(ctx context.Context, purpose Purpose) (int64, error) {
	count, err := s.store.deleteAllTickets(ctx, purpose)
	if err != nil {
		return 0, fmt.Errorf("delete all tickets: %w", err)
	}
	return count, nil
}

// Sweep deletes expired tickets.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.store.sweepTickets(ctx, s.clock.Now()); err != nil {
		return fmt.Errorf("sweep tickets: %w", err)
	}
	return nil
}
