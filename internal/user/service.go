package user

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/id"
	"authly/internal/protocol/oidc"
)

var (
	errUnknown           = fault.New(fault.NotFound, "user.unknown")
	errLastAdministrator = fault.New(fault.Conflict, "user.last_administrator")
)

// Prepared is a user who was checked and is not stored yet; see [Service.Prepare].
type Prepared struct{ user User }

// Create checks and stores a new user. The error is a fault of kind Invalid or
// Conflict that names the fields. It must not be called in a transaction, because
// it hashes a password; there, use [Service.Prepare] before and [Service.Insert] within.
func (s *Service) Create(ctx context.Context, registration New) (User, error) {
	prepared, err := s.Prepare(ctx, registration)
	if err != nil {
		return User{}, err
	}
	return s.Insert(ctx, prepared)
}

// Prepare checks a new user and hashes the password. The error is a fault of kind
// Invalid that names the wrong fields, or Unavailable when there is no room for the hash.
func (s *Service) Prepare(ctx context.Context, registration New) (Prepared, error) {
	registration.Email = strings.TrimSpace(registration.Email)
	registration.Username = strings.TrimSpace(registration.Username)
	made := User{
		ID: id.New(), Username: registration.Username, Email: registration.Email,
		EmailVerified: registration.EmailVerified && registration.Email != "", State: Active,
		Administrator: registration.Administrator, RequirePasswordChange: registration.RequirePasswordChange,
		Claims: tidy(registration.Claims),
	}
	if err := registration.validate(s.rules, s.contextWords(made)); err != nil {
		return Prepared{}, err
	}
	if !registration.Password.IsZero() {
		hash, err := s.hash(ctx, registration.Password)
		if err != nil {
			return Prepared{}, err
		}
		made.passwordHash = hash
	}
	return Prepared{made}, nil
}

func (s *Service) contextWords(u User) []string {
	return slices.Concat(u.contextWords(), s.serviceWords)
}

// Insert stores a prepared user, in the transaction of ctx if there is one. The
// error is a fault of kind Conflict that names the field if somebody else has the
// username or the e-mail address.
func (s *Service) Insert(ctx context.Context, prepared Prepared) (User, error) {
	made := prepared.user
	made.CreatedAt = s.clock.Now()
	made.UpdatedAt = made.CreatedAt
	switch err := s.store.insert(ctx, made); {
	case isTaken(err, "username_folded"):
		return User{}, fault.New(fault.Conflict, "user.taken").WithField("username", "user.username_taken").Because(err)
	case isTaken(err, "email_folded"):
		return User{}, fault.New(fault.Conflict, "user.taken").WithField("email", "user.email_taken").Because(err)
	case err != nil:
		return User{}, fmt.Errorf("store a user: %w", err)
	}
	return made.withClaims(), nil
}

// Find returns the user of an identifier, disabled ones too. The error is a
// fault of kind NotFound if there is none.
func (s *Service) Find(ctx context.Context, userID uuid.UUID) (User, error) {
	return found(s.store.byID(ctx, userID))
}

// Claims returns what clients may be told about a user; see Find.
func (s *Service) Claims(ctx context.Context, userID uuid.UUID) (oidc.StandardClaims, error) {
	known, err := s.Find(ctx, userID)
	return known.Claims, err
}

// FindByIdentifier returns the user who has the given username or e-mail
// address; see Find.
func (s *Service) FindByIdentifier(ctx context.Context, identifier string) (User, error) {
	folded, err := FoldIdentifier(identifier)
	if err != nil {
		return User{}, errUnknown.Because(err)
	}
	return found(s.store.byIdentifier(ctx, folded))
}

func found(known User, err error) (User, error) {
	if errors.Is(err, errNoRecord) {
		return User{}, errUnknown
	}
	if err != nil {
		return User{}, fmt.Errorf("find a user: %w", err)
	}
	return known.withClaims(), nil
}

// AdministratorExists tells whether there is an administrator, in whatever
// state: a disabled one must not open the set-up again.
func (s *Service) AdministratorExists(ctx context.Context) (bool, error) {
	exists, err := s.store.administratorExists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for an administrator: %w", err)
	}
	return exists, nil
}

// RecordSignIn notes the time of a sign-in.
func (s *Service) RecordSignIn(ctx context.Context, userID uuid.UUID) error {
	if err := s.store.recordSignIn(ctx, userID, s.clock.Now()); err != nil {
		return fmt.Errorf("record a user's sign-in: %w", err)
	}
	return nil
}

// Disable keeps a user from signing in and ends their sessions; nothing that
// they gave to clients counts while they are disabled. The error is a fault of
// kind NotFound, or Conflict for the last administrator.
func (s *Service) Disable(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "disable a user", func(ctx context.Context) (bool, error) {
		changed, err := s.store.disable(ctx, userID, s.clock.Now())
		if err != nil || !changed {
			return changed, err
		}
		return true, s.sessions.EndAllOf(ctx, userID)
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
// first, as others have to learn of that. The error is as that of Disable.
func (s *Service) Delete(ctx context.Context, userID uuid.UUID) error {
	return s.exceptLastAdministrator(ctx, userID, "delete a user", func(ctx context.Context) (bool, error) {
		if err := s.sessions.EndAllOf(ctx, userID); err != nil {
			return false, err
		}
		return s.store.remove(ctx, userID)
	})
}

// exceptLastAdministrator runs a change that leaves the last administrator as
// they are. The administrators are locked first: two who are removed at the same
// time would otherwise each be counted on by the other.
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
