package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ErrChanged is wrapped, with ErrWrongCredentials, for a proof that was valid when it was verified, but whose
// account has changed its credentials or state, or was deleted, since. The reason is for the log only.
var ErrChanged = fmt.Errorf("the account was changed since it was verified: %w", ErrWrongCredentials)

// Verified is an authenticated user, as the account was when the proof was read. Verifying is slow, so
// the account may have changed since; [Verified.Admit] checks that.
type Verified struct {
	User    User
	service *Service
}

// Admit returns the verified user if the account is active and still has the credentials that were
// verified, and keeps it so until the transaction of ctx ends. It must be the first statement of every
// transaction that starts something for a user. Otherwise the error is [ErrChanged].
func (v Verified) Admit(ctx context.Context) (uuid.UUID, error) {
	if v.service == nil {
		return uuid.Nil, errors.New("admit a user: no user was verified")
	}
	admitted, err := v.service.store.admit(ctx, v.User.ID, v.User.credentialVersion)
	if err != nil {
		return uuid.Nil, fmt.Errorf("admit a user: %w", err)
	}
	if !admitted {
		return uuid.Nil, ErrChanged
	}
	return v.User.ID, nil
}
