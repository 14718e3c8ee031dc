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

// errLastAdministrator refuses a change that would leave no administrator who can sign in.
var errLastAdministrator = fault.New(fault.Conflict, "user.last_administrator")

// Profile is the changeable part of a user. The username, e-mail address and times in its
// Claims are ignored.
type Profile struct {
	Username              string
	Email                 string // "" for none
	EmailVerified         bool
	Administrator         bool
	RequirePasswordChange bool
	ManagedBy             string // the file that the account follows, "" for none
	Claims                oidc.StandardClaims
}

// Profile returns the changeable part of the user.
func (u User) Profile() Profile {
	return Profile{u.Username, u.Email, u.EmailVerified, u.Administrator, u.RequirePasswordChange, u.ManagedBy, u.Claims}
}

// Lock is Find for a transaction that changes the user: until it
// ends, no other one does. Changes of users are serialized.
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

// Replace replaces a user's profile. A user who now has to choose a new password
// is signed out everywhere. The error is a fault of kind Invalid or Conflict that names the
// fields, or Conflict without fields for the last administrator.
func (s *Service) Replace(ctx context.Context, userID uuid.UUID, profile Profile) (User, error) {
	profile.Email, profile.Username = strings.TrimSpace(profile.Email), strings.TrimSpace(profile.Username)
	registration := New{Username: profile.Username, Email: profile.Email, EmailVerified: profile.EmailVerified, ManagedBy: profile.ManagedBy, Claims: profile.Claims}
	if err := registration.validate(s.rules, nil); err != nil {
		return User{}, err
	}
	profile.Claims = tidy(profile.Claims)
	err := s.exceptLastAdministrator(ctx, userID, "change a user", func(ctx context.Context) (bool, error) {
		u, err := s.Find(ctx, userID)
		if err != nil {
			return false, err
		}
		if profile.Username != u.Username { // existing users keep a name that is not allowed for new ones
			if err := checkNewUsername(profile.Username); err != nil {
				return false, err
			}
		}
		changed, err := s.store.replace(ctx, userID, profile, s.clock.Now())
		if err != nil || !changed {
			return changed, taken(err)
		}
		if profile.RequirePasswordChange && !u.RequirePasswordChange {
			return true, s.endAll(ctx, userID)
		}
		return true, nil
	})
	if err != nil {
		return User{}, err
	}
	return s.Find(ctx, userID)
}

// RequirePasswordChange makes a user choose a new password before anything else,
// and ends their sessions, tokens and invitations. The error is as that of Disable.
func (s *Service) RequirePasswordChange(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "require a new password", func(ctx context.Context) (bool, error) {
		changed, err := s.store.requirePasswordChange(ctx, userID, s.clock.Now())
		if err != nil || !changed {
			return changed, err
		}
		return true, s.endAll(ctx, userID)
	})
}

// Disable keeps a user from signing in and ends their sessions and invitations. While
// a user is disabled, none of their consents counts. The error is a fault of
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

// Enable undoes Disable, except for what has ended: the user has to sign in again.
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

// Delete removes a user with everything that belongs to the account. Sessions end
// first, so that clients are told. The user's personal data in the audit log becomes
// unreadable. The error is as that of Disable.
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

// exceptLastAdministrator runs a change unless it would affect the last administrator.
// Changes are serialized: two administrators removed at the same time would otherwise each count on
// the other.
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
