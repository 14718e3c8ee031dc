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

// Prepared is a user who was checked and is not stored yet; see [Service.Prepare].
type Prepared struct {
	user      User
	temporary bool // the password
}

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
		credentialVersion: 1, EmailVerified: registration.EmailVerified, State: cmp.Or(registration.State, Active),
		Administrator: registration.Administrator, RequirePasswordChange: registration.RequirePasswordChange,
		ManagedBy: registration.ManagedBy, Claims: tidy(registration.Claims),
	}
	if err := registration.validate(s.rules, s.contextWords(made)); err != nil {
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
		made.passwordHash = hash
	}
	return Prepared{made, registration.Temporary}, nil
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
	if prepared.temporary {
		expires := made.CreatedAt.Add(TemporaryLifetime)
		made.PasswordExpiresAt = &expires
	}
	if err := taken(s.store.insert(ctx, made)); err != nil {
		return User{}, fmt.Errorf("store a user: %w", err)
	}
	return made.withClaims(), nil
}

// taken names the field of which somebody else has the value.
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

// AdministratorExists reports whether there is an administrator, in whatever
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
