package user

import (
	"cmp"
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

var errUnknown = fault.New(fault.NotFound, "user.unknown")

// Prepared is a validated user that is not stored yet; see [Service.Prepare].
type Prepared struct {
	user      User
	temporary bool // the password is temporary
}

// Create validates and stores a new user. The error is a fault of kind Invalid or
// Conflict that names the fields. It must not be called in a transaction, because
// it hashes a password; there, use [Service.Prepare] before and [Service.Insert] within.
func (s *Service) Create(ctx context.Context, registration New) (User, error) {
	prepared, err := s.Prepare(ctx, registration)
	if err != nil {
		return User{}, err
	}
	return s.Insert(ctx, prepared)
}

// Prepare validates a new user and hashes the password. The error is a fault of kind
// Invalid that names the invalid fields, or Unavailable if the password pool is full.
func (s *Service) Prepare(ctx context.Context, registration New) (Prepared, error) {
	registration.Email = strings.TrimSpace(registration.Email)
	registration.Username = strings.TrimSpace(registration.Username)
	u := User{
		ID: id.New(), Username: registration.Username, Email: registration.Email,
		credentialVersion: 1, EmailVerified: registration.EmailVerified, State: cmp.Or(registration.State, Active),
		Administrator: registration.Administrator, RequirePasswordChange: registration.RequirePasswordChange,
		ManagedBy: registration.ManagedBy, Claims: tidy(registration.Claims),
	}
	if err := registration.validate(s.rules, s.contextWords(u)); err != nil {
		return Prepared{}, err
	}
	if err := checkNewUsername(registration.Username); err != nil {
		return Prepared{}, err
	}
	if !registration.Password.IsZero() {
		hash, err := s.hash(ctx, registration.Password)
		if err != nil {
			return Prepared{}, err
		}
		u.passwordHash = hash
	}
	return Prepared{u, registration.Temporary}, nil
}

func (s *Service) contextWords(u User) []string {
	return slices.Concat(u.contextWords(), s.serviceWords)
}

// Insert stores a prepared user, in the transaction of ctx if there is one. The
// error is a fault of kind Conflict that names the field if another user has the
// username or the e-mail address.
func (s *Service) Insert(ctx context.Context, prepared Prepared) (User, error) {
	u := prepared.user
	u.CreatedAt = s.clock.Now()
	u.UpdatedAt = u.CreatedAt
	if prepared.temporary {
		expires := u.CreatedAt.Add(TemporaryLifetime)
		u.PasswordExpiresAt = &expires
	}
	if err := taken(s.store.insert(ctx, u)); err != nil {
		return User{}, fmt.Errorf("store a user: %w", err)
	}
	return u.withClaims(), nil
}

// taken turns a violated unique constraint into a Conflict that names the field.
func taken(err error) error {
	switch {
	case isTaken(err, "username_folded"):
		return fault.New(fault.Conflict, "user.taken").WithField("username", "user.username_taken").Because(err)
	case isTaken(err, "email_folded"):
		return fault.New(fault.Conflict, "user.taken").WithField("email", "user.email_taken").Because(err)
	default:
		return err
	}
}

// Find returns the user with an identifier, including disabled ones. The error is a
// fault of kind NotFound if there is none.
func (s *Service) Find(ctx context.Context, userID uuid.UUID) (User, error) {
	return found(s.store.byID(ctx, userID))
}

// Claims returns what clients may learn about a user; see Find.
func (s *Service) Claims(ctx context.Context, userID uuid.UUID) (oidc.StandardClaims, error) {
	u, err := s.Find(ctx, userID)
	return u.Claims, err
}

// FindByIdentifier returns the user with the given username or e-mail
// address; see Find.
func (s *Service) FindByIdentifier(ctx context.Context, identifier string) (User, error) {
	folded, err := FoldIdentifier(identifier)
	if err != nil {
		return User{}, errUnknown.Because(err)
	}
	return found(s.store.byIdentifier(ctx, folded))
}

func found(u User, err error) (User, error) {
	if errors.Is(err, errNoRecord) {
		return User{}, errUnknown
	}
	if err != nil {
		return User{}, fmt.Errorf("find a user: %w", err)
	}
	return u.withClaims(), nil
}

// AdministratorExists reports whether there is an administrator in any
// state: a disabled one must not reopen the set-up.
func (s *Service) AdministratorExists(ctx context.Context) (bool, error) {
	exists, err := s.store.administratorExists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for an administrator: %w", err)
	}
	return exists, nil
}

// RecordSignIn records the time of a sign-in.
func (s *Service) RecordSignIn(ctx context.Context, userID uuid.UUID) error {
	if err := s.store.recordSignIn(ctx, userID, s.clock.Now()); err != nil {
		return fmt.Errorf("record a user's sign-in: %w", err)
	}
	return nil
}
