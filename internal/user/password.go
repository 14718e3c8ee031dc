package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
)

// ErrWrongCredentials is the one answer for a wrong password, an unknown user, a
// disabled one and one without a password.
var ErrWrongCredentials = fault.New(fault.Forbidden, "login.failed")

// ErrDisabled is wrapped, with ErrWrongCredentials, for the right password of a disabled user. It is for
// the log only: whoever tries learns no more than with a wrong one.
var ErrDisabled = fmt.Errorf("the user is disabled: %w", ErrWrongCredentials)

// ErrExpired is the same for the right password of an active user who was given it too long ago.
var ErrExpired = fmt.Errorf("the temporary password has expired: %w", ErrWrongCredentials)

// hash prepares and hashes a password that the rules allow.
func (s *Service) hash(ctx context.Context, password secret.Redacted) (secret.Redacted, error) {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil {
		return secret.Redacted{}, fault.New(fault.Invalid, "user.invalid").WithField("password", string(policy.PasswordNotAllowed)).Because(err)
	}
	encoded, err := s.hasher.Hash(ctx, secret.FromString(prepared))
	return secret.FromString(encoded), err
}

// VerifyPassword returns the user who has the identifier (a username or an e-mail
// address) and the password, as they were when the password was read. The error is [ErrWrongCredentials], which is also [ErrDisabled]
// for the right password of a user who may not sign in and [ErrExpired] for a temporary one, or a fault of kind
// Unavailable when there is no room for the work.
//
// Exactly one hash is computed for every password that could be one, whoever it
// is for and whatever comes of it, so that neither the answer nor its time tells
// whether there is such a user. It doesn't count attempts: its caller has to.
func (s *Service) VerifyPassword(ctx context.Context, identifier string, password secret.Redacted) (Verified, error) {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil {
		return Verified{}, ErrWrongCredentials // nobody has it, so its quickness tells nothing
	}
	password = secret.FromString(prepared)
	known, err := s.FindByIdentifier(ctx, identifier)
	if fault.KindOf(err) == fault.NotFound || err == nil && known.passwordHash.IsZero() {
		if err := s.hasher.VerifyAbsent(ctx, password); err != nil {
			return Verified{}, err
		}
		return Verified{}, ErrWrongCredentials
	}
	if err != nil {
		return Verified{}, err
	}
	verdict, err := s.hasher.Verify(ctx, known.passwordHash.Reveal(), password)
	if err != nil {
		return Verified{}, err
	}
	switch {
	case !verdict.Match:
		return Verified{}, ErrWrongCredentials
	case !known.IsActive():
		return Verified{}, ErrDisabled
	case known.PasswordExpiresAt != nil && !s.clock.Now().Before(*known.PasswordExpiresAt):
		return Verified{}, ErrExpired
	}
	if verdict.Rehash {
		if err := s.rehash(ctx, known, password); err != nil {
			return Verified{}, err
		}
	}
	return Verified{known, s}, nil
}

// CheckNobody does the work of [Service.VerifyPassword] for nobody's password: for a caller
// whose refusal must take as long as a wrong password does.
func (s *Service) CheckNobody(ctx context.Context, password secret.Redacted) error {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil {
		return nil //nolint:nilerr // nobody has it, so its quickness tells nothing
	}
	return s.hasher.VerifyAbsent(ctx, secret.FromString(prepared))
}

// has reports whether a password is the one that a user has.
func (s *Service) has(ctx context.Context, known User, password secret.Redacted) (bool, error) {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil || known.passwordHash.IsZero() {
		return false, nil //nolint:nilerr // nobody has it
	}
	verdict, err := s.hasher.Verify(ctx, known.passwordHash.Reveal(), secret.FromString(prepared))
	return verdict.Match, err
}

// rehash replaces a hash of other parameters than the configured ones, while
// the password is at hand.
func (s *Service) rehash(ctx context.Context, known User, prepared secret.Redacted) error {
	encoded, err := s.hasher.Hash(ctx, prepared)
	if fault.KindOf(err) == fault.Unavailable {
		return nil // there will be another sign-in
	}
	if err != nil {
		return err
	}
	// Only if it is still the same: the password may have been changed meanwhile.
	if err := s.store.replaceHash(ctx, known.ID, known.passwordHash, secret.FromString(encoded)); err != nil {
		return fmt.Errorf("renew a password's hash: %w", err)
	}
	return nil
}

// SetPassword gives a user a new password and ends all their sessions. The error
// is a fault of kind NotFound, Invalid with the field "password", or Unavailable.
// It must not be called in a transaction; there, use [Service.PreparePassword] before and
// [Service.ReplacePassword] within.
func (s *Service) SetPassword(ctx context.Context, userID uuid.UUID, password secret.Redacted) error {
	known, err := s.Find(ctx, userID)
	if err != nil {
		return err
	}
	prepared, err := s.PreparePassword(ctx, known, password)
	if err != nil {
		return err
	}
	return s.ReplacePassword(ctx, prepared)
}

// ReplacePassword gives a user a prepared password, in the transaction of ctx if there is
// one, and ends all their sessions. The error is a fault of kind NotFound if the user is gone, or Conflict with the
// field "password" if their credentials have changed since it was prepared.
func (s *Service) ReplacePassword(ctx context.Context, prepared PreparedPassword) error {
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		changed, err := s.store.setPassword(ctx, prepared, s.clock.Now())
		if err != nil {
			return err
		}
		if !changed {
			_, err := s.Find(ctx, prepared.userID)
			if err == nil {
				err = errChangedMeanwhile
			}
			return err
		}
		return s.endAll(ctx, prepared.userID)
	})
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return nil
}
