package user

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/protocol/oidc"
)

// errLastAdministrator refuses what would leave nobody who can sign in to administer.
var errLastAdministrator = fault.New(fault.Conflict, "user.last_administrator")

// Profile is what can be changed of a user. What its Claims have of username,
// e-mail address and times is not looked at.
type Profile struct {
	Username              string
	Email                 string // "" for none
	EmailVerified         bool
	Administrator         bool
	RequirePasswordChange bool
	ManagedBy             string // the file that the account follows, "" for none
	Claims                oidc.StandardClaims
}

// Profile returns what can be changed of the user.
func (u User) Profile() Profile {
	return Profile{u.Username, u.Email, u.EmailVerified, u.Administrator, u.RequirePasswordChange, u.ManagedBy, u.Claims}
}

// Lock is Find for whoever is about to change the user: until the transaction of ctx
// ends, nobody else does. Those who change users do it one after another.
func (s *Service) Lock(ctx context.Context, userID uuid.UUID) (User, error) {
	err := s.store.lockAdministrators(ctx)
	if err == nil {
		err = s.store.lock(ctx, userID)
	}
	if err != nil {
		return User{}, fmt.Errorf("lock a user: %w", err)
	}
	return s.Find(ctx, userID)
}

// Replace gives a user another profile. Who has to choose a new password from now on
// is signed out everywhere. The error is a fault of kind Invalid or Conflict that names the
// fields, or Conflict without any for the last administrator.
func (s *Service) Replace(ctx context.Context, userID uuid.UUID, wanted Profile) (User, error) {
	wanted.Email, wanted.Username = strings.TrimSpace(wanted.Email), strings.TrimSpace(wanted.Username)
	registration := New{Username: wanted.Username, Email: wanted.Email, EmailVerified: wanted.EmailVerified, ManagedBy: wanted.ManagedBy, Claims: wanted.Claims}
	if err := registration.validate(s.rules, nil); err != nil {
		return User{}, err
	}
	wanted.Claims = tidy(wanted.Claims)
	err := s.exceptLastAdministrator(ctx, userID, "change a user", func(ctx context.Context) (bool, error) {
		known, err := s.Find(ctx, userID)
		if err != nil {
			return false, err
		}
		if wanted.Username != known.Username { // whoever has a name that nobody gets any more keeps it
			if err := checkNewUsername(wanted.Username); err != nil {
				return false, err
			}
		}
		changed, err := s.store.replace(ctx, userID, wanted, s.clock.Now())
		if err != nil || !changed {
			return changed, taken(err)
		}
		if wanted.RequirePasswordChange && !known.RequirePasswordChange {
			return true, s.endAll(ctx, userID)
		}
		return true, nil
	})
	if err != nil {
		return User{}, err
	}
	return s.Find(ctx, userID)
}

// RequirePasswordChange lets a user do nothing before they have chosen a new
// password, and ends what they have, invitations too. The error is as that of Disable.
func (s *Service) RequirePasswordChange(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "require a new password", func(ctx context.Context) (bool, error) {
		changed, err := s.store.requirePasswordChange(ctx, userID, s.clock.Now())
		if err != nil || !changed {
			return changed, err
		}
		return true, s.endAll(ctx, userID)
	})
}

// Disable keeps a user from signing in and ends their sessions and invitations; nothing that
// they gave to clients counts while they are disabled. The error is a fault of
// kind NotFound, or Conflict for the last administrator.
func (s *Service) Disable(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "disable a user", func(ctx context.Context) (bool, error) {
		changed, err := s.store.disable(ctx, userID, s.clock.Now())
		if err != nil || !changed {
			return changed, err
		}
		return true, s.endAll(ctx, userID)
	})
}

// Enable undoes Disable, except for what was ended: the user has to sign in again.
func (s *Service) Enable(ctx context.Context, userID uuid.UUID) error {
	changed, err := s.store.enable(ctx, userID, s.clock.Now())
	if err != nil {
		return fmt.Errorf("enable a user: %w", err)
	}
	if !changed {
		return errUnknown
	}
	return nil
}

// Delete removes a user with everything that hangs from the account. Sessions end
// first, as others have to learn of that. What the audit log has of the person can't be read any
// more. The error is as that of Disable.
func (s *Service) Delete(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "delete a user", func(ctx context.Context) (bool, error) {
		if err := s.sessions.EndAllOf(ctx, userID); err != nil {
			return false, err
		}
		removed, err := s.store.remove(ctx, userID)
		if err != nil || !removed {
			return removed, err
		}
		return true, s.log.Erase(ctx, userID)
	})
}

// exceptLastAdministrator runs a change that leaves the last administrator as
// they are, one after another: two who are removed at the same time would otherwise each be
// counted on by the other.
func (s *Service) exceptLastAdministrator(ctx context.Context, userID uuid.UUID, attempt string, change func(context.Context) (bool, error)) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		if err := s.store.lockAdministrators(ctx); err != nil {
			return err
		}
		changed, err := change(ctx)
		if err != nil || changed {
			return err
		}
		if _, err := s.store.byID(ctx, userID); errors.Is(err, errNoRecord) {
			return errUnknown
		} else if err != nil {
			return err
		}
		return errLastAdministrator
	})
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	return nil
}
