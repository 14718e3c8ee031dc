package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/policy"
)

// ErrWrongCredentials is the common error for a wrong password, an unknown user, a
// disabled one and one without a password.
var ErrWrongCredentials = fault.New(fault.Forbidden, "login.failed")

// ErrDisabled is wrapped, with ErrWrongCredentials, for the right password of a disabled user. It is for
// the log only: the caller must learn no more than with a wrong password.
var ErrDisabled = fmt.Errorf("the user is disabled: %w", ErrWrongCredentials)

// ErrExpired is the same for the right but expired temporary password of an active user.
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
// address) and the password, as they were when the password was read. The error is [ErrWrongCredentials], which is also
// [ErrDisabled] for the right password of a user who may not sign in and [ErrExpired] for an expired temporary one, or a
// fault of kind Unavailable if the pool is full.
//
// It computes exactly one hash for every password that could be valid, whether or not
// the user exists and whatever the result, so that neither the answer nor its time reveals
// whether there is such a user. It doesn't count attempts: its caller has to.
func (s *Service) VerifyPassword(ctx context.Context, identifier string, password secret.Redacted) (Verified, error) {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil {
		return Verified{}, ErrWrongCredentials // no user can have it, so the early return reveals nothing
	}
	password = secret.FromString(prepared)
	u, err := s.FindByIdentifier(ctx, identifier)
	if fault.KindOf(err) == fault.NotFound || err == nil && u.passwordHash.IsZero() {
		if err := s.hasher.VerifyAbsent(ctx, password); err != nil {
			return Verified{}, err
		}
		return Verified{}, ErrWrongCredentials
	}
	if err != nil {
		return Verified{}, err
	}
	verdict, err := s.hasher.Verify(ctx, u.passwordHash.Reveal(), password)
	if err != nil {
		return Verified{}, err
	}
	switch {
	case !verdict.Match:
		return Verified{}, ErrWrongCredentials
	case !u.IsActive():
		return Verified{}, ErrDisabled
	case u.PasswordExpiresAt != nil && !s.clock.Now().Before(*u.PasswordExpiresAt):
		return Verified{}, ErrExpired
	}
	if verdict.Rehash {
		if err := s.rehash(ctx, u, password); err != nil {
			return Verified{}, err
		}
	}
	return Verified{u, s}, nil
}

// VerifyAbsent does the work of [Service.VerifyPassword] without a user: for a caller
// whose refusal must take as long as a wrong password does.
func (s *Service) VerifyAbsent(ctx context.Context, password secret.Redacted) error {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil {
		return nil //nolint:nilerr // no user can have it, so the early return reveals nothing
	}
	return s.hasher.VerifyAbsent(ctx, secret.FromString(prepared))
}

// matchesPassword reports whether a password is the user's.
func (s *Service) matchesPassword(ctx context.Context, u User, password secret.Redacted) (bool, error) {
	prepared, err := policy.PreparePassword(password.Reveal())
	if err != nil || u.passwordHash.IsZero() {
		return false, nil //nolint:nilerr // no user can have it
	}
	verdict, err := s.hasher.Verify(ctx, u.passwordHash.Reveal(), secret.FromString(prepared))
	return verdict.Match, err
}

// rehash replaces a hash with other parameters than the configured ones, while
// the password is at hand.
func (s *Service) rehash(ctx context.Context, u User, prepared secret.Redacted) error {
	encoded, err := s.hasher.Hash(ctx, prepared)
	if fault.KindOf(err) == fault.Unavailable {
		return nil // retry at the next sign-in
	}
	if err != nil {
		return err
	}
	// Conditional on the old hash: the password may have been changed meanwhile.
	if err := s.store.replaceHash(ctx, u.ID, u.passwordHash, secret.FromString(encoded)); err != nil {
		return fmt.Errorf("renew a password's hash: %w", err)
	}
	return nil
}

// SetPassword sets a user's password and ends all their sessions. The error
// is a fault of kind NotFound, Invalid with the field "password", or Unavailable.
// It must not be called in a transaction; there, use [Service.PreparePassword] before and
// [Service.ReplacePassword] within.
func (s *Service) SetPassword(ctx context.Context, userID uuid.UUID, password secret.Redacted) error {
	u, err := s.Find(ctx, userID)
	if err != nil {
		return err
	}
	prepared, err := s.PreparePassword(ctx, u, password)
	if err != nil {
		return err
	}
	return s.ReplacePassword(ctx, prepared)
}

// ReplacePassword sets a user's prepared password, in the transaction of ctx if there is
// one, and ends all their sessions. The error is a fault of kind NotFound if the user doesn't exist any more, or
// Conflict with the field "password" if their credentials have changed since it was prepared.
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
