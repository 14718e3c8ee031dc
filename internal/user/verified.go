package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ErrChanged is wrapped, with ErrWrongCredentials, for a proof that was good when it was verified, but whose
// account has got other credentials, another state, or has gone since. The reason is for the log only.
var ErrChanged = fmt.Errorf("the account was changed since it was verified: %w", ErrWrongCredentials)

// Verified is who was recognized, as the account was when the proof was read. Verifying is slow, so
// the account may have changed since; [Verified.Admit] judges that.
type Verified struct {
	User    User
	service *Service
}

// Admit returns who was verified if the account is active and has the credentials that were
// verified, and keeps it so until the transaction of ctx ends. It is the first statement of every
// transaction that begins something for a person. The error is [ErrChanged] otherwise.
func (v Verified) Admit(ctx context.Context) (uuid.UUID, error) {
	if v.service == nil {
		return uuid.Nil, errors.New("admit a user: nobody was verified")
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
