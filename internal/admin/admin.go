package admin

import (
	"context"

	"github.com/google/uuid"

	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/user"
)

// Users finds users as they are now.
type Users interface {
	Find(ctx context.Context, id uuid.UUID) (user.User, error)
}

// Administrators answers the first of the two questions about everybody who would
// administer this server: whether they are an administrator at all. It is asked when a
// token is made and again whenever one is used, of the database and never of the token.
type Administrators struct{ users Users }

// NewAdministrators returns the one place where that is answered.
func NewAdministrators(users Users) *Administrators { return &Administrators{users} }

// MayAdminister tells whether the user, or without one the client itself, may
// administer this server now.
func (a *Administrators) MayAdminister(ctx context.Context, known client.Client, userID *uuid.UUID) (bool, error) {
	if userID == nil {
		return known.MayAdminister(), nil
	}
	_, may, err := a.person(ctx, *userID)
	return may, err
}

// person returns the user, and whether they may administer this server now.
func (a *Administrators) person(ctx context.Context, userID uuid.UUID) (found user.User, may bool, err error) {
	found, err = a.users.Find(ctx, userID)
	if fault.KindOf(err) == fault.NotFound {
		return user.User{}, false, nil
	}
	return found, err == nil && found.MayAdminister(), err
}
